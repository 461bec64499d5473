"""Candidates over the real index of the seeds."""

from pathlib import Path

import pytest

import rag
from rag.index import Index
from rag.index.lexical import plain_terms


def test_the_score_is_the_sum_of_both_cosines_and_the_share_of_words(engine: rag.Engine, seeds_index: Path) -> None:
    question = "2022年杭州的生产总值是多少?"
    index = Index(seeds_index)
    vector = index.encoder.encode_question(question).vector
    dense, sentence = dict(index.passages.search(vector, 164)), dict(index.sentences.search(vector, 164))
    share = dict(index.lexical.search(plain_terms(question), 164))
    found = engine.search(question, 50)
    numbers = {passage.id: number for number, passage in enumerate(index.store.passages(range(164)))}
    for candidate in found:
        number = numbers[candidate.passage.id]
        expected = dense[number] + sentence[number] + 0.3 * share.get(number, 0)
        assert candidate.score == pytest.approx(expected, abs=1e-5)
    assert [candidate.score for candidate in found] == sorted((c.score for c in found), reverse=True)
    for side in ("dense_rank", "sentence_rank", "lexical_rank"):
        ranks = [getattr(candidate, side) for candidate in found if getattr(candidate, side) is not None]
        assert len(ranks) == len(set(ranks))


def test_words_count_more_where_the_scripts_differ(tmp_path: Path) -> None:
    articles = tmp_path / "articles"
    articles.mkdir()
    text = "绍兴的企业\n\n绍兴有上市公司81家。\n\nShaoxing has 81 listed firms.\n"
    (articles / "a.txt").write_text(text, encoding="utf-8")
    rag.build(articles, tmp_path / "index")
    index, question = Index(tmp_path / "index"), "How many listed companies are there in Shaoxing?"
    vector = index.encoder.encode_question(question).vector
    share = dict(index.lexical.search(index.bridge.terms(question), 2))
    assert len(share) == 2
    weights = {"绍兴有上市公司81家。": 0.7, "Shaoxing has 81 listed firms.": 0.3}
    found = rag.open(tmp_path / "index").search(question, 5)
    assert {candidate.passage.text for candidate in found} == set(weights)
    for candidate in found:
        cosines = sum(side.similarity(candidate.number, vector) for side in (index.passages, index.sentences))
        words = weights[candidate.passage.text] * share[candidate.number]
        assert candidate.score == pytest.approx(cosines + words, abs=1e-5)


def test_the_right_passage_comes_first(engine: rag.Engine) -> None:
    best = engine.search("2022年杭州的生产总值是多少?", 3)[0]
    assert (best.dense_rank, best.sentence_rank, best.lexical_rank) == (1, 1, 1)
    assert best.passage.source == "001_8e6b4b469e2de1b1.txt"
    assert best.passage.title == "冲刺2万亿!杭州放大招!"
    assert best.passage.section == ""
    assert best.passage.text.startswith("2022年,杭州实现生产总值18753亿元")
    assert best.passage.id == "001_8e6b4b469e2de1b1.txt#3"


def test_a_side_that_finds_nothing_gives_no_rank(engine: rag.Engine) -> None:
    found = engine.search("Где жарят кальмаров?", 5)
    assert len(found) == 5
    assert [candidate.lexical_rank for candidate in found] == [None] * 5


def test_an_english_question_finds_chinese_words(tmp_path: Path) -> None:
    articles = tmp_path / "articles"
    articles.mkdir()
    (articles / "a.txt").write_text("绍兴的企业\n\n绍兴有上市公司81家。\n\n绍兴产黄酒。\n", encoding="utf-8")
    rag.build(articles, tmp_path / "index")
    best, other = rag.open(tmp_path / "index").search("How many listed companies are there in Shaoxing?", 5)
    assert best.passage.text == "绍兴有上市公司81家。"
    assert (best.lexical_rank, other.lexical_rank) == (1, 2)


def test_title_and_section_are_searched(engine: rag.Engine) -> None:
    found = engine.search("树立标杆找差距", 200)
    holding = [c for c in found if c.passage.section == "树立标杆找差距"]
    assert sorted(c.lexical_rank for c in holding if c.lexical_rank) == list(range(1, len(holding) + 1))


def test_more_than_there_is(engine: rag.Engine) -> None:
    found = engine.search("杭州", 1000)
    ids = [candidate.passage.id for candidate in found]
    assert len(ids) == len(set(ids)) <= 1000


def test_the_same_question_gives_the_same_candidates(engine: rag.Engine) -> None:
    assert engine.search("滨江区委书记是谁", 50) == engine.search("滨江区委书记是谁", 50)
