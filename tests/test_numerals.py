"""Numbers and dates in one notation."""

import pytest

from rag.numerals import chinese_numeral, in_digits


@pytest.mark.parametrize(
    "same",
    [
        ("2023年", "二〇二三年", "二零二三年", "２０２３年"),
        ("120000000", "1.2亿", "一亿二千万", "120,000,000", "1.2億"),
        ("793000", "79.3万", "79.3萬", "793,000"),
        ("2024年9月26日", "二零二四年九月二十六日", "2024-09-26", "2024/9/26", "2024年09月26日"),
        ("20000", "两万", "2万", "二万"),
        ("30%", "百分之三十", "百分之30"),
        ("1875300000000元", "1.8753万亿元", "18753亿元"),
        ("22", "廿二", "二十二"),
        ("14所", "十四所"),
        ("第32届", "第三十二届"),
    ],
)
def test_one_notation(same: tuple[str, ...]) -> None:
    assert [in_digits(text) for text in same] == [same[0]] * len(same)


@pytest.mark.parametrize(
    "text", ["万科", "上万人", "1.5", "3,5", "192.168.1.1", "cats", "二亿一", "零十一", "十十一", ""]
)
def test_what_is_no_number_stays(text: str) -> None:
    assert in_digits(text) == text


def test_numerals_in_characters() -> None:
    expected = {0: "零", 7: "七", 10: "十", 14: "十四", 20: "二十", 101: "一百零一", 110: "一百一十", 205: "二百零五"}
    assert {number: chinese_numeral(number) for number in expected} == expected
