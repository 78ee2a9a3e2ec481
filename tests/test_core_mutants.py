"""The mutants of the rooms that verdicts rest on, and that nearly all of them are caught."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.core_mutants import ROOT, mutants, sample


def test_mutants_are_functions_with_other_code() -> None:
    every = mutants()
    assert len(every) > 2000
    for mutant in sample(every, 20, seed=2):
        assert mutant.before != mutant.after
        assert mutant.code().co_qualname == mutant.name


@pytest.mark.sweep
def test_nearly_every_mutant_is_caught() -> None:
    asked = [sys.executable, "-m", "tests.core_mutants", "--sample", "60", "--seed", "1"]
    run = subprocess.run(asked, cwd=ROOT, env={**os.environ, "SYMCONV_CI": "1"}, capture_output=True, text=True)
    told = re.search(r"(\d+) tried: (\d+) survive, no test reaches (\d+)", run.stdout)
    assert told, run.stdout[-2000:] + run.stderr[-2000:]
    assert int(told[2]) + int(told[3]) <= 9, run.stdout[-4000:]
