"""Random articles in random letters: what is right in them is never called wrong, what is spoiled never right."""

from __future__ import annotations

import pytest

from symconv.checking import check
from tests.articles import article

BAD = {"WRONG", "ILL-FORMED", "INCONSISTENT", "AMBIGUOUS"}
GOOD = {"PROVED", "HOLDS", "DEFINITION"}


def judged(seed: int, spoil: bool) -> None:
    made = article(seed, spoil)
    if made is None:
        return
    for number, (each, equation) in enumerate(zip(check(made.text).displays, made.equations, strict=True)):
        told = f"article({seed}, {spoil}): {equation}: {each.verdict}, {each.told}"
        if number == made.spoiled:
            assert each.verdict not in GOOD, told
        else:
            assert each.verdict in GOOD, told


@pytest.mark.parametrize("seed", range(1000, 1040))
def test_what_is_right(seed: int) -> None:
    judged(seed, False)


@pytest.mark.parametrize("seed", range(2000, 2030))
def test_what_is_spoiled(seed: int) -> None:
    judged(seed, True)


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(400))
def test_many(seed: int) -> None:
    judged(seed, bool(seed % 2))
