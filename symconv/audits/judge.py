"""One case: a function on one geometry, by both engines, as a verdict for each of its outputs.

The function runs first as it is, on exact numbers; what it raises there is what it raises. Then it runs on symbols, which
decides every entry exactly for this geometry. Where symbols cannot follow it (casts to float, compiled code), more points of
exact numbers decide, with a stated chance of a mistake. Both must agree; where they do not, the numbers decide and it is said.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.polynomials import PolynomialTerms, arrays_in, as_terms, start_counting, symbols
from symconv.audits.adjoint import OwnForward
from symconv.audits.calls import Caller, Returned
from symconv.audits.causes import Observed, confirmed
from symconv.audits.conventions import GRADIENTS
from symconv.audits.explain import explain_recovered, explain_shape, explain_terms
from symconv.audits.numeric import ROUNDS, nonlinear_in
from symconv.audits.sandbox import standin
from symconv.audits.sandbox.refusals import Failure, failure_of
from symconv.audits.truth import FACTORS, Derivative, Point, Reference, point, point_size

__all__ = ["ENGINES", "MAX_SYMBOLIC_TERMS", "CaseVerdict", "judge"]

Array = NDArray[Any]

ENGINES = ("auto", "symbolic", "exact")
SYMBOLIC, EXACT = "symbolic", "exact integers"

#: stands for the outputs of a case in which none came back
ANY = "*"

#: a loss with more terms than this is not followed on symbols unless the engine was asked for
MAX_SYMBOLIC_TERMS = 20_000


@dataclass
class CaseVerdict:
    """What one case came to; all of it plain data, for pipes and JSON.

    ``outputs`` maps each output to "ok", "value" or "shape"; it is empty when ``status`` is "error" or "refuses".
    """

    outputs: dict[str, str] = field(default_factory=dict)
    status: str = ""
    message: str = ""
    where: str = ""
    engine: str = EXACT
    rounds: int = 0
    findings: list[str] = field(default_factory=list)
    shapes: dict[str, list[list[int]]] = field(default_factory=dict)
    causes: dict[str, list[str]] = field(default_factory=dict)
    failures: dict[str, dict[str, Any]] = field(default_factory=dict)


class SymbolsGaveUp(Exception):
    """Symbols could not follow the function; says why."""


def judge(
    caller: Caller,
    own_files: Sequence[str] = (),
    engine: str = "auto",
    seed: int = 0,
    seconds: float = 5.0,
    explain: bool = False,
) -> CaseVerdict:
    """The verdict on one case; with ``explain`` also the expressions of the first wrong entry of each output.

    ``seconds`` is what the symbolic engine may take.
    """
    return _Judgement(caller, own_files, engine, seed, seconds, explain).verdict()


class _Judgement:
    def __init__(
        self, caller: Caller, own_files: Sequence[str], engine: str, seed: int, seconds: float, explain: bool
    ) -> None:
        self.caller, self.conv, self.own_files = caller, caller.conv, own_files
        self.engine, self.seed, self.seconds, self.explain = engine, seed, seconds, explain
        self.reference: Reference = OwnForward(caller, seed) if caller.mode == "adjoint" else Derivative(caller.conv)
        self.size = point_size(caller.conv)
        self.result = CaseVerdict()
        #: every run on numbers, with its point
        self.runs: list[tuple[Point, Returned]] = []
        self.polynomials: dict[str, list[PolynomialTerms]] = {}
        #: the first run in which an output was not right
        self.wrong_at: dict[str, tuple[Point, Returned]] = {}

    def verdict(self) -> CaseVerdict:
        try:
            self._first_runs()
        except _Ended as ended:
            return self._failed(ended.failure)
        self._compare_numbers()
        if self.engine != "exact":
            self._compare_symbols()
        if self.result.engine == EXACT:
            try:
                while len(self.runs) < ROUNDS:
                    self._run(self._point(len(self.runs)))
            except _Ended as ended:
                return self._failed(ended.failure)
            self._compare_numbers()
        self.result.rounds = len(self.runs)
        wrong = [name for name, status in self.result.outputs.items() if status != "ok"]
        if wrong:
            self._look_into(wrong)
        seen = dict.fromkeys(finding for _, run in self.runs for finding in run.findings)
        self.result.findings[:0] = list(seen)
        return self.result

    def _failed(self, failure: Failure) -> CaseVerdict:
        """The verdict on an exception, with the causes that its message confirms (of whatever output: none came back)."""
        result = CaseVerdict(status=failure.status, message=failure.message, where=failure.where)
        if failure.status == "error":
            nothing: Point = {}
            seen = (
                Observed(self.conv, name, nothing, np.zeros(0), message=failure.message) for name in ("y", *GRADIENTS)
            )
            keys = dict.fromkeys(key for each in seen for key in confirmed(each))
            result.causes = {ANY: list(keys)} if keys else {}
        return result

    # on numbers --------------------------------------------------------------------------------------------------------------

    def _point(self, number: int) -> Point:
        shapes: dict[str, tuple[int, ...]] = dict(self.conv.shapes)
        if isinstance(self.reference, OwnForward):
            try:
                shapes = self.reference.shapes()
            except BaseException as error:
                failure = self._failure(error)
                raise _Ended(Failure(failure.status, f"forward: {failure.message}", failure.where)) from error
        return point(self.conv, self.seed, number, self.size, shapes)

    def _failure(self, error: BaseException) -> Failure:
        return failure_of(error, self.own_files, self.caller.given)

    def _run(self, at: Point, table: standin.Table | None = None) -> Returned:
        try:
            returned = self.caller.gradients(at, table)
        except BaseException as error:  # also SystemExit: whatever audited code raises is its case's verdict
            raise _Ended(self._failure(error)) from error
        self.runs.append((at, returned))
        return returned

    def _first_runs(self) -> None:
        """One run with unset and out-of-reach memory made visible, where that can be done, and one as the function is."""
        first = self._point(0)
        standin.out_of_bounds.clear()
        try:
            guarded = self._run(first, standin.GUARDED)
        except _Ended:
            guarded = None  # the run as it is says what the function raises
        if guarded is not None and standin.out_of_bounds:
            told = standin.out_of_bounds[0]
            if any(not np.all(np.isfinite(v)) for v in guarded.outputs.values() if v.dtype.kind in "fc"):
                raise _Ended(Failure("error", f"OutOfBounds: {told}"))
            self.result.findings.append(told)
        if guarded is None:
            self._run(first)
        self._run(self._point(1))

    def _compare_numbers(self) -> None:
        names = [name for name in ("y", *GRADIENTS) if any(name in run.outputs for _, run in self.runs)]
        for name in names:
            expected = self.reference.shape(name)
            for at, run in self.runs:
                if name not in run.outputs:
                    self.result.outputs[name] = "value"
                    self.result.findings.append(f"{name} is returned in some runs only")
                    break
                value = run.outputs[name]
                native = self.caller.native_shape(name, expected)
                if run.shapes[name] != native:
                    self.result.outputs[name] = "shape"
                    self.result.shapes[name] = [list(run.shapes[name]), list(native)]
                    break
                if not self.reference.agrees(at, name, value):
                    self.result.outputs[name] = "value"
                    self.wrong_at.setdefault(name, (at, run))
                    break
            else:
                self.result.outputs[name] = "ok"

    # on symbols --------------------------------------------------------------------------------------------------------------

    def _compare_symbols(self) -> None:
        try:
            if self.engine == "auto" and self.conv.terms > MAX_SYMBOLIC_TERMS:
                raise SymbolsGaveUp(f"a loss of {self.conv.terms:,} terms")
            start_counting()
            with _time_limit(self.seconds):
                verdicts = self._follow()
        except BaseException:  # also what the audited code raises on symbols: the numbers decide
            return
        numbers = self.result.outputs
        if verdicts.keys() == numbers.keys() and all((verdicts[k] == "ok") == (numbers[k] == "ok") for k in numbers):
            self.result.engine = SYMBOLIC
        else:
            self.result.findings.append("computes something else on arrays of objects than on arrays of floats")

    def _follow(self) -> dict[str, str]:
        shapes = {name: self.reference.shape(name) for name in ("x", "w", "b", "dy")}
        returned = self.caller.gradients(
            {name: symbols(name, shape) for name, shape in shapes.items()}, standin.SYMBOLIC
        )
        verdicts = {}
        for name, value in returned.outputs.items():
            terms = [as_terms(entry) for entry in value.reshape(-1)]
            self.polynomials[name] = terms
            if value.shape != self.reference.shape(name):
                verdicts[name] = "shape"
            else:
                verdicts[name] = "ok" if terms == self.reference.terms(name) else "value"
        return verdicts

    # wrong outputs --------------------------------------------------------------------------------------------------------------

    def _look_into(self, wrong: Sequence[str]) -> None:
        if self._differs(*self.runs[-1]):
            self.result.findings.append("not deterministic: the same arguments give different results")
            return
        for name in wrong:
            at, seen = self.wrong_at.get(name, self.runs[-1])
            if name not in seen.outputs:
                continue
            if self._not_bilinear(name):
                self.result.findings.append(f"not bilinear: {name}")
            truth = self.reference.numbers(at, name) if self.caller.mode != "adjoint" else None
            if truth is not None:
                observed = Observed(
                    self.conv, name, at, truth, seen.outputs[name], depends=partial(self._depends, name)
                )
                self.result.causes[name] = confirmed(observed)
            if self.explain:
                self.result.failures[name] = self._explained(name, at, seen)

    def _again(self, at: Point) -> Returned | None:
        try:
            return self.caller.gradients(at)
        except BaseException:
            return None

    def _differs(self, at: Point, seen: Returned) -> bool:
        for _ in range(2):
            again = self._again(at)
            if again is None or again.outputs.keys() != seen.outputs.keys():
                return True
            if any(not np.array_equal(again.outputs[k], v, equal_nan=True) for k, v in seen.outputs.items()):
                return True
        return False

    def _depends(self, name: str, array: str) -> bool:
        at, seen = self.wrong_at.get(name, self.runs[-1])
        again = self._again(at | {array: 1.5 - at[array] / 2})
        if again is None or name not in again.outputs:
            return False
        return not np.array_equal(again.outputs[name], seen.outputs[name], equal_nan=True)

    def _not_bilinear(self, name: str) -> bool:
        factors = FACTORS[name]
        if self.result.engine == SYMBOLIC:
            degree = 1 if name == "db" else 2
            return any(
                len(m) > degree or len(arrays_in([m])) < len(m) for terms in self.polynomials[name] for m in terms
            )
        return nonlinear_in(
            self._outputs, self.conv, self.seed, self.size // 4, name, tuple(a for a in factors if a != "b")
        )

    def _outputs(self, at: Point) -> dict[str, Array]:
        return self.caller.gradients(at).outputs

    def _explained(self, name: str, at: Point, seen: Returned) -> dict[str, Any]:
        if self.result.outputs[name] == "shape":
            return explain_shape(name, *self.result.shapes[name])
        if self.result.engine == SYMBOLIC:
            return explain_terms(self.reference, name, self.polynomials[name])
        return explain_recovered(self.reference, name, self._outputs, at, seen.outputs[name])


class _Ended(Exception):
    """The function raised: the case has its verdict."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """SymbolsGaveUp after so many seconds (in a main thread, where signals arrive); a timer that ran before goes on after."""
    began = time.monotonic()

    def stop(number: int, frame: FrameType | None) -> None:
        raise SymbolsGaveUp(f"symbols took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001))
    if time.monotonic() - began > seconds:
        raise SymbolsGaveUp(f"symbols took longer than {seconds:g} s")
