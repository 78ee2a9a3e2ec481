from abc import ABC, abstractmethod

import numpy as np


def pad2D(X, pad, kernel_shape=None, stride=None, dilation=0):
    p = pad
    if isinstance(p, int):
        p = (p, p, p, p)
    if isinstance(p, tuple):
        if len(p) == 2:
            p = (p[0], p[0], p[1], p[1])
        X_pad = np.pad(X, pad_width=((0, 0), (p[0], p[1]), (p[2], p[3]), (0, 0)), mode="constant", constant_values=0)
    return X_pad, p


class LayerBase(ABC):
    def __init__(self, optimizer=None):
        self.X = []
        self.act_fn = None
        self.trainable = True
        self.optimizer = optimizer
        self.gradients = {}
        self.parameters = {}
        self.derived_variables = {}

    @abstractmethod
    def forward(self, z, **kwargs):
        raise NotImplementedError

    @abstractmethod
    def backward(self, out, **kwargs):
        raise NotImplementedError


class Conv2D(LayerBase):
    def __init__(
        self, out_ch, kernel_shape, pad=0, stride=1, dilation=0, act_fn=None, init="glorot_uniform", optimizer=None
    ):
        super().__init__(optimizer)
        self.pad = pad
        self.init = init
        self.in_ch = None
        self.out_ch = out_ch
        self.stride = stride
        self.dilation = dilation
        self.kernel_shape = kernel_shape
        self.parameters = {"W": None, "b": None}
        self.is_initialized = False

    def _init_params(self):
        fr, fc = self.kernel_shape
        W = np.random.randn(fr, fc, self.in_ch, self.out_ch)
        b = np.zeros((1, 1, 1, self.out_ch))
        self.parameters = {"W": W, "b": b}
        self.gradients = {"W": np.zeros_like(W), "b": np.zeros_like(b)}
        self.derived_variables = {"Z": [], "out_rows": [], "out_cols": []}
        self.is_initialized = True

    def forward(self, X, retain_derived=True):
        if not self.is_initialized:
            self.in_ch = X.shape[3]
            self._init_params()
        W, b = self.parameters["W"], self.parameters["b"]
        s, d = self.stride, self.dilation
        Xp, _p = pad2D(X, self.pad)
        n, rows, cols, _ = Xp.shape
        fr, fc = self.kernel_shape
        _fr, _fc = fr * (d + 1) - d, fc * (d + 1) - d
        out_rows, out_cols = (rows - _fr) // s + 1, (cols - _fc) // s + 1
        Z = np.zeros((n, out_rows, out_cols, self.out_ch))
        for i in range(out_rows):
            for j in range(out_cols):
                window = Xp[:, i * s : i * s + _fr : d + 1, j * s : j * s + _fc : d + 1, :]
                Z[:, i, j, :] = np.tensordot(window, W, axes=3)
        Z = Z + b
        if retain_derived:
            self.X.append(X)
        return Z

    def backward(self, dLdy, retain_grads=True):
        assert self.trainable
        if not isinstance(dLdy, list):
            dLdy = [dLdy]
        dX = []
        for dy, x in zip(dLdy, self.X):
            dx, dw, db = self._bwd(dy, x)
            dX.append(dx)
            if retain_grads:
                self.gradients["W"] += dw
                self.gradients["b"] += db
        return dX[0] if len(self.X) == 1 else dX

    def _bwd(self, dLdy, X):
        W = self.parameters["W"]
        d, s = self.dilation, self.stride
        Xp, p = pad2D(X, self.pad)
        fr, fc = self.kernel_shape
        _fr, _fc = fr * (d + 1) - d, fc * (d + 1) - d
        dXp, dW = np.zeros_like(Xp), np.zeros_like(W)
        dB = dLdy.sum(axis=(0, 1, 2)).reshape(1, 1, 1, -1)
        _, o, q, _ = dLdy.shape
        for i in range(o):
            for j in range(q):
                win = np.s_[:, i * s : i * s + _fr : d + 1, j * s : j * s + _fc : d + 1, :]
                dW += np.einsum("nabc,nf->abcf", Xp[win], dLdy[:, i, j])
                dXp[win] += np.einsum("abcf,nf->nabc", W, dLdy[:, i, j])
        pr1, pr2, pc1, pc2 = p
        return dXp[:, pr1 : Xp.shape[1] - pr2, pc1 : Xp.shape[2] - pc2, :], dW, dB
