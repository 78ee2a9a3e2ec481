"""What a function was called with before: the runs that tell whether its results depend on it, and on how arrays lie in memory.

A case is called in two processes and two orders. In the second, layers of the same shapes but other stride or padding go
first: what was cached by shape shows. A result that differs is wrong, and what it depends on is named.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from symconv.audits.calls import Returned
from symconv.audits.sandbox.refusals import Failure
from symconv.audits.sandbox.remote import Process, Raised
from symconv.audits.truth import Point
from symconv.layer.conv import Conv

__all__ = ["KEPT", "MANNERS", "alike", "mixed", "named", "neighbours", "of_manner"]

#: ways to hand arrays over that must not matter, and how they are called
MANNERS = {"strided": "not contiguous", "read-only": "read-only", "single": "float32"}

#: what float32 can differ by where results are not computed by sums of products alone
SINGLE = 1e-5

KEPT = (
    "not deterministic: it gives an earlier call's result (something is kept by x, w or dy alone, or by where they lie)"
)
_CHANCE = "not deterministic: the same arguments give different results"


def neighbours(conv: Conv) -> Iterator[Conv]:
    """At most two layers with the shapes of x and w of this one: of another stride, and of another padding."""
    same = (conv.x_shape, conv.w_shape)
    changes = itertools.chain(
        ({"stride": tuple(s % 3 + 1 for s in conv.stride)}, {"stride": tuple(max(1, s - 1) for s in conv.stride)}),
        (None,),
        ({"padding": tuple((p + 1, q + 1) for p, q in conv.padding)},),
    )
    found = False
    for change in changes:
        if change is None:
            found = False
            continue
        try:
            other = replace(conv, **change)
        except ValueError:
            continue
        if not found and other != conv and (other.x_shape, other.w_shape) == same:
            found = True
            yield other


def mixed(first: Point, second: Point) -> Iterator[Point]:
    """Points with one array of the second and two of the first: what is kept by some of the arrays alone shows there."""
    for name in ("dy", "w", "x"):
        yield first | {name: second[name]}


def alike(a: Returned, b: Returned, apart: float = 1e-9) -> bool:
    """Whether two calls returned the same, but for rounding."""
    if a.outputs.keys() != b.outputs.keys():
        return False
    return all(_close(a.outputs[name], b.outputs[name], apart) for name in a.outputs)


def _close(a: object, b: object, apart: float) -> bool:
    first, second = np.asarray(a), np.asarray(b)
    if first.shape != second.shape:
        return False
    if np.array_equal(first, second):
        return True
    if first.dtype.kind not in "biuf" or second.dtype.kind not in "biuf":
        return False
    scale = float(np.abs(first.astype(np.float64)).max(initial=0))
    return bool(np.allclose(first, second, rtol=0, atol=apart * scale, equal_nan=True))


def named(process: Process, at: Point, other: Point) -> str:
    """What results depend on that come out otherwise at the same arguments, told from calls in fresh processes."""
    try:
        alone = []
        for _ in range(2):
            with process.fresh() as fresh:
                alone.append(fresh.gradients(at))
        if not alike(alone[0], alone[1]):
            return _CHANCE
        with process.fresh() as fresh:
            if not alike(fresh.gradients(at, unwatched=True), alone[0]):
                return "not deterministic: it gives another result where it cannot see who calls it"
        with process.fresh() as fresh:
            first, between, again = fresh.gradients(at), fresh.gradients(other), fresh.gradients(at)
        with process.fresh() as fresh:
            second = fresh.gradients(other)
            often = fresh.gradients(other, times=12)
    except Raised:
        return _CHANCE
    if not (alike(first, again) and alike(between, second) and alike(second, often)):
        return f"{_CHANCE}; it depends on earlier calls (fresh processes agree)"
    return (
        f"{_CHANCE} after a layer of the same shapes with another stride or padding (something is kept by shape alone)"
    )


def of_manner(manner: str, answer: Returned | Failure, seen: Returned) -> Iterator[str]:
    """What happens on arrays that lie otherwise in memory, when that matters."""
    word = MANNERS[manner]
    if isinstance(answer, Failure):
        ends = "does not end" if answer.phase == "process" else "raises"
        yield f"{ends} on arrays that are {word}: {answer.message}"
    elif not alike(answer, seen, SINGLE if manner == "single" else 1e-9):
        yield f"computes something else on arrays that are {word}"
