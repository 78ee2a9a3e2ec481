"""One layer with everything its article is written from, each part computed when it is first asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from symconv.algebra.symbols import load_sympy, symbols
from symconv.article.companions import fewer, is_line, line_of, shorter
from symconv.article.evidence import SCHEDULE, Evidence
from symconv.article.selection import BUDGET
from symconv.formulas.by_axes import check_axes
from symconv.layer.conv import MAX_TERMS, Conv
from symconv.layer.gradients import LOSSES, MAX_SYMPY_TERMS, Gradients, gradients
from symconv.mathematics.notation import OWN, Notation

__all__ = ["TOLD", "Case"]

#: the losses that an article is written for
TOLD = tuple(name for name in LOSSES if name != "cross-entropy")

#: characters in the row of a matrix below which lines are narrow
NARROW = 50


@dataclass(frozen=True, eq=False)
class Case:
    """``conv`` with the loss to derive from; ``budget`` is how many characters the row of a matrix may have, ``full`` whether
    everything about it is shown, ``everything`` what it does not have too, ``lang`` the language of the listing's comments,
    ``gradient_check`` whether lines to try it follow, ``notation`` the author's, ``given`` what
    was found out of the layer already, ``code`` what the listing shows, ``assume`` what the theorem is restricted to.

    Of a loss of more than ``max_terms`` terms the entries that are shown are those of ``told``, a smaller layer.
    Refused at once, with ValueError: a loss without a name, or one of too many terms even on an axis of the layer alone.
    """

    conv: Conv
    loss: str = "upstream"
    max_terms: int = MAX_TERMS
    budget: int = BUDGET
    full: bool = True
    everything: bool = False
    lang: str = "en"
    gradient_check: bool = False
    notation: Notation = OWN
    given: Evidence | None = None
    code: str = "formulas"
    assume: str = ""

    def __post_init__(self) -> None:
        if self.loss not in TOLD:
            raise ValueError(f"no loss {self.loss!r}; there are {', '.join(TOLD)}")
        if self.conv.terms > self.max_terms:
            check_axes(self.conv, self.max_terms)
            if fewer(self.conv).terms > self.max_terms:
                self.conv.check_terms(self.max_terms)
        if self.loss != "upstream":
            self.conv.check_terms(min(self.max_terms, MAX_SYMPY_TERMS))

    @cached_property
    def evidence(self) -> Evidence:
        """What was found out of the layer: what the case was given, or what is found now."""
        schedule = SCHEDULE if self.code == "none" else self.code
        if self.given is not None and (self.given.schedule, self.given.assume) == (schedule, self.assume):
            return self.given
        return Evidence(self.conv, self.max_terms, schedule, self.assume)

    @cached_property
    def line(self) -> Case:
        """The layer in one dimension, for one image, channel and filter: itself if it is that and short, or one axis of it
        alone, or a shorter one of the same character."""
        line = line_of(self.conv)
        return self if is_line(self.conv) and line == self.conv else self._beside(line)

    @cached_property
    def told(self) -> Case:
        """The layer itself, or one like it with short axes and few channels where its loss is too large to be written down."""
        return self if self.conv.terms <= self.max_terms else self._beside(fewer(self.conv))

    @cached_property
    def short(self) -> Case:
        """The layer itself if it is short on every axis, else one like it that is, with one image, channel and filter."""
        short = shorter(self.conv)
        return self if all(a == b for a, b in zip(short.axes, self.conv.axes, strict=True)) else self._beside(short)

    def _beside(self, conv: Conv) -> Case:
        return Case(conv, budget=self.budget, full=self.full, notation=self.notation)

    @cached_property
    def gradients(self) -> Gradients:
        """The readings of the trilinear loss, dy as symbols."""
        return gradients(self.conv, max_terms=self.max_terms)

    @cached_property
    def own_loss(self) -> Gradients:
        """The gradients of the loss that was asked for; ValueError where SymPy would take too long."""
        return gradients(self.conv, self.loss, max_terms=self.max_terms)

    @cached_property
    def loss_agrees(self) -> dict[str, tuple[int, int]]:
        """For another loss than the upstream one, by gradient: the entries compared, and those in which SymPy's derivative of
        the loss is not the entry derived here with dL/dy put in for dy."""
        if self.loss == "upstream":
            return {}
        sympy = load_sympy()

        size = math.prod(self.conv.y_shape)
        given = zip(symbols(self.conv, "dy").reshape(size), self.own_loss.upstream.reshape(size), strict=True)
        dy = dict(given)
        result = {}
        for target in self.targets:
            mine, theirs = (getattr(g, target) for g in (self.gradients, self.own_loss))
            pairs = zip(mine.reshape(len(mine)), theirs.reshape(len(theirs)), strict=True)
            result[target] = (len(mine), sum(sympy.expand(a.xreplace(dy) - b) != 0 for a, b in pairs))
        return result

    @property
    def narrow(self) -> bool:
        """Whether long indices get equations of their own, so that sums can be read in a narrow column."""
        return self.budget < NARROW

    @property
    def ok(self) -> bool:
        """Whether every formula equals the derivative, and the loss's own derivative the one with dy put in."""
        return self.evidence.verification.ok and not any(failures for _, failures in self.loss_agrees.values())

    @property
    def targets(self) -> tuple[str, ...]:
        """The gradients the layer has, the simplest first."""
        return ("db", "dw", "dx") if self.conv.bias else ("dw", "dx")
