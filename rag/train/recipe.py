"""What a training is made of: which sets, how often, in which scripts, what is held out for development, and what the
confidence is fitted on.

Without a recipe every file given is read once a pass. The recipe behind the shipped weights is `recipe.toml`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from rag.errors import TrainingError
from rag.train.squad import GoldQuestion, Paragraph, QuestionSet

SAME_ID_LIMIT = 500
RECIPE = Path(__file__).with_name("recipe.toml")


@dataclass(frozen=True, slots=True)
class SetPlan:
    """How one set is trained on.

    passages, questions: names of the sets that passages and questions are taken from (the same, or parallel ones whose
    question ids agree). share: how many times a pass each answerable question is read, fractions by chance;
    unanswerable_share: the same for the others. negatives: how many windows without the answer go with each question.
    swaps: how many times a pass a question is read with another name or year in it, which makes it unanswerable.
    titled: share of all these that are read under their article's title, as users' passages come with one and without.
    made: what is asked in place of the set's own questions, `cloze` or `keywords`; see `made`.
    excerpts, joined: whether passages are cut to a few sentences, or the paragraphs of an article joined to one; see
    `excerpts`.
    scripts: weights of (as written, both Traditional, both Simplified, question Simplified and passage Traditional,
    question Traditional and passage Simplified); each passage is read in one of them.
    """

    passages: str
    questions: str
    share: float = 1.0
    unanswerable_share: float = 1.0
    negatives: float = 0.5
    swaps: float = 0.0
    titled: float = 0.5
    made: str = ""
    excerpts: bool = False
    joined: bool = False
    scripts: tuple[float, float, float, float, float] = (1.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class HoldOut:
    """The tail of a set kept for development: its last articles, or its last paragraphs."""

    set: str
    articles: int = 0
    paragraphs: int = 0


@dataclass(frozen=True, slots=True)
class CalibrationPlan:
    """Which development sets the confidence is fitted on; see `rag.train.calibration`.

    questions: how many of each set's questions with an answer are asked at most, evenly spread. excerpts: of these sets
    those that are asked of passages cut to a few sentences too. near: sets whose questions without an answer are asked.
    """

    questions: Mapping[str, int]
    excerpts: tuple[str, ...] = ()
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """Plans, held-out tails, and pairs of sets whose questions are the same in translation (see `divide`).

    samples: names of the development sets looked at while training, "NAME titled" for those under their titles; none
    named, all are. calibration: what the confidence is fitted on.
    """

    plans: tuple[SetPlan, ...]
    hold_out: tuple[HoldOut, ...] = ()
    same_ids: tuple[tuple[str, str], ...] = ()
    samples: tuple[str, ...] = ()
    calibration: CalibrationPlan | None = None


def load_recipe(path: Path) -> Recipe:
    """Read a recipe. Raises `TrainingError` when a key is unknown or missing."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        plans = tuple(_plan(entry) for entry in content.pop("plan"))
        hold_out = tuple(HoldOut(**entry) for entry in content.pop("hold_out", []))
        samples = tuple(str(name) for name in content.pop("samples", []))
        calibration = _calibration(content.pop("calibration")) if "calibration" in content else None
        same_ids = tuple((str(first), str(second)) for first, second in content.pop("same_ids", []))
    except (OSError, KeyError, TypeError, ValueError) as error:
        known = ", ".join(field.name for field in fields(SetPlan))
        raise TrainingError(f"{path}: not a recipe ({error!r}); expected [[plan]] tables with {known}") from error
    if content:
        raise TrainingError(
            f"{path}: unknown tables {sorted(content)}; expected plan, hold_out, same_ids, samples, calibration"
        )
    return Recipe(plans, hold_out, same_ids, samples, calibration)


def plain_recipe(sets: Mapping[str, QuestionSet]) -> Recipe:
    """Every set as it is, once a pass."""
    return Recipe(tuple(SetPlan(name, name) for name in sets))


def _calibration(entry: dict[str, Any]) -> CalibrationPlan:
    shaped = isinstance(entry, dict) and isinstance(entry.get("questions"), dict)
    if not shaped or not all(isinstance(names, list) for key, names in entry.items() if key != "questions"):
        raise TypeError("calibration: expected a table with questions (a table of counts), excerpts and near (lists)")
    counts = entry.pop("questions")
    if not counts or not all(type(count) is int and count > 0 for count in counts.values()):
        raise ValueError(f"calibration.questions {counts}: expected a number above 0 for each set")
    plan = CalibrationPlan(counts, **{key: tuple(names) for key, names in entry.items()})
    if unasked := set(plan.excerpts) - counts.keys():
        raise ValueError(f"excerpts of {sorted(unasked)}: expected sets that stand among the questions")
    return plan


def _plan(entry: dict[str, Any]) -> SetPlan:
    entry = dict(entry)
    if "set" in entry:
        entry["passages"] = entry["questions"] = entry.pop("set")
    if entry.get("made", "") not in ("", "cloze", "keywords"):
        raise ValueError(f"made {entry['made']!r}: expected cloze or keywords")
    titled = entry.get("titled", 0.5)
    if not isinstance(titled, int | float) or not 0 <= titled <= 1:
        raise ValueError(f"titled {titled!r}: expected a share from 0 to 1")
    for name in ("excerpts", "joined"):
        if not isinstance(entry.get(name, False), bool):
            raise TypeError(f"{name} {entry[name]!r}: expected true or false")
    if "scripts" in entry:
        entry["scripts"] = tuple(float(weight) for weight in entry["scripts"])
        if len(entry["scripts"]) != 5 or sum(entry["scripts"]) <= 0:
            raise ValueError(f"scripts of {entry['passages']}: expected five weights, some above 0")
    return SetPlan(**entry)


def divide(sets: Mapping[str, QuestionSet], recipe: Recipe) -> tuple[dict[str, QuestionSet], dict[str, QuestionSet]]:
    """The sets without their held-out tails, and the tails.

    `same_ids` pairs (a, b) say that b's questions are a's, translated: articles of b with a question of a's tail are
    held out of b too, as development data of their own.
    """
    training, held_out = dict(sets), {}
    for rule in recipe.hold_out:
        if rule.set in sets:
            whole = sets[rule.set]
            count = rule.paragraphs or sum(p.article in whole.articles[-rule.articles :] for p in whole.paragraphs)
            training[rule.set] = whole.keep(whole.paragraphs[:-count])
            held_out[rule.set] = whole.keep(whole.paragraphs[-count:])
    for source, other in recipe.same_ids:
        if source in held_out and other in sets:
            ids = _ids(held_out[source])
            shared = {p.article for p in sets[other].paragraphs if any(question.id in ids for question in p.questions)}
            training[other] = sets[other].keep(p for p in sets[other].paragraphs if p.article not in shared)
            held_out[other] = sets[other].keep(p for p in sets[other].paragraphs if p.article in shared)
    return training, held_out


def development_questions(
    held_out: Mapping[str, QuestionSet], others: Mapping[str, QuestionSet], recipe: Recipe
) -> list[QuestionSet]:
    """Every development set: files given, held-out tails, parallel tails as "b on a": b's questions, a's passages.

    A tail held out because its questions are another's, but which lacks some of them, is a set of its own, cut to
    SAME_ID_LIMIT questions evenly spread.
    """
    result = list(others.values())
    result += [held_out[rule.set] for rule in recipe.hold_out if rule.set in held_out]
    for source, other in recipe.same_ids:
        if source in held_out and other in held_out:
            wording = {question.id: question.text for p in held_out[other].paragraphs for question in p.questions}
            if _ids(held_out[source]) <= wording.keys():
                result.append(_reworded(held_out[source], f"{other} on {source}", wording))
            else:
                result.append(spread_questions(held_out[other], SAME_ID_LIMIT))
    return result


def _reworded(data: QuestionSet, name: str, wording: Mapping[str, str]) -> QuestionSet:
    paragraphs = (
        replace(p, questions=tuple(replace(question, text=wording[question.id]) for question in p.questions))
        for p in data.paragraphs
    )
    return QuestionSet(name, tuple(paragraphs))


def without_passages(data: QuestionSet, known: set[str]) -> QuestionSet:
    """The set without paragraphs whose text, white space aside, is among `known` development passages."""
    return data.keep(p for p in data.paragraphs if plain_text(p.text) not in known)


def plain_text(text: str) -> str:
    """A passage without white space: how passages of different files are compared."""
    return "".join(text.split())


def spread_questions(data: QuestionSet, count: int) -> QuestionSet:
    """At most `count` questions of a set, evenly spread over it, with their paragraphs."""
    total, number = data.question_count, 0
    kept: list[Paragraph] = []
    for paragraph in data.paragraphs:
        questions: list[GoldQuestion] = []
        for question in paragraph.questions:
            if total <= count or number * count // total != (number - 1) * count // total:
                questions.append(question)
            number += 1
        if questions:
            kept.append(replace(paragraph, questions=tuple(questions)))
    return data.keep(kept)


def _ids(data: QuestionSet) -> set[str]:
    return {question.id for paragraph in data.paragraphs for question in paragraph.questions}
