"""The process that audited code runs in.

It loads the audited file once and then forks a child for every case: no case sees what another left behind, and a child that
crashes, hangs, exits or fills the memory is that case's verdict and nobody else's. Messages are pickles with their length in
front, on pipes of their own; what audited code prints goes elsewhere.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import os
import pickle
import selectors
import signal
import struct
import sys
import sysconfig
import time
import traceback
from dataclasses import dataclass
from typing import IO, Any

from symconv.audits.calls import Caller
from symconv.audits.conventions import convention_named
from symconv.audits.judge import CaseVerdict, judge
from symconv.audits.sandbox import orphans
from symconv.audits.sandbox.target import Loaded, Source, TargetError
from symconv.layer.conv import Conv

with contextlib.suppress(ImportError):  # where it lacks there are no workers: check_system says so
    import resource

__all__ = ["Hello", "Task", "main", "write"]

#: of what a child prints this many bytes are kept, the last ones
KEPT = 4096

#: a child whose worker was killed ends by itself so many seconds after its time is up
OVERTIME = 5.0

#: a worker that is asked nothing for this many seconds goes away
IDLE = 120.0


@dataclass(frozen=True)
class Hello:
    """What a worker says of a source when it has loaded it."""

    error: str = ""
    import_error: bool = False


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


#: descriptors that a case must not write to
_PRIVATE: list[int] = []


def write(stream: IO[bytes], value: Any) -> None:
    """Send a value."""
    data = pickle.dumps(value)
    stream.write(struct.pack("!Q", len(data)) + data)
    stream.flush()


def main() -> None:
    """Serve cases until the pipe is closed."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb")
    _PRIVATE.extend((incoming.fileno(), outgoing.fileno()))
    orphans.adopt()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the process in charge
    source: Source = _read(incoming)
    try:
        loaded = Loaded(source)
    except BaseException as error:
        text = " ".join(str(error).split())
        line = _line_in(error, source.path)
        write(outgoing, Hello(f"{type(error).__name__}: {text}{line}", isinstance(error, ImportError | AttributeError)))
        return
    gc.collect()
    gc.freeze()  # what is loaded stays where it is: a fork need not copy it to count references in cycles
    write(outgoing, Hello())
    while True:
        try:
            task: Task = _read(incoming)
        except EOFError:
            return
        write(outgoing, _answer(loaded, task))


def _read(stream: Any) -> Any:
    """The next message; EOFError also when none comes for a long time."""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        if not selector.select(IDLE):
            raise EOFError
    head = _exactly(stream, 8)
    return pickle.loads(_exactly(stream, struct.unpack("!Q", head)[0]))


def _exactly(stream: Any, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = stream.read(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def _line_in(error: BaseException, path: str | None) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return f" (line {lines[-1]})" if lines else ""


def _answer(loaded: Loaded, task: Task) -> Any:
    try:
        functions = loaded.functions(task.name, task.forward, task.adapter)
        if task.conv is None:
            return loaded.fingerprint(functions)
    except TargetError as error:
        return error
    return _in_child(loaded, task)


# one case -------------------------------------------------------------------------------------------------------------------


def _in_child(loaded: Loaded, task: Task) -> CaseVerdict:
    """The verdict on a case, judged in a fork of this process."""
    results, answer = os.pipe()
    printed, printing = os.pipe()
    before = orphans.children()
    child = os.fork()
    if child == 0:
        for descriptor in (*_PRIVATE, results, printed):  # what is this process's alone
            os.close(descriptor)
        _child(loaded, task, answer, printing)
    os.close(answer)
    os.close(printing)
    try:
        data, said, timed_out = _collect(results, printed, task.time_limit)
    finally:
        os.close(results)
        os.close(printed)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # with whatever it started
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    orphans.end(orphans.children() - before)
    if data:
        try:
            verdict, libraries = pickle.loads(data)
        except Exception:  # the pipe that answers is open while the function runs
            return CaseVerdict(status="error", message="wrote to descriptors that it did not open")
        assert isinstance(verdict, CaseVerdict)
        _import_for_others(libraries)
        return verdict
    if timed_out:
        return CaseVerdict(status="error", message=f"no answer within {task.time_limit:g} s (the time limit)")
    return CaseVerdict(status="error", message=_ended(status), where=_where(said))


def _collect(results: int, printed: int, limit: float) -> tuple[bytes, bytes, bool]:
    """What came on the result pipe, the last of what was printed, and whether time ran out."""
    deadline = time.monotonic() + limit
    data, said = bytearray(), b""
    length: int | None = None
    with selectors.DefaultSelector() as selector:
        selector.register(results, selectors.EVENT_READ)
        selector.register(printed, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            events = selector.select(max(left, 0))
            if not events and left <= 0:
                return b"", said, True
            for key, _ in events:
                part = os.read(key.fd, 65536)
                if key.fd == printed:
                    said = (said + part)[-KEPT:]
                    if not part:
                        selector.unregister(printed)
                    continue
                if not part:  # the child is gone; what it printed last is still in the pipe
                    os.set_blocking(printed, False)
                    with contextlib.suppress(BlockingIOError):
                        said = (said + os.read(printed, 65536))[-KEPT:]
                    return b"", said, False
                data += part
                if length is None and len(data) >= 8:
                    length = struct.unpack("!Q", data[:8])[0]
                if length is not None and len(data) >= 8 + length:
                    return bytes(data[8:]), said, False


def _child(loaded: Loaded, task: Task, answer: int, printing: int) -> None:
    """Judge and leave; never returns."""
    status = 1
    try:
        gc.disable()  # a case is short
        os.setsid()
        # nobody may be left to end this process: it ends by itself soon after its time is up
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, task.time_limit + OVERTIME)
        os.dup2(printing, 1)
        os.dup2(printing, 2)
        sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        faulthandler.enable(os.fdopen(os.dup(2), "w"))
        limit_memory(task.memory_limit)
        known = set(sys.modules)
        functions = loaded.functions(task.name, task.forward, task.adapter)
        convention = convention_named(functions.adapter or task.convention or "")
        assert task.conv is not None
        caller = Caller(functions, convention, task.conv, task.mode, task.outputs, loaded.namespaces(functions))
        verdict = judge(
            caller, loaded.own_files(functions), task.engine, task.seed, min(5.0, task.time_limit / 2), task.explain
        )
        with os.fdopen(answer, "wb") as stream:
            write(stream, (verdict, _libraries(set(sys.modules) - known)))
        status = 0
    except BaseException:
        with contextlib.suppress(BaseException):
            traceback.print_exc()
    finally:
        os._exit(status)


def _libraries(names: set[str]) -> list[str]:
    """Of the modules that a case was the first to import, those that are installed: not the audited code's own."""
    paths = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    files = {name: getattr(sys.modules[name], "__file__", None) for name in sorted(names)}
    return [name for name, file in files.items() if file and any(file.startswith(path) for path in paths)]


def _import_for_others(libraries: list[str]) -> None:
    """Import what a case imported, so that those to come need not each do it (PyTorch takes most of a second)."""
    missing = [name for name in libraries if name not in sys.modules]
    for name in missing:
        with contextlib.suppress(BaseException):
            importlib.import_module(name)
    if missing:
        gc.collect()
        gc.freeze()


def limit_memory(megabytes: int) -> None:
    """Let this process take so many more megabytes of memory of its own than it has now.

    Data is counted, not address space: threads and libraries reserve far more of that than they ever touch.
    """
    try:
        with open("/proc/self/statm") as file:
            now = int(file.read().split()[5]) * resource.getpagesize()
    except OSError:
        now = 0
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (now + (megabytes << 20), resource.RLIM_INFINITY))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _ended(status: int) -> str:
    """How a child ended that gave no verdict."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        return f"killed the interpreter ({name})"
    return f"ended the process with status {os.WEXITSTATUS(status)} instead of returning"


def _where(said: bytes) -> str:
    """The innermost line that the fault handler named, or the last line printed."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    for line in lines:
        if line.startswith('File "') and "site-packages" not in line:
            return line[:300]
    return lines[-1][:300] if lines else ""


if __name__ == "__main__":
    from symconv.audits.sandbox import worker

    worker.main()
