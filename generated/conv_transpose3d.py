"""Transposed convolution in 3-D and its gradients: the file to use, fast on every kind of layer.

    L = sum of dy[n, f, m] * w[c, f, k] * x[n, c, o]  over  m = s*o + d*k - p

On each axis o, k and m run over 0 <= o < O, 0 <= k < K, 0 <= m < H (s stride, d dilation, p padding
before). The factor left out gives the array: dy for y, x for dx, w for dw; y has b[f] added, and db
is the sum of dy. Channels are summed inside their group.

Several schedules stand in this file; a small model of what each costs chooses for y, dx and dw by
the layer. What moves data is shared out among threads, what multiplies is a matrix product, and
what is in use stays in the caches.

The schedules, by what each makes of the indices:

- blocked (any layer): n as many as fit a block; o columns of a matrix product, in blocks that stay
  in the caches; k gathered beside c: the rows m = s*o + d*k - p of x become columns (o) of a
  matrix; f rows, c and k summed over by one matrix product. Right because dx is y of dy by the
  phases of the stride: m + p = s*i + e fixes k modulo s, and then o.
- scatter (any layer): n as many as fit a block; o columns of a matrix product; k rows beside c,
  each added to dx where blocked gathers it; f summed over by one matrix product. Right because it
  is the adjoint of gathering; y and dw are blocked.
- rows (any layer): n Python loop; o one run of the padded rows laid end to end; k Python loop:
  another tap is the same run, begun elsewhere; f rows, c summed over by one matrix product for each
  tap. Right because o + 1 and m + s are one step in the rows apart by residue modulo s, so nothing
  is gathered.
- windows (any layer): n as many as fit the workspace; o axes of a sliding window view; k axes of
  the same view; c and k summed over by tensordot. Right because the view is R itself: entry (o, k)
  is row s*o + d*k - p.
- pointwise (one tap, stride 1, no padding): n Python's part of a stacked matrix product; o columns
  where they lie; k one tap: m = o; f rows, c summed over. Right because with one tap, stride 1 and
  no padding R is the identity.
- depthwise (one channel of x for each group): n shared out among threads; o one run of the padded
  rows laid end to end; k Python loop; vector operations; nothing to sum over but taps. Right
  because the same runs as rows, multiplied by a number for each channel.
- winograd (stride 1, floating point, taps that have an algorithm here): n as many as fit a block; o
  tiles of m on each axis, transformed by A; k transformed by G; f and c: a matrix product for each
  row of the algorithm. Right because sum over q of A[o, q] G[q, k] B[q, i] = [i = o + k], checked
  exactly where the matrices were derived; y, dw and dx leave out one factor each.

Written for every size: any number of images (also none) and channels, groups, stride, padding (also
different before and after) and dilation, wherever the output has at least one row on each axis. The
dtype of the arguments is the dtype of the results: floats, integers (which wrap around), Python
objects, complex numbers as they are, without conjugation. Arguments are never written to.

Checked before it was written: with a symbol for every entry, y, dx, dw and db equal the derivative
of the loss, entry by entry; each schedule of the file that can make the layer, asked for by name
and in blocks of several sizes, equals the derivative on symbols too; on random integers they equal
finite differences with step 1, which are exact; in float64 the gradients have a relative error
below 1e-8 against the complex-step derivative; dtypes are kept, strided and read-only arrays, no
images and every form of parameters work, both faces agree, wrong shapes and parameters are refused.
Layers: in2x3x2-k2x1x3-n2c2f3-s2x1x3-p2_0x1_0x3_1-transposed-op0x0x2,
in2x2x3-k3x2x2-s1x2x1-p2_1x1x1_2-d1x1x3-transposed.

These checks cover the layers named; they are no proof for every size.
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from math import gcd, prod

import numpy as np

__all__ = [
    "conv_transpose3d", "conv_transpose3d_backward", "conv_transpose_forward",
    "conv_transpose_backward",
]

# working memory that a thread keeps from call to call
_KEPT = threading.local()

# threads that copy and transform, by process and number
_POOLS = {}

# Kronecker products of an algorithm's matrices, by these and dtype
_NESTED = {}

# which schedule was chosen, by layer
_CHOSEN = {}

# sizes of layers, by shapes and parameters
_LAYERS = {}

# fewer numbers are copied sooner than handed to a second thread
_SMALL = 400000

# bytes of columns at a time, which stay in the caches
_BLOCK = 8 << 20

# bytes of transformed tiles at a time
_TILES = 16 << 20


def conv_transpose3d(
    x, w, b=None, stride=1, padding=0, dilation=1, groups=1, output_padding=0, algorithm="auto",
    workspace=64 << 20, threads=1,
):
    """y: the transposed convolution, every entry of x spread over y through w, plus b.

    x (N, C, O0, O1, O2), w (C, F/groups, K0, K1, K2), b (F,) or None; y (N, F, H0, H1, H2). stride,
    dilation, output_padding (more rows of y at the end): a number, or one for each axis; padding
    also (before, after) pairs, or "valid". ValueError, with the shapes, where these make no layer.

    algorithm is auto, direct (auto without winograd: the terms are added as they are), or one of
    blocked, scatter, rows, windows, pointwise, depthwise, winograd. workspace bounds the bytes of
    working memory, which the calling thread keeps for its next call. threads (None: as many as
    there are cores) copy arrays; matrix products use the threads of NumPy's own library. These wait
    busily for their next product, so more than one thread for copies seldom pays.

    >>> x, w = np.ones((2, 4, 5, 6, 7)), np.ones((4, 3, 3, 2, 4))
    >>> conv_transpose3d(
    ...     x, w, stride=(2, 1, 3), padding=(1, 0, 2), groups=2, output_padding=(1, 0, 2)
    ... ).shape
    (2, 6, 10, 7, 20)
    """
    x, w, b = _arrays(x, w, b)
    N, G, F, C, axes = _same_layer(
        _transposed_layer, x, w, b, stride, padding, dilation, groups, output_padding, ndim=3
    )
    # H, K, O, s, d, p on each
    axes = [tuple(axis[:6]) for axis in axes]
    # groups get an axis of their own; F and C count inside one group
    x = x.reshape(N, G, C, *x.shape[2:])
    w = w.reshape(G, C, F, *w.shape[2:])
    y = np.empty((N, G, F, *(axis[0] for axis in axes)), x.dtype)
    _make_gradients(x, None, w, y, None, axes, algorithm, workspace, threads)
    if b is not None:
        y += b.reshape(G, F, 1, 1, 1)
    return y.reshape(N, G * F, *y.shape[3:])


def conv_transpose3d_backward(
    dy, x, w, stride=1, padding=0, dilation=1, groups=1, output_padding=0, algorithm="auto",
    workspace=64 << 20, threads=1,
):
    """dx, dw, db: the gradients by x, w, b of a loss whose gradient by y is dy.

    dy (N, F, H0, H1, H2); dx, dw and db have the shapes of x, w and b. The other parameters are
    those of conv_transpose3d.
    """
    dy, x, w = _arrays(dy, x, w)
    N, G, F, C, axes = _same_layer(
        _transposed_layer, x, w, None, stride, padding, dilation, groups, output_padding, ndim=3
    )
    # H, K, O, s, d, p on each
    axes = [tuple(axis[:6]) for axis in axes]
    _check_shape("dy", dy, (N, G * F, *(axis[0] for axis in axes)))
    db = _bias_gradient(dy, threads)
    # groups get an axis of their own; F and C count inside one group
    dy = dy.reshape(N, G, F, *dy.shape[2:])
    x = x.reshape(N, G, C, *x.shape[2:])
    w = w.reshape(G, C, F, *w.shape[2:])
    dx = np.empty(x.shape, x.dtype)
    dw = np.empty(w.shape, w.dtype)
    _make_y(dy, w, None, dx, axes, algorithm, workspace, threads)
    _make_gradients(x, dy, w, None, dw, axes, algorithm, workspace, threads)
    return dx.reshape(N, G * C, *x.shape[3:]), dw.reshape(G * C, F, *w.shape[3:]), db


def conv_transpose_forward(x, w, b, conv_param):
    """out and cache, in course notation: conv_param is {'stride': s, 'pad': p}."""
    return conv_transpose3d(x, w, b, **_options(conv_param)), (x, w, b, conv_param)


def conv_transpose_backward(dout, cache):
    """dx, dw, db for the cache of conv_transpose_forward; db is None where b was."""
    x, w, b, conv_param = cache
    dx, dw, db = conv_transpose3d_backward(dout, x, w, **_options(conv_param))
    return dx, dw, None if b is None else db


def _arrays(*arrays):
    """The arrays in the one dtype that holds them all; None stays None."""
    given = [None if a is None else np.asarray(a) for a in arrays]
    dtype = np.result_type(*(a for a in given if a is not None))
    return tuple(None if a is None else a.astype(dtype, copy=False) for a in given)


def _same_layer(find, *arguments, **options):
    """What ``find`` says of a layer, remembered: for a small layer the arithmetic of its sizes
    would take as long as the sums.
    """
    shapes = [getattr(argument, "shape", argument) for argument in arguments]
    try:
        key = (find, *shapes, *options.items())
        if key not in _LAYERS:
            if len(_LAYERS) > 1000:
                _LAYERS.clear()
            _LAYERS[key] = find(*arguments, **options)
        return _LAYERS[key]
    except TypeError:  # lists, which cannot be a key
        return find(*arguments, **options)


def _transposed_layer(x, w, b, stride, padding, dilation, groups, output_padding, ndim):
    """N, G, F, C (F and C of one group) and, on each axis, H (of y), K, O (of x), s, d, p, q."""
    window, pads = _window(x, w, stride, dilation, groups, ndim), _pairs(padding, ndim)
    if x.shape[1] != w.shape[0]:
        raise ValueError(
            f"x {x.shape} has {x.shape[1]} channels, "
            f"but w {w.shape} (C, F/groups, ...) takes {w.shape[0]}"
        )
    _check_shape("b", b, (w.shape[1] * int(groups),))
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
    return x.shape[0], int(groups), w.shape[1], w.shape[0] // int(groups), axes


def _make_gradients(dy, x, w, dx, dw, axes, algorithm, workspace, threads):
    """dx, the same sum with x left out, and dw, with w left out; an array that is None is not
    made.
    """
    workspace, threads = _limits(workspace, threads)
    G, F, C = w.shape[:3]
    wanted = [name for name, array in (("dx", dx), ("dw", dw)) if array is not None]
    how = {
        name: _chosen(algorithm, name, len(dy), G, F, C, axes, dy.dtype, threads) for name in wanted
    }
    tiled = [name for name in wanted if how[name] == "winograd"]
    if tiled:
        # both share the transformed dy
        parts = (dx if "dx" in tiled else None, dw if "dw" in tiled else None)
        _winograd_backward(dy, x, w, *parts, axes, workspace, threads)
    if "dx" in wanted and how["dx"] == "scatter":
        _scatter_dx(dy, w, dx, axes, workspace, threads)
    elif "dx" in wanted and how["dx"] != "winograd":
        _by_phases(_WAYS[how["dx"]][0], dy, w, dx, axes, workspace, threads)
    if "dw" in wanted and how["dw"] != "winograd":
        make = _WAYS[how["dw"]][1]
        make(dy, x, dw, axes, workspace, threads)


def _check_shape(name, array, shape):
    """ValueError unless ``array`` is None or has the ``shape`` that the others call for."""
    if array is not None and array.shape != shape:
        raise ValueError(f"{name} {array.shape} must have shape {shape} to fit the other arrays")


def _bias_gradient(dy, threads):
    """db[f] = sum over (n, o) of dy[n, f, o]."""
    sums = np.empty(dy.shape[:2], dy.dtype)

    def add(n):
        # with a dtype, because NumPy sums small integers in a wider one
        dy[n].reshape(dy.shape[1], -1).sum(axis=1, dtype=dy.dtype, out=sums[n])

    _parallel(add, len(dy), _limits(1, threads)[1] if dy.size > 200_000 else 1)
    return sums.sum(axis=0, dtype=dy.dtype)


def _make_y(x, w, b, y, axes, algorithm, workspace, threads):
    """y[n, g, f, o] = b[g, f] + sum over (c, k) of w[g, f, c, k] * x[n, g, c, s*o + d*k - p]."""
    workspace, threads = _limits(workspace, threads)
    G, F, C = w.shape[:3]
    how = _chosen(algorithm, "y", len(x), G, F, C, axes, x.dtype, threads)
    make = _WAYS[how][0]
    make(x, w, None if b is None else b.reshape(*w.shape[:2], 1), y, axes, workspace, threads)


def _options(conv_param):
    """``conv_param`` of the course notation as keyword arguments: what it calls pad is padding."""
    return {"padding" if key == "pad" else key: value for key, value in conv_param.items()}


def _blocked_y(x, w, b, y, axes, workspace, threads):
    """y[n, g, f, o] = sum over (c, k) of w[g, f, (c, k)] * cols[g, (c, k), (n, o)]: a block's
    columns, then one product.
    """
    G, F = w.shape[:2]
    weights = w.reshape(G, F, -1)
    for n, o, _, cols, take in _columns_of(x, axes, workspace, F, threads):
        if n.stop - n.start == 1 and y.flags.c_contiguous:
            # the block's part of y is a matrix where it lies
            product = y[n.start].reshape(G, F, y.shape[3], -1)[:, :, o].reshape(G, F, -1)
            np.matmul(weights, cols, out=product)
            if b is not None:
                product += b
            continue
        product = np.matmul(weights, cols, out=take((G, F, cols.shape[2])))
        if b is not None:
            product += b
        _put_block(product, y[n, :, :, o], threads)


def _blocked_dw(dy, x, dw, axes, workspace, threads):
    """dw[g, f, (c, k)] = sum over (n, o) of cols[g, (c, k), (n, o)] * dy[g, f, (n, o)], block
    after block.
    """
    G, F = dw.shape[:2]
    total = 0
    for n, o, _, cols, take in _columns_of(x, axes, workspace, F, threads):
        total = total + cols @ _block_of(dy, n, o, take).swapaxes(1, 2)
    dw[...] = np.swapaxes(np.broadcast_to(total, (G, prod(dw.shape[2:]), F)), 1, 2).reshape(
        dw.shape
    )


def _rows_y(x, w, b, y, axes, workspace, threads):
    """Padded rows end to end: the windows of one tap are one run of them, and a tap is one matrix
    product, not gathered.

    The run also passes over the ends of rows, where no window is; what is computed there is left
    behind.
    """
    G, F = w.shape[:2]
    taps = np.ascontiguousarray(np.moveaxis(w.reshape(*w.shape[:3], -1), -1, 0))
    for n, o, flat, starts, length, cut, take in _rows_of(x, axes, _buffer(workspace), F, threads):
        total, part = take((G, F, prod(cut))), take((G, F, length))
        run = total[:, :, :length]
        for i in range(n.stop - n.start):
            for matrix, (_, start) in zip(taps, starts):
                first = start == starts[0][1]
                np.matmul(matrix, flat[i, :, :, start : start + length], out=run if first else part)
                if not first:
                    run += part
            if b is not None:
                run += b
            whole = total.reshape(G, F, *cut)
            place = y[n.start + i, :, :, o]
            place[...] = whole[(..., *(slice(size) for size in place.shape[2:]))]


def _rows_dw(dy, x, dw, axes, workspace, threads):
    """dy laid out like the padded rows, zero at their ends: for each tap one matrix product over
    the whole run.
    """
    G, F, C = dw.shape[:3]
    total = np.zeros((prod(dw.shape[3:]), G, F, C), dw.dtype)
    for n, o, flat, starts, length, cut, take in _rows_of(x, axes, _buffer(workspace), F, threads):
        slopes = take((G, F, prod(cut)))
        slopes[...] = 0
        whole = slopes.reshape(G, F, *cut)
        for i in range(n.stop - n.start):
            place = dy[n.start + i, :, :, o]
            whole[(..., *(slice(size) for size in place.shape[2:]))] = place
            for k, (_, start) in enumerate(starts):
                total[k] += slopes[:, :, :length] @ flat[i, :, :, start : start + length].swapaxes(
                    1, 2
                )
    dw[...] = np.moveaxis(total, 0, -1).reshape(dw.shape)


def _windows_y(x, w, b, y, axes, workspace, threads):
    """y[n, g, f, o] = sum over (c, k) of w[g, f, c, k] * windows[n, g, c, o, k], by tensordot."""
    count = len(axes)
    inner = [1, *range(2 + count, 2 + 2 * count)]
    for n, o, windows in _windows_of(x, axes, workspace, threads):
        for g, matrix in enumerate(w):
            product = np.moveaxis(
                np.tensordot(windows[:, g], matrix, (inner, range(1, 2 + count))), -1, 1
            )
            y[n, g, :, o] = product if b is None else product + b[g].reshape(-1, *[1] * count)


def _windows_dw(dy, x, dw, axes, workspace, threads):
    """dw[g, f, c, k] = sum over (n, o) of dy[n, g, f, o] * windows[n, g, c, o, k], by tensordot."""
    count = len(axes)
    dw[...] = 0
    for n, o, windows in _windows_of(x, axes, workspace, threads):
        for g in range(len(dw)):
            places = [0, *range(2, 2 + count)]
            dw[g] += np.tensordot(dy[n, g, :, o], windows[:, g], (places, places))


def _pointwise_y(x, w, b, y, axes, workspace, threads):
    """One tap, stride 1, no padding: o and m are the same, and each image is one matrix product
    where it lies.
    """
    places = prod(y.shape[3:])
    weights = w.reshape(w.shape[:3])
    for image, made in zip(x, y):
        whole = made.flags.c_contiguous
        product = made.reshape(*made.shape[:2], places) if whole else None
        product = np.matmul(weights, image.reshape(*image.shape[:2], places), out=product)
        if b is not None:
            product += b
        if not whole:
            made[...] = product.reshape(made.shape)


def _pointwise_dw(dy, x, dw, axes, workspace, threads):
    """dw[g, f, c] = sum over images of the matrix product over places."""
    total = np.zeros(dw.shape[:3], dw.dtype)
    places = prod(dy.shape[3:])
    for slopes, image in zip(dy, x):
        columns = image.reshape(*image.shape[:2], places).swapaxes(1, 2)
        total += slopes.reshape(*slopes.shape[:2], places) @ columns
    dw[...] = total.reshape(dw.shape)


def _elementwise_y(x, w, b, y, axes, workspace, threads):
    """One channel a group (depthwise): nothing to sum over but taps, so rows are multiplied by
    numbers and added up.
    """
    G, F = w.shape[:2]
    for n, o, flat, starts, length, cut, take in _rows_of(x, axes, _buffer(workspace), 1, threads):
        few = _few_groups(G, flat)
        total, part = take((few, prod(cut))), take((few, length))
        for i, g, f in product(range(len(flat)), range(0, G, few), range(F)):
            groups = slice(g, min(g + few, G))
            rows = flat[i, groups, 0]
            run, term = total[: len(rows), :length], part[: len(rows)]
            for k, start in starts:
                first = start == starts[0][1]
                weight = w[(groups, f, 0, *k)][:, None]
                np.multiply(rows[:, start : start + length], weight, out=run if first else term)
                if not first:
                    run += term
            if b is not None:
                run += b[groups, f]
            place = y[n.start + i, groups, f, o]
            whole = total[: len(rows)].reshape(-1, *cut)
            place[...] = whole[(..., *(slice(size) for size in place.shape[1:]))]


def _elementwise_dw(dy, x, dw, axes, workspace, threads):
    """One channel a group: dw[g, f, k] is the scalar product of dy with the run of tap k."""
    G, F = dw.shape[:2]
    dw[...] = 0
    for n, o, flat, starts, length, cut, take in _rows_of(x, axes, _buffer(workspace), 1, threads):
        few = _few_groups(G, flat)
        slopes = take((few, prod(cut)))
        slopes[...] = 0
        for i, g, f in product(range(len(flat)), range(0, G, few), range(F)):
            groups = slice(g, min(g + few, G))
            rows = flat[i, groups, 0]
            place = dy[n.start + i, groups, f, o]
            whole = slopes[: len(rows)].reshape(-1, *cut)
            whole[(..., *(slice(size) for size in place.shape[1:]))] = place
            left = slopes[: len(rows), None, :length]
            for k, start in starts:
                sums = left @ rows[:, start : start + length, None]
                dw[(groups, f, 0, *k)] += sums[:, 0, 0]


def _winograd_y(x, w, b, y, axes, workspace, threads):
    """y = A (U V): tiles of x and the weights transformed, a matrix product for each row of the
    algorithm, and back.
    """
    tiles, (A, G, B), denominators = _algorithms(axes)
    groups, F, C = w.shape[:3]
    products = prod(map(len, G))
    used = products * w[(..., *[0] * len(axes))].nbytes + w.nbytes + 128
    if used > workspace // 2 and groups * F > 1:  # fewer filters at a time
        for g, f in _halves(groups, F):
            bias = None if b is None else b[g, f]
            _winograd_y(x[:, g], w[g, f], bias, y[:, g, f], axes, workspace, threads)
        return
    kept = _buffer(workspace)
    U = _weights(w, G, denominators, _within(kept[:used], x.dtype))
    a = x.reshape(len(x), groups * C, *x.shape[3:])
    target = y.reshape(len(y), groups * F, *y.shape[3:])
    bias = None if b is None else b.reshape(-1)
    inputs, outputs = _cut(axes, tiles, True), _cut(axes, tiles, False)
    numbers = 2 * products * groups * (C + F)
    for n, rows in _tile_blocks(axes, tiles, len(x), numbers, x.itemsize, workspace):
        take = _within(kept[used:], x.dtype)
        V = _spread(a, n, rows, B, inputs, take, threads)
        M = _products(V, U, groups, take, "c")
        _collect(M, n, rows, A, outputs, bias, target, take, threads)


def _window(x, w, stride, dilation, groups, ndim):
    """K, s, d on each axis; ValueError unless x and w can be arrays of such a layer."""
    if x.ndim != ndim + 2 or w.ndim != ndim + 2:
        raise ValueError(f"x {x.shape} and w {w.shape} must have {ndim + 2} axes each")
    if min(w.shape) < 1:
        raise ValueError(f"w {w.shape} must not be empty")
    if int(groups) != groups or groups < 1 or w.shape[0] % groups:
        raise ValueError(f"groups {groups!r} must be a whole number that divides w {w.shape}[0]")
    strides = _per_axis("stride", stride, ndim, 1)
    dilations = _per_axis("dilation", dilation, ndim, 1)
    return list(zip(w.shape[2:], strides, dilations))


def _pairs(padding, ndim):
    """``padding`` as (before, after) for each axis."""
    if isinstance(padding, str):
        if padding != "valid":
            raise ValueError(f"padding {padding!r} is not understood here; give it in numbers")
        padding = 0
    each = padding if isinstance(padding, (tuple, list, np.ndarray)) else (padding,) * ndim
    if len(each) != ndim:
        raise ValueError(f"padding {padding!r} must be one value, or {ndim}: one for each axis")
    return [_per_axis(f"padding on axis {axis}:", value, 2, 0) for axis, value in enumerate(each)]


def _per_axis(name, value, ndim, least):
    """``value`` as one whole number for each axis."""
    values = tuple(value) if np.ndim(value) else (value,) * ndim
    if len(values) != ndim or any(int(v) != v or v < least for v in values):
        raise ValueError(f"{name} {value!r} must be one whole number >= {least}, or {ndim} of them")
    return tuple(int(v) for v in values)


def _transposed_size(O, K, s, d, p, q, r):
    """The rows of y on one axis, for O rows of x and r rows of output padding."""
    return r + s * (O - 1) + d * (K - 1) + 1 - q - p


def _limits(workspace, threads):
    """Bytes of working memory, and threads: as many as there are cores at most."""
    if int(workspace) != workspace or workspace < 1:
        raise ValueError(f"workspace {workspace!r} must be a whole number of bytes >= 1")
    if threads is not None and (int(threads) != threads or threads < 1):
        raise ValueError(f"threads {threads!r} must be None or a whole number >= 1")
    return int(workspace), _cores() if threads is None else min(int(threads), _cores())


def _chosen(algorithm, target, N, G, F, C, axes, dtype, threads):
    """The schedule for y, dx or dw: the one asked for, or the cheapest by the model ("direct": that
    adds the terms as they are).

    ValueError for one that is unknown or cannot make the layer.
    """
    if algorithm not in ("auto", "direct"):
        if algorithm not in _WAYS:
            raise ValueError(f"algorithm {algorithm!r} must be auto, direct, {', '.join(_WAYS)}")
        reason = _fits(algorithm, C, axes, dtype)
        if reason:
            raise ValueError(f"algorithm {algorithm!r} {reason}")
        if algorithm == "depthwise" and target == "dx" and F != 1:
            return "scatter"
        return algorithm
    key = (algorithm, target, N, G, F, C, tuple(axes), dtype, threads)
    if key not in _CHOSEN:
        costs = _estimates(target, N, G, F, C, axes, dtype, threads)
        if algorithm == "direct" or dtype.kind not in "fc":
            costs.pop("winograd", None)
        if len(_CHOSEN) > 1000:
            _CHOSEN.clear()
        _CHOSEN[key] = min(costs, key=lambda how: costs[how])
    return _CHOSEN[key]


def _winograd_backward(dy, x, w, dx, dw, axes, workspace, threads):
    """dx = B^T (U Z) and dw = G^T (Z V), whichever is not None: the other two readings of the same
    products.
    """
    tiles, (A, G, B), denominators = _algorithms(axes)
    groups, F, C = w.shape[:3]
    products, count = prod(map(len, G)), len(axes)
    used = 2 * products * w[(..., *[0] * count)].nbytes + w.nbytes + 192
    if used > workspace // 2 and groups * C > 1:  # fewer channels of x at a time
        for g, c in _halves(groups, C):
            part = None if dx is None else dx[:, g, c], None if dw is None else dw[g, :, c]
            a = None if dw is None else x[:, g, c]
            _winograd_backward(dy[:, g], a, w[g, :, c], *part, axes, workspace, threads)
        return
    kept = _buffer(workspace)
    weights = _within(kept[:used], dy.dtype)
    U = None if dx is None else np.swapaxes(_weights(w, G, denominators, weights), -1, -2)
    total = weights((products, groups, C, F))
    total[...] = 0
    inputs, outputs = _cut(axes, tiles, True), _cut(axes, tiles, False)
    slopes = dy.reshape(len(dy), groups * F, *dy.shape[3:])
    a = None if dw is None else x.reshape(len(x), groups * C, *x.shape[3:])
    target = None if dx is None else dx.reshape(len(dx), groups * C, *dx.shape[3:])
    if dx is not None and any(O + d * (K - 1) - p < H for H, K, O, _, d, p in axes):
        dx[...] = 0  # rows that no window reaches
    numbers = 3 * products * groups * (C + F)
    for n, rows in _tile_blocks(axes, tiles, len(dy), numbers, dy.itemsize, workspace):
        take = _within(kept[used:], dy.dtype)
        Z = _spread(slopes, n, rows, _transposed(A), outputs, take, threads)
        if dw is not None:
            V = _spread(a, n, rows, B, inputs, take, threads)
            total += _products(V, Z, groups, take, "places")
        if U is not None:
            if rows.start == 0 and rows.stop < outputs[0][4]:
                target[n] = 0  # tiles of the next block reach into the rows of this one
            P = _products(Z, U, groups, take, "c")
            _collect(P, n, rows, _transposed(B), inputs, None, target, take, threads)
    if dw is not None:
        _divided(total.reshape(*map(len, G), groups, C, F), denominators)
        back = _nested(_transposed(G), dw.dtype)
        sums = (back @ total.reshape(products, -1)).reshape(*dw.shape[3:], groups, C, F)
        dw[...] = sums.transpose(count, count + 2, count + 1, *range(count))


def _scatter_dx(dy, w, dx, axes, workspace, threads):
    """cols[g, (c, k), (n, o)] = sum over f of w[g, f, (c, k)] * dy[g, f, (n, o)], and each is added
    where it was read.

    The adjoint of gathering windows. Fewer numbers move than by phases where few channels of x meet
    many filters.
    """
    N, G, C = dx.shape[:3]
    F, taps = w.shape[1], w.shape[3:]
    weights = w.reshape(G, F, -1).swapaxes(1, 2)
    dx[...] = 0
    numbers = G * (C * prod(taps) + F) * prod(dy.shape[3:])
    for n, o in _blocks(N, dy.shape[3], numbers * dx.itemsize, min(workspace, _BLOCK)):
        take = _within(_buffer(workspace), dx.dtype)
        slopes = _block_of(dy, n, o, take)
        cols = np.matmul(weights, slopes, out=take((G, C * prod(taps), slopes.shape[2])))
        parts = cols.reshape(G, C, *taps, n.stop - n.start, o.stop - o.start, *dy.shape[4:])
        _add_back(parts, dx[n], axes, o.start, threads)


def _by_phases(make, dy, w, dx, axes, workspace, threads):
    """dx from any way ``make`` to y: dy stands for x, the taps backwards and with f and c
    exchanged for w.
    """
    for rows, taps, phase in _phases(axes):
        place = (slice(None), slice(None), slice(None), *rows)
        weights = np.ascontiguousarray(np.swapaxes(w, 1, 2)[(..., *taps)])
        if 0 in weights.shape:
            dx[place] = 0  # no tap meets these rows
        else:
            make(dy, weights, None, dx[place], phase, workspace, threads)


def _parallel(task, count, threads):
    """task(i) for i in range(count), on so many threads; this one is among them."""
    parts = min(threads, count)

    def run(part):
        for i in range(count * part // parts, count * (part + 1) // parts):
            task(i)

    if parts < 2:
        return run(0) if parts else None
    key = os.getpid(), threads  # a forked process has no threads but its own
    if key not in _POOLS:
        _POOLS[key] = ThreadPoolExecutor(threads - 1)
    others = [_POOLS[key].submit(run, part) for part in range(1, parts)]
    run(0)
    for other in others:
        other.result()
    return None


def _columns_of(x, axes, workspace, extra, threads):
    """Block after block, the windows of x as columns: cols[g, (c, k), (n, o)] = x[n, g, c, s*o +
    d*k - p].

    Gives the images and the first-axis rows of the block, its axes, the columns, and the rest of
    the working memory, of which the caller takes at most ``extra`` numbers for each column.
    """
    N, G, C = x.shape[:3]
    taps, places = [K for _, K, _, _, _, _ in axes], prod(O for _, _, O, _, _, _ in axes)
    reach = prod(s * (O + d * (K - 1) // s) for _, K, O, s, d, _ in axes)
    numbers = G * (C * (prod(taps) * places + reach) + extra * places)
    for n, o in _blocks(N, axes[0][2], numbers * x.itemsize, min(workspace, _BLOCK)):
        (H, K, _, s, d, p), *others = axes
        part = [(H, K, o.stop - o.start, s, d, p - s * o.start), *others]
        take = _within(_buffer(workspace), x.dtype)
        shape = [axis[2] for axis in part]
        images = n.stop - n.start
        cols = take((G, C, *taps, images, *shape))
        if cols.size < _SMALL:  # one copy of a view; not in long runs, but in one call
            windows = _windows(_padded(x[n], part, take, 1), part)
            count = len(part)
            order = [1, 2, *range(3 + count, 3 + 2 * count), 0, *range(3, 3 + count)]
            cols[...] = windows.transpose(order)
        else:
            _gather(_planes(x[n], part, take, threads), part, cols, threads)
        yield n, o, part, cols.reshape(G, C * prod(taps), images * prod(shape)), take


def _put_block(product, place, threads):
    """place[n, g, f, o] = product[g, f, (n, o)]"""
    parts = product.reshape(*product.shape[:2], len(place), *place.shape[3:])

    def put(i):
        place[i] = parts[:, :, i]

    _parallel(put, len(place), threads if place.size > _SMALL else 1)


def total(a):
    """The sum of ``a`` over images and space."""
    return a.sum(axis=(0, *range(3, a.ndim)), dtype=a.dtype)


def _block_of(a, n, o, take):
    """a[n, g, f, o] of a block as a matrix (G, F, places); a view where memory allows."""
    part = a[n, :, :, o]
    if len(part) == 1 and a.flags.c_contiguous:
        return a[n.start].reshape(*a.shape[1:3], a.shape[3], -1)[:, :, o].reshape(*a.shape[1:3], -1)
    matrix = take((*a.shape[1:3], len(part), *part.shape[3:]))
    np.copyto(matrix, part.transpose(1, 2, 0, *range(3, part.ndim)))
    return matrix.reshape(*a.shape[1:3], -1)


def _rows_of(x, axes, buffer, extra, threads):
    """Block after block, the padded rows of x end to end, and for each tap where in them its
    windows begin.

    Gives the images and first-axis rows of the block, its flat rows (n, g, c, place), [(tap,
    start)], how many places lie between the first window and the last, the shape (rows, width) in
    which they are cut up again, and the memory.
    """
    N, G, C = x.shape[:3]
    steps = [s for _, _, _, s, _, _ in axes]
    reach = prod(s * (O + d * (K - 1) // s) for _, K, O, s, d, _ in axes)
    for n, o in _blocks(
        N, axes[0][2], G * (C + 2 * extra) * reach * x.itemsize, min(buffer.size, _BLOCK)
    ):
        (H, K, _, s, d, p), *others = axes
        part = [(H, K, o.stop - o.start, s, d, p - s * o.start), *others]
        take = _within(buffer, x.dtype)
        planes = _planes(x[n], part, take, threads)
        sizes = planes.shape[3 + len(steps) :]
        apart = [
            prod(sizes[i + 1 :]) for i in range(len(sizes))
        ]  # one step along an axis, in the flat rows
        jumps = [prod(sizes) * prod(steps[i + 1 :]) for i in range(len(steps))]
        starts = [
            (
                k,
                sum(
                    (d * j) % s * jump + d * j // s * step
                    for j, (_, _, _, s, d, _), jump, step in zip(k, axes, jumps, apart)
                ),
            )
            for k in np.ndindex(*(K for _, K, _, _, _, _ in axes))
        ]
        length = 1 + sum((O - 1) * step for (_, _, O, _, _, _), step in zip(part, apart))
        flat = np.ascontiguousarray(planes).reshape(*planes.shape[:3], -1)
        yield n, o, flat, starts, length, [part[0][2], *sizes[1:]], take


def _buffer(workspace):
    """The bytes that a call works in."""
    return _kept("buffer", workspace)


def _windows_of(x, axes, workspace, threads):
    """Block after block, the windows as a view: (n, g, c, *o, *k) without a copy of x but for the
    padding.
    """
    numbers = prod(x.shape[1:3]) * prod(O * K for _, K, O, _, _, _ in axes)
    for n, o in _blocks(len(x), axes[0][2], numbers * x.itemsize, workspace // 2):
        (H, K, _, s, d, p), *others = axes
        part = [(H, K, o.stop - o.start, s, d, p - s * o.start), *others]
        rows = _padded(x[n], part, _within(_buffer(workspace), x.dtype), threads)
        yield n, o, _windows(rows, part)


def _few_groups(groups, flat):
    """So many groups at a time that their rows, sums and products stay in the fastest caches."""
    return max(1, min(groups, _BLOCK // 32 // max(1, flat.shape[-1] * flat.itemsize)))


def _algorithms(axes):
    """For each axis the tile m; A, G and B as lists of matrices; G's denominators."""
    tiles = [_tile(K, -(-O // d)) for _, K, O, _, d, _ in axes]
    A, G, B, whole = (
        list(each) for each in zip(*(_WINOGRAD[m, K] for m, (_, K, *_) in zip(tiles, axes)))
    )
    return tiles, [A, G, B], whole


def _halves(groups, channels):
    """(groups, channels) in two parts, which are computed one after the other."""
    g, c = (groups, 1) if groups > 1 else (1, channels)
    cut = (g if groups > 1 else c) // 2
    whole = slice(None)
    return [
        (part, whole) if groups > 1 else (whole, part) for part in (slice(0, cut), slice(cut, None))
    ]


def _weights(w, G, denominators, take):
    """U = G w (products, g, c, f)."""
    groups, F, C, *taps = w.shape
    a = take((*taps, groups, C, F))
    a[...] = w.transpose(*range(3, w.ndim), 0, 2, 1)
    matrix = _nested(G, w.dtype)
    U = take((len(matrix), groups, C, F))
    np.matmul(matrix, a.reshape(matrix.shape[1], -1), out=U.reshape(len(matrix), -1))
    _divided(U.reshape(*map(len, G), groups, C, F), denominators)
    return U


def _within(buffer, dtype):
    """take(shape): the next part of the buffer. What does not fit, such as a single row of one
    image that is larger than the whole workspace, is taken apart from it.
    """
    start = 0

    def take(shape):
        nonlocal start
        size = prod(shape) * dtype.itemsize
        if dtype.hasobject or start + size > buffer.size:
            return np.empty(shape, dtype)
        array = buffer[start : start + size].view(dtype).reshape(shape)
        start += -(-size // 64) * 64
        return array

    return take


def _cut(axes, tiles, offset):
    """H, p, d, m and the number of tiles on each axis: of x, or (without offset) of y."""
    return [
        (H if offset else O, p if offset else 0, d, m, -(-O // (d * m)))
        for (H, _, O, _, d, p), m in zip(axes, tiles)
    ]


def _tile_blocks(axes, tiles, images, numbers, itemsize, workspace):
    """(images, tile rows of the first axis) of blocks whose transformed arrays, so many numbers a
    place, stay bounded.
    """
    cut = _cut(axes, tiles, False)
    places = prod(T * d for _, _, d, _, T in cut)
    return _blocks(images, cut[0][4], places * numbers * itemsize, min(_TILES, workspace // 4))


def _spread(a, n, rows, matrices, cut, take, threads):
    """The tiles of images n of ``a`` (N, channels, *H), transformed: V = B x, or Z = A^T dy.

    ``cut`` says H, p, d, m and the number of tiles on each axis; ``rows`` are the tiles of the
    first axis that are made. The result is (products, n, tiles and residues of each axis,
    channels).
    """
    begin = [rows.start] + [0] * (len(cut) - 1)
    tiles = [rows.stop - rows.start, *(T for *_, T in cut[1:])]
    inputs = [len(matrix[0]) for matrix in matrices]
    # the padded rows, channels last
    sizes = [d * (m * (T - 1) + j) for (_, _, d, m, _), T, j in zip(cut, tiles, inputs)]
    found = [
        _reach(d * m * t - p, 1, size, H) for (H, p, d, m, _), t, size in zip(cut, begin, sizes)
    ]
    images, channels = n.stop - n.start, a.shape[1]
    padded = take((images, *sizes, channels))
    inner = tuple(q for q, _ in found)
    source = a[(n, slice(None), *(h for _, h in found))]

    def turn(i):
        if source.shape[2:] != padded.shape[1:-1]:
            padded[i] = 0
        padded[(i, *inner)] = np.moveaxis(source[i], 0, -1)

    _parallel(turn, images, threads if padded.size > _SMALL else 1)
    # place in the tile, image, tile and residue, channel
    steps = padded.strides[1:-1]
    shape = [size for T, (_, _, d, _, _) in zip(tiles, cut) for size in (T, d)]
    strides = [size for step, (_, _, d, m, _) in zip(steps, cut) for size in (step * d * m, step)]
    view = np.lib.stride_tricks.as_strided(
        padded,
        (*inputs, images, *shape, channels),
        (
            *(step * d for step, (_, _, d, _, _) in zip(steps, cut)),
            padded.strides[0],
            *strides,
            padded.strides[-1],
        ),
    )
    columns = take(view.shape)

    def lay(j):
        columns[j] = view[j]

    _parallel(lay, inputs[0], threads if columns.size > _SMALL else 1)
    matrix = _nested(matrices, a.dtype)
    made = take((len(matrix), images, *shape, channels))
    np.matmul(matrix, columns.reshape(matrix.shape[1], -1), out=made.reshape(len(matrix), -1))
    return made


def _products(a, b, groups, take, over):
    """The matrix products between channels, one for each row of the algorithm and group.

    ``a`` is (products, n, tiles and residues, groups and channels). ``over`` says what is summed:
    "c", channels of the group, with weights b (products, g, c, f) to an array of a's kind; or
    "places", with b of a's kind, to weights.
    """

    def grouped(tiles):  # (products, groups, places, channels of a group)
        shape = (len(tiles), -1, groups, tiles.shape[-1] // groups)
        return tiles.reshape(shape).swapaxes(1, 2)

    if over == "c":
        made = take((*a.shape[:-1], groups * b.shape[-1]))
        np.matmul(grouped(a), b, out=grouped(made))
        return made
    shape = (len(a), groups, a.shape[-1] // groups, b.shape[-1] // groups)
    return np.matmul(grouped(a).swapaxes(2, 3), grouped(b), out=take(shape))


def _collect(a, n, rows, matrices, cut, b, target, take, threads):
    """Tiles transformed back and laid where they belong, overlapping ones added: y = A M + b, or
    dx = B^T P.

    ``a`` is (products, n, tiles and residues of each axis, channels); the result goes to images n
    of ``target`` (N, channels, *H), to the rows that the tiles ``rows`` of the first axis reach.
    """
    matrix = _nested(matrices, a.dtype)
    columns = take((len(matrix), *a.shape[1:]))
    np.matmul(matrix, a.reshape(len(a), -1), out=columns.reshape(len(matrix), -1))
    places = [len(each) for each in matrices]
    parts = columns.reshape(*places, *a.shape[1:])
    tiles = [rows.stop - rows.start, *(T for *_, T in cut[1:])]
    overlap = any(j > m for j, (_, _, _, m, _) in zip(places, cut))
    # so many more tiles as the last ones reach beyond themselves
    long = [T - (m - j) // m for T, j, (_, _, _, m, _) in zip(tiles, places, cut)]
    apart = [size for T, (_, _, d, m, _) in zip(long, cut) for size in (T, m, d)]
    laid = take((n.stop - n.start, *apart, a.shape[-1]))
    whole = rows.stop - rows.start == cut[0][4]
    reached = slice(rows.start, rows.start + long[0])

    def lay(i):
        if overlap:
            laid[i] = 0
        for j in np.ndindex(*places):
            at = [
                index
                for k, T, (_, _, _, m, _) in zip(j, tiles, cut)
                for index in (slice(k // m, k // m + T), k % m, slice(None))
            ]
            if overlap:
                laid[(i, *at)] += parts[(*j, i)]
            elif b is None:
                laid[(i, *at)] = parts[(*j, i)]
            else:
                np.add(parts[(*j, i)], b, out=laid[(i, *at)])
        shape = [T * m * d for T, (_, _, d, m, _) in zip(long, cut)]
        _put(laid[i].reshape(*shape, -1), target[n][i], cut, reached, overlap and not whole)

    _parallel(lay, n.stop - n.start, threads if laid.size > _SMALL else 1)


def _cores():
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _fits(how, C, axes, dtype):
    """Why a schedule cannot make this layer; empty when it can. C counts channels of one group."""
    if how == "pointwise" and any(K != 1 or s != 1 or p or H != O for H, K, O, s, _, p in axes):
        return "needs one tap, stride 1 and no padding"
    if how == "depthwise" and C != 1:
        return f"needs one channel of x for each group, not {C}"
    if how == "winograd":
        known = sorted({K for _, K in _WINOGRAD})
        if any(s != 1 for _, _, _, s, _, _ in axes):
            return "needs stride 1"
        if any(K not in known for _, K, _, _, _, _ in axes):
            return f"has algorithms for {', '.join(map(str, known))} taps an axis"
        if dtype.kind not in "fcO" or dtype.char == "e":
            return f"divides, which {dtype} does not do well"
    return ""


def _estimates(target, N, G, F, C, axes, dtype, threads):
    """What each schedule that can make the array costs, in nanoseconds; a schedule that is
    another's is left out.
    """
    ways = [
        how
        for how in _WAYS
        if not _fits(how, C, axes, dtype) and (how != "scatter" or target == "dx")
    ]
    # depthwise sums over the filters of a group for dx, and they are as many as channels only where
    # there is one
    ways = [how for how in ways if how != "depthwise" or target != "dx" or F == 1]
    return {how: _nanoseconds(how, target, N, G, F, C, axes, dtype, threads) for how in ways}


def _transposed(matrices):
    return [tuple(zip(*matrix)) for matrix in matrices]


def _divided(a, denominators):
    """The rows of the algorithm that G's fractions belong to, divided."""
    for row in np.ndindex(*a.shape[: len(denominators)]):
        whole = prod(each[q] for each, q in zip(denominators, row))
        if a.dtype.kind in "fc":
            a[row] *= 1 / whole
        elif whole != 1:
            a[row] = a[row] / whole


def _nested(matrices, dtype):
    """The matrices of all axes as one, their Kronecker product."""
    key = (tuple(matrices), dtype)
    if key not in _NESTED:
        whole = np.ones((1, 1), int)
        for matrix in matrices:
            whole = np.kron(whole, np.array(matrix))
        _NESTED[key] = whole.astype(dtype)
    return _NESTED[key]


def _blocks(images, rows, size, limit):
    """(images, rows) of blocks that cover all: as many images as fit ``limit``, or else as many
    rows of one.

    ``size`` is what one image needs, in bytes.
    """
    many = max(1, min(images, limit // max(1, size)))
    few = rows if size <= limit else max(1, rows * limit // size)
    for n in range(0, images, many):
        for o in range(0, rows, few):
            yield slice(n, min(n + many, images)), slice(o, min(o + few, rows))


def _add_back(cols, dx, axes, start, threads):
    """dx[n, g, c, s*o + d*k - p] += cols[g, c, k, n, o], the first axis's o counted from
    ``start``.
    """
    starts = [start] + [0] * (len(axes) - 1)
    pieces = _pieces(len(dx), dx.shape[2], threads if cols.size > _SMALL else 1)
    moved = dx.transpose(1, 2, 0, *range(3, dx.ndim))

    def add(i):
        images, channels = pieces[i]
        for k in np.ndindex(*(K for _, K, _, _, _, _ in axes)):
            found = [
                _reach(d * j + s * first - p, s, size, H)
                for j, (H, _, _, s, d, p), size, first in zip(
                    k, axes, cols.shape[-len(axes) :], starts
                )
            ]
            place = (slice(None), channels, images, *(m for _, m in found))
            moved[place] += cols[(slice(None), channels, *k, images, *(q for q, _ in found))]

    _parallel(add, len(pieces), threads)


def _phases(axes):
    """dx as correlations of dy with stride 1, one for each residue of m modulo the stride.

    Where m + p = s*i + e, only taps with d*k = e modulo s meet m, and these are every (s/g)-th, g =
    gcd(s, d); then o = i + (e - d*k) / s. Gives for each residue the rows of dx, the taps
    backwards, and H, K, O, s, d, p of the correlation.
    """
    residues = []
    for H, K, O, s, d, p in axes:
        step, found = s // gcd(s, d), []
        for e in range(s):
            start = (e - p) % s  # the first row m of this residue
            rows = slice(start, H, s)
            first = next((k for k in range(min(step, K)) if (d * k - e) % s == 0), None)
            if start >= H:
                continue
            if first is None:
                found.append((rows, slice(0, 0), (O, 0, len(range(start, H, s)), 1, 1, 0)))
                continue
            taps = range(first, K, step)
            # the last tap comes first, and meets the smallest o
            o = (start + p - d * taps[-1]) // s
            backwards = slice(taps[-1], taps[0] - 1 if taps[0] else None, -step)
            found.append(
                (rows, backwards, (O, len(taps), len(range(start, H, s)), 1, d // gcd(s, d), -o))
            )
        residues.append(found)
    for combination in product(*residues):
        yield (
            tuple(c[0] for c in combination),
            tuple(c[1] for c in combination),
            [c[2] for c in combination],
        )


def _windows(rows, axes):
    """All windows of padded rows (n, g, c, *rows) as a view (n, g, c, *o, *k)."""
    if any(s * (O - 1) + d * (K - 1) >= n for (_, K, O, s, d, _), n in zip(axes, rows.shape[3:])):
        raise IndexError(f"rows {rows.shape} end before the windows of {axes}")
    lead, steps = rows.strides[:3], rows.strides[3:]
    shape = [axis[2] for axis in axes] + [axis[1] for axis in axes]
    strides = [s * step for (_, _, _, s, _, _), step in zip(axes, steps)]
    strides += [d * step for (_, _, _, _, d, _), step in zip(axes, steps)]
    return np.lib.stride_tricks.as_strided(rows, (*rows.shape[:3], *shape), (*lead, *strides))


def _padded(x, axes, take, threads):
    """The rows of x that windows meet, zero outside x, in order: ``_planes`` of stride 1."""
    whole = [(H, d * (K - 1) + 1, s * (O - 1) + 1, 1, 1, p) for H, K, O, s, d, p in axes]
    rows = _planes(x, whole, take, threads)
    return rows.reshape(*rows.shape[:3], *rows.shape[3 + len(axes) :])


def _gather(planes, axes, cols, threads):
    """cols[g, c, k, n, o] = x[n, g, c, s*o + d*k - p], tap by tap."""
    taps = list(np.ndindex(*(K for _, K, _, _, _, _ in axes)))
    every = (slice(None), slice(None))
    moved = planes.transpose(1, 2, 0, *range(3, planes.ndim))

    def gather(i):
        cols[(*every, *taps[i])] = moved[(*every, slice(None), *_tap(taps[i], axes))]

    _parallel(gather, len(taps), threads)


def _planes(x, axes, take, threads):
    """The rows of x that windows meet, zero outside x, apart by their residue modulo the stride.

    ``axes`` says H, K, O, s, d, p for each axis. The result has x's first three axes, then one for
    the residue of every spatial axis, then one for the quotient: row s*o + d*k - p of x is at
    residue (d*k) % s, quotient o + (d*k) // s. So for every tap the windows of all o are a plain
    slice, whatever the stride.
    """
    steps = [s for _, _, _, s, _, _ in axes]
    if max(steps) == 1 and all(p <= 0 and O + d * (K - 1) - p <= H for H, K, O, _, d, p in axes):
        part = tuple(slice(-p, O + d * (K - 1) - p) for _, K, O, _, d, p in axes)
        inside = x[(..., *part)]
        return inside.reshape(*inside.shape[:3], *steps, *inside.shape[3:])
    sizes = [O + d * (K - 1) // s for _, K, O, s, d, _ in axes]
    planes = take((*x.shape[:3], *steps, *sizes))
    found = [
        [_reach(e - p, s, size, H) for e in range(s)]
        for (H, _, _, s, _, p), size in zip(axes, sizes)
    ]  # for each residue the quotients whose rows x has, and these rows
    edges = any(
        q.start > 0 or q.stop < size for reached, size in zip(found, sizes) for q, _ in reached
    )

    def fill(i):
        part, channels = pieces[i]
        if edges:
            planes[part, :, channels] = 0
        for e in product(*map(range, steps)):
            reached = [each[residue] for each, residue in zip(found, e)]
            place = (part, slice(None), channels, *e, *(q for q, _ in reached))
            planes[place] = x[(part, slice(None), channels, *(m for _, m in reached))]

    pieces = _pieces(len(x), x.shape[2], threads if planes.size > _SMALL else 1)
    _parallel(fill, len(pieces), threads)
    return planes


def _kept(name, size):
    """So many bytes that the thread keeps for its next call, under a name.

    Memory that was in use a moment ago is in the caches; fresh memory has to be fetched from the
    system.
    """
    buffer = getattr(_KEPT, name, None)
    if buffer is None or buffer.size < size:
        buffer = np.empty(size, np.uint8)
        setattr(_KEPT, name, buffer)
    return buffer[:size]


def _tile(taps, places):
    """The tile of an axis: the largest that there is an algorithm for, unless a smaller one needs
    fewer products.
    """
    found = sorted(m for m, K in _WINOGRAD if taps == K)
    return min(found, key=lambda m: (-(-places // m) * (m + taps - 1), m))


def _reach(start, step, count, size):
    """The i, 0 <= i < count, with 0 <= start + step*i < size, and these rows: two slices."""
    first = max(0, -(start // step))
    last = max(first, min(count, (size - 1 - start) // step + 1))
    return slice(first, last), slice(start + step * first, start + step * last, step)


def _put(made, target, cut, rows, add):
    """What :func:`_collect` made, channels first, into one image of y or dx (channels, *H): cropped
    to the rows there are. Rows that no tile reaches are left as they were.
    """
    (H, p, d, m, _), *others = cut
    size = d * m
    begin = size * rows.start - p
    start, stop = max(0, begin), min(H, size * rows.stop - p)
    inner = [slice(p, p + H) for H, p, _, _, _ in others]
    reached = [slice(min(H, n - p)) for n, (H, p, _, _, _) in zip(made.shape[1:], others)]
    # a few rows at a time, which stay in the caches while they are turned
    few = max(1, 512 // max(1, prod(H for H, *_ in others)))
    for i in range(start, stop, few):
        end = min(i + few, stop)
        part = np.moveaxis(made[(slice(i - begin, end - begin), *inner)], -1, 0)
        place = target[(slice(None), slice(i, end), *reached)]
        if add:
            place += part
        else:
            place[...] = part


def _nanoseconds(how, target, N, G, F, C, axes, dtype, threads):
    """What a schedule costs for y, dx or dw of a layer: products, numbers moved, calls.

    The constants are a common processor's. They decide between schedules, so their ratios matter,
    not their size.
    """
    if target == "dx" and how not in ("scatter", "winograd"):
        each = (phase for _, _, phase in _phases(axes) if all(K for _, K, _, _, _, _ in phase))
        # the weights are copied, taps backwards, f and c exchanged
        turned = 1.5 * G * F * C * prod(K for _, K, _, _, _, _ in axes)
        return (
            2000
            + turned
            + sum(_nanoseconds(how, "y", N, G, C, F, phase, dtype, threads) for phase in each)
        )
    # half as many numbers of twice the bytes are multiplied in the same time
    wide = max(1, dtype.itemsize // 4)
    rate = 200 * _cores() / wide
    taps, places = prod(K for _, K, _, _, _, _ in axes), prod(O for _, _, O, _, _, _ in axes)
    run = prod(O + d * (K - 1) // s for _, K, O, s, d, _ in axes)
    reach = run * prod(s for _, _, _, s, _, _ in axes)
    work = 2 * N * G * F * C * taps * places
    full = F / (F + 8)  # narrow matrices keep the processor less busy
    short = 1 / axes[-1][2]  # numbers are copied in runs of a row's windows; each begins anew
    if how == "pointwise":
        return work / (rate * full) + 3000 + N * 500
    if how == "depthwise":
        calls = N * max(1, G * 32 * reach * 4 * wide / _BLOCK) * F * taps * 2
        passes = 0.05 if target == "dw" else 0.12
        return N * G * F * reach * (taps * passes + 0.8) * wide + calls * 700 + 20_000
    if how == "rows":
        inner = C / (C + 16)
        adding = N * G * F * run * (taps - 1) * 0.1 * wide if target == "y" else 0.0
        moves = N * G * (C * reach + F * run) * 0.25 * wide
        calls = N * taps * (2500 + 300 * G)
        return work * run / places / (rate * full * inner) + adding + moves + calls + 15_000
    if how == "winograd":
        return _tiled(target, N, G, F, C, axes, wide)
    numbers = N * G * C * taps * places
    block = max(1, numbers * dtype.itemsize / _BLOCK)
    calls = 6 if numbers < _SMALL else taps + 6  # a few numbers are gathered in one call
    moved = numbers * (0.3 + 3 * short) * wide + N * G * C * reach * 0.3 * wide
    put = N * G * F * places * 0.1 * wide
    if target == "dw":  # sums of blocks, and these turned
        put += G * F * C * taps * (1.5 + 0.5 * block) * wide
    if how == "scatter" and target == "dx":
        moved, calls = numbers * (0.5 + 10 * short) * wide, 3 * taps + 6
    if how == "windows":
        moved = numbers * (2.0 if numbers > _SMALL else 0.6) * wide
        moved += N * G * F * places * 0.5 * wide
        calls = 10 * G
    return work / (rate * full) + moved + put + block * calls * 1500 + 12_000


def _pieces(images, channels, threads):
    """The images shared out among threads, or the channels where there is one image."""
    whole = slice(None)
    if threads < 2:
        return [(whole, whole)]
    count = images if images > 1 else channels
    cuts = [slice(count * i // threads, count * (i + 1) // threads) for i in range(threads)]
    return [(cut, whole) if images > 1 else (whole, cut) for cut in cuts]


def _tap(k, axes):
    """Where in ``_planes`` tap k finds x[n, g, c, s*o + d*k - p], every o: residues, slices."""
    residues = [d * j % s for j, (_, _, _, s, d, _) in zip(k, axes)]
    starts = [d * j // s for j, (_, _, _, s, d, _) in zip(k, axes)]
    return residues + [slice(i, i + axis[2]) for i, axis in zip(starts, axes)]


def _tiled(target, N, G, F, C, axes, wide):
    """What Winograd costs: transforms of tiles and weights, and the products that are left."""
    tiles = [_tile(K, -(-O // d)) for _, K, O, _, d, _ in axes]
    rows = prod(m + K - 1 for m, (_, K, _, _, _, _) in zip(tiles, axes))
    places = N * prod(d * -(-O // (d * m)) for m, (_, _, O, _, d, _) in zip(tiles, axes))
    numbers = rows * places
    taps = prod(K for _, K, _, _, _, _ in axes)
    rate = 200 * _cores() / wide
    products = 2 * numbers * G * F * C / (rate * F / (F + 12) * C / (C + 12))
    # the transforms are products with a matrix of so many rows, columns copied before or after
    small = 0.5 * rate * rows / (rows + 20)
    weights = G * F * C * (2 * rows * taps / small + wide * (1.1 * rows + 0.5 * taps))
    outputs = prod(m for m in tiles)
    spread = 2 * rows * rows / small + wide * (0.25 * rows + 0.5 * outputs)
    back = 2 * rows * outputs / small + wide * 1.0 * outputs
    add = 2 * rows * rows / small + wide * (0.4 * rows + 0.5 * outputs)
    here = {"y": (spread, back), "dx": (add, back), "dw": (spread, back)}[target]
    moved = places * G * (C * here[0] + F * here[1])
    return products + weights + moved + 60_000


# schedule: (its way to y, its way to dw)
_WAYS = {
    "blocked": (_blocked_y, _blocked_dw),
    "scatter": (_blocked_y, _blocked_dw),
    "rows": (_rows_y, _rows_dw),
    "windows": (_windows_y, _windows_dw),
    "pointwise": (_pointwise_y, _pointwise_dw),
    "depthwise": (_elementwise_y, _elementwise_dw),
    "winograd": (_winograd_y, None),
}


# (tile m, taps): A, G without its denominators, B, the denominators of G's rows. For each of them
# sum over q of A[o, q] G[q, k] B[q, i] = [i = o + k] was checked exactly.
_WINOGRAD = {
    # F(1, 1): 1 products for 1, points infinity
    (1, 1): (
        ((1,),),
        ((1,),),
        ((1,),),
        (1,),
    ),
    # F(2, 2): 3 products for 4, points 0, 1, infinity
    (2, 2): (
        ((1, 1, 0), (0, 1, 1),),
        ((-1, 0), (1, 1), (0, 1),),
        ((-1, 1, 0), (0, 1, 0), (0, -1, 1),),
        (1, 1, 1),
    ),
    # F(4, 2): 5 products for 8, points 0, 1, -1, 2, infinity
    (4, 2): (
        ((1, 1, 1, 1, 0), (0, 1, -1, 2, 0), (0, 1, 1, 4, 0), (0, 1, -1, 8, 1),),
        ((1, 0), (-1, -1), (-1, 1), (1, 2), (0, 1),),
        (
            (2, -1, -2, 1, 0),
            (0, -2, -1, 1, 0),
            (0, 2, -3, 1, 0),
            (0, -1, 0, 1, 0),
            (0, 2, -1, -2, 1),
        ),
        (2, 2, 6, 6, 1),
    ),
    # F(2, 3): 4 products for 6, points 0, 1, -1, infinity
    (2, 3): (
        ((1, 1, 1, 0), (0, 1, -1, 1),),
        ((-1, 0, 0), (1, 1, 1), (1, -1, 1), (0, 0, 1),),
        ((-1, 0, 1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, -1, 0, 1),),
        (1, 2, 2, 1),
    ),
    # F(3, 3): 5 products for 9, points 0, 1, -1, 2, infinity
    (3, 3): (
        ((1, 1, 1, 1, 0), (0, 1, -1, 2, 0), (0, 1, 1, 4, 1),),
        ((1, 0, 0), (-1, -1, -1), (-1, 1, -1), (1, 2, 4), (0, 0, 1),),
        (
            (2, -1, -2, 1, 0),
            (0, -2, -1, 1, 0),
            (0, 2, -3, 1, 0),
            (0, -1, 0, 1, 0),
            (0, 2, -1, -2, 1),
        ),
        (2, 2, 6, 6, 1),
    ),
    # F(4, 3): 6 products for 12, points 0, 1, -1, 2, -2, infinity
    (4, 3): (
        ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1),),
        ((1, 0, 0), (-1, -1, -1), (-1, 1, -1), (1, 2, 4), (1, -2, 4), (0, 0, 1),),
        (
            (4, 0, -5, 0, 1, 0),
            (0, -4, -4, 1, 1, 0),
            (0, 4, -4, -1, 1, 0),
            (0, -2, -1, 2, 1, 0),
            (0, 2, -1, -2, 1, 0),
            (0, 4, 0, -5, 0, 1),
        ),
        (4, 6, 6, 24, 24, 1),
    ),
    # F(2, 4): 5 products for 8, points 0, 1, -1, 2, infinity
    (2, 4): (
        ((1, 1, 1, 1, 0), (0, 1, -1, 2, 1),),
        ((1, 0, 0, 0), (-1, -1, -1, -1), (-1, 1, -1, 1), (1, 2, 4, 8), (0, 0, 0, 1),),
        (
            (2, -1, -2, 1, 0),
            (0, -2, -1, 1, 0),
            (0, 2, -3, 1, 0),
            (0, -1, 0, 1, 0),
            (0, 2, -1, -2, 1),
        ),
        (2, 2, 6, 6, 1),
    ),
    # F(2, 5): 6 products for 10, points 0, 1, -1, 2, -2, infinity
    (2, 5): (
        ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 1),),
        (
            (1, 0, 0, 0, 0),
            (-1, -1, -1, -1, -1),
            (-1, 1, -1, 1, -1),
            (1, 2, 4, 8, 16),
            (1, -2, 4, -8, 16),
            (0, 0, 0, 0, 1),
        ),
        (
            (4, 0, -5, 0, 1, 0),
            (0, -4, -4, 1, 1, 0),
            (0, 4, -4, -1, 1, 0),
            (0, -2, -1, 2, 1, 0),
            (0, 2, -1, -2, 1, 0),
            (0, 4, 0, -5, 0, 1),
        ),
        (4, 6, 6, 24, 24, 1),
    ),
}
