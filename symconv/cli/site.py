"""``symconv site``: the static site, with a playground that needs no server program."""

from __future__ import annotations

from pathlib import Path

import click

from symconv.cli.options import usage_errors
from symconv.files import check_folder
from symconv.site.build import build

__all__ = ["command"]


@click.command("site", short_help="Write the static site: documentation, derivations, explorer, playground.")
@click.option(
    "-o", "--output", "folder", required=True, metavar="FOLDER", type=click.Path(path_type=Path), help="Where to write."
)
@click.option("--node-modules", type=click.Path(path_type=Path, exists=True, file_okay=False), default=None,
              help="A folder with the npm packages pyodide and z3-solver; without it npm gets them.")  # fmt: skip
@click.option("--readme", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=None,
              help="The first page, Markdown.  [default: the package's description]")  # fmt: skip
def command(folder: Path, node_modules: Path | None, readme: Path | None) -> None:
    """Write a site that any web server can show, GitHub Pages among them.

    In the playground a formula is decided in the reader's browser: symconv runs in Pyodide, z3 as WebAssembly. The question
    stands in the address. No file is loaded from elsewhere.

    \b
    symconv site -o site && python3 -m http.server -d site
    """
    with usage_errors("-o "):
        check_folder(folder)
    with usage_errors():
        written = build(folder, node_modules, readme.read_text(encoding="utf-8") if readme else None)
    click.echo(f"{len(written)} files in {folder}; to look at it: python3 -m http.server -d {folder}")
