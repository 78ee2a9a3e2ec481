"""``symconv vectors``: conformance vectors for implementations in any language."""

from __future__ import annotations

from pathlib import Path

import click

from symconv.cli.options import echo_json, usage_errors
from symconv.courses.vectors import SETS, vectors, write_vectors
from symconv.files import check_folder

__all__ = ["command"]


@click.command("vectors", short_help="Write test cases in exact small integers, for any language.")
@click.option("-o", "--output", "folder", default="vectors", show_default=True, metavar="FOLDER",
              type=click.Path(path_type=Path), help="Where to write.")  # fmt: skip
@click.option("--set", "name", type=click.Choice(SETS), default="minimal", show_default=True,
              help="The fewest cases that show every known mistake, or the quick grid.")  # fmt: skip
@click.option("--format", "formats", type=click.Choice(["npz", "json"]), multiple=True, help="Both, unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: written, cases.")
def command(folder: Path, name: str, formats: tuple[str, ...], as_json: bool) -> None:
    """Write cases of every kind of layer with x, w, b, dy and the right y, dx, dw, db, ddy, ddx, ddw.

    1-D to 3-D, strides, paddings before and after, dilation, groups, transposed, every padding mode. Each number is an integer
    of at most 256, as is every partial sum: exact in float16, bfloat16, float32 and float64. NAME.json has the layer, arrays as
    shape and entries in C order, and the known mistakes that the case shows; NAME.npz the same arrays; index.json lists all.

    \b
    symconv vectors -o vectors
    symconv vectors --set quick --format json -o vectors
    """
    with usage_errors("-o "):
        check_folder(folder)
    cases = vectors(name)
    with usage_errors():
        paths = write_vectors(folder, cases, formats or ("npz", "json"))
    if as_json:
        echo_json({"written": [str(path) for path in paths], "cases": [case.name for case in cases]})
        return
    shown = len({key for case in cases for key in case.catches})
    click.echo(
        f"{len(cases)} cases in {folder}: they show {shown} known mistakes. Every number is exact in float16 and bfloat16."
    )
