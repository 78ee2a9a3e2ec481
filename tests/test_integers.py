"""Integer expressions: printing reads back, substitution and evaluation agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symconv.algebra.integers import Const, Integer, Name, Op, integer

NAMES = ("s", "o", "k")


def expressions() -> st.SearchStrategy[Integer]:
    leaves = st.one_of(st.integers(-9, 9).map(Const), st.sampled_from(NAMES).map(Name))
    return st.recursive(
        leaves,
        lambda inner: st.builds(Op, st.sampled_from(["+", "-", "*", "//", "%"]), inner, inner),
        max_leaves=8,
    )


VALUES = st.fixed_dictionaries({name: st.integers(-5, 5) for name in NAMES})


def value_or_none(e: Integer, values: dict[str, int]) -> int | None:
    try:
        return int(e.evaluate(values))
    except ZeroDivisionError:
        return None


@given(expressions(), VALUES)
def test_text_means_what_the_tree_means(e: Integer, values: dict[str, int]) -> None:
    expected = value_or_none(e, values)
    if expected is not None:
        assert eval(str(e), {}, values) == expected


@given(expressions(), VALUES)
def test_substitution_is_evaluation(e: Integer, values: dict[str, int]) -> None:
    expected = value_or_none(e, values)
    if expected is not None:
        assert e.substitute(values).evaluate({}) == expected


@given(expressions(), VALUES)
def test_affine_parts_add_up(e: Integer, values: dict[str, int]) -> None:
    if value_or_none(e, values) is None:
        return
    sizes, indices = {"s": values["s"]}, {n: values[n] for n in ("o", "k")}
    try:
        affine = e.affine(sizes)
    except ZeroDivisionError:
        return
    if affine is not None:
        coefficients, constant = affine
        assert sum(c * indices[n] for n, c in coefficients.items()) + constant == e.evaluate(values)


@given(expressions(), VALUES)
def test_linear_parts_add_up(e: Integer, values: dict[str, int]) -> None:
    found = e.linear_in("o")
    due = value_or_none(e, values)
    if found is not None and due is not None:
        factor, rest = found
        assert "o" not in factor.names() | rest.names()
        assert factor.evaluate(values) * values["o"] + rest.evaluate(values) == due


def test_a_name_that_cancels_is_not_left_in_a_product() -> None:
    o, s = Name("o"), Name("s")
    nothing = Op("-", o, o)
    for e in (Op("*", s, nothing), Op("*", nothing, s), Op("*", Op("+", nothing, s), o)):
        factor, rest = e.linear_in("o") or (o, o)
        assert "o" not in factor.names() | rest.names()
        assert factor.evaluate({"s": 3, "o": 5}) * 5 + rest.evaluate({"s": 3, "o": 5}) == e.evaluate({"s": 3, "o": 5})


def test_what_is_multiplied_is_linear_too() -> None:
    o, s, k = Name("o"), Name("s"), Name("k")
    for e in ((o + k) * s, s * (o - k), (k - o) * (s + 2)):
        factor, rest = e.linear_in("o") or (Const(0), Const(0))
        for values in ({"o": 4, "s": 3, "k": 7}, {"o": -5, "s": 2, "k": 3}):
            assert factor.evaluate(values) * values["o"] + rest.evaluate(values) == e.evaluate(values)


def test_affine_says_what_is_not() -> None:
    o, k = Name("o"), Name("k")
    assert (o * k).affine({}) is None
    assert ((o + k) // 2).affine({}) is None
    assert (o % 2).affine({"o": 5}) == ({}, 1)


def test_minus_sign_takes_in_the_whole_quotient() -> None:
    s = Name("s")
    for e, text in (
        (-(integer(1) % s), "-(1 % s)"),
        (-(s // 2), "-(s // 2)"),
        (-(2 * s), "-2*s"),
        ((-s) // 2, "(-s) // 2"),
    ):
        assert str(e) == text


def test_evaluates_on_arrays() -> None:
    e = 2 * Name("o") - 1
    assert np.array_equal(e.evaluate({"o": np.arange(3)}), [-1, 1, 3])


def test_folds_constants_and_neutral_elements() -> None:
    s, p = Name("s"), Name("p")
    assert str(1 * s + 0 - (-p) + (integer(3) - 3)) == "s - (-p)"
    assert str((s * p).substitute({"s": 1})) == "p"
    assert str(s + (-2)) == "s - 2"
    assert str(s - (p - 1)) == "s - (p - 1)"
    with pytest.raises(TypeError):
        integer(1.5)  # type: ignore[arg-type]
