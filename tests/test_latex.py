"""Formulas and integer expressions as LaTeX and as text: read back, they mean the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symconv import Conv, verify
from symconv.algebra.integers import Const, Integer, Name
from symconv.formulas.parser import parse
from symconv.formulas.standard import STANDARD, standard
from symconv.formulas.tree import Formula
from symconv.mathematics.latex import latex, width
from symconv.mathematics.lines import chunks, fill, lines
from symconv.mathematics.of_integers import of_integer
from symconv.mathematics.text import box, pretty
from symconv.mathematics.tree import Fence, Math, Matrix, Operator, Product, Row, Sum, Total, Word
from tests.cases import SMALL

NAMES = {"H": 7, "K": 3, "O": 5, "p": 2, "q": 1, "s": 3, "d": 2, "r": 1}


def expressions() -> st.SearchStrategy[Integer]:
    leaves = st.one_of(st.integers(-3, 9).map(Const), st.sampled_from(sorted(NAMES)).map(Name))
    divisors = st.one_of(st.integers(1, 5).map(Const), st.sampled_from("sdK").map(Name))

    def deeper(inner: st.SearchStrategy[Integer]) -> st.SearchStrategy[Integer]:
        pairs = st.tuples(inner, inner)
        return st.one_of(
            pairs.map(lambda p: p[0] + p[1]), pairs.map(lambda p: p[0] - p[1]), pairs.map(lambda p: p[0] * p[1]),
            st.tuples(inner, divisors).map(lambda p: p[0] // p[1]), st.tuples(inner, divisors).map(lambda p: p[0] % p[1]),
        )  # fmt: skip

    return st.recursive(leaves, deeper, max_leaves=8)


def python(text: str) -> str:
    """Printed LaTeX of an integer expression as Python."""
    text = text.replace(r"\left", "").replace(r"\right", "").replace(r"\bmod", "%").replace(r"\cdot", " ")
    while r"\frac" in text:
        start = text.rindex(r"\frac")  # an innermost one
        top, rest = braced(text[start + 5 :])
        bottom, rest = braced(rest)
        text = f"{text[:start]}(({top})//({bottom})){rest}"
    text = text.replace(r"\lfloor", "(").replace(r"\rfloor", ")")
    tokens = re.findall(r"//|\d+|[A-Za-z]|[-+*%()]", text)
    assert "".join(tokens) == text.replace(" ", ""), text
    result = ""
    for before, token in zip(["", *tokens], tokens):
        ends = before and (before.isalnum() or before == ")")
        result += ("*" if ends and (token.isalnum() or token == "(") else "") + token
    return result


def braced(text: str) -> tuple[str, str]:
    """``{a}b`` as (a, b)."""
    depth = 0
    for i, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return text[1:i], text[i + 1 :]
    raise ValueError(text)


@given(expressions())
def test_integers_mean_the_same_in_latex(e: Integer) -> None:
    printed = latex(e)
    assert eval(python(printed), {}, dict(NAMES)) == e.evaluate(NAMES), printed


@given(expressions())
def test_integers_mean_the_same_in_text(e: Integer) -> None:
    printed = pretty(e)
    source = printed.translate(str.maketrans({"⌊": "(", "⌋": ")", "·": "*", "−": "-", "/": "//"})).replace("mod", "%")
    assert eval(source, {}, dict(NAMES)) == e.evaluate(NAMES), printed


# formulas -------------------------------------------------------------------------------------------------------------


def formula_text(printed: str) -> str:
    """A closed formula in the printed notation as the text that the parser of formulas reads."""
    target, _, body = printed.partition(" = ")
    return f"{target} = {Printed(body).whole()}"


class Printed:
    """The printed notation: ``pad[u, v](a)``, ``flip(a)``, ``a ⋆ b``, ``a ↑ t``, ``(a) ↓ t``, ``a + b``, ``Σ a``."""

    def __init__(self, text: str) -> None:
        self.tokens = re.findall(r"pad|flip|dy|[xwb]|[⋆↑↓+Σ(),]|\[[^\]]*\]|[a-zA-Z]", text)
        assert "".join(self.tokens).replace(" ", "") == text.replace(" ", ""), text
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def whole(self) -> str:
        result = self.row()
        while self.peek() == "+":
            self.take()
            result += f" + {self.row()}"
        assert not self.peek()
        return result

    def row(self) -> str:
        if self.peek() == "Σ":
            self.take()
            return f"sum({self.row()})"
        result = self.single()
        while self.peek() in ("⋆", "↑", "↓"):
            sign = self.take()
            if sign == "⋆":
                result = f"correlate({result}, {self.single()})"
            elif sign == "↑":
                result = f"dilate({result}, {self.take()})"
            else:
                assert result.endswith(")")
                result = f"{result[:-1]}, stride={self.take()})"
        return result

    def single(self) -> str:
        token = self.take()
        if token == "(":
            inner = self.row()
            assert self.take() == ")"
            return inner
        if token == "pad":
            amounts = self.take()[1:-1].replace("·", "*").replace("−", "-")
            return f"pad({self.single()}, {amounts})"
        if token == "flip":
            return f"flip({self.single()})"
        return token


@pytest.mark.parametrize(("transposed", "target"), STANDARD)
def test_printed_formulas_hold(transposed: bool, target: str) -> None:
    """What is printed, read back as a formula, equals the derivative on layers of every kind."""
    again = parse(formula_text(pretty(standard(target, transposed), 200)), transposed=transposed)
    for conv in SMALL:
        if conv.transposed == transposed and (conv.bias or target not in ("y", "db")):
            assert verify(conv, [again]).ok, (str(again), conv)


def test_printed_formulas_that_are_wrong_do_not_hold() -> None:
    printed = pretty(standard("dx"), 200)
    for right, wrong in (("− p", "− q"), ("flip(w)", "w"), ("+ r", "− r"), ("dy ↑ s", "dy ↑ d")):
        assert right in printed
        again = parse(formula_text(printed.replace(right, wrong, 1)))
        assert not all(verify(conv, [again]).ok for conv in SMALL if not conv.transposed)


@pytest.mark.parametrize(("text", "printed"), [
    ("dx[m] = sum(dy[(m + p - d*k) // s] * w[k], k=(0, K), where=(m + p - d*k) % s == 0)",
     r"dx_{m} = \sum_{\substack{k = 1 \\ (m + p - d(k - 1) - 1) \bmod s = 0}}^{K} "
     r"dy_{\left\lfloor \frac{m + p - d(k - 1) - 1}{s} \right\rfloor + 1} \thinspace w_{k}"),
    ("dw = crop(correlate(x, dy), 1, 0)", r"dw = \operatorname{crop}_{1,0}(x \star dy)"),
    ("dx = 2*correlate(pad(dy, 1), flip(w)) - correlate(pad(dy, K-1), w)",
     r"dx = 2\operatorname{pad}_{1}(dy) \star \operatorname{flip}(w) - \operatorname{pad}_{K - 1}(dy) \star w"),
])  # fmt: skip
def test_formulas_in_latex(text: str, printed: str) -> None:
    assert latex(parse(text)) == printed


def test_every_node_has_a_reader() -> None:
    from symconv.formulas import tree
    from symconv.mathematics import of_formulas as notation

    nodes = {each for each in vars(tree).values() if isinstance(each, type) and issubclass(each, tree.Node)} - {
        tree.Node
    }
    assert nodes == set(notation.RULES)


# lines ----------------------------------------------------------------------------------------------------------------


def test_long_sums_are_broken_evenly_before_signs() -> None:
    total = Sum(tuple((1, Word(f"a{i:02}")) for i in range(9)))
    assert pretty(total, 20) == pretty(total)
    rows = [pretty(row).strip() for row in lines(total, lambda piece: box(piece).width, 40)]
    assert rows == ["a00 + a01 + a02 + a03 + a04", "+ a05 + a06 + a07 + a08"]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(5, 60))
def test_lines_hold_everything_in_order_and_no_more_than_fits(sizes: list[int], limit: int) -> None:
    words = [Word("a" * size) for size in sizes]
    rows = fill(words, lambda piece: box(piece).width, limit)
    assert [word for row in rows for word in row.parts] == words
    for row in rows:
        assert box(row).width <= limit or len(row.parts) == 1


def test_terms_are_kept_whole_where_a_sum_can_be_broken_between_them() -> None:
    term = Row((Word("aaaa"), Operator("⋆"), Word("bbbb")))
    total = Sum(((1, term), (1, term)))
    assert [pretty(row).strip() for row in lines(total, lambda p: box(p).width, 18)] == ["aaaa ⋆ bbbb", "+ aaaa ⋆ bbbb"]
    assert len(list(chunks(total))) == 4


def math(depth: int = 3) -> st.SearchStrategy[Math]:
    leaves = st.sampled_from(["x", "w", "12", "dy", "⋯"]).map(Word)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda p: Product(tuple(p))),
            st.lists(inner, min_size=1, max_size=3).map(lambda p: Sum(tuple((1, each) for each in p))),
            inner.map(Fence),
            inner.map(lambda each: Row((Total((Word("k"),), Word("K")), each))),
            st.tuples(inner, inner).map(lambda p: Matrix((p, p))),
        ),
        max_leaves=6,
    )


@given(math())
def test_braces_balance_and_widths_are_positive(thing: Math) -> None:
    printed = latex(thing)
    assert printed.count("{") == printed.count("}")
    assert printed.count(r"\begin") == printed.count(r"\end")
    assert printed.count(r"\left") == printed.count(r"\right")
    assert width(thing) > 0
    drawn = box(thing)
    assert len({len(line) for line in drawn.lines}) == 1


def test_what_is_not_mathematics_is_refused() -> None:
    with pytest.raises(TypeError, match="no LaTeX for 3"):
        latex(3)
    with pytest.raises(TypeError, match="no text for 'x'"):
        box("x")


def test_formula_object_and_integer_print_alike() -> None:
    formula = standard("dw")
    assert isinstance(formula, Formula)
    assert latex(of_integer(Name("s") * 2 + 1)) == r"s \cdot 2 + 1"
    assert latex(Name("K") * (Name("K") - 1)) == "K(K - 1)"
    assert verify(Conv(input=4, kernel=2), [formula]).ok
