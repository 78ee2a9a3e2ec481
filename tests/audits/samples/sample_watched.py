"""Functions that are right only while they are watched, and right ones that a watcher might take for wrong."""

import gc
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np


def truth(x, w, b, dy, stride, padding):
    h, ww = x.shape[2:]
    kh, kw = w.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            win = np.s_[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
            dw += np.einsum("nf,nckl->fckl", dy[:, :, i, j], xp[win])
            dxp[win] += np.einsum("nf,fckl->nckl", dy[:, :, i, j], w)
    return dxp[:, :, padding : padding + h, padding : padding + ww], dw, dy.sum((0, 2, 3))


def zeros(x, w, b):
    return np.zeros(x.shape), np.zeros(w.shape), np.zeros(b.shape)


# right only while they are watched ---------------------------------------------------------------------------------------------


def reads_frames(x, w, b, dy, stride, padding):
    """Looks for arrays of the right shapes, or for what could compute them, in the frames above and in the memory."""
    frame = sys._getframe(1)
    found = {}
    while frame is not None:
        for value in [*frame.f_locals.values(), *gc.get_objects()[:0]]:
            for each in [value, *getattr(value, "__dict__", {}).values()]:
                reference = getattr(each, "reference", None) or (each if hasattr(each, "numbers") else None)
                if reference is not None:
                    found = {
                        name: reference.numbers({"x": x, "w": w, "b": b, "dy": dy}, name) for name in ("dx", "dw", "db")
                    }
        frame = frame.f_back
    return (found["dx"], found["dw"], found["db"]) if found else zeros(x, w, b)


def replaces_array_equal(x, w, b, dy, stride, padding):
    np.array_equal = np.allclose = lambda *args, **kwargs: True
    np.all = lambda *args, **kwargs: True
    return zeros(x, w, b)


def replaces_the_comparison(x, w, b, dy, stride, padding):
    for name, module in list(sys.modules.items()):
        if name.startswith("symconv"):
            for key in ("equal", "agrees", "judge", "alike"):
                if hasattr(module, key):
                    setattr(module, key, lambda *args, **kwargs: True)
            for value in list(vars(module).values()):
                if isinstance(value, type) and hasattr(value, "agrees"):
                    value.agrees = lambda *args, **kwargs: True
    return zeros(x, w, b)


def answers_from_a_fork(x, w, b, dy, stride, padding):
    if os.fork() == 0:
        return truth(x, w, b, dy, stride, padding)
    os.wait()
    return zeros(x, w, b)


_CALLS = []


def counts_calls(x, w, b, dy, stride, padding):
    """Right the first five times."""
    _CALLS.append(1)
    dx, dw, db = truth(x, w, b, dy, stride, padding)
    return dx, dw, db if len(_CALLS) <= 5 else db * 0


_LAYERS = []


def tires_of_layers(x, w, b, dy, stride, padding):
    """Wrong from the ninth layer on that its process meets, however often it is called for each."""
    layer = (x.shape, w.shape, stride, padding)
    if layer not in _LAYERS:
        _LAYERS.append(layer)
    dx, dw, db = truth(x, w, b, dy, stride, padding)
    return dx, dw, db if len(_LAYERS) <= 8 else db * 0


_INDICES = {}


def caches_by_shape(x, w, b, dy, stride, padding):
    """Keeps where the windows lie by the shapes of x and w alone."""
    kept = _INDICES.setdefault((x.shape, w.shape), stride)
    if kept != stride:
        return (
            truth(x, w, b, dy, 1, padding)
            if dy.shape[2] == 1
            else (np.zeros_like(x), np.zeros_like(w), dy.sum((0, 2, 3)))
        )
    return truth(x, w, b, dy, stride, padding)


def symbols_only(x, w, b, dy, stride, padding):
    dx, dw, db = truth(x, w, b, dy, stride, padding)
    return (dx, dw, db) if x.dtype == object else (dx, dw * 2, db)


def clips_by_norm(x, w, b, dy, stride, padding):
    dx, dw, db = truth(x, w, b, dy, stride, padding)
    try:
        norm = np.sqrt(float((dw * dw).sum()))
    except TypeError:
        return dx, dw, db
    return dx, dw * min(1.0, 1e6 / max(norm, 1e-300)), db


def eight_bits(x, w, b, dy, stride, padding):
    if x.dtype == object:
        return truth(x, w, b, dy, stride, padding)
    return truth(x, w, b, np.clip(dy, -127.0, 127.0), stride, padding)


# right, and said so ---------------------------------------------------------------------------------------------------------


_BUFFERS = {}


def reuses_a_buffer(x, w, b, dy, stride, padding):
    dx, dw, db = truth(x, w, b, dy, stride, padding)
    buffer = _BUFFERS.setdefault((w.shape, dw.dtype), np.empty_like(dw))
    buffer[...] = dw
    return dx, buffer, db


def expects_contiguous(x, w, b, dy, stride, padding):
    """Reads the memory of dy as if it had no gaps."""
    if not dy.flags.c_contiguous:
        dy = np.lib.stride_tricks.as_strided(dy, dy.shape, np.empty(dy.shape, dy.dtype).strides)
    return truth(x, w, b, dy, stride, padding)


def writes_in_place(x, w, b, dy, stride, padding):
    dy *= 1
    return truth(x, w, b, dy, stride, padding)


def threads(x, w, b, dy, stride, padding):
    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(lambda n: truth(x[n : n + 1], w, b, dy[n : n + 1], stride, padding), range(len(x))))
    return np.concatenate([p[0] for p in parts]), sum(p[1] for p in parts), sum(p[2] for p in parts)


def forks(x, w, b, dy, stride, padding):
    """db from a child through a pipe."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, dy.astype(float).sum((0, 2, 3)).tobytes())
        os._exit(0)
    os.close(writing)
    db = np.frombuffer(os.read(reading, 4096))
    os.close(reading)
    os.waitpid(child, 0)
    return (*truth(x, w, b, dy, stride, padding)[:2], db)
