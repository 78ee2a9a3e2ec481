"""The calls that a case is tried with, in two processes and two orders, and what came back.

Each process is asked for all its calls in one message. Where a call may end the process of a case by itself, and it matters
which one did, they are asked for one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from symconv.audits.adjoint import OwnForward
from symconv.audits.arrays import face_of
from symconv.audits.calls import Request, Returned
from symconv.audits.histories import MANNERS, alike, mixed, neighbours, of_manner
from symconv.audits.numeric import ROUNDS
from symconv.audits.sandbox.refusals import Failure
from symconv.audits.sandbox.remote import Process, Raised
from symconv.audits.truth import Point, Reference, point, point_size
from symconv.layer.conv import Conv

__all__ = ["MAX_SYMBOLIC_TERMS", "Tries", "points_of"]

#: a function is called so many times more, unless that takes long: it may count
TIMES = 4

#: a loss with more terms than this is not followed on symbols unless the engine was asked for
MAX_SYMBOLIC_TERMS = 20_000

#: the share of a case's time that calls on other layers may take beside
OTHERS = 0.4


def points_of(
    process: Process, reference: Reference, seed: int, size: int, conv: Conv | None = None
) -> list[Point]:  # fmt: skip
    """The points that a case is tried at; those of a function's own forward pass have the shapes that this returns."""
    conv = conv or process.conv
    shapes: dict[str, tuple[int, ...]] = dict(conv.shapes)
    if isinstance(reference, OwnForward):
        try:
            shapes = reference.shapes()
        except Raised as raised:
            failure = raised.failure
            told = f"forward: {failure.message.removeprefix('forward: ')}"
            raise Raised(Failure(failure.status, told, failure.where, "forward")) from raised
    arrays = face_of(process.mode).arrays
    return [point(conv, seed, number, size, shapes, arrays) for number in range(ROUNDS)]


class Tries:
    """The runs of one case on numbers, and what came of it on symbols.

    ``together`` asks each process for all in one message, whose end is then nothing about this case alone. ``on_symbols`` is
    what symbols may take in seconds; with None they are not tried.
    """

    def __init__(
        self, process: Process, reference: Reference, seed: int, size: int, once: bool, together: bool, on_symbols: float | None
    ) -> None:  # fmt: skip
        self.caller, self.conv, self.reference, self.seed = process, process.conv, reference, seed
        self.face = face_of(process.mode)
        self.once, self.together, self.on_symbols = once, together, on_symbols
        self.points = points_of(process, reference, seed, size)
        #: every run on numbers, with its point, and of these the ones in the second process
        self.runs: list[tuple[Point, Returned]] = []
        self.second: list[tuple[Point, Returned]] = []
        #: and those with arrays of two points
        self.mixed: list[tuple[Point, Returned]] = []
        #: outputs that hold memory which nobody has set, or outside their arrays
        self.unreliable: dict[str, str] = {}
        self.findings: list[str] = []
        #: what came back on symbols, where they have been tried
        self.symbolic: Returned | Failure | None = None
        self._again: list[tuple[Returned, Returned]] = []
        self._first_runs()

    def _first_runs(self) -> None:
        """A run with unset and out-of-reach memory made visible, where that can be done, and those as the function is.

        The first point comes again, then arrays of two points in the memory of those before, and the second point again (often,
        where nothing is mixed: it may count).
        """
        first, second, third = self.points
        again: list[tuple[Point, Request]] = []
        if not self.once:
            again = [(first, Request(first))]
            if self.conv.terms <= MAX_SYMBOLIC_TERMS:
                both = list(mixed(third, first)) if self.caller.mode == "backward" else []
                again += [(at, Request(at, manner="in place")) for at in both]
                again.append((second, Request(second, times=1 if both else TIMES)))
        symbols = [self._symbols()] if self.once and self.together and self.on_symbols is not None else []
        rest = [*(Request(at) for at in self.points[1:]), *(request for _, request in again), *symbols]
        answers = self.caller.several([Request(first, guarded=True), *rest])
        if isinstance(answers[0], Failure):  # the run as it is says what the function raises
            answers = self.caller.several([Request(first), *rest])
        else:
            self._note_guarded(_returned(answers[0]))
        if symbols and len(answers) == len(self.points) + 1:
            self.symbolic = answers.pop()
        returned = [_returned(answer) for answer in answers]
        self.runs = list(zip(self.points, returned, strict=False))
        for (at, request), run in zip(again, returned[len(self.points) :], strict=False):
            if at is first and self.unreliable:
                continue
            self.runs.append((at, run))
            if request.manner:
                self.mixed.append(self.runs[-1])
            else:
                self._again.append((self.runs[0 if at is first else 1][1], run))

    def _note_guarded(self, guarded: Returned) -> None:
        if guarded.beyond:
            told = guarded.beyond[0]
            self.findings.append(told)
            for name, value in guarded.outputs.items():
                if value.dtype.kind in "fc" and not np.all(np.isfinite(value)):
                    self.unreliable[name] = f"OutOfBounds: {told}"

    def in_another(self, other: Process) -> bool:
        """The points in another order in a second process after other layers; whether all is the same."""
        near = [Request(at, conv=conv, optional=True) for conv, at in self._neighbours()]
        own = [Request(self.points[1], unwatched=True), Request(self.points[0])]
        manners = [replace(own[1], manner=manner, optional=True) for manner in MANNERS] if not self.unreliable else []
        symbols = [self._symbols()] if self.on_symbols is not None else []
        answers: list[Returned | Failure] = []
        with other.further_time(OTHERS) as spent:
            if not self.together:
                answers += _one_by_one(other, near)
        if not self.together:
            self.caller.deadline += spent()
            if other.process is None:  # a layer that is not this case ended the process, or takes all the time
                return self._same()
            answers += other.several(own)
            answers += _one_by_one(other, [*manners, *symbols])
        else:
            other.deadline += OTHERS * other.task.time_limit
            answers = other.several([*near, *own, *manners, *symbols])
        found = iter(answers[len(near) :])
        self.second = [(at, _returned(next(found))) for at in (self.points[1], self.points[0])]
        self.runs += self.second
        after, again = (run for _, run in self.second)
        self._again.append((self.runs[1][1], after))
        if not self.unreliable:
            self._again.append((self.runs[0][1], again))
        for manner, answer in zip(MANNERS, found, strict=False) if manners else ():
            self.findings += of_manner(manner, answer, again)
        self.symbolic = next(found, None)
        return self._same()

    def as_in_another(self, other: Process) -> bool:
        """Whether the runs come out the same in a process that has served few cases."""
        self.second = [(at, _returned(a)) for (at, _), a in zip(
            self.runs, other.several([Request(at) for at, _ in self.runs]), strict=False)]  # fmt: skip
        pairs = zip(self.runs, self.second, strict=True)
        return bool(self.unreliable) or all(alike(run, again) for (_, run), (_, again) in pairs)

    def on_symbols_in(self, process: Process) -> Returned:
        """What the function returns on symbols; Raised where it cannot be followed."""
        answer = self.symbolic
        if answer is None:
            (answer,) = process.several([self._symbols()])
        return _returned(answer)

    def _symbols(self) -> Request:
        shapes = {name: self.reference.shape(name) for name in self.face.arrays}
        return Request({}, shapes=shapes, seconds=self.on_symbols or 0.0, optional=True)

    def _neighbours(self) -> Iterator[tuple[Conv, Point]]:
        if self.caller.mode != "adjoint":
            for conv in neighbours(self.conv):
                size = point_size(conv, self.face.sums)
                yield conv, point(conv, self.seed, 3, size, arrays=self.face.arrays)

    def _same(self) -> bool:
        return all(alike(a, b) for a, b in self._again)


def _returned(answer: Returned | Failure) -> Returned:
    if isinstance(answer, Failure):
        raise Raised(answer)
    return answer


def _one_by_one(process: Process, requests: Sequence[Request]) -> list[Returned | Failure]:
    """The answers, up to the one at which the process ended."""
    answers: list[Returned | Failure] = []
    for request in requests:
        try:
            answers += process.several([request])
        except Raised as raised:
            return [*answers, raised.failure]
    return answers
