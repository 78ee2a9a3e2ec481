"""Grids of geometries: the default one, chosen so that the known mistakes show, and those that options span."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from symconv.layer.conv import Conv
from symconv.layer.padding import mode_named

__all__ = ["MAX_CASES", "NAMED", "Size", "default_grid", "grid_of"]

#: a grid with more cases than this is refused
MAX_CASES = 2_000_000


@dataclass(frozen=True)
class Size:
    """Everything about a case but stride, padding, dilation and groups."""

    input: tuple[int, ...]
    kernel: tuple[int, ...]
    batch: int
    in_channels: int
    out_channels: int


#: Twenty sizes, small ones first, that differ on every axis and from each other in H and W, K, N, C and F. Each kernel fits its
#: input without padding. With strides 1 to 3 and padding 0 to 2 they have remainders (within the padding and beyond it) and none,
#: square and oblong inputs, kernels and outputs, kernels wider and narrower than the stride, padding below, at and above
#: K - 1, one image and several.
_SIZES: tuple[Size, ...] = (
    Size((3, 2), (2, 1), 1, 1, 1),
    Size((4, 3), (2, 2), 1, 1, 1),
    Size((3, 3), (1, 1), 1, 1, 1),
    Size((4, 5), (3, 2), 1, 1, 1),
    Size((2, 1), (1, 1), 2, 2, 3),
    Size((5, 6), (3, 2), 2, 3, 2),
    Size((6, 5), (2, 3), 3, 1, 2),
    Size((5, 5), (3, 3), 2, 2, 3),
    Size((7, 6), (3, 3), 1, 2, 3),
    Size((6, 6), (2, 2), 3, 2, 1),
    Size((7, 7), (5, 5), 2, 1, 2),
    Size((8, 7), (5, 3), 1, 2, 1),
    Size((5, 7), (1, 3), 2, 1, 3),
    Size((6, 4), (1, 1), 2, 2, 3),
    Size((4, 4), (4, 4), 3, 2, 1),
    Size((5, 3), (5, 3), 2, 1, 2),
    Size((7, 4), (4, 3), 1, 3, 2),
    Size((4, 7), (3, 3), 3, 1, 2),
    Size((8, 8), (3, 3), 2, 1, 1),
    Size((6, 7), (4, 4), 1, 2, 2),
)
#: the most telling of them: square and oblong, with and without remainders, and N, C, F each 1 or more apart from the others
_QUICK = (1, 3, 6, 9, 13)

NAMED = ("default", "quick")

STRIDES, PADDINGS = (1, 2, 3), (0, 1, 2)


def sizes(ndim: int, name: str = "default") -> list[Size]:
    """The sizes of a named grid: on one axis the first of each pair, on three a third, small one beside it."""
    chosen: Iterable[Size] = _SIZES if name == "default" else [_SIZES[i] for i in _QUICK]
    if ndim == 2:
        return list(chosen)
    result = []
    for i, size in enumerate(chosen):
        if ndim == 1:
            result.append(replace(size, input=size.input[:1], kernel=size.kernel[:1]))
        else:
            more = [(3, 2), (2, 2), (2, 1), (4, 2)][i % 4]
            extra_input, extra_kernel = (more[0],) * (ndim - 2), (more[1],) * (ndim - 2)
            result.append(replace(size, input=(*extra_input, *size.input), kernel=(*extra_kernel, *size.kernel)))
    return list(dict.fromkeys(result))


def grid_of(
    name: str = "default",
    *,
    ndim: int = 2,
    input: Sequence[Any] | None = None,
    kernel: Sequence[Any] | None = None,
    stride: Sequence[Any] = STRIDES,
    padding: Sequence[Any] = PADDINGS,
    dilation: Sequence[Any] = (1,),
    groups: Sequence[int] = (1,),
    output_padding: Sequence[Any] = (0,),
    padding_mode: str = "zeros",
    batch: int | None = None,
    in_channels: int | None = None,
    out_channels: int | None = None,
    transposed: bool = False,
    bias: bool = True,
    reasons: list[str] | None = None,
) -> Iterator[Conv]:
    """Every legal convolution of a grid, each once.

    Each argument lists the values it takes (an int, or one int for each axis). ``input`` or ``kernel`` left out are those of
    the grid ``name``, paired as they are there; both given, all pairs. Channels are multiplied by the number of groups where this
    does not divide them. ``reasons`` takes up why some combination is none. ValueError for an unknown name.
    """
    if name not in NAMED:
        raise ValueError(f"no grid {name!r}; there are {', '.join(NAMED)}")
    mode_named(padding_mode)
    if ndim < 1:
        raise ValueError(f"a convolution has at least one axis, not {ndim}")
    base = sizes(ndim, name)
    if input is not None and kernel is not None:
        base = [Size(i, k, 2, 3, 2) for i, k in itertools.product(input, kernel)]
    elif input is not None:
        base = [replace(size, input=i) for i in input for size in base]
    elif kernel is not None:
        base = [replace(size, kernel=k) for k in kernel for size in base]
    seen = set()
    for size, s, p, d, g, extra in itertools.product(base, stride, padding, dilation, groups, output_padding):
        counts: dict[str, Any] = {
            "batch": batch or size.batch,
            "in_channels": in_channels or size.in_channels * (g // math.gcd(size.in_channels, g)),
            "out_channels": out_channels or size.out_channels * (g // math.gcd(size.out_channels, g)),
        }
        try:
            conv = Conv(size.input, size.kernel, **counts, stride=s, padding=p, dilation=d, groups=g, bias=bias,
                        transposed=transposed, output_padding=extra, padding_mode=padding_mode)  # fmt: skip
        except ValueError as error:  # not a convolution: a kernel larger than the padded input, say
            if reasons is not None and len(reasons) < 2 and str(error) not in reasons:
                reasons.append(str(error))
            continue
        if conv not in seen:
            seen.add(conv)
            yield conv


def default_grid(name: str = "default", **options: Any) -> list[Conv]:
    """The grid as a list; ValueError when it is empty or has more than MAX_CASES cases.

    >>> len(default_grid()), len(default_grid("quick"))
    (180, 45)
    """
    reasons: list[str] = []
    found = list(itertools.islice(grid_of(name, **options, reasons=reasons), MAX_CASES + 1))
    if len(found) > MAX_CASES:
        raise ValueError(f"the grid has more than {MAX_CASES:,} cases")
    if not found:
        why = f" ({'; '.join(reasons)})" if reasons else ""
        raise ValueError(f"the grid is empty: no combination of its sizes is a convolution{why}")
    return found


def is_square(conv: Conv) -> bool:
    """Whether kernel, stride, padding and dilation are the same on every axis."""
    return all(len(set(values)) == 1 for values in (conv.kernel, conv.stride, conv.padding, conv.dilation))
