"""``symconv cite``: how the package is cited."""

from __future__ import annotations

import importlib.metadata
import json

import click

from symconv import __version__

__all__ = ["command"]

TITLE = "symconv"
AUTHORS = "The symconv authors"
YEAR = 2026


@click.command("cite", short_help="Say how symconv is cited.")
@click.option(
    "--format",
    "format",
    type=click.Choice(["bibtex", "cff", "text"]),
    default="bibtex",
    show_default=True,
    help="An entry for BibTeX, a CITATION.cff file, or one line.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")  # fmt: skip
def command(format: str, as_json: bool) -> None:
    """Say how this version is cited.

    \b
    symconv cite >> references.bib
    symconv cite --format cff > CITATION.cff
    """
    known = {
        "title": TITLE, "authors": AUTHORS, "year": YEAR, "version": __version__, "license": "MIT",
        "abstract": _summary(),
    }  # fmt: skip
    click.echo(json.dumps(known, indent=2) if as_json else WRITERS[format].format(**known))


def _summary() -> str:
    try:
        return importlib.metadata.metadata("symconv")["Summary"]
    except importlib.metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return "convolution gradients derived symbolically"


WRITERS = {
    "bibtex": """@software{{symconv,
  title   = {{{{{title}}}: {abstract}}},
  author  = {{{{{authors}}}}},
  year    = {{{year}}},
  version = {{{version}}},
  license = {{{license}}},
}}""",
    "cff": """cff-version: 1.2.0
message: If you use this software, please cite it as below.
type: software
title: {title}
abstract: "{abstract}"
authors:
  - name: {authors}
version: {version}
license: {license}""",
    "text": "{authors} ({year}). {title}: {abstract}. Version {version}.",
}
