"""The value of anything that is said about a layer at one size: exact polynomials, arrays of them, Jacobians."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from symconv.algebra.polynomials import Polynomial
from symconv.checking.begun import BEGUN
from symconv.checking.calls import (
    BORDERS,
    Shapes,
    amounts,
    bordered,
    derivative,
    folded,
    pads_input,
    row_of,
    spread,
    starred,
    turned,
    windows,
)
from symconv.checking.jacobians import Jacobian, plain, product, same
from symconv.checking.letters import stem_of
from symconv.checking.model import FAR, Model, Unreadable, constant
from symconv.checking.solved import Equation, equations_of, in_order, values_of
from symconv.checking.terms import (
    IVERSON,
    Add,
    Bound,
    Call,
    Choice,
    Diff,
    Div,
    Entry,
    Floor,
    Grid,
    Mul,
    Name,
    Num,
    Seq,
    Star,
    SumOver,
    Term,
    Transpose,
    Whole,
    names_in,
    walk,
)
from symconv.checking.windows import check_order, check_window, crossed_out

__all__ = ["Jacobian", "Past", "Shapes", "Twice", "evaluate", "same"]


class Past(Unreadable):
    """A sum that runs past the last entry."""


class Twice(Unreadable):
    """An index that is bound twice, by half or nowhere."""


class Unlike(Unreadable):
    """A sum of arrays whose shapes are not the same at this size."""


def evaluate(model: Model, term: Term, env: Mapping[str, int]) -> Any:
    """What ``term`` is worth at a layer: a polynomial, an array of them, or a :class:`Jacobian`."""
    rule = VALUES.get(type(term))
    if rule is None:
        raise Unreadable(f"{type(term).__name__} has no value")
    return rule(model, term, env)


def _entry(model: Model, term: Term, env: Mapping[str, int]) -> Any:
    assert isinstance(term, Entry)
    definition = model.setting.definitions.get(term.array)
    role = model.role(term.array)
    if term.array in model.setting.flipped:
        at = model.positions(term, env)
        sizes = model.conv.kernel
        return constant(0) if at is None else model.entry("w", tuple(n - 1 - i for i, n in zip(at, sizes, strict=True)))
    if definition is not None and role is None:
        names, body = definition
        if len(names) != len(term.at):
            raise Unreadable(f"{term.array} with {len(term.at)} indices where it was defined with {len(names)}")
        inner = {name: model.number(each, env) for name, each in zip(names, term.at, strict=True)}
        return evaluate(model, body, {**env, **{name: int(v) for name, v in inner.items()}})
    if role is None and term.array in ("δ", IVERSON) and len(term.at) == 2:  # Kronecker's
        return constant(int(model.number(term.at[0], env) == model.number(term.at[1], env)))
    if role is None or role not in model.arrays:  # a target has no array
        raise Unreadable(f"nothing says what {term.array} is")
    at = model.positions(term, env)
    place = None if at is None else model.shifted(term, at)
    if place is not None and role in model.arrays and not model.beyond and not any(names_in(i) for i in term.at):
        _check_inside(model, term, role, place)
    return constant(0) if place is None else model.entry(role, place)


def _check_inside(model: Model, entry: Entry, role: str, place: tuple[int, ...]) -> None:
    """Past for an entry written at numbers that its array does not have; x has those of its border besides."""
    shape = model.arrays[role].shape
    widths = [(0, 0)] * (len(shape) - model.dims) + (list(model.conv.padding) if role == "x" else [(0, 0)] * model.dims)
    if len(place) == len(shape) and any(
        not -before <= i < n + after for i, n, (before, after) in zip(place, shape, widths, strict=False)
    ):
        at = ", ".join(str(i + model.setting.base) for i in place)
        raise Past(f"{entry.array} has no entry {at}: it is {' x '.join(map(str, shape))}")


def _name(model: Model, term: Term, env: Mapping[str, int]) -> Any:
    assert isinstance(term, Name)
    role = model.role(term.text)
    if stem_of(term.text) in model.setting.framed:  # with zeros around it
        return bordered(model.arrays[model.role(stem_of(term.text)[1:]) or ""], [k - 1 for k in model.conv.kernel])
    if role is not None and term.text not in env:
        if term.text in model.setting.padded:
            raise Unreadable(f"{term.text} as a whole")
        array = model.arrays[role]
        return array[()] if array.ndim == 0 else array
    stem = term.text.removesuffix("_0")
    if stem != term.text and model.role(stem) is not None:
        array = model.arrays[model.role(stem) or ""]
        return bordered(array, [k - 1 for k in model.conv.kernel])
    if term.text in model.setting.flipped:
        return np.flip(model.arrays["w"])
    definition = model.setting.definitions.get(term.text)
    if definition is not None and len(definition[0]) == model.dims:
        shape = model.conv.kernel
        result = np.empty(shape, dtype=object)
        for at in itertools.product(*map(range, shape)):
            result[at] = evaluate(
                model, definition[1], dict(zip(definition[0], (i + model.setting.base for i in at), strict=True))
            )
        return result
    return constant(model.number(term, env))


def _add(model: Model, term: Term, env: Mapping[str, int]) -> Any:
    assert isinstance(term, Add)
    total: Any = None
    for sign, each in term.terms:
        value = plain(evaluate(model, each, env))
        value = value if sign == 1 else -value
        if total is None:
            total = value
        elif isinstance(total, np.ndarray) and isinstance(value, np.ndarray) and total.shape != value.shape:
            raise Unlike("arrays of different shapes are added")
        else:
            total = total + value
    return total


def _mul(model: Model, term: Term, env: Mapping[str, int]) -> Any:
    assert isinstance(term, Mul)
    result: Any = None
    for factor in term.factors:
        value = evaluate(model, factor, env)
        result = value if result is None else product(result, value)
    return result


def _sum(model: Model, term: Term, env: Mapping[str, int]) -> Any:
    assert isinstance(term, SumOver)
    if not term.bounds:  # of all entries
        value = plain(evaluate(model, term.body, env))
        return sum(value.reshape(-1), constant(0)) if isinstance(value, np.ndarray) else value
    equations = equations_of(model, term.body, term.bounds, env) if isinstance(term.body, Choice) else []
    bounds = in_order(term.bounds, equations)
    return summed(model, bounds, term.body, model.entries_of(term.body), env, equations)


def summed(
    model: Model, bounds: tuple[Bound, ...], body: Term, entries: tuple[Entry, ...], env: Mapping[str, int],
    equations: Sequence[Equation],
) -> Any:  # fmt: skip
    if not bounds:
        return evaluate(model, body, env)
    first, rest = bounds[0], bounds[1:]
    if first.name in env:
        raise Twice(f"{first.name} is an index already and is summed over once more")
    if first.low is not None and first.high is None:
        raise Twice(f"the sum over {first.name} begins and has no last term")
    span = model.span(first.name, entries)
    if span is not None and model.over_channels(first, entries, env):  # from 1 though space begins at 0
        first = Bound(first.name)
    low = span[0] if first.low is None and span else -FAR if first.low is None else model.number(first.low, env)
    if span is not None and low < span[0] and not model.beyond:
        raise Past(f"{first.name} begins at {low}, before the first entry {span[0]}")
    if first.high is None:
        high: Any = span[1] if span else FAR
    else:
        high = model.limit(first.high, env, span)
        if span is not None and high > span[1] and not model.beyond:
            raise Past(f"{first.name} runs to {high}, past the last entry {span[1]}")
    total: Any = None
    values = range(int(Fraction(low).__ceil__()), int(Fraction(high).__floor__()) + 1)
    for i in values_of(first.name, values, [each.name for each in rest], equations, env) if equations else values:
        part = plain(summed(model, rest, body, entries, {**env, first.name: i}, equations))
        total = part if total is None else total + part
    return constant(0) if total is None else total


def _grid(model: Model, term: Term, env: Mapping[str, int]) -> Any:
    assert isinstance(term, Grid)
    check_window(model, term)
    result = np.empty((len(term.rows), len(term.rows[0])), dtype=object)
    for at in np.ndindex(result.shape):
        own = term.rows[at[0]][at[1]]
        cell = evaluate(model, own, env)
        if isinstance(cell, (np.ndarray, Jacobian)):
            cell = plain(cell)
            if cell.size != 1:
                if isinstance(own, Name) and any(isinstance(e, Entry) and e.array == own.text for e in walk(term)):
                    raise Twice(f"{own.text} stands without its index among its entries")
                raise Unreadable("a matrix of arrays")
            cell = cell.reshape(-1)[0]
        result[at] = cell
    return result


def _diff(model: Model, term: Term, env: Mapping[str, int]) -> Any:
    assert isinstance(term, Diff)
    if (
        isinstance(term.top, Name)
        and model.role(term.top.text) is None
        and term.top.text not in model.setting.definitions
    ):
        raise Unreadable(f"a derivative of {term.top.text}, which is no array of the layer")
    # a sum that is differentiated has indices of its own, though they be called like those of the entry below
    inside = {b.name for each in walk(term.top) if isinstance(each, SumOver) for b in each.bounds}
    above, below = evaluate(model, term.top, {k: v for k, v in env.items() if k not in inside}), term.bottom
    by: Any
    if isinstance(below, Entry):
        role = model.role(below.array)
        if role not in ("x", "w", "b"):
            raise Unreadable(f"a derivative by {below.array}")
        at = model.positions(below, env)
        if at is None:
            raise Unreadable("a derivative by an entry whose index is no whole number")
        by = model.entry(role, at)
        if not isinstance(by, Polynomial):
            raise Unreadable("a derivative by an array at its channels")
        if not by.terms:
            raise Unreadable("a derivative by an entry outside the array")
    elif isinstance(below, Name) and model.role(below.text) in ("x", "w", "b"):
        whole = model.arrays[model.role(below.text) or ""]
        by = whole[()] if whole.ndim == 0 else whole
    else:
        raise Unreadable("a derivative by something that is neither x, w nor b")
    if isinstance(above, Polynomial):
        if isinstance(by, Polynomial):
            return derivative(above, by)
        return np.array([derivative(above, each) for each in by.reshape(-1)] + [None], dtype=object)[:-1].reshape(
            by.shape
        )
    columns: Any = np.array([by], dtype=object) if isinstance(by, Polynomial) else by.reshape(-1)
    matrix = np.empty((above.size, columns.size), dtype=object)
    for i, j in np.ndindex(matrix.shape):
        matrix[i, j] = derivative(above.reshape(-1)[i], columns[j])
    return Jacobian(matrix)


def _div(model: Model, term: Term, env: Mapping[str, int]) -> Any:
    assert isinstance(term, Div)
    return constant(model.number(term, env))


def _star(model: Model, term: Term, env: Mapping[str, int]) -> Any:
    assert isinstance(term, Star)
    left, right = plain(evaluate(model, term.left, env)), plain(evaluate(model, term.right, env))
    if isinstance(left, Polynomial) or isinstance(right, Polynomial):
        return left * right
    if term.sign == "⊙":
        for side in (term.left, term.right):
            check_order(model, side)
        if left.shape != right.shape:
            raise Shapes("entries of arrays of different shapes are multiplied")
        return left * right
    left, right = row_of(left, model.dims), row_of(right, model.dims)
    if term.mode == "full" and _made_of(model, term.left) == {"w"} and _made_of(model, term.right) == {"dy"}:
        left, right = right, left  # the kernel is what slides, whichever is written first
    meaning = {"conv2": "convolution", "⋆corr": "correlation"}.get(term.sign, model.setting.star)
    return starred(left, right, meaning, term.mode)


def _made_of(model: Model, term: Term) -> set[str | None]:
    return {model.role(each.text) for each in walk(term) if isinstance(each, Name)}


def _transpose(model: Model, term: Term, env: Mapping[str, int]) -> Any:
    assert isinstance(term, Transpose)
    value = evaluate(model, term.body, env)
    if isinstance(value, Jacobian):
        return Jacobian(value.matrix.T)
    if isinstance(value, np.ndarray):
        if value.ndim == 1:
            # a gradient that was set as a row becomes a column
            column = model.setting.row_gradient and isinstance(term.body, Name) and term.body.text.startswith("d")
            return value.reshape(-1, 1) if column else value.reshape(1, -1)
        return value.T
    return value


def _choice(model: Model, term: Term, env: Mapping[str, int]) -> Any:
    assert isinstance(term, Choice)
    for value, conditions in term.rows:
        if conditions is None or all(model.number(a, env) == model.number(b, env) for a, b in conditions):
            return evaluate(model, value, env)
    return constant(0)


def _single(model: Model, entry: Entry) -> bool:
    """Whether this is one entry of w or dy, and no array at its channels."""
    role = model.role(entry.array)
    return role in ("w", "dy") and len(entry.at) == model.arrays[role].ndim


def _slice(model: Model, array: Any, at: Sequence[Term], env: Mapping[str, int]) -> Any:
    """The part of an array at some indices, over whole axes where dots stand for the others; zeros past its end."""
    if not isinstance(array, np.ndarray) or array.ndim != len(at):
        rank = array.ndim if isinstance(array, np.ndarray) else 0
        raise Unreadable(f"a part of an array with {len(at)} indices where it has {rank}")
    places = [None if isinstance(i, Whole) else model.number(i, env) - model.setting.base for i in at]
    inside = [i is None or (i.denominator == 1 and 0 <= i < n) for i, n in zip(places, array.shape, strict=True)]
    if all(inside):
        return array[tuple(slice(None) if i is None else int(i) for i in places)]
    if not model.beyond:
        raise Past(f"a part at {', '.join('·' if i is None else str(i + model.setting.base) for i in places)}"
                   f" of what is {' x '.join(map(str, array.shape))}")  # fmt: skip
    return np.full([n for i, n in zip(places, array.shape, strict=True) if i is None], constant(0), dtype=object)


def _call(model: Model, term: Term, env: Mapping[str, int]) -> Any:
    assert isinstance(term, Call)
    first = term.args[0]
    if term.word == BEGUN:
        return evaluate(model, first, env)
    if term.word == "cancel":
        return crossed_out(model, first)
    if term.word == "mod":
        return constant(model.number(first, env) % model.number(term.args[1], env))
    if term.word == "flip" and isinstance(first, Entry) and _single(model, first):
        array = model.arrays[model.role(first.array) or ""]
        at = model.positions(first, env)
        return (
            constant(0)
            if at is None
            else model.entry(model.role(first.array) or "", model.opposite(at, array.shape, first))
        )
    if term.word == "col2im" and isinstance(first, Mul) and len(first.factors) == 2:
        a, b = (np.atleast_1d(plain(evaluate(model, each, env))) for each in first.factors)
        return folded(model, np.multiply.outer(a.reshape(-1), b.reshape(-1)))
    if term.word == "slice":
        return _slice(model, plain(evaluate(model, first, env)), term.args[1:], env)
    if term.word == "ones":
        return np.full(model.conv.kernel, constant(1), dtype=object)
    value = plain(evaluate(model, first, env))
    if term.word == "flip" and isinstance(value, Polynomial) and model.target:  # of the array whose entries these are
        return evaluate(model, first, {**env, **{n: sum(model.target[n]) - env[n] for n in model.target}})
    if not isinstance(value, np.ndarray) and term.word in ("dilate", "thin"):
        return value
    if not isinstance(value, np.ndarray):
        raise Unreadable(f"{term.word} of one entry")
    if term.word == "flip" and len(term.args) == 1:
        return turned(value, model.dims)
    if term.word in ("dilate", "thin") and len(term.args) == 2:
        value = row_of(value, model.dims)
        by = amounts(model, term.args[1], value.ndim, env)
        if min(by) < 1:
            raise Unreadable("a step for each axis was expected")
        return value[tuple(slice(None, None, n) for n in by)] if term.word == "thin" else spread(value, by)
    if term.word in BORDERS and len(term.args) > 1:
        return BORDERS[term.word](model, row_of(value, model.dims), term.args[1:], env)
    if term.word == "pad" and len(term.args) == 1:
        if pads_input(model, term):
            return bordered(value, [p for p, _ in model.conv.padding])
        return bordered(value, [k - 1 for k in model.conv.kernel])  # by as much as lets the filter meet every entry
    if term.word == "im2col":
        return Jacobian(windows(model, value))
    raise Unreadable(f"{term.word} is not followed")


def _seq(model: Model, term: Term, env: Mapping[str, int]) -> Any:
    assert isinstance(term, Seq)
    return _grid(model, Grid((term.items,)), env)


VALUES: dict[type[Term], Callable[[Model, Term, Mapping[str, int]], Any]] = {
    Num: lambda model, term, env: constant(term.value),  # type: ignore[attr-defined]
    Name: _name, Entry: _entry, Add: _add, Mul: _mul, SumOver: _sum, Grid: _grid, Diff: _diff, Div: _div, Star: _star,
    Transpose: _transpose, Choice: _choice, Call: _call, Seq: _seq,
    Floor: lambda model, term, env: constant(model.number(term, env)),
}  # fmt: skip
