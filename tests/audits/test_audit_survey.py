"""No rule that an audit prints is false: each is held against layers that the audit never saw, wider than its grid, by a second
opinion."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from symconv.audits import Audit, audit, survey
from symconv.audits.condition import Condition
from symconv.audits.conventions import convention_named
from symconv.audits.grids import default_grid
from symconv.audits.rules import Rule, table_of
from symconv.audits.sandbox.supervisor import shared_workers
from symconv.layer.conv import Conv
from tests.audits.independent import SAMPLES, load, statuses
from tests.audits.test_audit_samples import WRONG, Sample

#: what a run without sweeps tries: wrong but where nothing overlaps, and right by chance where little meets
FEW = ("overwrites", "transposes_dw")


@pytest.fixture(autouse=True, scope="module")
def _workers() -> Iterator[None]:
    with shared_workers():
        yield


def strange(count: int, seed: int) -> list[Conv]:
    """Layers with one stride and padding: small and large, square and oblong, many with more padding than kernel."""
    draw = np.random.default_rng(seed)
    found: dict[Conv, None] = {}
    while len(found) < count:
        size, kernel = (tuple(draw.integers(1, high, 2).tolist()) for high in (9, 6))
        size = size[:1] * 2 if draw.integers(3) == 0 else size
        kernel = kernel[:1] * 2 if draw.integers(3) == 0 else kernel
        numbers = draw.integers(1, 4, 3).tolist()
        try:
            conv = Conv(size, kernel, *numbers, stride=int(draw.integers(1, 5)), padding=int(draw.integers(0, 5)))
        except ValueError:
            continue
        found[conv] = None
    return list(found)


def audited(sample: Sample, grid: str = "quick", seed: int = 5) -> Audit:
    where = f"{SAMPLES / f'sample_{sample.file}.py'}:{sample.name}"
    return audit(where, sample.convention, forward=sample.forward, once=True, grid=grid, seed=seed)


def false_rules(found: Audit, sample: Sample, fresh: list[Conv]) -> dict[str, list[str]]:
    """The rules that are printed as exact and are not true of all fresh layers, each with where."""
    module, rules = load(sample.file), convention_named(sample.convention)
    false: dict[str, list[str]] = {}
    printed = {name: each for name, each in found.all_conditions.items() if "exactly when" in (each.text or "")}
    for conv in fresh if printed else ():
        if rules.outside(conv) is not None:
            continue
        seen = statuses(module, sample.name, sample.convention, conv, sample.forward)
        for name, condition in printed.items():
            outputs = [name] if name else list(found.outputs)
            right = "raises" not in seen and all(seen[output] == "ok" for output in outputs)
            row = table_of([conv])
            assert condition.rule is not None
            if condition.rule.says(row)[0] and condition.rule.among(row)[0] != right:
                false.setdefault(f"{name}: {condition.text}", []).append(conv.slug)
    return false


@pytest.mark.parametrize(
    "sample", [s if s.name in FEW else pytest.param(s, marks=pytest.mark.sweep) for s in WRONG], ids=str
)
def test_no_rule_is_false(sample: Sample) -> None:
    found = audited(sample)
    assert not false_rules(found, sample, strange(300, 99))


@pytest.mark.sweep
@pytest.mark.parametrize("sample", WRONG, ids=str)
def test_no_rule_of_the_default_grid_is_false(sample: Sample) -> None:
    found = audited(sample, "default", 17)
    assert not false_rules(found, sample, strange(300, 7))


def test_without_a_survey_rules_are_false_and_said_to_be_of_the_cases_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = next(each for each in WRONG if each.name == "overwrites")
    monkeypatch.setattr(survey, "ROUNDS", 0)
    found = audited(sample)
    assert not found.survey
    assert str(found.condition).startswith("in the 45 cases tried right where ")


def test_where_the_values_decide_no_rule_is_exact() -> None:
    sample = next(each for each in WRONG if each.name == "clips")
    found = audited(sample)
    assert all("exactly" not in str(each) for each in found.all_conditions.values())


def test_wide_layers_vary_what_the_grid_varies() -> None:
    grid = default_grid("quick")
    found = list(survey.wide(grid, [3]))
    assert len(found) == len(set(found)) == survey.SURVEY
    assert not set(found) & set(grid)
    table = table_of(found)
    assert 5 < table[:, -1].sum() < 100  # in which no tap meets the input
    assert {conv.stride[0] for conv in found} == {1, 2, 3, 4}
    assert {conv.padding[0][0] for conv in found} == {0, 1, 2, 3, 4}
    assert {conv.dilation for conv in found} == {(1, 1)}
    one = [Conv((5, 6), (3, 2), stride=s) for s in (1, 2)]
    assert list(survey.wide(one, [3])) == []


def test_a_rule_says_what_holds_where_no_tap_meets_the_input() -> None:
    part = ((0, True),)
    row = table_of([Conv((1, 1), (1, 1), stride=4, padding=2)])
    assert str(Rule((part,), roomy=True)) == "stride = 1, wherever every side of the input is longer than 1"
    assert not Rule((part,), roomy=True).says(row)[0]
    told = {"": "stride = 1", "holds": "stride = 1 or no tap meets the input",
            "unsaid": "stride = 1, wherever some tap meets the input"}  # fmt: skip
    for idle, words in told.items():
        rule = Rule((part,), idle)  # type: ignore[arg-type]  # a key of the table
        assert str(rule) == words
        assert rule.says(row)[0] == (idle != "unsaid")
        assert rule.among(row)[0] == (idle == "holds")


def test_what_is_said_without_a_rule_can_be_contradicted() -> None:
    stride_1 = Rule((((0, True),),))
    condition = Condition(None, 9, nearly=(stride_1, 3, 4), never=(Rule((((1, True),),)), 2, 5))
    rows = table_of([Conv(5, 3), Conv(5, 3, stride=2, padding=1), Conv(5, 3, stride=2)])
    assert [condition.allows(row[None], True) for row in rows] == [False, True, False]
    assert [condition.allows(row[None], False) for row in rows] == [False, True, True]
    assert "it never is when padding = 0, 2 of the 5 cases in which it is not" in str(condition)
