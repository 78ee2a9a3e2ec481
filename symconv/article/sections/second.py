"""Second derivatives, on request: the loss of the double backward, its three readings, their closed formulas and entries."""

from __future__ import annotations

from symconv.article.blocks import Block, Equations, Paragraph, Section
from symconv.article.case import Case
from symconv.article.closed import summed_labels
from symconv.article.equations import array_index, own
from symconv.article.sections.passes import entry_equations
from symconv.article.sections.setting import sizes_of
from symconv.formulas import tree
from symconv.formulas.second import SECOND_FORMULAS, verify_second
from symconv.formulas.standard import standard
from symconv.layer.conv import Conv
from symconv.layer.padding import FILLER
from symconv.layer.second import REPLACED
from symconv.mathematics.entries import entry
from symconv.mathematics.of_formulas import Setting, of_formula
from symconv.mathematics.tree import Above, Below, Equation, Fence, Math, Product, Row, Sum, Total, Word, separated
from symconv.prose import Phrase, Value

__all__ = ["second"]


_LOSS = Below(Word("L"), Word("2"))


def second(case: Case) -> Section:
    conv, line = case.conv, case.line.conv
    directions: dict[str, Value] = {direction: _direction(array) for direction, array in REPLACED.items()}
    blocks: list[Block] = [
        Paragraph(Phrase("second.intro" if conv.bias else "second.intro_plain", directions)),
        Equations.of(Equation.of(_LOSS, _pairings(conv)), label="second"),
        Paragraph(Phrase("second.factor_constant" if conv.mode.filled else "second.factor", directions)),
        Equations.of(Equation.of(_LOSS, _replaced(conv))),
        Paragraph(Phrase("second.readings")),
        Equations(tuple(_closed(conv, target) for target in SECOND_FORMULAS), "second-closed", boxed=True),
        Paragraph(Phrase("second.theorem")),
    ]
    told = "second.entries" if line == conv else "second.entries_line"
    blocks.append(Paragraph(Phrase(told, {"layer": sizes_of(line)} if line != conv else {})))
    terms = line.second_gradients()
    for target in SECOND_FORMULAS:
        blocks += entry_equations(line, target, terms.terms(target))
    found = verify_second(conv, case.max_terms)
    ok = all(equal for _, equal in found.values())
    entries = sum(count for count, _ in found.values())
    blocks.append(
        Paragraph(Phrase("second.holds" if ok else "second.fails", {"entries": entries}), "holds" if ok else "fails")
    )
    return Section("second", Phrase("second.title"), tuple(blocks))


def _direction(array: str) -> Math:
    return Above(Word("v"), Word(array))


def _pairings(conv: Conv) -> Math:
    """The directions times the gradients, entry by entry, added up."""
    arrays = [array for array in REPLACED.values() if conv.bias or array != "b"]
    products = (Product((_direction(array), Word(f"d{array}")), apart=True) for array in arrays)
    return Sum(tuple((1, Row((Total(), product))) for product in products))


def _replaced(conv: Conv) -> Math:
    """The loss with one factor replaced each time; the last argument is what a border of a constant holds."""
    loss: list[list[Math]] = [[_direction("x"), Word("w")], [Word("x"), _direction("w")]]
    if conv.bias:
        loss = [[*each, Word("0")] for each in loss] + [[Word("0"), Word("0"), _direction("b")]]
    if conv.mode.filled:
        loss = [[*each, entry(conv, FILLER, ()) if at == 1 else Word("0")] for at, each in enumerate(loss)]
    return Sum(tuple((1, Row((Word("L"), Fence(separated(names, wide=True))))) for names in loss))


def _closed(conv: Conv, target: str) -> Equation:
    """The closed formula with a direction in the place of each factor in turn."""
    source, _ = SECOND_FORMULAS[target]
    totals = tuple(Total((Word(own(conv, label)),)) for label in summed_labels(conv, source))
    arrays = {name: array_index(conv, name, []) for name in (source, *REPLACED.values(), "dy")}
    arrays |= {direction: _indexed(conv, array) for direction, array in REPLACED.items()}
    terms: list[tuple[int, Math]] = []
    for part in _summands(standard(target, conv.transposed, conv.padding_mode).body):
        if isinstance(part, tree.Array):
            terms += [(1, arrays[part.name])] if conv.bias else []
            continue
        single = tree.Formula(source, part, transposed=conv.transposed, padding_mode=conv.padding_mode)
        terms.append((1, of_formula(single, Setting((), arrays, totals)).steps[0][1]))
    left = array_index(conv, source, [])
    name = Below(Word(target), left.sub) if isinstance(left, Below) else Word(target)
    return Equation.of(name, Sum(tuple(terms)) if len(terms) > 1 else terms[0][1])


def _summands(node: tree.Node) -> list[tree.Node]:
    return [*_summands(node.left), *_summands(node.right)] if isinstance(node, tree.Add) else [node]


def _indexed(conv: Conv, array: str) -> Math:
    """A direction with the channel indices of its array."""
    index = array_index(conv, array, [])
    return Below(_direction(array), index.sub) if isinstance(index, Below) else _direction(array)
