import numpy as np


def backward_convolution(conv_W, conv_b, data, output_grad):
    """conv_W of shape (input channels, output channels, width, height)."""
    _input_channels, output_channels, conv_width, conv_height = conv_W.shape
    _, input_width, input_height = data.shape
    grad_W, grad_b, grad_data = np.zeros(conv_W.shape), np.zeros(conv_b.shape), np.zeros(data.shape)
    for x in range(input_width - conv_width + 1):
        for y in range(input_height - conv_height + 1):
            for oc in range(output_channels):
                grad_W[:, oc] += output_grad[oc, x, y] * data[:, x : (x + conv_width), y : (y + conv_height)]
                grad_data[:, x : (x + conv_width), y : (y + conv_height)] += output_grad[oc, x, y] * conv_W[:, oc]
                grad_b[oc] += output_grad[oc, x, y]
    return grad_W, grad_b, grad_data
