"""`rag calibrate`: fits the confidence on development questions asked of all their passages as one collection.

Each question is asked three times: of the whole collection; of the collection without the paragraphs that may answer
it; and, where it has a name or a year to swap, with another in its place (see `swaps`). Beside these stand questions
that people wrote to be near misses of a passage. By weight half of what is fitted on has no answer, and must be told
from the other half by the signals alone. Sets whose passages are whole sections are asked twice: of these as they are,
and of excerpts as short as the paragraphs of articles (see `excerpts`). Which sets, and how many questions of each, the
recipe says.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from tqdm import tqdm

from rag.calibration import WEIGHTS, Calibrator
from rag.engine import Engine
from rag.errors import TrainingError
from rag.measures import auroc, calibration_error, f1, says
from rag.numerals import answer_key
from rag.retrieve import retrieve
from rag.train.collection import open_collection, sources
from rag.train.excerpts import excerpt_set
from rag.train.recipe import CalibrationPlan, spread_questions
from rag.train.run import read_data, read_recipe
from rag.train.squad import GoldQuestion, Paragraph, QuestionSet, read_sets
from rag.train.swaps import swapped_questions
from rag.types import Candidate, EncodedQuestion, Signals, Span

READ = 5  # candidates, as `Engine.answer` reads
_SPARE = 3  # further ones, as a file taken out may be several passages
_LEAST_F1 = 0.5  # of a span that overlaps the gold answer's own place: a user learns the answer from it
_HELD_BACK = 0.8  # of the questions without an answer; every other one is answered
_EXCERPTS = "excerpts of "  # before the name of a set whose passages are cut
_FOLDS, _SEED, _DIGITS = 5, 0, 6
# What weighs how much where candidates are put in order, see `weights_of`. Against 0.5 and 1, by folds, on `portal_dev`
# and on `folder_dev` near misses are told with an AUROC of 0.902, 0.905 and 0.859 instead of 0.891, 0.897 and 0.845;
# questions whose passage was taken out with 0.003 to 0.008 less in what the confidence is fitted on. 4 for the second
# gains half as much again and loses as much.
_OWN, _NEAR = 0.75, 2.0
Kind = Literal["in", "out", "swapped", "near"]


@dataclass(frozen=True, slots=True)
class Reading:
    """One candidate: its signals, what was read (as compared), and whether that is right."""

    signals: Signals
    key: str
    right: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One question asked once. `group`: its article, so that folds do not share one."""

    name: str
    group: str
    kind: Kind
    readings: tuple[Reading, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `rag calibrate`."""
    parser.add_argument(
        "--data", nargs="+", type=Path, required=True, help="the question sets the reader was trained on"
    )
    parser.add_argument("--dev", nargs="*", type=Path, default=[], help="development files")
    parser.add_argument(
        "--recipe",
        type=Path,
        required=True,
        help="the reader's recipe: which tails are development, and what the confidence is fitted on",
    )
    parser.add_argument("--index", type=Path, required=True, help="folder for the collection and its index")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where to write the weights (default: the shipped)")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Fit, write, and return what was written."""
    sets, recipe = read_recipe(arguments.data, arguments.recipe)
    if recipe.calibration is None:
        raise TrainingError(f"{arguments.recipe}: nothing to fit the confidence on; expected a table [calibration]")
    _, development = read_data(sets, read_sets(arguments.dev), recipe)
    chosen, cut, near = choose(development, recipe.calibration)
    cases = gather(chosen, near, arguments.index / "whole")
    cases += gather(cut, [], arguments.index / "cut") if cut else []
    counts = Counter(case.name for case in cases if case.kind in ("in", "near"))
    content = fit(cases) | {"fitted_on": dict(counts), "measured": measure(cases)}
    arguments.out.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return content


def choose(
    development: Sequence[QuestionSet], plan: CalibrationPlan
) -> tuple[list[QuestionSet], list[QuestionSet], list[QuestionSet]]:
    """The sets asked of passages as they are, those asked of excerpts, and those whose near misses are asked.

    Raises:
        TrainingError: a set of the plan is not there.
    """
    there = {one.name: one for one in development}
    if missing := {*plan.questions, *plan.excerpts, *plan.near} - there.keys():
        raise TrainingError(
            f"no set {', '.join(sorted(missing))} among {', '.join(there)}: give it with --data or --dev"
        )
    chosen = {name: spread_questions(answered(there[name]), count) for name, count in plan.questions.items()}
    return [*chosen.values()], [in_excerpts(chosen[name]) for name in plan.excerpts], [there[n] for n in plan.near]


def answered(data: QuestionSet) -> QuestionSet:
    """The set without its questions that have no answer."""
    return data.keep(replace(p, questions=tuple(q for q in p.questions if q.answers)) for p in data.paragraphs)


def in_excerpts(data: QuestionSet) -> QuestionSet:
    """The set with its passages cut. Sets of the same passages and answers are cut alike."""
    return replace(excerpt_set(data, np.random.default_rng(_SEED)), name=f"{_EXCERPTS}{data.name}")


def gather(sets: Sequence[QuestionSet], near: Sequence[QuestionSet], folder: Path) -> list[Case]:
    """Every case: of `sets`, whose passages are one collection, and of each set of near misses by itself."""
    cases = list(asked(open_collection([p for one in sets for p in one.paragraphs], folder / "all"), sets))
    for one in near:
        cases += near_misses(open_collection(one.paragraphs, folder / one.name), one)
    return cases


def asked(engine: Engine, sets: Sequence[QuestionSet]) -> Iterator[Case]:
    """Every case of the sets, in their order."""
    files = sources(paragraph for one in sets for paragraph in one.paragraphs)
    for one in sets:
        pairs = [(p, q) for p in one.paragraphs for q in p.questions if q.answers]
        others = swapped_questions(pairs, np.random.default_rng(_SEED))
        for (paragraph, question), other in zip(tqdm(pairs, desc=one.name), others, strict=True):
            may_answer = {files[p.text] for p in one.paragraphs if _may_answer(p, paragraph, question)}
            group = _group(one, paragraph)
            yield from _cases(engine, one.name, group, may_answer, question)
            if other is not None:
                swapped = replace(question, text=other, answers=())
                encoded = engine.index.encoder.encode_question(other)
                readings = _read(engine, encoded, retrieve(engine.index, encoded, READ), swapped, set())
                yield Case(one.name, group, "swapped", tuple(readings))


def _may_answer(other: Paragraph, paragraph: Paragraph, question: GoldQuestion) -> bool:
    """Whether an answer's words stand in another paragraph, or the same one, of the article."""
    return other.article == paragraph.article and any(answer.text in other.text for answer in question.answers)


def _group(data: QuestionSet, paragraph: Paragraph) -> str:
    """The article, whatever language it is asked in and however it is cut."""
    return f"{data.name.removeprefix(_EXCERPTS).split(' on ')[-1]}/{paragraph.article}"


def near_misses(engine: Engine, data: QuestionSet) -> Iterator[Case]:
    """The questions of a set that its paragraphs do not answer, asked of all of them."""
    pairs = [(p, q) for p in data.paragraphs for q in p.questions if not q.answers]
    for paragraph, question in tqdm(pairs, desc=data.name):
        encoded = engine.index.encoder.encode_question(question.text)
        readings = _read(engine, encoded, retrieve(engine.index, encoded, READ), question, set())
        yield Case(data.name, _group(data, paragraph), "near", tuple(readings))


def _cases(engine: Engine, name: str, group: str, sources: Set[str], question: GoldQuestion) -> Iterator[Case]:
    encoded = engine.index.encoder.encode_question(question.text)
    found = retrieve(engine.index, encoded, READ + len(sources) + _SPARE)
    yield Case(name, group, "in", tuple(_read(engine, encoded, found[:READ], question, sources)))
    without = tuple(candidate for candidate in found if candidate.passage.source not in sources)[:READ]
    yield Case(name, group, "out", tuple(_read(engine, encoded, without, question, sources)))


def _read(
    engine: Engine, encoded: EncodedQuestion, candidates: Sequence[Candidate], question: GoldQuestion, sources: Set[str]
) -> list[Reading]:
    """`sources`: the files of the paragraphs in which a reading can be right."""
    chosen, found = engine.weigh(encoded, candidates)
    return [
        Reading(one, answer_key(span.text), candidate.passage.source in sources and is_right(question, candidate, span))
        for one, candidate, span in zip(found, candidates, chosen, strict=True)
        if span.start < span.end
    ]


def is_right(question: GoldQuestion, candidate: Candidate, span: Span) -> bool:
    """Whether a span of the right paragraph answers: it says the answer, or lies over it with an F1 of 0.5 or more."""
    answers = [answer.text for answer in question.answers]
    return says(span.text, answers) or any(
        _overlap(candidate.passage.text, answer, span) and f1(span.text, [answer]) >= _LEAST_F1 for answer in answers
    )


def _overlap(passage: str, answer: str, span: Span) -> bool:
    start = passage.find(answer, max(0, span.start - len(answer) + 1))
    return 0 <= start < span.end


def fit(cases: Sequence[Case]) -> dict[str, Any]:
    """Both models, and the threshold; see `least_threshold`."""
    calibrator = fit_models(cases)
    confidences, _, answerable = outcomes(cases, out_of_fold(cases))
    return {
        "bias": calibrator.bias,
        "weights": calibrator.weights,
        "answer_bias": calibrator.answer_bias,
        "answer_slope": calibrator.answer_slope,
        "answer_lead": calibrator.answer_lead,
        "threshold": least_threshold(confidences, answerable, weights_of(cases)),
    }


def weights_of(cases: Sequence[Case], own: float = 0.5, near: float = 1.0) -> NDArray[np.float64]:
    """The sets whose near misses are asked, which are most like users' own articles, weigh `own` of all. In them, and
    in all others, questions with and without an answer weigh as much, and among the latter each kind, but near misses
    `near` times as much. 1 in the mean.
    """
    asked_near = {case.name for case in cases if case.kind == "near"}
    is_own = np.array([case.name in asked_near for case in cases])
    weights: NDArray[np.float64] = np.empty(len(cases))
    for part, share in ((is_own, own), (~is_own, 1 - own)):
        kinds = [case.kind for case, chosen in zip(cases, part, strict=True) if chosen]
        counts = Counter(kinds)
        worth = {kind: near if kind == "near" else 1.0 for kind in counts if kind != "in"}
        total = sum(worth.values())
        parts = np.array([(1 if kind == "in" else worth[kind] / total) / counts[kind] for kind in kinds])
        weights[part] = share * parts / parts.sum()
    weights /= weights.mean()
    return weights


def fit_models(cases: Sequence[Case]) -> Calibrator:
    """The two logistic models. The first weighs most what is most like users' articles, and hard; see `_OWN`."""
    hard, balance = weights_of(cases, _OWN, _NEAR), weights_of(cases)
    rows = [(list(r.signals.to_dict().values()), r.right, w) for case, w in zip(cases, hard, strict=True)
            for r in case.readings]  # fmt: skip
    values, right = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    mean, scale = values.mean(axis=0), values.std(axis=0) + 1e-9
    model = LogisticRegression(C=1.0, max_iter=1000)
    model.fit((values - mean) / scale, right, sample_weight=[row[2] for row in rows])
    slopes = model.coef_[0] / scale
    bias = float(model.intercept_[0] - slopes @ mean)
    names = list(Signals.__slots__)
    first = Calibrator(round(bias, _DIGITS), {n: round(float(s), _DIGITS) for n, s in zip(names, slopes, strict=True)},
                       0.0, 1.0, 0.0, 0.5)  # fmt: skip
    tops = [top for case in cases if (top := best(case, first)) is not None]
    kept = [weight for case, weight in zip(cases, balance, strict=True) if case.readings]
    second = LogisticRegression(C=100.0, max_iter=1000)
    second.fit([[odds, first.lead(odds, rival)] for odds, rival, _ in tops], [is_one for *_, is_one in tops],
               sample_weight=kept)  # fmt: skip
    slope, lead = (round(float(value), _DIGITS) for value in second.coef_[0])
    return replace(first, answer_bias=round(float(second.intercept_[0]), _DIGITS), answer_slope=slope, answer_lead=lead)


def best(case: Case, calibrator: Calibrator) -> tuple[float, float | None, bool] | None:
    """Log-odds of the best reading, those of the best different one, and whether the best is right."""
    ordered = sorted(((calibrator.log_odds(r.signals), r) for r in case.readings), key=lambda pair: -pair[0])
    if not ordered:
        return None
    odds, top = ordered[0]
    rival = next((other for other, reading in ordered if reading.key != top.key), None)
    return odds, rival, top.right


def out_of_fold(cases: Sequence[Case]) -> list[Calibrator]:
    """For each case a calibrator fitted without its article."""
    found: list[Calibrator] = [None] * len(cases)  # type: ignore[list-item]
    for known, unknown in GroupKFold(_FOLDS).split(cases, groups=[case.group for case in cases]):
        calibrator = fit_models([cases[n] for n in known])
        for n in unknown:
            found[n] = calibrator
    return found


def outcomes(
    cases: Sequence[Case], calibrators: Sequence[Calibrator]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Confidence, right and has-an-answer of every case."""
    confidences, right = [], []
    for case, calibrator in zip(cases, calibrators, strict=True):
        top = best(case, calibrator)
        confidences.append(0.0 if top is None else calibrator.confidence(top[0], top[1]))
        right.append(top is not None and top[2])
    return np.array(confidences), np.array(right), np.array([case.kind == "in" for case in cases])


def least_threshold(
    confidences: NDArray[np.float64], answerable: NDArray[np.bool_], weights: NDArray[np.float64]
) -> float:
    """The lowest threshold, in hundredths, below which 80 of 100 questions without an answer stay, by weight."""
    unanswerable = weights * ~answerable

    def held_back(least: float) -> float:
        return float((unanswerable * (confidences < least)).sum() / unanswerable.sum())

    return next(n / 100 for n in range(1, 101) if held_back(n / 100) >= _HELD_BACK)


def measure(cases: Sequence[Case]) -> dict[str, Any]:
    """How good the confidence is on articles it was not fitted on: of all cases; of the sets asked of excerpts too, as
    they are and cut; and of each set."""
    confidences, right, answerable = outcomes(cases, out_of_fold(cases))
    names = np.array([case.name for case in cases])
    kinds = np.array([case.kind for case in cases])
    cut = np.array([case.name.startswith(_EXCERPTS) for case in cases])
    twice = np.isin(names, [name.removeprefix(_EXCERPTS) for name in names[cut]])
    pools = {"all": np.ones(len(cases), bool), "as they are": twice, "excerpts": cut}
    pools |= {str(name): names == name for name in dict.fromkeys(names[answerable])}
    result = {}
    for name, chosen in pools.items():
        if not (chosen & answerable).any():
            continue
        asked = chosen & answerable
        removal, swapped, near = (asked | (chosen & (kinds == kind)) for kind in ("out", "swapped", "near"))
        result[name] = {
            "cases": int(chosen.sum()),
            "right": float(right[asked].mean()),
            "auroc_right": auroc(confidences[removal], right[removal]),
            "auroc_removal": auroc(confidences[removal], answerable[removal]),
            "auroc_swapped": auroc(confidences[swapped], answerable[swapped]),
            "auroc_near": auroc(confidences[near], answerable[near]),
            "calibration_error": calibration_error(confidences[removal], right[removal]),
            "coverage_at_80": coverage_at(confidences[asked], right[asked], 0.8),
        }
    return {name: {k: v if v is None else round(v, 4) for k, v in one.items()} for name, one in result.items()}


def coverage_at(confidences: NDArray[np.float64], right: NDArray[np.bool_], precision: float) -> float:
    """The largest share that can be answered, most confident first, with at least this share of it right."""
    order = np.argsort(-confidences, kind="stable")
    reached = np.flatnonzero(np.cumsum(right[order]) / np.arange(1, len(order) + 1) >= precision)
    return float((reached[-1] + 1) / len(order)) if len(reached) else 0.0
