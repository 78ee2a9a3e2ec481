"""Settings for all tests."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings

from tests import shares, without_posix

if os.environ.get("SYMCONV_WITHOUT_POSIX"):  # before anything of symconv is imported
    without_posix.hide()

if os.environ.get("PYTEST_XDIST_WORKER"):  # the cores are taken by tests: an audit in one of them starts one process
    os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")

# the tests start this program some hundred times: where nothing may be compiled ahead, each would compile all of it
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

EVERYTHING = pytest.StashKey[bool]()

# a slow machine is not a failing test. A plain run tries the same examples each time, everywhere: whether a change may land is no
# matter of chance. `--hypothesis-seed=N` and `--sweep` search among others
settings.register_profile("symconv", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, derandomize=False)
# that a mutant is told is all there is to know of it
settings.register_profile("mutants", deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
settings.load_profile("mutants" if os.environ.get("SYMCONV_MUTANTS") else "symconv")


#: seconds that each function has taken in this run
_taken: Counter[str] = Counter()

#: the file that SYMCONV_SKIPPED names is written what was skipped, a test on each line: those are tried where all is installed
_skipped: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--all", action="store_true", help="run every case of the tests that take long, not a share of them"
    )
    parser.addoption("--rest", action="store_true", help="run what a plain run leaves out (tests/shares.py says what)")
    parser.addoption("--sweep", action="store_true", help="run every case, and the long enumerations (marked `sweep`)")
    parser.addoption("--measure", action="store_true", help=f"write {shares.TIMES.name} anew from what this run takes")


def pytest_configure(config: pytest.Config) -> None:
    """Whether this run is about everything: nothing is named, neither to it nor to the process that began it."""
    if config.getoption("--sweep") or config.getoption("--hypothesis-seed", None) is not None:
        settings.load_profile("search")
    begun = getattr(config, "workerinput", {}).get("everything")
    everything = config.args_source is not pytest.Config.ArgsSource.ARGS and not config.option.keyword
    config.stash[EVERYTHING] = everything if begun is None else begun


def pytest_report_header(config: pytest.Config) -> str | None:
    if part(config) == "share":
        return "of the tests that take long a share of their cases is run; --all runs every one"
    return None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["everything"] = node.config.stash[EVERYTHING]


def part(config: pytest.Config) -> str:
    """What this run takes: all, the share or the rest."""
    if config.getoption("--rest"):
        return "rest"
    whole = config.getoption("--all") or config.getoption("--sweep") or not config.stash[EVERYTHING]
    return "all" if whole else "share"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _taken[shares.of_function(report.nodeid)] += report.duration
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return
    if told := os.environ.get("SYMCONV_SKIPPED"):
        Path(told).write_text("".join(f"{name}\n" for name in sorted(_skipped)), encoding="utf-8")
    if session.config.getoption("--measure"):
        shares.written(_taken)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sweeps are slow, and left out without --sweep; so is what was measured to be, and of what takes long all but a share."""
    taken = shares.times()
    for item in items:
        if shares.is_slow(item, taken) or item.get_closest_marker("sweep"):
            item.add_marker("slow")
    if os.environ.get("SYMCONV_WITHOUT_POSIX"):
        items[:], about = without_posix.others(items)
        config.hook.pytest_deselected(items=about)
    if not config.getoption("--sweep"):
        keep(config, items, lambda item: not item.get_closest_marker("sweep"))
    if (of := part(config)) != "all":
        chosen = shares.share(items, taken)
        keep(config, items, lambda item: (item.nodeid in chosen) is (of == "share"))


def keep(config: pytest.Config, items: list[pytest.Item], wanted: Callable[[pytest.Item], bool]) -> None:
    config.hook.pytest_deselected(items=[item for item in items if not wanted(item)])
    items[:] = [item for item in items if wanted(item)]


@pytest.hookimpl(hookwrapper=True)
def pytest_fixture_setup(fixturedef: Any, request: Any):  # type: ignore[no-untyped-def]
    """What several functions wait for is counted apart: whichever comes first takes its time."""
    begun = time.perf_counter()
    yield
    if fixturedef.scope != "function":
        _taken[shares.of_fixture(fixturedef.baseid, fixturedef.argname)] += time.perf_counter() - begun


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """Where everything is installed (SYMCONV_CI), a test that skips itself has failed: the skip would hide a missing install."""
    outcome = yield
    report = outcome.get_result()
    if os.environ.get("SYMCONV_CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} skipped itself where nothing may be missing: {report.longrepr}"
