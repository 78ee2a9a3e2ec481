"""Forward passes, backward passes against their own forward, transposed convolutions, other dimensions, adapters, engines."""

from __future__ import annotations

import linecache
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symconv.audits import audit as audited
from symconv.audits.grids import default_grid
from symconv.audits.sandbox.supervisor import shared_workers
from symconv.layer.conv import Conv
from tests.audits.independent import SAMPLES

CS231N = SAMPLES / "sample_cs231n.py"
PLAIN = SAMPLES / "sample_plain.py"

#: that results do not depend on earlier calls is tested where that is the subject
audit = partial(audited, once=True, seed=5)


@pytest.fixture(autouse=True, scope="module")
def _workers() -> Iterator[None]:
    with shared_workers():
        yield


# forward ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "cause"),
    [("naive", None), ("turned", "flips"), ("no_bias", "no-bias"), ("turned_no_bias", "ignores-b"), ("unpadded", None)],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_forward(name: str, cause: str | None) -> None:
    result = audit(f"{CS231N}:conv_forward_{name}", "cs231n", mode="forward", grid="quick")
    assert result.outputs == ("y",)
    assert result.ok == (name == "naive")
    if cause:
        assert result.causes["y"][0].key == cause
    if name == "turned_no_bias":  # both mistakes, where both can show
        seen = [case.verdict.causes["y"] for case in result.cases if max(case.conv.kernel) > 1]
        assert all("flips" in causes for causes in seen)
    if name == "unpadded":
        assert {case.conv.padding[0] for case in result.cases if case.right(("y",))} == {(0, 0)}


def test_forward_of_a_channels_last_function_and_of_a_class() -> None:
    assert audit(f"{SAMPLES / 'sample_coursera.py'}:conv_forward", "coursera", mode="forward", grid="quick").ok
    assert audit(f"{SAMPLES / 'sample_layers.py'}:Convolution", "layer", mode="forward", grid="quick").ok


@pytest.mark.parametrize("engine", ["symbolic", "exact"])
@pytest.mark.parametrize(
    ("forward", "backward", "right"),
    [
        ("conv_forward_naive", "conv_backward_naive", True),
        ("conv_forward_unpadded", "conv_backward_unpadded", True),  # another layer, and its own gradient
        ("conv_forward_unpadded", "conv_backward_naive", False),
        ("conv_forward_turned", "conv_backward_naive", False),
    ],
    ids=["naive-naive", "unpadded-unpadded", "unpadded-naive", "turned-naive"],
)
def test_adjoint(forward: str, backward: str, right: bool, engine: str) -> None:
    grid = default_grid(input=[(4, 5)], kernel=[(3, 2)], batch=2, in_channels=1, out_channels=2)
    result = audit(f"{CS231N}:{backward}", "cs231n", mode="adjoint", forward=forward, grid=grid, engine=engine)
    assert result.ok == right
    assert set(result.engines) == {"symbolic" if engine == "symbolic" else "exact integers"}
    assert result.tally_of("db").wrong == 0 or not right
    if not right:
        assert result.smallest_failure is not None
        assert result.smallest_failure.yours != result.smallest_failure.true


def test_adjoint_of_a_class() -> None:
    assert audit(f"{SAMPLES / 'sample_layers.py'}:Convolution", "layer", mode="adjoint", grid="quick").ok


# transposed, other dimensions, groups -------------------------------------------------------------------------------------


def any_backward(x: Any, w: Any, b: Any, dy: Any, stride: Any, padding: Any, dilation: Any = 1, groups: int = 1,
                 output_padding: Any = 0, *, transposed: bool = False) -> Any:  # fmt: skip
    """dx, dw, db of a convolution on any number of axes by its definition, window by window."""
    ndim = x.ndim - 2
    s, p, d = (tuple(np.broadcast_to(v, (ndim,))) for v in (stride, padding, dilation))
    strided, padded = (x, dy) if transposed else (dy, x)
    around = [(0, 0), (0, 0), *((before, before + step) for before, step in zip(p, s))]
    wide = np.pad(padded, around)
    d_strided, d_wide, dw = np.zeros(strided.shape), np.zeros(wide.shape), np.zeros(w.shape)
    F, C = strided.shape[1] // groups, padded.shape[1] // groups
    for g in range(groups):
        rows, columns = slice(g * F, (g + 1) * F), slice(g * C, (g + 1) * C)
        for k in np.ndindex(*w.shape[2:]):
            reach = tuple(slice(d[i] * k[i], d[i] * k[i] + s[i] * strided.shape[2 + i], s[i]) for i in range(ndim))
            tap, at = w[(rows, slice(None), *k)], (slice(None), columns, *reach)
            d_wide[at] += np.moveaxis(np.tensordot(strided[:, rows], tap, (1, 0)), -1, 1)
            d_strided[:, rows] += np.moveaxis(np.tensordot(wide[at], tap, (1, 1)), -1, 1)
            space = (0, *range(2, 2 + ndim))
            dw[(rows, slice(None), *k)] += np.tensordot(strided[:, rows], wide[at], (space, space))
    crop = tuple(slice(before, before + n) for before, n in zip(p, padded.shape[2:]))
    dx = d_strided if transposed else d_wide[(slice(None), slice(None), *crop)]
    return dx, dw, dy.sum(axis=(0, *range(2, 2 + ndim)))


def transposed_backward(*arguments: Any, **keywords: Any) -> Any:
    return any_backward(*arguments, transposed=True, **keywords)


def uncropped_transposed(*arguments: Any, **keywords: Any) -> Any:
    """Takes no notice of output_padding, nor of stride in dw."""
    x, w, b, dy, stride, padding = arguments
    return any_backward(x, w, b, dy, 1 if padding else stride, padding, transposed=True)


def mixed(ndim: int, **options: Any) -> list[Conv]:
    """Few cases of a large grid: strides, paddings, dilations and groups that differ."""
    convs = default_grid(ndim=ndim, dilation=(1, 2), groups=(1, 2), **options)
    return random.Random(ndim).sample(convs, 24)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_dimensions_dilation_groups(ndim: int) -> None:
    grid = mixed(ndim)
    assert {conv.groups for conv in grid} == {1, 2}
    assert {conv.dilation[0] for conv in grid} == {1, 2}
    result = audit(any_backward, grid=grid)
    assert result.ok, str(result)
    assert result.right == len(grid)
    assert "symbolic" in result.engines


def test_per_axis() -> None:
    grid = default_grid(
        input=[(6, 7)], kernel=[(3, 2)], stride=[(2, 1), (1, 3)], padding=[(1, 0), (0, 2)], dilation=[(1, 2)]
    )
    assert audit(any_backward, grid=grid).right == 4
    outside = audit(f"{CS231N}:conv_backward_naive", "cs231n", grid=[*grid, Conv((5, 4), (2, 3))])
    assert (outside.tally.cases, len(outside.outside)) == (1, 4)
    assert outside.to_dict()["outside"]["cases"] == 4


@pytest.mark.parametrize("ndim", [1, 2])
def test_transposed(ndim: int) -> None:
    grid = mixed(ndim, transposed=True, output_padding=(0, 1))
    assert {conv.output_padding[0] for conv in grid} == {0, 1}
    assert audit(transposed_backward, grid=grid).right == len(grid)


def test_transposed_wrong() -> None:
    grid = default_grid(input=[(3, 4)], kernel=[(3, 2)], transposed=True)
    result = audit(uncropped_transposed, grid=grid)
    assert result.wrong
    assert "stride = 1" in str(result.condition)


# adapters -------------------------------------------------------------------------------------------------------------------


def torch_gradients(functional: Any, x: Any, w: Any, b: Any, dy: Any, conv: Conv) -> dict[str, Any]:
    """PyTorch's convolution of that kind and its autograd, in float32."""
    import torch

    x, w, b = (torch.tensor(a, dtype=torch.float32, requires_grad=True) for a in (x, w, b))
    function = getattr(functional(), f"conv{'_transpose' if conv.transposed else ''}{conv.ndim}d")
    more: dict[str, Any] = {"output_padding": conv.output_padding} if conv.transposed else {}
    padding = tuple(p for p, _ in conv.padding)
    y = function(x, w, b, stride=conv.stride, padding=padding, dilation=conv.dilation, groups=conv.groups, **more)
    y.backward(torch.tensor(dy, dtype=torch.float32))
    return {"y": y, "dx": x.grad, "dw": w.grad, "db": b.grad}


def torch_functional() -> Any:
    import torch

    return torch.nn.functional


@pytest.mark.slow
def test_torch() -> None:
    """PyTorch's own convolutions are right: 2-D on the whole grid, on one axis, three, dilated, grouped, transposed."""
    pytest.importorskip("torch")
    grid = [*default_grid(), *mixed(1), *mixed(2), *mixed(3), *mixed(2, transposed=True, output_padding=(0, 1))]
    result = audit(torch_functional, torch_gradients, grid=grid, memory_limit=4096)
    assert result.outputs == ("y", "dx", "dw", "db")
    assert result.right == len(set(grid)) >= 180, str(result)
    assert set(result.engines) == {"exact integers"}


KERNELS = Path(__file__).parents[2] / "generated" / "kernels"


def kernel(backward: Any, x: Any, w: Any, b: Any, dy: Any, conv: Conv) -> dict[str, Any]:
    """An emitted kernel: conv2d_backward(dy, x, w, stride, padding, dilation, groups)."""
    more = {"output_padding": conv.output_padding} if conv.transposed else {}
    dx, dw, db = backward(dy, x, w, conv.stride, conv.padding, conv.dilation, conv.groups, **more)
    return {"dx": dx, "dw": dw, "db": db}


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["taps", "formulas"])
@pytest.mark.parametrize("kind", ["conv1d", "conv2d", "conv3d", "conv_transpose2d"])
def test_generated_kernels(kind: str, schedule: str) -> None:
    transposed = "transpose" in kind
    ndim = int(kind[-2])
    options = {"transposed": True, "output_padding": (0, 1)} if transposed else {}
    grid = mixed(ndim, **options)
    if (kind, schedule) == ("conv2d", "taps"):
        grid = list(dict.fromkeys([*default_grid(), *grid]))
    result = audit(f"{KERNELS / f'{kind}_{schedule}.py'}:{kind}_backward", kernel, grid=grid)
    assert result.right == len(grid), str(result)
    assert "symbolic" in result.engines


def channels_last(fn: Any, x: Any, w: Any, b: Any, dy: Any, conv: Conv) -> dict[str, Any]:
    """An adapter for a function of its own kind: images last, no bias, dx first of a list."""
    dx, dw = fn(np.moveaxis(x, 0, -1), w, np.moveaxis(dy, 0, -1), conv.stride[0], conv.padding[0][0])
    return {"dx": np.moveaxis(dx, -1, 0), "dw": dw}


def images_last(x: Any, w: Any, dy: Any, stride: int, padding: int) -> Any:
    dx, dw, _ = any_backward(np.moveaxis(x, -1, 0), w, None, np.moveaxis(dy, -1, 0), stride, padding)
    return [np.moveaxis(dx, 0, -1), dw]


@pytest.mark.slow
def test_adapter() -> None:
    result = audit(images_last, channels_last, grid="quick")
    assert result.outputs == ("dx", "dw")
    assert result.ok


def test_adapter_in_the_file() -> None:
    result = audit(f"{PLAIN}:of_its_own_kind", adapter="adapter_to_its_own_kind", grid="quick")
    assert result.ok
    assert result.convention == "adapter_to_its_own_kind"
    assert set(result.engines) == {"symbolic"}
    with pytest.raises(ValueError, match="no 'nobody'"):
        audit(f"{PLAIN}:of_its_own_kind", adapter="nobody", grid="quick")


def test_refusals_of_code_in_no_file() -> None:
    """A notebook's cell: its source goes along with it."""
    text = "def f(x, w, b, dy, stride, padding):\n    assert stride == 1\n    return {'db': dy.sum(axis=(0, 2, 3))}\n"
    linecache.cache["<cell 7>"] = (len(text), None, text.splitlines(keepends=True), "<cell 7>")
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, "<cell 7>", "exec"), names)
    result = audit(names["f"], grid=default_grid(input=[(4, 3)], kernel=[(2, 2)]))
    assert (result.right, result.refused, result.wrong) == (3, 6, 0)


def test_lambda_with_a_closure() -> None:
    scale = 2.0
    result = audit(
        lambda x, w, b, dy, stride, padding: {"db": dy.sum(axis=(0, 2, 3)) * scale}, grid=[Conv((5, 4), (3, 2))]
    )
    assert result.wrong == 1
    assert result.failures[0].missing
    assert [cause.key for cause in result.causes["db"]] == ["scaled-2"]


# engines --------------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_engines_agree() -> None:
    """Wherever both run, symbols and integers give the same verdicts and find the same expressions."""
    grid = default_grid(input=[(4, 3)], kernel=[(2, 2)], batch=2, in_channels=1, out_channels=1, stride=(1, 2))
    for name in ("with_einsum", "forgets_stride_in_dw", "divides_by_batch", "misses_rows", "wrong_variable", "overwrites",
                 "takes_first_rows"):  # fmt: skip
        symbolic, exact = (audit(f"{PLAIN}:{name}", grid=grid, engine=engine) for engine in ("symbolic", "exact"))
        assert set(symbolic.engines) == {"symbolic"}
        assert set(exact.engines) == {"exact integers"}
        for a, b in zip(symbolic.cases, exact.cases, strict=True):
            assert a.verdict.outputs == b.verdict.outputs, (name, a.conv.slug)
            assert a.verdict.causes == b.verdict.causes, (name, a.conv.slug)
        assert [f.to_dict() for f in symbolic.failures] == [f.to_dict() for f in exact.failures], name


@pytest.mark.slow
def test_verdicts_do_not_depend_on_the_number_of_workers() -> None:
    found = [audit(f"{PLAIN}:forgets_padding_in_dw", grid="quick", jobs=jobs) for jobs in (1, 4)]
    assert [case.verdict for case in found[0].cases] == [case.verdict for case in found[1].cases]
    assert str(found[0].condition) == str(found[1].condition)


# refusals ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["asserts_no_remainder", "raises_on_remainder"])
def test_refusals(name: str) -> None:
    result = audit(f"{PLAIN}:{name}", grid="quick")
    for case in result.cases:
        expected = "refuses" if any(case.conv.remainder) else "ok"
        assert set(case.statuses(result.outputs)) == {expected}
    assert result.ok
    assert result.wrong == 0
    assert result.refused > 10
    assert result.refusal is not None
    assert str(result.refusal).startswith("refuses exactly when the stride does not divide (remainder > 0)")


def refuses_everything(x: Any, w: Any, b: Any, dy: Any, stride: int, padding: int) -> Any:
    raise NotImplementedError("later")


@pytest.mark.slow
def test_nothing_shown_is_not_right() -> None:
    result = audit(refuses_everything, grid="quick")
    assert (result.ok, result.right, result.wrong, result.refused) == (False, 0, 0, 45)


def test_square() -> None:
    result = audit(f"{SAMPLES / 'sample_coursera.py'}:conv_backward", "coursera", grid="quick", square=True)
    assert result.ok
    assert not result.outside
    assert {case.conv.kernel for case in result.cases} == {(1, 1), (2, 2)}
    everything = audit(f"{SAMPLES / 'sample_coursera.py'}:conv_backward", "coursera", grid="quick")
    assert everything.ok
    assert len(everything.outside) == 18
    assert not any(case.right(everything.outputs) for case in everything.outside)
