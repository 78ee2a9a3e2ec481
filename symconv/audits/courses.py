"""How the layers of known courses are called, as rows beside the built-in conventions.

A course's own classes carry their sizes in the constructor and their weights in attributes; each row builds the layer, puts the
weights where the course has them, and reads the gradients from where it leaves them. Layouts are told by the row.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.layer.conv import Conv

__all__ = ["ROWS"]

Array = NDArray[Any]
Arrays = Mapping[str, Array]


def _only(conv: Conv, stride: bool = True, padding: bool = True) -> str | None:
    """Why a course's layer is not asked for this geometry: square kernels, one stride and one padding, no dilation, no groups."""
    for name, values, fixed in (("kernel", conv.kernel, None), ("stride", conv.stride, None if stride else 1),
                                ("padding", [p for pair in conv.padding for p in pair], None if padding else 0)):  # fmt: skip
        if len(set(values)) > 1:
            return f"one {name} for all sides is documented, not {values}"
        if fixed is not None and set(values) != {fixed}:
            return f"{name} {fixed} is documented, not {values[0]}"
    if any(d > 1 for d in conv.dilation) or conv.groups > 1 or conv.transposed or conv.mode.counts_outside:
        return "neither dilation nor groups nor other borders are documented"
    return None


def _sizes(conv: Conv) -> tuple[int, int, int, int, int]:
    return conv.in_channels, conv.out_channels, conv.kernel[0], conv.stride[0], conv.padding[0][0]


def _last(array: Array) -> Array:
    """Channels last."""
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))


def _first(array: Any) -> Array:
    return np.moveaxis(np.asarray(array), -1, 1)


def _hwio(w: Array) -> Array:
    return np.ascontiguousarray(w.transpose(2, 3, 1, 0))


def _oihw(w: Any) -> Array:
    return np.asarray(w).transpose(3, 2, 0, 1)


def _deep(layer: Any, *names: str) -> Any:
    """The first attribute of those names, of the layer or of a layer inside it, that has been set; AttributeError for none."""
    for each in (layer, *(v for v in vars(layer).values() if hasattr(v, "__dict__"))):
        for name in names:
            if getattr(each, name, None) is not None:
                return getattr(each, name)
    raise AttributeError(f"{type(layer).__name__} has none of {', '.join(names)} after backward")


# 11-785: mytorch -----------------------------------------------------------------------------------------------------------


def _mytorch(make: Callable[..., Any], conv: Conv, a: Arrays) -> Any:
    c, f, k, s, p = _sizes(conv)
    return make(c, f, k, s, p, lambda *_: a["w"].copy(), lambda *_: a["b"].copy())


def _mytorch_backward(functions: Any, conv: Conv, a: Arrays) -> dict[str, Any]:
    layer = _mytorch(functions.main, conv, a)
    layer.forward(a["x"])
    dx = layer.backward(a["dy"])
    return {"dx": dx, "dw": _deep(layer, "dLdW", "dW"), "db": _deep(layer, "dLdb", "db")}


def _mytorch_forward(make: Callable[..., Any], conv: Conv, a: Arrays) -> Any:
    return _mytorch(make, conv, a).forward(a["x"])


# CS 7643 -------------------------------------------------------------------------------------------------------------------


def _cs7643(make: Callable[..., Any], conv: Conv, a: Arrays) -> Any:
    c, f, k, s, p = _sizes(conv)
    layer = make(c, f, k, s, p)
    layer.weight, layer.bias = a["w"].copy(), a["b"].copy()
    return layer


def _cs7643_backward(functions: Any, conv: Conv, a: Arrays) -> dict[str, Any]:
    layer = _cs7643(functions.main, conv, a)
    layer.forward(a["x"])
    layer.backward(a["dy"])
    return {"dx": layer.dx, "dw": layer.dw, "db": layer.db}


def _cs7643_forward(make: Callable[..., Any], conv: Conv, a: Arrays) -> Any:
    return _cs7643(make, conv, a).forward(a["x"])


# UFAL: a layer with its kernel (K, K, C, F), channels last, whose backward is given what the forward pass made ------------------


def _ufal(make: Callable[..., Any], conv: Conv, a: Arrays) -> Any:
    layer = make(conv.out_channels, conv.kernel[0], conv.stride[0], [*conv.input, conv.in_channels])
    layer._kernel, layer._bias = _hwio(a["w"]), a["b"].copy()
    return layer


def _ufal_backward(functions: Any, conv: Conv, a: Arrays) -> dict[str, Any]:
    layer = _ufal(functions.main, conv, a)
    outputs = np.ones(_last(a["dy"]).shape)  # above zero, so that a rectifier in the layer lets every gradient pass
    dx, (dw, db) = layer.backward(_last(a["x"]), outputs, _last(a["dy"]))
    return {"dx": _first(dx), "dw": _oihw(dw), "db": np.asarray(db)}


def _ufal_forward(make: Callable[..., Any], conv: Conv, a: Arrays) -> Any:
    return _first(_ufal(make, conv, a).forward(_last(a["x"])))


# 10-714: an operation with gradient(out_grad, node), channels last, kernel (K, K, C, F), no bias --------------------------------


def _tensor(function: Callable[..., Any]) -> Callable[[Array], Any]:
    """What the operation's own module calls a tensor, or arrays as they are."""
    made = getattr(function, "__globals__", None) or vars(sys.modules.get(function.__module__, SimpleNamespace()))
    tensor = made.get("Tensor")
    return tensor if callable(tensor) else lambda array: array


def _plain(value: Any) -> Array:
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value)


def _needle_backward(functions: Any, conv: Conv, a: Arrays) -> dict[str, Any]:
    _, _, _, s, p = _sizes(conv)
    tensor = _tensor(functions.main)
    inputs = [tensor(_last(a["x"])), tensor(_hwio(a["w"]))]
    operation = functions.main(stride=s, padding=p)
    dx, dw = operation.gradient(tensor(_last(a["dy"])), SimpleNamespace(inputs=inputs, op=operation))
    return {"dx": _first(_plain(dx)), "dw": _oihw(_plain(dw))}


def _needle_forward(make: Callable[..., Any], conv: Conv, a: Arrays) -> Any:
    _, _, _, s, p = _sizes(conv)
    made = make(stride=s, padding=p).compute(_last(a["x"]), _hwio(a["w"]))
    return _first(_plain(made)) + a["b"].reshape(1, -1, *[1] * conv.ndim)


# d2l: a forward pass of one image -----------------------------------------------------------------------------------------------


def _no_backward(functions: Any, conv: Conv, a: Arrays) -> Any:
    raise TypeError("this convention is a forward pass: judge it with --mode forward")


def _d2l_forward(function: Callable[..., Any], conv: Conv, a: Arrays) -> Any:
    made = np.stack([np.asarray(function(image, a["w"])) for image in a["x"]])
    return made + a["b"].reshape(1, -1, *[1] * conv.ndim)


#: name -> (what help says, backward, forward, what is not documented)
ROWS: dict[str, tuple[str, Callable[..., Any], Callable[..., Any], Callable[[Conv], str | None]]] = {
    "mytorch": (
        "CMU 11-785: a class (in_channels, out_channels, kernel_size, stride, padding, weight_init_fn, bias_init_fn); "
        "forward(A), backward(dLdZ) -> dLdA, leaving dLdW and dLdb, in it or in a layer of its own; NCHW, OIHW",
        _mytorch_backward, _mytorch_forward, _only,
    ),
    "cs7643": (
        "a class (in_channels, out_channels, kernel_size, stride, padding) with weight and bias; forward(x), backward(dout), "
        "leaving dx, dw and db; NCHW, OIHW",
        _cs7643_backward, _cs7643_forward, _only,
    ),
    "ufal": (
        "a class (filters, kernel_size, stride, input_shape) with _kernel (K, K, C, F) and _bias; backward(inputs, outputs, "
        "outputs_gradient) -> dx, [dw, db]; NHWC, no padding",
        _ufal_backward, _ufal_forward, partial(_only, padding=False),
    ),
    "needle": (
        "CMU 10-714: a class (stride, padding); compute(A, B), gradient(out_grad, node) -> dA, dB with node.inputs = A, B; NHWC, "
        "B (K, K, C, F)",
        _needle_backward, _needle_forward, _only,
    ),
    "d2l": (
        "fn(X, K) -> Y for one image, forward only; CHW, OIHW, stride 1, no padding",
        _no_backward, _d2l_forward, partial(_only, stride=False, padding=False),
    ),
}  # fmt: skip
