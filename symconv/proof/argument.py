"""The sentences of the proof behind a theorem, said once: phrases for an article in any language, and LaTeX for a theorem."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from symconv.algebra.integers import Integer, Name
from symconv.formulas import tree
from symconv.mathematics.latex import latex
from symconv.mathematics.of_integers import from_one, of_integer
from symconv.mathematics.tree import Below, Math, Operator, Row, Word
from symconv.proof.positions import meeting, places
from symconv.prose import Literal, Phrase, Value, prose

__all__ = ["AXES", "BORDER", "RANGES", "in_latex", "matching"]

#: what padding with a border comes to; that the ranges of indices agree is an equality of sets; why several axes follow from one
BORDER, RANGES, AXES = Phrase("proof.border"), Phrase("proof.ranges"), Phrase("proof.axes")


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
