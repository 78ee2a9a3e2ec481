import numpy as np


class Conv1dFun:
    @staticmethod
    def forward(ctx, input, weight):
        ctx.save_for_backward(input, weight)
        batch, _in_channels, w = input.shape
        out_channels, _in_channels2, kw = weight.shape
        out = np.zeros((batch, out_channels, w - kw + 1))
        for o in range(w - kw + 1):
            out[:, :, o] = np.einsum("nck,fck->nf", input[:, :, o : o + kw], weight)
        return out

    @staticmethod
    def backward(ctx, grad_output):
        input, weight = ctx.saved_tensors
        kw = weight.shape[2]
        grad_input, grad_weight = np.zeros(input.shape), np.zeros(weight.shape)
        for o in range(grad_output.shape[2]):
            grad_input[:, :, o : o + kw] += np.einsum("nf,fck->nck", grad_output[:, :, o], weight)
            grad_weight += np.einsum("nf,nck->fck", grad_output[:, :, o], input[:, :, o : o + kw])
        return grad_input, grad_weight
