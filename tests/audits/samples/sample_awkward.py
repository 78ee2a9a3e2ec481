"""Functions on which an audit says something false easily: refusals, wrong places, shapes, parities, confounded sizes."""

import numpy as np
from sample_watched import truth


def right(dy, x, w, b, stride, padding):
    return truth(x, w, b, dy, stride, padding)


def bias_column(x, w, b, dy, stride, padding):
    dx, dw, db = right(dy, x, w, b, stride, padding)
    return dx, dw, db.reshape(-1, 1)


def dw_first(x, w, b, dy, stride, padding):
    dx, dw, db = right(dy, x, w, b, stride, padding)
    return dw, dx, db


def size_check(x, w, b, dy, stride, padding):
    size = (np.array(x.shape[2:]) + 2 * padding - np.array(w.shape[2:])) / stride + 1
    if not all(v.is_integer() for v in size):
        raise ValueError(f"stride {stride} does not fit")
    return right(dy, x, w, b, stride, padding)


def raises_on_stride(x, w, b, dy, stride, padding):
    if stride > 1:
        raise ValueError("cannot")
    return right(dy, x, w, b, stride, padding)


def _padded(x, pad):
    if min(pad) < 0:
        raise ValueError(f"padding cannot be less than 0, not {pad}")
    return np.pad(x, ((0, 0), (0, 0), (pad[0], pad[0]), (pad[1], pad[1])))


def helper_refuses(x, w, b, dy, stride, padding):
    """The helper is given a padding that was worked out wrongly."""
    pad = tuple(k - 1 - 2 * padding for k in w.shape[2:])
    _padded(x, pad)
    return right(dy, x, w, b, stride, padding)


def _check(stride, padding):
    if padding > 1:
        raise ValueError("paddings up to 1")


def helper_checks(x, w, b, dy, stride, padding):
    _check(stride, padding)
    return right(dy, x, w, b, stride, padding)


def one_position(x, w, b, dy, stride, padding):
    """Rows too many in dx, where there is one output row or column: there the stride has nothing to do with it."""
    dx, dw, db = right(dy, x, w, b, stride, padding)
    if 1 in dy.shape[2:]:
        dx = np.concatenate([dx, 0 * dx[:, :, :1]], axis=2)
    return dx, dw, db


def reads_outside(x, w, b, dy, stride, padding):
    dx, dw, db = right(dy, x, w, b, stride, padding)
    beyond = np.lib.stride_tricks.as_strided(dy, (*dy.shape[:3], dy.shape[3] + 1), dy.strides)
    return dx + 0 * beyond.sum(), dw, db


def python2_division(x, w, b, dy, stride, padding):
    oh = (x.shape[2] + 2 * padding - w.shape[2]) / stride + 1
    for _ in range(oh):
        pass
    return right(dy, x, w, b, stride, padding)


def shifted_when_even(x, w, b, dy, stride, padding):
    dx, dw, db = right(dy, x, w, b, stride, padding)
    shift = tuple(-((k + 1) % 2) for k in w.shape[2:])
    return np.roll(dx, shift, axis=(2, 3)), dw, db


def reshaped_dw(x, w, b, dy, stride, padding):
    dx, dw, db = right(dy, x, w, b, stride, padding)
    return dx, dw.transpose(1, 0, 2, 3).reshape(dw.shape), db


def right_when_f_is_1(x, w, b, dy, stride, padding):
    if len(b) > 1:
        raise TypeError("truth of an array")
    return right(dy, x, w, b, stride, padding)


def one_axis(x, w, b, dy, stride, padding):
    """dx forgets the stride on the second axis."""
    dx, dw, db = right(dy, x, w, b, stride, padding)
    n, c, h, ww = x.shape
    wide = np.zeros((n, c, h + 2 * padding + w.shape[2], ww + 2 * padding + dy.shape[3] + w.shape[3]), dtype=dx.dtype)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            wide[:, :, i * stride : i * stride + w.shape[2], j : j + w.shape[3]] += np.einsum(
                "nf,fckl->nckl", dy[:, :, i, j], w
            )
    return wide[:, :, padding : padding + h, padding : padding + ww], dw, db


def two_exceptions(x, w, b, dy, stride, padding):
    if stride == 2:
        {}["first"]
    if stride == 3:
        [][3]
    return right(dy, x, w, b, stride, padding)


def complex_db(x, w, b, dy, stride, padding):
    dx, dw, db = right(dy, x, w, b, stride, padding)
    return dx, dw, db if db.dtype == object else db + 0j


def half_dw(x, w, b, dy, stride, padding):
    dx, dw, db = right(dy, x, w, b, stride, padding)
    return dx, dw / (len(x) + 1), db
