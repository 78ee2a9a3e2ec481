"""The engine of exact integers: run a function on numbers on which floats compute exactly, and compare.

The true gradients are polynomials of degree two (y: of degree two plus b). A polynomial of degree at most D that is not the
true one agrees with it at a random point, entries drawn from n values, with probability at most D/n (Schwartz 1980,
Zippel 1979); :func:`false_right` states the bound. Where a result is wrong its expression is recovered from basis vectors.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.polynomials import PolynomialTerms, array_of, variable
from symconv.audits.arrays import face_with
from symconv.audits.truth import Point, point
from symconv.layer.conv import Conv

__all__ = ["ROUNDS", "TooCostly", "as_numbers", "degrees", "false_right", "nonlinear_in", "recover"]

Array = NDArray[Any]
#: runs the function at a point and gives the outputs in PyTorch's layout
Run = Callable[[Point], Mapping[str, Array]]
#: the same at several points; None for each at which it raises
RunAll = Callable[[Sequence[Point]], Sequence[Mapping[str, Array] | None]]

#: points at which a result must be right where symbols could not follow the function
ROUNDS = 3

#: a coefficient tensor that needs more runs of the function than this is not recovered
MAX_RUNS = 3_000


class TooCostly(Exception):
    """The expression would take too many runs to recover."""


def false_right(size: int, rounds: int = ROUNDS, degree: int = 2) -> float:
    """The probability, at most, that a wrong polynomial of that degree is right at all points: ``(D / (2M + 1))**rounds``.

    >>> false_right(500) < 1e-8
    True
    """
    return min(1.0, degree / (2 * size + 1)) ** rounds


def as_numbers(value: Any) -> Array:
    """What a function returned as an array of numbers: NumPy's, or anything that converts (torch, jax, lists)."""
    if inspect.isgenerator(value) or inspect.isawaitable(value):
        kind = "generator" if inspect.isgenerator(value) else "coroutine"
        raise TypeError(f"a {kind} in place of the result: a function that returns arrays is called, no other")
    if hasattr(value, "detach"):
        value = value.detach()
    array = np.array(value)
    if array.dtype == object:
        array = array.astype(np.float64)
    if not (np.issubdtype(array.dtype, np.number) or array.dtype == bool):
        raise TypeError(f"an array of {array.dtype} in the result, not of numbers")
    return array


def nonlinear_in(run: RunAll, conv: Conv, seed: int, size: int, output: str, arrays: tuple[str, ...]) -> bool:
    """Whether an output is not affine in some argument in which the true one is linear: f(u + v) + f(0) = f(u) + f(v) or
    f(2u) + f(0) = 2 f(u) fails."""
    u, v = (point(conv, seed, number, size, arrays=face_with(output).arrays) for number in (101, 102))
    for name in arrays:
        entries = (u[name], v[name], u[name] + v[name], 2 * u[name], 0 * u[name])
        returned = run([u | {name: each} for each in entries])
        values = [r[output].astype(np.float64) for r in returned if r is not None and output in r]
        if len(values) < len(entries) or any(a.shape != values[0].shape for a in values):
            continue  # it raises on some values: not a matter of linearity
        first, second, both, twice, none = values
        tolerance = 1e-6 * max(float(np.abs(a).max(initial=0)) for a in values)
        if np.any(np.abs(first + second - both - none) > tolerance) or np.any(
            np.abs(2 * first - twice - none) > tolerance
        ):
            return True
    return False


def degrees(run: Run, at: Point, output: str) -> list[dict[str, int]]:
    """The degrees in x, w, b, dy of the homogeneous parts of an output: ``[{"w": 1, "dy": 1}]`` for a right dx.

    Found by scaling each argument by 0, 1 and 2 (and so up to degree 2 in each).
    """
    arrays = tuple(at)
    values = {}
    for scales in itertools.product((0, 1, 2), repeat=len(arrays)):
        result = run({name: at[name] * scale for name, scale in zip(arrays, scales, strict=True)})[output]
        values[scales] = result.astype(np.float64)
    if len({v.shape for v in values.values()}) > 1:
        raise TooCostly("the shape of the result depends on values")
    cube = np.array([values[s] for s in itertools.product((0, 1, 2), repeat=len(arrays))])
    cube = cube.reshape(*[3] * len(arrays), -1)
    # rows turn values at 0, 1, 2 into coefficients of 1, t, t**2
    to_coefficients = np.array([[1, 0, 0], [-1.5, 2, -0.5], [0.5, -1, 0.5]])
    for axis in range(len(arrays)):
        cube = np.moveaxis(np.tensordot(to_coefficients, cube, axes=(1, axis)), 0, axis)
    parts = []
    for exponents in itertools.product((0, 1, 2), repeat=len(arrays)):
        if np.any(np.abs(cube[exponents]) > 1e-9 * (1 + np.abs(cube).max())):
            parts.append({name: e for name, e in zip(arrays, exponents, strict=True) if e})
    return parts


def recover(run: Run, at: Point, output: str) -> list[PolynomialTerms]:
    """The terms of each entry of an output, in C order, exactly, from runs on sums of basis vectors.

    A part of degree (1, 1) in two arguments costs one run for each pair of entries; TooCostly beyond MAX_RUNS, and for
    outputs that are no polynomial of degree at most 3. The result is checked at ``at``.
    """
    parts = degrees(run, at, output)
    if any(sum(part.values()) > 3 for part in parts):
        raise TooCostly("the result is no polynomial of degree up to 3")
    cost = sum(_runs(part, at) for part in parts)
    if cost > MAX_RUNS:
        raise TooCostly(f"{cost:,} runs would be needed")
    zero = {name: np.zeros_like(array) for name, array in at.items()}
    cache: dict[tuple[tuple[str, int], ...], Array] = {}

    def at_sum(entries: tuple[tuple[str, int], ...]) -> Array:
        """The output where the named entries are one (more for those named twice) and all others zero."""
        if entries not in cache:
            where = {name: array.copy() for name, array in zero.items()}
            for name, flat in entries:
                where[name].reshape(-1)[flat] += 1
            cache[entries] = run(where)[output].astype(np.float64).reshape(-1)
        return cache[entries]

    terms: list[PolynomialTerms] = [{} for _ in range(at_sum(()).size)]
    for part in parts:
        for monomial in _monomials(part, at):
            # inclusion-exclusion leaves the coefficient of this monomial, times the factorials of its exponents
            total = np.zeros(len(terms))
            for size in range(len(monomial) + 1):
                for chosen in itertools.combinations(monomial, size):
                    total += (-1) ** (len(monomial) - size) * at_sum(chosen)
            scale = _repeats(monomial)
            key = tuple(sorted(variable(name, flat) for name, flat in monomial))
            for entry in np.flatnonzero(np.abs(total) > 1e-9):
                value = Fraction(float(total[entry])).limit_denominator(10_000) / scale
                terms[entry][key] = value.numerator if value.denominator == 1 else value
    claimed = np.array([evaluate(entry, at) for entry in terms])
    if not np.allclose(claimed, run(at)[output].astype(np.float64).reshape(-1), rtol=1e-9, atol=1e-9):
        raise TooCostly("the result is no polynomial of degree up to 3")
    return terms


def evaluate(terms: PolynomialTerms, at: Point) -> float:
    """The value of one entry's terms at a point."""
    total = 0.0
    for monomial, coefficient in terms.items():
        product = float(coefficient)
        for name, flat in map(array_of, monomial):
            product *= float(at[name].reshape(-1)[flat])
        total += product
    return total


def _repeats(monomial: tuple[tuple[str, int], ...]) -> int:
    scale = 1
    for _, group in itertools.groupby(monomial):
        for i in range(2, len(list(group)) + 1):
            scale *= i
    return scale


def _monomials(part: Mapping[str, int], at: Point) -> Iterator[tuple[tuple[str, int], ...]]:
    choices = [
        itertools.combinations_with_replacement([(name, i) for i in range(at[name].size)], exponent)
        for name, exponent in part.items()
    ]
    for chosen in itertools.product(*choices):
        yield tuple(itertools.chain.from_iterable(chosen))


def _runs(part: Mapping[str, int], at: Point) -> int:
    count = 1
    for name, exponent in part.items():
        for i in range(exponent):
            count = count * (at[name].size + i) // (i + 1)
    return count
