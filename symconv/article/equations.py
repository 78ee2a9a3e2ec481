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
    "loss_equation", "numbers", "output_size", "output_totals", "remainder", "several_channels", "shown_labels",
    "totals_over", "window_index",
]  # fmt: skip

#: the relation's letters as the layer's own when it is transposed: the two sides change places
#: how many values a channel index takes, in letters; of one group where there are groups
COUNTS = {"n": "N", "g": "G", "f": "F", "c": "C"}


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


def array_index(conv: Conv, array: str, space: Sequence[Math]) -> Math:
    """An array with its channel indices and the given spatial ones."""
    shown = [Word(own(conv, label)) for label in channel_labels(conv)[array] if label in shown_labels(conv)]
    indices = [*shown, *space]
    return Below(Word(array), separated(indices)) if indices else Word(array)


def window_index(conv: Conv, axis: int, with_numbers: bool) -> Math:
    """The padded side's index that tap k of window o reads, 1-based: ``s(o - 1) + d(k - 1) + 1 - p``."""
    e = one_based(relation.INPUT_INDEX, ("o", "k"))
    if with_numbers:
        values = conv.axes[axis].values
        return of_integer(simplified(e, {name: values[name] for name in ("s", "d", "p")}), letters(conv, axis))
    return of_integer(e, letters(conv, axis))


def index_condition(conv: Conv, axis: int, with_numbers: bool) -> Math:
    """The relation itself, 1-based: ``s(o - 1) + d(k - 1) + 1 - p = m``."""
    return Row((window_index(conv, axis, with_numbers), Operator("="), letters(conv, axis)["m"]))


def indices(conv: Conv, letter: str) -> list[Math]:
    return [letters(conv, axis)[letter] for axis in range(conv.ndim)]


def totals_over(conv: Conv, letter: str, with_numbers: bool) -> list[Total]:
    """One sum for each axis over o or k."""
    extent = {"o": "O", "k": "K"}[letter]
    result = []
    for axis in range(conv.ndim):
        over = (numbers if with_numbers else letters)(conv, axis)[extent]
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


def label_totals(conv: Conv, labels: str, with_numbers: bool) -> list[Total]:
    """One sum for each of the written channel indices among ``labels``."""
    result = []
    for label in shown_labels(conv):
        if label in labels:
            letter = own(conv, label)
            count: Math = Word(str(label_sizes(conv)[label])) if with_numbers else Word(COUNTS[letter])
            if conv.groups > 1 and letter in "fc" and not with_numbers:
                count = Row((Word(COUNTS[letter]), Word("/"), Word("G")))
            result.append(Total((_from_first(Word(letter)),), _last(count)))
    return result


def sides(conv: Conv) -> tuple[str, str]:
    """The names of the arrays on the strided and the padded side: ("y", "x"), or the reverse when transposed."""
    return conv.kind.strided, conv.kind.padded


def gradient_equations(conv: Conv, target: str, with_numbers: bool) -> list[Equation]:
    """y, dx, dw or db as a sum over the relation, one factor of the loss left out.

    On the strided side the sum runs over the taps, for w over the windows, and on the padded side over the pairs of
    window and tap that meet in the entry. Where the index of the window would be too long to stand below, it is called m and
    has an equation of its own for each axis.
    """
    strided, padded = sides(conv)
    windows = [window_index(conv, axis, with_numbers) for axis in range(conv.ndim)]
    where: list[Equation] = []
    labels = channel_labels(conv)
    o, k, m = (indices(conv, letter) for letter in "okm")
    if target == "db":
        totals = [*label_totals(conv, "n", with_numbers), *output_totals(conv, with_numbers)]
        dy = array_index(conv, "dy", indices(conv, conv.kind.side("y")))
        return [Equation.of(array_index(conv, "db", []), Row((*totals, dy)))]
    array = target.removeprefix("d")
    factors = TARGETS[target]
    summed = "".join(sorted(set("".join(labels[f] for f in factors)) - set(labels[array]), key="ngfc".index))
    totals = label_totals(conv, summed, with_numbers)
    space = {"w": k, strided: o, padded: m}
    if array == strided:
        totals += totals_over(conv, "k", with_numbers)
        space[padded] = windows
    elif array == "w":
        totals += totals_over(conv, "o", with_numbers)
        space[padded] = windows
    else:
        totals.append(Total(tuple(index_condition(conv, axis, with_numbers) for axis in range(conv.ndim))))
    if array != padded and conv.ndim > (2 if with_numbers else 1):
        where = [Equation.of(m[axis], windows[axis]) for axis in range(conv.ndim)]
        space[padded] = m
    product = Product(tuple(array_index(conv, f, space[f.removeprefix("d")]) for f in factors), apart=True)
    body: Math = Row((*totals, product))
    if target == "y" and conv.bias:
        body = Sum(((1, body), (1, array_index(conv, "b", []))))
    return [Equation.of(array_index(conv, target, space[array]), body), *where]


def output_totals(conv: Conv, with_numbers: bool) -> list[Total]:
    """One sum over y for each axis."""
    if not conv.transposed:
        return totals_over(conv, "o", with_numbers)
    result = []
    for axis in range(conv.ndim):
        names = letters(conv, axis)
        over = (numbers(conv, axis) if with_numbers else names)["H"]
        result.append(Total((_from_first(names["m"]),), _last(over)))
    return result


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
