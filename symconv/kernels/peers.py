"""PyTorch, where it is installed, as the reference from outside."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.layer.conv import Conv

__all__ = ["installed", "load_torch", "pytorch_gradients", "pytorch_second_gradients"]

Array = NDArray[Any]


def installed() -> bool:
    """Whether PyTorch can be imported."""
    return importlib.util.find_spec("torch") is not None


def load_torch() -> Any:
    """PyTorch; ImportError where it is not installed."""
    import torch  # heavy, and of the extra "peers"

    return torch


def pytorch_gradients(conv: Conv, values: Mapping[str, Array]) -> dict[str, Array]:
    """y, dx, dw and (with a bias) db as PyTorch's autograd gives them in float64, at arrays x, w, b, dy of the layer."""
    x, w, b, dy = _tensors(values, ("x", "w", "b", "dy"))
    y = _forward(conv, x, w, b)
    y.backward(dy)
    result = {"y": y.detach(), "dx": x.grad, "dw": w.grad} | ({"db": b.grad} if conv.bias else {})
    return {name: np.asarray(array) for name, array in result.items()}


def pytorch_second_gradients(conv: Conv, values: Mapping[str, Array]) -> dict[str, Array]:
    """ddy, ddx, ddw as PyTorch gives them by ``create_graph``, at arrays x, w, b, dy and directions v_x, v_w, v_b."""
    torch = load_torch()

    x, w, b, dy = _tensors(values, ("x", "w", "b", "dy"))
    gradients = torch.autograd.grad(_forward(conv, x, w, b), [x, w, b] if conv.bias else [x, w], dy, create_graph=True)
    directions = _tensors(values, ("v_x", "v_w", "v_b"))
    total: Any = sum((v * g).sum() for v, g in zip(directions, gradients, strict=False))
    result = torch.autograd.grad(total, [dy, x, w])
    return {name: np.asarray(array.detach()) for name, array in zip(("ddy", "ddx", "ddw"), result, strict=True)}


def _tensors(values: Mapping[str, Array], names: tuple[str, ...]) -> list[Any]:
    torch = load_torch()

    return [torch.tensor(values[name], dtype=torch.float64, requires_grad=True) for name in names]


def _forward(conv: Conv, x: Any, w: Any, b: Any) -> Any:
    """y by PyTorch's own operations."""
    torch = load_torch()

    functional: Any = torch.nn.functional
    options: dict[str, Any] = {"stride": conv.stride, "dilation": conv.dilation, "groups": conv.groups}
    # PyTorch pads both sides alike, so padding is done apart; its order is last axis first
    pads = [amount for pair in reversed(conv.padding) for amount in pair]
    if conv.transposed:
        y = getattr(functional, f"{conv.kind.stem}{conv.ndim}d")(x, w, **options)
        grown = [amount for extra in reversed(conv.output_padding) for amount in (0, extra)]
        y = functional.pad(functional.pad(y, grown), [-amount for amount in pads])
    else:
        y = getattr(functional, f"{conv.kind.stem}{conv.ndim}d")(_padded(conv, x, pads), w, **options)
    return y + b.reshape(1, -1, *[1] * conv.ndim) if conv.bias else y


def _padded(conv: Conv, x: Any, pads: list[int]) -> Any:
    """x as PyTorch pads it; a mode that PyTorch has not is taken by index, as NumPy pads the row numbers."""
    torch = load_torch()

    mode = conv.mode
    if mode.torch is not None:
        value = {"value": float(conv.padding_value or 0)} if mode.filled else {}
        return torch.nn.functional.pad(x, pads, mode.torch if mode.counts_outside else "constant", **value)
    for axis, (size, pair) in enumerate(zip(conv.input, conv.padding, strict=True), 2):
        numbers = np.pad(np.arange(size), pair, mode.numpy)
        x = x.index_select(axis, torch.tensor(numbers))
    return x
