"""Documents become blocks in their order: headings, text, mathematics, code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["MAX_DOCUMENT", "Block", "DocumentError", "blocks_of", "format_of"]

#: longer documents are refused
MAX_DOCUMENT = 5_000_000

MATHS = ["equation", "align", "gather", "multline", "eqnarray", "displaymath", "alignat", "flalign", "math"]


class DocumentError(ValueError):
    """A document that cannot be read; the message says why."""


@dataclass(frozen=True)
class Block:
    """A piece of a document: ``kind`` is heading, text, display, inline, comment, front or code; ``line`` counts from 1."""

    kind: str
    text: str
    line: int
    level: int = 0
    language: str = ""


def format_of(name: str, text: str) -> str:
    """``markdown``, ``latex``, ``html`` or ``notebook``, from a file's name, or else from what is in it."""
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    known = {"md": "markdown", "markdown": "markdown", "qmd": "markdown", "rmd": "markdown", "tex": "latex", "latex": "latex",
             "html": "html", "htm": "html", "xhtml": "html", "ipynb": "notebook"}  # fmt: skip
    if suffix in known:
        return known[suffix]
    if re.search(r"\\documentclass|\\begin\{document\}", text):
        return "latex"
    if text.lstrip().startswith("{") and '"cells"' in text:
        return "notebook"
    return "html" if re.match(r"\s*<(!doctype|html)", text, re.IGNORECASE) else "markdown"


def blocks_of(text: str, kind: str) -> list[Block]:
    """The blocks of a document. Raises DocumentError for text that is none, and where a library is missing."""
    if len(text) > MAX_DOCUMENT:
        raise DocumentError(f"the document has {len(text):,} characters, more than {MAX_DOCUMENT:,}")
    try:
        return list(READERS[kind](text))
    except ModuleNotFoundError as error:
        raise DocumentError(f"reading {kind} needs {error.name}; pip install symconv[check]") from None


def _markdown(text: str, shift: int = 0) -> Iterator[Block]:
    from symconv.checking.markdown import between_words, parser  # loads markdown-it, of the extra `check`

    heading = 0
    line = 0
    tokens = parser().parse(QUARTO.sub(r"$$ (\1)", text))
    double, cell = between_words(tokens), False
    for token in tokens:
        line = token.map[0] if token.map else line
        at = line + 1 + shift
        cell = token.type in ("td_open", "th_open") or (cell and token.type == "inline")
        if token.type == "heading_open":
            heading = int(token.tag[1:])
        elif token.type == "heading_close":
            heading = 0
        elif token.type == "inline":
            yield from _inline(token, heading, at, double, cell)
        elif token.type in ("math_block", "math_block_label", "amsmath"):
            # a block may begin on the line of its dollars or after them
            yield Block("display", token.content.strip(), at)
        elif token.type in ("fence", "code_block"):
            language = token.info.strip().split(" ")[0].strip("{}").lower() if token.info else ""
            if token.type == "fence" and (language in DIRECTIVES or ("$$" in token.content and not language)):
                yield from (replace(b, line=b.line) for b in _markdown(_directive(token.content), at))
            elif language in ("math", "latex", "{math}", "katex"):
                yield Block("display", token.content.strip().strip("$"), at)
            else:
                yield Block("code", token.content, at, language=language)
        elif token.type == "front_matter":
            yield Block("front", token.content, at)
        elif token.type == "html_block":
            comment = re.match(r"\s*<!--(.*?)-->", token.content, re.DOTALL)
            if comment:
                yield Block("comment", comment[1].strip(), at)
            else:
                yield from (replace(b, line=b.line + at - 1) for b in _html(token.content))


DIRECTIVES = {
    "dropdown",
    "admonition",
    "note",
    "tip",
    "proof:proof",
    "prf:proof",
    "prf:theorem",
    "exercise",
    "solution",
    "toggle",
}


def _directive(text: str) -> str:
    return re.sub(r"^:\w+:.*$", "", text, flags=re.MULTILINE)


#: what Quarto writes behind a display, by which it is referred to
QUARTO = re.compile(r"\$\$[ \t]*\{#([\w.:-]+)[^}\n]*\}[ \t]*$", re.MULTILINE)


def _inline(token: Any, heading: int, at: int, double: bool, cell: bool) -> Iterator[Block]:
    """The pieces of a paragraph; two dollars on either side make a display wherever they stand, unless they are all that stands
    around mathematics in words (``double``), and it has words beside it or a ``cell`` of a table around it."""
    words: list[str] = []
    line = at
    rest = token.content
    kind = "heading" if heading else "text"
    for child in token.children or []:
        if child.type in ("softbreak", "hardbreak"):
            line += 1
            words.append("\n")
        elif child.type == "math_inline" and not _displayed(rest, child.content):
            words.append(f"${child.content.strip('`')}$")  # GitHub's have backticks inside the dollars
        elif child.type == "math_inline_double" and double and (cell or _in_words(rest, child.content)):
            words.append(f"${child.content.strip()}$")
        elif child.type in ("math_inline_double", "math_inline"):
            if "".join(words).strip():
                yield from _text(kind, "".join(words), at, heading)
            words = []
            yield Block("display", child.content.strip(), line)
            line += child.content.count("\n")
        elif child.type == "code_inline":
            words.append(f"`{child.content}`")
        else:
            words.append(child.content)
    if "".join(words).strip():
        yield from _text(kind, "".join(words), at, heading)


def _in_words(source: str, content: str) -> bool:
    """Whether something else stands on the lines of a display."""
    before, _, after = source.partition(f"$${content}$$")
    return bool(before.rpartition("\n")[2].strip() or after.partition("\n")[0].strip())


def _displayed(source: str, content: str) -> bool:
    return f"$${content}$$" in source


def _text(kind: str, text: str, line: int, level: int) -> Iterator[Block]:
    yield Block(kind, text, line, level)
    if kind == "text":
        for found in re.finditer(r"(?<![\\$])\$([^$\n]+)\$", text):
            yield Block("inline", found[1].strip(), line + text.count("\n", 0, found.start()))


def _latex(text: str) -> Iterator[Block]:
    # a library of the extra `check`
    from pylatexenc.latexwalker import LatexWalker

    text = _expanded(re.sub(r"(?m)(?<!\\)%(?!\s*symconv:).*$", "", text))
    text = PICTURES.sub(lambda m: "\n" * m[0].count("\n"), text)
    nodes = LatexWalker(text, tolerant_parsing=True).get_latex_nodes()[0]
    yield from _latex_blocks(nodes, text)


def _latex_blocks(nodes: Any, text: str) -> Iterator[Block]:
    """Blocks of a list of nodes; what is neither mathematics, code nor a heading gathers into text."""
    words: list[str] = []
    start = 1
    for node in nodes or []:
        if node is None:
            continue
        line = text.count("\n", 0, node.pos) + 1
        source = node.latex_verbatim()
        grouped = getattr(node, "delimiters", None) == ("{", "}") and re.search(r"\\begin\{|\\\[|\$\$", source)
        around = grouped or getattr(node, "environmentname", None) is not None
        inner = around and not _shown(node, source, line)
        shown = None if inner else _shown(node, source, line)
        comment = re.match(r"%\s*(symconv:.*)", source)
        if shown is None and comment:
            shown = Block("comment", comment[1], line)
        if shown is None and not inner:
            start = start if words else line
            words.append(re.sub(r"^\\\((.*)\\\)$", r"$\1$", source, flags=re.DOTALL))
            continue
        if "".join(words).strip():
            yield from _text("text", "".join(words), start, 0)
        words = []
        if shown is not None:
            yield shown
        else:
            yield from _latex_blocks(node.nodelist, text)
    if "".join(words).strip():
        yield from _text("text", "".join(words), start, 0)


def _shown(node: Any, source: str, line: int) -> Block | None:
    """The block that a node is by itself: a display, code, a heading."""
    name = getattr(node, "environmentname", None) or getattr(node, "macroname", None) or ""
    if getattr(node, "displaytype", None) == "display":
        return Block("display", re.sub(r"^(\$\$|\\\[)|(\$\$|\\\])$", "", source).strip(), line)
    if source.startswith("\\begin") and name.rstrip("*") in MATHS:
        return Block("display", source, line)
    if source.startswith("\\begin") and name in ("lstlisting", "verbatim", "minted", "Verbatim"):
        body = re.sub(rf"^\\begin\{{{name}\}}(\[[^\]]*\])?(\{{\w+\}})?\n?|\\end\{{{name}\}}$", "", source)
        return Block("code", body, line, language="python")
    if large := re.match(r"\{\\(?:large|Large|LARGE|huge|Huge)(?:\\bfseries)?\s+([^{}\\]+)", source):
        return Block("heading", large[1].strip(), line, 1)
    if name in SECTIONS and not source.startswith("\\begin"):
        title = "".join(
            each.latex_verbatim() for each in (node.nodeargd.argnlist if node.nodeargd else []) if each is not None
        )
        return Block("heading", title.strip("{}*"), line, SECTIONS[name])
    return None


#: what is drawn, and what is said below it, perhaps of another layer: none of the article's statements
PICTURES = re.compile(
    r"\\begin\{(tikzpicture|pgfpicture|tikzcd)\}.*?\\end\{\1\}"
    r"|\\caption\*?(?:\[[^\]]*\])?\{(?:[^{}]|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})*\}", re.DOTALL)  # fmt: skip

SECTIONS = {"title": 1, "chapter": 1, "section": 1, "subsection": 2, "subsubsection": 3, "paragraph": 4}


def _expanded(text: str) -> str:
    r"""The text with its own ``\newcommand`` replaced, a bounded number of times."""
    pattern = re.compile(
        r"\\(?:re)?newcommand\*?\s*\{?\\([A-Za-z]+)\}?(?:\[(\d)\])?\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
    )
    # a heading in another type is one all the same
    commands = {m[1]: (int(m[2] or 0), m[3]) for m in pattern.finditer(text) if m[1] not in SECTIONS}
    text = pattern.sub(lambda m: "\n" * m[0].count("\n"), text)
    for _ in range(4):
        before = text
        for name, (count, body) in commands.items():
            argument = r"\s*\{((?:[^{}]|\{[^{}]*\})*)\}"

            def put(m: re.Match[str], body: str = body, count: int = count) -> str:
                for n in range(count):
                    body = body.replace(f"#{n + 1}", m[n + 1])
                return body

            text = re.sub(rf"\\{name}(?![A-Za-z])" + argument * count, put, text)
        if text == before or len(text) > MAX_DOCUMENT:
            break
    return text


RAW = re.compile(
    r"\$\$(.+?)\$\$|\\\[(.+?)\\\]|(\\begin\{(?:equation|align|gather)\*?\}.+?\\end\{(?:equation|align|gather)\*?\})",
    re.DOTALL,
)


def _raw_mathematics(text: str, line: int) -> Iterator[Block]:
    """Text of a page with the displays that a script would set later."""
    rest = 0
    for found in RAW.finditer(text):
        if text[rest : found.start()].strip():
            yield from _text("text", text[rest : found.start()], line + text.count("\n", 0, rest), 0)
        shown = next(group for group in found.groups() if group is not None)
        yield Block("display", shown.strip(), line + text.count("\n", 0, found.start()))
        rest = found.end()
    if text[rest:].strip():
        yield from _text("text", text[rest:], line + text.count("\n", 0, rest), 0)


def _displays(tag: Any) -> bool:
    """Whether it holds mathematics that is no part of a sentence, or has no TeX."""
    for each in tag.find_all("math"):
        kind = str(each.get("class") or "")
        if "display" in kind or ("continued" not in kind and each.find("annotation") is None):
            return True
    return False


def _spoken(tag: Any) -> str:
    """The words of a tag with the TeX of the mathematics among them."""
    pieces = []
    for child in tag.children:
        if child.name is None:
            pieces.append(str(child))
        elif child.name == "math":
            note = child.find("annotation")
            pieces.append(f"${note.get_text().strip()}$" if note is not None else "")
        else:
            pieces.append(_spoken(child))
    return "".join(pieces)


def _html(text: str) -> Iterator[Block]:
    # a library of the extra `check`
    from bs4 import BeautifulSoup, Comment, Tag

    soup = BeautifulSoup(text, "html.parser")

    def visit(tag: Any) -> Iterator[Block]:
        words: list[str] = []
        line = tag.sourceline or 1
        for child in tag.children:
            if isinstance(child, Comment):
                yield Block("comment", str(child).strip(), line)
            elif not isinstance(child, Tag):
                words.append(str(child))
            else:
                at = child.sourceline or line
                name = child.name
                if name == "script" and "math/tex" in str(child.get("type", "")):
                    yield Block(
                        "display" if "display" in str(child["type"]) else "inline", child.get_text().strip(), at
                    )
                elif name in ("script", "style", "svg"):
                    continue
                elif name == "math" or "katex" in str(child.get("class") or ""):
                    note = child.find("annotation", attrs={"encoding": "application/x-tex"})
                    shown = "display" in str(child.get("class") or "") or child.get("display") == "block"
                    if note is not None and shown:
                        yield Block("display", note.get_text().strip(), at)
                    elif note is not None:  # part of the sentence, as in Markdown
                        words.append(f"${note.get_text().strip()}$")
                    elif name == "math" and "continued" not in (child.get("class") or ()):
                        yield Block("display" if shown else "inline", "", at)
                elif re.fullmatch("h[1-6]", name):
                    yield Block("heading", child.get_text(), at, int(name[1]))
                elif name == "pre":
                    yield Block("code", child.get_text(), at, language="python")
                elif name in ("code", "em", "strong", "b", "i", "a", "span", "sub", "sup") and not _displays(child):
                    words.append(_spoken(child))
                else:
                    yield from _raw_mathematics("".join(words), line)
                    words = []
                    yield from visit(child)
        yield from _raw_mathematics("".join(words), line)

    yield from visit(soup)


def _notebook(text: str) -> Iterator[Block]:
    try:
        cells = json.loads(text)["cells"]
    except (ValueError, KeyError, TypeError):
        raise DocumentError("this is no notebook: it has no list of cells") from None
    line = 1
    for cell in cells:
        source = cell.get("source", "")
        source = "".join(source) if isinstance(source, list) else str(source)
        if cell.get("cell_type") == "markdown":
            yield from _markdown(source, line - 1)
        elif cell.get("cell_type") == "code":
            yield Block("code", source, line, language="python")
        line += source.count("\n") + 1


READERS: dict[str, Callable[[str], Iterator[Block]]] = {
    "markdown": _markdown, "latex": _latex, "html": _html, "notebook": _notebook,
}  # fmt: skip
