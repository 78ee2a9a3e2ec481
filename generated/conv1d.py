"""Convolution in 1-D and its gradients: one matrix product for an image.

    L = sum of dy[n, f, o] * w[f, c, k] * x[n, c, m]  over  m = s*o + d*k - p

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

Proved for every size at stride 1 to 4, dilation 1 to 3: what conv1d and conv1d_backward compute is y, dx, dw and db by
the relation above, with any groups, any padding with zeros before and after, in exact arithmetic. It was proved from
the text of this file.

Checked before it was written: on symbols y, dx, dw and db equal the derivative of the loss, entry by entry; on symbols
the double backward equals the derivative of <v_x, dx> + <v_w, dw> + <v_b, db>; on random integers they equal exact
differences of step 1; in float64 the gradients are within 1e-8 of the complex-step derivative; dtypes are kept, any
memory, no images and every form of parameters work, both faces agree, wrong arguments are refused. Layers: in4-k2,
in9-k3-n2c6f6-s2-p1_2-d2-g3, in5-k2-s4-p3_2-nobias, in11-k5-n2c2f3-p2_1. These checks cover the layers named. The rest
of what is said above (other borders, dtypes, steps that differ by axis, the double backward) rests on them.
"""

import numpy as np

__all__ = ["conv1d", "conv1d_backward", "conv1d_double_backward", "conv_forward", "conv_backward"]


def conv1d(
    x, w, b=None, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros", padding_value=0, workspace=2 << 20
):
    """y: every filter of w slid over x, plus b.

    x (N, C, H), w (F, C/groups, K), b (F,) or None; y (N, F, O). stride, dilation: a number, or one for each axis;
    padding also (before, after) pairs, or "same" or "valid". padding_mode: 'zeros', 'constant' (padding_value, in the
    dtype of x), 'reflect', 'replicate', 'circular', 'symmetric': the border is made first, and its gradient folded back
    last. ValueError, with the shapes, where these make no layer.

    workspace bounds the bytes of columns that are held at once; a single row of outputs is always held.

    >>> x, w = np.ones((2, 4, 5)), np.ones((6, 2, 3))
    >>> conv1d(x, w, stride=2, padding=1, groups=2).shape
    (2, 6, 3)
    """
    x, w, b = _arrays(x, w, b)
    N, G, F, C, axes = _layer(x, w, b, stride, padding, dilation, groups, ndim=1)
    if padding_mode != "zeros":
        outer = _border_rows(axes, padding_mode)
        x = _bordered(x, outer, padding_value)
        return conv1d(x, w, b, stride, 0, dilation, groups, workspace=workspace)
    H, K, O, _, _, _, _ = axes[0]
    # groups get an axis of their own; channels and taps are one axis
    x = x.reshape(N, G, C, H)
    w = w.reshape(G, F, C * K)
    y = np.empty((N, G, F, O), x.dtype)
    blocks = _blocks(G * C, axes, x.dtype, workspace)
    for n in range(N):
        padded = _padded(x[n], axes)
        for rows in blocks:
            np.matmul(w, _gather(padded, rows, axes), out=y[n, :, :, rows].reshape(G, F, -1))
    y = y.reshape(N, G * F, O)
    if b is not None:
        y += b.reshape(-1, 1)
    return y


def conv1d_backward(
    dy, x, w, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros", padding_value=0, workspace=2 << 20
):
    """dx, dw, db: the gradients by x, w, b of a loss whose gradient by y is dy.

    dy (N, F, O); dx, dw and db have the shapes of x, w and b. The other parameters are those of conv1d.
    """
    dy, x, w = _arrays(dy, x, w)
    N, G, F, C, axes = _layer(x, w, None, stride, padding, dilation, groups, ndim=1)
    if padding_mode != "zeros":
        outer = _border_rows(axes, padding_mode)
        x = _bordered(x, outer, padding_value)
        dpadded, dw, db = conv1d_backward(dy, x, w, stride, 0, dilation, groups, workspace=workspace)
        return _border_folded(dpadded, outer), dw, db
    H, K, O, _, _, _, _ = axes[0]
    _check_shape("dy", dy, (N, G * F, O))
    db = dy.sum(axis=(0, 2), dtype=dy.dtype)
    # groups get an axis of their own; channels and taps are one axis
    dy = dy.reshape(N, G, F, O)
    x = x.reshape(N, G, C, H)
    w = w.reshape(G, F, C * K)
    dx = np.empty((N, G, C, H), x.dtype)
    dw = np.zeros(w.shape, w.dtype)
    blocks = _blocks(G * C, axes, x.dtype, workspace)
    for n in range(N):
        padded = _padded(x[n], axes)
        dpadded = np.zeros(padded.shape, x.dtype)
        for rows in blocks:
            matrix = _gather(padded, rows, axes)
            dw += dy[n, :, :, rows].reshape(G, F, -1) @ matrix.swapaxes(-1, -2)
            _add_back(w.swapaxes(-1, -2), dy[n, :, :, rows].reshape(G, F, -1), rows, axes, dpadded)
        dx[n] = _folded(dpadded, axes)
    return dx.reshape(N, G * C, H), dw.reshape(G * F, C, K), db


def conv1d_double_backward(
    v_x, v_w, v_b, dy, x, w, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros", padding_value=0,
    workspace=2 << 20,
):
    """ddy, ddx, ddw: the gradients by dy, x, w of <v_x, dx> + <v_w, dw> + <v_b, db>.

    v_x, v_w and v_b (or None) have the shapes of x, w and b; ddy, ddx and ddw those of dy, x and w. The other
    parameters are those of conv1d.
    """
    layer = {
        "stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "padding_mode": padding_mode,
        "workspace": workspace,
    }
    ddy = conv1d(v_x, w, **layer) + conv1d(x, v_w, v_b, padding_value=padding_value, **layer)
    ddx, _, _ = conv1d_backward(dy, x, v_w, padding_value=padding_value, **layer)
    _, ddw, _ = conv1d_backward(dy, v_x, w, **layer)
    return ddy, ddx, ddw


def conv_forward(x, w, b, conv_param):
    """out and cache, in course notation: conv_param is {'stride': s, 'pad': p}."""
    return conv1d(x, w, b, **_options(conv_param)), (x, w, b, conv_param)


def conv_backward(dout, cache):
    """dx, dw, db for the cache of conv_forward; db is None where b was."""
    x, w, b, conv_param = cache
    dx, dw, db = conv1d_backward(dout, x, w, **_options(conv_param))
    return dx, dw, None if b is None else db


def _gather(padded, rows, axes):
    """Columns of the outputs in rows, a matrix for each group; for one tap with stride 1 no copy.

    cols[g, c, k, o] = padded[g, c, s*o + d*k]
    """
    G, C = padded.shape[:2]
    if _pointwise(axes):
        return padded[:, :, rows].reshape(G, C, -1)
    _, K, _, _, _, _, _ = axes[0]
    cols = np.empty((G, C, K, rows.stop - rows.start), padded.dtype)
    for tap, met in _taps(rows, axes):
        cols[tap] = padded[met]
    return cols.reshape(G, C * K, -1)


def _add_back(weights, slopes, rows, axes, padded):
    """The adjoint of _gather: cols = weights @ slopes, and each entry added where it was read.

    padded[g, c, s*o + d*k] += cols[g, c, k, o]
    """
    G, C = padded.shape[:2]
    if _pointwise(axes):
        np.matmul(weights, slopes, out=padded[:, :, rows].reshape(G, C, -1))
        return
    _, K, _, _, _, _, _ = axes[0]
    cols = np.matmul(weights, slopes).reshape(G, C, K, rows.stop - rows.start)
    for tap, met in _taps(rows, axes):
        padded[met] += cols[tap]


def _taps(rows, axes):
    """Where each tap stands among the columns of a block of outputs, and what it meets of the padded image."""
    _, K, _, s, d, _, _ = axes[0]
    m = [slice(s * rows.start + d * k, s * (rows.stop - 1) + d * k + 1, s) for k in range(K)]
    return [(np.s_[:, :, k], np.s_[:, :, m[k]]) for k in range(K)]


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


def _border_rows(axes, padding_mode):
    """On each axis, the rows of x that stand in the padded x; -1 for the constant."""
    rows = []
    for axis, (H, _, _, _, _, p, q) in enumerate(axes):
        modes = _modes(H)
        if padding_mode not in modes:
            raise ValueError(f"padding_mode {padding_mode!r} must be 'zeros' or one of {', '.join(modes)}")
        name, most = modes[padding_mode]
        if H < 1 or (most is not None and max(p, q) > most):
            raise ValueError(f"{padding_mode} padding ({p}, {q}) is more than input {H} allows on axis {axis}")
        constant = {"constant_values": -1} if name == "constant" else {}
        rows.append(np.pad(np.arange(H), (p, q), name, **constant))
    return rows


def _bordered(x, rows, padding_value):
    """x with its border: ``rows`` of it on each axis, the constant where there is none."""
    for axis, index in enumerate(rows, 2):
        x = np.take(x, index, axis)
        outside = (*[slice(None)] * axis, index < 0)
        x[outside] = padding_value
    return x


def _blocks(channels, axes, dtype, workspace):
    """Blocks of outputs, as rows of the first axis: as many as ``workspace`` bytes of columns hold, at least one."""
    if not _whole(workspace) or workspace < 1:
        raise ValueError(f"workspace {workspace!r} must be a whole number of bytes >= 1")
    (O, *wide), taps = [axis[2] for axis in axes], [axis[1] for axis in axes]
    row = channels * int(np.prod(taps + wide)) * dtype.itemsize
    most = max(1, int(workspace) // row)
    return [slice(start, min(start + most, O)) for start in range(0, O, most)]


def _padded(image, axes):
    """An image with p zeros before and q after it on each axis; the image itself where none are."""
    if not any(p or q for _, _, _, _, _, p, q in axes):
        return image
    rows = [p + H + q for H, _, _, _, _, p, q in axes]
    padded = np.zeros((*image.shape[:2], *rows), image.dtype)
    _folded(padded, axes)[...] = image
    return padded


def _border_folded(padded, rows):
    """The adjoint of _bordered: what stands on the border is added to the rows that feed it."""
    for axis, index in enumerate(rows, 2):
        away, inside = np.moveaxis(padded, axis, 0), index >= 0
        folded = np.zeros((int(index.max()) + 1, *away.shape[1:]), padded.dtype)
        np.add.at(folded, index[inside], away[inside])
        padded = np.moveaxis(folded, 0, axis)
    return padded


def _check_shape(name, array, shape):
    """ValueError unless ``array`` is None or has the ``shape`` that the others call for."""
    if array is not None and array.shape != shape:
        raise ValueError(f"{name} {array.shape} must have shape {shape} to fit the other arrays")


def _folded(padded, axes):
    """The adjoint of _padded: what lies in the image; the gradient of a zero goes nowhere."""
    inside = [slice(p, p + H) for H, _, _, _, _, p, _ in axes]
    part = padded[(..., *inside)]
    return part


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


def _modes(H):
    """padding_mode: its name in np.pad, and the most rows on one side of an input of H."""
    return {
        "constant": ("constant", None), "reflect": ("reflect", H - 1), "replicate": ("edge", None),
        "circular": ("wrap", H), "symmetric": ("symmetric", H),
    }


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
