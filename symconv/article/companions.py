"""Small layers beside the one at hand: one axis of it alone, and examples of what it does not have itself."""

from __future__ import annotations

from typing import Any

from symconv.layer.conv import Conv

__all__ = ["channelled", "example", "interesting_axis", "is_line", "line_of"]

#: a layer in one dimension with arrays longer than this is shortened before it is shown as an example
LONGEST = 9

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
    """The axis on which the layer has most of stride, padding, dilation and a remainder; the first of these."""
    return max(range(conv.ndim), key=lambda axis: (sum(settings(conv, axis).values()), -axis))


def line_of(conv: Conv, axis: int | None = None) -> Conv:
    """One axis of the layer alone, with one image, channel and filter; shorter where it is long, in its other sizes the same.

    An axis that cannot be shortened to ``LONGEST`` gives the smallest example instead.

    >>> line_of(Conv(input=(40, 6), kernel=(5, 2), stride=(2, 1), padding=(1, 0)))
    Conv(input=8, kernel=3, stride=2, padding=1)
    """
    axis = interesting_axis(conv) if axis is None else axis
    each = conv.axes[axis]
    same: dict[str, Any] = {
        "stride": each.s, "padding": (conv.padding[axis],), "dilation": each.d, "bias": conv.bias, "transposed": conv.transposed,
        "output_padding": conv.output_padding[axis],
    }  # fmt: skip
    whole = Conv(input=conv.input[axis], kernel=each.K, **same)
    if _longest(whole) <= LONGEST:
        return whole
    for windows in range(min(each.O, 4), 0, -1):
        for taps in dict.fromkeys((min(each.K, 3), min(each.K, 2))):
            # as long as makes so many windows and the same remainder
            covered = each.H - each.s * (each.O - windows) - each.d * (each.K - taps)
            if covered >= 2 and (windows > 1 or each.O == 1):
                line = Conv(input=windows if conv.transposed else covered, kernel=taps, **same)
                if _longest(line) <= LONGEST:
                    return line
    return Conv(input=4, kernel=2, bias=conv.bias, transposed=conv.transposed)


def _longest(conv: Conv) -> int:
    return max(*conv.input, *conv.kernel, *conv.output)


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
