"""Formulas as mathematics to be set, with the operators of textbooks. Typeset indices are 1-based.

``pad`` is a border of zeros, negative amounts crop; ``a ↑ t`` inserts t - 1 zeros between neighbours; ``a ↓ t`` keeps every t-th
entry; ``⋆`` is correlation. A correlation with stride t and dilation e is ``(a ⋆ (b ↑ e)) ↓ t``: its taps are e apart, and of
the results each t-th is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from symconv.algebra.integers import Const, Integer, Name
from symconv.formulas import tree
from symconv.formulas.moves import MOVES
from symconv.mathematics.of_integers import FIRST, factor, of_integer, one_based, simplified
from symconv.mathematics.tree import Below, Equation, Fence, Math, Operator, Product, Row, Sum, Total, Word, separated

__all__ = ["Setting", "is_function", "of_formula", "replace_index"]


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


def is_function(text: str) -> bool:
    """Whether a name is an operation's, which is set upright."""
    return len(text) > 2 and (text == "shuffle" or any(text in (each.word, each.mode) for each in MOVES.values()))


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
    shift = {name: Name(name) - FIRST.get() for name in indices}
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
    return RULES[type(node)](node, setting)


def _bound(node: tree.Node, setting: Setting, least: int) -> Math:
    math, binds = _set(node, setting)
    return math if binds >= least else Fence(math)


def _call(name: str, node: tree.Node, setting: Setting, amount: Math | None = None) -> Set:
    head: Math = Word(name)
    return Row((Below(head, amount) if amount else head, Fence(_set(node, setting)[0]))), _SINGLE


def _array(node: tree.Array, setting: Setting) -> Set:
    return setting.arrays.get(node.name, Word(node.name)), _SINGLE


def _move(node: tree.Move, setting: Setting) -> Set:
    operation = node.operation
    if node.amounts and all(
        setting.idle([e], each.neutral) for each, e in zip(operation.amounts, node.amounts, strict=True)
    ):
        return _set(node.operand, setting)
    if operation.sign:
        return _resampled(_bound(node.operand, setting, _SINGLE), operation.sign, node.amounts, setting)
    amount = setting.amount(*node.amounts) if node.amounts else None
    if operation.mode and amount is not None:
        amount = separated([amount, Word(operation.mode)], wide=True)
    return _call(operation.word, node.operand, setting, amount)


def _resampled(math: Math, sign: str, by: Sequence[Integer], setting: Setting) -> Set:
    return Row((math, Operator(sign), setting.amount(*by))), _ROW


def _correlate(node: tree.Correlate, setting: Setting) -> Set:
    taps = tree.dilate(node.filter, node.dilation)
    row: tuple[Math, ...] = (_bound(node.operand, setting, _SINGLE), Operator("⋆"), _bound(taps, setting, _SINGLE))
    if not setting.idle([node.stride], 1):
        row = (Fence(Row(row)), Operator("↓"), setting.amount(node.stride))
    return Row((*setting.totals, *row)), _ROW


def _scale(node: tree.Scale, setting: Setting) -> Set:
    return Product((factor(node.factor, {}), _bound(node.operand, setting, _ROW))), _ROW


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
    return Row((*setting.totals, Total(), _bound(node.operand, setting, _ROW))), _ROW


def _index_sum(node: tree.IndexSum, setting: Setting) -> Set:
    totals = []
    for each in node.ranges:
        index = Word(each.index)
        if each.start is None or each.stop is None:
            totals.append(Total((index,)))
        else:
            start, stop = _tidy(each.start + FIRST.get()), _tidy(each.stop - 1 + FIRST.get())
            totals.append(Total((Row((index, Operator("="), of_integer(start))),), of_integer(stop)))
    if node.where:
        last = totals.pop() if totals else Total()
        conditions = (
            Row((of_integer(c.left), Operator(COMPARED.get(c.relation, c.relation)), of_integer(c.right)))
            for c in node.where
        )
        totals.append(replace(last, under=(*last.under, *conditions)))
    factors = (Below(setting.arrays.get(f.name, Word(f.name)), of_integer(f.index)) for f in node.factors)
    return Row((*totals, Product(tuple(factors), apart=True))), _ROW


RULES: dict[type[tree.Node], Callable[[Any, Setting], Set]] = {
    tree.Array: _array,
    tree.Move: _move,
    tree.Shuffle: lambda node, setting: _call("shuffle", node.operand, setting),
    tree.Correlate: _correlate,
    tree.Scale: _scale,
    tree.Add: _add,
    tree.Sum: _sum,
    tree.IndexSum: _index_sum,
}
