"""Statements about whole arrays: borders, zeros between, flips and stars become a formula of symconv for each axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symconv.checking.calls import border_named, pads_input
from symconv.checking.general import NotGeneral, is_bias, size_text, total_text
from symconv.checking.letters import stem_of
from symconv.checking.model import Model
from symconv.checking.terms import Add, Call, Entry, Mul, Name, Seq, Star, SumOver, Term, names_in

__all__ = ["whole_texts"]

#: the arrays of a product, the one that the other slides over first
SLID = {False: ("x", "dy", "w"), True: ("dy", "x", "w")}


def whole_texts(left: Name | Entry, right: Term, model: Model) -> list[str]:
    """One formula for each axis; for db one alone."""
    role = _role(left, model)
    if role == "db":
        if isinstance(right, SumOver) and not right.bounds and _is_upstream(right.body, model):
            return ["db = sum(dy)"]
        return [total_text(right, model)]
    if role not in ("y", "dx", "dw"):
        raise NotGeneral("this array is not derived")
    texts = [_Writer(model, axis, names_in(right)).text(right) for axis in range(model.dims)]
    if role == "dw" and model.setting.turned:
        texts = [f"flip({text})" for text in texts]
    return [f"{role} = {text}" for text in texts]


def _role(term: Name | Entry, model: Model) -> str:
    """The role of an array that is written by its letter, with or without the indices of its channels."""
    role = model.role(term.text if isinstance(term, Name) else term.array)
    if role is None:
        return ""
    if isinstance(term, Entry) and len(term.at) != model.arrays[role].ndim - (model.dims if role[-1] != "b" else 0):
        raise NotGeneral("an entry in a statement about whole arrays")
    return role


def _is_upstream(term: Term, model: Model) -> bool:
    return isinstance(term, (Name, Entry)) and _role(term, model) == "dy"


class _Writer:
    """The right side on one axis; ``used`` are the names in all of it."""

    def __init__(self, model: Model, axis: int, used: set[str]) -> None:
        self.model, self.axis, self.used = model, axis, used

    def text(self, term: Term) -> str:
        rule = RULES.get(type(term))
        if rule is None:
            raise NotGeneral("no operator statement")
        return rule(self, term)

    def size(self, term: Term) -> str:
        """An amount or a step: the one of this axis where several are written."""
        if isinstance(term, Seq):
            if len(term.items) != self.model.dims:
                raise NotGeneral("a number for each axis was expected")
            term = term.items[self.axis]
        return size_text(term, self.model, self.axis, self.used)

    def array(self, term: Name | Entry) -> str:
        model, setting = self.model, self.model.setting
        name = term.text if isinstance(term, Name) else term.array
        if stem_of(name) in setting.framed:
            inner = (
                f"dilate({model.role(stem_of(name)[1:])}, s)" if "padding" in name else model.role(stem_of(name)[1:])
            )
            return f"pad({inner}, K - 1)"
        role = _role(term, model)
        if role in ("x", "w", "dy") and name not in setting.padded:
            return "flip(w)" if role == "w" and setting.turned else role
        if name in setting.flipped:
            return "w" if setting.turned else "flip(w)"
        whole = model.role(name.removesuffix("_0"))
        if isinstance(term, Name) and name.endswith("_0") and whole is not None:
            return f"pad({whole}, K - 1)"
        raise NotGeneral(f"nothing says what {name} is")

    def star(self, term: Star, step: str = "1") -> str:
        if term.sign == "⊙":
            raise NotGeneral("a product entry by entry")
        a, b = self.text(term.left), self.text(term.right)
        meaning = {"conv2": "convolution", "⋆corr": "correlation"}.get(term.sign, self.model.setting.star)
        order = SLID[self.model.conv.transposed]
        places = [next((n for n, array in enumerate(order) if array in _words(text)), 9) for text in (a, b)]
        if places[0] > places[1]:
            a, b = b, a
        if term.mode == "full":
            a = f"pad({a}, {'K' if 'w' in _words(b) else 'O'} - 1)"
        if meaning == "convolution":
            b = f"flip({b})"
        return f"correlate({a}, {b}" + (f", stride={step})" if step != "1" else ")")

    def call(self, term: Call) -> str:
        first, rest = term.args[0], term.args[1:]
        if term.word == "thin" and len(rest) == 1:
            if not isinstance(first, Star):
                raise NotGeneral("entries left out of something that is no correlation")
            return self.star(first, self.size(rest[0]))
        if term.word == "flip" and not rest:
            return f"flip({self.text(first)})"
        if term.word == "dilate" and len(rest) == 1:
            return f"dilate({self.text(first)}, {self.size(rest[0])})"
        if term.word == "pad" and not rest:
            amount = self.size(Name("p")) if pads_input(self.model, term) else "K - 1"
            return f"pad({self.text(first)}, {amount})"
        if term.word in ("pad", "crop", "fold") and rest:
            amounts, named = border_named(rest)
            pairs = amounts[0].factors if len(amounts) == 1 and isinstance(amounts[0], Mul) else ()
            if pairs and all(isinstance(each, Seq) for each in pairs):
                if len(pairs) != self.model.dims:
                    raise NotGeneral("a pair for each axis was expected")
                pair: Any = pairs[self.axis]
                before, after = (
                    size_text(n, self.model, self.axis, self.used) for n in (pair.items[0], pair.items[-1])
                )
            else:
                before, after = self.size(amounts[0]), self.size(amounts[-1])
            mode = f", mode={named}" if named else ""
            return f"{term.word}({self.text(first)}, {before}, {after}{mode})"
        raise NotGeneral(f"{term.word} has no formula")

    def sum(self, term: SumOver) -> str:
        """A sum over channels or images: the product of a formula has them by its arrays' names."""
        if not term.bounds:
            raise NotGeneral("a sum of all entries")
        return self.text(term.body)

    def add(self, term: Add) -> str:
        told = ["b" if is_bias(each, self.model) else self.text(each) for _, each in term.terms]
        if any(sign != 1 for sign, _ in term.terms):
            raise NotGeneral("a difference of arrays")
        return " + ".join(told)


def _words(text: str) -> set[str]:
    return set("".join(c if c.isalnum() else " " for c in text).split())


RULES: dict[type[Term], Callable[[_Writer, Any], str]] = {
    Name: _Writer.array, Entry: _Writer.array, Star: _Writer.star, Call: _Writer.call, SumOver: _Writer.sum, Add: _Writer.add,
}  # fmt: skip
