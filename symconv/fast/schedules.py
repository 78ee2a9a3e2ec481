"""The fast schedules as data: what each does with every index of the sum over R, and for which layers.

:mod:`symconv.fast.choice` has the functions that make y, dx and dw by each. dx is y of another layer (the phases of the
stride), unless it has a way of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FAST", "FastSchedule"]


@dataclass(frozen=True)
class FastSchedule:
    """What becomes of the indices n (image), o (place), k (tap) and c, f (channels, filters), and why it is right."""

    name: str
    n: str
    o: str
    k: str
    channels: str
    why: str
    needs: str = "any layer"


FAST: dict[str, FastSchedule] = {
    each.name: each
    for each in (
        FastSchedule(
            "blocked",
            n="as many as fit a block",
            o="columns of a matrix product, in blocks that stay in the caches",
            k="gathered beside c: the rows m = s*o + d*k - p of x become columns (o) of a matrix",
            channels="f rows, c and k summed over by one matrix product",
            why="dx is y of dy by the phases of the stride: m + p = s*i + e fixes k modulo s, and then o.",
        ),
        FastSchedule(
            "scatter",
            n="as many as fit a block",
            o="columns of a matrix product",
            k="rows beside c, each added to dx where blocked gathers it",
            channels="f summed over by one matrix product",
            why="it is the adjoint of gathering; y and dw are blocked.",
        ),
        FastSchedule(
            "rows",
            n="shared out among threads, and in columns beside o",
            o="first axis: a stack of products, each of the rows of x that it meets, which overlap; others: columns",
            k="first axis: rows below each other, never copied; others: copied beside c, or the same rows begun elsewhere",
            channels="f rows, c summed over together with k; for dw rows of dy times rows of x, channels last",
            why="row s*o + d*k - p of x is row o's first one and k more in steps of d, and one step to the right is one tap on.",
        ),
        FastSchedule(
            "windows",
            n="as many as fit the workspace",
            o="axes of a sliding window view",
            k="axes of the same view",
            channels="c and k summed over by tensordot",
            why="the view is R itself: entry (o, k) is row s*o + d*k - p.",
        ),
        FastSchedule(
            "pointwise",
            n="Python's part of a stacked matrix product",
            o="columns where they lie",
            k="one tap: m = o",
            channels="f rows, c summed over",
            why="with one tap, stride 1 and no padding R is the identity.",
            needs="one tap, stride 1, no padding",
        ),
        FastSchedule(
            "depthwise",
            n="as in rows",
            o="first axis: four at a time, the rows of one product; others: columns",
            k="first axis: a band of the weights' matrix, zero where o does not meet the row; others: copied",
            channels="nothing to sum over but taps",
            why="it is rows with several o in one product.",
            needs="one channel of x for each group",
        ),
        FastSchedule(
            "winograd",
            n="shared out among threads",
            o="tiles of m on each axis, transformed by A an axis at a time",
            k="transformed by G",
            channels="f and c last: a matrix product for each row of the algorithm",
            why="sum over q of A[o, q] G[q, k] B[q, i] = [i = o + k], checked exactly where the matrices were derived; "
            "y and dw leave out one factor each, and dx is y of dy.",
            needs="stride 1, floating point, taps that have an algorithm here",
        ),
        FastSchedule(
            "fft",
            n="some at a time",
            o="frequencies of a transform over a period that no window leaves",
            k="the same frequencies",
            channels="f and c: a matrix product at each frequency",
            why="entry s*o of the cyclic sum over rows and taps d apart is y, and entry d*k of that over rows and dy s apart dw.",
            needs="real floating point",
        ),
    )
}
