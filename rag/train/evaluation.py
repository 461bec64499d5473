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
from rag.reader.choice import WindowSpans, choose_span, window_spans
from rag.reader.tokens import WindowSizes
from rag.train.backbone import Backbone
from rag.train.batches import batch_examples, before_window, collate, to_device
from rag.train.examples import Example, SequencePool
from rag.train.model import ReaderModel
from rag.train.squad import GoldQuestion, QuestionSet
from rag.train.states import StateStore, compute_states

TOKENS_AT_ONCE = 8192


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
    places = {e: (asked.passage, n) for asked in data.asked for n, e in enumerate(asked.windows)}
    unique = sorted(places, key=lambda e: (e.question, e.window))
    found: dict[Example, WindowSpans] = {}
    for group in tqdm(batch_examples(unique, data.store, TOKENS_AT_ONCE, 0, 0), desc=data.name, disable=not show):
        batch = to_device(collate(group, data.store, contents), device)
        with precision_context(device, precision):
            output = model(batch.states.to(precision), batch.segments)
        outputs = [values.float().cpu().numpy() for values in (output.span_scores(), output.start_cut, output.end_cut)]
        for row, example in enumerate(group):
            passage, number = places[example]
            window = data.pool.windows[passage][number]
            begin = before_window(example, data.store) + data.pool.opening_length
            body = slice(begin, begin + window.last - window.first)
            scores, start_cuts, end_cuts = (values[row, body] for values in outputs)
            found[example] = window_spans(scores[:, body], start_cuts, end_cuts, data.pool.tokens[passage], window)
    return [_prediction(asked, [found[e] for e in asked.windows]) for asked in data.asked]


def _prediction(asked: Asked, windows: list[WindowSpans]) -> Prediction:
    span = choose_span(asked.text, windows)
    return Prediction(asked.question, span.text, span.start, span.score, span.no_answer_score)


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
