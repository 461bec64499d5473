"""From spans to the answer: all candidates on one scale, equal answers grouped, abstention below a threshold."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.fold import fold
from rag.numerals import in_digits
from rag.types import AbstentionReason, Alternative, Answer, Candidate, Citation, Span

# The logistic model of `_confidence`: fitted on 83 development questions; to be replaced by a calibrator.
_BIAS, _HOLDS, _SHARE, _SENTENCE = -0.72, 0.462, 1.09, 0.452
_LEAST_SENTENCE_SCORE = -30.0  # a passage without a sentence scores minus infinity

MIN_CONFIDENCE = 0.1

# What asks for a reason or a way is answered with a sentence, other questions with a span; folded.
_ASKS_FOR_SENTENCE = re.compile(
    r"为什么|为何|为啥|何以|原因|理由|如何|怎么|怎样|\bwhy\b|\bhow (?!many|much|long|old|far|big|large|fast|often)"
)
_MARKS = re.compile(r"(?<!\d)\.|\.(?!\d)|[^\w.%]|_")  # all but letters, digits, decimal points and per cent
_MAX_ALTERNATIVES = 4


@dataclass(frozen=True, slots=True)
class _Reading:
    """A candidate, what the reader selected in it, and how likely that is right."""

    candidate: Candidate
    span: Span
    confidence: float

    @property
    def key(self) -> str:
        """The same for answers that only differ in script, width, case, punctuation, white space and notation of
        numbers and dates."""
        return _MARKS.sub("", in_digits(self.span.text)) or self.span.text

    def cite(self) -> Citation:
        passage, span = self.candidate.passage, self.span
        start, end = passage.alignment.raw_span(span.start, span.end)
        return Citation(
            source=passage.source,
            title=passage.title,
            section=passage.section,
            date=passage.date,
            publisher=passage.publisher,
            paragraph=passage.paragraph,
            passage=passage.text,
            quote_start=span.start,
            quote_end=span.end,
            start=start,
            end=end,
            score=self.confidence,
        )


def decide(
    question: str,
    candidates: Sequence[Candidate],
    spans: Sequence[Span],
    sentences: Sequence[Span],
    min_confidence: float,
) -> Answer:
    """The answer to `question` from the best span and the best sentence of each candidate.

    A question for a reason or a way is answered with the sentence, any other with the span. Equal answers of several
    passages are one, with a citation each, most confident first. The most confident one is the answer if it reaches
    `min_confidence`, the next ones are its alternatives.
    """
    selected = sentences if _ASKS_FOR_SENTENCE.search(fold(question)) else spans
    readings = sorted(
        (
            _Reading(candidate, choice, _confidence(span, sentence))
            for candidate, choice, span, sentence in zip(candidates, selected, spans, sentences, strict=True)
            if choice.start < choice.end
        ),
        key=lambda reading: -reading.confidence,
    )
    groups: dict[str, list[_Reading]] = {}
    for reading in readings:
        groups.setdefault(reading.key, []).append(reading)
    found = [
        Alternative(group[0].span.text, group[0].confidence, tuple(reading.cite() for reading in group))
        for group in groups.values()
    ]
    if not found:
        return _abstain(question, "no_span" if candidates else "no_candidates", 0.0, ())
    best, *others = found
    if best.confidence < min_confidence:
        return _abstain(question, "low_confidence", best.confidence, tuple(found[:_MAX_ALTERNATIVES]))
    return Answer(question, best.text, best.confidence, None, best.citations, tuple(others[:_MAX_ALTERNATIVES]))


def _abstain(
    question: str, reason: AbstentionReason, confidence: float, alternatives: tuple[Alternative, ...]
) -> Answer:
    return Answer(question, "", confidence, reason, (), alternatives)


def _confidence(span: Span, sentence: Span) -> float:
    """The probability that the passage answers with them, 0 to 1: a logistic model of three log-odds.

    That the passage holds an answer; that, if it does, it is this span among all; that this sentence holds it.
    """
    log_odds = (
        _BIAS
        - _HOLDS * span.no_answer_score
        + _SHARE * (span.score + span.no_answer_score)
        + _SENTENCE * max(sentence.score - sentence.no_answer_score, _LEAST_SENTENCE_SCORE)
    )
    return (1 + math.tanh(log_odds / 2)) / 2
