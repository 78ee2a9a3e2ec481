"""What an audit tries beside its grid: fresh geometries, and the function's own forward pass where it is wrong."""

from __future__ import annotations

import os
from dataclasses import replace

from symconv.audits.case import Case
from symconv.audits.challenge import CHALLENGES, drawn, telling
from symconv.audits.condition import rivals
from symconv.audits.conventions import Convention
from symconv.audits.grids import is_square
from symconv.audits.result import Outcome
from symconv.audits.sweep import Job, judge_case, sweep
from symconv.layer.conv import Conv

__all__ = ["by_own_forward", "challenged"]


def challenged(job: Job, found: Outcome, rules: Convention, square: bool) -> tuple[Case, ...]:
    """Fresh geometries judged: in rounds those on which rules that fit all before disagree, then others."""
    convs = [case.conv for case in found.documented]
    pool = [
        c for c in drawn(convs, job.seed) if rules.outside(c) is None and not (square and not is_square(c))
    ] if convs else []  # fmt: skip
    judged: tuple[Case, ...] = ()
    for last in (False, False, True):
        chosen: list[Conv] = []
        tried = [*found.documented, *judged]
        answered = [case for case in tried if case.answered()]
        asked = [
            (answered, [c.right(names) for c in answered]) for names in (found.outputs, *((n,) for n in found.outputs))
        ]
        known_to = [case for case in tried if case.verdict.status != "limit"]
        asked.append((known_to, [c.refuses() for c in known_to]))
        known = {case.conv for case in judged}
        for cases, holds in asked:
            left = [conv for conv in pool if conv not in known and conv not in chosen]
            chosen += telling(left, rivals([case.conv for case in cases], holds), CHALLENGES // 2)
        if last or not chosen:
            left = [conv for conv in pool if conv not in known and conv not in chosen]
            chosen += left[: max(0, CHALLENGES - len(judged) - len(chosen))]
        verdicts = dict(sweep(job, list(enumerate(chosen)), os.cpu_count() or 1)) if chosen else {}
        judged += tuple(Case(conv, verdicts[i]) for i, conv in enumerate(chosen))
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
