"""Kernels: from the relation and a schedule to NumPy files that stand alone, checked before they are written.

    from symconv.kernels import SCHEDULES, Kind, emit

How a file comes about:

    schedules       what is done with every index: Python loop, slice, matrix product, written out (a table)
    nest            a schedule of R -> loops with the trilinear term inside
    formula_source  the closed formulas -> NumPy in their own words
    unroll          the derivative's terms -> straight-line code
    lowerings       which of the three a schedule takes, and the statements around it
    words, prelude  headers and docstrings; helper functions that are copied into files
    sizes, source   size expressions from the relation; Python source as trees, and its layout
    emit            all of it -> one file
    checks, peers   the file executed and held against the derivative, integers, complex steps, PyTorch
    cases.toml      what the project writes; cases reads it
    project         a case list -> files, written whole or compared with those that are there

The files written under ``generated/``:

    kernels/        conv2d_taps.py, conv_transpose1d_loops.py, ...; conv2d_unrolled_in4x4_k2x2.py for one size
    derivations/    in4x4-k2x2.en.tex, in4x4-k2x2.fr.md, ...
    report.md, report.json   what was checked, on which layers, with which verdict
"""

from __future__ import annotations

from symconv.kernels.emit import Kernel, emit
from symconv.kernels.nest import Kind
from symconv.kernels.schedules import SCHEDULES, Schedule

__all__ = ["SCHEDULES", "Kernel", "Kind", "Schedule", "emit"]
