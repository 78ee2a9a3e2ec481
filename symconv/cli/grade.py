"""``symconv grade``: points for a backward pass, in the form that a course's grader reads."""

from __future__ import annotations

from typing import Any

import click

from symconv.audits.arrays import MODES, OUTPUTS
from symconv.audits.conventions import CONVENTIONS
from symconv.audits.grids import NAMED
from symconv.cli.options import FiniteRange, usage_errors
from symconv.courses.grade import FORMATS, LEVELS, grade
from symconv.files import write_whole

__all__ = ["command"]


@click.command("grade", short_help="Give points for a backward pass, output by output.")
@click.argument("function", metavar="FILE.py:NAME")
@click.option(
    "--convention", type=click.Choice([*CONVENTIONS]), default="plain", show_default=True, help="How it is called."
)
@click.option(
    "--forward", metavar="NAME", help="The forward function in the same file, where the convention wants one."
)
@click.option("--mode", type=click.Choice([mode for mode in MODES if mode != "adjoint"]), default="backward", show_default=True,
              help="What is graded: the gradients, or y of a forward pass.")  # fmt: skip
@click.option(
    "--outputs", metavar="NAMES", help="What gives marks: dx,dw. All that the function returns, unless given."
)
@click.option(
    "--format", "shape", type=click.Choice([*FORMATS]), default="text", show_default=True, help="Who reads it."
)
@click.option("--level", type=click.Choice(LEVELS), default="hint", show_default=True,
              help="What messages tell: right or not; the kind of mistake; also where. Never the true value.")  # fmt: skip
@click.option(
    "--points", "maximum", type=FiniteRange(0, min_open=True), default=100.0, show_default=True, help="In all."
)
@click.option("--grid", type=click.Choice(NAMED), default="quick", show_default=True,
              help="Geometries beside the fewest that show every known mistake.")  # fmt: skip
@click.option("--time-limit", type=float, default=10.0, show_default=True, metavar="SECONDS", help="For one case.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random numbers.")
@click.option("-o", "--output", metavar="PATH", help="Where it is written: results.json.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    function: str,
    convention: str,
    outputs: str | None,
    shape: str,
    output: str | None,
    **options: Any,
) -> None:
    """Grade FUNCTION: marks for each of dx, dw, db on each kind of geometry (plain, padding, stride, stride and padding, a stride
    that does not divide), all worth the same. The code is executed under the audit's supervision.

    \b
    symconv grade solution.py:conv_backward_naive --convention cs231n --format gradescope -o results.json
    symconv grade conv.py:Conv2d --convention mytorch --level full

    Exit status: 0 all points; 1 some are missing; 2 bad usage.
    """
    with usage_errors():
        wanted = [name.strip() for name in outputs.split(",")] if outputs else None
        for name in wanted or ():
            if name not in OUTPUTS:
                raise ValueError(f"--outputs {outputs}: no output {name!r}; there are {', '.join(OUTPUTS)}")
        found = grade(function, convention, outputs=wanted, **options)
        text = found.render(shape)
        if output is not None:
            write_whole(output, text)
    click.echo(f"wrote {output}" if output is not None else text, nl=output is not None, err=output is not None)
    ctx.exit(0 if all(mark.full for mark in found.marks) else 1)
