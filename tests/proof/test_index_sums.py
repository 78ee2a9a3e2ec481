"""``verify`` and ``prove`` on index sums with odd ranges and divisors, against the loops of :mod:`tests.proof.sums`."""

from __future__ import annotations

import random

import pytest

from symconv import Conv, prove
from symconv.formulas import formula
from symconv.formulas.verify import verify
from symconv.proof import PROVED, REFUTED
from tests.proof.sums import IndexSum, layers, random_sum

LAYERS = layers()


def conv_of(at: dict[str, int], target: str) -> Conv:
    padding = ((at["p"], at["q"]),)
    return Conv(at["H"], at["K"], stride=at["s"], dilation=at["d"], padding=padding, bias=target == "db")


def disagreement(formula: IndexSum, at: dict[str, int]) -> str | None:
    """What verify gets wrong at a size; None where it agrees, or refuses the formula with a reason."""
    try:
        said = verify(conv_of(at, formula.target), [str(formula)]).ok
    except ValueError:
        return None
    return None if said == formula.right(at) else f"{formula} at {at}: verify says {said}"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_verify_on_random_sums(seed: int) -> None:
    generator = random.Random(seed)
    for _ in range(100):
        formula = random_sum(generator)
        for at in generator.sample(LAYERS, 2):
            assert disagreement(formula, at) is None


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(100, 125))
def test_verify_on_many_random_sums(seed: int) -> None:
    generator = random.Random(seed)
    for _ in range(1000):
        formula = random_sum(generator)
        assert disagreement(formula, generator.choice(LAYERS)) is None


def contradiction(formula: IndexSum, s: int, d: int) -> str | None:
    """Where a proof, or the condition it states, is not what the loops give."""
    try:
        proof = prove(str(formula), s, d, "free")
    except ValueError:
        return None
    for at in LAYERS:
        if (at["s"], at["d"]) != (s, d):
            continue
        right = formula.right(at)
        if proof.verdict == PROVED and not right:
            return f"{formula} is PROVED and wrong at {at}"
        condition = proof.validity if proof.verdict == REFUTED else None
        if condition is not None and condition.holds(**{name: at[name] for name in proof.claim.sizes}) != right:
            return f"{formula}: {proof.condition} at {at}, where it is {right}"
    return None


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_prove_on_random_sums(seed: int) -> None:
    generator = random.Random(1000 + seed)
    for _ in range(12):
        assert contradiction(random_sum(generator), *generator.choice([(1, 1), (2, 1), (3, 2), (1, 2)])) is None


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(20))
def test_prove_on_many_random_sums(seed: int) -> None:
    generator = random.Random(2000 + seed)
    for _ in range(50):
        assert contradiction(random_sum(generator), *generator.choice([(1, 1), (2, 1), (3, 2), (1, 2)])) is None


#: formulas that were said to equal the derivative: the true sum is empty, leaves terms out, or divides by zero
WRONG = {
    "empty range": ("db = sum(dy[i], i=(0, p % 10))", Conv(5, 3)),
    "first entry left out": ("dw[k] = sum(dy[i]*x[i+k], i=(H % 2, H))", Conv(5, 3)),
    "division by zero in a range": ("db = sum(dy) + sum(dy[i], i=(0, O % (s - 1)))", Conv(5, 3)),
    "division by zero in an index": ("dx[m] = sum(dy[i // (2 % (s - 1))] * w[m], i)", Conv(5, 3)),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_sums_are_not_called_equal(case: str) -> None:
    text, conv = WRONG[case]
    assert not verify(conv, [text]).ok
    assert prove(text, stride=1).verdict == REFUTED


#: proofs that did not end, or ended in a contradiction between the two readings
HARD = {
    "first element": ("dw[k] = sum(dy[i - p + O] * x[s*i + d*k - p], i=(k % 2, O))", 1, 2),
    "modulo by a negative number": ("y[t] = sum(w[k] * x[s * (K % (-2)) + d * k - p], k)", 4, 3),
    "pad of a pad": ("y = correlate(pad(pad(x, p + p, q - r), 0, s), w, stride=s, dilation=s * s * (d + 1))", 3, 2),
    "range by a remainder": ("db = sum(dy[s // s - H], i=(0, r % 2))", 2, 3),
    "floor by a negative number": ("y[t] = sum(s*w[2] * x[(3 + 2 - i) // (-2)], i)", 3, 1),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", HARD)
def test_hard_claims_end(case: str) -> None:
    text, s, d = HARD[case]
    assert prove(text, s, d).verdict == REFUTED


def test_a_transposed_sum_over_an_empty_range() -> None:
    assert prove("db = sum(dy[s * d * i], i=(0, p % 5))", 2, 2, transposed=True).verdict == REFUTED


def test_counts_that_are_multiplied_have_a_logic_of_their_own() -> None:
    """Two ranges multiply their lengths: z3 has an answer, or says that it gave up, and the script reads."""
    import z3

    text = "y[t] = sum(2*w[t] * x[5], i=(1, H), j=(0, K))"
    proof = prove(text, 4, 2, second_opinion=True)
    assert proof.verdict == REFUTED
    assert "cannot read" not in (proof.second_opinion or "")
    z3.Solver().from_string(proof.to_smtlib())
    assert "(set-logic QF_NIA)" in proof.to_smtlib()
    assert "(set-logic QF_LIA)" in prove("dx", 4, 2).to_smtlib()


def random_integer(generator: random.Random, depth: int) -> str:
    if not depth:
        return generator.choice(["1", "2", "3", "s", "d", "(s - 1)", "(d + 1)", "(2 - s)", "(-2)"])
    op = generator.choice(["*", "*", "//", "%", "+", "-"])
    text = f"{random_integer(generator, depth - 1)} {op} {random_integer(generator, depth - 1)}"
    return ("-" if generator.random() < 0.2 else "") + (f"({text})" if generator.random() < 0.5 else text)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_what_is_printed_reads_back_as_the_same(seed: int) -> None:
    """Coefficients and indices with minus, division and remainder: printed and read again they have the same values."""
    generator = random.Random(seed)
    compared = 0
    for _ in range(150):
        inner = random_integer(generator, generator.choice([1, 2, 3]))
        text = generator.choice([f"db = ({inner})*sum(dy)", f"dx[m] = sum(dy[{inner} + i] * w[m], i=(0, 3))"])
        try:
            read = formula(text)
        except ValueError:
            continue
        again = formula(str(read))
        for s, d in ((1, 1), (2, 1), (3, 2), (1, 3)):
            found = []
            for each in (read, again):
                check = verify(Conv(9, 3, stride=s, dilation=d, padding=1), [each]).checks[0]
                found.append((check.failures, [str(m).split("means nothing")[0] for m in check.mismatches]))
            assert found[0] == found[1], (text, str(read), s, d)
            compared += 1
    assert compared > 100


def test_an_index_that_a_comparison_alone_holds_is_not_counted_by_z3():
    proof = prove("db = sum(dy[i], i, j=(0, 3), where=j <= i)", second_opinion=True)
    assert proof.verdict == "REFUTED"
    assert "j is not determined by the entries" in (proof.second_opinion or "")
