"""Tokens know where they stand: every answer that can be asked for comes back character for character."""

import numpy as np
import pytest

from rag.reader.tokens import SpanTokenizer, Window, cut_span, window_ranges
from rag.reader.weights import CUT_CHOICES
from rag.train.examples import locate
from rag.train.squad import GoldAnswer

TEXT = "1953年設立 杭州市，　面積\u00a012平方公里。"


def test_first_token_and_words_after_spaces_cover_no_space(tokenizer: SpanTokenizer) -> None:
    for text in ("1953年", "杭州市", " 杭州", "（市）"):
        tokens = tokenizer.passage(text)
        covered = [text[a:b] for a, b in zip(tokens.starts, tokens.ends, strict=True) if b > a]
        assert "".join(covered) == text.strip()
        assert covered[0][0] == text.strip()[0]


def test_every_span_comes_back_whole_where_cuts_reach(tokenizer: SpanTokenizer) -> None:
    tokens = tokenizer.passage(TEXT)
    assert int((tokens.ends - tokens.starts).max()) == 3, "a token of several characters is needed here"
    for start in range(len(TEXT)):
        for end in range(start + 1, len(TEXT) + 1):
            answer = TEXT[start:end]
            if answer.strip() == answer:
                span = locate(tokens, GoldAnswer(answer, start))
                assert span is not None
                assert max(span.start_cut, span.end_cut) < CUT_CHOICES
                assert cut_span(tokens, span.first, span.last, span.start_cut, span.end_cut) == (start, end)


def test_answers_with_spaces_around_them_begin_at_a_character(tokenizer: SpanTokenizer) -> None:
    tokens = tokenizer.passage(TEXT)
    span = locate(tokens, GoldAnswer(TEXT[7:16], 7))
    assert TEXT[7:16] == " 杭州市，　面積\u00a0"
    assert span is not None
    assert cut_span(tokens, span.first, span.last, span.start_cut, span.end_cut) == (8, 15)
    assert locate(tokens, GoldAnswer(" ", 7)) is None


def test_cuts_that_would_leave_nothing_are_not_made(tokenizer: SpanTokenizer) -> None:
    tokens = tokenizer.passage("平方")
    (token,) = np.flatnonzero(tokens.ends - tokens.starts == 2)
    assert cut_span(tokens, token, token, 1, 0) == (1, 2)
    assert cut_span(tokens, token, token, 2, 0) == (0, 2)
    assert cut_span(tokens, token, token, 1, 1) == (0, 2)
    assert cut_span(tokens, token, token, 0, 3) == (0, 2)


@pytest.mark.parametrize("length", [0, 1, 9, 10, 11, 16, 17, 40])
def test_windows_cover_every_token_and_every_short_span(length: int) -> None:
    windows = list(window_ranges(length, 10, 6))
    assert windows[0].first == 0
    assert windows[-1].last == length
    assert all(0 <= w.last - w.first <= 10 for w in windows)
    assert all(any(w.first <= n and n + 4 <= w.last for w in windows) for n in range(length - 3))
    assert windows == sorted(set(windows), key=lambda w: w.first)


def test_window_edges() -> None:
    assert list(window_ranges(0, 10, 6)) == [Window(0, 0)]
    assert list(window_ranges(10, 10, 6)) == [Window(0, 10)]
    assert list(window_ranges(11, 10, 6)) == [Window(0, 10), Window(6, 11)]
    with pytest.raises(ValueError, match="stride 11 with windows of 10 tokens"):
        list(window_ranges(11, 10, 11))


def test_long_questions_lose_their_tail_and_keep_their_end(tokenizer: SpanTokenizer) -> None:
    short, long = tokenizer.question_ids("杭州何年", 40), tokenizer.question_ids("杭州何年" * 30, 40)
    assert len(short) < 40 == len(long)
    assert short[0] == long[0] == 0
    assert short[-1] == long[-1] == 2
    assert list(long[: len(short) - 1]) == list(short[:-1])


def test_windows_are_the_passage_between_prefix_and_end(tokenizer: SpanTokenizer) -> None:
    tokens = tokenizer.passage("杭州市面積")
    whole = tokenizer.window_ids(tokens, Window(0, len(tokens)))
    part = tokenizer.window_ids(tokens, Window(1, 3))
    opening = tokenizer.opening_length
    assert list(part) == [*whole[:opening], *tokens.ids[1:3], whole[-1]]
