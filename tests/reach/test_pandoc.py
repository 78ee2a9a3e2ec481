"""Documents that pandoc renders through the filter."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = """---
title: Convolutions
---

Before.

```{.symconv-derive level=3 lang=fr}
--input 4x4 --kernel 2x2 --sections setting,forward,gradients,summary
```

```{.symconv-prove stride="1..2"}
dx = correlate(pad(dilate(dy, s), d*(K - 1) - p, d*(K - 1) - q + r), flip(w), dilation=d)
```

In words `db = sum(dy)`{.symconv-prove}. Untouched: `db`.
"""


def pandoc(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("pandoc")
    if program is None:
        pytest.skip("pandoc is not installed")
    made = folder / "symconv-pandoc"
    made.write_text(f"#!{sys.executable}\nfrom symconv.pandoc import main\nmain()\n")
    made.chmod(0o755)
    (folder / "post.md").write_text(text)
    words = [program, "post.md", "--filter", str(made), "--standalone", "--wrap=none", *options]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_html(tmp_path):
    ran = pandoc(tmp_path, PAGE, "--mathjax", "-o", "post.html")
    assert ran.returncode == 0, ran.stderr
    html = (tmp_path / "post.html").read_text()
    assert html.count("<svg") >= 2
    assert '<h3 id="in4x4-k2x2-forward">La propagation avant</h3>' in html
    assert '<a href="#in4x4-k2x2-forward">(3)</a>' in html
    assert html.count("Theorem (Input gradient") == 2
    assert "<code>db = sum(dy)</code> (proved for every size, stride 1, dilation 1)" in html
    assert "<table>" in html


@pytest.mark.slow
def test_pdf(tmp_path):
    if shutil.which("pdflatex") is None or shutil.which("kpsewhich") is None:
        pytest.skip("no TeX")
    ran = pandoc(tmp_path, PAGE, "-o", "post.tex")
    assert ran.returncode == 0, ran.stderr
    source = (tmp_path / "post.tex").read_text()
    assert "\\begin{tikzpicture}" in source
    words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "post.tex"]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-1500:]
    assert (tmp_path / "post.pdf").stat().st_size > 20_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```{.symconv-prove}\ndx = correlate(pad(dy, p), flip(w))\n```\n", "REFUTED at stride 1, dilation 1: dx = "),
        ("So `dw = correlate(x, dy)`{.symconv-prove}.\n", "it holds when p == 0"),
        ("```{.symconv-derive}\n--input 2 --kernel 5\n```\n", "kernel 5"),
        ("```{.symconv-derive input=4 kernel=2 strid=3}\n```\n", "--strid"),
    ],
)
def test_it_ends_in_one_line(tmp_path, text, told):
    ran = pandoc(tmp_path, text, "-f", "commonmark_x+sourcepos", "-o", "post.html")
    assert ran.returncode != 0
    (line,) = [line for line in ran.stderr.splitlines() if line.startswith("symconv-pandoc: ")]
    assert told in line
    assert "post.md@1:" in line


def test_other_documents_stay_as_they_are():
    from symconv.pandoc import filtered

    tree = {
        "pandoc-api-version": [1, 22],
        "meta": {},
        "blocks": [{"t": "Para", "c": [{"t": "Code", "c": [["", [], []], "dx"]}]}],
    }
    assert json.dumps(filtered(tree, "latex")) == json.dumps(tree)
