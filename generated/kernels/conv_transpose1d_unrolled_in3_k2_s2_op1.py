"""Transposed convolution in 1-D and its gradients: straight-line code for one size.

    L = sum of dy[n, f, m] * w[c, f, k] * x[n, c, o]  over  m = s*o + d*k - p

On each axis o, k and m run over 0 <= o < O, 0 <= k < K, 0 <= m < H (s stride, d dilation, p padding before). The factor
left out gives the array: dy for y, x for dx, w for dw; y has b[f] added, and db is the sum of dy. Channels are summed
inside their group.

Every product is written out; a name stands for one entry in all images of the batch. Each entry is read once. Forward 6
products, backward 12; none is shared: o follows from k and m, so each occurs in one entry. What no window reaches stays
zero.

Holds for Conv(input=3, kernel=2, stride=2, transposed=True, output_padding=1) with any number of images (also none);
other sizes are refused. The dtype of the arguments is the dtype of the results: floats, integers (which wrap around),
Python objects, complex numbers as they are, without conjugation. Arguments are never written to.

Checked before it was written: on symbols y, dx, dw and db equal the derivative of the loss, entry by entry; on symbols
the double backward equals the derivative of <v_x, dx> + <v_w, dw> + <v_b, db>; on random integers they equal exact
differences of step 1; in float64 the gradients are within 1e-8 of the complex-step derivative; dtypes are kept, any
memory, no images and every form of parameters work, both faces agree, wrong arguments are refused. Layers:
in3-k2-s2-transposed-op1, in3-k2-n2c1f1-s2-transposed-op1. These checks cover the layers named; they are no proof for
every size.
"""

import numpy as np

__all__ = [
    "conv_transpose1d", "conv_transpose1d_backward", "conv_transpose1d_double_backward", "conv_transpose_forward",
    "conv_transpose_backward",
]

# the layer that is written out: G, F, C and, on each axis, H, K, O, s, d, p, q
LAYER = (1, 1, 1, [(7, 2, 3, 2, 1, 0, 0)])


def conv_transpose1d(x, w, b=None, stride=2, padding=0, dilation=1, groups=1, output_padding=1):
    """y: the transposed convolution, every entry of x spread over y through w, plus b.

    x (N, 1, 3), w (1, 1, 2), b (1,) or None; y (N, 1, 7). The parameters can only be what they are by default.
    ValueError, with the shapes, for another layer.

    >>> x, w = np.ones((1, 1, 3)), np.ones((1, 1, 2))
    >>> conv_transpose1d(x, w).shape
    (1, 1, 7)
    """
    x, w, b = _arrays(x, w, b)
    layer = _transposed_layer(x, w, b, stride, padding, dilation, groups, output_padding, ndim=1)
    _check_layer(layer[1:], LAYER, x, w)
    N = layer[0]
    # one name for each entry, 1-based as in the derivation; x and dy: in all images
    x_1, x_2, x_3 = x.reshape(N, 3).T
    w_1, w_2 = w.ravel()
    y = np.zeros((N, 1, 7), x.dtype)
    y[:, 0, 0] = w_1 * x_1
    y[:, 0, 1] = w_2 * x_1
    y[:, 0, 2] = w_1 * x_2
    y[:, 0, 3] = w_2 * x_2
    y[:, 0, 4] = w_1 * x_3
    y[:, 0, 5] = w_2 * x_3
    return y if b is None else y + b.reshape(-1, 1)


def conv_transpose1d_backward(dy, x, w, stride=2, padding=0, dilation=1, groups=1, output_padding=1):
    """dx, dw, db: the gradients by x, w, b of a loss whose gradient by y is dy.

    dy (N, 1, 7); dx, dw and db have the shapes of x, w and b. The other parameters are those of conv_transpose1d.
    """
    dy, x, w = _arrays(dy, x, w)
    layer = _transposed_layer(x, w, None, stride, padding, dilation, groups, output_padding, ndim=1)
    _check_layer(layer[1:], LAYER, x, w)
    N = layer[0]
    _check_shape("dy", dy, (N, 1, 7))
    # one name for each entry, 1-based as in the derivation; x and dy: in all images
    dy_1, dy_2, dy_3, dy_4, dy_5, dy_6, dy_7 = dy.reshape(N, 7).T
    x_1, x_2, x_3 = x.reshape(N, 3).T
    w_1, w_2 = w.ravel()
    dx = np.zeros(x.shape, x.dtype)
    dw = np.zeros(w.shape, w.dtype)
    dx[:, 0, 0] = dy_1 * w_1 + dy_2 * w_2
    dx[:, 0, 1] = dy_3 * w_1 + dy_4 * w_2
    dx[:, 0, 2] = dy_5 * w_1 + dy_6 * w_2
    dw[0, 0, 0] = np.sum(dy_1 * x_1 + dy_3 * x_2 + dy_5 * x_3, dtype=dw.dtype)
    dw[0, 0, 1] = np.sum(dy_2 * x_1 + dy_4 * x_2 + dy_6 * x_3, dtype=dw.dtype)
    db = dy.sum(axis=(0, 2), dtype=dy.dtype)
    return dx, dw, db


def conv_transpose1d_double_backward(
    v_x, v_w, v_b, dy, x, w, stride=2, padding=0, dilation=1, groups=1, output_padding=1
):
    """ddy, ddx, ddw: the gradients by dy, x, w of <v_x, dx> + <v_w, dw> + <v_b, db>.

    v_x, v_w and v_b (or None) have the shapes of x, w and b; ddy, ddx and ddw those of dy, x and w. The other
    parameters are those of conv_transpose1d.
    """
    layer = {
        "stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "output_padding": output_padding
    }
    ddy = conv_transpose1d(v_x, w, **layer) + conv_transpose1d(x, v_w, v_b, **layer)
    ddx, _, _ = conv_transpose1d_backward(dy, x, v_w, **layer)
    _, ddw, _ = conv_transpose1d_backward(dy, v_x, w, **layer)
    return ddy, ddx, ddw


def conv_transpose_forward(x, w, b, conv_param):
    """out and cache, in course notation: conv_param is {'stride': s, 'pad': p}."""
    return conv_transpose1d(x, w, b, **_options(conv_param)), (x, w, b, conv_param)


def conv_transpose_backward(dout, cache):
    """dx, dw, db for the cache of conv_transpose_forward; db is None where b was."""
    x, w, b, conv_param = cache
    dx, dw, db = conv_transpose1d_backward(dout, x, w, **_options(conv_param))
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
    _check_shape("b", b, (w.shape[1] * G,))
    extra = _per_axis("output_padding", output_padding, ndim, 0)
    axes = []
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


def _per_axis(name, value, ndim, least):
    """``value`` as one int for each axis; it may be a number, an array, a list or a tuple."""
    values = np.asarray(value, object)
    each = values.tolist() if values.ndim else [value] * ndim
    if len(each) != ndim or not all(_whole(v) and v >= least for v in each):
        raise ValueError(f"{name} {value!r} must be one whole number >= {least}, or {ndim} of them")
    return tuple(int(v) for v in each)


def _transposed_size(O, K, s, d, p, q, r):
    """The rows of y on one axis, for O rows of x and r rows of output padding."""
    return s * (O - 1) + 1 + d * (K - 1) - q - p + r


def _whole(value):
    """Whether ``value`` is one whole number: an int, one of NumPy's, or an array of no axes."""
    return isinstance(value, int) or (np.ndim(value) == 0 and np.asarray(value).dtype.kind in "iu")
