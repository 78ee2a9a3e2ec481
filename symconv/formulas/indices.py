"""A pointwise index sum on one axis of a concrete size: which entries of its arrays meet in which entry of the target."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from symconv.formulas.tree import IndexSum
from symconv.integers import Integer
from symconv.multilinear import Column

__all__ = ["MAX_TUPLES", "axis_links"]

#: a sum that would try more index combinations than this is refused
MAX_TUPLES = 20_000_000

Interval = tuple[int, int]


def axis_links(
    node: IndexSum, target: str, index: str | None, extents: Mapping[str, int], sizes: Mapping[str, int]
) -> dict[str, Column]:
    """Columns of indices, by array: one row for each term of each entry of ``target``, every index inside its array.

    Raises ValueError if a summation index has no finite range, or the ranges are too large to go through.
    """
    intervals: dict[str, Interval] = {index: (0, extents[target] - 1)} if index else {}
    intervals |= ranges(node, intervals, extents, sizes)
    count = 1
    for low, high in intervals.values():
        count *= max(0, high - low + 1)
    if count > MAX_TUPLES:
        raise ValueError(f"{node} goes through {count:,} index combinations, more than {MAX_TUPLES:,}")
    grids = np.meshgrid(*(np.arange(low, high + 1) for low, high in intervals.values()), indexing="ij")
    values = {**sizes, **dict(zip(intervals, (grid.reshape(-1) for grid in grids), strict=True))}
    inside = np.ones(count, dtype=bool)
    columns: dict[str, Column] = {}
    for factor in node.factors:
        column = np.broadcast_to(np.asarray(factor.index.evaluate(values), dtype=np.int64), (count,))
        inside &= (column >= 0) & (column < extents[factor.name])
        columns[factor.name] = column
    for condition in node.where:
        inside &= condition.evaluate(values)
    columns[target] = np.asarray(values[index]) if index else np.zeros(count, dtype=np.int64)
    return {name: column[inside] for name, column in columns.items()}


def ranges(
    node: IndexSum, known: Mapping[str, Interval], extents: Mapping[str, int], sizes: Mapping[str, int]
) -> dict[str, Interval]:
    """A finite range (first, last) for every summation index, beyond which some array is left."""
    found: dict[str, Interval] = dict(known)
    open_indices = []
    for each in node.ranges:
        if each.start is not None and each.stop is not None:
            found[each.index] = (int(each.start.evaluate(sizes)), int(each.stop.evaluate(sizes)) - 1)
        else:
            open_indices.append(each.index)
    while open_indices:
        for name in open_indices:
            bounds = [b for f in node.factors if (b := bound(f.index, name, extents[f.name], found, sizes))]
            if bounds:
                found[name] = (max(low for low, _ in bounds), min(high for _, high in bounds))
                open_indices.remove(name)
                break
        else:
            raise ValueError(
                f"{node}: no array bounds the index {open_indices[0]}; give its range, as in {open_indices[0]}=(0, O)"
            )
    return {name: interval for name, interval in found.items() if name not in known}


def bound(
    e: Integer, name: str, extent: int, known: Mapping[str, Interval], sizes: Mapping[str, int]
) -> Interval | None:
    """The values of ``name`` for which ``0 <= e < extent`` can hold, the other indices in their ``known`` intervals."""
    affine = e.affine(sizes)
    if affine is None or name not in affine[0] or not set(affine[0]) - {name} <= set(known):
        return None
    coefficients, low = affine
    high = low
    for other, c in coefficients.items():
        if other != name:
            a, b = (c * v for v in known[other])
            low, high = low + min(a, b), high + max(a, b)
    c = coefficients[name]
    first, last = -high, extent - 1 - low  # c * name lies between these
    if c < 0:
        first, last, c = -last, -first, -c
    return -(-first // c), last // c
