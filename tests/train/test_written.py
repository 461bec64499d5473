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
COUNTS = {  # articles, questions with an answer, questions without
    "written_train": (1410, 12459, 7377),
    "written_dev": (52, 416, 252),
    "written_calibration": (55, 433, 259),
    "portal_train": (272, 2592, 1459),
    "portal_dev": (15, 156, 96),
    "portal_calibration": (45, 400, 230),
    "folder_train": (741, 6707, 3963),
    "folder_dev": (12, 114, 54),
    "folder_calibration": (40, 362, 198),
}
RUN = 20  # characters in a row that articles of different hands do not share by chance


@pytest.fixture(scope="module")
def written() -> dict[str, QuestionSet]:
    return {name: read_set(FOLDER / f"{name}.json") for name in COUNTS}


@pytest.mark.parametrize("name", COUNTS)
def test_they_hold_what_the_card_says(name: str, written: dict[str, QuestionSet]) -> None:
    assert _counts(written[name]) == COUNTS[name]
    assert written[name].faults == ()


def _counts(data: QuestionSet) -> tuple[int, int, int]:
    answered = sum(bool(question.answers) for p in data.paragraphs for question in p.questions)
    return len(data.articles), answered, data.question_count - answered


@pytest.mark.parametrize(("first", "second"), [*combinations(COUNTS, 2)])
def test_they_share_no_article_and_no_question(first: str, second: str, written: dict[str, QuestionSet]) -> None:
    one, other = written[first], written[second]
    assert not {p.title for p in one.paragraphs} & {p.title for p in other.paragraphs}
    assert not _questions(one) & _questions(other)
    assert not _paragraphs(one) & _paragraphs(other)


def test_what_judges_is_neither_trained_nor_fitted_on() -> None:
    recipe = load_recipe(RECIPE)
    used = {name for plan in recipe.plans for name in (plan.passages, plan.questions)}
    assert used & COUNTS.keys() == {"written_train", "portal_train", "folder_train"}
    assert recipe.calibration
    fitted = {*recipe.calibration.questions, *recipe.calibration.near}
    assert fitted & COUNTS.keys() == {"written_calibration", "portal_calibration", "folder_calibration"}


@pytest.mark.parametrize("name", COUNTS)
def test_they_know_nothing_of_the_question_set(name: str, written: dict[str, QuestionSet]) -> None:
    entries = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    assert not {plain_text(entry["question"]) for entry in entries} & _questions(written[name])
    judged = {run for entry in entries for run in _runs_of(plain_text(entry["evidence"] or ""))}
    assert not judged & _runs(written[name])


def _questions(data: QuestionSet) -> set[str]:
    return {plain_text(question.text) for p in data.paragraphs for question in p.questions}


def _paragraphs(data: QuestionSet) -> set[str]:
    """Those longer than a heading, which many articles may have."""
    return {text for p in data.paragraphs if len(text := plain_text(p.text)) > RUN}


def _runs(data: QuestionSet) -> set[str]:
    return {run for p in data.paragraphs for run in _runs_of(plain_text(p.text))}


def _runs_of(text: str) -> set[str]:
    return {text[n : n + RUN] for n in range(len(text) - RUN + 1)}
