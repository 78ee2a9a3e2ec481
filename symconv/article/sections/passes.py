"""The forward pass, one dimension in full, and the gradients from the chain rule to their entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from symconv.algebra.terms import MultilinearArray
from symconv.article.blocks import Block, Equations, Paragraph, Picture, Section
from symconv.article.case import Case
from symconv.article.companions import is_line
from symconv.article.drawing import drawn
from symconv.article.equations import gradient_equations
from symconv.article.reasoning import against, chain, extended, kronecker, solved, typical
from symconv.article.sections.setting import layer_of, listed, sizes_of
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
    places,
    selected,
    with_gaps,
)  # fmt: skip
from symconv.layer.conv import Axis, Conv
from symconv.layer.padding import FILLER
from symconv.mathematics.entries import entry, terms_sum
from symconv.mathematics.of_integers import FIRST
from symconv.mathematics.tree import Above, Equation, Fence, Fraction, Math, Matrix, Product, Row, Sum, Word
from symconv.prose import Phrase, Reference, Value

__all__ = ["forward", "gradients", "jacobians", "unreached", "written_out"]

#: a Jacobian with more rows or columns is not drawn out again in its product with dy
MOST_DRAWN_OUT = 9


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
        occurring = tuple(Phrase(f"elided.kind.{kind}") for kind in other_kinds(conv, target))
        said = (
            Phrase("elided.kinds", {**values, "kinds": listed(occurring)})
            if occurring
            else Phrase("elided.first", values)
        )
        blocks.append(Paragraph(said))
    if cut:
        blocks.append(Paragraph(Phrase("elided.terms", {"most": MOST_TERMS})))
    return blocks


def other_kinds(conv: Conv, target: str) -> Iterator[str]:
    """Which kinds of sum occur beside that of an inside entry: ``cut`` short at an edge, of another ``phase`` of the stride,
    ``empty``."""
    array = target.removeprefix("d")
    # a border of rows cuts nothing off, and one of a constant only what acts through x
    if array == "b" or conv.mode.moves_rows or (conv.mode.filled and target != "dx"):
        return
    side = conv.kind.side(array)
    axes = [(axis, kinds(axis, side)) for axis in conv.axes]
    if any(0 < len(kind) < whole(axis, side, place) for axis, found in axes for place, kind in enumerate(found)):
        yield "cut"
    if side == "m" and any(axis.s > 1 and axis.O > 1 and axis.K > 1 for axis in conv.axes):
        yield "phase"
    if any(not kind for _, found in axes for kind in found):
        yield "empty"


def whole(axis: Axis, side: str, place: int) -> int:
    """How many terms the sum at a place would have if the arrays went on beyond their edges."""
    if side == "m":
        return sum((place + axis.p - axis.d * k) % axis.s == 0 for k in range(axis.K))
    return axis.K if side == "o" else axis.O


def general(case: Case, target: str, label: str, letters: bool = True) -> Equations:
    """The index equation in letters and, under it, with the layer's numbers; without ``letters`` the latter alone."""
    first = gradient_equations(case.conv, target, False) if letters else ()
    return Equations.of(*first, *gradient_equations(case.conv, target, True, case.narrow), label=label)


def forward(case: Case) -> Section:
    conv = case.conv
    kind = conv.kind.name
    blocks: list[Block] = [Paragraph(Phrase(f"forward.intro.{kind}")), general(case, "y", "forward")]
    if any(p or q for p, q in conv.padding):
        outside = "constant" if conv.mode.filled else "border" if conv.mode.moves_rows else kind
        blocks.append(Paragraph(Phrase(f"forward.outside.{outside}", {"v": entry(conv, FILLER, ())})))
    blocks.append(Picture("window"))
    if not case.full:
        return Section("forward", Phrase("forward.title"), tuple(blocks))
    return Section("forward", Phrase("forward.title"), (*blocks, *written_out(case, ("y",))))


def written_out(case: Case, targets: Sequence[str], led: bool = True) -> list[Block]:
    """The entries of the targets; where the layer is too large for it those of one like it, which is said, as is what comes where
    it is ``led`` to them."""
    told = case.told
    blocks: list[Block] = [Paragraph(Phrase("forward.entries"))] if led else []
    if told is not case:
        blocks = [Paragraph(Phrase("forward.entries_short", {"layer": layer_of(told.conv)}))]
    for target in targets:
        blocks += entry_equations(told.conv, target, told.gradients.terms(target))
    return blocks


def partial(array: str) -> Math:
    """The Jacobian of y by ``array`` as it is written."""
    return Fraction(Row((Word("∂"), Word("y"))), Row((Word("∂"), Word(array))))


def jacobians(case: Case) -> Section:
    """One dimension in full: Jacobians, products, entries, and what these are recognised as."""
    line = case.line
    conv = line.conv
    blocks: list[Block] = []
    if line is case:
        blocks.append(Paragraph(Phrase("jacobians.own")))
    else:
        kind = conv.kind.name
        said = "long" if case.conv.ndim == 1 else "line" if conv.axes[0] in case.conv.axes else "short"
        sentences = [Phrase(f"jacobians.{said}.{kind}", {"layer": sizes_of(conv)})]
        if case.full:
            sentences.append(Phrase("jacobians.reads"))
        blocks.append(Paragraph(Phrase("list.sentences", {"sentences": tuple(sentences)})))
        if case.full:
            blocks.append(entry_equations(conv, "y", line.gradients.terms("y"))[0])
    blocks.append(Paragraph(Phrase("jacobians.intro")))
    arrays = [target.removeprefix("d") for target in case.targets]
    drawn_out = [block for array in (arrays if case.full else arrays[-1:]) for block in jacobian(line, array)]
    if all(isinstance(block, Equations) for block in drawn_out):
        drawn_out = [
            Equations(tuple(row for block in drawn_out if isinstance(block, Equations) for row in block.lines))
        ]
    blocks += drawn_out
    layer = "border" if conv.mode.moves_rows else conv.kind.name
    blocks.append(Paragraph(Phrase(f"jacobians.band.{layer}", {"jacobian": partial("x")})))
    if is_line(case.conv):
        blocks.append(Picture("jacobian"))
    blocks.append(Paragraph(Phrase("jacobians.chain")))
    told = arrays if case.full else arrays[-1:]
    blocks.append(Equations(tuple(product(line, array, case.full) for array in told)))
    for target in case.targets if case.full else ():
        entries = f"jacobians.entries.{target}" + ("_border" if target == "dx" and layer == "border" else "")
        blocks += [Paragraph(Phrase(entries)), *entry_equations(conv, target, line.gradients.terms(target))]
    if conv.mode.counts_outside:  # recognised in the section on the border
        return Section("jacobians", Phrase("jacobians.title"), tuple(blocks))
    blocks += [Paragraph(Phrase(f"jacobians.recognised.{layer}")), *drawn(line, ("dw", "dx"))]
    return Section("jacobians", Phrase("jacobians.title"), tuple(blocks))


def product(case: Case, array: str, drawn_out: bool) -> Equation:
    """A gradient as the transposed Jacobian times dy; ``drawn_out`` as matrices too, where they are small."""
    conv = case.conv
    short = Product((Above(Fence(partial(array)), Word("⊤")), Word("dy")))
    rows, columns = conv.output[0], int(np.prod(conv.shapes[array]))
    if not drawn_out or max(rows, columns) > MOST_DRAWN_OUT:
        return Equation.of(Word(f"d{array}"), short)
    cells = jacobian_cells(case, array)
    transposed = Matrix(tuple(tuple(cells(i, j) for i in range(rows)) for j in range(columns)))
    dy = Matrix(tuple((entry(conv, "dy", (0, 0, i)),) for i in range(rows)))
    return Equation.of(Word(f"d{array}"), short, Row((transposed, dy)))


def jacobian_cells(case: Case, array: str) -> Callable[[int, int], Math]:
    """The entries of the Jacobian of y by ``array``, by row and column."""
    conv, terms = case.conv, case.gradients.jacobian(array)

    def cell(i: int, j: int) -> Math:
        at = (*np.unravel_index(i, conv.y_shape), *np.unravel_index(j, conv.shapes[array]))
        return terms_sum(conv, terms.terms_of([int(v) for v in at]))

    return cell


def jacobian(case: Case, array: str) -> list[Block]:
    conv = case.conv
    terms, cell = case.gradients.jacobian(array), jacobian_cells(case, array)
    rows, columns = int(np.prod(conv.y_shape)), int(np.prod(conv.shapes[array]))
    widest = max((name_length(conv, a) for block in terms.blocks for a in block.arrays), default=1)
    most = (MOST_ROWS if rows > MOST_ENTRIES else rows, columns_that_fit(widest, case.budget))
    blocks: list[Block] = [Equations.of(Equation.of(partial(array), elided_matrix(rows, columns, cell, most)))]
    shown = [len([i for i in kept(n, m) if i is not None]) for n, m in ((rows, most[0]), (columns, most[1]))]
    if shown != [rows, columns]:
        blocks.append(Paragraph(Phrase("elided.matrix", {
            "rows": shown[0], "all_rows": rows, "columns": shown[1], "all_columns": columns})))  # fmt: skip
    return blocks


def gradients(case: Case) -> Section:
    """The index derivation, step by step, then the entries and the pictures that it comes to."""
    conv = case.conv
    intro = (Phrase("gradients.intro"), *([Phrase("gradients.symbols")] if case.full else []))
    blocks: list[Block] = [Paragraph(Phrase("list.sentences", {"sentences": intro}))]
    if conv.bias:
        blocks += [Paragraph(Phrase("gradients.db")), general(case, "db", "db", case.full)]
    layer = conv.kind.name
    blocks += [Paragraph(Phrase(f"gradients.dw.{layer}")), general(case, "dw", "dw", case.full), Picture("weights")]
    blocks += index_derivation(case)
    blocks += windows_of_entries(case) if case.full else []
    if case.line is not case and not case.full:
        blocks += unreached(conv)
    elif case.line is not case:
        blocks += written_out(case, case.targets)
        blocks += unreached(conv)
        shown = Phrase("gradients.drawn")
        if case.short is not case:
            shown = Phrase("gradients.drawn_short", {"layer": sizes_of(case.short.conv)})
        blocks += [Paragraph(shown), *drawn(case.short, ("dw", "dx"))]
    else:
        blocks += unreached(conv)
    return Section("gradients", Phrase("gradients.title"), tuple(blocks))


def index_derivation(case: Case) -> list[Block]:
    """dx from the chain rule to the sum that is left, conditions in brackets or by a Kronecker symbol; of a full case the sum
    over pairs too, where it is another."""
    conv, full, iverson = case.conv, case.full, case.notation.iverson
    layer = conv.kind.name
    axes = range(conv.ndim)
    forward = Reference("forward", Phrase("reference.forward"))
    blocks: list[Block] = [
        Paragraph(Phrase("gradients.chain")),
        Equations.of(chain(conv), label="chain"),
        Paragraph(
            Phrase(
                "list.sentences",
                {
                    "sentences": (
                        Phrase(f"gradients.enters.{layer}", {"forward": forward}),
                        Phrase("gradients.iverson" if iverson else "gradients.kronecker"),
                    )
                },
            )
        ),
        Equations.of(*kronecker(conv), label="kronecker"),
        *([Picture("jacobian")] if not is_line(conv) else []),
        Paragraph(Phrase(f"gradients.solve.{layer}")),
    ]
    pairs = zip(*([solved(conv, axis, numbers) for axis in axes] for numbers in (False, True)), strict=True)
    blocks.append(Equations(tuple(dict.fromkeys(
        Equation(letters.left, (*letters.steps, *(step for step in numbers.steps if step not in letters.steps)))
        for letters, numbers in pairs)), "tap"))  # fmt: skip
    values: dict[str, Value] = {"chain": Reference("chain", Phrase("reference.chain")),
                                "kronecker": Reference("kronecker", Phrase("reference.kronecker"))}  # fmt: skip
    first = FIRST.get()
    last: Math = Word("K") if first else Sum(((1, Word("K")), (-1, Word("1"))))
    survive = Phrase(f"gradients.survive.{layer}", {**values, "first": first, "last": last})
    if conv.transposed:
        dx = general(case, "dx", "dx", full)
        return [*blocks, Paragraph(survive), dx, Paragraph(Phrase("gradients.unflipped")), Picture("backward")]
    fractions = [Phrase("gradients.fractions")] if any(axis.d > 1 for axis in conv.axes) else []
    said = (survive, *fractions, Phrase("gradients.substituted", values))
    pairs_of_dx: list[Block] = [Paragraph(Phrase("gradients.pairs")), general(case, "dx", "dx")] if full else []
    return [
        *blocks,
        Paragraph(Phrase("list.sentences", {"sentences": said})),
        Equations((*(extended(conv, False)[:1] if full else ()), *extended(conv, True, case.narrow)), "extended"),
        Paragraph(Phrase("gradients.flipped")),
        Picture("backward"),
        *pairs_of_dx,
    ]


def windows_of_entries(case: Case) -> list[Block]:
    """The corners, an edge and an inside entry of dx, each as dy against the kernel; of a shorter layer like it where the lines
    would be too wide."""
    if case.conv.ndim > 2:
        return []
    told = case.told
    conv, shown = told.conv, _drawn_out(told)
    if any(line is None for _, line in shown):
        conv, shown = told.short.conv, _drawn_out(told.short)
    lines = [(index, *line) for index, line in shown if line is not None]
    if not lines:
        return []
    layer = conv.kind.name
    values: dict[str, Value] = {"entries": listed([Phrase(f"gradients.place.{_placed(conv, i)}") for i, *_ in lines])}
    said = (Phrase(f"gradients.against.{layer}", values), Phrase("gradients.shown", values))
    if conv != case.conv:
        said = (said[0], Phrase("gradients.shown_short", {**values, "layer": sizes_of(conv)}))
    blocks: list[Block] = [Paragraph(Phrase("list.sentences", {"sentences": said}))]
    blocks.append(Equations(tuple(line for _, line, _ in lines)))
    if any(len(line.steps) > 2 for _, line, _ in lines):
        blocks.append(Paragraph(Phrase("gradients.struck")))
    if any(cut for *_, cut in lines):
        blocks.append(Paragraph(Phrase("gradients.cut")))
    return blocks


def _drawn_out(case: Case) -> list[tuple[tuple[int, ...], tuple[Equation, bool] | None]]:
    side = case.conv.kind.side("x")
    inside = [places(axis, side)[0] for axis in case.conv.axes]
    return [(index, against(case, index)) for index in typical(case.conv, inside)]


def _placed(conv: Conv, index: Sequence[int]) -> str:
    """Where an entry of x lies: ``first`` or ``last`` of a single axis, a ``corner``, an ``edge``, or ``inside``."""
    at = [
        (0, n - 1).index(i) if i in (0, n - 1) else None for i, n in zip(index[-conv.ndim :], conv.input, strict=True)
    ]
    if all(end is None for end in at):
        return "inside"
    if conv.ndim == 1:
        return "last" if at[0] else "first"
    if None in at:
        return "edge"
    return "last_corner" if all(at) else "corner"


def unreached(conv: Conv) -> list[Block]:
    """The places of x that no window reaches, by axis."""
    blocks: list[Block] = []
    if conv.transposed:
        return blocks
    for number, axis in enumerate(conv.axes):
        places = [place + FIRST.get() for place, kind in enumerate(kinds(axis, "m")) if not kind]
        if places:
            chosen = [Word("…") if i is None else Word(str(places[i])) for i in kept(len(places), MOST_ROWS)]
            key = "gradients.unreached.only" if conv.ndim == 1 else "gradients.unreached.axis"
            values: dict[str, Value] = {
                "places": listed(chosen),
                "axis": number + 1,
                "count": len(places),
            }
            blocks.append(Paragraph(Phrase(key if len(places) > 1 else f"{key}_one", values)))
    return blocks
