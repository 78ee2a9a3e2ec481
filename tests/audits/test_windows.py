"""The derivative by windows, as sweeps compute it, is to the last bit the one read from the enumerated terms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symconv.audits.truth import Derivative, point, point_size, points
from symconv.audits.windows import Windows
from symconv.layer.conv import Conv
from symconv.layer.padding import MODES

OUTPUTS = ("y", "dx", "dw", "db")


@st.composite
def layers(draw: st.DrawFn) -> Conv:
    """Small layers of every kind: one to three axes, groups, borders, transposed or not."""
    few, ndim = st.integers(1, 3), draw(st.integers(1, 3))

    def each(values: st.SearchStrategy[object]) -> tuple[object, ...]:
        return tuple(draw(values) for _ in range(ndim))

    groups, mode = draw(few), draw(st.sampled_from(sorted(MODES)))
    transposed = mode == "zeros" and draw(st.booleans())
    options = {
        "input": each(st.integers(1, 4)), "kernel": each(st.integers(1, 3)), "stride": each(few), "dilation": each(few),
        "padding": each(st.tuples(st.integers(0, 2), st.integers(0, 2))), "batch": draw(st.integers(1, 2)),
        "in_channels": groups * draw(st.integers(1, 2)), "out_channels": groups * draw(st.integers(1, 2)), "groups": groups,
        "bias": draw(st.booleans()), "transposed": transposed, "padding_mode": mode,
        "padding_value": draw(st.sampled_from([1.5, -2])) if mode == "constant" else None,
        "output_padding": each(st.integers(0, 1)) if transposed else 0,
    }  # fmt: skip
    try:
        return Conv(**options)  # type: ignore[arg-type]
    except ValueError:
        # it has an output whatever the kernel and the stride are
        roomy = {"padding": 2, "input": (6,) * ndim, "dilation": 1, "output_padding": 0}
        return Conv(**options | roomy)  # type: ignore[arg-type]


@given(layers(), st.integers(0, 9))
def test_the_same_as_of_the_terms(conv: Conv, seed: int) -> None:
    windows, terms = Windows(conv, None, points(conv, seed, 3, point_size(conv))), Derivative(conv)
    for at in windows.points:
        for name in OUTPUTS:
            by_windows, by_terms = windows.numbers(at, name), terms.numbers(at, name)
            assert by_windows.shape == conv.shapes[name]
            assert np.array_equal(by_windows, by_terms), name


@pytest.mark.parametrize("forward", [None, "y[i] = sum(w[K-1-k] * x[s*i+d*k-p], k)"])
def test_what_it_has_no_windows_for_it_reads_from_terms(forward: str | None) -> None:
    conv = Conv((4, 3), (2, 2), stride=(2, 1), padding=1)
    windows, terms = Windows(conv, forward, points(conv, 1, 1, 9)), Derivative(conv, forward)
    (at,), other = windows.points, point(conv, 1, 1, 9)
    for name in ("dx", "dw"):
        assert np.array_equal(windows.numbers(at, name), terms.numbers(at, name))
        assert np.array_equal(windows.numbers(other, name), terms.numbers(other, name))


def test_points_are_the_same_for_the_same_case_and_seed_alone() -> None:
    conv = Conv(3, 2, batch=2)
    first, again, other = (points(conv, seed, 2, 500)["x"] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[0], first[1] * 2**14)
