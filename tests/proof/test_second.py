"""Formulas for ddy, ddx and ddw of the double backward: proved, refuted with a condition, and held against the derivative."""

from __future__ import annotations

import re
from typing import Any

import pytest

from symconv import Conv, prove, verify
from symconv.formulas import formula
from symconv.formulas.second import SECOND_FORMULAS, second_formula_terms
from symconv.formulas.standard import standard
from symconv.formulas.values import evaluate
from symconv.layer.padding import MODES
from symconv.proof.theorem import in_notebook, theorem
from tests.cases import SMALL
from tests.test_padding_modes import CASES

LAYERS = [*SMALL, *CASES]
KINDS = [{"padding_mode": name} for name in MODES] + [{"transposed": True}]


@pytest.mark.parametrize("target", SECOND_FORMULAS)
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_standard_formulas_are_proved(target: str, kind: dict[str, Any]) -> None:
    for s, d in ((1, 1), (2, 1), (3, 2)):
        found = prove(target, stride=s, dilation=d, second_opinion=True, **kind)
        assert found.verdict == "PROVED", found
        assert found.replayed
        filled = kind.get("padding_mode") == "constant" and target == "ddy"
        assert filled or found.second_opinion == "z3: unsat"
        theorem(found), in_notebook(found)


@pytest.mark.parametrize("target", SECOND_FORMULAS)
def test_they_are_proved_at_any_stride(target: str) -> None:
    assert prove(target, stride="any", dilation="any").verdict == "PROVED"


@pytest.mark.parametrize("conv", LAYERS, ids=lambda conv: conv.slug)
def test_standard_formulas_are_those_of_y_dx_dw_with_a_direction(conv: Conv) -> None:
    assert verify(conv, list(SECOND_FORMULAS)).ok
    for target in SECOND_FORMULAS:
        read = evaluate(conv, standard(target, conv.transposed, conv.padding_mode))
        assert read.equals(second_formula_terms(conv, target))


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("ddx = correlate(pad(dy, p), flip(v_w))", "2*p == K - 1"),
        ("ddx = correlate(pad(dy, K - 1 - p), v_w)", "K == 1"),
        ("ddw = correlate(pad(v_x, p, q), dy)", None),
        ("ddw = correlate(v_x, dy)", "p == 0"),
        ("ddy = correlate(pad(v_x, p), w) + correlate(pad(x, p), v_w)", None),
        ("ddy = correlate(pad(v_x, p), w) + correlate(pad(x, p), flip(v_w)) + v_b", "K == 1"),
        ("ddy = correlate(pad(v_x, p), w) + v_b", "never"),
        ("ddy[i] = sum(v_x[i + k - p] * w[k], k) + sum(x[i + k - p] * v_w[k], k)", None),
        ("ddy[i] = sum(v_x[i + k - p] * w[k] + x[i + k] * v_w[k], k)", "p == 0"),
        ("ddy = correlate(pad(v_x, p), w) + 2 * correlate(pad(x, p), v_w)", "never"),
    ],
)
def test_formulas_of_ones_own(text: str, condition: str | None) -> None:
    found = prove(text)
    assert found.verdict == ("PROVED" if condition is None else "REFUTED"), found
    if condition is not None:
        assert found.validity is not None
        assert condition in (found.validity.generic, found.condition)
        assert found.counterexample is not None
        assert found.counterexample.replayed
    assert not re.search(r"[a-z]_[a-z]_", theorem(found))  # a double subscript is no LaTeX


def test_a_formula_of_several_kinds_of_products_speaks_of_every_number_of_axes() -> None:
    text = "ddy = correlate(pad(v_x, p), w) + correlate(pad(x, p), v_w)"
    assert "any number of axes" in prove(text).claim.scope
    doubled = text + " + correlate(pad(x, p), v_w) - correlate(pad(x, p), v_w)"
    assert "one spatial axis only" in prove(doubled).claim.scope
    assert verify(Conv(input=(5, 6), kernel=(3, 2), padding=(1, 2), batch=2, in_channels=2, out_channels=3), [text]).ok


def test_what_stands_for_the_constant_of_a_border() -> None:
    right = "ddy = correlate(pad(v_x, p), w) + correlate(pad(x, p, mode=constant), v_w)"
    wrong = "ddy = correlate(pad(v_x, p, mode=constant), w) + correlate(pad(x, p, mode=constant), v_w)"
    assert prove(right).verdict == "PROVED"
    assert prove(wrong).condition == "p == 0"


def test_a_forward_pass_of_ones_own() -> None:
    forward = "y[i] = sum(w[K-1-k] * x[i+k], k)"
    given = {"forward": forward, "assume": "p == 0, q == 0"}
    assert prove("ddx = correlate(pad(dy, K - 1), v_w)", **given).verdict == "PROVED"
    assert prove("ddy = correlate(v_x, flip(w)) + correlate(x, flip(v_w))", **given).verdict == "PROVED"
    assert prove("ddx = correlate(pad(dy, K - 1), flip(v_w))", **given).verdict == "REFUTED"


def test_a_difference_is_shown_in_directions() -> None:
    found = verify(Conv(input=3, kernel=2), ["ddx = correlate(pad(dy, K-1), v_w)"]).mismatches[0]
    assert str(found) == (
        "ddx_{1}: formula dy_{1}*v^{w}_{2}, derivative dy_{1}*v^{w}_{1}; missing dy_{1}*v^{w}_{1}; extra dy_{1}*v^{w}_{2}"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ddy = correlate(x, w)", "ddy is made of v_x and w, or of v_w and x, each once, not of x and w"),
        ("ddx = correlate(dy, w)", "ddx is made of dy and v_w, not of w"),
        ("ddy = v_b", "ddy is more than v_b"),
        ("dx = correlate(dy, v_w)", "dx is made of dy and w, not of v_w"),
        ("ddb = sum(dy)", "a formula is for y, dx, dw, db, ddy, ddx or ddw, not 'ddb'"),
    ],
)
def test_what_is_no_formula_of_the_double_backward(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        formula(text)
