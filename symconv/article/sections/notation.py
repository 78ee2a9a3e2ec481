"""What the signs mean, each on a small example; what the layer is called; and what the article is beside other texts."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

from symconv.algebra.integers import Name
from symconv.article.blocks import Block, Code, Paragraph, Section, Table
from symconv.article.case import Case
from symconv.article.closed import formula_for
from symconv.article.companions import named
from symconv.article.listing import WIDTH
from symconv.formulas import tree
from symconv.formulas.values import Reading
from symconv.kernels.source import narrowed
from symconv.layer.conv import Axis, Conv
from symconv.layer.kind import KINDS
from symconv.mathematics.notation import OWN, Notation
from symconv.mathematics.of_integers import of_integer
from symconv.mathematics.tree import Below, Math, Matrix, Operator, Row, Sum, Word, separated
from symconv.prose import Phrase, Value

__all__ = ["bibtex", "called", "elsewhere", "in_pytorch", "notation", "references"]

#: works that the article stands beside, by their key in the prose; the last on the name of transposed layers
WORKS = ("dumoulin", "goodfellow", "lecun", "verdoolaege")


#: operations that are shown under another name
SIGNED = {"dilate": "up"}


def notation(conv: Conv) -> list[Block]:
    """The operations of this layer's closed formulas, each with what it does to ``[1 2 3]``."""
    rows = tuple(_row(name) for name in _met(conv))
    head = tuple(Phrase(f"notation.{name}") for name in ("example", "meaning"))
    kind = conv.kind.name
    return [Paragraph(Phrase(f"notation.called.{kind}")), Paragraph(Phrase("notation.intro")), Table(head, rows)]


def _met(conv: Conv) -> Iterator[str]:
    """The operations that do something in the formulas for y, dx and dw."""
    met = {"correlate"}
    for target in ("y", "dx", "dw"):
        formula = formula_for(conv, target)
        reading = Reading(conv, formula)
        for node in formula.body.walk():
            if isinstance(node, tree.Move):
                amounts = zip(node.operation.amounts, node.amounts, strict=True)
                moved = any(value != each.neutral for each, e in amounts for value in reading.per_axis(e))
                if moved or (not node.amounts and max(conv.kernel) > 1):
                    met.add(SIGNED.get(node.name, node.name))
            elif isinstance(node, tree.Correlate):
                met |= {"up"} if max(reading.per_axis(node.dilation)) > 1 else set()
                met |= {"down"} if max(reading.per_axis(node.stride)) > 1 else set()
    return (name for name in EXAMPLES if name in met)


def _list(*cells: Math | str) -> Math:
    return Matrix((tuple(Word(cell) if isinstance(cell, str) else cell for cell in cells),))


def _times(left: str, right: str) -> Math:
    return Row((Word(left), Word(" · "), Word(right)))


_SAMPLE = _list("1", "2", "3")

#: operation -> what it makes of ``[1 2 3]``
EXAMPLES: dict[str, Math] = {
    "correlate": Row((
        _SAMPLE, Operator("⋆"), _list("5", "7"), Operator("="),
        _list(Sum(((1, _times("1", "5")), (1, _times("2", "7")))), Sum(((1, _times("2", "5")), (1, _times("3", "7"))))),
    )),
    "flip": Row((Word("flip"), Word("("), _SAMPLE, Word(")"), Operator("="), _list("3", "2", "1"))),
    "pad": Row((
        Below(Word("pad"), separated([Word("1"), Word("2")])), Word("("), _SAMPLE, Word(")"), Operator("="),
        _list("0", "1", "2", "3", "0", "0"),
    )),
    "up": Row((_SAMPLE, Operator("↑"), Word("2"), Operator("="), _list("1", "0", "2", "0", "3"))),
    "down": Row((_SAMPLE, Operator("↓"), Word("2"), Operator("="), _list("1", "3"))),
}  # fmt: skip


def _row(name: str) -> tuple[Value, ...]:
    values: dict[str, Value] = {"gap": of_integer(Name("s") - 1)} if name == "up" else {}
    return (EXAMPLES[name], Phrase(f"notation.does.{name}", values))


def called(conv: Conv) -> list[Block]:
    """``valid``, ``same`` or ``full``, ``causal``, or what TensorFlow calls same, where every axis is that."""
    if conv.transposed:
        return []
    names = {named(axis) for axis in conv.axes}
    [name] = names if len(names) == 1 else [None]
    if name is None and conv.ndim == 1 and _causal(conv.axes[0]):
        name = "causal"
    if name is None and any(axis.s > 1 for axis in conv.axes) and all(map(_same_in_tensorflow, conv.axes)):
        name = "strided"
    return [Paragraph(Phrase(f"setting.called.{name}"))] if name else []


def _causal(axis: Axis) -> bool:
    return axis.s == 1 and axis.q == 0 and 0 < axis.p == axis.d * (axis.K - 1)


def _same_in_tensorflow(axis: Axis) -> bool:
    """As many outputs as strides begin in the input, the padding that this takes halved, the odd one after."""
    total = (axis.O - 1) * axis.s + axis.d * (axis.K - 1) + 1 - axis.H
    return -(-axis.H // axis.s) == axis.O and total > 0 and (axis.p, axis.q) == (total // 2, total - total // 2)


def in_pytorch(conv: Conv, own: Notation = OWN) -> str | None:
    """The call of ``torch.nn.functional`` that computes dx from dy and w; None where PyTorch has none.

    >>> in_pytorch(Conv(input=6, kernel=3, stride=2))
    'dx = torch.nn.functional.conv_transpose1d(dy, w, stride=2, output_padding=1)'
    """
    if conv.ndim > 3 or any(p != q for p, q in conv.padding):
        return None
    function = f"{KINDS[not conv.transposed].stem}{conv.ndim}d"
    r = (0,) * conv.ndim if conv.transposed else conv.remainder
    options = {"stride": (conv.stride, 1), "padding": (tuple(p for p, _ in conv.padding), 0), "output_padding": (r, 0),
               "dilation": (conv.dilation, 1)}  # fmt: skip
    said = [
        f"{name}={values[0] if len(set(values)) == 1 else values}"
        for name, (values, usual) in options.items()
        if set(values) != {usual}
    ]
    if conv.groups > 1:
        said.append(f"groups={conv.groups}")
    dx, dy, w = (own.identifier(name) for name in ("dx", "dy", "w"))
    return narrowed(f"{dx} = torch.nn.functional.{function}({', '.join([dy, w, *said])})", WIDTH)


def elsewhere(conv: Conv, own: Notation = OWN) -> list[Block]:
    """That the gradient of one layer is the forward pass of the other, with the call."""
    call = in_pytorch(conv, own)
    if call is None:
        return []
    kind = "transposed" if conv.transposed else "remainder" if any(conv.remainder) else "convolution"
    return [Paragraph(Phrase(f"summary.elsewhere.{kind}")), Code(call, "python")]


def bibtex() -> str:
    """The works that articles cite, as a file of BibTeX."""
    return resources.files("symconv.article").joinpath("references.bib").read_text(encoding="utf-8")


def references(case: Case) -> Section:
    """Works to read beside the article."""
    works = [*WORKS, *(["zeiler"] if case.conv.transposed else [])]
    said = tuple(Paragraph(Phrase(f"references.{work}")) for work in works)
    return Section("references", Phrase("references.title"), said)
