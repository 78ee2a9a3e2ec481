"""From a schedule to the loops of a kernel: the relation enumerated, the trilinear term written with one factor left out.

    y[n, f, o] += w[f, c, k] * x[n, c, m]        dx[n, c, m] += w * dy        dw[f, c, k] += dy * x

All three readings run through the same elements (o, k, m) of R, so one nest serves any of them, and dx and dw together.
For a transposed convolution x stands at o and y at m; nothing else changes.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from symconv.algebra.integers import Name
from symconv.formulas.tree import TARGETS
from symconv.kernels import source
from symconv.kernels.schedules import Schedule
from symconv.kernels.sizes import coefficient, on_axis, without
from symconv.layer import relation
from symconv.layer.kind import KINDS, LayerKind

__all__ = ["Kind", "nest"]


@dataclass(frozen=True)
class Kind:
    """A layer of any size: the number of its spatial axes, and whether it is transposed."""

    ndim: int
    transposed: bool = False

    @property
    def axes(self) -> tuple[int | None, ...]:
        """What tells the names of one axis from another's: 0, 1, ...; one axis needs nothing."""
        return tuple(range(self.ndim)) if self.ndim > 1 else (None,)

    @property
    def layer(self) -> LayerKind:
        """The kind of layer, with the facts in which the two differ."""
        return KINDS[self.transposed]

    def each(self, letter: str) -> list[str]:
        """A letter on every axis: ``o0``, ``o1``; just ``o`` when there is one axis."""
        return [str(on_axis(Name(letter), axis)) for axis in self.axes]

    @property
    def labels(self) -> dict[str, str]:
        """The indices of each array in the order of its axes, groups apart: ``{"x": "ngcm", "w": "gfck", ...}``."""
        x, y = (f"ng{channel}{self.layer.side(array)}" for channel, array in (("c", "x"), ("f", "y")))
        w = "gcfk" if self.transposed else "gfck"
        return {"x": x, "dx": x, "w": w, "dw": w, "y": y, "dy": y}

    def names(self, labels: str) -> list[str]:
        """Index names, spatial ones on every axis: ``gfk`` -> g, f, k0, k1."""
        return [n for label in labels for n in (self.each(label) if label in "okm" else [label])]

    def merged(self, array: str) -> list[str]:
        """The extents of an array in its own layout, groups and channels as one axis: N, G * F, O0, O1."""
        labels = self.labels[array]
        group = labels.index("g")
        joined = f"G * {labels[group + 1].upper()}"
        return [*self.extents(labels[:group]), joined, *self.extents(labels[group + 2 :])]

    def extents(self, labels: str) -> list[str]:
        """How far each of these indices runs: ``gfk`` -> G, F, K0, K1."""
        spatial = {index: str(extent) for index, extent in relation.EXTENTS.items()}
        return [n for label in labels for n in (self.each(spatial[label]) if label in spatial else [label.upper()])]


def nest(schedule: Schedule, kind: Kind, targets: Sequence[str]) -> list[ast.stmt]:
    """The loops that add, over R, the terms of each of ``targets`` (arrays that start as zeros)."""
    return _Nest(schedule, kind).statements(targets)


@dataclass(frozen=True)
class _Nest:
    schedule: Schedule
    kind: Kind

    @property
    def looped(self) -> str:
        """The indices that are numbers in the innermost place."""
        indices = "".join(self.schedule.loops)
        return indices + "m" if {"o", "k"} <= set(indices) else indices

    def statements(self, targets: Sequence[str]) -> list[ast.stmt]:
        terms = self._terms(targets)
        body = [*self._rows(), *([source.when(self._inside(), terms)] if "m" in self.looped else terms)]
        for indices in reversed(self.schedule.loops):
            names, extents = self.kind.names(indices), self.kind.extents(indices)
            body = [source.loop(names, source.call("range" if len(names) == 1 else "np.ndindex", *extents), body)]
        return body

    # the relation ----------------------------------------------------------------------------------------------------

    def _rows(self) -> list[ast.stmt]:
        """m on each axis, or the slices of m and of the spatial index that is one."""
        lines = []
        for axis in self.kind.axes:
            row = str(on_axis(Name("m"), axis))
            if "m" in self.looped:
                lines.append(source.assign(row, on_axis(relation.INPUT_INDEX, axis)))
            else:
                index = self.schedule.slices
                run = [
                    without(relation.INPUT_INDEX, index),
                    coefficient(relation.INPUT_INDEX, index),
                    relation.EXTENTS[index],
                    relation.EXTENTS["m"],
                ]
                found = source.call("_reach", *(on_axis(e, axis) for e in run))
                lines.append(source.assign(source.tuple_of([on_axis(Name(index), axis), row]), found))
        if "m" not in self.looped:
            record = {"o": "the places that this tap serves, and the rows it meets there",
                    "k": "the taps that meet a row at this place, and these rows"}  # fmt: skip
            source.noted(lines[0], record[self.schedule.slices])
        return lines

    def _inside(self) -> list[str]:
        return [f"0 <= {row} < {end}" for row, end in zip(self.kind.names("m"), self.kind.extents("m"), strict=True)]

    # the term --------------------------------------------------------------------------------------------------------

    def _entry(self, array: str) -> ast.expr:
        """The array at the indices of the loops and the slices: ``w[g, f, c, k0, k1]`` or ``w[..., k0, k1]``."""
        labels = self.kind.labels[array]
        lead = [label if label in self.looped else ":" for label in labels[:-1]]
        items = ["..."] if set(lead) == {":"} else lead
        items += self.kind.names(labels[-1])
        return source.expression(f"{array}[{', '.join(items)}]")

    def _left(self, array: str) -> str:
        """The indices that are whole axes or slices of ``_entry(array)``."""
        return "".join(label for label in self.kind.labels[array] if label not in self.looped)

    def _terms(self, targets: Sequence[str]) -> list[ast.stmt]:
        if self.schedule.product == "matmul":
            return self._matrices(targets) + [line for target in targets for line in self._matmul(target)]
        return [
            source.augment(self._entry(target), self._product(*self._factors(target), target)) for target in targets
        ]

    def _factors(self, target: str) -> tuple[str, str]:
        """What is multiplied, in the order it is written: dy first, x last."""
        first, second = sorted(TARGETS[target], key=["dy", "w", "x"].index)
        return first, second

    def _product(self, first: str, second: str, target: str) -> ast.expr:
        a, b = self._entry(first), self._entry(second)
        if self.schedule.product == "scalar":
            return source.operation(a, "*", b)
        spelled = ["".join(_AXIS_LETTERS.get(label, label)[: self.kind.ndim] for label in self._left(array))
                   for array in (first, second, target)]  # fmt: skip
        return source.call("np.einsum", repr(f"{spelled[0]},{spelled[1]}->{spelled[2]}"), a, b)

    def _matrices(self, targets: Sequence[str]) -> list[ast.stmt]:
        """Each factor at this round of the loops as stacked matrices, named once for all targets."""
        lines, told = [], []
        for array in dict.fromkeys(factor for target in targets for factor in self._factors(target)):
            left, entry = self._left(array), self._entry(array)
            if set(left) & set("okm"):
                matrix = source.call("_columns", entry, **({} if len(left) == 4 else {"lead": len(left) - 1}))
            else:
                matrix = source.call("np.ascontiguousarray", entry)
            lines.append(source.assign(f"{array}_tap", matrix))
            told.append(f"{array} ({', '.join('places' if label in 'okm' else label.upper() for label in left)})")
        source.noted(lines[0], f"matrices for this tap: {', '.join(told)}")
        return lines

    def _matmul(self, target: str) -> list[ast.stmt]:
        """Rows and columns of the product are the target's last two indices; the index that is neither is summed over."""
        # slices of o and m run through the same places
        labels = {array: self._left(array).replace("m", "o") for array in (target, *TARGETS[target])}
        row, column = labels[target][-2], labels[target][-1]
        first, second = TARGETS[target]
        left, right = (first, second) if row in labels[first] else (second, first)
        inner = next(label for label in labels[left][-2:] if label in labels[right][-2:])
        factors = []
        for array, wanted in ((left, row + inner), (right, inner + column)):
            matrix = source.name(f"{array}_tap")
            factors.append(matrix if labels[array][-2:] == wanted else source.method(matrix, "swapaxes", -1, -2))
        product = source.operation(factors[0], "@", factors[1])
        stacked = max(labels[left][:-2], labels[right][:-2], key=len)
        summed = [position for position, label in enumerate(stacked) if label not in labels[target]]
        if summed:
            axis = str(summed[0]) if len(summed) == 1 else str(tuple(summed))
            product = source.method(product, "sum", axis=axis, dtype=f"{target}.dtype")
        if column != "o" or self.kind.ndim == 1:
            return [source.augment(self._entry(target), product)]
        # the matrix has one column for all spatial axes together
        part = source.assign("part", self._entry(target))
        return [part, source.augment("part", source.method(product, "reshape", "part.shape"))]


#: how the places of a slice on each axis are spelled in an einsum
_AXIS_LETTERS = dict.fromkeys("okm", "ijlhtuv")
