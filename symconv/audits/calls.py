"""Calls of an audited function: fresh arguments in its convention's layout, its results copied out at once."""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.polynomials import PolynomialTerms, as_terms, start_counting, symbols
from symconv.audits.arrays import MODES, face_of
from symconv.audits.conventions import Convention, Functions, from_native, native_shape, outputs_of, to_native
from symconv.audits.numeric import as_numbers
from symconv.audits.sandbox import numpy_proxy
from symconv.audits.sandbox.alarm import time_limit
from symconv.audits.sandbox.watch import timers, unwatched
from symconv.layer.conv import Conv

__all__ = ["MODES", "Caller", "Request", "Returned"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Request:
    """A call: at these arrays, or at symbols of the ``shapes``.

    ``guarded`` shows unset memory and memory out of reach as NaN; ``own_forward`` asks for y of the function's own forward
    pass; ``conv`` is another layer than the case's; ``manner`` hands the arrays over "strided" (not contiguous), "read-only",
    as "single" (float32), or "in place" (in the memory of the arrays before); ``unwatched`` hides who calls; ``seconds`` is what
    symbols may take.
    """

    at: dict[str, Array] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] | None = None
    guarded: bool = False
    own_forward: bool = False
    conv: Conv | None = None
    manner: str = ""
    unwatched: bool = False
    seconds: float = 5.0
    #: how often it is called; what the last call gives is returned
    times: int = 1
    #: of several requests in one message those that follow are answered, too, when this one fails
    optional: bool = False


@dataclass(frozen=True)
class Returned:
    """What a call gave: arrays in PyTorch's layout (of symbols: the terms of their entries), their shapes as returned, and
    what it did beside. ``beyond`` says which views reached outside their arrays.
    """

    outputs: dict[str, Array]
    shapes: dict[str, tuple[int, ...]]
    findings: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()
    terms: dict[str, list[PolynomialTerms]] = field(default_factory=dict)
    #: the shapes in PyTorch's layout of the outputs whose terms are given
    term_shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)


class Caller:
    """Calls an audited function on one geometry."""

    def __init__(
        self,
        functions: Functions,
        convention: Convention,
        conv: Conv,
        mode: str = "backward",
        outputs: Sequence[str] | None = None,
        namespaces: Sequence[dict[str, Any]] = (),
        looks: Callable[[], list[str]] = list,
    ) -> None:
        self.functions, self.convention, self.conv = functions, convention, conv
        self.mode, self.outputs, self.namespaces, self.looks = mode, outputs, namespaces, looks
        #: the arrays of the last call, as they were handed over
        self.given: list[Array] = []
        #: those of some calls before, too: where an array lies says which one it is, as long as nothing else comes to lie there
        self._alive: deque[list[Array]] = deque(maxlen=16)
        #: what earlier calls returned, with copies made then
        self._kept: list[tuple[str, Array, Array]] = []

    def native_shape(self, name: str, shape: Sequence[int]) -> tuple[int, ...]:
        """``shape`` as the convention lays ``name`` out."""
        return native_shape(self.convention, self.conv, name, shape)

    def answer(self, request: Request) -> Returned:
        """What a request asks for."""
        if request.shapes is None:
            for _ in range(request.times - 1):
                self._called(request, request.at, None)
            return self._called(request, request.at, numpy_proxy.GUARDED if request.guarded else None)
        start_counting()
        with time_limit(request.seconds):
            at = {name: symbols(name, shape) for name, shape in request.shapes.items()}
            returned = self._called(request, at, numpy_proxy.SYMBOLIC)
            terms = {name: [as_terms(e) for e in value.reshape(-1)] for name, value in returned.outputs.items()}
        return Returned({}, returned.shapes, terms=terms, term_shapes={k: v.shape for k, v in returned.outputs.items()})

    def _called(self, request: Request, at: Mapping[str, Array], table: numpy_proxy.Table | None) -> Returned:
        conv = request.conv or self.conv

        def forward(native: Mapping[str, Array]) -> dict[str, Any]:
            """y as the forward function returns it, alone or first of a tuple."""
            function = self.functions.forward or self.functions.main if request.own_forward else self.functions.main
            returned = self.convention.forward(function, conv, native)
            return {"y": returned[0] if isinstance(returned, tuple) else returned}

        def backward(native: Mapping[str, Array]) -> dict[str, Any]:
            return outputs_of(self.convention.backward(self.functions, conv, native), self.outputs, face_of(self.mode))

        call = forward if request.own_forward or self.mode == "forward" else backward
        return self._call(call, conv, at, table, request)

    def _call(
        self,
        call: Callable[[Mapping[str, Array]], dict[str, Any]],
        conv: Conv,
        at: Mapping[str, Array],
        table: numpy_proxy.Table | None,
        request: Request,
    ) -> Returned:
        manner, notes = request.manner, list[str]()
        native = {name: _handed(to_native(self.convention, conv, name, a), manner) for name, a in at.items()}
        if manner == "in place":
            before_now = list(self.given)
            native = {name: _over(before_now, array) for name, array in native.items()}
        self.given = list(native.values())
        self._alive.append(self.given)
        before = {name: array.copy() for name, array in native.items()}
        numpy_proxy.out_of_bounds.clear()
        guard = numpy_proxy.in_place_of_numpy(self.namespaces, table) if table else nullcontext()
        manners = unwatched(self.namespaces) if request.unwatched else np.errstate(all="ignore")
        with guard, manners, timers(notes):
            returned = call(native)
        findings = self.looks() + notes
        findings += [f"writes to its argument {name}" for name in native if not _same(native[name], before[name])]
        for name, value, copy in self._kept:
            if not _same(value, copy):
                findings.append(f"reuses a buffer: the {name} of one call is overwritten by the next")
        self._kept = []
        outputs, shapes = {}, {}
        for name, value in returned.items():
            if isinstance(value, np.ndarray):
                shared = [argument for argument, array in native.items() if np.may_share_memory(value, array)]
                findings += [f"{name} shares memory with its argument {argument}" for argument in shared]
                if not shared:
                    self._kept.append((name, value, value.copy()))
            array = self._array(value, next(iter(at.values())).dtype)
            shapes[name] = array.shape
            outputs[name] = from_native(self.convention, conv, name, array)
        return Returned(outputs, shapes, tuple(findings), tuple(numpy_proxy.out_of_bounds))

    def _array(self, value: Any, dtype: Any) -> Array:
        if dtype.kind != "O":
            return as_numbers(value)
        if isinstance(value, np.ndarray):
            return value.astype(object)
        if np.isscalar(value) or not hasattr(value, "__array__"):
            result = np.empty((), dtype=object)
            if isinstance(value, list | tuple):
                return np.array(value, dtype=object)
            result[()] = value
            return result
        return np.asarray(value).astype(object)


def _handed(array: Array, manner: str) -> Array:
    """The array as it is handed over: every second entry of a larger one, not to be written to, or in single precision."""
    if manner == "strided":
        wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), dtype=array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    if manner == "read-only":
        array.flags.writeable = False
    return array.astype(np.float32) if manner == "single" else array


def _over(before: list[Array], array: Array) -> Array:
    """The array in the memory of one of its kind that was handed over before, if there is one, which is taken from the list."""
    for number, each in enumerate(before):
        if (each.shape, each.dtype, each.strides) == (array.shape, array.dtype, array.strides) and each.flags.writeable:
            each[...] = array
            return before.pop(number)
    return array


def _same(a: Array, b: Array) -> bool:
    if a.dtype == object:
        return all(map(operator.is_, a.reshape(-1), b.reshape(-1)))
    if a.shape != b.shape:
        return False
    if a.dtype == b.dtype and a.tobytes() == b.tobytes():
        return True
    return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
