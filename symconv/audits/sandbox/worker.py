"""The process that judges. It forks the one that runs audited code before that is loaded, and never loads any itself.

What audited code should return is computed here alone: no function can read it, nor put its own comparison in place of
symconv's. Messages are pickles with their length in front, on pipes of their own; what audited code prints goes elsewhere.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import time
from dataclasses import dataclass
from typing import Any

from symconv.audits.judge import CaseVerdict, judge
from symconv.audits.sandbox import messages, runner
from symconv.audits.sandbox.remote import Process, Raised, Runner
from symconv.audits.sandbox.runner import Fork, Hello, Names
from symconv.audits.sandbox.target import TargetError
from symconv.layer.conv import Conv

__all__ = ["Hello", "Task", "main"]

#: a worker that is asked nothing for this many seconds goes away
IDLE = 120.0


@dataclass(frozen=True)
class Task:
    """One case to judge, or with ``conv`` None the question for the fingerprint of the audited code."""

    name: str | None
    forward: str | None
    adapter: str | None
    convention: str | None
    mode: str
    outputs: tuple[str, ...] | None
    engine: str
    seed: int
    conv: Conv | None
    explain: bool
    time_limit: float
    memory_limit: int
    once: bool = False


def main() -> None:
    """Serve cases until the pipe is closed."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the process in charge
    control, other = socket.socketpair()
    if os.fork() == 0:
        status = 1
        try:
            control.close()
            incoming.close()
            os.close(outgoing.fileno())
            runner.serve(other)
            status = 0
        finally:
            os._exit(status)
    other.close()
    _serve(incoming, outgoing, Runner(control))


def _serve(incoming: Any, outgoing: Any, running: Runner) -> None:
    try:
        hello = running.ask(pickle.loads(messages.read(incoming.read)))
    except EOFError:
        return  # the process ended while it loaded: the side that asks sees no answer
    messages.write(outgoing, hello)
    while not hello.error:
        try:
            task: Task = pickle.loads(messages.read(incoming.read, incoming.fileno(), IDLE))
            answer = _answer(running, task)
        except EOFError:
            return
        messages.write(outgoing, answer)


def _answer(running: Runner, task: Task) -> Any:
    names = Names(task.name, task.forward, task.adapter)
    try:
        if task.conv is None:
            return running.fingerprint(names)
        fork = Fork(names, task.convention, task.conv, task.mode, task.outputs, task.time_limit, task.memory_limit)
        with Process(running, fork, time.monotonic() + task.time_limit) as process:
            return judge(process, task.engine, task.seed, min(5.0, task.time_limit / 2), task.explain, task.once)
    except TargetError as error:
        return error
    except Raised as raised:
        return CaseVerdict(status=raised.failure.status, message=raised.failure.message, where=raised.failure.where)


if __name__ == "__main__":
    from symconv.audits.sandbox import worker

    worker.main()
