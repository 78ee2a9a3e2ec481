"""What functions of each kind are handed and what they return, by the names of the arrays.

A backward pass takes x, w, b and the upstream gradient dy. A double backward takes the directions v_x, v_w, v_b of dx, dw, db in
front of dy, x and w, which is all that the loss of the double backward is made of.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FIRST", "MODES", "OUTPUTS", "SECOND", "Face", "face_of", "face_with"]


@dataclass(frozen=True)
class Face:
    """``arrays`` in the order in which they are handed over, ``returns`` in that in which they come back.

    ``outputs`` is all that may be judged, in the order in which it is told; ``sums`` how many sums of products the largest is.
    """

    arrays: tuple[str, ...]
    returns: tuple[str, ...]
    outputs: tuple[str, ...]
    sums: int


FIRST = Face(("x", "w", "b", "dy"), ("dx", "dw", "db"), ("y", "dx", "dw", "db"), 1)
SECOND = Face(("v_x", "v_w", "v_b", "dy", "x", "w"), ("ddy", "ddx", "ddw"), ("ddy", "ddx", "ddw"), 2)

#: what is judged -> what such a function takes: a backward pass against the derivative, a forward pass against the layer, a
#: backward against its own forward, a double backward against the second derivatives
MODES: dict[str, Face] = {"backward": FIRST, "forward": FIRST, "adjoint": FIRST, "second": SECOND}

#: the order in which outputs are told
OUTPUTS = (*FIRST.outputs, *SECOND.outputs)


def face_of(mode: str) -> Face:
    """What functions that are judged in this mode take."""
    return MODES[mode]


def face_with(output: str) -> Face:
    """What functions that return this output take."""
    return SECOND if output in SECOND.outputs else FIRST
