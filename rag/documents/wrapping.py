"""Text whose lines were all cut at one width: which line breaks are no paragraph's."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.documents.characters import CJK
from rag.documents.lines import Line, width

# Columns. Narrower lines are verses or lists, and wider ones no screen or typewriter has cut.
_MIN_WIDTH, _MAX_WIDTH = 30, 160
# So many lines of a file, and so large a share of those that another follows directly, must be cut at its margin.
_MIN_LINES, _MIN_SHARE = 4, 0.6
# Prose that is cut has marks within its lines, unlike the rows of a table, and seldom at their ends, unlike verses.
_MARK = re.compile(r"[,。;、?!]|[.:](?=\s|$)")
_MIN_MARKED, _MAX_CLOSED = 0.4, 0.5

# What a line end does not tear: a word of an alphabet, a character and the punctuation that may not begin a line.
_FIRST_WORD = re.compile(rf"[{CJK}][,.。、;:!?)】》」』”’\uff0c\uff0e\uff1b\uff1a\uff01\uff1f\uff09]*|[^\s{CJK}]+")


@dataclass(frozen=True, slots=True)
class Margin:
    """Where the lines of a file were cut: measured in columns, or in characters whatever their width."""

    measure: Callable[[str], int]
    widest: int

    def cuts(self, line: Line, following: Line) -> bool:
        """Whether `line` ends where it does only because the first word of `following` would not have fitted on it."""
        torn = following.after_blank and not line.is_closed  # by a page break
        if (following.after_blank and not torn) or len(following.indent) > len(line.indent) or following.is_enumerated:
            return False
        word = _FIRST_WORD.match(following.text)
        return self.measure(line.indent + line.text + (word[0] if word else "")) > self.widest


def margin_of(found: Sequence[Line]) -> Margin | None:
    """The margin of a file, None if its lines were not cut at one."""
    if not found or not all(line.is_narrow(_MAX_WIDTH) for line in found):
        return None
    if max(width(line.indent + line.text) for line in found) < _MIN_WIDTH:
        return None
    if sum(bool(_MARK.search(line.folded)) for line in found) < _MIN_MARKED * len(found):
        return None
    pairs = [(line, following) for line, following in pairwise(found) if not following.after_blank]
    for measure in (width, len):
        margin = Margin(measure, max(measure(line.indent + line.text) for line in found))
        cut = [line for line, following in pairs if margin.cuts(line, following)]
        closed = sum(line.is_closed for line in cut)
        if len(cut) >= max(_MIN_LINES, _MIN_SHARE * len(pairs)) and closed <= _MAX_CLOSED * len(cut):
            return margin
    return None
