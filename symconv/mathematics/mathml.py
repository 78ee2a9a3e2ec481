"""Mathematics, formulas and integer expressions as MathML Core, which browsers set without a script.

Straight from the tree, so that what belongs together stays together: ``dx_{11}`` is one name with one index.
The brackets of a matrix are left to the style sheet (``mtable.matrix``): drawn ones grow in every browser and font.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import singledispatch
from typing import Any
from xml.etree.ElementTree import Element, tostring

from symconv.algebra.integers import Integer
from symconv.formulas import tree
from symconv.mathematics.lines import pieces
from symconv.mathematics.of_formulas import is_function, of_formula
from symconv.mathematics.of_integers import of_integer
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

__all__ = ["NAMESPACE", "breakable", "mathml", "style_sheet"]

NAMESPACE = "http://www.w3.org/1998/Math/MathML"

#: what a page needs to show it: faces that have the signs of mathematics, and the brackets of matrices
STYLES = {
    "math": """font-family: "STIX Two Math", "Cambria Math", "Latin Modern Math", "Noto Sans Math", "DejaVu Math TeX Gyre", math;
  font-size: 1.06em; font-style: normal; font-weight: normal""",
    "mtable.matrix": """margin: .2em .2em; padding: .1em .3em; vertical-align: middle;
  background: linear-gradient(currentcolor 0 0) 0 0 / 1px 100%, linear-gradient(currentcolor 0 0) 100% 0 / 1px 100%,
    linear-gradient(currentcolor 0 0) 0 0 / .38em 1px, linear-gradient(currentcolor 0 0) 100% 0 / .38em 1px,
    linear-gradient(currentcolor 0 0) 0 100% / .38em 1px, linear-gradient(currentcolor 0 0) 100% 100% / .38em 1px;
  background-repeat: no-repeat; print-color-adjust: exact; -webkit-print-color-adjust: exact""",
    "mtable.matrix mtd": "padding: .16em .38em",
    "mrow.struck": """background: linear-gradient(to top right,
    transparent calc(50% - .6px), currentcolor calc(50% - .6px) calc(50% + .6px), transparent calc(50% + .6px));
  print-color-adjust: exact; -webkit-print-color-adjust: exact""",
    "mtable.limits mtd": "padding: .09em 0",
    # an index of an index is no smaller than can be read
    **dict.fromkeys(
        [
            f":is(msub, msup, msubsup, munder, munderover) > {inner} > :nth-child(n+2)"
            for inner in (":nth-child(n+2) :is(msub, msup, msubsup)", ":is(msub, msup, msubsup):nth-child(n+2)")
        ],
        "font-size: max(.8em, 11px)",
    ),
}

#: spaces in mathematics, after TeX: between factors, around signs between two things
THIN, MEDIUM, THICK = "0.1667em", "0.2222em", "0.2778em"

#: signs set with the larger space, as relations are
RELATIONS = frozenset("=≠≤≥∈⇔")

#: a letter, a number; anything else is a sign
TOKEN = re.compile(r"(?P<mi>∂|[^\W\d_])|(?P<mn>[0-9]+)|(?P<space>\s+)|(?P<mo>.)")


#: the class of a ``<math>`` whose TeX stands in the one before it
CONTINUED = "continued"


def mathml(
    thing: Math | Equation | tree.Formula | Integer, display: bool = False, tex: str = "", kind: str = ""
) -> str:
    """``thing`` as one ``<math>``; ``display`` sets it as in a display: fractions and sums at full size. ``tex`` is put beside it
    as an annotation, which is not seen: programs that read or copy mathematics take it. ``kind`` is its class.

    >>> from symconv.layer.relation import INPUT_INDEX
    >>> print(mathml(of_integer(INPUT_INDEX)).partition(">")[2])
    <mrow><mrow><mi>s</mi><mo>⁢</mo><mi>o</mi></mrow><mo lspace="0.2222em" rspace="0.2222em" form="infix">+</mo>...</math>
    """
    return _whole(element(thing), display, tex, kind)


def _whole(inner: Element, display: bool, tex: str = "", kind: str = "") -> str:
    if tex:
        inner = _of("semantics", inner, _token("annotation", tex, encoding="application/x-tex"))
    attributes = {"displaystyle": "true"} if display else {}
    return tostring(
        _of("math", inner, xmlns=NAMESPACE, **attributes, **({"class": kind} if kind else {})), encoding="unicode"
    )


def style_sheet(within: str = "") -> str:
    """The rules that a page needs, for all of it or for what the selector ``within`` picks."""
    return "\n".join(f"{within} {selector} {{ {rules} }}".strip() for selector, rules in STYLES.items())


def breakable(math: Math, sign: str = "", display: bool = True, tex: str = "") -> Iterator[str]:
    """``math`` as several ``<math>``, one for each piece that may begin a line; the first is led by ``sign`` and has
    the ``tex`` of all of it, if that is not given elsewhere.

    A browser does not break a ``<math>``; between two of them it does.
    """
    for i, piece in enumerate(_pieces(math)):
        parts = [element(piece)]
        if sign and not i:
            parts = [_operator(sign), *parts]
        told = bool(tex) and not i
        yield _whole(_row(parts), display, tex if told else "", "" if told else CONTINUED)


def _pieces(math: Math) -> Iterator[Math]:
    """The terms of a sum, the steps of a row: what a line may begin with. What stands in brackets holds together."""
    parts = pieces(math)
    if len(parts) == 1:
        yield math
        return
    for part in parts:
        yield from _pieces(part)


# elements -------------------------------------------------------------------------------------------------------------


def _of(tag: str, *children: Element, **attributes: str) -> Element:
    result = Element(tag, attributes)
    result.extend(children)
    return result


def _row(children: list[Element]) -> Element:
    """The children side by side, as one."""
    return children[0] if len(children) == 1 else _of("mrow", *children)


def _token(tag: str, text: str, **attributes: str) -> Element:
    result = Element(tag, attributes)
    result.text = text
    return result


def _operator(text: str) -> Element:
    """A sign between two things, with the space of its kind; an arrow is not as tall as what stands beside it."""
    space = THICK if text in RELATIONS else MEDIUM
    return _token(
        "mo", text, lspace=space, rspace=space, form="infix", **({"stretchy": "false"} if text in "↑↓" else {})
    )


def _minus() -> Element:
    """The sign of a negative thing, without space."""
    return _token("mo", "−", lspace="0", rspace="0", form="prefix")


def _script(child: Element) -> Element:
    """``child`` as an index or a limit: no space around its signs, as TeX sets them."""
    for sign in child.iter("mo"):
        for side in ("lspace", "rspace"):
            if sign.get(side) or sign.text == ",":
                sign.set(side, "0")
    return child


@singledispatch
def element(thing: Any) -> Element:
    """``thing`` as an element that stands for the whole of it."""
    raise TypeError(f"no MathML for {thing!r}")


@element.register
def _(thing: Integer) -> Element:
    return element(of_integer(thing))


@element.register
def _(thing: tree.Formula) -> Element:
    return element(of_formula(thing))


@element.register
def _(thing: Equation) -> Element:
    sides = [each for sign, side in thing.steps for each in (_operator(sign), element(side))]
    return _row([element(thing.left), *sides])


@element.register
def _(thing: Word) -> Element:
    if is_function(thing.text):
        return _token("mi", thing.text)
    result: list[Element] = []
    for found in TOKEN.finditer(thing.text):
        kind, text = found.lastgroup, found[0]
        if kind == "space":
            continue
        if kind != "mo":
            result.append(_token(str(kind), text))
        elif text == ",":
            wide = thing.text[found.end() : found.end() + 1].isspace()
            result.append(_token("mo", text, separator="true", lspace="0", rspace="0.35em" if wide else "0"))
        else:
            result.append(
                _minus() if text == "−" and len(thing.text) > 1 else _token("mo", text, lspace="0", rspace="0")
            )
    return _row(result)


@element.register
def _(thing: Operator) -> Element:
    return _operator(thing.text)


@element.register
def _(thing: Below) -> Element:
    return _of("msub", element(thing.base), _script(element(thing.sub)))


@element.register
def _(thing: Above) -> Element:
    return _of("msup", element(thing.base), _script(element(thing.sup)))


@element.register
def _(thing: Row) -> Element:
    result: list[Element] = []
    for i, part in enumerate(thing.parts):
        result.append(element(part))
        if isinstance(part, Total) and i and not isinstance(thing.parts[i - 1], (Total, Operator)):
            next(result[-1].iter("mo")).set("lspace", THIN)
    return _row(result)


@element.register
def _(thing: Product) -> Element:
    result: list[Element] = []
    for i, (factor, shown) in enumerate(zip(thing.factors, map(element, thing.factors), strict=True)):
        if i:
            result.append(_times(thing, factor, shown))
        result.append(shown)
    return _row(result)


def _times(product: Product, factor: Math, shown: Element) -> Element:
    """What stands before a factor: a dot where two numbers would run together, else nothing that is seen."""
    first = next(each for each in shown.iter() if each.text)
    if first.tag == "mn":
        return _token("mo", "⋅", lspace=MEDIUM, rspace=MEDIUM)
    indexed = any(isinstance(each, (Below, Above)) for each in product.factors)
    space = THIN if product.apart else "0.08em" if indexed else ""
    return _token("mo", "\N{INVISIBLE TIMES}", **({"lspace": "0", "rspace": space} if space else {}))


@element.register
def _(thing: Sum) -> Element:
    result: list[Element] = []
    for sign, term in thing.terms:
        if result:
            result.append(_operator("−" if sign < 0 else "+"))
        elif sign < 0:
            result.append(_minus())
        result.append(element(term))
    return _row(result)


@element.register
def _(thing: Fence) -> Element:
    body = element(thing.body)
    grows = "true" if any(each.tag in ("mfrac", "mtable", "munderover", "munder") for each in body.iter()) else "false"
    left, right = (
        _token("mo", sign, form=form, fence="true", stretchy=grows, lspace="0", rspace="0")
        for sign, form in ((thing.left, "prefix"), (thing.right, "postfix"))
    )
    return _row([left, body, right])


@element.register
def _(thing: Struck) -> Element:
    return _of("mrow", element(thing.body), **{"class": "struck"})


@element.register
def _(thing: Fraction) -> Element:
    return _of("mfrac", element(thing.top), element(thing.bottom))


@element.register
def _(thing: Total) -> Element:
    sign = _token("mo", "∑", lspace="0", rspace=THIN, largeop="true", movablelimits="false")
    if not thing.under:
        return sign
    under = [_script(element(each)) for each in thing.under]
    below = under[0]
    if len(under) > 1:
        below = _of("mtable", *(_of("mtr", _of("mtd", each)) for each in under), **{"class": "limits"})
    return _of("munderover", sign, below, _script(element(thing.over))) if thing.over else _of("munder", sign, below)


@element.register
def _(thing: Matrix) -> Element:
    rows = []
    for row in thing.rows:
        cells = [_of("mtd", element(cell)) for cell in row]
        if cells:  # rows of one height, whatever stands in them
            cells[0].insert(0, _of("mspace", width="0", height="0.75em", depth="0.3em"))
        rows.append(_of("mtr", *cells))
    return _of("mtable", *rows, **{"class": "matrix"})
