"""The question sets written for this project: sound, apart from one another, and from the question set that judges."""

import json
from itertools import combinations
from pathlib import Path

import pytest

import rag.train
from rag.train.recipe import RECIPE, load_recipe, plain_text
from rag.train.squad import QuestionSet, read_set

FOLDER = Path(rag.train.__file__).parent
QUESTIONS = Path("eval_questions.jsonl")
RUN = 20  # characters in a row that articles of different hands do not share by chance


@pytest.fixture(scope="module")
def training() -> QuestionSet:
    return read_set(FOLDER / "written_train.json")


@pytest.fixture(scope="module")
def development() -> QuestionSet:
    return read_set(FOLDER / "written_dev.json")


@pytest.fixture(scope="module")
def calibration() -> QuestionSet:
    return read_set(FOLDER / "written_calibration.json")


def test_they_hold_what_the_card_says(
    training: QuestionSet, development: QuestionSet, calibration: QuestionSet
) -> None:
    assert [_counts(one) for one in (training, development, calibration)] == [
        (1410, 12459, 7377),
        (52, 416, 252),
        (55, 433, 259),
    ]
    assert training.faults == development.faults == calibration.faults == ()


def _counts(data: QuestionSet) -> tuple[int, int, int]:
    """Articles, questions with an answer, questions without."""
    answered = sum(bool(question.answers) for p in data.paragraphs for question in p.questions)
    return len(data.articles), answered, data.question_count - answered


@pytest.mark.parametrize(("first", "second"), [*combinations(("training", "development", "calibration"), 2)])
def test_they_share_no_article_and_no_question(first: str, second: str, request: pytest.FixtureRequest) -> None:
    one, other = request.getfixturevalue(first), request.getfixturevalue(second)
    assert not {p.title for p in one.paragraphs} & {p.title for p in other.paragraphs}
    assert not _questions(one) & _questions(other)
    assert not {plain_text(p.text) for p in one.paragraphs} & {plain_text(p.text) for p in other.paragraphs}


def test_what_judges_is_neither_trained_nor_fitted_on() -> None:
    recipe = load_recipe(RECIPE)
    used = {name for plan in recipe.plans for name in (plan.passages, plan.questions)}
    assert "written_train" in used
    assert not used & {"written_dev", "written_calibration"}
    assert recipe.calibration
    assert "written_dev" not in (*recipe.calibration.questions, *recipe.calibration.near)


@pytest.mark.parametrize("name", ["training", "development", "calibration"])
def test_they_know_nothing_of_the_question_set(name: str, request: pytest.FixtureRequest) -> None:
    written = request.getfixturevalue(name)
    entries = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    assert not {plain_text(entry["question"]) for entry in entries} & _questions(written)
    judged = {run for entry in entries for run in _runs_of(plain_text(entry["evidence"] or ""))}
    assert not judged & _runs(written)


def _questions(data: QuestionSet) -> set[str]:
    return {plain_text(question.text) for p in data.paragraphs for question in p.questions}


def _runs(data: QuestionSet) -> set[str]:
    return {run for p in data.paragraphs for run in _runs_of(plain_text(p.text))}


def _runs_of(text: str) -> set[str]:
    return {text[n : n + RUN] for n in range(len(text) - RUN + 1)}
