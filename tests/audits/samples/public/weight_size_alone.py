import numpy as np


def conv2d_weight_grad(input, weight_size, grad_output, stride=1, padding=0):
    x = np.pad(input, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    grad = np.zeros(weight_size)
    kh, kw = weight_size[2:]
    for u in range(kh):
        for v in range(kw):
            win = x[
                :, :, u : u + stride * grad_output.shape[2] : stride, v : v + stride * grad_output.shape[3] : stride
            ]
            grad[:, :, u, v] = np.einsum("nfij,ncij->fc", grad_output, win)
    return grad
