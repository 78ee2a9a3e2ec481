# ruff: noqa: E501
"""Mutants with a history: changes that once survived every test. Each must be killed by the tests named beside it.

    python -m tests.named_mutants            all of them
    python -m tests.named_mutants shapes     those whose name has a word

A copy of the package is changed in one place and the tests run on it, in a process of their own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Change:
    """``old``, which stands once in the file, becomes ``new``; ``tests`` are what must fail."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]


#: where verdicts are tried
PROOFS = ("tests/test_foundations.py", "tests/proof")

MUTANTS: dict[str, Change] = {
    "lengths that differ are not told in sets": Change(
        "formulas/sets.py", "        if one.length != other.length:\n            if one.length is None",
        "        if False:\n            if one.length is None", PROOFS),
    "a multiple of b loses its factor": Change(
        "formulas/sets.py", "return None if inner is None else (inner[0], node.factor * inner[1])",
        "return None if inner is None else inner", PROOFS),
    "smt division by a negative number": Change(
        "proof/smtterms.py", 'f"(div (- {left}) {-by})"', 'f"(div {left} {-by})"', PROOFS),
    "smt division by any number": Change(
        "proof/smtterms.py", 'return f"(div {left} {by})" if by > 0 else', 'return f"(div {left} {by})" if by < 0 else', PROOFS),
    "smt remainder by a negative number": Change(
        "proof/smtterms.py", 'f"(- (mod (- {left}) {-by}))"', 'f"(mod (- {left}) {-by})"', PROOFS),
    "smt remainder by any number": Change(
        "proof/smtterms.py", 'return f"(mod {left} {by})" if by > 0', 'return f"(mod {left} {by})" if by < 0', PROOFS),
    "smt quotient that divides by zero": Change(
        "proof/smtterms.py", '        self.failures.append(f"(< {divisor} 1)")', '        self.failures.append("false")', PROOFS),
    "smt index solved without its equation": Change(
        "proof/smtlib.py", '            when.append(f"(= {entry} {self.integer(e, known)})")\n', "", PROOFS),
    "a range reaches one further": Change(
        "formulas/indices.py", "interval(each.stop, known, sizes)[1] - 1", "interval(each.stop, known, sizes)[1] - 2",
        ("tests/test_foundations.py", "tests/test_verification.py")),
    "a range begins later": Change(
        "formulas/indices.py", "low, high = interval(each.start, known, sizes)[0],", "low, high = interval(each.start, known, sizes)[1],",
        ("tests/test_foundations.py", "tests/test_verification.py")),
    "a range that divides by zero": Change(
        "formulas/indices.py", 'raise ValueError(f"the range {each} divides by zero") from None', "low, high = 0, 0",
        ("tests/test_foundations.py", "tests/test_verification.py")),
    "shapes that differ are added": Change(
        "algebra/terms.py", "        if self.shape != other.shape:\n            raise", "        if False:\n            raise",
        ("tests/test_foundations.py", "tests/test_derive.py", "symconv/algebra")),
    "shapes that differ are equal": Change(
        "algebra/terms.py", "        if self.shape != other.shape:\n            return False", "        if False:\n            return False",
        ("tests/test_foundations.py", "tests/test_derive.py", "symconv/algebra")),
    "terms of other arrays are the same": Change(
        "algebra/terms.py", "return a.arrays == b.arrays and all(", "return all(",
        ("tests/test_foundations.py", "tests/test_derive.py", "symconv/algebra")),
    "a key that does not fit": Change(
        "algebra/terms.py", ">= 2**63:", ">= 2**66:", ("tests/test_foundations.py", "tests/test_derive.py", "symconv/algebra")),
    "a sum in text loses its signs": Change(
        "algebra/texts.py", 'sign = "-" if coefficient < 0 else "+"', 'sign = "+"',
        ("tests/test_foundations.py", "tests/test_derive.py", "symconv/algebra")),
    "a counterexample loses its signs": Change(
        "proof/counterexample.py", "return sum_text((count, [", "return sum_text((abs(count), [", PROOFS),
    "greedy words end one too early": Change(
        "proof/candidates.py", "        left &= bits\n    if left == goal:", "        left &= bits\n    if left != goal:", PROOFS),
    "a loss of any size is written down": Change(
        "layer/conv.py", "        if self.terms > max_terms:", "        if False:", ("tests/test_derive.py", "tests/test_geometry.py")),
    # that it is assumed of a stride that is a number as well changes no answer: 1 <= 2 is true wherever it is said
    "stride at least 1 is never assumed": Change(
        "proof/claim.py", '(("s", _s), ("d", _d)) if name', '() if name', PROOFS),
    "any array may be a Jacobian's": Change(
        "layer/gradients.py", 'raise ValueError(f"no Jacobian by {array!r}; y depends on x, w and b")', "pass",
        ("tests/test_foundations.py",)),
    "any name may be a gradient's": Change(
        "layer/gradients.py", "raise ValueError(f\"no gradient {name!r}; there are {', '.join(READINGS)}\")", "pass",
        ("tests/test_derive.py", "symconv/layer")),
    "what a move leaves empty": Change(
        "formulas/values.py", "result = np.full(shape, empty, dtype=np.int64)", "result = np.full(shape, 0, dtype=np.int64)",
        ("tests/test_values.py", "tests/test_moves.py", "tests/test_verification.py")),
    "the whole condition is not told": Change(
        "proof/result.py", '"full_condition": None if validity is None else validity.full', '"full_condition": None', ("tests/test_foundations.py",)),
}  # fmt: skip


def survives(change: Change) -> bool:
    """Whether the tests pass on a package with the change."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("symconv", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, copy / name)
        path = copy / "symconv" / change.file
        text = path.read_text()
        assert text.count(change.old) == 1, f"{change.file} has {change.old!r} {text.count(change.old)} times"
        path.write_text(text.replace(change.old, change.new))
        words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not sweep", *change.tests]
        environment = os.environ | {"PYTHONPATH": str(copy), "SYMCONV_CI": ""}
        ran = subprocess.run(words, cwd=copy, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode in (0, 1, 2), ran.stdout + ran.stderr
        return ran.returncode == 0


def main() -> int:
    asked = sys.argv[1:]
    left = []
    for name, change in MUTANTS.items():
        if all(word in name for word in asked):
            alive = survives(change)
            print("SURVIVES" if alive else "killed  ", name, flush=True)
            left += [name] if alive else []
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
