"""Mistakes in a double backward, told by those in a first backward pass.

    ddy = y(v_x, w) + y(x, v_w) + v_b        ddx = dx(dy, v_w)        ddw = dw(dy, v_x)

ddx is dx with the direction v_w in the place of w, ddw is dw with v_x in the place of x, and ddy is y of a layer whose channels
are those of v_x and x together, with the weights w and v_w. So a mistake that is known of dx is known of ddx: :func:`twin` says
of what it is one. Beside these are the mistakes that only a sum of terms and a direction allow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.audits.arrays import SECOND
from symconv.audits.cause_checks import Observed
from symconv.audits.truth import Derivative, Point, equal
from symconv.formulas.standard import SECOND as SOURCES
from symconv.formulas.tree import ADDED, PRODUCTS
from symconv.layer.conv import Conv

__all__ = ["SHARED", "second_rows", "twin"]

Array = NDArray[Any]
Check = Callable[[Observed], bool]
#: key, the outputs, what is said, the check
Row = tuple[str, tuple[str, ...], str, Check]

#: output of a first pass -> the output of the double backward that is read from the same formula
SHARED = {source: target for target, (source, _) in SOURCES.items()}

#: what is due, and what is taken for it by mistake
_TAKEN = (("v_w", "w"), ("v_x", "x"), ("w", "v_w"), ("x", "v_x"))

#: direction -> the term of ddy that it makes
_TERMS = {"v_x": "v_x and w", "v_w": "x and v_w", "v_b": "v_b"}
#: those that are a factor of a product
_FACTORS = tuple(direction for direction in _TERMS if direction not in ADDED.values())


def _around_directions(conv: Conv) -> Conv:
    """The layer that v_x goes through: a border that holds a constant has no direction."""
    return replace(conv, padding_mode="zeros", padding_value=None) if conv.mode.filled else conv


def twin(seen: Observed) -> Observed:
    """An output of the double backward as the output of a first pass that it equals; ValueError where there is none."""
    conv, at = seen.conv, seen.at
    if not at:
        return replace(seen, name=SOURCES[seen.name][0])
    if seen.name == "ddx":
        return replace(seen, name="dx", at=at | {"w": at["v_w"]})
    if seen.name == "ddw":
        return replace(seen, name="dw", conv=_around_directions(conv), at=at | {"x": at["v_x"]})
    if conv.mode.filled:
        raise ValueError("one term has a border of a constant, the other one of zeros")
    wide = replace(conv, in_channels=2 * conv.in_channels)
    inputs = int(conv.transposed)  # the axis of w that runs over the channels of x
    joined = {"x": _joined(conv, (at["v_x"], at["x"]), 1), "w": np.concatenate((at["w"], at["v_w"]), axis=1)}
    if inputs:
        joined["w"] = _joined(conv, (at["w"], at["v_w"]), 0)
    return replace(seen, name="y", conv=wide, at=at | joined | {"b": at["v_b"]})


def _joined(conv: Conv, arrays: Iterable[Array], axis: int) -> Array:
    """The channels of several arrays together, group by group."""
    parts = [np.split(array, conv.groups, axis=axis) for array in arrays]
    return np.concatenate([part for group in zip(*parts, strict=True) for part in group], axis=axis)


def _term(seen: Observed, direction: str) -> Observed:
    """One term of ddy with v_b, as y of a layer: what came back without the other term."""
    conv, at = seen.conv, seen.at
    own = {"v_x": ("v_x", "w"), "v_w": ("x", "v_w")}[direction]
    other = Derivative(conv).numbers(at | {direction: 0 * at[direction], "v_b": 0 * at["v_b"]}, "ddy")
    layer = _around_directions(conv) if direction == "v_x" else conv
    there = at | {"x": at[own[0]], "w": at[own[1]], "b": at["v_b"]}
    value = None if seen.value is None else seen.value - other
    return replace(seen, name="y", conv=layer, at=there, truth=seen.truth - other, value=value)


def _of_twin(check: Check) -> Check:
    return lambda seen: check(twin(seen) if seen.name in SECOND.outputs else seen)


def _of_term(check: Check, direction: str) -> Check:
    def of(seen: Observed) -> bool:
        return seen.value is not None and seen.value.shape == seen.truth.shape and check(_term(seen, direction))

    return of


def _with(seen: Observed, change: Callable[[Point], Mapping[str, Array]]) -> bool:
    """Whether what came back is the output at other arrays, where that is another output."""
    if seen.value is None or seen.value.shape != seen.truth.shape:
        return False
    other = Derivative(seen.conv).numbers(seen.at | dict(change(seen.at)), seen.name)
    return not equal(other, seen.truth) and equal(seen.value, other)


def _taken(due: str, instead: str) -> Check:
    def check(seen: Observed) -> bool:
        used = {name for product in PRODUCTS[seen.name] for name in product}
        fits = due in used and seen.at[due].shape == seen.at[instead].shape
        return fits and _with(seen, lambda at: {due: at[instead]})

    return check


def _scaled_term(direction: str, factor: float) -> Check:
    return lambda seen: _with(seen, lambda at: {direction: factor * at[direction]})


def second_rows(first: Iterable[Row]) -> Iterator[Row]:
    """The rows of a first pass with the outputs of the double backward that they are true of, and those of their own.

    A row that names outputs of both is left as it is.
    """
    for due, instead in _TAKEN:
        text = f"{{output}} takes {instead} where {due} is due"
        yield f"takes-{instead}-for-{due}", SECOND.outputs, text, _taken(due, instead)
    for direction, told in _TERMS.items():
        yield f"no-{direction}", ("ddy",), f"{{output}} leaves out the term of {told}", _scaled_term(direction, 0)
        for factor, text in ((-1, "has the wrong sign"), (2, "counts twice"), (0.5, "counts by half")):
            said = f"the term of {told} in {{output}} {text}"
            yield f"scaled-{factor:g}-{direction}", ("ddy",), said, _scaled_term(direction, factor)
    rows = list(first)
    for key, outputs, text, check in rows:
        if set(outputs) & set(SECOND.outputs):
            yield key, outputs, text, check
        else:
            more = tuple(SHARED[name] for name in outputs if name in SHARED and key != "no-bias")
            yield key, (*outputs, *more), text, _of_twin(check)
    for key, outputs, text, check in rows:
        if "y" in outputs and key.startswith(("forgets-", "flips", "border-", "edge-")):
            for direction in _FACTORS:
                said = f"{text}, in the term of {_TERMS[direction]}"
                yield f"{key}-in-{direction}", ("ddy",), said, _of_term(check, direction)
