"""Convolution layers in the styles in which people write them: every name is audited without being told how it is called."""

from collections import namedtuple

import numpy as np


def core(dout, x, w, stride=1, pad=0):
    """dx, dw, db in NCHW, by loops over the outputs; two axes, one stride or two, one padding or pairs."""
    sh, sw = (stride, stride) if np.isscalar(stride) else stride
    pads = ((pad, pad), (pad, pad)) if np.isscalar(pad) else tuple((p, p) if np.isscalar(p) else p for p in pad)
    h, ww, kh, kw = *x.shape[2:], *w.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), *pads))
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            win = np.s_[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw]
            dw += np.einsum("nf,nckl->fckl", dout[:, :, i, j], xp[win])
            dxp[win] += np.einsum("nf,fckl->nckl", dout[:, :, i, j], w)
    (a, _), (c, _) = pads
    return dxp[:, :, a : a + h, c : c + ww], dw, dout.sum((0, 2, 3))


def core_forward(x, w, b, stride=1, pad=0):
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    win = np.lib.stride_tricks.sliding_window_view(xp, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    return np.einsum("ncijkl,fckl->nfij", win, w) + np.reshape(b, (1, -1, 1, 1))


def last(x):
    return np.moveaxis(x, 1, -1)


def first(x):
    return np.moveaxis(x, -1, 1)


def hwio(w):
    return w.transpose(2, 3, 1, 0)


def oihw(w):
    return w.transpose(3, 2, 0, 1)


# functions: order and names ---------------------------------------------------------------------------------------------


def other_order(dout, x, w, b, stride, pad):
    return core(dout, x, w, stride, pad)


def pad_before_stride(x, w, b, dy, padding, stride):
    return core(dy, x, w, stride, padding)


def dw_first(x, w, b, dy, stride, padding):
    dx, dw, db = core(dy, x, w, stride, padding)
    return dw, dx, db


def names_that_say_nothing(q, r, t, u, v, z):
    """dy, w, padding, x, stride, b."""
    return core(q, u, r, v, t)


def no_bias_at_all(grad_output, inp, weight, stride=1, padding=0):
    dx, dw, _ = core(grad_output, inp, weight, stride, padding)
    return dx, dw


def without_stride(delta, A_prev, W):
    return core(delta, A_prev, W)[:2]


def as_dict(dZ, X, theta, bias, s, p):
    dx, dw, db = core(dZ, X, theta, s, p)
    return {"grad_weights": dw, "grad_bias": db, "grad_input": dx, "calls": 1}


Gradients = namedtuple("Gradients", "weights_gradient bias_gradient input_gradient")


def as_namedtuple(upstream, data, kernel, bias, stride=1, pad=0):
    dx, dw, db = core(upstream, data, kernel, stride, pad)
    return Gradients(dw, db, dx)


def as_list_with_extras(gy, x, W, b, stride, pad):
    dx, dw, db = core(gy, x, W, stride, pad)
    return [dx, [dw, db], np.float64(3.0)]


def bias_as_column(dZ, X, W, b, stride, pad):
    dx, dw, db = core(dZ, X, W, stride, pad)
    return dx, dw, np.zeros(b.shape) + db.reshape(-1, 1) if b.shape[1:] == (1,) else 1 / 0


def keras_layout(dy, x, kernel, bias, strides, padding):
    """NHWC, HWIO, padding "SAME" or "VALID" as TensorFlow has them."""
    s = (strides, strides) if np.isscalar(strides) else strides
    sizes = zip(x.shape[1:3], kernel.shape[:2], dy.shape[1:3], s, strict=True)
    pads = ((0, 0), (0, 0))
    if padding == "SAME":
        totals = [max((o - 1) * step + k - h, 0) for h, k, o, step in sizes]
        pads = tuple((t // 2, t - t // 2) for t in totals)
    elif padding != "VALID":
        raise ValueError(padding)
    dx, dw, db = core(first(dy), first(x), oihw(kernel), s, pads)
    return last(dx), hwio(dw), db


def padding_in_pairs(dy, x, w, b, stride, padding):
    (top, _bottom), (_left, _right) = padding
    assert top >= 0
    return core(dy, x, w, stride, padding)


def pairs_for_all(dy, x, w, b, stride, padding):
    (sh, sw), (ph, pw) = stride, padding
    return core(dy, x, w, (sh, sw), (ph, pw))


def one_image(dy, image, filters, b, s, p):
    dx, dw, db = core(dy[None], image[None], filters, s, p)
    assert image.ndim == 3
    return dx[0], dw, db


def one_channel(dout, image, kernel):
    h, w = image.shape
    dx, dw, _ = core(dout[None, None], image[None, None], kernel[None, None])
    return dx.reshape(h, w), dw[0, 0]


def one_axis(dy, x, w, b, stride, padding):
    _n, _c, _h = x.shape
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding)))
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for o in range(dy.shape[2]):
        at = slice(o * stride, o * stride + w.shape[2])
        dw += np.einsum("nf,nck->fck", dy[:, :, o], xp[:, :, at])
        dxp[:, :, at] += np.einsum("nf,fck->nck", dy[:, :, o], w)
    return dxp[:, :, padding : padding + x.shape[2]], dw, dy.sum((0, 2))


def three_axes(dy, x, w, b):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    _n, _f, d, h, ww = dy.shape
    for i in range(d):
        for j in range(h):
            for k in range(ww):
                at = np.s_[:, :, i : i + w.shape[2], j : j + w.shape[3], k : k + w.shape[4]]
                dw += np.einsum("nf,ncabe->fcabe", dy[:, :, i, j, k], x[at])
                dx[at] += np.einsum("nf,fcabe->ncabe", dy[:, :, i, j, k], w)
    return dx, dw, dy.sum((0, 2, 3, 4))


# caches ------------------------------------------------------------------------------------------------------------------


def conv_forward_naive(x, w, b, conv_param):
    return core_forward(x, w, b, conv_param["stride"], conv_param["pad"]), (x, w, b, conv_param)


def conv_backward_naive(dout, cache):
    x, w, _b, conv_param = cache
    return core(dout, x, w, conv_param["stride"], conv_param["pad"])


def cached_without_forward(dout, cache):
    x, w, _b, conv_param = cache
    return core(dout, x, w, conv_param["stride"], conv_param["pad"])


def cache_in_another_order(dout, cache):
    stride, W, pad, X = cache
    return core(dout, X, W, stride, pad)


def cache_of_names(dZ, cache):
    return core(dZ, cache["A_prev"], cache["W"], cache["stride"], cache["pad"])


def courses_backward(dZ, cache):
    (A_prev, W, _b, hparameters) = cache
    (f, f, _n_C_prev, _n_C) = W.shape
    assert f
    dx, dw, db = core(first(dZ), first(A_prev), oihw(W), hparameters["stride"], hparameters["pad"])
    return last(dx), hwio(dw), db.reshape(1, 1, 1, -1)


def opaque_forward(X, W, b, settings):
    class Memory:
        pass

    memory = Memory()
    memory.kept = (X, W, settings.get("strides"), settings.get("padding"))
    return core_forward(X, W, b, settings["strides"], settings["padding"]), memory


def opaque_backward(dout, memory):
    X, W, s, p = memory.kept
    return core(dout, X, W, s, p)


def closed_over(x, w, b, stride, pad):
    """y and the function that goes back."""

    def pull(dy):
        return core(dy, x, w, stride, pad)

    return core_forward(x, w, b, stride, pad), pull


# classes -------------------------------------------------------------------------------------------------------------------


class Torchlike:
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        kh, kw = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
        self.weight = np.random.randn(out_channels, in_channels, kh, kw)
        self.bias = np.zeros(out_channels)
        self.stride, self.padding = stride, padding

    def forward(self, x):
        self.x = x
        return core_forward(x, self.weight, self.bias, self.stride, self.padding)

    def backward(self, grad):
        dx, self.grad_weight, self.grad_bias = core(grad, self.x, self.weight, self.stride, self.padding)
        return dx


class OneKernelSide:
    def __init__(self, n_filters, kernel_size, n_channels, strides=1, pad=0):
        self.W = np.random.randn(n_filters, n_channels, kernel_size, kernel_size)
        self.b = np.zeros((n_filters, 1))
        self.s, self.p = strides, pad

    def __call__(self, X):
        self.X = X
        return core_forward(X, self.W, self.b, self.s, self.p)

    def backprop(self, dZ):
        self.dX, self.dW, db = core(dZ, self.X, self.W, self.s, self.p)
        self.db = db.reshape(-1, 1)
        return self.dX


class GivenWeights:
    def __init__(self, W, b, stride=1, pad=0):
        self.W, self.b, self.stride, self.pad = W, b, stride, pad

    def forward(self, x):
        self.x = x
        return core_forward(x, self.W, self.b, self.stride, self.pad)

    def backward(self, dout):
        dx, self.dW, self.db = core(dout, self.x, self.W, self.stride, self.pad)
        return dx


class InDicts:
    def __init__(self, in_ch, out_ch, ksize, s=1, p=0):
        shape = (out_ch, in_ch, *ksize) if isinstance(ksize, tuple) else (out_ch, in_ch, ksize, ksize)
        self.params = {"W": np.random.randn(*shape), "b": np.zeros(out_ch)}
        self.grads = {"W": None, "b": None}
        self.s, self.p = s, p

    def forward(self, X):
        self.cache = X
        return core_forward(X, self.params["W"], self.params["b"], self.s, self.p)

    def backward(self, dLdY):
        dx, self.grads["W"], self.grads["b"] = core(dLdY, self.cache, self.params["W"], self.s, self.p)
        return dx


class InLists:
    def __init__(self, in_channels, num_filters, filter_size):
        self.params = [np.random.randn(num_filters, in_channels, filter_size, filter_size), np.zeros(num_filters)]
        self.W, self.b = self.params
        self.grads = [np.zeros_like(self.W), np.zeros_like(self.b)]

    def forward(self, x):
        self.x = x
        return core_forward(x, self.W, self.b)

    def backward(self, dout):
        dx, dw, db = core(dout, self.x, self.W)
        self.grads[0][...], self.grads[1][...] = dw, db
        return dx


class Parameter:
    def __init__(self, data):
        self.data, self.grad = data, None


class WithParameters:
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        self.weight = Parameter(np.random.randn(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = Parameter(np.random.randn(out_channels))
        self.stride, self.padding = stride, padding

    def forward(self, x):
        self.input = x
        return core_forward(x, self.weight.data, self.bias.data, self.stride, self.padding)

    def backward(self, dout):
        dx, self.weight.grad, self.bias.grad = core(dout, self.input, self.weight.data, self.stride, self.padding)
        return dx


class Updating:
    """Learns as it goes back: W -= learning_rate * dW."""

    def __init__(self, input_shape, kernel_size, depth):
        channels, _height, _width = input_shape
        self.depth = depth
        self.kernels = np.random.randn(depth, channels, kernel_size, kernel_size)
        self.biases = np.random.randn(depth)

    def forward(self, input):
        self.input = input
        return core_forward(input[None], self.kernels, self.biases)[0]

    def backward(self, output_gradient, learning_rate):
        dx, dw, db = core(output_gradient[None], self.input[None], self.kernels)
        self.kernels -= learning_rate * dw
        self.biases -= learning_rate * db
        return dx[0]


class ChannelsLast:
    def __init__(self, filters, kernel_size, in_channels, strides=1, padding=0):
        self.kernel = np.random.randn(kernel_size, kernel_size, in_channels, filters)
        self.bias = np.zeros(filters)
        self.strides, self.padding = strides, padding

    def forward(self, inputs):
        self.inputs = inputs
        return last(core_forward(first(inputs), oihw(self.kernel), self.bias, self.strides, self.padding))

    def backward(self, dvalues):
        dx, dw, db = core(first(dvalues), first(self.inputs), oihw(self.kernel), self.strides, self.padding)
        self.dkernel, self.dbias, self.dinputs = hwio(dw), db, last(dx)


class Autograd:
    @staticmethod
    def forward(ctx, input, weight, bias, stride=1, padding=0):
        ctx.save_for_backward(input, weight)
        ctx.stride, ctx.padding = stride, padding
        return core_forward(input, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx, grad_output):
        input, weight = ctx.saved_tensors
        return (*core(grad_output, input, weight, ctx.stride, ctx.padding), None, None)


class WithoutBias:
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True):
        self.w = np.zeros((out_channels, in_channels, kernel_size, kernel_size))
        self.stride, self.padding = stride, padding

    def forward(self, x):
        self.x = x
        return core_forward(x, self.w, np.zeros(len(self.w)), self.stride, self.padding)

    def backward(self, dy):
        self.dx, self.dweight, _ = core(dy, self.x, self.w, self.stride, self.padding)
        return self.dx


class ReturnsAll:
    def __init__(self, W, b, conv_param):
        self.W, self.b, self.conv_param = W, b, conv_param

    def forward_pass(self, X):
        self.X = X
        return core_forward(X, self.W, self.b, self.conv_param["stride"], self.conv_param["padding"])

    def backward_pass(self, accum_grad):
        dx, dw, db = core(accum_grad, self.X, self.W, self.conv_param["stride"], self.conv_param["padding"])
        return db, dw, dx


# wrong ones ---------------------------------------------------------------------------------------------------------------


def wrong_forgets_stride(dout, x, w, b, stride, pad):
    """dx of the outputs at stride 1."""
    dx, dw, db = core(dout, x, w, stride, pad)
    return core(dout, x, w, 1, pad)[0] if stride > 1 else dx, dw, db


def wrong_flips(dout, x, w, b, stride, pad):
    dx, dw, db = core(dout, x, w, stride, pad)
    return dx, dw[:, :, ::-1, ::-1], db


def wrong_swaps_stride_and_padding(dout, x, w, b, stride, pad):
    return core(dout, x, w, max(pad, 1), stride - 1)


def wrong_averages(dout, cache):
    x, w, _b, conv_param = cache
    dx, dw, db = core(dout, x, w, conv_param["stride"], conv_param["pad"])
    return dx, dw / x.shape[0], db / x.shape[0]


def wrong_transposes(dy, x, w, b, stride, pad):
    """dw with its first two axes exchanged, which is a shape of its own."""
    dx, dw, db = core(dy, x, w, stride, pad)
    return dx, dw.swapaxes(0, 1), db


def wrong_crop(grad, inp, weight, bias, stride, padding):
    dx, dw, db = core(grad, inp, weight, stride, padding)
    return np.roll(dx, 1, axis=2) if padding else dx, dw, db


class WrongBias(Torchlike):
    def backward(self, grad):
        dx = super().backward(grad)
        self.grad_bias = grad[0].sum((1, 2))
        return dx


class WrongInput(InDicts):
    def backward(self, dLdY):
        return super().backward(dLdY)[..., ::-1]


class WrongUpdate(Updating):
    def backward(self, output_gradient, learning_rate):
        return super().backward(output_gradient, 2 * learning_rate)


def wrong_names_exchanged(x, w, b, dy, stride, pad):
    """dx and dw under each other's name: their shapes are told apart, so it is the dict that is wrong."""
    dx, dw, db = core(dy, x, w, stride, pad)
    return {"dx": dx + 1, "dw": dw, "db": db}
