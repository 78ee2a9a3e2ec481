"""Where the results are: arrays of the right shapes among what came back and what was left, told apart by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symconv.audits.inference.layouts import plain_array, returned_from
from symconv.audits.inference.names import gradient_of, roles_of
from symconv.audits.inference.reading import Reading
from symconv.audits.inference.trees import at_path, leaves

__all__ = ["Found", "find_outputs", "find_y"]

OUTPUTS = ("dx", "dw", "db")
_WRAPS = ("data", "grad", "value", "values", "val", "tensor", "gradient", "array", "T")


@dataclass(frozen=True)
class _Leaf:
    path: tuple[Any, ...]
    hint: str | None
    value: Any
    named: bool


@dataclass(frozen=True)
class Found:
    """The outputs with their paths, and how well their shapes fit: 3 when all three do."""

    outputs: tuple[tuple[str, tuple[Any, ...]], ...]
    fit: float
    values: Mapping[str, Any]


def _hint(path: tuple[Any, ...]) -> str | None:
    words = [key for key in path if isinstance(key, str)]
    if not words:
        return None
    last = words[-1]
    if (told := gradient_of(last)) is not None:
        return told
    before = words[-2] if len(words) > 1 else ""
    of_gradients = any(
        each.lower().startswith(("grad", "d_", "delta")) or each.lower() in ("grads", "gradients")
        for each in words[:-1]
    )
    if last in ("grad", "gradient", "g") and before:
        return next((f"d{role}" for role in roles_of(before) if role in ("x", "w", "b")), None)
    if of_gradients:
        return next((f"d{role}" for role in roles_of(last) if role in ("x", "w", "b")), None)
    if len(words) > 1 and last in _WRAPS:
        return gradient_of(before)
    return None


def _all(reading: Reading, ran: Any) -> list[_Leaf]:
    built, _, back, _ = ran
    found = []
    for path, value in leaves(back):
        whole = ("return", *path)
        words = any(isinstance(key, str) for key in path if key not in _WRAPS)
        found.append(_Leaf(whole, _hint(path), value, words))
    if built is not None:
        placed = {path for path, _ in reading.sets}
        for path, value in leaves(built):
            if ".".join(map(str, path)) in placed:
                continue
            hint = _hint(path)
            listed = isinstance(path[-1], int) and any("grad" in str(key).lower() for key in path)
            if hint or listed:
                found.append(_Leaf(("self", *path), hint, value, hint is not None))
    return found


def find_outputs(reading: Reading, ran: Any, shapes: Mapping[str, Any], ndim: int,
                 right: Callable[[str, Any], bool]) -> Found:  # fmt: skip
    """The outputs of a run; ``shapes`` are those in PyTorch's layout, ``right`` says whether values are."""
    every = _all(reading, ran)
    chosen: dict[str, tuple[tuple[Any, ...], Any]] = {}
    fit = 0.0
    taken: set[tuple[Any, ...]] = set()

    def turned(output: str, leaf: _Leaf) -> Any:
        return returned_from(reading, output, np.asarray(plain_array(leaf.value)), ndim)

    for output in OUTPUTS:
        fitting = []
        for number, leaf in enumerate(every):
            if leaf.path in taken or (leaf.hint not in (None, output)):
                continue
            value = turned(output, leaf)
            if value.shape == tuple(shapes[output]):
                order = (leaf.hint != output, not right(output, value), leaf.path[0] != "return", number)
                fitting.append((order, leaf, value))
        if fitting:
            _, leaf, value = min(fitting, key=lambda each: each[0])
            chosen[output] = leaf.path, value
            taken.add(leaf.path)
            fit += 1
    for output in OUTPUTS:  # right in number or in name
        if output in chosen:
            continue
        for leaf in every:
            size = np.size(plain_array(leaf.value)) == np.prod(shapes[output])
            same = any(leaf.value is other.value for other in every if other.path in taken)
            if leaf.path not in taken and not same and (leaf.hint == output or (leaf.hint is None and size)):
                chosen[output] = leaf.path, turned(output, leaf)
                taken.add(leaf.path)
                fit += 0.5 if size else 0.4
                break
    _updated(reading, ran, chosen, ndim)
    fit += sum(1 for path, _ in chosen.values() if path[0] == "updated")
    left = [
        leaf
        for leaf in every
        if leaf.path not in taken
        and leaf.path[0] == "return"
        and leaf.hint is None
        and np.ndim(leaf.value) > 0
        and not any(leaf.value is other.value for other in every if other.path in taken)
    ]
    missing = [output for output in OUTPUTS if output not in chosen]
    if len(left) <= len(missing):
        for output, leaf in zip(missing, left, strict=False):
            chosen[output] = leaf.path, turned(output, leaf)
            fit += 0.3
    ordered = tuple((output, chosen[output][0]) for output in OUTPUTS if output in chosen)
    return Found(ordered, fit, {output: value for output, (_, value) in chosen.items()})


def _updated(reading: Reading, ran: Any, chosen: dict[str, Any], ndim: int) -> None:
    """Weights that were changed in place: their change is the gradient, at a rate of 1."""
    built, _, _, made = ran
    if built is None:
        return
    for path, role in reading.sets:
        output = f"d{role}"
        if output not in OUTPUTS or output in chosen:
            continue
        keys = tuple(int(key) if key.isdigit() else key for key in path.split("."))
        now = np.asarray(plain_array(at_path(built, keys)))
        before = made[f"before {role}"]
        if now.shape == before.shape and not np.array_equal(now, before):
            chosen[output] = ("updated", *keys), returned_from(reading, output, before - now, ndim)


def find_y(reading: Reading, ran: Any, shape: Any, ndim: int) -> Found:
    """y of a forward pass: what it returned, or the first of it."""
    y = ran[1][0] if isinstance(ran[1], tuple) and ran[1] else ran[1]
    value = returned_from(reading, "y", np.asarray(plain_array(y)), ndim)
    if value.dtype == object or value.ndim == 0:
        raise TypeError(f"the forward function returned {type(y).__name__}, not an array")
    fits = value.shape == tuple(shape)
    return Found((("y", ("return",)),), 3.0 if fits else 0.5, {"y": value})
