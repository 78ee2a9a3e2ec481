"""The checks of known mistakes: each computes what code with that mistake computes, and compares with what came back."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.terms import MultilinearArray
from symconv.audits.border_causes import BorderCause, follows
from symconv.audits.entry_causes import Check
from symconv.audits.truth import FACTORS, READINGS, Derivative, Point, altered, at_numbers, equal
from symconv.layer import relation
from symconv.layer.conv import Axis, Conv

__all__ = [
    "Observed",
    "computes",
    "cropped_on_one_side",
    "depends_on",
    "empty_crop",
    "entries",
    "flips",
    "forgets_dilation",
    "forgets_padding",
    "forgets_stride",
    "full_padding",
    "ignores",
    "misses_rows",
    "no_bias",
    "not_cropped",
    "not_summed",
    "of_the_layer",
    "one_axis",
    "one_image",
    "overwrites",
    "padded_gradient",
    "rows_too_many",
    "says",
    "scaled",
    "swapped_axes",
    "swapped_channels",
    "swapped_dy",
]

Array = NDArray[Any]


@dataclass
class Observed:
    """A wrong output on one case: what came back at a point (None when nothing did), or the message."""

    conv: Conv
    name: str
    at: Point
    truth: Array
    value: Array | None = None
    message: str = ""
    #: whether the output changes when the named argument does
    depends: Callable[[str], bool] | None = None

    @cached_property
    def scatter(self) -> dict[tuple[bool, bool, bool], Array]:
        """dx before any cropping, by what is forgotten: stride, dilation, the order of taps."""
        return {}

    def scattered(self, one_stride: bool, one_dilation: bool, flip: bool) -> Array:
        key = (one_stride, one_dilation, flip)
        if key not in self.scatter:
            conv = self.conv
            stride = (1,) * conv.ndim if one_stride else conv.stride
            dilation = (1,) * conv.ndim if one_dilation else conv.dilation
            spans = [relation.SPAN.evaluate({"K": K, "d": d}) for K, d in zip(conv.kernel, dilation, strict=True)]
            size = tuple((O - 1) * s + span for O, s, span in zip(conv.output, stride, spans, strict=True))
            whole = Conv(
                size, conv.kernel, conv.batch, conv.in_channels, conv.out_channels, stride, 0, dilation, conv.groups
            )
            w = np.flip(self.at["w"], axis=tuple(range(2, 2 + conv.ndim))) if flip else self.at["w"]
            self.scatter[key] = Derivative(whole).array("dx").substitute({"dy": self.at["dy"], "w": w})
        return self.scatter[key]


# checks ---------------------------------------------------------------------------------------------------------------------


def _spatial(value: Array, conv: Conv) -> tuple[int, ...] | None:
    return value.shape[2:] if value.ndim == conv.ndim + 2 else None


def empty_crop(seen: Observed) -> bool:
    unpadded = [pair == (0, 0) for pair in seen.conv.padding]
    if not any(unpadded):
        return False
    if seen.value is None:  # assigned to dx: "could not broadcast input array from shape (0,0,3) into shape (5,5,3)"
        return bool(re.search(r"shapes? \((?:\d+, ?)*0(?:, ?\d+)*,?\)", seen.message))
    spatial = _spatial(seen.value, seen.conv)
    return spatial is not None and all(n == 0 for n, zero in zip(spatial, unpadded, strict=True) if zero)


def _window(full: Array, start: Sequence[int], shape: Sequence[int]) -> Array:
    """Rows ``start[i]`` to ``start[i] + shape[i]`` of each spatial axis, zero where there are none."""
    result = np.zeros((*full.shape[:2], *shape))
    into, source = [], []
    for begin, length, size in zip(start, shape, full.shape[2:], strict=True):
        first, last = max(0, begin), min(size, begin + length)
        if last <= first:
            return result
        source.append(slice(first, last))
        into.append(slice(first - begin, last - begin))
    result[(slice(None), slice(None), *into)] = full[(slice(None), slice(None), *source)]
    return result


def _is_window(
    seen: Observed, start: Sequence[int], stride: bool = False, dilation: bool = False, flip: bool = False
) -> bool:
    """Whether what came back is dx before cropping, from ``start`` on, with parts forgotten."""
    if seen.value is None or seen.conv.transposed:
        return False
    shape = _spatial(seen.value, seen.conv)
    if shape is None or 0 in shape or seen.value.shape[:2] != seen.truth.shape[:2]:
        return False
    return equal(seen.value, _window(seen.scattered(stride, dilation, flip), start, shape))


def _before(conv: Conv) -> list[int]:
    return [p for p, _ in conv.padding]


def _full(conv: Conv) -> list[int]:
    """d*(K - 1) - p for each axis: the padding that dy needs in a full correlation."""
    spans = [relation.SPAN.evaluate({"K": K, "d": d}) for K, d in zip(conv.kernel, conv.dilation, strict=True)]
    return [span - 1 - p for span, (p, _) in zip(spans, conv.padding, strict=True)]


def padded_gradient(seen: Observed) -> bool:
    conv = seen.conv
    padded = tuple(H + p + q for H, (p, q) in zip(conv.input, conv.padding, strict=True))
    return (
        seen.value is not None and padded != conv.input and _spatial(seen.value, conv) == padded
        and _is_window(seen, [0] * conv.ndim)
    )  # fmt: skip


def cropped_on_one_side(seen: Observed) -> bool:
    conv = seen.conv
    one_side = tuple(H + q for H, (_, q) in zip(conv.input, conv.padding, strict=True))
    return (
        seen.value is not None and one_side != conv.input and _spatial(seen.value, conv) == one_side
        and (_is_window(seen, _before(conv)) or _is_window(seen, [0] * conv.ndim))
    )  # fmt: skip


def not_cropped(seen: Observed) -> bool:
    return any(_before(seen.conv)) and seen.value is not None and seen.value.shape == seen.truth.shape and _is_window(
        seen, [0] * seen.conv.ndim
    )  # fmt: skip


def full_padding(seen: Observed) -> bool:
    return _full(seen.conv) != _before(seen.conv) and _is_window(seen, _full(seen.conv))


def misses_rows(seen: Observed) -> bool:
    if seen.value is None or not any(seen.conv.remainder):
        return False
    spatial = _spatial(seen.value, seen.conv)
    short = tuple(H - r for H, r in zip(seen.conv.input, seen.conv.remainder, strict=True))
    return spatial == short and _is_window(seen, _before(seen.conv))


def rows_too_many(seen: Observed) -> bool:
    if seen.value is None or not any(seen.conv.remainder):
        return False
    spatial = _spatial(seen.value, seen.conv)
    if (
        spatial is None
        or spatial == seen.conv.kernel
        or any(n < K for n, K in zip(spatial, seen.conv.kernel, strict=True))
    ):
        return False
    return equal(seen.value[(slice(None), slice(None), *(slice(K) for K in seen.conv.kernel))], seen.truth)


def _read(seen: Observed, change: Callable[[Axis], Axis], flip: bool = False, only: int | None = None) -> Array:
    array = altered(seen.conv, change, flip, only).differentiate(READINGS[seen.name])
    return at_numbers(array, seen.conv, seen.at)


def _with(seen: Observed, change: Callable[[Axis], Axis], flip: bool = False, only: int | None = None) -> bool:
    """Whether what came back is the output of the relation so changed (of y: with or without bias)."""
    if seen.value is None or seen.value.shape != seen.truth.shape:
        return False
    result = _read(seen, change, flip, only)
    if seen.name == "y":
        b = seen.at["b"].reshape(1, -1, *[1] * seen.conv.ndim)
        return equal(seen.value, result + b) or equal(seen.value, result)
    return equal(seen.value, result)


def computes(cause: BorderCause) -> Callable[[Observed], bool]:
    return lambda seen: follows(seen.conv, seen.name, seen.value, seen.truth, seen.at, cause)


def forgets_stride(seen: Observed) -> bool:
    if all(s == 1 or O == 1 for s, O in zip(seen.conv.stride, seen.conv.output, strict=True)):
        return False  # no second window: the stride says nothing here
    if seen.name == "dx":
        starts = (_before(seen.conv), _full(seen.conv), [0] * seen.conv.ndim)
        if any(_is_window(seen, start, stride=True) for start in starts):
            return True
    return _with(seen, lambda axis: replace(axis, s=1))


def forgets_dilation(seen: Observed) -> bool:
    said = any(d != 1 and K > 1 for d, K in zip(seen.conv.dilation, seen.conv.kernel, strict=True))
    return said and _with(seen, lambda axis: replace(axis, d=1))


def forgets_padding(seen: Observed) -> bool:
    if seen.name == "dx" or not any(_before(seen.conv)):
        return False
    return _with(seen, lambda axis: replace(axis, p=0))


def flips(seen: Observed) -> bool:
    if all(K == 1 for K in seen.conv.kernel):
        return False
    if seen.name == "dx" and any(
        _is_window(seen, start, flip=True) for start in (_before(seen.conv), _full(seen.conv))
    ):
        return True
    return _with(seen, lambda axis: axis, flip=True)


def one_axis(
    change: Callable[[Axis], Axis], matters: Callable[[Axis], bool], flip: bool = False
) -> Callable[[Observed], bool]:
    """The mistake on a single one of several axes."""

    def check(seen: Observed) -> bool:
        if seen.conv.ndim < 2 or seen.conv.transposed:
            return False
        axes = [i for i, axis in enumerate(seen.conv.axes) if matters(axis)]
        return len(axes) > 1 and any(_with(seen, change, flip, only) for only in axes)

    return check


def entries(check: Check) -> Callable[[Observed], bool]:
    def of(seen: Observed) -> bool:
        if seen.value is None or seen.value.dtype.kind not in "biuf" or not seen.at:
            return False
        return check(
            seen.conv, seen.name, seen.value, seen.truth, lambda name: Derivative(seen.conv).numbers(seen.at, name)
        )

    return of


def says(pattern: str) -> Callable[[Observed], bool]:
    return lambda seen: seen.value is None and re.search(pattern, seen.message) is not None


def scaled(factor: Callable[[Conv], float]) -> Callable[[Observed], bool]:
    def check(seen: Observed) -> bool:
        scale = factor(seen.conv)
        if scale == 1 or seen.value is None or seen.value.shape != seen.truth.shape or not seen.truth.any():
            return False
        return np.allclose(seen.value.astype(np.float64), scale * seen.truth, rtol=1e-5, atol=1e-9)

    return check


def swapped_axes(seen: Observed) -> bool:
    if seen.value is None or seen.conv.ndim != 2 or seen.value.ndim != 4:
        return False
    return (
        equal(seen.value, seen.truth.swapaxes(2, 3)) if seen.value.shape == seen.truth.swapaxes(2, 3).shape else False
    )


def swapped_dy(seen: Observed) -> bool:
    """Computed from dy with its rows and columns exchanged."""
    conv = seen.conv
    if seen.value is None or conv.ndim != 2 or conv.output[0] != conv.output[1] or conv.output[0] == 1:
        return False
    return equal(seen.value, Derivative(conv).numbers(seen.at | {"dy": seen.at["dy"].swapaxes(2, 3)}, seen.name))


def swapped_channels(seen: Observed) -> bool:
    turned = seen.truth.swapaxes(0, 1)
    return seen.value is not None and seen.value.shape == turned.shape and equal(seen.value, turned)


def not_summed(seen: Observed) -> bool:
    """db whose entries, summed over the axes that should be gone, are right."""
    if seen.value is None or seen.value.size == seen.truth.size or seen.value.ndim < 2:
        return False  # nothing is left to sum
    axes = [axis for axis, n in enumerate(seen.value.shape) if n == len(seen.truth)]
    for kept in axes:
        others = tuple(axis for axis in range(seen.value.ndim) if axis != kept)
        if equal(seen.value.sum(axis=others), seen.truth):
            return True
    return False


def one_image(seen: Observed) -> bool:
    if seen.conv.batch == 1 or seen.value is None or seen.value.shape != seen.truth.shape:
        return False
    derivative = Derivative(seen.conv)
    for image in (0, seen.conv.batch - 1):
        dy = np.zeros_like(seen.at["dy"])
        dy[image] = seen.at["dy"][image]
        if equal(seen.value, derivative.numbers(seen.at | {"dy": dy}, seen.name)):
            return True
    return False


def overwrites(seen: Observed) -> bool:
    """Only the last of the windows (images, channels) that meet in an entry is kept, in one of the usual loop orders."""
    if (
        seen.value is None
        or seen.value.shape != seen.truth.shape
        or seen.conv.transposed
        or seen.name not in ("dx", "dw")
    ):
        return False
    array = Derivative(seen.conv).array(seen.name)
    blocks = array.canonical.blocks
    indices = [np.unravel_index(each.factors[each.arrays.index("dy")], seen.conv.y_shape) for each in blocks]
    n, f, *window = range(seen.conv.ndim + 2)
    for order in ([n, f, *window], [n, *window, f], [n, *window], [f, *window], window):
        shape = tuple(seen.conv.y_shape[axis] for axis in order)
        keys = [np.ravel_multi_index(tuple(index[axis] for axis in order), shape) for index in indices]
        latest = np.full(array.size, -1)
        for block, key in zip(blocks, keys, strict=True):
            np.maximum.at(latest, block.entry, key)
        last = (block.take(key == latest[block.entry]) for block, key in zip(blocks, keys, strict=True))
        if equal(seen.value, at_numbers(MultilinearArray(seen.conv, array.shape, tuple(last)), seen.conv, seen.at)):
            return True
    return False


def of_the_layer(seen: Observed) -> bool:
    """It is right for the layer, where something else is due."""
    if not seen.at or seen.value is None:
        return False
    layer = Derivative(seen.conv).numbers(seen.at, seen.name)
    return equal(seen.value, layer) and not equal(seen.truth, layer)


def no_bias(seen: Observed) -> bool:
    if seen.value is None or seen.value.shape != seen.truth.shape:
        return False
    return equal(seen.value, at_numbers(Derivative(seen.conv).array("y").without("b"), seen.conv, seen.at))


def depends_on(array: str) -> Callable[[Observed], bool]:
    def check(seen: Observed) -> bool:
        return array not in FACTORS[seen.name] and seen.depends is not None and seen.depends(array)

    return check


def ignores(array: str) -> Callable[[Observed], bool]:
    def check(seen: Observed) -> bool:
        some = seen.value is not None and seen.value.size > 0 and bool(seen.truth.any())
        return some and array in FACTORS[seen.name] and seen.depends is not None and not seen.depends(array)

    return check
