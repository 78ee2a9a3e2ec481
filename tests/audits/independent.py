"""A second opinion on the sample functions: each is called here, on ordinary random numbers, and compared with PyTorch.

Nothing of symconv.audits takes part. Where PyTorch is not installed, exact differences of plain loops take its place.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from symconv.layer.conv import Conv
from symconv.layer.differences import exact_gradients

SAMPLES = Path(__file__).parent / "samples"


def load(name: str) -> ModuleType:
    """A module of samples."""
    spec = importlib.util.spec_from_file_location(f"samples_{name}", SAMPLES / f"sample_{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


#: entries are whole multiples of 1/SCALE: floats as good as any, and integers for the exact differences
SCALE = 1024


@functools.lru_cache(maxsize=512)
def numerators(conv: Conv) -> dict[str, np.ndarray]:
    """Normally distributed numbers times 8, in units of 1/SCALE."""
    generator = np.random.default_rng(len(conv.slug))
    return {
        name: np.rint(8 * SCALE * generator.standard_normal(conv.shapes[name])).astype(np.int64)
        for name in ("x", "w", "b", "dy")
    }


def arrays(conv: Conv) -> dict[str, np.ndarray]:
    """Normally distributed entries, times 8: none is a small whole number, and some are large."""
    return {name: values / SCALE for name, values in numerators(conv).items()}


@functools.lru_cache(maxsize=512)
def truth(conv: Conv) -> dict[str, np.ndarray]:
    """y, dx, dw, db at :func:`arrays`: by PyTorch where it is installed, else by exact differences."""
    try:
        return by_torch(conv)
    except ImportError:
        return by_differences(conv)


def by_differences(conv: Conv) -> dict[str, np.ndarray]:
    """y, dx, dw, db by differences of plain loops, exact, on the numerators."""
    n = numerators(conv)
    found = exact_gradients(conv, n["x"], n["w"], n["b"] * SCALE, n["dy"])
    return {name: values / (SCALE if name == "db" else SCALE**2) for name, values in found.items()}


def by_torch(conv: Conv) -> dict[str, np.ndarray]:
    """y, dx, dw, db by PyTorch's autograd, in float64."""
    import torch

    a = arrays(conv)
    x, w, b = (torch.tensor(a[name], requires_grad=True) for name in ("x", "w", "b"))
    function = getattr(torch.nn.functional, f"conv{'_transpose' if conv.transposed else ''}{conv.ndim}d")
    padding = tuple(p for p, _ in conv.padding)
    more = {"output_padding": conv.output_padding} if conv.transposed else {}
    y = function(x, w, b, stride=conv.stride, padding=padding, dilation=conv.dilation, groups=conv.groups, **more)
    y.backward(torch.tensor(a["dy"]))
    return {"y": y.detach().numpy(), "dx": x.grad.numpy(), "dw": w.grad.numpy(), "db": b.grad.numpy()}


def call(
    module: ModuleType, name: str, convention: str, conv: Conv, a: dict[str, np.ndarray], forward: str | None
) -> dict[str, Any]:
    """What a sample gives, by output, in PyTorch's layout."""
    function = getattr(module, name)
    s, p = conv.stride[0], conv.padding[0][0]
    x, w, b, dy = (a[key].copy() for key in ("x", "w", "b", "dy"))
    if convention == "plain":
        returned = function(x, w, b, dy, s, p)
    elif convention == "cs231n":
        parameters = {"stride": s, "pad": p}
        cache = getattr(module, forward)(x, w, b, parameters)[1] if forward else (x, w, b, parameters)
        returned = function(dy, cache)
    elif convention == "coursera":
        cache = (x.transpose(0, 2, 3, 1), w.transpose(2, 3, 1, 0), b.reshape(1, 1, 1, -1), {"stride": s, "pad": p})
        dx, dw, db = function(dy.transpose(0, 2, 3, 1), cache)
        returned = (dx.transpose(0, 3, 1, 2), dw.transpose(3, 2, 0, 1), db[0, 0, 0] if db.ndim == 4 else db[None])
    else:
        layer = function(w, b, s, p)
        layer.forward(x)
        returned = (layer.backward(dy), layer.dW, layer.db)
    if isinstance(returned, dict):
        return returned
    values = list(returned) if isinstance(returned, tuple) else [returned]
    return {key: value for key, value in zip(("dx", "dw", "db"), values, strict=False) if value is not None}


def statuses(module: ModuleType, name: str, convention: str, conv: Conv, forward: str | None = None) -> dict[str, str]:
    """ "ok", "value" or "shape" for each output that a sample returns on a geometry; {"raises": its name} for an exception."""
    a = arrays(conv)
    try:
        with np.errstate(all="ignore"):
            found = call(module, name, convention, conv, a, forward)
    except Exception as error:
        return {"raises": type(error).__name__}
    true = truth(conv)
    result = {}
    for key, value in found.items():
        if np.shape(value) != true[key].shape:
            result[key] = "shape"
        else:
            scale = 1 + np.abs(true[key]).max()
            result[key] = "ok" if np.allclose(value, true[key], rtol=0, atol=2e-5 * scale) else "value"
    return result
