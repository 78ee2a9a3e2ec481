"""A pointwise index sum on one axis of a concrete size: which entries of its arrays meet in which entry of the target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symconv.algebra.comparisons import compare
from symconv.algebra.integers import OPERATORS, Integer, Name, Op
from symconv.algebra.terms import Column
from symconv.formulas.tree import IndexSum

__all__ = ["MAX_TUPLES", "TooLargeError", "axis_links"]

#: a sum that would try more index combinations than this is refused
MAX_TUPLES = 20_000_000

Interval = tuple[int, int]


class TooLargeError(ValueError):
    """What a formula asks for is too large to go through: nothing is said of whether it is right."""


def axis_links(
    node: IndexSum, target: str, index: str | None, extents: Mapping[str, int], sizes: Mapping[str, int]
) -> dict[str, Column]:
    """Columns of indices, by array: one row for each term of each entry of ``target``, every index inside its array.

    The intervals of the indices only say how far to look; which combinations count is decided by the ranges, the conditions and
    the extents of the arrays themselves. Raises ValueError if a summation index has no finite range, the ranges are too large to
    go through, or something is divided by zero.
    """
    intervals: dict[str, Interval] = {index: (0, extents[target] - 1)} if index else {}
    intervals |= ranges(node, intervals, extents, sizes)
    count = 1
    for low, high in intervals.values():
        count *= max(0, high - low + 1)
    if count > MAX_TUPLES:
        raise TooLargeError(f"{node} goes through {count:,} index combinations, more than {MAX_TUPLES:,}")
    grids = np.meshgrid(*(np.arange(low, high + 1) for low, high in intervals.values()), indexing="ij")
    values = {**sizes, **dict(zip(intervals, (grid.reshape(-1) for grid in grids), strict=True))}
    bounds = [
        compare(a, "<=", b)
        for each in node.ranges
        if each.start is not None and each.stop is not None
        for a, b in ((each.start, Name(each.index)), (Name(each.index), each.stop - 1))
    ]
    for e in [f.index for f in node.factors] + [side for c in (*node.where, *bounds) for side in (c.left, c.right)]:
        _check_divisors(e, values)
    inside = np.ones(count, dtype=bool)
    columns: dict[str, Column] = {}
    for factor in node.factors:
        column = np.broadcast_to(np.asarray(factor.index.evaluate(values), dtype=np.int64), (count,))
        inside &= (column >= 0) & (column < extents[factor.name])
        columns[factor.name] = column
    for condition in (*node.where, *bounds):
        inside &= condition.evaluate(values)
    columns[target] = np.asarray(values[index]) if index else np.zeros(count, dtype=np.int64)
    return {name: column[inside] for name, column in columns.items()}


def _check_divisors(e: Integer, values: Mapping[str, Any]) -> None:
    """ValueError if something in ``e`` is divided by zero."""
    for part in e.walk():
        if isinstance(part, Op) and part.op in ("//", "%"):
            try:
                zero = not np.all(part.right.evaluate(values))
            except ZeroDivisionError:  # inside the divisor
                zero = True
            if zero:
                raise ValueError(f"{part} divides by zero")


def ranges(
    node: IndexSum, known: Mapping[str, Interval], extents: Mapping[str, int], sizes: Mapping[str, int]
) -> dict[str, Interval]:
    """A finite range (first, last) for every summation index, beyond which some array is left."""
    result: dict[str, Interval] = dict(known)
    open_indices = []
    for each in node.ranges:
        if each.start is not None and each.stop is not None:
            try:
                low, high = interval(each.start, known, sizes)[0], interval(each.stop, known, sizes)[1] - 1
            except ZeroDivisionError:
                raise ValueError(f"the range {each} divides by zero") from None
            result[each.index] = (low, high)
        else:
            open_indices.append(each.index)
    while open_indices:
        for name in open_indices:
            bounds = [b for f in node.factors if (b := bound(f.index, name, extents[f.name], result, sizes))]
            if bounds:
                result[name] = (max(low for low, _ in bounds), min(high for _, high in bounds))
                open_indices.remove(name)
                break
        else:
            raise ValueError(
                f"{node}: no array bounds the index {open_indices[0]}; give its range, as in {open_indices[0]}=(0, O)"
            )
    return {name: interval for name, interval in result.items() if name not in known}


def bound(
    e: Integer, name: str, extent: int, known: Mapping[str, Interval], sizes: Mapping[str, int]
) -> Interval | None:
    """Between which values of ``name`` ``0 <= e < extent`` can hold, the other indices in their ``known`` intervals."""
    try:
        return _within(e, name, (0, extent - 1), known, sizes)
    except ZeroDivisionError:
        raise ValueError(f"{e} divides by zero") from None


def _within(
    e: Integer, name: str, inside: Interval, known: Mapping[str, Interval], sizes: Mapping[str, int]
) -> Interval | None:
    """Between which values of ``name`` e can lie ``inside``; None where nothing is known."""
    first, last = inside
    if isinstance(e, Op) and e.op == "//" and not e.right.names() - set(sizes):
        by = int(e.right.evaluate(sizes))
        if by == 0:
            raise ZeroDivisionError
        # first <= a // by <= last says first <= a / by < last + 1
        ends = (first * by, (last + 1) * by - 1) if by > 0 else ((last + 1) * by + 1, first * by)
        return _within(e.left, name, ends, known, sizes)
    found = e.linear_in(name)
    if found is None or found[0].names() - set(sizes) or found[1].names() - set(sizes) - set(known):
        return None
    c = int(found[0].evaluate(sizes))
    low, high = interval(found[1], known, sizes)
    if c == 0:
        return None
    first, last = first - high, last - low  # c * name lies between these
    if c < 0:
        first, last, c = -last, -first, -c
    return -(-first // c), last // c


def interval(e: Integer, known: Mapping[str, Interval], sizes: Mapping[str, int]) -> Interval:
    """Between which numbers ``e`` lies when its indices lie in their ``known`` intervals; it need not reach them.

    ZeroDivisionError where a divisor may be zero.
    """
    if not isinstance(e, Op):
        (name,) = e.names() or {None}
        if name is None or name not in known:
            value = int(e.evaluate(sizes))
            return value, value
        return known[name]
    (a, b), (c, d) = (interval(side, known, sizes) for side in (e.left, e.right))
    if e.op == "+":
        return a + c, b + d
    if e.op == "-":
        return a - d, b - c
    if e.op in ("//", "%") and c <= 0 <= d:
        raise ZeroDivisionError
    if e.op == "%" and (a, c) != (b, d):
        return (0, d - 1) if c > 0 else (c + 1, 0)
    combine = OPERATORS[e.op][0]
    ends = [combine(u, v) for u in (a, b) for v in (c, d)]
    return min(ends), max(ends)
