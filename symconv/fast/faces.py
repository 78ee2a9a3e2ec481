"""From the fast schedules to the statements of a file that holds them all and chooses.

The two functions of such a file bring the arrays into groups and ask for a reading; the rest is real functions, copied.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar

from symconv.fast import arrays, choice, matrices, rows, rows_dw, spectra, tiles
from symconv.fast.schedules import FAST, WINOGRAD_SIZES
from symconv.fast.winograd import algorithm
from symconv.kernels import prelude, source
from symconv.kernels.lowerings import Lowering

__all__ = ["Choice"]

#: keyword parameters of the functions beyond those of the layer
OPTIONS = {"algorithm": '"auto"', "workspace": "64 << 20", "threads": "None"}

_OPTIONS = "algorithm, workspace, threads"


@dataclass(frozen=True)
class Choice(Lowering):
    """y, dx and dw each by the schedule that the model of costs chooses, or by the one that is asked for."""

    options: ClassVar[Mapping[str, str]] = OPTIONS
    modules: ClassVar[tuple[ModuleType, ...]] = (choice, matrices, rows, rows_dw, tiles, spectra, arrays, prelude)
    imports: ClassVar[str] = (
        "import ctypes\nimport os\nimport threading\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "from fractions import Fraction\nfrom itertools import product\nfrom math import gcd, prod\n\nimport numpy as np\n"
    )

    def says_options(self) -> str:
        names = ", ".join(FAST)
        return (
            f"algorithm is auto, direct (auto without winograd and fft: the terms are added as they are), or one of {names}. "
            "workspace bounds the bytes of working memory, which the calling thread keeps for its next call. threads (None: as "
            "many as there are cores) share out images, rows or filters in rows, depthwise and winograd; the matrix products of "
            "the other schedules use the threads of NumPy's own library."
        )

    def chapters(self) -> list[str]:
        parts = []
        for each in FAST.values():
            told = f"{each.name} ({each.needs}): n {each.n}; o {each.o}; k {each.k}; {each.channels}. Right because {each.why}"
            parts.append(
                textwrap.fill(told, source.WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
            )
        return ["The schedules, by what each makes of the indices:", "\n".join(parts)]

    def constants(self) -> list[ast.stmt]:
        plain = {
            "_KEPT": ("threading.local()", "working memory that a thread keeps from call to call"),
            "_POOLS": ("{}", "threads that copy and transform, by process and number"),
            "_PLACES": ("{}", "threads and the core they are kept off"),
            "_MATRICES": ("{}", "matrices of algorithms as arrays, by these and dtype"),
            "_CHOSEN": ("{}", "which schedule was chosen, by layer"),
            "_LAYERS": ("{}", "sizes of layers, by shapes and parameters"),
            "_SMALL": (f"{arrays.SMALL}", "fewer numbers are gathered in one call"),
            "_FEW": (f"{arrays.FEW}", "fewer channels, and half as many filters of a thread, are few"),
            "_PIECE": (f"{arrays.PIECE}", "columns of a product of rows"),
            "_WIDE": (f"{arrays.WIDE}", "more columns are cut in pieces"),
            "_LEAST": (f"{arrays.LEAST >> 20} << 20", "bytes that a thread should work on at least"),
            "_LIMIT": (
                f"{arrays.LIMIT}",
                "multiplications of a matrix product that is made on the calling thread alone",
            ),
            "_BLOCK": (f"{matrices.BLOCK >> 20} << 20", "bytes of columns at a time, which stay in the caches"),
            "_ROWS": (f"{rows.ROWS >> 20} << 20", "bytes of rows and sums at a time"),
            "_TILES": (f"{tiles.TILES >> 20} << 20", "bytes of transformed tiles at a time"),
        }
        return [source.noted(source.assign(name, value), says) for name, (value, says) in plain.items()]

    def tables(self) -> list[str]:
        """What stands at the end of the file: the schedules by name, and the algorithms' matrices."""
        names = {how: [way.__name__ if way else "None" for way in ways] for how, ways in choice.SCHEDULES_OF_Y.items()}
        rows = [f'    "{how}": ({", ".join(ways)}),' for how, ways in names.items()]
        costs = [f'    ("{key[0]}", "{key[1]}"): {cost!r},' for key, cost in choice.COSTS.items()]
        lanes = ", ".join(f'"{how}"' for how in choice.IN_LANES)
        lossy = ", ".join(f'"{how}"' for how in choice.INDIRECT)
        lossy = f"# schedules that transform what they multiply, and so round more\n_INDIRECT = ({lossy})\n"
        lanes = f"# schedules whose threads make all of a part of the layer\n_IN_LANES = ({lanes})\n"
        costs = ["# nanoseconds for each of what _amounts counts, in float32", "_COSTS = {", *costs, "}"]
        says = "# schedule: (its way to y, to dx, to dw); None: dx is made as y is, by phases"
        ways = "\n".join([says, "_WAYS = {", *rows, "}"])
        entries = []
        for tile, taps in WINOGRAD_SIZES:
            found = algorithm(tile, taps)
            if not found.ok:
                raise ArithmeticError(f"{found!r} differs from the relation")
            whole = found.integers()
            points = ", ".join([*map(str, found.points), "infinity"])
            entries += [f"    # {found.name}: {found.products} products for {tile * taps}, points {points}"]
            entries += [f"    ({tile}, {taps}): ("]
            entries += [_matrix(whole[name]) for name in "AGB"]
            entries += [f"        {found.denominators!r},", "    ),"]
        table = [
            "# (tile m, taps): A, G without its denominators, B, the denominators of G's rows. For each of them",
            "# sum over q of A[o, q] G[q, k] B[q, i] = [i = o + k] was checked exactly.",
            "_WINOGRAD = {",
            *entries,
            "}",
        ]
        return [ways + "\n", lanes, lossy, "\n".join(costs) + "\n", "\n".join(table) + "\n"]

    # the two functions -----------------------------------------------------------------------------------------------

    def sizes(self, layer: ast.expr, targets: Sequence[str]) -> list[ast.stmt]:
        assert isinstance(layer, ast.Call)
        remembered = ast.Call(ast.Name("_same_layer"), [layer.func, *layer.args], layer.keywords)
        axes = source.assign("axes", "[tuple(axis[:6]) for axis in axes]")
        return [source.assign("N, G, F, C, axes", remembered), source.noted(axes, "H, K, O, s, d, p on each")]

    def dy_shape(self) -> list[str]:
        return ["N", "G * F", f"*(axis[{0 if self.kind.transposed else 2}] for axis in axes)"]

    def forward(self) -> list[ast.stmt]:
        if self.kind.transposed:
            # y of a transposed convolution is the reading dx: x stands at o
            lines = [
                *self.grouped(["x", "w"]),
                source.assign("y", "np.empty((N, G, F, *(axis[0] for axis in axes)), x.dtype)"),
                source.expression_statement(f"_make_gradients(x, None, w, y, None, axes, {_OPTIONS})"),
            ]
            column = ", ".join(["G", "F", *["1"] * self.kind.ndim])
            bias = ast.parse(f"if b is not None:\n    y += b.reshape({column})").body
            return [*lines, *bias, source.returned("y.reshape(N, G * F, *y.shape[3:])")]
        return [
            *self.grouped(["x", "w"]),
            source.assign("y", "np.empty((N, G, F, *(axis[2] for axis in axes)), x.dtype)"),
            source.expression_statement(f"_make_y(x, w, b, y, axes, {_OPTIONS})"),
            source.returned("y.reshape(N, G * F, *y.shape[3:])"),
        ]

    def backward(self) -> list[ast.stmt]:
        lines = [
            source.assign("db", "_bias_gradient(dy)"),
            *self.grouped(["dy", "x", "w"]),
            source.assign("dx", "np.empty(x.shape, x.dtype)"),
            source.assign("dw", "np.empty(w.shape, w.dtype)"),
        ]
        if self.kind.transposed:
            makes = [
                f"_make_y(dy, w, None, dx, axes, {_OPTIONS})",
                f"_make_gradients(x, dy, w, None, dw, axes, {_OPTIONS})",
            ]
            w_shape = "(G * C, F, *w.shape[3:])"
        else:
            makes = [f"_make_gradients(dy, x, w, dx, dw, axes, {_OPTIONS})"]
            w_shape = "(G * F, C, *w.shape[3:])"
        ends = [
            "dx.reshape(N, G * C, *x.shape[3:])",
            f"dw.reshape{w_shape}",
            "db",
        ]
        return [*lines, *map(source.expression_statement, makes), source.returned(*ends)]

    def grouped(self, arrays: Sequence[str]) -> list[ast.stmt]:
        lead = {a: [size.upper() for size in self.kind.labels[a][:-1]] for a in arrays}
        lines = [source.assign(a, source.method(a, "reshape", *lead[a], f"*{a}.shape[2:]")) for a in arrays]
        source.noted(lines[0], "groups get an axis of their own; F and C count inside one group")
        return lines


def _matrix(rows: tuple[tuple[int, ...], ...]) -> str:
    whole = f"        ({', '.join(map(repr, rows))},),"
    if len(whole) <= source.WIDTH:
        return whole
    return "\n".join(["        (", *(f"            {row!r}," for row in rows), "        ),"])
