"""Sums over indices that equations tie together: the last index of an equation is solved for, not tried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from symconv.checking.model import Model
from symconv.checking.terms import Bound, Choice, Num, Term, names_in

__all__ = ["Equation", "equations_of", "in_order", "values_of"]

#: what is zero: a constant, and the factor of each index
Equation = tuple[Fraction | int, dict[str, Fraction | int]]


def equations_of(model: Model, body: Term, bounds: Sequence[Bound], env: Mapping[str, int]) -> list[Equation]:
    """The equations outside of which the terms of a sum are zero; none where one is not linear in the indices."""
    if not isinstance(body, Choice) or len(body.rows) != 2 or body.rows[1] != (Num(Fraction(0)), None):
        return []
    known = model.equations.get(id(body))
    if known is not None and known[0] is body:
        return known[1]
    found: list[Equation] = []
    model.equations[id(body)] = body, found
    for a, b in body.rows[0][1] or ():
        names = sorted((names_in(a) | names_in(b)) & ({bound.name for bound in bounds} | set(env)))
        zero = dict.fromkeys(names, 0)

        def at(values: Mapping[str, int], a: Term = a, b: Term = b) -> Fraction | int:
            return model.number(a, values) - model.number(b, values)

        constant = at(zero)
        factors = {name: at({**zero, name: 1}) - constant for name in names}
        if at(dict.fromkeys(names, 2)) != constant + 2 * sum(factors.values()):
            found.clear()
            break
        found.append((constant, {name: factor for name, factor in factors.items() if factor}))
    return found


def in_order(bounds: Sequence[Bound], equations: Sequence[Equation]) -> tuple[Bound, ...]:
    """The indices of one equation side by side."""
    first = {name: at for at in reversed(range(len(equations))) for name in equations[at][1]}
    return tuple(sorted(bounds, key=lambda bound: first.get(bound.name, -1)))


def values_of(
    name: str, values: range, later: Iterable[str], equations: Sequence[Equation], env: Mapping[str, int]
) -> Sequence[int]:
    """Those of ``values`` that an index may take where only ``later`` ones are open.

    >>> values_of("k", range(1, 4), ["c"], [(1, {"o": 2, "k": -1})], {"o": 1})
    (3,)
    """
    for constant, factors in equations:
        if name in factors and not any(each in factors for each in later):
            rest = constant + sum(factor * env[each] for each, factor in factors.items() if each != name)
            value = Fraction(-rest, 1) / factors[name]
            return (int(value),) if value.denominator == 1 and int(value) in values else ()
    return values
