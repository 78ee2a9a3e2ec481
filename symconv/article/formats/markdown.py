"""A document as Markdown, mathematics between dollars, in the dialect of the page that shows it."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from symconv.article.blocks import Article, Equations
from symconv.article.formats.displays import STYLES, fitting, opened
from symconv.article.formats.latex import FRAME, NUMBER, TEXT_WIDTH, aligned
from symconv.article.pictures import PAGE, Room, explored, picture, pictures, room_of
from symconv.mathematics.latex import latex
from symconv.mathematics.markup import plain
from symconv.mathematics.tree import Math
from symconv.prose import Cited, Phrase, Prose, Value

__all__ = ["DIALECTS", "Dialect", "files", "printed"]

#: characters that Markdown would take for its own, in words; between dollars nothing is escaped
ESCAPED = {character: "\\" + character for character in "\\`*_|<>$"}


@dataclass(frozen=True)
class Dialect:
    """How mathematics is marked: what stands around it in words and in displays, how a display's number is said, and how one is
    referred to; ``{label}`` and ``{number}`` are put in. ``replaced`` are commands that it does not have."""

    inline: tuple[str, str] = ("$", "$")
    number: str = " \\tag{{{number}}}\n$$"
    cited: str = "({number})"
    replaced: tuple[tuple[str, str], ...] = ()


#: the dialects by name: any page with MathJax; Jekyll with kramdown; GitHub; MyST; Quarto
DIALECTS = {
    "plain": Dialect(),
    "jekyll": Dialect(inline=("$$", "$$")),
    "github": Dialect(inline=("$`", "`$"), replaced=((r"\operatorname{", r"\mathrm{"),)),
    "myst": Dialect(number="\n$$ ({label})", cited="{{eq}}`{label}`"),
    "quarto": Dialect(number="\n$$ {{#eq-{label}}}", cited="@eq-{label}"),
}


def words(prose: Prose, value: Value, dialect: Dialect = DIALECTS["plain"]) -> str:
    """A phrase, its mathematics between the dialect's marks."""
    pieces = []
    before, after = dialect.inline
    for run in prose.linked(value):
        if isinstance(run, str):
            pieces.append("".join(ESCAPED.get(character, character) for character in run))
        elif isinstance(run, Cited):
            pieces.append(dialect.cited.format(label=run.label, number=run.number))
        else:
            pieces.append(f"{before}{_spelled(run, dialect)}{after}" if isinstance(run, Math) else f"`{run.text}`")
    return "".join(pieces)


def _spelled(math: Math, dialect: Dialect) -> str:
    return _replaced(latex(math), dialect)


def _replaced(text: str, dialect: Dialect) -> str:
    for command, other in dialect.replaced:
        text = text.replace(command, other)
    return text


def display(prose: Prose, block: Equations, dialect: Dialect = DIALECTS["plain"], width: float | None = None) -> str:
    """Equations between double dollars, aligned; in smaller type where something is wider than a given ``width``."""
    limit = TEXT_WIDTH
    style = STYLES[0]
    if width is not None:
        limit = width - (NUMBER if block.label in prose.numbers else 0) - (FRAME if block.boxed else 0)
        block = opened(block, limit)
        style = fitting(block, limit)
    shown = _replaced(aligned(prose, block, limit, style), dialect)
    if style.command:
        shown = f"{style.command} {shown}"
    number = prose.numbers.get(block.label) if block.label else None
    end = dialect.number.format(label=block.label, number=number) if number else "\n$$"
    return f"$$\n{shown}{end}"


def image(document: Article, kind: str) -> str | None:
    """A picture as Markdown's image."""
    how = document.layout.figures or "none"
    shown = None if how == "none" else picture(document, kind, _room(document))
    if shown is None:
        return None
    address = f"{document.layout.path}{kind}.svg"
    if how == "inline":
        address = "data:image/svg+xml;base64," + b64encode(shown.to_svg().encode()).decode()
    said = plain(shown.caption).replace("[", "(").replace("]", ")")
    return f"![{said}]({address})"


def files(document: Article) -> dict[str, str]:
    """What a document with ``figures="files"`` shows beside it: SVG by the name after the layout's path."""
    if document.layout.figures != "files":
        return {}
    return {f"{kind}.svg": shown.to_svg()
            for section in document.sections for kind, shown in pictures(document, section, _room(document))}  # fmt: skip


def _room(document: Article) -> Room:
    """An image is one picture: its frames do not wrap."""
    points = None if document.layout.width is None else document.layout.points(TEXT_WIDTH)
    return room_of(points, PAGE)._replace(wraps=False)


@cache
def environment() -> Environment:
    return Environment(loader=PackageLoader("symconv.article"), trim_blocks=True, lstrip_blocks=True,
                       undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)  # fmt: skip


def printed(document: Article, dialect: str = "plain", front_matter: Mapping[str, str] | None = None) -> str:
    """The whole document in a dialect. With ``front_matter`` it begins with these keys as YAML, the document's title among them,
    and the heading is left to the page; ValueError for a dialect there is none of, or a key that is no word."""
    if dialect not in DIALECTS:
        raise ValueError(f"no dialect {dialect!r} of Markdown; there are {', '.join(DIALECTS)}")
    chosen, prose = DIALECTS[dialect], document.prose
    width = None if document.layout.width is None else document.layout.points(TEXT_WIDTH)
    helpers = {
        "words": lambda value: words(prose, value, chosen),
        "display": lambda block: display(prose, block, chosen, width),
        "hashes": lambda depth: "#" * min(6, depth + document.layout.level - 1),
        "image": lambda block: image(document, block.kind),
        "kind": lambda block: type(block).__name__,
        "explored": explored(document),
        "explorer": Phrase("page.explorer"),
        "front_matter": [] if front_matter is None else list(yaml_lines(front_matter, prose.text(document.title))),
    }
    return environment().get_template("document.md.jinja").render(document=document, **helpers)


def yaml_lines(given: Mapping[str, str], title: str) -> Iterator[str]:
    """Keys and values as YAML: dates and numbers plain, lists of ``categories`` and ``tags``, everything else as quoted text.

    >>> list(yaml_lines({"date": "2024-05-01", "categories": "maths, convolution"}, "The gradients"))
    ['title: "The gradients"', 'date: 2024-05-01', 'categories: ["maths", "convolution"]']
    """
    for key, value in ({"title": title} | dict(given)).items():
        if not re.fullmatch(r"[A-Za-z_][\w-]*", key):
            raise ValueError(f"{key!r} is no key of front matter: it must be a word")
        if key in ("categories", "tags"):
            names = re.split(r"[,;]?\s+|,", value.strip())
            yield f"{key}: {json.dumps(names, ensure_ascii=False)}"
        elif re.fullmatch(r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?( [+-]\d{4})?)?|-?\d+|true|false", value):
            yield f"{key}: {value}"
        else:
            yield f"{key}: {json.dumps(value, ensure_ascii=False)}"
