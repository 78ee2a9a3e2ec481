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
