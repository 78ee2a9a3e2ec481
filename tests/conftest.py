"""Settings for all tests."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from tests import without_posix

if os.environ.get("SYMCONV_WITHOUT_POSIX"):  # before anything of symconv is imported
    without_posix.hide()

if os.environ.get("PYTEST_XDIST_WORKER"):  # the cores are taken by tests: an audit in one of them starts one process
    os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")

# a slow machine is not a failing test; failures are replayed from the database of examples on a developer's machine, where
# examples are new every time, and the same examples are tried each time where a result has to be reproduced
settings.register_profile("symconv", deadline=None, derandomize=bool(os.environ.get("SYMCONV_CI")))
# that a mutant is told is all there is to know of it
settings.register_profile("mutants", deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
settings.load_profile("mutants" if os.environ.get("SYMCONV_MUTANTS") else "symconv")


#: the tests that are marked `slow` beside those that say so themselves: all cases of one together took more than SECONDS
MEASURED, SECONDS = Path(__file__).with_name("slow.txt"), 1.0
_taken: Counter[str] = Counter()

#: the file that SYMCONV_SKIPPED names is written what was skipped, a test on each line: those are tried where all is installed
_skipped: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sweep", action="store_true", help="run the long enumerations too (marked `sweep`)")
    parser.addoption("--measure", action="store_true", help=f"write {MEASURED.name} anew from what this run takes")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _taken[report.nodeid.partition("[")[0]] += report.duration
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if (told := os.environ.get("SYMCONV_SKIPPED")) and not os.environ.get("PYTEST_XDIST_WORKER"):
        Path(told).write_text("".join(f"{name}\n" for name in sorted(_skipped)), encoding="utf-8")
    if session.config.getoption("--measure") and not os.environ.get("PYTEST_XDIST_WORKER"):
        slow = sorted(name for name, seconds in _taken.items() if seconds > SECONDS)
        MEASURED.write_text("".join(f"{name}\n" for name in slow), encoding="utf-8")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sweeps are slow, and left out without --sweep; so is what was measured to be."""
    measured = set(MEASURED.read_text(encoding="utf-8").splitlines())
    for item in items:
        if item.nodeid.partition("[")[0] in measured:
            item.add_marker("slow")
    if os.environ.get("SYMCONV_WITHOUT_POSIX"):
        items[:], about = without_posix.others(items)
        config.hook.pytest_deselected(items=about)
    sweeps = [item for item in items if item.get_closest_marker("sweep")]
    for item in sweeps:
        item.add_marker("slow")
    if sweeps and not config.getoption("--sweep"):
        config.hook.pytest_deselected(items=sweeps)
        items[:] = [item for item in items if not item.get_closest_marker("sweep")]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """Where everything is installed (SYMCONV_CI), a test that skips itself has failed: the skip would hide a missing install."""
    outcome = yield
    report = outcome.get_result()
    if os.environ.get("SYMCONV_CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} skipped itself where nothing may be missing: {report.longrepr}"
