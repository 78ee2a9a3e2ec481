"""Operators on what a program's values can be: integers, quotients, conditions, arrays."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

from symconv.reading.arrays import Grid, Mixed, Product, Step, broadcast, constant, snapshot, times
from symconv.reading.flat import Flat, added, multiplied
from symconv.reading.kinds import refused_operation
from symconv.reading.numbers import Affine, at_least, equal, negated
from symconv.reading.products import matmul
from symconv.reading.reader import Reader
from symconv.reading.terms import Sum, Term, cancelled, product, scaled, simplified
from symconv.reading.values import Least, Ratio, Test
from symconv.reading.vectors import Vector
from symconv.reading.views import whole
from symconv.reading.world import Raised, Unreadable

__all__ = ["compared", "negative", "operated"]

NUMBERS = (int, Affine)


def operated(reader: Reader, op: ast.operator, a: Any, b: Any) -> Any:
    """a op b."""
    try:
        return _operated(reader, op, a, b)
    except Unreadable:
        refused_operation(op, a, b)
        raise


def _operated(reader: Reader, op: ast.operator, a: Any, b: Any) -> Any:
    for each in (a, b):
        if isinstance(each, bool):
            a, b = (int(x) if isinstance(x, bool) else x for x in (a, b))
    if isinstance(a, Vector) or isinstance(b, Vector):
        return _vectors(reader, op, a, b)
    if isinstance(a, Step) or isinstance(b, Step):
        return _steps(op, a, b)
    if isinstance(a, Grid) or isinstance(b, Grid):
        return _arrays(reader, op, a, b)
    if isinstance(a, Ratio) or isinstance(b, Ratio):
        return _ratios(reader, op, a, b)
    if isinstance(a, tuple | list | str) or isinstance(b, tuple | list | str):
        return _sequences(op, a, b)
    row = INTEGERS.get(type(op))
    if row is None or not all(isinstance(x, int | Affine | Product | Flat | Fraction) for x in (a, b)):
        raise Unreadable(f"{type(a).__name__} {type(op).__name__} {type(b).__name__}")
    return row(reader, a, b)


def negative(reader: Reader, a: Any) -> Any:
    """-a."""
    refused_operation(ast.USub(), a)
    return operated(reader, ast.Mult(), a, -1)


# integers -----------------------------------------------------------------------------------------------------------------


def _add(reader: Reader, a: Any, b: Any) -> Any:
    if isinstance(a, Product | Flat) or isinstance(b, Product | Flat):
        if a == 0 or b == 0:
            return b if a == 0 else a
        return added(a, b)
    if (isinstance(a, Fraction) and isinstance(b, Affine)) or (isinstance(b, Fraction) and isinstance(a, Affine)):
        raise Unreadable("a size plus a fraction")
    return a + b


def _subtract(reader: Reader, a: Any, b: Any) -> Any:
    return 0 if a == b else _add(reader, a, _multiply(reader, b, -1))


def _multiply(reader: Reader, a: Any, b: Any) -> Any:
    if isinstance(a, Fraction) or isinstance(b, Fraction):
        if isinstance(a, Affine | Product) or isinstance(b, Affine | Product):
            raise Unreadable("a size times a fraction")
        return a * b
    return multiplied(a, b) if isinstance(a, Flat) or isinstance(b, Flat) else times(a, b)


def _floor(reader: Reader, a: Any, b: Any) -> Any:
    if isinstance(b, int) and isinstance(a, NUMBERS):
        return reader.world.floor(a, b)
    if isinstance(a, int) and a >= 0 and isinstance(b, Product) and _positive(reader, b):
        return reader.world.bounded(("quotient", a, str(b)), 0)
    return _exact(reader, a, b)


def _exact(reader: Reader, a: Any, b: Any) -> Any:
    """a // b where b is plainly a factor."""
    if a == b and isinstance(b, Affine) and reader.world.always((at_least(b, 1),)):
        return 1
    if isinstance(a, Product) and isinstance(b, Affine | int):
        factors: list[Any] = list(a.factors)
        if isinstance(b, int) and b and a.coefficient % b == 0:
            return times(Product(tuple(factors), 1), a.coefficient // b)
        if b in factors and reader.world.always((at_least(b, 1),)):
            factors.remove(b)
            found: Any = a.coefficient
            for each in factors:
                found = times(found, each)
            return found
    raise Unreadable("a division by a size")


def _remainder(reader: Reader, a: Any, b: Any) -> Any:
    if isinstance(b, int) and isinstance(a, NUMBERS):
        return a - reader.world.floor(a, b) * b
    _exact(reader, a, b)
    return 0


def _divide(reader: Reader, a: Any, b: Any) -> Any:
    if isinstance(a, Fraction) or isinstance(b, Fraction):
        if b == 0:
            raise Raised("ZeroDivisionError")
        return Fraction(a) / Fraction(b)
    if isinstance(b, int):
        if b == 0:
            raise Raised("ZeroDivisionError")
        if isinstance(a, int):
            return a // b if a % b == 0 else Fraction(a, b)
        if isinstance(a, Affine):
            return Ratio(a if b > 0 else -a, abs(b))
    if isinstance(a, int) and isinstance(b, Affine) and reader.world.always((at_least(b, 1),)):
        return Grid((), lambda index: constant(a, ((b, -1),)))
    raise Unreadable("a quotient of sizes")


def _power(reader: Reader, a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int) and 0 <= b < 64:
        return a**b
    if b == 2:
        return times(a, a)
    raise Unreadable("a power")


def _left(reader: Reader, a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int) and 0 <= b < 64:
        return a << b
    raise Unreadable("a shift by a size")


def _right(reader: Reader, a: Any, b: Any) -> Any:
    if isinstance(b, int) and 0 <= b < 64 and isinstance(a, NUMBERS):
        return reader.world.floor(a, 1 << b)
    raise Unreadable("a shift by a size")


INTEGERS: dict[type[ast.operator], Callable[[Reader, Any, Any], Any]] = {
    ast.Add: _add,
    ast.Sub: _subtract,
    ast.Mult: _multiply,
    ast.FloorDiv: _floor,
    ast.Mod: _remainder,
    ast.Div: _divide,
    ast.Pow: _power,
    ast.LShift: _left,
    ast.RShift: _right,
}


def _ratios(reader: Reader, op: ast.operator, a: Any, b: Any) -> Any:
    """Quotients as exact rationals: floats of such sizes are exact where it matters for int, floor and ceil."""
    a, b = (each if isinstance(each, Ratio) else Ratio(each, 1) for each in (a, b))
    if not all(isinstance(each.top, NUMBERS) for each in (a, b)):
        raise Unreadable("a quotient beside this")
    if isinstance(op, ast.Add | ast.Sub):
        sign = 1 if isinstance(op, ast.Add) else -1
        return Ratio(a.top * b.below + b.top * a.below * sign, a.below * b.below)
    if isinstance(op, ast.Mult) and (isinstance(a.top, int) or isinstance(b.top, int)):
        return Ratio(times(a.top, b.top), a.below * b.below)
    if isinstance(op, ast.FloorDiv) and isinstance(b.top, int) and b.top > 0:
        return reader.world.floor(a.top * b.below, a.below * b.top)
    raise Unreadable("this operation on a quotient")


def _steps(op: ast.operator, a: Any, b: Any) -> Step:
    """A stride times a number."""
    step, by = (a, b) if isinstance(a, Step) else (b, a)
    if not isinstance(op, ast.Mult) or not isinstance(by, int):
        raise Unreadable("this operation on strides")
    return replace(step, times=step.times * by)


def _sequences(op: ast.operator, a: Any, b: Any) -> Any:
    if isinstance(op, ast.Add) and type(a) is type(b):
        return a + b
    if isinstance(op, ast.Mult) and (isinstance(a, int) or isinstance(b, int)):
        return a * b
    if isinstance(op, ast.Mod) and isinstance(a, str):
        return a
    raise Unreadable("this operation on sequences")


def _vectors(reader: Reader, op: ast.operator, a: Any, b: Any) -> Any:
    count = max(len(each.items) for each in (a, b) if isinstance(each, Vector))
    columns = []
    for each in (a, b):
        items = each.items if isinstance(each, Vector) else tuple(each) if isinstance(each, tuple | list) else (each,)
        if len(items) not in (1, count):
            raise Raised("ValueError")
        columns.append(items * count if len(items) == 1 else items)
    return Vector(tuple(operated(reader, op, x, y) for x, y in zip(*columns, strict=True)))


# comparisons ----------------------------------------------------------------------------------------------------------------


def compared(reader: Reader, op: ast.cmpop, a: Any, b: Any) -> Any:
    """a op b: True, False or a condition."""
    try:
        return _compared(reader, op, a, b)
    except Unreadable:
        refused_operation(op, a, b)
        raise


def _compared(reader: Reader, op: ast.cmpop, a: Any, b: Any) -> Any:
    if isinstance(op, ast.Is | ast.IsNot):
        if a is None or b is None or isinstance(a, bool) or isinstance(b, bool):
            return (a is b) is isinstance(op, ast.Is)
        raise Unreadable("is")
    if isinstance(op, ast.In | ast.NotIn):
        return _contained(reader, a, b, isinstance(op, ast.In))
    if isinstance(op, ast.Eq | ast.NotEq):
        found = _equal(reader, a, b)
        if isinstance(found, bool):
            return found is isinstance(op, ast.Eq)
        return found if isinstance(op, ast.Eq) else Test(negated(found.holds))
    if isinstance(a, Ratio) or isinstance(b, Ratio):
        x, y = (each if isinstance(each, Ratio) else Ratio(each, 1) for each in (a, b))
        a, b = x.top * y.below, y.top * x.below
    known = isinstance(b, int) and (b < 1 or (b == 1 and isinstance(op, ast.GtE | ast.Lt)))
    if known and isinstance(a, Product | Least) and _positive(reader, a):
        return isinstance(op, ast.GtE | ast.Gt)  # a product of sizes is one at least; whether it is more is not known
    if not all(isinstance(each, int | Affine) for each in (a, b)):
        raise Unreadable(f"a comparison of {type(a).__name__} with {type(b).__name__}")
    row = {ast.Lt: (b - 1, a), ast.LtE: (b, a), ast.Gt: (a - 1, b), ast.GtE: (a, b)}[type(op)]
    held = at_least(*row)
    return held[1] >= 0 if isinstance(held[1], int) else Test((held,))


def _positive(reader: Reader, a: Product | Least) -> bool:
    if isinstance(a, Least):
        return True
    return a.coefficient > 0 and reader.world.always(tuple(at_least(factor, 1) for factor in a.factors))


def _contained(reader: Reader, a: Any, b: Any, wanted: bool) -> bool:
    if isinstance(b, str) and isinstance(a, str):
        return (a in b) is wanted
    if isinstance(b, dict) and isinstance(a, str):
        return (a in b) is wanted
    if isinstance(b, tuple | list):
        found = [_equal(reader, a, each) for each in b]
        if all(isinstance(each, bool) for each in found):
            return any(found) is wanted
    raise Unreadable("in")


def _equal(reader: Reader, a: Any, b: Any) -> Any:
    if isinstance(a, Ratio) or isinstance(b, Ratio):
        x, y = (each if isinstance(each, Ratio) else Ratio(each, 1) for each in (a, b))
        a, b = x.top * y.below, y.top * x.below
    if isinstance(a, int | Affine) and isinstance(b, int | Affine):
        held = equal(a, b)
        return held[1] == 0 if isinstance(held[1], int) else Test((held,))
    if isinstance(a, Product | Least) or isinstance(b, Product | Least):
        if a == b and isinstance(a, Product):
            return True
        raise Unreadable("a comparison of products of sizes")
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        if type(a) is not type(b) or len(a) != len(b):
            return False
        held_all: list[Any] = []
        for x, y in zip(a, b, strict=True):
            found = _equal(reader, x, y)
            if found is False:
                return False
            if found is not True:
                held_all += found.holds
        return Test(tuple(held_all)) if held_all else True
    if isinstance(a, Grid | Mixed | Vector) or isinstance(b, Grid | Mixed | Vector):
        raise Unreadable("a comparison of arrays")
    return bool(a == b)


# arrays ----------------------------------------------------------------------------------------------------------------------


def _arrays(reader: Reader, op: ast.operator, a: Any, b: Any) -> Grid:
    world = reader.world
    if isinstance(op, ast.MatMult):
        return matmul(world, a, b)
    if any(isinstance(each, Grid) and each.kind == "int" for each in (a, b)):
        if not all(each.kind == "int" if isinstance(each, Grid) else isinstance(each, int | Affine) for each in (a, b)):
            raise Unreadable("arithmetic of integer arrays with data")
        grids = [each if isinstance(each, Grid) else whole(each) for each in (a, b)]
        axes, picks = broadcast(world, [each.axes for each in grids])
        left, right = grids
        return Grid(
            axes, lambda index: operated(reader, op, left.at(picks[0](index)), right.at(picks[1](index))), "int"
        )
    row = DATA.get(type(op))
    if row is None:
        raise Unreadable(f"{type(op).__name__} on arrays")
    grids = [each if isinstance(each, Grid) else _number(reader, each, op) for each in (a, b)]
    axes, picks = broadcast(world, [each.axes for each in grids])
    first, second = (snapshot(world, each) for each in grids)
    return Grid(axes, lambda index: simplified(world, row(reader, first(picks[0](index)), second(picks[1](index)))))


def _number(reader: Reader, value: Any, op: ast.operator) -> Grid:
    """A number among arrays, as an array of no axes."""
    if isinstance(value, Fraction | int):
        return Grid((), lambda index: constant(value))
    if isinstance(value, Affine) and isinstance(op, ast.Mult | ast.Div):
        return Grid((), lambda index: constant(1, ((value, 1),)))
    if isinstance(value, Product) and isinstance(op, ast.Mult | ast.Div):
        over = tuple((factor, 1) for factor in value.factors)
        return Grid((), lambda index: constant(value.coefficient, over))
    if isinstance(value, tuple | list):
        return reader.array(value)
    if reader.world.probing and isinstance(value, Affine):
        return Grid((), lambda index: constant(1))  # a name that only stands for what is not known yet
    raise Unreadable(f"{type(value).__name__} among the data")


def _sum(reader: Reader, a: Sum, b: Sum) -> Sum:
    return [*a, *b]


def _difference(reader: Reader, a: Sum, b: Sum) -> Sum:
    return [*a, *scaled(b, -1)]


def _product(reader: Reader, a: Sum, b: Sum) -> Sum:
    return product(reader.world, a, b)


def _quotient(reader: Reader, a: Sum, b: Sum) -> Sum:
    """Division by a number or by a size that is never zero."""
    if len(b) != 1 or b[0].factors or b[0].where or b[0].counted:
        raise Unreadable("a division by data")
    by = b[0]
    for size, power in by.over:
        if power > 0 and not reader.world.always((at_least(size, 1),)):
            raise Unreadable("a division by what may be zero")
    one = Term(1 / by.coefficient, over=tuple((size, -power) for size, power in by.over))
    return [replace(t, coefficient=t.coefficient * one.coefficient, over=cancelled((*t.over, *one.over))) for t in a]


DATA: dict[type[ast.operator], Callable[[Reader, Sum, Sum], Sum]] = {
    ast.Add: _sum,
    ast.Sub: _difference,
    ast.Mult: _product,
    ast.Div: _quotient,
}
