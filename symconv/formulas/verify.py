"""Closed formulas held against the derivative of the loss, on one layer, entry by entry, exactly.

Both sides are sums of products of symbols with integer coefficients; they are compared term by term, so equality here is
equality of polynomials, for this one geometry. For every size at once see :mod:`symconv.proof`.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symconv.algebra.terms import MultilinearArray, Term, Terms, terms_text
from symconv.formulas import Formula, formula
from symconv.formulas.by_axes import NotAProductError, check_axes, hold, is_product
from symconv.formulas.indices import TooLargeError
from symconv.formulas.tree import ADDED, TARGETS
from symconv.formulas.values import evaluate
from symconv.layer.conv import MAX_TERMS, Conv
from symconv.layer.gradients import READINGS, gradients
from symconv.layer.names import entry_name
from symconv.layer.second import SECOND_READINGS, directed

__all__ = [
    "MAX_ENUMERATED",
    "MAX_MISMATCHES",
    "WAYS",
    "Check",
    "Mismatch",
    "Verification",
    "check_size",
    "loss_of_forward",
    "verify",
]

#: how a formula is held against the derivative: "entries" writes every term down, "axes" compares axis by axis
#: (:mod:`symconv.formulas.by_axes`), "auto" writes down what is small and goes by axes where a formula is a product
WAYS = ("auto", "entries", "axes")

#: "auto" writes down losses of up to so many terms
MAX_ENUMERATED = 300_000

#: terms of an entry that are shown where it has more than a page of them
MAX_SHOWN = 6

#: mismatches kept for each formula; all are counted
MAX_MISMATCHES = 20


@dataclass(frozen=True)
class Mismatch:
    """An entry in which a formula and the derivative differ, or a difference in shape (``index`` is then None).

    ``formula`` and ``derivative`` are the two expressions as text; ``missing`` are the derivative's terms that the
    formula lacks, ``extra`` the formula's that the derivative lacks.
    """

    conv: Conv
    target: str
    index: tuple[int, ...] | None
    formula: str
    derivative: str
    missing: tuple[Term, ...] = ()
    extra: tuple[Term, ...] = ()

    @property
    def entry(self) -> str:
        """The entry's 1-based name: ``dx_{11}``."""
        if self.index is None:
            return f"{self.target} (shape)"
        return entry_name(self.conv, self.target, int(np.ravel_multi_index(self.index, self.conv.shapes[self.target])))

    def to_dict(self) -> dict[str, Any]:
        return {
            "target": self.target,
            "index": None if self.index is None else list(self.index),
            "entry": self.entry,
            "formula": self.formula,
            "derivative": self.derivative,
            "missing": [terms_text(self.conv, [term]) for term in self.missing],
            "extra": [terms_text(self.conv, [term]) for term in self.extra],
        }

    def __str__(self) -> str:
        text = f"{self.entry}: formula {self.formula}, derivative {self.derivative}"
        for word, terms in (("missing", self.missing), ("extra", self.extra)):
            if terms:
                text += f"; {word} {', '.join(terms_text(self.conv, [term]) for term in terms)}"
        return text


@dataclass(frozen=True)
class Check:
    """One formula on one layer: how many entries were compared, how many differ, and the first of these. An array of another
    shape counts as one that differs where all its entries are right.

    ``by`` is "entries" where every term was written down, "axes" where the axes were compared one by one.
    """

    formula: Formula
    entries: int
    failures: int
    mismatches: tuple[Mismatch, ...] = field(repr=False)
    by: str = "entries"

    @property
    def ok(self) -> bool:
        return not self.failures

    def to_dict(self) -> dict[str, Any]:
        return {"target": self.formula.target, "formula": str(self.formula), "ok": self.ok, "entries": self.entries,
                "failures": self.failures, "by": self.by}  # fmt: skip


@dataclass(frozen=True)
class Verification:
    """What :func:`verify` found: ``ok``, ``entries`` compared, ``mismatches``, and one ``Check`` for each formula."""

    conv: Conv
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether every formula equals the derivative in every entry."""
        return all(check.ok for check in self.checks)

    @property
    def entries(self) -> int:
        return sum(check.entries for check in self.checks)

    @property
    def mismatches(self) -> tuple[Mismatch, ...]:
        """The first mismatches of every formula, at most ``MAX_MISMATCHES`` for each."""
        return tuple(mismatch for check in self.checks for mismatch in check.mismatches)

    @property
    def scope(self) -> str:
        """What the verdict covers."""
        ways = {"entries": "entry by entry", "axes": "by axes"}
        text = " and ".join(dict.fromkeys(ways[check.by] for check in self.checks))
        return f"this size only: {self.conv!r}; exact, {text or ways['entries']}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "conv": self.conv.to_dict(),
            "entries": self.entries,
            "checks": [check.to_dict() for check in self.checks],
            "mismatches": [mismatch.to_dict() for mismatch in self.mismatches],
        }

    def __repr__(self) -> str:
        verdict = "ok" if self.ok else f"{sum(c.failures for c in self.checks)} mismatches"
        return f"<verification of {self.conv!r}: {verdict}, {self.entries:,} entries>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{check.formula.target}</td><td><code>{html.escape(str(check.formula))}</code></td>"
            f"<td>{check.entries:,}</td><td>{'equal' if check.ok else f'{check.failures:,} differ'}</td></tr>"
            for check in self.checks
        )
        head = "<tr><th>target</th><th>formula</th><th>entries</th><th>against the derivative</th></tr>"
        text = "".join(f"<li><code>{html.escape(str(mismatch))}</code></li>" for mismatch in self.mismatches[:5])
        return f"<table>{head}{rows}</table>{f'<ul>{text}</ul>' if text else ''}"


def verify(
    conv: Conv,
    formulas: Iterable[Formula | str] | None = None,
    max_terms: int = MAX_TERMS,
    by: str = "auto",
    forward: Formula | str | None = None,
) -> Verification:
    """Hold formulas against the derivative of the loss on ``conv``; left out, the standard ones for y, dx, dw and db.

    A formula is a :class:`Formula`, its text, or the name of a standard one. A formula for y that does not name b
    speaks of the layer without bias. ``by`` is one of :data:`WAYS`: a loss of more than ``MAX_ENUMERATED`` terms is held by
    axes where the formula is a sum of products over the axes, which is as exact, at any size. ``forward``, a formula for y, is a
    forward pass of one's own: the formulas are held against its derivative, entry by entry. Raises ValueError for a loss
    of more than ``max_terms`` terms that has to be written down, for a formula that builds more than can be gone through, and for
    text that is not a formula.

    >>> verify(Conv(input=(5, 6), kernel=(3, 2), stride=(2, 1), padding=1)).ok
    True
    >>> print(verify(Conv(input=3, kernel=2), ["dx = correlate(pad(dy, K-1), w)"]).mismatches[0])
    dx_{1}: formula dy_{1}*w_{2}, derivative dy_{1}*w_{1}; missing dy_{1}*w_{1}; extra dy_{1}*w_{2}
    >>> resnet = Conv(input=(224, 224), kernel=7, batch=256, in_channels=3, out_channels=64, stride=2, padding=3)
    >>> verify(resnet), verify(resnet).checks[2].by
    (<verification of Conv(input=(224, 224), kernel=(7, 7), batch=256, in_channels=3, out_channels=64, stride=(2, 2), \
padding=(3, 3)): ok, 244,065,536 entries>, 'axes')
    """
    if by not in WAYS:
        raise ValueError(f"by {by!r}: one of {', '.join(WAYS)}")
    if formulas is None:
        formulas = [name for name in TARGETS if conv.bias or name != "db"]
    chosen = [formula(each, conv.transposed, conv.padding_mode) for each in formulas]
    for each in chosen:
        if each.padding_mode != conv.padding_mode:
            raise ValueError(
                f"{each} is about padding_mode {each.padding_mode!r}, {conv!r} pads with {conv.padding_mode}"
            )
    if forward is not None:
        conv.check_terms(max_terms)
        by, own = "entries", formula(forward, conv.transposed, conv.padding_mode)
    check_size(conv, chosen, max_terms, by)
    small = by == "entries" or (by == "auto" and conv.terms <= min(max_terms, MAX_ENUMERATED))
    checks: dict[int, Check] = {}
    for number, each in enumerate([] if small else chosen):
        try:
            checks[number] = _by_axes(conv, each)
        except NotAProductError as error:
            if by == "axes":
                raise ValueError(f"{error}, so it cannot be held by axes") from error
    if len(checks) < len(chosen):
        derivative = gradients(conv, max_terms=max_terms)
        for number, each in enumerate(chosen):
            if number not in checks:
                form = derivative.form
                if forward is not None and each.target != "db":
                    form = loss_of_forward(conv, own, form)
                checks[number] = _check(conv, each, _truth(each, form))
    return Verification(conv, tuple(checks[number] for number in range(len(chosen))))


def _truth(formula: Formula, form: MultilinearArray) -> MultilinearArray:
    """The derivative that a formula is for, of a loss: its own, or for the double backward that of L2."""
    if formula.target in SECOND_READINGS:
        truth = directed(form).differentiate(SECOND_READINGS[formula.target])
    else:
        truth = form.differentiate(READINGS[formula.target])
    added = ADDED.get(formula.target)
    return truth if added is None or formula.with_bias else truth.without(added)


def loss_of_forward(conv: Conv, forward: Formula, layers: MultilinearArray) -> MultilinearArray:
    """The loss, dy times y, of a forward pass given as a formula, with the terms in b of the layer's own loss, ``layers``;
    ValueError where it is no forward pass of the layer."""
    if forward.target != "y":
        raise ValueError(f"a forward pass is a formula for y, not for {forward.target}")
    y = evaluate(conv, forward)
    if y.shape != conv.shapes["y"]:
        raise ValueError(f"{forward} has shape {y.shape}, y of {conv!r} has {conv.shapes['y']}")
    blocks = (
        Terms.of(0 * b.entry, {"dy": b.entry, **dict(zip(b.arrays, b.factors, strict=True))}, b.coefficient)
        for b in y.blocks
    )
    return MultilinearArray(conv, (), (*blocks, *(b for b in layers.blocks if "b" in b.arrays)))


def check_size(conv: Conv, formulas: Iterable[Formula], max_terms: int, by: str = "auto") -> None:
    """ValueError, before any work, where :func:`verify` would have to write down more than ``max_terms`` terms."""
    if conv.terms <= max_terms:
        return
    if by == "entries" or (by == "auto" and not all(is_product(conv, each) for each in formulas)):
        conv.check_terms(max_terms)
    check_axes(conv, max_terms)


def _by_axes(conv: Conv, formula: Formula) -> Check:
    size = math.prod(conv.shapes[formula.target])
    try:
        found = hold(conv, formula)
    except (NotAProductError, TooLargeError):
        raise
    except ValueError as error:
        shape = str(conv.shapes[formula.target])
        mismatch = Mismatch(conv, formula.target, None, f"means nothing: {error}", shape)
        return Check(formula, size, size, (mismatch,), "axes")
    mismatches = []
    if found.shape != conv.shapes[formula.target]:
        shapes = [f"shape {shape}" for shape in (found.shape, conv.shapes[formula.target])]
        mismatches.append(Mismatch(conv, formula.target, None, shapes[0], shapes[1]))
    failures = max(found.failures, len(mismatches))
    for index in found.entries[: MAX_MISMATCHES - len(mismatches)]:
        claimed, true = (_shortened(conv, *found.terms(index, side, MAX_SHOWN)) for side in (False, True))
        terms = found.differing(index, MAX_SHOWN)
        missing = tuple(term for term in terms if term[0] > 0)
        extra = tuple((-c, factors) for c, factors in terms if c < 0)
        mismatches.append(Mismatch(conv, formula.target, index, claimed, true, missing, extra))
    return Check(formula, size, failures, tuple(mismatches), "axes")


def _shortened(conv: Conv, terms: Sequence[Term], total: int) -> str:
    more = f" + ... ({total:,} terms)" if total > len(terms) else ""
    return terms_text(conv, terms) + more


def _check(conv: Conv, formula: Formula, truth: MultilinearArray) -> Check:
    try:
        claim = evaluate(conv, formula)
    except TooLargeError:
        raise
    except ValueError as error:
        mismatch = Mismatch(conv, formula.target, None, f"means nothing: {error}", str(truth.shape))
        return Check(formula, truth.size, truth.size, (mismatch,))
    if claim.shape == truth.shape and claim.equals(truth):
        return Check(formula, truth.size, 0, ())
    result = []
    if claim.shape != truth.shape:
        result.append(Mismatch(conv, formula.target, None, f"shape {claim.shape}", f"shape {truth.shape}"))
        claim = _on_shape(claim, truth.shape)
    difference = (truth - claim).canonical
    wrong = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *(block.entry for block in difference.blocks)]))
    for flat in wrong[: MAX_MISMATCHES - len(result)]:
        index = tuple(int(i) for i in np.unravel_index(int(flat), truth.shape))
        terms = difference.terms_of(index)
        result.append(
            Mismatch(
                conv,
                formula.target,
                index,
                claim.text(index),
                truth.text(index),
                missing=tuple(term for term in terms if term[0] > 0),
                extra=tuple((-c, factors) for c, factors in terms if c < 0),
            )
        )
    return Check(formula, truth.size, max(1, len(wrong)), tuple(result))


def _on_shape(array: MultilinearArray, shape: Sequence[int]) -> MultilinearArray:
    """The part of ``array`` that lies inside ``shape``, both starting at index 0 on every axis."""
    if len(array.shape) != len(shape):
        return MultilinearArray(array.layer, tuple(shape), ())
    blocks = []
    for block in array.blocks:
        index = np.unravel_index(block.entry, array.shape) if array.size else ()
        inside = np.ones(len(block), dtype=bool)
        for i, size in zip(index, shape, strict=False):
            inside &= i < size
        entry = np.ravel_multi_index([i[inside] for i in index], tuple(shape)) if inside.any() else block.entry[:0]
        rows = block.take(inside)
        blocks.append(Terms(rows.arrays, entry.astype(np.int64), rows.factors, rows.coefficient))
    return MultilinearArray(array.layer, tuple(shape), tuple(blocks))
