"""Expressions, as tables: names, arithmetic on integers, arrays and conditions, comparisons, indexing, calls."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from symconv.reading import attributes, masks, python_rows
from symconv.reading.arithmetic import compared, negative, operated
from symconv.reading.arrays import Grid, own
from symconv.reading.kinds import refused_builtin, refused_iteration, refused_names, refused_operation
from symconv.reading.numbers import Affine, negated
from symconv.reading.reader import Reader
from symconv.reading.scopes import binds, left_unbound
from symconv.reading.values import Frame, Function, Instance, Poison, Row, Run, Super, Test
from symconv.reading.vectors import Vector
from symconv.reading.views import Slice, indexed_by
from symconv.reading.world import Raised, Unreadable

__all__ = ["evaluated", "imported", "items_of", "operated", "subscripted"]


def evaluated(reader: Reader, node: ast.expr, frame: Frame) -> Any:
    """The value of an expression."""
    row = EXPRESSIONS.get(type(node))
    if row is None:
        raise Unreadable(f"the expression {type(node).__name__}")
    return row(reader, node, frame)


def _constant(reader: Reader, node: ast.Constant, frame: Frame) -> Any:
    if isinstance(node.value, float):
        return int(node.value) if node.value.is_integer() and abs(node.value) < 2**40 else Fraction(str(node.value))
    if isinstance(node.value, complex | bytes):
        raise Unreadable(f"a constant of type {type(node.value).__name__}")
    return node.value


def _name(reader: Reader, node: ast.Name, frame: Frame) -> Any:
    at: Frame | None = frame
    while at is not None:
        if node.id in at.names:
            found = at.names[node.id]
            if isinstance(found, Poison):
                raise Unreadable(found.why)
            return found
        at = at.parent
    if node.id == "super":
        return Row("super", lambda reader, args, keywords: _super(frame))
    if node.id in python_rows.BUILTINS:
        return python_rows.BUILTINS[node.id]
    if _bound_nowhere(reader, node.id, frame):
        raise Raised("NameError")
    if _left_unbound(reader, node, frame):
        raise Raised("UnboundLocalError")
    raise Unreadable(f"the name {node.id}")


def _bound_nowhere(reader: Reader, name: str, frame: Frame) -> bool:
    """Whether neither the module nor the functions around bind it, nor Python."""
    if hasattr(builtins, name) or name in reader.bound or "*" in reader.bound:
        return False
    at: Frame | None = frame
    while at is not None:
        function = at.names.get("__function__")
        if isinstance(function, Function) and binds(function.node, name):
            return False
        at = at.parent
    return True


def _left_unbound(reader: Reader, node: ast.Name, frame: Frame) -> bool:
    """Whether the name is one of the function's own, which no statement that ran has bound."""
    at: Frame | None = frame
    while at is not None and "__function__" not in at.names:
        at = at.parent
    return at is not None and left_unbound(node, at.names["__function__"].node, reader.loops > reader.entered)


def _super(frame: Frame) -> Super:
    at: Frame | None = frame
    while at is not None and "__function__" not in at.names:
        at = at.parent
    function: Function | None = at.names["__function__"] if at else None
    if at is None or function is None or function.owner is None or isinstance(function.node, ast.Lambda):
        raise Unreadable("super()")
    bound = at.names[function.node.args.args[0].arg]
    if not isinstance(bound, Instance):
        raise Unreadable("super()")
    return Super(function.owner, bound)


def _attribute(reader: Reader, node: ast.Attribute, frame: Frame) -> Any:
    return attributes.attribute(reader, reader.value(node.value, frame), node.attr)


def imported(name: str) -> Any:
    """A name of a module of another package."""
    return attributes.of_module(name)


def _call(reader: Reader, node: ast.Call, frame: Frame) -> Any:
    function = reader.value(node.func, frame)
    args: list[Any] = []
    for each in node.args:
        if isinstance(each, ast.Starred):
            args += items_of(reader, reader.value(each.value, frame))
        else:
            args.append(reader.value(each, frame))
    keywords: dict[str, Any] = {}
    for keyword in node.keywords:
        found = reader.value(keyword.value, frame)
        if keyword.arg is not None:
            keywords[keyword.arg] = found
        elif isinstance(found, dict):
            keywords |= found
        else:
            refused_names(found)
            raise Unreadable("** of what is no dict")
    try:
        return reader.call(function, args, keywords)
    except Unreadable:
        name = function.name if isinstance(function, Row) else ""
        if name and python_rows.BUILTINS.get(name) is function and not keywords:
            refused_builtin(getattr(builtins, name), args)
        raise


def _tuple(reader: Reader, node: ast.Tuple | ast.List, frame: Frame) -> Any:
    found: list[Any] = []
    for each in node.elts:
        if isinstance(each, ast.Starred):
            found += items_of(reader, reader.value(each.value, frame))
        else:
            found.append(reader.value(each, frame))
    return tuple(found) if isinstance(node, ast.Tuple) else found


def _dict(reader: Reader, node: ast.Dict, frame: Frame) -> Any:
    found: dict[Any, Any] = {}
    for key, each in zip(node.keys, node.values, strict=True):
        if key is None:
            found |= reader.value(each, frame)
        else:
            found[reader.value(key, frame)] = reader.value(each, frame)
    return found


def items_of(reader: Reader, found: Any) -> list[Any]:
    """The elements of something whose number is known."""
    if isinstance(found, tuple | list | range):
        return list(found)
    if isinstance(found, Vector):
        return list(found.items)
    if isinstance(found, dict):
        return list(found)
    if isinstance(found, str):
        return list(found)
    if isinstance(found, Run) and len(found.axes) == 1 and len(found.axes[0]) == 1 and found.step is None:
        (count,) = found.axes[0]
        if isinstance(count, int):
            return [found.item(((i,),)) for i in range(count)]
    if isinstance(found, Grid) and found.ndim and len(found.axes[0]) == 1 and isinstance(found.axes[0][0], int):
        return [indexed_by(reader.world, own(reader.world, found), [i]) for i in range(found.axes[0][0])]
    refused_iteration(found)
    raise Unreadable(f"the elements of {type(found).__name__} of a length that is not a number")


def _comprehension(reader: Reader, node: ast.ListComp | ast.GeneratorExp, frame: Frame) -> Any:
    found: list[Any] = []
    inside = Frame({}, frame)

    def level(at: int) -> None:
        if at == len(node.generators):
            found.append(reader.value(node.elt, inside))
            return
        generator = node.generators[at]
        for item in items_of(reader, reader.value(generator.iter, inside)):
            reader.bind(generator.target, item, inside)
            holds = [reader.truth(reader.value(test, inside)) for test in generator.ifs]
            if any(not isinstance(each, bool) for each in holds):
                raise Unreadable("a filter on a running index")
            if all(holds):
                level(at + 1)

    first = [reader.runs(reader.value(node.generators[0].iter, frame))]
    if first[0] is not None and any(not isinstance(part, int) for axis in first[0].axes for part in axis):
        return _listed(reader, node, frame, first[0])
    level(0)
    return found


def _listed(reader: Reader, node: ast.ListComp | ast.GeneratorExp, frame: Frame, first: Run) -> Run:
    """A comprehension over sizes: its indices side by side, the last running fastest."""
    runs, bound = [first], _targets(node.generators[0])
    for generator in node.generators[1:]:
        names = {each.id for each in ast.walk(generator.iter) if isinstance(each, ast.Name)}
        if not names.isdisjoint(bound):
            raise Unreadable("a comprehension over what its own index bounds")
        bound |= _targets(generator)
        run = reader.runs(reader.value(generator.iter, frame))
        if run is None:
            raise Unreadable("a comprehension over a size and a list")
        runs.append(run)
    if len(runs) > 1 and any(run.step is not None for run in runs):
        raise Unreadable("a comprehension over a range by a size and more")
    if any(generator.ifs for generator in node.generators):
        raise Unreadable("a filter over a size")
    parts = [tuple(part for axis in run.axes for part in axis) for run in runs]

    def item(index: Any) -> Any:
        inside, left = Frame({}, frame), list(index[0])
        for run, part, generator in zip(runs, parts, node.generators, strict=True):
            mine, left = iter(left[: len(part)]), left[len(part) :]
            place = tuple(tuple(next(mine) for _ in axis) for axis in run.axes)
            reader.bind(generator.target, run.item(place), inside)
        return reader.value(node.elt, inside)

    return Run((tuple(size for part in parts for size in part),), item, first.step)


def _targets(generator: ast.comprehension) -> set[str]:
    return {each.id for each in ast.walk(generator.target) if isinstance(each, ast.Name)}


def _dict_comprehension(reader: Reader, node: ast.DictComp, frame: Frame) -> Any:
    if len(node.generators) != 1:
        raise Unreadable("a comprehension of this kind")
    found: dict[Any, Any] = {}
    inside = Frame({}, frame)
    for item in items_of(reader, reader.value(node.generators[0].iter, frame)):
        reader.bind(node.generators[0].target, item, inside)
        holds = [reader.truth(reader.value(test, inside)) for test in node.generators[0].ifs]
        if any(not isinstance(each, bool) for each in holds):
            raise Unreadable("a filter on a running index")
        if all(holds):
            found[reader.value(node.key, inside)] = reader.value(node.value, inside)
    return found


def _named(reader: Reader, node: ast.NamedExpr, frame: Frame) -> Any:
    """name := value, where the name is the function's: a comprehension's frame is none."""
    if "__function__" not in frame.names and frame is not reader.globals:
        raise Unreadable(":= in a comprehension")
    found = reader.value(node.value, frame)
    reader.bind(node.target, found, frame)
    return found


def _operation(reader: Reader, node: ast.BinOp, frame: Frame) -> Any:
    left, right = reader.value(node.left, frame), reader.value(node.right, frame)
    if isinstance(node.op, ast.BitAnd | ast.BitOr) and any(map(_is_test, (left, right))):
        return masks.joined(reader, node.op, left, right)
    return operated(reader, node.op, left, right)


def _is_test(found: Any) -> bool:
    return isinstance(found, Test | bool) or (isinstance(found, Grid) and found.kind == "test")


def _unary(reader: Reader, node: ast.UnaryOp, frame: Frame) -> Any:
    found = reader.value(node.operand, frame)
    if isinstance(node.op, ast.Not):
        holds = reader.condition(found)
        return (not holds) if isinstance(holds, bool) else Test(negated(holds))
    refused_operation(node.op, found)
    if isinstance(node.op, ast.UAdd) and isinstance(found, int | Affine | Fraction | Grid):
        return found
    if isinstance(node.op, ast.Invert):
        return masks.turned(found)
    if isinstance(node.op, ast.USub):
        return negative(reader, found)
    raise Unreadable(f"{type(node.op).__name__} of {type(found).__name__}")


def _compare(reader: Reader, node: ast.Compare, frame: Frame) -> Any:
    left = reader.value(node.left, frame)
    held: list[Any] = []
    for op, each in zip(node.ops, node.comparators, strict=True):
        right = reader.value(each, frame)
        found = None
        if isinstance(left, Grid) or isinstance(right, Grid):
            found = masks.comparison(reader, op, left, right)
        if found is None:
            found = compared(reader, op, left, right)
        if found is False:
            return False
        if isinstance(found, Test):
            held += found.holds
        elif not isinstance(found, bool):
            if len(node.ops) > 1:
                raise Unreadable("a comparison of arrays in a chain")
            return found
        left = right
    return Test(tuple(held)) if held else True


def _boolean(reader: Reader, node: ast.BoolOp, frame: Frame) -> Any:
    conjunction = isinstance(node.op, ast.And)
    held: list[Any] = []
    for at, each in enumerate(node.values):
        found = reader.value(each, frame)
        constants = any(isinstance(later, ast.Constant) for later in node.values[at + 1 :])
        if not held and constants and isinstance(found, Affine):  # p or None: one of the two themselves
            holds = reader.truth(found)
            if not isinstance(holds, bool):
                raise Unreadable("a choice between numbers by a running index")
            if holds is not conjunction:
                return found
            continue
        holds = reader.condition(found)
        if isinstance(holds, bool):
            if holds is not conjunction:
                if held:
                    return Test(tuple(held)) if not conjunction and not holds else holds
                return found
            if at == len(node.values) - 1 and not held:
                return found
            continue
        if reader.world.always(holds) or reader.world.never(holds):
            if reader.world.always(holds) is not conjunction:
                return not conjunction
            continue
        held.append(holds)
    if not held:
        return conjunction
    if conjunction:
        return Test(tuple(each for holds in held for each in holds))
    return Test((("or", tuple(held)),))


def _conditional(reader: Reader, node: ast.IfExp, frame: Frame) -> Any:
    holds = reader.truth(reader.value(node.test, frame))
    if isinstance(holds, bool):
        return reader.value(node.body if holds else node.orelse, frame)
    a, b = reader.value(node.body, frame), reader.value(node.orelse, frame)
    if isinstance(a, int | Affine) and isinstance(b, int | Affine):
        return reader.world.choose(holds, a, b)
    raise Unreadable("a choice of arrays by a running index")


def subscripted(reader: Reader, node: ast.expr, frame: Frame) -> Any:
    """What stands between the brackets."""
    return reader.value(node, frame)


def _slice(reader: Reader, node: ast.Slice, frame: Frame) -> Slice:
    return Slice(*(None if each is None else reader.value(each, frame) for each in (node.lower, node.upper, node.step)))


def _subscript(reader: Reader, node: ast.Subscript, frame: Frame) -> Any:
    holder = reader.value(node.value, frame)
    index = subscripted(reader, node.slice, frame)
    return attributes.item(reader, holder, index)


def _lambda(reader: Reader, node: ast.Lambda, frame: Frame) -> Function:
    return Function(node, frame)


def _text(reader: Reader, node: ast.JoinedStr, frame: Frame) -> str:
    parts = []
    for each in node.values:
        if isinstance(each, ast.Constant):
            parts.append(str(each.value))
        elif isinstance(each, ast.FormattedValue):
            found = reader.value(each.value, frame)
            parts.append(found if isinstance(found, str) else "?")
    return "".join(parts)


Expression = Callable[[Reader, Any, Frame], Any]
EXPRESSIONS: dict[type[ast.expr], Expression] = {
    ast.Attribute: _attribute,
    ast.BinOp: _operation,
    ast.BoolOp: _boolean,
    ast.Call: _call,
    ast.Compare: _compare,
    ast.Constant: _constant,
    ast.Dict: _dict,
    ast.DictComp: _dict_comprehension,
    ast.GeneratorExp: _comprehension,
    ast.IfExp: _conditional,
    ast.JoinedStr: _text,
    ast.Lambda: _lambda,
    ast.List: _tuple,
    ast.ListComp: _comprehension,
    ast.Name: _name,
    ast.NamedExpr: _named,
    ast.Slice: _slice,
    ast.Subscript: _subscript,
    ast.Tuple: _tuple,
    ast.UnaryOp: _unary,
}
