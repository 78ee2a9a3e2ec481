"""The forward pass, the Jacobians and the gradients, entry by entry."""

from __future__ import annotations

import numpy as np

from symconv.article.blocks import Block, Equations, Paragraph, Phrase, Section, Value
from symconv.article.case import Case
from symconv.article.equations import entry, gradient_equations, terms_sum
from symconv.article.selection import (
    MOST_ENTRIES,
    MOST_ROWS,
    MOST_TERMS,
    SHOWN_OF_LONG,
    columns_that_fit,
    elided_matrix,
    kept,
    kinds,
    name_length,
    selected,
    with_gaps,
)  # fmt: skip
from symconv.formulas.notation import Above, Equation, Fence, Fraction, Math, Product, Word, separated
from symconv.geometry import Conv
from symconv.multilinear import MultilinearArray

__all__ = ["forward", "gradients", "jacobians"]


def entry_equations(conv: Conv, target: str, terms: MultilinearArray) -> list[Block]:
    """The entries of y or a gradient, each with its sum; what is left out is counted and said."""
    shape = conv.shapes[target]
    size = int(np.prod(shape))
    cut = False

    def show(flat: int) -> Equation:
        nonlocal cut
        index = [int(i) for i in np.unravel_index(flat, shape)]
        found = terms.terms_of(index)
        long = len(found) > MOST_TERMS
        cut = cut or long
        if not long:
            return Equation.of(entry(conv, target, index), terms_sum(conv, found))
        return Equation.of(entry(conv, target, index), terms_sum(conv, found, SHOWN_OF_LONG), note=len(found))

    chosen = selected(conv, target)
    lines = with_gaps(chosen, size, show)
    blocks: list[Block] = [Equations(tuple(lines))]
    shown = len([line for line in lines if isinstance(line, Equation)])
    values: dict[str, Value] = {"array": Word(target), "shown": shown, "size": size}
    if shown < size:
        key = "elided.first" if target == "db" else "elided.kinds"
        blocks.append(Paragraph(Phrase(key, values)))
    if cut:
        blocks.append(Paragraph(Phrase("elided.terms", {"most": MOST_TERMS})))
    return blocks


def general(conv: Conv, target: str) -> Equations:
    """The index equation in letters and, under it, with the layer's numbers."""
    return Equations.of(*gradient_equations(conv, target, False), *gradient_equations(conv, target, True))


def forward(case: Case) -> Section:
    conv = case.conv
    kind = "transposed" if conv.transposed else "convolution"
    blocks: list[Block] = [Paragraph(Phrase(f"forward.intro.{kind}")), general(conv, "y")]
    if any(p or q for p, q in conv.padding):
        blocks.append(Paragraph(Phrase(f"forward.outside.{kind}")))
    blocks.append(Paragraph(Phrase("forward.entries")))
    return Section("forward", Phrase("forward.title"), (*blocks, *entry_equations(conv, "y", case.gradients.terms("y"))))


def partial(array: str) -> Math:
    """The Jacobian of y by ``array`` as it is written."""
    return Fraction(Word("∂y"), Word(f"∂{array}"))


def jacobians(case: Case) -> Section:
    conv = case.conv
    arrays = [target.removeprefix("d") for target in case.targets]
    flat = conv.ndim > 1 or len(conv.axes) < len([n for n in (*conv.x_shape, *conv.y_shape) if n > 1]) - 1
    blocks: list[Block] = [Paragraph(Phrase("jacobians.flattened" if flat else "jacobians.intro"))]
    for array in arrays:
        blocks += jacobian(case, array)
    blocks.append(Paragraph(Phrase("jacobians.chain")))
    chain = [
        Equation.of(Word(f"d{array}"), Product((Above(Fence(partial(array)), Word("⊤")), Word("dy")))) for array in arrays
    ]
    blocks.append(Equations(tuple(chain)))
    return Section("jacobians", Phrase("jacobians.title"), tuple(blocks))


def jacobian(case: Case, array: str) -> list[Block]:
    conv = case.conv
    terms = case.gradients.jacobian(array)
    rows, columns = int(np.prod(conv.y_shape)), int(np.prod(conv.shapes[array]))

    def cell(i: int, j: int) -> Math:
        at = (*np.unravel_index(i, conv.y_shape), *np.unravel_index(j, conv.shapes[array]))
        return terms_sum(conv, terms.terms_of([int(v) for v in at]))

    widest = max((name_length(conv, a) for block in terms.blocks for a in block.arrays), default=1)
    most = (MOST_ROWS if rows > MOST_ENTRIES else rows, columns_that_fit(widest, case.budget))
    blocks: list[Block] = [Equations.of(Equation.of(partial(array), elided_matrix(rows, columns, cell, most)))]
    shown = [len([i for i in kept(n, m) if i is not None]) for n, m in ((rows, most[0]), (columns, most[1]))]
    if shown != [rows, columns]:
        blocks.append(Paragraph(Phrase("elided.matrix", {
            "rows": shown[0], "all_rows": rows, "columns": shown[1], "all_columns": columns})))  # fmt: skip
    return blocks


def gradients(case: Case) -> Section:
    conv = case.conv
    blocks: list[Block] = [Paragraph(Phrase("gradients.intro"))]
    for target in case.targets:
        kind = "strided" if (target == "dx") == conv.transposed else "padded"
        layer = "transposed" if conv.transposed else "convolution"
        key = {"db": "gradients.db", "dw": f"gradients.dw.{layer}", "dx": f"gradients.dx.{kind}"}[target]
        terms = case.gradients.terms(target)
        blocks += [Paragraph(Phrase(key)), general(conv, target), *entry_equations(conv, target, terms)]
        if target == "dx":
            blocks += unreached(conv)
    return Section("gradients", Phrase("gradients.title"), tuple(blocks))


def unreached(conv: Conv) -> list[Block]:
    """The places of x that no window reaches, by axis."""
    blocks: list[Block] = []
    if conv.transposed:
        return blocks
    for number, axis in enumerate(conv.axes):
        places = [place + 1 for place, kind in enumerate(kinds(axis, "m")) if not kind]
        if places:
            chosen = [Word("…") if i is None else Word(str(places[i])) for i in kept(len(places), MOST_ROWS)]
            key = "gradients.unreached.only" if conv.ndim == 1 else "gradients.unreached.axis"
            values: dict[str, Value] = {"places": separated(chosen, wide=True), "axis": number + 1, "count": len(places)}
            blocks.append(Paragraph(Phrase(key if len(places) > 1 else f"{key}_one", values)))
    return blocks
