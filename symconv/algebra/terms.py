"""Arrays of multilinear forms in the entries of x, w, b, dy, exact and in bulk.

The loss of a convolution is trilinear: each of its terms is a product of one entry of dy, one of w and one of x (or of one of
dy and one of b). Such a polynomial is kept as columns of entry numbers, one row for each term, so a million terms are
a few arrays of integers. Derivatives, sums and comparisons are exact integer work on the columns; SymPy expressions are
built for the entries somebody looks at.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.symbols import Arrays, Term, expression, load_sympy
from symconv.algebra.texts import sum_text

if TYPE_CHECKING:
    import sympy

__all__ = ["MAX_TYPESET", "MultilinearArray", "Term", "Terms", "terms_text"]

Column = NDArray[np.int64]

#: a notebook is shown the entries of arrays of so many terms
MAX_TYPESET = 400

#: the order in which the factors of a term are kept and written: v is the constant of a border, v_x, v_w, v_b and v_dy
#: are directions in which x, w, b and dy change
FACTOR_ORDER = ("dy", "v_dy", "w", "v_w", "x", "v_x", "b", "v_b", "v")


@dataclass(frozen=True, eq=False)
class Terms:
    """Terms with factors from the same arrays: row i is ``coefficient[i]`` times the product of the entries
    ``factors[j][i]`` of ``arrays[j]``, and belongs to entry ``entry[i]`` of the whole."""

    arrays: tuple[str, ...]
    entry: Column
    factors: tuple[Column, ...]
    coefficient: Column

    @staticmethod
    def of(entry: Column, factors: Mapping[str, Column], coefficient: Column | int = 1) -> Terms:
        """Terms with their factors put in order; the columns are of one length."""
        arrays = tuple(sorted(factors, key=FACTOR_ORDER.index))
        if isinstance(coefficient, int):
            coefficient = np.full(len(entry), coefficient, dtype=np.int64)
        return Terms(arrays, entry, tuple(factors[a] for a in arrays), coefficient)

    def __len__(self) -> int:
        return len(self.entry)

    def take(self, rows: NDArray[Any]) -> Terms:
        """The chosen rows (a mask or row numbers)."""
        return Terms(self.arrays, self.entry[rows], tuple(f[rows] for f in self.factors), self.coefficient[rows])


@dataclass(frozen=True, eq=False)
class MultilinearArray:
    """An array of ``shape`` whose entries are integer combinations of products of entries of the arrays of ``layer``.

    ``array[index]`` is a SymPy expression, ``to_sympy()`` the whole as a SymPy array; ``terms_of(index)`` the same without
    SymPy.
    """

    layer: Arrays
    shape: tuple[int, ...]
    blocks: tuple[Terms, ...]

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    @property
    def count(self) -> int:
        """Number of terms of all entries together, like terms counted once."""
        return sum(len(block) for block in self.canonical.blocks)

    @cached_property
    def canonical(self) -> MultilinearArray:
        """The same array with like terms added up, zero terms gone, and rows in order of entry and factors."""
        groups: dict[tuple[str, ...], list[Terms]] = {}
        for block in self.blocks:
            groups.setdefault(block.arrays, []).append(block)
        merged = (self._merge(groups[arrays]) for arrays in sorted(groups, key=lambda a: (-len(a), a)))
        result = MultilinearArray(self.layer, self.shape, tuple(block for block in merged if len(block)))
        result.__dict__["canonical"] = result
        return result

    def _merge(self, blocks: Sequence[Terms]) -> Terms:
        arrays = blocks[0].arrays
        entry = np.concatenate([block.entry for block in blocks])
        factors = [np.concatenate([block.factors[j] for block in blocks]) for j in range(len(arrays))]
        coefficient = np.concatenate([block.coefficient for block in blocks])
        order, first = _sorted_groups([entry, *factors], self._extents(arrays))
        starts = np.flatnonzero(first)
        if len(starts) == len(order):
            total = coefficient[order]
        else:
            total = np.add.reduceat(coefficient[order], starts) if len(starts) else coefficient[:0]
            order = order[starts]
        if not total.all():
            order, total = order[total != 0], total[total != 0]
        return Terms(arrays, entry[order], tuple(f[order] for f in factors), total)

    def __add__(self, other: MultilinearArray) -> MultilinearArray:
        if self.shape != other.shape:
            raise ValueError(f"arrays of shapes {self.shape} and {other.shape} cannot be added")
        return MultilinearArray(self.layer, self.shape, self.blocks + other.blocks)

    def scale(self, factor: int) -> MultilinearArray:
        """``factor`` times this array."""
        blocks = (Terms(b.arrays, b.entry, b.factors, b.coefficient * factor) for b in self.blocks)
        return MultilinearArray(self.layer, self.shape, tuple(blocks))

    def __sub__(self, other: MultilinearArray) -> MultilinearArray:
        return self + other.scale(-1)

    def equals(self, other: MultilinearArray) -> bool:
        """Whether shapes and all entries are the same."""
        if self.shape != other.shape:
            return False
        mine, theirs = self._plain_terms(), other._plain_terms()
        if mine is not None and theirs is not None and mine.keys() == theirs.keys():
            return all(np.array_equal(mine[arrays], theirs[arrays]) for arrays in mine)
        a, b = self.canonical.blocks, other.canonical.blocks
        return len(a) == len(b) and all(map(_same, a, b))

    def _plain_terms(self) -> dict[tuple[str, ...], Column] | None:
        """The terms as sorted numbers, by their arrays, where every coefficient is 1 and each term fits one number; else None.

        Sums of such terms are equal when the terms are, repetitions included: comparing takes no reordering of columns.
        """
        result: dict[tuple[str, ...], list[Column]] = {}
        for block in self.blocks:
            keys = _keys((block.entry, *block.factors), self._extents(block.arrays))
            if keys is None or not (block.coefficient == 1).all():
                return None
            result.setdefault(block.arrays, []).append(keys)
        return {arrays: np.sort(np.concatenate(keys)) for arrays, keys in result.items()}

    def _extents(self, arrays: Sequence[str]) -> list[int]:
        """How many values the columns of a block can take: entries of the whole, then entries of each of its arrays."""
        return [self.size, *(math.prod(self.layer.shapes[array]) for array in arrays)]

    def differentiate(self, array: str) -> MultilinearArray:
        """All partial derivatives by the entries of ``array``: entry (i, j) is the derivative of entry i by ``array[j]``.

        Of the loss (shape ``()``) this is the gradient; of y it is the Jacobian. A term that holds ``array[j]`` once, as a
        multilinear one does, leaves its other factors.
        """
        shape = self.layer.shapes[array]
        size = math.prod(shape)
        blocks = []
        for block in self.blocks:
            if array in block.arrays:
                column = block.arrays.index(array)
                rest = {a: f for a, f in zip(block.arrays, block.factors, strict=True) if a != array}
                blocks.append(Terms.of(block.entry * size + block.factors[column], rest, block.coefficient))
        return MultilinearArray(self.layer, self.shape + shape, tuple(blocks))

    def rename(self, old: str, new: str) -> MultilinearArray:
        """The terms that hold an entry of ``old``, with the entry of ``new`` of the same number in its place."""
        blocks = (
            Terms.of(
                b.entry, {new if a == old else a: f for a, f in zip(b.arrays, b.factors, strict=True)}, b.coefficient
            )
            for b in self.blocks
            if old in b.arrays
        )
        return MultilinearArray(self.layer, self.shape, tuple(blocks))

    def without(self, array: str) -> MultilinearArray:
        """This array with every entry of ``array`` set to zero."""
        return MultilinearArray(self.layer, self.shape, tuple(b for b in self.blocks if array not in b.arrays))

    def substitute(self, values: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """The array with numbers (or any objects that add and multiply) put in, by array name; the result keeps their type."""
        arrays = {name: np.asarray(value) for name, value in values.items()}
        total: NDArray[Any] = np.zeros(self.size, dtype=np.result_type(*(value.dtype for value in arrays.values())))
        for block in self.blocks:
            product: Any = block.coefficient.astype(total.dtype)
            for array, factor in zip(block.arrays, block.factors, strict=True):
                product *= arrays[array].reshape(-1)[factor]
            np.add.at(total, block.entry, product)
        return total.reshape(self.shape)

    def terms_of(self, index: Sequence[int]) -> list[Term]:
        """The terms of one entry, in order."""
        flat = int(np.ravel_multi_index(tuple(index), self.shape)) if self.shape else 0
        return list(self._terms(flat))

    def _terms(self, flat: int) -> Iterator[Term]:
        for block in self.canonical.blocks:
            first, last = np.searchsorted(block.entry, [flat, flat + 1])
            for row in range(first, last):
                factors = zip(block.arrays, (int(f[row]) for f in block.factors), strict=True)
                yield int(block.coefficient[row]), tuple(factors)

    def text(self, index: Sequence[int]) -> str:
        """One entry as text, symbols as the layer names them: ``dy_{11}*w_{22} + dy_{12}*w_{21}``."""
        return terms_text(self.layer, self.terms_of(index))

    def __getitem__(self, index: int | tuple[int, ...]) -> sympy.Expr:
        index = index if isinstance(index, tuple) else (index,)
        if len(index) != len(self.shape):
            raise IndexError(f"index {index} for an array of shape {self.shape}")
        where = []
        for i, n in zip(index, self.shape, strict=True):
            if not -n <= i < n:
                raise IndexError(f"index {index} is outside an array of shape {self.shape}")
            where.append(i % n)
        return expression(self.layer, self.terms_of(where))

    def to_sympy(self) -> sympy.ImmutableDenseNDimArray:
        """The whole array as a SymPy array of the same shape."""
        entries = [expression(self.layer, list(self._terms(i))) for i in range(self.size)]
        return load_sympy().ImmutableDenseNDimArray(entries, self.shape)

    def _repr_latex_(self) -> str | None:
        """The entries, where they are few; what is longer is no use in a notebook, which then shows ``repr``."""
        if max(self.count, self.size) > MAX_TYPESET:
            return None
        return f"$\\displaystyle {load_sympy().latex(self.to_sympy())}$"

    def __repr__(self) -> str:
        return f"<array of shape {self.shape}, {self.count:,} terms>"


def terms_text(layer: Arrays, terms: Sequence[Term]) -> str:
    """Terms as one sum in text; ``0`` when there are none."""
    return sum_text((c, [layer.entry_name(array, flat) for array, flat in factors]) for c, factors in terms)


def _same(a: Terms, b: Terms) -> bool:
    columns = zip((a.entry, a.coefficient, *a.factors), (b.entry, b.coefficient, *b.factors), strict=False)
    return a.arrays == b.arrays and all(np.array_equal(u, v) for u, v in columns)


def _keys(columns: Sequence[Column], sizes: Sequence[int]) -> Column | None:
    """One number for each row of ``columns``, in their order, if it fits; ``sizes`` are the numbers of values of the columns."""
    if math.prod(max(size, 1) for size in sizes) >= 2**63:
        return None
    key = columns[0]
    for column, size in zip(columns[1:], sizes[1:], strict=True):
        key = key * size + column
    return key


def _sorted_groups(columns: Sequence[Column], sizes: Sequence[int]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Row numbers that sort the rows of ``columns``, and a mask over the sorted rows: True where a new row value begins."""
    key = _keys(columns, sizes)
    if key is not None:
        if len(key) < 2 or bool((key[1:] > key[:-1]).all()):
            return np.arange(len(key)), np.ones(len(key), dtype=bool)
        order = np.argsort(key, kind="stable")
        ordered = key[order]
        change = ordered[1:] != ordered[:-1]
    else:
        order = np.lexsort(tuple(reversed(columns)))
        change = np.zeros(max(len(order) - 1, 0), dtype=bool)
        for column in columns:
            ordered = column[order]
            change |= ordered[1:] != ordered[:-1]
    first = np.ones(len(order), dtype=bool)
    first[1:] = change
    return order, first
