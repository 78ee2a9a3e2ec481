import numpy as np


def forward_convolution(conv_W, conv_b, data):
    conv_channels, _, conv_width, conv_height = conv_W.shape
    _input_channels, input_width, input_height = data.shape
    output = np.zeros((conv_channels, input_width - conv_width + 1, input_height - conv_height + 1))
    for x in range(input_width - conv_width + 1):
        for y in range(input_height - conv_height + 1):
            for output_channel in range(conv_channels):
                output[output_channel, x, y] = (
                    np.sum(
                        np.multiply(
                            data[:, x : (x + conv_width), y : (y + conv_height)], conv_W[output_channel, :, :, :]
                        )
                    )
                    + conv_b[output_channel]
                )
    return output


def backward_convolution(conv_W, conv_b, data, output_grad):
    conv_channels, _, conv_width, conv_height = conv_W.shape
    _input_channels, input_width, input_height = data.shape
    grad_W, grad_b, grad_data = np.zeros(conv_W.shape), np.zeros(conv_b.shape), np.zeros(data.shape)
    for x in range(input_width - conv_width + 1):
        for y in range(input_height - conv_height + 1):
            for oc in range(conv_channels):
                grad_W[oc] += output_grad[oc, x, y] * data[:, x : (x + conv_width), y : (y + conv_height)]
                grad_data[:, x : (x + conv_width), y : (y + conv_height)] += output_grad[oc, x, y] * conv_W[oc]
                grad_b[oc] += output_grad[oc, x, y]
    return grad_W, grad_b, grad_data
