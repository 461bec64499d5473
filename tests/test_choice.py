"""The span to quote, of all that were scored."""

import math

import numpy as np
import pytest

from rag.reader.choice import BEST, NO_SPAN, WindowSpans, choose_span, window_spans
from rag.reader.tokens import PassageTokens, Window
from rag.types import Span

TEXT = "基地在杭州市上城区。"
WHOLE, SHORT, OTHER = (3, 9), (6, 9), (0, 2)  # 杭州市上城区, 上城区, 基地


def spans(*chances: tuple[tuple[int, int], float]) -> WindowSpans:
    """A window of these spans, and as much for no answer as for all of them together."""
    return WindowSpans(tuple((*place, math.log(chance)) for place, chance in chances), 0.0)


def test_window_spans_against_every_span() -> None:
    random = np.random.default_rng(3)
    scores, written = random.normal(size=(100, 100)).astype(np.float32), random.random(130) < 0.7
    starts = np.arange(130, dtype=np.int32) * 3
    tokens = PassageTokens(np.zeros(130, np.int32), starts, starts + 3 * written)
    cuts = np.zeros((2, 100, 3), np.float32)
    cuts[0, :, 1] = cuts[1, :, 2] = 1
    found = window_spans(scores, cuts[0], cuts[1], tokens, Window(30, 130))

    allowed = [(i, j) for i in range(100) for j in range(i, min(i + 80, 100)) if written[30 + i] and written[30 + j]]
    best = sorted(allowed, key=lambda span: -scores[span])[:BEST]
    assert [score for _, _, score in found.spans] == [float(scores[span]) for span in best]
    # Of a span of one token the cuts leave nothing: it is taken whole.
    expected = [(90 + 3 * i + 1, 90 + 3 * j + 1) if i < j else (90 + 3 * i, 90 + 3 * i + 3) for i, j in best]
    assert [(start, end) for start, end, _ in found.spans] == expected
    assert found.total == pytest.approx(math.log(math.fsum(math.exp(float(scores[span])) for span in allowed)))


def test_a_window_without_a_visible_token_has_no_spans() -> None:
    tokens = PassageTokens(np.zeros(3, np.int32), np.arange(3, dtype=np.int32), np.arange(3, dtype=np.int32))
    nothing = np.zeros((3, 3), np.float32)
    assert window_spans(nothing, nothing, nothing, tokens, Window(0, 3)) == WindowSpans((), -np.inf)


def test_of_equal_spans_the_first_are_kept() -> None:
    starts = np.arange(40, dtype=np.int32)
    tokens, cuts = PassageTokens(starts, starts, starts + 1), np.zeros((40, 3), np.float32)
    found = window_spans(np.zeros((40, 40), np.float32), cuts, cuts, tokens, Window(0, 40))
    assert [(start, end) for start, end, _ in found.spans] == [(0, end) for end in range(1, 21)]


def test_the_longer_of_two_that_share_the_chances_is_quoted_and_scored_with_what_it_holds() -> None:
    found = choose_span(TEXT, [spans((SHORT, 0.4), (WHOLE, 0.35), (OTHER, 0.25))])
    # Short: 0.8 * (0.4 + 0.35 * 2/3) + 0.2 * 0.4 = 0.587; whole: 0.8 * (0.35 + 0.4 * 2/3) + 0.2 * 0.75 = 0.643.
    assert (found.start, found.end, found.text) == (*WHOLE, "杭州市上城区")
    assert found.score == pytest.approx(math.log(0.75))
    assert found.no_answer_score == 0.0


def test_a_quote_gains_nothing_by_holding_two_answers() -> None:
    # 基地: 0.8 * (0.42 + 0.18 * 4/11) + 0.2 * 0.42 = 0.472; both: 0.8 * (0.18 + 0.42 * 4/11 + 0.4 * 1/2) + 0.2 * 0.18
    # = 0.462, and 0.626 if it gained by what is less than half of it.
    found = choose_span(TEXT, [spans((OTHER, 0.42), (SHORT, 0.4), ((0, 9), 0.18))])
    assert (found.text, found.score) == ("基地", pytest.approx(math.log(0.42)))


def test_the_likeliest_is_quoted_where_it_is_clearly_so() -> None:
    found = choose_span(TEXT, [spans((SHORT, 0.6), (WHOLE, 0.15), (OTHER, 0.25))])
    assert found == Span(*SHORT, "上城区", pytest.approx(math.log(0.6)), 0.0)


def test_a_span_of_two_windows_counts_once_and_no_answer_against_both() -> None:
    twice = [spans((SHORT, 0.5)), spans((OTHER, 0.2), (SHORT, 0.3))]
    found = choose_span(TEXT, twice)
    assert (found.text, found.score) == ("上城区", pytest.approx(math.log(0.5)))
    assert found.no_answer_score == pytest.approx(-math.log(2))


def test_without_spans_there_is_nothing_to_quote() -> None:
    assert choose_span("", [WindowSpans((), -np.inf)]) == Span(0, 0, "", NO_SPAN, -NO_SPAN)
    assert choose_span(TEXT, [WindowSpans((), -np.inf), spans((SHORT, 0.5))]).text == "上城区"
