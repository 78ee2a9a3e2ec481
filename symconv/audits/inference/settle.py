"""The convention of a target, settled before its cases are judged: inferred, or said in part by hand; written as an adapter."""

from __future__ import annotations

import json
import linecache
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from symconv.audits.inference.names import PLAIN, ROLES
from symconv.audits.inference.process import infer
from symconv.audits.inference.reading import Reading
from symconv.audits.inference.search import NotInferred
from symconv.audits.sandbox.target import target_of

__all__ = ["Settled", "adapter_named", "adapter_text", "said_by_hand", "settled"]

LAYOUTS, WEIGHTS = ("NCHW", "NHWC"), ("OIHW", "HWIO", "OHWI", "IOHW")


@dataclass(frozen=True)
class Settled:
    """A convention by its name, the axes that the function has, and what was inferred in words and as data."""

    convention: str
    ndim: int = 2
    lines: tuple[str, ...] = ()
    inferred: Mapping[str, Any] | None = None
    reading: Reading | None = None
    #: the names say so, and no call was tried
    tentative: bool = False
    #: what the function takes beside one stride and one padding, of :data:`symconv.audits.grids.TAKEN`
    takes: tuple[str, ...] = ()


def said_by_hand(args: str | None, layout: str | None) -> dict[str, Any]:
    """What ``--args`` and ``--layout`` say; ValueError for words that are not known.

    >>> said_by_hand("q=dy, t=x", "NHWC,HWIO")
    {'args': {'q': 'dy', 't': 'x'}, 'layout': 'NHWC', 'weights': 'HWIO'}
    """
    fixed: dict[str, Any] = {}
    if args:
        pairs = [part.strip().partition("=") for part in args.split(",")]
        for parameter, sign, role in pairs:
            if not sign or role.strip() not in ROLES:
                known = (
                    "x, w, b, dy, stride, padding, dilation, groups, kernel, in_channels, out_channels, cache, hparams"
                )
                raise ValueError(f"--args {parameter}{sign}{role}: PARAMETER=ROLE, a role is one of {known}")
        fixed["args"] = {parameter.strip(): role.strip() for parameter, _, role in pairs}
    for word in (layout or "").replace(" ", "").upper().split(","):
        if word in LAYOUTS:
            fixed["layout"] = word
        elif word in WEIGHTS:
            fixed["weights"] = word
        elif word in ("CHW", "HWC"):
            fixed |= {"layout": f"N{word}", "batch": False}
        elif word:
            raise ValueError(f"--layout {layout}: of {', '.join((*LAYOUTS, 'CHW', 'HWC', *WEIGHTS))}, not {word}")
    return fixed


def adapter_named(name: str) -> str | Callable[..., Any]:
    """An adapter by name: one in the audited file as it is, one of ``FILE.py:NAME`` loaded; ValueError when it does not load."""
    path, colon, function = name.rpartition(":")
    if not colon:
        return name
    if not Path(path).is_file():
        raise ValueError(f"--adapter {name}: there is no file {path}")
    module = types.ModuleType(f"adapter_{Path(path).stem}")
    module.__file__ = str(Path(path).resolve())
    try:
        text = Path(path).read_text()
        linecache.cache[module.__file__] = (len(text), None, text.splitlines(keepends=True), module.__file__)
        exec(compile(text, module.__file__, "exec"), vars(module))
    except Exception as error:
        raise ValueError(f"--adapter {name} does not load: {type(error).__name__}: {error}") from error
    found = getattr(module, function, None)
    if not callable(found):
        raise ValueError(f"--adapter {name}: {path} defines no function {function}")
    adapter: Callable[..., Any] = found
    return adapter


def settled(
    function: str | Callable[..., Any], forward: str | Callable[..., Any] | None = None, mode: str = "backward",
    fixed: Mapping[str, Any] | None = None, bias: bool = True, definitions: bool = False,
    outputs: Sequence[str] | None = None,
) -> Settled:  # fmt: skip
    """How ``function`` is called; ValueError, with what was tried, when that is not found out.

    What is ``fixed`` by hand is believed, as are ``outputs``: what is returned, in order, where that is several arrays.
    """
    target = target_of(function, forward, by_value=callable(function), definitions=definitions)
    try:
        found = infer(target, fixed, mode)
    except NotInferred as error:
        if error.plain or error.second:
            return Settled("double-backward" if error.second else "plain")
        raise
    reading = found.reading
    if outputs:
        reading = _returning(reading, outputs)
    if not bias:
        reading = replace(reading, outputs=tuple(each for each in reading.outputs if each[0] != "db"))
    if _is_plain(reading) and found.ndim == 2 and bias:
        return Settled("plain", found.ndim, reading=reading, takes=taken_by(reading))
    name = str(target.name or getattr(function, "__name__", "it"))
    return Settled(
        reading.text(), found.ndim, tuple(reading.lines(name)), reading.to_dict(), reading, takes=taken_by(reading)
    )


def _returning(reading: Reading, outputs: Sequence[str]) -> Reading:
    """The reading with what is returned in an order that was said: of a dict and of attributes those that are named."""
    in_order = [path for _, path in reading.outputs if path[0] == "return" and isinstance(path[-1], int)]
    if not in_order:
        unknown = [name for name in outputs if name not in dict(reading.outputs)]
        if unknown:
            found = ", ".join(name for name, _ in reading.outputs)
            raise ValueError(
                f"outputs {', '.join(outputs)}: no {unknown[0]} was found where the results are; there are {found}"
            )
        return replace(reading, outputs=tuple(each for each in reading.outputs if each[0] in outputs))
    said = {name: (*in_order[0][:-1], number) for number, name in enumerate(outputs)}
    paths = said | {name: path for name, path in reading.outputs if name not in said and path not in in_order}
    return replace(reading, outputs=tuple((name, paths[name]) for name in ("dx", "dw", "db") if name in paths))


def taken_by(reading: Reading) -> tuple[str, ...]:
    """What a function that is called so takes beside one stride and one padding."""
    roles = {role.partition("/")[0].removeprefix("only ") for role in reading.roles}
    said = {
        "dilation": "dilation" in roles,
        "groups": "groups" in roles,
        "oblong": reading.oblong and {"stride", "padding"} <= roles,
        "asymmetric": "padding" in roles and reading.padding == "pairs",
        "same": "padding" in roles and reading.padding == "word",
    }
    return tuple(name for name, takes in said.items() if takes)


def _is_plain(reading: Reading) -> bool:
    """Whether it is called as the convention "plain" has it, and returns what that does."""
    said = [role for _, role in reading.backward if role != "left out" and not role.startswith("only ")]
    usual = replace(reading, backward=(), outputs=(), oblong=False, keys=())
    order = ("y", "dx", "dw", "db") if reading.outputs[:1] == (("y", ("return",)),) else ("dx", "dw", "db")
    in_order = all(
        output in order and path in ((("return", order.index(output))), ("return",)) for output, path in reading.outputs
    )
    first = reading.outputs[0] if reading.outputs else ("", ())
    in_order = in_order and (first[1] != ("return",) or first[0] == "dx")
    return tuple(said) == PLAIN and usual == Reading("function", ()) and in_order


def adapter_text(reading: Reading, name: str) -> str:
    """A module that calls a function as a reading says: ``--adapter FILE.py:adapter``."""
    told = json.dumps(reading.to_dict(), indent=4, sort_keys=True)
    lines = "\n".join(f"    {line}" for line in reading.lines(name))
    return f'''"""How {name} is called, as symconv inferred it:

{lines}

Use: symconv audit FILE.py:{name} --adapter THIS.py:adapter. What it says can be changed here.
"""

from types import SimpleNamespace

from symconv.audits.inference.reading import PREFIX, Reading, convention_parts

READING = """
{told}
"""


def adapter(fn, x, w, b, dy, conv):
    """x, w, b, dy in PyTorch's layouts (dy is None for a forward pass) to a dict with some of y, dx, dw, db."""
    backward, forward = convention_parts(Reading.of(PREFIX + READING))
    arrays = {{"x": x, "w": w, "b": b}}
    if dy is None:
        return {{"y": forward(fn, conv, arrays)}}
    return backward(SimpleNamespace(main=fn, forward=None), conv, arrays | {{"dy": dy}})
'''
