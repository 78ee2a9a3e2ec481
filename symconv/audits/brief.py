"""Many cases at a time, briefly: what a grid of a million affords.

All are called, at the points of exact integers, in a process that serves them one after the other; some once more, in another
order, in a process of its own. What does not come out right, or does anything beside, is left: it must be judged by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from symconv.audits.arrays import face_of
from symconv.audits.calls import Request, Returned
from symconv.audits.judge import CaseVerdict
from symconv.audits.numeric import ROUNDS
from symconv.audits.sandbox.refusals import Failure
from symconv.audits.sandbox.remote import Process, Raised
from symconv.audits.tries import MAX_SYMBOLIC_TERMS
from symconv.audits.truth import Point, point_size, points
from symconv.audits.windows import Windows
from symconv.layer.conv import Conv

__all__ = ["Left", "briefly"]

#: cases that one message is about
TOGETHER = 16


@dataclass(frozen=True)
class Left:
    """A case that is left to be judged by itself; ``outputs`` came out wrong among others. ``seen`` is what it came to there, if
    that is clear."""

    outputs: tuple[str, ...] = ()
    seen: CaseVerdict | None = None


@dataclass
class _Tried:
    conv: Conv
    reference: Windows
    native: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def wrong(self, at: Point, answer: Returned) -> tuple[str, ...]:
        """The outputs that did not come out right at a point."""
        return tuple(
            name for name, value in answer.outputs.items()
            if answer.shapes[name] != self.native[name] or not self.reference.agrees(at, name, value)
        )  # fmt: skip


def briefly(
    start: Callable[[Conv], Process], convs: Sequence[Conv], again: Sequence[int], seed: int, truth: str | None = None
) -> list[CaseVerdict | Left]:
    """The verdict on each case that is right, by processes that ``start`` gives; ``again`` are the numbers of those that are
    tried once more, in the order in which they are."""
    found: list[CaseVerdict | Left] = [Left() for _ in convs]
    kept: dict[int, _Tried] = {}
    for i, tried, answers in _tried(start, convs, range(len(convs)), seed, {}, truth):
        found[i] = _verdict(tried, answers)
        if i in again and isinstance(found[i], CaseVerdict):
            kept[i] = tried
    for i, tried, answers in _tried(start, convs, [i for i in again if i in kept], seed, kept, truth):
        (answer,) = answers
        wrong = tried.wrong(tried.reference.points[1], answer) if isinstance(answer, Returned) else ()
        before = found[i]
        assert isinstance(before, CaseVerdict)  # only those are tried again
        if wrong or not isinstance(answer, Returned) or answer.outputs.keys() != before.outputs.keys():
            found[i] = Left(wrong)
        del kept[i]
    for i in kept:  # the process ended before their turn
        found[i] = Left()
    return found


def _tried(
    start: Callable[[Conv], Process],
    convs: Sequence[Conv],
    order: Sequence[int],
    seed: int,
    known: dict[int, _Tried],
    truth: str | None,
) -> Iterator[tuple[int, _Tried, list[Returned | Failure]]]:
    """Cases in order with what came back at their points, or at the second one of those that are ``known``; up to the end
    of the process."""
    if not order:
        return
    with start(convs[order[0]]) as process:
        face = face_of(process.mode)
        for begin in range(0, len(order), TOGETHER):
            asked: dict[int, tuple[_Tried, list[Request]]] = {}
            for i in order[begin : begin + TOGETHER]:
                conv = convs[i]
                if conv.terms > MAX_SYMBOLIC_TERMS:
                    continue
                tried = known.get(i)
                if tried is None:
                    drawn = points(conv, seed, ROUNDS, point_size(conv, face.sums), face.arrays)
                    tried = _Tried(conv, Windows(conv, truth, drawn))
                first, second, *rest = (Request(at, optional=True) for at in tried.reference.points)
                guarded = replace(first, guarded=True)
                asked[i] = (tried, [second] if i in known else [guarded, second, *rest])
            try:
                answers = process.layers([(tried.conv, requests) for tried, requests in asked.values()])
            except Raised:
                return
            for (i, (tried, _)), (native, returned) in zip(asked.items(), answers, strict=True):
                tried.native = native
                yield i, tried, returned


def _verdict(tried: _Tried, answers: Sequence[Returned | Failure]) -> CaseVerdict | Left:
    """The verdict on a case that came out right at all points and did nothing beside."""
    runs = [answer for answer in answers if isinstance(answer, Returned)]
    if len(runs) < ROUNDS:
        first = next(answer for answer in answers if isinstance(answer, Failure))
        alike = all(isinstance(each, Failure) and each.status == first.status for each in answers)
        return Left(seen=CaseVerdict(status=first.status, message=first.message) if alike else None)
    names = list(runs[0].outputs)
    wrong: dict[str, str] = {}
    for at, run in zip(tried.reference.points, runs, strict=True):
        for name in tried.wrong(at, run):
            wrong[name] = "value" if run.shapes[name] == tried.native[name] else "shape"
    if not names or any(run.outputs.keys() != runs[0].outputs.keys() or run.beyond for run in runs):
        return Left(tuple(wrong))
    if wrong or any(run.findings for run in runs):
        return Left(tuple(wrong), CaseVerdict(outputs=dict.fromkeys(names, "ok") | wrong, rounds=ROUNDS, brief=True))
    return CaseVerdict(outputs=dict.fromkeys(names, "ok"), rounds=ROUNDS, brief=True)
