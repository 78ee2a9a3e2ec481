"""z3 on the SMT-LIB script of a claim: the second opinion, and the only one where stride or dilation are free."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from symconv.formulas.sets import MeaninglessError
from symconv.proof.claim import Claim
from symconv.proof.clock import seconds_left
from symconv.proof.smtlib import UnsupportedError, smtlib

__all__ = ["MAX_RESOURCES", "Answer", "ask", "load_z3"]

#: z3's resource units spent on one claim before it is given up; a count, not a time, so that answers repeat
MAX_RESOURCES = 20_000_000


@dataclass(frozen=True)
class Answer:
    """``holds`` is None when z3 has no answer, for the ``reason`` given; ``sizes`` is a counterexample of its own."""

    holds: bool | None
    reason: str = ""
    sizes: dict[str, int] | None = None


def load_z3() -> Any:
    """The solver; ValueError, saying what to install, where it is missing."""
    try:
        import z3  # heavy, and of the extra "smt"
    except ImportError:
        raise ValueError("this needs the z3 solver: pip install 'symconv[smt]'") from None
    return z3


def ask(claim: Claim, max_resources: int = MAX_RESOURCES) -> Answer:
    """What z3 says of a claim; ValueError when it is not installed."""
    z3 = load_z3()
    try:
        script = smtlib(claim)
    except MeaninglessError as error:
        return Answer(False, f"the formula says nothing: {error}")
    except UnsupportedError as error:
        return Answer(None, str(error))
    context = z3.Context()
    solver = z3.Solver(ctx=context)
    solver.set("rlimit", max_resources)
    if seconds_left() < math.inf:
        solver.set("timeout", max(1, int(1000 * seconds_left())))
    try:
        solver.from_string(script)
    except z3.Z3Exception as error:  # a script beyond its logic
        return Answer(
            None,
            "the claim multiplies two counts, which the logic does not have"
            if "nonlinear" in str(error)
            else f"z3 cannot read the claim: {' '.join(str(error).split())[:120]}",
        )
    verdict = solver.check()
    if verdict == z3.unsat:
        return Answer(True)
    if verdict == z3.unknown:
        return Answer(None, f"z3 gave up: {solver.reason_unknown()}")
    model = solver.model()
    found = {str(d.name()): model[d].as_long() for d in model.decls() if z3.is_int_value(model[d])}
    sizes = {name: found.get(name, claim.numbers.get(name, 1)) for name in ("H", "K", "p", "q", "O", "r", "s", "d")}
    return Answer(False, sizes=sizes)
