"""What an author may have meant: the layer's own equation with the author's letters, indices and order of factors."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from symconv.checking.context import Context
from symconv.checking.general import spatial_places
from symconv.checking.model import Model
from symconv.checking.second_proofs import first_order
from symconv.checking.terms import (
    Add,
    Bound,
    Call,
    Diff,
    Entry,
    Grid,
    Mul,
    Name,
    Num,
    Star,
    SumOver,
    Term,
    names_in,
    replaced,
    walk,
)

__all__ = ["corrections"]

Index = tuple[Term, ...]
ONE = Num(Fraction(1))
FRESH = ("i", "j", "k", "l", "m", "n", "u", "v", "q", "t")


def corrections(left: Term, right: Term, models: Sequence[Model], context: Context) -> Iterator[tuple[Term, Term]]:
    """Statements near ``left = right`` that may hold, the nearest first; who asks looks whether they do."""
    yield from ((left, each) for each in _stars(right))
    yield from ((left, each) for each in _turned(right))
    yield from ((left, each) for each in _swapped(right))
    parts = first_order(left, right, models[0])
    if parts is not None and len(parts) == 1:  # with a direction in the place of an array
        roles = parts[0][1].setting.roles
        models = [Model(each.conv, replace(each.setting, roles=roles), each.channels, each.batch) for each in models]
        context = replace(context, roles=dict(roles))
    builder = _Builder(left, right, models, context)
    yield from ((left, each) for each in builder.rights())


class _Builder:
    """The layer's equation for what stands on the left, index by index."""

    def __init__(self, left: Term, right: Term, models: Sequence[Model], context: Context) -> None:
        self.left, self.right, self.model, self.context = left, right, models[0], context
        self.entries = [e for e in walk(right) if isinstance(e, Entry) and self.model.role(e.array)]
        self.bounds = {b.name: b for b in walk(right) if isinstance(b, Bound)}
        self.letters = {
            role: letter for letter, role in reversed(context.roles.items()) if letter not in context.padded
        }
        if "dy" not in self.letters and "y" in self.letters:
            self.letters["dy"] = "d" + self.letters["y"]
        self.letters |= {self.model.role(e.array) or "": e.array for e in reversed(self.entries)}
        named = {self.model.setting.sizes[n][0]: n for n in names_in(right) if n in self.model.setting.sizes}
        convs = [m.conv for m in models]
        self.s = self.step(named.get("s", "s"), {c.stride[0] for c in convs})
        self.d = self.step(named.get("d", "d"), {c.dilation[0] for c in convs})
        self.p: Term | None = Name(named.get("p", "p")) if any(c.padding[0][0] for c in convs) else None

    @staticmethod
    def step(name: str, values: set[int]) -> Term:
        return Num(Fraction(min(values))) if len(values) == 1 else Name(name)

    def rights(self) -> Iterator[Term]:
        left = self.left
        if isinstance(left, Diff) and isinstance(left.top, Entry) and isinstance(left.bottom, Entry):
            yield from self.local(left.top, left.bottom)
        if not isinstance(left, Entry) or not all(isinstance(i, Name) for i in left.at):
            return
        role = self.model.role(left.array) or ""
        target = [i for i in self.spatial(left, role) if isinstance(i, Name)]
        if role not in ("y", "dx", "dw", "db") or len(target) != (self.model.dims if role != "db" else 0):
            return
        if any(isinstance(each, Diff) for each in walk(self.right)) and role != "y" and not self.model.channels:
            yield from self.chain(left)
            return
        inner = self.inner(target)
        roles = {self.model.role(e.array) or "": e for e in self.entries}
        bare = {r for r, e in roles.items() if all(isinstance(i, Name) for i in self.spatial(e, r))}
        for pair in sorted(self.pairs(role, target, inner), key=lambda each: each[0][0] not in bare):
            yield from self.products(pair, inner)

    def spatial(self, entry: Entry, role: str) -> Index:
        first, last = spatial_places(role, self.model)
        return entry.at[first:last]

    def inner(self, target: Sequence[Name]) -> list[Name]:
        """An index to sum over on each axis: the author's, or a letter that is free."""
        taken = {n.text for n in target} | set(self.context.roles) | names_in(self.left)
        chosen: list[Name] = []
        for axis in range(self.model.dims):
            there = [
                n for e in self.entries for i in self.spatial(e, self.model.role(e.array) or "")[axis : axis + 1]
                for n in sorted(names_in(i)) if n in self.bounds
            ]  # fmt: skip
            name = next(n for n in (*there, *FRESH) if n not in taken and n not in self.model.setting.sizes)
            taken.add(name)
            chosen.append(Name(name))
        return chosen

    def pairs(self, role: str, target: Sequence[Name], inner: Sequence[Name]) -> Iterator[list[tuple[str, Index]]]:
        """Both factors, each with its indices of space."""
        t, i = tuple(target), tuple(inner)
        if role == "db":
            yield [("dy", i)]
        elif role == "y":
            yield [("w", i), ("x", self.each(self.position, t, i))]
            yield [("w", i), ("x", self.each(self.difference, t, i))]
        elif role == "dw":
            yield [("dy", i), ("x", self.each(self.position, i, t))]
            yield [("dy", i), ("x", self.each(self.difference, i, t))]
        else:
            yield [("dy", i), ("w", self.each(self.tap, t, i))]
            yield [("dy", i), ("w", self.each(self.difference, i, t))]
            yield [("w", i), ("dy", self.each(self.source, t, i))]
            yield [("w", i), ("dy", self.each(self.position, t, i))]

    @staticmethod
    def each(rule: Any, a: Sequence[Name], b: Sequence[Name]) -> Index:
        return tuple(rule(one, two) for one, two in zip(a, b, strict=True))

    def position(self, o: Term, k: Term) -> Term:
        """m = s (o - base) + d (k - base) - p + base."""
        return self.total([(1, self.times(self.s, o)), (1, self.times(self.d, k))])

    def tap(self, m: Term, o: Term) -> Term:
        """k = m + p - s (o - base), where the dilation is one."""
        return self.total([(1, m), (-1, self.times(self.s, o))], 1)

    def source(self, m: Term, k: Term) -> Term:
        """o = m + p - d (k - base), where the stride is one."""
        return self.total([(1, m), (-1, self.times(self.d, k))], 1)

    def difference(self, a: Term, b: Term) -> Term:
        """Of a true convolution."""
        return Add(((1, a), (-1, b)))

    def times(self, step: Term, index: Term) -> tuple[Term, int]:
        """A step times an index from zero, and what is left over as a number."""
        base = self.model.setting.base
        if step == ONE:
            return index, -base
        if isinstance(step, Num):
            return Mul((step, index)), -base * int(step.value)
        return Mul((step, Add(((1, index), (-1, Num(Fraction(base))))) if base else index)), 0

    def total(self, terms: list[tuple[int, Any]], shift: int = -1) -> Term:
        found: list[tuple[int, Term]] = []
        number = self.model.setting.base if shift < 0 else 0
        for sign, each in terms:
            term, rest = each if isinstance(each, tuple) else (each, 0)
            found.append((sign, term))
            number += sign * rest
        if self.p is not None:
            found.append((shift, self.p))
        if number:
            found.append((1 if number > 0 else -1, Num(Fraction(abs(number)))))
        return Add(tuple(found))

    def products(self, pair: list[tuple[str, Index]], inner: Sequence[Name]) -> Iterator[Term]:
        factors = []
        for role, at in pair:
            letter = self.letters.get(role)
            given = next((e for e in self.entries if self.model.role(e.array) == role), None)
            first, last = spatial_places(role, self.model)
            if letter is None or (self.model.channels and given is None):
                return
            lead, rest = (given.at[:first], given.at[last:]) if given is not None and self.model.channels else ((), ())
            factors.append(Entry(letter, (*lead, *at, *rest)))
        order = [self.model.role(e.array) for e in self.entries]
        factors.sort(key=lambda e: order.index(r) if (r := self.model.role(e.array)) in order else 9)
        outer = names_in(self.left)
        names = [n.text for n in inner]
        names += [
            n
            for f in factors
            for i in f.at
            for n in sorted(names_in(i))
            if n in self.bounds and n not in (*names, *outer)
        ]
        own = [n for n in self.bounds if n in names]
        names = [*own, *(n for n in names if n not in own)]
        body: Term = factors[0] if len(factors) == 1 else Mul(tuple(factors))
        for bounds in ([self.bounds.get(n, Bound(n)) for n in names], [Bound(n) for n in names]):
            total = SumOver(tuple(dict.fromkeys(bounds)), body)
            biases = [t for t in self.right.terms if self.is_bias(t[1])] if isinstance(self.right, Add) else []
            yield Add(((1, total), *biases)) if biases else total

    def is_bias(self, term: Term) -> bool:
        name = term.array if isinstance(term, Entry) else term.text if isinstance(term, Name) else ""
        return self.model.role(name) == "b"

    def local(self, top: Entry, bottom: Entry) -> Iterator[Term]:
        o, m = self.spatial(top, "y"), self.spatial(bottom, self.model.role(bottom.array) or "")
        role = self.model.role(bottom.array)
        if self.model.channels or len(o) != len(m) or not all(isinstance(i, Name) for i in (*o, *m)):
            return
        if role == "w" and "x" in self.letters:
            for rule in (self.position, self.difference):
                yield Entry(self.letters["x"], self.each(rule, o, m))  # type: ignore[arg-type]
        elif role == "x" and "w" in self.letters:
            yield Entry(self.letters["w"], self.each(self.tap, m, o))  # type: ignore[arg-type]
            yield Entry(self.letters["w"], self.each(self.difference, o, m))  # type: ignore[arg-type]

    def chain(self, left: Entry) -> Iterator[Term]:
        output, upstream = (next((n for n, r in self.context.roles.items() if r == "y"), None), self.letters.get("dy"))
        if output is None or upstream is None:
            return
        at = tuple(self.inner([i for i in left.at if isinstance(i, Name)]))
        bounds = tuple(Bound(i.text) for i in at)
        yield SumOver(bounds, Mul((Entry(upstream, at), Diff(Entry(output, at), Entry(left.array[1:], left.at)))))


def _stars(term: Term) -> Iterator[Term]:
    """The same with one operand of a star turned round, or the star in another mode."""
    for star in dict.fromkeys(e for e in walk(term) if isinstance(e, Star) and e.sign != "⊙"):
        for a, b, mode in itertools.product((0, 1), (0, 1), ("", "full")):
            left, right = (_flipped(e) if turn else e for e, turn in ((star.left, a), (star.right, b)))
            if isinstance(left, Grid) or isinstance(right, Grid):
                continue
            if a + b < 2 and (a or b or mode != star.mode):
                yield replaced(term, star, Star(star.sign, left, right, mode))


def _flipped(term: Term) -> Term:
    if isinstance(term, Call) and term.word == "flip" and len(term.args) == 1:
        return term.args[0]
    return Call("flip", (term,))


def _swapped(term: Term) -> Iterator[Term]:
    """The same with two indices of an entry in the other order."""
    for entry in dict.fromkeys(e for e in walk(term) if isinstance(e, Entry)):
        for a, b in itertools.combinations(range(len(entry.at)), 2):
            at = list(entry.at)
            at[a], at[b] = at[b], at[a]
            yield replaced(term, entry, Entry(entry.array, tuple(at)))


def _turned(term: Term) -> Iterator[Term]:
    """The same with one matrix rotated, or transposed."""
    for grid in dict.fromkeys(e for e in walk(term) if isinstance(e, Grid)):
        yield replaced(term, grid, Grid(tuple(row[::-1] for row in grid.rows[::-1])))
        yield replaced(term, grid, Grid(tuple(zip(*grid.rows, strict=True))))
