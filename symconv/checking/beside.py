"""A block of code beside the formulas above it: which strides, paddings and dilations each of them is about."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace

from symconv.checking.comparison import Outcome
from symconv.checking.context import SIZES, Context
from symconv.checking.passes import free_letters
from symconv.checking.result import BAD, HOLDS, PROVED, WRONG, CodeVerdict
from symconv.checking.sizes import is_literal
from symconv.checking.terms import Entry, Name, Statement, names_in

__all__ = ["Covered", "beside", "covered"]

#: names that a program has for an amount -> its letter
AMOUNTS = {"stride": "s", "strides": "s", "pad": "p", "padding": "p", "dilation": "d", "dilations": "d", "dil": "d"}
WORDS = {"s": "stride", "p": "padding", "d": "dilation"}


@dataclass(frozen=True)
class Covered:
    """A formula for a gradient: its verdict, and each amount that it is about, where it is not about all of them."""

    line: int
    verdict: str
    amounts: tuple[tuple[str, int], ...]


def covered(statement: Statement, outcome: Outcome, context: Context, line: int) -> Covered | None:
    """What a formula for dx or dw is about; None for anything else, and for what is written out at one size."""
    left = statement.sides[0]
    name = left.array if isinstance(left, Entry) else left.text if isinstance(left, Name) else ""
    role = context.roles.get(name) or "d" + context.roles.get(name[1:], "")
    if role not in ("dx", "dw") or outcome.verdict not in (PROVED, HOLDS, WRONG) or is_literal(statement):
        return None
    if outcome.kind not in ("index equation", "operator statement"):
        return None
    names = set().union(*(names_in(side) for side in statement.sides))
    letters = {SIZES[n][0] for n in names if n in SIZES and n not in context.roles} | free_letters(statement, context)
    given = {"s": context.stride, "p": context.padding, "d": context.dilation}
    if context.same:
        del given["p"]
    amounts = tuple((k, v) for k, v in given.items() if k not in letters and v is not None)
    return Covered(line, outcome.verdict, amounts)


def beside(found: CodeVerdict, program: str, formulas: Sequence[Covered]) -> CodeVerdict:
    """The verdict on a program with what sets it apart from the formulas above it."""
    if found.name is None or not formulas:
        return found
    taken = _amounts(program, found.name)
    good = [each for each in formulas if each.verdict != WRONG]
    told = []
    narrow = [letter for letter in taken if good and all(letter in dict(each.amounts) for each in good)]
    if narrow:
        values = " and ".join(f"{WORDS[k]} {dict(good[-1].amounts)[k]}" for k in narrow)
        claims = " and ".join(f"any {WORDS[k]}" for k in narrow)
        told.append(f"the formulas above it ({_lines(good)}) are about {values}, the code takes {claims}")
    wide = [k for k in WORDS if k not in taken and good and all(k not in dict(each.amounts) for each in good)]
    if wide:
        told.append(
            f"the formulas above it ({_lines(good)}) are about any {' and '.join(WORDS[k] for k in wide)}, the code takes none"
        )
    bad = [each for each in formulas if each.verdict == WRONG]
    if bad and found.verdict in (HOLDS, PROVED):
        told.append(f"the code is right where the formulas of {_lines(bad)} are not")
    if good and not bad and found.verdict in BAD:
        told.append(f"the formulas above it ({_lines(good)}) are right where the code is not")
    return replace(found, beside="; ".join(told) or None)


def _lines(formulas: Sequence[Covered]) -> str:
    lines = sorted({each.line for each in formulas})
    shown = ", ".join(map(str, lines[:4])) + (", ..." if len(lines) > 4 else "")
    return f"line{'s' if len(lines) > 1 else ''} {shown}"


def _amounts(program: str, name: str) -> list[str]:
    """The amounts that a function reads, by the names it has for them."""
    tree = ast.parse(program)
    bodies = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) and each.name == name]
    found: dict[str, None] = {}
    for each in (inner for body in bodies for inner in ast.walk(body)):
        word = each.value if isinstance(each, ast.Constant) else getattr(each, "id", getattr(each, "arg", None))
        if isinstance(word, str) and (letter := AMOUNTS.get(word.lower().rstrip("_0123456789"))):
            found[letter] = None
    return [letter for letter in WORDS if letter in found]
