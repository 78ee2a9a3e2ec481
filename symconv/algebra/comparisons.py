"""Comparisons of integer expressions: ``0 <= o``, ``2*p == K - 1``, ``(m + p) % s == 0``.

What is legal, when a sum counts a term and under which condition a formula holds are all said in them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symconv.algebra.integers import Integer, integer

__all__ = ["RELATIONS", "Comparison", "all_of", "any_of", "between", "compare", "in_words"]

#: symbol -> its meaning
RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left relation right``, with ``relation`` one of ``== != <= < >= >``.

    >>> from symconv.algebra.integers import Name
    >>> c = compare(2 * Name("p"), "==", Name("K") - 1)
    >>> str(c), c.evaluate({"p": 1, "K": 3})
    ('2*p == K - 1', True)
    """

    left: Integer
    relation: str
    right: Integer

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Whether it holds; elementwise when values are arrays. KeyError on a missing name."""
        return RELATIONS[self.relation](self.left.evaluate(values), self.right.evaluate(values))

    def substitute(self, values: Mapping[str, Integer | int]) -> Comparison:
        return Comparison(self.left.substitute(values), self.relation, self.right.substitute(values))

    def names(self) -> frozenset[str]:
        """The sizes and indices that occur."""
        return self.left.names() | self.right.names()

    def __str__(self) -> str:
        return f"{self.left} {self.relation} {self.right}"


def compare(left: Integer | int, relation: str, right: Integer | int) -> Comparison:
    """``left relation right`` of expressions or whole numbers."""
    return Comparison(integer(left), relation, integer(right))


def between(low: Integer | int, e: Integer | int, high: Integer | int) -> tuple[Comparison, Comparison]:
    """``low <= e < high``."""
    return compare(low, "<=", e), compare(e, "<", high)


def in_words(comparisons: Iterable[object]) -> str:
    """``a == b and c < d``; remainders are written ``mod``."""
    return " and ".join(str(c).replace(" % ", " mod ") for c in comparisons)


def all_of(texts: Sequence[str]) -> str:
    """Conditions that all hold, alternatives among them in brackets.

    >>> all_of(["H == K", "p == 0 or q == 0"]), all_of([])
    ('H == K and (p == 0 or q == 0)', 'always')
    """
    return _joined(texts, "and", "or") or "always"


def any_of(texts: Sequence[str]) -> str:
    """Conditions of which one holds, those of several parts in brackets.

    >>> any_of(["H == K", "p == 0 and q == 0"])
    'H == K or (p == 0 and q == 0)'
    """
    return _joined(texts, "or", "and")


def _joined(texts: Sequence[str], word: str, inner: str) -> str:
    if len(texts) == 1:
        return texts[0]
    return f" {word} ".join(f"({text})" if f" {inner} " in text else text for text in texts)
