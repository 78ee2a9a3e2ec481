"""What is called from outside: ``prove`` for a formula or for a function, however that is called."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from symconv.proof import prove as prove_formula

__all__ = ["is_code", "prove"]


def is_code(claim: Any) -> bool:
    """Whether ``claim`` is a function or says FILE.py:FUNCTION, of a notebook too."""
    return callable(claim) or (isinstance(claim, str) and bool(re.fullmatch(r"[^=]+\.(py:.*|ipynb:.*)", claim)))


def prove(claim: str | Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Whether a formula, or a NumPy function, is right at every size.

    A formula ("dx", "dx = correlate(...)") goes to :func:`symconv.proof.prove`; a function, or "FILE.py:FUNCTION", to
    :func:`symconv.audits.functions.prove_function`. The options are theirs.

    >>> prove("dx", stride=2)
    <PROVED: dx = ...>
    """
    if is_code(claim):
        from symconv.audits.functions import prove_function  # loads NumPy, which a formula does without

        return prove_function(claim, *args, **options)
    formula: Any = claim
    return prove_formula(formula, *args, **options)
