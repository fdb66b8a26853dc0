"""The colours of pictures and pages: one meaning a colour, and none is the only sign of it.

A value stands in blue, its gradient in orange and italics or dashed; a positive weight,
score or class in teal and solid or square, a negative one in violet and dashed or round;
what is right in green with a ✓, what is wrong in red with a ✗. What one can press is
drawn in ink, as text is.
"""

from __future__ import annotations

PALETTE = {
    # name: on a light ground, on a dark one
    "ground": ("#ffffff", "#191f28"),  # behind text and pictures
    "back": ("#f4f5f8", "#10141a"),  # behind and beside the ground
    "ink": ("#18202b", "#e9edf3"),
    "muted": ("#525c6b", "#a9b3c1"),  # text that is read second
    "grid": ("#d3d8e0", "#364152"),  # lines that are hardly looked at
    "edge": ("#7a828e", "#8b95a3"),  # lines that are: arrows, boxes, frames
    "value": ("#0b57a4", "#8fc4ff"),
    "value-soft": ("#e7f0fb", "#16304d"),
    "gradient": ("#a2450a", "#ffb478"),
    "gradient-soft": ("#fdeee2", "#46290f"),
    "positive": ("#008374", "#55d3bd"),
    "positive-soft": ("#8fd6c9", "#0d4f47"),
    "negative": ("#a24ec4", "#d9a3f2"),
    "negative-soft": ("#d9b6ea", "#4d2a63"),
    "right": ("#1a6b3a", "#7fd9a2"),
    "wrong": ("#b0003a", "#ff8fa6"),
}
LIGHT = {name: light for name, (light, _) in PALETTE.items()}
DARK = {name: dark for name, (_, dark) in PALETTE.items()}

# Where a browser has no font for mathematics of its own, brackets stretch only in one of these.
MATH_FONT = (
    '"Latin Modern Math", "STIX Two Math", "Cambria Math", "Noto Sans Math", '
    '"DejaVu Math TeX Gyre", math'
)

# A terminal does not say what its ground is: these are read on white and on black.
TERMINAL = {"value": "#2c77cb", "gradient": "#ba5b16"}


def stylesheet() -> str:
    """What all pages share: the font of formulas, and the palette as CSS custom properties.

    Those, ``var(--value)`` and so on, follow the system, and the page's own switch where
    the root element has ``data-scheme="light"`` or ``"dark"``; on paper they are light.
    ``light-dark()`` would be shorter, and is black in browsers of 2023.
    """
    light, dark = (
        f"color-scheme: {scheme}; {_variables(colours)}"
        for scheme, colours in (("light", LIGHT), ("dark", DARK))
    )
    return (
        f":root {{ {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root:not([data-scheme=light]) {{ {dark} }} }}\n"
        f":root[data-scheme=dark] {{ {dark} }}\n"
        f"@media print {{ {paper(':root:root')} }}\n"
        f"math {{ font-family: {MATH_FONT}; }}\n"
    )


def paper(scope: str) -> str:
    """CSS that has what is inside `scope` in light colours, as on paper."""
    return f"{scope} {{ {_variables(LIGHT)} color-scheme: light; }}"


def repainted(scope: str) -> str:
    """CSS that has the pictures inside `scope`, which are drawn in light colours, follow."""
    return "".join(
        f'{scope} [{part}="{colour}"] {{ {part}: var(--{name}); }}\n'
        for name, colour in LIGHT.items()
        for part in ("fill", "stroke")
    )


def _variables(colours: dict[str, str]) -> str:
    return " ".join(f"--{name}: {c};" for name, c in colours.items())
