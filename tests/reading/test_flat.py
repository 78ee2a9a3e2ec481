"""Columns that are filled by counters and by places written out, i*W + j: proved, and their slips are not."""

from __future__ import annotations

import numpy as np
import pytest

from symconv.reading import prove_source

PLACES = """
import numpy as np


def places(x, w, b, dy, stride, padding):
    n, c, height, width = x.shape
    f, _, k, l = w.shape
    _, _, rows, columns = dy.shape
    wide = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    unfolded, folded = np.zeros((c * k * l, n * rows * columns)), np.zeros(wide.shape)
    flat = dy.transpose(1, 0, 2, 3).reshape(f, -1)
    d_unfolded = w.reshape(f, -1).T @ flat
    for channel in range(c):
        for u in range(k):
            for v in range(l):
                tap = channel * k * l + u * l + v
                for image in range(n):
                    for i in range(rows):
                        for j in range(columns):
                            at = image * rows * columns + i * columns + j
                            unfolded[tap, at] = wide[image, channel, i * stride + u, j * stride + v]
                            folded[image, channel, i * stride + u, j * stride + v] += d_unfolded[tap, at]
    dx = folded[:, :, padding : padding + height, padding : padding + width]
    return dx, (flat @ unfolded.T).reshape(w.shape), flat.sum(axis=1)
"""
COUNTED = """
import numpy as np


def counted(x, w, b, dy, stride, padding):
    n, c, height, width = x.shape
    f, _, k, l = w.shape
    _, _, rows, columns = dy.shape
    wide = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    unfolded, folded = np.zeros((n * rows * columns, c * k * l)), np.zeros(wide.shape)
    place = 0
    for image in range(n):
        for i in range(rows):
            for j in range(columns):
                window = wide[image, :, i * stride : i * stride + k, j * stride : j * stride + l]
                unfolded[place] = window.reshape(-1)
                place += 1
    flat = dy.transpose(0, 2, 3, 1).reshape(-1, f)
    d_unfolded = flat @ w.reshape(f, -1)
    for image in range(n):
        part = d_unfolded[image * rows * columns : (image + 1) * rows * columns]
        place = 0
        for i in range(rows):
            for j in range(columns):
                window = folded[image, :, i * stride : i * stride + k, j * stride : j * stride + l]
                window += part[place].reshape(c, k, l)
                place += 1
    dx = folded[:, :, padding : padding + height, padding : padding + width]
    return dx, (flat.T @ unfolded).reshape(w.shape), flat.sum(axis=0)
"""
SQUARE = """
import numpy as np


def square(x, w, b, dy, stride, padding):
    image, size = x[0, 0], w.shape[2]
    height, width = image.shape
    found = []
    for i in range(height - size + 1):
        for j in range(width - size + 1):
            found.append(image[i : i + size, j : j + size].flatten())
    dw = np.array(found).T @ dy.flatten()
    return {"dw": dw.reshape(1, 1, size, size)}
"""


@pytest.mark.parametrize(("source", "name"), [(PLACES, "places"), (COUNTED, "counted")])
def test_columns_filled_by_hand(source, name):
    proofs = prove_source(source, name, stride=(1, 3), replays=6)
    assert proofs.proved, proofs


@pytest.mark.parametrize(
    ("source", "name", "right", "wrong"),
    [
        (PLACES, "places", "+ i * columns + j", "+ i * rows + j"),
        (PLACES, "places", "image * rows * columns + i", "image * columns + i"),
        (PLACES, "places", "channel * k * l + u * l + v", "channel * k * l + v * l + u"),
        (PLACES, "places", "at = image * rows", "at = 1 + image * rows"),
        (COUNTED, "counted", "        place = 0\n        for i", "        for i"),
        (COUNTED, "counted", "(image + 1) * rows", "(image + 2) * rows"),
        (COUNTED, "counted", "                unfolded[place] = window.reshape(-1)\n                place += 1",
         "                place += 1\n                unfolded[place] = window.reshape(-1)"),
        (COUNTED, "counted", "part[place].reshape(c, k, l)", "part[place].reshape(c, l, k).transpose(0, 2, 1)"),
    ],
)  # fmt: skip
def test_a_slip_is_not_proved(source, name, right, wrong):
    assert right in source
    proofs = prove_source(source.replace(right, wrong), name, stride=2, replays=0)
    assert not proofs.proved
    assert any(proof.verdict != "PROVED" for proof in proofs if proof.target != "db")


def test_the_same_one_size_for_both_sides_is_told_exactly():
    """Where the kernel is oblong the columns are of another length than dy, and the product raises."""
    (proof,) = prove_source(SQUARE, "square", targets=("dw",), one=("N", "C", "F"), padding="none", replays=6)
    assert (proof.condition, proof.raises) == ("K == L", {"ValueError": "unless K == L"})


def test_what_is_counted_goes_on_after_the_loops():
    source = """
import numpy as np


def bias(x, w, b, dy, stride, padding):
    n, f, rows, columns = dy.shape
    count = 0
    for i in range(rows):
        for j in range(columns):
            count += 1
    return {"db": (dy.reshape(n, f, count)).sum(axis=(0, 2))}
"""
    (proof,) = prove_source(source, "bias", targets=("db",), replays=4)
    assert proof.proved
    names: dict = {}
    exec(compile(source, "bias", "exec"), names)
    assert names["bias"](None, None, None, np.ones((2, 3, 4, 5)), 1, 0)["db"].tolist() == [40.0] * 3
