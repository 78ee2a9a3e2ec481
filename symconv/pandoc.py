"""The filter for pandoc and Quarto: derivations, theorems and proved formulas in any document that they read.

    pandoc post.md --filter symconv-pandoc -o post.html          (Quarto: `filters: [symconv-pandoc]`)

    ```{.symconv-derive level=2}
    --input 4x4 --kernel 2x2 --sections forward,gradients
    ```

    ```{.symconv-prove stride="1..4"}
    dx = correlate(pad(dilate(dy, s), d*(K - 1) - p, d*(K - 1) - q + r), flip(w), dilation=d)
    ```

    In a sentence: `db = sum(dy)`{.symconv-prove}.

Options are those of the command line, as words or as attributes. A formula that is not proved, and a layer that does not exist,
end the filter, and pandoc with it, in one line (with the place, where pandoc knows it: ``-f commonmark_x+sourcepos``).
Pictures are SVG in pages and TikZ in LaTeX, for which the filter adds the package to the document's header.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from symconv.article.formats.pandoc import Maker, code, display, inline, paragraph, strings
from symconv.cli.elsewhere import as_words, derived, pieces, proved, said_proved

__all__ = ["filtered", "main"]

Node = dict[str, Any]


def filtered(document: Node, format: str = "html") -> Node:
    """Pandoc's tree of a document with symconv's blocks put in; ValueError, with the place if it is known, where one fails."""
    found = {"derive": False}

    def blocks(given: list[Any]) -> list[Any]:
        made: list[Any] = []
        for each in given:
            made += _replacement(each, format, found) or [walk(each)]
        return made

    def walk(each: Any) -> Any:
        if isinstance(each, list):
            return blocks(each)
        if isinstance(each, dict):
            return {key: walk(value) for key, value in each.items()}
        return each

    result = document | {"blocks": blocks(document["blocks"])}
    return _with_tikz(result) if found["derive"] and format in ("latex", "beamer", "pdf") else result


def _replacement(each: Any, format: str, found: dict[str, bool]) -> list[Node] | None:
    """What stands in the place of a block or a piece of code in a sentence; None where it stays."""
    if not isinstance(each, dict) or each.get("t") not in ("CodeBlock", "Code"):
        return None
    (_, classes, pairs), text = each["c"]
    attributes = dict(pairs)
    place = f"{attributes.pop('data-pos', '')}: ".removeprefix(": ")
    try:
        if "symconv-derive" in classes and each["t"] == "CodeBlock":
            found["derive"] = True
            return _derivation(text, attributes, format)
        if "symconv-prove" in classes:
            return _proof(text, attributes, each["t"] == "Code")
    except ValueError as error:
        raise ValueError(f"{place}{error}") from error
    return None


def _derivation(text: str, attributes: dict[str, str], format: str) -> list[Node]:
    level = attributes.pop("level", "2")
    if level not in "123456" or len(level) != 1:
        raise ValueError(f"symconv-derive: level {level!r} of the headings is one of 1 to 6")
    article = derived([*shlex.split(text), *as_words(attributes)])
    return Maker(article, f"{article.conv.slug}-", int(level), format).sections()


def _proof(text: str, attributes: dict[str, str], in_sentence: bool) -> list[Node]:
    try:
        proofs = proved([" ".join(text.split()), *as_words(attributes)])
    except ValueError as error:
        raise ValueError(f"symconv-prove: {error}") from error
    if in_sentence:
        return [code(text), *strings(said_proved(proofs[0]))]
    return [_set(runs) for proof in proofs for runs in pieces(proof._repr_latex_())]


#: kind of a run -> its nodes
_RUNS: dict[str, Callable[[str], list[Node]]] = {"text": strings, "math": lambda source: [inline(source)]}


def _set(runs: list[tuple[str, str]]) -> Node:
    """A paragraph, or a display."""
    (kind, source), *_ = runs
    return display(source) if kind == "display" else paragraph(node for k, run in runs for node in _RUNS[k](run))


def _with_tikz(document: Node) -> Node:
    """What the pictures need of LaTeX, in the document's own header."""
    need: Node = {"t": "MetaBlocks", "c": [{"t": "RawBlock", "c": ["latex", "\\usepackage{tikz}"]}]}
    meta = dict(document["meta"])
    old = meta.get("header-includes")
    entries = old["c"] if old and old["t"] == "MetaList" else [old] if old else []
    meta["header-includes"] = {"t": "MetaList", "c": [*entries, need]}
    return document | {"meta": meta}


def main() -> NoReturn:
    """Read pandoc's tree from standard input and write it back, as ``pandoc --filter`` asks."""
    try:
        made = filtered(json.load(sys.stdin), sys.argv[1] if len(sys.argv) > 1 else "html")
    except ValueError as error:
        sys.exit(f"symconv-pandoc: {error}")
    json.dump(made, sys.stdout)
    sys.exit(0)
