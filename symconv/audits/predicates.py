"""The vocabulary of conditions: what can be said of a geometry in a few words, true on every axis or not."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from symconv.layer import relation
from symconv.layer.conv import Axis, Conv
from symconv.layer.loss import rows_read

__all__ = ["NO_TAP", "PREDICATES", "ROOMY", "Predicate", "about", "facts"]


@dataclass(frozen=True)
class Predicate:
    """``text`` holds of a convolution when ``holds`` does; ``negation`` is what is said when it does not.

    ``rank`` orders rules of equal length: what people think of first comes first.
    """

    text: str
    negation: str
    holds: Callable[[Conv], bool]
    rank: int = 0


def _each(test: Callable[[Axis], bool]) -> Callable[[Conv], bool]:
    return lambda conv: all(test(axis) for axis in conv.axes)


def _alike(values: Callable[[Conv], Sequence[int]]) -> Callable[[Conv], bool]:
    return lambda conv: len(set(values(conv))) == 1


def _reach(axis: Axis) -> int:
    """d*(K - 1): the span of a kernel but for its first row."""
    return int(relation.SPAN.evaluate({"K": axis.K, "d": axis.d})) - 1


def _rest(axis: Axis) -> int:
    return axis.values["r"]


@lru_cache(4096)
def _met(axis: Axis) -> NDArray[np.bool_]:
    """Which tap (columns) of which output row meets the input, and not the border."""
    found: NDArray[np.bool_] = rows_read(axis) < axis.H
    return found


def _meets(conv: Conv) -> bool:
    return all(bool(_met(axis).any()) for axis in conv.axes)


def _most_windows(axis: Axis) -> int:
    """In how many windows an input row lies, at most."""
    return int(np.bincount(rows_read(axis)[_met(axis)], minlength=1).max())


def _taps(axis: Axis) -> list[int]:
    """The taps that meet the input."""
    found: list[int] = np.flatnonzero(_met(axis).any(axis=0)).tolist()
    return found


PREDICATES: tuple[Predicate, ...] = (
    Predicate("stride = 1", "stride > 1", _each(lambda a: a.s == 1)),
    Predicate("padding = 0", "padding > 0", _each(lambda a: a.p == a.q == 0)),
    Predicate("2·padding = d(K − 1)", "2·padding ≠ d(K − 1)", _each(lambda a: a.p + a.q == _reach(a))),
    Predicate(
        "the stride divides (remainder 0)", "the stride does not divide (remainder > 0)", _each(lambda a: _rest(a) == 0)
    ),
    Predicate("N = 1", "N > 1", lambda conv: conv.batch == 1),
    Predicate("H = W", "H ≠ W", _alike(lambda conv: conv.input)),
    Predicate("the kernel is square", "the kernel is not square", _alike(lambda conv: conv.kernel)),
    Predicate("the output is square", "the output is not square", _alike(lambda conv: conv.output)),
    Predicate("padding ≤ d(K − 1)", "padding > d(K − 1)", _each(lambda a: max(a.p, a.q) <= _reach(a)), 1),
    Predicate("dilation = 1", "dilation > 1", _each(lambda a: a.d == 1)),
    Predicate("groups = 1", "groups > 1", lambda conv: conv.groups == 1),
    Predicate("K = 1", "K > 1", _each(lambda a: a.K == 1), 1),
    Predicate(
        "the remainder is within the padding", "the remainder exceeds the padding", _each(lambda a: _rest(a) <= a.q), 2
    ),
    Predicate("windows do not overlap", "windows overlap", _each(lambda a: a.s > _reach(a)), 2),
    Predicate("one output position", "several output positions", _each(lambda a: a.O == 1), 2),
    Predicate("input and output are equally large", "input and output differ in size", _each(lambda a: a.H == a.O), 3),
    Predicate("C = 1", "C > 1", lambda conv: conv.in_channels == 1, 2),
    Predicate("F = 1", "F > 1", lambda conv: conv.out_channels == 1, 2),
    Predicate("one input position", "several input positions", _each(lambda a: a.H == 1), 3),
    Predicate("padding ≤ 1", "padding > 1", _each(lambda a: max(a.p, a.q) <= 1), 3),
    Predicate("stride ≤ 2", "stride > 2", _each(lambda a: a.s <= 2), 3),
    Predicate("padding = d(K − 1)", "padding ≠ d(K − 1)", _each(lambda a: a.p == a.q == _reach(a)), 3),
    Predicate("K is odd", "K is even on some axis", _each(lambda a: a.K % 2 == 1), 1),
    Predicate("C = groups", "C > groups", lambda conv: conv.in_channels == conv.groups, 2),
    Predicate("F = groups", "F > groups", lambda conv: conv.out_channels == conv.groups, 2),
    Predicate("dilation = stride", "dilation ≠ stride", _each(lambda a: a.d == a.s), 3),
    Predicate("dilation < stride", "dilation ≥ stride", _each(lambda a: a.d < a.s), 3),
    Predicate(
        "dilation and stride have no common divisor",
        "dilation and stride have a common divisor",
        _each(lambda a: math.gcd(a.d, a.s) == 1),
        3,
    ),
    Predicate(
        "padding is the same before and after", "padding differs before and after", _each(lambda a: a.p == a.q), 2
    ),
    Predicate("C = F", "C ≠ F", lambda conv: conv.in_channels == conv.out_channels, 3),
    Predicate(
        "each input position lies in at most one window",
        "some input position lies in several windows",
        lambda conv: not _meets(conv) or all(_most_windows(axis) <= 1 for axis in conv.axes),
        2,
    ),
    Predicate(
        "no tap but the middle one meets the input",
        "a tap beside the middle one meets the input",
        lambda conv: not _meets(conv) or all(_taps(a) == [a.K // 2] and a.K % 2 == 1 for a in conv.axes),
        3,
    ),
    Predicate(
        "at most one tap meets the input",
        "several taps meet the input",
        lambda conv: not _meets(conv) or all(len(_taps(axis)) == 1 for axis in conv.axes),
        3,
    ),
    Predicate(
        "every side of the input is longer than 1", "a side of the input is 1 long", _each(lambda axis: axis.H > 1), 3
    ),
    Predicate("no tap meets the input", "some tap meets the input", lambda conv: not _meets(conv), 3),
)

#: the numbers of the last two: of layers with room on every axis, and of those in which nothing is multiplied with anything
ROOMY, NO_TAP = len(PREDICATES) - 2, len(PREDICATES) - 1


#: a parameter -> the predicate that holds of all cases where it says nothing
_NOTHING = {"padding": "padding = 0", "stride": "stride = 1", "dilation": "dilation = 1", "groups": "groups = 1"}


def about(constant: Collection[str]) -> list[int]:
    """The numbers of the predicates, those last that speak of a parameter that says nothing: whose predicate, "padding = 0", is
    among the ``constant`` ones."""
    idle = [word for word, text in _NOTHING.items() if text in constant]
    return sorted(range(len(PREDICATES)), key=lambda i: any(word in PREDICATES[i].text for word in idle))


@lru_cache(maxsize=10_000)
def facts(conv: Conv) -> tuple[bool, ...]:
    """Which of the predicates hold of a geometry; many rules are held against few geometries."""
    return tuple(predicate.holds(conv) for predicate in PREDICATES)
