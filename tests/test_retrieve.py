"""Candidates over the real index of the seeds."""

import pytest

import rag


def test_fuses_three_rankings_by_reciprocal_rank(engine: rag.Engine) -> None:
    found = engine.search("2022年杭州的生产总值是多少?", 50)
    for candidate in found:
        ranks = (candidate.dense_rank, candidate.sentence_rank, candidate.lexical_rank)
        assert candidate.score == pytest.approx(sum(1 / (60 + rank) for rank in ranks if rank is not None))
    assert [candidate.score for candidate in found] == sorted((c.score for c in found), reverse=True)
    for side in ("dense_rank", "sentence_rank", "lexical_rank"):
        ranks = [getattr(candidate, side) for candidate in found if getattr(candidate, side) is not None]
        assert len(ranks) == len(set(ranks))


def test_the_right_passage_comes_first(engine: rag.Engine) -> None:
    best = engine.search("2022年杭州的生产总值是多少?", 3)[0]
    assert (best.dense_rank, best.sentence_rank, best.lexical_rank) == (1, 1, 1)
    assert best.passage.source == "001_8e6b4b469e2de1b1.txt"
    assert best.passage.title == "冲刺2万亿!杭州放大招!"
    assert best.passage.section == ""
    assert best.passage.text.startswith("2022年,杭州实现生产总值18753亿元")
    assert best.passage.id == "001_8e6b4b469e2de1b1.txt#3"


def test_a_side_that_finds_nothing_gives_no_rank(engine: rag.Engine) -> None:
    found = engine.search("Where does one grill squid?", 5)
    assert len(found) == 5
    assert [candidate.lexical_rank for candidate in found] == [None] * 5


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
