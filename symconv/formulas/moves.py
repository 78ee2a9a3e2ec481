"""The operations that move entries about, one row each: ``pad``, ``crop``, ``dilate``, ``flip``.

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
from dataclasses import dataclass

from symconv.algebra.comparisons import Comparison, between, compare
from symconv.algebra.integers import Integer, Name

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
    """

    word: str
    amounts: tuple[Amount, ...]
    length: Integer
    back: tuple[Branch, ...]
    forward: tuple[Branch, ...]
    sign: str | None = None
    mode: str = ""
    gathers: bool = False
    spreads: bool = False


i, j, n, e = (Name(name) for name in "ijne")
before, after, by = Name("before"), Name("after"), Name("by")

_BORDER = (Amount("before"), Amount("after", like="before"))

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
