"""The Sphinx extension: derivations, theorems and verdicts as parts of a book or of documentation.

    extensions = ["myst_parser", "symconv.sphinx"]

In MyST and in reStructuredText, with the options of the command line:

    ```{symconv-derive} --input 4x4 --kernel 2x2 --lang fr
    ```
    ```{symconv-prove} dx = correlate(pad(dilate(dy, s), d*(K - 1) - p, d*(K - 1) - q + r), flip(w), dilation=d)
    :stride: 1..4
    ```
    ```{symconv-check}
    ```
    {symconv-prove}`dx` ...

``symconv-derive`` puts the derivation's sections there: numbered equations that ``{eq}`` refers to by SLUG.LABEL, figures that
``{numref}`` refers to by SLUG.figure-KIND, tables, listings. ``symconv-prove`` sets the theorem of a formula with its proof, and
the role the formula with its verdict; a formula that is not proved **fails the build**, with its file and line.
``symconv-check`` judges the equations and code of the page it stands on, shows the verdicts and fails the build for what is wrong
(``:show: none`` shows nothing).

Needs Sphinx: ``pip install symconv[sphinx]``.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective, SphinxRole

from symconv import __version__
from symconv.article.formats.latex import CROSSING
from symconv.article.formats.nodes import Maker, display
from symconv.checking import check
from symconv.checking.result import BAD
from symconv.cli.elsewhere import as_words, derived, pieces, proved, said_proved
from symconv.proof.result import Proofs

__all__ = ["setup"]

#: what may stand in LaTeX that Sphinx writes with figures of ours
PREAMBLE = (
    "\\usepackage{tikz}\n\\ifdefined\\DeclareUnicodeCharacter\\DeclareUnicodeCharacter{202F}{\\,}\\fi\n"
    + CROSSING
    + "\n"
)


def _fails(where: str, message: str) -> ExtensionError:
    return ExtensionError(f"{where}: {message}")


class _AnyOption(dict[str, Callable[[str | None], str]]):
    """Options of any name: the command line says which there are."""

    def __getitem__(self, key: str) -> Callable[[str | None], str]:
        return lambda value: (value or "").strip()

    def __contains__(self, key: object) -> bool:
        return True

    def __bool__(self) -> bool:
        return True


class _Directive(SphinxDirective):
    has_content = False
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[Any] = _AnyOption()

    def where(self) -> str:
        source, line = self.get_source_info()
        return f"{source}:{line}"


class Derive(_Directive):
    """``symconv-derive``: the sections of a derivation."""

    def run(self) -> list[Any]:
        words = [*shlex.split(self.arguments[0] if self.arguments else ""), *as_words(self.options)]
        try:
            article = derived(words)
        except ValueError as error:
            raise _fails(self.where(), f"symconv-derive: {error}") from error
        maker = Maker(article, article.conv.slug + ".", self._number, self._cite)
        made = maker.sections()
        domain: Any = self.env.get_domain("std")
        for section in made:
            for inner in section.findall(nodes.section):
                self.state.document.note_implicit_target(inner)
            for figure in section.findall(nodes.figure):
                self.state.document.note_explicit_target(figure)
                for name in figure["names"]:
                    caption = figure.next_node(nodes.caption)
                    label = name.replace("-figure-", ".figure-", 1)
                    domain.labels[label] = (self.env.docname, name, caption.astext())
                    domain.anonlabels[label] = (self.env.docname, name)
        return made

    def _number(self, node: Any, label: str) -> list[Any]:
        """A display that counts among the page's equations."""
        domain: Any = self.env.get_domain("math")
        node.update_basic_atts({"label": label, "docname": self.env.docname})
        domain.note_equation(self.env.docname, label, location=node)
        node["number"] = domain.get_equation_number_for(label)
        target = nodes.target("", "", ids=[nodes.make_id(f"equation-{label}")])
        self.state.document.note_explicit_target(target)
        self.set_source_info(node)
        return [target, node]

    def _cite(self, label: str, number: int) -> Any:
        reference = pending_xref(
            "",
            refdomain="math",
            reftype="eq",
            reftarget=label,
            refdoc=self.env.docname,
            refexplicit=False,
            refwarn=True,
        )
        reference += nodes.literal(f"({number})", f"({number})", classes=["xref", "eq"])
        return reference


class Prove(_Directive):
    """``symconv-prove``: a formula's theorem and its proof, or the end of the build."""

    def run(self) -> list[Any]:
        formula = self.arguments[0] if self.arguments else ""
        if not formula:
            raise _fails(self.where(), "symconv-prove: name a formula, as in symconv-prove dx")
        found = _proved([formula.replace("\n", " "), *as_words(self.options)], self.where())
        return [node for proof in found for node in _set(proof._repr_latex_())]


class ProveRole(SphinxRole):
    """``symconv-prove`` in a sentence: the formula as code, and that it is proved."""

    def run(self) -> tuple[list[Any], list[Any]]:
        source, line = self.get_source_info()
        (proof, *_) = _proved([self.text], f"{source}:{line}")
        shown = nodes.literal(self.text, self.text)
        return [shown, nodes.Text(said_proved(proof))], []


def _proved(words: list[str], where: str) -> Proofs:
    try:
        return proved(words)
    except ValueError as error:
        raise _fails(where, f"symconv-prove: {error}") from error


#: kind of a run -> its node
_RUNS: dict[str, Callable[[str], Any]] = {"text": nodes.Text, "math": lambda source: nodes.math(source, source)}


def _set(text: str) -> list[Any]:
    """Paragraphs with mathematics between dollars as nodes."""
    made: list[Any] = []
    for runs in pieces(text):
        (kind, source), *_ = runs
        alone = kind == "display"
        made.append(display(source) if alone else nodes.paragraph("", "", *(_RUNS[k](run) for k, run in runs)))
    return made


class Check(_Directive):
    """``symconv-check``: the page's own equations and code, judged."""

    option_spec: ClassVar[Any] = {"show": lambda value: directives.choice(value, ("all", "none"))}

    def run(self) -> list[Any]:
        path = Path(self.env.doc2path(self.env.docname))
        try:
            found = check(path)
        except ValueError as error:
            raise _fails(self.where(), f"symconv-check: {error}") from error
        wrong = [each for each in found.every if each.verdict in BAD]
        if wrong:
            told = "; ".join(t for t in (wrong[0].condition, wrong[0].reason) if t)
            raise _fails(
                f"{path}:{wrong[0].line}", f"symconv-check: {wrong[0].verdict}: {told}" if told else wrong[0].verdict
            )
        if self.options.get("show") == "none":
            return []
        return [nodes.paragraph("", f"symconv: {found.summary}")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Adds the directives symconv-derive, symconv-prove, symconv-check and the role symconv-prove."""
    app.add_directive("symconv-derive", Derive)
    app.add_directive("symconv-prove", Prove)
    app.add_directive("symconv-check", Check)
    app.add_role("symconv-prove", ProveRole())
    app.connect("config-inited", _with_tikz)
    return {"version": __version__, "parallel_read_safe": True, "parallel_write_safe": True}


def _with_tikz(app: Sphinx, config: Any) -> None:
    """What the pictures need of LaTeX."""
    config.latex_elements["preamble"] = config.latex_elements.get("preamble", "") + PREAMBLE
