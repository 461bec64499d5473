"""From spans to the answer: all candidates on one scale, equal answers grouped, abstention below a threshold."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.fold import fold
from rag.numerals import answer_key
from rag.reader.units import with_unit
from rag.types import AbstentionReason, Alternative, Answer, Candidate, Citation, Span

# What asks for a reason or a way is answered with a sentence, other questions with a span; folded.
_ASKS_FOR_SENTENCE = re.compile(
    r"为什么|为何|为啥|何以|原因|理由|如何|怎么|怎样|\bwhy\b|\bhow (?!many|much|long|old|far|big|large|fast|often)"
)
_MAX_ALTERNATIVES = 4
_MAX_CLOSEST = 3

# The log of a span's share among all spans of its passage. Below it 30 of 100 spans were right, above it 57: those of
# passages that hold an answer, of the development questions that the confidence is fitted on, by the reader of then.
_WEAK = -1.5
Confidence = Callable[[float, float | None], float]


@dataclass(frozen=True, slots=True)
class Reading:
    """A candidate, what was chosen of it, and the log-odds that it is right."""

    candidate: Candidate
    span: Span
    log_odds: float

    @property
    def key(self) -> str:
        """The same for answers that are taken as one."""
        return answer_key(self.span.text)

    def cite(self, confidence: float) -> Citation:
        """The passage it was read in, and where."""
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
            score=confidence,
        )


def choose(
    question: str, passages: Sequence[str], spans: Sequence[Span], sentences: Sequence[Span]
) -> tuple[Span, ...]:
    """What is quoted of each passage: its sentence when the question asks for a reason or a way, or when the span is
    weak and stands in that sentence; else the span, with its unit if it ends in a number."""
    if _ASKS_FOR_SENTENCE.search(fold(question)):
        return tuple(sentences)
    return tuple(
        sentence
        if _is_weak(span) and sentence.start <= span.start < span.end <= sentence.end
        else with_unit(span, text)
        for text, span, sentence in zip(passages, spans, sentences, strict=True)
    )


def _is_weak(span: Span) -> bool:
    return span.score + span.no_answer_score < _WEAK


def rank(readings: Sequence[Reading], confidence: Confidence) -> tuple[Alternative, ...]:
    """Every answer that was read, most confident first.

    Equal answers of several passages are one, with a citation each. `confidence`: from the log-odds of an answer and
    of the best different one to the probability that it is right.
    """
    groups: dict[str, list[Reading]] = {}
    for reading in sorted(readings, key=lambda reading: -reading.log_odds):
        if reading.span.start < reading.span.end:
            groups.setdefault(reading.key, []).append(reading)
    return tuple(_alternative(group, list(groups.values()), confidence) for group in groups.values())


def decide(
    question: str, found: Sequence[Alternative], candidates: Sequence[Candidate], min_confidence: float
) -> Answer:
    """The answer to `question`: the first one found if it reaches `min_confidence`, with the next ones as alternatives;
    else an abstention with its reason and the passages that come closest."""
    best = found[0].confidence if found else 0.0
    if found and best >= min_confidence:
        others = tuple(found[1 : 1 + _MAX_ALTERNATIVES])
        return Answer(question, found[0].text, best, None, found[0].citations, others, ())
    reason: AbstentionReason = "low_confidence" if found else "no_span" if candidates else "no_candidates"
    closest = tuple(candidate.passage for candidate in candidates[:_MAX_CLOSEST])
    return Answer(question, "", best, reason, (), (), closest)


def _alternative(group: list[Reading], groups: list[list[Reading]], confidence: Confidence) -> Alternative:
    """One answer with all its citations. Its rival is the best different answer."""
    rival = next((other[0].log_odds for other in groups if other is not group), None)
    confidences = [confidence(reading.log_odds, rival) for reading in group]
    citations = tuple(reading.cite(value) for reading, value in zip(group, confidences, strict=True))
    return Alternative(group[0].span.text, confidences[0], citations)
