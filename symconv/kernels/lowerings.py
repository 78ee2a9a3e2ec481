"""From a schedule to the statements of a kernel's two functions: sizes, reshaping, the sum, what is returned.

One class for each way there is; the table in :mod:`symconv.kernels.kernel` says which schedule takes which.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar

from symconv.formulas.standard import standard
from symconv.kernels import helpers, source
from symconv.kernels.formula_source import formula_source
from symconv.kernels.nest import Kind, nest
from symconv.kernels.schedules import Schedule
from symconv.kernels.unroll import Unrolled
from symconv.layer import relation
from symconv.layer.conv import Conv

__all__ = ["AXIS_SIZES", "Formulas", "Lowering", "WrittenOut"]

#: the sizes of one axis in the order in which the helpers's ``_layer`` gives them
AXIS_SIZES = "HKOsdpq"

_GROUPED = "groups get an axis of their own; F and C count inside one group"


@dataclass(frozen=True)
class Lowering:
    """Loops over R, whatever the schedule makes of its indices; the other ways differ where they say so."""

    schedule: Schedule
    kind: Kind
    layer: Conv | None = None

    #: keyword parameters of the public functions beyond the layer's own, with their defaults
    options: ClassVar[Mapping[str, str]] = {}
    #: whether the sum pads its arrays itself, whatever the border
    pads: ClassVar[bool] = False
    #: where the helpers come from that are copied into the file
    modules: ClassVar[tuple[ModuleType, ...]] = (helpers,)

    def functions(self) -> list[ast.stmt]:
        """Functions of the file beside its public ones and helpers."""
        return []

    def says_options(self) -> str:
        """What ``options`` are, for the docstring."""
        return ""

    def sizes(self, layer: ast.expr, targets: Sequence[str]) -> list[ast.stmt]:
        """Names for the sizes that the call ``layer`` returns, as far as ``targets`` need them."""
        lines = [source.assign("N, G, F, C, axes", layer)]
        for position, axis in enumerate(self.kind.axes):
            names = [f"{size}{'' if axis is None else axis}" for size in AXIS_SIZES[:-1]]
            lines.append(source.assign(", ".join([*names, "_"]), f"axes[{position}]"))
        return lines

    def dy_shape(self) -> list[str]:
        return self.kind.merged("dy")

    def remark(self) -> str:
        """What the header should say of this file beyond the schedule; mostly nothing."""
        return ""

    def forward(self) -> list[ast.stmt]:
        """From x, w and b (or None) to y returned."""
        shape = source.tuple_of(self.kind.extents(self.kind.labels["y"]))
        return [
            *self.grouped(["x", "w"]),
            source.assign("y", source.call("np.zeros", shape, "x.dtype")),
            *self.sums(["y"]),
            source.assign("y", source.method("y", "reshape", *self.kind.merged("y"))),
            self.with_bias(),
        ]

    def backward(self) -> list[ast.stmt]:
        """From dy, x and w to dx, dw, db returned."""
        return [
            self.bias_gradient(),
            *self.grouped(["dy", "x", "w"]),
            source.assign("dx", "np.zeros(x.shape, x.dtype)"),
            source.assign("dw", "np.zeros(w.shape, w.dtype)"),
            *self.sums(["dx", "dw"]),
            source.returned(*(source.method(a, "reshape", *self.kind.merged(a)) for a in ("dx", "dw")), "db"),
        ]

    def grouped(self, arrays: Sequence[str]) -> list[ast.stmt]:
        lines = [source.assign(a, source.method(a, "reshape", *self.kind.extents(self.kind.labels[a]))) for a in arrays]
        source.noted(lines[0], _GROUPED)
        return lines

    def sums(self, targets: Sequence[str]) -> list[ast.stmt]:
        return nest(self.schedule, self.kind, targets)

    def with_bias(self) -> ast.stmt:
        column = ", ".join(["-1", *["1"] * self.kind.ndim])
        return source.returned(f"y if b is None else y + b.reshape({column})")

    def bias_gradient(self) -> ast.stmt:
        # with a dtype, because NumPy sums small integers in a wider one
        axes = (0, *range(2, self.kind.ndim + 2))
        return source.assign("db", f"dy.sum(axis={axes}, dtype=dy.dtype)")


@dataclass(frozen=True)
class Formulas(Lowering):
    """The closed formulas in their own words; sizes are vectors over the axes."""

    def sizes(self, layer: ast.expr, targets: Sequence[str]) -> list[ast.stmt]:
        vectors = source.assign(", ".join(AXIS_SIZES), "np.transpose(axes)")
        lines = [source.assign("N, G, F, C, axes", layer), source.noted(vectors, "vectors, one entry for each axis")]
        if any("r" in standard(target, self.kind.transposed).sizes() for target in targets):
            lines.append(source.noted(source.assign("r", relation.REMAINDER), "rows that no window reaches"))
        return lines

    def dy_shape(self) -> list[str]:
        return ["N", "G * F", f"*{relation.EXTENTS[self.kind.labels['dy'][-1]]}"]

    def forward(self) -> list[ast.stmt]:
        column = ", ".join(["G", "F", *["1"] * self.kind.ndim])
        return [
            *self.grouped(["x", "w"]),
            source.assign("b", f"(np.zeros(G * F, x.dtype) if b is None else b).reshape({column})"),
            self.read("y"),
            source.returned("y.reshape(N, G * F, *y.shape[3:])"),
        ]

    def backward(self) -> list[ast.stmt]:
        return [
            source.assign("x_shape, w_shape", "x.shape, w.shape"),
            *self.grouped(["dy", "x", "w"]),
            *(self.read(target) for target in ("dx", "dw", "db")),
            source.returned("dx.reshape(x_shape)", "dw.reshape(w_shape)", "db.reshape(G * F)"),
        ]

    def grouped(self, arrays: Sequence[str]) -> list[ast.stmt]:
        lead = {a: self.kind.labels[a][:-1].upper() for a in arrays}
        lines = [source.assign(a, source.method(a, "reshape", *lead[a], f"*{a}.shape[2:]")) for a in arrays]
        source.noted(lines[0], _GROUPED)
        return lines

    def read(self, target: str) -> ast.stmt:
        lead = {array: labels[:-1] for array, labels in self.kind.labels.items()}
        return source.assign(target, formula_source(standard(target, self.kind.transposed), lead))


@dataclass(frozen=True)
class WrittenOut(Lowering):
    """Straight-line code for one layer."""

    @property
    def one(self) -> Conv:
        if self.layer is None:
            raise ValueError(f"{self.schedule.name} code is for one layer; give its sizes")
        return self.layer

    def sizes(self, layer: ast.expr, targets: Sequence[str]) -> list[ast.stmt]:
        return [
            source.assign("layer", layer),
            source.expression_statement("_check_layer(layer[1:], LAYER, x, w)"),
            source.assign("N", "layer[0]"),
        ]

    def dy_shape(self) -> list[str]:
        return ["N", *map(str, self.one.y_shape[1:])]

    def remark(self) -> str:
        unrolled = Unrolled(self.one)
        forward, backward = unrolled.products(["y"]), unrolled.products(["dx", "dw"])
        shared = unrolled.shared(["y"]) + unrolled.shared(["dx", "dw"])
        text = (
            f"{shared} parts are shared"
            if shared
            else "none is shared"
            if self.one.mode.counts_outside
            else "none is shared: o follows from k and m, so each occurs in one entry"
        )
        return f"Forward {forward} products, backward {backward}; {text}. What no window reaches stays zero."

    def forward(self) -> list[ast.stmt]:
        shape = ", ".join(["N", *map(str, self.one.y_shape[1:])])
        return [
            *self.read(["x", "w"]),
            source.assign("y", f"np.zeros(({shape}), x.dtype)"),
            *self.sums(["y"]),
            self.with_bias(),
        ]

    def backward(self) -> list[ast.stmt]:
        return [
            *self.read(["dy", "x", "w"]),
            source.assign("dx", "np.zeros(x.shape, x.dtype)"),
            source.assign("dw", "np.zeros(w.shape, w.dtype)"),
            *self.sums(["dx", "dw"]),
            self.bias_gradient(),
            source.returned("dx", "dw", "db"),
        ]

    def read(self, arrays: Sequence[str]) -> list[ast.stmt]:
        lines = [Unrolled(self.one).read(array) for array in arrays]
        source.noted(lines[0], "one name for each entry, 1-based as in the derivation; x and dy: in all images")
        return [*lines, *Unrolled(self.one).constant()]

    def sums(self, targets: Sequence[str]) -> list[ast.stmt]:
        return Unrolled(self.one).sums(targets)
