"""Layers in the convention of a class called with (W, b, stride, pad), with forward(x) and backward(dout)."""

import numpy as np


def im2col(x, FH, FW, stride, pad):
    N, C, H, W = x.shape
    out_h, out_w = (H + 2 * pad - FH) // stride + 1, (W + 2 * pad - FW) // stride + 1
    img = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], "constant")
    col = np.zeros((N, C, FH, FW, out_h, out_w))
    for u in range(FH):
        for v in range(FW):
            col[:, :, u, v] = img[:, :, u : u + stride * out_h : stride, v : v + stride * out_w : stride]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * out_h * out_w, -1)


def col2im(col, shape, FH, FW, stride, pad, slack=True):
    N, C, H, W = shape
    out_h, out_w = (H + 2 * pad - FH) // stride + 1, (W + 2 * pad - FW) // stride + 1
    col = col.reshape(N, out_h, out_w, C, FH, FW).transpose(0, 3, 4, 5, 1, 2)
    extra = stride - 1 if slack else 0
    img = np.zeros((N, C, H + 2 * pad + extra, W + 2 * pad + extra))
    for u in range(FH):
        for v in range(FW):
            img[:, :, u : u + stride * out_h : stride, v : v + stride * out_w : stride] += col[:, :, u, v]
    return img[:, :, pad : H + pad, pad : W + pad]


class Convolution:
    """Right."""

    slack = True

    def __init__(self, W, b, stride=1, pad=0):
        self.W, self.b, self.stride, self.pad = W, b, stride, pad

    def forward(self, x):
        self.x = x
        FN, _, FH, FW = self.W.shape
        out_h = 1 + (x.shape[2] + 2 * self.pad - FH) // self.stride
        out_w = 1 + (x.shape[3] + 2 * self.pad - FW) // self.stride
        self.col = im2col(x, FH, FW, self.stride, self.pad)
        self.col_W = self.W.reshape(FN, -1).T
        out = np.dot(self.col, self.col_W) + self.b
        return out.reshape(len(x), out_h, out_w, -1).transpose(0, 3, 1, 2)

    def backward(self, dout):
        FN, C, FH, FW = self.W.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)
        self.db = np.sum(dout, axis=0)
        self.dW = np.dot(self.col.T, dout).transpose(1, 0).reshape(FN, C, FH, FW)
        return col2im(np.dot(dout, self.col_W.T), self.x.shape, FH, FW, self.stride, self.pad, self.slack)


class ConvolutionMean(Convolution):
    """A stray 1/N in dW and db."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.dW, self.db = self.dW / len(dout), self.db / len(dout)
        return dx


class ConvolutionWithoutCrop(Convolution):
    """Returns the gradient of the padded input."""

    def backward(self, dout):
        FH, FW = self.W.shape[2:]
        N, C, H, W = self.x.shape
        p = self.pad
        super().backward(dout)
        flat = dout.transpose(0, 2, 3, 1).reshape(-1, len(self.W))
        return col2im(np.dot(flat, self.col_W.T), (N, C, H + 2 * p, W + 2 * p), FH, FW, self.stride, 0)


class ConvolutionKeepingX(Convolution):
    """Leaves no dW: dx and db alone."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.dW = None
        return dx


class ConvolutionChannelsSwapped(Convolution):
    """dW with its channel axes exchanged."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.dW = self.dW.swapaxes(0, 1)
        return dx
