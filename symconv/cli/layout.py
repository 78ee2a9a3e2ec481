"""The options of an author's own page: width, depth of headings, labels, theorem, pictures, listing, title."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import click

from symconv.article.layout import CODE, FIGURES, Layout, millimetres

__all__ = ["LAYOUT", "layout_of", "layout_options"]

F = TypeVar("F", bound=Callable[..., Any])

#: the options by the names under which they arrive
LAYOUT = ("width", "level", "prefix", "theorem", "figures", "figure_path", "bib", "explorer")


def layout_options(function: F) -> F:
    """The options of this module."""
    for option in reversed((
        click.option("--width", metavar="MM|column", help="Lines this wide, in type of ten points: displays are broken, "
                     "tables and pictures fitted to it; column is one of two columns."),
        click.option("--level", type=click.IntRange(1, 3), default=1, show_default=True, help="How deep the sections are."),
        click.option("--prefix", metavar="LABEL", help="Begins every label of LaTeX.  [default: the layer's sizes]"),
        click.option("--theorem", metavar="NAME|none", default="theorem", show_default=True,
                     help="The environment of the theorem; none sets it as paragraphs."),
        click.option("--figures", type=click.Choice(FIGURES), default=None, help="Pictures of Markdown: SVG files beside the "
                     "file that is written, in the text, or none.  [default: files with -o]"),
        click.option("--figure-path", metavar="PATH", default=None,
                     help="What the address of a picture begins with, as /assets/."),
        click.option("--code", type=click.Choice(CODE), default="formulas", show_default=True, help="What the listing shows."),
        click.option("--bib", metavar="FILE.bib", default=None, help="Write the works cited as BibTeX, and have LaTeX take them "
                     "from there."),
        click.option("--explorer", metavar="ADDRESS", default=None,
                     help="Link HTML and Markdown to an explorer there, at these sizes."),
        click.option("--vocabulary", metavar="THING=WORD,...", default=None,
                     help="Other words for the same things: padding=remplissage, kernel=filtre in French."),
        click.option("--title", "heading", metavar="TEXT", help="A title of your own."),
    )):  # fmt: skip
        function = option(function)
    return function


def layout_of(options: dict[str, Any], format: str, path: str | None) -> Layout:
    """The layout that the options describe, for a format and the file that is written; ValueError for what cannot be."""
    figures, address = options["figures"], options["figure_path"]
    if figures == "files" and (path is None or format != "markdown"):
        raise click.UsageError("--figures files is for Markdown that is written with -o PATH")
    if figures is None and format == "markdown":
        figures = "none" if path is None else "files"
    Layout(path=address or "")  # what is wrong with it is said of it alone
    stem = "" if path is None else f"{quote(Path(path).stem)}-"
    return Layout(millimetres(options["width"]), options["level"], options["prefix"], options["theorem"], figures,
                  (address or "") + stem, bibliography(options["bib"], format), options["explorer"])  # fmt: skip


def bibliography(path: str | None, format: str) -> str | None:
    """The name under which LaTeX reads a file of BibTeX; UsageError where no LaTeX is written beside it."""
    if path is None:
        return None
    if format != "latex" or Path(path).suffix != ".bib":
        raise click.UsageError(f"--bib {path}: a file that ends in .bib, for LaTeX")
    return Path(path).stem
