"""What a claim may be restricted to: ``p == 0, s == 1, K odd``. Parsed, never evaluated."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from symconv.algebra.comparisons import Comparison, compare
from symconv.formulas.expressions import ExpressionReader

if TYPE_CHECKING:  # a formula is decided without a layer's arrays, and where there is no NumPy
    from symconv.layer.conv import Conv

__all__ = ["MAX_ASSUMPTIONS", "assumptions", "hold_for"]

#: comparisons in one assumption, at most
MAX_ASSUMPTIONS = 16

_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip

_PARITY = re.compile(r"\s*(\w+)\s+(?:is\s+)?(odd|even)\s*")


def assumptions(text: str) -> tuple[Comparison, ...]:
    """Comparisons of sizes with commas (or ``and``) between them, chains (``0 <= p < K``) and ``K odd``, ``K even``.

    The sizes are those of a formula: H K O p q r, s and d. Raises ValueError, pointing at the column, for anything else.

    >>> [str(each) for each in assumptions("p == 0, 2*q <= K - 1 and K odd")]
    ['p == 0', '2*q <= K - 1', 'K % 2 == 1']
    """
    result: list[Comparison] = []
    start = 0
    for piece in re.split(r"(,|\band\b)", text):
        if piece not in (",", "and"):
            result += _read(piece, text, start)
        start += len(piece)
    if len(result) > MAX_ASSUMPTIONS:
        raise ValueError(f"{len(result)} assumptions, more than {MAX_ASSUMPTIONS}")
    return tuple(result)


def hold_for(assumed: Iterable[Comparison], conv: Conv) -> bool:
    """Whether comparisons hold on every axis of a layer.

    >>> from symconv import Conv
    >>> hold_for(assumptions("q == p, K odd"), Conv(input=(5, 6), kernel=(3, 2), padding=1))
    False
    """
    each = tuple(assumed)
    return all(comparison.evaluate(conv.sizes(axis)) for axis in range(conv.ndim) for comparison in each)


def _read(piece: str, text: str, start: int) -> list[Comparison]:
    reader = ExpressionReader(text)
    at = start + len(piece) - len(piece.lstrip())
    parity = _PARITY.fullmatch(piece)
    source = f"{parity[1]} % 2 == {int(parity[2] == 'odd')}" if parity else piece.strip()
    if not source.isascii():
        raise reader.fail("a character that is not ASCII", at + 1)
    try:
        node = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise reader.fail(f"{piece.strip()[:40]!r} is no comparison, as in p == 0 or K odd", at + 1) from None
    if not parity:
        reader.shift = at
    if not isinstance(node, ast.Compare) or any(type(op) not in _SIGNS for op in node.ops):
        raise reader.fail(f"{piece.strip()[:40]!r} is no comparison, as in p == 0 or K odd", at + 1)
    sides = [reader.integer(side, 0) for side in (node.left, *node.comparators)]
    return [compare(a, _SIGNS[type(op)], b) for a, op, b in zip(sides, node.ops, sides[1:], strict=False)]
