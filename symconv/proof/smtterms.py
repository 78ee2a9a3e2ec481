"""What an SMT-LIB script is written with: declared names, integers, quotients by a free divisor, lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from symconv.algebra.comparisons import Comparison
from symconv.algebra.integers import Const, Integer, Name, Op
from symconv.formulas import tree
from symconv.formulas.sets import MeaninglessError
from symconv.proof.claim import Claim

__all__ = ["Terms", "UnsupportedError", "is_bias"]


class UnsupportedError(ValueError):
    """The claim cannot be said without quantifiers by this reading."""


class Terms:
    """The terms of one claim's script: ``declared`` names, the ``definitions`` of some of them, and ``failures``: where one of
    these holds, nothing is claimed."""

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

    def declare(self, name: str) -> str:
        self.declared.append(name)
        return name

    def fresh(self, stem: str) -> str:
        return self.declare(f"{stem}!{len(self.declared)}")

    @staticmethod
    def all(terms: Iterable[str]) -> str:
        terms = list(terms)
        return f"(and {' '.join(terms)})" if len(terms) > 1 else (terms or ["true"])[0]

    @staticmethod
    def any(terms: Iterable[str]) -> str:
        terms = list(terms)
        return f"(or {' '.join(terms)})" if len(terms) > 1 else (terms or ["false"])[0]

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
        result = self.quotients[value, divisor] = self.fresh("quotient")
        product = f"(* {divisor} {result})"
        defined = f"(and (<= {product} {value}) (< {value} (+ {product} {divisor})))"
        # a definition must never rule sizes out: where the divisor is not positive there is no quotient, and none is asked for
        self.definitions.append(defined if divisor in ("s", "d") else f"(=> (>= {divisor} 1) {defined})")
        return result

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

    def length(self, node: tree.Node) -> Integer:
        """The number of entries of an array or result."""
        if id(node) not in self.lengths:
            self.lengths[id(node)] = self.new_length(node)
        return self.lengths[id(node)]

    def new_length(self, node: tree.Node) -> Integer:
        if type(node) not in LENGTHS:
            raise UnsupportedError(f"{node} has no length")
        return LENGTHS[type(node)](self, node)

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
        if is_bias(node.left):
            return self.length(node.right)
        if not is_bias(node.right):
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


def is_bias(node: tree.Node) -> bool:
    """Whether a node is what is added to a target, b or v_b, or a multiple of it."""
    if isinstance(node, tree.Scale):
        return is_bias(node.operand)
    return isinstance(node, tree.Array) and node.name in tree.ADDED.values()


LENGTHS: dict[type[tree.Node], Callable[[Terms, Any], Integer]] = {
    tree.Array: lambda script, node: script.claim.extents[node.name],
    tree.Move: Terms.moved_length,
    tree.Scale: lambda script, node: script.length(node.operand),
    tree.Correlate: Terms.correlated_length,
    tree.Add: Terms.added_length,
    tree.IndexSum: lambda script, node: script.claim.extents[script.formula.target],
}
