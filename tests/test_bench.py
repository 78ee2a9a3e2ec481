"""``symconv bench derive``: what it measures is what it says, whatever the speed."""

from __future__ import annotations

import pytest

from symconv import Conv
from symconv.bench import derive
from symconv.bench.commands import COMMANDS, releases
from tests.commands import assert_bad_usage, run


def test_reports_ratio_and_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    small = Conv(input=(3, 4), kernel=(2, 2))
    monkeypatch.setattr(derive, "REFERENCE", small)
    monkeypatch.setattr(derive, "SCALES", (small, Conv(input=(5, 4), kernel=(2, 2))))
    told = run("bench", "derive", "--sample", "8", "--runs", "1", "--json").json
    assert (told["variables"], told["measured"]) == (16, 8)
    assert told["reference"]["terms"] == small.terms == 30
    assert [each["terms"] for each in told["scales"]] == [30, 60]
    assert told["ratio"] == told["reference_seconds"] / told["reference"]["seconds"]
    assert told["spread_per_term"] >= 1
    assert min(each["peak_mib"] for each in told["scales"]) > 10
    table = run("bench", "derive", "--sample", "99", "--runs", "1").out
    assert "Expr.diff by 16 entries" in table
    assert "scaled up" not in table


def test_scales_span_ten_thousand_to_a_million_terms() -> None:
    assert 10_000 <= derive.REFERENCE.terms <= 13_000
    assert [len(str(conv.terms)) for conv in derive.SCALES] == [5, 6, 7]


def test_bad_usage() -> None:
    assert_bad_usage(run("bench", "derive", "--runs", "0"), "0 is not in the range")
    assert_bad_usage(run("bench", "speed"), "speed")


@pytest.mark.sweep
def test_kernels_are_compared_layer_by_layer() -> None:
    told = run("bench", "kernels", "--layer", "small", "--rounds", "3", "--no-schedules", "--one-thread", "--json").json
    assert told["cores"] == 1
    (layer,) = told["layers"]
    assert layer["conv"]["input"] == [16, 16]
    assert {"fast", "columns", "im2col", "taps"} <= set(layer["times"])
    assert all(0 < each["low"] <= each["median"] <= each["high"] for each in layer["times"].values())
    assert layer["errors"]["float32"] < 1e-5
    assert layer["errors"]["float64"] < 1e-13
    assert layer["workspace"] <= 70 << 20


def test_kernels_bad_usage() -> None:
    assert_bad_usage(run("bench", "kernels", "--layer", "enormous"), "enormous")
    assert_bad_usage(run("bench", "kernels", "-o", "plot.svg"), "plot.svg")


def test_commands_are_measured_as_whole_processes() -> None:
    told = run("bench", "cli", "--command", "--help", "--command", "figure", "--runs", "1", "--json").json
    assert told["reference"]["ratio"] == 1
    assert [each["name"] for each in told["commands"]] == ["--help", "figure"]
    for each in told["commands"]:
        assert each["seconds"] > 0.01
        assert each["ratio"] == each["processor"] / told["reference"]["processor"]
        assert each["before"] == releases()[told["release"]][each["name"]]
    assert_bad_usage(run("bench", "cli", "--command", "sleep"), "no command 'sleep' to measure; there are --help")


def test_figures_of_releases_are_of_commands_that_are_measured() -> None:
    for version, ratios in releases().items():
        assert set(ratios) <= set(COMMANDS), version
        assert all(ratio > 0 for ratio in ratios.values())


def test_a_command_that_fails_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "--help", ("verify", "--input", "1", "--kernel", "2"))
    assert_bad_usage(run("bench", "cli", "--command", "--help", "--runs", "1"), "does not run", "spans 2")
