import numpy as np


def conv2d_input(input_size, weight, grad_output, stride=1, padding=0):
    n, c, h, w = input_size
    _f, _, kh, kw = weight.shape
    grad = np.zeros((n, c, h + 2 * padding, w + 2 * padding))
    for i in range(grad_output.shape[2]):
        for j in range(grad_output.shape[3]):
            grad[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw] += np.tensordot(
                grad_output[:, :, i, j], weight, 1
            )
    return grad[:, :, padding : padding + h, padding : padding + w]
