"""From typeset mathematics to terms: which letters are arrays is given; precedence, scopes and indices are read here."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import Any

from symconv.algebra.trees import rebuilt
from symconv.checking.colons import COLON
from symconv.checking.factors import RULES
from symconv.checking.letters import (
    ACTIVATIONS,
    AMOUNTS,
    FLIPS,
    FUNCTIONS,
    MARKS,
    PREFIXES,
    PRODUCTS,
    RELATIONS,
    SLIDING,
    STARS,
    ReadingError,
    between,
    equations_under,
    factors_of,
    flat,
    index_name,
    index_names,
    indices_under,
    is_blank,
    name_of,
    parts_of,
    raised_to,
    star_of,
    stem_of,
    step_of,
)
from symconv.checking.sigma import SIGMA
from symconv.checking.terms import (
    Add,
    Bound,
    Call,
    Div,
    Dots,
    Entry,
    Mul,
    Name,
    Num,
    Star,
    SumOver,
    Term,
    Transpose,
    Whole,
    sum_under,
)
from symconv.mathematics.of_latex import Lines, Text
from symconv.mathematics.tree import Above, Below, Fence, Math, Operator, Total, Word

__all__ = ["Expression"]


class Expression:
    """Reads one side."""

    def __init__(self, arrays: Collection[str], parts: Sequence[Math]) -> None:
        self.arrays = arrays
        self.parts = [p for p in parts if not is_blank(p)]
        self.at = 0
        self.notes: list[str] = []

    def whole(self) -> Term:
        if not self.parts:
            raise ReadingError("a side of the equation is empty")
        term = self.sum()
        if self.at < len(self.parts):
            raise ReadingError(f"'{flat(self.parts[self.at])[:40]}' was not expected here")
        return term

    def peek(self) -> Math | None:
        return self.parts[self.at] if self.at < len(self.parts) else None

    def inner(self, math: Math) -> Term:
        """The term that a part by itself is."""
        return self.of(parts_of(math))

    def of(self, parts: Sequence[Math], arrays: Collection[str] | None = None) -> Term:
        """The term that parts side by side are; in indices no letter is an array."""
        reader = Expression(self.arrays if arrays is None else arrays, parts)
        term = reader.whole()
        self.notes += reader.notes
        return term

    def holds(self, name: str) -> bool:
        """Whether a letter is an array, whatever its layer."""
        return name in self.arrays or stem_of(name).partition("_")[0] in self.arrays

    def gradient(self, name: str) -> bool:
        """Whether a name is the gradient by an array."""
        return name not in self.arrays and name[:1] == "d" and self.holds(name[1:])

    def sum(self) -> Term:
        terms: list[tuple[int, Term]] = []
        sign = 1
        if self.peek() in (Operator("−"), Operator("+")):
            sign = -1 if self.peek() == Operator("−") else 1
            self.at += 1
        terms.append((sign, self.product()))
        while self.peek() in (Operator("+"), Operator("−")):
            sign = -1 if self.peek() == Operator("−") else 1
            self.at += 1
            if self.peek() in (Operator("+"), Operator("−")):  # a sign repeated at a line's break
                self.at += 1
            terms.append((sign, self.product()))
        return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else Add(tuple(terms))

    def product(self) -> Term:
        left = self.factors()
        while isinstance(part := self.peek(), (Operator, Below, Above)):
            sign, mode = star_of(part)
            if sign in STARS:
                self.at += 1
                left = Star(sign, left, self.factors(), mode)
                if (step := step_of(part)) != 1:
                    left = Call("thin", (left, Num(step)))
            elif sign in PRODUCTS:
                self.at += 1
                right = self.factors()
                left = Mul((*factors_of(left), *factors_of(right)))
            elif sign == "/":
                self.at += 1
                left = Div(left, self.factors())
            elif sign == "mod":
                self.at += 1
                left = Call("mod", (left, self.factors()))
            elif sign in "↑↓" and sign:
                self.at += 1
                left = Call({"↑": "dilate", "↓": "thin"}[sign], (left, self.factors()))
            else:
                break
        return left

    def factors(self) -> Term:
        found: list[Term] = []
        while (part := self.peek()) is not None:
            if isinstance(part, Operator) and part.text != "…" and part.text != "⋮" and part.text != "⋱":
                break
            if not isinstance(part, Operator) and star_of(part)[0] in STARS:
                break
            if isinstance(part, Total):
                found.append(self.total())
                break
            factor = self.factor()
            if factor is not None:
                found.append(factor)
        if not found:
            part = self.peek()
            raise ReadingError("a term is missing" + ("" if part is None else f" before '{flat(part)[:20]}'"))
        return found[0] if len(found) == 1 else Mul(tuple(found))

    def total(self) -> Term:
        total = self.peek()
        assert isinstance(total, Total)
        self.at += 1
        conditions = tuple((self.of(a), self.of(b)) for a, b in equations_under(total))
        bounds = () if conditions else self.bounds(total)
        # products go on under the sum, through stars and dots; a + ends it
        body = self.product()
        if conditions:
            return sum_under(conditions, body, indices_under(total))
        if isinstance(body, SumOver) and bounds and body.bounds:  # without an index it is the sum of all entries
            return SumOver((*bounds, *body.bounds), body.body)
        return SumOver(bounds, body)

    def bounds(self, total: Total) -> tuple[Bound, ...]:
        under = [p for u in total.under for p in parts_of(u) if not is_blank(p)]
        if len(total.under) > 1 or any(isinstance(p, Lines) for p in under):
            raise ReadingError("limits of a sum on several lines")
        relations = [i for i, p in enumerate(under) if isinstance(p, Operator) and p.text in RELATIONS]
        if not relations:
            return tuple(Bound(name) for name in index_names(under))
        if len(relations) == 1 and under[relations[0]] == Operator("="):
            at = relations[0]
            low = self.of(under[at + 1 :])
            high = None if total.over is None else _in_sizes(self.inner(total.over))
            return tuple(Bound(name, low, high) for name in index_names(under[:at]))
        if len(relations) == 2 and all(under[r] in (Operator("≤"), Operator("<")) for r in relations):
            a, b = relations
            low = self.of(under[:a])
            high = self.of(under[b + 1 :])
            if under[b] == Operator("<"):
                high = Add(((1, high), (-1, Num(Fraction(1)))))
            return tuple(Bound(name, low, high) for name in index_names(under[a + 1 : b]))
        raise ReadingError("limits of a sum that are not understood")

    def factor(self) -> Term | None:
        part = self.peek()
        assert part is not None
        self.at += 1
        if isinstance(part, Operator):
            return Dots()
        if isinstance(part, Text):
            raise ReadingError(f"the words '{part.text[:40]}' inside a formula")
        if isinstance(part, Word) and part.text in PREFIXES:
            prefixed = self.prefixed(part.text)
            if prefixed is not None:
                return prefixed
        if isinstance(part, (Word, Below, Above)):
            return self.scripted(part)
        for kind, rule in RULES.items():
            if isinstance(part, kind):
                return self.indexed(rule(self, part), part)
        raise ReadingError(f"'{flat(part)[:40]}' is not understood")

    def indexed(self, term: Term, part: Math) -> Term:
        """``(x * w)[i, j]``: an entry of what the brackets hold."""
        after = self.peek()
        if isinstance(term, Name) and self.gradient(term.text) and isinstance(part, Fence) and isinstance(after, Fence):
            self.at += 1
            return self.entry(term.text, after.body)
        if isinstance(term, Star) and isinstance(part, Fence) and isinstance(after, Fence) and after.left == "[":
            self.at += 1
            return Entry(f"({flat(part.body)})", self.indices(after.body))
        return term

    def prefixed(self, prefix: str) -> Term | None:
        """``d`` or what else stands before an array and what it belongs to, as one name."""
        follower = self.peek()
        name = None if follower is None else name_of(follower)
        if follower is None or name is None:
            return None
        whole = prefix + stem_of(name[0])
        unsaid = prefix in "pP" and whole not in self.arrays and self.holds(name[0]) and not self.holds(prefix)
        if unsaid and name[1] is None:
            raise ReadingError(f"whether {whole} is {name[0]} with a border or a product is not said")
        if not (whole in self.arrays if prefix in "pP" else self.holds(name[0])):
            return None
        self.at += 1
        return self.scripted(follower, prefix if prefix in "pP" else "d")

    def scripted(self, part: Math, prefix: str = "") -> Term:
        """A letter with what is above and below it."""
        found = name_of(part)
        if found is None:
            return self.wrapped(part)
        text, sub, raised = found
        name = prefix + text
        after = self.peek()
        if text in FUNCTIONS and not prefix and (text not in AMOUNTS or isinstance(without_scripts(after), Fence)):
            return self.function(text, sub)
        is_array = bool(prefix) or self.holds(text)
        if not is_array:
            name = stem_of(name, sizes=True)
        if sub is not None and is_array and flat(sub) in FLIPS:
            return Call("flip", (Name(name),))
        if isinstance(after, Fence) and after.left in "([" and stem_of(text).rstrip("′") in ACTIVATIONS and "′" in text:
            self.at += 1
            self.notes.append("up to the factor " + text.replace("′", "'"))
            return Num(Fraction(1))
        if sub is not None and is_array and flat(sub) not in MARKS:
            term: Term = self.entry(name, sub)
        elif sub is not None:
            term = Name(f"{name}_{flat(sub)}")
        elif is_array and isinstance(after, Fence) and after.left in "([" and _indices_inside(after):
            self.at += 1
            term = self.entry(name, after.body)
        elif isinstance(after, Fence) and after.left == "(" and not is_array and stem_of(text) in ("σ", "f", "φ"):
            self.at += 1
            argument = self.inner(after.body)
            return Call(SIGMA if stem_of(text) == "σ" else "activation", (argument,))
        elif re.fullmatch(r"\d+(\.\d+)?", name):
            term = Num(Fraction(name))
        else:
            term = Name(name)
        return raised_to(term, raised)

    def wrapped(self, part: Math) -> Term:
        """Something composed with a script: a transpose, a flip, or nothing that is known."""
        if isinstance(part, Above):
            if flat(part.sup) in ("⊤", "T"):
                return Transpose(self.inner(part.base))
            if flat(part.sup) in FLIPS:
                return Call("flip", (self.inner(part.base),))
            if flat(part.sup).isdigit():
                return Mul((self.inner(part.base),) * min(int(flat(part.sup)), 4))
        if isinstance(part, Below) and isinstance(part.base, Fence):
            inside = self.inner(part.base.body)
            if isinstance(inside, Name):
                return self.entry(inside.text, part.sub)
            if isinstance(inside, Entry) and Operator("·") in parts_of(part.sub):
                rest = self.entry(inside.array, part.sub)
                assert isinstance(rest, Call)
                return Call("slice", (rest.args[0], *inside.at, *rest.args[1:]))
            if isinstance(inside, Entry):
                return Entry(inside.array, (*inside.at, *self.indices(part.sub)))
            if not isinstance(inside, Star) or Operator("·") in parts_of(part.sub):
                return self.entry(inside, part.sub)
            if isinstance(inside, Star):
                return Entry(f"({flat(part.base.body)})", self.indices(part.sub))
        raise ReadingError(f"'{flat(part)[:40]}' is not understood")

    def function(self, word: str, sub: Math | None) -> Term:
        kind = "flip" if word in FLIPS else word
        extra: tuple[Term, ...] = ()
        if kind in ("pad", "crop", "fold") and sub is not None:
            extra = tuple(self.of(piece) for piece in between(parts_of(sub), ","))
        after = self.peek()
        if isinstance(after, Fence):
            self.at += 1
            pieces = between(parts_of(after.body), ",")
            args = tuple(self.of(piece) for piece in pieces)
            if kind in SLIDING and len(args) in (2, 3):
                mode = args[2].text if len(args) == 3 and isinstance(args[2], Name) else ""
                return Star(SLIDING[kind], args[0], args[1], mode or ("full" if "full" in kind else ""))
            return Call(kind, (*args, *extra))
        if isinstance(after, Below) and isinstance(after.base, Fence) and Operator("·") in parts_of(after.sub):
            self.at += 1
            return self.entry(Call(kind, (self.inner(after.base), *extra)), after.sub)
        if after is None:
            raise ReadingError(f"{word} is applied to nothing")
        argument = self.factor()
        if argument is None:
            raise ReadingError(f"{word} is applied to nothing")
        return Call(kind, (argument, *extra))

    def entry(self, array: str | Term, sub: Math) -> Term:
        """An entry, or with dots in the place of some indices all of those that they run over."""
        pieces = between([p for p in parts_of(sub) if not is_blank(p)], ",")
        colon: list[Math] = [Operator(":")]
        dots: list[list[Math]] = [[Operator("·")], colon]
        if isinstance(array, str) and pieces.count(colon) == 1:
            return Entry(array, tuple(Name(COLON) if piece == colon else self.index(piece) for piece in pieces))
        if any(dot in pieces for dot in dots):
            whole = Name(array) if isinstance(array, str) else array
            return Call("slice", (whole, *(Whole() if piece in dots else self.index(piece) for piece in pieces)))
        if isinstance(array, str):
            digits = flat(sub)
            return Entry(array, self.indices(sub), len(digits) > 1 and digits.isdigit())
        raise ReadingError("an entry of something composed")

    def indices(self, sub: Math) -> tuple[Term, ...]:
        parts = [p for p in parts_of(sub) if not is_blank(p)]
        pieces = between(parts, ",")
        if len(pieces) > 1:
            if not pieces[-1]:
                self.notes.append("a stray comma in an index")
                pieces = pieces[:-1]
            apart = [each for piece in pieces for each in _apart(piece)]
            return tuple(self.index(piece) for piece in apart)
        if any(not isinstance(p, (Word, Below, Above)) for p in parts):
            return (self.index(parts),)
        letters: list[Term] = []
        for part in parts:
            if isinstance(part, Word) and part.text.isdigit():
                letters += [Num(Fraction(int(part.text)))] if len(parts) == 1 and len(part.text) == 1 else [
                    Num(Fraction(int(digit))) for digit in part.text
                ]  # fmt: skip
            else:
                letters.append(Name(index_name(part)))
        return tuple(letters)

    def index(self, piece: list[Math]) -> Term:
        term: Term = without_stars(self.of(piece, ()))
        return term


def without_stars(term: Any) -> Any:
    """In an index a star multiplies."""
    if isinstance(term, Star):
        return Mul((*factors_of(without_stars(term.left)), *factors_of(without_stars(term.right))))
    return rebuilt(term, without_stars)


def without_scripts(part: Math | None) -> Math | None:
    """What a script stands at."""
    return part.base if isinstance(part, Below) else part


def _apart(piece: list[Math]) -> list[list[Math]]:
    """``nc`` between commas is two indices, as no index is multiplied by another; ``si`` is a product with the stride."""
    plain = all(isinstance(p, Word) and p.text.isalpha() and p.text not in ("s", "S", "d") for p in piece)
    return [[p] for p in piece] if len(piece) > 1 and plain else [piece]


def _indices_inside(fence: Fence) -> bool:
    return bool(parts_of(fence.body))


def _in_sizes(term: Any) -> Any:
    """A limit of a sum with sizes where entries were read: K_x is no entry of K there."""
    if isinstance(term, Entry) and term.at in ((Name("x"),), (Name("y"),)):
        return Name(f"{term.array}_{term.at[0].text}")
    return rebuilt(term, _in_sizes)
