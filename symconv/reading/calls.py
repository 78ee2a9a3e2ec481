"""How a function is called, with sizes for numbers: the arguments of each convention as arrays of the reader.

The layer has N images, C and F channels (of one group, where groups G are free), H, W, Z rows, kernels K, L, M, and padding p on
every side (or p, q and so on, before and after on each axis). Stride and dilation are numbers.

In a transposed layer the same relation holds with x and y exchanging names: x has O, P, Q rows, and where padding is free, r rows
(r2, r3 on the other axes) of output padding are too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symconv import isl
from symconv.layer.kind import KINDS
from symconv.layer.relation import EXTENTS, INPUT_INDEX, OUTPUT_SIZE, PADDED_SIZE, SLACK
from symconv.reading.arrays import Axis, Grid, allocate, running, snapshot
from symconv.reading.numbers import Affine, Constraint, affine, at_least
from symconv.reading.terms import Term, simplified
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

    def __post_init__(self) -> None:
        if self.convention not in CALLS:
            raise ValueError(f"no convention {self.convention!r} is read; there are {', '.join(CALLS)}")
        if not 1 <= self.ndim <= 3:
            raise ValueError(f"{self.ndim} axes; 1 to 3 are read")
        for name in ("stride", "dilation"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} {value!r} must be a whole number >= 1")


class _In:
    """An integer of the relation, evaluated in a world."""

    def __init__(self, world: World, value: Any) -> None:
        self.world, self.value = world, value

    def _with(self, value: Any) -> _In:
        return _In(self.world, value)

    def __add__(self, other: Any) -> _In:
        return self._with(self.value + _bare(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> _In:
        return self._with(self.value - _bare(other))

    def __rsub__(self, other: Any) -> _In:
        return self._with(_bare(other) - self.value)

    def __mul__(self, other: Any) -> _In:
        return self._with(self.value * _bare(other))

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> _In:
        return self._with(self.world.floor(self.value, _bare(other)))


def _bare(value: Any) -> Any:
    return value.value if isinstance(value, _In) else value


class Layer:
    """The sizes of a call, and R on each axis."""

    def __init__(self, call: Call) -> None:
        self.call = call
        n = call.ndim
        self.inputs = (TRANSPOSED_INPUTS if call.transposed else INPUTS)[:n]
        self.kernels = ("K",) * n if call.convention == "coursera" else KERNELS[:n]
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
        values = {name: _In(world, value) for name, value in self.values(axis, **more).items()}
        values["s"], values["d"] = self.call.stride, self.call.dilation  # type: ignore[assignment]
        return _bare(expression.evaluate(values))

    def computed(self, world: World, axis: int) -> Any:
        """The rows that follow from the others: of y, and of a transposed layer too."""
        return self.evaluated(world, PADDED_SIZE if self.call.transposed else OUTPUT_SIZE, axis)

    def possible(self, context: isl.Context) -> isl.Set:
        """The sizes of layers that exist."""
        told = [f"{name} >= {0 if name in (*self.padding, *self.extra) else 1}" for name in self.sizes]
        world = World(context, self.sizes, isl.Set.read_from_str(context, "{ : }"))
        if self.call.transposed:
            told += [f"{self.computed(world, axis)} >= 1" for axis in range(self.call.ndim)]
            told += [f"{name} < {max(self.call.stride, self.call.dilation)}" for name in self.extra]
        else:
            told += [f"{self.evaluated(world, SLACK, axis)} >= 0" for axis in range(self.call.ndim)]
        return isl.Set.read_from_str(context, f"[{', '.join(self.sizes)}] -> {{ : {' and '.join(told)} }}")

    # arrays ------------------------------------------------------------------------------------------------------------------

    def axes(self, world: World, name: str) -> tuple[Axis, ...]:
        """Axes in PyTorch's layout."""
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
        order = self.order(name)
        return tuple(index[order.index(at)] for at in range(len(order)))

    def truth(self, world: World, target: str, index: tuple[Any, ...]) -> list[Term]:
        """The derivative's entry at an index in PyTorch's layout: R with one factor left out."""
        if self.own_y is not None:
            return self._adjoint(world, self.own_y, target.removeprefix("d"), index)
        g, count = (1 if self.call.groups else 0), self.call.ndim
        if target == "db":
            return [self._term(world, ("dy",), {"group": index[0][:g], "f": index[0][g:]}, {})]
        known: dict[str, Any] = {"group": index[0 if target == "dw" else 1][:g]}
        if target == "dw":
            known |= dict(zip("cf" if self.call.transposed else "fc", (index[0][g:], index[1]), strict=True))
            space = {"k": [i[0] for i in index[2:]]}
        elif target == "dx":
            known |= {"n": index[0], "c": index[1][g:]}
            space = {self._rows[0]: [i[0] for i in index[2:]]}
        else:
            known |= {"n": index[0], "f": index[1][g:]}
            space = {self._rows[1]: [i[0] for i in index[2:]]}
        arrays = {"dx": ("dy", "w"), "dw": ("dy", "x"), "y": ("w", "x")}[target]
        found = [self._term(world, arrays, known, space)]
        if target == "y":
            found.append(Term(Fraction(1), (("b", (*known["group"], *known["f"])),)))
        assert count == len(next(iter(space.values())))
        return found

    def _adjoint(self, world: World, y: Grid, array: str, index: tuple[Any, ...]) -> list[Term]:
        """The derivative of the sum of dy * y for y as its own forward pass makes it."""
        names, place, bounds = running(world, y.axes)
        found = []
        for term in simplified(world, snapshot(world, y)(place)):
            mine = [at for at, (name, _) in enumerate(term.factors) if name == array]
            if not mine:
                continue
            if len(mine) > 1:
                raise Unreadable(f"a forward pass that is not linear in {array}")
            (at,) = mine
            own = [i for axis in index for i in axis]
            met = tuple(("eq", a - b) for a, b in zip(term.factors[at][1], own, strict=True))
            rest = (*term.factors[:at], *term.factors[at + 1 :], ("dy", tuple(i for axis in place for i in axis)))
            factors = tuple(sorted(rest, key=lambda factor: factor[0]))
            where = (*term.where, *bounds, *met)
            found.append(Term(term.coefficient, factors, where, (*term.counted, *names), term.over))
        return found

    def _term(self, world: World, arrays: tuple[str, ...], known: dict[str, Any], space: dict[str, list[Any]]) -> Term:
        counted: list[str] = []
        where: list[Constraint] = []

        def running(size: Any) -> Affine:
            name = world.fresh("r")
            counted.append(name)
            where.extend((at_least(affine(name), 0), at_least(size - 1, affine(name))))
            return affine(name)

        channel = {key: known[key] if key in known else (running(affine(key.upper())),) for key in "nfc"
                   if key in known or self._speaks(arrays, key)}  # fmt: skip
        axes: list[dict[str, Any]] = []
        for axis in range(self.call.ndim):
            at = {key: values[axis] for key, values in space.items()}
            sizes = {"H" if self.call.transposed else "O": self.computed(world, axis)}
            for key in ("o", "k", "m"):
                if key not in at and (len(arrays) > 1 or key == self._rows[1]):
                    at[key] = running(self.evaluated(world, EXTENTS[key], axis, **sizes))
            if len(arrays) > 1:
                where.append(("eq", at["m"] - self.evaluated(world, INPUT_INDEX, axis, o=at["o"], k=at["k"])))
            axes.append(at)
        group = tuple(known["group"])
        of_x, of_y = self._rows
        filters = "cf" if self.call.transposed else "fc"
        factors = {
            "dy": lambda: (*channel["n"], *group, *channel["f"], *(at[of_y] for at in axes)),
            "x": lambda: (*channel["n"], *group, *channel["c"], *(at[of_x] for at in axes)),
            "w": lambda: (*group, *(i for key in filters for i in channel[key]), *(at["k"] for at in axes)),
        }
        return Term(Fraction(1), tuple((name, factors[name]()) for name in arrays), tuple(where), tuple(counted))

    @property
    def _rows(self) -> tuple[str, str]:
        """The indices of R that rows of x and of y have."""
        return KINDS[self.call.transposed].side("x"), KINDS[self.call.transposed].side("y")

    def _speaks(self, arrays: tuple[str, ...], key: str) -> bool:
        return any(key in {"dy": "nf", "x": "nc", "w": "fc"}[name] for name in arrays)


# conventions -------------------------------------------------------------------------------------------------------------------


def _amounts(layer: Layer) -> Any:
    """The padding as a convention hands it over."""
    call = layer.call
    if call.padding == "none":
        return 0
    return layer.pads[0][0] if call.padding == "one" else tuple(layer.pads)


def _extras(layer: Layer) -> dict[str, Any]:
    call = layer.call
    more: dict[str, Any] = {} if call.dilation == 1 else {"dilation": call.dilation}
    return more | ({"groups": layer.count("G")} if call.groups else {})


def _arrays(layer: Layer, world: World, *names: str) -> list[Any]:
    return [layer.argument(world, name) for name in names]


def _plain(reader: Any, function: Any, layer: Layer) -> Any:
    call = layer.call
    names = ("x", "w", "b") if call.forward else ("x", "w", "b", "dy")
    return reader.call(function, [*_arrays(layer, reader.world, *names), call.stride, _amounts(layer)], _extras(layer))


def _cached(reader: Any, function: Any, layer: Layer) -> Any:
    x, w, b = _arrays(layer, reader.world, "x", "w", "b")
    parameters = {"stride": layer.call.stride, "pad": _amounts(layer)} | _extras(layer)
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
    names = ("x", "w", "b") if call.forward else ("dy", "x", "w")
    return reader.call(function, _arrays(layer, reader.world, *names), more)


def _layer(reader: Any, function: Any, layer: Layer) -> Any:
    x, w, b = _arrays(layer, reader.world, "x", "w", "b")
    made = reader.call(function, [w, b, layer.call.stride, _amounts(layer)], _extras(layer))
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
