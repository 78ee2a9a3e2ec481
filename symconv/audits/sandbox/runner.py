"""The process that audited code runs in, and its children.

It loads the audited file once and forks a child whenever a case wants a process of its own; a child can go on with another
layer, too. One that crashes, hangs, exits or fills the memory is that case's verdict and nobody else's. A child takes arrays
and gives back arrays. What these should be is not known here: neither the truth nor the seed that the arrays are
drawn from is in this process or in any that it starts.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import pickle
import random
import signal
import socket
import sys
import traceback
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.random  # used in every child: else each would import it

from symconv.audits.calls import Caller, Request
from symconv.audits.conventions import convention_named
from symconv.audits.sandbox import messages, orphans
from symconv.audits.sandbox.refusals import Failure, failure_of
from symconv.audits.sandbox.target import Loaded, Source, TargetError
from symconv.audits.sandbox.watch import looks_of
from symconv.layer.conv import Conv

with contextlib.suppress(ImportError):  # where it lacks there are no workers: check_system says so
    import resource

__all__ = ["End", "Ended", "Fork", "Hello", "Layer", "Names", "Started", "child", "serve"]

#: a child whose worker was killed ends by itself so many seconds after its time is up
OVERTIME = 5.0

#: kept from before any audited code was loaded, which may put something else in its place
_PROCESS, _LEAVE = os.getpid, os._exit


@dataclass(frozen=True)
class Hello:
    """What a worker says of a source when it has loaded it."""

    error: str = ""
    import_error: bool = False


@dataclass(frozen=True)
class Names:
    """What to call, by name; alone the question for the fingerprint of the audited code."""

    name: str | None
    forward: str | None
    adapter: str | None


@dataclass(frozen=True)
class Fork:
    """Start a child for a case; its socket and the pipe for what it prints come along."""

    names: Names
    convention: str | None
    conv: Conv
    mode: str
    outputs: tuple[str, ...] | None
    time_limit: float
    memory_limit: int
    #: in a new interpreter that loads the code itself: what was loaded here does not bear a fork
    anew: bool = False


@dataclass(frozen=True)
class Layer:
    """To a child: the calls that follow are of this layer."""

    conv: Conv


@dataclass(frozen=True)
class Started:
    """A child was started."""

    process: int


@dataclass(frozen=True)
class End:
    """End a child with all that it started."""

    process: int


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit status."""

    status: int


def serve(control: socket.socket) -> None:
    """Load the source that comes first, and start and end children until the other side goes away."""
    source: Source = pickle.loads(messages.read(control.recv))
    try:
        loaded = Loaded(source)
    except BaseException as error:
        text = " ".join(str(error).split())
        line = _line_in(error, source.path)
        hello = Hello(f"{type(error).__name__}: {text}{line}", isinstance(error, ImportError | AttributeError))
        control.sendall(messages.packed(hello))
        return
    gc.collect()
    gc.freeze()  # what is loaded stays where it is: a fork need not copy it to count references in cycles
    control.sendall(messages.packed(Hello()))
    orphans.adopt()
    running: set[int] = set()
    try:
        while True:
            try:
                message = pickle.loads(messages.read(control.recv))
            except (EOFError, OSError):
                return
            control.sendall(messages.packed(_done(loaded, message, control, running)))
    finally:
        for process in list(running):
            _end(process, running)


def _done(loaded: Loaded, message: Any, control: socket.socket, running: set[int]) -> Any:
    """The answer to a message."""
    if isinstance(message, End):
        status = _end(message.process, running)
        return Ended(status)
    names = message.names if isinstance(message, Fork) else message
    descriptors: list[int] = []
    if isinstance(message, Fork):
        _, descriptors, _, _ = socket.recv_fds(control, 1, 2)
    try:
        functions = loaded.functions(names.name, names.forward, names.adapter)
        if isinstance(message, Names):
            return loaded.fingerprint(functions)
        process = _started_anew(loaded, message, descriptors) if message.anew else os.fork()
        if process == 0:
            control.close()
            child(loaded, message, *descriptors)
        running.add(process)
        return Started(process)
    except TargetError as error:
        return error
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _end(process: int, running: set[int]) -> int:
    """End a child, its group, and what is left behind by it or by those before; its exit status."""
    running.discard(process)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)  # with whatever it started
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    orphans.end(orphans.children() - running, running)
    return status


def _line_in(error: BaseException, path: str | None) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return f" (line {lines[-1]})" if lines else ""


# one case -------------------------------------------------------------------------------------------------------------------


def _started_anew(loaded: Loaded, task: Fork, descriptors: list[int]) -> int:
    """A child in an interpreter of its own."""
    for descriptor in descriptors:
        os.set_inheritable(descriptor, True)
    reading, writing = os.pipe()
    command = [sys.executable, "-P", "-m", "symconv.audits.sandbox.anew", *map(str, descriptors)]
    process = os.posix_spawn(sys.executable, command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, reading, 0)])
    os.close(reading)
    with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "wb") as stream:
        pickle.dump((loaded.source, task), stream)
    return process


def child(loaded: Loaded, task: Fork, answer: int, printing: int) -> None:
    """Call the function as often as is asked; never returns."""
    me, status = _PROCESS(), 1
    try:
        gc.disable()  # a case is short
        os.setsid()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        os.dup2(printing, 1)
        os.dup2(printing, 2)
        os.close(printing)
        sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        faulthandler.enable(os.fdopen(os.dup(2), "w"))
        _answer_calls(loaded, task, socket.socket(fileno=answer), me)
        status = 0
    except BaseException:
        with contextlib.suppress(BaseException):
            traceback.print_exc()
    finally:
        _LEAVE(status)


def _answer_calls(loaded: Loaded, task: Fork, stream: socket.socket, me: int) -> None:
    """Requests answered until there are no more; a process that the function forked and that comes back here leaves."""
    names = task.names
    functions = loaded.functions(names.name, names.forward, names.adapter)
    convention = convention_named(functions.adapter or task.convention or "")
    files = loaded.own_files(functions)
    namespaces, looks = loaded.namespaces(functions), looks_of(files)
    # what is drawn at random is drawn otherwise in every process
    random.seed()
    np.random.seed()

    def begun(conv: Conv) -> Caller:
        # nobody may be left to end this process: it ends by itself soon after its time is up
        signal.setitimer(signal.ITIMER_REAL, task.time_limit + OVERTIME)
        return Caller(functions, convention, conv, task.mode, task.outputs, namespaces, looks)

    caller = begun(task.conv)
    limit_memory(task.memory_limit)
    while True:
        try:
            requests: list[Request | Layer | tuple[str, tuple[int, ...]]] = pickle.loads(messages.read(stream.recv))
        except EOFError:
            return
        if requests and isinstance(requests[0], Layer):
            limit_memory(task.memory_limit)
        answers: list[Any] = []
        for request in requests:
            try:
                if isinstance(request, Layer):
                    answer: Any = None
                    caller = begun(request.conv)
                elif isinstance(request, Request):
                    answer = caller.answer(request)
                else:
                    answer = caller.native_shape(*request)
            except BaseException as error:  # also SystemExit: whatever audited code raises is its case's verdict
                answer = failure_of(error, files, caller.given, _sizes(caller.conv))
            if _PROCESS() != me:
                _LEAVE(0)
            answers.append(answer)
            if isinstance(answer, Failure) and not (isinstance(request, Request) and request.optional):
                break
        stream.sendall(messages.packed(answers))


def _sizes(conv: Conv) -> set[int]:
    """The whole numbers that a call is about: those of the layer, of its arrays, and of the padded x."""
    numbers = {*conv.stride, *conv.dilation, *conv.output_padding, conv.groups, conv.ndim, conv.ndim + 2}
    numbers |= {n for shape in conv.shapes.values() for n in shape} | {p for pair in conv.padding for p in pair}
    return numbers | {H + p + q for H, (p, q) in zip(conv.input, conv.padding, strict=True)}


def limit_memory(megabytes: int) -> None:
    """Let this process take so many more megabytes of memory of its own than it has now, or twice as much if that is more: code
    that takes much to be imported takes much to run.

    Data is counted, not address space: threads and libraries reserve far more of that than they ever touch.
    """
    try:
        with open("/proc/self/statm") as file:
            now = int(file.read().split()[5]) * resource.getpagesize()
    except OSError:
        now = 0
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (now + max(megabytes << 20, now), resource.RLIM_INFINITY))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
