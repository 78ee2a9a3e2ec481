"""Integer expressions, formulas and their texts as JavaScript, for pages that compute by themselves.

Names become properties of one object ``v``; division and remainder round towards minus infinity, as Python's do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from symconv.algebra.comparisons import Comparison
from symconv.algebra.integers import Const, Integer, Name, Op
from symconv.formulas import tree
from symconv.mathematics.markup import html_text
from symconv.mathematics.of_formulas import of_formula
from symconv.mathematics.of_integers import of_integer
from symconv.mathematics.tree import Math, Word

__all__ = ["arrow", "formula_template", "javascript", "pieces", "template"]


def javascript(e: Integer) -> str:
    """``e`` as an expression in the properties of ``v``.

    >>> from symconv.layer.relation import INPUT_INDEX, OUTPUT_SIZE
    >>> javascript(INPUT_INDEX)
    '(((v.s * v.o) + (v.d * v.k)) - v.p)'
    >>> javascript(OUTPUT_SIZE)
    '(Math.floor((((v.H + v.p) + v.q) - ((v.d * (v.K - 1)) + 1)) / v.s) + 1)'
    """
    if isinstance(e, Const):
        return str(e.value) if e.value >= 0 else f"({e.value})"
    if isinstance(e, Name):
        return f"v.{e.name}"
    assert isinstance(e, Op)
    left, right = javascript(e.left), javascript(e.right)
    if e.op == "//":
        return f"Math.floor({left} / {right})"
    if e.op == "%":
        return f"((({left} % {right}) + {right}) % {right})"
    return f"({left} {e.op} {right})"


def arrow(e: Integer) -> str:
    """``e`` as a function of ``v``."""
    return f"(v) => {javascript(e)}"


def pieces(parts: Iterable[tuple[Iterable[Comparison], Integer]]) -> str:
    """A function of ``v``: the first of several expressions whose conditions hold, null where those of none do."""
    cases = [f"{' && '.join(map(_holds, conditions))} ? {javascript(e)} : " for conditions, e in parts]
    return f"(v) => {''.join(cases)}null"


def _holds(comparison: Comparison) -> str:
    sign = {"==": "===", "!=": "!=="}.get(comparison.relation, comparison.relation)
    return f"{javascript(comparison.left)} {sign} {javascript(comparison.right)}"


def template(e: Integer) -> str:
    """A function of ``v`` that gives ``e`` as HTML with numbers for its names: ``⌊(7 + 1 + 1 − 1(3 − 1) − 1) / 2⌋ + 1``."""
    numbers: dict[str, Math] = {name: Word(f"${{n(v.{name})}}") for name in e.names()}
    return f"(v) => `{html_text((of_integer(e, numbers),))}`"


def formula_template(formula: tree.Formula) -> str:
    """A function of ``v`` that gives the formula's right side as HTML with its amounts computed."""
    body = of_formula(tree.Formula(formula.target, _computed(formula.body))).steps[0][1]
    return f"(v) => `{html_text((body,))}`"


def _computed(node: Any) -> Any:
    """The formula with every amount that is not a plain number replaced by the place where its value goes."""
    changed: dict[str, Any] = {}
    for each in fields(node):
        value = getattr(node, each.name)
        if isinstance(value, tree.Node):
            changed[each.name] = _computed(value)
        elif isinstance(value, tuple):
            changed[each.name] = tuple(_place(e) for e in value)
        elif isinstance(value, Integer):
            changed[each.name] = _place(value)
    return replace(node, **changed)


def _place(e: Any) -> Any:
    return Name(f"${{n({javascript(e)})}}") if isinstance(e, Integer) and not isinstance(e, Const) else e
