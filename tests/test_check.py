"""Articles of our own, with the claims and faults that people make, and the verdict on each."""

from __future__ import annotations

import json
import os
import re
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("markdown_it")
pytest.importorskip("pylatexenc")
pytest.importorskip("bs4")

from symconv.checking import check, programs
from symconv.checking.documents import blocks_of
from symconv.cli.main import group
from symconv.mathematics.of_latex import LatexError, read_latex

SMALL = r"""# One axis

stride = 1, no padding

$$x = \begin{bmatrix} x_1 \\ x_2 \\ x_3 \\ x_4 \\ x_5 \end{bmatrix}$$

$$w = \begin{bmatrix} w_1 \\ w_2 \end{bmatrix}$$

$$y_i = \sum_{k=1}^{2} w_k x_{i+k-1} + b$$
"""

#: what somebody writes after that, and its verdict
CLAIMS = [
    (r"y_1 = w_1 x_1 + w_2 x_2 + b", "HOLDS"),
    (r"y_1 = w_2 x_1 + w_1 x_2 + b", "WRONG"),
    (r"y_4 = w_1 x_4 + w_2 x_5 + b", "HOLDS"),
    (r"y_4 = w_1 x_4 - w_2 x_5 + b", "WRONG"),
    (r"dx_1 = w_1 dy_1 \\ dx_2 = w_2 dy_1 + w_1 dy_2", "HOLDS"),
    (r"dx_1 = w_1 dy_1 \\ dx_2 = w_1 dy_1 + w_2 dy_2", "WRONG"),
    (r"\frac{\partial L}{\partial x_5} = w_2 \frac{\partial L}{\partial y_4}", "HOLDS"),
    (r"\frac{\partial L}{\partial x_5} = w_1 \frac{\partial L}{\partial y_4}", "WRONG"),
    (r"dw_k = \sum_{i=1}^{4} dy_i x_{i+k-1}", "PROVED"),
    (r"dw_k = \sum_{i=1}^{4} dy_i x_{i+k}", "WRONG"),
    (r"dw_k = \sum_{i=1}^{3} dy_i x_{i+k-1}", "WRONG"),
    (r"dw_k = \sum_{i=1}^{4} dy_i x_{i+m-1}", "ILL-FORMED"),
    (r"dx_m = \sum_{i} dy_i w_{m-i+1}", "PROVED"),
    (r"dx_m = \sum_{i} dy_i w_{i-m+1}", "WRONG"),
    (r"dx_m = \sum_{k=1}^{2} dy_{m-k+1} w_k", "PROVED"),
    (r"db = \sum_{i=1}^4 dy_i", "PROVED"),
    (r"db = \sum_{i=2}^4 dy_i", "WRONG"),
    (r"db = \sum_{i=1}^5 dy_i", "ILL-FORMED"),
    (r"dw = x * dy", "PROVED"),
    (r"dw = x * w", "WRONG"),
    (r"\frac{\partial y_i}{\partial w_k} = x_{i+k-1}", "PROVED"),
    (r"\frac{\partial y_i}{\partial w_k} = x_{i+k}", "WRONG"),
    (r"\frac{\partial y_i}{\partial x_m} = w_{m-i+1}", "PROVED"),
    (r"\frac{\partial x_{i+k-1}}{\partial x_m} = \begin{cases} 1 & \text{if } m = i+k-1 \\ 0 & \text{else} \end{cases}", "HOLDS"),
    (r"\frac{\partial x_{i+k-1}}{\partial x_m} = \begin{cases} 1 & \text{if } m = i+k \\ 0 & \text{else} \end{cases}", "WRONG"),
    (r"\frac{\partial y}{\partial w} = \begin{bmatrix} x_1 & x_2 \\ x_2 & x_3 \\ x_3 & x_4 \\ x_4 & x_5 \end{bmatrix}", "HOLDS"),
    (r"\frac{\partial y}{\partial w} = \begin{bmatrix} x_1 & x_2 \\ x_2 & x_3 \\ x_3 & x_4 \\ x_5 & x_4 \end{bmatrix}", "WRONG"),
    (r"dx = \begin{bmatrix}0\\dy_1\\dy_2\\dy_3\\dy_4\\0\end{bmatrix} * \begin{bmatrix} w_2 \\ w_1 \end{bmatrix}", "HOLDS"),
    (r"dx = \begin{bmatrix}0\\dy_1\\dy_2\\dy_3\\dy_4\\0\end{bmatrix} * \begin{bmatrix} w_1 \\ w_2 \end{bmatrix}", "WRONG"),
    (r"dy = \frac{\partial L}{\partial y}", "DEFINITION"),
    (r"dw = \frac{\partial L}{\partial y} \cdot \frac{\partial y}{\partial w}", "PROVED"),
    (r"dw = \left(\frac{\partial y}{\partial w}\right)^T dy", "HOLDS"),
    (r"b", "NO CLAIM"),
    (r"dw_k = \oint dy", "NOT READ"),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "verdict"), CLAIMS, ids=map(str, range(len(CLAIMS))))
def test_claim(claim, verdict):
    found = check(f"{SMALL}\n$$\n{claim}\n$$\n").displays[-1]
    assert (found.verdict, found.reason) == (verdict, found.reason)
    assert found.verdict != "WRONG" or found.counterexample
    assert found.verdict != "NOT READ" or found.reason


def test_every_fix_holds():
    fixed = 0
    for claim, verdict in CLAIMS:
        found = check(f"{SMALL}\n$$\n{claim}\n$$\n").displays[-1]
        if verdict in ("WRONG", "ILL-FORMED") and found.fix:
            fixed += 1
            again = check(f"{SMALL}\n$$\n{found.fix}\n$$\n").displays[-1]
            assert again.verdict in ("PROVED", "HOLDS"), (claim, found.fix, again)
    assert fixed >= 6


def test_wrong_forward_names_its_stride():
    told = check(
        r"$y$, stride $s$" + "\n\n" + r"$$y_{ij} = \sum_{k=1}^{K_1}\sum_{l=1}^{K_2} w_{kl} x_{si+k-1,sj+l-1} + b$$"
    )
    (found,) = told.displays
    assert found.verdict == "WRONG"
    assert "stride 1" in (found.condition or "")
    assert check(f"$${found.fix}$$").displays[0].verdict == "PROVED"


def test_channel_sum_missing():
    text = r"$$y_{fij} = \sum_k \sum_l w_{fckl} x_{c,i+k-1,j+l-1} + b_f$$"
    (found,) = check(text).displays
    assert found.verdict == "ILL-FORMED"
    assert "sum over c" in (found.condition or "")
    assert check(text.replace(r"\sum_k", r"\sum_c \sum_k")).displays[0].verdict == "PROVED"


def test_summation_convention_is_declared_or_not():
    claim = "\n\n$$dw_k = dy_i x_{i+k-1}$$"
    assert check("Gradients." + claim).displays[0].verdict == "ILL-FORMED"
    assert check("We use Einstein's convention." + claim).displays[0].verdict == "PROVED"


def test_true_convolution_said_by_a_person():
    text = SMALL + r"$$dw = x * dy$$"
    assert check(text).displays[-1].verdict == "PROVED"
    assert check(text, {"star": "convolution"}).displays[-1].verdict == "WRONG"
    assert check("<!-- symconv: star=convolution -->\n\n" + text).displays[-1].verdict == "WRONG"
    assert check("---\nsymconv: {star: convolution}\n---\n\n" + text).displays[-1].verdict == "WRONG"


@pytest.mark.parametrize("bad", [{"moon": "full"}, {"base": "2"}, {"star": "product"}, {"stride": "x"}])
def test_settings_that_there_are_not(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        check(SMALL, bad)


SAME = r"dw_k = \sum_{i} dy_i x_{i+k-1}"
FORMATS = {
    "markdown": f"# T\n\n$$\n{SAME}\n$$\n",
    "inline": f"# T\n\ntext $${SAME}$$ text\n",
    "amsmath": f"# T\n\n\\begin{{equation}}\n{SAME}\n\\end{{equation}}\n",
    "fence": f"# T\n\n```math\n{SAME}\n```\n",
    "latex": f"\\documentclass{{article}}\n\\newcommand{{\\up}}[1]{{dy_{{#1}}}}\n\\begin{{document}}\n\\section{{T}}\n"
    f"\\begin{{align}}\n{SAME.replace('dy_i', chr(92) + 'up{i}')}\n\\end{{align}}\n\\end{{document}}\n",
    "brackets": f"\\documentclass{{article}}\\begin{{document}}\n\\[ {SAME} \\]\n\\end{{document}}\n",
    "html": f"<!doctype html><html><body><h1>T</h1>\n<p>$$ {SAME} $$</p></body></html>",
    "mathjax": f'<!doctype html><html><body><script type="math/tex; mode=display">{SAME}</script></body></html>',
    "katex": f'<!doctype html><html><body><span class="katex-display"><math><annotation encoding="application/x-tex">{SAME}'
    "</annotation></math></span></body></html>",
    "notebook": json.dumps({"cells": [{"cell_type": "markdown", "source": ["# T\n", "\n", f"$${SAME}$$"]}]}),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_format(kind):
    found = check(FORMATS[kind] + "\n")
    assert [each.verdict for each in found.displays] == ["PROVED"], found.displays


def test_lines_are_the_source_s():
    text = SMALL + "\n$$\ndb = \\sum_i dy_i\n$$\n"
    found = check(text).displays
    assert [text.splitlines()[each.line - 1][:2] for each in found] == ["$$"] * 4


def test_counts_add_up():
    text = SMALL + "\n".join(f"$$\n{claim}\n$$\n" for claim, _ in CLAIMS)
    found = check(text)
    assert sum(found.counts["verdicts"].values()) == len(found.displays) == 3 + len(CLAIMS)
    assert str(len(found.displays)) in found.summary


@pytest.mark.parametrize("language", ["Le biais", "Der Bias", "偏置", "バイアス"])
def test_languages(language):
    claim = r"$$\frac{\partial L}{\partial b} = \sum_i \frac{\partial L}{\partial y_i}$$"
    found = check(f"# {language}\n\n{language}：\n\n{claim}\n")
    assert found.displays[0].verdict == "PROVED"


def test_output_taken_for_code():
    found = check("```python\nTesting\ndx error:  7.4e-09\n```\n")
    assert found.code[0].verdict == "NOT READ"
    assert "output" in (found.code[0].reason or "")


@pytest.mark.parametrize("shape", ["text", "json", "html", "sarif", "junit", "annotated", "diff"])
def test_faces(shape, tmp_path):
    path = tmp_path / "post.md"
    path.write_text(SMALL + "\n$$dw_k = \\sum_{i=1}^{4} dy_i x_{i+m-1}$$\n", encoding="utf-8")
    told = CliRunner().invoke(group, ["check", str(path), "--format", shape])
    assert told.exit_code == 1, told.output
    if shape == "json":
        assert {"displays", "code", "context", "counts"} <= set(json.loads(told.output))
        assert {"line", "tag", "latex", "kind", "verdict", "condition", "fix", "counterexample", "reason"} <= set(
            json.loads(told.output)["displays"][0]
        )
    elif shape == "sarif":
        assert json.loads(told.output)["runs"][0]["results"][0]["level"] == "error"
    elif shape == "diff":
        assert re.search(r"^\+.*x_\{i\+k-1\}", told.output, re.MULTILINE)
    else:
        assert "ILL-FORMED" in told.output or "failure" in told.output


def test_exit_status(tmp_path):
    path = tmp_path / "post.md"
    run = CliRunner().invoke
    path.write_text(SMALL, encoding="utf-8")
    assert run(group, ["check", str(path), "--strict"]).exit_code == 0
    path.write_text(SMALL + "\n$$dw = \\oint dy$$\n", encoding="utf-8")
    assert run(group, ["check", str(path)]).exit_code == 0
    assert run(group, ["check", str(path), "--strict"]).exit_code == 3
    assert run(group, ["check", str(path), "--let", "moon=full"]).exit_code == 2
    assert "base" in run(group, ["check", str(path), "--context"]).output


@pytest.mark.parametrize(
    "text",
    ["\\frac{1}{", "{" * 200, "(" * 200, "x" * 60_000, "\\begin{matrix} 1", "a & b }", "\\left(", "\\input{file}"],
)
def test_latex_that_cannot_be_read(text):
    with pytest.raises(LatexError):
        read_latex(text)


def test_equations_side_by_side_are_read_one_by_one():
    first = r"y_1 &= w_1 x_1 + w_2 x_2 + b & y_3 &= w_1 x_3 + w_2 x_4 + b \\*[6pt]"
    for side, verdicts in (("w_1 x_2 + w_2 x_3 + b", ("HOLDS", "PROVED")), ("w_1 x_2 + w_2 x_4 + b", ("WRONG",))):
        shown = rf"{SMALL}{chr(10)}$$\begin{{align*}} {first} y_2 &= {side} & \end{{align*}}$${chr(10)}"
        assert check(shown).displays[-1].verdict in verdicts


@given(st.text(alphabet="xyw_{}^&\\ ij+-=12()[]\n", max_size=40) | st.text(max_size=30))
@settings(max_examples=60)
def test_anything_gets_a_verdict(text):
    found = check("$$\n" + text + "\n$$\n\nend\n")
    assert all(each.verdict for each in found.displays)


FORWARD = r"$$y_{f,i} = \sum_{c}\sum_{k=1}^{K} w_{f,c,k} x_{c,i+k-1} + b_f$$" + "\n\n"


@pytest.mark.parametrize(("claim", "verdict"), [
    (r"dw_{f,c,k} = \sum_{i} dy_{f,i} x_{c,i+k-1}", "PROVED"),
    (r"dw_{f,c,k} = \sum_{i} dy_{c,i} x_{f,i+k-1}", "WRONG"),  # right only if w had its channels the other way round
    (r"dw_{f,c,k} = \sum_{i} dy_{f,i} x_{c,i+k}", "WRONG"),  # right only if indices began at 0
    (r"dx_{c,m} = \sum_{f} \sum_{i} dy_{f,i} w_{c,f,m-i+1}", "WRONG"),
])  # fmt: skip
def test_what_the_forward_pass_settles_stays_settled(claim, verdict):
    """A first index or an order of channels that an earlier display rules out cannot make a later one right."""
    assert [each.verdict for each in check(f"{FORWARD}$${claim}$$", code=False).displays] == ["PROVED", verdict]


EXPECTED = re.compile(r"\| \d+ \| (\d+) \| .*\| (PROVED|HOLDS|WRONG|ILL-FORMED|INCONSISTENT|DEFINITION|NO CLAIM) \|")
SHARED = Path(os.environ.get("SYMCONV_SHARED", Path(__file__).parents[2] / "shared")) / "check"


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "article.md").exists(), reason=f"no article at {SHARED}")
def test_a_real_article():
    expected = [
        (int(m[1]), m[2]) for m in map(EXPECTED.match, (SHARED / "article-verdicts.md").read_text().splitlines()) if m
    ]
    found = [(each.line, each.verdict) for each in check(SHARED / "article.md", code=False).displays]
    # a chain rule holds at every size, whether its indices are written or not
    proved = {167, 191, 366, 376, 664, 672}
    assert found == [(line, "PROVED" if line in proved else verdict) for line, verdict in expected]


def test_audited_code_is_counted_and_not_told_case_by_case(monkeypatch):
    monkeypatch.setattr(programs, "audit", partial(programs.audit, grid="quick", once=True))
    program = (
        "def conv_backward(dout, cache):\n    x, w, b, p = cache\n    return x * 0, w * 0, dout.sum(axis=(0, 2, 3))\n"
    )
    (found,) = check(f"```python\n{program}```\n").code
    assert found.verdict == "WRONG"
    assert re.fullmatch(r"wrong in \d+ of \d+ cases, convention cs231n", found.reason or "")
    assert check(f"```python\n{program}```\n", code=False).code[0].verdict == "NOT READ"


def test_a_star_that_nothing_defines_is_ambiguous():
    found = check(r"$$\frac{\partial L}{\partial x} = \frac{\partial L}{\partial y} * \text{rot180}(w)$$").displays[0]
    assert found.verdict == "AMBIGUOUS"
    assert "full correlation" in (found.condition or "")


def test_true_convolution_forward_is_understood():
    forward = "$$y_i = \\sum_{k=0}^{K-1} w_k x_{i-k} + b$$\n\n"
    found = check(f"{forward}$$dw_k = \\sum_i dy_i x_{{i+k}}$$\n\n$$dw_k = \\sum_i dy_i x_{{i-k}}$$").displays
    assert [each.verdict for each in found] == ["DEFINITION", "WRONG", "PROVED"]


def test_sizes():
    right = r"$$O = \left\lfloor \frac{H + 2p - d(K - 1) - 1}{s} \right\rfloor + 1$$"
    assert check(right).displays[0].verdict == "HOLDS"
    found = check(right.replace(r"\left\lfloor", "").replace(r"\right\rfloor", "")).displays[0]
    assert found.verdict == "WRONG"
    assert "floor" in (found.reason or "")


def test_blocks_of_a_paragraph():
    kinds = [each.kind for each in blocks_of("a $x$ b\n\n$$y$$\n\n```python\n1\n```\n", "markdown")]
    assert kinds == ["text", "inline", "display", "code"]


LAYER = "input $5$, kernel $3$, stride $2$, padding $1${}\n\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "faults"),
    [
        (r"L = \sum_{o = 1}^{O} dy_{o} y_{o}", [("y_{o}", "y_{o + 1}"), ("o = 1", "o = 2"), ("= \\sum", "= -\\sum")]),
        (r"dx_{m} = \sum_{s(o - 1) + d(k - 1) - p + 1 = m} dy_{o} w_{k}", [("+ 1 =", "+ 2 ="), ("- p", "+ p"), ("s(o", "d(o")]),
        (r"dx_{m} = \sum_{2o + k - 3 = m} dy_{o} w_{k}", [("- 3", "- 2"), ("2o", "3o"), ("+ k", "- k")]),
        (
            r"\frac{\partial y_{o}}{\partial x_{m}} = \sum_{k = 1}^{K} w_{k} \delta_{m, s(o - 1) + d(k - 1) - p + 1}",
            [("+ 1}", "+ 2}"), ("- p", "+ p")],
        ),
    ],
)  # fmt: skip
def test_losses_conditions_under_a_sum_and_deltas(right, faults):
    def verdict(display):
        return check(LAYER.format("") + f"$$dy_o = dy_o$$\n\n$${display}$$\n").displays[1].verdict

    assert verdict(right) in ("HOLDS", "PROVED", "DEFINITION")
    for old, new in faults:
        assert old in right
        assert verdict(right.replace(old, new, 1)) == "WRONG", (old, new)


def test_conditions_of_two_axes_stand_below_each_other():
    conditions = r"s_{1} (o_{1} - 1) + k_{1} = m_{1} \\ s_{2} (o_{2} - 1) + k_{2} = m_{2}"
    display = r"$$dx_{m_{1},m_{2}} = \sum_{\substack{%s}} dy_{o_{1},o_{2}} w_{k_{1},k_{2}}$$"
    assert check(display % conditions).displays[0].verdict == "PROVED"
    assert check(display % conditions.replace("+ k_{2}", "- k_{2}")).displays[0].verdict == "WRONG"
    unbound = check(display % conditions.replace("k_{2} =", "k_{1} =")).displays[0]
    assert unbound.verdict == "ILL-FORMED"


def test_a_border_is_what_stands_outside_x_and_has_to_be_said_of_arrays():
    article = LAYER.format(", border (reflect)")
    right = article + "$$y_1 = w_1 x_2 + w_2 x_1 + w_3 x_2 + b$$\n"
    assert check(right).displays[0].verdict == "HOLDS"
    assert check(right.replace("w_1 x_2", "w_1 x_3")).displays[0].verdict == "WRONG"
    general = "y_o = \\sum_{k = 1}^{3} w_k x_{2o + k - 3} + b"
    assert check(f"{article}$${general}$$\n").displays[0].verdict == "PROVED"
    assert check(f"{article}$${general.replace('- 3', '- 2')}$$\n").displays[0].verdict == "WRONG"
    assert check(f"{article}$$dx_m = \\sum_{{2o + k - 3 = m}} dy_o w_k$$\n").displays[0].verdict == "WRONG"
    open_ = check(f"{article}$$dw = x \\star dy$$\n").displays[0]
    assert open_.verdict == "NOT READ"
    assert "reflect" in (open_.reason or "")
    assert check(article + "$$db = \\sum_{o = 1}^{O} dy_o$$\n").displays[0].verdict in ("HOLDS", "PROVED")
