"""Corrections as a patch: it applies, keeps what was right, and what it makes is right."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from click.testing import CliRunner

pytest.importorskip("markdown_it")
pytest.importorskip("pylatexenc")

from symconv.checking import check
from symconv.checking.result import BAD
from symconv.cli.main import group
from tests.display_mutants import PAGES, page, sample

FORWARD = r"y_i = \sum_{k=0}^{K-1} w_k x_{i+k}"
MARKDOWN = rf"""# A layer

$${FORWARD}$$

$$\frac{{\partial L}}{{\partial x_m}} = \sum_{{k=0}}^{{K-1}} \frac{{\partial L}}{{\partial y_{{m+k}}}} w_k \tag{{2}}$$

$$dw_k = \sum_i dy_i x_{{i+k}} \\ dx_m = \sum_i dy_i w_{{i-m}}$$
"""
LATEX = rf"""\documentclass{{article}}
\newcommand{{\pd}}[2]{{\frac{{\partial #1}}{{\partial #2}}}}
\input{{more}}
\begin{{document}}
\begin{{equation}}
{FORWARD}
\end{{equation}}
\begin{{align}}
\frac{{\partial L}}{{\partial w_k}} &= \sum_i \frac{{\partial L}}{{\partial y_i}} x_{{i+k}} \label{{w}} \\
\frac{{\partial L}}{{\partial x_m}} &= \sum_i \frac{{\partial L}}{{\partial y_i}} w_{{i-m}} \label{{x}}
\end{{align}}
\[ \grad{{b}} = \sum_i \pd{{L}}{{y_i}} \]
\end{{document}}
"""


@pytest.mark.skipif(shutil.which("patch") is None, reason="no patch")
@pytest.mark.parametrize(("name", "text", "kept"), [
    ("post.md", MARKDOWN, [r"\tag{2}", r"dw_{k} = "]), ("post.tex", LATEX, [r"\label{w} \\", r"\label{x}", r"\end{align}"]),
])  # fmt: skip
def test_a_patch_of_corrections(tmp_path, monkeypatch, name, text, kept):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(text)
    (tmp_path / "more.tex").write_text("% gradients\n\\newcommand{\\grad}[1]{\\frac{\\partial L}{\\partial #1}}\n")
    assert not check(tmp_path / name).ok
    told = CliRunner().invoke(group, ["check", name, "--fix"])
    assert told.exit_code == 1
    subprocess.run(["patch", "-p1"], input=told.output, text=True, check=True, cwd=tmp_path, capture_output=True)
    again = check(tmp_path / name)
    assert again.ok, [(each.latex, each.told) for each in again.displays]
    assert not again.unread
    assert all(piece in again.text for piece in kept)


def test_a_file_that_is_no_text_is_told(tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\n\xff\xfe")
    told = CliRunner().invoke(group, ["check", str(tmp_path / "a.pdf")])
    assert told.exit_code == 2
    assert "PDF" in told.output or "PDF" in str(told.exception)


def test_no_file_outside_the_folder_is_taken_in(tmp_path):
    (tmp_path / "secret.tex").write_text("$$dw = x$$")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "a.tex").write_text(f"\\documentclass{{article}}\n\\input{{../secret}}\n$${FORWARD}$$\n")
    assert len(check(inner / "a.tex").displays) == 1


def test_a_display_is_mended_as_a_whole_or_not_at_all():
    """One part without a correction leaves the display as it is, rather than drop it."""
    (_, found) = check(rf"$${FORWARD}$$" + "\n\n" + r"$$dx_m = \sum_i dy_i w_{i-m} \\ dw_k = w_k w_k$$").displays
    assert found.verdict == "WRONG"
    assert found.fix is None or r"\\" in found.fix


DILATED = r"y_o = \sum_{k=0}^{K-1} w_k x_{So+dk}"
SIZE = r"O = \left\lfloor \frac{H + 2p - K}{s} \right\rfloor + 1"
#: slips of one token: what stands before, the display, and what it becomes
SLIPS = [
    (DILATED, r"dw_k = \sum_o dy_o x_{So+do}", r"dw_k = \sum_o dy_o x_{So+dk}"),
    (FORWARD, r"db = \sum_i w_i", r"db = \sum_i dy_i"),
    (FORWARD, r"dw_k = \sum_i dy_i w_{i+k}", r"dw_k = \sum_i dy_i x_{i+k}"),
    (FORWARD, r"dw_k = \sum_i dy_i x_{i+m}", r"dw_k = \sum_i dy_i x_{i+k}"),
    (
        FORWARD,
        r"\frac{\partial L}{\partial w_k} = \sum_n \frac{\partial L}{\partial y_i} x_{i+k}",
        r"\frac{\partial L}{\partial w_k} = \sum_i \frac{\partial L}{\partial y_i} x_{i+k}",
    ),
    (
        FORWARD,
        r"O = \left\lfloor \frac{H + 3p - K}{s} \right\rfloor + 1",
        r"O = \left\lfloor \frac{H + 2p - K}{s} \right\rfloor + 1",
    ),
    (
        FORWARD,
        r"O = \left\lfloor \frac{H + 2p - K}{s} \right\rfloor + 0",
        r"O = \left\lfloor \frac{H + 2p - K}{s} \right\rfloor + 1",
    ),
]


@pytest.mark.parametrize(("before", "slip", "meant"), SLIPS)
def test_a_slip_of_one_token_is_mended_in_the_authors_words(before: str, slip: str, meant: str) -> None:
    found = check(f"$${before}$$\n\n$${slip}$$\n", code=False).displays[-1]
    assert found.verdict in ("WRONG", "ILL-FORMED")
    assert found.fix is not None, found.reason
    again = check(f"$${before}$$\n\n$${found.fix}$$\n", code=False)
    assert again.ok, again.displays[-1].told
    assert plain(found.fix) == plain(meant)


def plain(text: str) -> str:
    return re.sub(r"\\cdot|[{}\s]", "", text)


@pytest.mark.parametrize("seed", range(3))
def test_mutants_of_a_derivation_have_corrections_that_hold_in_their_place(seed: int) -> None:
    pages = [page(*PAGES[(0, 2, 5)[seed]])]
    for one, number, mutant in sample(pages, 2, 40 + seed):
        found = one.judged(number, mutant.text)
        if found.verdict in BAD and found.fix is not None:
            assert one.judged(number, found.fix).verdict not in (*BAD, "NOT READ"), str(mutant)
