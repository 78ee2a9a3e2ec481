import numpy as np


def conv_fwd(x, w, b, stride, padding):
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(xp, w.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    return np.einsum("ncijkl,fckl->nfij", windows, w) + b[None, :, None, None], (x, w, windows, stride, padding)


def conv_bwd(res, g):
    x, w, windows, stride, padding = res
    dw = np.einsum("nfij,ncijkl->fckl", g, windows)
    kh, kw = w.shape[2:]
    spread = np.zeros((*g.shape[:2], (g.shape[2] - 1) * stride + 1, (g.shape[3] - 1) * stride + 1), g.dtype)
    spread[:, :, ::stride, ::stride] = g
    full = np.pad(spread, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    win = np.lib.stride_tricks.sliding_window_view(full, (kh, kw), (2, 3))
    dxp = np.einsum("nfijkl,fckl->ncij", win, w[:, :, ::-1, ::-1])
    dx = np.zeros((x.shape[0], x.shape[1], x.shape[2] + 2 * padding, x.shape[3] + 2 * padding), g.dtype)
    dx[:, :, : dxp.shape[2], : dxp.shape[3]] = dxp
    return dx[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]], dw, g.sum((0, 2, 3))
