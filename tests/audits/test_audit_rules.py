"""No rule that is printed is false: functions whose true condition is known, held against what an audit would say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest

from symconv.audits import beside
from symconv.audits.case import Case
from symconv.audits.challenge import drawn
from symconv.audits.condition import MOST_TIES, find_condition
from symconv.audits.grids import default_grid
from symconv.audits.judge import CaseVerdict
from symconv.audits.predicates import PREDICATES
from symconv.audits.result import Outcome
from symconv.audits.rules import Rule, table_of
from symconv.audits.sweep import Job
from symconv.layer.conv import Conv

Truth = Callable[[Conv], bool]
NAMES = {predicate.text: i for i, predicate in enumerate(PREDICATES)}
#: what no default grid varies
FIXED = {"dilation = 1", "groups = 1", "dilation = stride", "dilation < stride", "C = groups", "F = groups",
         "dilation and stride have no common divisor"}  # fmt: skip


def outcome(truth: Truth, grid: Iterable[Conv], seed: int, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """The audit of a function whose dx is right exactly where ``truth`` says, without any process."""

    def verdict(conv: Conv) -> CaseVerdict:
        return CaseVerdict(outputs={"dx": "ok" if truth(conv) else "value", "dw": "ok"})

    def sweep(job: Any, cases: Iterable[tuple[int, Conv]], *_: Any) -> Iterator[tuple[int, CaseVerdict]]:
        return ((number, verdict(conv)) for number, conv in cases)

    monkeypatch.setattr(beside, "sweep", sweep)
    cases = tuple(Case(conv, verdict(conv)) for conv in grid)
    found = Outcome("f", "plain", "backward", ("dx", "dw"), cases, (), seed)
    job = Job.__new__(Job)
    object.__setattr__(job, "seed", seed)
    fresh = beside.challenged(job, found, lambda _: True, 1)
    return Outcome("f", "plain", "backward", ("dx", "dw"), cases, (), seed, challenge=fresh)


def is_true(found: Outcome, truth: Truth) -> bool:
    """Whether what is printed is true of geometries that nobody has tried: the rule, or one of those it does not tell apart."""
    convs = list(drawn([case.conv for case in found.cases], 12345))
    wanted, table = np.array([truth(conv) for conv in convs]), table_of(convs)
    said = found.condition
    if said.rule is None:
        return True  # none is printed: that all cases tried are alike is true of them
    return any(np.array_equal(rule.among(table), wanted) for rule in (said.rule, *said.ties))


def half(a: str, b: str) -> Truth:
    return lambda conv: PREDICATES[NAMES[a]].holds(conv) and PREDICATES[NAMES[b]].holds(conv)


@pytest.mark.parametrize("seed", range(2))
def test_a_conjunction_on_the_quick_grid(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the sample pads_spread_by_p is: right exactly when 2p = K - 1 and the stride divides."""
    truth = half("2·padding = d(K − 1)", "the stride divides (remainder 0)")
    found = outcome(truth, default_grid("quick"), seed, monkeypatch)
    assert is_true(found, truth), str(found.condition)
    assert len(found.challenge) < 40


@pytest.mark.parametrize("one", [True, False])
def test_what_all_right_or_all_wrong_cases_have_beside(one: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the quick grid N is 1 wherever there is one output position: which of the two decides, or whether both must hold."""
    either = lambda conv: conv.batch == 1 or set(conv.output) == {1}  # noqa: E731
    truth = either if one else half("N = 1", "one output position")
    found = outcome(truth, default_grid("quick"), 3, monkeypatch)
    assert is_true(found, truth), str(found.condition)
    assert found.condition.rule_text != ("N = 1" if one else "one output position")
    assert len(found.challenge) < 50


def drawn_truth(draw: np.random.Generator) -> tuple[Rule, Truth]:
    literals = [i for i, each in enumerate(PREDICATES) if each.text not in FIXED]
    chosen = draw.choice(literals, size=int(draw.integers(1, 3)), replace=False)
    part = tuple((int(i), bool(draw.integers(4))) for i in chosen)
    rule = Rule((part,) if draw.integers(3) else tuple((literal,) for literal in part))
    return rule, rule.holds


def check(seed: int, grid: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the rule that is printed is true; draws without a right or a wrong case among the grid's say nothing."""
    _, truth = drawn_truth(np.random.default_rng(seed))
    found = outcome(truth, default_grid(grid), seed, monkeypatch)
    return is_true(found, truth)


@pytest.mark.parametrize("grid", ["quick"])
def test_random_rules(grid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    false = [seed for seed in range(3, 7) if not check(seed, grid, monkeypatch)]
    assert not false


@pytest.mark.sweep
@pytest.mark.parametrize("grid", ["quick", "default"])
def test_many_random_rules(grid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    false = [seed for seed in range(100, 300) if not check(seed, grid, monkeypatch)]
    assert not false


def test_ties_are_told() -> None:
    """Two rules that fit all cases, and geometries where they differ that were not tried."""
    convs = [
        Conv((h, w), k, 1, c, f)
        for h, w, k, c, f in ((4, 4, 2, 1, 1), (6, 6, 3, 1, 1), (4, 5, 2, 2, 2), (5, 7, 3, 2, 2))
    ]
    holds = [conv.in_channels == 1 for conv in convs]
    assert not find_condition(convs, holds).ties
    pool = table_of([Conv((4, 4), 2, 1, 2, 2), Conv((4, 5), 2, 1, 1, 1), Conv((4, 5), 2, 1, 1, 2)])
    found = find_condition(convs, holds, pool=pool)
    assert 0 < len(found.ties) <= MOST_TIES
    assert found.text is not None
    assert found.text.startswith("right when ")
    assert "each of these fits all 4 cases tried" in found.text
    assert found.to_dict()["ties"]
