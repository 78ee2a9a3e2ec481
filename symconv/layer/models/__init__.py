"""The convolution layers of whole networks, as tables: those that lie in this folder, or a file of one's own.

A table is TOML: ``batch`` for all layers, and ``layers``, each with a ``name``, how many ``times`` it occurs (1 if it does not
say) and the parameters of :class:`symconv.layer.conv.Conv`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from symconv.layer.conv import Conv

__all__ = ["Layer", "Model", "model", "names"]


@dataclass(frozen=True)
class Layer:
    """One layer of a network, and how often it occurs in it."""

    name: str
    times: int
    conv: Conv


@dataclass(frozen=True)
class Model:
    """The convolution layers of a network, in order."""

    name: str
    layers: tuple[Layer, ...]

    @property
    def count(self) -> int:
        """How many convolutions the network has."""
        return sum(layer.times for layer in self.layers)

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "layers": [{"name": e.name, "times": e.times, "conv": e.conv.to_dict()} for e in self.layers],
        }

    def __repr__(self) -> str:
        different = len({layer.conv for layer in self.layers})
        return f"<model {self.name}: {self.count} convolutions, {different} different>"


def names() -> list[str]:
    """The networks whose tables come along.

    >>> names()
    ['convnext_tiny', 'resnet50', 'unet3d']
    """
    files = resources.files(__package__).iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def model(name: str, batch: int | None = None) -> Model:
    """A network by its name, or by the path of a table that ends in ``.toml``; ``batch`` in place of the table's.

    ValueError, in one line, for an unknown name and for a table that cannot be read.

    >>> model("resnet50")
    <model resnet50: 53 convolutions, 23 different>
    """
    if name.endswith(".toml"):
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"cannot read {name!r}: {getattr(error, 'strerror', None) or error}") from error
    elif name in names():
        text = resources.files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    else:
        raise ValueError(f"no model {name!r}; there are {', '.join(names())}, or give a table, FILE.toml")
    try:
        return _read(Path(name).stem, tomllib.loads(text), batch)
    except (ValueError, TypeError) as error:
        raise ValueError(f"model {name!r}: {' '.join(str(error).split())}") from error


def _read(name: str, table: dict[str, Any], batch: int | None) -> Model:
    entries = table.get("layers")
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("it has no list of layers")
    common = {"batch": table.get("batch", 1) if batch is None else batch}
    result = []
    for number, entry in enumerate(entries, start=1):
        called, times = entry.pop("name", f"layer {number}"), entry.pop("times", 1)
        if not isinstance(called, str) or type(times) is not int or times < 1:
            raise ValueError(f"layer {number} has name {called!r} and times {times!r}: a text and a number from 1 on")
        try:
            result.append(Layer(called, times, Conv(**common | entry)))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{called}: {error}") from error
    return Model(name, tuple(result))
