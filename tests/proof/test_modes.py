"""Padding modes for every size: the standard formulas proved, mutants refuted, random formulas with fold against brute force."""

from __future__ import annotations

import itertools
import random

import pytest

from symconv import prove
from symconv.formulas.standard import standard
from symconv.layer.padding import MODES as TABLE
from symconv.proof.counterexample import smallest_counterexample
from symconv.proof.decide import LimitError, decide
from symconv.proof.prover import claims
from symconv.proof.replay import replay_refutation
from symconv.proof.smtlib import smtlib
from tests.commands import run
from tests.proof.brute import MODES, failures
from tests.proof.test_random_formulas import inside_box

OTHERS = [name for name in TABLE if name != "zeros"]


@pytest.mark.slow
@pytest.mark.parametrize("mode", OTHERS)
@pytest.mark.parametrize("target", ["y", "dx", "dw", "db"])
def test_standard_formulas_are_proved(mode: str, target: str) -> None:
    for proof in prove(target, range(1, 9), range(1, 5), padding_mode=mode):
        assert proof.proved, proof
    assert f"with {mode} padding" in proof.scope


def mutants(mode: str) -> dict[str, str]:
    dx, dw = (str(standard(target, padding_mode=mode)) for target in ("dx", "dw"))
    another = "symmetric" if mode == "reflect" else "reflect"
    return {
        "fold forgotten": dx.replace("fold(", "crop(").replace(f", mode={mode}", ""),
        "gradient padded instead": "dx = crop(correlate(pad(dilate(dy, s), d*(K - 1), d*(K - 1) + r, mode="
        f"{mode}), flip(w), dilation=d), p, q)",
        "one side only": f"dx = fold(correlate(pad(dilate(dy, s), d*(K - 1), d*(K - 1) + r - q), flip(w), dilation=d), p, 0, "
        f"mode={mode})",
        "wrong side": dx.replace("p, q, mode", "q, p, mode"),
        "edge doubled": dx.replace(f"mode={mode}", f"mode={another}"),
        "no remainder": dx.replace(" + r", ""),
        "y with zeros": str(standard("y")),
        "dw with zeros": str(standard("dw")),
        "dw cropped before": dw.replace("0, r)", "r, 0)"),
    }


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_mutants_are_refuted(mode: str) -> None:
    for name, text in mutants(mode).items():
        proof = prove(text, 3, 2, padding_mode=mode)
        assert proof.verdict == "REFUTED", name
        assert proof.counterexample is not None, name
        assert proof.counterexample.replayed, name
        wrong = failures(text.removesuffix(" + b"), 3, 2, False, mode)
        at = tuple(proof.counterexample.sizes[n] for n in "HKpq")
        assert at in wrong, name
        decision = decide(proof.claim)
        assert inside_box(decision.over_free_sizes(decision.failing), proof.claim.sizes) == wrong, name


def test_conditions_say_what_a_border_needs() -> None:
    forgotten = mutants("reflect")["fold forgotten"]
    assert str(prove(forgotten, padding_mode="reflect").condition) == "p + q == 0"
    told = str(prove(forgotten, 3, 2, padding_mode="reflect").condition)
    assert told == "p == 0 and q <= (H + p + q - 2*K + 1) mod 3"
    assert str(prove(mutants("reflect")["wrong side"], padding_mode="reflect").condition).startswith("p == q")


def test_a_mode_is_taken_from_the_formula() -> None:
    text = str(standard("dx", padding_mode="circular"))
    assert prove(text, 2).claim.mode.name == "circular"
    assert prove(text, 2, padding_mode="zeros").verdict == "REFUTED"
    with pytest.raises(ValueError, match="padding_mode 'wrap' is unknown"):
        prove("dx", padding_mode="wrap")
    with pytest.raises(ValueError, match="a transposed convolution knows zeros only"):
        prove("dx", transposed=True, padding_mode="reflect")


# a constant ------------------------------------------------------------------------------------------------------------


def test_the_border_of_a_constant_counts() -> None:
    proof = prove("y", padding_mode="constant")
    assert proof.proved
    forgotten = prove(str(standard("y")), padding_mode="constant")
    assert forgotten.verdict == "REFUTED"
    assert forgotten.counterexample is not None
    assert forgotten.counterexample.term == "w[0]*v"
    assert str(forgotten.condition) == "p + q == 0"
    extra = prove("y = correlate(pad(x, p, q, mode=constant), w, stride=s, dilation=d) + b", padding_mode="zeros")
    assert (extra.verdict, str(extra.condition)) == ("REFUTED", "p + q == 0")
    moved = "y = correlate(flip(flip(pad(x, p, q, mode=constant))), w, stride=s, dilation=d) + b"
    assert prove(moved, 2, 3).proved
    gradient = "dx = crop(correlate(pad(dilate(dy, s), d*(K-1), d*(K-1), mode=constant), flip(w), dilation=d), p, q)"
    assert prove(gradient, padding_mode="constant").verdict == "REFUTED"


# random formulas -------------------------------------------------------------------------------------------------------


def random_formula(rng: random.Random) -> tuple[str, str]:
    """A formula with borders and folds, mostly near a right one, and the mode of the layer it is about."""
    layer, used = rng.choice(MODES), rng.choice(MODES)
    used = layer if rng.random() < 0.7 else used
    before, after = rng.choice([("p", "q")] * 4 + [("q", "p"), ("p", "0"), ("0", "q"), ("p + 1", "q"), ("1", "2")])
    border = rng.choice(["d*(K - 1)"] * 4 + ["K - 1", "d*(K - 1) - p"])
    kernel = rng.choice(["flip(w)"] * 4 + ["w"])
    rest = rng.choice([" + r"] * 3 + [""])
    match rng.choice(["y", "dx", "dx", "dw", "twice", "sum"]):
        case "y":
            inner = rng.choice([f"pad(x, {before}, {after}, mode={used})", f"flip(pad(flip(x), {after}, {before}, mode={used}))",
                                f"pad(pad(x, 1, 0, mode={used}), {before} - 1, {after}, mode={used})"])  # fmt: skip
            return f"y = correlate({inner}, w, stride=s, dilation=d)", layer
        case "dw":
            cropped = f"crop(pad(x, {before}, {after}, mode={used}), 0, {rng.choice(['r', 'r', '0'])})"
            return f"dw = correlate({cropped}, dilate(dy, s), stride=d)", layer
        case "twice":
            whole = f"correlate(pad(dilate(dy, s), {border}, {border}{rest}), {kernel}, dilation=d)"
            other = rng.choice([used, "zeros"])
            return f"dx = fold(fold({whole}, {before} - 1, 0, mode={used}), 1, {after}, mode={other})", layer
        case "sum":
            whole = f"correlate(pad(dilate(dy, s), {border}, {border}{rest}), {kernel}, dilation=d)"
            parts = f"fold({whole}, {before}, {after}, mode={used}) + fold({whole}, p, q, mode={layer})"
            return f"dx = {parts} - crop({whole}, p, q)", layer
        case _:
            around = rng.choice(["", "", f", mode={used}"])
            whole = f"correlate(pad(dilate(dy, s), {border}, {border}{rest}{around}), {kernel}, dilation=d)"
            return f"dx = fold({whole}, {before}, {after}, mode={used})", layer


def check_against_brute_force(count: int, seed: int) -> set[bool]:
    rng, verdicts, unknown = random.Random(seed), set(), 0
    for text, mode in (random_formula(rng) for _ in range(count)):
        s, d = rng.choice(list(itertools.product((1, 2, 3), (1, 2))))
        (claim,) = claims(text, s, d, "free", padding_mode=mode)
        wrong = failures(text.replace("mode=zeros", 'mode="zeros"'), s, d, False, mode)
        try:
            decision = decide(claim)
        except LimitError:
            unknown += 1
            continue
        assert inside_box(decision.over_free_sizes(decision.failing), claim.sizes) == wrong, (text, s, d, mode)
        if not decision.holds:
            assert replay_refutation(claim, smallest_counterexample(decision)).replayed, (text, s, d, mode)
        verdicts.add(decision.holds)
    assert unknown <= count // 10
    return verdicts


@pytest.mark.slow
def test_random_formulas_agree_with_brute_force() -> None:
    assert check_against_brute_force(25, 1) == {True, False}


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed", [*range(2, 5), *(pytest.param(seed, marks=pytest.mark.sweep) for seed in range(5, 20))]
)
def test_more_random_formulas_agree_with_brute_force(seed: int) -> None:
    check_against_brute_force(40, seed)


# the second opinion ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_z3_agrees(mode: str) -> None:
    z3 = pytest.importorskip("z3")
    texts = {str(standard(target, padding_mode=mode)): z3.unsat for target in ("y", "dx", "dw")}
    texts |= {text: z3.sat for name, text in mutants(mode).items() if name != "gradient padded instead"}
    for text, verdict in texts.items():
        (claim,) = claims(text, 2, 1, padding_mode=mode)
        solver = z3.Solver()
        solver.set("timeout", 20000)
        solver.from_string(smtlib(claim))
        assert solver.check() == verdict, text


def test_places_of_several_pairs_are_solved_apart() -> None:
    """A row that fills a border meets each place of the other array at a place of its own."""
    z3 = pytest.importorskip("z3")
    text = "y = correlate(pad(x, p, q, mode=replicate), crop(pad(w, 1, 1, mode=circular), 1, 1), stride=s) + b"
    for changed, verdict in ((text, z3.unsat), (text.replace("1, 1), stride", "0, 2), stride"), z3.sat)):
        (claim,) = claims(changed, 1, 1, "free", padding_mode="replicate")
        solver = z3.Solver()
        solver.set("timeout", 20000)
        solver.from_string(smtlib(claim))
        assert solver.check() == verdict
        assert decide(claim).holds == (verdict == z3.unsat)


@pytest.mark.parametrize("mode", OTHERS)
def test_the_theorem_says_the_border(mode: str) -> None:
    told = {target: prove(target, 2, padding_mode=mode)._repr_latex_() for target in ("y", "dx", "dw", "db")}
    border = {"constant": "a constant $v$", "reflect": "$x_{2 - t}$ where $t < 1$ and for $x_{2H - t}$ where $t > H$, and $p, q",
              "replicate": "$x_{1}$ where $t < 1$ and for $x_{H}$", "circular": "$x_{t + H}$ where $t < 1$ and for $x_{t - H}$",
              "symmetric": "$x_{1 - t}$ where $t < 1$ and for $x_{2H - t + 1}$"}[mode]  # fmt: skip
    assert all(border in text for text in told.values()), told["y"]
    assert "the transpose of" in told["dx"]
    assert "holds if and only if" in prove(mutants(mode)["wrong side"], padding_mode=mode)._repr_latex_()


def test_command() -> None:
    result = run("prove", "dx", "--padding-mode", "reflect", "--stride", "1..3")
    assert result.status == 0
    assert "mode=reflect" in result.out
    assert "with reflect padding" in result.out
    assert run("prove", str(standard("dx")), "--padding-mode", "reflect").status == 1
    assert (
        run("verify", "--input", "6", "--kernel", "3", "--padding", "causal", "--padding-mode", "circular").status == 0
    )
