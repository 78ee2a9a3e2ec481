"""What should stand in an entry: the derivative of the loss, R with one factor left out, with sizes for numbers.

Beyond the border a row of the input stands as the padding mode says: R is m = P(s*o + d*k - p), and P is read from the table of
:mod:`symconv.layer.padding`. A border of a constant adds the products with v, the constant, where no row stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from symconv.algebra.comparisons import Comparison
from symconv.layer.kind import KINDS
from symconv.layer.padding import FILLER
from symconv.layer.relation import EXTENTS, INPUT_INDEX, REMAINDER
from symconv.reading.arrays import Grid, running, snapshot
from symconv.reading.calls import Layer
from symconv.reading.numbers import Affine, Conjunction, Constraint, affine, at_least, equal, negated
from symconv.reading.terms import Term, simplified
from symconv.reading.world import Unreadable, World

__all__ = ["truth"]

#: the factors of what is left of the loss
FACTORS = {"dx": ("dy", "w"), "dw": ("dy", "x"), "y": ("w", "x")}


def truth(layer: Layer, world: World, target: str, index: tuple[Any, ...]) -> list[Term]:
    """The derivative's entry at an index in PyTorch's layout: R with one factor left out."""
    if layer.own_y is not None:
        return _adjoint(world, layer.own_y, target.removeprefix("d"), index)
    g = 1 if layer.call.groups else 0
    if target == "db":
        return [_term(layer, world, ("dy",), {"group": index[0][:g], "f": index[0][g:]}, {})]
    known: dict[str, Any] = {"group": index[0 if target == "dw" else 1][:g]}
    of_x, of_y = _sides(layer)
    if target == "dw":
        known |= dict(zip("cf" if layer.call.transposed else "fc", (index[0][g:], index[1]), strict=True))
        space = {"k": [i[0] for i in index[2:]]}
    elif target == "dx":
        known |= {"n": index[0], "c": index[1][g:]}
        space = {of_x: [i[0] for i in index[2:]]}
    else:
        known |= {"n": index[0], "f": index[1][g:]}
        space = {of_y: [i[0] for i in index[2:]]}
    arrays = FACTORS[target]
    found = [_term(layer, world, arrays, known, space)]
    if layer.call.mode.filled and "x" in arrays:
        found.append(_term(layer, world, arrays, known, space, beyond=True))
    if target == "y":
        found.append(Term(Fraction(1), (("b", (*known["group"], *known["f"])),)))
    return found


def _adjoint(world: World, y: Grid, array: str, index: tuple[Any, ...]) -> list[Term]:
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


def _term(
    layer: Layer, world: World, arrays: tuple[str, ...], known: dict[str, Any], space: dict[str, list[Any]],
    beyond: bool = False,
) -> Term:  # fmt: skip
    """The products of two arrays over R; ``beyond``, of one with the constant, over the taps outside x."""
    counted: list[str] = []
    where: list[Constraint] = []

    def running(size: Any) -> Affine:
        name = world.fresh("r")
        counted.append(name)
        where.extend((at_least(affine(name), 0), at_least(size - 1, affine(name))))
        return affine(name)

    of_x, of_y = _sides(layer)
    spoken = [name for name in arrays if not (beyond and name == "x")]
    channel = {key: known[key] if key in known else (running(affine(key.upper())),) for key in "nfc"
               if key in known or any(key in {"dy": "nf", "x": "nc", "w": "fc"}[name] for name in spoken)}  # fmt: skip
    axes: list[dict[str, Any]] = []
    inside: list[Constraint] = []
    for axis in range(layer.call.ndim):
        at = {key: values[axis] for key, values in space.items()}
        sizes = {"H" if layer.call.transposed else "O": layer.computed(world, axis)}
        for key in ("o", "k") if beyond else ("o", "k", "m"):
            if key not in at and (len(arrays) > 1 or key == of_y):
                at[key] = running(layer.evaluated(world, EXTENTS[key], axis, **sizes))
        if len(arrays) > 1:
            row = layer.evaluated(world, INPUT_INDEX, axis, o=at["o"], k=at["k"])
            if layer.forward is not None:
                where += _own(layer, world, axis, at)
            elif beyond:
                inside += _holding(layer, world, axis, layer.call.mode.pieces[0][0], t=row)
            else:
                where += _placed(layer, world, axis, row, at["m"])
        axes.append(at)
    if beyond:
        where += negated(tuple(inside))
    group = tuple(known["group"])
    filters = "cf" if layer.call.transposed else "fc"
    factors = {
        "dy": lambda: (*channel["n"], *group, *channel["f"], *(at[of_y] for at in axes)),
        "x": lambda: (*channel["n"], *group, *channel["c"], *(at[of_x] for at in axes)),
        "w": lambda: (*group, *(i for key in filters for i in channel[key]), *(at["k"] for at in axes)),
    }
    told = [(FILLER, ()) if beyond and name == "x" else (name, factors[name]()) for name in arrays]
    return Term(Fraction(1), tuple(sorted(told, key=lambda factor: factor[0])), tuple(where), tuple(counted))


def _own(layer: Layer, world: World, axis: int, at: dict[str, Any]) -> Conjunction:
    """What a forward pass of one's own says of o, k and m."""
    sizes = {"O": layer.computed(world, axis), **at}
    sizes["r"] = layer.evaluated(world, REMAINDER, axis, O=sizes["O"])
    return _holding(layer, world, axis, layer.forward or (), **sizes)


def _placed(layer: Layer, world: World, axis: int, row: Any, m: Any) -> Conjunction:
    """That row m of the input stands at ``row`` of the padded one, counted from the first of the input."""
    if not layer.call.mode.moves_rows:
        return (equal(m, row),)
    return (("or", tuple(
        (*_holding(layer, world, axis, conditions, t=row), equal(m, layer.evaluated(world, source, axis, t=row)))
        for conditions, source in layer.call.mode.pieces)),)  # fmt: skip


def _holding(layer: Layer, world: World, axis: int, told: Sequence[Comparison], **at: Any) -> Conjunction:
    """Comparisons of sizes and indices on an axis."""
    found: list[Constraint] = []
    for each in told:
        left, right = (layer.evaluated(world, side, axis, **at) for side in (each.left, each.right))
        if each.relation in ("==", "!="):
            met = (equal(left, right),)
            found += met if each.relation == "==" else negated(met)
            continue
        low, high = (left, right) if each.relation.startswith("<") else (right, left)
        found.append(at_least(high, low + (each.relation in "<>")))
    return tuple(found)


def _sides(layer: Layer) -> tuple[str, str]:
    """The indices of R that rows of x and of y have."""
    kind = KINDS[layer.call.transposed]
    return kind.side("x"), kind.side("y")
