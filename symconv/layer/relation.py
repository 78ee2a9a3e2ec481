"""The relation R of one spatial axis, from which everything else in symconv is read.

    R = { (o, k, m) :  m = s*o + d*k - p,   0 <= o < O,  0 <= k < K,  0 <= m < H }

With another padding than zeros, m = P(s*o + d*k - p) with the map P of :mod:`symconv.layer.padding`.

It is stated here once, as integer expressions: :mod:`symconv.layer.loss` enumerates it at one size, the proof reads it
with H, K, p, q free, the article prints it. Indices are 0-based.
"""

from __future__ import annotations

from symconv.algebra.integers import Const, Integer, Name, additive_terms

__all__ = ["EXTENTS", "INPUT_INDEX", "OUTPUT_SIZE", "PADDED_SIZE", "REMAINDER", "SIZES", "SLACK", "SPAN"]

H, K, O, p, q, s, d, r = (Name(n) for n in ("H", "K", "O", "p", "q", "s", "d", "r"))
o, k, m = (Name(n) for n in ("o", "k", "m"))

#: what each size is called, in the article, in messages and in a user's formula
SIZES: dict[str, str] = {
    "H": "input size",
    "K": "kernel size",
    "O": "output size",
    "p": "padding before",
    "q": "padding after",
    "s": "stride",
    "d": "dilation",
    "r": "remainder: rows of padded input that no window reaches",
}

#: m, the input row that tap k of output row o reads; beyond the border the padding says which row stands there
INPUT_INDEX: Integer = s * o + d * k - p

#: each index of R runs from 0 to below this size
EXTENTS: dict[str, Integer] = {"o": O, "k": K, "m": H}

#: rows covered by one kernel
SPAN: Integer = d * (K - 1) + 1

#: how far the window can travel; a convolution exists when this is not negative
SLACK: Integer = H + p + q - SPAN

OUTPUT_SIZE: Integer = SLACK // s + 1

#: rows that no window reaches: ``SLACK mod s`` for a convolution; for a transposed one it is its output padding
REMAINDER: Integer = SLACK - s * (O - 1)


def _padded_size() -> Integer:
    """H from ``r = SLACK - s*(O - 1)``: the other terms brought to the other side."""
    rest = [(sign, term) for sign, term in additive_terms(REMAINDER) if term != H]
    result: Integer = Const(0)
    rest.reverse()
    for sign, term in sorted(rest, key=lambda each: each[0]):
        result = result - term if sign > 0 else result + term
    return result + r


#: H, given O and r: the output size of a transposed convolution, whose output stands on the padded side
PADDED_SIZE: Integer = _padded_size()
