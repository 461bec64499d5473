"""What is trained on and what is held out."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rag.errors import TrainingError
from rag.train.recipe import (
    RECIPE,
    HoldOut,
    Recipe,
    development_questions,
    divide,
    load_recipe,
    plain_recipe,
    spread_questions,
    without_passages,
)
from rag.train.scripts import Script, in_script
from rag.train.squad import QuestionSet, read_set

WriteSet = Callable[..., Path]


def test_shipped_recipe_is_sound() -> None:
    recipe = load_recipe(RECIPE)
    assert {"cmrc2018_train", "drcd_dev", "squad2_dev_zh", "xquad.zh"} <= {plan.passages for plan in recipe.plans}
    used = {name for plan in recipe.plans for name in (plan.passages, plan.questions)}
    assert not any(name.startswith(("bipar", "cmrc2018_trial")) for name in used)
    held_out = {rule.set for rule in recipe.hold_out} | {other for _, other in recipe.same_ids}
    assert {name for name in used if not name.startswith(("cmrc", "folder", "portal", "written"))} <= held_out
    assert recipe.calibration
    fitted = {*recipe.calibration.questions, *recipe.calibration.excerpts, *recipe.calibration.near}
    assert (
        fitted
        <= {"cmrc2018_trial", "folder_calibration", "portal_calibration", "written_calibration", "xquad.en on xquad.zh"}
        | held_out
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[plan]]\nset = 'a'\nshares = 2", "unexpected keyword argument 'shares'"),
        ("[[plan]]\nset = 'a'\nscripts = [1.0]", "expected five weights"),
        ("[[plan]]\nset = 'a'\nexcerpts = 'yes'", "excerpts 'yes': expected true or false"),
        ("[[plan]]\nset = 'a'\njoined = 1", "joined 1: expected true or false"),
        ("[[plan]]\nset = 'a'\n[calibration]\nquestions = { a = 1 }\nexcerpts = ['b']", r"excerpts of \['b'\]"),
        ("[[plan]]\nset = 'a'\n[calibration]\nnear = ['a']", "calibration: expected a table with questions"),
        ("calibration = ['a']\n[[plan]]\nset = 'a'", "calibration: expected a table with questions"),
        ("[[plan]]\nset = 'a'\n[calibration]\nquestions = ['a']", "calibration: expected a table with questions"),
        ("[[plan]]\nset = 'a'\n[calibration]\nquestions = { a = 1 }\nnear = 'a'", "expected a table with questions"),
        ("[[plan]]\nset = 'a'\n[calibration]\nquestions = { a = 0 }", "expected a number above 0 for each set"),
        ("[[plan]]\nset = 'a'\n[calibration]\nquestions = {}", "expected a number above 0 for each set"),
        ("[[plan]]\nset = 'a'\ntitled = 90", "titled 90: expected a share from 0 to 1"),
        ("[[plan]]\nset = 'a'\ntitled = 'yes'", "titled 'yes': expected a share from 0 to 1"),
        ("plans = 1", "not a recipe"),
        ("[[plan]]\nset = 'a'\n[other]\n", r"unknown tables \['other'\]"),
        ("[[plan", "not a recipe"),
    ],
)
def test_recipes_that_cannot_be_meant_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(TrainingError, match=message):
        load_recipe(path)


def test_tails_are_held_out_and_so_are_their_translations(write_set: WriteSet) -> None:
    sets = {name: read_set(write_set(name)) for name in ("x.zh", "x.en")}
    sets["other"] = read_set(write_set("other", 5, 7))
    recipe = Recipe((), (HoldOut("x.zh", articles=2),), (("x.zh", "x.en"), ("x.zh", "other")))
    training, held_out = divide(sets, recipe)
    assert {name: data.articles for name, data in training.items()} == {
        "x.zh": (0, 1, 2, 3, 4, 5),
        "x.en": (0, 1, 2, 3, 4, 5),
        "other": (0,),
    }
    development = development_questions(held_out, {}, recipe)
    assert [(one.name, one.question_count) for one in development] == [("x.zh", 6), ("x.en on x.zh", 6), ("other", 3)]


def test_last_paragraphs_are_held_out(write_set: WriteSet) -> None:
    training, held_out = divide({"facts": read_set(write_set())}, Recipe((), (HoldOut("facts", paragraphs=3),)))
    assert (len(training["facts"].paragraphs), len(held_out["facts"].paragraphs)) == (5, 3)


def test_development_passages_are_never_trained_on(write_set: WriteSet) -> None:
    data = read_set(write_set())
    known = {"".join(data.paragraphs[2].text.split())}
    assert without_passages(data, known).articles == (0, 1, 3, 4, 5, 6, 7)


def test_questions_are_spread_evenly(write_set: WriteSet) -> None:
    data = read_set(write_set())
    assert spread_questions(data, 100) == data
    part = spread_questions(data, 8)
    assert part.question_count == 8
    assert part.articles == data.articles


def test_plain_recipe_reads_everything_once(write_set: WriteSet) -> None:
    data: dict[str, QuestionSet] = {"facts": read_set(write_set())}
    (plan,) = plain_recipe(data).plans
    assert (plan.passages, plan.questions, plan.share) == ("facts", "facts", 1.0)


def test_scripts_keep_every_character_in_its_place() -> None:
    assert in_script("设立开发区", Script.TRADITIONAL) == "設立開發區"
    assert in_script("設立開發區", Script.SIMPLIFIED) == "设立开发区"
    assert in_script("設立开发区", Script.AS_WRITTEN) == "設立开发区"
