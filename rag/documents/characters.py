"""Cleaning by the character: what goes inside a paragraph, and how its lines are joined.

Cleaning removes; it never adds or rewrites. So a cleaned text is the raw text less some ranges, and whatever it keeps
stands in the raw file as it is.

What goes is decided by what stands next to it and by nothing farther away. So cleaning any stretch of a paragraph that
begins and ends with a kept character gives just that part of the cleaned paragraph. Every citation is checked by that.
"""

import re
from collections.abc import Iterator

# Hanzi, kana, and the punctuation and full-width forms that are written with them: no space belongs between these.
CJK = (
    "\u2e80-\u2fff\u3001-\u30ff\u3100-\u312f\u31c0-\u31ef\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff01-\uffef"
    "\U00020000-\U0003ffff"
)
HANZI = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
TONED = "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜḿńňǹ"

_LINE_ENDS = "\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029"  # where `str.splitlines` splits
_SPACES = "\t\x1f \xa0\u1680\u2000-\u200a\u202f\u205f\u3000"  # all other characters that are `str.isspace`
# Characters without a shape of their own: controls, byte-order marks, zero-width spaces, soft hyphens, marks that
# turn the direction of writing round. Joiners stay, since emoji and Indic scripts need them.
_INVISIBLE = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c"
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
)
_BLANK = f"[{_SPACES}{_INVISIBLE}]"

# A pinyin syllable that bears its tone, as converters leave it in brackets behind a character they could not convert:
# `區(qū)`. Without a tone mark it could be a word of the author's, as in `他们(they)`, and stays.
_READING = (
    rf"(?<=[{HANZI}])[(（](?=[a-zü\u0300-\u0308\u030c]{{0,5}}(?:[{TONED}]|[aeiouün][\u0300\u0301\u0304\u030c]))"
    rf"[a-zü{TONED}\u0300-\u0308\u030c]{{1,8}}[)）]"
)
# A line that only numbers a page: `- 3 -`, `第3页`, `3/10`, `Page 3`.
_PAGE_NUMBER = (
    r"(?:[-—–·－]{1,2} ?\d{1,4} ?[-—–·－]{1,2}|第 ?\d{1,4} ?[页頁](?: ?[/,，共] ?共? ?\d{1,4} ?[页頁])?"
    r"|\d{1,3} ?/ ?\d{1,3}|[Pp]age \d{1,4}(?: of \d{1,4})?)"
)
# White space, over line ends and page numbers too. Possessive, so that no run of spaces is looked at twice.
_GAP = rf"(?:{_BLANK}++|[{_LINE_ENDS}](?:{_BLANK}*+{_PAGE_NUMBER}{_BLANK}*+(?=[{_LINE_ENDS}]))?+)++"

_REMOVABLE = re.compile(f"(?P<reading>{_READING})|(?P<gap>{_GAP})")
_LINE_END = re.compile(rf"\r\n|[{_LINE_ENDS}]")
_UP_TO_LINE_END = re.compile(rf"{_BLANK}*+(?:\r\n|[{_LINE_ENDS}])?+")
_PAGE_NUMBER_LINE = re.compile(_PAGE_NUMBER)
_SHOWN = re.compile(f"[^{_SPACES}{_LINE_ENDS}{_INVISIBLE}]")
_BEST_SPACES = (re.compile(" "), re.compile("\n"), re.compile(rf"[{_SPACES}{_LINE_ENDS}]"))
_CJK = re.compile(f"[{CJK}]")

Ranges = list[tuple[int, int]]


def lines(raw: str) -> Iterator[tuple[int, int]]:
    """The range of every line of `raw`, in order, without its line end."""
    start = 0
    for match in _LINE_END.finditer(raw):
        yield start, match.start()
        start = match.end()
    yield start, len(raw)


def strip(raw: str, start: int, end: int) -> tuple[int, int]:
    """The range of `raw[start:end]` from its first to its last visible character; an empty one if it has none."""
    first = _SHOWN.search(raw, start, end)
    last = _SHOWN.search(raw[start:end][::-1])
    return (first.start(), end - last.start()) if first and last else (start, start)


def numbers_page(raw: str, start: int, end: int) -> bool:
    """Whether `raw[start:end]`, a stripped line, is a page number."""
    return _PAGE_NUMBER_LINE.fullmatch(raw, start, end) is not None


def line_end_after(raw: str, position: int) -> int:
    """Where the first line end at or after `position` stands; the line feed where it is one of two characters."""
    match = _LINE_END.search(raw, position)
    return match.end() - 1 if match else len(raw)


def kept(raw: str, start: int, end: int) -> Ranges:
    """The ranges of `raw[start:end]` that stay, for a stretch of one paragraph that begins and ends with a kept one.

    Readings and invisible characters go. Of white space in a line one character stays. Of a line break, with any page
    number, nothing stays next to a CJK character; between words of an alphabet one white space.
    """
    ranges: Ranges = []
    position = start
    for match in _REMOVABLE.finditer(raw, start, end):
        if match[0] == " ":  # stays as it is, as nearly all do
            continue
        if match.start() > position:
            ranges.append((position, match.start()))
        position = match.end()
        if match["gap"]:
            before = raw[ranges[-1][1] - 1] if ranges else ""
            after = raw[position] if position < end else ""
            ranges += _kept_in_gap(raw, match.start(), match.end(), before + after)
    if position < end:
        ranges.append((position, end))
    return ranges


def clean(raw: str) -> str:
    """The cleaned form of a stretch of a raw file that begins and ends with characters of one and the same passage."""
    return "".join(raw[start:end] for start, end in kept(raw, 0, len(raw)))


def _kept_in_gap(raw: str, start: int, end: int, neighbours: str) -> Ranges:
    """The one white space, if any, that stays of the gap `raw[start:end]`: a plain space if there is one.

    Sought up to the first line end only: then any part of the gap that begins or ends with it leads to it again.
    """
    match = _UP_TO_LINE_END.match(raw, start, end)
    first_end = match.end() if match else end
    if _CJK.search(neighbours) and _LINE_END.search(raw, start, first_end):
        return []
    for space in _BEST_SPACES:
        if found := space.search(raw, start, first_end):
            return [found.span()]
    return []
