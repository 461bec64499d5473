"""The measures, on cases worked out by hand."""

import pytest

from rag.measures import (
    Bin,
    auroc,
    calibration,
    calibration_error,
    exact_match,
    f1,
    holds,
    longest_common_run,
    resamples,
    risk_coverage,
    risk_coverage_area,
    says,
    segments,
)


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


@pytest.mark.parametrize(
    ("text", "answer", "held"),
    [
        ("钱塘区有14所高校。", "14所", True),
        ("《实施意见》出台", "实施意见", True),
        ("2014年", "14", False),
        ("1.5米", "5米", False),
        ("杭州", "杭州市", False),
        ("杭州", "。", False),
        ("", "杭州", False),
    ],
)
def test_holds(text: str, answer: str, held: bool) -> None:
    assert holds(text, answer) is held


@pytest.mark.parametrize(
    ("text", "answers", "said"),
    [
        ("2022年,杭州市实现生产总值18753亿元。", ["18753亿", "18753亿元"], True),
        ("杭州", ["杭州市"], False),  # F1 0.8
        ("装备制造、生物医药", ["端装备制造、生物医药"], True),  # F1 16/17
        ("张三", ["李三"], False),
        # F1 24/25 and 12/13, but another number.
        ("多万元人民币整,不含税费", ["3000多万元人民币整,不含税费"], False),
        ("2000多万元人民币整,不含税费", ["3000多万元人民币整,不含税费"], False),
        ("上海、广州和深圳", ["上海、广州、深圳和珠海"], False),
        ("18753亿元", [], False),
        ("", ["杭州"], False),
    ],
)
def test_says(text: str, answers: list[str], said: bool) -> None:
    assert says(text, answers) is said


def test_calibration_error_is_the_distance_of_confidence_and_share_over_ten_bins() -> None:
    confidences, right = [1.0, 0.95, 0.35, 0.31], [True, False, True, False]
    assert calibration(confidences, right) == (
        Bin(2, pytest.approx(0.33), 0.5),
        Bin(2, pytest.approx(0.975), 0.5),
    )
    assert calibration_error(confidences, right) == pytest.approx((0.17 + 0.475) / 2)
    assert calibration_error([0.0, 1.0], [False, True]) == 0.0
    assert calibration_error([], []) is None


def test_risk_coverage_is_the_share_of_wrong_ones_among_the_most_confident() -> None:
    confidences, right = [0.2, 0.9, 0.5, 0.4], [False, True, False, True]
    assert list(risk_coverage(confidences, right)) == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert risk_coverage_area(confidences, right) == pytest.approx((5 / 6 + 1 / 2) / 4)
    # Those that tie count as their mean, in whatever order they come.
    assert list(risk_coverage([0.5, 0.9, 0.5], [False, True, True])) == pytest.approx([0, 0.25, 1 / 3])
    assert list(risk_coverage([0.5, 0.5, 0.9], [True, False, True])) == pytest.approx([0, 0.25, 1 / 3])
    assert risk_coverage_area([], []) is None


def test_resamples_are_the_same_every_time() -> None:
    drawn = resamples(7)
    assert drawn.shape == (1000, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert (resamples(7) == drawn).all()
    assert drawn.mean(axis=0) == pytest.approx([1.0] * 7, abs=0.1)
