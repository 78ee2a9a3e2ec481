"""Mutants of displays that no verdict can find, by the reason: what they say is true as well."""

from __future__ import annotations

import re

__all__ = ["argument"]

#: kind of change, how the mutant is told, why it is as true as the display was
KINDS: tuple[tuple[str, str, str], ...] = (
    ("order", r"\\delta_\{\[", "Kronecker's symbol is the same with its indices exchanged"),
    ("scope", r"^scope: \(([\\a-z{}_]+ \\(?:up|down)arrow \S+|\\operatorname.*) -> .*(?:&=|= ?)\[",
     "what comes first is done first, with or without brackets"),
    ("scope", r"^scope: \((\w+) \\star (\w+)\) -> \(\1\) \\star \2: \w+ (?:&)?=\[",
     "what comes first is done first, with or without brackets"),
    ("scope", r"(?<![\d.])1\[\(?\d+\)? - 1\]", "the factor before the brackets is one"),
    ("scope", r" d\[\(?K(?:_\{\d\})?\)? - 1\].*= 1\(", "the factor before the brackets is one in this layer"),
    ("floor", r"^floor: \\left\\lfloor \\frac\{[\d +()-]+\}\{\d+\} ", "a division that comes out even has no need of its floor"),
    ("term", r"^term:  [-+] 0 -> ", "nothing was added"),
    ("prime",
     r": (?:\\begin\{\w+\} |\\\\\*? |\} )*[a-z]\['\]_\{o[^=]*&= ",
     "the output by another name, which this equation gives it"),
)  # fmt: skip

#: page, mutant -> why
ONE_BY_ONE: dict[tuple[str, str], str] = {}


def argument(page: str, mutant: str) -> str | None:
    """Why a mutant is true; None where nothing is said for it."""
    kind = mutant.partition(":")[0]
    by_kind = (why for each, told, why in KINDS if each == kind and re.search(told, mutant))
    return ONE_BY_ONE.get((page, mutant)) or next(by_kind, None)
