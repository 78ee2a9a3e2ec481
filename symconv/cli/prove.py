"""``symconv prove``: is a formula right at every size, or where does it fail?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from symconv.audits.prove import is_code
from symconv.audits.spread import in_order
from symconv.cli.code import Options, findings, prove_function, write_or_print
from symconv.cli.options import FiniteRange, as_value_errors, echo_json, usage_errors, whole_numbers
from symconv.cli.progress import progress
from symconv.cli.spread import spread_options
from symconv.layer.padding import MODES
from symconv.mathematics.text import pretty
from symconv.proof.clock import MAX_SECONDS
from symconv.proof.decide import MAX_OPERATIONS
from symconv.proof.prover import claims, prove_claim
from symconv.proof.result import Proof, Proofs
from symconv.proof.smtlib import smtlib
from symconv.sarif import sarif

__all__ = ["command", "proofs_of"]

STYLES = {"PROVED": "bold green", "REFUTED": "bold red", "UNKNOWN": "bold yellow"}

#: a condition longer than this is cut in the report; --full-condition and --json have the whole
MAX_WIDTH = 120


@click.command("prove", short_help="Decide whether a formula holds for every size.")
@click.argument("formula")
@click.option("--stride", default="1", show_default=True, metavar="NUMBERS", help="Stride: 2, 1..4, 1,2,4 or any.")
@click.option("--dilation", default="1", show_default=True, metavar="NUMBERS", help="Dilation: 1, 1..3 or any.")
@click.option("--padding", default="auto", show_default=True, type=click.Choice(["auto", "symmetric", "free"]),
              help="symmetric: q = p; free: p and q apart; auto: symmetric if the formula names neither q nor r.")  # fmt: skip
@click.option("--padding-mode", type=click.Choice(tuple(MODES)), default=None,
              help="What the layer's border holds.  [default: the mode that the formula names, or zeros]")  # fmt: skip
@click.option("--transposed", is_flag=True, help="A formula about a transposed convolution.")
@click.option("--second-opinion", is_flag=True, help="Put the claim before z3 as well, by a separate reading.")
@click.option("--full-condition", is_flag=True, help="Show the condition's whole set, as isl writes it.")
@click.option(
    "--max-operations", default=None, type=click.IntRange(1), help="isl's limit for one question.  [default: 500000]"
)
@click.option("--assume", metavar="COMPARISONS", default=None,
              help='Claim it only there: "p == 0, K odd"; the condition beyond it is told too.')  # fmt: skip
@click.option("--max-seconds", default=MAX_SECONDS, show_default=True, type=FiniteRange(0, 86400, min_open=True),
              help="For one claim; what is open then is UNKNOWN.")  # fmt: skip
@click.option(
    "--export", type=click.Choice(["smtlib", "latex"]), help="Write the claim for SMT solvers, or the theorem."
)
@click.option(
    "--convention",
    default="auto",
    show_default=True,
    help="FILE.py:FUNCTION: how it is called, as for audit; auto finds it out.",
)
@click.option("--forward", default=None, metavar="FORWARD",
              help='Its own forward pass as the truth: "y[i] = sum(w[k] * x[i + K - 1 - k], k)", or FILE.py:F.')  # fmt: skip
@click.option("--target", default=None, help="FILE.py:FUNCTION: what it returns, in order: y, or dx,dw,db.")
@click.option(
    "--ndim", default=2, show_default=True, type=click.IntRange(1, 3), help="FILE.py:FUNCTION: how many axes."
)
@spread_options
@click.option("-o", "--output", type=click.Path(), help="Where --export goes; without it, standard output.")
@click.option("--format", "shape", type=click.Choice(("text", "json", "sarif")), default="text", show_default=True,
              help="What is printed; SARIF has what is not proved as findings, on the line of a function.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as --format json: verdict and a list of results.")
@click.pass_context
def command(
    ctx: click.Context, /, formula: str, stride: str, dilation: str, padding: str, padding_mode: str | None, transposed: bool,
    second_opinion: bool,
    full_condition: bool, max_operations: int | None, max_seconds: float, export: str | None, output: str | None, as_json: bool,
    assume: str | None,
    convention: str, forward: str | None, target: str | None, ndim: int, shape: str, **spreading: Any,
) -> None:  # fmt: skip
    """Decide whether FORMULA equals y or a gradient at every input size, kernel size and padding; if not, show the smallest
    failure and the exact condition under which it holds.

    FORMULA is y, dx, dw or db, or ddy, ddx or ddw of the double backward (the standard formula), or a text in one of two
    notations, 0-based. Sizes: H (x), K (w), O (y), p, q (padding before and after), s (stride), d (dilation), r (remainder;
    output padding when transposed).

    \b
    symconv prove dx --stride 1..8 --dilation 1..4
    symconv prove "dx = correlate(pad(dilate(dy, s), K - 1 - p), flip(w))" --stride 2
    symconv prove dx --padding-mode reflect --stride 1..8
    symconv prove "dx[m] = sum(dy[i] * w[m - s*i + p], i)" --stride any

    A NumPy function is proved from its source, for every size: FILE.py:FUNCTION in place of the formula.

    \b
    symconv prove layer.py:conv_backward --stride 1..3
    """
    if output is not None and export is None:
        raise click.UsageError(f"-o {output} goes with --export smtlib or --export latex")
    _fits(ctx, formula)
    if is_code(formula):
        options = Options(convention, forward, target, ndim, padding, max_seconds, export, transposed,
                          padding_mode or "zeros", assume, second_opinion, full_condition, output, spreading)  # fmt: skip
        shape = "json" if as_json else shape
        ctx.exit(prove_function(formula, _steps("stride", stride), _steps("dilation", dilation), options, shape))
    steps = {"stride": _steps("stride", stride), "dilation": _steps("dilation", dilation)}
    with usage_errors():
        asked = claims(
            formula,
            **steps,
            padding=padding,
            transposed=transposed,
            padding_mode=padding_mode,
            assume=assume,
            forward=forward,
        )
        if export == "smtlib":
            write_or_print(_script(asked), output)
            return
        limits = (max_operations or MAX_OPERATIONS, max_seconds)
        one = partial(_proved, second_opinion, *limits)
        with progress("proving", len(asked)) as started:
            results = in_order(one, asked, **spreading, ready=lambda: started(""))
    proofs = Proofs(tuple(results))
    _report(proofs, export, output, "json" if as_json else shape, full_condition)
    ctx.exit(0 if proofs.proved else 1)


def _fits(ctx: click.Context, claim: str) -> None:
    """UsageError for an option that says nothing of this kind of claim."""
    others = ("max_operations",) if is_code(claim) else ("convention", "target", "ndim")
    for name in others:
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            option = name.replace("_", "-")
            raise click.UsageError(f"--{option} is for {'formulas' if is_code(claim) else 'FILE.py:FUNCTION'}")


def _report(proofs: Proofs, export: str | None, output: str | None, shape: str, full_condition: bool) -> None:
    """What was decided, in the form that is asked for."""
    if export == "latex":
        with usage_errors():
            write_or_print("\n\n".join(result.to_latex() for result in proofs) + "\n", output)
    elif shape == "json":
        echo_json(proofs.to_dict())
    elif shape == "sarif":
        click.echo(sarif("symconv prove", findings(proofs, None)), nl=False)
    else:
        _show(proofs, full_condition)


def proofs_of(words: Sequence[str]) -> Proofs:
    """What these words of a command line ask to be proved: a formula and options; ValueError where they ask for nothing."""
    try:
        with command.make_context("symconv prove", list(words)) as ctx:
            given = ctx.params
    except click.ClickException as error:
        raise ValueError(error.format_message()) from error
    with as_value_errors():
        steps: dict[str, Any] = {name: _steps(name, given[name]) for name in ("stride", "dilation")}
        record: dict[str, Any] = {
            name: given[name] for name in ("padding", "transposed", "padding_mode", "assume", "forward")
        }
        limits = (given["max_operations"] or MAX_OPERATIONS, given["max_seconds"])
        asked = claims(given["formula"], **steps, **record)
        return Proofs(tuple(prove_claim(each, given["second_opinion"], *limits) for each in asked))


def _proved(second_opinion: bool, max_operations: int, max_seconds: float, claim: Any) -> Proof:
    return prove_claim(claim, second_opinion, max_operations, max_seconds)


def _steps(name: str, text: str) -> list[int] | str | int:
    """``2`` -> 2, ``1..3`` -> [1, 2, 3], ``1,4`` -> [1, 4], ``any``."""
    if text.strip() == "any":
        return "any"
    numbers = [n for piece in text.split(",") for n in whole_numbers(name, piece, text)]
    return numbers[0] if len(numbers) == 1 else numbers


def _script(asked: list[Any]) -> str:
    if len(asked) != 1:
        raise ValueError(
            f"--export smtlib writes one claim, not {len(asked)}: give one stride and one dilation, or any"
        )
    return smtlib(asked[0])


# the report --------------------------------------------------------------------------------------------------------------


def _show(proofs: Proofs, full_condition: bool) -> None:

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160  # a pipe has no width of its own: keep rows whole
    results = list(proofs)
    first = results[0]
    console.print(Text(str(first.formula), "bold"), soft_wrap=True)
    told = pretty(first.formula, 100)
    if told != str(first.formula):
        console.print(Text("\n".join(f"  {line}" for line in told.split("\n"))), soft_wrap=True)
        if first.formula.index:
            console.print(Text("  (as mathematics, 1-based)", "dim"))
    console.print()
    if len(results) > 1:
        _table(console, results)
    verdict = proofs.verdict
    shown = _shown(proofs)
    if len(results) > 1 and shown is not first and shown.counterexample is not None:
        console.print(f"The smallest failure is at stride {shown.stride}, dilation {shown.dilation}:\n")
    _one(console, shown, full_condition, with_verdict=len(results) == 1)
    if len(results) > 1:
        counts = {v: sum(result.verdict == v for result in results) for v in STYLES}
        told = ", ".join(f"{count} {v}" for v, count in counts.items() if count)
        console.print(Text(f"{told} of {len(results)} strides and dilations", STYLES[verdict]), end="")
        console.print(f" in {proofs.seconds:.2f} s")


def _shown(proofs: Proofs) -> Proof:
    """The result to tell in full: the smallest failure, or what is undecided, or the first."""
    found = proofs.counterexample
    for result in proofs:
        if found is not None and result.counterexample is found:
            return result
    return next((result for result in proofs if result.verdict == "UNKNOWN"), proofs[0])


def _table(console: Any, results: list[Proof]) -> None:

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    conditions = any(result.verdict != "PROVED" for result in results)
    opinions = any(result.second_opinion for result in results)
    for name in ("stride", "dilation"):
        table.add_column(name, justify="right")
    table.add_column("verdict", no_wrap=True)
    if opinions:
        table.add_column("second opinion", no_wrap=True)
    if conditions:
        table.add_column("holds when", overflow="fold")
    for result in results:
        row: list[str | Text] = [str(result.stride), str(result.dilation), Text(result.verdict, STYLES[result.verdict])]
        if opinions:
            row.append(result.second_opinion or "")
        if conditions:
            row.append("always" if result.proved else _cut(result.condition or result.reason or ""))
        table.add_row(*row)
    console.print(table)
    console.print()


def _one(console: Any, proof: Proof, full_condition: bool, with_verdict: bool) -> None:

    if with_verdict:
        console.print(Text(proof.verdict, STYLES[proof.verdict]), end="")
        console.print(f"  in {proof.seconds * 1000:.0f} ms")
    facts: list[tuple[str, str]] = [("scope", proof.scope if with_verdict else _scope(proof))]
    if proof.counterexample is not None:
        facts += _failure(proof)
    if proof.condition is not None:
        facts.append(("holds when", _cut(proof.condition)))
    if proof.beyond is not None:
        facts.append(("without it", f"holds when {proof.beyond}" if proof.beyond != "always" else "holds always"))
    if full_condition and proof.validity is not None:
        facts.append(("exactly", proof.validity.full))
    if proof.reason:
        facts.append(("note" if proof.verdict != "UNKNOWN" else "because", proof.reason))
    if proof.second_opinion:
        facts.append(("2nd opinion", proof.second_opinion))
    for name, value in facts:
        lines = value.split("\n")
        console.print(Text(f"{name:<13}", "dim"), Text(lines[0]), sep="", soft_wrap=True)
        for line in lines[1:]:
            console.print(Text(" " * 13 + line), soft_wrap=True)
    console.print()


def _scope(proof: Proof) -> str:
    return proof.scope.replace(f"stride {proof.stride}, dilation {proof.dilation}", "each stride and dilation above")


def _failure(proof: Proof) -> Iterable[tuple[str, str]]:
    """The counterexample: sizes, the two arrays side by side, and what is wrong."""
    found = proof.counterexample
    assert found is not None
    sizes = ", ".join(f"{name}={value}" for name, value in found.sizes.items())
    yield "fails at", sizes + ("  (verify agrees)" if found.replayed else "")
    if found.arrays is not None:
        said, due = found.arrays
        rows = [("", "formula", "truth")]
        for t in range(max(len(said), len(due))):
            entry = f"{proof.target}[{t}]"
            rows.append((entry, said[t] if t < len(said) else "(none)", due[t] if t < len(due) else "(none)"))
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        marked = [
            (
                "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + "  <- differs" * differs
            ).rstrip()
            for row, differs in zip(rows, [False, *(row[1] != row[2] for row in rows[1:])], strict=True)
        ]
        yield "arrays", "\n".join(marked)
    elif found.index is not None:
        yield "entry", f"{proof.target}[{found.index}]" if proof.target != "db" else "db"
        yield "formula", found.formula
        yield "truth", found.truth
    else:
        yield "formula", found.formula
    if found.differences:
        yield "wrong", "; ".join(found.differences)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_WIDTH else f"{text[: MAX_WIDTH - 25]} ... (--full-condition)"
