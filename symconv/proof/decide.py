"""Decides a claim with isl: which sizes, if any, it fails at.

Both sides are functions from (entry t, factor i, factor j) to whole numbers: how often the product stands in entry t. For
the derivative that is 1 on R and 0 elsewhere. For the formula it is the sum of its pieces, a piece whose summation indices are
not determined by t, i, j counting once for each of their values. The claim holds at the sizes where no (t, i, j) tells the two
apart and the lengths agree; both are questions about integer sets with free H, K, p, q, and isl answers them exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from symconv import isl
from symconv.formulas.sets import (
    PARAMETERS,
    DivisionError,
    MeaninglessError,
    Reading,
    conditions,
    parameter_set,
    quasi_affine,
    read,
)
from symconv.layer.padding import FILLER
from symconv.proof.claim import UNINDEXED, Claim
from symconv.proof.clock import LimitError, check_time

__all__ = [
    "MAX_OPERATIONS", "Decision", "LimitError", "as_coordinates", "decide", "legal_sizes", "limited", "parameter_points",
    "points", "truth_map",
]  # fmt: skip

#: isl's operations spent on one question (the verdict; the condition) before it is given up: seconds, at worst half a minute
MAX_OPERATIONS = 500_000

#: a product that a sum repeats more often than this is not counted out
MAX_REPEATS = 4


@dataclass(frozen=True)
class Decision:
    """``failing``: the sizes (over H K p q O r) at which the claim is wrong, empty when it is proved.

    ``readings`` are the formula's relations, each with the sizes it is for; there is none where the formula says nothing at
    this stride and dilation, for the reason in ``meaningless``.
    """

    claim: Claim
    context: isl.Context
    legal: isl.Set
    failing: isl.Set
    readings: tuple[tuple[isl.Set, Reading], ...]
    meaningless: str | None = None

    @property
    def holds(self) -> bool:
        return bool(self.failing.is_empty())

    def over_free_sizes(self, sizes: isl.Set) -> isl.Set:
        """``sizes`` without those that the others determine."""
        return over(sizes, self.claim.sizes)


@contextmanager
def limited(context: isl.Context, max_operations: int) -> Iterator[None]:
    """LimitError once isl has spent ``max_operations`` on what is done inside, or where the time is up already."""
    check_time()
    context.reset_operations()
    context.set_max_operations(max_operations)
    try:
        yield
    except (isl.Error, TypeError) as error:  # TypeError: isl hands out nothing where a value was due
        if not _exhausted(context):
            raise
        raise LimitError(f"isl reached the limit of {max_operations:,} operations") from error
    finally:
        context.set_max_operations(0)
        context.reset_operations()


def _exhausted(context: isl.Context) -> bool:
    """Whether the context has no operations left; then isl fails at whatever it does, with whatever message."""
    try:
        isl.Set.read_from_str(context, "{ [i] : i >= 0 }")
    except isl.Error:
        return True
    return False


def over(sizes: isl.Set, names: tuple[str, ...]) -> isl.Set:
    """``sizes`` projected onto the parameters ``names``."""
    for name in PARAMETERS:
        if name not in names:
            at = sizes.find_dim_by_name(isl.dim_type.param, name)
            if at >= 0:
                sizes = sizes.project_out(isl.dim_type.param, at, 1)
    return sizes


def legal_sizes(context: isl.Context, claim: Claim) -> isl.Set:
    """The sizes of layers that exist, over H K p q O r."""
    clauses = [" or ".join(conditions(clause, claim.numbers)) for clause in claim.legal]
    return parameter_set(context, " and ".join(f"({clause})" for clause in clauses))


def truth_map(context: isl.Context, claim: Claim, arrays: tuple[str, ...] | None = None) -> isl.Map:
    """The derivative as a map from the target's entry to the entries of its factors: R, or what it holds of other products."""
    arrays = claim.arrays if arrays is None else arrays
    renamed = {name: f"{name}_" for name in ("o", "k", "m")}
    told = (" and ".join(conditions(each, {**claim.numbers, **renamed})) for each in claim.truths.get(arrays, ()))
    place = "" if claim.length is None else renamed[claim.index(claim.formula.target)]
    entries = ", ".join(renamed[claim.index(array)] for array in arrays if array not in UNINDEXED)
    when = " or ".join(f"({each})" for each in told) or "1 = 0"
    head = f"[{', '.join(PARAMETERS)}] -> "
    return isl.Map.read_from_str(context, f"{head}{{ [{place}] -> [{entries}] : {when} }}")


def decide(claim: Claim, max_operations: int = MAX_OPERATIONS) -> Decision:
    """The sizes at which the claim fails; LimitError when they could not be found within ``max_operations``."""
    context = isl.Context()
    with limited(context, max_operations):
        legal = legal_sizes(context, claim)
        try:
            readings = tuple(_readings(context, claim, legal))
        except MeaninglessError as error:
            return Decision(claim, context, legal, legal, (), str(error))
        failing = legal.subtract(legal)
        for region, reading in readings:
            failing = failing.union(reading.clash.intersect(region))
            if reading.length is not None and claim.length is not None:
                due = quasi_affine(claim.length, claim.numbers)
                failing = failing.union(parameter_set(context, f"{reading.length} != {due}").intersect(region))
            for difference in differences(context, claim, reading, region):
                failing = failing.union(difference.params())
        return Decision(claim, context, legal, failing.coalesce(), readings)


def _readings(context: isl.Context, claim: Claim, legal: isl.Set) -> Iterator[tuple[isl.Set, Reading]]:
    """The formula read on all legal sizes, divided where it has to be."""
    regions = [legal]
    while regions:
        region = regions.pop()
        try:
            yield region, read(context, claim.formula, claim.numbers, claim.extents, region)
        except DivisionError as error:
            side = region.intersect(parameter_set(context, error.condition))
            regions += [side, region.subtract(side)]


def differences(context: isl.Context, claim: Claim, reading: Reading, legal: isl.Set) -> Iterator[isl.Map]:
    """For each kind of product, where formula and derivative hold it a different number of times."""
    truths = {arrays: truth_map(context, claim, arrays) for arrays in claim.truths}
    found = {piece.arrays for piece in reading.pieces}
    for arrays in found - set(truths):
        if FILLER not in arrays:
            raise ValueError(f"{claim.formula}: {claim.formula.target} is not made of {' and '.join(arrays)}")
        truths[arrays] = truth_map(context, claim, arrays)  # nothing: the border of another layer
    for arrays, truth in truths.items():
        pieces = [piece for piece in reading.pieces if piece.arrays == arrays]
        parts: list[tuple[int, isl.Map]] = []
        for piece in pieces:
            relation = piece.relation.intersect_params(legal)
            repeated = levels(relation, sum(each not in UNINDEXED for each in arrays)) if piece.counted else [relation]
            # counted out or not, what stands more than MAX_REPEATS times is wrong, unless something is taken away again
            if len(repeated) > MAX_REPEATS and len({each.coefficient > 0 for each in pieces if each.coefficient}) > 1:
                raise LimitError(f"a product is repeated more than {MAX_REPEATS} times and taken away elsewhere")
            parts += [(piece.coefficient, each) for each in repeated]
        yield _difference(parts, truth.intersect_params(legal))


def _difference(parts: list[tuple[int, isl.Map]], truth: isl.Map) -> isl.Map:
    if len(parts) == 1 and parts[0][0] == 1:
        relation = parts[0][1]
        if relation.is_equal(truth):
            return relation.subtract(relation)
        return relation.subtract(truth).union(truth.subtract(relation))
    # the plane cut into regions by how often the formula holds the product there
    regions: dict[int, isl.Map] = {}
    for coefficient, relation in parts:
        cut: dict[int, isl.Map] = {}
        left = relation
        for value, region in regions.items():
            isl.join(cut, value + coefficient, region.intersect(relation))
            isl.join(cut, value, region.subtract(relation))
            left = left.subtract(region)
        isl.join(cut, coefficient, left)
        regions = cut
    right = regions.pop(1, None)
    wrong = truth if right is None else truth.subtract(right).union(right.subtract(truth))
    for value, region in regions.items():
        wrong = wrong.union(region if value else region.intersect(truth))
    return wrong


def levels(relation: isl.Map, entries: int) -> list[isl.Map]:
    """``relation`` without its counting coordinates (those after the first ``entries``), as often as a product repeats.

    Map number n, from 1, holds what stands at least n times; there are at most MAX_REPEATS + 1.
    """
    place = relation.dim(isl.dim_type.in_)
    counting = _split(relation, place + entries)
    later = isl.Map.lex_lt(counting.get_space().range())
    current = counting
    result: list[isl.Map] = []
    while len(result) <= MAX_REPEATS and not current.is_empty():
        result.append(_split(isl.Map.from_domain(current.domain()), place))
        current = counting.intersect(current.apply_range(later))
    return result


def _split(relation: isl.Map, at: int) -> isl.Map:
    """All coordinates of ``relation``, the first ``at`` of them as the domain and the others as the range."""
    flat = isl.Map.from_domain(relation.wrap().flatten())
    return flat.move_dims(isl.dim_type.out, 0, isl.dim_type.in_, at, flat.dim(isl.dim_type.in_) - at)


def points(coordinates: isl.Set) -> list[tuple[int, ...]]:
    """Every element of a finite set, sorted."""
    result: list[tuple[int, ...]] = []
    lost: list[Exception] = []
    count = coordinates.dim(isl.dim_type.set)

    def visit(point: isl.Point) -> None:
        try:  # isl drops what a callback raises
            result.append(tuple(point.get_coordinate_val(isl.dim_type.set, at).to_python() for at in range(count)))
        except (isl.Error, TypeError) as error:
            lost.append(error)

    coordinates.foreach_point(visit)
    if lost:
        raise lost[0]
    return sorted(result)


def as_coordinates(sizes: isl.Set, names: tuple[str, ...]) -> isl.Set:
    """A set of sizes as a set of vectors, one coordinate for each name."""
    head = f"[{', '.join(names)}] -> "
    vectors = isl.Set.read_from_str(sizes.get_ctx(), f"{head}{{ [{', '.join(f'_{n} = {n}' for n in names)}] }}")
    every = vectors.intersect_params(sizes)
    return every.project_out(isl.dim_type.param, 0, every.dim(isl.dim_type.param))


def parameter_points(sizes: isl.Set, names: tuple[str, ...]) -> list[dict[str, int]]:
    """Every element of a finite set of sizes, in lexicographic order of ``names``."""
    return [dict(zip(names, values, strict=True)) for values in points(as_coordinates(sizes, names))]
