"""How right a text is, by the measures of CMRC 2018, and how far a confidence can be trusted.

Cui et al. 2019, "A Span-Extraction Dataset for Chinese Machine Reading Comprehension". A text is cut into segments:
each Chinese character is one, what stands between them is cut into words and marks; CMRC's list of punctuation is
left out and case is folded. Unlike SQuAD's bag of words, F1 counts the longest run of segments in common. Of several
acceptable answers the best counts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_PUNCTUATION = frozenset("-:_*^/\\~`+=，。：？！“”；’《》…·、「」（）－～『』")  # the published list
_HANZI = re.compile("[\u4e00-\u9fa5]")
_WORD = re.compile(r"\d+(?:[.,]\d+)+|\w+|[^\w\s]")

# The F1 from which a text that does not hold the whole answer still says it: one segment in six may be missing, so that
# a name of three characters must be whole and a list may lack its first word. Not tuned.
LEAST_F1 = 0.9
_BINS = 10  # of the calibration error; Guo et al. take 15, for sets of some thousands
_RESAMPLES, _SEED = 1000, 0


def exact_match(text: str, answers: Sequence[str]) -> float:
    """1 if `text` is one of `answers`, case, listed punctuation and white space around aside; else 0."""
    return float(bool(text) and any(_bare(text) == _bare(answer) for answer in answers))


def f1(text: str, answers: Sequence[str]) -> float:
    """The best F1 of `text` with one of `answers`, 0 to 1; 0 for an empty text or without answers.

    With L the length of the longest run of segments in common, precision is L over the segments of `text`, recall L
    over those of the answer, and F1 is their harmonic mean.
    """
    return max((_f1(segments(text), segments(answer)) for answer in answers), default=0.0)


def holds(text: str, answer: str) -> bool:
    """Whether the segments of `answer` stand in `text`, one after the other: `2014年` does not hold `14`."""
    found, wanted = segments(text), segments(answer)
    return bool(wanted) and any(
        found[start : start + len(wanted)] == wanted for start in range(len(found) - len(wanted) + 1)
    )


def says(text: str, answers: Sequence[str]) -> bool:
    """Whether a reader of `text` learns one of `answers` from it.

    It does when it holds the answer whole, as a sentence that is quoted for it does (the accuracy by inclusion of
    open-domain question answering, as in Mallen et al. 2023, "When Not to Trust Language Models"); exact match counts
    such an answer as wrong (Kamalloo et al. 2023, "Evaluating Open-Domain Question Answering in the Era of Large
    Language Models"). It also does when it leaves out so little that F1 is 0.9 or more and no number is missing.
    A text that only shares a part with the answer does not.
    """
    return any(
        holds(text, answer) or (f1(text, [answer]) >= LEAST_F1 and _numbers(answer) <= _numbers(text))
        for answer in answers
    )


def auroc(scores: ArrayLike, positive: ArrayLike) -> float | None:
    """Area under the ROC curve, 0 to 1: the chance that a positive scores above a negative, ties counting half.

    From ranks (Mann and Whitney 1947). None without both kinds.
    """
    values, kinds = np.asarray(scores, float), np.asarray(positive, bool)
    positives, negatives = int(kinds.sum()), int((~kinds).sum())
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    return float((mean_rank[inverse][kinds].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def calibration_error(confidences: ArrayLike, right: ArrayLike) -> float | None:
    """The expected calibration error, 0 to 1, lower is better; None without any.

    The mean distance between confidence and share of right ones over ten bins of equal width, each weighted by what
    is in it: Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """
    bins = calibration(confidences, right)
    total = sum(bin.count for bin in bins)
    return sum(bin.count * abs(bin.confidence - bin.right) for bin in bins) / total if total else None


@dataclass(frozen=True, slots=True)
class Bin:
    """What has a confidence in the same tenth: how many, their mean confidence, and the share of right ones."""

    count: int
    confidence: float
    right: float


def calibration(confidences: ArrayLike, right: ArrayLike) -> tuple[Bin, ...]:
    """The ten bins of equal width from 0 to 1, without empty ones; a confidence of 1 belongs to the last."""
    values, kinds = np.asarray(confidences, float), np.asarray(right, float)
    tenths = np.minimum((values * _BINS).astype(int), _BINS - 1)
    return tuple(
        Bin(int(chosen.sum()), float(values[chosen].mean()), float(kinds[chosen].mean()))
        for chosen in (tenths == tenth for tenth in range(_BINS))
        if chosen.any()
    )


def risk_coverage(confidences: ArrayLike, right: ArrayLike) -> NDArray[np.float64]:
    """The share of wrong ones among the 1, 2, … n most confident, shape (n,): the risk at the coverage 1/n, 2/n, … 1.

    Geifman and El-Yaniv 2017, "Selective Classification for Deep Neural Networks". Where confidences tie, each counts
    as their mean, so that the order in which they come does not matter.
    """
    values, wrong = np.asarray(confidences, float), 1 - np.asarray(right, float)
    _, inverse, counts = np.unique(-values, return_inverse=True, return_counts=True)
    shared = np.repeat(np.bincount(inverse, wrong) / counts, counts) if len(values) else wrong
    return np.asarray(np.cumsum(shared) / np.arange(1, len(values) + 1), np.float64)


def risk_coverage_area(confidences: ArrayLike, right: ArrayLike) -> float | None:
    """The area under the risk-coverage curve, 0 to 1, lower is better: the mean of its risks; None without any.

    Geifman, Uziel and El-Yaniv 2019, "Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers".
    """
    risks = risk_coverage(confidences, right)
    return float(risks.mean()) if risks.size else None


def resamples(count: int) -> NDArray[np.int64]:
    """How often each of `count` questions is drawn in each of 1,000 samples with replacement, shape (1000, count).

    The bootstrap of Efron 1979, with a fixed seed: the same count gives the same samples.
    """
    drawn = np.random.default_rng(_SEED).multinomial(count, np.full(count, 1 / count), size=_RESAMPLES)
    return np.asarray(drawn, np.int64)


def segments(text: str) -> list[str]:
    """`"2008年, NBA球员"` -> `["2008", "年", ",", "nba", "球", "员"]`."""
    found: list[str] = []
    run = ""
    for character in text.casefold().strip():
        if character in _PUNCTUATION or _HANZI.match(character):
            found += _WORD.findall(run)
            run = ""
            if character not in _PUNCTUATION:
                found.append(character)
        else:
            run += character
    return found + _WORD.findall(run)


def longest_common_run(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest run of segments that stands in both."""
    longest, previous = 0, [0] * (len(second) + 1)
    for segment in first:
        current = [0]
        for i, other in enumerate(second):
            current.append(previous[i] + 1 if segment == other else 0)
        longest, previous = max(longest, *current), current
    return longest


def _numbers(text: str) -> set[str]:
    return {segment for segment in segments(text) if any(c.isdigit() for c in segment)}


def _bare(text: str) -> str:
    return "".join(character for character in text.casefold().strip() if character not in _PUNCTUATION)


def _f1(found: Sequence[str], wanted: Sequence[str]) -> float:
    common = longest_common_run(found, wanted)
    return 2 * common / (len(found) + len(wanted)) if common else 0.0
