"""The notes' names: w₍ₗ₎⁽ⁿ·ᵐ⁾ is the weight from neuron m of layer l-1 to neuron n of l."""

from __future__ import annotations

from math import isfinite

_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def name(symbol: str, *indices: int, layer: int | None = None) -> str:
    """The symbol with its layer below and its indices above, all counted from 1.

    Examples
    --------
    >>> name("w", 2, 1, layer=1), name("z", 1, layer=2), name("x", 12)
    ('w₍₁₎⁽²·¹⁾', 'z₍₂₎⁽¹⁾', 'x⁽¹²⁾')
    """
    below = "" if layer is None else f"₍{layer}₎".translate(_SUBSCRIPT)
    above = "⁽" + "·".join(map(str, indices)).translate(_SUPERSCRIPT) + "⁾" if indices else ""
    return f"{symbol}{below}{above}"


def number(x: float | None) -> str:
    """The number as pages, drawings and explanations write it.

    Four significant digits, with an exponent outside 1e-4..1e5; "—" for None, which
    stands for a gradient that is not there yet.

    Examples
    --------
    >>> [number(x) for x in (0.5, -2.0, 12345.6, 1234567.0, 0.00001234, 1e400, None)]
    ['0.5', '−2', '12346', '1.235e6', '1.234e−5', '∞', '—']
    """
    if x is None:
        return "—"
    if not isfinite(x):
        text = str(x).replace("inf", "∞")
    elif x == 0:
        text = "0"  # -0.0 too
    elif 1e-4 <= abs(x) < 1e5:
        text = f"{x:.4g}" if abs(x) < 9999.5 else f"{x:.0f}"
    else:
        digits, exponent = f"{x:.3e}".split("e")
        text = f"{float(digits):g}e{int(exponent)}"
    return text.replace("-", "−")
