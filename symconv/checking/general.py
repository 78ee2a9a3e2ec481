"""Statements about every size: an index equation becomes a formula of symconv, axis by axis, for the prover.

Of a true convolution the author's w is the layer's turned round, and the formula is the layer's: ``w[K - 1 - k]``. Where x has a
border, an equation between entries becomes the correlation of the padded x that it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from symconv.algebra.integers import Integer
from symconv.checking.directions import shaped
from symconv.checking.model import Model, Unreadable
from symconv.checking.terms import (
    IVERSON,
    Add,
    Bound,
    Choice,
    Diff,
    Div,
    Entry,
    Floor,
    Mul,
    Name,
    Num,
    Star,
    SumOver,
    Term,
    Transpose,
    names_in,
    substituted,
    walk,
)
from symconv.formulas import formula
from symconv.formulas.tree import Add as Sum
from symconv.formulas.tree import IndexSum

__all__ = ["BOTH", "NotGeneral", "index_texts", "is_flip", "size_text", "spatial_places", "total_text"]


class NotGeneral(ValueError):
    """A statement that has no formula for every size."""


LAST = {"x": "H", "w": "K", "b": "K", "y": "O"}


def index_texts(left: Term, right: Term, model: Model, ranges: dict[str, str]) -> list[str]:
    """One formula for each axis of space, in symconv's own notation; ``ranges`` says on which array's axis an index runs."""
    if model.conv.mode.counts_outside and isinstance(left, Diff):
        raise NotGeneral("a derivative beside a border")
    return [_axis(left, right, model, axis, ranges) for axis in range(model.dims)]


def _axis(left: Term, right: Term, model: Model, axis: int, ranges: dict[str, str]) -> str:
    if isinstance(left, Diff):
        return _local(left, right, model, axis, ranges)
    if not isinstance(left, Entry):
        raise NotGeneral("the left side is no entry")
    role = model.role(left.array) or ""
    if role == "db" or role == "b":
        return total_text(right, model)
    if role not in ("y", "dx", "dw"):
        raise NotGeneral(f"{left.array} is not derived")
    target = _spatial(left, role, model)[axis]
    if not isinstance(target, Name):
        raise NotGeneral("an entry at a number")
    body, extra = right, ""
    if isinstance(body, Add) and role == "y" and len(body.terms) == 2 and all(sign == 1 for sign, _ in body.terms):
        plain = [each for _, each in body.terms if not is_bias(each, model)]
        if len(plain) == 1:
            body, extra = plain[0], " + b"
    bounds, entries, conditions = _product(body, model)
    pieces: list[tuple[str, Term, str]] = []
    for entry in entries:
        of = model.role(entry.array)
        if of is None and entry.array not in model.setting.flipped:
            raise NotGeneral(f"{entry.array} is no array of the layer")
        if entry.array in model.setting.framed:
            raise NotGeneral(f"{entry.array} has a border")
        pieces.append((of or "flip", _spatial(entry, of or "w", model)[axis], _padding(model, entry)))
    where = _of_axis(conditions, left, entries, model, axis)
    here = [index for _, index, _ in pieces] + [side for pair in where for side in pair]
    inner = [b for b in bounds if any(b.name in names_in(index) for index in here)]
    free = {n for index in here for n in names_in(index)} - {target.text} - {b.name for b in inner}
    inner += [Bound(name) for name in sorted(free - set(model.setting.sizes))]
    names = dict(zip((b.name for b in inner), ("i", "j", "k", "c3", "c4", "c5"), strict=False))
    names[target.text] = f"({LAST_TAP} - m)" if role == "dw" and model.setting.turned else "m"
    writer = _Writer(names, model, axis, names_in(right))
    texts = [_factor(of, writer.position(index) + shift, model) for of, index, shift in pieces]
    sums = [writer.bound(b, ranges) for b in inner]
    holding = [f"{writer.position(a)} == {writer.position(b)}" for a, b in where] + writer.whole
    sums += [f"where={' and '.join(holding)}"] if holding else []
    product = "*".join(texts)
    text = f"{role}[m] = " + (f"sum({product}, {', '.join(sums)})" if sums else product) + extra
    return _bordered(text, model) if model.conv.mode.counts_outside else text


#: the last tap, and the rows of both borders: written where the author does not name them
LAST_TAP, BOTH = "K - 1", "p + q"


def _factor(role: str, index: str, model: Model) -> str:
    """An entry in the layer's letters: the author's w may be the layer's turned round, and its flip the layer's own."""
    turns = (role == "flip") + (role in ("w", "flip") and model.setting.turned)
    return (
        f"{'w' if role == 'flip' else role}[{LAST_TAP} - ({index})]"
        if turns == 1
        else (f"{'w' if role == 'flip' else role}[{index}]")
    )


def _of_axis(
    conditions: Sequence[tuple[Term, Term]], left: Entry, entries: Sequence[Entry], model: Model, axis: int
) -> list[tuple[Term, Term]]:
    """The conditions on indices of one axis of space."""
    axes: dict[str, set[int]] = {}
    for entry in (left, *entries):
        for at, index in enumerate(_spatial(entry, model.role(entry.array) or "w", model)):
            for name in names_in(index) - set(model.setting.sizes):
                axes.setdefault(name, set()).add(at)
    found = []
    for a, b in conditions:
        of = {at for name in names_in(a) | names_in(b) for at in axes.get(name, ())}
        if len(of) != 1:
            raise NotGeneral("a condition on several axes, or on none")
        if of == {axis}:
            found.append((a, b))
    return found


def _bordered(text: str, model: Model) -> str:
    """An equation whose x has a border, as the correlation of the padded x that it is."""
    read = formula(text)
    body, bias = (read.body.left, " + b") if isinstance(read.body, Sum) else (read.body, "")
    if not isinstance(body, IndexSum) or body.where or len(body.ranges) != 1:
        raise NotGeneral("no sum over the taps, or over the outputs, beside a border")
    (each,) = body.ranges
    at = {factor.name: factor.index for factor in body.factors}
    other, last = ("w", "K") if read.target == "y" else ("dy", "O")
    if read.target not in ("y", "dw") or set(at) != {"x", other} or not _is(at[other], each.index):
        raise NotGeneral("no correlation of the padded x")
    if each.start is None or each.stop is None or not (_is(each.start, "") and _is(each.stop, last)):
        raise NotGeneral("a sum over a part of the taps beside a border")
    outer, rest = _step(at["x"], "m")
    inner, begins = _step(rest, each.index)
    padded = f"pad(x, -({begins}), {BOTH} + ({begins}), mode={model.conv.mode.name})"
    if read.target == "y":
        return f"y = correlate({padded}, w, stride={outer}, dilation={inner}){bias}"
    return f"dw = correlate(crop({padded}, 0, r), dy, stride={outer}, dilation={inner})"


def _is(index: Integer, name: str) -> bool:
    """Whether it comes to a name by itself, or to zero for none."""
    found = index.affine({})
    return (
        found is not None and found[1] == 0 and {n: c for n, c in found[0].items() if c} == ({name: 1} if name else {})
    )


def _step(index: Integer, name: str) -> tuple[Integer, Integer]:
    found = index.linear_in(name)
    if found is None or not found[0].names() <= {"s", "d"}:
        raise NotGeneral("an index that is not linear")
    return found


def is_bias(term: Term, model: Model) -> bool:
    return (isinstance(term, Name) and model.role(term.text) == "b") or (
        isinstance(term, Entry) and model.role(term.array) == "b"
    )


def total_text(right: Term, model: Model) -> str:
    """The formula of db as a sum over all of dy."""
    bounds, entries, conditions = _product(right, model)
    if conditions or len(entries) != 1 or model.role(entries[0].array) != "dy":
        raise NotGeneral("no sum of dy")
    at = _spatial(entries[0], "dy", model)
    for axis, index in enumerate(at):  # each from the first entry to the last
        bound = next((b for b in bounds if isinstance(index, Name) and b.name == index.text), None)
        if bound is not None and bound.low is not None and bound.high is not None:
            last = model.size("O", axis) - 1 + model.setting.base
            if model.number(bound.low, {}) != model.setting.base or model.limit(bound.high, {}, (0, last)) != last:
                raise NotGeneral("no sum over all of dy")
    if all(isinstance(i, Name) and any(b.name == i.text for b in bounds) for i in at):
        return "db = sum(dy)"
    raise NotGeneral("no sum over all of dy")


def _local(left: Diff, right: Term, model: Model, axis: int, ranges: dict[str, str]) -> str:
    """dy_o/dm is E for all o and m exactly when the gradient is the sum of dy_o E."""
    if not isinstance(left.top, Entry) or not isinstance(left.bottom, Entry) or model.role(left.top.array) != "y":
        raise NotGeneral("no derivative of an entry of y")
    outer = [i.text for i in left.top.at if isinstance(i, Name)]
    if len(outer) != len(left.top.at):
        raise NotGeneral("an entry at a number")
    upstream = next((name for name, role in model.setting.roles.items() if role == "dy"), None) or next(
        "d" + name for name, role in model.setting.roles.items() if role == "y"
    )
    body = _without_deltas(right, model)
    bounds, entries, conditions = _product(body, model)
    gradient = Entry("d" + left.bottom.array, left.bottom.at)
    holding = (Entry(IVERSON, pair) for pair in conditions)
    factors = (Entry(upstream, left.top.at), *entries, *holding)
    whole = SumOver((*(Bound(name) for name in outer), *bounds), Mul(factors))
    return _axis(gradient, whole, model, axis, {**ranges, **dict.fromkeys(outer, "y")})


def _without_deltas(term: Term, model: Model) -> Term:
    """A sum over derivatives of one entry by another of the same array, each of which is one or zero: solved for its indices."""
    if not isinstance(term, SumOver) or not isinstance(term.body, Mul):
        return term
    deltas = [f for f in term.body.factors if isinstance(f, Diff)]
    if len(deltas) != 1:
        return term
    top, bottom = deltas[0].top, deltas[0].bottom
    if not (
        isinstance(top, Entry)
        and isinstance(bottom, Entry)
        and top.array == bottom.array
        and len(top.at) == len(bottom.at)
    ):
        return term
    by: dict[str, Term] = {}
    bound = {b.name for b in term.bounds}
    for a, b in zip(top.at, bottom.at, strict=True):
        terms = a.terms if isinstance(a, Add) else ((1, a),)
        own = [(sign, each, each.text) for sign, each in terms if isinstance(each, Name) and each.text in bound]
        if len(own) != 1 or own[0][0] != 1:
            raise NotGeneral("a derivative that is not solved")
        rest_of = tuple((-sign, each) for sign, each in terms if (sign, each) != own[0][:2])
        by[own[0][2]] = Add(((1, b), *rest_of))
    rest = tuple(f for f in term.body.factors if f is not deltas[0])
    if set(by) != bound:
        raise NotGeneral("a derivative that is not solved")
    return substituted(Mul(rest), by)


def _product(term: Term, model: Model) -> tuple[list[Bound], list[Entry], list[tuple[Term, Term]]]:
    """A sum of a product: what it runs over, its factors, and the equations under which they count."""
    bounds: list[Bound] = []
    entries: list[Entry] = []
    conditions: list[tuple[Term, Term]] = []

    def visit(each: Term) -> None:
        if isinstance(each, Mul):
            for factor in each.factors:
                visit(factor)
        elif isinstance(each, Star):
            visit(each.left)
            visit(each.right)
        elif isinstance(each, SumOver):
            bounds.extend(each.bounds)
            visit(each.body)
        elif isinstance(each, Choice) and _or_zero(each):
            conditions.extend(each.rows[0][1] or ())
            visit(each.rows[0][0])
        elif isinstance(each, Entry) and each.array in ("δ", IVERSON) and not model.role(each.array):
            if len(each.at) != 2:
                raise NotGeneral("a Kronecker delta has two indices")
            conditions.append((each.at[0], each.at[1]))
        elif isinstance(each, Entry):
            entries.append(each)
        elif isinstance(each, Transpose):
            visit(each.body)
        elif not (isinstance(each, Num) and each.value == 1):
            raise NotGeneral("more than a sum of products of entries")

    visit(term)
    return bounds, entries, conditions


def _or_zero(choice: Choice) -> bool:
    """Whether it is one value under conditions, and zero elsewhere."""
    rest = choice.rows[1:]
    return len(rest) < 2 and all(value == Num(Fraction(0)) and conditions is None for value, conditions in rest)


def spatial_places(role: str, model: Model) -> tuple[int, int]:
    """Between which of its indices those of space stand, in an entry of ``role``."""
    kind = shaped(role)
    images = int(model.batch and kind in "xy")
    if not model.channels or kind == "b":
        return images, images + (model.dims if kind != "b" else 0)
    if model.setting.grouped:  # the group, then the channels in it
        return (3, 3 + model.dims) if kind == "w" else (images + 2, images + 2 + model.dims)
    first = images + dict(zip("xwy", model.setting.layout, strict=True)).get(kind, "S").index("S")
    return first, first + model.dims


def _spatial(entry: Entry, role: str, model: Model) -> list[Term]:
    if shaped(role) == "b":
        return list(entry.at)
    first, last = spatial_places(role, model)
    return list(entry.at[first:last])


def _padding(model: Model, entry: Entry) -> str:
    return " - p" if entry.array in model.setting.padded else ""


def size_text(term: Term, model: Model, axis: int, used: set[str]) -> str:
    """An amount made of numbers and sizes, in symconv's notation; ``used`` are the names of the whole statement."""
    return _Writer({}, model, axis, used).text(term)


class _Writer:
    """Indices of one axis in symconv's notation; ``names`` are those of its indices, ``several`` the sizes that have a name on
    each axis, ``whole`` what makes quotients whole numbers."""

    def __init__(self, names: dict[str, str], model: Model, axis: int, used: set[str]) -> None:
        self.names, self.model, self.axis = names, model, axis
        sizes = model.setting.sizes
        self.several = {sizes[name][0] for name in used & set(sizes) if sizes[name][1]}
        self.whole: list[str] = []

    def position(self, term: Term) -> str:
        """An index, from 0."""
        base = self.model.setting.base
        terms = term.terms if isinstance(term, Add) else ((1, term),)
        quotients = [each for _, each in terms if isinstance(each, Div)]
        if len(quotients) == 1 and sum(isinstance(each, Div) for each in walk(term)) == 1:
            top, bottom = self.text(quotients[0].top), self.text(quotients[0].bottom)
            self.whole.append(f"({top}) % ({bottom}) == 0")
        elif quotients:
            raise NotGeneral("several quotients in an index")
        told = self.text(term, bool(quotients))
        return f"{told} - {base}" if base else told

    def text(self, each: Term, quotient: bool = False) -> str:
        if isinstance(each, Num):
            if each.value.denominator != 1:
                raise NotGeneral("an index that is no whole number")
            return str(each.value)
        if isinstance(each, Name):
            return self.name(each.text)
        if isinstance(each, Add):
            terms = (("-" if sign < 0 else "+") + " " + self.text(inner, quotient) for sign, inner in each.terms)
            return "(" + " ".join(terms).removeprefix("+ ") + ")"
        if isinstance(each, Mul):
            return "*".join(self.text(inner) for inner in each.factors)
        if isinstance(each, Div) and quotient:
            return f"(({self.text(each.top)}) // ({self.text(each.bottom)}))"
        if isinstance(each, Floor) and isinstance(each.body, Div):
            return f"(({self.text(each.body.top)}) // ({self.text(each.body.bottom)}))"
        raise NotGeneral("an index that is not linear")

    def name(self, name: str) -> str:
        base, sizes = self.model.setting.base, self.model.setting.sizes
        if name in self.names:
            return f"({self.names[name]} + {base})" if base else self.names[name]
        letter, axis = sizes.get(name, ("", 0))
        if letter not in tuple("HKOspdqr"):
            raise NotGeneral(f"nothing says what {name} is")
        if axis != self.axis and (axis or letter in self.several):
            raise NotGeneral(f"{name} is of another axis")
        return letter

    def bound(self, bound: Bound, ranges: dict[str, str]) -> str:
        """What a sum runs over."""
        name, role = self.names[bound.name], ranges.get(bound.name)
        if bound.low is None and bound.high is None:
            return f"{name}=(0, {LAST[role]})" if role in LAST else name
        model, base = self.model, self.model.setting.base
        if bound.low is None or bound.high is None:
            raise NotGeneral("a sum with one limit")
        low = self.position(bound.low)
        span = model.size(LAST[role], self.axis) - 1 + base if role in LAST else None
        try:
            high_value: Fraction | int | None = model.limit(bound.high, {}, None if span is None else (base, span))
        except Unreadable:
            high_value = None
        letter = _letter(bound.high, model)
        if role in LAST and span is not None and high_value == span and letter in (None, LAST[role]):
            return f"{name}=({low}, {LAST[role]})"  # the number is the size
        return f"{name}=({low}, {self.position(bound.high)} + 1)"


def _letter(term: Term, model: Model) -> str | None:
    for name in names_in(term):
        if name in model.setting.sizes:
            return model.setting.sizes[name][0]
    return None


def is_flip(definition: tuple[tuple[str, ...], Term], model: Model) -> bool:
    """Whether a definition is w turned round: each index i becomes K + 1 - i (K - 1 - i from 0) at the size of the part."""
    names, body = definition
    if not isinstance(body, Entry) or model.role(body.array) != "w" or len(body.at) != len(names):
        return False
    for axis, (name, index) in enumerate(zip(names, body.at, strict=True)):
        last = model.conv.kernel[axis] - 1 + 2 * model.setting.base
        for i in range(model.conv.kernel[axis]):
            value = i + model.setting.base
            if model.number(index, {name: value}) != last - value:
                return False
    return True
