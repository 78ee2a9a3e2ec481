"""``symconv derive``: the derivation of one layer, shown or written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from symconv.article import Document, document
from symconv.article.document import FORMATS
from symconv.article.prose import LANGUAGES
from symconv.article.readers.text import WIDTH
from symconv.article.selection import BUDGET
from symconv.cli.options import build_conv, conv_options, usage_errors
from symconv.derive import LOSSES
from symconv.files import write_whole
from symconv.geometry import MAX_TERMS

__all__ = ["command"]

#: what a file's name says of its format
SUFFIXES = {".tex": "latex", ".md": "markdown", ".markdown": "markdown", ".txt": "text", ".html": "html", ".ipynb": "ipynb"}

#: a terminal's width is used between these
NARROW, WIDE = 60, 120

#: what stands out on a terminal, in order: later ones go over earlier ones
HIGHLIGHTS = {
    r"(?m)^.+(?=\n[═─]{3,}$)": "bold",
    r"(?m)^\s*[═─╌]{3,}$": "dim",
    r"(?<![A-Za-z])x(?=[₀-₉\[])[₀-₉,]*": "green",
    r"(?<![A-Za-z])w(?=[₀-₉\[])[₀-₉,]*": "magenta",
    r"(?<![A-Za-z])dy(?=[₀-₉\[])[₀-₉,]*": "cyan",
    r"(?<=[\[⎡⎢⎣ ])0(?=[ ⎤⎥⎦\]])(?=.*[\]⎤⎥⎦])": "dim",
    r"⋮ .*|\([0-9,]+ terms\)$": "dim",
    r"(?m)^✓ .*$": "bold green",
    r"(?m)^✗ .*$": "bold red",
}


@click.command("derive", short_help="Derive y, dx, dw, db and show the derivation.")
@conv_options(ranges=False)
@click.option("--format", "format", type=click.Choice(FORMATS), default="text", show_default=True,
              help="Text for the terminal, a LaTeX document, Markdown with $$ for MathJax, one HTML page, or a notebook. With -o "
                   "the file's name decides where this is not given.")  # fmt: skip
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the words.")
@click.option("--loss", type=click.Choice(list(LOSSES)), default="upstream", show_default=True,
              help="dy given as symbols, or half the squared distance to a target t.")  # fmt: skip
@click.option("--max-terms", default=MAX_TERMS, show_default=True, type=click.IntRange(1), help="Refuse a larger loss.")
@click.option("-o", "--output", "path", type=click.Path(dir_okay=False), metavar="PATH", help="Write there, whole or not at all.")
@click.option("--json", "as_json", is_flag=True, help="The same derivation as JSON, mathematics as LaTeX and as text.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    format: str,
    lang: str,
    loss: str,
    max_terms: int,
    path: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Derive the gradients of one convolution and show the derivation: setting, forward pass, Jacobians, every gradient
    entry, the closed formulas drawn with their zeros, and the check of these formulas against the derivative.

    Long lists are shortened: corners, edges, inside entries and rows that no window reaches stay, and what is left out is
    counted. The exit status is 1 if
    a formula and the derivative differ.

    \b
    symconv derive --input 4 --kernel 2
    symconv derive --input 5x5 --kernel 3x3 --stride 2 --padding 1 -o derivation.tex
    symconv derive --input 3x3 --kernel 2 --in-channels 2 --out-channels 3 --format markdown
    """
    given = ctx.get_parameter_source("format") not in (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
    if as_json and given:
        raise click.UsageError(f"--json and --format {format} exclude each other")
    if path is not None and not given:
        format = SUFFIXES.get(Path(path).suffix.lower(), format)
    conv = build_conv(options)
    width = WIDTH if path is not None else _width()
    budget = max(24, width - (WIDTH - BUDGET)) if format == "text" else BUDGET
    with usage_errors():
        derivation = document(conv, lang, loss, max_terms, budget)
        if path is not None:
            write_whole(path, _json(derivation) if as_json else derivation.render(format))
            click.echo(f"wrote {path}", err=True)
        else:
            _show(_json(derivation) if as_json else derivation.render(format, width), format if not as_json else "json")
    ctx.exit(0 if derivation.ok else 1)


def _json(derivation: Document) -> str:
    return json.dumps(derivation.to_dict(), indent=2, ensure_ascii=False) + "\n"


def _width() -> int:
    """The terminal's width within bounds; a fixed one where the output goes elsewhere."""
    from rich.console import Console

    console = Console()
    return min(max(console.width, NARROW), WIDE) if console.is_terminal else WIDTH


def _show(text: str, format: str) -> None:
    """Text with colours on a terminal, everything else as it is."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    if format != "text" or not console.is_terminal:
        click.echo(text, nl=False)
        return
    shown = Text(text)
    for pattern, style in HIGHLIGHTS.items():
        shown.highlight_regex(pattern, style)
    console.print(shown, soft_wrap=True, end="")
