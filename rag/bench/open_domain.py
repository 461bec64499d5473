"""`rag bench open`: how good the answers are on public question sets, every paragraph of which is one collection.

The passage that is right for a question is one of its own paragraph that holds a gold answer; the same words in another
paragraph do not count.
"""

import argparse
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from rag.engine import Engine
from rag.errors import EvaluationError
from rag.index import Index
from rag.index.bridge import Bridge
from rag.index.lexical import LexicalIndex, plain_terms
from rag.index.vectors import VectorIndex
from rag.measures import exact_match, f1
from rag.retrieve import retrieve
from rag.train.collection import open_collection, sources
from rag.train.recipe import development_questions, divide, load_recipe
from rag.train.squad import GoldQuestion, QuestionSet, read_sets
from rag.types import Candidate, EncodedQuestion

log = logging.getLogger(__name__)

_DEPTH = 20
_NO_RANK = np.inf


@dataclass(frozen=True, slots=True)
class Retrieval:
    """How often one way to search finds the right passage, 0 to 1; higher is better."""

    way: str
    recall_at_1: float  # share of the questions whose right passage comes first
    recall_at_5: float
    recall_at_20: float


@dataclass(frozen=True, slots=True)
class OpenResult:
    """The measures of one question set. Exact match and F1 are CMRC's (see `rag.measures`), 0 to 1, higher is better;
    nothing is abstained from."""

    name: str
    questions: int
    passages: int  # of the whole collection
    not_indexed: int  # questions whose answer stands in no passage of its paragraph: cut in two, or cleaned away
    retrieval: tuple[Retrieval, ...]
    exact_match: float  # of the answers from the whole collection
    f1: float
    gold_exact_match: float  # of the answers read in the right paragraph
    gold_f1: float


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question: the rank of its right passage by each way to search, and what was answered."""

    ranks: Mapping[str, float]
    indexed: bool
    answer: str
    gold_answer: str
    answers: tuple[str, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `rag bench open`."""
    parser.add_argument(
        "--data",
        nargs="+",
        type=Path,
        required=True,
        metavar="FILE",
        help="question sets in SQuAD format",
    )
    parser.add_argument(
        "--distractors", nargs="+", type=Path, default=[], metavar="FILE", help="sets that only give their paragraphs"
    )
    parser.add_argument(
        "--recipe",
        type=Path,
        metavar="FILE",
        help="ask only what this recipe of `rag train` holds out, also in its other languages",
    )
    parser.add_argument(
        "--index", type=Path, required=True, metavar="DIR", help="where the collection is kept, to measure again sooner"
    )
    parser.add_argument("--json", action="store_true", help="print the measures as JSON")


def run(options: argparse.Namespace) -> str:
    """Measures, and returns what is to be printed."""
    results = bench_open(_chosen(options), list(read_sets(options.distractors).values()), options.index)
    if options.json:
        return json.dumps([asdict(result) for result in results], ensure_ascii=False, indent=1)
    return "\n\n".join(map(_table, results))


def bench_open(sets: Sequence[QuestionSet], distractors: Sequence[QuestionSet], folder: Path) -> tuple[OpenResult, ...]:
    """The measures of every set, asked of the paragraphs of all sets and distractors together.

    Raises:
        EvaluationError: no question has an answer.
        TrainingDataError: `folder` holds other articles.
    """
    paragraphs = [paragraph for one in (*sets, *distractors) for paragraph in one.paragraphs]
    files = sources(paragraphs)
    engine = open_collection(paragraphs, folder)
    indexes = {"with titles": engine.index}
    if any(paragraph.title for paragraph in paragraphs):
        indexes["without titles"] = _without_titles(engine.index)
    numbers = _numbers(engine.index)
    results = []
    for one in sets:
        answered = [(p, question) for p in one.paragraphs for question in p.questions if question.answers]
        pairs = [(p, question) for p, question in answered if question.text.strip()]
        if blank := [question.id for _, question in answered if not question.text.strip()]:
            log.warning("%s: left out, as the question is empty: %s", one.name, ", ".join(blank))
        if not pairs:
            raise EvaluationError(f"{one.name} has no question with an answer: expected some to ask")
        asked = [
            _ask(engine, indexes, numbers[files[paragraph.text]], question)
            for paragraph, question in tqdm(pairs, desc=one.name)
        ]
        results.append(_measured(one.name, len(engine.index.store), asked))
    return tuple(results)


def _chosen(options: argparse.Namespace) -> list[QuestionSet]:
    sets = read_sets(options.data)
    if options.recipe is None:
        return list(sets.values())
    recipe = load_recipe(options.recipe)
    _, held_out = divide(sets, recipe)
    rules = {rule.set for rule in recipe.hold_out}
    others = {name: one for name, one in sets.items() if name not in held_out and name not in rules}
    return development_questions(held_out, others, recipe)


def _without_titles(index: Index) -> Index:
    """The same passages, encoded and indexed by their text alone."""
    texts = [passage.text for passage in index.store.passages(list(range(len(index.store))))]
    bare = copy(index)
    bare.passages = VectorIndex.build(list(index.encoder.encode_passages(texts)[:, None]))
    bare.lexical = LexicalIndex.build(texts)
    bare.bridge = Bridge(bare.lexical)
    return bare


def _numbers(index: Index) -> dict[str, list[int]]:
    """The numbers of the passages of each file."""
    found: dict[str, list[int]] = {}
    for number, passage in enumerate(index.store.passages(list(range(len(index.store))))):
        found.setdefault(passage.source, []).append(number)
    return found


def _ask(engine: Engine, indexes: Mapping[str, Index], own: Sequence[int], question: GoldQuestion) -> _Asked:
    encoded = engine.index.encoder.encode_question(question.text)
    answers = tuple(dict.fromkeys(answer.text for answer in question.answers))
    passages = engine.index.store.passages(own)
    right = {n for n, passage in zip(own, passages, strict=True) if any(a in passage.text for a in answers)}
    ranks = {
        f"{way}, {titles}": next((float(i) for i, n in enumerate(found, start=1) if n in right), _NO_RANK)
        for titles, index in indexes.items()
        for way, found in _ways(index, encoded)
    }
    candidates = [Candidate(n, p, 0.0, None, None, None) for n, p in zip(own, passages, strict=True)]
    readings, _ = engine.weigh(encoded, candidates)
    gold = max(readings, key=lambda span: span.score).text
    return _Asked(ranks, bool(right), engine.answer(question.text, min_confidence=0).text, gold, answers)


def _ways(index: Index, question: EncodedQuestion) -> Iterator[tuple[str, list[int]]]:
    """Each way to search, and the numbers of the passages it finds, best first."""
    yield "passage vectors", _found(index.passages.search(question.vector, _DEPTH))
    yield "sentence vectors", _found(index.sentences.search(question.vector, _DEPTH))
    yield "words", _found(index.lexical.search(plain_terms(question.text), _DEPTH))
    yield "words, bridged", _found(index.lexical.search(index.bridge.terms(question.text), _DEPTH))
    yield "all fused", [candidate.number for candidate in retrieve(index, question, _DEPTH)]


def _found(ranking: Iterable[tuple[int, float]]) -> list[int]:
    return [number for number, _ in ranking]


def _measured(name: str, passages: int, asked: Sequence[_Asked]) -> OpenResult:
    def mean(values: Iterable[float]) -> float:
        return float(np.mean(list(values)))

    ways = {way: np.array([one.ranks[way] for one in asked]) for way in asked[0].ranks}
    return OpenResult(
        name=name,
        questions=len(asked),
        passages=passages,
        not_indexed=sum(not one.indexed for one in asked),
        retrieval=tuple(
            Retrieval(way, *(float(np.mean(ranks <= depth)) for depth in (1, 5, _DEPTH))) for way, ranks in ways.items()
        ),
        exact_match=mean(exact_match(one.answer, one.answers) for one in asked),
        f1=mean(f1(one.answer, one.answers) for one in asked),
        gold_exact_match=mean(exact_match(one.gold_answer, one.answers) for one in asked),
        gold_f1=mean(f1(one.gold_answer, one.answers) for one in asked),
    )


def _table(result: OpenResult) -> str:
    lines = [
        f"{result.name}: {result.questions} questions over {result.passages} passages; {result.not_indexed} without a "
        f"passage that holds the answer",
        f"{'':34}" + "".join(f"{name:>12}" for name in ("recall@1", "recall@5", f"recall@{_DEPTH}")),
    ]
    for way in result.retrieval:
        shown = (way.recall_at_1, way.recall_at_5, way.recall_at_20)
        lines.append(f"{way.way:34}" + "".join(f"{value:>12.3f}" for value in shown))
    lines.append(f"{'':34}" + "".join(f"{name:>12}" for name in ("exact match", "F1")))
    rows = (
        ("answered from the collection", result.exact_match, result.f1),
        ("read in the right paragraph", result.gold_exact_match, result.gold_f1),
        ("lost on the way", result.gold_exact_match - result.exact_match, result.gold_f1 - result.f1),
    )
    lines += [f"{name:34}{exact:>12.3f}{overlap:>12.3f}" for name, exact, overlap in rows]
    return "\n".join(lines)
