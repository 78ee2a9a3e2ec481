"""Small layers beside the one at hand: one axis of it alone, a shorter one of the same character, examples of what it lacks.

A shorter layer is like the one at hand if it has the same character on its axis (:func:`character`): border or crop on either
side, "valid", "same" or "full", with or without stride, dilation and unreached rows, windows that overlap, touch or leave gaps.
Copying stride and padding from a long axis to a short one would keep the numbers and lose all of that.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from symconv.layer import relation
from symconv.layer.conv import Axis, Conv

__all__ = [
    "channelled",
    "character",
    "example",
    "fewer",
    "interesting_axis",
    "is_line",
    "least",
    "line_of",
    "named",
    "shorter",
]

#: an axis with arrays longer than this is shown by a shorter one, with arrays no longer than that
WHOLE, LONGEST = 12, 9

#: what may differ, the least telling first, where no short layer has all of the character
DISPENSABLE = ("inside", "windows", "uneven", "name")

#: for each thing that a layer may have, a small one that has nothing else
EXAMPLES: dict[tuple[str, bool], Conv] = {
    ("stride", False): Conv(input=6, kernel=2, stride=2, bias=False),
    ("padding", False): Conv(input=4, kernel=3, padding=1, bias=False),
    ("dilation", False): Conv(input=6, kernel=2, dilation=2, bias=False),
    ("remainder", False): Conv(input=6, kernel=3, stride=2, bias=False),
    ("stride", True): Conv(input=3, kernel=2, stride=2, bias=False, transposed=True),
    ("padding", True): Conv(input=4, kernel=3, padding=1, bias=False, transposed=True),
    ("dilation", True): Conv(input=4, kernel=2, dilation=2, bias=False, transposed=True),
    ("remainder", True): Conv(input=2, kernel=3, stride=2, output_padding=1, bias=False, transposed=True),
}


def is_line(conv: Conv) -> bool:
    """Whether the layer has one axis and nothing but one image, channel and filter."""
    return conv.ndim == 1 and (conv.batch, conv.in_channels, conv.out_channels) == (1, 1, 1)


def settings(conv: Conv, axis: int) -> dict[str, bool]:
    """What the layer has on an axis."""
    each = conv.axes[axis]
    return {
        "stride": each.s > 1, "padding": each.p > 0 or each.q > 0, "dilation": each.d > 1,
        "remainder": each.values["r"] > 0,
    }  # fmt: skip


def interesting_axis(conv: Conv) -> int:
    """The axis on which the layer has most of stride, padding, dilation and a remainder, the first of these; one on which the
    kernel has a single row, and nothing slides, only where there is no other."""
    return max(range(conv.ndim), key=lambda axis: (conv.axes[axis].K > 1, sum(settings(conv, axis).values()), -axis))


# the character of an axis ---------------------------------------------------------------------------------------------


def named(axis: Axis) -> str | None:
    """``"valid"``, ``"same"`` or ``"full"``, as layers with stride 1 are called; None for any other."""
    span = axis.d * (axis.K - 1)
    names = {(0, 0): "valid", (span, span): "full"}
    if axis.s == 1 and span and (axis.p, axis.q) in names:
        return names[axis.p, axis.q]
    return "same" if axis.s == 1 and span and axis.p + axis.q == span and abs(axis.p - axis.q) <= 1 else None


def character(axis: Axis) -> dict[str, object]:
    """What an axis is like, apart from its numbers: the facts that pictures and sentences about it depend on."""
    span = axis.d * (axis.K - 1)
    inside = any(axis.s * o - axis.p >= 0 and axis.s * o - axis.p + span < axis.H for o in range(axis.O))
    return {
        "border": _sign(span - axis.p),  # the zeros before dy, or what is cropped there
        "border after": _sign(span - axis.q + axis.values["r"]),
        "padded": (axis.p > 0, axis.q > 0),
        "stride": axis.s > 1,
        "dilation": axis.d > 1,
        "remainder": axis.values["r"] > 0,
        "pointwise": axis.K == 1,
        "name": named(axis),
        "uneven": _sign(axis.p - axis.q),
        "windows": _sign(axis.s - axis.K) if axis.d == 1 else None,  # they overlap, touch, or leave gaps
        "inside": inside,  # some window reads no padding
    }


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)


def _near(value: int, *values: int) -> list[int]:
    """The values no larger than ``value``, else the smallest of them."""
    return [each for each in values if each <= value] or [min(values)]


def _short(axis: Axis, transposed: bool) -> Iterator[Axis]:
    """Short axes by rank: four windows before three, three taps before two, paddings near the given ones first."""
    strides = [1] if axis.s == 1 else _near(axis.s, 2, 3)
    dilations = [1] if axis.d == 1 else _near(axis.d, 2, 3)
    for O, K, s, d in itertools.product(_near(axis.O, 4, 3, 5, 2, 1), _near(axis.K, 3, 2, 4, 5, 1), strides, dilations):
        span = d * (K - 1)
        remainders = range(1, max(s, d if transposed else 1)) if axis.values["r"] else range(1)
        paddings = [
            sorted(range(1 if pad else 0, span + 3 if pad else 1), key=lambda v, pad=pad: (abs(v - pad), v))  # type: ignore[misc]
            for pad in (axis.p, axis.q)
        ]
        for p, q, r in itertools.product(*paddings, remainders):
            H = relation.PADDED_SIZE.evaluate({"O": O, "K": K, "s": s, "d": d, "p": p, "q": q, "r": r})
            if 1 <= H <= LONGEST and O <= LONGEST:
                short = Axis(H=H, K=K, O=O, s=s, d=d, p=p, q=q, mode=axis.mode)
                if axis.mode.most is None or max(p, q) <= axis.mode.most.evaluate({"H": H}):
                    yield short


@cache
def _like(axis: Axis, transposed: bool) -> Axis | None:
    """A short axis of the same character; where there is none, one that differs in what tells least."""
    wanted = character(axis)
    candidates = [(each, character(each)) for each in _short(axis, transposed)]
    for left_out in range(len(DISPENSABLE) + 1):
        names = [name for name in wanted if name not in DISPENSABLE[:left_out]]
        for each, found in candidates:
            if all(found[name] == wanted[name] for name in names):
                return each
    return None


@cache
def _least(axis: Axis, transposed: bool, inside: bool = True) -> Axis:
    """The shortest axis of the same character, padding counted; itself where there is none. Without ``inside`` it may have two
    windows only, which all read padding."""
    wanted = character(axis)
    if not inside:
        del wanted["inside"]
    several = [each for each in _short(axis, transposed) if inside or min(2, axis.O) <= each.O]
    found = [each for each in several if wanted.items() <= character(each).items()]
    return min([*found, axis], key=lambda each: (each.H + each.p + each.q, each.K))


# layers ---------------------------------------------------------------------------------------------------------------


def line_of(conv: Conv, axis: int | None = None) -> Conv:
    """One axis of the layer alone, with one image, channel and filter; a shorter one of the same character where it is long.

    An axis of which there is no short one gives the smallest example instead.

    >>> line_of(Conv(input=(40, 6), kernel=(5, 2), stride=(2, 1), padding=(1, 0)))
    Conv(input=8, kernel=3, stride=2, padding=1)
    """
    axis = interesting_axis(conv) if axis is None else axis
    each = conv.axes[axis]
    short = each if max(each.H, each.K, each.O) <= WHOLE else _like(each, conv.transposed)
    if short is None and conv.mode.counts_outside:
        return Conv(input=4, kernel=3, padding=1, bias=conv.bias, padding_mode=conv.padding_mode,
                    padding_value=conv.padding_value)  # fmt: skip
    if short is None:
        return Conv(input=4, kernel=2, bias=conv.bias, transposed=conv.transposed)
    return _layer([short], conv)


def shorter(conv: Conv) -> Conv:
    """A layer with as many axes, each of the same character and short, with one image, channel and filter."""
    return _layer([line_of(conv, axis).axes[0] for axis in range(conv.ndim)], conv)


def fewer(conv: Conv) -> Conv:
    """The shorter layer with two images, two groups and two channels of each on either side, where the layer has as many.

    >>> fewer(Conv(input=(56, 56), kernel=3, padding=1, in_channels=64, out_channels=128, groups=32))
    Conv(input=(4, 4), kernel=(3, 3), in_channels=4, out_channels=4, padding=(1, 1), groups=2)
    """
    groups = min(conv.groups, 2)
    each = (groups * min(channels // conv.groups, 2) for channels in (conv.in_channels, conv.out_channels))
    in_channels, out_channels = each
    return replace(
        shorter(conv), batch=min(conv.batch, 2), in_channels=in_channels, out_channels=out_channels, groups=groups
    )


def least(conv: Conv, inside: bool = True) -> Conv:
    """The shorter layer with the shortest axes there are, for a picture that has little room; without ``inside`` shorter still,
    with windows that all read padding.

    >>> least(Conv(input=(5, 7), kernel=3, stride=2, padding=1, in_channels=2))
    Conv(input=(5, 5), kernel=(3, 3), stride=(2, 2), padding=(1, 1))
    """
    return _layer([_least(axis, conv.transposed, inside) for axis in conv.axes], conv)


def _layer(axes: list[Axis], like: Conv) -> Conv:
    """The layer with these axes; with a bias, and transposed, as the one given."""
    return Conv(
        input=tuple(a.O if like.transposed else a.H for a in axes),
        kernel=tuple(a.K for a in axes),
        stride=tuple(a.s for a in axes),
        padding=tuple((a.p, a.q) for a in axes),
        dilation=tuple(a.d for a in axes),
        bias=like.bias,
        transposed=like.transposed,
        padding_mode=like.padding_mode,
        padding_value=like.padding_value,
        output_padding=tuple(a.values["r"] for a in axes) if like.transposed else 0,
    )


def example(conv: Conv, name: str) -> tuple[Conv, int | None]:
    """A layer in one dimension that has ``name`` (stride, padding, dilation or remainder), and the axis of ``conv`` that it is;
    None where it is an example from elsewhere."""
    for axis in sorted(range(conv.ndim), key=lambda axis: -sum(settings(conv, axis).values())):
        if settings(conv, axis)[name]:
            line = line_of(conv, axis)
            if settings(line, 0)[name]:
                return Conv(**{**line.to_dict(), "bias": False}), axis
    return EXAMPLES[name, conv.transposed], None


def channelled(conv: Conv) -> Conv:
    """The layer itself if it has several channels, else the same with two images, two input and three output channels."""
    if (conv.in_channels, conv.out_channels) != (1, 1):
        return conv
    return Conv(**{**conv.to_dict(), "batch": 2, "in_channels": 2, "out_channels": 3})
