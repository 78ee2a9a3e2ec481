"""The smallest size at which a claim fails, what goes wrong there, and the replay of it by other means."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symconv import isl
from symconv.algebra.texts import sum_text
from symconv.formulas.sets import PARAMETERS
from symconv.proof.claim import UNINDEXED, Claim
from symconv.proof.clock import check_time
from symconv.proof.decide import Decision, as_coordinates, points, truth_map

__all__ = ["Counterexample", "ReplayError", "smallest_counterexample"]

#: arrays longer than this are not shown whole
MAX_SHOWN = 12

#: a counterexample is first looked for with H + K + p below this
LARGEST_TOTAL = 48

#: a product of array entries, ((array, entry), ...), and how often each occurs in one entry of the target
Product = tuple[tuple[str, int], ...]
Entry = Mapping[Product, int]

#: how a product can differ, the most telling first
KINDS = ("doubled", "missing", "extra", "miscounted")

_FACTOR_ORDER = ("dy", "w", "v_w", "x", "v_x", *UNINDEXED)


class ReplayError(AssertionError):
    """A refutation that ``verify`` does not confirm: a defect in symconv."""


@dataclass(frozen=True)
class Counterexample:
    """Where a formula fails first: ``sizes`` and ``index``, the entry (None where the formula says nothing at all).

    ``formula`` and ``truth`` are the entry's two expressions, 0-based, "no entry" beyond an array's end; ``missing``,
    ``extra`` and ``doubled`` the products in which they differ (doubled: right, but twice; ``miscounted``: with another
    wrong multiple); ``lengths`` those of the two arrays; ``arrays`` all their entries, when they are few. ``replayed`` says
    that :func:`symconv.formulas.verify.verify` finds the formula wrong at this size too; it is False only for layers too
    large for it.
    """

    sizes: dict[str, int]
    index: int | None
    formula: str
    truth: str
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    miscounted: tuple[str, ...] = ()
    lengths: tuple[int, int] | None = None
    arrays: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    replayed: bool = False

    @property
    def kind(self) -> str:
        """The first thing that is wrong: "missing", "extra", "doubled", "miscounted", "length" or "meaningless"."""
        return next((kind for kind in KINDS if getattr(self, kind)), "meaningless" if self.index is None else "length")

    @property
    def term(self) -> str | None:
        """The first product that is missing, extra or doubled."""
        return next((term for kind in KINDS for term in getattr(self, kind)), None)

    def to_dict(self) -> dict[str, Any]:
        shown = {name: getattr(self, name) for name in ("index", "kind", "term", "formula", "truth")}
        listed = {name: list(getattr(self, name)) for name in KINDS}
        return {
            "sizes": dict(self.sizes),
            **shown,
            **listed,
            "lengths": None if self.lengths is None else {"formula": self.lengths[0], "truth": self.lengths[1]},
            "arrays": None if self.arrays is None else {"formula": list(self.arrays[0]), "truth": list(self.arrays[1])},
            "replayed": self.replayed,
        }

    def __str__(self) -> str:
        sizes = ", ".join(f"{name} = {value}" for name, value in self.sizes.items())
        where = "" if self.index is None else f", entry {self.index}"
        text = "".join(f"; {each}" for each in self.differences)
        return f"{sizes}{where}: formula {self.formula}, truth {self.truth}{text}"

    @property
    def differences(self) -> tuple[str, ...]:
        """What is wrong, in words."""
        parts = [f"{word} {', '.join(terms)}" for word in KINDS if (terms := getattr(self, word))]
        if self.lengths is not None and self.lengths[0] != self.lengths[1]:
            parts.append(
                f"{self.lengths[0]} {'entry' if self.lengths[0] == 1 else 'entries'} instead of {self.lengths[1]}"
            )
        return tuple(parts)


def smallest_counterexample(decision: Decision) -> Counterexample:
    """The failing size with the smallest H + K + p, then the smallest (H, K, p, q, r); and the first wrong entry there."""
    sizes = _smallest_sizes(decision)
    return _at(decision, sizes)


def _smallest_sizes(decision: Decision) -> dict[str, int]:
    claim, context = decision.claim, decision.context
    failing = decision.over_free_sizes(decision.failing)
    first = _first_by_total(failing, claim.sizes) or _first_by_order(context, failing, claim.sizes)
    chosen = dict(zip(claim.sizes, first, strict=True))
    (every,) = points(as_coordinates(_fixed(decision.legal, chosen), PARAMETERS))
    result = dict(zip(PARAMETERS, every, strict=True))
    return result | {"s": claim.stride or 1, "d": claim.dilation or 1}


def _first_by_total(failing: isl.Set, names: tuple[str, ...]) -> tuple[int, ...] | None:
    """The first element by H + K + p, then in order, found by going through small totals; None where they hold none.

    isl's own search for the first element is not counted by its limit and may take minutes; fixed sizes leave nothing to search.
    """
    context = failing.get_ctx()
    vectors = as_coordinates(failing, names)
    for total in range(2, LARGEST_TOTAL):
        check_time()
        layer = isl.Set.read_from_str(context, f"{{ [{', '.join(names)}] : H + K + p = {total} }}").intersect(vectors)
        if layer.is_empty():
            continue
        for H, K in itertools.product(range(1, total), range(1, total)):
            fixed = layer.fix_val(isl.dim_type.set, 0, isl.Val(H, context)).fix_val(
                isl.dim_type.set, 1, isl.Val(K, context)
            )
            if not fixed.is_empty():
                (first,) = points(fixed.lexmin())
                return tuple(first)
    return None


def _first_by_order(context: isl.Context, failing: isl.Set, names: tuple[str, ...]) -> tuple[int, ...]:
    order = ", ".join(names)
    ranked = as_coordinates(failing, names).apply(
        isl.Map.read_from_str(context, f"{{ [{order}] -> [H + K + p, {order}] }}")
    )
    (first,) = points(ranked.lexmin())
    return tuple(first[1:])


def _fixed(item: Any, sizes: Mapping[str, int]) -> Any:
    """A set or map of isl with its parameters set."""
    for name, value in sizes.items():
        at = item.find_dim_by_name(isl.dim_type.param, name)
        if at >= 0:
            item = item.fix_val(isl.dim_type.param, at, isl.Val(value, item.get_ctx()))
    return item


def _at(decision: Decision, sizes: dict[str, int]) -> Counterexample:
    claim = decision.claim
    reading = next((reading for region, reading in decision.readings if not _fixed(region, sizes).is_empty()), None)
    if reading is None:
        return Counterexample(sizes, None, f"says nothing: {decision.meaningless}", f"{claim.formula.target} exists")
    due = 1 if claim.length is None else claim.length.evaluate(sizes)
    built = 1 if reading.length is None else _value(decision, reading.length, sizes)
    if not _fixed(reading.clash, sizes).is_empty():
        return Counterexample(sizes, None, "says nothing: it adds arrays of different lengths", f"{due} entries")
    truths = [(1, arrays, truth_map(decision.context, claim, arrays)) for arrays in claim.truths]
    right = _entries(truths, sizes, claim)
    said = _entries([(piece.coefficient, piece.arrays, piece.relation) for piece in reading.pieces], sizes, claim)
    for t in range(max(due, built)):
        one, other = said.get(t, Counter()), right.get(t, Counter())
        if one != other or (t < built) != (t < due):
            break
    else:
        raise ReplayError(f"{claim.formula}: no difference found at {sizes}")
    counts = {product: (one[product], other[product]) for product in sorted({*one, *other}, key=_order)}
    wrong = {product: count for product, count in counts.items() if count[0] != count[1]}
    arrays = None
    if claim.length is not None and max(due, built) <= MAX_SHOWN:
        arrays = (
            tuple(_text(said.get(t, {})) for t in range(built)),
            tuple(_text(right.get(t, {})) for t in range(due)),
        )
    return Counterexample(
        sizes,
        t if claim.length is not None else 0,
        _text(one) if t < built else "no entry",
        _text(other) if t < due else "no entry",
        missing=tuple(_text({p: 1}) for p, (a, b) in wrong.items() if b and not a),
        extra=tuple(_text({p: 1}) for p, (a, b) in wrong.items() if a and not b),
        doubled=tuple(_text({p: 1}) for p, (a, b) in wrong.items() if b and a == 2),
        miscounted=tuple(_text({p: 1}) for p, (a, b) in wrong.items() if a and b and a != 2),
        lengths=None if claim.length is None else (built, due),
        arrays=arrays,
    )


def _entries(
    pieces: Sequence[tuple[int, tuple[str, ...], isl.Map]], sizes: Mapping[str, int], claim: Claim
) -> dict[int, Counter[Product]]:
    """The products of every entry, with their multiples; db has the one entry 0."""
    entries: dict[int, Counter[Product]] = {}
    for coefficient, arrays, relation in pieces:
        skip = 0 if claim.length is None else 1
        indexed = [name for name in arrays if name not in UNINDEXED]
        alone: Product = tuple((name, 0) for name in arrays if name in UNINDEXED)
        for values in points(_fixed(relation, sizes).wrap().flatten()):
            product: Product = (*zip(indexed, values[skip:], strict=False), *alone)
            entries.setdefault(values[0] if skip else 0, Counter())[product] += coefficient
    return {t: Counter({p: c for p, c in products.items() if c}) for t, products in entries.items()}


def _value(decision: Decision, length: str, sizes: Mapping[str, int]) -> int:
    """A length at one size."""
    text = f"[{', '.join(PARAMETERS)}] -> {{ [n] : n = {length} }}"
    ((value,),) = points(_fixed(isl.Set.read_from_str(decision.context, text), sizes))
    return value


def _order(product: Product) -> list[tuple[int, int]]:
    return sorted((_FACTOR_ORDER.index(array), entry) for array, entry in product)


def _text(entry: Entry) -> str:
    """``dy[0]*w[1] + 2*dy[1]*w[0]``; ``0`` for an empty sum."""
    ordered = sorted(entry.items(), key=lambda item: _order(item[0]))
    named = ((count, [(_FACTOR_ORDER[a], i) for a, i in _order(product)]) for product, count in ordered)
    return sum_text((count, [a if a in UNINDEXED else f"{a}[{i}]" for a, i in factors]) for count, factors in named)
