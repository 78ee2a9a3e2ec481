"""SciPy's correlations and convolutions as they are read, against sums written here; SciPy itself need not be installed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from symconv.reading import Call, prove_source, read
from symconv.reading.replay import predicted

LAYER = """
import numpy as np
from scipy import signal
from scipy.signal import convolve2d


class Layer:
    def __init__(self, w, b, stride, padding):
        self.w, self.b = w, b

    @property
    def filters(self):
        return self.w.shape[0]

    @staticmethod
    def slid(image, kernel):
        return signal.correlate2d(image, kernel, "valid")

    def forward(self, x):
        self.x = x
        rows, columns = x.shape[2] - self.w.shape[2] + 1, x.shape[3] - self.w.shape[3] + 1
        y = np.zeros((x.shape[0], self.filters, rows, columns)) + self.b[:, None, None]
        for n in range(x.shape[0]):
            for f in range(self.filters):
                for c in range(x.shape[1]):
                    y[n, f] += self.slid(x[n, c], self.w[f, c])
        return y

    def backward(self, dy):
        dx, self.dw, self.db = np.zeros_like(self.x), np.zeros_like(self.w), dy.sum((0, 2, 3))
        for n in range(dy.shape[0]):
            for f in range(self.filters):
                for c in range(self.x.shape[1]):
                    self.dw[f, c] += self.slid(self.x[n, c], dy[n, f])
                    dx[n, c] += convolve2d(dy[n, f], self.w[f, c], "full")
        return dx
"""


def test_a_layer_of_correlations():
    proofs = prove_source(LAYER, "Layer", "layer", padding="none", replays=0)
    assert proofs.proved, proofs
    for right, wrong in (('convolve2d(dy[n, f], self.w[f, c], "full")', 'signal.correlate2d(dy[n, f], self.w[f, c], "full")'),
                         ("self.slid(self.x[n, c], dy[n, f])", 'convolve2d(self.x[n, c], dy[n, f], "valid")'),
                         ('"full")', '"same")'), ("@staticmethod\n    def slid(", "def slid(self, ")):  # fmt: skip
        assert right in LAYER
        found = prove_source(LAYER.replace(right, wrong), "Layer", "layer", padding="none", replays=0)
        assert found.proved is (wrong == "def slid(self, "), wrong


def full(a, v):
    """F[t] = sum over j of a[t - (K - 1) + j] v[j]"""
    found = np.zeros([m + k - 1 for m, k in zip(a.shape, v.shape, strict=True)])
    for t in np.ndindex(found.shape):
        for j in np.ndindex(v.shape):
            at = [i - (k - 1) + n for i, k, n in zip(t, v.shape, j, strict=True)]
            if all(0 <= i < size for i, size in zip(at, a.shape, strict=True)):
                found[t] += a[tuple(at)] * v[j]
    return found


def wanted(name, mode, a, v):
    whole = full(a, v if "correlate" in name else v[(slice(None, None, -1),) * v.ndim])
    if mode == "full":
        return whole
    if mode == "same":
        first = [k // 2 if name == "correlate2d" else (k - 1) // 2 for k in v.shape]
        return whole[tuple(slice(i, i + m) for i, m in zip(first, a.shape, strict=True))]
    return whole[tuple(slice(min(m, k) - 1, max(m, k)) for m, k in zip(a.shape, v.shape, strict=True))]


@pytest.mark.parametrize("name", ["correlate2d", "convolve2d", "correlate", "convolve"])
def test_modes(name):
    for mode, sizes in itertools.product(
        ("full", "same", "valid"), ((5, 6, 2, 3), (4, 5, 3, 2), (7, 5, 4, 4), (6, 7, 1, 5))
    ):
        source = f'''
from scipy import signal


def f(x, w, b, dy, stride, padding):
    return {{"y": signal.{name}(x[0, 0], w[0, 0], mode="{mode}")[None, None]}}
'''
        reading = read(source, "f", Call(padding="none", targets=("y",)))
        at = dict(zip(("N", "C", "F", "H", "W", "K", "L"), (1, 1, 1, *sizes), strict=True))
        rng = np.random.default_rng(sum(sizes))
        x, w = rng.integers(-9, 10, (1, 1, *sizes[:2])), rng.integers(-9, 10, (1, 1, *sizes[2:]))
        shape, values = predicted(reading, at, {"x": x.astype(float), "w": w.astype(float)})["y"]
        due = wanted(name, mode, x[0, 0], w[0, 0])
        assert shape == (1, 1, *due.shape)
        assert np.array_equal(np.reshape(values, due.shape), due), (mode, sizes)


def test_numpys_own_take_vectors():
    source = """
import numpy as np


def backward(x, w, b, dy, stride, padding):
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for n in range(x.shape[0]):
        for f in range(w.shape[0]):
            for c in range(w.shape[1]):
                dx[n, c] += np.convolve(dy[n, f], w[f, c])
                dw[f, c] += np.correlate(x[n, c], dy[n, f])
    return dx, dw, dy.sum((0, 2))
"""
    assert prove_source(source, "backward", padding="none", ndim=1, replays=8).proved
    other = source.replace("np.correlate(x[n, c], dy[n, f])", "np.convolve(x[n, c], dy[n, f], 'valid')")
    assert not prove_source(other, "backward", padding="none", ndim=1, replays=8).proved


COPIES = {"np.copy(t)": True, "np.array(t)": True, "t.copy()": True, "t": False, "np.asarray(t)": False}


@pytest.mark.parametrize(("made", "right"), COPIES.items())
def test_what_is_copied_is_no_longer_the_same(made, right):
    """np.copy of a result that has no memory of its own yet; a layer that adds to the copy changes the copy."""
    source = f"""
import numpy as np


def bias(x, w, b, dy, stride, padding):
    t = dy * 1.0
    u = {made}
    u += 1.0
    return {{"db": t.sum((0, 2, 3))}}
"""
    (proof,) = prove_source(source, "bias", targets=("db",), replays=3)
    assert proof.proved is right


def test_what_a_layer_took_from_its_own_weights():
    source = """
import numpy as np


def change(x, w, b, dy, stride, padding):
    before, after = w.copy(), w.copy()
    rows, columns = dy.shape[2:]
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            after[:, :, i, j] -= RATE * np.einsum("nfab,ncab->fc", dy, x[:, :, i : i + rows, j : j + columns])
    return {"dw": before - after}
"""
    for rate, right in (("1.0", True), ("2.0", False)):
        (proof,) = prove_source(source.replace("RATE", rate), "change", targets=("dw",), padding="none", replays=4)
        assert proof.proved is right
    (proof,) = prove_source(source.replace("RATE", "1.0").replace("before - after", "after - before"), "change", targets=("dw",),
                            padding="none", replays=4)  # fmt: skip
    assert not proof.proved
