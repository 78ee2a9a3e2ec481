"""``symconv bench``: measure symconv against slower ways, as ratios in one run."""

from __future__ import annotations

import click

from symconv.cli.options import echo_json

__all__ = ["command"]


@click.group("bench", short_help="Measure symconv against slower ways, as ratios.")
def command() -> None:
    """Benchmarks: ratios measured in one run on this machine."""


@command.command("derive")
@click.option("--sample", type=click.IntRange(1), default=None,
              help="Take about so many of the reference's 492 derivatives and scale up (all: about a minute).")  # fmt: skip
@click.option(
    "--runs", type=click.IntRange(1, 100), default=5, show_default=True, help="Runs of which the median is told."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def derive(sample: int | None, runs: int, as_json: bool) -> None:
    """Derive and verify, against SymPy's Expr.diff by every entry of x and w, and its growth to a million terms."""
    from rich.console import Console
    from rich.table import Table

    from symconv.bench.derive import REFERENCE, run

    console = Console(stderr=True)
    with console.status("measuring"):
        result = run(sample, runs)
    if as_json:
        echo_json(result.to_dict())
        return
    out = Console(highlight=False)
    note = "" if result.measured == result.variables else f", scaled up from {result.measured} of them"
    out.print(f"{REFERENCE!r}: {REFERENCE.terms:,} terms", soft_wrap=True)
    out.print(f"  Expr.diff by {result.variables} entries   {result.reference_seconds:8.2f} s{note}")
    out.print(f"  derive + verify            {result.reference.seconds:8.4f} s")
    out.print(f"  ratio                      {result.ratio:8,.0f}\n")
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 3, 0, 0))
    for name in ("terms", "seconds", "µs for each term", "peak MiB"):
        table.add_column(name, justify="right")
    for m in result.scales:
        table.add_row(f"{m.terms:,}", f"{m.seconds:.4f}", f"{m.microseconds_per_term:.3f}", f"{m.peak_mib:.0f}")
    out.print(table)
    out.print(f"\nLargest over smallest time for each term: {result.spread_per_term:.2f}")
