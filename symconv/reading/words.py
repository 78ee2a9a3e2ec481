"""A set of sizes in words: the shortest conjunction of a vocabulary that is exactly that set, decided by isl."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from symconv import isl
from symconv.layer.relation import SLACK
from symconv.reading.calls import Layer

__all__ = ["in_words"]

MAX_ATOMS = 5


def in_words(layer: Layer, goal: isl.Set, possible: isl.Set) -> tuple[str, bool]:
    """Text for ``goal`` among the possible sizes, and whether it was found in words (else it is isl's own)."""
    if possible.is_subset(goal):
        return "always", True
    if goal.is_empty():
        return "never", True
    context = possible.get_ctx()
    head = f"[{', '.join(layer.sizes)}] -> "
    atoms = []
    for text, told in _atoms(layer):
        each = isl.Set.read_from_str(context, f"{head}{{ : {told} }}").intersect(possible)
        if goal.is_subset(each):
            atoms.append((text, each))
    found = _conjunction(atoms, goal, possible)
    if found is None:
        found = _conjunction([*atoms, *_either(layer, context, head, goal, possible)], goal, possible)
    if found is not None:
        return found, True
    return str(goal.gist(possible).coalesce()).partition(" : ")[2].rstrip(" }").strip() or "never", False


def _conjunction(atoms: Sequence[tuple[str, isl.Set]], goal: isl.Set, possible: isl.Set) -> str | None:
    """Atoms that together are the goal: taken in order as long as they say something, then those left out that can be."""
    chosen: list[tuple[str, isl.Set]] = []
    left = possible
    for text, each in atoms:
        if left.is_subset(each):
            continue
        left = left.intersect(each).coalesce()
        chosen.append((text, each))
        if left.is_equal(goal):
            break
    else:
        return None
    for one in list(chosen):
        rest = possible
        for other in chosen:
            if other is not one:
                rest = rest.intersect(other[1])
        if len(chosen) > 1 and rest.is_equal(goal):
            chosen.remove(one)
    if len(chosen) > MAX_ATOMS:
        return None
    return " and ".join(f"({text})" if " or " in text and len(chosen) > 1 else text for text, _ in chosen)


def _either(
    layer: Layer, context: isl.Context, head: str, goal: isl.Set, possible: isl.Set
) -> Iterator[tuple[str, isl.Set]]:
    """Two atoms joined by "or"."""
    simple = [
        (t, isl.Set.read_from_str(context, f"{head}{{ : {told} }}").intersect(possible)) for t, told in _atoms(layer)
    ]
    simple = [(t, each) for t, each in simple if not each.is_empty() and not goal.intersect(each).is_empty()][:40]
    for (a, one), (b, other) in itertools.combinations(simple, 2):
        both = one.union(other)
        if goal.is_subset(both) and not possible.is_subset(both):
            yield f"{a} or {b}", both


def _atoms(layer: Layer) -> Iterator[tuple[str, str]]:
    """The vocabulary: what to read, and what isl reads."""
    s, d = layer.call.stride, layer.call.dilation
    plain: list[str] = []
    for name in layer.padding:
        plain += [f"{name} == 0", f"{name} >= 1"]
    for k, h in zip(layer.kernels, layer.inputs, strict=True):
        plain += [f"{k} == 1"] if layer.kernels.index(k) == 0 or len(set(layer.kernels)) > 1 else []
        slack = "" if layer.call.transposed else _slack(layer, h)
        if s > 1 and not layer.call.transposed:
            yield f"({slack}) mod {s} == 0", f"({slack}) mod {s} = 0"
    for name in layer.padding:
        for k in dict.fromkeys(layer.kernels):
            span = f"{k} - 1" if d == 1 else f"{d}*({k} - 1)"
            plain += [f"2*{name} == {span}", f"{name} == {span}", f"{name} <= {span}"]
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
        slack = _slack(layer, h)
        plain += [f"{slack} < {s}", f"{slack} >= {s}"]
    for text in plain:
        yield text, text.replace("==", "=")


def _slack(layer: Layer, name: str) -> str:
    """How far the window travels on an axis, as text in the layer's names."""
    axis = layer.inputs.index(name)
    p, q = layer.pads[axis]
    values = {"H": name, "K": layer.kernels[axis], "p": str(p), "q": str(q)}
    terms, const = SLACK.affine({"d": layer.call.dilation, "s": layer.call.stride}) or ({}, 0)
    total: dict[str, int] = {}
    for key, c in terms.items():
        total[values[key]] = total.get(values[key], 0) + c
    shown = [
        f"{'-' if c < 0 else '+'} {'' if abs(c) == 1 else f'{abs(c)}*'}{key}" for key, c in total.items() if key != "0"
    ]
    if const:
        shown.append(f"{'-' if const < 0 else '+'} {abs(const)}")
    return " ".join(shown).removeprefix("+ ")
