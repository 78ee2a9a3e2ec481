"""A formula decided where islpy is missing: by z3 alone, on the claim's SMT-LIB text.

This runs in a page (Pyodide, z3 as WebAssembly) and needs neither NumPy nor SymPy nor islpy. ``ask`` is given a script and
returns what z3 prints. z3 decides the claim for every size; the smallest failing size is found by bounding their sum; the
condition is chosen among known ones so that it is right at every size of a box, and z3 is then asked whether the formula holds
for **every** size at which the condition does. What is only tried in the box is said to be.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from symconv.algebra.comparisons import Comparison
from symconv.formulas.sets import MeaninglessError
from symconv.layer import relation
from symconv.proof.assumptions import assumptions
from symconv.proof.claim import Claim
from symconv.proof.prover import claims
from symconv.proof.smtlib import UnsupportedError, smtlib

__all__ = ["ENGINE", "judge"]

ENGINE = "z3 (WebAssembly), on the claim's SMT-LIB text"

#: strides and dilations asked for together, at most
MAX_STEPS = 16
#: H + K + p + q of a smallest failure, at most
LARGEST_TOTAL = 24
#: the sizes at which a condition is tried
BOX = {"H": range(1, 7), "K": range(1, 5), "p": range(4), "q": range(3)}

#: what conditions are made of, simple ones first; each may stand alone or with another
ATOMS = (
    "p == 0", "q == 0", "p == q", "K == 1", "K == 2", "H == 1", "O == 1", "r == 0", "p >= 1", "q >= 1", "p == 1", "2*p == K - 1",
    "p == K - 1", "p + q == K - 1", "p + q == 2*K - 2", "2*p == d*(K - 1)", "p == d*(K - 1)", "p <= K - 1", "p <= d*(K - 1)",
    "q <= K - 1", "H == K", "H == O", "H == K - 1", "K >= 2", "H >= K", "O >= 2", "K odd", "p == H", "p + q == 0",
)  # fmt: skip

#: z3's resource units for one question, a count and not a time
LIMIT = 20_000_000

Ask = Callable[[str], str]


def judge(request: str, ask: Ask) -> str:
    """The verdicts on a request: ``formula``, and ``stride``, ``dilation`` (numbers or "any"), ``padding``, ``transposed``.

    Answers ``error`` in one line, or ``formula``, ``engine`` and ``results``: stride, dilation, verdict, scope, counterexample
    (sizes, entry, product, counts), condition, covers (what the condition is known for), reason.
    """
    given = json.loads(request)
    try:
        steps = {name: _steps(name, str(given.get(name, "1"))) for name in ("stride", "dilation")}
        options = {"padding": given.get("padding", "auto"), "transposed": bool(given.get("transposed"))}
        result = list(claims(str(given.get("formula", "")), steps["stride"], steps["dilation"], **options))
        if len(result) > MAX_STEPS:
            raise ValueError(f"{len(result)} strides and dilations; at most {MAX_STEPS} at once")
    except ValueError as error:
        return json.dumps({"error": " ".join(str(error).split())})
    results = [_decided(claim, options, limited(ask)) for claim in result]
    return json.dumps({"formula": str(result[0].formula), "engine": ENGINE, "results": results})


def limited(ask: Ask) -> Ask:
    """``ask`` with the limit, and without the logic's name, for which z3 would take tactics that give up by the clock: the same
    question has the same answer on a slow machine."""
    return lambda script: ask(f"(set-option :rlimit {LIMIT})\n" + re.sub(r"\(set-logic \w+\)\n", "", script))


def _steps(name: str, text: str) -> Any:
    """``2``, ``1..3``, ``1,4`` or ``any``."""
    text = text.strip()
    if text == "any":
        return "any"
    numbers: list[int] = []
    for piece in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,6})(?:\.\.(\d{1,6}))?\s*", piece)
        if match is None:
            raise ValueError(f"{name} {text!r}: a number, a range 1..3, or any")
        numbers += range(int(match[1]), int(match[2] or match[1]) + 1)
    if not numbers or min(numbers) < 1:
        raise ValueError(f"{name} {text!r}: at least 1")
    return numbers


def _decided(claim: Claim, options: dict[str, Any], ask: Ask) -> dict[str, Any]:
    record: dict[str, Any] = {
        "stride": claim.stride or "any", "dilation": claim.dilation or "any", "scope": claim.scope, "verdict": "UNKNOWN",
        "counterexample": None, "condition": None, "covers": None, "reason": None,
    }  # fmt: skip
    try:
        script = smtlib(claim)
    except MeaninglessError as error:
        return record | {"verdict": "REFUTED", "reason": f"the formula says nothing: {error}"}
    except UnsupportedError as error:
        return record | {"reason": str(error)}
    answer = ask(script).strip()
    if answer.startswith("unsat"):
        return record | {"verdict": "PROVED"}
    if not answer.startswith("sat"):
        return record | {"reason": f"z3: {' '.join(answer.split())[:160] or 'no answer'}"}
    record |= {"verdict": "REFUTED", "counterexample": _smallest(claim, script, ask)}
    if claim.stride is not None and claim.dilation is not None:
        record |= _condition(claim, script, options, ask)
    return record


# the smallest failure ---------------------------------------------------------------------------------------------------------


def _smallest(claim: Claim, script: str, ask: Ask) -> dict[str, Any] | None:
    """A failing size with the smallest H + K + p + q, with the product that is counted wrongly there."""
    body = script.replace("(check-sat)", "")
    named = re.findall(r"\(declare-const ([a-z]) Int\)", script)
    counts = re.findall(r"\(define-fun ((?:formula|derivative)-\w+) \(\) Int", script)
    sizes = [name for name in ("H", "K", "p", "q", "O", "r", "s", "d") if f"(declare-const {name} Int)" in script]
    indices = [name for name in named if name not in sizes]
    asked = " ".join([*sizes, *indices, *counts])
    for total in range(2, LARGEST_TOTAL + 1):
        bounded = f"{body}\n(assert (<= (+ H K p q) {total}))\n(check-sat)\n"
        if ask(bounded).strip().startswith("sat"):
            values = _values(ask(f"{bounded}(get-value ({asked}))\n"))
            if not set(sizes) <= set(values):
                continue  # the second answer may run out of its limit where the first did not
            known = {name: claim.numbers[name] for name in ("s", "d") if name in claim.numbers}
            wrong = [name.removeprefix("formula-") for name in counts if name.startswith("formula-")]
            differ = next((w for w in wrong if values.get(f"formula-{w}") != values.get(f"derivative-{w}")), None)
            return {
                "sizes": {name: values[name] for name in sizes} | known,
                "indices": {name: values[name] for name in indices},
                "product": differ,
                "formula": values.get(f"formula-{differ}"),
                "derivative": values.get(f"derivative-{differ}"),
            }
    return None


def _values(answer: str) -> dict[str, int]:
    """``((H 1) (p (- 2)))`` as numbers."""
    pairs = re.findall(r"\(([\w!-]+) (?:\(- (\d+)\)|(\d+))\)", answer)
    return {name: -int(negative) if negative else int(positive) for name, negative, positive in pairs}


# the condition ----------------------------------------------------------------------------------------------------------------


def _box(claim: Claim) -> Iterator[dict[str, int]]:
    """The layers of the box, with O and r."""
    s, d = claim.numbers["s"], claim.numbers["d"]
    for H, K, p, q in itertools.product(*BOX.values()):
        if claim.symmetric:
            if q != BOX["q"][0]:
                continue
            q = p
        at = {"H": H, "K": K, "p": p, "q": q, "s": s, "d": d}
        at["O"] = int(relation.OUTPUT_SIZE.evaluate(at))
        if at["O"] >= 1:
            yield at | {"r": int(relation.REMAINDER.evaluate(at))}


def _condition(claim: Claim, script: str, options: dict[str, Any], ask: Ask) -> dict[str, Any]:
    """The shortest known condition that is right on the whole box, and whether z3 proves that it suffices at every size."""
    if claim.formula.transposed:
        return {}
    layers = list(_box(claim))
    body = script.replace("(check-sat)", "")
    tries = [
        "(push)" + "".join(f"(assert (= {name} {at[name]}))" for name in ("H", "K", "p", "q")) + "(check-sat)(pop)\n"
        for at in layers
    ]
    said = ask(f"{body}\n{''.join(tries)}").split()
    if len(said) != len(layers) or not {*said} <= {"sat", "unsat"}:  # once more, each by itself
        said = [ask(f"{body}\n{each}").strip() for each in tries]
    if not {*said} <= {"sat", "unsat"}:
        return {}
    holds = [each == "unsat" for each in said]
    if not any(holds):
        return {"condition": "never", "covers": f"on the {len(layers)} smallest layers tried"}
    words = next((text for text in _candidates() if [_true(text, at) for at in layers] == holds), None)
    if words is None:
        return {}
    (under,) = claims(str(claim.formula), claim.numbers["s"], claim.numbers["d"], assume=words, **options)
    covers = f"exact on the {len(layers)} layers tried"
    if ask(smtlib(under)).strip().startswith("unsat"):
        covers = f"z3: then right for every size; otherwise wrong, on the {len(layers)} layers tried"
    return {"condition": words, "covers": covers}


def _candidates() -> Iterator[str]:
    yield from ATOMS
    yield from (f"{a}, {b}" for a, b in itertools.combinations(ATOMS, 2))


_READ: dict[str, tuple[Comparison, ...]] = {}


def _true(text: str, at: dict[str, int]) -> bool:
    for part in text.split(","):
        if part not in _READ:
            _READ[part] = assumptions(part)
        if not all(each.evaluate(at) for each in _READ[part]):
            return False
    return True
