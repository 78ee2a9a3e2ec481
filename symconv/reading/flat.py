"""Places on merged axes as programs write them, i*W + j: a sum of products of sizes, split into a place on each of the parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from symconv.reading.arrays import Axis, Product, times
from symconv.reading.numbers import Affine, at_least
from symconv.reading.world import Unreadable, World

__all__ = ["Flat", "added", "cut", "multiplied", "split"]

Value = Affine | int


@dataclass(frozen=True)
class Flat:
    """A sum of products of sizes and of a number."""

    products: tuple[Product, ...]
    rest: Value = 0

    def __str__(self) -> str:
        return " + ".join(map(str, (*self.products, *(() if self.rest == 0 else (self.rest,)))))


def _parts(a: Any) -> tuple[Counter[tuple[Affine, ...]], Value]:
    if isinstance(a, Flat):
        return Counter({each.factors: each.coefficient for each in a.products}), a.rest
    if isinstance(a, Product):
        return Counter({a.factors: a.coefficient}), 0
    if not isinstance(a, int | Affine):
        raise Unreadable("a sum of products of sizes and of something else")
    return Counter(), a


def added(a: Any, b: Any) -> Any:
    """a + b, of which one at least is no affine number."""
    (products, rest), (others, more) = _parts(a), _parts(b)
    products.update(others)
    kept = tuple(Product(factors, by) for factors, by in products.items() if by)
    rest = rest + more
    if not kept:
        return rest
    return kept[0] if len(kept) == 1 and rest == 0 else Flat(kept, rest)


def multiplied(a: Any, b: Any) -> Any:
    """a * b, of which one is a sum of products."""
    whole, by = (a, b) if isinstance(a, Flat) else (b, a)
    if isinstance(by, Flat):
        raise Unreadable("a product of sums of products of sizes")
    found: Any = times(whole.rest, by)
    for each in whole.products:
        found = added(found, times(each, by))
    return found


def split(world: World, item: Any, axis: Axis) -> tuple[Value, ...]:
    """The place on each part of a merged axis, of which all but the first are known to lie within; IndexError beyond the first.

    The product that belongs to a part has the lengths of all later parts as factors, and one more: the place.
    """
    values = _digits(world, item, axis)
    for value, part in zip(values[1:], axis[1:], strict=True):
        if not world.always((at_least(value, 0), at_least(part - 1, value))):
            raise Unreadable("a place on a merged axis that runs over a part of it")
    if not world.always((at_least(values[0], 0),)):
        raise Unreadable("a place on a merged axis that may be negative")
    world.check((at_least(axis[0] - 1, values[0]),), "IndexError")
    return values


def cut(world: World, start: Any, stop: Any, axis: Axis) -> tuple[tuple[Value, ...], Value, Axis]:
    """A slice of a merged axis from a place to another: the places before the part that is cut, where that begins, and what is
    left of the axis. Both must lie at the beginning of a part's entry: ``a[n*H*W:(n+1)*H*W]``."""
    first = (0,) * len(axis) if start is None else _digits(world, start, axis)
    last = (axis[0], *(0 for _ in axis[1:])) if stop is None else _digits(world, stop, axis)
    for at in range(len(axis)):
        count = last[at] - first[at]
        if first[:at] != last[:at] or any((*first[at + 1 :], *last[at + 1 :])):
            continue
        inside = (at_least(first[at], 0), at_least(count, 0), at_least(axis[at], last[at]))
        if all(world.always((at_least(each, 0),)) for each in first[:at]) and world.always(inside):
            return first[:at], first[at], (count, *axis[at + 1 :])
    raise Unreadable("this slice of a merged axis")


def _digits(world: World, item: Any, axis: Axis) -> tuple[Value, ...]:
    products, rest = _parts(item)
    values: list[Value] = []
    for at in range(len(axis) - 1):
        later = [part for part in axis[at + 1 :] if not isinstance(part, int)]
        unit = 1
        for part in axis[at + 1 :]:
            unit *= part if isinstance(part, int) else 1
        value: Value = 0
        for factors, by in list(products.items()):
            left = _without(world, factors, later)
            if left is not None and len(left) <= 1 and by % unit == 0 and later:
                value = value + (left[0] if left else 1) * (by // unit)
                del products[factors]
        if isinstance(rest, Affine) and _without(world, [rest], later) == [] and later:
            value, rest = value + 1, 0
        values.append(value)
    if products:
        raise Unreadable("a sum of products of sizes that are no lengths of the axis")
    return (*values, rest)


def _without(world: World, factors: Sequence[Affine], some: Sequence[Affine]) -> list[Affine] | None:
    """The factors without some of them; None where these are not all among them."""
    left = list(factors)
    for each in some:
        found = next((factor for factor in left if world.same(factor, each)), None)
        if found is None:
            return None
        left.remove(found)
    return left
