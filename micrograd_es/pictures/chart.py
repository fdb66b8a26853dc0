"""Charts as SVG: a curve, points, a map of cells. What the demos end with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import Any, TypeAlias

from micrograd_es.base.palette import DARK, LIGHT
from micrograd_es.base.templating import template
from micrograd_es.formulas.notation import number

WIDTH, HEIGHT = 640, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 20, 48, 56
_SIGNS = {-1: "negative", 0: "unsigned", 1: "positive"}
_LEGEND = 24  # a line below the picture, where nothing is covered


@dataclass(frozen=True)
class Line:
    """A curve through the points (x, y); of several, every other one is dashed."""

    x: Sequence[float]
    y: Sequence[float]
    label: str = ""


@dataclass(frozen=True)
class Points:
    """Points (x, y); `sign` is their class, -1 or 1, or 0 where they have none."""

    x: Sequence[float]
    y: Sequence[float]
    label: str = ""
    sign: int = 0


@dataclass(frozen=True)
class Cells:
    """A map of numbers in -1..1, row by row from the lowest y, over x0..x1 and y0..y1."""

    x0: float
    x1: float
    y0: float
    y1: float
    numbers: Any


Layer: TypeAlias = Line | Points | Cells


def chart(
    layers: Sequence[Layer],
    title: str,
    x_label: str = "",
    y_label: str = "",
    log_y: bool = False,
) -> str:
    """The layers over one another as an SVG document, the first at the bottom.

    `log_y` has a logarithmic y axis, on which what is not positive is left out.
    """
    xs, ys = _extent(layers, log_y)
    x_ticks, y_ticks = _ticks(*xs), (_powers(*ys) if log_y else _ticks(*ys))
    if log_y:
        ys = (min(0.9 * ys[0], y_ticks[0]), max(1.1 * ys[1], y_ticks[-1]))
    labelled = any(not isinstance(layer, Cells) and layer.label for layer in layers)
    bottom = HEIGHT - _BOTTOM - (_LEGEND if labelled else 0)
    scale = _Scale(*xs, *ys, log_y, bottom)
    shapes = [_shape(layer, scale) for layer in layers]
    return template("pictures", "chart.svg").render(
        light=LIGHT,
        dark=DARK,
        title=title,
        title_size=_title_size(title),
        x_label=x_label,
        y_label=y_label,
        x_ticks=[(scale.x(t), number(t)) for t in x_ticks],
        y_ticks=[(scale.y(t), number(t)) for t in y_ticks],
        shapes=shapes,
        legend=_legend(shapes),
        width=WIDTH,
        height=HEIGHT,
        left=_LEFT,
        right=WIDTH - _RIGHT,
        top=_TOP,
        bottom=bottom,
    )


def tiles(
    images: Sequence[Any], captions: Sequence[str], marked: Sequence[bool], title: str
) -> str:
    """Small grey pictures (arrays of 0..1, white is 0) with captions, eight in a row, as SVG."""
    side, across, down = 64, 76, 96
    shapes = [
        {
            "x": 24 + across * (i % 8),
            "y": _TOP + down * (i // 8),
            "caption": caption,
            "marked": mark,
            "pixels": [
                (round(c * side / len(row), 2), round(r * side / len(image), 2), round(float(v), 2))
                for r, row in enumerate(image)
                for c, v in enumerate(row)
                if v > 0
            ],
            "pixel": side / len(image),
        }
        for i, (image, caption, mark) in enumerate(zip(images, captions, marked))
    ]
    height = _TOP + down * ceil(len(images) / 8)
    return template("pictures", "tiles.svg").render(
        light=LIGHT,
        dark=DARK,
        title=title,
        tiles=shapes,
        side=side,
        width=WIDTH,
        height=height,
    )


def _title_size(title: str) -> float:
    """The largest size up to 17 at which the title fits, in the widest of the common fonts."""
    return round(min(17.0, 820 / max(1, len(title))), 1)


def _legend(shapes: list[dict[str, Any]]) -> list[tuple[float, dict[str, Any]]]:
    """What has a label, side by side, each with where it begins."""
    x, placed = float(_LEFT), []
    for shape in shapes:
        if shape["label"]:
            placed.append((x, shape))
            x += 34 + 8.5 * len(shape["label"]) + 20
    return placed


@dataclass(frozen=True)
class _Scale:
    x0: float
    x1: float
    y0: float
    y1: float
    log: bool
    bottom: int

    def x(self, x: float) -> float:
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * (x - self.x0) / (self.x1 - self.x0), 2)

    def y(self, y: float) -> float:
        y0, y1, y = (log10(v) for v in (self.y0, self.y1, y)) if self.log else (self.y0, self.y1, y)
        return round(self.bottom - (self.bottom - _TOP) * (y - y0) / (y1 - y0), 2)


def _shape(layer: Layer, scale: _Scale) -> dict[str, Any]:
    if isinstance(layer, Cells):
        return {"kind": "cells", "label": "", "cells": _runs(layer, scale)}
    points = [
        (scale.x(x), scale.y(y))
        for x, y in zip(layer.x, layer.y)
        if isfinite(y) and (y > 0 or not scale.log)
    ]
    if isinstance(layer, Line):
        return {"kind": "line", "label": layer.label, "points": points}
    return {"kind": "points", "label": layer.label, "points": points, "sign": _SIGNS[layer.sign]}


def _runs(cells: Cells, scale: _Scale) -> list[tuple[float, float, float, float, str, float]]:
    """Rectangles with a sign and an opacity; neighbours of one shade are one."""
    shades = [[round(min(max(float(v), -1.0), 1.0) * 8) for v in row] for row in cells.numbers]
    rows, columns = len(shades), len(shades[0])
    xs = [scale.x(x) for x in _spaced(cells.x0, cells.x1, columns)]
    ys = [scale.y(y) for y in _spaced(cells.y0, cells.y1, rows)]
    runs = []
    for r in range(rows):
        start = 0
        for c in range(1, columns + 1):
            if c == columns or shades[r][c] != shades[r][start]:
                shade = shades[r][start]
                if shade:
                    w, h = round(xs[c] - xs[start], 2), round(ys[r] - ys[r + 1], 2)
                    sign = _SIGNS[1 if shade > 0 else -1]
                    runs.append((xs[start], ys[r + 1], w, h, sign, abs(shade) / 8))
                start = c
    return runs


def _spaced(first: float, last: float, steps: int) -> list[float]:
    return [first + (last - first) * k / steps for k in range(steps)] + [last]


def _extent(
    layers: Sequence[Layer], log_y: bool
) -> tuple[tuple[float, float], tuple[float, float]]:
    xs: list[float] = []
    ys: list[float] = []
    exact = any(isinstance(layer, Cells) for layer in layers)
    for layer in layers:
        if isinstance(layer, Cells):
            xs += [layer.x0, layer.x1]
            ys += [layer.y0, layer.y1]
        else:
            xs += list(layer.x)
            ys += [y for y in layer.y if isfinite(y) and (y > 0 or not log_y)]
    return _range(xs, 0.0), _range(ys, 0.0 if exact or log_y else 0.05)


def _range(numbers: Sequence[float], margin: float) -> tuple[float, float]:
    low, high = (min(numbers), max(numbers)) if numbers else (0.1, 1.0)
    if low == high:
        low, high = (low - 0.5, high + 0.5) if low <= 0 else (low / 2, high * 2)
    return low - margin * (high - low), high + margin * (high - low)


def _ticks(low: float, high: float) -> list[float]:
    """About five round numbers in low..high."""
    rough = (high - low) / 5
    unit = 10.0 ** floor(log10(rough))
    step = next(m * unit for m in (1, 2, 5, 10) if m * unit >= rough)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def _powers(low: float, high: float) -> list[float]:
    """Powers of ten in low..high, at most about six; those around, where there are few."""
    first, last = ceil(log10(low) - 1e-9), floor(log10(high) + 1e-9)
    if last <= first:
        first, last = floor(log10(low) + 1e-9), ceil(log10(high) - 1e-9)
    return [10.0**k for k in range(first, last + 1, max(1, (last - first) // 6))]
