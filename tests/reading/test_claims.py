"""What is claimed of a function: another forward pass, an assumption; and options that say nothing of it."""

from __future__ import annotations

import pytest

from symconv import audit
from symconv.audits.grids import default_grid
from symconv.reading import prove_source
from tests.commands import assert_bad_usage, run

FLIPPED = """import numpy as np

def backward(x, w, b, dy, stride, padding):
    p, s, K, L = padding, stride, *w.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i, j in np.ndindex(dy.shape[2:]):
        at = np.s_[:, :, i * s : i * s + K, j * s : j * s + L]
        dw += np.einsum("nf,nckl->fckl", dy[:, :, i, j], xp[at])
        dxp[at] += np.einsum("nf,fckl->nckl", dy[:, :, i, j], w[:, :, ::-1, ::-1])
    return dxp[:, :, p : p + x.shape[2], p : p + x.shape[3]], dw[..., ::-1, ::-1], dy.sum((0, 2, 3))
"""

TURNED = "y[i] = sum(w[K - 1 - k] * x[s*i + k - p], k)"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "layer.py"
    path.write_text(FLIPPED)
    return path


@pytest.mark.parametrize(
    ("forward", "right"),
    [(TURNED, True), ("y[i] = sum(w[k] * x[s*i + K - 1 - k - p], k)", True), ("y[i] = sum(w[k] * x[s*i + k - p], k)", False),
     ("y[i] = sum(w[k] * x[s*i + K - k - p], k)", False)],
)  # fmt: skip
def test_a_forward_pass_as_a_formula_is_the_truth(forward, right):
    dx, dw, db = prove_source(FLIPPED, "backward", stride=2, forward=forward, replays=2)
    verdict = "PROVED" if right else "REFUTED"
    assert [dx.verdict, dw.verdict, db.verdict] == [verdict, verdict, "PROVED"]
    assert f"the derivative of {forward}" in dx.scope


def test_a_forward_pass_of_its_own_in_an_audit(file):
    grid = default_grid(input=[(4, 3)], kernel=[(2, 3)], stride=[2], padding=[0, 1])
    found = audit(f"{file}:backward", grid=grid, once=True, engine="exact", jobs=1, convention="plain", forward=TURNED)
    assert found.to_dict()["proved"] == "right, for every size at stride 2"


@pytest.mark.parametrize(
    ("assume", "verdicts"),
    [
        ("K == 1", ["PROVED"] * 3),
        ("H == 1, 2*p == K - 1", ["PROVED"] * 3),
        ("p == 0", ["REFUTED", "REFUTED", "PROVED"]),
    ],
)
def test_an_assumption_restricts_the_claim(assume, verdicts):
    proofs = prove_source(FLIPPED, "backward", assume=assume, replays=3)
    assert [proof.verdict for proof in proofs] == verdicts
    assert proofs[0].scope.endswith("; with " + assume.replace(",", " and"))


def test_an_assumption_that_no_layer_meets():
    with pytest.raises(ValueError, match="no layer of stride 1, dilation 1 has K < 1"):
        prove_source(FLIPPED, "backward", assume="K < 1")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["dx", "--ndim", "1"], "--ndim is for FILE.py:FUNCTION"),
        (["dx", "--convention", "cs231n"], "--convention is for FILE.py:FUNCTION"),
        (["FILE:backward", "--max-operations", "3"], "--max-operations is for formulas"),
        (["FILE:backward", "-o", "a.tex"], "-o a.tex goes with --export"),
        (["FILE:backward", "--forward", "y[i] = sum(w[k], k)"], "each product of y has w and x once"),
        (["FILE:backward", "--forward", TURNED, "--padding-mode", "reflect"], "a convolution with zeros padding"),
        (["FILE:backward", "--assume", "p"], "is no comparison"),
        (["FILE:backward", "--assume", ""], "is no comparison"),
        (["dx", "--assume", ""], "is no comparison"),
        (["FILE:backward", "--target", "dx,dx"], "each once, not dx, dx"),
        (["FILE:backward", "--target", "q"], "each once, not q"),
        (["FILE:backward", "--max-seconds", "nan"], "nan is no finite number"),
    ],
)
def test_what_says_nothing_of_it_is_refused(file, given, told):
    done = run("prove", *(each.replace("FILE", str(file)) for each in given))
    assert_bad_usage(done, told)


def test_a_source_nested_too_deeply_is_one_line(tmp_path):
    (tmp_path / "long.py").write_text(
        "def f(x, w, b, dy, stride, padding):\n    return " + "+".join(["dy"] * 30_000) + "\n"
    )
    assert_bad_usage(run("prove", f"{tmp_path / 'long.py'}:f"), "it is nested too deeply")
