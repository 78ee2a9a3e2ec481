"""One case: a function on one geometry, by both engines, as a verdict for each of its outputs.

The function runs in a process that knows nothing of what is expected; what it returns comes here as arrays. It runs first as
it is, on exact numbers of three magnitudes, in two orders and two processes; what it raises there is what it raises. Then it
runs on symbols, which decides every entry exactly for this geometry. Where symbols cannot follow it (casts to float, compiled
code), the numbers decide, with a stated chance of a mistake. Both must agree; where they do not, the numbers decide and it
is said.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.polynomials import PolynomialTerms, array_of
from symconv.audits.adjoint import OwnForward
from symconv.audits.arrays import face_of
from symconv.audits.calls import Request, Returned
from symconv.audits.causes import Observed, confirmed
from symconv.audits.explain import explain_recovered, explain_shape, explain_terms
from symconv.audits.histories import KEPT, MANNERS, named
from symconv.audits.numeric import ROUNDS, nonlinear_in
from symconv.audits.sandbox.refusals import Failure
from symconv.audits.sandbox.remote import Process, Raised
from symconv.audits.tries import MAX_SYMBOLIC_TERMS, Tries
from symconv.audits.truth import FACTORS, Derivative, Point, Reference, point_size
from symconv.formulas.tree import ADDED

__all__ = ["AFTER_OTHERS", "ENGINES", "CaseVerdict", "Unsettled", "judge"]

Array = NDArray[Any]

ENGINES = ("auto", "symbolic", "exact")
SYMBOLIC, EXACT = "symbolic", "exact integers"

#: stands for the outputs of a case in which none came back
ANY = "*"

UNLIKE = "computes something else on arrays of objects than on arrays of floats"
AFTER_OTHERS = "not deterministic: after other layers in the same process it gives another result"


@dataclass
class CaseVerdict:
    """What one case came to; all of it plain data, for pipes and JSON.

    ``outputs`` maps each output to "ok", "value" or "shape"; it is empty when ``status`` is "error", "refuses" or "limit"
    (not judged).
    """

    outputs: dict[str, str] = field(default_factory=dict)
    status: str = ""
    message: str = ""
    where: str = ""
    #: of an error: what the function was doing, or "process" where its process ended
    phase: str = ""
    engine: str = EXACT
    rounds: int = 0
    #: seen among many others, at so many rounds in one process: neither on symbols nor in another order
    brief: bool = False
    findings: list[str] = field(default_factory=list)
    shapes: dict[str, list[list[int]]] = field(default_factory=dict)
    causes: dict[str, list[str]] = field(default_factory=dict)
    failures: dict[str, dict[str, Any]] = field(default_factory=dict)


class Unsettled(Exception):
    """What was found may come from other cases that the process has served: it must be judged in one of its own.

    ``message`` is what was raised there, ``outputs`` what came out otherwise than in the second process.
    """

    def __init__(self, message: str | None = None, outputs: Sequence[str] = ()) -> None:
        super().__init__(message or ", ".join(outputs))
        self.message, self.outputs = message, tuple(outputs)

    def add_to(self, verdict: CaseVerdict) -> None:
        """What was seen among others is wrong, too, when a case by itself does not show it."""
        unlike = [name for name in self.outputs if verdict.outputs.get(name) == "ok"]
        verdict.outputs |= dict.fromkeys(unlike, "value")
        if unlike:
            verdict.findings.append(AFTER_OTHERS)


def judge(
    process: Process,
    engine: str = "auto",
    seed: int = 0,
    seconds: float = 5.0,
    explain: bool = False,
    once: bool = False,
    other: Callable[[], Process] | None = None,
    truth: str | None = None,
) -> CaseVerdict:
    """The verdict on one case; with ``explain`` also the expressions of the first wrong entry of each output.

    ``seconds`` is what the symbolic engine may take. With ``once`` the function is called in one process and one order only:
    what depends on earlier calls is not seen. A process that serves other cases, too, comes with ``other``, which gives the
    second one, and Unsettled is raised unless both saw the same; left out, the second is a fresh one. ``truth`` is a forward pass
    as a formula whose derivative is due, in place of the layer's.
    """
    return _Judgement(process, engine, seed, seconds, explain, once, other, truth).verdict()


class _Judgement:
    def __init__(
        self,
        process: Process,
        engine: str,
        seed: int,
        seconds: float,
        explain: bool,
        once: bool = False,
        other: Callable[[], Process] | None = None,
        truth: str | None = None,
    ) -> None:
        self.once, self.other, self.truth = once, other, truth
        self.caller, self.conv = process, process.conv
        self.engine, self.seed, self.seconds, self.explain = engine, seed, seconds, explain
        self.reference: Reference = (
            OwnForward(process, seed) if process.mode == "adjoint" else Derivative(process.conv, truth)
        )
        self.face = face_of(process.mode)
        self.size = point_size(process.conv, self.face.sums)
        self.result = CaseVerdict()
        self.polynomials: dict[str, list[PolynomialTerms]] = {}
        #: the first run in which an output was not right
        self.wrong_at: dict[str, tuple[Point, Returned]] = {}

    def verdict(self) -> CaseVerdict:
        try:
            on_symbols = None if self.engine == "exact" or self._too_large else self.seconds
            self.tries = Tries(
                self.caller, self.reference, self.seed, self.size, self.once, self.other is not None, on_symbols
            )
            if self.once:
                self._compare()
                steady = self.other is None or self._as_in_another(self.other)
            else:
                with self.caller.fresh() if self.other is None else nullcontext(self.other()) as other:
                    steady = self.tries.in_another(other)
                    self._compare(other)
            self.result.findings[:0] = self.tries.findings
        except Raised as raised:
            if self.other is not None:
                raise Unsettled(raised.failure.message) from raised
            return self._failed(raised.failure)
        self.result.rounds = ROUNDS
        wrong = [name for name, status in self.result.outputs.items() if status != "ok"]
        if self.other is not None:
            unlike = [name for name in wrong if name not in self.tries.unreliable and not self._seen_twice(name)]
            if unlike or not steady:
                raise Unsettled(outputs=unlike if steady else wrong)
        if not steady:  # and what is said of how arrays lie, or of symbols, is no more than that
            told = (UNLIKE, *(f"arrays that are {word}" for word in MANNERS.values()))
            self.result.findings = [each for each in self.result.findings if not any(word in each for word in told)]
            self.result.findings.append(named(self.caller, *self.tries.points[:2]))
        elif wrong:
            self.result.findings += [KEPT] * any(map(self._stale, wrong))
            self._look_into(wrong)
        seen = dict.fromkeys(finding for _, run in self.tries.runs for finding in run.findings)
        self.result.findings[:0] = list(seen)
        return self.result

    @property
    def _too_large(self) -> bool:
        """Whether symbols are not tried unless they were asked for."""
        return self.engine == "auto" and self.conv.terms > MAX_SYMBOLIC_TERMS

    def _seen_twice(self, name: str) -> bool:
        """Whether the second process, too, gave a wrong value or shape for this output."""
        return any(name not in run.outputs or self._status(name, at, run) != "ok" for at, run in self.tries.second)

    def _status(self, name: str, at: Point, run: Returned) -> str:
        """Whether what one run gave for an output is right: "ok", "shape" or "value"."""
        if run.shapes[name] != self.caller.native_shape(name, self.reference.shape(name)):
            return "shape"
        return "ok" if self.reference.agrees(at, name, run.outputs[name]) else "value"

    def _compare(self, other: Process | None = None) -> None:
        self._compare_numbers()
        if self.tries.on_symbols is not None:  # last: on objects a function may do what ends its process
            self._compare_symbols(other if other is not None and other.process else self.caller)

    def _failed(self, failure: Failure) -> CaseVerdict:
        """The verdict on an exception, with the causes that its message confirms (of whatever output: none came back)."""
        result = CaseVerdict(status=failure.status, message=failure.message, where=failure.where, phase=failure.phase)
        if failure.status == "error":
            nothing: Point = {}
            seen = (
                Observed(self.conv, name, nothing, np.zeros(0), message=failure.message) for name in self.face.outputs
            )
            keys = dict.fromkeys(key for each in seen for key in confirmed(each))
            result.causes = {ANY: list(keys)} if keys else {}
        return result

    # on numbers --------------------------------------------------------------------------------------------------------------

    def _stale(self, name: str) -> bool:
        """Whether an output is wrong at mixed points alone."""
        plain = [run for run in self.tries.runs if not any(run is each for each in self.tries.mixed)]
        return bool(self.tries.mixed) and all(
            name in run.outputs and self._status(name, at, run) == "ok" for at, run in plain
        )

    def _as_in_another(self, other: Callable[[], Process]) -> bool:
        """Whether what is wrong comes out the same in a process that has served few cases."""
        return all(status == "ok" for status in self.result.outputs.values()) or self.tries.as_in_another(other())

    def _compare_numbers(self) -> None:
        names = [name for name in self.face.outputs if any(name in run.outputs for _, run in self.tries.runs)]
        for name in names:
            self.result.outputs[name] = "ok"
            for at, run in self.tries.runs:
                if name not in run.outputs:
                    self.result.outputs[name] = "value"
                    self.result.findings.append(f"{name} is returned in some runs only")
                    break
                status = self._status(name, at, run)
                if status == "shape":
                    native = self.caller.native_shape(name, self.reference.shape(name))
                    self.result.shapes[name] = [list(run.shapes[name]), list(native)]
                elif status == "value" or name in self.tries.unreliable:
                    status = "value"
                    self.wrong_at.setdefault(name, (at, run))
                if status != "ok":
                    self.result.outputs[name] = status
                    break

    # on symbols --------------------------------------------------------------------------------------------------------------

    def _compare_symbols(self, process: Process) -> None:
        try:
            verdicts = self._follow(process)
        except (Raised, TypeError, ValueError, ArithmeticError, KeyError, pickle.PickleError):
            return  # what the audited code raises on symbols: the numbers decide
        numbers = self.result.outputs
        if verdicts.keys() == numbers.keys() and all((verdicts[k] == "ok") == (numbers[k] == "ok") for k in numbers):
            self.result.engine = SYMBOLIC
        else:
            self.result.findings.append(UNLIKE)

    def _follow(self, process: Process) -> dict[str, str]:
        returned = self.tries.on_symbols_in(process)
        verdicts = {}
        for name, terms in returned.terms.items():
            self.polynomials[name] = terms
            if returned.term_shapes[name] != self.reference.shape(name):
                verdicts[name] = "shape"
            else:
                verdicts[name] = "ok" if terms == self.reference.terms(name) else "value"
        return verdicts

    # wrong outputs --------------------------------------------------------------------------------------------------------------

    def _look_into(self, wrong: Sequence[str]) -> None:
        for name in wrong:
            at, seen = self.wrong_at.get(name, self.tries.runs[-1])
            if name not in seen.outputs:
                continue
            if name in self.tries.unreliable:
                self.result.failures[name] = {"note": self.tries.unreliable[name]}
                continue
            if self._not_bilinear(name):
                self.result.findings.append(f"not bilinear: {name}")
            truth = self.reference.numbers(at, name) if self.caller.mode != "adjoint" else None
            if truth is not None:
                observed = Observed(
                    self.conv, name, at, truth, seen.outputs[name], depends=partial(self._depends, name)
                )
                self.result.causes[name] = confirmed(observed, self.truth is not None)
            if self.explain:
                self.result.failures[name] = self._explained(name, at, seen)

    def _depends(self, name: str, array: str) -> bool:
        at, seen = self.wrong_at.get(name, self.tries.runs[-1])
        try:
            again = self.caller.gradients(at | {array: 1.5 - at[array] / 2})
        except Raised:
            return False
        if name not in again.outputs:
            return False
        return not np.array_equal(again.outputs[name], seen.outputs[name], equal_nan=True)

    def _not_bilinear(self, name: str) -> bool:
        factors = FACTORS[name]
        if self.result.engine == SYMBOLIC:
            degree = 1 if name == "db" else 2
            return any(
                len(m) > degree or len({array_of(v)[0] for v in m}) < len(m)
                for terms in self.polynomials[name]
                for m in terms
            )
        return nonlinear_in(
            self._outputs_at,
            self.conv,
            self.seed,
            self.size // 4,
            name,
            tuple(a for a in factors if a not in ADDED.values()),
        )

    def _outputs_at(self, points: Sequence[Point]) -> list[dict[str, Array] | None]:
        try:
            answers = self.caller.several([Request(at, optional=True) for at in points])
        except Raised:
            answers = []
        found = [answer.outputs if isinstance(answer, Returned) else None for answer in answers]
        return found + [None] * (len(points) - len(found))

    def _outputs(self, at: Point) -> dict[str, Array]:
        return self.caller.gradients(at).outputs

    def _explained(self, name: str, at: Point, seen: Returned) -> dict[str, Any]:
        if self.result.outputs[name] == "shape":
            return explain_shape(name, *self.result.shapes[name])
        if self.result.engine == SYMBOLIC:
            return explain_terms(self.reference, name, self.polynomials[name])
        return explain_recovered(self.reference, name, self._outputs, at, seen.outputs[name])
