"""The question set, and what is measured on it."""

from collections import Counter
from pathlib import Path

import pytest

import rag
from rag.documents import article_paths, read_article
from rag.evaluate import KINDS, Measures, Outcome, Question, by_group, measure, read_questions, run
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
    assert Counter(question.kind for question in questions) == {
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
    assert Counter(question.lang for question in questions) == {"zh-Hans": 163, "zh-Hant": 26, "en": 31}
    assert Counter(question.source[:3] for question in questions if question.answerable) == {
        "000": 28,
        "001": 43,
        "002": 27,
        "003": 35,
        "004": 27,
    }
    assert set(KINDS) == {question.kind for question in questions}


def outcome(answers: tuple[str, ...], text: str, source: str, rank: int | None, kind: str = "number") -> Outcome:
    question = Question("q", "?", answers, "a.txt", "", kind, "en")
    passage = f"it is {text}."
    citation = rag.Citation(source, "", "", None, None, 1, passage, 6, 6 + len(text), 6, 6 + len(text), 0.5)
    reason = None if text else "low_confidence"
    return Outcome(question, rag.Answer("?", text, 0.5, reason, (citation,) if text else (), ()), rank)


def test_measures_are_means() -> None:
    outcomes = [
        outcome(("14",), "14", "a.txt", 1),
        outcome(("14",), "14 or 15", "a.txt", 3, kind="list"),
        outcome(("14",), "14", "b.txt", 9),
        outcome(("14",), "", "", None),
        outcome((), "14", "a.txt", None, kind="unanswerable"),
        outcome((), "", "", None, kind="unanswerable"),
        outcome((), "", "", None, kind="unanswerable"),
    ]
    measured = measure(outcomes)
    assert measured == Measures(
        questions=7,
        recall_at_1=1 / 4,
        recall_at_5=2 / 4,
        right_file=2 / 4,
        right_passage=2 / 4,
        exact_match=2 / 4,
        f1=pytest.approx((1 + 0.5 + 1 + 0) / 4),
        abstained=2 / 3,
    )
    groups = by_group(outcomes)
    assert [*groups] == ["all", "number", "list", "unanswerable", "en"]
    assert groups["all"] == groups["en"] == measured
    assert (groups["unanswerable"].recall_at_1, groups["unanswerable"].abstained) == (None, 2 / 3)
    assert (groups["list"].recall_at_5, groups["list"].abstained) == (1.0, None)


def test_run_asks_every_question(engine: rag.Engine, questions: tuple[Question, ...]) -> None:
    chosen = [question for question in questions if question.id == "001-gdp-2022" or question.kind == "unanswerable"][
        :2
    ]
    answerable, unanswerable = sorted(run(engine, chosen), key=lambda outcome: not outcome.question.answerable)
    assert (answerable.rank, answerable.right_file, answerable.right_passage) == (1, True, True)
    assert answerable.to_dict()["right_passage"] is True
    assert "rank" not in unanswerable.to_dict()
    assert unanswerable.rank is None


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


def test_a_question_set_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(rag.EvaluationError, match=r"none\.jsonl cannot be read .*expected a question set in UTF-8"):
        read_questions(tmp_path / "none.jsonl")
