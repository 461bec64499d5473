"""What is read in a pass."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.reader.tokens import SpanTokenizer, WindowSizes
from rag.train.batches import batch_examples, collate, example_length
from rag.train.examples import Item, SequencePool, build_items, locate, pass_examples
from rag.train.model import PADDING, PASSAGE, QUESTION
from rag.train.recipe import Recipe, SetPlan, plain_recipe
from rag.train.squad import GoldAnswer, QuestionSet, read_set
from rag.train.states import StateStore

WriteSet = Callable[..., Path]


@pytest.fixture
def sets(write_set: WriteSet) -> dict[str, QuestionSet]:
    return {"facts": read_set(write_set())}


def prepared(sets: dict[str, QuestionSet], tokenizer: SpanTokenizer, plan: SetPlan) -> tuple[SequencePool, list[Item]]:
    pool = SequencePool(tokenizer, WindowSizes(16, 8))
    return pool, build_items(sets, Recipe((plan,)), pool)


def test_a_plan_of_excerpts_asks_the_same_of_shorter_passages(
    sets: dict[str, QuestionSet], tokenizer: SpanTokenizer
) -> None:
    whole, items = prepared(sets, tokenizer, SetPlan("facts", "facts", negatives=0.0))
    cut, others = prepared(sets, tokenizer, SetPlan("facts", "facts", negatives=0.0, excerpts=True))

    def asked(pool: SequencePool, items: list[Item]) -> list[tuple[bytes, bool]]:
        return sorted((pool.sequences[item.question].tobytes(), item.span is None) for item in items)

    assert asked(cut, others) == asked(whole, items)
    assert sum(map(len, cut.tokens)) < sum(map(len, whole.tokens))


def test_a_plan_of_joined_paragraphs_asks_of_the_whole_article(
    sets: dict[str, QuestionSet], tokenizer: SpanTokenizer
) -> None:
    one = {"facts": sets["facts"].keep(replace(p, article=p.article // 4) for p in sets["facts"].paragraphs)}
    _, items = prepared(one, tokenizer, SetPlan("facts", "facts", negatives=0.0, joined=True))
    assert [item.passage for item in items] == [0] * 12 + [1] * 12
    assert sum(item.span is not None for item in items) == 16


def test_answers_are_where_examples_say(sets: dict[str, QuestionSet], tokenizer: SpanTokenizer) -> None:
    plan = SetPlan("facts", "facts", negatives=0.0)
    pool, items = prepared(sets, tokenizer, plan)
    examples = pass_examples(items, pool, 1, 0)
    answered = [example for example in examples if example.span is not None]
    assert (len(examples), len(answered)) == (24, 16)
    gold = [q.answers[0] for p in sets["facts"].paragraphs for q in p.questions if q.answers]
    for example, answer in zip(answered, gold, strict=True):
        assert example.span is not None
        ids = pool.sequences[example.window][example.span.first : example.span.last + 1]
        whole = locate(tokenizer.passage(answer.text), GoldAnswer(answer.text, 0))
        assert whole is not None
        assert len(ids) >= 1
        content = pool.contents()[example.window]
        assert content[example.span.first]
        assert content[example.span.last]
        assert not content[: tokenizer.opening_length].any()
        assert not content[-1]


def test_negatives_are_windows_without_the_answer(sets: dict[str, QuestionSet], tokenizer: SpanTokenizer) -> None:
    pool, items = prepared(sets, tokenizer, SetPlan("facts", "facts", unanswerable_share=0.0, negatives=3.0))
    texts = {pool.passage(paragraph.text): paragraph.text for paragraph in sets["facts"].paragraphs}
    answers = [q.answers[0].text for p in sets["facts"].paragraphs for q in p.questions if q.answers]
    for item, answer in zip([item for item in items if item.span], answers, strict=True):
        assert item.passage not in item.negatives
        assert all(answer not in texts[passage] for passage in item.negatives)
    examples = pass_examples(items, pool, 1, 0)
    assert len(examples) == 16 * 4
    assert sum(example.span is None for example in examples) == 48


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_share_of_a_plan_s_examples_is_read_under_the_titles_of_their_passages(
    sets: dict[str, QuestionSet], tokenizer: SpanTokenizer, share: float
) -> None:
    plan = SetPlan("facts", "facts", share=100.0, negatives=1.0, swaps=100.0, titled=share)
    pool, items = prepared(sets, tokenizer, plan)
    titles = {pool.passage(p.text): tokenizer.heading_ids(p.title) for p in sets["facts"].paragraphs}
    windows = {first + n: p for p, first in enumerate(pool._first_window) for n in range(len(pool.windows[p]))}
    examples = pass_examples(items, pool, 1, 0)
    swapped = pass_examples([item for item in items if item.share == 100.0 and not item.span], pool, 1, 0)
    for some in (examples, swapped):
        assert share - 0.05 < sum(example.heading is not None for example in some) / len(some) < share + 0.05
    titled = [example for example in examples if example.heading is not None]
    assert all(np.array_equal(pool.sequences[e.heading or 0], titles[windows[e.window]]) for e in titled)
    assert {example.span is None for example in titled} == {True, False}


def test_a_passage_without_a_title_is_read_without_one(sets: dict[str, QuestionSet], tokenizer: SpanTokenizer) -> None:
    bare = {"facts": sets["facts"].keep(replace(p, title=" ") for p in sets["facts"].paragraphs)}
    pool, items = prepared(bare, tokenizer, SetPlan("facts", "facts", share=10.0))
    assert {example.heading for example in pass_examples(items, pool, 1, 0)} == {None}


def test_passes_differ_and_repeat(sets: dict[str, QuestionSet], tokenizer: SpanTokenizer) -> None:
    pool, items = prepared(sets, tokenizer, SetPlan("facts", "facts", share=0.5, negatives=0.5))
    assert pass_examples(items, pool, 1, 0) == pass_examples(items, pool, 1, 0)
    assert pass_examples(items, pool, 1, 0) != pass_examples(items, pool, 1, 1)
    assert pass_examples(items, pool, 1, 0) != pass_examples(items, pool, 2, 0)


def test_scripts_follow_the_plan(sets: dict[str, QuestionSet], tokenizer: SpanTokenizer) -> None:
    pool, items = prepared(sets, tokenizer, SetPlan("facts", "facts", scripts=(0.0, 0.0, 1.0, 0.0, 0.0)))
    assert len(items) == 24
    assert "杭州市于1950年设立开发区，面积 5平方公里，有20人。" not in sets["facts"].paragraphs[0].text
    simplified = SequencePool(tokenizer, WindowSizes(16, 8))
    texts = ["杭州市於1950年設立開發區，面積 5平方公里，有20萬人。當地盛產茶葉。"]
    assert texts[0] == sets["facts"].paragraphs[0].text
    number = simplified.passage("杭州市于1950年设立开发区，面积 5平方公里，有20万人。当地盛产茶叶。")
    assert np.array_equal(simplified.tokens[number].ids, pool.tokens[items[0].passage].ids)


def test_plans_for_sets_that_were_not_given_are_left_out(
    sets: dict[str, QuestionSet], tokenizer: SpanTokenizer, caplog: pytest.LogCaptureFixture
) -> None:
    _, items = prepared(sets, tokenizer, SetPlan("facts", "facts.en"))
    assert items == []
    assert "no set facts.en" in caplog.text


def test_batches_hold_every_example_once_within_the_limit(
    sets: dict[str, QuestionSet], tokenizer: SpanTokenizer
) -> None:
    pool = SequencePool(tokenizer, WindowSizes(16, 8))
    items = build_items(sets, plain_recipe(sets), pool)
    bounds = np.concatenate([[0], np.cumsum([len(ids) for ids in pool.sequences])])
    store = StateStore(np.arange(bounds[-1], dtype=np.float16)[:, None], bounds)
    examples = pass_examples(items, pool, 1, 0)
    batches = batch_examples(examples, store, 120, 1, 0)
    key = repr
    assert sorted((e for batch in batches for e in batch), key=key) == sorted(examples, key=key)
    assert all(len(batch) * max(example_length(e, store) for e in batch) <= 120 for batch in batches)
    assert batches == batch_examples(examples, store, 120, 1, 0)

    batch = collate(examples[:8], store, pool.contents())
    for row, example in enumerate(examples[:8]):
        question, passage = store.length(example.question), store.length(example.window)
        heading = [] if example.heading is None else [store[example.heading]]
        before = question + sum(map(len, heading))
        expected = [QUESTION] * question + [PASSAGE] * (before - question + passage)
        segments = batch.segments[row].tolist()
        assert segments == expected + [PADDING] * (len(segments) - len(expected))
        states = batch.states[row, : len(expected), 0].numpy()
        assert np.array_equal(states, np.concatenate([store[example.question], *heading, store[example.window]])[:, 0])
        assert not batch.content[row, :before].any()
        if example.span is None:
            assert int(batch.gold.start[row]) == -1
        else:
            assert int(batch.gold.start[row]) == example.span.first + before
            assert bool(batch.content[row, int(batch.gold.end[row])])
    assert {example.heading is None for example in examples[:8]} == {True, False}
