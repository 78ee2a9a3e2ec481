"""A wrong output in words and symbols: the first entry that differs, yours and true, and the terms in which they differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.polynomials import Monomial, PolynomialTerms, expression_text
from symconv.audits.numeric import Run, TooCostly, recover
from symconv.audits.truth import Point, Reference

__all__ = ["explain_recovered", "explain_shape", "explain_terms"]

#: an expression with more terms than this is cut short in text
MAX_SHOWN = 60


def explain_shape(name: str, yours: Sequence[int], true: Sequence[int]) -> dict[str, Any]:
    """A result of the wrong shape."""
    return {"output": name, "entry": None, "index": None, "yours": f"shape {tuple(yours)}", "true": f"shape {tuple(true)}",
            "missing": [], "extra": [], "entries": 0}  # fmt: skip


def explain_terms(reference: Reference, name: str, yours: list[PolynomialTerms]) -> dict[str, Any]:
    """The entry that differs in the fewest terms, by exact expressions; rather one in which neither side is zero."""
    true = reference.terms(name)
    wrong = [i for i, (a, b) in enumerate(zip(yours, true, strict=True)) if a != b]

    if not wrong:
        raise TooCostly("its expression is right where it was recovered: only some numbers come out wrong")

    def difference(i: int) -> int:
        return sum(yours[i].get(m, 0) != true[i].get(m, 0) for m in yours[i].keys() | true[i].keys())

    flat = min(wrong, key=lambda i: (not yours[i] or not true[i], difference(i), i))

    def word(array: str, number: int) -> str:
        return "(unset memory)" if array == "unset" else reference.entry_name(array, number)

    def text(terms: PolynomialTerms) -> str:
        if len(terms) > MAX_SHOWN:
            shown = dict(sorted(terms.items())[:MAX_SHOWN])
            return f"{expression_text(shown, word)} + ... ({len(terms)} terms)"
        return expression_text(terms, word)

    def only(a: PolynomialTerms, b: PolynomialTerms) -> list[str]:
        keys: list[Monomial] = sorted(m for m in a if a[m] != b.get(m, 0))
        return [expression_text({m: a[m]}, word) for m in keys[:MAX_SHOWN]]

    return {
        "output": name,
        "entry": reference.entry_name(name, flat),
        "index": [int(i) for i in np.unravel_index(flat, reference.shape(name))],
        "yours": text(yours[flat]),
        "true": text(true[flat]),
        "missing": only(true[flat], yours[flat]),
        "extra": only(yours[flat], true[flat]),
        "entries": len(wrong),
    }


def explain_recovered(reference: Reference, name: str, run: Run, at: Point, value: NDArray[Any]) -> dict[str, Any]:
    """The same where symbols could not follow: by recovering the coefficients from runs, or by the numbers when that fails."""
    try:
        if value.dtype.kind not in "biuf":
            raise TooCostly(f"the result holds {value.dtype} where real numbers are due")
        return explain_terms(reference, name, recover(run, at, name))
    except TooCostly as why:
        reason = str(why)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
    true = reference.numbers(at, name)
    apart = np.abs(value - true) <= 1e-7 * float(np.abs(true).max(initial=0))
    different = np.flatnonzero(~apart.reshape(-1))
    flat = int(different[0]) if len(different) else 0
    return {
        "output": name,
        "entry": reference.entry_name(name, flat),
        "index": [int(i) for i in np.unravel_index(flat, true.shape)],
        "yours": f"{value.reshape(-1)[flat].item():.6g}",
        "true": f"{true.reshape(-1)[flat]:.6g}",
        "missing": [],
        "extra": [],
        "entries": len(different),
        "note": f"numbers at a random point; the expression was not recovered: {reason}",
    }
