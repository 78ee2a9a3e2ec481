"""Functions that are proved however they are called: what no convention names is found out, and what is not asked is said."""

from __future__ import annotations

import numpy as np
import pytest

from symconv import prove
from symconv.audits.called import call_to_prove
from tests.commands import assert_bad_usage, run

LAST = """
import numpy as np


def backward(grad, inputs, kernel, step, margin):
    n, h, w, _ = inputs.shape
    kh, kw, _, f = kernel.shape
    wide = np.pad(inputs, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    d_wide, d_kernel = np.zeros(wide.shape), np.zeros(kernel.shape)
    for i in range(grad.shape[1]):
        for j in range(grad.shape[2]):
            rows, columns = slice(i * step, i * step + kh), slice(j * step, j * step + kw)
            d_kernel += np.tensordot(wide[:, rows, columns], grad[:, i, j], ((0,), (0,)))
            d_wide[:, rows, columns] += np.tensordot(grad[:, i, j], kernel, ((1,), (3,)))
    return d_wide[:, margin : margin + h, margin : margin + w], d_kernel, grad.sum((0, 1, 2))
"""
IMAGE = """
import numpy as np


def gradients(image, kernel, grad):
    d_image, d_kernel = np.zeros(image.shape), np.zeros(kernel.shape)
    for i in range(grad.shape[0]):
        for j in range(grad.shape[1]):
            d_image[i : i + kernel.shape[0], j : j + kernel.shape[1]] += grad[i, j] * kernel
            d_kernel += grad[i, j] * image[i : i + kernel.shape[0], j : j + kernel.shape[1]]
    return d_image, d_kernel
"""
LAYER = """
import numpy as np


class Conv:
    def __init__(self, channels, filters, size, stride):
        self.size, self.stride = size, stride
        bound = np.sqrt(2 / (channels * size * size))
        self.w = np.random.randn(filters, channels, size, size) * bound
        self.b = np.zeros(filters)

    def forward(self, x):
        self.x = x
        at = np.lib.stride_tricks.sliding_window_view(x, (self.size, self.size), (2, 3))
        self.windows = at[:, :, :: self.stride, :: self.stride]
        return np.einsum("ncijkl,fckl->nfij", self.windows, self.w) + self.b[:, None, None]

    def backward(self, dy):
        self.dw = np.einsum("nfij,ncijkl->fckl", dy, self.windows)
        self.db = dy.sum((0, 2, 3))
        dx = np.zeros_like(self.x)
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                part = np.einsum("nf,fckl->nckl", dy[:, :, i, j], self.w)
                top, left = i * self.stride, j * self.stride
                dx[:, :, top : top + self.size, left : left + self.size] += part
        return dx
"""
FORWARD = """
import numpy as np


def forward(A, W, bias, pad, stride):
    _, h, w, _ = A.shape
    kh, kw, _, f = W.shape
    wide = np.pad(A, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    rows, columns = (h + 2 * pad - kh) // stride + 1, (w + 2 * pad - kw) // stride + 1
    out = np.zeros((A.shape[0], rows, columns, f))
    for i in range(rows):
        for j in range(columns):
            at = wide[:, i * stride : i * stride + kh, j * stride : j * stride + kw]
            out[:, i, j] = np.tensordot(at, W, 3) + bias
    return out, (A, W)
"""
WORDS = """
import numpy as np


def backward(dy, x, w, b, padding="same"):
    if padding not in ("same", "valid"):
        raise ValueError(padding)
    p = (w.shape[2] - 1) // 2 if padding == "same" else 0
    wide = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    dw = np.zeros(w.shape)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            dw += np.einsum("nf,nckl->fckl", dy[:, :, i, j], wide[:, :, i : i + w.shape[2], j : j + w.shape[3]])
    return dw, dy.sum((0, 2, 3))
"""


@pytest.fixture
def written(tmp_path):
    def write(source: str, name: str) -> str:
        (tmp_path / "layer.py").write_text(source)
        return f"{tmp_path / 'layer.py'}:{name}"

    return write


@pytest.mark.parametrize(
    ("source", "name", "options", "about"),
    [
        (LAST, "backward", {"stride": (1, 3)}, "every N, C, F, H, W, K, L >= 1, p >= 0 with an output;"),
        (IMAGE, "gradients", {"stride": 1}, "every H, W, K, L >= 1, no padding, with an output, N = C = F = 1;"),
        (LAYER, "Conv", {"stride": 2}, "every N, C, F, H, W, K >= 1, no padding, with an output;"),
        (FORWARD, "forward", {"stride": 2, "targets": ("y",)}, "every N, C, F, H, W, K, L >= 1, p >= 0 with"),
        (WORDS, "backward", {"stride": 1}, "every N, C, F, H, W, K, L >= 1, no padding, with an output;"),
    ],
    ids=["channels last", "one image", "layer with weights drawn", "forward pass", "padding in words"],
)
def test_what_no_convention_names(written, source, name, options, about):
    proofs = prove(written(source, name), **options)
    assert proofs.proved, proofs
    assert all(proof.scope.startswith(about) for proof in proofs)
    assert proofs.called[0].startswith("called ")
    assert proofs.to_dict()["called"] == list(proofs.called)


@pytest.mark.parametrize(
    ("source", "name", "right", "wrong"),
    [
        (LAST, "backward", "wide[:, rows, columns], grad", "wide[:, rows, columns], grad[::-1]"),
        (IMAGE, "gradients", "d_image[i : i + kernel.shape[0]", "d_image[i : i + kernel.shape[1]"),
        (LAYER, "Conv", "top, left = i * self.stride", "top, left = i"),
        (
            LAYER,
            "Conv",
            "        self.b = np.zeros(filters)\n",
            "        self.b, self.w0 = np.zeros(filters), self.w\n",
        ),
    ],
    ids=["images in another order", "height for width", "stride forgotten", "what is drawn is used"],
)
def test_a_wrong_one_is_not_proved(written, source, name, right, wrong):
    assert right in source
    proofs = prove(written(source.replace(right, wrong), name), stride=2 if source is LAYER else 1)
    assert not proofs.proved


def test_what_is_not_taken_is_not_asked(written):
    ran = run("prove", written(IMAGE, "gradients"), "--stride", "1..3")
    assert_bad_usage(ran, "stride 2, 3: layer.py:gradients takes no stride (called ")
    ran = run("prove", written(IMAGE, "gradients"), "--transposed")
    assert_bad_usage(ran, "--convention says it")


def test_names_of_the_convention_that_mean_another_layout(written):
    """Nothing is tried where the names are plain's, until no output of a layer whose sizes differ is right."""
    source = IMAGE.replace("image, kernel, grad", "x, w, b, dy, stride, padding").replace(
        "    d_image, d", "    n, m = x.shape\n    image, kernel, grad = x, w, dy\n    d_image, d"
    )
    place = written(source, "gradients")
    assert not call_to_prove(place).lines
    proofs = prove(place, stride=1)
    assert "no channels" in proofs.called[1]
    assert {proof.condition for proof in proofs} == {"p == 0"}
    assert {proof.condition for proof in prove(place, "plain", stride=1)} == {"never"}


def test_what_is_called_is_said(written):
    ran = run("prove", written(LAST, "backward"))
    assert ran.status == 0
    assert "layer.py:backward (as inferred)\n  called    backward(grad = dy, " in ran.out


def test_the_function_that_reads_it_is_what_runs(written, tmp_path):
    """The call that is written out gives what the function gives: 1 on this layer."""
    call = call_to_prove(written(LAST, "backward"))
    names: dict = {}
    exec(compile(call.source, "layer", "exec"), names)
    x, w, dy = np.ones((1, 1, 3, 4)), np.ones((1, 1, 2, 3)), np.ones((1, 1, 2, 2))
    assert names[call.name](x, w, np.ones(1), dy, 1, 0)["dw"].tolist() == [[[[4.0] * 3] * 2]]


def test_what_is_not_installed_is_said(written):
    source = """
import numpy as np
from nowhere_to_be_found import signal, layers


class Conv(layers.Layer):
    def __init__(self, shape, size, depth):
        self.kernels = np.random.randn(depth, shape[0], size, size)

    def forward(self, input):
        self.input = input
        return np.array([[signal.slide(a, b) for b in self.kernels] for a in input])

    def backward(self, output_gradient, learning_rate):
        return signal.slide(output_gradient, self.kernels)
"""
    for command in ("prove", "audit"):
        ran = run(command, written(source, "Conv"))
        assert_bad_usage(ran, "nowhere_to_be_found is not installed, and the audited code uses nowhere_to_be_found.")
