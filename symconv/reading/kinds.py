"""What Python's own types refuse: an attribute that none has, a call of a number, a sum of a tuple and a number.

What a name holds in the reader stands for a value of one of a few Python types; for each there are samples. Where the operation
raises TypeError for every sample, it does so for every value; where one sample lets it pass, nothing is said. Operations that
look at more of a value than its type (``%`` of a text) are not asked.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from symconv.reading.arrays import Grid, Product, Step
from symconv.reading.numbers import Affine
from symconv.reading.values import Class, Function, Least, Method, Ratio, Row, Run, Test
from symconv.reading.vectors import Vector
from symconv.reading.views import Slice
from symconv.reading.world import Raised

__all__ = [
    "refused_attribute",
    "refused_builtin",
    "refused_call",
    "refused_index",
    "refused_iteration",
    "refused_length",
    "refused_names",
    "refused_operation",
    "refused_place",
]


def _function() -> None:
    return None


#: floats with whole values are integers in the reader
NUMBER = (1, 1.0, np.int64(1), np.float64(1))
ARRAY = (np.ones(1), np.ones((1, 1)), np.ones(1, int), np.float64(1), np.int64(1))
SEQUENCE: tuple[Any, ...] = ([1], (1,), range(1), iter(()), zip(()), enumerate(()))
CALLABLE: tuple[Any, ...] = (_function, abs, [].append, int)

#: kind of value in the reader -> samples of what it may be when the function runs
SAMPLES: dict[type, tuple[Any, ...]] = {
    Affine: NUMBER,
    Class: (type("Sample", (), {}),),
    Fraction: (0.5, np.float64(0.5)),
    Function: CALLABLE,
    Grid: ARRAY,
    Least: NUMBER,
    Method: CALLABLE,
    Product: NUMBER,
    Ratio: (0.5, np.float64(0.5)),
    Row: CALLABLE,
    Run: SEQUENCE,
    Slice: (slice(None), slice(1, 2)),
    Step: NUMBER,
    Test: (True, np.True_, np.array([True])),
    Vector: ARRAY,
    bool: (True, np.True_),
    dict: ({}, {"a": 1}),
    int: NUMBER,
    list: SEQUENCE,
    range: (range(1),),
    str: ("", "a", "1"),
    tuple: ((), (1,), ("a",), (None,)),
    type(None): (None,),
}

OPERATIONS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.MatMult: operator.matmul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}


def refused_operation(op: ast.AST, *values: Any) -> None:
    """TypeError of the function where Python knows no such operation on values of these types."""
    if isinstance(op, ast.Mod) and isinstance(values[0], str):
        return
    if type(op) in OPERATIONS and _always(OPERATIONS[type(op)], *_kinds(*values)):
        raise Raised("TypeError")


def refused_builtin(function: Callable[..., Any], values: list[Any]) -> None:
    """TypeError of the function where a builtin takes no values of these types."""
    if _always(function, *_kinds(*values)):
        raise Raised("TypeError")


def refused_names(value: Any) -> None:
    """TypeError of the function where ``**value`` cannot be for values of this type."""
    if type(value) in SAMPLES and not any(hasattr(each, "keys") for each in SAMPLES[type(value)]):
        raise Raised("TypeError")


def refused_attribute(value: Any, name: str) -> None:
    """AttributeError of the function where no value of this type has the attribute."""
    samples = SAMPLES.get(type(value))
    # functions of modules carry what they like
    if (
        samples
        and not isinstance(value, Row | Class | Function | Method)
        and not any(hasattr(s, name) for s in samples)
    ):
        raise Raised("AttributeError")


def refused_call(value: Any) -> None:
    """TypeError of the function where no value of this type can be called."""
    samples = SAMPLES.get(type(value))
    if samples and not any(map(callable, samples)):
        raise Raised("TypeError")


def refused_iteration(value: Any) -> None:
    """TypeError of the function where no value of this type can be run through."""
    if isinstance(value, Grid):
        if not value.ndim:
            raise Raised("TypeError")
    elif type(value) in SAMPLES and _always(iter, *_kinds(value)):
        raise Raised("TypeError")


def refused_index(value: Any, index: Any) -> None:
    """TypeError of the function where ``value[index]`` cannot be for values of these types."""
    number = isinstance(value, int | Affine | Product | Least) and isinstance(index, int | Affine | Slice | str)
    named = isinstance(value, Grid | Vector | Row | Class)
    if number or (type(value) in SAMPLES and not named and _always(_item, *_kinds(value, index))):
        raise Raised("TypeError")


def refused_place(items: list[Any]) -> None:
    """What NumPy raises where an array takes no such index: data, a text, a slice to what is no integer."""
    for item in items:
        if isinstance(item, str) or _is_data(item):
            raise Raised("IndexError")
        if isinstance(item, Slice):
            for each in (item.start, item.stop, item.step):
                if _is_data(each) or _always(_cut, *_kinds(each)):
                    raise Raised("TypeError")


def refused_length(value: Any) -> None:
    """TypeError of the function where no axis can have such a length."""
    if _is_data(value) or _always(_length, *_kinds(value)):
        raise Raised("TypeError")


def _is_data(value: Any) -> bool:
    return isinstance(value, Grid) and value.kind not in ("int", "test")


def _cut(bound: Any) -> Any:
    return [1, 2][bound:]


def _length(size: Any) -> Any:
    return np.empty((size,))


def _item(value: Any, index: Any) -> Any:
    return value[index]


def _kinds(*values: Any) -> tuple[Any, ...]:
    return tuple(map(type, values))


@cache
def _always(operation: Any, *kinds: Any) -> bool:
    """Whether the operation raises TypeError for every sample of the kinds."""
    if any(kind not in SAMPLES for kind in kinds):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return all(_refuses(operation, each) for each in product(*(SAMPLES[kind] for kind in kinds)))


def _refuses(operation: Callable[..., Any], values: tuple[Any, ...]) -> bool:
    try:
        operation(*values)
    except TypeError:
        return True
    except Exception:
        return False
    return False
