"""Fresh geometries for an audit, drawn with its seed: nobody knows them before, and rules that the grid cannot tell apart
disagree on them.

They stay within what the grid has: its strides, paddings, dilations and groups, and sizes between its smallest and largest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from symconv.audits.condition import Rule, table_of
from symconv.layer.conv import Conv

__all__ = ["CHALLENGES", "drawn", "telling"]

#: geometries that are drawn at most, and those tried to find one on which rules disagree
CHALLENGES, POOL = 8, 200

#: a layer with more terms than this is not drawn
MAX_TERMS = 3_000


def drawn(convs: Sequence[Conv], seed: int) -> Iterator[Conv]:
    """Layers that are like those of the grid and not among them; at most POOL, as the seed has it."""
    random = np.random.default_rng([seed, 7])
    known = set(convs)
    dimensions = {c.ndim: [each for each in convs if each.ndim == c.ndim] for c in convs}
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


def telling(pool: Sequence[Conv], rules: Sequence[Rule], most: int) -> list[Conv]:
    """Of a pool those layers on which the rules disagree most, each telling other rules apart than those before it."""
    if len(rules) < 2 or not pool:
        return []
    table = table_of(pool)
    holds = np.array([rule.among(table) for rule in rules])
    alike = [set(range(len(rules)))]
    chosen: list[int] = []
    for _ in range(most):
        told = [
            -1 if i in chosen else sum(len({bool(holds[r, i]) for r in group}) > 1 for group in alike)
            for i in range(len(pool))
        ]
        best = int(np.argmax(told))
        if told[best] <= 0:
            break
        chosen.append(best)
        alike = [part for group in alike for v in (True, False) if (part := {r for r in group if holds[r, best] == v})]
    return [pool[i] for i in chosen]
