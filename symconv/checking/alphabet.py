"""Which letters of an article are arrays, and where its indices begin."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress

from symconv.checking.context import Context
from symconv.checking.declared import ARRAYS, first_index
from symconv.checking.documents import Block
from symconv.checking.letters import ReadingError
from symconv.checking.paddings import is_sided, pad_texts
from symconv.checking.roles import forward_roles
from symconv.checking.statements import statements
from symconv.checking.terms import Entry, Grid, Name
from symconv.mathematics.of_latex import LatexError, read_latex

__all__ = ["letters_of"]

#: letter -> what it stands for, where nothing else is said; the first of a role that occurs is taken
CANDIDATES = {
    "x": ("x", "X", "I", "A", "a", "o"), "w": ("w", "W", "K", "k", "F"), "y": ("y", "Y", "O", "Z", "z", "s", "c"), "b": ("b",),
    "dy": ("δ", "g", "G"),
}  # fmt: skip
#: letters that are arrays wherever they occur; the others only where the role has no such letter
PLAIN = set("xXwWyYb")


def letters_of(blocks: Sequence[Block], context: Context) -> None:
    """Which letters are arrays, and where indices begin, from all the mathematics of the article."""
    if context.letters:
        declared = set(context.letters.meant.values()) - set(context.roles.values())
        context.roles |= {letter: letter for letter in ARRAYS if letter in declared}
    maths = " ; ".join(b.text for b in blocks if b.kind in ("display", "inline"))
    chosen = set(context.roles.values())
    told = forward_roles(b.text for b in blocks if b.kind in ("display", "inline"))
    context.roles |= {
        letter: role for letter, role in told.items() if role not in chosen and letter not in context.roles
    }
    for role, letters in CANDIDATES.items():
        if role in chosen:
            continue
        taken = role in context.roles.values()
        for letter in letters:
            command = {"δ": r"\\delta"}.get(letter, letter)
            opens = r"_|\[" if letter in "sk" else r"_|\[|\("  # s(i - 1) is a product
            indexed = re.search(rf"(?<![A-Za-z\\])d?{command}'*(?:\^\{{?[^_{{}}]{{1,6}}\}}?)?\s*(?:{opens})", maths) or re.search(
                rf"\\(?:mathbf|boldsymbol|mathit)\{{\s*{command}\s*\}}", maths)  # fmt: skip
            whole = letter.isupper() and re.search(
                rf"(?<![A-Za-z\\,] )(?<![A-Za-z\\])d\s?{command}\s*(?:[(_\[=]|\+=)", maths
            )
            turned = role == "w" and re.search(rf"(?:rot|flip)\w*(?:\s|[{{(}}_]|180)*{command}(?![A-Za-z])", maths)
            said = role in told.values() and letter.lower() not in told
            alone = (
                letter in PLAIN
                and not said
                and re.search(rf"(?<![A-Za-z\\]){command}(?![A-Za-z])|(?<![A-Za-z\\])d{command}(?![A-Za-z])", maths)
            )
            primed = role == "y" and re.search(rf"(?<![A-Za-z\\]){command}'\s*[(\[]", maths)
            stars = r"\*|\\star|\\ast"
            starred = (
                rf"{command}\s*(?:\(\s*[a-z]\s*[,)]|\^|_|\[|=|{stars}|\))|(?:{stars})(?:_\{{?\w+\}}?)?\s*{command}"
            )
            upstream = role == "dy" and re.search(starred, maths)
            if role == "dy" and (not upstream or letter in context.letters.meant.values()):
                continue  # or a table declares it as something else
            known = letter in context.roles or not (indexed or alone or whole or turned or upstream)
            beside = turned or primed or (whole and letter.isupper()) or _capital(letter, role, maths, context)
            if known or (taken and letter not in PLAIN and not beside):
                continue
            if primed:
                context.roles[letter + "′"] = "dy"
            if letter == "W" and context.roles.get("w") == "w" and not re.search(r"(?<![A-Za-z\\])W\s*[_(\[]", maths):
                continue
            if role == "dy" and re.search(r"(?<![A-Za-z\\])dy", maths):
                continue  # the letter is free for something else
            context.roles[letter] = role
            taken = True
    for letter, role in list(context.roles.items()):  # K for the whole of the k_ij
        capital = letter.upper()
        if letter.islower() and capital not in context.roles and _capital(capital, role, maths, context):
            context.roles[capital] = role
    context.roles |= _wholes(blocks, context.roles)
    context.pads = pad_texts(maths)
    context.sided = is_sided(maths)
    if "base" not in context.fixed:
        firsts = {base for b in blocks if b.kind == "text" and (base := first_index(b.text)) is not None}
        context.base = firsts.pop() if len(firsts) == 1 else _base(maths)


def _wholes(blocks: Sequence[Block], roles: Mapping[str, str]) -> dict[str, str]:
    """Names of whole arrays by what is written out of them: a matrix of entries a_ij makes A, or a_prev, what a is."""
    found: dict[str, str] = {}
    for block in blocks:
        if block.kind != "display" or "matrix" not in block.text:
            continue
        with suppress(LatexError, ReadingError, RecursionError):
            for told in statements(read_latex(block.text)[0], set(roles)):
                name, grid = told.sides[0], told.sides[-1]
                if not isinstance(name, Name) or not isinstance(grid, Grid) or name.text in roles:
                    continue
                cells = [cell for row in grid.rows for cell in row]
                entries = [cell for cell in cells if isinstance(cell, Entry)]
                each_once = len({cell.at for cell in entries}) == len(cells)  # a border repeats some
                arrays = {cell.array for cell in entries}
                if each_once and len(arrays) == 1 and (role := roles.get(arrays.pop())) in ("x", "w", "y"):
                    found[name.text] = role
    return found


def _capital(letter: str, role: str, maths: str, context: Context) -> bool:
    """Whether a capital stands for the whole of the array whose entries have the small letter."""
    return context.roles.get(letter.lower()) == role and bool(re.search(rf"\\partial\s*{letter}\s*\}}", maths))


def _base(maths: str) -> int | None:
    lows = re.findall(r"\\sum(?:\\limits)?\s*_\s*\{\s*[A-Za-z]\w*'?(?:_\{?\d\}?)?\s*=\s*([01])\s*\}", maths)
    entries = re.findall(r"(?<![A-Za-z])(?:d?[xyXY])_(?:\{\s*(\d\s*,?)\s*(\d?)\s*\}|(\d))", maths)
    zeros = lows.count("0") + sum(
        "0" in (first[:1], one) or ("," in first and second == "0")  # x_{10} may be the tenth
        for first, second, one in entries
    )
    ones = lows.count("1") + (1 if entries and not any("0" in "".join(each) for each in entries) else 0)
    if not zeros and not ones:
        return None
    return 0 if zeros > ones else 1
