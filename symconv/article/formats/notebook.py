"""A document as a Jupyter notebook: its sections as Markdown, and between them cells that compute what they say.

The notebook (nbformat 4.5) runs from top to bottom in a kernel that has symconv, and holds no output yet. The same document
always gives the same bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from symconv.article.blocks import Article, Block, Picture, Section
from symconv.article.companions import fewer
from symconv.article.formats.markdown import printed as in_markdown
from symconv.article.formats.markdown import words
from symconv.article.pictures import PAGE, pictures
from symconv.figures import Figure
from symconv.layer.conv import MAX_TERMS, Conv
from symconv.prose import Phrase

__all__ = ["MOST_SHOWN", "printed"]

#: gradients of a loss with more terms than this are shown by one entry
MOST_SHOWN = 400

#: a layer of more terms is not tried on numbers by loops, which would take minutes
MOST_TRIED = 20_000

#: a Jacobian of more entries is not shown
MOST_ENTRIES = 400

LAYER = """\
from symconv import Conv, prove
from symconv.figures import figure

conv = {conv!r}
targets = [{targets}]
{shown}g = {name}.gradients({loss})
g"""

PROVE = """\
for stride, dilation in sorted(set(zip(conv.stride, conv.dilation))):
    for target in targets:
        print(prove(target, stride=stride, dilation=dilation, transposed=conv.transposed))"""

VERIFY = """\
verification = conv.verify()
assert verification.ok
verification"""

NUMBERS = """\
from symconv.layer.differences import exact_gradients, random_integers

numbers = random_integers(conv, seed=1){no_bias}
exact = exact_gradients(conv, **numbers)
symbolic = conv.gradients()
agree = {{name: bool((exact[name] == symbolic.terms(name).substitute(numbers)).all()) for name in targets}}
assert all(agree.values())
agree"""

#: the layer of the formulas has no bias then
NO_BIAS = """
numbers["b"] = 0 * numbers["b"]"""


@dataclass(frozen=True)
class Step:
    """Cells of code, with what is said before them."""

    name: str
    said: Phrase
    cells: tuple[str, ...]


def printed(document: Article) -> str:
    """The whole notebook as JSON."""
    cells = [_cell("title", "markdown", _heading(document))]
    cells += _cells(document, _layer(document))
    for section in document.sections:
        cells += _told(document, section)
        for step in STEPS.get(section.name, ()):
            cells += _cells(document, step(document))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {
        "cells": cells, "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4, "nbformat_minor": 5,
    }  # fmt: skip
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


# text -----------------------------------------------------------------------------------------------------------------


def _heading(document: Article) -> str:
    return in_markdown(replace(document, sections=())).strip()


def _section(document: Article, section: Section) -> str:
    """A section as the Markdown reader sets it in a document of its own."""
    return in_markdown(replace(document, sections=(section,))).strip().removeprefix(_heading(document)).strip()


def _told(document: Article, section: Section) -> Iterator[dict[str, Any]]:
    """The cells of a section: its words and formulas, and between them a cell for each picture."""
    shown = dict(pictures(document, section, PAGE._replace(wraps=False)))
    heading = _section(document, replace(section, blocks=()))
    since: list[Block] = []
    name = section.name
    for block in (*section.blocks, None):
        if isinstance(block, Picture) and block.kind not in shown:
            continue
        if block is not None and not isinstance(block, Picture):
            since.append(block)
            continue
        text = _section(document, replace(section, blocks=tuple(since)))
        text = text if name == section.name else text.removeprefix(heading).strip()
        if text:
            yield _cell(name, "markdown", text)
        if block is not None:
            yield _cell(f"{section.name}-{block.kind}", "code", _drawn(document, block.kind, shown[block.kind]))
            name, since = f"{section.name}-after-{block.kind}", []


def _drawn(document: Article, kind: str, shown: Figure) -> str:
    """The call that draws a picture; of a large layer it is a shorter one that is drawn."""
    conv = "conv" if shown.conv == document.conv else repr(shown.conv)
    strip = ", strip=True" if shown.strip else ""
    return f'figure({conv}, "{kind}"{_language(document)}{strip}, room={shown.room:g})'


def _language(document: Article) -> str:
    return "" if document.lang == "en" else f', lang="{document.lang}"'


# code -----------------------------------------------------------------------------------------------------------------


def _targets(document: Article) -> tuple[str, ...]:
    return ("y", "dx", "dw", "db") if document.conv.bias else ("y", "dx", "dw")


def _layer(document: Article) -> Step:
    loss = "" if document.loss == "upstream" else f'"{document.loss}"'
    targets = ", ".join(f'"{target}"' for target in _targets(document))
    told = _told_of(document)
    large = told != document.conv
    shown = f"shown = {told!r}  # the layer's own loss has {document.conv.terms:,} terms\n" if large else ""
    name = "shown" if large else "conv"
    code = LAYER.format(conv=document.conv, targets=targets, loss=loss, shown=shown, name=name)
    return Step("layer", Phrase("notebook.layer"), (code,))


def _told_of(document: Article) -> Conv:
    """The layer whose entries are shown: a shorter one where the loss has too many terms to be written down."""
    return document.conv if document.conv.terms <= MAX_TERMS else fewer(document.conv)


def _jacobian(document: Article) -> Step:
    """dy/dx as a matrix, or nothing where it is large."""
    conv = _told_of(document)
    entries = math.prod(conv.x_shape) * math.prod(conv.y_shape)
    code = ('g.jacobian_matrix("x")',) if entries <= MOST_ENTRIES else ()
    return Step("jacobian", Phrase("notebook.jacobian"), code)


def _gradients(document: Article) -> Step:
    """Each gradient: of a small layer the whole array, of a large one an entry in its middle."""
    conv = _told_of(document)
    targets = [target for target in _targets(document) if target != "y"]
    if conv.terms <= MOST_SHOWN:
        arrays = {"dx": "g.dx[0, 0]", "dw": "g.dw[0, 0]", "db": "g.db"}
        return Step("gradients", Phrase("notebook.gradients"), tuple(arrays[target] for target in targets))
    array = 'g.terms("{}")[{}]' if document.loss == "upstream" else "g.{}[{}]"
    middle = {target: ", ".join(str(n // 2) for n in conv.shapes[target]) for target in targets}
    # an entry of dw or db sums over all windows: of a large image that is no line to read, and minutes of typesetting
    windows = math.prod(conv.y_shape) // conv.out_channels
    most = {"dx": conv.terms // math.prod(conv.x_shape), "dw": windows, "db": windows}
    shown = [target for target in targets if most[target] <= MOST_SHOWN]
    return Step("gradients", Phrase("notebook.entry"), tuple(array.format(target, middle[target]) for target in shown))


def _prove(document: Article) -> Step:
    return Step("prove", Phrase("notebook.prove"), (PROVE,))


def _verify(document: Article) -> Step:
    return Step("verify", Phrase("notebook.verify"), (VERIFY,))


def _numbers(document: Article) -> Step:
    code = NUMBERS.format(no_bias="" if document.conv.bias else NO_BIAS)
    return Step("numbers", Phrase("notebook.numbers"), (code,) if document.conv.terms <= MOST_TRIED else ())


#: section -> what is computed after it
STEPS: dict[str, tuple[Callable[[Article], Step], ...]] = {
    "jacobians": (_jacobian,),
    "gradients": (_gradients,),
    "summary": (_prove,),
    "algorithm": (_verify, _numbers),
}


# cells ----------------------------------------------------------------------------------------------------------------


def _cells(document: Article, step: Step) -> Iterator[dict[str, Any]]:
    """A step's words and its code; nothing where it has no code."""
    if step.cells:
        yield _cell(f"{step.name}-said", "markdown", words(document.prose, step.said))
    for i, code in enumerate(step.cells):
        yield _cell(f"{step.name}-{i + 1}", "code", code)


def _cell(name: str, kind: str, source: str) -> dict[str, Any]:
    """A cell; ``name`` is its id, letters and dashes."""
    cell: dict[str, Any] = {"cell_type": kind, "id": name.replace("_", "-"), "metadata": {}}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell | {"source": source.splitlines(keepends=True)}
