"""Each operation of the formula tree on one axis, by its definition, and what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symconv import Conv
from symconv.algebra.integers import Const, Name
from symconv.formulas import formula
from symconv.formulas.tree import (
    Add,
    Array,
    Correlate,
    Formula,
    Indexed,
    IndexSum,
    Node,
    Range,
    Scale,
    Shuffle,
    Sum,
    crop,
    dilate,
    flip,
    pad,
)  # fmt: skip
from symconv.formulas.values import evaluate
from symconv.layer.differences import random_integers
from symconv.layer.names import entry_name

DY = Array("dy")
UNIT = Conv(input=4, kernel=1, bias=False)  # w has one entry: correlating with it shows what it slides over


def shown(node: object) -> list[str]:
    """What a rearranged dy looks like, entry by entry."""
    value = evaluate(UNIT, Formula("dx", Correlate(node, Array("w"))))  # type: ignore[arg-type]
    return [value.text((0, 0, i)).removesuffix("*w_{1}") for i in range(value.shape[2])]


def moved(seq: list[str], before: int, after: int) -> list[str]:
    return ["0"] * max(0, before) + seq[max(0, -before) : len(seq) - max(0, -after)] + ["0"] * max(0, after)


ENTRIES = [entry_name(UNIT, "dy", i) for i in range(4)]


@pytest.mark.parametrize(("before", "after"), [(0, 0), (2, 1), (-1, 0), (0, -3), (-1, -2), (3, -2), (-2, 4)])
def test_pad_and_crop(before: int, after: int) -> None:
    assert shown(pad(DY, before, after)) == moved(ENTRIES, before, after)
    assert shown(crop(DY, -before, -after)) == moved(ENTRIES, before, after)


@pytest.mark.parametrize(("before", "after"), [(-5, 3), (3, -5), (-5, 1), (-2, -2), (-3, -4), (-6, 6), (6, -6)])
def test_crop_past_the_end_leaves_zeros_or_nothing(before: int, after: int) -> None:
    length = max(0, 4 + before + after)
    expected = [ENTRIES[i - before] if 0 <= i - before < 4 else "0" for i in range(length)]
    assert shown(pad(DY, before, after)) == expected


def test_dilate_and_flip() -> None:
    a, b, c, d = ENTRIES
    assert shown(dilate(DY, 3)) == [a, "0", "0", b, "0", "0", c, "0", "0", d]
    assert shown(dilate(DY, 1)) == ENTRIES
    assert shown(flip(pad(DY, 1, 0))) == [d, c, b, a, "0"]
    assert shown(dilate(crop(DY, 4, 0), 3)) == []


@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(0, 99))
def test_correlate_is_its_definition(n: int, taps: int, stride: int, dilation: int, seed: int) -> None:
    conv = Conv(input=n, kernel=taps, padding=taps, bias=False)
    values = random_integers(conv, seed)
    x, w = values["x"][0, 0], values["w"][0, 0]
    node = Correlate(Array("x"), Array("w"), Const(stride), Const(dilation))
    found = evaluate(conv, Formula("y", node)).substitute({"x": values["x"], "w": values["w"]})[0, 0]
    length = max(0, (n - dilation * (taps - 1) - 1) // stride + 1)
    expected = [sum(x[stride * i + dilation * j] * w[j] for j in range(taps)) for i in range(length)]
    assert found.tolist() == expected


def test_operations_apply_to_results_too() -> None:
    conv = Conv(input=5, kernel=3, bias=False)
    whole = evaluate(conv, formula("y = correlate(pad(x, 2), w)"))
    cut = evaluate(conv, formula("y = crop(correlate(pad(x, 2), w), 2)"))
    assert [cut.text((0, 0, i)) for i in range(3)] == [whole.text((0, 0, i + 2)) for i in range(3)]
    doubled = evaluate(conv, formula("y = 3*correlate(x, w) - correlate(x, w)"))
    assert doubled.text((0, 0, 0)) == "2*w_{1}*x_{1} + 2*w_{2}*x_{2} + 2*w_{3}*x_{3}"
    turned = evaluate(conv, formula("y = flip(correlate(x, w))"))
    assert turned.text((0, 0, 2)) == cut.text((0, 0, 0))


def test_bias_is_repeated_over_batch_and_space() -> None:
    conv = Conv(input=(2, 3), kernel=1, batch=2, in_channels=2, out_channels=4, groups=2)
    value = evaluate(conv, formula("y = b + correlate(x, w)"))
    assert value.text((1, 3, 1, 2)).endswith(" + b_{4}")
    only = evaluate(conv, formula("y = correlate(x, w) + 2*b"))
    assert only.text((0, 2, 0, 0)).endswith(" + 2*b_{3}")


def test_shuffle_deals_channels_in_turn() -> None:
    conv = Conv(input=1, kernel=1, in_channels=4, out_channels=2, groups=2, bias=False)
    right = evaluate(conv, formula("y = correlate(x, w)"))
    dealt = evaluate(conv, formula("y = correlate(shuffle(x), w)"))
    assert right.text((0, 0, 0)) == "w_{111}*x_{11} + w_{121}*x_{21}"
    assert dealt.text((0, 0, 0)) == "w_{111}*x_{11} + w_{121}*x_{31}"


X, W, P, H = Array("x"), Array("w"), Name("p"), Name("H")
I, J = Name("i"), Name("j")


@pytest.mark.parametrize(
    ("target", "node", "told"),
    [
        ("dx", Correlate(dilate(DY, Name("s") - 2), W), "dilate by s - 2 is -1 on axis 0; it must be at least 1"),
        ("dx", Correlate(DY, W, stride=P), "stride p is 0 on axis 0"),
        ("dx", Correlate(pad(DY, H // P), W), "H // p divides by zero"),
        ("dx", Correlate(pad(DY, 99_999_999), W), "more than 50,000,000 entries"),
        ("dx", Correlate(X, W), "dx is made of dy and w"),
        ("dx", Correlate(Correlate(DY, W), W), "not results"),
        ("dw", Sum(DY), "is not a sum of dy over space and batch"),
        ("dx", DY, "stands alone"),
        ("db", Sum(Shuffle(Array("b"))), "db is not a sum of shuffle(b)"),
        ("dx", Add(Correlate(DY, W), Correlate(pad(DY, 1), W)), "sums of shapes"),
        ("dx", IndexSum((Indexed("dy", I + J), Indexed("w", I - J)), (Range("i"), Range("j"))), "no array bounds the index i"),
        ("dx", IndexSum((Indexed("dy", I), Indexed("dy", I)), (Range("i"),)), "dx is made of dy and w, each once"),
    ],
    ids=lambda value: str(value) if not isinstance(value, str) else "",
)  # fmt: skip
def test_refuses_what_means_nothing(target: str, node: Node, told: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        evaluate(Conv(input=6, kernel=2), Formula(target, node, index="m" if isinstance(node, IndexSum) else None))
    assert told in str(caught.value)


def test_refuses_the_other_kind_of_layer() -> None:
    with pytest.raises(ValueError, match="is about a transposed convolution"):
        evaluate(Conv(input=6, kernel=2), formula("dx", transposed=True))


def test_factor_that_differs_from_axis_to_axis_is_refused() -> None:
    conv = Conv(input=(4, 5), kernel=(2, 3))
    with pytest.raises(ValueError, match=r"the factor K differs from axis to axis: \[2, 3\]"):
        evaluate(conv, Formula("y", Scale(Name("K"), Correlate(X, W))))
