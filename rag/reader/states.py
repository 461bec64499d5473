"""The lower half of a passage, the same for every question: computed when it is indexed, or when it is read."""

from collections.abc import Iterable
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.encoder import Encoder, OnnxEncoder
from rag.reader.tokens import PassageTokens, SpanTokenizer, Window, WindowSizes, window_ranges


class LowerHalf(Protocol):
    """The encoder's lower layers: token ids (length) -> states above the reader's split layer (length, width)."""

    def __call__(self, ids: np.ndarray, /) -> np.ndarray:
        """States of these ids, which stand in one sequence by themselves."""


def passage_states(encoder: Encoder, text: str) -> tuple[NDArray[np.float16], ...] | None:
    """The lower states of a passage, one array (tokens + 4, width) for each of its windows; the same text gives the
    same bytes. None with an encoder that has no lower half to offer."""
    if not isinstance(encoder, OnnxEncoder):
        return None
    tokenizer, sizes = _tokenizer(encoder), WindowSizes()
    tokens = tokenizer.passage(text)
    windows = window_ranges(len(tokens), sizes.size, sizes.stride)
    return window_states(tokenizer, encoder.lower_states, tokens, windows)


def window_states(
    tokenizer: SpanTokenizer, lower: LowerHalf, tokens: PassageTokens, windows: Iterable[Window]
) -> tuple[NDArray[np.float16], ...]:
    """The lower states of each window. In float16, as they are kept, so that answers do not depend on their being
    kept."""
    return tuple(np.asarray(lower(tokenizer.window_ids(tokens, window)), np.float16) for window in windows)


@cache
def _tokenizer(encoder: OnnxEncoder) -> SpanTokenizer:
    return SpanTokenizer(encoder.tokenizer)
