"""Texts of formulas: what is read, what is refused and where the error points, and that nothing runs or runs away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symconv.algebra.integers import Const, Name
from symconv.formulas.parser import MAX_LENGTH, FormulaError, parse
from symconv.formulas.standard import STANDARD, standard
from symconv.formulas.tree import Add, Array, Correlate, Indexed, IndexSum, Range, Scale, correlate, dilate, flip, pad

H, K, O, p, q, s, d, r, m, i, k = (Name(n) for n in ("H", "K", "O", "p", "q", "s", "d", "r", "m", "i", "k"))
w, dy, x, b = (Array(n) for n in ("w", "dy", "x", "b"))


@pytest.mark.parametrize(("transposed", "target"), STANDARD)
def test_standard_formulas_read_back(transposed, target):
    formula = standard(target, transposed)
    assert parse(str(formula), transposed=transposed) == formula


TREES = {
    "dx = correlate(pad(dilate(dy, s), d*(K-1) - p), flip(w), dilation=d)":
        correlate(pad(dilate(dy, s), d * (K - 1) - p), flip(w), dilation=d),
    "dx[m] = sum(dy[i] * w[m - s*i + p], i)":
        IndexSum((Indexed("dy", i), Indexed("w", m - s * i + p)), (Range("i"),)),
    "dx[m] = sum(dy[i] * w[m - s*i + p], i=(0, O))":
        IndexSum((Indexed("dy", i), Indexed("w", m - s * i + p)), (Range("i", Const(0), O),)),
    "dx[m] = 2 * sum(dy[i] * w[m - i], i)":
        Scale(Const(2), IndexSum((Indexed("dy", i), Indexed("w", m - i)), (Range("i"),))),
    "y = b + correlate(x, w, s)": Add(b, correlate(x, w, stride=s)),
    "y = correlate(x, w) - correlate(w, x)": Add(correlate(x, w), Scale(Const(-1), correlate(w, x))),
    "dx[m] = dy[m] * w[0]": IndexSum((Indexed("dy", m), Indexed("w", Const(0))), ()),
}  # fmt: skip


@pytest.mark.parametrize("text", TREES)
def test_tree(text):
    assert parse(text).body == TREES[text]


@pytest.mark.parametrize(
    "text",
    [
        "dx[m] = sum(dy[i] * w[m - s*i + p] + dy[i] * w[m - s*i + p], i)",
        "dx[m] = sum(2 * (dy[i] * w[i] - dy[i] * w[m]), i=(m, O + 1))",
        "dx[m] = sum(w[k] * dy[(m + p - d*k) // s], k, where=(m + p - d*k) % s == 0 and 0 <= k < K)",
        "y = -correlate(x, w) - (2*correlate(pad(x, 1, -2), w) + s*b)",
        "db = sum(dy[i], i)",
        "db = sum(crop(dy, 1, H % 2))",
        "  dw = flip(correlate(x, dilate(dy, (s + 1) // 2), stride=d))  ",
        "y[o] = sum(w[k] * x[-(-s*o) + k], k) + b",
    ],
)
def test_text_reads_back(text):
    formula = parse(text)
    assert str(parse(str(formula))) == str(formula)


# refused, with the column at which the text goes wrong ---------------------------------------------------------------------

REFUSED = {
    "": 1,
    "dx": 1,
    "dx = ": 6,
    "dx == correlate(dy, w)": 1,
    "dx = correlate(dy, w); dy": 22,
    "dz = correlate(dy, w)": 1,
    "w = correlate(dy, x)": 1,
    "dx = correlate(dy, w": 15,
    "dx = correlate(pad(dy, z), w)": 24,
    "dx = correlate(pad(dy, x), w)": 24,
    "dx = correlate(pad(dy, p*K), w)": 24,
    "dx = correlate(pad(dy, H//K), w)": 27,
    "dx = correlate(pad(dy, H/2), w)": 24,
    "dx = correlate(pad(dy, H**2), w)": 24,
    "dx = correlate(pad(dy, 1//0), w)": 27,
    "dx = correlate(pad(dy, 10001), w)": 24,
    "dx = correlate(pad(dy, 100*101), w)": 24,
    "dx = correlate(pad(dy, 1.5), w)": 25,
    "dx = correlate(pad(dy, True), w)": 24,
    "dx = correlate(pad(dy, 1 if p else 2), w)": 24,
    "dx = correlate(pad(dy), w)": 16,
    "dx = correlate(pad(dy, 1, 2, 3), w)": 30,
    "dx = correlate(dy, w, stride=K)": 30,
    "dx = correlate(dy, w, dilation=0)": 32,
    "dx = correlate(dy, w, speed=1)": 23,
    "dx = correlate(dy, w, 2, stride=2)": 26,
    "dx = correlate(dy, w, *dy)": 23,
    "dx = correlate(dy, x)": 20,
    "dx = correlate(dy, dy)": 20,
    "dx = correlate(correlate(dy, w), w)": 16,
    "dx = convolve(dy, w)": 6,
    "dx = dy.correlate(w)": 8,
    "dx = dy": 6,
    "dx = dy * w": 11,
    "dx = dy + w": 6,
    "dx = 2": 6,
    "dx = K*correlate(dy, w)": 6,
    "dx = correlate(2*dy, w)": 18,
    "dx = correlate(pad(b, 1), w)": 20,
    "y = correlate(pad(b, 1), w)": 19,
    "y = b": 5,
    "y = b + b": 9,
    "db = dy": 6,
    "db[i] = sum(dy)": 4,
    "dx = correlate(flip(dy, 1), w)": 25,
    "dx[m][k] = sum(dy[i] * w[m - i], i)": 1,
    "f(dx)[m] = sum(dy[i] * w[m - i], i)": 1,
    "dx = sum(dy)": 6,
    "dx = sum(dy[i] * w[i], i)": 10,
    "dx[p] = sum(dy[i] * w[i], i)": 4,
    "dx[w] = sum(dy[i] * w[i], i)": 4,
    "dx[0] = sum(dy[i] * w[i], i)": 4,
    "dx[m] = correlate(dy, w)": 19,
    "dx[m] = sum(dy[i] * w[m - j], i)": 27,
    "dx[m] = sum(dy[i*i] * w[m], i)": 16,
    "dx[m] = sum(dy[m*i] * w[m], i)": 16,
    "dx[m] = sum(dy[i] * w[m - i], i, i)": 34,
    "dx[m] = sum(dy[i] * w[m - i], m)": 31,
    "dx[m] = sum(dy[i] * w[m - i], i, j)": 34,
    "dx[m] = sum(dy[i % 2] * w[m], i)": 31,
    "dx[m] = sum(dy[i] * w[m - i], i=(0, O, 1))": 33,
    "dx[m] = sum(dy[i] * w[m - i], i=(0, j))": 37,
    "dx[m] = sum(dy[i] * w[m - i], i, where=i)": 40,
    "dx[m] = sum(dy[i] * w[m - i], i, where=i == 0 or i == 1)": 40,
    "dx[m] = sum(dy[i], i)": 13,
    "dx[m] = sum(dy[i] * w[m] * w[m], i)": 13,
    "dx[m] = sum(dy[i][0] * w[m], i)": 13,
    "dx[m] = sum()": 9,
    "dx = correlate(dy − p, w)": 19,
    "dx = correlate(dy, w) # it": 23,
    "dx = __import__('os').system('ls')": 17,
    "dx = (lambda: 0)()": 13,
    "dx = [dy for dy in w]": 6,
    "dx = correlate(dy, w)()": 6,
    "dx = eval(dy)": 6,
    "x" * (MAX_LENGTH + 1): 1,
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_refused(text):
    with pytest.raises(FormulaError) as caught:
        parse(text)
    error = caught.value
    assert error.column == REFUSED[text], str(error)
    assert str(error).startswith(f"column {error.column}: ")
    assert "\n" not in str(error)
    line, caret = error.pointed.split("\n")
    assert caret.rstrip("^").strip() == ""
    assert len(caret) <= len(line) + 1


@pytest.mark.parametrize(
    "text",
    [
        "dx = " + "(" * 900 + "dy" + ")" * 900,
        "dx = " + "-" * 1900 + "dy",
        "dx = correlate(" + "pad(" * 300 + "dy" + ", 1)" * 300 + ", w)",
        "dx = " + " + ".join(["correlate(dy, w)"] * 100),
        "dx = correlate(pad(dy, " + "*".join(["99"] * 600) + "), w)",
        "dx = correlate(pad(dy, " + "9" * 1900 + "), w)",
        "dx = correlate(pad(dy, " + "+".join(["1"] * 900) + "), w)",
        "dx[m] = " + "sum(" * 400 + "dy[m]*w[m]" + ", i)" * 400,
        "dx = 1is",
        "dx = correlate(dy, w)\n\n\ndx = correlate(dy, w)",
    ],
    ids=range(10),
)
def test_bounded(text):
    with pytest.raises(FormulaError):
        parse(text)


def test_column_on_a_later_line():
    with pytest.raises(FormulaError) as caught:
        parse("dx = correlate(dy,\n   w2)")
    assert caught.value.column == 23
    assert caught.value.pointed.endswith("w2)\n   ^")


def test_text_only():
    with pytest.raises(TypeError, match="text"):
        parse(3)  # type: ignore[arg-type]


@given(st.text(alphabet="dxywb[]()=+-*/%, smikKHOpqr0123456789sumcorelatpflw", max_size=60))
def test_any_text_is_a_formula_or_an_error_with_a_column(text):
    for attempt in (text, f"dx = {text}", f"dx[m] = sum({text}, i)", f"y = correlate(pad(x, {text}), w)"):
        try:
            formula = parse(attempt)
        except FormulaError as error:
            column = error.column
        else:
            column = 1
            assert str(parse(str(formula))) == str(formula)
        assert 1 <= column <= len(attempt) + 1


def test_names_of_indices_are_free():
    assert parse("y[n] = sum(w[tap] * x[s*n + d*tap - p], tap)").sizes() == {"s", "d", "p"}


def test_stride_and_dilation_of_correlate_by_place_or_name():
    assert parse("y = correlate(x, w, s, d)") == parse("y = correlate(x, w, dilation=d, stride=s)")
    assert isinstance(parse("y = correlate(x, w, s, d)").body, Correlate)
