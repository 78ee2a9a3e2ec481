"""What kernels and audits ask: the theorem of an emitted kernel, and the proved condition of somebody's function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symconv.reading.prove import prove_source
from symconv.reading.replay import within
from symconv.reading.result import CodeProofs

__all__ = ["ProvedCondition", "condition_for", "theorem_of"]


def theorem_of(
    source: str, ndim: int, strides: Sequence[int] = (1, 2, 3), dilations: Sequence[int] = (1, 2), replays: int = 0,
    seconds: float = 60.0,
) -> str:  # fmt: skip
    """A sentence for the header of an emitted kernel: what is proved of its gradients for every size, or why it is not."""
    name = f"conv{ndim}d_backward"
    proofs = prove_source(source, name, "kernel", strides, dilations, ndim=ndim, padding="free", groups=True,
                          replays=replays, seconds=seconds)  # fmt: skip
    if proofs.proved:
        return (
            f"Proved for every size at stride {_span(strides)}, dilation {_span(dilations)}: dx, dw and db of {name} are the "
            f"derivatives of L, with any number of groups and any padding before and after, in exact arithmetic."
        )
    open_ = next(proof for proof in proofs if not proof.proved)
    where = f"{open_.target} at stride {open_.stride}, dilation {open_.dilation}"
    return f"Not proved for every size: {where}: {open_.reason or open_.condition}."


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

    def right(self, target: str, stride: int, dilation: int, sizes: Mapping[str, int]) -> bool | None:
        """Whether that output is right at these sizes; None where it was not decided."""
        for proof in self.proofs:
            if (proof.target, proof.stride, proof.dilation) == (target, stride, dilation):
                return None if proof.right is None else within(proof.right, sizes)
        return None


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
