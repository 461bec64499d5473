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

from rag.reader.choice import WindowSpans, choose_span, window_spans
from rag.reader.graph import reader_graph
from rag.reader.states import LowerHalf, window_states
from rag.reader.tokens import QUESTION_LIMIT, PassageTokens, SpanTokenizer, Window, window_ranges
from rag.reader.weights import ReaderWeights, load_weights
from rag.types import EncodedQuestion, Span

_HEADINGS_KEPT = 1024  # of their lower states: some 30 MB, 107 at most


@dataclass(frozen=True, slots=True, eq=False)
class PassageStates:
    """A passage ready to be read: its tokens, its windows, each window's lower states (tokens + 4, width), and its
    heading's (tokens + 4, width), which have no rows without one."""

    text: str
    tokens: PassageTokens
    windows: tuple[Window, ...]
    states: tuple[np.ndarray, ...]
    heading: np.ndarray


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

        score: log-odds that the answer is this span or stands within it, against "no answer here". no_answer_score:
        log-odds of "no answer here" against all spans of the passage together. Both can be compared between passages.
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
        return tuple(choose_span(passage.text, [next(found) for _ in passage.windows]) for passage in passages)

    def _read_window(self, question: np.ndarray, passage: PassageStates, number: int) -> WindowSpans:
        headed = np.concatenate([passage.heading, passage.states[number]])
        feeds = {name: np.asarray(value, np.float32) for name, value in
                 (("question", question), ("passage", headed))}  # fmt: skip
        scores, start_cuts, end_cuts = self._session.run(None, feeds)
        window, opening = passage.windows[number], len(passage.heading) + self._tokenizer.opening_length
        body = slice(opening, opening + window.last - window.first)
        return window_spans(scores[body, body], start_cuts[body], end_cuts[body], passage.tokens, window)
