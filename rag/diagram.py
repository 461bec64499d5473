"""Curves drawn as a picture: panels one below the other, x from 0 to 100 %, each with its axes, grid and legend."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

WIDTH, PANEL_HEIGHT, MARGIN, LEGEND_WIDTH = 960, 300, 56, 230
GRID, TEXT = "#d8dde4", "#30363d"
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#bf3989", "#0a7ea4", "#57606a")


@dataclass(frozen=True, slots=True)
class Curve:
    """A line and what the legend calls it: x is 0..1."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """One diagram. `label` shows a value of y."""

    title: str
    curves: tuple[Curve, ...]
    label: Callable[[float], str]


def draw(panels: Sequence[Panel], picture: Path) -> None:
    """Writes a PNG.

    Raises:
        OSError: it cannot be written.
    """
    image = Image.new("RGB", (WIDTH, len(panels) * PANEL_HEIGHT), "white")
    for number, panel in enumerate(panels):
        _panel(ImageDraw.Draw(image), number * PANEL_HEIGHT, panel)
    image.save(picture, "PNG")


def _panel(draw: ImageDraw.ImageDraw, top: int, panel: Panel) -> None:
    font = ImageFont.load_default(13)
    values = [y for curve in panel.curves for _, y in curve.points] or [0.0, 1.0]
    low, high = min(values), max(values)
    high = high if high > low else low + 1.0
    left, right, bottom = MARGIN, WIDTH - LEGEND_WIDTH, top + PANEL_HEIGHT - 36
    height = bottom - top - 36

    def place(x: float, y: float) -> tuple[float, float]:
        return left + x * (right - left), bottom - (y - low) / (high - low) * height

    draw.text((left, top + 10), panel.title, TEXT, font)
    for part in range(5):
        value = low + part / 4 * (high - low)
        draw.line([place(0, value), place(1, value)], GRID)
        draw.text((left - 8, place(0, value)[1]), panel.label(value), TEXT, font, anchor="rm")
        draw.text((place(part / 4, low)[0], bottom + 8), f"{25 * part} %", TEXT, font, anchor="ma")
    for number, curve in enumerate(panel.curves):
        colour = COLOURS[number % len(COLOURS)]
        if curve.points:
            draw.line([place(x, y) for x, y in curve.points], colour, 2)
            draw.text((right + 14, top + 36 + 18 * number), curve.name, colour, font)
