"""Mistakes that people make in a backward pass, as code: one step of a right one done otherwise.

This is code as people write it, padding first and then a loop over taps, and a deliberate second opinion: nothing in it reads
the relation. It serves to choose test geometries (:mod:`symconv.courses.cover`) and to say what a geometry catches.

>>> sorted(MISTAKES)[:3], len(MISTAKES) >= 40
(['asymmetric-padding', 'clips', 'clips-large'], True)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MISTAKES", "Backward", "Mistake"]

Array = NDArray[Any]


def _pairs(value: Any, ndim: int) -> list[tuple[int, int]]:
    values = list(value) if isinstance(value, Sequence) else [value] * ndim
    return [(v, v) if isinstance(v, int) else (v[0], v[1]) for v in values]


def _each(value: Any, ndim: int) -> list[int]:
    return list(value) if isinstance(value, Sequence) else [value] * ndim


class Backward:
    """dx (N, C, *H), dw (F, C/groups, *K) and db (F,) of a convolution, by a loop over taps.

    Called as ``fn(x, w, b, dy, stride, padding, dilation=1, groups=1)``. A mistake replaces one of the methods.
    """

    def __call__(
        self,
        x: Array,
        w: Array,
        b: Array,
        dy: Array,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> tuple[Array, Array, Array]:
        self.ndim = x.ndim - 2
        self.x, self.w, self.dy = x, w, dy
        self.s, self.d, self.p = _each(stride, self.ndim), _each(dilation, self.ndim), _pairs(padding, self.ndim)
        self.size, self.K, self.O = x.shape[2:], w.shape[2:], dy.shape[2:]
        self.groups = groups
        padded = np.pad(x, ((0, 0), (0, 0), *self.pad_w()))
        return self.dx(), self.dw(padded), self.db()

    # steps -------------------------------------------------------------------------------------------------------------------

    def pad_w(self) -> list[tuple[int, int]]:
        """Padding of x for dw."""
        return self.p

    def stride_x(self) -> list[int]:
        return self.s

    def stride_w(self) -> list[int]:
        return self.s

    def dilation_x(self) -> list[int]:
        return self.d

    def dilation_w(self) -> list[int]:
        return self.d

    def tap_x(self, tap: tuple[int, ...]) -> tuple[int, ...]:
        """The tap of w that goes where ``tap`` does, in dx."""
        return tap

    def tap_w(self, tap: tuple[int, ...]) -> tuple[int, ...]:
        return tap

    def dy_x(self) -> Array:
        return self.dy

    def dy_w(self) -> Array:
        return self.dy

    def add(self, total: Array, part: Array) -> Array:
        """What stands in dx after a tap's part is brought in."""
        return total + part

    def room(self) -> list[int]:
        """The padded size of dx."""
        return [H + p + q for H, (p, q) in zip(self.size, self.p, strict=True)]

    def crop(self, padded: Array) -> Array:
        rows = (slice(p, p + H) for H, (p, _) in zip(self.size, self.p, strict=True))
        return padded[(slice(None), slice(None), *rows)]

    def group_w(self, g: int) -> int:
        """The group of filters that group ``g`` of dy is multiplied by in dx."""
        return g

    def finish_x(self, dx: Array) -> Array:
        return dx

    def finish_w(self, dw: Array) -> Array:
        return dw

    def db(self) -> Array:
        return np.asarray(self.dy.sum(axis=(0, *range(2, self.dy.ndim))))

    # the loops ---------------------------------------------------------------------------------------------------------------

    def window(
        self, tap: tuple[int, ...], stride: list[int], dilation: list[int], size: Sequence[int]
    ) -> tuple[slice, ...]:
        """The rows of the padded input that a tap meets."""
        axes = zip(tap, stride, dilation, self.O, size, strict=True)
        return tuple(slice(k * d, k * d + (O - 1) * s + 1, s) for k, s, d, O, _ in axes)

    def dx(self) -> Array:
        room = self.room()
        total = np.zeros((*self.x.shape[:2], *room), dtype=self.dtype_x())
        per_f, per_c, dy = self.w.shape[0] // self.groups, self.w.shape[1], self.dy_x()
        for g in range(self.groups):
            f, c = slice(g * per_f, (g + 1) * per_f), slice(g * per_c, (g + 1) * per_c)
            other = self.group_w(g)
            w = self.w[other * per_f : (other + 1) * per_f]
            for tap in np.ndindex(*self.K):
                here = (slice(None), c, *self.window(tap, self.stride_x(), self.dilation_x(), room))
                at: Any = (..., *self.tap_x(tap))
                part = np.einsum("nf...,fc->nc...", dy[:, f], w[at])
                total[here] = self.add(total[here], part)
        return self.finish_x(self.crop(total))

    def dw(self, padded: Array) -> Array:
        total: Array = np.zeros(self.w.shape)
        per_f, per_c, dy = self.w.shape[0] // self.groups, self.w.shape[1], self.dy_w()
        for g in range(self.groups):
            f, c = slice(g * per_f, (g + 1) * per_f), slice(g * per_c, (g + 1) * per_c)
            for tap in np.ndindex(*self.K):
                rows = padded[(slice(None), c, *self.window(tap, self.stride_w(), self.dilation_w(), padded.shape[2:]))]
                axes = [0, *range(2, rows.ndim)]
                at: Any = (f, slice(None), *self.tap_w(tap))
                total[at] = np.tensordot(dy[:, f], rows, (axes, axes))
        return self.finish_w(total)

    def dtype_x(self) -> Any:
        return np.float64


@dataclass(frozen=True)
class Mistake:
    """A mistake: what is done wrong, the code that does it, the parameters it needs beside stride and padding."""

    key: str
    text: str
    backward: Callable[..., tuple[Array, Array, Array]]
    needs: frozenset[str] = frozenset()


MISTAKES: dict[str, Mistake] = {}


def _mistake(key: str, text: str, *needs: str) -> Callable[[type[Backward]], type[Backward]]:
    def add(steps: type[Backward]) -> type[Backward]:
        MISTAKES[key] = Mistake(key, text, lambda *args, **options: steps()(*args, **options), frozenset(needs))
        return steps

    return add


def _changed(key: str, text: str, *needs: str, **methods: Callable[..., Any]) -> None:
    """A mistake that replaces the methods named."""
    _mistake(key, text, *needs)(type(key, (Backward,), dict(methods)))


def _reversed(self: Backward, tap: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(K - 1 - k for k, K in zip(tap, self.K, strict=True))


def _swapped_taps(self: Backward, tap: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(k if k < K else 0 for k, K in zip(tap[::-1], self.K, strict=True))


def _ones(self: Backward) -> list[int]:
    return [1] * self.ndim


def _first_only(values: list[Any], other: Any) -> list[Any]:
    return [values[0], *[other] * (len(values) - 1)]


def _turned(self: Backward) -> Array:
    square = len(set(self.O)) == 1
    return self.dy.swapaxes(2, self.dy.ndim - 1) if square else self.dy.reshape(self.dy.shape, order="F")


def _crop_rows(start: Callable[[int, int, int], slice]) -> Callable[[Backward, Array], Array]:
    """``start`` takes H, p, q of an axis."""

    def crop(self: Backward, padded: Array) -> Array:
        rows = (start(H, p, q) for H, (p, q) in zip(self.size, self.p, strict=True))
        return padded[(slice(None), slice(None), *rows)]

    return crop


def _one_image(self: Backward) -> Array:
    only = np.zeros_like(self.dy)
    only[-1] = self.dy[-1]
    return only


def _one_filter(self: Backward) -> Array:
    only = np.zeros_like(self.dy)
    only[:, -1] = self.dy[:, -1]
    return only


def _whole_windows(self: Backward) -> list[int]:
    spans = ((O - 1) * s + d * (K - 1) + 1 for O, s, d, K in zip(self.O, self.s, self.d, self.K, strict=True))
    return list(spans)


def _full(self: Backward) -> list[int]:
    """Size of dx as the full correlation of dy padded by p, where d(K - 1) - p is due."""
    for K, d, (p, _) in zip(self.K, self.d, self.p, strict=True):
        if d * (K - 1) < p:
            raise ValueError("index can't contain negative values")  # what np.pad says of K - 1 - p
    return [H + p + q for H, (p, q) in zip(self.size, self.p, strict=True)]


# dx -------------------------------------------------------------------------------------------------------------------------

_changed("crop-empty", "crops dx with [p:-p], which is empty at p = 0", crop=_crop_rows(lambda H, p, q: slice(p, -q)))
_changed("not-cropped", "returns dx with its padding", crop=_crop_rows(lambda H, p, q: slice(None)))
_changed("crop-one-side", "crops dx before, not after", crop=_crop_rows(lambda H, p, q: slice(p, None)))
_changed("crop-first-rows", "takes the first H rows of the padded dx", crop=_crop_rows(lambda H, p, q: slice(H)))
_changed(
    "crop-last-rows", "takes the last H rows of the padded dx", crop=_crop_rows(lambda H, p, q: slice(p + q, None))
)
_changed("dx-overwrites", "writes windows into dx where they add up", add=lambda self, total, part: part)
_changed("dx-flips", "reverses the taps of w in dx", tap_x=_reversed)
_changed("dx-swaps-taps", "takes w[l, k] for w[k, l] in dx", tap_x=_swapped_taps)
_changed("dx-forgets-stride", "puts the entries of dy side by side in dx", stride_x=_ones)
_changed("dx-one-filter", "lets one filter alone count in dx", dy_x=_one_filter)
_changed("dx-one-image", "lets one image alone count in dx", dy_x=_one_image)
_changed("dx-negative-padding", "pads dy by K - 1 - p, which fails at p > K - 1", room=_full)
_changed(
    "dx-misses-rows",
    "makes dx as long as the windows reach: rows are missing where the stride does not divide",
    finish_x=lambda self, dx: dx[
        (slice(None), slice(None), *(slice(None, max(0, n - p - q)) for n, (p, q) in zip(_whole_windows(self), self.p)))
    ],
)
_changed("dx-mean", "divides dx by the number of images", finish_x=lambda self, dx: dx / len(dx))
_changed("dx-sums-images", "adds up dx over the images", finish_x=lambda self, dx: np.broadcast_to(dx.sum(0), dx.shape))
_changed("dx-integers", "collects dx in an array of integers", dtype_x=lambda self: np.int64)
_changed(
    "dx-first-stride",
    "takes the first axis' stride for every axis of dx",
    "oblong",
    stride_x=lambda self: [self.s[0]] * self.ndim,
)
_changed("dx-turned", "reads dy with rows and columns exchanged in dx", dy_x=_turned)
_changed("dx-negative", "has the sign of dx wrong", finish_x=lambda self, dx: -dx)
_changed("dx-squeezes", "drops axes of length 1 from dx", finish_x=lambda self, dx: dx.squeeze())
_changed(
    "clips",
    "clips gradients to -5..5",
    finish_x=lambda self, dx: np.clip(dx, -5, 5),
    finish_w=lambda self, dw: np.clip(dw, -5, 5),
)
_changed(
    "clips-large", "clips large gradients of x, at a thousand million", finish_x=lambda self, dx: np.clip(dx, -1e9, 1e9)
)
_changed(
    "dx-square",
    "takes the height for the width in dx",
    finish_x=lambda self, dx: dx[..., : dx.shape[2]] if self.ndim > 1 else dx,
)

# dw -------------------------------------------------------------------------------------------------------------------------

_changed("dw-flips", "reverses the taps of dw", tap_w=_reversed)
_changed("dw-forgets-stride", "reads x without the stride in dw", stride_w=_ones)
_changed("dw-forgets-padding", "reads x without its padding in dw", pad_w=lambda self: [(0, p + q) for p, q in self.p])
_changed("dw-padding-after", "pads x for dw on one side", pad_w=lambda self: [(p + q, 0) for p, q in self.p])
_changed("dw-mean", "divides dw by the number of images", finish_w=lambda self, dw: dw / len(self.x))
_changed("dw-one-image", "lets the last image alone count in dw", dy_w=_one_image)
_changed("dw-turned", "reads dy with rows and columns exchanged in dw", dy_w=_turned)
_changed(
    "dw-swaps-channels",
    "fills dw with C and F exchanged",
    finish_w=lambda self, dw: dw.swapaxes(0, 1).reshape(dw.shape),
)
_changed("dw-swaps-axes", "returns dw transposed", finish_w=lambda self, dw: dw.swapaxes(2, dw.ndim - 1))
_changed("dw-double", "counts dw twice", finish_w=lambda self, dw: 2 * dw)
_changed("dw-per-window", "divides dw by the number of windows", finish_w=lambda self, dw: dw / np.prod(self.O))
_changed(
    "dw-rows-too-many",
    "reads all rows of x for dw: it has rows too many where the stride does not divide",
    finish_w=lambda self, dw: np.pad(
        dw,
        [(0, 0), (0, 0)]
        + [(0, H + p + q - n) for H, (p, q), n in zip(self.size, self.p, _whole_windows(self), strict=True)],
    ),
)

# db -------------------------------------------------------------------------------------------------------------------------

_changed("db-batch-only", "sums db over the images alone", db=lambda self: self.dy.sum(0))
_changed(
    "db-no-batch",
    "leaves the images out of the sum of db",
    db=lambda self: self.dy[0].sum(tuple(range(1, self.ndim + 1))),
)
_changed("db-mean", "takes the mean for the sum in db", db=lambda self: self.dy.mean((0, *range(2, self.ndim + 2))))
_changed("db-per-image", "divides db by the number of images", db=lambda self: Backward.db(self) / len(self.dy))
_changed(
    "db-one-axis",
    "sums db over one axis of two",
    db=lambda self: self.dy.sum(0)[..., 0].reshape(self.dy.shape[1], -1).sum(1),
)

# parameters beside stride and padding ---------------------------------------------------------------------------------------

_changed("dx-forgets-dilation", "leaves the dilation out of dx", "dilation", dilation_x=_ones)
_changed("dw-forgets-dilation", "leaves the dilation out of dw", "dilation", dilation_w=_ones)
_changed("dilation-for-stride", "takes the dilation for the stride in dx", "dilation", stride_x=lambda self: self.d)
_changed(
    "groups-mixed",
    "multiplies by another group's filters in dx",
    "groups",
    group_w=lambda self, g: (g + 1) % self.groups,
)
_changed("groups-first", "multiplies by the first group's filters in dx", "groups", group_w=lambda self, g: 0)
_changed("stride-one-axis", "strides along the first axis alone in dw", stride_w=lambda self: _first_only(self.s, 1))
_changed(
    "padding-one-axis",
    "crops dx along the first axis alone",
    crop=lambda self, padded: padded[:, :, self.p[0][0] : self.p[0][0] + self.size[0]],
)
_changed(
    "oblong-stride",
    "takes the last axis' stride for every axis of dw",
    "oblong",
    stride_w=lambda self: [self.s[-1]] * self.ndim,
)
_changed(
    "asymmetric-padding",
    "takes the padding before for that after",
    "asymmetric",
    pad_w=lambda self: [(q, p) for p, q in self.p],
)
