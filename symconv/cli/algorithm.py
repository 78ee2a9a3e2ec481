"""``symconv algorithm``: the derivation of a fast algorithm for one kernel size, shown or written."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from symconv.cli.options import ALGORITHMS, alternatives, usage_errors
from symconv.fast.points import point_table
from symconv.fast.winograd import derivation
from symconv.files import write_whole

__all__ = ["FORMATS", "command", "derive_algorithm"]

#: how they can be written
FORMATS = ("text", "latex")


@click.command("algorithm", short_help="Derive a fast algorithm for one kernel size.")
@click.argument("name", type=click.Choice(ALGORITHMS))
@click.option("--tile", metavar="SIZE", required=True, help="Outputs of one tile: 4 or 4x2.")
@click.option("--kernel", metavar="SIZE", required=True, help="Taps of the kernel: 3 or 3x5.")
@click.option(
    "--points",
    metavar="NUMBERS",
    default=None,
    help="Interpolate here, as in 0,1,-1,1/2,-2; infinity is always one more.",
)
@click.option("--errors", is_flag=True, help="The measured rounding error for many choices of points instead.")
@click.option(
    "--format", "format", type=click.Choice(FORMATS), default="text", show_default=True, help="How it is written."
)
@click.option(
    "-o",
    "--output",
    "path",
    type=click.Path(dir_okay=False),
    metavar="PATH",
    help="Write there, whole or not at all; .tex means LaTeX.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context  # fmt: skip
def command(
    ctx: click.Context, /, name: str, tile: str, kernel: str, points: str | None, errors: bool, format: str,
    path: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Derive F(tile, kernel): its matrices, the exact check that they compute the correlation, and the count of multiplications.

    \b
    symconv algorithm winograd --tile 4x2 --kernel 3x5 --format latex
    symconv algorithm winograd --tile 4 --kernel 3 --errors
    """
    ctx.exit(0 if derive_algorithm(tile, kernel, points, errors, format, path, as_json) else 1)


def derive_algorithm(
    tile: str, kernel: str, points: str | None, errors: bool, format: str, path: str | None, as_json: bool
) -> bool:
    """Show or write F(tile, kernel) with its matrices, exact check and count of multiplications; whether the check holds.

    With ``errors`` a table of measured errors for many choices of points instead.
    """
    if path is not None and Path(path).suffix.lower() == ".tex":
        format = "latex"
    if format not in FORMATS and not as_json:
        raise click.UsageError(f"an algorithm is written as {' or '.join(FORMATS)}, not {format}")
    if errors and (points is not None or format != "text"):
        raise click.UsageError("--errors is a table of many choices, as text: leave out --points and --format")
    tiles, kernels = _one("tile", tile), _one("kernel", kernel)
    with usage_errors():
        content, ok = (
            _table(tiles, kernels, as_json) if errors else _derivation(tiles, kernels, points, format, as_json)
        )
        if path is not None:
            write_whole(path, content)
            click.echo(f"wrote {path}", err=True)
        else:
            click.echo(content, nl=False)
    return ok


def _derivation(tile: Any, kernel: Any, points: str | None, format: str, as_json: bool) -> tuple[str, bool]:

    result = derivation(tile, kernel, None if points is None else _numbers(points))
    if as_json:
        return _json(result.to_dict()), result.ok
    return result.latex() if format == "latex" else result.text(), result.ok


def _table(tile: Any, kernel: Any, as_json: bool) -> tuple[str, bool]:

    sizes = [value if isinstance(value, int) else tuple(value) for value in (tile, kernel)]
    axes = max(1 if isinstance(size, int) else len(size) for size in sizes)
    each = [{size} if isinstance(size, int) else set(size) for size in sizes]
    if any(len(values) > 1 for values in each):
        raise ValueError(f"--errors needs one size on all axes, got tile {tile}, kernel {kernel}")
    table = point_table(each[0].pop(), each[1].pop(), axes)
    return _json(table.to_dict()) if as_json else table.text(), True


def _json(found: dict[str, Any]) -> str:
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _numbers(text: str) -> list[Fraction]:
    try:
        return [Fraction(part.strip()) for part in text.split(",")]
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"--points {text}: numbers with commas between them, as in 0,1,-1,1/2") from None


def _one(name: str, text: str) -> Any:
    values = alternatives(name, text)
    if len(values) != 1:
        raise click.UsageError(f"--{name} {text}: one size, not a range")
    return values[0]
