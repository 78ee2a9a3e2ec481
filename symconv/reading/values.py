"""What a program's names can hold, beside integers and arrays."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from symconv.reading.arrays import Axis
from symconv.reading.numbers import Affine, Conjunction

__all__ = [
    "Class",
    "Frame",
    "Function",
    "Instance",
    "Least",
    "Method",
    "Module",
    "Poison",
    "Ratio",
    "Row",
    "Run",
    "Super",
    "Test",
    "Typed",
]


@dataclass
class Frame:
    """The names of one call; names that are not here stand in ``parent``."""

    names: dict[str, Any] = field(default_factory=dict)
    parent: Frame | None = None


@dataclass(frozen=True)
class Function:
    """A function of the file; ``kind`` is what a decorator makes of a method: "static", "class", "property"."""

    node: ast.FunctionDef | ast.Lambda
    frame: Frame
    owner: Class | None = None
    kind: str = ""


@dataclass(eq=False)
class Class:
    """A class of the file."""

    name: str
    bases: tuple[Class, ...]
    names: dict[str, Any]

    def find(self, name: str) -> Any:
        """The attribute, here or in a base; KeyError."""
        if name in self.names:
            return self.names[name]
        for base in self.bases:
            try:
                return base.find(name)
            except KeyError:
                continue
        raise KeyError(name)


@dataclass(eq=False)
class Instance:
    """An object of a class of the file."""

    made: Class
    names: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Super:
    """super(): the bases' attributes, bound."""

    owner: Class
    bound: Instance


@dataclass(frozen=True)
class Method:
    """A function bound to an object."""

    function: Any
    bound: Any


@dataclass(frozen=True)
class Module:
    """A name like np.lib.stride_tricks."""

    name: str


@dataclass(frozen=True)
class Row:
    """A function that the reader knows: ``run(reader, args, keywords)``."""

    name: str
    run: Callable[[Any, list[Any], dict[str, Any]], Any]


@dataclass(frozen=True)
class Typed:
    """A dtype, or what has no other use than to be handed on as one."""

    name: str


@dataclass(frozen=True)
class Test:
    """A condition on integers."""

    holds: Conjunction


@dataclass(frozen=True)
class Ratio:
    """A quotient of integers as a float: ``top / below``, below > 0."""

    top: Any
    below: int


@dataclass(frozen=True)
class Least:
    """The least of sizes and products of them: one at least, and nothing else is known of it."""


@dataclass(frozen=True)
class Run:
    """What a loop runs over: indices over ``axes``, and what each gives; of one index, only multiples of ``step``, a size."""

    axes: tuple[Axis, ...]
    item: Callable[[tuple[tuple[Affine | int, ...], ...]], Any]
    step: Affine | None = None


@dataclass(frozen=True)
class Poison:
    """A value that cannot be said: reading it ends the reading."""

    why: str


Names = Mapping[str, Any]
