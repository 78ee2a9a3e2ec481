"""``symconv prove FILE.py:FUNCTION``: the verdicts on a NumPy function, as a table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from symconv.audits.functions import prove_function as prove_code
from symconv.audits.spread import in_order
from symconv.cli.options import echo_json, usage_errors
from symconv.files import write_whole
from symconv.sarif import Finding, located, sarif

if TYPE_CHECKING:
    from symconv.reading.result import CodeProof, CodeProofs

__all__ = ["Options", "findings", "prove_function", "write_or_print"]

STYLES = {"PROVED": "bold green", "REFUTED": "bold red", "UNKNOWN": "bold yellow", "REFUSES": "bold cyan"}


@dataclass(frozen=True)
class Options:
    """What the command line says of how a function is called."""

    convention: str
    forward: str | None
    target: str | None
    ndim: int
    padding: str
    seconds: float
    export: str | None
    transposed: bool
    padding_mode: str
    assume: str | None
    second: bool
    full: bool
    output: str | None
    spreading: dict[str, Any]


def write_or_print(text: str, output: str | None) -> None:
    """Text to a file, or to standard output."""
    if output is None:
        click.echo(text, nl=False)
    else:
        write_whole(output, text)
        click.echo(f"wrote {output}", err=True)


def prove_function(function: str, stride: Any, dilation: Any, options: Options, shape: str) -> int:
    """Proves and reports; the exit status."""

    with usage_errors():
        if options.export == "smtlib":
            raise ValueError("--export smtlib is for formulas")
        path, colon, name = function.rpartition(":")
        place = f"{Path(path).resolve()}{colon}{name}" if colon and Path(path).is_file() else function
        proofs = prove_code(
            place, options.convention, stride, dilation, each=partial(in_order, **options.spreading), forward=options.forward,
            ndim=options.ndim, targets=options.target.split(",") if options.target else None,
            padding="free" if options.padding == "free" else "one", seconds=options.seconds,
            transposed=options.transposed, second=options.second, padding_mode=options.padding_mode, assume=options.assume,
        )  # fmt: skip
    if shape == "json":
        echo_json(proofs.to_dict())
    elif shape == "sarif":
        click.echo(sarif("symconv prove", findings(proofs, function)), nl=False)
    elif options.export == "latex":
        with usage_errors():
            write_or_print(proofs._repr_latex_() + "\n", options.output)
    else:
        _show(proofs, options)
    return 0 if proofs.proved else 1


def findings(proofs: Iterable[Any], function: str | None) -> list[Finding]:
    """What is not proved, each at the line of the function, if it is one."""
    uri, line = located(function) if function is not None else (None, 1)
    levels = {"REFUTED": "error", "UNKNOWN": "note", "REFUSES": "warning"}
    return [
        Finding(
            proof.verdict, levels[proof.verdict],
            f"{proof.formula}: {proof.target} is {proof.verdict} at stride {proof.stride}, dilation {proof.dilation}"
            + (f"; right when {proof.condition}" if proof.condition else ""), uri, line,
        )
        for proof in proofs
        if proof.verdict in levels
    ]  # fmt: skip


def _show(proofs: CodeProofs, options: Options) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160  # a pipe has no width of its own: keep rows whole
    first = proofs[0]
    console.print(Text(f"{first.formula} ({_convention(proofs, options)})", "bold"), soft_wrap=True)
    for line in proofs.called:
        console.print(Text(f"  {line}"), soft_wrap=True)
    console.print()
    targets = list(dict.fromkeys(proof.target for proof in proofs))
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("stride", "dilation"):
        table.add_column(name, justify="right")
    for target in targets:
        table.add_column(target, overflow="fold")
    steps = dict.fromkeys((proof.stride, proof.dilation) for proof in proofs)
    for s, d in steps:
        here = {proof.target: proof for proof in proofs if (proof.stride, proof.dilation) == (s, d)}
        table.add_row(
            str(s), str(d), *(_cell(here[target], options.full) if target in here else Text("") for target in targets)
        )
    console.print(table)
    console.print()
    for name, value in _facts(proofs):
        console.print(Text(f"{name:<13}", "dim"), Text(value), sep="", soft_wrap=True)


def _convention(proofs: CodeProofs, options: Options) -> str:
    if options.convention != "auto":
        return options.convention
    return "as inferred" if proofs.called else "plain"


def _cell(proof: CodeProof, full: bool) -> Text:
    if proof.verdict in ("PROVED", "UNKNOWN"):
        return Text(proof.verdict, STYLES[proof.verdict])
    if proof.condition is None:
        return Text(proof.verdict, STYLES[proof.verdict])
    held = proof.condition if full or len(proof.condition) <= 90 else proof.condition[:80] + " ..."
    said = "right where it returns, iff" if proof.verdict == "REFUSES" else "right iff"
    return Text(f"{said} {held}", STYLES[proof.verdict])


def _together(common: dict[str, str]) -> dict[str, str]:
    """Conditions with s or d in them, each with its outputs."""
    result: dict[str, list[str]] = {}
    for target, text in common.items():
        if text not in ("always", "never") and {"s", "d"} & set(re.findall(r"\w+", text)):
            result.setdefault(text, []).append(target)
    return {text: ", ".join(targets) for text, targets in result.items()}


def _facts(proofs: CodeProofs) -> list[tuple[str, str]]:
    result: list[tuple[str, str]] = []
    failure = proofs.counterexample
    if failure is not None:
        proof = next(each for each in proofs if each.counterexample is failure)
        at = ", ".join(f"{name}={value}" for name, value in failure.sizes.items())
        result.append(("fails at", f"{at} (stride {proof.stride})"))
        entry = "" if failure.index is None else f"{proof.target}{list(failure.index)} is "
        result.append(("", f"{entry}{failure.given}, not {failure.right}"))
    for kind, text in {k: t for proof in proofs for k, t in proof.raises.items()}.items():
        result.append(("raises", f"{kind} {text}" if text.startswith("unless") else f"{kind} when {text}"))
    for reason in dict.fromkeys(proof.reason for proof in proofs if proof.reason):
        result.append(("because", reason))
    for told, names in _together(proofs.common).items():
        result.append(
            ("together", f"{names} right iff {told}: exact at every stride s and dilation d here, observed beyond")
        )
    first = proofs[0]
    strides = ", ".join(map(str, dict.fromkeys(proof.stride for proof in proofs)))
    dilations = ", ".join(map(str, dict.fromkeys(proof.dilation for proof in proofs)))
    scope = first.scope.replace(
        f"stride {first.stride}, dilation {first.dilation}", f"stride {strides}, dilation {dilations}"
    )
    result.append(("scope", scope))
    for told in dict.fromkeys(proof.second_opinion for proof in proofs if proof.second_opinion):
        result.append(("2nd opinion", told))
    if first.replayed:
        result.append(("replayed", f"at each stride and dilation; the first: {first.replayed}"))
    return result
