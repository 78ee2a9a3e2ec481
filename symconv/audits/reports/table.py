"""A table of an audit: by the two things of a geometry that separate the verdicts best, how many cases are right."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from symconv.audits.case import Case
from symconv.audits.result import Outcome, Tally
from symconv.layer.conv import Conv

__all__ = ["Table", "outputs_shown", "table_of"]

#: an axis with more values than this makes no table that is read
MAX_VALUES = 6

#: stride and padding stand, unless two others leave less than this share of what they leave undecided
BETTER = 0.7


@dataclass(frozen=True)
class Table:
    """``cells[row][column]`` is a tally, or None where the grid has no such case; ``across`` and ``down`` name the axes."""

    title: str
    down: str
    across: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[str, dict[str, Tally]]

    def cell(self, row: str, column: str) -> Tally | None:
        return self.cells.get(row, {}).get(column)


def _word(values: Sequence[object]) -> str:
    return str(values[0]) if len(set(values)) == 1 else "x".join(map(str, values))


def _pad(pair: tuple[int, int]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]},{pair[1]}"


#: name -> (what a geometry has there, to sort by; the same in words)
AXES: dict[str, tuple[Callable[[Conv], Any], Callable[[Conv], str]]] = {
    "stride": (lambda c: c.stride, lambda c: _word(c.stride)),
    "pad": (lambda c: c.padding, lambda c: _word([_pad(pair) for pair in c.padding])),
    "dilation": (lambda c: c.dilation, lambda c: _word(c.dilation)),
    "groups": (lambda c: c.groups, lambda c: str(c.groups)),
    "kernel": (lambda c: c.kernel, lambda c: "x".join(map(str, c.kernel))),
    "N": (lambda c: c.batch, lambda c: str(c.batch)),
    "C": (lambda c: c.in_channels, lambda c: str(c.in_channels)),
    "F": (lambda c: c.out_channels, lambda c: str(c.out_channels)),
    "remainder": (lambda c: max(c.remainder), lambda c: str(max(c.remainder))),
}


def _judged(audit: Outcome) -> list[Case]:
    return [case for case in audit.documented if case.answered()]


def _undecided(groups: dict[Any, list[bool]]) -> float:
    """Bits that the cells of a table leave open: none where each is all right or all wrong."""
    total = 0.0
    for each in groups.values():
        share = sum(each) / len(each)
        total -= sum(len(each) * p * math.log2(p) for p in (share, 1 - share) if p)
    return total


def _axes(audit: Outcome, outputs: Sequence[str]) -> tuple[str, str]:
    """Down and across: stride and pad, or the two that separate what is right from what is wrong clearly better."""
    cases = _judged(audit)
    right = [case.right(outputs) for case in cases]
    usual = ("stride", "pad")
    if not cases or all(right) or not any(right):
        return usual
    values = {name: [word(case.conv) for case in cases] for name, (_, word) in AXES.items()}
    wide = [name for name in AXES if 1 < len(set(values[name])) <= MAX_VALUES or name in usual]

    def left(pair: tuple[str, str]) -> float:
        groups: dict[Any, list[bool]] = {}
        for key, is_right in zip(zip(*(values[name] for name in pair), strict=True), right, strict=True):
            groups.setdefault(key, []).append(is_right)
        return _undecided(groups)

    best = min(itertools.combinations(wide, 2), key=left)
    return best if left(best) < BETTER * left(usual) else usual


def table_of(audit: Outcome, output: str | None) -> Table:
    """The table of one output, or with None of all outputs together; documented cases only."""
    outputs = audit.outputs if output is None else (output,)
    down, across = _axes(audit, outputs)
    (row_of, row_word), (column_of, column_word) = AXES[down], AXES[across]
    rows: dict[str, Any] = {}
    columns: dict[str, Any] = {}
    groups: dict[tuple[str, str], list[list[str]]] = {}
    for case in audit.documented:
        row, column = row_word(case.conv), column_word(case.conv)
        rows[row], columns[column] = row_of(case.conv), column_of(case.conv)
        groups.setdefault((row, column), []).append(case.statuses(outputs))
    cells: dict[str, dict[str, Tally]] = {}
    for (row, column), statuses in groups.items():
        cells.setdefault(row, {})[column] = Tally.of(statuses)
    title = f"{output or ', '.join(outputs)}: cases that are right"
    if audit.swept is not None and audit.tried > len(audit.cases):
        title += f", of the {len(audit.cases)} that are kept"
    return Table(title, down, across, tuple(sorted(rows, key=rows.__getitem__)),
                 tuple(sorted(columns, key=columns.__getitem__)), cells)  # fmt: skip


def outputs_shown(audit: Outcome) -> list[str | None]:
    """One table for all outputs when they are right or wrong in the same cases, else one for each."""
    first = audit.outputs[:1]
    same = all(case.status(output) == case.status(first[0]) for case in audit.documented for output in audit.outputs)
    return [None] if same else list(audit.outputs)
