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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from symconv.algebra.integers import Const, Integer, Name
from symconv.formulas import tree
from symconv.formulas.moves import Branch
from symconv.proof.claim import Claim
from symconv.proof.positions import shown_array
from symconv.proof.smtterms import Terms, UnsupportedError, is_bias

__all__ = ["UnsupportedError", "smtlib"]


#: places of an entry that are spelled out one by one where their number is known
MAX_SPELLED = 16


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


class _Script(Terms):
    #: whether somewhere two counts are multiplied that are no numbers
    multiplied = False

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
        # a product of two counts, or of a size with a stride that is free, is beyond linear arithmetic
        linear = "QF_LIA" if len(claim.numbers) == 2 and not self.multiplied else "QF_NIA"
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
        products = self.result(node.operand, at)
        self.multiplied |= not _is_number(factor) and not all(_is_number(p.count) for p in products)
        return [_Product(p.arrays, f"(* {factor} {p.count})", p.when) for p in products]

    def added(self, node: tree.Add, at: Integer | None) -> list[_Product]:
        parts = [node.left, node.right]
        if at is not None:
            self.length(node)  # notes where the lengths differ
        found = []
        for part, other in zip(parts, reversed(parts), strict=True):
            if is_bias(part):
                assert at is not None
                factor: Integer = Const(1)
                while isinstance(part, tree.Scale):
                    factor, part = part.factor * factor, part.operand
                found.append(
                    _Product(
                        (str(part),),
                        self.integer(factor),
                        [self.within(self.integer(at), self.integer(self.length(other)))],
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
                    # that there is such an index is said below: every factor stands at its entry
                    known[index], _ = self.solved(found, entry, known)
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
                self.multiplied |= not count.isdigit()
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


def _put_in(values: Mapping[str, str], term: str) -> str:
    """A term with names replaced by what they are."""
    for name, value in values.items():
        term = re.sub(rf"(?<![^\s()]){re.escape(name)}(?![^\s()])", value, term)
    return term


def _is_number(term: str) -> bool:
    """Whether a term is a numeral, perhaps with a minus."""
    return term.removeprefix("(- ").removesuffix(")").isdigit()


def _sum(terms: list[str]) -> str:
    return f"(+ {' '.join(terms)})" if len(terms) > 1 else (terms or ["0"])[0]


_RESULTS: dict[type[tree.Node], Callable[[_Script, Any, Any], list[_Product]]] = {
    tree.Move: _Script.moved,
    tree.Correlate: _Script.correlated,
    tree.Sum: _Script.summed,
    tree.Scale: _Script.scaled,
    tree.Add: _Script.added,
    tree.IndexSum: _Script.index_sum,
}
