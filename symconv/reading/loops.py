"""Loops over a size: the body is read once, with the index as a name, and what it does to each array is summed over all passes.

With S the contents of an array before a pass and S' after it, every loop that is read has S' = keep * S + delta, where keep says
which entries no assignment of the pass hit. Then after n passes S = S_0 where no pass hit, plus the delta of every pass where
no later pass hit. A delta that reads what the loop itself changes is put in as of that pass when the order of the arrays allows
it; a true recurrence is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from contextlib import ExitStack
from fractions import Fraction
from functools import partial, reduce
from typing import Any

from symconv.reading.arrays import BORN, Buffer, Grid, Index, indexed, own, snapshot, times
from symconv.reading.control import MAX_UNROLLED, collected, passes_before, rewritten, stored, unrolled, while_loop
from symconv.reading.counters import written_out
from symconv.reading.numbers import Affine, Conjunction, affine, at_least, between, coefficients
from symconv.reading.passes import Changed, Passes
from symconv.reading.reader import Reader
from symconv.reading.rewrites import unbound
from symconv.reading.terms import Sum, Term, constant_of, simplified
from symconv.reading.values import Frame, Poison, Run
from symconv.reading.views import indexed_by
from symconv.reading.world import Unreadable

__all__ = ["for_loop", "runs_of", "while_statement"]


def runs_of(reader: Reader, found: Any) -> Run | None:
    """What a loop over ``found`` runs over; None when its elements are known one by one."""
    if isinstance(found, Run):
        return found
    if isinstance(found, Grid) and found.ndim and not isinstance(found.axes[0][0], int):
        grid = own(reader.world, found)
        if len(grid.axes[0]) != 1:
            raise Unreadable("a loop over a merged axis")

        def item(index: Index) -> Any:
            entry = indexed_by(reader.world, grid, [index[0][0]])
            return entry.at(()) if entry.kind == "int" and not entry.ndim else entry

        return Run((grid.axes[0],), item)
    return None


def for_loop(reader: Reader, node: ast.For, frame: Frame, rest: Any) -> None:
    """for target in iterable: body."""
    if node.orelse:
        raise Unreadable("else of a loop")
    node = rewritten(node) or node
    if collected(reader, node, frame):
        return
    if _counting(reader, node, frame, rest):
        return
    _continues(node)
    found = reader.value(node.iter, frame)
    run = runs_of(reader, found)
    if run is None:
        items = reader.items(found)
        if len(items) > MAX_UNROLLED:
            raise Unreadable(f"a loop of {len(items)} passes")

        def one(item: Any) -> None:
            reader.bind(node.target, item, frame)
            reader.block(node.body, frame)

        unrolled(reader, [partial(one, item) for item in items])
        return
    shorter = passes_before(reader, node, run, frame)
    run, statements = (run, node.body) if shorter is None else (shorter, node.body[1:])

    def body(index: Index) -> None:
        reader.bind(node.target, run.item(index), frame)
        reader.block(statements, frame)

    assigned = stored(node)
    _nested(reader, run, (), body, frame, assigned)
    if shorter is not None:
        for each in ast.walk(node.target):  # the pass that breaks binds it once more
            if isinstance(each, ast.Name):
                frame.names[each.id] = Poison(f"{each.id}, left by a loop that breaks,")


def _counting(reader: Reader, node: ast.For, frame: Frame, rest: Any) -> bool:
    """Nested loops that count their passes, with the count written out; False for other loops."""
    zero = {
        name for name, held in frame.names.items() if isinstance(held, int) and not isinstance(held, bool) and not held
    }
    told = written_out(node, zero)
    if told is None:
        return False
    loops, counters, lengths = told
    for_loop(reader, loops, frame, rest)
    counts = [reader.value(length, frame) for length in lengths]
    known = all(isinstance(each, int | Affine) and reader.world.always((at_least(each, 0),)) for each in counts)
    for name in counters:
        frame.names[name] = reduce(times, counts) if known else Poison(f"{name}, which loops have counted,")
    return True


def while_statement(reader: Reader, node: ast.While, frame: Frame, rest: Any) -> None:
    """while test: body."""

    def nested(run: Run, block: Callable[[], None], assigned: set[str]) -> None:
        _nested(reader, run, (), lambda index: block(), frame, assigned)

    plain, left = unbound(node) or (node, [])
    while_loop(reader, plain, frame, nested)
    reader.block(left, frame)


def _continues(node: ast.For) -> None:
    """continue only as the end of an if that stands in the loop's own body."""
    allowed = {id(each.body[-1]) for each in node.body if isinstance(each, ast.If)}
    allowed |= {id(each.orelse[-1]) for each in node.body if isinstance(each, ast.If) and each.orelse}
    inner = [each for each in ast.walk(node) if isinstance(each, ast.For) and each is not node]
    within = {id(each) for loop in inner for each in ast.walk(loop)}
    for each in ast.walk(node):
        if isinstance(each, ast.Continue) and id(each) not in allowed and id(each) not in within:
            raise Unreadable("continue in this place")


def _nested(
    reader: Reader, run: Run, index: Index, body: Callable[[Index], None], frame: Frame, assigned: set[str]
) -> None:
    """One loop for each part of each axis, the first outermost."""
    parts = [part for axis in run.axes for part in axis]

    def level(values: tuple[Any, ...]) -> None:
        if len(values) == len(parts):
            left = iter(values)
            body(tuple(tuple(next(left) for _ in axis) for axis in run.axes))
            return
        count = parts[len(values)]
        if isinstance(count, int):
            if run.step is not None:
                raise Unreadable("a range from number to number by a size")
            if count > MAX_UNROLLED:
                raise Unreadable(f"a loop of {count} passes")
            for i in range(count):
                level((*values, i))
            return
        _passes(reader, count, lambda i: level((*values, i)), frame, assigned, run.step)

    level(())


def _passes(
    reader: Reader, count: Affine, body: Callable[[Affine], None], frame: Frame, assigned: set[str],
    step: Affine | None = None,
) -> None:  # fmt: skip
    """All passes of a loop whose index runs from 0 to below ``count``, by one or by a ``step`` that is a size."""
    world = reader.world
    i = world.fresh("i")
    bounds = between(0, affine(i), count)
    if world.never(bounds):
        return
    if world.probing:
        with _running(reader, bounds):
            body(affine(i))
        return
    fresh = assigned - frame.names.keys()
    written, after, counters, known = _probe(reader, bounds, lambda: body(affine(i)), frame, assigned)
    # the pass itself, from contents that are only named
    changed: list[tuple[Any, Changed]] = []
    for buffer in written:
        key = world.fresh("before")
        changed.append((buffer, Changed(key, buffer.names, list(buffer.terms), [])))
        buffer.terms = [Term(Fraction(1), ((key, tuple(affine(name) for name in buffer.names)),))]
        buffer.version += 1
    bound = _bound_anew(reader, frame, assigned, after, {} if step is not None else counters, i, changed)
    world.written.append({})
    world.passes.append(next(BORN))
    with _running(reader, bounds):
        body(affine(i))
    world.passes.pop()
    late = [each for each in world.written.pop() if each not in written and each in known]
    if late:
        raise Unreadable("a loop whose writes depend on what it counts")
    values = dict(frame.names)
    for holder, each in changed:
        if isinstance(holder, Buffer):
            each.after = holder.terms
        else:
            grid = values.get(holder)
            each.after = _scalar(reader, grid, each)
    passes = Passes(world, i, count, [each for _, each in changed], step)
    for holder, each in changed:
        told = passes.total(each.key, count)
        if isinstance(holder, Buffer):
            holder.set(world, told)
        else:
            frame.names[holder] = _held(reader, values[holder].axes, each.names, told)
    if step is None:
        _after(reader, frame, bound, values, i, count, fresh)
        return
    for name in {*bound, *fresh} & values.keys():
        if bound.get(name, ("last",))[0] != "array":
            frame.names[name] = Poison(f"{name}, left by the last block of a loop,")


def _running(reader: Reader, bounds: Conjunction) -> ExitStack:
    stack = ExitStack()
    reader.loops += 1

    def left() -> None:
        reader.loops -= 1

    stack.callback(left)
    stack.enter_context(reader.world.holding(bounds))
    stack.enter_context(reader.reaching())
    return stack


def _probe(
    reader: Reader, bounds: Conjunction, body: Callable[[], None], frame: Frame, assigned: set[str]
) -> tuple[list[Buffer], dict[str, Any], dict[str, tuple[str, Any]], set[Buffer]]:
    """A first look at the body: which arrays it writes, what its names hold after it, the counters, the arrays there were."""
    world = reader.world
    saved = [(buffer, buffer.terms, buffer.version) for buffer in world.buffers]
    known = {buffer for buffer, _, _ in saved}
    names = dict(frame.names)
    counters: dict[str, tuple[str, Any]] = {}
    for name in assigned:
        if isinstance(names.get(name), int | Affine) and not isinstance(names.get(name), bool):
            counters[name] = (world.fresh("c"), names[name])
            frame.names[name] = affine(counters[name][0])
    world.probing = True
    world.written.append({})
    try:
        with _running(reader, bounds):
            body()
    finally:
        world.probing = False
        touched = world.written.pop()
    after = dict(frame.names)
    frame.names.clear()
    frame.names.update(names)
    for buffer, terms, version in saved:
        buffer.terms, buffer.version = terms, version
    for buffer, terms in world.owned:  # results that the body gave memory of their own
        buffer.terms, buffer.version = terms, 0
        known.add(buffer)
    world.owned.clear()
    return [buffer for buffer in touched if buffer in known], after, counters, known


def _bound_anew(
    reader: Reader, frame: Frame, assigned: set[str], after: dict[str, Any], counters: dict[str, tuple[str, Any]],
    i: str, changed: list[tuple[Any, Changed]],
) -> dict[str, tuple[Any, Any]]:  # fmt: skip
    """Names that the body binds, made ready for a pass: counters in closed form, sums as arrays that change, others unknown."""
    world = reader.world
    bound: dict[str, tuple[Any, Any]] = {}
    for name in assigned:
        if name not in frame.names:
            continue
        before, new = frame.names[name], after.get(name)
        if before is new:
            continue
        step = _step(world, counters.get(name), new, i)
        if step is not None:
            bound[name] = ("counter", (before, step))
            frame.names[name] = before + _times(affine(i), step)
        elif isinstance(new, Grid) and new.kind != "int" and (isinstance(before, Grid | int | Fraction)):
            start = before if isinstance(before, Grid) else None
            if start is not None and (start.kind == "int" or len(start.axes) != len(new.axes)):
                frame.names[name] = Poison(f"{name}, bound anew in a loop,")
                bound[name] = ("last", before)
                continue
            axes = new.axes if start is None else start.axes
            names = tuple(world.fresh("t") for axis in axes for _ in axis)
            told = constant_of(world, before) if start is None else snapshot(world, start)(indexed(axes, names))
            key = world.fresh("before")
            changed.append((name, Changed(key, names, told, [])))
            bound[name] = ("array", None)
            frame.names[name] = Grid(axes, partial(_only, key))
        else:
            frame.names[name] = Poison(f"{name}, bound anew in a loop,")
            bound[name] = ("last", before)
    return bound


def _only(key: str, index: Index) -> Sum:
    return [Term(Fraction(1), ((key, tuple(each for axis in index for each in axis)),))]


def _times(a: Affine, by: Any) -> Any:
    return a * by


def _step(world: Any, counter: tuple[str, Any] | None, new: Any, i: str) -> int | None:
    """How far a counter moves in each pass, when that is one number."""
    if counter is None or not isinstance(new, Affine):
        return None
    by = new - affine(counter[0])
    return by if isinstance(by, int) else None


def _scalar(reader: Reader, grid: Any, each: Changed) -> Sum:
    """The entries of an array that a name was bound to anew, at the names of its index."""
    if not isinstance(grid, Grid) or grid.kind == "int":
        raise Unreadable("a name that a loop binds to an array and to something else")
    index = indexed(grid.axes, each.names) if len(each.names) == sum(len(a) for a in grid.axes) else None
    if index is None:
        raise Unreadable("a name that a loop binds to arrays of several shapes")
    return simplified(reader.world, snapshot(reader.world, grid)(index))


def _held(reader: Reader, axes: Any, names: tuple[str, ...], terms: Sum) -> Grid:
    buffer = Buffer(reader.world.fresh("buffer"), axes, names, simplified(reader.world, terms))
    return Grid(axes, buffer.entries(reader.world))


def _after(
    reader: Reader, frame: Frame, bound: dict[str, tuple[Any, Any]], values: dict[str, Any], i: str, count: Affine,
    fresh: set[str],
) -> None:  # fmt: skip
    """What the names that the body binds hold when the loop is over."""
    world = reader.world
    some = world.always((at_least(count, 1),))
    for name in sorted({*bound, *fresh} & values.keys()):
        value, (kind, told) = values[name], bound.get(name, ("last", None))
        if kind == "array":
            if any(i in world.rests_on(coefficients(part)) for axis in frame.names[name].axes for part in axis):
                frame.names[name] = Poison(f"{name}, whose shape changes in a loop,")
        elif kind == "counter":
            frame.names[name] = told[0] + world.largest(count, 0) * told[1]
        elif isinstance(value, int | Affine) and (some or isinstance(told, int | Affine)):
            last = world.put(value, {i: count - 1})
            frame.names[name] = last if some else world.choose((at_least(count, 1),), last, told)
        else:
            frame.names[name] = Poison(f"{name}, left by the last pass of a loop,")
