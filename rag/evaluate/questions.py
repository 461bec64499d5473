"""The question set: one JSON object a line."""

import json
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path

from rag.errors import EvaluationError
from rag.measures import holds, says

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
    start: int | None = None  # where the answer stands in the raw file, in code points, where it was marked there
    end: int | None = None

    @property
    def answerable(self) -> bool:
        """Whether the articles hold the answer."""
        return bool(self.answers)

    @property
    def only_wrong(self) -> bool:
        """Whether it is a judgement of the app that an answer is wrong, and the right one has not been filled in."""
        return self.id.startswith("wrong-") and not self.answers

    def is_held_by(self, source: str, text: str) -> bool:
        """Whether `text`, from the file `source`, holds an acceptable answer and is the right file."""
        return source == self.source and any(holds(text, answer) for answer in self.answers)

    def is_answered_by(self, source: str, text: str) -> bool:
        """Whether `text`, quoted from the file `source`, is a right answer: it says an acceptable one (see
        `rag.measures.says`) and is from the right file."""
        return source == self.source and says(text, self.answers)


def read_questions(path: Path) -> tuple[Question, ...]:
    """The question set in a JSON Lines file.

    Raises:
        EvaluationError: the file cannot be read or is empty, a line is no question, or an id stands twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # JSON may hold other line ends as they are
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} cannot be read ({error}): expected a question set in UTF-8") from error
    questions = [_question(line, f"{path}, line {n}") for n, line in enumerate(lines, start=1) if line.strip()]
    if not questions:
        raise EvaluationError(f"{path} is empty: expected one JSON object a line")
    ids = [question.id for question in questions]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise EvaluationError(f"{path} has ids that stand twice: {', '.join(twice)}; give each question its own")
    return tuple(questions)


def with_known_answer(questions: Sequence[Question]) -> tuple[Question, ...]:
    """The questions of a set without the judgements that only say what is wrong: what is right is not known of them.

    Raises:
        EvaluationError: nothing is left.
    """
    known = tuple(question for question in questions if not question.only_wrong)
    if not known:
        raise EvaluationError(
            "all lines only say that an answer is wrong: expected some whose answers are known; fill them in",
            "only_wrong",
        )
    return known


def _question(line: str, place: str) -> Question:
    known = {field.name: field.default is MISSING for field in fields(Question)}
    expected = [name for name, needed in known.items() if needed]
    try:
        values = json.loads(line)
    except ValueError as error:
        raise EvaluationError(f"{place} is no JSON ({error}): expected an object a line") from error
    if not isinstance(values, dict) or not set(expected) <= values.keys() <= known.keys():
        found = ", ".join(sorted(values)) if isinstance(values, dict) else type(values).__name__
        raise EvaluationError(f"{place} has {found}: expected an object with {', '.join(sorted(expected))}")
    answers = values["answers"]
    texts = [values[name] for name in expected if name != "answers"]
    places = [values.get(name) for name in ("start", "end")]
    if not isinstance(answers, list) or not all(isinstance(text, str) for text in [*answers, *texts]):
        raise EvaluationError(f"{place} has other than text in it: expected texts, and a list of texts as answers")
    if not all(place is None or (isinstance(place, int) and place >= 0) for place in places):
        raise EvaluationError(
            f"{place} has {places} as the place of its answer: expected two numbers from 0 up, or none"
        )
    if values["kind"] not in KINDS:
        raise EvaluationError(f"{place} is of kind {values['kind']!r}: expected one of {', '.join(KINDS)}")
    return Question(**values | {"answers": tuple(answers)})
