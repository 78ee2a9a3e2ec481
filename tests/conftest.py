"""Settings for all tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# a slow machine is not a failing test; failures are replayed from the database of examples on a developer's machine, where
# examples are new every time, and the same examples are tried each time where a result has to be reproduced
settings.register_profile("symconv", deadline=None, derandomize=bool(os.environ.get("SYMCONV_CI")))
settings.load_profile("symconv")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """Where everything is installed (SYMCONV_CI), a test that skips itself has failed: the skip would hide a missing install."""
    outcome = yield
    report = outcome.get_result()
    if os.environ.get("SYMCONV_CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} skipped itself where nothing may be missing: {report.longrepr}"
