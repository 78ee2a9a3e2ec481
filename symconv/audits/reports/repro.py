"""A failing case as a test of NumPy alone, to paste into an issue: the smallest numbers, and what should come out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from symconv.audits.conventions import CONVENTIONS, GRADIENTS, native_shape, paddings, said_only, to_native
from symconv.audits.inference.layouts import short
from symconv.audits.inference.reading import Reading
from symconv.audits.inference.written import called
from symconv.audits.measures import size_of
from symconv.audits.reports.replay import ELSEWHERE, FAILS, PASSES, replayed
from symconv.audits.result import Failure, Outcome
from symconv.audits.sandbox import files
from symconv.audits.sandbox.target import target_of
from symconv.audits.truth import Derivative
from symconv.layer.conv import Conv

__all__ = ["repro", "written_tests"]

Array = NDArray[Any]

#: convention -> what its functions call x, w, b, dy
_NAMES = {"plain": ("x", "w", "b", "dy"), "cs231n": ("x", "w", "b", "dy"), "coursera": ("A_prev", "W", "b", "dZ"),
          "layer": ("x", "w", "b", "dy")}  # fmt: skip

#: what the small whole numbers of a test are multiplied by, in the order in which it is tried to fail
_SCALES = (1.0, 1 / 32, 131_073.0)


class _Test(NamedTuple):
    """The lines that leave an output under its name, what stands above them, and what should come out."""

    above: str
    lines: list[str]
    expected: Array


def repro(
    audit: Outcome, forward: str | None = None, reading: Reading | None = None, outputs: Sequence[str] = GRADIENTS
) -> str:  # fmt: skip
    """The test for the smallest failure, as Python; ``reading`` is the call where that was inferred, ``outputs`` what is
    returned in order where it was not.

    It was seen to fail. ValueError when nothing is wrong, for a call that cannot be written down (of an adapter, of a function
    that has no file), and for a mistake that no first call on small or large numbers shows.
    """
    failure = audit.smallest_failure
    if failure is None or audit.mode != "backward" or audit.truth:
        raise ValueError("there is no failure of a backward pass to write a test of")
    if ":" not in audit.label or not (reading or audit.convention in _NAMES):
        raise ValueError(
            "a test is written of FILE.py:NAME, inferred or called in one of the conventions " + ", ".join(_NAMES)
        )
    source = target_of(audit.label).source

    def tried(failure: Failure, scale: float) -> Iterator[tuple[str, str]]:
        """The tests with what they come to, until one is not mistaken."""
        for name, head, body in written_tests(audit.label, audit.convention, failure, forward, reading, outputs, scale):
            first, imported, *above = head.splitlines()  # all but the import of what is tried
            outcome, whole = replayed(source, "\n".join([first, *above, body]), name)
            yield (head if whole else "\n".join([first, _paste(imported), *above, ""])) + body, outcome
            if outcome in (FAILS, PASSES) and failure.status != "error":
                return

    if failure.status == "error":  # nothing came back: how it would is seen where something does
        like = min((case.conv for case in audit.documented if case.right(audit.outputs)), key=size_of, default=None)
        forms = [] if like is None else [each for _, each in tried(replace(failure, conv=like, status="value"), 1.0)]
        place = forms.index(PASSES) if PASSES in forms else 1
        found = [text for text, outcome in tried(failure, 1.0) if outcome in (FAILS, ELSEWHERE)]
        if found:
            return found[min(place, len(found) - 1)]
    for scale in _SCALES:
        for text, outcome in tried(failure, scale):
            if outcome in (FAILS, ELSEWHERE):
                return text
    told = "; ".join(audit.findings) or "what is wrong shows in more than one call"
    raise ValueError(f"no test is written of {audit.label}: a first call is right on small and large numbers ({told})")


def written_tests(
    label: str, convention: str, failure: Failure, forward: str | None = None, reading: Reading | None = None,
    outputs: Sequence[str] = GRADIENTS, scale: float = 1.0,
) -> Iterator[tuple[str, str, str]]:  # fmt: skip
    """Tests of one failure, each (its name, what is imported for it, its text): one for each way in which the function may
    return what it does, the likeliest first."""
    if reading is not None:
        forward, dy, made = reading.forward_name, "dy", _inferred(label, failure, reading, scale)
    else:
        dy, made = _NAMES[convention][3], _written(label, convention, failure, forward, outputs, scale)
    for test in made:
        yield _text(label, failure, forward, test, dy)


def _written(
    label: str, called_as: str, failure: Failure, forward: str | None, outputs: Sequence[str], scale: float
) -> Iterator[_Test]:  # fmt: skip
    conv, convention, names = failure.conv, CONVENTIONS[called_as], _NAMES[called_as]
    name = label.rpartition(":")[2]
    at = _arrays(conv, scale)
    truth = Derivative(conv).numbers(at, failure.output)
    shape = native_shape(convention, conv, failure.output, truth.shape)
    native = to_native(convention, conv, failure.output[1:], truth).reshape(shape)
    given = [f"{v} = {_literal(to_native(convention, conv, a, at[a]), scale)}" for v, a in zip(names, at, strict=True)]
    for lines in _calls(called_as, name, conv, failure.output, names, forward, outputs, _said(label, called_as, conv)):
        yield _Test("", [*given, *lines], native)


def _inferred(label: str, failure: Failure, reading: Reading, scale: float) -> Iterator[_Test]:
    """The test of a call that was inferred, with arrays in PyTorch's layout, turned as the call wants them."""
    conv, (_, source, name) = failure.conv, files.named(label)
    at = _arrays(conv, scale)
    truth = Derivative(conv).numbers(at, failure.output)
    try:
        for above, call in called(reading, name, conv, source, failure.output):
            lines = [f"{array} = {_literal(value, scale)}" for array, value in at.items() if _is_used(array, call)]
            yield _Test(above, [*lines, *call], truth)
    except LookupError as error:
        raise ValueError(f"no test is written of {label}: its call has {error.args[0]}") from error


def _is_used(name: str, lines: Sequence[str]) -> bool:
    return any(re.search(rf"\b{name}\b", line) for line in lines)


def _arrays(conv: Conv, scale: float) -> dict[str, Array]:
    return {
        each: scale * _counting(conv.shapes[each], first)
        for each, first in (("x", 1), ("w", 2), ("b", 0), ("dy", 1))
    }  # fmt: skip


def _text(label: str, failure: Failure, also: str | None, test: _Test, dy: str) -> tuple[str, str, str]:
    """The name of the test function, what is imported for it, and its text."""
    path, _, name = label.rpartition(":")
    imported = ", ".join([name.split(".")[0], *filter(None, [also])])
    by = {"dx": "the input", "dw": "the weights", "db": "the bias"}[failure.output]
    head = "\n".join(["import numpy as np", _import(path, imported), *test.above.splitlines(), "", "", ""])
    called_test = f"test_{failure.output}_of_{re.sub(r'[^A-Za-z0-9]+', '_', name)}"
    told = [f"def {called_test}():", f"    # {_told(failure.conv)}", *(f"    {line}" for line in test.lines)]
    told.append(f"    expected = {_literal(test.expected)}  # the derivative of sum(y * {dy}) by {by}")
    if failure.status == "shape":
        told.append(f"    assert np.shape({failure.output}) == expected.shape")
    near = 1e-9 * max(1e-3, float(np.abs(test.expected).max(initial=0)))
    told.append(f"    np.testing.assert_allclose({failure.output}, expected, rtol=1e-9, atol={near:.0e})")
    return called_test, head, "\n".join(told) + "\n"


def _import(path: str, names: str) -> str:
    """Where the names come from: a file beside the test, a module by its dotted name, cells of a notebook."""
    if path.endswith(".ipynb"):
        return f"# paste here the cells of {Path(path).name} that define {names}"
    return f"from {Path(path).stem if path.endswith('.py') else path} import {names}"


def _paste(imported: str) -> str:
    """In place of an import of a file that cannot be imported whole."""
    _, module, _, names = imported.split(" ", 3) if imported.startswith("from ") else ("", "", "", "")
    return f"# paste here what defines {names}: importing {module} fails" if names else imported


def _counting(shape: tuple[int, ...], first: int) -> Array:
    """Small whole numbers, no two neighbours alike."""
    count = int(np.prod(shape, dtype=np.int64))
    return ((np.arange(count) * 3 + first) % 7 + 1.0).reshape(shape)


def _literal(array: Array, scale: float = 1.0) -> str:
    """Entries that are small whole numbers times ``scale``, exactly."""
    entries = ", ".join(repr(int(v) if float(v).is_integer() else float(v)) for v in (array / scale).reshape(-1))
    factor = f"{scale:.12g} * " if scale != 1 else ""
    return f"{factor}np.array([{entries}], dtype=float).reshape({', '.join(map(str, array.shape))})"


def _told(conv: Conv) -> str:
    more = "".join(f", {name.replace('_', ' ')} {value}" for name, value in said_only(conv).items())
    return f"input {conv.input}, kernel {conv.kernel}, stride {short(conv.stride)}, padding {paddings(conv)}{more}"


def _said(label: str, convention: str, conv: Conv) -> dict[str, Any]:
    """The keywords of the call: padding_mode where the function has such a parameter, as in the audit."""
    said = said_only(conv)
    if conv.mode.moves_rows and convention in ("plain", "layer"):
        _, source, name = files.named(label)
        given = [each for each in ast.walk(ast.parse(source)) if getattr(each, "name", None) == name]
        made = [each for each in ast.walk(given[-1]) if isinstance(each, ast.FunctionDef)] if given else []
        first = next((each for each in made if each.name in (name, "__init__")), None)
        names = set() if first is None else {each.arg for each in (*first.args.args, *first.args.kwonlyargs)}
        if first is not None and not first.args.kwarg and "padding_mode" not in names:
            del said["padding_mode"]
    return said


def _calls(
    convention: str, name: str, conv: Conv, output: str, names: tuple[str, ...], forward: str | None, outputs: Sequence[str],
    extras: dict[str, Any],
) -> Iterator[list[str]]:  # fmt: skip
    """The lines that call the function and bind the output: it returns several in order, a dict, or one."""
    x, w, b, dy = names
    stride, padding = short(conv.stride), paddings(conv)
    keywords = "".join(f", {key}={value!r}" for key, value in extras.items())
    if convention == "layer":
        lines = [f"layer = {name}({w}, {b}, {stride}, {padding}{keywords})", f"layer.forward({x})"]
        lines.append(f"dx = layer.backward({dy})")
        attributes = {"dx": (), "dw": ("dW", "dw"), "db": ("db",)}[output]
        yield from ([*lines, f"{output} = layer.{attribute}"] for attribute in attributes)
        yield lines
        return
    parameters = {"stride": stride, "pad": padding} | extras
    before = []
    if convention == "plain":
        call = f"{name}({x}, {w}, {b}, {dy}, {stride}, {padding}{keywords})"
    elif forward:
        before, call = [f"_, cache = {forward}({x}, {w}, {b}, {parameters!r})"], f"{name}({dy}, cache)"
    else:
        call = f"{name}({dy}, ({x}, {w}, {b}, {parameters!r}))"
    if output == outputs[0]:  # first, as an array can be unpacked like a tuple; a tuple has no shape
        shape = to_native(CONVENTIONS[convention], conv, output[1:], np.zeros(conv.shapes[output[1:]])).shape
        yield [*before, f"{output} = {call}", f"assert {output}.shape == {shape}"]
    for many in range(len(outputs), 1, -1):
        if output in outputs[:many]:
            yield [*before, f"{', '.join(outputs[:many])} = {call}"]
    yield [*before, f'{output} = {call}["{output}"]']
