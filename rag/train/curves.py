"""The log of a training drawn as a picture: loss and learning rate above, the development samples below."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

WIDTH, PANEL_HEIGHT, MARGIN, LEGEND_WIDTH = 960, 300, 56, 230
GRID, TEXT = "#d8dde4", "#30363d"
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#bf3989", "#0a7ea4", "#57606a")


@dataclass(frozen=True, slots=True)
class Curve:
    """A named line: x is the training's progress 0..1."""

    name: str
    points: tuple[tuple[float, float], ...]


def draw_curves(log: Path, picture: Path) -> None:
    """Read `log.jsonl`, write a PNG."""
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    train = [entry for entry in entries if entry["kind"] == "train"]
    samples = [entry for entry in entries if entry["kind"] == "sample"]
    names = sorted({entry["name"] for entry in samples})
    finite = [entry for entry in train if math.isfinite(entry["loss"])]
    loss = [Curve("loss", tuple((entry["progress"], entry["loss"]) for entry in finite))]
    quality = [
        Curve(f"{name} F1", tuple((e["progress"], e["f1"]) for e in samples if e["name"] == name)) for name in names
    ]
    image = Image.new("RGB", (WIDTH, 2 * PANEL_HEIGHT), "white")
    _panel(ImageDraw.Draw(image), 0, "training loss (nats)", loss, lambda value: f"{value:.1f}")
    _panel(ImageDraw.Draw(image), PANEL_HEIGHT, "development samples, F1 (%)", quality, lambda value: f"{value:.0f}")
    image.save(picture)


def _panel(
    draw: ImageDraw.ImageDraw, top: int, title: str, curves: Sequence[Curve], label: Callable[[float], str]
) -> None:
    """One diagram with its axes, grid and legend."""
    font = ImageFont.load_default(13)
    values = [y for curve in curves for _, y in curve.points] or [0.0, 1.0]
    low, high = min(values), max(values)
    high = high if high > low else low + 1.0
    left, right, bottom = MARGIN, WIDTH - LEGEND_WIDTH, top + PANEL_HEIGHT - 36
    height = bottom - top - 36

    def place(x: float, y: float) -> tuple[float, float]:
        return left + x * (right - left), bottom - (y - low) / (high - low) * height

    draw.text((left, top + 10), title, TEXT, font)
    for part in range(5):
        value = low + part / 4 * (high - low)
        draw.line([place(0, value), place(1, value)], GRID)
        draw.text((left - 8, place(0, value)[1]), label(value), TEXT, font, anchor="rm")
        draw.text((place(part / 4, low)[0], bottom + 8), f"{25 * part} %", TEXT, font, anchor="ma")
    for number, curve in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        if curve.points:
            draw.line([place(x, y) for x, y in curve.points], colour, 2)
            row = top + 36 + 18 * number
            draw.text((right + 14, row), f"{curve.name}: {label(curve.points[-1][1])}", colour, font)
