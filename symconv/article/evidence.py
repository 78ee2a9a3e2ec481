"""What was found out of a layer before it is written about: verified, proved, checked. An article is handed it and shows it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from symconv import isl
from symconv.article.closed import formula_for
from symconv.article.companions import fewer
from symconv.formulas.verify import Verification, verify
from symconv.kernels import Kind, emit
from symconv.kernels.checks import CHECKS, Finding, check
from symconv.layer.conv import MAX_TERMS, Conv
from symconv.proof import Proof, prove

__all__ = ["MADE", "SCHEDULE", "Evidence", "numbered"]

#: the schedule that is shown: the closed formulas word for word
SCHEDULE = "formulas"

#: the checks of a kernel that are made and shown, where the layer is not too large for them
MADE = ("symbols", "integers", "values", "complex step")


#: what stands for the constant of a border in code where it is a letter
TRIED = 2


def numbered(conv: Conv) -> Conv:
    """The layer with a number as the constant of its border."""
    letter = conv.mode.filled and conv.padding_value is None
    return replace(conv, padding_value=TRIED) if letter else conv


@dataclass(frozen=True, eq=False)
class Evidence:
    """``verification``, ``proofs`` and ``findings`` of a layer, each found when it is first asked for, and once; the proofs of
    what holds where ``assume`` does."""

    conv: Conv
    max_terms: int = MAX_TERMS
    schedule: str = SCHEDULE
    assume: str = ""

    @property
    def targets(self) -> tuple[str, ...]:
        """What the layer has formulas for."""
        return ("y", "dx", "dw", "db") if self.conv.bias else ("y", "dx", "dw")

    @cached_property
    def verification(self) -> Verification:
        """The closed formulas held against the derivative."""
        return verify(self.conv, max_terms=self.max_terms)

    @cached_property
    def proofs(self) -> dict[tuple[int, int], tuple[Proof, ...]] | None:
        """For the stride and dilation of each axis the verdict on the formula for each target, at every size; None where islpy,
        which decides it, is not installed."""
        if not isl.is_there():
            return None
        conv = self.conv
        found: dict[tuple[int, int], tuple[Proof, ...]] = {}
        for axis in conv.axes:
            if (axis.s, axis.d) not in found:
                formulas = (formula_for(conv, target) for target in self.targets)
                each = (
                    prove(f, axis.s, axis.d, "free", transposed=conv.transposed, assume=self.assume or None)
                    for f in formulas
                )
                found[axis.s, axis.d] = tuple(proof for proof in each if isinstance(proof, Proof))
        return found

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """The checks of the kernel on this layer, or on one like it."""
        kernel = emit(self.schedule, Kind(self.conv.ndim, self.conv.transposed))
        names = [name for name in MADE if CHECKS[name].applies(self.run_on)]
        return check(kernel, [numbered(self.run_on)], names).findings if names else ()

    @property
    def run_on(self) -> Conv:
        """The layer on which the kernel is run: this one, or a smaller one like it where it is too large for every check."""
        applies = any(CHECKS[name].applies(self.conv) for name in MADE)
        return self.conv if applies else fewer(self.conv)
