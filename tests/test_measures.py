"""The measures of CMRC 2018, on cases worked out by hand."""

import pytest

from rag.measures import exact_match, f1


@pytest.mark.parametrize(
    ("text", "answers", "expected"),
    [
        ("18753亿元", ["18753亿元"], 1.0),
        ("18753亿元。", ["18753亿元"], 1.0),
        ("《实施意见》", ["实施意见"], 1.0),
        ("GDP", ["gdp"], 1.0),
        ("1,200家", ["1200家"], 1.0),
        ("3.8万人", ["38万人"], 0.0),
        ("杭州", ["杭州市", "杭州"], 1.0),
        ("杭州", ["杭州市"], 0.0),
        ("", ["杭州"], 0.0),
        ("杭州", [], 0.0),
        ("。", ["。"], 0.0),
    ],
)
def test_exact_match(text: str, answers: list[str], expected: float) -> None:
    assert exact_match(text, answers) == expected


@pytest.mark.parametrize(
    ("text", "answers", "expected"),
    [
        # 杭 州 市 against 杭 州: 2 in common, precision 2/3, recall 2/2
        ("杭州市", ["杭州"], 0.8),
        # 18753 is one segment, 亿 and 元 one each: 3 in common of 4 and 3
        ("达18753亿元", ["18753亿元"], 6 / 7),
        # The longest run counts: of 甲乙丁丙 and 甲乙丙 it is 甲乙
        ("甲乙丁丙", ["甲乙丙"], 4 / 7),
        ("生产总值", ["18753亿元"], 0.0),
        ("杭州", ["上海", "杭州市"], 0.8),
        ("the West Lake", ["west lake"], 0.8),
        ("", ["杭州"], 0.0),
        ("杭州", [], 0.0),
    ],
)
def test_f1(text: str, answers: list[str], expected: float) -> None:
    assert f1(text, answers) == pytest.approx(expected)
