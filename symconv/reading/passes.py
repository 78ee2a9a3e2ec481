"""What arrays hold after all passes of a loop, from what one pass does to them: S' = keep * S + delta, as loops has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symconv.reading.blocks import Blocks, blocks_joined, none_joined
from symconv.reading.numbers import Affine, Conjunction, Constraint, affine, at_least, between, coefficients, negated
from symconv.reading.terms import Sum, Term, product, renewed, simplified, substituted
from symconv.reading.world import Unreadable, World

__all__ = ["Changed", "Passes"]


@dataclass
class Changed:
    """An array that a pass changes: its contents before the loop, a name for those before a pass, and those after."""

    key: str
    names: tuple[str, ...]
    before: Sum
    after: Sum


class Passes:
    """What arrays hold after a number of passes."""

    def __init__(
        self, world: World, i: str, count: Affine, changed: Sequence[Changed], step: Affine | None = None
    ) -> None:
        self.world, self.i, self.count, self.step = world, i, count, step
        self.changed = {each.key: each for each in changed}
        self.kept: dict[str, list[Constraint] | None] = {}
        self.delta: dict[str, Sum] = {}
        self._asked: list[str] = []
        for each in changed:
            self.kept[each.key], self.delta[each.key] = self._divided(each)

    def _divided(self, each: Changed) -> tuple[list[Constraint] | None, Sum]:
        """What hits the entries of a pass before ("not" constraints; None: everything), and what the pass adds."""
        own_factor = (each.key, tuple(affine(name) for name in each.names))
        kept: list[Constraint] | None = None
        delta: Sum = []
        for term in each.after:
            if each.key not in {name for name, _ in term.factors}:
                delta.append(term)
                continue
            if own_factor not in term.factors:  # what another entry held before the pass
                delta.append(term)
                continue
            plain = term.factors == (own_factor,) and term.coefficient == 1 and not term.counted and not term.over
            if not plain or kept is not None:
                raise Unreadable("a recurrence: a loop that reads what an earlier pass left")
            kept = [c if c[0] == "not" else ("not", (), negated((c,))) for c in term.where]
        return kept, delta

    def total(self, key: str, passes: Affine | int) -> Sum:
        """The contents after the passes below ``passes``."""
        if key in self._asked:
            raise Unreadable("a recurrence: a loop that reads what an earlier pass left")
        self._asked.append(key)
        try:
            each = self.changed[key]
            found = [replace(term, where=(*term.where, *self._spared(key, None, passes))) for term in each.before]
            for term in self._resolved(self.delta[key]):
                if any(self.i in self.world.rests_on(coefficients(size)) for size, _ in term.over):
                    raise Unreadable("a running index among the data")
                name = self.world.fresh()
                told = substituted(self.world, renewed(self.world, term), {self.i: affine(name)})
                if self.step is not None:
                    spared = self._spared(key, name, passes, told.where)
                    joined = replace(told, where=(*told.where, *spared))
                    found += blocks_joined(self.world, joined, Blocks(name, self.step, passes, self.count))
                    continue
                where = (*told.where, *between(0, affine(name), passes), *self._spared(key, name, passes))
                found.append(replace(told, where=where, counted=(*told.counted, name)))
            return simplified(self.world, found)
        finally:
            self._asked.pop()

    def _spared(self, key: str, after: str | None, passes: Affine | int, here: Conjunction = ()) -> Conjunction:
        """That no pass hits the entry: none at all, or none after pass ``after``, where ``here`` holds."""
        kept, world = self.kept[key], self.world
        first: Affine | int = 0 if after is None else affine(after) + (1 if self.step is None else self.step)
        if kept is None:
            return (at_least(first, passes),)
        found: list[Constraint] = []
        for _, names, hit in kept:
            later = world.fresh()
            values = {name: affine(world.fresh()) for name in names}
            told = world.put_all(hit, {**values, self.i: affine(later)})
            inner = tuple(next(iter(v.terms)) for v in values.values())
            if self.step is not None:
                block = Blocks(later, self.step, passes, self.count)
                found += none_joined(world, told, inner, block, first, here)
                continue
            found.append(("not", (*inner, later), (*told, *between(first, affine(later), passes))))
        return tuple(found)

    def _resolved(self, terms: Sum) -> Sum:
        """Terms with what they read of changed arrays put in, as it stands before the pass."""
        found: Sum = []
        for term in terms:
            at = next((n for n, (name, _) in enumerate(term.factors) if name in self.changed), None)
            if at is None:
                found.append(term)
                continue
            key, index = term.factors[at]
            rest = replace(term, factors=(*term.factors[:at], *term.factors[at + 1 :]))
            apart = key in self._asked and self._untouched(term, key, index)
            before = self.changed[key].before if apart else self.total(key, affine(self.i))
            values = dict(zip(self.changed[key].names, index, strict=True))
            told = [substituted(self.world, renewed(self.world, each), values) for each in before]
            found += self._resolved(simplified(self.world, product(self.world, [rest], told)))
        return found

    def _untouched(self, term: Term, key: str, index: Sequence[Affine | int]) -> bool:
        """Whether no earlier pass changes the entry at ``index``, wherever ``term`` stands: it holds what it held before all."""
        kept, world = self.kept[key], self.world
        if kept is None or self.step is not None:
            return False
        j = world.fresh()
        here = (*term.where, *between(0, affine(j), affine(self.i)), at_least(self.count - 1, affine(self.i)))
        values = {**dict(zip(self.changed[key].names, index, strict=True)), self.i: affine(j)}
        for _, names, hit in kept:
            own = {name: affine(world.fresh()) for name in names}
            if not world.never((*here, *world.put_all(hit, {**values, **own}))):
                return False
        return all(
            world.never((*here, *substituted(world, renewed(world, each), values).where)) for each in self.delta[key]
        )
