"""The fewest geometries on which every known mistake shows: a set cover, exact.

A geometry catches a mistake when the code that makes it returns a wrong value or shape there, or raises.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from symconv.audits.grids import grid_of
from symconv.courses.conv_case import ConvCase
from symconv.courses.mistakes import MISTAKES
from symconv.layer.conv import Conv

__all__ = ["candidates", "catches", "cheapest_cover", "fails", "matrix", "minimal", "taught"]

#: what a function may take beside stride and padding, one of each for all axes -> the values that candidates have
PARAMETERS: dict[str, dict[str, Sequence[Any]]] = {
    "dilation": {"dilation": (1, 2)},
    "groups": {"groups": (1, 2)},
    "oblong": {"stride": ((2, 1), (1, 3), (3, 2))},
    "asymmetric": {"padding": (((0, 1), (2, 0)), ((1, 2), (0, 1)))},
}


def candidates(ndim: int = 2, parameters: Iterable[str] = (), points: Sequence[int] = (0, 2)) -> list[ConvCase]:
    """The cases that a cover may choose from: the default grid, on small numbers and on large ones.

    ``parameters`` are those that the functions take beside one stride and one padding: dilation, groups, oblong (a stride for
    each axis), asymmetric (padding before and after).
    """
    strides: list[Any] = [1, 2, 3]
    paddings: list[Any] = [0, 1, 2]
    options: dict[str, Any] = {}
    for name in parameters:
        values = PARAMETERS[name]
        if "stride" in values:
            strides += (
                [tuple(itertools.islice(itertools.cycle(value), ndim)) for value in values["stride"]]
                if ndim > 1
                else []
            )
        elif "padding" in values:
            paddings += [tuple(itertools.islice(itertools.cycle(value), ndim)) for value in values["padding"]]
        else:
            options |= values
    convs = grid_of("default", ndim=ndim, stride=strides, padding=paddings, **options)
    return [ConvCase(conv, number=number) for conv in convs for number in points]


def catches(backward: Callable[..., Any], case: ConvCase) -> bool:
    """Whether a function called as fn(x, w, b, dy, stride, padding, dilation=, groups=) is not right on a case."""
    return fails(backward, case.conv, [case.x, case.w, case.b, case.dy], [case.dx, case.dw, case.db])


def fails(backward: Callable[..., Any], conv: Conv, arrays: Sequence[Any], true: Sequence[Any]) -> bool:
    """Whether the function raises or returns other shapes or values than ``true`` (dx, dw, db) for ``arrays`` (x, w, b, dy)."""
    options = {"dilation": conv.dilation} if any(d > 1 for d in conv.dilation) else {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            result = backward(*arrays, conv.stride, conv.padding, groups=conv.groups, **options)
        except Exception:
            return True
    return any(a.shape != b.shape or not np.array_equal(a, b) for a, b in zip(result, true, strict=True))


def matrix(cases: Sequence[ConvCase], keys: Sequence[str]) -> list[int]:
    """For each case the mistakes that it catches, as bits in the order of ``keys``."""
    return [sum(1 << i for i, key in enumerate(keys) if catches(MISTAKES[key].backward, case)) for case in cases]


def _cost(case: ConvCase) -> tuple[int, int]:
    return case.conv.terms, case.number


def cheapest_cover(cases: Sequence[ConvCase], sets: Sequence[int]) -> list[ConvCase]:
    """The fewest cases whose sets have every bit that any has; of several covers one of the least work.

    Exact: every smaller number of cases is ruled out first, by a search over all choices for the bit that the fewest cases have.
    """
    everything = 0
    for bits in sets:
        everything |= bits
    order = sorted(range(len(cases)), key=lambda i: _cost(cases[i]))
    kept: dict[int, int] = {}
    for i in order:
        kept.setdefault(sets[i], i)
    useful = [b for b in kept if not any(b != other and b | other == other for other in kept)]
    for size in itertools.count(1):
        found = list(_covers(everything, useful, size))
        if found:
            best = min(found, key=lambda cover: sum(_cost(cases[kept[b]])[0] for b in cover))
            return [cases[kept[b]] for b in best]
    raise AssertionError("unreachable")


def _covers(missing: int, sets: Sequence[int], size: int) -> Iterable[tuple[int, ...]]:
    """Every choice of at most ``size`` sets that together have the bits of ``missing``."""
    if not missing:
        yield ()
        return
    if size == 0:
        return
    rarest = min(_bits(missing), key=lambda bit: sum(1 for each in sets if each & bit))
    for each in sets:
        if each & rarest:
            for rest in _covers(missing & ~each, sets, size - 1):
                yield (each, *rest)


def _bits(number: int) -> Iterable[int]:
    while number:
        bit = number & -number
        yield bit
        number ^= bit


def taught(parameters: Iterable[str] = ()) -> list[str]:
    """The keys of the mistakes that can show with those parameters, in the table's order."""
    allowed = set(parameters)
    return [key for key, mistake in MISTAKES.items() if mistake.needs <= allowed]


def minimal(ndim: int = 2, parameters: Sequence[str] = ()) -> tuple[list[ConvCase], list[str]]:
    """The fewest cases, and the mistakes that no candidate catches (along one axis some do not exist)."""
    cases, keys = candidates(ndim, parameters), taught(parameters)
    sets = matrix(cases, keys)
    together = 0
    for bits in sets:
        together |= bits
    return cheapest_cover(cases, sets), [key for i, key in enumerate(keys) if not together >> i & 1]
