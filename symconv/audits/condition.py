"""The simplest rule that says in which cases a function is right, observed on the cases tried, not proved.

A rule is a disjunction of few conjunctions of few predicates. It is chosen on three quarters of the sizes and tested on
those held out; it must fit every case, and fresh geometries on which rules that fit disagree.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.audits.predicates import PREDICATES, Predicate, about, facts
from symconv.layer.conv import Conv

__all__ = ["MAX_LITERALS", "Condition", "Rule", "Table", "find_condition", "rivals", "table_of"]

#: which predicates hold (columns) of which cases (rows)
Table = NDArray[np.bool_]

#: a rule has at most so many predicates, in at most two conjunctions
MAX_LITERALS = 4
_MAX_CONJUNCTION = 3
_MAX_PARTS = 600

#: so many rules that fit as well are told
MOST_TIES = 3

#: a rule that is true of right cases alone is worth telling when it is true of so many of them
TELLING = 0.75

#: predicates that an axis can differ in are said of every axis
_Literal = tuple[int, bool]

#: how late a literal is thought of
_WEIGHTS = {(i, v): 2 * predicate.rank + (not v) for i, predicate in enumerate(PREDICATES) for v in (True, False)}


@dataclass(frozen=True)
class Rule:
    """Conjunctions of which one must hold; a literal is a predicate's number and whether it holds or fails."""

    parts: tuple[tuple[_Literal, ...], ...]

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
        return true

    def __str__(self) -> str:
        def word(literal: _Literal) -> str:
            predicate: Predicate = PREDICATES[literal[0]]
            return predicate.text if literal[1] else predicate.negation

        parts = [" and ".join(map(word, part)) for part in self.parts]
        return " or ".join(f"({part})" if len(parts) > 1 and " and " in part else part for part in parts)


@dataclass(frozen=True)
class Condition:
    """``rule`` fits all ``cases``; ``held_out`` of them had no part in choosing it when ``predicted`` is True.

    Without a rule: nothing as short as this fits, or (``constant``) the cases are all the same. ``nearly`` is then a
    rule under which it is always right, though it is so in other cases too, and in how many of the right ones it holds.
    """

    rule: Rule | None
    cases: int
    held_out: int = 0
    predicted: bool = False
    constant: bool | None = None
    verb: str = "right"
    dilated: bool = True
    nearly: tuple[Rule, int, int] | None = None
    #: fresh geometries that the rule fits too
    challenged: int = 0
    #: other rules as short that fit every case, and say another thing of cases that were not tried
    ties: tuple[Rule, ...] = ()

    @property
    def text(self) -> str | None:
        """The condition in one line; None when no short rule fits."""
        if self.constant is not None:
            return f"{self.verb} on {'all' if self.constant else 'none of the'} {self.cases} cases tried"
        if self.rule is None:
            return None
        if self.ties:
            others = "".join(f", or when {self._words(rule)}" for rule in self.ties)
            return f"{self.verb} when {self.rule_text}{others}: each of these fits all {self.cases} cases tried"
        return f"{self.verb} exactly when {self.rule_text}, on all {self.cases} cases tried"

    @property
    def rule_text(self) -> str | None:
        """The rule in words; without d where no case is dilated."""
        return None if self.rule is None else self._words(self.rule)

    def _words(self, rule: Rule) -> str:
        return str(rule) if self.dilated else str(rule).replace("d(K − 1)", "K − 1")

    def __str__(self) -> str:
        if self.text is None:
            told = f"no short rule says when it is {self.verb} ({self.cases} cases tried)"
            if self.nearly:
                rule, some, count = self.nearly
                others = f"{count - some} other case{'s' * (count - some != 1)}"
                told += f"; it always is when {self._words(rule)}, and in {others} (observed, not proved)"
            return told
        if self.rule is None:
            return self.text
        tested = (
            f"chosen on {self.cases - self.held_out} of them, it predicted the other {self.held_out}"
            if self.predicted
            else "chosen with sight of all of them"
        )
        tested += f"; {self.challenged} fresh geometries agree" if self.challenged else ""
        return f"{self.text} (observed, not proved; {tested})"

    def to_dict(self) -> dict[str, Any]:
        return {"text": self.text, "rule": self.rule_text, "cases": self.cases, "held_out": self.held_out,
                "nearly": self._words(self.nearly[0]) if self.nearly else None,
                "predicted": self.predicted, "challenged": self.challenged,
                "ties": [self._words(rule) for rule in self.ties], "proved": False}  # fmt: skip


def table_of(convs: Sequence[Conv]) -> Table:
    """What the vocabulary says of each case."""
    rows = [facts(conv) for conv in convs]
    return np.array(rows, dtype=bool).reshape(len(rows), len(PREDICATES))


def find_condition(
    convs: Sequence[Conv], right: Sequence[bool], verb: str = "right", seed: int = 0, table: Table | None = None,
    fresh: Sequence[tuple[Conv, bool]] = (), pool: Table | None = None,
) -> Condition:  # fmt: skip
    """The simplest rule that is true of exactly the cases that are ``right``; ``table`` is theirs, if it is known already.

    Whole sizes are held out, a quarter of them: a rule about sizes is not tested by cases that share theirs with those it was
    chosen on. ``fresh`` are further geometries, each with whether it is right, which a rule must fit too. ``pool`` is the
    table of geometries that could be tried: rules as short that fit all and differ there are told as well.

    >>> from symconv import Conv
    >>> convs = [Conv(size, 3, stride=s, padding=p) for size in (5, 6, 7) for s in (1, 2) for p in (0, 1)]
    >>> print(find_condition(convs, [conv.stride == (1,) for conv in convs]).rule)
    stride = 1
    """
    count = len(convs)
    dilated = any(d != 1 for conv in [*convs, *(conv for conv, _ in fresh)] for d in conv.dilation)
    if all(right) or not any(right):
        constant = bool(count) and all(right)
        if all(is_right == constant for _, is_right in fresh):
            return Condition(None, count, constant=constant, verb=verb, challenged=len(fresh))
        convs, right, table = [*convs, *(c for c, _ in fresh)], [*right, *(r for _, r in fresh)], None
        count = len(convs)
    if table is None:
        table = table_of(convs)
    wanted = np.asarray(right, dtype=bool)
    sizes = [_size(conv) for conv in convs]
    distinct = list(dict.fromkeys(sizes))
    order = np.random.default_rng(seed).permutation(len(distinct))
    out = {distinct[i] for i in order[: max(1, len(distinct) // 4)]} if len(distinct) > 2 else set()
    chosen_on = np.array([size not in out for size in sizes], dtype=bool)
    held_out = int(count - chosen_on.sum())
    whole = _Patterns(
        np.concatenate([table, table_of([conv for conv, _ in fresh])]),
        np.array([*right, *(r for _, r in fresh)], dtype=bool),
    )
    train = _Patterns(table[chosen_on], wanted[chosen_on])

    first = next(train.rules(), None) if held_out else None
    if first is not None and whole.fits(first):
        ties = _ties(whole, first, pool)
        return Condition(first, count, held_out, True, verb=verb, dilated=dilated, challenged=len(fresh), ties=ties)
    best = next(whole.rules(), None)
    if best is None:
        return Condition(None, count, verb=verb, dilated=dilated, nearly=whole.nearly())
    ties = _ties(whole, best, pool)
    return Condition(best, count, held_out, False, verb=verb, dilated=dilated, challenged=len(fresh), ties=ties)


def _ties(patterns: _Patterns, best: Rule, pool: Table | None) -> tuple[Rule, ...]:
    """Rules as short as the best that fit too and are not the same on geometries that could be tried; the first few."""
    if pool is None or not len(pool):
        return ()
    length = sum(map(len, best.parts))
    known = [best.among(pool)]
    found: list[Rule] = []
    every = itertools.chain.from_iterable(map(patterns.alike, itertools.islice(patterns.rules(), MOST_TIES**2)))
    for rule in itertools.takewhile(lambda each: sum(map(len, each.parts)) <= length, every):
        holds = rule.among(pool)
        if len(found) < MOST_TIES and not any(np.array_equal(holds, each) for each in known):
            known.append(holds)
            found.append(rule)
    return tuple(found)


def rivals(convs: Sequence[Conv], right: Sequence[bool], most: int = 40) -> list[Rule]:
    """The simplest rules that are true of exactly the cases that are right: fresh cases tell which of them to believe."""
    if all(right) or not any(right):
        return []
    patterns = _Patterns(table_of(convs), np.asarray(right, dtype=bool))
    simplest = itertools.islice(patterns.rules(), most // 4)
    return list(itertools.islice(itertools.chain.from_iterable(map(patterns.alike, simplest)), most))


def _size(conv: Conv) -> tuple[object, ...]:
    return conv.input, conv.kernel, conv.batch, conv.in_channels, conv.out_channels


class _Patterns:
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
