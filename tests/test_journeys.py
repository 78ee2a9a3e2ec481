"""Three authors with README alone: a post on a phone, a paper in two columns, a notebook of a large layer."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.chromium import ask
from tests.commands import run
from tests.test_article_notebook import run as run_notebooks

README = Path(__file__).parent.parent / "README.md"

#: where Debian's package libjs-katex puts it
KATEX = Path("/usr/share/javascript/katex")

PHONE = 390

PAGE = """<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8">
<link rel="stylesheet" href="{katex}/katex.css"><script src="{katex}/katex.js"></script>
<script src="{katex}/contrib/auto-render.js"></script>
<style>body {{ margin: 16px; font: 16px/1.5 sans-serif }} img {{ max-width: 100% }}
pre, table {{ overflow-x: auto; display: block }}</style></head>
<body>{body}<script>renderMathInElement(document.body, {{ throwOnError: true }})</script></body></html>"""

PAPER = r"""\documentclass[10pt,journal]{IEEEtran}
\usepackage[T1]{fontenc}
\usepackage{amsmath,amssymb,booktabs,listings,tikz}
\begin{document}\title{A paper}\author{Somebody}\maketitle
\section{Gradients}\input{part}
\end{document}
"""


def command(target: str) -> list[str]:
    """The words of README's command that writes ``target``."""
    [found] = re.findall(rf"(?m)^\$ symconv (derive .* -o {re.escape(target)})$", README.read_text("utf-8"))
    return shlex.split(str(found))


def written(target: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    ran = run(*command(target))
    assert (ran.status, ran.out) == (0, ""), ran.err
    return folder / target


def on_a_phone(body: str, folder: Path) -> dict[str, object]:
    inner = PAGE.format(katex=KATEX.as_uri(), body=body)
    (folder / "post.html").write_text(inner, encoding="utf-8")
    frame = f'<iframe width="{PHONE}" height="800" style="border:0" src="post.html"></iframe>'
    return ask(f"<!DOCTYPE html><html><head></head><body>{frame}</body></html>", """
        const page = document.querySelector("iframe").contentDocument;
        const all = [...page.querySelectorAll(".katex-display")];
        answer.displays = all.length;
        answer.cut = all.filter((each) => [each, ...each.querySelectorAll(".katex-html")].some((box) =>
            box.scrollWidth > box.clientWidth + 1)).map((each) => each.textContent.slice(0, 60) + " " + each.scrollWidth);
        answer.errors = page.querySelectorAll(".katex-error").length;
        answer.left = (page.body.innerText.match(/\\\\[\\(\\[]|\\$/g) || []).length;
        answer.images = [...page.images].map((each) => [each.naturalWidth, Boolean(each.alt)]);
        answer.wide = page.documentElement.scrollWidth;
    """, folder, "--allow-file-access-from-files")  # fmt: skip


def as_jekyll_does(text: str) -> str:
    """The post without its front matter, set by kramdown."""
    if shutil.which("kramdown") is None:
        pytest.skip("kramdown is not installed")
    body = text.split("---\n", 2)[2].replace("(/assets/", "(")
    environment = {**os.environ, "LANG": "C.UTF-8"}
    done = subprocess.run(["kramdown", "--input", "GFM"], input=body, env=environment, capture_output=True, check=True,
                          encoding="utf-8", timeout=120)  # fmt: skip
    return done.stdout


@pytest.mark.slow
def test_a_french_post_on_a_phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not KATEX.is_dir():
        pytest.skip("KaTeX is not installed")
    path = written("post.md", tmp_path, monkeypatch)
    text = path.read_text("utf-8")
    assert text.startswith('---\ntitle: "')
    found = on_a_phone(as_jekyll_does(text), tmp_path)
    assert found["problems"] == []
    assert (found["errors"], found["left"]) == (0, 0)
    assert isinstance(displays := found["displays"], int)
    assert displays > 30
    assert isinstance(images := found["images"], list)
    assert [path.stem for path in sorted(tmp_path.glob("post-*.svg"))] == [
        "post-backward", "post-depth", "post-jacobian", "post-relation", "post-weights", "post-window",
    ]  # fmt: skip
    assert len(images) == 6
    assert all(size > 0 and said for size, said in images)
    assert found["cut"] == []
    assert found["wide"] == PHONE
    # what is asked can fail: the same post for a page
    monkeypatch.chdir(tmp_path)
    words = [word for word in command("post.md") if word not in ("--width", "60")]
    assert run(*words).status == 0
    assert on_a_phone(as_jekyll_does(path.read_text("utf-8")), tmp_path)["cut"]


@pytest.mark.slow
def test_a_paper_in_two_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    if not subprocess.run(["kpsewhich", "IEEEtran.cls"], capture_output=True, check=False).stdout:
        pytest.skip("IEEEtran is not installed")
    source = written("part.tex", tmp_path, monkeypatch).read_text("utf-8")
    labels, cited = (set(re.findall(rf"\\{name}\{{([^{{}}]*)\}}", source)) for name in ("label", r"(?:eq)?ref"))
    assert cited <= labels
    pictured = {label for label in labels if "figure." in label}
    assert len(pictured) >= 4
    assert pictured <= cited
    assert all(label.startswith("conv:") for label in labels)
    assert r"\theta" in source
    assert r"\delta" in source
    assert r"_{000}" in source
    (tmp_path / "paper.tex").write_text(PAPER, encoding="utf-8")
    for _ in range(2):
        subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"], cwd=tmp_path, check=True,
                       capture_output=True, timeout=200)  # fmt: skip
    log = (tmp_path / "paper.log").read_text("utf-8", errors="replace")
    assert re.findall(r"(?m)^(?:Overfull|LaTeX Warning: (?:Reference|There were|Label)|!).*", log) == []


def test_a_notebook_of_a_large_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cell typesets or loops over what takes minutes, and its pictures are of a shorter layer."""
    told = json.loads(written("stem.ipynb", tmp_path, monkeypatch).read_text("utf-8"))
    sources = {cell["id"]: "".join(cell["source"]) for cell in told["cells"] if cell["cell_type"] == "code"}
    assert "numbers-1" not in sources
    assert [text for text in sources.values() if text.startswith("g.terms")] == ['g.terms("dx")[0, 0, 112, 112]']
    ran = run_notebooks({"large": told}, tmp_path)["large"]
    assert {cell["error"] for cell in ran} == {""}
    assert max(len(text) for cell in ran for name, text in cell["shown"].items() if name == "text/latex") < 2000
