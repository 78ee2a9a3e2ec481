"""Comparisons of integer arrays, and NumPy's choices between integers: where, minimum, maximum, clip."""

from __future__ import annotations

import ast
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from symconv.reading.arithmetic import compared
from symconv.reading.arrays import Grid, Index, broadcast, snapshot
from symconv.reading.numbers import Affine, Conjunction, affine, coefficients, negated
from symconv.reading.numpy_making import as_array
from symconv.reading.numpy_table import numpy
from symconv.reading.rows import Needed
from symconv.reading.terms import constant_of, guarded, simplified
from symconv.reading.values import Test
from symconv.reading.vectors import Vector
from symconv.reading.world import Raised, Unreadable

__all__ = ["joined", "turned"]

Value = Affine | int


def _integers(a: Any) -> Grid | None:
    """An integer or an array of them; None for anything else."""
    if isinstance(a, int | Affine) and not isinstance(a, bool):
        return Grid((), lambda index: a, "int")
    return a if isinstance(a, Grid) and a.kind == "int" else None


def comparison(reader: Any, op: ast.cmpop, a: Any, b: Any) -> Grid | None:
    """a op b for arrays of integers: an array of conditions; None where one is no integer."""
    left, right = _integers(a), _integers(b)
    if left is None or right is None or isinstance(op, ast.In | ast.NotIn | ast.Is | ast.IsNot):
        return None
    axes, picks = broadcast(reader.world, [left.axes, right.axes])

    def at(index: Index) -> Conjunction:
        return held(compared(reader, op, left.at(picks[0](index)), right.at(picks[1](index))))

    return Grid(axes, at, "test")


def held(found: Any) -> Conjunction:
    """A condition as a conjunction."""
    if isinstance(found, Test):
        return found.holds
    return () if found else (("or", ()),)


def joined(reader: Any, op: ast.operator, a: Any, b: Any) -> Any:
    """a & b, a | b of conditions."""
    if isinstance(a, Test | bool) and isinstance(b, Test | bool):
        told = _both(op, held(a), held(b))
        return Test(told) if told else True
    grids = [each if isinstance(each, Grid) else _alone(each) for each in (a, b)]
    if any(each.kind != "test" for each in grids):
        raise Unreadable("& or | of what are no conditions")
    axes, picks = broadcast(reader.world, [each.axes for each in grids])
    return Grid(axes, lambda index: _both(op, grids[0].at(picks[0](index)), grids[1].at(picks[1](index))), "test")


def _alone(a: Any) -> Grid:
    if not isinstance(a, Test | bool):
        raise Unreadable("& or | of what are no conditions")
    told = held(a)
    return Grid((), lambda index: told, "test")


def _both(op: ast.operator, a: Conjunction, b: Conjunction) -> Conjunction:
    if isinstance(op, ast.BitAnd):
        return (*a, *b)
    return (("or", (a, b)),) if a and b else ()


def turned(a: Any) -> Any:
    """~a of conditions."""
    if isinstance(a, Grid) and a.kind == "test":
        return Grid(a.axes, lambda index: negated(a.at(index)) or (("or", ()),), "test")
    raise Unreadable("~ of what is no array of conditions")


@numpy("logical_and", a=Needed, b=Needed)
def _logical_and(reader: Any, a: Any, b: Any) -> Any:
    return joined(reader, ast.BitAnd(), a, b)


@numpy("logical_or", a=Needed, b=Needed)
def _logical_or(reader: Any, a: Any, b: Any) -> Any:
    return joined(reader, ast.BitOr(), a, b)


@numpy("logical_not", a=Needed)
def _logical_not(reader: Any, a: Any) -> Any:
    return turned(a)


# choices -------------------------------------------------------------------------------------------------------------------


def _pairwise(name: str, pick: Callable[[Any, Value, Value], Value]) -> None:
    @numpy(name, a=Needed, b=Needed)
    def run(reader: Any, a: Any, b: Any) -> Any:
        return _chosen(reader, name, pick, a, b)


def _chosen(reader: Any, name: str, pick: Callable[[Any, Value, Value], Value], a: Any, b: Any) -> Any:
    if isinstance(a, Vector) or isinstance(b, Vector):
        raise Unreadable(f"{name} of these")
    left, right = _integers(a), _integers(b)
    if left is None or right is None:
        raise Unreadable(f"{name} of data")
    if not left.ndim and not right.ndim:
        return pick(reader.world, left.at(()), right.at(()))
    axes, picks = broadcast(reader.world, [left.axes, right.axes])
    return Grid(axes, lambda index: pick(reader.world, left.at(picks[0](index)), right.at(picks[1](index))), "int")


def _least(world: Any, a: Value, b: Value) -> Any:
    return world.smallest(a, b)


def _greatest(world: Any, a: Value, b: Value) -> Any:
    return world.largest(a, b)


_pairwise("minimum", _least)
_pairwise("maximum", _greatest)


@numpy("clip", a=Needed, a_min=None, a_max=None)
def _clip(reader: Any, a: Any, low: Any, high: Any) -> Any:
    found = a if low is None else _chosen(reader, "clip", _greatest, a, low)
    return found if high is None else _chosen(reader, "clip", _least, found, high)


@numpy("where", condition=Needed, a=None, b=None)
def _where(reader: Any, condition: Any, a: Any, b: Any) -> Any:
    if a is None and b is None:
        return _nonzero(reader, condition)
    if a is None or b is None:
        raise Raised("ValueError")
    if isinstance(condition, Test | bool):
        condition = _alone(condition)
    if not isinstance(condition, Grid) or condition.kind != "test":
        raise Unreadable("where on data")
    world, left, right = reader.world, _integers(a), _integers(b)
    data = any(isinstance(each, Grid) and each.kind not in ("int", "test") for each in (a, b))
    if left is not None and right is not None and not data:
        axes, picks = broadcast(world, [condition.axes, left.axes, right.axes])

        def number(index: Index) -> Any:
            return world.choose(condition.at(picks[0](index)), left.at(picks[1](index)), right.at(picks[2](index)))

        return Grid(axes, number, "int") if axes else number(())
    one, other = (_data(reader, each) for each in (a, b))
    axes, picks = broadcast(world, [condition.axes, one.axes, other.axes])
    first, second = snapshot(world, one), snapshot(world, other)

    def entry(index: Index) -> Any:
        told = condition.at(picks[0](index))
        there, elsewhere = first(picks[1](index)), second(picks[2](index))
        return simplified(world, [*guarded(there, told), *(guarded(elsewhere, negated(told)) if told else [])])

    return Grid(axes, entry)


@numpy("nonzero", a=Needed)
def _nonzero(reader: Any, a: Any) -> tuple[Grid]:
    return (_places(reader, a),)


@numpy("flatnonzero", a=Needed)
def _places(reader: Any, a: Any) -> Grid:
    """The places of one axis at which inequalities hold: those from the first to the last."""
    if not isinstance(a, Grid) or a.kind != "test" or a.ndim != 1 or len(a.axes[0]) != 1:
        raise Unreadable("the places at which this holds")
    world, size = reader.world, a.axes[0][0]
    name = world.fresh("b")
    low: Any = 0
    high: Any = size
    for each in a.at(((affine(name),),)):
        by = coefficients(each[1]).get(name, 0) if each[0] == "ge" else 0
        rest = each[1] - affine(name) * by if by else None
        if rest is None or (isinstance(rest, Affine) and name in world.rests_on(rest.terms)):
            raise Unreadable("the places at which this holds")
        if by > 0:  # by * n + rest >= 0
            low = world.largest(low, -world.floor(rest, by))
        else:
            high = world.smallest(high, world.floor(rest, -by) + 1)
    return Grid(((world.largest(high - low, 0),),), lambda index: low + index[0][0], "int")


def _data(reader: Any, a: Any) -> Grid:
    if isinstance(a, int | Fraction):
        told = constant_of(reader.world, a)
        return Grid((), lambda index: told)
    return as_array(reader, a)
