"""Mistakes about a border that is not zeros, each said as the closed formula that somebody has computed instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from symconv.audits.truth import Point, at_numbers, equal
from symconv.formulas.parser import parse
from symconv.formulas.standard import standard
from symconv.formulas.values import evaluate
from symconv.layer.conv import Conv

__all__ = ["BORDER_CAUSES", "BorderCause", "follows"]

Array = NDArray[Any]

_WHOLE = "correlate(pad(dilate(dy, s), d*(K - 1), d*(K - 1) + r), flip(w), dilation=d)"
_BORDERED = "correlate(pad(dilate(dy, s), d*(K - 1) - p, d*(K - 1) - q + r, mode={mode}), flip(w), dilation=d)"


@dataclass(frozen=True)
class BorderCause:
    """What is said of some outputs where one of the formulas was computed; ``of`` is the property of modes that it is about.

    A formula is a text, in which {mode} is that of the layer, or the name of another mode, whose standard one it is.
    """

    outputs: tuple[str, ...]
    text: str
    formulas: tuple[str, ...]
    of: str = "moves_rows"


BORDER_CAUSES: dict[str, BorderCause] = {
    "border-not-folded": BorderCause(
        ("dx",), "crops the border of the padded gradient instead of folding it back",
        (f"dx = crop({_WHOLE}, p, q)",),
    ),
    "border-padded": BorderCause(
        ("dx",), "pads the gradient with the same mode instead of folding it back",
        (f"dx = {_BORDERED}", f"dx = crop({_WHOLE.replace('+ r)', '+ r, mode={mode})')}, p, q)"),
    ),
    "border-one-side": BorderCause(
        ("dx",), "folds the border back on one side only",
        (f"dx = fold(crop({_WHOLE}, 0, q), p, 0, mode={{mode}})", f"dx = fold(crop({_WHOLE}, p, 0), 0, q, mode={{mode}})"),
    ),
    "edge-twice": BorderCause(
        ("y", "dx", "dw"), "{output} counts the edge twice: it is that of symmetric padding, which repeats the edge",
        ("symmetric",),
    ),
    "edge-once": BorderCause(
        ("y", "dx", "dw"), "{output} leaves out the edge: it is that of reflect padding, which does not repeat the edge",
        ("reflect",),
    ),
    "border-of-zeros": BorderCause(("y", "dw"), "{output} pads with zeros instead", ("zeros",), of="counts_outside"),
    "border-in-gradient": BorderCause(
        ("dx",), "pads the gradient with the constant of the border, where zeros are due",
        (f"dx = {_BORDERED}", f"dx = crop({_WHOLE.replace('+ r)', '+ r, mode={mode})')}, p, q)"), of="filled",
    ),
}  # fmt: skip


def follows(conv: Conv, name: str, value: Array | None, truth: Array, at: Point, cause: BorderCause) -> bool:
    """Whether an output is what the cause says."""
    if not getattr(conv.mode, cause.of) or value is None or value.shape != truth.shape:
        return False
    for text in cause.formulas:
        if " = " in text:
            formula = parse(text.replace("{mode}", conv.padding_mode), padding_mode=conv.padding_mode)
        elif text == conv.padding_mode:
            continue
        else:
            formula = standard(name, padding_mode=text)
        if equal(value, at_numbers(evaluate(conv, formula), conv, at)):
            return True
    return False
