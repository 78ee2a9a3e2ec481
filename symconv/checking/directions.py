"""Names of second derivatives as an author writes them, read as one letter each: ``v^x``, ``ggI``, ``∂L_2/∂x_m``, ``⟨u, dx⟩``.

The roles are those of :mod:`symconv.layer.second`: v_x, v_w, v_b are the directions for x, w, b, ddy, ddx, ddw the derivatives of
the loss of gradients by dy, x, w. Where dy moves, too, along v_dy, the gradients change by Rdx, Rdw, Rdb: what Pearlmutter's
operator R makes of them. What reads statements knows letters alone, so names of several signs are made one before.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction as Ratio
from typing import Any

from symconv.algebra.trees import rebuilt
from symconv.checking.letters import LOSS, ReadingError, between, flat, is_blank, parts_of
from symconv.checking.printed import name_text
from symconv.checking.terms import Entry, Name, Num, Statement, Term, walk
from symconv.mathematics.tree import Above, Below, Fence, Fraction, Math, Operator, Row, Total, Word

__all__ = [
    "CHANGES",
    "DIRECTIONS",
    "MOVED",
    "SECOND",
    "Directions",
    "key_of",
    "letter_of",
    "marked",
    "role_of",
    "shaped",
]

#: direction -> the array that it is for
DIRECTIONS = {"v_x": "x", "v_w": "w", "v_b": "b", "v_dy": "dy"}
#: derivative of the loss of gradients -> what it is the derivative by
SECOND = {"ddy": "dy", "ddx": "x", "ddw": "w", "ddb": "b"}
#: change of a gradient where dy changes, too -> what that gradient is by
CHANGES = {"Rdx": "x", "Rdw": "w", "Rdb": "b"}
#: what changes along the directions -> the role of its change
MOVED = {"x": "v_x", "w": "v_w", "b": "v_b", "dy": "v_dy", "y": "ddy", "dx": "Rdx", "dw": "Rdw", "db": "Rdb"}

_OPEN, _CLOSE = {"langle", "⟨"}, {"rangle", "⟩"}
_DIFFERENTIALS = (Word("∂"), Word("d"))
#: accents and operators that make a name of the array after them
_MARKS = {"dot": "dot", "R": "R", "R_v": "R", "R_V": "R"}


def shaped(role: str) -> str:
    """The array whose shape something of a role has: x, w, b, y.

    >>> shaped("v_w"), shaped("ddy"), shaped("dx")
    ('w', 'y', 'x')
    """
    return {**DIRECTIONS, **SECOND, **CHANGES, "t": "y"}.get(role, role).removeprefix("d")


def letter_of(term: Term) -> str:
    """The array that a term is, or is an entry of; nothing for any other."""
    return term.array if isinstance(term, Entry) else term.text if isinstance(term, Name) else ""


def role_of(name: str, roles: Mapping[str, str], seconds: bool) -> str | None:
    """What a letter stands for, or with a d before it the gradient by what it stands for; None where it is of second derivatives
    and there are none."""
    role = roles.get(name)
    if role is not None:
        return role if seconds or not (role in DIRECTIONS or role in SECOND or role in CHANGES) else None
    below = roles.get(name[1:], "d") if name.startswith("d") else "d"
    return None if below.startswith("d") or below in DIRECTIONS else f"d{below}"


def key_of(math: Math) -> str:
    """A name without the brackets and spaces in it."""
    return re.sub(r"[()\[\]{}\s]", "", flat(math))


@dataclass(frozen=True)
class Directions:
    """``names`` from what a name comes to, as :func:`key_of` has it, to the letter that is read; ``roles`` of these letters,
    ``arrays`` the roles of the layer's own; ``losses`` with the directions that each is the loss of."""

    names: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    arrays: Mapping[str, str] = field(default_factory=dict)
    losses: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: the letters that are the author's
    own: frozenset[str] = frozenset()
    #: losses that add up squares of a gradient's entries, each a penalty: the factor of the gradient that its direction is
    penalties: Mapping[str, tuple[tuple[str, Ratio], ...]] = field(default_factory=dict)
    #: those of directions that are put as zero
    still: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.roles or self.penalties)

    def active(self, statement: Statement) -> frozenset[str]:
        """The directions that a statement is about: those of the losses whose derivatives it names, or of all.

        Where no loss is written out it is every one that has a letter, that for b only where the statement has it, too.
        """
        named = {letter_of(each) for side in statement.sides for each in walk(side)}
        roles = {role for each in named if (role := self.roles.get(each)) in {**DIRECTIONS, **SECOND, **CHANGES}}
        if not roles and not named & set(self.losses):
            return frozenset()
        known = [self.losses[loss] for loss in self._losses(named) or self.losses]
        if len({*known}) > 1 or len({self.penalties.get(each) for each in self._losses(named) or self.losses}) > 1:
            raise ReadingError("of which of several losses of gradients these are derivatives is not said")
        moving = {role for letter, role in self.roles.items() if letter not in self.still}
        return known[0] | ({"v_dy"} & roles) if known else frozenset(moving & set(DIRECTIONS) - ({"v_b"} - roles))

    def squared(self, statement: Statement) -> tuple[tuple[str, Ratio], ...]:
        """For a statement about a penalty the direction for each gradient that is squared, as a multiple of that gradient."""
        named = {letter_of(each) for side in statement.sides for each in walk(side)}
        found = [self.penalties[each] for each in self._losses(named) or self.losses if each in self.penalties]
        return found[0] if found and self.active(statement) else ()

    def _losses(self, named: Collection[str]) -> set[str]:
        """The losses that letters are derivatives of."""
        letters = {loss: {loss, *(self.letter(loss, role) for role in SECOND)} for loss in self.losses}
        return {loss for loss, own in letters.items() if own & set(named)}

    def meant(self, statement: Statement) -> dict[str, str]:
        """What the left side is where dx and ddx have one name, as gI of PyTorch's: the one with directions in it is ddx."""
        left, *sides = statement.sides
        role = self.roles.get(letter_of(left), "")
        there = {self.roles.get(letter_of(each)) for side in sides for each in walk(side)} & set(DIRECTIONS)
        if "v_dy" in there and role in ("ddx", "ddw", "ddb"):  # a Hessian times a direction, where dy changes, too
            return {letter_of(left): f"R{role[1:]}"}
        second = {"dx": "ddx", "dw": "ddw", "db": "ddb"}.get(role)
        return {letter_of(left): second} if second and there else {}

    def stilled(self, statement: Statement) -> Statement:
        """The same without the directions that are put as zero."""

        def without(term: Any) -> Any:
            return Num(0) if isinstance(term, Term) and letter_of(term) in self.still else rebuilt(term, without)

        return (
            replace(statement, sides=(statement.sides[0], *without(statement.sides[1:]))) if self.still else statement
        )

    def chosen(self, statement: Statement) -> bool:
        """Whether a direction is put as something that is not made of directions, which it may be."""
        left, *sides = statement.sides
        if not sides or self.roles.get(letter_of(left)) not in DIRECTIONS:
            return False
        made = {letter_of(each) for side in sides if not letter_of(side) for each in walk(side)}
        return letter_of(left) not in {*made, *map(letter_of, sides)} and not made & set(self.roles)

    def letter(self, loss: str, role: str) -> str:
        """What the derivative of a loss is read as; the loss is told where there are several."""
        return role if len(self.losses) < 2 else f"{role}^{re.sub('[_^]', '', loss)}"

    def written(self, text: str | None) -> str | None:
        """LaTeX, or words with it, that was made here: derivatives of losses that the author has no letter for as fractions."""
        made = {self.letter(each, role): (each, role) for each in self.losses for role in SECOND}
        for letter, (each, role) in made.items():
            if text is None or letter in self.own or letter not in text:
                continue
            by = SECOND[role].removeprefix("d")
            array = next((name for name, of in self.arrays.items() if of == by), by)
            array = array if role != "ddy" else next((n for n, of in self.arrays.items() if of == "dy"), "d" + array)
            fraction = (rf"\frac{{\partial {name_text(each)}}}{{\partial {name_text(array)}", "}")
            name = rf"(?<![A-Za-z]){re.escape(name_text(letter))}(_\{{[^{{}}]*\}})?(?![A-Za-z^])"
            text = re.sub(name, lambda m, around=fraction: (m[1] or "").join(around), text)  # type: ignore[misc]
        return text

    def read(self, math: Any) -> Any:
        """The same mathematics with one letter for each name."""
        if not self:
            return math
        if isinstance(math, Row):
            parts = self._row(list(math.parts))
            return parts[0] if len(parts) == 1 else Row(tuple(parts))
        if isinstance(math, (Word, Below, Above)) and (named := self._named(math)) is not None:
            return named
        if isinstance(math, Fraction) and (found := self._fraction(math)) is not None:
            return found
        return rebuilt(math, self.read) if isinstance(math, (Math, tuple)) else math

    def _named(self, math: Math) -> Math | None:
        letter = self.names.get(key_of(math))
        if letter is not None:
            return Word(letter)
        if isinstance(math, Below):
            base = self._named(math.base)
            if base is not None:
                return Below(base, self.read(math.sub))
            first, *rest = between(parts_of(math.sub), ",")
            letter = self.names.get(f"{key_of(math.base)}_{key_of(Row(tuple(first)))}") if rest else None
            commas = [part for piece in rest for part in (Operator(","), *piece)][1:]
            return None if letter is None else Below(Word(letter), Row(tuple(commas)))
        if isinstance(math, Above):
            if isinstance(math.base, Below):
                letter = self.names.get(f"{key_of(math.base.base)}^{key_of(math.sup)}")
                if letter is not None:
                    return Below(Word(letter), self.read(math.base.sub))
            base = self._named(math.base)
            return None if base is None else Above(base, math.sup)
        return None

    def _row(self, parts: list[Math]) -> list[Math]:
        found: list[Math] = []
        at = 0
        while at < len(parts):
            for rule in (self._pairing, self._gradient, self._marked, self._run):
                read = rule(parts[at:])
                if read is not None:
                    part, taken = read
                    break
            else:
                part, taken = self.read(parts[at]), 1
            found.append(part)
            at += taken
        return found

    def _pairing(self, parts: Sequence[Math]) -> tuple[Math, int] | None:
        """``⟨a, b⟩`` is the sum of all products of entries."""
        if not isinstance(parts[0], Word) or parts[0].text not in _OPEN:
            return None
        end = next((i for i, p in enumerate(parts) if isinstance(p, Word) and p.text in _CLOSE), 0)
        sides = between(parts[1:end], ",")
        if len(sides) != 2 or not all(sides):
            return None
        first, second = (Fence(self.read(Row(tuple(side)))) if len(side) > 1 else self.read(side[0]) for side in sides)
        return Fence(Row((Total(), first, Operator("·"), second))), end + 1

    def _gradient(self, parts: Sequence[Math]) -> tuple[Math, int] | None:
        """``∇_x L_2``."""
        if len(parts) < 2 or not isinstance(parts[0], Below) or parts[0].base != Word("∇"):
            return None
        found = self._by(key_of(parts[1]), parts_of(parts[0].sub))
        return None if found is None else (found, 2)

    def _marked(self, parts: Sequence[Math]) -> tuple[Math, int] | None:
        r"""``\dot x_i`` and ``R{x_i}``, ``R{x}_i``."""
        key, below = marked(parts)
        name = self.names.get(key)
        if name is None:
            return None
        return (Word(name) if below is None else Below(Word(name), self.read(below))), 2

    def _run(self, parts: Sequence[Math]) -> tuple[Math, int] | None:
        """Letters side by side that are one name, ``ggI_i``."""
        for length in (4, 3, 2):
            run = parts[:length]
            if len(run) < length or not all(isinstance(p, Word) for p in run[:-1]):
                continue
            last = run[-1]
            stem = last
            while isinstance(stem, (Below, Above)):
                stem = stem.base
            letter = self.names.get("".join(map(key_of, (*run[:-1], stem)))) if isinstance(stem, Word) else None
            if letter is not None:
                return _restemmed(last, Word(letter)), length
        return None

    def _fraction(self, math: Fraction) -> Math | None:
        top, bottom = parts_of(math.top), [p for p in parts_of(math.bottom) if not is_blank(p)]
        if len(top) < 2 or len(bottom) < 2 or top[0] not in _DIFFERENTIALS or bottom[0] not in _DIFFERENTIALS:
            return None
        return self._by("".join(map(key_of, top[1:])), bottom[1:])

    def _by(self, loss: str, parts: Sequence[Math]) -> Math | None:
        """The derivative of a loss of gradients by an array, or by an entry of it."""
        if loss not in self.losses:
            return None
        name, below = _stem(parts)
        role = self.arrays.get(name, "")
        role = role or ("d" + self.arrays.get(name[1:], "") if name.startswith("d") else "")
        second = next((each for each, by in SECOND.items() if by == role), None)
        if second is None:
            return None
        letter = Word(self.letter(loss, second))
        return letter if below is None else Below(letter, self.read(below))


def marked(parts: Sequence[Math]) -> tuple[str, Math | None]:
    r"""``\dot x_i``, ``R{x_i}`` or ``R{x}_i`` at the beginning of a row: its name and what stands below it, or no name."""
    mark = _MARKS.get(key_of(parts[0])) if isinstance(parts[0], (Word, Below)) else None
    if mark is None or len(parts) < 2:
        return "", None
    after: Math = parts[1]
    below: Math | None = None
    if isinstance(after, Below) and isinstance(after.base, Fence):
        below, after = after.sub, after.base
    if mark == "R" and not isinstance(after, Fence):
        return "", None
    name, inner = _stem(parts_of(after.body if isinstance(after, Fence) else after))
    return f"{mark} {name}", inner if below is None else below


def _restemmed(math: Math, stem: Math) -> Math:
    """The same scripts at another stem."""
    if isinstance(math, Below):
        return Below(_restemmed(math.base, stem), math.sub)
    return Above(_restemmed(math.base, stem), math.sup) if isinstance(math, Above) else stem


def _stem(parts: Sequence[Math]) -> tuple[str, Math | None]:
    """A name and its indices; the gradient of the first loss is ``d`` with what it is by."""
    below: Math | None = None
    if len(parts) == 1 and isinstance(parts[0], Below) and isinstance(parts[0].base, (Fence, Fraction)):
        below, parts = parts[0].sub, (parts[0].base,)
    if len(parts) == 1 and isinstance(parts[0], Fence):
        name, inner = _stem(parts_of(parts[0].body))
        return name, below or inner
    if len(parts) == 1 and isinstance(parts[0], Fraction):
        top, bottom = parts_of(parts[0].top), parts_of(parts[0].bottom)
        if len(top) == 2 and key_of(top[1]) in LOSS and len(bottom) > 1:
            name, inner = _stem(bottom[1:])
            return "d" + name, below or inner
        return "", None
    if not parts:
        return "", None
    last = parts[-1]
    if isinstance(last, Below):
        below, last = last.sub, last.base
    return "".join(map(key_of, (*parts[:-1], last))), below
