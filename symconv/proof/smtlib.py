"""The claim as an SMT-LIB 2 script, by a way of its own, so that any solver can re-check it.

This is deliberately a second reading of the formula. The isl reading pulls an entry of the result back to the entries of the
arrays; this one pushes an entry of an array forward to the position where the operations put it, and says that two entries meet
where their positions do. No composition, no quantifier, no projection, and the stride and dilation may be left free. The script
asserts that some legal size and some product are counted differently by formula and derivative, or that the lengths differ:
``unsat`` means that the claim holds.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from symconv.algebra.comparisons import Comparison
from symconv.algebra.integers import Const, Integer, Name, Op
from symconv.formulas import tree
from symconv.formulas.moves import Branch
from symconv.formulas.sets import MeaninglessError
from symconv.proof.claim import Claim
from symconv.proof.positions import shown_array

__all__ = ["UnsupportedError", "smtlib"]


#: places of an entry that are spelled out one by one where their number is known
MAX_SPELLED = 16


class UnsupportedError(ValueError):
    """The claim cannot be said without quantifiers by this reading."""


@dataclass(frozen=True)
class _Place:
    """A position at which an entry of an array stands when all of ``when`` holds; ``many`` counts them where it is not None."""

    position: Integer
    when: list[str]
    many: str | None = None


def smtlib(claim: Claim) -> str:
    """The script; MeaninglessError where the formula says nothing, UnsupportedError where this reading gives up.

    >>> from symconv.formulas.standard import standard
    >>> print(smtlib(Claim(standard("db"))).split("(assert", 1)[0])  # doctest: +ELLIPSIS
    ; Claim: db = sum(dy)
    ...
    (declare-const H Int)
    ...
    """
    return _Script(claim).text()


@dataclass(frozen=True)
class _Product:
    """``count`` times a product of arrays, in the entries for which all of ``when`` holds; ``solved`` are the names, of places
    among many, that what meets there determines."""

    arrays: tuple[str, ...]
    count: str
    when: list[str]
    solved: Mapping[str, str] = field(default_factory=dict)


class _Script:
    def __init__(self, claim: Claim) -> None:
        self.claim, self.formula = claim, claim.formula
        self.declared: list[str] = []
        self.definitions: list[str] = []
        self.failures: list[str] = []
        self.several: set[str] = set()
        self.lengths: dict[int, Integer] = {}
        self.quotients: dict[tuple[str, str], str] = {}
        for name in ("H", "K", "O", "p", "q", "r", "s", "d"):
            if name not in claim.numbers:
                self.declare(name)
        indices = {claim.index(array) for array in (*claim.arrays, claim.formula.target) if array != "db"}
        for name in sorted(indices):
            self.declare(name)
        self.extents = {name: self.integer(extent) for name, extent in claim.extents.items()}

    # writing ---------------------------------------------------------------------------------------------------------

    def declare(self, name: str) -> str:
        self.declared.append(name)
        return name

    def fresh(self, stem: str) -> str:
        return self.declare(f"{stem}!{len(self.declared)}")

    def text(self) -> str:
        claim, formula = self.claim, self.formula
        target = None if claim.length is None else claim.index(formula.target)
        products = self.result(formula.body, None if target is None else Name(target))
        truths = {arrays: self.any(self.all(self.comparisons(each)) for each in alternatives)
                  for arrays, alternatives in claim.truths.items()}  # fmt: skip
        functions = []
        wrong = list(self.failures)
        for arrays, truth in truths.items():
            stem = "".join(arrays)
            said = [p for p in products if p.arrays == arrays]
            terms = [f"(ite {self.all(p.when)} {p.count} 0)" for p in said]
            functions.append(f"(define-fun formula-{stem} () Int {_sum(terms)})")
            functions.append(f"(define-fun derivative-{stem} () Int (ite {truth} 1 0))")
            wrong.append(f"(distinct formula-{stem} derivative-{stem})")
        if claim.length is not None:
            wrong.append(f"(distinct {self.integer(self.length(formula.body))} {self.integer(claim.length)})")
        legal = [f"(or {' '.join(self.comparisons(c))})" if len(c) > 1 else self.comparisons(c)[0] for c in claim.legal]
        linear = "QF_LIA" if len(claim.numbers) == 2 else "QF_NIA"
        lines = [
            f"; Claim: {formula}",
            f"; for a {claim.scope}.",
            "; Some product is counted differently by the formula and by the derivative of the loss, or a length differs:",
            "; unsat means that the claim holds.",
            f"(set-logic {linear})",
            *(f"(declare-const {name} Int)" for name in self.declared),
            "; sizes of layers that exist",
            *(f"(assert {each})" for each in legal),
            *(["; quotients and lengths on the way"] if self.definitions else []),
            *(f"(assert {each})" for each in self.definitions),
            "; how often the product of the arrays' entries stands in the target's entry",
            *functions,
            f"(assert {self.any(wrong)})",
            "(check-sat)",
        ]
        return "\n".join(lines) + "\n"

    @staticmethod
    def all(terms: Iterable[str]) -> str:
        terms = list(terms)
        return f"(and {' '.join(terms)})" if len(terms) > 1 else (terms or ["true"])[0]

    @staticmethod
    def any(terms: Iterable[str]) -> str:
        terms = list(terms)
        return f"(or {' '.join(terms)})" if len(terms) > 1 else (terms or ["false"])[0]

    # integers --------------------------------------------------------------------------------------------------------

    def integer(self, e: Integer, names: Mapping[str, str] | None = None) -> str:
        return self.term(e.substitute(self.claim.numbers), {} if names is None else names)

    def term(self, e: Integer, names: Mapping[str, str]) -> str:
        if isinstance(e, Const):
            return str(e.value) if e.value >= 0 else f"(- {-e.value})"
        if isinstance(e, Name):
            return names.get(e.name, e.name)
        assert isinstance(e, Op)
        left = self.term(e.left, names)
        if e.op in "+-*":
            return f"({e.op} {left} {self.term(e.right, names)})"
        if isinstance(e.right, Const):
            by = e.right.value
            if by == 0:
                raise MeaninglessError(f"{e} divides by zero")
            if e.op == "//":
                return f"(div {left} {by})" if by > 0 else f"(div (- {left}) {-by})"
            return f"(mod {left} {by})" if by > 0 else f"(- (mod (- {left}) {-by}))"
        divisor = self.term(e.right, names)
        self.failures.append(f"(< {divisor} 1)")  # where the divisor may vanish nothing is claimed
        quotient = self.quotient(left, divisor)
        return quotient if e.op == "//" else f"(- {left} (* {divisor} {quotient}))"

    def quotient(self, value: str, divisor: str) -> str:
        """``value // divisor`` for a divisor of at least 1, by its defining inequalities where the divisor is free."""
        if divisor.isdigit():
            return value if divisor == "1" else f"(div {value} {divisor})"
        if (value, divisor) in self.quotients:
            return self.quotients[value, divisor]
        found = self.quotients[value, divisor] = self.fresh("quotient")
        product = f"(* {divisor} {found})"
        defined = f"(and (<= {product} {value}) (< {value} (+ {product} {divisor})))"
        # a definition must never rule sizes out: where the divisor is not positive there is no quotient, and none is asked for
        self.definitions.append(defined if divisor in ("s", "d") else f"(=> (>= {divisor} 1) {defined})")
        return found

    def comparisons(self, given: Iterable[Comparison], names: Mapping[str, str] | None = None) -> list[str]:
        spelled = {"==": "=", "!=": "distinct"}
        return [
            f"({spelled.get(c.relation, c.relation)} {self.integer(c.left, names)} {self.integer(c.right, names)})"
            for c in given
        ]

    def within(self, index: str, length: str) -> str:
        return f"(and (<= 0 {index}) (< {index} {length}))"

    def step(self, e: Integer, what: str) -> str:
        """A stride or dilation; where it may be below 1 nothing is claimed."""
        value = e.substitute(self.claim.numbers)
        if isinstance(value, Const):
            if value.value < 1:
                raise MeaninglessError(f"{what} {e} is {value.value}; it must be at least 1")
        elif value not in (Name("s"), Name("d")):
            self.failures.append(f"(< {self.integer(value)} 1)")
        return self.integer(value)

    # lengths ---------------------------------------------------------------------------------------------------------

    def length(self, node: tree.Node) -> Integer:
        """The number of entries of an array or result."""
        if id(node) not in self.lengths:
            self.lengths[id(node)] = self.new_length(node)
        return self.lengths[id(node)]

    def new_length(self, node: tree.Node) -> Integer:
        if type(node) not in _LENGTHS:
            raise UnsupportedError(f"{node} has no length")
        return _LENGTHS[type(node)](self, node)

    def moved_length(self, node: tree.Move) -> Integer:
        self.check_steps(node)
        operand = self.length(node.operand)
        length = node.length(operand)
        return operand if length == operand else self.at_least_zero(length)

    def correlated_length(self, node: tree.Correlate) -> Integer:
        t, e = self.step(node.stride, "stride"), self.step(node.dilation, "dilation")
        size, taps = self.integer(self.length(node.operand)), self.integer(self.length(node.filter))
        slack = self.integer(self.named(f"(- {size} (* {e} (- {taps} 1)) 1)"))
        return self.named(f"(ite (or (< {slack} 0) (< {taps} 1)) 0 (+ {self.quotient(slack, t)} 1))")

    def added_length(self, node: tree.Add) -> Integer:
        if _is_bias(node.left):
            return self.length(node.right)
        if not _is_bias(node.right):
            left, right = self.length(node.left), self.length(node.right)
            if left != right:
                self.failures.append(f"(distinct {self.integer(left)} {self.integer(right)})")
        return self.length(node.left)

    def check_steps(self, node: tree.Move) -> None:
        for each, value in zip(node.operation.amounts, node.amounts, strict=True):
            if each.step:
                self.step(value, f"{node.operation.word} {each.name}")

    def at_least_zero(self, length: Integer) -> Integer:
        name = self.named(self.integer(length))
        return self.named(f"(ite (< {name} 0) 0 {name})")

    def named(self, term: str) -> Integer:
        name = self.fresh("length")
        self.definitions.append(f"(= {name} {term})")
        return Name(name)

    # where entries go ------------------------------------------------------------------------------------------------

    def places(self, node: tree.Node) -> list[_Place]:
        """The positions in ``node`` of the entry whose index has its name in R."""
        if isinstance(node, tree.Array):
            index = self.claim.index(node.name)
            return [_Place(Name(index), [self.within(index, self.extents[node.name])])]
        if not isinstance(node, tree.Move):
            raise UnsupportedError(f"{node} is not an array, moved about")
        self.check_steps(node)
        if node.operation.filled:
            raise UnsupportedError(f"{node}: a constant is at no entry's place")
        return [
            _Place(branch.to, [*inner.when, *when], many or inner.many)
            for inner in self.places(node.operand)
            for branch, when, many in self.branches(node.forward, inner.position, node, inner.many)
        ]

    def branches(
        self, relation: Callable[..., tuple[Branch, ...]], at: Integer, node: tree.Move, counting: str | None = None
    ) -> Iterator[tuple[Branch, list[str], str | None]]:
        """The branches of an operation at a position, when each is taken, and the name that counts in it where it has many."""
        length = self.length(node.operand)
        for number, first in enumerate(relation(at, length, Const(0))):
            many = None if first.many is None else first.many.substitute(self.claim.numbers)
            if many is None:
                yield first, self.comparisons(first.when), None
            elif isinstance(many, Const) and many.value <= MAX_SPELLED:
                for e in range(many.value):
                    branch = relation(at, length, Const(e))[number]
                    yield branch, self.comparisons(branch.when), None
            elif counting is not None:
                raise UnsupportedError(f"{node}: two operations give an entry several places")
            else:
                name = self.fresh("many")
                branch = relation(at, length, Name(name))[number]
                yield branch, [*self.comparisons(branch.when), self.within(name, self.integer(many))], name

    def result(self, node: tree.Node, at: Integer | None) -> list[_Product]:
        """The products in entry ``at`` of a result (None for the single number db)."""
        if type(node) not in _RESULTS:
            raise UnsupportedError(f"{node} is not read here")
        return _RESULTS[type(node)](self, node, at)

    def moved(self, node: tree.Move, at: Integer) -> list[_Product]:
        self.check_steps(node)
        inside = self.within(self.integer(at), self.integer(self.length(node)))
        found = []
        for branch, when, many in self.branches(node.back, at, node):
            if many is not None:
                self.several.add(many)
            for p in self.result(node.operand, branch.to):
                if many is not None and many not in p.solved:
                    raise UnsupportedError(f"{node} adds up as many entries as it is told")
                found.append(replace(p, when=[*p.when, inside, *(_put_in(p.solved, each) for each in when)]))
        return found

    def correlated(self, node: tree.Correlate, at: Integer) -> list[_Product]:
        arrays = [shown_array(each) for each in (node.operand, node.filter)]
        names = tuple(sorted(name for name in arrays if name is not None))
        t, e = (self.step(each, what) for each, what in ((node.stride, "stride"), (node.dilation, "dilation")))
        inside = self.within(self.integer(at), self.integer(self.length(node)))
        found = []
        for one, other in itertools.product(self.places(node.operand), self.places(node.filter)):
            first, second = self.integer(one.position), self.integer(other.position)
            meet = f"(= {first} (+ (* {t} {self.integer(at)}) (* {e} {second})))"
            solved, count = self.counted(node, one, other, at)
            when = [_put_in(solved, each) for each in (*one.when, *other.when, inside, meet)]
            found.append(_Product(names, "1", [*when, *count], solved))
        return found

    def counted(
        self, node: tree.Correlate, one: _Place, other: _Place, at: Integer
    ) -> tuple[dict[str, str], list[str]]:
        """Where an entry stands or is added up at several places: the one at which the two meet, solved for, and when there is
        one."""
        several = [each for each in (one.many, other.many) if each] + sorted(at.names() & self.several)
        if not several:
            return {}, []
        if len(several) > 1:
            raise UnsupportedError(f"{node}: entries meet at several places")
        many = several[0]
        apart = one.position - node.stride * at - node.dilation * other.position
        found = apart.substitute(self.claim.numbers).linear_in(many)
        if found is None or found[0] == Const(0):
            raise UnsupportedError(f"{node}: the places of an entry are not determined")
        solved, when = self.solved(found, "0", {})
        return {many: solved}, when

    def summed(self, node: tree.Sum, at: Integer | None) -> list[_Product]:
        name, places = shown_array(node.operand), self.places(node.operand)
        if name is None or any(place.many for place in places):
            raise UnsupportedError(f"{node}: an entry stands at several places")
        return [_Product((name,), "1", place.when) for place in places]

    def scaled(self, node: tree.Scale, at: Integer | None) -> list[_Product]:
        factor = self.integer(node.factor)
        return [_Product(p.arrays, f"(* {factor} {p.count})", p.when) for p in self.result(node.operand, at)]

    def added(self, node: tree.Add, at: Integer | None) -> list[_Product]:
        parts = [node.left, node.right]
        if at is not None:
            self.length(node)  # notes where the lengths differ
        found = []
        for part, other in zip(parts, reversed(parts), strict=True):
            if _is_bias(part):
                assert at is not None
                factor: Integer = Const(1)
                while isinstance(part, tree.Scale):
                    factor, part = part.factor * factor, part.operand
                found.append(
                    _Product(
                        ("b",), self.integer(factor), [self.within(self.integer(at), self.integer(self.length(other)))]
                    )
                )
            else:
                found += self.result(part, at)
        return found

    def index_sum(self, node: tree.IndexSum, at: Integer | None) -> list[_Product]:
        known = {} if self.formula.index is None or at is None else {self.formula.index: self.integer(at)}
        open_indices = {each.index for each in node.ranges}
        equations = [(factor.index, self.claim.index(factor.name)) for factor in node.factors]
        count, when = "1", []
        progress = True
        while open_indices and progress:
            progress = False
            for e, entry in equations:
                for index in sorted(open_indices & e.names()):
                    if open_indices & e.names() != {index}:
                        continue
                    found = e.substitute(self.claim.numbers).linear_in(index)
                    if found is None or found[0] == Const(0):
                        continue
                    solved, condition = self.solved(found, entry, known)
                    known[index] = solved
                    when += condition
                    open_indices.discard(index)
                    progress = True
        for each in node.ranges:
            if each.start is None or each.stop is None:
                if each.index in open_indices:
                    raise UnsupportedError(f"{node}: {each.index} is not determined by the entries")
                continue
            start, stop = self.integer(each.start, known), self.integer(each.stop, known)
            if each.index in open_indices:
                uses = [e.names() for e, _ in equations] + [c.names() for c in node.where]
                if any(each.index in names for names in uses):
                    raise UnsupportedError(f"{node}: {each.index} is not determined by the entries")
                count = f"(* {count} (ite (< {start} {stop}) (- {stop} {start}) 0))"
            else:
                when.append(f"(and (<= {start} {known[each.index]}) (< {known[each.index]} {stop}))")
        for factor, (e, entry) in zip(node.factors, equations, strict=True):
            when.append(f"(= {entry} {self.integer(e, known)})")
            when.append(self.within(entry, self.extents[factor.name]))
        if at is not None:
            when.append(self.within(self.integer(at), self.extents[self.formula.target]))
        when += self.comparisons(node.where, known)
        return [_Product(tuple(sorted(f.name for f in node.factors)), count, when)]

    def solved(self, found: tuple[Integer, Integer], entry: str, known: Mapping[str, str]) -> tuple[str, list[str]]:
        """The index in ``factor * index + rest == entry``, and when there is one."""
        factor, rest = found
        value = f"(- {entry} {self.integer(rest, known)})"
        if isinstance(factor, Const) and factor.value < 0:
            factor, value = Const(-factor.value), f"(- {value})"
        elif isinstance(factor, Op) and factor.op == "-" and factor.left == Const(0):
            factor, value = factor.right, f"(- {value})"
        if factor == Const(1):
            return value, []
        if not isinstance(factor, Const) and factor not in (Name("s"), Name("d")):
            raise UnsupportedError(f"an index stands with the factor {factor}")
        by = self.integer(factor)
        quotient = self.quotient(value, by)
        return quotient, [f"(= {value} (* {by} {quotient}))"]


def _is_bias(node: tree.Node) -> bool:
    return node == tree.Array("b") or (isinstance(node, tree.Scale) and _is_bias(node.operand))


def _put_in(values: Mapping[str, str], term: str) -> str:
    """A term with names replaced by what they are."""
    for name, value in values.items():
        term = re.sub(rf"(?<![^\s()]){re.escape(name)}(?![^\s()])", lambda _, value=value: value, term)
    return term


def _sum(terms: list[str]) -> str:
    return f"(+ {' '.join(terms)})" if len(terms) > 1 else (terms or ["0"])[0]


_LENGTHS: dict[type[tree.Node], Callable[[_Script, Any], Integer]] = {
    tree.Array: lambda script, node: script.claim.extents[node.name],
    tree.Move: _Script.moved_length,
    tree.Scale: lambda script, node: script.length(node.operand),
    tree.Correlate: _Script.correlated_length,
    tree.Add: _Script.added_length,
    tree.IndexSum: lambda script, node: script.claim.extents[script.formula.target],
}

_RESULTS: dict[type[tree.Node], Callable[[_Script, Any, Any], list[_Product]]] = {
    tree.Move: _Script.moved,
    tree.Correlate: _Script.correlated,
    tree.Sum: _Script.summed,
    tree.Scale: _Script.scaled,
    tree.Add: _Script.added,
    tree.IndexSum: _Script.index_sum,
}
