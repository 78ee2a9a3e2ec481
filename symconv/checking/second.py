"""What an article calls second derivatives: directions for the gradients, the loss that they make, and its derivatives.

Nothing is looked for where no word speaks of them. A name says most: ``ddx``, ``v^x``, PyTorch's ``ggI``, ``R{x}``. Then come the
sums of products that a loss of gradients is, ``L_2 = ⟨u, dx⟩ + ⟨v, dw⟩``: what stands beside dx is the direction for x. Last come
sentences with as many letters as arrays, "directions $u$ and $v$ for $x$ and $w$".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction

from symconv.checking.context import SIZES
from symconv.checking.directions import DIRECTIONS, MOVED, SECOND, Directions, key_of, letter_of, marked
from symconv.checking.documents import Block
from symconv.checking.letters import LOSS, ReadingError
from symconv.checking.roles import AnyLetter
from symconv.checking.statements import statements
from symconv.checking.terms import Add, Div, Entry, Mul, Name, Num, Seq, Star, Statement, SumOver, Term, Transpose, walk
from symconv.mathematics.of_latex import LatexError, read_latex
from symconv.mathematics.tree import Above, Below, Math, Row, Word

__all__ = ["directions_of", "losses_called", "partners"]

_SPOKEN = re.compile(
    r"second[- ](?:order|derivative)|double[- ]?back|gradients? of (?:the |a )?gradients?|grad[- ]?(?:of[- ])?grad|hessian|hesse"
    r"|\bR[- ]?op|pearlmutter|gradient penalty|directional derivative|jacobian[- ]vector|\bJVP\b|forward[- ]mode|tangent"
    r"|dérivées? secondes?|second ordre|gradients? de gradients?|dérivée directionnelle|zweite[rn]? (?:Ableitung|Ordnung)"
    r"|Gradienten von Gradienten|Richtungsableitung|二阶|二階|黑塞|segund[ao]s? (?:derivada|orden)", re.IGNORECASE,
)  # fmt: skip
_DIRECTION = re.compile(
    r"direction|tangent|cotangent|perturbation|Richtung|Störung|grad[- ]?grad|方向|dirección", re.IGNORECASE
)
_MATHS = re.compile(r"(?<![\\$])\$([^$]+)\$")
_SENTENCE = re.compile(r"(?<=[.;:!?])\s+")
#: what PyTorch calls the arrays of a layer
_TORCH = {
    "I": "x",
    "X": "x",
    "x": "x",
    "W": "w",
    "w": "w",
    "K": "w",
    "k": "w",
    "b": "b",
    "B": "b",
    "O": "y",
    "Y": "y",
    "y": "y",
}
#: letters that directions have, where an array stands above or below them
_BASES = set("uvpqrtzaehλξηνταβμφψωζε")


def directions_of(blocks: Sequence[Block], roles: Mapping[str, str]) -> Directions:
    """What an article's second derivatives are called, given what its letters stand for."""
    words = " ".join(block.text for block in blocks if block.kind in ("text", "heading"))
    maths = [block.text for block in blocks if block.kind in ("display", "inline")]
    if not _SPOKEN.search(words):
        return Directions()
    maths += [m[1] for m in _MATHS.finditer(words)]
    arrays = {letter: role for letter, role in roles.items() if role in ("x", "w", "b", "y", "dy")}
    trees = list(_trees(dict.fromkeys(maths)))
    found = re.findall(r"(?<![A-Za-z])(?:gg|dd)[A-Za-z](?![A-Za-z])", words)
    names: dict[str, tuple[str, str]] = {}  # what a name comes to -> the letter that is read, and its role
    for tree in trees:
        _named(tree, arrays, names)
    names |= {word: (word, role) for word in found if (role := _word_role(word, arrays))}
    names = _alike(names)
    arrays |= {letter: role for letter, role in names.values() if role in ("dx", "dw", "db", "dy")}
    spelled = Directions({key: letter for key, (letter, _) in names.items()}, dict(names.values()) or {"": ""}, arrays)
    told = [each for tree in trees for each in _statements(spelled.read(tree), spelled.roles)]
    known = dict(names.values())
    for letter, role in (*_paired(told, arrays, known), *_said(blocks, arrays, known)):
        if role not in known.values() and letter not in known:
            known[letter] = role
    penalties = dict(_penalties(told, arrays))
    losses = _losses(told, arrays, known) | {name: frozenset(dict(each)) for name, each in penalties.items()}
    if not known and not penalties:
        return Directions()
    still = {letter_of(each.sides[0]) for each in told if len(each.sides) > 1 and set(each.sides[1:]) == {Num(0)}}
    still = {letter for letter in still if known.get(letter) in DIRECTIONS}
    seconds = {Directions(losses=losses).letter(loss, role): role for loss in losses for role in SECOND}
    read = {letter: letter for letter in seconds} | {key: letter for key, (letter, _) in names.items()}
    return Directions(read, {**seconds, **known}, arrays, losses, frozenset(known), penalties, frozenset(still))


def _trees(maths: Collection[str]) -> Iterator[Math]:
    for text in maths:
        with suppress(LatexError, RecursionError):
            yield read_latex(text)[0]


def _statements(tree: Math, known: Collection[str]) -> list[Statement]:
    with suppress(ReadingError, RecursionError):
        return statements(tree, AnyLetter(known))
    return []


# names ------------------------------------------------------------------------------------------------------------------


def _named(math: Math, arrays: Mapping[str, str], names: dict[str, tuple[str, str]]) -> None:
    """Gather the names in ``math`` that say by themselves what they are."""
    left = [math]
    while left:
        each = left.pop()
        if isinstance(each, (Above, Below)) and isinstance(each.base, Word) and each.base.text in _BASES:
            sign = "^" if isinstance(each, Above) else "_"
            script = each.sup if isinstance(each, Above) else each.sub
            parts = script.parts if isinstance(script, Row) else (script,)
            name = key_of(parts[0]) if len(parts) == 1 or key_of(parts[1]) == "," else ""
            role = arrays.get(name)
            key = f"{each.base.text}{sign}{name}"
            if role in ("x", "w", "b") and key not in SIZES:
                names[key] = (key, f"v_{role}")
        if isinstance(each, Row):
            _in_row(each.parts, arrays, names)
        elif isinstance(each, Word):
            _in_row((each,), arrays, names)
        left += [p for p in _inside(each) if isinstance(p, Math)]


def _inside(math: Math) -> Iterator[object]:
    slots: tuple[str, ...] = type(math).__slots__
    for slot in slots:
        value = getattr(math, slot)
        yield from _flat(value)


def _flat(value: object) -> Iterator[object]:
    if isinstance(value, tuple):
        for each in value:
            yield from _flat(each)
    else:
        yield value


def _in_row(parts: Sequence[Math], arrays: Mapping[str, str], names: dict[str, tuple[str, str]]) -> None:
    """Letters side by side: ``ddx``, ``ggI``; ``R{x}`` and a letter with a dot."""
    stems = [_stem(part) for part in parts]
    for at in range(len(parts)):
        for length in (1, 2, 3):
            word = "".join(stems[at : at + length]) if all(stems[at : at + length]) else ""
            if role := _word_role(word, arrays):
                names[word] = (word, role)
    for at in range(len(parts)):
        key, _ = marked(parts[at:])
        mark, _, name = key.partition(" ")
        role = MOVED.get(_role(name, arrays))
        if role is not None:
            names[key] = (rf"\dot{{{name}}}" if mark == "dot" else rf"\mathcal{{R}}\{{{name}\}}", role)


def _stem(part: Math) -> str:
    while isinstance(part, (Below, Above)):
        part = part.base
    return part.text if isinstance(part, Word) and part.text.isalpha() else ""


def _word_role(word: str, arrays: Mapping[str, str]) -> str | None:
    if len(word) == 3 and word.startswith("dd"):
        role = f"dd{arrays.get(word[2], '')}"
        return role if role in SECOND else None
    if len(word) == 3 and word.startswith("gg"):
        role = arrays.get(word[2], _TORCH.get(word[2], ""))
        return {"x": "v_x", "w": "v_w", "b": "v_b", "y": "ddy"}.get(role)
    return None


def _alike(names: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """The names that go together: of letters with an array above or below them those that have two such arrays at least, or else
    stand beside others; with PyTorch's names those that it has for the gradients."""
    bases: dict[str, set[str]] = {}
    for key, (_, role) in names.items():
        if "^" in key or "_" in key:
            bases.setdefault(key[0], set()).add(role)
    whole = {key: each for key, each in names.items() if not ("^" in key or "_" in key) or len(bases[key[0]]) > 1}
    for key, (_, role) in list(whole.items()):
        if key.startswith("gg"):
            whole[key[1:]] = (key[1:], "dy" if role == "ddy" else f"d{DIRECTIONS[role]}")
            whole.setdefault("gO", ("gO", "dy"))
    return whole


# sums of products -------------------------------------------------------------------------------------------------------


def partners(side: Term, arrays: Mapping[str, str]) -> list[tuple[int, str, str]]:
    """The products of gradients with something else that are added: sign, what else it is, the array that the gradient is by."""
    found = []
    for sign, term in side.terms if isinstance(side, Add) else ((1, side),):
        while isinstance(term, SumOver):
            term = term.body
        factors = _factors(term)
        named = [(f.array if isinstance(f, Entry) else f.text) for f in factors if isinstance(f, (Entry, Name))]
        gradients = [n for n in named if _gradient(n, arrays)]
        others = [n for n in named if n not in gradients]
        if len(factors) == len(named) == 2 and len(gradients) == len(others) == 1 and others[0] not in arrays:
            found.append((sign, others[0], _gradient(gradients[0], arrays)))
    return found


def _gradient(name: str, arrays: Mapping[str, str]) -> str:
    """The array by which a name is the gradient."""
    by = arrays.get(name[1:], "") if name.startswith("d") else arrays.get(name, "").partition("d")[2]
    return by if by in ("x", "w", "b") else ""


def _factors(term: Term) -> list[Term]:
    if isinstance(term, Mul):
        return [each for factor in term.factors for each in _factors(factor)]
    if isinstance(term, Star):
        return [*_factors(term.left), *_factors(term.right)]
    if isinstance(term, (Transpose, SumOver)):
        return _factors(term.body)
    return [term]


def _paired(
    told: Sequence[Statement], arrays: Mapping[str, str], known: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Directions by the gradients that they stand beside."""
    for statement in told:
        for side in statement.sides[1:]:
            pairs = partners(side, arrays)
            terms = side.terms if isinstance(side, Add) else (side,)
            roles = [role for _, _, role in pairs]
            if len(pairs) == len(terms) and len(set(roles)) == len(roles) and isinstance(statement.sides[0], Name):
                yield from ((name, f"v_{role}") for sign, name, role in pairs if sign == 1 and name not in known)


def losses_called(side: Term) -> list[tuple[Term, ...]]:
    """The arguments of a loss wherever it is written as a function, ``L(x, w, b)``."""
    return [
        factors[1].items
        for each in walk(side)
        if isinstance(each, Mul) and len(factors := each.factors) == 2
        and isinstance(factors[0], Name) and factors[0].text in LOSS and isinstance(factors[1], Seq)
    ]  # fmt: skip


def _losses(
    told: Sequence[Statement], arrays: Mapping[str, str], known: Mapping[str, str]
) -> dict[str, frozenset[str]]:
    """The losses of gradients by name, with the directions that stand in each."""
    found: dict[str, set[str]] = {}
    for statement in told:
        left = statement.sides[0]
        name = (
            left.text if isinstance(left, Name) else f"{left.array}_{_written(left)}" if isinstance(left, Entry) else ""
        )
        if not name or name in arrays or known.get(name) or name.startswith("d"):
            continue
        for side in statement.sides[1:]:
            directions = {known[n] for _, n, _ in partners(side, arrays) if known.get(n) in DIRECTIONS}
            named = {
                known.get(each.text, "") for items in losses_called(side) for item in items for each in walk(item)
                if isinstance(each, Name)
            }  # fmt: skip
            if directions | (named & set(DIRECTIONS)):
                found.setdefault(name, set()).update(directions | (named & set(DIRECTIONS)))
    return {name: frozenset(each) for name, each in found.items()}


def _penalties(
    told: Sequence[Statement], arrays: Mapping[str, str]
) -> Iterator[tuple[str, tuple[tuple[str, Fraction], ...]]]:
    """Sums of the squares of a gradient's entries, each the loss whose direction is a multiple of that gradient."""
    for statement in told:
        left = statement.sides[0]
        if len(statement.sides) != 2 or not isinstance(left, Name) or left.text in arrays or left.text in LOSS:
            continue
        found: dict[str, Fraction] = {}
        terms = statement.sides[1].terms if isinstance(statement.sides[1], Add) else ((1, statement.sides[1]),)
        for sign, term in terms:
            number, squared = _apart(term)
            by = _gradient(letter_of(squared[0]), arrays) if len(squared) == 2 and squared[0] == squared[1] else ""
            if not by or not number or f"v_{by}" in found:
                break
            found[f"v_{by}"] = 2 * sign * number
        else:
            yield left.text, tuple(found.items())


def _apart(term: Term) -> tuple[Fraction, list[Term]]:
    """The number that a product begins with, and what else is multiplied, the sum around it left out."""
    number = Fraction(1)
    factors = _factors(term)
    for each in factors:
        if isinstance(each, Num):
            number *= each.value
        elif isinstance(each, Div) and isinstance(each.top, Num) and isinstance(each.bottom, Num):
            number *= Fraction(each.top.value) / each.bottom.value if each.bottom.value else 0
    return number, [each for each in factors if not isinstance(each, (Num, Div))]


def _written(entry: Entry) -> str:
    return "".join(str(i.value) if isinstance(i, Num) else i.text if isinstance(i, Name) else "?" for i in entry.at)


# words ------------------------------------------------------------------------------------------------------------------


def _said(blocks: Sequence[Block], arrays: Mapping[str, str], known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Letters in a sentence about directions that has as many of them as of arrays."""
    for block in blocks:
        if block.kind != "text":
            continue
        for sentence in _SENTENCE.split(block.text):
            if not _DIRECTION.search(sentence):
                continue
            keys = ["".join(map(key_of, _parts(tree))) for tree in _trees([m[1] for m in _MATHS.finditer(sentence)])]
            letters = [key for key in dict.fromkeys(keys) if len(key) == 1 and key not in arrays and key.isalpha()]
            meant = [_role(key, arrays).removeprefix("d") for key in dict.fromkeys(keys)]
            meant = list(dict.fromkeys(role for role in meant if role in ("x", "w", "b")))
            if letters and len(letters) == len(meant):
                yield from ((letter, f"v_{role}") for letter, role in zip(letters, meant, strict=True))


def _role(key: str, arrays: Mapping[str, str]) -> str:
    """What a name stands for, or with a d before it the gradient by what it stands for."""
    below = arrays.get(key[1:], "") if key.startswith("d") else ""
    return arrays.get(key) or (f"d{below}" if below else "")


def _parts(math: Math) -> tuple[Math, ...]:
    return math.parts if isinstance(math, Row) else (math,)
