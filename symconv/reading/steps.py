"""One condition for every stride and dilation, from those at single ones, as :mod:`symconv.proof.steps` has it for formulas.

i * s is not affine when s is a size, so a function is read at numbers. What it is right under at each of them may still be one
text with s and d in it: every text that was found is put back at every stride and dilation, and held there, as a set of sizes,
against what was proved. That it goes on so at larger ones is an observation, and said to be one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from symconv.algebra.comparisons import all_of
from symconv.reading.words import sizes_of

__all__ = ["DILATIONS", "STRIDES", "common_condition", "steps_of"]

#: what "any" stands for
STRIDES, DILATIONS = tuple(range(1, 9)), tuple(range(1, 5))


def steps_of(stride: int | str | Sequence[int], dilation: int | str | Sequence[int]) -> list[tuple[int, int]]:
    """Each stride with each dilation, of a number, several, or "any"; ValueError for another word.

    >>> steps_of(2, (1, 3)), len(steps_of("any", "any"))
    ([(2, 1), (2, 3)], 32)
    """
    found: list[Sequence[int]] = []
    for value, every in ((stride, STRIDES), (dilation, DILATIONS)):
        if isinstance(value, str) and value != "any":
            raise ValueError(f"stride or dilation {value!r} is neither a whole number nor 'any'")
        found.append(every if isinstance(value, str) else (value,) if isinstance(value, int) else value)
    strides, dilations = found
    return list(itertools.product(strides, dilations))


def common_condition(proofs: Sequence[Any]) -> str | None:
    """The text that is the exact condition of each of these, of one output; None where there is none."""
    if any(proof.right is None or proof.layer is None for proof in proofs):
        return None
    if all(proof.right.is_empty() for proof in proofs):
        return "never"
    tried = dict.fromkeys(proof.general for proof in reversed(proofs) if proof.general is not None)
    for general in sorted(tried, key=lambda each: (each == (), len(each))):
        if all(_exact(proof, general) for proof in proofs):
            return all_of(general)
    return None


def _exact(proof: Any, general: tuple[str, ...]) -> bool:
    told = sizes_of(proof.layer, general, proof.layer.possible(proof.right.get_ctx()))
    return told is not None and bool(told.is_equal(proof.right))
