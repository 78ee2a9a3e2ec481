"""The words of an emitted file: its header and docstrings."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symconv.kernels.nest import Kind
from symconv.kernels.schedules import Schedule
from symconv.kernels.source import WIDTH
from symconv.layer import relation
from symconv.layer.conv import Conv
from symconv.layer.padding import MODES

__all__ = ["Words", "shortest"]

DTYPES = (
    "Results have the dtype of the arguments: floats, integers (which wrap around), Python objects, complex numbers without "
    "conjugation. Arguments are never written to."
)
#: keyword parameters for the border of a convolution of any size, with their defaults
BORDER = {"padding_mode": "'zeros'", "padding_value": "0"}

READINGS = (
    "On each axis 0 <= o < O, 0 <= k < K, 0 <= m < H (s stride, d dilation, p padding before). The factor left out gives the "
    "array: dy for y, x for dx, w for dw; y has b[f] added, and db is the sum of dy. Channels are summed inside their group."
)


@dataclass(frozen=True)
class Words:
    """What a file of this schedule and kind says; ``parameters`` are its keyword parameters with their defaults."""

    function: str
    schedule: Schedule
    kind: Kind
    layer: Conv | None
    parameters: Mapping[str, str]
    says_options: str = ""

    def header(self, remark: str, evidence: Sequence[str]) -> str:
        kind = self.kind.layer.called.capitalize()
        factors = [f"{array}[{', '.join(self.kind.labels[array].replace('g', ''))}]" for array in ("dy", "w", "x")]
        form = f"    L = sum of {' * '.join(factors)}  over  m = {relation.INPUT_INDEX}"
        paragraphs = [
            f"{kind} in {self.kind.ndim}-D and its gradients: {self.schedule.summary}.",
            f"{READINGS} {self.schedule.method} {remark}",
            f"{self.holds()} {DTYPES}",
            *evidence,
        ]
        paragraphs = [_filled(paragraph, 0) for paragraph in paragraphs]
        return "\n\n".join([paragraphs[0], form, *paragraphs[1:]])

    def holds(self) -> str:
        if self.layer is not None:
            return f"Holds for {self.layer!r} with any number of images (also none); other sizes are refused."
        return (
            "Written for every size: any number of images (also none) and channels, groups, stride, padding and dilation, "
            "wherever there is an output on each axis."
        )

    def forward(self) -> str:
        says = (
            "y: the transposed convolution, every entry of x spread over y through w, plus b."
            if self.kind.transposed
            else "y: every filter of w slid over x, plus b."
        )
        bias = "F" if self.layer is None else self.layer.out_channels
        arrays = f"{self.shape('x')}, {self.shape('w')}, b ({bias},) or None; {self.shape('y')}."
        told = _filled(" ".join(filter(None, [arrays, self.says_parameters(), self.says_options])))
        return "\n".join([says, "", told, "", *self.example()])

    def says_parameters(self) -> str:
        if self.layer is not None:
            free = " but for padding_value, the constant of the border" if self.layer.mode.filled else ""
            return f"The parameters can only be what they are by default{free}. ValueError, with the shapes, for another layer."
        words = '"valid"' if self.kind.transposed else '"same" or "valid"'
        last = ", output_padding (more rows of y at the end)" if self.kind.transposed else ""
        return (
            f"stride, dilation{last}: a number, or one for each axis; padding also (before, after) pairs, or {words}. "
            f"{self.says_border()}ValueError, with the shapes, where these make no layer."
        )

    def says_border(self) -> str:
        if "padding_mode" not in self.parameters:
            return ""
        names = [mode.name for mode in MODES.values() if mode.counts_outside and not mode.filled]
        return f"padding_mode: 'zeros', 'constant' (padding_value, in the dtype of x), {', '.join(map(repr, names))}. "

    def backward(self) -> str:
        return f"dx, dw, db: the gradients by x, w, b of a loss whose gradient by y is {self.shape('dy')}."

    def double_backward(self) -> str:
        return "ddy, ddx, ddw: the gradients by dy, x, w of <v_x, dx> + <v_w, dw> + <v_b, db>; v_b may be None."

    def course_forward(self) -> str:
        return "out and cache, in course notation: conv_param is {'stride': s, 'pad': p}."

    def course_backward(self, forward: str) -> str:
        return f"dx, dw, db for the cache of {forward}; db is None where b was."

    def shape(self, array: str) -> str:
        """``w (F, C/groups, K0, K1)``; numbers for what the one layer fixes."""
        labels = self.kind.labels[array]
        lead = list(labels[:-1].replace("g", "").upper())
        if array == "w":
            lead[1] += "/groups"
        sizes = [*lead, *self.kind.extents(labels[-1])]
        if self.layer is not None:
            fixed = [str(size) for size in self.layer.shapes[array]]
            sizes = fixed if array == "w" else ["N", *fixed[1:]]
        return f"{array} ({', '.join(sizes)})"

    def example(self) -> list[str]:
        """A doctest: the shape of y, for the one layer or one that is alike on no two axes."""
        conv = example(self.kind) if self.layer is None else self.layer
        arrays = f">>> x, w = np.ones({conv.x_shape}), np.ones({conv.w_shape})"
        given = [f"{name}={shortest(getattr(conv, name))}" for name, plain in self.parameters.items()
                 if hasattr(conv, name) and name not in BORDER and shortest(getattr(conv, name)) != plain]  # fmt: skip
        arguments = ", ".join(["x", "w", *given])
        lines = [f">>> {self.function}({arguments}).shape"]
        if len(lines[0]) > WIDTH - 4:
            lines = [f">>> {self.function}(", f"...     {arguments}", "... ).shape"]
        return [arrays, *lines, repr(conv.y_shape)]


def example(kind: Kind) -> Conv:
    """The layer of the docstring's example: no two axes alike, a remainder, channels and groups."""
    sizes = {"input": (5, 6, 7), "kernel": (3, 2, 4), "stride": (2, 1, 3), "padding": (1, 0, 2)}
    if kind.transposed:
        sizes["output_padding"] = (1, 0, 2)
    parameters: dict[str, Any] = {name: (values * kind.ndim)[: kind.ndim] for name, values in sizes.items()}
    parameters["transposed"] = kind.transposed
    return Conv(**parameters, batch=2, in_channels=4, out_channels=6, groups=2)


def shortest(value: Any) -> str:
    """A parameter as one would type it: one number where all axes agree, (before, after) only where they differ.

    >>> shortest(((1, 1), (0, 2))), shortest((2, 2))
    ('(1, (0, 2))', '2')
    """
    if not isinstance(value, tuple):
        return str(value)
    each = [v[0] if isinstance(v, tuple) and v[0] == v[1] else v for v in value]
    if not isinstance(each[0], tuple) and all(v == each[0] for v in each):
        return str(each[0])
    return str(tuple(each))


def _filled(text: str, indent: int = 4) -> str:
    return textwrap.fill(text, WIDTH - indent, break_on_hyphens=False, break_long_words=False)
