"""Sizes by the names that a statement gives them: in the limits of its sums, and by the layer that a letter carries."""

from __future__ import annotations

import re
from collections.abc import Iterator

from symconv.checking.directions import shaped
from symconv.checking.letters import LAYER, stem_of
from symconv.checking.model import Setting
from symconv.checking.roles import offset_of
from symconv.checking.terms import Add, Bound, Entry, Name, Num, Statement, SumOver, Term, names_in, walk

__all__ = ["layer_sizes", "limit_numbers", "limit_sizes"]

#: what each axis of an array is as long as
LENGTHS = {"x": {"c": "C", "S": "H"}, "w": {"f": "F", "c": "C", "S": "K"}, "y": {"f": "F", "S": "O"}}


def layer_sizes(names: set[str], highest: int | None) -> dict[str, tuple[str, int]]:
    """``H^l`` is the output's where l is the higher layer of the statement, else the input's."""
    found: dict[str, tuple[str, int]] = {}
    for name in names:
        mark = LAYER.search(name)
        stem = stem_of(name)
        if mark is None or stem not in ("H", "W", "C", "N"):
            continue
        output = offset_of(mark[0]) == (0 if highest is None else highest)
        letter = {"H": "O" if output else "H", "W": "O" if output else "H", "C": "F" if output else "C"}.get(stem, "N")
        found[name] = (letter, int(stem == "W"))
    return found


def limit_sizes(
    statement: Statement, setting: Setting, dims: int, channels: bool, batch: bool
) -> dict[str, tuple[str, int]]:
    """Names up to which an index runs that stands by itself on an axis: from 1 to N, or from 0 to N - 1, and N is its length."""
    found: dict[str, tuple[str, int]] = {}
    clash: set[str] = set()
    for side in statement.sides:
        for each in walk(side):
            if not isinstance(each, SumOver):
                continue
            for bound in each.bounds:
                name = _last(bound)
                if name is None or setting.roles.get(name) or unknown_axis(name, statement):
                    continue
                for size in _axes(bound.name, each.body, setting, dims, channels, batch):
                    if found.setdefault(name, size) != size and found[name][0] != size[0]:
                        clash.add(name)
    return {name: size for name, size in found.items() if name not in clash}


def unknown_axis(name: str, statement: Statement) -> bool:
    """Whether a size is that of an axis 0, where the axes that the statement names are not numbered from 0."""
    if not re.fullmatch(r"[HKO]_0", name):
        return False
    names = set().union(*(names_in(side) for side in statement.sides))
    axes = {int(n[2:]) for n in names if re.fullmatch(rf"{name[0]}_\d", n)}
    return axes != set(range(len(axes)))


def limit_numbers(statement: Statement, setting: Setting, dims: int, channels: bool) -> dict[tuple[str, int], int]:
    """How long an axis is along which an index runs by itself between numbers."""
    found: dict[tuple[str, int], int] = {}
    for side in statement.sides:
        for each in walk(side):
            if not isinstance(each, SumOver):
                continue
            for bound in each.bounds:
                if isinstance(bound.low, Num) and isinstance(bound.high, Num):
                    for size in _axes(bound.name, each.body, setting, dims, channels, False):
                        found.setdefault(size, int(bound.high.value - bound.low.value) + 1)
    return found


def _last(bound: Bound) -> str | None:
    if bound.low == Num(1) and isinstance(bound.high, Name):
        return bound.high.text
    if bound.low == Num(0) and isinstance(bound.high, Add) and len(bound.high.terms) == 2:
        (sign, name), minus = bound.high.terms
        if sign == 1 and isinstance(name, Name) and minus == (-1, Num(1)):
            return name.text
    return None


def _axes(
    index: str, body: Term, setting: Setting, dims: int, channels: bool, batch: bool
) -> Iterator[tuple[str, int]]:
    for entry in walk(body):
        if not isinstance(entry, Entry):
            continue
        role = setting.roles.get(entry.array) or setting.roles.get(entry.array.removeprefix("d"), "")
        role = shaped(role)
        if role not in LENGTHS:
            continue
        layout = dict(zip("xwy", setting.layout, strict=True))[role] if channels else "S"
        axes = ["N"] if batch and role != "w" else []
        axes += [a for each in layout for a in ([f"S{n}" for n in range(dims)] if each == "S" else [each])]
        for axis, term in zip(axes, entry.at, strict=False):
            if (term == Name(index) or _turned(term, index)) and axis != "N":
                yield LENGTHS[role][axis[0]], int(axis[1:] or 0)


def _turned(term: Term, index: str) -> bool:
    """``K - 1 - i`` or ``K + 1 - i``."""
    if not isinstance(term, Add) or len(term.terms) != 3:
        return False
    names = [(sign, each.text) for sign, each in term.terms if isinstance(each, Name)]
    return sorted(sign for sign, _ in names) == [-1, 1] and (-1, index) in names
