"""What of a long list or a large matrix is shown: entries that differ in kind; the rest is counted.

On one axis two places of an array are of a kind when the same taps (or the same windows) meet in them. An edge, the inside,
the phases of a stride and rows that no window reaches are kinds.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from symconv.article.blocks import Gap
from symconv.layer.conv import Axis, Conv
from symconv.layer.loss import channel_labels, enumerate_axis
from symconv.layer.names import subscript
from symconv.mathematics.tree import Equation, Math, Matrix, Word

__all__ = [
    "BUDGET", "MOST_ENTRIES", "MOST_ROWS", "MOST_TERMS", "SHOWN_OF_LONG", "columns_that_fit", "elided_matrix", "kept", "kinds",
    "name_length", "places", "selected", "with_gaps",
]  # fmt: skip

#: an array with more entries than this is shown by its kinds
MOST_ENTRIES = 16

#: kinds shown on one axis, and entries chosen in all, at most
MOST_KINDS = 6
MOST_CHOSEN = 13

#: an entry with more terms than this is shown by its first and last
MOST_TERMS = 20
SHOWN_OF_LONG = 7

#: rows of a matrix, and characters in a row of one, that are shown at most
MOST_ROWS = 12
BUDGET = 84


def kinds(axis: Axis, side: str) -> list[tuple[int, ...]]:
    """What meets in each place of a side (``o``, ``k`` or ``m``): the taps, or the windows in a place of w."""
    links = enumerate_axis(axis)
    partner = links["o"] if side == "k" else links["k"]
    size = {"o": axis.O, "k": axis.K, "m": axis.H}[side]
    order = np.argsort(links[side], kind="stable")
    ends = np.searchsorted(links[side][order], np.arange(1, size))
    return [tuple(part.tolist()) for part in np.split(partner[order], ends)]


def places(axis: Axis, side: str) -> tuple[int, list[int]]:
    """An inside place, and examples of the kinds: the first place, one that nothing reaches, the last, then the others."""
    found = kinds(axis, side)
    often = Counter(found)
    counts = [(len(kind), often[kind]) for kind in found]
    middle = (len(found) - 1) / 2
    inside = min(range(len(found)), key=lambda i: ([-n for n in counts[i]], abs(i - middle), i))
    first: dict[tuple[int, ...], int] = {}
    for place, kind in enumerate(found):
        first.setdefault(kind, place)
    unreached = [place for kind, place in first.items() if not kind]
    rest = sorted(first.values(), key=lambda place: (min(place, len(found) - 1 - place), place))
    return inside, list(dict.fromkeys([0, *unreached, len(found) - 1, *rest]))[:MOST_KINDS]


def selected(conv: Conv, target: str) -> list[int]:
    """The entries of ``target`` to show, by number, in order: all of a short array, examples of the kinds of a long one.

    These are the first and the last entry, one inside, and along each axis from there the places of :func:`places`; where
    there are too many, those named first there are taken on every axis before the others.
    """
    shape = conv.shapes[target]
    size = int(np.prod(shape))
    if size <= MOST_ENTRIES:
        return list(range(size))
    lead = len(channel_labels(conv)[target]) - 1  # the group and its channels are one axis of the layout
    array = target.removeprefix("d")
    if array == "b":
        return sorted({*range(MOST_ENTRIES // 2), size - 1})
    side = conv.kind.side(array)
    each = [places(axis, side) for axis in conv.axes]
    inside = tuple(place for place, _ in each)
    wanted: list[tuple[int, ...]] = [(0,) * conv.ndim, inside]
    for rank in range(MOST_KINDS):
        for axis, (_, chosen) in enumerate(each):
            if rank < len(chosen):
                wanted.append((*inside[:axis], chosen[rank], *inside[axis + 1 :]))
    most = max(MOST_CHOSEN, 2 + 2 * conv.ndim)  # two places of each axis always
    spatial = list(dict.fromkeys(wanted))[:most]
    indices = [(*(0,) * lead, *place) for place in spatial] + [tuple(n - 1 for n in shape)]
    return sorted({int(np.ravel_multi_index(index, shape)) for index in indices})


def with_gaps(chosen: Sequence[int], size: int, show: Callable[[int], Equation]) -> list[Equation | Gap]:
    """``show(i)`` for each chosen number, a Gap wherever several numbers below ``size`` are left out."""
    result: list[Equation | Gap] = []
    following = 0
    for number in [*chosen, size]:
        if number == following + 1:  # the one between takes no more room than saying that it is left out
            result.append(show(following))
        elif number > following:
            result.append(Gap(number - following))
        if number < size:
            result.append(show(number))
        following = number + 1
    return result


def kept(size: int, most: int) -> list[int | None]:
    """Which of ``size`` rows to show when at most ``most`` places are free: all, or first and last ones around a None."""
    if size <= most:
        return list(range(size))
    last = max(1, (most - 1) // 3)
    return [*range(most - 1 - last), None, *range(size - last, size)]


def columns_that_fit(cell: int, budget: int) -> int:
    """How many columns with entries of ``cell`` characters a line has room for; never fewer than four."""
    return max(4, budget // (cell + 2))


def elided_matrix(rows: int, columns: int, cell: Callable[[int, int], Math], most: tuple[int, int]) -> Matrix:
    """The matrix ``cell(i, j)``; dots stand for the rows and columns beyond the ``most`` that are shown."""
    dots = {(True, True): "⋱", (True, False): "⋮", (False, True): "⋯"}
    shown = itertools.product(kept(rows, most[0]), kept(columns, most[1]))
    cells: dict[tuple[int | None, int | None], Math] = {}
    for i, j in shown:
        cells[i, j] = cell(i, j) if i is not None and j is not None else Word(dots[i is None, j is None])
    return Matrix(tuple(tuple(cells[i, j] for j in kept(columns, most[1])) for i in kept(rows, most[0])))


def name_length(conv: Conv, array: str) -> int:
    """Characters of an entry's name."""
    return len(array) + len(subscript(conv, array, [n - 1 for n in conv.shapes[array]]))
