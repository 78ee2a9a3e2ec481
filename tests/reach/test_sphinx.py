"""Small books built by Sphinx, in HTML and LaTeX."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")

pytestmark = pytest.mark.slow

CONF = """
project = "Convolutions"
extensions = ["myst_parser", "symconv.sphinx"]
myst_enable_extensions = ["dollarmath", "amsmath"]
numfig = True
html_theme = "basic"
html_math_renderer = "mathjax"
suppress_warnings = ["misc.highlighting_failure"]
"""

PAGE = """# Convolutions

```{symconv-derive} --input 4x4 --kernel 2x2
:sections: forward,gradients,summary
```

See {eq}`in4x4-k2x2.forward` and {numref}`in4x4-k2x2.figure-window`.

```{symconv-prove} dx = correlate(pad(dilate(dy, s), d*(K - 1) - p, d*(K - 1) - q + r), flip(w), dilation=d)
:stride: 1..2
```

In words: {symconv-prove}`db`.
"""

ARTICLE = r"""# Of our own

$$x = \begin{bmatrix} x_1 & x_2 & x_3 & x_4 & x_5 \end{bmatrix}$$

$$w = \begin{bmatrix} w_1 & w_2 \end{bmatrix}$$

$$y_i = \sum_{k=1}^{2} w_k x_{i+k-1} + b$$

$$dw_k = \sum_{i=1}^{4} dy_i x_{i+k-1}$$

```{symconv-check}
```
"""

RST = """
From a page of another kind
===========================

.. symconv-derive:: --input 5 --kernel 3
   :stride: 2
   :lang: fr
   :sections: forward

.. symconv-prove:: dw
   :padding: free
"""


def build(folder: Path, builder: str = "html", **pages: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    (folder / "conf.py").write_text(CONF)
    toc = "\n".join(f"   {name}" for name in pages)
    (folder / "index.rst").write_text(f"Contents\n========\n\n.. toctree::\n\n{toc}\n")
    for name, text in pages.items():
        (folder / f"{name}.{'rst' if text is RST else 'md'}").write_text(text)
    words = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-b",
        builder,
        str(folder),
        str(folder / builder),
    ]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("book")
    ran = build(folder, page=PAGE, article=ARTICLE, other=RST)
    assert ran.returncode == 0, ran.stderr
    return folder


def test_a_page(book):
    html = (book / "html" / "page.html").read_text()
    assert "<svg" in html
    assert "Fig. 1" in html  # numbered, and referred to by its number
    assert re.search(r'<a class="reference internal" href="#equation-in4x4-k2x2.forward">\(1\)</a>', html), html
    assert r"\begin{aligned}" in html
    assert "Input gradient, stride 2, dilation 1" in html
    assert "db</span></code> (proved for every size, stride 1" in html
    for name in ("forward", "gradients", "summary"):
        assert f'<section id="in4x4-k2x2-{name}">' in html


def test_an_article_is_judged(book):
    assert "symconv: 4 displays: 2 proved, 2 definitions" in (book / "html" / "article.html").read_text()


def test_restructured_text(book):
    html = (book / "html" / "other.html").read_text()
    assert "propagation avant" in html.lower()
    assert "Weight gradient" in html


def test_latex_compiles(book):
    ran = build(book, "latex", page=PAGE, article=ARTICLE, other=RST)
    assert ran.returncode == 0, ran.stderr
    source = next((book / "latex").glob("*.tex")).read_text()
    assert r"\begin{tikzpicture}" in source
    found = shutil.which("kpsewhich") and subprocess.run(
        ["kpsewhich", "tgtermes.sty", "fncychap.sty"], capture_output=True, text=True
    )
    if not found or found.stdout.count(".sty") < 2:
        pytest.skip("the TeX that Sphinx's own style needs is not installed")
    words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "convolutions.tex"]
    ran = subprocess.run(words, cwd=book / "latex", capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-2000:]


WRONG = {
    "a formula": ("# P\n\n```{symconv-prove} dx = correlate(pad(dy, p), flip(w))\n```\n", ":3", "REFUTED at stride 1"),
    "a formula that is none": ("# P\n\n\n```{symconv-prove} dx = corelate(dy, w)\n```\n", ":4", "corelate"),
    "a layer": ("# P\n\n```{symconv-derive} --input 2 --kernel 5\n```\n", ":3", "kernel 5"),
    "an option": ("# P\n\n```{symconv-derive} --input 4 --kernel 2\n:strid: 2\n```\n", ":3", "strid"),
    "an equation": (ARTICLE.replace("x_{i+k-1}$$\n\n```", "x_{i+k}$$\n\n```"), ":9", "WRONG"),
    "a formula in a sentence": ("# P\n\nSo {symconv-prove}`dw = correlate(x, dy)` it is.\n", ":3", "REFUTED"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_the_build_fails_with_the_line(case, tmp_path):
    page, line, told = WRONG[case]
    ran = build(tmp_path / "book", page=page)
    assert ran.returncode == 2, ran.stderr
    assert f"page.md{line}: symconv-" in ran.stderr
    assert told in ran.stderr
