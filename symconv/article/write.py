"""The face of the article: ``document(conv)``, the derivation of one layer as a tree of sections, and ``render``, that tree in a
format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from symconv.article.blocks import Article, Block, Equations, Paragraph, Section
from symconv.article.case import Case
from symconv.article.equations import shown_labels
from symconv.article.evidence import Evidence
from symconv.article.formats import FRAGMENTS, PRINTERS, latex, markdown, plain, text
from symconv.article.layout import CODE, Layout
from symconv.article.pdf import compile_pdf
from symconv.article.sections.algorithm import algorithm
from symconv.article.sections.border import border
from symconv.article.sections.channels import channels
from symconv.article.sections.notation import references
from symconv.article.sections.passes import forward, gradients, jacobians
from symconv.article.sections.second import second
from symconv.article.sections.setting import setting, subtitle, title
from symconv.article.sections.steps import stepped, steps
from symconv.article.sections.summary import summary
from symconv.article.selection import BUDGET
from symconv.layer.conv import MAX_TERMS, Conv
from symconv.mathematics.notation import MEANINGS, OCCASIONAL, Notation
from symconv.mathematics.notation import notation as as_notation
from symconv.mathematics.of_integers import indices_from
from symconv.mathematics.tree import Equation
from symconv.proof.assumptions import assumptions, hold_for
from symconv.prose import Phrase, prose

__all__ = ["DETAILS", "FORMATS", "SECTIONS", "Document", "document", "render"]

#: the sections by name, in order
SECTIONS: dict[str, Callable[[Case], Section]] = {
    section.__name__: section
    for section in (
        setting,
        forward,
        jacobians,
        gradients,
        border,
        steps,
        channels,
        summary,
        algorithm,
        second,
        references,
    )
}

#: millimetres of the lines for which ``budget`` is counted
PAGE = 164.0

#: those that are written where they are named only
ON_REQUEST = ("second",)

#: how much is told: everything of the layer, without what repeats or supports the main line, or also what the layer has not
DETAILS = ("full", "brief", "all")

FORMATS = ("text", "latex", "markdown", "html", "ipynb")


class Document(Article):
    """A derivation that can be written: ``render(format)`` gives the text of it; notebooks show it as Markdown with its
    mathematics."""

    def render(
        self,
        format: str = "latex",
        width: int | None = None,
        *,
        fragment: bool = False,
        dialect: str = "plain",
        front_matter: Mapping[str, str] | None = None,
    ) -> str:
        """The document in one of the formats ``text``, ``latex``, ``markdown``, ``html``, ``ipynb``.

        ``width`` in characters is for text; ``fragment`` leaves out the frame of a LaTeX document (for ``\\input``) or of an HTML
        page; ``dialect`` (plain, jekyll, github, myst, quarto) and ``front_matter`` (keys and values that the page begins with)
        are for Markdown.
        Raises ValueError for a format or dialect there is none of.
        """
        if format not in PRINTERS:
            raise ValueError(f"no format {format!r}; there are {', '.join(FORMATS)}")
        if format == "text" and width is not None:
            return text.printed(self, width)
        if fragment and format in FRAGMENTS:
            return FRAGMENTS[format](self)
        if format == "markdown":
            return markdown.printed(self, dialect, front_matter)
        return PRINTERS[format](self)

    def figure_files(self) -> dict[str, str]:
        """The pictures that Markdown with ``figures="files"`` refers to, as SVG by the name that follows the layout's path."""
        return markdown.files(self)

    def to_pdf(self) -> bytes:
        """The document set by TeX; ValueError where no TeX is installed or where it fails, with the log's own error."""
        return compile_pdf(self.render("latex"))[0]

    def to_dict(self) -> dict[str, Any]:
        """The layer, the verdict and every block, words in the document's language, mathematics as LaTeX and as text."""
        return plain.data(self)

    def __str__(self) -> str:
        return self.render("text")

    def _repr_markdown_(self) -> str:
        return self.render("markdown")

    def _repr_latex_(self) -> str:
        return latex.body(self)


def document(
    conv: Conv,
    lang: str = "en",
    loss: str = "upstream",
    max_terms: int = MAX_TERMS,
    budget: int = BUDGET,
    sections: Sequence[str] | None = None,
    detail: str = "full",
    gradient_check: bool = False,
    notation: Notation | str | Mapping[str, Any] | None = None,
    evidence: Evidence | None = None,
    layout: Layout | None = None,
    code: str = "formulas",
    heading: str | None = None,
    assume: str = "",
) -> Document:
    """The derivation of ``conv``: setting, forward pass, one dimension in full, index derivation, stride, padding and dilation,
    depth, summary with its theorem, algorithm with its checks.

    ``loss`` is ``"upstream"`` (dy given) or ``"squared"``; ``budget`` is how many characters the row of a matrix may have before
    columns are left out. ``sections`` are the names of those wanted (:data:`SECTIONS`, in whose order they come). ``detail`` is
    ``"full"``, ``"brief"``, or ``"all"``: with what the layer does not have (stride, padding, dilation, several channels), on
    small examples. ``gradient_check`` ends the listing with lines that try it. ``notation`` is the author's own: an object, the
    name of a preset, a TOML file or a table (:mod:`symconv.mathematics.notation`). ``evidence`` is what was verified, proved and
    checked of the layer already; left out, it is found when a section shows it. ``layout`` is how it sits in what is around it,
    ``code`` what the listing shows (:mod:`symconv.article.layout`), ``heading`` a title of the author's own. ``assume``
    (``"p == 0, K odd"``) restricts the theorem to what it says; it has to hold of the layer.

    Of a loss of more than ``max_terms`` terms the entries are those of a shorter layer like it, which is said. Raises ValueError
    for a language, loss, section or detail there is none of, and, before any work, where even one axis has more terms.

    >>> document(Conv(input=4, kernel=2))
    <derivation of Conv(input=4, kernel=2), loss 'upstream', 7 sections: ok>
    """
    _refuse(conv, lang, sections, detail, code, evidence, assume)
    own = as_notation(notation)
    layout = layout or Layout()
    if layout.width is not None:
        budget = max(24, min(budget, round(budget * layout.width / PAGE)))
    own.refuse_clashes([name for name in MEANINGS if name not in OCCASIONAL or name in _occasional(conv, loss)])
    case = Case(conv, loss, max_terms, budget, detail != "brief", detail == "all", lang, gradient_check, own, evidence, code,
                assume)  # fmt: skip
    wanted = [name for name in SECTIONS if name in sections] if sections is not None else _of_the_layer(case)
    with indices_from(own.index_base):
        made = tuple(in_notation(SECTIONS[name](case), own) for name in wanted)
    blocks = [block for section in made for block in section.walk()]
    labels = dict.fromkeys(block.label for block in blocks if isinstance(block, Equations) and block.label)
    numbers = {label: number + 1 for number, label in enumerate(labels)}
    ok = case.ok and not any(isinstance(block, Paragraph) and block.mark == "fails" for block in blocks)
    named = title(conv) if heading is None else Phrase("title.given")
    return Document(conv, loss, lang, ok, named, subtitle(conv), made, numbers, own, layout, heading, detail == "brief")


def _refuse(
    conv: Conv,
    lang: str,
    sections: Sequence[str] | None,
    detail: str,
    code: str,
    evidence: Evidence | None,
    assume: str,
) -> None:
    """ValueError for what cannot be written, before any work."""
    prose(lang)
    for name in sections or ():
        if name not in SECTIONS:
            raise ValueError(f"no section {name!r}; there are {', '.join(SECTIONS)}")
    if sections is not None and not sections:
        raise ValueError(f"no section is named; there are {', '.join(SECTIONS)}")
    if code not in CODE:
        raise ValueError(f"no code {code!r}; there are {', '.join(CODE)}")
    if detail not in DETAILS:
        raise ValueError(f"no detail {detail!r}; there are {', '.join(DETAILS)}")
    if assume and not hold_for(assumptions(assume), conv):
        raise ValueError(f"the assumption {assume} does not hold of {conv!r}")
    if evidence is not None and evidence.conv != conv:
        raise ValueError(f"the evidence is about {evidence.conv!r}, not {conv!r}")
    for name in sections or ():
        if name in _left_out(conv):
            raise ValueError(f"section {name} has nothing to say of {conv!r}, whose border is {conv.padding_mode}")


def _occasional(conv: Conv, loss: str) -> str:
    """The letters of images, channels and groups that are set for this layer, and the target of a squared loss."""
    shown = shown_labels(conv)
    return shown + shown.upper() + ("t" if loss == "squared" else "")


def in_notation(section: Section, own: Notation) -> Section:
    """A section with its equations in an author's notation; what stands in phrases and tables is set when they are read."""
    if own.plain:
        return section
    blocks: list[Block] = []
    for block in section.blocks:
        if isinstance(block, Section):
            blocks.append(in_notation(block, own))
        elif isinstance(block, Equations):
            lines = tuple(own.equation(line) if isinstance(line, Equation) else line for line in block.lines)
            blocks.append(replace(block, lines=lines))
        else:
            blocks.append(block)
    return replace(section, blocks=tuple(blocks))


def _of_the_layer(case: Case) -> list[str]:
    """The sections that have something to say of the layer."""
    without = {"steps": not stepped(case.conv), "channels": not shown_labels(case.conv), "references": not case.full}
    left_out = _left_out(case.conv)
    told = [name for name in SECTIONS if name not in left_out and name not in ON_REQUEST]
    return [name for name in told if case.everything or not without.get(name)]


def _left_out(conv: Conv) -> tuple[str, ...]:
    """The sections that are about the other kind of border: zeros, or rows of x, whose gradient is folded back."""
    return ("gradients", "steps", "channels") if conv.mode.counts_outside else ("border",)


def render(
    conv: Conv,
    format: str = "latex",
    lang: str = "en",
    loss: str = "upstream",
    max_terms: int = MAX_TERMS,
    sections: Sequence[str] | None = None,
    detail: str = "full",
) -> str:
    """``document(conv)`` as ``"latex"`` (a document that compiles), ``"markdown"`` (``$$`` for MathJax), ``"text"``,
    ``"html"`` or ``"ipynb"``.

    The same layer always gives the same bytes.

    >>> print(render(Conv(input=4, kernel=2), "text").splitlines()[0])
    The gradients of a convolution
    """
    return document(conv, lang, loss, max_terms, sections=sections, detail=detail).render(format)
