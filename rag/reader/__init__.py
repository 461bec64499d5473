"""The reader: selects the span of a passage that answers a question."""

from collections.abc import Sequence
from typing import Protocol

from rag.reader.sentence import SentenceReader
from rag.reader.states import passage_states
from rag.types import Span

__all__ = ["Reader", "SentenceReader", "passage_states"]


class Reader(Protocol):
    """What the answer stage needs of a reader. The span of a passage depends on question and passage alone."""

    def read(self, question: str, passages: Sequence[str]) -> tuple[Span, ...]:
        """For each passage its best span, never abstaining; only an empty passage has an empty span."""
