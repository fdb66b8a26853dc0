"""The notes' names: w₍ₗ₎⁽ⁿ·ᵐ⁾ is the weight from neuron m of layer l-1 to neuron n of l."""

from __future__ import annotations

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
