"""The reader judged on a question set: each question put to its own paragraph, the best span taken, never abstaining."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from rag.span_tokens import WindowSizes, cut_span
from rag.train.backbone import Backbone
from rag.train.batches import batch_examples, collate, to_device
from rag.train.examples import Example, SequencePool
from rag.train.metrics import auroc, exact_match, f1
from rag.train.model import ReaderModel, ReaderOutput, valid_spans
from rag.train.recipe import spread_questions
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


@dataclass(frozen=True, slots=True, eq=False)
class DevelopmentSet:
    """A question set made ready: sequences with their states, and which windows belong to which question."""

    name: str
    questions: tuple[GoldQuestion, ...]
    texts: tuple[str, ...]
    passages: tuple[int, ...]
    examples: tuple[tuple[Example, ...], ...]
    pool: SequencePool
    store: StateStore

    def part(self, count: int) -> "DevelopmentSet":
        """At most `count` questions, evenly spread."""
        places = np.unique(np.linspace(0, len(self.questions) - 1, min(count, len(self.questions))).astype(int))
        pick = [int(place) for place in places]
        return DevelopmentSet(
            self.name,
            tuple(self.questions[n] for n in pick),
            tuple(self.texts[n] for n in pick),
            tuple(self.passages[n] for n in pick),
            tuple(self.examples[n] for n in pick),
            self.pool,
            self.store,
        )


def prepare(
    data: QuestionSet, backbone: Backbone, split: int, sizes: WindowSizes, folder: Path, asked: Mapping[str, str] = {}
) -> DevelopmentSet:
    """Make a set ready. `asked` (question id -> wording) puts the questions in another language."""
    pool = SequencePool(backbone.tokenizer, sizes)
    questions: list[GoldQuestion] = []
    texts: list[str] = []
    passages: list[int] = []
    examples: list[tuple[Example, ...]] = []
    for paragraph in data.paragraphs:
        for question in paragraph.questions:
            passage = pool.passage(paragraph.text)
            number = pool.question(asked.get(question.id, question.text))
            windows = range(len(pool.windows[passage]))
            questions.append(question)
            texts.append(paragraph.text)
            passages.append(passage)
            examples.append(tuple(pool.example(number, passage, window, None) for window in windows))
    store = compute_states(backbone, pool.sequences, split, folder, torch.float32)
    return DevelopmentSet(data.name, tuple(questions), tuple(texts), tuple(passages), tuple(examples), pool, store)


def precision_context(device: torch.device, precision: torch.dtype) -> AbstractContextManager[object]:
    """Autocast to bfloat16, or nothing at all for float32."""
    return torch.autocast(device.type, precision, enabled=precision != torch.float32)


@torch.no_grad()
def predict(model: ReaderModel, data: DevelopmentSet, precision: torch.dtype, show: bool = False) -> list[Prediction]:
    """Read every question of a set; in the set's order."""
    device = next(model.parameters()).device
    contents = data.pool.contents()
    unique = sorted({e for windows in data.examples for e in windows}, key=lambda e: (e.question, e.window))
    answers: dict[Example, WindowAnswer] = {}
    for group in tqdm(batch_examples(unique, data.store, TOKENS_AT_ONCE, 0, 0), desc=data.name, disable=not show):
        batch = to_device(collate(group, data.store, contents), device)
        with precision_context(device, precision):
            output = model(batch.states.to(precision), batch.segments)
        splits = [data.store.length(example.question) for example in group]
        answers.update(zip(group, best_spans(output, batch.content, splits), strict=True))
    return [_prediction(data, number, [answers[e] for e in data.examples[number]]) for number in range(len(data.texts))]


def best_spans(output: ReaderOutput, content: torch.Tensor, splits: list[int]) -> list[WindowAnswer]:
    """The best span of each row; token places count from the window's first token (`splits` are question lengths)."""
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


def _prediction(data: DevelopmentSet, number: int, answers: list[WindowAnswer]) -> Prediction:
    window, answer = max(enumerate(answers), key=lambda pair: (pair[1].score, -pair[0]))
    no_answer = -float(np.logaddexp.reduce([one.total for one in answers]))
    if answer.score == -np.inf:
        return Prediction(data.questions[number], "", 0, answer.score, no_answer)
    passage = data.passages[number]
    tokens, first = data.pool.tokens[passage], data.pool.windows[passage][window].first
    shift = first - data.pool.opening_length
    begin, last = answer.first + shift, answer.last + shift
    start, end = cut_span(tokens, begin, last, answer.start_cut, answer.end_cut)
    return Prediction(data.questions[number], data.texts[number][start:end], start, answer.score, no_answer)


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


def development_sets(
    held_out: Mapping[str, QuestionSet],
    others: Mapping[str, QuestionSet],
    backbone: Backbone,
    split: int,
    sizes: WindowSizes,
    folder: Path,
    limit: int = 500,
) -> list[DevelopmentSet]:
    """Every development set; a held-out XQuAD tail also with its questions in the other languages held out with it.

    Held-out tails with unanswerable questions are cut to `limit` questions, evenly spread.
    """
    result = [prepare(data, backbone, split, sizes, folder) for data in others.values()]
    for name, data in held_out.items():
        parallel = {n: d for n, d in held_out.items() if n != name and n.split(".")[0] == name.split(".")[0]}
        if name.endswith(".zh") or not any(n.endswith(".zh") for n in (name, *parallel)):
            result.append(prepare(spread_questions(data, limit), backbone, split, sizes, folder))
            for other, asked in parallel.items():
                wording = {q.id: q.text for p in asked.paragraphs for q in p.questions}
                ready = prepare(data, backbone, split, sizes, folder, wording)
                result.append(_renamed(ready, f"{other} on {name}"))
    return result


def _renamed(data: DevelopmentSet, name: str) -> DevelopmentSet:
    return DevelopmentSet(name, data.questions, data.texts, data.passages, data.examples, data.pool, data.store)
