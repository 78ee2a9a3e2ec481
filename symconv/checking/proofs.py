"""Statements put before the prover: the article's own layer for every size, and the exact condition beyond it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from symconv.checking.context import Context
from symconv.checking.general import BOTH, NotGeneral, index_texts
from symconv.checking.model import Model
from symconv.checking.second_proofs import first_order
from symconv.checking.terms import Diff, Entry, Name, Term
from symconv.checking.wholes import whole_texts
from symconv.proof import prove
from symconv.proof.assumptions import assumptions
from symconv.proof.clock import LimitError
from symconv.proof.decide import decide
from symconv.proof.result import PROVED, Proof

__all__ = ["General", "formula_texts", "general_verdict"]

#: seconds for one formula at one stride and dilation
MAX_SECONDS = 5.0


@dataclass(frozen=True)
class General:
    """What the prover says: whether it holds in the article's setting, at which of several strides and dilations, and the
    condition beyond it."""

    holds: bool
    condition: str | None
    counterexample: str | None
    formula: str
    steps: str = ""


@dataclass(frozen=True)
class Case:
    """A formula on one axis at one stride and dilation. ``assumed`` is what its layer is by its kind, a true convolution or one
    that keeps the size; ``settings`` say how the article's own layer is, the widest first."""

    text: str
    axis: int
    stride: int
    dilation: int
    padding: str
    transposed: bool
    mode: str
    assumed: str | None
    settings: tuple[str, ...]

    @property
    def proof(self) -> Proof:
        return _proved(self.text, self.stride, self.dilation, self.padding, self.transposed, self.mode, self.assumed)

    @property
    def holds(self) -> bool:
        return self.proof.verdict == PROVED or any(_holds_in(self.proof, each) for each in self.settings)

    @property
    def beyond(self) -> str | None:
        """The condition beyond what the article says; None where there is none."""
        proof = self.proof
        if proof.verdict == PROVED:
            return None
        told = proof.condition or proof.reason or "never"
        return f"{told}, where {self.assumed}" if self.assumed and re.search(r"\bp\b", told) else told


def formula_texts(left: Term, right: Term, model: Model, ranges: dict[str, str]) -> list[str]:
    """One formula for each axis of space, in symconv's own notation; ``ranges`` says on which array's axis an index runs.

    A second derivative has as many for each of its terms.
    """
    if (parts := first_order(left, right, model)) is not None:
        if model.conv.mode.filled:
            raise NotGeneral("a direction has no constant around it")
        return [text for term, layer in parts for text in formula_texts(left, term, layer, ranges)]
    if isinstance(left, Diff) or (isinstance(left, Entry) and not _of_channels(left, model)):
        return index_texts(left, right, model, ranges)
    if not isinstance(left, (Name, Entry)):
        return index_texts(left, right, model, ranges)
    return whole_texts(left, right, model)


def _of_channels(left: Entry, model: Model) -> bool:
    """Whether only the indices of channels and images are written, of an array that has others besides."""
    role = model.role(left.array)
    return role in ("y", "dx", "dw") and len(left.at) == model.arrays[role].ndim - model.dims


def general_verdict(texts: Sequence[str], models: Sequence[Model], context: Context, sized: bool = False) -> General:
    """The formulas at each stride and dilation of the models; ``sized`` says that the article gives the size of its kernel."""
    cases = [case for n, text in enumerate(texts) for case in _cases(text, n % models[0].dims, models, context, sized)]
    bad = [case for case in cases if not case.holds]
    several = len(cases) > len(texts)  # the same strides and dilations on each axis
    steps = list(dict.fromkeys((case.stride, case.dilation) for case in cases)) if several else [(0, 0)]
    told = {step: _told([c for c in cases if not several or (c.stride, c.dilation) == step]) for step in steps}
    conditions = dict.fromkeys(
        each if len(set(told.values())) == 1 else f"{_step_text(step, steps)}: {each}"
        for step, each in told.items()
        if each
    )
    if bad and len(steps) > 1:
        good = [step for step in steps if not any((c.stride, c.dilation) == step for c in bad)]
        if good:
            conditions = {_exactly(good, steps): None}
    example = next((str(c.proof.counterexample) for c in bad if c.proof.counterexample is not None), None)
    tried = ", ".join(
        f"{word} {min(values)} to {max(values)}"
        for word, values in zip(("stride", "dilation"), zip(*steps, strict=True), strict=True)
        if len(set(values)) > 1
    )
    return General(not bad, "; ".join(conditions) or None, example, texts[0], tried)


def _told(cases: Sequence[Case]) -> str:
    """The conditions of the axes, each named where they differ."""
    each: dict[int, str | None] = {}
    for case in cases:
        conditions = dict.fromkeys(told for told in (each.get(case.axis), case.beyond) if told)
        each[case.axis] = "never" if "never" in conditions else " and ".join(conditions) or None
    if "never" in each.values():
        return "never"
    if len(set(each.values())) == 1:
        return next(iter(each.values())) or ""
    return ", ".join(f"on axis {axis + 1} {condition}" for axis, condition in each.items() if condition)


Step = tuple[int, int]


def _step_text(step: Step, steps: Iterable[Step]) -> str:
    """A stride and dilation, those of them that vary."""
    varies = [len(set(values)) > 1 for values in zip(*steps, strict=True)]
    return ", ".join(
        f"{word} {value}" for word, value, told in zip(("stride", "dilation"), step, varies, strict=True) if told
    )


def _exactly(good: Sequence[Step], steps: Sequence[Step]) -> str:
    """At which strides and dilations it is right, of those that were tried."""
    strides, dilations = ([*dict.fromkeys(values)] for values in zip(*steps, strict=True))
    of = [*dict.fromkeys(s for s, _ in good)], [*dict.fromkeys(d for _, d in good)]
    if len(good) == len(of[0]) * len(of[1]):
        words = [
            f"{word} {', '.join(map(str, here))} of {', '.join(map(str, tried))}"
            for word, here, tried in zip(("stride", "dilation"), of, (strides, dilations), strict=True)
            if len(here) < len(tried)
        ]
        return "right exactly for " + " and ".join(words)
    return "right exactly for " + " or ".join(_step_text(step, steps) for step in good)


def _cases(text: str, axis: int, models: Sequence[Model], context: Context, sized: bool) -> Iterable[Case]:
    convs = [model.conv for model in models]
    uneven = any(p != q for conv in convs for p, q in conv.padding)
    assumed = "p == K - 1" if context.forward == "full" else "2*p == K - 1" if context.same else None
    settings = tuple(_settings(text, axis, models, context.padding is not None and not assumed, sized))
    for stride in sorted({conv.stride[axis] for conv in convs}):
        for dilation in sorted({conv.dilation[axis] for conv in convs}):
            yield Case(text, axis, stride, dilation, "free" if uneven and not assumed else "auto", convs[0].transposed,
                       convs[0].padding_mode, assumed, settings)  # fmt: skip


def _settings(text: str, axis: int, models: Sequence[Model], padded: bool, sized: bool) -> Iterable[str]:
    """The layers that the article speaks of: its padding and output padding where they are numbers, then its kernel too."""
    named = set(re.findall(r"[A-Za-z]\w*", text.replace(BOTH, "")))
    convs = [model.conv for model in models]
    pads, rest = {conv.padding[axis] for conv in convs}, {conv.output_padding[axis] for conv in convs}
    kernels = {conv.kernel[axis] for conv in convs}
    fixed: list[str] = []
    if padded and not named & {"p", "q"} and len(pads) == 1:
        ((before, after),) = pads
        fixed += [f"p == {before}", f"q == {after}"]
    if convs[0].transposed and "r" not in named and len(rest) == 1:
        fixed += [f"r == {min(rest)}"]
    if fixed:
        yield ", ".join(fixed)
    if sized and len(kernels) == 1 and len(models) == 1:
        fixed += [f"K == {min(kernels)}"]
        yield ", ".join(fixed)
        if not convs[0].transposed and "r" not in named:
            yield ", ".join([*fixed, f"r == {convs[0].remainder[axis]}"])


@lru_cache(maxsize=2048)
def _proved(
    text: str, stride: int, dilation: int, padding: str, transposed: bool, mode: str, assumed: str | None
) -> Proof:
    proof = prove(text, stride, dilation, padding, transposed=transposed, padding_mode=mode, max_seconds=MAX_SECONDS,
                  assume=assumed)  # fmt: skip
    assert isinstance(proof, Proof)
    return proof


def _holds_in(proof: Proof, setting: str) -> bool:
    """Whether a refuted formula holds at every size of a setting that has some."""
    try:
        decision = decide(replace(proof.claim, assumed=(*proof.claim.assumed, *assumptions(setting))))
    except LimitError:
        return False
    return decision.holds and not decision.legal.is_empty()
