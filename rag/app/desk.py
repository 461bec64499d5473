"""The desk: takes questions and changes from the page, from scripts and from tools, a few at a time; keeps count."""

import contextvars
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as WaitedTooLongError
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import BoundedSemaphore
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from rag.app.collection import Change, Collection, Progress
from rag.errors import BusyError, QuestionError, RagError, TimeLimitError
from rag.index.lexical import query_words, words
from rag.types import Answer, Candidate, Trace

T = TypeVar("T")

log = logging.getLogger(__name__)
questions_log = logging.getLogger("rag.app.questions")  # one JSON object a question

AT_ONCE = 4  # questions worked on at once; a handful keeps two cores busy
WAITING = 32  # more may wait; at some 20 a second on two cores that is two seconds
SECONDS = 30.0  # from coming in to the answer
CHANGES_WAITING = 4  # changes of the collection that may wait for the one at work; each may take minutes
READ = 5  # passages that are read for an answer, and that are shown for why


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with what led to it."""

    answer: Answer
    candidates: tuple[Candidate, ...]  # the passages that were read, best first
    snapshot: str  # the version of the collection that it comes from
    seconds: Mapping[str, float]  # by stage

    @property
    def took(self) -> float:
        """Seconds in all."""
        return sum(self.seconds.values())

    def shared_words(self, candidate: Candidate) -> tuple[str, ...]:
        """The words of the question that stand in a passage, its title or section, as the index compares them."""
        there = set(words(candidate.passage.searchable))
        return tuple(dict.fromkeys(word for word in query_words(self.answer.question) if word in there))

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain JSON types, with the version of the collection."""
        return self.answer.to_dict() | {"snapshot": self.snapshot}


class Turnstile:
    """Lets `at_once` pieces of work run and `waiting` more wait; others are turned away, and the slow are given up.

    `what` they are is said to those turned away. Without `seconds` none is given up.
    """

    def __init__(self, at_once: int, waiting: int, seconds: float | None = None, what: str = "questions") -> None:
        self._workers = ThreadPoolExecutor(at_once, thread_name_prefix=what)
        self._places = BoundedSemaphore(at_once + waiting)
        self._seconds, self._what = seconds, what

    def run(self, work: Callable[[], T]) -> T:
        """What `work` returns.

        Raises:
            BusyError: there is no place.
            TimeLimitError: it was not done in time. Work that has begun runs on, and keeps its place until it ends.
        """
        if not self._places.acquire(blocking=False):
            raise BusyError(f"too many {self._what} at once: expected fewer; try again in a moment", "busy")
        done = self._workers.submit(contextvars.copy_context().run, work)  # by its context Gradio knows whose progress
        done.add_done_callback(lambda _: self._places.release())
        try:
            return done.result(timeout=self._seconds)
        except WaitedTooLongError as error:
            done.cancel()
            raise TimeLimitError(f"no answer within {self._seconds:g} seconds: ask again in a moment") from error


class Desk:
    """Answers questions on a collection and changes it, within limits; logs and measures every question."""

    def __init__(
        self,
        collection: Collection,
        *,
        log_questions: bool = False,
        turnstile: Turnstile | None = None,
        changes: Turnstile | None = None,
    ) -> None:
        self.collection = collection
        self._log_questions = log_questions
        self._turnstile = turnstile or Turnstile(AT_ONCE, WAITING, SECONDS)
        self._changes = changes or Turnstile(1, CHANGES_WAITING, what="changes")
        self._registry = CollectorRegistry()
        self._questions = Counter(
            "yinju_questions", "Questions by what became of them", ["outcome"], registry=self._registry
        )
        self._seconds = Histogram(
            "yinju_stage_seconds", "Seconds a question took, by stage", ["stage"], registry=self._registry
        )
        self._files = Gauge("yinju_files", "Files in the collection", registry=self._registry)
        self._passages = Gauge("yinju_passages", "Passages in the collection", registry=self._registry)
        self._files.set_function(lambda: len(collection.opened.sources))
        self._passages.set_function(lambda: collection.opened.index.manifest.passages)

    def ask(self, question: str, top_k: int = READ, min_confidence: float | None = None) -> Reply:
        """The answer to a question, with what led to it.

        Raises:
            RagError: see `rag.Engine.answer`; also when there is no place, or it took too long.
        """
        came = time.perf_counter()
        try:
            reply = self._turnstile.run(lambda: self._work(question, top_k, min_confidence, came))
        except Exception as error:
            self._count(question, _outcome(error))
            raise
        for stage, seconds in reply.seconds.items():
            self._seconds.labels(stage).observe(seconds)
        self._count(question, "answered" if reply.answer.answered else "abstained", reply)
        return reply

    def search(self, question: str, k: int) -> tuple[Candidate, ...]:
        """The passages that fit a question best, best first.

        Raises:
            RagError: see `rag.Engine.search`; also when there is no place, or it took too long.
        """
        return self._turnstile.run(lambda: self.collection.engine.search(question, k))

    def add(self, files: Sequence[tuple[str, bytes]], progress: Progress) -> Change:
        """Adds articles to the collection, one change at a time.

        Raises:
            RagError: see `Collection.add`; also when there is no place.
        """
        return self._changes.run(lambda: self.collection.add(files, progress))

    def remove(self, sources: Iterable[str], progress: Progress) -> Change:
        """Removes articles from the collection, one change at a time.

        Raises:
            RagError: see `Collection.remove`; also when there is no place.
        """
        return self._changes.run(lambda: self.collection.remove(sources, progress))

    def _work(self, question: str, top_k: int, min_confidence: float | None, came: float) -> Reply:
        begun = time.perf_counter()
        snapshot, trace = self._trace(question, top_k, min_confidence)
        seconds = {"wait": begun - came, **trace.seconds}
        return Reply(trace.answer, trace.candidates, snapshot, seconds)

    def _trace(self, question: str, top_k: int, min_confidence: float | None) -> tuple[str, Trace]:
        """The snapshot that an answer comes from, and its way; asked again where another one came up meanwhile."""
        while True:
            snapshot = self.collection.opened.snapshot
            trace = self.collection.engine.trace(question, top_k, min_confidence)
            if self.collection.opened.snapshot == snapshot:
                return snapshot, trace

    def _count(self, question: str, outcome: str, reply: Reply | None = None) -> None:
        self._questions.labels(outcome).inc()
        line: dict[str, Any] = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "outcome": outcome}
        if reply:
            line |= {
                "snapshot": reply.snapshot,
                "milliseconds": {stage: round(seconds * 1000, 1) for stage, seconds in reply.seconds.items()},
                "confidence": round(reply.answer.confidence, 4),
                "abstained": not reply.answer.answered,
            }
        if self._log_questions:
            line["question"] = question
        questions_log.info(json.dumps(line, ensure_ascii=True))

    def metrics(self) -> bytes:
        """Counts and durations in the text format of Prometheus."""
        return generate_latest(self._registry)


def _outcome(error: Exception) -> str:
    kinds = {BusyError: "busy", TimeLimitError: "slow", QuestionError: "refused", RagError: "failed"}
    return next((outcome for kind, outcome in kinds.items() if isinstance(error, kind)), "failed")
