"""How an audit begins: how the function is called is settled, and one case is tried before any verdict is given.

Names decide where they are exactly those of the convention "plain" and its first case comes out in the right shapes; else the
call is inferred. A convention that was named is taken at its word, and a first case that shows the call to be a mistake ends the
audit with what is to be said otherwise.
"""

from __future__ import annotations

import ast
import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from symconv.audits.case import Case
from symconv.audits.conventions import CONVENTIONS, Adapter, Convention
from symconv.audits.inference.names import PLAIN
from symconv.audits.inference.reading import PREFIX, Reading
from symconv.audits.inference.settle import Settled, settled, taken_by
from symconv.audits.judge import CaseVerdict
from symconv.audits.mistakes import CALLING, CallMistake, exchanged, in_another_order, offered, tame
from symconv.audits.sandbox import files
from symconv.audits.sweep import Job, judge_case
from symconv.layer.conv import Conv

__all__ = ["AUTO", "call_of", "inferred_call", "tried"]

#: the convention that is found out
AUTO = "auto"

Function = str | os.PathLike[str] | Callable[..., Any]


def call_of(
    function: Function, convention: str | Adapter, forward: Any, adapter: Any, mode: str, definitions: bool,
    outputs: Sequence[str] | None = None,
) -> Settled:  # fmt: skip
    """How a function is called; ``tentative`` where its names alone say so. CallMistake where they say another thing."""
    if adapter is not None:
        return Settled("plain")
    assert isinstance(convention, str)
    if convention == AUTO and mode == "second":
        return Settled("double-backward")
    names = _names(function)
    if convention != AUTO:
        if convention == "plain" and mode in ("backward", "adjoint") and names is not None and in_another_order(names):
            raise CallMistake(f"its parameters are ({', '.join(names)}), not plain's ({', '.join(PLAIN)}): convention auto finds "
                              "out how it is called, --args says it")  # fmt: skip
        if convention.startswith(PREFIX):
            reading = Reading.of(convention)
            return Settled(convention, reading=reading, takes=taken_by(reading))
        return Settled(convention, takes=_taken(names or ()) if convention == "plain" else ())
    wanted = PLAIN if mode != "forward" else tuple(name for name in PLAIN if name != "dy")
    if names is not None and (tuple(names[: len(wanted)]) == wanted or not names):
        return Settled("plain", tentative=True, takes=_taken(names))
    return inferred_call(function, forward, mode, definitions, outputs)


def _taken(names: Sequence[str]) -> tuple[str, ...]:
    """What parameters of a function that is called as the convention "plain" has it say that it takes."""
    return tuple(name for name in ("dilation", "groups") if name in names[len(PLAIN) :])


def inferred_call(
    function: Function, forward: Any, mode: str, definitions: bool, outputs: Sequence[str] | None = None
) -> Settled:  # fmt: skip
    """How a function is called, by probes."""
    return settled(os.fspath(function) if isinstance(function, os.PathLike) else function, forward, mode, None, True,
                   definitions, outputs)  # fmt: skip


def _names(function: Function) -> list[str] | None:
    """The names of a function's parameters, but for ``*args``; None for a class, and for what has no signature."""
    if callable(function):
        try:
            found = None if isinstance(function, type) else inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            return None
        return None if found is None else [p.name for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    try:
        _, text, name = files.named(str(function))
        tree = ast.parse(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None  # loading says what is wrong
    defined = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    if not defined:
        return None
    arguments = defined[-1].args
    return [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def tried(
    job: Job, cases: Sequence[Case], call: Settled, rules: Convention, function: Function, adapted: bool
) -> tuple[Job, dict[int, CaseVerdict]]:
    """The verdicts on the first cases by number: one, unless it says that the call may be mistaken, then others; and the job, to
    be done in new interpreters where a case hangs in a forked process and in a new one does not.

    CallMistake when all of them say so, or when all raise and the function can be called in another way.
    """
    numbers = [number for number, case in enumerate(cases) if case.outside is None]
    seen: dict[int, CaseVerdict] = {}
    said = []
    for at in tame([cases[number].conv for number in numbers]):
        conv = cases[numbers[at]].conv
        verdict = judge_case(job, conv)
        if verdict.status == "limit" and not job.anew:
            again = judge_case(replace(job, anew=True), conv)
            if again.status != "limit":
                job, verdict = replace(job, anew=True), again
        seen[numbers[at]] = verdict
        said.append(_mistake(job, conv, verdict, call, adapted))
        if not said[-1] and (verdict.status, verdict.phase) != ("error", "backward"):
            return job, seen
    if said and all(said):
        names = _signature(job, rules, adapted)
        raise CallMistake(f"{job.target.label} is not judged: {said[0]}; {names}")
    if said and not adapted and rules.name in CONVENTIONS and tuple((_names(function) or ())[: len(PLAIN)]) != PLAIN:
        _called_otherwise(job, function, next(iter(seen.values())))
    return job, seen


def _called_otherwise(job: Job, function: Function, verdict: CaseVerdict) -> None:
    """CallMistake when a function that raises in the first cases does not as it would be called by inference."""
    try:
        found = inferred_call(function, job.target.forward, job.mode, False)
    except ValueError:
        return  # it raises however it is called: that is its verdict
    if found.reading is not None and len(found.reading.outputs) > 1:
        told = "; ".join(" ".join(line.split()) for line in found.lines)
        where = f" ({verdict.where})" if verdict.where else ""
        raise CallMistake(
            f"{job.target.label} is not judged: called as convention {job.convention} has it, it raises {verdict.message}"
            f"{where}; convention auto finds another call: {told}"
        )


def _mistake(job: Job, conv: Conv, verdict: CaseVerdict, call: Settled, adapted: bool) -> str:
    """What a case says of the call, if that is mistaken; empty where it is a verdict on the function."""
    failed = verdict.status == "error" and verdict.phase != "process"
    if failed and (call.tentative or adapted or verdict.phase in CALLING):
        told = (
            verdict.message
            if verdict.message.startswith(f"{verdict.phase}: ")
            else f"{verdict.phase}: {verdict.message}"
        )
        told += f" ({verdict.where})" if verdict.where else ""
        return f"{told} at {conv!r}" + (f"; {offered(conv)}" if adapted else "")
    if call.tentative and "shape" in verdict.outputs.values():
        return "results of other shapes"
    order = exchanged(verdict.shapes) if job.outputs is None else None
    if order is not None:
        again = judge_case(replace(job, outputs=order), conv)
        if again.outputs and set(again.outputs.values()) == {"ok"}:
            return f"it returns {', '.join(order)} in this order: say outputs {','.join(order)} (--outputs)"
    return ""


def _signature(job: Job, rules: Convention, adapted: bool) -> str:
    if adapted:
        return f"adapter {job.target.adapter or rules.name}"
    if rules.name in CONVENTIONS:
        return f"convention {rules.name} is {rules.signature}; convention auto finds out how it is called"
    return "say how it is called with --args, --layout, --outputs or --adapter"
