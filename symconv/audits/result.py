"""What an audit found, case by case and in short."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from symconv.audits.arrays import face_of
from symconv.audits.case import Case
from symconv.audits.challenge import drawn
from symconv.audits.condition import Condition, find_condition
from symconv.audits.failure import Failure
from symconv.audits.measures import size_of, without_numbers
from symconv.audits.numeric import ROUNDS, false_right
from symconv.audits.patterns import NamedCause, named_causes
from symconv.audits.rules import Table, table_of
from symconv.audits.swept import Swept
from symconv.audits.tally import Tally
from symconv.audits.truth import point_size

__all__ = ["Failure", "Outcome", "Tally", "size_of"]


@dataclass(frozen=True)
class Outcome:
    """What was found: ``ok`` when some documented case is right and none is wrong."""

    label: str
    convention: str
    mode: str
    outputs: tuple[str, ...]
    cases: tuple[Case, ...] = field(repr=False)
    failures: tuple[Failure, ...] = field(repr=False)
    seed: int = 0
    seconds: float = 0.0
    fingerprint: str = ""
    #: what is proved of the function for every size, where its source can be read; the cases agree with it
    proved: str | None = None
    #: how the function is called and where its results are, where that was inferred
    inferred: tuple[str, ...] = field(default=(), repr=False)
    #: geometries drawn with the seed, beside the grid: where a rule is tried that was found on the grid
    challenge: tuple[Case, ...] = field(default=(), repr=False)
    #: further ones that its rules were held against, wider than the grid's and tried briefly, and the conditions ("" of all
    #: outputs, an output's name, "refuses") that the last of them contradicted
    survey: tuple[Case, ...] = field(default=(), repr=False)
    unsettled: frozenset[str] = field(default=frozenset(), repr=False)
    #: whether each case was called in one process and one order only
    once: bool = False
    #: output that is wrong -> whether it is the derivative of the function's own forward pass there, where one is at hand
    own_forward: dict[str, bool] = field(default_factory=dict, repr=False)
    #: what holds on every axis of all geometries, as it was asked for
    assumed: str = ""
    #: the forward pass whose derivative is due, as a formula, where that is not the layer's
    truth: str | None = None
    #: of very many cases their counts; ``cases`` are then those of them that are kept
    swept: Swept | None = field(default=None, repr=False)

    @cached_property
    def documented(self) -> tuple[Case, ...]:
        """The cases that the convention covers: these are judged."""
        return tuple(case for case in self.cases if case.outside is None)

    @cached_property
    def outside(self) -> tuple[Case, ...]:
        """The cases that it does not cover, tried all the same."""
        return tuple(case for case in self.cases if case.outside is not None)

    @cached_property
    def tally(self) -> Tally:
        """The documented cases, all outputs together."""
        return Tally.of_kinds(self._kinds(self.outputs))

    @cached_property
    def outside_tally(self) -> Tally:
        """The cases that the convention does not cover, all outputs together."""
        return Tally.of_kinds(self._kinds(self.outputs, outside=True))

    def tally_of(self, output: str) -> Tally:
        """The documented cases, one output."""
        return Tally.of_kinds(self._kinds((output,)))

    def status_counts(self, output: str) -> dict[str, int]:
        """In how many documented cases an output is "ok", "value", "shape", "error", "refuses" or "limit"."""
        counts: dict[str, int] = {}
        for (status,), count in self._kinds((output,)):
            counts[status] = counts.get(status, 0) + count
        return counts

    def _kinds(self, outputs: Sequence[str], outside: bool = False) -> Iterable[tuple[list[str], int]]:
        """What cases came to in these outputs, and how many of each kind there are."""
        if self.swept is not None:
            return self.swept.statuses(outputs, outside)
        return ((case.statuses(outputs), 1) for case in (self.outside if outside else self.documented))

    @property
    def tried(self) -> int:
        """How many cases were tried, those outside of what the convention documents among them."""
        return self.swept.total if self.swept is not None else len(self.cases)

    @property
    def ok(self) -> bool:
        """Whether some case is right, none is wrong, and none was left without a verdict by the limits of time and memory."""
        judged = self.tally.wrong == 0 and self.tally.right > 0 and not self.unjudged
        return judged and not self.limits and not self.challenge_tally.wrong

    @property
    def ok_strictly(self) -> bool:
        """Whether it is right, refuses nothing, looks at nothing but its arguments, and sets no timer of its process."""
        beside = any(finding.startswith(("looks at", "sets a timer")) for finding in self.findings)
        return self.ok and not self.refused and not beside

    @cached_property
    def challenge_tally(self) -> Tally:
        """The geometries that were drawn for this audit, all outputs together."""
        return Tally.of(case.statuses(self.outputs) for case in self.challenge)

    @cached_property
    def limits(self) -> tuple[str, ...]:
        """Ordinary geometries that are refused throughout: a stride or a dilation that the function takes and never computes."""
        counted = self.swept
        if counted is None:
            counted = Swept()
            for case in self.documented:
                counted.add_ordinary(case)
        told = []
        for word, (declined, values, answered) in counted.limits().items():
            if declined and answered:
                every = "every" if set(declined) == values and len(values) > 1 else ""
                told.append(
                    f"refuses {every} {word} > 1" if every else f"refuses {word} {', '.join(map(str, declined))}"
                )
        return tuple(told)

    @cached_property
    def errors(self) -> dict[tuple[str, str], int]:
        """The exceptions that are no refusals, by message (its numbers left out) and place, with the cases of each."""
        counts: dict[tuple[str, str], int] = dict(self.swept.errors) if self.swept is not None else {}
        for case in self.documented if self.swept is None else ():
            if case.verdict.status == "error":
                key = (without_numbers(case.verdict.message), case.verdict.where)
                counts[key] = counts.get(key, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: -item[1]))

    @property
    def right(self) -> int:
        return self.tally.right

    @property
    def wrong(self) -> int:
        return self.tally.wrong

    @property
    def refused(self) -> int:
        return self.tally.refused

    @property
    def unjudged(self) -> int:
        """Cases that ran out of time or memory: not judged, whatever they would have come to."""
        return self.tally.unjudged

    @property
    def smallest_failure(self) -> Failure | None:
        """The failure on the smallest case; None when there is none."""
        return min(self.failures, key=lambda failure: size_of(failure.conv), default=None)

    @cached_property
    def _answered(self) -> tuple[list[Case], Table]:
        """The documented cases that have a verdict, and what the vocabulary of conditions says of them."""
        cases = [case for case in self.documented if case.answered()]
        return cases, table_of([case.conv for case in cases])

    def _condition(self, output: str | None) -> Condition:
        cases, table = self._answered
        outputs = self.outputs if output is None else (output,)
        fresh = [case for case in (*self.challenge, *self.survey) if case.answered()]
        found = find_condition(
            [case.conv for case in cases], [case.right(outputs) for case in cases], table=table, pool=self._pool,
            fresh=[(case.conv, case.right(outputs)) for case in fresh],
            unsettled=(output or "") in self.unsettled or self._by_values(outputs),
        )  # fmt: skip
        tally = Tally.of_kinds(self._kinds(outputs))
        return replace(found, cases=tally.right) if found.constant and not tally.wrong else found

    def _by_values(self, outputs: Sequence[str]) -> bool:
        """Whether it was seen that the values, or chance, decide whether outputs are right: no rule about sizes is then exact."""
        named = tuple(f"not bilinear: {output}" for output in outputs)
        return any(finding.startswith((*named, "not deterministic")) for finding in self.findings)

    @cached_property
    def _pool(self) -> Table:
        """What the vocabulary says of geometries that could have been drawn."""
        convs = [case.conv for case in self.documented]
        return table_of(list(drawn(convs, self.seed)) if convs else [])

    @cached_property
    def condition(self) -> Condition:
        """When every output is right, observed on the documented cases that are not refused."""
        return self._condition(None)

    @cached_property
    def conditions(self) -> dict[str, Condition]:
        """When each output is right."""
        return {output: self._condition(output) for output in self.outputs}

    @property
    def further_conditions(self) -> dict[str, Condition]:
        """Those of single outputs that say something else than the condition of all."""
        return {output: each for output, each in self.conditions.items() if str(each) != str(self.condition)}

    @cached_property
    def refusal(self) -> Condition | None:
        """When the function refuses; None when it never does."""
        if not self.refused:
            return None
        cases, fresh_cases = (
            [c for c in each if c.verdict.status != "limit"]
            for each in (self.documented, (*self.challenge, *self.survey))
        )
        fresh = [(case.conv, case.refuses()) for case in fresh_cases]
        return find_condition([c.conv for c in cases], [c.refuses() for c in cases], verb="refuses", fresh=fresh,
                              pool=self._pool, unsettled="refuses" in self.unsettled)  # fmt: skip

    @property
    def all_conditions(self) -> dict[str, Condition]:
        """The condition of all outputs (""), of each, and of refusals ("refuses")."""
        return {"": self.condition, **self.conditions} | ({"refuses": self.refusal} if self.refusal else {})

    @cached_property
    def causes(self) -> dict[str, list[NamedCause]]:
        """For each output that is wrong, the known mistakes that a check confirms."""
        return {output: named_causes(self.documented, output) for output in self.outputs if self.tally_of(output).wrong}

    @cached_property
    def findings(self) -> dict[str, int]:
        """What was noticed beside the verdicts, and in how many cases."""
        counts: dict[str, int] = dict(self.swept.findings) if self.swept is not None else {}
        for case in self.cases if self.swept is None else ():
            for finding in dict.fromkeys(case.verdict.findings):
                counts[finding] = counts.get(finding, 0) + 1
        return counts

    @cached_property
    def engines(self) -> dict[str, int]:
        """Cases that were decided by each engine."""
        counts: dict[str, int] = dict(self.swept.engines) if self.swept is not None else {}
        for case in self.cases if self.swept is None else ():
            if not case.verdict.status:
                counts[case.verdict.engine] = counts.get(case.verdict.engine, 0) + 1
        return counts

    @cached_property
    def told(self) -> list[tuple[Failure, str, list[NamedCause]]]:
        """The smallest failures with the outputs they stand for and the causes: an exception is told once."""
        result: list[tuple[Failure, str, list[NamedCause]]] = []
        for failure in self.failures:
            for i, (first, outputs, causes) in enumerate(result):
                if first.alike(failure):
                    result[i] = (first, f"{outputs}, {failure.output}", causes)
                    break
            else:
                result.append((failure, failure.output, self.causes.get(failure.output, [])))
        return result

    @property
    def scope(self) -> str:
        """What the verdict covers."""
        told = f"{self.tried} geometries" + (f" with {self.assumed}" if self.assumed else "")
        if self.challenge:
            told += f" and {len(self.challenge)} drawn with seed {self.seed}"
        if self.survey:
            told += f" (its rules on {len(self.survey)} more, wider than the grid, tried briefly)"
        if self.swept is not None:
            told += ", " + self.swept.text(self.once)
        else:
            told += ", each tried " + (
                "once" if self.once else "in two orders and two processes, one of them new every few cases"
            )
        told += "; nothing is said of others"
        told += f"; held against the derivative of {self.truth}" if self.truth else ""
        symbolic, exact = self.engines.get("symbolic", 0), self.engines.get("exact integers", 0)
        if symbolic:
            told += f". On {symbolic} the expressions were compared, symbolic engine: exact"
        if exact:
            by_numbers = [
                case for case in self.cases if case.verdict.engine == "exact integers" and not case.verdict.status
            ]
            bound = max(
                false_right(point_size(case.conv, face_of(self.mode).sums), ROUNDS, 3 if self.mode == "adjoint" else 2)
                for case in by_numbers
            )
            told += (
                f". On {exact} exact integers at {ROUNDS} random points were compared (exact-integers engine, seed {self.seed}): "
                f"a wrong polynomial of degree 2 passes one case with probability below {bound:.0e}"
            )
        return told

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain data for JSON."""
        outside = self.outside_tally
        smallest = self.smallest_failure
        return {
            "function": self.label,
            "convention": self.convention,
            "inferred": list(self.inferred),
            "mode": self.mode,
            "assumed": self.assumed or None,
            "truth": self.truth,
            "ok": self.ok,
            "cases": self.tally.cases,
            "right": self.right,
            "wrong": self.wrong,
            "refused": self.refused,
            "not_judged": self.unjudged,
            "ok_strictly": self.ok_strictly,
            "limits": list(self.limits),
            "errors": [{"message": m, "where": w, "cases": n} for (m, w), n in self.errors.items()],
            "seed": self.seed,
            "own_forward": self.own_forward,
            "surveyed": len(self.survey),
            "challenge": {
                "cases": self.challenge_tally.cases,
                "right": self.challenge_tally.right,
                "wrong": self.challenge_tally.wrong,
                "refused": self.challenge_tally.refused,
                "by_case": [case.to_dict(self.outputs) for case in self.challenge],
            },
            "outputs": {
                output: {
                    "right": self.tally_of(output).right,
                    "wrong": self.tally_of(output).wrong,
                    "condition": self.conditions[output].to_dict(),
                    "causes": [cause.to_dict() for cause in self.causes.get(output, [])],
                }
                for output in self.outputs
            },
            "condition": self.condition.text,
            "condition_proved": self.proved is not None,
            "proved": self.proved,
            "refusal": None if self.refusal is None else self.refusal.text,
            "smallest_failure": None if smallest is None else smallest.to_dict(),
            "failures": [failure.to_dict() for failure in self.failures],
            "findings": self.findings,
            "engines": self.engines,
            "scope": self.scope,
            "outside": {
                "cases": outside.cases,
                "right": outside.right,
                "wrong": outside.wrong,
                "refused": outside.refused,
                "by_case": [case.to_dict(self.outputs) for case in self.outside],
            },
            "swept": None if self.swept is None else self.swept.to_dict(),
            "seconds": round(self.seconds, 3),
            "by_case": [case.to_dict(self.outputs) for case in self.documented],
        }

    def __repr__(self) -> str:
        verdict = "right" if self.ok else "not right"
        refused = f", {self.refused} refused" if self.refused else ""
        refused += f", {self.unjudged} not judged" if self.unjudged else ""
        return f"<audit of {self.label}: {verdict}; {self.right} right, {self.wrong} wrong{refused} of {self.tally.cases} cases>"
