"""Linear expressions in indices, as their coefficients."""

from __future__ import annotations

from fractions import Fraction

from symconv.checking.terms import Add, Mul, Name, Num, Term

__all__ = ["linear"]


def linear(term: Term) -> dict[str, Fraction] | None:
    """The coefficients of a linear expression, the constant under ""; None for anything else."""
    if isinstance(term, Num):
        return {"": Fraction(term.value)}
    if isinstance(term, Name):
        return {term.text: Fraction(1)}
    if isinstance(term, Add):
        total: dict[str, Fraction] = {}
        for sign, each in term.terms:
            inner = linear(each)
            if inner is None:
                return None
            for name, value in inner.items():
                total[name] = total.get(name, Fraction(0)) + sign * value
        return total
    if isinstance(term, Mul) and len(term.factors) == 2 and isinstance(term.factors[0], Num):
        inner = linear(term.factors[1])
        return None if inner is None else {name: term.factors[0].value * value for name, value in inner.items()}
    return None
