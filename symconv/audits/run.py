"""``audit``: a person's function held against the derivative, on every geometry of a grid."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import secrets
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from symconv.algebra.comparisons import Comparison, in_words
from symconv.audits.arrays import MODES, OUTPUTS, SECOND, face_of
from symconv.audits.begin import AUTO, call_of, inferred_call, tried
from symconv.audits.beside import by_own_forward, challenged, in_another_interpreter
from symconv.audits.case import Case
from symconv.audits.conventions import Adapter, Convention, convention_named
from symconv.audits.grids import MAX_AUDITED, default_grid, enough, is_square, numbered
from symconv.audits.inference.reading import Reading
from symconv.audits.inference.settle import Settled
from symconv.audits.judge import ENGINES, CaseVerdict
from symconv.audits.limits import check_limits
from symconv.audits.mistakes import CallMistake
from symconv.audits.proved import with_proof
from symconv.audits.reports.page import fragment
from symconv.audits.reports.text import as_text
from symconv.audits.result import Failure, Outcome, size_of
from symconv.audits.sandbox import supervisor
from symconv.audits.sandbox.system import check_system
from symconv.audits.sandbox.target import Source, Target, target_of
from symconv.audits.spread import BACKENDS
from symconv.audits.sweep import Job, ResultsFile, judge_case, shuffled, sweep
from symconv.audits.truth import check_forward, said_as_formula
from symconv.layer.conv import Conv
from symconv.proof.assumptions import assumptions, hold_for

__all__ = ["Audit", "audit"]

#: called with (cases done, cases in all) as an audit goes
Progress = Callable[[int, int], None]


class Audit(Outcome):
    """What was found, ready to be shown: ``ok`` when some documented case is right and none is wrong."""

    def __str__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return fragment(self)


def audit(
    function: str | os.PathLike[str] | Callable[..., Any], convention: str | Adapter = AUTO, *,
    forward: str | Callable[..., Any] | None = None, adapter: str | Adapter | None = None, mode: str = "backward",
    outputs: Sequence[str] | None = None, grid: str | Iterable[Conv] = "default", square: bool = False, engine: str = "auto",
    jobs: int | None = None, time_limit: float = 10.0, memory_limit: int = 1024, backend: str = "local",
    scheduler: str | None = None, results: str | os.PathLike[str] | None = None, resume: bool = False, seed: int | None = None,
    progress: Progress | None = None, definitions: bool = False, once: bool = False, trial: bool = True, assume: str = "",
    proof: bool = True,
) -> Audit:  # fmt: skip
    """Hold a function's dx, dw and db (or y) against the derivative of the convolution, on every geometry of ``grid``.

    ``function`` is a function or class, or ``"FILE.py:NAME"``. ``convention`` says how it is called: "auto" finds out, by names
    and by a call; or "plain", "cs231n", "coursera", "layer", or an adapter ``adapter(fn, x, w, b, dy, conv)`` that returns a
    dict with some of y, dx, dw, db in PyTorch's layouts (also given as ``adapter``, there by name if it is in the same file).
    ``mode`` is "backward"; "forward" to judge y; or "adjoint" to hold a backward against its own ``forward``. A ``forward`` that
    is a formula, ``"y[i] = sum(w[K-1-k] * x[i+k], k)"``, is a forward pass whose derivative is due. ``outputs`` names what is
    returned, in order, where it is not dx, dw, db. Mode "second", which the convention "double-backward" implies, judges ddy,
    ddx, ddw; an adapter is then ``adapter(fn, v_x, v_w, v_b, dy, x, w, conv)``. ``grid`` is "default" (180 cases, and more for a
    function that takes more than one stride and padding), "quick" (45), "minimal" or geometries; ``square`` leaves out those with
    oblong kernels and those outside the convention's documentation, ``assume`` (``"p == 0, K odd"``) those in which it fails.

    The code is executed, each case in two processes, one that serves many and one that was fresh a few cases ago, and in two
    of its own where these differ or it raises. A case may take ``time_limit`` seconds and ``memory_limit`` megabytes more
    than it begins with. ``engine`` is "auto", "symbolic" or "exact". ``jobs`` processes work at a time (as many as there are
    cores); ``backend`` "dask" sends the cases to the cluster of ``scheduler``. ``results`` is a file of JSON lines that
    verdicts are appended to as they come, and that ``resume`` continues. With ``once`` a case is called in one process and
    one order only: what depends on earlier calls is not seen. Points and further geometries are drawn from ``seed``: a random
    one unless given, which the report tells. Where the source can be read, ``proof`` says for every size what the cases show.

    Raises ValueError for what makes no sense, for code that does not load, and for a call that is mistaken, which a case tried
    first shows: no verdict comes of it. Without ``trial`` it does, as a grader wants: what fails in the call is wrong.

    >>> import numpy as np
    >>> def backward(x, w, b, dy, stride, padding):   # db alone, and it forgets the batch
    ...     return None, None, dy[0].sum(axis=(1, 2))
    >>> result = audit(backward, grid="quick")
    >>> result
    <audit of ...backward: not right; 18 right, 27 wrong of 45 cases>
    >>> print(result.condition.text)
    right exactly when N = 1, on all 45 cases tried
    """
    began = time.monotonic()
    _check(mode, engine, backend, resume and results is None)
    check_limits(time_limit, memory_limit, jobs, seed)
    adapter = convention if callable(convention) else adapter
    forward, truth = said_as_formula(forward, mode)
    call = call_of(function, convention, forward, adapter, mode, definitions)
    rules = convention_named(adapter if callable(adapter) else call.convention)
    mode = _mode_for(rules, mode, adapter is not None, outputs)
    plan = _Plan(function, forward, adapter, mode, tuple(outputs) if outputs else None, grid, square, engine, jobs, time_limit,
                 memory_limit, backend, scheduler, results, resume, _seed(results, resume) if seed is None else seed,
                 progress, definitions, once, trial, assume, truth, proof)  # fmt: skip
    try:
        found = _audited(plan, call)
    except CallMistake:
        if not call.tentative:
            raise
        call = inferred_call(function, forward, mode, definitions)
        found = _audited(plan, call)
    return replace(found, inferred=call.lines, once=once, seconds=time.monotonic() - began)


@dataclass(frozen=True)
class _Plan:
    """What an audit was asked for."""

    function: str | os.PathLike[str] | Callable[..., Any]
    forward: str | Callable[..., Any] | None
    adapter: str | Adapter | None
    mode: str
    outputs: tuple[str, ...] | None
    grid: str | Iterable[Conv]
    square: bool
    engine: str
    jobs: int | None
    time_limit: float
    memory_limit: int
    backend: str
    scheduler: str | None
    results: str | os.PathLike[str] | None
    resume: bool
    seed: int
    progress: Progress | None
    definitions: bool
    once: bool
    trial: bool
    assume: str
    truth: str | None
    proof: bool

    @property
    def assumed(self) -> tuple[Comparison, ...]:
        return assumptions(self.assume) if self.assume else ()


def _audited(plan: _Plan, call: Settled) -> Audit:
    """The audit of a function that is called so."""
    adapter, mode, reading = plan.adapter, plan.mode, call.reading
    rules = convention_named(adapter if callable(adapter) else call.convention)
    forward = plan.forward or _own_forward(plan.function, reading)
    has_forward = forward is not None or call.convention == "layer" or (reading is not None and reading.kind == "class")
    if mode == "adjoint" and not has_forward:
        raise ValueError("mode adjoint holds a backward function against its own forward function; name that one too")
    cases = _cases(plan, rules, call)
    target, workers = _loaded(plan.function, forward, adapter, plan.definitions)
    job = Job(workers, target, None if adapter else call.convention, mode, plan.outputs, plan.engine, plan.seed,
              plan.time_limit, plan.memory_limit, plan.once, truth=plan.truth)  # fmt: skip
    try:
        first: dict[int, CaseVerdict] = {}
        if plan.trial or call.tentative:
            job, first = tried(job, cases, call, rules, plan.function, adapter is not None)
        found = _judged(job, cases, plan, first)
        if plan.trial and (unlike := in_another_interpreter(job, found)):
            others = tuple(unlike if case.conv == unlike.conv else case for case in found.cases)
            told = _smallest_failures(replace(job, anew=True), [unlike], found.outputs)
            found = replace(found, cases=others, failures=(*found.failures, *told))
        own = by_own_forward(job, found) if mode == "backward" and has_forward else {}
        found = replace(
            found, challenge=challenged(job, found, rules, plan.square, plan.jobs, plan.assumed), own_forward=own
        )
    finally:
        supervisor.release(job.run)
    name = adapter if isinstance(adapter, str) else rules.name
    found = replace(found, convention=name, assumed=plan.assume, truth=plan.truth)
    return with_proof(found, plan.function, call, plan.forward) if plan.proof and adapter is None else found


def _own_forward(function: Any, reading: Reading | None) -> Any:
    """The forward function that an inferred call needs, from beside the function."""
    if reading is None or reading.forward_name is None:
        return None
    if callable(function):
        return getattr(function, "__globals__", {}).get(reading.forward_name)
    return reading.forward_name


def _seed(results: str | os.PathLike[str] | None, resume: bool) -> int:
    """A seed that nobody knows before, or that of the results which are continued."""
    if results is not None and resume:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError), open(results, encoding="utf-8") as file:
            return int(json.loads(file.readline())["seed"])
    return secrets.randbelow(10**6)


#: the verdict of a case that has none yet
_PENDING = CaseVerdict(status="error", message="not judged")


def _judged(job: Job, cases: Sequence[Case], plan: _Plan, first: Mapping[int, CaseVerdict]) -> Audit:
    """Every case judged (the ``first`` have been), the smallest failures once more for their expressions."""
    fingerprint = supervisor.ask(job.run, job.target.source, job.task(None))
    verdicts = _verdicts(job, cases, plan, first, fingerprint)
    judged = tuple(replace(case, verdict=verdict) for case, verdict in zip(cases, verdicts, strict=True))
    names = _outputs_judged(judged, job.mode, plan.outputs)
    failures = _smallest_failures(job, judged, names)
    return Audit(job.target.label, "", job.mode, names, judged, failures, job.seed, fingerprint=fingerprint)


def _mode_for(rules: Convention, mode: str, adapted: bool, outputs: Sequence[str] | None) -> str:
    """What is judged of functions that are called so; ValueError where that is something else than was asked for."""
    if rules.face is SECOND and mode == "backward":
        mode = "second"
    if not adapted and rules.face is not face_of(mode):
        told = ", ".join(rules.face.returns)
        raise ValueError(f"mode {mode}: functions of the convention {rules.name!r} return {told}")
    known = face_of(mode).outputs
    if outputs is not None and (not outputs or not set(outputs) <= set(known) or len(set(outputs)) < len(outputs)):
        raise ValueError(f"outputs {', '.join(outputs)}: some of {', '.join(known)}, each once")
    return mode


def _check(mode: str, engine: str, backend: str, nothing_to_resume: bool) -> None:
    """ValueError for what makes no sense, and where audits are not possible."""
    check_system()
    _check_choice("mode", mode, MODES)
    _check_choice("engine", engine, ENGINES)
    _check_choice("backend", backend, BACKENDS)
    if nothing_to_resume:
        raise ValueError("resume needs the results file that it is to continue")


def _cases(plan: _Plan, rules: Convention, call: Settled) -> list[Case]:
    """The geometries of the grid, not judged yet, each with the reason why the convention does not cover it, if so."""
    convs = [conv for conv in _geometries(plan.grid, call, rules) if hold_for(plan.assumed, conv)]
    if not convs:
        raise ValueError(f"no case of the grid has {in_words(plan.assumed)}")
    check_forward(plan.truth, convs)
    cases = [Case(conv, _PENDING, rules.outside(conv)) for conv in convs]
    if plan.square:
        cases = [case for case in cases if case.outside is None and is_square(case.conv)]
        if not cases:
            raise ValueError("no case of the grid is square")
    return cases


def _check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    if value not in choices:
        raise ValueError(f"no {name} {value!r}; there are {', '.join(choices)}")


def _geometries(grid: str | Iterable[Conv], call: Settled, rules: Convention) -> list[Conv]:
    if isinstance(grid, str):
        return enough(default_grid(grid, takes=call.takes, ndim=call.ndim), rules.outside)
    convs = list(grid)
    if not convs:
        raise ValueError("the grid is empty")
    if len(convs) > MAX_AUDITED:
        raise ValueError(f"the grid has {len(convs):,} cases, more than {MAX_AUDITED:,}")
    for conv in convs:
        if not isinstance(conv, Conv):
            raise TypeError(f"a grid is made of Conv, not {conv!r}")
    return list(dict.fromkeys(map(numbered, convs, itertools.count())))


def _loaded(
    function: str | os.PathLike[str] | Callable[..., Any],
    forward: str | Callable[..., Any] | None,
    adapter: str | Adapter | None,
    definitions: bool = False,
) -> tuple[Target, str]:
    """The target, known to load in a worker process, and the name of the run that has the worker.

    A function goes by the name of its module, which the worker imports; one whose module cannot be imported there (a
    notebook, a test) goes by value.
    """
    run = uuid.uuid4().hex
    probe = Job(run, Target("", _no_source()), None, "backward", None, "auto", 0, 60.0, 1024)
    for by_value in (False, True):
        target = target_of(function, forward, adapter, by_value=by_value, definitions=definitions)
        try:
            supervisor.ask(run, target.source, replace(probe, target=target).task(None))
        except supervisor.CannotImport:
            if by_value or not (callable(function) or callable(adapter)):
                raise
        else:
            return target, run
    raise AssertionError("unreachable")


def _no_source() -> Any:
    return Source(None, None, None, ())


def _verdicts(
    job: Job, cases: Sequence[Case], plan: _Plan, first: Mapping[int, CaseVerdict], fingerprint: str
) -> list[CaseVerdict]:  # fmt: skip
    """The verdicts in the order of the cases; those in the results file are taken from there."""
    found: dict[int, CaseVerdict] = {}
    file = None
    if plan.results is not None:
        file = ResultsFile(plan.results, _header(job, cases, fingerprint), plan.resume)
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


def _header(job: Job, cases: Sequence[Case], fingerprint: str) -> dict[str, Any]:
    digest = hashlib.sha256()
    for case in cases:
        digest.update(case.conv.slug.encode() + b"\n")
    return {
        "symconv_audit": 1, "function": job.target.label, "code": fingerprint, "convention": job.convention or "adapter",
        "forward": job.target.forward, "adapter": job.target.adapter, "mode": job.mode,
        "outputs": list(job.outputs) if job.outputs else None,
        "engine": job.engine, "seed": job.seed, "time_limit": job.time_limit, "memory_limit": job.memory_limit,
        "once": job.once, "truth": job.truth, "cases": len(cases), "grid": digest.hexdigest(),
    }  # fmt: skip


def _outputs_judged(cases: Sequence[Case], mode: str, declared: Sequence[str] | None) -> tuple[str, ...]:
    """The outputs that the function returns in some case; all that are expected, when it returns none."""
    if mode == "forward":
        return ("y",)
    seen = {name for case in cases for name in case.verdict.outputs}
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
