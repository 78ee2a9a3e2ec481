"""``prove``: from a formula and the strides and dilations in question to verdicts."""

from __future__ import annotations

import operator
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from symconv.algebra.comparisons import in_words
from symconv.formulas import formula as as_formula
from symconv.formulas.tree import Formula
from symconv.layer.padding import mode_named
from symconv.proof import solver
from symconv.proof.assumptions import assumptions
from symconv.proof.claim import Claim
from symconv.proof.clock import MAX_SECONDS, LimitError, clock
from symconv.proof.counterexample import ReplayError, smallest_counterexample
from symconv.proof.decide import MAX_OPERATIONS, Decision, decide, limited
from symconv.proof.forward import read_forward
from symconv.proof.result import PROVED, REFUTED, UNKNOWN, Proof, Proofs, size_order
from symconv.proof.steps import claims_there, common_condition

if TYPE_CHECKING:
    from symconv.proof.conditions import Condition

__all__ = ["MAX_CLAIMS", "MAX_STEP", "PADDINGS", "check_step", "claims", "prove", "prove_claim"]

#: strides and dilations beyond this are refused, and more claims at once
MAX_STEP = 1000
MAX_CLAIMS = 10_000

PADDINGS = ("auto", "symmetric", "free")

#: the strides and dilations that are decided one by one before any stride or dilation is
FIRST_STRIDES, FIRST_DILATIONS = range(1, 5), range(1, 3)


def prove(
    formula: str | Formula,
    stride: int | str | Iterable[int] = 1,
    dilation: int | str | Iterable[int] = 1,
    padding: str = "auto",
    *,
    transposed: bool = False,
    padding_mode: str | None = None,
    second_opinion: bool = False,
    max_operations: int = MAX_OPERATIONS,
    max_seconds: float = MAX_SECONDS,
    assume: str | None = None,
    forward: str | Formula | None = None,
) -> Proof | Proofs:
    """Decide whether ``formula`` equals the gradient (or y) for every input size H, kernel K and padding p, q.

    ``formula`` is the name of a standard formula (y, dx, dw, db) or a text that :func:`symconv.formulas.parser.parse` reads;
    ``transposed`` makes it one about a transposed convolution, ``padding_mode`` about a layer whose border holds something else
    than zeros; left out, the mode is the one that the formula names. ``stride`` and ``dilation`` are whole numbers, or "any"
    for every one at once (decided by z3), or several numbers: then the result is a :class:`Proofs` with one
    :class:`Proof` for each combination. ``padding`` is "symmetric" (q = p), "free" (p and q independent), or "auto": symmetric
    when the formula names neither q nor r. ``second_opinion`` puts the same claim before z3, by a separate reading
    of the formula. What isl cannot decide in ``max_operations``, or what takes longer than ``max_seconds``,
    is UNKNOWN, and a refutation may then lack its condition; the clock is looked at between isl's calls. ``assume`` restricts
    the claim (``"p == 0, K odd"``, :mod:`symconv.proof.assumptions`); ``beyond`` of the result is then the condition without it.
    ``forward`` is a forward pass of one's own, ``"y[i] = sum(w[k] * x[s*i + K - 1 - k - p], k)"``: the truth is then the
    derivative of that (:mod:`symconv.proof.forward`), for an output of the layer's size O.

    Raises ValueError for text that is no formula (it points at the column) and for numbers out of range.

    >>> prove("dx", stride=2).verdict
    'PROVED'
    >>> p = prove("dx = correlate(pad(dy, p), flip(w))")
    >>> p.verdict, p.condition
    ('REFUTED', '2*p == K - 1')
    >>> print(p.counterexample)
    H = 1, K = 1, p = 1, q = 1, O = 3, r = 0, s = 1, d = 1, entry 0: formula 0, truth dy[1]*w[0]; missing dy[1]*w[0]; 5 entries
    instead of 1
    """
    all_claims = claims(
        formula,
        stride,
        dilation,
        padding,
        transposed=transposed,
        padding_mode=padding_mode,
        assume=assume,
        forward=forward,
    )
    proofs = tuple(prove_claim(each, second_opinion, max_operations, max_seconds) for each in all_claims)
    single = all(isinstance(each, str) or hasattr(each, "__index__") for each in (stride, dilation))
    return proofs[0] if single else Proofs(proofs)


def claims(
    formula: str | Formula,
    stride: int | str | Iterable[int] = 1,
    dilation: int | str | Iterable[int] = 1,
    padding: str = "auto",
    *,
    transposed: bool = False,
    padding_mode: str | None = None,
    assume: str | None = None,
    forward: str | Formula | None = None,
) -> list[Claim]:
    """The claims that :func:`prove` decides, with everything checked before any work is done."""
    if padding not in PADDINGS:
        raise ValueError(f"padding {padding!r} is unknown; it is symmetric (q = p), free, or auto")
    if padding_mode is not None:
        mode_named(padding_mode)
    chosen = as_formula(formula, transposed, padding_mode)
    if transposed and chosen.padding_mode != "zeros":
        raise ValueError(f"padding_mode {chosen.padding_mode!r}: a transposed convolution knows zeros only")
    own = None if forward is None else read_forward(forward)
    if own is not None and (transposed or chosen.transposed or chosen.padding_mode != "zeros"):
        raise ValueError("a forward pass of one's own is that of a convolution with zeros padding")
    sizes = chosen.sizes() | (frozenset() if own is None else own.sizes())
    symmetric = padding == "symmetric" or (padding == "auto" and not sizes & {"q", "r"} and chosen.name is None)
    strides, dilations = _steps("stride", stride), _steps("dilation", dilation)
    if len(strides) * len(dilations) > MAX_CLAIMS:
        raise ValueError(f"{len(strides) * len(dilations):,} strides and dilations, more than {MAX_CLAIMS:,}")
    assumed = () if assume is None else assumptions(assume)
    return [Claim(chosen, s, d, symmetric, assumed, own) for s in strides for d in dilations]


def _steps(name: str, given: int | str | Iterable[int]) -> list[int | None]:
    if isinstance(given, str):
        if given != "any":
            raise ValueError(f"{name} {given!r} is neither a whole number nor 'any'")
        return [None]
    if isinstance(given, bool):
        raise TypeError(f"{name} must be a whole number, got {given!r}")
    numbers: list[Any] = [given] if not isinstance(given, Iterable) else list(given)
    if not numbers:
        raise ValueError(f"no {name} is given")
    checked: list[int | None] = []
    for each in numbers:
        try:
            value = operator.index(each)
        except TypeError:
            raise TypeError(f"{name} must be a whole number, got {each!r}") from None
        check_step(name, value)
        checked.append(value)
    return checked


def check_step(name: str, value: int) -> None:
    """ValueError for a stride or dilation that is no proof's."""
    if not 1 <= value <= MAX_STEP:
        raise ValueError(f"{name} {value} must be at least 1 and at most {MAX_STEP:,}")


def prove_claim(
    claim: Claim,
    second_opinion: bool = False,
    max_operations: int = MAX_OPERATIONS,
    max_seconds: float = MAX_SECONDS,
) -> Proof:
    """The verdict on one claim."""
    started = time.perf_counter()
    with clock(max_seconds):
        proof = (_decided if len(claim.numbers) == 2 else _for_any_step)(claim, max_operations)
        if claim.assumed:
            proof = _with_what_is_beyond(proof, max_operations)
        if second_opinion:
            proof = _with_second_opinion(proof)
    return replace(proof, seconds=time.perf_counter() - started)


def _decided(claim: Claim, max_operations: int) -> Proof:
    try:
        decision = decide(claim, max_operations)
        if claim.assumed and decision.legal.is_empty():
            return Proof(claim, UNKNOWN, reason=f"no layer has {in_words(claim.assumed)}")
        if decision.holds:
            return _held_against_verify(Proof(claim, PROVED))
        return _refuted(decision, max_operations)
    except LimitError as error:
        return Proof(claim, UNKNOWN, reason=str(error))


def _refuted(decision: Decision, max_operations: int) -> Proof:
    # these load NumPy, which reading and refusing claims does without

    with limited(decision.context, max_operations):
        result = _numeric()[1].replay_refutation(decision.claim, smallest_counterexample(decision))
    try:
        validity = _numeric()[0].condition_of(decision, max_operations)
    except LimitError as error:
        return Proof(decision.claim, REFUTED, result, reason=f"no condition: {error}")
    return Proof(decision.claim, REFUTED, result, validity, reason=decision.meaningless)


def _with_what_is_beyond(proof: Proof, max_operations: int) -> Proof:
    """A verdict under an assumption with the condition that holds without it."""
    free = replace(proof.claim, assumed=())
    try:
        wide = (_decided if len(free.numbers) == 2 else _for_any_step)(free, max_operations)
    except LimitError:
        return proof
    return replace(proof, beyond="always" if wide.proved else wide.condition)


def _held_against_verify(proof: Proof) -> Proof:
    """The proof with the number of layers drawn at random that ``verify`` agrees on; UNKNOWN where it does not agree."""

    try:
        return replace(proof, replayed=_numeric()[1].replay_proof(proof.claim))
    except ReplayError as error:
        return replace(proof, verdict=UNKNOWN, reason=f"the two readings of the formula disagree: {error}")


def _smallest(refuted: list[Proof]) -> Proof:
    """The refutation at the smallest sizes."""
    return min(refuted, key=lambda case: size_order(case.counterexample) if case.counterexample else ())


def _for_any_step(claim: Claim, max_operations: int) -> Proof:
    """PROVED when z3 says so; REFUTED at the first stride and dilation that is, if there is one among those tried."""
    cases = [_decided(each, max_operations) for each in _first_cases(claim)]
    refuted = [case for case in cases if case.counterexample is not None]
    if refuted:
        best = _smallest(refuted)
        tried = {case.claim.numbers["s"] for case in cases}
        # a larger stride can still have the smaller sum H + K + p + s, as long as s + 2 does not exceed it
        total = size_order(best.counterexample)[0] if best.counterexample else 0
        if claim.stride is None:
            for s in range(max(tried) + 1, total - 1):
                cases += [_decided(each, max_operations) for each in _first_cases(claim, range(s, s + 1))]
        refuted = [case for case in cases if case.counterexample is not None]
        best = _smallest(refuted)
        told = ", ".join(f"s={c.stride} d={c.dilation}" for c in cases if c.verdict == PROVED)
        validity, confirmed = _at_any_step(claim, cases)
        reason = "; ".join([f"it is PROVED for {told}"] * bool(told) + [confirmed] * bool(confirmed)) or None
        return Proof(claim, REFUTED, best.counterexample, validity, reason, cases=tuple(cases))

    answer = solver.ask(claim)
    if answer.holds:
        for each in _far_cases(claim):
            case = _decided(each, max_operations)
            if case.verdict == REFUTED:
                reason = f"z3 says it holds, and isl refutes it at stride {case.stride}, dilation {case.dilation}"
                return Proof(claim, UNKNOWN, reason=reason, cases=(*cases, case))
            cases.append(case)
        return _held_against_verify(Proof(claim, PROVED, second_opinion="z3: unsat", cases=tuple(cases)))
    if answer.sizes is not None and max(answer.sizes["s"], answer.sizes["d"]) <= MAX_STEP:
        found = _decided(replace(claim, stride=answer.sizes["s"], dilation=answer.sizes["d"]), max_operations)
        if found.verdict == REFUTED:
            reason = f"found by z3 at stride {found.stride}, dilation {found.dilation}; not necessarily the smallest"
            return Proof(claim, REFUTED, found.counterexample, None, reason, cases=(*cases, found))
        told = "z3 and isl disagree" if found.verdict == PROVED else f"isl: {found.reason}"
    else:
        told = answer.reason or "z3 refutes it at a stride or dilation beyond what is decided"
    return Proof(claim, UNKNOWN, reason=f"{told}; single strides and dilations are decided apart", cases=tuple(cases))


def _numeric() -> tuple[Any, Any]:
    """What words conditions and what replays a verdict."""
    from symconv.proof import conditions, replay  # load NumPy, which a claim and z3's answer to it do without

    return conditions, replay


def _at_any_step(claim: Claim, cases: list[Proof]) -> tuple[Condition | None, str]:
    """One condition with s and d in it that is exact at every case, and what z3 says of it at every stride and dilation."""

    common = common_condition(cases)
    if common is None:
        return None, ""
    full = "; ".join(
        f"s={c.stride} d={c.dilation}: {'always' if c.validity is None else c.validity.full}" for c in cases
    )
    validity = _numeric()[0].Condition(f"{common.text}, for {common.checked}", common.text, None, False, full)
    holds = all(solver.ask(each).holds for each in claims_there(claim, common))
    sure = "z3: where the condition holds, so does the formula, at every size; that it fails elsewhere is observed"
    return validity, sure if holds else "the condition is observed, not proved"


def _far_cases(claim: Claim) -> Iterator[Claim]:
    """Two large strides and dilations, drawn at random and always the same for one claim."""
    generator = random.Random(str(claim.formula))
    for _ in range(2):
        s, d = generator.randint(9, 40), generator.randint(5, 20)
        yield replace(claim, stride=claim.stride or s, dilation=claim.dilation or d)


def _first_cases(claim: Claim, strides: Iterable[int] = FIRST_STRIDES) -> Iterator[Claim]:
    for s in strides if claim.stride is None else [claim.stride]:
        for d in FIRST_DILATIONS if claim.dilation is None else [claim.dilation]:
            yield replace(claim, stride=s, dilation=d)


def _with_second_opinion(proof: Proof) -> Proof:
    """The proof with z3's answer; UNKNOWN if the two contradict each other."""
    if proof.second_opinion is not None or proof.verdict == UNKNOWN:
        return proof

    answer = solver.ask(proof.claim)
    if answer.holds is None:
        return replace(proof, second_opinion=f"none: {answer.reason}")
    text = "z3: unsat" if answer.holds else "z3: sat"
    if answer.holds == (proof.verdict == PROVED):
        return replace(proof, second_opinion=text)
    reason = f"isl says {proof.verdict}, and {text}: one of the two is wrong"
    return replace(proof, verdict=UNKNOWN, second_opinion=text, reason=reason, counterexample=None, validity=None)
