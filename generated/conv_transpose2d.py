"""Transposed convolution in 2-D and its gradients: one matrix product for an image.

    L = sum of dy[n, f, m] * w[c, f, k] * x[n, c, o]  over  m = s*o + d*k - p

On each axis o, k and m run over 0 <= o < O, 0 <= k < K, 0 <= m < H (s stride, d dilation, p padding before). The factor
left out gives the array: dy for y, x for dx, w for dw; y has b[f] added, and db is the sum of dy. Channels are summed
inside their group.

For a block of outputs of one image the taps are gathered beside the channels; y is then one matrix product, dw another
with the same columns, and for dx the product comes first and is added back where the columns were gathered. A pointwise
layer multiplies without a copy. Padding comes first, and its gradient is folded back last.

Written for every size: any number of images (also none) and channels, groups, stride, padding (also different before
and after) and dilation, wherever the output has at least one row on each axis. The dtype of the arguments is the dtype
of the results: floats, integers (which wrap around), Python objects, complex numbers as they are, without conjugation.
Arguments are never written to.

Proved for every size at stride 1 to 4, dilation 1 to 3, the same on each axis: what conv_transpose2d and
conv_transpose2d_backward compute is y, dx, dw and db by the relation above, with any groups, any padding with zeros
before and after, any output padding, in exact arithmetic. It was proved from the text of this file.

Checked before it was written: on symbols y, dx, dw and db equal the derivative of the loss, entry by entry; on symbols
the double backward equals the derivative of <v_x, dx> + <v_w, dw> + <v_b, db>; on random integers they equal exact
differences of step 1; in float64 the gradients are within 1e-8 of the complex-step derivative; dtypes are kept, any
memory, no images and every form of parameters work, both faces agree, wrong arguments are refused. Layers:
in3x4-k3x2-n2c6f6-s2x3-p1_0x2_1-d1x2-g3-transposed-op1x0. These checks cover the layers named. The rest of what is said
above (other borders, dtypes, steps that differ by axis, the double backward) rests on them.
"""

import numpy as np

__all__ = [
    "conv_transpose2d", "conv_transpose2d_backward", "conv_transpose2d_double_backward", "conv_transpose_forward",
    "conv_transpose_backward",
]


def conv_transpose2d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1, output_padding=0, workspace=2 << 20):
    """y: the transposed convolution, every entry of x spread over y through w, plus b.

    x (N, C, O0, O1), w (C, F/groups, K0, K1), b (F,) or None; y (N, F, H0, H1). stride, dilation, output_padding (more
    rows of y at the end): a number, or one for each axis; padding also (before, after) pairs, or "valid". ValueError,
    with the shapes, where these make no layer.

    workspace bounds the bytes of columns that are held at once; a single row of outputs is always held.

    >>> x, w = np.ones((2, 4, 5, 6)), np.ones((4, 3, 3, 2))
    >>> conv_transpose2d(x, w, stride=(2, 1), padding=(1, 0), groups=2, output_padding=(1, 0)).shape
    (2, 6, 10, 7)
    """
    x, w, b = _arrays(x, w, b)
    N, G, F, C, axes = _transposed_layer(x, w, b, stride, padding, dilation, groups, output_padding, ndim=2)
    H0, K0, O0, _, _, _, _ = axes[0]
    H1, K1, O1, _, _, _, _ = axes[1]
    # groups get an axis of their own; channels and taps are one axis
    x = x.reshape(N, G, C, O0, O1)
    w = w.reshape(G, C, F * K0 * K1)
    y = np.empty((N, G, F, H0, H1), x.dtype)
    blocks = _blocks(G * F, axes, x.dtype, workspace)
    for n in range(N):
        padded = np.zeros((G, F, *(p + H + q for H, _, _, _, _, p, q in axes)), x.dtype)
        for rows in blocks:
            _add_back(w.swapaxes(-1, -2), x[n, :, :, rows].reshape(G, C, -1), rows, axes, padded)
        y[n] = _folded(padded, axes)
    y = y.reshape(N, G * F, H0, H1)
    if b is not None:
        y += b.reshape(-1, 1, 1)
    return y


def conv_transpose2d_backward(dy, x, w, stride=1, padding=0, dilation=1, groups=1, output_padding=0, workspace=2 << 20):
    """dx, dw, db: the gradients by x, w, b of a loss whose gradient by y is dy.

    dy (N, F, H0, H1); dx, dw and db have the shapes of x, w and b. The other parameters are those of conv_transpose2d.
    """
    dy, x, w = _arrays(dy, x, w)
    N, G, F, C, axes = _transposed_layer(x, w, None, stride, padding, dilation, groups, output_padding, ndim=2)
    H0, K0, O0, _, _, _, _ = axes[0]
    H1, K1, O1, _, _, _, _ = axes[1]
    _check_shape("dy", dy, (N, G * F, H0, H1))
    db = dy.sum(axis=(0, 2, 3), dtype=dy.dtype)
    # groups get an axis of their own; channels and taps are one axis
    dy = dy.reshape(N, G, F, H0, H1)
    x = x.reshape(N, G, C, O0, O1)
    w = w.reshape(G, C, F * K0 * K1)
    dx = np.empty((N, G, C, O0, O1), x.dtype)
    dw = np.zeros(w.shape, w.dtype)
    blocks = _blocks(G * F, axes, x.dtype, workspace)
    for n in range(N):
        padded = _padded(dy[n], axes)
        for rows in blocks:
            matrix = _gather(padded, rows, axes)
            np.matmul(w, matrix, out=dx[n, :, :, rows].reshape(G, C, -1))
            dw += x[n, :, :, rows].reshape(G, C, -1) @ matrix.swapaxes(-1, -2)
    return dx.reshape(N, G * C, O0, O1), dw.reshape(G * C, F, K0, K1), db


def conv_transpose2d_double_backward(
    v_x, v_w, v_b, dy, x, w, stride=1, padding=0, dilation=1, groups=1, output_padding=0, workspace=2 << 20
):
    """ddy, ddx, ddw: the gradients by dy, x, w of <v_x, dx> + <v_w, dw> + <v_b, db>.

    v_x, v_w and v_b (or None) have the shapes of x, w and b; ddy, ddx and ddw those of dy, x and w. The other
    parameters are those of conv_transpose2d.
    """
    layer = {
        "stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "output_padding": output_padding,
        "workspace": workspace,
    }
    ddy = conv_transpose2d(v_x, w, **layer) + conv_transpose2d(x, v_w, v_b, **layer)
    ddx, _, _ = conv_transpose2d_backward(dy, x, v_w, **layer)
    _, ddw, _ = conv_transpose2d_backward(dy, v_x, w, **layer)
    return ddy, ddx, ddw


def conv_transpose_forward(x, w, b, conv_param):
    """out and cache, in course notation: conv_param is {'stride': s, 'pad': p}."""
    return conv_transpose2d(x, w, b, **_options(conv_param)), (x, w, b, conv_param)


def conv_transpose_backward(dout, cache):
    """dx, dw, db for the cache of conv_transpose_forward; db is None where b was."""
    x, w, b, conv_param = cache
    dx, dw, db = conv_transpose2d_backward(dout, x, w, **_options(conv_param))
    return dx, dw, None if b is None else db


def _gather(padded, rows, axes):
    """Columns of the outputs in rows, a matrix for each group; for one tap with stride 1 no copy.

    cols[g, f, k0, k1, o0, o1] = padded[g, f, s0*o0 + d0*k0, s1*o1 + d1*k1]
    """
    G, F = padded.shape[:2]
    if _pointwise(axes):
        return padded[:, :, rows].reshape(G, F, -1)
    _, K0, _, _, _, _, _ = axes[0]
    _, K1, O1, _, _, _, _ = axes[1]
    cols = np.empty((G, F, K0, K1, rows.stop - rows.start, O1), padded.dtype)
    for tap, met in _taps(rows, axes):
        cols[tap] = padded[met]
    return cols.reshape(G, F * K0 * K1, -1)


def _add_back(weights, slopes, rows, axes, padded):
    """The adjoint of _gather: cols = weights @ slopes, and each entry added where it was read.

    padded[g, f, s0*o0 + d0*k0, s1*o1 + d1*k1] += cols[g, f, k0, k1, o0, o1]
    """
    G, F = padded.shape[:2]
    if _pointwise(axes):
        np.matmul(weights, slopes, out=padded[:, :, rows].reshape(G, F, -1))
        return
    _, K0, _, _, _, _, _ = axes[0]
    _, K1, O1, _, _, _, _ = axes[1]
    cols = np.matmul(weights, slopes).reshape(G, F, K0, K1, rows.stop - rows.start, O1)
    for tap, met in _taps(rows, axes):
        padded[met] += cols[tap]


def _taps(rows, axes):
    """Where each tap stands among the columns of a block of outputs, and what it meets of the padded image."""
    _, K0, _, s0, d0, _, _ = axes[0]
    _, K1, O1, s1, d1, _, _ = axes[1]
    m0 = [slice(s0 * rows.start + d0 * k0, s0 * (rows.stop - 1) + d0 * k0 + 1, s0) for k0 in range(K0)]
    m1 = [slice(d1 * k1, s1 * (O1 - 1) + d1 * k1 + 1, s1) for k1 in range(K1)]
    return [(np.s_[:, :, k0, k1], np.s_[:, :, m0[k0], m1[k1]]) for k0, k1 in np.ndindex(K0, K1)]


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


def _blocks(channels, axes, dtype, workspace):
    """Blocks of outputs, as rows of the first axis: as many as ``workspace`` bytes of columns hold, at least one."""
    if not _whole(workspace) or workspace < 1:
        raise ValueError(f"workspace {workspace!r} must be a whole number of bytes >= 1")
    (O, *wide), taps = [axis[2] for axis in axes], [axis[1] for axis in axes]
    row = channels * int(np.prod(taps + wide)) * dtype.itemsize
    most = max(1, int(workspace) // row)
    return [slice(start, min(start + most, O)) for start in range(0, O, most)]


def _folded(padded, axes):
    """The adjoint of _padded: what lies in the image; the gradient of a zero goes nowhere."""
    inside = [slice(p, p + H) for H, _, _, _, _, p, _ in axes]
    part = padded[(..., *inside)]
    return part


def _check_shape(name, array, shape):
    """ValueError unless ``array`` is None or has the ``shape`` that the others call for."""
    if array is not None and array.shape != shape:
        raise ValueError(f"{name} {array.shape} must have shape {shape} to fit the other arrays")


def _padded(image, axes):
    """An image with p zeros before and q after it on each axis; the image itself where none are."""
    if not any(p or q for _, _, _, _, _, p, q in axes):
        return image
    rows = [p + H + q for H, _, _, _, _, p, q in axes]
    padded = np.zeros((*image.shape[:2], *rows), image.dtype)
    _folded(padded, axes)[...] = image
    return padded


def _options(conv_param):
    """``conv_param`` of the course notation as keyword arguments: what it calls pad is padding."""
    return {"padding" if key == "pad" else key: value for key, value in conv_param.items()}


def _pointwise(axes):
    """Whether there is one tap, the stride is 1 and no row is left over: every place is its own column."""
    return all(K == s == 1 and p + H + q == O for H, K, O, s, _, p, q in axes)


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
