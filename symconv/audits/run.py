"""``audit``: a person's function held against the derivative, on every geometry of a grid."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import secrets
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from symconv.algebra.comparisons import in_words
from symconv.audits.arrays import MODES, SECOND, face_of
from symconv.audits.begin import AUTO, call_of, inferred_call, tried
from symconv.audits.beside import by_own_forward, challenged, in_another_interpreter
from symconv.audits.case import Case
from symconv.audits.conventions import Adapter, Convention, convention_named
from symconv.audits.grids import MAX_AUDITED, Grid, default_grid, enough, is_square, numbered
from symconv.audits.inference.reading import Reading
from symconv.audits.inference.settle import Settled
from symconv.audits.judge import ENGINES, CaseVerdict
from symconv.audits.judged import BULK, PENDING, Many, judged, with_unlike
from symconv.audits.limits import check_limits
from symconv.audits.mistakes import CallMistake
from symconv.audits.plan import Plan, Progress
from symconv.audits.proved import with_proof
from symconv.audits.reports.page import fragment
from symconv.audits.reports.text import as_text
from symconv.audits.result import Outcome
from symconv.audits.sandbox import supervisor
from symconv.audits.sandbox.system import check_system
from symconv.audits.sandbox.target import Source, Target, target_of
from symconv.audits.spread import check_backend
from symconv.audits.survey import surveyed
from symconv.audits.sweep import Job
from symconv.audits.truth import check_forward, said_as_formula
from symconv.layer.conv import Conv
from symconv.proof.assumptions import hold_for

__all__ = ["Audit", "audit"]

#: of a very large grid the one case that is tried first is among so many
TRIED = 500


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
    proof: bool = True, bulk: bool | None = None,
) -> Audit:  # fmt: skip
    """Hold a function's dx, dw and db (or y) against the derivative of the convolution, on every geometry of ``grid``.

    ``function`` is a function or class, or ``"FILE.py:NAME"``. ``convention`` says how it is called: "auto" finds out, by names
    and by a call; or "plain", "cs231n", "coursera", "layer", or an adapter ``adapter(fn, x, w, b, dy, conv)`` that returns a dict
    with some of y, dx, dw, db in PyTorch's layouts (also given as ``adapter``, there by name if it is in the same file). ``mode``
    is "backward"; "forward" to judge y; or "adjoint" to hold a backward against its own ``forward``. A ``forward`` that is a
    formula, ``"y[i] = sum(w[K-1-k] * x[i+k], k)"``, is a forward pass whose derivative is due. ``outputs`` names what is
    returned, in order, where it is not dx, dw, db. Mode "second", which the convention "double-backward" implies, judges ddy,
    ddx, ddw; an adapter is then ``adapter(fn, v_x, v_w, v_b, dy, x, w, conv)``. ``grid`` is "default" (180 cases, and more for a
    function that takes more than one stride and padding), "quick" (45), "minimal" or geometries; ``square`` leaves out those with
    oblong kernels and those outside the convention's documentation, ``assume`` (``"p == 0, K odd"``) those in which it does not
    hold on every axis.

    The code is executed, each case in two processes, one that serves many and one that was fresh a few cases ago, and in two of
    its own where these differ or it raises. Of over 2,000 cases, or with ``bulk``, most are tried briefly: at three points in one
    process, a share again in another order; the report says how many. A case may take ``time_limit`` seconds and ``memory_limit``
    megabytes more than it begins with. ``engine`` is "auto", "symbolic" or "exact". ``jobs`` processes work at a time (as many as
    there are cores); ``backend`` "dask" sends the cases to the cluster of ``scheduler``. ``results`` is a file of JSON lines that
    verdicts are appended to as they come, and that ``resume`` continues. With ``once`` a case is called in one process and one
    order only: what depends on earlier calls is not seen. Points and further geometries are drawn from ``seed``: a random one
    unless given, which the report tells.

    Raises ValueError for what makes no sense, for code that does not load, and for a call that is mistaken, which a case tried
    first shows: no verdict comes of it. Without ``trial`` it does, as a grader wants: what fails in the call is wrong.

    >>> import numpy as np
    >>> def backward(x, w, b, dy, stride, padding):   # db alone, and it forgets the batch
    ...     return None, None, dy[0].sum(axis=(1, 2))
    >>> audit(backward, grid="quick")
    <audit of ...backward: not right; 18 right, 27 wrong of 45 cases>
    """
    began = time.monotonic()
    _check(mode, engine, resume and results is None)
    check_backend(backend, scheduler)
    check_limits(time_limit, memory_limit, jobs, seed)
    adapter = convention if callable(convention) else adapter
    forward, truth = said_as_formula(forward, mode)
    call = call_of(function, convention, forward, adapter, mode, definitions, outputs)
    rules = convention_named(adapter if callable(adapter) else call.convention)
    mode = _mode_for(rules, mode, adapter is not None, outputs)
    plan = Plan(function, forward, adapter, mode, tuple(outputs) if outputs else None, grid, square, engine, jobs, time_limit,
                 memory_limit, backend, scheduler, results, resume, _seed(results, resume) if seed is None else seed,
                 progress, definitions, once, trial, assume, truth, proof, bulk)  # fmt: skip
    return replace(_as_called(plan, call), once=once, seconds=time.monotonic() - began)


def _as_called(plan: Plan, call: Settled) -> Audit:
    """The audit of a function that is called so, or where only its names say so and it is not, as it turns out to be called."""
    try:
        found = _audited(plan, call)
    except CallMistake:
        if not call.tentative:
            raise
        call = inferred_call(plan.function, plan.forward, plan.mode, plan.definitions, plan.outputs)
        found = _audited(plan, call)
    return replace(found, inferred=call.lines)


def _audited(plan: Plan, call: Settled) -> Audit:
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
            begin = list(itertools.islice(cases, TRIED)) if isinstance(cases, Many) else cases
            job, first = tried(job, begin, call, rules, plan.function, adapter is not None)
        outcome = judged(job, cases, plan, first)
        found = Audit(**{each.name: getattr(outcome, each.name) for each in fields(outcome)})
        if plan.trial and (unlike := in_another_interpreter(job, found)):
            found = replace(found, **with_unlike(job, found, unlike))
        own = by_own_forward(job, found) if mode == "backward" and has_forward else {}

        def allowed(conv: Conv) -> bool:
            square = is_square(conv) or not plan.square
            return square and rules.outside(conv) is None and hold_for(plan.assumed, conv)

        found = replace(found, challenge=challenged(job, found, allowed, plan.jobs), own_forward=own)
        found = surveyed(job, found, allowed, plan.jobs)
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


def _check(mode: str, engine: str, nothing_to_resume: bool) -> None:
    """ValueError for what makes no sense, or not on this system."""
    check_system()
    _check_choice("mode", mode, MODES)
    _check_choice("engine", engine, ENGINES)
    if nothing_to_resume:
        raise ValueError("resume needs the results file that it is to continue")


def _cases(plan: Plan, rules: Convention, call: Settled) -> list[Case] | Many:
    """The geometries of the grid, not judged yet, each with the reason why the convention does not cover it, if so."""
    geometries = _geometries(plan.grid, call, rules)

    def held() -> Iterator[Case]:
        for conv in geometries:
            if hold_for(plan.assumed, conv):
                yield Case(conv, PENDING, rules.outside(conv))

    def wanted() -> Iterator[Case]:
        return (case for case in held() if not plan.square or (case.outside is None and is_square(case.conv)))

    many = isinstance(geometries, Grid) or len(geometries) > BULK
    if next(held(), None) is None:
        raise ValueError(f"no case of the grid has {in_words(plan.assumed)}")
    check_forward(plan.truth, [case.conv for case in itertools.islice(held(), BULK)])
    if next(wanted(), None) is None:
        raise ValueError("no case of the grid is square")
    if plan.engine == "symbolic" or plan.mode == "adjoint" or not (many if plan.bulk is None else plan.bulk):
        return list(wanted())
    return Many(wanted, rules.outside)


def _check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    if value not in choices:
        raise ValueError(f"no {name} {value!r}; there are {', '.join(choices)}")


def _geometries(grid: str | Iterable[Conv], call: Settled, rules: Convention) -> list[Conv] | Grid:
    if isinstance(grid, str):
        return enough(default_grid(grid, takes=call.takes, ndim=call.ndim), rules.outside)
    if isinstance(grid, Grid):
        return grid
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
