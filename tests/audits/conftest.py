"""Audits by the hundred: their proofs, which the tests of the reading room try, are left out unless a test asks for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from symconv.audits import run

#: read as files and never imported as tests: some need PyTorch
collect_ignore_glob = ["samples/public/*"]


@pytest.fixture(autouse=True, scope="module")
def _without_proofs(request: pytest.FixtureRequest) -> Iterator[None]:
    """A module that says ``WITH_PROOFS = True`` has them."""
    with pytest.MonkeyPatch.context() as patch:
        if not getattr(request.module, "WITH_PROOFS", False):
            patch.setattr(run, "with_proof", lambda found, *_: found)
        yield
