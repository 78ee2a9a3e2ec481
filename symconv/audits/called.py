"""How a proof calls a function: by a convention that is named, or as is found out, written out below its source."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from symconv.audits.begin import AUTO, call_of, inferred_call
from symconv.audits.inference.settle import Settled
from symconv.audits.inference.written import CALLED, written
from symconv.audits.sandbox import files
from symconv.reading.regions import parsed

__all__ = ["Called", "Function", "as_settled", "call_to_prove", "called_otherwise", "name_of", "source_of"]

Function = str | os.PathLike[str] | Callable[..., Any]


@dataclass(frozen=True)
class Called:
    """A function of ``source``, called by the convention: what :func:`symconv.reading.prove_source` reads.

    ``forward`` is its own forward function, for the cache. What calls of it have told stands in ``lines``; ``steps``
    are those of "stride" and "dilation" that it takes.
    """

    source: str
    name: str
    shown: str
    convention: str = "plain"
    ndim: int = 2
    forward: str | None = None
    targets: tuple[str, ...] | None = None
    padding: str = "one"
    square: bool = False
    one: tuple[str, ...] = ()
    steps: tuple[str, ...] = ("stride", "dilation")
    lines: tuple[str, ...] = ()

    @property
    def only(self) -> tuple[str, ...]:
        """Of which layers alone such a call is about, in words."""
        said = {
            "of one image": "N" in self.one, "without channels": "C" in self.one, "of square kernels": self.square,
            "without padding": self.padding == "none",
        }  # fmt: skip
        return tuple(words for words, so in said.items() if so)


def call_to_prove(function: Function, targets: Sequence[str] | None = None) -> Called:
    """How a function is called, found out by its names and, where these do not say it, by calls of it in processes of their own.

    ValueError where it has no source, where that is not found out, and where no code says such a call.
    """
    source, name = source_of(function)
    if not any(getattr(each, "name", None) == name for each in parsed(source).body):
        raise ValueError(f"no function {name} in this source")
    settled = call_of(function, AUTO, None, None, _mode(targets), False, targets)
    return as_settled(function, settled, targets=targets)


def called_otherwise(function: Function, targets: Sequence[str] | None = None) -> Called:
    """How a function is called whose names say one thing, and that is not right when it is called so."""
    return as_settled(function, inferred_call(function, None, _mode(targets), False, targets), targets=targets)


def as_settled(
    function: Function, settled: Settled, forward: str | None = None, targets: Sequence[str] | None = None
) -> Called:
    """A settled call as code that is read; ValueError where there is no such code."""
    source, name = source_of(function)
    shown = f"{os.path.basename(str(function).rpartition(':')[0]) or name}:{name}" if not callable(function) else name
    reading, asked = settled.reading, tuple(targets) if targets else None
    if reading is None or settled.convention == "plain":
        return Called(source, name, shown, settled.convention, settled.ndim, forward, asked)
    more = written(reading, name, settled.ndim, source)
    if more is None:
        raise ValueError(f"{shown}: no code that is read says how it is called ({'; '.join(settled.lines)})")
    told = {role.partition("/")[0].removeprefix("only ") for role in reading.roles}
    returned = tuple(output for output, _ in reading.outputs)
    return Called(
        f"{source}\n\n{more}", CALLED, shown, "plain", settled.ndim, None,
        tuple(each for each in returned if asked is None or each in asked),
        padding="one" if "padding" in told and reading.padding != "word" else "none",
        square=reading.square, one=(*(() if reading.batch else ("N",)), *(() if reading.channel else ("C", "F"))),
        steps=tuple(each for each in ("stride", "dilation") if each in told), lines=settled.lines,
    )  # fmt: skip


def _mode(targets: Sequence[str] | None) -> str:
    return "forward" if targets and tuple(targets) == ("y",) else "backward"


def source_of(function: Function) -> tuple[str, str]:
    """The text of a function's file, a notebook's code cells among them, and its name there; ValueError where it has none."""
    if callable(function):
        name = name_of(function)
        try:
            function = f"{inspect.getsourcefile(function)}:{name}"
        except TypeError as error:
            raise ValueError(f"{name}: {error}") from error
    _, text, name = files.named(os.fspath(function))
    return text, name


def name_of(function: Any) -> str:
    """The name of a function or class at the top of its file; ValueError for what was made elsewhere or wrapped."""
    if isinstance(function, str):
        return function
    name = getattr(function, "__qualname__", "<none>")
    if not name.isidentifier() or hasattr(function, "__wrapped__"):
        raise ValueError(f"{name} does not stand at the top of a file")
    return str(name)
