"""``symconv figure``: a picture of one convolution in a file."""

from __future__ import annotations

from typing import Any

import click

from symconv.cli.options import build_conv, conv_options, echo_json, usage_errors
from symconv.figures.kinds import FORMATS, KINDS, figure
from symconv.prose import LANGUAGES

__all__ = ["command"]


@click.command("figure", short_help="Draw a convolution, its gradients or its Jacobian.")
@click.argument("kind", metavar="KIND")
@conv_options(ranges=False)
@click.option(
    "--entry", metavar="I,J", help="The entry of y, dx or dw, the row or the window to light, counted from 1: 2,3."
)
@click.option("--frame", type=int, metavar="N", help="The same by its number among the steps, counted from 1.")
@click.option("--axis", default=0, show_default=True, type=int, help="The axis that relation draws, counted from 0.")
@click.option("--lang", default="en", show_default=True, type=click.Choice(LANGUAGES), help="Language of the notes.")
@click.option(
    "--strip", is_flag=True, help="A corner, an edge, the inside and the last corner side by side (first three kinds)."
)
@click.option("--animate", is_flag=True, help="An SVG that steps through every entry (GIF and HTML always do).")
@click.option(
    "-o", "--output", "path", metavar="FILE", help=f"The file; its ending says the format: {', '.join(FORMATS)}."
)
@click.option("--json", "as_json", is_flag=True, help="Print the picture's description as JSON.")
def command(
    kind: str,
    entry: str | None,
    frame: int | None,
    axis: int,
    lang: str,
    strip: bool,
    animate: bool,
    path: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Draw one picture of a convolution: KIND is window, backward, weights, jacobian, depth, relation or border.

    \b
      window     x with its padding, w over it, and the entry of y that gives
      backward   dy with its zeros, flipped w over it, and the entry of dx
      weights    x with dy as the filter, and the entry of dw
      jacobian   dy/dx as a matrix, coloured by tap
      depth      maps of x and y, the sums over channels as arrows
      relation   one axis as a lattice: which tap of which window reads what
      border     rows of x, or a constant, on the border, and the gradient folded back

    A .tikz is for \\input (package tikz), a .tex compiles by itself, .gif and .html show every step.

    \b
    symconv figure backward --input 5x5 --kernel 3x3 --stride 2 --padding 1 -o dx.svg
    symconv figure relation --input 7 --kernel 3 --stride 2 --padding 1,0 -o relation.tikz
    """
    if kind not in KINDS:
        raise click.UsageError(f"no figure {kind!r}; there are {', '.join(KINDS)}")
    if path is None and not as_json:
        raise click.UsageError(f"say where to: -o FILE, which may end in {', '.join(FORMATS)}")
    if entry is not None and frame is not None:
        raise click.UsageError(f"--entry {entry} and --frame {frame} both pick an entry; give one")
    conv = build_conv(options)
    with usage_errors():
        made = figure(conv, kind, _index(entry), axis, lang, strip=strip)
        if frame is not None:
            steps = made.steps
            if not 1 <= frame <= len(steps):
                raise ValueError(f"--frame {frame}: there are {len(steps)} steps, counted from 1")
            made = figure(conv, kind, steps[frame - 1], axis, lang)
        if path is not None:
            made.save(path, animate)
        described = made.to_dict() if as_json else {}
    if as_json:
        echo_json(described)
    else:
        click.echo(path)


def _index(text: str | None) -> list[int] | None:
    """``"2,3"`` -> [1, 2]."""
    if text is None:
        return None
    try:
        return [int(part) - 1 for part in text.replace("x", ",").split(",")]
    except ValueError:
        raise ValueError(
            f"--entry {text}: one number for each axis, counted from 1, joined by commas, as in 2,3"
        ) from None
