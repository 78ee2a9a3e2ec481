"""``symconv derive --algorithm``: the derivation of a fast algorithm for one kernel size, shown or written."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from symconv.cli.options import alternatives, usage_errors
from symconv.files import write_whole

__all__ = ["ALGORITHMS", "FORMATS", "derive_algorithm"]

#: algorithms that can be derived
ALGORITHMS = ("winograd",)

#: how they can be written
FORMATS = ("text", "latex")


def derive_algorithm(
    tile: str | None,
    kernel: str | None,
    points: str | None,
    errors: bool,
    format: str,
    path: str | None,
    as_json: bool,
) -> bool:
    """Show or write F(tile, kernel) with its matrices, exact check and count of multiplications; whether the check holds.

    With ``errors`` a table of measured errors for many choices of points instead.
    """
    if tile is None or kernel is None:
        missing = " and ".join(f"--{name}" for name, value in (("tile", tile), ("kernel", kernel)) if value is None)
        raise click.UsageError(f"--algorithm needs {missing} too, as in --algorithm winograd --tile 4 --kernel 3")
    if path is not None and Path(path).suffix.lower() == ".tex":
        format = "latex"
    if format not in FORMATS and not as_json:
        raise click.UsageError(f"--algorithm is written as {' or '.join(FORMATS)}, not {format}")
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
    from symconv.fast.winograd import derivation

    found = derivation(tile, kernel, None if points is None else _numbers(points))
    if as_json:
        return _json(found.to_dict()), found.ok
    return found.latex() if format == "latex" else found.text(), found.ok


def _table(tile: Any, kernel: Any, as_json: bool) -> tuple[str, bool]:
    from symconv.fast.points import point_table

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
