"""Transposed convolution in 1-D and its gradients: one matrix product for each tap of the kernel.

    L = sum of dy[n, f, m] * w[c, f, k] * x[n, c, o]  over  m = s*o + d*k - p

On each axis 0 <= o < O, 0 <= k < K, 0 <= m < H (s stride, d dilation, p padding before). The factor left out gives the
array: dy for y, x for dx, w for dw; y has b[f] added, and db is the sum of dy. Channels are summed inside their group.
A Python loop runs over the taps (kernel positions) only. For one tap the outputs that it serves, and the inputs that
they read, are slices; channels are the inner dimension of a matrix product. Nothing is padded: the slices stop at the
edge. The gradients are the same taps with another factor left out.

Written for every size: any number of images (also none) and channels, groups, stride, padding and dilation, wherever
there is an output on each axis. Results have the dtype of the arguments: floats, integers (which wrap around), Python
objects, complex numbers without conjugation. Arguments are never written to.

Proved for every size at stride 1 to 4, dilation 1 to 3: what conv_transpose1d and conv_transpose1d_backward compute is
y, dx, dw and db by the relation above, with any groups, any padding with zeros before and after, any output padding, in
exact arithmetic. It was proved from the text of this file.

Checked before it was written: on symbols y, dx, dw and db equal the derivative of the loss; the double backward that of
<v_x, dx> + <v_w, dw> + <v_b, db>; on integers they equal exact differences of step 1; in float64 the gradients are
within 1e-8 of the complex step; dtypes are kept, any memory, no images and any form of parameters work, both notations
agree, wrong arguments are refused. Layers: in3-k2-s2-transposed-op1, in4-k3-n2c6f6-p1_2-d3-g3-transposed-op2. These
checks cover the layers named; other borders, dtypes, steps that differ by axis and the double backward rest on them.
"""

import numpy as np

__all__ = ["conv_transpose1d", "conv_transpose1d_backward", "conv_transpose1d_double_backward",
           "conv_transpose_forward", "conv_transpose_backward"]


def conv_transpose1d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1, output_padding=0):
    """y: the transposed convolution, every entry of x spread over y through w, plus b.

    x (N, C, O), w (C, F/groups, K), b (F,) or None; y (N, F, H). stride, dilation, output_padding (more rows of y at
    the end): a number, or one for each axis; padding also (before, after) pairs, or "valid". ValueError, with the
    shapes, where these make no layer.

    >>> x, w = np.ones((2, 4, 5)), np.ones((4, 3, 3))
    >>> conv_transpose1d(x, w, stride=2, padding=1, groups=2, output_padding=1).shape
    (2, 6, 10)
    """
    x, w, b = _arrays(x, w, b)
    N, G, F, C, axes = _transposed_layer(x, w, b, stride, padding, dilation, groups, output_padding, ndim=1)
    H, K, O, s, d, p, _ = axes[0]
    # groups get an axis of their own; F and C count inside one group
    x = x.reshape(N, G, C, O)
    w = w.reshape(G, C, F, K)
    y = np.zeros((N, G, F, H), x.dtype)
    for k in range(K):
        # the places that this tap serves, and the rows it meets there
        o, m = _reach(d * k - p, s, O, H)
        # matrices for this tap: w (G, C, F), x (N, G, C, places)
        w_tap = np.ascontiguousarray(w[..., k])
        x_tap = _columns(x[..., o])
        y[..., m] += w_tap.swapaxes(-1, -2) @ x_tap
    y = y.reshape(N, G * F, H)
    return y if b is None else y + b.reshape(-1, 1)


def conv_transpose1d_backward(dy, x, w, stride=1, padding=0, dilation=1, groups=1, output_padding=0):
    """dx, dw, db: the gradients by x, w, b of a loss whose gradient by y is dy (N, F, H)."""
    dy, x, w = _arrays(dy, x, w)
    N, G, F, C, axes = _transposed_layer(x, w, None, stride, padding, dilation, groups, output_padding, ndim=1)
    H, K, O, s, d, p, _ = axes[0]
    if dy.shape != (N, G * F, H):
        raise ValueError(f"dy {dy.shape} must have shape {(N, G * F, H)} to fit the other arrays")
    db = dy.sum(axis=(0, 2), dtype=dy.dtype)
    # groups get an axis of their own; F and C count inside one group
    dy = dy.reshape(N, G, F, H)
    x = x.reshape(N, G, C, O)
    w = w.reshape(G, C, F, K)
    dx = np.zeros(x.shape, x.dtype)
    dw = np.zeros(w.shape, w.dtype)
    for k in range(K):
        # the places that this tap serves, and the rows it meets there
        o, m = _reach(d * k - p, s, O, H)
        # matrices for this tap: dy (N, G, F, places), w (G, C, F), x (N, G, C, places)
        dy_tap = _columns(dy[..., m])
        w_tap = np.ascontiguousarray(w[..., k])
        x_tap = _columns(x[..., o])
        dx[..., o] += w_tap @ dy_tap
        dw[..., k] += (x_tap @ dy_tap.swapaxes(-1, -2)).sum(axis=0, dtype=dw.dtype)
    return dx.reshape(N, G * C, O), dw.reshape(G * C, F, K), db


def conv_transpose1d_double_backward(v_x, v_w, v_b, dy, x, w, stride=1, padding=0, dilation=1, groups=1,
                                     output_padding=0):
    """ddy, ddx, ddw: the gradients by dy, x, w of <v_x, dx> + <v_w, dw> + <v_b, db>; v_b may be None."""
    layer = (stride, padding, dilation, groups, output_padding)
    ddy = conv_transpose1d(v_x, w, None, *layer) + conv_transpose1d(x, v_w, v_b, *layer)
    ddx, _, _ = conv_transpose1d_backward(dy, x, v_w, *layer)
    _, ddw, _ = conv_transpose1d_backward(dy, v_x, w, *layer)
    return ddy, ddx, ddw


def conv_transpose_forward(x, w, b, conv_param):
    """out and cache, in course notation: conv_param is {'stride': s, 'pad': p}."""
    layer = {"padding" if name == "pad" else name: value for name, value in conv_param.items()}
    return conv_transpose1d(x, w, b, **layer), (x, w, b, layer)


def conv_transpose_backward(dout, cache):
    """dx, dw, db for the cache of conv_transpose_forward; db is None where b was."""
    x, w, b, layer = cache
    dx, dw, db = conv_transpose1d_backward(dout, x, w, **layer)
    return dx, dw, None if b is None else db


def _arrays(*arrays):
    """The arrays in the one dtype that holds them all; None stays None."""
    given = [None if a is None else np.asarray(a) for a in arrays]
    dtype = np.result_type(*(a for a in given if a is not None))
    return tuple(None if a is None else a.astype(dtype, copy=False) for a in given)


def _transposed_layer(x, w, b, stride, padding, dilation, groups, output_padding, ndim):
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
    axes = []
    for axis, (O, (K, s, d), (p, q), r) in enumerate(zip(x.shape[2:], window, pads, extra)):
        H = s*(O - 1) + 1 + d*(K - 1) - q - p + r
        if H < 1 or O < 1 or (r and r >= max(s, d)):
            raise ValueError(
                f"x {x.shape}, w {w.shape}, stride {s}, dilation {d}, padding ({p}, {q}), "
                f"output_padding {r} give {H} rows on axis {axis}; at least 1 is needed, and "
                "output_padding below the stride or the dilation"
            )
        axes.append((H, K, O, s, d, p, q))
    return x.shape[0], G, w.shape[1], w.shape[0] // G, axes


def _reach(start, step, count, size):
    """The i, 0 <= i < count, with 0 <= start + step*i < size, and these rows: two slices."""
    first = max(0, -(start // step))
    last = max(first, min(count, (size - 1 - start) // step + 1))
    return slice(first, last), slice(start + step * first, start + step * last, step)


def _columns(a, lead=3):
    """``a`` with the axes after the first ``lead`` made one: matrices, a column for each place."""
    places = int(np.prod(a.shape[lead:]))
    return np.ascontiguousarray(a).reshape(*a.shape[:lead], places)


def _window(x, w, stride, dilation, groups, ndim):
    """The groups; K, s, d on each axis. ValueError unless x and w can be arrays of such a layer."""
    if x.ndim != ndim + 2 or w.ndim != ndim + 2 or min(w.shape) < 1:
        raise ValueError(f"x {x.shape}, w {w.shape} must have {ndim + 2} axes, and w no empty one")
    (G,) = _per_axis("groups", groups, 1, 1)
    if w.shape[0] % G:
        raise ValueError(f"groups {groups!r} must divide w {w.shape}[0]")
    strides, dilations = _per_axis("stride", stride, ndim, 1), _per_axis("dilation", dilation, ndim, 1)
    return G, list(zip(w.shape[2:], strides, dilations))


def _pairs(padding, ndim):
    """``padding`` as (before, after) for each axis."""
    padding = 0 if isinstance(padding, str) and padding == "valid" else padding
    each = padding if isinstance(padding, (tuple, list)) or np.ndim(padding) else [padding] * ndim
    if len(each) != ndim:
        raise ValueError(f"padding {padding!r} must be one value, or {ndim}: one for each axis")
    return [_per_axis("padding", value, 2, 0) for value in each]


def _per_axis(name, value, ndim, least):
    """``value`` as one int for each axis; it may be a number, an array, a list or a tuple."""
    values = np.asarray(value, object)
    each = [np.asarray(v, object).tolist() for v in (values.tolist() if values.ndim else [value] * ndim)]
    if len(each) != ndim or not all(isinstance(v, (int, np.integer)) and v >= least for v in each):
        raise ValueError(f"{name} {value!r} must be one whole number >= {least}, or {ndim} of them")
    return tuple(int(v) for v in each)
