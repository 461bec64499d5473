"""The loop: a kill changes nothing, a wrong resumption is refused, a time budget ends the schedule."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rag.errors import TrainingError
from rag.train.backbone import Backbone
from rag.train.loop import Trainer, TrainingData
from rag.train.model import ReaderModel
from rag.train.recipe import plain_recipe
from rag.train.run import training_data
from rag.train.settings import Settings
from rag.train.squad import read_set

SETTINGS = Settings(split=2, window=24, stride=12, passes=6.0, batch_tokens=240, learning_rate=1e-3, checkpoint_steps=7)


class Killed(BaseException):
    """Stands for a signal: nothing in the loop may catch it."""


@pytest.fixture
def data(backbone: Backbone, write_set: Callable[..., Path], tmp_path: Path) -> TrainingData:
    sets = {"facts": read_set(write_set())}
    return training_data(sets, plain_recipe(sets), backbone, SETTINGS, tmp_path / "states")


def trainer(
    backbone: Backbone, data: TrainingData, folder: Path, settings: Settings = SETTINGS, **more: Any
) -> Trainer:
    torch.manual_seed(settings.seed)
    return Trainer(ReaderModel.from_backbone(backbone, 2), data, settings, folder, more.get("seconds"))


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first.keys() | second.keys())


def kill_after(count: int) -> Callable[[ReaderModel], list[dict[str, Any]]]:
    """A sampler that looks `count` times and then kills the training."""
    looks: list[int] = []

    def look(_: ReaderModel) -> list[dict[str, Any]]:
        looks.append(1)
        if len(looks) > count:
            raise Killed
        return [{"name": "none", "f1": 0.0}]

    return look


def test_learns_and_a_kill_changes_nothing(backbone: Backbone, data: TrainingData, tmp_path: Path) -> None:
    settings = replace(SETTINGS, sample_share=0.1)
    whole = trainer(backbone, data, tmp_path / "whole", settings)
    begun = {name: value.clone() for name, value in whole.average.items()}
    expected = whole.run(lambda _: [{"name": "none", "f1": 0.0}])
    assert not same(begun, expected)

    for count in (0, 2, 3, 1):  # killed four times: before the first checkpoint, and between two
        with pytest.raises(Killed):
            trainer(backbone, data, tmp_path / "killed", settings).run(kill_after(count))
    resumed = trainer(backbone, data, tmp_path / "killed", settings)
    assert resumed.step > 0
    assert same(resumed.run(lambda _: [{"name": "none", "f1": 0.0}]), expected)
    lines = [
        [json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text("utf-8").splitlines()]
        for name in ("whole", "killed")
    ]
    steps = [[(one["kind"], one["step"], one.get("loss")) for one in log] for log in lines]
    assert steps[0] == steps[1]
    losses = [one["loss"] for one in lines[0] if one["kind"] == "train"]
    assert losses[-1] < losses[0]


def test_a_finished_training_stays_as_it_is(backbone: Backbone, data: TrainingData, tmp_path: Path) -> None:
    settings = replace(SETTINGS, passes=1.0)
    first = trainer(backbone, data, tmp_path / "run", settings).run()
    again = trainer(backbone, data, tmp_path / "run", settings)
    step = again.step
    assert same(again.run(), first)
    assert again.step == step > 0


def test_the_same_seed_gives_the_same_weights(backbone: Backbone, data: TrainingData, tmp_path: Path) -> None:
    settings = replace(SETTINGS, passes=1.0)
    first, second = (trainer(backbone, data, tmp_path / name, settings).run() for name in "ab")
    other = trainer(backbone, data, tmp_path / "c", replace(settings, seed=1)).run()
    assert same(first, second)
    assert not same(first, other)


def test_another_setting_is_refused(backbone: Backbone, data: TrainingData, tmp_path: Path) -> None:
    trainer(backbone, data, tmp_path / "run").run(stop_after=1)
    with pytest.raises(TrainingError, match=r"learning_rate 0\.001, now 0\.002: resume it with the same"):
        trainer(backbone, data, tmp_path / "run", replace(SETTINGS, learning_rate=2e-3))


def test_a_damaged_checkpoint_is_refused(backbone: Backbone, data: TrainingData, tmp_path: Path) -> None:
    once = trainer(backbone, data, tmp_path / "run")
    once.run(stop_after=1)
    once.checkpoint.write_bytes(once.checkpoint.read_bytes()[:1000])
    with pytest.raises(TrainingError, match=r"checkpoint\.pt: damaged"):
        trainer(backbone, data, tmp_path / "run")


def test_a_time_budget_ends_the_schedule(backbone: Backbone, data: TrainingData, tmp_path: Path) -> None:
    settings = replace(SETTINGS, passes=None, minutes=1.0)
    once = trainer(backbone, data, tmp_path / "run", settings, seconds=3.0)
    once.run()
    last = [json.loads(line) for line in once.log.read_text("utf-8").splitlines()][-1]
    assert once.step > 0
    assert last["rate"] <= 0.05 * settings.learning_rate


def test_the_rate_rises_then_falls_to_nothing() -> None:
    settings = Settings(learning_rate=1.0, warmup=0.1)
    assert settings.rate(0.05) == pytest.approx(0.5)
    assert settings.rate(0.1) == pytest.approx(1.0)
    assert settings.rate(0.55) == pytest.approx(0.5)
    assert settings.rate(1.0) == 0.0
    assert 0 < settings.rate(0.0) < 0.01


def test_settings_without_an_end_or_precision_are_refused() -> None:
    with pytest.raises(TrainingError, match="neither passes nor minutes"):
        Settings(passes=None)
    with pytest.raises(TrainingError, match="precision 'half'"):
        Settings(precision="half")
