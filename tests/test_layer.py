# ruff: noqa: E501
"""What the functions of symconv.layer promise, one by one: sizes, names, texts, limits, errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy

from symconv import Conv
from symconv.algebra import terms as terms_module
from symconv.algebra.symbols import symbol, symbols
from symconv.layer import conv as conv_module
from symconv.layer import differences, gradients, parameters, relation, second
from symconv.layer.conv import Axis
from symconv.layer.kind import CONVOLUTION, TRANSPOSED
from symconv.layer.loss import channel_labels, enumerate_axis, label_sizes, loss
from symconv.layer.names import entry_name, subscript
from symconv.layer.padding import MODES, OUTSIDE, WORDS, amounts_of_word


def refused(what: Callable[[], object], told: str, kind: type[Exception] = ValueError) -> None:
    with pytest.raises(kind) as caught:
        what()
    assert str(caught.value) == told


SMALL = Conv(input=3, kernel=2)
WIDE = Conv(
    input=(5, 4),
    kernel=(3, 2),
    batch=2,
    in_channels=4,
    out_channels=6,
    groups=2,
    stride=(2, 1),
    padding=((1, 0), (0, 2)),
)
BACK = Conv(input=3, kernel=2, in_channels=2, out_channels=3, stride=3, dilation=2, transposed=True, output_padding=2)


# sizes ---------------------------------------------------------------------------------------------------------------


def test_the_relation_in_letters() -> None:
    assert str(relation.PADDED_SIZE) == "s*(O - 1) + 1 + d*(K - 1) - q - p + r"
    assert str(relation.OUTPUT_SIZE) == "(H + p + q - (d*(K - 1) + 1)) // s + 1"
    assert str(CONVOLUTION.of_relation(relation.REMAINDER)) == "H + p + q - (d*(K - 1) + 1) - s*(O - 1)"
    assert str(TRANSPOSED.of_relation(relation.REMAINDER)) == "O + p + q - (d*(K - 1) + 1) - s*(H - 1)"
    assert [TRANSPOSED.own(name) for name in "omOHfcKs"] == list("moHOcfKs")
    assert [CONVOLUTION.side(name) for name in ("v_x", "ddx", "v_w", "b", "db", "v_b", "ddy")] == list("mmkoooo")
    assert [TRANSPOSED.side(name) for name in ("v_x", "ddx", "v_w", "b", "db", "v_b", "ddy")] == list("ookmmmm")
    assert (CONVOLUTION.factors, TRANSPOSED.factors) == (("dy", "x"), ("x", "dy"))


def test_sizes_of_layers() -> None:
    assert WIDE.axes[0].values == {"H": 5, "K": 3, "O": 2, "s": 2, "d": 1, "p": 1, "q": 0, "r": 1}
    assert (WIDE.output, WIDE.remainder, WIDE.ndim) == ((2, 5), (1, 0), 2)
    assert WIDE.shapes["w"] == (6, 2, 3, 2)
    assert BACK.shapes["w"] == (2, 3, 2)
    assert (BACK.output, BACK.remainder) == ((11,), (2,))
    assert BACK.sizes(0) == {"H": 3, "K": 2, "O": 11, "s": 3, "d": 2, "p": 0, "q": 0, "r": 2}
    assert BACK.axes[0].H == 11
    for name, like in (
        ("t", "y"),
        ("dy", "y"),
        ("ddy", "y"),
        ("v_x", "x"),
        ("ddx", "x"),
        ("v_w", "w"),
        ("ddw", "w"),
        ("v_b", "b"),
    ):
        assert WIDE.shapes[name] == WIDE.shapes[like]
    assert WIDE.shapes["v"] == ()


def test_pairs_of_an_axis_are_counted() -> None:
    for H in (1, 2, 5, 8):
        for K, s, d, p in ((1, 1, 1, 0), (2, 3, 1, 2), (3, 2, 2, 4), (3, 1, 3, 7), (4, 5, 2, 1)):
            sizes = {"H": H, "K": K, "s": s, "d": d, "p": p, "q": p + 1}
            O = (H + 2 * p + 1 - d * (K - 1) - 1) // s + 1
            if O < 1:
                continue
            for mode in ("zeros", "constant"):
                axis = Axis(O=O, mode=MODES[mode], **sizes)
                due = sum(0 <= s * o + d * k - p < H or mode != "zeros" for o in range(O) for k in range(K))
                assert conv_module._pairs_in_relation(axis) == due
                if mode == "zeros":
                    assert len(enumerate_axis(axis)["o"]) == due


def test_the_limit_on_terms() -> None:
    SMALL.check_terms(SMALL.terms)
    refused(lambda: SMALL.check_terms(5), "the loss of Conv(input=3, kernel=2) has 6 terms, more than max_terms=5")
    assert Conv(input=3, kernel=2, bias=False).terms == 4


@pytest.mark.parametrize(
    ("conv", "slug", "shown"),
    [
        (Conv((3, 4), 2, dilation=(1, 2), stride=(2, 1)), "in3x4-k2x2-s2x1-d1x2", "Conv(input=(3, 4), kernel=(2, 2), stride=(2, 1), dilation=(1, 2))"),
        (Conv((3, 4), 2, stride=2, transposed=True, output_padding=(0, 1)), "in3x4-k2x2-s2x2-transposed-op0x1",
         "Conv(input=(3, 4), kernel=(2, 2), stride=(2, 2), transposed=True, output_padding=(0, 1))"),
        (SMALL, "in3-k2", "Conv(input=3, kernel=2)"),
        (Conv(3, 2, padding=1), "in3-k2-p1", "Conv(input=3, kernel=2, padding=1)"),
        (Conv(3, 2, padding=((0, 1),)), "in3-k2-p0_1", "Conv(input=3, kernel=2, padding=((0, 1),))"),
        (Conv((3, 4), 2, padding=((0, 0), (1, 1))), "in3x4-k2x2-p0x1", "Conv(input=(3, 4), kernel=(2, 2), padding=(0, 1))"),
        (WIDE, "in5x4-k3x2-n2c4f6-s2x1-p1_0x0_2-g2",
         "Conv(input=(5, 4), kernel=(3, 2), batch=2, in_channels=4, out_channels=6, stride=(2, 1), "
         "padding=((1, 0), (0, 2)), groups=2)"),
        (BACK, "in3-k2-n1c2f3-s3-d2-transposed-op2",
         "Conv(input=3, kernel=2, in_channels=2, out_channels=3, stride=3, dilation=2, transposed=True, output_padding=2)"),
        (Conv(3, 2, bias=False, in_channels=2), "in3-k2-n1c2f1-nobias", "Conv(input=3, kernel=2, in_channels=2, bias=False)"),
        (Conv(3, 2, padding=1, padding_mode="constant", padding_value=-0.5), "in3-k2-p1-constant--0_5",
         "Conv(input=3, kernel=2, padding=1, padding_mode='constant', padding_value=-0.5)"),
        (Conv(3, 2, padding_mode="constant"), "in3-k2-constant", "Conv(input=3, kernel=2, padding_mode='constant')"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("in") else "",
)  # fmt: skip
def test_how_a_layer_is_shown(conv: Conv, slug: str, shown: str) -> None:
    assert conv.slug == slug
    assert eval(repr(conv)) == conv
    assert repr(conv) == shown


def test_plain_values_of_a_layer() -> None:
    assert WIDE.to_dict()["padding"] == [[1, 0], [0, 2]]
    assert WIDE.to_dict()["stride"] == [2, 1]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"bias": 1}, "bias must be True or False, got 1"),
        ({"transposed": None}, "transposed must be True or False, got None"),
        ({"batch": True}, "batch must be a whole number, got True"),
        ({"stride": "1"}, "stride must be a whole number, got '1'"),
        ({"kernel": [1.5]}, "kernel on axis 0 must be a whole number, got 1.5"),
        ({"padding": [[1, 0.5]]}, "padding on axis 0 must be a whole number, got 0.5"),
    ],
)
def test_what_has_the_wrong_type(parameters: dict[str, Any], told: str) -> None:
    refused(lambda: Conv(**{"input": 4, "kernel": 2} | parameters), told, TypeError)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"in_channels": 0}, "in_channels 0 must be at least 1"),
        ({"output_padding": -1}, "output_padding -1 on axis 0 must be at least 0"),
        ({"padding": (1, 2), "stride": (1,)},
         "parameters disagree on the number of axes: stride has 1, padding has 2; padding before and after one axis is "
         "written ((1, 2),)"),
        ({"stride": (1, 2), "dilation": (1,)}, "parameters disagree on the number of axes: stride has 2, dilation has 1"),
        ({"stride": ()}, "stride is empty: a convolution has at least one axis"),
        ({"stride": (1,) * 17}, "stride has 17 axes; there can be at most 16"),
        ({"padding": ((1, 2, 3),)}, "padding (1, 2, 3) on axis 0 must be one number or a (before, after) pair"),
        ({"padding": ((0, -1),)}, "padding (0, -1) on axis 0 must not be negative"),
        ({"padding": ((-1, 0),)}, "padding (-1, 0) on axis 0 must not be negative"),
        ({"padding": "half"},
         "padding 'half' is unknown; give numbers, (before, after) pairs, or 'valid', 'same', 'full', 'causal' or 'same_tf'"),
        ({"padding": "same", "stride": 3},
         "padding 'same' with stride (3,): frameworks disagree on it (PyTorch refuses it, TensorFlow pads by the stride, here "
         "'same_tf'); give the padding in numbers"),
        ({"padding": "same", "transposed": True},
         "padding 'same' is not defined for a transposed convolution; give the padding in numbers"),
        ({"padding_mode": 3}, "padding_mode 3 is unknown; there are zeros, constant, reflect, replicate, circular, symmetric"),
        ({"padding_mode": "reflect", "transposed": True},
         "padding_mode 'reflect': a transposed convolution knows zeros only, as its padding is a crop"),
        ({"padding_mode": "constant", "transposed": True},
         "padding_mode 'constant': a transposed convolution knows zeros only, as its padding is a crop"),
        ({"padding_mode": "reflect", "padding": ((1, 4),)},
         "padding (1, 4) on axis 0: reflect padding of an input of 4 is at most H - 1 = 3 on each side; the edge is not "
         "repeated, so there are H - 1 rows to mirror"),
        ({"padding_mode": "circular", "padding": ((5, 1),)},
         "padding (5, 1) on axis 0: circular padding of an input of 4 is at most H = 4 on each side; there are H rows to go "
         "round once"),
        ({"padding_value": 1}, "padding_value 1 is for padding_mode 'constant', not 'zeros'"),
        *(({"padding_mode": "constant", "padding_value": value}, f"padding_value must be a finite number, got {value!r}")
          for value in (True, "1", float("inf"), float("nan"))),
        ({"stride": (10**9 + 1,)}, "stride 1000000001 on axis 0 must be at most 1,000,000,000"),
        ({"batch": 10**9 + 1}, "batch 1000000001 must be at most 1,000,000,000"),
        ({"padding": ((0, 10**9 + 1),)}, "padding (0, 1000000001) on axis 0 must be at most 1,000,000,000"),
        ({"transposed": True, "dilation": 3, "output_padding": 3},
         "output_padding 3 must be smaller than stride 1 or dilation 3 on axis 0"),
        ({"transposed": True, "padding": ((2, 3),)},
         "input 4 with kernel 2, stride 1, dilation 1, padding (2, 3) and output_padding 0 gives output 0 on axis 0; it must "
         "be at least 1"),
        ({"kernel": 8, "padding": ((2, 1),)},
         "kernel 8 with dilation 1 spans 8, but input 4 with padding (2, 1) has only 7 on axis 0"),
    ],
)  # fmt: skip
def test_what_does_not_exist(parameters: dict[str, Any], told: str) -> None:
    refused(lambda: Conv(**{"input": 4, "kernel": 2} | parameters), told)


def test_what_just_exists() -> None:
    assert Conv(input=4, kernel=7, padding=((2, 1),)).output == (1,)
    assert Conv(input=4, kernel=2, transposed=True, padding=((2, 2),)).output == (1,)
    assert Conv(input=4, kernel=2, transposed=True, stride=3, output_padding=2).output == (13,)
    assert Conv(input=4, kernel=2, transposed=True, dilation=3, output_padding=2).output == (9,)
    assert Conv(input=4, kernel=2, padding=((3, 3),), padding_mode="reflect").output == (9,)
    assert Conv(input=4, kernel=2, padding=((4, 4),), padding_mode="symmetric").output == (11,)
    assert Conv(input=10**9, kernel=1).output == (10**9,)
    assert Conv(input=(1,) * 16, kernel=1).ndim == 16
    assert Conv(input=4, kernel=2, padding="same_tf", stride=3).padding == ((0, 1),)
    assert parameters.axes_of({"stride": 2, "padding": "same"}) == 1
    value = Conv(input=4, kernel=2, padding_mode="constant", padding_value=2.0).padding_value
    assert (value, type(value)) == (2, int)


# padding -------------------------------------------------------------------------------------------------------------


def test_words_of_padding() -> None:
    sizes = {"input": (7, 8), "kernel": (4, 3), "stride": (1, 1), "dilation": (1, 3)}
    due = {"valid": ((0, 0), (0, 0)), "same": ((1, 2), (3, 3)), "full": ((3, 3), (6, 6)), "causal": ((3, 0), (6, 0))}
    for word, amounts in due.items():
        assert amounts_of_word(word, sizes, False) == amounts
        expressions = WORDS[word].expressions
        assert expressions is not None
        assert tuple(int(e.evaluate({"K": 4, "d": 1})) for e in expressions) == amounts[0]
    assert WORDS["same_tf"].expressions is None
    assert amounts_of_word("same_tf", sizes | {"stride": (3, 5)}, False) == ((1, 2), (2, 2))
    assert amounts_of_word("same_tf", sizes | {"kernel": (1, 1), "stride": (9, 9)}, False) == ((0, 0), (0, 0))
    assert amounts_of_word("full", sizes | {"stride": (2, 3)}, True) == ((3, 3), (6, 6))


@pytest.mark.parametrize("name", MODES)
def test_rows_of_a_border(name: str) -> None:
    mode = MODES[name]
    at = np.arange(-3, 7)
    rows = mode.rows(at, 4)
    due = {
        "zeros": [-1, -1, -1, 0, 1, 2, 3, -1, -1, -1], "constant": [-1, -1, -1, 0, 1, 2, 3, -1, -1, -1],
        "reflect": [3, 2, 1, 0, 1, 2, 3, 2, 1, 0], "replicate": [0, 0, 0, 0, 1, 2, 3, 3, 3, 3],
        "circular": [1, 2, 3, 0, 1, 2, 3, 0, 1, 2], "symmetric": [2, 1, 0, 0, 1, 2, 3, 3, 2, 1],
    }[name]  # fmt: skip
    assert rows.tolist() == due
    assert rows.dtype == np.int64
    assert mode.rows([-9, 12], 4).tolist() == {"replicate": [0, 3]}.get(name, [OUTSIDE, OUTSIDE])
    assert mode.moves_rows == (name not in ("zeros", "constant"))
    assert mode.counts_outside == (name != "zeros")
    assert len(mode.pieces) == (3 if mode.moves_rows else 1)
    assert [str(c) for c in mode.pieces[-1][0]] == (["t >= H"] if mode.moves_rows else ["0 <= t", "t < H"])


# names and the loss --------------------------------------------------------------------------------------------------


def test_names_of_entries() -> None:
    assert [entry_name(SMALL, name, 0) for name in ("b", "db", "v_b", "w", "v_w", "v_x")] == [
        "b", "db", "v^{b}", "w_{1}", "v^{w}_{1}", "v^{x}_{1}"
    ]  # fmt: skip
    assert entry_name(WIDE, "x", 2 * 20 + 5) == "x_{1322}"
    assert entry_name(WIDE, "b", 5) == "b_{6}"
    assert entry_name(WIDE, "ddw", 13) == "ddw_{2112}"
    assert subscript(Conv(input=12, kernel=1, batch=2), "x", (1, 0, 3)) == "2,4"
    assert subscript(Conv(input=(9, 9), kernel=1), "x", (0, 0, 8, 0)) == "91"
    assert subscript(Conv(input=(10, 9), kernel=1), "x", (0, 0, 8, 0)) == "9,1"
    assert subscript(Conv(input=3, kernel=1, batch=12), "w", (0, 0, 0)) == "1"
    assert subscript(Conv(input=3, kernel=1, in_channels=2), "b", (0,)) == ""
    assert subscript(Conv(input=3, kernel=1, out_channels=2), "x", (0, 0, 1)) == "12"
    filled = Conv(input=3, kernel=2, padding=1, padding_mode="constant")
    assert entry_name(filled, "v", 0) == "v"
    number = Conv(input=3, kernel=2, padding=1, padding_mode="constant", padding_value=-2.5)
    assert entry_name(number, "v", 0) == "-2.5"
    assert symbol(number, "v", 0) == sympy.Rational(-5, 2)
    assert symbol(filled, "v", 0) == sympy.Symbol("v")
    assert symbol(SMALL, "x", 2) == sympy.Symbol("x_{3}")
    assert symbols(WIDE, "b").shape == (6,)


def test_indices_of_channels() -> None:
    assert label_sizes(WIDE) == {"n": 2, "g": 2, "f": 3, "c": 2}
    assert label_sizes(BACK) == {"n": 1, "g": 1, "f": 2, "c": 3}
    labels = channel_labels(WIDE)
    assert (labels["x"], labels["y"], labels["b"], labels["w"], labels["v"]) == ("ngc", "ngf", "gf", "gfc", "")
    assert (channel_labels(BACK)["x"], channel_labels(BACK)["b"]) == ("ngf", "gc")


@pytest.mark.parametrize(
    "conv",
    [
        SMALL, BACK, Conv(3, 2, bias=False), Conv(2, 2, padding=1, padding_mode="reflect"),
        Conv((2, 1, 2), (2, 1, 2), padding=((1, 0), (0, 1), (1, 1)), padding_mode="constant", out_channels=2),
        Conv((2, 3), 2, batch=2, in_channels=2, out_channels=4, groups=2, padding=1, stride=(1, 2), padding_mode="constant",
             padding_value=3),
    ],
    ids=lambda conv: conv.slug,
)  # fmt: skip
def test_the_loss_is_that_of_loops(conv: Conv) -> None:
    values = differences.random_integers(conv, seed=3)
    number = 7 if conv.padding_value is None else conv.padding_value
    exact = conv if conv.padding_mode != "constant" else Conv(**conv.to_dict() | {"padding_value": number})
    y = differences.forward(exact, values["x"], values["w"], values["b"] if conv.bias else None)
    given = {name: values[name] for name in ("x", "w", "b", "dy")} | {"v": np.array(number)}
    assert loss(conv).substitute(given) == (y * values["dy"]).sum()
    assert loss(conv).count == conv.terms


def test_random_integers_are_never_zero() -> None:
    drawn = differences.random_integers(WIDE, seed=1, size=2)
    assert {name: array.shape for name, array in drawn.items()} == {n: WIDE.shapes[n] for n in ("x", "w", "b", "dy")}
    assert set(np.unique(drawn["x"])) == {-2, -1, 1, 2}
    assert not all(np.array_equal(drawn[n], differences.random_integers(WIDE, seed=2, size=2)[n]) for n in drawn)


def test_differences_in_chunks_and_what_they_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    conv = Conv(input=4, kernel=2, stride=2)
    x, w, b, dy = (differences.random_integers(conv, seed=0)[n] for n in ("x", "w", "b", "dy"))
    whole = differences.exact_gradients(conv, x, w, b, dy)
    monkeypatch.setattr(differences, "_CHUNK_ENTRIES", 9)
    chunked = differences.exact_gradients(conv, x, w, b, dy)
    assert all(np.array_equal(whole[name], chunked[name]) for name in ("y", "dx", "dw", "db"))
    assert whole["dw"].reshape(-1).tolist() == [(dy * x[..., k::2]).sum() for k in range(2)]
    assert whole["db"].tolist() == [dy.sum()]
    assert "db" not in differences.exact_gradients(conv, x, w, None, dy)
    refused(
        lambda: differences.exact_gradients(conv, x[..., :3], w, b, dy),
        f"x has shape (1, 1, 3), but {conv!r} has x of shape (1, 1, 4)",
    )
    refused(
        lambda: differences.exact_gradients(conv, x, w, b, dy / 2),
        "dy holds float64; exact differences need integers",
        TypeError,
    )
    letter = Conv(input=4, kernel=2, padding=1, padding_mode="constant")
    refused(lambda: differences.forward(letter, x, w), f"{letter!r} pads with a letter; numbers need its padding_value")
    half = Conv(input=2, kernel=2, padding=1, padding_mode="constant", padding_value=0.5)
    two = np.array([[[1, 2]]])
    assert differences.forward(half, two, two).tolist() == [[[2.5, 5.0, 3.0]]]
    many = differences.forward(conv, np.stack([x, 2 * x]), w, np.stack([b, b + 1]))
    assert many.shape == (2, 1, 1, 2)
    assert np.array_equal(many[1], 2 * whole["y"] - b + 1)


# derivatives ---------------------------------------------------------------------------------------------------------


def test_gradients_are_read_and_refused() -> None:
    g = SMALL.gradients()
    assert repr(g) == f"<gradients of {SMALL!r}, loss 'upstream', 6 terms>"
    assert [str(e) for e in g.upstream.reshape(2)] == ["dy_{1}", "dy_{2}"]
    assert len(g.loss.args) == 6
    told = g.to_dict()
    assert told["loss"] == "upstream"
    assert told["dx"]["shape"] == [1, 1, 3]
    assert told["db"] == {"shape": [1], "entries": ["dy_{1} + dy_{2}"]}
    assert g.jacobian("b").text((0, 0, 1, 0)) == "1"
    assert g.jacobian_matrix("w").shape == (2, 2)
    refused(lambda: g.terms("dz"), "no gradient 'dz'; there are y, dx, dw, db")
    refused(lambda: g.jacobian("dy"), "no Jacobian by 'dy'; y depends on x, w and b")
    refused(
        lambda: SMALL.gradients("l1"),
        "no loss 'l1'; there are upstream, squared, cross-entropy, or give a SymPy expression in the entries of y",
    )
    bare = Conv(input=2, kernel=2, bias=False).gradients()
    assert bare.terms("db").text((0,)) == "0"


def test_losses_of_ones_own() -> None:
    y1, y2, x1 = sympy.symbols("y_{1} y_{2} x_{1}")
    g = SMALL.gradients(y1 * y2)
    assert g.loss_name == "expression"
    assert sympy.expand(g.db[0] - g.y[0, 0, 0] - g.y[0, 0, 1]) == 0
    assert sympy.expand(g.upstream[0, 0, 0] - g.y[0, 0, 1]) == 0
    assert sympy.expand(g.loss - g.y[0, 0, 0] * g.y[0, 0, 1]) == 0
    assert g.terms("y").count == 6
    refused(lambda: g.terms("dx"), "the gradients of the loss 'expression' are SymPy expressions; read .dx")
    refused(
        lambda: SMALL.gradients(y1 * x1),
        "the loss names x_{1}, an entry of the layer; a loss is an expression in the entries of y",
    )
    refused(lambda: SMALL.gradients(x1 - x1 + 2), "the loss 2 names no entry of y, such as y_{1}")
    refused(
        lambda: SMALL.gradients(3),
        "loss must be a name or a SymPy expression in the entries of y, got 3",
        TypeError,  # type: ignore[arg-type]
    )
    bare = Conv(input=2, kernel=2, bias=False, out_channels=2).gradients("squared")
    assert bare.db.tolist() == [0, 0]
    upstream = gradients.loss_expression(SMALL, "upstream")
    assert str(upstream) == "dy_{1}*y_{1} + dy_{2}*y_{2}"
    slow = gradients.by_sympy(SMALL)
    assert set(slow) == {"dx", "dw", "db"}
    assert slow["dw"] == SMALL.gradients().dw


def test_cross_entropy_goes_over_the_channels() -> None:
    conv = Conv(input=2, kernel=1, batch=2, out_channels=2)
    names = {e: i + 1 for i, e in enumerate(symbols(conv, "y").reshape(8))}
    given = {e: sympy.Rational(1, i + 2) for i, e in enumerate(symbols(conv, "t").reshape(8))}
    found = gradients.loss_expression(conv, "cross-entropy").xreplace(names | given).evalf()
    y, t = np.arange(1, 9).reshape(2, 2, 2).astype(float), (1 / np.arange(2, 10)).reshape(2, 2, 2)
    due = (t * (np.log(np.exp(y).sum(axis=1, keepdims=True)) - y)).sum()
    assert math.isclose(float(found), due, rel_tol=1e-12)


def test_limits_of_what_sympy_does(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, told in (
        (gradients, f"a loss of one's own is differentiated by SymPy, up to 5 terms; {SMALL!r} has 6"),
        (second, f"a Hessian is built by SymPy, up to 5 terms of the loss; {SMALL!r} has 6"),
    ):
        ask = SMALL.hessian_vector if module is second else lambda loss="squared": SMALL.gradients(loss)
        monkeypatch.setattr(module, "MAX_SYMPY_TERMS", 6)
        ask()
        monkeypatch.setattr(module, "MAX_SYMPY_TERMS", 5)
        refused(ask, told)
        SMALL.gradients("upstream")


def test_notebooks_are_shown_what_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    flat = Conv(input=7, kernel=7)  # 8 terms, 7 entries of x and of w
    assert (flat.terms, flat.second_gradients().form.count) == (8, 15)
    for shown, most in ((flat.gradients(), 8), (flat.second_gradients(), 15), (flat.hessian_vector(), 4 * 8)):
        for module in (gradients, second, terms_module):
            monkeypatch.setattr(module, "MAX_TYPESET", most)
        text = shown._repr_latex_()
        assert text is not None
        assert text.startswith(r"$\displaystyle \begin{aligned} \mathrm{")
        assert text.endswith(r" \end{aligned}$")
        for module in (gradients, second, terms_module):
            monkeypatch.setattr(module, "MAX_TYPESET", most - 1)
        assert shown._repr_latex_() is None
    long = Conv(input=9, kernel=1, stride=9)  # 2 terms, 9 entries of x
    assert long.terms == 2
    for shown, most in ((long.gradients(), 8), (long.second_gradients(), 8), (long.hessian_vector(), 4 * 9 - 1)):
        for module in (gradients, second):
            monkeypatch.setattr(module, "MAX_TYPESET", most)
        assert shown._repr_latex_() is None


def test_second_gradients_are_read_and_refused() -> None:
    g = Conv(input=2, kernel=2).second_gradients()
    assert repr(g) == f"<second gradients of {g.conv!r}, 5 terms>"
    assert set(g.to_dict()) == {"conv", "ddy", "ddx", "ddw"}
    assert g.to_dict()["ddx"] == {"shape": [1, 1, 2], "entries": ["dy_{1}*v^{w}_{1}", "dy_{1}*v^{w}_{2}"]}
    assert len(g.loss.args) == 5
    refused(lambda: g.terms("ddb"), "no second gradient 'ddb'; there are ddy, ddx, ddw")
    refused(lambda: SMALL.second_gradients(max_terms=5), f"the loss of {SMALL!r} has 6 terms, more than max_terms=5")
    refused(
        lambda: SMALL.hessian_vector("l1"),
        "no loss 'l1'; there are upstream, squared, cross-entropy, or give a SymPy expression in the entries of y",
    )


def test_a_hessian_times_a_direction() -> None:
    conv = Conv(input=2, kernel=1, stride=1)
    y1, y2 = sympy.symbols("y_{1} y_{2}")
    h = conv.hessian_vector(y1**2 * y2)
    assert repr(h) == f"<Hessian times direction of {conv!r}, loss 'expression'>"
    assert h.to_dict()["loss"] == "expression"
    assert h.to_dict()["b"]["shape"] == [1]
    y = [sympy.sympify(e) for e in conv.gradients().y.reshape(2)]
    composed = y[0] ** 2 * y[1]
    places = [(a, i) for a, n in (("x", 2), ("w", 1), ("b", 1)) for i in range(n)]
    for array, got in (("x", h.x), ("w", h.w), ("b", h.b)):
        for i, entry in enumerate(got.reshape(len(got))):
            by = symbol(conv, array, i)
            due = sum(composed.diff(by, symbol(conv, a, j)) * symbol(conv, f"v_{a}", j) for a, j in places)
            assert sympy.expand(entry - due) == 0
