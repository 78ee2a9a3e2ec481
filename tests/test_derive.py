"""The derivative of the loss against SymPy's own, against finite differences, and against PyTorch."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from symconv import Conv
from symconv.algebra.symbols import symbols
from symconv.algebra.terms import MultilinearArray, Terms, _sorted_groups
from symconv.kernels.peers import pytorch_gradients
from symconv.layer.differences import exact_gradients, random_integers
from symconv.layer.gradients import MAX_SYMPY_TERMS, by_sympy, gradients, loss_expression
from symconv.layer.loss import enumerate_axis, loss
from tests.cases import SMALL, convs


def same(a: Any, b: Any) -> bool:
    flat = [list(sympy.Array(v).reshape(len(v))) if len(v) else [] for v in (a, b)]
    return a.shape == b.shape and all(sympy.expand(u - v) == 0 for u, v in zip(*flat, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("conv", [c for c in SMALL if c.terms < 400], ids=lambda conv: conv.slug)
def test_equals_differentiating_by_every_entry(conv: Conv) -> None:
    found, reference = conv.gradients(), by_sympy(conv)
    for name, expected in reference.items():
        assert same(getattr(found, name), expected), name


@settings(max_examples=60)
@given(convs(), st.integers(0, 10**6))
def test_equals_exact_finite_differences(conv: Conv, seed: int) -> None:
    values = random_integers(conv, seed)
    if not conv.bias:
        del values["b"]
    expected = exact_gradients(conv, values["x"], values["w"], values.get("b"), values["dy"])
    found = conv.gradients()
    for name, array in expected.items():
        assert np.array_equal(found.terms(name).substitute(values), array), name


@pytest.mark.parametrize("conv", SMALL, ids=lambda conv: conv.slug)
def test_equals_pytorch(conv: Conv) -> None:
    pytest.importorskip("torch", reason="PyTorch is the outside reference; it is not installed")
    values = random_integers(conv, seed=5)
    found = conv.gradients()
    for name, expected in pytorch_gradients(conv, values).items():
        assert np.array_equal(found.terms(name).substitute(values), expected), name


def test_pytorch_transposed_layer_with_its_own_padding() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the outside reference; it is not installed")
    conv = Conv(input=(3, 4), kernel=(3, 2), stride=(3, 2), padding=(1, 0), dilation=(1, 2), in_channels=4, out_channels=6,
                groups=2, transposed=True, output_padding=(2, 1))  # fmt: skip
    values = random_integers(conv, seed=6)
    x, w, b = (torch.tensor(values[n], dtype=torch.float64) for n in ("x", "w", "b"))
    y = torch.nn.functional.conv_transpose2d(x, w, b, stride=(3, 2), padding=(1, 0), output_padding=(2, 1), groups=2,
                                             dilation=(1, 2))  # fmt: skip
    assert np.array_equal(conv.gradients().terms("y").substitute(values), y.numpy())


# losses ----------------------------------------------------------------------------------------------------------------

LOSSES = ["squared", "cubic", "coupled", "transcendental"]


def loss_of(conv: Conv, name: str) -> sympy.Expr | str:
    y = list(symbols(conv, "y").reshape(len(symbols(conv, "y"))))
    return {
        "squared": "squared",
        "cubic": sympy.Add(*(i * v**3 for i, v in enumerate(y, 1))),
        "coupled": sympy.Mul(*y[:2]) + sum(y) ** 2,
        "transcendental": sympy.log(1 + sympy.exp(y[0])) + sympy.sin(y[-1]),
    }[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("conv", [Conv(input=5, kernel=2, stride=2, padding=1, in_channels=2),
                                  Conv(input=(3, 4), kernel=(2, 3), padding=(0, 1), dilation=(2, 1)),
                                  Conv(input=2, kernel=2, stride=2, out_channels=2, transposed=True)],
                         ids=lambda conv: conv.slug)  # fmt: skip
def test_any_loss_has_the_closed_gradient_of_its_upstream(conv: Conv, name: str) -> None:
    found = gradients(conv, loss_of(conv, name))
    closed = conv.gradients()
    substitution = dict(zip(symbols(conv, "dy").reshape(len(symbols(conv, "dy"))),
                            found.upstream.reshape(len(found.upstream)), strict=True))  # fmt: skip
    for target in ("dx", "dw", "db"):
        expected = getattr(closed, target).applyfunc(lambda e: e.xreplace(substitution))
        assert same(getattr(found, target), expected), target


def test_squared_loss_is_half_the_sum_of_squares() -> None:
    conv = Conv(input=2, kernel=2)
    t, y = symbols(conv, "t")[0, 0, 0], symbols(conv, "y")[0, 0, 0]
    assert loss_expression(conv, "squared") == (y - t) ** 2 / 2
    assert str(gradients(conv, "squared").upstream[0, 0, 0]) == "b - t_{1} + w_{1}*x_{1} + w_{2}*x_{2}"


def test_upstream_loss_is_the_named_sum() -> None:
    conv = Conv(input=3, kernel=2, out_channels=2)
    y = conv.gradients().y
    put_in = dict(zip(symbols(conv, "y").reshape(4), y.reshape(4), strict=True))
    assert sympy.expand(loss_expression(conv, "upstream").xreplace(put_in) - conv.gradients().loss) == 0


@pytest.mark.parametrize(
    ("loss", "told"),
    [("hinge", "no loss 'hinge'; there are upstream, squared"), (sympy.Symbol("z"), "names no entry of y"),
     (sympy.Symbol("y_{1}") * sympy.Symbol("x_{2}"), "the loss names x_{2}, an entry of the layer")],
)  # fmt: skip
def test_refuses_a_loss(loss: Any, told: str) -> None:
    with pytest.raises(ValueError) as caught:
        gradients(Conv(input=3, kernel=2), loss)
    assert told in str(caught.value)


def test_refuses_a_loss_of_ones_own_on_a_large_layer() -> None:
    conv = Conv(input=(40, 40), kernel=3)
    assert conv.terms > MAX_SYMPY_TERMS
    with pytest.raises(ValueError, match="differentiated by SymPy, up to 5,000 terms"):
        gradients(conv, "squared")


# Jacobians, names, arrays ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("conv", [c for c in SMALL if c.terms < 150], ids=lambda conv: conv.slug)
@pytest.mark.parametrize("array", ["x", "w", "b"])
def test_jacobian_is_sympys(conv: Conv, array: str) -> None:
    y = conv.gradients().y
    variables = symbols(conv, array)
    expected = sympy.Matrix(list(y.reshape(len(y)))).jacobian(list(variables.reshape(len(variables))))
    assert conv.gradients().jacobian_matrix(array) == expected


def test_second_derivatives_are_the_loss_with_two_factors_left_out() -> None:
    second = loss(Conv(input=3, kernel=2)).differentiate("x").differentiate("w")
    assert second.shape == (1, 1, 3, 1, 1, 2)
    assert second.text((0, 0, 1, 0, 0, 1)) == "dy_{1}"


def test_names_are_those_of_textbooks() -> None:
    g = Conv(input=(4, 4), kernel=(2, 2)).gradients()
    assert str(g.y[0, 0, 0, 0]) == "b + w_{11}*x_{11} + w_{12}*x_{12} + w_{21}*x_{21} + w_{22}*x_{22}"
    assert str(g.dx[0, 0, 3, 3]) == "dy_{33}*w_{22}"
    several = Conv(input=2, kernel=2, in_channels=2, out_channels=3, batch=2).gradients()
    assert str(several.dx[1, 0, 1]) == "dy_{211}*w_{112} + dy_{221}*w_{212} + dy_{231}*w_{312}"
    assert str(several.db[2]) == "dy_{131} + dy_{231}"
    assert str(Conv(input=12, kernel=11).gradients().dw[0, 0, 10]) == "dy_{1}*x_{11} + dy_{2}*x_{12}"


def test_results_show_themselves() -> None:
    g = Conv(input=3, kernel=2).gradients()
    assert repr(g) == "<gradients of Conv(input=3, kernel=2), loss 'upstream', 6 terms>"
    assert repr(g.terms("dx")) == "<array of shape (1, 1, 3), 4 terms>"
    assert "dy_{1} w_{1}" in g._repr_latex_()
    told = json.loads(json.dumps(g.to_dict()))
    assert told["dx"] == {
        "shape": [1, 1, 3],
        "entries": ["dy_{1}*w_{1}", "dy_{1}*w_{2} + dy_{2}*w_{1}", "dy_{2}*w_{2}"],
    }
    with pytest.raises(ValueError, match="no gradient 'dz'"):
        g.terms("dz")
    with pytest.raises(IndexError, match="outside"):
        g.terms("dx")[0, 0, 3]
    assert g.terms("dx")[0, 0, -1] == g.dx[0, 0, 2]


def test_relation_holds_exactly_the_pairs_in_range() -> None:
    for axis in Conv(input=(5, 6), kernel=(3, 2), stride=(2, 3), padding=((2, 0), (1, 3)), dilation=(2, 1)).axes:
        found = set(zip(*(enumerate_axis(axis)[name].tolist() for name in "okm"), strict=True))
        every = {(o, k, axis.s * o + axis.d * k - axis.p) for o in range(axis.O) for k in range(axis.K)}
        assert found == {(o, k, m) for o, k, m in every if 0 <= m < axis.H}


def test_like_terms_are_added_and_zero_terms_dropped() -> None:
    conv = Conv(input=3, kernel=2)
    column = np.array([1, 0, 1, 0])
    terms = Terms.of(column, {"x": np.array([2, 0, 2, 1]), "w": np.array([1, 0, 1, 0])}, np.array([1, 2, 3, 0]))
    array = MultilinearArray(conv, (2,), (terms,))
    assert (array.text((0,)), array.text((1,)), array.count) == ("2*w_{1}*x_{1}", "4*w_{2}*x_{3}", 2)
    assert (array - array).text((0,)) == "0"
    assert not array.equals(array + array)


def test_sorting_is_the_same_when_a_row_does_not_fit_one_number() -> None:
    rng = np.random.default_rng(1)
    columns = [rng.integers(0, 4, 200) for _ in range(3)]
    for got, expected in zip(_sorted_groups(columns, [4, 4, 4]), _sorted_groups(columns, [2**31] * 3), strict=True):
        assert got.dtype == expected.dtype
    order, first = _sorted_groups(columns, [2**31] * 3)
    rows = np.stack([c[order] for c in columns])
    assert np.array_equal(rows[:, first], np.unique(np.stack(columns), axis=1))


def test_notebooks_are_shown_entries_only_where_they_are_few() -> None:
    """A layer of a network would be megabytes of formulas; the notebook then shows the one line that repr is."""
    small, large = Conv(4, 2), Conv((30, 30), 3, in_channels=8, out_channels=4)
    assert "dy_{1} w_{1}" in (small.gradients()._repr_latex_() or "")
    assert "dy_{1} w_{1}" in (small.gradients().terms("dx")._repr_latex_() or "")
    for result in (
        large.gradients(),
        large.gradients().terms("dx"),
        large.second_gradients(),
        Conv(30, 9).hessian_vector(),
    ):
        assert result._repr_latex_() is None
        assert len(repr(result)) < 200
