"""Words and BM25."""

import math
from pathlib import Path

import pytest

from rag.index.lexical import LexicalIndex, coverage, query_words, rarity, words

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
        "there",
        "binjiang",
    ]


def test_search_ranks_by_bm25_and_breaks_ties_by_number() -> None:
    index = LexicalIndex.build(TEXTS)
    found = index.search("高校", 10)
    assert [number for number, _ in found] == [3, 0]  # the shorter text first
    # Lucene's BM25 (Robertson and Zaragoza 2009): idf · tf / (tf + k1 · (1 - b + b · length / mean length)).
    lengths = [len(words(text)) for text in TEXTS]
    idf = math.log(1 + (4 - 2 + 0.5) / (2 + 0.5))
    mean = sum(lengths) / 4
    expected = idf / (1 + 1.5 * (1 - 0.75 + 0.75 * lengths[3] / mean))
    assert found[0][1] == pytest.approx(expected, rel=1e-5)
    twins = LexicalIndex.build(["高校"] * 5)
    assert [number for number, _ in twins.search("高校", 3)] == [0, 1, 2]


def test_unknown_words_find_nothing() -> None:
    index = LexicalIndex.build(TEXTS)
    assert index.search("火锅底料", 10) == []
    assert index.search("?!", 10) == []
    assert index.search("的 多少", 10) == []


def test_traditional_finds_simplified() -> None:
    assert [number for number, _ in LexicalIndex.build(TEXTS).search("錢塘區", 1)] == [0]


def test_saved_and_loaded(tmp_path: Path) -> None:
    built = LexicalIndex.build(TEXTS)
    built.save(tmp_path / "one")
    LexicalIndex.build(TEXTS).save(tmp_path / "two")
    loaded = LexicalIndex.load(tmp_path / "one")
    assert len(loaded) == len(built) == 4
    assert loaded.search("杭州高校", 10) == built.search("杭州高校", 10)
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
    assert index.weights("钱塘有高校吗? QX-1") == pytest.approx(
        {"钱塘": math.log(1 + 3.5 / 1.5), "高校": math.log(1 + 2.5 / 2.5), "qx": 0.0, "1": 0.0}
    )
