"""Convolution in 3-D and its gradients: the file to use, fast on every kind of layer.

    L = sum of dy[n, f, o] * w[f, c, k] * x[n, c, m]  over  m = s*o + d*k - p

On each axis o, k and m run over 0 <= o < O, 0 <= k < K, 0 <= m < H (s stride, d dilation, p padding
before). The factor left out gives the array: dy for y, x for dx, w for dw; y has b[f] added, and db
is the sum of dy. Channels are summed inside their group.

Several schedules stand in this file; a small model of what each costs chooses for y, dx and dw by
the layer. What multiplies is a matrix product, and what is in use stays in the caches. In rows,
depthwise and winograd each thread does all of a part of the layer, in products so small that
NumPy's library does not share them out once more.

The schedules, by what each makes of the indices:

- blocked (any layer): n as many as fit a block; o columns of a matrix product, in blocks that stay
  in the caches; k gathered beside c: the rows m = s*o + d*k - p of x become columns (o) of a
  matrix; f rows, c and k summed over by one matrix product. Right because dx is y of dy by the
  phases of the stride: m + p = s*i + e fixes k modulo s, and then o.
- scatter (any layer): n as many as fit a block; o columns of a matrix product; k rows beside c,
  each added to dx where blocked gathers it; f summed over by one matrix product. Right because it
  is the adjoint of gathering; y and dw are blocked.
- rows (any layer): n shared out among threads, and in columns beside o; o first axis: a stack of
  products, each of the rows of x that it meets, which overlap; others: columns; k first axis: rows
  below each other, never copied; others: copied beside c, or the same rows begun elsewhere; f rows,
  c summed over together with k; for dw rows of dy times rows of x, channels last. Right because row
  s*o + d*k - p of x is row o's first one and k more in steps of d, and one step to the right is one
  tap on.
- windows (any layer): n as many as fit the workspace; o axes of a sliding window view; k axes of
  the same view; c and k summed over by tensordot. Right because the view is R itself: entry (o, k)
  is row s*o + d*k - p.
- pointwise (one tap, stride 1, no padding): n Python's part of a stacked matrix product; o columns
  where they lie; k one tap: m = o; f rows, c summed over. Right because with one tap, stride 1 and
  no padding R is the identity.
- depthwise (one channel of x for each group): n as in rows; o first axis: four at a time, the rows
  of one product; others: columns; k first axis: a band of the weights' matrix, zero where o does
  not meet the row; others: copied; nothing to sum over but taps. Right because it is rows with
  several o in one product.
- winograd (stride 1, floating point, taps that have an algorithm here): n shared out among threads;
  o tiles of m on each axis, transformed by A an axis at a time; k transformed by G; f and c last: a
  matrix product for each row of the algorithm. Right because sum over q of A[o, q] G[q, k] B[q, i]
  = [i = o + k], checked exactly where the matrices were derived; y and dw leave out one factor
  each, and dx is y of dy.
- fft (real floating point): n some at a time; o frequencies of a transform over a period that no
  window leaves; k the same frequencies; f and c: a matrix product at each frequency. Right because
  entry s*o of the cyclic sum over rows and taps d apart is y, and entry d*k of that over rows and
  dy s apart dw.

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
Layers: in3x4x5-k2x1x3-n2c2f6-s1x2x3-p1_0x2_0x3_2-d2x1x1-g2,
in4x3x2-k2x3x2-s3x1x2-p0_2x2x1_0-d1x2x1, in3x6x5-k1x3x2-n1c2f1-p0x1x1_0.

These checks cover the layers named; they are no proof for every size.
"""

import ctypes
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import product
from math import gcd, prod

import numpy as np

__all__ = ["conv3d", "conv3d_backward", "conv_forward", "conv_backward"]

# working memory that a thread keeps from call to call
_KEPT = threading.local()

# threads that copy and transform, by process and number
_POOLS = {}

# threads and the core they are kept off
_PLACES = {}

# matrices of algorithms as arrays, by these and dtype
_MATRICES = {}

# which schedule was chosen, by layer
_CHOSEN = {}

# sizes of layers, by shapes and parameters
_LAYERS = {}

# fewer numbers are gathered in one call
_SMALL = 400000

# fewer channels, and half as many filters of a thread, are few
_FEW = 16

# columns of a product of rows
_PIECE = 64

# more columns are cut in pieces
_WIDE = 256

# bytes that a thread should work on at least
_LEAST = 2 << 20

# multiplications of a matrix product that is made on the calling thread alone
_LIMIT = 500000

# bytes of columns at a time, which stay in the caches
_BLOCK = 8 << 20

# bytes of rows and sums at a time
_ROWS = 8 << 20

# bytes of transformed tiles at a time
_TILES = 16 << 20


def conv3d(
    x, w, b=None, stride=1, padding=0, dilation=1, groups=1, algorithm="auto", workspace=64 << 20,
    threads=None,
):
    """y: every filter of w slid over x, plus b.

    x (N, C, H0, H1, H2), w (F, C/groups, K0, K1, K2), b (F,) or None; y (N, F, O0, O1, O2). stride,
    dilation: a number, or one for each axis; padding also (before, after) pairs, or "same" or
    "valid". ValueError, with the shapes, where these make no layer.

    algorithm is auto, direct (auto without winograd and fft: the terms are added as they are), or
    one of blocked, scatter, rows, windows, pointwise, depthwise, winograd, fft. workspace bounds
    the bytes of working memory, which the calling thread keeps for its next call. threads (None: as
    many as there are cores) share out images, rows or filters in rows, depthwise and winograd; the
    matrix products of the other schedules use the threads of NumPy's own library.

    >>> x, w = np.ones((2, 4, 5, 6, 7)), np.ones((6, 2, 3, 2, 4))
    >>> conv3d(x, w, stride=(2, 1, 3), padding=(1, 0, 2), groups=2).shape
    (2, 6, 3, 5, 3)
    """
    x, w, b = _arrays(x, w, b)
    N, G, F, C, axes = _same_layer(_layer, x, w, b, stride, padding, dilation, groups, ndim=3)
    # H, K, O, s, d, p on each
    axes = [tuple(axis[:6]) for axis in axes]
    # groups get an axis of their own; F and C count inside one group
    x = x.reshape(N, G, C, *x.shape[2:])
    w = w.reshape(G, F, C, *w.shape[2:])
    y = np.empty((N, G, F, *(axis[2] for axis in axes)), x.dtype)
    _make_y(x, w, b, y, axes, algorithm, workspace, threads)
    return y.reshape(N, G * F, *y.shape[3:])


def conv3d_backward(
    dy, x, w, stride=1, padding=0, dilation=1, groups=1, algorithm="auto", workspace=64 << 20,
    threads=None,
):
    """dx, dw, db: the gradients by x, w, b of a loss whose gradient by y is dy.

    dy (N, F, O0, O1, O2); dx, dw and db have the shapes of x, w and b. The other parameters are
    those of conv3d.
    """
    dy, x, w = _arrays(dy, x, w)
    N, G, F, C, axes = _same_layer(_layer, x, w, None, stride, padding, dilation, groups, ndim=3)
    # H, K, O, s, d, p on each
    axes = [tuple(axis[:6]) for axis in axes]
    _check_shape("dy", dy, (N, G * F, *(axis[2] for axis in axes)))
    db = _bias_gradient(dy)
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
    return conv3d(x, w, b, **_options(conv_param)), (x, w, b, conv_param)


def conv_backward(dout, cache):
    """dx, dw, db for the cache of conv_forward; db is None where b was."""
    x, w, b, conv_param = cache
    dx, dw, db = conv3d_backward(dout, x, w, **_options(conv_param))
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


def _bias_gradient(dy):
    """db[f] = sum over (n, o) of dy[n, f, o]."""
    # image by image, because what lies together adds up fastest; with a dtype, because NumPy sums
    # small integers in a wider one
    sums = np.empty(dy.shape[:2], dy.dtype)
    for n, image in enumerate(dy):
        image.reshape(dy.shape[1], -1).sum(axis=1, dtype=dy.dtype, out=sums[n])
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
    if "dx" in wanted:
        forward, back, _ = _WAYS[how["dx"]]
        if back is None:
            _by_phases(forward, dy, w, dx, axes, workspace, threads)
        else:
            back(dy, w, dx, axes, workspace, threads)
    if "dw" in wanted:
        make = _WAYS[how["dw"]][2]
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
    for n, o, _, cols, take in _columns_of(x, axes, workspace, F):
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
        place = y[n, :, :, o]
        parts = product.reshape(G, F, len(place), *place.shape[3:])
        place[...] = np.moveaxis(parts, 2, 0)


def _blocked_dw(dy, x, dw, axes, workspace, threads):
    """dw[g, f, (c, k)] = sum over (n, o) of cols[g, (c, k), (n, o)] * dy[g, f, (n, o)], block
    after block.
    """
    G, F = dw.shape[:2]
    made = dw.reshape(G, F, -1)  # a view, or a copy where dw's entries do not lie together
    made[...] = 0
    first = True
    for n, o, _, cols, take in _columns_of(x, axes, workspace, F):
        slopes = _block_of(dy, n, o, take)
        if first:
            np.matmul(slopes, cols.swapaxes(1, 2), out=made)
        else:
            made += slopes @ cols.swapaxes(1, 2)
        first = False
    if made.base is not dw and not np.shares_memory(made, dw):
        dw[...] = made.reshape(dw.shape)


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
        _add_back(parts, dx[n], axes, o.start)


def _rows_y(x, w, b, y, axes, workspace, threads, many=1):
    """y[g, (n, o)] = sum over rows of S of weights times S, for every output of the first axis."""
    F, start = w.shape[1], [0] * len(axes)
    products = len(x) * w.size * prod(O for _, _, O, *_ in axes)
    at_once = _enough(threads, 0, products)
    # few columns: each thread has filters of its own instead of images
    columns = len(x) * prod(O for _, _, O, *_ in axes[len(axes) > 1 :])
    if columns >= 3 * _FEW * at_once or 2 * _FEW * at_once > F:
        _rows_into(x, w, b, [(slice(None), y, start)], axes, workspace, threads, many)
        return

    def make(i):
        f = slice(F * i // at_once, F * (i + 1) // at_once)
        own = None if b is None else b[:, f]
        memory = workspace // at_once
        _rows_into(x, w[:, f], own, [(slice(None), y[:, :, f], start)], axes, memory, 1, many)

    _parallel(make, at_once, at_once)


def _rows_dx(dy, w, dx, axes, workspace, threads, many=1):
    """dx: for all residues of m modulo the stride at once, or by phases.

    Where m + p = s*i + e, and d is 1, tap k = e + s*j meets output o = i - j: every residue e is a
    filter of its own of one layer with taps j.
    """
    taps = [-(-K // s) for _, K, _, s, _, _ in axes]
    if all(s == 1 for _, _, _, s, *_ in axes) or not _at_once(axes):
        make = _rows_y if many == 1 else _depthwise_y
        _by_phases(make, dy, w, dx, axes, workspace, threads)
        return
    G, F, C = w.shape[:3]
    found, layer = [], []
    for J, (H, _, O, s, d, p) in zip(taps, axes):
        rows = [((e - p) % s, e) for e in range(s) if (e - p) % s < H]
        begins = [(row + p - e) // s for row, e in rows]
        first = min(begins)
        last = max(i + len(range(row, H, s)) for i, (row, _) in zip(begins, rows))
        layer.append((O, J, last - first, 1, d, d * (J - 1) - first))
        found.append([(slice(row, H, s), e, s, i - first) for i, (row, e) in zip(begins, rows)])
    each = list(product(*found))
    weights = np.zeros((G, len(each) * C, F, *taps), w.dtype)
    parts = []
    for i, residues in enumerate(each):
        filters = slice(i * C, (i + 1) * C)
        turned = np.swapaxes(w, 1, 2)[(..., *(slice(e, None, s) for _, e, s, _ in residues))]
        turned = np.flip(turned, tuple(range(3, w.ndim)))
        ends = [slice(J - size, None) for J, size in zip(taps, turned.shape[3:])]
        weights[(slice(None), filters, slice(None), *ends)] = turned
        rest = tuple(row for row, *_ in residues)
        begin = [u for *_, u in residues]
        parts.append((filters, dx[(slice(None), slice(None), slice(None), *rest)], begin))
    _rows_into(dy, weights, None, parts, layer, workspace, threads, many)


def _rows_dw(dy, x, dw, axes, workspace, threads):
    """dw[k] = sum over outputs o of the first axis of dy's row o times x's row s*o + d*k - p.

    Rows of dy are (f, places), those of x (places, c), channels last, so that both lie as the
    product reads them.
    """
    if dw.shape[2] < _FEW:
        _few_dw(dy, x, dw, axes, workspace, threads)
        return
    if len(axes) == 1:
        x, dy, dw = x[:, :, :, None], dy[:, :, :, None], dw[:, :, :, None]
        axes = [(1, 1, 1, 1, 1, 0), *axes]
    G, F, C, K, *rest = dw.shape
    turns, step = _turns(axes)
    others = axes[1:]
    sizes = [O + d * (K - 1) // s for _, K, O, s, d, _ in others]
    steps = [s for _, _, _, s, _, _ in others]
    starts = [_begins(t, others, sizes) for t in np.ndindex(*rest)]
    last = max(start for _, start in starts)
    row = prod(steps) * C * prod(sizes) * G * x.itemsize
    size = axes[0][3] * row + (prod(sizes) + 64 * K) * F * G * x.itemsize
    shared = axes[0][4] * K * row
    products = len(x) * dw.size * prod(O for _, _, O, *_ in axes)
    threads = _enough(threads, size * len(x) * axes[0][2], products)
    # large weights: each thread has filters of its own, and small ones: images
    pieces = min(threads, F) if dw[0].size * 4 > x[:1].size + dy[:1].size else 1
    cuts = [slice(F * i // pieces, F * (i + 1) // pieces) for i in range(pieces)]
    lanes = 1 if pieces > 1 else threads
    shape = (len(starts), K, G, F, C)
    used = lanes * (prod(shape) * dy.itemsize + 64)
    used += -used % 64
    kept = _buffer(workspace)
    totals = _within(kept[:used], dy.dtype)((lanes, *shape))
    totals[...] = 0

    def make(unit, memory, lane):
        n, o, f = unit
        take = _within(memory, dy.dtype)
        H, _, O, _, d, p = _outputs(axes, o)[0]
        images, filters = n.stop - n.start, f.stop - f.start
        columns = images * prod(sizes)
        wide = next((c for c in (128, 120, 112, 96) if columns % c == 0), 0)
        wide = wide or (112 if columns > 224 else -(-columns // 2) if columns > 128 else columns)
        total = -(-columns // wide) * wide
        counts = [len(range(turn, O, len(turns))) for turn, _, _ in turns]
        quotients = max(first + step * (j - 1) + K for (_, _, first), j in zip(turns, counts))
        # rows of x: (e, q, residue, (n, places), (g, c))
        rows = take((d, quotients, prod(steps), total + last, G * C))
        rows[...] = 0
        cells = rows[:, :, :, :columns].reshape(d, quotients, -1, images, *sizes, G * C)
        a = x.reshape(len(x), G * C, *x.shape[3:])
        for e, (i, t) in product(range(d), enumerate(np.ndindex(*steps))):
            q, m = _reach(e - p, d, quotients, H)
            found = [
                _reach(r - p, s, size, H) for r, (H, _, _, s, _, p), size in zip(t, others, sizes)
            ]
            source = a[(n, slice(None), m, *(h for _, h in found))]
            cells[(e, q, i, slice(None), *(v for v, _ in found))] = source.transpose(
                2, 0, *range(3, source.ndim), 1
            )
        for (turn, e, first), count in zip(turns, counts):
            if not count:
                continue
            slopes = take((count, G, filters, total))
            slopes[...] = 0
            inner = slopes[..., :columns].reshape(count, G, filters, images, *sizes)
            source = dy[n, :, f, o][:, :, :, turn :: len(turns)]
            inner[(..., *(slice(O) for _, _, O, *_ in others))] = source.transpose(
                3, 1, 2, 0, *range(4, source.ndim)
            )
            left = slopes.reshape(count, 1, G, filters, total // wide, wide)
            left = left.transpose(0, 1, 2, 4, 3, 5)
            part = take((count, K, G, total // wide, min(filters, 64), min(C, 64)))
            for k, (residue, start) in enumerate(starts):
                begin = rows[e, first:, residue, start:]
                row, place, one = begin.strides
                right = _view(
                    begin,
                    (count, K, G, total // wide, wide, C),
                    (step * row, row, C * one, wide * place, place, one),
                )
                for i, j in product(range(0, filters, 64), range(0, C, 64)):
                    made = part[..., : min(64, filters - i), : min(64, C - j)]
                    np.matmul(left[..., i : i + 64, :], right[..., j : j + 64], out=made)
                    sums = totals[lane if lanes > 1 else 0, k, :, :, f][
                        :, :, i : i + 64, j : j + 64
                    ]
                    sums += made.sum(axis=(0, 3), dtype=dy.dtype)

    memory = (workspace - used) // pieces
    units = _row_units(len(dy), axes[0][2], size, shared, len(turns), memory, lanes)
    _lanes(make, [(*unit, f) for f in cuts for unit in units], kept[used:], max(pieces, lanes))
    for other in totals[1:]:
        totals[0] += other
    found = totals[0].transpose(2, 3, 4, 1, 0)
    dw[...] = found.reshape(dw.shape)


def _windows_y(x, w, b, y, axes, workspace, threads):
    """y[n, g, f, o] = sum over (c, k) of w[g, f, c, k] * windows[n, g, c, o, k], by tensordot."""
    count = len(axes)
    inner = [1, *range(2 + count, 2 + 2 * count)]
    for n, o, windows in _windows_of(x, axes, workspace):
        for g, matrix in enumerate(w):
            product = np.moveaxis(
                np.tensordot(windows[:, g], matrix, (inner, range(1, 2 + count))), -1, 1
            )
            y[n, g, :, o] = product if b is None else product + b[g].reshape(-1, *[1] * count)


def _windows_dw(dy, x, dw, axes, workspace, threads):
    """dw[g, f, c, k] = sum over (n, o) of dy[n, g, f, o] * windows[n, g, c, o, k], by tensordot."""
    count = len(axes)
    dw[...] = 0
    for n, o, windows in _windows_of(x, axes, workspace):
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


def _depthwise_y(x, w, b, y, axes, workspace, threads):
    """Groups of one channel: four outputs of the first axis at a time."""
    _rows_y(x, w, b, y, axes, workspace, threads, 4)


def _depthwise_dx(dy, w, dx, axes, workspace, threads):
    _rows_dx(dy, w, dx, axes, workspace, threads, 4)


def _depthwise_dw(dy, x, dw, axes, workspace, threads):
    _few_dw(dy, x, dw, axes, workspace, threads, 4)


def _winograd_y(x, w, b, y, axes, workspace, threads):
    """y = A (U V): tiles of x and the weights transformed, a matrix product for each row of the
    algorithm, and back.
    """
    tiles, (A, G, B), denominators = _algorithms(axes)
    groups, F, C = w.shape[:3]
    products, sums = prod(map(len, G)), w[(..., *[0] * len(axes))]
    inputs, outputs = _cut(axes, tiles, True), _cut(axes, tiles, False)
    size = _size(products * groups * (C + F) * x.itemsize, outputs)
    places = len(x) * prod(T * d for _, _, d, _, T in outputs)
    work = products * groups * places
    threads = _enough(threads, work * (C + F) * x.itemsize, work * C * F)
    used = 3 * (products * sums.nbytes + 256) + w.nbytes
    if used > workspace // 2 and groups * F > 1:  # fewer filters at a time
        for g, f in _halves(groups, F):
            bias = None if b is None else b[g, f]
            _winograd_y(x[:, g], w[g, f], bias, y[:, g, f], axes, workspace, threads)
        return
    used += -used % 64
    kept = _buffer(workspace)
    cuts = [slice(f, min(f + 64, F)) for f in range(0, F, 64)]
    U = [None] * len(cuts)
    a = x.reshape(len(x), groups * C, *x.shape[3:])
    target = y.reshape(len(y), groups * F, *y.shape[3:])
    bias = None if b is None else b.reshape(-1, *[1] * len(axes))

    def transform(i):
        piece = used // len(cuts)
        take = _within(kept[piece * i : piece * (i + 1)], x.dtype)
        U[i] = _weights(w[:, cuts[i]], G, denominators, take)

    def make(unit, memory, lane):
        n, rows = unit
        take = _within(memory, x.dtype)
        V = _spread(a, n, rows, B, inputs, take)
        M = take((*V.shape[:2], groups * F))
        few = _part(V.shape[1], _LIMIT // (C * min(F, 64)))
        images = V.reshape(products, -1, few, groups, C).transpose(0, 3, 1, 2, 4)
        sums = M.reshape(products, -1, few, groups, F).transpose(0, 3, 1, 2, 4)
        for f, weights in zip(cuts, U):
            np.matmul(images, weights[:, :, None], out=sums[..., f])
        _collect(M, n, rows, A, outputs, bias, target, take)

    _parallel(transform, len(cuts), threads)
    units = _units(len(x), outputs[0][4], size, min(_TILES, workspace // 2 // threads), threads)
    _lanes(make, units, kept[used:], threads)


def _winograd_dw(dy, x, dw, axes, workspace, threads):
    """dw = G^T (Z V): the other reading of the same products, summed over images and tiles."""
    tiles, (A, G, B), denominators = _algorithms(axes)
    groups, F, C = dw.shape[:3]
    products, count = prod(map(len, G)), len(axes)
    inputs, outputs = _cut(axes, tiles, True), _cut(axes, tiles, False)
    size = _size(products * groups * (C + F) * dy.itemsize, outputs)
    places = len(dy) * prod(T * d for _, _, d, _, T in outputs)
    work = products * groups * places
    threads = _enough(threads, work * (C + F) * dy.itemsize, work * C * F)
    sums = products * dw[(..., *[0] * count)].nbytes
    used = (threads + 2) * (sums + 256)
    if used > workspace // 2 and groups * C > 1:  # fewer channels of x at a time
        for g, c in _halves(groups, C):
            _winograd_dw(dy[:, g], x[:, g, c], dw[g, :, c], axes, workspace, threads)
        return
    used += -used % 64
    kept = _buffer(workspace)
    take = _within(kept[:used], dy.dtype)
    totals = take((threads, products, groups, F, C))
    begun = [False] * threads
    a = x.reshape(len(x), groups * C, *x.shape[3:])
    slopes = dy.reshape(len(dy), groups * F, *dy.shape[3:])

    def make(unit, memory, lane):
        take = _within(memory, dy.dtype)
        V = _spread(a, *unit, B, inputs, take)
        Z = _spread(slopes, *unit, _transposed(A), outputs, take)
        few = _part(V.shape[1], _LIMIT // (min(C, 64) * min(F, 64)))
        images = V.reshape(products, -1, few, groups, C).transpose(0, 3, 1, 2, 4)
        back = Z.reshape(products, -1, few, groups, F).transpose(0, 3, 1, 4, 2)
        part = take((products, groups, images.shape[2], min(F, 64), min(C, 64)))
        for f in range(0, F, 64):
            for c in range(0, C, 64):
                left, right = back[:, :, :, f : f + 64], images[..., c : c + 64]
                place = totals[lane, :, :, f : f + 64, c : c + 64]
                if not begun[lane] and left.shape[2] == 1:
                    np.matmul(left[:, :, 0], right[:, :, 0], out=place)
                    continue
                made = part[..., : left.shape[3], : right.shape[4]]
                np.matmul(left, right, out=made)
                if begun[lane]:
                    place += made.sum(axis=2, dtype=dy.dtype)
                else:
                    np.add.reduce(made, axis=2, dtype=dy.dtype, out=place)
        begun[lane] = True

    units = _units(len(dy), outputs[0][4], size, min(_TILES, workspace // 2 // threads), threads)
    _lanes(make, units, kept[used:], threads)
    if not begun[0]:  # no images
        totals[0] = 0
    for lane in range(1, threads):
        if begun[lane]:
            totals[0] += totals[lane]
    rest, done = totals[0], 1
    for matrix, whole in zip(G, denominators):
        # the fractions belong to the rows of G, which are summed over here
        fractions = np.swapaxes(_as_array(matrix, whole, dw.dtype), 0, 1)
        a = rest.reshape(done, len(matrix), -1)
        rest = take((done, len(fractions), a.shape[-1]))
        _along(fractions, a, rest)
        done *= len(fractions)
    found = rest.reshape(*dw.shape[3:], groups, F, C)
    dw[...] = found.transpose(count, count + 1, count + 2, *range(count))


def _fft_y(x, w, b, y, axes, workspace, threads):
    """y[n, g, f, o] at s*o of the cyclic sum, some filters, channels and images at a time."""
    G, F, C = w.shape[:3]
    sizes, most = _spectra(axes, workspace, x.itemsize)
    few = max(1, min(F, most // (G * C)))
    many = max(1, most // (G * (C + few)))
    steps = [slice(0, s * (O - 1) + 1, s) for _, _, O, s, _, _ in axes]
    for n in range(0, len(x), many):
        rows = _padded(x[n : n + many], axes, _within(_buffer(workspace), x.dtype))
        whole = _spectrum(np.swapaxes(rows, 0, 1), sizes)
        for f in range(0, F, few):
            taps = _zeros_between(w[:, f : f + few], [d for *_, d, _ in axes])
            made = _cyclic(whole, taps, sizes)
            place = y[n : n + many, :, f : f + few]
            place[...] = np.swapaxes(made, 0, 1)[(..., *steps)]
    if b is not None:
        y += b.reshape(*b.shape[:2], *[1] * len(axes))


def _fft_dw(dy, x, dw, axes, workspace, threads):
    """dw[g, f, c, k] at d*k of the cyclic sum of x and the rows of dy, s apart."""
    G, F, C = dw.shape[:3]
    sizes, most = _spectra(axes, workspace, dy.itemsize)
    few = max(1, min(F, most // (G * C)))
    many = max(1, most // (G * (C + few)))
    steps = [slice(0, d * (K - 1) + 1, d) for _, K, _, _, d, _ in axes]
    dw[...] = 0
    for n in range(0, len(dy), many):
        rows = _padded(x[n : n + many], axes, _within(_buffer(workspace), x.dtype))
        whole = _spectrum(rows.transpose(1, 2, 0, *range(3, rows.ndim)), sizes)
        for f in range(0, F, few):
            slopes = _zeros_between(dy[n : n + many, :, f : f + few], [axis[3] for axis in axes])
            made = _cyclic(whole, slopes.transpose(1, 2, 0, *range(3, rows.ndim)), sizes)
            place = dw[:, f : f + few]
            place += np.swapaxes(made, 1, 2)[(..., *steps)]


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
        if len(_CHOSEN) > 1000:
            _CHOSEN.clear()
        best = {True: {}, False: {}}
        for each in ("y", "dx", "dw"):
            costs = _estimates(each, N, G, F, C, axes, dtype, threads)
            if algorithm == "direct" or dtype.kind not in "fc":
                costs = {how: costs[how] for how in costs if how not in _INDIRECT}
            for how, cost in costs.items():
                found = best[how in _IN_LANES]
                found[each] = min(found.get(each, (cost, how)), (cost, how))
        # all three alike: the threads of NumPy's library wait busily for their next product, and
        # lanes that follow would share their cores with them
        lanes, shared = (sum(cost for cost, _ in best[kind].values()) for kind in (True, False))
        _CHOSEN[key] = best[lanes < shared][target][1]
    return _CHOSEN[key]


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


def _columns_of(x, axes, workspace, extra):
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
        part = _outputs(axes, o)
        take = _within(_buffer(workspace), x.dtype)
        shape = [axis[2] for axis in part]
        images = n.stop - n.start
        cols = take((G, C, *taps, images, *shape))
        if cols.size < _SMALL:  # one copy of a view; not in long runs, but in one call
            windows = _windows(_padded(x[n], part, take), part)
            count = len(part)
            order = [1, 2, *range(3 + count, 3 + 2 * count), 0, *range(3, 3 + count)]
            cols[...] = windows.transpose(order)
        else:
            _gather(_planes(x[n], part, take), part, cols)
        yield n, o, part, cols.reshape(G, C * prod(taps), images * prod(shape)), take


def _block_of(a, n, o, take):
    """a[n, g, f, o] of a block as a matrix (G, F, places); a view where memory allows."""
    part = a[n, :, :, o]
    if len(part) == 1 and a.flags.c_contiguous:
        return a[n.start].reshape(*a.shape[1:3], a.shape[3], -1)[:, :, o].reshape(*a.shape[1:3], -1)
    matrix = take((*a.shape[1:3], len(part), *part.shape[3:]))
    np.copyto(matrix, part.transpose(1, 2, 0, *range(3, part.ndim)))
    return matrix.reshape(*a.shape[1:3], -1)


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


def _buffer(workspace):
    """The bytes that a call works in."""
    return _kept("buffer", workspace)


def _add_back(cols, dx, axes, start):
    """dx[n, g, c, s*o + d*k - p] += cols[g, c, k, n, o], the first axis's o counted from
    ``start``.
    """
    starts = [start] + [0] * (len(axes) - 1)
    moved = dx.transpose(1, 2, 0, *range(3, dx.ndim))
    every = (slice(None), slice(None))
    for k in np.ndindex(*(K for _, K, _, _, _, _ in axes)):
        found = [
            _reach(d * j + s * first - p, s, size, H)
            for j, (H, _, _, s, d, p), size, first in zip(k, axes, cols.shape[-len(axes) :], starts)
        ]
        place = (*every, slice(None), *(m for _, m in found))
        moved[place] += cols[(*every, *k, slice(None), *(q for q, _ in found))]


def _enough(threads, size, products):
    """Threads for work on so many bytes and multiplications: a little is done sooner than handed
    over.
    """
    return max(1, min(threads, max(size, products // 16) // _LEAST))


def _rows_into(x, w, b, parts, axes, workspace, threads, many):
    """What :func:`_rows_y` makes, laid in parts: (filters, where they go, the outputs they begin
    at).
    """
    if len(axes) == 1:
        x, w = x[:, :, :, None], w[:, :, :, None]
        parts = [(f, target[:, :, :, None], [0, *begin]) for f, target, begin in parts]
        axes = [(1, 1, 1, 1, 1, 0), *axes]
    G, F, C, K = w.shape[:4]
    turns, step = _turns(axes)
    many = min(many, -(-axes[0][2] // len(turns)))
    gathered = many > 1 or _gathers(axes, F, C)
    later = gathered and _through_planes(axes)
    span, taps = step * (many - 1) + K, prod(w.shape[4:])
    used = taps * G * many * F * span * C * x.itemsize
    used += -used % 64
    kept = _buffer(workspace)
    weights = _banded(w, many, step, gathered, _within(kept[:used], x.dtype))
    each = prod(
        O if gathered and not later else O + d * (K - 1) // s for _, K, O, s, d, _ in axes[1:]
    )
    # a row of x, its columns in whole pieces; the sums of a row and a term of them
    below = C * (taps if gathered else 2 * prod(s for _, _, _, s, *_ in axes[1:]))
    place = 1.2 * each * G * x.itemsize
    size, shared = int((axes[0][3] * below + 2 * F) * place), int(axes[0][4] * K * below * place)
    products = len(x) * w.size * prod(O for _, _, O, *_ in axes)
    threads = _enough(threads, size * len(x) * axes[0][2], products)

    def make(unit, memory, lane):
        n, o = unit
        take = _within(memory, x.dtype)
        part = _outputs(axes, o)
        together = _together(n.stop - n.start, each, weights.shape[3] <= 128)
        S, starts, columns, sizes = _below(x, n, part, many, gathered, later, together, take)
        wide, whole = min(columns, _PIECE), weights.shape[3]
        inner = -(-whole // -(-whole // 480))
        few = _part(many * F, _LIMIT // (inner * wide))
        for turn, e, first in turns:
            outputs = len(range(turn, part[0][2], len(turns)))
            if not outputs:
                continue
            count = -(-outputs // many)
            # rows that begin a power of two apart would share their place in the caches
            long = columns + 16 * (columns % 256 == 0)
            sums = take((len(S), G, count, many * F, long))[..., :columns]
            term = sums
            if len(starts) > 1 or inner < whole:
                term = take((len(S), G, count, many * F, long))[..., :columns]
            cut = (len(S), G, count, many * F // few, few, columns // wide, wide)
            for i, (matrix, start) in enumerate(zip(weights, starts)):
                met = _meeting(S, e, first, step * many, count, span, start, columns)
                for k in range(0, whole, inner):
                    made = sums if i == k == 0 else term
                    np.matmul(
                        matrix.reshape(1, 1, G, 1, cut[3], few, -1)[..., k : k + inner],
                        met[:, :, :, :, None, k : k + inner],
                        out=made.reshape(cut).transpose(0, 5, 1, 2, 3, 4, 6),
                    )
                    if made is not sums:
                        sums += term
            found = sums[..., : prod(sizes)].reshape(len(S), G, count, many, F, *sizes)
            found = found.transpose(0, 5, 1, 4, 2, 3, *range(6, found.ndim))
            found = found.reshape(*found.shape[:4], count * many, *found.shape[6:])
            for f, target, begin in parts:
                # with more turns than one, a part has all outputs
                lo = max(o.start, begin[0]) - o.start
                hi = min(o.stop, begin[0] + target.shape[3]) - o.start
                if lo >= hi:
                    continue
                place = target[n, :, :, o.start + lo - begin[0] : o.start + hi - begin[0]]
                place = place[:, :, :, turn :: len(turns)]
                inside = [slice(u, u + size) for u, size in zip(begin[1:], target.shape[4:])]
                made = found[:, :, :, f, lo : lo + place.shape[3]][(..., *inside)]
                _put_blocks(made, place, None if b is None else b[:, f])

    units = _row_units(
        len(x), axes[0][2], size, shared, many * len(turns), workspace - used, threads
    )
    _lanes(make, units, kept[used:], threads)


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
        ids = []
        begin = lambda: ids.append(threading.get_native_id())  # noqa: E731
        _POOLS[key] = ThreadPoolExecutor(threads - 1, initializer=begin), ids
    pool, ids = _POOLS[key]
    cores = _apart(ids)
    try:
        others = [pool.submit(run, part) for part in range(1, parts)]
        run(0)
        for other in others:
            other.result()
    finally:
        if cores:
            os.sched_setaffinity(0, cores)
    return None


def _at_once(axes):
    """Whether dx is made for all residues of the stride at once: what that adds of zeros is less
    than what every residue would copy.
    """
    if any(s > 1 < d for _, _, _, s, d, _ in axes):
        return False
    return prod(-(-K // s) * s for _, K, _, s, *_ in axes) <= 1.4 * prod(K for _, K, *_ in axes)


def _few_dw(dy, x, dw, axes, workspace, threads, many=1):
    """dw = sum over outputs of the first axis of the rows of S they meet times dy."""
    if len(axes) == 1:
        x, dy, dw = x[:, :, :, None], dy[:, :, :, None], dw[:, :, :, None]
        axes = [(1, 1, 1, 1, 1, 0), *axes]
    G, F, C, K, *rest = dw.shape
    turns, step = _turns(axes)
    many = min(many, -(-axes[0][2] // len(turns)))
    span, taps = step * (many - 1) + K, prod(rest)
    shape = (G, many * F, span * taps * C)
    row = C * taps * prod(O for _, _, O, *_ in axes[1:]) * G * x.itemsize
    size = axes[0][3] * row + (prod(O for _, _, O, *_ in axes[1:]) + shape[2]) * F * G * x.itemsize
    shared = axes[0][4] * K * row
    products = len(x) * dw.size * prod(O for _, _, O, *_ in axes)
    threads = _enough(threads, size * len(x) * axes[0][2], products)
    used = threads * (prod(shape) * dy.itemsize + 64)
    used += -used % 64
    kept = _buffer(workspace)
    totals = _within(kept[:used], dy.dtype)((threads, *shape))
    totals[...] = 0

    def make(unit, memory, lane):
        n, o = unit
        take = _within(memory, dy.dtype)
        part = _outputs(axes, o)
        images = n.stop - n.start
        S, starts, columns, sizes = _below(x, n, part, many, True, False, images, take)
        places = prod(sizes)
        few = _part(many * F, 8)
        wide = _part(columns, max(1, _LIMIT // (few * shape[2])))
        for turn, e, first in turns:
            outputs = len(range(turn, part[0][2], len(turns)))
            if not outputs:
                continue
            count = -(-outputs // many)
            slopes = take((G, count, many, F, columns))
            slopes[..., places:] = 0
            cells = slopes[..., :places].reshape(G, count, many, F, *sizes)
            for i in range(many):
                source = dy[n, :, :, o][:, :, :, turn + len(turns) * i :: len(turns) * many]
                cells[:, : source.shape[3], i] = source.transpose(
                    1, 3, 2, 0, *range(4, source.ndim)
                )
                cells[:, source.shape[3] :, i] = 0
            left = slopes.reshape(G, count, many * F // few, few, columns // wide, wide)
            met = _meeting(S, e, first, step * many, count, span, starts[0], columns)
            right = _view(
                met,
                (G, count, 1, columns // wide, wide, shape[2]),
                (*met.strides[2:4], 0, wide * met.strides[5], *met.strides[:3:-1]),
            )
            sums = take((G, count, many * F // few, columns // wide, few, shape[2]))
            np.matmul(left.swapaxes(3, 4), right, out=sums)
            place = totals[lane].reshape(G, many * F // few, few, shape[2])
            place += sums.sum(axis=(1, 3), dtype=dy.dtype)

    units = _row_units(
        len(dy), axes[0][2], size, shared, many * len(turns), workspace - used, threads
    )
    _lanes(make, units, kept[used:], threads)
    for other in totals[1:]:
        totals[0] += other
    # the weights of ``many`` outputs lie in one matrix, on its diagonals
    whole = totals[0].reshape(G, many, F, span, -1, C)
    found = 0
    for i in range(many):
        found = found + whole[:, i, :, step * i : step * i + K]
    dw[...] = found.transpose(0, 1, 4, 2, 3).reshape(dw.shape)


def _turns(axes):
    """The outputs of the first axis, by the residue of their rows modulo the dilation.

    [(turn, residue, quotient)] and step: output turn + len(turns) * j begins at ``residue``, at
    quotient ``quotient`` + step * j.
    """
    s, d = axes[0][3:5]
    count = d // gcd(s, d)
    return [(turn, s * turn % d, s * turn // d) for turn in range(count)], s // gcd(s, d)


def _begins(t, others, sizes):
    """The residue at which the windows of tap t of the other axes lie, and their first column."""
    residue = quotient = 0
    for k, (_, _, _, s, d, _), size in zip(t, others, sizes):
        residue, quotient = residue * s + d * k % s, quotient * size + d * k // s
    return residue, quotient


def _outputs(axes, o):
    """The axes of the layer that has only the outputs ``o`` of the first one."""
    (H, K, _, s, d, p), *others = axes
    return [(H, K, o.stop - o.start, s, d, p - s * o.start), *others]


def total(a):
    """The sum of ``a`` over images and space."""
    return a.sum(axis=(0, *range(3, a.ndim)), dtype=a.dtype)


def _reach(start, step, count, size):
    """The i, 0 <= i < count, with 0 <= start + step*i < size, and these rows: two slices."""
    first = max(0, -(start // step))
    last = max(first, min(count, (size - 1 - start) // step + 1))
    return slice(first, last), slice(start + step * first, start + step * last, step)


def _view(a, shape, strides):
    """The memory of ``a``, from its first entry on, as an array of other axes.

    IndexError where that would leave what ``a`` covers.
    """
    ends = []
    for sizes, steps in ((shape, strides), (a.shape, a.strides)):
        low = high = 0
        for n, step in zip(sizes, steps):
            low, high = (low + (n - 1) * step, high) if step < 0 else (low, high + (n - 1) * step)
        ends.append((low, high))
    (low, high), (first, last) = ends
    wrong = not a.size or low < first or high > last
    if a.dtype.hasobject:
        wrong = wrong or any(step % a.itemsize for step in strides)
    if wrong and 0 not in shape:
        raise IndexError(f"axes {tuple(shape)}, {tuple(strides)} bytes apart, leave {a.shape}")
    return np.lib.stride_tricks.as_strided(a, shape, strides)


def _row_units(images, rows, size, shared, step, memory, threads):
    """(images, rows) of units: a multiple of ``step`` rows, as many images as threads leave.

    A row of one image needs ``size`` bytes, and ``shared`` ones those that it shares with the next.
    """
    limit = min(_ROWS, memory // threads)
    many = -(-images // threads) if images >= threads else max(1, images)
    while many > 1 and (size * step + shared) * many > limit:
        many = -(-many // 2)
    few = max(1, (limit // many - shared) // max(1, size))
    if images < threads:
        few = min(few, -(-rows * max(1, images) // threads))
    few = max(step, few // step * step)
    return [
        (slice(n, min(n + many, images)), slice(o, min(o + few, rows)))
        for n in range(0, images, many)
        for o in range(0, rows, few)
    ]


def _lanes(task, units, memory, threads):
    """task(unit, working memory, lane) for all units, in as many lanes as there are threads.

    A lane does all of a unit alone: what it copies is in its core's caches when it multiplies, and
    products of at most ``_LIMIT`` multiplications are not shared out once more by NumPy's library,
    whose threads would wait busily for the next.
    """
    lanes = max(1, min(threads, len(units)))
    size = memory.size // lanes // 64 * 64

    def run(lane):
        for unit in units[len(units) * lane // lanes : len(units) * (lane + 1) // lanes]:
            task(unit, memory[size * lane : size * (lane + 1)], lane)

    _parallel(run, lanes, lanes)


def _windows_of(x, axes, workspace):
    """Block after block, the windows as a view: (n, g, c, *o, *k) without a copy of x but for the
    padding.
    """
    numbers = prod(x.shape[1:3]) * prod(O * K for _, K, O, _, _, _ in axes)
    for n, o in _blocks(len(x), axes[0][2], numbers * x.itemsize, workspace // 2):
        part = _outputs(axes, o)
        rows = _padded(x[n], part, _within(_buffer(workspace), x.dtype))
        yield n, o, _windows(rows, part)


def _algorithms(axes):
    """For each axis the tile m; A, G and B as lists of matrices; G's denominators."""
    tiles = [_tile(K, -(-O // d)) for _, K, O, _, d, _ in axes]
    A, G, B, whole = (
        list(each) for each in zip(*(_WINOGRAD[m, K] for m, (_, K, *_) in zip(tiles, axes)))
    )
    return tiles, [A, G, B], whole


def _cut(axes, tiles, offset):
    """H, p, d, m and the number of tiles on each axis: of x, or (without offset) of y."""
    return [
        (H if offset else O, p if offset else 0, d, m, -(-O // (d * m)))
        for (H, _, O, _, d, p), m in zip(axes, tiles)
    ]


def _size(transformed, cut):
    """Bytes that one row of tiles of an image needs, ``transformed`` of them for each place."""
    return 3 * transformed * cut[0][2] * prod(T * d for _, _, d, _, T in cut[1:])


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
    rest = take((*taps, groups, C, F))
    rest[...] = w.transpose(*range(3, w.ndim), 0, 2, 1)
    products = 1
    for matrix, whole, K in zip(G, denominators, taps):
        a = rest.reshape(products, K, -1)
        rest = take((products, len(matrix), a.shape[-1]))
        _along(_as_array(matrix, whole, w.dtype), a, rest)
        products *= len(matrix)
    return rest.reshape(products, groups, C, F)


def _spread(a, n, rows, matrices, cut, take):
    """The tiles of images n of ``a`` (N, channels, *H), transformed: V = B x, or Z = A^T dy.

    ``cut`` says H, p, d, m and the number of tiles on each axis; ``rows`` are the tiles of the
    first axis that are made. The result is (products, n and tiles and residues of each axis,
    channels).
    """
    begin = [rows.start] + [0] * (len(cut) - 1)
    tiles = [rows.stop - rows.start, *(T for *_, T in cut[1:])]
    inputs = [len(matrix[0]) for matrix in matrices]
    sizes = [d * (m * (T - 1) + j) for (_, _, d, m, _), T, j in zip(cut, tiles, inputs)]
    found = [
        _reach(d * m * t - p, 1, size, H) for (H, p, d, m, _), t, size in zip(cut, begin, sizes)
    ]
    images, channels = n.stop - n.start, a.shape[1]
    rest = take((images, *sizes, channels))  # the padded rows, channels last
    source = a[(n, slice(None), *(h for _, h in found))]
    if source.shape[2:] != rest.shape[1:-1]:
        rest[...] = 0
    if source.strides[1] % 1024 == 0 and source.strides[1] > 0:
        # channels that lie a power of two apart share their place in the caches: apart first
        count = prod(source.shape[2:])
        apart = take((images, channels, count + 16))[..., :count].reshape(source.shape)
        apart[...] = source
        source = apart
    rest[(slice(None), *(q for q, _ in found))] = np.moveaxis(source, 1, -1)
    products, places = 1, images
    for matrix, T, (_, _, d, m, _), size in zip(matrices, tiles, cut, sizes):
        whole = rest.reshape(products, places, size, -1)
        *steps, row, one = whole.strides
        run = d * whole.shape[-1]  # residues, later axes and channels
        view = _view(
            whole,
            (products, places, T, len(matrix[0]), run),
            (*steps, d * m * row, d * row, one),
        )
        made = take((products, len(matrix), places, T, run))
        _along(_as_array(matrix, _ones(matrix), a.dtype), view, made.transpose(0, 2, 3, 1, 4))
        rest, products, places = made, products * len(matrix), places * T * d
    return rest.reshape(products, places, channels)


def _part(count, limit):
    """The largest divisor of ``count`` that is at most ``limit``, or 1."""
    pieces = -(-count // max(1, limit))
    return count // next((i for i in range(max(1, pieces), count) if count % i == 0), max(1, count))


def _collect(a, n, rows, matrices, cut, b, target, take):
    """Tiles transformed back and laid where they belong, y = A M + b.

    ``a`` is (products, n and tiles and residues of each axis, channels); the result goes to images
    n of ``target`` (N, channels, *O), to the rows of the tiles ``rows`` of the first axis.
    """
    images, channels = n.stop - n.start, a.shape[-1]
    tiles = [rows.stop - rows.start, *(T for *_, T in cut[1:])]
    # a row of channels that begins a little after a power of two is turned without conflicts
    laid = take((images, *(T * m * d for T, (_, _, d, m, _) in zip(tiles, cut)), channels + 16))
    laid, run = laid[..., :channels], channels
    for axis in reversed(range(len(cut))):
        matrix = _as_array(matrices[axis], _ones(matrices[axis]), a.dtype)
        m, T, d = len(matrix), tiles[axis], cut[axis][2]
        before = images * prod(T * d for T, (_, _, d, _, _) in zip(tiles[:axis], cut))
        run *= d
        parts = a.reshape(-1, len(matrix[0]), before, T, run)
        if axis:
            made = take((len(parts), before, T, m, run))
            _along(matrix, parts.transpose(0, 2, 3, 1, 4), made)
            a, run = made, run * T * m
        else:
            shape = (len(parts), len(matrix[0]), before, T, run // channels, channels)
            out = laid.reshape(len(parts), before, T, m, run // channels, channels)
            parts = parts.reshape(shape).transpose(0, 2, 3, 4, 1, 5)
            np.matmul(matrix, parts, out=out.transpose(0, 1, 2, 4, 3, 5))
    (O, _, d, m, _), *others = cut
    start, stop = d * m * rows.start, min(O, d * m * rows.stop)
    inner = (slice(stop - start), *(slice(O) for O, *_ in others))
    part = np.moveaxis(laid[(slice(None), *inner)], -1, 1)
    place = target[n, :, start:stop]
    if b is None:
        place[...] = part
    else:
        np.add(part, b, out=place)


def _units(images, rows, size, limit, threads):
    """(images, rows) of units of at most ``limit`` bytes, and no fewer than threads where there are
    as many images or rows. ``size`` is what one row of an image needs.
    """
    many = max(1, min(-(-images // threads), limit // max(1, size * rows)))
    whole = size * rows <= limit and images >= threads
    few = max(1, min(rows if whole else -(-rows * images // threads), limit // max(1, size)))
    few = -(-rows // -(-rows // min(few, rows))) if rows else 1  # units of the same size
    return [
        (slice(n, min(n + many, images)), slice(o, min(o + few, rows)))
        for n in range(0, images, many)
        for o in range(0, rows, few)
    ]


def _transposed(matrices):
    return [tuple(zip(*matrix)) for matrix in matrices]


def _as_array(matrix, whole, dtype):
    """The matrix with each row divided by its number of ``whole``: floats, or exact fractions."""
    key = matrix, whole, dtype
    if key not in _MATRICES:
        rows = [[Fraction(entry, n) for entry in row] for row, n in zip(matrix, whole)]
        _MATRICES[key] = np.array(rows, object).astype(dtype)
    return _MATRICES[key]


def _along(matrix, a, out):
    """out[..., q, i] = sum over k of matrix[q, k] * a[..., k, i], in runs that one thread makes."""
    run = _part(a.shape[-1], _LIMIT // matrix.size)
    if run < a.shape[-1]:
        a, out = (each.reshape(*each.shape[:-1], -1, run).swapaxes(-3, -2) for each in (a, out))
    np.matmul(matrix, a, out=out)


def _spectra(axes, workspace, itemsize):
    """The period on each axis, and how many arrays of periods may be held at once."""
    sizes = [_period(s * (O - 1) + d * (K - 1) + 1) for _, K, O, s, d, _ in axes]
    return sizes, max(1, workspace // (4 * prod(sizes) * itemsize))


def _padded(x, axes, take):
    """The rows of x that windows meet, zero outside x, in order: ``_planes`` of stride 1."""
    whole = [(H, d * (K - 1) + 1, s * (O - 1) + 1, 1, 1, p) for H, K, O, s, d, p in axes]
    rows = _planes(x, whole, take)
    return rows.reshape(*rows.shape[:3], *rows.shape[3 + len(axes) :])


def _spectrum(a, sizes):
    """The transform of ``a`` over the period; of objects, ``a`` itself, zero up to the period."""
    if not a.dtype.hasobject:
        return np.fft.rfftn(a, sizes, tuple(range(3, a.ndim)))
    wide = np.zeros((*a.shape[:3], *sizes), a.dtype)
    wide[(..., *map(slice, a.shape[3:]))] = a
    return wide


def _zeros_between(a, steps):
    """``a`` with zeros between neighbours, so many steps apart."""
    if max(steps) == 1:
        return a
    sizes = [step * (n - 1) + 1 for n, step in zip(a.shape[3:], steps)]
    wide = np.zeros((*a.shape[:3], *sizes), a.dtype)
    wide[(..., *(slice(None, None, step) for step in steps))] = a
    return wide


def _cyclic(A, b, sizes):
    """c[g, i, j, o] = sum over (q, m) of a[g, i, q, (o + m) mod sizes] * b[g, j, q, m], A being the
    spectrum of a.
    """
    space = tuple(range(3, b.ndim))
    if b.dtype.hasobject:
        total = 0
        for m in np.ndindex(*b.shape[3:]):
            turned = np.moveaxis(np.roll(A, [-i for i in m], space), (0, 1, 2), (-3, -2, -1))
            total = total + turned @ np.swapaxes(b[(..., *m)], -1, -2)
        return np.moveaxis(total, (-3, -2, -1), (0, 1, 2))
    B = _spectrum(b, sizes).conj()
    if b.shape[2] == 1:  # nothing to sum but places
        made = A * B.swapaxes(1, 2)
    else:
        left, right = (np.moveaxis(each, (0, 1, 2), (-3, -2, -1)) for each in (A, B))
        made = np.moveaxis(left @ np.swapaxes(right, -1, -2), (-3, -2, -1), (0, 1, 2))
    return np.fft.irfftn(made, sizes, space).astype(b.dtype, copy=False)


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
    if how == "fft" and (dtype.kind not in "fO" or dtype.char == "e"):
        return f"needs real numbers of at least 32 bits, not {dtype}"
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
    """What each schedule costs that can make the array, in nanoseconds; scatter is a way to dx
    only.
    """
    ways = [
        how
        for how in _WAYS
        if not _fits(how, C, axes, dtype) and (how != "scatter" or target == "dx")
    ]
    # depthwise sums over the filters of a group for dx, and they are as many as channels only where
    # there is one
    ways = [how for how in ways if how != "depthwise" or target != "dx" or F == 1]
    # a special case does the same as the general one and less
    general = {"pointwise": ("blocked", "scatter"), "depthwise": ("rows",)}
    ways = [how for how in ways if not any(s in ways and how in general[s] for s in general)]
    return {how: _nanoseconds(how, target, N, G, F, C, axes, dtype, threads) for how in ways}


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
    lead, steps = rows.strides[:3], rows.strides[3:]
    shape = [axis[2] for axis in axes] + [axis[1] for axis in axes]
    strides = [s * step for (_, _, _, s, _, _), step in zip(axes, steps)]
    strides += [d * step for (_, _, _, _, d, _), step in zip(axes, steps)]
    return _view(rows, (*rows.shape[:3], *shape), (*lead, *strides))


def _gather(planes, axes, cols):
    """cols[g, c, k, n, o] = x[n, g, c, s*o + d*k - p], tap by tap."""
    every = (slice(None), slice(None))
    moved = planes.transpose(1, 2, 0, *range(3, planes.ndim))
    for k in np.ndindex(*(K for _, K, _, _, _, _ in axes)):
        cols[(*every, *k)] = moved[(*every, slice(None), *_tap(k, axes))]


def _planes(x, axes, take):
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

    if edges:
        planes[...] = 0
    for e in product(*map(range, steps)):
        reached = [each[residue] for each, residue in zip(found, e)]
        every = (slice(None), slice(None), slice(None))
        planes[(*every, *e, *(q for q, _ in reached))] = x[(*every, *(m for _, m in reached))]
    return planes


def _kept(name, size):
    """So many bytes that the thread keeps for its next call, under a name.

    Memory that was in use a moment ago is in the caches; fresh memory has to be fetched from the
    system.
    """
    buffer = getattr(_KEPT, name, None)
    if buffer is None or buffer.size < size:
        whole = np.empty(size + 64, np.uint8)
        start = -whole.ctypes.data % 64  # where a line of the caches begins
        buffer = whole[start : start + size]
        setattr(_KEPT, name, buffer)
    return buffer[:size]


def _gathers(axes, F, C):
    """Whether copying the taps of all axes but the first is cheaper than a product for each."""
    (_, K, *_), *others = axes
    taps, places = prod(K for _, K, *_ in others), prod(O for _, _, O, *_ in others)
    waste = prod(O + d * (K - 1) // s for _, K, O, s, d, _ in others) / places - 1
    copies = taps * C * ((0.1 if others[-1][3] == 1 else 0.5) + 5 / others[-1][2])
    if _through_planes(axes):
        copies = (taps * 0.12 + 0.6 * others[-1][3]) * C
    return taps == 1 or copies < (taps - 1) * F * 0.2 + waste * taps * K * F * C / 120


def _through_planes(axes):
    """Whether taps are copied from rows that lie apart by residue, not from x with its strides."""
    return axes[-1][3] > 1 and prod(O + d * (K - 1) // s for _, K, O, s, d, _ in axes[1:]) > _WIDE


def _banded(w, many, step, gathered, take):
    """The weights of ``many`` outputs at a time: (tap, g, (output, f), (q, t, c)).

    There is one tap of the other axes where they are ``gathered`` beside the channels.
    """
    G, F, C, K, *others = w.shape
    T = prod(others)
    span = step * (many - 1) + K
    flat = w.reshape(G, F, C, K, T)
    if gathered:
        source, shape = flat.transpose(0, 1, 3, 4, 2)[None], (1, G, many, F, span, T, C)
    else:
        source = flat.transpose(4, 0, 1, 3, 2)[:, :, :, :, None]
        shape = (T, G, many, F, span, 1, C)
    band = take(shape)
    if many > 1:
        band[...] = 0
    for i in range(many):
        band[:, :, i, :, step * i : step * i + K] = source
    return band.reshape(shape[0], G, many * F, -1)


def _together(images, places, small):
    """How many images stand in the columns of one block: whole pieces nearly."""
    if places > _WIDE:
        return 1
    most = max(1, min(images, (32 if small else 8) * _PIECE // places))
    return min(
        range(1, most + 1),
        key=lambda n: (-(-images // n) * -(-n * places // _PIECE), -n if small else n),
    )


def _below(x, n, axes, many, gathered, later, together, take):
    """S of images n: (block, residue of the other axes, g, e, q, (t, c), columns).

    Taps that are ``gathered`` are copied from x, or ``later`` from rows apart by residue. Also: for
    each tap its residue and first column; how many columns belong to one block; the sizes
    (n, *o) of a block of ``together`` images.
    """
    (H, K, O, _, d, p), *others = axes
    G, C = x.shape[1:3]
    turns, step = _turns(axes)
    # quotients that the last outputs meet, those that only fill up ``many`` among them
    counts = [-(-len(range(turn, O, len(turns))) // many) for turn, _, _ in turns]
    quotients = max(first + step * (j * many - 1) + K for (_, _, first), j in zip(turns, counts))
    taps = list(np.ndindex(*(K for _, K, *_ in others)))
    sizes, steps, starts = [O for _, _, O, *_ in others], [1] * len(others), [(0, 0)]
    gathered = gathered and not later
    if not gathered:
        sizes = [O + d * (K - 1) // s for _, K, O, s, d, _ in others]
        steps = [s for _, _, _, s, _, _ in others]
        starts = [_begins(t, others, sizes) for t in taps]
    places, images = together * prod(sizes), n.stop - n.start
    blocks, last = -(-images // together), max(start for _, start in starts)
    columns = -(-places // _PIECE) * _PIECE + last if places > _PIECE // 2 else places + last
    S = take((blocks, prod(steps), G, d, quotients, len(taps) if gathered else 1, C, columns))
    S[..., places:] = 0
    cells = np.moveaxis(S[..., :places].reshape(*S.shape[:7], together, *sizes), 7, 1)
    for e, (i, t) in product(range(d), enumerate(taps if gathered else np.ndindex(*steps))):
        q, m = _reach(e - p, d, quotients, H)
        if gathered:
            found = [_reach(d * k - p, s, O, H) for k, (H, _, O, s, d, p) in zip(t, others)]
        else:
            found = [
                _reach(r - p, s, size, H) for r, (H, _, _, s, _, p), size in zip(t, others, sizes)
            ]
        rows = x[(n, slice(None), slice(None), m, *(h for _, h in found))]
        rows = rows.transpose(0, 1, 3, 2, *range(4, rows.ndim))
        place = cells[:, :, 0 if gathered else i, :, e, :, i if gathered else 0]
        whole = images // together  # blocks that are full
        inside = [slice(None), q, slice(None), *(o for o, _ in found)]
        _lay(
            place[:whole],
            rows[: whole * together].reshape(whole, together, *rows.shape[1:]),
            inside,
        )
        if whole < blocks:
            place[whole, images - whole * together :] = 0
            _lay(place[whole, : images - whole * together], rows[whole * together :], inside)
    if places <= _WIDE or gathered:
        return S, starts, columns - last, [together, *sizes]
    # columns in pieces: the rows of a product then lie closer together
    pieces, wide = (columns - last) // _PIECE, _PIECE if later else _PIECE + last
    near = take(
        (
            blocks,
            pieces,
            1 if later else len(S[0]),
            G,
            d,
            quotients,
            len(taps) if later else 1,
            C,
            wide,
        )
    )
    *lead, one = S.strides
    for i, (residue, start) in enumerate(starts if later else [(0, 0)]):
        part, place = (S[:, residue:, ..., start:], near[..., i : i + 1, :, :])
        place[...] = _view(part, place.shape, (lead[0], _PIECE * one, *lead[1:], one))
    return near, [(0, 0)] if later else starts, columns - last, [together, *sizes]


def _meeting(S, e, first, step, count, span, start, size):
    """For each of ``count`` products the rows of S that it meets, and the columns from ``start`` on
    in pieces: a view (block, piece, g, product, (q, t, c), column).
    """
    residue, column = start
    pieces = S.ndim == 9
    part = S[:, :, residue] if pieces else S[:, residue]
    part = part[..., e, first:, :, :, column:]
    wide = min(size, _PIECE)
    *lead, group, row, _, below, one = part.strides
    if not pieces:
        lead.append(wide * one)
    return _view(
        part,
        (len(S), size // wide, part.shape[-5], count, span * part.shape[-3] * part.shape[-2], wide),
        (*lead, group, step * row, below, one),
    )


def _put_blocks(found, target, b):
    """target[n, ...] = found[block, n in the block, ...] + b"""
    together = found.shape[1]
    full = len(target) // together
    aligned = target[: full * together].reshape(full, together, *target.shape[1:])
    pairs = [(aligned, found[:full])]
    if full < len(found):
        rest = target[full * together :]
        pairs.append((rest, found[full, : len(rest)]))
    for place, part in pairs:
        if b is None:
            place[...] = part
        else:
            np.add(part, b.reshape(*b.shape[:2], *[1] * (target.ndim - 3)), out=place)


def _apart(threads):
    """This thread stays on its core, and ``threads`` of the process stay off it, where the system
    can be told. Gives the cores to set this thread free to afterwards, or None.

    Threads that are busy for moments only and wait for each other are left on one core otherwise.
    """
    if 0 not in _PLACES:
        try:
            os.sched_setaffinity(0, os.sched_getaffinity(0))
            _PLACES[0] = ctypes.CDLL(None).sched_getcpu
        except (AttributeError, OSError):
            _PLACES[0] = None
    if _PLACES[0] is None:
        return None
    cores, here = os.sched_getaffinity(0), _PLACES[0]()
    if here not in cores or len(cores) < 2:
        return None
    for thread in threads:
        if _PLACES.get(thread) != here:
            os.sched_setaffinity(thread, cores - {here})
            _PLACES[thread] = here
    os.sched_setaffinity(0, {here})
    return cores


def _tile(taps, places):
    """The tile of an axis: the largest that there is an algorithm for, unless a smaller one needs
    fewer products.
    """
    found = sorted(m for m, K in _WINOGRAD if taps == K)
    return min(found, key=lambda m: (-(-places // m) * (m + taps - 1), m))


def _ones(matrix):
    return (1,) * len(matrix)


def _period(rows):
    """The least number from ``rows`` on whose only factors are 2, 3 and 5."""
    while True:
        rest = rows
        for factor in (2, 3, 5):
            while rest > 1 and rest % factor == 0:
                rest //= factor
        if rest == 1:
            return rows
        rows += 1


def _nanoseconds(how, target, N, G, F, C, axes, dtype, threads):
    """What a schedule costs: its amounts, each times what one was measured to cost.

    The table's numbers are a common processor's. They decide between schedules, so their ratios
    matter, not their size.
    """
    amounts = _amounts(how, target, N, G, F, C, axes)
    made = target if how == "scatter" or target == "dw" else "y"
    # half as many numbers of twice the bytes are handled in the same time
    wide = max(1, dtype.itemsize // 4)
    whole = sum(
        cost * amount * (wide if i else 1)
        for i, (cost, amount) in enumerate(zip(_COSTS[how, made], amounts))
    )
    return whole * (_cores() / threads if how in _IN_LANES else 1)


def _tap(k, axes):
    """Where in ``_planes`` tap k finds x[n, g, c, s*o + d*k - p], every o: residues, slices."""
    residues = [d * j % s for j, (_, _, _, s, d, _) in zip(k, axes)]
    starts = [d * j // s for j, (_, _, _, s, d, _) in zip(k, axes)]
    return residues + [slice(i, i + axis[2]) for i, axis in zip(starts, axes)]


def _lay(place, source, inside):
    """``source`` in the last axes of ``place``, in the slices ``inside``; zero around it."""
    for axis, part in enumerate(inside, place.ndim - len(inside)):
        if part != slice(None):
            around = [slice(None)] * axis
            for edge in (slice(0, part.start), slice(part.stop, None)):
                place[(*around, edge)] = 0
    place[(..., *inside)] = source


def _amounts(how, target, N, G, F, C, axes):
    """What a schedule does for y, dx or dw: calls of NumPy, multiplications, numbers copied and the
    runs they are copied in, numbers summed or written, weights rearranged.
    """
    if target == "dx" and how != "scatter":
        if how in ("rows", "depthwise") and _at_once(axes):
            at_once = [(O, -(-K // s), -(-H // s), 1, d, 0) for H, K, O, s, d, _ in axes]
            return _amounts(how, "y", N, G, C * prod(axis[3] for axis in axes), F, at_once)
        phases = [phase for _, _, phase in _phases(axes) if all(K for _, K, *_ in phase)]
        each = [_amounts(how, "y", N, G, C, F, phase) for phase in phases]
        turned = (5, 0, 0, 0, 0, G * F * C * prod(K for _, K, *_ in axes))
        return tuple(map(sum, zip(turned, *each)))
    taps, places = prod(K for _, K, *_ in axes), prod(O for _, _, O, *_ in axes)
    wide = axes[-1][2]
    products, outputs = N * G * F * C * taps * places, N * G * F * places
    weights = G * F * C * taps
    copied = N * G * C * taps * places
    if how == "pointwise":
        return 3 + N, products, N * G * C * places, 0, outputs, weights
    if how == "windows":
        return 50 + 10 * G, products, copied, 0, outputs, weights
    if how == "fft":
        sizes = prod(_period(s * (O - 1) + d * (K - 1) + 1) for _, K, O, s, d, _ in axes)
        arrays = (
            N * G * C + G * F * C + N * G * F if target != "dw" else N * G * (C + F) + G * F * C
        )
        return 60, 2 * N * G * F * C * sizes, arrays * sizes, 0, outputs, 0
    if how == "winograd":
        return _amounts_of_tiles(N, G, F, C, axes)
    if how in ("rows", "depthwise"):
        return _amounts_of_rows(how, target, N, G, F, C, axes)
    blocks = 1 + 4 * copied // _BLOCK
    calls = blocks * (6 if copied < _SMALL else taps + 6)
    if target != "dw":
        weights = 0
    return calls, products, copied, copied / wide, outputs, weights * (1 + blocks) / 2


def _amounts_of_tiles(N, G, F, C, axes):
    """Of winograd: numbers are transformed in stages, an axis at a time."""
    tiles = [_tile(K, -(-O // d)) for _, K, O, _, d, _ in axes]
    rows = [m + K - 1 for m, (_, K, *_) in zip(tiles, axes)]
    whole = [-(-O // (d * m)) * d for m, (_, _, O, _, d, _) in zip(tiles, axes)]
    places, lines = N * prod(whole), N * prod(m * t for m, t in zip(tiles, whole))
    stages = sum(prod(rows[: i + 1]) * prod(tiles[i + 1 :]) for i in range(len(axes)))
    transformed = places * stages * G * (C + F)
    units = 1 + 4 * transformed // _TILES
    weights = G * F * C
    return (
        40 + 12 * units,
        places * prod(rows) * weights,
        lines * G * (C + F),
        prod(rows) * weights * units,
        transformed,
        weights * prod(K for _, K, *_ in axes),
    )


def _amounts_of_rows(how, target, N, G, F, C, axes):
    """Of rows and depthwise, which makes several outputs at a time."""
    if len(axes) == 1:
        axes = [(1, 1, 1, 1, 1, 0), *axes]
    (_, K, O, s, d, _), *others = axes
    taps, places = prod(K for _, K, *_ in others), prod(O for _, _, O, *_ in others)
    many = min(4, O) if how == "depthwise" else 1
    # weights' gradients of few channels are made from taps that are copied, others from none
    gathered = C < _FEW if target == "dw" else many > 1 or _gathers(axes, F, C)
    wide = prod(O + d * (K - 1) // s for _, K, O, s, d, _ in others)
    columns = places if gathered else wide
    span = s // gcd(s, d) * (many - 1) + K
    each = taps * places if gathered else wide * prod(s for _, _, _, s, *_ in others)
    copied = N * G * C * (s * O + d * (K - 1)) * each
    products = N * G * F * C * span * taps * O * columns
    times = (1 if gathered else taps) * -(-span * C * (taps if gathered else 1) // 480)
    sums = N * G * F * O * columns * (times if target == "y" else 1)
    if target == "dw":
        sums += products / 120
    calls = 40 + 4 * times * (1 + 4 * (copied + sums) // _ROWS)
    return calls, products, copied, copied / others[-1][2], sums, G * F * C * span * many * taps


# schedule: (its way to y, to dx, to dw); None: dx is made as y is, by phases
_WAYS = {
    "blocked": (_blocked_y, None, _blocked_dw),
    "scatter": (_blocked_y, _scatter_dx, _blocked_dw),
    "rows": (_rows_y, _rows_dx, _rows_dw),
    "windows": (_windows_y, None, _windows_dw),
    "pointwise": (_pointwise_y, None, _pointwise_dw),
    "depthwise": (_depthwise_y, _depthwise_dx, _depthwise_dw),
    "winograd": (_winograd_y, None, _winograd_dw),
    "fft": (_fft_y, None, _fft_dw),
}


# schedules whose threads make all of a part of the layer
_IN_LANES = ("rows", "depthwise", "winograd")


# schedules that transform what they multiply, and so round more
_INDIRECT = ("winograd", "fft")


# nanoseconds for each of what _amounts counts, in float32
_COSTS = {
    ("blocked", "y"): (5300, 0.005, 0.15, 3.2, 0.24, 1.1),
    ("blocked", "dw"): (5100, 0.006, 0.2, 3.6, 0.19, 0.038),
    ("scatter", "dx"): (8700, 0.0046, 0.49, 8, 0.096, 0),
    ("rows", "y"): (2900, 0.0051, 0.29, 3.5, 0.34, 0.73),
    ("rows", "dw"): (2500, 0.0065, 0.36, 2.1, 0.15, 2),
    ("windows", "y"): (980, 0.007, 1.1, 0, 0.84, 0.3),
    ("windows", "dw"): (840, 0.0068, 1.1, 0, 0.2, 0.17),
    ("pointwise", "y"): (1500, 0.0046, 0.056, 0, 0.065, 0.49),
    ("pointwise", "dw"): (1900, 0.0078, 0.033, 0, 0.045, 0),
    ("depthwise", "y"): (2300, 0.012, 0.23, 2.9, 0.35, 2.5),
    ("depthwise", "dw"): (2200, 0.02, 0.27, 2.7, 0.11, 4.7),
    ("fft", "y"): (4000, 0.02, 4.5, 0, 0.5, 0),
    ("fft", "dw"): (4000, 0.02, 4.5, 0, 0.5, 0),
    ("winograd", "y"): (2100, 0.004, 0.45, 0.1, 0.17, 2.5),
    ("winograd", "dw"): (2000, 0.004, 0.39, 0.1, 0.19, 2.5),
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
