"""What stands behind a dot, and between brackets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from symconv.reading import (
    masks,
    numpy_gather,
    numpy_making,
    numpy_shapes,
    numpy_sums,
    numpy_table,
    python_rows,
    scipy_signal,
)
from symconv.reading.arrays import Grid, length, own, times, value
from symconv.reading.kinds import refused_attribute, refused_index, refused_place
from symconv.reading.reader import Reader
from symconv.reading.values import (
    Class,
    Function,
    Instance,
    Method,
    Module,
    Poison,
    Ratio,
    Row,
    Run,
    Super,
    Test,
    Typed,
)
from symconv.reading.vectors import Vector
from symconv.reading.views import Slice, indexed_by, permuted, position
from symconv.reading.world import Raised, Unreadable

__all__ = ["attribute", "item", "of_module"]


#: the rooms that fill the tables
FILLED = (masks, numpy_gather, numpy_making, numpy_shapes, numpy_sums, scipy_signal)


def of_module(name: str) -> Any:
    """np.zeros and the like, by its whole name."""
    name = {"np": "numpy"}.get(name, name)
    if name in numpy_table.MODULES or name in ("math", "itertools", "functools", "operator", "scipy", "scipy.signal"):
        return Module(name)
    for prefix, rows in (("numpy.", numpy_table.ROWS), ("", python_rows.MODULE_ROWS)):
        if name.startswith(prefix) and name[len(prefix) :] in rows:
            return rows[name[len(prefix) :]]
    return Poison(f"{name.removeprefix('numpy.')}")


def attribute(reader: Reader, holder: Any, name: str) -> Any:
    """holder.name."""
    row = ATTRIBUTES.get(type(holder))
    if row is None:
        refused_attribute(holder, name)
        raise Unreadable(f"the attribute {name} of {type(holder).__name__}")
    found = row(reader, holder, name)
    if isinstance(found, Poison):
        refused_attribute(holder, name)
        raise Unreadable(found.why)
    return found


def _module(reader: Reader, holder: Module, name: str) -> Any:
    found = of_module(f"{holder.name}.{name}")
    if isinstance(found, Poison) and holder.name in ("numpy", "np") and not hasattr(numpy, name):
        raise Raised("AttributeError")
    return found


def _instance(reader: Reader, holder: Instance, name: str) -> Any:
    if name in holder.names:
        return holder.names[name]
    if name == "__class__":
        return holder.made
    try:
        found = holder.made.find(name)
    except KeyError:
        raise Raised("AttributeError") from None
    return _bound(reader, found, holder) if isinstance(found, Function) else found


def _bound(reader: Reader, found: Function, holder: Instance) -> Any:
    """A function of the class, as its instance has it."""
    if found.kind == "property":
        return reader.call(found, [holder])
    if found.kind == "static":
        return found
    return Method(found, holder.made if found.kind == "class" else holder)


def _super(reader: Reader, holder: Super, name: str) -> Any:
    for base in holder.owner.bases:
        try:
            return _bound(reader, base.find(name), holder.bound)
        except KeyError:
            continue
    if name == "__init__":
        return Row("object", lambda reader, args, keywords: None)
    raise Raised("AttributeError")


def _class(reader: Reader, holder: Class, name: str) -> Any:
    try:
        found = holder.find(name)
    except KeyError:
        raise Raised("AttributeError") from None
    if isinstance(found, Function) and found.kind == "property":
        raise Unreadable(f"the property {name} of a class")
    return Method(found, holder) if isinstance(found, Function) and found.kind == "class" else found


def _grid(reader: Reader, holder: Grid, name: str) -> Any:
    if name in FACTS:
        return FACTS[name](reader, holder)
    if name in numpy_table.METHODS:
        return Method(numpy_table.METHODS[name], holder)
    return Poison(f"the array attribute {name}")


def _whole(reader: Reader, holder: Grid) -> Any:
    found: Any = 1
    for axis in holder.axes:
        found = times(found, length(axis))
    return found


FACTS: dict[str, Callable[[Reader, Grid], Any]] = {
    "shape": lambda reader, holder: tuple(length(axis) for axis in holder.axes),
    "ndim": lambda reader, holder: holder.ndim,
    "size": _whole,
    "T": lambda reader, holder: permuted(own(reader.world, holder), range(holder.ndim)[::-1]),
    "dtype": lambda reader, holder: Typed("int" if holder.kind == "int" else "float"),
    "strides": lambda reader, holder: numpy_making.strides_of(holder),
}


def _plain(table: dict[str, Row]) -> Callable[[Reader, Any, str], Any]:
    return lambda reader, holder, name: (
        Method(table[name], holder) if name in table else Poison(f"the attribute {name}")
    )


def _vector(reader: Reader, holder: Vector, name: str) -> Any:
    facts = {"ndim": holder.ndim, "dtype": Typed("int"), "shape": (len(holder.items),) * holder.ndim}
    return facts[name] if name in facts else _plain(python_rows.VECTORS)(reader, holder, name)


def _typed(reader: Reader, holder: Typed, name: str) -> Any:
    if name == "kind":
        return "i" if holder.name == "int" else "f"
    if name == "itemsize":
        return reader.world.bounded(("itemsize", holder.name), 1)
    return Poison(f"the attribute {name} of a dtype")


ATTRIBUTES: dict[type, Callable[[Reader, Any, str], Any]] = {
    Module: _module,
    Instance: _instance,
    Super: _super,
    Class: _class,
    Grid: _grid,
    Vector: _vector,
    Typed: _typed,
    Slice: lambda reader, holder, name: (
        getattr(holder, name) if name in ("start", "stop", "step") else Poison(f"the attribute {name}")
    ),
    Ratio: _plain(python_rows.RATIOS),
    Row: lambda reader, holder, name: of_module(f"numpy.{holder.name}.{name}"),
    dict: _plain(python_rows.DICTS),
    list: _plain(python_rows.LISTS),
    tuple: _plain(python_rows.TUPLES),
    str: _plain(python_rows.TEXTS),
}


def item(reader: Reader, holder: Any, index: Any) -> Any:
    """holder[index]."""
    found = _item(reader, holder, index)
    if isinstance(found, Poison):
        raise Unreadable(found.why)
    return found


def _item(reader: Reader, holder: Any, index: Any) -> Any:
    if isinstance(holder, Grid):
        items = list(index) if isinstance(index, tuple) else [index]
        items = [numpy_making.as_array(reader, each) if isinstance(each, list) else each for each in items]
        try:
            found = indexed_by(reader.world, own(reader.world, holder), items)
        except Unreadable:
            refused_place(items)
            raise
        if not found.ndim and found.kind == "int":
            return found.at(())
        if not found.ndim and found.kind == "test":
            return Test(found.at(()))
        if not found.ndim and Ellipsis not in items:
            return value(reader.world, found)  # one entry is a copy
        return found
    if isinstance(holder, Typed) and holder.name == "index":
        return index
    if isinstance(holder, dict):
        try:
            return holder[index]
        except KeyError:
            raise Raised("KeyError") from None
    if isinstance(holder, Vector):
        holder = list(holder.items)
    if isinstance(holder, tuple | list | str):
        if isinstance(index, Slice):
            if not all(each is None or isinstance(each, int) for each in (index.start, index.stop, index.step)):
                raise Unreadable("a slice of a sequence by a size")
            return holder[index.start : index.stop : index.step]
        if not isinstance(index, int):
            refused_index(holder, index)
            raise Unreadable("an index of a sequence that is no number")
        try:
            return holder[index]
        except IndexError:
            raise Raised("IndexError") from None
    if (
        isinstance(holder, Run)
        and isinstance(index, Slice)
        and (index.start, index.stop, index.step) == (None, None, -1)
    ):
        return reader.call(python_rows.BUILTINS["reversed"], [holder])
    if isinstance(holder, Run) and holder.step is None and len(holder.axes) == len(holder.axes[0]) == 1:
        return holder.item(((position(reader.world, index, holder.axes[0][0]),),))
    if isinstance(holder, Run) and holder.step is None and isinstance(index, int) and index == 0:
        return holder.item(tuple(tuple(position(reader.world, 0, size) for size in axis) for axis in holder.axes))
    refused_index(holder, index)
    raise Unreadable(f"an index of {type(holder).__name__}")
