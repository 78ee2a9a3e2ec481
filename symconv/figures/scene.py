"""What a picture shows, as data: cells, discs, lines and text at places, before any format.

The unit is the side of a cell; x grows to the right and y downwards. Styles are names that :mod:`symconv.figures.palette`
gives colours to. Text is a sequence of words and mathematics (:mod:`symconv.mathematics.tree`); its size 1 is ten points
where a cell is ``UNIT`` points wide. A film is a sequence of scenes of equal size, one for each step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from symconv.mathematics.markup import Content, plain

__all__ = ["UNIT", "Brace", "Cell", "Disc", "Film", "Item", "Line", "Rect", "Scene", "Text"]

#: styles of rectangles that hide what is under them
GROUNDS = frozenset({"step", "zone", "ground"})

#: the side of a cell in points, where text of size 1 has ten points
UNIT = 27.0


@dataclass(frozen=True, slots=True)
class Cell:
    """One entry of an array: a unit square with its label, and in its corner the tap that lies on it.

    ``entry`` names what is shown (``x_{11}``), None for a zero; ``lit`` says that it takes part in this step. A label is as
    large as fits.
    """

    x: float
    y: float
    style: str
    label: Content = ()
    corner: Content = ()
    entry: str | None = None
    lit: bool = False


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle; ``hatched`` with slanted lines."""

    x: float
    y: float
    width: float
    height: float
    style: str
    hatched: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line, with heads at its end or at both."""

    x1: float
    y1: float
    x2: float
    y2: float
    style: str
    heads: int = 0


@dataclass(frozen=True, slots=True)
class Brace:
    """A dimension line from (x1, y) to (x2, y) with end ticks, as in technical drawings."""

    x1: float
    x2: float
    y: float
    style: str = "dimension"


@dataclass(frozen=True, slots=True)
class Disc:
    """A point of a lattice with its label; ``entry`` says which (``o=1 k=2 m=3``, 1-based)."""

    x: float
    y: float
    radius: float
    style: str
    label: Content = ()
    entry: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """Text with its middle line at y; ``anchor`` is start, middle or end."""

    x: float
    y: float
    content: Content
    style: str = "ink"
    size: float = 1.0
    anchor: str = "middle"


Item = Cell | Rect | Line | Brace | Disc | Text


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture: ``items`` from back to front on ``width`` x ``height``; ``title`` says in words what it shows."""

    width: float
    height: float
    items: tuple[Item, ...]
    title: Content = ()

    def cells(self) -> Iterator[Cell]:
        """The cells alone."""
        return (item for item in self.items if isinstance(item, Cell))

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain lists and numbers, text as Unicode."""
        shown = []
        for item in self.items:
            values = {"item": type(item).__name__.lower(), **asdict(item)}
            for name in ("label", "corner", "content"):
                if name in values:
                    values[name] = plain(getattr(item, name))
            shown.append(values)
        return {"width": self.width, "height": self.height, "title": plain(self.title), "items": shown}


@dataclass(frozen=True, eq=False)
class Film:
    """The scenes of one figure, in order; ``caption`` is about all of them.

    A step is drawn as the backdrop with what changes on top: lit cells cover the plain ones under them.
    """

    scenes: tuple[Scene, ...]
    caption: Content = ()

    def __post_init__(self) -> None:
        sizes = {(scene.width, scene.height) for scene in self.scenes}
        if len(sizes) != 1:
            raise ValueError(f"the scenes of a film are of one size, not of {sorted(sizes)}")

    @cached_property
    def backdrop(self) -> tuple[Item, ...]:
        """What is in every scene, and where every scene has a cell, the one that most have."""
        first, *others = self.scenes
        shared = set(first.items).intersection(*(scene.items for scene in others))
        seen = Counter(cell for scene in self.scenes for cell in scene.cells())
        usual: dict[tuple[float, float], Cell] = {}
        for cell, _ in sorted(seen.items(), key=lambda each: each[1]):
            usual[cell.x, cell.y] = cell
        places = [{(cell.x, cell.y) for cell in scene.cells()} for scene in self.scenes]
        everywhere = set.intersection(*places)
        result: list[Item] = []
        for item in first.items:
            if isinstance(item, Cell) and (item.x, item.y) in everywhere:
                result.append(usual[item.x, item.y])
            elif item in shared:
                result.append(item)
        return tuple(result)

    def changing(self, step: int) -> tuple[Item, ...]:
        """What this scene has on top of the backdrop: what is not in it, and what a changing ground would hide of it."""
        still = set(self.backdrop)
        grounds: list[Rect] = []
        result = []
        for item in self.scenes[step].items:
            if item not in still:
                result.append(item)
                if isinstance(item, Rect) and item.style in GROUNDS:
                    grounds.append(item)
            elif any(_meet(item, ground) for ground in grounds):
                result.append(item)
        return tuple(result)


def _meet(item: Item, ground: Rect) -> bool:
    """Whether an item, text by its place, lies on a rectangle."""
    left, top, right, bottom = _box(item)
    return (left < ground.x + ground.width and right > ground.x) and (
        top < ground.y + ground.height and bottom > ground.y
    )


def _box(item: Item) -> tuple[float, float, float, float]:
    if isinstance(item, Line):
        (left, right), (top, bottom) = sorted((item.x1, item.x2)), sorted((item.y1, item.y2))
        return left - 0.01, top - 0.01, right + 0.01, bottom + 0.01
    if isinstance(item, Brace):
        return item.x1, item.y - 0.01, item.x2, item.y + 0.01
    if isinstance(item, Disc):
        return item.x - item.radius, item.y - item.radius, item.x + item.radius, item.y + item.radius
    width, height = {Cell: (1.0, 1.0), Text: (0.01, 0.01)}.get(type(item)) or (item.width, item.height)  # type: ignore[union-attr]
    return item.x, item.y, item.x + width, item.y + height
