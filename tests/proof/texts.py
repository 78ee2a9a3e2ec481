# ruff: noqa: E501
"""What proofs are written as, kept as it should be: theorems, scripts for solvers, conditions and the words they are made from.

    python -m tests.proof.texts            writes tests/proof/texts anew; the difference is to be read

Proofs are made here by hand where the text alone is in question, so that nothing is decided twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from symconv import prove
from symconv.algebra.comparisons import compare
from symconv.algebra.integers import Name
from symconv.formulas import formula
from symconv.formulas.sets import MeaninglessError
from symconv.formulas.standard import standard
from symconv.formulas.tree import Array, Correlate, Formula
from symconv.proof.claim import Claim
from symconv.proof.conditions import Condition, condition_of
from symconv.proof.counterexample import Counterexample, smallest_counterexample
from symconv.proof.decide import decide
from symconv.proof.forward import read_forward
from symconv.proof.result import PROVED, REFUTED, UNKNOWN, Proof
from symconv.proof.smtlib import smtlib
from symconv.proof.theorem import in_notebook, theorem
from symconv.proof.vocabulary import Sample, vocabulary

FOLDER = Path(__file__).parent / "texts"

#: the name of each text, and what writes it
Texts = Iterator[tuple[str, Callable[[], str]]]

SIZES = {"H": 3, "K": 2, "p": 0, "q": 1, "O": 2, "r": 1, "s": 2, "d": 1}


def condition(generic: str, degenerate: str | None = None) -> Condition:
    return Condition(generic, generic, degenerate, True, "full")


def claims() -> Iterator[tuple[str, Claim]]:
    """The claims whose theorems and scripts are kept, by name."""
    for name, text, s, d, symmetric in (
        ("output", "y", 2, 1, False), ("input", "dx", None, None, False), ("weights", "dw", 3, 2, False), ("bias", "db", 1, 1, False),
        ("without bias", "y = correlate(pad(x, p), w, stride=s)", 2, 1, True),
        ("entries of dx", "dx[m] = sum(dy[i] * w[m - s*i + p], i)", None, 1, True),
        ("taps of dx", "dx[i] = sum(dy[(i + p - d*k) // s] * w[k], k, where=(i + p - d*k) % s == 0)", 2, None, True),
        ("taps at any stride", "dx[i] = sum(dy[(i + p - d*k) // s] * w[k], k, where=(i + p - d*k) % s == 0)", None, 2, True),
        ("entries of dw", "dw[k] = sum(dy[i] * x[s*i + d*k - p], i=(0, O))", 2, 2, True),
        ("entries of db", "db = sum(dy[i], i)", 1, 1, True),
        ("entries of y", "y[o] = sum(w[k] * x[s*o + d*k - p], k) + b", 2, 1, True),
        ("multiples", "dx = 3*correlate(dy, w) - 2*correlate(pad(dy, p), flip(w))", 1, 1, True),
        ("divisions", "y = correlate(pad(x, H // 2, H % (-3)), w, stride=s + 1) + (s - 3)*b", 2, 1, False),
        ("negative divisor", "y = correlate(pad(x, p, 0 - H // (-3)), w)", 2, 1, False),
        ("free divisions", "y = correlate(pad(x, H // s, H % d), w)", None, None, False),
        ("idle range", "dw[k] = sum(dy[i] * x[s*i + k - p], i, j=(0, d), l=(1, K))", 2, 1, True),
        ("crops", "y = correlate(crop(pad(x, p, q), 1, 0), dilate(w, d), stride=s)", 1, 3, False),
        ("folds", "dx = fold(correlate(pad(dilate(dy, s), d*(K-1)), flip(w), dilation=d), 2, 1, mode=replicate)", 1, 1, False),
        ("second by dy", "ddy", 2, 1, False), ("second by x", "ddx", 1, 2, False), ("second by w", "ddw", 2, 1, False),
        ("lengths that differ", "y = correlate(pad(x, p), w) + correlate(x, w)", 1, 1, False),
        ("sum of a crop", "db = 2*sum(crop(dy, 1, 0)) - sum(dy[i], i=(0, K))", 1, 1, False),
        ("free negative factor", "dw[k] = sum(dy[O - 1 - s*i] * x[p - s*i - k], i)", None, 1, True),
        ("negative step", "dw[k] = sum(dy[i] * x[-s*i + k - p], i)", None, 1, True),
        ("an index that a guard ties", "dw[k] = sum(dy[j] * x[j + k], i=(0, O), j=(0, O), where=i == j)", 2, 1, True),
        ("negative factor", "dw[k] = sum(dy[O - 1 - i] * x[p - 2*i - k], i)", 2, 1, False),
    ):  # fmt: skip
        yield name, Claim(formula(text), s, d, symmetric)
    for target in ("y", "dx", "dw"):
        yield f"transposed {target}", Claim(standard(target, True), None if target == "dx" else 2, 1)
    yield "transposed sum", Claim(formula("y[m] = sum(x[i] * w[m - s*i + p], i) + b", True), 2, 1)
    for mode in ("reflect", "constant", "replicate", "circular"):
        yield f"{mode} output", Claim(standard("y", padding_mode=mode), 2, 1)
    yield "replicate input", Claim(standard("dx", padding_mode="replicate"), 1, None)
    yield "reflect weights", Claim(standard("dw", padding_mode="reflect"), 2, 1)
    assumed = (compare(Name("p"), "==", 0), compare(Name("K") % 2, "==", 1))
    yield "assumed", Claim(formula("dx = correlate(dy, w)"), 1, 1, True, assumed)
    forward = read_forward("y[i] = sum(w[K - 1 - k] * x[i + k - p], k=(0, K), where=k != 1)")
    yield "own forward", Claim(formula("dw = flip(correlate(pad(x, p), dy))"), 1, 1, True, (), forward)
    for name, given in (
        ("refused stride", formula("y = correlate(x, w, stride=s - 2)")), ("refused division", formula("y = correlate(pad(x, H // (s - 2)), w)")),
        ("refused index", formula("y[o] = sum(x[o]*w[k % 2], k=(0, K))")), ("refused shuffle", formula("y = shuffle(correlate(x, w))")),
        ("refused operand", Formula("dx", Correlate(Correlate(Array("dy"), Array("w")), Array("w")))),
        ("refused constant", formula("y = correlate(pad(x, 1, mode=constant), w)")),
        ("refused places", formula("y = correlate(pad(x, H, mode=replicate), pad(w, H, mode=replicate))")),
    ):  # fmt: skip
        yield name, Claim(given, 2, 1)


def refuted() -> Iterator[tuple[str, Proof]]:
    """Refutations, made by hand, of every sort that a theorem tells apart."""
    claim = Claim(formula("dx = correlate(pad(dy, p), flip(w))"), 2, 1, True)
    found = Counterexample(SIZES, 1, "dy[0]*w[1] + 2*dy[1]*w[0]", "0", extra=("dy[0]*w[1]",), lengths=(1, 3))
    one = Counterexample(SIZES, 0, "no entry", "dy[1]*w[0]", missing=("dy[1]*w[0]",), lengths=(2, 2))
    nothing = Counterexample(SIZES, None, "says nothing: it divides by zero", "dx exists")
    number = Counterexample(SIZES, 0, "2*dy[0]", "dy[0]", doubled=("dy[0]",))
    directed = Counterexample(SIZES, 4, "v_x[3]*w[0]", "v_w[1]*x[2] + v_b", lengths=(5, 5))
    yield "never", Proof(claim, REFUTED, found, condition("never"))
    yield "hardly ever", Proof(claim, REFUTED, one, condition("never", "H == 1 and K == 1"))
    yield (
        "sometimes",
        Proof(claim, REFUTED, one, condition("2*p == K - 1 and (H + p) mod 3 != 0 or q >= 2 where H >= 2*K")),
    )
    yield "sometimes and degenerate", Proof(claim, REFUTED, nothing, condition("p <= 1", "no tap meets the input"))
    yield "no condition", Proof(claim, REFUTED, found)
    yield "any stride", Proof(Claim(claim.formula, None, 1, True), REFUTED, found, condition("s == 1, for s in 1..4"))
    yield "number", Proof(Claim(formula("db = 2*sum(dy)")), REFUTED, number, condition("never"))
    yield "directions", Proof(Claim(formula("ddy = correlate(v_x, w) + v_b")), REFUTED, directed, condition("x == 1"))
    yield "transposed", Proof(Claim(formula("y = correlate(x, w)", True), 2, 1), REFUTED, one, condition("r == 0"))
    yield "not found", Proof(claim, REFUTED, None, condition("p == 0"))
    yield "open", Proof(claim, UNKNOWN, reason="isl reached\n  the limit of 5 operations")
    yield "open without reason", Proof(claim, UNKNOWN)


def told(write: Callable[[], str]) -> str:
    """A text, or why there is none."""
    try:
        return write()
    except (ValueError, MeaninglessError) as error:
        return f"{type(error).__name__}: {error}"


def theorems() -> Texts:
    proofs = [(name, Proof(claim, PROVED)) for name, claim in claims() if not name.startswith("refused")]
    for name, proof in (*proofs, *refuted()):
        yield name, partial(told, partial(theorem, proof))
        if name in ("input", "own forward", "sometimes", "open", "reflect output"):
            yield f"{name}, in a notebook", partial(in_notebook, proof)


def scripts() -> Texts:
    for name, claim in claims():
        yield name, partial(told, partial(smtlib, claim))


#: formulas whose condition is kept: text, stride, dilation, symmetric
CONDITIONS = (
    ("dx = correlate(pad(dy, p), flip(w))", 1, 1, True),
    ("dx = correlate(pad(dilate(dy, s), K - 1 - p), flip(w))", 3, 1, True),
    ("dw = correlate(pad(x, p), dilate(dy, s))", 2, 1, True),
    ("dx = correlate(pad(dilate(dy, s), K - 1 - p, K - 1 - q + r), w)", 1, 1, False),
    ("dx = correlate(pad(dilate(dy, s), d*(K-1) - p, d*(K-1) - q + r), flip(w))", 1, 2, False),
    ("y = correlate(pad(x, p, p), w) + b", 1, 1, False),
    ("y[i] = sum(w[k] * x[i + k - 2*p], k)", 1, 1, True),
    ("db = sum(dy[i], i=(0, K))", 1, 1, True),
    ("dx = 2*correlate(dy, w)", 1, 1, True),
    ("dx = 3*correlate(pad(dy, K - 1), flip(w))", 1, 1, True),
    ("y = correlate(x, w, stride=s - 1)", 1, 1, True),
    ("dx = correlate(pad(dilate(dy, s), H, K), flip(w))", 2, 1, True),
    ("dw[k] = sum(dy[i] * x[s*i + k - p], i=(0, H))", 1, 1, True),
    ("y = correlate(pad(x, p, p), w, stride=s)", 2, 3, False),
)  # fmt: skip


def conditions() -> Texts:
    for text, s, d, symmetric in CONDITIONS:
        name = f"{text}, stride {s}, dilation {d}, {'symmetric' if symmetric else 'free'}"
        yield name, partial(condition_at, Claim(formula(text), s, d, symmetric))


def condition_at(claim: Claim) -> str:
    decision = decide(claim)
    found = condition_of(decision)
    lines = [f"{name}: {getattr(found, name)}" for name in ("text", "generic", "degenerate", "exact", "full")]
    lines += [f"comparisons: {[str(each) for each in found.comparisons]}"]
    lines += [f"{name}: {value}" for name, value in smallest_counterexample(decision).to_dict().items()]
    return "\n".join(lines)


def words() -> Texts:
    """The cheapest words of a condition, with their costs and the sample sizes at which they hold."""
    for name, claim in (
        ("symmetric", Claim(formula("dx = correlate(dy, w)"), 3, 1, True)), ("free", Claim(standard("dx"), 4, 3)),
        ("transposed", Claim(standard("dx", True), 2, 1)), ("bordered", Claim(standard("dx", padding_mode="reflect"), 2, 1)),
        ("stride one", Claim(standard("dx"), 1, 2)),
    ):  # fmt: skip
        yield name, partial(words_of, claim)


def words_of(claim: Claim) -> str:
    sizes = itertools.product((1, 2, 4, 7), (1, 2, 3), (0, 1, 3))
    points = [{"H": H, "K": K, "p": p, "q": p + H % 2, "r": K % 2} for H, K, p in sizes]
    atoms = vocabulary(claim, Sample(claim.sizes, points))
    first = "\n".join(f"{atom.cost:.2f} {atom.bits:x} {atom.word}" for atom in atoms[:150])
    return f"{first}\n{len(atoms)} in all, together at {sum(atom.cost for atom in atoms):.2f}"


def proofs() -> Texts:
    """Whole proofs as they are handed on."""
    for text, arguments in (
        ("dx", {"stride": 2}), ("dx = correlate(pad(dy, p), flip(w))", {}), ("dx = correlate(pad(dy, p), flip(w))", {"assume": "K odd"}),
        ("dx = correlate(pad(dy, p), flip(w))", {"assume": "p == 1, p == 2"}), ("y = correlate(x, w, stride=s - 1)", {}),
        ("dx", {"stride": [1, 3], "dilation": [2]}), ("db = 2*sum(dy)", {"second_opinion": True}), ("db", {"second_opinion": True}),
        ("dw = flip(correlate(pad(x, p), dy))", {"forward": "y[i] = sum(w[K - 1 - k] * x[i + k - p], k)"}),
        ("dx = correlate(pad(dy, p), flip(w))", {"max_operations": 3000}), ("db = 2*sum(dy)", {"stride": "any"}),
        ("db = sum(dy)", {"stride": "any", "dilation": 2}),
    ):  # fmt: skip
        yield f"{text} {arguments}", partial(whole, text, arguments)


def whole(text: str, arguments: dict[str, Any]) -> str:
    found = prove(text, max_seconds=600, **arguments)  # a slow machine changes nothing
    values = found.to_dict()
    for each in [values, *values.get("results", ()), *values.get("cases", ())]:
        each.pop("seconds", None)
    return "\n".join([repr(found), *(f"{name}: {value}" for name, value in values.items())])


KINDS: dict[str, Callable[[], Texts]] = {
    "theorems": theorems, "scripts": scripts, "conditions": conditions, "words": words, "proofs": proofs,
}  # fmt: skip


def kept(kind: str) -> dict[str, str]:
    """The texts of one kind as they should be, by name."""
    sections = (FOLDER / f"{kind}.txt").read_text(encoding="utf-8").split("\n#### ")[1:]
    return {name: text for name, _, text in (section.partition("\n") for section in sections)}


def main() -> None:
    for kind, made in KINDS.items():
        text = "".join(f"\n#### {name}\n{body.rstrip()}" for name, body in ((name, write()) for name, write in made()))
        (FOLDER / f"{kind}.txt").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
