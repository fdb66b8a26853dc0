"""Layers that look at images: Conv2d and MaxPool2d, as PyTorch has them.

An image is a list of rows; where there are several, of channels or maps, a list of images.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import chain, product
from math import inf, prod
from typing import Any

from micrograd_es.base.scalars import as_count
from micrograd_es.engine.functions import maximum, products, sum_node, where
from micrograd_es.engine.value import Value
from micrograd_es.nn.module import Module
from micrograd_es.nn.nested import Nested, Weighted, flat, values_of
from micrograd_es.nn.starts import Seed, drawn_within, filled


class Conv2d(Weighted):
    """Filters that slide over an image: each gives a map of how well it fits where.

    Parameters
    ----------
    in_channels, out_channels : int
        How many images there are at a time, and how many filters.
    kernel_size, stride, padding : int, or (vertical, horizontal)
        The filter's size, the step from one place to the next, and how many zeros are put
        around the images.
    seed : int, optional
        `weight`, of shape (out, in, height, width), and `bias` are drawn uniformly between
        ±1/√(in · height · width).

    Examples
    --------
    >>> maps = Conv2d(1, 4, kernel_size=3, seed=0)([[[0.0] * 8 for _ in range(8)]])
    >>> len(maps), len(maps[0]), len(maps[0][0])
    (4, 6, 6)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        seed: Seed = None,
    ) -> None:
        self.kernel_size = _pair(kernel_size, "kernel_size")
        self.stride = _pair(stride, "stride")
        self.padding = _pair(padding, "padding", 0)
        self.in_channels = as_count(in_channels, "in_channels")
        shape = (as_count(out_channels, "out_channels"), self.in_channels, *self.kernel_size)
        draw = drawn_within(prod(shape[1:]) ** -0.5, seed)
        self.weight = filled(draw, "w", *shape)
        self.bias = filled(draw, "b", shape[0])

    def __call__(self, x: Any) -> Nested:
        """Maps (out_channels, H', W') of images (in_channels, H, W)."""
        images = values_of(x, "Conv2d", self.in_channels, "H", "W")
        windows = [
            _windows(image, "Conv2d", self.kernel_size, self.stride, self.padding, 0.0)
            for image in images
        ]
        places = [[list(chain(*window)) for window in zip(*row)] for row in zip(*windows)]
        filters = [(list(flat(w)), b) for w, b in zip(self.weight, self.bias)]
        return [
            [[sum_node((*products(w, place), b)) for place in row] for row in places]
            for w, b in filters
        ]


class MaxPool2d(Module):
    """The largest number of each window of an image; of equal ones, the first.

    Parameters
    ----------
    kernel_size, stride, padding : int, or (vertical, horizontal)
        The window's size; the step from one to the next, which is that size unless given;
        and how many places, which never win, are put around.

    Examples
    --------
    >>> pooled = MaxPool2d(2)([[[1.0, 2.0, 0.0, 1.0], [4.0, 3.0, 0.0, 5.0]]])
    >>> [[v.data for v in row] for row in pooled[0]]
    [[4.0, 5.0]]
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
    ) -> None:
        self.kernel_size = _pair(kernel_size, "kernel_size")
        self.stride = self.kernel_size if stride is None else _pair(stride, "stride")
        self.padding = _pair(padding, "padding", 0)
        if any(2 * p > k for p, k in zip(self.padding, self.kernel_size)):
            raise ValueError(f"padding is at most half of kernel_size, not {padding!r}")

    def __call__(self, x: Any) -> Nested:
        """Images (C, H', W') of images (C, H, W)."""
        images = values_of(x, "MaxPool2d", "C", "H", "W")
        settings = self.kernel_size, self.stride, self.padding
        return [
            [[reduce(_first_of_the_largest, window) for window in row] for row in rows]
            for rows in (_windows(image, "MaxPool2d", *settings, -inf) for image in images)
        ]

    def __repr__(self) -> str:
        return f"MaxPool2d({self.kernel_size}, {self.stride}, {self.padding})"


def _first_of_the_largest(a: Value, b: Value) -> Any:
    return where(b <= a, a, maximum(a, b))  # the second is nan where one of them is


def _pair(x: Any, what: str, least: int = 1) -> tuple[int, int]:
    pair = tuple(x) if isinstance(x, (list, tuple)) else (x, x)
    if len(pair) != 2:
        raise ValueError(f"{what} is an integer or two of them, not {x!r}")
    return as_count(pair[0], what, least), as_count(pair[1], what, least)


def _windows(
    image: Nested,
    who: str,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    outside: float,
) -> list[list[list[Value]]]:
    """The windows that fit into an image, row by row, each as one list."""
    (down, across), border = padding, Value(outside)
    width = len(image[0]) + 2 * across
    beside = [border] * across
    rows = [[border] * width] * down
    rows = [*rows, *([*beside, *row, *beside] for row in image), *rows]
    if kernel[0] > len(rows) or kernel[1] > width:
        raise ValueError(f"{who}: no window of {kernel} fits into ({len(rows)}, {width})")
    window = list(product(range(kernel[0]), range(kernel[1])))
    return [
        [
            [rows[i + u][j + v] for u, v in window]
            for j in range(0, width - kernel[1] + 1, stride[1])
        ]
        for i in range(0, len(rows) - kernel[0] + 1, stride[0])
    ]
