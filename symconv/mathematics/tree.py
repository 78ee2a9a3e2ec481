"""Mathematics as a tree, before it is set in any alphabet: the LaTeX and the Unicode reader share it.

Characters in it are Unicode (``⋆``, ``Σ``, ``…``); each reader has a table for what it writes differently. This
module also reads integer expressions and formulas into such trees. Typeset indices are 1-based.

Formulas are set with the operators of textbooks: ``pad`` (a border of zeros, negative amounts crop), ``a ↑ t`` (t - 1 zeros
inserted between neighbours), ``a ↓ t`` (every t-th entry kept), ``flip`` and ``⋆`` (correlation). A correlation with stride t
and dilation e is ``(a ⋆ (b ↑ e)) ↓ t``: its taps are e apart, and of the results each t-th is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from symconv.algebra.integers import Const, Integer, Name, Op
from symconv.formulas import tree

__all__ = [
    "Above", "Below", "Equation", "Fence", "Fraction", "Math", "Matrix", "Operator", "Product", "Row", "Setting", "Sum", "Total",
    "Word", "additive_terms", "chunks", "fill", "from_one", "lines", "of_formula", "of_integer", "one_based", "pieces",
    "separated", "simplified",
]  # fmt: skip


class Math:
    """A piece of mathematics."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Word(Math):
    """A name, a number or a sign that stands by itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Operator(Math):
    """A sign between two things: ``=``, ``⋆``, ``+``."""

    text: str


@dataclass(frozen=True, slots=True)
class Below(Math):
    """``base`` with a subscript."""

    base: Math
    sub: Math


@dataclass(frozen=True, slots=True)
class Above(Math):
    """``base`` with a superscript."""

    base: Math
    sup: Math


@dataclass(frozen=True, slots=True)
class Row(Math):
    """Things side by side."""

    parts: tuple[Math, ...]


@dataclass(frozen=True, slots=True)
class Product(Math):
    """Factors side by side; ``apart`` sets a small space between factors with long indices."""

    factors: tuple[Math, ...]
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Sum(Math):
    """Terms with their signs, +1 or -1; a long sum is broken before a sign."""

    terms: tuple[tuple[int, Math], ...]


@dataclass(frozen=True, slots=True)
class Fence(Math):
    """``body`` in brackets: round ones, or floors."""

    body: Math
    left: str = "("
    right: str = ")"


@dataclass(frozen=True, slots=True)
class Fraction(Math):
    """``top`` over ``bottom``."""

    top: Math
    bottom: Math


@dataclass(frozen=True, slots=True)
class Total(Math):
    """A summation sign with its limits; what is summed follows it."""

    under: tuple[Math, ...] = ()
    over: Math | None = None


@dataclass(frozen=True, slots=True)
class Matrix(Math):
    """Rows of equal length in square brackets."""

    rows: tuple[tuple[Math, ...], ...]


@dataclass(frozen=True, slots=True)
class Equation:
    """``left`` related to each of ``steps`` in turn: ``((sign, side), ...)``; ``note`` counts what a side leaves out."""

    left: Math
    steps: tuple[tuple[str, Math], ...]
    note: int | None = None

    @staticmethod
    def of(left: Math, *sides: Math, note: int | None = None) -> Equation:
        """``left = side = side ...``."""
        return Equation(left, tuple(("=", side) for side in sides), note)


def separated(parts: Sequence[Math], wide: bool = False) -> Math:
    """The parts with commas between them, and with spaces too if ``wide`` or if a part is itself composed."""
    comma = Word(", " if wide or any(isinstance(part, (Sum, Product, Row)) for part in parts) else ",")
    result: list[Math] = []
    for part in parts:
        result += [comma, part] if result else [part]
    return result[0] if len(result) == 1 else Row(tuple(result))


# breaking lines -------------------------------------------------------------------------------------------------------


def pieces(math: Math) -> list[Math]:
    """What ``math`` may be broken into first: the terms of a sum with their signs, or a row before its operators."""
    if isinstance(math, Sum):
        return [
            term if not i and sign > 0 else Row((Operator("−" if sign < 0 else "+"), term))
            for i, (sign, term) in enumerate(math.terms)
        ]
    if isinstance(math, Row):
        result: list[list[Math]] = [[]]
        for part in math.parts:
            # a sign that leads the row belongs to what follows it
            if isinstance(part, Operator) and any(not isinstance(before, Operator) for before in result[-1]):
                result.append([])
            result[-1].append(part)
        if len(result) == 1 and len(math.parts) == 2 and isinstance(math.parts[0], Operator):
            first, *rest = pieces(math.parts[1])
            return [Row((math.parts[0], first)), *rest]
        return [Row(tuple(row)) if len(row) > 1 else row[0] for row in result]
    return [math]


def chunks(math: Math) -> Iterator[Math]:
    """The smallest pieces that ``math`` can be broken into."""
    parts = pieces(math)
    if len(parts) == 1:
        yield math
    else:
        for part in parts:
            yield from chunks(part)


def lines(math: Math, width: Callable[[Math], float], limit: float) -> list[Math]:
    """``math`` on lines no wider than ``limit`` where it can be broken: a sum between its terms, and a term only if it has to."""
    if width(math) <= limit:
        return [math]
    parts = pieces(math)
    if len(parts) == 1:
        return parts
    result: list[Math] = []
    for row in fill(parts, width, limit):
        result += lines(row.parts[0], width, limit) if len(row.parts) == 1 else [row]
    return result


def fill(parts: Sequence[Math], width: Callable[[Math], float], limit: float) -> list[Row]:
    """``parts`` put on as few lines no wider than ``limit`` as go, and these as even as can be.

    A part wider than ``limit`` stands alone.
    """
    sizes = [width(part) for part in parts]
    rows = _filled(sizes, limit)
    narrow, wide = max(sizes, default=0.0), limit
    while wide - narrow > 1 and len(rows) > 1:  # the narrowest limit that needs no more lines
        middle = (narrow + wide) / 2
        if len(_filled(sizes, middle)) == len(rows):
            wide = middle
        else:
            narrow = middle
    return [Row(tuple(parts[i] for i in row)) for row in _filled(sizes, wide)]


def _filled(sizes: Sequence[float], limit: float) -> list[list[int]]:
    """The numbers of the parts on each line, as many on a line as go."""
    rows: list[list[int]] = []
    used = 0.0
    for i, size in enumerate(sizes):
        if rows and used + size <= limit:
            rows[-1].append(i)
            used += size
        else:
            rows.append([i])
            used = size
    return rows


# integer expressions --------------------------------------------------------------------------------------------------


def additive_terms(e: Integer, sign: int = 1) -> Iterator[tuple[int, Integer]]:
    """``e`` as signed terms, the brackets of nested sums opened: ``H + p - (K - 1)`` -> +H, +p, -K, +1."""
    if isinstance(e, Op) and e.op in "+-":
        yield from additive_terms(e.left, sign)
        yield from additive_terms(e.right, sign if e.op == "+" else -sign)
    elif e != Const(0):
        negative = isinstance(e, Const) and e.value < 0
        yield (-sign, Const(-e.value)) if isinstance(e, Const) and negative else (sign, e)


def simplified(e: Integer, values: Mapping[str, int] | None = None) -> Integer:
    """``e`` with ``values`` put in and like terms collected, where it is affine in what is left.

    >>> s, o, k = Name("s"), Name("o"), Name("k")
    >>> str(simplified(s*(o - 1) + (k - 1) + 1, {"s": 2}))
    '2*o + k - 2'
    """
    affine = e.affine(values or {})
    if affine is None:
        return e.substitute(values or {})
    coefficients, constant = affine
    result: Integer = Const(0)
    for name in sorted(coefficients, key=lambda name: coefficients[name] < 0):
        size = abs(coefficients[name]) * Name(name)
        result = result + size if coefficients[name] > 0 else result - size
    return result + constant


def one_based(e: Integer, indices: Sequence[str]) -> Integer:
    """A 0-based index expression as its 1-based self in 1-based ``indices``: each i replaced by i - 1, and 1 added.

    >>> print(one_based(Name("s")*Name("o") + Name("k"), "ok"))
    s*(o - 1) + k - 1 + 1
    """
    return e.substitute({name: Name(name) - 1 for name in indices}) + 1


def from_one(e: Integer) -> Integer:
    """A 0-based position in the indices of R as its 1-based self, like terms collected."""
    return simplified(one_based(e, ("o", "k", "m")))


def of_integer(e: Integer, names: Mapping[str, Math] | None = None) -> Math:
    """An integer expression; ``names`` says how its names are set (a number, or the name with its axis below)."""
    names = names or {}
    if isinstance(e, Const):
        return Word(str(e.value).replace("-", "−"))
    if isinstance(e, Name):
        return names.get(e.name, Word(e.name))
    assert isinstance(e, Op)
    if e.op in "+-":
        terms = _constants_met(list(additive_terms(e)))
        if not terms:
            return Word("0")
        first = next((i for i, (sign, _) in enumerate(terms) if sign > 0), 0)  # a sum begins with a plus where it can
        terms = [terms[first], *terms[:first], *terms[first + 1 :]]
        signed = tuple((sign, _term(term, names)) for sign, term in terms)
        return signed[0][1] if len(signed) == 1 and signed[0][0] > 0 else Sum(signed)
    if e.op == "*":
        return Product(tuple(_factor(f, names) for f in _factors(e)))
    if e.op == "//":
        return Fence(Fraction(of_integer(e.left, names), of_integer(e.right, names)), "⌊", "⌋")
    return Row((_factor(e.left, names), Operator("mod"), _factor(e.right, names)))


def _term(e: Integer, names: Mapping[str, Math]) -> Math:
    """A term of a sum; a remainder in brackets, since ``- a mod b`` could be read in two ways."""
    math = of_integer(e, names)
    return Fence(math) if isinstance(e, Op) and e.op == "%" else math


def _constants_met(terms: list[tuple[int, Integer]]) -> list[tuple[int, Integer]]:
    """The numbers among the terms added up, at the place of the last of them."""
    total = sum(sign * term.value for sign, term in terms if isinstance(term, Const))
    rest = [(sign, term) for sign, term in terms if not isinstance(term, Const)]
    return [*rest, (1 if total > 0 else -1, Const(abs(total)))] if total else rest


def _factors(e: Integer) -> Iterator[Integer]:
    if isinstance(e, Op) and e.op == "*":
        yield from _factors(e.left)
        yield from _factors(e.right)
    else:
        yield e


def _factor(e: Integer, names: Mapping[str, Math]) -> Math:
    math = of_integer(e, names)
    return Fence(math) if isinstance(math, (Sum, Row)) or (isinstance(e, Const) and e.value < 0) else math


# formulas -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """How a formula is set: with letters, or with the numbers of a layer.

    ``sizes`` are the sizes on each axis, put in where given: then what does nothing (a pad of zero, zero insertion by
    one) is left out. ``arrays`` says how each array is set, ``totals`` what a correlation sums over besides space.
    """

    sizes: Sequence[Mapping[str, int]] = ()
    arrays: Mapping[str, Math] = field(default_factory=dict)
    totals: tuple[Total, ...] = ()

    def values(self, e: Integer) -> tuple[int, ...]:
        """``e`` on each axis; empty where letters are kept."""
        return tuple(int(e.evaluate(sizes)) for sizes in self.sizes)

    def idle(self, amounts: Sequence[Integer], neutral: int) -> bool:
        """Whether an operation by these amounts changes nothing."""
        if self.sizes:
            return all(value == neutral for amount in amounts for value in self.values(amount))
        return all(amount == Const(neutral) for amount in amounts)

    def amount(self, *amounts: Integer) -> Math:
        """What an operation does it by: the same on every axis said once, else ``(2,1)`` or ``(1,0)×(0,2)``."""
        if not self.sizes:
            return separated([of_integer(a) for a in (amounts[:1] if len(set(amounts)) == 1 else amounts)])
        per_axis = list(zip(*(self.values(amount) for amount in amounts), strict=True))
        if len(set(per_axis)) == 1:
            per_axis = per_axis[:1]
        if all(len(set(values)) == 1 for values in per_axis):
            per_axis = [values[:1] for values in per_axis]
        shown = [separated([of_integer(Const(v)) for v in values]) for values in per_axis]
        if len(shown) == 1:
            return shown[0]
        if len(per_axis[0]) == 1:
            return Fence(separated(shown))
        return Row(tuple(part for each in shown for part in (Word("×"), Fence(each)))[1:])


#: comparisons as they are set
COMPARED = {"==": "=", "!=": "≠", "<=": "≤", ">=": "≥"}

#: how tightly what was set binds: a sum, a row with ⋆ ↑ ↓, a single thing
_SUM, _ROW, _SINGLE = range(3)
Set = tuple[Math, int]


def of_formula(formula: tree.Formula, setting: Setting | None = None) -> Equation:
    """The claim as an equation.

    >>> from symconv.mathematics.latex import latex
    >>> from symconv.formulas.standard import standard
    >>> print(latex(of_formula(standard("dx"))))
    dx = \\operatorname{pad}_{d(K - 1) - p, d(K - 1) - q + r}(dy \\uparrow s) \\star (\\operatorname{flip}(w) \\uparrow d)
    """
    setting = setting or Setting()
    left = setting.arrays.get(formula.target, Word(formula.target))
    if formula.index:
        left = Below(left, Word(formula.index))
    return Equation.of(left, _set(replace_index(formula), setting)[0])


def replace_index(formula: tree.Formula) -> tree.Node:
    """The body of a formula with the indices of its sums 1-based."""
    return _from_one(formula.body, [formula.index] if formula.index else [])


def _from_one(node: tree.Node, outer: Sequence[str]) -> tree.Node:
    if isinstance(node, tree.Add):
        return replace(node, left=_from_one(node.left, outer), right=_from_one(node.right, outer))
    if isinstance(node, tree.Scale):
        return replace(node, operand=_from_one(node.operand, outer))
    if not isinstance(node, tree.IndexSum):
        return node
    indices = [*outer, *(each.index for each in node.ranges)]
    shift = {name: Name(name) - 1 for name in indices}
    factors = tuple(replace(f, index=_tidy(one_based(f.index, indices))) for f in node.factors)
    ranges = tuple(
        each
        if each.start is None or each.stop is None
        else replace(each, start=_tidy(each.start.substitute(shift)), stop=_tidy(each.stop.substitute(shift)))
        for each in node.ranges
    )
    where = tuple(
        replace(c, left=_tidy(c.left.substitute(shift)), right=_tidy(c.right.substitute(shift))) for c in node.where
    )
    return replace(node, factors=factors, ranges=ranges, where=where)


def _tidy(e: Integer) -> Integer:
    """Like terms collected where every coefficient is a number."""
    return simplified(e) if e.affine({}) is not None else e


def _set(node: tree.Node, setting: Setting) -> Set:
    return READERS[type(node)](node, setting)


def _bound(node: tree.Node, setting: Setting, least: int) -> Math:
    math, binds = _set(node, setting)
    return math if binds >= least else Fence(math)


def _call(name: str, node: tree.Node, setting: Setting, amount: Math | None = None) -> Set:
    head: Math = Word(name)
    return Row((Below(head, amount) if amount else head, Fence(_set(node, setting)[0]))), _SINGLE


def _array(node: tree.Array, setting: Setting) -> Set:
    return setting.arrays.get(node.name, Word(node.name)), _SINGLE


def _moved(name: str) -> Callable[[Any, Setting], Set]:
    def rule(node: Any, setting: Setting) -> Set:
        if setting.idle([node.before, node.after], 0):
            return _set(node.operand, setting)
        return _call(name, node.operand, setting, setting.amount(node.before, node.after))

    return rule


def _resampled(math: Math, sign: str, by: Integer, setting: Setting) -> Set:
    return Row((math, Operator(sign), setting.amount(by))), _ROW


def _dilate(node: tree.Dilate, setting: Setting) -> Set:
    if setting.idle([node.by], 1):
        return _set(node.operand, setting)
    return _resampled(_bound(node.operand, setting, _SINGLE), "↑", node.by, setting)


def _correlate(node: tree.Correlate, setting: Setting) -> Set:
    taps = tree.Dilate(node.filter, node.dilation)
    row: tuple[Math, ...] = (_bound(node.operand, setting, _SINGLE), Operator("⋆"), _bound(taps, setting, _SINGLE))
    if not setting.idle([node.stride], 1):
        row = _resampled(Fence(Row(row)), "↓", node.stride, setting)[0].parts  # type: ignore[attr-defined]
    return Row((*setting.totals, *row)), _ROW


def _scale(node: tree.Scale, setting: Setting) -> Set:
    return Product((_factor(node.factor, {}), _bound(node.operand, setting, _ROW))), _ROW


def _add(node: tree.Add, setting: Setting) -> Set:
    terms: list[tuple[int, Math]] = []
    for operand in (node.left, node.right):
        sign = 1
        if isinstance(operand, tree.Scale) and operand.factor == Const(-1):
            operand, sign = operand.operand, -1
        math, binds = _set(operand, setting)
        if isinstance(math, Sum) and binds == _SUM:
            terms += [(sign * each, term) for each, term in math.terms]
        else:
            terms.append((sign, math))
    return Sum(tuple(terms)), _SUM


def _sum(node: tree.Sum, setting: Setting) -> Set:
    return Row((*(setting.totals or (Total(),)), _bound(node.operand, setting, _ROW))), _ROW


def _index_sum(node: tree.IndexSum, setting: Setting) -> Set:
    totals = []
    for each in node.ranges:
        index = Word(each.index)
        if each.start is None or each.stop is None:
            totals.append(Total((index,)))
        else:
            start = of_integer(_tidy(each.start + 1))
            totals.append(Total((Row((index, Operator("="), start)),), of_integer(each.stop)))
    if node.where:
        last = totals.pop() if totals else Total()
        conditions = (
            Row((of_integer(c.left), Operator(COMPARED.get(c.relation, c.relation)), of_integer(c.right)))
            for c in node.where
        )
        totals.append(replace(last, under=(*last.under, *conditions)))
    factors = (Below(setting.arrays.get(f.name, Word(f.name)), of_integer(f.index)) for f in node.factors)
    return Row((*totals, Product(tuple(factors), apart=True))), _ROW


READERS: dict[type[tree.Node], Callable[[Any, Setting], Set]] = {
    tree.Array: _array,
    tree.Pad: _moved("pad"),
    tree.Crop: _moved("crop"),
    tree.Dilate: _dilate,
    tree.Flip: lambda node, setting: _call("flip", node.operand, setting),
    tree.Shuffle: lambda node, setting: _call("shuffle", node.operand, setting),
    tree.Correlate: _correlate,
    tree.Scale: _scale,
    tree.Add: _add,
    tree.Sum: _sum,
    tree.IndexSum: _index_sum,
}
