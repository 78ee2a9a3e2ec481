"""The two kinds of layer, and the facts in which they differ: asked here once.

Both read one relation R between the strided side o and the padded side m. A convolution sums into y, which stands on the
strided side; a transposed convolution exchanges the sides, so that x stands there.
"""

from __future__ import annotations

from dataclasses import dataclass

from symconv.algebra.integers import Integer, Name
from symconv.layer import relation

__all__ = ["CONVOLUTION", "KINDS", "TRANSPOSED", "LayerKind"]


@dataclass(frozen=True)
class LayerKind:
    """What a reader of a layer wants to know of its kind; ``strided`` and ``padded`` are the arrays on the two sides of R."""

    #: the key of its phrases, and what it is called
    name: str
    called: str
    strided: str
    padded: str
    #: the stem of its functions in PyTorch, and so in emitted files
    stem: str
    #: y's size on one axis in the layer's own names: H is x's, O is y's
    output_size: Integer
    #: the names of R in those of the layer, where they differ
    exchanged: dict[str, str]

    @property
    def factors(self) -> tuple[str, str]:
        """The factors of the loss on the strided and on the padded side, beside w: ``dy`` where y stands."""
        strided, padded = ("dy" if array == "y" else array for array in (self.strided, self.padded))
        return strided, padded

    def side(self, array: str) -> str:
        """The index of R that runs over an array's rows: ``o`` on the strided side, ``m`` on the padded one, ``k`` for w; b
        goes with y, and directions and second gradients with what they are of.

        >>> [CONVOLUTION.side(array) for array in ("y", "dx", "dw")], TRANSPOSED.side("dx")
        (['o', 'm', 'k'], 'o')
        """
        letter = array.removeprefix("v_").lstrip("d")
        return {self.strided: "o", self.padded: "m", "w": "k"}["y" if letter == "b" else letter]

    def own(self, name: str) -> str:
        """A name of R in the layer's terms.

        >>> CONVOLUTION.own("H"), TRANSPOSED.own("H")
        ('H', 'O')
        """
        return self.exchanged.get(name, name)

    def of_relation(self, e: Integer) -> Integer:
        """An expression of R's sizes in the layer's own."""
        return e.substitute({name: Name(other) for name, other in self.exchanged.items() if name in "HO"})


def _transposed() -> LayerKind:
    exchanged = {"o": "m", "m": "o", "O": "H", "H": "O", "f": "c", "c": "f"}
    size = relation.PADDED_SIZE.substitute({"O": Name("H")})
    return LayerKind("transposed", "transposed convolution", "x", "y", "conv_transpose", size, exchanged)


CONVOLUTION = LayerKind("convolution", "convolution", "y", "x", "conv", relation.OUTPUT_SIZE, {})
TRANSPOSED = _transposed()

#: a layer's kind by the parameter ``transposed``
KINDS = {False: CONVOLUTION, True: TRANSPOSED}
