"""Passes in the cs231n convention: forward(x, w, b, conv_param) -> out, cache; backward(dout, cache) -> dx, dw, db."""

import numpy as np


def conv_forward_naive(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, _, H, W = x.shape
    F, _, HH, WW = w.shape
    x_pad = np.pad(x, ((0,), (0,), (pad,), (pad,)), mode="constant")
    H_out, W_out = 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride
    out = np.zeros((N, F, H_out, W_out))
    for i in range(H_out):
        for j in range(W_out):
            window = x_pad[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
            for f in range(F):
                out[:, f, i, j] = np.sum(window * w[f], axis=(1, 2, 3)) + b[f]
    return out, (x, w, b, conv_param)


def conv_backward_naive(dout, cache):
    x, w, _, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    _, _, HH, WW = w.shape
    x_pad = np.pad(x, ((0,), (0,), (pad,), (pad,)), mode="constant")
    dx_pad, dw = np.zeros_like(x_pad), np.zeros_like(w)
    db = np.sum(dout, axis=(0, 2, 3))
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            rows, columns = slice(i * stride, i * stride + HH), slice(j * stride, j * stride + WW)
            window = x_pad[:, :, rows, columns]
            for f in range(len(w)):
                dw[f] += np.sum(window * dout[:, f, i, j][:, None, None, None], axis=0)
            for n in range(len(x)):
                dx_pad[n, :, rows, columns] += np.sum(w * dout[n, :, i, j][:, None, None, None], axis=0)
    return dx_pad[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]], dw, db


def conv_backward_crops(dout, cache):
    x, w, b, conv_param = cache
    pad = conv_param["pad"]
    padded = np.pad(x, ((0,), (0,), (pad,), (pad,)), mode="constant")
    dx, dw, db = conv_backward_naive(dout, (padded, w, b, {"stride": conv_param["stride"], "pad": 0}))
    return dx[:, :, pad:-pad, pad:-pad], dw, db


def conv_forward_columns(x, w, b, conv_param):
    """A cache of its own: the columns come along."""
    out, _ = conv_forward_naive(x, w, b, conv_param)
    stride, pad = conv_param["stride"], conv_param["pad"]
    x_pad = np.pad(x, ((0,), (0,), (pad,), (pad,)))
    columns = [
        x_pad[:, :, i * stride : i * stride + w.shape[2], j * stride : j * stride + w.shape[3]].reshape(len(x), -1)
        for i in range(out.shape[2])
        for j in range(out.shape[3])
    ]
    return out, (x.shape, w, conv_param, np.stack(columns, axis=2))


def conv_backward_columns(dout, cache):
    _, w, _, columns = cache
    flat = dout.reshape(*dout.shape[:2], -1)
    dw = sum(flat[n] @ columns[n].T for n in range(len(dout))).reshape(w.shape)
    return None, dw, flat.sum(axis=(0, 2))


def conv_forward_unpadded(x, w, b, conv_param):
    """Forgets the padding: not the layer that was asked for."""
    return conv_forward_naive(x, w, b, {"stride": conv_param["stride"], "pad": 0})[0], (x, w, b, conv_param)


def conv_backward_unpadded(dout, cache):
    """The gradient of conv_forward_unpadded."""
    x, w, b, conv_param = cache
    return conv_backward_naive(dout, (x, w, b, {"stride": conv_param["stride"], "pad": 0}))


def conv_forward_turned(x, w, b, conv_param):
    """A convolution in the sense of mathematics: the kernel is turned."""
    return conv_forward_naive(x, w[:, :, ::-1, ::-1], b, conv_param)


def conv_forward_turned_no_bias(x, w, b, conv_param):
    return conv_forward_turned(x, w, 0 * b, conv_param)[0]


def conv_forward_no_bias(x, w, b, conv_param):
    return conv_forward_naive(x, w, 0 * b, conv_param)[0]
