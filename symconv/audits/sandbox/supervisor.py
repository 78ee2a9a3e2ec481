"""The side that asks: worker processes started, used in turn, watched and replaced."""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import selectors
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from symconv.audits.judge import CaseVerdict
from symconv.audits.sandbox.messages import write
from symconv.audits.sandbox.target import Source, TargetError
from symconv.audits.sandbox.watch import SET
from symconv.audits.sandbox.worker import Chunk, Hello, Task

__all__ = ["CannotImport", "Workers", "ask", "release", "shared_workers"]

#: loading the audited file may take so many seconds
LOAD_LIMIT = 120.0
#: what a worker may take beyond a case's own limit before it is taken for dead
GRACE = 30.0


class CannotImport(TargetError):
    """The function was sent by the name of its module, which a worker cannot import."""


class _Worker:
    """One worker process that has loaded one source."""

    def __init__(self, source: Source) -> None:
        root = str(Path(__file__).parents[3])
        environment = (
            os.environ | SET | {"PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])}
        )
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "symconv.audits.sandbox.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=environment, start_new_session=True,
        )  # fmt: skip
        try:
            hello = self.ask(source, LOAD_LIMIT)
        except EOFError:
            self.close()
            raise TargetError("the process ended while it loaded the audited code") from None
        except TimeoutError:
            self.close()
            raise TargetError(f"loading the audited code took longer than {LOAD_LIMIT:g} s") from None
        except BaseException:
            self.close()
            raise
        assert isinstance(hello, Hello)
        if hello.error:
            self.close()
            raise (CannotImport if hello.import_error else TargetError)(
                f"the audited code does not load: {hello.error}"
            )

    def ask(self, message: Any, limit: float) -> Any:
        """The answer to a message; EOFError when the process is gone, TimeoutError when none comes."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            write(self.process.stdin, message)
        except (BrokenPipeError, OSError) as error:
            raise EOFError from error
        descriptor = self.process.stdout.fileno()
        data = bytearray()
        needed = 8
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while len(data) < needed:
                if not selector.select(limit):
                    raise TimeoutError
                part = os.read(descriptor, 1 << 20)
                if not part:
                    raise EOFError
                data += part
                if len(data) >= 8:
                    needed = 8 + struct.unpack("!Q", data[:8])[0]
        return pickle.loads(data[8:])

    def close(self) -> None:
        """End the process."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self.process.kill()
        self.process.wait()


class Workers:
    """Idle workers by what they have loaded; one is started when none is idle."""

    def __init__(self) -> None:
        self._idle: dict[str, list[_Worker]] = {}
        self._lock = threading.Lock()

    def ask(self, source: Source, task: Task | Chunk) -> Any:
        """A worker's answer to a task: a verdict, or what the question was for; TargetError when the source does not load."""
        for attempt in (1, 2):
            with self._lock:
                idle = self._idle.get(source.key)
                worker = idle.pop() if idle else None
            fresh = worker is None
            if worker is None:
                worker = _Worker(source)
            try:
                answer = worker.ask(task, task.time_limit + GRACE)
            except EOFError:
                worker.close()
                if fresh or attempt == 2:  # an idle one may have gone away by itself
                    return CaseVerdict(status="error", message="ended the worker process", phase="process")
                continue
            except TimeoutError:
                worker.close()
                told = f"no answer within {task.time_limit:g} s (the time limit)"
                return CaseVerdict(status="limit", message=told, phase="process")
            except BaseException:
                worker.close()
                raise
            with self._lock:
                self._idle.setdefault(source.key, []).append(worker)
            if isinstance(answer, TargetError):
                raise answer
            return answer
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End all idle workers."""
        with self._lock:
            workers = [worker for idle in self._idle.values() for worker in idle]
            self._idle.clear()
        for worker in workers:
            worker.close()


_runs: dict[str, Workers] = {}
_lock = threading.Lock()
_shared: str | None = None


def ask(run: str, source: Source, task: Task | Chunk) -> Any:
    """An answer from the workers that this process keeps for one audit, by its name."""
    with _lock:
        workers = _runs.setdefault(_shared or run, Workers())
    return workers.ask(source, task)


def release(run: str) -> None:
    """End the workers of one audit."""
    if _shared is None:
        with _lock:
            workers = _runs.pop(run, None)
        if workers is not None:
            workers.close()


@contextmanager
def shared_workers() -> Iterator[None]:
    """Inside, audits of the same source use the same workers, which are quick to ask again."""
    global _shared
    before, _shared = _shared, "shared"
    try:
        yield
    finally:
        _shared = before
        if before is None:
            release("shared")


@atexit.register
def _close_all() -> None:
    for workers in list(_runs.values()):
        workers.close()
