"""How right a text is: the measures of CMRC 2018.

Cui et al. 2019, "A Span-Extraction Dataset for Chinese Machine Reading Comprehension". Both compare without case and
punctuation and take the best over all acceptable answers. They differ from SQuAD's: Chinese is compared by the
character, and F1 counts the longest run that both have in common, not a bag of words.
"""

import re
from collections.abc import Sequence

_HANZI = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
# The published list, and the half-width forms of what it has in full width. `.` and `%` stay: 3.8 is not 38.
_PUNCTUATION = re.compile(r"[-:_*^/\\~`+=，。：？！“”；’《》…·、「」（）－～『』,?!;\"'()\[\]<>【】‘—]")


def exact_match(text: str, answers: Sequence[str]) -> float:
    """1 if `text` is one of `answers`, else 0; 0 for an empty text or without answers."""
    found = _segments(text)
    return float(bool(found) and any(found == _segments(answer) for answer in answers))


def f1(text: str, answers: Sequence[str]) -> float:
    """The best F1 of `text` with one of `answers`, 0 to 1; 0 for an empty text or without answers.

    With L the length of the longest run of segments in common, precision is L over the segments of `text`, recall L
    over those of the answer, and F1 is their harmonic mean.
    """
    return max((_f1(_segments(text), _segments(answer)) for answer in answers), default=0.0)


def _f1(found: Sequence[str], wanted: Sequence[str]) -> float:
    common = _longest_common_run(found, wanted)
    return 2 * common / (len(found) + len(wanted)) if common else 0.0


def _segments(text: str) -> list[str]:
    """Chinese characters one by one and words of other characters, lower case, without punctuation."""
    return _HANZI.sub(lambda match: f" {match[0]} ", _PUNCTUATION.sub("", text.lower())).split()


def _longest_common_run(first: Sequence[str], second: Sequence[str]) -> int:
    longest, previous = 0, [0] * (len(second) + 1)
    for segment in first:
        current = [0]
        for i, other in enumerate(second):
            current.append(previous[i] + 1 if segment == other else 0)
        longest, previous = max(longest, *current), current
    return longest
