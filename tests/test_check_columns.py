"""Layers as products of matrices in an article: im2col's columns, whichever way they lie, and the matrix of a whole layer."""

from __future__ import annotations

import pytest

pytest.importorskip("markdown_it")
pytest.importorskip("pylatexenc")

from symconv.checking import check

#: what an article writes first -> what follows, each with its verdict, and the correction where one is due
UPRIGHT = (r"Y = W X_{col}", {
    r"dW = dY X_{col}^T": "HOLDS", r"\frac{\partial L}{\partial W} = \frac{\partial L}{\partial Y} X_{col}^\top": "HOLDS",
    r"dX_{col} = W^T dY": "HOLDS", r"dX = \mathrm{col2im}(dX_{col})": "HOLDS", r"dX = \text{col2im}(W^\top dY)": "HOLDS",
    r"\nabla_W L = \nabla_Y L \, X_{col}^T": "HOLDS", r"dW = \mathrm{reshape}(dY X_{col}^T)": "HOLDS",
    r"dW = X_{col} dY^T": r"dW = dY \cdot X_{col}^T", r"dX_{col} = W dY": r"dX_{col} = W^T \cdot dY",
    r"dX_{col} = dY W^T": r"dX_{col} = W^T \cdot dY", r"dX = \mathrm{col2im}(W dY)": r"\operatorname{col2im}(W^T \cdot dY)",
    r"dW_{col} = dY X_{col}^3": "NOT READ",
})  # fmt: skip
LYING = (r"Y = X_{col} W + b", {
    r"dW = X_{col}^T dY": "HOLDS", r"dX_{col} = dY W^T": "HOLDS", r"dW = dY X_{col}^T": r"dW = X_{col}^T \cdot dY",
    r"dX_{col} = W^T dY": r"dX_{col} = dY \cdot W^T",
})  # fmt: skip
BY_ROWS = (r"Y = X_{col} W^T", {r"dW = dY^T X_{col}": "HOLDS", r"dX_{col} = dY W": "HOLDS",
                                r"dW = X_{col}^T dY": r"dW = dY^T \cdot X_{col}"})  # fmt: skip
NAMED = (r"A = \mathrm{im2col}(X)", {
    r"Y = W_{row} A": "HOLDS", r"dW_{row} = dY A^T": "HOLDS", r"dA = W_{row}^T dY": "HOLDS",
})  # fmt: skip
WHOLE = (r"\mathrm{vec}(Y) = T\,\mathrm{vec}(X)", {
    r"\mathrm{vec}(dX) = T^T \mathrm{vec}(dY)": "HOLDS", r"dX = T^\top dY": "HOLDS", r"dX = T dY": r"dX = T^T \cdot dY",
})  # fmt: skip
SHAPED = (r"Y_{f,i,j} = \sum_{c}\sum_{u=0}^{K-1} \sum_{v=0}^{K-1} W_{f,c,u,v} X_{c,i+u,j+v}", {
    r"X_{col} \in \mathbb{R}^{C K^2 \times O^2}": "HOLDS", r"X_{col} \in \mathbb{R}^{C K \times O^2}": "WRONG",
    r"X_{col} \in \mathbb{R}^{C K^2 \times M}": "NOT READ", r"X \in \mathbb{R}^{C \times H \times W}": "NO CLAIM",
})  # fmt: skip
CASES = [
    (first, latex, due)
    for first, others in (UPRIGHT, LYING, BY_ROWS, NAMED, WHOLE, SHAPED)
    for latex, due in others.items()
]


@pytest.mark.parametrize(
    ("first", "latex", "due"), CASES, ids=[f"{i}-{latex}" for i, (_, latex, _) in enumerate(CASES)]
)
def test_matrices(first: str, latex: str, due: str) -> None:
    before, found = check(f"$${first}$$\n\n$${latex}$$").displays
    assert before.verdict in ("HOLDS", "DEFINITION", "PROVED"), before
    if due.isupper():
        assert found.verdict == due, found
    else:
        assert (found.verdict, due in (found.fix or "")) == ("WRONG", True), found


def test_windows_lie_as_the_shape_says() -> None:
    rows = r"$$X_{col} \in \mathbb{R}^{O^2 \times C K^2}$$"
    article = f"$${SHAPED[0]}$$\n\n{rows}\n\n$$dW = X_{{col}}^T dY$$\n\n$$dW = X_{{col}} dY$$"
    assert [each.verdict for each in check(article).displays] == ["PROVED", "HOLDS", "HOLDS", "WRONG"]
