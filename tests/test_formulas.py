# ruff: noqa: E501
"""What the functions of symconv.formulas promise, one by one: texts, refusals with their columns, values, readings, limits."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from symconv import Conv, isl
from symconv.algebra.integers import Const, Integer, Name
from symconv.algebra.terms import terms_text
from symconv.formulas import by_axes, formula, indices, sets, values
from symconv.formulas import verify as verifying
from symconv.formulas.by_axes import NotAProductError, check_axes, hold, is_product
from symconv.formulas.expressions import MAX_DEPTH, MAX_INTEGER, MAX_LENGTH, MAX_TERMS, FormulaError, listed
from symconv.formulas.indices import TooLargeError, axis_links, bound, interval, ranges
from symconv.formulas.moves import MOVES, Amount
from symconv.formulas.parser import parse
from symconv.formulas.second import second_formula_terms, verify_second
from symconv.formulas.standard import SECOND, standard
from symconv.formulas.tree import (
    Add,
    Array,
    Correlate,
    Formula,
    Indexed,
    IndexSum,
    Move,
    Range,
    Scale,
    Shuffle,
    Sum,
    correlate,
    crop,
    dilate,
    flip,
    move,
    pad,
)  # fmt: skip
from symconv.formulas.values import evaluate
from symconv.formulas.verify import verify
from symconv.layer.differences import exact_gradients, random_integers
from symconv.proof.claim import EXTENTS

H, K, O, p, s, d, i, j, k, m, o = (Name(n) for n in ("H", "K", "O", "p", "s", "d", "i", "j", "k", "m", "o"))
x, w, b, dy = (Array(n) for n in ("x", "w", "b", "dy"))
SMALL = Conv(input=4, kernel=2)
FLAT = Conv(input=(5, 6), kernel=(3, 2), padding=1, stride=(1, 2))


def refused(what: Callable[[], object], told: str, kind: type[Exception] = ValueError) -> None:
    with pytest.raises(kind) as caught:
        what()
    assert str(caught.value) == told


# the parser ----------------------------------------------------------------------------------------------------------

REFUSED = [
    ('z = dy', 1, "a formula is for y, dx, dw, db, ddy, ddx or ddw, not 'z'"),
    ("dx[m, n] = dy[m]", 4, "an index is a name, such as i"),
    ("db[i] = sum(dy)", 4, "db has no index on a spatial axis; write db = ..."),
    ("dx = dy", 6, "dx is a sum of products of dy and w, not one array"),
    ("dx = flip(dy)", 6, "dx is a sum of products of dy and w, not one array"),
    ("y = b", 5, "y is more than b"),
    ("y = 2*b", 5, "y is more than b"),
    ("y = b + b", 9, "b is added to products, or multiplied by a number, not to itself"),
    ("ddy = v_b", 7, "ddy is more than v_b"),
    ('dx = correlate(dy, w) × 2', 23, "write '*' for '×'"),
    ('dx = correlate(dy, w) $ 2', 23, "the character '$' has no meaning here"),
    ('dx = correlate(dy, w); dy = x', 22, "the character ';' has no meaning here"),
    ("dx = y = correlate(dy, w)", 1, "a formula reads target = ..., as in dx = correlate(...)"),
    ("correlate(dy, w)", 1, "a formula reads target = ..., as in dx = correlate(...)"),
    ("", 1, "one formula, as in dx = correlate(...)"),
    ('dx = 1.5*correlate(dy, w)', 7, "the character '.' has no meaning here"),
    ('dx = correlate(dy, w) / 2', 6, "'correlate(dy, w) / 2' does not belong in a formula for dx"),
    ("dx = correlate(dy, w) + dy", 25, "what is added up are products of dy and w, not arrays"),
    ("dx = dy + correlate(dy, w)", 6, "what is added up are products of dy and w, not arrays"),
    ('dx = correlate(dy, w) + 3', 25, "'3' does not belong in a formula for dx"),
    ('dx = 3', 6, "'3' does not belong in a formula for dx"),
    ('dx = 3*4', 6, "'3*4' is a number; products of dy and w are wanted"),
    ("dx = x*correlate(dy, w)", 8, "arrays are multiplied by correlate(a, b), or entry by entry inside sum(...)"),
    ('dx = p*correlate(dy, w)', 6, "'p' varies; a multiple is built from whole numbers, s and d"),
    ("dx = dy*w", 9, "arrays are multiplied by correlate(a, b), or entry by entry inside sum(...)"),
    ("dx = correlate(dy, w)*correlate(dy, w)", 23, "arrays are multiplied by correlate(a, b), or entry by entry inside sum(...)"),
    ("dx = 2*dy", 8, "a multiple is taken of whole products, as in 2 * correlate(...)"),
    ("dx = -dy", 6, "a multiple is taken of whole products, as in 2 * correlate(...)"),
    ('dx = conv(dy, w)', 6, "unknown operation 'conv': there are correlate, pad, crop, dilate, flip, fold, shuffle and sum"),
    ('dx = (dy)(w)', 7, "unknown operation 'dy': there are correlate, pad, crop, dilate, flip, fold, shuffle and sum"),
    ("dx = correlate(dy)", 6, "filter is missing; it is correlate(operand, filter, [stride], [dilation])"),
    ("dx = correlate()", 6, "operand is missing; it is correlate(operand, filter, [stride], [dilation])"),
    ("dx = correlate(dy, w, 1, 1, 1)", 29, "too many arguments; it is correlate(operand, filter, [stride], [dilation])"),
    ("dx = correlate(dy, w, stride=1, stride=2)", 33, "argument stride is given twice; it is correlate(operand, filter, [stride], [dilation])"),
    ("dx = correlate(dy, w, filter=w)", 23, "argument filter is given twice; it is correlate(operand, filter, [stride], [dilation])"),
    ("dx = correlate(dy, w, steps=2)", 23, "argument steps is unknown; it is correlate(operand, filter, [stride], [dilation])"),
    ("dx = correlate(*dy, w)", 16, "no * before an argument"),
    ("dx = correlate(dy, w, stride=0)", 30, "a stride or dilation is at least 1, not 0"),
    ('dx = correlate(dy, w, stride=K)', 30, "'K' varies; a stride or dilation is built from whole numbers, s and d"),
    ("dx = correlate(dy, dy)", 20, "dx is made of dy and w, each once, not of dy and dy"),
    ("dx = correlate(dy, x)", 20, "dx is made of dy and w, not of x"),
    ("dx = correlate(dy, correlate(dy, w))", 20, "correlate takes two arrays, dy and w, not results"),
    ("dx = correlate(dy, H)", 20, "H is a size (input size), and an array is wanted"),
    ('dx = correlate(dy, q2)', 20, "unknown name 'q2': arrays here are dy and w"),
    ("y = correlate(pad(b, 1), w)", 19, "b has no spatial axis"),
    ("dx = correlate(dilate(dy, 0), w)", 27, "a stride or dilation is at least 1, not 0"),
    ("dx = correlate(dilate(dy), w)", 16, "by is missing; it is dilate(operand, by)"),
    ("dx = correlate(pad(dy), w)", 16, "before is missing; it is pad(operand, before, [after], [mode])"),
    ("dx = correlate(pad(dy, same_tf), w)", 24, "same_tf depends on how the stride divides the input; give its amounts in numbers"),
    ("dx = correlate(pad(dy, full, 1), w)", 30, "full says both amounts"),
    ('dx = correlate(pad(dy, p, mode=mirror), w)', 32, "the mode is zeros, constant, reflect, replicate, circular or symmetric, not 'mirror'"),
    ('dx = correlate(pad(dy, p, mode=2), w)', 32, "the mode is zeros, constant, reflect, replicate, circular or symmetric, not '2'"),
    ("dx = pad(correlate(dy, w), p, mode=constant)", 6, "a constant border is put around an array, not around products"),
    ("dx = crop(dy, dy)", 15, "dy is an array, and a whole number is wanted"),
    ('dx = correlate(pad(dy, H*K), w)', 24, "not affine: 'H*K' multiplies sizes or indices; only s, d and numbers may"),
    ('dx = correlate(pad(dy, H // K), w)', 29, "not affine: only s, d and whole numbers may divide, not 'K'"),
    ("dx = correlate(pad(dy, H // 0), w)", 29, "division by zero"),
    ("dx = correlate(pad(dy, 10001), w)", 24, "the number 10001 is beyond 10,000"),
    ("dx = correlate(pad(dy, 10000 + 1), w)", 24, "the number 10001 is beyond 10,000"),
    ('dx = correlate(pad(dy, H**2), w)', 24, "'H**2': integers are combined by + - * // %"),
    ('dx = correlate(pad(dy, ~H), w)', 24, "the character '~' has no meaning here"),
    ('dx = correlate(pad(dy, True), w)', 24, "'True' is not a whole number"),
    ('dx = correlate(pad(dy, z), w)', 24, "unknown name 'z': sizes are H K O p q s d r"),
    ('dx = correlate(pad(dy, [1]), w)', 24, "'[1]' is not an integer expression"),
    ("dx = sum()", 6, "sum of what? It is sum(dy) or sum(dy[i] * w[...], i)"),
    ('dx = sum(dy)', 6, "sum over all of an array is db's; dx is not a single number"),
    ("dx = sum(dy, 1)", 10, "sum over an index takes entries: sum(dy[i] * w[...], i)"),
    ("db = sum(dy, i)", 10, "sum over an index takes entries: sum(dy[i] * w[...], i)"),
    ("db = sum(correlate(dy, w))", 24, "db is made of dy, not of w"),
    ('db = sum(dy) + 1', 16, "'1' does not belong in a formula for db"),
    ("dx[m] = correlate(dy, w)", 19, "with an index on the left, dx[m] is said entry by entry: sum(...)"),
    ("dx[m] = dy", 9, "dy needs its index here, as the left-hand side has one: dy[...]"),
    ("dx[m] = sum(dy, i)", 13, "sum over an index takes entries: sum(dy[i] * w[...], i)"),
    ("dx[m] = sum(dy[i], i)", 13, "each product of dx has dy and w once, this one dy"),
    ("dx[m] = sum(dy[i]*w[m - i]*w[i], i)", 13, "each product of dx has dy and w once, this one dy, w and w"),
    ("dx[m] = sum(dy[i]*x[m - i], i)", 19, "dx is made of dy and w, not of x"),
    ("dx[m] = sum(dy[i]*w[m - i], i, i)", 32, "the index i is used twice"),
    ("dx[m] = sum(dy[i]*w[m - i], m)", 29, "the index m is used twice"),
    ("dx[m] = sum(dy[i]*w[m - i], 3)", 29, "an index is a name, such as i"),
    ("dx[m] = sum(dy[i]*w[m - i], H)", 29, "H is a size (input size), not an index"),
    ("dx[m] = sum(dy[i]*w[m - i], x)", 29, "x cannot be the name of an index"),
    ("dx[m] = sum(dy[i]*w[m - i], pad)", 29, "pad cannot be the name of an index"),
    ("dx[m] = sum(dy[i]*w[m - i], aaaaaaaaaaaaaaaaa)", 29, "aaaaaaaaaaaaaaaaa cannot be the name of an index"),
    ("dx[H] = sum(dy[i]*w[m - i], i)", 4, "H is a size (input size), not an index"),
    ("dx[m] = sum(dy[i]*w[m - i], i=3)", 31, "a range reads i=(0, O): from 0 to below O"),
    ("dx[m] = sum(dy[i]*w[m - i], i=(0, 1, 2))", 31, "a range reads i=(0, O): from 0 to below O"),
    ('dx[m] = sum(dy[i]*w[m - j], i=(0, O), j=(0, i))', 45, "unknown name 'i': sizes are H K O p q s d r, indices m"),
    ('dx[m] = sum(dy[i]*w[m - i % 2], j)', 16, "unknown name 'i': sizes are H K O p q s d r, indices m and j"),
    ("dx[m] = sum(dy[0]*w[m], i)", 25, "no array ends the sum over i; give its range: i=(0, O)"),
    ("dx[m] = sum(dy[i % 2]*w[m], i)", 29, "no array ends the sum over i; give its range: i=(0, O)"),
    ("dx[m] = sum(dy[i]*w[m - i], i, where=i)", 38, "where= takes comparisons (== != <= < >= >) joined by and"),
    ("dx[m] = sum(dy[i]*w[m - i], i, where=i is 3)", 43, "where= takes comparisons (== != <= < >= >) joined by and"),
    ("dx[m] = sum(dy[i]*w[m - i], i, where=i < 3 or i > 5)", 38, "where= takes comparisons (== != <= < >= >) joined by and"),
    ('dx[m] = sum(K*dy[i]*w[m - i], i)', 13, "'K' varies; a multiple is built from whole numbers, s and d"),
    ('dx[m] = sum((dy[i] + dy[i])*w[m - i], i)', 14, "'dy[i] + dy[i]' is not an entry such as dy[i]"),
    ('dx[m] = sum(dy[i]*flip(w), i)', 19, "'flip(w)' is not an entry such as dy[i]"),
    ('dx = dy[3]*w[2]', 6, "entries need the target's index on the left, as in dx[i] = ..."),
    ('dx = sum(dy[3]*w[2])', 10, "entries need the target's index on the left, as in dx[i] = ..."),
    ("y = shuffle(b)", 13, "b has no spatial axis"),
    ("y = shuffle(correlate(x, w), 2)", 30, "too many arguments; it is shuffle(operand)"),
    ('  dx = z', 8, "unknown name 'z': arrays here are dy and w"),
    ('\n\n dx = z', 6, "unknown name 'z': arrays here are dy and w"),
    ('dx = correlate(\n  dy, z)', 23, "unknown name 'z': arrays here are dy and w"),
    ("dx = correlate(pad(dy, ----------------------------------------------------------------------1), w)", 83, "nested too deeply, more than 60 levels"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "column", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_a_text_is_refused_with_its_reason(text: str, column: int, reason: str) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(text)
    assert (caught.value.column, caught.value.reason) == (column, reason)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("y = correlate(x, w) + b + b", "y = correlate(x, w) + b + b"),
        ("dx[m] = sum(s*d*dy[i]*w[m - i], i)", "dx[m] = s*d*sum(dy[i] * w[m - i], i)"),
        ("dx = (s + d)*correlate(dy, w, s*d, d - s)", "dx = (s + d)*correlate(dy, w, stride=s*d, dilation=d - s)"),
        ("dx = correlate(pad(dy, H // (s*d), (s + d)*K % (d - s)), w)", "dx = correlate(pad(dy, H // (s*d), (s + d)*K % (d - s)), w)"),
        ("dx = +correlate(dy, w, stride=+s)", "dx = correlate(dy, w, stride=s)"),
        ("dx = correlate(fold(dy, p), w)", "dx = correlate(fold(dy, p), w)"),
        ("dx = correlate(pad(dy, full), w)", "dx = correlate(pad(dy, d*(K - 1), 2*(d*(K - 1)) - d*(K - 1)), w)"),
        ("dx = correlate(pad(dy, same), w)", "dx = correlate(pad(dy, d*(K - 1) // 2, d*(K - 1) - d*(K - 1) // 2), w)"),
        ("dx = correlate(pad(dy, p, mode=zeros), w)", "dx = correlate(pad(dy, p), w)"),
        ("dx = fold(correlate(dy, w), p, 1, circular)", "dx = fold(correlate(dy, w), p, 1, mode=circular)"),
        ("dx[m] = sum(dy[i]*w[m - j], i, j)", "dx[m] = sum(dy[i] * w[m - j], i, j)"),
        ("dx[m] = sum(2*(dy[i]*w[m - i] - dy[i]*w[m]), i)",
         "dx[m] = 2*(sum(dy[i] * w[m - i], i) - sum(dy[i] * w[m], i))"),
        ("dx[m] = 2*dy[m]*3*w[0]*s", "dx[m] = 2*3*s*sum(dy[m] * w[0])"),
        ("dx[m] = sum(dy[i] * w[i], i, where=0 <= i < m and i != 3)",
         "dx[m] = sum(dy[i] * w[i], i, where=0 <= i and i < m and i != 3)"),
        ("dx[m] = sum(dy[-s*i + m] * w[i // 2], i)", "dx[m] = sum(dy[-s*i + m] * w[i // 2], i)"),
        ("y = -2*correlate(x, w) - (correlate(x, w) - b)", "y = -2*correlate(x, w) - (correlate(x, w) - b)"),
        ("ddw = correlate(v_x, dy)", "ddw = correlate(v_x, dy)"),
        ("dx[m] = sum(dy[aaaaaaaaaaaaaaaa]*w[0], aaaaaaaaaaaaaaaa)", "dx[m] = sum(dy[aaaaaaaaaaaaaaaa] * w[0], aaaaaaaaaaaaaaaa)"),
    ],
)  # fmt: skip
def test_a_text_is_read(text: str, read: str) -> None:
    assert str(parse(text)) == read
    assert str(parse(read)) == read


def deep(levels: int) -> str:
    return "dx = correlate(" + "flip(" * levels + "dy" + ")" * levels + ", w)"


def test_limits_of_a_text() -> None:
    """Each limit is kept exactly: what is as large as it is read, what is one larger is refused."""
    names = "dx[m] = sum(" + "+".join(["dy[i]*w[m]"] * MAX_TERMS) + ", i)"
    calls = "dx = " + "+".join(["correlate(dy, w)"] * MAX_TERMS)

    for right, wrong, column, reason in (
        (deep(MAX_DEPTH - 2), deep(MAX_DEPTH), 16 + 5 * MAX_DEPTH, f"nested too deeply, more than {MAX_DEPTH} levels"),
        (names, names.replace(", i)", "+dy[i]*w[m], i)"), 13 + 11 * MAX_TERMS, "more than 32 products are added up"),
        (calls, calls + "+correlate(dy, w)", 6 + 17 * MAX_TERMS, "more than 32 products are added up"),
        (f"dx = correlate(pad(dy, {MAX_INTEGER}), w)", f"dx = correlate(pad(dy, -{MAX_INTEGER + 1}), w)", 25,
         "the number 10001 is beyond 10,000"),
        ("dx = correlate(dy, w)" + " " * (MAX_LENGTH - 21), "dx = correlate(dy, w)" + " " * (MAX_LENGTH - 20), 1,
         "2,001 characters, more than 2,000"),
    ):  # fmt: skip
        parse(right)
        with pytest.raises(FormulaError) as caught:
            parse(wrong)
        assert (caught.value.column, caught.value.reason) == (column, reason)


def test_how_deep_the_parts_of_a_text_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """The counts behind the limit on nesting, on every way through the parser, in order."""
    visits: list[str] = []
    monkeypatch.setattr(
        "symconv.formulas.expressions.ExpressionReader.check_depth",
        lambda self, node, depth: visits.append(f"{depth} {self.source(node)[1:-1][:12].strip()}"),
    )
    for text, due in DEPTHS.items():
        visits.clear()
        parse(text)
        assert "; ".join(visits) == due


DEPTHS = {
    "dx = 2*correlate(pad(+dy, H, -p), fold(w, 1), s + 1, dilation=d) - s*(correlate(dy, w) + -correlate(dilate(dy, 2), w))": "0 2*correlate(; 1 2*correlate(; 1 2*correlate(; 2 2; 2 correlate(pa; 2 2; 2 correlate(pa; 3 pad(+dy, H,; 4 +dy; 5 dy; 4 H; 4 -p; 5 p; 3 fold(w, 1); 4 w; 4 1; 3 s + 1; 4 s; 4 1; 3 d; 2 2; 1 s*(correlate; 1 s*(correlate; 2 s; 2 correlate(dy; 2 s; 2 correlate(dy; 3 correlate(dy; 4 dy; 4 w; 3 -correlate(d; 4 correlate(di; 5 dilate(dy, 2; 6 dy; 6 2; 5 w; 2 s",
    "dx[m] = 3*sum(2*(dy[m + 4]*w[K - j]) - dy[j]*(5*w[q]), j=(0, H - 6), where=7 < j and j != 8)": "0 3*sum(2*(dy[; 0 3*sum(2*(dy[; 1 3; 1 sum(2*(dy[m; 1 3; 1 sum(2*(dy[m; 2 0; 2 H - 6; 3 H; 3 6; 2 7 < j and j; 3 7 < j; 4 7; 4 j; 3 j != 8; 4 j; 4 8; 1 2*(dy[m + 4]; 2 2*(dy[m + 4]; 2 2*(dy[m + 4]; 3 2; 3 dy[m + 4]*w[; 4 dy[m + 4]; 4 w[K - j]; 3 m + 4; 4 m; 4 4; 3 K - j; 4 K; 4 j; 3 2; 2 dy[j]*(5*w[q; 2 dy[j]*(5*w[q; 3 dy[j]; 3 5*w[q]; 4 5; 4 w[q]; 3 j; 3 q; 3 5; 1 3",
    "dx[m] = 9*dy[m - 1]*w[0]": "0 9*dy[m - 1]*; 0 9*dy[m - 1]*; 1 9*dy[m - 1]; 2 9; 2 dy[m - 1]; 1 w[0]; 1 9; 0 9*dy[m - 1]*; 0 9*dy[m - 1]*; 1 9*dy[m - 1]; 2 9; 2 dy[m - 1]; 1 w[0]; 1 m - 1; 2 m; 2 1; 1 0; 1 9",
    "db = -sum(crop(dy, 1, 3 - K))": "0 -sum(crop(dy; 1 sum(crop(dy,; 2 crop(dy, 1,; 3 dy; 3 1; 3 3 - K; 4 3; 4 K",
    "y = shuffle(correlate(x, w)) + 2*b": "0 shuffle(corr; 1 shuffle(corr; 2 correlate(x,; 3 x; 3 w; 1 2*b; 1 2*b; 2 2; 2 b; 2 2; 2 b; 2 2",
    "y = pad(correlate(x, w), same)": "0 pad(correlat; 1 correlate(x,; 2 x; 2 w",
    "dx[m] = sum(-(dy[m]*w[0]), j=(0, 2))": "0 sum(-(dy[m]*; 1 0; 1 2; 0 -(dy[m]*w[0]; 1 dy[m]*w[0]; 1 dy[m]*w[0]; 2 dy[m]; 2 w[0]; 2 m; 2 0",
    "dw = flip(flip(correlate(x, dy)))": "0 flip(flip(co; 1 flip(correla; 2 correlate(x,; 3 x; 3 dy",
}


def test_what_python_cannot_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FormulaError) as caught:
        parse("dx = 1is")
    assert (caught.value.column, caught.value.reason) == (6, "not a formula: invalid decimal literal")
    for text, column in ((")", 1), ("1 +", 4), ("dx = (", 6)):  # from the first character to one beyond the last
        with pytest.raises(FormulaError) as caught:
            parse(text)
        assert caught.value.column == column

    deep = "nested too deeply, more than 60 levels"
    for error, reason in (
        (RecursionError(), deep), (MemoryError(), deep), (SyntaxError("odd. Maybe you meant it?"), "not a formula: odd"),
        (SyntaxWarning("odd."), "not a formula: odd"), (DeprecationWarning("odd"), "not a formula: odd"),
    ):  # fmt: skip

        def fail(text: str, error: BaseException = error) -> None:
            raise error

        with monkeypatch.context() as patch:  # undone before anything is reported
            patch.setattr("ast.parse", fail)
            with pytest.raises(FormulaError) as caught:
                parse("dx = correlate(dy, w)")
        assert (caught.value.column, caught.value.reason) == (1, reason)


@pytest.mark.parametrize(
    ("text", "column", "pointed"),
    [
        ("  dx = z", 8, "  dx = z\n       ^"),
        ("\n\n dx = z", 6, "dx = z\n     ^"),
        ("dx = correlate(\n  dy, z)", 23, "  dy, z)\n      ^"),
        ("dx = correlate(dy,\nw, 1, 1, z)", 29, "w, 1, 1, z)\n         ^"),
        ("dx = correlate(dy, w", 15, "dx = correlate(dy, w\n              ^"),
        ("dx =", 5, "dx =\n    ^"),
        ("", 1, "\n^"),
    ],
)
def test_an_error_points_at_its_place(text: str, column: int, pointed: str) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(text)
    assert (caught.value.column, caught.value.pointed) == (column, pointed)
    assert FormulaError("it", "ab", 9).pointed == "ab\n  ^"


def test_long_texts_are_shortened_in_messages() -> None:
    assert str(FormulaError("it", "a" * 120, 1)) == f"column 1: it, in {'a' * 120!r}"
    assert str(FormulaError("it", "a" * 121, 1)) == f"column 1: it, in {'a' * 117 + '...'!r}"
    for length, shown in ((40, "1" + "+1" * 20), (41, "1" + "+1" * 19 + "...")):
        wanted = "11" + "+1" * 19 if length == 40 else "1" + "+1" * 20
        assert len(wanted) == length
        with pytest.raises(FormulaError) as caught:
            parse(f"dx = ({wanted})(dy)")
        told = wanted if length == 40 else wanted[:37] + "..."
        assert caught.value.reason.startswith(f"unknown operation {told!r}: there are "), shown


def test_names_in_a_row() -> None:
    assert [listed([]), listed(["a"]), listed("ab"), listed("abc", "or")] == ["", "a", "a and b", "a, b or c"]


# the tree ------------------------------------------------------------------------------------------------------------


def test_formulas_show_themselves() -> None:
    assert repr(standard("db", transposed=True)) == "Formula('db = sum(dy)', transposed=True)"
    assert repr(standard("db", padding_mode="reflect")) == "Formula('db = sum(dy)', padding_mode='reflect')"
    assert repr(standard("db")) == "Formula('db = sum(dy)')"
    assert str(Formula("y", Add(Scale(Const(2), Add(Shuffle(x), b)), Add(x, b)))) == "y = 2*(shuffle(x) + b) + (x + b)"
    assert str(Add(x, Scale(Const(-1), Add(w, b)))) == "x - (w + b)"
    assert str(Add(x, Scale(Const(-1), w))) == "x - w"
    assert str(Scale(s - 1, x)) == "(s - 1)*x"
    assert str(Correlate(x, w, s, d)) == "correlate(x, w, stride=s, dilation=d)"
    assert str(IndexSum((Indexed("x", o), Indexed("w", k)), (Range("k"), Range("i", Const(0), H)))) == (
        "sum(x[o] * w[k], k, i=(0, H))"
    )


def test_what_a_formula_names() -> None:
    f = parse("y[o] = sum(x[s*o + d*k]*w[k], k=(r, K), where=k < p and q == 1) + b")
    assert f.sizes() == set("sdrKpq")
    assert f.arrays() == {"x", "w", "b"}
    assert f.with_bias
    assert not replace(f, target="dx").with_bias
    assert parse("dx = correlate(pad(dilate(dy, s), p, H - q), w, dilation=d)").sizes() == set("spHqd")
    both = parse("y = correlate(pad(x, 1, mode=reflect), pad(w, 1, mode=circular))")
    assert (both.modes(), both.padding_mode) == (("reflect", "circular"), "reflect")
    assert parse("y = correlate(x, w)", padding_mode="symmetric").padding_mode == "symmetric"
    assert [str(node) for node in parse("dx = 2*correlate(flip(dy), w)").body.walk()] == [
        "2*correlate(flip(dy), w)", "correlate(flip(dy), w)", "flip(dy)", "dy", "w"
    ]  # fmt: skip


def test_operations_by_hand() -> None:
    assert (str(crop(x, 1)), str(crop(x, 1, 2)), str(dilate(x, s))) == ("crop(x, 1)", "crop(x, 1, 2)", "dilate(x, s)")
    assert str(correlate(x, w, 2)) == "correlate(x, w, stride=2)"
    refused(lambda: move("dilate", x), "dilate takes by", TypeError)
    assert pad(x, 1, 2).amount("after") == Const(2)
    assert pad(x, 1).amount("after") == Const(1)
    assert (Amount("by", step=True).neutral, Amount("by").neutral) == (1, 0)
    assert [each.neutral for each in MOVES["dilate"].amounts + MOVES["pad"].amounts] == [1, 0, 0]


@pytest.mark.parametrize("key", MOVES)
def test_where_an_entry_goes_is_where_it_comes_from(key: str) -> None:
    operation = MOVES[key]
    for length, amounts in itertools.product((4, 5), ((2, 1), (0, 3), (1, 0))):
        node = Move(
            key, x, tuple(Const(max(a, each.neutral)) for each, a in zip(operation.amounts, amounts, strict=False))
        )
        total = int(node.length(Const(length)).evaluate({}))
        back = relation(node.back(Name("i"), Const(length), Name("e")), "i", total)
        forward = relation(node.forward(Name("j"), Const(length), Name("e")), "j", length)
        inside = sorted((a, b) for a, b in back if 0 <= b < length)
        assert inside == sorted((a, b) for b, a in forward), (key, length, amounts)
        assert all(0 <= a < total for _, a in forward)


def relation(branches: Any, name: str, count: int) -> list[tuple[int, int]]:
    found = []
    for at, branch in itertools.product(range(count), branches):
        many = 1 if branch.many is None else int(branch.many.evaluate({}))
        for e in range(many):
            values = {name: at, "e": e}
            if all(c.evaluate(values) for c in branch.when):
                found.append((at, int(branch.to.evaluate(values))))
    return found


def test_standard_formulas_by_name() -> None:
    refused(lambda: standard("z"), "no standard formula for 'z'; there is one for y, dx, dw, db, ddy, ddx, ddw")
    refused(lambda: standard("y", True, "reflect"), "padding_mode 'reflect': a transposed convolution knows zeros only")
    refused(
        lambda: standard("y", padding_mode="odd"),
        "padding_mode 'odd' is unknown; there are zeros, constant, reflect, replicate, circular, symmetric",
    )
    assert str(standard("ddx")) == (
        "ddx = correlate(pad(dilate(dy, s), d*(K - 1) - p, d*(K - 1) - q + r), flip(v_w), dilation=d)"
    )
    assert str(standard("ddw", padding_mode="constant")) == (
        "ddw = correlate(crop(pad(v_x, p, q), 0, r), dilate(dy, s), stride=d)"
    )
    assert standard("ddy").name == "standard ddy"
    assert formula(" dx ", True) == standard("dx", True)
    assert formula("dx", padding_mode="circular") == standard("dx", padding_mode="circular")
    assert formula(standard("dx"), True) is standard("dx")


# values --------------------------------------------------------------------------------------------------------------

MEANS_NOTHING = [
    (Formula("y", x), "y = x: x stands alone; y is a sum of products"),
    (Formula("y", Add(x, b)), "y = x + b: x stands alone; y is a sum of products"),
    (Formula("y", Scale(Const(2), x)), "y = 2*x: x stands alone; y is a sum of products"),
    (Formula("dx", correlate(correlate(dy, w), w)),
     "correlate(correlate(dy, w), w): correlate takes two of x, w and dy, moved about, not results"),
    (Formula("dx", correlate(w, correlate(dy, w))),
     "correlate(w, correlate(dy, w)): correlate takes two of x, w and dy, moved about, not results"),
    (Formula("y", correlate(b, w)), "correlate(b, w): correlate takes two of x, w and dy, moved about, not results"),
    (Formula("dx", correlate(x, w)), "correlate(x, w): dx is made of dy and w, each once"),
    (Formula("ddy", correlate(x, w)), "correlate(x, w): ddy is made of v_x and w, or v_w and x, each once"),
    (Formula("db", Sum(w)), "sum(w): db is not a sum of w over space and batch"),
    (Formula("db", Sum(Sum(dy))), "sum(sum(dy)): db is not a sum of sum(dy) over space and batch"),
    (Formula("y", Sum(x)), "sum(x): y is not a sum of x over space and batch"),
    (Formula("db", Sum(move("pad constant", dy, 1))), "sum(pad(dy, 1, mode=constant)): a sum over the constant of a border"),
    (Formula("y", correlate(move("pad constant", x, 1), move("pad constant", w, 1))),
     "y = correlate(pad(x, 1, mode=constant), pad(w, 1, mode=constant)): a product of the constant of two borders"),
    (Formula("y", correlate(move("fold reflect", x, 1), w)),
     "fold(x, 1, mode=reflect): fold adds entries up; it is taken of products, not of an array"),
    (Formula("y", move("pad constant", correlate(x, w), 1)),
     "pad(correlate(x, w), 1, mode=constant): a constant border is put around an array, not around products"),
    (Formula("y", correlate(x, w), transposed=True),
     "y = correlate(x, w) is about a transposed convolution, Conv(input=4, kernel=2) is a convolution"),
    (Formula("y", IndexSum((Indexed("x", o),), ()), "o"), "sum(x[o]): y is made of w and x, each once"),
    (Formula("y", IndexSum((Indexed("x", o), Indexed("w", Const(0))), (Range("i"),)), "o"),
     "sum(x[o] * w[0], i): no array bounds the index i; give its range, as in i=(0, O)"),
    (Formula("y", Add(correlate(x, w), correlate(pad(x, 1), w))),
     "correlate(x, w) + correlate(pad(x, 1), w): sums of shapes (3,) and (5,)"),
    (Formula("y", correlate(x, w, 0 - s)), "stride -s is -1 on axis 0; it must be at least 1"),
    (Formula("y", correlate(x, w, 1, d - 1)), "dilation d - 1 is 0 on axis 0; it must be at least 1"),
    (Formula("y", correlate(dilate(x, s - 1), w)), "dilate by s - 1 is 0 on axis 0; it must be at least 1"),
    (Formula("y", Scale(Const(1) // (s - 1), correlate(x, w))), "1 // (s - 1) divides by zero for Conv(input=4, kernel=2)"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "told"), MEANS_NOTHING, ids=range(len(MEANS_NOTHING)))
def test_what_has_no_value(given: Formula, told: str) -> None:
    refused(lambda: evaluate(SMALL, given), told)


def entries(conv: Conv, text: str) -> list[str]:
    found = evaluate(conv, formula(text))
    return [found.text(at) for at in np.ndindex(*found.shape)]


def test_values_by_hand() -> None:
    assert entries(SMALL, "y = correlate(pad(x, 1, -2), w) + 2*b") == [
        "w_{2}*x_{1} + 2*b",
        "w_{1}*x_{1} + w_{2}*x_{2} + 2*b",
    ]
    assert entries(SMALL, "y = b + correlate(crop(x, 2, 0), w)") == ["w_{1}*x_{3} + w_{2}*x_{4} + b"]
    assert entries(SMALL, "y = correlate(x, w, 2)") == ["w_{1}*x_{1} + w_{2}*x_{2}", "w_{1}*x_{3} + w_{2}*x_{4}"]
    assert entries(SMALL, "y = correlate(x, w, 1, 3)") == ["w_{1}*x_{1} + w_{2}*x_{4}"]
    assert entries(SMALL, "y = correlate(x, w, 1, 4)") == []
    assert entries(SMALL, "y = correlate(x, crop(w, 1))") == [] * 4
    assert entries(SMALL, "dx = fold(correlate(pad(dy, 1), flip(w)), 1, 0, mode=replicate)") == [
        "dy_{1}*w_{1} + dy_{1}*w_{2} + dy_{2}*w_{1}", "dy_{2}*w_{2} + dy_{3}*w_{1}", "dy_{3}*w_{2}"
    ]  # fmt: skip
    assert entries(SMALL, "db = sum(crop(dy, 1, 0)) - 2*sum(dy[i], i=(0, 1))") == ["-2*dy_{1} + dy_{2} + dy_{3}"]
    assert entries(Conv(4, 2, bias=False), "y = correlate(crop(x, 0, 2), w) + b") == ["w_{1}*x_{1} + w_{2}*x_{2}"]
    filled = Conv(2, 2, padding=1, padding_mode="constant")
    assert entries(filled, "y = correlate(pad(x, 1, 0, mode=constant), w)") == [
        "w_{1}*v + w_{2}*x_{1}", "w_{1}*x_{1} + w_{2}*x_{2}"
    ]  # fmt: skip


def test_values_on_several_axes_and_channels() -> None:
    conv = Conv((3, 4), 2, batch=2, in_channels=4, out_channels=2, groups=2)
    given = random_integers(conv, seed=4)
    due = exact_gradients(conv, given["x"], given["w"], given["b"], given["dy"])
    for target in ("y", "dx", "dw", "db"):
        found = evaluate(conv, standard(target)).substitute(given)
        assert np.array_equal(found, due[target])
    shuffled = evaluate(conv, parse("y = correlate(shuffle(x), w)")).substitute(given)
    dealt = given["x"][:, [0, 2, 1, 3]]
    assert np.array_equal(shuffled, exact_gradients(conv, dealt, given["w"], given["b"] * 0, given["dy"])["y"])
    refused(lambda: evaluate(FLAT, parse("y = s*correlate(x, w)")), "the factor s differs from axis to axis: [1, 2]")


def test_arrays_too_large_are_refused_before_they_are_built(monkeypatch: pytest.MonkeyPatch) -> None:
    given = parse("y = correlate(pad(x, 2), w)")
    monkeypatch.setattr(values, "MAX_CELLS", 8)
    evaluate(SMALL, given)
    monkeypatch.setattr(values, "MAX_CELLS", 7)
    told = f"{given} builds an array of shape (8,), more than 7 entries"
    refused(lambda: evaluate(SMALL, given), told, TooLargeError)


# index sums ----------------------------------------------------------------------------------------------------------

SIZES = {"H": 4, "K": 2, "O": 3, "p": 0, "q": 0, "r": 0, "s": 1, "d": 1}


def links(text: str, **more: int) -> dict[str, list[int]]:
    read = parse(text)
    assert isinstance(read.body, IndexSum)
    extents = {"x": 4, "w": 2, "y": 3, "dy": 3, "dx": 4, "dw": 2, "db": 1}
    found = axis_links(read.body, read.target, read.index, extents, SIZES | more)
    return {name: column.tolist() for name, column in found.items()}


def test_links_of_an_index_sum() -> None:
    assert links("y[o] = sum(x[o + k - 1]*w[k], k)") == {
        "x": [0, 0, 1, 1, 2],
        "w": [1, 0, 1, 0, 1],
        "y": [0, 1, 1, 2, 2],
    }
    assert links("y[o] = sum(x[o + k]*w[k], k=(1, O))") == {"x": [1, 2, 3], "w": [1, 1, 1], "y": [0, 1, 2]}
    assert links("y[o] = sum(x[o]*w[k], k=(H, 0))") == {"x": [], "w": [], "y": []}
    assert links("y[o] = sum(x[o]*w[0], k=(o, 2))") == {"x": [0, 0, 1], "w": [0, 0, 0], "y": [0, 0, 1]}
    assert links("y[o] = sum(x[o]*w[k], k, where=o + k == 2)") == {"x": [1, 2], "w": [1, 0], "y": [1, 2]}
    assert links("db = sum(dy[i], i)") == {"dy": [0, 1, 2], "db": [0, 0, 0]}
    assert links("y[o] = x[3 - o]*w[o]") == {"x": [3, 2], "w": [0, 1], "y": [0, 1]}
    assert links("y[o] = sum(x[i // 2]*w[0], i, where=o == 0)") == {
        "x": [0, 0, 1, 1, 2, 2, 3, 3],
        "w": [0] * 8,
        "y": [0] * 8,
    }
    assert links("y[o] = sum(x[i // (-2)]*w[0], i, where=o == 0)") == {
        "x": [3, 3, 2, 2, 1, 1, 0, 0], "w": [0] * 8, "y": [0] * 8
    }  # fmt: skip


def test_what_an_index_sum_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, told in (
        ("y[o] = sum(x[i // (s - 1)]*w[0], i=(0, 3))", "i // (s - 1) divides by zero"),
        ("y[o] = sum(x[i // (s - 1)]*w[0], i)", "i // (s - 1) divides by zero"),
        ("y[o] = sum(x[i]*w[0], i, where=i % (s - 1) == 0)", "i % (s - 1) divides by zero"),
        ("y[o] = sum(x[i]*w[0], i, where=2 // (1 // (s - 1)) == 0)", "2 // (1 // (s - 1)) divides by zero"),
        ("y[o] = sum(x[i]*w[0], i=(0, 3 // (s - 1)))", "the range i=(0, 3 // (s - 1)) divides by zero"),
        ("y[o] = sum(x[0]*w[0], i=(3 // (s - 1), 3))", "the range i=(3 // (s - 1), 3) divides by zero"),
    ):
        refused(lambda text=text: links(text), told)
    text = "y[o] = sum(x[i]*w[k], i=(0, 3), k=(0, 2))"
    monkeypatch.setattr(indices, "MAX_TUPLES", 18)
    assert len(links(text)["y"]) == 18
    monkeypatch.setattr(indices, "MAX_TUPLES", 17)
    told = "sum(x[i] * w[k], i=(0, 3), k=(0, 2)) goes through 18 index combinations, more than 17"
    refused(lambda: links(text), told, TooLargeError)


def test_intervals_are_tight() -> None:
    known = {"i": (-2, 3), "j": (1, 4)}
    for e, due in (
        (i, (-2, 3)), (H, (4, 4)), (Const(-7), (-7, -7)), (i + j, (-1, 7)), (i - j, (-6, 2)), (i * j, (-8, 12)),
        (i * -2, (-6, 4)), (i // 2, (-1, 1)), (i // -2, (-2, 1)), (i // j, (-2, 3)), (i % 3, (0, 2)), (i % -3, (-2, 0)),
        (i % j, (0, 3)), (H % 3, (1, 1)), (H % -3, (-2, -2)),
    ):  # fmt: skip
        assert interval(e, known, SIZES) == due, str(e)
    for e in (i // (j - 1), i % (j - 4), i // (j - 2), H // (s - 1)):
        with pytest.raises(ZeroDivisionError):
            interval(e, known, SIZES)


def test_where_an_index_stays_inside() -> None:
    known = {"o": (0, 2)}
    for e, due in (
        (k, (0, 3)), (k - 1, (1, 4)), (o + k, (-2, 3)), (k - o, (0, 5)), (2 * k, (0, 1)), (3 - 2 * k, (0, 1)), (-k, (-3, 0)),
        (k // 2, (0, 7)), (k // -2, (-7, 0)), ((k - 1) // 3, (1, 12)), (1 - 3 * k, (0, 0)),
        (o, None), (o * k, None), (k % 2, None), (k - j, None), (k // o, None), (k * (s - 1), None),
    ):  # fmt: skip
        assert bound(e, "k", 4, known, SIZES) == due, str(e)
    refused(lambda: bound(k // (s - 1), "k", 4, known, SIZES), "k // (s - 1) divides by zero")
    refused(lambda: bound(k - H // (s - 1), "k", 4, known, SIZES), "k - H // (s - 1) divides by zero")
    node = parse("y[o] = sum(x[o + k]*w[k], k)").body
    assert isinstance(node, IndexSum)
    assert ranges(node, known, {"x": 4, "w": 2}, SIZES) == {"k": (0, 1)}
    both = parse("y[o] = sum(x[i + k]*w[k], i, k)").body
    assert isinstance(both, IndexSum)
    assert ranges(both, known, {"x": 4, "w": 2}, SIZES) == {"k": (0, 1), "i": (-1, 3)}


# sets of integers ----------------------------------------------------------------------------------------------------


def read(given: Formula, stride: int = 2, dilation: int = 1) -> sets.Reading:
    context = isl.Context()
    legal = sets.parameter_set(context, "H >= 1 and K >= 1 and O >= 1 and p >= 0 and q >= 0 and 0 <= r < 2")
    return sets.read(context, given, {"s": stride, "d": dilation}, EXTENTS, legal)


UNREADABLE: list[tuple[Formula, str, type[Exception]]] = [
    (Formula("y", Sum(x)), "y = sum(x): a single number is not y", ValueError),
    (Formula("dx", correlate(correlate(dy, w), w)),
     "correlate(correlate(dy, w), w): correlate takes two arrays, moved about, not results", ValueError),
    (Formula("dx", correlate(w, Sum(dy))), "correlate(w, sum(dy)): correlate takes two arrays, moved about, not results", ValueError),
    (Formula("y", correlate(b, w)), "y = correlate(b, w): b has no spatial axis; it is added to the whole", ValueError),
    (Formula("ddy", flip(Array("v_b"))), "ddy = flip(v_b): v_b has no spatial axis; it is added to the whole", ValueError),
    (Formula("y", move("pad constant", correlate(x, w), 1)),
     "pad(correlate(x, w), 1, mode=constant): a constant border is put around an array, not around products", ValueError),
    (Formula("y", Scale(Const(2), x)), "2*x: a multiple is taken of products, not of an array", ValueError),
    (Formula("y", Shuffle(correlate(x, w))),
     "shuffle(correlate(x, w)) deals channels to groups, which a proof on one spatial axis does not see; use verify", ValueError),
    (Formula("y", IndexSum((Indexed("x", H), Indexed("w", Const(0))), ())),
     "y = sum(x[H] * w[0]): entries need the target's index on the left", ValueError),
    (Formula("db", IndexSum((Indexed("dy", i),), ()), "i"),
     "db[i] = sum(dy[i]): entries need the target's index on the left", ValueError),
    (Formula("y", IndexSum((Indexed("x", o), Indexed("w", Const(0))), (Range("i"), Range("j"))), "o"),
     "the sum over i, j has no end", sets.MeaninglessError),
    (Formula("db", Add(Sum(dy), correlate(dy, w))), "sum(dy) + correlate(dy, w) adds a single number to an array", ValueError),
    (Formula("db", flip(Sum(dy))), "db = flip(sum(dy)): sum(dy) is a single number", ValueError),
    (Formula("db", Sum(Sum(dy))), "sum(sum(dy)): sum takes an array, moved about", ValueError),
    (Formula("db", Sum(Add(dy, dy))), "sum(dy + dy): sum takes an array, moved about", ValueError),
    (Formula("y", Scale(H, correlate(x, w))),
     "the factor H varies with the sizes; it must be built from whole numbers, s and d", ValueError),
    (Formula("y", Scale(H // (s - 2), correlate(x, w))), "H // 0 divides by zero", sets.MeaninglessError),
    (Formula("y", Scale(Const(10**9 + 1), correlate(x, w))),
     "the number 1000000001 is beyond 1,000,000,000", sets.MeaninglessError),
    (Formula("y", correlate(x, w, H)), "stride H varies with the sizes; it must be built from whole numbers, s and d", ValueError),
    (Formula("y", correlate(x, w, 1, K)), "dilation K varies with the sizes; it must be built from whole numbers, s and d", ValueError),
    (Formula("y", correlate(x, w, Const(4) // (s - 2))), "4 // (s - 2) divides by zero", sets.MeaninglessError),
    (Formula("y", correlate(x, w, 2 - s)), "stride 2 - s is 0; it must be at least 1", sets.MeaninglessError),
    (Formula("y", correlate(dilate(x, s - 2), w)), "dilate by s - 2 is 0; it must be at least 1", sets.MeaninglessError),
    (Formula("y", Add(correlate(x, w), Scale(H, b))), "correlate(x, w) + H*b: b is added to an array, times a whole number", ValueError),
    (Formula("y", Add(b, Sum(x))), "b + sum(x): b is added to an array, times a whole number", ValueError),
    (Formula("y", correlate(pad(x, H * K), w)), "H*K is not affine: it multiplies sizes or indices", ValueError),
    (Formula("y", correlate(pad(x, H // K), w)), "H // K is not affine: it divides by K", ValueError),
    (Formula("y", correlate(pad(x, H // (s - 2)), w)), "H // 0 divides by zero", sets.MeaninglessError),
    (Formula("y", correlate(x, crop(w, p, 0))), "(max(0, ((K) - (p)))) < 1", sets.DivisionError),
]  # fmt: skip


@pytest.mark.parametrize(("given", "told", "kind"), UNREADABLE, ids=range(len(UNREADABLE)))
def test_what_one_axis_does_not_show(given: Formula, told: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        read(given)
    assert str(caught.value) == told
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("e", "text"),
    [
        (H // 2, "floor((H)/2)"), (H // -2, "floor((-(H))/2)"), (H % 3, "((H) mod 3)"), (H % -3, "(-((-(H)) mod 3))"),
        (2 * H - 1, "(2*(H)) - (1)"), (H * s, "2*(H)"), (s * H, "2*(H)"), (o + K, "(t) + (K)"), (Const(10**9), "1000000000"),
    ],
)  # fmt: skip
def test_expressions_in_the_words_of_isl(e: Integer, text: str) -> None:
    assert sets.quasi_affine(e, {"s": 2, "o": "t"}) == text


def members(given: Formula, at: dict[str, int], stride: int = 2, dilation: int = 1) -> list[tuple[Any, ...]]:
    """(coefficient, arrays, entries...) of every product of a reading at one size."""
    found: list[tuple[Any, ...]] = []
    for piece in read(given, stride, dilation).pieces:
        there = piece.relation
        for name, value in at.items():
            place = there.find_dim_by_name(isl.dim_type.param, name)
            if place >= 0:
                there = there.fix_val(isl.dim_type.param, place, isl.Val(value, there.get_ctx()))
        wrapped = there.wrap()
        count = wrapped.dim(isl.dim_type.set)

        def note(point: Any, piece: sets.Piece = piece, count: int = count) -> None:
            values = (point.get_coordinate_val(isl.dim_type.set, n).to_python() for n in range(count))
            found.append((piece.coefficient, piece.arrays, *values))

        wrapped.foreach_point(note)
    return sorted(found)


@pytest.mark.parametrize(
    "text",
    [
        "y = correlate(pad(x, p, q), w, stride=s) + 3*b", "y = 2*correlate(crop(x, 1, 0), flip(w))", "db = sum(crop(dy, 1, 0))",
        "dx = fold(correlate(pad(dilate(dy, s), 1), flip(w)), 1, 0, mode=replicate)", "db = 2*sum(dy[i], i=(1, 4))",
        "y = correlate(pad(x, 1, 1, mode=replicate), pad(w, 1, 0, mode=replicate), stride=s)",
        "dw[k] = sum(dy[i] * x[s*i + k - p], i) - sum(dy[i]*x[0], i=(0, 9), where=i % 2 == 1)",
        "y = correlate(pad(x, 1, 2, mode=constant), w)", "y[o] = x[o + 1]*w[o % 2]", "y = correlate(x, dilate(w, 2), 1, s)",
        "db = sum(pad(dy, 1, 1, mode=replicate))",
    ],
)  # fmt: skip
def test_a_reading_lists_what_the_value_holds(text: str) -> None:
    conv = Conv(7, 3, stride=2, padding=((1, 1),), padding_mode="constant" if "constant" in text else "zeros")
    given = replace(parse(text), padding_mode=conv.padding_mode)
    counted: dict[tuple[Any, ...], int] = {}
    for coefficient, arrays, *places in members(given, conv.sizes(0)):
        names = tuple(name for name in arrays if name not in ("b", "v"))
        head = (arrays, *places) if given.target != "db" else (arrays, 0, *places)
        key = head[: 2 + len(names)]
        counted[key] = counted.get(key, 0) + coefficient
    due: dict[tuple[Any, ...], int] = {}
    array = evaluate(conv, given)
    for entry in range(array.size):
        at = np.unravel_index(entry, array.shape)
        for coefficient, factors in array.terms_of([int(n) for n in at]):
            ordered = sorted(factors)
            key = (tuple(name for name, _ in ordered), entry, *(n for name, n in ordered if name not in ("b", "v")))
            due[key] = due.get(key, 0) + coefficient
    assert {key: c for key, c in counted.items() if c} == due


def test_lengths_of_a_reading() -> None:
    for text, due in (
        ("y = correlate(x, w)", 5), ("y = correlate(pad(x, -9, 0), w)", 0), ("y = correlate(x, w, 3)", 2),
        ("y = correlate(pad(x, p), w, s)", 4), ("dx = dilate(correlate(dy, w), 3)", 4),
        ("y[o] = x[o]*w[0]", 4),
    ):  # fmt: skip
        sizes = {"H": 7, "K": 3, "p": 1, "q": 1, "O": 4, "r": 0}
        length = read(parse(text)).length
        assert length is not None
        assert eval(length.replace("floor(", "int(").replace("/", "//"), {"max": max, "int": int}, sizes) == due, text
    clash = read(parse("y = correlate(x, w) + correlate(pad(x, p), w)")).clash
    there = sets.parameter_set(clash.get_ctx(), "H >= 1 and K >= 1")
    due = "H - K + 1 > 0 and p != 0 or H - K + 1 <= 0 and H + 2p - K + 1 > 0"
    assert clash.intersect(there).is_equal(sets.parameter_set(clash.get_ctx(), due).intersect(there))
    assert read(parse("y = correlate(x, w) + 2*correlate(x, w)")).clash.is_empty()


# by axes and entry by entry ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "y = shuffle(correlate(x, w))",
            "y = shuffle(correlate(x, w)) deals channels to groups, which is no product over the axes",
        ),
        ("y = correlate(pad(x, 1, mode=constant), w)", "a constant border is no product over the axes"),
        ("y = b + correlate(x, w) - 2*b", None),
        ("y = correlate(x, w) - 2*b", None),
        ("dx = correlate(dy, w) - flip(correlate(dy, w))", None),
        ("ddx = correlate(dy, v_w)", "ddx of the double backward is held entry by entry"),
    ],
)
def test_what_is_a_product_over_the_axes(text: str, told: str | None) -> None:
    assert is_product(SMALL, parse(text)) == (told is None)
    if told is not None:
        refused(lambda: hold(SMALL, parse(text)), told, NotAProductError)


@pytest.mark.parametrize("text", [
    "y = correlate(pad(x, p), w, stride=s) + b", "y = correlate(pad(x, p), w, stride=s) + 2*b", "y = 2*correlate(pad(x, p), w, stride=s)",
    "y = correlate(pad(x, p + 1, p - 1), w, stride=s) + b", "y = correlate(pad(x, p, p - s), w, stride=s) + b",
    "y = correlate(pad(x, p, p + s), w, stride=s) + b", "y = correlate(pad(x, p), flip(w), stride=s) - correlate(pad(x, p), w, s)",
    "dx = correlate(pad(dilate(dy, s), K - 1 - p, K - 1 - p + r), flip(w)) + 3*correlate(pad(dilate(dy, s), K - 1 - p, K - 1 - p + r), w)",
    "dw = correlate(pad(x, p, p - r), dilate(dy, s))", "dw = correlate(pad(x, p, p - r), dilate(flip(dy), s))", "db = sum(dy)",
    "db = 3*sum(dy) - 2*sum(dy)", "db = sum(crop(dy, 1, 0))", "dx[m] = sum(dy[i]*w[m - s*i + p], i)", "dx[m] = sum(dy[i]*w[m - s*i], i)",
])  # fmt: skip
@pytest.mark.parametrize("conv", [
    Conv((5, 4), (3, 2), stride=(2, 1), padding=1, batch=2, in_channels=2, out_channels=4, groups=2),
    Conv(4, 3, stride=2, padding=1, bias=False),
], ids=lambda conv: conv.slug)  # fmt: skip
def test_both_ways_say_the_same(conv: Conv, text: str) -> None:
    one, other = (verify(conv, [text], by=way).checks[0] for way in ("entries", "axes"))
    assert (one.by, other.by) == ("entries", "axes")
    assert (one.ok, one.entries, one.failures) == (other.ok, other.entries, other.failures)
    claim, derivative = evaluate(conv, parse(text)), conv.gradients().terms(parse(text).target)
    if not parse(text).with_bias:
        derivative = derivative.without("b")
    for mismatch in other.mismatches:
        at = mismatch.index
        if at is None:
            assert (mismatch.formula, mismatch.derivative) == (f"shape {claim.shape}", f"shape {derivative.shape}")
            continue
        inside = all(n < size for n, size in zip(at, claim.shape, strict=True))
        mine = terms_text(conv, claim.terms_of(at)) if inside else "0"
        if mine.count(" + ") < 6 and len(parse(text).body.operands()) == 1:  # like terms of two summands stand apart
            assert sorted(mismatch.formula.split(" + ")) == sorted(mine.split(" + "))
        true = derivative.text(at)
        if true.count(" + ") < 6:
            assert sorted(mismatch.derivative.split(" + ")) == sorted(true.split(" + "))
        assert mismatch.missing or mismatch.extra


def test_long_entries_are_shortened_by_axes() -> None:
    (check,) = verify(Conv(9, 8), ["y = correlate(x, w) + 2*b"], by="axes").checks
    first = check.mismatches[0]
    assert first.derivative.startswith("w_{1}*x_{1} + ")
    assert first.derivative.endswith(" + w_{6}*x_{6} + ... (9 terms)")
    assert first.formula.endswith(" + ... (9 terms)")
    assert str(first).endswith("; extra b")
    (check,) = verify(Conv(6, 5), ["y = correlate(x, w) + 2*b"], by="axes").checks
    assert check.mismatches[0].formula.endswith("w_{5}*x_{5} + 2*b")
    assert check.mismatches[0].derivative.endswith("w_{5}*x_{5} + b")


def test_summands_of_different_lengths_by_axes() -> None:
    text = "y = correlate(x, w) + correlate(pad(x, 1), w)"
    refused(lambda: hold(SMALL, parse(text)), "sums of lengths 3 and 5")
    refused(lambda: hold(FLAT, parse(text)), "axis 0: sums of lengths 3 and 5")
    refused(lambda: hold(SMALL, parse("y = correlate(x, w, s - 1)")), "stride s - 1 is 0; it must be at least 1")
    refused(
        lambda: hold(SMALL, parse("y = (1 // (s - 1))*correlate(x, w)")),
        "1 // (s - 1) divides by zero for Conv(input=4, kernel=2)",
    )
    refused(lambda: hold(FLAT, parse("y = s*correlate(x, w)")), "the factor s differs from axis to axis: [1, 2]")


def test_terms_of_an_entry_by_axes() -> None:
    conv = Conv(input=4, kernel=3, in_channels=2)
    held = hold(conv, parse("y = correlate(x, w) + 2*correlate(x, flip(w)) + 3*b"))
    for derivative, total in ((True, 7), (False, 13)):
        for at_most in (1, 4, 5, 6, 7, 20):
            found, count = held.terms((0, 0, 1), derivative, at_most)
            assert (len(found), count) == (min(at_most, total), total)
    found, _ = held.terms((0, 0, 1), False, 20)
    assert sorted(c for c, _ in found) == [1] * 6 + [2] * 6 + [3]
    assert found[0] == (1, (("w", 0), ("x", 1)))
    assert (3, (("b", 0),)) in found
    assert [c for c, _ in held.differing((0, 0, 1), 20)][-1] == -2
    assert len(held.differing((0, 0, 1), 2)) == 2
    assert not held.ok
    short = hold(conv, parse("y = correlate(crop(x, 0, 1), w) + b"))
    assert (short.failures, short.shape, short.entries) == (1, (1, 1, 1), ((0, 0, 1),))
    assert short.terms((0, 0, 1), False, 9) == ([], 0)
    assert short.terms((0, 0, 0), False, 9)[1] == 7


def test_sizes_of_one_axis_are_limited() -> None:
    conv = Conv(input=(9, 3), kernel=1, stride=(9, 1))
    check_axes(conv, 9)
    refused(lambda: check_axes(conv, 8), f"{conv!r} has 9 rows on axis 0, more than max_terms=8", TooLargeError)
    many = Conv(input=(3, 9), kernel=(1, 2))
    check_axes(many, 24)
    refused(lambda: check_axes(many, 23), f"the loss of {Conv(9, 2)!r} has 24 terms, more than max_terms=23")
    with pytest.MonkeyPatch.context() as patch:
        hold(FLAT, standard("dx"))
        patch.setattr(by_axes, "MAX_KINDS", 0)
        refused(
            lambda: hold(FLAT, standard("dx")),
            "the formula has too many sorts of terms to be held by axes",
            NotAProductError,
        )


def test_where_verify_goes_by_axes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "MAX_ENUMERATED", 9)  # SMALL has 6 + 3 terms
    assert [check.by for check in verify(SMALL).checks] == ["entries"] * 4
    monkeypatch.setattr(verifying, "MAX_ENUMERATED", 8)
    mixed = verify(SMALL, ["y", "y = shuffle(correlate(x, w))"])
    assert [check.by for check in mixed.checks] == ["axes", "entries"]
    assert mixed.scope == "this size only: Conv(input=4, kernel=2); exact, by axes and entry by entry"
    assert verify(SMALL, []).scope == "this size only: Conv(input=4, kernel=2); exact, entry by entry"

    for by in ("entries", "auto"):
        refused(
            lambda by=by: verify(SMALL, ["y = shuffle(correlate(x, w))"], max_terms=8, by=by),
            "the loss of Conv(input=4, kernel=2) has 9 terms, more than max_terms=8",
        )
    refused(
        lambda: verify(SMALL, ["y = shuffle(correlate(x, w))"], by="axes"),
        "y = shuffle(correlate(x, w)) deals channels to groups, which is no product over the axes, so it cannot be held by axes",
    )
    refused(lambda: verify(SMALL, by="rows"), "by 'rows': one of auto, entries, axes")
    refused(
        lambda: verify(SMALL, [standard("db", padding_mode="reflect")]),
        "db = sum(dy) is about padding_mode 'reflect', Conv(input=4, kernel=2) pads with zeros",
    )
    refused(lambda: verify(SMALL, ["y"], forward="dx"), "a forward pass is a formula for y, not for dx")
    refused(
        lambda: verify(SMALL, ["dx"], forward="y = correlate(pad(x, 1), w)"),
        "y = correlate(pad(x, 1), w) has shape (1, 1, 5), y of Conv(input=4, kernel=2) has (1, 1, 3)",
    )
    assert verify(SMALL, ["dx = correlate(pad(dy, 1), w)", "db"], forward="y = correlate(x, flip(w))").ok
    assert not verify(SMALL, ["dx"], forward="y = correlate(x, flip(w))").ok


def test_as_many_terms_as_are_allowed() -> None:
    """Exactly so many are written down, though an axis has more rows."""
    sparse = Conv(input=9, kernel=1, stride=9, bias=False)
    assert (sparse.terms, sparse.input) == (1, (9,))
    assert verify(sparse, ["y = correlate(x, w, s)"], max_terms=1).ok
    assert hold(sparse, parse("y = correlate(pad(x, -9, 9), w, s)")).failures == 1  # a formula without any term
    assert hold(sparse, parse("y = correlate(pad(x, -9, 9), w, s)")).terms((0, 0, 0), False, 5) == ([], 0)


def test_a_verification_shows_itself() -> None:
    bad = verify(SMALL, ["dx = correlate(pad(dy, 1), w)", "dw"])
    assert repr(bad) == "<verification of Conv(input=4, kernel=2): 4 mismatches, 6 entries>"
    first = bad.to_dict()
    assert (first["ok"], first["entries"]) == (False, 6)
    assert first["checks"][1] == {
        "target": "dw", "formula": str(standard("dw")), "ok": True, "entries": 2, "failures": 0, "by": "entries"
    }  # fmt: skip
    assert len(first["mismatches"]) == 4
    assert first["mismatches"][0] == {
        "target": "dx", "index": [0, 0, 0], "entry": "dx_{1}", "formula": "dy_{1}*w_{2}", "derivative": "dy_{1}*w_{1}",
        "missing": ["dy_{1}*w_{1}"], "extra": ["dy_{1}*w_{2}"],
    }  # fmt: skip
    page = bad._repr_html_()
    assert page.count("<tr>") == 3
    assert "<td>4</td><td>4 differ</td>" in page
    assert "<td>2</td><td>equal</td>" in page
    assert page.count("<li>") == 4
    assert "<ul>" not in verify(SMALL)._repr_html_()
    many = verify(Conv(24, 1), ["dx = 2*correlate(dy, w)"])
    assert (len(many.mismatches), many.checks[0].failures) == (20, 24)
    assert many._repr_html_().count("<li>") == 5
    short = verify(Conv(24, 1), ["dx = 2*correlate(crop(dy, 0, 1), w)"])
    assert (len(short.mismatches), short.checks[0].failures) == (20, 24)
    assert [each.index for each in short.mismatches[:2]] == [None, (0, 0, 0)]
    assert short.mismatches[0].to_dict()["entry"] == "dx (shape)"
    long = verify(Conv(3, 1), ["dx = correlate(pad(dy, 0, 2), w)"])
    assert (len(long.mismatches), long.checks[0].failures, long.mismatches[0].formula) == (1, 1, "shape (1, 1, 5)")


def test_second_gradients_by_formulas() -> None:
    conv = Conv(5, 2, stride=2, padding=1, out_channels=2)
    assert verify_second(conv) == {"ddy": (6, True), "ddx": (5, True), "ddw": (4, True)}
    assert second_formula_terms(conv, "ddx").equals(evaluate(conv, standard("ddx")))
    assert verify(conv, list(SECOND)).ok
    assert not verify(conv, ["ddx = correlate(pad(dilate(dy, s), K - 1), v_w)"]).ok
    assert not verify(conv, ["ddy = correlate(pad(v_x, p), w, s) + v_b"]).ok
    assert verify(conv, ["ddy = correlate(pad(v_x, p), w, s) + correlate(pad(x, p), v_w, s)"]).ok
