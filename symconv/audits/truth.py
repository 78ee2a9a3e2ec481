"""What a case's outputs should be, read from the loss on the relation, and the points at which functions are tried.

:class:`Derivative` is the derivative of the standard layer, or of a forward pass that is said as a formula.
:mod:`symconv.audits.adjoint` has the same face for the derivative of somebody's own forward function.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.polynomials import PolynomialTerms, terms_by_entry
from symconv.algebra.terms import MultilinearArray, Terms
from symconv.audits.arrays import FIRST
from symconv.formulas import formula
from symconv.formulas.tree import ADDED, PRODUCTS
from symconv.formulas.verify import loss_of_forward
from symconv.layer.conv import Axis, Conv
from symconv.layer.filler import constant, in_numbers
from symconv.layer.gradients import READINGS as FIRST_READINGS
from symconv.layer.loss import beyond, enumerate_axis, loss, spread
from symconv.layer.names import entry_name
from symconv.layer.padding import FILLER
from symconv.layer.second import SECOND_READINGS, directed

__all__ = ["FACTORS", "FRACTION", "READINGS", "Derivative", "Reference", "altered", "at_numbers", "check_forward", "equal",
           "exact_value", "point", "point_size", "points", "said_as_formula"]  # fmt: skip

Array = NDArray[Any]
Point = dict[str, Array]

#: entries of points are whole multiples of 1/FRACTION, so that what truncates to integers shows
FRACTION = 8
#: those of the point of small numbers are smaller by this factor, those of the large ones larger
SCALE = 2**14
#: and so many units the largest is at most
LARGEST = 1000

#: output -> the array it is the derivative by
READINGS = FIRST_READINGS | SECOND_READINGS

#: output -> the arrays that it is a polynomial in
FACTORS: dict[str, tuple[str, ...]] = {
    name: tuple(dict.fromkeys([*itertools.chain(*products), *([ADDED[name]] if name in ADDED else [])]))
    for name, products in PRODUCTS.items()
}


class Reference(Protocol):
    """What outputs are held against."""

    conv: Conv

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape that output ``name`` must have, in PyTorch's layout."""
        ...

    def agrees(self, at: Point, name: str, value: Array) -> bool:
        """Whether ``value``, of the right shape, is the output at a point, in exact arithmetic."""
        ...

    def numbers(self, at: Point, name: str) -> Array:
        """The output at a point."""
        ...

    def terms(self, name: str) -> list[PolynomialTerms]:
        """The output's entries as exact terms, in C order."""
        ...

    def entry_name(self, array: str, flat: int) -> str:
        """What an entry is called."""
        ...


class Derivative:
    """The derivative of the loss of the layer ``conv``, or of ``forward``, a forward pass of one's own as a formula."""

    def __init__(self, conv: Conv, forward: str | None = None) -> None:
        self.conv, self.forward = conv, forward

    @cached_property
    def form(self) -> MultilinearArray:
        layers = loss(self.conv)
        if self.forward is None:
            return layers
        return loss_of_forward(self.conv, formula(self.forward, self.conv.transposed, self.conv.padding_mode), layers)

    def array(self, name: str) -> MultilinearArray:
        found = self._arrays.get(name)
        if found is None:
            form = self.second if name in SECOND_READINGS else self.form
            found = self._arrays[name] = form.differentiate(READINGS[name])
        return found

    @cached_property
    def second(self) -> MultilinearArray:
        """The loss of the double backward."""
        return directed(self.form)

    @cached_property
    def _arrays(self) -> dict[str, MultilinearArray]:
        return {}

    def shape(self, name: str) -> tuple[int, ...]:
        return self.conv.shapes[name]

    def numbers(self, at: Point, name: str) -> Array:
        known = self._numbers.get((id(at), name))
        if known is None:  # the point is kept with them, so that its id is nobody else's
            known = self._numbers[id(at), name] = (at, at_numbers(self.array(name), self.conv, at))
        return known[1]

    @cached_property
    def _numbers(self) -> dict[tuple[int, str], tuple[Point, Array]]:
        return {}

    def agrees(self, at: Point, name: str, value: Array) -> bool:
        truth = self.numbers(at, name)
        return equal(value, truth) or equal(value, truth, largest_product(self.conv, at, name))

    def terms(self, name: str) -> list[PolynomialTerms]:
        return [in_numbers(self.conv, terms) for terms in terms_by_entry(self.array(name))]

    def entry_name(self, array: str, flat: int) -> str:
        return entry_name(self.conv, array, flat)


def said_as_formula(forward: Any, mode: str) -> tuple[Any, str | None]:
    """A forward function or None, and the text of a forward pass that is said as a formula or None; ValueError where the text is
    none for y."""
    if not isinstance(forward, str) or "=" not in forward:
        return forward, None
    told = formula(forward)
    if told.target != "y":
        raise ValueError(f"a forward pass is a formula for y, not for {told.target}")
    if mode == "adjoint":
        raise ValueError(
            "mode adjoint holds a backward against a forward function; a formula is the truth of other modes"
        )
    return None, str(told)


def check_forward(forward: str | None, convs: Sequence[Conv]) -> None:
    """ValueError where it is no forward pass of a layer: of another shape, or without meaning there."""
    for conv in convs if forward is not None else ():
        Derivative(conv, forward).form  # noqa: B018 - it is built to see that it can be


def equal(value: Array, truth: Array, scale: float = 0.0) -> bool:
    """Equal, or apart by less than a quarter of what two different sums of products at a point are apart.

    Such sums are whole multiples of a unit, at most 2**24 of them (:func:`point_size`), and single products at most 2**20; so
    2**-26 of the largest is below that quarter. This lets the rounding of a Fourier or Winograd algorithm pass, which does
    not compute exactly on exact numbers, and nothing else. ``scale`` is the largest product.
    """
    if value.shape != truth.shape or value.dtype.kind not in "biuf":
        return False
    if value.dtype == truth.dtype and value.tobytes() == truth.tobytes():  # as a rule
        return True
    if np.array_equal(value, truth):
        return True
    difference = np.abs(value.astype(np.float64) - truth)
    return bool(np.all(difference <= 2.0**-26 * max(scale, float(np.abs(truth).max(initial=0)))))


def at_numbers(array: MultilinearArray, conv: Conv, at: Mapping[str, Array]) -> Array:
    """An array of terms at a point, which does not hold the constant of the border: that is the layer's."""
    return array.substitute({**at, **constant(conv)})


def largest_product(conv: Conv, at: Mapping[str, Array], name: str) -> float:
    """The largest product that can be a term of an output at a point."""
    largest = {factor: float(np.abs(values).max(initial=0)) for factor, values in at.items()}
    if conv.mode.filled and "x" in largest:
        largest["x"] = max(largest["x"], abs(conv.padding_value or 0))
    return max(math.prod(largest[factor] for factor in each) for each in PRODUCTS[name])


def largest_sum(conv: Conv) -> int:
    """The number of terms of the longest sum in y, dx, dw or db: what bounds numbers that float32 adds exactly."""
    taps, windows = math.prod(conv.kernel), conv.batch * math.prod(conv.y_shape[2:])
    inner = conv.batch * math.prod(conv.input)
    return max(taps * conv.in_channels + 1, taps * conv.out_channels, windows, inner)


def point_size(conv: Conv, sums: int = 1) -> int:
    """M: entries of a point are whole multiples of a unit, at most M, and all sums of products stay exact in float32.

    ``sums`` is how many such sums are added up in one output.
    """
    most = 2**24 // (sums * largest_sum(conv))
    border = int(FRACTION * abs(conv.padding_value or 0))
    return int(min(LARGEST, max(3, math.isqrt(most) if border <= math.isqrt(most) else most // border)))


def exact_value(value: float) -> float:
    """The constant of a border as it is, where it is one of the numbers that points are made of; else ValueError.

    >>> exact_value(0.1)
    Traceback (most recent call last):
    ValueError: padding_value 0.1: an audit takes multiples of 1/8 from -125 to 125, with which floats compute exactly
    """
    if (FRACTION * value) % 1 or abs(FRACTION * value) > LARGEST:
        most = LARGEST // FRACTION
        raise ValueError(f"padding_value {value}: an audit takes multiples of 1/{FRACTION} from -{most} to {most}, with which "
                         "floats compute exactly")  # fmt: skip
    return value


def point(
    conv: Conv, seed: int, number: int, size: int, shapes: Mapping[str, Sequence[int]] | None = None,
    arrays: Sequence[str] = FIRST.arrays,
) -> Point:  # fmt: skip
    """Random x, w, b, dy for a case, or other arrays: entries k*unit, -size <= k <= size; the unit of b is that of products.

    The unit is 1/FRACTION. Of point 1 it is so small that all results are below 1, and code that keeps them in integers loses
    them; of point 2 so large that code which clips shows it. What stands beside a constant, in a border, keeps to the size of
    that. The same for the same case, seed and number, whoever runs it.
    """
    generator = np.random.default_rng([seed, number, zlib.crc32(conv.slug.encode())])
    drawn = _drawn(generator, conv, (number,), size, shapes or conv.shapes, arrays)
    return {name: array[0] for name, array in drawn.items()}


def points(conv: Conv, seed: int, count: int, size: int, arrays: Sequence[str] = FIRST.arrays) -> Point:
    """The first points of a case, drawn together, one after the other in each array: others than :func:`point` has, and as
    reproducible."""
    generator = np.random.default_rng([seed, zlib.crc32(conv.slug.encode())])
    return _drawn(generator, conv, range(count), size, conv.shapes, arrays)


def _drawn(
    generator: np.random.Generator, conv: Conv, numbers: Sequence[int], size: int, shapes: Mapping[str, Sequence[int]],
    arrays: Sequence[str],
) -> Point:  # fmt: skip
    """The points of these numbers, in arrays with one axis more, in front."""
    extents = [tuple(shapes[name]) for name in arrays]
    ends = list(itertools.accumulate(map(math.prod, extents), initial=0))
    whole = generator.integers(-size, size + 1, (len(numbers), ends[-1])).astype(np.float64)
    unit = np.array([[{1: 1 / SCALE, 2: SCALE}.get(number, 1) / FRACTION] for number in numbers])
    beside = 1 / FRACTION if conv.mode.filled else unit
    units = dict.fromkeys(ADDED.values(), unit * beside) | dict.fromkeys(("x", "v_x"), beside)
    return {
        name: (whole[:, begin:end] * units.get(name, unit)).reshape(-1, *extent)
        for name, extent, (begin, end) in zip(arrays, extents, itertools.pairwise(ends), strict=True)
    }


def altered(
    conv: Conv, change: Callable[[Axis], Axis], flip: bool = False, only: int | None = None
) -> MultilinearArray:
    """The loss of ``conv`` with the relation on each axis changed (``stride`` forgotten, say), without the bias term.

    With ``flip`` tap k is read as tap K - 1 - k. ``only`` is the number of the one axis that this is done to.
    """
    strided, padded = conv.kind.factors
    here = [only is None or number == only for number in range(conv.ndim)]
    axes = [change(axis) if changed else axis for axis, changed in zip(conv.axes, here, strict=True)]

    def terms(links: Sequence[Mapping[str, Array]], names: Mapping[str, str]) -> Terms:
        taps = [
            {
                names[name]: axis.K - 1 - column if name == "k" and flip and changed else column
                for name, column in link.items()
            }
            for axis, changed, link in zip(axes, here, links, strict=True)
        ]
        factors = spread(conv, taps)
        return Terms.of(np.zeros(len(factors["w"]), dtype=np.int64), factors)

    inside = terms([enumerate_axis(axis) for axis in axes], {"o": strided, "k": "w", "m": padded})
    outside = (terms(links, {"o": strided, "k": "w", "v": FILLER}) for links in beyond(axes))
    return MultilinearArray(conv, (), (inside, *outside))
