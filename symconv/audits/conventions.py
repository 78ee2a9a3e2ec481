"""Calling conventions: how a function takes x, w, b, dy and gives back y, dx, dw, db, as a table.

symconv's own layouts are PyTorch's: x (N, C, *H), w (F, C/groups, *K), b (F,), y and dy (N, F, *O). A convention says how
its functions are called, in which layout, and which geometries its documentation covers; a case outside of these is
reported apart.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.audits.arrays import FIRST, SECOND, Face
from symconv.audits.courses import ROWS
from symconv.audits.inference.layouts import short
from symconv.audits.inference.reading import PREFIX, Reading, convention_parts, in_phase
from symconv.audits.mistakes import by_adapter
from symconv.layer.conv import Conv

__all__ = ["CONVENTIONS", "GRADIENTS", "Adapter", "Convention", "Functions", "convention_named", "from_native", "native_shape",
           "outputs_of", "paddings", "said_only", "to_native"]  # fmt: skip

Array = NDArray[Any]
Arrays = Mapping[str, Array]
#: an adapter of one's own: ``adapter(fn, x, w, b, dy, conv)`` returns a dict with any of y, dx, dw, db
Adapter = Callable[..., Mapping[str, Any]]

GRADIENTS = FIRST.returns


@dataclass(frozen=True)
class Functions:
    """What an audit was given: the function or class, and where there are some its forward function and an adapter."""

    main: Callable[..., Any]
    forward: Callable[..., Any] | None = None
    adapter: Adapter | None = None

    @property
    def all(self) -> list[Callable[..., Any]]:
        """Those that there are."""
        return [each for each in (self.main, self.forward, self.adapter) if each is not None]


@dataclass(frozen=True)
class Convention:
    """How functions of one kind are called.

    ``backward(functions, conv, arrays)`` returns (y or None, what the function returned for the gradients);
    ``forward(function, conv, arrays)`` returns y. ``outside(conv)`` is None when the convention's documentation covers the
    geometry, else the reason. ``face`` names the arrays that its functions take and return.
    """

    name: str
    signature: str
    backward: Callable[[Functions, Conv, Arrays], Any]
    forward: Callable[[Callable[..., Any], Conv, Arrays], Any]
    outside: Callable[[Conv], str | None]
    channels_last: bool = False
    face: Face = FIRST


# layouts ------------------------------------------------------------------------------------------------------------------


def _axes_order(name: str, ndim: int) -> tuple[int, ...]:
    """The axes of PyTorch's layout in the order in which a channels-last layout has them."""
    spatial = tuple(range(2, 2 + ndim))
    return (*spatial, 1, 0) if name in ("w", "dw") else (0, *spatial, 1)


def to_native(convention: Convention, conv: Conv, name: str, array: Array) -> Array:
    """``array`` in the convention's layout, a fresh one in C order."""
    if not convention.channels_last:
        return array.copy()
    if name == "b":
        return array.reshape((1,) * (conv.ndim + 1) + array.shape).copy()
    return np.ascontiguousarray(array.transpose(_axes_order(name, conv.ndim))).copy()


def native_shape(convention: Convention, conv: Conv, name: str, shape: Sequence[int]) -> tuple[int, ...]:
    """The shape that an array of ``shape`` in PyTorch's layout has in the convention's."""
    if not convention.channels_last:
        return tuple(shape)
    if name in ("b", "db"):
        return (1,) * (conv.ndim + 1) + tuple(shape)
    return tuple(shape[i] for i in _axes_order(name, conv.ndim))


def from_native(convention: Convention, conv: Conv, name: str, array: Array) -> Array:
    """An array that a function returned in PyTorch's layout; as it is when it has another number of axes."""
    if not convention.channels_last:
        return array
    if name in ("b", "db"):
        return array.reshape(-1) if array.ndim == conv.ndim + 2 else array
    if array.ndim != conv.ndim + 2:
        return array
    return array.transpose(np.argsort(_axes_order(name, conv.ndim)))


def paddings(conv: Conv) -> Any:
    """One number, a number for each axis, or where some axis has two numbers, before and after, these: always in a tuple of the
    axes, so that (1, 2) has one meaning."""
    values = [p if p == q else (p, q) for p, q in conv.padding]
    return tuple(values) if any(isinstance(value, tuple) for value in values) else short(values)


# how each kind is called ---------------------------------------------------------------------------------------------------


def said_only(conv: Conv) -> dict[str, Any]:
    """The keywords that a function gets only when they say something: dilation, groups, output_padding, padding_mode, and the
    padding_value of a border of a constant."""
    said: dict[str, Any] = {}
    if any(d != 1 for d in conv.dilation):
        said["dilation"] = short(conv.dilation)
    if conv.groups != 1:
        said["groups"] = conv.groups
    if any(conv.output_padding):
        said["output_padding"] = short(conv.output_padding)
    if conv.mode.counts_outside:
        said["padding_mode"] = conv.padding_mode
    if conv.mode.filled:
        said["padding_value"] = conv.padding_value
    return said


def said_to(function: Callable[..., Any], conv: Conv) -> dict[str, Any]:
    """What is said to a function: :func:`said_only`, but one without a parameter padding_mode has a border of its own."""
    said = said_only(conv)
    with contextlib.suppress(TypeError, ValueError):  # builtins have no signature
        known = inspect.signature(function).parameters.values()
        if conv.mode.moves_rows and not any(p.name == "padding_mode" or p.kind is p.VAR_KEYWORD for p in known):
            del said["padding_mode"]
    return said


def _plain_backward(functions: Functions, conv: Conv, a: Arrays) -> Any:
    given = (a["x"], a["w"], a["b"], a["dy"], short(conv.stride), paddings(conv))
    return functions.main(*given, **said_to(functions.main, conv))


def _plain_forward(function: Callable[..., Any], conv: Conv, a: Arrays) -> Any:
    return function(a["x"], a["w"], a["b"], short(conv.stride), paddings(conv), **said_to(function, conv))


def _double_backward(functions: Functions, conv: Conv, a: Arrays) -> Any:
    given = (a[name] for name in SECOND.arrays)
    return functions.main(*given, short(conv.stride), paddings(conv), **said_to(functions.main, conv))


def _no_forward(function: Callable[..., Any], conv: Conv, a: Arrays) -> Any:
    raise TypeError("this convention is a double backward: it has no forward pass")


def _cached(key: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The two conventions in which forward returns (y, cache) and backward takes (dy, cache)."""

    def parameters(conv: Conv) -> dict[str, Any]:
        return {"stride": short(conv.stride), "pad": paddings(conv)} | said_only(conv)

    def backward(functions: Functions, conv: Conv, a: Arrays) -> Any:
        if functions.forward is None:
            cache: Any = (a["x"], a["w"], a["b"], parameters(conv))
        else:
            before = partial(functions.forward, a["x"], a["w"], a["b"], parameters(conv))
            returned = in_phase("forward", before)
            if not isinstance(returned, tuple) or len(returned) != 2:
                told = f"the forward function returned {type(returned).__name__}, not ({key}, cache)"
                in_phase("forward", partial(_raise, TypeError(told)))
            cache = returned[1]
        return functions.main(a["dy"], cache)

    def forward(function: Callable[..., Any], conv: Conv, a: Arrays) -> Any:
        return function(a["x"], a["w"], a["b"], parameters(conv))

    return backward, forward


def _layer(make: Callable[..., Any], conv: Conv, a: Arrays) -> Any:
    return in_phase(
        "construct", partial(make, a["w"], a["b"], short(conv.stride), paddings(conv), **said_to(make, conv))
    )


def _raise(error: Exception) -> Any:
    raise error


def _layer_backward(functions: Functions, conv: Conv, a: Arrays) -> Any:
    layer = _layer(functions.main, conv, a)
    in_phase("forward", lambda: layer.forward(a["x"]))
    dx = layer.backward(a["dy"])
    found = {"dx": dx}
    for name, attributes in (("dw", ("dW", "dw")), ("db", ("db",))):
        for attribute in attributes:
            if getattr(layer, attribute, None) is not None:
                found[name] = getattr(layer, attribute)
                break
    return found


def _layer_forward(function: Callable[..., Any], conv: Conv, a: Arrays) -> Any:
    return _layer(function, conv, a).forward(a["x"])


# what each kind documents ---------------------------------------------------------------------------------------------------


def _anything(conv: Conv) -> None:
    return None


def _one_stride(conv: Conv) -> str | None:
    if len(set(conv.stride)) > 1:
        return f"one stride for all axes is documented, not {conv.stride}"
    if len({p for pair in conv.padding for p in pair}) > 1:
        return "one padding for all sides is documented"
    for name, value in said_only(conv).items():
        if not name.startswith("padding_"):  # a border is only there where somebody asks for it
            return f"{name} {value} is not documented"
    return None


def _square_kernels(conv: Conv) -> str | None:
    if len(set(conv.kernel)) > 1:
        return f"square kernels are documented, not {'x'.join(map(str, conv.kernel))}"
    return _one_stride(conv)


_cs231n_backward, _cs231n_forward = _cached("out")
_coursera_backward, _coursera_forward = _cached("Z")

CONVENTIONS: dict[str, Convention] = {
    convention.name: convention
    for convention in (
        Convention(
            "plain",
            "fn(x, w, b, dy, stride, padding) -> dx, dw, db; NCHW, OIHW; keywords dilation, groups, output_padding when they "
            "are not 1, 1, 0; padding_mode, padding_value when that is not zeros (padding_mode where there is such a parameter)",
            _plain_backward,
            _plain_forward,
            _anything,
        ),
        Convention(
            "cs231n",
            'fn(dout, cache) -> dx, dw, db; cache = (x, w, b, {"stride", "pad"}); NCHW, OIHW',
            _cs231n_backward,
            _cs231n_forward,
            _one_stride,
        ),
        Convention(
            "coursera",
            'fn(dZ, cache) -> dA_prev, dW, db; cache = (A_prev, W, b, {"stride", "pad"}); NHWC, W (f, f, C, F), b (1, 1, 1, F)',
            _coursera_backward,
            _coursera_forward,
            _square_kernels,
            channels_last=True,
        ),
        Convention(
            "layer",
            "a class called with (W, b, stride, pad); forward(x) -> y, backward(dout) -> dx, leaving dW and db; NCHW, OIHW",
            _layer_backward,
            _layer_forward,
            _one_stride,
        ),
        Convention(
            "double-backward",
            "fn(v_x, v_w, v_b, dy, x, w, stride, padding) -> ddy, ddx, ddw; NCHW, OIHW",
            _double_backward,
            _no_forward,
            _anything,
            face=SECOND,
        ),
        *(Convention(name, *row) for name, row in ROWS.items()),
    )
}


def _adapted(adapter: Adapter) -> Convention:
    def backward(functions: Functions, conv: Conv, a: Arrays) -> Any:
        face = SECOND if SECOND.arrays[0] in a else FIRST
        returned = by_adapter(adapter, functions.main, *(a[name] for name in face.arrays), conv)
        if not isinstance(returned, Mapping):
            some = ", ".join(face.outputs)
            told = TypeError(f"the adapter returned {type(returned).__name__}, not a dict with some of {some}")
            in_phase("adapter", partial(_raise, told))
        return returned

    def forward(function: Callable[..., Any], conv: Conv, a: Arrays) -> Any:
        returned = by_adapter(adapter, function, a["x"], a["w"], a["b"], None, conv)
        if not isinstance(returned, Mapping) or "y" not in returned:
            in_phase("adapter", partial(_raise, TypeError("the adapter returned no dict with y in it, and dy is None")))
        return returned["y"]

    name = getattr(adapter, "__name__", "adapter")
    return Convention(name, f"{name}(fn, x, w, b, dy, conv) -> dict", backward, forward, _anything)


def convention_named(convention: str | Adapter) -> Convention:
    """The convention of that name, or the one an adapter makes; ValueError for an unknown name.

    An adapter calls a function of any kind, on arrays in PyTorch's layouts, and says what came back:

    >>> import numpy as np
    >>> def bias_gradient(dy_last, kernel):         # somebody's own: channels last, and no cache
    ...     return dy_last.sum(axis=(0, 1, 2))
    >>> def adapter(fn, x, w, b, dy, conv):
    ...     return {"db": fn(np.moveaxis(dy, 1, -1), conv.kernel)}
    >>> from symconv import audit
    >>> audit(bias_gradient, adapter, grid="quick")
    <audit of ...bias_gradient: right; 45 right, 0 wrong of 45 cases>
    """
    if callable(convention):
        return _adapted(convention)
    if convention.startswith(PREFIX):
        reading = Reading.of(convention)
        return Convention("auto", convention, *convention_parts(reading), reading.outside)
    if convention not in CONVENTIONS:
        raise ValueError(
            f"no convention {convention!r}; there are {', '.join(CONVENTIONS)}, or give an adapter function"
        )
    return CONVENTIONS[convention]


def outputs_of(returned: Any, names: Sequence[str] | None, face: Face = FIRST) -> dict[str, Any]:
    """What a function returned, by name: a dict's own names, else in order of ``names`` (those of its face unless said).

    What is None is left out: a function that returns only some gradients is judged on these. TypeError when there
    are more arrays than names.
    """
    if isinstance(returned, Mapping):
        unknown = [key for key in returned if key not in face.outputs]
        if unknown:
            raise TypeError(f"returned a dict with {unknown[0]!r}; its keys should be among {', '.join(face.outputs)}")
        found = dict(returned)
    else:
        order = tuple(names or face.returns)
        values = list(returned) if isinstance(returned, tuple | list) else [returned]
        if len(values) > len(order):
            raise TypeError(f"returned {len(values)} values where {', '.join(order)} are expected")
        found = dict(zip(order, values, strict=False))
    return {name: value for name, value in found.items() if value is not None}
