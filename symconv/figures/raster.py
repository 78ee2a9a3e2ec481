"""Writer: scenes as PNG and as animated GIF, drawn by matplotlib with the fonts it brings along (extra ``figures``).

What no step changes is drawn once.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Polygon, Rectangle
from matplotlib.text import Text as Artist
from PIL import Image

from symconv.figures.geometry import CORNER_BASE, corner_size, dimension_lines, hatching, head, label_size
from symconv.figures.palette import BACKGROUND, STYLES
from symconv.figures.scene import UNIT, Brace, Cell, Disc, Film, Item, Line, Rect, Scene, Text
from symconv.figures.svg import SCALE
from symconv.mathematics.latex import latex
from symconv.mathematics.markup import Content
from symconv.mathematics.tree import Math

__all__ = ["MAX_PIXELS", "gif", "png"]

#: pictures with more pixels than this are refused
MAX_PIXELS = 40_000_000

FACE, MATHEMATICS = "STIXGeneral", "stix"


class Canvas:
    """A picture of one size that items are drawn on; ``pixels`` is the side of a cell."""

    def __init__(self, width: float, height: float, pixels: float) -> None:

        if width * height * pixels**2 > MAX_PIXELS:
            raise ValueError(
                f"a picture of {width * pixels:.0f} x {height * pixels:.0f} pixels has more than {MAX_PIXELS:,}; "
                "take a smaller scale"
            )
        # 72 dots to the inch: a point is then a pixel
        figure = Figure(
            figsize=(round(width * pixels) / 72, round(height * pixels) / 72), dpi=72, facecolor=BACKGROUND[0]
        )
        self.agg: Any = FigureCanvasAgg(figure)
        self.axes: Any = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        self.axes.set_axis_off()
        self.pixels = pixels
        self.point = pixels / UNIT
        self.keep(fresh=True)

    def draw(self, items: Iterable[Item]) -> None:
        """The items on top of what is there."""
        for item in items:
            WRITERS[type(item)](self, item)

    def add(self, artist: Any) -> None:
        self.axes.add_artist(artist)
        self.axes.draw_artist(artist)
        artist.remove()

    def keep(self, fresh: bool = False) -> None:
        """What is there now (the empty ground when ``fresh``) becomes the ground of later pictures."""
        if fresh:
            self.agg.draw()
        self.blank = self.agg.copy_from_bbox(self.axes.figure.bbox)

    def clear(self) -> None:
        self.agg.restore_region(self.blank)

    def image(self) -> Any:

        width, height = self.agg.get_width_height()
        return Image.frombytes("RGBA", (width, height), bytes(self.agg.buffer_rgba())).convert("RGB")

    # items ------------------------------------------------------------------------------------------------------------

    def look(self, style: str) -> dict[str, Any]:
        chosen = STYLES[style]
        return {
            "facecolor": chosen.fill[0] if chosen.fill else "none",
            "edgecolor": chosen.stroke[0] if chosen.stroke else "none",
            "linewidth": chosen.stroke_width * self.point if chosen.stroke else 0,
            "linestyle": (0, tuple(value / chosen.stroke_width for value in chosen.dash)) if chosen.dash else "-",
        }

    def box(self, x: float, y: float, width: float, height: float, style: str) -> None:

        self.add(Rectangle((x, y), width, height, joinstyle="miter", **self.look(style)))

    def text(self, x: float, y: float, content: Content, style: str, size: float, anchor: str = "middle") -> None:

        written = "".join(
            part.replace("$", r"\$").replace("\u202f", " ") if isinstance(part, str) else f"${mathtext(part)}$"
            for part in content
        )
        points = 10 * size * self.point
        place: Any = {"middle": "center", "start": "left", "end": "right"}[anchor]
        self.add(Artist(
            x, y + 0.33 * points / self.pixels, written, color=STYLES[style].ink[0], fontsize=points, fontfamily=FACE,
            math_fontfamily=MATHEMATICS, horizontalalignment=place, verticalalignment="baseline", usetex=False,
        ))  # fmt: skip

    def cell(self, item: Cell) -> None:
        style = f"{item.style}-lit" if item.lit else item.style
        self.box(item.x, item.y, 1, 1, style)
        if item.label:
            size, lift = label_size(item)
            self.text(item.x + 0.5, item.y + 0.5 - lift, item.label, style, size)
        if item.corner:
            self.text(item.x + 0.95, item.y + CORNER_BASE, item.corner, "window-corner", corner_size(item), "end")

    def rect(self, item: Rect) -> None:
        self.box(item.x, item.y, item.width, item.height, item.style)
        if item.hatched:
            for (x1, y1), (x2, y2) in hatching(item):
                self.stroke(x1, y1, x2, y2, item.style)

    def stroke(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:

        look = self.look(style)
        self.add(
            Line2D(
                [x1, x2], [y1, y2], color=look["edgecolor"], linewidth=look["linewidth"], linestyle=look["linestyle"]
            )
        )

    def line(self, item: Line) -> None:

        self.stroke(item.x1, item.y1, item.x2, item.y2, item.style)
        for corners in head(item):
            self.add(Polygon(corners, closed=True, facecolor=self.look(item.style)["edgecolor"], edgecolor="none"))

    def brace(self, item: Brace) -> None:
        for line in dimension_lines(item):
            self.line(line)

    def disc(self, item: Disc) -> None:

        self.add(Circle((item.x, item.y), item.radius, **self.look(item.style)))
        if item.label:
            self.text(item.x, item.y, item.label, item.style, 2.1 * item.radius)

    def words(self, item: Text) -> None:
        self.text(item.x, item.y, item.content, item.style, item.size, item.anchor)


def mathtext(math: Math) -> str:
    """LaTeX as matplotlib reads it."""
    return latex(math).replace(r"\thinspace", r"\,").replace(r"\bmod", r"\operatorname{mod}")


WRITERS: dict[type[Item], Callable[[Canvas, Any], None]] = {
    Cell: Canvas.cell, Rect: Canvas.rect, Line: Canvas.line, Brace: Canvas.brace, Disc: Canvas.disc, Text: Canvas.words,
}  # fmt: skip


@contextmanager
def _own_settings() -> Iterator[None]:
    """matplotlib as it comes, whatever the user's settings file says."""
    with matplotlib.style.context("default"):
        yield


def png(scene: Scene, scale: float = 2.0) -> bytes:
    """One scene as PNG, ``44*scale`` pixels for a cell."""
    with _own_settings():
        canvas = Canvas(scene.width, scene.height, SCALE * scale)
        canvas.draw(scene.items)
        stream = io.BytesIO()
        canvas.image().save(stream, "PNG", optimize=True)
    return stream.getvalue()


def gif(film: Film, scale: float = 1.25, seconds: float = 1.0) -> bytes:
    """The film as a GIF that goes round for ever."""
    first = film.scenes[0]
    images = []
    with _own_settings():
        canvas = Canvas(first.width, first.height, SCALE * scale)
        canvas.draw(film.backdrop)
        canvas.keep()
        for step in range(len(film.scenes)):
            canvas.clear()
            canvas.draw(film.changing(step))
            images.append(canvas.image())
        frames = indexed(images)
        stream = io.BytesIO()
        frames[0].save(
            stream,
            "GIF",
            save_all=True,
            append_images=frames[1:],
            duration=round(1000 * seconds),
            loop=0,
            optimize=False,
        )
    return stream.getvalue()


def indexed(images: Sequence[Any]) -> list[Any]:
    """The images with one table of 255 colours, each pixel in the nearest: what stands still then stays the same."""

    width, height = images[0].size
    sample = [images[i] for i in sorted({0, len(images) // 2, len(images) - 1})]
    sheet = Image.new("RGB", (width, height * len(sample)))
    for row, image in enumerate(sample):
        sheet.paste(image, (0, row * height))
    table = sheet.quantize(colors=255, dither=Image.Dither.NONE).getpalette() or []
    colours = np.array(table, dtype=np.int64).reshape(-1, 3)
    result = []
    for image in images:
        values = np.asarray(image, dtype=np.int64)
        seen, where = np.unique((values << [16, 8, 0]).sum(axis=-1), return_inverse=True)
        apart = seen[:, None] >> [16, 8, 0] & 255
        nearest = ((apart[:, None, :] - colours[None, :, :]) ** 2).sum(axis=-1).argmin(axis=-1)
        frame = Image.fromarray(nearest[where].astype(np.uint8).reshape(height, width))
        frame.putpalette(table)
        result.append(frame)
    return result
