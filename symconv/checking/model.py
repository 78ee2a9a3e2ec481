"""A layer at one size as its author indexes it: arrays of exact polynomials, and the numbers that indices come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.polynomials import Polynomial, PolynomialTerms, array_of, symbols, terms_by_entry
from symconv.checking.directions import role_of, shaped
from symconv.checking.letters import stem_of
from symconv.checking.second_arrays import second_arrays
from symconv.checking.terms import (
    Add,
    Bound,
    Call,
    Div,
    Entry,
    Floor,
    Mul,
    Name,
    Num,
    Term,
    names_in,
    walk,
)
from symconv.layer.conv import Conv
from symconv.layer.filler import in_numbers
from symconv.layer.padding import FILLER, OUTSIDE

__all__ = ["FAR", "Model", "Setting", "Unreadable", "constant"]

#: indices whose range nothing says run this far to either side
FAR = 9


class Unreadable(ValueError):
    """A statement that this module cannot give a value to; the message says why."""


@dataclass(frozen=True)
class Setting:
    """How the article writes: the roles of its letters, where indices begin, what a star means, which way arrays lie."""

    roles: Mapping[str, str]
    base: int = 1
    star: str = "correlation"
    einstein: bool = False
    layout: tuple[str, str, str] = ("cS", "fcS", "fS")
    sizes: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    definitions: Mapping[str, tuple[tuple[str, ...], Term]] = field(default_factory=dict)
    row_gradient: bool = False
    padded: frozenset[str] = frozenset()
    flipped: frozenset[str] = frozenset()
    #: dy with K - 1 zeros around it, by these names; with zeros between its entries where a name carries ``padding``
    framed: frozenset[str] = frozenset()
    #: the forward pass is a true convolution, so that the author's w is the layer's turned round
    turned: bool = False
    #: groups have an index of their own
    grouped: bool = False
    #: each channel is by itself: w and y have the index of the input's
    apart: bool = False
    #: a bias of its own for each output
    untied: bool = False
    #: the directions that second derivatives are about
    directions: frozenset[str] = frozenset()
    #: those that are multiples of the gradients themselves
    squares: tuple[tuple[str, Fraction], ...] = ()


class Model:
    """One layer; ``channels`` says whether channel indices are written, ``batch`` whether the image's is."""

    def __init__(self, conv: Conv, setting: Setting, channels: bool = False, batch: bool = False) -> None:
        self.conv, self.setting, self.channels, self.batch = conv, setting, channels, batch
        self.axis: int | None = None  # on which sizes are asked for, whatever their names
        self.target: dict[str, tuple[int, int]] = {}  # the left side's indices, from where to where
        self.beyond = False  # whether sums may run past the last entry, where there are zeros
        self.anywhere = False  # whether entries of windows may stand out of place
        self.dims = len(conv.input)
        self.equations: dict[int, tuple[Term, list[Any]]] = {}  # of sums, solved once
        self._entries: dict[int, tuple[Term, tuple[Entry, ...]]] = {}

    def entries_of(self, term: Term) -> tuple[Entry, ...]:
        """The entries in a term, looked for once."""
        known = self._entries.get(id(term))
        if known is None or known[0] is not term:
            known = self._entries[id(term)] = (term, tuple(each for each in walk(term) if isinstance(each, Entry)))
        return known[1]

    @cached_property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """x, w, b, y and the gradients in the author's layout."""
        setting = self.setting
        return _arrays(
            self.conv, self.channels, self.batch, setting.layout, setting.grouped, setting.turned, setting.untied,
            setting.apart, setting.directions, setting.squares,
        )  # fmt: skip

    def written(self) -> dict[str, NDArray[Any]]:
        """The arrays, computed."""
        conv = self.conv
        gradients = conv.gradients()
        ends = (conv.in_channels, conv.out_channels) if conv.transposed else (conv.out_channels, conv.in_channels)
        shapes = {"x": (conv.batch, conv.in_channels, *conv.input), "w": (ends[0], ends[1] // conv.groups, *conv.kernel),
                  "b": (conv.out_channels,), "y": (conv.batch, conv.out_channels, *conv.output)}  # fmt: skip
        found: dict[str, NDArray[Any]] = {}
        for name, shape in shapes.items():
            found[name if name != "y" else "dy"] = symbols(name if name != "y" else "dy", shape)
        for name in ("y", "dx", "dw", "db"):
            array = np.empty(shapes[name.removeprefix("d")], dtype=object)
            array.reshape(-1)[:] = [self.filled(terms) for terms in terms_by_entry(gradients.terms(name))]
            found[name] = array
        found["v"] = np.array(self.filler, dtype=object)
        if self.setting.directions:
            found |= second_arrays(conv, self.setting.directions, self.setting.squares, shapes, self.filled)
        if self.setting.turned:
            for name in {"w", "dw", "v_w", "ddw"} & set(found):
                found[name] = np.flip(found[name], tuple(range(2, 2 + self.dims)))
        laid = {name: self.laid(shaped(name), array) for name, array in found.items()}
        if conv.mode.counts_outside and not self.channels and not self.batch:
            laid |= self.extended(laid["x"])
        return self.loosened(laid) if self.setting.untied else laid

    def filled(self, terms: PolynomialTerms) -> Polynomial:
        """The terms with the number that a constant border holds, where it is one."""
        if self.conv.padding_value is None:
            return Polynomial(terms)
        return Polynomial({monomial: _whole(Fraction(c)) for monomial, c in in_numbers(self.conv, terms).items()})

    def extended(self, x: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """x with its border, and the gradient of that longer array: the one of a layer without padding."""
        conv = self.conv
        sizes = [p + n + q for n, (p, q) in zip(conv.input, conv.padding, strict=True)]
        z = np.empty(sizes, dtype=object)
        for at in np.ndindex(z.shape):
            z[at] = self.entry_of(x, tuple(i - p for i, (p, _) in zip(at, conv.padding, strict=True)))
        plain = Conv(input=tuple(sizes), kernel=conv.kernel, stride=conv.stride, dilation=conv.dilation)
        return {"z": z, "dz": Model(plain, Setting({})).arrays["dx"]}

    def loosened(self, laid: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The same with a bias for each output."""
        y: Any = laid["y"].copy()
        b = symbols("b", y.shape)
        for at in np.ndindex(y.shape):
            rest = {m: c for m, c in y[at].terms.items() if not (len(m) == 1 and array_of(m[0])[0] == "b")}
            y[at] = Polynomial(rest) + b[at]
        return {**laid, "y": y, "b": b, "db": laid["dy"].copy()}

    def laid(self, role: str, array: NDArray[Any]) -> NDArray[Any]:
        if role == "v":
            return array
        if self.setting.grouped:  # the group has an index of its own, before the channels in it
            lead = 1 if role in "xy" else 0
            array = array.reshape(*array.shape[:lead], self.conv.groups, -1, *array.shape[lead + 1 :])
            return array[0] if lead and not self.batch else array
        if role == "b":
            several = "f" in self.setting.layout[1] or self.setting.apart
            return array if self.channels and several else array.reshape(-1)[:1].reshape(())
        if role == "w":
            if not self.channels:
                return np.asarray(array[0, 0])
            layout = self.setting.layout[1]
            if self.setting.apart:
                return _moved(array[:, 0], "c", layout.replace("f", ""))
            letters = "cf" if self.conv.transposed else "fc"
            return _moved(array, letters, layout) if "f" in layout else _moved(array[0], "c", layout)
        letters = "c" if role == "x" else "f"
        if not self.channels or (role == "y" and "f" not in self.setting.layout[2]):
            array = array[:, 0]
        else:
            parts = [_moved(image, letters, self.setting.layout[0 if role == "x" else 2]) for image in array]
            moved = np.empty((len(parts), *parts[0].shape), dtype=object)
            for at, part in enumerate(parts):
                moved[at] = part
            array = moved
        return array if self.batch else array[0]

    def role(self, name: str) -> str | None:
        """x, w, b, y or a gradient: what a letter stands for."""
        return role_of(name, self.setting.roles, self.seconds)

    @property
    def seconds(self) -> bool:
        """Whether there are second derivatives here: of the layer itself, with one bias for each channel."""
        return bool(self.setting.directions) and not self.setting.untied

    def number(self, term: Term, env: Mapping[str, int]) -> Fraction | int:
        """The value of an index or a limit."""
        if isinstance(term, Name):
            if term.text in env:
                return env[term.text]
            if term.text in self.setting.sizes:
                return self.size(*self.setting.sizes[term.text])
            raise Unreadable(f"nothing says what {term.text} is")
        if isinstance(term, Num):
            return _whole(Fraction(term.value))
        if isinstance(term, Add):
            total: Fraction | int = 0
            for sign, each in term.terms:
                total += sign * self.number(each, env)
            return total
        if isinstance(term, Mul):
            value: Fraction | int = 1
            for each in term.factors:
                value *= self.number(each, env)
            return value
        if isinstance(term, Div):
            bottom = self.number(term.bottom, env)
            if not bottom:
                raise Unreadable("a division by zero")
            return _whole(Fraction(self.number(term.top, env)) / bottom)
        if isinstance(term, Floor):
            return self.number(term.body, env).__floor__()
        if isinstance(term, Call) and term.word in ("max", "min"):
            found = [self.number(each, env) for each in term.args]
            return max(found) if term.word == "max" else min(found)
        if isinstance(term, Entry) and not self.role(term.array):
            raise Unreadable(f"nothing says what {term.array} is")
        raise Unreadable("a number was expected")

    def size(self, letter: str, axis: int) -> int:
        conv = self.conv
        if self.axis is None and axis >= self.dims > 1:
            raise Unreadable(f"there is no axis {axis + 1}")
        axis = min(axis if self.axis is None else self.axis, self.dims - 1)
        values: dict[str, Callable[[], int]] = {
            "H": lambda: conv.input[axis], "K": lambda: conv.kernel[axis], "O": lambda: conv.output[axis],
            "q": lambda: conv.padding[axis][1],
            "r": lambda: (conv.output_padding if conv.transposed else conv.remainder)[axis],
            "G": lambda: conv.groups,
            "s": lambda: conv.stride[axis], "d": lambda: conv.dilation[axis], "p": lambda: conv.padding[axis][0],
            "C": lambda: conv.in_channels, "F": lambda: conv.out_channels, "N": lambda: conv.batch,
        }  # fmt: skip
        return values[letter]()

    def limit(self, term: Term, env: Mapping[str, int], span: tuple[int, int] | None) -> Fraction | int:
        """An upper limit; a size by a name that nothing else gives is where the index ends anyway."""
        try:
            return self.number(term, env)
        except Unreadable:
            base = self.setting.base
            if isinstance(term, Name) and term.text in self.setting.sizes:
                raise  # a size of an axis that there is not
            minus_one = isinstance(term, Add) and len(term.terms) == 2 and term.terms[1] == (-1, Num(Fraction(1))) and isinstance(
                term.terms[0][1], Name)  # fmt: skip
            if span is not None and ((base == 1 and isinstance(term, Name)) or (base == 0 and minus_one)):
                return span[1]
            raise

    def span(self, name: str, terms: tuple[Term, ...]) -> tuple[int, int] | None:
        """Where an index runs that stands by itself on an axis of an array in ``terms``: (first, last), whatever the axis of
        the filter, the output or the input, in this order."""
        found: dict[str, tuple[int, int]] = {}
        for entry in terms:
            if not isinstance(entry, Entry):
                continue
            role = self.role(entry.array)
            definition = self.setting.definitions.get(entry.array)
            if role is None and definition is not None:
                role = "w"
            if role is None:
                continue
            shape = self.arrays[role].shape
            if len(shape) != len(entry.at) and len(shape) != len(entry.at) + self.dims:
                continue
            for axis, index in enumerate(entry.at):
                if index == Name(name):
                    found.setdefault(shaped(role), (self.setting.base, shape[axis] - 1 + self.setting.base))
        for role in "bwyx":
            if role in found:
                return found[role]
        return None

    def over_channels(self, bound: Bound, terms: tuple[Term, ...], env: Mapping[str, int]) -> bool:
        """Whether an index stands on axes of channels alone and takes as many values as there are, whatever the first."""
        if not self.channels or bound.low is None or bound.high is None:
            return False
        lengths = set()
        for entry in terms:
            if not isinstance(entry, Entry) or bound.name not in {n for i in entry.at for n in names_in(i)}:
                continue
            role = shaped(self.role(entry.array) or "")
            layout = dict(zip("xwy", self.setting.layout, strict=True)).get(role, "f")
            axes = ("N" if self.batch and role in "xy" else "") + layout.replace("S", "S" * self.dims)
            if len(axes) != len(entry.at):
                return False
            for axis, index in zip(axes, entry.at, strict=True):
                if bound.name in names_in(index):
                    if axis == "S" or index != Name(bound.name):
                        return False
                    lengths.add({"c": self.conv.in_channels, "f": self.conv.out_channels, "N": self.conv.batch}[axis])
        try:
            values = self.number(bound.high, env) - self.number(bound.low, env) + 1
        except Unreadable:
            return False
        return lengths == {values}

    # values

    def entry(self, array: str, at: tuple[int, ...]) -> Polynomial:
        if array not in self.arrays:
            raise Unreadable(f"{array} is told by a loss alone")
        found = self.arrays[array]
        channel = (self.channels or self.batch) and 0 < len(at) == found.ndim - self.dims
        if channel and all(0 <= i < n for i, n in zip(at, found.shape, strict=False)):
            return found[at]  # type: ignore[no-any-return]
        if len(at) != found.ndim:
            raise Unreadable(f"{array} with {len(at)} indices where it has {found.ndim}")
        if all(0 <= i < n for i, n in zip(at, found.shape, strict=True)):
            return found[at]  # type: ignore[no-any-return]
        bordered = array == "x" or (array == "v_x" and not self.conv.mode.filled)
        return self.entry_of(found, at) if bordered and self.conv.mode.counts_outside else constant(0)

    def entry_of(self, found: NDArray[Any], at: tuple[int, ...]) -> Polynomial:
        """An entry of x or of its border."""
        mode, lead = self.conv.mode, len(at) - self.dims
        rows = [int(mode.rows(np.array(i), n)) for i, n in zip(at[lead:], found.shape[lead:], strict=True)]
        if OUTSIDE not in rows and all(0 <= i < n for i, n in zip(at[:lead], found.shape[:lead], strict=True)):
            return found[(*at[:lead], *rows)]  # type: ignore[no-any-return]
        return self.filler if mode.filled else constant(0)

    @property
    def filler(self) -> Polynomial:
        """What a constant border holds: a number, or the letter v."""
        value = self.conv.padding_value
        return symbols(FILLER, (1,))[0] if value is None else constant(Fraction(value))

    def positions(self, entry: Entry, env: Mapping[str, int]) -> tuple[int, ...] | None:
        """Where an entry stands, from 0; None where an index is no whole number."""
        values = [self.number(each, env) - self.setting.base for each in entry.at]
        return None if any(v.denominator != 1 for v in values) else tuple(int(v) for v in values)

    def shifted(self, entry: Entry, at: tuple[int, ...]) -> tuple[int, ...] | None:
        """Positions in a padded array as positions in the array; None where there is a zero between entries."""
        stem = stem_of(entry.array)
        if entry.array in self.setting.padded:
            widths, steps = [before for before, _ in self.conv.padding], [1] * self.dims
        elif stem in self.setting.framed:
            widths = [k - 1 for k in self.conv.kernel]
            steps = list(self.conv.stride) if "padding" in entry.array else [1] * self.dims
        else:
            return at
        lead = len(at) - self.dims
        moved = [i - width for i, width in zip(at[lead:], widths, strict=True)]
        if any(i % step for i, step in zip(moved, steps, strict=True)):
            return None
        return at[:lead] + tuple(i // step for i, step in zip(moved, steps, strict=True))

    def opposite(self, at: tuple[int, ...], shape: tuple[int, ...], entry: Entry) -> tuple[int, ...]:
        """The position that a flip of space brings to ``at``."""
        role = shaped(self.role(entry.array) or "")
        layout = dict(zip("xwy", self.setting.layout, strict=True)).get(role, "S") if self.channels else "S"
        first = (1 if self.batch and role != "w" else 0) + layout.index("S")
        return tuple(
            n - 1 - i if first <= axis < first + self.dims else i
            for axis, (i, n) in enumerate(zip(at, shape, strict=True))
        )


@lru_cache(maxsize=1024)
def _arrays(
    conv: Conv, channels: bool, batch: bool, layout: tuple[str, str, str], grouped: bool, turned: bool, untied: bool, apart: bool,
    directions: frozenset[str], squares: tuple[tuple[str, Fraction], ...],
) -> dict[str, NDArray[Any]]:  # fmt: skip
    """The arrays of a layer as an author lays them: statements ask for the same ones again and again."""
    setting = Setting(
        {},
        layout=layout,
        grouped=grouped,
        turned=turned,
        untied=untied,
        apart=apart,
        directions=directions,
        squares=squares,
    )
    return Model(conv, setting, channels, batch).written()


def _moved(array: NDArray[Any], letters: str, layout: str) -> NDArray[Any]:
    """The axes of ``letters`` and then space, in the order of ``layout``."""
    dims = array.ndim - len(letters)
    order: list[int] = []
    for each in layout:
        order += list(range(len(letters), len(letters) + dims)) if each == "S" else [letters.index(each)]
    return array.transpose(order)


def _whole(value: Fraction) -> Fraction | int:
    return value.numerator if value.denominator == 1 else value


def constant(value: Fraction | int) -> Polynomial:
    return Polynomial({(): _whole(Fraction(value))} if value else {})
