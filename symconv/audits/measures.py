"""What is said of a geometry or a message to order and group cases."""

from __future__ import annotations

import math
import re

from symconv.layer.conv import Conv

__all__ = ["is_ordinary", "size_of", "without_numbers"]


def without_numbers(message: str) -> str:
    """A message with its numbers left out: the same for the same mistake at other sizes."""
    return re.sub(r"-?\d+", "#", message)


def is_ordinary(conv: Conv) -> bool:
    """What everybody needs: the same stride, dilation and padding on all sides, no groups, and a stride that divides."""
    one = (
        len(set(conv.stride)) == 1
        and len(set(conv.dilation)) == 1
        and len({p for pair in conv.padding for p in pair}) == 1
    )
    return one and conv.groups == 1 and not conv.transposed and not any(conv.remainder)


def size_of(conv: Conv) -> tuple[int, int, int, str]:
    """What "smallest" means: fewest entries in x, w and y, then the fewest terms, then the smallest stride and padding."""
    entries = sum(math.prod(shape) for shape in (conv.x_shape, conv.w_shape, conv.y_shape))
    return entries, conv.terms, sum(conv.stride) + sum(p + q for p, q in conv.padding), conv.slug
