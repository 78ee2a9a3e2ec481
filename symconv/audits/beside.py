"""What an audit tries beside its grid: fresh geometries, another interpreter, and the function's own forward pass where it is
wrong."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from symconv.audits.case import Case
from symconv.audits.challenge import CHALLENGES, drawn, near_misses, strangers, telling
from symconv.audits.result import Outcome, size_of
from symconv.audits.rules import rivals, table_of
from symconv.audits.sweep import Job, judge_case, sweep
from symconv.layer.conv import Conv

__all__ = ["by_own_forward", "challenged", "in_another_interpreter"]

#: names in a source by which what it computes can be another thing in each interpreter: chance, hashes, clocks, the system
_CHANGING = frozenset(
    (
        "random",
        "rand",
        "randn",
        "hash",
        "set",
        "frozenset",
        "id",
        "time",
        "datetime",
        "uuid",
        "secrets",
        "os",
        "sys",
        "glob",
    )
)

ANOTHER = "not deterministic: in another interpreter it gives another result (by chance when it is loaded, or the order of a set)"


def challenged(job: Job, found: Outcome, allowed: Callable[[Conv], bool], jobs: int | None) -> tuple[Case, ...]:
    """Fresh geometries judged, of those that are ``allowed``: in rounds those on which rules that fit all before disagree, and
    those that lack one thing of the rule; then others."""
    convs = [case.conv for case in found.documented]
    pool = list(filter(allowed, drawn(convs, job.seed))) if convs else []
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
            if fitting and not last:  # or something that all of them have beside?
                left = [i for i in left if i not in chosen]
                chosen += [left[i] for i in strangers(table[left], fitting[0], table_of([c.conv for c in cases]))]
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


def in_another_interpreter(job: Job, found: Outcome) -> Case | None:
    """The smallest right case as it comes out in an interpreter that loads the code anew, if it is wrong there.

    It is tried where the source can make a difference between interpreters at all.
    """
    right = [case for case in found.documented if case.right(found.outputs)]
    if job.once or job.anew or not right or not _changes(job.target.source.text):
        return None
    case = min(right, key=lambda each: size_of(each.conv))
    verdict = judge_case(replace(job, anew=True, once=True), case.conv)
    if verdict.status == "limit" or all(verdict.outputs.get(name) == "ok" for name in found.outputs):
        return None
    verdict.findings.append(ANOTHER)
    return replace(case, verdict=verdict)


def _changes(text: str | None) -> bool:
    """Whether a source (unknown: yes) has a set, or a name by which it can compute another thing in each interpreter."""
    if text is None:
        return True
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except SyntaxError:
        return True
    names = {getattr(node, "id", None) or getattr(node, "attr", None) for node in nodes}
    return bool(names & _CHANGING) or any(isinstance(node, ast.Set | ast.SetComp) for node in nodes)
