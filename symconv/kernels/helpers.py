"""What every kernel needs besides its sum: reading arguments, checking shapes, moving arrays.

These functions are copied into the emitted files as they stand here (without the annotations), so they use NumPy and
each other only. ``_output_size``, ``_transposed_size`` and ``_modes`` are the exception: here they evaluate the
relation and read the table of padding modes, in a file they are written out from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.layer import relation
from symconv.layer.padding import MODES

Array = NDArray[Any]
Axes = list[tuple[int, int, int, int, int, int, int]]

__all__ = ["border", "correlate", "crop", "dilate", "filled", "flip", "fold", "pad", "total"]


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
    each = values.tolist() if values.ndim else [value] * ndim
    if len(each) != ndim or not all(_whole(v) and v >= least for v in each):
        raise ValueError(f"{name} {value!r} must be one whole number >= {least}, or {ndim} of them")
    return tuple(int(v) for v in each)


def _whole(value: Any) -> bool:
    """Whether ``value`` is one whole number: an int, one of NumPy's, or an array of no axes."""
    return isinstance(value, int) or (np.ndim(value) == 0 and np.asarray(value).dtype.kind in "iu")


def _pairs(padding: Any, ndim: int) -> list[tuple[int, ...]]:
    """``padding`` as (before, after) for each axis."""
    if isinstance(padding, str):
        if padding != "valid":
            raise ValueError(f"padding {padding!r} is not understood here; give it in numbers")
        padding = 0
    several = isinstance(padding, (tuple, list)) or np.ndim(padding)
    each = list(padding) if several else [padding] * ndim
    if len(each) != ndim:
        raise ValueError(f"padding {padding!r} must be one value, or {ndim}: one for each axis")
    return [_per_axis(f"padding on axis {axis}:", value, 2, 0) for axis, value in enumerate(each)]


def _same(window: Sequence[tuple[int, int, int]]) -> list[tuple[int, ...]]:
    """The padding that leaves y as large as x, an odd row after; stride 1 only."""
    if any(s != 1 for _, s, _ in window):
        raise ValueError("padding 'same' needs stride 1; give the padding in numbers")
    lost = [-_output_size(0, K, 1, d, 0, 0) for K, _, d in window]
    return [(n // 2, n - n // 2) for n in lost]


def _window(
    x: Array, w: Array, stride: Any, dilation: Any, groups: Any, ndim: int
) -> tuple[int, list[tuple[int, int, int]]]:
    """The groups; K, s, d on each axis. ValueError unless x and w can be arrays of such a layer."""
    if x.ndim != ndim + 2 or w.ndim != ndim + 2 or min(w.shape) < 1:
        raise ValueError(f"x {x.shape}, w {w.shape} must have {ndim + 2} axes, and w no empty one")
    if not _whole(groups) or groups < 1 or w.shape[0] % int(groups):
        raise ValueError(f"groups {groups!r} must be a whole number that divides w {w.shape}[0]")
    strides = _per_axis("stride", stride, ndim, 1)
    dilations = _per_axis("dilation", dilation, ndim, 1)
    return int(groups), list(zip(w.shape[2:], strides, dilations))


# another border than zeros --------------------------------------------------------------------------------------------


def _modes(H: int) -> dict[str, tuple[Any, int | None]]:
    return {mode.name: (mode.numpy, None if mode.most is None else int(mode.most.evaluate({"H": H})))
            for mode in MODES.values() if mode.counts_outside}  # fmt: skip


def _border_rows(axes: Axes, padding_mode: Any) -> list[Array]:
    """On each axis, the rows of x that stand in the padded x; -1 for the constant."""
    rows = []
    for axis, (H, _, _, _, _, p, q) in enumerate(axes):
        modes = _modes(H)
        if padding_mode not in modes:
            raise ValueError(f"padding_mode {padding_mode!r} must be 'zeros' or one of {', '.join(modes)}")
        name, most = modes[padding_mode]
        if H < 1 or (most is not None and max(p, q) > most):
            raise ValueError(f"{padding_mode} padding ({p}, {q}) is more than input {H} allows on axis {axis}")
        constant: Any = {"constant_values": -1} if name == "constant" else {}
        rows.append(np.pad(np.arange(H), (p, q), name, **constant))
    return rows


def _bordered(x: Array, rows: Sequence[Array], padding_value: Any) -> Array:
    """x with its border: ``rows`` of it on each axis, the constant where there is none."""
    for axis, index in enumerate(rows, 2):
        x = np.take(x, index, axis)
        outside: Any = (*[slice(None)] * axis, index < 0)
        x[outside] = padding_value
    return x


def _border_folded(padded: Array, rows: Sequence[Array]) -> Array:
    """The adjoint of _bordered: what stands on the border is added to the rows that feed it."""
    for axis, index in enumerate(rows, 2):
        away, inside = np.moveaxis(padded, axis, 0), index >= 0
        folded = np.zeros((int(index.max()) + 1, *away.shape[1:]), padded.dtype)
        np.add.at(folded, index[inside], away[inside])
        padded = np.moveaxis(folded, 0, axis)
    return padded


def _layer(
    x: Array, w: Array, b: Array | None, stride: Any, padding: Any, dilation: Any, groups: Any, ndim: int
) -> tuple[int, int, int, int, Axes]:
    """N, G, F, C (F and C of one group) and, on each axis, H, K, O, s, d, p, q."""
    G, window = _window(x, w, stride, dilation, groups, ndim)
    same = isinstance(padding, str) and padding == "same"
    pads = _same(window) if same else _pairs(padding, ndim)
    if x.shape[1] != w.shape[1] * G:
        raise ValueError(
            f"x {x.shape} has {x.shape[1]} channels, but w {w.shape} (F, C/groups, ...) "
            f"with groups {G} takes {w.shape[1] * G}"
        )
    _check_shape("b", b, (w.shape[0],))
    axes: Axes = []
    for axis, (H, (K, s, d), (p, q)) in enumerate(zip(x.shape[2:], window, pads)):
        O = _output_size(H, K, s, d, p, q)
        if O < 1:
            raise ValueError(
                f"x {x.shape}, w {w.shape}: kernel {K} with dilation {d} does not fit "
                f"input {H} with padding ({p}, {q}) on axis {axis}"
            )
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
    _check_shape("b", b, (w.shape[1] * G,))
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


def _check_shape(name: str, array: Array | None, shape: tuple[int, ...]) -> None:
    """ValueError unless ``array`` is None or has the ``shape`` that the others call for."""
    if array is not None and array.shape != shape:
        raise ValueError(f"{name} {array.shape} must have shape {shape} to fit the other arrays")


def _check_layer(layer: tuple[Any, ...], written: tuple[Any, ...], x: Array, w: Array) -> None:
    """ValueError unless the layer is the one that this code is written for."""
    if layer != written:
        raise ValueError(
            f"x {x.shape}, w {w.shape} and the parameters make a layer of other sizes, {layer}, "
            f"than the one written out here, {written}: G, F, C, [(H, K, O, s, d, p, q), ...]"
        )


def _options(conv_param: Mapping[str, Any]) -> dict[str, Any]:
    """``conv_param`` of the course notation as keyword arguments: what it calls pad is padding."""
    return {"padding" if key == "pad" else key: value for key, value in conv_param.items()}


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
