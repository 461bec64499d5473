"""How right a text is, by the measures of CMRC 2018, and how well a score tells two kinds apart.

Cui et al. 2019, "A Span-Extraction Dataset for Chinese Machine Reading Comprehension". A text is cut into segments:
each Chinese character is one, what stands between them is cut into words and marks; CMRC's list of punctuation is
left out and case is folded. Unlike SQuAD's bag of words, F1 counts the longest run of segments in common. Of several
acceptable answers the best counts.
"""

import re
from collections.abc import Sequence

import numpy as np

_PUNCTUATION = frozenset("-:_*^/\\~`+=，。：？！“”；’《》…·、「」（）－～『』")  # the published list
_HANZI = re.compile("[\u4e00-\u9fa5]")
_WORD = re.compile(r"\d+(?:[.,]\d+)+|\w+|[^\w\s]")


def exact_match(text: str, answers: Sequence[str]) -> float:
    """1 if `text` is one of `answers`, case, listed punctuation and white space around aside; else 0."""
    return float(bool(text) and any(_bare(text) == _bare(answer) for answer in answers))


def f1(text: str, answers: Sequence[str]) -> float:
    """The best F1 of `text` with one of `answers`, 0 to 1; 0 for an empty text or without answers.

    With L the length of the longest run of segments in common, precision is L over the segments of `text`, recall L
    over those of the answer, and F1 is their harmonic mean.
    """
    return max((_f1(segments(text), segments(answer)) for answer in answers), default=0.0)


def auroc(scores: Sequence[float], positive: Sequence[bool]) -> float | None:
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


def _bare(text: str) -> str:
    return "".join(character for character in text.casefold().strip() if character not in _PUNCTUATION)


def _f1(found: Sequence[str], wanted: Sequence[str]) -> float:
    common = longest_common_run(found, wanted)
    return 2 * common / (len(found) + len(wanted)) if common else 0.0
