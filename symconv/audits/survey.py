"""A rule that was found is held against fresh geometries, wider than the grid's and with layers in which little meets; it is
found anew while some of them contradict it.

They are tried briefly, hundreds at a time; what contradicts a rule, or does not come out clearly, is judged by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from symconv.audits.brief import Left
from symconv.audits.case import Case
from symconv.audits.challenge import MAX_TERMS
from symconv.audits.condition import Condition
from symconv.audits.judge import CaseVerdict
from symconv.audits.result import Outcome
from symconv.audits.rules import table_of
from symconv.audits.sandbox import supervisor
from symconv.audits.sandbox.worker import Chunk
from symconv.audits.sweep import Job, sweep
from symconv.layer.conv import Conv

__all__ = ["SURVEY", "surveyed", "wide"]

#: geometries of a round, rounds at most, cases of a round that are judged by themselves, and those tried in one message
SURVEY, ROUNDS, BY_THEMSELVES, TOGETHER = 300, 4, 40, 100

#: seconds after which a slow function is asked no more
ENOUGH = 20.0

#: what a wide geometry exceeds the grid by
BEYOND = {"stride": 1, "padding": 2}

Found = TypeVar("Found", bound=Outcome)


def wide(convs: Sequence[Conv], seed: Sequence[int], most: int = SURVEY, known: Container[Conv] = ()) -> Iterator[Conv]:
    """Fresh layers, at most so many: whatever the grid varies, varied further. A half of them has small inputs and kernels.

    >>> grid = [Conv(size, 3, stride=s, padding=1) for size in (4, 6) for s in (1, 2)]
    >>> [conv.slug for conv in wide(grid, [1], 4)]
    ['in3-k3-p1', 'in1-k3-s2-p1', 'in2-k3-p1', 'in1-k3-s3-p1']
    """
    random = np.random.default_rng(seed)
    ranges = {n: _Ranges([conv for conv in convs if conv.ndim == n]) for n in dict.fromkeys(c.ndim for c in convs)}
    drawn = set(convs)
    for _ in range(8 * most):
        if most <= 0:
            return
        like = convs[int(random.integers(len(convs)))]
        try:
            conv = replace(like, **ranges[like.ndim].changes(like, random))
        except ValueError:  # a kernel that is larger than its input
            continue
        if conv not in drawn and conv not in known and conv.terms <= max(MAX_TERMS, like.terms):
            drawn.add(conv)
            most -= 1
            yield conv


class _Ranges:
    """What the geometries of a grid, all with as many axes, have in their parameters."""

    def __init__(self, convs: Sequence[Conv]) -> None:
        self.ndim = convs[0].ndim
        self.values: dict[str, list[Any]] = {
            name: list(dict.fromkeys(getattr(conv, name) for conv in convs))
            for name in ("input", "kernel", "stride", "padding", "dilation", "batch", "in_channels", "out_channels")
        }
        #: a grid of one size is a question about its parameters
        self.beyond = BEYOND if len(self.values["input"]) > 1 or len(self.values["kernel"]) > 1 else {}

    def changes(self, like: Conv, random: np.random.Generator) -> dict[str, Any]:
        """Parameters in place of those of ``like``."""
        few, squared = bool(random.integers(2)), not random.integers(4)
        found: dict[str, Any] = {}
        for name in ("input", "kernel"):
            axes = [set(values) for values in zip(*self.values[name], strict=True)]
            sizes = tuple(
                _between(random, 1, min(max(axis), 3) if few else max(axis)) if len(axis) > 1 else max(axis)
                for axis in axes
            )
            found[name] = sizes[:1] * self.ndim if squared and all(sizes[0] in axis for axis in axes) else sizes
        for name in ("stride", "dilation", "padding"):
            if len(self.values[name]) == 1 or not random.integers(3):
                found[name] = self.values[name][_between(random, 0, len(self.values[name]) - 1)]
            else:
                found[name] = self._steps(name, random)
        for name in ("batch", "in_channels", "out_channels"):
            if len(self.values[name]) > 1:
                count = _between(random, 1, max(self.values[name]))
                found[name] = count if name == "batch" else max(1, count // like.groups) * like.groups
        return found

    def _steps(self, name: str, random: np.random.Generator) -> tuple[Any, ...]:
        """Strides, dilations or paddings: the same on all axes and sides unless the grid has others."""
        flat = [v if isinstance(v, tuple) else (v,) for values in self.values[name] for v in values]
        low, high = (0 if name == "padding" else 1), max(map(max, flat)) + self.beyond.get(name, 0)
        oblong = any(len(set(values)) > 1 for values in self.values[name]) and random.integers(2)
        uneven = any(len(set(pair)) > 1 for pair in flat) and random.integers(2)
        numbers = random.integers(low, high + 1, (self.ndim, 2)).tolist()
        numbers = numbers if oblong else numbers[:1] * self.ndim
        return tuple((p, q if uneven else p) if name == "padding" else p for p, q in numbers)


def _between(random: np.random.Generator, low: int, high: int) -> int:
    return int(random.integers(low, high + 1))


def surveyed(job: Job, found: Found, allowed: Callable[[Conv], bool], jobs: int | None) -> Found:
    """What was found, with the geometries that its rules were held against in rounds, up to one that contradicts none of them."""
    convs = [case.conv for case in found.documented]
    began = time.monotonic()
    for number in range(ROUNDS):
        rules = {name: each for name, each in found.all_conditions.items() if each.constant is None}
        if not rules or time.monotonic() - began > ENOUGH:
            break
        known = {case.conv for case in (*found.challenge, *found.survey)}
        fresh = [conv for conv in wide(convs, [job.seed, 13, number], SURVEY, known) if allowed(conv)]
        contradicted = partial(_contradicted, rules, found.outputs)
        cases = _judged(job, fresh, contradicted, jobs, began)
        unsettled = {name for case in cases for name in contradicted(case)}
        found = replace(found, survey=(*found.survey, *cases), unsettled=frozenset(unsettled))
        if not unsettled:
            break
    return found


def _contradicted(rules: dict[str, Condition], outputs: Sequence[str], case: Case) -> list[str]:
    """The conditions whose rule is not true of a case; without a rule, those that it breaks the parts of."""
    row = table_of([case.conv])
    wrong = []
    for name, condition in rules.items():
        if name == "refuses":
            holds = case.refuses()
        elif not case.answered():
            continue
        else:
            holds = case.right((name,) if name else outputs)
        if not condition.allows(row, holds):
            wrong.append(name)
    return wrong


def _judged(
    job: Job, fresh: Sequence[Conv], doubtful: Callable[[Case], list[str]], jobs: int | None, began: float
) -> tuple[Case, ...]:  # fmt: skip
    """The geometries with their verdicts; without those that there is no time for."""
    seen: dict[int, Case] = {}
    left: list[int] = []
    for start in range(0, len(fresh), TOGETHER):
        if time.monotonic() - began > ENOUGH:
            break
        for number, verdict in enumerate(_briefly(job, fresh[start : start + TOGETHER]), start):
            case = Case(fresh[number], verdict) if verdict is not None and verdict.status != "limit" else None
            if case is None or doubtful(case):
                left.append(number)
            else:
                seen[number] = case
    chosen = [(number, fresh[number]) for number in left[:BY_THEMSELVES]]
    for number, verdict in sweep(job, chosen, jobs) if chosen else ():
        if verdict.status != "limit":
            seen[number] = Case(fresh[number], verdict)
    return tuple(seen[number] for number in sorted(seen))


def _briefly(job: Job, convs: Sequence[Conv]) -> list[CaseVerdict | None]:
    """What each geometry comes to among the others, None where that is not clear."""
    if job.mode == "adjoint" or job.engine == "symbolic":
        return [None for _ in convs]
    answer = supervisor.ask(job.run, job.target.source, Chunk(job.task(None), tuple(convs), ()))
    if not isinstance(answer, list):
        return [None for _ in convs]
    return [each.seen if isinstance(each, Left) else each for each in answer]
