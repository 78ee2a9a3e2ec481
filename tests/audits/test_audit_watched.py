"""Functions that are right only while they are watched, and right ones that a watcher might take for wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from symconv.audits import Audit, audit
from symconv.audits.histories import neighbours
from symconv.audits.judge import AFTER_OTHERS
from symconv.audits.sandbox.supervisor import shared_workers
from symconv.layer.conv import Conv
from tests.audits.independent import SAMPLES

FILE = SAMPLES / "sample_watched.py"

#: strides with and without a remainder, several images, and a small one
GRID = [Conv((6, 5), (2, 3), 2, 2, 3, stride, padding) for stride, padding in ((1, 0), (2, 1), (3, 0))]


@pytest.fixture(autouse=True, scope="module")
def _workers() -> Iterator[None]:
    with shared_workers():
        yield


def audited(name: str, grid: list[Conv] = GRID) -> Audit:
    return audit(f"{FILE}:{name}", grid=grid, seed=1, jobs=1)


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("reads_frames", ""),
        ("replaces_array_equal", ""),
        ("replaces_the_comparison", ""),
        ("answers_from_a_fork", ""),
        ("counts_calls", "depends on earlier calls"),
        ("caches_by_shape", "kept by shape alone"),
        ("symbols_only", "on arrays of objects than on arrays of floats"),
        ("clips_by_norm", "on arrays of objects than on arrays of floats"),
        ("eight_bits", "on arrays of objects than on arrays of floats"),
    ],
)
def test_right_only_while_watched(name: str, finding: str) -> None:
    result = audited(name)
    assert not result.ok
    assert result.wrong == len(GRID), [case.verdict for case in result.cases]
    assert all(case.verdict.status != "refuses" for case in result.cases)
    assert any(finding in told for told in result.findings) or not finding


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("truth", ""),
        ("reuses_a_buffer", "reuses a buffer"),
        ("expects_contiguous", "something else on arrays that are not contiguous"),
        ("writes_in_place", "raises on arrays that are read-only"),
        ("threads", ""),
        ("forks", "on arrays of objects than on arrays of floats"),
    ],
)
def test_right_and_what_is_noticed(name: str, finding: str) -> None:
    result = audited(name)
    assert result.ok, [case.verdict for case in result.cases]
    assert any(finding in told for told in result.findings) if finding else not result.findings


def test_what_other_layers_leave_behind_is_seen() -> None:
    """No case by itself shows it: a process that served others does."""
    grid = [Conv((5, n), (2, 3), 2, 2, 3, 2, 1) for n in range(3, 15)]
    result = audited("tires_of_layers", grid)
    assert not result.ok
    assert AFTER_OTHERS in result.findings
    assert audit(f"{FILE}:truth", grid=grid, seed=1, jobs=1).ok


def test_neighbours_have_the_shapes_of_the_case() -> None:
    for conv in GRID:
        found = list(neighbours(conv))
        assert 1 <= len(found) <= 2
        assert all((c.x_shape, c.w_shape) == (conv.x_shape, conv.w_shape) and c != conv for c in found)
        assert {c.stride != conv.stride for c in found} == {True, False}


def test_seed_is_drawn_and_told() -> None:
    first, second = (audit(f"{FILE}:truth", grid=GRID[:1], jobs=1) for _ in range(2))
    assert first.seed != second.seed  # one in a million
    assert f"seed {first.seed}" in str(first) or not first.challenge
    assert first.to_dict()["seed"] == first.seed
