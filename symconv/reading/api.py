"""What is called from outside: ``prove`` for a formula or for a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symconv.proof import prove as prove_formula

__all__ = ["is_code", "prove"]


def is_code(claim: Any) -> bool:
    """Whether ``claim`` is a function or says FILE.py:FUNCTION."""
    return callable(claim) or (isinstance(claim, str) and ".py:" in claim and "=" not in claim)


def prove(claim: str | Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Whether a formula, or a NumPy function, is right at every size.

    A formula ("dx", "dx = correlate(...)") goes to :func:`symconv.proof.prove`; a function, or "FILE.py:FUNCTION", to
    :func:`symconv.reading.prove_code`. The options are theirs.

    >>> prove("dx", stride=2)
    <PROVED: dx = ...>
    """
    if is_code(claim):
        from symconv.reading.prove import prove_code  # loads NumPy, which a formula does without

        return prove_code(claim, *args, **options)
    formula: Any = claim
    return prove_formula(formula, *args, **options)
