"""``symconv verify``: the closed formulas against the derivative, on one size or a grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from symconv.cli.options import conv_options, crossed, echo_json, grid, usage_errors
from symconv.formulas import formula
from symconv.formulas.verify import Verification, verify
from symconv.layer.conv import MAX_TERMS, Conv

__all__ = ["command"]

#: a grid with more cases than this shows only those that differ
MAX_ROWS = 60


@click.command("verify", short_help="Hold the closed formulas against the derivative.")
@conv_options(ranges=True)
@click.option("--formula", "formulas", multiple=True, metavar="TEXT",
              help="A formula of your own, such as 'dx = correlate(pad(dy, p), flip(w))'; may be repeated. "
                   "Without it: the standard y, dx, dw, db.")  # fmt: skip
@click.option("--max-terms", default=MAX_TERMS, show_default=True, type=click.IntRange(1), help="Refuse a larger loss.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: ok, cases, entries, mismatches, impossible.")
@click.pass_context
def command(ctx: click.Context, /, formulas: tuple[str, ...], max_terms: int, as_json: bool, **options: Any) -> None:
    """Hold each closed formula against the derivative of the loss, entry by entry, exactly.

    Any size may be a range; the grid of all combinations is then tried, and those that are no convolution are counted
    apart. The verdict covers the sizes tried; for every size there is `symconv prove`.

    \b
    symconv verify --input 5x6 --kernel 3x2 --stride 1..3 --padding 0..2
    symconv verify --input 6 --kernel 3 --stride 1..2 --formula "dw = correlate(pad(x, p), dilate(dy, s))"
    """
    convs, impossible = grid(options)
    if not convs:
        raise click.UsageError(impossible[0][1])
    results = []
    with usage_errors():
        for conv in convs:  # refused before any work
            conv.check_terms(max_terms)
        chosen = [formula(text, options["transposed"]) for text in formulas] or None
    for conv in _progress(convs):
        results.append(verify(conv, chosen, max_terms=max_terms))
    ok = all(result.ok for result in results)
    if as_json:
        echo_json(
            {
                "ok": ok,
                "cases": len(results),
                "entries": sum(result.entries for result in results),
                "mismatches": [
                    {"conv": result.conv.to_dict(), **mismatch.to_dict()}
                    for result in results
                    for mismatch in result.mismatches
                ],
                "impossible": [{"parameters": parameters, "reason": reason} for parameters, reason in impossible],
            }
        )
    else:
        _show(results, impossible)
    ctx.exit(0 if ok else 1)


def _progress(convs: list[Conv]) -> Any:
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(convs, "verifying", console=console, transient=True, disable=not console.is_terminal or len(convs) < 2)


def _show(results: list[Verification], impossible: list[tuple[dict[str, Any], str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160  # a pipe has no width of its own: keep rows whole
    failed = [result for result in results if not result.ok]
    everything = len(results) <= MAX_ROWS
    shown = [(row, result) for row, result in enumerate(results) if everything or not result.ok][:MAX_ROWS]
    columns = {name: [write(result.conv) for result in results] for name, write in COLUMNS.items()}
    varying = [name for name, values in columns.items() if len(set(values)) > 1]
    fixed = ", ".join(f"{name} {values[0]}" for name, values in columns.items() if name not in varying and values[0])
    console.print(f"{fixed}\n", soft_wrap=True)
    if shown:
        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
        for name in varying:
            table.add_column(name, no_wrap=True)
        targets = [check.formula.target for check in results[0].checks]
        for i, target in enumerate(targets):
            table.add_column(f"{target} ({i + 1})" if targets.count(target) > 1 else target, no_wrap=True)
        table.add_column("entries", justify="right", no_wrap=True)
        for row, result in shown:
            verdicts = (("equal", "green") if c.ok else (f"{c.failures} differ", "bold red") for c in result.checks)
            table.add_row(
                *(columns[name][row] for name in varying), *(Text(*v) for v in verdicts), f"{result.entries:,}"
            )
        console.print(table)
        if not everything:
            console.print(f"(only cases that differ are shown, {len(shown)} of {len(failed)})")
        console.print()
    for result in failed[:1]:
        console.print(f"First mismatches, {result.conv!r}:", soft_wrap=True)
        for mismatch in result.mismatches[:4]:
            _show_mismatch(console, mismatch)
        console.print()
    entries = sum(result.entries for result in results)
    cases = f"{len(results)} case{'s' if len(results) != 1 else ''}"
    if failed:
        console.print(Text(f"{len(failed)} of {cases} differ from the derivative.", "bold red"))
    else:
        console.print(Text(f"{cases}, {entries:,} entries: every formula equals the derivative.", "bold green"))
    if impossible:
        _, reason = impossible[0]
        console.print(f"{len(impossible)} more are no convolution, the first because {reason}.", soft_wrap=True)
    console.print("Exact, for these sizes only.")


def pads(conv: Conv) -> str:
    """The padding as the command line writes it: ``1x0`` or ``1,2x0,1``."""
    return "x".join(str(p) if p == q else f"{p},{q}" for p, q in conv.padding)


def _unless_plain(text: str, plain: object) -> str:
    return "" if text == str(plain) else text


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
    "output": lambda conv: crossed(conv.output),
    "remainder": lambda conv: "" if conv.transposed else crossed(conv.remainder),
}


def _show_mismatch(console: Any, mismatch: Any) -> None:
    from rich.text import Text

    from symconv.algebra.terms import terms_text

    console.print(Text(f"  {mismatch.entry}", "bold"))
    console.print(f"    formula     {mismatch.formula}", soft_wrap=True)
    console.print(f"    derivative  {mismatch.derivative}", soft_wrap=True)
    for word, style, terms in (("missing", "yellow", mismatch.missing), ("extra", "magenta", mismatch.extra)):
        if terms:
            console.print(Text(f"    {word:<11} {terms_text(mismatch.conv, terms)}", style), soft_wrap=True)
