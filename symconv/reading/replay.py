"""Every reading replayed: the function is run on geometries and held against what was read of it, entry by entry.

Not against the truth: one disagreement is a fault of the reader, and nothing that it said of the function stands. The function
runs in a process of its own, with limits of time and memory.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv import isl
from symconv.proof.decide import as_coordinates, points
from symconv.reading.arrays import Axis, Grid, length, places, snapshot
from symconv.reading.calls import Layer
from symconv.reading.numbers import Affine, Conjunction, affine
from symconv.reading.regions import Reading
from symconv.reading.terms import Sum, Term, simplified
from symconv.reading.verdict import cut
from symconv.reading.world import World

__all__ = ["Replay", "at_sizes", "replay", "replays", "term_points", "within"]

#: of a processor, for one stride; on a busy machine they may take so many times longer
SECONDS, PATIENCE, MEGABYTES = 60, 10, 4096
#: entries of the largest geometry's product of all indices
MAX_WORK = 200_000

Sizes = dict[str, int]


@dataclass(frozen=True)
class Replay:
    """``geometries`` run, ``arrays`` and ``exceptions`` that came out as read; ``disagreement`` is the first that did not."""

    geometries: int = 0
    arrays: int = 0
    exceptions: int = 0
    disagreement: str | None = None


Run = tuple[Sizes, tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]]


def replay(reading: Reading, source: str, function: str, count: int = 24, seed: int = 0) -> Replay:
    """Runs the function on ``count`` random geometries and one of every set that was found."""
    (found,) = replays([reading], source, function, count, seed)
    return found


def replays(readings: Sequence[Reading], source: str, function: str, count: int = 24, seed: int = 0) -> list[Replay]:
    """:func:`replay` of several readings of one function, at several strides, in one process."""
    runs: list[list[Run]] = []
    for reading in readings:
        rng = np.random.default_rng(seed)
        runs.append([(sizes, _arguments(reading, sizes, rng)) for sizes in geometries(reading, count, seed)])
    asked = {
        "source": source, "function": function, "megabytes": MEGABYTES, "seconds": SECONDS * len(readings),
        "calls": [{"call": asdict(reading.layer.call), "runs": [
            {"sizes": sizes, "arrays": {n: {"shape": a.shape, "values": a.ravel().tolist()} for n, a in native.items()}}
            for sizes, (_, native) in own]} for reading, own in zip(readings, runs, strict=True)],
    }  # fmt: skip
    told = run_apart(asked, PATIENCE * SECONDS * len(readings))
    if not isinstance(told, str):
        return [_compared(*each) for each in zip(readings, runs, told, strict=True)]
    if len(readings) == 1:
        return [Replay(disagreement=f"the function could not be run: {told}")]
    return [
        replay(reading, source, function, count, seed) for reading in readings
    ]  # perhaps only one of them could not


def _compared(reading: Reading, runs: Sequence[Run], told: Sequence[Any]) -> Replay:
    """What was read against what the function gave."""
    for _, world, _ in reading.regions:
        world.deadline = float("inf")  # one size at a time: none takes long
    arrays = exceptions = 0
    for (sizes, (standard, _)), out in zip(runs, told, strict=True):
        at = ", ".join(f"{name}={value}" for name, value in sizes.items())
        try:
            due = predicted(reading, sizes, standard)
        except (IndexError, ValueError) as error:
            return Replay(len(runs), arrays, exceptions, f"at {at}: what was read cannot be evaluated: {error}")
        if due is None:
            continue
        if isinstance(due, str) or "raises" in out:
            exceptions += 1
            if not isinstance(due, str) or "raises" not in out:
                said = f"raises {due}" if isinstance(due, str) else "returns"
                did = f"raises {out['raises']}" if "raises" in out else "returns"
                return Replay(len(runs), arrays, exceptions, f"at {at}: read as it {said}, run it {did}")
            continue
        for name, (shape, values) in due.items():
            if name not in out["outputs"]:
                return Replay(len(runs), arrays, exceptions, f"at {at}: {name} was not returned")
            found = out["outputs"][name]
            got = np.array([np.nan if v is None else v for v in found["values"]], float)
            if tuple(found["shape"]) != shape:
                told_shape = tuple(found["shape"])
                return Replay(len(runs), arrays, exceptions, f"at {at}: {name} has shape {told_shape}, read as {shape}")
            known = ~np.isnan(values)
            if not np.allclose(got[known], values[known], rtol=1e-9, atol=1e-9):
                return Replay(len(runs), arrays, exceptions, f"at {at}: {name} has other entries than were read")
            arrays += 1
    return Replay(len(runs), arrays, exceptions)


def run_apart(asked: Mapping[str, Any], seconds: int) -> Any:
    """What the process says, or why it said nothing."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "symconv.reading.child"], input=json.dumps(asked), capture_output=True, text=True,
            timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"it ran longer than {seconds} s"
    if done.returncode < 0:
        return f"it was ended by signal {-done.returncode}: more than {asked['seconds']} s of a processor, or too much memory"
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"])[-1]
    try:
        return json.loads(done.stdout)
    except ValueError:
        return "it wrote something else than its results"


def geometries(reading: Reading, count: int, seed: int) -> list[Sizes]:
    """Random sizes, small and larger, and one point of every basic set of what was found."""
    rng = random.Random(seed)
    layer, found = reading.layer, []
    for each in _sets(reading):
        for basic in each.get_basic_sets()[:6]:
            sizes = sample(basic, layer.sizes)
            if sizes is not None:
                found.append(sizes)
    tries = 0
    while count and tries < 4000:
        tries += 1
        large = rng.random() < 0.2
        sizes = {}
        for name in layer.sizes:
            if name in layer.call.one:
                sizes[name] = 1
            elif name in (*layer.padding, *layer.extra):
                sizes[name] = rng.randint(0, 6 if large else 3)
            elif name in layer.kernels:
                sizes[name] = rng.randint(1, 7 if large else 4)
            elif name in layer.inputs:
                sizes[name] = rng.randint(1, 11 if large else 7)
            else:
                sizes[name] = rng.randint(1, 3)
        if _work(sizes, layer) <= MAX_WORK and within(reading.possible, sizes):
            found.append(sizes)
            count -= 1
    return found


def _sets(reading: Reading) -> list[isl.Set]:
    sets = [here for here, _, _ in reading.regions] + list(reading.raises.values())
    for output in reading.outputs.values():
        sets += [output.wrong, reading.possible.subtract(output.wrong)]
    return sets


def sample(found: Any, names: Sequence[str], most: int = 14) -> Sizes | None:
    """A point with no size above ``most``."""
    told = isl.Set.from_basic_set(found) if isinstance(found, isl.BasicSet) else found
    limits = " and ".join(f"{name} <= {most}" for name in names)
    told = told.intersect_params(isl.Set.read_from_str(found.get_ctx(), f"[{', '.join(names)}] -> {{ : {limits} }}"))
    vectors = as_coordinates(told, tuple(names))
    if vectors.is_empty():
        return None
    point = vectors.lexmin() if vectors.dim(isl.dim_type.set) < 4 else vectors
    at = point.sample_point()
    sizes = {n: at.get_coordinate_val(isl.dim_type.set, k).to_python() for k, n in enumerate(names)}
    work = 1
    for value in sizes.values():
        work *= max(value, 1)
    return sizes if work <= MAX_WORK * 20 else None


def _work(sizes: Sizes, layer: Layer) -> int:
    found = 1
    for name in layer.sizes:
        if name not in (*layer.padding, *layer.extra):
            found *= sizes[name]
    return found


def within(found: isl.Set, sizes: Mapping[str, int]) -> bool:
    """Whether a point lies in a set of sizes."""
    for name, value in sizes.items():
        at = found.find_dim_by_name(isl.dim_type.param, name)
        if at >= 0:
            found = found.fix_val(isl.dim_type.param, at, isl.Val(value, found.get_ctx()))
    return not found.is_empty()


def _arguments(reading: Reading, sizes: Sizes, rng: Any) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Random arrays in the layout of indices by parts, and the same as the convention lays them out."""
    layer = reading.layer
    context = isl.Context()
    world = World(context, layer.sizes, layer.possible(context))
    layer.own_y = None
    for here, own, _ in reading.regions:
        if own.dy_axes is not None and within(here, sizes):
            world, layer.own_y = own, Grid(own.dy_axes, lambda index: [])
    standard, native = {}, {}
    for name in layer.arguments:
        axes = [[at_sizes(world, part, sizes) for part in axis] for axis in layer.axes(world, name)]
        array = rng.integers(-9, 10, [part for axis in axes for part in axis]).astype(float)
        standard[name] = array
        whole = array.reshape([int(np.prod(axis)) for axis in axes])
        if layer.channels_last:
            ones = (1,) * (layer.call.ndim + 1)
            whole = whole.reshape((*ones, -1)) if name == "b" else whole.transpose(layer.order(name))
        native[name] = np.ascontiguousarray(whole)
    return standard, native


def at_sizes(world: World, value: Any, values: Mapping[str, Any]) -> Any:
    """An integer at numbers, or arrays of numbers, for its names."""
    if not isinstance(value, Affine):
        return value
    return value.const + sum(c * _name(world, name, values) for name, c in value.terms.items())


def _name(world: World, name: str, values: Mapping[str, Any]) -> Any:
    if name in values:
        return values[name]
    kind, *args = world.recipes[name]
    if kind == "floor":
        return at_sizes(world, args[0], values) // args[1]
    holds = _holds(world, args[0], values)
    return np.where(holds, at_sizes(world, args[1], values), at_sizes(world, args[2], values))


def _holds(world: World, conjunction: Conjunction, values: Mapping[str, Any]) -> Any:
    found: Any = True
    for each in conjunction:
        if each[0] in ("ge", "eq"):
            value = at_sizes(world, each[1], values)
            found = np.logical_and(found, value >= 0 if each[0] == "ge" else value == 0)
        elif each[0] == "or":
            found = np.logical_and(found, np.logical_or.reduce([_holds(world, c, values) for c in each[1]]))
        else:
            if each[1]:
                raise NotImplementedError("a choice over bound names")
            found = np.logical_and(found, np.logical_not(_holds(world, each[2], values)))
    return found


def predicted(reading: Reading, sizes: Sizes, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """What was read at one geometry: the exception's name, or shape and entries of each output; None where undecided."""
    for kind, where in reading.raises.items():
        if within(where, sizes):
            return kind
    for here, world, outputs in reading.regions:
        if within(here, sizes):
            return {
                name: _evaluated(world, grid, sizes, arrays) for name, grid in outputs.items() if isinstance(grid, Grid)
            }
    return None


def _evaluated(
    world: World, grid: Grid, sizes: Sizes, arrays: Mapping[str, NDArray[Any]]
) -> tuple[tuple[int, ...], Any]:
    names = [tuple(f"z{at}_{n}" for n in range(len(axis))) for at, axis in enumerate(grid.axes)]
    index = tuple(tuple(affine(n) for n in own) for own in names)
    parts = [int(at_sizes(world, part, sizes)) for axis in grid.axes for part in axis]
    shape = tuple(int(at_sizes(world, length(axis), sizes)) if len(axis) == 1 else
                  int(np.prod([at_sizes(world, part, sizes) for part in axis])) for axis in grid.axes)  # fmt: skip
    found = np.zeros(parts)
    flat = [n for own in names for n in own]
    if 0 not in parts:
        inside = places(grid.axes, index)
        for term in simplified(world, snapshot(world, grid)(index)):
            _add(world, term, inside, flat, sizes, arrays, found)
    return shape, found.ravel()


def _points(
    world: World, term: Term, inside: Conjunction, flat: list[str], sizes: Sizes
) -> tuple[dict[str, Any], int] | None:
    """Every point at which a term stands, as columns by name, and their number; None when there is none."""
    columns: dict[str, NDArray[Any]] = {}
    fixed = isl.Set.read_from_str(
        world.context, f"[{', '.join(sizes)}] -> {{ : {' and '.join(f'{n} = {v}' for n, v in sizes.items())} }}"
    )
    count = 1
    for (part,) in cut(world, [(*term.where, *inside)]):
        own = tuple(sorted({n for n in world.free(part) if n not in sizes}))
        told = world.without(world.set_of(part).intersect(fixed), sizes)
        if told.is_empty():
            return None
        if not own:
            continue
        table = np.array(points(as_coordinates(told, own)), dtype=np.int64).reshape(-1, len(own))
        columns = {n: np.repeat(c, len(table)) for n, c in columns.items()}
        for k, name in enumerate(own):
            columns[name] = np.tile(table[:, k], count)
        count *= len(table)
    values: dict[str, Any] = {**sizes, **columns}
    for name in {*term.counted, *flat} - set(values):
        raise ValueError(f"{name} runs over nothing")
    return values, count


def _add(
    world: World, term: Term, inside: Conjunction, flat: list[str], sizes: Sizes, arrays: Mapping[str, NDArray[Any]],
    found: NDArray[Any],
) -> None:  # fmt: skip
    """One term's share of every entry."""
    told = _points(world, term, inside, flat, sizes)
    if told is None:
        return
    values, count = told
    amount: Any = np.full(count, float(term.coefficient))
    for size, power in term.over:
        amount = amount * float(at_sizes(world, size, sizes)) ** power
    for name, index in term.factors:
        if name == "?":
            amount = amount * np.nan
            continue
        where = tuple(np.broadcast_to(at_sizes(world, i, values), (count,)) for i in index)
        amount = amount * arrays[name][where]
    np.add.at(found, tuple(values[n] for n in flat) if flat else (), amount if flat else amount.sum())


def term_points(world: World, terms: Sum, axes: Sequence[Axis], sizes: Sizes) -> dict[tuple[int, ...], Counter[str]]:
    """For each entry of an array at one size, its products as text, each with its coefficient.

    The entries' index is made of the names z0_0, z1_0 and so on, one for each part of each axis.
    """
    names = [tuple(f"z{at}_{n}" for n in range(len(axis))) for at, axis in enumerate(axes)]
    inside = places(axes, tuple(tuple(affine(n) for n in own) for own in names))
    flat = [n for own in names for n in own]
    found: dict[tuple[int, ...], Counter[str]] = {}
    for term in terms:
        told = _points(world, term, inside, flat, sizes)
        if told is None:
            continue
        values, count = told
        factors = [(name, [np.broadcast_to(at_sizes(world, i, values), (count,)) for i in index])
                   for name, index in term.factors]  # fmt: skip
        weight: Any = term.coefficient
        for size, power in term.over:
            weight *= Fraction(int(at_sizes(world, size, sizes))) ** power
        for k in range(count):
            place = tuple(int(values[n][k]) for n in flat)
            text = "*".join(f"{name}[{','.join(str(int(i[k])) for i in index)}]" for name, index in factors)
            found.setdefault(place, Counter())[text or "1"] += weight
    return found
