"""Kernels: from the relation and a schedule to NumPy files that stand alone, checked before they are written.

    from symconv.kernels import SCHEDULES, Kind, emit

How a file comes about:

    schedules       what is done with every index: Python loop, slice, matrix product, written out (a table)
    nest            a schedule of R -> loops with the trilinear term inside
    formula_source  the closed formulas -> NumPy in their own words
    unroll          the derivative's terms -> straight-line code
    columns         images gathered into columns, one matrix product at a time
    lowerings       which of these a schedule takes, and the statements around it
    words           headers and docstrings
    helpers, blocks helper functions that are copied into files
    sizes, source   size expressions from the relation; Python source as trees, and its layout
    kernel          all of it -> one file
    checks, peers   the file executed and held against the derivative, integers, complex steps, PyTorch

Names are imported when they are first used, so that the helpers alone need NumPy only (:mod:`symconv.fast` uses them).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symconv.kernels.kernel import Kernel, emit
    from symconv.kernels.nest import Kind
    from symconv.kernels.schedules import SCHEDULES, Schedule

__all__ = ["SCHEDULES", "Kernel", "Kind", "Schedule", "emit"]

_HOME = {
    "SCHEDULES": "symconv.kernels.schedules",
    "Kernel": "symconv.kernels.kernel",
    "Kind": "symconv.kernels.nest",
    "Schedule": "symconv.kernels.schedules",
    "emit": "symconv.kernels.kernel",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'symconv.kernels' has no attribute {name!r}")
