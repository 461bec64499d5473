"""The measures, on cases worked out by hand."""

import pytest

from rag.measures import auroc, exact_match, f1, longest_common_run, segments


def test_segments_cut_characters_one_by_one_and_words_whole() -> None:
    assert segments("2008年, NBA球员") == ["2008", "年", ",", "nba", "球", "员"]
    assert segments("《红楼梦》，1.5米") == ["红", "楼", "梦", "1.5", "米"]
    assert segments(" Wi-Fi ") == ["wi", "fi"]


@pytest.mark.parametrize(
    ("text", "answers", "expected"),
    [
        ("18753亿元", ["18753亿元"], 1.0),
        ("18753亿元。", ["18753亿元"], 1.0),
        ("《实施意见》", ["实施意见"], 1.0),
        ("GDP", ["gdp"], 1.0),
        ("3.8万人", ["38万人"], 0.0),
        ("杭州", ["杭州市", "杭州"], 1.0),
        ("杭州", ["杭州市"], 0.0),
        ("", ["杭州"], 0.0),
        ("杭州", [], 0.0),
        ("", ["。"], 0.0),
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
        ("北杭西州", ["杭州"], 2 / 6),
        ("生产总值", ["18753亿元"], 0.0),
        ("杭州", ["上海", "杭州市"], 0.8),
        ("the West Lake", ["west lake"], 0.8),
        ("", ["杭州"], 0.0),
        ("杭州", [], 0.0),
    ],
)
def test_f1(text: str, answers: list[str], expected: float) -> None:
    assert f1(text, answers) == pytest.approx(expected)


def test_longest_common_run_is_no_subsequence() -> None:
    assert longest_common_run("abcde", "abxcde") == 3
    assert longest_common_run("", "a") == 0


def test_auroc_counts_pairs_in_order_and_ties_half() -> None:
    assert auroc([3.0, 2.0, 1.0], [True, False, False]) == 1.0
    assert auroc([1.0, 2.0, 3.0], [True, False, False]) == 0.0
    assert auroc([1.0, 1.0, 2.0, 0.0], [True, False, True, False]) == pytest.approx((0.5 + 1 + 1 + 1) / 4)
    assert auroc([1.0, 2.0], [True, True]) is None
