"""The first section: what is given and what is sought, how large everything is, and how large the output."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from symconv.algebra.integers import Const, Name
from symconv.algebra.symbols import symbol
from symconv.article.blocks import Block, Equations, Gap, Paragraph, Section, Table
from symconv.article.case import Case
from symconv.article.equations import loss_equation, output_size, remainder, shown_labels
from symconv.article.sections.notation import called, notation
from symconv.article.selection import MOST_ENTRIES, selected, with_gaps
from symconv.layer.conv import Conv
from symconv.layer.gradients import loss_expression
from symconv.layer.loss import channel_labels
from symconv.layer.padding import FILLER
from symconv.mathematics.entries import entry
from symconv.mathematics.notation import Notation
from symconv.mathematics.of_integers import FIRST, of_integer
from symconv.mathematics.tree import Below, Equation, Math, Operator, Row, Sum, Word, separated
from symconv.prose import Phrase, Value

__all__ = ["counts", "crossed", "layer_of", "listed", "named", "setting", "sizes_of", "subtitle", "title"]

#: the columns of the table of sizes: a letter, in the layer's terms, and whether it is shown when it has its usual value
SIZES = {"H": None, "K": None, "s": 1, "d": 1, "p": 0, "q": 0, "O": None, "r": 0}


def number(value: int) -> Math:
    return of_integer(Const(value))


def crossed(values: tuple[int, ...]) -> Math:
    """(5, 6) as 5 × 6."""
    parts: list[Math] = []
    for value in values:
        parts += [Operator("×"), number(value)] if parts else [number(value)]
    return Row(tuple(parts)) if len(parts) > 1 else parts[0]


def title(conv: Conv) -> Phrase:
    return Phrase(f"title.{conv.kind.name}")


def named(conv: Conv) -> Phrase:
    """What the border of a layer is called."""
    return Phrase(f"border.mode.{conv.padding_mode}", {"v": entry(conv, FILLER, ())})


def subtitle(conv: Conv) -> tuple[Phrase, ...]:
    """What makes the layer what it is; what has its usual value is not said."""
    said = [
        Phrase("subtitle.input", {"size": crossed(conv.input)}),
        Phrase("subtitle.kernel", {"size": crossed(conv.kernel)}),
    ]
    if any(s != 1 for s in conv.stride):
        said.append(Phrase("subtitle.stride", {"size": _per_axis(conv.stride)}))
    if any(p != (0, 0) for p in conv.padding):
        if all(p == q for p, q in conv.padding):
            said.append(Phrase("subtitle.padding", {"size": _per_axis(tuple(p for p, _ in conv.padding))}))
        else:
            before, after = zip(*conv.padding, strict=True)
            said.append(Phrase("subtitle.two_paddings", {"before": _per_axis(before), "after": _per_axis(after)}))
    if conv.mode.counts_outside:
        said.append(Phrase("subtitle.border", {"mode": named(conv)}))
    if any(d != 1 for d in conv.dilation):
        said.append(Phrase("subtitle.dilation", {"size": _per_axis(conv.dilation)}))
    if any(conv.output_padding):
        said.append(Phrase("subtitle.output_padding", {"size": _per_axis(conv.output_padding)}))
    for name, value in (("batch", conv.batch), ("in_channels", conv.in_channels), ("out_channels", conv.out_channels),
                        ("groups", conv.groups)):  # fmt: skip
        if value != 1:
            said.append(Phrase(f"subtitle.{name}", {"count": value}))
    if not conv.bias:
        said.append(Phrase("subtitle.no_bias"))
    return tuple(said)


def sizes_of(conv: Conv) -> Math:
    """The sizes of a layer: ``H = 4, K = 2``, and the others where they are not the usual ones; ``H = 4 × 5`` on two axes."""
    values = {name: tuple(conv.sizes(axis)[name] for axis in range(conv.ndim)) for name in SIZES}
    of_others = "O" if conv.transposed else "Or"  # the remainder follows from the others, an output padding does not
    shown = [name for name, usual in SIZES.items() if name not in of_others and set(values[name]) != {usual}]
    return separated([Row((Word(name), Operator("="), _per_axis(values[name]))) for name in shown], wide=True)


def counts(conv: Conv) -> Math:
    """``N = 2, C = 4, F = 3``: how many there are of what is written as an index; G of groups."""
    known = {
        "n": ("N", conv.batch),
        "c": ("C", conv.in_channels),
        "f": ("F", conv.out_channels),
        "g": ("G", conv.groups),
    }
    shown = (known[label] for label in "ncfg" if label in shown_labels(conv))
    return separated([Row((Word(name), Operator("="), Word(str(count)))) for name, count in shown], wide=True)


def _per_axis(values: tuple[int, ...]) -> Math:
    return crossed(values[:1] if len(set(values)) == 1 else values)


def setting(case: Case) -> Section:
    conv = case.conv
    intro = Paragraph(Phrase("setting.intro.bias" if conv.bias else "setting.intro.plain", {"first": FIRST.get()}))
    signs = notation(conv) if case.full else notation(conv)[:1]
    blocks: list[Block] = [intro, *signs]
    if case.full:
        blocks += [Paragraph(Phrase("setting.arrays_intro")), _arrays(conv, case.notation)]
    if shown_labels(conv):
        blocks.append(Paragraph(Phrase("setting.order_is", {"order": _order(conv)})))
    if conv.groups > 1:
        blocks.append(Paragraph(Phrase("setting.groups", {
            "groups": conv.groups, "inputs": counted("inputs", conv.in_channels // conv.groups),
            "filters": counted("filters", conv.out_channels // conv.groups),
            "input": numbered_through("c", conv.in_channels // conv.groups),
            "filter": numbered_through("f", conv.out_channels // conv.groups),
        })))  # fmt: skip
    blocks += [Paragraph(Phrase("setting.sizes_intro")), _sizes(conv, case.notation)]
    if others := [_letter(conv, *each) for each in _others(conv)]:
        blocks.append(Paragraph(Phrase("setting.others", {"letters": listed(others)})))
    kind = "transposed" if conv.transposed else "dilated" if any(d > 1 for d in conv.dilation) else "convolution"
    blocks.append(Paragraph(Phrase(f"setting.output.{kind}")))
    blocks.append(Equations.of(*_once(conv, output_size), label="size"))
    blocks += called(conv)
    if any(conv.remainder):
        if conv.transposed:
            blocks.append(Paragraph(Phrase("setting.output_padding")))
        else:
            blocks += [Paragraph(Phrase("setting.remainder")), Equations.of(*_once(conv, remainder), label="remainder")]
    blocks.append(Paragraph(Phrase(f"setting.loss.{case.loss}")))
    blocks.append(Equations.of(loss_equation(conv, case.loss), label="loss"))
    if case.loss == "squared":
        blocks += [Paragraph(Phrase("setting.upstream")), Equations(tuple(upstream_of_squared(conv)))]
    blocks.append(Paragraph(Phrase("setting.sought.bias" if conv.bias else "setting.sought.plain")))
    return Section("setting", Phrase("setting.title"), tuple(blocks))


def _arrays(conv: Conv, own: Notation) -> Table:
    """Each array with its shape and its entries from the first to the last; gradients too that have letters of their own."""
    rows: list[tuple[Value, ...]] = []
    for array in ("x", "w", "b", "y", "dy", *(name for name in ("dx", "dw", "db") if name in own.letters)):
        if array[-1] == "b" and not conv.bias:
            continue
        shape = conv.shapes[array]
        first, last = (entry(conv, array, index) for index in ([0] * len(shape), [n - 1 for n in shape]))
        between = [Word("…")] if math.prod(shape) > 2 else []
        entries = first if first == last else separated([first, *between, last], wide=True)
        written = tuple(n for n, shown in zip(shape, written_axes(conv, array), strict=True) if shown)
        rows.append((Word(array), Phrase(f"array.{array}"), crossed(written or (1,)), entries))
    head = tuple(Phrase(f"setting.arrays.{name}") for name in ("array", "meaning", "shape", "entries"))
    return Table(head, tuple(rows))


def written_axes(conv: Conv, array: str) -> list[bool]:
    """Which of an array's axes have an index in the names of its entries: all of space, and channels that are written."""
    shown = [
        bool(set(label) & set(shown_labels(conv)))
        for label in channel_labels(conv)[array].replace("gf", "f").replace("gc", "c")
    ]
    return shown + [True] * (len(conv.shapes[array]) - len(shown))


def counted(name: str, count: int) -> Phrase:
    """``one filter``, ``3 filters``."""
    return Phrase(f"count.{name}.{'one' if count == 1 else 'several'}", {} if count == 1 else {"count": count})


def numbered_through(letter: str, count: int) -> Math:
    """The number, among all channels, of channel ``letter`` of group g: ``(g - 1)*count + letter``."""
    return of_integer((Name("g") - FIRST.get()) * count + Name(letter)) if count > 1 else Word("g")


def _order(conv: Conv) -> Phrase:
    """The order of the indices that are written, and what is left out."""
    shown = shown_labels(conv)
    if "c" not in shown:
        return Phrase("setting.order.images")
    kind = conv.kind.name
    order = Phrase(f"setting.order.{'both' if 'n' in shown else 'channels'}.{kind}")
    if conv.bias and conv.out_channels == 1:
        return Phrase("setting.order.and_one_bias", {"order": order})
    return order


def _listed_sizes(conv: Conv) -> list[str]:
    """The letters of the table: the others have their usual values."""
    shown = [
        name
        for name, usual in SIZES.items()
        if usual is None or any(conv.sizes(a)[name] != usual for a in range(conv.ndim))
    ]
    return [name for name in SIZES if name in shown or (name in "pq" and {"p", "q"} & set(shown))]


def _others(conv: Conv) -> list[tuple[str, int]]:
    """The letters of formulas that the table leaves out, with their values: channels and what is usual."""
    channels = {
        "n": ("N", conv.batch),
        "c": ("C", conv.in_channels),
        "f": ("F", conv.out_channels),
        "g": ("G", conv.groups),
    }
    listed_there = _listed_sizes(conv)
    usual = [(name, value) for name, value in SIZES.items() if value is not None and name not in (*listed_there, "q")]
    return [*(channels[label] for label in "ncfg" if label in shown_labels(conv)), *usual]


def _letter(conv: Conv, name: str, value: int) -> Phrase:
    """``s = 1 (stride)``; the paddings, which are left out together, ``p = q = 0 (padding)``."""
    key = f"letter_transposed.{name}" if conv.transposed and name == "r" else f"letter.{name}"
    letters = "pq" if name == "p" else name
    equal = [part for letter in letters for part in (Word(letter), Operator("="))]
    return Phrase(key, {"is": Row((*equal, number(value)))})


def layer_of(conv: Conv) -> Value:
    """The numbers of channels, where there are several, and the sizes."""
    return listed([*([counts(conv)] if shown_labels(conv) else []), sizes_of(conv)])


def listed(items: Sequence[Value]) -> Value:
    """The phrases with commas between them."""
    first, *rest = items
    return Phrase("list.comma", {"first": first, "rest": listed(rest)}) if rest else first


def _sizes(conv: Conv, own: Notation) -> Table:
    shown = _listed_sizes(conv)
    rows: list[tuple[Value, ...]] = []
    for name in shown:
        values = [conv.sizes(axis)[name] for axis in range(conv.ndim)]
        meaning = f"size_transposed.{name}" if conv.transposed and name in "rpq" else f"size.{name}"
        several = conv.ndim > 1 and len(own.letters.get(name, "")) > 1  # a letter for each axis
        letters = [Below(Word(name), number(axis + 1)) for axis in range(conv.ndim)] if several else [Word(name)]
        rows.append((separated(letters), Phrase(meaning), *values))
    axes: tuple[Phrase, ...] = (Phrase("setting.sizes.value"),)
    if conv.ndim > 1:
        axes = tuple(Phrase("setting.sizes.axis", {"axis": axis + 1}) for axis in range(conv.ndim))
    head = (Phrase("setting.sizes.size"), Phrase("setting.sizes.meaning"), *axes)
    return Table(head, tuple(rows), numbers=tuple(range(2, 2 + conv.ndim)))


def _once(conv: Conv, equation: Callable[[Conv, int], Equation]) -> list[Equation]:
    """The equation of every axis, those alike said once; what differs on the right has the number of its axis on the left."""
    each = [equation(conv, axis) for axis in range(conv.ndim)]
    if len({line.left for line in each}) < len(set(each)):
        each = [replace(line, left=Below(line.left, number(axis + 1))) for axis, line in enumerate(each)]
    return list(dict.fromkeys(each))


def upstream_of_squared(conv: Conv) -> list[Equation | Gap]:
    """dy by differentiating the squared loss by the entries of y."""
    expression = loss_expression(conv, "squared")
    size = int(np.prod(conv.y_shape))
    names = {symbol(conv, array, i): (array, i) for array in ("y", "t") for i in range(size)}

    def show(flat: int) -> Equation:
        index = [int(i) for i in np.unravel_index(flat, conv.y_shape)]
        terms = []
        for variable, coefficient in expression.diff(symbol(conv, "y", flat)).expand().as_coefficients_dict().items():
            array, number = names[variable]
            at = [int(i) for i in np.unravel_index(number, conv.shapes[array])]
            terms.append((int(coefficient), entry(conv, array, at), array))
        terms.sort(key=lambda term: term[2] != "y")
        side = Sum(tuple((coefficient, name) for coefficient, name, _ in terms))
        return Equation.of(entry(conv, "dy", index), side)

    chosen = selected(conv, "y")[: MOST_ENTRIES // 2] if size > MOST_ENTRIES // 2 else list(range(size))
    return with_gaps(chosen, size, show)
