"""Audits and derivations under an assumption: its geometries alone, and the theorem that is restricted to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from symconv import Conv
from symconv.article import document
from symconv.audits import audit
from symconv.audits.grids import default_grid
from symconv.proof.assumptions import assumptions, hold_for
from tests.commands import assert_bad_usage, run

#: what the command proves is asked for
WITH_PROOFS = True

SOURCE = """
import numpy as np


def backward(x, w, b, dy, stride, padding):
    p = int(np.max(padding))
    wide = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    dwide, dw = np.zeros_like(wide), np.zeros_like(w)
    (s, t) = np.broadcast_to(stride, 2)
    for n, f, i, j in np.ndindex(dy.shape):
        at = np.s_[n, :, i * s : i * s + w.shape[2], j * t : j * t + w.shape[3]]
        dw[f] += dy[n, f, i, j] * wide[at]
        dwide[at] += dy[n, f, i, j] * w[f]
    return dwide[:, :, p:-p, p:-p], dw, dy.sum(axis=(0, 2, 3))  # empty where p is 0
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "layer.py"
    path.write_text(SOURCE)
    return path


def test_the_comparisons_hold_on_every_axis() -> None:
    convs = default_grid("quick", stride=(1, 2), padding=(0, 1))
    chosen = [conv for conv in convs if hold_for(assumptions("2*p == K - 1, s == 1"), conv)]
    assert chosen
    assert {conv for conv in convs if all(2 * p == K - 1 for (p, _), K in zip(conv.padding, conv.kernel, strict=True))
            and conv.stride == (1, 1)} == set(chosen)  # fmt: skip


def test_an_audit_is_about_the_geometries_of_the_assumption(file: Path) -> None:
    grid = default_grid(input=[(3, 4)], kernel=[(2, 1)], stride=[1], padding=[0, 1])
    assert not audit(f"{file}:backward", grid=grid, jobs=1, once=True).ok
    found = audit(f"{file}:backward", grid=grid, jobs=1, once=True, assume="p >= 1")
    assert found.ok
    assert len(found.cases) == 1
    assert all(pair[0] >= 1 for case in found.challenge for pair in case.conv.padding)
    assert found.scope.startswith("1 geometries with p >= 1")
    assert found.to_dict()["assumed"] == "p >= 1"


def test_what_is_proved_is_proved_under_the_assumption(tmp_path: Path) -> None:
    path = tmp_path / "plain.py"
    source = SOURCE.replace("int(np.max(padding))", "padding")
    path.write_text(source.replace("(s, t) = np.broadcast_to(stride, 2)", "s = t = stride"))
    sizes = ["--input", "3x4", "--kernel", "2x1", "--stride", "1", "--padding", "0..1", "--once", "-j", "1", "--assume"]
    for assumed, told in (
        ("p == 0", "never right, for every size with p == 0 at stride 1"),
        ("p >= 1", "right, for every size with p >= 1 at stride 1"),
        ("p <= K", "right exactly when p >= 1, for every size with p <= K at stride 1"),
    ):
        assert run("audit", f"{path}:backward", *sizes, assumed, "--json").json["proved"] == told


def test_an_assumption_without_geometries_is_refused(file: Path) -> None:
    with pytest.raises(ValueError, match="no case of the grid has p == 7"):
        audit(f"{file}:backward", grid="quick", assume="p == 7")
    assert_bad_usage(run("audit", f"{file}:backward", "--assume", "p = 1", "--convention", "plain"), "is no comparison")


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_theorem_is_restricted(lang: str) -> None:
    conv = Conv(input=5, kernel=3, padding=1)
    told = document(conv, lang, sections=["summary"], assume="q == p, K odd").render("text", 100)
    assert "q = p, K mod 2 = 1" in told
    assert "q = p" not in document(conv, lang, sections=["summary"]).render("text", 100)
    with pytest.raises(ValueError, match="the assumption p == 0 does not hold of Conv"):
        document(conv, assume="p == 0")


def test_derive_takes_an_assumption() -> None:
    given = ("--input", "5", "--kernel", "3", "--padding", "1")
    told = run("derive", *given, "--sections", "summary", "--assume", "2*p == K - 1")
    assert told.status == 0
    assert "Suppose moreover that 2·p = K − 1." in told.out
    assert_bad_usage(run("derive", *given, "--assume", "p == 0"), "the assumption p == 0 does not hold of")
