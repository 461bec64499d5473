"""Text whose lines were all cut at one width: which line breaks are no paragraph's."""

import re
from collections.abc import Sequence
from itertools import pairwise

from rag.documents.characters import CJK
from rag.documents.lines import Line, width

# Narrower lines are verses or lists, and wider ones no screen or typewriter has cut.
_MIN_WIDTH, _MAX_WIDTH = 30, 160
# So many lines of a file, and so large a share of those that another follows directly, must be cut at its width.
_MIN_LINES, _MIN_SHARE = 4, 0.6

# What a line end does not tear: a word of an alphabet, a character and the punctuation that may not begin a line.
_FIRST_WORD = re.compile(rf"[{CJK}][,.。、;:!?,;:!?)】》」』”’]*|[^\s{CJK}]+")


def wrap_width(found: Sequence[Line]) -> int | None:
    """The width at which the lines of a file were cut, None if they were not."""
    widest = max((width(line.text) for line in found if line.is_narrow(_MAX_WIDTH)), default=0)
    if not _MIN_WIDTH <= widest <= _MAX_WIDTH or not all(line.is_narrow(widest) for line in found):
        return None
    pairs = [pair for pair in pairwise(found) if not pair[1].after_blank]
    cut = sum(is_cut(*pair, widest) for pair in pairs)
    return widest if cut >= max(_MIN_LINES, _MIN_SHARE * len(pairs)) else None


def is_cut(line: Line, following: Line, widest: int) -> bool:
    """Whether `line` ends where it does only because the first word of `following` would not have fitted on it."""
    if following.after_blank or following.indent > line.indent or following.is_enumerated:
        return False
    word = _FIRST_WORD.match(following.text)
    needed = width(line.text) + (width(word[0]) if word else 0)
    return needed > widest
