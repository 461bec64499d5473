"""The gate, tried: a stage is broken, the gate shuts, and what it prints names the stage."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import permutations
from pathlib import Path

import pytest

import rag
import rag.documents.characters
import rag.engine
import rag.index.lexical
from rag import cli
from rag.evaluate import Outcome, Question, compare, read_accepted, read_baseline, run, write_baseline
from rag.index import Index
from rag.retrieve import retrieve
from rag.types import Candidate, EncodedQuestion

# Passages that differ in their codes only, which words tell apart better than vectors; some with readings in brackets.
CODES = [
    "".join(letters + digits) for letters, digits in zip(permutations("KZQXBJW"), permutations("4718259"), strict=True)
][::24]
WEIGHTS = {code: number * 7 for number, code in enumerate(CODES, start=101)}
ROWS = [
    "仓库里的水泵:" + ",".join(f"{code}净重{WEIGHTS[code]}公斤" for code in CODES[n : n + 3]) + "。"
    for n in range(0, len(CODES), 3)
]
STORE = "\n\n".join(ROWS)
PARK = (
    "新河產業(yè)園由周遠(yuǎn)明負責,佔地三十公頃。\n\n"
    "新河圖書館(guǎn)每週一閉館(guǎn),其餘日子八點開門。\n\n"
    "新河小學(xué)的校長是林書(shū)豪,他教數學。"
)
FILES = {"store.txt": f"仓库的水泵\n\n{STORE}\n", "park.txt": f"新河的人和事\n\n{PARK}\n"}


def question(id: str, text: str, answer: str, source: str, evidence: str) -> Question:
    return Question(id, text, (answer,), source, evidence, "number", "zh-Hans")


QUESTIONS = (
    *(
        question(
            f"pump-{code}",
            f"仓库里的水泵{code}净重多少公斤?",
            f"{WEIGHTS[code]}公斤",
            "store.txt",
            f"{code}净重{WEIGHTS[code]}公斤",
        )
        for code in CODES[::7]
    ),
    question("head", "新河產業園由誰負責?", "周遠明", "park.txt", "新河產業園由周遠明負責,佔地三十公頃。"),
    question("teacher", "新河小學的校長是誰?", "林書豪", "park.txt", "新河小學的校長是林書豪,他教數學。"),
)


@pytest.fixture(scope="module")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("articles")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def index(articles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gate") / "index"
    rag.build(articles, folder)
    return folder


@pytest.fixture(scope="module")
def before(index: Path) -> tuple[Outcome, ...]:
    """Of the questions those answered right, so that a break shows in each."""
    return tuple(outcome for outcome in run(rag.open(index), QUESTIONS) if outcome.right)


@pytest.fixture(scope="module")
def questions(before: tuple[Outcome, ...]) -> tuple[Question, ...]:
    right = {outcome.id for outcome in before}
    assert len(right) >= 7
    assert {"head", "teacher"} <= right
    return tuple(question for question in QUESTIONS if question.id in right)


def worse(before: Sequence[Outcome], after: Sequence[Outcome]) -> set[tuple[str, str]]:
    """Where what got worse was lost, and the first thing that changed."""
    verdict = compare(before, after, {})
    assert not verdict.passed
    assert len(verdict.refused) >= 2
    return {(str(change.after.loss), change.cause) for change in verdict.refused}


def test_nothing_changed(before: tuple[Outcome, ...], questions: tuple[Question, ...], index: Path) -> None:
    verdict = compare(before, run(rag.open(index), questions), {})
    assert (verdict.passed, verdict.changes, verdict.falls) == (True, (), {})


def test_a_broken_tokenizer(
    before: tuple[Outcome, ...], questions: tuple[Question, ...], index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rag.index.lexical, "words", lambda text: [])
    found = worse(before, run(rag.open(index), questions))
    assert {loss for loss, _ in found} <= {"not_retrieved", "not_read", "not_chosen", "wrongly_abstained"}
    assert {cause for _, cause in found} == {"lexical_rank: 1 -> none"}


def test_a_broken_fusion(
    before: tuple[Outcome, ...], questions: tuple[Question, ...], index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worst_first(index: Index, question: EncodedQuestion, count: int) -> tuple[Candidate, ...]:
        return retrieve(index, question, 200)[::-1][:count]

    monkeypatch.setattr(rag.engine, "retrieve", worst_first)
    found = worse(before, run(rag.open(index), questions))
    assert found == {("not_retrieved", "fused rank: 1 -> none")}


def test_broken_cleaning(
    before: tuple[Outcome, ...],
    questions: tuple[Question, ...],
    articles: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    characters = rag.documents.characters
    keeps_readings = re.compile(f"(?P<reading>(?!))|(?P<gap>{characters._GAP})")
    monkeypatch.setattr(characters, "_REMOVABLE", keeps_readings)
    rag.build(articles, tmp_path / "index")
    after = run(rag.open(tmp_path / "index"), questions)
    assert worse(before, after) == {("not_indexed", "evidence in a passage: yes -> no")}
    assert {change.after.id for change in compare(before, after, {}).refused} == {"head", "teacher"}


def break_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = rag.Engine.trace
    monkeypatch.setattr(rag.Engine, "trace", lambda engine, question: trace(engine, question, min_confidence=1.0))


def test_a_broken_threshold(
    before: tuple[Outcome, ...], questions: tuple[Question, ...], index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_threshold(monkeypatch)
    found = worse(before, run(rag.open(index), questions))
    assert found == {("wrongly_abstained", "answered, at the same confidence: yes -> no")}


def lost(outcome: Outcome) -> Outcome:
    return replace(outcome, found_right=False, right_passage=False, f1=0.0)


def test_what_got_worse_must_be_accepted(before: tuple[Outcome, ...]) -> None:
    after = (lost(before[0]), *before[1:])
    name = before[0].id
    assert [change.after.id for change in compare(before, after, {}).refused] == [name]
    accepted = compare(before, after, {name: "the article was withdrawn", "teacher": "for fear"})
    assert (accepted.passed, accepted.refused, accepted.needless) == (True, (), ("teacher",))
    (change,) = accepted.changes
    assert (change.worse, change.better, change.cause) == (True, False, "the expected answer: another one")
    back = compare(after, before, {})
    assert (back.passed, back.changes[0].better) == (True, True)


def test_of_the_passages_read_those_that_changed_are_named(before: tuple[Outcome, ...]) -> None:
    old = replace(before[0], candidates=("a.txt#1", "a.txt#2"))
    new = replace(lost(old), candidates=("a.txt#2", "b.txt#1"))
    (change,) = compare((old,), (new,), {}).changes
    assert change.cause == "passages read: a.txt#1 -> b.txt#1"


def test_a_measure_falls_when_it_is_worse_beyond_the_choice_of_questions(before: tuple[Outcome, ...]) -> None:
    many = tuple(replace(outcome, id=f"{outcome.id}-{n}") for n in range(10) for outcome in before)
    # One of some 90 is missing from 37 of 100 samples; five are missing from less than one.
    one = compare(many, (replace(many[0], rank=2), *many[1:]), {})
    assert (one.passed, one.falls) == (True, {})
    five = compare(many, (*(replace(outcome, rank=2) for outcome in many[:5]), *many[5:]), {})
    assert (five.passed, five.changes) == (False, ())
    assert five.falls.keys() == {"recall_at_1", "mrr"}
    assert five.falls["recall_at_1"].value == pytest.approx(-5 / len(many))
    assert five.falls["recall_at_1"].low < -5 / len(many) < five.falls["recall_at_1"].high < 0
    # Abstaining more is worse where it is wrong, and the share answered alone is neither.
    fewer = compare(many, (*(replace(outcome, answered=False) for outcome in many[:5]), *many[5:]), {})
    assert fewer.falls.keys() >= {"wrongly_abstained", "right"}
    assert "answered" not in fewer.falls
    assert fewer.falls["wrongly_abstained"].value == pytest.approx(-5 / len(many))


def test_a_baseline_is_written_and_read(before: tuple[Outcome, ...], tmp_path: Path) -> None:
    write_baseline(tmp_path / "new", before)
    assert read_baseline(tmp_path / "new") == before
    assert len((tmp_path / "new" / "outcomes.jsonl").read_text("utf-8").splitlines()) == len(before)
    assert read_accepted(tmp_path / "new") == {}


def test_a_baseline_of_other_questions(before: tuple[Outcome, ...]) -> None:
    with pytest.raises(rag.EvaluationError, match=r"same questions \(only one has teacher, pump-\w+\)"):
        compare(before[1:], before[:-1], {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"outcomes\.jsonl cannot be read .*expected a baseline; write one with --write-baseline"),
        ("{}", r"outcomes\.jsonl, line 1 is of another version: write it anew"),
        ("[]", r"outcomes\.jsonl, line 1 is of another version"),
    ],
)
def test_what_is_no_baseline(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "outcomes.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(rag.EvaluationError, match=message):
        read_baseline(tmp_path)
    with pytest.raises(rag.EvaluationError, match="expected a baseline; write one with --write-baseline"):
        read_baseline(tmp_path / "none")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("teacher", r"accepted\.toml cannot be read"),
        ('teacher = " "', "gives no reason for teacher: expected lines such as"),
        ("teacher = 1", "gives no reason for teacher"),
    ],
)
def test_what_is_no_list_of_accepted_ones(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "accepted.toml").write_text(text, encoding="utf-8")
    with pytest.raises(rag.EvaluationError, match=message):
        read_accepted(tmp_path)


def test_the_command(
    questions: tuple[Question, ...],
    index: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = [json.dumps(asdict(each), ensure_ascii=False) for each in questions]
    (tmp_path / "questions.jsonl").write_text("\n".join(lines), encoding="utf-8")

    def call(*options: str) -> tuple[int, str]:
        given = ["evaluate", tmp_path / "questions.jsonl", "--index", index, "--baseline", tmp_path / "kept", *options]
        with pytest.raises(SystemExit) as exit:
            cli.main([str(argument) for argument in given])
        return int(str(exit.value.code)), capsys.readouterr().out

    assert call("--check") == (2, "")
    assert call("--write-baseline")[0] == 0
    assert [(each.id, each.right) for each in read_baseline(tmp_path / "kept")] == [(q.id, True) for q in questions]
    status, out = call("--check")
    assert (status, out.splitlines()[-1]) == (0, "the gate is open")
    break_threshold(monkeypatch)
    status, out = call("--check")
    assert (status, out.splitlines()[-1]) == (1, "the gate is shut")
    assert (
        "worse: teacher: right -> wrongly abstained; first change: answered, at the same confidence: yes -> no\n"
        "    新河小學的校長是誰?\n"
    ) in out
    status, out = call("--check", "--json")
    check = json.loads(out)["check"]
    assert (status, check["passed"], check["better"], check["moved"]) == (1, False, [], [])
    assert len(check["worse"]) == len(questions)
    assert check["falls"]["wrongly_abstained"] == {"value": -1.0, "low": -1.0, "high": -1.0}
