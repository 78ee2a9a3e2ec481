"""Functions that answer by what a watched process looks like, or by what was there before, and honest ones that only seem to."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from symconv.audits import Audit, audit
from symconv.audits.histories import KEPT
from symconv.audits.judge import UNLIKE
from symconv.audits.sandbox.supervisor import shared_workers
from symconv.layer.conv import Conv
from tests.audits.independent import SAMPLES

FILE = SAMPLES / "sample_company.py"
GRID = [Conv((6, 5), (2, 3), 2, 2, 3, stride=2, padding=1)]

HIDDEN, EARLIER, SHAPE = "where it cannot see who calls it", "depends on earlier calls", "kept by shape alone"
TIMER, SYSTEM = "sets a timer of its process", "looks at what the system knows of its process"

#: function -> what is said of it, for those that come out wrong
WRONG = {
    "by_a_timer_that_is_set": HIDDEN, "by_an_alarm": HIDDEN, "by_the_collector": HIDDEN, "by_the_fault_handler": HIDDEN,
    "by_the_interrupt": HIDDEN, "by_the_arguments": HIDDEN, "by_its_name": HIDDEN, "by_errors_of_numpy": HIDDEN,
    "right_once_for_each_shape": EARLIER, "keeps_by_a_short_hash": EARLIER, "runs_on": EARLIER, "forgets_the_oldest": SHAPE,
    "keeps_weakly": KEPT, "right_on_the_small": UNLIKE, "rectified": UNLIKE, "in_single_precision": UNLIKE,
    "guarded_division": UNLIKE,
}  # fmt: skip
#: those that pass with a finding, and not strictly
NOTICED = {"by_the_parent": SYSTEM, "turns_when_a_timer_runs_out": TIMER, "with_its_own_time_limit": TIMER}
RIGHT = (
    "builds_tables_lazily", "counts_and_prints", "warns", "shuffles_the_order", "by_the_environment", "in_a_thread_of_its_own",
    "in_a_pool", "adds_what_is_yielded", "under_strict_errors", "through_cached_properties", "decorated", "dispatched",
    "collects", "keeps_all_it_met", "as_read_only", "in_fortran_order", "checks_itself",
)  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _workers() -> Iterator[None]:
    with shared_workers():
        yield


def audited(name: str) -> Audit:
    return audit(f"{FILE}:{name}", "plain", grid=GRID, seed=1, jobs=1, time_limit=20.0)


@pytest.mark.parametrize("name", WRONG)
def test_none_that_minds_its_company_passes(name: str) -> None:
    result = audited(name)
    assert (result.ok, result.wrong) == (False, 1)
    assert any(WRONG[name] in finding for finding in result.findings), result.findings


@pytest.mark.parametrize("name", NOTICED)
def test_what_cannot_be_decided_is_told(name: str) -> None:
    result = audited(name)
    assert (result.ok, result.ok_strictly) == (True, False)
    assert any(NOTICED[name] in finding for finding in result.findings), result.findings


@pytest.mark.parametrize("name", RIGHT)
def test_honest_ones_are_right(name: str) -> None:
    result = audited(name)
    assert (result.ok, result.ok_strictly, result.findings) == (True, True, {})


def test_every_function_is_tried() -> None:
    names = {node.name for node in ast.parse(FILE.read_text()).body if isinstance(node, ast.FunctionDef)}
    assert {name for name in names if not name.startswith("_")} == {"either", *WRONG, *NOTICED, *RIGHT}
