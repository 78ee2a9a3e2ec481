"""How a function is called, with sizes for numbers: the arguments of each convention as arrays of the reader.

The layer has N images, C and F channels (of one group, where groups G are free), H, W, Z rows, kernels K, L, M, and padding p on
every side (or p, q and so on, before and after on each axis). Stride and dilation are numbers.

With a border other than zeros the padding is at most what its mode can fill, and v is the constant of a border of one. In a
transposed layer the same relation holds with x and y exchanging names: x has O, P, Q rows, and where padding is free, r rows (r2,
r3 on the other axes) of output padding are too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symconv import isl
from symconv.layer.padding import FILLER, Mode, mode_named
from symconv.layer.relation import OUTPUT_SIZE, PADDED_SIZE, SLACK
from symconv.proof.forward import comparisons, read_forward
from symconv.reading.arrays import Axis, Grid, allocate
from symconv.reading.numbers import affine
from symconv.reading.terms import Term
from symconv.reading.world import Raised, Unreadable, World

__all__ = ["CALLS", "Call", "Layer", "by_name"]

INPUTS, KERNELS = ("H", "W", "Z"), ("K", "L", "M")
TRANSPOSED_INPUTS, EXTRAS = ("O", "P", "Q"), ("r", "r2", "r3")
PADS = (("p", "q"), ("u", "v"), ("a", "b"))
GRADIENTS = ("dx", "dw", "db")


def by_name(returned: Any, targets: tuple[str, ...]) -> dict[str, Any]:
    """What was returned as ``targets``; ValueError where it is more than they name."""
    if targets == ("y",):
        return {"y": returned[0] if isinstance(returned, tuple) else returned}
    values = list(returned) if isinstance(returned, tuple | list) else [returned]
    if len(values) <= len(targets):
        return dict(zip(targets, values, strict=False))
    if len(values) != len(GRADIENTS) or not set(targets) <= set(GRADIENTS):
        raise ValueError(f"a return of {len(values)} values")
    return {name: value for name, value in zip(GRADIENTS, values, strict=True) if name in targets}


@dataclass(frozen=True)
class Call:
    """One way to call a function, at one stride and dilation.

    ``padding`` is "one" (the same p on every side), "free" (before and after on each axis), "none". ``targets`` are the
    outputs in the order in which they are returned, where a tuple is; of a tuple of dx, dw, db they may be some.
    ``padding_mode`` is what the border holds; a function that has a parameter of that name, or settings, is told it.
    ``forward_formula`` is a forward pass of one's own, ``"y[i] = sum(w[k] * x[s*i + K - 1 - k - p], k)"``, on every axis.
    ``square`` kernels have K entries on each axis, and the sizes in ``one`` (of N, C, F) are 1.
    """

    convention: str = "plain"
    stride: int = 1
    dilation: int = 1
    ndim: int = 2
    padding: str = "one"
    groups: bool = False
    targets: tuple[str, ...] = GRADIENTS
    forward: bool = False
    own_forward: str | None = None
    adjoint: bool = False
    transposed: bool = False
    padding_mode: str = "zeros"
    forward_formula: str | None = None
    square: bool = False
    one: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.convention not in CALLS:
            raise ValueError(f"no convention {self.convention!r} is read; there are {', '.join(CALLS)}")
        if not 1 <= self.ndim <= 3:
            raise ValueError(f"{self.ndim} axes; 1 to 3 are read")
        for name in ("stride", "dilation"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} {value!r} must be a whole number >= 1")
        if self.mode.counts_outside and self.transposed:
            raise ValueError(f"padding_mode {self.padding_mode!r}: a transposed convolution knows zeros only")
        if self.forward_formula is not None and (self.transposed or self.mode.counts_outside):
            raise ValueError("a forward pass of one's own is that of a convolution with zeros padding")

    @property
    def mode(self) -> Mode:
        """What the border holds."""
        return mode_named(self.padding_mode)


class _In:
    """An integer of the relation, evaluated in a world."""

    def __init__(self, world: World, value: Any) -> None:
        self.world, self.value = world, value

    def _with(self, value: Any) -> _In:
        return _In(self.world, value)

    @staticmethod
    def _number(value: Any) -> int:
        if not isinstance(value, int):
            raise Unreadable(f"a product or quotient of sizes ({value}) in a forward pass of one's own")
        return value

    def __add__(self, other: Any) -> _In:
        return self._with(self.value + _bare(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> _In:
        return self._with(self.value - _bare(other))

    def __rsub__(self, other: Any) -> _In:
        return self._with(_bare(other) - self.value)

    def __mul__(self, other: Any) -> _In:
        by = _bare(other)
        return self._with(by * self.value if isinstance(self.value, int) else self.value * self._number(by))

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> _In:
        return self._with(self.world.floor(self.value, self._number(_bare(other))))

    def __mod__(self, other: Any) -> _In:
        by = self._number(_bare(other))
        return self._with(self.value - self.world.floor(self.value, by) * by)


def _bare(value: Any) -> Any:
    return value.value if isinstance(value, _In) else value


class Layer:
    """The sizes of a call, and R on each axis."""

    def __init__(self, call: Call) -> None:
        self.call = call
        n = call.ndim
        self.inputs = (TRANSPOSED_INPUTS if call.transposed else INPUTS)[:n]
        self.kernels = ("K",) * n if call.square or call.convention == "coursera" else KERNELS[:n]
        pads = {"one": (("p", "p"),) * n, "free": PADS[:n], "none": ((None, None),) * n}[call.padding]
        self.pads = tuple(tuple(0 if name is None else affine(name) for name in pair) for pair in pads)
        padding = dict.fromkeys(name for pair in pads for name in pair if name)
        #: rows of output padding on each axis, where they are free
        self.extra = EXTRAS[:n] if call.transposed and call.padding == "free" else ()
        self.sizes = (
            "N",
            "C",
            "F",
            *(("G",) if call.groups else ()),
            *self.inputs,
            *dict.fromkeys(self.kernels),
            *padding,
            *self.extra,
        )
        self.padding = tuple(padding)
        #: what holds of o, k and m on an axis, where a forward pass of one's own says it
        self.forward = None if call.forward_formula is None else comparisons(read_forward(call.forward_formula))
        #: y of the function's own forward pass, where the truth is the adjoint of that; its axes in PyTorch's layout
        self.own_y: Grid | None = None

    def count(self, name: str) -> Any:
        """A size as an argument."""
        return affine(name)

    def values(self, axis: int, **more: Any) -> dict[str, Any]:
        """What the names of R stand for on an axis."""
        p, q = self.pads[axis]
        known = {
            "O" if self.call.transposed else "H": affine(self.inputs[axis]), "K": affine(self.kernels[axis]), "p": p, "q": q,
            "s": self.call.stride, "d": self.call.dilation,
        }  # fmt: skip
        if self.call.transposed:
            known["r"] = affine(self.extra[axis]) if self.extra else 0
        return known | more

    def evaluated(self, world: World, expression: Any, axis: int, **more: Any) -> Any:
        """An integer of the relation on an axis."""
        values: dict[str, Any] = {name: _In(world, value) for name, value in self.values(axis, **more).items()}
        values["s"], values["d"] = self.call.stride, self.call.dilation
        return _bare(expression.evaluate(values))

    def computed(self, world: World, axis: int) -> Any:
        """The rows that follow from the others: of y, and of a transposed layer too."""
        return self.evaluated(world, PADDED_SIZE if self.call.transposed else OUTPUT_SIZE, axis)

    def possible(self, context: isl.Context) -> isl.Set:
        """The sizes of layers that exist."""
        told = [f"{name} >= {0 if name in (*self.padding, *self.extra) else 1}" for name in self.sizes]
        told += [f"{name} = 1" for name in self.call.one]
        world = World(context, self.sizes, isl.Set.read_from_str(context, "{ : }"))
        if self.call.transposed:
            told += [f"{self.computed(world, axis)} >= 1" for axis in range(self.call.ndim)]
            told += [f"{name} < {max(self.call.stride, self.call.dilation)}" for name in self.extra]
        else:
            told += [f"{self.evaluated(world, SLACK, axis)} >= 0" for axis in range(self.call.ndim)]
        if self.call.mode.most is not None:
            told += [f"{pad} <= {self.evaluated(world, self.call.mode.most, axis)}"
                     for axis, pair in enumerate(self.pads) for pad in dict.fromkeys(pair)]  # fmt: skip
        return isl.Set.read_from_str(context, f"[{', '.join(self.sizes)}] -> {{ : {' and '.join(told)} }}")

    # arrays ------------------------------------------------------------------------------------------------------------------

    def axes(self, world: World, name: str) -> tuple[Axis, ...]:
        """Axes in PyTorch's layout."""
        if name == FILLER:
            return ()
        n, c, f = affine("N"), affine("C"), affine("F")
        group = (affine("G"),) if self.call.groups else ()
        space = range(self.call.ndim)
        if name in ("x", "dx"):
            return ((n,), (*group, c), *((affine(self.inputs[a]),) for a in space))
        if name in ("w", "dw"):
            first, second = (c, f) if self.call.transposed else (f, c)
            return ((*group, first), (second,), *((affine(self.kernels[a]),) for a in space))
        if name in ("b", "db"):
            return ((*group, f),)
        if name == "dy" and self.own_y is not None:
            return self.own_y.axes
        return ((n,), (*group, f), *((self.computed(world, a),) for a in space))

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arrays that are handed over."""
        return ("x", "w", "b", "dy", *((FILLER,) if self.call.mode.filled else ()))

    @property
    def channels_last(self) -> bool:
        return self.call.convention == "coursera"

    def order(self, name: str) -> tuple[int, ...]:
        """The axes of PyTorch's layout in the order of the convention's."""
        space = tuple(range(2, 2 + self.call.ndim))
        if not self.channels_last:
            return (0, 1, *space)
        return (*space, 1, 0) if name in ("w", "dw") else (0, *space, 1)

    def native(self, world: World, name: str) -> tuple[Axis, ...]:
        """Axes in the convention's layout."""
        axes = self.axes(world, name)
        if name == FILLER:
            return axes
        if name in ("b", "db"):
            return ((1,),) * (self.call.ndim + 1) + axes if self.channels_last else axes
        return tuple(axes[o] for o in self.order(name))

    def argument(self, world: World, name: str) -> Grid:
        """An argument: memory that holds the array of that name, entry by entry."""
        axes = self.native(world, name)
        own = [[world.fresh("t") for part in axis] for axis in axes]
        index = tuple(tuple(0 if part == 1 else affine(n) for n, part in zip(x, axis, strict=True))
                      for x, axis in zip(own, axes, strict=True))  # fmt: skip
        told = self.standard(name, index)
        term = Term(Fraction(1), ((name, tuple(i for axis in told for i in axis)),))
        found = allocate(world, axes, [term], tuple(n for x in own for n in x), name)
        assert found.buffer is not None
        found.buffer.ordered = True
        return found

    def standard(self, name: str, index: tuple[Any, ...]) -> tuple[Any, ...]:
        """An index of the convention's layout, in PyTorch's."""
        if name in ("b", "db"):
            return index[-1:]
        if name == FILLER:
            return index
        order = self.order(name)
        return tuple(index[order.index(at)] for at in range(len(order)))


# conventions -------------------------------------------------------------------------------------------------------------------


def _amounts(layer: Layer) -> Any:
    """The padding as a convention hands it over."""
    call = layer.call
    if call.padding == "none":
        return 0
    return layer.pads[0][0] if call.padding == "one" else tuple(layer.pads)


def _extras(reader: Any, function: Any, layer: Layer) -> dict[str, Any]:
    call = layer.call
    more: dict[str, Any] = {} if call.dilation == 1 else {"dilation": call.dilation}
    return more | ({"groups": layer.count("G")} if call.groups else {}) | _border(reader, function, layer)


def _border(reader: Any, function: Any, layer: Layer) -> dict[str, Any]:
    """What a function is told of the border; one of settings, not of a function, is told all."""
    call = layer.call
    if not call.mode.counts_outside:
        return {}
    told: dict[str, Any] = {"padding_mode": call.padding_mode}
    if call.mode.filled:
        told["padding_value"] = layer.argument(reader.world, FILLER)
    found = {name: value for name, value in told.items() if function is None or reader.takes(function, name)}
    if call.mode.filled and "padding_value" not in found:
        raise Unreadable("a border of a constant where the function takes no padding_value: its constant")
    return found


def _arrays(layer: Layer, world: World, *names: str) -> list[Any]:
    return [layer.argument(world, name) for name in names]


def _plain(reader: Any, function: Any, layer: Layer) -> Any:
    call = layer.call
    names = ("x", "w", "b") if call.forward else ("x", "w", "b", "dy")
    given = [*_arrays(layer, reader.world, *names), call.stride, _amounts(layer)]
    return reader.call(function, given, _extras(reader, function, layer))


def _cached(reader: Any, function: Any, layer: Layer) -> Any:
    x, w, b = _arrays(layer, reader.world, "x", "w", "b")
    parameters = {"stride": layer.call.stride, "pad": _amounts(layer)} | _extras(reader, None, layer)
    if layer.call.forward:
        return reader.call(function, [x, w, b, parameters])
    cache: Any = (x, w, b, parameters)
    if layer.call.own_forward is not None:
        returned = reader.call(reader.named(layer.call.own_forward), [x, w, b, parameters])
        if not isinstance(returned, tuple) or len(returned) != 2:
            raise Unreadable("a forward function that returns no cache")
        cache = returned[1]
    return reader.call(function, [*_arrays(layer, reader.world, "dy"), cache])


def _kernel(reader: Any, function: Any, layer: Layer) -> Any:
    call = layer.call
    more = {"stride": call.stride, "padding": _amounts(layer), "dilation": call.dilation}
    more |= {"groups": layer.count("G")} if call.groups else {}
    more |= {"output_padding": tuple(layer.count(name) for name in layer.extra)} if layer.extra else {}
    more |= _border(reader, function, layer)
    names = ("x", "w", "b") if call.forward else ("dy", "x", "w")
    return reader.call(function, _arrays(layer, reader.world, *names), more)


def _layer(reader: Any, function: Any, layer: Layer) -> Any:
    x, w, b = _arrays(layer, reader.world, "x", "w", "b")
    made = reader.call(function, [w, b, layer.call.stride, _amounts(layer)], _extras(reader, function, layer))
    y = reader.call(reader.attribute(made, "forward"), [x])
    if layer.call.forward:
        return y
    found = {"dx": reader.call(reader.attribute(made, "backward"), _arrays(layer, reader.world, "dy"))}
    for name, shown in (("dw", ("dW", "dw")), ("db", ("db",))):
        for each in shown:
            try:
                value = reader.attribute(made, each)
            except (Raised, AttributeError):
                continue
            if value is not None:
                found[name] = value
                break
    return found


CALLS: dict[str, Callable[[Any, Any, Layer], Any]] = {
    "plain": _plain,
    "cs231n": _cached,
    "coursera": _cached,
    "layer": _layer,
    "kernel": _kernel,
}
