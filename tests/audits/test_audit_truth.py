"""A forward pass of one's own as the truth: what is due is its derivative, in audits, in ``verify`` and in Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from symconv import Conv
from symconv.audits import audit
from symconv.audits.grids import default_grid
from symconv.audits.truth import Derivative, point
from symconv.layer.differences import exact_gradients
from tests.commands import assert_bad_usage, run

#: what the command proves is asked for
WITH_PROOFS = True

FLIPPED = "y[i] = sum(w[K-1-k] * x[s*i + k - p], k)"

SOURCE = """
import numpy as np


def layers(x, w, b, dy, stride, padding):
    p = padding
    wide = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    dwide, dw = np.zeros_like(wide), np.zeros_like(w)
    for n, f, i, j in np.ndindex(dy.shape):
        at = np.s_[n, :, i * stride : i * stride + w.shape[2], j * stride : j * stride + w.shape[3]]
        dw[f] += dy[n, f, i, j] * wide[at]
        dwide[at] += dy[n, f, i, j] * w[f]
    return dwide[:, :, p : p + x.shape[2], p : p + x.shape[3]], dw, dy.sum(axis=(0, 2, 3))


def flipped(x, w, b, dy, stride, padding):
    turned = (slice(None), slice(None), slice(None, None, -1), slice(None, None, -1))
    dx, dw, db = layers(x, w[turned], b, dy, stride, padding)
    return dx, dw[turned], db


def negative(*given):
    return tuple(-each for each in flipped(*given))
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "layer.py"
    path.write_text(SOURCE)
    return path


def grid() -> list[Conv]:
    return default_grid(input=[(5, 4)], kernel=[(3, 2)], stride=[2], padding=[0, 1])


def test_the_derivative_is_that_of_the_formula() -> None:
    """Against the layer by differences, with the kernel turned round."""
    conv = Conv((5, 4), (3, 2), 2, 2, 4, stride=2, padding=1, groups=2)
    at = {name: array * 8 for name, array in point(conv, 1, 0, 20).items()}
    whole = {name: array.astype(np.int64) for name, array in at.items()}
    turned = exact_gradients(conv, whole["x"], whole["w"][..., ::-1, ::-1], whole["b"], whole["dy"])
    due = Derivative(conv, FLIPPED)
    for name in ("y", "dx", "db"):
        assert np.array_equal(due.numbers(whole, name), turned[name])
    assert np.array_equal(due.numbers(whole, "dw"), turned["dw"][..., ::-1, ::-1])


def test_an_audit_is_held_against_it(file: Path) -> None:
    found = audit(f"{file}:flipped", forward=FLIPPED, grid=grid(), jobs=1, once=True)
    assert found.ok, found
    assert found.to_dict()["truth"] == "y[i] = sum(w[K - 1 - k] * x[s*i + k - p], k)"
    assert "held against the derivative of y[i] = sum(" in found.scope


@pytest.mark.parametrize(("function", "causes"), [("layers", ["of-the-layer"]), ("negative", ["scaled--1"])])
def test_what_is_wrong_is_told_by_what_is_due(file: Path, function: str, causes: list[str]) -> None:
    found = audit(f"{file}:{function}", forward=FLIPPED, grid=grid()[1:], jobs=1, once=True)
    assert [each.key for each in found.causes["dx"]] == causes


def test_the_command(file: Path) -> None:
    sizes = ["--input", "5x4", "--kernel", "3x2", "--stride", "2", "--padding", "1", "--once", "-j", "1"]
    told = run("audit", f"{file}:flipped", *sizes, "--forward", FLIPPED)
    assert told.status == 0
    assert "against y[i] = sum(w[K - 1" in told.out
    assert "proved     right, for every size at stride 2" in told.out
    assert_bad_usage(run("audit", f"{file}:flipped", *sizes, "--forward", "dx[i] = sum(w[k] * dy[i + k], k)"),
                     "a forward pass is a formula for y, not for dx")  # fmt: skip
    assert_bad_usage(run("audit", f"{file}:flipped", *sizes, "--forward", FLIPPED, "--mode", "adjoint"),
                     "mode adjoint holds a backward against a forward function")  # fmt: skip
    assert_bad_usage(
        run("audit", f"{file}:flipped", *sizes, "--forward", "y = correlate(pad(x, 3), w)"), "has shape (2, 2, 9, 9)"
    )


def test_verify_takes_it() -> None:
    sizes = ["--input", "6x5", "--kernel", "3x2", "--stride", "1..2", "--padding", "1"]
    flipped = "y = correlate(pad(x, p), flip(w), stride=s)"
    right = "dx = correlate(pad(dilate(dy, s), K - 1 - p, K - 1 - p + r), w)"
    told = run("verify", *sizes, "--forward", flipped, "--formula", right)
    assert told.status == 0
    assert told.out.startswith(f"against {flipped}")
    assert run("verify", *sizes, "--forward", flipped, "--formula", "dx").status == 1
    assert Conv((6, 5), (3, 2), padding=1).verify([right], forward=flipped).ok
    assert_bad_usage(run("derive", "--input", "5", "--kernel", "3", "--forward", flipped), "prove, verify and audit")
