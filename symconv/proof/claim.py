"""The claim that is decided: at every legal size the formula's products are those of the relation R, each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from symconv.algebra.comparisons import Comparison, between, compare, in_words
from symconv.algebra.integers import Integer, Name
from symconv.formulas import tree
from symconv.formulas.tree import ADDED, PRODUCTS, Formula
from symconv.layer import relation
from symconv.layer.padding import FILLER, Mode, mode_named
from symconv.proof.forward import comparisons

__all__ = ["UNINDEXED", "Claim"]

#: when something holds: one alternative, all of whose comparisons do
Alternatives = tuple[tuple[Comparison, ...], ...]

#: arrays that have no index on a spatial axis
UNINDEXED = (*ADDED.values(), FILLER)

_H, _K, _O, _p, _q, _r, _s, _d = (Name(n) for n in "HKOpqrsd")

#: the length of every array on one axis: H is x's size and O is y's, whichever the layer
EXTENTS: dict[str, Integer] = {
    **dict.fromkeys(("x", "dx", "v_x", "ddx"), _H),
    **dict.fromkeys(("w", "dw", "v_w", "ddw"), _K),
    **dict.fromkeys(("y", "dy", "ddy"), _O),
}


@dataclass(frozen=True)
class Claim:
    """``formula`` equals the derivative of the loss, for the sizes in ``legal``.

    ``stride`` and ``dilation`` are numbers, or None where they are free too. With ``symmetric`` only q = p is claimed, with
    ``assumed`` only what is claimed where all these comparisons hold. ``forward`` is a forward pass of one's own, whose
    derivative is meant in place of the layer's.
    """

    formula: Formula
    stride: int | None = 1
    dilation: int | None = 1
    symmetric: bool = False
    assumed: tuple[Comparison, ...] = ()
    forward: Formula | None = None

    @property
    def numbers(self) -> dict[str, int]:
        """The stride and dilation that are fixed, by their letters."""
        given = {"s": self.stride, "d": self.dilation}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def mode(self) -> Mode:
        """What the border of the layer holds."""
        return mode_named(self.formula.padding_mode)

    @property
    def with_bias(self) -> bool:
        """Whether the layer of the claim has a bias: a formula for y that does not name b speaks of the layer without."""
        return self.formula.with_bias

    def _of_layer(self, e: Integer) -> Integer:
        """An expression of the relation, in the layer's names: a transposed convolution has x where R has y."""
        return self.formula.kind.of_relation(e)

    @cached_property
    def remainder(self) -> Integer:
        """r by the other sizes."""
        return self._of_layer(relation.REMAINDER)

    @cached_property
    def legal(self) -> tuple[tuple[Comparison, ...], ...]:
        """Which sizes a layer can have: of each group one comparison must hold.

        For a convolution r < s makes O the number of windows that fit; a transposed one has output padding r, smaller
        than stride or dilation.
        """
        within = [compare(_r, "<", _s), compare(_r, "<", _d)] if self.formula.transposed else [compare(_r, "<", _s)]
        single = [compare(size, ">=", 1) for size in (_H, _K, _O)]
        single += [compare(size, ">=", 0) for size in (_p, _q, _r)]
        single += [compare(_r, "==", self.remainder)]
        single += [compare(_q, "==", _p)] if self.symmetric else []
        single += [compare(size, "<=", self.mode.most) for size in (_p, _q) if self.mode.most is not None]
        single += [compare(e, ">=", 1) for name, e in (("s", _s), ("d", _d)) if name not in self.numbers]
        single += self.assumed
        return (*((c,) for c in single), tuple(within))

    @cached_property
    def extents(self) -> dict[str, Integer]:
        """The length of every array."""
        return EXTENTS

    def index(self, array: str) -> str:
        """The index of R that runs over ``array``: o, k or m."""
        return self.formula.kind.side(array)

    @property
    def factors(self) -> tuple[tuple[str, ...], ...]:
        """The factors of each kind of product, in alphabetical order."""
        return tuple(tuple(sorted(arrays)) for arrays in PRODUCTS[self.formula.target])

    @property
    def arrays(self) -> tuple[str, ...]:
        """The factors of the first kind of product; all targets but ddy have one kind."""
        return self.factors[0]

    @cached_property
    def truths(self) -> dict[tuple[str, ...], Alternatives]:
        """The products of the derivative by their arrays, and when each belongs to it, in the indices of R: all comparisons of
        one alternative hold. For db every entry of dy belongs; b and v, the constant of a border, have no index."""
        target = self.formula.target
        if target == "db":
            return {self.arrays: (between(0, Name(self.index("dy")), EXTENTS["dy"]),)}
        bias = ADDED.get(target, "")
        if self.forward is not None:
            result: dict[tuple[str, ...], Alternatives] = dict.fromkeys(self.factors, (comparisons(self.forward),))
            return result | ({(bias,): (between(0, Name("o"), _O),)} if self.with_bias else {})
        ranges = {n: between(0, Name(n), self._of_layer(extent)) for n, extent in relation.EXTENTS.items()}
        result = dict.fromkeys(self.factors, tuple(
            (*self._read(conditions), compare(Name("m"), "==", row.substitute({"t": relation.INPUT_INDEX})),
             *ranges["o"], *ranges["k"], *ranges["m"])
            for conditions, row in self.mode.pieces
        ))  # fmt: skip
        beyond = (compare(Name("t"), "<", 0), compare(Name("t"), ">=", _H))
        for arrays in self.factors if self.mode.filled else ():
            if "x" in arrays:  # a direction in the place of x is none of the border's constant
                constant = tuple(sorted((FILLER, *(name for name in arrays if name != "x"))))
                result[constant] = tuple((*self._read([side]), *ranges["o"], *ranges["k"]) for side in beyond)
        if self.with_bias:
            result[bias,] = (ranges[self.index(target)],)
        return result

    def _read(self, conditions: Iterable[Comparison]) -> tuple[Comparison, ...]:
        """Conditions on t, the padded row, as conditions on the o and k that read it."""
        return tuple(
            each.substitute({"t": relation.INPUT_INDEX, "H": self._of_layer(relation.EXTENTS["m"])})
            for each in conditions
        )

    @property
    def length(self) -> Integer | None:
        """The number of entries of the target on the axis; None for db."""
        return EXTENTS.get(self.formula.target)

    @property
    def sizes(self) -> tuple[str, ...]:
        """The sizes that can be chosen freely, O (and for a convolution r) being determined by them."""
        free = ["H", "K", "p"] if self.symmetric else ["H", "K", "p", "q"]
        return (*free, "r") if self.formula.transposed else tuple(free)

    @property
    def slack(self) -> Integer:
        """``H + p + q - d*(K-1) - 1`` with what is known put in."""
        e = self._of_layer(relation.SLACK).substitute(self.numbers)
        return e.substitute({"q": _p}) if self.symmetric else e

    @property
    def scope(self) -> str:
        """What a verdict on this claim covers, in one sentence."""
        most = "" if self.mode.most is None else f" and at most {self.mode.most}"
        pads = ("q = p >= 0" if self.symmetric else "p, q >= 0") + most
        extra = ", output padding 0 <= r < max(s, d)" if self.formula.transposed else ""
        layer = self.formula.kind.called
        bias = "" if self.formula.target not in ADDED else " with bias" if self.with_bias else " without bias"
        layer += f" with {self.mode.name} padding" if self.mode.counts_outside else ""
        layer += f" with the forward pass {self.forward}" if self.forward is not None else ""
        steps = ", ".join(
            f"{word} {'any' if value is None else value}"
            for word, value in (("stride", self.stride), ("dilation", self.dilation))
        )
        axes = "each axis separately, hence any number of axes, batch, channels and groups"
        if self.products > 1:  # a sum of products over the axes is not the product of sums
            axes = (
                f"one spatial axis only, as the formula adds {self.products} products; any batch, channels and groups"
            )
        assumed = f" and {in_words(self.assumed)}" if self.assumed else ""
        return f"{layer}{bias}: every H, K >= 1, {pads}{extra} with O >= 1{assumed}; {steps}; {axes}"

    @property
    def products(self) -> int:
        """How many products of the same arrays the formula adds up."""
        return max(Counter(
            tuple(sorted(Formula("", node).arrays()))
            for node in self.formula.body.walk() if isinstance(node, (tree.Correlate, tree.IndexSum, tree.Sum))
        ).values(), default=0)  # fmt: skip
