"""The LaTeX documents go through pdflatex: no error, no warning, nothing too wide."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from symconv import Conv
from symconv.article import document
from tests.cases import SMALL

PDFLATEX = shutil.which("pdflatex")

CASES = [
    *SMALL,
    Conv(input=(5, 5), kernel=3, stride=2, padding=1),
    Conv(input=(12, 14), kernel=(5, 3), padding=2, in_channels=3, out_channels=12, batch=10),
    Conv(input=(7, 8), kernel=(2, 3), dilation=(2, 1), stride=(2, 1), padding=((1, 0), (0, 2)), groups=2, in_channels=4,
         out_channels=4, batch=2),
    Conv(input=40, kernel=9, padding=4),
    Conv(input=(2, 2, 3, 3), kernel=2),
]  # fmt: skip


def complaints(source: str, folder: Path) -> list[str]:
    """What pdflatex says against a document."""
    (folder / "article.tex").write_text(source, encoding="utf-8")
    assert PDFLATEX
    ran = subprocess.run([PDFLATEX, "-interaction=nonstopmode", "-halt-on-error", "article.tex"], cwd=folder, capture_output=True)
    log = (folder / "article.log").read_text(encoding="utf-8", errors="replace")
    found = re.findall(r"(?m)^(?:!|Overfull|LaTeX Warning|LaTeX Font Warning|Package \w+ Warning).*", log)
    return [*found, *([f"exit status {ran.returncode}"] if ran.returncode else [])]


@pytest.mark.skipif(PDFLATEX is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("conv", CASES, ids=lambda conv: conv.slug)
def test_compiles_with_nothing_too_wide(conv: Conv, tmp_path: Path) -> None:
    loss = "squared" if conv.terms < 60 else "upstream"
    assert complaints(document(conv, loss=loss).render("latex"), tmp_path) == []


@pytest.mark.skipif(PDFLATEX is None, reason="pdflatex is not installed")
def test_what_is_too_wide_is_noticed(tmp_path: Path) -> None:
    source = document(Conv(input=4, kernel=2)).render("latex")
    wide = source.replace("dx_{1} &= ", "dx_{1} &= " + " + ".join(["dy_{1} w_{1}"] * 20) + " + ")
    assert any(line.startswith("Overfull") for line in complaints(wide, tmp_path))
    broken = source.replace(r"\begin{align*}", r"\begin{align*}\nosuchthing", 1)
    assert any(line.startswith("!") for line in complaints(broken, tmp_path))
