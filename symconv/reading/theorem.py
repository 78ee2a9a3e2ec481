"""What kernels and audits ask: the theorem of an emitted kernel, and the proved condition of somebody's function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from symconv.algebra.comparisons import Comparison
from symconv.reading.prove import prove_source
from symconv.reading.replay import within
from symconv.reading.result import CodeProof, CodeProofs
from symconv.reading.words import at_which, worded

__all__ = ["ProvedCondition", "Theorem", "condition_for", "theorem_of"]


@dataclass(frozen=True)
class Theorem:
    """What a kernel's header says of every size: what is proved, or why it is not."""

    proved: bool
    says: str

    def __str__(self) -> str:
        return self.says if self.proved else f"Not proved for every size: {self.says}."


def theorem_of(
    source: str, function: str, ndim: int, strides: Sequence[int] = (1, 2, 3), dilations: Sequence[int] = (1, 2),
    transposed: bool = False, seconds: float = 60.0, replays: int = 0,
) -> Theorem:  # fmt: skip
    """What is proved of an emitted kernel, ``function`` and its backward, with groups and the padding on every side free.

    Stops at the first output, stride and dilation that is not proved.
    """
    for s in strides:
        for d in dilations:
            for name, targets in ((function, ("y",)), (f"{function}_backward", ("dx", "dw", "db"))):
                proofs = prove_source(source, name, "kernel", s, d, ndim=ndim, padding="free", groups=True, targets=targets,
                                      transposed=transposed, seconds=seconds, replays=replays)  # fmt: skip
                for proof in proofs:
                    if not proof.proved:
                        where = f"{proof.target} at stride {s}, dilation {d}"
                        return Theorem(False, f"{where}: {proof.reason or f'right exactly when {proof.condition}'}")
    free = "any groups, any padding with zeros before and after" + (", any output padding" if transposed else "")
    each = "" if ndim == 1 else ", the same on each axis"
    return Theorem(
        True,
        f"Proved for every size at stride {_span(strides)}, dilation {_span(dilations)}{each}: what {function} and "
        f"{function}_backward compute is y, dx, dw and db by the relation above, with {free}, in exact arithmetic. It was proved "
        "from the text of this file.",
    )


def _span(numbers: Sequence[int]) -> str:
    if len(numbers) > 1 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))


@dataclass(frozen=True)
class ProvedCondition:
    """When every output of a function is right, for every size at the strides and dilations of ``proofs``."""

    proofs: CodeProofs

    @property
    def text(self) -> str | None:
        """One condition for all outputs, strides and dilations, when there is one in words; else None."""
        told = {proof.condition for proof in self.proofs if proof.condition != "always" and proof.condition_exact}
        if not all(proof.condition_exact for proof in self.proofs) or len(told) > 1:
            return None
        return next(iter(told), "always")

    def under(self, assumed: Sequence[Comparison]) -> ProvedCondition:
        """The conditions among the sizes at which comparisons hold on every axis, in words that take these for granted."""
        return ProvedCondition(CodeProofs(tuple(_restricted(proof, assumed) for proof in self.proofs)))

    def right(self, target: str, stride: int, dilation: int, sizes: Mapping[str, int]) -> bool | None:
        """Whether that output is right at these sizes; None where it was not decided."""
        for proof in self.proofs:
            if (proof.target, proof.stride, proof.dilation) == (target, stride, dilation):
                return None if proof.right is None else within(proof.right, sizes)
        return None


def _restricted(proof: CodeProof, assumed: Sequence[Comparison]) -> CodeProof:
    held = at_which(proof.layer, assumed, proof.possible.get_ctx())
    right, possible = proof.right.intersect(held), proof.possible.intersect(held)
    said = worded(proof.layer, right, possible)
    return replace(
        proof, condition=said.text, condition_exact=said.exact, general=said.general, right=right, possible=possible
    )


def condition_for(
    source: str, function: str, convention: str, strides: Sequence[int], dilations: Sequence[int] = (1,), **options: Any
) -> ProvedCondition | None:
    """The exact condition of a function of ``source`` under a convention; None where some output was not decided."""
    try:
        proofs = prove_source(source, function, convention, strides, dilations, **{"replays": 0, **options})
    except ValueError:
        return None
    if not len(proofs) or any(proof.right is None for proof in proofs):
        return None
    return ProvedCondition(proofs)
