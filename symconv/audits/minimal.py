"""The committed result of the search ``symconv.courses.cover.minimal``: the fewest cases on which every known mistake shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from symconv.layer.conv import Conv

__all__ = ["EXTRA", "MINIMAL", "minimal_cases"]

#: axes -> cases for functions of one stride and one padding: what to give Conv, and which point (0 ordinary numbers, 2 large)
MINIMAL: dict[int, list[tuple[dict[str, Any], int]]] = {
    1: [
        ({"input": 2, "kernel": 1, "batch": 2, "in_channels": 2, "out_channels": 3, "stride": 2, "padding": 1}, 0),
        ({"input": 8, "kernel": 3, "batch": 2, "in_channels": 1, "out_channels": 1, "stride": 2}, 2),
    ],
    2: [
        ({"input": (4, 5), "kernel": (3, 2), "stride": 2, "padding": 2}, 0),
        ({"input": (6, 4), "kernel": 1, "batch": 2, "in_channels": 2, "out_channels": 3, "stride": 3}, 2),
    ],
    3: [
        ({"input": (3, 2, 1), "kernel": (2, 1, 1), "batch": 2, "in_channels": 2, "out_channels": 3, "stride": 2}, 0),
        ({"input": (2, 4, 4), "kernel": (1, 4, 4), "batch": 3, "in_channels": 2, "stride": 2, "padding": 1}, 2),
    ],
}

#: a further parameter -> axes -> the one case more that shows the mistakes made with it; oblong: a stride for each axis
EXTRA: dict[str, dict[int, dict[str, Any]]] = {
    "dilation": {
        1: {"input": 3, "kernel": 2, "stride": 3, "padding": 2, "dilation": 2},
        2: {"input": (3, 2), "kernel": (2, 1), "dilation": 2},
        3: {"input": (3, 3, 2), "kernel": (2, 2, 1), "dilation": 2},
    },
    "groups": {
        1: {"input": 3, "kernel": 1, "in_channels": 2, "out_channels": 2, "stride": 3, "groups": 2},
        2: {"input": (3, 3), "kernel": 1, "in_channels": 2, "out_channels": 2, "stride": 3, "groups": 2},
        3: {"input": (2, 3, 3), "kernel": 1, "in_channels": 2, "out_channels": 2, "stride": 3, "groups": 2},
    },
    "oblong": {
        2: {"input": (3, 3), "kernel": 1, "stride": (2, 1)},
        3: {"input": (2, 3, 3), "kernel": 1, "stride": (3, 2, 3)},
    },
    "asymmetric": {
        1: {"input": 3, "kernel": 2, "stride": 3, "padding": [(0, 1)]},
        2: {"input": (3, 2), "kernel": (2, 1), "stride": 3, "padding": [(0, 1), (2, 0)]},
        3: {"input": (2, 3, 3), "kernel": 1, "stride": 3, "padding": [(0, 1), (2, 0), (0, 1)]},
    },
}


def minimal_cases(ndim: int = 2, parameters: Iterable[str] = ()) -> list[tuple[Conv, int]]:
    """The fewest geometries on which every known mistake shows, each with the number of its point.

    ``parameters`` are what the function takes beside one stride and one padding, some of dilation, groups, oblong (a stride
    for each axis), asymmetric (padding before and after); each adds one case. ValueError for others, and beyond three axes.

    >>> [(conv.slug, number) for conv, number in minimal_cases()]
    [('in4x5-k3x2-s2x2-p2x2', 0), ('in6x4-k1x1-n2c2f3-s3x3', 2)]
    """
    asked = list(dict.fromkeys(parameters))
    for name in asked:
        if name not in EXTRA:
            raise ValueError(f"no parameter {name!r} of a minimal set; there are {', '.join(EXTRA)}")
    if ndim not in MINIMAL:
        raise ValueError(f"no minimal set for {ndim} axes; there are those for 1, 2 and 3")
    rows = [*MINIMAL[ndim], *((EXTRA[name][ndim], 0) for name in asked if ndim in EXTRA[name])]
    return [(Conv(**row), number) for row, number in rows]
