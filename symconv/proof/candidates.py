"""Combinations of words that agree with a set of sample sizes, simplest first: what a condition may be said in."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from symconv.proof.vocabulary import Atom

__all__ = ["Conjunction", "short", "unions"]

Conjunction = tuple[Atom, ...]


def short(atoms: Sequence[Atom], goal: int, frame: int) -> Iterator[tuple[Conjunction, ...]]:
    """One conjunction of at most four words that equals the goal on the frame."""
    for found in conjunctions(atoms, goal, frame):
        yield (found,)


def conjunctions(atoms: Sequence[Atom], goal: int, frame: int) -> Iterator[Conjunction]:
    """One word, two words, or up to four that hold where the goal does and nowhere else on the frame."""
    necessary: dict[int, Atom] = {}
    for atom in atoms:
        if not goal & ~atom.bits:
            necessary.setdefault(atom.bits & frame, atom)
    useful = [(bits, atom) for bits, atom in necessary.items() if bits != frame]
    for bits, atom in useful:
        if bits == goal:
            yield (atom,)
    pairs = [
        (a.cost + b.cost, (a, b))
        for (one, a), (other, b) in itertools.combinations(useful[:400], 2)
        if one & other == goal
    ]
    pairs.sort(key=lambda pair: pair[0])
    for _, pair in pairs:
        yield pair
    if not pairs:
        yield from greedy(useful, goal, frame)


def greedy(useful: Sequence[tuple[int, Atom]], goal: int, frame: int) -> Iterator[Conjunction]:
    """Up to four words: each takes away most of what should not be there."""
    chosen: list[Atom] = []
    left = frame
    while left != goal and len(chosen) < 4:
        bits, atom = min(useful, key=lambda each: ((left & each[0]).bit_count(), each[1].cost), default=(left, None))
        if atom is None or left & bits == left:
            return
        chosen.append(atom)
        left &= bits
    if left == goal:
        yield tuple(chosen)


def unions(atoms: Sequence[Atom], goal: int, frame: int) -> Iterator[tuple[Conjunction, ...]]:
    """At most three conjunctions that together make up the goal."""
    yield from short(atoms, goal, frame)
    cheap = atoms[:1500]
    inside: dict[int, tuple[float, Conjunction]] = {}
    for atom in cheap:
        bits = atom.bits & frame
        if bits and not bits & ~goal:
            inside.setdefault(bits, (atom.cost, (atom,)))
    touching = [atom for atom in cheap if atom.bits & goal][:150]
    for a, b in itertools.combinations(touching, 2):
        bits = a.bits & b.bits & frame
        if bits and not bits & ~goal:
            cost = a.cost + b.cost
            if bits not in inside or cost < inside[bits][0]:
                inside[bits] = (cost, (a, b))
    options = sorted(inside.items(), key=lambda item: (-item[0].bit_count(), item[1][0]))[:120]
    found = []
    for size in (2, 3):
        for chosen in itertools.combinations(options if size == 2 else options[:24], size):
            covered = 0
            for bits, _ in chosen:
                covered |= bits
            if covered == goal:
                found.append((sum(cost for _, (cost, _) in chosen), tuple(words for _, (_, words) in chosen)))
        if found:
            break
    for _, alternatives in sorted(found, key=lambda item: item[0]):
        yield alternatives
