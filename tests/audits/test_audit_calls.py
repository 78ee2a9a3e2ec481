"""How functions are called is inferred: every style of :mod:`sample_styles`, on geometries that it is asked for afterwards."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from symconv.audits.conventions import convention_named
from symconv.audits.inference.reading import Reading
from symconv.audits.inference.search import infer_call
from symconv.audits.truth import Derivative, point
from symconv.layer.conv import Conv
from tests.audits.samples import sample_styles as styles

SAMPLES = Path(__file__).parent / "samples"

#: name -> outputs that are found and whether each is right; the geometries that it cannot be asked for
RIGHT = {
    name: outputs
    for outputs, names in {
        "dx dw db": """other_order pad_before_stride dw_first names_that_say_nothing as_dict as_namedtuple as_list_with_extras
            bias_as_column keras_layout padding_in_pairs pairs_for_all one_image one_axis three_axes conv_backward_naive
            cached_without_forward cache_in_another_order cache_of_names courses_backward opaque_backward closed_over Torchlike
            OneKernelSide GivenWeights InDicts InLists WithParameters Updating ChannelsLast Autograd ReturnsAll""",
        "dx dw": "no_bias_at_all without_stride one_channel WithoutBias",
    }.items()
    for name in names.split()
}
#: name -> the outputs that are wrong somewhere
WRONG = {
    "wrong_forgets_stride": "dx", "wrong_flips": "dw", "wrong_swaps_stride_and_padding": "dx dw", "wrong_averages": "dw db",
    "wrong_transposes": "dw", "wrong_crop": "dx", "WrongBias": "db", "WrongInput": "dx", "WrongUpdate": "dw db",
    "wrong_names_exchanged": "dx",
}  # fmt: skip


def geometries(ndim: int) -> list[Conv]:
    one: list[dict[str, Any]] = [
        {"input": (6, 7, 5), "kernel": (3, 2, 2)},
        {"input": (5, 6, 4), "kernel": (3, 3, 3)},
        {"input": (7, 7, 5), "kernel": (3, 3, 3), "stride": 2, "padding": 1},
        {"input": (8, 6, 6), "kernel": (3, 3, 3), "stride": 2, "padding": ((0, 1), (0, 1), (0, 1))[:ndim]},
        {"input": (6, 8, 6), "kernel": (2, 2, 2), "padding": 1, "stride": 3},
        {"input": (6, 7, 5), "kernel": (2, 2, 2), "padding": ((1, 1), (0, 0), (0, 0))[:ndim]},
        {"input": (5, 6, 5), "kernel": (2, 3, 2), "stride": (1, 2, 1)[:ndim]},
    ]
    found = []
    for case in one:
        sizes = case | {key: case[key][:ndim] for key in ("input", "kernel")}
        found.append(Conv(**sizes, batch=2, in_channels=3, out_channels=2))
        found.append(Conv(**sizes, batch=1, in_channels=1, out_channels=1))
    return found


def verdicts(main: Any, reading: Reading, ndim: int) -> dict[str, list[bool]]:
    """For each output whether it is right in each geometry that the reading covers."""
    convention = convention_named(reading.text())
    functions = SimpleNamespace(main=main, forward=None)
    found: dict[str, list[bool]] = {}
    for conv in geometries(ndim):
        if convention.outside(conv) is not None:
            continue
        at = point(conv, 3, 0, 9)
        got = convention.backward(functions, conv, at)
        for output, value in got.items():
            truth = Derivative(conv).numbers(at, output)
            found.setdefault(output, []).append(value.shape == truth.shape and np.allclose(value, truth))
    return found


@pytest.mark.parametrize("name", RIGHT)
def test_right(name):
    main = getattr(styles, name)
    forward = {"conv_backward_naive": styles.conv_forward_naive, "opaque_backward": styles.opaque_forward}.get(name)
    inferred = infer_call(main, forward)
    found = verdicts(main, inferred.reading, inferred.ndim)
    assert set(found) == set(RIGHT[name].split()), inferred
    assert all(all(each) for each in found.values()), (found, inferred)
    assert all(len(each) >= 1 for each in found.values())


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name):
    main = getattr(styles, name)
    inferred = infer_call(main)
    found = verdicts(main, inferred.reading, inferred.ndim)
    assert {output for output, each in found.items() if not all(each)} == set(WRONG[name].split()), inferred
