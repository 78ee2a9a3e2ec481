"""Interprets a function's source abstractly: control flow by Python's ast, values by tables. Nothing of it is executed."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from symconv.reading.arrays import Grid
from symconv.reading.kinds import refused_call
from symconv.reading.numbers import Affine, Conjunction, negated
from symconv.reading.rewrites import generated, yields
from symconv.reading.scopes import names_bound
from symconv.reading.values import Class, Frame, Function, Instance, Method, Row, Run, Test
from symconv.reading.world import Fork, Limit, Raised, Unreadable, World

__all__ = ["Language", "Reader", "Returned"]

MAX_STEPS = 60_000
MAX_DEPTH = 40


class Returned(Exception):
    """return: carries the value to the call."""

    def __init__(self, value: Any) -> None:
        self.value = value


@dataclass(frozen=True)
class Language:
    """The tables of what is read, put together where all are known (:mod:`symconv.reading.regions`)."""

    execute: Callable[..., bool]
    evaluate: Callable[..., Any]
    bind: Callable[..., None]
    items: Callable[..., list[Any]]
    runs: Callable[..., Run | None]
    attribute: Callable[..., Any]
    array: Callable[..., Grid]


class Reader:
    """One reading of a module in one world."""

    def __init__(self, world: World, tree: ast.Module, language: Language) -> None:
        self.world, self.language = world, language
        self.guards: list[Conjunction] = []
        #: loops over a size that run here; those that ran when the function was entered
        self.loops = self.entered = 0
        #: for each loop that is read pass by pass, the guards and loops around it
        self.unrolled: list[tuple[int, int]] = []
        self.steps = 0
        self.depth = 0
        self.globals = Frame()
        #: what parameters of the module's functions default to: made once, so that a list is the same in every call
        self.defaults: dict[ast.expr, Any] = {}
        #: the names that the module binds, in functions those that they declare global
        self.bound = names_bound(tree)
        self.block(tree.body, self.globals, lenient=True)

    # running -----------------------------------------------------------------------------------------------------------------

    def block(self, body: Sequence[ast.stmt], frame: Frame, lenient: bool = False) -> None:
        """Statements one after the other."""
        for at, node in enumerate(body):
            try:
                if self.language.execute(self, node, frame, body[at + 1 :]):
                    return
            except Unreadable as error:
                if not lenient:
                    raise self.placed(error, node) from None
            except Raised as error:
                error.line = error.line or node.lineno
                raise

    def value(self, node: ast.expr, frame: Frame) -> Any:
        """What an expression gives."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise Limit(f"more than {MAX_STEPS} steps")
        if self.steps % 64 == 0 and time.process_time() > self.world.deadline:
            raise Limit("the limit of seconds was reached")
        try:
            return self.language.evaluate(self, node, frame)
        except Unreadable as error:
            raise self.placed(error, node) from None

    def placed(self, error: Unreadable, node: ast.AST) -> Unreadable:
        """The error with the place it is at."""
        if error.line is None:
            error.line, error.column = getattr(node, "lineno", None), getattr(node, "col_offset", None)
        return error

    def guard(self) -> Conjunction:
        """What must hold for the statement to be reached, of running indices."""
        return tuple(each for guard in self.guards for each in guard)

    @contextmanager
    def guarded(self, condition: Conjunction) -> Iterator[None]:
        """Inside, ``condition`` holds."""
        self.guards.append(condition)
        try:
            with self.world.holding(condition), self.reaching():
                yield
        finally:
            self.guards.pop()

    @contextmanager
    def reaching(self) -> Iterator[None]:
        """The function raises where something inside raises and is reached."""
        try:
            yield
        except Raised as raised:
            raised.deep = True
            world = self.world
            if world.probing:
                return
            failing = world.onto_sizes(world.here())
            if world.possible.is_subset(failing):
                raise
            raise Fork(failing.coalesce()) from None

    # truth -------------------------------------------------------------------------------------------------------------------

    def truth(self, value: Any) -> bool | Conjunction:
        """True, False, or the condition on running indices under which it is true."""
        holds = self.condition(value)
        if isinstance(holds, bool):
            return holds
        if self.world.always(holds):
            return True
        if self.world.never(holds):
            return False
        self.world.settled(holds)
        if self.world.on_sizes(holds):
            raise Fork(self.world.set_of(holds))
        return holds

    def condition(self, value: Any) -> bool | Conjunction:
        """A value in a test, as a condition."""
        if isinstance(value, Test):
            return value.holds
        if isinstance(value, Affine):
            return negated((("eq", value),))
        if isinstance(value, Grid):
            raise Unreadable("a test on data")
        if value is None or isinstance(value, bool | int | float | str | tuple | list | dict):
            return bool(value)
        if isinstance(value, Function | Instance | Method | Class | Row):
            return True
        raise Unreadable(f"a test on {type(value).__name__}")

    def named(self, name: str) -> Any:
        """A function of the file."""
        if not isinstance(self.globals.names.get(name), Function | Class):
            raise Unreadable(f"{name}, which is no plain function of this file,")
        return self.globals.names[name]

    def attribute(self, holder: Any, name: str) -> Any:
        """holder.name."""
        return self.language.attribute(self, holder, name)

    def items(self, value: Any) -> list[Any]:
        """The elements of something whose number is known."""
        return self.language.items(self, value)

    def bind(self, target: ast.expr, value: Any, frame: Frame) -> None:
        """target = value."""
        self.language.bind(self, target, value, frame)

    def runs(self, value: Any) -> Run | None:
        """What a loop over it runs over; None when its elements are known one by one."""
        return self.language.runs(self, value)

    def array(self, value: Any) -> Grid:
        """What np.asarray makes of it."""
        return self.language.array(self, value)

    # calls -------------------------------------------------------------------------------------------------------------------

    def call(self, function: Any, args: list[Any], keywords: dict[str, Any] | None = None) -> Any:
        """What a call gives."""
        keywords = keywords or {}
        if isinstance(function, Row):
            return function.run(self, args, keywords)
        if isinstance(function, Method):
            return self.call(function.function, [function.bound, *args], keywords)
        if isinstance(function, Class):
            made = Instance(function)
            try:
                start = function.find("__init__")
            except KeyError:
                return made
            self.call(start, [made, *args], keywords)
            return made
        if isinstance(function, Instance):
            return self.call(function.made.find("__call__"), [function, *args], keywords)
        if not isinstance(function, Function):
            refused_call(function)
            raise Unreadable(f"a call of {_named(function)}")
        return self._entered(function, args, keywords)

    def takes(self, function: Any, name: str) -> bool:
        """Whether a function, or what makes an instance, has a parameter of this name, or takes any."""
        if isinstance(function, Class):
            try:
                function = function.find("__init__")
            except KeyError:
                return False
        if not isinstance(function, Function):
            return False
        known = function.node.args
        return known.kwarg is not None or any(a.arg == name for a in (*known.args, *known.kwonlyargs))

    def _entered(self, function: Function, args: list[Any], keywords: dict[str, Any]) -> Any:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Limit("calls too deep")
        frame = Frame(self._bound(function, args, keywords), function.frame)
        outer, self.entered = self.entered, self.loops
        try:
            if isinstance(function.node, ast.Lambda):
                return self.value(function.node.body, frame)
            if yields(function.node):
                first, elements = generated(function.node.body)
                self.block(first, frame)
                return self.value(elements, frame)
            guards = len(self.guards)
            try:
                self.block(function.node.body, frame)
            except Returned as returned:
                if len(self.guards) > guards:
                    raise Unreadable("a return that depends on a running index") from None
                return returned.value
            return None
        finally:
            self.depth -= 1
            self.entered = outer

    def _default(self, function: Function, node: ast.expr) -> Any:
        if function.frame is not self.globals:
            return self.value(node, function.frame)
        if node not in self.defaults:
            self.defaults[node] = self.value(node, function.frame)
        return self.defaults[node]

    def _bound(self, function: Function, args: list[Any], keywords: dict[str, Any]) -> dict[str, Any]:
        """Arguments by the names of the parameters; TypeError of the function where they do not fit."""
        said = function.node.args
        positional = [*said.posonlyargs, *said.args]
        found: dict[str, Any] = {"__function__": function}
        for parameter, value in zip(positional, args):
            found[parameter.arg] = value
        if len(args) > len(positional):
            if said.vararg is None:
                raise Raised("TypeError")
            found[said.vararg.arg] = tuple(args[len(positional) :])
        elif said.vararg is not None:
            found[said.vararg.arg] = ()
        names = {parameter.arg for parameter in (*said.args, *said.kwonlyargs)}
        more = {}
        for name, value in keywords.items():
            if name in names and name not in found:
                found[name] = value
            elif said.kwarg is not None and name not in found:
                more[name] = value
            else:
                raise Raised("TypeError")
        if said.kwarg is not None:
            found[said.kwarg.arg] = more
        defaults = dict(zip([p.arg for p in positional][::-1], said.defaults[::-1]))
        defaults |= {p.arg: d for p, d in zip(said.kwonlyargs, said.kw_defaults) if d is not None}
        for name in [p.arg for p in (*positional, *said.kwonlyargs)]:
            if name not in found:
                if name not in defaults:
                    raise Raised("TypeError")
                found[name] = self._default(function, defaults[name])
        return found


def _named(value: Any) -> str:
    return getattr(value, "name", None) or type(value).__name__
