"""A document as LaTeX that pdflatex sets without errors and without overfull lines."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Callable
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from symconv.article.blocks import Article, Equations, Table
from symconv.article.formats.displays import (
    OPENING,
    STYLES,
    Style,
    deepest,
    fitting,
    matrix_rows,
    opened,
    row_end,
    rows,
)
from symconv.article.pictures import PRINT, picture, room_of
from symconv.figures.tikz import LARGEST_CELL
from symconv.mathematics.latex import latex
from symconv.mathematics.latex import width as math_width
from symconv.mathematics.markup import latex_text
from symconv.mathematics.markup import width as typeset_width
from symconv.mathematics.tree import Equation, Math
from symconv.prose import Cited, Phrase, Prose, Value

__all__ = ["CROSSING", "TEXT_WIDTH", "aligned", "body", "fragment", "printed"]

#: the page of the template is this wide, in points, for type of eleven points; measures are for ten
TEXT_WIDTH = 466.0 / 1.095

#: the lines of a document of its own, which is set in ten points
WHOLE = 455.0

#: crossing out, for a document without the package cancel
CROSSING = r"\providecommand{\cancel}[1]{{\setbox0\hbox{$#1$}\rlap{\vrule width\wd0 height.65ex depth-.55ex}\box0}}"

#: what the number of an equation and the frame of a box take of it
NUMBER, FRAME = 32.0, 12.0

#: the space between two columns of a table, and how far words may be wider than they are reckoned
COLUMN_SPACE, SAFE = 12.0, 1.1

#: centimetres of a picture, at most
PICTURE_WIDTH = 14.5

#: a list of so many short equations is set in two columns
MANY = 6

#: a display of no more lines than this is never divided between two pages
KEPT = 16

#: between two equations in a row
BETWEEN = 24.0

#: what ends a row
BREAK = "\\\\"

#: a program of more lines is set in two columns where the article is brief
LONG_CODE = 20

#: the width of one of two columns of the template's page, in points
COLUMN = 228.0

#: headings by depth
HEADINGS = ("section", "subsection", "subsubsection", "paragraph")

#: characters that mean something else to TeX
ESCAPED = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "⋆": r"$\star$", "↑": r"$\uparrow$", "↓": r"$\downarrow$",
    "°": r"\textdegree{}", "⊤": r"$\top$", "’": "'", "“": "``", "”": "''", "„": ",,", "×": r"$\times$",
    "⊙": r"$\odot$", "−": r"$-$", "\u00a0": "~", "\u202f": r"\,", "–": "--", "—": "---", "…": r"\dots{}",
}  # fmt: skip


def escape(text: str) -> str:
    """Plain text for TeX."""
    return "".join(ESCAPED.get(character, character) for character in text)


def words(prose: Prose, value: Value, prefix: str = "") -> str:
    """A phrase, its mathematics between dollars, the numbers of equations as references to labels that begin with ``prefix``."""
    pieces = []
    for run in prose.linked(value):
        if isinstance(run, str):
            pieces.append(escape(run))
        elif isinstance(run, Cited):
            pieces.append(rf"\eqref{{{prefix}{run.label}}}")
        else:
            pieces.append(f"${latex(run)}$" if isinstance(run, Math) else rf"\texttt{{{escape(run.text)}}}")
    return "".join(pieces)


def display(prose: Prose, block: Equations, prefix: str = "", width: float = TEXT_WIDTH) -> str:
    """Equations as one alignment, in smaller type where a matrix needs it; the number of a display is beside its first line."""
    number = prose.numbers.get(block.label) if block.label else None
    limit = width - (NUMBER if number else 0) - (FRAME if block.boxed else 0)
    block = opened(block, limit)
    style = fitting(block, limit)
    lines = rows(block, limit, style, counted(prose, "elided.more"), counted(prose, "elided.terms_note"))
    label = rf"\label{{{prefix}{block.label}}}" if number else ""
    if block.boxed:
        inner = f" {row_end(block)}\n".join(f"  {line}" for line in lines)
        shown = (
            f"\\begin{{equation}}{label}\n\\boxed{{\\begin{{aligned}}\n{inner}\n\\end{{aligned}}}}\n\\end{{equation}}"
        )
    else:
        rest = r" \notag" if number else ""
        ends = [f" {label}" if label else "", *[rest] * (len(lines) - 1)]
        inner = held(block, [f"  {line}{end}" for line, end in zip(lines, ends, strict=True)])
        name = "align" if number else "align*"
        shown = f"\\begin{{{name}}}\n{inner}\n\\end{{{name}}}"
    if style != STYLES[0]:
        return f"{{{style.command}\\setlength{{\\arraycolsep}}{{{style.gap:g}pt}}%\n{shown}}}"
    return shown


def aligned(prose: Prose, block: Equations, limit: float = TEXT_WIDTH, style: Style = STYLES[0]) -> str:
    """Equations as one ``aligned``, framed where they are: what stands between the signs of a display anywhere but in LaTeX."""
    lines = rows(block, limit, style, counted(prose, "elided.more"), counted(prose, "elided.terms_note"))
    inner = f" {row_end(block)}\n".join(lines)
    shown = f"\\begin{{aligned}}\n{inner}\n\\end{{aligned}}"
    return f"\\boxed{{{shown}}}" if block.boxed else shown


def held(block: Equations, lines: list[str]) -> str:
    r"""The rows of an alignment, ``\\*`` between those that stay on one page: all of a short display, those of an equation that
    is broken, and of a long list the first two and the last two."""
    end, deep = row_end(block), matrix_rows(block)
    short = len(lines) * max(1, deep) <= KEPT
    result = lines[0]
    for i, line in enumerate(lines[1:], 1):
        whole = short or line.lstrip().startswith("&") or (not deep and i in (1, len(lines) - 1))
        result += f" {end.replace(BREAK, BREAK + '*') if whole else end}\n{line}"
    return result


def side_by_side(prose: Prose, block: Equations) -> str:
    """Equations with matrices in one row; a list of short ones in two columns, which are read one after the other."""
    lines = rows(block, WHOLE, STYLES[0], counted(prose, "elided.more"), counted(prose, "elided.terms_note"))
    height = 1 if abreast(block) else (len(lines) + 1) // 2
    columns = (lines[i : i + height] for i in range(0, len(lines), height))
    inner = f" {BREAK}*\n".join("  " + " & ".join(row) for row in itertools.zip_longest(*columns, fillvalue="&"))
    return f"\\begin{{align*}}\n{inner}\n\\end{{align*}}"


def abreast(block: Equations) -> bool:
    """Whether two or three equations with matrices stand in one row."""
    lines = [line for line in block.lines if isinstance(line, Equation) and len(line.steps) == 1 and line.note is None]
    if not 1 < len(lines) == len(block.lines) < MANY or block.label or block.boxed or not matrix_rows(block):
        return False
    wide = sum(math_width(line.left) + OPENING + math_width(line.steps[0][1]) + BETWEEN for line in lines)
    return wide <= WHOLE


def paired(block: Equations) -> bool:
    """Whether a list is long, and each of its equations so short that two stand side by side."""
    rows = [line for line in block.lines if isinstance(line, Equation)]
    if len(rows) < MANY or len(rows) < len(block.lines) or block.label or block.boxed:
        return False
    left = max(math_width(row.left) for row in rows)
    room = COLUMN - left - OPENING
    return all(len(row.steps) == 1 and row.note is None and math_width(row.steps[0][1]) <= room for row in rows)


def counted(prose: Prose, key: str) -> Callable[[int], str]:
    """The words of a key for a count."""
    return lambda count: words(prose, Phrase(key, {"count": count}))


def columns(prose: Prose, table: Table, width: float | None = None) -> str:
    """The columns of a table; where it is wider than a given ``width``, those of words share what the others leave."""
    kinds = ["r" if i in table.numbers else "l" for i in range(len(table.head))]
    if width is None:
        return "".join(kinds)
    each = [
        max(sum(typeset_width((run if isinstance(run, (str, Math)) else run.text,)) for run in prose.runs(row[i])) * SAFE
            for row in (table.head, *table.rows))
        for i in range(len(table.head))
    ]  # fmt: skip
    room = width - COLUMN_SPACE * (len(each) - 1)
    if sum(each) <= room:
        return "".join(kinds)
    fair = room / len(each)
    narrow = [size <= fair for size in each]
    left = room - sum(size for size, kept in zip(each, narrow, strict=True) if kept)
    wide = sum(size for size, kept in zip(each, narrow, strict=True) if not kept)
    return "".join(kind if kept else f"p{{{left * size / wide:.0f}pt}}"
                   for kind, size, kept in zip(kinds, each, narrow, strict=True))  # fmt: skip


#: combining marks as TeX's accents
ACCENTS = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0308": '"', "\u0303": "~", "\u0327": "c"}

#: letters of their own, as TeX's commands
LETTERS = {"ß": r"\ss{}", "æ": r"\ae{}", "œ": r"\oe{}", "ø": r"\o{}", "ł": r"\l{}"}


def accents(code: str) -> str:
    """An option of lstlisting for the accented letters of its comments, which the package does not read by itself."""
    letters = []
    for letter in sorted({letter for letter in code if not letter.isascii()}):
        if letter in LETTERS:
            letters.append(f"{{{letter}}}{{{{{LETTERS[letter]}}}}}1")
            continue
        base, *marks = list(unicodedata.normalize("NFD", letter))
        if len(marks) != 1 or marks[0] not in ACCENTS:
            raise ValueError(f"{letter!r} in a listing has no TeX accent")
        letters.append(f"{{{letter}}}{{{{\\{ACCENTS[marks[0]]}{{{base}}}}}}}1")
    return ", literate=" + " ".join(letters) if letters else ""


@cache
def environment() -> Environment:
    """Jinja with delimiters that TeX does not use."""
    return Environment(
        loader=PackageLoader("symconv.article"),
        block_start_string="<%", block_end_string="%>", variable_start_string="<<", variable_end_string=">>",
        comment_start_string="<#", comment_end_string="#>", trim_blocks=True, lstrip_blocks=True,
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True,
    )  # fmt: skip


def printed(document: Article) -> str:
    """The whole document."""
    return _template(document, "document.tex.jinja", True)


def fragment(document: Article) -> str:
    """The body for ``\\input``, with a comment that says what the document around it needs."""
    return _template(document, "fragment.tex.jinja")


def body(document: Article) -> str:
    """What stands between ``\\begin{document}`` and ``\\end{document}``."""
    return _template(document, "body.tex.jinja")


def figure(document: Article, kind: str, prefix: str) -> dict[str, str] | None:
    """A picture with its caption, and the sentence that names it."""
    if document.layout.figures == "none":
        return None
    width = document.layout.width
    most = PICTURE_WIDTH if width is None else min(PICTURE_WIDTH, width / 10)
    room = room_of(None if width is None else document.layout.points(TEXT_WIDTH), PRINT)
    shown = picture(document, kind, room)
    if shown is None:
        return None
    label = f"{prefix}figure.{kind}"
    return {
        "picture": shown.to_tikz(min(most, shown.room * LARGEST_CELL), False).rstrip(),
        "caption": latex_text(shown.caption) + "".join(f" {latex_text(note)}" for note in shown.notes),
        "label": label,
        "cited": escape(document.prose.words[f"cited.{kind}"]).replace(r"\{\{figure\}\}", rf"\ref{{{label}}}"),
    }


def _template(document: Article, name: str, whole: bool = False) -> str:
    prose, layout = document.prose, document.layout
    prefix = f"{document.conv.slug}.".replace("_", "-") if layout.prefix is None else layout.prefix
    width = None if layout.width is None else layout.points(TEXT_WIDTH)
    helpers = {
        "words": lambda value: words(prose, value, prefix),
        "display": lambda block: display(prose, block, prefix, layout.points(WHOLE if whole else TEXT_WIDTH)),
        "side_by_side": lambda block: side_by_side(prose, block),
        "matrices": lambda table: any(isinstance(cell, Math) and deepest(cell) for row in table.rows for cell in row),
        "paired": lambda block: whole and layout.width is None and (paired(block) or abreast(block)),
        "beside": lambda code: whole and document.brief and layout.width is None and code.text.count("\n") > LONG_CODE,
        "columns": lambda table: columns(prose, table, width),
        "heading": lambda depth: HEADINGS[min(depth + layout.level - 1, len(HEADINGS) - 1)],
        "layout": layout,
        "crossing": CROSSING,
        "figure": lambda block: figure(document, block.kind, prefix),
        "accents": accents,
        "kind": lambda block: type(block).__name__,
        "prefix": prefix,
        "language": prose.language,
        "theorem_name": Phrase("theorem.title"),
    }
    return environment().get_template(name).render(document=document, **helpers)
