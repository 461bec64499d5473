"""From question sets to training examples: what is read in pass number p, the same on every run.

An `Item` is one question of the data, put to its passage in one script, and the passages that do not hold its answer.
Each pass draws from the items anew, from (seed, pass) alone: which are read, through which window, and which negatives
go with them.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from rag.reader.tokens import QUESTION_LIMIT, PassageTokens, SpanTokenizer, Window, WindowSizes, window_ranges
from rag.reader.weights import CUT_CHOICES, SPAN_LIMIT
from rag.train.excerpts import excerpt_set, joined_set
from rag.train.made import cloze_set, keyword_set
from rag.train.negatives import hard_negatives
from rag.train.recipe import Recipe, SetPlan
from rag.train.scripts import Script, in_script
from rag.train.squad import GoldAnswer, GoldQuestion, Paragraph, QuestionSet
from rag.train.swaps import swapped_questions

logger = logging.getLogger(__name__)
SCRIPT_SEED = 7  # which passages are read in which script: the same in every training, so that states can be kept
SCRIPT_PAIRS = (  # question and passage, in the order of `SetPlan.scripts`
    (Script.AS_WRITTEN, Script.AS_WRITTEN),
    (Script.TRADITIONAL, Script.TRADITIONAL),
    (Script.SIMPLIFIED, Script.SIMPLIFIED),
    (Script.SIMPLIFIED, Script.TRADITIONAL),
    (Script.TRADITIONAL, Script.SIMPLIFIED),
)


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """An answer in tokens `first … last` (both included) of a passage, and the characters cut from them."""

    first: int
    last: int
    start_cut: int
    end_cut: int


@dataclass(frozen=True, slots=True)
class Example:
    """One window read for one question: numbers of sequences, and the answer's tokens counted within the window.

    heading: what the window's passage stands under, when that is read with it.
    """

    question: int
    window: int
    span: TokenSpan | None
    heading: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A question (sequence number) put to a passage (number in the pool), with the answer's tokens in it.

    share and negative_share: how many times a pass it is read, and with how many windows that do not hold the answer.
    titled: which share of these readings is under the title of the passage read. negatives: passages of other articles.
    """

    question: int
    passage: int
    span: TokenSpan | None
    share: float
    negative_share: float
    titled: float
    negatives: tuple[int, ...]


def locate(tokens: PassageTokens, answer: GoldAnswer) -> TokenSpan | None:
    """The tokens an answer stands in; None when it is longer than `SPAN_LIMIT` or touches only empty tokens."""
    visible = tokens.ends > tokens.starts
    covering = np.flatnonzero(visible & (tokens.starts < answer.end) & (tokens.ends > answer.start))
    if not len(covering) or covering[-1] - covering[0] >= SPAN_LIMIT:
        return None
    first, last = int(covering[0]), int(covering[-1])
    start_cut = min(max(answer.start - int(tokens.starts[first]), 0), CUT_CHOICES - 1)
    end_cut = min(max(int(tokens.ends[last]) - answer.end, 0), CUT_CHOICES - 1)
    return TokenSpan(first, last, start_cut, end_cut)


class SequencePool:
    """Every distinct text of a training once, as token sequences: questions, and the windows of passages."""

    def __init__(self, tokenizer: SpanTokenizer, sizes: WindowSizes):
        self._tokenizer, self._sizes = tokenizer, sizes
        self.sequences: list[np.ndarray] = []
        self._questions: dict[str, int] = {}
        self._passages: dict[str, int] = {}
        self._titles: dict[str, int] = {}
        self.tokens: list[PassageTokens] = []
        self.windows: list[tuple[Window, ...]] = []
        self.headings: list[int | None] = []
        self._first_window: list[int] = []

    @property
    def opening_length(self) -> int:
        """Tokens in front of a window's first."""
        return self._tokenizer.opening_length

    def question(self, text: str) -> int:
        """The sequence number of a question."""
        if text not in self._questions:
            self._questions[text] = len(self.sequences)
            self.sequences.append(self._tokenizer.question_ids(text, QUESTION_LIMIT))
        return self._questions[text]

    def passage(self, text: str, title: str = "") -> int:
        """The number of a passage; its windows become sequences, and the first title that it comes with another."""
        if text not in self._passages:
            self._passages[text] = len(self.tokens)
            self.headings.append(None)
            tokens = self._tokenizer.passage(text)
            windows = tuple(window_ranges(len(tokens), self._sizes.size, self._sizes.stride))
            self._first_window.append(len(self.sequences))
            self.sequences.extend(self._tokenizer.window_ids(tokens, window) for window in windows)
            self.tokens.append(tokens)
            self.windows.append(windows)
        number = self._passages[text]
        if self.headings[number] is None and title.strip():
            self.headings[number] = self._heading(title)
        return number

    def _heading(self, title: str) -> int:
        if title not in self._titles:
            self._titles[title] = len(self.sequences)
            self.sequences.append(self._tokenizer.heading_ids(title))
        return self._titles[title]

    def content(self, sequence: int, passage: int) -> np.ndarray:
        """Which tokens of a window's sequence may bound an answer: bool (length of the sequence)."""
        window = self.windows[passage][sequence - self._first_window[passage]]
        tokens = self.tokens[passage]
        mask = np.zeros(len(self.sequences[sequence]), bool)
        opening = self._tokenizer.opening_length
        within = tokens.ends[window.first : window.last] > tokens.starts[window.first : window.last]
        mask[opening : opening + len(within)] = within
        return mask

    def example(
        self, question: int, passage: int, number: int, span: TokenSpan | None, titled: bool = False
    ) -> Example:
        """A question put to window `number` of a passage; `span` counts from the passage's first token. `titled`: under
        the passage's title, if it has one."""
        sequence = self._first_window[passage] + number
        heading = self.headings[passage] if titled else None
        if span is None:
            return Example(question, sequence, None, heading)
        shift = self._tokenizer.opening_length - self.windows[passage][number].first
        placed = TokenSpan(span.first + shift, span.last + shift, span.start_cut, span.end_cut)
        return Example(question, sequence, placed, heading)

    def contents(self) -> dict[int, np.ndarray]:
        """`content` of every window, by sequence number."""
        numbers = ((p, first + n) for p, first in enumerate(self._first_window) for n in range(len(self.windows[p])))
        return {sequence: self.content(sequence, passage) for passage, sequence in numbers}


def build_items(sets: Mapping[str, QuestionSet], recipe: Recipe, pool: SequencePool) -> list[Item]:
    """The items of a recipe; a plan whose sets were not given is left out, and said so."""
    items: list[Item] = []
    for plan in recipe.plans:
        missing = {plan.passages, plan.questions} - set(sets)
        if missing:
            logger.warning("plan %s/%s left out: no set %s", plan.questions, plan.passages, ", ".join(sorted(missing)))
            continue
        new = list(_items(sets, plan, pool))
        long = [question for question, item in new if item is None]
        if long:
            logger.warning("%s: answers of over %d tokens left out: %s", plan.passages, SPAN_LIMIT, ", ".join(long))
        items.extend(item for _, item in new if item is not None)
        logger.info("plan %s/%s: %d questions", plan.questions, plan.passages, len(new) - len(long))
    return items


def _items(sets: Mapping[str, QuestionSet], plan: SetPlan, pool: SequencePool) -> Iterator[tuple[str, Item | None]]:
    """Each question's id and item; None when its answer is longer than a span may be."""
    passages = sets[plan.passages]
    if plan.joined:
        passages = joined_set(passages)
    if plan.excerpts:
        passages = excerpt_set(passages, np.random.default_rng(SCRIPT_SEED))
    passages = _asked_otherwise(passages, plan.made)
    source = passages if plan.made else sets[plan.questions]
    asked = {q.id: q.text for p in source.paragraphs for q in p.questions}
    pairs = [(p, q) for p in passages.paragraphs for q in p.questions if q.id in asked]
    wanted = [(p, q.text, tuple(a.text for a in q.answers)) for p, q in pairs]
    found: list[list[int]] = [[] for _ in pairs]
    if plan.negatives > 0 and len(passages.articles) > 1:
        found = hard_negatives(passages, wanted)
    weights = np.array(plan.scripts) / sum(plan.scripts)
    scripts = np.random.default_rng(SCRIPT_SEED).choice(len(weights), len(passages.paragraphs), p=weights)
    script_of = {paragraph: SCRIPT_PAIRS[n] for paragraph, n in zip(passages.paragraphs, scripts, strict=True)}
    near = near_misses(pairs, plan)
    for (paragraph, question), numbers, other in zip(pairs, found, near, strict=True):
        question_script, passage_script = script_of[paragraph]
        passage = _pooled(pool, paragraph, passage_script)
        span = locate(pool.tokens[passage], question.answers[0]) if question.answers else None
        if span is None and question.answers:
            yield question.id, None
            continue
        others = tuple(_pooled(pool, passages.paragraphs[n], script_of[passages.paragraphs[n]][1]) for n in numbers)
        yield (
            question.id,
            Item(
                pool.question(in_script(asked[question.id], question_script)),
                passage,
                span,
                plan.share if question.answers else plan.unanswerable_share,
                plan.negatives if question.answers else 0.0,
                plan.titled,
                others,
            ),
        )
        if other is not None:
            asked_otherwise = pool.question(in_script(other, question_script))
            yield question.id, Item(asked_otherwise, passage, None, plan.swaps, 0.0, plan.titled, ())


def _pooled(pool: SequencePool, paragraph: Paragraph, script: Script) -> int:
    return pool.passage(in_script(paragraph.text, script), in_script(paragraph.title, script))


def _asked_otherwise(data: QuestionSet, made: str) -> QuestionSet:
    """A set with questions made from it in place of its own, if the plan wants such; always the same ones."""
    if made == "cloze":
        return cloze_set(data, np.random.default_rng(SCRIPT_SEED))
    return keyword_set(data) if made == "keywords" else data


def near_misses(pairs: list[tuple[Paragraph, GoldQuestion]], plan: SetPlan) -> list[str | None]:
    """For each question another that its paragraph does not answer, if the plan wants such; always the same ones."""
    if plan.swaps == 0:
        return [None] * len(pairs)
    return swapped_questions(pairs, np.random.default_rng(SCRIPT_SEED))


def pass_examples(items: list[Item], pool: SequencePool, seed: int, number: int) -> list[Example]:
    """The examples of pass `number`, unordered; the same for the same seed and pass."""
    random = np.random.default_rng([seed, number])
    examples: list[Example] = []
    for item in items:
        holding, others = _windows_of(pool, item)
        for _ in range(_times(random, item.share)):
            chosen, titled = holding[int(random.integers(len(holding)))], random.random() < item.titled
            examples.append(pool.example(item.question, item.passage, chosen, item.span, titled))
            for _ in range(_times(random, item.negative_share)):
                examples.extend(_negative(pool, item, others, titled, random))
    return examples


def _times(random: np.random.Generator, share: float) -> int:
    """`share` rounded down or up by chance, so that its mean is `share`."""
    return int(share) + int(random.random() < share - int(share))


def _windows_of(pool: SequencePool, item: Item) -> tuple[list[int], list[int]]:
    """Windows that hold the whole answer (all, when there is none), and those that hold nothing of it."""
    windows, span = pool.windows[item.passage], item.span
    if span is None:
        return list(range(len(windows))), []
    holding = [n for n, w in enumerate(windows) if w.first <= span.first and span.last < w.last]
    others = [n for n, w in enumerate(windows) if span.last < w.first or span.first >= w.last]
    return holding, others


def _negative(
    pool: SequencePool, item: Item, others: list[int], titled: bool, random: np.random.Generator
) -> Iterator[Example]:
    """Half the time, where there is one, another window of the right passage; else a passage found by word search."""
    if others and (not item.negatives or random.random() < 0.5):
        yield pool.example(item.question, item.passage, others[int(random.integers(len(others)))], None, titled)
    elif item.negatives:
        passage = item.negatives[int(random.integers(len(item.negatives)))]
        number = int(random.integers(len(pool.windows[passage])))
        yield pool.example(item.question, passage, number, None, titled)
