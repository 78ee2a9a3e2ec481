"""How many axes a statement is about: what the numbers of indices and the amounts written for each axis say."""

from __future__ import annotations

from collections.abc import Collection

from symconv.checking.calls import border_named
from symconv.checking.context import Context
from symconv.checking.directions import shaped
from symconv.checking.letters import STARS
from symconv.checking.model import Unreadable
from symconv.checking.operators import stars_of
from symconv.checking.terms import (
    Bound,
    Call,
    Diff,
    Entry,
    Grid,
    Mul,
    Name,
    Seq,
    Star,
    Statement,
    SumOver,
    Term,
    children,
    walk,
)

__all__ = [
    "at_channels",
    "each_channel",
    "groups_of",
    "is_of_images",
    "ranks_of",
    "shape_of",
    "sliding",
    "slides_entries",
]


def _whole_rank(context: Context) -> int:
    """How many axes of space the article's layer has, or what was written last where no words say it."""
    return max(context.layers, default=context.dims or 1)


def _images_of(context: Context) -> int:
    """How many images the article's layer takes."""
    return max((layer.get("batch", (1,))[0] for layer in context.layers.values()), default=1)


def at_channels(statement: Statement, context: Context, given: dict[str, int]) -> tuple[int, bool] | None:
    """Indices of channels, and whether the image has one, where entries are whole arrays: y_f is the sum of x_c * w_fc."""
    lead = given["w"] - 1 if "w" in given else given.get("b", 0)
    images = lead == 0 and given.keys() <= {"x", "y"} and _images_of(context) > 1  # y_n is x_n * w
    batch = {rank - lead for role, rank in given.items() if role in "xy"}
    # of arrays that have an index less than their channels and space no entry is meant, whatever the star
    fewer = "w" in given and (batch == {0} or (batch == {1} and given.get("b") == lead))
    signs = set(STARS) - {"⊙"} if fewer else {"⋆", *(sign for sign, meaning in context.stars.items() if meaning)}
    if (lead not in (1, 2) and not images) or not (slides_entries(statement, signs) or _sums_arrays(statement)):
        return None
    if lead == 2 and groups_of(context) == 1:
        return None
    if len(batch) != 1 or not batch <= ({1} if images else {0, 1}) or given.get("b", lead) != lead:
        return None
    return lead, batch == {1}


def _sums_arrays(statement: Statement) -> bool:
    """Whether a sum without an index runs over all entries of an array at its channels: db_f is the sum of dy_f."""
    return any(
        isinstance(each, SumOver) and not each.bounds and isinstance(each.body, Entry)
        for side in statement.sides
        for each in walk(side)
    )


def ranks_of(statement: Statement, context: Context) -> dict[str, set[int]]:
    """How many indices x, w, b and y have: those of entries, and of arrays at their channels those of a part of them besides."""
    ranks: dict[str, set[int]] = {}

    def visit(term: Term, more: int) -> None:
        if isinstance(term, Call) and term.word == "slice":
            more += len(term.args) - 1
        sliced = isinstance(term, Name) and more
        role = _role_of(term.text if isinstance(term, Name) else term.array, context) if (  # type: ignore[attr-defined]
            sliced or isinstance(term, Entry)) else None  # fmt: skip
        if role is not None:
            ranks.setdefault(role, set()).add(more + (len(term.at) if isinstance(term, Entry) else 0))
        for each in children(term):
            array = not isinstance(term, Entry) and not (isinstance(term, Call) and each is not term.args[0])
            visit(each, more if array else 0)

    for side in statement.sides:
        visit(side, 0)
    return ranks


def _role(entry: Entry, context: Context) -> str | None:
    """x, w, b or y, of which an entry, or of whose gradient, it is."""
    return _role_of(entry.array, context)


def _role_of(array: str, context: Context) -> str | None:
    role = context.roles.get(array) or (context.roles.get(array[1:]) if array.startswith("d") else None)
    return None if role is None else shaped(role)


def each_channel(statement: Statement, context: Context) -> int | None:
    """Axes of a layer with each channel by itself, where x, w and y have an index in common that no sum is over; else None."""
    shared: dict[str, list[set[str]]] = {}
    bound: set[str] = set()
    for side in statement.sides:
        for each in walk(side):
            if isinstance(each, Bound):
                bound.add(each.name)
            role = _role(each, context) if isinstance(each, Entry) else None
            if role is not None and role != "b":
                shared.setdefault(role, []).append({i.text for i in each.at if isinstance(i, Name)})  # type: ignore[attr-defined]
    ranks = ranks_of(statement, context)
    if shared.keys() != {"x", "w", "y"} or any(len(r) > 1 for r in ranks.values()):
        return None
    axes = min(ranks["w"]) - 1
    alike = ranks["x"] == ranks["y"] and min(ranks["x"]) - axes in (1, 2)
    common = set.intersection(*(names for each in shared.values() for names in each)) - (
        set() if context.apart else bound
    )
    bare = {role: set.union(*names) for role, names in shared.items()}
    grouped = groups_of(context) != 1 or (bare["w"] & (bare["x"] | bare["y"])) - bound != common - bound
    return axes if alike and len(common) == 1 and axes > 0 and not grouped else None


def _image_before_filter(statement: Statement, context: Context) -> bool | None:
    """Whether the index that b has is the second of y's, so that an image's comes first; None where y has not that of b."""
    entries = [e for side in statement.sides for e in walk(side) if isinstance(e, Entry)]
    filters = {e.at[0] for e in entries if _role(e, context) == "b" and len(e.at) == 1 and isinstance(e.at[0], Name)}
    places = {e.at.index(f) for f in filters for e in entries if _role(e, context) == "y" and f in e.at}
    return {0: False, 1: True}.get(places.pop()) if len(places) == 1 else None


def shape_of(statement: Statement, context: Context) -> tuple[int, bool, bool]:
    """How many axes of space, and whether channels and the image have an index: what the numbers of indices say."""
    ranks = ranks_of(statement, context)
    if any(len(r) > 1 for r in ranks.values()):
        raise Unreadable("the same array with different numbers of indices")
    given = {role: next(iter(r)) for role, r in ranks.items()}
    current = context.channels
    if (axes := each_channel(statement, context)) is not None:
        return axes, True, given["x"] == axes + 2
    arrays = at_channels(statement, context, given)
    if arrays is not None:
        return _written_axes(statement) or _whole_rank(context), arrays[0] > 0, arrays[1]
    totals = any(isinstance(e, SumOver) and not e.bounds for side in statement.sides for e in walk(side))
    if not given and (totals or stars_of(statement)):  # whole arrays: of one channel
        return _written_axes(statement) or _whole_rank(context), False, False
    several = _images_of(context) > 1
    rank = _whole_rank(context)
    others = [(rank, c, n) for n in (several, not several) for c in (current, not current)] if context.layers else []
    options = [
        (_written_axes(statement) or context.dims or 1, current, context.images),
        *others,
        *((d, c, n) for n in (several, not several) for c in (current, not current) for d in (1, 2, 3)),
    ]
    if several and given and given == dict.fromkeys(given, rank + 2) and groups_of(context) != 1:
        return rank, True, True  # an index more is the image's before it is the group's
    said = _image_before_filter(statement, context)
    for dims, channels, batch in options:
        if said is not None and channels and batch is not said:
            continue
        space = batch + channels + dims
        due = {"z": dims, "v": 0, "x": space, "w": 2 * channels + dims, "y": space, "b": int(channels)}
        single = context.single if "w" not in given else given["w"] == dims + 1
        if channels and single:  # one output, which has no index of its own
            due |= {"w": dims + 1, "y": batch + dims, "b": 0}
        if channels and groups_of(context) != 1 and given.get("x", given.get("y")) == batch + dims + 2:
            due = {"x": batch + dims + 2, "w": dims + 3, "y": batch + dims + 2, "b": 2}
        fits = {role for role, rank in given.items() if due[role] == rank}
        if fits == set(given) or (set(given) - fits == {"b"} and given["b"] == channels + dims):
            return dims, channels, batch
    raise Unreadable("the numbers of indices fit no layer: " + ", ".join(f"{role} {n}" for role, n in given.items()))


def groups_of(context: Context) -> int:
    """How many groups of channels the article's layer has."""
    return max((layer.get("groups", (1,))[0] for layer in context.layers.values()), default=1)


def slides_entries(statement: Statement, signs: Collection[str]) -> bool:
    """Whether a star of one of these signs stands between entries, which are whole arrays then."""
    return any(
        isinstance(each, Star) and (each.sign in signs or (each.sign in "∗⊛" and _named(each)))
        and any(isinstance(e, Entry) for e in walk(each)) and not any(isinstance(e, (Diff, Grid)) for e in walk(each))
        for side in statement.sides for each in walk(side)
    )  # fmt: skip


def sliding(statement: Statement, context: Context) -> list[Star]:
    """The stars that slide one array over another: between whole arrays, also those that are entries at channels alone."""
    found = stars_of(statement)
    ranks = {role: next(iter(each)) for role, each in ranks_of(statement, context).items() if len(each) == 1}
    if not found and at_channels(statement, context, ranks) is not None:
        return [e for side in statement.sides for e in walk(side) if isinstance(e, Star) and e.sign != "⊙"]
    return found


def _named(star: Star) -> bool:
    """Whether all indices of its entries stand by themselves, so that they are no places in a window."""
    return all(isinstance(i, Name) for e in walk(star) if isinstance(e, Entry) for i in e.at)


def _written_axes(statement: Statement) -> int | None:
    """For how many axes steps are written, ``(2, 1)``."""
    for side in statement.sides:
        for each in walk(side):
            if isinstance(each, Call) and each.word in ("dilate", "thin") and isinstance(each.args[-1], Seq):
                return len(each.args[-1].items)
            if not isinstance(each, Call) or each.word not in ("pad", "crop", "fold") or len(each.args) == 1:
                continue
            widths, _ = border_named(each.args[1:])
            if isinstance(widths[-1], Seq) and len(widths) == 1:
                return len(widths[-1].items)
            if widths and isinstance(widths[-1], Mul):
                pairs = [f for f in widths[-1].factors if isinstance(f, Seq)]
                if len(pairs) == len(widths[-1].factors):
                    return len(pairs)
    return None


def is_of_images(statement: Statement, context: Context) -> bool:
    """Whether the one index of entries that stand for arrays is the image's."""
    try:
        given = {role: next(iter(each)) for role, each in ranks_of(statement, context).items()}
        return at_channels(statement, context, given) == (0, True)
    except Unreadable:
        return False
