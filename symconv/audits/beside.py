"""What an audit tries beside its grid: fresh geometries, and the function's own forward pass where it is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symconv.algebra.comparisons import Comparison
from symconv.audits.case import Case
from symconv.audits.challenge import CHALLENGES, drawn, near_misses, telling
from symconv.audits.condition import rivals, table_of
from symconv.audits.conventions import Convention
from symconv.audits.grids import is_square
from symconv.audits.result import Outcome
from symconv.audits.sweep import Job, judge_case, sweep
from symconv.proof.assumptions import hold_for

__all__ = ["by_own_forward", "challenged"]


def challenged(
    job: Job, found: Outcome, rules: Convention, square: bool, jobs: int | None, assumed: Sequence[Comparison] = ()
) -> tuple[Case, ...]:
    """Fresh geometries judged: in rounds those on which rules that fit all before disagree, and those that lack one thing of the
    rule; then others. In all of them hold the comparisons that are ``assumed``."""
    convs = [case.conv for case in found.documented]
    pool = [
        c for c in drawn(convs, job.seed)
        if rules.outside(c) is None and not (square and not is_square(c)) and hold_for(assumed, c)
    ] if convs else []  # fmt: skip
    table = table_of(pool)
    judged: tuple[Case, ...] = ()
    used: set[int] = set()
    for last in (False, False, True):
        tried = [*found.documented, *judged]
        answered = [case for case in tried if case.answered()]
        asked = [
            (answered, [c.right(names) for c in answered]) for names in (found.outputs, *((n,) for n in found.outputs))
        ]
        known_to = [case for case in tried if case.verdict.status != "limit"]
        asked.append((known_to, [c.refuses() for c in known_to]))
        chosen: list[int] = []
        for cases, holds in {tuple(holds): (cases, holds) for cases, holds in asked}.values():
            left = [i for i in range(len(pool)) if i not in used and i not in chosen]
            fitting = rivals([case.conv for case in cases], holds)
            chosen += [left[i] for i in telling(table[left], fitting, CHALLENGES // 2)]
            if fitting and not judged:  # once: is it the rule, and each part of it, that decides?
                left = [i for i in left if i not in chosen]
                chosen += [left[i] for i in near_misses(table[left], fitting[0])]
        if last or not chosen:
            left = [i for i in range(len(pool)) if i not in used and i not in chosen]
            chosen += left[: max(0, CHALLENGES - len(judged) - len(chosen))]
        used.update(chosen)
        numbered = [(i, pool[i]) for i in dict.fromkeys(chosen)]
        verdicts = dict(sweep(job, numbered, jobs)) if numbered else {}
        judged += tuple(Case(conv, verdicts[i]) for i, conv in numbered)
        if len(judged) >= CHALLENGES and not chosen:
            break
    return judged


def by_own_forward(job: Job, found: Outcome) -> dict[str, bool]:
    """For each wrong output whether it is the derivative of the function's own forward pass, at its smallest failure."""
    told = {}
    for failure in found.failures:
        if failure.status in ("value", "shape"):
            verdict = judge_case(replace(job, mode="adjoint"), failure.conv)
            if not verdict.status and failure.output in verdict.outputs:
                told[failure.output] = verdict.outputs[failure.output] == "ok"
    return told
