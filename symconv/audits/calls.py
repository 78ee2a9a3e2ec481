"""One call of an audited function: fresh arguments in its convention's layout, its results copied out at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.audits.conventions import Convention, Functions, from_native, native_shape, outputs_of, to_native
from symconv.audits.numeric import as_numbers
from symconv.audits.sandbox.standin import Table, in_place_of_numpy
from symconv.layer.conv import Conv

__all__ = ["MODES", "Caller", "Returned"]

#: what is judged: a backward pass against the derivative, a forward pass against the layer, a backward against its own forward
MODES = ("backward", "forward", "adjoint")

Array = NDArray[Any]


@dataclass(frozen=True)
class Returned:
    """What a call gave: arrays in PyTorch's layout, their shapes as returned, and what it did beside."""

    outputs: dict[str, Array]
    shapes: dict[str, tuple[int, ...]]
    findings: tuple[str, ...] = ()


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
    ) -> None:
        self.functions, self.convention, self.conv = functions, convention, conv
        self.mode, self.outputs, self.namespaces = mode, outputs, namespaces
        #: the arrays of the last call, as they were handed over
        self.given: list[Array] = []

    def native_shape(self, name: str, shape: Sequence[int]) -> tuple[int, ...]:
        """``shape`` as the convention lays ``name`` out."""
        return native_shape(self.convention, self.conv, name, shape)

    def gradients(self, at: Mapping[str, Array], table: Table | None = None) -> Returned:
        """What the audited function returns at a point (y in mode "forward")."""
        if self.mode == "forward":
            return self.forward(self.functions.main, at, table)
        return self._call(
            lambda native: outputs_of(self.convention.backward(self.functions, self.conv, native), self.outputs),
            at,
            table,
        )

    def forward(
        self, function: Callable[..., Any] | None, at: Mapping[str, Array], table: Table | None = None
    ) -> Returned:
        """y as the forward function returns it, alone or first of a tuple."""
        assert function is not None

        def call(native: Mapping[str, Array]) -> dict[str, Any]:
            returned = self.convention.forward(function, self.conv, native)
            return {"y": returned[0] if isinstance(returned, tuple) else returned}

        return self._call(call, at, table)

    def own_forward(self, at: Mapping[str, Array], table: Table | None = None) -> Array:
        """y of the function's own forward pass: the given one, or that of the class."""
        return self.forward(self.functions.forward or self.functions.main, at, table).outputs["y"]

    def _call(
        self, call: Callable[[Mapping[str, Array]], dict[str, Any]], at: Mapping[str, Array], table: Table | None
    ) -> Returned:
        native = {name: to_native(self.convention, self.conv, name, array) for name, array in at.items()}
        self.given = list(native.values())
        before = {name: array.copy() for name, array in native.items()}
        with in_place_of_numpy(self.namespaces, table) if table else nullcontext(), np.errstate(all="ignore"):
            returned = call(native)
        findings = [f"writes to its argument {name}" for name in native if not _same(native[name], before[name])]
        outputs, shapes = {}, {}
        for name, value in returned.items():
            if isinstance(value, np.ndarray):
                findings += [
                    f"{name} shares memory with its argument {argument}"
                    for argument, array in native.items()
                    if np.may_share_memory(value, array)
                ]
            array = self._array(value, next(iter(at.values())).dtype)
            shapes[name] = array.shape
            outputs[name] = from_native(self.convention, self.conv, name, array)
        return Returned(outputs, shapes, tuple(findings))

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


def _same(a: Array, b: Array) -> bool:
    if a.dtype == object:
        return all(x is y for x, y in zip(a.reshape(-1), b.reshape(-1), strict=True))
    return np.array_equal(a, b, equal_nan=True)
