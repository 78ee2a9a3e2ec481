"""``symconv check``: an article's equations and code, each with its verdict."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from symconv.checking import check
from symconv.checking.reports import REPORTS
from symconv.cli.options import echo_json, usage_errors
from symconv.files import write_whole

__all__ = ["command"]

STYLES = {"PROVED": "bold green", "HOLDS": "green", "WRONG": "bold red", "ILL-FORMED": "bold red", "INCONSISTENT": "bold red",
          "AMBIGUOUS": "bold yellow", "NOT READ": "yellow"}  # fmt: skip
FORMATS = ("text", "json", "html", "sarif", "junit", "annotated", "diff")


@click.command("check", short_help="Judge every equation and code block of an article.")
@click.argument("articles", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--format", "shape", type=click.Choice(FORMATS), default="text", show_default=True, help="What is printed."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; the same as --format json.")
@click.option("--annotate", is_flag=True, help="Print the source with the verdicts as comments.")
@click.option("--fix", is_flag=True, help="Print the corrections as a unified diff.")
@click.option(
    "--context",
    "show_context",
    is_flag=True,
    help="Print what was inferred and from which line, nothing else.",
)
@click.option("--let", "settings", multiple=True, metavar="NAME=VALUE",
              help="Say what the article means: base=0, star=convolution, stride=2, padding=any, x=X, dy=delta.")  # fmt: skip
@click.option("--no-code", is_flag=True, help="Leave blocks of code alone.")
@click.option("--strict", is_flag=True, help="Exit with 3 when something was not read.")
@click.option("-o", "--output", type=click.Path(), help="Where the report goes; without it, standard output.")
@click.pass_context
def command(
    ctx: click.Context, /, articles: tuple[str, ...], shape: str, as_json: bool, annotate: bool, fix: bool, show_context: bool,
    settings: tuple[str, ...], no_code: bool, strict: bool, output: str | None,
) -> None:  # fmt: skip
    """Give every displayed equation and every block of code in ARTICLES (Markdown, LaTeX, HTML, notebooks) a verdict.

    PROVED for every size, HOLDS at the sizes written, WRONG with a counterexample, ILL-FORMED, INCONSISTENT, AMBIGUOUS,
    DEFINITION, NO CLAIM or NOT READ with the reason. Articles are data: nothing in them is executed but functions, and those
    under the audit's supervision.

    Exit status: 0 nothing wrong; 1 something wrong, ill-formed or inconsistent; 2 bad usage; 3 with --strict, something not read.

    \b
    symconv check post.md
    symconv check post.md --let star=convolution --fix
    """
    # Markdown, LaTeX and HTML readers are libraries of an extra

    shape = "json" if as_json else "annotated" if annotate else "diff" if fix else shape
    given = dict(_pair(each) for each in settings)
    results = []
    for article in articles:
        with usage_errors(f"{article}: "):
            results.append(check(Path(article), given, code=not no_code))
    if show_context:
        for result in results:
            for slot in result.context:
                click.echo(
                    f"{slot['slot']:>16}  {slot['value']}" + (f"  (line {slot['line']})" if slot["line"] else "")
                )
    elif shape == "json" and output is None:
        echo_json(
            results[0].to_dict()
            if len(results) == 1
            else {"ok": all(r.ok for r in results), "articles": [r.to_dict() for r in results]}
        )
    elif shape == "text" and output is None:
        for result in results:
            _table(result)
    else:
        with usage_errors():
            text = REPORTS[shape](results)
            if output is None:
                click.echo(text, nl=False)
            else:
                write_whole(output, text)
    ctx.exit(1 if not all(r.ok for r in results) else 3 if strict and any(r.unread for r in results) else 0)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise click.UsageError(f"--let {text!r} is not NAME=VALUE")
    return name.strip(), value.strip()


def _table(result: Any) -> None:

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("line", "states", "verdict", "when, or why"):
        table.add_column(
            heading, justify="right" if heading == "line" else "left", no_wrap=heading in ("line", "verdict")
        )
    for each in result.formulas:
        table.add_row(
            str(each.line),
            Text(_short(each.latex)),
            Text(each.verdict, STYLES.get(each.verdict, "dim")),
            Text(_told(each)),
        )
    for each in result.code:
        what = f"code: {each.name}" if each.name else "code"
        table.add_row(
            str(each.line),
            what,
            Text(each.verdict, STYLES.get(each.verdict, "dim")),
            Text(each.told),
        )
    console.print(table)
    console.print(result.summary, soft_wrap=True)


def _short(latex: str) -> str:
    text = re.sub(r"\\begin\{\w+\*?\}|\\end\{\w+\*?\}|\\tag\s*\{[^}]*\}|\\left|\\right|&", " ", latex)
    text = " ".join(text.split())
    return text if len(text) <= 48 else text[:47] + "…"


def _told(verdict: Any) -> str:
    text = "; ".join(
        part for part in (verdict.condition, verdict.reason if verdict.reason != verdict.condition else None) if part
    )
    if verdict.counterexample and verdict.counterexample != verdict.condition:
        example = verdict.counterexample
        text += ("; " if text else "") + (example if len(example) < 160 else example[:157] + "...")
    return text + (f"; write {verdict.fix}" if verdict.fix and len(verdict.fix) < 160 else "")
