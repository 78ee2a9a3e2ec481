import torch
import torch.nn.functional as F


class UnfoldConv(torch.autograd.Function):
    """dx is folded to the size that the outputs reach."""

    @staticmethod
    def forward(ctx, x, w, b, stride, padding):
        ctx.save_for_backward(x, w)
        ctx.stride, ctx.padding = stride, padding
        n, _c, h, wd = x.shape
        f, _, kh, kw = w.shape
        cols = F.unfold(x, (kh, kw), padding=padding, stride=stride)
        oh = (h + 2 * padding - kh) // stride + 1
        ow = (wd + 2 * padding - kw) // stride + 1
        return (w.view(f, -1) @ cols + b.view(-1, 1)).view(n, f, oh, ow)

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        n, _c, _h, _wd = x.shape
        f, _, kh, kw = w.shape
        cols = F.unfold(x, (kh, kw), padding=ctx.padding, stride=ctx.stride)
        d = dy.reshape(n, f, -1)
        dw = torch.einsum("nfl,nkl->fk", d, cols).view(w.shape)
        oh, ow = dy.shape[2:]
        reach = ((oh - 1) * ctx.stride + kh - 2 * ctx.padding, (ow - 1) * ctx.stride + kw - 2 * ctx.padding)
        dx = F.fold(w.view(f, -1).t() @ d, reach, (kh, kw), padding=ctx.padding, stride=ctx.stride)
        return dx, dw, d.sum((0, 2)), None, None
