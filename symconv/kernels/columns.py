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


COLUMNS = "_gather(padded, rows, axes)"


@dataclass(frozen=True)
class Columns(Lowering):
    """An image and a block of outputs at a time, one matrix product for each."""

    options: ClassVar[Mapping[str, str]] = {"workspace": WORKSPACE}
    modules: ClassVar[tuple[ModuleType, ...]] = (blocks, helpers)
    pads: ClassVar[bool] = True

    @property
    def at_m(self) -> str:
        """The channels of the arrays on the padded side: C, in a transposed convolution F."""
        return self.kind.labels[self.kind.layer.padded][2].upper()

    @property
    def at_o(self) -> str:
        return self.kind.labels[self.kind.layer.strided][2].upper()

    def says_options(self) -> str:
        return "workspace bounds the bytes of columns held at once; one row of outputs is always held."

    def sizes(self, layer: ast.expr, targets: Sequence[str]) -> list[ast.stmt]:
        return [source.assign("N, G, F, C, axes", layer), self._named("HKO")]

    def _named(self, wanted: str, first: str = "") -> ast.stmt:
        """Names for the sizes of each axis that are ``wanted``, of the first axis perhaps fewer."""
        each = []
        for position, axis in enumerate(self.kind.axes):
            kept = wanted if position or not first else first
            last = max(map(AXIS_SIZES.index, kept)) + 1
            names = [str(on_axis(Name(size), axis)) if size in kept else "_" for size in AXIS_SIZES[:last]]
            each.append(f"({', '.join([*names, '*_'])})")
        return source.assign(source.tuple_of(each) if len(each) > 1 else f"({each[0]},)", "axes")

    # forward and backward ----------------------------------------------------------------------------------------------

    def forward(self) -> list[ast.stmt]:
        body = (
            self._adding("w", "x", "y") if self.kind.transposed else self._gathering("x", [self._product("y", COLUMNS)])
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
            slopes = source.assign("slopes", self._block("dy"))
            product = source.augment("dw", f"slopes @ {COLUMNS}.swapaxes(-1, -2)")
            body = self._gathering("x", [slopes, product], self._adding("w", "dy", "dx"))
        ends = [source.method(array, "reshape", *self.kind.merged(array)) for array in ("dx", "dw")]
        return [
            self.bias_gradient(),
            *self.grouped(["dy", "x", "w"]),
            source.assign("dx, dw", f"{self._fresh('dx')}, np.zeros(w.shape, w.dtype)"),
            *self._images(body),
            source.returned(*ends, "db"),
        ]

    def grouped(self, arrays: Sequence[str]) -> list[ast.stmt]:
        lines = [source.assign(array, source.method(array, "reshape", *self._shape(array))) for array in arrays]
        if "dy" not in arrays:  # once for a file
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

    def _padded(self, array: str) -> ast.stmt:
        """An image of ``array`` with its border."""
        if self.kind.transposed:
            return source.assign("padded", f"_zero_padded({array}[n], axes)")
        return source.assign("padded", f"_padded({array}[n], axes, padding_mode, padding_value)")

    def _gathering(self, array: str, products: Sequence[ast.stmt], adding: Sequence[ast.stmt] = ()) -> list[ast.stmt]:
        """Columns of ``array`` and what is made of them; ``adding`` is joined into the same loops."""
        lines = [source.assign("matrix", COLUMNS), *products]
        if not adding:
            # columns without a name are free again before the next block's are made, which then stand in the same caches
            return [
                self._padded(array),
                source.loop(["rows"], "blocks", products if len(products) == 1 else lines),
            ]
        before, loop, after = adding
        assert isinstance(loop, ast.For)
        return [self._padded(array), before, source.loop(["rows"], "blocks", [*products, *loop.body]), after]

    def _adding(self, weights: str, array: str, target: str) -> list[ast.stmt]:
        """The product first, then added back to zeros, of which the rows of ``target`` are kept."""
        padded, rows = ("padded", "p + H + q for H, _, _, _, _, p, q in axes") if target == "y" else ("dpadded", "")
        shape = f"(G, {self.at_m}, *({rows}))" if rows else "padded.shape"
        slopes = self._block(array) if self.kind.transposed else "slopes"
        columns = f"({weights}.swapaxes(-1, -2) @ {slopes}).reshape({self._columns()})"
        added = source.loop(["tap", "met"], "_taps(rows, axes)", [source.augment(f"{padded}[met]", "columns[tap]")])
        source.noted(added, "the adjoint of _gather: each entry is added where it was read")
        kept = f"_inside({padded}, axes)" if self.kind.transposed else f"_folded({padded}, axes, padding_mode)"
        return [
            source.assign(padded, f"np.zeros({shape}, x.dtype)"),
            source.loop(["rows"], "blocks", [source.assign("columns", columns), added]),
            source.assign(f"{target}[n]", kept),
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
        """``_gather``, with the relation written out on every axis, and the taps that it and its adjoint run over."""
        left, right = self._entries()
        taps = self.kind.extents("k")
        lead = f"G, {self.at_m}"
        gather = source.function(
            "_gather(padded, rows, axes)",
            "The columns of the outputs in rows, a matrix for each group; for one tap with stride 1 no copy.\n\n"
            f"{left} = {right}",
            [
                source.assign(lead, "padded.shape[:2]"),
                self._named("KO", "K"),
                source.when(
                    [f"{' == '.join(taps)} == 1"],
                    [source.returned(f"padded[_taps(rows, axes)[0][1]].reshape({lead}, -1)")],
                ),
                source.assign("columns", f"np.empty(({self._columns()}), padded.dtype)"),
                source.loop(["tap", "met"], "_taps(rows, axes)", [source.assign("columns[tap]", "padded[met]")]),
                source.returned(f"columns.reshape(G, {' * '.join([self.at_m, *taps])}, -1)"),
            ],
        )
        return [gather, self._taps()]

    def _columns(self) -> str:
        """The extents of the columns of a block."""
        return ", ".join(
            [f"G, {self.at_m}", *self.kind.extents("k"), "rows.stop - rows.start", *self.kind.extents("o")[1:]]
        )

    def _entries(self) -> tuple[str, str]:
        """``columns[g, c, k0, k1, o0, o1]`` and the entry of the padded image that it is."""
        channel = self.at_m.lower()
        rows = [str(on_axis(PADDED_ROW, axis)).replace(" * ", "*") for axis in self.kind.axes]
        indices = [*self.kind.names("k"), *self.kind.names("o")]
        return f"columns[g, {channel}, {', '.join(indices)}]", f"padded[g, {channel}, {', '.join(rows)}]"

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
                self._named("KOsd", "Ksd"),
                *lines,
                source.returned(f"[{pairs} for {', '.join(taps)} in {ast.unparse(over)}]"),
            ],
        )
