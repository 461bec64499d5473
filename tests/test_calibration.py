"""Signals and confidence."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.calibration import Calibrator, load_calibrator, names_of, signals
from rag.errors import ReaderError
from rag.index.lexical import plain_terms
from rag.types import Alignment, Candidate, EncodedQuestion, Passage, Signals, Span


def candidate(number: int, text: str, score: float = 1.0, **fields: Any) -> Candidate:
    title, date = fields.pop("title", ""), fields.pop("date", None)
    place = Alignment.of([(0, len(text))])
    passage = Passage(f"a.txt#{number}", "a.txt", "article", title, "", date, None, number, text, place)
    return Candidate(number, passage, score, fields.get("dense"), fields.get("sentence"), fields.get("lexical"))


def span(text: str, quote: str, score: float = 0.0, no_answer_score: float = 0.0) -> Span:
    start = text.index(quote)
    return Span(start, start + len(quote), quote, score, no_answer_score)


def measured(question: str, *found: tuple[Candidate, Span, Span]) -> tuple[Signals, ...]:
    encoded = EncodedQuestion(question, np.zeros(0, np.float32), None)
    candidates, spans, sentences = zip(*found, strict=True)
    return signals(encoded, plain_terms(question), candidates, spans, sentences)


TEXT = "巴黎有2个机场。人口200万。"


def test_signals_of_reader_and_retriever() -> None:
    first = candidate(1, TEXT, 1.5, dense=1, sentence=4)
    second = candidate(2, TEXT, 1.0, lexical=2)
    found = measured(
        "巴黎有几个机场?",
        (first, span(TEXT, "2个", 3.0, -5.0), Span(0, 8, TEXT[:8], 1.5, 0.5)),
        (second, span(TEXT, "200万", -30.0, 40.0), Span(0, 8, TEXT[:8], -math.inf, 0.0)),
    )
    one, two = found
    assert (one.holds, one.share, one.sentence, one.in_sentence) == (5.0, -2.0, 1.0, 1.0)
    assert (one.retrieval, one.behind, one.dense, one.by_sentence, one.lexical) == (1.5, 0.0, 1.0, 0.25, 0.0)
    assert (two.holds, two.share, two.sentence, two.in_sentence) == (-20.0, 10.0, -20.0, 0.0)
    assert (two.retrieval, two.behind, two.dense, two.by_sentence, two.lexical) == (1.0, 0.5, 0.0, 0.0, 0.5)
    assert (one.agreement, one.other_script) == (0.0, 0.0)


def test_how_sure_the_reader_is_beside_what_it_says_of_the_other_candidates() -> None:
    sentence = Span(0, len(TEXT), TEXT, 0.0, 0.0)
    read = [(candidate(n, TEXT), span(TEXT, "2个", 0.0, said), sentence) for n, said in enumerate([-4.0, 2.0, 8.0])]
    found = measured("几个?", *read)
    assert [one.holds for one in found] == [4.0, -2.0, -8.0]
    assert [one.bounded for one in found] == [math.tanh(1.0), math.tanh(-0.5), math.tanh(-2.0)]
    assert [one.apart for one in found] == [math.tanh(6 / 4), math.tanh(-6 / 4), math.tanh(-12 / 4)]
    (alone,) = measured("几个?", read[0])
    assert alone.apart == math.tanh(9 / 4)


def test_words_names_and_numbers_are_looked_for_in_passage_and_title() -> None:
    sentence = Span(0, len(TEXT), TEXT, 0.0, 0.0)
    whole, none = candidate(1, TEXT, title="法国2023年概况"), candidate(2, "天气很好。")
    for asked, words, names, numbers in [
        ("巴黎机场?", 1.0, 1.0, 1.0),
        ("东京机场?", None, 0.0, 1.0),
        ("2023年巴黎机场?", None, 1.0, 1.0),
        ("二〇二二年巴黎机场?", None, 1.0, 0.0),
    ]:
        (found,) = measured(asked, (whole, span(TEXT, "2个"), sentence))
        assert (found.names, found.numbers) == (names, numbers)
        assert words is None or found.words == words
    (found,) = measured("2023年巴黎机场?", (none, span("天气很好。", "天气"), Span(0, 5, "天气很好。", 0.0, 0.0)))
    assert (found.words, found.names, found.numbers) == (0.0, 0.0, 0.0)


def test_the_date_of_an_article_holds_a_number_of_the_question() -> None:
    sentence = Span(0, len(TEXT), TEXT, 0.0, 0.0)
    (found,) = measured("2024年巴黎机场?", (candidate(1, TEXT, date="2024-09-26"), span(TEXT, "2个"), sentence))
    assert found.numbers == 1.0


def test_agreement_counts_equal_answers_in_other_candidates() -> None:
    texts = ["有200万人。", "有2,000,000人。", "有3人。", "有二百万人。"]
    quotes = ["200万人", "2,000,000人", "3人", "二百万人"]
    found = measured("多少人?", *((candidate(n, text), span(text, quote), Span(0, len(text), text, 0.0, 0.0))
                                  for n, (text, quote) in enumerate(zip(texts, quotes, strict=True))))  # fmt: skip
    assert [one.agreement for one in found] == [2.0, 2.0, 0.0, 2.0]


def test_a_question_in_another_script() -> None:
    (found,) = measured("How many airports?", (candidate(1, TEXT), span(TEXT, "2个"), Span(0, 8, TEXT[:8], 0.0, 0.0)))
    assert found.other_script == 1.0


def test_names() -> None:
    assert names_of("巴黎有几个机场?") == {"巴黎"}
    assert names_of("東京有幾個機場?") == {"东京"}
    assert names_of("Who runs the airport of Paris in the West?") == {"paris", "west"}
    assert names_of("天气怎么样?") == set()


FLAT = dict.fromkeys(Signals.__slots__, 0.0)


def calibrator(**weights: float) -> Calibrator:
    return Calibrator(-1.0, FLAT | weights, 0.5, 2.0, 1.0, 0.4)


def test_log_odds_and_confidence_by_hand() -> None:
    model = calibrator(holds=0.5, words=2.0)
    one = Signals(**(FLAT | {"holds": 4.0, "words": 0.25, "share": 9.0}))
    assert model.log_odds(one) == -1.0 + 2.0 + 0.5
    assert model.confidence(0.5, None) == pytest.approx(1 / (1 + math.exp(-(0.5 + 1.0 + 1.0))))
    assert model.confidence(0.5, -3.5) == pytest.approx(1 / (1 + math.exp(-(0.5 + 1.0 + math.tanh(1.0)))))
    assert model.confidence(0.5, 4.5) == pytest.approx(1 / (1 + math.exp(-(0.5 + 1.0 - math.tanh(1.0)))))


def test_what_ships_can_be_loaded_and_says_what_it_was_fitted_on() -> None:
    model = load_calibrator()
    assert 0 < model.threshold < 1
    assert set(model.weights) == set(Signals.__slots__)


STRANGE = dict.fromkeys(Calibrator.__slots__, 0.0) | {"weights": {"holds": 1}}  # type: ignore[dict-item]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"bias": 1}', json.dumps(STRANGE)])
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    (tmp_path / "weights.json").write_text(damage, encoding="utf-8")
    with pytest.raises(ReaderError, match=r"weights\.json is no calibrator"):
        Calibrator.load(tmp_path / "weights.json")
    with pytest.raises(ReaderError, match=r"none\.json is no calibrator"):
        Calibrator.load(tmp_path / "none.json")
