"""Convolution in 3-D and its gradients: the sum as nested loops.

    L = sum of dy[n, f, o] * w[f, c, k] * x[n, c, m]  over  m = s*o + d*k - p

On each axis 0 <= o < O, 0 <= k < K, 0 <= m < H (s stride, d dilation, p padding before). The factor left out gives the
array: dy for y, x for dx, w for dw; y has b[f] added, and db is the sum of dy. Channels are summed inside their group.
The loops run over every pair (o, k); m follows from them. What is outside the array counts as zero, so it is passed
over. The gradients are the same loops with another factor left out. For reading, not for speed.

Written for every size: any number of images (also none) and channels, groups, stride, padding and dilation, wherever
there is an output on each axis. Results have the dtype of the arguments: floats, integers (which wrap around), Python
objects, complex numbers without conjugation. Arguments are never written to.

Proved for every size at stride 1 to 3, dilation 1 to 2, the same on each axis: what conv3d and conv3d_backward compute
is y, dx, dw and db by the relation above, with any groups, any padding with zeros before and after, in exact
arithmetic. It was proved from the text of this file.

Checked before it was written: on symbols y, dx, dw and db equal the derivative of the loss; the double backward that of
<v_x, dx> + <v_w, dw> + <v_b, db>; on integers they equal exact differences of step 1; in float64 the gradients are
within 1e-8 of the complex step; dtypes are kept, any memory, no images and any form of parameters work, both notations
agree, wrong arguments are refused. Layers: in3x4x5-k2x1x3-n2c2f6-s1x2x3-p1_0x2_0x3_2-d2x1x1-g2,
in4x3x2-k2x3x2-s3x1x2-p0_2x2x1_0-d1x2x1, in3x6x5-k1x3x2-n1c2f1-p0x1x1_0. These checks cover the layers named; other
borders, dtypes, steps that differ by axis and the double backward rest on them.
"""

import numpy as np

__all__ = ["conv3d", "conv3d_backward", "conv3d_double_backward", "conv_forward", "conv_backward"]

# padding_mode: its name in np.pad; by how many rows one side may be longer than H, None: by any number
_MODES = {"zeros": ("constant", None), "constant": ("constant", None), "reflect": ("reflect", -1),
          "replicate": ("edge", None), "circular": ("wrap", 0), "symmetric": ("symmetric", 0)}


def conv3d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros", padding_value=0):
    """y: every filter of w slid over x, plus b.

    x (N, C, H0, H1, H2), w (F, C/groups, K0, K1, K2), b (F,) or None; y (N, F, O0, O1, O2). stride, dilation: a number,
    or one for each axis; padding also (before, after) pairs, or "same" or "valid". padding_mode: 'zeros', 'constant'
    (padding_value, in the dtype of x), 'reflect', 'replicate', 'circular', 'symmetric'. ValueError, with the shapes,
    where these make no layer.

    >>> x, w = np.ones((2, 4, 5, 6, 7)), np.ones((6, 2, 3, 2, 4))
    >>> conv3d(x, w, stride=(2, 1, 3), padding=(1, 0, 2), groups=2).shape
    (2, 6, 3, 5, 3)
    """
    x, w, b = _arrays(x, w, b)
    N, G, F, C, axes = _layer(x, w, b, stride, padding, dilation, groups, padding_mode, ndim=3)
    if padding_mode != "zeros":
        x = _padded(x, axes, padding_mode, padding_value)
        return conv3d(x, w, b, stride, 0, dilation, groups)
    H0, K0, O0, s0, d0, p0, _ = axes[0]
    H1, K1, O1, s1, d1, p1, _ = axes[1]
    H2, K2, O2, s2, d2, p2, _ = axes[2]
    # groups get an axis of their own; F and C count inside one group
    x = x.reshape(N, G, C, H0, H1, H2)
    w = w.reshape(G, F, C, K0, K1, K2)
    y = np.zeros((N, G, F, O0, O1, O2), x.dtype)
    for n, g, f, c in np.ndindex(N, G, F, C):
        for o0, o1, o2 in np.ndindex(O0, O1, O2):
            for k0, k1, k2 in np.ndindex(K0, K1, K2):
                m0 = s0 * o0 + d0 * k0 - p0
                m1 = s1 * o1 + d1 * k1 - p1
                m2 = s2 * o2 + d2 * k2 - p2
                if 0 <= m0 < H0 and 0 <= m1 < H1 and 0 <= m2 < H2:
                    y[n, g, f, o0, o1, o2] += w[g, f, c, k0, k1, k2] * x[n, g, c, m0, m1, m2]
    y = y.reshape(N, G * F, O0, O1, O2)
    return y if b is None else y + b.reshape(-1, 1, 1, 1)


def conv3d_backward(dy, x, w, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros", padding_value=0):
    """dx, dw, db: the gradients by x, w, b of a loss whose gradient by y is dy (N, F, O0, O1, O2)."""
    dy, x, w = _arrays(dy, x, w)
    N, G, F, C, axes = _layer(x, w, None, stride, padding, dilation, groups, padding_mode, ndim=3)
    if padding_mode != "zeros":
        x = _padded(x, axes, padding_mode, padding_value)
        dpadded, dw, db = conv3d_backward(dy, x, w, stride, 0, dilation, groups)
        return _folded(dpadded, axes, padding_mode), dw, db
    H0, K0, O0, s0, d0, p0, _ = axes[0]
    H1, K1, O1, s1, d1, p1, _ = axes[1]
    H2, K2, O2, s2, d2, p2, _ = axes[2]
    if dy.shape != (N, G * F, O0, O1, O2):
        raise ValueError(f"dy {dy.shape} must have shape {(N, G * F, O0, O1, O2)} to fit the other arrays")
    db = dy.sum(axis=(0, 2, 3, 4), dtype=dy.dtype)
    # groups get an axis of their own; F and C count inside one group
    dy = dy.reshape(N, G, F, O0, O1, O2)
    x = x.reshape(N, G, C, H0, H1, H2)
    w = w.reshape(G, F, C, K0, K1, K2)
    dx = np.zeros(x.shape, x.dtype)
    dw = np.zeros(w.shape, w.dtype)
    for n, g, f, c in np.ndindex(N, G, F, C):
        for o0, o1, o2 in np.ndindex(O0, O1, O2):
            for k0, k1, k2 in np.ndindex(K0, K1, K2):
                m0 = s0 * o0 + d0 * k0 - p0
                m1 = s1 * o1 + d1 * k1 - p1
                m2 = s2 * o2 + d2 * k2 - p2
                if 0 <= m0 < H0 and 0 <= m1 < H1 and 0 <= m2 < H2:
                    dx[n, g, c, m0, m1, m2] += dy[n, g, f, o0, o1, o2] * w[g, f, c, k0, k1, k2]
                    dw[g, f, c, k0, k1, k2] += dy[n, g, f, o0, o1, o2] * x[n, g, c, m0, m1, m2]
    return dx.reshape(N, G * C, H0, H1, H2), dw.reshape(G * F, C, K0, K1, K2), db


def conv3d_double_backward(v_x, v_w, v_b, dy, x, w, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros",
                           padding_value=0):
    """ddy, ddx, ddw: the gradients by dy, x, w of <v_x, dx> + <v_w, dw> + <v_b, db>; v_b may be None."""
    layer = (stride, padding, dilation, groups, padding_mode)
    ddy = conv3d(v_x, w, None, *layer, 0) + conv3d(x, v_w, v_b, *layer, padding_value)
    ddx, _, _ = conv3d_backward(dy, x, v_w, *layer, padding_value)
    _, ddw, _ = conv3d_backward(dy, v_x, w, *layer, 0)
    return ddy, ddx, ddw


def conv_forward(x, w, b, conv_param):
    """out and cache, in course notation: conv_param is {'stride': s, 'pad': p}."""
    layer = {"padding" if name == "pad" else name: value for name, value in conv_param.items()}
    return conv3d(x, w, b, **layer), (x, w, b, layer)


def conv_backward(dout, cache):
    """dx, dw, db for the cache of conv_forward; db is None where b was."""
    x, w, b, layer = cache
    dx, dw, db = conv3d_backward(dout, x, w, **layer)
    return dx, dw, None if b is None else db


def _arrays(*arrays):
    """The arrays in the one dtype that holds them all; None stays None."""
    given = [None if a is None else np.asarray(a) for a in arrays]
    dtype = np.result_type(*(a for a in given if a is not None))
    return tuple(None if a is None else a.astype(dtype, copy=False) for a in given)


def _layer(x, w, b, stride, padding, dilation, groups, padding_mode, ndim):
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
    axes = []
    for H, K, s, d, (p, q) in zip(x.shape[2:], w.shape[2:], strides, dilations, _pairs(padding, ndim)):
        O = (H + p + q - (d*(K - 1) + 1)) // s + 1
        if O < 1 or (more is not None and max(p, q) > H + more):
            raise ValueError(f"x {x.shape}: kernel {K}, dilation {d}, {padding_mode} padding ({p}, {q}) do not fit {H}")
        axes.append((H, K, O, s, d, p, q))
    return x.shape[0], G, w.shape[0] // G, w.shape[1], axes


def _padded(a, axes, padding_mode, padding_value):
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


def _folded(padded, axes, padding_mode):
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


def _per_axis(name, value, ndim, least):
    """``value`` as one int for each axis; it may be a number, an array, a list or a tuple."""
    values = np.asarray(value, object)
    each = [np.asarray(v, object).tolist() for v in (values.tolist() if values.ndim else [value] * ndim)]
    if len(each) != ndim or not all(isinstance(v, (int, np.integer)) and v >= least for v in each):
        raise ValueError(f"{name} {value!r} must be one whole number >= {least}, or {ndim} of them")
    return tuple(int(v) for v in each)


def _pairs(padding, ndim):
    """``padding`` as (before, after) for each axis."""
    padding = 0 if isinstance(padding, str) and padding == "valid" else padding
    each = padding if isinstance(padding, (tuple, list)) or np.ndim(padding) else [padding] * ndim
    if len(each) != ndim:
        raise ValueError(f"padding {padding!r} must be one value, or {ndim}: one for each axis")
    return [_per_axis("padding", value, 2, 0) for value in each]
