"""Padding modes: the loss on each, against exact differences with NumPy's padding, SymPy's own derivative, and PyTorch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from symconv import Conv
from symconv.figures import figure
from symconv.formulas.parser import parse
from symconv.formulas.standard import standard
from symconv.kernels import SCHEDULES, Kind, emit
from symconv.kernels.checks import check
from symconv.kernels.peers import installed, pytorch_gradients
from symconv.layer.differences import exact_gradients, random_integers
from symconv.layer.gradients import by_sympy
from symconv.layer.padding import MODES, WORDS
from symconv.project.cases import case_plan

OTHERS = [name for name in MODES if name != "zeros"]

#: every axis its own sizes, remainders left, amounts up to what each mode allows
LAYERS: list[dict[str, Any]] = [
    {"input": 4, "kernel": 3, "padding": ((3, 2),)},
    {"input": 7, "kernel": 3, "stride": 3, "padding": ((1, 3),), "dilation": 2, "batch": 2, "in_channels": 2},
    {"input": (5, 6), "kernel": (3, 2), "stride": (2, 3), "padding": ((2, 1), (0, 3)), "dilation": (1, 2),
     "in_channels": 4, "out_channels": 6, "groups": 2},
    {"input": (4, 2), "kernel": (1, 4), "stride": (3, 1), "padding": ((3, 0), (1, 1)), "bias": False, "out_channels": 2},
    {"input": (3, 4, 2), "kernel": (2, 1, 3), "stride": (1, 2, 1), "padding": ((2, 0), (1, 3), (1, 1)), "batch": 2},
]  # fmt: skip


def layer(parameters: dict[str, Any], mode: str) -> Conv:
    return Conv(**parameters, padding_mode=mode, padding_value=-3 if mode == "constant" else None)


CASES = [layer(parameters, mode) for mode in MODES for parameters in LAYERS]


def in_numbers(conv: Conv, values: dict[str, Any]) -> dict[str, Any]:
    gradients = conv.gradients()
    given = {**values, "v": np.array([conv.padding_value or 0])}
    return {
        name: gradients.terms(name).substitute(given) for name in ("y", "dx", "dw", "db") if conv.bias or name != "db"
    }


@pytest.mark.parametrize("conv", CASES, ids=lambda conv: conv.slug)
def test_gradients_are_the_exact_differences(conv: Conv) -> None:
    values = random_integers(conv, 1)
    truth = exact_gradients(conv, values["x"], values["w"], values["b"] if conv.bias else None, values["dy"])
    mine = in_numbers(conv, values)
    assert mine.keys() == truth.keys()
    for name, array in truth.items():
        assert np.array_equal(mine[name], array), name
    assert conv.gradients().form.count == conv.terms


@pytest.mark.skipif(not installed(), reason="PyTorch is not installed")
@pytest.mark.parametrize("conv", CASES, ids=lambda conv: conv.slug)
def test_gradients_are_pytorchs(conv: Conv) -> None:
    values = random_integers(conv, 2)
    mine = in_numbers(conv, values)
    for name, array in pytorch_gradients(conv, values).items():
        assert np.allclose(mine[name], array, rtol=0, atol=1e-9), name


@pytest.mark.parametrize("conv", CASES[::5] + CASES[3::5], ids=lambda conv: conv.slug)
def test_gradients_are_sympys(conv: Conv) -> None:
    gradients = conv.gradients()
    for name, array in by_sympy(conv).items():
        assert sympy.Array(array) == sympy.Array(getattr(gradients, name)), name


@st.composite
def mode_layers(draw: st.DrawFn) -> Conv:
    """Layers of one to three axes with as much padding as their mode allows, or less."""
    name = draw(st.sampled_from(OTHERS))
    axes: dict[str, list[Any]] = {"input": [], "kernel": [], "stride": [], "dilation": [], "padding": []}
    for _ in range(draw(st.integers(1, 3))):
        size = draw(st.integers(1, 4))
        most = MODES[name].most
        limit = min(3, most.evaluate({"H": size})) if most is not None else 3
        pair = draw(st.tuples(st.integers(0, limit), st.integers(0, limit)))
        dilation = draw(st.integers(1, 3))
        kernel = draw(st.integers(1, min(3, (size + sum(pair) - 1) // dilation + 1)))
        for key, value in zip(axes, (size, kernel, draw(st.integers(1, 3)), dilation, pair), strict=True):
            axes[key].append(value)
    return Conv(**{key: tuple(value) for key, value in axes.items()}, in_channels=draw(st.integers(1, 2)), padding_mode=name,
                padding_value=draw(st.integers(-3, 3)) if name == "constant" else None)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(mode_layers())
def test_random_layers_agree_with_the_differences(conv: Conv) -> None:
    values = random_integers(conv, 5)
    truth = exact_gradients(conv, **values)
    for name, array in in_numbers(conv, values).items():
        assert np.array_equal(array, truth[name]), name


# closed formulas -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("conv", CASES, ids=lambda conv: conv.slug)
def test_standard_formulas_are_the_derivative(conv: Conv) -> None:
    for by in ["entries"] if conv.mode.filled else ["entries", "axes"]:
        verification = conv.verify(by=by)
        assert verification.ok, verification.mismatches


@settings(max_examples=60, deadline=None)
@given(mode_layers())
def test_standard_formulas_hold_on_random_layers(conv: Conv) -> None:
    assert conv.verify().ok


@pytest.mark.parametrize("mode", OTHERS)
@pytest.mark.parametrize("mutant", ["fold forgotten", "other side", "edge doubled", "no remainder", "wrong mode"])
def test_mutants_of_dx_differ(mode: str, mutant: str) -> None:
    conv = layer({"input": (7, 6), "kernel": (3, 2), "stride": (2, 3), "padding": ((2, 1), (1, 0))}, mode)
    text = str(standard("dx", padding_mode=mode))
    other = "symmetric" if mode == "reflect" else "reflect"
    changed = {
        "fold forgotten": text.replace("fold(", "crop(").replace(f", mode={mode}", ""),
        "other side": text.replace("p, q, mode", "q, p, mode"),
        "edge doubled": text.replace(f"mode={mode}", "mode=symmetric" if mode != "symmetric" else "mode=circular"),
        "no remainder": text.replace(" + r", ""),
        "wrong mode": text.replace(f"mode={mode}", f"mode={other}"),
    }[mutant]
    right = mutant == "fold forgotten" and mode == "constant"  # of a constant the adjoint is a crop
    assert conv.verify([changed]).ok == right


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dx = fold(correlate(dy, flip(w)), p, q, mode=wrap)", "the mode is zeros, constant, reflect"),
        ("dw = correlate(fold(x, p), dy)", None),
        (
            "dw = correlate(fold(x, p, mode=reflect), dy)",
            "fold adds entries up: it is taken of products, not of an array",
        ),
        ("dw = pad(correlate(x, dy), p, mode=constant)", "a constant border is put around an array"),
        ("dx = correlate(pad(dy, full, 1), flip(w))", "full says both amounts"),
        ("y = correlate(pad(x, same_tf), w)", "same_tf depends on how the stride divides the input"),
    ],
)
def test_what_formulas_refuse(text: str, told: str | None) -> None:
    if told is None:
        assert str(parse(text)) == text
        return
    with pytest.raises(ValueError, match=told):
        parse(text)


def test_text_says_its_mode() -> None:
    for mode in OTHERS:
        for target in ("y", "dx", "dw", "db"):
            claim = standard(target, padding_mode=mode)
            assert parse(str(claim), padding_mode=mode) == claim
    assert parse("dx = fold(correlate(dy, flip(w)), p, mode=reflect)").padding_mode == "reflect"
    assert parse("dx = fold(correlate(dy, flip(w)), p, mode=zeros)").padding_mode == "zeros"
    with pytest.raises(ValueError, match="is about padding_mode 'reflect', Conv"):
        Conv(input=4, kernel=2).verify([standard("dx", padding_mode="reflect")])


def test_words_in_formulas() -> None:
    conv = Conv(input=(6, 5), kernel=(3, 2), padding="full", dilation=(1, 2))
    assert conv.verify(["y = correlate(pad(x, full), w, dilation=d) + b", "dx = correlate(dy, flip(w), dilation=d)"]).ok
    assert Conv(input=6, kernel=3, padding="causal").verify(["y = correlate(pad(x, causal), w) + b"]).ok
    assert Conv(input=6, kernel=4, padding="same").verify(["y = correlate(pad(x, same), w) + b"]).ok
    assert not Conv(input=6, kernel=4, padding="same").verify(["y = correlate(pad(x, causal), w) + b"]).ok


def test_a_constant_without_a_number_is_a_letter() -> None:
    conv = Conv(input=2, kernel=2, padding=1, padding_mode="constant", bias=False)
    assert str(conv.gradients().y) == "[[[v*w_{1} + w_{2}*x_{1}, w_{1}*x_{1} + w_{2}*x_{2}, v*w_{2} + w_{1}*x_{2}]]]"
    half = Conv(input=2, kernel=2, padding=((1, 0),), padding_mode="constant", padding_value=1.5)
    assert half.gradients().dw[0, 0, 0] == sympy.sympify("3*a/2 + b*c", locals={}).subs(
        {"a": sympy.Symbol("dy_{1}"), "b": sympy.Symbol("dy_{2}"), "c": sympy.Symbol("x_{1}")}
    )


# the words and what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "parameters", "pads"),
    [
        ("valid", {"input": 5, "kernel": 3}, ((0, 0),)),
        ("full", {"input": (5, 4), "kernel": (3, 2), "dilation": (2, 3)}, ((4, 4), (3, 3))),
        ("same", {"input": 5, "kernel": 4, "dilation": 1}, ((1, 2),)),
        ("causal", {"input": (5, 6), "kernel": (3, 2), "dilation": (2, 1), "stride": (1, 2)}, ((4, 0), (1, 0))),
        ("same_tf", {"input": 7, "kernel": 4, "stride": 2}, ((1, 2),)),  # total 3, the odd row after
        ("same_tf", {"input": (5, 6), "kernel": (3, 2), "stride": (2, 3), "dilation": (1, 2)}, ((1, 1), (0, 0))),
        ("same_tf", {"input": 7, "kernel": 1, "stride": 3}, ((0, 0),)),  # never negative
    ],
    ids=str,
)
def test_words(word: str, parameters: dict[str, Any], pads: Any) -> None:
    assert Conv(**parameters, padding=word).padding == pads


@given(st.integers(1, 12), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
def test_same_tf_is_the_input_divided_by_the_stride(size: int, kernel: int, stride: int, dilation: int) -> None:
    conv = Conv(input=size, kernel=kernel, stride=stride, dilation=dilation, padding="same_tf")
    assert conv.output == (-(-size // stride),)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"padding": 4, "padding_mode": "reflect"}, "padding (4, 4) on axis 0: reflect padding of an input of 4 is at most "
         "H - 1 = 3 on each side; the edge is not repeated"),
        ({"padding": ((1, 5),), "padding_mode": "circular"}, "circular padding of an input of 4 is at most H = 4"),
        ({"padding": 5, "padding_mode": "symmetric"}, "symmetric padding of an input of 4 is at most H = 4"),
        ({"padding_mode": "edge"}, "padding_mode 'edge' is unknown; there are zeros, constant, reflect"),
        ({"padding_mode": "reflect", "transposed": True}, "a transposed convolution knows zeros only"),
        ({"padding_mode": "reflect", "padding_value": 1}, "padding_value 1 is for padding_mode 'constant', not 'reflect'"),
        ({"padding_mode": "constant", "padding_value": float("inf")}, "must be a finite number, got inf"),
    ],
    ids=str,
)  # fmt: skip
def test_refuses(parameters: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        Conv(input=4, kernel=3, **parameters)
    assert told in str(caught.value)


def test_the_largest_amounts_are_taken() -> None:
    for name, most in (("reflect", 3), ("circular", 4), ("symmetric", 4), ("replicate", 9), ("constant", 9)):
        assert Conv(input=4, kernel=3, padding=most, padding_mode=name).padding == ((most, most),)


def test_what_is_not_made_for_a_border_says_so() -> None:
    with pytest.raises(ValueError, match="is made for a border of rows of x or a constant, and"):
        figure(Conv(input=4, kernel=3, padding=1), "border")


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular", "symmetric"])
def test_unrolled_code_has_the_border_written_in(mode: str) -> None:
    conv = Conv(input=(3, 2), kernel=(2, 2), stride=(2, 1), padding=((1, 0), (1, 1)), padding_mode=mode)
    kernel = emit("unrolled", conv)
    assert check(kernel, [conv], ["symbols", "integers", "second"]).ok
    x, w = np.ones(conv.x_shape), np.ones(conv.w_shape)
    with pytest.raises(ValueError, match=f"padding_mode 'zeros': this code is written for '{mode}'"):
        kernel.load().conv2d(x, w, padding_mode="zeros")


@pytest.mark.parametrize("value", [-2, 1.5])
def test_unrolled_code_takes_any_constant(value: float) -> None:
    conv = Conv(input=(3, 2), kernel=(2, 2), in_channels=2, stride=(2, 1), padding=((1, 0), (1, 1)), padding_mode="constant",
                padding_value=value)  # fmt: skip
    several = replace(conv, batch=3)
    kernel = emit("unrolled", conv)
    names = ["symbols", "second", "manners", *(["integers", "values"] if value == -2 else [])]
    found = check(kernel, [conv, several], names)
    assert found.ok, found.failures
    assert kernel.name == "conv2d_unrolled_in3x2_k2x2_n1c2f1_s2x1_p1_0x1_constant"
    assert "by default but for padding_value, the constant of the border." in " ".join(kernel.source.split())
    wrong = replace(
        kernel, source=kernel.source.replace("x.dtype.type(padding_value)", "x.dtype.type(2 * padding_value)")
    )
    assert not check(wrong, [conv], ["symbols"]).ok


def test_generate_makes_every_schedule_for_a_border_of_a_constant() -> None:
    conv = Conv(input=(3, 3), kernel=(2, 3), stride=(2, 1), padding=((1, 0), (2, 2)), padding_mode="constant")
    assert [order.schedule for order in case_plan(conv).kernels] == list(SCHEDULES)
    fraction = replace(conv, padding_value=-1.5)
    assert check(emit("taps", Kind(2)), [fraction], ["manners", "symbols"]).ok


def test_words_and_modes_survive_a_round_trip() -> None:
    for conv in CASES:
        assert Conv(**conv.to_dict()) == conv
    assert set(WORDS) == {"valid", "same", "full", "causal", "same_tf"}


def test_a_mode_is_a_row_of_the_table() -> None:
    """What reads the table knows a row that it has never seen: each end continued by the row at the other end."""
    code = """
from symconv.algebra.integers import Const, Name
from symconv.layer.padding import MODES, Mode
MODES["far"] = Mode("far", Name("H") - 1, Const(0), "edge", None)
from symconv import Conv, prove
from symconv.formulas.parser import parse
conv = Conv(input=(4, 5), kernel=(3, 2), stride=(2, 3), padding=((3, 1), (2, 2)), padding_mode="far")
assert conv.verify().ok and conv.verify(by="axes").ok
assert str(Conv(input=2, kernel=2, padding=1, padding_mode="far", bias=False).gradients().y[0, 0]) == \\
    "[w_{1}*x_{2} + w_{2}*x_{1}, w_{1}*x_{1} + w_{2}*x_{2}, w_{1}*x_{2} + w_{2}*x_{1}]"
assert prove("dx", range(1, 4), range(1, 3), padding_mode="far").verdict == "PROVED"
assert prove(str(prove("dx", padding_mode="replicate").formula), padding_mode="far").verdict == "REFUTED"
assert parse("dx = fold(correlate(dy, flip(w)), p, mode=far)").padding_mode == "far"
assert conv.second_gradients().terms("ddx").count
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
