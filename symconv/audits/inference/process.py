"""Inference in a process of its own, which loads the audited file, tries its calls and ends."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symconv.audits.inference.assignments import parameters
from symconv.audits.inference.names import is_second
from symconv.audits.inference.reading import Reading
from symconv.audits.inference.search import Inferred, NotInferred, infer_call
from symconv.audits.sandbox.target import Loaded, Source, Target, TargetError

with contextlib.suppress(ImportError):
    import resource

__all__ = ["infer"]

#: loading and trying may take so many seconds in all
LIMIT = 60.0

#: parts of the name of a backward function and those of its forward function
PAIRS = (("backward", "forward"), ("Backward", "Forward"), ("bwd", "fwd"), ("backprop", "forward"), ("backprop", "forwardprop"),
         ("back", "forward"), ("back", "fwd"), ("bprop", "fprop"), ("_backward", ""), ("_grad", ""), ("grad_", ""),
         ("gradient", "forward"), ("grad", "forward"))  # fmt: skip


@dataclass(frozen=True)
class _Question:
    source: Source
    name: str | None
    forward: str | None
    fixed: dict[str, Any]
    mode: str
    memory: int


def infer(
    target: Target, fixed: Mapping[str, Any] | None = None, mode: str = "backward", memory: int = 4096
) -> Inferred:
    """How the target is called; NotInferred when nothing fits, TargetError when it does not load."""
    question = _Question(target.source, target.name, target.forward, dict(fixed or {}), mode, memory)
    root = str(Path(__file__).parents[3])
    environment = os.environ | {
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])]),
    }  # fmt: skip
    command = [sys.executable, "-P", "-m", "symconv.audits.inference.process"]
    try:
        ended = subprocess.run(command, input=pickle.dumps(question), capture_output=True, env=environment, timeout=LIMIT,
                               check=False, start_new_session=True)  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NotInferred(
            f"how it is called was not found out within {LIMIT:g} s; say so with --args, or use --adapter"
        ) from None
    try:
        told = json.loads(ended.stdout.decode().strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise NotInferred(f"the process that tried how it is called ended with status {ended.returncode}") from None
    if "error" in told:
        if told["load"]:
            raise TargetError(told["error"])
        raise NotInferred(told["error"], told["plain"], told["second"])
    return Inferred(Reading.of(told["reading"]), told["ndim"], tuple(told["notes"]))


def _forward_of(main: Any) -> Any:
    """The forward function that stands beside a backward function, by its name."""
    names = getattr(main, "__globals__", {})
    name = getattr(main, "__name__", "")
    for part, other in PAIRS:
        if part in name:
            found = names.get(name.replace(part, other).strip("_"))
            if callable(found) and found is not main:
                return found
    return None


def main() -> None:
    """Answer one question, on standard output."""
    out = os.fdopen(os.dup(1), "w")
    question: _Question = pickle.loads(sys.stdin.buffer.read())
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    try:
        told = _answered(question)
    except (NotInferred, TargetError) as error:
        told = {"error": str(error), "load": isinstance(error, TargetError)}
        told |= {name: getattr(error, name, False) for name in ("plain", "second")}
    out.write("\n" + json.dumps(told) + "\n")
    out.flush()
    os._exit(0)


def _answered(question: _Question) -> dict[str, Any]:
    try:
        loaded = Loaded(question.source)
    except BaseException as error:
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == question.source.path
        ]
        line = f" (line {lines[-1]})" if lines else ""
        raise TargetError(
            f"the audited code does not load: {type(error).__name__}: {' '.join(str(error).split())}{line}"
        ) from error
    functions = loaded.functions(question.name, question.forward)
    names = [parameter.name for parameter in parameters(functions.main)]
    if question.mode in ("backward", "second") and is_second(names):
        raise NotInferred("the parameters are those of a double backward", second=True)
    if question.mode == "second":
        raise NotInferred("a double backward takes v_x, v_w, v_b, dy, x, w in this order; use --adapter for any other")
    with contextlib.suppress(ValueError, OSError, NameError):
        resource.setrlimit(resource.RLIMIT_DATA, (question.memory << 20, resource.RLIM_INFINITY))
    forward = functions.forward
    if forward is None and question.mode != "forward" and not isinstance(functions.main, type):
        forward = _forward_of(functions.main)
    found = infer_call(functions.main, forward, question.fixed, question.mode)
    return {"reading": found.reading.text(), "ndim": found.ndim, "notes": list(found.notes)}


if __name__ == "__main__":
    from symconv.audits.inference import process

    process.main()
