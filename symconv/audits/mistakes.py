"""Mistakes of a call, not of the function: what an adapter does wrong, and what the first case of an audit says of the call.

A function that is called in another way than it wants, or whose results are not where they are looked for, is neither right nor
wrong: it is not judged, and what is to be said otherwise is said.
"""

from __future__ import annotations

import linecache
import os
import sysconfig
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from symconv.audits.inference.names import PLAIN, roles_of
from symconv.layer.conv import Conv

__all__ = ["CALLING", "CallMistake", "by_adapter", "exchanged", "in_another_order", "offered", "tame"]

#: phases of a case before the function is at work, and after it
CALLING = ("call", "construct", "forward", "adapter", "reading results")

_LIBRARIES = tuple(sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib"))


class CallMistake(ValueError):
    """The function is not called so, or its results are not there: a mistake of what was asked for, and no verdict."""


def by_adapter(adapter: Callable[..., Any], function: Any, *given: Any) -> Any:
    """What an adapter returns. What it raises says whether that is its own, or where it called the function that raised."""
    try:
        return adapter(function, *given)
    except BaseException as error:
        code = getattr(adapter, "__code__", None)
        frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
        at = max((i for i, (each, _) in enumerate(frames) if each is code), default=None)
        if at is not None and not isinstance(error, NotImplementedError):
            beyond = [each.co_filename for each, _ in frames[at + 1 :]]
            own = getattr(getattr(function, "__code__", None), "co_filename", None)
            if all(name != own and name.startswith(("<frozen", *_LIBRARIES)) for name in beyond):
                error.symconv_phase = "adapter"  # type: ignore[attr-defined]  # rides on the exception
            else:
                file, line = frames[at][0].co_filename, frames[at][1]
                text = linecache.getline(file, line).strip()
                error.symconv_called = f"{os.path.basename(file)}:{line}: {text}"  # type: ignore[attr-defined]  # likewise
        raise


def in_another_order(names: Sequence[str]) -> bool:
    """Whether the names of parameters are those of the convention "plain" in another order.

    >>> in_another_order(["dout", "x", "w", "b", "stride", "pad"])
    True
    >>> in_another_order(["x", "w", "b", "dout", "s", "p", "dilation"])
    False
    """
    said = [[role for role in roles_of(name) if role in PLAIN] for name in names[: len(PLAIN)]]
    first = [roles[0] if roles else "" for roles in said]
    return sorted(first) == sorted(PLAIN) and any(role not in roles for role, roles in zip(PLAIN, said, strict=True))


def exchanged(shapes: dict[str, list[list[int]]]) -> tuple[str, ...] | None:
    """The order in which outputs were returned, where each of the wrong shape has that of another; None where not so.

    ``shapes`` are those as returned and as they should be, of each output that has the wrong one.

    >>> exchanged({"dx": [[2, 1], [3, 4]], "dw": [[3, 4], [2, 1]]})
    ('dw', 'dx', 'db')
    """
    true = {tuple(due): name for name, (_, due) in shapes.items()}
    order = {name: true.get(tuple(yours)) for name, (yours, _) in shapes.items()}
    if len(true) < len(shapes) or not shapes or set(order.values()) != set(order):
        return None
    return tuple(str(order.get(name, name)) for name in ("dx", "dw", "db"))


def tame(convs: Sequence[Conv]) -> list[int]:
    """Which geometries to try first, at most three: the least demanding, one of other sizes, one with stride and padding."""

    def demands(number: int) -> tuple[Any, ...]:
        conv = convs[number]
        steps = (*conv.stride, *conv.dilation, conv.groups)
        plain = sum(step > 1 for step in steps) + sum(p > 0 for pair in conv.padding for p in pair)
        alike = len({*conv.x_shape, *conv.w_shape})
        return plain, -alike, conv.terms, number

    order = sorted(range(len(convs)), key=demands)
    chosen = order[:1]
    chosen += [i for i in order if convs[i].kernel != convs[order[0]].kernel][:1]
    both = [i for i in order if convs[i].stride[0] > 1 and convs[i].padding[0][0] > 0]
    return list(dict.fromkeys([*chosen, *both[:1]]))


def offered(conv: Conv) -> str:
    """What an adapter is given, for one that made a mistake."""
    shapes = ", ".join(f"{name} {conv.shapes[name]}" for name in ("x", "w", "b", "dy"))
    return (f"adapter(fn, x, w, b, dy, conv) is given {shapes}; conv.stride {conv.stride}, conv.padding {conv.padding}, "
            f"conv.dilation {conv.dilation}, conv.groups {conv.groups}; due is a dict with some of y, dx, dw, db")  # fmt: skip
