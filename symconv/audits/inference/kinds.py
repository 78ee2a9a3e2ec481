"""Readings of each kind of target, the likeliest first: a function, a class, an autograd function, a closure."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from symconv.audits.inference import assignments as told
from symconv.audits.inference.clock import time_limit
from symconv.audits.inference.forms import styles
from symconv.audits.inference.layouts import UNTIED, plain_array
from symconv.audits.inference.names import roles_of
from symconv.audits.inference.probes import NotInferred, Probe
from symconv.audits.inference.reading import Reading, arguments, handed, in_phase
from symconv.audits.inference.trees import leaves
from symconv.layer.conv import Conv

__all__ = ["readings"]

#: building a layer may take so many seconds
ONE_CALL = 2.0

LAYOUTS = (("NCHW", "OIHW"), ("NHWC", "HWIO"), ("NHWC", "OIHW"), ("NHWC", "OHWI"), ("NCHW", "HWIO"), ("NCHW", "IOHW"))
METHODS = (
    ("forward", "forward_pass", "forward_propagation", "forward_prop", "fprop", "feedforward", "feed_forward", "forwardprop",
     "fp", "__call__", "call", "predict", "apply"),
    ("backward", "backward_pass", "backward_propagation", "backward_prop", "bprop", "backprop", "back_propagation",
     "backpropagate", "backpropagation", "backpropagation_pass", "back", "bp", "gradient", "grad"),
)  # fmt: skip


def _layouts(fixed: Mapping[str, Any]) -> list[tuple[float, str, str]]:
    found = []
    for number, (layout, weights) in enumerate(LAYOUTS):
        if fixed.get("layout", layout) == layout and fixed.get("weights", weights) == weights:
            found.append((0.4 * number, layout, weights))
    return found


def _against(
    names: tuple[tuple[str, str], ...], shapes: Mapping[str, tuple[str, ...]], layout: str, weights: str
) -> float:
    """What a layout costs in which the channels of x are not the axis of w that has the same name."""
    by_role = {role: parameter for parameter, role in names}
    x, w = (shapes.get(by_role.get(role, ""), ()) for role in ("x", "w"))
    if len(x) != 4 or len(w) != 4:
        return 0.0
    channels = x[layout.index("C")]
    return 1.5 if channels in w and channels != "_" and w[weights.index("I")] != channels else 0.0


def _assigned(
    parameters: list[inspect.Parameter], context: str, fixed: Mapping[str, Any]
) -> Iterator[tuple[float, Any]]:
    args = fixed.get("args") or {}
    for cost, names in told.assignments(parameters, context):
        if all(
            role.removeprefix("only ") == args.get(parameter, role.removeprefix("only ")) for parameter, role in names
        ):
            yield cost, names
    if args and any(p.name in args for p in parameters):  # said by hand: whatever the table holds of it
        yield (
            0.0,
            tuple((p.name, args.get(p.name, next((r for r in roles_of(p.name)), told.LEFT_OUT))) for p in parameters),
        )


def _word_first(source: str) -> str | None:
    lower = source.lower()
    return "word" if any(f"{quote}{word}{quote}" in lower for word in ("same", "valid") for quote in "\"'") else None


def _common(functions: list[Any], fixed: Mapping[str, Any], batch: bool, channel: bool) -> dict[str, Any]:
    source = "\n".join(told.source_of(each) for each in functions if each is not None)
    common: dict[str, Any] = {"batch": batch, "channel": channel, "keys": told.settings(functions)}
    common["tensors"] = bool(fixed.get("tensors"))
    if _word_first(source):
        common["padding"] = "word"
    return common


def _upper(names: Any, source: str) -> Any:
    upper = '"SAME"' in source or "'SAME'" in source
    return tuple((p, "padding/upper" if role == "padding" and upper else role) for p, role in names)


def _of_function(
    main: Any, forward: Any, fixed: Mapping[str, Any], batch: bool, channel: bool
) -> Iterator[tuple[float, Reading]]:
    """In the order of their costs: what comes after one that is too unlikely is not tried."""
    yield from sorted(_of_a_function(main, forward, fixed, batch, channel), key=lambda each: each[0])


def _of_a_function(
    main: Any, forward: Any, fixed: Mapping[str, Any], batch: bool, channel: bool
) -> Iterator[tuple[float, Reading]]:
    common = _common([main, forward], fixed, batch, channel)
    source = told.source_of(main) + (told.source_of(forward) if forward is not None else "")
    square = told.repeats_kernel_side([main, forward])
    forwards: list[Any] = [()]
    if forward is not None:
        forwards = [
            names
            for _, names in zip(
                range(4), (n for _, n in told.assignments(told.parameters(forward), "forward")), strict=False
            )
        ]
    ordered = []
    shapes = told.shape_names(main)
    for cost, names in _assigned(told.parameters(main), "backward", fixed):
        if not any(role == "dy" for _, role in names) or (forward is None and any(role == "y" for _, role in names)):
            continue
        for extra, layout, weights in _layouts(fixed):
            ordered.append((cost + extra + _against(names, shapes, layout, weights), names, layout, weights))
    ordered.sort(key=lambda each: each[0])
    for cost, names, layout, weights in ordered[:2000]:
        needs = any(role in ("cache", "y") for _, role in names)
        base = Reading("function", _upper(names, source), layout=layout, weights=weights, square=square, **common)
        if needs and forward is not None:
            for number, given in enumerate(forwards):
                yield (
                    cost + number,
                    replace(base, forward=_upper(given, source), forward_name=getattr(forward, "__name__", None)),
                )
        elif needs:
            parameter = next(p for p, role in names if role in ("cache", "y"))
            form, parts = told.cache_parts(main, parameter)
            made = [(form, parts)] if parts else []
            made += [("tuple", (("x", "x"), ("w", "w"), ("b", "b"), ("settings", "hparams"))), ("one", (("x", "x"),)),
                     ("tuple", (("x", "x"), ("w", "w"), ("b", "b"), ("stride", "stride"), ("pad", "padding")))]  # fmt: skip
            for number, (form, parts) in enumerate(made):
                yield cost + 0.3 * number, replace(base, cache=parts, cache_form=form)
        else:
            yield cost, base


def _forward_alone(main: Any, fixed: Mapping[str, Any], batch: bool, channel: bool) -> Iterator[tuple[float, Reading]]:
    for cost, reading in _closure(main, fixed, batch, channel):
        yield cost, replace(reading, kind="function", backward=())


def _closure(main: Any, fixed: Mapping[str, Any], batch: bool, channel: bool) -> Iterator[tuple[float, Reading]]:
    """A forward function that returns y and the function that goes back."""
    common = _common([main], fixed, batch, channel)
    for cost, names in _assigned(told.parameters(main), "forward", fixed):
        for extra, layout, weights in _layouts(fixed):
            yield (
                cost + extra,
                Reading("closure", (("dy", "dy"),), forward=names, layout=layout, weights=weights, **common),
            )


def _autograd(main: Any, fixed: Mapping[str, Any], batch: bool, channel: bool) -> Iterator[tuple[float, Reading]]:
    common = _common([main], fixed, batch, channel)
    for cost, names in _assigned(told.parameters(main.forward), "forward", fixed):
        for extra, layout, weights in _layouts(fixed):
            names = tuple((p, "cache" if i == 0 else role) for i, (p, role) in enumerate(names))
            yield (
                cost + extra,
                Reading("autograd", (("grad", "dy"),), forward=names, layout=layout, weights=weights, **common),
            )


def _methods(main: Any) -> tuple[str, str] | None:
    def named(names: tuple[str, ...]) -> str | None:
        own = (each for each in names if each != "__call__" or "__call__" in vars(main))
        return next((each for each in own if callable(getattr(main, each, None))), None)

    forward, backward = map(named, METHODS)
    return (forward, backward) if forward and backward else None


def _placed(search: Any, reading: Reading) -> Iterator[tuple[float, Reading]]:
    """The reading with the attributes that hold the weights of what is built, and the layout that their shapes have."""
    if {"w", "b"} <= {role for _, role in reading.build}:
        yield 0.0, reading
        return
    conv = search.probes[0].conv
    built = None
    for probe in search.probes[:2]:
        for variant in styles(reading):
            try:
                with time_limit(ONE_CALL):
                    positional, keywords = _built_by(variant, probe, search.main)
                    built = in_phase("construct", partial(search.main, *positional, **keywords))
            except BaseException as error:
                search.note(0.5, error, variant)
                continue
            conv, reading = probe.conv, variant
            break
        if built is not None:
            break
    if built is None:
        return
    names, hints = _weights_in(built, conv)
    if "w" not in names.values() or "w" not in hints:  # made when it goes forward for the first time, or never
        warm = _after_forward(search, reading, built, probe, names)
        if warm is not None:
            reading, names, hints = warm
    sets = tuple((path, role) for path, role in names.items() if role not in {r for _, r in reading.build})
    rate = [key for key in getattr(built, "__dict__", {}) if key in ("lr", "learning_rate", "alpha")]
    sets += tuple((key, "rate") for key in rate)
    yield 0.0, replace(reading, sets=sets, bias=_bias_form(hints.get("b"), conv))


def _weights_in(built: Any, conv: Conv) -> tuple[dict[str, str], dict[str, tuple[int, ...]]]:
    """Where an object holds its weights and its bias, and the shapes of those that are there already."""
    names: dict[str, str] = {}
    hints: dict[str, tuple[int, ...]] = {}
    every: list[Any] = [(path, np.shape(plain_array(value))) for path, value in leaves(built)]
    every += [((key,), None) for key, value in getattr(built, "__dict__", {}).items() if value is None]
    wrapped = ("data", "value", "values", "val", "tensor")
    for path, shape in every:
        words = [key for key in path if isinstance(key, str) and key not in wrapped]
        roles = roles_of(words[-1]) if words else []
        for role, sizes in (("w", [conv.w_shape]), ("b", [(conv.out_channels,), (conv.out_channels, *conv.output)])):
            fits = shape is None or int(np.prod(shape)) in [int(np.prod(size)) for size in sizes]
            if role in roles and role not in names.values() and fits:
                if any("grad" in str(key).lower() for key in path):
                    continue
                names[".".join(map(str, path))] = role
                if shape:
                    hints[role] = tuple(shape)
    return names, hints


def _after_forward(search: Any, reading: Reading, built: Any, probe: Probe, names: dict[str, str]) -> Any:
    """The reading of a layer that makes its weights as it goes forward, with where they are; None when it does not."""
    empty = tuple(key for key, value in getattr(built, "__dict__", {}).items() if isinstance(value, list) and not value)
    made = handed(reading, probe.conv, {name: probe.at[name] for name in ("x", "w", "b")})
    goes_forward = getattr(built, reading.methods[0])
    positional, keywords = arguments(reading, reading.forward, probe.conv, made, goes_forward)
    try:
        with time_limit(ONE_CALL):
            goes_forward(*positional, **keywords)
    except BaseException as error:
        search.note(0.6, error, reading)
        return None
    found, hints = _weights_in(built, probe.conv)
    if "w" not in hints:
        return None
    clears = tuple(key for key in empty if getattr(built, key, None))
    return replace(reading, warm=True, clears=clears), found, hints


def _bias_form(shape: tuple[int, ...] | None, conv: Conv) -> str:
    f = conv.out_channels
    forms = {(f,): "F", (f, 1): "F1", (1, f): "1F", (f, 1, 1): "F11", (1, 1, 1, f): "111F", (1, f, 1, 1): "1F11",
             (f, 1, 1, 1): "F111", (f, *conv.output): UNTIED}  # fmt: skip
    return forms.get(shape or (), "F")


def _built_by(reading: Reading, probe: Probe, function: Any) -> tuple[list[Any], dict[str, Any]]:
    made = handed(reading, probe.conv, {name: probe.at[name] for name in ("x", "w", "b")})
    return arguments(reading, reading.build, probe.conv, made, function)


def _of_class(search: Any, fixed: Mapping[str, Any], batch: bool, channel: bool) -> Iterator[tuple[float, Reading]]:
    main, methods = search.main, _methods(search.main)
    if methods is None:
        raise NotInferred(f"{main.__name__} has no method forward and backward that is known")
    common = _common([main], fixed, batch, channel)
    source = told.source_of(main)
    forward = next(iter(told.assignments(told.parameters(getattr(main, methods[0]), bound=True), "forward")), None)
    backs = [
        each
        for _, each in zip(
            range(3), told.assignments(told.parameters(getattr(main, methods[1]), bound=True), "backward"), strict=False
        )
    ]
    if forward is None or not backs:
        raise NotInferred(f"{main.__name__}: what {' and '.join(methods)} take is not known")
    ordered = []
    for cost, build in _assigned(told.parameters(main), "build", fixed):
        for extra, layout, weights in _layouts(fixed):
            ordered.append((cost + extra, build, layout, weights))
    ordered.sort(key=lambda each: each[0])
    square = any(role == "kernel" for _, role in ordered[0][1]) if ordered else False
    for cost, build, layout, weights in ordered[:600]:
        base = Reading("class", backs[0][1], forward[1], _upper(build, source), methods=methods, layout=layout, weights=weights,
                       square=False, **common)  # fmt: skip
        for extra, reading in _placed(search, base):
            for number, (_, back) in enumerate(backs):
                yield (
                    cost + extra + number,
                    replace(reading, backward=back, square=square and told.repeats_kernel_side([main])),
                )


def readings(search: Any, fixed: Mapping[str, Any]) -> Iterator[tuple[float, Reading]]:
    main, batch, channel = search.main, search.batch, search.channel
    if isinstance(main, type):
        parameters = told.parameters(main.forward) if hasattr(main, "forward") else []
        if parameters and parameters[0].name in ("ctx", "context", "cache") and hasattr(main, "backward"):
            return _autograd(main, fixed, batch, channel)
        return _of_class(search, fixed, batch, channel)
    if search.mode == "forward":
        return _forward_alone(main, fixed, batch, channel)
    roles = {role for p in told.parameters(main) for role in roles_of(p.name)[:1]}
    if "dy" not in roles and {"x", "w"} <= roles and "backward" not in getattr(main, "__name__", ""):
        return _closure(main, fixed, batch, channel)
    return _of_function(main, search.forward, fixed, batch, channel)
