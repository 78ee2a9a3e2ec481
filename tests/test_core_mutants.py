"""The mutants of the rooms that verdicts rest on; trying them takes a quarter of an hour: ``python -m tests.core_mutants``."""

from __future__ import annotations

import pytest

from tests.argued_mutants import ARGUED
from tests.core_nodes import ROOT, mutants, sample
from tests.named_mutants import MUTANTS, survives


def test_mutants_are_functions_with_other_code() -> None:
    every = mutants()
    assert len(every) > 2000
    for mutant in sample(every, 20, seed=2):
        assert mutant.before != mutant.after
        assert mutant.code().co_qualname == mutant.name


def test_an_argued_mutant_is_in_its_file_and_has_a_reason() -> None:
    assert set(ARGUED) <= {mutant.key for mutant in mutants()}
    assert all(len(reason) > 20 for reason in ARGUED.values())


@pytest.mark.parametrize("name", MUTANTS)
def test_a_named_mutant_is_in_its_file(name: str) -> None:
    change = MUTANTS[name]
    assert (ROOT / "symconv" / change.file).read_text().count(change.old) == 1
    assert change.new != change.old


@pytest.mark.sweep
@pytest.mark.parametrize("name", MUTANTS)
def test_a_named_mutant_is_killed(name: str) -> None:
    assert not survives(MUTANTS[name])
