"""Windows written out whose entries are crossed out where they are none of the array's."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from symconv.algebra.polynomials import Polynomial
from symconv.checking.model import Model, Unreadable, constant
from symconv.checking.terms import Call, Entry, Grid, Term, names_in

__all__ = ["OutOfPlace", "check_order", "check_window", "crossed_out"]


Places = tuple[int, ...] | None


class OutOfPlace(Unreadable):
    """An entry of a window that is not where the order of the others has it."""


def crossed_out(model: Model, entry: Term) -> Polynomial:
    """Zero, which is what an entry outside its array counts; Unreadable for one that is inside."""
    at = model.positions(entry, {}) if isinstance(entry, Entry) else None
    role = model.role(entry.array) if isinstance(entry, Entry) else None
    if at is None or role is None:
        return constant(0)
    shape = model.arrays[role].shape
    if len(at) == len(shape) and all(0 <= i < n for i, n in zip(at, shape, strict=True)):
        raise Unreadable("an entry of the array is crossed out")
    return constant(0)


def check_window(model: Model, grid: Grid) -> None:
    """Unreadable where a window with entries crossed out is not of one array, its indices a step apart on each axis."""
    cells: dict[tuple[int, int], Entry] = {}
    crossed = False
    for r, row in enumerate(grid.rows):
        for c, cell in enumerate(row):
            out = isinstance(cell, Call) and cell.word == "cancel"
            inner = cell.args[0] if isinstance(cell, Call) and out else cell
            crossed = crossed or out
            if isinstance(inner, Entry):
                cells[r, c] = inner
    if not crossed or model.anywhere:
        return
    if len({entry.array for entry in cells.values()}) > 1:
        raise OutOfPlace("what is crossed out is an entry of another array")
    if not _is_lattice({at: model.positions(entry, {}) for at, entry in cells.items()}):
        raise OutOfPlace("the indices of a window with entries crossed out are not a step apart")


def _is_lattice(places: Mapping[tuple[int, int], Places]) -> bool:
    """Whether neighbours are everywhere the same step apart, along rows and along columns."""
    known = {at: place for at, place in places.items() if place is not None}
    for down, right in ((0, 1), (1, 0)):
        steps = {
            tuple(b - a for a, b in zip(known[r, c], known[r + down, c + right], strict=True))
            for r, c in known
            if (r + down, c + right) in known and len(known[r, c]) == len(known[r + down, c + right])
        }
        if len(steps) > 1:
            return False
    return True


def check_order(model: Model, grid: Term) -> None:
    """Unreadable where entries that are multiplied one by one are neither a step apart nor in the order of their indices.

    An entry out of place makes no difference where the other factor is zero.
    """
    if not isinstance(grid, Grid) or model.anywhere:
        return
    cells = {(r, c): cell for r, row in enumerate(grid.rows) for c, cell in enumerate(row) if isinstance(cell, Entry)}
    if len({entry.array for entry in cells.values()}) != 1 or any(names_in(i) for e in cells.values() for i in e.at):
        return
    places = {at: model.positions(entry, {}) for at, entry in cells.items()}
    order = [place for place in places.values() if place is not None]
    rising = [a < b for a, b in itertools.pairwise(order)]
    strict = len(set(order)) == len(order) and len(set(rising)) <= 1
    if not strict and not _is_lattice(places):
        raise OutOfPlace("an entry of a window is out of place")
