"""Matrices of derivatives, and how they, arrays and numbers are multiplied and compared."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.checking.calls import Shapes

__all__ = ["Jacobian", "plain", "product", "same"]


class Jacobian:
    """dy/d(array), a row for each entry of y in order."""

    def __init__(self, matrix: NDArray[Any]) -> None:
        self.matrix = matrix


def same(a: Any, b: Any) -> bool | None:
    """Whether two values agree; None where they are not of the same shape."""
    a, b = (v.matrix if isinstance(v, Jacobian) else v for v in (a, b))
    a, b = (np.array(v, dtype=object) if not isinstance(v, np.ndarray) else v for v in (a, b))
    if 0 in (a.ndim, b.ndim) and a.ndim != b.ndim:  # all of it is zero
        scalar, array = (a, b) if a.ndim == 0 else (b, a)
        if not scalar[()].terms:
            return all(not each.terms for each in array.reshape(-1))
    if a.shape != b.shape:
        one = min((a, b), key=lambda v: v.ndim)
        flat = a.size == b.size and (one.ndim <= 1 or sorted(s for s in a.shape if s > 1) == [a.size] == sorted(
            s for s in b.shape if s > 1))  # fmt: skip
        if not flat:
            return None
    return all(p.terms == q.terms for p, q in zip(a.reshape(-1), b.reshape(-1), strict=True))


def plain(value: Any) -> Any:
    return value.matrix if isinstance(value, Jacobian) else value


def product(a: Any, b: Any) -> Any:
    """Numbers, arrays and Jacobians multiplied as one writes them side by side."""
    if isinstance(a, np.ndarray) and isinstance(b, Jacobian):
        rows, columns = b.matrix.shape
        if a.ndim == 2 and a.shape == (rows, 1) and rows != 1:
            raise Shapes(f"({rows} x 1) times ({rows} x {columns})")
        if a.size != b.matrix.shape[0]:
            raise Shapes(f"{a.size} entries times a matrix of {b.matrix.shape[0]} rows")
        return a.reshape(-1) @ b.matrix
    if isinstance(a, Jacobian) and isinstance(b, np.ndarray):
        if a.matrix.shape[1] != b.size:
            raise Shapes(f"a matrix of {a.matrix.shape[1]} columns times {b.size} entries")
        return a.matrix @ b.reshape(-1)
    a, b = plain(a), plain(b)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        if a.ndim == 2 and b.ndim == 1:
            b = b.reshape(-1, 1)
        if a.ndim == 1 and b.ndim == 2:
            a = a.reshape(1, -1)
        if a.shape[-1] != b.shape[0]:
            raise Shapes(f"{' x '.join(map(str, a.shape))} times {' x '.join(map(str, b.shape))}")
        found = a @ b
        return found.reshape(-1)[0] if isinstance(found, np.ndarray) and found.size == 1 else found
    return a * b
