"""Second derivatives: the double backward and Hessians times a direction, against SymPy's derivatives and PyTorch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy

from symconv import Conv, fast
from symconv.algebra.symbols import symbols
from symconv.kernels import emit
from symconv.kernels.checks import check
from symconv.kernels.nest import Kind
from symconv.kernels.peers import installed, pytorch_second_gradients
from symconv.kernels.schedules import SCHEDULES
from symconv.layer.differences import forward, random_integers
from symconv.layer.gradients import layer as y_by_entry
from symconv.layer.gradients import loss_expression
from symconv.layer.second import REPLACED, SECOND_READINGS, hessian_vector, second_gradients
from tests.cases import SMALL
from tests.test_padding_modes import CASES, layer

LAYERS = [*SMALL, *CASES]


def with_directions(conv: Conv, seed: int) -> dict[str, Any]:
    """Whole numbers for every array of L2."""
    values: dict[str, Any] = dict(random_integers(conv, seed))
    others = random_integers(conv, seed + 1)
    values |= {direction: others[array] for direction, array in REPLACED.items()}
    return values | {"v": np.array([conv.padding_value or 0])}


def in_numbers(conv: Conv, values: dict[str, Any]) -> dict[str, Any]:
    second = conv.second_gradients()
    return {name: second.terms(name).substitute(values) for name in SECOND_READINGS}


@pytest.mark.parametrize("conv", LAYERS, ids=lambda conv: conv.slug)
def test_ddy_is_the_change_of_y(conv: Conv) -> None:
    # y is a quadratic polynomial in the step along the direction: its slope at 0 is the central difference
    values = with_directions(conv, 3)

    def at(step: int) -> Any:
        x, w, b = (values[name] + step * values[v] for name, v in (("x", "v_x"), ("w", "v_w"), ("b", "v_b")))
        return forward(conv, x, w, b if conv.bias else None)

    assert np.array_equal(2 * in_numbers(conv, values)["ddy"], at(1) - at(-1))


@pytest.mark.skipif(not installed(), reason="PyTorch is not installed")
@pytest.mark.parametrize("conv", LAYERS, ids=lambda conv: conv.slug)
def test_second_gradients_are_pytorchs(conv: Conv) -> None:
    values = with_directions(conv, 4)
    mine = in_numbers(conv, values)
    for name, array in pytorch_second_gradients(conv, values).items():
        assert np.allclose(mine[name], array, rtol=0, atol=1e-9), name


SYMBOLIC = [
    Conv(input=3, kernel=2, stride=2, padding=((1, 0),), dilation=2),
    Conv(input=(2, 1), kernel=(2, 1), in_channels=2, out_channels=2, groups=2, bias=False),
    Conv(input=2, kernel=2, stride=2, transposed=True),
    Conv(input=2, kernel=2, padding=((1, 0),), padding_mode="reflect", out_channels=2),
    Conv(input=2, kernel=3, padding=1, padding_mode="constant"),
]


def listed(array: Any) -> list[Any]:
    return list(array.reshape(len(array)))


@pytest.mark.parametrize("conv", SYMBOLIC, ids=lambda conv: conv.slug)
def test_second_gradients_are_sympys(conv: Conv) -> None:
    gradients, second = conv.gradients(), second_gradients(conv)
    total = sympy.Integer(0)
    for direction, array in REPLACED.items():
        if array != "b" or conv.bias:
            entries = zip(listed(symbols(conv, direction)), listed(getattr(gradients, f"d{array}")), strict=True)
            total += sum(v * g for v, g in entries)
    for name, array in SECOND_READINGS.items():
        for entry, by in zip(listed(getattr(second, name)), listed(symbols(conv, array)), strict=True):
            assert sympy.expand(total.diff(by) - entry) == 0


@pytest.mark.parametrize("loss", ["squared", pytest.param("cross-entropy", marks=pytest.mark.slow), "upstream", "own"])
@pytest.mark.parametrize("conv", SYMBOLIC, ids=lambda conv: conv.slug)
def test_hessian_times_direction_is_sympys(conv: Conv, loss: str) -> None:
    y = symbols(conv, "y")
    own = sum(each**3 for each in listed(y)) + listed(y)[0] * listed(y)[-1]
    expression = own if loss == "own" else loss_expression(conv, loss)
    composed = expression.xreplace(y_by_entry(conv))
    arrays = ["x", "w", *(["b"] if conv.bias else [])]
    variables = [v for array in arrays for v in listed(symbols(conv, array))]
    directions = [v for array in arrays for v in listed(symbols(conv, f"v_{array}"))]
    slope = sum(v * composed.diff(by) for v, by in zip(directions, variables, strict=True))
    found = hessian_vector(conv, own if loss == "own" else loss)
    mine = [entry for array in arrays for entry in listed(getattr(found, array))]
    rng = np.random.default_rng(7)
    names = sorted({s for e in (*mine, slope) for s in e.free_symbols} | set(variables), key=str)
    point = {name: sympy.Rational(int(rng.integers(-9, 10)), 7) for name in names}
    for entry, by in zip(mine, variables, strict=True):
        difference = (slope.diff(by) - entry).xreplace(point)
        assert abs(sympy.N(difference, 30)) < 1e-20


@pytest.mark.slow
@pytest.mark.skipif(not installed(), reason="PyTorch is not installed")
def test_hessian_of_the_cross_entropy_is_pytorchs() -> None:
    import torch

    conv = Conv(input=(1, 2), kernel=(2, 1), padding=((1, 0), (0, 1)), padding_mode="circular", out_channels=2)
    values = {name: 0.1 * array for name, array in with_directions(conv, 5).items()}
    x, w, b = (torch.tensor(values[name], requires_grad=True) for name in "xwb")
    target = torch.softmax(torch.tensor(values["dy"]), 1)
    wrapped = torch.nn.functional.pad(x, (0, 1, 1, 0), "circular")
    value = torch.nn.functional.cross_entropy(torch.nn.functional.conv2d(wrapped, w, b), target, reduction="sum")
    slopes = torch.autograd.grad(value, (x, w, b), create_graph=True)
    along = sum((g * torch.tensor(values[v])).sum() for g, v in zip(slopes, ("v_x", "v_w", "v_b"), strict=True))
    truth = torch.autograd.grad(along, (x, w, b))
    found = hessian_vector(conv, "cross-entropy")
    numbers = values | {"t": target.numpy()}
    given = [(s, n) for name in ("x", "w", "b", "v_x", "v_w", "v_b", "t")
             for s, n in zip(listed(symbols(conv, name)), numbers[name].reshape(-1).tolist(), strict=True)]  # fmt: skip
    for name, array in zip("xwb", truth, strict=True):
        entries = sympy.lambdify([s for s, _ in given], listed(getattr(found, name)))(*[n for _, n in given])
        assert np.allclose(np.reshape(entries, conv.shapes[name]), array.numpy(), rtol=1e-10, atol=1e-12), name


# kernels ---------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("schedule", [name for name, each in SCHEDULES.items() if each.any_size])
@pytest.mark.parametrize("transposed", [False, True])
def test_files_on_symbols(schedule: str, transposed: bool) -> None:
    for ndim in (1, 2, 3):
        layers = [conv for conv in LAYERS if (conv.ndim, conv.transposed) == (ndim, transposed)]
        checked = check(emit(schedule, Kind(ndim, transposed)), layers, ["second"])
        assert checked.ok, checked.failures


def test_unrolled_files_on_symbols() -> None:
    conv = Conv(input=5, kernel=3, stride=2, padding=1)
    assert check(emit("unrolled", conv), [conv], ["second"]).ok


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("(v_x, w, None, *layer, 0) + ", "(x, w, None, *layer, 0) + "), ("(dy, x, v_w", "(dy, x, w"), ("(dy, v_x, w,", "(dy, x, w,"),
     ("_, ddw, _", "ddw, _, _"), ("(x, v_w, v_b,", "(x, v_w, None,"),
     ("(v_x, w, None, *layer, 0)", "(v_x, w, None, *layer, 1)")],
)  # fmt: skip
def test_a_wrong_factor_is_found(right: str, wrong: str) -> None:
    kernel = emit("taps", Kind(2))
    source = kernel.source.replace(right, wrong)
    assert source != kernel.source
    layers = [
        Conv(input=(4, 3), kernel=(2, 3), padding=1),
        layer({"input": (4, 3), "kernel": 2, "padding": 1}, "constant"),
    ]
    assert not check(replace(kernel, source=source), layers, ["second"]).ok


@pytest.mark.parametrize("conv", LAYERS, ids=lambda conv: conv.slug)
def test_library(conv: Conv) -> None:
    values = with_directions(conv, 8)
    given = {name: getattr(conv, name) for name in ("stride", "padding", "dilation", "groups")}
    given |= {"output_padding": conv.output_padding} if conv.transposed else {"padding_mode": conv.padding_mode}
    given |= {"padding_value": conv.padding_value} if conv.mode.filled else {}
    double = getattr(fast, f"conv{'_transpose' * conv.transposed}{conv.ndim}d_double_backward")
    arrays = [values[name] for name in ("v_x", "v_w", "v_b", "dy", "x", "w")]
    arrays[2] = arrays[2] if conv.bias else None
    for name, array in zip(SECOND_READINGS, double(*arrays, **given), strict=True):
        assert np.array_equal(array, conv.second_gradients().terms(name).substitute(values)), name


def test_refusals() -> None:
    with pytest.raises(ValueError, match="no second gradient 'ddb'; there are ddy, ddx, ddw"):
        Conv(input=3, kernel=2).second_gradients().terms("ddb")
    with pytest.raises(ValueError, match="no loss 'hinge'; there are upstream, squared, cross-entropy"):
        Conv(input=3, kernel=2).hessian_vector("hinge")
    with pytest.raises(ValueError, match="more than max_terms=10"):
        Conv(input=30, kernel=2).second_gradients(max_terms=10)


def test_shows_itself() -> None:
    second = Conv(input=2, kernel=2).second_gradients()
    assert second.to_dict()["ddx"] == {"shape": [1, 1, 2], "entries": ["dy_{1}*v^{w}_{1}", "dy_{1}*v^{w}_{2}"]}
    assert r"v^{w}_{1}" in second._repr_latex_()
    assert "Hv_x" in Conv(input=2, kernel=2).hessian_vector()._repr_latex_()
