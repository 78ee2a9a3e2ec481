"""``symconv verify``: the closed formulas against the derivative, on one size or a grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from symconv.algebra.terms import terms_text
from symconv.audits.spread import in_order
from symconv.cli.options import conv_options, echo_json, grid, usage_errors
from symconv.cli.progress import progress
from symconv.cli.spread import spread_options
from symconv.formulas import formula
from symconv.formulas.tree import TARGETS, Formula
from symconv.formulas.verify import MAX_ENUMERATED, WAYS, Verification, check_size, verify
from symconv.layer.conv import MAX_TERMS, Conv, crossed
from symconv.layer.models import Layer, model, names
from symconv.layer.names import entry_name
from symconv.layer.padding import FILLER

__all__ = ["command"]

#: a grid with more cases than this shows only those that differ
MAX_ROWS = 60


@click.command("verify", short_help="Hold the closed formulas against the derivative.")
@conv_options(ranges=True, required=False)
@click.option(
    "--model",
    "network",
    metavar="NAME",
    help=f"Every layer of a network in place of one: {', '.join(names())}, or a table of your own, FILE.toml.",
)
@click.option(
    "--formula",
    "formulas",
    multiple=True,
    metavar="TEXT",
    help="A formula of your own, such as 'dx = correlate(pad(dy, p), flip(w))'; may be repeated. "
    "Without it: the standard y, dx, dw, db.",
)
@click.option(
    "--forward",
    metavar="TEXT",
    help='A forward pass of your own, whose derivative is the truth: "y[i] = sum(w[K-1-k] * x[s*i + k], k)".',
)
@click.option(
    "--by",
    type=click.Choice(WAYS),
    default="auto",
    show_default=True,
    help=f"entries: write every term down; axes: compare axis by axis, at any size; auto: axes where a loss has more "
    f"than {MAX_ENUMERATED:,} terms and the formula is a product over the axes.",
)
@click.option(
    "--max-terms",
    default=MAX_TERMS,
    show_default=True,
    type=click.IntRange(1),
    help="Refuse a larger loss where its terms have to be written down.",
)
@spread_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON: ok, cases, entries, mismatches, impossible.")
@click.pass_context  # fmt: skip
def command(
    ctx: click.Context, /, network: str | None, formulas: tuple[str, ...], forward: str | None, by: str, max_terms: int,
    as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Hold each closed formula against the derivative of the loss, in every entry, exactly.

    Any size may be a range; the grid of all combinations is then tried, and those that are no convolution are counted
    apart. The verdict covers the sizes tried; for every size there is `symconv prove`.

    \b
    symconv verify --input 5x6 --kernel 3x2 --stride 1..3 --padding 0..2
    symconv verify --input 6 --kernel 3 --stride 1..2 --formula "dw = correlate(pad(x, p), dilate(dy, s))"
    symconv verify --model resnet50 --batch 256
    """
    spreading = {name: options.pop(name) for name in ("jobs", "backend", "scheduler")}
    layers, impossible = _layers(ctx, network, options)
    with usage_errors():
        chosen = [formula(text, options["transposed"], options["padding_mode"]) for text in formulas] or None
        for conv in {layer.conv for layer in layers}:  # refused before any work
            check_size(
                conv, chosen or [formula(name, conv.transposed, conv.padding_mode) for name in TARGETS], max_terms, by
            )
        found = _verified(layers, chosen, max_terms, by, spreading, forward)
    results = [(layer, found[layer.conv]) for layer in layers]
    ok = all(result.ok for _, result in results)
    if as_json:
        echo_json(
            {
                "ok": ok,
                "cases": sum(layer.times for layer, _ in results),
                "entries": sum(layer.times * result.entries for layer, result in results),
                "by": sorted({check.by for _, result in results for check in result.checks}),
                "forward": forward,
                "mismatches": [
                    {"conv": result.conv.to_dict(), **mismatch.to_dict()}
                    for _, result in results
                    for mismatch in result.mismatches
                ],
                "impossible": [{"parameters": parameters, "reason": reason} for parameters, reason in impossible],
            }
        )
    else:
        if forward is not None:
            click.echo(f"against {forward}")
        _show(results, impossible, network)
    ctx.exit(0 if ok else 1)


def _layers(
    ctx: click.Context, network: str | None, options: dict[str, Any]
) -> tuple[list[Layer], list[tuple[dict[str, Any], str]]]:
    """The layers of the network or of the grid, and what in the grid is none."""
    given = [name for name in options if ctx.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT]
    if network is not None:
        if others := [f"--{name.replace('_', '-')}" for name in given if name != "batch"]:
            raise click.UsageError(f"--model {network} has its own {', '.join(others)}; only --batch goes with it")
        with usage_errors():
            return list(model(network, options["batch"] if given else None).layers), []
    if missing := [f"--{name}" for name in ("input", "kernel") if options[name] is None]:
        raise click.UsageError(f"Missing option {' and '.join(missing)} (or --model)")
    convs, impossible = grid(options)
    if not convs:
        raise click.UsageError(impossible[0][1])
    return [Layer("", 1, conv) for conv in convs], impossible


def _verified(
    layers: Sequence[Layer],
    chosen: list[Formula] | None,
    max_terms: int,
    by: str,
    spreading: dict[str, Any],
    forward: str | None = None,
) -> dict[Conv, Verification]:
    different = list(dict.fromkeys(layer.conv for layer in layers))
    one = partial(verify, formulas=chosen, max_terms=max_terms, by=by, forward=forward)
    with progress("verifying", len(different)) as started:
        return dict(zip(different, in_order(one, different, **spreading, ready=lambda: started("")), strict=True))


def _show(
    layers: list[tuple[Layer, Verification]], impossible: list[tuple[dict[str, Any], str]], network: str | None
) -> None:

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160  # a pipe has no width of its own: keep rows whole
    _show_table(console, layers, network)
    results = [result for _, result in layers]
    failed = [(layer, result) for layer, result in layers if not result.ok]
    for layer, result in failed[:1]:
        console.print(f"First mismatches, {f'{layer.name}, ' if network else ''}{result.conv!r}:", soft_wrap=True)
        for mismatch in result.mismatches[:4]:
            _show_mismatch(console, mismatch)
        console.print()
    entries = sum(layer.times * result.entries for layer, result in layers)
    total = sum(layer.times for layer, _ in layers)
    cases = f"{total} {'convolution' if network else 'case'}{'s' if total != 1 else ''}"
    if failed:
        differ = sum(layer.times for layer, _ in failed)
        console.print(Text(f"{differ} of {cases} differ{'s' * (differ == 1)} from the derivative.", "bold red"))
    else:
        console.print(Text(f"{cases}, {entries:,} entries: every formula equals the derivative.", "bold green"))
    if impossible:
        _, reason = impossible[0]
        console.print(f"{len(impossible)} more are no convolution, the first because {reason}.", soft_wrap=True)
    ways = {check.by for result in results for check in result.checks}
    console.print(
        f"Exact, {'by axes, ' if ways == {'axes'} else 'some by axes, ' if 'axes' in ways else ''}for these sizes only."
    )


def _show_table(console: Any, layers: list[tuple[Layer, Verification]], network: str | None) -> None:

    results = [result for _, result in layers]
    columns = {name: [write(result.conv) for result in results] for name, write in COLUMNS.items()}
    varying = [name for name, values in columns.items() if len(set(values)) > 1]
    fixed = ", ".join(f"{name} {values[0]}" for name, values in columns.items() if name not in varying and values[0])
    console.print(f"{fixed}\n", soft_wrap=True)
    if network:
        columns = {
            "layer": [layer.name for layer, _ in layers],
            "times": [str(layer.times) for layer, _ in layers],
        } | columns
        plain = ("output", "remainder", "output padding")
        varying = ["layer", "times", *(name for name in varying if name not in plain)]
    everything = len(results) <= MAX_ROWS
    shown = [(row, result) for row, result in enumerate(results) if everything or not result.ok][:MAX_ROWS]
    if not shown:
        return
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in varying:
        table.add_column(name, no_wrap=True)
    targets = _targets(results)
    for i, target in enumerate(targets):
        table.add_column(f"{target} ({i + 1})" if targets.count(target) > 1 else target, no_wrap=True)
    table.add_column("entries", justify="right", no_wrap=True)
    for row, result in shown:
        checks = iter(result.checks)  # a layer without bias has no db
        here = [next(checks) if len(result.checks) == len(targets) or t != "db" else None for t in targets]
        verdicts = (
            ("", "") if c is None else ("equal", "green") if c.ok else (f"{c.failures:,} differ", "bold red")
            for c in here
        )  # fmt: skip
        table.add_row(*(columns[name][row] for name in varying), *(Text(*v) for v in verdicts), f"{result.entries:,}")
    console.print(table)
    if not everything:
        failed = sum(not result.ok for result in results)
        console.print(f"(only cases that differ are shown, {len(shown)} of {failed})")
    console.print()


def _targets(results: list[Verification]) -> list[str]:
    """The columns of verdicts: the targets of the layer that has most of them."""
    return [check.formula.target for check in max(results, key=lambda result: len(result.checks)).checks]


def pads(conv: Conv) -> str:
    """The padding as the command line writes it: ``1x0`` or ``1,2x0,1``."""
    return "x".join(str(p) if p == q else f"{p},{q}" for p, q in conv.padding)


def _unless_plain(text: str, plain: object) -> str:
    return "" if text == str(plain) else text


def _border(conv: Conv) -> str:
    if not conv.mode.counts_outside:
        return ""
    return f"{conv.padding_mode} {entry_name(conv, FILLER, 0)}" if conv.mode.filled else conv.padding_mode


#: what the table can tell of a case; what is the same for all cases is told once above it, unless it is empty
COLUMNS: dict[str, Callable[[Conv], str]] = {
    "input": lambda conv: crossed(conv.input),
    "kernel": lambda conv: crossed(conv.kernel),
    "stride": lambda conv: crossed(conv.stride),
    "padding": pads,
    "dilation": lambda conv: crossed(conv.dilation),
    "output padding": lambda conv: crossed(conv.output_padding) if conv.transposed else "",
    "batch": lambda conv: _unless_plain(str(conv.batch), 1),
    "channels": lambda conv: _unless_plain(f"{conv.in_channels} to {conv.out_channels}", "1 to 1"),
    "groups": lambda conv: _unless_plain(str(conv.groups), 1),
    "padding mode": lambda conv: _border(conv),
    "kind": lambda conv: "transposed" if conv.transposed else "",
    "output": lambda conv: crossed(conv.output),
    "remainder": lambda conv: "" if conv.transposed else crossed(conv.remainder),
}


def _show_mismatch(console: Any, mismatch: Any) -> None:

    console.print(Text(f"  {mismatch.entry}", "bold"))
    console.print(f"    formula     {mismatch.formula}", soft_wrap=True)
    console.print(f"    derivative  {mismatch.derivative}", soft_wrap=True)
    for word, style, terms in (("missing", "yellow", mismatch.missing), ("extra", "magenta", mismatch.extra)):
        if terms:
            console.print(Text(f"    {word:<11} {terms_text(mismatch.conv, terms)}", style), soft_wrap=True)
