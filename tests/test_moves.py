"""The table of operations: each row's two directions agree, and a new operation is one row."""

import ast
import itertools
from collections import Counter

import numpy as np
import pytest

from symconv import Conv, prove, verify
from symconv.algebra.comparisons import between, compare
from symconv.algebra.integers import Const, Name
from symconv.formulas import formula
from symconv.formulas.moves import MOVES, Amount, Branch, Operation, _folding, _padding
from symconv.formulas.parser import parse
from symconv.formulas.tree import Array, Formula, move
from symconv.formulas.values import evaluate
from symconv.kernels.formula_source import formula_source
from symconv.layer.padding import Mode
from symconv.mathematics.latex import latex
from symconv.mathematics.of_formulas import of_formula
from symconv.proof.claim import Claim
from symconv.proof.smtlib import UnsupportedError, smtlib

i, j, n, e, by = (Name(name) for name in ("i", "j", "n", "e", "by"))
STEP = (Amount("by", step=True),)

#: operations that the project does not have: each entry several times, every so many-th entry, neighbours added up
NEW = {
    "repeat": Operation("repeat", STEP, by * n, back=(Branch(i // by),), forward=(Branch(by * j + e, many=by),), spreads=True),
    "every": Operation(
        "every", STEP, (n + by - 1) // by, back=(Branch(by * i),),
        forward=(Branch(j // by, (compare(j % by, "==", 0),)),), sign="↓",
    ),
    "collect": Operation("collect", STEP, n // by, back=(Branch(by * i + e, many=by),),
                         forward=(Branch(j // by, (compare(j // by, "<", n // by),)),), gathers=True),
    # the border mirrored about the edge itself: two branches, and a mode
    "pad mirror": Operation(
        "pad", MOVES["pad"].amounts, MOVES["pad"].length, mode="mirror", spreads=True,
        back=(
            Branch(i - Name("before"), between(0, i - Name("before"), n)),
            Branch(Name("before") - 1 - i, (compare(i, "<", Name("before")),)),
            Branch(2 * n - 1 - i + Name("before"), (compare(i, ">=", Name("before") + n),)),
        ),
        forward=(
            Branch(j + Name("before"), between(0, j + Name("before"), Name("before") + n + Name("after"))),
            Branch(Name("before") - 1 - j, between(0, Name("before") - 1 - j, Name("before"))),
            Branch(2 * n - 1 - j + Name("before"), between(Name("before") + n, 2 * n - 1 - j + Name("before"),
                                                          Name("before") + n + Name("after"))),
        ),
    ),
}  # fmt: skip


@pytest.fixture
def new(monkeypatch):
    for name, row in NEW.items():
        monkeypatch.setitem(MOVES, name, row)


def related(key: str, row: Operation, size: int, amounts: tuple[int, ...]) -> tuple[int, Counter, Counter]:
    """The length, and the pairs (i, j) that each direction gives, by plain evaluation."""
    node = move(key, Array("x"), *amounts)
    length = max(0, node.length(Const(size)).evaluate({}))
    pairs = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
    for found, relation, count in zip(pairs, (node.back, node.forward), (length, size), strict=True):
        for at in range(count):
            for branch in relation(Const(at), Const(size), e):
                for each in range(1 if branch.many is None else branch.many.evaluate({})):
                    if all(c.evaluate({"e": each}) for c in branch.when):
                        found[at, branch.to.evaluate({"e": each})] += 1
    back = Counter({pair: count for pair, count in pairs[0].items() if 0 <= pair[1] < size})
    forward = Counter({(to, at): count for (at, to), count in pairs[1].items()})
    return length, back, forward


def check_row(key: str, row: Operation) -> None:
    gathers = spreads = False
    for size in range(7):
        # a border that is mirrored has no more rows than there are; by nothing negative
        values = [range(1, 5) if a.step else range(size + 1) if row.mode else range(-4, 5) for a in row.amounts]
        for amounts in itertools.product(*values):
            length, back, forward = related(key, row, size, amounts)
            assert back == forward, (key, size, amounts)
            assert all(0 <= at < length for at, _ in forward), (key, size, amounts)
            assert max(back.values(), default=1) == 1, (key, size, amounts)
            gathers |= max(Counter(at for at, _ in back).values(), default=1) > 1
            spreads |= max(Counter(at for _, at in back).values(), default=1) > 1
    assert (gathers, spreads) == (row.gathers, row.spreads)


@pytest.mark.parametrize("key", MOVES)
def test_back_is_forward(key):
    check_row(key, MOVES[key])


@pytest.mark.parametrize("key", NEW)
def test_back_is_forward_of_a_new_row(new, key):
    check_row(key, NEW[key])


@pytest.mark.parametrize("made", [_padding, _folding])
def test_back_is_forward_of_a_new_mode(monkeypatch, made):
    """One row on both borders, and on each the row of the other end."""
    for before, after in ((Const(0), Const(0)), (Name("H") - 1, Const(0))):
        monkeypatch.setitem(MOVES, "own", made(Mode("own", before, after, "edge", None)))
        check_row("own", MOVES["own"])


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("pad", {"back": (Branch(i - Name("after")),)}),
        ("crop", {"forward": (Branch(j - Name("before")),)}),
        ("dilate", {"back": (Branch(i // by),)}),
        ("flip", {"forward": (Branch(n - j),)}),
        ("flip", {"length": n - 1}),
    ],
)
def test_a_wrong_row_is_found(monkeypatch, key, wrong):
    row = MOVES[key]
    broken = Operation(**{**{f: getattr(row, f) for f in row.__dataclass_fields__}, **wrong})
    monkeypatch.setitem(MOVES, key, broken)
    with pytest.raises(AssertionError):
        check_row(key, broken)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("y = correlate(repeat(x, 2), w)", r"\operatorname{repeat}_{2}(x) \star w"),
        ("y = correlate(every(x, 2), w)", r"(x \downarrow 2) \star w"),
        ("dw = collect(correlate(x, dy), 3)", r"\operatorname{collect}_{3}(x \star dy)"),
        ("y = correlate(pad(x, 2, 1, mode=mirror), w)", r"\operatorname{pad}_{2,1, \operatorname{mirror}}(x) \star w"),
    ],
)
def test_a_new_row_is_read_and_printed(new, text, printed):
    claim = parse(text)
    assert str(claim) == text
    assert parse(str(claim)) == claim
    assert latex(of_formula(claim)).partition(" = ")[2] == printed


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("y = correlate(collect(x, 2), w)", "collect adds entries up: it is taken of products, not of an array"),
        ("y = correlate(repeat(x), w)", "by is missing; it is repeat(operand, by)"),
        ("y = correlate(repeat(x, K), w)", "'K' varies; a stride or dilation is built from whole numbers, s and d"),
        ("y = correlate(pad(x, 1, mode=wrong), w)", "symmetric or mirror, not 'wrong'"),
    ],
)
def test_a_new_row_refuses(new, text, reason):
    with pytest.raises(ValueError, match=reason.replace("(", r"\(").replace(")", r"\)")):
        parse(text)


def numbers(text: str, x: list[int], bias: bool = False) -> list[int]:
    """What is correlated with a kernel of one entry that is 1: the moved array itself."""
    conv = Conv(input=len(x), kernel=1, bias=bias)
    value = evaluate(conv, formula(text))
    return [
        sum(c * np.prod([x[at] for name, at in factors if name == "x"]) for c, factors in value.terms_of((0, 0, at)))
        for at in range(value.shape[2])
    ]


def test_a_new_row_is_evaluated(new):
    x = [2, 3, 5, 7, 11]
    assert numbers("y = correlate(repeat(x, 2), w)", x) == [2, 2, 3, 3, 5, 5, 7, 7, 11, 11]
    assert numbers("y = correlate(every(x, 2), w)", x) == [2, 5, 11]
    assert numbers("y = collect(correlate(x, w), 2)", x) == [5, 12]
    assert numbers("y = correlate(pad(x, 2, 1, mode=mirror), w)", x) == [3, 2, 2, 3, 5, 7, 11, 11]
    assert numbers("y = collect(correlate(repeat(x, 3), w), 3)", x) == [3 * each for each in x]


def test_a_new_row_on_two_axes(new):
    """Sums are gathered on each axis: repeating and collecting is a multiple of the whole."""
    conv = Conv(
        input=(5, 4), kernel=(3, 2), stride=(2, 1), padding=((1, 0), (0, 2)), in_channels=4, groups=2, out_channels=2
    )
    truth = evaluate(conv, formula("dx"))
    tripled = evaluate(conv, parse(str(formula("dx")).replace("flip(w)", "repeat(repeat(flip(w), 1), 1)")))
    assert tripled.equals(truth)
    whole = formula("dw").body
    twice = Formula("dw", move("collect", move("repeat", whole, 2), 2))
    assert evaluate(conv, twice).equals(evaluate(conv, formula("dw")).scale(4))


def test_a_new_row_has_numpy_source(new):
    labels = {"x": "ngc", "w": "gfc", "y": "ngf"}
    for text, call in [
        ("y = correlate(repeat(x, s), w)", "correlate(repeat(x, s), w, 'ngc,gfc->ngf')"),
        ("y = correlate(pad(x, p, q, mode=mirror), w)", "correlate(pad(x, p, q, mode='mirror'), w, 'ngc,gfc->ngf')"),
    ]:
        assert ast.unparse(formula_source(parse(text), labels)) == call


STANDARD_DX = "correlate(pad(dilate(dy, s), d*(K-1) - p, d*(K-1) - q + r), flip(w), dilation=d)"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("dx = " + STANDARD_DX.replace("dilate(dy, s)", "dilate(every(repeat(dy, 3), 3), s)"), "PROVED"),
        ("dx = " + STANDARD_DX.replace("dilate(dy, s)", "repeat(dy, s)"), "REFUTED"),
        ("dx = every(repeat(" + STANDARD_DX + ", 2), 2)", "PROVED"),
        ("dw = collect(repeat(correlate(pad(x, p, q - r), dilate(dy, s), stride=d), 2), 2)", "REFUTED"),
        ("db = sum(every(repeat(dy, 2), 2))", "PROVED"),
        ("db = sum(repeat(dy, 2))", "REFUTED"),
        ("y = correlate(pad(x, p, q, mode=mirror), w, stride=s, dilation=d)", "REFUTED"),
        ("y = correlate(pad(x, 0, mode=mirror), w, stride=s, dilation=d)", "REFUTED"),
    ],
)
def test_a_new_row_is_proved(new, text, verdict):
    [proof] = [prove(text, stride=2, dilation=1)]
    assert proof.verdict == verdict, proof
    assert r"\begin{theorem}" in proof.to_latex()
    conv = Conv(input=6, kernel=3, stride=2, padding=(1, 1), dilation=1)
    assert verify(conv, [text]).ok == (verdict == "PROVED")


def test_what_stands_at_several_places_is_counted(new):
    """Both arrays repeated: the same product meets twice, and half of it is not the whole."""
    kept = "y = correlate(every(repeat(x, 2), 2), every(repeat(w, 2), 2)) + b"
    assert prove(kept, stride=1, dilation=1).condition is not None  # right where there is no padding
    doubled = prove("y = correlate(repeat(x, 2), repeat(w, 2), stride=2) + b", stride=1, dilation=1)
    assert doubled.verdict == "REFUTED"
    conv = Conv(input=4, kernel=2)
    claim = evaluate(conv, parse("y = correlate(repeat(x, 2), repeat(w, 2), stride=2)"))
    assert claim.text((0, 0, 0)) == "2*w_{1}*x_{1} + 2*w_{2}*x_{2}"


def test_the_second_opinion_reads_a_new_row(new):
    """Pushed forward, an entry has several places, of which the meeting takes one."""
    z3 = pytest.importorskip("z3")
    for text, verdict in [
        ("dx = " + STANDARD_DX.replace("dilate(dy, s)", "dilate(every(repeat(dy, 3), 3), s)"), z3.unsat),
        ("dx = " + STANDARD_DX.replace("dilate(dy, s)", "repeat(dy, s)"), z3.sat),
        ("y = correlate(every(repeat(pad(x, p, q), 2), 2), w, stride=s, dilation=d) + b", z3.unsat),
        ("y = correlate(pad(x, p, q, mode=mirror), w, stride=s, dilation=d) + b", z3.sat),
    ]:
        solver = z3.Solver()
        solver.set("timeout", 20000)
        solver.from_string(smtlib(Claim(parse(text), 2, 1)))
        assert solver.check() == verdict, text
    with pytest.raises(UnsupportedError, match="several places"):
        smtlib(Claim(parse("db = sum(repeat(dy, s))"), None, 1))
