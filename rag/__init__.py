"""Yinju 引据: a question-answering system that quotes.

import rag

answer = rag.answer("2022年杭州的生产总值是多少？")
print(answer.text, answer.citations[0].source)
"""

from importlib.metadata import version

from rag.engine import Engine, answer, build, open, read
from rag.errors import (
    DocumentError,
    EncoderError,
    EvaluationError,
    QuestionError,
    RagError,
    SnapshotError,
)
from rag.types import Alternative, Answer, BuildReport, Candidate, Citation, Passage, Span

__version__ = version("yinju")

__all__ = [
    "Alternative",
    "Answer",
    "BuildReport",
    "Candidate",
    "Citation",
    "DocumentError",
    "EncoderError",
    "Engine",
    "EvaluationError",
    "Passage",
    "QuestionError",
    "RagError",
    "SnapshotError",
    "Span",
    "answer",
    "build",
    "open",
    "read",
]
