"""Near misses: questions with another name or year in them."""

import numpy as np

from rag.train.squad import GoldQuestion, Paragraph
from rag.train.swaps import swapped_questions


def pair(text: str, question: str, title: str = "") -> tuple[Paragraph, GoldQuestion]:
    asked = GoldQuestion(question, question, ())
    return Paragraph(0, text, (asked,), title), asked


def swap(*pairs: tuple[Paragraph, GoldQuestion]) -> list[str | None]:
    return swapped_questions(pairs, np.random.default_rng(0))


def test_a_name_becomes_one_of_the_same_kind_that_the_paragraph_does_not_hold() -> None:
    paris, tokyo = pair("巴黎有塞纳河。", "巴黎有什么河?"), pair("东京有上野公园。", "东京有什么公园?")
    assert swap(paris, tokyo) == ["东京有什么河?", "巴黎有什么公园?"]


def test_traditional_names_are_found() -> None:
    assert swap(pair("東京有公園。", "東京有什麼?"), pair("巴黎有河。", "巴黎有什麼?")) == [
        "巴黎有什麼?",
        "東京有什麼?",
    ]


def test_a_name_in_both_paragraphs_is_not_swapped_for_the_other() -> None:
    assert swap(pair("巴黎和东京。", "巴黎有什么?"), pair("巴黎和东京。", "东京有什么?")) == [None, None]


def test_a_name_in_the_title_alone_is_swapped_and_none_is_put_there_that_the_title_holds() -> None:
    paris, tokyo = pair("全市有河。", "巴黎有什么?", "巴黎概况"), pair("有公园。", "东京有什么?", "东京概况")
    assert swap(paris, tokyo) == ["东京有什么?", "巴黎有什么?"]
    both = pair("全市有河。", "巴黎有什么?", "巴黎与东京"), pair("有公园。", "东京有什么?", "东京概况")
    assert swap(*both) == [None, "巴黎有什么?"]


def test_a_year_becomes_another_within_ten_years() -> None:
    (other,) = swap(pair("它于1990年建成,1991年开放。", "1990年建成了什么?"))
    assert other is not None
    year = int(other[:4])
    assert other[4:] == "年建成了什么?"
    assert 1980 <= year <= 2000
    assert year not in (1990, 1991)


def test_nothing_to_swap() -> None:
    assert swap(pair("天气很好。", "天气怎么样?"), pair("它于1990年建成。", "1985年建成了什么?")) == [None, None]


def test_the_same_swaps_every_time() -> None:
    pairs = [pair(f"{city}有河。", f"{city}有什么?") for city in ("巴黎", "东京", "伦敦", "纽约", "柏林")]
    assert swap(*pairs) == swap(*pairs)
