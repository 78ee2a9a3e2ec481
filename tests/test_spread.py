"""Verifications and proofs on several processes: the same report for any number of them, in the same order."""

from __future__ import annotations

from pathlib import Path

import pytest

from symconv.audits.spread import in_order, spread
from tests.commands import assert_bad_usage, run

VERIFY = ("verify", "--input", "5x6", "--kernel", "3x2", "--stride", "1..3", "--padding", "0..1", "--json")
PROVE = ("prove", "db", "--stride", "1..3", "--json")
CODE = ("prove", "bias.py:bias", "--stride", "1..2", "--target", "db", "--json")
SOURCE = "import numpy as np\ndef bias(x, w, b, dy, stride, padding):\n    return dy.sum(axis=(0, 2, 3))\n"


def negated(number: int) -> int:
    return -number


def timeless(told: object) -> object:
    """A report without the seconds that it took."""
    if isinstance(told, dict):
        return {key: timeless(value) for key, value in told.items() if not key.endswith("seconds")}
    return [timeless(each) for each in told] if isinstance(told, list) else told


@pytest.mark.slow
@pytest.mark.parametrize("call", [VERIFY, PROVE, CODE], ids=lambda call: call[1])
def test_the_report_is_the_same_for_any_number(
    call: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bias.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    one, two = run(*call), run(*call, "--jobs", "2")
    assert (one.status, two.status) == (0, 0)
    assert timeless(one.json) == timeless(two.json)


def test_order() -> None:
    numbers = list(range(7))
    assert in_order(negated, numbers, jobs=1) == [-n for n in numbers]
    assert sorted(spread(negated, numbers, jobs=3, threads=True)) == [(n, -n) for n in numbers]
    done: list[int] = []
    in_order(negated, numbers, jobs=1, ready=lambda: done.append(1))
    assert len(done) == 7
    assert in_order(negated, []) == []


@pytest.mark.parametrize("call", [VERIFY, PROVE, CODE], ids=lambda call: call[1])
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--backend", "dask"), "needs the address of a scheduler"),
        (("--backend", "dask", "--scheduler", "10.0.0.1"), "'10.0.0.1' is no address of host and port"),
        (("--scheduler", "tcp://10.0.0.1:8786"), "is for backend dask, and the backend is local"),
    ],
    ids=["no address", "no port", "no backend"],
)
def test_a_cluster_that_is_not_there(
    call: tuple[str, ...], options: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bias.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    assert_bad_usage(run(*call, *options), told)
