"""What a forward pass settles for what follows: its steps where they are numbers, what it leaves free where they are letters."""

from __future__ import annotations

from fractions import Fraction

from symconv.checking.context import SIZES, Context
from symconv.checking.linear import linear
from symconv.checking.ranks import each_channel, ranks_of, shape_of
from symconv.checking.terms import Bound, Choice, Entry, Name, Num, Star, Statement, names_in, substituted, walk

__all__ = ["free_letters", "is_forward", "settled", "stepped"]


def is_forward(statement: Statement, context: Context) -> bool:
    """Whether the left side is the output."""
    left = statement.sides[0]
    name = left.array if isinstance(left, Entry) else left.text if isinstance(left, Name) else ""
    return context.roles.get(name) == "y"


def free_letters(statement: Statement, context: Context) -> set[str]:
    """s, p and d where an equation for a gradient is about every value of theirs, as its forward pass has them as letters.

    Whole arrays may have their border already, so padding is only that of equations between entries.
    """
    if not statement.sides or is_forward(statement, context):
        return set()
    gradient = statement.sides[0]
    stars = any(isinstance(each, Star) for side in statement.sides for each in walk(side))
    return set(context.free) - ({"p"} if stars or not isinstance(gradient, Entry) else set())


def stepped(statement: Statement, context: Context) -> None:
    """Take stride and dilation from the numbers in a forward pass, ``x_{2i+k}``, where no word says them."""
    left = statement.sides[0]
    if not isinstance(left, Entry) or len(statement.sides) < 2 or context.layers:
        return
    outer = {i.text for i in left.at if isinstance(i, Name)}
    inner = {b.name for each in walk(statement.sides[1]) if isinstance(each, Bound) for b in (each,)}
    strides: set[Fraction] = set()
    dilations: set[Fraction] = set()
    for each in walk(statement.sides[1]):
        if not isinstance(each, Entry) or context.roles.get(each.array) != "x":
            continue
        for index in each.at:
            others = dict.fromkeys(names_in(index) - outer - inner, Num(Fraction(1)))
            found = linear(substituted(index, others))  # type: ignore[arg-type]
            names = set(found or ()) - {""}
            if found is None or not names & outer or not names & inner:
                continue
            strides |= {found[n] for n in names & outer}
            dilations |= {found[n] for n in names & inner}
    if len(strides) == 1 and min(strides) >= 1 and "stride" not in context.fixed and not context.stride_said:
        context.stride = int(min(strides))
        if context.stride > 1:
            context.note("stride", context.stride, None)
    if len(dilations) == 1 and min(dilations) >= 1:
        context.dilation = int(min(dilations))
        if context.dilation > 1:
            context.note("dilation", context.dilation, None)


def settled(statement: Statement, context: Context) -> None:
    """Remember what a forward pass that holds says: which letters it leaves free, whether one name is the size of several axes,
    whether images have an index and its one output none."""
    dims, channels, images = shape_of(statement, context)
    context.images = context.images or images
    context.apart = each_channel(statement, context) is not None
    context.single = channels and not context.apart and ranks_of(statement, context).get("w") == {dims + 1}
    sizes = {n: size for n, size in SIZES.items() if n not in context.roles}
    arrays = [e for side in statement.sides for e in walk(side) if isinstance(e, Entry)]
    used = {name for entry in arrays for index in entry.at for name in names_in(index)}
    choices = [e for side in statement.sides for e in walk(side) if isinstance(e, Choice)]
    pairs = [pair for each in choices for _, conditions in each.rows for pair in conditions or ()]
    used |= {name for pair in pairs for end in pair for name in names_in(end)}
    bound = [each for side in statement.sides for each in walk(side) if isinstance(each, Bound)]
    indices = {b.name for b in bound} | {i.text for e in arrays[:1] for i in e.at if isinstance(i, Name)}
    context.free = frozenset(sizes[n][0] for n in used - indices if n in sizes and sizes[n][0] in "spd")
    ends: dict[str, set[str]] = {}
    for each in bound:
        for name in names_in(each.high) if each.high is not None else ():
            ends.setdefault(name, set()).add(each.name)
    taps = {
        i.text: at
        for e in arrays
        if context.roles.get(e.array) == "w"
        for at, i in enumerate(e.at)
        if isinstance(i, Name)
    }
    several = {name for name, over in ends.items() if len({taps[n] for n in over if n in taps}) > 1}
    context.square = frozenset("K" for _ in several) or context.square
