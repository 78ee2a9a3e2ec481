"""Where mathematics may be broken, and how it is put on lines that are not too wide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from symconv.mathematics.tree import Math, Operator, Row, Sum, Word

__all__ = ["chunks", "fill", "lines", "pieces"]


def pieces(math: Math, held: Sequence[str] = ()) -> list[Math]:
    """What ``math`` may be broken into first: the terms of a sum with their signs, a list after its commas, or a row before its
    operators, those aside that are ``held`` to what they follow."""
    if isinstance(math, Sum):
        return [
            term if not i and sign > 0 else Row((Operator("−" if sign < 0 else "+"), term))
            for i, (sign, term) in enumerate(math.terms)
        ]
    if isinstance(math, Row) and Word(", ") in math.parts[:-1]:
        items: list[list[Math]] = [[]]
        for part in math.parts:
            items[-1].append(part)
            if part == Word(", "):
                items.append([])
        return [Row(tuple(item)) if len(item) > 1 else item[0] for item in items if item]
    if isinstance(math, Row):
        result: list[list[Math]] = [[]]
        for part in math.parts:
            # a sign that leads the row belongs to what follows it
            if (
                isinstance(part, Operator)
                and part.text not in held
                and any(not isinstance(before, Operator) for before in result[-1])
            ):
                result.append([])
            result[-1].append(part)
        if len(result) == 1 and len(math.parts) == 2 and isinstance(math.parts[0], Operator):
            first, *rest = pieces(math.parts[1], held)
            return [Row((math.parts[0], first)), *rest]
        return [Row(tuple(row)) if len(row) > 1 else row[0] for row in result]
    return [math]


def chunks(math: Math, held: Sequence[str] = ()) -> Iterator[Math]:
    """The smallest pieces that ``math`` can be broken into."""
    parts = pieces(math, held)
    if len(parts) == 1:
        yield math
    else:
        for part in parts:
            yield from chunks(part, held)


def lines(math: Math, width: Callable[[Math], float], limit: float) -> list[Math]:
    """``math`` on lines no wider than ``limit`` where it can be broken: a sum between its terms, and a term only if it has to."""
    if width(math) <= limit:
        return [math]
    parts = pieces(math)
    if len(parts) == 1:
        return parts
    result: list[Math] = []
    for row in fill(parts, width, limit):
        result += lines(row.parts[0], width, limit) if len(row.parts) == 1 else [row]
    return result


def fill(parts: Sequence[Math], width: Callable[[Math], float], limit: float) -> list[Row]:
    """``parts`` put on as few lines no wider than ``limit`` as go, and these as even as can be.

    A part wider than ``limit`` stands alone.
    """
    sizes = [width(part) for part in parts]
    rows = _filled(sizes, limit)
    narrow, wide = max(sizes, default=0.0), limit
    while wide - narrow > 1 and len(rows) > 1:  # the narrowest limit that needs no more lines
        middle = (narrow + wide) / 2
        if len(_filled(sizes, middle)) == len(rows):
            wide = middle
        else:
            narrow = middle
    return [Row(tuple(parts[i] for i in row)) for row in _filled(sizes, wide)]


def _filled(sizes: Sequence[float], limit: float) -> list[list[int]]:
    """The numbers of the parts on each line, as many on a line as go."""
    rows: list[list[int]] = []
    used = 0.0
    for i, size in enumerate(sizes):
        if rows and used + size <= limit:
            rows[-1].append(i)
            used += size
        else:
            rows.append([i])
            used = size
    return rows
