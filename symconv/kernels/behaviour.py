"""How a kernel treats its arguments: dtypes, memory, no images, both functions, wrong shapes.

Each function returns how many entries it compared and what is wrong, None when nothing is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.kernels.kernel import Kernel
from symconv.layer.conv import Conv
from symconv.layer.filler import constant
from symconv.layer.padding import MODES
from symconv.layer.second import SECOND_READINGS

__all__ = ["BEHAVIOUR", "Functions", "Result", "behaves", "equal"]

Array = NDArray[Any]
Result = tuple[int, str | None]


class Functions:
    """The two functions of a kernel, called with the parameters of one layer."""

    def __init__(self, kernel: Kernel, conv: Conv) -> None:
        self.kernel, self.conv, self.module = kernel, conv, kernel.load()
        self.function = getattr(self.module, kernel.function)
        self.backward_function = getattr(self.module, f"{kernel.function}_backward")
        self.double_backward_function = getattr(self.module, f"{kernel.function}_double_backward")
        stem = kernel.function.removesuffix(f"{kernel.kind.ndim}d")
        self.course = getattr(self.module, f"{stem}_forward"), getattr(self.module, f"{stem}_backward")
        names = ["stride", "padding", "dilation", "groups"] + ["output_padding"] * conv.transposed
        self.parameters = {name: getattr(conv, name) for name in names}
        if conv.mode.counts_outside:
            self.parameters |= {"padding_mode": conv.padding_mode, "padding_value": conv.padding_value or 0}

    def forward(self, x: Array, w: Array, b: Array | None) -> Array:
        result: Array = self.function(x, w, b, **self.parameters)
        return result

    def outputs(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """y, dx, dw, db; without db where the layer has no bias."""
        y = self.forward(values["x"], values["w"], values["b"] if self.conv.bias else None)
        dx, dw, db = self.backward_function(values["dy"], values["x"], values["w"], **self.parameters)
        result = {"y": y, "dx": dx, "dw": dw, "db": db}
        return result if self.conv.bias else {name: array for name, array in result.items() if name != "db"}

    def second_outputs(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """ddy, ddx, ddw at arrays v_x, v_w, v_b, dy, x, w."""
        directions = [values["v_x"], values["v_w"], values["v_b"] if self.conv.bias else None]
        arrays = (values[name] for name in ("dy", "x", "w"))
        result = self.double_backward_function(*directions, *arrays, **self.parameters)
        return dict(zip(SECOND_READINGS, result, strict=True))


def equal(outputs: Mapping[str, Array], truth: Mapping[str, Array]) -> Result:
    """Whether the outputs have the shapes and the very values of ``truth``."""
    for name, array in outputs.items():
        if array.shape != truth[name].shape:
            return 0, f"{name} has shape {array.shape}, not {truth[name].shape}"
        if not np.array_equal(array, truth[name]):
            index = tuple(int(i) for i in np.argwhere(array != truth[name])[0])
            return array.size, f"{name}[{index}] is {array[index]}, not {truth[name][index]}"
    return sum(array.size for array in outputs.values()), None


def behaves(functions: Functions, conv: Conv) -> Result:
    """All of ``BEHAVIOUR``, up to the first that fails; with a whole number on a border of a constant, as integers have it."""
    if conv.mode.filled and (conv.padding_value or 0) % 1:
        conv = replace(conv, padding_value=math.ceil(abs(conv.padding_value or 0)))
        functions = Functions(functions.kernel, conv)
    count = 0
    for each in BEHAVIOUR:
        entries, failure = each(functions, conv)
        count += entries
        if failure:
            return count, failure
    return count, None


def _small(conv: Conv, dtype: Any) -> dict[str, Array]:
    """Arrays of small whole numbers, on which every dtype computes exactly."""
    rng = np.random.default_rng(4)
    result = {}
    for name in ("x", "w", "b", "dy"):
        real, imaginary = rng.integers(-2, 3, (2, *conv.shapes[name]))
        result[name] = (real + 1j * imaginary if np.dtype(dtype).kind == "c" else real).astype(dtype)
    return result


def keeps_dtypes(functions: Functions, conv: Conv) -> Result:
    count = 0
    for dtype in (np.float16, np.float32, np.float64, np.complex64, np.complex128, np.int16, np.int64, object):
        values = _small(conv, dtype)
        outputs = functions.outputs(values)
        for name, array in outputs.items():
            if array.dtype != dtype:
                return count, f"{name} is {array.dtype} for arguments of {np.dtype(dtype)}"
        terms = conv.gradients()
        wide = {name: array.astype(complex) if array.dtype.kind == "c" else array.astype(object)
                for name, array in values.items()}  # fmt: skip
        entries, failure = equal(
            outputs, {name: terms.terms(name).substitute(wide | constant(conv)) for name in outputs}
        )
        if failure:
            return count, f"{np.dtype(dtype)}: {failure}"
        count += entries
    return count, None


def takes_any_memory(functions: Functions, conv: Conv) -> Result:
    """Strided, reversed and read-only inputs give the same, and are left as they were."""
    plain = _small(conv, np.float64)
    truth = functions.outputs(plain)
    strided = {}
    for name, array in plain.items():
        wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), np.nan)
        wide[..., ::-2] = array
        strided[name] = wide[..., ::-2]
        strided[name].flags.writeable = False
    entries, failure = equal(functions.outputs(strided), truth)
    if failure:
        return entries, f"strided, read-only inputs: {failure}"
    if any(not np.array_equal(strided[name], array) for name, array in plain.items()):
        return entries, "an input was written to"
    return entries, None


def takes_no_images(functions: Functions, conv: Conv) -> Result:
    values = _small(conv, np.float64)
    none = {name: array[:0] if name in ("x", "dy") else array for name, array in values.items()}
    outputs = functions.outputs(none)
    for name, array in outputs.items():
        shape = (0, *conv.shapes[name][1:]) if name in ("y", "dx") else conv.shapes[name]
        if array.shape != shape or np.any(array):
            return 0, f"without images {name} is not zeros of shape {shape}"
    return sum(array.size for array in outputs.values()), None


def functions_agree(functions: Functions, conv: Conv) -> Result:
    """The course notation computes the same; b may be None."""
    values, parameters = _small(conv, np.float64), dict(functions.parameters)
    parameters["pad"] = parameters.pop("padding")
    forward, backward = functions.course
    count = 0
    for b in (values["b"], None):
        out, cache = forward(values["x"], values["w"], b, parameters)
        dx, dw, db = backward(values["dy"], cache)
        truth = functions.backward_function(values["dy"], values["x"], values["w"], **functions.parameters)
        names = ["y", "dx", "dw"] + ["db"] * (b is not None)
        entries, failure = equal(
            dict(zip(names, (out, dx, dw, db))),
            dict(zip(names, (functions.forward(values["x"], values["w"], b), *truth))),
        )
        if failure or (b is None and db is not None):
            return count, f"course notation, b {'given' if b is not None else 'None'}: {failure or 'db is not None'}"
        count += entries
    return count, None


def refuses_wrong_shapes(functions: Functions, conv: Conv) -> Result:
    values = _small(conv, np.float64)
    wrong = {
        "x": values["x"][:, :-1],  # a channel short
        "w": values["w"][..., None],
        "b": np.append(values["b"], 0.0),
        "dy": values["dy"][..., :-1],
    }
    for name, array in wrong.items():
        if name == "b" and not conv.bias:
            continue
        told = _refusal(partial(functions.outputs, {**values, name: array}))
        if str(array.shape) not in told:
            return 0, f"{name} of shape {array.shape} is not refused in words that say so: {told or 'accepted'}"
    return 0, None


def refuses_wrong_parameters(functions: Functions, conv: Conv) -> Result:
    values = _small(conv, np.float64)
    wrong: dict[str, list[Any]] = {
        "stride": [0, 1.5, (1,) * (conv.ndim + 1)],
        "padding": [-1, "full", ((1, 2),) * (conv.ndim + 1)],
        "dilation": [0, (2,) * (conv.ndim + 1)],
        "groups": [0, 1.5, 10**3 + 7],
    }
    if conv.transposed:
        wrong["output_padding"] = [-1, 10**3]
    # a layer without output
    if conv.transposed or max(conv.kernel) > 1:  # a single tap has no distance to another
        wrong["padding" if conv.transposed else "dilation"].append(10**3)
    for name, bad in wrong.items():
        for value in bad:
            given = functions.parameters | {name: value}
            told = _refusal(partial(functions.function, values["x"], values["w"], None, **given))
            if repr(value) not in told and str(values["x"].shape) not in told:
                return 0, f"{name} {value!r} is not refused in words that say so: {told or 'accepted'}"
    return 0, None


def _refusal(call: Callable[[], Any]) -> str:
    """What the ValueError of a call says; nothing where there is none."""
    try:
        call()
    except ValueError as error:
        return str(error)
    return ""


def takes_every_form(functions: Functions, conv: Conv) -> Result:
    """Parameters left out, as one number, as words, as lists; a layer with one row of output."""
    if functions.kernel.layer is not None:
        values = _small(conv, np.float64)
        free = {name: functions.parameters[name] for name in ("padding_value",) if conv.mode.filled}
        y = functions.function(values["x"], values["w"], **free)
        dx, dw, _ = functions.backward_function(values["dy"], values["x"], values["w"], **free)
        truth = functions.outputs(values) | {"y": functions.forward(values["x"], values["w"], None)}
        return equal({"y": y, "dx": dx, "dw": dw}, truth)
    n = conv.ndim
    forms: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {}),
        ({"padding": "valid"}, {}),
        ({"stride": 2, "padding": 3, "dilation": 2}, {}),
        ({"stride": [3] * n, "padding": [(2, 4)] * n}, {}),
        ({}, {"input": 1, "kernel": (1,) * n}),
    ]
    if not conv.transposed:
        forms += [(border, {"input": 3, "kernel": 2}) for border in borders(n)]
        forms += [({"padding": "same", "dilation": 2}, {}), ({"padding": "same"}, {"kernel": (2,) * n})]
    count = 0
    for given, sizes in forms:
        try:
            layer = Conv(**{"input": conv.input, "kernel": conv.kernel, **sizes, **given}, batch=2, in_channels=2,
                         transposed=conv.transposed)  # fmt: skip
        except ValueError:  # no such layer at this size
            continue
        values = _small(layer, np.int64)
        y = functions.function(values["x"], values["w"], **given)
        dx, dw, _ = functions.backward_function(values["dy"], values["x"], values["w"], **given)
        terms = layer.gradients()
        arrays = {"y": terms.terms("y").without("b"), "dx": terms.terms("dx"), "dw": terms.terms("dw")}
        values |= constant(layer)
        expected = {name: array.substitute(values) for name, array in arrays.items()}
        entries, failure = equal({"y": y, "dx": dx, "dw": dw}, expected)
        if failure:
            return count, f"{given or 'no parameters'}: {failure}"
        count += entries
    return count, None


def borders(ndim: int) -> list[dict[str, Any]]:
    """Parameters of every border but zeros, as large before as three rows allow and different behind."""
    result: list[dict[str, Any]] = []
    for mode in MODES.values():
        if mode.counts_outside:
            most = 3 if mode.most is None else int(mode.most.evaluate({"H": 3}))
            value = {"padding_value": -2} if mode.filled else {}
            result.append({"padding": [(most, 1)] * ndim, "stride": 2, "padding_mode": mode.name, **value})
    return result


BEHAVIOUR: tuple[Callable[[Functions, Conv], Result], ...] = (
    keeps_dtypes, takes_any_memory, takes_no_images, takes_every_form, functions_agree, refuses_wrong_shapes,
    refuses_wrong_parameters,
)  # fmt: skip
