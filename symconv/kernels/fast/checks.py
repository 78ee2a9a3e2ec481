"""Every schedule of a file that holds several, asked for by name, held against the derivative on symbols."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symconv.geometry import Conv
from symconv.kernels.fast.schedules import FAST
from symconv.kernels.manners import Faces, Result

__all__ = ["each_schedule", "schedules_of"]


def schedules_of(faces: Faces, conv: Conv) -> list[str]:
    """The schedules of the file that can make a layer of symbols, by its own word."""
    axes = [(a.H, a.K, a.O, a.s, a.d, a.p) for a in conv.axes]
    return [name for name in FAST if not faces.module._fits(name, conv.w_shape[1], axes, np.dtype(object))]


def each_schedule(on_symbols: Callable[[Faces, Conv], Result], faces: Faces, conv: Conv) -> Result:
    """y, dx, dw, db by every schedule that can make the layer: in many blocks, the way large arrays go; and in one."""
    module: Any = faces.module
    count, plain, small = 0, dict(faces.parameters), module._SMALL
    try:
        for name in schedules_of(faces, conv):
            for workspace, large in ((256, 0), (1 << 20, small)):
                module._SMALL = large
                faces.parameters = {**plain, "algorithm": name, "workspace": workspace}
                entries, failure = on_symbols(faces, conv)
                count += entries
                if failure:
                    return count, f"{name}, workspace {workspace}: {failure}"
    finally:
        faces.parameters, module._SMALL = plain, small
    return count, None
