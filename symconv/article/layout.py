"""How a derivation sits in what an author has around it: width, depth of headings, labels, the theorem's frame, pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["CODE", "COLUMN", "FIGURES", "PLAIN", "Layout", "millimetres"]

#: the width of a column of IEEEtran in ten points, in millimetres
COLUMN = 88.5

#: narrower or wider than this nothing can be set well
NARROWEST, WIDEST = 40.0, 400.0

#: where the pictures of Markdown are: in files beside it, in the text itself, nowhere
FIGURES = ("files", "inline", "none")

#: what the listing shows: the closed formulas, or the emitted kernel of a schedule
CODE = ("formulas", "loops", "taps", "columns", "none")

#: points of TeX in a millimetre
POINTS = 72.27 / 25.4


@dataclass(frozen=True)
class Layout:
    """The choices of an author; left as they are, a document of its own.

    ``width`` is that of the lines in millimetres, for type of ten points: displays are broken, tables and pictures fitted to it.
    ``level`` is the depth of the sections (1: ``\\section``, ``##``); ``prefix`` begins every label of LaTeX; ``theorem`` is the
    environment of the theorem, ``none`` sets it as paragraphs; ``figures`` is one of :data:`FIGURES`, or None for what is usual
    in the format; ``path`` begins the address of every picture's file. ``bib`` names a file of BibTeX that LaTeX takes the works
    from (:func:`symconv.article.sections.notation.bibtex`); ``explorer`` is the address of an explorer that pages link to.

    ValueError for what is out of range.

    >>> Layout(width=0)
    Traceback (most recent call last):
    ValueError: lines of 0 mm: the width must be from 40 to 400 mm
    """

    width: float | None = None
    level: int = 1
    prefix: str | None = None
    theorem: str = "theorem"
    figures: str | None = None
    path: str = ""
    bib: str | None = None
    explorer: str | None = None

    def __post_init__(self) -> None:
        if self.width is not None and not NARROWEST <= self.width <= WIDEST:
            raise ValueError(f"lines of {self.width:g} mm: the width must be from {NARROWEST:g} to {WIDEST:g} mm")
        if not 1 <= self.level <= 3:
            raise ValueError(f"level {self.level}: sections are on level 1, 2 or 3")
        if self.prefix is not None and not re.fullmatch(r"[A-Za-z0-9.:-]*", self.prefix):
            raise ValueError(f"prefix {self.prefix!r}: labels are of letters, digits, '.', ':' and '-'")
        if not re.fullmatch(r"[A-Za-z]+\*?", self.theorem):
            raise ValueError(f"theorem {self.theorem!r}: an environment is named by letters")
        if self.figures is not None and self.figures not in FIGURES:
            raise ValueError(f"no figures {self.figures!r}; there are {', '.join(FIGURES)}")
        for name in ("path", "explorer"):
            address = getattr(self, name) or ""
            if re.search(r"[\s()<>\"]", address):
                raise ValueError(f"{name} {address!r}: an address has no spaces, brackets or quotes")

    def points(self, usual: float) -> float:
        """The width of a line, in points."""
        return usual if self.width is None else self.width * POINTS


#: a document of its own
PLAIN = Layout()


def millimetres(text: str | None) -> float | None:
    """``column``, ``88`` or ``88mm`` in millimetres; ValueError for anything else."""
    if text is None:
        return None
    if text == "column":
        return COLUMN
    found = re.fullmatch(r"([0-9]{1,4}(?:\.[0-9]{1,3})?)(?:\s*mm)?", text)
    if found is None:
        raise ValueError(f"width {text!r}: it is written 88, 88mm or column")
    return float(found[1])
