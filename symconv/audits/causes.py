"""Known ways to get a convolution gradient wrong, each with the check that confirms it on a case.

A cause is a change to the relation or to what is read from it: stride left out, padding left out, taps flipped, a
factor 1/N, rows cropped elsewhere. Its check computes what code with that mistake computes, from the loss with that change,
and compares. A cause is named only on cases where the comparison holds.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.terms import MultilinearArray
from symconv.audits.border_causes import BORDER_CAUSES, follows
from symconv.audits.truth import FACTORS, READINGS, Derivative, Point, altered, equal
from symconv.layer import relation
from symconv.layer.conv import Axis, Conv

__all__ = ["CAUSES", "Observed", "confirmed"]

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


@dataclass(frozen=True)
class Cause:
    """``text`` says the mistake; ``check`` whether it accounts for an observation."""

    key: str
    outputs: tuple[str, ...]
    text: str
    check: Callable[[Observed], bool]


def confirmed(seen: Observed) -> list[str]:
    """The keys of the causes that account for an observation; the first in the table comes first."""
    found = []
    for cause in CAUSES.values():
        if seen.name in cause.outputs:
            try:
                holds = cause.check(seen)
            except (ValueError, KeyError, IndexError):
                continue  # the mistake is not possible on this geometry
            if holds:
                found.append(cause.key)
    return found


# checks ---------------------------------------------------------------------------------------------------------------------


def _spatial(value: Array, conv: Conv) -> tuple[int, ...] | None:
    return value.shape[2:] if value.ndim == conv.ndim + 2 else None


def _empty_crop(seen: Observed) -> bool:
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


def _padded_gradient(seen: Observed) -> bool:
    conv = seen.conv
    padded = tuple(H + p + q for H, (p, q) in zip(conv.input, conv.padding, strict=True))
    return (
        seen.value is not None and padded != conv.input and _spatial(seen.value, conv) == padded
        and _is_window(seen, [0] * conv.ndim)
    )  # fmt: skip


def _cropped_on_one_side(seen: Observed) -> bool:
    conv = seen.conv
    one_side = tuple(H + q for H, (_, q) in zip(conv.input, conv.padding, strict=True))
    return (
        seen.value is not None and one_side != conv.input and _spatial(seen.value, conv) == one_side
        and (_is_window(seen, _before(conv)) or _is_window(seen, [0] * conv.ndim))
    )  # fmt: skip


def _not_cropped(seen: Observed) -> bool:
    return any(_before(seen.conv)) and seen.value is not None and seen.value.shape == seen.truth.shape and _is_window(
        seen, [0] * seen.conv.ndim
    )  # fmt: skip


def _full_padding(seen: Observed) -> bool:
    return _full(seen.conv) != _before(seen.conv) and _is_window(seen, _full(seen.conv))


def _misses_rows(seen: Observed) -> bool:
    if seen.value is None or not any(seen.conv.remainder):
        return False
    spatial = _spatial(seen.value, seen.conv)
    short = tuple(H - r for H, r in zip(seen.conv.input, seen.conv.remainder, strict=True))
    return spatial == short and _is_window(seen, _before(seen.conv))


def _rows_too_many(seen: Observed) -> bool:
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


def _read(seen: Observed, change: Callable[[Axis], Axis], flip: bool = False) -> Array:
    return altered(seen.conv, change, flip).differentiate(READINGS[seen.name]).substitute(seen.at)


def _with(seen: Observed, change: Callable[[Axis], Axis], flip: bool = False) -> bool:
    """Whether what came back is the output of the relation so changed (of y: with or without bias)."""
    if seen.value is None or seen.value.shape != seen.truth.shape:
        return False
    result = _read(seen, change, flip)
    if seen.name == "y":
        b = seen.at["b"].reshape(1, -1, *[1] * seen.conv.ndim)
        return equal(seen.value, result + b) or equal(seen.value, result)
    return equal(seen.value, result)


def _computes(formulas: tuple[str, ...]) -> Callable[[Observed], bool]:
    return lambda seen: follows(seen.conv, seen.name, seen.value, seen.truth, seen.at, formulas)


def _forgets_stride(seen: Observed) -> bool:
    if all(s == 1 for s in seen.conv.stride):
        return False
    if seen.name == "dx":
        starts = (_before(seen.conv), _full(seen.conv), [0] * seen.conv.ndim)
        if any(_is_window(seen, start, stride=True) for start in starts):
            return True
    return _with(seen, lambda axis: replace(axis, s=1))


def _forgets_dilation(seen: Observed) -> bool:
    return any(d != 1 for d in seen.conv.dilation) and _with(seen, lambda axis: replace(axis, d=1))


def _forgets_padding(seen: Observed) -> bool:
    if seen.name == "dx" or not any(_before(seen.conv)):
        return False
    return _with(seen, lambda axis: replace(axis, p=0))


def _flips(seen: Observed) -> bool:
    if all(K == 1 for K in seen.conv.kernel):
        return False
    if seen.name == "dx" and any(
        _is_window(seen, start, flip=True) for start in (_before(seen.conv), _full(seen.conv))
    ):
        return True
    return _with(seen, lambda axis: axis, flip=True)


def _scaled(factor: Callable[[Conv], float]) -> Callable[[Observed], bool]:
    def check(seen: Observed) -> bool:
        scale = factor(seen.conv)
        if scale == 1 or seen.value is None or seen.value.shape != seen.truth.shape or not seen.truth.any():
            return False
        return np.allclose(seen.value.astype(np.float64), scale * seen.truth, rtol=1e-5, atol=1e-9)

    return check


def _swapped_axes(seen: Observed) -> bool:
    if seen.value is None or seen.conv.ndim != 2 or seen.value.ndim != 4:
        return False
    return (
        equal(seen.value, seen.truth.swapaxes(2, 3)) if seen.value.shape == seen.truth.swapaxes(2, 3).shape else False
    )


def _swapped_dy(seen: Observed) -> bool:
    """Computed from dy with its rows and columns exchanged."""
    conv = seen.conv
    if seen.value is None or conv.ndim != 2 or conv.output[0] != conv.output[1] or conv.output[0] == 1:
        return False
    return equal(seen.value, Derivative(conv).numbers(seen.at | {"dy": seen.at["dy"].swapaxes(2, 3)}, seen.name))


def _swapped_channels(seen: Observed) -> bool:
    turned = seen.truth.swapaxes(0, 1)
    return seen.value is not None and seen.value.shape == turned.shape and equal(seen.value, turned)


def _not_summed(seen: Observed) -> bool:
    """db whose entries, summed over the axes that should be gone, are right."""
    if seen.value is None or seen.value.shape == seen.truth.shape or seen.value.ndim < 2:
        return False
    axes = [axis for axis, n in enumerate(seen.value.shape) if n == len(seen.truth)]
    for kept in axes:
        others = tuple(axis for axis in range(seen.value.ndim) if axis != kept)
        if equal(seen.value.sum(axis=others), seen.truth):
            return True
    return False


def _one_image(seen: Observed) -> bool:
    if seen.conv.batch == 1 or seen.value is None or seen.value.shape != seen.truth.shape:
        return False
    derivative = Derivative(seen.conv)
    for image in (0, seen.conv.batch - 1):
        dy = np.zeros_like(seen.at["dy"])
        dy[image] = seen.at["dy"][image]
        if equal(seen.value, derivative.numbers(seen.at | {"dy": dy}, seen.name)):
            return True
    return False


def _overwrites(seen: Observed) -> bool:
    """Only the last of the windows (images, channels) that meet in an entry is kept, in one of the usual loop orders."""
    if (
        seen.value is None
        or seen.value.shape != seen.truth.shape
        or seen.conv.transposed
        or seen.name not in ("dx", "dw")
    ):
        return False
    array = Derivative(seen.conv).array(seen.name)
    (block,) = array.canonical.blocks
    index = np.unravel_index(block.factors[block.arrays.index("dy")], seen.conv.y_shape)
    n, f, *window = index
    for order in ([n, f, *window], [n, *window, f], [n, *window], [f, *window], list(window)):
        key = np.zeros(len(block), dtype=np.int64)
        for column in order:
            key = key * (int(column.max(initial=0)) + 1) + column
        latest = np.full(array.size, -1)
        np.maximum.at(latest, block.entry, key)
        last = block.take(key == latest[block.entry])
        if equal(seen.value, MultilinearArray(seen.conv, array.shape, (last,)).substitute(seen.at)):
            return True
    return False


def _no_bias(seen: Observed) -> bool:
    if seen.value is None or seen.value.shape != seen.truth.shape:
        return False
    return equal(seen.value, Derivative(seen.conv).array("y").without("b").substitute(seen.at))


def _depends_on(array: str) -> Callable[[Observed], bool]:
    def check(seen: Observed) -> bool:
        return array not in FACTORS[seen.name] and seen.depends is not None and seen.depends(array)

    return check


def _ignores(array: str) -> Callable[[Observed], bool]:
    def check(seen: Observed) -> bool:
        some = seen.value is not None and seen.value.size > 0 and bool(seen.truth.any())
        return some and array in FACTORS[seen.name] and seen.depends is not None and not seen.depends(array)

    return check


_ALL = ("y", "dx", "dw", "db")
_POSITIONS: dict[str, Callable[[Conv], float]] = {
    "1/N": lambda conv: 1 / conv.batch,
    "N": lambda conv: conv.batch,
    "1/(number of output positions)": lambda conv: 1 / np.prod(conv.output, dtype=float),
    "1/(N * number of output positions)": lambda conv: 1 / (conv.batch * np.prod(conv.output, dtype=float)),
    "-1": lambda conv: -1,
    "2": lambda conv: 2,
    "1/2": lambda conv: 0.5,
}

#: from the most telling to the least; of several that account for the same cases the first is named
CAUSES: dict[str, Cause] = {
    cause.key: cause
    for cause in itertools.chain(
        [Cause(key, outputs, text, _computes(formulas)) for key, (outputs, text, formulas) in BORDER_CAUSES.items()],
        [
            Cause("empty-crop", ("dx",), "crops with [pad:-pad], which is empty at pad 0", _empty_crop),
            Cause(
                "padded-gradient", ("dx",), "returns the padded gradient: the padding is not cropped", _padded_gradient
            ),
            Cause("one-sided-crop", ("dx",), "crops the padding on one side only", _cropped_on_one_side),
            Cause("misses-rows", ("dx",), "misses the last rows when the stride does not divide", _misses_rows),
            Cause("rows-too-many", ("dw",), "has rows too many when the stride does not divide", _rows_too_many),
            Cause("forgets-stride", ("y", "dx", "dw"), "forgets the stride in {output}", _forgets_stride),
            Cause("forgets-dilation", ("y", "dx", "dw"), "forgets the dilation in {output}", _forgets_dilation),
            Cause("forgets-padding", ("y", "dw"), "forgets the padding in {output}", _forgets_padding),
            Cause(
                "not-cropped",
                ("dx",),
                "takes the first rows of the padded gradient, where the padding is",
                _not_cropped,
            ),
            Cause("full-padding", ("dx",), "pads dy by p where d(K − 1) − p is due", _full_padding),
            Cause("flips", ("y", "dx", "dw"), "{output} has the taps of w in reverse order", _flips),
        ],
        [Cause(f"scaled-{name}", _ALL, f"scaled by {name}", _scaled(factor)) for name, factor in _POSITIONS.items()],
        [
            Cause("swapped-axes", ("y", "dx", "dw"), "swaps H and W: the result is transposed", _swapped_axes),
            Cause("swapped-dy", ("dx", "dw"), "swaps H and W: dy[i, j] is taken where dy[j, i] is due", _swapped_dy),
            Cause("swapped-channels", ("dw",), "swaps the channel axes of dw", _swapped_channels),
            Cause("not-summed", ("db",), "db is not summed over all of batch and space", _not_summed),
            Cause("one-image", ("dw", "db", "dx"), "one image of the batch alone counts", _one_image),
            Cause("overwrites", ("dx", "dw"), "overwrites where it should add up: the last window wins", _overwrites),
            Cause("no-bias", ("y",), "leaves out b", _no_bias),
        ],
        [
            Cause(f"depends-{array}", _ALL, f"a wrong variable: {{output}} depends on {array}", _depends_on(array))
            for array in ("x", "w", "b", "dy")
        ],
        [
            Cause(f"ignores-{array}", _ALL, f"{{output}} does not depend on {array}", _ignores(array))
            for array in ("x", "w", "b", "dy")
        ],
    )
}
