"""A second opinion on what was read: z3, asked whether the products that stand in an output are those of R, each once.

It shares with the first only what was read. R is stated here anew, as inequalities between indices, and nothing is cut into
factors. It checks isl and the verdict, not the reader: that is what the replay is for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from symconv.layer import relation
from symconv.proof.solver import load_z3
from symconv.reading.arrays import Grid, places, snapshot
from symconv.reading.numbers import Affine, Conjunction, Constraint, affine, names_in
from symconv.reading.regions import Reading
from symconv.reading.terms import Term, renewed, simplified
from symconv.reading.world import World

__all__ = ["second_opinion"]

#: z3's resource units for one question; a count, so that answers repeat
MAX_RESOURCES = 40_000_000


def second_opinion(reading: Reading, target: str, proved: bool, everywhere: bool = True) -> str:
    """What z3 says of an output that was proved or refuted. ValueError when z3 is not installed."""
    z3 = load_z3()
    call = reading.layer.call
    for left_out, what in ((call.mode.filled, "a border of a constant"), (not everywhere, "sizes under an assumption"),
                           (call.forward_formula, "a forward pass of its own")):  # fmt: skip
        if left_out:
            return f"z3 was not asked: {what}"
    if len(reading.regions) != 1 or not reading.raising.is_empty() or reading.layer.own_y is not None:
        return "z3 was not asked: the sizes divide into cases"
    ((_, world, outputs),) = reading.regions
    found = outputs.get(target)
    if not isinstance(found, Grid) or tuple(found.axes) != reading.layer.native(world, target):
        return "z3 was not asked: the output has another shape"
    asked = _Asked(z3, reading, world, target)
    with world.holding(()):
        terms = simplified(world, snapshot(world, found)(asked.index))
    kinds = sorted({*asked.kinds, *map(_kind, terms)})
    verdicts = [asked.differs(kind, [t for t in terms if _kind(t) == kind]) for kind in kinds]
    if True in verdicts:
        return "z3 disagrees" if proved else "z3 agrees"
    if None in verdicts:
        return "z3 gave up"
    return "z3 agrees" if proved else "z3 disagrees"


def _kind(term: Term) -> tuple[str, ...]:
    return tuple(name for name, _ in term.factors)


class _Asked:
    """The questions about one output."""

    def __init__(self, z3: Any, reading: Reading, world: World, target: str) -> None:
        self.z3, self.layer, self.world, self.target = z3, reading.layer, world, target
        due = self.layer.native(world, target)
        self.index = tuple(
            tuple(0 if part == 1 else affine(f"t{at}_{n}") for n, part in enumerate(axis))
            for at, axis in enumerate(due)
        )
        self.inside = places(due, self.index)
        kinds: dict[str, set[tuple[str, ...]]] = {
            "dx": {("dy", "w")},
            "dw": {("dy", "x")},
            "db": {("dy",)},
            "y": {("b",), ("w", "x")},
        }
        self.kinds = kinds[target]
        self.sizes = self._sizes()

    def differs(self, kind: tuple[str, ...], terms: list[Term]) -> bool | None:
        """Whether some product of this kind stands in some entry more or less often than in the derivative."""
        z3, due = self.z3, kind in self.kinds
        if any(t.coefficient != 1 or t.over for t in terms) or len(terms) > 1:
            return None
        if not terms:
            return self._sat(self._truth(kind)) if due else False
        (term,) = terms
        told, counted = self._told(kind, term)
        if not due:
            return self._sat(told)
        truth = self._truth(kind)
        other, twins = self._told(kind, renewed(self.world, term))
        twice = [*told, *other, z3.Or([a != b for a, b in zip(counted, twins, strict=True)])] if counted else []
        missing = z3.ForAll(counted, z3.Not(z3.And(told))) if counted else z3.Not(z3.And(told))
        beyond = [*told, z3.Not(z3.And(truth))]
        found = [self._sat(beyond), self._sat([*truth, missing]), self._sat(twice) if twice else False]
        return True if True in found else None if None in found else False

    def _sat(self, told: list[Any]) -> bool | None:
        solver = self.z3.SolverFor("LIA")
        solver.set("rlimit", MAX_RESOURCES)
        solver.add(*self.sizes, *told)
        return {"sat": True, "unsat": False}.get(str(solver.check()))

    # what was read -----------------------------------------------------------------------------------------------------------

    def _told(self, kind: tuple[str, ...], term: Term) -> tuple[list[Any], list[Any]]:
        """A term's constraints over the entry and the indices of the factors, and the names counted."""
        met = tuple(
            ("eq", affine(name) - i)
            for names, (_, index) in zip(self._coordinates(kind), term.factors, strict=True)
            for name, i in zip(names, index, strict=True)
        )
        where = (*term.where, *self.inside, *met)
        needed = self._needed(where)
        told = [self._constraint(each) for each in (*(c for name in needed for c in self.world.defined[name]), *where)]
        return told, [self.z3.Int(name) for name in (*term.counted, *needed)]

    def _coordinates(self, kind: tuple[str, ...]) -> list[list[str]]:
        count = {"b": 1, **dict.fromkeys(("dy", "x", "w"), 2 + self.layer.call.ndim)}
        more = 1 if self.layer.call.groups else 0
        return [[f"a{at}_{n}" for n in range(count[name] + more)] for at, name in enumerate(kind)]

    def _constraint(self, each: Constraint) -> Any:
        z3 = self.z3
        if each[0] in ("ge", "eq"):
            value = self._value(each[1])
            return value >= 0 if each[0] == "ge" else value == 0
        if each[0] == "or":
            return z3.Or([self._all(inside) for inside in each[1]])
        inner = self._needed(each[2])
        told = self._all((*(c for name in inner for c in self.world.defined[name]), *each[2]))
        names = [z3.Int(name) for name in (*each[1], *inner)]
        return z3.Not(z3.Exists(names, told)) if names else z3.Not(told)

    def _needed(self, conjunction: Conjunction) -> list[str]:
        """The defined names that a conjunction rests on, also those of its alternatives and of definitions."""
        found: dict[str, None] = {}
        waiting: list[Constraint] = list(conjunction)
        while waiting:
            each = waiting.pop()
            if each[0] == "or":
                waiting += [c for inside in each[1] for c in inside]
                continue
            if each[0] == "not":
                continue
            for name in self.world.needed(names_in(each)):
                if name not in found:
                    found[name] = None
                    waiting += self.world.defined[name]
        return list(found)

    def _all(self, conjunction: Iterable[Constraint] | Conjunction) -> Any:
        return self.z3.And([self._constraint(each) for each in conjunction])

    def _value(self, value: Affine | int) -> Any:
        if isinstance(value, int):
            return self.z3.IntVal(value)
        return self.z3.Sum([self.z3.Int(n) * c for n, c in value.terms.items()]) + value.const

    # what is right -------------------------------------------------------------------------------------------------------------

    def _sizes(self) -> list[Any]:
        """The layers that exist; O (H, where transposed) of an axis as a name of its own."""
        z3, layer, told = self.z3, self.layer, []
        for name in layer.sizes:
            told.append(z3.Int(name) >= (0 if name in (*layer.padding, *layer.extra) else 1))
        told += [z3.Int(name) < max(layer.call.stride, layer.call.dilation) for name in layer.extra]
        for axis in range(layer.call.ndim):
            at = self._axis(axis)
            told += [at["O"] >= 1, at["H"] >= 1]
            rest = relation.REMAINDER.evaluate(at)
            told += [rest == at["r"]] if layer.call.transposed else [rest >= 0, rest < layer.call.stride]
            if layer.call.mode.most is not None:
                most = layer.call.mode.most.evaluate(at)
                told += [at["p"] <= most, at["q"] <= most]
        return told

    def _axis(self, axis: int) -> dict[str, Any]:
        layer = self.layer
        found = {key: self._value(value) for key, value in layer.values(axis).items() if key not in "sd"}
        computed = "H" if layer.call.transposed else "O"
        return {**found, computed: self.z3.Int(f"rows_{axis}"), "s": layer.call.stride, "d": layer.call.dilation}

    def _truth(self, kind: tuple[str, ...]) -> list[Any]:
        """That the entry and the factors' indices are one point of the loss."""
        z3, layer = self.z3, self.layer
        entry = [self._value(i) for axis in layer.standard(self.target, self.index) for i in axis]
        arrays = {name: [z3.Int(n) for n in names] for name, names in zip(kind, self._coordinates(kind), strict=True)}
        arrays[{"dx": "x", "dw": "w", "db": "b", "y": "dy"}[self.target]] = entry
        told: list[Any] = []
        of_x, of_y = ("o", "m") if layer.call.transposed else ("m", "o")
        channels = "cf" if layer.call.transposed else "fc"
        group = ["g"] if layer.call.groups else []
        roles = {"x": ["n", *group, "c"], "dy": ["n", *group, "f"], "w": [*group, *channels], "b": [*group, "f"]}
        points: dict[str, list[Any]] = {}
        for name, coordinates in arrays.items():
            space = {"x": of_x, "dy": of_y, "w": "k", "b": ""}[name]
            keys = [*roles[name], *(f"{space}{axis}" for axis in range(layer.call.ndim) if space)]
            for key, i in zip(keys, coordinates, strict=True):
                points.setdefault(key, []).append(i)
        for key, values in points.items():
            size = {"n": "N", "c": "C", "f": "F", "g": "G"}.get(key)
            axis = {} if size else self._axis(int(key[1:]))
            most = z3.Int(size) if size else axis[{"o": "O", "k": "K", "m": "H"}[key[0]]]
            told += [values[0] >= 0, values[0] < most, *(values[0] == each for each in values[1:])]
        for n in range(layer.call.ndim):
            if all(f"{key}{n}" in points for key in "okm"):
                at = self._axis(n) | {key: points[f"{key}{n}"][0] for key in "okm"}
                told.append(self._placed(at))
        return told

    def _placed(self, at: dict[str, Any]) -> Any:
        """That row m of x stands where tap k of row o reads; beyond the border, by the mode."""
        row, mode = relation.INPUT_INDEX.evaluate(at), self.layer.call.mode
        if not mode.moves_rows:
            return at["m"] == row
        here = at | {"t": row}
        return self.z3.Or(
            *(
                self.z3.And(*(each.evaluate(here) for each in conditions), at["m"] == source.evaluate(here))
                for conditions, source in mode.pieces
            )
        )
