"""What proofs are written as is what is kept in tests/proof/texts, which ``python -m tests.proof.texts`` writes anew."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.proof.texts import KINDS, kept

WRITTEN = [(kind, name, write) for kind, made in KINDS.items() for name, write in made()]


@pytest.mark.parametrize(("kind", "name", "write"), WRITTEN, ids=[f"{kind}-{name}" for kind, name, _ in WRITTEN])
def test_a_text_is_as_it_was(kind: str, name: str, write: Callable[[], str]) -> None:
    assert write().rstrip().split("\n") == kept(kind)[name].rstrip().split("\n")


@pytest.mark.parametrize("kind", KINDS)
def test_no_other_text_is_kept(kind: str) -> None:
    assert list(kept(kind)) == [name for of, name, _ in WRITTEN if of == kind]
