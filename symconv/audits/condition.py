"""The simplest rule that says in which cases a function is right, observed on the cases tried, not proved.

A rule is a disjunction of few conjunctions of few predicates. It is chosen on three quarters of the sizes and tested on
those held out; it must fit every case, and fresh geometries on which rules that fit disagree.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.audits.predicates import NO_TAP, ROOMY
from symconv.audits.rules import Patterns, Rule, Table, table_of
from symconv.layer.conv import Conv

__all__ = ["FRESH", "MOST_TIES", "Condition", "find_condition"]

#: so many rules that fit as well are told
MOST_TIES = 3

#: a rule that fewer fresh geometries agree with, where there are more, is one of the cases tried alone
FRESH = 20

#: so many of the simplest rules are held against layers in which no tap meets the input
ALIKE = 40


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
    #: the same of cases in which it never is
    never: tuple[Rule, int, int] | None = None
    #: fresh geometries that the rule fits too
    challenged: int = 0
    #: other rules as short that fit every case, and say another thing of cases that were not tried
    ties: tuple[Rule, ...] = ()
    #: whether more should have been tried: the last geometries that were drawn contradicted what was found before, few were
    #: drawn of many, or the values decide
    unsettled: bool = False

    def allows(self, row: Table, holds: bool) -> bool:
        """Whether what is said is true of a geometry, of which the vocabulary says ``row``."""
        if self.rule is not None:
            return not self.rule.says(row)[0] or bool(self.rule.among(row)[0]) == holds
        broken = self.never if holds else self.nearly
        return broken is None or not broken[0].among(row)[0]

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
        if self.unsettled:
            return f"in the {self.cases} cases tried {self.verb} where {self.rule_text} and nowhere else"
        return f"{self.verb} exactly when {self.rule_text}, on all {self.cases} cases tried"

    @property
    def rule_text(self) -> str | None:
        """The rule in words; without d where no case is dilated."""
        return None if self.rule is None else self._words(self.rule)

    def _words(self, rule: Rule) -> str:
        return str(rule) if self.dilated else str(rule).replace("d(K − 1)", "K − 1")

    def __str__(self) -> str:
        if self.text is None:
            fresh = f" and {self.challenged} fresh ones" * bool(self.challenged)
            told = f"no short rule says when it is {self.verb} ({self.cases} cases tried{fresh})"
            if self.nearly:
                rule, some, count = self.nearly
                others = f"{count - some} other case{'s' * (count - some != 1)}"
                told += f"; it always is when {self._words(rule)}, and in {others}"
            if self.never:
                rule, some, count = self.never
                told += f"; it never is when {self._words(rule)}, {some} of the {count} cases in which it is not"
            return told + " (observed, not proved)" * bool(self.nearly or self.never)
        if self.rule is None:
            return self.text
        tested = (
            f"chosen on {self.cases - self.held_out} of them, it predicted the other {self.held_out}"
            if self.predicted
            else "chosen with sight of all of them"
        )
        agree = "agree, not all of them by its prediction" if self.unsettled else "agree"
        tested += f"; {self.challenged} fresh geometries {agree}" if self.challenged else ""
        return f"{self.text} (observed, not proved; {tested})"

    def to_dict(self) -> dict[str, Any]:
        return {"text": self.text, "rule": self.rule_text, "cases": self.cases, "held_out": self.held_out,
                "nearly": self._words(self.nearly[0]) if self.nearly else None,
                "never": self._words(self.never[0]) if self.never else None,
                "predicted": self.predicted, "challenged": self.challenged,
                "ties": [self._words(rule) for rule in self.ties], "proved": False}  # fmt: skip


def find_condition(
    convs: Sequence[Conv], right: Sequence[bool], verb: str = "right", seed: int = 0, table: Table | None = None,
    fresh: Sequence[tuple[Conv, bool]] = (), pool: Table | None = None, unsettled: bool = False,
) -> Condition:  # fmt: skip
    """The simplest rule that is true of exactly the cases that are ``right``; ``table`` is theirs, if it is known already.

    Whole sizes are held out, a quarter of them: a rule about sizes is not tested by cases that share theirs with those it was
    chosen on. ``fresh`` are further geometries, each with whether it is right, which a rule must fit too; ``unsettled`` says that
    more should be tried. ``pool`` is the table of geometries that could be tried: rules as
    short that fit all and differ there are told as well.

    Layers in which no tap meets the input are asked last: what a wrong function adds up there is nothing, and often right. Where
    the rule is not true of them, it is said what is, or that nothing is said of them.

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
    every = np.concatenate([table, table_of([conv for conv, _ in fresh])])
    holds = np.array([*right, *(r for _, r in fresh)], dtype=bool)
    for roomy in (False, True):  # where a side is 1 long, or no tap meets, many a mistake does nothing
        said = every[:, ROOMY] if roomy else np.ones(len(every), dtype=bool)
        meets = said & ~every[:, NO_TAP]
        if len(set(holds[meets].tolist())) < 2:  # what decides is whether any tap meets the input
            meets = said
        whole = Patterns(every[meets], holds[meets])
        trained = chosen_on & meets[: len(table)]
        first = next(Patterns(table[trained], wanted[trained]).rules(), None) if held_out else None
        predicted = first is not None and whole.fits(first)
        fitting = whole.each() if first is None or not predicted else itertools.chain([first], whole.each())
        idle = said & ~meets
        best = _of_all(fitting, every[idle], holds[idle])
        if best is not None:
            best = replace(best, roomy=roomy)
            agree = int(best.says(every[len(table) :]).sum())
            return Condition(best, count, held_out, predicted and first is not None and best.parts == first.parts, verb=verb,
                             dilated=dilated, challenged=agree, ties=_ties(whole, best, pool),
                             unsettled=unsettled or (pool is not None and agree < FRESH <= len(pool)))  # fmt: skip
    nearly, never = Patterns(every, holds).nearly(), Patterns(every, ~holds).nearly()
    return Condition(None, count, verb=verb, dilated=dilated, nearly=nearly, never=never, challenged=len(fresh))


def _of_all(fitting: Iterable[Rule], idle: Table, holds: NDArray[np.bool_]) -> Rule | None:
    """Of the simplest rules the first that is true of the ``idle`` layers as well, in which no tap meets the input; where none
    is, the first of all, with what is to be said of these."""
    first: Rule | None = None
    for rule in itertools.islice(fitting, ALIKE):
        first = first or rule
        if rule.length > first.length:
            break
        if np.array_equal(rule.among(idle), holds):
            return rule
    return first and replace(first, idle="holds" if holds.all() else "unsaid")


def _ties(patterns: Patterns, best: Rule, pool: Table | None) -> tuple[Rule, ...]:
    """Rules as short as the best that fit too and are not the same on geometries that could be tried; the first few."""
    if pool is None or not len(pool):
        return ()
    pool = pool[~pool[:, NO_TAP] & best.says(pool)]
    known = [best.among(pool)]
    found: list[Rule] = []
    for rule in itertools.takewhile(lambda each: each.length <= best.length, patterns.each(MOST_TIES**2)):
        holds = rule.among(pool)
        if len(found) < MOST_TIES and not any(np.array_equal(holds, each) for each in known):
            known.append(holds)
            found.append(replace(rule, idle="unsaid", roomy=best.roomy))
    return tuple(found)


def _size(conv: Conv) -> tuple[object, ...]:
    return conv.input, conv.kernel, conv.batch, conv.in_channels, conv.out_channels
