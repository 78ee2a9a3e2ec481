"""What an audit's cases show is proved where the source can be read, and only where every case agrees."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from symconv import audit
from symconv.audits.grids import default_grid
from symconv.audits.inference.settle import Settled
from symconv.audits.proved import with_proof

SAMPLES = Path(__file__).parents[1] / "audits" / "samples"


@pytest.fixture(scope="module")
def crops():
    return audit(f"{SAMPLES / 'sample_plain.py'}:crops_with_minus_pad", convention="plain", grid="quick", proof=False)


def test_proved_without_being_asked():
    """What the command says of a file, Python says of it and of a function that a file defines."""
    grid = [conv for conv in default_grid("quick") if conv.stride == (1, 1)][::5]
    options = {"grid": grid, "once": True, "engine": "exact", "jobs": 1}
    spec = importlib.util.spec_from_file_location("sample_of_proofs", SAMPLES / "sample_plain.py")
    sample = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sample)
    for function in (f"{SAMPLES / 'sample_plain.py'}:crops_with_minus_pad", sample.crops_with_minus_pad):
        found = audit(function, **options)
        assert found.to_dict()["proved"] == "right exactly when p >= 1, for every size at stride 1"
    assert audit(sample.crops_with_minus_pad, proof=False, **options).proved is None


def test_proved(crops):
    found = with_proof(crops, f"{SAMPLES / 'sample_plain.py'}:crops_with_minus_pad", Settled("plain"))
    assert found.proved == "right exactly when p >= 1, for every size at stride 1, 2, 3"
    assert found.to_dict()["condition_proved"] is True
    assert crops.to_dict()["condition_proved"] is False


def test_a_case_that_disagrees_forbids_the_proof(crops):
    """The same cases beside another function's source."""
    assert with_proof(crops, f"{SAMPLES / 'sample_plain.py'}:five_loops", Settled("plain")).proved is None


def test_what_cannot_be_read_is_left_as_it_was(crops):
    assert with_proof(crops, f"{SAMPLES / 'sample_plain.py'}:by_fourier", Settled("plain")) == crops
    assert (
        with_proof(replace(crops, mode="forward"), f"{SAMPLES / 'sample_plain.py'}:five_loops", Settled("plain")).proved
        is None
    )


BORDERED = """import numpy as np

def backward(x, w, b, dy, stride, padding):
    p, s, K, L = padding, stride, *w.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), mode="edge")
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i, j in np.ndindex(dy.shape[2:]):
        at = np.s_[:, :, i * s : i * s + K, j * s : j * s + L]
        dw += np.einsum("nf,nckl->fckl", dy[:, :, i, j], xp[at])
        dxp[at] += np.einsum("nf,fckl->nckl", dy[:, :, i, j], w)
    return dxp[:, :, p : p + x.shape[2], p : p + x.shape[3]], dw, dy.sum((0, 2, 3))
"""

TRANSPOSED = """import numpy as np

def backward(x, w, b, dy, stride, padding):
    p, s, K, L = padding, stride, *w.shape[2:]
    dyp = np.pad(dy, ((0, 0), (0, 0), (p, p), (p, p)))
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i, j in np.ndindex(x.shape[2:]):
        at = dyp[:, :, i * s : i * s + K, j * s : j * s + L]
        dx[:, :, i, j] = np.einsum("nfkl,cfkl->nc", at, w)
        dw += np.einsum("nc,nfkl->cfkl", x[:, :, i, j], at)
    return dx, dw, dy.sum((0, 2, 3))
"""


@pytest.mark.parametrize(
    ("source", "layers", "told"),
    [
        (BORDERED, {"padding_mode": "replicate"}, "right exactly when p == 0"),
        (TRANSPOSED, {"transposed": True}, "right"),
    ],
    ids=["border", "transposed"],
)
def test_layers_of_another_kind(tmp_path, source, layers, told):
    """Borders of more than zeros, where no parameter tells the function of them, and transposed layers."""
    (tmp_path / "layer.py").write_text(source)
    grid = default_grid(input=[(4, 3)], kernel=[(2, 3)], stride=[2], padding=[0, 1], **layers)
    found = audit(f"{tmp_path / 'layer.py'}:backward", grid=grid, once=True, engine="exact", jobs=1, convention="plain")
    assert found.to_dict()["proved"] == f"{told}, for every size at stride 2"
