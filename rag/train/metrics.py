"""How answers are judged: CMRC's exact match and F1, and the ranking of answerable against unanswerable questions.

CMRC 2018 (Cui et al. 2019) cuts a text into segments: each Chinese character is one, each run between them is cut into
words, CMRC's list of punctuation is left out, case is folded. Unlike SQuAD's bag of words, its F1 counts the longest
common *substring* of segments. Several gold answers: the best counts.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np

PUNCTUATION = frozenset("-:_*^/\\~`+=，。：？！“”；’《》…·、「」（）－～『』")  # CMRC's own list
_HAN = re.compile("[\u4e00-\u9fa5]")
_WORD = re.compile(r"\d+(?:[.,]\d+)+|\w+|[^\w\s]")


def segments(text: str) -> list[str]:
    """`"2008年, NBA球员"` -> `["2008", "年", ",", "nba", "球", "员"]`."""
    result: list[str] = []
    run = ""
    for character in text.casefold().strip():
        if character in PUNCTUATION or _HAN.match(character):
            result.extend(_WORD.findall(run))
            run = ""
            if character not in PUNCTUATION:
                result.append(character)
        else:
            run += character
    return result + _WORD.findall(run)


def exact_match(answer: str, gold: Iterable[str]) -> float:
    """1 when the answer equals a gold answer, case, white space around and CMRC's punctuation aside; else 0."""
    return float(any(_bare(answer) == _bare(one) for one in gold))


def f1(answer: str, gold: Iterable[str]) -> float:
    """0..1: the harmonic mean of the common substring's share of the answer and of the gold answer; the best gold."""
    return max((_f1(segments(answer), segments(one)) for one in gold), default=0.0)


def _bare(text: str) -> str:
    return "".join(character for character in text.casefold().strip() if character not in PUNCTUATION)


def _f1(answer: Sequence[str], gold: Sequence[str]) -> float:
    common = longest_common_substring(answer, gold)
    return 2 * common / (len(answer) + len(gold)) if common else 0.0


def longest_common_substring(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest run of segments that stands in both."""
    best, previous = 0, [0] * (len(second) + 1)
    for segment in first:
        current = [0] * (len(second) + 1)
        for place, other in enumerate(second, 1):
            if segment == other:
                current[place] = previous[place - 1] + 1
                best = max(best, current[place])
        previous = current
    return best


def auroc(scores: Sequence[float], positive: Sequence[bool]) -> float | None:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counting half.

    From ranks (Mann and Whitney 1947). None without both kinds.
    """
    values, kinds = np.asarray(scores, float), np.asarray(positive, bool)
    positives, negatives = int(kinds.sum()), int((~kinds).sum())
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    return float((mean_rank[inverse][kinds].sum() - positives * (positives + 1) / 2) / (positives * negatives))
