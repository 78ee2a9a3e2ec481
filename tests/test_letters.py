"""No letter is too small: seven points in print, eleven pixels on screens, measured on what is written, not on what was meant."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from symconv import Conv
from symconv.article import document
from symconv.article.pictures import PRINT, pictures, room_of
from symconv.figures import KINDS, figure
from symconv.figures.explorer import LIMITS, explorer
from symconv.figures.geometry import smallest
from symconv.figures.kinds import PHONE
from symconv.figures.scene import Text
from symconv.figures.tikz import LARGEST_CELL, tikz
from symconv.site import build as site
from tests.chromium import ask

LAYERS = {
    "1d": Conv(7, 3, stride=2, padding=1),
    "oblong": Conv((5, 7), (3, 2), stride=(2, 1), padding=(1, 0), in_channels=2),
    "3d": Conv((3, 3, 3), 2, padding=1, stride=2),
    "grouped": Conv((4, 4), 3, padding=1, in_channels=4, out_channels=4, groups=2),
    "transposed": Conv((3, 3), 3, stride=2, padding=1, output_padding=1, transposed=True),
    "dilated": Conv((6, 6), 2, dilation=2, padding=1),
    "reflect": Conv((4, 4), 3, padding=1, padding_mode="reflect"),
    "remainder": Conv((5, 6), (3, 2), stride=3),
    "large": Conv((14, 14), 5, padding=2),
}

#: the widths of print: a column of two in points, and a page of its own
WIDTHS = {"column": 240.0, "page": None}


def points(picture: str) -> float:
    """The size of the smallest letters of a ``tikzpicture``: the type is of ten points, its indices are of seven."""
    nodes = re.findall(r"\\node\[[^]]*scale=([\d.]+)\] at \([^)]*\) \{(.*)\};", picture)
    assert nodes
    return min(float(scale) * (7 if re.search(r"[_^]", content) else 10) for scale, content in nodes)


@pytest.mark.parametrize("name", LAYERS)
def test_print_has_no_letter_below_seven_points(name: str) -> None:
    """Every picture of the article, as LaTeX is given it: not wider than the line, its letters not smaller than seven points."""
    told = document(LAYERS[name])
    for width, line in WIDTHS.items():
        room = room_of(line, PRINT)
        shown = [each for section in told.sections for each in pictures(told, section, room)]
        assert shown
        for kind, each in shown:
            drawn = each.to_tikz(min(14.5, each.room * LARGEST_CELL), False)
            assert points(drawn) >= 6.95, (width, kind)
            cell = re.search(r"x=([\d.]+)cm", drawn)
            assert cell
            assert line is None or float(cell[1]) * each.bare.width * 28.4527 <= line + 0.5, (width, kind)


def test_letters_that_are_too_small_are_noticed() -> None:
    scene = figure(LAYERS["oblong"], "window").scene
    assert points(tikz(scene, 30.0)) >= 6.95 > points(tikz(scene, 12.0))


@pytest.mark.parametrize("kind", ["window", "backward", "weights", "depth", "relation"])
def test_a_picture_by_itself_is_laid_out_for_its_line(kind: str, tmp_path: Path) -> None:
    """Twelve centimetres: what can be broken into more rows is, before letters are made smaller."""
    for name in ("oblong", "transposed", "dilated", "remainder"):
        text = figure(LAYERS[name], kind).save(tmp_path / "picture.tikz").read_text(encoding="utf-8")
        assert points(text) >= 6.9, name


#: what is seen on a page, smaller than eleven pixels; a hair less is rounding
SMALL = """
  const found = new Set(), walk = doc.createTreeWalker(doc.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.data.trim(), element = walk.currentNode.parentElement, box = element.getBoundingClientRect();
    if (!text || box.width <= 1 || element.closest("script, style, title, annotation")) continue;
    const svg = element.closest("svg"), scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
    const size = parseFloat(win.getComputedStyle(element).fontSize) * scale;
    if (size < 10.95) found.add(size.toFixed(1) + ": " + text.slice(0, 20));
  }"""


def explorers() -> dict[str, str]:
    largest = {axes: {name: most[axes - 1] for name, (_, *most) in LIMITS.items()} for axes in (1, 2, 3)}
    made = {f"usual{axes}": explorer({"axes": axes, "H": 4}) for axes in (1, 2, 3)}
    return made | {f"large{axes}": explorer(sizes | {"axes": axes, "s": 1, "d": 1}) for axes, sizes in largest.items()}


def steppers() -> dict[str, str]:
    layer = Conv((4, 5), 3, stride=2, padding=1)
    made = {kind: figure(layer, kind).to_html() for kind in KINDS if KINDS[kind].made_for(layer)}
    made["border"] = figure(LAYERS["reflect"], "border").to_html()
    made["3d"] = figure(Conv((2, 3, 2), 2, padding=1), "window").to_html()
    return made


def texts() -> dict[str, str]:
    gallery = site._page("", "", site._gallery([Conv(4, 2), Conv((5, 6), 3, padding=1)]))
    link, style = '<link rel="stylesheet" href="site.css">', f"<style>{site._resource('site.css')}</style>"
    sections = ["gradients", "steps", "channels"]
    article = document(Conv((4, 5), 3, padding=1, in_channels=2), sections=sections).render("html")
    return {"gallery": gallery.replace(link, style), "article": article}


@pytest.mark.parametrize("kind", [explorers, steppers, texts], ids=lambda kind: kind.__name__)
def test_screens_have_no_letter_below_eleven_pixels(kind: Callable[[], dict[str, str]], tmp_path: Path) -> None:
    """On a phone and on a desk, as the browser lays it out: explorer, steppers, gallery and an article's mathematics."""
    made = kind()
    wrong = figure(Conv((4, 5), 3, padding=1), "window").to_html()
    made["broken"] = wrong.replace("min-width:", "broken:").replace(".picture", ".none")
    frames = "".join(
        f'<iframe data-name="{name}@{size}" width="{size}" height="900" style="border:0" srcdoc="{html.escape(page)}"></iframe>'
        for name, page in made.items()
        for size in (390, 1280)
    )
    script = f"""answer.small = {{}};
    for (const frame of document.querySelectorAll("iframe")) {{
      const win = frame.contentWindow, doc = frame.contentDocument;{SMALL}
      if (found.size) answer.small[frame.dataset.name] = [...found].slice(0, 3);
    }}"""
    answer = ask(f"<!DOCTYPE html><html><head></head><body>{frames}</body></html>", script, tmp_path)
    assert answer["problems"] == []
    assert set(answer["small"]) == {"broken@390"}, answer["small"]


def test_what_is_said_under_a_matrix_is_enlarged_with_it() -> None:
    """The equation of a row and the notes are shrunk with the matrix, so they are set as much larger."""
    for room in (9.0, 12.0, 24.0):
        for conv in (Conv((4, 4), 2, stride=3), Conv((4, 4), 2)):
            scene = figure(conv, "jacobian", entry=(0, 0), room=room).scene
            assert smallest(scene) * min(1.0, room / scene.width) >= 0.66
            assert all(item.x >= 0 for item in scene.items if isinstance(item, Text))


def test_pictures_are_narrowed_for_phones() -> None:
    """Eight cells across: only what cannot be broken is wider, and slices, signs and texts go into as many rows as they need."""
    for name, conv in LAYERS.items():
        if name in ("large", "1d"):
            continue
        for kind in ("window", "backward", "weights"):
            scene = figure(conv, kind, room=PHONE).scene
            slide = figure(conv, kind).picture.slide  # type: ignore[attr-defined]
            arrays = (slide.operand.extent, slide.filter.extent, slide.space)
            widest = max(
                PHONE + 1.0, *(array[-1] + 2.0 for array in arrays)
            )  # a letter of the sign that stands before it
            assert scene.width <= widest + 1e-6, (name, kind)
