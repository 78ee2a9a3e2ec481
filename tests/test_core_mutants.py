"""The mutants of the rooms that verdicts rest on; trying them takes a quarter of an hour: ``python -m tests.core_mutants``."""

from __future__ import annotations

from tests.core_mutants import mutants, sample


def test_mutants_are_functions_with_other_code() -> None:
    every = mutants()
    assert len(every) > 2000
    for mutant in sample(every, 20, seed=2):
        assert mutant.before != mutant.after
        assert mutant.code().co_qualname == mutant.name
