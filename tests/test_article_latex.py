"""The LaTeX documents go through TeX: no error, no warning, nothing too wide, no reference into the void.

Starting TeX costs more than setting a page, so documents of one language are set in one run, one after another.
"""

from __future__ import annotations

import itertools
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from symconv import Conv
from symconv.article import document
from symconv.article.pdf import compile_pdf, complaints
from symconv.prose import LANGUAGES
from tests.cases import SMALL
from tests.commands import assert_bad_usage, run

GENERATED = Path(__file__).parent.parent / "generated/derivations"

needs_pdflatex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
needs_lualatex = pytest.mark.skipif(shutil.which("lualatex") is None, reason="lualatex is not installed")

#: what the generated derivations do not have: more axes, long lists, many channels, negative borders
OTHERS = [
    SMALL[1], SMALL[3], SMALL[9], SMALL[12],
    Conv(input=(12, 14), kernel=(5, 3), padding=2, in_channels=3, out_channels=12),
    Conv(input=40, kernel=9, padding=4),
    Conv(input=(2, 2, 3, 3), kernel=2),
]  # fmt: skip

#: what one run says of references, which need a second one; their labels are looked up here
OF_ONE_RUN = re.compile(
    r"LaTeX Warning: (Reference .* undefined|There were undefined references|Label\(s\) may have changed)?"
)


def bodies(sources: list[str]) -> str:
    """Documents with one preamble as a single one."""
    [preamble] = {source.partition(r"\begin{document}")[0] for source in sources}
    inner = [source.partition(r"\begin{document}")[2].partition(r"\end{document}")[0] for source in sources]
    return preamble + "\\begin{document}\n" + "\n\\clearpage\n".join(inner) + "\\end{document}\n"


def found_in(source: str, program: str = "pdflatex") -> list[str]:
    """What TeX has against a document, set once."""
    _, log = compile_pdf(source, program, runs=1)
    labels, cited = (set(re.findall(rf"\\{name}\{{([^{{}}]*)\}}", source)) for name in ("label", "eqref"))
    return [
        *(line for line in complaints(log) if not OF_ONE_RUN.match(line)),
        *(f"no label {name}" for name in cited - labels),
    ]


def other_documents(lang: str) -> str:
    return bodies(
        [document(conv, lang, "squared" if conv.terms < 60 else "upstream").render("latex") for conv in OTHERS]
    )


@pytest.mark.slow
@needs_pdflatex
def test_nothing_is_too_wide_or_undefined() -> None:
    """Every generated derivation in both languages, and layers of other kinds."""
    files = {lang: sorted(GENERATED.glob(f"*.{lang}.tex")) for lang in ("en", "fr")}
    assert min(map(len, files.values())) >= 7
    sources = {lang: bodies([path.read_text("utf-8") for path in paths]) for lang, paths in files.items()}
    sources["others"] = other_documents("de")
    with ThreadPoolExecutor(2) as pool:
        assert dict(zip(sources, pool.map(found_in, sources.values()), strict=True)) == {
            "en": [],
            "fr": [],
            "others": [],
        }


@pytest.mark.slow
@needs_pdflatex
@pytest.mark.slow
@pytest.mark.parametrize(("detail", "most"), [("brief", 3), ("full", 8)])
def test_the_pages_of_a_small_layer_are_few(detail: str, most: int) -> None:
    for lang in LANGUAGES if detail == "brief" else ("fr",):
        source = document(Conv(input=(4, 4), kernel=(2, 2)), lang, detail=detail).render("latex")
        _, log = compile_pdf(source, "pdflatex", runs=2)
        [pages] = re.findall(r"Output written on .*?\((\d+) pages?", log.replace("\n", ""))
        assert int(pages) <= most, lang


@needs_lualatex
def test_lualatex_sets_it_as_well() -> None:
    assert found_in(document(SMALL[2], "fr").render("latex"), "lualatex") == []


@needs_pdflatex
def test_fragment_stands_in_another_document() -> None:
    told = document(SMALL[0], sections=["forward", "summary"])
    fragment = told.render("latex", fragment=True)
    assert r"\documentclass" not in fragment
    needed = re.search(r"\\usepackage\{[^{}]*\}", fragment)
    assert needed
    host = (r"\documentclass[11pt]{report}" + needed[0] + r"\usepackage[margin=23mm]{geometry}\newtheorem{theorem}{Theorem}"
            rf"\begin{{document}}\chapter{{Mine}}{fragment}\end{{document}}")  # fmt: skip
    assert found_in(host) == []


@needs_pdflatex
def test_what_is_wrong_is_noticed() -> None:
    source = document(Conv(input=4, kernel=2), sections=["jacobians"]).render("latex")
    wide = source.replace("dx_{1} &= ", "dx_{1} &= " + " + ".join(["dy_{1} w_{1}"] * 20) + " + ", 1)
    assert any(line.startswith("Overfull") for line in found_in(wide))
    assert found_in(source.replace(r"\begin{align*}", r"\eqref{nowhere}\begin{align*}", 1)) == ["no label nowhere"]
    with pytest.raises(ValueError, match=r"^pdflatex: ! Undefined control sequence\. l\.\d+ .*\\nosuchthing$"):
        compile_pdf(source.replace(r"\section{", "\\nosuchthing\n\\section{", 1), "pdflatex")


def test_invisible_overhang_is_no_complaint() -> None:
    log = "Overfull \\hbox (0.73pt too wide) in paragraph\nOverfull \\hbox (1.2pt too wide) detected\n! Bad.\n"
    assert complaints(log) == ["Overfull \\hbox (1.2pt too wide) detected", "! Bad."]


@needs_pdflatex
def test_pdf_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pdf"
    line = ["derive", "--input", "4", "--kernel", "2", "--lang", "fr", "--sections", "summary", "-o", str(path)]
    ran = run(*line)
    assert (ran.status, ran.out, ran.err) == (0, "", f"wrote {path}\n")
    first = path.read_bytes()
    assert first.startswith(b"%PDF-")
    from symconv.article import Document

    right = Document.render
    monkeypatch.setattr(Document, "render", lambda *a, **k: right(*a, **k).replace(r"\section{", r"\nosuchsection{"))
    assert_bad_usage(run(*line), "pdflatex: ! Undefined control sequence.", r"\nosuchsection")
    assert path.read_bytes() == first
    assert [each.name for each in tmp_path.iterdir()] == ["a.pdf"]


def test_without_tex_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "a.pdf"
    assert_bad_usage(
        run("derive", "--input", "4", "--kernel", "2", "-o", str(path)), "no TeX is installed", "--format latex"
    )
    assert not path.exists()


@pytest.mark.parametrize("conv", [SMALL[0], SMALL[1]], ids=str)
def test_no_page_ends_inside_a_short_display_or_an_equation(conv: Conv) -> None:
    shown = document(conv).render("latex")
    displays = re.findall(r"\\begin\{align\*?\}\n(.*?)\n\\end\{align\*?\}", shown, re.DOTALL)
    assert len(displays) > 10
    for body in displays:
        rows = body.split("\n")
        deep = "bmatrix" in body
        for i, (row, following) in enumerate(itertools.pairwise(rows)):
            held = re.search(r"\\\\\*(\[6pt\])?$", row) is not None
            assert held or not following.strip().startswith("&"), body
            assert held or deep or (len(rows) > 16 and 0 < i < len(rows) - 2), body


def test_each_picture_is_cited_where_it_stands() -> None:
    conv = Conv(input=(5, 7), kernel=3, stride=2, padding=1, in_channels=2)
    for lang in LANGUAGES:
        shown = document(conv, lang).render("latex")
        labels = re.findall(r"\\label\{([^{}]*figure\.[a-z]+)\}", shown)
        assert [label.rpartition(".")[2] for label in labels] == [
            "window",
            "weights",
            "jacobian",
            "backward",
            "relation",
            "depth",
        ]
        for label in labels:
            assert shown.count(rf"\ref{{{label}}}") == 1
            between = shown[shown.index(rf"\ref{{{label}}}") : shown.index(rf"\label{{{label}}}")]
            assert "\\section" not in between
            assert between.count("\\begin{figure}") == 1
