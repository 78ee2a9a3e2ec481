"""``symconv bench``: measure symconv against slower ways, as ratios in one run."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from symconv.bench.commands import COMMANDS
from symconv.bench.commands import run as run_commands
from symconv.bench.derive import REFERENCE
from symconv.bench.derive import run as run_derive
from symconv.bench.kernels import run as run_kernels
from symconv.bench.show import choices_table, layers_table, picture
from symconv.bench.suite import QUICK, SUITE
from symconv.cli.options import echo_json, usage_errors
from symconv.files import write_whole

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

    console = Console(stderr=True)
    with console.status("measuring"):
        result = run_derive(sample, runs)
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


@command.command("cli")
@click.option(
    "--command", "names", multiple=True, metavar="NAME", help=f"Only this one; may be repeated: {'; '.join(COMMANDS)}."
)
@click.option(
    "--runs", type=click.IntRange(1, 100), default=3, show_default=True, help="Runs of which the median is told."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")  # fmt: skip
def cli(names: tuple[str, ...], runs: int, as_json: bool) -> None:
    """The commands as whole processes, as ratios to `python -c "import sympy"`, beside the last release."""

    with usage_errors(), Console(stderr=True).status("measuring") as status:
        result = run_commands(names, runs, lambda name: status.update(f"measuring {name}"))
    if as_json:
        echo_json(result.to_dict())
        return
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 3, 0, 0))
    for name in ("", "seconds", "processor", "ratio", f"ratio in {result.release}"):
        table.add_column(name, justify="right" if name else "left")
    for each in (result.reference, *result.commands):
        before = "" if each.before is None else f"{each.before:.2f}"
        table.add_row(each.name, f"{each.seconds:.2f}", f"{each.processor:.2f}", f"{each.ratio:.2f}", before)
    Console(highlight=False).print(table)


@command.command("kernels")
@click.option("--layer", "layers", multiple=True, metavar="NAME", help="Only this layer of the suite; may be repeated.")
@click.option("--quick", is_flag=True, help="A few layers and rounds: about ten seconds.")
@click.option("--rounds", type=click.IntRange(3, 1000), default=None, help="Rounds of turns (15; quick: 5).")
@click.option(
    "--schedules/--no-schedules", default=None, help="Also time every schedule beside the model's prediction."
)
@click.option("--one-thread", is_flag=True, help="One core for every way, told in processor time: for a busy machine.")
@click.option("--as-is", is_flag=True, help="Leave variables in force that pin a library to an older processor.")
@click.option("-o", "--plot", type=click.Path(path_type=Path, dir_okay=False), default=None, metavar="FILE.png",
              help="Also draw the ratios (needs the extra symconv[figures]).")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def kernels(
    layers: tuple[str, ...],
    quick: bool,
    rounds: int | None,
    schedules: bool | None,
    one_thread: bool,
    as_is: bool,
    plot: Path | None,
    as_json: bool,
) -> None:
    """symconv.fast and the emitted columns against PyTorch, a full column matrix and taps: forward and all gradients, float32.

    All ways take turns in one run, on all cores, with a rest before each, since the libraries' threads wait busily for a while;
    told are medians and spread (half the distance of the quartiles). "of peak"
    counts the operations of the plain sums against the measured peak of NumPy's matrix product.
    """

    if plot is not None:
        if plot.suffix.lower() != ".png":
            raise click.UsageError(f"-o {plot}: the plot is a PNG; end the name in .png")
        if find_spec("matplotlib") is None:
            raise click.UsageError("-o needs matplotlib: install symconv[figures]")
    names = layers or (QUICK if quick else tuple(SUITE))
    with usage_errors():
        result = run_kernels(
            names, rounds or (5 if quick else 15), not quick if schedules is None else schedules, as_is, one_thread
        )
    if plot is not None:
        with usage_errors():
            write_whole(plot, picture(result))
    if as_json:
        echo_json(result.to_dict())
        return
    out = Console(highlight=False, width=None if Console().is_terminal else 200)
    libraries = ", ".join(f"{name} {version}" for name, version in result.libraries.items())
    out.print(
        f"{result.cores} cores, {result.peak:.0f} GFLOP/s in NumPy's float32 matrix product; {libraries}",
        soft_wrap=True,
    )
    if result.set_aside:
        out.print(f"Set aside for the measurement: {', '.join(result.set_aside)} (--as-is keeps them)", soft_wrap=True)
    if result.busy:
        out.print(
            f"The machine was busy when this began (load {result.load:.1f}): measure again on a quiet one",
            soft_wrap=True,
        )
    out.print()
    out.print(layers_table(result))
    if any(each.schedules for each in result.layers):
        out.print()
        out.print(choices_table(result))
        worst = max(result.layers, key=lambda each: each.regret)
        out.print(f"\nThe choice costs at most {worst.regret - 1:.0%} more than the best schedules ({worst.name}).")
    if plot is not None:
        out.print(f"\n{plot}")
