"""One condition for every stride and dilation, from those at single ones: ``(H + 2*p - K) mod 3 == 0`` at s = 3 and the same
with 4 at s = 4 are ``(H + 2*p - K) mod s == 0``.

Numbers that change with the stride and dilation are fitted by multiples of 1, s, d and s*d; what comes out is held, as sets of
sizes, against the exact condition of every case that was decided. That is an observation, and said to be one; z3 is asked
whether the formula holds wherever the condition does, at any stride.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from symconv import isl
from symconv.algebra.comparisons import Comparison, any_of, compare, in_words
from symconv.algebra.integers import Const, Integer, Name, Op, integer
from symconv.formulas.sets import conditions
from symconv.proof.claim import Claim
from symconv.proof.decide import legal_sizes, over

if TYPE_CHECKING:
    from symconv.proof.result import Proof

__all__ = ["Common", "common_condition"]

_s, _d = Name("s"), Name("d")

#: what a number may be a combination of, simple ones first
SUPPORTS: tuple[tuple[Integer, ...], ...] = (
    (Const(1),), (_s,), (_d,), (_s, Const(1)), (_d, Const(1)), (_s, _d), (_s * _d,), (_s * _d, Const(1)), (_s, _d, Const(1)),
)  # fmt: skip

#: multiples tried for each
MULTIPLES = (1, -1, 2, -2, 3, -3)

Conjunction = tuple[Comparison, ...]
Step = Mapping[str, int]


@dataclass(frozen=True)
class Common:
    """``text`` with s and d in it, and the alternatives it consists of."""

    text: str
    alternatives: tuple[Conjunction, ...]
    steps: tuple[Step, ...]

    @property
    def checked(self) -> str:
        """Where the text was found to be exact."""
        strides, dilations = (sorted({step[name] for step in self.steps}) for name in "sd")
        if len(strides) * len(dilations) == len(self.steps):
            return f"s in {_numbers(strides)}, d in {_numbers(dilations)}"
        return ", ".join(f"s={step['s']} d={step['d']}" for step in self.steps)


def _numbers(found: Sequence[int]) -> str:
    whole = len(found) > 1 and list(found) == list(range(found[0], found[-1] + 1))
    return f"{found[0]}..{found[-1]}" if whole else ", ".join(map(str, found))


def common_condition(cases: Sequence[Proof]) -> Common | None:
    """The one condition that is exact at every case's stride and dilation; None where none is found."""
    steps = tuple({"s": int(case.stride), "d": int(case.dilation)} for case in cases)
    said = [(step, case.validity.comparisons) for step, case in zip(steps, cases, strict=True)
            if case.validity is not None and case.validity.comparisons]  # fmt: skip
    if any(not case.proved and case.validity is None for case in cases):
        return None
    cores: list[Conjunction | None] = [None] if not said else []
    cores += _fitted(said)
    for core, guards in itertools.product(cores, (False, True)):
        alternatives = (*(_guards(cases) if guards else ()), *(() if core is None else (core,)))
        if alternatives and all(_exact(case, alternatives) for case in cases):
            text = any_of([in_words(each) for each in alternatives])
            return Common(text, alternatives, steps)
    return None


def _guards(cases: Sequence[Proof]) -> tuple[Conjunction, ...]:
    """Strides and dilations at which the formula is proved, whatever the other is."""
    result = []
    for name, letter in (("stride", _s), ("dilation", _d)):
        for value in sorted({getattr(case, name) for case in cases}):
            there = [case for case in cases if getattr(case, name) == value]
            if all(case.proved for case in there) and len(there) < len(cases):
                result.append((compare(letter, "==", value),))
    return tuple(result) if len(result) < 3 else ()


def _fitted(said: Sequence[tuple[Step, Conjunction]]) -> Iterator[Conjunction]:
    """Comparisons whose numbers, put in, are those of the cases that are written alike."""
    if not said:
        return
    alike: dict[tuple[str, ...], list[tuple[Step, Conjunction]]] = {}
    for step, conjunction in said:
        for written in dict.fromkeys((conjunction, tuple(map(_at_most, conjunction)))):
            alike.setdefault(tuple(each.relation for each in written), []).append((step, written))
    for group in sorted(alike.values(), key=len, reverse=True):
        found = []
        for position in range(len(group[0][1])):
            one = [(step, conjunction[position]) for step, conjunction in group]
            sides = [_lifted([(step, getattr(each, side)) for step, each in one]) for side in ("left", "right")]
            if sides[0] is None or sides[1] is None:
                break
            found.append(compare(sides[0], one[0][1].relation, sides[1]))
        else:
            yield tuple(found)


def _at_most(each: Comparison) -> Comparison:
    """A remainder that is zero is one that is at most zero."""
    remainder = isinstance(each.left, Op) and each.left.op == "%" and each.right == Const(0)
    return compare(each.left, "<=", each.right) if remainder and each.relation == "==" else each


def _lifted(given: Sequence[tuple[Step, Integer]]) -> Integer | None:
    """One expression with s and d in it that is each of the given ones at its stride and dilation."""
    first = given[0][1]
    if isinstance(first, Op) and first.op == "%":
        if not all(isinstance(e, Op) and e.op == "%" for _, e in given):
            return None
        parts = [_lifted([(step, getattr(e, side)) for step, e in given]) for side in ("left", "right")]
        return None if parts[0] is None or parts[1] is None else parts[0] % parts[1]
    affine = [e.affine({}) for _, e in given]
    names = sorted({name for form in affine if form is not None for name in form[0]})
    total: Integer = integer(0)
    for name in (*names, None):
        points = []
        for (step, _), form in zip(given, affine, strict=True):
            if form is None:
                return None
            points.append((step, form[1] if name is None else form[0].get(name, 0)))
        negative = name is not None and points[-1][1] < 0  # a minus reads better than a negative number
        fitted = _number([(step, -value if negative else value) for step, value in points])
        if fitted is None:
            return None
        part = fitted if name is None else fitted * Name(name)
        total = total - part if negative else total + part
    return total


def _number(points: Sequence[tuple[Step, int]]) -> Integer | None:
    """A combination of 1, s, d, s*d with these values."""
    values = {value for _, value in points}
    if len(values) == 1:
        return integer(values.pop())
    for support in SUPPORTS:
        for multiples in itertools.product(MULTIPLES, repeat=len(support)):
            e = sum((c * part for c, part in zip(multiples, support, strict=True)), start=integer(0))
            if all(e.evaluate(step) == value for step, value in points):
                return e
    return None


def _exact(case: Proof, alternatives: Sequence[Conjunction]) -> bool:
    """Whether the alternatives are the very sizes at which the case holds."""
    claim: Claim = case.claim
    context = isl.Context() if case.validity is None or case.validity.sizes is None else case.validity.sizes.get_ctx()
    legal = over(legal_sizes(context, claim), claim.sizes)
    held = legal if case.proved or case.validity is None or case.validity.sizes is None else case.validity.sizes
    head = f"[{', '.join(claim.sizes)}] -> "
    result = legal.subtract(legal)
    for each in alternatives:
        text = " and ".join(conditions([c.substitute(claim.numbers) for c in each], {}))
        result = result.union(legal.intersect(isl.Set.read_from_str(context, f"{head}{{ : {text} }}")))
    return bool(result.is_equal(held))


def claims_there(claim: Claim, common: Common) -> list[Claim]:
    """The claim restricted to each alternative in turn."""
    return [replace(claim, assumed=(*claim.assumed, *each)) for each in common.alternatives]
