"""Theorems about formulas: is y, dx, dw or db what a formula says, at every size?

    claim            what is claimed: the legal sizes and the relation R
    decide           the sizes at which it fails, by isl
    counterexample   the smallest of them, replayed by ``verify``
    conditions       the sizes at which it holds, said shortly; vocabulary: the words for it
    positions        where operations put entries; smtlib: the claim for any solver; solver: z3
    theorem          the result as LaTeX
    prover, result   ``prove``, ``Proof``

One axis is enough (the product lemma). On one axis the loss is the sum of ``dy[o] * w[k] * x[m]`` over the relation R of
:mod:`symconv.layer.relation`. A layer with spatial axes 1..n, batch, channels and groups has the loss

    sum over n, g, f, c, (o_1, k_1, m_1) in R_1, ..., (o_n, k_n, m_n) in R_n
        of dy[n, g, f, o_1..o_n] * w[g, f, c, k_1..k_n] * x[n, g, c, m_1..m_n]

so the products that stand in an entry of a gradient are those whose indices are related on every axis by R_a, and which agree in
the channel, group and batch indices that both have. ``pad``, ``crop``, ``dilate``, ``flip`` and ``correlate`` act on each axis
by itself, with that axis's sizes, and treat channels by the names of the arrays (:mod:`symconv.formulas.tree`). Hence a single
product of a formula stands in entry (t_1..t_n) as often as the product over the axes of the numbers of times it stands in t_a
there. If on each axis that number is 1 on R_a and 0 elsewhere, and the array has the target's length, then so it is for all axes
together: a formula of one term that is proved on one axis is proved on any number of them, whatever the sizes, strides and
dilations on each. A sum of several terms is a sum of such products over the axes and not the product of sums; it is proved
for a layer with one spatial axis, and the scope of the proof says so.

What is assumed, here and of code (:mod:`symconv.reading`): exact arithmetic, arrays that are finite; of code also that the names
of NumPy and of Python's builtins mean what they say, and that arguments do not share memory. What is trusted: isl, and of code
the reader of its source, which is replayed: the function is run, and must return what was read. z3 is asked on demand.
"""

from __future__ import annotations

from symconv.proof.prover import prove
from symconv.proof.result import PROVED, REFUTED, UNKNOWN, Proof, Proofs

__all__ = ["PROVED", "REFUTED", "UNKNOWN", "Proof", "Proofs", "prove"]
