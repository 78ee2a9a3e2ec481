"""Interpolation points against rounding: the measured error of an algorithm for many choices of its points.

Any different points give an algorithm that is exact on numbers without rounding; in floating point their sizes decide how
much is lost. Source of the rules for good points (small, symmetric, reciprocal): B. Barabasz et al., Error analysis and
improving the accuracy of Winograd convolution for deep neural networks, 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any

import numpy as np
import sympy

from symconv.fast.winograd import POINTS, algorithm, measured_error

__all__ = ["MAX_CHOICES", "PointChoice", "PointTable", "point_table"]

#: choices of points that are measured at most
MAX_CHOICES = 100


@dataclass(frozen=True)
class PointChoice:
    """Points besides infinity and ``||err|| / ||y||`` of the algorithm on them, in float32 and in float64."""

    points: tuple[sympy.Rational, ...]
    float32: float
    float64: float
    default: bool

    @property
    def told(self) -> str:
        return ", ".join([*map(str, self.points), "infinity"])


@dataclass(frozen=True)
class PointTable:
    """Choices of points for F(tile, kernel) on one axis or, nested, on several; the smallest error in float32 first."""

    tile: int
    kernel: int
    axes: int
    choices: tuple[PointChoice, ...]

    @property
    def rank(self) -> int:
        """The place of the points that are taken when none are named, 1 for the smallest error."""
        return 1 + next(i for i, each in enumerate(self.choices) if each.default)

    def text(self, first: int = 10) -> str:
        """The ``first`` choices, and the default one, as plain text."""
        shown = [each for i, each in enumerate(self.choices) if i < first or each.default]
        width = max(len(each.told) for each in shown)
        name = f"F({self.tile}, {self.kernel}) on {self.axes} {'axis' if self.axes == 1 else 'axes'}"
        lines = [f"{name}: {len(self.choices)} choices of points, smallest error first"]
        lines += [f"{'points':{width}}  float32   float64"]
        for each in shown:
            mark = f"   taken when none are named, number {self.rank}" if each.default else ""
            lines.append(f"{each.told:{width}}  {each.float32:.1e}   {each.float64:.1e}{mark}")
        return "\n".join(lines) + "\n"

    def to_dict(self) -> dict[str, Any]:
        return {
            "tile": self.tile,
            "kernel": self.kernel,
            "axes": self.axes,
            "choices": [
                {"points": [*map(str, each.points), "infinity"], "float32": each.float32, "float64": each.float64,
                 "default": each.default}
                for each in self.choices
            ],
        }  # fmt: skip

    def __repr__(self) -> str:
        best = self.choices[0]
        return f"<F({self.tile}, {self.kernel}): best of {len(self.choices)} choices {best.told}, {best.float32:.1e} in float32>"


def point_table(tile: int, kernel: int, axes: int = 2) -> PointTable:
    """Errors of F(tile, kernel), nested on so many axes, for choices of its points: 0, 1, -1 and any others of ``POINTS``.

    At most ``MAX_CHOICES`` are measured, small points first. ValueError as :func:`~symconv.fast.winograd.algorithm`.

    >>> table = point_table(2, 3, axes=1)
    >>> table.choices[0].points, table.rank
    ((0, 1, -1), 1)
    """
    if axes < 1:
        raise ValueError(f"axes {axes} must be at least 1")
    usual = algorithm(tile, kernel).points
    certain = usual[: min(3, len(usual))]
    sets = combinations(POINTS[3:], len(usual) - len(certain))
    chosen = {frozenset(usual): usual}
    for others in islice(sets, MAX_CHOICES):
        chosen.setdefault(frozenset((*certain, *others)), (*certain, *others))
    result = []
    for points in chosen.values():
        nested = [algorithm(tile, kernel, points)] * axes
        errors = [measured_error(nested, dtype, samples=300) for dtype in (np.float32, np.float64)]
        result.append(PointChoice(points, errors[0], errors[1], points == usual))
    return PointTable(tile, kernel, axes, tuple(sorted(result, key=lambda each: each.float32)))
