"""Measuring the system on a question set."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from rag.engine import Engine
from rag.errors import EvaluationError
from rag.measures import exact_match, f1
from rag.types import Answer, Candidate

KINDS = (
    "number",
    "date",
    "person",
    "place",
    "organisation",
    "list",
    "definition",
    "reason",
    "cross_lingual",
    "traditional",
    "unanswerable",
)

# How far down the candidates a question's answer is looked for.
_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Question:
    """One line of a question set."""

    id: str
    question: str
    answers: tuple[str, ...]  # every acceptable wording; () when the articles do not hold it
    source: str  # the file that holds it
    evidence: str  # the sentences that prove it, verbatim from the cleaned text
    kind: str
    lang: str

    @property
    def answerable(self) -> bool:
        """Whether the articles hold the answer."""
        return bool(self.answers)

    def is_held_by(self, source: str, text: str) -> bool:
        """Whether `text`, from the file `source`, holds an acceptable answer and is the right file."""
        return source == self.source and any(answer in text for answer in self.answers)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the system did with one question. The scores mean nothing for a question without an answer."""

    question: Question
    answer: Answer
    rank: int | None  # from 1, of the first candidate that holds an answer in the right file; None beyond 20

    @property
    def right_file(self) -> bool:
        """Whether the first citation is from the file that holds the answer."""
        return bool(self.answer.citations) and self.answer.citations[0].source == self.question.source

    @property
    def right_passage(self) -> bool:
        """Whether the first citation's passage holds an answer, in the right file."""
        return bool(self.answer.citations) and self.question.is_held_by(
            self.answer.citations[0].source, self.answer.citations[0].passage
        )

    @property
    def exact_match(self) -> float:
        """0 or 1, see `rag.measures.exact_match`."""
        return exact_match(self.answer.text, self.question.answers)

    @property
    def f1(self) -> float:
        """0 to 1, see `rag.measures.f1`."""
        return f1(self.answer.text, self.question.answers)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        shown: dict[str, Any] = {
            "id": self.question.id,
            "kind": self.question.kind,
            "lang": self.question.lang,
            "question": self.question.question,
            "answered": self.answer.answered,
            "text": self.answer.text,
            "confidence": self.answer.confidence,
        }
        if self.question.answerable:
            for name in ("rank", "right_file", "right_passage", "exact_match", "f1"):
                shown[name] = getattr(self, name)
        return shown


@dataclass(frozen=True, slots=True)
class Measures:
    """Means over a group of questions, 0 to 1, higher is better; None for a group without such questions.

    All but the last are over the questions with an answer. An abstention has neither citation nor text, so it counts
    as wrong in all of them but recall.
    """

    questions: int
    recall_at_1: float | None  # share whose answer stands in the first passage retrieved
    recall_at_5: float | None  # share whose answer stands in one of the first five
    right_file: float | None  # share whose first citation is from the right file
    right_passage: float | None  # share whose first citation's passage holds the answer
    exact_match: float | None
    f1: float | None
    abstained: float | None  # share of the questions without an answer that were not answered

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def read_questions(path: Path) -> tuple[Question, ...]:
    """The question set in a JSON Lines file.

    Raises:
        EvaluationError: the file cannot be read or is empty, a line is no question, or an id stands twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} cannot be read ({error}): expected a question set in UTF-8") from error
    questions = [_question(line, f"{path}, line {n}") for n, line in enumerate(lines, start=1) if line.strip()]
    if not questions:
        raise EvaluationError(f"{path} is empty: expected one JSON object a line")
    ids = [question.id for question in questions]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise EvaluationError(f"{path} has ids that stand twice: {', '.join(twice)}; give each question its own")
    return tuple(questions)


def _question(line: str, place: str) -> Question:
    expected = {field.name for field in fields(Question)}
    try:
        values = json.loads(line)
    except ValueError as error:
        raise EvaluationError(f"{place} is no JSON ({error}): expected an object a line") from error
    if not isinstance(values, dict) or values.keys() != expected:
        found = ", ".join(sorted(values)) if isinstance(values, dict) else type(values).__name__
        raise EvaluationError(f"{place} has {found}: expected an object with {', '.join(sorted(expected))}")
    answers = values["answers"]
    texts = [value for name, value in values.items() if name != "answers"]
    if not isinstance(answers, list) or not all(isinstance(text, str) for text in [*answers, *texts]):
        raise EvaluationError(f"{place} has other than text in it: expected texts, and a list of texts as answers")
    if values["kind"] not in KINDS:
        raise EvaluationError(f"{place} is of kind {values['kind']!r}: expected one of {', '.join(KINDS)}")
    return Question(**values | {"answers": tuple(answers)})


def run(engine: Engine, questions: Iterable[Question]) -> tuple[Outcome, ...]:
    """Asks every question."""
    return tuple(
        Outcome(
            question,
            engine.answer(question.question),
            _rank(engine.search(question.question, _DEPTH), question),
        )
        for question in questions
    )


def measure(outcomes: Sequence[Outcome]) -> Measures:
    """The means over `outcomes`."""
    answerable = [outcome for outcome in outcomes if outcome.question.answerable]
    others = [outcome for outcome in outcomes if not outcome.question.answerable]
    return Measures(
        questions=len(outcomes),
        recall_at_1=_mean(outcome.rank == 1 for outcome in answerable),
        recall_at_5=_mean(outcome.rank is not None and outcome.rank <= 5 for outcome in answerable),
        right_file=_mean(outcome.right_file for outcome in answerable),
        right_passage=_mean(outcome.right_passage for outcome in answerable),
        exact_match=_mean(outcome.exact_match for outcome in answerable),
        f1=_mean(outcome.f1 for outcome in answerable),
        abstained=_mean(not outcome.answer.answered for outcome in others),
    )


def by_group(outcomes: Sequence[Outcome]) -> dict[str, Measures]:
    """The means over all outcomes, then over those of each kind and each language, in order of first appearance."""
    groups = {"all": list(outcomes)}
    for attribute in ("kind", "lang"):
        for outcome in outcomes:
            groups.setdefault(getattr(outcome.question, attribute), []).append(outcome)
    return {name: measure(group) for name, group in groups.items()}


def _rank(candidates: Sequence[Candidate], question: Question) -> int | None:
    ranks = (
        rank
        for rank, candidate in enumerate(candidates, start=1)
        if question.is_held_by(candidate.passage.source, candidate.passage.text)
    )
    return next(ranks, None)


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return sum(found) / len(found) if found else None
