"""while, try, break, and lists that a loop fills: each as the loop, the division of sizes or the list that it amounts to."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from symconv.reading.numbers import Affine, affine
from symconv.reading.reader import Reader
from symconv.reading.values import Frame, Poison, Run, Test
from symconv.reading.world import Raised, Unreadable

__all__ = [
    "MAX_UNROLLED",
    "broken",
    "collected",
    "passes_before",
    "rewritten",
    "stored",
    "try_statement",
    "unrolled",
    "while_loop",
]

MAX_UNROLLED = 64

Block = Callable[[], None]


class Broken(Exception):
    """break: ends the loop that is unrolled."""


# break ---------------------------------------------------------------------------------------------------------------------


def broken(reader: Reader, node: ast.Break, frame: Frame, rest: Any) -> None:
    """break, where it is certain that it is reached: sizes decide, not a running index."""
    if not reader.unrolled or reader.unrolled[-1] != (len(reader.guards), reader.loops):
        raise Unreadable("a break that a running index decides")
    raise Broken


def unrolled(reader: Reader, passes: Sequence[Block]) -> None:
    """One pass after the other, until a break."""
    reader.unrolled.append((len(reader.guards), reader.loops))
    try:
        with suppress(Broken):
            for each in passes:
                each()
    finally:
        reader.unrolled.pop()


def passes_before(reader: Reader, node: ast.For, run: Run, frame: Frame) -> Run | None:
    """``for ...: if test: break`` as the first statement: the passes before the test first holds. None where there is none."""
    first = node.body[0]
    if not (isinstance(first, ast.If) and len(first.body) == 1 and isinstance(first.body[0], ast.Break)):
        return None
    if first.orelse or len(run.axes) != 1 or len(run.axes[0]) != 1 or run.step is not None:
        raise Unreadable("a break of this kind")
    name, count = reader.world.fresh("b"), run.axes[0][0]
    kept = dict(frame.names)
    reader.bind(node.target, run.item(((affine(name),),)), frame)
    held = reader.condition(reader.value(first.test, frame))
    frame.names.clear()
    frame.names.update(kept)
    if isinstance(held, bool):
        return Run(((0,),), run.item) if held else run
    start = _first(reader, held, name, rising=True)
    return Run(((reader.world.smallest(count, reader.world.largest(start, 0)),),), run.item)


def _first(reader: Reader, held: Any, name: str, rising: bool) -> Any:
    """The first value of a running index at which a comparison holds that stays true (fails that stays false) from there on."""
    if len(held) != 1 or held[0][0] != "ge" or not isinstance(held[0][1], Affine):
        raise Unreadable("a test of this kind that ends a loop")
    value = held[0][1]
    by = value.terms.get(name, 0)
    if (by <= 0) if rising else (by >= 0):
        raise Unreadable("a test that need not stay as it is once it ends a loop")
    rest = value - affine(name) * by
    if isinstance(rest, Affine) and name in reader.world.rests_on(rest.terms):
        raise Unreadable("a test of this kind that ends a loop")
    if rising:  # by * n + rest >= 0
        return -reader.world.floor(rest, by)
    return reader.world.floor(rest, -by) + 1  # the first n with rest - |by| * n < 0


# while ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Counter:
    name: str
    step: int


def while_loop(reader: Reader, node: ast.While, frame: Frame, nested: Callable[[Run, Block, set[str]], None]) -> None:
    """while a comparison of a counter holds that moves by a number in each pass; or a test that sizes alone decide."""
    if node.orelse:
        raise Unreadable("else of a loop")
    for _ in range(MAX_UNROLLED):
        told = reader.value(node.test, frame)
        counters = _counters(reader, node, frame)
        if isinstance(told, Test) and counters:
            nested(Run(((_count(reader, node, frame, counters),),), lambda index: None),
                   lambda: reader.block(node.body, frame), stored(node))  # fmt: skip
            return
        holds = told if isinstance(told, Test) else reader.truth(told)
        if isinstance(told, Test) or not isinstance(holds, bool):
            raise Unreadable("a while loop whose test is moved by no counter, by a number in each pass,")
        if not holds:
            return
        if isinstance(node.test, ast.Constant):
            raise Unreadable("a while loop without a test")
        before = len(reader.unrolled)
        try:
            reader.unrolled.append((len(reader.guards), reader.loops))
            reader.block(node.body, frame)
        except Broken:
            return
        finally:
            del reader.unrolled[before:]
    raise Unreadable(f"a while loop of more than {MAX_UNROLLED} passes")


def stored(node: ast.AST) -> set[str]:
    """Names that a statement binds, itself and in its body; not those of functions inside."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def _counters(reader: Reader, node: ast.While, frame: Frame) -> list[_Counter]:
    """Names of the test that the body moves, once in each pass and by a number; none where one is bound otherwise."""
    spoken = {each.id for each in ast.walk(node.test) if isinstance(each, ast.Name)}
    found = []
    for name in sorted(spoken & stored(node)):
        moves = [each for each in ast.walk(node) if name in _bound(each)]
        if len(moves) != 1 or moves[0] not in node.body:
            return []
        (move,) = moves
        by = _step(reader, name, move, frame)
        if by is None:
            return []
        found.append(_Counter(name, by))
    ends = any(isinstance(each, ast.Break | ast.Continue) for each in ast.walk(node))
    return [] if ends else found


def _bound(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Assign):
        return {name for target in node.targets for name in stored(target)}
    if isinstance(node, ast.AugAssign | ast.For | ast.AnnAssign | ast.NamedExpr):
        return stored(node.target)
    return set()


def _step(reader: Reader, name: str, move: ast.AST, frame: Frame) -> int | None:
    """By how much ``name += c``, ``name -= c`` or ``name = name + c`` moves it."""
    if isinstance(move, ast.AugAssign) and isinstance(move.op, ast.Add | ast.Sub):
        amount, sign = move.value, 1 if isinstance(move.op, ast.Add) else -1
    elif isinstance(move, ast.Assign) and isinstance(move.value, ast.BinOp) and isinstance(move.value.op, ast.Add):
        left, right = move.value.left, move.value.right
        if not (isinstance(left, ast.Name) and left.id == name):
            return None
        amount, sign = right, 1
    else:
        return None
    by = reader.value(amount, frame)
    return sign * by if isinstance(by, int) and not isinstance(by, bool) and by else None


def _count(reader: Reader, node: ast.While, frame: Frame, counters: list[_Counter]) -> Any:
    """How many passes: until the first comparison of the test fails."""
    n = reader.world.fresh("n")
    kept = dict(frame.names)
    for each in counters:
        start = frame.names.get(each.name)
        if not isinstance(start, int | Affine) or isinstance(start, bool):
            raise Unreadable("a while loop whose counter is no integer")
        frame.names[each.name] = start + affine(n) * each.step
    held = reader.condition(reader.value(node.test, frame))
    frame.names.clear()
    frame.names.update(kept)
    if isinstance(held, bool):
        raise Unreadable("a while loop of this kind")
    found: Any = None
    for clause in held:
        ends = _first(reader, (clause,), n, rising=False)
        found = ends if found is None else reader.world.smallest(found, ends)
    return reader.world.largest(found, 0)


# try -----------------------------------------------------------------------------------------------------------------------


def try_statement(reader: Reader, node: ast.Try, frame: Frame, rest: Any) -> None:
    """try: what the sizes let raise goes on in its handler, with all that was done before."""
    running = reader.loops or reader.guards
    try:
        reader.block(node.body, frame)
    except Raised as raised:
        if running or raised.deep:
            raise Unreadable("an exception caught that a running index may raise") from None
        handler = next((each for each in node.handlers if _catches(reader, each, raised.kind)), None)
        if handler is None:
            reader.block(node.finalbody, frame)
            raise
        if handler.name:
            frame.names[handler.name] = Poison(f"the exception {handler.name}")
        reader.block(handler.body, frame)
    else:
        reader.block(node.orelse, frame)
    reader.block(node.finalbody, frame)


def _catches(reader: Reader, handler: ast.ExceptHandler, kind: str) -> bool:
    if handler.type is None:
        return True
    told = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    raised = getattr(builtins, kind, None)
    kinds = [getattr(builtins, each.id, None) if isinstance(each, ast.Name) else None for each in told]
    if raised is None or not all(isinstance(each, type) for each in kinds):
        raise Unreadable("a handler of these exceptions")
    return any(issubclass(raised, each) for each in kinds if isinstance(each, type))


# what loops amount to ------------------------------------------------------------------------------------------------------


def rewritten(node: ast.For) -> ast.For | None:
    """``for x in [e for i in ... if test]: body`` as a loop with an if; None for any other loop."""
    told = node.iter
    if not isinstance(told, ast.ListComp | ast.GeneratorExp) or len(told.generators) != 1 or not told.generators[0].ifs:
        return None
    (inner,) = told.generators
    bind = ast.copy_location(ast.Assign([node.target], told.elt), node)
    if ast.unparse(node.target) == ast.unparse(told.elt) == ast.unparse(inner.target):
        body = node.body
    else:
        body = [ast.fix_missing_locations(bind), *node.body]
        if stored(node) & {each.id for each in ast.walk(inner.target) if isinstance(each, ast.Name)}:
            raise Unreadable("a filtered range that shares a name with the loop")
    for test in reversed(inner.ifs):
        body = [ast.copy_location(ast.If(test, body, []), node)]
    return ast.copy_location(ast.For(inner.target, inner.iter, body, [], None), node)


def collected(reader: Reader, node: ast.For, frame: Frame) -> bool:
    """A loop that only appends to an empty list, as the list that it makes; False for any other loop."""
    targets, simple, at = [], [], node
    while True:
        targets.append(at)
        *before, last = at.body
        if not all(
            isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name | ast.Tuple) for each in before
        ):
            return False
        simple.append(before)
        if not isinstance(last, ast.For):
            break
        at = last
    call = last.value if isinstance(last, ast.Expr) else None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "append"
            and isinstance(call.func.value, ast.Name) and len(call.args) == 1):  # fmt: skip
        return False
    held = frame.names.get(call.func.value.id)
    runs = [reader.runs(reader.value(each.iter, frame)) for each in targets[:1]]
    if runs[0] is None or not isinstance(held, list):
        return False
    if held or reader.loops > reader.entered:
        raise Unreadable("append inside a loop, to a list that is not empty")
    inner = [each.iter for each in targets[1:]]
    bound = {name for each in targets for name in stored(each)}
    if any(isinstance(each, ast.Name) and each.id in bound for told in inner for each in ast.walk(told)):
        raise Unreadable("append inside loops of which one sets the length of another")
    found = [*runs, *(reader.runs(reader.value(each, frame)) for each in inner)]
    if any(each is None for each in found):
        raise Unreadable("append inside a loop over a list")
    parts = [tuple(part for axis in each.axes for part in axis) for each in found if each is not None]

    def item(index: Any) -> Any:
        inside, left = Frame({}, frame), list(index[0])
        for run, part, loop, assigns in zip(found, parts, targets, simple, strict=True):
            assert run is not None
            mine, left = iter(left[: len(part)]), left[len(part) :]
            reader.bind(loop.target, run.item(tuple(tuple(next(mine) for _ in axis) for axis in run.axes)), inside)
            for each in assigns:
                reader.block([each], inside)
        return reader.value(call.args[0], inside)

    frame.names[call.func.value.id] = Run((tuple(size for part in parts for size in part),), item)
    for name in bound:
        frame.names[name] = Poison(f"{name}, left by the last pass of a loop,")
    return True
