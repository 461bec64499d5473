"""The readers: the sentence that answers, and the span."""

import math

import pytest

import rag
from rag.encoder import load_encoder
from rag.passages import sentences
from rag.reader import best_sentences, load_reader
from rag.reader.tokens import HEADING_LIMIT, SpanTokenizer
from rag.types import Span


def sentence(question: str, passages: list[str]) -> tuple[Span, ...]:
    encoder = load_encoder()
    vectors = [encoder.encode_passages([text[start:end] for start, end in sentences(text)]) for text in passages]
    return best_sentences(encoder.encode_question(question), passages, vectors)


PASSAGE = "钱塘区共有59个行政村、61个社区。常住人口79.3万。错落有致的草莓小镇很美。"


def test_selects_the_sentence_that_answers() -> None:
    (span,) = sentence("钱塘区有多少常住人口?", [PASSAGE])
    assert span.text == "常住人口79.3万。"
    assert PASSAGE[span.start : span.end] == span.text
    assert span.no_answer_score == 0.0


def test_a_sentence_that_answers_scores_higher() -> None:
    right, wrong = sentence("钱塘区有多少常住人口?", [PASSAGE, "明天多云转晴,气温上升。"])
    assert right.score > wrong.score


@pytest.mark.parametrize("passage", ["", "   ", "\n"])
def test_an_empty_passage_has_an_empty_span(passage: str) -> None:
    (span,) = sentence("有什么?", [passage])
    assert (span.start, span.end, span.text, span.score) == (0, 0, "", -math.inf)


def test_white_space_around_a_sentence_is_not_selected() -> None:
    (span,) = sentence("Who wrote it?", ["  Nobody knows.  Li Bai wrote it.  "])
    assert span.text == "Li Bai wrote it."


def test_a_passage_of_one_character_and_a_very_long_one() -> None:
    short, long = sentence("钱塘区有多少常住人口?", ["钱", "无关的一句话。" * 300 + PASSAGE])
    assert short.text == "钱"
    assert long.text == "常住人口79.3万。"


def test_no_passages() -> None:
    assert sentence("有什么?", []) == ()


def test_a_scrap_is_no_answer_where_there_is_a_sentence() -> None:
    (span,) = sentence("月球上有多少家火锅店?", ["上线家单位为首批国际媒体采访点……9..."])
    assert span.text == "上线家单位为首批国际媒体采访点……"
    assert sentence("多少?", ["9..."])[0].text == "9..."


def test_lone_surrogates_in_a_passage() -> None:
    assert sentence("有什么?", ["\ud800有书。"])[0].text == "\ud800有书。"


def test_read_selects_the_span() -> None:
    (span,) = rag.read("钱塘区有多少常住人口?", [PASSAGE])
    assert "79.3" in span.text
    assert PASSAGE[span.start : span.end] == span.text
    assert len(span.text) <= 7


def test_a_passage_that_answers_scores_higher_and_less_empty() -> None:
    right, wrong = rag.read("钱塘区有多少常住人口?", [PASSAGE, "明天多云转晴,气温上升。"])
    assert right.score > wrong.score
    assert right.no_answer_score < wrong.no_answer_score


def test_a_span_of_read_depends_on_its_passage_alone() -> None:
    together = rag.read("草莓小镇怎么样?", [PASSAGE, "明天多云转晴。", PASSAGE])
    assert together[0] == together[2] == rag.read("草莓小镇怎么样?", [PASSAGE])[0]


def test_lower_states_kept_or_computed_give_the_same_span() -> None:
    reader = load_reader()
    question = "钱塘区有多少常住人口?"
    kept = reader.read_states(reader.question_states(question), [reader.passage_states(PASSAGE)])
    assert kept == rag.read(question, [PASSAGE])


def test_a_heading_is_read_and_never_quoted() -> None:
    reader, text = load_reader(), "全区有常住人口79.3万人,比上年增加两万人。"
    question = load_encoder().encode_question("钱塘区有多少常住人口?")
    (bare, right, wrong, long) = reader.read(
        question, [text] * 4, None, ["", "钱塘区人口公报", "临安区人口公报", "长" * 900]
    )
    assert (bare,) == rag.read("钱塘区有多少常住人口?", [text])
    assert [span.text for span in (bare, right, wrong, long)] == ["79.3万人"] * 4
    assert right.no_answer_score < wrong.no_answer_score
    assert len(SpanTokenizer(load_encoder().tokenizer).heading_ids("长" * 900)) == HEADING_LIMIT + 4
    blank, odd, empty = reader.read(question, [text, text, " "], None, [" \n", "\ud800", "钱塘区人口公报"])
    assert (blank, odd.text, empty.text) == (bare, "79.3万人", "")


def test_every_passage_needs_its_heading() -> None:
    question = load_encoder().encode_question("钱塘区有多少常住人口?")
    with pytest.raises(ValueError, match="shorter"):
        load_reader().read(question, [PASSAGE, PASSAGE], None, ["钱塘区"])


def test_read_takes_odd_passages() -> None:
    empty, blank, short, long, odd = rag.read(
        "钱塘区有多少常住人口?", ["", " \n", "钱", "无关的一句话。" * 300 + PASSAGE, "\ud800人口79.3万。"]
    )
    assert (empty.text, blank.text, short.text) == ("", "", "钱")
    assert "79.3" in long.text
    assert long.start > 2000
    assert "79.3" in odd.text
    assert rag.read("有什么?", []) == ()


def test_one_text_is_no_list_of_passages() -> None:
    with pytest.raises(rag.QuestionError, match="the passages are one text: expected a list"):
        rag.read("有什么?", "有书。")
