"""Audits of very many cases: what is tried briefly comes to what is tried in full, whoever does the work and however often."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from symconv.audits import audit, sweep
from symconv.audits.grids import Grid, grid_of
from symconv.audits.judge import CaseVerdict
from symconv.audits.results import Known
from symconv.audits.sandbox.remote import Runner
from symconv.audits.sandbox.worker import Cases
from symconv.layer.conv import Conv

SOURCE = """
import numpy as np

CALLS = []

def bias(x, w, b, dy, stride, padding, dilation=1):
    return None, None, dy.sum(axis=(0, 2, 3)) * (1 if stride < 3 else 2)

def raises(x, w, b, dy, stride, padding, dilation=1):
    np.zeros(2)[padding]
    return None, None, dy.sum(axis=(0, 2, 3))

def tires(x, w, b, dy, stride, padding, dilation=1):
    CALLS.append(x.shape)
    return None, None, dy.sum(axis=(0, 2, 3)) * (1 if len(CALLS) < 60 else 2)
"""


def geometries() -> list[Conv]:
    return list(grid_of("quick", batch=2, dilation=(1, 2)))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bulk") / "many.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "CHUNK", 32)


def report(file: Path, name: str, **options: Any) -> dict[str, Any]:
    options = {"grid": geometries(), "bulk": True, "jobs": 1, "seed": 3, "engine": "exact", "proof": False} | options
    told = audit(f"{file}:{name}", "plain", **options).to_dict()
    return {key: value for key, value in told.items() if key != "seconds"}


def test_the_same_for_any_number_of_workers_and_after_an_interruption(file: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    whole = report(file, "bias", results=results, grid=Grid(lambda: iter(geometries())))
    count = len(geometries())
    assert (whole["cases"], whole["swept"]["cases"]) == (count, count)
    assert 0 < whole["swept"]["brief"] < whole["right"]
    assert whole == report(file, "bias", jobs=2)
    lines = results.read_bytes().splitlines(keepends=True)
    results.write_bytes(b"".join(lines[: count // 2]) + lines[-1][:20])  # ended amid a line
    assert whole == report(file, "bias", results=results, resume=True)
    assert sorted(json.loads(line)["case"] for line in results.read_text().splitlines()[1:]) == list(range(count))
    each = report(file, "bias", bulk=False)
    assert each["swept"] is None
    for key in ("cases", "right", "wrong", "refused", "condition", "smallest_failure", "outputs"):
        assert each[key] == whole[key]


def test_what_raises_is_judged_by_itself(file: Path) -> None:
    told = report(file, "raises")
    wide = sum(conv.padding[0][0] == 2 for conv in geometries())
    assert (told["wrong"], told["right"]) == (wide, len(geometries()) - wide)
    assert [each["cases"] for each in told["errors"]] == [wide]


def test_what_goes_wrong_after_others_is_wrong(file: Path) -> None:
    told = report(file, "tires", grid=geometries()[:40])
    assert not told["ok"]
    assert any(finding.startswith("not deterministic") for finding in told["findings"])


def test_a_grid_has_each_geometry_once() -> None:
    convs = list(
        grid_of("default", kernel=[1, (1, 1), 2], groups=(1, 2), stride=(1, (1, 1), 2), in_channels=2, out_channels=2)
    )
    assert len(convs) == len(set(convs)) > 100


def test_known_verdicts() -> None:
    known = Known(5)
    known.update(
        {3: CaseVerdict({"dx": "ok"}), 1: CaseVerdict({"dx": "ok"}), 0: CaseVerdict(status="error", message="m")}
    )
    del known[1]
    assert list(known) == [0, 3]
    assert (known[3].outputs, known.get(1), known.get(9), len(known)) == ({"dx": "ok"}, None, None, 2)


def test_one_case_that_met_a_busy_machine_does_not_slow_down_the_rest() -> None:
    cases, kind = Cases(cast(Runner, None)), ("any",)
    for among, otherwise, alone in ((9, 1, False), (9, 3, True), (100, 3, False), (100, 7, True)):
        cases.among[kind], cases.otherwise[kind] = among, otherwise
        assert cases.alone(kind) is alone
