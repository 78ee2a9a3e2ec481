"""Pieces of typeset mathematics by what they are: letters with their marks, stars, what stands between commas."""

from __future__ import annotations

import re
from collections.abc import Sequence

from symconv.checking.terms import (
    Call,
    Mul,
    Name,
    Num,
    Term,
    Transpose,
)
from symconv.mathematics.of_latex import Text
from symconv.mathematics.tree import Above, Below, Fence, Math, Operator, Row, Total, Word
from symconv.mathematics.tree import Fraction as Over

__all__ = [
    "LOSS",
    "MARKS",
    "RELATIONS",
    "STARS",
    "PRODUCTS",
    "FLIPS",
    "FUNCTIONS",
    "MODES",
    "ACTIVATIONS",
    "ReadingError",
    "UnfinishedError",
    "factors_of",
    "index_names",
    "indices_under",
    "raised_to",
    "without_comma",
    "parts_of",
    "flat",
    "is_blank",
    "between",
    "equations_under",
    "star_of",
    "step_of",
    "index_name",
    "name_of",
    "stem_of",
    "AMOUNTS",
    "LAYER",
    "PREFIXES",
    "SLIDING",
]

LOSS = {"L", "E", "C", "J", "ℓ", "Loss", "loss", "Cost", "cost"}


RELATIONS = {"=", "≤", "≥", "<", ">", "∈", "≠", "≈", "⇔", "→", ":"}


STARS = {"∗", "⋆", "⊛", "⊗", "⊙"}


PRODUCTS = {"·", "×"}


FLIPS = {"rot180", "ROT180", "Rot180", "rotate180", "rot", "flip", "Flip", "rot_180", "rot_180°"}


FUNCTIONS = {
    "pad",
    "conv",
    "conv2",
    "full_conv",
    "convolve",
    "correlate",
    "dilate",
    "im2col",
    "col2im",
    "crop",
    "fold",
    "max",
    "min",
} | FLIPS


#: words that are amounts where nothing in brackets follows
AMOUNTS = {"pad", "crop", "max", "min"}

#: word -> the sign that it stands for; conv2 turns its filter round wherever it is written
SLIDING = {"conv2": "conv2", "full_conv": "∗", "conv": "∗", "convolve": "∗", "correlate": "⋆corr"}

#: words below an array that make another name of it, and are no indices
MARKS = {
    "out",
    "in",
    "max",
    "prev",
    "next",
    "col",
    "cols",
    "row",
    "rows",
    "flat",
    "vec",
    "mat",
    "pad",
    "padded",
    "new",
    "old",
    "full",
}

#: what may stand before an array as part of its name: a gradient, or padded
PREFIXES = {"d", "∇", "p", "P"}

MODES = {"full", "valid", "same"}


ACTIVATIONS = {"f", "σ", "g", "φ", "h", "ReLU", "relu"}


class ReadingError(ValueError):
    """Mathematics that is no statement this module knows; the message says why."""


class UnfinishedError(ReadingError):
    """A formula that its author did not finish."""


def parts_of(math: Math) -> list[Math]:
    """The things side by side in ``math``, groups opened."""
    if isinstance(math, Row):
        return [each for part in math.parts for each in parts_of(part)]
    return [math]


def flat(math: Math) -> str:
    """``math`` as a short name."""
    if isinstance(math, (Word, Operator, Text)):
        return math.text
    if isinstance(math, Row):
        return "".join(flat(part) for part in math.parts)
    if isinstance(math, Below):
        return f"{flat(math.base)}_{flat(math.sub)}"
    if isinstance(math, Above):
        return f"{flat(math.base)}^{flat(math.sup)}"
    if isinstance(math, Fence):
        return f"{math.left}{flat(math.body)}{math.right}"
    if isinstance(math, Over):
        return f"{flat(math.top)}/{flat(math.bottom)}"
    return "?"


def is_blank(part: Math) -> bool:
    return part == Row(()) or (isinstance(part, Text) and not part.text.strip())


def between(parts: Sequence[Math], comma: str) -> list[list[Math]]:
    pieces: list[list[Math]] = [[]]
    for part in parts:
        if part == Operator(comma):
            pieces.append([])
        else:
            pieces[-1].append(part)
    return pieces


def star_of(part: Math) -> tuple[str, str]:
    """The sign that stands between two things, and the mode below or above it."""
    mode = ""
    while isinstance(part, (Below, Above)):
        inside = flat(part.sub if isinstance(part, Below) else part.sup).strip("()")
        mode = inside if inside in MODES else mode
        part = part.base
    return (part.text, mode) if isinstance(part, Operator) else ("", "")


def step_of(part: Math) -> int:
    """The stride that is written below a star, ``∗_{stride=2}`` or ``∗_{s=2}``; 1 where none is."""
    while isinstance(part, (Below, Above)):
        told = re.fullmatch(
            r"\(?(?:stride|s)[=:]?(\d+)\)?", flat(part.sub if isinstance(part, Below) else part.sup).lower()
        )
        if told:
            return int(told[1])
        part = part.base
    return 1


def index_name(part: Math) -> str:
    name = name_of(part)
    if name is None or not name[0] or isinstance(part, Fence):
        raise ReadingError(f"'{flat(part)[:40]}' is no index")
    text, sub, raised = name
    text = stem_of(text, sizes=True)
    return text + (f"_{flat(sub)}" if sub is not None else "") + (f"^{raised}" if raised else "")


def name_of(part: Math) -> tuple[str, Math | None, str] | None:
    """A letter with its primes and layer, what stands below it, and what else stands above it."""
    sub: Math | None = None
    raised, marks = "", ""
    while isinstance(part, (Below, Above)):
        if isinstance(part, Below):
            if sub is not None:
                return None
            sub = part.sub
        else:
            above = flat(part.sup)
            if set(above) <= {"′"}:  # before the layer, whichever the author wrote first
                marks = above + marks
            elif re.fullmatch(r"[\[(]?(l|L|ℓ|r)([+−]\d)?[\])]?|\[\d\]|\(\d\)|l_padding", above):
                marks += "^" + above.strip("[]()")
            else:
                raised += above
        part = part.base
    if not isinstance(part, Word):
        return None
    return part.text + marks, sub, raised


LAYER = re.compile(r"\^[\[(]?(?:l_padding|[lLℓr](?:[+−]\d)?|\d|[\[(]\d[\])])[\])]?(?=$|_)")


def stem_of(name: str, sizes: bool = False) -> str:
    """A letter without its layer and its hat; sizes whose layer says which of two they are keep it.

    >>> stem_of("z^l−1"), stem_of("k^l_1", sizes=True), stem_of("H^l", sizes=True)
    ('z', 'k_1', 'H^l')
    """
    name = name.replace("\u0302", "")
    if sizes and name[:1] in ("H", "W", "C") and "_" not in name:
        return name
    return LAYER.sub("", name)


def factors_of(term: Term) -> tuple[Term, ...]:
    return term.factors if isinstance(term, Mul) else (term,)


def index_names(parts: Sequence[Math]) -> list[str]:
    return [index_name(p) for p in parts if p != Operator(",")]


def raised_to(term: Term, raised: str) -> Term:
    if not raised:
        return term
    if raised in ("⊤", "T"):
        return Transpose(term)
    if raised in FLIPS:
        return Call("flip", (term,))
    if isinstance(term, Num) and raised.isdigit():
        return Num(term.value ** int(raised))
    if isinstance(term, Name):
        return Name(f"{term.text}^{raised}")
    if isinstance(term, Num) and "×" in raised:
        return Call("ones", (term,))
    raise ReadingError(f"the superscript {raised[:20]} is not understood")


def without_comma(cell: Math) -> Math:
    return Row(tuple(p for p in parts_of(cell) if p != Operator(",")))


def _lines_under(total: Total) -> list[list[Math]]:
    return [[p for p in parts_of(each) if not is_blank(p)] for each in total.under]


def _named_alone(line: Sequence[Math]) -> bool:
    """Whether only names stand there, ``i, k``."""
    return bool(line) and all(p == Operator(",") or isinstance(p, (Word, Below)) for p in line)


def indices_under(total: Total) -> set[str] | None:
    """The indices that stand under a sum before a colon, or on a line of their own; None where they are not told apart."""
    found: set[str] = set()
    for line in _lines_under(total):
        cuts = [i for i, p in enumerate(line) if p in (Operator(":"), Operator("|"))]
        names = line[: cuts[0]] if len(cuts) == 1 else line if len(total.under) > 1 else []
        found |= set(index_names(names)) if names and _named_alone(names) else set()
    return found or None


def equations_under(total: Total) -> list[tuple[list[Math], list[Math]]]:
    """Both sides of the equations that hold of the indices of a sum, ``s(o - 1) + k = m``, one or several below each other.

    None where indices or first values stand there, ``i, j`` or ``i = 1``.
    """
    found: list[tuple[list[Math], list[Math]]] = []
    for line in _lines_under(total):
        if len(total.under) > 1 and _named_alone(line):
            continue
        cuts = [i for i, p in enumerate(line) if p in (Operator(":"), Operator("|"))]
        line = line[cuts[0] + 1 :] if len(cuts) == 1 and cuts[0] else line  # after the indices that it is about
        signs = [i for i, p in enumerate(line) if isinstance(p, Operator) and p.text in RELATIONS]
        if total.over is not None or len(signs) != 1 or line[signs[0]] != Operator("="):
            return []
        before, after = line[: signs[0]], line[signs[0] + 1 :]
        before, after = (after, before) if cuts and len(before) == 1 else (before, after)
        if not after or not any(isinstance(p, (Fence, Operator)) and p != Operator(",") for p in before):
            return []
        found.append((before, after))
    return found
