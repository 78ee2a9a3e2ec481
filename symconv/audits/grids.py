"""Grids of geometries: the default one, chosen so that the known mistakes show, and those that options span."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from symconv.audits.minimal import EXTRA, minimal_cases
from symconv.audits.truth import exact_value
from symconv.layer.conv import Conv
from symconv.layer.padding import mode_named

__all__ = [
    "MAX_AUDITED", "NAMED", "TAKEN", "Grid", "Size", "any_grid", "default_grid", "enough", "grid_of", "numbered", "taken",
]  # fmt: skip

#: an audit of more cases than this is refused
MAX_AUDITED = 2_000_000

#: a grid of more cases than this is no list
LISTED = 20_000


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
    Size((9, 8), (7, 6), 1, 2, 1),
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

NAMED = ("default", "quick", "minimal")

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


def _paired(base: list[Size], input: Sequence[Any] | None, kernel: Sequence[Any] | None) -> list[Size]:
    """The sizes with these inputs, these kernels, or all pairs of both."""
    if input is not None and kernel is not None:
        return [Size(i, k, 2, 3, 2) for i, k in itertools.product(input, kernel)]
    if input is not None:
        return [replace(size, input=i) for i in input for size in base]
    return base if kernel is None else [replace(size, kernel=k) for k in kernel for size in base]


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
    padding_value: float | None = None,
    batch: int | None = None,
    in_channels: int | None = None,
    out_channels: int | None = None,
    transposed: bool = False,
    bias: bool = True,
    reasons: list[str] | None = None,
) -> Iterator[Conv]:
    """Every legal convolution of a grid, each once.

    Each argument lists the values it takes (an int, or one int for each axis); the constant of a border is a number, or several
    in turn where it is left out. ``input`` or ``kernel`` left out are those of
    the grid ``name``, paired as they are there; both given, all pairs. Channels are multiplied by the number of groups where this
    does not divide them. ``reasons`` takes up why some combination is none. ValueError for an unknown name.
    """
    if name not in NAMED:
        raise ValueError(f"no grid {name!r}; there are {', '.join(NAMED)}")
    mode_named(padding_mode)
    if ndim < 1:
        raise ValueError(f"a convolution has at least one axis, not {ndim}")
    base = _paired(sizes(ndim, name), input, kernel)
    first: dict[object, int] = {}  # of sizes that come to the same
    count = itertools.count()
    for number, size in enumerate(base):
        seen = set()  # of one size alone: a grid may have a million cases
        for s, p, d, g, extra in itertools.product(stride, padding, dilation, groups, output_padding):
            of_groups = max(g, 1)  # another is refused by what follows, in its own words
            counts: dict[str, Any] = {
                "batch": batch or size.batch,
                "in_channels": in_channels or size.in_channels * (of_groups // math.gcd(size.in_channels, of_groups)),
                "out_channels": out_channels
                or size.out_channels * (of_groups // math.gcd(size.out_channels, of_groups)),
            }
            try:
                conv = Conv(size.input, size.kernel, **counts, stride=s, padding=p, dilation=d, groups=g, bias=bias,
                            transposed=transposed, output_padding=extra, padding_mode=padding_mode,
                            padding_value=padding_value)  # fmt: skip
            except ValueError as error:  # not a convolution: a kernel larger than the padded input, say
                if reasons is not None and len(reasons) < 2 and str(error) not in reasons:
                    reasons.append(str(error))
                continue
            alike = (conv.input, conv.kernel, conv.batch, conv.in_channels, conv.out_channels, g)
            if first.setdefault(alike, number) == number and conv not in seen:
                seen.add(conv)
                yield numbered(conv, next(count))


#: what a border of a constant holds in turn, where nobody says it
CONSTANTS = (1.5, -2, 0.25)


def numbered(conv: Conv, number: int) -> Conv:
    """The layer with a number as the constant of its border; ValueError for one with which floats do not compute exactly."""
    if not conv.mode.filled:
        return conv
    if conv.padding_value is None:
        return replace(conv, padding_value=CONSTANTS[number % len(CONSTANTS)])
    exact_value(conv.padding_value)
    return conv


#: what a function may take beside one stride and one padding
TAKEN = ("dilation", "groups", "oblong", "asymmetric", "same")

#: the cases that a named grid has more for a function that takes something: sizes, and what is tried on each
_FURTHER: dict[str, tuple[tuple[Size, ...], tuple[dict[str, Any], ...]]] = {
    "dilation": (
        (Size((7, 6), (3, 2), 2, 2, 3), Size((9, 8), (3, 3), 1, 1, 1), Size((8, 9), (2, 3), 1, 3, 2)),
        tuple({"dilation": d, "stride": s, "padding": p} for d in (2, 3) for s, p in ((1, 0), (1, 1), (2, 1), (3, 2))),
    ),
    "groups": (
        (Size((5, 4), (3, 2), 2, 1, 1), Size((4, 5), (2, 3), 1, 2, 1), Size((5, 5), (1, 2), 3, 1, 2),
         Size((6, 5), (3, 3), 1, 2, 3)),
        tuple({"groups": g, "stride": s, "padding": p} for g in (2, 3) for s, p in ((1, 0), (2, 1), (3, 0))),
    ),
    "oblong": (
        (Size((6, 7), (3, 2), 2, 1, 3), Size((7, 5), (2, 3), 1, 2, 1)),
        tuple({"stride": s, "padding": p} for s in ((1, 2, 1), (2, 1, 3), (3, 2, 1)) for p in ((0, 0, 0), (1, 0, 1), (0, 2, 1))),
    ),
    "asymmetric": (
        (Size((6, 5), (3, 2), 2, 1, 3), Size((5, 6), (2, 3), 1, 2, 1)),
        tuple({"stride": s, "padding": p} for s in (1, 2) for p in (((0, 1),) * 3, ((2, 0), (1, 2), (0, 1)))),
    ),
    "same": (  # of which many have one row more behind than before
        (Size((6, 5), (3, 2), 2, 1, 3), Size((5, 6), (2, 3), 1, 2, 1), Size((7, 8), (4, 3), 1, 1, 2),
         Size((5, 7), (3, 3), 2, 3, 1)),
        tuple({"stride": s, "padding": "same_tf"} for s in (1, 2)),
    ),
}  # fmt: skip


def taken(takes: Iterable[str], ndim: int = 2, every: int = 1) -> list[Conv]:
    """Cases for a function that takes some of :data:`TAKEN`, each ``every``-th of them; channels are those of one group.

    >>> [conv.slug for conv in taken(["groups"], every=10)]
    ['in5x4-k3x2-n2c2f2-g2', 'in4x5-k2x3-n1c6f3-s2x2-p1x1-g3', 'in6x5-k3x3-n1c4f6-s3x3-g2']
    """
    asked = set(takes)
    if unknown := asked - set(TAKEN):
        raise ValueError(f"nothing called {sorted(unknown)[0]!r} is taken; there are {', '.join(TAKEN)}")
    found: list[Conv] = []
    for name in (name for name in TAKEN if name in asked and not (name == "oblong" and ndim == 1)):
        chosen: list[Conv] = []
        for size, each in itertools.product(*_FURTHER[name]):
            more = (3, 2)
            space, kernel = (
                (*values, *[one] * ndim)[:ndim] for values, one in zip((size.input, size.kernel), more, strict=True)
            )
            values: dict[str, Any] = {k: v[:ndim] if isinstance(v, tuple) else v for k, v in each.items()}
            groups = values.get("groups", 1)
            with contextlib.suppress(ValueError):  # a kernel that is too wide for its input
                chosen.append(Conv(space, kernel, batch=size.batch, in_channels=groups * size.in_channels,
                                   out_channels=groups * size.out_channels, **values))  # fmt: skip
        found += chosen[::every]
    return list(dict.fromkeys(found))


#: a named grid of which a convention covers fewer cases has more that it does cover
LEAST = 12


def enough(convs: Sequence[Conv], outside: Callable[[Conv], str | None]) -> list[Conv]:
    """The cases of a grid; where ``outside`` leaves few of them, also what they become without what it does not cover.

    >>> one_image = lambda conv: None if conv.batch == 1 and set(conv.stride) == {1} else "one image, stride 1"
    >>> [conv.slug for conv in enough([Conv((4, 3), (2, 2), 2, stride=3)], one_image)]
    ['in4x3-k2x2-n2c1f1-s3x3', 'in4x3-k2x2']
    """
    found = list(convs)
    # sizes of its own a small grid has few of: then those of the large one, too
    for source in (convs, grid_of("default", ndim=convs[0].ndim) if len(convs) >= LEAST else ()):
        if sum(outside(conv) is None for conv in found) < LEAST:
            more = (next((each for each in _plainer(conv) if outside(each) is None), None) for conv in source)
            found = list(dict.fromkeys([*found, *(conv for conv in more if conv is not None)]))
    return found


def _plainer(conv: Conv) -> Iterator[Conv]:
    """The layer, and what is left of it when one thing after the other is taken from it."""
    yield conv
    changes: tuple[dict[str, Any], ...] = (
        {"padding": 0}, {"stride": 1}, {"dilation": 1}, {"kernel": (min(conv.kernel),) * conv.ndim}, {"batch": 1},
        {"in_channels": conv.groups}, {"out_channels": conv.groups},
    )  # fmt: skip
    for change in changes:
        with contextlib.suppress(ValueError):  # the padding was needed for the kernel
            conv = replace(conv, **change)
            yield conv


class Grid:
    """The geometries of a grid that is too large for a list, made whenever it is gone through: each once, in the same order."""

    def __init__(self, make: Callable[[], Iterable[Conv]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[Conv]:
        return iter(self._make())


def default_grid(name: str = "default", takes: Iterable[str] = (), **options: Any) -> list[Conv]:
    """The grid as a list, "default", "quick" or "minimal" (the fewest cases on which every known mistake shows), with further
    cases for a function that ``takes`` some of :data:`TAKEN`; ValueError when it is empty or has more than MAX_AUDITED cases.

    >>> len(default_grid()), len(default_grid("quick"))
    (180, 45)
    """
    found = list(itertools.islice(any_grid(name, takes, **options), MAX_AUDITED + 1))
    if len(found) > MAX_AUDITED:
        raise ValueError(f"the grid has more than {MAX_AUDITED:,} cases")
    return found


def any_grid(name: str = "default", takes: Iterable[str] = (), **options: Any) -> list[Conv] | Grid:
    """The same grid, as a list or, where it has more than LISTED cases, as a Grid."""
    if name == "minimal":
        allowed = {"ndim": (1, 2, 3)} | _USUAL
        if given := [key for key, value in options.items() if value not in allowed.get(key, ())]:
            raise ValueError(f"grid minimal has its own cases: no {given[0]} goes with it")
        ndim, asked = options.get("ndim", 2), set(takes)
        least = [conv for conv, _ in minimal_cases(ndim, [each for each in takes if each in EXTRA])]
        return list(dict.fromkeys([*least, *taken(asked - set(EXTRA), ndim, 4)]))
    reasons: list[str] = []
    found = list(itertools.islice(grid_of(name, **options, reasons=reasons), LISTED + 1))
    if not found:
        why = f" ({'; '.join(reasons)})" if reasons else ""
        raise ValueError(f"the grid is empty: no combination of its sizes is a convolution{why}")
    further = taken(takes, options.get("ndim", 2), 1 if name == "default" else 3)
    if len(found) <= LISTED:
        return list(dict.fromkeys([*found, *further]))

    def make() -> Iterator[Conv]:
        left = dict.fromkeys(further)
        for conv in grid_of(name, **options):
            left.pop(conv, None)
            yield conv
        yield from left

    return Grid(make)


#: what may be said to the grid "minimal": what it has anyway
_USUAL: dict[str, tuple[Any, ...]] = {"batch": (None,), "in_channels": (None,), "out_channels": (None,), "transposed": (False,),
                                      "padding_mode": ("zeros",), "padding_value": (None,)}  # fmt: skip


def is_square(conv: Conv) -> bool:
    """Whether kernel, stride, padding and dilation are the same on every axis."""
    return all(len(set(values)) == 1 for values in (conv.kernel, conv.stride, conv.padding, conv.dilation))
