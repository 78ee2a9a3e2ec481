"""One kernel as a file: the header, public functions around the sum that a schedule makes, and the helpers these use.

These are the same for every kernel: ``conv2d`` and ``conv2d_backward`` with keyword parameters, ``conv_forward`` and
``conv_backward`` in the notation of course assignments. The sum comes from :mod:`symconv.kernels.lowerings`, the helpers
from :mod:`symconv.kernels.helpers`, the words from :mod:`symconv.kernels.words`.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from symconv.kernels import helpers, source
from symconv.kernels.columns import Columns
from symconv.kernels.lowerings import AXIS_SIZES, Formulas, Lowering, WrittenOut
from symconv.kernels.nest import Kind
from symconv.kernels.schedules import MAX_UNROLLED_TERMS, SCHEDULES, Schedule
from symconv.kernels.words import BORDER, Words, shortest
from symconv.layer import relation
from symconv.layer.conv import Conv

__all__ = ["Kernel", "emit"]

#: keyword parameters of a public function and what they are for any layer
PARAMETERS = {"stride": "1", "padding": "0", "dilation": "1", "groups": "1"}
TRANSPOSED_PARAMETERS = {**PARAMETERS, "output_padding": "0"}

#: calls that the relation spells out: in a file its expression stands for the call
FROM_RELATION = {
    "_output_size(H, K, s, d, p, q)": relation.OUTPUT_SIZE,
    "_transposed_size(O, K, s, d, p, q, r)": relation.PADDED_SIZE,
}


#: a schedule's lowering -> the class that makes statements of it
LOWERINGS: dict[str, Callable[[Schedule, Kind, Conv | None], Lowering]] = {
    "nest": Lowering,
    "columns": Columns,
    "formulas": Formulas,
    "unrolled": WrittenOut,
}


@dataclass(frozen=True)
class Kernel:
    """An emitted file: ``source``, and what it is for.

    ``layer`` is the one layer (batch 1) that a kernel of one size holds for, None for any size. ``evidence`` are the
    paragraphs of the header that say how it was checked.
    """

    schedule: Schedule
    kind: Kind
    layer: Conv | None = None
    evidence: tuple[str, ...] = field(default=(), repr=False)
    source: str = field(default="", repr=False)

    @property
    def stem(self) -> str:
        return self.kind.layer.stem

    @property
    def function(self) -> str:
        """The name of the forward function: ``conv2d``, ``conv_transpose2d``."""
        return f"{self.stem}{self.kind.ndim}d"

    @property
    def name(self) -> str:
        """The file's name without its ending: ``conv2d_taps``."""
        if self.schedule.to_use:
            return self.function
        if self.layer is None:
            return f"{self.function}_{self.schedule.name}"
        size = self.layer.slug.replace("-transposed", "").replace("-", "_")
        return f"{self.function}_{self.schedule.name}_{size}"

    @property
    def path(self) -> str:
        """Where its file is among those that are written: the file to use on top, the single schedules in a folder."""
        return f"{self.name}.py" if self.schedule.to_use else f"kernels/{self.name}.py"

    def load(self) -> types.ModuleType:
        """The source, executed as a module of its own."""
        module = types.ModuleType(self.name)
        exec(compile(self.source, f"{self.name}.py", "exec"), module.__dict__)
        return module

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "function": self.function,
            "schedule": self.schedule.name,
            "layer": None if self.layer is None else self.layer.to_dict(),
        }

    def __repr__(self) -> str:
        return f"<kernel {self.name}, {len(self.source.splitlines())} lines>"


def emit(schedule: str | Schedule, layer: Kind | Conv, evidence: Sequence[str] = ()) -> Kernel:
    """The kernel of a schedule: for a :class:`Kind` of layer, or for one layer where the schedule writes one out.

    ``evidence`` are the paragraphs about its checks that the header carries; this function checks nothing. Raises
    ValueError for an unknown schedule, a schedule of one size without a layer, and a layer with too many terms to write out.

    >>> emit("taps", Kind(2)).name
    'conv2d_taps'
    """
    if isinstance(schedule, str):
        if schedule not in SCHEDULES:
            raise ValueError(f"no schedule {schedule!r}; there are {', '.join(SCHEDULES)}")
        schedule = SCHEDULES[schedule]
    kind = Kind(layer.ndim, layer.transposed)
    # the images are the one index that is never written out, and the constant of a border stays a letter
    one = None
    if isinstance(layer, Conv) and not schedule.any_size:
        one = Conv(**{**layer.to_dict(), "batch": 1, "padding_value": None})
    if one is not None and one.terms > MAX_UNROLLED_TERMS:
        raise ValueError(
            f"the loss of {one!r} has {one.terms:,} terms; {schedule.name} code is written for at most {MAX_UNROLLED_TERMS}"
        )
    kernel = Kernel(schedule, kind, one, tuple(evidence))
    return replace(kernel, source=_File(kernel).text())


class _File:
    """The parts of one file, in the order they are written."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel, self.kind, self.layer = kernel, kernel.kind, kernel.layer
        self.lowering = LOWERINGS[kernel.schedule.lowering](kernel.schedule, kernel.kind, kernel.layer)
        self.words = Words(
            kernel.function, kernel.schedule, kernel.kind, kernel.layer, self.parameters, self.lowering.says_options()
        )

    def text(self) -> str:
        functions = [self.forward(), self.backward(), self.double_backward(), *self.course_functions()]
        names = [each.name for each in functions if isinstance(each, ast.FunctionDef)]
        functions += self.lowering.functions()
        says = self.words.header(self.lowering.remark(), self.kernel.evidence)
        head = source.render([source.docstring(says)]) + "\nimport numpy as np\n\n"
        head += "\n".join(source.render([each]) for each in (source.assign("__all__", repr(names)), *self.constants()))
        parts = [*(source.render([each]) for each in functions)]
        parts += self.helpers(parts)
        if any("_MODES" in source.names_in(part) for part in parts):
            head += "\n" + source.render([_modes()])
        return "\n\n".join([head, *parts])

    def constants(self) -> list[ast.stmt]:
        if self.layer is None:
            return []
        conv = self.layer
        axes = [tuple(axis.values[size] for size in AXIS_SIZES) for axis in conv.axes]
        sizes = (conv.groups, conv.out_channels // conv.groups, conv.in_channels // conv.groups, axes)
        line = source.assign("LAYER", repr(sizes))
        return [
            source.noted(line, f"the layer that is written out: G, F, C and, on each axis, {', '.join(AXIS_SIZES)}")
        ]

    def helpers(self, parts: Sequence[str]) -> list[str]:
        """The functions that ``parts`` use, and those that these use, in order of first use."""
        texts: dict[str, str] = {}
        wanted = [name for part in parts for name in source.names_in(part)]
        while wanted:
            name = wanted.pop(0)
            found = ((getattr(module, name, None), module) for module in self.lowering.modules)
            helper = next(
                (each for each, module in found if getattr(each, "__module__", None) == module.__name__), None
            )
            if helper is None or name in texts:
                continue
            texts[name] = _spelled_out(source.copied(helper))
            wanted += source.names_in(texts[name])
        return list(texts.values())

    # the public functions --------------------------------------------------------------------------------------------

    @property
    def parameters(self) -> dict[str, str]:
        """Keyword parameters with their defaults, which for one layer are the layer's own."""
        plain = TRANSPOSED_PARAMETERS if self.kind.transposed else PARAMETERS
        if self.layer is None:
            return {**plain, **({} if self.kind.transposed else BORDER), **self.lowering.options}
        own = {name: shortest(getattr(self.layer, name)) for name in plain}
        return own if self.kind.transposed else {**own, **BORDER, "padding_mode": repr(self.layer.padding_mode)}

    def signature(self, name: str, arrays: str) -> str:
        return f"{name}({arrays}, {', '.join(f'{key}={value}' for key, value in self.parameters.items())})"

    def opening(self, arrays: Sequence[str], targets: Sequence[str]) -> list[ast.stmt]:
        """The arguments as arrays, their layer, and its sizes."""
        given = ", ".join(arrays)
        bias = "b" if "b" in arrays else "None"
        finder = "_transposed_layer" if self.kind.transposed else "_layer"
        names = [name for name in self.parameters if name not in (*self.lowering.options, "padding_value")]
        layer = source.call(finder, "x", "w", bias, *names, ndim=self.kind.ndim)
        border = [self.own_border()] if self.layer and not self.kind.transposed else []
        if self.layer is None and not self.kind.transposed and not self.lowering.pads:
            border = [self.bordered(arrays)]
        result, *sizes = self.lowering.sizes(layer, targets)
        return [source.assign(given, f"_arrays({given})"), result, *border, *sizes]

    def own_border(self) -> ast.stmt:
        """The border that the code of one layer is written for."""
        assert self.layer is not None
        mode = self.layer.padding_mode
        told = f"padding_mode {{padding_mode!r}}: this code is written for {mode!r}"
        return source.when([f"padding_mode != {mode!r}"], ast.parse(f"raise ValueError(f{told!r})").body)

    def bordered(self, arrays: Sequence[str]) -> ast.stmt:
        """Another border than zeros: the longer x without padding, and its gradient folded back."""
        forward = "b" in arrays
        name = self.kernel.function if forward else f"{self.kernel.function}_backward"
        layer = [
            "0" if key == "padding" else key for key in self.parameters if key not in (*BORDER, *self.lowering.options)
        ]
        given = ", ".join([*arrays, *layer, *(f"{key}={key}" for key in self.lowering.options)])
        lines = ["x = _padded(x, axes, padding_mode, padding_value)"]
        if forward:
            lines.append(f"return {name}({given})")
        else:
            lines += [f"dpadded, dw, db = {name}({given})", "return _folded(dpadded, axes, padding_mode), dw, db"]
        return source.when(["padding_mode != 'zeros'"], ast.parse("\n".join(lines)).body)

    def forward(self) -> ast.stmt:
        return source.function(
            self.signature(self.kernel.function, "x, w, b=None"),
            self.words.forward(),
            [*self.opening(["x", "w", "b"], ["y"]), *self.lowering.forward()],
        )

    def backward(self) -> ast.stmt:
        shape = source.tuple_of(self.lowering.dy_shape())
        told = f"dy {{dy.shape}} must have shape {{{ast.unparse(shape)}}} to fit the other arrays"
        check = source.when([f"dy.shape != {ast.unparse(shape)}"], ast.parse(f"raise ValueError(f{told!r})").body)
        return source.function(
            self.signature(f"{self.kernel.function}_backward", "dy, x, w"),
            self.words.backward(),
            [*self.opening(["dy", "x", "w"], ["dx", "dw"]), check, *self.lowering.backward()],
        )

    def double_backward(self) -> ast.stmt:
        """Three readings of the same form with one factor replaced: the public functions, called with directions."""
        function, names = self.kernel.function, list(self.parameters)
        # the gradient of a constant border is zero, so a direction is bordered by zeros
        first = names.index("padding_value") if "padding_value" in names else len(names)
        own = ", ".join(["*layer", *names[first:]])
        of_direction = own.replace("padding_value", "0")
        body = [
            f"layer = {', '.join(names[:first])}",
            f"ddy = {function}(v_x, w, None, {of_direction}) + {function}(x, v_w, v_b, {own})",
            f"ddx, _, _ = {function}_backward(dy, x, v_w, {own})",
            f"_, ddw, _ = {function}_backward(dy, v_x, w, {of_direction})",
        ]
        return source.function(
            self.signature(f"{function}_double_backward", "v_x, v_w, v_b, dy, x, w"),
            self.words.double_backward(),
            [*ast.parse("\n".join(body)).body, source.returned("ddy", "ddx", "ddw")],
        )

    def course_functions(self) -> list[ast.stmt]:
        """``conv_forward(x, w, b, conv_param) -> out, cache`` and ``conv_backward(dout, cache)``."""
        stem, function = self.kernel.stem, self.kernel.function
        options = source.assign(
            "layer", "{'padding' if name == 'pad' else name: value for name, value in conv_param.items()}"
        )
        forward = source.function(
            f"{stem}_forward(x, w, b, conv_param)",
            self.words.course_forward(),
            [options, source.returned(f"{function}(x, w, b, **layer)", "(x, w, b, layer)")],
        )
        backward = source.function(
            f"{stem}_backward(dout, cache)",
            self.words.course_backward(f"{stem}_forward"),
            [
                source.assign("x, w, b, layer", "cache"),
                source.assign("dx, dw, db", f"{function}_backward(dout, x, w, **layer)"),
                source.returned("dx", "dw", "None if b is None else db"),
            ],
        )
        return [forward, backward]


def _modes() -> ast.stmt:
    line = source.assign("_MODES", repr(helpers._MODES))
    return source.noted(
        line, "padding_mode: its name in np.pad; by how many rows one side may be longer than H, None: by any number"
    )


def _spelled_out(text: str) -> str:
    """The text with what the relation says in place of a call."""
    for call, value in FROM_RELATION.items():
        text = text.replace(call, str(value))
    return text
