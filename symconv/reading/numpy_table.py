"""The tables of NumPy's functions and array methods, empty; the modules numpy_* put their rows in."""

from __future__ import annotations

import ast
from typing import Any

from symconv.reading.arithmetic import operated
from symconv.reading.arrays import Grid, store
from symconv.reading.rows import table
from symconv.reading.values import Row, Typed
from symconv.reading.world import Unreadable

__all__ = ["METHODS", "MODULES", "ROWS", "SILENT", "method", "numpy"]

MODULES = {"numpy", "numpy.lib", "numpy.lib.stride_tricks", "numpy.linalg"}
ROWS: dict[str, Any] = {}
METHODS: dict[str, Row] = {}
numpy, method = table(ROWS), table(METHODS)

for _name in ("float64", "float32", "float16", "float_", "double", "single", "longdouble", "newaxis"):
    ROWS[_name] = Typed("float")
ROWS["newaxis"], ROWS["integer"] = None, Typed("integer")
#: a with statement that changes no value
SILENT = Typed("errstate")


def _errstate(reader: Any, args: list[Any], keywords: dict[str, Any]) -> Any:
    if args or not set(keywords.values()) <= {"ignore", "warn"}:
        raise Unreadable("errstate of this")
    return SILENT


ROWS["errstate"] = Row("errstate", _errstate)
ROWS["s_"] = ROWS["index_exp"] = Typed("index")
for _name, _op in (
    ("add", ast.Add()),
    ("divide", ast.Div()),
    ("true_divide", ast.Div()),
    ("floor_divide", ast.FloorDiv()),
    ("multiply", ast.Mult()),
    ("subtract", ast.Sub()),
):

    def _operator(
        reader: Any, args: list[Any], keywords: dict[str, Any], op: ast.operator = _op, name: str = _name
    ) -> Any:
        if not keywords.keys() <= {"out"} or len(args) != 2:
            raise Unreadable(f"{name} with more than two arrays")
        out = keywords.get("out")
        if isinstance(out, Grid) and out is args[0] and isinstance(op, ast.Add | ast.Sub) and isinstance(args[1], Grid):
            store(reader.world, out, args[1], 1 if isinstance(op, ast.Add) else -1, True, reader.guard())
            return out
        found = operated(reader, op, *args)
        if out is None:
            return found
        if not isinstance(out, Grid) or not isinstance(found, Grid):
            raise Unreadable("this out=")
        store(reader.world, out, found, 1, False, reader.guard())
        return out

    ROWS[_name] = Row(_name, _operator)
