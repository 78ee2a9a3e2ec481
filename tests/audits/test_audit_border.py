"""Audits of functions for layers whose border is not zeros: the right one passes, each mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from symconv.audits import audit
from symconv.audits.border_causes import BORDER_CAUSES
from symconv.audits.grids import default_grid
from tests.commands import run

SOURCE = '''
import numpy as np

NAMES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap", "symmetric": "symmetric"}


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


def layers(mode: str, kernel: int = 3, **options: object) -> list:
    return default_grid(
        input=[(6, 5)], kernel=[(kernel, 2)], stride=[1, 2], padding=[0, 1], padding_mode=mode, **options
    )


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular", "symmetric"])
def test_the_right_function_is_right(file: Path, mode: str) -> None:
    found = audit(f"{file}:backward", grid=layers(mode), jobs=1)
    assert found.ok, found
    assert found.cases


@pytest.mark.slow
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
    ],
)
def test_mistakes_are_named(file: Path, function: str, mode: str, cause: str, output: str) -> None:
    convs = [conv for conv in layers(mode) if function != "bordered" or conv.stride == (1, 1)]
    found = audit(f"{file}:{function}", grid=convs, jobs=1)
    assert not found.ok
    named = {each for case in found.to_dict()["by_case"] for each in case.get("causes", {}).get(output, [])}
    assert cause in named or any(BORDER_CAUSES[cause][1].replace("{output}", output) in str(each) for each in named), (
        named
    )


def test_command(file: Path) -> None:
    given = (
        "--input",
        "6x5",
        "--kernel",
        "3x2",
        "--stride",
        "1..2",
        "--padding",
        "1",
        "--padding-mode",
        "reflect",
        "-j",
        "1",
        "--convention",
        "plain",
    )
    assert run("audit", f"{file}:backward", *given).status == 0
    told = run("audit", f"{file}:not_folded", *given)
    assert told.status == 1
    assert "instead of folding it back" in " ".join(told.out.split())
    assert run("audit", f"{file}:not_folded", *given, "--json").json["by_case"][0]["padding_mode"] == "reflect"
