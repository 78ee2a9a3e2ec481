"""Convolution in 2-D and its gradients: the file to use, fast on every kind of layer.

    L = sum of dy[n, f, o] * w[f, c, k] * x[n, c, m]  over  m = s*o + d*k - p

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
Layers: in5x6-k3x2-n2c6f6-s2x1-p1x0-d1x2-g3, in7x6-k3x2-n1c1f3-s3x4-p0_2x1_0,
in7x5-k3x3-n2c4f2-p1_2x2_0-d1x2-g2, in5x4-k2x3-n1c3f6-s2x1-p1x0-g3, in3x4-k1x1-n2c3f2.

Checked before it was written: with a symbol for every entry, y, dx, dw and db equal the derivative
of the loss, entry by entry; on random integers they equal finite differences with step 1, which are
exact; in float64 the gradients have a relative error below 1e-8 against the complex-step
derivative; dtypes are kept, strided and read-only arrays, no images and every form of parameters
work, both faces agree, wrong shapes and parameters are refused. Layers: in5x5-k3x3-n4c3f2-p1x1.

These checks cover the layers named; they are no proof for every size.
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations, product
from math import gcd, prod

import numpy as np

__all__ = ["conv2d", "conv2d_backward", "conv_forward", "conv_backward"]

# working memory that a thread keeps from call to call
_KEPT = threading.local()

# threads that copy and transform, by process and number
_POOLS = {}

# how a matrix is applied, once that is known
_PASSES = {}

# which schedule was chosen, by layer
_CHOSEN = {}

# sizes of layers, by shapes and parameters
_LAYERS = {}

# an array of fewer numbers is not worth a second thread
_SMALL = 50000

# bytes of columns at a time, which stay in the caches
_BLOCK = 4 << 20

# bytes of transformed tiles at a time
_TILES = 8 << 20


def conv2d(
    x, w, b=None, stride=1, padding=0, dilation=1, groups=1, algorithm="auto", workspace=64 << 20,
    threads=None,
):
    """y: every filter of w slid over x, plus b.

    x (N, C, H0, H1), w (F, C/groups, K0, K1), b (F,) or None; y (N, F, O0, O1). stride, dilation: a
    number, or one for each axis; padding also (before, after) pairs, or "same" or "valid".
    ValueError, with the shapes, where these make no layer.

    algorithm is auto, direct (auto without winograd: the terms are added as they are), or one of
    blocked, scatter, rows, windows, pointwise, depthwise, winograd. workspace bounds the bytes of
    working memory, which each thread keeps for its next call. threads (None: as many as there are
    cores) are for moving arrays; matrix products use those of NumPy's own library.

    >>> x, w = np.ones((2, 4, 5, 6)), np.ones((6, 2, 3, 2))
    >>> conv2d(x, w, stride=(2, 1), padding=(1, 0), groups=2).shape
    (2, 6, 3, 5)
    """
    x, w, b = _arrays(x, w, b)
    N, G, F, C, axes = _same_layer(_layer, x, w, b, stride, padding, dilation, groups, ndim=2)
    # H, K, O, s, d, p on each
    axes = [tuple(axis[:6]) for axis in axes]
    # groups get an axis of their own; F and C count inside one group
    x = x.reshape(N, G, C, *x.shape[2:])
    w = w.reshape(G, F, C, *w.shape[2:])
    y = np.empty((N, G, F, *(axis[2] for axis in axes)), x.dtype)
    _make_y(x, w, b, y, axes, algorithm, workspace, threads)
    return y.reshape(N, G * F, *y.shape[3:])


def conv2d_backward(
    dy, x, w, stride=1, padding=0, dilation=1, groups=1, algorithm="auto", workspace=64 << 20,
    threads=None,
):
    """dx, dw, db: the gradients by x, w, b of a loss whose gradient by y is dy.

    dy (N, F, O0, O1); dx, dw and db have the shapes of x, w and b. The other parameters are those
    of conv2d.
    """
    dy, x, w = _arrays(dy, x, w)
    N, G, F, C, axes = _same_layer(_layer, x, w, None, stride, padding, dilation, groups, ndim=2)
    # H, K, O, s, d, p on each
    axes = [tuple(axis[:6]) for axis in axes]
    _check_shape("dy", dy, (N, G * F, *(axis[2] for axis in axes)))
    db = _bias_gradient(dy, threads)
    # groups get an axis of their own; F and C count inside one group
    dy = dy.reshape(N, G, F, *dy.shape[2:])
    x = x.reshape(N, G, C, *x.shape[2:])
    w = w.reshape(G, F, C, *w.shape[2:])
    dx = np.empty(x.shape, x.dtype)
    dw = np.empty(w.shape, w.dtype)
    _make_gradients(dy, x, w, dx, dw, axes, algorithm, workspace, threads)
    return dx.reshape(N, G * C, *x.shape[3:]), dw.reshape(G * F, C, *w.shape[3:]), db


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


def _layer(x, w, b, stride, padding, dilation, groups, ndim):
    """N, G, F, C (F and C of one group) and, on each axis, H, K, O, s, d, p, q."""
    window = _window(x, w, stride, dilation, groups, ndim)
    same = isinstance(padding, str) and padding == "same"
    pads = _same(window) if same else _pairs(padding, ndim)
    if x.shape[1] != w.shape[1] * groups:
        raise ValueError(
            f"x {x.shape} has {x.shape[1]} channels, but w {w.shape} (F, C/groups, ...) "
            f"with groups {groups} takes {w.shape[1] * groups}"
        )
    _check_shape("b", b, (w.shape[0],))
    axes = []
    for axis, (H, (K, s, d), (p, q)) in enumerate(zip(x.shape[2:], window, pads)):
        O = _output_size(H, K, s, d, p, q)
        if O < 1:
            raise ValueError(
                f"x {x.shape}, w {w.shape}: kernel {K} with dilation {d} spans {_span(K, d)}, "
                f"but input {H} with padding ({p}, {q}) has only {H + p + q} on axis {axis}"
            )
        axes.append((H, K, O, s, d, p, q))
    return x.shape[0], int(groups), w.shape[0] // int(groups), w.shape[1], axes


def _make_y(x, w, b, y, axes, algorithm, workspace, threads):
    """y[n, g, f, o] = b[g, f] + sum over (c, k) of w[g, f, c, k] * x[n, g, c, s*o + d*k - p]."""
    workspace, threads = _limits(workspace, threads)
    G, F, C = w.shape[:3]
    how = _chosen(algorithm, "y", len(x), G, F, C, axes, x.dtype, threads)
    make = _WAYS[how][0]
    make(x, w, None if b is None else b.reshape(*w.shape[:2], 1), y, axes, workspace, threads)


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
    reach = prod(s * (O + d * (K - 1) // s) for _, K, O, s, d, _ in axes)
    # few enough groups at a time that rows, sum and product stay in the fastest caches
    groups = max(1, min(G, _BLOCK // 8 // max(1, 3 * reach * x.itemsize)))
    parts = [(n, slice(g, min(g + groups, G))) for n in range(len(x)) for g in range(0, G, groups)]

    def make(i):
        n, g = parts[i]
        for _, o, flat, starts, length, cut, take in _rows_of(
            x[n : n + 1, g], axes, _room(workspace, threads), 1, 1
        ):
            total, part = take((flat.shape[1], prod(cut))), take((flat.shape[1], length))
            for f in range(F):
                run = total[:, :length]
                for k, start in starts:
                    first = start == starts[0][1]
                    weight = w[(g, f, 0, *k)][:, None]
                    np.multiply(
                        flat[0, :, 0, start : start + length], weight, out=run if first else part
                    )
                    if not first:
                        run += part
                if b is not None:
                    run += b[g, f]
                place = y[n, g, f, o]
                whole = total.reshape(-1, *cut)
                place[...] = whole[(..., *(slice(size) for size in place.shape[1:]))]

    _parallel(make, len(parts), threads if x.size > _SMALL else 1)


def _elementwise_dw(dy, x, dw, axes, workspace, threads):
    """One channel a group: dw[g, f, k] is the scalar product of dy with the run of tap k, row by
    row end to end.
    """
    G, F = dw.shape[:2]
    sums = np.zeros((len(x), *dw.shape), dw.dtype)
    reach = prod(s * (O + d * (K - 1) // s) for _, K, O, s, d, _ in axes)
    groups = max(1, min(G, _BLOCK // 8 // max(1, 2 * reach * x.itemsize)))
    parts = [(n, slice(g, min(g + groups, G))) for n in range(len(x)) for g in range(0, G, groups)]

    def make(i):
        n, g = parts[i]
        for _, o, flat, starts, length, cut, take in _rows_of(
            x[n : n + 1, g], axes, _room(workspace, threads), 1, 1
        ):
            slopes = take((flat.shape[1], prod(cut)))
            slopes[...] = 0
            whole = slopes.reshape(-1, *cut)
            for f in range(F):
                place = dy[n, g, f, o]
                whole[(..., *(slice(size) for size in place.shape[1:]))] = place
                for k, start in starts:
                    run = flat[0, :, 0, start : start + length]
                    sums[(n, g, f, 0, *k)] += (slopes[:, None, :length] @ run[:, :, None])[:, 0, 0]

    _parallel(make, len(parts), threads if x.size > _SMALL else 1)
    np.sum(sums, axis=0, out=dw)


def _winograd_y(x, w, b, y, axes, workspace, threads):
    """y = A (U V): tiles of x and the weights transformed, a matrix product for each row of the
    algorithm, and back.
    """
    tiles, (A, G, B), denominators = _algorithms(axes)
    groups, F, C = w.shape[:3]
    products = prod(map(len, G))
    used = products * w[..., *[0] * len(axes)].nbytes + 64
    if (
        used > workspace // 2 and groups * F > 1
    ):  # the transformed weights take too much: fewer filters at a time
        for g, f in _halves(groups, F):
            bias = None if b is None else b[g, f]
            _winograd_y(x[:, g], w[g, f], bias, y[:, g, f], axes, workspace, threads)
        return
    kept = _buffer(workspace)
    U = _weights(w, G, denominators, _within(kept[:used], x.dtype), workspace, threads)
    a = x.reshape(len(x), groups * C, *x.shape[3:])
    target = y.reshape(len(y), groups * F, *y.shape[3:])
    for n, rows in _tile_blocks(
        axes, tiles, len(x), products * groups * (C + F), x.itemsize, workspace
    ):
        take = _within(kept[used:], x.dtype)
        V = _make_tiles(a, n, rows, B, _cut(axes, tiles, True), take, workspace, threads)
        M = _products(V, U, groups, take, "c")
        _lay_tiles(
            M,
            n,
            rows,
            A,
            _cut(axes, tiles, False),
            None if b is None else b.reshape(-1),
            target,
            workspace,
            threads,
        )


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


def _same(window):
    """The padding that leaves y as large as x, an odd row after; stride 1 only."""
    if any(s != 1 for _, s, _ in window):
        raise ValueError("padding 'same' needs stride 1; give the padding in numbers")
    return [((_span(K, d) - 1) // 2, _span(K, d) // 2) for K, _, d in window]


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


def _output_size(H, K, s, d, p, q):
    """How often the kernel fits: the rows of y on one axis."""
    return (H + p + q - (d * (K - 1) + 1)) // s + 1


def _span(K, d):
    """Rows covered by a kernel of K taps, d apart."""
    return d * (K - 1) + 1


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


def _winograd_backward(dy, x, w, dx, dw, axes, workspace, threads):
    """dx = B^T (U Z) and dw = G^T (Z V), whichever is not None: the other two readings of the
    same products.
    """
    tiles, (A, G, B), denominators = _algorithms(axes)
    groups, F, C = w.shape[:3]
    products, count = prod(map(len, G)), len(axes)
    size = products * w[..., *[0] * count].nbytes + 64
    if size > workspace // 4 and groups * C > 1:  # fewer channels of x at a time
        for g, c in _halves(groups, C):
            part = None if dx is None else dx[:, g, c], None if dw is None else dw[g, :, c]
            a = None if dw is None else x[:, g, c]
            _winograd_backward(dy[:, g], a, w[g, :, c], *part, axes, workspace, threads)
        return
    kept = _buffer(workspace)
    weights = _within(kept[: 2 * size], dy.dtype)
    U = (
        None
        if dx is None
        else np.swapaxes(_weights(w, G, denominators, weights, workspace, threads), -1, -2)
    )
    total = weights((products, groups, C, F))
    total[...] = 0
    inputs, outputs = _cut(axes, tiles, True), _cut(axes, tiles, False)
    slopes = dy.reshape(len(dy), groups * F, *dy.shape[3:])
    a = None if dw is None else x.reshape(len(x), groups * C, *x.shape[3:])
    target = None if dx is None else dx.reshape(len(dx), groups * C, *dx.shape[3:])
    if dx is not None and any(H > O + d * (K - 1) - p for H, K, O, _, d, p in axes):
        dx[...] = 0  # rows that no window reaches
    for n, rows in _tile_blocks(
        axes, tiles, len(dy), products * groups * (C + F), dy.itemsize, workspace
    ):
        take = _within(kept[2 * size :], dy.dtype)
        Z = _make_tiles(slopes, n, rows, _transposed(A), outputs, take, workspace, threads)
        if dw is not None:
            V = _make_tiles(a, n, rows, B, inputs, take, workspace, threads)
            total += _products(V, Z, groups, take, "places")
        if U is not None:
            if rows.start == 0 and rows.stop < outputs[0][4]:
                target[n] = 0  # tiles of the next block reach into the rows of this one
            P = _products(Z, U, groups, take, "c")
            _lay_tiles(P, n, rows, _transposed(B), inputs, None, target, workspace, threads)
    if dw is not None:
        sums = total.reshape(*map(len, G), groups, C, F)
        _divided(sums, denominators)
        found = np.empty((*dw.shape[3:], groups, C, F), dw.dtype)
        _along(_transposed(G), sums, found, _within(kept[2 * size :], dw.dtype))
        dw[...] = found.transpose(count, count + 2, count + 1, *range(count))


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
    """Seven eighths of the workspace, for what a call shares out among its threads."""
    return _kept("buffer", workspace - workspace // 8)


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


def _room(workspace, threads):
    """What one of so many threads works in alone: its share of the last eighth."""
    return _kept("room", workspace // 8 // threads)


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


def _weights(w, G, denominators, take, workspace, threads):
    """U = G w (*products, g, c, f)."""
    groups, F, C, *taps = w.shape
    U = take((*map(len, G), groups, C, F))
    few = max(1, workspace // 8 // threads // (8 * prod(map(len, G)) * F * w.itemsize))
    parts = [(g, slice(c, min(c + few, C))) for g in range(groups) for c in range(0, C, few)]

    def make(i, room):
        g, c = parts[i]
        # taps first, so that the sums are long runs
        a = room((*taps, c.stop - c.start, F))
        np.copyto(a, np.moveaxis(w[g, :, c], (0, 1), (-1, -2)))
        _along(G, a, U[(*[slice(None)] * len(G), g, c)], room)

    _shared(len(parts), workspace, threads if U.size > _SMALL else 1, w.dtype, make)
    _divided(U, denominators)
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


def _tile_blocks(axes, tiles, images, numbers, itemsize, workspace):
    """(images, tile rows of the first axis) of blocks whose transformed arrays, so many numbers a
    place, stay bounded.
    """
    cut = _cut(axes, tiles, False)
    places = prod(T * d for _, _, d, _, T in cut)
    return _blocks(images, cut[0][4], places * numbers * itemsize, min(_TILES, workspace // 4))


def _make_tiles(a, n, rows, matrices, cut, take, workspace, threads):
    """:func:`_spread` for the images and tile rows of a block, on all threads: (*products, n,
    tiles and residues, channels).
    """
    space = [
        size
        for T, d in zip([rows.stop - rows.start, *(T for *_, T in cut[1:])], (c[2] for c in cut))
        for size in (T, d)
    ]
    V = take((*map(len, matrices), n.stop - n.start, *space, a.shape[1]))
    # so many tile rows at a time that a thread's room holds them, and the caches
    each = (
        4
        * prod(T * d * m for _, _, d, m, T in cut[1:])
        * cut[0][2]
        * len(matrices[0][0])
        * a.shape[1]
        * a.itemsize
    )
    few = max(
        1,
        min(
            workspace // 8 // threads // max(1, each),
            -(-(rows.stop - rows.start) * (n.stop - n.start) // threads),
        ),
    )
    parts = [
        (i, slice(t, min(t + few, rows.stop)))
        for i in range(n.start, n.stop)
        for t in range(rows.start, rows.stop, few)
    ]
    every = (slice(None),) * len(matrices)

    def make(i, own):
        image, t = parts[i]
        part = V[(*every, image - n.start, slice(t.start - rows.start, t.stop - rows.start))]
        _spread(a, image, t, matrices, cut, part, own)

    _shared(len(parts), workspace, threads if V.size > _SMALL else 1, a.dtype, make)
    return V


def _cut(axes, tiles, offset):
    """H, p, d, m and the number of tiles on each axis: of x, or (without offset) of y."""
    return [
        (H if offset else O, p if offset else 0, d, m, -(-O // (d * m)))
        for (H, _, O, _, d, p), m in zip(axes, tiles)
    ]


def _products(a, b, groups, take, over):
    """The matrix products between channels, one for each row of the algorithm and group.

    ``a`` is (*products, n, tiles and residues, groups and channels). ``over`` says what is summed:
    "c", channels of the group, with weights b (*products, g, c, f) to an array of a's kind; or
    "places", with b of a's kind, to weights.
    """
    count = b.ndim - 3 if over == "c" else (a.ndim - 2) // 3
    rows = prod(a.shape[:count])

    def grouped(tiles):  # (products, groups, places, channels of a group)
        return tiles.reshape(rows, -1, groups, tiles.shape[-1] // groups).swapaxes(1, 2)

    if over == "c":
        made = take((*a.shape[:-1], groups * b.shape[-1]))
        np.matmul(grouped(a), b.reshape(rows, groups, *b.shape[-2:]), out=grouped(made))
        return made
    return np.matmul(
        grouped(a).swapaxes(2, 3),
        grouped(b),
        out=take((rows, groups, a.shape[-1] // groups, b.shape[-1] // groups)),
    )


def _lay_tiles(M, n, rows, matrices, cut, b, target, workspace, threads):
    """:func:`_collect` and :func:`_put` for the images and tile rows of a block, on all threads."""
    (_, _, d, m, T), count = cut[0], len(matrices)
    beyond = -((m - len(matrices[0])) // m)
    whole = rows.stop - rows.start == T
    stop = rows.stop + beyond
    each = (
        4
        * prod(T * d * m for _, _, d, m, T in cut[1:])
        * d
        * len(matrices[0])
        * M.shape[-1]
        * M.itemsize
    )
    few = max(
        1,
        min(
            workspace // 8 // threads // max(1, each),
            -(-(stop - rows.start) * (n.stop - n.start) // threads),
        ),
    )
    parts = [
        (i, slice(t, min(t + few, stop)))
        for i in range(n.start, n.stop)
        for t in range(rows.start, stop, few)
    ]

    def lay(i, own):
        image, t = parts[i]
        tiles = M[(*[slice(None)] * count, image - n.start)]
        made = _collect(tiles, rows.start, t, matrices, cut, b, own)
        _put(made, target[image], cut, t, add=bool(beyond) and not whole)

    _shared(len(parts), workspace, threads if M.size > _SMALL else 1, M.dtype, lay)


def _per_axis(name, value, ndim, least):
    """``value`` as one whole number for each axis."""
    values = tuple(value) if np.ndim(value) else (value,) * ndim
    if len(values) != ndim or any(int(v) != v or v < least for v in values):
        raise ValueError(f"{name} {value!r} must be one whole number >= {least}, or {ndim} of them")
    return tuple(int(v) for v in values)


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


def _along(matrices, a, out, take):
    """``out`` = the matrices applied along the first axes of ``a``."""
    count = len(matrices)
    for axis in reversed(range(count)):
        # what is transformed goes first, so that the next axis stands in place count - 1, whichever
        # it is
        values = [a[(slice(None),) * (count - 1) + (j,)] for j in range(a.shape[count - 1])]
        made = out if axis == 0 else take((len(matrices[axis]), *values[0].shape))
        _applied(matrices[axis], values, made, take)
        a = made


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


def _shared(count, workspace, threads, dtype, task):
    """task(i, take) for i in range(count), each thread with a room of its own to take from."""
    _parallel(lambda i: task(i, _within(_room(workspace, threads), dtype)), count, threads)


def _spread(a, n, rows, matrices, cut, out, take):
    """The tiles of image n of ``a`` (N, channels, *H), transformed: V = B x, or Z = A^T dy.

    ``cut`` says H, p, d, m and the number of tiles on each axis; ``rows`` are the tiles of the
    first axis that are made. ``out`` is (*products, tiles and residues of each axis, channels). The
    axes are transformed from the last to the first.
    """
    count, (start, stop, _) = len(cut), rows.indices(cut[0][4])
    begin = [start] + [0] * (count - 1)
    tiles = [stop - start, *(T for *_, T in cut[1:])]
    beyond = [-((m - len(matrix[0])) // m) for matrix, (_, _, _, m, _) in zip(matrices, cut)]
    long = [T + more for T, more in zip(tiles, beyond)]
    # the padded rows, channels last; on the last axis (place in tile, tile, residue), so that what
    # is added is long runs
    (_, _, d, m, _) = cut[-1]
    shape = [T * axis[3] * axis[2] for T, axis in zip(long[:-1], cut)]
    padded = take((*shape, m, long[-1], d, a.shape[1]))
    padded[...] = 0
    lead = [
        _reach(axis[2] * axis[3] * t - axis[1], 1, size, axis[0])
        for axis, t, size in zip(cut, begin, shape)
    ]
    for i, e in np.ndindex(m, d):
        last = _reach(d * (m * begin[-1] + i) + e - cut[-1][1], d * m, long[-1], cut[-1][0])
        source = (n, slice(None), *(h for _, h in lead), last[1])
        padded[(*(q for q, _ in lead), i, last[0], e)] = np.moveaxis(a[source], 0, -1)
    values = [
        padded[..., j % m, j // m : j // m + tiles[-1], :, :] for j in range(len(matrices[-1][0]))
    ]
    for axis in reversed(range(count)):
        matrix = matrices[axis]
        made = out if axis == 0 else take((len(matrix), *values[0].shape))
        _applied(matrix, values, made, take)
        if axis:  # the next axis stands in place count - 1, whichever it is
            (_, _, d, m, _) = cut[axis - 1]
            apart = made.reshape(
                *made.shape[: count - 1], long[axis - 1], m, d, *made.shape[count:]
            )
            every = (slice(None),) * (count - 1)
            values = [
                apart[(*every, slice(j // m, j // m + tiles[axis - 1]), j % m)]
                for j in range(len(matrices[axis - 1][0]))
            ]


def _collect(a, first, rows, matrices, cut, b, take):
    """Tiles transformed back and laid where they belong, overlapping ones added: y = A M, or dx =
    B^T P.

    ``a`` is (*products, tiles and residues of each axis, channels) with the tiles from ``first`` on
    on the first axis; the result is (*places, channels) for the tiles ``rows`` of the first axis,
    with ``b`` added.
    """
    count = len(cut)
    for axis, (matrix, (_, _, d, m, T)) in enumerate(zip(matrices, cut)):
        beyond = -((m - len(matrix)) // m)
        start, stop, begin = (rows.start, rows.stop, first) if axis == 0 else (0, T + beyond, 0)
        # the tiles that reach into these rows stand in place count - 1 - axis, after what is left
        # of the products
        tiles = slice(max(0, start - beyond - begin), stop - begin)
        every = (slice(None),) * (count - 1)
        values = [each[(*every, tiles)] for each in a]
        made = take((len(matrix), *values[0].shape))
        _applied(matrix, values, made, take)
        there = range(begin + tiles.start, begin + tiles.start + values[0].shape[count - 1])
        laid = take((*made.shape[1:count], stop - start, m, *made.shape[count + 1 :]))
        if beyond:
            laid[...] = 0
        for j, each in enumerate(made):
            reached = range(max(start, there.start + j // m), min(stop, there.stop + j // m))
            if not reached:
                continue
            place = laid[(*every, slice(reached.start - start, reached.stop - start), j % m)]
            from_tile = reached.start - j // m - there.start
            part = each[(*every, slice(from_tile, from_tile + len(reached)))]
            if beyond:
                place += part
            elif b is not None and axis == count - 1:
                np.add(part, b, out=place)
            else:
                place[...] = part
        a = laid.reshape(*laid.shape[: count - 1], (stop - start) * m * d, *laid.shape[count + 2 :])
    return a


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
        return 2000 + sum(
            _nanoseconds(how, "y", N, G, C, F, phase, dtype, threads) for phase in each
        )
    # half as many numbers of twice the bytes are multiplied in the same time
    wide = max(1, dtype.itemsize // 4)
    rate = 200 * threads / wide
    taps, places = prod(K for _, K, _, _, _, _ in axes), prod(O for _, _, O, _, _, _ in axes)
    reach = prod(s * (O + d * (K - 1) // s) for _, K, O, s, d, _ in axes)
    work = 2 * N * G * F * C * taps * places
    full = F / (F + 8)  # narrow matrices keep the processor less busy
    runs = (
        wide * (0.12 + 4 / axes[-1][2]) / threads
    )  # to gather one number, in runs of a row's windows
    if how == "pointwise":
        return work / (rate * full) + 3000 + N * 500
    if how == "depthwise":
        calls = N * max(1, G * 24 * reach * wide / _BLOCK) * taps * 2
        passes = 0.09 if target == "dw" else 0.15
        return (
            N * G * F * reach * (taps * passes + 0.5) * wide / threads
            + calls * 700 / threads
            + 20_000
        )
    if how == "rows":
        waste = reach / max(1, places)
        inner = C / (C + 8) if target == "y" else 0.7
        adding = N * G * F * reach * (taps - 1) * 0.12 * wide if target == "y" else 0.0
        moves = N * G * (C + F) * reach * 0.25 * wide / threads
        return work * waste / (rate * full * inner) + adding + moves + N * taps * 2500 + 15_000
    if how == "winograd":
        return _tiled(target, N, G, F, C, axes, wide, threads)
    numbers = N * G * C * taps * places
    block = max(1, numbers * dtype.itemsize / _BLOCK)
    calls = 6 if numbers < _SMALL else taps + 6  # a few numbers are gathered in one call
    moved = numbers * runs + N * G * C * reach * 0.3 * wide / threads
    put = N * G * F * places * 0.1 * wide / threads
    if how == "scatter" and target == "dx":
        moved, calls = numbers * 2.2 * runs, 3 * taps + 6
    if how == "windows":
        moved = moved * threads * 1.5 + N * G * F * places * 0.5 * wide
        calls = 10 * G
    return work / (rate * full) + moved + put + block * calls * 1500 + 12_000


def _applied(matrix, values, out, take):
    """out[i] = row i of the matrix times ``values``."""
    passes = _passes(matrix)
    _apply(passes, values, out, take((1 + sum(row is None for row, _ in passes), *values[0].shape)))


def _pieces(images, channels, threads):
    """The images shared out among threads, or the channels where there is one image."""
    whole = slice(None)
    if threads < 2:
        return [(whole, whole)]
    count = images if images > 1 else channels
    cuts = [slice(count * i // threads, count * (i + 1) // threads) for i in range(threads)]
    return [(cut, whole) if images > 1 else (whole, cut) for cut in cuts]


def _reach(start, step, count, size):
    """The i, 0 <= i < count, with 0 <= start + step*i < size, and these rows: two slices."""
    first = max(0, -(start // step))
    last = max(first, min(count, (size - 1 - start) // step + 1))
    return slice(first, last), slice(start + step * first, start + step * last, step)


def _tap(k, axes):
    """Where in ``_planes`` tap k finds x[n, g, c, s*o + d*k - p], every o: residues, slices."""
    residues = [d * j % s for j, (_, _, _, s, d, _) in zip(k, axes)]
    starts = [d * j // s for j, (_, _, _, s, d, _) in zip(k, axes)]
    return residues + [slice(i, i + axis[2]) for i, axis in zip(starts, axes)]


def _tiled(target, N, G, F, C, axes, wide, threads):
    """What Winograd costs: transforms of tiles and weights, and the products that are left."""
    tiles = [_tile(K, -(-O // d)) for _, K, O, _, d, _ in axes]
    rows = prod(m + K - 1 for m, (_, K, _, _, _, _) in zip(tiles, axes))
    places = N * prod(d * -(-O // (d * m)) for m, (_, _, O, _, d, _) in zip(tiles, axes))
    numbers = rows * places
    products = 2 * numbers * G * F * C / (200 * threads / wide * F / (F + 12) * C / (C + 12))
    weights = (
        rows * G * F * C * 0.5 * wide / threads
        + G * F * C * prod(K for _, K, _, _, _, _ in axes) * wide / threads
    )
    passes = 0.5 * len(axes) * wide / threads
    moved = (
        {"y": C + 0.8 * F, "dx": 1.3 * C + 0.8 * F, "dw": C + 0.8 * F}[target]
        * numbers
        * G
        * passes
    )
    return (
        products
        + weights
        + moved
        + 60_000 * len(axes) * max(1, numbers * G * (C + F) * 4 * wide / (8 << 20))
    )


def _passes(matrix):
    """:func:`_find_passes`, once for each matrix."""
    if matrix not in _PASSES:
        _PASSES[matrix] = _find_passes(matrix)
    return _PASSES[matrix]


def _apply(passes, values, results, spare):
    """results[i] = row i of the matrix times ``values``; ``spare`` holds arrays of their shape to
    work in.
    """
    known = list(values)
    for row, terms in passes:
        shared = len(known) - len(values)
        new = spare[shared + 1] if row is None else results[row]
        # a term with a factor goes first, so that the others need no product of their own
        (j, c), *rest = sorted(terms, key=lambda term: abs(term[1]) == 1)
        if rest and c == 1 and abs(rest[0][1]) == 1:
            k, sign = rest.pop(0)
            (np.add if sign == 1 else np.subtract)(known[j], known[k], out=new)
        elif c == 1:
            np.copyto(new, known[j])
        else:
            np.multiply(known[j], c, out=new)
        for k, factor in rest:
            if abs(factor) == 1:
                (np.add if factor == 1 else np.subtract)(new, known[k], out=new)
            else:
                np.multiply(known[k], factor, out=spare[0])
                np.add(new, spare[0], out=new)
        if row is None:
            known.append(new)


def _find_passes(matrix):
    """The product of ``matrix`` with a list of values as sums, each of earlier values; shared parts
    are made once.

    Points +a and -a of the interpolation leave pairs of columns, or of rows, that agree but for
    signs. Of such columns the rows need the sum and the difference; such rows are the sum and the
    difference of what they agree and disagree in.
    """
    rows = [{j: c for j, c in enumerate(row) if c} for row in matrix]
    made = []
    count = len(matrix[0])
    for j, k in sorted(combinations(range(count), 2), key=lambda pair: pair[1]):
        pairs = [(row.get(j, 0), row.get(k, 0)) for row in rows]
        if all(abs(a) == abs(b) for a, b in pairs) and sum(a != 0 for a, _ in pairs) > 2:
            total = count + len(made)
            made += [(None, ((j, 1), (k, 1))), (None, ((j, 1), (k, -1)))]
            for row, (a, b) in zip(rows, pairs):
                if a:
                    del row[j], row[k]
                    row[total if a == b else total + 1] = a
    for i, l in sorted(combinations(range(len(rows)), 2), key=lambda pair: pair[1]):
        one, two = rows[i], rows[l]
        agree = {j: c for j, c in one.items() if two.get(j) == c}
        differ = {j: c for j, c in one.items() if two.get(j) == -c}
        if agree and differ and len(one) == len(two) == len(agree) + len(differ) > 2:
            part = count + len(made)
            made += [(None, tuple(agree.items())), (None, tuple(differ.items()))]
            rows[i], rows[l] = {part: 1, part + 1: 1}, {part: 1, part + 1: -1}
    return made + [(i, tuple(row.items())) for i, row in enumerate(rows)]


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
