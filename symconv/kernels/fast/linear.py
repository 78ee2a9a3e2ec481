"""A constant matrix applied to arrays by few passes: the transforms of a bilinear algorithm.

``_passes`` and ``_apply`` are copied into emitted files, so they use NumPy and each other only.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

__all__ = ["cost"]

Matrix = tuple[tuple[int, ...], ...]
#: (row of the result, or None for a part that several rows share; ((number of a value,
#: coefficient), ...))
Pass = tuple[int | None, tuple[tuple[int, int], ...]]


#: what :func:`_passes` found, by matrix
_PASSES: dict[Matrix, list[Pass]] = {}


def _passes(matrix: Matrix) -> list[Pass]:
    """:func:`_find_passes`, once for each matrix."""
    if matrix not in _PASSES:
        _PASSES[matrix] = _find_passes(matrix)
    return _PASSES[matrix]


def _find_passes(matrix: Matrix) -> list[Pass]:
    """The product of ``matrix`` with a list of values as sums, each of earlier values; shared parts
    are made once.

    Points +a and -a of the interpolation leave pairs of columns, or of rows, that agree but for
    signs. Of such columns the rows need the sum and the difference; such rows are the sum and the
    difference of what they agree and disagree in.
    """
    rows = [{j: c for j, c in enumerate(row) if c} for row in matrix]
    made: list[Pass] = []
    count = len(matrix[0])
    for j, k in sorted(combinations(range(count), 2), key=lambda pair: pair[1]):
        pairs = [(row.get(j, 0), row.get(k, 0)) for row in rows]
        if all(abs(a) == abs(b) for a, b in pairs) and sum(a != 0 for a, _ in pairs) > 2:
            total = count + len(made)
            made += [(None, ((j, 1), (k, 1))), (None, ((j, 1), (k, -1)))]
            for row, (a, b) in zip(rows, pairs):
                if a:
                    del row[j], row[k]
                    row[total if a == b else total + 1] = a
    for i, l in sorted(combinations(range(len(rows)), 2), key=lambda pair: pair[1]):
        one, two = rows[i], rows[l]
        agree = {j: c for j, c in one.items() if two.get(j) == c}
        differ = {j: c for j, c in one.items() if two.get(j) == -c}
        if agree and differ and len(one) == len(two) == len(agree) + len(differ) > 2:
            part = count + len(made)
            made += [(None, tuple(agree.items())), (None, tuple(differ.items()))]
            rows[i], rows[l] = {part: 1, part + 1: 1}, {part: 1, part + 1: -1}
    return made + [(i, tuple(row.items())) for i, row in enumerate(rows)]


def _apply(passes: Sequence[Pass], values: Sequence[Any], results: Any, spare: Any) -> None:
    """results[i] = row i of the matrix times ``values``; ``spare`` holds arrays of their shape to
    work in.
    """
    known = list(values)
    for row, terms in passes:
        shared = len(known) - len(values)
        new = spare[shared + 1] if row is None else results[row]
        # a term with a factor goes first, so that the others need no product of their own
        (j, c), *rest = sorted(terms, key=lambda term: abs(term[1]) == 1)
        if rest and c == 1 and abs(rest[0][1]) == 1:
            k, sign = rest.pop(0)
            (np.add if sign == 1 else np.subtract)(known[j], known[k], out=new)
        elif c == 1:
            np.copyto(new, known[j])
        else:
            np.multiply(known[j], c, out=new)
        for k, factor in rest:
            if abs(factor) == 1:
                (np.add if factor == 1 else np.subtract)(new, known[k], out=new)
            else:
                np.multiply(known[k], factor, out=spare[0])
                np.add(new, spare[0], out=new)
        if row is None:
            known.append(new)


def cost(matrix: Matrix) -> int:
    """How many array operations :func:`_apply` makes of a matrix."""
    total = 0
    for _, terms in _passes(matrix):
        scaled = sum(abs(c) != 1 for _, c in terms)
        plain = len(terms) - scaled
        total += (
            2 * scaled - 1 + plain
            if scaled
            else max(1, plain - 1 + (terms[0][1] != 1 and plain < 2))
        )
    return total
