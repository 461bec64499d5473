"""Numbers and dates in one notation, so that 二〇二三年 and 2023年, 1.2亿 and 120,000,000 compare as equal."""

import re
from decimal import Decimal

import cn2an

from rag.fold import fold

_CHINESE = re.compile(r"[零〇一二两三四五六七八九十百千廿卅][零〇一二两三四五六七八九十百千万亿廿卅]*")
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_SCALED = re.compile(r"(\d+(?:\.\d+)?)(万亿|亿|万|千)")
_ISO_DATE = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_PERCENT = re.compile(r"百分之(\d+(?:\.\d+)?)")
_DATE_PART = re.compile(r"(?<!\d)0+(?=\d+[\u6708\u65e5])")  # 09月 is 9月
_MARKS = re.compile(r"(?<!\d)\.|\.(?!\d)|[^\w.%]|_")  # all but letters, digits, decimal points and per cent
_SCALES = {"千": 10**3, "万": 10**4, "亿": 10**8, "万亿": 10**12}


def in_digits(text: str) -> str:
    """`text` folded, with its numbers as plain digits and its dates as `2023年5月1日`; not of the same length.

    A Chinese numeral that stands in a word (三 of 三里屯) becomes a digit as well: what is compared is compared so on
    both sides.
    """
    digits = _GROUPED.sub(lambda match: match[0].replace(",", ""), fold(text))
    digits = _SCALED.sub(_scaled, _CHINESE.sub(_number, digits))
    dated = _ISO_DATE.sub(lambda match: f"{match[1]}年{int(match[2])}月{int(match[3])}日", digits)
    return _PERCENT.sub(r"\1%", _DATE_PART.sub("", dated))


def answer_key(text: str) -> str:
    """The same for answers that only differ in script, width, case, punctuation, white space and notation of numbers
    and dates."""
    return _MARKS.sub("", in_digits(text)) or text


def chinese_numeral(number: int) -> str:
    """A number from 0 up in Chinese characters: 14 -> 十四."""
    return str(cn2an.an2cn(number, "low"))


def _number(match: re.Match[str]) -> str:
    try:
        value = cn2an.cn2an(match[0].translate({ord("〇"): "零"}), "smart")
    except (ValueError, KeyError):  # no number: 一一 of 一一列举; a KeyError is what cn2an has for 十十一 and 二亿一
        return match[0]
    return plain(Decimal(str(value)))


def _scaled(match: re.Match[str]) -> str:
    return plain(Decimal(match[1]) * _SCALES[match[2]])


def plain(value: Decimal) -> str:
    """A number without an exponent and without zeros behind the point."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
