"""Statements, as a table: each row runs one kind and says whether the rest of its block was run with it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from symconv.reading import control, loops
from symconv.reading.arrays import Grid, own, snapshot, store, value
from symconv.reading.drawn import DRAWN, is_drawn
from symconv.reading.expressions import imported, items_of, operated, subscripted
from symconv.reading.kinds import refused_place
from symconv.reading.numbers import Affine, Conjunction, negated
from symconv.reading.numpy_table import SILENT
from symconv.reading.reader import Reader, Returned
from symconv.reading.terms import constant_of, guarded, simplified
from symconv.reading.values import Class, Frame, Function, Instance, Module, Poison, Row
from symconv.reading.views import indexed_by
from symconv.reading.world import Raised, Unreadable

__all__ = ["executed"]


def executed(reader: Reader, node: ast.stmt, frame: Frame, rest: Sequence[ast.stmt]) -> bool:
    """Runs a statement; True when ``rest`` was run with it."""
    row = STATEMENTS.get(type(node))
    if row is None:
        raise Unreadable(f"the statement {type(node).__name__.lower()}")
    reader.world.place = node.lineno, node.col_offset
    return bool(row(reader, node, frame, rest))


def _nothing(reader: Reader, node: ast.stmt, frame: Frame, rest: Any) -> None:
    return None


def _expression(reader: Reader, node: ast.Expr, frame: Frame, rest: Any) -> None:
    if not isinstance(node.value, ast.Constant):
        reader.value(node.value, frame)


def _returns(reader: Reader, node: ast.Return, frame: Frame, rest: Any) -> None:
    found = None if node.value is None else reader.value(node.value, frame)
    if reader.loops > reader.entered:
        raise Unreadable("a return inside a loop")
    raise Returned(found)


def _assigned(reader: Reader, node: ast.Assign, frame: Frame, rest: Any) -> None:
    if len(node.targets) == 1 and _adds_to_itself(node):
        operation = node.value
        assert isinstance(operation, ast.BinOp)
        target = node.targets[0]
        other = operation.right if ast.dump(operation.left) == _loaded(target) else operation.left
        augmented(reader, target, operation.op, reader.value(other, frame), frame)
        return
    found = _given(reader, node.value, frame)
    for target in node.targets:
        bind(reader, target, found, frame)


def _given(reader: Reader, node: ast.expr, frame: Frame) -> Any:
    """The value that is assigned; one that is drawn at random is only told where it is used."""
    try:
        return reader.value(node, frame)
    except Unreadable:
        if not is_drawn(node):
            raise
    return tuple(_given(reader, each, frame) for each in node.elts) if isinstance(node, ast.Tuple) else Poison(DRAWN)


def _loaded(target: ast.expr) -> str:
    return ast.dump(target).replace("ctx=Store()", "ctx=Load()")


def _adds_to_itself(node: ast.Assign) -> bool:
    """a[i] = a[i] + e, which is a[i] += e for places that an index names once."""
    operation = node.value
    if not isinstance(node.targets[0], ast.Subscript) or not isinstance(operation, ast.BinOp):
        return False
    told = _loaded(node.targets[0])
    if isinstance(operation.op, ast.Add):
        return told in (ast.dump(operation.left), ast.dump(operation.right))
    return isinstance(operation.op, ast.Sub) and told == ast.dump(operation.left)


def _annotated(reader: Reader, node: ast.AnnAssign, frame: Frame, rest: Any) -> None:
    if node.value is not None:
        bind(reader, node.target, _given(reader, node.value, frame), frame)


def bind(reader: Reader, target: ast.expr, found: Any, frame: Frame) -> None:
    """target = found."""
    if isinstance(target, ast.Name):
        frame.names[target.id] = found
    elif isinstance(target, ast.Tuple | ast.List):
        _unpacked(reader, target.elts, items_of(reader, found), frame)
    elif isinstance(target, ast.Subscript):
        _put(reader, target, found, frame)
    elif isinstance(target, ast.Attribute):
        holder = reader.value(target.value, frame)
        if isinstance(holder, Grid) and target.attr == "shape":
            raise Unreadable("an assignment to shape")
        if not isinstance(holder, Instance | Class) or reader.loops > reader.entered:
            raise Unreadable(f"an assignment to the attribute {target.attr}")
        holder.names[target.attr] = found
    else:
        raise Unreadable("this assignment")


def _unpacked(reader: Reader, targets: list[ast.expr], items: list[Any], frame: Frame) -> None:
    starred = [at for at, each in enumerate(targets) if isinstance(each, ast.Starred)]
    if not starred:
        if len(items) != len(targets):
            raise Raised("ValueError")
        for each, item in zip(targets, items, strict=True):
            bind(reader, each, item, frame)
        return
    at, after = starred[0], len(targets) - starred[0] - 1
    if len(items) < len(targets) - 1:
        raise Raised("ValueError")
    middle = targets[at]
    assert isinstance(middle, ast.Starred)
    _unpacked(reader, targets[:at], items[:at], frame)
    bind(reader, middle.value, items[at : len(items) - after], frame)
    _unpacked(reader, targets[at + 1 :], items[len(items) - after :], frame)


def _put(reader: Reader, target: ast.Subscript, found: Any, frame: Frame) -> None:
    holder = reader.value(target.value, frame)
    if isinstance(holder, dict | list):
        if reader.loops:
            raise Unreadable("an assignment into a list or dict inside a loop")
        holder[subscripted(reader, target.slice, frame)] = found
        return
    if not isinstance(holder, Grid):
        raise Unreadable(f"an assignment into {type(holder).__name__}")
    view = _view(reader, holder, target, frame)
    store(reader.world, view, _data(reader, found), 1, False, reader.guard())


def _view(reader: Reader, holder: Grid, target: ast.Subscript, frame: Frame) -> Grid:
    index = subscripted(reader, target.slice, frame)
    items = list(index) if isinstance(index, tuple) else [index]
    if any(isinstance(item, Grid) for item in items):
        refused_place(items)
        raise Unreadable("an assignment to an index array")
    if holder.kind == "int":
        raise Unreadable("a write into an integer array")
    try:
        return indexed_by(reader.world, own(reader.world, holder), items)
    except Unreadable:
        refused_place(items)
        raise


def _data(reader: Reader, found: Any) -> Any:
    if isinstance(found, Grid):
        return found if found.kind == "view" else value(reader.world, found)
    return constant_of(reader.world, found)


def _augmented(reader: Reader, node: ast.AugAssign, frame: Frame, rest: Any) -> None:
    augmented(reader, node.target, node.op, reader.value(node.value, frame), frame)


def augmented(reader: Reader, target: ast.expr, op: ast.operator, amount: Any, frame: Frame) -> None:
    """target op= amount: in place for arrays, a new binding for numbers."""
    if isinstance(target, ast.Subscript):
        holder = reader.value(target.value, frame)
        if isinstance(holder, Grid):
            _changed(reader, _view(reader, holder, target, frame), op, amount)
            return
        current = reader.value(ast.copy_location(ast.Subscript(target.value, target.slice, ast.Load()), target), frame)
    elif isinstance(target, ast.Name | ast.Attribute):
        loaded = (
            ast.Name(target.id, ast.Load())
            if isinstance(target, ast.Name)
            else ast.Attribute(target.value, target.attr, ast.Load())
        )
        current = reader.value(ast.copy_location(loaded, target), frame)
        if isinstance(current, Grid) and current.kind != "int" and current.ndim:
            _changed(reader, own(reader.world, current), op, amount)
            return
    else:
        raise Unreadable("this assignment")
    bind(reader, target, operated(reader, op, current, amount), frame)


def _changed(reader: Reader, view: Grid, op: ast.operator, amount: Any) -> None:
    """An array changed in place."""
    if isinstance(op, ast.Add | ast.Sub):
        store(reader.world, view, _data(reader, amount), 1 if isinstance(op, ast.Add) else -1, True, reader.guard())
        return
    store(reader.world, view, operated(reader, op, view, amount), 1, False, reader.guard())


# control -------------------------------------------------------------------------------------------------------------------


def _if(reader: Reader, node: ast.If, frame: Frame, rest: Sequence[ast.stmt]) -> bool:
    holds = reader.truth(reader.value(node.test, frame))
    if isinstance(holds, bool):
        chosen = node.body if holds else node.orelse
        if chosen and isinstance(chosen[-1], ast.Continue):
            reader.block(chosen[:-1], frame)
            return True
        reader.block(chosen, frame)
        return False
    skips = bool(node.body) and isinstance(node.body[-1], ast.Continue)
    before = dict(frame.names)
    with reader.guarded(holds):
        reader.block(node.body[:-1] if skips else node.body, frame)
    first = dict(frame.names)
    frame.names.clear()
    frame.names.update(before)
    with reader.guarded(negated(holds)):
        reader.block([*node.orelse, *(rest if skips else ())], frame)
    _joined(reader, holds, first, frame)
    return skips


def _joined(reader: Reader, holds: Conjunction, first: dict[str, Any], frame: Frame) -> None:
    """What names hold after two branches on a running index."""
    second = frame.names
    for name in {*first, *second}:
        a, b = first.get(name), second.get(name)
        if a is b or (isinstance(a, int | Affine) and a == b):
            continue
        if isinstance(a, int | Affine) and isinstance(b, int | Affine):
            second[name] = reader.world.choose(holds, a, b)
        elif _numbers(a) and _numbers(b):
            second[name] = _either(reader, holds, a, b)
        else:
            second[name] = Poison(f"{name}, which branches on a running index set differently,")


def _numbers(value: Any) -> bool:
    """Whether it is a number of the data: no integer, no array with axes."""
    return isinstance(value, int | Fraction) or (isinstance(value, Grid) and value.kind == "value" and not value.ndim)


def _either(reader: Reader, holds: Conjunction, a: Any, b: Any) -> Grid:
    one, other = (
        simplified(reader.world, snapshot(reader.world, each)(()))
        if isinstance(each, Grid)
        else constant_of(reader.world, each)
        for each in (a, b)
    )
    both = [term for term in one if term in other]
    told = [
        *both,
        *guarded([term for term in one if term not in both], holds),
        *guarded([term for term in other if term not in both], negated(holds)),
    ]
    return Grid((), lambda index: told)


def _assert(reader: Reader, node: ast.Assert, frame: Frame, rest: Any) -> None:
    holds = reader.condition(reader.value(node.test, frame))
    if holds is False:
        raise Raised("AssertionError")
    if holds is not True:
        reader.world.check(holds, "AssertionError")


def _raise(reader: Reader, node: ast.Raise, frame: Frame, rest: Any) -> None:
    named = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    raise Raised(named.id if isinstance(named, ast.Name) else "Exception", node.lineno)


#: decorators that are read, by their last name: what they make of a method; numba's compile what stands there
DECORATORS = {"staticmethod": "static", "classmethod": "class", "property": "property", "njit": "", "jit": ""}


def _def(reader: Reader, node: ast.FunctionDef, frame: Frame, rest: Any) -> None:
    told = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
    names = [getattr(each, "attr", getattr(each, "id", "")) for each in told]
    if any(name not in DECORATORS or name in frame.names for name in names):
        frame.names[node.name] = Poison(f"the decorated function {node.name}")
        return
    frame.names[node.name] = Function(node, frame, None, "".join(DECORATORS[name] for name in names))


def _class(reader: Reader, node: ast.ClassDef, frame: Frame, rest: Any) -> None:
    if node.decorator_list or node.keywords:
        frame.names[node.name] = Poison(f"the decorated class {node.name}")
        return
    bases = tuple(reader.value(base, frame) for base in node.bases)
    if any(isinstance(base, Row | Poison) for base in bases) or not all(isinstance(base, Class) for base in bases):
        bases = tuple(base for base in bases if isinstance(base, Class))
        if len(bases) < len(node.bases) and not all(isinstance(b, ast.Name) and b.id == "object" for b in node.bases):
            raise Unreadable(f"the base of class {node.name}")
    made = Class(node.name, bases, {})
    inside = Frame(made.names, frame)
    reader.block(node.body, inside)
    for name, each in made.names.items():
        if isinstance(each, Function):
            made.names[name] = Function(each.node, frame, made, each.kind)
    frame.names[node.name] = made


def _with(reader: Reader, node: ast.With, frame: Frame, rest: Any) -> None:
    for each in node.items:
        found = reader.value(each.context_expr, frame)
        if each.optional_vars is not None or found != SILENT:
            raise Unreadable("with of this")
    reader.block(node.body, frame)


def _import(reader: Reader, node: ast.Import | ast.ImportFrom, frame: Frame, rest: Any) -> None:
    for alias in node.names:
        if isinstance(node, ast.Import):
            shown = alias.asname or alias.name.split(".")[0]
            frame.names[shown] = Module(alias.name if alias.asname else shown)
        elif node.level == 0 and node.module:
            frame.names[alias.asname or alias.name] = imported(f"{node.module}.{alias.name}")
        else:
            frame.names[alias.asname or alias.name] = Poison(f"{alias.name} of another file")


def _delete(reader: Reader, node: ast.Delete, frame: Frame, rest: Any) -> None:
    for target in node.targets:
        if not isinstance(target, ast.Name):
            raise Unreadable("this del")
        frame.names.pop(target.id, None)


Statement = Callable[[Reader, Any, Frame, Sequence[ast.stmt]], Any]
STATEMENTS: dict[type[ast.stmt], Statement] = {
    ast.Assert: _assert,
    ast.Assign: _assigned,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.Break: control.broken,
    ast.ClassDef: _class,
    ast.Delete: _delete,
    ast.Expr: _expression,
    ast.For: loops.for_loop,
    ast.FunctionDef: _def,
    ast.If: _if,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.Pass: _nothing,
    ast.Raise: _raise,
    ast.Return: _returns,
    ast.Try: control.try_statement,
    ast.While: loops.while_statement,
    ast.With: _with,
}
