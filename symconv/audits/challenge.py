"""Fresh geometries for an audit, drawn with its seed: nobody knows them before, and rules that the grid cannot tell apart
disagree on them.

They stay within what the grid has: its strides, paddings, dilations and groups, and sizes between its smallest and largest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from symconv.audits.rules import Rule, Table
from symconv.layer.conv import Conv

__all__ = ["CHALLENGES", "drawn", "near_misses", "strangers", "telling"]

#: geometries that are drawn at most, and those tried to find one on which rules disagree
CHALLENGES, POOL = 8, 400

#: a layer with more terms than this is not drawn
MAX_TERMS = 3_000


def drawn(convs: Sequence[Conv], seed: int) -> Iterator[Conv]:
    """Layers that are like those of the grid and not among them; at most POOL, as the seed has it.

    What chance seldom brings together is drawn on purpose: kernels that the padding just fills, strides that divide, squares.
    """
    random = np.random.default_rng([seed, 7])
    known = set(convs)
    dimensions = {n: [each for each in convs if each.ndim == n] for n in dict.fromkeys(c.ndim for c in convs)}
    spans = {
        (ndim, name): [(min(values), max(values)) for values in zip(*(getattr(c, name) for c in members), strict=True)]
        for ndim, members in dimensions.items()
        for name in ("input", "kernel")
    }
    counts = {
        n: (min(getattr(c, n) for c in convs), max(getattr(c, n) for c in convs)) for n in ("batch", "in_channels")
    }
    counts["out_channels"] = (min(c.out_channels for c in convs), max(c.out_channels for c in convs))

    def between(low: int, high: int) -> int:
        return int(random.integers(low, high + 1))

    for _ in range(POOL):
        like = convs[between(0, len(convs) - 1)]
        others = dimensions[like.ndim]
        other = others[between(0, len(others) - 1)]
        size, kernel = (tuple(between(*span) for span in spans[like.ndim, name]) for name in ("input", "kernel"))
        filled, divided, squared = (bool(random.integers(2)) for _ in range(3))
        if squared:
            size, kernel = (
                values[:1] * len(values)
                if all(low <= values[0] <= high for low, high in spans[like.ndim, name])
                else values
                for name, values in (("input", size), ("kernel", kernel))
            )
        pads = [p + q for p, q in other.padding]
        if filled and all(
            p % d == 0 and low <= p // d + 1 <= high
            for p, d, (low, high) in zip(pads, like.dilation, spans[like.ndim, "kernel"], strict=True)
        ):
            kernel = tuple(p // d + 1 for p, d in zip(pads, like.dilation, strict=True))
        if divided and not like.transposed:
            slack = [h + p - d * (k - 1) - 1 for h, p, d, k in zip(size, pads, like.dilation, kernel, strict=True)]
            lowest = [low for low, _ in spans[like.ndim, "input"]]
            size = tuple(
                h - rest % s if h - rest % s >= low else h
                for h, rest, s, low in zip(size, slack, like.stride, lowest, strict=True)
            )
        changes: dict[str, Any] = {"input": size, "kernel": kernel, "padding": other.padding}
        changes |= {name: between(*span) for name, span in counts.items()}
        for name in ("in_channels", "out_channels"):
            low, high = counts[name]
            if low < high or like.groups > 1:
                changes[name] = max(1, changes[name] // like.groups) * like.groups
        try:
            conv = replace(like, **changes)
        except ValueError:
            continue
        if conv not in known and conv.terms <= max(MAX_TERMS, like.terms):
            known.add(conv)
            yield conv


def telling(table: Table, rules: Sequence[Rule], most: int) -> list[int]:
    """Of a pool, by what the vocabulary says of it, those layers on which the rules disagree most, each telling other rules apart
    than those before it.
    """
    if len(rules) < 2 or not len(table):
        return []
    holds = np.array([rule.among(table) for rule in rules])
    alike = [set(range(len(rules)))]
    chosen: list[int] = []
    for _ in range(most):
        told = np.zeros(len(table), dtype=int)
        for group in alike:
            some = holds[sorted(group)]
            told += some.any(axis=0) & ~some.all(axis=0)
        told[chosen] = -1
        best = int(np.argmax(told))
        if told[best] <= 0:
            break
        chosen.append(best)
        alike = [part for group in alike for v in (True, False) if (part := {r for r in group if holds[r, best] == v})]
    return chosen


def near_misses(table: Table, rule: Rule) -> list[int]:
    """Of a pool a layer for which the rule holds, and for each thing that it asks for one that lacks this alone."""
    whole = rule.among(table)
    chosen: list[int] = []
    for part in rule.parts:
        met = np.array([table[:, i] == wanted for i, wanted in part])
        for fits in (met.all(axis=0), *(met.sum(axis=0) == len(part) - 1) & ~met & ~whole):
            chosen += np.flatnonzero(fits)[:1].tolist()
    return list(dict.fromkeys(chosen))


def strangers(table: Table, rule: Rule, known: Table, most: int = 2) -> list[int]:
    """Of a pool, where the rule holds and where it does not, layers that are unlike all ``known`` ones of which the same is true:
    a rule that fits these alone, by what they all have beside, fails there. At most so many of each.

    >>> from symconv.audits.predicates import PREDICATES
    >>> from symconv.audits.rules import table_of
    >>> one = Rule((((next(i for i, p in enumerate(PREDICATES) if p.text == "N = 1"), True),),))
    >>> tried = table_of([Conv((4, 5), (2, 2), n, 2, 2) for n in (1, 2)])
    >>> pool = [Conv((4, 5), (2, 2), 2, 2, 2), Conv((2, 2), (2, 2), 2, 2, 2)]
    >>> [pool[i].slug for i in strangers(table_of(pool), one, tried, 1)]
    ['in2x2-k2x2-n2c2f2']
    """
    chosen: list[int] = []
    of_pool, of_known = rule.among(table), rule.among(known)
    for side in (True, False):
        same, there = known[of_known == side], np.flatnonzero(of_pool == side)
        if not len(same) or not len(there):
            continue
        always = same.all(axis=0) | ~same.any(axis=0)
        unlike = (table[there] != same[0]) & always
        for _ in range(most):
            scores = unlike.sum(axis=1)
            if not scores.any():
                break
            best = int(np.argmax(scores))
            chosen.append(int(there[best]))
            unlike &= ~unlike[best]
    return list(dict.fromkeys(chosen))
