"""What every kernel needs besides its sum: reading arguments, checking shapes, moving arrays.

These functions are copied into the emitted files as they stand here (without the annotations), so they use NumPy and
each other only. ``_output_size``, ``_transposed_size`` and ``_MODES`` are the exception: here they evaluate the
relation and read the table of padding modes, in a file they are written out from them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.layer import relation
from symconv.layer.padding import MODES

Array = NDArray[Any]
Axes = list[tuple[int, ...]]

__all__ = ["border", "correlate", "crop", "dilate", "filled", "flip", "fold", "pad", "total"]


#: padding_mode -> its name in np.pad; how many rows more than H may stand on one side, None for any number
_MODES: dict[Any, tuple[Any, int | None]] = {
    name: (mode.numpy, None if mode.most is None else int(mode.most.evaluate({"H": 0}))) for name, mode in MODES.items()
}


def _output_size(H: int, K: int, s: int, d: int, p: int, q: int) -> int:
    return int(relation.OUTPUT_SIZE.evaluate({"H": H, "K": K, "s": s, "d": d, "p": p, "q": q}))


def _transposed_size(O: int, K: int, s: int, d: int, p: int, q: int, r: int) -> int:
    return int(relation.PADDED_SIZE.evaluate({"O": O, "K": K, "s": s, "d": d, "p": p, "q": q, "r": r}))


# arguments -----------------------------------------------------------------------------------------------------------


def _arrays(*arrays: Any) -> tuple[Any, ...]:
    """The arrays in the one dtype that holds them all; None stays None."""
    given = [None if a is None else np.asarray(a) for a in arrays]
    dtype = np.result_type(*(a for a in given if a is not None))
    return tuple(None if a is None else a.astype(dtype, copy=False) for a in given)


def _per_axis(name: str, value: Any, ndim: int, least: int) -> tuple[int, ...]:
    """``value`` as one int for each axis; it may be a number, an array, a list or a tuple."""
    values = np.asarray(value, object)
    each = [np.asarray(v, object).tolist() for v in (values.tolist() if values.ndim else [value] * ndim)]
    if len(each) != ndim or not all(isinstance(v, (int, np.integer)) and v >= least for v in each):
        raise ValueError(f"{name} {value!r} must be one whole number >= {least}, or {ndim} of them")
    return tuple(int(v) for v in each)


def _pairs(padding: Any, ndim: int) -> list[tuple[int, ...]]:
    """``padding`` as (before, after) for each axis."""
    padding = 0 if isinstance(padding, str) and padding == "valid" else padding
    each = padding if isinstance(padding, (tuple, list)) or np.ndim(padding) else [padding] * ndim
    if len(each) != ndim:
        raise ValueError(f"padding {padding!r} must be one value, or {ndim}: one for each axis")
    return [_per_axis("padding", value, 2, 0) for value in each]


def _window(
    x: Array, w: Array, stride: Any, dilation: Any, groups: Any, ndim: int
) -> tuple[int, list[tuple[int, int, int]]]:
    """The groups; K, s, d on each axis. ValueError unless x and w can be arrays of such a layer."""
    if x.ndim != ndim + 2 or w.ndim != ndim + 2 or min(w.shape) < 1:
        raise ValueError(f"x {x.shape}, w {w.shape} must have {ndim + 2} axes, and w no empty one")
    (G,) = _per_axis("groups", groups, 1, 1)
    if w.shape[0] % G:
        raise ValueError(f"groups {groups!r} must divide w {w.shape}[0]")
    strides, dilations = _per_axis("stride", stride, ndim, 1), _per_axis("dilation", dilation, ndim, 1)
    return G, list(zip(w.shape[2:], strides, dilations))


def _layer(
    x: Array,
    w: Array,
    b: Array | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    padding_mode: Any,
    ndim: int,
) -> tuple[int, int, int, int, Axes]:
    """N, G, F, C (F and C of one group) and, on each axis, H, K, O, s, d, p, q; ValueError where there is no layer."""
    if x.ndim != ndim + 2 or w.ndim != ndim + 2 or min(w.shape) < 1:
        raise ValueError(f"x {x.shape}, w {w.shape} must have {ndim + 2} axes, and w no empty one")
    (G,) = _per_axis("groups", groups, 1, 1)
    if x.shape[1] != w.shape[1] * G or w.shape[0] % G:
        raise ValueError(f"x {x.shape}, w {w.shape}: C must be w.shape[1] times groups {groups!r}, and these divide F")
    if b is not None and b.shape != (w.shape[0],):
        raise ValueError(f"b {b.shape} must have shape ({w.shape[0]},), an entry for each filter of w {w.shape}")
    strides, dilations = _per_axis("stride", stride, ndim, 1), _per_axis("dilation", dilation, ndim, 1)
    if padding_mode not in _MODES:
        raise ValueError(f"padding_mode {padding_mode!r} must be one of {', '.join(_MODES)}")
    _, more = _MODES[padding_mode]
    if isinstance(padding, str) and padding == "same" and max(strides) == 1:  # y as large as x, an odd row after
        padding = [(d * (K - 1) // 2, (d * (K - 1) + 1) // 2) for K, d in zip(w.shape[2:], dilations)]
    axes: Axes = []
    for H, K, s, d, (p, q) in zip(x.shape[2:], w.shape[2:], strides, dilations, _pairs(padding, ndim)):
        O = _output_size(H, K, s, d, p, q)
        if O < 1 or (more is not None and max(p, q) > H + more):
            raise ValueError(f"x {x.shape}: kernel {K}, dilation {d}, {padding_mode} padding ({p}, {q}) do not fit {H}")
        axes.append((H, K, O, s, d, p, q))
    return x.shape[0], G, w.shape[0] // G, w.shape[1], axes


def _transposed_layer(
    x: Array,
    w: Array,
    b: Array | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    output_padding: Any,
    ndim: int,
) -> tuple[int, int, int, int, Axes]:
    """N, G, F, C (F and C of one group) and, on each axis, H (of y), K, O (of x), s, d, p, q."""
    G, window = _window(x, w, stride, dilation, groups, ndim)
    pads = _pairs(padding, ndim)
    if x.shape[1] != w.shape[0]:
        raise ValueError(
            f"x {x.shape} has {x.shape[1]} channels, but w {w.shape} (C, F/groups, ...) takes {w.shape[0]}"
        )
    if b is not None and b.shape != (w.shape[1] * G,):
        raise ValueError(f"b {b.shape} must have shape ({w.shape[1] * G},), an entry for each channel of y")
    extra = _per_axis("output_padding", output_padding, ndim, 0)
    axes: Axes = []
    for axis, (O, (K, s, d), (p, q), r) in enumerate(zip(x.shape[2:], window, pads, extra)):
        H = _transposed_size(O, K, s, d, p, q, r)
        if H < 1 or O < 1 or (r and r >= max(s, d)):
            raise ValueError(
                f"x {x.shape}, w {w.shape}, stride {s}, dilation {d}, padding ({p}, {q}), "
                f"output_padding {r} give {H} rows on axis {axis}; at least 1 is needed, and "
                "output_padding below the stride or the dilation"
            )
        axes.append((H, K, O, s, d, p, q))
    return x.shape[0], G, w.shape[1], w.shape[0] // G, axes


def _check_layer(layer: tuple[Any, ...], written: tuple[Any, ...], x: Array, w: Array) -> None:
    """ValueError unless the layer is the one that this code is written for."""
    if layer != written:
        raise ValueError(
            f"x {x.shape}, w {w.shape} and the parameters make a layer of other sizes, {layer}, "
            f"than the one written out here, {written}: G, F, C, [(H, K, O, s, d, p, q), ...]"
        )


# the border -----------------------------------------------------------------------------------------------------------


def _padded(a: Array, axes: Axes, padding_mode: Any, padding_value: Any) -> Array:
    """``a`` with p rows before and q after it on each axis; ``a`` itself where there are none."""
    if not any(p or q for _, _, _, _, _, p, q in axes):
        return a
    name, _ = _MODES[padding_mode]
    if name != "constant":
        return np.pad(a, [(0, 0), (0, 0), *(axis[5:] for axis in axes)], name)
    value = padding_value if padding_mode == "constant" else 0
    padded = np.full((*a.shape[:2], *(p + H + q for H, _, _, _, _, p, q in axes)), value, a.dtype)
    _folded(padded, axes, padding_mode)[...] = a
    return padded


def _folded(padded: Any, axes: Axes, padding_mode: Any) -> Any:
    """The adjoint of _padded: each row of the border is added to the row it repeats; a constant repeats none."""
    name, _ = _MODES[padding_mode]
    if name == "constant":
        return padded[(..., *(slice(p, p + H) for H, _, _, _, _, p, _ in axes))]
    for axis, (H, _, _, _, _, p, q) in enumerate(axes, 2):
        rows = np.moveaxis(padded, axis, 0)
        folded = np.zeros((H, *rows.shape[1:]), padded.dtype)
        np.add.at(folded, np.pad(np.arange(H), (p, q), name), rows)
        padded = np.moveaxis(folded, 0, axis)
    return padded


# slices and matrices -------------------------------------------------------------------------------------------------


def _reach(start: int, step: int, count: int, size: int) -> tuple[slice, slice]:
    """The i, 0 <= i < count, with 0 <= start + step*i < size, and these rows: two slices."""
    first = max(0, -(start // step))
    last = max(first, min(count, (size - 1 - start) // step + 1))
    return slice(first, last), slice(start + step * first, start + step * last, step)


def _columns(a: Array, lead: int = 3) -> Array:
    """``a`` with the axes after the first ``lead`` made one: matrices, a column for each place."""
    places = int(np.prod(a.shape[lead:]))
    return np.ascontiguousarray(a).reshape(*a.shape[:lead], places)


# the words of the closed formulas; three leading axes are groups, batch, channels or filters -------------------------


def pad(a: Array, before: Any, after: Any) -> Array:
    """Zeros before and after ``a`` on each spatial axis; a negative amount crops."""
    space = a.shape[3:]
    before, after = np.broadcast_to(before, len(space)), np.broadcast_to(after, len(space))
    length = [max(0, u + n + v) for n, u, v in zip(space, before, after)]
    kept: Any = [slice(max(0, -u), max(0, min(n, n + v))) for n, u, v in zip(space, before, after)]
    place: Any = [slice(max(0, u), max(0, min(t, u + n))) for n, u, t in zip(space, before, length)]
    result = np.zeros((*a.shape[:3], *length), a.dtype)
    result[(..., *place)] = a[(..., *kept)]
    return result


def border(a: Array, before: Any, after: Any, mode: Any) -> Array:
    """A border of rows of ``a`` itself on each spatial axis, as np.pad makes it."""
    widths = np.broadcast_to(before, a.ndim - 3), np.broadcast_to(after, a.ndim - 3)
    result: Array = np.pad(a, [(0, 0)] * 3 + list(zip(*widths)), mode)
    return result


def filled(a: Array, before: Any, after: Any, value: Any) -> Array:
    """A border of one value on each spatial axis."""
    widths = np.broadcast_to(before, a.ndim - 3), np.broadcast_to(after, a.ndim - 3)
    return np.pad(a, [(0, 0)] * 3 + list(zip(*widths)), constant_values=value)


def fold(a: Array, before: Any, after: Any, mode: Any) -> Array:
    """The adjoint of border: each of its rows is added to the row that it repeats."""
    for axis, (u, v) in enumerate(zip(before, after), 3):
        rows = np.pad(np.arange(a.shape[axis] - u - v), (u, v), mode)
        folded = np.zeros((len(rows) - u - v, *np.delete(a.shape, axis)), a.dtype)
        np.add.at(folded, rows, np.moveaxis(a, axis, 0))
        a = np.moveaxis(folded, 0, axis)
    return a


def crop(a: Array, before: Any, after: Any) -> Array:
    """``a`` without its first and last entries on each spatial axis."""
    return pad(a, np.negative(before), np.negative(after))


def dilate(a: Array, by: Any) -> Array:
    """``a`` with by - 1 zeros between neighbours on each spatial axis."""
    steps = np.broadcast_to(by, a.ndim - 3)
    length = [step * (n - 1) + 1 for n, step in zip(a.shape[3:], steps)]
    place: Any = [slice(None, None, step) for step in steps]
    result = np.zeros((*a.shape[:3], *length), a.dtype)
    result[(..., *place)] = a
    return result


def flip(a: Array) -> Array:
    """``a`` in reverse order on each spatial axis."""
    return np.flip(a, tuple(range(3, a.ndim)))


def total(a: Array) -> Any:
    """The sum of ``a`` over images and space."""
    return a.sum(axis=(0, *range(3, a.ndim)), dtype=a.dtype)


def correlate(a: Array, b: Array, channels: str, stride: Any = 1, dilation: Any = 1) -> Any:
    """c[i] = sum over j of a[stride*i + dilation*j] * b[j]; ``channels`` pairs the leading axes."""
    steps, gaps = (np.broadcast_to(amount, a.ndim - 3) for amount in (stride, dilation))
    size = [
        (rows - gap * (taps - 1) - 1) // step + 1
        for rows, taps, step, gap in zip(a.shape[3:], b.shape[3:], steps, gaps)
    ]
    left, right, target = channels.replace("->", ",").split(",")
    result: Any = 0
    for j in np.ndindex(*b.shape[3:]):
        window: Any = [
            slice(gap * tap, gap * tap + step * (count - 1) + 1, step)
            for tap, count, step, gap in zip(j, size, steps, gaps)
        ]
        taken = a[(..., *window)]
        result = result + np.einsum(f"{left}...,{right}->{target}...", taken, b[(..., *j)])
    return result
