"""One layer with everything its article is written from, each part computed when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from symconv.article.selection import BUDGET
from symconv.derive import LOSSES, MAX_SYMPY_TERMS, Gradients
from symconv.geometry import MAX_TERMS, Conv
from symconv.verification import Verification

__all__ = ["Case"]


@dataclass(frozen=True, eq=False)
class Case:
    """``conv`` with the loss to derive from; ``budget`` is how many characters the row of a matrix may have.

    Refused at once, with ValueError: a loss without a name, or of too many terms.
    """

    conv: Conv
    loss: str = "upstream"
    max_terms: int = MAX_TERMS
    budget: int = BUDGET

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ValueError(f"no loss {self.loss!r}; there are {', '.join(LOSSES)}")
        self.conv.check_terms(self.max_terms)
        if self.loss != "upstream":
            self.conv.check_terms(min(self.max_terms, MAX_SYMPY_TERMS))

    @cached_property
    def gradients(self) -> Gradients:
        """The readings of the trilinear loss, dy as symbols."""
        return self.conv.gradients(max_terms=self.max_terms)

    @cached_property
    def own_loss(self) -> Gradients:
        """The gradients of the loss that was asked for; ValueError where SymPy would take too long."""
        return self.conv.gradients(self.loss, max_terms=self.max_terms)

    @cached_property
    def verification(self) -> Verification:
        """The closed formulas held against the derivative."""
        return self.conv.verify(max_terms=self.max_terms)

    @property
    def targets(self) -> tuple[str, ...]:
        """The gradients the layer has, the simplest first."""
        return ("db", "dw", "dx") if self.conv.bias else ("dw", "dx")
