"""``symconv generate``: checked kernels and derivations, for the project's case list or for one layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from symconv.cli.options import build_conv, conv_options, echo_json, usage_errors
from symconv.cli.progress import progress
from symconv.files import check_folder
from symconv.kernels import SCHEDULES
from symconv.layer.conv import MAX_TERMS
from symconv.project.build import Written, build, check_plan, stale, write
from symconv.project.cases import case_plan, project_plan
from symconv.prose import LANGUAGES

if TYPE_CHECKING:
    from symconv.project.build import Build, Stale, Written
    from symconv.project.cases import Plan

__all__ = ["command"]


@click.command("generate", short_help="Write checked NumPy kernels and derivations.")
@conv_options(ranges=False, required=False)
@click.option("-o", "--output", "folder", default="generated", show_default=True, metavar="FOLDER",
              type=click.Path(path_type=Path), help="Where to write.")  # fmt: skip
@click.option("--schedule", "schedules", multiple=True, metavar="NAME",
              help=f"With sizes: {', '.join(SCHEDULES)}; may be repeated. "
                   "Without it: all that the layer is small enough for.")  # fmt: skip
@click.option(
    "--lang",
    "languages",
    multiple=True,
    type=click.Choice(LANGUAGES),
    help="With sizes: the derivation's language; may be repeated. Without it: en and fr.",
)
@click.option("--check", is_flag=True, help="Write nothing; list the files that are stale, exit 1 if there are any.")
@click.option("--max-terms", default=MAX_TERMS, show_default=True, type=click.IntRange(1), help="Refuse a larger loss.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: written, unchanged, stale, failed.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    folder: Path,
    schedules: tuple[str, ...],
    languages: tuple[str, ...],
    check: bool,
    max_terms: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Derive, verify, emit, run and compare; then write what passed.

    With --input and --kernel: one layer's derivation (LaTeX, Markdown, HTML), its kernels and the
    report of their checks. Without them: the project's case list, the folder generated/ of the repository.

    Every kernel is executed on symbols and on numbers before it is written. One that fails is not written; exit status 1.

    \b
    symconv generate --input 5x6 --kernel 3x2 --stride 2 --padding 1 -o out
    symconv generate --check
    """
    plan, whole = _plan(ctx, options, schedules, languages)
    with usage_errors("-o "):
        check_folder(folder)

    with usage_errors():
        check_plan(plan, max_terms)
    with progress("checking", len(plan.kernels) + len(plan.derivations)) as started:
        made = build(plan, max_terms, started)
    written = Written((), ())
    if not check:
        with usage_errors():
            written = write(made, folder)
    found = stale(made, folder, whole)
    fresh = [name for name in made.files if name not in {each.file for each in found}]
    if as_json:
        echo_json(
            {
                "written": list(written.written),
                "unchanged": [name for name in fresh if name not in written.written],
                "stale": [each.file for each in found],
                "failed": [failure.to_dict() for failure in made.failures],
            }
        )
    else:
        _show(made, written, found, folder, check)
    ctx.exit(0 if made.ok and not (check and found) else 1)


def _plan(
    ctx: click.Context, options: dict[str, Any], schedules: tuple[str, ...], languages: tuple[str, ...]
) -> tuple[Plan, bool]:
    """What is to be made, and whether it is the whole of its folder."""

    given = [name for name in options if ctx.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT]
    if options["input"] is None or options["kernel"] is None:
        if given or schedules or languages:
            named = f"--{given[0].replace('_', '-')}" if given else "--schedule" if schedules else "--lang"
            missing = " and ".join(f"--{name}" for name in ("input", "kernel") if options[name] is None)
            raise click.UsageError(f"{named} is about one layer, which needs {missing} too")
        return project_plan(), True
    with usage_errors():
        return case_plan(build_conv(options), schedules, languages), False


def _show(made: Build, written: Written, found: tuple[Stale, ...], folder: Path, check: bool) -> None:

    console = Console(highlight=False, soft_wrap=True)
    for name in written.written:
        console.print(Text(f"  {folder / name}"))
    for failure in made.failures:
        console.print(Text(f"  {folder / failure.file}: not written. {failure.reason}", "bold red"))
    for each in found:
        if check or each.reason in ("extra", "left"):
            console.print(Text(f"  {folder / each.file}: {SAYS[each.reason]}", "yellow"))
    if check:
        fresh = len(made.files) - sum(each.reason in ("differs", "missing") for each in found)
        verdict = f"{len(found)} stale, {fresh} as they should be." if found else f"{fresh} files, none stale."
        console.print(Text(verdict, "bold red" if found or made.failures else "bold green"))
        return
    checks = sum(len(each.findings) for each in made.checked)
    entries = sum(each.entries for each in made.verified)
    verdict = f"{len(written.written)} written, {len(written.unchanged)} unchanged, {len(made.failures)} not written."
    console.print(Text(verdict, "bold green" if made.ok else "bold red"))
    console.print(
        f"Kernels: {len(made.checked)}, in {checks} checks on symbols and numbers{_with_pytorch(made)}. "
        f"Derivations: {len(made.verified)}, {entries:,} entries of the closed formulas equal to the derivative. "
        f"What was checked, on which layers: {folder / 'report.md'}"
    )


def _with_pytorch(made: Build) -> str:
    if any(finding.check == "PyTorch" for each in made.checked for finding in each.findings):
        return " and against PyTorch"
    return " (not against PyTorch)"


SAYS = {"differs": "differs from what would be written", "missing": "missing", "extra": "nothing writes it; remove it",
        "left": "an interrupted run has left it; remove it"}  # fmt: skip
