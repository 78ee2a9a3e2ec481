"""The claim as an SMT-LIB 2 script, by a way of its own, so that any solver can re-check it.

This is deliberately a second reading of the formula. The isl reading pulls an entry of the result back to the entries of the
arrays; this one pushes an entry of an array forward to the position where the operations put it (``pad`` adds, ``dilate``
multiplies, ``flip`` subtracts from the end), and says that two entries meet where their positions do. No composition, no
quantifier, no projection, and the stride and dilation may be left free. The script asserts that some legal size and some
product are counted differently by formula and derivative, or that the lengths differ: ``unsat`` means that the claim holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from symconv.algebra.comparisons import Comparison
from symconv.algebra.integers import Const, Integer, Name, Op
from symconv.formulas import tree
from symconv.formulas.sets import MeaninglessError
from symconv.proof.claim import Claim
from symconv.proof.positions import moves, position, shown_array

__all__ = ["UnsupportedError", "smtlib"]


class UnsupportedError(ValueError):
    """The claim cannot be said without quantifiers by this reading."""


#: an array, a position, and what must hold for an entry to be there, as SMT-LIB terms
Place = tuple[str, str, list[str]]


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
    """``count`` times a product of arrays, in the entries for which all of ``when`` holds."""

    arrays: tuple[str, ...]
    count: str
    when: list[str]


class _Script:
    def __init__(self, claim: Claim) -> None:
        self.claim, self.formula = claim, claim.formula
        self.declared: list[str] = []
        self.definitions: list[str] = []
        self.failures: list[str] = []
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
        products = self.result(formula.body, target)
        truths = {claim.arrays: self.all(self.comparisons(claim.truth))}
        if claim.with_bias and target is not None:
            truths["b",] = self.within(target, self.extents[formula.target])
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
        if isinstance(node, tree.Array):
            return self.claim.extents[node.name]
        if isinstance(node, tree.Pad):
            return self.at_least_zero(node.before + self.length(node.operand) + node.after)
        if isinstance(node, tree.Crop):
            return self.at_least_zero(self.length(node.operand) - node.before - node.after)
        if isinstance(node, tree.Dilate):
            by, inner = self.step(node.by, "dilate by"), self.integer(self.length(node.operand))
            return self.named(f"(ite (< {inner} 1) 0 (+ (* {by} (- {inner} 1)) 1))")
        if isinstance(node, (tree.Flip, tree.Scale)):
            return self.length(node.operand)
        if isinstance(node, tree.Correlate):
            t, e = self.step(node.stride, "stride"), self.step(node.dilation, "dilation")
            size, taps = self.integer(self.length(node.operand)), self.integer(self.length(node.filter))
            slack = self.integer(self.named(f"(- {size} (* {e} (- {taps} 1)) 1)"))
            return self.named(f"(ite (or (< {slack} 0) (< {taps} 1)) 0 (+ {self.quotient(slack, t)} 1))")
        if isinstance(node, tree.Add):
            if _is_bias(node.left):
                return self.length(node.right)
            if not _is_bias(node.right):
                left, right = self.length(node.left), self.length(node.right)
                if left != right:
                    self.failures.append(f"(distinct {self.integer(left)} {self.integer(right)})")
            return self.length(node.left)
        if isinstance(node, tree.IndexSum):
            return self.claim.extents[self.formula.target]
        raise UnsupportedError(f"{node} has no length")

    def at_least_zero(self, length: Integer) -> Integer:
        name = self.named(self.integer(length))
        return self.named(f"(ite (< {name} 0) 0 {name})")

    def named(self, term: str) -> Integer:
        name = self.fresh("length")
        self.definitions.append(f"(= {name} {term})")
        return Name(name)

    # where entries go ------------------------------------------------------------------------------------------------

    def place(self, node: tree.Node) -> Place:
        """The position in ``node`` of the entry whose index has its name in R, and when it is not cropped on the way."""
        array = shown_array(node)
        if array is None:
            raise UnsupportedError(f"{node} is not an array, moved about")
        index = Name(self.claim.index(array))
        when = [self.within(str(index), self.extents[array])]
        for step in reversed(list(moves(node))):
            if isinstance(step, (tree.Pad, tree.Crop)):
                at = self.integer(position(step, index, self.length))
                when.append(self.within(at, self.integer(self.length(step))))
            elif isinstance(step, tree.Dilate):
                self.step(step.by, "dilate by")
        return array, self.integer(position(node, index, self.length)), when

    def result(self, node: tree.Node, at: str | None) -> list[_Product]:
        """The products in entry ``at`` of a result (None for the single number db)."""
        if type(node) not in _RESULTS:
            raise UnsupportedError(f"{node} is not read here")
        return _RESULTS[type(node)](self, node, at)

    def shifted(self, node: tree.Pad | tree.Crop, at: str) -> list[_Product]:
        inner = f"({'-' if isinstance(node, tree.Pad) else '+'} {at} {self.integer(node.before)})"
        inside = self.within(at, self.integer(self.length(node)))
        return [_Product(p.arrays, p.count, [*p.when, inside]) for p in self.result(node.operand, inner)]

    def dilated(self, node: tree.Dilate, at: str) -> list[_Product]:
        by = self.step(node.by, "dilate by")
        inner = self.quotient(at, by)
        hit = [f"(= {at} (* {by} {inner}))", self.within(at, self.integer(self.length(node)))]
        return [_Product(p.arrays, p.count, [*p.when, *hit]) for p in self.result(node.operand, inner)]

    def flipped(self, node: tree.Flip, at: str) -> list[_Product]:
        return self.result(node.operand, f"(- {self.integer(self.length(node.operand))} 1 {at})")

    def correlated(self, node: tree.Correlate, at: str) -> list[_Product]:
        one, first, when = self.place(node.operand)
        other, second, and_when = self.place(node.filter)
        t, e = self.step(node.stride, "stride"), self.step(node.dilation, "dilation")
        meet = f"(= {first} (+ (* {t} {at}) (* {e} {second})))"
        conditions = [*when, *and_when, self.within(at, self.integer(self.length(node))), meet]
        return [_Product(tuple(sorted((one, other))), "1", conditions)]

    def summed(self, node: tree.Sum, at: str | None) -> list[_Product]:
        name, _, when = self.place(node.operand)
        return [_Product((name,), "1", when)]

    def scaled(self, node: tree.Scale, at: str | None) -> list[_Product]:
        factor = self.integer(node.factor)
        return [_Product(p.arrays, f"(* {factor} {p.count})", p.when) for p in self.result(node.operand, at)]

    def added(self, node: tree.Add, at: str | None) -> list[_Product]:
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
                    _Product(("b",), self.integer(factor), [self.within(at, self.integer(self.length(other)))])
                )
            else:
                found += self.result(part, at)
        return found

    def index_sum(self, node: tree.IndexSum, at: str | None) -> list[_Product]:
        known = {} if self.formula.index is None or at is None else {self.formula.index: at}
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
            when.append(self.within(at, self.extents[self.formula.target]))
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


def _sum(terms: list[str]) -> str:
    return f"(+ {' '.join(terms)})" if len(terms) > 1 else (terms or ["0"])[0]


_RESULTS: dict[type[tree.Node], Callable[[_Script, Any, Any], list[_Product]]] = {
    tree.Pad: _Script.shifted,
    tree.Crop: _Script.shifted,
    tree.Dilate: _Script.dilated,
    tree.Flip: _Script.flipped,
    tree.Correlate: _Script.correlated,
    tree.Sum: _Script.summed,
    tree.Scale: _Script.scaled,
    tree.Add: _Script.added,
    tree.IndexSum: _Script.index_sum,
}
