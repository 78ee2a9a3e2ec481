"""The words in which a condition may be said: comparisons of small integer forms in the sizes, simplest first.

Each word carries the sample sizes that satisfy it as the bits of one whole number, so that thousands of combinations can be
tried by ``&`` and ``|``; only what agrees on the whole sample is put before isl.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from symconv import isl
from symconv.algebra.comparisons import RELATIONS, Comparison, compare
from symconv.algebra.integers import Const, Integer, Name
from symconv.proof.claim import Claim

__all__ = ["Atom", "Phrase", "Sample", "affine", "collected", "vocabulary"]

Sizes = dict[str, int]


@dataclass(frozen=True)
class Phrase:
    """A set of sizes that has a name, such as those at which no tap meets the input."""

    text: str
    sizes: isl.Set

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Atom:
    """A word, how much it costs a reader, and at which sample sizes it holds."""

    word: Comparison | Phrase
    cost: float
    bits: int


class Sample:
    """Sizes at which candidates are tried."""

    def __init__(self, names: Sequence[str], points: Sequence[Sizes]) -> None:
        self.names, self.points = tuple(names), list(points)
        self.columns = {n: np.array([p[n] for p in self.points], dtype=np.int64) for n in self.names}
        self.all = (1 << len(self.points)) - 1

    def bits(self, comparison: Comparison) -> int:
        """Where the comparison holds."""
        return packed(np.broadcast_to(comparison.evaluate(self.columns), (len(self.points),)))


def packed(mask: NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(mask, bitorder="little").tobytes(), "little")


def affine(coefficients: Mapping[str, int], constant: int = 0) -> Integer:
    """``sum of coefficient * size + constant``, terms in the order given, those with a minus sign behind.

    >>> str(affine({"H": 1, "K": -1, "p": 2}, -3))
    'H + 2*p - K - 3'
    """
    total: Integer = Const(0)
    for name, c in sorted(coefficients.items(), key=lambda item: item[1] < 0):
        if c > 0:
            total = total + c * Name(name)
        elif c < 0:
            total = total - (-c) * Name(name)
    return total + constant


def balanced(coefficients: Mapping[str, int], relation: str, constant: int) -> Comparison:
    """``sum + constant relation 0`` as a reader would have it: no minus signs, sizes of data left, K and numbers right.

    >>> str(balanced({"K": -1, "p": 2}, "==", 1)), str(balanced({"H": -1, "p": 1}, "<=", 0))
    ('2*p == K - 1', 'p <= H')
    """
    left = {n: c for n, c in coefficients.items() if n != "K" and c > 0}
    right = {n: -c for n, c in coefficients.items() if n == "K" or c < 0}
    if left and right == {"K": -coefficients.get("K", 0)} and right["K"] < 0:
        left, right = {**left, "K": -right["K"]}, {}  # H + K == 2, not H == -K + 2
    if not left:
        turned = {"==": "==", "<=": ">=", ">=": "<="}[relation]
        positive = {n: c for n, c in right.items() if c > 0}
        if positive:
            rest = {n: -c for n, c in right.items() if c < 0}
            return compare(affine(positive), turned, affine(rest, constant))
        return compare(affine({n: -c for n, c in right.items()}), relation, -constant)
    return compare(affine(left), relation, affine(right, -constant))


def _forms(names: Sequence[str], dilation: int) -> Iterator[tuple[dict[str, int], float]]:
    """Small combinations of sizes with their cost; of each and its negative one."""
    choices = {"H": (0, 1), "p": (0, 1, 2, -1, -2), "q": (0, 1, -1), "r": (0, 1, -1)}
    kernel = sorted({0, 1, -1, -2, -dilation}, key=abs)
    options = [kernel if name == "K" else choices[name] for name in names]
    for chosen in itertools.product(*options):
        used = {n: c for n, c in zip(names, chosen, strict=True) if c}
        first = next((c for n, c in used.items() if n != "K"), 0)
        # the kernel is measured against the other sizes: K alone, or on the other side of them
        if used == {"K": 1} or (first > 0 and len(used) <= 4 and used.get("K", -1) < 0):
            own = dilation if "K" in used else 1  # d*K is how K usually occurs
            weight = sum(0.0 if abs(c) in (1, own) else 0.4 for c in used.values())
            yield used, len(used) + weight


@dataclass(frozen=True)
class _Word:
    """``form + constant relation 0``, or ``form % modulus == constant``."""

    cost: float
    form: tuple[tuple[str, int], ...]
    relation: str
    constant: int
    modulus: int = 0

    def mask(self, form: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Where it holds, given the values of the form."""
        if self.modulus:
            return np.asarray(form % self.modulus == self.constant)
        return np.asarray(RELATIONS[self.relation](form, -self.constant))


@cache
def _comparison(word: _Word) -> Comparison:
    if word.modulus:
        return compare(affine(dict(word.form)) % word.modulus, "==", word.constant)
    return balanced(dict(word.form), word.relation, word.constant)


@cache
def _words(names: tuple[str, ...], dilation: int, stride: int) -> list[_Word]:
    """Every word with its cost, without the sample."""
    words = []
    for used, cost in _forms(names, dilation):
        form = tuple(used.items())
        reach = range(-6, 7) if len(used) <= 2 else range(-3, 4)
        constants = {*reach, *(sign * dilation + c for sign in (1, -1) for c in (-1, 0, 1))}
        for constant in constants:
            for relation, extra in (("==", 0.0), ("<=", 0.3), (">=", 0.3)):
                price = cost + extra + (0.3 + 0.05 * abs(constant) if constant else 0.0)
                words.append(_Word(price, form, relation, constant))
        if len(used) <= 2:
            for modulus in sorted({stride, dilation, 2} - {1}):
                words += [_Word(cost + 1.5 + 0.1 * rest, form, "==", rest, modulus) for rest in range(modulus)]
    return words


@cache
def _remainder_words(slack: Integer, stride: int) -> list[tuple[float, Comparison]]:
    """What can be said of the remainder r = slack mod s of a convolution, and of having a single output."""
    words = [(1.9, compare(slack, "==", 0))] if stride == 1 else []
    if stride > 1:
        words = [(1.0, compare(slack % stride, "==", 0)), (2.0, compare(slack, "<", stride))]
        words += [(1.2 + 0.05 * c, compare(slack % stride, "<=", c)) for c in range(1, stride - 1)]
        words += [(1.4 + 0.05 * c, compare(slack % stride, "==", c)) for c in range(1, stride)]
        words += [(1.6 + 0.05 * c, compare(slack % stride, ">=", c)) for c in range(1, stride)]
    return words


def vocabulary(claim: Claim, sample: Sample) -> list[Atom]:
    """The words for a claim's condition, simplest first; of words that agree on the sample the simplest."""
    stride, dilation = claim.stride or 1, claim.dilation or 1
    best: dict[int, Atom] = {}

    if not claim.formula.transposed:
        words = _remainder_words(collected(claim.slack), stride)
        if claim.mode.counts_outside and stride > 1:  # a border that no window reaches
            words = [
                *words,
                *((1.8, compare(Name(n), "<=", collected(claim.slack) % stride)) for n in sample.names if n in "pq"),
            ]
        for cost, comparison in words:
            bits = sample.bits(comparison)
            if bits and bits != sample.all and (bits not in best or cost < best[bits].cost):
                best[bits] = Atom(comparison, cost, bits)
    forms: dict[tuple[tuple[str, int], ...], NDArray[np.int64]] = {}
    for word in _words(sample.names, dilation, stride):
        if word.form not in forms:
            forms[word.form] = np.sum([c * sample.columns[n] for n, c in word.form], axis=0)
        bits = packed(word.mask(forms[word.form]))
        if bits and bits != sample.all and (bits not in best or word.cost < best[bits].cost):
            best[bits] = Atom(_comparison(word), word.cost, bits)
    return sorted(best.values(), key=lambda atom: atom.cost)


def collected(e: Integer) -> Integer:
    """An affine expression with like terms added up: ``H + 2*p - K``."""
    found = e.affine({})
    if found is None:
        return e
    coefficients, constant = found
    return affine({name: coefficients[name] for name in ("H", "p", "q", "K", "r") if name in coefficients}, constant)
