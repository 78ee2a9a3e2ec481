"""The operations that move entries about, one row each: ``pad``, ``crop``, ``fold``, ``dilate``, ``flip``.

A row says on one axis what the operation does, in integer expressions over these names: ``i``, an entry of the result; ``j``, an
entry of the operand; ``n``, the length of the operand; and the amounts by their own names. Everything else reads it: parser and
text, exact values, isl's sets, SMT-LIB, the positions in a theorem, typesetting, NumPy source, the explorer.

Where an entry of the result comes from (``back``) and where an entry of the operand goes (``forward``) are the same relation said
twice, on purpose: the proof by isl and the exact values go back, the second opinion and the theorem go forward, and the tests
hold the two against each other. A relation is a tuple of branches, and no pair (i, j) may be in two of them or in one twice:

    back       result[i] = sum of operand[j] over all branches and, in a branch with ``many`` entries, over e = 0 ... many - 1,
               for 0 <= i < length; what lies outside the operand counts as zero
    forward    operand[j] stands at every i that a branch gives where its conditions hold, which keep it inside the result
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from symconv.algebra.comparisons import Comparison, between, compare
from symconv.algebra.integers import Integer, Name
from symconv.layer.padding import MODES, Mode

__all__ = ["MOVES", "Amount", "Branch", "Operation"]


@dataclass(frozen=True)
class Amount:
    """What an operation does it by. A ``step`` is built from numbers, s and d and is at least 1; other amounts are any integer.

    ``like`` names the amount before it that it equals where it is left out.
    """

    name: str
    step: bool = False
    like: str | None = None

    @property
    def neutral(self) -> int:
        """The value that changes nothing."""
        return 1 if self.step else 0


@dataclass(frozen=True)
class Branch:
    """A part of a relation: ``to`` where every comparison in ``when`` holds; with ``many``, once for each e = 0 ... many - 1."""

    to: Integer
    when: tuple[Comparison, ...] = ()
    many: Integer | None = None

    def substitute(self, values: Mapping[str, Integer | int]) -> Branch:
        return Branch(
            self.to.substitute(values),
            tuple(each.substitute(values) for each in self.when),
            None if self.many is None else self.many.substitute(values),
        )


@dataclass(frozen=True)
class Operation:
    """One operation: how long its result is, where entries come from and where they go.

    ``word`` is what it is called in a formula, ``mode`` the way of doing it where there are several; ``sign`` is the sign that it
    is typeset with, between operand and amount; without one it is set as a function. An operation ``gathers`` where an entry
    of the result may be the sum of several, and ``spreads`` where an entry of the operand may stand at several places.
    It is ``filled`` where a place that no entry of the operand comes to holds the constant v.
    """

    word: str
    amounts: tuple[Amount, ...]
    length: Integer
    back: tuple[Branch, ...]
    forward: tuple[Branch, ...]
    sign: str | None = None
    mode: str = ""
    gathers: bool = False
    filled: bool = False
    spreads: bool = False


i, j, n, e, t = (Name(name) for name in "ijnet")
before, after, by = Name("before"), Name("after"), Name("by")

_BORDER = (Amount("before"), Amount("after", like="before"))


def _sources(mode: Mode, at: Integer, size: Integer) -> tuple[Branch, ...]:
    """The row that stands at padded position ``at`` of an array of ``size`` rows: P of the mode, piece by piece."""
    values = {"t": at - before, "H": size}
    return tuple(Branch(row, conditions).substitute(values) for conditions, row in mode.pieces)


def _positions(mode: Mode, row: Integer, size: Integer, length: Integer) -> tuple[Branch, ...]:
    """The padded positions, out of ``length``, at which ``row`` stands: P of the mode turned round, piece by piece."""
    result = []
    for conditions, source in mode.pieces:
        linear = source.substitute({"H": size}).linear_in("t")
        assert linear is not None
        factor, rest = linear
        if "t" in source.names():  # P is t or -t and something: its own inverse up to sign
            at = factor * (row - rest)
            to, many = at + before, None
            when = tuple(each.substitute({"t": at, "H": size}) for each in conditions)
        else:  # one row over the whole border
            leads = conditions == (compare(Name("t"), "<", 0),)  # both borders may repeat the same row
            to, many = (e, before) if leads else (before + size + e, after)
            when = (compare(row, "==", source.substitute({"H": size})),)
        result.append(Branch(to, (*when, *between(0, to, length)), many))
    return tuple(result)


def _padding(mode: Mode) -> Operation:
    """The border of a mode: rows of the operand stand outside it too."""
    longer = before + n + after
    return Operation("pad", _BORDER, longer, _sources(mode, i, n), _positions(mode, j, n, longer),
                     mode=mode.name, spreads=mode.moves_rows, filled=mode.filled)  # fmt: skip


def _folding(mode: Mode) -> Operation:
    """The adjoint of the border of a mode: what stands on the border is added to the rows that feed it."""
    inner = n - before - after
    inside = tuple(
        Branch(branch.to, (*branch.when, *between(0, branch.to, inner))) for branch in _sources(mode, j, inner)
    )
    return Operation("fold", _BORDER, inner, _positions(mode, i, inner, n), inside,
                     mode=mode.name, gathers=mode.moves_rows)  # fmt: skip


#: the operations by their key: the word, and the mode behind a blank where there is one
MOVES: dict[str, Operation] = {
    "pad": Operation(
        "pad", _BORDER, before + n + after,
        back=(Branch(i - before),),
        forward=(Branch(j + before, between(0, j + before, before + n + after)),),
    ),
    "crop": Operation(
        "crop", _BORDER, n - before - after,
        back=(Branch(i + before),),
        forward=(Branch(j - before, between(0, j - before, n - before - after)),),
    ),
    "dilate": Operation(
        "dilate", (Amount("by", step=True),), by * (n - 1) + 1,
        back=(Branch(i // by, (compare(i % by, "==", 0),)),),
        forward=(Branch(by * j),),
        sign="↑",
    ),
    "flip": Operation("flip", (), n, back=(Branch(n - 1 - i),), forward=(Branch(n - 1 - j),)),
}  # fmt: skip

#: with zeros, whose name is left out, ``fold`` is a crop
MOVES["fold"] = replace(_folding(MODES["zeros"]), mode="")
for _mode in MODES.values():
    if _mode.counts_outside:
        MOVES[f"pad {_mode.name}"] = _padding(_mode)
        MOVES[f"fold {_mode.name}"] = _folding(_mode)
