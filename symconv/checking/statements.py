"""From typeset mathematics to statements: lines, chains of relations, systems and ranges."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from symconv.checking.colons import with_colons
from symconv.checking.expressions import Expression
from symconv.checking.letters import (
    RELATIONS,
    STARS,
    ReadingError,
    UnfinishedError,
    between,
    is_blank,
    name_of,
    parts_of,
    stem_of,
)
from symconv.checking.sigma import beside_sigma
from symconv.checking.spelling import spelled
from symconv.checking.terms import (
    Seq,
    Statement,
)
from symconv.mathematics.of_latex import WIDE, Lines, Text
from symconv.mathematics.tree import Fence, Fraction, Math, Operator, Row, Word

__all__ = ["ReadingError", "UnfinishedError", "statements"]

#: signs with which a line goes on from the one before it
CONTINUING = {"=", "+", "−", "·", "×", "↑", "↓", *STARS}


def statements(math: Math, arrays: Collection[str]) -> list[Statement]:
    """Everything that ``math`` states, in order; ReadingError where it cannot be read."""
    told = (with_colons(each) for each in _Statements(arrays).of(spelled(math)))
    return [replace(each, sides=tuple(beside_sigma(side) for side in each.sides)) for each in told]


class _Statements:
    def __init__(self, arrays: Collection[str]) -> None:
        self.arrays = arrays

    def of(self, math: Math) -> list[Statement]:
        parts = unlabelled(apart_by_space(parts_of(math)), self.arrays)
        while parts and parts[0] in (Operator("⇒"), Operator("→"), Operator("⇔")):
            parts = parts[1:]
        while parts and parts[-1] in (Operator(","), Operator("."), Operator(";")):
            parts = parts[:-1]
        if len(parts) == 1 and isinstance(parts[0], Lines):
            return self.lines(parts[0])
        for at, part in enumerate(parts):  # an environment with something before or after it on the line
            if isinstance(part, Lines) and part.kind in ("align", "aligned", "align*", "lines", "split", "gathered"):
                told = [*self.of(Row(tuple(parts[:at])))] if at else []
                return told + self.lines(part) + (self.of(Row(tuple(parts[at + 1 :]))) if at + 1 < len(parts) else [])
        return self.row(parts)

    def lines(self, lines: Lines) -> list[Statement]:
        rows: list[list[Math]] = []
        for cells in lines.rows:
            parts: list[Math] = []
            for cell in cells:
                inner = unlabelled(apart_by_space(parts_of(cell)), self.arrays)
                if _comment(inner, parts):
                    continue
                parts += inner
            if not parts:
                continue
            first = parts[0]
            if rows and isinstance(first, Operator) and first.text in CONTINUING and not _system(lines):
                rows[-1] += parts
            elif rows and isinstance(first, Row) and first == Row(()) and len(parts) > 1:
                rows[-1] += parts[1:]
            else:
                rows.append(parts)
        told: list[Statement] = []
        for parts in rows:
            nested = self.of(Row(tuple(parts)))
            told += [replace(s, system=True) for s in nested] if _system(lines) else nested
        return told

    def row(self, parts: list[Math]) -> list[Statement]:
        """A line: perhaps several statements between commas, with ranges and words after them."""
        notes: list[str] = []
        pieces: list[list[Math]] = [[]]
        if parts[:1] == [Operator("∀")] and Operator(":") in parts:  # for all i: what holds of it
            parts = parts[parts.index(Operator(":")) + 1 :]
        for part in parts:
            if part == Operator("∀") and any(pieces):
                pieces.append([part])
            elif (
                isinstance(part, Text)
                or part in (Operator(";"), Operator("⇒"), Operator("⇔"))
                or (part == Operator(",") and _splits(parts))
            ):
                pieces.append([])
            else:
                pieces[-1].append(part)
        told: list[Statement] = []
        for piece in pieces:
            while piece and piece[-1] in (Operator(","), Operator("."), Operator(":")):
                piece = piece[:-1]
            if not piece or piece[0] == Operator("∀"):
                continue
            relation = next((p.text for p in piece if isinstance(p, Operator) and p.text in RELATIONS), None)
            if relation == "∈" or (told and relation in ("≤", "≥", "<", ">") and told[-1].signs):
                if told:
                    continue  # where the statement before it is said to hold
                told.append(self.range(piece))
                continue
            if relation is None and told and told[-1].signs:
                told[-1] = replace(told[-1], where=(*told[-1].where, *self.conditions(piece)))
                continue
            told.append(self.chain(piece, tuple(notes)))
        return told

    def conditions(self, piece: list[Math]) -> tuple[Statement, ...]:
        """What stands in brackets after a statement, where that is a comparison."""
        inside = parts_of(piece[0].body) if len(piece) == 1 and isinstance(piece[0], Fence) else []
        compares = any(isinstance(p, Operator) and p.text in ("<", ">", "≤", "≥") for p in inside)
        signs = (Operator("<"), Operator(">"))
        if len(piece) > 1 and any(isinstance(p, Fence) and q in parts_of(p.body) for p in piece for q in signs):
            raise ReadingError("a condition with something beside its brackets")
        return (self.chain(inside, ()),) if compares else ()

    def range(self, piece: list[Math]) -> Statement:
        at = next(i for i, p in enumerate(piece) if p == Operator("∈"))
        left = [Expression(self.arrays, part).whole() for part in between(piece[:at], ",")]
        right = list(piece[at + 1 :])
        if len(right) != 1 or not isinstance(right[0], Fence):
            raise ReadingError("a range that is no interval")
        ends = between(parts_of(right[0].body), ",")
        return Statement((Seq(tuple(left)), Seq(tuple(Expression(self.arrays, end).whole() for end in ends))), ("∈",))

    def chain(self, piece: list[Math], notes: tuple[str, ...]) -> Statement:
        sides: list[list[Math]] = [[]]
        signs: list[str] = []
        for part in piece:
            if isinstance(part, Operator) and part.text in RELATIONS:
                if part.text == "=" and sides[-1] and sides[-1][-1] == Operator("+"):
                    sides[-1].pop()  # +=
                    signs.append("+=")
                elif part.text == "=" and sides[-1] and sides[-1][-1] == Operator(":"):
                    sides[-1].pop()
                    signs.append("=")
                else:
                    signs.append(part.text)
                sides.append([])
            else:
                sides[-1].append(part)
        if not sides[0] and len(sides) > 1:
            sides, signs = sides[1:], signs[1:]
            notes = (*notes, "continues")
        terms = []
        told = list(notes)
        for side in sides:
            reader = Expression(self.arrays, side)
            terms.append(reader.whole())
            told += reader.notes
        return Statement(tuple(terms), tuple(signs), tuple(told))


def apart_by_space(parts: Sequence[Math]) -> list[Math]:
    """The parts without what is blank; a wide space between two equations separates them."""
    pieces: list[list[Math]] = [[]]
    for part in parts:
        if part == Text(WIDE):
            pieces.append([])
        elif not is_blank(part):
            pieces[-1].append(part)
    found: list[Math] = []
    for piece in pieces:
        both = all(Operator("=") in each[1:] for each in (found, piece))
        found += [Operator(";"), *piece] if both else piece
    return found


def unlabelled(parts: list[Math], arrays: Collection[str]) -> list[Math]:
    """The parts without a number in brackets at the end, which is the equation's where no array stands before it."""
    last = parts[-1] if parts else None
    before = parts[-2] if len(parts) > 1 else Row(())
    name = name_of(before)
    gradient = isinstance(before, Fence) and isinstance(before.body, Fraction)
    if gradient or (name is not None and name[1] is None and stem_of(name[0]) in arrays):
        return parts
    label = isinstance(last, Fence) and last.left == "(" and isinstance(last.body, Word) and last.body.text.isdigit()
    return parts[:-1] if label and Operator("=") in parts else parts


def _comment(inner: list[Math], before: list[Math]) -> bool:
    """Whether a cell says something about the line instead of going on with it."""
    if not inner or not before:
        return False
    if inner[:2] == [Operator("/"), Operator("/")]:
        return True
    first = next((p.text for p in inner if isinstance(p, Operator) and p.text in RELATIONS), None)
    starts = isinstance(inner[0], Operator) and inner[0].text in RELATIONS
    return first == "∈" and not starts and any(p == Operator("=") for p in before)


def _system(lines: Lines) -> bool:
    return "cases" in lines.kind


def _splits(parts: Sequence[Math]) -> bool:
    """Whether commas at the top separate statements."""
    pieces = between(parts, ",")
    with_relation = [p for p in pieces if any(isinstance(q, Operator) and q.text in RELATIONS for q in p)]
    if len(with_relation) == 1 and any(q == Operator("∈") for q in with_relation[0]):
        return with_relation[0] is not pieces[-1]
    return len(with_relation) >= 1
