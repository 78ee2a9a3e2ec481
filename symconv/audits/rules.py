"""Rules in the vocabulary of conditions, and the search for those that are true of exactly the cases wanted.

A rule is a disjunction of few conjunctions of few predicates.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from symconv.audits.predicates import NO_TAP, PREDICATES, ROOMY, Predicate, about, facts
from symconv.layer.conv import Conv

__all__ = ["MAX_LITERALS", "Patterns", "Rule", "Table", "rivals", "table_of"]

#: which predicates hold (columns) of which cases (rows)
Table = NDArray[np.bool_]

#: a rule has at most so many predicates, in at most two conjunctions
MAX_LITERALS = 4
_MAX_CONJUNCTION = 3
_MAX_PARTS = 600

#: a rule that is true of right cases alone is worth telling when it is true of so many of them
TELLING = 0.75

#: predicates that an axis can differ in are said of every axis
_Literal = tuple[int, bool]

#: how late a literal is thought of
_WEIGHTS = {(i, v): 2 * predicate.rank + (not v) for i, predicate in enumerate(PREDICATES) for v in (True, False)}


@dataclass(frozen=True)
class Rule:
    """Conjunctions of which one must hold; a literal is a predicate's number and whether it holds or fails.

    Of layers in which no tap meets the input it says what the parts say, or ``idle``: that it holds of all of them, or
    ("unsaid") nothing; a ``roomy`` one says nothing where a side of the input is 1 long.
    """

    parts: tuple[tuple[_Literal, ...], ...]
    idle: Literal["", "holds", "unsaid"] = ""
    roomy: bool = False

    @property
    def length(self) -> int:
        """How many predicates it names."""
        return sum(map(len, self.parts))

    def holds(self, conv: Conv) -> bool:
        """Whether the rule is true of a geometry."""
        return bool(self.among(table_of([conv]))[0])

    def among(self, table: Table) -> NDArray[np.bool_]:
        """Of which rows of a table of the predicates the rule is true."""
        true = np.zeros(len(table), dtype=bool)
        for part in self.parts:
            every = np.ones(len(table), dtype=bool)
            for i, wanted in part:
                every &= table[:, i] == wanted
            true |= every
        return true | table[:, NO_TAP] if self.idle == "holds" else true

    def says(self, table: Table) -> NDArray[np.bool_]:
        """Of which rows of a table it says anything."""
        said: NDArray[np.bool_] = ~table[:, NO_TAP] | (self.idle != "unsaid")
        return said & table[:, ROOMY] if self.roomy else said

    def __str__(self) -> str:
        def word(literal: _Literal) -> str:
            predicate: Predicate = PREDICATES[literal[0]]
            return predicate.text if literal[1] else predicate.negation

        parts = [" and ".join(map(word, part)) for part in self.parts]
        parts += [PREDICATES[NO_TAP].text] * (self.idle == "holds")
        told = " or ".join(f"({part})" if len(parts) > 1 and " and " in part else part for part in parts)
        where = [PREDICATES[NO_TAP].negation] * (self.idle == "unsaid") + [PREDICATES[ROOMY].text] * self.roomy
        return f"{told}, wherever {' and '.join(where)}" if where else told


def table_of(convs: Sequence[Conv]) -> Table:
    """What the vocabulary says of each case."""
    rows = [facts(conv) for conv in convs]
    return np.array(rows, dtype=bool).reshape(len(rows), len(PREDICATES))


def rivals(convs: Sequence[Conv], right: Sequence[bool], most: int = 40) -> list[Rule]:
    """The simplest rules that are true of exactly the cases that are right: fresh cases tell which of them to believe."""
    table, wanted = table_of(convs), np.asarray(right, dtype=bool)
    meets = ~table[:, NO_TAP]
    if len(set(wanted[meets].tolist())) < 2:
        return []
    patterns = Patterns(table[meets], wanted[meets])
    return list(itertools.islice(patterns.each(most // 4), most))


class Patterns:
    """The distinct rows of a table of predicates, as bits of an integer for each literal."""

    def __init__(self, table: Any, wanted: Any) -> None:
        rows, inverse = np.unique(table, axis=0, return_inverse=True)
        inverse = inverse.reshape(-1)
        some_right, some_wrong = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
        some_right[inverse[wanted]] = True
        some_wrong[inverse[~wanted]] = True
        #: False when two cases that the vocabulary cannot tell apart have different verdicts
        self.consistent = not np.any(some_right & some_wrong)
        self.right, self.wrong = _bits(some_right), _bits(some_wrong)
        self.counts = np.bincount(inverse[wanted], minlength=len(rows)).tolist()
        self.bits: dict[_Literal, int] = {}
        #: literals that are alike on these cases
        self.same: dict[int, list[_Literal]] = {}
        #: of those, the first
        self.literals: dict[_Literal, int] = {}
        seen: set[int] = set()
        for i in about(
            [each.text for each, column in zip(PREDICATES, rows.T, strict=True) if len(rows) and column.all()]
        ):
            for value in (True, False):
                bits = self.bits[i, value] = _bits(rows[:, i] == value)
                self.same.setdefault(bits, []).append((i, value))
                if bits and bits != (1 << len(rows)) - 1 and bits not in seen:
                    seen.add(bits)
                    self.literals[i, value] = bits

    def fits(self, rule: Rule) -> bool:
        """Whether a rule is true of exactly the right patterns."""
        covered = 0
        for part in rule.parts:
            bits = self.right | self.wrong
            for literal in part:
                bits &= self.bits[literal]
            covered |= bits
        return covered == self.right

    def alike(self, rule: Rule) -> Iterator[Rule]:
        """The rule, and those with one literal put for another that is alike on these cases."""
        yield rule
        for number, part in enumerate(rule.parts):
            for place, literal in enumerate(part):
                for other in self.same[self.bits[literal]]:
                    if other != literal:
                        changed = (*part[:place], other, *part[place + 1 :])
                        yield Rule((*rule.parts[:number], changed, *rule.parts[number + 1 :]))

    def each(self, most: int | None = None) -> Iterator[Rule]:
        """The rules that fit, of the simplest ``most``, each with those that are alike on these cases."""
        return itertools.chain.from_iterable(map(self.alike, itertools.islice(self.rules(), most)))

    def _support(self, bits: int) -> int:
        """The number of right cases with these patterns."""
        return sum(count for i, count in enumerate(self.counts) if bits >> i & 1)

    def nearly(self) -> tuple[Rule, int, int] | None:
        """The shortest conjunction that is true of most right cases and of no wrong one."""
        count = sum(self.counts)
        parts = [(part, self._support(bits)) for part, bits in self._implicants()]
        telling = [(len(part), -some, part) for part, some in parts if some >= TELLING * count]
        if not telling:
            return None
        _, negative, part = min(telling)
        return Rule((part,)), -negative, count

    def rules(self) -> Iterator[Rule]:
        """The rules that fit, simplest first: fewer literals, then fewer parts, then what is thought of first."""
        if not self.consistent:
            return
        parts = self._implicants()
        by_size: dict[int, list[tuple[tuple[_Literal, ...], int]]] = {}
        for part, bits in parts:
            by_size.setdefault(len(part), []).append((part, bits))
        for total in range(1, MAX_LITERALS + 1):
            found = [Rule((part,)) for part, bits in by_size.get(total, []) if bits == self.right]
            if not found:
                for smaller in range(1, total // 2 + 1):
                    for (p, a), (q, b) in itertools.product(by_size.get(smaller, []), by_size.get(total - smaller, [])):
                        # each must tell more cases than it has predicates: else it has learnt them by heart
                        if a | b == self.right and self._support(a & ~b) > len(p) and self._support(b & ~a) > len(q):
                            found.append(Rule((p, q)))
            yield from sorted(found, key=lambda rule: _order(rule.parts))

    def _implicants(self) -> list[tuple[tuple[_Literal, ...], int]]:
        """Conjunctions that hold of some right pattern and of no wrong one and need all their literals; the widest first."""
        result: list[tuple[tuple[_Literal, ...], int]] = []
        open_parts: list[tuple[tuple[_Literal, ...], int]] = [((), self.right | self.wrong)]
        literals = list(self.literals.items())
        position = {literal: i for i, (literal, _) in enumerate(literals)}
        for _ in range(_MAX_CONJUNCTION):
            extended: list[tuple[tuple[_Literal, ...], int]] = []
            for part, bits in open_parts:
                start = position[part[-1]] + 1 if part else 0
                for literal, more in literals[start:]:
                    both = bits & more
                    if both == bits or not both & self.right:
                        continue
                    (extended if both & self.wrong else result).append(((*part, literal), both))
            open_parts = extended
        result.sort(key=lambda item: (-item[1].bit_count(), len(item[0]), _order((item[0],))))
        return result[:_MAX_PARTS]


def _order(parts: Sequence[tuple[_Literal, ...]]) -> tuple[int, int, list[tuple[int, bool]]]:
    """What is thought of first: low ranks, nothing negated, few parts."""
    literals = list(itertools.chain.from_iterable(parts))
    return sum(_WEIGHTS[literal] for literal in literals), len(parts), [(i, not v) for i, v in literals]


def _bits(mask: Any) -> int:
    return int("".join("1" if bit else "0" for bit in mask[::-1]), 2) if len(mask) else 0
