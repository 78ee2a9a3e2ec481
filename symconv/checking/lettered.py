"""Sizes in letters before numbers are put in: each is a size of its own axis, whatever the numbers are that it has here."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from symconv.checking.context import Context
from symconv.checking.model import Model, Setting, Unreadable
from symconv.checking.printed import printed
from symconv.checking.terms import Name, Statement, Term, names_in
from symconv.layer.conv import Conv

__all__ = ["in_letters"]

#: layers looked at, and how many draws they may take
LAYERS, DRAWS = 40, 4000


def in_letters(statement: Statement, context: Context, conv: Conv, names: Mapping[str, tuple[str, int]]) -> str | None:
    """Where sides in letters differ at other values of these letters, the rest as in this layer; None where they never do.

    Nothing is looked for where the left side is another size than the output's, which an author may choose.
    """
    sides = [side for side in statement.sides if names_in(side)]
    left = sides[0] if sides else None
    axes = 1 + max((names[n][1] for side in sides for n in names_in(side)), default=0)
    general = len(sides) == len(statement.sides)
    if len(sides) < 2 or not isinstance(left, Name) or all(isinstance(side, Name) for side in sides):
        return None
    itself = any(
        left.text in names_in(side) for side in sides[1:]
    )  # q = H + p + q - ... is none of the author's choice
    if (names[left.text][0] not in ("O" if context.transposed else "Or") and not itself) or (general and axes == 1):
        return None
    if general:  # of no layer: whatever has a letter is free, on every axis
        conv = Conv((3,) * axes, (2,) * axes, transposed=context.transposed)
    for each in _layers(sides, conv, context, names):
        other = Model(each, Setting(roles=context.roles, sizes=names))
        try:
            found = [other.number(side, {}) for side in sides]
        except Unreadable:
            continue
        if len(set(found)) > 1:
            letters = [n for n in _letters(sides, names) if n != left.text]
            at = ", ".join(f"{printed(Name(n))} = {other.number(Name(n), {})}" for n in letters)
            return f"{at}: {printed(left)} is {found[0]}, not {next(n for n in found if n != found[0])}"
    return None


def _letters(sides: Sequence[Term], names: Mapping[str, tuple[str, int]]) -> list[str]:
    return sorted(set().union(*(names_in(side) for side in sides)) & set(names))


def _layers(
    sides: Sequence[Term], conv: Conv, context: Context, names: Mapping[str, tuple[str, int]]
) -> Iterator[Conv]:
    """Layers that differ from ``conv`` in what has a letter; a letter without an axis is the size on every one."""
    letters = _letters(sides, names)
    meant = {names[n][0] for n in letters}
    meant |= {"q"} if context.sided and "p" in meant else set()
    shared = {names[n][0] for n in letters if "_" not in n and names[n][1] == 0}
    source = random.Random(0)
    axes = range(len(conv.input))

    def drawn(letter: str, known: Sequence[int], low: int, high: int) -> tuple[int, ...]:
        if letter not in meant:
            return tuple(known)
        values = [source.randint(low, high) for _ in axes]
        return tuple(values[0] if letter in shared else value for value in values)

    found = 0
    for _ in range(DRAWS):
        before = drawn("p", [p for p, _ in conv.padding], 0, 3)
        after = drawn("q", [q for _, q in conv.padding], 0, 3) if "q" in meant else before
        try:
            each = Conv(
                drawn("H", conv.input, 1, 9), drawn("K", conv.kernel, 1, 4), stride=drawn("s", conv.stride, 1, 3),
                dilation=drawn("d", conv.dilation, 1, 3), padding=tuple(zip(before, after, strict=True)),
                transposed=conv.transposed,
                output_padding=drawn("r", conv.output_padding, 0, 2) if conv.transposed else 0,
            )  # fmt: skip
        except ValueError:
            continue
        if any(len(set(axes)) > 1 for letter, axes in (("O", each.output), ("r", each.remainder)) if letter in shared):
            continue
        yield each
        found += 1
        if found == LAYERS:
            return
