"""Sizes, shapes and the errors of ``Conv``."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symconv import Conv
from symconv.layer.loss import loss
from tests.cases import SMALL, convs


def test_normalises_every_parameter_to_the_longest() -> None:
    conv = Conv(input=(5, 6), kernel=2, stride=(2, 1), padding=1)
    assert (conv.kernel, conv.padding, conv.dilation) == ((2, 2), ((1, 1), (1, 1)), (1, 1))
    assert Conv(input=5, kernel=(2, 3)).input == (5, 5)
    assert Conv(input=5, kernel=2, padding=((1, 2),)).padding == ((1, 2),)
    assert Conv(input=np.int64(5), kernel=[2]).input == (5,)


@pytest.mark.parametrize(("K", "d", "pads"), [(3, 1, (1, 1)), (2, 1, (0, 1)), (4, 3, (4, 5)), (1, 5, (0, 0))])
def test_same_pads_the_odd_row_after(K: int, d: int, pads: tuple[int, int]) -> None:
    conv = Conv(input=7, kernel=K, dilation=d, padding="same")
    assert conv.padding == (pads,)
    assert conv.output == (7,)
    assert Conv(input=7, kernel=2, padding="valid").padding == ((0, 0),)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"input": 4, "kernel": 5, "dilation": 2, "padding": 1},
         "kernel 5 with dilation 2 spans 9, but input 4 with padding (1, 1) has only 6 on axis 0"),
        ({"input": (9, 4), "kernel": (2, 5)}, "input 4 with padding (0, 0) has only 4 on axis 1"),
        ({"input": (4, 4), "kernel": (2, 0)}, "kernel 0 on axis 1 must be at least 1"),
        ({"input": 0, "kernel": 1}, "input 0 on axis 0 must be at least 1"),
        ({"input": 4, "kernel": 2, "stride": -1}, "stride -1 on axis 0 must be at least 1"),
        ({"input": 4, "kernel": 2, "dilation": 0}, "dilation 0 on axis 0 must be at least 1"),
        ({"input": 4, "kernel": 2, "padding": ((1, -1),)}, "padding (1, -1) on axis 0 must not be negative"),
        ({"input": 4, "kernel": 2, "batch": 0}, "batch 0 must be at least 1"),
        ({"input": 4, "kernel": 2, "in_channels": 3, "groups": 2}, "groups 2 does not divide in_channels 3"),
        ({"input": 4, "kernel": 2, "in_channels": 2, "out_channels": 3, "groups": 2},
         "groups 2 does not divide out_channels 3"),
        ({"input": (4, 5), "kernel": (2, 2, 2)}, "disagree on the number of axes: input has 2, kernel has 3"),
        ({"input": 4, "kernel": 2, "padding": (1, 2), "stride": (1,)}, "padding before and after one axis is written"),
        ({"input": 4, "kernel": 2, "padding": ((1, 2, 3),)}, "must be one number or a (before, after) pair"),
        ({"input": 4, "kernel": 2, "stride": 2, "padding": "same"}, "frameworks disagree"),
        ({"input": 4, "kernel": 2, "padding": "half"}, "padding 'half' is unknown"),
        ({"input": 4, "kernel": 2, "transposed": True, "padding": "same"}, "'same' is not defined for a transposed"),
        ({"input": 4, "kernel": 2, "output_padding": 1}, "output_padding 1 on axis 0 needs transposed=True"),
        ({"input": 4, "kernel": 2, "stride": 2, "transposed": True, "output_padding": 2},
         "output_padding 2 must be smaller than stride 2 or dilation 1 on axis 0"),
        ({"input": 1, "kernel": 2, "padding": 1, "transposed": True}, "gives output 0 on axis 0; it must be at least 1"),
        ({"input": (), "kernel": 2}, "input is empty"),
    ],
    ids=lambda value: None if isinstance(value, str) else ",".join(value),
)  # fmt: skip
def test_refuses(parameters: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        Conv(**parameters)  # type: ignore[arg-type]
    assert told in str(caught.value)


@pytest.mark.parametrize("value", [1.5, "3", None, True, [1.0]])
def test_refuses_what_is_no_whole_number(value: object) -> None:
    with pytest.raises(TypeError, match="must be a whole number"):
        Conv(input=4, kernel=2, stride=value)  # type: ignore[arg-type]


def test_is_frozen_and_hashable() -> None:
    conv = Conv(input=4, kernel=2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        conv.batch = 2  # type: ignore[misc]
    assert {conv: 1}[Conv(input=(4,), kernel=(2,))] == 1
    assert dataclasses.replace(conv, batch=2).batch == 2


def test_paddings_that_are_alike_on_one_axis_only_are_told() -> None:
    conv = Conv(input=(4, 5), kernel=2, padding=((1, 1), (0, 2)))
    assert eval(repr(conv)) == conv


@pytest.mark.parametrize("name", ["input", "kernel", "stride", "padding", "dilation", "batch"])
def test_sizes_have_a_largest(name: str) -> None:
    sizes = {"input": 4, "kernel": 2} | {name: 10**9 + 1}
    with pytest.raises(ValueError, match=f"{name} .*1000000001.* must be at most 1,000,000,000"):
        Conv(**sizes)  # type: ignore[arg-type]


def test_a_border_is_in_the_name() -> None:
    assert Conv(4, 3, padding=1, padding_mode="reflect").slug == "in4-k3-p1-reflect"
    assert Conv(4, 3, padding=1, padding_mode="constant", padding_value=2.5).slug == "in4-k3-p1-constant-2_5"
    assert Conv(4, 3, padding=1).slug == "in4-k3-p1"


@pytest.mark.parametrize("conv", SMALL, ids=lambda conv: conv.slug)
def test_repr_and_dict_read_back(conv: Conv) -> None:
    assert eval(repr(conv)) == conv
    assert Conv(**conv.to_dict()) == conv
    assert len({c.slug for c in SMALL}) == len(SMALL)


@given(convs())
def test_terms_are_counted_before_they_are_made(conv: Conv) -> None:
    assert loss(conv).count == conv.terms


@given(convs(transposed=True))
def test_transposed_layer_undoes_the_sizes(conv: Conv) -> None:
    # a convolution of the transposed layer's output has the transposed layer's input as its output
    if any(extra >= s for extra, s in zip(conv.output_padding, conv.stride)):
        return
    back = Conv(input=conv.output, kernel=conv.kernel, stride=conv.stride, padding=conv.padding, dilation=conv.dilation)
    assert back.output == conv.input
    assert back.remainder == conv.remainder == conv.output_padding


@given(
    st.integers(1, 12), st.integers(1, 5), st.integers(1, 4), st.integers(0, 4), st.integers(0, 4), st.integers(1, 3)
)
def test_output_and_remainder_by_walking(H: int, K: int, s: int, p: int, q: int, d: int) -> None:
    starts = [i for i in range(0, H + p + q, s) if i + d * (K - 1) < H + p + q]
    if not starts:
        with pytest.raises(ValueError, match="spans"):
            Conv(input=H, kernel=K, stride=s, padding=((p, q),), dilation=d)
        return
    conv = Conv(input=H, kernel=K, stride=s, padding=((p, q),), dilation=d)
    assert conv.output == (len(starts),)
    assert conv.remainder == (H + p + q - 1 - (starts[-1] + d * (K - 1)),)


def test_refuses_a_loss_over_the_limit_before_any_work() -> None:
    conv = Conv(input=(10**4, 10**4), kernel=(50, 50))
    with pytest.raises(ValueError, match=r"has 247,\d\d\d,\d\d\d,\d\d\d terms, more than max_terms=5,000,000"):
        conv.gradients()
    with pytest.raises(ValueError, match="has 30 terms, more than max_terms=29"):
        Conv(input=(3, 4), kernel=2).gradients(max_terms=29)
