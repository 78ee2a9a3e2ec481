"""What is said of a function: one result for each output, stride and dilation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from symconv.proof.verdicts import PROVED, REFUSES, REFUTED, UNKNOWN, Verdicts
from symconv.reading.steps import common_condition

__all__ = ["PROVED", "REFUSES", "REFUTED", "UNKNOWN", "CodeProof", "CodeProofs", "Failure"]


@dataclass(frozen=True)
class Failure:
    """The smallest sizes at which an output is wrong, the entry, what the code gives there and what is right."""

    sizes: dict[str, int]
    index: tuple[int, ...] | None
    given: str
    right: str

    def to_dict(self) -> dict[str, Any]:
        return {"sizes": self.sizes, "index": None if self.index is None else list(self.index),
                "formula": self.given, "truth": self.right}  # fmt: skip

    def __str__(self) -> str:
        sizes = ", ".join(f"{name}={value}" for name, value in self.sizes.items())
        where = "" if self.index is None else f" entry {list(self.index)}:"
        return f"{sizes}:{where} {self.given}, not {self.right}"


@dataclass(frozen=True, repr=False)
class CodeProof:
    """One output of one function at one stride and dilation.

    ``verdict`` is PROVED, REFUTED, REFUSES (never wrong where it returns, but it raises at the sizes in ``raises``) or UNKNOWN
    (with ``reason``). ``condition`` says when it returns what is right, exactly when ``condition_exact``.
    """

    formula: str
    target: str
    stride: int
    dilation: int
    verdict: str
    scope: str
    condition: str | None = None
    condition_exact: bool = False
    counterexample: Failure | None = None
    raises: dict[str, str] = field(default_factory=dict)
    reason: str | None = None
    replayed: str | None = None
    second_opinion: str | None = None
    seconds: float = 0.0
    #: the sizes at which it returns what is right, for :func:`symconv.reading.condition_for`
    right: Any = field(default=None, compare=False)
    #: all sizes that it can be asked at
    possible: Any = field(default=None, compare=False)
    #: the comparisons of ``condition`` with s and d in them, and the layer that they speak of
    general: tuple[str, ...] | None = field(default=None, compare=False)
    layer: Any = field(default=None, compare=False)

    @property
    def proved(self) -> bool:
        return self.verdict == PROVED

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON; the keys are those of a formula's proof, and ``raises``."""
        return {
            "formula": self.formula,
            "target": self.target,
            "stride": self.stride,
            "dilation": self.dilation,
            "verdict": self.verdict,
            "scope": self.scope,
            "counterexample": None if self.counterexample is None else self.counterexample.to_dict(),
            "condition": self.condition,
            "condition_exact": self.condition_exact,
            "raises": self.raises or None,
            "reason": self.reason,
            "replayed": self.replayed,
            "second_opinion": self.second_opinion,
            "seconds": round(self.seconds, 6),
        }

    def __repr__(self) -> str:
        told = f"<{self.verdict}: {self.target} of {self.formula}; stride {self.stride}, dilation {self.dilation}"
        if self.condition not in (None, "always"):
            told += f"; right exactly when: {self.condition}"
        if self.reason:
            told += f"; {self.reason}"
        return told + ">"

    def _repr_latex_(self) -> str:
        """The verdict as a sentence, with mathematics as MathJax takes it."""
        due = {
            "y": "$y$",
            "dx": r"$\partial L/\partial x$",
            "dw": r"$\partial L/\partial w$",
            "db": r"$\partial L/\partial b$",
        }
        if self.verdict == PROVED:
            return f"Theorem. {self.formula} computes {due[self.target]} at {self.scope}."
        if self.verdict == UNKNOWN:
            return f"It is not decided whether {self.formula} computes {due[self.target]}: {self.reason}."
        return f"Theorem. {self.formula} computes {due[self.target]} exactly when {self.condition}; {self.scope}."


@dataclass(frozen=True, repr=False)
class CodeProofs(Verdicts[CodeProof]):
    """The verdicts on one function, output by output, at several strides and dilations.

    ``called`` says how it is called, where that was found out.
    """

    called: tuple[str, ...] = ()

    @property
    def common(self) -> dict[str, str]:
        """For each output the one condition, with s and d in it, exact at every stride and dilation; where there is one."""
        if len({(proof.stride, proof.dilation) for proof in self.proofs}) < 2:
            return {}
        found = {target: common_condition([proof for proof in self.proofs if proof.target == target])
                 for target in dict.fromkeys(proof.target for proof in self.proofs)}  # fmt: skip
        return {target: text for target, text in found.items() if text is not None}

    @property
    def counterexample(self) -> Failure | None:
        """The smallest."""
        found = [proof.counterexample for proof in self.proofs if proof.counterexample is not None]
        return min(found, key=lambda each: (sum(each.sizes.values()), *each.sizes.values()), default=None)

    def to_dict(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "common": self.common,
            "called": list(self.called) or None,
            "results": [proof.to_dict() for proof in self.proofs],
        }
