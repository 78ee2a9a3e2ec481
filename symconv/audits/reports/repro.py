"""A failing case as a test of NumPy alone, to paste into an issue: the smallest numbers, and what should come out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.audits.conventions import CONVENTIONS, native_shape, said_only, short, to_native
from symconv.audits.result import Failure, Outcome
from symconv.audits.truth import Derivative
from symconv.layer.conv import Conv

__all__ = ["repro"]

Array = NDArray[Any]

#: convention -> what its functions call x, w, b, dy
_NAMES = {"plain": ("x", "w", "b", "dy"), "cs231n": ("x", "w", "b", "dy"), "coursera": ("A_prev", "W", "b", "dZ"),
          "layer": ("x", "w", "b", "dy")}  # fmt: skip


def repro(audit: Outcome, forward: str | None = None) -> str:
    """The test for the smallest failure, as Python.

    ValueError when nothing is wrong, and for an adapter, whose call cannot be written down.
    """
    failure = audit.smallest_failure
    if failure is None or audit.mode != "backward":
        raise ValueError("there is no failure of a backward pass to write a test of")
    if audit.convention not in _NAMES or ":" not in audit.label:
        raise ValueError("a test is written of FILE.py:NAME called in one of the conventions " + ", ".join(_NAMES))
    return _written(audit, failure, forward)


def _written(audit: Outcome, failure: Failure, forward: str | None) -> str:
    conv, convention, names = failure.conv, CONVENTIONS[audit.convention], _NAMES[audit.convention]
    path, _, name = audit.label.rpartition(":")
    at = {each: _counting(conv.shapes[each], first) for each, first in (("x", 1), ("w", 2), ("b", 0), ("dy", 1))}
    truth = Derivative(conv).numbers(at, failure.output)
    shape = native_shape(convention, conv, failure.output, truth.shape)
    native = to_native(convention, conv, failure.output[1:], truth).reshape(shape)
    imported = name.split(".")[0] + (f", {forward}" if forward else "")
    lines = ["import numpy as np", f"from {Path(path).stem} import {imported}", "", ""]
    lines += [f"def test_{failure.output}_of_{re.sub(r'[^A-Za-z0-9]+', '_', name)}():", f"    # {_told(conv)}"]
    for variable, array in zip(names, ("x", "w", "b", "dy"), strict=True):
        lines.append(f"    {variable} = {_literal(to_native(convention, conv, array, at[array]))}")
    lines += [f"    {line}" for line in _call(audit.convention, name, conv, failure.output, names, forward)]
    by = {"dx": "the input", "dw": "the weights", "db": "the bias"}[failure.output]
    lines.append(f"    expected = {_literal(native)}  # the derivative of sum(y * {names[3]}) by {by}")
    lines.append(f"    np.testing.assert_allclose({failure.output}, expected)")
    return "\n".join(lines) + "\n"


def _counting(shape: tuple[int, ...], first: int) -> Array:
    """Small whole numbers, no two neighbours alike."""
    count = int(np.prod(shape, dtype=np.int64))
    return ((np.arange(count) * 3 + first) % 7 + 1.0).reshape(shape)


def _literal(array: Array) -> str:
    entries = ", ".join(f"{v:g}" for v in array.reshape(-1))
    return f"np.array([{entries}], dtype=float).reshape({', '.join(map(str, array.shape))})"


def _padding(conv: Conv) -> Any:
    return short([p if p == q else (p, q) for p, q in conv.padding])


def _told(conv: Conv) -> str:
    more = "".join(f", {name.replace('_', ' ')} {value}" for name, value in said_only(conv).items())
    return f"input {conv.input}, kernel {conv.kernel}, stride {short(conv.stride)}, padding {_padding(conv)}{more}"


def _call(
    convention: str, name: str, conv: Conv, output: str, names: tuple[str, ...], forward: str | None
) -> list[str]:
    """The lines that call the function and bind dx, dw, db."""
    x, w, b, dy = names
    stride, padding = short(conv.stride), _padding(conv)
    extras = said_only(conv)
    keywords = "".join(f", {key}={value!r}" for key, value in extras.items())
    if convention == "plain":
        return [f"dx, dw, db = {name}({x}, {w}, {b}, {dy}, {stride}, {padding}{keywords})"]
    if convention == "layer":
        lines = [f"layer = {name}({w}, {b}, {stride}, {padding}{keywords})", f"layer.forward({x})"]
        lines.append(f"dx = layer.backward({dy})")
        return lines if output == "dx" else [*lines, f"{output} = layer.{'dW' if output == 'dw' else output}"]
    parameters = {"stride": stride, "pad": padding} | extras
    if forward:
        return [f"_, cache = {forward}({x}, {w}, {b}, {parameters!r})", f"dx, dw, db = {name}({dy}, cache)"]
    return [f"dx, dw, db = {name}({dy}, ({x}, {w}, {b}, {parameters!r}))"]
