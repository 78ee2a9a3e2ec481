"""Proofs as objects: what was claimed, the verdict, what it covers, and what is wrong where it does not hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from symconv.formulas.tree import Formula
from symconv.proof.claim import Claim
from symconv.proof.smtlib import smtlib
from symconv.proof.theorem import in_notebook, theorem
from symconv.proof.verdicts import PROVED, REFUTED, UNKNOWN, Verdicts

if TYPE_CHECKING:
    from symconv.proof.conditions import Condition
    from symconv.proof.counterexample import Counterexample

__all__ = ["PROVED", "REFUTED", "UNKNOWN", "Proof", "Proofs"]


@dataclass(frozen=True, repr=False)
class Proof:
    """The verdict on one claim: PROVED, REFUTED or UNKNOWN, for the sizes that ``scope`` states.

    ``counterexample`` is the smallest failing size of a refuted claim; ``validity`` the exact condition under which the formula
    holds, ``condition`` the same as text (both None where nothing is refuted, or where the condition could not be computed within
    the limit). ``reason`` says why a claim is UNKNOWN, or what else there is to say; ``second_opinion`` what z3 answered, None
    when it was not asked. ``replayed`` counts the layers drawn at random on which :func:`symconv.formulas.verify.verify` agrees
    with a proof (a counterexample says for itself whether it was replayed). ``cases`` are the verdicts at single strides and
    dilations behind one on any of them. ``beyond``, of a claim under an assumption, is the condition without it ("always" where
    there is none).
    """

    claim: Claim
    verdict: str
    counterexample: Counterexample | None = None
    validity: Condition | None = None
    reason: str | None = None
    second_opinion: str | None = None
    seconds: float = field(default=0.0, compare=False)
    replayed: int = field(default=0, compare=False)
    cases: tuple[Proof, ...] = ()
    beyond: str | None = None

    @property
    def formula(self) -> Formula:
        return self.claim.formula

    @property
    def target(self) -> str:
        return self.claim.formula.target

    @property
    def stride(self) -> int | str:
        return "any" if self.claim.stride is None else self.claim.stride

    @property
    def dilation(self) -> int | str:
        return "any" if self.claim.dilation is None else self.claim.dilation

    @property
    def padding(self) -> str:
        """ "symmetric" when only q = p is claimed, else "free"."""
        return "symmetric" if self.claim.symmetric else "free"

    @property
    def scope(self) -> str:
        """What the verdict covers, in one sentence."""
        return self.claim.scope

    @property
    def condition(self) -> str | None:
        """The sizes at which a refuted formula holds."""
        return None if self.validity is None else self.validity.text

    @property
    def proved(self) -> bool:
        return self.verdict == PROVED

    def to_smtlib(self) -> str:
        """The claim as an SMT-LIB 2 script; ``unsat`` means that it holds."""
        return smtlib(self.claim)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        validity = self.validity
        return {
            "formula": str(self.formula),
            "target": self.target,
            "transposed": self.formula.transposed,
            "stride": self.stride,
            "dilation": self.dilation,
            "padding": self.padding,
            "verdict": self.verdict,
            "scope": self.scope,
            "counterexample": None if self.counterexample is None else self.counterexample.to_dict(),
            "condition": self.condition,
            "generic_condition": None if validity is None else validity.generic,
            "degenerate_sizes": None if validity is None else validity.degenerate,
            "full_condition": None if validity is None else validity.full,
            "reason": self.reason,
            "second_opinion": self.second_opinion,
            **(
                {"assumed": [str(each) for each in self.claim.assumed], "beyond": self.beyond}
                if self.claim.assumed
                else {}
            ),
            "replayed": self.replayed,
            "seconds": round(self.seconds, 6),
            **({"cases": [case.to_dict() for case in self.cases]} if self.cases else {}),
        }

    def __repr__(self) -> str:
        text = (
            f"<{self.verdict}: {self.formula}; stride {self.stride}, dilation {self.dilation}, {self.padding} padding"
        )
        if self.condition is not None:
            text += f"; holds when: {self.condition}"
        if self.verdict == UNKNOWN and self.reason:
            text += f"; {self.reason}"
        return text + ">"

    def _repr_latex_(self) -> str:
        """The theorem and its proof, in the commands that MathJax has."""
        return in_notebook(self)

    def to_latex(self) -> str:
        """The theorem and its proof for a paper: environments that need amsthm."""
        return theorem(self)


@dataclass(frozen=True, repr=False)
class Proofs(Verdicts[Proof]):
    """The verdicts on one formula at several strides and dilations."""

    @property
    def counterexample(self) -> Counterexample | None:
        """The smallest by H + K + p + s, then by the sizes in order."""
        result = [proof.counterexample for proof in self.proofs if proof.counterexample is not None]
        return min(result, key=size_order, default=None)

    def to_dict(self) -> dict[str, Any]:
        return {"verdict": self.verdict, "results": [proof.to_dict() for proof in self.proofs]}


def size_order(counterexample: Counterexample) -> tuple[int, ...]:
    """What counterexamples are compared by: H + K + p + s, then the sizes one by one."""
    sizes = counterexample.sizes
    total = sizes["H"] + sizes["K"] + sizes["p"] + sizes["s"]
    return (total, *(sizes[name] for name in ("H", "K", "p", "q", "r", "s", "d")))
