"""Passages cut to a few sentences, and joined to articles."""

import numpy as np
import pytest

from rag.train.excerpts import LONGEST, excerpt_set, joined_set
from rag.train.squad import GoldAnswer, GoldQuestion, Paragraph, QuestionSet

TEXT = "第一句讲钱塘。第二句讲下沙。第三句讲滨江。第四句讲余杭。第五句讲萧山。第六句讲临平。"


def asked(name: str, *answers: str) -> GoldQuestion:
    return GoldQuestion(name, name, tuple(GoldAnswer(answer, TEXT.index(answer)) for answer in answers))


def cut(seed: int, *questions: GoldQuestion) -> tuple[Paragraph, ...]:
    data = QuestionSet("s", (Paragraph(3, TEXT, questions, "题"),))
    return excerpt_set(data, np.random.default_rng(seed)).paragraphs


def test_excerpts_tile_the_passage_in_runs_of_one_to_four_sentences() -> None:
    lengths = set()
    for seed in range(40):
        excerpts = cut(seed)
        assert "".join(excerpt.text for excerpt in excerpts) == TEXT
        assert {(excerpt.article, excerpt.title) for excerpt in excerpts} == {(3, "题")}
        lengths |= {excerpt.text.count("。") for excerpt in excerpts}
    assert lengths == set(range(1, LONGEST + 1))


@pytest.mark.parametrize("seed", range(20))
def test_a_question_goes_with_its_answer_and_keeps_those_that_stand_there(seed: int) -> None:
    questions = (asked("萧山在哪句", "萧山", "第五句"), asked("哪两句", "下沙。第三句"), asked("没有"))
    excerpts = cut(seed, *questions)
    found = [(excerpt.text, question) for excerpt in excerpts for question in excerpt.questions]
    assert sorted(question.id for _, question in found) == sorted(question.id for question in questions)
    for text, question in found:
        assert all(text[answer.start : answer.end] == answer.text for answer in question.answers)
    assert [a.text for _, q in found for a in q.answers if q.id == "萧山在哪句"] == ["萧山", "第五句"]
    assert [a.text for _, q in found for a in q.answers if q.id == "哪两句"] == ["下沙。第三句"]  # not cut


def test_a_question_without_an_answer_goes_with_any_excerpt() -> None:
    texts = {e.text for seed in range(40) for e in cut(seed, asked("没有")) if e.questions}
    assert any(text.startswith("第一句") for text in texts)
    assert any(text.endswith("临平。") for text in texts)


def test_the_same_draws_cut_the_same() -> None:
    assert cut(1, asked("萧山在哪句", "萧山")) == cut(1, asked("萧山在哪句", "萧山"))
    assert cut(1) != cut(2)


def test_the_paragraphs_of_an_article_become_one_passage() -> None:
    first = Paragraph(3, TEXT, (asked("下沙在哪句", "下沙"),), "题")
    last = Paragraph(3, "末句讲临安。", (GoldQuestion("a", "哪里", (GoldAnswer("临安", 3),)), asked("没有")), "题")
    other = Paragraph(5, "另一篇。", (), "别的")
    article, rest = joined_set(QuestionSet("s", (first, last, other))).paragraphs
    assert (article.text, article.title, article.article, rest) == (TEXT + "末句讲临安。", "题", 3, other)
    assert [q.id for q in article.questions] == ["下沙在哪句", "a", "没有"]
    found = [[article.text[a.start : a.end] for a in q.answers] for q in article.questions]
    assert found == [["下沙"], ["临安"], []]
