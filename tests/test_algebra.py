"""What the functions of symconv.algebra promise, one by one: values, texts, limits, errors."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy

from symconv import Conv
from symconv.algebra import polynomials, symbols, terms
from symconv.algebra.comparisons import between, compare, in_words
from symconv.algebra.integers import Const, Integer, Name, additive_terms, floor_sum, integer
from symconv.algebra.polynomials import Polynomial, as_terms, terms_by_entry, variable
from symconv.algebra.terms import MultilinearArray, Terms, terms_text
from symconv.algebra.texts import sum_text
from symconv.layer.gradients import gradients

S, O, K = (Name(n) for n in "sok")


# integers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("e", "text", "shown"),
    [
        ("Const(-3)", "-3", "Const(-3)"),
        ("S", "s", "Name('s')"),
        ("S * 2 - 1", "s*2 - 1", "Op('s*2 - 1')"),
        ("2 - S", "2 - s", "Op('2 - s')"),
        ("S - (O - K)", "s - (o - k)", "Op('s - (o - k)')"),
        ("S + (O + K)", "s + o + k", "Op('s + o + k')"),
        ("S * (O // K)", "s*(o // k)", "Op('s*(o // k)')"),
        ("S // (O * K)", "s // (o*k)", "Op('s // (o*k)')"),
        ("S // -2", "s // (-2)", "Op('s // (-2)')"),
        ("(S + O) * K", "(s + o)*k", "Op('(s + o)*k')"),
        ("S % (O - 1)", "s % (o - 1)", "Op('s % (o - 1)')"),
        ("-(S * O * 2)", "-s*o*2", "Op('-s*o*2')"),
        ("-((S // 2) * O)", "-(s // 2*o)", "Op('-(s // 2*o)')"),
        ("-((S % 2) * O)", "-(s % 2*o)", "Op('-(s % 2*o)')"),
        ("-(S + O)", "-(s + o)", "Op('-(s + o)')"),
        ("O - (-S)", "o - (-s)", "Op('o - (-s)')"),
        ("S + -2", "s - 2", "Op('s - 2')"),
        ("S - -2", "s + 2", "Op('s + 2')"),
        ("S - Const(0)", "s", "Name('s')"),
        ("0 + S", "s", "Name('s')"),
        ("S * 1", "s", "Name('s')"),
        ("S // 1", "s", "Name('s')"),
        ("1 * S", "s", "Name('s')"),
        ("S * 0", "0", "Const(0)"),
        ("0 * S", "0", "Const(0)"),
        ("S % 1", "0", "Const(0)"),
        ("Const(0) // S", "0 // s", "Op('0 // s')"),
        ("Const(1) % S", "1 % s", "Op('1 % s')"),
        ("Const(1) // S", "1 // s", "Op('1 // s')"),
        ("Const(7) // -2", "-4", "Const(-4)"),
        ("Const(7) % -2", "-1", "Const(-1)"),
        ("Const(7) // 0", "7 // 0", "Op('7 // 0')"),
        ("Const(7) % 0", "7 % 0", "Op('7 % 0')"),
        ("Const(2) + 3", "5", "Const(5)"),
    ],
)
def test_an_expression_is_folded_and_written(e: str, text: str, shown: str) -> None:
    made = eval(e)
    assert (str(made), repr(made)) == (text, shown)


def test_an_expression_has_children_and_names() -> None:
    e = S * O - K
    assert [str(part) for part in e.walk()] == ["s*o - k", "s*o", "s", "o", "k"]
    assert e.names() == {"s", "o", "k"}
    assert Const(3).children() == ()
    with pytest.raises(KeyError):
        e.evaluate({"s": 1, "o": 2})
    with pytest.raises(TypeError, match="Integer is not an expression"):
        Integer().evaluate({})
    with pytest.raises(TypeError):
        integer("s")  # type: ignore[arg-type]
    assert integer(np.int8(3)) == Const(3)


def test_affine_and_linear_parts() -> None:
    assert (S * (O - 2 * K) + 5).affine({"s": 3}) == ({"o": 3, "k": -6}, 5)
    assert ((O - 2 * K) * S).affine({"s": 3}) == ({"o": 3, "k": -6}, 0)
    assert (O + K - O).affine({}) == ({"k": 1}, 0)
    assert ((O - 1) * (K - K)).affine({}) == ({}, 0)
    assert (O * (S - 3)).affine({"s": 3}) == ({}, 0)
    assert (S * K).affine({"s": 3, "k": 4}) == ({}, 12)
    assert (S // K).affine({"s": 9, "k": 4}) == ({}, 2)
    assert (O // S).affine({"s": 2}) is None
    assert (S // O).affine({"s": 2}) is None
    assert (S % K).affine({"s": 3, "k": 0}) is None
    assert ((O * K) + S).affine({}) is None
    assert (S + (O * K)).affine({}) is None
    assert [str(e) for e in (S + 1).linear_in("o") or ()] == ["0", "s + 1"]
    assert [str(e) for e in (O * S + O - K).linear_in("o") or ()] == ["s + 1", "-k"]
    assert [str(e) for e in (S - O * 2).linear_in("o") or ()] == ["-2", "s"]
    for e in (O * O, O // 2, O % 2, S // O, (O // 2) + 1, 1 - O % 2):
        assert e.linear_in("o") is None


def test_signed_terms_open_brackets() -> None:
    found = [(sign, str(e)) for sign, e in additive_terms(S - (O - (K - 1)) + 0)]
    assert found == [(1, "s"), (-1, "o"), (1, "k"), (-1, "1")]
    assert list(additive_terms(Const(-2))) == [(-1, Const(2))]
    assert list(additive_terms(Const(-2), -1)) == [(1, Const(2))]
    assert list(additive_terms(Const(0))) == []
    assert list(additive_terms(-S)) == [(-1, S)]
    assert list(additive_terms(S * O)) == [(1, S * O)]


@pytest.mark.parametrize("m", [1, 2, 5, 7])
def test_a_sum_of_quotients(m: int) -> None:
    for n in range(6):
        for a in (-8, -1, 0, 1, 3, 5, 12):
            for b in (-9, -1, 0, 4, 11):
                assert floor_sum(n, m, a, b) == sum((a * i + b) // m for i in range(n)), (n, m, a, b)


# comparisons and texts -----------------------------------------------------------------------------------------------


def test_comparisons_are_evaluated_renamed_and_written() -> None:
    truth = {"==": (0, 1, 0), "!=": (1, 0, 1), "<=": (1, 1, 0), "<": (1, 0, 0), ">=": (0, 1, 1), ">": (0, 0, 1)}
    for relation, due in truth.items():
        assert compare(S, relation, 2).evaluate({"s": np.arange(1, 4)}).tolist() == [bool(each) for each in due]
    c = compare(S % O, "<", K - 1)
    assert c.names() == {"s", "o", "k"}
    assert str(c.substitute({"s": 5, "k": O})) == "5 % o < o - 1"
    assert in_words([c, "p >= 1"]) == "s mod o < k - 1 and p >= 1"
    assert [str(each) for each in between(0, O, K)] == ["0 <= o", "o < k"]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ([], "0"),
        ([(1, ["a"])], "a"),
        ([(-1, ["a"])], "-a"),
        ([(1, [])], "1"),
        ([(-1, [])], "-1"),
        ([(-2, ["a"]), (-3, ["b", "c"]), (1, ["d"])], "-2*a - 3*b*c + d"),
        ([(Fraction(1, 2), ["a"]), (Fraction(-1, 3), [])], "1/2*a - 1/3"),
        ([(0, ["a"])], "0*a"),
    ],
)
def test_a_sum_in_text(given: list[tuple[Any, list[str]]], text: str) -> None:
    assert sum_text(given) == text


# polynomials ---------------------------------------------------------------------------------------------------------

X0, X1, W0 = (Polynomial({(variable(a, i),): 1}) for a, i in (("x", 0), ("x", 1), ("w", 0)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("X0 + X1", "x[0] + x[1]"),
        ("X0 + X1 - X0", "x[1]"),
        ("X0 - X0", "0"),
        ("3 + X0", "3 + x[0]"),
        ("3 - X0", "3 - x[0]"),
        ("X0 - True", "-1 + x[0]"),
        ("X0 + 0", "x[0]"),
        ("X0 + Fraction(0)", "x[0]"),
        ("X0 * 0.0", "0"),
        ("X0 * 2 * W0", "2*w[0]*x[0]"),
        ("X1 * X0", "x[0]*x[1]"),
        ("2 * Polynomial({(): 3})", "6"),
        ("(X0 + X1) * (X0 - X1)", "x[0]*x[0] - x[1]*x[1]"),
        ("(X0 + 1) * (W0 + 2)", "2 + w[0] + w[0]*x[0] + 2*x[0]"),
        ("X0 / 4", "1/4*x[0]"),
        ("X0 * 4 / 2", "2*x[0]"),
        ("X0 / Fraction(1, 3)", "3*x[0]"),
        ("X0 * (1 / 3)", "1/3*x[0]"),
        ("X0 * np.float64(0.1)", "1/10*x[0]"),
        ("X0 * np.int8(3)", "3*x[0]"),
        ("X0**0", "1"),
        ("X0**1", "x[0]"),
        ("(X0 + 1) ** np.int64(2)", "1 + 2*x[0] + x[0]*x[0]"),
        ("-X0", "-x[0]"),
        ("+X0", "x[0]"),
        ("X0.conjugate()", "x[0]"),
        ("polynomials.unset()", "unset[0]"),
    ],
)
def test_polynomials_compute(value: str, text: str) -> None:
    made = eval(value)
    assert repr(made) == text
    assert all(made.terms.values())  # terms that cancel are gone


def test_a_sum_is_the_same_from_both_sides() -> None:
    long = X0 + X1 + W0 + 1
    assert (long + X0).terms == (X0 + long).terms
    assert (long - (X0 + 1)).terms == (X1 + W0).terms
    assert ((X0 + 1) - long).terms == (-X1 - W0).terms


def test_what_polynomials_refuse() -> None:
    for ask in (lambda: X0 == 1, lambda: bool(X0)):
        with pytest.raises(TypeError, match=r"^the value of an entry was asked for$"):
            ask()
    with pytest.raises(TypeError, match=r"^division by an entry of the input$"):
        X0 / X1
    with pytest.raises(ZeroDivisionError, match=r"^division by zero$"):
        X0 / 0
    for power in (-1, 5, 0.5):
        with pytest.raises(TypeError, match=rf"^power {power} of an entry of the input$"):
            X0**power  # type: ignore[operator]
    assert repr(X0**4) == "x[0]*x[0]*x[0]*x[0]"
    for number in (float("inf"), -float("inf"), float("nan")):
        with pytest.raises(TypeError, match=rf"^{number} met an entry of the input$"):
            X0 + number
    for combine in (lambda: X0 + "a", lambda: X0 - "a", lambda: "a" - X0, lambda: X0 * None, lambda: X0 / None):
        with pytest.raises(TypeError, match=r"unsupported operand|can't multiply"):
            combine()
    with pytest.raises(TypeError, match=r"^str in the result$"):
        as_terms("a")
    with pytest.raises(TypeError):
        hash(X0)
    assert as_terms(0) == {}
    assert as_terms(2.5) == {(): Fraction(5, 2)}
    assert type(as_terms(2.0)[()]) is int


def test_the_work_of_polynomials_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polynomials, "MAX_WORK", 3)
    polynomials.start_counting()
    X0 + 1  # 1 + 1 // 8 + 1 = 2
    with pytest.raises(polynomials.TooManyTerms, match=r"^more than 3 terms to follow$"):
        X0 + 1
    polynomials.start_counting()
    monkeypatch.setattr(polynomials, "MAX_WORK", 4 + 2 * 2)
    assert len(((X0 + 1) * (X1 + 1)).terms) == 4  # two sums and a product of two by two
    with pytest.raises(polynomials.TooManyTerms):
        X0 + 0
    polynomials.start_counting()
    wide = Polynomial({(variable("x", i),): 1 for i in range(24)})
    monkeypatch.setattr(polynomials, "MAX_WORK", 1 + 24 // 8 + 1)
    wide + 1
    polynomials.start_counting()


def test_variables_are_numbered_by_array() -> None:
    assert polynomials.array_of(variable("w", 5)) == ("w", 5)
    assert polynomials.array_of(variable("unset", 2**40 - 1)) == ("unset", 2**40 - 1)
    assert variable("dy", 0) < variable("w", 0) < variable("x", 0) < variable("b", 0)
    grid = polynomials.symbols("w", (2, 3))
    assert [[repr(e) for e in row] for row in grid] == [["w[0]", "w[1]", "w[2]"], ["w[3]", "w[4]", "w[5]"]]


def test_terms_by_entry_are_those_of_the_array() -> None:
    dw = gradients(Conv(input=3, kernel=2)).terms("dw")
    names = {v: f"{a}{i}" for a in ("dy", "x") for i in range(3) for v in [variable(a, i)]}
    found = terms_by_entry(dw)
    assert [{tuple(names[v] for v in m): c for m, c in each.items()} for each in found] == [
        {("dy0", "x0"): 1, ("dy1", "x1"): 1},
        {("dy0", "x1"): 1, ("dy1", "x2"): 1},
    ]


# multilinear arrays --------------------------------------------------------------------------------------------------

LAYER = Conv(input=3, kernel=2)


def column(*values: int) -> Any:
    return np.array(values, dtype=np.int64)


def made(entry: Any, coefficient: Any = 1, shape: tuple[int, ...] = (3,), **factors: Any) -> MultilinearArray:
    return MultilinearArray(LAYER, shape, (Terms.of(entry, factors, coefficient),))


def test_rows_keep_their_factors_in_order() -> None:
    block = Terms.of(column(0, 1), {"x": column(2, 1), "dy": column(0, 1)}, 3)
    assert block.arrays == ("dy", "x")
    assert [each.tolist() for each in block.factors] == [[0, 1], [2, 1]]
    assert block.coefficient.tolist() == [3, 3]
    assert block.coefficient.dtype == np.int64
    assert Terms.of(column(0), {"x": column(2)}).coefficient.tolist() == [1]
    assert len(block) == 2
    assert block.take(np.array([False, True])).factors[1].tolist() == [1]


def test_like_terms_are_added_up_and_sorted() -> None:
    array = made(column(2, 0, 2, 1, 1), column(1, 4, 2, 3, -3), w=column(1, 0, 1, 0, 0), x=column(2, 0, 2, 1, 1))
    (block,) = array.canonical.blocks
    assert (block.entry.tolist(), block.coefficient.tolist()) == ([0, 2], [4, 3])
    assert array.count == 2
    assert array.size == 3
    assert array.canonical.canonical is array.canonical
    assert repr(array) == "<array of shape (3,), 2 terms>"
    assert made(column(0, 0), column(1, -1), w=column(0, 0)).canonical.blocks == ()
    both = made(column(0), w=column(0)) + made(column(0), w=column(0), x=column(0)) + made(column(0), dy=column(0))
    assert [block.arrays for block in both.canonical.blocks] == [("w", "x"), ("dy",), ("w",)]  # long products first
    assert [both.text((i,)) for i in range(3)] == ["w_{1}*x_{1} + dy_{1} + w_{1}", "0", "0"]


def test_sums_multiples_and_equality() -> None:
    one, other = made(column(0, 1), w=column(0, 1)), made(column(1, 0), w=column(1, 0))
    assert one.equals(other)
    assert not one.equals(one.scale(2))
    assert one.scale(2).equals(one + other)
    assert (one + other).equals(one.scale(2))
    assert not (one + one).equals(one)
    assert not one.equals(made(column(0, 1), w=column(0, 0)))
    assert not one.equals(made(column(0, 1), x=column(0, 1)))
    assert not one.equals(made(column(0, 1), shape=(2,), w=column(0, 1)))
    assert not one.scale(3).equals(one.scale(3) + made(column(2), x=column(0)))
    assert (one - other).equals(MultilinearArray(LAYER, (3,), ()))
    assert (one - one.scale(2)).text((0,)) == "-w_{1}"
    with pytest.raises(ValueError, match=r"^arrays of shapes \(3,\) and \(2,\) cannot be added$"):
        one + made(column(0), shape=(2,), w=column(0))


def test_differences_are_seen_where_rows_fit_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    one = made(column(2, 0, 2), w=column(1, 0, 1), x=column(2, 0, 2))
    same = made(column(2, 2, 0), w=column(1, 1, 0), x=column(2, 2, 0))
    for others in ((column(1, 0, 1), column(2, 0, 1)), (column(1, 0, 0), column(2, 0, 2))):
        other = made(column(2, 0, 2), w=others[0], x=others[1])
        monkeypatch.setattr(terms, "_keys", lambda columns, sizes: None)
        assert not one.equals(other)
        assert one.equals(same)
        (block,) = one.canonical.blocks
        assert (block.entry.tolist(), block.coefficient.tolist()) == ([0, 2], [1, 2])
        assert other.count == 3
        monkeypatch.undo()
    assert terms._keys([column(1, 2), column(3, 0)], [2**31, 2**32]) is None
    keys = terms._keys([column(1, 2), column(3, 0)], [2**31, 2**32 - 1])
    assert keys is not None
    assert keys.tolist() == [2**32 + 2, 2**33 - 2]
    assert terms._keys([column(), column()], [0, 2**62]) is not None


def test_parts_of_an_array() -> None:
    array = made(column(0, 1), w=column(0, 1), x=column(0, 1)) + made(column(2), dy=column(1))
    assert array.without("w").text((2,)) == "dy_{2}"
    assert [array.without("dy").text((i,)) for i in range(3)] == ["w_{1}*x_{1}", "w_{2}*x_{2}", "0"]
    assert array.rename("x", "v_x").count == 2
    assert array.rename("x", "v_x").blocks[0].arrays == ("w", "v_x")
    assert array.terms_of((2,)) == [(1, (("dy", 1),))]
    jacobian = array.differentiate("w")
    assert jacobian.shape == (3, 1, 1, 2)
    assert [jacobian.text((i, 0, 0, k)) for i, k in ((0, 0), (0, 1), (1, 1), (2, 0))] == ["x_{1}", "0", "x_{2}", "0"]
    values = {"w": np.array([2, 3]), "x": np.array([5, 7, 11]), "dy": np.array([13, 17])}
    assert array.substitute(values).tolist() == [10, 21, 17]
    halves = array.substitute({name: value / 2 for name, value in values.items()})
    assert halves.dtype == np.float64
    assert halves.tolist() == [2.5, 5.25, 8.5]


def test_entries_are_sympy_expressions() -> None:
    array = made(column(0, 1), column(2, -1), (3, 1), w=column(0, 1), x=column(0, 1))
    w1, x1, w2, x2 = sympy.symbols("w_{1} x_{1} w_{2} x_{2}")
    assert array[0, 0] == array[-3, -1] == 2 * w1 * x1
    assert array[1, 0] == -w2 * x2
    assert array.to_sympy().shape == (3, 1)
    assert array.to_sympy()[1, 0] == -w2 * x2
    assert made(column(1), w=column(0))[1] == w1
    for index in ((3, 0), (-4, 0), (0, 1), (0, -2)):
        with pytest.raises(IndexError) as told:
            array[index]
        assert str(told.value) == f"index {index} is outside an array of shape (3, 1)"
    with pytest.raises(IndexError, match=r"^index \(1,\) for an array of shape \(3, 1\)$"):
        array[1]
    assert terms_text(LAYER, []) == "0"
    assert (array._repr_latex_() or "").startswith(r"$\displaystyle ")
    assert symbols.symbol(LAYER, "x", 2) == sympy.Symbol("x_{3}")


def test_a_notebook_is_shown_short_arrays_only(monkeypatch: pytest.MonkeyPatch) -> None:
    array = made(column(0, 1), w=column(0, 1))
    monkeypatch.setattr(terms, "MAX_TYPESET", 3)
    assert array._repr_latex_() is not None
    monkeypatch.setattr(terms, "MAX_TYPESET", 2)
    assert array._repr_latex_() is None  # three entries
    many = made(column(0, 0, 0), shape=(1,), w=column(0, 1, 0), x=column(0, 1, 2))
    assert many._repr_latex_() is None  # three terms
