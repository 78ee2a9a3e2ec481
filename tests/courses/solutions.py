"""Right and wrong solutions in the style of each course, to be graded."""

import numpy as np


def forward(x, w, b, s, p):
    padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], (2, 3))[:, :, ::s, ::s]
    return np.einsum("ncijkl,fckl->nfij", windows, w) + b[:, None, None]


def gradients(x, w, dy, s, p, flip=False, overwrite=False):
    padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    dpadded, dw = np.zeros_like(padded, dtype=float), np.zeros_like(w, dtype=float)
    for k, l in np.ndindex(*w.shape[2:]):
        here = np.s_[:, :, k : k + s * (dy.shape[2] - 1) + 1 : s, l : l + s * (dy.shape[3] - 1) + 1 : s]
        tap = w[:, :, -1 - k, -1 - l] if flip else w[:, :, k, l]
        dpadded[here] += np.einsum("nfij,fc->ncij", dy, tap)
        rows = padded[here]
        last = np.einsum("fij,cij->fc", dy[-1], rows[-1])
        dw[:, :, k, l] = last if overwrite else np.einsum("nfij,ncij->fc", dy, rows)
    return dpadded[:, :, p : p + x.shape[2], p : p + x.shape[3]], dw, dy.sum((0, 2, 3))


def conv_backward_naive(dout, cache):
    x, w, _, conv_param = cache
    return gradients(x, w, dout, conv_param["stride"], conv_param["pad"])


def conv_backward_wrong(dout, cache):
    x, w, _, conv_param = cache
    p = conv_param["pad"]
    dx, dw, db = gradients(np.pad(x, ((0, 0), (0, 0), (p, p), (p, p))), w, dout, conv_param["stride"], 0)
    return dx[:, :, p:-p, p:-p], dw, db


def conv_backward(dZ, cache):
    A_prev, W, _, hparameters = cache
    dx, dw, db = gradients(A_prev.transpose(0, 3, 1, 2), W.transpose(3, 2, 0, 1), dZ.transpose(0, 3, 1, 2),
                           hparameters["stride"], hparameters["pad"])  # fmt: skip
    return dx.transpose(0, 2, 3, 1), dw.transpose(2, 3, 1, 0), db.reshape(1, 1, 1, -1)


def conv_backward_mean(dZ, cache):
    dx, dw, db = conv_backward(dZ, cache)
    return dx, dw / len(dZ), db


class Stride:
    """The layer inside Conv2d that has the weights."""

    def __init__(self, w, b):
        self.W, self.b, self.dLdW, self.dLdb = w, b, None, None


class Conv2d:
    flip = False

    def __init__(
        self, in_channels, out_channels, kernel_size, stride, padding=0, weight_init_fn=None, bias_init_fn=None
    ):
        self.stride, self.pad = stride, padding
        self.inner = Stride(
            weight_init_fn(out_channels, in_channels, kernel_size, kernel_size), bias_init_fn(out_channels)
        )

    def forward(self, A):
        self.A = A
        return forward(A, self.inner.W, self.inner.b, self.stride, self.pad)

    def backward(self, dLdZ):
        dx, self.inner.dLdW, self.inner.dLdb = gradients(
            self.A, self.inner.W, dLdZ, self.stride, self.pad, flip=self.flip
        )
        return dx


class Conv2dFlipped(Conv2d):
    flip = True


class Convolution2D:
    overwrite = False

    def __init__(self, in_channels, out_channels, kernel_size=3, stride=1, padding=0):
        self.stride, self.padding = stride, padding
        self.weight = 1e-3 * np.ones((out_channels, in_channels, kernel_size, kernel_size))
        self.bias = np.zeros(out_channels)
        self.cache = None

    def forward(self, x):
        self.cache = x
        return forward(x, self.weight, self.bias, self.stride, self.padding)

    def backward(self, dout):
        self.dx, self.dw, self.db = gradients(
            self.cache, self.weight, dout, self.stride, self.padding, overwrite=self.overwrite
        )


class Convolution2DOverwriting(Convolution2D):
    overwrite = True


class Convolution:
    def __init__(self, filters, kernel_size, stride, input_shape):
        self._stride = stride
        self._kernel = np.zeros((kernel_size, kernel_size, input_shape[2], filters))
        self._bias = np.zeros(filters)

    def forward(self, inputs):
        w = self._kernel.transpose(3, 2, 0, 1)
        y = forward(inputs.transpose(0, 3, 1, 2), w, self._bias, self._stride, 0)
        return np.maximum(y.transpose(0, 2, 3, 1), 0)

    def backward(self, inputs, outputs, outputs_gradient):
        upstream = (outputs_gradient * (outputs > 0)).transpose(0, 3, 1, 2)
        dx, dw, db = gradients(
            inputs.transpose(0, 3, 1, 2), self._kernel.transpose(3, 2, 0, 1), upstream, self._stride, 0
        )
        return dx.transpose(0, 2, 3, 1), [dw.transpose(2, 3, 1, 0), db]


class ConvolutionSwapped(Convolution):
    def backward(self, inputs, outputs, outputs_gradient):
        dx, (dw, _) = super().backward(inputs, outputs, outputs_gradient)
        return dx, [dw, outputs_gradient.mean((0, 1, 2))]


class Conv:
    def __init__(self, stride=1, padding=0):
        self.stride, self.padding = stride, padding

    def compute(self, A, B):
        y = forward(A.transpose(0, 3, 1, 2), B.transpose(3, 2, 0, 1), np.zeros(B.shape[3]), self.stride, self.padding)
        return y.transpose(0, 2, 3, 1)

    def gradient(self, out_grad, node):
        A, B = node.inputs
        upstream = out_grad.transpose(0, 3, 1, 2)
        dx, dw, _ = gradients(A.transpose(0, 3, 1, 2), B.transpose(3, 2, 0, 1), upstream, self.stride, self.padding)
        return dx.transpose(0, 2, 3, 1), dw.transpose(2, 3, 1, 0)


class ConvForgetful(Conv):
    def gradient(self, out_grad, node):
        dx, dw = super().gradient(out_grad, node)
        return dx, dw / self.stride


def corr2d_multi_in_out(X, K):
    return forward(X[None], K, np.zeros(len(K)), 1, 0)[0]


def corr2d_first_channel(X, K):
    return forward(X[None, :1], K[:, :1], np.zeros(len(K)), 1, 0)[0]
