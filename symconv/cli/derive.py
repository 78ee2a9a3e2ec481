"""``symconv derive``: the derivation of one layer, shown or written."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console
from rich.text import Text

from symconv.article import Document, document
from symconv.article.case import TOLD
from symconv.article.formats.markdown import DIALECTS
from symconv.article.formats.text import WIDTH
from symconv.article.sections.notation import bibtex
from symconv.article.selection import BUDGET
from symconv.article.write import DETAILS, FORMATS, SECTIONS
from symconv.cli.layout import LAYOUT, layout_of, layout_options
from symconv.cli.options import ALGORITHMS, as_value_errors, build_conv, conv_options, usage_errors
from symconv.files import write_all, write_whole
from symconv.layer.conv import MAX_TERMS
from symconv.mathematics.notation import GRADIENTS, INDICES, OPERATORS, PRESETS, Notation, notation
from symconv.prose import LANGUAGES, reworded

__all__ = ["command", "document_of"]

#: what a file's name says of its format
SUFFIXES = {".tex": "latex", ".md": "markdown", ".markdown": "markdown", ".txt": "text", ".html": "html", ".pdf": "pdf",
            ".ipynb": "ipynb"}  # fmt: skip

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


def _no_forward(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Who knows the option from prove is told where it is."""
    if value is not None:
        raise click.UsageError("--forward: a derivation tells of the layer's own forward pass; symconv prove, verify and audit "
                               "take another one as the truth")  # fmt: skip


@click.command("derive", short_help="Derive y, dx, dw, db and show the derivation.")
@conv_options(ranges=False, required=False)
@click.option("--algorithm", type=click.Choice(ALGORITHMS), default=None, hidden=True)  # now a command of its own
@click.option("--tile", default=None, hidden=True)
@click.option("--points", default=None, hidden=True)
@click.option("--errors", is_flag=True, hidden=True)
@click.option("--format", "format", type=click.Choice((*FORMATS, "pdf")), default="text", show_default=True,
              help="Text for the terminal, a LaTeX document, Markdown with $$ for MathJax, one HTML page, a notebook, or a "
                   "PDF, for which TeX must be installed. With -o the file's name decides where this is not given.")  # fmt: skip
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the words.")
@click.option("--loss", type=click.Choice(TOLD), default="upstream", show_default=True,
              help="dy given as symbols, or half the squared distance to a target t.")  # fmt: skip
@click.option(
    "--max-terms",
    default=MAX_TERMS,
    show_default=True,
    type=click.IntRange(1),
    help="Show the entries of a shorter layer where the loss has more.",
)
@click.option("--sections", metavar="NAMES", help=f"Only these, with commas between them: {', '.join(SECTIONS)}.")
@click.option("--detail", type=click.Choice(DETAILS), default="full", show_default=True,
              help="Everything about the layer, or without what repeats and supports the main line; all: also what the layer "
                   "does not have, on small examples.")  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="Short for --detail all.")
@click.option("--notation", "preset", metavar="NAME|FILE", help=f"An author's notation: {', '.join(PRESETS)}, or a TOML file "
              "with the keys of these options.")  # fmt: skip
@click.option("--letters", metavar="LETTERS", help=r"Other letters, as in x=a,w=\theta,y=z,dy=\delta,o=ij.")
@click.option("--index-base", "index_base", type=click.IntRange(0, 1), help="The first index.  [default: 1]")
@click.option("--gradient", type=click.Choice(GRADIENTS), help="dx, ∂L/∂x, ∇L or δ.  [default: dx]")
@click.option("--operator", metavar="SIGN", help=f"The sign of correlation: {', '.join(OPERATORS)}.")
@click.option("--index", "index", type=click.Choice(INDICES), help="Where indices stand.  [default: subscript]")
@click.option("--forward", hidden=True, expose_value=False, callback=_no_forward)
@click.option("--assume", metavar="COMPARISONS", default="",
              help='Restrict the theorem to sizes with "p == 0, K odd"; the layer has to be one of them.')  # fmt: skip
@click.option("--gradient-check", "gradient_check", is_flag=True,
              help="End the listing with lines that print the relative error of each gradient.")  # fmt: skip
@layout_options
@click.option(
    "--fragment", is_flag=True, help="LaTeX without the frame of a document, for \\input; or HTML for another page."
)
@click.option("--dialect", type=click.Choice(tuple(DIALECTS)), help="Of Markdown: for any page with MathJax (plain), for Jekyll "
              "(kramdown), GitHub, MyST or Quarto.  [default: plain, jekyll with --front-matter]")  # fmt: skip
@click.option("--front-matter", "front_matter", multiple=True, metavar="KEY=VALUE",
              help="Begin Markdown with these keys, as YAML: --front-matter title=... date=... categories=...")  # fmt: skip
@click.argument("more", nargs=-1, metavar="")
@click.option(
    "-o", "--output", "path", type=click.Path(dir_okay=False), metavar="PATH", help="Write there, whole or not at all."
)
@click.option("--json", "as_json", is_flag=True, help="The same derivation as JSON, mathematics as LaTeX and as text.")
@click.pass_context
def command(
    ctx: click.Context, /, format: str, lang: str, loss: str, max_terms: int, sections: str | None, gradient_check: bool,
    path: str | None, as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Derive the gradients of one convolution and show the derivation: setting, forward pass, one dimension in full, the index
    derivation step by step, stride, padding and dilation, depth, the closed formulas with their theorem, and the kernel with its
    checks.

    Long lists are shortened: corners, edges, inside entries and rows that no window reaches stay, and what is left out is
    counted. The exit status is 1 if a formula and the derivative differ.

    \b
    symconv derive --input 4 --kernel 2
    symconv derive --input 5x5 --kernel 3x3 --stride 2 --padding 1 -o derivation.tex
    symconv derive --input 3x3 --kernel 2 --in-channels 2 --out-channels 3 --format markdown
    symconv derive --input 4x4 --kernel 2x2 --lang fr -o derivation.pdf
    symconv derive --input 4x4 --kernel 2x2 --sections forward,gradients --fragment
    symconv derive --input 4 --kernel 2 --front-matter date=2024-05-01 categories=maths
    """
    _instead_an_algorithm(ctx, options, format, path, as_json)
    shown = {name: options.pop(name) for name in ("fragment", "dialect", "front_matter", "more")}
    noted = {name: options.pop(name) for name in ("preset", "letters", "index_base", "gradient", "operator", "index")}
    laid = {name: options.pop(name) for name in LAYOUT}
    code, heading, assume = (options.pop(name) for name in ("code", "heading", "assume"))
    everything, detail = options.pop("everything"), options.pop("detail")
    page = _page(**shown)
    format = _format(ctx, format, path, as_json, shown["fragment"], shown["dialect"], page)
    vocabulary = options.pop("vocabulary")
    conv = build_conv(options)
    width = WIDTH if path is not None else _width()
    budget = max(24, width - (WIDTH - BUDGET)) if format == "text" else BUDGET
    names = _names(sections)
    if laid["bib"] is not None and path is None:
        raise click.UsageError(f"--bib {laid['bib']} is for LaTeX that is written with -o PATH")
    if format == "pdf" and path is None and sys.stdout.isatty():
        raise click.UsageError("--format pdf is not text for a terminal; give -o PATH")
    with usage_errors():
        lang = reworded(lang, vocabulary)
        own = _notation(noted.pop("preset"), noted.pop("letters"), noted)
        derivation = document(conv, lang, loss, max_terms, budget, names, "all" if everything else detail,
                              gradient_check, own, None, layout_of(laid, format, path), code, heading,
                              assume)  # fmt: skip
        content: str | bytes
        if as_json:
            content = _json(derivation)
        elif format == "pdf":
            content = derivation.to_pdf()
        else:
            dialect = shown["dialect"] or ("jekyll" if page else "plain")
            content = derivation.render(format, width if path is None else None, fragment=shown["fragment"], dialect=dialect,
                                        front_matter=page)  # fmt: skip
        if path is not None:
            _write(derivation, format, path, content, laid["bib"])
            click.echo(f"wrote {path}" + (f" and {laid['bib']}" if laid["bib"] else ""), err=True)
        elif isinstance(content, bytes):
            click.echo(content, nl=False)
        else:
            _show(content, "json" if as_json else format)
    ctx.exit(0 if derivation.ok else 1)


def _write(derivation: Document, format: str, path: str, content: str | bytes, bib: str | None = None) -> None:
    """The file, and the pictures of Markdown or the works as BibTeX beside it: all of them or none."""
    if bib is not None:
        write_all({Path(bib): bibtex(), Path(path): content}, folders=False)
        return
    beside = derivation.figure_files() if format == "markdown" else {}
    if not beside:
        write_whole(path, content)
        return
    folder, stem = Path(path).parent, Path(path).stem
    write_all({**{folder / f"{stem}-{name}": svg for name, svg in beside.items()}, Path(path): content}, folders=False)


def document_of(words: Sequence[str]) -> Document:
    """The derivation that words of a command line ask for (--format and -o aside); ValueError where they ask for none."""
    try:
        with command.make_context("symconv derive", list(words)) as ctx:
            given = dict(ctx.params)
    except click.ClickException as error:
        raise ValueError(error.format_message()) from error
    with as_value_errors():
        noted = {name: given[name] for name in ("index_base", "gradient", "operator", "index")}
        names = _names(given["sections"])
        detail = "all" if given["everything"] else given["detail"]
        own = _notation(given["preset"], given["letters"], noted)
        lang = reworded(given["lang"], given["vocabulary"])
        return document(build_conv(given), lang, given["loss"], given["max_terms"], BUDGET, names, detail,
                        given["gradient_check"], own, None, layout_of(given, "", None), given["code"],
                        given["heading"], given["assume"])  # fmt: skip


def _names(sections: str | None) -> list[str] | None:
    """The sections that are named."""
    return None if sections is None else [name.strip() for name in sections.split(",") if name.strip()]


def _page(
    fragment: bool, dialect: str | None, front_matter: tuple[str, ...], more: tuple[str, ...]
) -> dict[str, str] | None:
    """The front matter; what follows it without an option of its own belongs to it."""
    if more and not front_matter:
        raise click.UsageError(f"what is {' '.join(more)}? Sizes are given as options; see symconv derive --help")
    return _front_matter((*front_matter, *more)) if front_matter else None


def _format(
    ctx: click.Context, format: str, path: str | None, as_json: bool, fragment: bool, dialect: str | None,
    page: dict[str, str] | None,
) -> str:  # fmt: skip
    """The format: what is asked for, what the options need, or what the file's name says, in that order."""
    given = ctx.get_parameter_source("format") not in (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
    if as_json and given:
        raise click.UsageError(f"--json and --format {format} exclude each other")
    by_name = SUFFIXES.get(Path(path).suffix.lower()) if path is not None else None
    asked: dict[str, tuple[tuple[str, ...], Any]] = {
        "--fragment": (("latex", "html"), fragment),
        "--front-matter": (("markdown",), page),
        "--dialect": (("markdown",), dialect),
    }
    for option, (fitting, wanted) in asked.items():
        if not wanted:
            continue
        if as_json or (given and format not in fitting):
            other = "--json" if as_json else f"--format {format}"
            raise click.UsageError(f"{option} is for {' or '.join(fitting)}, not for {other}")
        if not given:
            format, given = by_name if by_name in fitting else fitting[0], True
    return by_name if by_name is not None and not given else format


def _instead_an_algorithm(
    ctx: click.Context, options: dict[str, Any], format: str, path: str | None, as_json: bool
) -> None:
    """The older spelling of ``symconv algorithm``, whose options are taken out; and what a layer needs."""
    algorithm, tile, points, errors = (options.pop(name) for name in ("algorithm", "tile", "points", "errors"))
    if algorithm is not None:
        from symconv.cli.algorithm import derive_algorithm  # heavy: it loads SymPy

        tile, kernel = _of_algorithm(ctx, algorithm, tile, options["kernel"])
        ctx.exit(0 if derive_algorithm(tile, kernel, points, errors, format, path, as_json) else 1)
    for name, given in (("tile", tile is not None), ("points", points is not None), ("errors", errors)):
        if given:
            raise click.UsageError(
                f"--{name} is about a fast algorithm: symconv algorithm {ALGORITHMS[0]} --{name} ..."
            )
    for name in ("input", "kernel"):
        if options[name] is None:
            raise click.UsageError(f"Missing option '--{name}'.")


def _of_algorithm(ctx: click.Context, algorithm: str, tile: str | None, kernel: str | None) -> tuple[str, str]:
    """Tile and kernel of the older spelling, with which no option about layers goes."""
    fitting = {"algorithm", "tile", "kernel", "points", "errors", "format", "path", "as_json"}
    for parameter in ctx.command.params:
        name = parameter.name or ""
        if name not in fitting and ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = max(parameter.opts, key=len)
            raise click.UsageError(f"{option} does not go with --algorithm; see symconv algorithm --help")
    if tile is None or kernel is None:
        missing = " and ".join(f"--{name}" for name, value in (("tile", tile), ("kernel", kernel)) if value is None)
        raise click.UsageError(
            f"--algorithm needs {missing} too, as in symconv algorithm {algorithm} --tile 4 --kernel 3"
        )
    return tile, kernel


def _notation(preset: str | None, letters: str | None, options: dict[str, Any]) -> Notation:
    """The notation of a preset or file with single options put over it."""
    table = notation(preset).to_dict()
    table |= {name: value for name, value in options.items() if value is not None}
    for pair in (letters or "").split(",") if letters else ():
        if "=" not in pair:
            raise click.UsageError(f"--letters {letters[:60] if letters else ''}: it is written x=a,w=\\theta")
        name, letter = pair.split("=", 1)
        table["letters"] = {**table["letters"], name.strip(): letter}
    return notation(table)


def _front_matter(pairs: tuple[str, ...]) -> dict[str, str]:
    """``title=... date=...`` as a table."""
    for pair in pairs:
        if "=" not in pair:
            raise click.UsageError(f"--front-matter {pair}: it is written key=value")
    return dict(pair.split("=", 1) for pair in pairs)


def _json(derivation: Document) -> str:
    return json.dumps(derivation.to_dict(), indent=2, ensure_ascii=False) + "\n"


def _width() -> int:
    """The terminal's width within bounds; a fixed one where the output goes elsewhere."""

    console = Console()
    return min(max(console.width, NARROW), WIDE) if console.is_terminal else WIDTH


def _show(text: str, format: str) -> None:
    """Text with colours on a terminal, everything else as it is."""

    console = Console(highlight=False)
    if format != "text" or not console.is_terminal:
        click.echo(text, nl=False)
        return
    shown = Text(text)
    for pattern, style in HIGHLIGHTS.items():
        shown.highlight_regex(pattern, style)
    console.print(shown, soft_wrap=True, end="")
