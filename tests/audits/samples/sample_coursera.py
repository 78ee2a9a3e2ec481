"""Passes in the coursera convention: NHWC, W (f, f, C, F), b (1, 1, 1, F); backward(dZ, cache) -> dA_prev, dW, db."""

import numpy as np


def zero_pad(X, pad):
    return np.pad(X, ((0, 0), (pad, pad), (pad, pad), (0, 0)))


def conv_forward(A_prev, W, b, hparameters):
    f, n_C = W.shape[0], W.shape[3]
    stride, pad = hparameters["stride"], hparameters["pad"]
    m, n_H_prev, n_W_prev, _ = A_prev.shape
    n_H, n_W = (n_H_prev - f + 2 * pad) // stride + 1, (n_W_prev - f + 2 * pad) // stride + 1
    Z = np.zeros((m, n_H, n_W, n_C))
    padded = zero_pad(A_prev, pad)
    for i in range(m):
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    a = padded[i, h * stride : h * stride + f, w * stride : w * stride + f]
                    Z[i, h, w, c] = np.sum(a * W[..., c]) + b[0, 0, 0, c]
    return Z, (A_prev, W, b, hparameters)


def conv_backward(dZ, cache, scale=1, step=True, crop=None):
    A_prev, W, b, hparameters = cache
    f = W.shape[0]
    stride, pad = hparameters["stride"], hparameters["pad"]
    m, n_H_prev, n_W_prev, _ = A_prev.shape
    padded = zero_pad(A_prev, pad)
    d_padded, dW, db = np.zeros(padded.shape), np.zeros(W.shape), np.zeros(b.shape)
    by = stride if step else 1
    for i in range(m):
        for h in range(dZ.shape[1]):
            for w in range(dZ.shape[2]):
                for c in range(dZ.shape[3]):
                    rows, columns = slice(h * by, h * by + f), slice(w * by, w * by + f)
                    d_padded[i, rows, columns] += W[:, :, :, c] * dZ[i, h, w, c]
                    dW[..., c] += padded[i, rows, columns] * dZ[i, h, w, c] * scale
                    db[..., c] += dZ[i, h, w, c] * scale
    if crop is not None:
        return crop(d_padded, A_prev, pad), dW, db
    return d_padded[:, pad : pad + n_H_prev, pad : pad + n_W_prev], dW, db


def conv_backward_crops(dZ, cache):
    """dA_prev[i] = d_padded[i, pad:-pad, pad:-pad], which ends in an exception at pad 0."""

    def crop(d_padded, A_prev, pad):
        dA_prev = np.zeros(A_prev.shape)
        for i in range(len(A_prev)):
            dA_prev[i, :, :, :] = d_padded[i, pad:-pad, pad:-pad, :]
        assert dA_prev.shape == A_prev.shape
        return dA_prev

    return conv_backward(dZ, cache, crop=crop)


def conv_backward_no_stride(dZ, cache):
    return conv_backward(dZ, cache, step=False)


def conv_backward_mean(dZ, cache):
    return conv_backward(dZ, cache, scale=1 / len(dZ))


def conv_backward_swaps(dZ, cache):
    """h runs over the columns of dZ and w over its rows."""
    return conv_backward(dZ.transpose(0, 2, 1, 3), cache)


def conv_backward_flat_bias(dZ, cache):
    """db of shape (F,), where (1, 1, 1, F) is documented."""
    dA_prev, dW, db = conv_backward(dZ, cache)
    return dA_prev, dW, db.reshape(-1)
