"""How many cases are right, wrong and refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Tally"]


@dataclass(frozen=True)
class Tally:
    """How many cases are right, wrong (in value or shape, or by an error), refused, and not judged for want of time or memory."""

    cases: int
    right: int
    wrong: int
    refused: int
    unjudged: int = 0

    @property
    def judged(self) -> int:
        """The cases that have a verdict."""
        return self.right + self.wrong

    @staticmethod
    def of(statuses: Iterable[Sequence[str]]) -> Tally:
        """The tally of cases, each the statuses of its outputs."""
        right = wrong = refused = unjudged = 0
        for each in statuses:
            if "refuses" in each:
                refused += 1
            elif "limit" in each:
                unjudged += 1
            elif all(status == "ok" for status in each):
                right += 1
            else:
                wrong += 1
        return Tally(right + wrong + refused + unjudged, right, wrong, refused, unjudged)
