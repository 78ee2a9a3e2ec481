"""Every schedule of a file that holds several, asked for by name, held against the derivative on symbols."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symconv.fast.schedules import FAST
from symconv.kernels.manners import Faces, Result
from symconv.layer.conv import Conv

__all__ = ["each_schedule", "schedules_of"]


def schedules_of(faces: Faces, conv: Conv) -> list[str]:
    """The schedules of the file that can make a layer of symbols, by its own word."""
    axes = [(a.H, a.K, a.O, a.s, a.d, a.p) for a in conv.axes]
    return [name for name in FAST if not faces.module._fits(name, conv.w_shape[1], axes, np.dtype(object))]


def each_schedule(on_symbols: Callable[[Faces, Conv], Result], faces: Faces, conv: Conv) -> Result:
    """y, dx, dw, db by every schedule that can make the layer: in many blocks and on two
    threads, the way large arrays go; and in one."""
    module: Any = faces.module
    plain = dict(faces.parameters)
    kept = {name: getattr(module, name) for name in ("_SMALL", "_LEAST", "_FEW", "_PIECE", "_WIDE", "_gathers")}
    # nothing is too small to be cut up, shared out or left where it lies; and all is
    ways = (
        (
            {"_SMALL": 0, "_LEAST": 1, "_FEW": 1, "_PIECE": 2, "_WIDE": 2, "_gathers": lambda *_: False},
            {"workspace": 256, "threads": 2},
        ),
        ({"_PIECE": 2, "_WIDE": 2, "_gathers": lambda *_: True}, {"workspace": 1 << 20, "threads": 1}),
    )
    count = 0
    try:
        for name in schedules_of(faces, conv):
            for limits, options in ways:
                vars(module).update(kept | limits)
                faces.parameters = {**plain, "algorithm": name, **options}
                entries, failure = on_symbols(faces, conv)
                count += entries
                if failure:
                    return count, f"{name}, workspace {options['workspace']}: {failure}"
    finally:
        faces.parameters = plain
        vars(module).update(kept)
    return count, None
