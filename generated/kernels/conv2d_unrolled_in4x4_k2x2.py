"""Convolution in 2-D and its gradients: straight-line code for one size.

    L = sum of dy[n, f, o] * w[f, c, k] * x[n, c, m]  over  m = s*o + d*k - p

On each axis o, k and m run over 0 <= o < O, 0 <= k < K, 0 <= m < H (s stride, d dilation, p padding before). The factor
left out gives the array: dy for y, x for dx, w for dw; y has b[f] added, and db is the sum of dy. Channels are summed
inside their group.

Every product is written out; a name stands for one entry in all images of the batch. Each entry is read once. Forward
36 products, backward 72; none is shared: o follows from k and m, so each occurs in one entry. What no window reaches
stays zero.

Holds for Conv(input=(4, 4), kernel=(2, 2)) with any number of images (also none); other sizes are refused. The dtype of
the arguments is the dtype of the results: floats, integers (which wrap around), Python objects, complex numbers as they
are, without conjugation. Arguments are never written to.

Checked before it was written: on symbols y, dx, dw and db equal the derivative of the loss, entry by entry; on symbols
the double backward equals the derivative of <v_x, dx> + <v_w, dw> + <v_b, db>; on random integers they equal exact
differences of step 1; in float64 the gradients are within 1e-8 of the complex-step derivative; dtypes are kept, any
memory, no images and every form of parameters work, both faces agree, wrong arguments are refused. Layers: in4x4-k2x2,
in4x4-k2x2-n2c1f1. These checks cover the layers named; they are no proof for every size.
"""

import numpy as np

__all__ = ["conv2d", "conv2d_backward", "conv2d_double_backward", "conv_forward", "conv_backward"]

# the layer that is written out: G, F, C and, on each axis, H, K, O, s, d, p, q
LAYER = (1, 1, 1, [(4, 2, 3, 1, 1, 0, 0), (4, 2, 3, 1, 1, 0, 0)])


def conv2d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros", padding_value=0):
    """y: every filter of w slid over x, plus b.

    x (N, 1, 4, 4), w (1, 1, 2, 2), b (1,) or None; y (N, 1, 3, 3). The parameters can only be what they are by default.
    ValueError, with the shapes, for another layer.

    >>> x, w = np.ones((1, 1, 4, 4)), np.ones((1, 1, 2, 2))
    >>> conv2d(x, w).shape
    (1, 1, 3, 3)
    """
    x, w, b = _arrays(x, w, b)
    layer = _layer(x, w, b, stride, padding, dilation, groups, ndim=2)
    if padding_mode != "zeros":
        raise ValueError(f"padding_mode {padding_mode!r}: this code is written for 'zeros'")
    _check_layer(layer[1:], LAYER, x, w)
    N = layer[0]
    # one name for each entry, 1-based as in the derivation; x and dy: in all images
    x_11, x_12, x_13, x_14, x_21, x_22, x_23, x_24, x_31, x_32, x_33, x_34, x_41, x_42, x_43, x_44 = x.reshape(N, 16).T
    w_11, w_12, w_21, w_22 = w.ravel()
    y = np.zeros((N, 1, 3, 3), x.dtype)
    y[:, 0, 0, 0] = w_11 * x_11 + w_12 * x_12 + w_21 * x_21 + w_22 * x_22
    y[:, 0, 0, 1] = w_11 * x_12 + w_12 * x_13 + w_21 * x_22 + w_22 * x_23
    y[:, 0, 0, 2] = w_11 * x_13 + w_12 * x_14 + w_21 * x_23 + w_22 * x_24
    y[:, 0, 1, 0] = w_11 * x_21 + w_12 * x_22 + w_21 * x_31 + w_22 * x_32
    y[:, 0, 1, 1] = w_11 * x_22 + w_12 * x_23 + w_21 * x_32 + w_22 * x_33
    y[:, 0, 1, 2] = w_11 * x_23 + w_12 * x_24 + w_21 * x_33 + w_22 * x_34
    y[:, 0, 2, 0] = w_11 * x_31 + w_12 * x_32 + w_21 * x_41 + w_22 * x_42
    y[:, 0, 2, 1] = w_11 * x_32 + w_12 * x_33 + w_21 * x_42 + w_22 * x_43
    y[:, 0, 2, 2] = w_11 * x_33 + w_12 * x_34 + w_21 * x_43 + w_22 * x_44
    return y if b is None else y + b.reshape(-1, 1, 1)


def conv2d_backward(dy, x, w, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros", padding_value=0):
    """dx, dw, db: the gradients by x, w, b of a loss whose gradient by y is dy.

    dy (N, 1, 3, 3); dx, dw and db have the shapes of x, w and b. The other parameters are those of conv2d.
    """
    dy, x, w = _arrays(dy, x, w)
    layer = _layer(x, w, None, stride, padding, dilation, groups, ndim=2)
    if padding_mode != "zeros":
        raise ValueError(f"padding_mode {padding_mode!r}: this code is written for 'zeros'")
    _check_layer(layer[1:], LAYER, x, w)
    N = layer[0]
    _check_shape("dy", dy, (N, 1, 3, 3))
    # one name for each entry, 1-based as in the derivation; x and dy: in all images
    dy_11, dy_12, dy_13, dy_21, dy_22, dy_23, dy_31, dy_32, dy_33 = dy.reshape(N, 9).T
    x_11, x_12, x_13, x_14, x_21, x_22, x_23, x_24, x_31, x_32, x_33, x_34, x_41, x_42, x_43, x_44 = x.reshape(N, 16).T
    w_11, w_12, w_21, w_22 = w.ravel()
    dx = np.zeros(x.shape, x.dtype)
    dw = np.zeros(w.shape, w.dtype)
    dx[:, 0, 0, 0] = dy_11 * w_11
    dx[:, 0, 0, 1] = dy_11 * w_12 + dy_12 * w_11
    dx[:, 0, 0, 2] = dy_12 * w_12 + dy_13 * w_11
    dx[:, 0, 0, 3] = dy_13 * w_12
    dx[:, 0, 1, 0] = dy_11 * w_21 + dy_21 * w_11
    dx[:, 0, 1, 1] = dy_11 * w_22 + dy_12 * w_21 + dy_21 * w_12 + dy_22 * w_11
    dx[:, 0, 1, 2] = dy_12 * w_22 + dy_13 * w_21 + dy_22 * w_12 + dy_23 * w_11
    dx[:, 0, 1, 3] = dy_13 * w_22 + dy_23 * w_12
    dx[:, 0, 2, 0] = dy_21 * w_21 + dy_31 * w_11
    dx[:, 0, 2, 1] = dy_21 * w_22 + dy_22 * w_21 + dy_31 * w_12 + dy_32 * w_11
    dx[:, 0, 2, 2] = dy_22 * w_22 + dy_23 * w_21 + dy_32 * w_12 + dy_33 * w_11
    dx[:, 0, 2, 3] = dy_23 * w_22 + dy_33 * w_12
    dx[:, 0, 3, 0] = dy_31 * w_21
    dx[:, 0, 3, 1] = dy_31 * w_22 + dy_32 * w_21
    dx[:, 0, 3, 2] = dy_32 * w_22 + dy_33 * w_21
    dx[:, 0, 3, 3] = dy_33 * w_22
    dw[0, 0, 0, 0] = np.sum(
        dy_11 * x_11 + dy_12 * x_12 + dy_13 * x_13 + dy_21 * x_21 + dy_22 * x_22 + dy_23 * x_23 + dy_31 * x_31
        + dy_32 * x_32 + dy_33 * x_33, dtype=dw.dtype,
    )
    dw[0, 0, 0, 1] = np.sum(
        dy_11 * x_12 + dy_12 * x_13 + dy_13 * x_14 + dy_21 * x_22 + dy_22 * x_23 + dy_23 * x_24 + dy_31 * x_32
        + dy_32 * x_33 + dy_33 * x_34, dtype=dw.dtype,
    )
    dw[0, 0, 1, 0] = np.sum(
        dy_11 * x_21 + dy_12 * x_22 + dy_13 * x_23 + dy_21 * x_31 + dy_22 * x_32 + dy_23 * x_33 + dy_31 * x_41
        + dy_32 * x_42 + dy_33 * x_43, dtype=dw.dtype,
    )
    dw[0, 0, 1, 1] = np.sum(
        dy_11 * x_22 + dy_12 * x_23 + dy_13 * x_24 + dy_21 * x_32 + dy_22 * x_33 + dy_23 * x_34 + dy_31 * x_42
        + dy_32 * x_43 + dy_33 * x_44, dtype=dw.dtype,
    )
    db = dy.sum(axis=(0, 2, 3), dtype=dy.dtype)
    return dx, dw, db


def conv2d_double_backward(
    v_x, v_w, v_b, dy, x, w, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros", padding_value=0
):
    """ddy, ddx, ddw: the gradients by dy, x, w of <v_x, dx> + <v_w, dw> + <v_b, db>.

    v_x, v_w and v_b (or None) have the shapes of x, w and b; ddy, ddx and ddw those of dy, x and w. The other
    parameters are those of conv2d.
    """
    layer = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "padding_mode": padding_mode}
    ddy = conv2d(v_x, w, **layer) + conv2d(x, v_w, v_b, padding_value=padding_value, **layer)
    ddx, _, _ = conv2d_backward(dy, x, v_w, padding_value=padding_value, **layer)
    _, ddw, _ = conv2d_backward(dy, v_x, w, **layer)
    return ddy, ddx, ddw


def conv_forward(x, w, b, conv_param):
    """out and cache, in course notation: conv_param is {'stride': s, 'pad': p}."""
    return conv2d(x, w, b, **_options(conv_param)), (x, w, b, conv_param)


def conv_backward(dout, cache):
    """dx, dw, db for the cache of conv_forward; db is None where b was."""
    x, w, b, conv_param = cache
    dx, dw, db = conv2d_backward(dout, x, w, **_options(conv_param))
    return dx, dw, None if b is None else db


def _arrays(*arrays):
    """The arrays in the one dtype that holds them all; None stays None."""
    given = [None if a is None else np.asarray(a) for a in arrays]
    dtype = np.result_type(*(a for a in given if a is not None))
    return tuple(None if a is None else a.astype(dtype, copy=False) for a in given)


def _layer(x, w, b, stride, padding, dilation, groups, ndim):
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
    axes = []
    for axis, (H, (K, s, d), (p, q)) in enumerate(zip(x.shape[2:], window, pads)):
        O = _output_size(H, K, s, d, p, q)
        if O < 1:
            raise ValueError(
                f"x {x.shape}, w {w.shape}: kernel {K} with dilation {d} does not fit "
                f"input {H} with padding ({p}, {q}) on axis {axis}"
            )
        axes.append((H, K, O, s, d, p, q))
    return x.shape[0], G, w.shape[0] // G, w.shape[1], axes


def _check_layer(layer, written, x, w):
    """ValueError unless the layer is the one that this code is written for."""
    if layer != written:
        raise ValueError(
            f"x {x.shape}, w {w.shape} and the parameters make a layer of other sizes, {layer}, "
            f"than the one written out here, {written}: G, F, C, [(H, K, O, s, d, p, q), ...]"
        )


def _check_shape(name, array, shape):
    """ValueError unless ``array`` is None or has the ``shape`` that the others call for."""
    if array is not None and array.shape != shape:
        raise ValueError(f"{name} {array.shape} must have shape {shape} to fit the other arrays")


def _options(conv_param):
    """``conv_param`` of the course notation as keyword arguments: what it calls pad is padding."""
    return {"padding" if key == "pad" else key: value for key, value in conv_param.items()}


def _window(x, w, stride, dilation, groups, ndim):
    """The groups; K, s, d on each axis. ValueError unless x and w can be arrays of such a layer."""
    if x.ndim != ndim + 2 or w.ndim != ndim + 2 or min(w.shape) < 1:
        raise ValueError(f"x {x.shape}, w {w.shape} must have {ndim + 2} axes, and w no empty one")
    if not _whole(groups) or groups < 1 or w.shape[0] % int(groups):
        raise ValueError(f"groups {groups!r} must be a whole number that divides w {w.shape}[0]")
    strides = _per_axis("stride", stride, ndim, 1)
    dilations = _per_axis("dilation", dilation, ndim, 1)
    return int(groups), list(zip(w.shape[2:], strides, dilations))


def _same(window):
    """The padding that leaves y as large as x, an odd row after; stride 1 only."""
    if any(s != 1 for _, s, _ in window):
        raise ValueError("padding 'same' needs stride 1; give the padding in numbers")
    lost = [-_output_size(0, K, 1, d, 0, 0) for K, _, d in window]
    return [(n // 2, n - n // 2) for n in lost]


def _pairs(padding, ndim):
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


def _output_size(H, K, s, d, p, q):
    """How often the kernel fits: the rows of y on one axis."""
    return (H + p + q - (d * (K - 1) + 1)) // s + 1


def _whole(value):
    """Whether ``value`` is one whole number: an int, one of NumPy's, or an array of no axes."""
    return isinstance(value, int) or (np.ndim(value) == 0 and np.asarray(value).dtype.kind in "iu")


def _per_axis(name, value, ndim, least):
    """``value`` as one int for each axis; it may be a number, an array, a list or a tuple."""
    values = np.asarray(value, object)
    each = values.tolist() if values.ndim else [value] * ndim
    if len(each) != ndim or not all(_whole(v) and v >= least for v in each):
        raise ValueError(f"{name} {value!r} must be one whole number >= {least}, or {ndim} of them")
    return tuple(int(v) for v in each)
