"""Layers that no call is inferred for are said to be such, in one line, and never judged as another layer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from symconv.audits import audit
from symconv.audits.grids import default_grid
from symconv.audits.inference.probes import NotInferred

HEAD = "import numpy as np\nfrom collections import namedtuple\n\n"

CAUSAL = """
class CausalConv1d:
    def __init__(self, in_channels, out_channels, kernel_size, dilation=1):
        self.w = np.random.randn(out_channels, in_channels, kernel_size)
        self.b = np.zeros(out_channels)
        self.dilation, self.left = dilation, dilation * (kernel_size - 1)

    def _at(self, tap, length):
        return slice(tap * self.dilation, tap * self.dilation + length)

    def forward(self, x):
        self.xp = np.pad(x, ((0, 0), (0, 0), (self.left, 0)))
        y = np.zeros((len(x), len(self.w), x.shape[2])) + self.b[:, None]
        for tap in range(self.w.shape[2]):
            y += np.einsum("nct,fc->nft", self.xp[:, :, self._at(tap, x.shape[2])], self.w[:, :, tap])
        return y

    def backward(self, dout):
        dxp, self.dw, self.db = np.zeros_like(self.xp), np.zeros_like(self.w), dout.sum((0, 2))
        for tap in range(self.w.shape[2]):
            at = self._at(tap, dout.shape[2])
            self.dw[:, :, tap] = np.einsum("nft,nct->fc", dout, self.xp[:, :, at])
            dxp[:, :, at] += np.einsum("nft,fc->nct", dout, self.w[:, :, tap])
        return dxp[:, :, self.left :]
"""

#: a picture without channels, several filters: read as one axis with channels no loop would turn
PICTURE = """
def backprop(dL_dout, last_input, filters):
    dL_dfilters = np.zeros(filters.shape)
    height, width = last_input.shape
    count, k, l = filters.shape
    for i in range(height - k + 1):
        for j in range(width - l + 1):
            for f in range(count):
                dL_dfilters[f] += dL_dout[i, j, f] * last_input[i : i + k, j : j + l]
    return dL_dfilters
"""

DEPTHWISE = """
def depthwise_backward(dout, x, w, stride=1, padding=0):
    taps = [(i, j) for i in range(w.shape[2]) for j in range(w.shape[3])]
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    h, v = dout.shape[2] * stride, dout.shape[3] * stride
    for i, j in taps:
        rows = np.s_[:, :, i : i + h : stride, j : j + v : stride]
        dw[:, 0, i, j] = (xp[rows] * dout).sum((0, 2, 3))
        dxp[rows] += dout * w[:, 0, i, j, None, None]
    return dxp[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]], dw
"""

BY_KEYWORD = """
Grads = namedtuple("Grads", "d_input d_kernel d_bias")

def conv_grads(upstream, image, kernel, *, stride=1, pad=0):
    padded = np.pad(image, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    d_padded, d_kernel = np.zeros(padded.shape), np.zeros(kernel.shape)
    for i in range(upstream.shape[2]):
        for j in range(upstream.shape[3]):
            at = np.s_[:, :, i * stride : i * stride + kernel.shape[2], j * stride : j * stride + kernel.shape[3]]
            d_kernel += np.tensordot(upstream[:, :, i, j], padded[at], (0, 0))
            d_padded[at] += np.tensordot(upstream[:, :, i, j], kernel, (1, 0))
    inside = np.s_[:, :, pad : pad + image.shape[2], pad : pad + image.shape[3]]
    return Grads(d_padded[inside], d_kernel, upstream.sum((0, 2, 3)))
"""


def write(folder: Path, source: str) -> str:
    file = folder / "theirs.py"
    file.write_text(HEAD + source)
    return str(file)


@pytest.mark.parametrize(
    ("source", "name", "words"),
    [
        (CAUSAL, "CausalConv1d", ("its forward pass gives y of shape (2, 5, 8)", "causal layers are not inferred")),
        (PICTURE, "backprop", ("no call of backprop(dL_dout, last_input, filters) went through",)),
        (DEPTHWISE, "depthwise_backward", ("depthwise layers are not inferred, write --adapter",)),
    ],
    ids=["causal", "picture", "depthwise"],
)
def test_another_layer_has_no_verdict(source: str, name: str, words: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(NotInferred) as caught:
        audit(f"{write(tmp_path, source)}:{name}", grid="minimal")
    for each in words:
        assert each in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("from compilers_nope import njit\n\n@njit\ndef f(x, w, b, dy, stride, padding):\n    return x, w, b\n",
         "does not load: ModuleNotFoundError: compilers_nope is not installed, and the audited code uses compilers_nope.njit"),
        ("async def f(x, w, b, dy, stride, padding):\n    return x, w, b\n", "a coroutine in place of the result"),
        ("def f(x, w, b, dy, stride, padding):\n    yield x\n", "a generator in place of the result"),
        ("def f(*args):\n    return args\n", "how f(*args) is called is not known"),
        ("def f():\n    return 1\n", "how f() is called is not known"),
    ],
    ids=["decorator", "coroutine", "generator", "args", "nothing"],
)  # fmt: skip
def test_what_is_no_function_of_arrays(source: str, words: str, tmp_path: Path) -> None:
    helper = "\n\ndef helper(x):\n    return x\n"
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        audit(f"{write(tmp_path, source + helper)}:f", grid="minimal")
    assert "\n" not in str(caught.value)


def test_groups_that_are_none() -> None:
    with pytest.raises(ValueError, match="groups 0 must be at least 1"):
        default_grid("quick", groups=(0,))


@pytest.mark.parametrize("fault", ["", "stride"])
def test_parameters_that_go_by_keyword_alone(fault: str, tmp_path: Path) -> None:
    source = BY_KEYWORD.replace("padded[at], (0, 0)", "padded[at], (0, 0)) / (1 + stride // 2") if fault else BY_KEYWORD
    found = audit(f"{write(tmp_path, source)}:conv_grads", grid="minimal", seed=3)
    assert found.ok == (not fault)
    assert {name: found.tally_of(name).wrong > 0 for name in ("dx", "dw", "db")} == {
        "dx": False,
        "dw": bool(fault),
        "db": False,
    }
