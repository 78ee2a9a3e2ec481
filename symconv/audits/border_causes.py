"""Mistakes about a border that is not zeros, each said as the closed formula that somebody has computed instead."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from symconv.audits.truth import Point, equal
from symconv.formulas.parser import parse
from symconv.formulas.standard import standard
from symconv.formulas.values import evaluate
from symconv.layer.conv import Conv

__all__ = ["BORDER_CAUSES", "follows"]

Array = NDArray[Any]

_WHOLE = "correlate(pad(dilate(dy, s), d*(K - 1), d*(K - 1) + r), flip(w), dilation=d)"
_BORDERED = "correlate(pad(dilate(dy, s), d*(K - 1) - p, d*(K - 1) - q + r, mode={mode}), flip(w), dilation=d)"

#: key -> the outputs, what is said, and the formulas of which one was computed; {mode} is that of the layer
BORDER_CAUSES: dict[str, tuple[tuple[str, ...], str, tuple[str, ...]]] = {
    "border-not-folded": (
        ("dx",), "crops the border of the padded gradient instead of folding it back",
        (f"dx = crop({_WHOLE}, p, q)",),
    ),
    "border-padded": (
        ("dx",), "pads the gradient with the same mode instead of folding it back",
        (f"dx = {_BORDERED}", f"dx = crop({_WHOLE.replace('+ r)', '+ r, mode={mode})')}, p, q)"),
    ),
    "border-one-side": (
        ("dx",), "folds the border back on one side only",
        (f"dx = fold(crop({_WHOLE}, 0, q), p, 0, mode={{mode}})", f"dx = fold(crop({_WHOLE}, p, 0), 0, q, mode={{mode}})"),
    ),
    "edge-twice": (
        ("y", "dx", "dw"), "{output} counts the edge twice: it is that of symmetric padding, which repeats the edge",
        ("symmetric",),
    ),
    "edge-once": (
        ("y", "dx", "dw"), "{output} leaves out the edge: it is that of reflect padding, which does not repeat the edge",
        ("reflect",),
    ),
    "border-of-zeros": (("y", "dw"), "{output} pads with zeros instead", ("zeros",)),
}  # fmt: skip


def follows(conv: Conv, name: str, value: Array | None, truth: Array, at: Point, formulas: tuple[str, ...]) -> bool:
    """Whether an output is what one of the formulas gives: a text, or the standard one of another mode."""
    if not conv.mode.counts_outside or value is None or value.shape != truth.shape:
        return False
    for text in formulas:
        if " = " in text:
            formula = parse(text.replace("{mode}", conv.padding_mode), padding_mode=conv.padding_mode)
        elif text == conv.padding_mode:
            continue
        else:
            formula = standard(name, padding_mode=text)
        if equal(value, evaluate(conv, formula).substitute(at)):
            return True
    return False
