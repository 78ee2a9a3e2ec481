"""Says a set of sizes as shortly as possible: the condition under which a refuted formula holds.

isl computes the set exactly. The search then looks for the shortest combination of words (:mod:`symconv.proof.vocabulary`) that
agrees with the set on a sample of sizes, and isl decides whether it agrees everywhere; where it does not, the size that tells the
two apart joins the sample and the search goes on. So a condition that is said is exact. Sizes at which a wrong formula comes out
right because hardly anything is left to get wrong (an input shorter than the kernel, everything zero) are told apart
from the generic ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from symconv import isl
from symconv.algebra.comparisons import Comparison, any_of, compare, in_words
from symconv.algebra.integers import Name
from symconv.formulas.sets import conditions as in_isl
from symconv.proof.candidates import Conjunction, short, unions
from symconv.proof.clock import LimitError, check_time
from symconv.proof.decide import (
    MAX_OPERATIONS,
    Decision,
    as_coordinates,
    limited,
    parameter_points,
    points,
    truth_map,
)
from symconv.proof.vocabulary import Atom, Phrase, Sample, collected, vocabulary

__all__ = ["Condition", "condition_of"]

#: isl is asked about this many candidates for one set
MAX_CANDIDATES = 6

Candidates = Callable[[Sequence[Atom], int, int], Iterator[tuple[Conjunction, ...]]]


@dataclass(frozen=True)
class Condition:
    """When a formula holds.

    ``text`` is what to read; ``generic`` the part that speaks of ordinary sizes and ``degenerate`` the sizes told apart,
    None where there are none. ``full`` is the whole set as isl writes it; ``exact`` says whether ``text`` alone amounts to it.
    """

    text: str
    generic: str
    degenerate: str | None
    exact: bool
    full: str
    comparisons: tuple[Comparison, ...] = field(default=(), repr=False)
    sizes: isl.Set | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return self.text

    def holds(self, **sizes: int) -> bool:
        """Whether the formula holds at these sizes (H, K, p, and q or r where they are free).

        ValueError where a size is missing or not one that the condition speaks of.
        """
        if self.sizes is None:
            raise ValueError("the condition is that of several strides and dilations; ask the cases of the proof")
        at = self.sizes
        known = [str(at.get_dim_name(isl.dim_type.param, i)) for i in range(at.dim(isl.dim_type.param))]
        missing = [name for name in known if name not in sizes]
        if missing:
            raise ValueError(
                f"the condition speaks of {', '.join(map(str, known))}; {', '.join(map(str, missing))} is not given"
            )
        for name, value in sizes.items():
            position = at.find_dim_by_name(isl.dim_type.param, name)
            if position < 0:
                raise ValueError(f"the condition does not speak of {name}")
            at = at.fix_val(isl.dim_type.param, position, isl.Val(value, at.get_ctx()))
        return not at.is_empty()


def condition_of(decision: Decision, max_operations: int = MAX_OPERATIONS) -> Condition:
    """The exact condition of a refuted claim; LimitError when isl cannot compute it in ``max_operations``.

    As many again, three times over, may go into saying it shortly; after that it is left as isl writes it.
    """
    with limited(decision.context, max_operations):
        search = _Search(decision)
    try:
        with limited(decision.context, 3 * max_operations):
            return search.condition()
    except LimitError:
        return search.as_it_is()


class _Search:
    def __init__(self, decision: Decision) -> None:
        self.claim = decision.claim
        self.legal = decision.over_free_sizes(decision.legal).coalesce()
        self.holding = self.legal.subtract(decision.over_free_sizes(decision.failing)).coalesce()
        self.full = _shown(self.holding.gist(self.legal).coalesce())
        self.decision = decision
        self.boxed: list[dict[str, int]] = []
        self.extra: list[dict[str, int]] = []
        self.phrases: list[tuple[float, Phrase]] = []

    def box(self) -> isl.Set:
        """The sample: small sizes, with inputs long enough to leave every remainder."""
        stride, dilation = self.claim.stride or 1, self.claim.dilation or 1
        free = len(self.claim.sizes) > 3
        most = {
            "H": 6 + stride + dilation,
            "K": 4 if free else 5,
            "p": 3 if free else 5,
            "q": 3,
            "r": max(stride, dilation),
        }
        return self.parameters([compare(Name(n), "<=", most[n]) for n in self.claim.sizes])

    def named_sizes(self) -> list[tuple[float, Phrase]]:
        """Sizes at which little is left of a layer, by what is left."""
        if self.claim.formula.target == "db":
            return []
        decision = self.decision
        truth = truth_map(decision.context, self.claim).intersect_params(decision.legal)
        result = []
        for cost, text, ruled_out in (
            (1.5, "no tap meets the input", "k >= 0"),
            (2.5, "only the middle tap meets the input", "2*k != K - 1"),
            (2.6, "only the first tap meets the input", "k != 0"),
            (2.6, "only the last tap meets the input", "k != K - 1"),
        ):
            place = "[k] -> [e0, e1]" if self.claim.index(self.claim.formula.target) == "k" else None
            if place is None:
                place = "[t] -> [e0, k]" if self.claim.arrays[1] == "w" else "[t] -> [k, e1]"
            head = f"[{', '.join(self.claim.sizes)}] -> "
            used = truth.intersect(isl.Map.read_from_str(decision.context, f"{head}{{ {place} : {ruled_out} }}"))
            left = self.legal.subtract(decision.over_free_sizes(used.params())).coalesce()
            if not left.is_empty():
                result.append((cost, Phrase(text, left)))
        return result

    def refresh(self) -> None:
        points = self.boxed + self.extra
        sample = Sample(self.claim.sizes, points)
        phrases = [Atom(phrase, cost, self.bits_of(phrase.sizes)) for cost, phrase in self.phrases]
        self.plain = vocabulary(self.claim, sample)
        self.named = sorted([*self.plain, *phrases], key=lambda atom: atom.cost)

    # sets and their bits ---------------------------------------------------------------------------------------------

    def parameters(self, comparisons: Iterable[Comparison]) -> isl.Set:
        """The sizes at which all comparisons hold."""
        text = f"[{', '.join(self.claim.sizes)}] -> {{ : {' and '.join(in_isl(comparisons, {}))} }}"
        return isl.Set.read_from_str(self.legal.get_ctx(), text)

    def set_of(self, alternatives: Iterable[Sequence[Atom]]) -> isl.Set:
        """The legal sizes at which one of the conjunctions holds."""
        total = self.legal.subtract(self.legal)
        for conjunction in alternatives:
            check_time()
            sizes = self.legal
            for atom in conjunction:
                word = atom.word
                sizes = sizes.intersect(word.sizes if isinstance(word, Phrase) else self.parameters([word]))
            total = total.union(sizes)
        return total

    def bits_of(self, sizes: isl.Set) -> int:
        inside = {tuple(p.values()) for p in parameter_points(sizes.intersect(self.box()), self.claim.sizes)}
        bits = 0
        for at, point in enumerate(self.boxed):
            if tuple(point.values()) in inside:
                bits |= 1 << at
        for at, point in enumerate(self.extra, len(self.boxed)):
            if _contains(sizes, point):
                bits |= 1 << at
        return bits

    def find(
        self, wanted: isl.Set, within: isl.Set, candidates: Candidates, phrases: bool = False
    ) -> tuple[Conjunction, ...] | None:
        """The first combination of words, and of ``phrases`` if asked, that amounts to ``wanted`` inside ``within``."""
        for _ in range(MAX_CANDIDATES):
            check_time()
            goal, frame = self.bits_of(wanted), self.bits_of(within)
            alternatives = next(candidates(self.named if phrases else self.plain, goal, frame), None)
            if alternatives is None:
                return None
            said = self.set_of(alternatives).intersect(within)
            if said.is_equal(wanted):
                return alternatives
            apart = said.subtract(wanted).union(wanted.subtract(said))
            self.extra.append(_member(apart, self.claim.sizes))
            self.refresh()
        return None

    # the condition ---------------------------------------------------------------------------------------------------

    def condition(self) -> Condition:
        if self.holding.is_empty():
            return self.said("never", "never", None, True)
        self.boxed = parameter_points(self.legal.intersect(self.box()), self.claim.sizes)
        self.phrases = self.named_sizes()
        self.refresh()
        longest = _largest(self.holding, self.claim.sizes, "H")
        if not longest.is_int() or longest.to_python() > (self.claim.stride or 1) + (self.claim.dilation or 1):
            whole = self.find(self.holding, self.legal, short)
            if whole is not None:
                return self.said(_text(whole), _text(whole), None, True, whole)
            for domain in self.ordinary():
                result = self.apart(domain)
                if result is not None:
                    return result
            whole = self.find(self.holding, self.legal, unions)
            if whole is not None:
                return self.said(_text(whole), _text(whole), None, True, whole)
            return self.as_it_is()
        return self.and_degenerate("never", self.holding)

    def as_it_is(self) -> Condition:
        """The set in isl's words, or the mere fact that there is no short form."""
        short_enough = len(self.full) <= 120
        text = self.full.replace(" = ", " == ") if short_enough else "some sizes, which have no short description"
        return self.said(text, text, None, short_enough)

    def said(
        self, text: str, generic: str, degenerate: str | None, exact: bool, words: tuple[Conjunction, ...] = ()
    ) -> Condition:
        comparisons = tuple(a.word for a in words[0] if isinstance(a.word, Comparison)) if len(words) == 1 else ()
        return Condition(text, generic, degenerate, exact, self.full, comparisons, self.holding)

    def ordinary(self) -> Iterator[tuple[Comparison, ...]]:
        """What ordinary sizes are, from the widest to the narrowest: an input that holds the kernel, padding below its span."""
        H, K, p, q = (Name(n) for n in "HKpq")
        s, d = self.claim.stride or 1, self.claim.dilation or 1
        reach = collected(d * (K - 1))
        within = [compare(p, "<=", reach)] + [compare(q, "<=", reach)] * (not self.claim.symmetric)
        if self.claim.formula.transposed:
            # x is on the strided side: enough windows to bring every tap to use
            yield (compare(H, ">=", 2),)
            yield (compare(H, ">=", collected(reach + 1)),)
            yield (compare(H, ">=", collected(reach + 2)), *within)
            return
        yield (compare(H, ">=", collected(reach + 1)),)
        yield (compare(H, ">=", collected(reach + 2)),)
        yield (compare(H, ">=", collected(reach + 2 * s)),)
        yield (compare(H, ">=", collected(reach + 2 * s)), *within)

    def apart(self, domain: tuple[Comparison, ...]) -> Condition | None:
        """The condition on ordinary sizes, and the degenerate ones at which the formula holds as well."""
        ordinary = self.legal.intersect(self.parameters(domain))
        wanted = self.holding.intersect(ordinary)
        if wanted.is_empty():
            return self.and_degenerate("never", self.holding)
        words = self.find(wanted, ordinary, short)
        if words is None:
            return None
        said = self.set_of(words)
        if said.is_subset(self.holding):
            return self.and_degenerate(_text(words), self.holding.subtract(said).coalesce(), words)
        said = said.intersect(ordinary)
        return self.and_degenerate(
            f"{_text(words)} where {in_words(domain)}", self.holding.subtract(said).coalesce(), words
        )

    def and_degenerate(self, generic: str, rest: isl.Set, words: tuple[Conjunction, ...] = ()) -> Condition:
        """``generic``, and the sizes ``rest`` said as well as can be."""
        if rest.is_empty():
            return self.said(generic, generic, None, True, words)
        # what the generic words say already may be said again
        known = self.holding.subtract(rest)
        found = self.find(rest, self.legal.subtract(known), unions, phrases=True)
        degenerate = _text(found) if found is not None else _bounds(rest, self.claim.sizes)
        exact = found is not None
        plain = _shown(rest.gist(self.legal).coalesce())
        if "floor" not in plain and len(plain) <= (len(degenerate) - 10 if exact else 90):
            degenerate, exact = plain.replace(" = ", " == "), True
        text = f"{generic}, apart from degenerate sizes ({degenerate})"
        return self.said(text, generic, degenerate, exact, words)


def _text(alternatives: Sequence[Conjunction]) -> str:
    return any_of([in_words(a.word for a in conjunction) for conjunction in alternatives])


def _shown(sizes: isl.Set) -> str:
    """isl's text of a set of sizes, without its frame."""
    text = str(sizes)
    inside = text[text.index("{") + 1 : text.rindex("}")].strip()
    return inside.removeprefix(":").strip() or "always"


def _contains(sizes: isl.Set, point: dict[str, int]) -> bool:
    for name, value in point.items():
        at = sizes.find_dim_by_name(isl.dim_type.param, name)
        if at >= 0:
            sizes = sizes.fix_val(isl.dim_type.param, at, isl.Val(value, sizes.get_ctx()))
    return not sizes.is_empty()


def _member(sizes: isl.Set, names: tuple[str, ...]) -> dict[str, int]:
    """Some element of a set of sizes that is not empty; the first one would cost minutes, which isl's limit does not count."""
    (some,) = points(isl.Set.from_point(as_coordinates(sizes, names).sample_point()))
    return dict(zip(names, some, strict=True))


def _largest(sizes: isl.Set, names: tuple[str, ...], name: str) -> isl.Val:
    return as_coordinates(sizes, names).dim_max_val(names.index(name))


def _bounds(sizes: isl.Set, names: tuple[str, ...]) -> str:
    """How far a set of sizes reaches: ``some with H <= 2, K == 1``."""
    parts = []
    vectors = as_coordinates(sizes, names)
    for at, name in enumerate(names):
        low, high = vectors.dim_min_val(at), vectors.dim_max_val(at)
        least = 1 if name in "HK" else 0
        if low.is_int() and low == high:
            parts.append(f"{name} == {low}")
            continue
        if low.is_int() and low.to_python() > least:
            parts.append(f"{name} >= {low}")
        if high.is_int():
            parts.append(f"{name} <= {high}")
    return f"some with {', '.join(parts)}" if parts else "some"
