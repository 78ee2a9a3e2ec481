"""Transposed convolution in 3-D and its gradients: the closed formulas, word for word.

    L = sum of dy[n, f, m] * w[c, f, k] * x[n, c, o]  over  m = s*o + d*k - p

On each axis 0 <= o < O, 0 <= k < K, 0 <= m < H (s stride, d dilation, p padding before). The factor left out gives the
array: dy for y, x for dx, w for dw; y has b[f] added, and db is the sum of dy. Channels are summed inside their group.
Each gradient is one correlation: pad, dilate (insert zeros), flip, correlate. r counts the rows that no window reaches;
without it dx would be too short when the stride does not divide. For reading and for comparing with other texts: the
zeros that are inserted are multiplied too.

Written for every size: any number of images (also none) and channels, groups, stride, padding and dilation, wherever
there is an output on each axis. Results have the dtype of the arguments: floats, integers (which wrap around), Python
objects, complex numbers without conjugation. Arguments are never written to.

Proved for every size at stride 1 to 3, dilation 1 to 2, the same on each axis: what conv_transpose3d and
conv_transpose3d_backward compute is y, dx, dw and db by the relation above, with any groups, any padding with zeros
before and after, any output padding, in exact arithmetic. It was proved from the text of this file.

Checked before it was written: on symbols y, dx, dw and db equal the derivative of the loss; the double backward that of
<v_x, dx> + <v_w, dw> + <v_b, db>; on integers they equal exact differences of step 1; in float64 the gradients are
within 1e-8 of the complex step; dtypes are kept, any memory, no images and any form of parameters work, both notations
agree, wrong arguments are refused. Layers: in2x3x2-k2x1x3-n2c2f3-s2x1x3-p2_0x1_0x3_1-transposed-op0x0x2,
in2x2x3-k3x2x2-s1x2x1-p2_1x1x1_2-d1x1x3-transposed. These checks cover the layers named; other borders, dtypes, steps
that differ by axis and the double backward rest on them.
"""

import numpy as np

__all__ = ["conv_transpose3d", "conv_transpose3d_backward", "conv_transpose3d_double_backward",
           "conv_transpose_forward", "conv_transpose_backward"]


def conv_transpose3d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1, output_padding=0):
    """y: the transposed convolution, every entry of x spread over y through w, plus b.

    x (N, C, O0, O1, O2), w (C, F/groups, K0, K1, K2), b (F,) or None; y (N, F, H0, H1, H2). stride, dilation,
    output_padding (more rows of y at the end): a number, or one for each axis; padding also (before, after) pairs, or
    "valid". ValueError, with the shapes, where these make no layer.

    >>> x, w = np.ones((2, 4, 5, 6, 7)), np.ones((4, 3, 3, 2, 4))
    >>> conv_transpose3d(x, w, stride=(2, 1, 3), padding=(1, 0, 2), groups=2, output_padding=(1, 0, 2)).shape
    (2, 6, 10, 7, 20)
    """
    x, w, b = _arrays(x, w, b)
    N, G, F, C, axes = _transposed_layer(x, w, b, stride, padding, dilation, groups, output_padding, ndim=3)
    # vectors, one entry for each axis
    H, K, O, s, d, p, q = np.transpose(axes)
    # rows that no window reaches
    r = H + p + q - (d * (K - 1) + 1) - s * (O - 1)
    # groups get an axis of their own; F and C count inside one group
    x = x.reshape(N, G, C, *x.shape[2:])
    w = w.reshape(G, C, F, *w.shape[2:])
    b = (np.zeros(G * F, x.dtype) if b is None else b).reshape(G, F, 1, 1, 1)
    y = correlate(pad(dilate(x, s), d * (K - 1) - p, d * (K - 1) - q + r), flip(w), "ngc,gcf->ngf", dilation=d) + b
    return y.reshape(N, G * F, *y.shape[3:])


def conv_transpose3d_backward(dy, x, w, stride=1, padding=0, dilation=1, groups=1, output_padding=0):
    """dx, dw, db: the gradients by x, w, b of a loss whose gradient by y is dy (N, F, H0, H1, H2)."""
    dy, x, w = _arrays(dy, x, w)
    N, G, F, C, axes = _transposed_layer(x, w, None, stride, padding, dilation, groups, output_padding, ndim=3)
    # vectors, one entry for each axis
    H, K, O, s, d, p, q = np.transpose(axes)
    # rows that no window reaches
    r = H + p + q - (d * (K - 1) + 1) - s * (O - 1)
    if dy.shape != (N, G * F, *H):
        raise ValueError(f"dy {dy.shape} must have shape {(N, G * F, *H)} to fit the other arrays")
    x_shape, w_shape = x.shape, w.shape
    # groups get an axis of their own; F and C count inside one group
    dy = dy.reshape(N, G, F, *dy.shape[2:])
    x = x.reshape(N, G, C, *x.shape[2:])
    w = w.reshape(G, C, F, *w.shape[2:])
    dx = correlate(pad(dy, p, q - r), w, "ngf,gcf->ngc", stride=s, dilation=d)
    dw = correlate(pad(dy, p, q - r), dilate(x, s), "ngf,ngc->gcf", stride=d)
    db = total(dy)
    return dx.reshape(x_shape), dw.reshape(w_shape), db.reshape(G * F)


def conv_transpose3d_double_backward(v_x, v_w, v_b, dy, x, w, stride=1, padding=0, dilation=1, groups=1,
                                     output_padding=0):
    """ddy, ddx, ddw: the gradients by dy, x, w of <v_x, dx> + <v_w, dw> + <v_b, db>; v_b may be None."""
    layer = (stride, padding, dilation, groups, output_padding)
    ddy = conv_transpose3d(v_x, w, None, *layer) + conv_transpose3d(x, v_w, v_b, *layer)
    ddx, _, _ = conv_transpose3d_backward(dy, x, v_w, *layer)
    _, ddw, _ = conv_transpose3d_backward(dy, v_x, w, *layer)
    return ddy, ddx, ddw


def conv_transpose_forward(x, w, b, conv_param):
    """out and cache, in course notation: conv_param is {'stride': s, 'pad': p}."""
    layer = {"padding" if name == "pad" else name: value for name, value in conv_param.items()}
    return conv_transpose3d(x, w, b, **layer), (x, w, b, layer)


def conv_transpose_backward(dout, cache):
    """dx, dw, db for the cache of conv_transpose_forward; db is None where b was."""
    x, w, b, layer = cache
    dx, dw, db = conv_transpose3d_backward(dout, x, w, **layer)
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


def correlate(a, b, channels, stride=1, dilation=1):
    """c[i] = sum over j of a[stride*i + dilation*j] * b[j]; ``channels`` pairs the leading axes."""
    steps, gaps = (np.broadcast_to(amount, a.ndim - 3) for amount in (stride, dilation))
    size = [
        (rows - gap * (taps - 1) - 1) // step + 1
        for rows, taps, step, gap in zip(a.shape[3:], b.shape[3:], steps, gaps)
    ]
    left, right, target = channels.replace("->", ",").split(",")
    result = 0
    for j in np.ndindex(*b.shape[3:]):
        window = [
            slice(gap * tap, gap * tap + step * (count - 1) + 1, step)
            for tap, count, step, gap in zip(j, size, steps, gaps)
        ]
        taken = a[(..., *window)]
        result = result + np.einsum(f"{left}...,{right}->{target}...", taken, b[(..., *j)])
    return result


def pad(a, before, after):
    """Zeros before and after ``a`` on each spatial axis; a negative amount crops."""
    space = a.shape[3:]
    before, after = np.broadcast_to(before, len(space)), np.broadcast_to(after, len(space))
    length = [max(0, u + n + v) for n, u, v in zip(space, before, after)]
    kept = [slice(max(0, -u), max(0, min(n, n + v))) for n, u, v in zip(space, before, after)]
    place = [slice(max(0, u), max(0, min(t, u + n))) for n, u, t in zip(space, before, length)]
    result = np.zeros((*a.shape[:3], *length), a.dtype)
    result[(..., *place)] = a[(..., *kept)]
    return result


def dilate(a, by):
    """``a`` with by - 1 zeros between neighbours on each spatial axis."""
    steps = np.broadcast_to(by, a.ndim - 3)
    length = [step * (n - 1) + 1 for n, step in zip(a.shape[3:], steps)]
    place = [slice(None, None, step) for step in steps]
    result = np.zeros((*a.shape[:3], *length), a.dtype)
    result[(..., *place)] = a
    return result


def flip(a):
    """``a`` in reverse order on each spatial axis."""
    return np.flip(a, tuple(range(3, a.ndim)))


def total(a):
    """The sum of ``a`` over images and space."""
    return a.sum(axis=(0, *range(3, a.ndim)), dtype=a.dtype)


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
