"""Words and BM25."""

import math
from pathlib import Path

import pytest

from rag.index.lexical import LexicalIndex, Term, coverage, plain_terms, query_words, rarity, words

TEXTS = ["钱塘区有14所高校", "滨江区培育上市企业65家", "杭州实现生产总值18753亿元", "杭州的高校"]


def test_words_are_folded_and_without_punctuation() -> None:
    assert words("錢塘區,１４所高校!GDP ") == ["钱塘", "区", "14", "所", "高校", "gdp"]


def test_long_words_come_with_the_words_inside_them() -> None:
    assert words("中华人民共和国") == ["中华", "华人", "人民", "共和", "共和国", "中华人民共和国"]


def test_words_that_ask_are_not_looked_up() -> None:
    assert query_words("钱塘区的高校有多少?") == ["钱塘", "区", "高校"]
    assert query_words("How many listed companies are there in Binjiang?") == [
        "listed",
        "companies",
        "binjiang",
    ]


def search(index: LexicalIndex, question: str, count: int = 10) -> list[tuple[int, float]]:
    return index.search(plain_terms(question), count)


def idf(passages: int, holding: int) -> float:
    """Lucene's (Robertson and Zaragoza 2009)."""
    return math.log(1 + (passages - holding + 0.5) / (holding + 0.5))


def saturation(length: int, mean: float) -> float:
    return 1.5 * (1 - 0.75 + 0.75 * length / mean)


def test_search_ranks_by_bm25_and_breaks_ties_by_number() -> None:
    found = search(LexicalIndex.build(TEXTS), "高校")
    assert [number for number, _ in found] == [3, 0]  # the shorter text first
    # BM25 is idf · tf / (tf + saturation); the most that it can reach is idf.
    lengths = [len(words(text)) for text in TEXTS]
    assert found[0][1] == pytest.approx(1 / (1 + saturation(lengths[3], sum(lengths) / 4)), rel=1e-5)
    twins = LexicalIndex.build(["高校"] * 5)
    assert [number for number, _ in search(twins, "高校", 3)] == [0, 1, 2]


def test_unknown_words_lower_the_share() -> None:
    index = LexicalIndex.build(TEXTS)
    (best, share), *_ = search(index, "高校")
    unknown, known = idf(4, 0), idf(4, 2)
    assert search(index, "高校火锅")[0] == (best, pytest.approx(share * known / (known + unknown), rel=1e-5))


def test_unknown_words_find_nothing() -> None:
    index = LexicalIndex.build(TEXTS)
    assert search(index, "火锅底料") == []
    assert search(index, "?!") == []
    assert search(index, "的 多少") == []


def test_readings_of_a_term_count_as_one_word() -> None:
    index = LexicalIndex.build(["大学 大学 学院", "学院 港口", "港口 港口", "机场 机场"])
    # 大学 and 学院 together: three times in the first text, once in the second; in two texts of four.
    found = index.search([Term("college", (("大学",), ("学院",), ("书院",)))], 10)
    mean = 9 / 4
    assert found == [
        (0, pytest.approx(3 / (3 + saturation(3, mean)))),
        (1, pytest.approx(1 / (1 + saturation(2, mean)))),
    ]
    weight = idf(4, 2) / (idf(4, 2) + idf(4, 1))
    both = index.search([Term("college", (("大学",), ("学院",))), Term("airport", (("机场",),))], 10)
    assert dict(both)[0] == pytest.approx(weight * found[0][1])
    assert dict(both)[3] == pytest.approx((1 - weight) * 2 / (2 + saturation(2, mean)), rel=1e-5)


def test_a_reading_of_several_words_needs_them_all() -> None:
    index = LexicalIndex.build(["3 月 月", "月 月", "3 日"])
    term = Term("march", (("3", "月"),))
    assert index.search([term], 10) == [(0, pytest.approx(1 / (1 + saturation(3, 7 / 3))))]
    assert index.search([Term("march", (("3", "年"),))], 10) == []
    assert index.search([Term("march", ())], 10) == []


def test_a_term_of_one_reading_is_the_word() -> None:
    index = LexicalIndex.build(TEXTS)
    by_readings = index.search([Term("x", (("高校",), ("没有",)))], 10)
    assert by_readings == [(number, pytest.approx(share, rel=1e-5)) for number, share in search(index, "高校")]


def test_holds_more_of() -> None:
    index = LexicalIndex.build(["ab cd 高校", "高校"])
    assert index.vocabulary == ["ab", "cd", "高校"]
    assert index.holds_more_of({"ab", "cd"}, {"高校"})
    assert index.holds_more_of({"高校"}, {"ab", "cd"})
    assert not index.holds_more_of({"ab"}, {"高校"})


def test_traditional_finds_simplified() -> None:
    assert [number for number, _ in search(LexicalIndex.build(TEXTS), "錢塘區", 1)] == [0]


def test_saved_and_loaded(tmp_path: Path) -> None:
    built = LexicalIndex.build(TEXTS)
    built.save(tmp_path / "one")
    LexicalIndex.build(TEXTS).save(tmp_path / "two")
    loaded = LexicalIndex.load(tmp_path / "one")
    assert len(loaded) == len(built) == 4
    assert search(loaded, "杭州高校") == search(built, "杭州高校")
    term = Term("x", (("杭州",), ("高校",)))
    assert loaded.search([term], 10) == built.search([term], 10)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "two").iterdir())
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files)


def test_rare_words_weigh_more() -> None:
    assert rarity("的") < rarity("高校") < rarity("史陶比尔")


def test_coverage_is_the_share_of_rarity_found() -> None:
    wanted = query_words("钱塘区高校")
    assert coverage(wanted, "錢塘區的高校") == 1.0
    assert coverage(wanted, "天气") == 0.0
    assert coverage([], "天气") == 0.0
    parts = [rarity(word) for word in ("钱塘", "区", "高校")]
    assert coverage(wanted, "高校") == pytest.approx(parts[2] / sum(parts))


def test_the_weights_of_a_question_are_those_of_the_search() -> None:
    index = LexicalIndex.build(TEXTS)
    assert index.weights(plain_terms("钱塘有高校吗? QX-1")) == pytest.approx(
        {"钱塘": math.log(1 + 3.5 / 1.5), "高校": math.log(1 + 2.5 / 2.5), "qx": 0.0, "1": 0.0}
    )
