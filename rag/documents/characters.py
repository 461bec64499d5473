"""Cleaning by the character: what is removed inside a line, and how lines are joined.

Cleaning removes; it never adds or rewrites. So a cleaned text is the raw text less some ranges, and whatever it keeps
stands in the raw file as it is.
"""

import re
from collections.abc import Iterator

# Hanzi, kana, and the punctuation and full-width forms that are written with them: no space belongs between these.
CJK = "\u2e80-\u303f\u3040-\u30ff\u3100-\u312f\u31c0-\u31ef\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
CJK += "\U00020000-\U0003ffff"
HANZI = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"

# A pinyin syllable that bears its tone, as converters leave it in brackets behind a character they could not convert:
# `區(qū)`. Without a tone mark it could be a word of the author's, as in `他们(they)`, and stays.
_TONED = "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜḿńňǹ"
_READING = rf"(?<=[{HANZI}])[(（](?=[a-zü\u0300-\u0308\u030c]{{0,5}}(?:[{_TONED}]|[aeiouün][\u0300\u0301\u0304\u030c]))[a-zü{_TONED}\u0300-\u0308\u030c]{{1,8}}[)）]"
# Characters without a shape of their own: controls, byte-order marks, zero-width spaces, soft hyphens, marks that
# turn the direction of writing round. Joiners stay, since emoji and Indic scripts need them.
_INVISIBLE = "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]+"
_CJK_SIDE = re.compile(f"[{CJK}“”‘’…—]")
_SPACE = r"[^\S\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]"

_LINE_END = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_INLINE = re.compile(rf"{_READING}|{_INVISIBLE}|(?<={_SPACE}){_SPACE}+")
# A line that only numbers a page: `- 3 -`, `第3页`, `3/10`, `Page 3`.
_PAGE_NUMBER = re.compile(r"\s*(?:[-—–·]{1,2}\s*\d{1,4}\s*[-—–·]{1,2}|第\s*\d{1,4}\s*[页頁]|\d{1,3}\s*/\s*\d{1,3}|[Pp]age\s+\d{1,4})\s*")

Ranges = list[tuple[int, int]]


def lines(raw: str) -> Iterator[tuple[int, int]]:
    """The range of every line of `raw`, in order, without its line end."""
    start = 0
    for match in _LINE_END.finditer(raw):
        yield start, match.start()
        start = match.end()
    yield start, len(raw)


def kept_in_line(raw: str, start: int, end: int) -> Ranges:
    """The ranges of the line `raw[start:end]` that stay: stripped, white space runs cut to their first character.

    Nothing stays of a line that only numbers a page.
    """
    if _PAGE_NUMBER.fullmatch(raw, start, end):
        return []
    return _strip(raw, _without(_INLINE, raw, start, end))


def bridge(raw: str, before: int, after: int) -> Ranges:
    """What stays of `raw[before:after]`, the break between two parts of one paragraph.

    Nothing next to a CJK character; between words of an alphabet one white space, a plain space if there is one.
    """
    if _CJK_SIDE.match(raw[before - 1]) or _CJK_SIDE.match(raw[after]):
        return []
    spaces = [i for i in range(before, after) if raw[i].isspace()]
    kept = min(spaces, key=lambda i: (raw[i] != " ", raw[i] != "\n", i))
    return [(kept, kept + 1)]


def clean(raw: str) -> str:
    """The cleaned form of a stretch of a raw file that lies within one paragraph: the check of every citation."""
    ranges: Ranges = []
    for start, end in lines(raw):
        kept = kept_in_line(raw, start, end)
        if kept and ranges:
            ranges += bridge(raw, ranges[-1][1], kept[0][0])
        ranges += kept
    return "".join(raw[start:end] for start, end in ranges)


def _without(pattern: re.Pattern[str], raw: str, start: int, end: int) -> Ranges:
    """`raw[start:end]` less every match of `pattern`."""
    ranges, position = [], start
    for match in pattern.finditer(raw, start, end):
        if match.start() > position:
            ranges.append((position, match.start()))
        position = match.end()
    if position < end:
        ranges.append((position, end))
    return ranges


def _strip(raw: str, ranges: Ranges) -> Ranges:
    """`ranges` without the white space at both ends."""
    while ranges:
        start, end = ranges[0]
        start += len(raw[start:end]) - len(raw[start:end].lstrip())
        if start < end:
            ranges[0] = (start, end)
            break
        ranges.pop(0)
    while ranges:
        start, end = ranges[-1]
        end -= len(raw[start:end]) - len(raw[start:end].rstrip())
        if start < end:
            ranges[-1] = (start, end)
            break
        ranges.pop()
    return ranges
