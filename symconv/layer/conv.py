"""``Conv``: the sizes of one convolution layer, normalised once and validated once.

Layouts are PyTorch's: x (N, C, *H), w (F, C/groups, *K), b (F,), y and dy (N, F, *O); for a transposed
convolution w is (C, F/groups, *K).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from symconv.algebra.integers import floor_sum
from symconv.layer import relation
from symconv.layer.kind import KINDS, LayerKind
from symconv.layer.names import entry_name
from symconv.layer.padding import FILLER, MODES, Mode
from symconv.layer.parameters import (
    Padding,
    PerAxis,
    axes_of,
    border_value,
    check_sizes,
    each_axis,
    padding_pairs,
    possible_mode,
    whole,
)

if TYPE_CHECKING:
    import sympy

    from symconv.formulas.verify import Verification
    from symconv.layer.gradients import Gradients
    from symconv.layer.second import HessianVector, SecondGradients

__all__ = ["MAX_TERMS", "Axis", "Conv", "PerAxis", "Padding", "crossed"]

#: a loss with more terms than this is refused before any work (``max_terms=`` raises it)
MAX_TERMS = 5_000_000


def crossed(values: Sequence[int]) -> str:
    """(5, 6) -> ``5x6``, the way sizes are written on the command line and in names of files."""
    return "x".join(map(str, values))


@dataclass(frozen=True, slots=True)
class Axis:
    """The sizes of the relation R on one axis: ``m = P(s*o + d*k - p)`` with 0 <= o < O, 0 <= k < K, 0 <= m < H.

    P is the padding's map from padded rows to rows, by the mode (:mod:`symconv.layer.padding`). In a transposed convolution
    m runs over the output and o over the input, so H is the output's size here.
    """

    H: int
    K: int
    O: int
    s: int
    d: int
    p: int
    q: int
    mode: Mode = MODES["zeros"]

    @property
    def values(self) -> dict[str, int]:
        """The sizes by their one-letter names, the remainder r included."""
        sizes = {name: getattr(self, name) for name in ("H", "K", "O", "s", "d", "p", "q")}
        return sizes | {"r": relation.REMAINDER.evaluate(sizes)}


@dataclass(frozen=True, init=False, repr=False)
class Conv:
    """One convolution layer: how large, how strided, padded and dilated, in how many channels and groups.

    Parameters are ints (the same on every axis) or one int per axis; ``padding`` is also accepted as
    ``(before, after)`` pairs, or a word: ``"valid"`` (none), ``"same"`` (output as large as the input, the odd row after,
    stride 1 only, as in PyTorch), ``"same_tf"`` (TensorFlow's, any stride), ``"full"`` (every overlap) or ``"causal"``
    (no output looks ahead). ``padding_mode`` says what the border holds: zeros, constant (``padding_value``, or v as
    a letter when it is left out), reflect, replicate, circular or symmetric. The number of axes is that of the longest
    parameter. With ``transposed=True`` the layer is the transposed convolution: the same relation with x and y exchanging names;
    ``output_padding`` is then the number of rows added after, as in PyTorch.

    Raises ValueError, naming the values, the broken condition and the axis, for a convolution that does not exist.

    >>> conv = Conv(input=(5, 6), kernel=(3, 2), stride=2, padding=1)
    >>> conv.output, conv.remainder, conv.terms
    ((3, 4), (0, 0), 54)
    >>> Conv(input=4, kernel=5, dilation=2, padding=1)
    Traceback (most recent call last):
    ValueError: kernel 5 with dilation 2 spans 9, but input 4 with padding (1, 1) has only 6 on axis 0
    """

    input: tuple[int, ...]
    kernel: tuple[int, ...]
    batch: int
    in_channels: int
    out_channels: int
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int
    bias: bool
    transposed: bool
    output_padding: tuple[int, ...]
    padding_mode: str
    padding_value: float | None

    def __init__(
        self,
        input: PerAxis,
        kernel: PerAxis,
        batch: int = 1,
        in_channels: int = 1,
        out_channels: int = 1,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        bias: bool = True,
        transposed: bool = False,
        output_padding: PerAxis = 0,
        padding_mode: str = "zeros",
        padding_value: float | None = None,
    ) -> None:
        per_axis = {"input": input, "kernel": kernel, "stride": stride, "dilation": dilation,
                    "output_padding": output_padding}  # fmt: skip
        ndim = axes_of(per_axis | {"padding": padding})
        known: dict[str, Any] = {name: each_axis(name, value, ndim) for name, value in per_axis.items()}
        for name, least in (("input", 1), ("kernel", 1), ("stride", 1), ("dilation", 1), ("output_padding", 0)):
            for axis, value in enumerate(known[name]):
                if value < least:
                    raise ValueError(f"{name} {value} on axis {axis} must be at least {least}")
        for name, number in (("batch", batch), ("in_channels", in_channels), ("out_channels", out_channels),
                             ("groups", groups)):  # fmt: skip
            known[name] = whole(name, number)
            if known[name] < 1:
                raise ValueError(f"{name} {number} must be at least 1")
        for name in ("in_channels", "out_channels"):
            if known[name] % known["groups"]:
                raise ValueError(f"groups {groups} does not divide {name} {known[name]}")
        for name, flag in (("bias", bias), ("transposed", transposed)):
            if not isinstance(flag, bool):
                raise TypeError(f"{name} must be True or False, got {flag!r}")
            known[name] = flag
        known["padding"] = padding_pairs(padding, known, transposed)
        check_sizes(known)
        known["padding_mode"] = possible_mode(padding_mode, known).name
        known["padding_value"] = border_value(padding_value, MODES[padding_mode])
        for name in self.__dataclass_fields__:
            object.__setattr__(self, name, known[name])
        self._check_output()

    def _check_output(self) -> None:
        for axis in range(self.ndim):
            (p, q), size, kernel = self.padding[axis], self.input[axis], self.kernel[axis]
            s, d, extra = self.stride[axis], self.dilation[axis], self.output_padding[axis]
            if self.transposed:
                if extra and extra >= max(s, d):
                    raise ValueError(
                        f"output_padding {extra} must be smaller than stride {s} or dilation {d} on axis {axis}"
                    )
                if self.output[axis] < 1:
                    raise ValueError(
                        f"input {size} with kernel {kernel}, stride {s}, dilation {d}, padding ({p}, {q}) and "
                        f"output_padding {extra} gives output {self.output[axis]} on axis {axis}; it must be at least 1"
                    )
            elif extra:
                raise ValueError(f"output_padding {extra} on axis {axis} needs transposed=True")
            elif self.output[axis] < 1:
                span = relation.SPAN.evaluate({"K": kernel, "d": d})
                raise ValueError(
                    f"kernel {kernel} with dilation {d} spans {span}, but input {size} with padding ({p}, {q}) "
                    f"has only {size + p + q} on axis {axis}"
                )

    # sizes -----------------------------------------------------------------------------------------------------------

    @property
    def ndim(self) -> int:
        """Number of spatial axes."""
        return len(self.input)

    @property
    def kind(self) -> LayerKind:
        """A convolution or a transposed one, with the facts in which they differ."""
        return KINDS[self.transposed]

    @property
    def mode(self) -> Mode:
        """What the border holds, as a row of the table of modes."""
        return MODES[self.padding_mode]

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """The relation R on each axis; H is x's size there, or y's when transposed."""
        sizes = zip(self.input, self.kernel, self.stride, self.dilation, self.padding, self.output_padding, strict=True)
        return tuple(_axis(*each, self.transposed, self.padding_mode) for each in sizes)

    @cached_property
    def output(self) -> tuple[int, ...]:
        """Spatial size of y: ``(H + p + q - d*(K-1) - 1) // s + 1``, or for a transposed convolution
        ``(H - 1)*s - p - q + d*(K-1) + 1 + output_padding``."""
        return tuple(axis.H if self.transposed else axis.O for axis in self.axes)

    @property
    def remainder(self) -> tuple[int, ...]:
        """Rows of padded input, per axis, that no window reaches: ``(H + p + q - d*(K-1) - 1) mod s``.

        They receive gradient zero; a formula for dx that forgets them returns an array too short. For a transposed
        convolution it is the output padding.
        """
        return tuple(axis.values["r"] for axis in self.axes)

    def sizes(self, axis: int) -> dict[str, int]:
        """H, K, O, s, d, p, q, r on one axis, as a formula names them: H is x's size, O is y's, also when transposed."""
        return self.axes[axis].values | {"H": self.input[axis], "O": self.output[axis]}

    @property
    def x_shape(self) -> tuple[int, ...]:
        return (self.batch, self.in_channels, *self.input)

    @property
    def w_shape(self) -> tuple[int, ...]:
        channels = {"x": self.in_channels, "y": self.out_channels}
        return (channels[self.kind.strided], channels[self.kind.padded] // self.groups, *self.kernel)

    @property
    def b_shape(self) -> tuple[int, ...]:
        return (self.out_channels,)

    @property
    def y_shape(self) -> tuple[int, ...]:
        return (self.batch, self.out_channels, *self.output)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each array of the layer by its name; not to be written to."""
        x, w, b, y = self.x_shape, self.w_shape, self.b_shape, self.y_shape
        return {
            "x": x, "w": w, "b": b, "y": y, "t": y, "dx": x, "dw": w, "db": b, "dy": y,
            "v_x": x, "v_w": w, "v_b": b, "v_dy": y, "ddx": x, "ddw": w, "ddy": y, FILLER: (),
        }  # fmt: skip

    def entry_name(self, array: str, flat: int) -> str:
        """What entry number ``flat`` (in C order) of an array is called: ``x_{12}``."""
        return entry_name(self, array, flat)

    @cached_property
    def terms(self) -> int:
        """Number of terms of the loss ``sum dy*y``: products ``dy*w*x`` plus, with a bias, ``dy*b``."""
        pairs = math.prod(_pairs_in_relation(axis) for axis in self.axes)
        products = self.batch * self.in_channels * self.out_channels // self.groups * pairs
        return products + (math.prod(self.y_shape) if self.bias else 0)

    def check_terms(self, max_terms: int = MAX_TERMS) -> None:
        """ValueError when the loss has more than ``max_terms`` terms."""
        if self.terms > max_terms:
            raise ValueError(f"the loss of {self!r} has {self.terms:,} terms, more than max_terms={max_terms:,}")

    # readings of the loss --------------------------------------------------------------------------------------------

    def gradients(self, loss: str | sympy.Expr = "upstream", max_terms: int = MAX_TERMS) -> Gradients:
        """y, dx, dw, db by differentiating the loss; see :func:`symconv.layer.gradients.gradients`."""
        from symconv.layer.gradients import gradients

        return gradients(self, loss, max_terms=max_terms)

    def second_gradients(self, max_terms: int = MAX_TERMS) -> SecondGradients:
        """ddy, ddx, ddw: the double backward; see :func:`symconv.layer.second.second_gradients`."""
        from symconv.layer.second import second_gradients

        return second_gradients(self, max_terms=max_terms)

    def hessian_vector(self, loss: str | sympy.Expr = "squared") -> HessianVector:
        """The Hessian of a loss times a direction; see :func:`symconv.layer.second.hessian_vector`."""
        from symconv.layer.second import hessian_vector

        return hessian_vector(self, loss)

    def verify(
        self, formulas: Sequence[Any] | None = None, max_terms: int = MAX_TERMS, by: str = "auto", forward: Any = None
    ) -> Verification:
        """The closed formulas held against the derivative, exactly, at any size; see :func:`symconv.formulas.verify.verify`."""
        from symconv.formulas.verify import verify

        return verify(self, formulas, max_terms=max_terms, by=by, forward=forward)

    # showing ---------------------------------------------------------------------------------------------------------

    @cached_property
    def slug(self) -> str:
        """A short name for files and tests: ``in5x6-k3x2-s2x1-p1x0-d1x2-g2``."""
        parts = [f"in{crossed(self.input)}", f"k{crossed(self.kernel)}"]
        if (self.batch, self.in_channels, self.out_channels) != (1, 1, 1):
            parts.append(f"n{self.batch}c{self.in_channels}f{self.out_channels}")
        if any(v != 1 for v in self.stride):
            parts.append(f"s{crossed(self.stride)}")
        if any(v != (0, 0) for v in self.padding):
            pads = (str(p) if p == q else f"{p},{q}" for p, q in self.padding)
            parts.append("p" + "x".join(pads).replace(",", "_"))
        if self.padding_mode != "zeros":
            parts.append(self.padding_mode)
            parts += [] if self.padding_value is None else [f"{self.padding_value:g}".replace(".", "_")]
        if any(v != 1 for v in self.dilation):
            parts.append(f"d{crossed(self.dilation)}")
        if self.groups != 1:
            parts.append(f"g{self.groups}")
        if not self.bias:
            parts.append("nobias")
        if self.transposed:
            parts.append("transposed")
        if any(self.output_padding):
            parts.append(f"op{crossed(self.output_padding)}")
        return "-".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Every parameter as plain lists and numbers (``Conv(**conv.to_dict()) == conv``), for JSON."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    def __getstate__(self) -> dict[str, Any]:
        """The parameters alone: what has been worked out of them need not go from process to process."""
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    def __repr__(self) -> str:
        defaults = {"batch": 1, "in_channels": 1, "out_channels": 1, "groups": 1, "bias": True, "transposed": False,
                    "stride": (1,) * self.ndim, "padding": ((0, 0),) * self.ndim, "dilation": (1,) * self.ndim,
                    "output_padding": (0,) * self.ndim, "padding_mode": "zeros", "padding_value": None}  # fmt: skip
        shown = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value == defaults.get(field.name, MISSING):
                continue
            if field.name == "padding" and all(p == q for p, q in value):
                value = tuple(p for p, _ in value)
                value = value if self.ndim > 1 else value[0]
            elif isinstance(value, tuple) and self.ndim == 1 and field.name != "padding":
                value = value[0]
            shown.append(f"{field.name}={value!r}")
        return f"Conv({', '.join(shown)})"


@lru_cache(4096)  # the axes of a grid come again and again
def _axis(
    size: int, K: int, s: int, d: int, padding: tuple[int, int], extra: int, transposed: bool, mode: str
) -> Axis:  # fmt: skip
    """The relation R on one axis of a layer with these sizes."""
    p, q = padding
    known = {"K": K, "s": s, "d": d, "p": p, "q": q}
    if transposed:  # x is on the o side; the m side is as large as makes the remainder ``extra``
        H, O = relation.PADDED_SIZE.evaluate(known | {"O": size, "r": extra}), size
    else:
        H, O = size, relation.OUTPUT_SIZE.evaluate(known | {"H": size})
    return Axis(H=H, O=O, **known, mode=MODES[mode])


@lru_cache(4096)
def _pairs_in_relation(axis: Axis) -> int:
    """How many (o, k) of the axis read something: a row of the input, or what its border holds."""
    if axis.mode.counts_outside:
        return axis.O * axis.K
    start = relation.INPUT_INDEX.evaluate({"s": axis.s, "o": 0, "d": axis.d, "k": 0, "p": axis.p})
    # m = s*o + d*k + start: those with m <= H - 1 less those with m <= -1
    return _below(axis, axis.H - 1 - start) - _below(axis, -1 - start)


def _below(axis: Axis, most: int) -> int:
    """How many (o, k) have ``s*o + d*k <= most``; the sizes may be large, so nothing is gone through one by one."""
    s, d = axis.s, axis.d
    full = min(max((most - s * (axis.O - 1)) // d + 1, 0), axis.K)  # taps with every o
    some = min(max(most // d + 1, 0), axis.K)  # taps with o = 0
    return full * axis.O + floor_sum(some - full, s, d, most - d * (some - 1)) + some - full


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, tuple) else value
