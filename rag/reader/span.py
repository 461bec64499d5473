"""The reader at work: for each passage its best span and how likely the passage holds no answer.

A passage is read by itself, one window at a time and without padding, so that what is found in it never depends on what
else is read. The lower half of a passage is the same for every question: `passage_states` computes it (when the passage
is indexed, say) and `read_states` takes it up again, with the same answers.

What a passage stands under, its heading, is read with it: that of a report tells whose "the whole district" is. Its
lower half is its own, the same for every passage below it, and stands before the passage's; no answer begins in it.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime

from rag.reader.graph import reader_graph
from rag.reader.states import LowerHalf, window_states
from rag.reader.tokens import QUESTION_LIMIT, PassageTokens, SpanTokenizer, Window, cut_span, window_ranges
from rag.reader.weights import SPAN_LIMIT, ReaderWeights, load_weights
from rag.types import EncodedQuestion, Span

_HEADINGS_KEPT = 1024  # of their lower states: some 30 MB, 107 at most
NO_SPAN = -100.0  # the score where no span can be: a passage without a visible character; finite, so that it is JSON


@dataclass(frozen=True, slots=True, eq=False)
class PassageStates:
    """A passage ready to be read: its tokens, its windows, each window's lower states (tokens + 4, width), and its
    heading's (tokens + 4, width), which have no rows without one."""

    text: str
    tokens: PassageTokens
    windows: tuple[Window, ...]
    states: tuple[np.ndarray, ...]
    heading: np.ndarray


@dataclass(frozen=True, slots=True)
class _WindowSpan:
    """As `rag.train.evaluation.WindowAnswer`, with tokens counted in the passage."""

    first: int
    last: int
    start_cut: int
    end_cut: int
    score: float
    total: float


class SpanReader:
    """Reads passages; safe to call from several threads."""

    def __init__(self, weights: ReaderWeights, tokenizer: SpanTokenizer, lower: LowerHalf, threads: int | None = None):
        """`threads` windows are read at once (default: one a core), each on one core: faster than one window on all."""
        self.weights = weights
        self._tokenizer, self._lower = tokenizer, lower
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        graph = reader_graph(weights)
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._pool = ThreadPoolExecutor(threads or os.cpu_count() or 1, "reader")
        self._heading_states = lru_cache(_HEADINGS_KEPT)(lambda heading: lower(tokenizer.heading_ids(heading)))

    @classmethod
    def load(cls, path: Path, tokenizer: SpanTokenizer, lower: LowerHalf, threads: int | None = None) -> "SpanReader":
        """A reader from a weights file. Raises `ReaderError`."""
        return cls(load_weights(path), tokenizer, lower, threads)

    def question_states(self, question: str) -> np.ndarray:
        """The lower states of a question: what the retriever's own pass gives at the split layer."""
        return self._lower(self._tokenizer.question_ids(question, QUESTION_LIMIT))

    def passage_states(
        self, passage: str, kept: Sequence[np.ndarray] | None = None, heading: str = ""
    ) -> PassageStates:
        """The lower states of a passage, for `read_states`: those that were `kept` (see `rag.reader.passage_states`),
        or computed where there are none or they are of other windows."""
        tokens = self._tokenizer.passage(passage)
        windows = tuple(window_ranges(len(tokens), self.weights.window, self.weights.stride))
        around = len(self._tokenizer.window_ids(tokens, Window(0, 0)))
        lengths = [window.last - window.first + around for window in windows]
        if kept is None or [len(states) for states in kept] != lengths:
            kept = window_states(self._tokenizer, self._lower, tokens, windows)
        above = (
            self._heading_states(heading) if heading.strip() else np.zeros((0, self.weights.shape.width), np.float32)
        )
        return PassageStates(passage, tokens, windows, tuple(kept), above)

    def read(
        self,
        question: EncodedQuestion,
        passages: Sequence[str],
        kept: Sequence[Sequence[np.ndarray] | None] | None = None,
        headings: Sequence[str] | None = None,
    ) -> tuple[Span, ...]:
        """For each passage its best span, never abstaining; a passage without a visible character has an empty one.

        `kept` are the passages' lower states where they were kept; the spans are the same without them. `headings` are
        what the passages stand under, "" where that is nothing.

        score: log-odds of this span against "no answer here". no_answer_score: log-odds of "no answer here" against all
        spans of the passage together. Both can be compared between passages.
        """
        lower = question.lower
        if lower is None or len(lower) > QUESTION_LIMIT:
            lower = self.question_states(question.text)
        count = len(passages)
        given = zip(passages, kept or [None] * count, headings or [""] * count, strict=True)
        prepared = list(self._pool.map(lambda one: self.passage_states(*one), given))
        return self.read_states(lower, prepared)

    def read_states(self, question: np.ndarray, passages: Sequence[PassageStates]) -> tuple[Span, ...]:
        """The same from lower states computed before: the question's (length, width) and the passages'."""
        jobs = [(passage, number) for passage in passages for number in range(len(passage.windows))]
        found = iter(list(self._pool.map(lambda job: self._read_window(question, *job), jobs)))
        return tuple(_best(passage, [next(found) for _ in passage.windows]) for passage in passages)

    def _read_window(self, question: np.ndarray, passage: PassageStates, number: int) -> _WindowSpan:
        headed = np.concatenate([passage.heading, passage.states[number]])
        feeds = {name: np.asarray(value, np.float32) for name, value in
                 (("question", question), ("passage", headed))}  # fmt: skip
        scores, start_cuts, end_cuts = self._session.run(None, feeds)
        window, opening = passage.windows[number], len(passage.heading) + self._tokenizer.opening_length
        body = slice(opening, opening + window.last - window.first)
        scores, start_cuts, end_cuts = scores[body, body], start_cuts[body], end_cuts[body]
        written = passage.tokens.ends[window.first : window.last] > passage.tokens.starts[window.first : window.last]
        first, last, score, total = best_span(scores, written)
        if score == -np.inf:
            return _WindowSpan(0, 0, 0, 0, score, total)
        cuts = int(start_cuts[first].argmax()), int(end_cuts[last].argmax())
        return _WindowSpan(window.first + first, window.first + last, *cuts, score, total)


def best_span(scores: np.ndarray, written: np.ndarray) -> tuple[int, int, float, float]:
    """(first, last, score, total) of the best span of at most SPAN_LIMIT tokens; of equal ones the first.

    scores: (length, length), from token i to token j. written: bool (length), tokens that may bound a span. total: log
    of the sum of exp(score) over all spans. Score and total are -inf when there is no span.
    """
    if not written.any():
        return 0, 0, -np.inf, -np.inf
    places = np.arange(len(written))
    distance = places[None, :] - places[:, None]
    allowed = (distance >= 0) & (distance < SPAN_LIMIT) & written[:, None] & written[None, :]
    masked = np.where(allowed, scores, np.float32(-np.inf))
    first, last = divmod(int(masked.argmax()), len(written))
    best = float(masked[first, last])
    return first, last, best, best + float(np.log(np.exp(masked[allowed] - np.float32(best)).sum(dtype=np.float64)))


def _best(passage: PassageStates, spans: list[_WindowSpan]) -> Span:
    """The best of a passage's windows; of equal ones the first."""
    best = max(spans, key=lambda span: span.score)
    if best.score == -np.inf:
        return Span(0, 0, "", NO_SPAN, -NO_SPAN)
    start, end = cut_span(passage.tokens, best.first, best.last, best.start_cut, best.end_cut)
    no_answer = -float(np.logaddexp.reduce([span.total for span in spans]))
    return Span(start, end, passage.text[start:end], best.score, no_answer)
