"""One reading of how a function is called, as plain data, and the convention that it makes."""

from __future__ import annotations

import dataclasses
import inspect
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.audits.inference.layouts import native, plain_array, returned_from, short, word_for
from symconv.audits.inference.trees import at_path, put
from symconv.layer.conv import Conv

__all__ = ["PREFIX", "Reading", "arguments", "convention_parts", "handed", "handed_over", "in_phase", "results", "run",
           "value_of"]  # fmt: skip

Array = NDArray[Any]
Names = tuple[tuple[str, str], ...]

#: a convention of this beginning is a reading written out
PREFIX = "reading:"


@dataclass(frozen=True)
class Reading:
    """How a function is called and where its results are.

    ``backward``, ``forward`` and ``build`` map parameters to roles; ``sets`` maps attributes of an object to the arrays put
    there before the forward call; ``cache`` says what a cache is made of where no forward function makes it; ``keys`` maps
    keys of a dict of settings to roles. ``outputs`` maps y, dx, dw, db to paths: "return", index or key; "self", attribute;
    "updated", attribute.
    """

    kind: str
    backward: Names
    forward: Names = ()
    build: Names = ()
    sets: Names = ()
    methods: tuple[str, str] = ("forward", "backward")
    cache: Names = ()
    cache_form: str = ""
    keys: Names = ()
    layout: str = "NCHW"
    weights: str = "OIHW"
    bias: str = "F"
    batch: bool = True
    channel: bool = True
    padding: str = "number"
    oblong: bool = False
    square: bool = False
    #: a layer makes its weights when it goes forward for the first time: it does so once before they are put there, and the
    #: lists in which it collects what it is given are emptied again
    warm: bool = False
    clears: tuple[str, ...] = ()
    #: arrays are PyTorch's
    tensors: bool = False
    outputs: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    forward_name: str | None = None
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """The reading as the name of a convention."""
        told = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if getattr(self, f.name) != f.default}
        return PREFIX + json.dumps(told, sort_keys=True)

    @classmethod
    def of(cls, text: str) -> Reading:
        """The reading that :meth:`text` wrote."""
        told = json.loads(text.removeprefix(PREFIX))
        return cls(**{key: _tuples(value) for key, value in told.items()})

    def to_dict(self) -> dict[str, Any]:
        """The reading as plain data, without what is as usual."""
        return dict(json.loads(self.text().removeprefix(PREFIX)))

    @property
    def roles(self) -> set[str]:
        """All that the function is told."""
        return {role for names in (self.backward, self.forward, self.build, self.cache, self.keys) for _, role in names}

    def outside(self, conv: Conv) -> str | None:
        """Why the function cannot be asked for a geometry; None when it can."""
        told = {role.partition("/")[0].removeprefix("only ") for role in self.roles}
        checks: tuple[tuple[str, Sequence[Any], Any], ...] = (
            ("stride", conv.stride, 1), ("padding", [p for pair in conv.padding for p in pair], 0),
            ("dilation", conv.dilation, 1), ("groups", [conv.groups], 1),
        )  # fmt: skip
        for name, values, usual in checks:
            if name not in told and set(values) != {usual}:
                return f"it takes no {name}"
            if (
                name != "groups"
                and len(set(values)) > 1
                and not (self.oblong or (name == "padding" and self.padding != "number"))
            ):
                return f"it takes one {name} for all sides"
        if self.padding == "number" and any(p != q for p, q in conv.padding):
            return "it takes one padding for both ends of an axis"
        if self.padding == "word" and "padding" in told and word_for(conv) is None:
            return "its padding is a word, SAME or VALID"
        if not self.batch and conv.batch > 1:
            return "it takes one image"
        if not self.channel and conv.in_channels * conv.out_channels > 1:
            return "it takes one channel"
        left = {name for names in (self.build, self.forward, self.backward) for name, _ in names}
        if conv.transposed or conv.mode.filled or (conv.mode.moves_rows and "padding_mode" in left):
            return "no transposed layer and no border that it has to be told of was inferred"
        if self.square and len(set(conv.kernel)) > 1:
            return "it takes square kernels"
        return None

    def lines(self, name: str) -> list[str]:
        """What was inferred, in two lines."""

        def said(names: Names) -> str:
            return ", ".join(p if p.lower() == role else f"{p} = {role}" for p, role in names if role != "left out")

        if self.kind == "class":
            before, after = self.methods
            called = f"{name}({said(self.build)}), {before}({said(self.forward)}), {after}({said(self.backward)})"
            if self.sets:
                called += f"; set: {said(self.sets)}"
        elif self.kind == "autograd":
            called = f"{name}.forward({said(self.forward)}), backward({said(self.backward)})"
        elif self.kind == "closure":
            called = f"{name}({said(self.forward)}) and what it returns ({said(self.backward)})"
        else:
            called = f"{name}({said(self.backward or self.forward)})"
            if self.forward_name:
                called += f" after {self.forward_name}({said(self.forward)})"
            elif self.cache:
                called += f"; cache: {said(self.cache)}"
        if self.keys:
            called += f"; settings: {said(self.keys)}"
        found = ", ".join(f"{output} in {_where(path)}" for output, path in self.outputs)
        shape = [self.layout if self.batch else self.layout.replace("N", ""), f"w {self.weights}"]
        if self.bias != "F":
            shape.append(f"b {self.bias}")
        if not self.channel:
            shape.append("no channels")
        if self.padding != "number" and any(role.startswith("padding") for role in self.roles):
            shape.append(f"padding as {self.padding}")
        return [f"called    {called}", f"inferred  {', '.join(shape)}; {found}"]


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value


def _where(path: Sequence[Any]) -> str:
    first, rest = path[0], ".".join(map(str, path[1:]))
    if first == "return":
        return f"result {int(rest) + 1}" if rest.isdigit() else f"result {rest}".rstrip()
    return f"the change of {rest}" if first == "updated" else rest


# numbers ----------------------------------------------------------------------------------------------------------------


class _Missing(Exception):
    pass


def value_of(reading: Reading, role: str, conv: Conv, made: Mapping[str, Any]) -> Any:
    """What is handed over for a role."""
    role, _, form = role.partition("/")
    if role in made:
        return made[role]
    if role == "padding":
        if reading.padding == "word":
            word = word_for(conv) or "same"
            return word.upper() if form == "upper" else word
        if reading.padding == "pairs":
            return tuple(conv.padding)
        pads = [p if p == q else (p, q) for p, q in conv.padding]
        return tuple(pads) if form == "pair" else short(pads)
    if role in ("stride", "dilation", "kernel"):
        values = [value - (form == "less") for value in getattr(conv, role)]
        return tuple(values) if form == "pair" else short(values)
    if role in ("in_channels", "out_channels", "groups"):
        return getattr(conv, role)
    if role in ("kernel0", "kernel1"):
        return conv.kernel[min(int(role[-1]), conv.ndim - 1)]
    if role in ("input0", "input1"):
        return conv.input[min(int(role[-1]), conv.ndim - 1)]
    if role == "input_shape":
        last = reading.layout == "NHWC"
        shape = (*conv.input, conv.in_channels) if last else (conv.in_channels, *conv.input)
        return (conv.batch, *shape) if form == "batch" else shape
    if role == "w_shape":
        return native(reading, "w", np.zeros(conv.w_shape)).shape
    if role == "hparams":
        return {key: value_of(reading, each, conv, made) for key, each in reading.keys}
    if role == "rate":
        return 1.0
    if role == "on":
        return True
    if role == "last":
        return reading.layout
    if role == "None":
        return None
    raise _Missing(f"nothing to hand over for {role}")


# calls ------------------------------------------------------------------------------------------------------------------


class _Context:
    """What an autograd function keeps from forward to backward."""

    saved_tensors: tuple[Any, ...] = ()
    needs_input_grad = (True,) * 16

    def save_for_backward(self, *tensors: Any) -> None:
        self.saved_tensors = tensors

    def mark_non_differentiable(self, *_: Any) -> None:
        """Nothing to mark."""


def in_phase(name: str, call: Callable[[], Any]) -> Any:
    """What a call returns; what it raises says in which phase, for the message that a person reads."""
    try:
        return call()
    except BaseException as error:
        if not hasattr(error, "symconv_phase"):
            error.symconv_phase = name  # type: ignore[attr-defined]  # rides on the exception
        raise


def handed_over(role: str, conv: Conv) -> bool:
    """Whether a role of a parameter that is given only where it says something does so for a layer."""
    name = role.removeprefix("only ").partition("/")[0]
    return (
        not role.startswith("only ")
        or name not in ("dilation", "groups")
        or set(np.atleast_1d(getattr(conv, name))) != {1}
    )


def keyword_only(function: Callable[..., Any]) -> frozenset[str]:
    """The parameters that are given by keyword alone."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return frozenset()
    return frozenset(parameter.name for parameter in found if parameter.kind is parameter.KEYWORD_ONLY)


def arguments(
    reading: Reading, names: Names, conv: Conv, made: Mapping[str, Any], function: Callable[..., Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword arguments of a call: those after one that is left out go by keyword."""
    positional, keywords, gap = [], {}, False
    by_keyword = keyword_only(function)
    for parameter, role in names:
        gap = gap or parameter in by_keyword
        if role == "left out":
            gap = True
            continue
        if not handed_over(role, conv):
            gap = True
            continue
        value = value_of(reading, role.removeprefix("only "), conv, made)
        if gap:
            keywords[parameter.lstrip("*")] = value
        else:
            positional.append(value)
    return positional, keywords


def _call(reading: Reading, function: Callable[..., Any], names: Names, conv: Conv, made: Mapping[str, Any]) -> Any:
    positional, keywords = arguments(reading, names, conv, made, function)
    return function(*positional, **keywords)


def handed(reading: Reading, conv: Conv, arrays: Mapping[str, Array]) -> dict[str, Any]:
    """The arrays as the reading hands them over, fresh ones."""
    made: dict[str, Any] = {name: native(reading, name, array, conv.output) for name, array in arrays.items()}
    if reading.tensors:
        torch = sys.modules["torch"]  # the audited code has imported it
        made = {name: torch.from_numpy(array) for name, array in made.items()}
    return made


def run(
    reading: Reading, main: Any, forward: Any, conv: Conv, arrays: Mapping[str, Array], backward: bool = True
) -> Any:
    """(what the object is or None, what forward returned, what backward returned, made arrays)."""
    made = handed(reading, conv, arrays)
    made |= {f"before {name}": np.asarray(made[name]).copy() for name in ("w", "b")}
    if reading.kind == "class":
        return _run_class(reading, main, conv, made, backward)
    if reading.kind == "autograd":
        context = _Context()
        there = made | {"cache": context}
        y: Any = in_phase("forward", lambda: _call(reading, main.forward, reading.forward, conv, there))
        back = in_phase("backward", lambda: main.backward(context, made["dy"])) if backward else None
        return None, y, back, made
    y = None
    forward = main if reading.kind == "closure" else forward
    if forward is not None and (reading.forward or not backward):
        names = reading.forward or reading.backward
        y = in_phase("forward", lambda: _call(reading, forward, names, conv, made))
        if backward and reading.kind == "closure":
            pull = next((each for each in y if callable(each)), None) if isinstance(y, tuple) else None
            if pull is None:
                raise TypeError("the forward pass returned no function for the backward pass")
            return None, y, in_phase("backward", partial(pull, made["dy"])), made
        if isinstance(y, tuple) and len(y) > 1:
            made["cache"] = y[1] if len(y) == 2 else y[1:]
            made["y"] = y[0]
        else:
            made["y"] = y
    if not backward:
        return None, y, None, made
    if "cache" not in made and reading.cache:
        parts = [(key, value_of(reading, role, conv, made)) for key, role in reading.cache]
        made["cache"] = dict(parts) if reading.cache_form == "dict" else tuple(value for _, value in parts)
        if reading.cache_form == "one":
            made["cache"] = parts[0][1]
    return None, y, in_phase("backward", lambda: _call(reading, main, reading.backward, conv, made)), made


def _run_class(reading: Reading, main: Any, conv: Conv, made: dict[str, Any], backward: bool) -> Any:
    made["y"] = made.get("dy")
    built = in_phase("construct", lambda: _call(reading, main, reading.build, conv, made))
    if reading.warm:
        in_phase("forward", partial(_call, reading, getattr(built, reading.methods[0]), reading.forward, conv, made))
    for name in reading.clears:
        setattr(built, name, [])
    for path, role in reading.sets:
        in_phase("construct", partial(put, built, path, value_of(reading, role, conv, made)))
    y = in_phase("forward", lambda: _call(reading, getattr(built, reading.methods[0]), reading.forward, conv, made))
    if not backward:
        return built, y, None, made
    if isinstance(y, tuple) and len(y) == 2:
        made["cache"] = y[1]
    back = in_phase(
        "backward", lambda: _call(reading, getattr(built, reading.methods[1]), reading.backward, conv, made)
    )
    return built, y, back, made


def results(reading: Reading, ran: Any, conv: Conv) -> dict[str, Any]:
    """The outputs of a run in PyTorch's layout, where the reading says that they are."""
    built, _y, back, made = ran
    found: dict[str, Any] = {}
    for output, path in reading.outputs:
        if path[0] == "updated":
            before = made[f"before {output[1:]}"]  # W - (W - dW), at a rate of 1
            value = before - np.asarray(plain_array(in_phase("reading results", partial(at_path, built, path[1:]))))
        else:
            root = back if path[0] == "return" else built
            value = in_phase("reading results", partial(at_path, root, path[1:]))
        value = plain_array(value)
        if value is not None:
            found[output] = returned_from(reading, output, np.asarray(value), conv.ndim)
    return found


def _named(main: Any, name: str | None) -> Any:
    """A function of the same file."""
    return None if name is None else getattr(main, "__globals__", {}).get(name)


def convention_parts(reading: Reading) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The backward and the forward call of a convention."""

    def backward(functions: Any, conv: Conv, arrays: Mapping[str, Array]) -> Any:
        before = functions.forward or _named(functions.main, reading.forward_name)
        return results(reading, run(reading, functions.main, before, conv, arrays), conv)

    def forward(function: Callable[..., Any], conv: Conv, arrays: Mapping[str, Array]) -> Any:
        ran = run(reading, function, function, conv, arrays, backward=False)
        y = ran[1][0] if isinstance(ran[1], tuple) else ran[1]
        return returned_from(reading, "y", np.asarray(plain_array(y)), conv.ndim)

    return backward, forward
