"""Mathematics as a tree, before it is set in any alphabet: LaTeX, Unicode text and MathML are printed from it.

Characters in it are Unicode (``⋆``, ``Σ``, ``…``); each printer has a table for what it writes differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "Above", "Below", "Equation", "Fence", "Fraction", "Math", "Matrix", "Operator", "Product", "Row", "Struck", "Sum",
    "Total", "Word", "listed", "separated",
]  # fmt: skip


class Math:
    """A piece of mathematics."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Word(Math):
    """A name, a number or a sign that stands by itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Operator(Math):
    """A sign between two things: ``=``, ``⋆``, ``+``."""

    text: str


@dataclass(frozen=True, slots=True)
class Below(Math):
    """``base`` with a subscript."""

    base: Math
    sub: Math


@dataclass(frozen=True, slots=True)
class Above(Math):
    """``base`` with a superscript."""

    base: Math
    sup: Math


@dataclass(frozen=True, slots=True)
class Row(Math):
    """Things side by side."""

    parts: tuple[Math, ...]


@dataclass(frozen=True, slots=True)
class Product(Math):
    """Factors side by side; ``apart`` sets a small space between factors with long indices."""

    factors: tuple[Math, ...]
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Sum(Math):
    """Terms with their signs, +1 or -1; a long sum is broken before a sign."""

    terms: tuple[tuple[int, Math], ...]


@dataclass(frozen=True, slots=True)
class Fence(Math):
    """``body`` in brackets: round ones, or floors."""

    body: Math
    left: str = "("
    right: str = ")"


@dataclass(frozen=True, slots=True)
class Struck(Math):
    """``body`` crossed out: it counts as zero."""

    body: Math


@dataclass(frozen=True, slots=True)
class Fraction(Math):
    """``top`` over ``bottom``."""

    top: Math
    bottom: Math


@dataclass(frozen=True, slots=True)
class Total(Math):
    """A summation sign with its limits; what is summed follows it."""

    under: tuple[Math, ...] = ()
    over: Math | None = None


@dataclass(frozen=True, slots=True)
class Matrix(Math):
    """Rows of equal length in square brackets."""

    rows: tuple[tuple[Math, ...], ...]


@dataclass(frozen=True, slots=True)
class Equation:
    """``left`` related to each of ``steps`` in turn: ``((sign, side), ...)``; ``note`` counts what a side leaves out."""

    left: Math
    steps: tuple[tuple[str, Math], ...]
    note: int | None = None

    @staticmethod
    def of(left: Math, *sides: Math, note: int | None = None) -> Equation:
        """``left = side = side ...``."""
        return Equation(left, tuple(("=", side) for side in sides), note)


def separated(parts: Sequence[Math], wide: bool = False) -> Math:
    """The parts with commas between them, and with spaces too if ``wide`` or if a part is itself composed."""
    comma = Word(", " if wide or any(isinstance(part, (Sum, Product, Row)) for part in parts) else ",")
    result: list[Math] = []
    for part in parts:
        result += [comma, part] if result else [part]
    return result[0] if len(result) == 1 else Row(tuple(result))


def listed(math: Math) -> tuple[Math, ...]:
    """The equations of a list, each of which may stand in a line of text by itself; anything else is one part.

    >>> a, b = (Row((Word(name), Operator("="), Word("1"))) for name in "ab")
    >>> listed(separated([a, b])) == (a, b), listed(Word("a"))
    (True, (Word(text='a'),))
    """
    if not isinstance(math, Row) or len(math.parts) < 3 or any(part != Word(", ") for part in math.parts[1::2]):
        return (math,)
    equations = all(isinstance(part, Row) and Operator("=") in part.parts for part in math.parts[::2])
    return math.parts[::2] if equations else (math,)
