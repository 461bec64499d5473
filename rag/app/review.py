"""The review file: what people say of answers, in the format of a question set."""

import json
import threading
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from rag.fold import simplify
from rag.types import Answer, Article

FILE = "review.jsonl"
_lock = threading.Lock()


class Review:
    """The review file of a collection, `review.jsonl` in its index folder. Threads may share it."""

    def __init__(self, index: Path) -> None:
        self.path = index / FILE

    def append(self, line: dict[str, Any]) -> None:
        """Adds a line, whole or not at all; in ASCII, as some readers end lines at characters that questions hold."""
        with _lock, self.path.open("a", encoding="ascii") as file:
            file.write(json.dumps(line) + "\n")


def right_line(answer: Answer) -> dict[str, Any]:
    """An answer that is right; an abstention that is right says that the articles do not hold it."""
    if not answer.answered:
        return _line("right", answer.question, (), "", "")
    citation = answer.citations[0]
    return _line("right", answer.question, (answer.text,), citation.source, citation.passage) | {
        "start": citation.start,
        "end": citation.end,
    }


def wrong_line(answer: Answer) -> dict[str, Any]:
    """An answer that is wrong. What would be right is not known: it is to be filled in before the line is of use."""
    return _line("wrong", answer.question, (), "", "")


def here_line(question: str, article: Article, document: int, start: int, end: int) -> dict[str, Any]:
    """An answer marked in an article: `[start, end)` of the text of its document with that number.

    Raises:
        IndexError: there is no such document.
        ValueError: the range is empty or not within the text.
    """
    found = article.documents[document]
    while start < end <= len(found.text) and found.text[start].isspace():
        start += 1
    while 0 <= start < end <= len(found.text) and found.text[end - 1].isspace():
        end -= 1
    if not 0 <= start < end <= len(found.text):
        raise ValueError(f"the range [{start}, {end}) was marked: expected one within {len(found.text)} characters")
    blocks = [block for block in found.blocks if block.start < end and start < block.end]
    evidence = found.text[blocks[0].start : blocks[-1].end]
    raw_start, raw_end = found.alignment.raw_span(start, end)
    line = _line("here", question, (found.text[start:end],), article.source, evidence)
    return line | {"start": raw_start, "end": raw_end}


def _line(
    verdict: Literal["right", "wrong", "here"], question: str, answers: tuple[str, ...], source: str, evidence: str
) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "id": f"{verdict}-{now:%Y%m%dT%H%M%S%f}",  # see `rag.evaluate.Question.only_wrong`
        "question": question,
        "answers": list(answers),
        "source": source,
        "evidence": evidence,
        "kind": _kind(question, answers),
        "lang": language_of(question),
    }


def language_of(text: str) -> str:
    """`en` without a Chinese character, `zh-Hant` with Traditional ones, else `zh-Hans`."""
    if not any(unicodedata.name(c, "").startswith("CJK UNIFIED") for c in text):
        return "en"
    return "zh-Hans" if simplify(text) == text else "zh-Hant"


def _kind(question: str, answers: tuple[str, ...]) -> str:
    """A first guess at the kind, to be corrected by whoever takes the line into a question set."""
    if not answers:
        return "unanswerable"
    language = language_of(question)
    if language != "zh-Hans":
        return "cross_lingual" if language == "en" else "traditional"
    answer = answers[0]
    if not any(c.isdigit() for c in answer):
        return "definition"
    return "date" if any(mark in answer for mark in "年月日") else "number"
