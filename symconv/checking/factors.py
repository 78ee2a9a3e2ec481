"""Pieces of a formula that are no letters: brackets, matrices, fractions, cases. One rule for each kind of part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from typing import Protocol

from symconv.checking.letters import LOSS, ReadingError, UnfinishedError, between, is_blank, parts_of, without_comma
from symconv.checking.terms import IVERSON, Call, Choice, Diff, Div, Entry, Floor, Grid, Name, Num, Seq, Term
from symconv.mathematics.of_latex import Lines, Text
from symconv.mathematics.tree import Fence, Math, Matrix, Operator, Row, Struck, Word
from symconv.mathematics.tree import Fraction as Over

__all__ = ["RULES", "Reader"]


class Reader(Protocol):
    """What these rules ask of the reader of an expression."""

    arrays: Collection[str]
    notes: list[str]

    def inner(self, math: Math) -> Term:
        """The term that a part by itself is."""

    def of(self, parts: Sequence[Math], arrays: Collection[str] | None = None) -> Term:
        """The term that parts side by side are."""


def _fence(reader: Reader, part: Math) -> Term:
    assert isinstance(part, Fence)
    if part.left == "⌊":
        return Floor(reader.inner(part.body))
    inside = [p for p in parts_of(part.body) if not is_blank(p)]
    if part.left == "[" and inside.count(Operator("=")) == 1:  # one where it holds, else zero
        return Entry(IVERSON, tuple(reader.of(side, ()) for side in between(inside, "=")))
    pieces = between(inside, ",")
    if len(pieces) > 1:
        return Seq(tuple(reader.of(piece) for piece in pieces if piece))
    if (
        part.left == "["
        and len([p for p in inside if not isinstance(p, Operator)]) > 2
        and not any(isinstance(p, Operator) for p in inside)
    ):
        return Grid((tuple(reader.inner(p) for p in inside),))
    if isinstance(part.body, Lines):
        return Grid(
            tuple(tuple(reader.inner(without_comma(cell)) for cell in row if parts_of(cell)) for row in part.body.rows)
        )
    return reader.inner(part.body)


def _matrix(reader: Reader, part: Math) -> Term:
    assert isinstance(part, Matrix)
    rows = []
    for row in part.rows:
        cells: list[Term] = []
        for cell in row:
            pieces = [piece for piece in between(parts_of(cell), ",") if piece]
            read = [reader.of(piece) for piece in pieces]
            cells.append(read[0] if len(read) == 1 else Seq(tuple(read)))
        rows.append(tuple(cells))
    if len({len(row) for row in rows}) > 1:
        raise ReadingError("the rows of a matrix are not equally long")
    if len(rows) == 1 and len(rows[0]) == 1 and isinstance(rows[0][0], Seq):
        return Grid((rows[0][0].items,))
    return Grid(tuple(rows))


def _fraction(reader: Reader, part: Math) -> Term:
    assert isinstance(part, Over)
    top, bottom = parts_of(part.top), parts_of(part.bottom)
    if part.top == Row(()) and part.bottom == Row(()):
        raise UnfinishedError("an empty fraction: the formula is not finished")
    if top and bottom and top[0] == Word("∂") and bottom[0] == Word("∂"):
        below = reader.of(bottom[1:])
        above = reader.of(top[1:])
        if isinstance(above, Name) and above.text.partition("_")[0] in LOSS and above.text not in reader.arrays:
            if isinstance(below, Entry):
                return Entry("d" + below.array, below.at)
            if isinstance(below, Name):
                return Name("d" + below.text)
            if isinstance(below, Call) and below.word == "slice" and isinstance(below.args[0], Name):
                return Call("slice", (Name("d" + below.args[0].text), *below.args[1:]))
            if isinstance(below, Num) and below.value.denominator == 1:
                reader.notes.append(f"a stray derivative by {below.value}, read as one by an entry of the output")
                return Entry("d?", tuple(Num(Fraction(digit)) for digit in str(below.value)))
            raise ReadingError("a derivative of the loss by something that is no letter and no entry")
        return Diff(above, below)
    return Div(reader.inner(part.top), reader.inner(part.bottom))


def _cases(reader: Reader, part: Math) -> Term:
    assert isinstance(part, Lines)
    if "cases" not in part.kind:
        raise ReadingError("several lines inside a formula")
    rows: list[tuple[Term, tuple[tuple[Term, Term], ...] | None]] = []
    for row in part.rows:
        value = reader.inner(row[0])
        conditions: list[tuple[Term, Term]] = []
        for cell in row[1:]:
            words = (Operator(",") if isinstance(p, Text) or p == Operator("∧") else p for p in parts_of(cell))
            for piece in between(list(words), ","):
                sides = between(piece, "=")
                if len(sides) == 2:
                    conditions.append((reader.of(sides[0], ()), reader.of(sides[1], ())))
                elif any(piece):
                    raise ReadingError("a case whose condition is no equation")
        rows.append((value, tuple(conditions) or None))
    return Choice(tuple(rows))


def _struck(reader: Reader, part: Math) -> Term:
    """What is crossed out counts as zero; where it is an entry, one that there is not."""
    assert isinstance(part, Struck)
    try:
        inner = reader.inner(part.body)
    except ReadingError:
        return Num(Fraction(0))
    return Call("cancel", (inner,)) if isinstance(inner, Entry) else Num(Fraction(0))


RULES: dict[type[Math], Callable[[Reader, Math], Term]] = {
    Fence: _fence,
    Matrix: _matrix,
    Over: _fraction,
    Lines: _cases,
    Struck: _struck,
}
