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
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from symconv.audits.brief import TOGETHER, Left, briefly
from symconv.audits.judge import CaseVerdict, Unsettled, judge
from symconv.audits.sandbox import messages, runner
from symconv.audits.sandbox.remote import Process, Raised, Runner
from symconv.audits.sandbox.runner import Fork, Hello, Names
from symconv.audits.sandbox.target import TargetError
from symconv.layer.conv import Conv

__all__ = ["Cases", "Chunk", "Hello", "Task", "main"]

#: a worker that is asked nothing for this many seconds goes away
IDLE = 120.0

#: of the two processes that cases are called in, one serves at most so many before a fresh one takes its place (what a function
#: keeps of each must not pile up), the other so many
MANY, FEW = 500, 12

#: a function of which so many cases, and one in so many, came out otherwise among others is called in processes of its own; one
#: case alone may have met a busy machine
OFTEN, ONE_IN = 3, 16


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
    anew: bool = False
    truth: str | None = None


@dataclass(frozen=True)
class Chunk:
    """Many cases to judge briefly, ``again`` the numbers of those that are tried once more; of ``task`` all but the geometry."""

    task: Task
    convs: tuple[Conv, ...]
    again: tuple[int, ...]

    @property
    def time_limit(self) -> float:
        """What they may take: a message's cases as much as one, and an end to it all at the first that does not come back."""
        return self.task.time_limit * (2 + 2 * len(self.convs) // TOGETHER)


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
    cases = Cases(running)
    while not hello.error:
        try:
            task: Task | Chunk = pickle.loads(messages.read(incoming.read, incoming.fileno(), IDLE))
            answer = cases.briefly(task) if isinstance(task, Chunk) else cases.answer(task)
        except EOFError:
            return
        messages.write(outgoing, answer)


#: what a process can be asked for: everything of a task but its geometry
_Kind = tuple[object, ...]


class _Serving:
    """A process that serves cases of one kind, ``most`` of them, one after the other."""

    def __init__(self, running: Runner, most: int) -> None:
        self.running, self.most = running, most
        self.process: Process | None = None
        self.kind: _Kind = ()
        self.served = 0

    def turned_to(self, fork: Fork, kind: _Kind, deadline: float) -> Process:
        """The process, ready for the layer of ``fork``; a fresh one where it has ended or served enough."""
        process = self.process
        if process is None or process.process is None or self.kind != kind or self.served >= self.most:
            self.end()
            self.process = process = Process(self.running, fork, deadline)
            self.kind = kind
        else:
            process.turn_to(fork.conv, deadline)
        self.served += 1
        return process

    def end(self) -> None:
        if self.process is not None:
            self.process.end()
        self.process, self.served = None, 0


class Cases:
    """Cases, each called in two processes: one that serves many of them, and one that was fresh a few cases ago.

    What the first alone sees (an exception, another result than the second's) may come from the cases before: such a case is
    judged once more in two processes of its own. A function that comes out otherwise there often is served so from then on.
    """

    def __init__(self, running: Runner) -> None:
        self.running = running
        self.many, self.few = _Serving(running, MANY), _Serving(running, FEW)
        #: how many cases were called among others, and how many of these came out otherwise by themselves
        self.among: Counter[_Kind] = Counter()
        self.otherwise: Counter[_Kind] = Counter()

    def alone(self, kind: _Kind) -> bool:
        """Whether cases of this kind are called in processes of their own."""
        return self.otherwise[kind] >= max(OFTEN, self.among[kind] / ONE_IN)

    def answer(self, task: Task) -> Any:
        """The verdict on a case, or the fingerprint of the audited code; a TargetError is an answer, too."""
        try:
            if task.conv is None:
                return self.running.fingerprint(_names(task))
            fork, kind = _fork(task, task.conv), _kind(task)
            if task.explain or task.mode == "adjoint" or self.alone(kind):
                return self._by_itself(task, fork)
            return self._among_others(task, fork, kind)
        except TargetError as error:
            return error
        except Raised as raised:
            failure = raised.failure
            return CaseVerdict(status=failure.status, message=failure.message, where=failure.where, phase=failure.phase)

    def briefly(self, chunk: Chunk) -> Any:
        """The verdicts on many cases, and what is left of them; a TargetError is an answer, too."""
        try:
            if self.alone(_kind(chunk.task)):
                return [Left() for _ in chunk.convs]

            def start(conv: Conv) -> Process:
                return Process(self.running, _fork(chunk.task, conv), time.monotonic() + chunk.task.time_limit)

            return briefly(start, chunk.convs, chunk.again, chunk.task.seed, chunk.task.truth)
        except TargetError as error:
            return error

    def _by_itself(self, task: Task, fork: Fork) -> CaseVerdict:
        with Process(self.running, fork, time.monotonic() + task.time_limit) as process:
            return _judged(process, task)

    def _among_others(self, task: Task, fork: Fork, kind: _Kind) -> CaseVerdict:
        deadline = time.monotonic() + task.time_limit
        self.among[kind] += 1
        try:
            process = self.many.turned_to(fork, kind, deadline)
            return _judged(process, task, lambda: self.few.turned_to(fork, kind, process.deadline))
        except (Raised, Unsettled) as unsettled:
            self.few.end()
            verdict = self._by_itself(task, fork)
            if isinstance(unsettled, Raised) or unsettled.message != verdict.message:
                self.otherwise[kind] += 1
                self.many.end()
            if isinstance(unsettled, Unsettled) and not task.once:
                unsettled.add_to(verdict)
            return verdict


def _names(task: Task) -> Names:
    return Names(task.name, task.forward, task.adapter)


def _fork(task: Task, conv: Conv) -> Fork:
    return Fork(
        _names(task), task.convention, conv, task.mode, task.outputs, task.time_limit, task.memory_limit, task.anew
    )


def _kind(task: Task) -> _Kind:
    return _names(task), task.convention, task.mode, task.outputs, task.time_limit, task.memory_limit, task.anew


def _judged(process: Process, task: Task, other: Callable[[], Process] | None = None) -> CaseVerdict:
    seconds = min(5.0, task.time_limit / 2)
    return judge(process, task.engine, task.seed, seconds, task.explain, task.once, other, task.truth)


if __name__ == "__main__":
    from symconv.audits.sandbox import worker

    worker.main()
