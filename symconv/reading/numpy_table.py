"""The tables of NumPy's functions and array methods, empty; the modules numpy_* put their rows in."""

from __future__ import annotations

import ast
from typing import Any

from symconv.reading.arithmetic import operated
from symconv.reading.rows import table
from symconv.reading.values import Row, Typed

__all__ = ["METHODS", "MODULES", "ROWS", "method", "numpy"]

MODULES = {"numpy", "numpy.lib", "numpy.lib.stride_tricks", "numpy.add", "numpy.linalg"}
ROWS: dict[str, Any] = {}
METHODS: dict[str, Row] = {}
numpy, method = table(ROWS), table(METHODS)

for _name in ("float64", "float32", "float16", "float_", "double", "single", "longdouble", "newaxis"):
    ROWS[_name] = Typed("float")
ROWS["newaxis"] = None
ROWS["s_"] = ROWS["index_exp"] = Typed("index")
ROWS["add"] = Row("add", lambda reader, args, keywords: operated(reader, ast.Add(), *args))
