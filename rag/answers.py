"""From spans to the answer: all candidates on one scale, equal answers grouped, abstention below a threshold."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rag.fold import fold
from rag.numerals import answer_key
from rag.passages import sentences
from rag.reader.units import with_unit
from rag.types import AbstentionReason, Alternative, Answer, Candidate, Citation, Span

# What asks for a reason or a way is answered with a sentence, other questions with a span; folded.
_ASKS_FOR_SENTENCE = re.compile(
    r"为什么|为何|为啥|何以|原因|理由|如何|怎么|怎样|\bwhy\b|\bhow (?!many|much|long|old|far|big|large|fast|often)"
)
_MAX_ALTERNATIVES = 4
_MAX_CLOSEST = 3

# The log of a span's share among all spans of its passage, what stands within it counted in. Below it 50 of 100 spans
# said the answer, above it 85: 1,201 questions of the development sets but CMRC's, each put to its own passage.
_WEAK = -0.85
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


def choose(question: str, passages: Sequence[str], spans: Sequence[Span]) -> tuple[Span, ...]:
    """What is quoted of each passage: the whole sentences that its span stands in when the question asks for a reason
    or a way, or when the span is weak; else the span, with its unit if it ends in a number."""
    asks_for_sentence = bool(_ASKS_FOR_SENTENCE.search(fold(question)))
    return tuple(
        _in_sentences(span, text) if asks_for_sentence or _is_weak(span) else with_unit(span, text)
        for text, span in zip(passages, spans, strict=True)
    )


def _is_weak(span: Span) -> bool:
    return span.score + span.no_answer_score < _WEAK


def _in_sentences(span: Span, passage: str) -> Span:
    """The span, from the start of its first sentence to the end of its last, without white space around them."""
    touched = [place for place in sentences(passage) if place[0] < span.end and span.start < place[1]]
    if not touched:
        return span
    start, end = touched[0][0], touched[-1][1]
    text = passage[start:end]
    start, end = end - len(text.lstrip()), start + len(text.rstrip())
    return replace(span, start=start, end=end, text=passage[start:end])


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
