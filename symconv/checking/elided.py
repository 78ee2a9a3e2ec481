"""Matrices of which an author writes some columns, with dots for the others: filled in as the columns beside them go on.

A row is one of an array, forwards or backwards, perhaps with zeros between its entries and around it. What is written has to be
that; with how many columns, and which of the rows that are so, is what lets the equation hold.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction

from symconv.checking.comparison import Outcome, first_failure
from symconv.checking.context import Context
from symconv.checking.model import Model, Unreadable
from symconv.checking.result import HOLDS, NOT_READ
from symconv.checking.sizes import models_for
from symconv.checking.terms import Dots, Entry, Grid, Num, Statement, Term, replaced, walk

__all__ = ["judge_elided"]

#: columns that are left out, zeros between neighbours with the entry after them, readings of a statement: so many are tried
MOST_COLUMNS, MOST_STEPS, MOST_READINGS = 16, 4, 400

ZERO = Num(Fraction(0))


def judge_elided(statement: Statement, context: Context) -> Outcome | None:
    """HOLDS where the columns that dots leave out can be filled in so that the statement holds, else NOT READ; None where all
    matrices are written whole, or two sides without such a matrix are there to be held against each other."""
    found = [[each for each in walk(side) if _elided(each)] for side in statement.sides]
    grids = list(dict.fromkeys(itertools.chain(*found)))
    if not grids or sum(not each for each in found) > 1:
        return None
    layout = context.layouts[0] if context.layouts else ("cS", "fcS", "fS")
    base = context.base if context.base is not None else context.bases[0]
    model = next(models_for(statement, context, layout, base), None)
    fillings = [] if model is None else [list(_fillings(each, model)) for each in grids]
    for chosen in itertools.islice(itertools.product(*fillings), MOST_READINGS if fillings else 0):
        sides: list[Term] = list(statement.sides)
        for grid, whole in zip(grids, chosen, strict=True):
            sides = [replaced(side, grid, whole) for side in sides]
        try:
            if model is not None and first_failure(sides, [], [model], context) is None:
                return Outcome(
                    HOLDS, "matrix", "the columns that are written; what the dots stand for is read from them"
                )
        except Unreadable:
            continue
    return Outcome(NOT_READ, "matrix", reason="nothing that the dots may stand for was found with which it holds")


def _elided(term: Term) -> bool:
    return isinstance(term, Grid) and any(isinstance(cell, Dots) for row in term.rows for cell in row)


def _fillings(term: Term, model: Model) -> Iterator[Grid]:
    """The matrices that one with a column of dots may be."""
    assert isinstance(term, Grid)
    columns = {tuple(i for i, cell in enumerate(row) if isinstance(cell, Dots)) for row in term.rows}
    if len(columns) != 1 or len(places := columns.pop()) != 1:
        return
    tried = set()
    for step, way, hidden in itertools.product(range(1, MOST_STEPS + 1), (1, -1), range(1, MOST_COLUMNS + 1)):
        rows = [_row(row, places[0], hidden, step * way, model) for row in term.rows]
        whole = tuple(row for row in rows if row is not None)
        if len(whole) == len(rows) and whole not in tried:
            tried.add(whole)
            yield Grid(whole)


def _row(row: Sequence[Term], dots: int, hidden: int, step: int, model: Model) -> tuple[Term, ...] | None:
    """A row with so many columns in the place of its dots, an entry to every ``step`` of them; None where it is none."""
    written = {at if at < dots else at + hidden - 1: cell for at, cell in enumerate(row) if at != dots}
    first = next(((at, cell) for at, cell in written.items() if isinstance(cell, Entry)), None)
    cells: list[Term] = [ZERO] * (len(row) + hidden - 1)
    if first is not None:
        place, entry = first
        role, index = model.role(entry.array), entry.at[-1]
        if role is None or not isinstance(index, Num) or not model.arrays[role].ndim:
            return None
        last = model.setting.base + model.arrays[role].shape[-1] - 1
        for at in range(place % abs(step), len(cells), abs(step)):
            value = index.value + (at - place) // step
            if model.setting.base <= value <= last:
                cells[at] = Entry(entry.array, (*entry.at[:-1], Num(Fraction(value))))
    return tuple(cells) if all(cells[at] == cell for at, cell in written.items()) else None
