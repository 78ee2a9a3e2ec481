"""What words and stars do to arrays: borders, zeros between, flips, windows as rows, correlations."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.polynomials import Polynomial
from symconv.checking.model import Model, Unreadable, constant
from symconv.checking.terms import Call, Mul, Name, Seq, Term
from symconv.layer.padding import MODES, OUTSIDE

__all__ = [
    "Shapes",
    "BORDERS",
    "amounts",
    "border_named",
    "pads_input",
    "bordered",
    "derivative",
    "folded",
    "row_of",
    "spread",
    "starred",
    "turned",
    "windows",
]


class Shapes(Unreadable):
    """A product whose shapes do not fit."""


def bordered(array: NDArray[Any], widths: list[int]) -> NDArray[Any]:
    lead = array.ndim - len(widths)
    shape = tuple(n + 2 * w for n, w in zip(array.shape, [0] * lead + widths, strict=True))
    result = np.empty(shape, dtype=object)
    for at in np.ndindex(shape):
        result[at] = constant(0)
    result[tuple(slice(w, w + n) for n, w in zip(array.shape, [0] * lead + widths, strict=True))] = array
    return result


def turned(array: NDArray[Any], dims: int) -> NDArray[Any]:
    """Space turned round; what stands before its axes stays."""
    return np.flip(array, tuple(range(-min(dims, array.ndim), 0)))


def row_of(value: NDArray[Any], dims: int) -> NDArray[Any]:
    """A row written out is the axis of a layer that has one."""
    return value.reshape(-1) if dims == 1 and value.ndim == 2 and value.shape[0] == 1 else value


def starred(left: NDArray[Any], right: NDArray[Any], meaning: str, mode: str) -> Any:
    """A correlation of two arrays, or a convolution: what the smaller one slides over the other."""
    left, right = (
        a[:, 0] if a.ndim == 2 and a.shape[1] == 1 and b.ndim == 1 else a for a, b in ((left, right), (right, left))
    )
    if left.ndim != right.ndim:
        raise Unreadable("a star between arrays of different rank")
    if mode != "full" and left.size < right.size:
        left, right = right, left
    if meaning == "convolution":
        right = np.flip(right)
    if mode == "full":
        left = bordered(left, [n - 1 for n in right.shape])
    shape = tuple(a - b + 1 for a, b in zip(left.shape, right.shape, strict=True))
    if min(shape) < 1:
        raise Shapes("a star whose filter sticks out of what it slides over")
    result = np.empty(shape, dtype=object)
    for at in np.ndindex(shape):
        window = left[tuple(slice(i, i + n) for i, n in zip(at, right.shape, strict=True))]
        result[at] = sum((p * q for p, q in zip(window.reshape(-1), right.reshape(-1), strict=True)), constant(0))
    return result.reshape(-1)[0] if result.size == 1 else result


def spread(value: NDArray[Any], by: Sequence[int]) -> NDArray[Any]:
    """Zeros between neighbours."""
    result = np.empty(tuple((size - 1) * n + 1 for size, n in zip(value.shape, by, strict=True)), dtype=object)
    for at in np.ndindex(result.shape):
        result[at] = constant(0)
    result[tuple(slice(None, None, n) for n in by)] = value
    return result


def windows(model: Model, array: NDArray[Any]) -> NDArray[Any]:
    """im2col: a row for each output, the entries of x under the kernel in it."""
    conv = model.conv
    if array.ndim != model.dims or array.shape != conv.input or conv.transposed:
        raise Unreadable("im2col of something that is not x with one channel")
    rows = []
    for o in np.ndindex(*conv.output):
        places = [_place(model, o, k) for k in np.ndindex(*conv.kernel)]
        inside = [all(0 <= i < n for i, n in zip(at, conv.input, strict=True)) for at in places]
        rows.append([array[at] if ok else constant(0) for at, ok in zip(places, inside, strict=True)])
    return _matrix(rows)


def folded(model: Model, columns: NDArray[Any]) -> NDArray[Any]:
    """col2im: the entries of a matrix added where :func:`windows` took them from."""
    conv = model.conv
    taps = list(np.ndindex(*conv.kernel))
    outputs = list(np.ndindex(*conv.output))
    if columns.shape != (len(outputs), len(taps)):
        raise Shapes(f"col2im of {' x '.join(map(str, columns.shape))} where {len(outputs)} x {len(taps)} is due")
    result = np.empty(conv.input, dtype=object)
    for at in np.ndindex(result.shape):
        result[at] = constant(0)
    for (i, o), (j, k) in itertools.product(enumerate(outputs), enumerate(taps)):
        at = _place(model, o, k)
        if all(0 <= m < n for m, n in zip(at, conv.input, strict=True)):
            result[at] = result[at] + columns[i, j]
    return result


def _place(model: Model, o: Sequence[int], k: Sequence[int]) -> tuple[int, ...]:
    conv = model.conv
    return tuple(
        s * i + d * j - p for i, j, s, d, (p, _) in zip(o, k, conv.stride, conv.dilation, conv.padding, strict=True)
    )


def _matrix(rows: Sequence[Sequence[Any]]) -> NDArray[Any]:
    result = np.empty((len(rows), len(rows[0])), dtype=object)
    for at in np.ndindex(result.shape):
        result[at] = rows[at[0]][at[1]]
    return result


def derivative(above: Polynomial, by: Polynomial) -> Polynomial:
    """The derivative by one variable."""
    ((key,),) = by.terms
    found: dict[tuple[int, ...], int | Fraction] = {}
    for monomial, coefficient in above.terms.items():
        times = monomial.count(key)
        if times:
            rest = list(monomial)
            rest.remove(key)
            found[tuple(rest)] = coefficient * times
    return Polynomial(found)


def amounts(model: Model, term: Term, ndim: int, env: Mapping[str, int]) -> list[int]:
    """A number for each axis: the same letter's there, or one of those written."""
    items = term.items if isinstance(term, Seq) else (term,) * ndim
    if len(items) != ndim:
        raise Unreadable("a number for each axis was expected")
    found = []
    for axis, each in enumerate(items):
        model.axis = axis if ndim == model.dims else None
        try:
            found.append(int(model.number(each, env)))
        finally:
            model.axis = None
    return found


def border_named(widths: tuple[Term, ...]) -> tuple[tuple[Term, ...], str | None]:
    """The widths of a border, and its name where that stands behind them."""
    last = widths[-1]
    named = last.text if isinstance(last, Name) and last.text in MODES else None
    return (widths, None) if named is None else (widths[:-1], named)


def widths_of(
    model: Model, value: NDArray[Any], widths: tuple[Term, ...], env: Mapping[str, int]
) -> tuple[list[int], list[int]]:
    """How much before and after on each axis: the same on both sides, two amounts, or a pair for each axis."""
    pairs = widths[0].factors if len(widths) == 1 and isinstance(widths[0], Mul) else ()
    if pairs and all(isinstance(each, Seq) for each in pairs):
        if len(pairs) != value.ndim:
            raise Unreadable("a pair for each axis was expected")
        sides = [[int(model.number(n, env)) for n in each.items] for each in pairs if isinstance(each, Seq)]
        return [each[0] for each in sides], [each[-1] for each in sides]
    before, after = (amounts(model, each, value.ndim, env) for each in (widths[0], widths[-1]))
    return before, after


def pads_input(model: Model, term: Call) -> bool:
    """Whether a border without an amount is that which the layer gives its input, the same on both sides."""
    (whole,) = term.args
    if not isinstance(whole, Name) or model.role(whole.text) != "x":
        return False
    return any(p for p, _ in model.conv.padding) and all(p == q for p, q in model.conv.padding)


def cropped(model: Model, value: NDArray[Any], widths: tuple[Term, ...], env: Mapping[str, int]) -> NDArray[Any]:
    """Entries cut off before and after on each axis."""
    before, after = widths_of(model, value, widths, env)
    return value[tuple(slice(p, n - q) for n, p, q in zip(value.shape, before, after, strict=True))]


def folded_back(model: Model, value: NDArray[Any], widths: tuple[Term, ...], env: Mapping[str, int]) -> NDArray[Any]:
    """A border taken away and added to the entries that fill it."""
    amount, named = border_named(widths)
    if named is None:
        raise Unreadable("which border is folded back is not said")
    before, after = widths_of(model, value, amount, env)
    for axis, (p, q) in enumerate(zip(before, after, strict=True)):
        moved = np.moveaxis(value, axis, 0)
        size = len(moved) - p - q
        result = np.full((size, *moved.shape[1:]), constant(0), dtype=object)
        for row, m in zip(moved, MODES[named].rows(np.arange(-p, size + q), size), strict=True):
            if m != OUTSIDE:
                result[m] = result[m] + row
        value = np.moveaxis(result, 0, axis)
    return value


def padded(model: Model, value: NDArray[Any], widths: tuple[Term, ...], env: Mapping[str, int]) -> NDArray[Any]:
    """A border before and after on each axis, of zeros where it has no other name."""
    amount, named = border_named(widths)
    before, after = widths_of(model, value, amount, env)
    if named is not None:
        for axis, (p, q) in enumerate(zip(before, after, strict=True)):
            moved = np.moveaxis(value, axis, 0)
            filling = np.full(moved.shape[1:], model.filler if MODES[named].filled else constant(0), dtype=object)
            rows = MODES[named].rows(np.arange(-p, len(moved) + q), len(moved))
            value = np.moveaxis(np.array([filling if m == OUTSIDE else moved[m] for m in rows], dtype=object), 0, axis)
        return value
    for axis, (p, q) in enumerate(zip(before, after, strict=True)):
        moved = np.moveaxis(value, axis, 0)
        moved = moved[max(0, -p) : len(moved) - max(0, -q)]
        zero = np.full((1, *moved.shape[1:]), constant(0), dtype=object)
        value = np.moveaxis(np.concatenate([zero] * max(0, p) + [moved] + [zero] * max(0, q)), 0, axis)
    return value


#: what adds, cuts off or folds back a border
BORDERS = {"pad": padded, "crop": cropped, "fold": folded_back}
