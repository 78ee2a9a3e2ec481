"""A formula held against the derivative axis by axis: exact at sizes whose terms are too many to write down.

On a layer, the derivative and every product in a formula are products over the axes: a term stands in the whole as often as
its parts stand on the axes, multiplied, once for each image and channel that the arrays' layouts give it. So

    sum over products c of  c * prod_a count_c,a(z_a)   =   prod_a count_a(z_a)      for all z = (z_1, ..., z_n)

is what equality of all entries means, z_a being the entry and the two factors on axis a. Both sides depend on z_a only
through the counts at it; the few different rows of counts on an axis are its *kinds*, and each combination of kinds is tried.
Each axis is read as a layer of its own by the same readers that read the whole (:mod:`symconv.formulas.values`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.integers import Integer
from symconv.algebra.terms import MultilinearArray, Term
from symconv.formulas import tree
from symconv.formulas.indices import TooLargeError
from symconv.formulas.values import evaluate
from symconv.layer.conv import Conv
from symconv.layer.gradients import gradients
from symconv.layer.loss import channel_labels, label_sizes

__all__ = ["MAX_KINDS", "ByAxes", "NotAProductError", "check_axes", "hold", "is_product"]

#: combinations of kinds that are tried; a formula of many summands could have more
MAX_KINDS = 200_000

Counts = NDArray[np.int64]


class NotAProductError(ValueError):
    """The formula is no sum of products over the axes; only enumeration can tell."""


@dataclass(frozen=True)
class _Summand:
    """``factor`` (the product of ``factors``) times ``node``, which is one product over the axes."""

    factors: tuple[Integer, ...]
    node: tree.Node


@dataclass(frozen=True, eq=False)
class _Axis:
    """What stands on one axis: ``rows`` (entry, factors...) with ``counts``, the derivative's first, then each summand's.

    ``kind`` numbers the different rows of ``counts``, which are ``kinds``; ``length`` is the derivative's, ``claimed`` the
    formula's.
    """

    rows: Counts
    kind: Counts
    kinds: Counts
    length: int
    claimed: int

    def classes(self) -> list[tuple[frozenset[int], bool, Counts]]:
        """Entries in which the same kinds occur and that the formula reaches, or not: kinds, whether, and the entries."""
        result: dict[tuple[frozenset[int], bool], list[int]] = {}
        bounds = np.searchsorted(self.rows[:, 0], np.arange(self.length + 1)).tolist()
        for entry, (first, last) in enumerate(itertools.pairwise(bounds)):
            result.setdefault((frozenset(self.kind[first:last].tolist()), entry < self.claimed), []).append(entry)
        return [(kinds, reached, np.array(entries)) for (kinds, reached), entries in result.items()]

    def at(self, entry: int) -> Iterator[tuple[Counts, int]]:
        """The rows of one entry, each with its kind."""
        first, last = np.searchsorted(self.rows[:, 0], [entry, entry + 1])
        for number in range(first, last):
            yield self.rows[number], int(self.kind[number])


@dataclass(frozen=True, eq=False)
class ByAxes:
    """How a formula compares on all axes: ``shape`` is what it builds, ``failures`` the number of entries that differ.

    ``entries`` are the first of each sort of entry that differs, as indices of the target's array. ``bias`` is how often b is
    added by the formula and by the derivative.
    """

    conv: Conv
    target: str
    shape: tuple[int, ...]
    failures: int
    entries: tuple[tuple[int, ...], ...]
    factors: tuple[int, ...]
    bias: tuple[int, int]
    axes: tuple[_Axis, ...]

    @property
    def ok(self) -> bool:
        return not self.failures and self.shape == self.conv.shapes[self.target]

    def terms(self, index: Sequence[int], derivative: bool, at_most: int) -> tuple[list[Term], int]:
        """The first terms of one entry of the derivative or of the formula, and how many it has."""
        result: list[Term] = []
        total, channels = 0, self._channels()
        for column, factor in enumerate((1, *self.factors)):
            if not factor or derivative != (column == 0):
                continue
            parts = [
                [(row, int(axis.kinds[kind, column])) for row, kind in axis.at(t) if axis.kinds[kind, column]]
                for axis, t in zip(self.axes, self._space(index), strict=True)
            ]
            total += channels * math.prod(map(len, parts))
            terms = (
                self._term(index, channel, [row for row, _ in chosen], factor * math.prod(c for _, c in chosen))
                for channel in range(channels)
                for chosen in itertools.product(*parts)
            )
            result += itertools.islice(terms, at_most - len(result))
        bias = self._bias(index)[derivative]
        if bias:
            total += 1
            result = [*result, (bias, (("b", index[1]),))][:at_most]
        return result, total

    def differing(self, index: Sequence[int], at_most: int) -> list[Term]:
        """Terms in which an entry differs, derivative less formula: one for each combination of kinds that does."""
        places: list[dict[int, Counts]] = []
        for axis, t in zip(self.axes, self._space(index), strict=True):
            places.append({})
            for row, kind in axis.at(t):
                places[-1].setdefault(kind, row)
        result = []
        for kinds in itertools.product(*places):
            difference = _difference([axis.kinds[k] for axis, k in zip(self.axes, kinds, strict=True)], self.factors)
            if difference:
                rows = [place[kind] for place, kind in zip(places, kinds, strict=True)]
                result.append(self._term(index, 0, rows, difference))
        claimed, wanted = self._bias(index)
        if wanted != claimed:
            result.append((wanted - claimed, (("b", index[1]),)))
        return result[:at_most]

    def _space(self, index: Sequence[int]) -> Sequence[int]:
        return index[2:] or [0] * self.conv.ndim

    def _bias(self, index: Sequence[int]) -> tuple[int, int]:
        reached = all(t < axis.claimed for axis, t in zip(self.axes, self._space(index), strict=True))
        return self.bias[0] if reached else 0, self.bias[1]

    def _summed(self) -> str:
        """The index that the target has not, over which its products are summed: c for y, f for dx, n for dw and db."""
        labels = channel_labels(self.conv)
        (label,) = {label for name in tree.TARGETS[self.target] for label in labels[name]} - set(labels[self.target])
        return label

    def _channels(self) -> int:
        return label_sizes(self.conv)[self._summed()]

    def _term(self, index: Sequence[int], channel: int, rows: Sequence[Counts], coefficient: int) -> Term:
        labels, sizes = channel_labels(self.conv), label_sizes(self.conv)
        layout = self.conv.shapes[self.target][:2] if self.target != "db" else self.conv.b_shape
        flat = int(np.ravel_multi_index(tuple(index[: len(layout)]), layout))
        lead = np.unravel_index(flat, [sizes[label] for label in labels[self.target]])
        known = dict(zip(labels[self.target], map(int, lead), strict=True)) | {self._summed(): channel}
        factors = []
        for number, name in enumerate(_factor_order(self.target)):
            where = [known[label] for label in labels[name]] + [int(row[1 + number]) for row in rows]
            shape = [sizes[label] for label in labels[name]] + list(self.conv.shapes[name][2:])
            factors.append((name, int(np.ravel_multi_index(where, shape))))
        return coefficient, tuple(factors)


def is_product(conv: Conv, formula: tree.Formula) -> bool:
    """Whether a formula is a sum of products over the axes of this layer, so that :func:`hold` can tell."""
    try:
        _summands(conv, formula)
    except NotAProductError:
        return False
    return True


def check_axes(conv: Conv, max_terms: int) -> None:
    """ValueError where the loss on one axis alone has more than ``max_terms`` terms, or the axis more rows."""
    for axis in range(conv.ndim):
        _layer(conv, axis).check_terms(max_terms)
        longest = max(conv.input[axis], conv.kernel[axis], conv.output[axis])
        if longest > max_terms:
            raise TooLargeError(f"{conv!r} has {longest:,} rows on axis {axis}, more than max_terms={max_terms:,}")


def hold(conv: Conv, formula: tree.Formula) -> ByAxes:
    """``formula`` against the derivative on ``conv``, axis by axis.

    Raises NotAProductError for a formula that is no sum of products, ValueError for one that means nothing on this layer.

    >>> from symconv.formulas.standard import standard
    >>> hold(Conv(input=(224, 224), kernel=7, batch=256, in_channels=3, out_channels=64, stride=2, padding=3), standard("dw")).ok
    True
    """
    bias, summands = _summands(conv, formula)
    factors = tuple(_factor(conv, summand) for summand in summands)
    multiple = sum(_factor(conv, each) for each in bias)
    alone = tuple(replace(formula, body=summand.node) for summand in summands)
    axes = []
    for number in range(conv.ndim):
        try:
            axes.append(_axis(_layer(conv, number), formula.target, alone))
        except TooLargeError:
            raise
        except ValueError as error:
            where = f"axis {number}: " if conv.ndim > 1 else ""
            raise ValueError(f"{where}{str(error).replace(' on axis 0', '')}") from error
    wanted = int(conv.bias and bool(bias))
    return _compared(conv, formula.target, factors, (multiple if conv.bias else 0, wanted), tuple(axes))


def _compared(
    conv: Conv, target: str, factors: tuple[int, ...], bias: tuple[int, int], axes: tuple[_Axis, ...]
) -> ByAxes:
    if math.prod(len(axis.kinds) for axis in axes) > MAX_KINDS:
        raise NotAProductError("the formula has too many sorts of terms to be held by axes")
    wrong = {
        kinds
        for kinds in itertools.product(*(range(len(axis.kinds)) for axis in axes))
        if _difference([axis.kinds[k] for axis, k in zip(axes, kinds, strict=True)], factors)
    }
    failures, firsts = 0, []
    reached_everywhere = all(axis.claimed >= axis.length for axis in axes)
    if wrong or bias[0] != bias[1] or not reached_everywhere:
        for group in itertools.product(*(axis.classes() for axis in axes)):
            multiple = bias[0] if all(reached for _, reached, _ in group) else 0
            if multiple != bias[1] or not wrong.isdisjoint(itertools.product(*(kinds for kinds, _, _ in group))):
                failures += math.prod(len(entries) for _, _, entries in group)
                firsts.append(tuple(int(entries[0]) for _, _, entries in group))
    lead = conv.shapes[target][:2] if target != "db" else conv.b_shape
    space = tuple(axis.claimed for axis in axes) if target != "db" else ()
    zeros = (0,) * len(lead)
    result = tuple(zeros + (first if space else ()) for first in sorted(firsts))
    return ByAxes(conv, target, lead + space, failures * math.prod(lead), result, factors, bias, axes)


def _difference(counts: Sequence[Counts], factors: Sequence[int]) -> int:
    """Derivative less formula at a combination of kinds, one row of counts for each axis."""
    products = [math.prod(int(row[column]) for row in counts) for column in range(len(factors) + 1)]
    return products[0] - sum(c * n for c, n in zip(factors, products[1:], strict=True))


def _summands(conv: Conv, formula: tree.Formula) -> tuple[list[_Summand], list[_Summand]]:
    """The multiples of b and the products that the formula adds up."""
    if formula.target not in tree.TARGETS:
        raise NotAProductError(f"{formula.target} of the double backward is held entry by entry")
    filled = any(isinstance(node, tree.Move) and node.operation.filled for node in formula.body.walk())
    if conv.mode.filled or filled:
        raise NotAProductError("a constant border is no product over the axes")
    if any(isinstance(node, tree.Shuffle) for node in formula.body.walk()):
        raise NotAProductError(f"{formula} deals channels to groups, which is no product over the axes")
    found = list(_flat(formula.body, ()))
    bias = [each for each in found if each.node == tree.Array("b")]
    products = [each for each in found if each.node != tree.Array("b")]
    mixed = any(tree.Array("b") in each.node.walk() for each in products)
    if not products or mixed or (bias and formula.target != "y"):
        raise NotAProductError(f"{formula} is no sum of products over the axes")
    return bias, products


def _flat(node: tree.Node, factors: tuple[Integer, ...]) -> Iterator[_Summand]:
    if isinstance(node, tree.Add):
        yield from _flat(node.left, factors)
        yield from _flat(node.right, factors)
    elif isinstance(node, tree.Scale):
        yield from _flat(node.operand, (*factors, node.factor))
    elif isinstance(node, tree.Move):  # of a sum: each summand is moved
        yield from (_Summand(each.factors, replace(node, operand=each.node)) for each in _flat(node.operand, factors))
    else:
        yield _Summand(factors, node)


def _factor(conv: Conv, summand: _Summand) -> int:
    total = 1
    for e in summand.factors:
        try:
            values = {int(e.evaluate(conv.sizes(axis))) for axis in range(conv.ndim)}
        except ZeroDivisionError:
            raise ValueError(f"{e} divides by zero for {conv!r}") from None
        if len(values) > 1:
            raise ValueError(f"the factor {e} differs from axis to axis: {sorted(values)}")
        total *= values.pop()
    return total


def _layer(conv: Conv, axis: int) -> Conv:
    """The layer that has this axis and one channel only."""
    per_axis = ("input", "kernel", "stride", "padding", "dilation", "output_padding")
    here = {name: (getattr(conv, name)[axis],) for name in per_axis}
    return Conv(**{**conv.to_dict(), **here, **dict.fromkeys(("batch", "in_channels", "out_channels", "groups"), 1)})


@lru_cache(maxsize=1024)
def _axis(conv: Conv, target: str, summands: tuple[tree.Formula, ...]) -> _Axis:
    truth = gradients(conv).terms(target).without("b")
    claims = [evaluate(conv, summand) for summand in summands]
    lengths = [claim.shape[2:] for claim in claims]
    if len(set(lengths)) > 1:
        raise ValueError(f"sums of lengths {' and '.join(str(n) for (n,) in lengths)}")
    sides = [_counted(array, target) for array in (truth, *claims)]
    length = math.prod(truth.shape)
    rows, inverse = np.unique(np.concatenate([rows for rows, _ in sides]), axis=0, return_inverse=True)
    counts = np.zeros((len(rows), len(sides)), dtype=np.int64)
    start = 0
    for column, (own, count) in enumerate(sides):
        counts[inverse.reshape(-1)[start : start + len(own)], column] = count
        start += len(own)
    inside = rows[:, 0] < length  # a formula too long is compared where the derivative is
    rows, counts = rows[inside], counts[inside]
    kinds, kind = np.unique(counts, axis=0, return_inverse=True)
    return _Axis(rows, kind.reshape(-1), kinds, length, math.prod(claims[0].shape))


def _counted(array: MultilinearArray, target: str) -> tuple[Counts, Counts]:
    """Rows (entry, factors...) and how often each stands in ``array``."""
    blocks = array.canonical.blocks
    if not blocks:
        none = np.zeros((0, 1 + len(tree.TARGETS[target])), dtype=np.int64)
        return none, none[:, 0]
    (block,) = blocks
    assert block.arrays == _factor_order(target)
    return np.stack([block.entry, *block.factors], axis=1), block.coefficient


def _factor_order(target: str) -> tuple[str, ...]:
    """The factors of a product in the order in which terms keep them."""
    return tuple(sorted(tree.TARGETS[target], key=("dy", "w", "x").index))
