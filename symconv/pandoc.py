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
import re
import shlex
import sys
from typing import Any, NoReturn

from symconv.article.formats.pandoc import Maker, code, display, inline, paragraph, strings
from symconv.cli.derive import document_of
from symconv.cli.prove import proofs_of

__all__ = ["filtered", "main"]

_MATHEMATICS = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.DOTALL)

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


def _options(attributes: dict[str, str]) -> list[str]:
    return [word for name, value in attributes.items() for word in ([f"--{name}", value] if value else [f"--{name}"])]


def _derivation(text: str, attributes: dict[str, str], format: str) -> list[Node]:
    level = int(attributes.pop("level", "2"))
    article = document_of([*shlex.split(text), *_options(attributes)])
    if not article.ok:
        raise ValueError(f"symconv-derive {text.strip()}: a formula and the derivative differ")
    return Maker(article, f"{article.conv.slug}-", level, format).sections()


def _proof(text: str, attributes: dict[str, str], in_sentence: bool) -> list[Node]:
    formula = " ".join(text.split())
    proofs = proofs_of([formula, *_options(attributes)])
    for proof in proofs:
        if not proof.proved:
            at = f"; it holds when {proof.condition}" if proof.condition else ""
            step = f"stride {proof.stride}, dilation {proof.dilation}"
            raise ValueError(f"symconv-prove: {proof.verdict} at {step}: {formula}{at}")
    if in_sentence:
        return [
            code(text),
            *strings(f" (proved for every size, stride {proofs[0].stride}, dilation {proofs[0].dilation})"),
        ]
    return [made for proof in proofs for made in _theorem(proof._repr_latex_())]


def _theorem(text: str) -> list[Node]:
    """Paragraphs with mathematics between dollars as nodes."""
    made: list[Node] = []
    for part in text.split("\n\n"):
        runs: list[Node] = []
        at = 0
        for match in _MATHEMATICS.finditer(part):
            runs += strings(part[at : match.start()])
            at = match.end()
            if match[1] is not None:
                made += [paragraph(runs)] if runs else []
                made.append(display(match[1].strip()))
                runs = []
            else:
                runs.append(inline(match[2]))
        runs += strings(part[at:])
        made += [paragraph(runs)] if runs else []
    return made


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
