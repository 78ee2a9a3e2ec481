"""For notebooks: magics after ``%load_ext symconv``, and the explorer as a widget.

    %prove dx = correlate(pad(dy, p), flip(w))
    %derive --input 4x4 --kernel 2x2 --sections forward,gradients

    %%audit --convention cs231n --grid quick
    def conv_backward(dout, cache): ...

    symconv.widget(Conv(input=7, kernel=3, stride=2))

``%prove`` and ``%derive`` take what the commands take. ``%%audit`` runs the cell and audits the last function or class it
defines (or the one named first), on the options of :func:`symconv.audit`. Each returns the result object, which shows itself.
The widget needs anywidget: ``pip install symconv[jupyter]``; it works in Jupyter, VS Code, marimo and Colab.
"""

from __future__ import annotations

import ast
import shlex
from typing import TYPE_CHECKING, Any

import click

from symconv.audits import audit
from symconv.audits.calls import MODES
from symconv.audits.conventions import CONVENTIONS
from symconv.audits.grids import NAMED
from symconv.cli.derive import document_of
from symconv.cli.main import brief
from symconv.cli.prove import proofs_of
from symconv.figures.explorer import explorer, start_of
from symconv.prose import LANGUAGES

if TYPE_CHECKING:
    from symconv.audits import Audit
    from symconv.layer.conv import Conv

__all__ = ["load_ipython_extension", "widget"]

#: a frame that holds the explorer and is as high as its page
FRAME = """
function render({ model, el }) {
  const frame = document.createElement("iframe");
  frame.srcdoc = model.get("page");
  frame.title = "symconv explorer";
  frame.style.cssText = "width: 100%; height: 40em; border: 0; background: Canvas";
  frame.addEventListener("load", () => {
    const fit = () => { frame.style.height = `${frame.contentDocument.documentElement.scrollHeight + 8}px`; };
    fit();
    new ResizeObserver(fit).observe(frame.contentDocument.body);
  });
  model.on("change:page", () => { frame.srcdoc = model.get("page"); });
  el.append(frame);
}
export default { render };
"""


def widget(conv: Conv | None = None, lang: str = "en") -> Any:
    """The explorer at the sizes of a layer, as an anywidget; without a layer, at its own first sizes.

    ImportError, saying what to install, where anywidget is missing; ValueError for a layer or language it does not show.
    """
    if lang not in LANGUAGES:
        raise ValueError(f"no language {lang!r}; there are {', '.join(LANGUAGES)}")
    try:
        import anywidget  # optional: of the extra "jupyter"
        import traitlets
    except ImportError as error:
        raise ImportError("the widget needs anywidget: pip install symconv[jupyter]") from error
    page = explorer(lang=lang) if conv is None else explorer(start_of(conv), lang, conv.padding_mode, conv.transposed)
    made = type("Explorer", (anywidget.AnyWidget,), {"_esm": FRAME, "page": traitlets.Unicode("").tag(sync=True)})
    return made(page=page)


@click.command("%%audit", add_help_option=False)
@click.argument("name", required=False)
@click.option("--convention", default="auto", type=click.Choice(["auto", *CONVENTIONS]))
@click.option("--mode", default="backward", type=click.Choice(MODES))
@click.option("--grid", default="quick", type=click.Choice(NAMED))
@click.option("--outputs")
@click.option("--forward")
def _options(**_: Any) -> None:
    """What may stand on the first line of an audited cell."""


def _audited(line: str, cell: str, shell: Any) -> Audit | None:
    try:
        given = dict(_options.make_context("%%audit", shlex.split(line)).params)
    except click.ClickException as error:
        raise ValueError(error.format_message()) from error
    if shell.run_cell(cell).error_in_exec is not None:
        return None
    name = given.pop("name") or _last_defined(cell)
    names = shell.user_ns
    for wanted in (name, given["forward"]):
        if wanted is not None and "=" not in wanted and wanted not in names:
            raise ValueError(f"no {wanted!r} in this notebook")
    forward = given.pop("forward")
    forward = names.get(forward, forward)  # or a formula
    outputs = given.pop("outputs")
    return audit(names[name], forward=forward, outputs=outputs.split(",") if outputs else None, **given)


def _last_defined(cell: str) -> str:
    """The name of the last function or class of a cell; ValueError where there is none."""
    found = [node.name for node in ast.parse(cell).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    if not found:
        raise ValueError("%%audit: the cell defines no function or class; name one")
    return found[-1]


def load_ipython_extension(shell: Any) -> None:
    """Adds %prove, %derive and %%audit to a notebook or an IPython shell; a bad call ends in one line."""
    from IPython.core.error import UsageError  # there, when it calls

    def told(made: Any) -> Any:
        def magic(*given: str) -> Any:
            try:
                return made(*given)
            except (ValueError, TypeError) as error:
                raise UsageError(brief(str(error))) from error

        return magic

    shell.register_magic_function(told(lambda line: proofs_of(_words(line))), "line", "prove")
    shell.register_magic_function(told(lambda line: document_of(shlex.split(line))), "line", "derive")
    shell.register_magic_function(told(lambda line, cell: _audited(line, cell, shell)), "cell", "audit")


def _words(line: str) -> list[str]:
    """A formula, without quotes round it if need be, and the options after it."""
    formula, *options = line.split(" --")
    quoted = formula.strip()
    bare = quoted[1:-1] if len(quoted) > 1 and quoted[0] == quoted[-1] and quoted[0] in "\"'" else quoted
    return [bare, *(word for option in options for word in shlex.split(f"--{option}"))]
