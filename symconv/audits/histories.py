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
from symconv.audits.sandbox.remote import Process, Raised
from symconv.audits.truth import Point
from symconv.layer.conv import Conv

__all__ = ["MANNERS", "alike", "named", "neighbours", "of_manner"]

#: ways to hand arrays over that must not matter, and how they are called
MANNERS = {"strided": "not contiguous", "read-only": "read-only"}

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


def alike(a: Returned, b: Returned) -> bool:
    """Whether two calls returned the same, but for rounding."""
    if a.outputs.keys() != b.outputs.keys():
        return False
    return all(_close(a.outputs[name], b.outputs[name]) for name in a.outputs)


def _close(a: object, b: object) -> bool:
    first, second = np.asarray(a), np.asarray(b)
    if first.shape != second.shape:
        return False
    if first.dtype.kind not in "biuf" or second.dtype.kind not in "biuf":
        return bool(np.array_equal(first, second))
    scale = float(np.abs(first.astype(np.float64)).max(initial=0))
    return bool(np.allclose(first, second, rtol=0, atol=1e-9 * scale, equal_nan=True))


def named(process: Process, at: Point, other: Point) -> str:
    """What results depend on that come out otherwise at the same arguments, told from calls in fresh processes."""
    try:
        alone = []
        for _ in range(2):
            with process.fresh() as fresh:
                alone.append(fresh.gradients(at))
        if not alike(*alone):
            return _CHANCE
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


def of_manner(process: Process, at: Point, seen: Returned) -> Iterator[str]:
    """What happens on arrays that lie otherwise in memory, when that matters."""
    for manner, word in MANNERS.items():
        try:
            returned = process.gradients(at, manner=manner)
        except Raised as raised:
            if process.process is None:
                yield f"does not end on arrays that are {word}: {raised.failure.message}"
                return
            yield f"raises on arrays that are {word}: {raised.failure.message}"
            continue
        if not alike(returned, seen):
            yield f"computes something else on arrays that are {word}"
