"""The facts of a picture in which one array slides over another: read from a closed formula, held against the derivative.

The standard formulas are correlations: ``y = correlate(pad(x), w)``, ``dx = correlate(pad(dilate(dy)), flip(w))``,
``dw = correlate(pad(x), dilate(dy))``. Entry i of the result is the sum over j of ``operand[t*i + e*j] * filter[j]``. The
formula is read by the reader of :mod:`symconv.formulas.values`, so the cells drawn are the cells it multiplies; each step is
compared with the terms of the derivative before it is drawn.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.terms import FACTOR_ORDER, Term
from symconv.formulas import tree
from symconv.formulas.standard import standard
from symconv.formulas.values import FILL, ZERO, Reading
from symconv.layer.conv import Conv
from symconv.layer.gradients import Gradients
from symconv.layer.padding import FILLER

__all__ = ["Laid", "Slide", "Step"]

Place = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Laid:
    """An array as a formula lays it out on space, with what a negative pad cuts off kept beside it.

    ``entries`` holds entry numbers, ZERO where there is none, FILL for the constant of a border; the formula's array begins at
    ``origin`` and has ``space`` entries on each axis; around it stand cropped cells. The operand of the outermost pad lies from
    ``core_start`` to before ``core_stop``: a zero inside was inserted, one outside is border, and an entry outside is one that
    stands on the border too.
    """

    array: str
    node: tree.Node
    entries: NDArray[np.int64]
    origin: Place
    space: Place
    core_start: Place
    core_stop: Place

    @property
    def extent(self) -> Place:
        """Cells on each axis, cropped ones included."""
        return tuple(self.entries.shape)

    def kind(self, place: Place) -> str:
        """What the cell at ``place`` (counted from the formula's own first cell) is: value, inserted, border, echo or cropped."""
        if not all(0 <= i < n for i, n in zip(place, self.space, strict=True)):
            return "cropped"
        inside = all(a <= i < b for i, a, b in zip(place, self.core_start, self.core_stop, strict=True))
        if self.entry(place) is not None:
            return "value" if inside else "echo"
        return "inserted" if inside else "border"

    def _number(self, place: Place) -> int:
        return int(self.entries[tuple(i + o for i, o in zip(place, self.origin, strict=True))])

    def entry(self, place: Place) -> int | None:
        """The number of the entry at ``place``, None for a zero or a constant."""
        number = self._number(place)
        return None if number in (ZERO, FILL) else number

    def filled(self, place: Place) -> bool:
        """Whether the constant of a border stands there."""
        return self._number(place) == FILL

    def factor(self, place: Place) -> tuple[str, int] | None:
        """What is multiplied at ``place``: an array and the number of its entry; None for a zero."""
        number = self.entry(place)
        return (FILLER, 0) if self.filled(place) else None if number is None else (self.array, number)

    def places(self) -> Iterator[Place]:
        """Every cell, cropped ones included, counted from the formula's own first cell."""
        return itertools.product(*(range(-o, n - o) for o, n in zip(self.origin, self.extent, strict=True)))


@dataclass(frozen=True)
class Step:
    """One entry of the result: the places of the operand under each tap of the filter, as pairs (operand, tap)."""

    index: Place
    start: Place
    stop: Place
    pairs: tuple[tuple[Place, Place], ...]
    terms: tuple[Term, ...]


class Slide:
    """A layer of one image, channel and filter, and the closed formula for ``target`` (y, dx or dw) as a sliding window."""

    def __init__(self, conv: Conv, target: str) -> None:
        self.conv, self.target = conv, target
        # the gradient by x knows nothing of a constant: it is that of zeros, with nothing to fold
        mode = "zeros" if target == "dx" and conv.mode.filled else conv.padding_mode
        self.formula = standard(target, conv.transposed, mode)
        correlation = next(node for node in self.formula.body.walk() if isinstance(node, tree.Correlate))
        reading = Reading(conv, self.formula)
        self.stride = tuple(reading.per_axis(correlation.stride))
        self.dilation = tuple(reading.per_axis(correlation.dilation))
        self.operand = lay(reading, correlation.operand)
        self.filter = lay(reading, correlation.filter)
        self.space = conv.shapes[target][-conv.ndim :]

    @cached_property
    def gradients(self) -> Gradients:
        return self.conv.gradients()

    def indices(self) -> Iterator[Place]:
        """The entries of the result, in C order."""
        return itertools.product(*map(range, self.space))

    def under(self, index: Place) -> Iterator[tuple[Place, Place]]:
        """(place of the operand, tap) for every tap of the window of this entry, as ``correlate`` is defined."""
        for tap in itertools.product(*map(range, self.filter.space)):
            yield tuple(t * i + e * j for t, i, e, j in zip(self.stride, index, self.dilation, tap, strict=True)), tap

    def step(self, index: Place) -> Step:
        """The window of one entry; RuntimeError if its products are not the terms of the derivative."""
        pairs = tuple(self.under(index))
        start, stop = pairs[0][0], tuple(i + 1 for i in pairs[-1][0])
        terms = tuple(self.gradients.terms(self.target).terms_of((0, 0, *index)))
        products = sorted(term for term in terms if len(term[1]) == 2)
        if self.products(pairs) != products:
            raise RuntimeError(
                f"{self.formula} at {index} of {self.conv!r} does not multiply the terms of the derivative"
            )
        return Step(index, start, stop, pairs, terms)

    def products(self, pairs: Sequence[tuple[Place, Place]]) -> list[Term]:
        """The terms that the cells of ``pairs`` make, sorted."""
        found = []
        for place, tap in pairs:
            factors = [self.operand.factor(place), self.filter.factor(tap)]
            known = [factor for factor in factors if factor is not None]
            if len(known) == len(factors):
                found.append((1, tuple(sorted(known, key=lambda factor: FACTOR_ORDER.index(factor[0])))))
        return sorted(found)

    @cached_property
    def reached(self) -> frozenset[Place]:
        """The places of the operand that some window reads."""
        return frozenset(place for index in self.indices() for place, _ in self.under(index))

    def inside(self, index: Place) -> int:
        """How many products of an entry have their entry where it belongs, not on the border."""
        return sum(
            self.operand.kind(place) == "value" and self.filter.factor(tap) is not None
            for place, tap in self.under(index)
        )

    def fullest(self) -> Place:
        """The entry that is shown when none is asked for: of those with the most terms, the first past the corner."""
        counts = {index: self.inside(index) for index in self.indices()}
        most = max(counts.values())
        return next(index for index, count in counts.items() if count == most)


def lay(reading: Reading, node: tree.Node) -> Laid:
    """The cells that ``node`` has on the layer of ``reading``."""
    value = reading.read(node)
    assert value.array is not None
    cells = value.cells.reshape(value.space)
    ndim = cells.ndim
    if isinstance(node, tree.Move) and node.name == "crop" and isinstance(node.operand, tree.Move):
        cut, first = lay(reading, node.operand), reading.per_axis(node.amount("before"))
        return replace(
            cut, node=node, origin=tuple(o + u for o, u in zip(cut.origin, first, strict=True)), space=cells.shape,
            core_start=tuple(a - u for a, u in zip(cut.core_start, first, strict=True)),
            core_stop=tuple(a - u for a, u in zip(cut.core_stop, first, strict=True)),
        )  # fmt: skip
    if not isinstance(node, tree.Move) or node.operation.word != "pad":
        return Laid(value.array, node, cells, (0,) * ndim, cells.shape, (0,) * ndim, cells.shape)
    inner = reading.read(node.operand)
    before = reading.per_axis(node.amount("before"))
    origin = tuple(max(0, -u) for u in before)
    # one array that holds the padded one and what a negative pad cuts off
    extent = [max(n, u + size) + o for n, size, u, o in zip(cells.shape, inner.space, before, origin, strict=True)]
    entries = np.full(extent, ZERO, dtype=np.int64)
    whole = inner.cells.reshape(inner.space)
    entries[tuple(slice(u + o, u + o + size) for u, o, size in zip(before, origin, inner.space, strict=True))] = whole
    entries[tuple(slice(o, o + n) for o, n in zip(origin, cells.shape, strict=True))] = cells
    core_stop = tuple(u + size for u, size in zip(before, inner.space, strict=True))
    return Laid(value.array, node, entries, origin, cells.shape, tuple(before), core_stop)
