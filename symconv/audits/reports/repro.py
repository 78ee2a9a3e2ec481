"""A failing case as a test of NumPy alone, to paste into an issue: the smallest numbers, and what should come out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.audits.conventions import CONVENTIONS, native_shape, said_only, short, to_native
from symconv.audits.inference.layouts import word_for
from symconv.audits.inference.reading import Reading
from symconv.audits.inference.written import called
from symconv.audits.result import Failure, Outcome
from symconv.audits.sandbox import files
from symconv.audits.truth import Derivative
from symconv.layer.conv import Conv

__all__ = ["repro"]

Array = NDArray[Any]

#: convention -> what its functions call x, w, b, dy
_NAMES = {"plain": ("x", "w", "b", "dy"), "cs231n": ("x", "w", "b", "dy"), "coursera": ("A_prev", "W", "b", "dZ"),
          "layer": ("x", "w", "b", "dy")}  # fmt: skip


def repro(audit: Outcome, forward: str | None = None, reading: Reading | None = None) -> str:
    """The test for the smallest failure, as Python; ``reading`` is the call where that was inferred.

    ValueError when nothing is wrong, and for a call that cannot be written down: of an adapter, of a function that has no file.
    """
    failure = audit.smallest_failure
    if failure is None or audit.mode != "backward" or audit.truth:
        raise ValueError("there is no failure of a backward pass to write a test of")
    if ":" not in audit.label or not (reading or audit.convention in _NAMES):
        raise ValueError(
            "a test is written of FILE.py:NAME, inferred or called in one of the conventions " + ", ".join(_NAMES)
        )
    return _inferred(audit, failure, reading) if reading else _written(audit, failure, forward)


def _written(audit: Outcome, failure: Failure, forward: str | None) -> str:
    conv, convention, names = failure.conv, CONVENTIONS[audit.convention], _NAMES[audit.convention]
    name = audit.label.rpartition(":")[2]
    at = _arrays(conv)
    truth = Derivative(conv).numbers(at, failure.output)
    shape = native_shape(convention, conv, failure.output, truth.shape)
    native = to_native(convention, conv, failure.output[1:], truth).reshape(shape)
    lines = [f"{v} = {_literal(to_native(convention, conv, a, at[a]))}" for v, a in zip(names, at, strict=True)]
    lines += _call(audit.convention, name, conv, failure.output, names, forward)
    return _test(audit.label, failure, (forward,), "", lines, native, names[3])


def _inferred(audit: Outcome, failure: Failure, reading: Reading) -> str:
    """The test of a call that was inferred, with arrays in PyTorch's layout, turned as the call wants them."""
    conv, (_, source, name) = failure.conv, files.named(audit.label)
    at = _arrays(conv)
    try:
        above, call = called(reading, name, conv.ndim, source, failure.output)
        padding = _word(conv, reading) if reading.padding == "word" else _padding(conv)
    except LookupError as error:
        raise ValueError(f"no test is written of {audit.label}: its call has {error.args[0]}") from error
    lines = [f"{array} = {_literal(value)}" for array, value in at.items()]
    lines += [f"stride, padding = {short(conv.stride)!r}, {padding!r}", *call]
    return _test(
        audit.label, failure, (reading.forward_name,), above, lines, Derivative(conv).numbers(at, failure.output), "dy"
    )


def _word(conv: Conv, reading: Reading) -> str:
    """The padding in words, as the function writes it."""
    word = word_for(conv)
    upper = any(
        role == "padding/upper" for names in (reading.backward, reading.forward, reading.build) for _, role in names
    )
    return str(word).upper() if upper else str(word)


def _arrays(conv: Conv) -> dict[str, Array]:
    return {each: _counting(conv.shapes[each], first) for each, first in (("x", 1), ("w", 2), ("b", 0), ("dy", 1))}


def _test(
    label: str, failure: Failure, also: tuple[str | None, ...], above: str, lines: list[str], expected: Array, dy: str
) -> str:  # fmt: skip
    """A test of these lines, which leave the output under its name."""
    path, _, name = label.rpartition(":")
    imported = ", ".join([name.split(".")[0], *filter(None, also)])
    by = {"dx": "the input", "dw": "the weights", "db": "the bias"}[failure.output]
    told = ["import numpy as np", _import(path, imported), *above.splitlines(), "", ""]
    told += [f"def test_{failure.output}_of_{re.sub(r'[^A-Za-z0-9]+', '_', name)}():", f"    # {_told(failure.conv)}"]
    told += [f"    {line}" for line in lines]
    told.append(f"    expected = {_literal(expected)}  # the derivative of sum(y * {dy}) by {by}")
    told.append(f"    np.testing.assert_allclose({failure.output}, expected)")
    return "\n".join(told) + "\n"


def _import(path: str, names: str) -> str:
    """Where the names come from: a file beside the test, a module by its dotted name, cells of a notebook."""
    if path.endswith(".ipynb"):
        return f"# paste here the cells of {Path(path).name} that define {names}"
    return f"from {Path(path).stem if path.endswith('.py') else path} import {names}"


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
