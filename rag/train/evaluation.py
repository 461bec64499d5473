"""The reader judged on a question set: each question put to its own paragraph, the best span taken, no abstaining.

A passage is judged alone, as `rag.read` is given it, and under its article's title, as the engine reads it where there
is no section.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from rag.measures import auroc, exact_match, f1
from rag.reader.tokens import WindowSizes, cut_span
from rag.train.backbone import Backbone
from rag.train.batches import batch_examples, before_window, collate, to_device
from rag.train.examples import Example, SequencePool
from rag.train.model import ReaderModel, ReaderOutput, valid_spans
from rag.train.squad import GoldQuestion, QuestionSet
from rag.train.states import StateStore, compute_states

TOKENS_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class WindowAnswer:
    """The best span of a window: tokens and cuts, its score, and the log of the sum of exp(score) over all spans."""

    first: int
    last: int
    start_cut: int
    end_cut: int
    score: float
    total: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was read for one question. `no_answer` is the log-odds that the passage does not hold the answer."""

    question: GoldQuestion
    text: str
    start: int
    score: float
    no_answer: float


@dataclass(frozen=True, slots=True)
class Result:
    """A set's result: exact match and F1 in percent over its answerable questions, AUROC of the no-answer score.

    `auroc` (0..1, higher is better) is None when the set has answerable or unanswerable questions only.
    """

    name: str
    questions: int
    exact: float
    f1: float
    auroc: float | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question made ready: the passage it is put to, in the pool, and the windows to read."""

    question: GoldQuestion
    text: str
    passage: int
    windows: tuple[Example, ...]


@dataclass(frozen=True, slots=True, eq=False)
class DevelopmentSet:
    """A question set made ready. Sets made ready together share pool and states."""

    name: str
    asked: tuple[Asked, ...]
    pool: SequencePool
    store: StateStore

    def part(self, count: int) -> "DevelopmentSet":
        """At most `count` questions, evenly spread."""
        places = np.unique(np.linspace(0, len(self.asked) - 1, min(count, len(self.asked))).astype(int))
        return replace(self, asked=tuple(self.asked[int(place)] for place in places))


def development_sets(
    sets: Iterable[QuestionSet], backbone: Backbone, sizes: WindowSizes, *, split: int, folder: Path
) -> list[DevelopmentSet]:
    """Make sets ready: their sequences, and the lower states of all of them in float32.

    A set whose articles have titles is judged twice: of its passages alone, and, as "NAME titled", under their titles.
    """
    pool = SequencePool(backbone.tokenizer, sizes)
    asked: dict[str, tuple[Asked, ...]] = {}
    for data in sets:
        asked[data.name] = tuple(_asked(data, pool, titled=False))
        if any(paragraph.title.strip() for paragraph in data.paragraphs):
            asked[f"{data.name} titled"] = tuple(_asked(data, pool, titled=True))
    if not asked:
        return []
    store = compute_states(backbone, pool.sequences, split=split, folder=folder, precision=torch.float32)
    return [DevelopmentSet(name, questions, pool, store) for name, questions in asked.items()]


def _asked(data: QuestionSet, pool: SequencePool, titled: bool) -> Iterator[Asked]:
    for paragraph in data.paragraphs:
        passage = pool.passage(paragraph.text, paragraph.title)
        for question in paragraph.questions:
            number = pool.question(question.text)
            windows = range(len(pool.windows[passage]))
            examples = tuple(pool.example(number, passage, window, None, titled) for window in windows)
            yield Asked(question, paragraph.text, passage, examples)


def precision_context(device: torch.device, precision: torch.dtype) -> AbstractContextManager[object]:
    """Autocast to bfloat16, or nothing at all for float32."""
    return torch.autocast(device.type, precision, enabled=precision != torch.float32)


@torch.no_grad()
def predict(model: ReaderModel, data: DevelopmentSet, precision: torch.dtype, show: bool = False) -> list[Prediction]:
    """Read every question of a set; in the set's order."""
    device = next(model.parameters()).device
    contents = data.pool.contents()
    unique = sorted({e for asked in data.asked for e in asked.windows}, key=lambda e: (e.question, e.window))
    answers: dict[Example, WindowAnswer] = {}
    for group in tqdm(batch_examples(unique, data.store, TOKENS_AT_ONCE, 0, 0), desc=data.name, disable=not show):
        batch = to_device(collate(group, data.store, contents), device)
        with precision_context(device, precision):
            output = model(batch.states.to(precision), batch.segments)
        splits = [before_window(example, data.store) for example in group]
        answers.update(zip(group, best_spans(output, batch.content, splits), strict=True))
    return [_prediction(data.pool, asked, [answers[e] for e in asked.windows]) for asked in data.asked]


def best_spans(output: ReaderOutput, content: torch.Tensor, splits: list[int]) -> list[WindowAnswer]:
    """The best span of each row; token places count from the window's first token.

    `splits`: the lengths of question and heading together.
    """
    batch, length = content.shape
    scores = output.span_scores().masked_fill(~valid_spans(content), -torch.inf).view(batch, -1)
    best, places = scores.max(1)
    totals = scores.logsumexp(1)
    starts, ends = places // length, places % length
    rows = torch.arange(batch, device=content.device)
    start_cuts = output.start_cut[rows, starts].argmax(1).tolist()
    end_cuts = output.end_cut[rows, ends].argmax(1).tolist()
    found = zip(
        starts.tolist(), ends.tolist(), start_cuts, end_cuts, best.tolist(), totals.tolist(), splits, strict=True
    )
    return [WindowAnswer(s - split, e - split, a, b, score, total) for s, e, a, b, score, total, split in found]


def _prediction(pool: SequencePool, asked: Asked, answers: list[WindowAnswer]) -> Prediction:
    """The best of a passage's windows; of equal ones the first."""
    number, best = max(enumerate(answers), key=lambda pair: pair[1].score)
    no_answer = -float(np.logaddexp.reduce([one.total for one in answers]))
    if best.score == -np.inf:
        return Prediction(asked.question, "", 0, best.score, no_answer)
    shift = pool.windows[asked.passage][number].first - pool.opening_length
    first, last = best.first + shift, best.last + shift
    start, end = cut_span(pool.tokens[asked.passage], first, last, best.start_cut, best.end_cut)
    return Prediction(asked.question, asked.text[start:end], start, best.score, no_answer)


def judge(name: str, predictions: list[Prediction]) -> Result:
    """The measures of one set."""
    golds = [[answer.text for answer in p.question.answers] for p in predictions]
    answerable = [(p, gold) for p, gold in zip(predictions, golds, strict=True) if gold]
    count = max(1, len(answerable))
    return Result(
        name,
        len(predictions),
        100 * sum(exact_match(p.text, gold) for p, gold in answerable) / count,
        100 * sum(f1(p.text, gold) for p, gold in answerable) / count,
        auroc([p.no_answer for p in predictions], [not gold for gold in golds]),
    )
