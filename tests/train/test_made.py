"""Questions made from passages, and questions cut to keywords."""

import numpy as np
import pytest

from rag.train.made import cloze_set, keyword_set, keywords
from rag.train.squad import GoldAnswer, GoldQuestion, Paragraph, QuestionSet

TEXT = "钱塘区于2019年4月设立,位于杭州东部。全区有14所高校,常住人口约76万人。它的前身之一是《浙江日报》写过的下沙。"


def clozes(text: str, seed: int) -> list[GoldQuestion]:
    made = cloze_set(QuestionSet("s", (Paragraph(0, text, ()),)), np.random.default_rng(seed))
    return list(made.paragraphs[0].questions)


@pytest.mark.parametrize("seed", range(20))
def test_a_cloze_asks_for_what_stands_in_one_place_alone(seed: int) -> None:
    made = clozes(TEXT, seed)
    assert {q.answers[0].text for q in made} <= {"2019年4月", "杭州", "14所", "76万人", "浙江日报", "下沙"}
    assert len(made) == 3  # one a sentence
    for question in made:
        (answer,) = question.answers
        assert TEXT[answer.start : answer.end] == answer.text
        assert answer.text not in question.text


def test_every_kind_is_asked_for_by_its_own_question_word() -> None:
    asked = {q.answers[0].text: q.text for seed in range(40) for q in clozes(TEXT, seed)}
    words = {
        answer: {q.text for s in range(40) for q in clozes(TEXT, s) if q.answers[0].text == answer} for answer in asked
    }
    expected = {
        "2019年4月": ("什么时候", "何时", "哪一天", "什么时间"),
        "杭州": ("哪里", "什么地方", "哪个地方", "何处"),
        "下沙": ("哪里", "什么地方", "哪个地方", "何处"),
        "14所": ("多少所", "几所"),
        "76万人": ("多少人", "几人"),
        "浙江日报": ("什么", "哪部作品"),
    }
    assert words.keys() == expected.keys()
    for answer, texts in words.items():
        assert all(any(word in text for word in expected[answer]) for text in texts)


def test_what_stands_twice_is_not_asked_for() -> None:
    assert clozes("钱塘区于2019年设立了新的区。下沙街道也是在2019年设立的街道。", 0) == []


def test_the_same_clozes_every_time() -> None:
    assert clozes(TEXT, 3) == clozes(TEXT, 3)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("钱塘区的常住人口是多少?", "钱塘 区 常住人口"),
        ("哪一年设立了下沙开发区?", "哪一年 设立 下沙 开发区"),
        ("是什么?", ""),
        ("杭州?", ""),
    ],
)
def test_keywords(question: str, expected: str) -> None:
    assert keywords(question) == expected


def test_a_question_without_two_keywords_is_left_out() -> None:
    asked = (GoldQuestion("a", "钱塘区在哪里?", (GoldAnswer("东", 0),)), GoldQuestion("b", "是什么?", ()))
    (paragraph,) = keyword_set(QuestionSet("s", (Paragraph(0, "东", asked),))).paragraphs
    assert [(q.id, q.text, q.answers) for q in paragraph.questions] == [("a", "钱塘 区", (GoldAnswer("东", 0),))]
