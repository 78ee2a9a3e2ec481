"""Verdicts in a row, on formulas as on code: the worst of them, how many of each there are, and each for itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar, overload

__all__ = ["PROVED", "REFUSES", "REFUTED", "UNKNOWN", "Verdicts"]

#: REFUSES is about code alone: never wrong where it returns, but it raises at some sizes
PROVED, REFUSES, REFUTED, UNKNOWN = "PROVED", "REFUSES", "REFUTED", "UNKNOWN"


class Decided(Protocol):
    """What one verdict has."""

    @property
    def verdict(self) -> str: ...

    @property
    def formula(self) -> Any: ...

    @property
    def seconds(self) -> float: ...

    def _repr_latex_(self) -> str: ...


One = TypeVar("One", bound=Decided, covariant=True)


@dataclass(frozen=True, repr=False)
class Verdicts(Sequence[One]):
    """The verdicts on one formula or function at several strides and dilations."""

    proofs: tuple[One, ...]

    #: the verdicts there can be, the worst first
    WORST: ClassVar[tuple[str, ...]] = (REFUTED, UNKNOWN, REFUSES, PROVED)

    @property
    def verdict(self) -> str:
        """REFUTED if one is, else UNKNOWN, else REFUSES, else PROVED; UNKNOWN where there is none."""
        verdicts = {proof.verdict for proof in self.proofs}
        return next((v for v in self.WORST if v in verdicts), UNKNOWN)

    @property
    def proved(self) -> bool:
        return self.verdict == PROVED

    @property
    def seconds(self) -> float:
        return sum(proof.seconds for proof in self.proofs)

    @overload
    def __getitem__(self, at: int) -> One: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[One, ...]: ...

    def __getitem__(self, at: int | slice) -> One | tuple[One, ...]:
        return self.proofs[at]

    def __len__(self) -> int:
        return len(self.proofs)

    def __iter__(self) -> Iterator[One]:
        return iter(self.proofs)

    def __repr__(self) -> str:
        counts = {v: sum(proof.verdict == v for proof in self.proofs) for v in (PROVED, REFUSES, REFUTED, UNKNOWN)}
        each = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        return f"<{each}: {self.proofs[0].formula}>" if self.proofs else "<nothing was decided>"

    def _repr_latex_(self) -> str:
        return "\n\n".join(proof._repr_latex_() for proof in self.proofs)
