"""What a sweep of very many cases came to: counted as they come, and a bounded number of them kept to be looked at.

What is kept does not depend on the order in which verdicts come: of each kind those whose numbers a hash puts first.
"""

from __future__ import annotations

import heapq
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from symconv.audits.case import Case
from symconv.audits.judge import CaseVerdict
from symconv.audits.measures import is_ordinary, size_of, without_numbers
from symconv.audits.numeric import ROUNDS

__all__ = ["AGAIN", "CHUNK", "FULLY", "KEPT", "Swept"]

#: cases that are tried briefly together; of these one in so many is tried once more in another order, and one in so many of all
#: as those of a small grid are
CHUNK, AGAIN, FULLY = 256, 4, 64

#: cases of each kind that are kept: right ones, wrong ones, those without a verdict
KEPT = 1_000

#: outside the convention's documentation, status of the verdict, status of each output
Kind = tuple[bool, str, tuple[tuple[str, str], ...]]


@dataclass
class Swept:
    """``counts`` says how many cases came to what; ``brief`` of them were tried among many others alone, ``again`` of these
    once more in another order."""

    seed: int = 0
    counts: Counter[Kind] = field(default_factory=Counter)
    engines: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: ordinary geometries by stride and dilation, and whether they are refused
    ordinary: Counter[tuple[int, int, bool]] = field(default_factory=Counter)
    brief: int = 0
    _heaps: dict[str, list[tuple[int, int, Case]]] = field(default_factory=dict, repr=False)
    _smallest: dict[str, tuple[object, int, Case]] = field(default_factory=dict, repr=False)

    def add(self, number: int, case: Case) -> None:
        """One case with its verdict."""
        verdict = case.verdict
        self.counts[_kind(case)] += 1
        self.brief += verdict.brief
        if not verdict.status:
            self.engines[verdict.engine] += 1
        for finding in dict.fromkeys(verdict.findings):
            self.findings[finding] += 1
        if case.outside is None:
            if verdict.status == "error":
                self.errors[without_numbers(verdict.message), verdict.where] += 1
            self.add_ordinary(case)
        self._keep(number, case)

    def amend(self, before: Case, after: Case) -> None:
        """One case came to something else after all."""
        self.counts[_kind(before)] -= 1
        self.counts[_kind(after)] += 1
        self.findings.update(after.verdict.findings)

    def add_ordinary(self, case: Case) -> None:
        """Whether a case is refused, if its geometry is an ordinary one."""
        if is_ordinary(case.conv):
            self.ordinary[case.conv.stride[0], case.conv.dilation[0], case.refuses()] += 1

    def _keep(self, number: int, case: Case) -> None:
        wrong = [name for name, status in case.verdict.outputs.items() if status != "ok"]
        if case.verdict.status == "error":
            wrong = ["*"]
        kind = "wrong" if wrong else case.verdict.status or "right"
        if case.outside is not None:
            kind, wrong = "outside", []
        heap = self._heaps.setdefault(kind, [])
        entry = (-zlib.crc32(f"{self.seed} {number}".encode()), number, case)
        if len(heap) < KEPT:
            heapq.heappush(heap, entry)
        elif entry[:2] > heap[0][:2]:
            heapq.heapreplace(heap, entry)
        if wrong:
            size = size_of(case.conv)
            for name in wrong:
                if name not in self._smallest or (size, number) < self._smallest[name][:2]:
                    self._smallest[name] = (size, number, case)

    @property
    def total(self) -> int:
        """How many cases there were."""
        return sum(self.counts.values())

    @property
    def kept(self) -> tuple[Case, ...]:
        """The cases that are kept, in the order of the grid: the smallest wrong one of each output is among them."""
        entries = [entry for heap in self._heaps.values() for entry in heap]
        numbered = {number: case for _, number, case in (*entries, *self._smallest.values())}
        return tuple(numbered[number] for number in sorted(numbered))

    @property
    def fully(self) -> int:
        """How many cases were tried as those of a small grid are."""
        return self.total - self.brief

    def text(self, once: bool) -> str:
        """What was done with how many of them."""
        told = f"{self.brief} of them tried at {ROUNDS} points in a process that serves {CHUNK}"
        told += "" if once else f", one in {AGAIN} of these once more in another order and process"
        told += f", and {self.fully}, drawn with the seed or not right at once, "
        told += "in one process and order" if once else "in two orders and two processes"
        kept = len(self.kept)
        return told + (f" (tables, rules and causes are of the {kept} cases kept)" if kept < self.total else "")

    def to_dict(self) -> dict[str, Any]:
        """The counts, as plain data for JSON."""
        return {"cases": self.total, "brief": self.brief, "fully": self.fully, "kept": len(self.kept),
                "points": ROUNDS, "again_one_in": AGAIN}  # fmt: skip

    def statuses(self, outputs: Sequence[str], outside: bool = False) -> Iterator[tuple[list[str], int]]:
        """What each kind of case came to in these outputs, and how many of them there were."""
        for (beyond, status, found), count in self.counts.items():
            if beyond == outside:
                verdict = CaseVerdict(dict(found), status)
                yield [verdict.status or verdict.outputs.get(name, "value") for name in outputs], count

    def returned(self) -> set[str]:
        """The outputs that came back in some case."""
        return {name for _, _, found in self.counts for name, _ in found}

    def limits(self) -> dict[str, tuple[list[int], set[int], bool]]:
        """For stride and dilation the values above 1 that are refused throughout, all those values, and whether 1 is answered."""
        told = {}
        for place, word in enumerate(("stride", "dilation")):
            refused: dict[int, set[bool]] = {}
            for key in self.ordinary:
                refused.setdefault(key[place], set()).add(key[2])
            values = refused.keys() - {1}
            declined = sorted(v for v in values if refused[v] == {True})
            told[word] = (declined, set(values), False in refused.get(1, ()))
        return told


def _kind(case: Case) -> Kind:
    return case.outside is not None, case.verdict.status, tuple(case.verdict.outputs.items())
