"""The log of a training drawn as a picture: loss above, the development samples below."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rag.diagram import Curve, Panel, draw


def draw_curves(log: Path, picture: Path) -> None:
    """Read `log.jsonl`, write a PNG. x is the training's progress."""
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    samples = [entry for entry in entries if entry["kind"] == "sample"]
    names = sorted({entry["name"] for entry in samples})
    finite = [entry for entry in entries if entry["kind"] == "train" and math.isfinite(entry["loss"])]
    quality = (
        _curve(f"{name} F1", [entry for entry in samples if entry["name"] == name], "f1", _whole) for name in names
    )
    panels = (
        Panel("training loss (nats)", (_curve("loss", finite, "loss", _tenths),), _tenths),
        Panel("development samples, F1 (%)", tuple(quality), _whole),
    )
    draw(panels, picture)


def _curve(name: str, entries: Sequence[Mapping[str, Any]], key: str, label: Callable[[float], str]) -> Curve:
    """The curve of `key`, its last value in the legend."""
    points = tuple((entry["progress"], entry[key]) for entry in entries)
    return Curve(f"{name}: {label(points[-1][1])}" if points else name, points)


def _tenths(value: float) -> str:
    return f"{value:.1f}"


def _whole(value: float) -> str:
    return f"{value:.0f}"
