from collections import OrderedDict

import numpy as np


class Conv2D:
    def __init__(self, n_out, kernel_shape, stride=1, pad=0, weight_init="xavier_uniform"):
        self.n_in = None
        self.n_out = n_out
        self.kernel_shape = kernel_shape
        self.stride = stride
        self.pad = pad
        self.parameters = OrderedDict()
        self.gradients = OrderedDict()

    def _init_parameters(self, X_shape):
        self.n_in = X_shape[3]
        W = np.random.randn(*self.kernel_shape, self.n_in, self.n_out)
        b = np.zeros((1, self.n_out))
        self.parameters = OrderedDict({"W": W, "b": b})
        self.cache = OrderedDict({"Z": [], "X": []})
        self.gradients = OrderedDict({"W": np.zeros_like(W), "b": np.zeros_like(b)})

    def forward(self, X):
        if self.n_in is None:
            self._init_parameters(X.shape)
        W, b = self.parameters["W"], self.parameters["b"]
        kh, kw, _, _ = W.shape
        p, s = self.pad, self.stride
        Xp = np.pad(X, ((0, 0), (p, p), (p, p), (0, 0)))
        oh, ow = (Xp.shape[1] - kh) // s + 1, (Xp.shape[2] - kw) // s + 1
        out = np.empty((X.shape[0], oh, ow, self.n_out))
        for i in range(oh):
            for j in range(ow):
                out[:, i, j, :] = np.einsum("nhwc,hwcf->nf", Xp[:, i * s : i * s + kh, j * s : j * s + kw], W)
        self.cache["X"] = X
        return out + b

    def backward(self, dLdY):
        W, X = self.parameters["W"], self.cache["X"]
        kh, kw, _, _ = W.shape
        p, s = self.pad, self.stride
        Xp = np.pad(X, ((0, 0), (p, p), (p, p), (0, 0)))
        dX, dW = np.zeros_like(Xp), np.zeros_like(W)
        for i in range(dLdY.shape[1]):
            for j in range(dLdY.shape[2]):
                dW += np.einsum("nhwc,nf->hwcf", Xp[:, i * s : i * s + kh, j * s : j * s + kw], dLdY[:, i, j])
                dX[:, i * s : i * s + kh, j * s : j * s + kw] += np.einsum("hwcf,nf->nhwc", W, dLdY[:, i, j])
        self.gradients["W"] = dW
        self.gradients["b"] = dLdY.sum(axis=(0, 1, 2)).reshape(1, -1)
        return dX[:, p : p + X.shape[1], p : p + X.shape[2], :]
