"""Audits of functions for layers whose border is not zeros: the right one passes, each mistake is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from symconv.audits import audit
from symconv.audits.grids import CONSTANTS, default_grid
from symconv.layer.conv import Conv
from tests.commands import run

#: what the command proves is asked for
WITH_PROOFS = True

SOURCE = '''
import numpy as np

NAMES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap", "symmetric": "symmetric"}


def constant(x, w, b, dy, stride, padding, padding_mode="zeros", padding_value=0, *, value=None, bordered=False):
    """A border of a constant: what stands there counts in dw, and dx is that of zeros."""
    stride, (p, q) = np.broadcast_to(stride, 2), np.broadcast_to(padding, 2)
    held = padding_value if value is None else value
    padded = np.pad(x, ((0, 0), (0, 0), (p, p), (q, q)), constant_values=held)
    d, dw, db = whole(x, w, b, dy, stride, padding, padding_mode, padded)
    dx = d[:, :, p : p + x.shape[2], q : q + x.shape[3]]
    if bordered and max(stride) == 1:
        (K, L), (H, W) = w.shape[2:], x.shape[2:]
        wide = np.pad(dy, ((0, 0), (0, 0), (K - 1 - p,) * 2, (L - 1 - q,) * 2), constant_values=held)
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(x.shape):
            dx[n, c, i, j] = (wide[n, :, i : i + K, j : j + L] * w[:, c, ::-1, ::-1]).sum()
    return dx, dw, db


def single(x, w, b, dy, stride, padding, padding_mode="zeros", padding_value=0):
    """In float32: its sums are exact on the numbers that an audit tries."""
    given = [np.asarray(each, np.float32) for each in (x, w, b, dy)]
    return constant(*given, stride, padding, padding_mode, np.float32(padding_value))


def other_constant(*given, **named):
    return constant(*given, **named, value=0)


def constant_in_gradient(*given, **named):
    return constant(*given, **named, bordered=True)


def overwritten(x, w, b, dy, stride, padding, padding_mode="zeros", padding_value=0):
    dx, dw, db = constant(x, w, b, dy, stride, padding, padding_mode, padding_value)
    stride, (p, q) = np.broadcast_to(stride, 2), np.broadcast_to(padding, 2)
    padded, last = np.pad(x, ((0, 0), (0, 0), (p, p), (q, q)), constant_values=padding_value), np.zeros_like(w)
    for n, f, i, j in np.ndindex(dy.shape):
        at = np.s_[n, :, i * stride[0] : i * stride[0] + w.shape[2], j * stride[1] : j * stride[1] + w.shape[3]]
        last[f] = dy[n, f, i, j] * padded[at]
    return dx, last, db


def forward(x, w, b, stride, padding, padding_mode="zeros", padding_value=0):
    stride, (p, q) = np.broadcast_to(stride, 2), np.broadcast_to(padding, 2)
    padded = np.pad(x, ((0, 0), (0, 0), (p, p), (q, q)), constant_values=padding_value)
    O = [(n - k) // s + 1 for n, k, s in zip(padded.shape[2:], w.shape[2:], stride)]
    y = np.zeros((x.shape[0], w.shape[0], *O), x.dtype)
    for n, f, i, j in np.ndindex(y.shape):
        at = np.s_[n, :, i * stride[0] : i * stride[0] + w.shape[2], j * stride[1] : j * stride[1] + w.shape[3]]
        y[n, f, i, j] = (padded[at] * w[f]).sum() + b[f]
    return y


def without_border(x, w, b, dy, stride, padding, padding_mode="zeros"):
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for n, f, i, j in np.ndindex(dy.shape):
        window = np.s_[n, :, i * stride : i * stride + w.shape[2], j * stride : j * stride + w.shape[3]]
        dw[f] += dy[n, f, i, j] * padded[window]
        dpadded[window] += dy[n, f, i, j] * w[f]
    return dpadded[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]], dw, dy.sum(axis=(0, 2, 3))


def double_backward(v_x, v_w, v_b, dy, x, w, stride, padding, padding_mode="zeros", padding_value=0):
    none = np.zeros_like(v_b)
    ddy = forward(v_x, w, none, stride, padding) + forward(x, v_w, v_b, stride, padding, padding_mode, padding_value)
    ddx = constant(x, v_w, v_b, dy, stride, padding, padding_mode, padding_value)[0]
    return ddy, ddx, constant(v_x, w, v_b, dy, stride, padding)[1]


def double_backward_of_zeros(*given, **named):
    """The term of x and v_w without its border."""
    return double_backward(*given, **named | {"padding_value": 0})


def rows(size, pad, mode):
    return np.pad(np.arange(size), pad, NAMES[mode])


def whole(x, w, b, dy, stride, padding, mode, padded):
    """dx of the padded x, dw, db by plain loops."""
    d, dw = np.zeros_like(padded), np.zeros_like(w)
    for n, f, i, j in np.ndindex(dy.shape):
        at = np.s_[n, :, i * stride[0] : i * stride[0] + w.shape[2], j * stride[1] : j * stride[1] + w.shape[3]]
        dw[f] += dy[n, f, i, j] * padded[at]
        d[at] += dy[n, f, i, j] * w[f]
    return d, dw, dy.sum(axis=(0, 2, 3))


def backward(x, w, b, dy, stride, padding, padding_mode="zeros", *, fold="both", forward_mode=None, padded_dy=False):
    stride, (p, q) = np.broadcast_to(stride, 2), np.broadcast_to(padding, 2)
    sides = [(p, p), (q, q)]
    used = forward_mode or padding_mode
    index = [rows(size, pad, used) for size, pad in zip(x.shape[2:], sides)]
    padded = x[:, :, index[0]][:, :, :, index[1]]
    d, dw, db = whole(x, w, b, dy, stride, padding, used, padded)
    for axis, (size, (u, v)) in enumerate(zip(x.shape[2:], sides), 2):
        moved = np.moveaxis(d, axis, 0)
        folded = np.zeros_like(moved[u : u + size])
        for t, m in enumerate(index[axis - 2]):
            inside = u <= t < u + size
            if inside or fold == "both" or (fold == "before" and t < u):
                folded[m] += moved[t]
        d = np.moveaxis(folded, 0, axis)
    return d, dw, db


def not_folded(*given, **named):
    return backward(*given, **named, fold="none")


def one_side(*given, **named):
    return backward(*given, **named, fold="before")


def other_edge(*given, **named):
    return backward(*given, **named, forward_mode="symmetric")


def no_edge(*given, **named):
    return backward(*given, **named, forward_mode="reflect")


def zeros(x, w, b, dy, stride, padding, padding_mode="zeros"):
    dx, _, db = backward(x, w, b, dy, stride, padding, padding_mode)
    index = [np.pad(np.arange(size), pad, "edge") for size, pad in zip(x.shape[2:], np.broadcast_to(padding, 2))]
    bare = np.pad(x, ((0, 0), (0, 0), *[(pad, pad) for pad in np.broadcast_to(padding, 2)]))
    return dx, whole(x, w, b, dy, np.broadcast_to(stride, 2), padding, "zeros", bare)[1], db


def bordered(x, w, b, dy, stride, padding, padding_mode="zeros"):
    """The gradient padded by the same mode, stride 1: a full correlation of dy."""
    _, dw, db = backward(x, w, b, dy, stride, padding, padding_mode)
    pads = [K - 1 - p for K, p in zip(w.shape[2:], np.broadcast_to(padding, 2))]
    if any(s != 1 for s in np.broadcast_to(stride, 2)):
        raise ValueError("stride 1")
    index = [rows(size, pad, padding_mode) for size, pad in zip(dy.shape[2:], pads)]
    wide = dy[:, :, index[0]][:, :, :, index[1]]
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(x.shape):
        dx[n, c, i, j] = (wide[n, :, i : i + w.shape[2], j : j + w.shape[3]] * w[:, c, ::-1, ::-1]).sum()
    return dx, dw, db
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "layer.py"
    path.write_text(SOURCE)
    return path


def layers(mode: str) -> list:
    """Three layers."""
    return default_grid(input=[(6, 5)], kernel=[(3, 2)], stride=[1, 2], padding=[0, 1], padding_mode=mode)[1:]


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular", "symmetric"])
def test_the_right_function_is_right(file: Path, mode: str) -> None:
    found = audit(f"{file}:backward", grid=layers(mode), jobs=1)
    assert found.ok, found
    assert found.cases


@pytest.mark.parametrize(
    ("function", "mode", "cause", "output"),
    [
        ("not_folded", "reflect", "border-not-folded", "dx"),
        ("not_folded", "circular", "border-not-folded", "dx"),
        ("one_side", "reflect", "border-one-side", "dx"),
        ("one_side", "symmetric", "border-one-side", "dx"),
        ("other_edge", "reflect", "edge-twice", "dx"),
        ("other_edge", "reflect", "edge-twice", "dw"),
        ("no_edge", "symmetric", "edge-once", "dw"),
        ("zeros", "circular", "border-of-zeros", "dw"),
        ("bordered", "reflect", "border-padded", "dx"),
        ("other_constant", "constant", "border-of-zeros", "dw"),
        ("constant_in_gradient", "constant", "border-in-gradient", "dx"),
        ("overwritten", "constant", "overwrites", "dw"),
    ],
)
def test_mistakes_are_named(file: Path, function: str, mode: str, cause: str, output: str) -> None:
    stride = 1 if function in ("bordered", "constant_in_gradient") else 2
    convs = default_grid(input=[(5, 4)], kernel=[(3, 2)], stride=[stride], padding=[1], padding_mode=mode)
    found = audit(f"{file}:{function}", grid=convs, jobs=1, once=True)
    assert not found.ok
    named = {each for case in found.to_dict()["by_case"] for each in case.get("causes", {}).get(output, [])}
    assert cause in named, named


@pytest.mark.parametrize("function", ["constant", "single"])
def test_a_constant_is_handed_over(file: Path, function: str) -> None:
    """The number is one that nobody wrote, or the one that was asked for; symbols follow the function, too."""
    found = audit(f"{file}:{function}", grid=layers("constant"), jobs=1)
    assert found.ok, found
    if function == "single":
        return
    values = [case["padding_value"] for case in found.to_dict()["by_case"]]
    assert set(values) == set(CONSTANTS)
    assert all(conv.padding_value is not None for conv in layers("constant"))
    assert found.to_dict()["by_case"][0]["engine"] == "symbolic"
    letter = Conv((6, 5), (3, 2), padding=(2, 1), padding_mode="constant")
    assert (
        audit(f"{file}:{function}", grid=[letter, replace(letter, padding_value=-7.125)], jobs=1, once=True).right == 2
    )


def test_a_forward_pass_and_a_double_backward_with_a_constant(file: Path) -> None:
    assert audit(f"{file}:forward", mode="forward", grid=layers("constant"), jobs=1, once=True).ok
    found = audit(f"{file}:double_backward", "double-backward", grid=layers("constant")[2:], jobs=1, once=True)
    assert found.ok, found
    zeros = audit(f"{file}:double_backward_of_zeros", "double-backward", grid=layers("constant")[2:], jobs=1, once=True)
    assert zeros.smallest_failure is not None
    assert zeros.smallest_failure.output == "ddy"
    assert [each.key for each in zeros.causes["ddy"]] == ["border-of-zeros-in-v_w"]


def test_a_constant_that_floats_do_not_hold_is_refused(file: Path) -> None:
    told = run("audit", f"{file}:constant", "--padding-mode", "constant", "--padding-value", "0.1")
    assert told.status == 2
    assert "padding_value 0.1: an audit takes multiples of 1/8" in told.err
    told = run("audit", f"{file}:constant", "--padding-value", "2", "--input", "5x5", "--kernel", "3x3")
    assert told.status == 2
    assert "is for padding_mode 'constant'" in told.err


def test_a_proof_is_of_the_border_that_was_asked_for(file: Path) -> None:
    sizes = [
        "--input",
        "5x4",
        "--kernel",
        "3x2",
        "--stride",
        "1",
        "--padding",
        "0",
        "--convention",
        "plain",
        "-j",
        "1",
        "--once",
    ]
    told = run("audit", f"{file}:without_border", *sizes)
    assert "proved     right, for every size at stride 1" in told.out
    told = run("audit", f"{file}:without_border", *sizes, "--padding-mode", "reflect")
    assert told.status == 0
    assert "proved     right exactly when p == 0, for every size at stride 1" in told.out


def test_command(file: Path) -> None:
    given = [
        "--input",
        "6x5",
        "--kernel",
        "3x2",
        "--stride",
        "2",
        "--padding",
        "1",
        "--convention",
        "plain",
        "-j",
        "1",
        "--once",
    ]
    for mode, mistake, told in (
        ("reflect", "not_folded", "instead of folding it back"),
        ("constant", "other_constant", "dw pads with zeros instead"),
    ):
        border = [*given, "--padding-mode", mode, *(["--padding-value", "-3"] if mode == "constant" else [])]
        shown = run("audit", f"{file}:{mistake}", *border)
        assert shown.status == 1
        assert told in " ".join(shown.out.split()), shown.out
        case = run("audit", f"{file}:{mistake}", *border, "--json").json["by_case"][0]
        assert (case["padding_mode"], case.get("padding_value")) == (mode, -3 if mode == "constant" else None)
