"""One geometry with arrays on which floats compute exactly, and what a convolution makes of them."""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.audits.conventions import paddings
from symconv.audits.inference.layouts import short
from symconv.audits.truth import Derivative, point, point_size
from symconv.layer.conv import Conv

__all__ = ["TOLERANCE", "ConvCase"]

Array = NDArray[Any]

#: dtype of a real part -> how far an entry may be from the true one, as a part of the largest; wider floats as float64
TOLERANCE = {"float16": 2.0**-7, "float32": 2.0**-18, "float64": 2.0**-40}


def _right(array: Array, truth: Array) -> Array:
    """Which entries are right; a NaN never is."""
    if array.dtype.kind not in "fc":
        exact = [int(b) if b.is_integer() else Fraction(b) for b in truth.reshape(-1).tolist()]
        same = [bool(a == b) for a, b in zip(array.reshape(-1).tolist(), exact, strict=True)]
        return np.array(same, bool).reshape(truth.shape)
    bound = TOLERANCE.get(array.real.dtype.name, TOLERANCE["float64"]) * float(np.abs(truth).max(initial=0))
    return np.asarray(np.abs(array.astype(np.complex128) - truth) <= bound)


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (float, np.floating)) else str(value)


class ConvCase:
    """One geometry with arrays on which floats compute exactly, and what a convolution makes of them.

    ``x`` (N, C, *H), ``w`` (F, C/groups, *K), ``b`` (F,) and ``dy`` (N, F, *O) are float64 (converting them to float32 loses
    nothing); ``y``, ``dx``, ``dw``, ``db`` are the true results in the shapes of y, x, w, b. ``stride`` and ``padding`` are
    one int when they are the same on every axis, as most functions want them; ``conv`` has every size.
    """

    def __init__(self, conv: Conv, seed: int = 0, number: int = 0) -> None:
        self.conv = conv
        #: of the point: 0 ordinary numbers, 1 small ones, 2 large ones
        self.number = number
        self._point = point(conv, seed, number, point_size(conv))
        self._derivative = Derivative(conv)

    @property
    def x(self) -> Array:
        return self._point["x"].copy()

    @property
    def w(self) -> Array:
        return self._point["w"].copy()

    @property
    def b(self) -> Array:
        return self._point["b"].copy()

    @property
    def dy(self) -> Array:
        return self._point["dy"].copy()

    @cached_property
    def y(self) -> Array:
        return self._derivative.numbers(self._point, "y")

    @cached_property
    def dx(self) -> Array:
        return self._derivative.numbers(self._point, "dx")

    @cached_property
    def dw(self) -> Array:
        return self._derivative.numbers(self._point, "dw")

    @cached_property
    def db(self) -> Array:
        return self._derivative.numbers(self._point, "db")

    @property
    def stride(self) -> Any:
        return short(self.conv.stride)

    @property
    def padding(self) -> Any:
        return paddings(self.conv)

    def check(self, **results: Any) -> None:
        """AssertionError when a result given by name (y, dx, dw, db) is not the true one: ``case.check(dx=dx, dw=dw)``.

        Integers, booleans and objects must be equal. Floats and complex numbers may be apart by ``TOLERANCE`` of their dtype
        times the largest true entry: the arrays are such that plain sums have no rounding at all, and the rounding of a
        Fourier or Winograd algorithm stays below.
        """
        for name, value in results.items():
            if name not in ("y", "dx", "dw", "db"):
                raise TypeError(f"no result {name!r}; there are y, dx, dw, db")
            truth = getattr(self, name)
            array = np.asarray(value)
            if array.shape != truth.shape:
                raise AssertionError(f"{name} of {self.conv!r} has shape {array.shape}, true {truth.shape}")
            if array.dtype.kind not in "biufcO":
                raise AssertionError(f"{name} of {self.conv!r} has dtype {array.dtype}, which holds no numbers")
            wrong = np.argwhere(~_right(array, truth))
            if len(wrong):
                index = tuple(int(i) for i in wrong[0])
                flat = int(np.ravel_multi_index(index, truth.shape))
                raise AssertionError(
                    f"{name} of {self.conv!r} is wrong in {len(wrong)} of {truth.size} entries; {name}{list(index)} is "
                    f"{_number(array[index])}, true {truth[index]:g}: {self._derivative.entry_name(name, flat)} = "
                    f"{self._derivative.array(name).text(index)}"
                )

    def __str__(self) -> str:
        return self.conv.slug

    def __repr__(self) -> str:
        return f"ConvCase({self.conv!r})"
