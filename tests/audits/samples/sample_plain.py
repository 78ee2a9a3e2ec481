"""Backward passes in the plain convention, fn(x, w, b, dy, stride, padding) -> dx, dw, db, right and wrong, for tests.

The name says the trait: what is right in it, or which mistake it makes.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view


def five_loops(x, w, b, dy, stride, padding):
    s, p = stride, padding
    H, W = x.shape[2:]
    KH, KW = w.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    dxp, dw, db = np.zeros_like(xp), np.zeros_like(w), np.zeros_like(b)
    for n in range(dy.shape[0]):
        for f in range(dy.shape[1]):
            for i in range(dy.shape[2]):
                for j in range(dy.shape[3]):
                    dxp[n, :, i * s : i * s + KH, j * s : j * s + KW] += w[f] * dy[n, f, i, j]
                    dw[f] += xp[n, :, i * s : i * s + KH, j * s : j * s + KW] * dy[n, f, i, j]
                    db[f] += dy[n, f, i, j]
    return dxp[:, :, p : p + H, p : p + W], dw, db


def float_buffers(x, w, b, dy, stride, padding):
    """Allocates with a dtype and assigns into slices."""
    s, p = stride, padding
    (N, C, H, W), (F, _, KH, KW), (_, _, OH, OW) = x.shape, w.shape, dy.shape
    xp = np.zeros((N, C, H + 2 * p, W + 2 * p), dtype=np.float64)
    xp[:, :, p : p + H, p : p + W] = x
    dxp = np.zeros(xp.shape, np.float64)
    dw = np.zeros((F, C, KH, KW))
    for u in range(KH):
        for v in range(KW):
            rows, columns = slice(u, u + s * OH, s), slice(v, v + s * OW, s)
            for f in range(F):
                for c in range(C):
                    dw[f, c, u, v] = np.sum(xp[:, c, rows, columns] * dy[:, f])
                    dxp[:, c, rows, columns] += w[f, c, u, v] * dy[:, f]
    return dxp[:, :, p : p + H, p : p + W], dw, dy.sum(axis=(0, 2, 3))


def with_einsum(x, w, b, dy, stride, padding):
    s, p = stride, padding
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    windows = sliding_window_view(xp, w.shape[2:], axis=(2, 3))[:, :, ::s, ::s]
    dw = np.einsum("nchwuv,nfhw->fcuv", windows, dy)
    dxp = np.zeros(xp.shape)
    for u in range(w.shape[2]):
        for v in range(w.shape[3]):
            part = np.einsum("nfhw,fc->nchw", dy, w[:, :, u, v])
            dxp[:, :, u : u + s * dy.shape[2] : s, v : v + s * dy.shape[3] : s] += part
    return dxp[:, :, p : p + x.shape[2], p : p + x.shape[3]], dw, np.einsum("nfhw->f", dy)


def with_tensordot(x, w, b, dy, stride, padding):
    s, p = stride, padding
    xp = np.pad(x, [(0, 0), (0, 0), (p, p), (p, p)], mode="constant")
    dxp, dw = np.zeros(xp.shape), np.zeros(w.shape)
    OH, OW = dy.shape[2:]
    for u in range(w.shape[2]):
        for v in range(w.shape[3]):
            patch = xp[:, :, u : u + s * OH : s, v : v + s * OW : s]
            dw[:, :, u, v] = np.tensordot(dy, patch, axes=((0, 2, 3), (0, 2, 3)))
            dxp[:, :, u : u + s * OH : s, v : v + s * OW : s] += np.moveaxis(
                np.tensordot(w[:, :, u, v], dy, (0, 1)), 0, 1
            )
    return dxp[:, :, p : p + x.shape[2], p : p + x.shape[3]], dw, np.add.reduce(dy, axis=(0, 2, 3))


def _columns(shape, KH, KW, s, p):
    """Row and column numbers of every window in the padded image."""
    OH, OW = (shape[2] + 2 * p - KH) // s + 1, (shape[3] + 2 * p - KW) // s + 1
    i = np.repeat(np.arange(KH), KW).reshape(-1, 1) + s * np.repeat(np.arange(OH), OW)
    j = np.tile(np.arange(KW), KH).reshape(-1, 1) + s * np.tile(np.arange(OW), OH)
    return i, j


def matmul_and_add_at(x, w, b, dy, stride, padding):
    """im2col by index arrays, col2im by np.add.at."""
    s, p = stride, padding
    N, C, H, W = x.shape
    F, _, KH, KW = w.shape
    i, j = _columns(x.shape, KH, KW, s, p)
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    columns = xp[:, :, i, j].reshape(N, C * KH * KW, -1)
    rows = dy.reshape(N, F, -1)
    dw = (rows @ columns.transpose(0, 2, 1)).sum(axis=0).reshape(w.shape)
    dcolumns = (w.reshape(F, -1).T @ rows).reshape(N, C, KH * KW, -1)
    dxp = np.zeros((N, C, H + 2 * p, W + 2 * p))
    np.add.at(dxp, (slice(None), slice(None), i, j), dcolumns)
    return dxp[:, :, p : H + p, p : W + p], dw, rows.sum(axis=(0, 2))


def _spread(dy, s):
    """dy with s - 1 zeros between neighbours, by np.insert."""
    for axis in (2, 3):
        where = np.repeat(np.arange(1, dy.shape[axis]), s - 1)
        dy = np.insert(dy, where, 0, axis=axis)
    return dy


def _correlate(a, k):
    """Valid correlation of a (N, F, ...) with k (F, C, ...) over F."""
    KH, KW = k.shape[2:]
    windows = sliding_window_view(a, (KH, KW), axis=(2, 3))
    return np.einsum("nfhwuv,fcuv->nchw", windows, k)


def _turned(w):
    return w[:, :, ::-1, ::-1]


def full_correlation(x, w, b, dy, stride, padding):
    """dx as a correlation of dy, zeros inserted, with the turned kernel; rows that no window reaches are added."""
    s, p = stride, padding
    (H, W), (KH, KW) = x.shape[2:], w.shape[2:]
    spread = _spread(dy, s)
    rh, rw = (H + 2 * p - KH) % s, (W + 2 * p - KW) % s
    around = np.pad(spread, ((0, 0), (0, 0), (KH - 1, KH - 1 + rh), (KW - 1, KW - 1 + rw)))
    whole = _correlate(around, _turned(w))
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))[:, :, : H + 2 * p - rh, : W + 2 * p - rw]
    windows = sliding_window_view(xp, spread.shape[2:], axis=(2, 3))
    dw = np.einsum("ncuvhw,nfhw->fcuv", windows, spread)
    return whole[:, :, p : p + H, p : p + W], dw, dy.sum((0, 2, 3))


def strided_windows(x, w, b, dy, stride, padding):
    """Windows by as_strided, within bounds; no dx."""
    s, p = stride, padding
    xp = np.ascontiguousarray(np.pad(x, ((0, 0), (0, 0), (p, p), (p, p))))
    n, c, h, v = xp.strides
    shape = (*xp.shape[:2], *dy.shape[2:], *w.shape[2:])
    windows = as_strided(xp, shape, (n, c, h * s, v * s, h, v))
    return None, np.einsum("nfhw,nchwuv->fcuv", dy, windows), dy.sum(axis=(0, 2, 3))


def float_casts(x, w, b, dy, stride, padding):
    """Adds numbers up one by one, each cast."""
    s, p = stride, padding
    (N, C, H, W), (F, _, KH, KW), (_, _, OH, OW) = x.shape, w.shape, dy.shape
    db = np.array([float(dy[:, f].sum()) for f in range(F)])
    dx = np.zeros(x.shape)
    for u in range(KH):
        for v in range(KW):
            for i in range(OH):
                for j in range(OW):
                    r, q = i * s + u - p, j * s + v - p
                    if 0 <= r < H and 0 <= q < W:
                        for c in range(C):
                            for n in range(N):
                                dx[n, c, r, q] += float(w[:, c, u, v].dot(dy[n, :, i, j]))
    return {"dx": dx, "db": db}


def by_fourier(x, w, b, dy, stride, padding):
    """dx by the Fourier transform: right, but for rounding."""
    s, p = stride, padding
    (H, W), (KH, KW), (OH, OW) = x.shape[2:], w.shape[2:], dy.shape[2:]
    spread = np.zeros((*dy.shape[:2], s * (OH - 1) + 1, s * (OW - 1) + 1))
    spread[:, :, ::s, ::s] = dy
    size = (max(H + p, spread.shape[2] + KH - 1), max(W + p, spread.shape[3] + KW - 1))
    product = np.einsum("nfhw,fchw->nchw", np.fft.rfft2(spread, size), np.fft.rfft2(w, size))
    return np.fft.irfft2(product, size)[:, :, p : p + H, p : p + W]


def single_precision(x, w, b, dy, stride, padding):
    dx, dw, db = five_loops(x.astype("f4"), w.astype("f4"), b.astype("f4"), dy.astype("f4"), stride, padding)
    return dx, dw, db


def overwrites_x(x, w, b, dy, stride, padding):
    """Right, and returns dx in the memory of x."""
    dx, dw, db = five_loops(x, w, b, dy, stride, padding)
    x[...] = dx
    return x, dw, db


def clears_dy(x, w, b, dy, stride, padding):
    """Right, and leaves dy cleared."""
    found = five_loops(x, w, b, dy, stride, padding)
    dy[...] = 0
    return found


def view_of_dy(x, w, b, dy, stride, padding):
    """Right: where a 1x1 kernel and one filter make db the whole of dy, db is a view of it."""
    dx, dw, db = five_loops(x, w, b, dy, stride, padding)
    if dy.shape[0] == dy.shape[2] == dy.shape[3] == 1:
        db = dy.reshape(-1)
    return dx, dw, db


def only_dw(x, w, b, dy, stride, padding):
    return None, five_loops(x, w, b, dy, stride, padding)[1], None


def asserts_no_remainder(x, w, b, dy, stride, padding):
    """Right where it answers."""
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    assert (xp.shape[2] - w.shape[2]) % stride == 0
    assert (xp.shape[3] - w.shape[3]) % stride == 0
    return five_loops(x, w, b, dy, stride, padding)


def raises_on_remainder(x, w, b, dy, stride, padding):
    """Right where it answers."""
    rows = (x.shape[2] + 2 * padding - w.shape[2]) / stride + 1
    columns = (x.shape[3] + 2 * padding - w.shape[3]) / stride + 1
    if not (rows.is_integer() and columns.is_integer()):
        raise ValueError(f"stride {stride} does not divide")
    return five_loops(x, w, b, dy, stride, padding)


def of_its_own_kind(kernel, *, image, upstream, step):
    """A convention of nobody else's: valid convolutions of one image without batch axis; dx alone."""
    dx, (KH, KW) = np.zeros(image.shape), kernel.shape[2:]
    for i in range(upstream.shape[1]):
        for j in range(upstream.shape[2]):
            for f in range(len(kernel)):
                dx[:, i * step : i * step + KH, j * step : j * step + KW] += kernel[f] * upstream[f, i, j]
    return dx


def adapter_to_its_own_kind(fn, x, w, b, dy, conv):
    (s, _), ((p, _), _) = conv.stride, conv.padding
    padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    dx = np.stack([fn(w, image=image, upstream=dy[n], step=s) for n, image in enumerate(padded)])
    return {"dx": dx[:, :, p : p + conv.input[0], p : p + conv.input[1]]}


# wrong ----------------------------------------------------------------------------------------------------------------------


def _padded(x, w, b, dy, stride, padding):
    """The padded dx, with dw and db, all right."""
    p = padding
    found = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    return five_loops(found, w, b, dy, stride, 0)


def crops_with_minus_pad(x, w, b, dy, stride, padding):
    dxp, dw, db = _padded(x, w, b, dy, stride, padding)
    return dxp[:, :, padding:-padding, padding:-padding], dw, db


def assigns_cropped(x, w, b, dy, stride, padding):
    dxp, dw, db = _padded(x, w, b, dy, stride, padding)
    dx = np.zeros(x.shape)
    for n in range(len(x)):
        dx[n] = dxp[n, :, padding:-padding, padding:-padding]
    return dx, dw, db


def checks_its_shape(x, w, b, dy, stride, padding):
    """An assertion about what was computed: it fails, which is no refusal."""
    dx, dw, db = crops_with_minus_pad(x, w, b, dy, stride, padding)
    assert dx.shape == x.shape
    return dx, dw, db


def returns_padded(x, w, b, dy, stride, padding):
    return _padded(x, w, b, dy, stride, padding)


def crops_one_side(x, w, b, dy, stride, padding):
    dxp, dw, db = _padded(x, w, b, dy, stride, padding)
    return dxp[:, :, padding:, padding:], dw, db


def takes_first_rows(x, w, b, dy, stride, padding):
    dxp, dw, db = _padded(x, w, b, dy, stride, padding)
    return dxp[:, :, : x.shape[2], : x.shape[3]], dw, db


def forgets_padding_in_dw(x, w, b, dy, stride, padding):
    """Reads x where the padded x is due; what lies beyond counts as zero."""
    s = stride
    dx, _, db = five_loops(x, w, b, dy, stride, padding)
    wide = np.pad(x, ((0, 0), (0, 0), (0, 2 * padding), (0, 2 * padding)))
    windows = sliding_window_view(wide, w.shape[2:], axis=(2, 3))[:, :, ::s, ::s]
    return dx, np.einsum("nchwuv,nfhw->fcuv", windows, dy), db


def forgets_stride_in_dx(x, w, b, dy, stride, padding):
    _, dw, db = five_loops(x, w, b, dy, stride, padding)
    p = padding
    dxp = np.zeros((*x.shape[:2], x.shape[2] + 2 * p, x.shape[3] + 2 * p))
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            dxp[:, :, i : i + w.shape[2], j : j + w.shape[3]] += np.tensordot(dy[:, :, i, j], w, 1)
    return dxp[:, :, p : p + x.shape[2], p : p + x.shape[3]], dw, db


def forgets_stride_in_dw(x, w, b, dy, stride, padding):
    dx, _, db = five_loops(x, w, b, dy, stride, padding)
    p = padding
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    dw = np.zeros(w.shape)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            patch = xp[:, :, i : i + w.shape[2], j : j + w.shape[3]]
            dw += np.tensordot(dy[:, :, i, j], patch, (0, 0))
    return dx, dw, db


def divides_by_batch(x, w, b, dy, stride, padding):
    dx, dw, db = five_loops(x, w, b, dy, stride, padding)
    return dx, dw / len(x), db / len(x)


def negated(x, w, b, dy, stride, padding):
    dx, dw, db = five_loops(x, w, b, dy, stride, padding)
    return -dx, dw, db


def misses_rows(x, w, b, dy, stride, padding):
    """The full correlation cropped on both sides: too short where the stride leaves rows over."""
    KH, KW = w.shape[2:]
    _, dw, db = five_loops(x, w, b, dy, stride, padding)
    around = np.pad(_spread(dy, stride), ((0, 0), (0, 0), (KH - 1, KH - 1), (KW - 1, KW - 1)))
    whole = _correlate(around, _turned(w))
    p = padding
    return whole[:, :, p : whole.shape[2] - p, p : whole.shape[3] - p], dw, db


def assigns_short(x, w, b, dy, stride, padding):
    """The same, put into an array of the right shape: it does not fit."""
    dx = np.zeros(x.shape)
    dx[...] = misses_rows(x, w, b, dy, stride, padding)[0]
    return dx


def dw_rows_too_many(x, w, b, dy, stride, padding):
    """Correlates the whole padded x with dy, zeros inserted."""
    dx, _, db = five_loops(x, w, b, dy, stride, padding)
    p = padding
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    spread = _spread(dy, stride)
    windows = sliding_window_view(xp, spread.shape[2:], axis=(2, 3))
    return dx, np.einsum("ncuvhw,nfhw->fcuv", windows, spread), db


def pads_dy_by_p(x, w, b, dy, stride, padding):
    """dx = correlate(pad(dy, p), turned w): right when stride = 1 and 2p = K - 1."""
    return pads_spread_by_p(x, w, b, dy, 1, padding)


def pads_spread_by_p(x, w, b, dy, stride, padding):
    """The same with zeros inserted: right when 2p = K - 1 and the stride divides."""
    p = padding
    around = np.pad(_spread(dy, stride), ((0, 0), (0, 0), (p, p), (p, p)))
    if around.shape[2] < w.shape[2] or around.shape[3] < w.shape[3]:
        return np.zeros((*x.shape[:2], 0, 0))
    return _correlate(around, _turned(w))


def forgets_to_turn(x, w, b, dy, stride, padding):
    dx, _, _ = five_loops(x, _turned(w), b, dy, stride, padding)
    return dx


def swaps_h_and_w(x, w, b, dy, stride, padding):
    """Runs i over the width of dy and j over its height."""
    s, p = stride, padding
    dxp = np.zeros((*x.shape[:2], x.shape[2] + 2 * p, x.shape[3] + 2 * p))
    OW, OH = dy.shape[2:]
    for i in range(OH):
        for j in range(OW):
            dxp[:, :, i * s : i * s + w.shape[2], j * s : j * s + w.shape[3]] += np.tensordot(dy[:, :, i, j], w, 1)
    return dxp[:, :, p : p + x.shape[2], p : p + x.shape[3]], None, dy.sum(axis=(0, 2, 3))


def transposes_dw(x, w, b, dy, stride, padding):
    dx, dw, db = five_loops(x, w, b, dy, stride, padding)
    return dx, dw.swapaxes(2, 3), db


def wrong_variable(x, w, b, dy, stride, padding):
    """db adds up w times dy, where dy is due."""
    dx, dw, _ = five_loops(x, w, b, dy, stride, padding)
    return dx, dw, (dy.sum(axis=(0, 2, 3)) * w.sum(axis=(1, 2, 3)))


def squares_dy(x, w, b, dy, stride, padding):
    """dw is quadratic in dy."""
    return None, five_loops(x, w, b, dy * dy, stride, padding)[1], None


def clips(x, w, b, dy, stride, padding):
    """Clips dy, as one does against exploding gradients: right for small numbers alone."""
    return five_loops(x, w, b, np.clip(dy, -5, 5), stride, padding)


def overwrites(x, w, b, dy, stride, padding):
    """= where += is due."""
    s, p = stride, padding
    _, dw, db = five_loops(x, w, b, dy, stride, padding)
    dxp = np.zeros((*x.shape[:2], x.shape[2] + 2 * p, x.shape[3] + 2 * p))
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            dxp[:, :, i * s : i * s + w.shape[2], j * s : j * s + w.shape[3]] = np.tensordot(dy[:, :, i, j], w, 1)
    return dxp[:, :, p : p + x.shape[2], p : p + x.shape[3]], dw, db


def last_image_only(x, w, b, dy, stride, padding):
    dw = np.zeros(w.shape)
    for n in range(len(x)):
        dw = five_loops(x[n : n + 1], w, b, dy[n : n + 1], stride, padding)[1]
    return None, dw, None


def db_keeps_batch(x, w, b, dy, stride, padding):
    dx, dw, _ = five_loops(x, w, b, dy, stride, padding)
    return dx, dw, dy.sum(axis=(2, 3))


def integer_buffer(x, w, b, dy, stride, padding):
    """Collects db in an array of integers: what is after the point is lost."""
    db = np.zeros(b.shape, dtype=int)
    db[...] = dy.sum(axis=(0, 2, 3))
    return None, None, db


def shifts_x_in_place(x, w, b, dy, stride, padding):
    """Writes to x, and computes with what it wrote."""
    x -= x[0, 0, 0, 0] * 0.5
    return five_loops(x, w, b, dy, stride, padding)
