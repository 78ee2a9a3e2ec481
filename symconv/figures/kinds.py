"""The kinds of pictures, and ``figure``: one kind of picture of one layer, in every format."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from symconv.figures import stepper, svg, tikz
from symconv.figures.blocks import ROOM
from symconv.figures.border import BorderPicture
from symconv.figures.depth import DepthPicture
from symconv.figures.filmstrip import frame_scenes, one_scene, places
from symconv.figures.lattice import RelationPicture
from symconv.figures.layout import LEAST_WIDTH, MARGIN, Body, compose
from symconv.figures.matrix import JacobianPicture
from symconv.figures.scene import Film, Scene
from symconv.figures.sliding import Place
from symconv.figures.unfolded import UnfoldedPicture
from symconv.figures.window import SlidingPicture
from symconv.files import write_whole
from symconv.layer.conv import Conv
from symconv.mathematics.markup import Content, plain
from symconv.mathematics.notation import OWN, Notation
from symconv.mathematics.notation import notation as as_notation
from symconv.mathematics.of_integers import indices_from
from symconv.prose import Words, words

__all__ = ["FORMATS", "KINDS", "MAX_CELLS", "MAX_STEPS", "Figure", "figure"]

#: a picture with more cells than this, or a film with more steps, is refused: nobody could read it
MAX_CELLS = 3_000
MAX_STEPS = 256

#: cells of natural size on the line that a picture by itself is made for in print, twelve centimetres
LINE = 12.0 / tikz.LARGEST_CELL

#: cells of natural size across the narrowest screens
PHONE = 8.0


class Picture(Protocol):
    """What a kind of picture knows: its steps, and each one's drawing."""

    conv: Conv
    caption: Content
    room: float

    @property
    def space(self) -> tuple[int, ...]: ...

    @property
    def result(self) -> str: ...

    @property
    def cells(self) -> int: ...

    def fullest(self) -> Place: ...

    def body(self, index: Place | None) -> Body: ...

    def notes(self) -> list[Content]: ...


@dataclass(frozen=True)
class Kind:
    """A kind of picture: what it shows, how it is made, whether a picture without an entry asked for lights one, and of which
    borders it is made: zeros, rows of x, a constant.
    """

    text: str
    make: Callable[[Conv, int, Words], Picture]
    lights: bool = True
    borders: tuple[str, ...] = ("zeros",)

    def made_for(self, conv: Conv) -> bool:
        """Whether it shows a border such as the layer's."""
        return ("rows" if conv.mode.moves_rows else "constant" if conv.mode.filled else "zeros") in self.borders

    def check(self, conv: Conv, name: str) -> None:
        """ValueError for a layer with another border."""
        if not self.made_for(conv):
            known = " or ".join(
                {"zeros": "zeros", "rows": "rows of x", "constant": "a constant"}[b] for b in self.borders
            )
            raise ValueError(f"the figure {name} is made for a border of {known}, and {conv!r} has another")


KINDS: dict[str, Kind] = {
    "window": Kind(
        "x with its padding, w over it, the entry of y that gives",
        lambda c, a, t: SlidingPicture(c, "y", t),
        borders=("zeros", "rows", "constant"),
    ),
    "backward": Kind(
        "dy with zeros and border, flipped w over it, the entry of dx",
        lambda c, a, t: UnfoldedPicture(c, t) if c.mode.moves_rows else SlidingPicture(c, "dx", t),
        borders=("zeros", "rows", "constant"),
    ),
    "weights": Kind(
        "x with dy as the filter, the entry of dw",
        lambda c, a, t: SlidingPicture(c, "dw", t),
        borders=("zeros", "rows", "constant"),
    ),
    "jacobian": Kind(
        "dy/dx as a matrix, its taps in colour",
        lambda c, a, t: JacobianPicture(c, t),
        False,
        ("zeros", "rows", "constant"),
    ),
    "depth": Kind(
        "maps of x and y, the sums over channels as arrows, forward and backward",
        lambda c, a, t: DepthPicture(c, t),
        borders=("zeros", "rows", "constant"),
    ),
    "relation": Kind(
        "one axis: windows o against places m, taps k in colour", RelationPicture, False, ("zeros", "rows", "constant")
    ),
    "border": Kind(
        "x with the rows on its border, dz folded back to dx",
        lambda c, a, t: BorderPicture(c, t),
        borders=("rows", "constant"),
    ),
}


class TooLargeError(ValueError):
    """The layer has more cells than a picture can show."""


@dataclass(frozen=True, eq=False)
class Figure:
    """One kind of picture of one layer. ``scene`` is the picture of ``entry``, ``film`` all its steps.

    ``remarks`` are small print besides the picture's own, ``notation`` an author's. With ``strip`` the picture is a filmstrip of
    these entries, in rows of at most ``room`` cells. Displays itself in notebooks; :meth:`save`
    writes the format that the file's name asks for.
    """

    conv: Conv
    kind: str
    entry: Place | None
    picture: Picture
    words: Words
    remarks: tuple[Content, ...] = ()
    notation: Notation = OWN
    strip: tuple[Place, ...] = ()
    room: float = ROOM

    @cached_property
    def scene(self) -> Scene:
        """The picture of one entry, or the filmstrip."""
        if self.strip:
            return one_scene(self._frames(), self.notes, self.caption, self.room)
        index = self.entry
        if index is None and KINDS[self.kind].lights:
            index = self.picture.fullest()
        return self._composed([index])[0]

    @cached_property
    def frames(self) -> tuple[Scene, ...]:
        """The scenes for a page that sets them side by side or under each other and says the notes itself."""
        if self.strip:
            return frame_scenes(self._frames(), self.caption)
        index = self.entry
        if index is None and KINDS[self.kind].lights:
            index = self.picture.fullest()
        return self._composed([index], noted=False)

    @cached_property
    def bare(self) -> Scene:
        """The scene without its notes."""
        if self.strip:
            return one_scene(self._frames(), (), self.caption, self.room)
        return self.frames[0]

    def within(self, room: float) -> Figure:
        """The same laid out for so many cells across, where it can be."""
        picture = copy(self.picture)
        picture.room = room
        return replace(self, picture=picture, room=room)

    def _frames(self) -> list[Body]:
        assert isinstance(self.picture, SlidingPicture)
        with indices_from(self.notation.index_base):
            return [self._in_notation(body) for body in self.picture.frames(self.strip)]

    @cached_property
    def film(self) -> Film:
        """Every step in C order; ValueError if there are more than ``MAX_STEPS``."""
        steps = self.steps
        if len(steps) > MAX_STEPS:
            raise ValueError(
                f"{self.kind} of {self.conv!r} has {len(steps):,} steps, more than {MAX_STEPS}; take a smaller layer"
            )
        return Film(self._composed(steps), self.caption)

    @property
    def steps(self) -> list[Place]:
        """The entries that the steps show, 0-based."""
        return list(itertools.product(*map(range, self.picture.space)))

    @property
    def caption(self) -> Content:
        """What the figure shows, for a line under it."""
        return self._set(self.picture.caption)

    @property
    def notes(self) -> list[Content]:
        """The small print that is drawn under the picture."""
        channels = max(self.conv.batch, self.conv.in_channels, self.conv.out_channels) > 1
        reduced = [self.words("one_channel")] if channels and self.kind not in ("relation", "depth") else []
        return [self._set(note) for note in (*self.remarks, *reduced, *self.picture.notes())]

    def _composed(self, steps: Sequence[Place | None], noted: bool = True) -> tuple[Scene, ...]:
        with indices_from(self.notation.index_base):
            bodies = [self._in_notation(self.picture.body(step)) for step in steps]
        least = min(LEAST_WIDTH, self.picture.room - 2 * MARGIN)
        return compose(bodies, self.notes if noted else (), self.caption, least)

    def _in_notation(self, body: Body) -> Body:
        """A drawing in the author's notation; in cells a gradient is a letter, for which a fraction is too wide."""
        if self.notation.plain:
            return body
        items = []
        for item in body.items:
            shown = [name for name in ("label", "corner", "content") if hasattr(item, name)]
            changed: dict[str, Any] = {name: self._set(getattr(item, name)) for name in shown}
            items.append(replace(item, **changed))
        return replace(body, items=tuple(items), equation=self._set(body.equation))

    def _set(self, content: Content) -> Content:
        return tuple(part if isinstance(part, str) else self.notation.short.math(part) for part in content)

    # formats ----------------------------------------------------------------------------------------------------------

    def to_svg(self, background: bool = True, styles: bool = True, least: bool = False) -> str:
        """The picture as SVG; without ``background`` it takes the page's.

        In a page of many pictures, ``styles=False`` leaves the style sheet to the page
        (:func:`symconv.figures.svg.style_sheet`). With ``least`` the picture is not shrunk below what can be read; what holds it
        has to scroll then.
        """
        return svg.svg(self.scene, background, styles, least)

    def to_stepping_svg(self) -> str:
        """Every step as one SVG with buttons, that the arrow keys step as well."""
        return stepper.stepping_svg(self.film, self.words)

    def to_html(self) -> str:
        """Every step as one HTML page that steps forward and back, without anything from outside."""
        return stepper.stepping_page(self.film, self.words, self.within(PHONE).film)

    def to_tikz(self, max_width: float = 12.0, noted: bool = True) -> str:
        """The picture as a ``tikzpicture``, at most ``max_width`` centimetres wide; needs the package tikz and no library. A
        caption that says the notes lets the picture do without: ``noted=False``."""
        return tikz.tikz(self.scene if noted else self.bare, max_width)

    def to_tex(self, max_width: float = 12.0) -> str:
        """The picture as a LaTeX document of its own size."""
        return tikz.document(self.scene, max_width)

    def to_png(self, scale: float = 2.0) -> bytes:
        """The picture as PNG, ``44*scale`` pixels for a cell; needs matplotlib."""
        made: bytes = _raster().png(self.scene, scale)
        return made

    def to_gif(self, scale: float = 1.25, seconds: float = 1.0) -> bytes:
        """Every step as an animated GIF, each shown for ``seconds``; needs matplotlib and Pillow."""
        made: bytes = _raster().gif(self.film, scale, seconds)
        return made

    def save(self, path: str | os.PathLike[str], animate: bool = False) -> Path:
        """Write the file, in the format its name ends in (:data:`FORMATS`); ``animate`` makes an SVG step as well.

        ValueError for another ending or a file that cannot be written; nothing is then left half written.
        """
        suffix = Path(path).suffix.lower()
        if suffix not in FORMATS:
            raise ValueError(
                f"{str(path)!r}: no figure format {suffix or '(no ending)'!r}; there are {', '.join(FORMATS)}"
            )
        if animate and suffix not in STEPPING:
            raise ValueError(f"{str(path)!r}: {suffix} holds one picture; what steps is {', '.join(STEPPING)}")
        content = self.to_stepping_svg() if animate and suffix == ".svg" else FORMATS[suffix](self)
        write_whole(path, content)
        return Path(path)

    # showing ----------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """The layer, the kind and the scene, as plain lists and numbers."""
        return {
            "conv": self.conv.to_dict(), "kind": self.kind, "entry": list(self.entry) if self.entry is not None else None,
            "caption": plain(self.caption), "notes": [plain(note) for note in self.notes], "steps": len(self.steps),
            "scene": self.scene.to_dict(),
        }  # fmt: skip

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def __repr__(self) -> str:
        return f"<{self.kind} figure of {self.conv!r}, {len(self.steps)} steps>"


#: ending -> how the file is made
FORMATS: dict[str, Callable[[Figure], str | bytes]] = {
    ".tikz": lambda shown: shown.within(min(LINE, shown.room)).to_tikz(),
    ".tex": lambda shown: shown.within(min(LINE, shown.room)).to_tex(),
    ".svg": Figure.to_svg, ".png": Figure.to_png, ".gif": Figure.to_gif, ".html": Figure.to_html,
}  # fmt: skip

#: the endings of files that hold every step
STEPPING = (".gif", ".html", ".svg")


def figure(
    conv: Conv,
    kind: str,
    entry: Sequence[int] | None = None,
    axis: int = 0,
    lang: str = "en",
    notation: Notation | str | Mapping[str, Any] | None = None,
    strip: bool = False,
    room: float = ROOM,
) -> Figure:
    """A picture of ``conv``: ``kind`` is one of window, backward, weights, jacobian, depth, relation, border.

    ``entry`` (0-based, spatial) picks what is lit: the entry of y, dx, dw, the row of the Jacobian, or the window o;
    left out, a typical one, or for the last two kinds none. ``axis`` (0-based) is for relation alone. A layer
    of several channels is drawn for one image, channel and filter, and the picture says so. ``notation`` is an author's own
    (:mod:`symconv.mathematics.notation`). ``strip`` draws typical entries side by side, in rows of at most ``room`` cells, for
    the first three kinds.

    Raises ValueError for a kind, language, axis or entry there is not, more than three axes, or a layer too large to read.

    >>> figure(Conv(input=(4, 4), kernel=2), "backward")
    <backward figure of Conv(input=(4, 4), kernel=(2, 2)), 16 steps>
    """
    if kind not in KINDS:
        raise ValueError(f"no figure {kind!r}; there are {', '.join(KINDS)}")
    KINDS[kind].check(conv, kind)
    if kind not in ("relation", "depth") and conv.ndim > 3:
        raise ValueError(f"{kind} draws up to three axes, {conv!r} has {conv.ndim}; relation and depth draw any number")
    if not 0 <= axis < conv.ndim:
        raise ValueError(f"no axis {axis}: {conv!r} has {conv.ndim}, counted from 0")
    one = Conv(**{**conv.to_dict(), "batch": 1, "in_channels": 1, "out_channels": 1, "groups": 1})
    terms = conv.axes[axis].O * conv.axes[axis].K if kind == "relation" else one.terms
    if terms > 100 * MAX_CELLS:
        raise TooLargeError(f"{kind} of {conv!r} is too large to draw: {terms:,} terms, more than {100 * MAX_CELLS:,}")
    own = as_notation(notation)
    with indices_from(own.index_base):
        picture = KINDS[kind].make(conv if kind == "depth" else one, axis, words(lang))
    picture.room = room
    if picture.cells > MAX_CELLS:
        raise TooLargeError(
            f"{kind} of {conv!r} has {picture.cells:,} cells, more than {MAX_CELLS:,}; take a smaller layer"
        )
    chosen = None if entry is None else tuple(entry)
    if chosen is not None:
        space = picture.space
        if len(chosen) != len(space) or not all(0 <= i < n for i, n in zip(chosen, space, strict=True)):
            asked, there = (",".join(str(i + 1) for i in chosen), "x".join(map(str, space)))
            raise ValueError(f"no entry {asked} of {picture.result}: its size is {there}, counted from 1")
    if not strip:
        return Figure(conv, kind, chosen, picture, words(lang), notation=own, room=room)
    if not isinstance(picture, SlidingPicture):
        raise ValueError(f"{kind} has no filmstrip; window, backward and weights have")
    if chosen is not None:
        raise ValueError("a filmstrip shows typical entries; leave the entry out")
    return Figure(conv, kind, None, picture, words(lang), notation=own, strip=places(picture), room=room)


def _raster() -> ModuleType:
    """The writer of PNG and GIF. ValueError where matplotlib or Pillow is missing."""
    try:
        from symconv.figures import raster  # loads matplotlib: heavy, and of the extra "figures"
    except ImportError as error:
        raise ValueError(f"PNG and GIF need matplotlib and Pillow ({error}); install symconv[figures]") from error
    return raster
