"""An author's own notation: what letters, gradients, operators and indices look like, in every format.

    Notation(letters={"x": "a", "w": r"\\theta", "y": "z", "dy": r"\\delta"}, index_base=0, gradient="partial", operator="*")

The tree of an equation is made in symconv's notation and set anew: letters change, ``dx_{11}`` becomes a fraction, ``⋆`` another
sign, ``x_{i,j}`` ``x[i,j]``. Only the first index has to be known earlier, when the tree is made (:data:`FIRST` in
:mod:`symconv.mathematics.of_integers`), since ``s(o - 1)`` becomes ``so``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from symconv.mathematics.letters import GREEK
from symconv.mathematics.tree import (
    Above,
    Below,
    Equation,
    Fence,
    Fraction,
    Math,
    Matrix,
    Operator,
    Product,
    Row,
    Struck,
    Sum,
    Total,
    Word,
)

__all__ = ["OWN", "PRESETS", "Notation", "notation"]

#: what each letter stands for; the keys are those that may be changed
MEANINGS = {
    "x": "the input", "w": "the kernel", "b": "the bias", "y": "the output", "t": "the target", "L": "the loss",
    "dx": "the gradient with respect to the input", "dw": "the gradient with respect to the kernel",
    "db": "the gradient with respect to the bias", "dy": "the upstream gradient", "H": "the size of the input",
    "K": "the size of the kernel", "O": "the size of the output", "o": "the index of the output", "k": "the index of the kernel",
    "m": "the index of the input", "n": "the index of the images", "c": "the index of the input channels",
    "f": "the index of the filters", "g": "the index of the groups", "s": "the stride", "d": "the dilation",
    "p": "the padding before", "q": "the padding after", "r": "the remainder", "N": "the number of images",
    "C": "the number of input channels", "F": "the number of filters", "G": "the number of groups",
    "z": "the input with its border", "v": "the value on the border", "μ": "the position that a tap meets",
}  # fmt: skip

ARRAYS = ("x", "w", "b", "y", "t", "dx", "dw", "db", "dy")
GRADIENTS = ("dx", "partial", "nabla", "delta")
INDICES = ("subscript", "brackets", "parentheses")

#: letters that stand in few articles only; whether they clash depends on the layer
OCCASIONAL = ("n", "c", "f", "g", "N", "C", "F", "G", "t", "z", "v", "μ")

#: letters that make room where an author has theirs for something else, and what they become: the first that is free
YIELDING = {"z": "uehaijl", "v": "ehaijlu", "μ": "νλρξηχ"}

#: letters that may have one name for each axis: ``o = "ij"``
PER_AXIS = ("o", "k", "m", "H", "K", "O")

#: commands and ASCII for signs; anything else must be one of the signs itself
OPERATORS = {
    r"\star": "⋆",
    r"\ast": "∗",
    "*": "∗",
    r"\circledast": "⊛",
    r"\otimes": "⊗",
    "⋆": "⋆",
    "∗": "∗",
    "⊛": "⊛",
    "⊗": "⊗",
}

_LETTER = re.compile(rf"[A-Za-z{''.join(GREEK.values())}][A-Za-z0-9{''.join(GREEK.values())}]{{0,7}}′?")


def _letters(name: str, own: str) -> list[str]:
    """What ``own`` is set as: one letter, or one for each axis."""
    return list(own) if name in PER_AXIS else [own]


@dataclass(frozen=True)
class Notation:
    """How mathematics is set.

    ``letters`` from symconv's letters to the author's: Latin, Greek or TeX's names of Greek (``r"\\theta"``); the indices o, k, m
    and the sizes H, K, O may be given a letter for each axis (``"ij"``). ``index_base`` is 1 or 0. ``gradient`` is how gradients
    are written where ``letters`` does not name them: ``"dx"``, ``"partial"`` (∂L/∂x), ``"nabla"`` (∇ₓL), or ``"delta"`` (δˣ, with
    δ for the upstream one). ``operator`` is the sign of correlation, ``index`` where indices stand: ``"subscript"``,
    ``"brackets"`` or ``"parentheses"``.

    Raises ValueError for anything else, and for two meanings of one letter.

    >>> Notation(letters={"x": "w"})
    Traceback (most recent call last):
    ValueError: the letter 'w' would mean both the input and the kernel
    """

    letters: Mapping[str, str] = field(default_factory=dict)
    index_base: int = 1
    gradient: str = "dx"
    operator: str = "⋆"
    index: str = "subscript"

    def __post_init__(self) -> None:
        unknown = [name for name in self.letters if name not in MEANINGS]
        if unknown:
            raise ValueError(f"no letter {unknown[0]!r} to change; there are {', '.join(MEANINGS)}")
        if self.index_base not in (0, 1):
            raise ValueError(f"index_base is 0 or 1, not {self.index_base!r}")
        for name, value, known in (("gradient", self.gradient, GRADIENTS), ("index", self.index, INDICES)):
            if value not in known:
                raise ValueError(f"no {name} {value!r}; there are {', '.join(known)}")
        if self.operator not in OPERATORS:
            raise ValueError(f"no operator {self.operator!r}; there are {', '.join(OPERATORS)}")
        object.__setattr__(self, "operator", OPERATORS[self.operator])
        read = {name: _read(name, str(letter)) for name, letter in self.letters.items()}
        if self.gradient == "delta":
            read.setdefault("dy", "δ")
        for name, others in YIELDING.items():
            taken = {letter for each in MEANINGS if each != name for letter in _letters(each, read.get(each, each))}
            if name not in read and name in taken:
                read[name] = next((letter for letter in others if letter not in taken), f"{name}′")
        object.__setattr__(self, "letters", MappingProxyType(read))
        self.refuse_clashes(name for name in MEANINGS if name not in OCCASIONAL or name in self.letters)

    def refuse_clashes(self, names: Iterable[str]) -> None:
        """ValueError, with the two meanings, if two of these letters are set alike."""
        meant: dict[str, str] = {}
        for name, meaning in ((name, MEANINGS[name]) for name in names):
            for letter in _letters(name, self.letters.get(name, name)):
                if meant.setdefault(letter, meaning) != meaning:
                    raise ValueError(f"the letter {letter!r} would mean both {meant[letter]} and {meaning}")

    @property
    def plain(self) -> bool:
        """Whether this is symconv's own notation, in which nothing has to be set anew."""
        return self == OWN

    @property
    def short(self) -> Notation:
        """The same with gradients as single letters, where there is no room for a fraction."""
        return replace(self, gradient="dx") if self.gradient in ("partial", "nabla") else self

    @property
    def iverson(self) -> bool:
        """Whether δ is taken, so that a condition is written in brackets and not as a Kronecker symbol."""
        return "δ" in self.letters.values() or self.gradient == "delta"

    def __hash__(self) -> int:
        return hash((tuple(sorted(self.letters.items())), self.index_base, self.gradient, self.operator, self.index))

    def to_dict(self) -> dict[str, Any]:
        """The notation as plain data, as a file of it holds it."""
        return {f.name: dict(self.letters) if f.name == "letters" else getattr(self, f.name) for f in fields(self)}

    # setting ----------------------------------------------------------------------------------------------------------

    def math(self, thing: Math) -> Math:
        """``thing``, made in symconv's notation, in this one."""
        return thing if self.plain else _RULES[type(thing)](self, thing)

    def equation(self, thing: Equation) -> Equation:
        """An equation in this notation."""
        return Equation(self.math(thing.left), tuple((sign, self.math(side)) for sign, side in thing.steps), thing.note)

    def identifier(self, name: str) -> str:
        """What an array or size is called in code: the letter, Greek ones by their names.

        >>> Notation(letters={"w": "θ", "x": "a"}).identifier("dw")
        'dtheta'
        """
        if name in self.letters or not name.startswith("d") or name == "d":
            letter = self.letters.get(name, name)
        else:
            return f"d{self.identifier(name[1:])}"
        spelled = "".join(_NAMES.get(sign, sign) for sign in letter)
        return spelled.replace("′", "_")

    def _word(self, thing: Word) -> Math:
        if thing.text in ARRAYS and thing.text[0] == "d" and thing.text not in self.letters:
            return self._gradient(thing.text[1:], None)
        if thing.text == "⋆":
            return Word(self.operator)
        if thing.text == "dz":
            return Word(f"d{self.letters.get('z', 'z')}")
        own = self.letters.get(thing.text, thing.text)
        return Word(own[0] if thing.text in PER_AXIS and len(own) > 1 else own)

    def _gradient(self, array: str, sub: Math | None) -> Math:
        """The gradient with respect to an array, or to its entry at ``sub``."""
        variable = self._word(Word(array))
        entry = variable if sub is None else self._indexed(variable, sub)
        loss = self._word(Word("L"))
        if self.gradient == "partial":
            return Fraction(Row((Word("∂"), loss)), Row((Word("∂"), entry)))
        if self.gradient == "nabla":
            whole = Row((Below(Word("∇"), variable), loss))
            return whole if sub is None else self._indexed(Fence(whole), sub)
        name: Math = Above(Word("δ"), variable) if self.gradient == "delta" else Word(f"d{_text(variable)}")
        return name if sub is None else self._indexed(name, sub)

    def _indexed(self, base: Math, sub: Math) -> Math:
        if self.index == "subscript":
            return Below(base, sub)
        left, right = "[]" if self.index == "brackets" else "()"
        return Row((base, Fence(sub, left, right)))

    def _below(self, thing: Below) -> Math:
        base = thing.base
        if isinstance(base, Word) and base.text in ARRAYS:
            sub = self.math(thing.sub)
            if base.text[0] == "d" and base.text not in self.letters:
                return self._gradient(base.text[1:], sub)
            return self._indexed(self._word(base), sub)
        if isinstance(base, Word) and base.text in PER_AXIS and isinstance(thing.sub, Word):
            own = self.letters.get(base.text, base.text)
            axis = int(thing.sub.text) if thing.sub.text.isdigit() else 0
            if len(own) > 1 and 1 <= axis <= len(own):
                return Word(own[axis - 1])
        if base == Word("δ") and self.iverson and isinstance(thing.sub, Row):
            place, led = (part for part in thing.sub.parts if part != Word(", "))
            return Fence(Row((self.math(place), Operator("="), self.math(led))), "[", "]")
        return Below(self.math(base), self.math(thing.sub))

    def _operator(self, thing: Operator) -> Math:
        return Operator(self.operator) if thing.text == "⋆" else thing

    def _row(self, thing: Row) -> Math:
        return Row(tuple(self.math(part) for part in thing.parts))

    def _fence(self, thing: Fence) -> Math:
        return Fence(self.math(thing.body), thing.left, thing.right)

    def _total(self, thing: Total) -> Math:
        return Total(
            tuple(self.math(part) for part in thing.under), None if thing.over is None else self.math(thing.over)
        )


#: symconv's own notation
OWN = Notation()


def _text(math: Math) -> str:
    return math.text if isinstance(math, Word) else "?"


def _read(name: str, letter: str) -> str:
    """A letter as it stands in the tree."""
    text = letter.strip()
    for command in re.findall(r"\\([A-Za-z]+)", text):
        if command not in GREEK:
            raise ValueError(f"no letter \\{command} for {name!r}; Greek letters by their names are known, as \\theta")
    text = re.sub(r"\\([A-Za-z]+)\s?", lambda m: GREEK[m.group(1)], text).replace("'", "′")
    if not _LETTER.fullmatch(text):
        raise ValueError(f"{letter!r} is no letter for {name!r}: one to eight Latin or Greek letters")
    return text


_NAMES = {sign: name for name, sign in GREEK.items()}

#: kind of mathematics -> how it is set anew
_RULES: dict[type[Math], Callable[[Notation, Any], Math]] = {
    Word: Notation._word,
    Operator: Notation._operator,
    Below: Notation._below,
    Above: lambda n, t: Above(n.math(t.base), n.math(t.sup)),
    Row: Notation._row,
    Product: lambda n, t: Product(tuple(n.math(f) for f in t.factors), t.apart),
    Sum: lambda n, t: Sum(tuple((sign, n.math(term)) for sign, term in t.terms)),
    Fence: Notation._fence,
    Struck: lambda n, t: Struck(n.math(t.body)),
    Fraction: lambda n, t: Fraction(n.math(t.top), n.math(t.bottom)),
    Total: Notation._total,
    Matrix: lambda n, t: Matrix(tuple(tuple(n.math(cell) for cell in row) for row in t.rows)),
}

#: notations by name
PRESETS: dict[str, dict[str, Any]] = {
    "article": {},
    "cs231n": {"index_base": 0, "letters": {"y": "out", "dy": "dout"}, "index": "brackets", "operator": "*"},
    "goodfellow": {"letters": {"x": "V", "w": "K", "y": "Z", "dy": "G", "L": "J", "K": "W", "G": r"\Gamma"},
                   "gradient": "partial", "operator": "*"},
    "bishop": {"letters": {"x": "z", "y": "a", "dy": r"\delta", "L": "E"}, "gradient": "partial"},
    "pytorch": {"index_base": 0, "letters": {"w": "weight", "b": "bias"}},
}  # fmt: skip


def notation(given: Notation | str | Path | Mapping[str, Any] | None) -> Notation:
    """A notation: one already, the name of a preset, a TOML file, or a table with the same keys.

    Raises ValueError for a name or key there is none of, and for a file that is no TOML.
    """
    if isinstance(given, Notation):
        return given
    if given is None:
        return OWN
    if isinstance(given, Mapping):
        return _of_table(given, "the notation")
    if str(given) in PRESETS:
        return _of_table(PRESETS[str(given)], str(given))
    path = Path(given)
    if path.suffix != ".toml":
        raise ValueError(f"no notation {str(given)[:60]!r}; there are {', '.join(PRESETS)}, or a file ending in .toml")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: {' '.join(str(error).split())}") from None
    return _of_table(table, str(path))


def _of_table(table: Mapping[str, Any], where: str) -> Notation:
    known = {f.name for f in fields(Notation)}
    for key, value in table.items():
        if key not in known:
            raise ValueError(f"{where}: no key {key!r}; there are {', '.join(sorted(known))}")
        if key == "letters" and not isinstance(value, Mapping):
            raise ValueError(f"{where}: letters is a table, not {value!r}")
    return Notation(**table)
