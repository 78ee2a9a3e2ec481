"""``symconv explore``: the explorer as one HTML file."""

from __future__ import annotations

from pathlib import Path

import click

from symconv.cli.options import usage_errors
from symconv.figures.explorer import START, explorer
from symconv.files import write_whole
from symconv.layer.padding import MODES, WORDS, amounts_of_word
from symconv.prose import LANGUAGES

__all__ = ["command"]


@click.command("explore", short_help="Write a page on which sizes are slid and entries pointed at.")
@click.option("-o", "--output", "path", required=True, metavar="FILE", help="The page: explorer.html.")
@click.option("--input", "H", default=START["H"], show_default=True, type=int, help="Input size at first.")
@click.option("--kernel", "K", default=START["K"], show_default=True, type=int, help="Kernel size at first.")
@click.option("--stride", "s", default=START["s"], show_default=True, type=int, help="Stride at first.")
@click.option(
    "--padding",
    default=str(START["p"]),
    show_default=True,
    metavar="P[,Q]|WORD",
    help=f"Padding at first: before,after, or {', '.join(WORDS)}.",
)
@click.option("--dilation", "d", default=START["d"], show_default=True, type=int, help="Dilation at first.")
@click.option("--axes", default=START["axes"], show_default=True, type=click.IntRange(1, 2), help="Axes at first.")
@click.option("--padding-mode", default="zeros", show_default=True, type=click.Choice([*MODES]),
              help="What stands on the border at first.")  # fmt: skip
@click.option("--lang", default="en", show_default=True, type=click.Choice(LANGUAGES), help="Language of the page.")
def command(path: str, padding: str, padding_mode: str, lang: str, **sizes: int) -> None:
    """Write one HTML file, which needs no network and no server: sliders for the sizes, and entries that show what feeds them.

    In a post, with a second line that gives it the height it asks for:

    \b
    <iframe id="conv" src="explorer.html#H=7&K=3&s=2&p=1" style="width:100%;border:0"></iframe>
    <script>addEventListener("message",e=>{if(e.data.symconv)conv.style.height=e.data.height+"px"})</script>

    \b
    symconv explore -o explorer.html
    symconv explore --padding-mode reflect --padding 2 -o explorer.html
    symconv explore --input 7 --kernel 3 --stride 3 --padding 1,0 --lang fr -o explorateur.html
    """
    with usage_errors():
        if Path(path).suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"{path!r}: the explorer is a page; its file ends in .html")
        write_whole(path, explorer(sizes | _pads(padding, sizes), lang, padding_mode))
    click.echo(path)


def _pads(text: str, sizes: dict[str, int]) -> dict[str, int]:
    """``"1"`` -> p = q = 1; ``"1,2"`` -> p = 1, q = 2; of a word the amounts that it stands for."""
    if text in WORDS:
        known = {"input": (sizes["H"],), "kernel": (sizes["K"],), "stride": (sizes["s"],), "dilation": (sizes["d"],)}
        ((p, q),) = amounts_of_word(text, known, False)
        return {"p": p, "q": q}
    try:
        before, *after = (int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--padding {text}: one number, before,after, or {', '.join(WORDS)}") from None
    if len(after) > 1:
        raise ValueError(f"--padding {text}: one number, before,after, or {', '.join(WORDS)}")
    return {"p": before, "q": after[0] if after else before}
