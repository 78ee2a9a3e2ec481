"""The equations of the index derivation: chain rule, Kronecker condition, the condition solved, what is left of the sums.

They are read from the relation as those of :mod:`symconv.article.equations` are; 1-based.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from symconv.algebra.integers import Const, Integer, Name
from symconv.article.case import Case
from symconv.article.equations import (
    array_index,
    indices,
    label_totals,
    letters,
    only,
    output_totals,
    row,
    single_labels,
    summed_indices,
    totals_over,
    window_index,
)
from symconv.article.selection import MOST_TERMS, SHOWN_OF_LONG, name_length
from symconv.layer import relation
from symconv.layer.conv import Conv
from symconv.layer.loss import channel_labels
from symconv.layer.names import subscript
from symconv.mathematics.entries import entry, terms_sum
from symconv.mathematics.of_integers import FIRST, of_integer, one_based, simplified
from symconv.mathematics.tree import (
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
    separated,
)

__all__ = ["against", "chain", "extended", "kronecker", "solved", "typical"]

#: channel pairs of which the products are drawn, and places on an axis of dy that are drawn around those that meet
MOST_PAIRS = 2
MOST_PLACES = 5


def sides(conv: Conv) -> tuple[list[Math], list[Math]]:
    """The spatial indices of y and of x."""
    return indices(conv, conv.kind.side("y")), indices(conv, conv.kind.side("x"))


def _partial(conv: Conv) -> Math:
    y, x = sides(conv)
    top, bottom = array_index(conv, "y", y), array_index(conv, "x", x)
    return Fraction(Row((Word("∂"), top)), Row((Word("∂"), bottom)))


def chain(conv: Conv) -> Equation:
    """``dx = sum over y of dy * dy/dx``: y's entries of other images do not see x."""
    y, x = sides(conv)
    labels = channel_labels(conv)
    summed = "".join(label for label in labels["y"] if label not in labels["x"])
    over = (*label_totals(conv, summed, False), *output_totals(conv, False))
    body = Row((*over, Product((array_index(conv, "dy", y), _partial(conv)), apart=True)))
    return Equation.of(array_index(conv, "dx", x), body)


def kronecker(conv: Conv) -> list[Equation]:
    """``dy/dx`` as the taps for which the relation holds; where there are several axes, the place that they lead to apart."""
    padded = indices(conv, "m")
    led = [window_index(conv, axis, False) for axis in range(conv.ndim)]
    apart = [Below(Word("μ"), Word(str(axis + 1))) for axis in range(conv.ndim)] if conv.ndim > 1 else led
    deltas = [Below(Word("δ"), separated([place, each], wide=True)) for place, each in zip(padded, apart, strict=True)]
    body = Row(
        (*totals_over(conv, "k", False), Product((array_index(conv, "w", indices(conv, "k")), *deltas), apart=True))
    )
    where = [Equation.of(name, value) for name, value in zip(apart, led, strict=True)] if conv.ndim > 1 else []
    return [Equation.of(_partial(conv), body), *where]


def solved(conv: Conv, axis: int, with_numbers: bool, over: str = "") -> Equation:
    """The tap that leads from window o to place m; of a transposed layer, the place in y that tap k leads to."""
    if conv.transposed:
        return Equation.of(letters(conv, axis)["m"], window_index(conv, axis, with_numbers))
    return Equation.of(letters(conv, axis)["k"], _tap(conv, axis, with_numbers, over))


def _tap(conv: Conv, axis: int, with_numbers: bool, over: str = "") -> Math:
    """k from ``m = s(o - 1) + d(k - 1) - p + 1``."""
    first = one_based(relation.INPUT_INDEX, ("o", "k")).substitute({"k": Const(FIRST.get())})
    distance: Integer = Name("m") - first  # from the window's first tap: d(k - 1)
    names, values = letters(conv, axis), conv.axes[axis].values
    if not with_numbers:
        return _from_first(Fraction(of_integer(distance, names), names["d"]))
    known = {name: values[name] for name in ("s", "p")} | only(conv, axis, over)
    if values["d"] == 1:
        return of_integer(simplified(distance + FIRST.get(), known), names)
    return _from_first(Fraction(of_integer(simplified(distance, known), names), Word(str(values["d"]))))


def _from_first(distance: Math) -> Math:
    """The index so far from the first one."""
    return Sum(((1, distance), (1, Word("1")))) if FIRST.get() else distance


def extended(conv: Conv, with_numbers: bool, narrow: bool = False) -> list[Equation]:
    """dx as a sum over the windows alone, w extended by zero; the taps apart where they are fractions, in letters, or the
    lines are ``narrow``."""
    m, k, o = indices(conv, "m"), indices(conv, "k"), summed_indices(conv, "o", with_numbers)
    labels = channel_labels(conv)
    summed = "".join(label for label in labels["y"] if label not in labels["x"])
    over = (*label_totals(conv, summed, with_numbers), *totals_over(conv, "o", with_numbers))
    single = single_labels(conv, summed, with_numbers)
    apart = not with_numbers or (narrow and conv.ndim > 1) or any(axis.d > 1 for axis in conv.axes)
    taps = k if apart else [_tap(conv, axis, True, "o") for axis in range(conv.ndim)]
    product = Product((array_index(conv, "dy", o, single), array_index(conv, "w", taps, single)), apart=True)
    where = [solved(conv, axis, with_numbers, "o") for axis in range(conv.ndim)] if apart else []
    return [Equation.of(array_index(conv, "dx", m), row((*over, product))), *where]


# one entry ------------------------------------------------------------------------------------------------------------


def against(case: Case, index: Sequence[int]) -> tuple[Equation, bool] | None:
    """An entry of dx as dy against the kernel: two matrices multiplied entry by entry and added up; and whether dy was cut to
    the places around those that meet. None where even these are too wide for a line.

    Of a convolution dy stands still and w is what the entry's place makes of it, shifted and flipped; of a transposed one w
    stands still and dy is cut out.
    """
    conv = case.conv
    terms = case.gradients.terms("dx").terms_of(index)
    still, moving = ("w", "dy") if conv.transposed else ("dy", "w")
    pairs: dict[tuple[int, ...], dict[tuple[int, ...], tuple[int, ...]]] = {}
    for _, factors in terms:
        at = {array: tuple(int(i) for i in np.unravel_index(flat, conv.shapes[array])) for array, flat in factors}
        lead = at[still][: -conv.ndim]
        pairs.setdefault(lead, {})[at[still][-conv.ndim :]] = at[moving]
    if not pairs:  # no window reaches the entry: w is zero everywhere
        pairs[(0,) * (len(conv.shapes[still]) - conv.ndim)] = {}
    size = conv.shapes[still][-conv.ndim :]
    places = [place for found in pairs.values() for place in found]
    room = (case.budget - 12 - name_length(conv, "dx")) // (name_length(conv, "dy") + name_length(conv, "w") + 4)
    spans = [_span([place[axis] for place in places], size[axis], room) for axis in range(conv.ndim)]
    if len(spans[-1]) > room:
        return None
    steps = [_products(conv, still, moving, pairs, spans)]
    beyond = any(len(found) < math.prod(map(len, spans)) for found in pairs.values())
    ends = [i in (0, n - 1) for i, n in zip(index[-conv.ndim :], conv.input, strict=True)]
    told = all(ends) if len(pairs) > 1 else all(ends) or not any(ends)  # an edge is read like its neighbours
    if places and beyond and told and len(spans[-1]) <= room - 2:
        steps.insert(0, _products(conv, still, moving, pairs, spans, index))
    long = len(terms) > MOST_TERMS
    result = terms_sum(conv, terms, SHOWN_OF_LONG if long else None)
    cut = any(len(span) < n for span, n in zip(spans, size, strict=True))
    return Equation.of(entry(conv, "dx", index), *steps, result, note=len(terms) if long else None), cut


#: (channels of what stands still) -> its places -> what meets there
Pairs = dict[tuple[int, ...], dict[tuple[int, ...], tuple[int, ...]]]


def _products(conv: Conv, still: str, moving: str, pairs: Pairs, spans: list[range], index: Sequence[int] = ()) -> Math:
    """The products of the first channels added up; with the ``index`` of an entry what lies outside is crossed out, else zero."""
    drawn = [
        (1, _product(conv, still, moving, lead, found, spans, index))
        for lead, found in list(pairs.items())[:MOST_PAIRS]
    ]
    if len(pairs) > MOST_PAIRS:
        drawn.append((1, Word("⋯")))
    return drawn[0][1] if len(drawn) == 1 else Sum(tuple(drawn))


def _outside(conv: Conv, moving: str, met: Sequence[int], place: Sequence[int], index: Sequence[int]) -> Math:
    """The name that an entry of w or dy outside the array would have, by the relation: its index may be no integer."""
    indices = []
    for axis, at, m in zip(conv.axes, place, index[-conv.ndim :], strict=True):
        if conv.transposed:
            indices.append((axis.s * m + axis.d * at - axis.p, 1))
        else:
            indices.append((m + axis.p - axis.s * at, axis.d))
    first = FIRST.get()
    numbers = [str(n // d + first) if n % d == 0 else f"{n + d * first}/{d}" for n, d in indices]
    inside = entry(conv, moving, [*met, *[0] * conv.ndim])
    named = subscript(conv, moving, [i - 1 + first for i in (*met, *[0] * conv.ndim)])
    before = named[: -conv.ndim] if isinstance(inside, Below) else ""
    shown = [*(before.rstrip(",").split(",") if "," in before else before), *numbers]
    plain = all(len(number) == 1 for number in shown)
    sub = Word("".join(shown)) if plain else separated([Word(number.replace("-", "−")) for number in shown])
    return Struck(Below(Word(moving), sub))


def _span(met: Sequence[int], size: int, room: int) -> range:
    """The places that meet and, where there is room, one more on either side; all of a short axis."""
    if size <= min(MOST_PLACES, room) or not met:
        return range(min(size, MOST_PLACES, room))
    around = range(max(0, min(met) - 1), min(size, max(met) + 2))
    return around if len(around) <= room else range(min(met), max(met) + 1)


def _product(
    conv: Conv,
    still: str,
    moving: str,
    lead: tuple[int, ...],
    found: dict[tuple[int, ...], tuple[int, ...]],
    spans: list[range],
    index: Sequence[int] = (),
) -> Math:
    rows, columns = (range(1), spans[0]) if conv.ndim == 1 else spans
    cells: dict[str, list[tuple[Math, ...]]] = {still: [], moving: []}
    met = next(iter(found.values()), (0,) * len(conv.shapes[moving]))[: -conv.ndim]
    for i in rows:
        places = [(j,) if conv.ndim == 1 else (i, j) for j in columns]
        cells[still].append(tuple(entry(conv, still, (*lead, *place)) for place in places))
        cells[moving].append(
            tuple(
                entry(conv, moving, found[place])
                if place in found
                else _outside(conv, moving, met, place, index)
                if index
                else Word("0")
                for place in places
            )
        )
    dy, w = (Matrix(tuple(cells[array])) for array in ("dy", "w"))
    return Row((Total(), Fence(Row((dy, Operator("⊙"), w)))))


def typical(conv: Conv, inside: Sequence[int]) -> list[tuple[int, ...]]:
    """Indices of dx, 0-based, in the first image and channel: the first, one on an edge where there are two axes, one inside,
    and the last."""
    lead = (0,) * (len(conv.x_shape) - conv.ndim)
    chosen = [(0,) * conv.ndim, (0, *inside[1:]), tuple(inside), tuple(n - 1 for n in conv.input)]
    return [(*lead, *place) for place in dict.fromkeys(chosen)]
