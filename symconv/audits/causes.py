"""Known ways to get a convolution gradient wrong, each with the check that confirms it on a case.

A cause is a change to the relation or to what is read from it: stride left out, padding left out, taps flipped, a
factor 1/N, rows cropped elsewhere. Its check computes what code with that mistake computes, from the loss with that change,
and compares. A cause is named only on cases where the comparison holds.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from symconv.audits.arrays import FIRST, OUTPUTS, SECOND
from symconv.audits.border_causes import BORDER_CAUSES
from symconv.audits.cause_checks import (
    Observed,
    computes,
    cropped_on_one_side,
    depends_on,
    empty_crop,
    entries,
    flips,
    forgets_dilation,
    forgets_padding,
    forgets_stride,
    full_padding,
    ignores,
    misses_rows,
    no_bias,
    not_cropped,
    not_summed,
    of_the_layer,
    one_axis,
    one_image,
    overwrites,
    padded_gradient,
    rows_too_many,
    says,
    scaled,
    swapped_axes,
    swapped_channels,
    swapped_dy,
)
from symconv.audits.entry_causes import ENTRY_CAUSES
from symconv.audits.second import Row, second_rows
from symconv.layer.conv import Axis, Conv

__all__ = ["CAUSES", "Observed", "confirmed"]


@dataclass(frozen=True)
class Cause:
    """``text`` says the mistake; ``check`` whether it accounts for an observation."""

    key: str
    outputs: tuple[str, ...]
    text: str
    check: Callable[[Observed], bool]


#: causes that are told from what is due alone: the others change the layer's own relation, and do not speak of another's
_OF_ANY_TRUTH = ("of-the-layer", "scaled-", "swapped-axes", "swapped-channels", "not-summed", "depends-", "ignores-")


def confirmed(seen: Observed, other_truth: bool = False) -> list[str]:
    """The keys of the causes that account for an observation; the first in the table comes first. With ``other_truth`` what is
    due is the derivative of another forward pass than the layer's."""
    found = []
    for cause in CAUSES.values():
        if seen.name in cause.outputs and (not other_truth or cause.key.startswith(_OF_ANY_TRUTH)):
            try:
                holds = cause.check(seen)
            except (ValueError, KeyError, IndexError):
                continue  # the mistake is not possible on this geometry
            if holds:
                found.append(cause.key)
    return found


_ALL = OUTPUTS
#: array -> the outputs of functions that are handed it
_TAKERS = {
    array: tuple(output for face in (FIRST, SECOND) if array in face.arrays for output in face.outputs)
    for array in dict.fromkeys((*FIRST.arrays, *SECOND.arrays))
}
_POSITIONS: dict[str, Callable[[Conv], float]] = {
    "1/N": lambda conv: 1 / conv.batch,
    "N": lambda conv: conv.batch,
    "1/(number of output positions)": lambda conv: 1 / np.prod(conv.output, dtype=float),
    "1/(N * number of output positions)": lambda conv: 1 / (conv.batch * np.prod(conv.output, dtype=float)),
    "-1": lambda conv: -1,
    "2": lambda conv: 2,
    "1/2": lambda conv: 0.5,
}

#: key -> the outputs, what is said, the change of an axis, and on which axes it changes anything
_ON_ONE_AXIS: dict[str, tuple[tuple[str, ...], str, Callable[[Axis], Axis], Callable[[Axis], bool]]] = {
    "forgets-stride": (
        ("y", "dx", "dw"), "forgets the stride in {output}",
        lambda axis: replace(axis, s=1), lambda axis: axis.s > 1 and axis.O > 1,
    ),
    "forgets-dilation": (
        ("y", "dx", "dw"), "forgets the dilation in {output}",
        lambda axis: replace(axis, d=1), lambda axis: axis.d > 1 and axis.K > 1,
    ),
    "forgets-padding": (
        ("y", "dw"), "forgets the padding in {output}", lambda axis: replace(axis, p=0), lambda axis: axis.p > 0,
    ),
    "flips": (
        ("y", "dx", "dw"), "{output} has the taps of w in reverse order", lambda axis: axis, lambda axis: axis.K > 1,
    ),
}  # fmt: skip

#: from the most telling to the least; of several that account for the same cases the first is named
_ROWS: list[Row] = list(
    itertools.chain(
        [
            (
                "of-the-layer",
                _ALL,
                "{output} is that of the layer, y[o] = Σ w[k]·x[s·o + d·k − p], and not of this forward pass",
                of_the_layer,
            )
        ],
        [(key, each.outputs, each.text, computes(each)) for key, each in BORDER_CAUSES.items()],
        [
            ("empty-crop", ("dx",), "crops with [pad:-pad], which is empty at pad 0", empty_crop),
            ("padded-gradient", ("dx",), "returns the padded gradient: the padding is not cropped", padded_gradient),
            ("one-sided-crop", ("dx",), "crops the padding on one side only", cropped_on_one_side),
            ("misses-rows", ("dx",), "misses the last rows when the stride does not divide", misses_rows),
            ("rows-too-many", ("dw",), "has rows too many when the stride does not divide", rows_too_many),
            ("forgets-stride", ("y", "dx", "dw"), "forgets the stride in {output}", forgets_stride),
            ("forgets-dilation", ("y", "dx", "dw"), "forgets the dilation in {output}", forgets_dilation),
            ("forgets-padding", ("y", "dw"), "forgets the padding in {output}", forgets_padding),
            (
                "not-cropped",
                ("dx",),
                "takes the first rows of the padded gradient, where the padding is",
                not_cropped,
            ),
            ("full-padding", ("dx",), "pads dy by p where d(K − 1) − p is due", full_padding),
            ("flips", ("y", "dx", "dw"), "{output} has the taps of w in reverse order", flips),
            (
                "true-division",
                _ALL,
                "a size is computed with / where // is due (as Python 2 divides)",
                says(r"'(numpy\.)?float\d*' object cannot be interpreted as an integer|slice indices must be integers"),
            ),
        ],
        [
            (f"{key}-on-one-axis", outputs, f"{text} on one axis", one_axis(change, matters, key == "flips"))
            for key, (outputs, text, change, matters) in _ON_ONE_AXIS.items()
        ],
        [(key, outputs, text, entries(check)) for key, (outputs, text, check) in ENTRY_CAUSES.items()],
        [(f"scaled-{name}", _ALL, f"scaled by {name}", scaled(factor)) for name, factor in _POSITIONS.items()],
        [
            ("swapped-axes", ("y", "dx", "dw"), "swaps H and W: the result is transposed", swapped_axes),
            ("swapped-dy", ("dx", "dw"), "swaps H and W: dy[i, j] is taken where dy[j, i] is due", swapped_dy),
            ("swapped-channels", ("dw",), "swaps the channel axes of dw", swapped_channels),
            ("not-summed", ("db",), "db is not summed over all of batch and space", not_summed),
            ("one-image", ("dw", "db", "dx"), "one image of the batch alone counts", one_image),
            ("overwrites", ("dx", "dw"), "overwrites where it should add up: the last window wins", overwrites),
            ("no-bias", ("y",), "leaves out b", no_bias),
        ],
        [
            (f"depends-{array}", outputs, f"a wrong variable: {{output}} depends on {array}", depends_on(array))
            for array, outputs in _TAKERS.items()
        ],
        [
            (f"ignores-{array}", outputs, f"{{output}} does not depend on {array}", ignores(array))
            for array, outputs in _TAKERS.items()
        ],
    )
)

CAUSES: dict[str, Cause] = {row[0]: Cause(*row) for row in second_rows(_ROWS)}
