"""The picture ``backward`` of a layer whose border holds rows of x: the gradient by the padded x, before it is folded back.

With z = pad(x), the layer is one without padding on z, so dz is a sliding window as ever. Each entry of dx is the sum of dz
over the places where its entry stands, which the picture ``border`` shows.
"""

from __future__ import annotations

from symconv.figures.labels import node_label
from symconv.figures.sliding import Place
from symconv.figures.window import SlidingPicture
from symconv.layer.conv import Conv
from symconv.mathematics.markup import Content
from symconv.mathematics.tree import Below, Math, Operator, Row, Word
from symconv.prose import Words

__all__ = ["UnfoldedPicture"]


class UnfoldedPicture(SlidingPicture):
    """The gradient by the padded x, of a layer of one channel; a step lights one of its entries."""

    def __init__(self, conv: Conv, words: Words) -> None:
        self.axes = conv.axes
        padded = tuple(axis.H + axis.p + axis.q for axis in conv.axes)
        kept = {"kernel": conv.kernel, "stride": conv.stride, "dilation": conv.dilation, "bias": conv.bias}
        super().__init__(Conv(input=padded, **kept), "dx", words)  # type: ignore[arg-type]  # kept are values of a Conv
        self.named = "dz"
        formula = Row((Word("dz"), Operator("="), node_label(self.conv, self.slide.formula.body)))
        self.caption = words("backward_rows", formula=formula, dz=Word("dz"), dx=Word("dx"), x=Word("x"))

    def result_label(self, index: Place) -> Math:
        label = super().result_label(index)
        return Below(Word("dz"), label.sub) if isinstance(label, Below) else Word("dz")

    def result_style(self, index: Place) -> str:
        inside = all(axis.p <= i < axis.p + axis.H for axis, i in zip(self.axes, index, strict=True))
        return super().result_style(index) if inside else "echo"

    def notes(self) -> list[Content]:
        return [*super().notes(), self.words("folded", dx=Word("dx"))]
