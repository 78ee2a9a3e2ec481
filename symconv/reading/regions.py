"""Reads a function: for each output, the sizes at which it is wrong, and those at which the function raises."""

from __future__ import annotations

import ast
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from symconv import isl
from symconv.algebra.comparisons import Comparison, in_words
from symconv.reading.arrays import Grid, Index, snapshot, value
from symconv.reading.attributes import attribute
from symconv.reading.calls import CALLS, Call, Layer, by_name
from symconv.reading.expressions import evaluated, items_of
from symconv.reading.loops import runs_of
from symconv.reading.numbers import Affine, affine
from symconv.reading.numpy_making import as_array
from symconv.reading.reader import Language, Reader
from symconv.reading.statements import bind, executed
from symconv.reading.terms import Sum, simplified
from symconv.reading.truth import truth
from symconv.reading.values import Class, Function
from symconv.reading.verdict import wrong_sizes
from symconv.reading.views import permuted
from symconv.reading.words import at_which
from symconv.reading.world import MAX_OPERATIONS, Fork, Limit, Raised, Unreadable, World

__all__ = ["Output", "Reading", "parsed", "read"]

LANGUAGE = Language(executed, evaluated, bind, items_of, runs_of, attribute, as_array)

#: what a row raises that did not foresee a construct: then nothing is said
FAULTS = (TypeError, AttributeError, KeyError, IndexError, ValueError, AssertionError, RuntimeError, StopIteration)

#: what is returned as an array of no axes
NUMBERS = (int, Fraction, Affine)
MAX_REGIONS = 64
MAX_SOURCE = 200_000
MAX_SECONDS = 60.0


@dataclass
class Output:
    """One output: the sizes at which it is wrong, and those at which that could not be said."""

    wrong: isl.Set
    undecided: isl.Set
    returned: isl.Set
    reason: str | None = None


@dataclass
class Reading:
    """What was read of a function. ``raises`` are the sizes at which it raises, by the exception's name."""

    layer: Layer
    possible: isl.Set
    outputs: dict[str, Output]
    raises: dict[str, isl.Set]
    undecided: isl.Set
    reasons: list[str]
    seconds: float = 0.0
    regions: list[tuple[isl.Set, World, Mapping[str, Any]]] = field(default_factory=list, repr=False)

    def entries(self, world: World, grid: Grid) -> Sum:
        """What stands in an array's entry at the index z0_0, z1_0, ..."""
        index = tuple(tuple(affine(f"z{at}_{n}") for n in range(len(axis))) for at, axis in enumerate(grid.axes))
        return simplified(world, snapshot(world, grid)(index))

    def truth(self, world: World, target: str, index: Index) -> Sum:
        """What should stand there."""
        return simplified(world, truth(self.layer, world, target, self.layer.standard(target, index)))

    @property
    def raising(self) -> isl.Set:
        """The sizes at which the function raises."""
        found = self.possible.subtract(self.possible)
        for each in self.raises.values():
            found = found.union(each)
        return found.coalesce()


def parsed(source: str) -> ast.Module:
    """A source as its tree; ValueError for one that is too long or nested too deeply, and for what is no Python."""
    if len(source) > MAX_SOURCE:
        raise ValueError(f"a source of {len(source):,} characters; {MAX_SOURCE:,} are read")
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise ValueError(f"the source cannot be parsed: line {error.lineno}: {error.msg}") from None
    except (RecursionError, MemoryError):
        raise ValueError("the source cannot be parsed: it is nested too deeply") from None


def read(
    source: str, function: str, call: Call, seconds: float = MAX_SECONDS, operations: int = MAX_OPERATIONS,
    assumed: Sequence[Comparison] = (),
) -> Reading:  # fmt: skip
    """``function`` of ``source``, called as ``call`` says, at every size at which what is assumed holds on every axis.

    ValueError for what cannot be parsed, for no such name, and where no layer has such sizes.
    """
    tree = parsed(source)
    if not any(isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name == function for n in tree.body):
        raise ValueError(f"no function {function} in this source")
    context, layer, start = isl.Context(), Layer(call), time.process_time()
    possible = layer.possible(context)
    if assumed:
        possible = possible.intersect(at_which(layer, assumed, context)).coalesce()
        if possible.is_empty():
            raise ValueError(f"no layer of stride {call.stride}, dilation {call.dilation} has {in_words(assumed)}")
    nowhere = possible.subtract(possible)
    found = Reading(layer, possible, {}, {}, nowhere, [])
    waiting = [possible]
    context.set_max_operations(operations)
    deadline, count = start + seconds, 0
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 20_000))
    try:
        while waiting:
            here = waiting.pop()
            count += 1
            world = World(context, layer.sizes, here, max(deadline - time.process_time(), 0.1))
            if count > MAX_REGIONS:
                _open(found, here, f"the sizes divide into more than {MAX_REGIONS} cases")
                continue
            waiting += _part(found, tree, function, world, here)
    except (isl.Error, TypeError):
        found.undecided = found.possible
        found.reasons.append(_placed(world, "isl's limit of operations was reached"))
    finally:
        context.set_max_operations(0)
        context.reset_operations()
        sys.setrecursionlimit(limit)
    found.seconds = time.process_time() - start
    return found


def _part(found: Reading, tree: ast.Module, function: str, world: World, here: isl.Set) -> list[isl.Set]:
    """One part of the sizes, read to the end; or the two that it divides into."""
    try:
        _region(found, tree, function, found.layer.call, found.layer, world, here)
    except Fork as fork:
        condition = here.intersect(fork.condition).coalesce()
        rest = here.subtract(fork.condition).coalesce()
        if not condition.is_empty() and not rest.is_empty():
            return [rest, condition]
        _open(found, here, _placed(world, "a division of the sizes that divides nothing is not read"))
    except Raised as raised:
        known = found.raises.get(raised.kind, here.subtract(here))
        found.raises[raised.kind] = known.union(here).coalesce()
    except Unreadable as error:
        _open(found, here, str(error) if error.line is not None else _placed(world, str(error)))
    except Limit as limit:
        _open(found, here, _placed(world, str(limit)))
    except RecursionError:
        _open(found, here, _placed(world, "the function is nested too deeply"))
    except FAULTS as error:  # a construct that a row did not foresee
        _open(found, here, _placed(world, f"this is not read (the reader: {type(error).__name__}: {error})"))
    return []


def _open(found: Reading, here: isl.Set, reason: str) -> None:
    """Part of the sizes left undecided."""
    found.undecided = found.undecided.union(here)
    found.reasons.append(reason)


def _placed(world: World, reason: str) -> str:
    """A reason with the statement that was read last."""
    if world.place is None:
        return reason
    line, column = world.place
    return f"line {line}, column {column + 1}: {reason}"


def _region(
    found: Reading, tree: ast.Module, function: str, call: Call, layer: Layer, world: World, here: isl.Set
) -> None:
    """One part of the sizes, read to the end."""
    reader = Reader(world, tree, LANGUAGE)
    named = reader.globals.names.get(function)
    if not isinstance(named, Function | Class):
        node = next(each for each in tree.body if getattr(each, "name", None) == function)
        raise Unreadable(f"the decorated {function}", node.lineno, node.col_offset)
    layer.own_y = None
    if call.adjoint:
        layer.own_y = _own_y(reader, call, layer)
        world.dy_axes = layer.own_y.axes
    returned = CALLS[call.convention](reader, named, layer)
    arrays = {name: reader.array(each) if isinstance(each, NUMBERS) else each
              for name, each in _named(returned, call.targets).items()}  # fmt: skip
    found.regions.append((here, world, arrays))
    nowhere = here.subtract(here)
    for name, array in arrays.items():
        output = found.outputs.setdefault(name, Output(nowhere, nowhere, nowhere))
        output.returned = output.returned.union(here).coalesce()
        try:
            output.wrong = output.wrong.union(wrong_sizes(world, layer, name, array)).coalesce()
        except (Unreadable, Limit) as error:
            output.undecided = output.undecided.union(here)
            output.reason = _placed(world, str(error))
        finally:
            world.possible = here
            world.forget()


def _own_y(reader: Reader, call: Call, layer: Layer) -> Grid:
    """y of the forward pass of the same file, axes in PyTorch's layout."""
    forward = replace(call, forward=True, adjoint=False, own_forward=None, targets=("y",))
    returned = CALLS[call.convention](reader, reader.named(call.own_forward or ""), Layer(forward))
    y = returned[0] if isinstance(returned, tuple) else returned
    if not isinstance(y, Grid) or y.kind == "int" or y.ndim != call.ndim + 2:
        raise Unreadable("a forward pass that returns no y of a layer")
    found = value(reader.world, y)
    if not layer.channels_last:
        return Grid(found.axes, found.at)
    order = layer.order("y")
    back = [order.index(at) for at in range(len(order))]
    return permuted(found, back)


def _named(returned: Any, targets: tuple[str, ...]) -> dict[str, Any]:
    """What was returned by name; None is no output."""
    if isinstance(returned, Mapping):
        unknown = [key for key in returned if key not in ("y", "dx", "dw", "db")]
        if unknown:
            raise Unreadable(f"a returned dict with {unknown[0]!r}")
        found = dict(returned)
    else:
        try:
            found = by_name(returned, targets)
        except ValueError as error:
            raise Unreadable(str(error)) from None
    return {name: value for name, value in found.items() if value is not None}
