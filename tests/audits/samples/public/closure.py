import numpy as np


def conv2d(x, w, b, stride=1, pad=0):
    """Forward pass; returns the output and a function computing the gradients."""
    _n, c, h, wd = x.shape
    f, _, kh, kw = w.shape
    xp = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    oh, ow = (h + 2 * pad - kh) // stride + 1, (wd + 2 * pad - kw) // stride + 1
    cols = np.stack(
        [xp[:, :, i : i + stride * oh : stride, j : j + stride * ow : stride] for i in range(kh) for j in range(kw)], 2
    )
    y = np.einsum("nckij,fck->nfij", cols, w.reshape(f, c, kh * kw)) + b[:, None, None]

    def backward(dy):
        dw = np.einsum("nfij,nckij->fck", dy, cols).reshape(w.shape)
        dcols = np.einsum("nfij,fck->nckij", dy, w.reshape(f, c, -1))
        dxp = np.zeros(xp.shape)
        for k in range(kh * kw):
            i, j = divmod(k, kw)
            dxp[:, :, i : i + stride * oh : stride, j : j + stride * ow : stride] += dcols[:, :, k]
        return dxp[:, :, pad : pad + h, pad : pad + wd], dw, dy.sum(axis=(0, 2, 3))

    return y, backward
