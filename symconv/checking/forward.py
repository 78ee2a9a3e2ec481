"""Forward passes: those that begin a part, true convolutions, other offsets, and stars that an article defines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.polynomials import Polynomial
from symconv.checking.comparison import Outcome
from symconv.checking.context import Context
from symconv.checking.letters import STARS
from symconv.checking.linear import linear
from symconv.checking.model import Model, Unreadable, constant
from symconv.checking.result import DEFINITION, GOOD, INCONSISTENT, WRONG
from symconv.checking.terms import Add, Bound, Entry, Name, Statement, Term, names_in, walk
from symconv.checking.values import evaluate

__all__ = ["OwnModel", "centred", "defines", "is_convolution", "opening", "star_defined"]


class OwnModel(Model):
    """A layer whose forward pass is an equation of the article's; the gradients are those of the sum of dy y."""

    def __init__(self, model: Model, left: Term, right: Term) -> None:
        super().__init__(model.conv, model.setting, model.channels, model.batch)
        self.left, self.right, self.plain = left, right, model

    @cached_property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """As of any layer, from the equation."""
        found = dict(self.plain.arrays)
        if not isinstance(self.left, Entry) or not all(isinstance(i, Name) for i in self.left.at):
            raise Unreadable("a forward pass that is no entry")
        names = [i.text for i in self.left.at if isinstance(i, Name)]
        y: Any = found["dy"].copy()
        if len(names) != y.ndim:
            raise Unreadable("a forward pass with other indices")
        for at in np.ndindex(y.shape):
            env = dict(zip(names, (i + self.setting.base for i in at), strict=True))
            y[at] = evaluate(self.plain, self.right, env)
        places = {self._key(found[role][at]): (role, at) for role in "xwb" for at in np.ndindex(found[role].shape)}
        sums: dict[tuple[str, tuple[int, ...]], dict[tuple[int, ...], Any]] = defaultdict(lambda: defaultdict(int))
        for at in np.ndindex(y.shape):
            upstream = self._key(found["dy"][at])
            for monomial, coefficient in y[at].terms.items():
                for number, key in enumerate(monomial):
                    rest = tuple(sorted((*monomial[:number], *monomial[number + 1 :], upstream)))
                    sums[places[key]][rest] += coefficient
        for role in "xwb":
            gradient = found[role].copy()
            for at in np.ndindex(gradient.shape):
                gradient[at] = Polynomial(dict(sums[role, at])) if sums[role, at] else constant(0)
            found["d" + role] = gradient
        return {**found, "y": y}

    @staticmethod
    def _key(entry: Any) -> int:
        """The variable that an entry is."""
        ((key,),) = entry.terms
        return int(key)


def is_convolution(statement: Statement, context: Context) -> bool:
    """Whether a forward pass is a sum over x and w whose indices add up to the output's."""
    left, right = statement.sides[0], statement.sides[1]
    entries = [e for e in walk(right) if isinstance(e, Entry) and context.roles.get(e.array) in ("x", "w")]
    if not isinstance(left, Entry) or len(entries) != 2 or len({len(e.at) for e in (left, *entries)}) != 1:
        return False
    if not any(names_in(index) for index in left.at):  # one entry fits either
        return False
    for target, a, b in zip(left.at, entries[0].at, entries[1].at, strict=True):
        total = linear(Add(((1, a), (1, b), (-1, target))))
        if total is None or any(value for name, value in total.items() if name):
            return False
    return True


def centred(statement: Statement, context: Context) -> Outcome | None:
    """A sum from -M to M has 2M + 1 taps; None where there is no such sum."""
    ends = {}
    for side in statement.sides[1:]:
        for each in walk(side):
            if isinstance(each, Bound) and isinstance(each.high, Name) and each.low == Add(((-1, each.high),)):
                ends[each.name] = each.high.text
    if not ends:
        return None
    taps = " x ".join(f"({2}{name} + 1)" for name in ends.values())
    said = context.kernel_said.replace(" ", "")
    if said and all(f"2{name}" in said and f"2{name}+1" not in said for name in ends.values()):
        return Outcome(WRONG, "forward", f"right for a kernel of {taps}", f"{taps} taps where the kernel is said to have {said}",
                       counterexample=f"{next(iter(ends.values()))} = 1: three taps, not two")  # fmt: skip
    return Outcome(DEFINITION, "forward", f"a kernel of {taps}, its middle at the output")


def defines(statement: Statement) -> bool:
    """Whether an equation says what a star is, ``(x * w)_i = ...``."""
    left = statement.sides[0]
    return isinstance(left, Entry) and left.array.startswith("(")


def star_defined(statement: Statement, context: Context, meaning: str, found: Outcome) -> Outcome:
    """Remember what ``(x * w)_i = ...`` makes of its star; a second meaning clashes with the first."""
    left = statement.sides[0]
    sign = next((c for c in left.array if c in STARS), "∗") if isinstance(left, Entry) else "∗"
    known = context.stars.get(sign)
    if known is not None and known != meaning:
        context.stars[sign] = ""
        return Outcome(
            INCONSISTENT,
            "forward",
            f"{sign} is a {meaning} here",
            f"{sign} was defined as a {known or 'both kinds'} before",
        )
    context.stars[sign] = meaning
    context.note(f"star {sign}", meaning, None)
    return found


def opening(statement: Statement, context: Context, judged: Callable[[Statement, Context], Outcome]) -> Outcome:
    """The verdict on a forward pass that may begin a part: of the kind before it or another, or with a
    number as its padding, which it is taken to say where it holds so."""
    before = {"forward": context.forward, "transposed": context.transposed, "padding": context.padding}
    first: Outcome | None = None
    for trial in _passes(statement, context):
        for slot, value in trial.items():
            setattr(context, slot, value)
        try:
            found = judged(statement, context)
        except ValueError:
            found = None
        if found is not None and found.verdict in GOOD:
            if trial["padding"] != before["padding"]:
                context.note("padding", trial["padding"], None)
            return found
        first = first or found
    for slot, value in before.items():
        setattr(context, slot, value)
    return first or judged(statement, context)


def _passes(statement: Statement, context: Context) -> Iterator[dict[str, Any]]:
    """What a forward pass may be about, the likeliest first."""
    as_before = {"forward": context.forward, "transposed": context.transposed, "padding": context.padding}
    yield as_before | {"forward": ""}
    if context.forward:
        yield as_before
    if "padding" not in context.fixed and not context.padding_said:
        yield from (as_before | {"forward": "", "padding": p} for p in range(5) if p != context.padding)
    if not is_convolution(statement, context):
        yield as_before | {"forward": "", "transposed": not context.transposed}
