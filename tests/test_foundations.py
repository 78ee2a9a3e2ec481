"""Small facts that every verdict rests on, each held against a few lines that say the same in another way."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import numpy as np
import pytest

from symconv import Conv, prove
from symconv.algebra import terms
from symconv.algebra.comparisons import compare
from symconv.algebra.integers import Const, Integer, Name, additive_terms
from symconv.algebra.polynomials import Polynomial
from symconv.algebra.terms import MultilinearArray, Terms
from symconv.formulas import formula
from symconv.formulas.indices import interval
from symconv.formulas.sets import quasi_affine
from symconv.formulas.standard import standard
from symconv.formulas.values import evaluate
from symconv.formulas.verify import verify
from symconv.layer.differences import random_integers
from symconv.layer.loss import loss
from symconv.proof import PROVED, REFUTED
from symconv.proof.candidates import conjunctions
from symconv.proof.claim import EXTENTS, Claim
from symconv.proof.positions import plain_length
from symconv.proof.smtlib import UnsupportedError, smtlib
from symconv.proof.vocabulary import Atom
from tests.proof.sums import layers

LAYER = Conv(6, 3, bias=False)


def columns(generator: random.Random, entries: int, count: int) -> MultilinearArray:
    """A few random terms dy*w, some of them the same, some with coefficient zero."""
    entry = np.array([generator.randrange(entries) for _ in range(count)], dtype=np.int64)
    extents = {"dy": 4, "w": 3}
    factors = {
        name: np.array([generator.randrange(n) for _ in range(count)], dtype=np.int64) for name, n in extents.items()
    }
    coefficient = np.array([generator.choice([-2, -1, 0, 1, 1, 2]) for _ in range(count)], dtype=np.int64)
    return MultilinearArray(LAYER, (entries,), (Terms.of(entry, factors, coefficient),))


def counted(array: MultilinearArray) -> dict[tuple[int, ...], int]:
    found: Counter[tuple[int, ...]] = Counter()
    for block in array.blocks:
        for e, *rest, c in zip(block.entry, *block.factors, block.coefficient, strict=True):
            found[(int(e), *(int(f) for f in rest))] += int(c)
    return {key: c for key, c in found.items() if c}


@pytest.mark.parametrize("narrow", [False, True], ids=["one number a row", "columns"])
def test_terms_are_collected(narrow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal products are added and zeros vanish, with rows as one number and, where that does not fit, column by column."""
    if narrow:
        monkeypatch.setattr(terms, "_keys", lambda columns, sizes: None)
    generator = random.Random(1)
    for _ in range(60):
        one, other = (columns(generator, 2, generator.randrange(1, 9)) for _ in range(2))
        for array in (one, other, one + other, one - other, one.scale(3)):
            kept = array.canonical
            rows = [(int(e), *map(int, f)) for b in kept.blocks for e, *f in zip(b.entry, *b.factors, strict=True)]
            assert len(rows) == len(set(rows))
            assert counted(kept) == counted(array)
            assert all(block.coefficient.all() for block in kept.blocks)
        assert one.equals(other) == (counted(one) == counted(other))
        assert (one + other).equals(other + one)
        assert (one - one).equals(other - other)
        assert (one - other).equals(one + other) == (counted(other) == {})


def test_rows_become_numbers_while_they_fit() -> None:
    rows = [np.array([0, 1]), np.array([2, 0])]
    assert terms._keys(rows, [2, 2**62 - 1]).tolist() == [2, 2**62 - 1]  # type: ignore[union-attr]
    assert terms._keys(rows, [2, 2**62]) is None
    assert terms._keys(rows, [4, 2**62]) is None
    assert terms._keys(rows, [0, 5]) is not None
    generator = np.random.default_rng(1)
    sizes = [3, 5, 2]
    several = [generator.integers(0, n, 40) for n in sizes]
    key = terms._keys(several, sizes)
    assert key is not None
    for i, j in itertools.product(range(40), repeat=2):
        a, b = ([int(column[at]) for column in several] for at in (i, j))
        assert (int(key[i]) < int(key[j])) == (a < b)


def test_arrays_of_different_shapes() -> None:
    """They are not equal, whatever their terms, and have no sum."""
    generator = random.Random(2)
    one, other = columns(generator, 2, 4), columns(generator, 3, 4)
    nothing = [MultilinearArray(LAYER, (n,), ()) for n in (2, 3)]
    assert not nothing[0].equals(nothing[1])
    assert nothing[0].equals(nothing[0])
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(3,\) cannot be added"):
        one + other
    with pytest.raises(ValueError, match="cannot be added"):
        one - other


def random_integer(generator: random.Random, depth: int) -> Integer:
    if depth == 0:
        return generator.choice([Name("i"), Name("j"), Name("H"), Const(generator.randrange(-3, 5))])
    a, b = random_integer(generator, depth - 1), random_integer(generator, depth - 1)
    sign = generator.choice("++-*/%")
    try:
        return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a // b, "%": lambda: a % b}[
            sign
        ]()
    except ZeroDivisionError:
        return a


@pytest.mark.parametrize("seed", range(3))
def test_an_interval_holds_every_value(seed: int) -> None:
    generator = random.Random(seed)
    decided = 0
    for _ in range(300):
        e = random_integer(generator, generator.choice([1, 2, 3]))
        known = {}
        for name in "ij":
            low = generator.randrange(-4, 5)
            known[name] = (low, low + generator.randrange(0, 4))
        sizes = {"H": generator.randrange(1, 7)}
        try:
            low, high = interval(e, known, sizes)
        except ZeroDivisionError:
            continue
        spans = (range(a, b + 1) for a, b in known.values())
        values = [e.evaluate({**sizes, "i": i, "j": j}) for i, j in itertools.product(*spans)]
        assert low <= min(values), (str(e), known)
        assert max(values) <= high, (str(e), known)
        if len(values) == 1:  # nothing is left open: the one value, without a margin
            assert (low, high) == (values[0], values[0]), (str(e), known, sizes)
            decided += 1
    assert decided > 5


@pytest.mark.parametrize(
    ("text", "due"), [("7", 7), ("-7", -7), ("2*H", 6), ("H // (-2)", -2), ("-H % 2", 1), ("H % (-2)", -1)]
)
def test_one_meaning_of_division(text: str, due: int) -> None:
    """Floor division and its remainder, of negative numbers too: in a coefficient, a range, an index, for verify, isl and z3."""
    at = {"H": 3, "K": 1, "p": 0, "q": 0, "O": 3, "r": 0, "s": 1, "d": 1}
    read = formula(f"dw[k] = sum(dy[i] * x[{text} + i], i=(0, 1))")
    (factor,) = (each for each in read.body.factors if each.name == "x")  # type: ignore[attr-defined]
    assert factor.index.evaluate({**at, "i": 0}) == due


INNER = ("m + p - 2", "1 - m", "-K", "p - m")


@pytest.mark.parametrize(("a", "b"), list(zip(INNER, (2, 3, 2, 3), strict=True)))
def test_division_means_the_same_to_each_solver(a: str, b: int) -> None:
    """Quotients and remainders by negative numbers are those of the opposite numbers; the remainder is what is left. Both
    solvers and verify say so, and both see it where one of the indices is off by one."""
    right = "sum(dy[i] * w[m + p - i], i=(0, O))"
    for one, same in (
        (f"({a}) // ({-b})", f"(-({a})) // {b}"),
        (f"({a}) % ({-b})", f"-((-({a})) % {b})"),
        (f"({a}) % ({-b})", f"({a}) + {b}*(({a}) // ({-b}))"),
        (f"({a}) % {b}", f"({a}) - {b}*(({a}) // {b})"),
    ):
        for index, verdict in ((same, PROVED), (f"{same} + 1", REFUTED)):
            text = f"dx[m] = {right} + sum(dy[i] * w[{one} + 1], i=(0, O)) - sum(dy[i] * w[{index} + 1], i=(0, O))"
            proof = prove(text, second_opinion=True)
            assert proof.verdict == verdict, text
            assert proof.second_opinion == {PROVED: "z3: unsat", REFUTED: "z3: sat"}[verdict], text
            assert all(verify(Conv(h, k, padding=p), [text]).ok for h, k, p in ((5, 3, 1), (4, 2, 0), (2, 4, 2))) == (
                verdict == PROVED
            ), text


def test_plus_and_minus_an_array_of_another_length_says_nothing() -> None:
    """What is taken away again has no terms, but its length does not fit."""
    text = "dx = correlate(pad(dilate(dy, s), d*(K - 1) - p, d*(K - 1) - q + r), flip(w), dilation=d)"
    other = "correlate(pad(dilate(dy, s), d*(K - 1) - p, d*(K - 1) - q), flip(w), dilation=d)"
    assert prove(text, 2).verdict == PROVED
    proof = prove(f"{text} + {other} - {other}", 2)
    assert proof.verdict == REFUTED
    assert proof.condition == "r == 0" or "mod" in proof.condition or "%" in proof.condition, proof.condition
    assert not verify(Conv(6, 3, stride=2), [f"{text} + {other} - {other}"]).ok


def test_a_loss_of_exactly_the_limit() -> None:
    conv = Conv(4, 2, bias=False)
    assert loss(conv, max_terms=6).count == 6
    with pytest.raises(ValueError, match="6"):
        loss(conv, max_terms=5)


@pytest.mark.parametrize(
    "at", layers(((1, 1), (2, 1), (3, 2))), ids=lambda at: "-".join(f"{k}{v}" for k, v in at.items())
)
def test_the_loss_is_the_relation(at: dict[str, int]) -> None:
    """Every m = s*o + d*k - p inside the input, once."""
    conv = Conv(at["H"], at["K"], stride=at["s"], dilation=at["d"], padding=((at["p"], at["q"]),), bias=False)
    due = {(o, k, m) for o in range(at["O"]) for k in range(at["K"]) for m in range(at["H"])
           if m == at["s"] * o + at["d"] * k - at["p"]}  # fmt: skip
    (block,) = loss(conv).blocks
    by = dict(zip(block.arrays, block.factors, strict=True))
    found = Counter(zip(by["dy"].tolist(), by["w"].tolist(), by["x"].tolist(), strict=True))
    assert found == Counter(due)
    assert conv.output == (at["O"],)


UNFIT = ("correlate(x, crop(w, K, 0))", "correlate(crop(x, H, 0), w)", "correlate(crop(x, H, 0), crop(w, K, 0))",
         "correlate(crop(x, H - 1, 0), w, stride=2)")  # fmt: skip


@pytest.mark.parametrize("text", UNFIT)
def test_what_does_not_fit_has_no_entries(text: str) -> None:
    """An empty filter slides nowhere, and neither does one that is longer than its array."""
    for conv in (Conv(5, 3, bias=False), Conv(7, 2, stride=3, bias=False)):
        assert evaluate(conv, formula(f"y = {text}")).shape == (1, 1, 0)
        (check,) = verify(conv, [f"y = {text}"]).checks
        assert not check.ok
        assert check.failures <= check.entries


def test_isl_is_given_what_is_affine() -> None:
    assert quasi_affine(2 * Name("H") - Name("s") * Name("K"), {"s": 3})
    for e in (Name("H") * Name("K"), Name("s") * Name("K"), Name("H") * (Name("K") + 1)):
        with pytest.raises(ValueError, match="not affine"):
            quasi_affine(e, {})


@pytest.mark.parametrize("seed", range(2))
def test_signed_terms_add_up(seed: int) -> None:
    """The terms of opened brackets, with their signs, have the value of the whole; none is a sum or a negative number."""
    generator = random.Random(seed)
    for _ in range(200):
        e = random_integer(generator, generator.choice([1, 2, 3]))
        at = {"i": generator.randrange(-5, 6), "j": generator.randrange(-5, 6), "H": generator.randrange(1, 7)}
        found = list(additive_terms(e))
        assert all(str(part) != "0" and not str(part).startswith("-") for _, part in found if isinstance(part, Const))
        try:
            assert sum(sign * part.evaluate(at) for sign, part in found) == e.evaluate(at), str(e)
        except ZeroDivisionError:
            continue


@pytest.mark.parametrize(("text", "said"), [
    ("2[i] = sum(w[k] * x[i + k], k)", "a formula is for"),
    ("dx = dy[i] * w", "arrays are multiplied by correlate"),
    ("dx = dy * w[i]", "arrays are multiplied by correlate"),
    ("dx = dy * w", "arrays are multiplied by correlate"),
])  # fmt: skip
def test_what_is_no_formula(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        formula(text)


def test_terms_of_different_arrays_are_different() -> None:
    """The same numbers of entries, of other arrays."""
    entry, row = np.array([0, 1], dtype=np.int64), np.array([0, 2], dtype=np.int64)
    for coefficient in (1, 2):
        one, other = (
            MultilinearArray(LAYER, (2,), (Terms.of(entry, {"dy": row, name: row}, coefficient),)) for name in "wx"
        )
        assert one.equals(one)
        assert not one.equals(other)


#: sums whose ranges begin and end at the last entry that counts, or move with the target's index
WHOLE = (
    "dw[k] = sum(dy[i] * x[s*i + d*k - p], i=(0, O))",
    "dx[m] = sum(dy[i] * w[m + p - s*i], i=(0, O))",
    "dw[k] = sum(dy[i] * x[s*i + d*k - p], i=(k % 2, O)) + sum(dy[i] * x[s*i + d*k - p], i=(0, k % 2))",
    "y[t] = sum(w[i] * x[s*t + i - p], i=(t % 3 - 1, K)) + sum(w[i] * x[s*t + i - p], i=(0, t % 3 - 1))",
    "db = sum(dy[i], i=(O // 2, O)) + sum(dy[i], i=(0, O // 2))",
)


@pytest.mark.parametrize("text", WHOLE)
def test_a_range_is_gone_through_from_end_to_end(text: str) -> None:
    compared = 0
    for at in layers(((1, 1), (2, 1), (3, 1))):
        conv = Conv(
            at["H"], at["K"], stride=at["s"], dilation=at["d"], padding=((at["p"], at["q"]),), bias="db" in text
        )
        assert verify(conv, [text]).ok, conv
        shorter = text.replace("O)", "O - 1)", 1) if "O)" in text else text.replace("K)", "K - 1)", 1)
        compared += not verify(conv, [shorter]).ok
    assert compared


def test_where_a_free_divisor_is_zero_nothing_is_claimed() -> None:
    """What is divided by s - 1 and taken away again is not nothing at stride 1."""
    z3 = pytest.importorskip("z3")
    right = "i=(0, O + K // (s - 1) - K // (s - 1)))"
    for text in (f"db = sum(dy[i], {right}", f"dx[m] = sum(dy[i]*w[m + p - s*i], {right}"):
        script = smtlib(Claim(formula(text), None, None))
        for extra, due in (("(= s 1)", z3.sat), ("(and (> s 1) (< s 4) (= d 1))", z3.unsat)):
            solver = z3.Solver()
            solver.from_string(f"{script.replace('(check-sat)', '')}(assert {extra})")
            assert solver.check() == due, (text, extra)


def test_three_words_are_put_together() -> None:
    """Each word takes away what should not be there; what cannot all be taken away is not said."""
    atoms = [Atom(compare(Name(name), "==", 0), 1.0, bits) for name, bits in zip("Hpq", (0b0111, 0b1011, 0b1101))]
    (found,) = conjunctions(atoms, 0b0001, 0b1111)
    assert sorted(found, key=atoms.index) == atoms
    assert not list(conjunctions(atoms[:2], 0b0001, 0b1111))
    assert not list(conjunctions([], 0b0001, 0b1111))


def test_an_axis_that_is_too_long_is_refused_whatever_its_terms() -> None:
    long = Conv(1000, 1, stride=1000, bias=False, batch=2000)
    assert long.terms == 2000
    assert verify(long, ["dx"], by="axes", max_terms=1000).ok
    with pytest.raises(ValueError, match="1,000 rows on axis 0, more than max_terms=999"):
        verify(long, ["dx"], by="axes", max_terms=999)


def test_random_integers_are_of_every_size_and_sign_but_zero() -> None:
    drawn = random_integers(Conv(40, 2), 1, size=3)
    assert set(drawn["x"].reshape(-1).tolist()) == {-3, -2, -1, 1, 2, 3}


@pytest.mark.parametrize("target", ["y", "dx", "dw"])
def test_a_constant_border_counts_where_it_is_multiplied(target: str) -> None:
    assert prove(target, 2, padding_mode="constant").verdict == PROVED
    forgotten = prove(str(standard(target)), 2, padding_mode="constant")
    assert (forgotten.verdict == PROVED) == (target == "dx")


@pytest.mark.parametrize("extra", ["s", "-s"])
def test_one_entry_more_or_less_is_where_the_two_differ(extra: str) -> None:
    """All entries that both have are the same; the counterexample is the entry that only one has."""
    proof = prove(f"y = correlate(pad(x, p, q + {extra}), w, stride=s, dilation=d)", 2, padding="free")
    found = proof.counterexample
    assert found is not None
    assert found.lengths is not None
    assert found.index == min(found.lengths)
    assert "no entry" in (found.formula, found.truth)
    assert found.replayed


def test_several_proofs_show_themselves_even_if_there_is_one() -> None:
    assert repr(prove("dw", [2])) == "<1 PROVED: dw = correlate(pad(x, p, q - r), dilate(dy, s), stride=d)>"


def test_a_condition_is_told_whole() -> None:
    """Beside what is to read, the set as isl has it: with every size at which the formula happens to hold."""
    proof = prove("dx = correlate(pad(dilate(dy, s), d*(K-1) - p, d*(K-1) - q + r), w, dilation=d)", 2)
    told = proof.to_dict()
    assert told["full_condition"] == proof.validity.full  # type: ignore[union-attr]
    assert "K = 1" in told["full_condition"]


def test_the_bias_of_a_forward_pass_of_ones_own() -> None:
    conv = Conv(6, 3, stride=2, padding=1)
    own = "y[i] = sum(w[k] * x[s*i + K - 1 - k - p], k)"
    assert verify(conv, ["db"], forward=own).ok
    assert not verify(conv, ["db = 2*sum(dy)"], forward=own).ok
    assert not verify(conv, ["dw"], forward=own).ok


def test_terms_whose_rows_fit_no_number_are_compared_by_columns() -> None:
    large = Conv(10**9, 10**9, bias=False)
    row, entry = np.array([10**9 - 1, 5], dtype=np.int64), np.array([3, 10**9 - 1], dtype=np.int64)
    one, same, other = (
        MultilinearArray(large, (10**9,), (Terms.of(entry[order], {"w": row[order], "x": moved[order]}),))
        for order, moved in (([0, 1], row), ([1, 0], row), ([0, 1], row - 1))
    )
    assert terms._keys((entry, row, row), [10**9] * 3) is None
    assert one.equals(same)
    assert not one.equals(other)


def test_an_index_with_a_factor_is_solved_for() -> None:
    """Every second entry and the others between them are all; z3 says so of numbers, of s, and of what is neither."""
    for text, stride, due in (
        ("db = sum(dy[2*i], i=(0, O)) + sum(dy[2*i + 1], i=(0, O))", 3, "z3: unsat"),
        ("db = sum(dy[2*i], i=(0, O)) + sum(dy[2*i + 2], i=(0, O))", 3, "z3: sat"),
        ("db = sum(dy[s*i], i=(0, O)) + sum(dy[s*i + 1], i=(0, O))", 2, "z3: unsat"),
    ):
        assert prove(text, stride, second_opinion=True).second_opinion == due, text
    with pytest.raises(UnsupportedError, match="factor"):
        smtlib(Claim(formula("db = sum(dy[(s - 1)*i], i=(0, O))"), None, None))


@pytest.mark.parametrize("at", layers(((1, 1), (2, 1), (3, 2))), ids=str)
def test_lengths_of_correlations_are_those_of_their_values(at: dict[str, int]) -> None:
    body = formula("y = correlate(pad(x, p, q), w, stride=s, dilation=d)").body
    assert plain_length(body, EXTENTS).evaluate(at) == at["O"]


def test_y_has_no_derivative_by_what_it_is_not_made_of() -> None:
    found = Conv(4, 2).gradients()
    for array in ("dy", "y", "v"):
        with pytest.raises(ValueError, match=f"no Jacobian by '{array}'"):
            found.jacobian(array)


def test_long_sums_are_shortened_and_counted() -> None:
    """Six terms are told; of seven the number too."""
    for kernel, told in ((6, ""), (7, " + ... (7 terms)")):
        shown = verify(Conv(kernel, kernel, bias=False), ["y = 2*correlate(x, w)"], by="axes").mismatches[0]
        assert shown.derivative.count("*") == 6
        assert shown.derivative.endswith(told or "*x_{6}")


def test_arrays_are_shown_whole_where_both_are_short() -> None:
    short, long = (
        prove(f"y = correlate(pad(x, p, q + {more}), w)", padding="free").counterexample for more in (11, 12)
    )
    assert short is not None
    assert long is not None
    assert (short.lengths, long.lengths) == ((12, 1), (13, 1))
    assert short.arrays is not None
    assert long.arrays is None


def test_a_refutation_says_how_its_sizes_were_found() -> None:
    text = prove("dx = correlate(pad(dilate(dy, s), K - 1 - p), flip(w))", 2).to_latex()
    assert "outside the projection of the difference" in text
    assert "outside the projection" not in prove("dx", 2).to_latex()


def test_entries_have_whole_powers_and_sums_are_multiplied() -> None:
    x, y = Polynomial({(1,): 1}), Polynomial({(2,): 1})
    assert (x**2).terms == {(1, 1): 1}
    assert ((x + y) * x).terms == (x * (x + y)).terms == {(1, 1): 1, (1, 2): 1}
    assert ((x + y) * (x - y)).terms == {(1, 1): 1, (2, 2): -1}
    for exponent in (x, 0.5, -1, 5):
        with pytest.raises(TypeError, match="power"):
            x**exponent  # type: ignore[operator]
