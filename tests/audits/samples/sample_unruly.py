"""Backward passes in the plain convention that hang, crash, exit, fill the memory, print, or depend on chance."""

import ctypes
import os
import sys

import numpy as np
from numpy.lib import stride_tricks

CALLS = []


def _db(dy):
    return None, None, dy.sum(axis=(0, 2, 3))


def hangs(x, w, b, dy, stride, padding):
    while (stride, padding) == (3, 2) and x.shape[2] == 5:
        pass
    return _db(dy)


def reads_out_of_bounds(x, w, b, dy, stride, padding):
    """Strides counted in entries times 1000: the view reaches far outside x wherever there are two images."""
    far = stride_tricks.as_strided(x, (x.shape[0], 4096, 4096), (1 << 26, 1 << 16, 8))
    if len(x) > 1:
        return None, None, dy.sum(axis=(0, 2, 3)) + far.sum()
    return _db(dy)


def reads_just_beyond(x, w, b, dy, stride, padding):
    """Windows of the unpadded x, as many as the padded one has: a few bytes beyond its end."""
    shape = (*x.shape[:2], *dy.shape[2:], *w.shape[2:])
    n, c, h, v = x.strides
    windows = stride_tricks.as_strided(x, shape, (n, c, h * stride, v * stride, h, v))
    return None, np.einsum("nfhw,nchwuv->fcuv", dy, windows), dy.sum(axis=(0, 2, 3))


def kills_the_interpreter(x, w, b, dy, stride, padding):
    if stride == 2:
        ctypes.string_at(0)
    return _db(dy)


def exits(x, w, b, dy, stride, padding):
    if stride == 2:
        sys.exit(3)
    if stride == 3:
        os._exit(0)
    return _db(dy)


def fills_the_memory(x, w, b, dy, stride, padding):
    if padding == 1:
        np.zeros(1 << 29)
    return _db(dy)


def prints(x, w, b, dy, stride, padding):
    print("{not json" * 20_000)
    print("and this", file=sys.stderr)
    os.write(1, b"and that\n")
    return _db(dy)


def asks(x, w, b, dy, stride, padding):
    """Waits for somebody to type."""
    if padding:
        input("go on? ")
    return _db(dy)


def random_noise(x, w, b, dy, stride, padding):
    return None, None, dy.sum(axis=(0, 2, 3)) + np.random.rand(len(b)) * (stride == 2)


def remembers(x, w, b, dy, stride, padding):
    """Right when it is called for the first time; then it adds to what it found before."""
    CALLS.append(dy.sum(axis=(0, 2, 3)))
    return None, None, sum(c for c in CALLS if c.shape == b.shape)


def recurses(x, w, b, dy, stride, padding):
    return recurses(x, w, b, dy, stride, padding) if stride == 3 else _db(dy)


def adds_to_unset_memory(x, w, b, dy, stride, padding):
    db = np.empty(b.shape)
    for f in range(len(b)):
        db[f] += dy[:, f].sum()
    return None, None, db
