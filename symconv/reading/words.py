"""A set of sizes in words: the shortest conjunction of a vocabulary that is exactly that set, decided by isl."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from symconv import isl
from symconv.algebra.comparisons import Comparison, all_of, any_of
from symconv.formulas.sets import conditions
from symconv.layer.relation import OUTPUT_SIZE, REMAINDER, SLACK
from symconv.reading.calls import Layer

__all__ = ["Words", "at_which", "in_words", "sizes_of", "worded"]

MAX_ATOMS = 5

#: a comparison as it reads, with s and d in it, and as isl reads it at one stride and dilation
Atom = tuple[str, str, str]
Told = tuple[str, str, isl.Set]


@dataclass(frozen=True)
class Words:
    """A condition: what to read, whether it is exact, and each of its comparisons, joined by "and", as one with s and d."""

    text: str
    exact: bool
    general: tuple[str, ...] | None = None


def in_words(layer: Layer, goal: isl.Set, possible: isl.Set) -> tuple[str, bool]:
    """Text for ``goal`` among the possible sizes, and whether it was found in words (else it is isl's own)."""
    found = worded(layer, goal, possible)
    return found.text, found.exact


def worded(layer: Layer, goal: isl.Set, possible: isl.Set) -> Words:
    """``goal`` among the possible sizes in words."""
    if possible.is_subset(goal):
        return Words("always", True, ())
    if goal.is_empty():
        return Words("never", True)
    context = possible.get_ctx()
    atoms = []
    for text, general, told in _atoms(layer):
        each = _set(layer, context, told).intersect(possible)
        if goal.is_subset(each):
            atoms.append((text, general, each))
    found = _conjunction(atoms, goal, possible)
    if found is None:
        found = _conjunction([*atoms, *_either(layer, context, goal, possible)], goal, possible)
    if found is not None:
        return found
    text = str(goal.gist(possible).coalesce()).partition(" : ")[2].rstrip(" }").strip()
    return Words(text or "never", False)


def sizes_of(layer: Layer, general: Sequence[str], possible: isl.Set) -> isl.Set | None:
    """The sizes at which comparisons with s and d hold at the layer's stride and dilation; None where it lacks the word."""
    known = {each: told for _, each, told in _atoms(layer)}
    found = possible
    for each in general:
        parts = each.split(" or ")
        if not all(part in known for part in parts):
            return None
        either = possible.subtract(possible)
        for part in parts:
            either = either.union(_set(layer, possible.get_ctx(), known[part]))
        found = found.intersect(either)
    return found


def at_which(layer: Layer, comparisons: Sequence[Comparison], context: isl.Context) -> isl.Set:
    """The sizes at which comparisons of the sizes of one axis hold on every axis."""
    strided = {"r": REMAINDER, "O": OUTPUT_SIZE}  # r is said by O, and O by the others
    held = []
    for axis, (h, k) in enumerate(zip(layer.inputs, layer.kernels, strict=True)):
        p, q = map(str, layer.pads[axis])
        known: dict[str, int | str] = {"H": h, "K": k, "p": p, "q": q, "s": layer.call.stride, "d": layer.call.dilation}
        said = comparisons
        for name, value in strided.items():
            said = [each.substitute({name: value}) for each in said]
        held += conditions(said, known)
    return _set(layer, context, " and ".join(held) or "0 = 0")


def _set(layer: Layer, context: isl.Context, told: str) -> isl.Set:
    return isl.Set.read_from_str(context, f"[{', '.join(layer.sizes)}] -> {{ : {told} }}")


def _conjunction(atoms: Sequence[Told], goal: isl.Set, possible: isl.Set) -> Words | None:
    """Atoms that together are the goal: taken in order as long as they say something, then those left out that can be."""
    chosen: list[Told] = []
    left = possible
    for atom in atoms:
        if left.is_subset(atom[2]):
            continue
        left = left.intersect(atom[2]).coalesce()
        chosen.append(atom)
        if left.is_equal(goal):
            break
    else:
        return None
    for one in list(chosen):
        rest = possible
        for other in chosen:
            if other is not one:
                rest = rest.intersect(other[2])
        if len(chosen) > 1 and rest.is_equal(goal):
            chosen.remove(one)
    if len(chosen) > MAX_ATOMS:
        return None
    return Words(all_of([text for text, _, _ in chosen]), True, tuple(general for _, general, _ in chosen))


def _either(layer: Layer, context: isl.Context, goal: isl.Set, possible: isl.Set) -> Iterator[Told]:
    """Two atoms joined by "or"."""
    simple = [(t, general, _set(layer, context, told).intersect(possible)) for t, general, told in _atoms(layer)]
    simple = [each for each in simple if not each[2].is_empty() and not goal.intersect(each[2]).is_empty()][:40]
    for (a, first, one), (b, second, other) in itertools.combinations(simple, 2):
        both = one.union(other)
        if goal.is_subset(both) and not possible.is_subset(both):
            yield any_of([a, b]), any_of([first, second]), both


def _atoms(layer: Layer) -> Iterator[Atom]:
    """The vocabulary."""
    s, d = layer.call.stride, layer.call.dilation
    plain: list[str | tuple[str, str]] = []
    for name in layer.padding:
        plain += [f"{name} == 0", f"{name} >= 1"]
    for k, h in zip(layer.kernels, layer.inputs, strict=True):
        plain += [f"{k} == 1"] if layer.kernels.index(k) == 0 or len(set(layer.kernels)) > 1 else []
        if not layer.call.transposed:
            slack, general = _slack(layer, h), _slack(layer, h, True)
            told = f"({slack}) mod {s} = 0"
            yield told.replace("=", "=="), f"({general}) mod s == 0", told
    for name in layer.padding:
        for k in dict.fromkeys(layer.kernels):
            span, spans = f"{k} - 1" if d == 1 else f"{d}*({k} - 1)", f"d*({k} - 1)"
            plain += [(f"{left} {span}", f"{left} {spans}") for left in (f"2*{name} ==", f"{name} ==", f"{name} <=")]
    for a, b in itertools.combinations(layer.inputs, 2):
        plain.append(f"{a} == {b}")
    for a, b in itertools.combinations(dict.fromkeys(layer.kernels), 2):
        plain.append(f"{a} == {b}")
    plain += ["N == 1", "C == 1", "F == 1", "C == F"]
    for a, b in itertools.combinations(layer.padding, 2):
        plain.append(f"{a} == {b}")
    for name in layer.inputs:
        plain += [f"{name} == 1"]
    for name in layer.extra:
        plain += [f"{name} == 0", f"{name} >= 1"]
    for h in () if layer.call.transposed else layer.inputs:
        slack, general = _slack(layer, h), _slack(layer, h, True)
        plain += [(f"{slack} < {s}", f"{general} < s"), (f"{slack} >= {s}", f"{general} >= s")]
    for each in plain:
        text, general = each if isinstance(each, tuple) else (each, each)
        yield text, general, text.replace("==", "=")


def _slack(layer: Layer, name: str, general: bool = False) -> str:
    """How far the window travels on an axis, as text in the layer's names; ``general`` with d in it."""
    axis = layer.inputs.index(name)
    p, q = layer.pads[axis]
    values = {"H": name, "K": layer.kernels[axis], "p": str(p), "q": str(q)}
    terms, const = SLACK.affine({"d": 1 if general else layer.call.dilation, "s": layer.call.stride}) or ({}, 0)
    total: dict[str, int] = {}
    for key, c in terms.items():
        total[values[key]] = total.get(values[key], 0) + c
    if general:  # the kernel's span
        total.pop(values["K"])
        const = 0
    shown = [
        f"{'-' if c < 0 else '+'} {'' if abs(c) == 1 else f'{abs(c)}*'}{key}" for key, c in total.items() if key != "0"
    ]
    if general:
        shown.append(f"- d*({values['K']} - 1) - 1")
    if const:
        shown.append(f"{'-' if const < 0 else '+'} {abs(const)}")
    return " ".join(shown).removeprefix("+ ")
