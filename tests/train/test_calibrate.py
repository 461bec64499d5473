"""Fitting the confidence."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.calibration import Calibrator
from rag.errors import TrainingError
from rag.train.calibration import (
    Case,
    Kind,
    Reading,
    add_arguments,
    answered,
    asked,
    best,
    choose,
    coverage_at,
    fit,
    fit_models,
    gather,
    in_excerpts,
    is_right,
    least_threshold,
    measure,
    near_misses,
    run,
    weights_of,
)
from rag.train.collection import open_collection
from rag.train.recipe import CalibrationPlan
from rag.train.squad import GoldAnswer, GoldQuestion, Paragraph, QuestionSet
from rag.types import Alignment, Candidate, Passage, Signals, Span

FLAT = dict.fromkeys(Signals.__slots__, 0.0)


def reading(holds: float, right: bool, key: str = "a") -> Reading:
    return Reading(Signals(**(FLAT | {"holds": holds})), key, right)


def case(kind: Kind, *readings: Reading, group: str = "g", name: str = "s") -> Case:
    return Case(name, group, kind, readings)


def noisy(count: int) -> list[Case]:
    """Questions whose best reading is right with the probability of a logistic curve over `holds`."""
    random = np.random.default_rng(0)
    cases = []
    for number in range(count):
        kind: Kind = "in" if number % 2 else "out"
        holds = float(random.normal(2.0 if kind == "in" else -2.0, 1.5))
        right = kind == "in" and bool(random.random() < 1 / (1 + np.exp(-2 * holds)))
        cases.append(case(kind, reading(holds, right), reading(holds - 3, False, "b"), group=f"g{number % 20}"))
    return cases


def test_questions_are_asked_with_their_paragraph_and_without_and_near_misses_as_they_are(tmp_path: Path) -> None:
    answered = GoldQuestion("a", "青山图书馆几点开门?", (GoldAnswer("早上8点", 8),))
    near = GoldQuestion("n", "青山图书馆几点关门?", ())
    library = Paragraph(0, "青山图书馆每天早上8点开门,欢迎读者。", (answered, near))
    bridge = Paragraph(1, "红河大桥的长度是1280米,由第三工程局建造。", ())
    data = QuestionSet("s", (library, bridge))
    engine = open_collection(data.paragraphs, tmp_path)
    kept, removed = (case for case in asked(engine, [data]) if case.kind != "swapped")
    assert [(c.name, c.group, c.kind) for c in (kept, removed)] == [("s", "s/0", "in"), ("s", "s/0", "out")]
    assert [any(reading.right for reading in c.readings) for c in (kept, removed)] == [True, False]
    (case,) = near_misses(engine, data)
    assert (case.name, case.group, case.kind) == ("s", "s/0", "near")
    assert [reading.right for reading in case.readings] == [False, False]


def test_paragraphs_of_the_article_that_say_the_answer_too_are_right_and_are_taken_out_with_it(tmp_path: Path) -> None:
    question = GoldQuestion("a", "青山图书馆几点开门?", (GoldAnswer("早上8点", 8),))
    first = Paragraph(0, "青山图书馆每天早上8点开门,欢迎读者。", (question,))
    again = Paragraph(0, "来青山图书馆的人很多,早上8点开门前已排起长队。", ())
    elsewhere = Paragraph(1, "红河图书馆早上8点开门。", ())
    data = QuestionSet("s", (first, again, elsewhere))
    kept, removed = (case for case in asked(open_collection(data.paragraphs, tmp_path), [data]))
    assert (kept.kind, sum(reading.right for reading in kept.readings), len(kept.readings)) == ("in", 2, 3)
    assert (removed.kind, [reading.right for reading in removed.readings]) == ("out", [False])


def test_questions_without_an_answer_are_left_out_with_the_paragraph_kept() -> None:
    asked, near = GoldQuestion("a", "几点?", (GoldAnswer("8点", 0),)), GoldQuestion("n", "哪里?", ())
    data = QuestionSet("s", (Paragraph(0, "8点开门。", (asked, near)), Paragraph(1, "晴。", (near,))))
    assert answered(data).paragraphs == (Paragraph(0, "8点开门。", (asked,)), Paragraph(1, "晴。", ()))


def test_sets_are_asked_of_excerpts_too_in_the_folds_of_their_articles(tmp_path: Path) -> None:
    text = "青山图书馆每天早上8点开门,欢迎读者。" + "这一天的天气一直很好。" * 8
    answered = GoldQuestion("a", "青山图书馆几点开门?", (GoldAnswer("早上8点", 8),))
    near = GoldQuestion("n", "青山图书馆几点关门?", ())
    chinese = QuestionSet("s", (Paragraph(7, text, (answered,)),))
    english = QuestionSet("t on s", (Paragraph(7, text, (GoldQuestion("a", "When does it open?", answered.answers),)),))
    cut = [in_excerpts(one) for one in (chinese, english)]
    texts = [[paragraph.text for paragraph in one.paragraphs] for one in cut]
    assert texts[0] == texts[1]
    assert "".join(texts[0]) == text
    assert len(texts[0]) > 2
    misses = in_excerpts(QuestionSet("u", (Paragraph(2, text, (near,)),)))
    cases = gather(cut, [misses], tmp_path)
    assert [(c.name, c.group, c.kind) for c in cases if c.kind != "swapped"] == [
        ("excerpts of s", "s/7", "in"),
        ("excerpts of s", "s/7", "out"),
        ("excerpts of t on s", "s/7", "in"),
        ("excerpts of t on s", "s/7", "out"),
        ("excerpts of u", "u/2", "near"),
    ]
    assert [any(reading.right for reading in c.readings) for c in cases if c.kind == "in"] == [True, True]
    assert len(list((tmp_path / "all" / "articles").iterdir())) == len(set(texts[0]))


def test_answers_weigh_as_much_as_none_and_each_kind_of_none_as_much() -> None:
    cases = [case("in"), case("in"), case("out"), case("swapped"), case("near"), case("near")]
    weights = weights_of(cases)
    assert weights.tolist() == pytest.approx([1.5, 1.5, 1.0, 1.0, 0.5, 0.5])
    assert weights_of(cases[:2]).tolist() == [1.0, 1.0]


def test_sets_whose_near_misses_are_asked_weigh_as_much_as_all_others() -> None:
    cases = [case("in", name="t"), case("near", name="t"), case("in"), case("in"), case("in", name="u"), case("out")]
    assert weights_of(cases).tolist() == pytest.approx([1.5, 1.5, 0.5, 0.5, 0.5, 1.5])


def test_such_sets_and_their_near_misses_may_weigh_more() -> None:
    cases = [case("in", name="t"), case("near", name="t"), case("out", name="t"), case("in"), case("out")]
    assert weights_of(cases, own=0.75, near=2.0).tolist() == pytest.approx([1.875, 1.25, 0.625, 0.625, 0.625])


def test_candidates_are_put_in_order_as_such_sets_and_their_near_misses_want_it() -> None:
    high, low = reading(1.0, True), reading(0.0, True)
    wrong_high, wrong_low = reading(1.0, False), reading(0.0, False)
    ours = [case("in", high, name="t"), case("near", wrong_low, name="t"), case("out", wrong_low, name="t")]
    others = [case("in", low), case("out", wrong_high)]
    assert fit_models((ours + others) * 9).weights["holds"] > 1
    either = [case("in", high, name="t"), case("in", low, name="t")]
    misses = [case("near", wrong_high, name="t"), case("out", wrong_low, name="t")]
    assert fit_models((either + misses) * 9).weights["holds"] < -0.5


def test_a_recipe_says_which_questions_are_asked_of_what() -> None:
    questions = tuple(GoldQuestion(str(n), "几点?", (GoldAnswer("8点", 0),) if n % 2 else ()) for n in range(12))
    first, second = (QuestionSet(name, (Paragraph(0, "8点开门。" * 9, questions),)) for name in ("a", "b"))
    plan = CalibrationPlan({"b": 4, "a": 99}, excerpts=("b",), near=("a",))
    chosen, cut, near = choose([first, second], plan)
    assert [(one.name, one.question_count) for one in chosen] == [("b", 4), ("a", 6)]
    assert all(question.answers for one in chosen for p in one.paragraphs for question in p.questions)
    assert [(one.name, one.question_count) for one in cut] == [("excerpts of b", 4)]
    assert near == [first]
    with pytest.raises(TrainingError, match=r"no set c among a, b: give it with --data or --dev"):
        choose([first, second], CalibrationPlan({"a": 1}, near=("c",)))


def test_a_fitted_confidence_is_a_probability() -> None:
    cases = noisy(2000)
    found = measure(cases)["all"]
    assert found["calibration_error"] < 0.04
    assert found["auroc_removal"] > 0.9
    content = fit(cases)
    assert content["weights"]["holds"] > 0.5
    assert {name for name, value in content["weights"].items() if value} == {"holds"}
    assert 0.05 <= content["threshold"] <= 0.7
    assert fit(cases) == content


def test_a_set_of_near_misses_alone_is_measured_with_all_others() -> None:
    near = [reading(2.0, False), reading(-1.0, False, "b")]
    cases = noisy(400) + [case("near", *near, name="n", group=f"n{number}") for number in range(20)]
    found = measure(cases)
    assert list(found) == ["all", "s"]
    assert [found[name]["cases"] for name in found] == [420, 400]
    assert 0.4 < found["all"]["auroc_near"] < 0.6  # as sure as the median answerable one
    assert found["s"]["auroc_near"] is None


def test_sets_asked_of_excerpts_too_are_measured_by_themselves_as_they_are_and_cut() -> None:
    cases = noisy(400)
    cut = [replace(one, name="excerpts of s") for one in cases[:100]]
    short = [replace(one, name="t") for one in cases[:60]]
    found = measure(cases + cut + short)
    assert list(found) == ["all", "as they are", "excerpts", "s", "excerpts of s", "t"]
    assert [one["cases"] for one in found.values()] == [560, 400, 100, 400, 100, 60]
    assert found["excerpts"] == found["excerpts of s"] != found["s"] == found["as they are"]


def test_the_best_reading_and_its_rival() -> None:
    model = Calibrator(0.0, FLAT | {"holds": 1.0}, 0.0, 1.0, 0.0, 0.5)
    found = case("in", reading(1.0, False, "b"), reading(3.0, True), reading(2.0, False, "a"))
    assert best(found, model) == (3.0, 1.0, True)
    assert best(case("out", reading(1.0, False)), model) == (1.0, None, False)
    assert best(case("out"), model) is None


def test_the_lowest_threshold_that_holds_back_enough() -> None:
    confidences = np.array([0.9, 0.1, 0.2, 0.3, 0.4, 0.5])
    answerable = np.array([True, False, False, False, False, False])
    assert least_threshold(confidences, answerable, np.ones(6)) == 0.41
    assert least_threshold(confidences, answerable, np.array([1, 9, 1, 1, 1, 0.0])) == 0.21


def test_coverage_at_a_precision() -> None:
    confidences = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    assert coverage_at(confidences, np.array([True, True, True, True, False]), 0.8) == 1.0
    assert coverage_at(confidences, np.array([True, False, True, False, False]), 0.8) == 0.2
    assert coverage_at(confidences, np.array([False, True, True, True, True]), 0.9) == 0.0


TEXT = "它原生于巴西,重2公斤。巴西很大。"


@pytest.mark.parametrize(
    ("quote", "place", "right"),
    [
        ("巴西", 0, True),
        ("巴西", 5, False),
        ("原生于巴西", 0, True),
        ("重2公斤", 0, False),
        ("它原生于巴西,重2公斤", 0, True),
    ],
)
def test_what_is_right(quote: str, place: int, right: bool) -> None:
    start = TEXT.index(quote, place)
    passage = Passage("a#1", "a", "article", "", "", None, None, 1, TEXT, Alignment.of([(0, len(TEXT))]))
    question = GoldQuestion("q", "它原生于哪里?", (GoldAnswer("原生于巴西", 1),))
    found = Span(start, start + len(quote), quote, 0.0, 0.0)
    assert is_right(question, Candidate(0, passage, 1.0, 1, 1, 1), found) is right


def test_a_confidence_is_fitted_on_what_the_recipe_names(write_set: Callable[..., Path], tmp_path: Path) -> None:
    recipe, out = tmp_path / "recipe.toml", tmp_path / "weights.json"
    plan = "[[plan]]\nset = 'train'\n"
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    given = ["--data", str(write_set("train", 8, 12)), "--dev", str(write_set("dev", 0, 8)), "--recipe", str(recipe)]
    arguments = parser.parse_args([*given, "--index", str(tmp_path / "index"), "--out", str(out)])
    recipe.write_text(plan)
    with pytest.raises(TrainingError, match="nothing to fit the confidence on"):
        run(arguments)
    recipe.write_text(f"{plan}[calibration]\nquestions = {{ dev = 12 }}\nnear = ['dev']\n")
    content = run(arguments)
    assert content["fitted_on"] == {"dev": 12 + 8}
    assert list(content["measured"]) == ["all", "dev"]
    assert Calibrator.load(out).threshold == content["threshold"]
