"""``symconv explore``: the explorer as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from symconv.cli.options import usage_errors
from symconv.figures.explorer import MAX_AXES, START, explorer
from symconv.files import write_whole
from symconv.layer.padding import MODES, WORDS, amounts_of_word
from symconv.prose import LANGUAGES

__all__ = ["command"]


@click.command("explore", short_help="Write a page on which sizes are slid and entries pointed at.")
@click.option("-o", "--output", "path", required=True, metavar="FILE", help="The page: explorer.html.")
@click.option(
    "--input", "H", default=str(START["H"]), show_default=True, metavar="SIZE", help="Input size at first: 5, 5x6."
)
@click.option("--kernel", "K", default=str(START["K"]), show_default=True, metavar="SIZE", help="Kernel size at first.")
@click.option("--stride", "s", default=str(START["s"]), show_default=True, metavar="SIZE", help="Stride at first.")
@click.option(
    "--padding",
    default=str(START["p"]),
    show_default=True,
    metavar="P[,Q]|WORD",
    help=f"Padding at first: before,after, 1x0 by axis, or {', '.join(WORDS)}.",
)
@click.option("--dilation", "d", default=str(START["d"]), show_default=True, metavar="SIZE", help="Dilation at first.")
@click.option("--output-padding", "e", default=str(START["e"]), show_default=True, metavar="SIZE",
              help="Output padding of a transposed layer at first.")  # fmt: skip
@click.option("--transposed", is_flag=True, help="A transposed layer at first.")
@click.option("--axes", default=None, type=click.IntRange(1, MAX_AXES),
              help="Axes at first.  [default: as many as sizes are given, or 2]")  # fmt: skip
@click.option("--padding-mode", default="zeros", show_default=True, type=click.Choice([*MODES]),
              help="What stands on the border at first.")  # fmt: skip
@click.option("--lang", default="en", show_default=True, type=click.Choice(LANGUAGES), help="Language of the page.")
def command(
    path: str, padding: str, padding_mode: str, lang: str, transposed: bool, axes: int | None, **sizes: str
) -> None:
    """Write one HTML file, which needs no network and no server: sliders for the sizes, and entries that show what feeds them.

    In a post, with a second line that gives it the height it asks for:

    \b
    <iframe id="conv" src="explorer.html#H=7&K=3&s=2&p=1" style="width:100%;border:0"></iframe>
    <script>addEventListener("message",e=>{if(e.data.symconv)conv.style.height=e.data.height+"px"})</script>

    \b
    symconv explore -o explorer.html
    symconv explore --padding-mode reflect --padding 2 -o explorer.html
    symconv explore --input 5x4x3 --kernel 2 --transposed -o explorer.html
    symconv explore --input 7 --kernel 3 --stride 3 --padding 1,0 --lang fr -o explorateur.html
    """
    with usage_errors():
        if Path(path).suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"{path!r}: the explorer is a page; its file ends in .html")
        given = {name: _along(name, text) for name, text in sizes.items()}
        most = max(len(values) for values in given.values())
        several = axes or (most if most > 1 else START["axes"])
        start = {name: _short(values * several if len(values) == 1 else values) for name, values in given.items()}
        pads = _pads(padding, given, several)
        write_whole(path, explorer({**start, **pads, "axes": several}, lang, padding_mode, transposed))
    click.echo(path)


def _along(name: str, text: str) -> tuple[int, ...]:
    """``"5"`` -> (5,), ``"5x6"`` -> (5, 6)."""
    try:
        return tuple(int(part) for part in text.split("x"))
    except ValueError:
        raise ValueError(f"{name} {text}: whole numbers, joined by x where the axes differ") from None


def _short(values: tuple[int, ...]) -> int | tuple[int, ...]:
    return values[0] if len(set(values)) == 1 else values


def _pads(text: str, given: Mapping[str, tuple[int, ...]], axes: int) -> dict[str, int | tuple[int, ...]]:
    """``"1"`` -> p = q = 1; ``"1,2"`` -> p = 1, q = 2; ``"1x0"`` by axis; of a word the amounts that it stands for."""
    if text in WORDS:
        names = {"input": "H", "kernel": "K", "stride": "s", "dilation": "d"}
        known = {word: given[name] * (axes if len(given[name]) == 1 else 1) for word, name in names.items()}
        pairs: list[tuple[int, ...]] = [*amounts_of_word(text, known, False)]
    else:
        refused = f"--padding {text}: one number, before,after, or {', '.join(WORDS)}"
        try:
            pairs = [tuple(int(part) for part in piece.split(",")) for piece in text.split("x")]
        except ValueError:
            raise ValueError(refused) from None
        if any(len(pair) > 2 for pair in pairs):
            raise ValueError(refused)
    sides = [tuple(pair[side] for pair in pairs) for side in (0, -1)]
    return {name: _short(values) for name, values in zip("pq", sides, strict=True)}
