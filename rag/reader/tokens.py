"""Text as the reader sees it: tokens that know where they stand, and the windows a long passage is read in.

A token is a piece of the tokenizer's with the half-open range of code points `[start, end)` it covers in the text as
written. Two habits of a SentencePiece tokenizer are undone here, because answers are cut at these ranges: the word mark
`▁` makes the first piece of a word cover the space before it, and the prefix in front of the text shifts every offset.
A piece that covers nothing but white space keeps an empty range and can neither begin nor end an answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

QUERY_PREFIX = "query: "  # what the E5 family was trained with (Wang et al. 2022, arXiv:2212.03533)
PASSAGE_PREFIX = "passage: "
QUESTION_LIMIT = 64  # tokens, with prefix and special ones: above every question of the training sets (60)
HEADING_LIMIT = 64  # tokens of a heading that are read; titles of the written sets have 35 at most


@dataclass(frozen=True, slots=True, eq=False)
class PassageTokens:
    """The tokens of one passage, without prefix and special tokens.

    `ids`, `starts` and `ends` are int32 arrays of one length; `starts` and `ends` are code points of the passage.
    """

    ids: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Window:
    """The tokens `[first, last)` of a passage that are read at once."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class WindowSizes:
    """Tokens of a window and how far the next one begins."""

    size: int = 320
    stride: int = 192


def window_ranges(length: int, size: int, stride: int) -> Iterator[Window]:
    """The windows over `length` tokens: each of at most `size`, beginning every `stride` tokens.

    A passage without tokens has one empty window, so that it is read (and found to hold no answer) like any other.
    """
    if not 0 < stride <= size:
        raise ValueError(f"stride {stride} with windows of {size} tokens: expected 0 < stride <= size")
    first = 0
    while first + size < length:
        yield Window(first, first + size)
        first += stride
    yield Window(first, length)


class SpanTokenizer:
    """A tokenizer with the encoder's two prefixes; from text to token ids and code-point ranges."""

    def __init__(self, tokenizer: Tokenizer, query_prefix: str = QUERY_PREFIX, passage_prefix: str = PASSAGE_PREFIX):
        self._tokenizer = tokenizer
        self._query_prefix = query_prefix
        self._passage_prefix = passage_prefix
        opening = tokenizer.encode(passage_prefix.rstrip()).ids
        self._opening, self._closing = opening[:-1], opening[-1:]

    @property
    def opening_length(self) -> int:
        """How many tokens (`<s>` and the prefix) stand before the first of a window."""
        return len(self._opening)

    def question_ids(self, question: str, limit: int) -> np.ndarray:
        """`<s> query: … </s>`, at most `limit` ids; a longer question loses its tail, never its `</s>`."""
        ids = self._tokenizer.encode(self._query_prefix + _encodable(question)).ids
        return np.array(ids if len(ids) <= limit else [*ids[: limit - 1], ids[-1]], np.int32)

    def passage(self, text: str) -> PassageTokens:
        """The tokens of a passage with their ranges in `text`."""
        shift = len(self._passage_prefix)
        encoding = self._tokenizer.encode(self._passage_prefix + _encodable(text))
        ids, offsets = encoding.ids[len(self._opening) : -1], encoding.offsets[len(self._opening) : -1]
        starts, ends = np.zeros(len(ids), np.int32), np.zeros(len(ids), np.int32)
        for token, (begin, finish) in enumerate(offsets):
            starts[token], ends[token] = _trimmed(text, max(begin - shift, 0), max(finish - shift, 0))
        return PassageTokens(np.array(ids, np.int32), starts, ends)

    def window_ids(self, tokens: PassageTokens, window: Window) -> np.ndarray:
        """`<s> passage: … </s>` around one window's tokens."""
        return np.array([*self._opening, *tokens.ids[window.first : window.last], *self._closing], np.int32)

    def heading_ids(self, heading: str) -> np.ndarray:
        """`<s> passage: … </s>` around the first `HEADING_LIMIT` tokens of what a passage stands under."""
        tokens = self.passage(heading)
        return self.window_ids(tokens, Window(0, min(len(tokens), HEADING_LIMIT)))


def cut_span(tokens: PassageTokens, first: int, last: int, start_cut: int, end_cut: int) -> tuple[int, int]:
    """Code points of the span of tokens `first … last` less the cuts; a cut that would leave nothing is not made."""
    whole = int(tokens.starts[first]), int(tokens.ends[last])
    start, end = whole[0] + start_cut, whole[1] - end_cut
    if start >= tokens.ends[first]:
        start = whole[0]
    if end <= tokens.starts[last]:
        end = whole[1]
    return (start, end) if start < end else whole


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A range without the white space at its ends."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _encodable(text: str) -> str:
    """The text with `?` in place of lone surrogates, which the tokenizer refuses; of the same length."""
    return text.encode(errors="replace").decode()
