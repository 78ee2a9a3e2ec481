"""Names by which layers are built elsewhere, found out: sizes apart, pairs by their defaults, axes called alike."""

from __future__ import annotations

import pytest

from symconv import prove

SIZES = """
import numpy as np


class ConvLayer:
    def __init__(self, x_ch, x_h, x_w, n_flt, flt_h, flt_w, stride, pad):
        self.params = (x_ch, x_h, x_w, n_flt, flt_h, flt_w, stride, pad)
        self.w, self.b = np.random.randn(n_flt, x_ch, flt_h, flt_w), np.random.randn(1, n_flt)
        self.y_h, self.y_w = (x_h - flt_h + 2 * pad) // stride + 1, (x_w - flt_w + 2 * pad) // stride + 1

    def forward(self, x):
        x_ch, x_h, x_w, n_flt, flt_h, flt_w, s, p = self.params
        wide = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        self.taps = np.zeros((x.shape[0], x_ch, flt_h, flt_w, self.y_h, self.y_w))
        for i in range(flt_h):
            for j in range(flt_w):
                self.taps[:, :, i, j] = wide[:, :, i : i + s * self.y_h : s, j : j + s * self.y_w : s]
        return np.einsum("ncklij,fckl->nfij", self.taps, self.w) + self.b[0][:, None, None]

    def backward(self, grad_y):
        x_ch, x_h, x_w, n_flt, flt_h, flt_w, s, p = self.params
        self.grad_w, self.grad_b = np.einsum("nfij,ncklij->fckl", grad_y, self.taps), grad_y.sum(axis=(0, 2, 3))
        taps = np.einsum("nfij,fckl->ncklij", grad_y, self.w)
        wide = np.zeros((grad_y.shape[0], x_ch, x_h + 2 * p, x_w + 2 * p))
        for i in range(flt_h):
            for j in range(flt_w):
                wide[:, :, i : i + s * self.y_h : s, j : j + s * self.y_w : s] += taps[:, :, i, j]
        self.grad_x = wide[:, :, p : p + x_h, p : p + x_w]
        return self.grad_x
"""
PAIRS = """
import numpy as np


def conv_forward(z, K, b, padding=(0, 0), strides=(1, 1)):
    return None


def conv_backward(next_dz, K, z, padding=(0, 0), strides=(1, 1)):
    N, C, H, W = z.shape
    C, D, k, l = K.shape
    _, _, rows, columns = next_dz.shape
    s, t = strides
    wide = np.pad(z, ((0, 0), (0, 0), (padding[0], padding[0]), (padding[1], padding[1])))
    dK = np.zeros(K.shape)
    for i in range(k):
        for j in range(l):
            dK[:, :, i, j] = np.einsum("ncab,ndab->cd", wide[:, :, i : i + s * rows : s, j : j + t * columns : t], next_dz)
    return dK, next_dz.sum(axis=(0, 2, 3))
"""


@pytest.mark.parametrize(
    ("source", "name", "told"),
    [
        (SIZES, "ConvLayer", "x_h = input0, x_w = input1"),
        (PAIRS, "conv_backward", "padding = padding/pair, strides = stride/pair"),
    ],
)
def test_called_and_proved(tmp_path, source, name, told):
    (tmp_path / "layer.py").write_text(source)
    proofs = prove(f"{tmp_path / 'layer.py'}:{name}", stride=2)
    assert told in proofs.called[0]
    assert proofs.proved, proofs
    assert proofs.called[1].startswith("inferred  NCHW, w " + ("IOHW" if source is PAIRS else "OIHW, b 1F"))
