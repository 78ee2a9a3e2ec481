"""The index equations of a layer, read from the relation and the loss: 1-based, in letters or with the layer's numbers.

In the layer's own terms x is indexed by m and y by o; the relation's o side is y's, or x's when the layer is transposed.
Indices and sizes get the number of their axis where there are several axes, a size only if it is not the same on all.
"""

from __future__ import annotations

from collections.abc import Sequence

from symconv.algebra.integers import Const, Integer
from symconv.formulas.tree import TARGETS
from symconv.layer import relation
from symconv.layer.conv import Conv
from symconv.layer.loss import channel_labels, label_sizes
from symconv.mathematics.of_integers import FIRST, of_integer, one_based, simplified
from symconv.mathematics.tree import (
    Above,
    Below,
    Equation,
    Fence,
    Fraction,
    Math,
    Operator,
    Product,
    Row,
    Sum,
    Total,
    Word,
    separated,
)

__all__ = [
    "array_index", "computed", "gradient_equations", "index_condition", "indices", "label_totals", "letters",
    "loss_equation", "numbers", "only", "output_size", "output_totals", "remainder", "row", "several_channels",
    "shown_labels", "single_labels", "summed_indices", "totals_over", "window_index",
]  # fmt: skip

#: the relation's letters as the layer's own when it is transposed: the two sides change places
#: how many values a channel index takes, in letters; of one group where there are groups
COUNTS = {"n": "N", "g": "G", "f": "F", "c": "C"}

#: how many values an index of space takes
EXTENT = {"o": "O", "k": "K", "m": "H"}


def row(parts: tuple[Math, ...]) -> Math:
    """The parts beside each other."""
    return Row(parts) if len(parts) > 1 else parts[0]


def own(conv: Conv, letter: str) -> str:
    """A letter of the relation in the layer's terms."""
    return conv.kind.own(letter)


def letters(conv: Conv, axis: int) -> dict[str, Math]:
    """How the relation's indices and sizes are set on one axis."""
    result: dict[str, Math] = {}
    for letter in ("o", "k", "m", *relation.SIZES):
        same = letter in relation.SIZES and len({a.values[letter] for a in conv.axes}) == 1
        word = Word(own(conv, letter))
        result[letter] = word if conv.ndim == 1 or same else Below(word, Word(str(axis + 1)))
    return result


def numbers(conv: Conv, axis: int) -> dict[str, Math]:
    """The same with the numbers of the layer for the sizes."""
    values = conv.axes[axis].values
    return letters(conv, axis) | {name: of_integer(Const(value)) for name, value in values.items()}


# sizes ----------------------------------------------------------------------------------------------------------------


def output_size(conv: Conv, axis: int) -> Equation:
    """y's size: the formula, the numbers in it, the result."""
    size, name = (relation.PADDED_SIZE, "H") if conv.transposed else (relation.OUTPUT_SIZE, "O")
    return computed(conv, axis, name, size)


def remainder(conv: Conv, axis: int) -> Equation:
    """r: the formula, the numbers in it, the result."""
    return computed(conv, axis, "r", relation.REMAINDER)


def computed(conv: Conv, axis: int, name: str, e: Integer) -> Equation:
    """What ``name`` is: in letters, with the numbers of the layer, as a number."""
    value = int(e.evaluate(conv.axes[axis].values))
    return Equation.of(
        letters(conv, axis)[name],
        of_integer(e, letters(conv, axis)),
        of_integer(e, numbers(conv, axis)),
        of_integer(Const(value)),
    )


# indices --------------------------------------------------------------------------------------------------------------


def several_channels(conv: Conv) -> bool:
    return (conv.in_channels, conv.out_channels) != (1, 1)


def shown_labels(conv: Conv) -> str:
    """Those of the indices n, g, f, c that are written: all channel indices when there are several channels."""
    shown = {"n": conv.batch > 1, "g": conv.groups > 1, "f": several_channels(conv), "c": several_channels(conv)}
    return "".join(label for label in "ngfc" if shown[label])


def array_index(conv: Conv, array: str, space: Sequence[Math], single: str = "") -> Math:
    """An array with its channel indices and the given spatial ones; for the labels in ``single`` stands the first index."""
    shown = [
        _first() if label in single else Word(own(conv, label))
        for label in channel_labels(conv)[array]
        if label in shown_labels(conv)
    ]
    indices = [*shown, *space]
    return Below(Word(array), separated(indices)) if indices else Word(array)


def window_index(conv: Conv, axis: int, with_numbers: bool, over: str = "") -> Math:
    """The padded side's index that tap k of window o reads, 1-based: ``s(o - 1) + d(k - 1) + 1 - p``; with numbers, where the
    letter ``over`` has one value, that."""
    e = one_based(relation.INPUT_INDEX, ("o", "k"))
    if with_numbers:
        values = conv.axes[axis].values
        known = {name: values[name] for name in ("s", "d", "p")} | only(conv, axis, over)
        return of_integer(simplified(e, known), letters(conv, axis))
    return of_integer(e, letters(conv, axis))


def only(conv: Conv, axis: int, letter: str) -> dict[str, int]:
    """The one value of an index that has no other on this axis: a sum over it is a single term."""
    return {letter: FIRST.get()} if letter and conv.axes[axis].values[EXTENT[letter]] == 1 else {}


def _first() -> Math:
    return Word(str(FIRST.get()))


def summed_indices(conv: Conv, letter: str, with_numbers: bool) -> list[Math]:
    """The index of each axis in a sum over o, k or m; with numbers, its value where it has one only."""
    return [
        _first() if with_numbers and only(conv, axis, letter) else letters(conv, axis)[letter]
        for axis in range(conv.ndim)
    ]


def index_condition(conv: Conv, axis: int, with_numbers: bool) -> Math:
    """The relation itself, 1-based: ``s(o - 1) + d(k - 1) + 1 - p = m``."""
    return Row((window_index(conv, axis, with_numbers), Operator("="), letters(conv, axis)["m"]))


def indices(conv: Conv, letter: str) -> list[Math]:
    return [letters(conv, axis)[letter] for axis in range(conv.ndim)]


def totals_over(conv: Conv, letter: str, with_numbers: bool) -> list[Total]:
    """One sum for each axis over o, k or m; with numbers, where there is more than one value."""
    result = []
    for axis in range(conv.ndim):
        if with_numbers and only(conv, axis, letter):
            continue
        over = (numbers if with_numbers else letters)(conv, axis)[EXTENT[letter]]
        result.append(Total((_from_first(letters(conv, axis)[letter]),), _last(over)))
    return result


def _from_first(index: Math) -> Math:
    return Row((index, Operator("="), Word(str(FIRST.get()))))


def _last(count: Math) -> Math:
    """The last of so many indices."""
    if FIRST.get():
        return count
    if isinstance(count, Word) and count.text.isdigit():
        return Word(str(int(count.text) - 1))
    return Sum(((1, count), (-1, Word("1"))))


def single_labels(conv: Conv, labels: str, with_numbers: bool) -> str:
    """With numbers, those of the written channel indices among ``labels`` that have one value."""
    sizes = label_sizes(conv)
    return "".join(label for label in shown_labels(conv) if with_numbers and label in labels and sizes[label] == 1)


def label_totals(conv: Conv, labels: str, with_numbers: bool) -> list[Total]:
    """One sum for each of the written channel indices among ``labels``; with numbers, where there is more than one value."""
    result = []
    for label in shown_labels(conv):
        if label in labels and label not in single_labels(conv, labels, with_numbers):
            letter = own(conv, label)
            count: Math = Word(str(label_sizes(conv)[label])) if with_numbers else Word(COUNTS[letter])
            if conv.groups > 1 and letter in "fc" and not with_numbers:
                count = Row((Word(COUNTS[letter]), Word("/"), Word("G")))
            result.append(Total((_from_first(Word(letter)),), _last(count)))
    return result


def sides(conv: Conv) -> tuple[str, str]:
    """The names of the arrays on the strided and the padded side: ("y", "x"), or the reverse when transposed."""
    return conv.kind.strided, conv.kind.padded


def gradient_equations(conv: Conv, target: str, with_numbers: bool, narrow: bool = False) -> list[Equation]:
    """y, dx, dw or db as a sum over the relation, one factor of the loss left out.

    On the strided side the sum runs over the taps, for w over the windows, and on the padded side over the pairs of
    window and tap that meet in the entry. Where the index of the window would be too long to stand below (on ``narrow`` lines
    on two axes already), it is called m and has an equation of its own for each axis.
    """
    strided, padded = sides(conv)
    where: list[Equation] = []
    labels = channel_labels(conv)
    o, k, m = (indices(conv, letter) for letter in "okm")
    if target == "db":
        totals = [*label_totals(conv, "n", with_numbers), *output_totals(conv, with_numbers)]
        places = summed_indices(conv, conv.kind.side("y"), with_numbers)
        dy = array_index(conv, "dy", places, single_labels(conv, "n", with_numbers))
        return [Equation.of(array_index(conv, "db", []), row((*totals, dy)))]
    array = target.removeprefix("d")
    factors = TARGETS[target]
    summed = "".join(sorted(set("".join(labels[f] for f in factors)) - set(labels[array]), key="ngfc".index))
    totals = label_totals(conv, summed, with_numbers)
    space = {"w": k, strided: o, padded: m}
    over = {strided: "k", "w": "o"}.get(array)
    if over:
        totals += totals_over(conv, over, with_numbers)
        space[strided if over == "o" else "w"] = summed_indices(conv, over, with_numbers)
        windows = [window_index(conv, axis, with_numbers, over) for axis in range(conv.ndim)]
        space[padded] = windows
    else:
        totals.append(Total(tuple(index_condition(conv, axis, with_numbers) for axis in range(conv.ndim))))
    if over and conv.ndim > (2 if with_numbers and not narrow else 1):
        where = [Equation.of(m[axis], windows[axis]) for axis in range(conv.ndim)]
        space[padded] = m
    single = single_labels(conv, summed, with_numbers)
    product = Product(tuple(array_index(conv, f, space[f.removeprefix("d")], single) for f in factors), apart=True)
    body = row((*totals, product))
    if target == "y" and conv.bias:
        body = Sum(((1, body), (1, array_index(conv, "b", []))))
    return [Equation.of(array_index(conv, target, space[array]), body), *where]


def output_totals(conv: Conv, with_numbers: bool) -> list[Total]:
    """One sum over y for each axis."""
    return totals_over(conv, conv.kind.side("y"), with_numbers)


def loss_equation(conv: Conv, loss: str) -> Equation:
    """The loss in letters: ``L = sum dy*y``, or half the squared distance to t."""
    index = indices(conv, conv.kind.side("y"))
    y = array_index(conv, "y", index)
    labels = channel_labels(conv)["y"]
    totals = (*label_totals(conv, labels, False), *output_totals(conv, False))
    if loss == "squared":
        t = Below(Word("t"), y.sub) if isinstance(y, Below) else Word("t")
        body = Row((Fraction(Word("1"), Word("2")), *totals, Above(Fence(Sum(((1, y), (-1, t)))), Word("2"))))
        return Equation.of(Word("L"), body)
    return Equation.of(Word("L"), Row((*totals, Product((array_index(conv, "dy", index), y), apart=True))))


# entries --------------------------------------------------------------------------------------------------------------
