"""A forward pass of one's own in place of the layer's: ``y[i] = sum(w[k] * x[s*i + d*(K - 1 - k) - p], k)``.

It is one index sum of w and x over the taps, so it has a relation like R: each product w[k]*x[m] of y[o] once, for the indices
that its comparisons allow. The gradients are read from that relation as from R.
"""

from __future__ import annotations

from symconv.algebra.comparisons import Comparison, between, compare
from symconv.algebra.integers import Const, Integer, Name
from symconv.formulas import formula, tree
from symconv.formulas.tree import Formula

__all__ = ["comparisons", "read_forward"]

_H, _K, _O, _o, _k, _m = (Name(n) for n in "HKOokm")


def read_forward(given: str | Formula) -> Formula:
    """The formula of a forward pass; ValueError, which says what it has to be, for any other.

    >>> print(read_forward("y[i] = sum(w[K-1-k] * x[i+k], k)"))
    y[i] = sum(w[K - 1 - k] * x[i + k], k)
    """
    read = formula(given)
    comparisons(read)
    return read


def comparisons(forward: Formula) -> tuple[Comparison, ...]:
    """What holds of (o, k, m) where w[k]*x[m] is a product of y[o]."""
    body = forward.body
    if forward.target != "y" or not isinstance(body, tree.IndexSum) or forward.index is None:
        raise ValueError(f"a forward pass is y[i] = sum(w[...] * x[...], k), not {str(forward)[:120]}")
    at = {factor.name: factor.index for factor in body.factors}
    if sorted(factor.name for factor in body.factors) != ["w", "x"] or len(body.ranges) != 1:
        raise ValueError(f"a forward pass sums w times x over one index, the tap; {str(forward)[:120]} does not")
    (tap,) = body.ranges
    known = {forward.index: _o, tap.index: _tap(at["w"], tap.index, forward)}
    result = [
        compare(_m, "==", at["x"].substitute(known)),
        *between(0, _o, _O),
        *between(0, _k, _K),
        *between(0, _m, _H),
    ]
    result += [each.substitute(known) for each in body.where]
    if tap.start is not None and tap.stop is not None:
        result += [compare(tap.start.substitute(known), "<=", known[tap.index]),
                  compare(known[tap.index], "<", tap.stop.substitute(known))]  # fmt: skip
    return tuple(result)


def _tap(index: Integer, name: str, forward: Formula) -> Integer:
    """The summation index by the entry k of w that it takes."""
    parts = index.linear_in(name)
    if parts is None or parts[0] not in (Const(1), Const(-1)) or forward.index in parts[1].names():
        raise ValueError(f"w[{index}]: a tap takes one entry of w, as in w[{name}] or w[K - 1 - {name}]")
    rest = parts[1].substitute({str(forward.index): _o})
    return _k - rest if parts[0] == Const(1) else rest - _k
