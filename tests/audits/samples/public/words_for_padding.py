import numpy as np


class Layer:
    def __call__(self, inputs):
        return self.call(inputs)


class Conv2D(Layer):
    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid", use_bias=True):
        self.filters = filters
        self.kernel_size = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
        self.strides = strides if isinstance(strides, tuple) else (strides, strides)
        self.padding = padding
        self.built = False

    def build(self, input_shape):
        kh, kw = self.kernel_size
        self.kernel = np.random.uniform(-0.1, 0.1, (kh, kw, input_shape[-1], self.filters))
        self.bias = np.zeros(self.filters)
        self.built = True

    def _pads(self, h, w):
        if self.padding == "valid":
            return (0, 0), (0, 0)
        pads = []
        for size, k, s in zip((h, w), self.kernel_size, self.strides):
            out = -(-size // s)
            total = max((out - 1) * s + k - size, 0)
            pads.append((total // 2, total - total // 2))
        return tuple(pads)

    def call(self, inputs):
        if not self.built:
            self.build(inputs.shape)
        self.inputs = inputs
        n, h, w, _c = inputs.shape
        pads = self._pads(h, w)
        self.padded = np.pad(inputs, ((0, 0), *pads, (0, 0)))
        kh, kw = self.kernel_size
        sh, sw = self.strides
        oh = (self.padded.shape[1] - kh) // sh + 1
        ow = (self.padded.shape[2] - kw) // sw + 1
        out = np.zeros((n, oh, ow, self.filters))
        for i in range(oh):
            for j in range(ow):
                patch = self.padded[:, i * sh : i * sh + kh, j * sw : j * sw + kw]
                out[:, i, j] = np.tensordot(patch, self.kernel, 3)
        return out + self.bias

    def backward(self, grad):
        kh, kw = self.kernel_size
        sh, sw = self.strides
        (top, _bottom), (left, _right) = self._pads(*self.inputs.shape[1:3])
        d_padded = np.zeros_like(self.padded)
        self.d_kernel = np.zeros_like(self.kernel)
        for i in range(grad.shape[1]):
            for j in range(grad.shape[2]):
                at = np.s_[:, i * sh : i * sh + kh, j * sw : j * sw + kw]
                self.d_kernel += np.einsum("nhwc,nf->hwcf", self.padded[at], grad[:, i, j])
                d_padded[at] += np.einsum("hwcf,nf->nhwc", self.kernel, grad[:, i, j])
        self.d_bias = grad.sum(axis=(0, 1, 2))
        h, w = self.inputs.shape[1:3]
        return d_padded[:, top : top + h, left : left + w]
