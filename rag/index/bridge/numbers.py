"""Numbers and dates in English and in Chinese notation: `1.2 billion` is 12亿, `fourteen` is 十四, `March` is 3月.

Readings are sequences of words as `rag.index.lexical.words` cuts them.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from rag.index.lexical import words
from rag.numerals import chinese_numeral, in_digits, plain

Reading = tuple[str, ...]

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_NAMES = {name: i for i, name in enumerate(_SMALL)} | {name: 20 + 10 * i for i, name in enumerate(_TENS)}
_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_MONTHS = ("january february march april may june july august september october november december").split()
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")

_DIGITS = "〇一二三四五六七八九"
_MYRIADS = {"万亿": 12, "亿": 8, "万": 4}
_DIGITS_AND_KIND = re.compile(r"(\d+(?:\.\d+)?)[月年]?")
_CHINESE = re.compile(r"(?:\d+(?:\.\d+)?|[〇零一二两三四五六七八九十百千]+)(?:万亿|亿|万)?[月年]?")


def english_number(tokens: Sequence[str]) -> tuple[int, list[Reading]]:
    """How many of the first `tokens` (small letters) are a number or a month, and its readings in Chinese; 0 and none
    where there is no number."""
    if tokens[0] in _MONTHS:
        month = _MONTHS.index(tokens[0]) + 1
        return 1, [(str(month), "月"), (chinese_numeral(month) + "月",)]
    value, length = _leading_value(tokens)
    if value is None:
        return 0, []
    power = 0
    while length < len(tokens) and tokens[length] in _SCALES:
        power += _SCALES[tokens[length]]
        length += 1
    return length, list(dict.fromkeys(_chinese_readings(value.scaleb(power))))


def _leading_value(tokens: Sequence[str]) -> tuple[Decimal | None, int]:
    first = tokens[0]
    if ordinal := _ORDINAL.fullmatch(first):
        return Decimal(ordinal[1]), 1
    if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", first):
        return Decimal(first), 1
    if first not in _NAMES:
        return None, 0
    value = _NAMES[first]
    if value >= 20 and len(tokens) > 1 and 0 < _NAMES.get(tokens[1], 0) < 10:
        return Decimal(value + _NAMES[tokens[1]]), 2
    return Decimal(value), 1


def _chinese_readings(value: Decimal) -> Iterator[Reading]:
    if value == value.to_integral() and value < 10_000:
        number = int(value)
        yield (str(number),)
        # What has four digits is a year before all, which is read digit by digit.
        year = "".join(_DIGITS[int(digit)] for digit in str(number)) + "年"
        yield tuple(dict.fromkeys(words(chinese_numeral(number) if number < 1000 else year)))
        return
    for unit, power in _MYRIADS.items():
        share = value.scaleb(-power)
        if 1 <= share < 10_000:
            for counted in ("", "元", "美元", "人"):
                yield tuple(dict.fromkeys(words(f"{plain(share)}{unit}{counted}")))


def chinese_numbers(question: str) -> Iterator[tuple[str, list[Reading]]]:
    """Each number, year and month of a folded Chinese question, as it stands there, and its readings in English."""
    for match in _CHINESE.finditer(question):
        digits, kind = _DIGITS_AND_KIND.fullmatch(in_digits(match[0])), match[0][-1]
        if digits is None:
            continue
        value = Decimal(digits[1])
        if kind == "月" and 1 <= value <= 12:
            yield match[0], [(_MONTHS[int(value) - 1],)]
        else:
            yield match[0], list(_english_readings(value))


def _english_readings(value: Decimal) -> Iterator[Reading]:
    if value == value.to_integral() and value < 10_000:
        number = int(value)
        yield (str(number),)
        if number < 20:
            yield (_SMALL[number],)
        elif number < 100:
            yield (_TENS[number // 10 - 2], _SMALL[number % 10]) if number % 10 else (_TENS[number // 10 - 2],)
        return
    for scale in ("thousand", "million", "billion", "trillion"):
        share = value.scaleb(-_SCALES[scale])
        if 1 <= share < 10_000:
            yield tuple(dict.fromkeys((*words(plain(share)), scale)))
