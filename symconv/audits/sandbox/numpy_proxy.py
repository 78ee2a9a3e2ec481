"""A proxy for the name ``np`` inside audited modules.

Most hand-written gradients allocate their results with ``np.zeros(shape)``: an array of floats, which holds no symbols. In an
audited module, and there only, the name of the NumPy module is bound to a proxy that answers as NumPy does, but for
the functions in a table. NumPy itself is left alone: its own code relies on what its functions return.

Two tables: SYMBOLIC makes arrays of objects where floats are asked for; GUARDED fills what ``np.empty`` leaves unset, and what a
strided view reaches outside its array, with NaN, so that a result which depends on either shows it every time.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.lib import stride_tricks
from numpy.typing import NDArray

from symconv.algebra.polynomials import unset

__all__ = ["GUARDED", "SYMBOLIC", "OutOfBounds", "in_place_of_numpy", "out_of_bounds"]

#: dotted names under numpy -> what stands in for them
Table = Mapping[str, Callable[..., Any]]


class OutOfBounds(Exception):
    """A strided view that reaches outside its array."""


#: what GUARDED saw reach outside its array since the last reset, in words
out_of_bounds: list[str] = []


def _is_float(dtype: Any) -> bool:
    return dtype is None or dtype is object or np.issubdtype(np.dtype(dtype), np.floating)


def _objects(creator: Callable[..., Any], position: int) -> Callable[..., Any]:
    """``creator``, whose dtype is argument number ``position``, with objects in place of floats."""

    def create(*args: Any, **kwargs: Any) -> Any:
        given = args[position] if len(args) > position else kwargs.pop("dtype", None)
        if _is_float(given):
            given = object
        rest = args[position + 1 :]
        return creator(*args[:position], **{**kwargs, "dtype": given}, **dict(zip(("order",), rest, strict=False)))

    return create


def _likewise(creator: Callable[..., Any], position: int) -> Callable[..., Any]:
    """``np.zeros_like`` and its kin: the dtype of the model unless one is given."""

    def create(model: Any, *args: Any, **kwargs: Any) -> Any:
        if len(args) <= position - 1 and kwargs.get("dtype") is None:
            kwargs["dtype"] = np.asarray(model).dtype
        return _objects(creator, position)(model, *args, **kwargs)

    return create


def _empty(shape: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
    if not _is_float(dtype):
        return np.empty(shape, dtype, *args, **kwargs)
    result = np.empty(shape, object, *args, **kwargs)
    result[...] = unset()
    return result


def _empty_like(model: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
    shape = kwargs.pop("shape", None) or np.shape(model)
    return _empty(shape, np.asarray(model).dtype if dtype is None else dtype)


def _nan_empty(*args: Any, **kwargs: Any) -> Any:
    return _with_nan(np.empty(*args, **kwargs))


def _nan_empty_like(*args: Any, **kwargs: Any) -> Any:
    return _with_nan(np.empty_like(*args, **kwargs))


def _with_nan(array: Any) -> Any:
    if np.issubdtype(array.dtype, np.inexact):
        array[...] = np.nan
    return array


def _reach(x: NDArray[Any], shape: Sequence[int], strides: Sequence[int]) -> tuple[int, int]:
    """The lowest and the highest byte, from the start of the view, that a view of this shape touches (highest exclusive)."""
    if any(n == 0 for n in shape):
        return 0, 0
    steps = [(n - 1) * s for n, s in zip(shape, strides, strict=True)]
    return sum(s for s in steps if s < 0), sum(s for s in steps if s > 0) + x.itemsize


def _check_view(x: Any, shape: Any, strides: Any) -> tuple[NDArray[Any], tuple[int, ...], tuple[int, ...], str]:
    array = np.asarray(x)
    shape = tuple(int(n) for n in (array.shape if shape is None else np.atleast_1d(shape)))
    strides = tuple(int(n) for n in (array.strides if strides is None else np.atleast_1d(strides)))
    low, high = _reach(array, shape, strides)
    own_low, own_high = _reach(array, array.shape, array.strides)
    owner: Any = array
    while isinstance(getattr(owner, "base", None), np.ndarray):  # a view may reach anything that its owner holds
        owner = owner.base
    if owner is not array:
        start = array.__array_interface__["data"][0]
        base = owner.__array_interface__["data"][0]
        below, above = _reach(owner, owner.shape, owner.strides)
        own_low, own_high = base + below - start, base + above - start
    beyond = max(0, own_low - low, high - own_high)
    told = ""
    if beyond:
        told = f"as_strided makes a view of shape {shape} that reaches {beyond} bytes outside its array of shape {array.shape}"
    return array, shape, strides, told


def _strided_or_refuse(x: Any, shape: Any = None, strides: Any = None, *args: Any, **kwargs: Any) -> Any:
    *_, told = _check_view(x, shape, strides)
    if told:  # to follow a pointer to an object that is not there ends the interpreter
        raise OutOfBounds(told)
    return stride_tricks.as_strided(x, shape, strides, *args, **kwargs)


def _strided_with_margin(x: Any, shape: Any = None, strides: Any = None, *args: Any, **kwargs: Any) -> Any:
    array, shape, strides, told = _check_view(x, shape, strides)
    if not told:
        return stride_tricks.as_strided(x, shape, strides, *args, **kwargs)
    low, high = _reach(array, shape, strides)
    own_low, own_high = _reach(array, array.shape, array.strides)
    before, total = -min(low, own_low), max(high, own_high) - min(low, own_low)
    if total > 1 << 26 or not np.issubdtype(array.dtype, np.inexact) or before % array.itemsize:
        raise OutOfBounds(told)
    out_of_bounds.append(told)
    buffer = np.full(total // array.itemsize + 1, np.nan, dtype=array.dtype)
    start = buffer[before // array.itemsize :]
    stride_tricks.as_strided(start, array.shape, array.strides)[...] = array
    return stride_tricks.as_strided(start, shape, strides, *args, **kwargs)


SYMBOLIC: Table = {
    "zeros": _objects(np.zeros, 1),
    "ones": _objects(np.ones, 1),
    "full": _objects(np.full, 2),
    "empty": _empty,
    "zeros_like": _likewise(np.zeros_like, 1),
    "ones_like": _likewise(np.ones_like, 1),
    "empty_like": _empty_like,
    "lib.stride_tricks.as_strided": _strided_or_refuse,
}
GUARDED: Table = {
    "empty": _nan_empty,
    "empty_like": _nan_empty_like,
    "lib.stride_tricks.as_strided": _strided_with_margin,
}


class _NumPyProxy(types.ModuleType):
    """Answers as the module it stands for, but for the names in the table."""

    def __init__(self, module: Any, table: Table, path: str = "") -> None:
        super().__init__(module.__name__)
        self.__dict__.update(_real=module, _table=table, _path=path)

    def __getattr__(self, name: str) -> Any:
        path = f"{self._path}.{name}" if self._path else name
        if path in self._table:
            return self._table[path]
        value = getattr(self._real, name)
        if any(key.startswith(f"{path}.") for key in self._table):
            return _NumPyProxy(value, self._table, path)
        return value


#: what is replaced, by the id of the table: made once
_REPLACED: dict[int, dict[int, Any]] = {}


def _replaced(table: Table) -> dict[int, Any]:
    """What stands in for objects of NumPy, by their ids."""
    real: dict[int, Any] = {id(np): _NumPyProxy(np, table)}
    for path, replacement in table.items():
        value: Any = np
        parts = path.split(".")
        for depth, part in enumerate(parts, start=1):
            value = getattr(value, part)
            if depth < len(parts):
                real[id(value)] = _NumPyProxy(value, table, ".".join(parts[:depth]))
        real[id(value)] = replacement
    if table is SYMBOLIC or table is GUARDED:
        _REPLACED[id(table)] = real
    return real


@contextmanager
def in_place_of_numpy(namespaces: Sequence[dict[str, Any]], table: Table) -> Iterator[None]:
    """Inside, names in ``namespaces`` that are bound to NumPy or to a function of the table are bound to what stands in."""
    real = _REPLACED.get(id(table)) or _replaced(table)
    changed: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for namespace in namespaces:
            for name, value in list(namespace.items()):
                if id(value) in real:
                    changed.append((namespace, name, value))
                    namespace[name] = real[id(value)]
        yield
    finally:
        for namespace, name, value in changed:
            namespace[name] = value
