"""Measuring the system on a question set: what it did with each question, where an answer was lost, what changed."""

from rag.evaluate.gate import Verdict, compare, read_accepted, read_baseline, write_baseline
from rag.evaluate.measured import Estimate, Group, by_group, measure
from rag.evaluate.outcomes import Outcome, judge, run
from rag.evaluate.picture import draw_confidence
from rag.evaluate.questions import KINDS, Question, read_questions, with_known_answer

__all__ = [
    "KINDS",
    "Estimate",
    "Group",
    "Outcome",
    "Question",
    "Verdict",
    "by_group",
    "compare",
    "draw_confidence",
    "judge",
    "measure",
    "read_accepted",
    "read_baseline",
    "read_questions",
    "run",
    "with_known_answer",
    "write_baseline",
]
