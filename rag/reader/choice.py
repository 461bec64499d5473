"""Which span of a passage is quoted: not the likeliest one, but the one of which most can be expected.

Where an answer ends is often a matter of taste (`上城区`, `杭州市上城区`), and the likeliest of many like spans may be
likely by itself in one case out of five. So every span is weighed by the F1 that it has with the others and by the
chance that it holds the answer whole and is at most twice as long, each of the others being the answer as often as the
reader says: minimum Bayes risk decoding (Kumar and Byrne 2004, "Minimum Bayes-Risk Decoding for Statistical Machine
Translation"). Without the bound a quote gained by holding two answers that rule each other out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.reader.tokens import PassageTokens, Window, cut_span
from rag.reader.weights import SPAN_LIMIT
from rag.types import Span

NO_SPAN = -100.0  # the score where no span can be: a passage without a visible character; finite, so that it is JSON
BEST = 20  # spans of a passage that are weighed; with 10, 40 or 60 no set below differs by more than 1.2 exact matches

# What holding the answer counts beside F1, and how much of the quote the answer must be. Of 0 to 0.4 and of none to
# half chosen on the development sets, against the likeliest span: every set but CMRC holds the answer 1.5 to 4 times
# more in 100 questions, CMRC 8; exact match gains 3 to 6 points on CMRC, portals and folders, stays on bulletins, and
# loses 2 to 3.5 on DRCD and XQuAD, whose answers are as short as can be, and 5 on SQuAD.
_HOLDING, _LEAST_PART = 0.2, 0.5


@dataclass(frozen=True, slots=True)
class WindowSpans:
    """The best spans of a window, at most `BEST`: start and end in the passage, and the log-odds against "no answer
    here"; and the log of the sum of exp(score) over all of its spans, -inf without any."""

    spans: tuple[tuple[int, int, float], ...]
    total: float


def window_spans(
    scores: NDArray[np.float32],
    start_cuts: NDArray[np.float32],
    end_cuts: NDArray[np.float32],
    tokens: PassageTokens,
    window: Window,
) -> WindowSpans:
    """What a window's scores say of its spans of at most `SPAN_LIMIT` tokens; of equal ones the first is taken.

    scores: (length, length), from token i of the window to token j. Cuts: (length, CUT_CHOICES), how much of a token
    that begins or ends a span is not part of it.
    """
    places = np.arange(window.last - window.first)
    distance = places[None, :] - places[:, None]
    written = tokens.ends[window.first : window.last] > tokens.starts[window.first : window.last]
    allowed = np.flatnonzero((distance >= 0) & (distance < SPAN_LIMIT) & written[:, None] & written[None, :])
    if not len(allowed):
        return WindowSpans((), -np.inf)
    found = scores.ravel()[allowed]
    least = np.partition(found, -BEST)[-BEST] if len(found) > BEST else -np.inf
    top = np.flatnonzero(found >= least)
    top = top[np.argsort(-found[top], kind="stable")][:BEST]
    best = float(found[top[0]])
    total = best + float(np.log(np.exp(found - np.float32(best)).sum(dtype=np.float64)))
    spans = []
    for place in top:
        first, last = divmod(int(allowed[place]), len(places))
        cuts = int(start_cuts[first].argmax()), int(end_cuts[last].argmax())
        spans.append((*cut_span(tokens, window.first + first, window.first + last, *cuts), float(found[place])))
    return WindowSpans(tuple(spans), total)


def choose_span(text: str, windows: Sequence[WindowSpans]) -> Span:
    """The span to quote from a passage, of those of all its windows; an empty one when there is none.

    score: the log-odds that the answer is this span or one of the best `BEST` that stand within it, against "no answer
    here". no_answer_score: the log-odds of "no answer here" against all spans.
    """
    scores: dict[tuple[int, int], float] = {}
    for start, end, score in (span for window in windows for span in window.spans):
        scores[start, end] = max(score, scores.get((start, end), score))
    if not scores:
        return Span(0, 0, "", NO_SPAN, -NO_SPAN)
    best = sorted(scores, key=lambda place: (-scores[place], place))[:BEST]
    start, end, score = _most_expected(np.array(best), np.array([scores[place] for place in best]))
    no_answer = -float(np.logaddexp.reduce([window.total for window in windows]))
    return Span(start, end, text[start:end], score, no_answer)


def _most_expected(places: NDArray[np.int64], scores: NDArray[np.float64]) -> tuple[int, int, float]:
    """Start and end of the span of which most can be expected, of equal ones the first, and its score; see
    `choose_span`. places: (spans, 2), the likeliest first."""
    starts, ends = places[:, :1], places[:, 1:]
    common = np.maximum(0, np.minimum(ends, ends.T) - np.maximum(starts, starts.T))
    f1 = 2 * common / (ends - starts + (ends - starts).T)
    within = (starts <= starts.T) & (ends >= ends.T)
    holds = within & (_LEAST_PART * (ends - starts) <= (ends - starts).T)
    chances = np.exp(scores - scores[0])
    chosen = int((((1 - _HOLDING) * f1 + _HOLDING * holds) @ (chances / chances.sum())).argmax())
    return int(starts[chosen, 0]), int(ends[chosen, 0]), float(np.logaddexp.reduce(scores[within[chosen]]))
