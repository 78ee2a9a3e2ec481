"""The audited function as the process that judges sees it: asked through a socket, in a child that runs nothing but it."""

from __future__ import annotations

import contextlib
import os
import pickle
import re
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from symconv.audits.arrays import face_of
from symconv.audits.calls import Request, Returned
from symconv.audits.sandbox import messages
from symconv.audits.sandbox.refusals import Failure
from symconv.audits.sandbox.runner import End, Ended, Fork, Layer, Names, Started
from symconv.audits.sandbox.target import TargetError
from symconv.layer.conv import Conv

__all__ = ["Process", "Raised", "Runner"]

Array = NDArray[Any]

#: of what a child prints this many bytes are kept, the last ones
KEPT = 4096

#: what libraries print that end the process when they get no memory
_NO_MEMORY = re.compile(
    rb"(?i)cannot allocate memory|bad_alloc|out of memory|failed to allocate|memory allocation .*failed"
)


class Raised(Exception):
    """The function raised, or its process ended: says how."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Runner:
    """The process that has loaded the audited code, over its control socket."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control

    def ask(self, message: Any, descriptors: tuple[int, ...] = ()) -> Any:
        """The answer to a message; EOFError when the process is gone, TargetError for what is not there."""
        try:
            self.control.sendall(messages.packed(message))
            if descriptors:
                socket.send_fds(self.control, [b"f"], list(descriptors))
            # its own words: a few classes of this package, from code that runs before a case does
            answer = pickle.loads(messages.read(self.control.recv))
        except OSError as error:
            raise EOFError from error
        if isinstance(answer, TargetError):
            raise answer
        return answer

    def fingerprint(self, names: Names) -> str:
        return str(self.ask(names))


class Process:
    """A process for one case at a time; calls are made in it one after the other. Raised says what went wrong there."""

    def __init__(self, runner: Runner, task: Fork, deadline: float) -> None:
        self.runner, self.task, self.deadline = runner, task, deadline
        self.conv, self.mode = task.conv, task.mode
        self._said = b""
        self._native: dict[tuple[str, tuple[int, ...]], tuple[int, ...]] = {}
        self._socket, other = socket.socketpair()
        self._printed, printing = os.pipe()
        try:
            started: Started = runner.ask(task, (other.fileno(), printing))
        except BaseException:
            self._socket.close()
            os.close(self._printed)
            raise
        finally:
            other.close()
            os.close(printing)
        self.process: int | None = started.process
        self._socket.setblocking(False)
        os.set_blocking(self._printed, False)
        self._awaited = selectors.DefaultSelector()
        self._awaited.register(self._socket, selectors.EVENT_READ)
        self._awaited.register(self._printed, selectors.EVENT_READ)
        #: goes in front of the next message: the layer that its calls are of, and how its results are laid out
        self._first: list[Any] = self._layouts()

    def fresh(self) -> Process:
        """Another process for the same case, with the same deadline."""
        return Process(self.runner, self.task, self.deadline)

    def turn_to(self, conv: Conv, deadline: float) -> None:
        """Go on with another layer, whose calls may take until the deadline; what earlier ones left is there."""
        self.conv, self.task, self.deadline = conv, replace(self.task, conv=conv), deadline
        self._native, self._said = {}, b""
        self._first = [Layer(conv), *self._layouts()]

    def _layouts(self) -> list[tuple[str, tuple[int, ...]]]:
        shapes = self.conv.shapes
        return [(name, shapes[name]) for name in face_of(self.mode).outputs] if self.mode != "adjoint" else []

    def layers(
        self, asked: Sequence[tuple[Conv, Sequence[Request]]]
    ) -> list[tuple[dict[str, tuple[int, ...]], list[Returned | Failure]]]:  # fmt: skip
        """Optional requests for several layers, in one message, with a case's time for all: for each the shapes of its outputs as
        the convention lays them out, and the answers."""
        self.deadline, self._first, flat = time.monotonic() + self.task.time_limit, [], []
        for conv, requests in asked:
            self.conv = conv
            flat += [Layer(conv), *self._layouts(), *requests]
        answers = iter(self._ask(flat))
        result = []
        for conv, requests in asked:
            next(answers)
            self.conv = conv
            native = {name: tuple(next(answers)) for name, _ in self._layouts()}
            result.append((native, [next(answers) for _ in requests]))
        return result

    @contextmanager
    def further_time(self, share: float) -> Iterator[Callable[[], float]]:
        """Inside, calls may take this share of a case's time and the case's own deadline moves on; gives what was spent."""
        began, before = time.monotonic(), self.deadline
        self.deadline = began + share * self.task.time_limit

        def spent() -> float:
            return time.monotonic() - began

        try:
            yield spent
        finally:
            self.deadline = before + spent()

    # calls --------------------------------------------------------------------------------------------------------------

    def gradients(self, at: Mapping[str, Array], **how: Any) -> Returned:
        """What the function returns at a point; ``how`` are fields of a request."""
        (answer,) = self.several([Request(dict(at), **how)])
        if isinstance(answer, Failure):
            raise Raised(answer)
        return answer

    def several(self, requests: Sequence[Request]) -> list[Returned | Failure]:
        """The answers to requests in one message, up to the first failure of one that is not optional; Raised when none come."""
        return self._ask(requests)

    def own_forward(self, at: Mapping[str, Array]) -> Array:
        """y of the function's own forward pass."""
        outputs = self.gradients(at, own_forward=True).outputs
        return outputs["y"]

    def native_shape(self, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        """``shape`` as the convention lays ``name`` out."""
        if (name, shape) not in self._native:
            (answer,) = self._ask([(name, tuple(shape))])
            if isinstance(answer, Failure):
                raise Raised(answer)
            self._native[name, shape] = tuple(answer)
        return self._native[name, shape]

    def _ask(self, requests: Sequence[Any]) -> list[Any]:
        if self.process is None:
            raise Raised(Failure("error", "its process has ended", phase="process"))
        try:
            first, self._first = self._first, []
            self._send(messages.packed([*first, *requests]))
            answers = _as_asked(messages.as_data(self._received()), [*first, *requests])
            for asked, answer in zip(first, answers, strict=False):
                if isinstance(asked, tuple):
                    self._native[asked] = tuple(answer)
        except TimeoutError:
            self.end()
            told = f"no answer within {self.task.time_limit:g} s (the time limit)"
            raise Raised(Failure("limit", told, phase="process")) from None
        except (EOFError, OSError):
            status = self.end()
            no_memory = _NO_MEMORY.search(self._said) is not None
            told = _ended(status) + (" when no memory was left (the memory limit)" if no_memory else "")
            failure = Failure("limit" if no_memory else "error", told, _where(self._said), "process")
            raise Raised(failure) from None
        except Exception:  # the socket is open while the function runs
            self.end()
            raise Raised(Failure("error", "wrote to descriptors that it did not open", phase="process")) from None
        return answers[len(first) :]

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        view = view[self._socket.send(view) :]
        if view:
            with selectors.DefaultSelector() as selector:
                selector.register(self._socket, selectors.EVENT_WRITE)
                while view:
                    self._wait(selector)
                    view = view[self._socket.send(view) :]

    def _received(self) -> bytes:
        """The next message; what is printed meanwhile is taken up."""
        got, length = bytearray(), None
        while length is None or len(got) < length:
            if self._wait(self._awaited):
                part = self._socket.recv(1 << 20)
                if not part:
                    self._take_printed()
                    raise EOFError
                got += part
                if length is None and len(got) >= messages.HEAD:
                    length = messages.HEAD + int.from_bytes(got[: messages.HEAD], "big")
        return bytes(got[messages.HEAD : length])

    def _wait(self, selector: selectors.BaseSelector) -> bool:
        """Whether the socket is ready; TimeoutError when the deadline is over."""
        left = self.deadline - time.monotonic()
        events = selector.select(max(left, 0))
        if left <= 0:
            raise TimeoutError
        ready = False
        for key, _ in events:
            if key.fileobj != self._printed:
                ready = True
            elif not self._take_printed():
                selector.unregister(self._printed)
        return ready

    def _take_printed(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            part = os.read(self._printed, 65536)
            self._said = (self._said + part)[-KEPT:]
            return bool(part)
        return True

    # its end -------------------------------------------------------------------------------------------------------------

    def end(self) -> int:
        """End the process; its exit status. What it imported goes with it: libraries with threads do not bear a fork."""
        process, self.process = self.process, None
        if process is None:
            return 0
        self._awaited.close()
        self._socket.close()
        try:
            answer: Ended = self.runner.ask(End(process))
        finally:
            os.close(self._printed)
        return answer.status

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(EOFError):
            self.end()


def _as_asked(answers: Any, requests: Sequence[Any]) -> list[Any]:
    """The answers, if they are of the kinds that were asked for; else ValueError: the socket is open while the function runs."""
    kinds = [Returned if isinstance(r, Request) else tuple if isinstance(r, tuple) else type(None) for r in requests]
    if not isinstance(answers, list) or len(answers) > len(requests):
        raise ValueError("other answers than were asked for")
    if not all(isinstance(a, kind | Failure) for a, kind in zip(answers, kinds, strict=False)):
        raise ValueError("answers of other kinds than were asked for")
    if len(answers) < len(requests) and not (answers and isinstance(answers[-1], Failure)):
        raise ValueError("fewer answers than were asked for")
    return answers


def _ended(status: int) -> str:
    """How a child ended that gave no answer."""
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
