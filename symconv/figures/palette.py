"""The colours of pictures, by style name, for light and dark pages.

Blue is x, amber w, green y, each with its gradient; the lit form of a style is its strong one. Taps have colours of their
own where a picture tells them apart. No picture rests on colour alone: cells are labelled, lit cells have a heavy edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["BACKGROUND", "STYLES", "TAPS", "Style", "array_style", "style", "tap_style"]


@dataclass(frozen=True, slots=True)
class Style:
    """Colours as (light page, dark page), None for none; ``stroke_width`` in points, ``dash`` in points on and off."""

    fill: tuple[str, str] | None = None
    stroke: tuple[str, str] | None = None
    ink: tuple[str, str] = ("#1c1e21", "#eceff3")
    stroke_width: float = 0.5
    dash: tuple[float, float] | None = None
    bold: bool = False


BACKGROUND = ("#ffffff", "#14171c")

_EDGE = ("#8b929c", "#5d6673")
#: zeros are what pictures are about: 4.5 to 1 against every ground they stand on, lit ones included
_FAINT = ("#646b75", "#98a1ad")
_INK = ("#1c1e21", "#eceff3")
_BLUE, _AMBER, _GREEN, _RED = (
    ("#1f5fa8", "#7db7ff"),
    ("#b35a00", "#ffb54d"),
    ("#1f7a3d", "#6fd08c"),
    ("#b3261e", "#ff8a80"),
)

STYLES: dict[str, Style] = {
    # arrays
    "x": Style(("#e8f1fb", "#1c2b3f"), _EDGE),
    "x-lit": Style(("#a9cdf3", "#2f5f96"), _BLUE, stroke_width=0.9),
    "w": Style(("#fdf1df", "#3a2c18"), _EDGE),
    "w-lit": Style(("#fbcf8d", "#8a5a16"), _AMBER, stroke_width=0.9),
    "y": Style(("#e7f4e9", "#1c3324"), _EDGE),
    "y-lit": Style(("#a8dcb3", "#2c7446"), _GREEN, stroke_width=0.9),
    # zeros
    "inserted": Style(("#ffffff", "#14171c"), ("#c3c8cf", "#3d4550"), ink=_FAINT, stroke_width=0.4),
    "inserted-lit": Style(("#eceef1", "#343c47"), _EDGE, ink=("#4c535d", "#c3cad3"), stroke_width=0.7),
    "border": Style(("#f6f7f8", "#1a1e24"), ("#c3c8cf", "#3d4550"), ink=_FAINT, stroke_width=0.4, dash=(1.6, 1.2)),
    "border-lit": Style(("#e6e8ec", "#343c47"), _EDGE, ink=("#4c535d", "#c3cad3"), stroke_width=0.7, dash=(1.6, 1.2)),
    "echo": Style(("#f4f8fd", "#182230"), ("#c3c8cf", "#3d4550"), stroke_width=0.4, dash=(1.6, 1.2)),
    "echo-lit": Style(("#a9cdf3", "#2f5f96"), _BLUE, stroke_width=0.9, dash=(1.6, 1.2)),
    "cropped": Style(None, ("#c3c8cf", "#3d4550"), ink=_FAINT, stroke_width=0.4, dash=(0.8, 1.4)),
    "ground": Style(("#fbfbfc", "#181c22"), ("#d3d7dc", "#333a44"), stroke_width=0.4),
    "grid": Style(None, ("#e3e6ea", "#2a3039"), stroke_width=0.35),
    "block": Style(None, ("#9aa1ab", "#5d6673"), stroke_width=0.6),
    # what is laid over
    "window": Style(None, _AMBER, stroke_width=1.9),
    "window-corner": Style(ink=("#713800", "#ffe9cc")),
    "result": Style(None, _GREEN, stroke_width=1.9),
    "row": Style(None, _INK, stroke_width=1.4),
    "unreached": Style(None, ("#d9a5a1", "#8f544f"), stroke_width=0.45),
    "zone": Style(("#f0f1f3", "#1f242b"), None),
    "step": Style(("#e9eef5", "#232d3a"), None),
    # lines and text
    "arrow": Style(None, ("#5d6673", "#a4adb9"), stroke_width=0.8),
    "link": Style(None, ("#d9a35f", "#8a6a35"), stroke_width=0.6),
    "axis": Style(None, ("#5d6673", "#a4adb9"), stroke_width=0.7),
    "dimension": Style(None, ("#5d6673", "#a4adb9"), ink=_INK, stroke_width=0.6),
    "ink": Style(ink=_INK),
    "faint": Style(ink=_FAINT),
    "name": Style(ink=_INK),
    "warning": Style(ink=_RED),
}

#: fill light, fill dark, line light, line dark for each tap in turn
TAPS = (
    ("#f9c66b", "#8a5a12", "#a86400", "#ffc766"),
    ("#8fc7ee", "#1f5c8a", "#1769aa", "#8fcdff"),
    ("#9bd6a3", "#2a6b39", "#25803c", "#93dfa2"),
    ("#f2a3b3", "#8a3047", "#b8324f", "#ffa3b8"),
    ("#c5b1ea", "#54408a", "#6a4bb5", "#cdb8ff"),
    ("#d8c29a", "#66522a", "#7d6128", "#e3cda0"),
    ("#86d5d0", "#1d6864", "#117c76", "#86e3dc"),
    ("#f4ae8a", "#8a4520", "#b9501d", "#ffb894"),
    ("#cbd56c", "#5e6618", "#6f7a10", "#dbe67a"),
    ("#b9c0ca", "#4a535f", "#58616d", "#c3ccd8"),
    ("#e5a6de", "#7a3573", "#9a3f92", "#f2b2eb"),
    ("#a7b6f5", "#384a96", "#3f55b8", "#b3c1ff"),
)


def tap_style(tap: int, form: str = "") -> str:
    """The style of tap number ``tap``; form is ``""``, ``"hollow"`` (outline alone) or ``"line"``."""
    return f"tap{tap % len(TAPS)}{'-' * bool(form)}{form}"


def array_style(array: str) -> str:
    """The style of the cells of x, w, y and of their gradients."""
    return array.removeprefix("d")


def _tap_styles() -> Iterator[tuple[str, Style]]:
    for i, (light, dark, line, line_dark) in enumerate(TAPS):
        yield f"tap{i}", Style((light, dark), (line, line_dark), stroke_width=0.6)
        yield (
            f"tap{i}-hollow",
            Style(BACKGROUND, (line, line_dark), ink=(line, line_dark), stroke_width=0.8, dash=(1.4, 1.2)),
        )
        yield f"tap{i}-line", Style(None, (line, line_dark), stroke_width=0.6)


STYLES.update(_tap_styles())


def style(name: str) -> Style:
    """The style of that name; KeyError for another."""
    return STYLES[name]
