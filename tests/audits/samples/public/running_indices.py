import numpy as np


def convolution(image, filt, bias, s=1):
    (n_f, _n_c_f, f, _) = filt.shape
    _n_c, in_dim, _ = image.shape
    out_dim = int((in_dim - f) / s) + 1
    out = np.zeros((n_f, out_dim, out_dim))
    for curr_f in range(n_f):
        curr_y = out_y = 0
        while curr_y + f <= in_dim:
            curr_x = out_x = 0
            while curr_x + f <= in_dim:
                out[curr_f, out_y, out_x] = (
                    np.sum(filt[curr_f] * image[:, curr_y : curr_y + f, curr_x : curr_x + f]) + bias[curr_f]
                )
                curr_x += s
                out_x += 1
            curr_y += s
            out_y += 1
    return out


def convolutionBackward(dconv_prev, conv_in, filt, s):
    (n_f, _n_c, f, _) = filt.shape
    (_, orig_dim, _) = conv_in.shape
    dout = np.zeros(conv_in.shape)
    dfilt = np.zeros(filt.shape)
    dbias = np.zeros((n_f, 1))
    for curr_f in range(n_f):
        curr_y = out_y = 0
        while curr_y + f <= orig_dim:
            curr_x = out_x = 0
            while curr_x + f <= orig_dim:
                dfilt[curr_f] += dconv_prev[curr_f, out_y, out_x] * conv_in[:, curr_y : curr_y + f, curr_x : curr_x + f]
                dout[:, curr_y : curr_y + f, curr_x : curr_x + f] += dconv_prev[curr_f, out_y, out_x] * filt[curr_f]
                curr_x += s
                out_x += 1
            curr_y += s
            out_y += 1
        dbias[curr_f] = np.sum(dconv_prev[curr_f])
    return dout, dfilt, dbias
