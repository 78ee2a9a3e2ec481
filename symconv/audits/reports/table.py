"""The stride by padding table of an audit: for each pair, how many cases are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symconv.audits.result import Outcome, Tally

__all__ = ["Table", "outputs_shown", "table_of"]


@dataclass(frozen=True)
class Table:
    """``cells[stride][padding]`` is a tally, or None where the grid has no such case."""

    title: str
    strides: tuple[str, ...]
    paddings: tuple[str, ...]
    cells: dict[str, dict[str, Tally]]

    def cell(self, stride: str, padding: str) -> Tally | None:
        return self.cells.get(stride, {}).get(padding)


def _word(values: Sequence[object]) -> str:
    return str(values[0]) if len(set(values)) == 1 else "x".join(map(str, values))


def _pad(pair: tuple[int, int]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]},{pair[1]}"


def table_of(audit: Outcome, output: str | None) -> Table:
    """The table of one output, or with None of all outputs together; documented cases only."""
    outputs = audit.outputs if output is None else (output,)
    strides: dict[str, tuple[int, ...]] = {}
    paddings: dict[str, tuple[tuple[int, int], ...]] = {}
    groups: dict[tuple[str, str], list[list[str]]] = {}
    for case in audit.documented:
        stride, padding = _word(case.conv.stride), _word([_pad(pair) for pair in case.conv.padding])
        strides[stride], paddings[padding] = case.conv.stride, case.conv.padding
        groups.setdefault((stride, padding), []).append(case.statuses(outputs))
    cells: dict[str, dict[str, Tally]] = {}
    for (stride, padding), statuses in groups.items():
        cells.setdefault(stride, {})[padding] = Tally.of(statuses)
    title = f"{output or ', '.join(outputs)}: cases that are right"
    return Table(
        title, tuple(sorted(strides, key=strides.__getitem__)), tuple(sorted(paddings, key=paddings.__getitem__)), cells
    )


def outputs_shown(audit: Outcome) -> list[str | None]:
    """One table for all outputs when they are right or wrong in the same cases, else one for each."""
    tables = [table_of(audit, output) for output in audit.outputs]
    if all(table.cells == tables[0].cells for table in tables):
        return [None]
    return list(audit.outputs)
