"""Functions that look at who calls them, keep what they should not, or answer in place of others: none of them passes."""

from __future__ import annotations

import ast
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from symconv.audits import Audit, audit
from symconv.audits.beside import ANOTHER
from symconv.audits.histories import KEPT
from symconv.audits.sandbox.supervisor import shared_workers
from symconv.layer.conv import Conv
from tests.audits.independent import SAMPLES

FILE = SAMPLES / "sample_cheats.py"
GRID = [Conv((6, 5), (2, 3), 2, 2, 3, stride, padding) for stride, padding in ((1, 0), (2, 1), (3, 0))]

HIDDEN = "where it cannot see who calls it"
FRAMES, SYSTEM = "looks at the frames that call it", "looks at what the system knows of its process"

#: function -> what is said of it, for those that come out wrong
WRONG = {
    "only_on_a_clock": HIDDEN,
    "only_beside_modules": HIDDEN, "only_in_this_environment": HIDDEN, "only_with_this_main": HIDDEN, "remembers_x": KEPT,
    "remembers_w_and_dy": KEPT, "remembers_places": KEPT, "right_when_forked": ANOTHER,
}  # fmt: skip
#: those that pass, with a finding
NOTICED = {
    "only_under_frames": FRAMES,
    "only_under_this_command": SYSTEM,
    "single_precision": "arrays that are float32",
}
RIGHT = ("as_nested_lists", "as_masked", "memoises_rightly", "seeds_the_generator")
#: right with no more than chance, and what is no backward pass by itself
OTHERS = ("by_chance", "chance_at_import", "order_of_a_set", "as_generator")


@pytest.fixture(autouse=True, scope="module")
def _workers() -> Iterator[None]:
    with shared_workers():
        yield


def audited(name: str, grid: list[Conv]) -> Audit:
    return audit(f"{FILE}:{name}", "plain", grid=grid, seed=1, jobs=1, time_limit=20.0)


@pytest.mark.parametrize("name", WRONG)
def test_no_cheat_passes(name: str) -> None:
    result = audited(name, GRID[1:2])
    assert not result.ok
    assert any(WRONG[name] in finding for finding in result.findings)


@pytest.mark.parametrize("name", NOTICED)
def test_what_cannot_be_decided_is_told(name: str) -> None:
    result = audited(name, GRID[1:2])
    assert result.ok
    assert any(NOTICED[name] in finding for finding in result.findings)
    assert result.ok_strictly is ("looks at" not in NOTICED[name])


def test_right_as_it_looks() -> None:
    alike = Conv((4, 3), (2, 2), stride=2, padding=2)  # w and dy of one shape: each has memory of its own
    result = audited("memoises_rightly", [GRID[0], alike])
    assert (result.ok, result.findings) == (True, {})


@pytest.mark.sweep
def test_all() -> None:
    """Every function of the file: of those that are not right none passes without a word."""
    names = [node.name for node in ast.parse(FILE.read_text()).body if isinstance(node, ast.FunctionDef)]
    for name in (name for name in names if not name.startswith("_") and name not in OTHERS):
        result = audited(name, GRID)
        told = any(NOTICED.get(name, "nothing") in finding for finding in result.findings)
        assert result.ok is (name in RIGHT or told), (name, result.findings)
    for path in Path(tempfile.gettempdir()).glob("symconv-cheat-*"):
        os.unlink(path)
