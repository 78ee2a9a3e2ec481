r"""Cook-Toom and Winograd algorithms, derived: the relation of one axis as a sum of few products.

A tile of m outputs of a correlation with r taps needs m + r - 1 inputs. Its relation R = {(o, k, i) : i = o + k} is a tensor
of zeros and ones, and a decomposition of it into n rank-one terms

    sum over q of  A[o, q] * G[q, k] * B[q, i]  =  [i = o + k]        for every o < m, k < r, i < m + r - 1

is an algorithm with n products. Like the loss it is trilinear, so it is read three ways, by the factor left out:

    y = A ((G w) * (B x))        dw = G^T ((A^T dy) * (B x))        dx = B^T ((A^T dy) * (G w))

Cook and Toom's construction reaches n = m + r - 1, the least possible: evaluate two polynomials at m + r - 2 points and at
infinity, multiply, interpolate; transposed, it is a correlation. Several axes nest: their matrices are Kronecker products.
Sources: A. Toom 1963; S. Cook 1966; S. Winograd, Arithmetic Complexity of Computations, 1980; A. Lavin and S. Gray 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from math import prod
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from symconv.fast import interpolation
from symconv.fast.interpolation import construct

__all__ = ["MAX_PRODUCTS", "POINTS", "BilinearAlgorithm", "Derivation", "algorithm", "derivation", "measured_error"]

#: interpolation points in the order in which they are taken
POINTS: tuple[sympy.Rational, ...] = tuple(sympy.Rational(p.numerator, p.denominator) for p in interpolation.POINTS)

#: products of one axis beyond which no algorithm is built: its error would be larger than its result
MAX_PRODUCTS = len(POINTS) + 1


@dataclass(frozen=True)
class BilinearAlgorithm:
    """F(m, r): m outputs of a correlation with r taps on one axis, by n = m + r - 1 products.

    ``A`` (m, n) and ``B`` (n, n) are integer matrices; the fractions of the interpolation are all in ``G`` (n, r).
    """

    tile: int
    kernel: int
    points: tuple[sympy.Rational, ...]
    A: sympy.ImmutableMatrix
    G: sympy.ImmutableMatrix
    B: sympy.ImmutableMatrix

    @property
    def products(self) -> int:
        """n, the rank of the decomposition."""
        return self.tile + self.kernel - 1

    @property
    def name(self) -> str:
        return f"F({self.tile}, {self.kernel})"

    def residual(self) -> dict[tuple[int, int, int], sympy.Expr]:
        """Where the sum of products differs from [i = o + k], with the difference; exact, so empty when right."""
        A, G, B = (np.array(matrix.tolist(), dtype=object) for matrix in (self.A, self.G, self.B))
        total = np.einsum("oq,qk,qi->oki", A, G, B)
        result = {}
        for o, k, i in np.ndindex(*total.shape):
            difference = total[o, k, i] - (1 if i == o + k else 0)
            if difference != 0:
                result[int(o), int(k), int(i)] = difference
        return result

    @property
    def ok(self) -> bool:
        """Whether the decomposition equals the relation at every (o, k, i)."""
        return not self.residual()

    @cached_property
    def denominators(self) -> tuple[int, ...]:
        """For each row of G the least number that makes it whole."""
        return tuple(int(sympy.ilcm(1, *(g.q for g in self.G.row(q)))) for q in range(self.products))

    def integers(self) -> dict[str, tuple[tuple[int, ...], ...]]:
        """A, B and G times its rows' ``denominators``, as plain numbers."""
        whole = sympy.diag(*self.denominators) * self.G
        return {
            name: tuple(tuple(int(entry) for entry in matrix.row(q)) for q in range(matrix.rows))
            for name, matrix in (("A", self.A), ("G", whole), ("B", self.B))
        }

    def __repr__(self) -> str:
        points = ", ".join([*map(str, self.points), "infinity"])
        return f"<{self.name}: {self.products} products for {self.tile * self.kernel}, points {points}>"


@lru_cache(maxsize=256)
def algorithm(tile: int, kernel: int, points: tuple[Any, ...] | None = None) -> BilinearAlgorithm:
    """F(tile, kernel) by interpolation at ``points`` (tile + kernel - 2 different rationals; infinity is always one more).

    Raises ValueError for sizes below 1, more than ``MAX_PRODUCTS`` products, or points that are too few or not different.

    >>> algorithm(2, 3).ok, algorithm(2, 3).products
    (True, 4)
    """
    if tile < 1 or kernel < 1:
        raise ValueError(f"tile {tile} and kernel {kernel} must be at least 1")
    n = tile + kernel - 1
    if points is None and n > MAX_PRODUCTS:
        raise ValueError(f"F({tile}, {kernel}) has {n} products on an axis, more than {MAX_PRODUCTS}")
    chosen = tuple(map(sympy.Rational, POINTS[: n - 1] if points is None else points))
    if len(chosen) != n - 1 or len(set(chosen)) != n - 1:
        raise ValueError(
            f"F({tile}, {kernel}) interpolates at {n - 1} different points besides infinity, got {', '.join(map(str, chosen))}"
        )
    A, G, B = construct(tile, kernel, [Fraction(p.p, p.q) for p in chosen])
    result = BilinearAlgorithm(
        tile, kernel, chosen, sympy.ImmutableMatrix(A), sympy.ImmutableMatrix(G), sympy.ImmutableMatrix(B)
    )
    if not result.ok:
        raise ArithmeticError(f"{result!r} differs from the relation: {result.residual()}")
    return result


def measured_error(
    algorithms: Sequence[BilinearAlgorithm], dtype: Any = np.float32, samples: int = 2000, channels: int = 16
) -> float:
    """``||err|| / ||y||`` of the nested algorithm in ``dtype`` on normal random tiles, against the direct sum in float64.

    One algorithm for each axis; the products are summed over ``channels``, as a layer does. Reproducible.
    """
    rng = np.random.default_rng(0)
    inputs, taps = [a.products for a in algorithms], [a.kernel for a in algorithms]
    x, w = rng.standard_normal((samples, channels, *inputs)), rng.standard_normal((channels, *taps))
    truth = np.zeros((samples, *(a.tile for a in algorithms)))
    for k in np.ndindex(*taps):
        part: Any = tuple(slice(tap, tap + a.tile) for tap, a in zip(k, algorithms, strict=True))
        truth += np.tensordot(x[(..., *part)], w[(slice(None), *k)], (1, 0))
    V, U = x.astype(dtype), w.astype(dtype)
    for axis, each in enumerate(algorithms):
        V = _along(each.B, V, axis + 2)
        U = _along(each.G, U, axis + 1)
    y = (V * U).sum(axis=1, dtype=dtype)
    for axis, each in enumerate(algorithms):
        y = _along(each.A, y, axis + 1)
    return float(np.linalg.norm(y - truth) / np.linalg.norm(truth))


def _along(matrix: sympy.ImmutableMatrix, array: NDArray[Any], axis: int) -> NDArray[Any]:
    values = np.array(matrix.tolist(), dtype=float).astype(array.dtype)
    return np.moveaxis(np.tensordot(values, array, (1, axis)), 0, axis)


@dataclass(frozen=True)
class Derivation:
    """An algorithm for each axis, nested, with its exact check, for reading: ``text()``, ``latex()``, ``to_dict()``.

    ``multiplications`` counts the products of two variables for one tile of one channel and filter; ``direct`` those of the
    sum itself.
    """

    axes: tuple[BilinearAlgorithm, ...]

    @property
    def ok(self) -> bool:
        """Whether every axis's decomposition equals its relation, hence their Kronecker product that of all axes."""
        return all(each.ok for each in self.axes)

    @property
    def name(self) -> str:
        return " x ".join(each.name for each in self.axes)

    @property
    def multiplications(self) -> int:
        return prod(each.products for each in self.axes)

    @property
    def direct(self) -> int:
        return prod(each.tile * each.kernel for each in self.axes)

    @property
    def scope(self) -> str:
        """What the verdict covers."""
        return (
            "exact, at every (o, k, i) of a tile; hence for every layer of stride 1 with these taps, whatever its size"
        )

    def _distinct(self) -> list[BilinearAlgorithm]:
        return list(dict.fromkeys(self.axes))

    def text(self) -> str:
        """Matrices, check and counts as plain text."""
        lines = [f"{self.name}: {self.multiplications} multiplications for each tile instead of {self.direct}", ""]
        for each in self._distinct():
            points = ", ".join([*map(str, each.points), "infinity"])
            lines += [f"{each.name}, points {points}", ""]
            for name in "AGB":
                lines += [f"{name} =", *_indented(sympy.pretty(getattr(each, name), use_unicode=False)), ""]
            count = each.tile * each.kernel * each.products
            verdict = f"holds at all {count}" if each.ok else f"fails at {len(each.residual())} of {count}"
            lines += [f"sum over q of A[o, q] G[q, k] B[q, i] = [i = o + k]: {verdict} (o, k, i)", ""]
        lines += ["y = A ((G w) * (B x))    dw = G^T ((A^T dy) * (B x))    dx = B^T ((A^T dy) * (G w))"]
        if len(self.axes) > 1:
            lines.append("On several axes each matrix is applied along every axis (the Kronecker product).")
        return "\n".join(lines) + "\n"

    def latex(self) -> str:
        """Matrices, check, readings and counts as a LaTeX fragment (amsmath), indices 1-based."""
        parts = []
        for each in self._distinct():
            points = ",\\ ".join([*map(sympy.latex, each.points), r"\infty"])
            parts += [rf"F({each.tile},{each.kernel})\text{{, points }} {points}:"]
            parts += [" ,\\quad ".join(f"{name} = {sympy.latex(getattr(each, name))}" for name in ("A", "G"))]
            parts += [f"B = {sympy.latex(each.B)}"]
            relation = r"\sum_{q} A_{oq}\, G_{qk}\, B_{qi} = \begin{cases} 1 & i = o + k - 1 \\ 0 & \text{otherwise} \end{cases}"
            sizes = rf"o \le {each.tile},\ k \le {each.kernel},\ i \le {each.products}"
            mark = r"\text{ (checked exactly)}" if each.ok else r"\text{ (does not hold)}"
            parts += [rf"{relation} \qquad {sizes}{mark}"]
        parts += [
            r"y = A \bigl( (G w) \odot (B x) \bigr), \quad \mathrm{d}w = G^{\mathsf T} \bigl( (A^{\mathsf T} \mathrm{d}y) \odot "
            r"(B x) \bigr), \quad \mathrm{d}x = B^{\mathsf T} \bigl( (A^{\mathsf T} \mathrm{d}y) \odot (G w) \bigr)",
            rf"\text{{multiplications for each tile: }} {self.multiplications} \text{{ instead of }} {self.direct}",
        ]
        return "\n".join(rf"\[ {part} \]" for part in parts) + "\n"

    def _repr_latex_(self) -> str:
        return self.latex()

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "ok": self.ok,
            "scope": self.scope,
            "multiplications": self.multiplications,
            "direct": self.direct,
            "axes": [
                {
                    "tile": each.tile,
                    "kernel": each.kernel,
                    "points": [*map(str, each.points), "infinity"],
                    **{name: [[str(v) for v in row] for row in getattr(each, name).tolist()] for name in "AGB"},
                }
                for each in self.axes
            ],
        }

    def __repr__(self) -> str:
        verdict = "exact" if self.ok else "does not hold"
        return f"<{self.name}: {self.multiplications} multiplications instead of {self.direct}, {verdict}>"


def derivation(
    tile: int | Sequence[int], kernel: int | Sequence[int], points: Sequence[Any] | None = None
) -> Derivation:
    """The nested algorithm with a tile of so many outputs and so many taps on each axis, derived and checked.

    ``points`` are used on every axis; left out, each axis takes the first of ``POINTS``. ValueError where the number of
    axes differs or an axis has no algorithm.

    >>> derivation((2, 2), (3, 3))
    <F(2, 3) x F(2, 3): 16 multiplications instead of 36, exact>
    """
    tiles = (tile,) if isinstance(tile, int) else tuple(tile)
    kernels = (kernel,) if isinstance(kernel, int) else tuple(kernel)
    axes = max(len(tiles), len(kernels))
    if {len(tiles), len(kernels)} - {1, axes}:
        raise ValueError(f"tile {tile} has {len(tiles)} axes, kernel {kernel} has {len(kernels)}")
    tiles, kernels = (values * axes if len(values) == 1 else values for values in (tiles, kernels))
    given = None if points is None else tuple(points)
    return Derivation(tuple(algorithm(m, r, given) for m, r in zip(tiles, kernels)))


def _indented(text: str) -> list[str]:
    return [f"    {line}".rstrip() for line in text.splitlines()]
