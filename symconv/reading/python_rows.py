"""Python's builtins and the methods of its types, one row each."""

from __future__ import annotations

import ast
from fractions import Fraction
from typing import Any

from symconv.reading.arithmetic import compared, operated
from symconv.reading.arrays import Axis, Grid, Index, Product, fits, length
from symconv.reading.numbers import Affine, at_least
from symconv.reading.numpy_making import stacked
from symconv.reading.numpy_sums import sum_of
from symconv.reading.rows import Needed, table
from symconv.reading.values import Least, Ratio, Row, Run, Test, Typed
from symconv.reading.vectors import Vector
from symconv.reading.views import Slice
from symconv.reading.world import Raised, Unreadable

__all__ = ["BUILTINS", "DICTS", "LISTS", "MODULE_ROWS", "RATIOS", "TEXTS", "TUPLES", "VECTORS"]

BUILTINS: dict[str, Any] = {"True": True, "False": False, "None": None, "__name__": "read", "Ellipsis": ...}
MODULE_ROWS: dict[str, Any] = {}
DICTS: dict[str, Row] = {}
LISTS: dict[str, Row] = {}
TUPLES: dict[str, Row] = {}
TEXTS: dict[str, Row] = {}
VECTORS: dict[str, Row] = {}
RATIOS: dict[str, Row] = {}
builtin, of_module = table(BUILTINS), table(MODULE_ROWS)

for _name in (
    "ValueError",
    "TypeError",
    "AssertionError",
    "Exception",
    "NotImplementedError",
    "RuntimeError",
    "IndexError",
):
    BUILTINS[_name] = Typed(_name)


@builtin("range", first=Needed, stop=None, step=1)
def _range(reader: Any, first: Any, stop: Any, step: Any) -> Any:
    start, stop = (0, first) if stop is None else (first, stop)
    if not all(isinstance(x, int | Affine) for x in (start, stop, step)):
        raise Unreadable("a range of this kind")
    if isinstance(step, Affine):
        if not reader.world.always((at_least(step, 1),)):
            raise Unreadable("a range whose step may be less than one")
        return Run(((stop - start,),), lambda index: start + index[0][0], step)
    if step == 0:
        raise Raised("ValueError")
    if isinstance(start, int) and isinstance(stop, int):
        return range(start, stop, step)
    span = stop - start if step > 0 else start - stop
    count = reader.world.floor(span + abs(step) - 1, abs(step))
    if isinstance(count, int):
        return range(0) if count <= 0 else [start + i * step for i in range(count)]
    return Run(((count,),), lambda index: start + index[0][0] * step)


@builtin("len", a=Needed)
def _len(reader: Any, a: Any) -> Any:
    if isinstance(a, Grid):
        if not a.ndim:
            raise Raised("TypeError")
        return length(a.axes[0])
    if isinstance(a, Run) and len(a.axes) == 1 and a.step is None:
        (count,) = a.axes[0] if len(a.axes[0]) == 1 else (None,)
        return length(a.axes[0]) if count is None else reader.world.largest(count, 0)
    if isinstance(a, Vector):
        return len(a.items)
    if isinstance(a, tuple | list | dict | str | range):
        return len(a)
    raise Unreadable(f"len of {type(a).__name__}")


def _run(reader: Any, a: Any) -> Any:
    found = reader.runs(a)
    if found is not None and found.step is not None:
        raise Unreadable("this use of a range by a size")
    return reader.items(a) if found is None else found


@builtin("enumerate", a=Needed, start=0)
def _enumerate(reader: Any, a: Any, start: Any) -> Any:
    found = _run(reader, a)
    if isinstance(found, list):
        return [(start + n, each) for n, each in enumerate(found)]
    if len(found.axes) != 1 or len(found.axes[0]) != 1:
        raise Unreadable("enumerate over several indices")
    return Run(found.axes, lambda index: (index[0][0] + start, found.item(index)))


@builtin("zip", each_a=(), strict=False)
def _zip(reader: Any, each: Any, strict: Any) -> Any:
    found = [_run(reader, a) for a in each]
    if all(isinstance(a, list) for a in found):
        return [tuple(row) for row in zip(*found, strict=False)]
    if any(isinstance(a, list) for a in found):
        raise Unreadable("zip of a list with what has a size")
    first = found[0].axes
    if any(len(a.axes) != 1 or not fits(reader.world, a.axes[0], first[0]) for a in found):
        raise Unreadable("zip of several lengths")
    return Run(first, lambda index: tuple(a.item(index) for a in found))


@of_module("itertools.product", each_a=(), repeat=1)
def _product(reader: Any, each: Any, repeat: Any) -> Any:
    found = [_run(reader, a) for a in each] * repeat
    runs = [_listed(a) if isinstance(a, list) else a for a in found]
    axes: tuple[Axis, ...] = tuple(axis for a in runs for axis in a.axes)

    def item(index: Index) -> Any:
        values, at = [], 0
        for a in runs:
            values.append(a.item(index[at : at + len(a.axes)]))
            at += len(a.axes)
        return tuple(values)

    return Run(axes, item)


def _listed(items: list[Any]) -> Run:
    def item(index: Any) -> Any:  # of a list, whose length is a number, the indices are numbers
        return items[index[0][0]]

    return Run(((len(items),),), item)


@builtin("reversed", a=Needed)
def _reversed(reader: Any, a: Any) -> Any:
    found = _run(reader, a)
    if isinstance(found, list):
        return found[::-1]
    (count,) = found.axes[0]
    return Run(found.axes, lambda index: found.item(((count - 1 - index[0][0],),)))


@builtin("sum", a=Needed, start=0)
def _sum(reader: Any, a: Any, start: Any) -> Any:
    found = _run(reader, a)
    if isinstance(found, Run):
        total = sum_of(reader, stacked(reader, found), tuple(range(len(found.axes))), None, False)
        return total if start == 0 and isinstance(start, int) else operated(reader, ast.Add(), total, start)
    for each in found:
        start = operated(reader, ast.Add(), start, each)
    return start


def _extreme(name: str, greater: bool) -> None:
    def run(reader: Any, args: list[Any], keywords: dict[str, Any]) -> Any:
        items = list(args[0]) if len(args) == 1 and isinstance(args[0], tuple | list) else args
        if not greater and any(isinstance(each, Product) for each in items):
            if not all(_at_least_one(reader, each) for each in items):
                raise Unreadable("min of products of sizes")
            return Least()
        if keywords or not items or not all(isinstance(each, int | Affine) for each in items):
            raise Unreadable(f"{name} of this")
        found = items[0]
        for each in items[1:]:
            found = reader.world.largest(found, each) if greater else reader.world.smallest(found, each)
        return found

    BUILTINS[name] = Row(name, run)


def _at_least_one(reader: Any, each: Any) -> bool:
    if isinstance(each, Product):
        return each.coefficient > 0 and bool(reader.world.always(tuple(at_least(f, 1) for f in each.factors)))
    return bool(reader.world.always((at_least(each, 1),)))


_extreme("max", True)
_extreme("min", False)


@builtin("int", a=0)
def _int(reader: Any, a: Any) -> Any:
    """Towards zero."""
    world = reader.world
    if isinstance(a, Vector) and len(a.items) == 1:
        return a.items[0]
    if isinstance(a, int | Affine | Product):
        return int(a) if isinstance(a, bool) else a
    if isinstance(a, Fraction):
        return int(a)
    if isinstance(a, Ratio):
        down = world.floor(a.top, a.below)
        if world.always((at_least(a.top, 0),)):
            return down
        return world.choose((at_least(a.top, 0),), down, -world.floor(-a.top, a.below))
    raise Unreadable(f"int of {type(a).__name__}")


@builtin("float", a=0)
def _float(reader: Any, a: Any) -> Any:
    if isinstance(a, Grid) and a.ndim:
        raise Unreadable("float of an array")
    return a


@of_module("math.floor", "numpy.floor", a=Needed)
def _floor(reader: Any, a: Any) -> Any:
    if isinstance(a, Ratio):
        return reader.world.floor(a.top, a.below)
    if isinstance(a, Fraction):
        return a.numerator // a.denominator
    if isinstance(a, int | Affine):
        return a
    raise Unreadable("floor of this")


@of_module("math.ceil", "numpy.ceil", a=Needed)
def _ceil(reader: Any, a: Any) -> Any:
    return -_floor(reader, Ratio(-a.top, a.below) if isinstance(a, Ratio) else -a)


@builtin("abs", a=Needed)
def _abs(reader: Any, a: Any) -> Any:
    if isinstance(a, int | Affine):
        return reader.world.largest(a, -a)
    raise Unreadable("abs of this")


@builtin("divmod", a=Needed, b=Needed)
def _divmod(reader: Any, a: Any, b: Any) -> Any:
    return operated(reader, ast.FloorDiv(), a, b), operated(reader, ast.Mod(), a, b)


@builtin("slice", first=Needed, stop=..., step=None)
def _slice(reader: Any, first: Any, stop: Any, step: Any) -> Any:
    return Slice(None, first, None) if stop is ... else Slice(first, stop, step)


def _sequence(name: str, kind: type) -> None:
    def run(reader: Any, args: list[Any], keywords: dict[str, Any]) -> Any:
        if not args:
            return kind()
        found = _run(reader, args[0])
        return found if isinstance(found, Run) else kind(found)

    BUILTINS[name] = Row(name, run)


_sequence("tuple", tuple)
_sequence("list", list)
BUILTINS["object"] = Row("object", lambda reader, args, keywords: object())


@builtin("dict")
def _dict(reader: Any) -> Any:
    return {}


BUILTINS["dict"] = Row(
    "dict", lambda reader, args, keywords: {**(args[0] if args and isinstance(args[0], dict) else {}), **keywords}
)
BUILTINS["print"] = Row("print", lambda reader, args, keywords: None)
BUILTINS["str"] = Row("str", lambda reader, args, keywords: "?")


@builtin("all", a=Needed)
def _all(reader: Any, a: Any) -> Any:
    held: list[Any] = []
    for each in _run(reader, a):
        holds = reader.condition(each)
        if holds is False:
            return False
        if holds is not True:
            held += holds
    return Test(tuple(held)) if held else True


@builtin("any", a=Needed)
def _any(reader: Any, a: Any) -> Any:
    told = [reader.condition(each) for each in _run(reader, a)]
    if True in told:
        return True
    held = tuple(each for each in told if each is not False)
    return Test((("or", held),)) if held else False


@builtin("isinstance", a=Needed, kind=Needed)
def _isinstance(reader: Any, a: Any, kind: Any) -> bool:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    names = {getattr(each, "name", None) for each in kinds}
    for python, told in (
        (bool, "bool"),
        (int | Affine, "int"),
        (str, "str"),
        (tuple, "tuple"),
        (list, "list"),
        (dict, "dict"),
    ):
        if isinstance(a, python):
            return told in names or (told == "bool" and "int" in names)
    if a is None:
        return False
    if isinstance(a, Grid) and names <= {"int", "integer", "str", "tuple", "list", "dict", "float", "bool"}:
        return False
    raise Unreadable("isinstance of this")


BUILTINS["bool"] = Row("bool", lambda reader, args, keywords: _truth(reader, args[0]))


def _truth(reader: Any, a: Any) -> Any:
    holds = reader.condition(a)
    return holds if isinstance(holds, bool) else Test(holds)


@builtin("getattr", a=Needed, name=Needed, default=...)
def _getattr(reader: Any, a: Any, name: Any, default: Any) -> Any:
    try:
        return reader.attribute(a, name)
    except Raised:
        if default is ...:
            raise
        return default


@table(DICTS)("get", a=Needed, key=Needed, default=None)
def _get(reader: Any, a: Any, key: Any, default: Any) -> Any:
    return a.get(key, default)


@table(DICTS)("items", a=Needed)
def _items(reader: Any, a: Any) -> Any:
    return list(a.items())


@table(DICTS)("keys", a=Needed)
def _keys(reader: Any, a: Any) -> Any:
    return list(a)


@table(DICTS)("values", a=Needed)
def _values(reader: Any, a: Any) -> Any:
    return list(a.values())


@table(LISTS)("append", a=Needed, item=Needed)
def _append(reader: Any, a: Any, item: Any) -> None:
    if reader.loops:
        raise Unreadable("append inside a loop")
    a.append(item)


@table(TEXTS)("split", a=Needed, by=None)
def _split(reader: Any, a: Any, by: Any) -> Any:
    return a.split(by)


@table(TEXTS)("replace", a=Needed, old=Needed, new=Needed)
def _replace(reader: Any, a: Any, old: Any, new: Any) -> Any:
    return a.replace(old, new)


@table(VECTORS)("tolist", a=Needed)
def _tolist(reader: Any, a: Any) -> Any:
    return list(a.items) if a.ndim else a.items[0]


@table(RATIOS)("is_integer", a=Needed)
def _is_integer(reader: Any, a: Any) -> Any:
    rest = a.top - reader.world.floor(a.top, a.below) * a.below
    return compared(reader, ast.Eq(), rest, 0)
