"""The options of commands that do many cases at a time: --jobs, --backend, --scheduler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from symconv.audits.spread import BACKENDS

__all__ = ["spread_options"]

F = TypeVar("F", bound=Callable[..., Any])


def spread_options(function: F) -> F:
    """``jobs``, ``backend`` and ``scheduler``: one process unless more are asked for."""
    options = (
        click.option("--jobs", "-j", type=click.IntRange(1, 1000), default=1, show_default=True, help="Processes."),
        click.option("--backend", type=click.Choice(BACKENDS), default="local", show_default=True,
                     help="Here, or a Dask cluster."),
        click.option("--scheduler", metavar="ADDRESS", help="Of the Dask cluster: tcp://10.0.0.1:8786."),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function
