"""What letters stand for: by the forward equation first, and in each statement by the layers that its letters carry."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress

from symconv.checking.letters import LAYER, ReadingError, stem_of
from symconv.checking.model import Unreadable
from symconv.checking.statements import statements
from symconv.checking.terms import Add, Call, Diff, Entry, Mul, Name, Num, Statement, SumOver, Term, names_in, walk
from symconv.mathematics.of_latex import LatexError, read_latex

__all__ = ["AnyLetter", "activated", "forward_roles", "highest_layer", "kronecker", "layer_roles", "offset_of"]

#: letters that are a filter rather than an input where the indices do not tell
FILTERS = set("wWkKFfhg")
#: letters that are no arrays, whatever stands below them
NEVER = set("σφ∂∑dijmnLEℓ")


class AnyLetter(Collection[str]):
    """Every letter is an array, and names that are known ``besides``, while roles are looked for."""

    def __init__(self, besides: Collection[str] = ()) -> None:
        self.besides = besides

    def __contains__(self, name: object) -> bool:
        return name in self.besides or (
            isinstance(name, str)
            and len(stem_of(name).rstrip("′")) == 1
            and name[:1].isalpha()
            and name[0] not in NEVER
        )

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def forward_roles(displays: Iterable[str]) -> dict[str, str]:
    """Letters that a forward equation gives a role: y on its left, x whose index adds the output's to the filter's, and w.

    >>> sorted(forward_roles([r"c_i = \\sum_{l=0}^{K-1} h_l a_{i+l} + b"]).items())
    [('a', 'x'), ('b', 'b'), ('c', 'y'), ('h', 'w')]
    """
    found: dict[str, str] = {}
    for text in displays:
        with suppress(LatexError, ReadingError, RecursionError):
            for statement in statements(read_latex(text)[0], AnyLetter()):
                for side in statement.sides[1:]:
                    for letter, role in _roles(statement.sides[0], side).items():
                        found.setdefault(letter, role)
    return found


def _roles(left: Term, side: Term) -> dict[str, str]:
    if not isinstance(left, Entry) or re.match(r"[dδ∇].|[δgG]", left.array) or not left.at:
        return {}
    terms = list(side.terms) if isinstance(side, Add) else [(1, side)]
    sums = [each for _, each in terms if isinstance(each, SumOver)]
    biases = [each for _, each in terms if not isinstance(each, SumOver)]
    if len(sums) != 1 or len(biases) > 1:
        return {}
    bound = {b.name for b in sums[0].bounds}
    body: Term = sums[0].body
    while isinstance(body, SumOver):
        bound |= {b.name for b in body.bounds}
        body = body.body
    entries = [f for f in body.factors if not isinstance(f, Num)] if isinstance(body, Mul) else []
    target = {name for i in left.at for name in names_in(i)}
    pair = [e for e in entries if isinstance(e, Entry)]
    if len(entries) != 2 or len(pair) != 2 or any(len(e.array) > 1 and e.array[0] in "d∇" for e in pair):
        return {}
    mixed = [any(names_in(i) & bound and names_in(i) & target for i in e.at) for e in pair]
    if mixed.count(True) != 1:
        return {}
    x, w = (pair[0], pair[1]) if mixed[0] else (pair[1], pair[0])
    if stem_of(x.array) in FILTERS and stem_of(w.array) not in FILTERS:
        x, w = w, x
    found = {stem_of(x.array): "x", stem_of(w.array): "w"}
    for bias in biases:
        name = bias.array if isinstance(bias, Entry) else bias.text if isinstance(bias, Name) else ""
        if len(stem_of(name)) == 1 and name not in found:
            found[stem_of(name)] = "b"
    return {**found, stem_of(left.array): "y"}


def layer_roles(statement: Statement, roles: Mapping[str, str]) -> dict[str, str]:
    """What letters with layers stand for in this statement: of two layers the higher is the output, the lower the input.

    >>> layer_roles(Statement((Entry("δ^l−1", (Name("i"),)), Entry("δ^l", (Name("i"),))), ("=",)), {"δ": "dy"})
    {'δ^l−1': 'dx', 'δ^l': 'dy'}
    """
    found: dict[str, str] = {}
    signals: dict[str, int] = {}
    for side in statement.sides:
        for each in walk(side):
            name = each.array if isinstance(each, Entry) else each.text if isinstance(each, Name) else ""
            if name == "d?":
                found[name] = "dy"
            if name.startswith("(") and name not in roles:
                found[name] = "y"
            mark = LAYER.search(name)
            if mark is None:
                continue
            bare = name.replace("\u0302", "")
            bare = bare[1:] if bare[0] in "d∇" and stem_of(bare[1:]) in roles else bare
            role = roles.get(stem_of(bare)) or roles.get(stem_of(bare)[1:] if bare[0] in "pP" else "")
            if role in ("w", "b"):
                found[bare] = role
            elif role is not None:
                signals[bare] = offset_of(mark[0])
    layers = sorted(set(signals.values()))
    if len(layers) > 2:
        raise Unreadable("more than two layers in one equation")
    for name, layer in signals.items():
        role = roles.get(stem_of(name)) or roles.get(stem_of(name)[1:], "x")
        gradient = role.startswith("d")
        if len(layers) == 2:
            role = ("d" if gradient else "") + ("x" if layer == layers[0] else "y")
        found[name] = role
    return found


def highest_layer(found: Mapping[str, str]) -> int | None:
    """The output's layer in a statement whose letters have these roles; None where no letter carries one."""
    marks = [(LAYER.search(name), role) for name, role in found.items() if role.removeprefix("d") in "xy"]
    layers = [offset_of(mark[0]) for mark, _ in marks if mark is not None]
    inputs = bool(layers) and all(role.removeprefix("d") == "x" for mark, role in marks if mark is not None)
    return max(layers) + int(inputs) if layers else None


def kronecker(statement: Statement) -> bool:
    """Whether δ is Kronecker's: on the right of a derivative that is not the loss's, where no gradient can stand."""
    pairs = (e for side in statement.sides[1:] for e in walk(side) if isinstance(e, Entry) and e.array == "δ")
    return isinstance(statement.sides[0], Diff) and any(len(e.at) == 2 for e in pairs)


def offset_of(mark: str) -> int:
    """How many layers above l a superscript is."""
    found = re.search(r"([+−]\d)", mark)
    if found:
        return int(found[1].replace("−", "-"))
    number = re.search(r"\d", mark)
    return int(number[0]) if number else 0


def activated(statement: Statement) -> bool:
    """Whether the right side is an activation of one array and nothing else: the next layer's input, a definition."""
    return (
        len(statement.sides) == 2 and isinstance(statement.sides[1], Call) and statement.sides[1].word == "activation"
    )
