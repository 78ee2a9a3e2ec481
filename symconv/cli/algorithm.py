"""``symconv derive --algorithm``: the derivation of a fast algorithm for one kernel size, shown or written."""

from __future__ import annotations

import json
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


def derive_algorithm(tile: str | None, kernel: str | None, format: str, path: str | None, as_json: bool) -> bool:
    """Show or write F(tile, kernel) with its matrices, exact check and count of multiplications; whether the check holds."""
    if tile is None or kernel is None:
        missing = " and ".join(f"--{name}" for name, value in (("tile", tile), ("kernel", kernel)) if value is None)
        raise click.UsageError(f"--algorithm needs {missing} too, as in --algorithm winograd --tile 4 --kernel 3")
    if path is not None and Path(path).suffix.lower() == ".tex":
        format = "latex"
    if format not in FORMATS and not as_json:
        raise click.UsageError(f"--algorithm is written as {' or '.join(FORMATS)}, not {format}")
    from symconv.kernels.winograd import derivation

    with usage_errors():
        found = derivation(_one("tile", tile), _one("kernel", kernel))
        if as_json:
            content = json.dumps(found.to_dict(), indent=2, ensure_ascii=False) + "\n"
        else:
            content = found.latex() if format == "latex" else found.text()
        if path is not None:
            write_whole(path, content)
            click.echo(f"wrote {path}", err=True)
        else:
            click.echo(content, nl=False)
    return found.ok


def _one(name: str, text: str) -> Any:
    values = alternatives(name, text)
    if len(values) != 1:
        raise click.UsageError(f"--{name} {text}: one size, not a range")
    return values[0]
