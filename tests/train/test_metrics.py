"""The measures, against values worked out by hand."""

import pytest

from rag.train.metrics import auroc, exact_match, f1, longest_common_substring, segments


def test_segments_cut_characters_one_by_one_and_words_whole() -> None:
    assert segments("2008年, NBA球员") == ["2008", "年", ",", "nba", "球", "员"]
    assert segments("《红楼梦》，1.5米") == ["红", "楼", "梦", "1.5", "米"]
    assert segments(" Wi-Fi ") == ["wi", "fi"]


@pytest.mark.parametrize(
    ("answer", "gold", "exact", "overlap"),
    [
        ("杭州市", ["杭州市"], 1, 1.0),
        ("「杭州」", ["杭州"], 1, 1.0),
        ("NBA", ["nba"], 1, 1.0),
        ("杭州", ["杭州市"], 0, 0.8),  # 2 * 2 / (2 + 3)
        ("北杭西州", ["杭州"], 0, 2 / 6),  # the longest common substring is one character: 2 * 1 / (4 + 2)
        ("杭州", ["宁波", "杭州市", "杭州府城"], 0, 0.8),  # the best gold counts
        ("", ["杭州"], 0, 0.0),
        ("杭州", [], 0, 0.0),
    ],
)
def test_exact_match_and_f1(answer: str, gold: list[str], exact: float, overlap: float) -> None:
    assert exact_match(answer, gold) == exact
    assert f1(answer, gold) == pytest.approx(overlap)


def test_longest_common_substring_is_not_a_subsequence() -> None:
    assert longest_common_substring("abcde", "abxcde") == 3
    assert longest_common_substring("", "a") == 0


def test_auroc_counts_pairs_in_order_and_ties_half() -> None:
    assert auroc([3.0, 2.0, 1.0], [True, False, False]) == 1.0
    assert auroc([1.0, 2.0, 3.0], [True, False, False]) == 0.0
    assert auroc([1.0, 1.0, 2.0, 0.0], [True, False, True, False]) == pytest.approx((0.5 + 1 + 1 + 1) / 4)
    assert auroc([1.0, 2.0], [True, True]) is None
