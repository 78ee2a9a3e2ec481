"""What a theorem is about and the sentences of its proof, said once: for articles in any language and for theorems in LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from symconv.algebra.integers import Integer, Name
from symconv.formulas import tree
from symconv.layer.kind import LayerKind
from symconv.layer.padding import Mode
from symconv.mathematics.latex import latex
from symconv.mathematics.of_integers import from_one, of_integer
from symconv.mathematics.tree import Below, Math, Operator, Row, Word, separated
from symconv.proof.positions import meeting, places
from symconv.prose import Literal, Phrase, Value, prose

__all__ = ["AXES", "BORDER", "RANGES", "existing", "in_latex", "lengths", "matching", "most_padding", "paddings"]

#: what padding with a border comes to; that the ranges of indices agree is an equality of sets; why several axes follow from one
BORDER, RANGES, AXES = Phrase("proof.border"), Phrase("proof.ranges"), Phrase("proof.axes")


def _bounded(names: str, relation: str, bound: Math) -> Math:
    return Row((separated([Word(name) for name in names], wide=True), Operator(relation), bound))


def lengths() -> Math:
    """Which lengths x and w have: ``H, K ≥ 1``."""
    return _bounded("HK", "≥", Word("1"))


def paddings(symmetric: bool = False) -> Math:
    """Which paddings there are: ``p, q ≥ 0``."""
    if symmetric:
        return Row((Word("p"), Operator("="), Word("q"), Operator("≥"), Word("0")))
    return _bounded("pq", "≥", Word("0"))


def most_padding(mode: Mode) -> Math | None:
    """No more padding than the border can hold: ``p, q ≤ H - 1``."""
    return None if mode.most is None else _bounded("pq", "≤", of_integer(mode.most))


def existing(kind: LayerKind) -> Math:
    """The length of y, and that the layer exists: ``O = ... ≥ 1``."""
    return Row((Word("O"), Operator("="), of_integer(kind.output_size), Operator("≥"), Word("1")))


def matching(target: str, node: tree.Correlate, index: Callable[[str], str], extents: Mapping[str, Integer]) -> Phrase:
    """Where the two arrays of a correlation put their entries, and when the product of two is in the result.

    ``index`` names the index that runs over an array, ``extents`` the length of each array.
    """

    def entry(array: str) -> Math:
        return Below(Word(array), Word(index(array)))

    values: dict[str, Value] = {"target": entry(target)}
    for number, (array, at) in enumerate(places(node, index, extents), 1):
        values[f"array{number}"] = entry(array)
        values[f"place{number}"] = Row((Word("_PQ"[number]), Operator("="), of_integer(from_one(at))))
    meets = of_integer(meeting(node, Name(index(target)), Name("Q")))
    values["meeting"] = Row((Word("P"), Operator("="), meets))
    return Phrase("proof.places", values)


def in_latex(phrase: Phrase) -> str:
    """A phrase in English, its mathematics between dollars."""
    runs = prose("en").runs(phrase)
    return "".join(r if isinstance(r, str) else r.text if isinstance(r, Literal) else f"${latex(r)}$" for r in runs)
