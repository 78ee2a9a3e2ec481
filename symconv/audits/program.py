"""Any program as the audited function: it reads a case as one line of JSON and answers in JSON.

A case on standard input has the form of a conformance vector (:mod:`symconv.courses.vectors`) without the results:

    {"layer": {"ndim": 2, "input": [4, 5], "kernel": [3, 2], "output": [4, 6], "batch": 1, "in_channels": 1, "out_channels": 1,
               "stride": [1, 1], "padding": [[1, 1], [1, 1]], "dilation": [1, 1], "groups": 1, "transposed": false,
               "output_padding": [0, 0], "padding_mode": "zeros"},
     "arrays": {"x": {"shape": [N, C, H, W], "data": [entries in C order]}, "w": ..., "b": ..., "dy": ...}}

An answer on standard output has some of y, dx, dw, db in the same form, or as nested lists; ``{"refuses": "why"}`` declines a
layer. Exit status 0; any other is an error, told with the last line of standard error.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.audits.arrays import FIRST, OUTPUTS, SECOND
from symconv.layer.conv import Conv

__all__ = ["Program", "layer_of", "plain", "program", "placeholder"]

Array = NDArray[Any]

#: what may be answered
RESULTS = OUTPUTS


def plain(array: Array) -> dict[str, Any]:
    """An array as JSON: its shape, and its entries in C order; whole numbers are written as integers."""
    entries = [int(v) if float(v).is_integer() else float(v) for v in np.asarray(array).reshape(-1)]
    return {"shape": list(np.shape(array)), "data": entries}


def layer_of(conv: Conv) -> dict[str, Any]:
    """The layer as a program of any language reads it: every number written out, lists by axis."""
    return conv.to_dict() | {"ndim": conv.ndim, "output": list(conv.output)}


@dataclass(frozen=True)
class Program:
    """An adapter that runs a program on each case."""

    words: tuple[str, ...]

    def __call__(self, fn: Callable[..., Any], *given: Any) -> dict[str, Any]:
        *arrays, conv = given
        face = FIRST if len(arrays) == len(FIRST.arrays) else SECOND
        named = dict(zip(face.arrays, arrays, strict=True))
        case = {
            "layer": layer_of(conv),
            "arrays": {name: plain(array) for name, array in named.items() if array is not None},
        }
        ended = subprocess.run(self.words, input=json.dumps(case) + "\n", capture_output=True, text=True, check=False)
        if ended.returncode:
            last = (ended.stderr.strip().splitlines() or ["nothing on standard error"])[-1]
            raise RuntimeError(f"exit status {ended.returncode}: {last}")
        return self._answer(ended.stdout)

    def _answer(self, text: str) -> dict[str, Any]:
        try:
            told = json.loads(text)
        except ValueError:
            raise ValueError(f"the answer is no JSON: {text[:60]!r}") from None
        if not isinstance(told, dict):
            raise ValueError(f"the answer is {type(told).__name__}, not an object with some of {', '.join(RESULTS)}")
        if "refuses" in told:
            raise NotImplementedError(str(told["refuses"]))
        found = {name: _array(name, told[name]) for name in RESULTS if told.get(name) is not None}
        if not found:
            raise ValueError(
                f"the answer has none of {', '.join(RESULTS)}; it has {', '.join(map(str, told)) or 'nothing'}"
            )
        return found

    @property
    def __name__(self) -> str:
        return "program"


def _array(name: str, value: Any) -> Array:
    try:
        if isinstance(value, dict):
            return np.array(value["data"], dtype=np.float64).reshape(value["shape"])
        return np.array(value, dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name} is no array: {error}") from None


def program(command: str) -> Program:
    """The program of a command line, split as a shell would but run by none; ValueError when there is no such program."""
    words = tuple(_split(command))
    if not words or shutil.which(words[0]) is None:
        raise ValueError(f"--command {command!r}: there is no program {words[0] if words else ''!r}")
    return Program((shutil.which(words[0]) or words[0], *words[1:]))


def _split(command: str) -> Sequence[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise ValueError(f"--command {command!r}: {error}") from None


def placeholder(*_: Any) -> None:
    """What is audited in name where a program is run."""
