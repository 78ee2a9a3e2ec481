"""Small layers at random: one to three axes, channels, groups, batches, borders, transposed."""

from __future__ import annotations

import random
from typing import Any

from symconv import Conv
from symconv.layer.padding import MODES

__all__ = ["random_layer"]


def random_layer(source: random.Random) -> dict[str, Any]:
    """What a layer is made with; drawn again until there is such a layer."""
    while True:
        layer = drawn(source)
        try:
            Conv(**layer)
        except ValueError:
            continue
        return layer


def drawn(source: random.Random) -> dict[str, Any]:
    dims = source.choice((1, 1, 2, 2, 3))
    largest = {1: 5, 2: 4, 3: 3}[dims]
    layer: dict[str, Any] = {
        "input": tuple(source.randint(2, largest) for _ in range(dims)),
        "kernel": tuple(source.randint(1, 3 if dims == 1 else 2) for _ in range(dims)),
        "stride": tuple(source.randint(1, 2) for _ in range(dims)),
        "dilation": tuple(source.choice((1, 1, 2)) for _ in range(dims)),
        "padding": tuple((source.randint(0, 1), source.randint(0, 1)) for _ in range(dims)),
        "batch": source.choice((1, 1, 2)),
    }
    groups = source.choice((1, 1, 2))
    channels = {"in_channels": groups * source.randint(1, 2), "out_channels": groups * source.randint(1, 2)}
    layer |= {"groups": groups, **channels} if dims < 3 else {}
    if source.random() < 0.25:
        layer["transposed"] = True
    elif source.random() < 0.4:
        layer["padding_mode"] = source.choice(sorted(set(MODES) - {"zeros"}))
    return layer
