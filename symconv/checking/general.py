"""Statements about every size: an index equation or an operator statement becomes a formula of symconv, axis by axis, and
is put before the prover."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from symconv import isl
from symconv.checking.directions import shaped
from symconv.checking.model import Model, Unreadable
from symconv.checking.second_proofs import first_order
from symconv.checking.terms import (
    Add,
    Bound,
    Call,
    Diff,
    Entry,
    Mul,
    Name,
    Num,
    Star,
    SumOver,
    Term,
    Transpose,
    names_in,
    substituted,
)
from symconv.proof import prove
from symconv.proof.result import PROVED, Proof

__all__ = ["is_flip", "General", "NotGeneral", "formula_texts", "general_verdict", "spatial_places"]


class NotGeneral(ValueError):
    """A statement that has no formula for every size."""


@dataclass(frozen=True)
class General:
    """What the prover says: whether it holds in the article's setting, and the condition beyond it."""

    holds: bool
    condition: str | None
    counterexample: str | None
    formula: str


LAST = {"x": "H", "w": "K", "b": "K", "y": "O"}


def formula_texts(left: Term, right: Term, model: Model, ranges: dict[str, str]) -> list[str]:
    """One formula for each axis of space, in symconv's own notation; ``ranges`` says on which array's axis an index runs."""
    if model.conv.transposed or model.setting.turned or model.setting.grouped:
        raise NotGeneral("not a correlation")
    if (parts := first_order(left, right, model)) is not None:
        return [text for term, layer in parts for text in formula_texts(left, term, layer, ranges)]
    if model.conv.mode.counts_outside and model.role(left.array if isinstance(left, Entry) else "") != "db":
        raise NotGeneral("a border")
    if isinstance(left, Name):
        return [_whole(left, right, model)]
    return [_axis(left, right, model, axis, ranges) for axis in range(model.dims)]


def general_verdict(texts: list[str], strides: tuple[int, ...], padding: int | None) -> General:
    """The formulas at each stride, at the padding that the article has where that is a number."""
    proofs = [(text, s, _proved(text, s)) for text in dict.fromkeys(texts) for s in strides]
    bad = [(text, s, proof) for text, s, proof in proofs if not _holds(proof, padding)]
    conditions = dict.fromkeys(
        (f"stride {s}: " if len(strides) > 1 else "") + (proof.condition or proof.reason or "never")
        for _, s, proof in proofs
        if proof.verdict != PROVED
    )
    if bad and len(strides) > 1:
        good = [str(s) for s in strides if all(_holds(p, padding) for _, t, p in proofs if t == s)]
        if good:
            conditions = {f"right exactly for stride {', '.join(good)} of {', '.join(map(str, strides))}": None}
    conditions = {"never": None} if "never" in conditions else conditions
    example = next((str(proof.counterexample) for _, _, proof in bad if proof.counterexample is not None), None)
    return General(not bad, "; ".join(conditions) or None, example, texts[0])


@lru_cache(maxsize=512)
def _proved(text: str, stride: int) -> Proof:
    proof = prove(text, stride=stride)
    assert isinstance(proof, Proof)
    return proof


def _holds(proof: Proof, padding: int | None) -> bool:
    if proof.verdict == PROVED:
        return True
    if padding is None or proof.validity is None or proof.validity.sizes is None:
        return False
    sizes = proof.validity.sizes
    s = proof.stride
    setting = isl.Set(f"[H,K,p] -> {{ : p = {padding} and K >= 1 and H + 2p >= K and {s} >= 1 }}", sizes.get_ctx())
    return bool(setting.is_subset(sizes.align_params(setting.get_space())))


def _axis(left: Term, right: Term, model: Model, axis: int, ranges: dict[str, str]) -> str:
    if isinstance(left, Diff):
        return _local(left, right, model, axis, ranges)
    if not isinstance(left, Entry):
        raise NotGeneral("the left side is no entry")
    role = model.role(left.array) or ""
    if role == "db" or role == "b":
        return _bias(left, right, model)
    if role not in ("y", "dx", "dw"):
        raise NotGeneral(f"{left.array} is not derived")
    target = _spatial(left, role, model)[axis]
    if not isinstance(target, Name):
        raise NotGeneral("an entry at a number")
    body, extra = right, ""
    if isinstance(body, Add) and role == "y" and len(body.terms) == 2 and all(sign == 1 for sign, _ in body.terms):
        plain = [each for _, each in body.terms if not _is_bias(each, model)]
        if len(plain) == 1:
            body, extra = plain[0], " + b"
    bounds, entries = _product(body)
    names = {target.text: "t"}
    pieces = []
    for entry in entries:
        if model.role(entry.array) is None:
            raise NotGeneral(f"{entry.array} is no array of the layer")
        index = _spatial(entry, model.role(entry.array) or "", model)[axis]
        shift = _padding(model, entry)
        pieces.append((model.role(entry.array) or "", index, shift))
    inner = [b for b in bounds if any(b.name in names_in(index) for _, index, _ in pieces)]
    free = {n for _, index, _ in pieces for n in names_in(index)} - {target.text} - {b.name for b in inner}
    for name in sorted(free - set(model.setting.sizes)):
        inner.append(Bound(name))
    for number, bound in enumerate(inner):
        names[bound.name] = f"abc"[number] if number < 3 else f"c{number}"  # noqa: F541
    names = {name: {"t": "m", "a": "i", "b": "j", "c": "k"}.get(v, v) for name, v in names.items()}
    texts = [f"{role_}[{_text(index, names, model)}{shift}]" for role_, index, shift in pieces]
    sums = [_bound(b, names, model, ranges, axis) for b in inner]
    product = "*".join(texts)
    summed = f"sum({product}, {', '.join(sums)})" if sums else product
    return f"{role}[{names[target.text]}] = {summed}{extra}"


def _is_bias(term: Term, model: Model) -> bool:
    return (isinstance(term, Name) and model.role(term.text) == "b") or (
        isinstance(term, Entry) and model.role(term.array) == "b"
    )


def _bias(left: Entry, right: Term, model: Model) -> str:
    bounds, entries = _product(right)
    if len(entries) != 1 or model.role(entries[0].array) != "dy":
        raise NotGeneral("no sum of dy")
    at = _spatial(entries[0], "dy", model)
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
    bounds, entries = _product(body)
    gradient = Entry("d" + left.bottom.array, left.bottom.at)
    whole = SumOver((*(Bound(name) for name in outer), *bounds), Mul((Entry(upstream, left.top.at), *entries)))
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


def _product(term: Term) -> tuple[list[Bound], list[Entry]]:
    bounds: list[Bound] = []
    while isinstance(term, SumOver):
        bounds += term.bounds
        term = term.body
    entries: list[Entry] = []

    def visit(each: Term) -> None:
        nonlocal bounds
        if isinstance(each, Mul):
            for factor in each.factors:
                visit(factor)
        elif isinstance(each, Star):
            visit(each.left)
            visit(each.right)
        elif isinstance(each, SumOver):
            bounds += list(each.bounds)
            visit(each.body)
        elif isinstance(each, Entry):
            entries.append(each)
        elif isinstance(each, Transpose):
            visit(each.body)
        elif not (isinstance(each, Num) and each.value == 1):
            raise NotGeneral("more than a sum of products of entries")

    visit(term)
    return bounds, entries


def spatial_places(role: str, model: Model) -> tuple[int, int]:
    """Between which of its indices those of space stand, in an entry of ``role``."""
    kind = shaped(role)
    images = int(model.batch and kind in "xy")
    if not model.channels or kind == "b":
        return images, images + (model.dims if kind != "b" else 0)
    first = images + dict(zip("xwy", model.setting.layout, strict=True)).get(kind, "S").index("S")
    return first, first + model.dims


def _spatial(entry: Entry, role: str, model: Model) -> list[Term]:
    if shaped(role) == "b":
        return list(entry.at)
    first, last = spatial_places(role, model)
    return list(entry.at[first:last])


def _padding(model: Model, entry: Entry) -> str:
    return " - p" if entry.array in model.setting.padded else ""


def _text(term: Term, names: dict[str, str], model: Model, position: bool = True) -> str:
    """An index in symconv's notation, from 0: ``position`` takes the base off what an index comes to."""
    base = model.setting.base

    def text(each: Term) -> str:
        if isinstance(each, Num):
            if each.value.denominator != 1:
                raise NotGeneral("an index that is no whole number")
            return str(each.value)
        if isinstance(each, Name):
            if each.text in names:
                return f"({names[each.text]} + {base})" if base else names[each.text]
            if each.text in model.setting.sizes:
                letter = model.setting.sizes[each.text][0]
                if letter in "HKOspd":
                    return letter
            raise NotGeneral(f"nothing says what {each.text} is")
        if isinstance(each, Add):
            return (
                "("
                + " ".join(("-" if sign < 0 else "+") + " " + text(inner) for sign, inner in each.terms).removeprefix(
                    "+ "
                )
                + ")"
            )
        if isinstance(each, Mul):
            return "*".join(text(inner) for inner in each.factors)
        raise NotGeneral("an index that is not linear")

    told = text(term)
    return f"{told} - {base}" if position and base else told


def _bound(bound: Bound, names: dict[str, str], model: Model, ranges: dict[str, str], axis: int) -> str:
    name = names[bound.name]
    role = ranges.get(bound.name)
    if bound.low is None and bound.high is None:
        return f"{name}=(0, {LAST[role]})" if role in LAST else name
    base = model.setting.base
    if bound.low is None or bound.high is None:
        raise NotGeneral("a sum with one limit")
    low = f"{_text(bound.low, names, model)}"
    span = model.size(LAST[role], axis) - 1 + base if role in LAST else None
    try:
        high_value: Fraction | int | None = model.limit(bound.high, {}, None if span is None else (base, span))
    except Unreadable:
        high_value = None
    letter = _letter(bound.high, model)
    if role in LAST and span is not None and high_value == span and letter in (None, LAST[role]):
        high = LAST[role]  # the number is the size
    else:
        high = f"{_text(bound.high, names, model)} + 1"
    return f"{name}=({low}, {high})"


def _letter(term: Term, model: Model) -> str | None:
    for name in names_in(term):
        if name in model.setting.sizes:
            return model.setting.sizes[name][0]
    return None


def _whole(left: Name, right: Term, model: Model) -> str:
    role = model.role(left.text) or ""
    if role == "db":
        if isinstance(right, (SumOver, Mul)):
            return _bias(Entry(left.text, ()), right, model)
        raise NotGeneral("no sum")
    if role not in ("y", "dx", "dw"):
        raise NotGeneral(f"{left.text} is not derived")

    def text(term: Term) -> str:
        if isinstance(term, Name):
            found = model.role(term.text)
            if found is not None and term.text not in model.setting.padded:
                return found
            stem = term.text.removesuffix("_0")
            if stem != term.text and model.role(stem) is not None:
                return f"pad({model.role(stem)}, K-1)"
            if term.text in model.setting.flipped:
                return "flip(w)"
            raise NotGeneral(f"nothing says what {term.text} is")
        if isinstance(term, Star):
            a, b = text(term.left), text(term.right)
            if "w" in a and "w" not in b and "x" not in a:
                a, b = b, a
            if model.setting.star == "convolution":
                b = f"flip({b})"
            if term.mode == "full":
                a = f"pad({a}, {'K' if 'w' in b else 'O'}-1)"
            return f"correlate({a}, {b})"
        if isinstance(term, Call) and term.word == "flip" and len(term.args) == 1:
            return f"flip({text(term.args[0])})"
        if isinstance(term, Add) and all(sign == 1 for sign, _ in term.terms):
            return " + ".join(text(each) for _, each in term.terms)
        raise NotGeneral("no operator statement")

    return f"{role} = {text(right)}"


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
