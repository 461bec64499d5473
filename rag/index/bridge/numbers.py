"""Numbers and dates in English and in Chinese notation: `1.2 billion` is 12亿, `fourteen` is 十四, `March` is 3月.

Readings are sequences of words as `rag.index.lexical.words` cuts them.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from rag.index.lexical import words

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
_VALUES = {digit: i for i, digit in enumerate(_DIGITS)} | {"零": 0, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_MYRIADS = {"万亿": 12, "亿": 8, "万": 4}
_CHINESE = re.compile("([0-9]+(?:\\.[0-9]+)?|[〇零一二两三四五六七八九十百千]+)(万亿|亿|万)?(月|年)?")


def english_number(tokens: Sequence[str]) -> tuple[int, list[Reading]]:
    """How many of the first `tokens` (small letters) are a number or a month, and its readings in Chinese; 0 and none
    where there is no number."""
    if tokens[0] in _MONTHS:
        month = _MONTHS.index(tokens[0]) + 1
        return 1, [(str(month), "月"), (numeral(month) + "月",)]
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
        yield tuple(dict.fromkeys(words(numeral(number) if number < 1000 else year)))
        return
    for unit, power in _MYRIADS.items():
        share = value.scaleb(-power)
        if 1 <= share < 10_000:
            for counted in ("", "元", "美元", "人"):
                yield tuple(dict.fromkeys(words(f"{_plain(share)}{unit}{counted}")))


def chinese_numbers(question: str) -> Iterator[tuple[str, list[Reading]]]:
    """Each number, year and month of a folded Chinese question, as it stands there, and its readings in English."""
    for match in _CHINESE.finditer(question):
        digits, myriad, kind = match[1], match[2], match[3]
        value = _chinese_value(digits, is_year=kind == "年" and not myriad)
        if value is None:
            continue
        if kind == "月" and not myriad and 1 <= value <= 12:
            yield match[0], [(_MONTHS[int(value) - 1],)]
        else:
            readings = list(dict.fromkeys(_english_readings(value.scaleb(_MYRIADS.get(myriad, 0)))))
            yield match[0], readings


def _chinese_value(digits: str, is_year: bool) -> Decimal | None:
    if digits[0].isdecimal():
        return Decimal(digits)
    if all(digit in _VALUES for digit in digits) and (len(digits) == 1 or is_year):
        return Decimal("".join(str(_VALUES[digit]) for digit in digits))
    total, current = 0, None
    for digit in digits:
        if digit in _VALUES:
            current = _VALUES[digit]
        else:
            total += (1 if current is None or current == 0 else current) * _UNITS[digit]
            current = None
    return Decimal(total + (current or 0)) if any(digit in _UNITS for digit in digits) else None


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
            yield tuple(dict.fromkeys((*words(_plain(share)), scale)))


def numeral(number: int) -> str:
    """A number from 0 to 9999 in Chinese characters: 14 -> 十四, 205 -> 二百零五."""
    if number < 10:
        return "零" if number == 0 else _DIGITS[number]
    written, gap = "", False
    for unit, value in (("千", 1000), ("百", 100), ("十", 10), ("", 1)):
        digit, number = divmod(number, value)
        if digit:
            written += ("零" if gap else "") + _DIGITS[digit] + unit
            gap = False
        else:
            gap = bool(written) and number > 0
    return written[1:] if written.startswith("一十") else written


def _plain(value: Decimal) -> str:
    """A decimal without an exponent and without zeros at its end."""
    shown = f"{value:f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
