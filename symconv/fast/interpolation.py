r"""Cook and Toom's construction in exact fractions: matrices of F(m, r) from interpolation points.

    sum over q of  A[o, q] * G[q, k] * B[q, i]  =  [i = o + k]        o < m, k < r, i < n = m + r - 1

A product of two polynomials is evaluated at n - 1 points and at infinity and interpolated; transposed, it is a correlation. A
and B are made whole, G takes the fractions. :mod:`symconv.fast.winograd` derives the same for reading, with its exact check.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from math import lcm, prod
from typing import NamedTuple

__all__ = ["POINTS", "WINOGRAD_SIZES", "Algorithm", "construct", "table"]

#: interpolation points in the order in which they are taken: small ones first, +a beside -a (halves the additions)
POINTS: tuple[Fraction, ...] = tuple(
    Fraction(p) for p in ("0", "1", "-1", "2", "-2", "1/2", "-1/2", "4", "-4", "1/4", "-1/4", "3", "-3", "1/3", "-1/3")
)

#: (tile, taps) of the library's algorithms; more products than about six an axis cost float32 its accuracy
WINOGRAD_SIZES = ((1, 1), (2, 2), (4, 2), (2, 3), (3, 3), (4, 3), (2, 4), (2, 5))

Whole = tuple[tuple[int, ...], ...]
Rows = tuple[tuple[Fraction, ...], ...]


class Algorithm(NamedTuple):
    """A (m, n), G (n, r) times its rows' ``denominators``, B (n, n): all whole numbers."""

    A: Whole
    G: Whole
    B: Whole
    denominators: tuple[int, ...]


def construct(tile: int, kernel: int, points: Sequence[Fraction]) -> tuple[Whole, Rows, Whole]:
    """A, G and B of F(tile, kernel) at tile + kernel - 2 different points and infinity."""
    n = tile + kernel - 1
    A: list[list[Fraction]] = []
    G: list[list[Fraction]] = []
    B: list[list[Fraction]] = []
    for p in points:
        others = [other for other in points if other != p]
        A.append([p**o for o in range(tile)])
        G.append([p**k / prod(p - other for other in others) for k in range(kernel)])
        B.append(_coefficients(others, n))
    A.append([Fraction(o == tile - 1) for o in range(tile)])
    G.append([Fraction(k == kernel - 1) for k in range(kernel)])
    B.append(_coefficients(points, n))
    for q in range(n):
        a, b = (lcm(*(v.denominator for v in rows[q])) for rows in (A, B))
        sign = -1 if next(v for v in reversed(B[q]) if v) < 0 else 1
        A[q], B[q] = [a * v for v in A[q]], [sign * b * v for v in B[q]]
        G[q] = [sign * v / (a * b) for v in G[q]]
    return _whole(zip(*A)), tuple(map(tuple, G)), _whole(B)


@lru_cache(maxsize=64)
def table(tile: int, taps: int) -> Algorithm:
    """The library's algorithm F(tile, taps), on the first of ``POINTS``."""
    A, G, B = construct(tile, taps, POINTS[: tile + taps - 2])
    denominators = tuple(lcm(*(g.denominator for g in row)) for row in G)
    return Algorithm(A, _whole([g * n for g in row] for row, n in zip(G, denominators)), B, denominators)


def _coefficients(roots: Sequence[Fraction], length: int) -> list[Fraction]:
    """Coefficients of 1, x, x**2, ... of the product of x - root, so many of them."""
    result = [Fraction(1)]
    for root in roots:
        result = [a - root * b for a, b in zip([Fraction(0), *result], [*result, Fraction(0)])]
    return result + [Fraction(0)] * (length - len(result))


def _whole(rows: Iterable[Iterable[Fraction]]) -> Whole:
    return tuple(tuple(int(v) for v in row) for row in rows)
