"""Convolution in 2-D and its gradients: straight-line code for one size.

    L = sum of dy[n, f, o] * w[f, c, k] * x[n, c, m]  over  m = s*o + d*k - p

On each axis 0 <= o < O, 0 <= k < K, 0 <= m < H (s stride, d dilation, p padding before). The factor left out gives the
array: dy for y, x for dx, w for dw; y has b[f] added, and db is the sum of dy. Channels are summed inside their group.
Every product is written out; a name stands for one entry in all images of the batch. Each entry is read once. Forward
20 products, backward 40; none is shared: o follows from k and m, so each occurs in one entry. What no window reaches
stays zero.

Holds for Conv(input=(5, 6), kernel=(3, 2), stride=(2, 3), padding=((1, 0), (0, 1))) with any number of images (also
none); other sizes are refused. Results have the dtype of the arguments: floats, integers (which wrap around), Python
objects, complex numbers without conjugation. Arguments are never written to.

Checked before it was written: on symbols y, dx, dw and db equal the derivative of the loss; the double backward that of
<v_x, dx> + <v_w, dw> + <v_b, db>; on integers they equal exact differences of step 1; in float64 the gradients are
within 1e-8 of the complex step; dtypes are kept, any memory, no images and any form of parameters work, both notations
agree, wrong arguments are refused. Layers: in5x6-k3x2-s2x3-p1_0x0_1, in5x6-k3x2-n2c1f1-s2x3-p1_0x0_1. These checks
cover the layers named; they are no proof for every size.
"""

import numpy as np

__all__ = ["conv2d", "conv2d_backward", "conv2d_double_backward", "conv_forward", "conv_backward"]

# the layer that is written out: G, F, C and, on each axis, H, K, O, s, d, p, q
LAYER = (1, 1, 1, [(5, 3, 2, 2, 1, 1, 0), (6, 2, 2, 3, 1, 0, 1)])

# padding_mode: its name in np.pad; by how many rows one side may be longer than H, None: by any number
_MODES = {"zeros": ("constant", None), "constant": ("constant", None), "reflect": ("reflect", -1),
          "replicate": ("edge", None), "circular": ("wrap", 0), "symmetric": ("symmetric", 0)}


def conv2d(x, w, b=None, stride=(2, 3), padding=((1, 0), (0, 1)), dilation=1, groups=1, padding_mode="zeros",
           padding_value=0):
    """y: every filter of w slid over x, plus b.

    x (N, 1, 5, 6), w (1, 1, 3, 2), b (1,) or None; y (N, 1, 2, 2). The parameters can only be what they are by default.
    ValueError, with the shapes, for another layer.

    >>> x, w = np.ones((1, 1, 5, 6)), np.ones((1, 1, 3, 2))
    >>> conv2d(x, w).shape
    (1, 1, 2, 2)
    """
    x, w, b = _arrays(x, w, b)
    layer = _layer(x, w, b, stride, padding, dilation, groups, padding_mode, ndim=2)
    if padding_mode != "zeros":
        raise ValueError(f"padding_mode {padding_mode!r}: this code is written for 'zeros'")
    _check_layer(layer[1:], LAYER, x, w)
    N = layer[0]
    # one name for each entry, 1-based as in the derivation; x and dy: in all images
    (x_11, x_12, x_13, x_14, x_15, x_16, x_21, x_22, x_23, x_24, x_25, x_26, x_31, x_32, x_33,
     x_34, x_35, x_36, x_41, x_42, x_43, x_44, x_45, x_46, x_51, x_52, x_53, x_54, x_55, x_56) = x.reshape(N, 30).T
    w_11, w_12, w_21, w_22, w_31, w_32 = w.ravel()
    y = np.zeros((N, 1, 2, 2), x.dtype)
    y[:, 0, 0, 0] = w_21 * x_11 + w_22 * x_12 + w_31 * x_21 + w_32 * x_22
    y[:, 0, 0, 1] = w_21 * x_14 + w_22 * x_15 + w_31 * x_24 + w_32 * x_25
    y[:, 0, 1, 0] = w_11 * x_21 + w_12 * x_22 + w_21 * x_31 + w_22 * x_32 + w_31 * x_41 + w_32 * x_42
    y[:, 0, 1, 1] = w_11 * x_24 + w_12 * x_25 + w_21 * x_34 + w_22 * x_35 + w_31 * x_44 + w_32 * x_45
    return y if b is None else y + b.reshape(-1, 1, 1)


def conv2d_backward(dy, x, w, stride=(2, 3), padding=((1, 0), (0, 1)), dilation=1, groups=1, padding_mode="zeros",
                    padding_value=0):
    """dx, dw, db: the gradients by x, w, b of a loss whose gradient by y is dy (N, 1, 2, 2)."""
    dy, x, w = _arrays(dy, x, w)
    layer = _layer(x, w, None, stride, padding, dilation, groups, padding_mode, ndim=2)
    if padding_mode != "zeros":
        raise ValueError(f"padding_mode {padding_mode!r}: this code is written for 'zeros'")
    _check_layer(layer[1:], LAYER, x, w)
    N = layer[0]
    if dy.shape != (N, 1, 2, 2):
        raise ValueError(f"dy {dy.shape} must have shape {(N, 1, 2, 2)} to fit the other arrays")
    # one name for each entry, 1-based as in the derivation; x and dy: in all images
    dy_11, dy_12, dy_21, dy_22 = dy.reshape(N, 4).T
    (x_11, x_12, x_13, x_14, x_15, x_16, x_21, x_22, x_23, x_24, x_25, x_26, x_31, x_32, x_33,
     x_34, x_35, x_36, x_41, x_42, x_43, x_44, x_45, x_46, x_51, x_52, x_53, x_54, x_55, x_56) = x.reshape(N, 30).T
    w_11, w_12, w_21, w_22, w_31, w_32 = w.ravel()
    dx = np.zeros(x.shape, x.dtype)
    dw = np.zeros(w.shape, w.dtype)
    dx[:, 0, 0, 0] = dy_11 * w_21
    dx[:, 0, 0, 1] = dy_11 * w_22
    dx[:, 0, 0, 3] = dy_12 * w_21
    dx[:, 0, 0, 4] = dy_12 * w_22
    dx[:, 0, 1, 0] = dy_11 * w_31 + dy_21 * w_11
    dx[:, 0, 1, 1] = dy_11 * w_32 + dy_21 * w_12
    dx[:, 0, 1, 3] = dy_12 * w_31 + dy_22 * w_11
    dx[:, 0, 1, 4] = dy_12 * w_32 + dy_22 * w_12
    dx[:, 0, 2, 0] = dy_21 * w_21
    dx[:, 0, 2, 1] = dy_21 * w_22
    dx[:, 0, 2, 3] = dy_22 * w_21
    dx[:, 0, 2, 4] = dy_22 * w_22
    dx[:, 0, 3, 0] = dy_21 * w_31
    dx[:, 0, 3, 1] = dy_21 * w_32
    dx[:, 0, 3, 3] = dy_22 * w_31
    dx[:, 0, 3, 4] = dy_22 * w_32
    dw[0, 0, 0, 0] = np.sum(dy_21 * x_21 + dy_22 * x_24, dtype=dw.dtype)
    dw[0, 0, 0, 1] = np.sum(dy_21 * x_22 + dy_22 * x_25, dtype=dw.dtype)
    dw[0, 0, 1, 0] = np.sum(dy_11 * x_11 + dy_12 * x_14 + dy_21 * x_31 + dy_22 * x_34, dtype=dw.dtype)
    dw[0, 0, 1, 1] = np.sum(dy_11 * x_12 + dy_12 * x_15 + dy_21 * x_32 + dy_22 * x_35, dtype=dw.dtype)
    dw[0, 0, 2, 0] = np.sum(dy_11 * x_21 + dy_12 * x_24 + dy_21 * x_41 + dy_22 * x_44, dtype=dw.dtype)
    dw[0, 0, 2, 1] = np.sum(dy_11 * x_22 + dy_12 * x_25 + dy_21 * x_42 + dy_22 * x_45, dtype=dw.dtype)
    db = dy.sum(axis=(0, 2, 3), dtype=dy.dtype)
    return dx, dw, db


def conv2d_double_backward(v_x, v_w, v_b, dy, x, w, stride=(2, 3), padding=((1, 0), (0, 1)), dilation=1, groups=1,
                           padding_mode="zeros", padding_value=0):
    """ddy, ddx, ddw: the gradients by dy, x, w of <v_x, dx> + <v_w, dw> + <v_b, db>; v_b may be None."""
    layer = (stride, padding, dilation, groups, padding_mode)
    ddy = conv2d(v_x, w, None, *layer, 0) + conv2d(x, v_w, v_b, *layer, padding_value)
    ddx, _, _ = conv2d_backward(dy, x, v_w, *layer, padding_value)
    _, ddw, _ = conv2d_backward(dy, v_x, w, *layer, 0)
    return ddy, ddx, ddw


def conv_forward(x, w, b, conv_param):
    """out and cache, in course notation: conv_param is {'stride': s, 'pad': p}."""
    layer = {"padding" if name == "pad" else name: value for name, value in conv_param.items()}
    return conv2d(x, w, b, **layer), (x, w, b, layer)


def conv_backward(dout, cache):
    """dx, dw, db for the cache of conv_forward; db is None where b was."""
    x, w, b, layer = cache
    dx, dw, db = conv2d_backward(dout, x, w, **layer)
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


def _check_layer(layer, written, x, w):
    """ValueError unless the layer is the one that this code is written for."""
    if layer != written:
        raise ValueError(
            f"x {x.shape}, w {w.shape} and the parameters make a layer of other sizes, {layer}, "
            f"than the one written out here, {written}: G, F, C, [(H, K, O, s, d, p, q), ...]"
        )


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
