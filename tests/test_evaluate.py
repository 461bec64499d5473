"""The question set, and what is measured on it."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import rag
from rag.documents import article_paths, read_article
from rag.evaluate import (
    KINDS,
    Estimate,
    Outcome,
    Question,
    by_group,
    draw_confidence,
    judge,
    measure,
    read_questions,
    run,
    with_known_answer,
)
from rag.evaluate.measured import MEASURES
from rag.passages import passages_of

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def questions() -> tuple[Question, ...]:
    return read_questions(ROOT / "eval_questions.jsonl")


def test_evidence_and_answers_stand_in_a_passage(questions: tuple[Question, ...], seeds: Path) -> None:
    texts = {
        path.name: [passage.text for passage in passages_of(read_article(path, seeds))] for path in article_paths(seeds)
    }
    for question in questions:
        if question.answerable:
            assert any(question.evidence in text for text in texts[question.source]), question.id
            assert all(answer and answer in question.evidence for answer in question.answers), question.id
        else:
            assert (question.source, question.evidence, question.kind) == ("", "", "unanswerable"), question.id


def test_the_question_set_is_balanced_as_the_readme_states(questions: tuple[Question, ...]) -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    kinds = Counter(question.kind for question in questions)
    assert kinds == {
        "number": 16,
        "date": 12,
        "person": 15,
        "place": 12,
        "organisation": 12,
        "list": 13,
        "definition": 12,
        "reason": 12,
        "cross_lingual": 26,
        "traditional": 30,
        "unanswerable": 60,
    }
    assert all(f"{count} {kind}" in readme for kind, count in kinds.items())
    assert f"has {len(questions)} questions" in readme
    assert f"{sum(question.answerable for question in questions)} that the articles answer" in readme
    languages = Counter(question.lang for question in questions)
    assert languages == {"zh-Hans": 163, "zh-Hant": 26, "en": 31}
    assert (
        f"{languages['zh-Hans']} in Simplified Chinese, {languages['zh-Hant']} in Traditional Chinese, "
        f"{languages['en']} in English"
    ) in readme
    assert Counter(question.source[:3] for question in questions if question.answerable) == {
        "000": 28,
        "001": 43,
        "002": 27,
        "003": 35,
        "004": 27,
    }
    assert set(KINDS) == {question.kind for question in questions}


def outcome(rank: int | None = 1, **values: Any) -> Outcome:
    """Of an answerable question, answered right unless `values` say otherwise."""
    right = Outcome(
        id="q",
        question="?",
        kind="number",
        lang="en",
        answerable=True,
        indexed=True,
        ranks={"dense_rank": rank, "lexical_rank": None},
        rank=rank,
        candidates=("a.txt#1",),
        retrieved=True,
        read=True,
        found="14",
        found_right=True,
        confidence=0.9,
        answered=True,
        right_file=True,
        right_passage=True,
        exact_match=1.0,
        f1=1.0,
    )
    return replace(right, **values)


ABSTAINED = {"answered": False, "right_file": False, "right_passage": False, "exact_match": 0.0, "f1": 0.0}
UNANSWERABLE = {
    "kind": "unanswerable",
    "answerable": False,
    "indexed": False,
    "rank": None,
    "retrieved": False,
    "read": False,
    "found_right": False,
    "right_file": False,
    "right_passage": False,
    "exact_match": 0.0,
    "f1": 0.0,
}
WRONG = {"found_right": False, "right_passage": False, "exact_match": 0.0, "f1": 0.0}


@pytest.mark.parametrize(
    ("values", "loss"),
    [
        ({}, None),
        ({**ABSTAINED}, "wrongly_abstained"),
        ({**WRONG}, "not_chosen"),
        ({**WRONG, "read": False}, "not_read"),
        ({**WRONG, "read": False, "retrieved": False}, "not_retrieved"),
        ({**WRONG, "read": False, "retrieved": False, "indexed": False}, "not_indexed"),
        # An abstention is put down to what it came of.
        ({**ABSTAINED, "found_right": False, "read": False}, "not_read"),
        (UNANSWERABLE, "wrongly_answered"),
        ({**UNANSWERABLE, "answered": False}, None),
    ],
)
def test_a_miss_is_put_down_to_the_first_stage_that_lost_it(values: dict[str, Any], loss: str | None) -> None:
    assert outcome(**values).loss == loss
    assert outcome(**values).settled == (loss is None)
    assert outcome(**values).to_dict()["loss"] == loss


OUTCOMES = [
    outcome(),
    outcome(rank=3, kind="list", exact_match=0.0, f1=0.5, confidence=0.8),
    outcome(rank=9, **WRONG, right_file=False, confidence=0.7),
    outcome(rank=None, **ABSTAINED, confidence=0.1),
    outcome(**UNANSWERABLE, confidence=0.6),
    outcome(**UNANSWERABLE, answered=False, confidence=0.2),
    outcome(**UNANSWERABLE, answered=False, found="", confidence=0.0),
]


def test_measures_are_those_worked_out_by_hand() -> None:
    measured = measure(OUTCOMES)
    assert measured.questions == 7
    assert {name: estimate.value for name, estimate in measured.measures.items()} == pytest.approx(
        {
            "recall_at_1": 1 / 4,
            "recall_at_5": 2 / 4,
            "recall_at_20": 3 / 4,
            "mrr": (1 + 1 / 3 + 1 / 9 + 0) / 4,
            "right_file": 2 / 4,
            "right_passage": 2 / 4,
            "exact_match": 1 / 4,
            "f1": 1.5 / 4,
            "right": 2 / 4,
            "settled": 4 / 7,
            "answered": 4 / 7,
            "answered_right": 2 / 4,
            "citation_precision": 2 / 4,
            "abstention_precision": 2 / 3,
            "abstention_recall": 2 / 3,
            "wrongly_abstained": 1 / 4,
            # Right at 0.9, 0.8 and 0.1; wrong at 0.7, 0.6, 0.2 and 0: of twelve pairs nine are in order.
            "confidence_auroc": 9 / 12,
            "confidence_error": (0.1 + 0.2 + 0.7 + 0.6 + 0.2 + 0.9 + 0) / 7,
            "confidence_risk": (0 + 0 + 1 / 3 + 2 / 4 + 3 / 5 + 3 / 6 + 4 / 7) / 7,
        }
    )
    assert measured.measures.keys() == MEASURES.keys()


def test_groups_have_the_measures_that_their_questions_bear_on() -> None:
    groups = by_group(OUTCOMES)
    assert [*groups] == ["all", "answerable", "number", "list", "unanswerable", "en"]
    assert groups["all"] == groups["en"] == measure(OUTCOMES)
    assert groups["answerable"] == measure(OUTCOMES[:4])
    assert (groups["answerable"].questions, groups["answerable"].measures["citation_precision"].value) == (4, 2 / 3)
    assert "recall_at_1" not in groups["unanswerable"].measures
    assert "abstention_recall" not in groups["list"].measures
    assert groups["unanswerable"].measures["abstention_recall"].value == 2 / 3


def test_the_interval_is_that_of_the_choice_of_questions() -> None:
    many = [outcome(rank=1 if n % 5 else None) for n in range(200)]
    recall = measure(many).measures["recall_at_5"]
    # By the normal approximation: 0.8 ± 1.96 · sqrt(0.8 · 0.2 / 200).
    assert recall.value == 0.8
    assert (recall.low, recall.high) == pytest.approx((0.745, 0.855), abs=0.006)
    assert measure(many) == measure(many)
    assert measure(many[1:2]).measures["recall_at_5"] == Estimate(1.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def chosen(questions: tuple[Question, ...]) -> list[Question]:
    """One with an answer and one without, the former in words that are answered right."""
    answerable, unanswerable = (
        question for question in questions if question.id in ("001-gdp-2022", "none-shanghai-gdp")
    )
    return [replace(answerable, question="2022年杭州的生产总值是多少？"), unanswerable]


def test_run_asks_every_question(engine: rag.Engine, chosen: list[Question]) -> None:
    answerable, unanswerable = run(engine, chosen)
    assert (answerable.id, answerable.rank, answerable.right_file, answerable.right_passage) == (
        "001-gdp-2022", 1, True, True,
    )  # fmt: skip
    assert (answerable.indexed, answerable.retrieved, answerable.right, answerable.loss) == (True, True, True, None)
    assert answerable.ranks.keys() == engine.search("杭州", 1)[0].ranks.keys()
    assert len(answerable.candidates) == 5
    assert answerable.found == engine.answer(chosen[0].question).text
    assert (unanswerable.rank, unanswerable.ranks, unanswerable.indexed, unanswerable.read) == (None, {}, False, False)
    assert unanswerable.settled == (not unanswerable.answered)


def test_what_is_held_back_is_judged_too(engine: rag.Engine, chosen: list[Question]) -> None:
    given, held = (
        judge(engine, chosen[0], engine.trace(chosen[0].question, min_confidence=least)) for least in (0.0, 1.0)
    )
    assert (given.loss, held.loss) == (None, "wrongly_abstained")
    assert (held.found, held.found_right, held.confidence) == (given.found, True, given.confidence)
    assert (held.text, held.right_passage, held.exact_match, held.f1) == ("", False, 0.0, 0.0)


def test_a_picture_of_the_confidence(tmp_path: Path) -> None:
    draw_confidence(OUTCOMES, tmp_path / "confidence.png")
    with Image.open(tmp_path / "confidence.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (960, 600))
        # It answers four of seven: a line at 4/7 of the way from 56 to 730. The diagonal ends upper right.
        red = (0xD1, 0x24, 0x2F)
        assert red in {picture.getpixel((x, 250)) for x in (440, 441, 442)}
        assert red not in {picture.getpixel((x, 250)) for x in range(60, 438)}
        assert red in {picture.getpixel((x, 337)) for x in (728, 729, 730)}
    with pytest.raises(rag.EvaluationError, match="cannot be written"):
        draw_confidence(OUTCOMES, tmp_path / "none" / "confidence.png")


GOOD = '{"id": "a", "question": "?", "answers": [], "source": "", "evidence": "", "kind": "date", "lang": "en"}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty: expected one JSON object a line"),
        ("{", r"line 1 is no JSON"),
        ("[]", "line 1 has list: expected an object with answers, evidence, id, kind, lang, question, source"),
        ('{"id": "a"}', "line 1 has id: expected an object with answers, evidence"),
        (f"{GOOD}\n\n{GOOD}", "has ids that stand twice: a; give each question its own"),
        (GOOD.replace("[]", "null"), "line 1 has other than text in it"),
        (GOOD.replace("[]", '"x"'), "line 1 has other than text in it"),
        (GOOD.replace("[]", "[1]"), "line 1 has other than text in it"),
        (GOOD.replace("date", "colour"), "line 1 is of kind 'colour': expected one of number, date"),
    ],
)
def test_what_is_no_question_set(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(rag.EvaluationError, match=message):
        read_questions(path)


def test_judgements_that_only_say_wrong_are_left_out() -> None:
    line = Question("wrong-1", "?", (), "", "", "unanswerable", "en")
    filled_in = replace(line, answers=("8",), source="a.txt")
    other = replace(line, id="none-1")
    assert with_known_answer([line, filled_in, other]) == (filled_in, other)
    with pytest.raises(rag.EvaluationError, match=r"^all lines only say that an answer is wrong"):
        with_known_answer([line])


def test_a_question_set_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(rag.EvaluationError, match=r"none\.jsonl cannot be read .*expected a question set in UTF-8"):
        read_questions(tmp_path / "none.jsonl")
