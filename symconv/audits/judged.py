"""Every case of an audit judged, each by itself or very many in a sweep, and the smallest failures once more for their
expressions."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from symconv.audits.arrays import OUTPUTS, face_of
from symconv.audits.case import Case
from symconv.audits.grids import MAX_AUDITED
from symconv.audits.judge import CaseVerdict
from symconv.audits.measures import size_of
from symconv.audits.plan import Plan
from symconv.audits.result import Failure, Outcome
from symconv.audits.results import Known, ResultsFile
from symconv.audits.sandbox import supervisor
from symconv.audits.sweep import Job, judge_case, shuffled, sweep, sweep_blocks
from symconv.audits.swept import Swept
from symconv.layer.conv import Conv

__all__ = ["BULK", "PENDING", "Many", "judged", "with_unlike"]

#: more cases than this are judged in a sweep unless it is said otherwise
BULK = 2_000

#: the verdict of a case that has none yet
PENDING = CaseVerdict(status="error", message="not judged")


class Many:
    """Cases that are too many to be kept: made whenever they are gone through, always in the same order."""

    def __init__(self, make: Callable[[], Iterator[Case]], outside: Callable[[Conv], str | None]) -> None:
        self._make, self.outside = make, outside

    def __iter__(self) -> Iterator[Case]:
        return self._make()

    def __len__(self) -> int:
        return self.counted[0]

    @cached_property
    def counted(self) -> tuple[int, str]:
        """How many there are, and a hash of them; ValueError for more than may be audited."""
        return _counted(self)


def _counted(cases: Iterable[Case]) -> tuple[int, str]:
    digest, count = hashlib.sha256(), 0
    for count, case in enumerate(cases, start=1):
        if count > MAX_AUDITED:
            raise ValueError(f"the grid has more than {MAX_AUDITED:,} cases")
        digest.update(case.conv.slug.encode() + b"\n")
    return count, digest.hexdigest()


def judged(job: Job, cases: Sequence[Case] | Many, plan: Plan, first: Mapping[int, CaseVerdict]) -> Outcome:
    """Every case judged (the ``first`` have been), the smallest failures once more for their expressions."""
    fingerprint = supervisor.ask(job.run, job.target.source, job.task(None))
    swept = None
    if isinstance(cases, Many):
        swept = _swept(job, cases, plan, first, fingerprint)
        done: tuple[Case, ...] = swept.kept
    else:
        verdicts = _verdicts(job, cases, plan, first, fingerprint)
        done = tuple(replace(case, verdict=verdict) for case, verdict in zip(cases, verdicts, strict=True))
    returned = {name for case in done for name in case.verdict.outputs} if swept is None else swept.returned()
    names = _outputs_judged(returned, job.mode, plan.outputs)
    failures = _smallest_failures(job, done, names)
    return Outcome(
        job.target.label, "", job.mode, names, done, failures, job.seed, fingerprint=fingerprint, swept=swept
    )


def _verdicts(
    job: Job, cases: Sequence[Case], plan: Plan, first: Mapping[int, CaseVerdict], fingerprint: str
) -> list[CaseVerdict]:  # fmt: skip
    """The verdicts in the order of the cases; those in the results file are taken from there."""
    found: dict[int, CaseVerdict] = {}
    file = None
    if plan.results is not None:
        file = ResultsFile(plan.results, _header(job, *_counted(cases), fingerprint), plan.resume)
        found.update(file.done)

    def taken(number: int, verdict: CaseVerdict) -> None:
        found[number] = verdict
        if file:
            file.add(number, cases[number].conv, verdict)
        if plan.progress:
            plan.progress(len(found), len(cases))

    try:
        if plan.progress:
            plan.progress(len(found), len(cases))
        for number in first.keys() - found.keys():
            taken(number, first[number])
        todo = [(i, cases[i].conv) for i in shuffled(len(cases), job.seed) if i not in found]
        if todo:
            for number, verdict in sweep(job, todo, plan.jobs, plan.backend, plan.scheduler):
                taken(number, verdict)
    finally:
        if file:
            file.close()
    return [found[i] for i in range(len(cases))]


@dataclass
class _Sweep:
    """A sweep as it goes: what is known goes into the counts as it is passed by."""

    cases: Many
    known: Mapping[int, CaseVerdict]
    swept: Swept
    done: int = 0
    #: cases are handed out in one thread and come back in another
    lock: threading.Lock = field(default_factory=threading.Lock)

    def handed_out(self) -> Iterator[tuple[int, Conv]]:
        for number, case in enumerate(self.cases):
            verdict = self.known.get(number)
            if verdict is not None:
                self.add(number, replace(case, verdict=verdict))
            yield number, case.conv

    def add(self, number: int, case: Case) -> None:
        with self.lock:
            self.swept.add(number, case)
            self.done += 1


def _swept(
    job: Job, cases: Many, plan: Plan, first: Mapping[int, CaseVerdict], fingerprint: str
) -> Swept:  # fmt: skip
    """Very many cases judged and counted; of those in the results file the verdicts are taken from there."""
    count, digest = cases.counted
    file = None
    known: Mapping[int, CaseVerdict] = first
    if plan.results is not None:
        header = _header(job, count, digest, fingerprint) | {"bulk": True}
        file = ResultsFile(plan.results, header, plan.resume, Known(count))
        new = [(i, verdict) for i, verdict in first.items() if i not in file.done]
        file.add_all((number, _at(cases, number).conv, verdict) for number, verdict in new)
        file.done.update(new)
        known = file.done
    going = _Sweep(cases, known, Swept(job.seed))
    try:
        for block in sweep_blocks(job, going.handed_out(), known, plan.jobs, plan.backend, plan.scheduler):
            if file:
                file.add_all(block)
            for number, conv, verdict in block:
                going.add(number, Case(conv, verdict, cases.outside(conv)))
            if plan.progress:
                plan.progress(going.done, count)
    finally:
        if file:
            file.close()
    return going.swept


def _at(cases: Iterable[Case], number: int) -> Case:
    return next(case for i, case in enumerate(cases) if i == number)


def _header(job: Job, count: int, digest: str, fingerprint: str) -> dict[str, Any]:
    return {
        "symconv_audit": 1, "function": job.target.label, "code": fingerprint, "convention": job.convention or "adapter",
        "forward": job.target.forward, "adapter": job.target.adapter, "mode": job.mode,
        "outputs": list(job.outputs) if job.outputs else None,
        "engine": job.engine, "seed": job.seed, "time_limit": job.time_limit, "memory_limit": job.memory_limit,
        "once": job.once, "truth": job.truth, "cases": count, "grid": digest,
    }  # fmt: skip


def with_unlike(job: Job, found: Outcome, unlike: Case) -> dict[str, Any]:
    """What is found anew where one case that was right is wrong in another interpreter."""
    before = next(case for case in found.cases if case.conv == unlike.conv)
    others = tuple(unlike if case is before else case for case in found.cases)
    if found.swept is not None:
        found.swept.amend(before, unlike)
    told = _smallest_failures(replace(job, anew=True), [unlike], found.outputs)
    return {"cases": others, "failures": (*found.failures, *told)}


def _outputs_judged(seen: set[str], mode: str, declared: Sequence[str] | None) -> tuple[str, ...]:
    """The outputs that the function returns in some case; all that are expected, when it returns none."""
    if mode == "forward":
        return ("y",)
    returns = set(face_of(mode).returns)
    expected = set(declared) & returns if declared else (seen or returns)
    return tuple(name for name in OUTPUTS if name in expected | seen)


def _smallest_failures(job: Job, cases: Sequence[Case], outputs: Sequence[str]) -> tuple[Failure, ...]:
    """For each output the smallest documented case in which it is wrong, judged once more for its expressions."""
    chosen: dict[str, Case] = {}
    for output in outputs:
        wrong = [c for c in cases if c.outside is None and c.status(output) in ("value", "shape", "error")]
        if wrong:
            chosen[output] = min(wrong, key=lambda case: size_of(case.conv))
    explained: dict[Conv, CaseVerdict] = {}
    failures = []
    for output, case in chosen.items():
        if case.verdict.status:
            failures.append(Failure(output, case.conv, "error", message=case.verdict.message, where=case.verdict.where))
            continue
        if case.conv not in explained:
            explained[case.conv] = judge_case(
                replace(job, time_limit=max(job.time_limit, 30.0)), case.conv, explain=True
            )
        verdict = explained[case.conv]
        told = dict(
            verdict.failures.get(output, {"note": f"not explained: {verdict.message or 'right when it was run again'}"})
        )
        told.pop("output", None)
        for key in ("index", "missing", "extra"):
            told[key] = tuple(told[key]) if told.get(key) is not None else (None if key == "index" else ())
        chance = [finding for finding in case.verdict.findings if finding.startswith("not deterministic")]
        failures.append(
            Failure(output, case.conv, case.status(output), **(told | ({"note": chance[0]} if chance else {})))
        )
    return tuple(failures)
