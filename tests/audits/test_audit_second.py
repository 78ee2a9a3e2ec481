"""Audits of double backward functions: right ones pass on one to three axes and every border, each mistake is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symconv.audits import audit
from symconv.audits.arrays import SECOND
from symconv.audits.causes import CAUSES, Observed, confirmed
from symconv.audits.conventions import CONVENTIONS, Functions
from symconv.audits.grids import default_grid
from symconv.audits.second import twin
from symconv.audits.truth import Derivative, point, point_size
from symconv.layer.conv import Conv
from tests.commands import run

#: a double backward by loops over taps, on any number of axes; each wrong one does one thing otherwise
SOURCE = '''
import itertools

import numpy as np

NAMES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap", "symmetric": "symmetric"}


def each(value, ndim):
    if isinstance(value, int):
        return [value] * ndim
    return list(value)


def rows(size, pad, mode):
    """The row of x that each padded row shows, -1 for none."""
    p, q = (pad, pad) if isinstance(pad, int) else pad
    if mode == "zeros":
        return np.pad(np.arange(size), (p, q), constant_values=-1)
    return np.pad(np.arange(size), (p, q), NAMES[mode])


def padded(x, pad, mode):
    for axis, amount in enumerate(pad, 2):
        index = rows(x.shape[axis], amount, mode)
        x = np.moveaxis(np.moveaxis(x, axis, 0)[index] * (index >= 0).reshape(-1, *[1] * (x.ndim - 1)), 0, axis)
    return x


def taps(w, out, stride, dilation):
    for tap in itertools.product(*map(range, w.shape[2:])):
        steps = zip(tap, out, stride, dilation)
        yield (..., *tap), (..., *[slice(d * k, d * k + s * (n - 1) + 1, s) for k, n, s, d in steps])


def y(x, w, out, stride, pad, dilation, mode):
    wide, total = padded(x, pad, mode), 0
    for tap, at in taps(w, out, stride, dilation):
        total = total + np.einsum("nc...,fc->nf...", wide[at], w[tap])
    return total


def dw(x, dy, like, stride, pad, dilation, mode):
    wide, result = padded(x, pad, mode), np.zeros_like(like)
    for tap, at in taps(like, dy.shape[2:], stride, dilation):
        flat = (array.reshape(*array.shape[:2], -1) for array in (dy, wide[at]))
        result[tap] = np.einsum("nfo,nco->fc", *flat)
    return result


def dx(dy, w, like, stride, pad, dilation, mode):
    wide = np.zeros_like(padded(like, pad, mode))
    for tap, at in taps(w, dy.shape[2:], stride, dilation):
        wide[at] += np.einsum("nf...,fc->nc...", dy, w[tap])
    for axis, amount in enumerate(pad, 2):
        index, moved = rows(like.shape[axis], amount, mode), np.moveaxis(wide, axis, 0)
        folded = np.zeros((like.shape[axis], *moved.shape[1:]), dtype=wide.dtype)
        for t, m in enumerate(index):
            if m >= 0:
                folded[m] += moved[t]
        wide = np.moveaxis(folded, 0, axis)
    return wide


def second(v_x, v_w, v_b, dy, x, w, stride, padding, dilation=1, padding_mode="zeros", *, change=None):
    n = x.ndim - 2
    stride, pad, dilation = each(stride, n), each(padding, n), each(dilation, n)
    how, out, bias = (pad, dilation, padding_mode), dy.shape[2:], v_b.reshape(-1, *[1] * n)
    steps = (stride, *how)
    first, other = y(v_x, w, out, *steps), y(x, v_w, out, *steps)
    ddx, ddw = dx(dy, v_w, x, *steps), dw(v_x, dy, w, *steps)
    if change == "sign":
        other = -other
    if change == "term":
        first = 0 * first
    if change == "bias":
        bias = 0 * bias
    if change == "stride":
        first = y(v_x, w, out, [1] * n, *how)
    if change == "factor":
        ddx = dx(dy, w, x, *steps)
    if change == "direction":
        ddw = dw(x, dy, w, *steps)
    if change == "flip":
        ddx = dx(dy, v_w[..., ::-1] if n == 1 else v_w[..., ::-1, ::-1], x, *steps)
    if change == "dilation":
        ddw = dw(v_x, dy, w, stride, pad, [1] * n, padding_mode)
    if change == "scale":
        ddx = ddx / x.shape[0]
    if change == "zeros":
        first = y(v_x, w, out, stride, pad, dilation, "zeros")
    if change == "uncropped":
        ddx = dx(dy, v_w, padded(x, pad, padding_mode), stride, [0] * n, dilation, padding_mode)
    return first + other + bias, ddx, ddw


def gg(ggI, ggW, ggb, grad_output, input, weight, stride, padding):
    return second(ggI, ggW, ggb, grad_output, input, weight, stride, padding)


def by_name(v_w, v_x, up, conv):
    return second(v_x, v_w, 0 * up[0, :, 0, 0], up, 0 * v_x, 0 * v_w, conv.stride[0], conv.padding[0][0])


def adapter(fn, v_x, v_w, v_b, dy, x, w, conv):
    return {"ddx": fn(v_w, v_x, dy, conv)[1], "ddw": fn(v_w, v_x, dy, conv)[2]}
'''
CHANGES = ("sign", "term", "bias", "stride", "factor", "direction", "flip", "dilation", "scale", "zeros", "uncropped")
SOURCE += "".join(
    f"\n\ndef {name}(*given, **named):\n    return second(*given, **named, change={name!r})\n" for name in CHANGES
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "layer.py"
    path.write_text(SOURCE)
    return path


def convs(ndim: int = 2, mode: str = "zeros", **options: Any) -> list[Conv]:
    """A few layers whose sizes differ on every axis, with a stride that leaves a remainder, dilation and a border."""
    given = {"batch": 2, "in_channels": 2, "out_channels": 3} | options
    kinds = (((1,) * ndim, 1, (1,) * ndim), ((2, 1, 2)[:ndim], ((1, 0), (0, 1), (1, 1))[:ndim], (1, 2, 1)[:ndim]))
    return [
        Conv((6, 5, 3)[:ndim], (3, 2, 2)[:ndim], stride=s, padding=p, dilation=d, padding_mode=mode, **given)
        for s, p, d in kinds
    ]


#: the functions of SOURCE, called here: no process is needed to try what a mistake is called
FUNCTIONS: dict[str, Any] = {}
exec(compile(SOURCE, "layer.py", "exec"), FUNCTIONS)


def called(name: str, conv: Conv) -> dict[str, Observed]:
    """What a function returns for a layer, held against the derivative: the outputs that differ."""
    at = point(conv, 5, 0, point_size(conv, SECOND.sums), arrays=SECOND.arrays)
    functions = Functions(FUNCTIONS[name])
    returned = CONVENTIONS["double-backward"].backward(functions, conv, at)
    truth = Derivative(conv)
    seen = {
        output: Observed(conv, output, at, truth.numbers(at, output), value)
        for output, value in zip(SECOND.returns, returned, strict=True)
    }
    return {output: each for output, each in seen.items() if not truth.agrees(at, output, np.asarray(each.value))}


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular", "symmetric"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_the_right_function_agrees(ndim: int, mode: str) -> None:
    for conv in convs(ndim, mode):
        assert not called("second", conv)


@pytest.mark.parametrize(
    ("name", "ndim", "output", "said"),
    [
        ("sign", 2, "ddy", "the term of x and v_w in ddy has the wrong sign"),
        ("term", 1, "ddy", "ddy leaves out the term of v_x and w"),
        ("bias", 3, "ddy", "ddy leaves out the term of v_b"),
        ("factor", 2, "ddx", "ddx takes w where v_w is due"),
        ("direction", 1, "ddw", "ddw takes x where v_x is due"),
        ("flip", 2, "ddx", "ddx has the taps of w in reverse order"),
        ("scale", 3, "ddx", "scaled by 1/N"),
        ("uncropped", 1, "ddx", "returns the padded gradient: the padding is not cropped"),
        ("stride", 2, "ddy", "forgets the stride in ddy, in the term of v_x and w"),
        ("dilation", 2, "ddw", "forgets the dilation in ddw"),
    ],
)
def test_a_mistake_is_named(name: str, ndim: int, output: str, said: str) -> None:
    layer = Conv((7, 6, 3)[:ndim], (3, 2, 2)[:ndim], 2, 2, 3, stride=(2, 1, 1)[:ndim],
                 padding=((1, 0), (1, 1), (0, 1))[:ndim], dilation=(1, 2, 1)[:ndim])  # fmt: skip
    wrong = called(name, layer)
    assert set(wrong) == {output}
    assert CAUSES[confirmed(wrong[output])[0]].text.format(output=output) == said


@pytest.mark.parametrize("mode", ["replicate", "circular"])
def test_a_border_of_zeros_is_named_in_its_term(mode: str) -> None:
    (wrong,) = called("zeros", convs(2, mode)[1]).values()
    assert "border-of-zeros-in-v_x" in confirmed(wrong)
    assert "border-of-zeros-in-v_w" not in confirmed(wrong)


@pytest.mark.parametrize("conv", [
    Conv((5, 4), (2, 3), 2, 4, 2, stride=(2, 1), padding=1, groups=2),
    Conv((3, 4), (2, 3), 2, 2, 4, stride=(2, 1), padding=1, groups=2, transposed=True),
    Conv((5, 4), (2, 3), 2, 4, 2, stride=(2, 1), padding=1, groups=2, padding_mode="reflect"),
])  # fmt: skip
def test_each_output_is_that_of_its_twin(conv: Conv) -> None:
    """With groups, whose channels lie between each other, and transposed."""
    at = point(conv, 3, 0, 20, arrays=SECOND.arrays)
    for output in SECOND.returns:
        truth = Derivative(conv).numbers(at, output)
        other = twin(Observed(conv, output, at, truth))
        assert np.array_equal(Derivative(other.conv).numbers(other.at, other.name), truth), output


@pytest.mark.slow
@pytest.mark.parametrize(("ndim", "mode"), [(1, "reflect"), (2, "zeros"), (3, "circular")])
def test_the_right_function_is_right(file: Path, ndim: int, mode: str) -> None:
    channels = {"in_channels": 1, "out_channels": 2} if ndim == 3 else {}
    found = audit(f"{file}:second", "double-backward", grid=convs(ndim, mode, **channels), jobs=1, once=True)
    assert found.ok, found
    assert found.outputs == ("ddy", "ddx", "ddw")
    assert found.mode == "second"


def test_how_it_is_called_is_found_by_its_names(file: Path) -> None:
    given = ("--input", "4x3", "--kernel", "2x1", "--stride", "1..2", "--padding", "1", "--once", "-j", "1")
    right = run("audit", f"{file}:gg", *given)
    assert right.status == 0
    assert "(double-backward convention)" in right.out
    assert "ddw right in 2/2" in right.out
    wrong = run("audit", f"{file}:sign", *given, "--convention", "double-backward", "--json")
    told = wrong.json
    assert wrong.status == 1
    assert told["mode"] == "second"
    assert told["outputs"]["ddy"]["wrong"] == 2
    assert told["smallest_failure"]["extra"]
    assert "v^{w}" in told["smallest_failure"]["true"]


def test_an_adapter_gets_the_directions(file: Path) -> None:
    found = audit(f"{file}:by_name", adapter="adapter", mode="second", grid=convs()[:1], jobs=1, once=True)
    assert found.ok
    assert found.outputs == ("ddx", "ddw")


def test_what_does_not_go_together_is_refused(file: Path) -> None:
    with pytest.raises(
        ValueError, match="mode forward: functions of the convention 'double-backward' return ddy, ddx, ddw"
    ):
        audit(f"{file}:second", "double-backward", mode="forward")
    with pytest.raises(ValueError, match="mode second: functions of the convention 'plain' return dx, dw, db"):
        audit(f"{file}:second", "plain", mode="second")
    with pytest.raises(ValueError, match="outputs dx: some of ddy, ddx, ddw, each once"):
        audit(f"{file}:second", "double-backward", outputs=["dx"])


@pytest.mark.slow
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_the_emitted_files_are_right(ndim: int) -> None:
    """The whole quick grid with dilation, called in both orders and processes, and the geometries drawn beside it."""
    path = Path(__file__).parents[2] / "generated" / f"conv{ndim}d.py"
    grid = default_grid("quick", ndim=ndim, stride=(1, 2), padding=(0, 1), dilation=(1, 2), groups=(1, 2))
    found = audit(f"{path}:conv{ndim}d_double_backward", "double-backward", grid=grid[:: 4 if ndim == 2 else 8])
    assert found.ok, found
