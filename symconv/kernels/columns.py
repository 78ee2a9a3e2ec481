"""The schedule ``columns``: for a block of outputs of one image the taps are gathered beside the channels, and multiplied.

With rows counted in the padded image, m + p = s*o + d*k, the columns of a block are

    cols[g, c, k, o] = padded[g, c, s*o + d*k],

and the three readings of the loss are matrix products with them, (c, k) being one index and o the other:

    at o    y = w cols                   one side of R as the other is given
    w       dw = sum of dy cols^T
    at m    cols = w^T dy, and each entry added back where it was gathered (the adjoint of gathering)

For a transposed convolution x stands at o and y at m; nothing else changes.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar

from symconv.algebra.integers import Integer, Name
from symconv.kernels import blocks, helpers, source
from symconv.kernels.lowerings import AXIS_SIZES, Lowering
from symconv.kernels.sizes import coefficient, on_axis
from symconv.layer import relation

__all__ = ["Columns"]

#: m + p, the row of the padded image that tap k of output row o meets
PADDED_ROW: Integer = relation.INPUT_INDEX.substitute({"p": 0})

#: bytes of columns that are held at once unless the caller says otherwise: they stay in a processor's caches
WORKSPACE = "2 << 20"


GATHERED = "_gather(padded, rows, axes)"


@dataclass(frozen=True)
class Columns(Lowering):
    """An image and a block of outputs at a time, one matrix product for each."""

    options: ClassVar[Mapping[str, str]] = {"workspace": WORKSPACE}
    modules: ClassVar[tuple[ModuleType, ...]] = (blocks, helpers)

    @property
    def at_m(self) -> str:
        """The channels of the arrays on the padded side: C, in a transposed convolution F."""
        return self.kind.labels[self.kind.layer.padded][2].upper()

    @property
    def at_o(self) -> str:
        return self.kind.labels[self.kind.layer.strided][2].upper()

    def says_options(self) -> str:
        return "workspace bounds the bytes of columns that are held at once; a single row of outputs is always held."

    def sizes(self, layer: ast.expr, targets: Sequence[str]) -> list[ast.stmt]:
        return [source.assign("N, G, F, C, axes", layer), *self._named("HKO")]

    def _named(self, first: str, others: str = "") -> list[ast.stmt]:
        """Names for these sizes of the first axis and of the others."""
        lines = []
        for position, axis in enumerate(self.kind.axes):
            wanted = others or first if position else first
            names = [str(on_axis(Name(size), axis)) if size in wanted else "_" for size in AXIS_SIZES]
            lines.append(source.assign(", ".join(names), f"axes[{position}]"))
        return lines

    # the two faces ---------------------------------------------------------------------------------------------------

    def forward(self) -> list[ast.stmt]:
        body = (
            self._adding("w", "x", "y")
            if self.kind.transposed
            else self._gathering("x", [self._product("y", GATHERED)])
        )
        return [
            *self.grouped(["x", "w"]),
            source.assign("y", self._fresh("y")),
            *self._images(body),
            source.assign("y", source.method("y", "reshape", *self.kind.merged("y"))),
            *ast.parse(f"if b is not None:\n    y += b.reshape({', '.join(['-1', *['1'] * self.kind.ndim])})").body,
            source.returned("y"),
        ]

    def backward(self) -> list[ast.stmt]:
        if self.kind.transposed:
            body = self._gathering("dy", [self._product("dx"), self._weights("x")])
        else:
            body = self._gathering("x", [self._weights("dy")], self._adding("w", "dy", "dx"))
        ends = [source.method(array, "reshape", *self.kind.merged(array)) for array in ("dx", "dw")]
        return [
            self.bias_gradient(),
            *self.grouped(["dy", "x", "w"]),
            source.assign("dx", self._fresh("dx")),
            source.assign("dw", "np.zeros(w.shape, w.dtype)"),
            *self._images(body),
            source.returned(*ends, "db"),
        ]

    def grouped(self, arrays: Sequence[str]) -> list[ast.stmt]:
        lines = [source.assign(array, source.method(array, "reshape", *self._shape(array))) for array in arrays]
        source.noted(lines[0], "groups get an axis of their own; channels and taps are one axis")
        return lines

    def _shape(self, array: str) -> list[str]:
        """Extents, with a group's w as a matrix."""
        labels = self.kind.labels[array]
        lead, spatial = [label.upper() for label in labels[:-1]], self.kind.extents(labels[-1])
        return [*lead[:-1], " * ".join([lead[-1], *spatial])] if labels[-1] == "k" else [*lead, *spatial]

    def _fresh(self, array: str) -> str:
        """Memory for a result, every entry of which is set."""
        return f"np.empty(({', '.join(self._shape(array))}), x.dtype)"

    def _images(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        blocks = source.assign("blocks", f"_blocks(G * {self.at_m}, axes, x.dtype, workspace)")
        return [blocks, source.loop(["n"], "range(N)", body)]

    # the body of the loop over images: a loop over blocks ---------------------------------------------------------------

    def _gathering(self, array: str, products: Sequence[ast.stmt], adding: Sequence[ast.stmt] = ()) -> list[ast.stmt]:
        """Columns of ``array`` and what is made of them; ``adding`` is joined into the same loops."""
        padded = source.assign("padded", f"_padded({array}[n], axes)")
        lines = [source.assign("matrix", GATHERED), *products]
        if not adding:
            # columns without a name are free again before the next block's are made, which then stand in the same caches
            return [padded, source.loop(["rows"], "blocks", products if len(products) == 1 else lines)]
        before, loop, after = adding
        assert isinstance(loop, ast.For)
        return [padded, before, source.loop(["rows"], "blocks", [*lines, *loop.body]), after]

    def _adding(self, weights: str, array: str, target: str) -> list[ast.stmt]:
        """The product first, then added back to zeros, of which the rows of ``target`` are kept."""
        padded, rows = ("padded", "p + H + q for H, _, _, _, _, p, q in axes") if target == "y" else ("dpadded", "")
        shape = f"(G, {self.at_m}, *({rows}))" if rows else "padded.shape"
        product = f"_add_back({weights}.swapaxes(-1, -2), {self._block(array)}, rows, axes, {padded})"
        return [
            source.assign(padded, f"np.zeros({shape}, x.dtype)"),
            source.loop(["rows"], "blocks", [source.expression_statement(product)]),
            source.assign(f"{target}[n]", f"_folded({padded}, axes)"),
        ]

    def _block(self, array: str) -> str:
        """The matrices of a block, for each group: filters by places."""
        return f"{array}[n, :, :, rows].reshape(G, {self.at_o}, -1)"

    def _product(self, target: str, matrix: str = "matrix") -> ast.stmt:
        return source.expression_statement(f"np.matmul(w, {matrix}, out={self._block(target)})")

    def _weights(self, array: str) -> ast.stmt:
        return source.augment("dw", f"{self._block(array)} @ matrix.swapaxes(-1, -2)")

    # gathering and its adjoint -----------------------------------------------------------------------------------------

    def functions(self) -> list[ast.stmt]:
        """``_gather`` and ``_add_back``, and for both the relation, written out on every axis."""
        channels, part = (
            source.assign(f"G, {self.at_m}", "padded.shape[:2]"),
            f"padded[:, :, rows].reshape(G, {self.at_m}, -1)",
        )
        left, right = self._entries()
        extents = self.kind.extents("k")
        cols = ", ".join(["G", self.at_m, *extents, "rows.stop - rows.start", *self.kind.extents("o")[1:]])
        gather = source.function(
            "_gather(padded, rows, axes)",
            "Columns of the outputs in rows, a matrix for each group; for one tap with stride 1 no copy.\n\n"
            f"{left} = {right}",
            [
                channels,
                source.when(["_pointwise(axes)"], [source.returned(part)]),
                *self._named("K", "KO"),
                source.assign("cols", f"np.empty(({cols}), padded.dtype)"),
                source.loop(["tap", "met"], "_taps(rows, axes)", [source.assign("cols[tap]", "padded[met]")]),
                source.returned(f"cols.reshape(G, {' * '.join([self.at_m, *extents])}, -1)"),
            ],
        )
        product = "np.matmul(weights, slopes{})"
        inside = source.expression_statement(product.format(f", out={part}"))
        add_back = source.function(
            "_add_back(weights, slopes, rows, axes, padded)",
            "The adjoint of _gather: cols = weights @ slopes, and each entry added where it was read.\n\n"
            f"{right} += {left}",
            [
                channels,
                source.when(["_pointwise(axes)"], [inside, ast.Return(None)]),
                *self._named("K", "KO"),
                source.assign("cols", f"{product.format('')}.reshape({cols})"),
                source.loop(["tap", "met"], "_taps(rows, axes)", [source.augment("padded[met]", "cols[tap]")]),
            ],
        )
        return [gather, add_back, self._taps()]

    def _entries(self) -> tuple[str, str]:
        """``cols[g, c, k0, k1, o0, o1]`` and the entry of the padded image that it is."""
        channel = self.at_m.lower()
        rows = [str(on_axis(PADDED_ROW, axis)).replace(" * ", "*") for axis in self.kind.axes]
        indices = [*self.kind.names("k"), *self.kind.names("o")]
        return f"cols[g, {channel}, {', '.join(indices)}]", f"padded[g, {channel}, {', '.join(rows)}]"

    def _taps(self) -> ast.stmt:
        """Where each tap stands in the columns of a block, and what it meets of the padded image."""
        taps, rows, lines = self.kind.names("k"), self.kind.names("m"), []
        for position, (axis, tap, met) in enumerate(zip(self.kind.axes, taps, rows, strict=True)):
            index = str(on_axis(Name("o"), axis))
            first, last = (
                (Name("rows.start"), Name("rows.stop") - 1) if position == 0 else (0, on_axis(Name("O") - 1, axis))
            )
            row = on_axis(PADDED_ROW, axis)
            ends = [str(row.substitute({index: at})) for at in (first, last)]
            step = on_axis(coefficient(PADDED_ROW, "o"), axis)
            part = f"slice({ends[0]}, {ends[1]} + 1, {step})"
            lines.append(source.assign(met, f"[{part} for {tap} in range({on_axis(Name('K'), axis)})]"))
        over = source.call("range" if len(taps) == 1 else "np.ndindex", *self.kind.extents("k"))
        each = ", ".join(f"{met}[{tap}]" for met, tap in zip(rows, taps, strict=True))
        pairs = f"(np.s_[:, :, {', '.join(taps)}], np.s_[:, :, {each}])"
        return source.function(
            "_taps(rows, axes)",
            "Where each tap stands among the columns of a block of outputs, and what it meets of the padded image.",
            [
                *self._named("Ksd", "KOsd"),
                *lines,
                source.returned(f"[{pairs} for {', '.join(taps)} in {ast.unparse(over)}]"),
            ],
        )
