"""A formula's exact value on one concrete layer.

Arrays are handled as arrays of cells: numbers of the entries they show, -1 for a zero. What moves entries about moves cells;
correlation multiplies them out into terms. The operations act on the whole arrays of the layer, all axes
at once, so what is compared with the derivative here does not rest on treating the axes one by one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.integers import Const, Integer, Name
from symconv.algebra.terms import MultilinearArray, Terms
from symconv.formulas import tree
from symconv.formulas.indices import TooLargeError, axis_links
from symconv.layer.conv import Conv
from symconv.layer.loss import channel_labels, label_sizes, spread
from symconv.layer.padding import FILLER

__all__ = ["MAX_CELLS", "evaluate"]

#: an array or index range larger than this is refused: a formula can ask for any padding
MAX_CELLS = 50_000_000

#: what stands at a place instead of an entry: nothing, or the constant of a border
ZERO, FILL = -1, -2


@dataclass(frozen=True)
class Value:
    """``content`` seen through ``cells``: which entry of ``content`` is at each place, ZERO for none, FILL for the
    constant v.

    The leading axes of ``cells`` run over the indices in ``labels`` (n, g, f, c), the others over space; ``array`` is
    the layer's array that is shown, None for a result.
    """

    labels: str
    cells: NDArray[np.int64]
    content: MultilinearArray
    array: str | None

    @property
    def space(self) -> tuple[int, ...]:
        return self.cells.shape[len(self.labels) :]


class Reading:
    """One formula on one layer."""

    def __init__(self, conv: Conv, formula: tree.Formula) -> None:
        self.conv, self.formula = conv, formula
        self.labels = channel_labels(conv)
        self.label_sizes = label_sizes(conv)
        self.sizes = [conv.sizes(axis) for axis in range(conv.ndim)]

    def read(self, node: tree.Node) -> Value:
        return RULES[type(node)](self, node)

    def per_axis(self, e: Integer, least: int | None = None, what: str = "") -> list[int]:
        """An expression on each axis."""
        try:
            values = [int(e.evaluate(sizes)) for sizes in self.sizes]
        except ZeroDivisionError:
            raise ValueError(f"{e} divides by zero for {self.conv!r}") from None
        for axis, value in enumerate(values):
            if least is not None and value < least:
                raise ValueError(f"{what} {e} is {value} on axis {axis}; it must be at least {least}")
        return values

    def constant(self, e: Integer) -> int:
        """An expression that does not vary over the axes."""
        values = set(self.per_axis(e))
        if len(values) > 1:
            raise ValueError(f"the factor {e} differs from axis to axis: {sorted(values)}")
        return values.pop()

    def shown(self, labels: str, space: Sequence[int]) -> tuple[int, ...]:
        shape = (*(self.label_sizes[label] for label in labels), *space)
        if np.prod(shape, dtype=float) > MAX_CELLS:
            raise TooLargeError(f"{self.formula} builds an array of shape {shape}, more than {MAX_CELLS:,} entries")
        return shape

    # arrays and what moves them --------------------------------------------------------------------------------------

    def array(self, node: tree.Array) -> Value:
        shape = self.conv.shapes[node.name]
        labels = self.labels[node.name]
        shown = self.shown(labels, shape[len(labels) - 1 :])  # refused before it is built
        numbers = np.arange(np.prod(shape, dtype=np.int64))
        entries = Terms.of(numbers, {node.name: numbers})
        if node.name in tree.ADDED.values() and not self.conv.bias:
            entries = entries.take(numbers[:0])
        cells = numbers.reshape(shown)
        return Value(labels, cells, MultilinearArray(self.conv, shape, (entries,)), node.name)

    def move(self, node: tree.Move) -> Value:
        """The operand's entries at their new places, zeros elsewhere."""
        value, operation = self.read(node.operand), node.operation
        if operation.gathers and value.array is not None:
            raise ValueError(f"{node}: {operation.word} adds entries up; it is taken of products, not of an array")
        amounts = [
            self.per_axis(e, 1, f"{operation.word} {each.name}") if each.step else self.per_axis(e)
            for each, e in zip(operation.amounts, node.amounts, strict=True)
        ]
        ways = [
            pairs(node, size, [each[axis] for each in amounts], self.shown) for axis, size in enumerate(value.space)
        ]
        shape = self.shown(value.labels, [way.length for way in ways])
        if operation.gathers:
            return gathered(value, ways, shape)
        cells = value.cells
        if operation.filled and value.array is None:
            raise ValueError(f"{node}: a constant border is put around an array, not around products")
        for axis, way in enumerate(ways, len(value.labels)):
            cells = carried(cells, axis, way, FILL if operation.filled else ZERO)
        return replace(value, cells=cells)

    def shuffle(self, node: tree.Shuffle) -> Value:
        value = self.read(node.operand)
        group = value.labels.index("g")
        shape = value.cells.shape
        dealt = value.cells.reshape(*shape[:group], shape[group + 1], shape[group], *shape[group + 2 :])
        return replace(value, cells=np.swapaxes(dealt, group, group + 1))

    # what makes terms ------------------------------------------------------------------------------------------------

    def correlate(self, node: tree.Correlate) -> Value:
        a, b = self.read(node.operand), self.read(node.filter)
        if a.array is None or b.array is None or {a.array, b.array} & set(tree.ADDED.values()):
            raise ValueError(f"{node}: correlate takes two of x, w and dy, moved about, not results")
        self.check_product(node, (a.array, b.array))
        stride, dilation = self.per_axis(node.stride, 1, "stride"), self.per_axis(node.dilation, 1, "dilation")
        space = []
        for size, taps, t, e in zip(a.space, b.space, stride, dilation, strict=True):
            slack = size - e * (taps - 1) - 1
            space.append(slack // t + 1 if slack >= 0 and taps > 0 else 0)
        labels = self.labels[self.formula.target]
        out = np.arange(np.prod(self.shown(labels, space), dtype=np.int64)).reshape(self.shown(labels, space))
        blocks: list[Terms] = []
        if out.size and a.cells.size and b.cells.size:
            # one pass for each tap or for each output place, whichever are fewer
            over_taps = np.prod(b.space) <= np.prod(space)
            for place in itertools.product(*map(range, b.space if over_taps else space)):
                if over_taps:
                    window = [
                        slice(e * j, e * j + t * (n - 1) + 1, t) for j, n, t, e in zip(place, space, stride, dilation)
                    ]
                    parts = (out, _in_space(a.cells, window), _at(b.cells, place))
                else:
                    window = [
                        slice(t * i, t * i + e * (n - 1) + 1, e) for i, n, t, e in zip(place, b.space, stride, dilation)
                    ]
                    parts = (_at(out, place), _in_space(a.cells, window), b.cells)
                blocks += self.multiplied(parts, (labels, a.labels, b.labels), (a.array, b.array))
        content = MultilinearArray(self.conv, out.shape, tuple(block for block in blocks if len(block)))
        return Value(labels, out, content, None)

    def check_product(self, node: tree.Node, arrays: Sequence[str]) -> None:
        """ValueError where the arrays are none of the products that the target is made of."""
        products = tree.PRODUCTS[self.formula.target]
        if sorted(arrays) not in [sorted(each) for each in products]:
            made_of = ", or ".join(" and ".join(each) for each in products)
            raise ValueError(f"{node}: {self.formula.target} is made of {made_of}, each once")

    def multiplied(
        self, parts: Sequence[NDArray[np.int64]], labels: Sequence[str], arrays: Sequence[str]
    ) -> Iterator[Terms]:
        """The products of two arrays of cells, those with the same labels and place together."""
        entry, first, second = (self.aligned(cells, own) for cells, own in zip(parts, labels, strict=True))
        choices = itertools.product(*(self.shown_by(c, name) for c, name in zip((first, second), arrays, strict=True)))
        for (one, is_one), (other, is_other) in choices:
            if one == other:
                raise ValueError(f"{self.formula}: a product of the constant of two borders")
            here = is_one & is_other
            shape = np.broadcast_shapes(entry.shape, here.shape)
            rows = np.broadcast_to(here, shape)
            columns = [np.broadcast_to(c, shape)[rows] for c in (entry, np.maximum(first, 0), np.maximum(second, 0))]
            yield Terms.of(columns[0], dict(zip((one, other), columns[1:], strict=True)))

    def shown_by(self, cells: NDArray[np.int64], array: str) -> list[tuple[str, NDArray[np.bool_]]]:
        """What cells show, and where: the array, and the constant of a border."""
        filled = cells == FILL
        return [(array, cells >= 0), *([(FILLER, filled)] if filled.any() else [])]

    def aligned(self, cells: NDArray[np.int64], labels: str) -> NDArray[np.int64]:
        """``cells`` with its leading axes at their places in n, g, f, c."""
        sizes = dict(zip(labels, cells.shape, strict=False))
        return cells.reshape(*(sizes.get(label, 1) for label in "ngfc"), *cells.shape[len(labels) :])

    def sum(self, node: tree.Sum) -> Value:
        value = self.read(node.operand)
        if value.array is None or (value.array,) not in tree.PRODUCTS[self.formula.target]:
            raise ValueError(f"{node}: {self.formula.target} is not a sum of {node.operand} over space and batch")
        labels = self.labels[self.formula.target]
        shape = self.conv.shapes[self.formula.target]
        out = np.arange(np.prod(shape, dtype=np.int64)).reshape(self.shown(labels, ()))
        entry = self.aligned(out, labels).reshape([*self.aligned(out, labels).shape, *[1] * len(value.space)])
        cells = self.aligned(value.cells, value.labels)
        if (cells == FILL).any():
            raise ValueError(f"{node}: a sum over the constant of a border")
        rows = cells != ZERO
        terms = Terms.of(np.broadcast_to(entry, cells.shape)[rows], {value.array: cells[rows]})
        return Value(labels, out, MultilinearArray(self.conv, out.shape, (terms,)), None)

    def scale(self, node: tree.Scale) -> Value:
        value = self.result(node.operand)
        return replace(value, content=value.content.scale(self.constant(node.factor)))

    def add(self, node: tree.Add) -> Value:
        left, right = self.result(node.left), self.result(node.right)
        if left.array in tree.ADDED.values():
            left, right = right, left
        if right.array in tree.ADDED.values():
            right = self.repeated(right, left)
        if left.space != right.space:
            raise ValueError(f"{node}: sums of shapes {left.space} and {right.space}")
        total = placed(left) + placed(right)
        return Value(left.labels, np.arange(left.cells.size).reshape(left.cells.shape), total, None)

    def result(self, node: tree.Node) -> Value:
        """A value that is a sum of products already, or what is added to them."""
        value = self.read(node)
        if value.array not in (None, *tree.ADDED.values()):
            raise ValueError(f"{self.formula}: {node} stands alone; {self.formula.target} is a sum of products")
        return value

    def repeated(self, bias: Value, like: Value) -> Value:
        """b over batch and space; to every entry of the target that its channel belongs to."""
        where = self.aligned(bias.cells, bias.labels)
        out = self.aligned(like.cells, like.labels)
        cells = np.broadcast_to(where.reshape([*where.shape, *[1] * len(like.space)]), out.shape).reshape(
            like.cells.shape
        )
        return Value(like.labels, cells, bias.content, None)

    # pointwise sums --------------------------------------------------------------------------------------------------

    def index_sum(self, node: tree.IndexSum) -> Value:
        target = self.formula.target
        names = sorted(factor.name for factor in node.factors)
        self.check_product(node, names)
        spatial = []
        for axis, sizes in enumerate(self.sizes):
            extents = {name: self.extent(name, axis) for name in (target, *names)}
            spatial.append(axis_links(node, target, self.formula.index, extents, sizes))
        columns = spread(self.conv, spatial)
        shape = self.shown(self.labels[target], self.conv.shapes[target][len(self.labels[target]) - 1 :])
        terms = Terms.of(columns.pop(target), columns)
        cells = np.arange(np.prod(shape, dtype=np.int64)).reshape(shape)
        return Value(self.labels[target], cells, MultilinearArray(self.conv, shape, (terms,)), None)

    def extent(self, array: str, axis: int) -> int:
        """The array's size on one axis; 1 for db, which has no spatial axes."""
        space = self.conv.shapes[array][len(self.labels[array]) - 1 :]
        return space[axis] if space else 1


@dataclass(frozen=True)
class Way:
    """Where entries come from on one axis: entry ``i[x]`` of the result, which has ``length`` of them, from entry ``j[x]``."""

    length: int
    i: NDArray[np.int64]
    j: NDArray[np.int64]


def pairs(node: tree.Move, size: int, amounts: Sequence[int], room: Callable[[str, Sequence[int]], object]) -> Way:
    """The way of an operation on an axis of ``size`` entries; ``room`` refuses what is too large."""
    fixed = replace(node, amounts=tuple(Const(value) for value in amounts))
    length = max(0, int(fixed.length(Const(size)).evaluate({})))
    room("", [length])
    i, found = np.arange(length), []
    for branch in fixed.back(Name("i"), Const(size), Name("e")):
        many = None if branch.many is None else max(0, int(branch.many.evaluate({})))
        room("", [length, many or 1])
        to, e = (
            (i, 0) if many is None else (grid.reshape(-1) for grid in np.meshgrid(i, np.arange(many), indexing="ij"))
        )
        values = {"i": to, "e": e}
        j = np.broadcast_to(np.asarray(branch.to.evaluate(values), dtype=np.int64), to.shape)
        inside = (j >= 0) & (j < size)
        for condition in branch.when:
            inside &= condition.evaluate(values)
        found.append((to[inside], j[inside]))
    return Way(length, *(np.concatenate(column) for column in zip(*found, strict=True)))


def carried(cells: NDArray[np.int64], axis: int, way: Way, empty: int) -> NDArray[np.int64]:
    """``cells`` moved along one axis, each place filled from one at most, or with ``empty``."""
    shape = list(cells.shape)
    shape[axis] = way.length
    result = np.full(shape, empty, dtype=np.int64)
    lead: tuple[Any, ...] = (slice(None),) * axis
    result[(*lead, way.i)] = cells[(*lead, way.j)]
    return result


def gathered(value: Value, ways: Sequence[Way], shape: tuple[int, ...]) -> Value:
    """The sums of products in ``value`` added up where an operation brings several to one place."""
    content = placed(value)
    lead = len(value.labels)
    blocks = []
    for block in content.blocks:
        index, rows = list(np.unravel_index(block.entry, value.cells.shape)), np.arange(len(block))
        for axis, way in enumerate(ways, lead):
            order = np.argsort(way.j, kind="stable")
            first = np.searchsorted(way.j[order], index[axis])
            counts = np.searchsorted(way.j[order], index[axis], side="right") - first
            starts = np.repeat(first - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
            index, rows = [np.repeat(column, counts) for column in index], np.repeat(rows, counts)
            index[axis] = way.i[order[starts + np.arange(counts.sum())]]
        blocks.append(replace(block.take(rows), entry=np.ravel_multi_index(index, shape) if len(rows) else rows))
    cells = np.arange(np.prod(shape, dtype=np.int64)).reshape(shape)
    return Value(value.labels, cells, MultilinearArray(content.layer, shape, tuple(blocks)), None)


def _in_space(cells: NDArray[np.int64], places: Iterable[slice]) -> NDArray[np.int64]:
    """``cells`` restricted to ``places`` on the spatial axes, which are the last."""
    key: Any = (..., *places)
    part: NDArray[np.int64] = cells[key]
    return part


def _at(cells: NDArray[np.int64], place: Sequence[int]) -> NDArray[np.int64]:
    """``cells`` at one place in space, its axes kept."""
    return _in_space(cells, (slice(i, i + 1) for i in place))


def placed(value: Value) -> MultilinearArray:
    """``value`` with its entries numbered by their places: what is at no cell is gone, what is at several stands at each."""
    shown = np.flatnonzero(value.cells != ZERO)
    wanted = value.cells.reshape(-1)[shown]
    blocks = []
    for block in value.content.blocks:
        order = np.argsort(block.entry, kind="stable")
        first, last = (
            np.searchsorted(block.entry[order], wanted),
            np.searchsorted(block.entry[order], wanted, side="right"),
        )
        counts = last - first
        starts = np.repeat(first - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        rows = block.take(order[starts + np.arange(counts.sum())])
        blocks.append(replace(rows, entry=np.repeat(shown, counts)))
    return MultilinearArray(value.content.layer, value.cells.shape, tuple(blocks))


def evaluate(conv: Conv, formula: tree.Formula) -> MultilinearArray:
    """The array that ``formula`` builds on ``conv``, exactly; its shape need not be the target's.

    Raises ValueError where the formula means nothing: a division by zero, a stride or dilation below 1, a correlation of
    the wrong arrays, an array too large to build.
    """
    if formula.transposed != conv.transposed:
        raise ValueError(f"{formula} is about a {formula.kind.called}, {conv!r} is a {conv.kind.called}")
    reading = Reading(conv, formula)
    value = reading.result(formula.body)
    content = placed(value)
    lead = list(value.cells.shape[: len(value.labels)])
    group = value.labels.index("g")  # groups and the channels of one group make one axis of the layout
    lead[group : group + 2] = [lead[group] * lead[group + 1]]
    return MultilinearArray(conv, (*lead, *value.space), content.blocks)


RULES: dict[type[tree.Node], Callable[[Reading, Any], Value]] = {
    tree.Array: Reading.array,
    tree.Move: Reading.move,
    tree.Shuffle: Reading.shuffle,
    tree.Correlate: Reading.correlate,
    tree.Sum: Reading.sum,
    tree.Scale: Reading.scale,
    tree.Add: Reading.add,
    tree.IndexSum: Reading.index_sum,
}
