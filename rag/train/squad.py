"""Question sets in the SQuAD layout (Rajpurkar et al. 2016, 2018), plain or gzipped JSON.

    data[].paragraphs[].{context, qas[].{id, question, is_impossible, answers[].{text, answer_start}}}

`answer_start` counts code points of `context`. An answer that does not stand there is a fault: the question is left
out, and the set names it. Nothing is dropped silently.
"""

import gzip
import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rag.errors import TrainingDataError

logger = logging.getLogger(__name__)
LAYOUT = "SQuAD JSON: data[].paragraphs[].{context, qas[].{id, question, answers[].{text, answer_start}}}"
SUFFIXES = (".json", ".json.gz")


@dataclass(frozen=True, slots=True)
class GoldAnswer:
    """An answer that stands at `context[start : start + len(text)]`."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """The code point after its last."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class GoldQuestion:
    """A question with every gold answer; none when the paragraph does not hold it."""

    id: str
    text: str
    answers: tuple[GoldAnswer, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A passage, the number of its article in the set, and the questions asked about it."""

    article: int
    text: str
    questions: tuple[GoldQuestion, ...]
    title: str = ""  # of its article


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """One file. `faults` names the questions left out because an answer does not stand at its offset."""

    name: str
    paragraphs: tuple[Paragraph, ...]
    faults: tuple[str, ...] = ()

    @property
    def question_count(self) -> int:
        """Answerable and unanswerable ones."""
        return sum(len(paragraph.questions) for paragraph in self.paragraphs)

    @property
    def articles(self) -> tuple[int, ...]:
        """Numbers of the articles, ascending."""
        return tuple(sorted({paragraph.article for paragraph in self.paragraphs}))

    def keep(self, paragraphs: Iterable[Paragraph]) -> "QuestionSet":
        """The same set with these paragraphs only."""
        return replace(self, paragraphs=tuple(paragraphs))


def read_sets(paths: Iterable[Path]) -> dict[str, QuestionSet]:
    """Every question set among files and folders, by name (`drcd_dev.json.gz` is `drcd_dev`), in order of name."""
    files = sorted({file for path in paths for file in _files(path)}, key=_name)
    sets: dict[str, QuestionSet] = {}
    for file in files:
        if _name(file) in sets:
            raise TrainingDataError(f"two question sets are named {_name(file)!r}: rename one of them ({file})")
        sets[_name(file)] = read_set(file)
    return sets


def read_set(path: Path) -> QuestionSet:
    """One question set. Raises `TrainingDataError` when the file is not SQuAD JSON or holds no question."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        content = json.loads(raw)
    except (OSError, EOFError, ValueError) as error:
        raise TrainingDataError(f"{path}: cannot be read as JSON ({error}); expected {LAYOUT}") from error
    faults: list[str] = []
    try:
        paragraphs = tuple(_paragraphs(content, faults))
    except (KeyError, TypeError, AttributeError) as error:
        what = f"missing key {error}" if isinstance(error, KeyError) else str(error)
        raise TrainingDataError(f"{path}: not a question set ({what}); expected {LAYOUT}") from error
    result = QuestionSet(_name(path), paragraphs, tuple(faults))
    if faults:
        shown = ", ".join(faults[:5]) + (", …" if len(faults) > 5 else "")
        logger.warning("%s: %d answers do not stand at their offsets; questions left out: %s", path, len(faults), shown)
    if not result.question_count:
        raise TrainingDataError(f"{path}: no question in it ({len(faults)} left out); expected {LAYOUT}")
    return result


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        found = [file for file in path.iterdir() if file.name.endswith(SUFFIXES)]
        if not found:
            raise TrainingDataError(f"{path}: no {' or '.join(SUFFIXES)} file in this folder; expected {LAYOUT}")
        yield from found
    elif path.is_file():
        yield path
    else:
        raise TrainingDataError(f"{path}: no such file or folder; give SQuAD-format files or a folder of them")


def _name(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".json")


def _paragraphs(content: Any, faults: list[str]) -> Iterator[Paragraph]:
    for number, article in enumerate(content["data"]):
        for paragraph in article["paragraphs"]:
            text: str = paragraph["context"]
            questions = [_question(text, entry, faults) for entry in paragraph["qas"]]
            kept = tuple(question for question in questions if question is not None)
            yield Paragraph(number, text, kept, str(article.get("title") or ""))


def _question(context: str, entry: dict[str, Any], faults: list[str]) -> GoldQuestion | None:
    """The question, or None when an answer does not stand at its offset."""
    answers = {GoldAnswer(str(a["text"]), int(a["answer_start"])): None for a in entry["answers"]}
    if entry.get("is_impossible"):
        answers = {}
    for answer in answers:
        if answer.start < 0 or not answer.text or context[answer.start : answer.end] != answer.text:
            faults.append(str(entry["id"]))
            return None
    return GoldQuestion(str(entry["id"]), str(entry["question"]), tuple(answers))
