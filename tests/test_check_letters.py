"""Articles in other letters: layers as superscripts, words for operators, stars that are defined, forward passes of one's own."""

from __future__ import annotations

import pytest

pytest.importorskip("markdown_it")
pytest.importorskip("pylatexenc")
pytest.importorskip("bs4")

from symconv.checking import check

LAYERS = r"""
$$v^l_t = \sum_{j=0}^{k-1} h^l_j v^{l-1}_{t+j} + c^l$$

$$\delta^l_t = \frac{\partial L}{\partial v^l_t}$$
"""
OFFSET = r"""
$$y_i = \sum_{k=1}^{K} w_k x_{i+k} + b$$
"""
UNTIED = r"""
$$y_i = \sum_{k=1}^{K} w_k x_{i+k-1} + b_i$$
"""
DEFINED = r"""
$$(u \star h)_t = \sum_{j=0}^{k-1} u_{t+j} h_j$$
"""

#: what stands before, what is claimed, and its verdict
CLAIMS = [
    (LAYERS, r"\frac{\partial L}{\partial h^l_j} = \sum_t \delta^l_t v^{l-1}_{t+j}", "PROVED"),
    (LAYERS, r"\frac{\partial L}{\partial h^l_j} = \sum_t \delta^l_t v^{l-1}_{t-j}", "WRONG"),
    (LAYERS, r"\frac{\partial L}{\partial h^l_j} = \sum_t \delta^l_t v^{l}_{t+j}", "WRONG"),
    (LAYERS, r"\delta^{l-1}_t = \sum_{j=0}^{k-1} \delta^l_{t-j} h^l_j f'(v^{l-1}_t)", "PROVED"),
    (LAYERS, r"\delta^{l-1}_t = \sum_{j=0}^{k-1} \delta^l_{t+j} h^l_j", "WRONG"),
    (LAYERS, r"\delta^{l-1}_t = \sum_{j=0}^{k} \delta^l_{t-j} h^l_j", "ILL-FORMED"),
    (LAYERS, r"\delta^{l-1} = \delta^l * \text{rot180}(h^l)", "AMBIGUOUS"),
    (LAYERS, r"\delta^{l-1}_t = \delta^l_t *_{full} \text{rot180}(h^l_j)", "PROVED"),
    (LAYERS, r"a^l_t = f(v^l_t)", "DEFINITION"),
    (OFFSET, r"dw_k = \sum_i dy_i x_{i+k}", "HOLDS"),
    (OFFSET, r"dw_k = \sum_i dy_i x_{i+k+1}", "WRONG"),
    (UNTIED, r"db_i = dy_i", "HOLDS"),
    (UNTIED, r"db_i = dy_{i+1}", "WRONG"),
    (DEFINED, r"(u \star h)_t = \sum_{j=0}^{k-1} u_{t-j} h_j", "INCONSISTENT"),
    ("", r"\frac{\partial L}{\partial X} = \text{full\_conv}(\frac{\partial L}{\partial Y}, W)", "AMBIGUOUS"),
    ("", r"\frac{\partial L}{\partial W} = rot180(conv2(X, rot180(\frac{\partial L}{\partial Y}), 'valid'))", "AMBIGUOUS"),
    ("", r"\frac{\partial L}{\partial W} = \frac{\partial L}{\partial Y} \cdot \mathbf{im2col}(X)", "HOLDS"),
    ("", r"\frac{\partial L}{\partial X} = \mathbf{col2im}\left(\frac{\partial L}{\partial Y} \cdot W\right)", "HOLDS"),
    ("", r"n_{out} = \left\lfloor \frac{n_{in} + 2p - f}{s} \right\rfloor + 1", "HOLDS"),
    ("", r"n_{out} = \left\lfloor \frac{n_{in} + p - f}{s} \right\rfloor + 1", "WRONG"),
    ("", r"o' = s (i' - 1) + a + k - 2p", "HOLDS"),
    ("", r"o' = s (i' - 1) + a + k - p", "WRONG"),
    ("", r"dX(m) = \sum_r dY( \frac{m + pad_H - r*d_H}{stride_H}) * W(r)", "PROVED"),
    ("", r"dX(m) = \sum_r dY( \frac{m - pad_H - r*d_H}{stride_H}) * W(r)", "WRONG"),
    ("A kernel of size $2M \\times 1$.\n", r"y_i = \sum_{m=-M}^{M} x_{i+m} w_m", "WRONG"),
    ("", r"y_i = \sum_{m=-M}^{M} x_{i+m} w_m", "DEFINITION"),
    ("", r"\frac{\partial L}{\partial x_i} = \sum_{k=\max(0, i)}^{3} \frac{}{}", "ILL-FORMED"),
    ("", r"dX \mathrel{+}= \sum_h W \times dY_h".replace(r"\mathrel{+}", "+"), "ILL-FORMED"),
    ("", r"\begin{bmatrix} dy_1 & dy_2 \end{bmatrix} \begin{bmatrix} x_1 & x_2 \\ x_2 & x_3 \end{bmatrix} = "
         r"\begin{bmatrix} dw_1 \\ dw_2 \end{bmatrix}", "INCONSISTENT"),
    ("", r"dx_1 = dy_1 w_1 \\ dx_2 = dy_1 w_2 + \frac{\partial L}{\partial 2} w_1 \\ dx_3 = dy_2 w_2", "ILL-FORMED"),
    ("", r"dx_1 = dy_1 w_1 \\ dx_2 = dy_1 w_1 + \frac{\partial L}{\partial 2} w_2 \\ dx_3 = dy_2 w_2", "WRONG"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "claim", "verdict"), CLAIMS, ids=map(str, range(len(CLAIMS))))
def test_claim(before, claim, verdict):
    found = check(f"{before}\n$$\n{claim}\n$$\n").displays[-1]
    assert (found.verdict, found.reason, found.condition) == (verdict, found.reason, found.condition)
    assert found.verdict != "WRONG" or found.counterexample


def test_the_layers_forward_pass_is_the_layer():
    assert [each.verdict for each in check(LAYERS).displays] == ["PROVED", "HOLDS"]
