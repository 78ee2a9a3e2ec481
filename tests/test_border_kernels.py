"""Kernels whose border is not zeros: every schedule of any size, on symbols and on whole numbers, and the library."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from symconv import Conv, fast
from symconv.fast.schedules import FAST
from symconv.kernels import emit
from symconv.kernels.checks import check
from symconv.kernels.nest import Kind
from symconv.kernels.schedules import SCHEDULES
from symconv.layer.differences import exact_gradients, random_integers
from symconv.layer.padding import MODES
from tests.test_padding_modes import CASES

BORDERED = [conv for conv in CASES if conv.mode.counts_outside]
ANY_SIZE = [name for name, schedule in SCHEDULES.items() if schedule.any_size]
EXACT = ["symbols", "integers"]


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ANY_SIZE)
def test_every_schedule_makes_every_border(schedule: str) -> None:
    for ndim in (1, 2, 3):
        layers = [conv for conv in BORDERED if conv.ndim == ndim]
        checked = check(emit(schedule, Kind(ndim)), layers, EXACT)
        assert checked.ok, checked.failures
        assert {finding.check for finding in checked.findings} == set(EXACT)


def test_manners_with_a_border() -> None:
    layers = [conv for conv in BORDERED if conv.ndim == 2]
    checked = check(emit("columns", Kind(2)), layers, ["manners"])
    assert checked.ok, checked.failures


@pytest.mark.parametrize("wrong", ["not folded", "edge doubled", "one side only", "no constant"])
def test_a_wrong_border_is_found(wrong: str) -> None:
    kernel = emit("taps", Kind(2))
    source = {
        "not folded": kernel.source.replace(
            "np.add.at(folded, np.pad(np.arange(H), (p, q), name), rows)",
            "folded[np.pad(np.arange(H), (p, q), name)] = rows",
        ),
        "edge doubled": kernel.source.replace('"reflect": ("reflect", -1)', '"reflect": ("symmetric", 0)'),
        "one side only": kernel.source.replace(
            "np.add.at(folded, np.pad(np.arange(H), (p, q), name), rows)",
            "np.add.at(folded, np.pad(np.arange(H), (p, 0), name), rows[: p + H])",
        ),
        "no constant": kernel.source.replace("value = padding_value if", "value = 0 if"),
    }[wrong]
    assert source != kernel.source
    broken = type(kernel)(kernel.schedule, kernel.kind, source=source)
    assert not check(broken, [conv for conv in BORDERED if conv.ndim == 2], EXACT).ok


@pytest.mark.parametrize("conv", BORDERED, ids=lambda conv: conv.slug)
def test_library(conv: Conv) -> None:
    values = random_integers(conv, 6)
    truth = exact_gradients(conv, values["x"], values["w"], values["b"], values["dy"])
    given = {name: getattr(conv, name) for name in ("stride", "padding", "dilation", "groups", "padding_mode")}
    given |= {"padding_value": conv.padding_value or 0}
    forward, backward = (getattr(fast, f"conv{conv.ndim}d{end}") for end in ("", "_backward"))
    assert np.array_equal(forward(values["x"], values["w"], values["b"], **given), truth["y"])
    for name, array in zip(("dx", "dw", "db"), backward(values["dy"], values["x"], values["w"], **given), strict=True):
        assert np.array_equal(array, truth[name]), name


#: schedule of the library -> a layer that it can make, beside the usual one
OWN: dict[str, dict[str, Any]] = {
    "pointwise": {"kernel": 1, "stride": 1},
    "depthwise": {"groups": 3, "in_channels": 3, "out_channels": 3},
    "winograd": {"kernel": 3, "stride": 1, "dilation": 1},
}


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular", "symmetric"])
@pytest.mark.parametrize("schedule", FAST)
def test_every_schedule_of_the_library_takes_a_border(schedule: str, mode: str) -> None:
    value = {"padding_value": 2} if mode == "constant" else {}
    usual = {"kernel": (3, 2), "stride": (2, 1), "in_channels": 2, "out_channels": 3}
    conv = Conv(**{"input": (6, 5), "batch": 2, "padding": ((2, 1), (0, 3)), **usual, **OWN.get(schedule, {})},
                padding_mode=mode, **value)  # fmt: skip
    values = random_integers(conv, 6)
    truth = exact_gradients(conv, values["x"], values["w"], values["b"], values["dy"])
    values = {name: array.astype(float) for name, array in values.items()}
    given = {name: getattr(conv, name) for name in ("stride", "padding", "dilation", "groups", "padding_mode")}
    given |= {"padding_value": conv.padding_value or 0, "algorithm": schedule}
    y = fast.conv2d(values["x"], values["w"], values["b"], **given)
    found = (y, *fast.conv2d_backward(values["dy"], values["x"], values["w"], **given))
    for name, array in zip(("y", "dx", "dw", "db"), found, strict=True):
        assert np.allclose(array, truth[name], rtol=0, atol=1e-9 * np.abs(truth[name]).max()), name


@pytest.mark.parametrize("functions", [(fast.conv2d, fast.conv2d_backward), None], ids=["library", "file"])
def test_refusals(functions: tuple[object, object] | None) -> None:
    module = emit("columns", Kind(2)).load()
    forward, backward = functions or (module.conv2d, module.conv2d_backward)
    x, w = np.ones((1, 1, 3, 4)), np.ones((1, 1, 2, 2))
    with pytest.raises(ValueError, match="padding_mode 'wrap' must be one of zeros, constant, reflect"):
        forward(x, w, padding_mode="wrap")
    told = re.escape("reflect padding (3, 3) do not fit 3")
    with pytest.raises(ValueError, match=told):
        backward(np.ones((1, 1, 8, 9)), x, w, padding=3, padding_mode="reflect")
    with pytest.raises(ValueError, match=r"dy \(1, 1, 4, 4\) must have shape \(1, 1, 4, 5\)"):
        backward(np.ones((1, 1, 4, 4)), x, w, padding=1, padding_mode="circular")


def test_files_name_every_mode() -> None:
    source = emit("columns", Kind(1)).source
    assert all(f'"{name}"' in source for name in MODES)
    assert "padding_mode" not in emit("taps", Kind(2, transposed=True)).source
