"""einsum, tensordot, matmul, dot: which axes are paired, which are summed, which remain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symconv.reading.arrays import Axis, Grid, Index, counted, fits, picker, running, snapshot, unify
from symconv.reading.merged import same_parts
from symconv.reading.numbers import equal
from symconv.reading.terms import Sum, guarded, product, simplified
from symconv.reading.world import Raised, Unreadable, World

__all__ = ["contracted", "dot", "einsum", "matmul", "tensordot"]


def contracted(world: World, grids: Sequence[Grid], labels: Sequence[Sequence[str]], result: Sequence[str]) -> Grid:
    """The sum over labels that ``result`` lacks of the product of the grids' entries."""
    sizes: dict[str, Axis] = {}
    for grid, own in zip(grids, labels, strict=True):
        if len(own) != grid.ndim:
            raise Raised("ValueError")
        for label, axis in zip(own, grid.axes, strict=True):
            sizes[label] = axis if label not in sizes else unify(world, sizes[label], axis)[0]
    entries = [snapshot(world, grid) for grid in grids]
    # einsum lets an operand of length one stand for every index of the others
    pickers = [
        picker(
            world,
            grid.axes,
            [unify(world, axis, sizes[n])[1] for n, axis in zip(own, grid.axes, strict=True)],
            grid.ndim,
        )
        for grid, own in zip(grids, labels, strict=True)
    ]
    summed = [label for label in sizes if label not in result]

    def at(index: Index) -> Sum:
        names, run, bounds = running(world, [sizes[label] for label in summed])
        place = dict(zip(result, index, strict=True)) | dict(zip(summed, run, strict=True))
        told: Sum | None = None
        for each, own, pick in zip(entries, labels, pickers, strict=True):
            here = each(pick(tuple(place[label] for label in own)))
            told = here if told is None else product(world, told, here)
        assert told is not None
        return simplified(world, counted(guarded(told, bounds), names))

    return Grid(tuple(sizes[label] for label in result), at)


def einsum(world: World, text: str, grids: Sequence[Grid]) -> Grid:
    """np.einsum, with or without an arrow, an ellipsis on either side."""
    left, arrow, right = text.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(grids):
        raise Raised("ValueError")
    labels: list[list[str]] = []
    dots = 0
    for term, grid in zip(terms, grids, strict=True):
        before, ellipsis, after = term.partition("...")
        extra = grid.ndim - len(before) - len(after)
        if extra < 0 or (extra and not ellipsis):
            raise Raised("ValueError")
        dots = max(dots, extra)
        labels.append([*before, *(f".{n}" for n in range(extra, 0, -1)), *after])
    if any("..." in term for term in terms) and len({sum(x[0] == "." for x in own) for own in labels} - {0}) > 1:
        raise Unreadable("an ellipsis of several lengths")
    every = [f".{n}" for n in range(dots, 0, -1)]
    if arrow:
        before, ellipsis, after = right.partition("...")
        result = [*before, *(every if ellipsis else ()), *after]
    else:
        letters = sorted({x for own in labels for x in own if x[0] != "."})
        result = every + [x for x in letters if sum(own.count(x) for own in labels) == 1]
    if len(set(result)) < len(result) or not set(result) <= {x for own in labels for x in own}:
        raise Raised("ValueError")
    return contracted(world, grids, labels, result)


def _paired(world: World, a: Axis, b: Axis) -> None:
    """ValueError unless two axes that are summed against each other have one length."""
    if fits(world, a, b):
        return
    if len(a) == len(b) == 1:
        world.check((equal(a[0], b[0]),), "ValueError")
    elif not same_parts(world, a, b, "ValueError"):
        raise Unreadable("a product over axes that a reshape merged in another way")


def tensordot(world: World, a: Grid, b: Grid, axes: Any) -> Grid:
    """np.tensordot."""
    if isinstance(axes, int):
        first, second = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    else:
        first, second = (list(each) if isinstance(each, tuple | list) else [each] for each in axes)
    if len(first) != len(second):
        raise Raised("ValueError")
    first, second = [x % a.ndim for x in first], [x % b.ndim for x in second]
    names_a, names_b = [f"a{n}" for n in range(a.ndim)], [f"b{n}" for n in range(b.ndim)]
    for x, y in zip(first, second, strict=True):
        _paired(world, a.axes[x], b.axes[y])
        names_b[y] = names_a[x]
    result = [n for at, n in enumerate(names_a) if at not in first]
    result += [n for at, n in enumerate(names_b) if at not in second]
    return contracted(world, [a, b], [names_a, names_b], result)


def dot(world: World, a: Grid, b: Grid) -> Grid:
    """np.dot."""
    if not a.ndim or not b.ndim:
        names_a, names_b = [f"a{n}" for n in range(a.ndim)], [f"b{n}" for n in range(b.ndim)]
        return contracted(world, [a, b], [names_a, names_b], names_a + names_b)
    return tensordot(world, a, b, ([a.ndim - 1], [max(b.ndim - 2, 0)]))


def matmul(world: World, a: Any, b: Any) -> Grid:
    """a @ b."""
    if not isinstance(a, Grid) or not isinstance(b, Grid) or not a.ndim or not b.ndim:
        raise Raised("ValueError")
    if a.ndim == 1 or b.ndim == 1:
        if max(a.ndim, b.ndim) > 2:
            return contracted_vector(world, a, b)
        return dot(world, a, b)
    _paired(world, a.axes[-1], b.axes[-2])
    lead = max(a.ndim, b.ndim) - 2
    stack = [f"s{n}" for n in range(lead)]
    names_a = [*stack[lead - a.ndim + 2 :], "i", "j"]
    names_b = [*stack[lead - b.ndim + 2 :], "j", "k"]
    return contracted(world, [a, b], [names_a, names_b], [*stack, "i", "k"])


def contracted_vector(world: World, a: Grid, b: Grid) -> Grid:
    """A stack of matrices times a vector."""
    if b.ndim == 1:
        return dot(world, a, b)
    names = [f"s{n}" for n in range(b.ndim - 2)]
    _paired(world, a.axes[0], b.axes[-2])
    return contracted(world, [a, b], [["j"], [*names, "j", "k"]], [*names, "k"])
