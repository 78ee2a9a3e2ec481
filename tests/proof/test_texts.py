"""What proofs are written as is what is kept in tests/proof/texts, which ``python -m tests.proof.texts`` writes anew."""

from __future__ import annotations

import pytest

from tests.proof.texts import KINDS, kept


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_is_as_it_was(kind: str) -> None:
    due = kept(kind)
    found = {name: text.rstrip() for name, text in KINDS[kind]()}
    assert list(found) == list(due)
    for name, text in found.items():
        assert text.split("\n") == due[name].rstrip().split("\n"), name
