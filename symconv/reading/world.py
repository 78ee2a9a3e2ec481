"""What holds where the reader stands: sizes, the ranges of running indices, conditions passed; and what isl says of it.

A question about sizes that can go either way divides the sizes (:class:`Fork`): everything is read again on each side, so
control flow is never guessed. A floor, a maximum or a choice that depends on running indices becomes a *defined name*:
a total function of other names, whose definition goes along wherever the name is put before isl.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from symconv import isl
from symconv.reading.numbers import (
    Affine,
    Conjunction,
    Constraint,
    affine,
    at_least,
    coefficients,
    equal,
    names_in,
    negated,
    put,
    put_all,
    spoken,
)

__all__ = ["Fork", "Limit", "Raised", "Unreadable", "World"]

Value = Affine | int
#: isl's operations for one reading
MAX_OPERATIONS = 60_000_000


class Unreadable(Exception):
    """A construct that has no row; the line is added where it is known."""

    def __init__(self, construct: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(construct)
        self.construct, self.line, self.column = construct, line, column

    def __str__(self) -> str:
        if self.line is None:
            return f"{self.construct} is not read"
        return f"line {self.line}, column {(self.column or 0) + 1}: {self.construct} is not read"


class Fork(Exception):
    """The sizes divide here: ``condition`` and its complement are read apart."""

    def __init__(self, condition: isl.Set) -> None:
        self.condition = condition


class Raised(Exception):
    """The function raises at every size of this world."""

    def __init__(self, kind: str, line: int | None = None) -> None:
        super().__init__(kind)
        self.kind, self.line = kind, line
        #: whether a loop over a size was under way
        self.deep = False


class Limit(Exception):
    """A limit of operations, seconds or size was reached."""


class World:
    """Sizes that are possible, names that are defined, conditions that hold."""

    def __init__(self, context: isl.Context, sizes: Sequence[str], possible: isl.Set, seconds: float = 60.0) -> None:
        self.context, self.sizes, self.possible = context, tuple(sizes), possible
        self.defined: dict[str, Conjunction] = {}
        self.recipes: dict[str, tuple[Any, ...]] = {}
        self.arguments: dict[str, set[str]] = {}
        self.roots: dict[str, set[str]] = {}
        self._known: dict[Any, str] = {}
        self._count = itertools.count()
        self.held: list[Constraint] = []
        #: numbers of which only bounds are known (a quotient of products of sizes), with those bounds
        self.unknown: dict[str, Conjunction] = {}
        self._here: dict[tuple[Constraint, ...], isl.Set] = {}
        self._asked: dict[Any, bool] = {}
        #: the axes of dy, where a forward pass of one's own makes them
        self.dy_axes: Any = None
        self.deadline = time.process_time() + seconds
        self.probing = False
        #: line and column of the statement that is read
        self.place: tuple[int, int] | None = None
        #: every array's memory; and for each loop that is watched, what it writes
        self.buffers: list[Any] = []
        self.written: list[dict[Any, None]] = []
        #: when each pass that is read began; and the results that a first look gave memory of their own
        self.passes: list[int] = []
        self.owned: list[Any] = []

    # names -----------------------------------------------------------------------------------------------------------------

    def fresh(self, stem: str = "e") -> str:
        """A name that nothing else has."""
        return f"{stem}_{next(self._count)}"

    def define(self, recipe: tuple[Any, ...], constraints: Callable[[Affine], Conjunction]) -> Affine:
        """The name for ``recipe``; ``constraints(name)`` is its definition."""
        if recipe not in self._known:
            name = self.fresh("v")
            self._known[recipe] = name
            told = constraints(affine(name))
            self.recipes[name] = recipe
            direct = {n for each in told for n in spoken(each)} - {name}
            self.arguments[name] = direct
            self.roots[name] = self.rests_on(direct)
            self.defined[name] = told
        return affine(self._known[recipe])

    def bounded(self, recipe: tuple[Any, ...], low: int) -> Affine:
        """A whole number of which nothing is known but that it is ``low`` at least: what is claimed holds for every one."""
        if recipe not in self._known:
            name = self.fresh("u")
            self._known[recipe] = name
            self.unknown[name] = (at_least(affine(name), low),)
        return affine(self._known[recipe])

    def settled(self, conjunction: Iterable[Constraint]) -> None:
        """Refuses what hangs on a number that is not known."""
        if self.unknown and not self.free(conjunction).isdisjoint(self.unknown):
            raise Unreadable("what hangs on a quotient of products of sizes")

    # questions ---------------------------------------------------------------------------------------------------------------

    def text(self, conjunction: Iterable[Constraint], bound: frozenset[str] = frozenset()) -> str:
        """A conjunction for isl, defined names bound with their definitions, each where it is used."""
        told = tuple(conjunction)
        needed = self.needed(n for each in told if each[0] in ("ge", "eq") for n in names_in(each))
        needed = [name for name in needed if name not in bound]
        bound = bound.union(needed)
        parts = [self._text(each, bound) for name in needed for each in self.defined[name]]
        parts += [self._text(each, bound) for each in told]
        inside = " and ".join(parts) or "1 = 1"
        return f"(exists {', '.join(needed)} : {inside})" if needed else f"({inside})"

    def needed(self, names: Iterable[str]) -> list[str]:
        """The defined names among ``names`` and those that their definitions speak of on the first level."""
        found: dict[str, None] = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in self.defined and name not in found:
                found[name] = None
                waiting += [n for each in self.defined[name] if each[0] in ("ge", "eq") for n in names_in(each)]
                waiting += [n for n in self.arguments[name] if n in self.defined]
        return list(found)

    def rests_on(self, names: Iterable[str]) -> set[str]:
        """``names``, with what definitions speak of in place of the defined ones."""
        found: set[str] = set()
        for name in names:
            found |= self.roots[name] if name in self.defined else {name}
        return found

    def free(self, conjunction: Iterable[Constraint]) -> set[str]:
        """The names that a conjunction speaks of, seen through definitions."""
        found: set[str] = set()
        for each in conjunction:
            if each[0] in ("ge", "eq"):
                found |= self.rests_on(names_in(each))
            elif each[0] == "not":
                found |= self.free(each[2]) - set(each[1])
            else:
                for inside in each[1]:
                    found |= self.free(inside)
        return found

    def extended(self, values: Mapping[str, Value], names: Iterable[str]) -> Mapping[str, Value]:
        """``values`` with new definitions for those defined names among ``names`` that rest on a name replaced."""
        more: dict[str, Value] = {}
        for name in names:
            if name in self.defined and name not in values and not self.roots[name].isdisjoint(values):
                more[name] = self._again(name, values)
        return {**values, **more} if more else values

    def _again(self, name: str, values: Mapping[str, Value]) -> Value:
        kind, *args = self.recipes[name]
        if kind == "floor":
            return self.floor(self.put(args[0], values), args[1])
        condition = self.put_all(args[0], values)
        return self._chosen(condition, self.put(args[1], values), self.put(args[2], values))

    def put(self, value: Value, values: Mapping[str, Value]) -> Value:
        """``value`` with names replaced, also in definitions."""
        return put(value, self.extended(values, coefficients(value)))

    def put_all(self, conjunction: Conjunction, values: Mapping[str, Value]) -> Conjunction:
        """A conjunction with names replaced, also in definitions."""
        names = {n for each in conjunction for n in spoken(each)}
        return put_all(conjunction, self.extended(values, names))

    def _text(self, constraint: Constraint, bound: frozenset[str]) -> str:
        kind = constraint[0]
        if kind == "ge":
            return f"{constraint[1]} >= 0"
        if kind == "eq":
            return f"{constraint[1]} = 0"
        if kind == "or":
            return "(" + " or ".join(self.text(each, bound) for each in constraint[1]) + ")"
        names, inside = constraint[1], self.text(constraint[2], bound)
        return f"not (exists {', '.join(names)} : {inside})" if names else f"not {inside}"

    def set_of(self, conjunction: Iterable[Constraint]) -> isl.Set:
        """The set, over every free name as a parameter."""
        told = tuple(conjunction)
        free = sorted(self.free(told))
        if time.process_time() > self.deadline:
            raise Limit("the limit of seconds was reached")
        return isl.Set.read_from_str(self.context, f"[{', '.join(free)}] -> {{ : {self.text(told)} }}")

    def forget(self) -> None:
        """What was found out for other possible sizes."""
        self._here.clear()
        self._asked.clear()

    def here(self) -> isl.Set:
        """What holds now."""
        key = (*(each for bounds in self.unknown.values() for each in bounds), *self.held)
        if key not in self._here:
            self._here[key] = self.possible.intersect(self.set_of(key)) if key else self.possible
        return self._here[key]

    def always(self, conjunction: Iterable[Constraint]) -> bool:
        """Whether ``conjunction`` follows from what holds now."""
        return all(self._always(each) for each in conjunction)

    def _always(self, constraint: Constraint) -> bool:
        if constraint[0] in ("ge", "eq") and isinstance(constraint[1], int):
            return constraint[1] >= 0 if constraint[0] == "ge" else constraint[1] == 0
        key = (tuple(self.held), constraint)
        if key not in self._asked:
            self._asked[key] = bool(self.here().intersect(self.set_of(negated((constraint,)))).is_empty())
        return self._asked[key]

    def never(self, conjunction: Conjunction) -> bool:
        """Whether ``conjunction`` contradicts what holds now."""
        if all(each[0] in ("ge", "eq") and isinstance(each[1], int) for each in conjunction):
            return not self.always(conjunction)
        key = (tuple(self.held), "never", conjunction)
        if key not in self._asked:
            self._asked[key] = bool(self.here().intersect(self.set_of(conjunction)).is_empty())
        return self._asked[key]

    def on_sizes(self, conjunction: Iterable[Constraint]) -> bool:
        """Whether only sizes are spoken of."""
        return self.free(conjunction) <= set(self.sizes)

    def decide(self, conjunction: Conjunction) -> bool:
        """Whether it holds; divides the sizes when it may and may not. For what speaks of sizes alone."""
        if self.always(conjunction):
            return True
        if self.never(conjunction):
            return False
        if not self.on_sizes(conjunction):
            raise Unreadable("a decision on a running index")
        raise Fork(self.set_of(conjunction))

    def check(self, conjunction: Conjunction, kind: str) -> None:
        """The function raises ``kind`` where this fails, for whatever index runs here."""
        if self.probing or self.always(conjunction):
            return
        self.settled(conjunction)
        failing = self.onto_sizes(self.here().intersect(self.set_of(negated(conjunction))))
        if failing.is_empty():
            return
        if self.possible.is_subset(failing):
            raise Raised(kind)
        raise Fork(failing.coalesce())

    def onto_sizes(self, found: isl.Set) -> isl.Set:
        """``found`` without every name that is no size."""
        return self.without(found, [n for n in names_of(found) if n not in self.sizes])

    def without(self, found: isl.Set, names: Iterable[str]) -> isl.Set:
        """``found`` projected along ``names``."""
        for name in names:
            at = found.find_dim_by_name(isl.dim_type.param, name)
            if at >= 0:
                found = found.project_out(isl.dim_type.param, at, 1)
        return found

    @contextmanager
    def holding(self, conjunction: Iterable[Constraint]) -> Iterator[None]:
        """``conjunction`` holds inside."""
        count = len(self.held)
        self.held += list(conjunction)
        try:
            yield
        finally:
            del self.held[count:]

    # functions of integers ----------------------------------------------------------------------------------------------------

    def floor(self, value: Value, by: int) -> Value:
        """value // by."""
        if by == 0:
            raise Raised("ZeroDivisionError")
        if by < 0:
            value, by = -value, -by
        if isinstance(value, int):
            return value // by
        whole = {n: c // by for n, c in value.terms.items() if c % by == 0}
        rest = Affine({n: c for n, c in value.terms.items() if c % by}, value.const % by)
        kept: Value = Affine(whole, value.const // by) if whole else value.const // by
        if not rest.terms:
            return kept
        return kept + self.define(
            ("floor", rest, by), lambda v: (at_least(rest, v * by), at_least(v * by + by - 1, rest))
        )

    def largest(self, a: Value, b: Value) -> Value:
        """max(a, b)."""
        if self.always((at_least(a, b),)):
            return a
        if self.always((at_least(b, a),)):
            return b
        return self.choose((at_least(a, b),), a, b)

    def smallest(self, a: Value, b: Value) -> Value:
        """min(a, b)."""
        return -self.largest(-a, -b)

    def choose(self, condition: Conjunction, a: Value, b: Value) -> Value:
        """a where ``condition`` holds, else b."""
        if a == b or self.always(condition):
            return a
        if self.never(condition):
            return b
        return self._chosen(condition, a, b)

    def _chosen(self, condition: Conjunction, a: Value, b: Value) -> Value:
        if a == b:
            return a

        def either(v: Affine) -> Conjunction:
            return (("or", ((*condition, equal(v, a)), (*negated(condition), equal(v, b)))),)

        return self.define(("choose", condition, a, b), either)

    def same(self, a: Value, b: Value) -> bool:
        """Whether two integers are equal wherever we stand."""
        if a == b:
            return True
        if isinstance(a, int) and isinstance(b, int):
            return False
        return self.always((equal(a, b),))


def names_of(found: isl.Set) -> list[str]:
    """The parameters of a set."""
    return [str(found.get_dim_name(isl.dim_type.param, at)) for at in range(found.dim(isl.dim_type.param))]
