import numpy as np


class Layer:
    def __init__(self):
        self.params = {}
        self.grads = {}


class Conv2D(Layer):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        self.params["w"] = np.random.randn(out_channels, in_channels, kernel_size, kernel_size)
        self.params["b"] = np.random.randn(out_channels)
        self.stride = stride
        self.padding = padding

    def forward(self, inputs: np.ndarray) -> np.ndarray:
        self.inputs = inputs
        p = self.padding
        x = np.pad(inputs, ((0, 0), (0, 0), (p, p), (p, p)))
        k = self.params["w"].shape[-1]
        self.windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), (2, 3))[:, :, :: self.stride, :: self.stride]
        return np.tensordot(self.windows, self.params["w"], ([1, 4, 5], [1, 2, 3])).transpose(0, 3, 1, 2) + self.params[
            "b"
        ].reshape(1, -1, 1, 1)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        self.grads["b"] = np.sum(grad, axis=(0, 2, 3))
        self.grads["w"] = np.tensordot(grad, self.windows, ([0, 2, 3], [0, 2, 3]))
        n, c, h, w = self.inputs.shape
        p, s, k = self.padding, self.stride, self.params["w"].shape[-1]
        dx = np.zeros((n, c, h + 2 * p, w + 2 * p))
        for i in range(grad.shape[2]):
            for j in range(grad.shape[3]):
                dx[:, :, i * s : i * s + k, j * s : j * s + k] += np.tensordot(grad[:, :, i, j], self.params["w"], 1)
        return dx[:, :, p : h + p, p : w + p]
