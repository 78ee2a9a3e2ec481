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
        return Tally.of_kinds((each, 1) for each in statuses)

    @staticmethod
    def of_kinds(kinds: Iterable[tuple[Sequence[str], int]]) -> Tally:
        """The tally of kinds of cases, each the statuses of its outputs and how many there are."""
        right = wrong = refused = unjudged = 0
        for each, count in kinds:
            if "refuses" in each:
                refused += count
            elif "limit" in each:
                unjudged += count
            elif all(status == "ok" for status in each):
                right += count
            else:
                wrong += count
        return Tally(right + wrong + refused + unjudged, right, wrong, refused, unjudged)
