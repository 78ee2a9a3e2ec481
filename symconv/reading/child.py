"""Runs a function on geometries, in a process of its own: JSON in, JSON out. The replay starts it and limits it."""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import sys
import types
import warnings
from typing import Any

import numpy as np

from symconv.reading.calls import CALLS, Call, Layer, by_name

__all__ = ["main"]


class _Concrete:
    """What a reader is to the table of conventions, with numbers for sizes."""

    world: Any = None

    def __init__(self, module: types.ModuleType) -> None:
        self.module = module

    def call(self, function: Any, args: list[Any], keywords: dict[str, Any] | None = None) -> Any:
        return function(*args, **(keywords or {}))

    def attribute(self, holder: Any, name: str) -> Any:
        return getattr(holder, name)

    def takes(self, function: Any, name: str) -> bool:
        known = inspect.signature(function).parameters.values()
        return any(each.name == name or each.kind is each.VAR_KEYWORD for each in known)

    def named(self, name: str) -> Any:
        return getattr(self.module, name)


class _Numbers(Layer):
    """A layer of one size."""

    def __init__(self, call: Call, sizes: dict[str, int], arrays: dict[str, Any]) -> None:
        super().__init__(call)
        self.at, self.arrays = sizes, arrays
        self.pads = tuple(
            tuple(0 if isinstance(pad, int) else sizes[next(iter(pad.terms))] for pad in pair) for pair in self.pads
        )

    def count(self, name: str) -> Any:
        return self.at[name]

    def argument(self, world: Any, name: str) -> Any:
        return np.array(self.arrays[name]["values"], float).reshape(self.arrays[name]["shape"])


def main() -> None:
    """Reads {source, function, calls: [{call, runs}], limits}, writes for each call a list: {outputs} or {raises} of a run."""
    asked = json.load(sys.stdin)
    told: list[Any] = []
    _limited(asked["megabytes"], asked["seconds"])
    warnings.simplefilter("ignore")

    with contextlib.redirect_stdout(io.StringIO()):
        module = types.ModuleType("read")
        exec(compile(asked["source"], "read", "exec"), module.__dict__)
        function = getattr(module, asked["function"])
        for each in asked["calls"]:
            call = Call(**{**each["call"], "targets": tuple(each["call"]["targets"])})
            told.append([_ran(module, function, call, run) for run in each["runs"]])
    json.dump(told, sys.stdout)


def _ran(module: types.ModuleType, function: Any, call: Call, run: dict[str, Any]) -> dict[str, Any]:
    layer = _Numbers(call, run["sizes"], run["arrays"])
    try:
        return {"outputs": _shown(CALLS[call.convention](_Concrete(module), function, layer), call)}
    except Exception as error:  # whatever the function raises is what is asked for
        return {"raises": type(error).__name__}


def _limited(megabytes: int, seconds: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # not on every system

        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20, megabytes * 2**20))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def _shown(returned: Any, call: Call) -> dict[str, Any]:
    found = returned if isinstance(returned, dict) else by_name(returned, call.targets)
    arrays = {name: np.asarray(value, float) for name, value in found.items() if value is not None}
    return {name: {"shape": a.shape, "values": a.ravel().tolist()} for name, a in arrays.items()}


if __name__ == "__main__":
    main()
