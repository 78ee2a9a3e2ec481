"""``symconv verify``: grids, tables, JSON, exit status."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import assert_bad_usage, run

GRID = ["--input", "5x6", "--kernel", "3x2", "--stride", "1..3", "--padding", "0..2", "--dilation", "1..2"]
GROUPS = ["--in-channels", "2", "--out-channels", "4", "--groups", "2"]


def test_grid_holds_in_all_18_cases() -> None:
    ran = run("verify", *GRID, *GROUPS, "--json")
    assert ran.status == 0
    assert {key: ran.json[key] for key in ("ok", "cases", "mismatches", "impossible")} == {
        "ok": True, "cases": 18, "mismatches": [], "impossible": []}  # fmt: skip
    assert ran.json["entries"] == 2624


def test_table_names_what_varies_and_says_what_is_fixed() -> None:
    ran = run("verify", *GRID, *GROUPS)
    assert ran.out.startswith("input 5x6, kernel 3x2, channels 2 to 4, groups 2\n")
    assert ran.out.count("equal  equal  equal  equal") == 18
    assert "18 cases, 2,624 entries: every formula equals the derivative." in ran.out
    assert "for these sizes only" in ran.out


def test_impossible_cases_are_counted_apart() -> None:
    ran = run("verify", "--input", "5", "--kernel", "3", "--dilation", "1..4", "--json")
    assert (ran.status, ran.json["cases"]) == (0, 2)
    assert [each["parameters"]["dilation"] for each in ran.json["impossible"]] == [3, 4]
    assert "spans 7, but input 5" in ran.json["impossible"][0]["reason"]
    assert "2 more are no convolution" in run("verify", "--input", "5", "--kernel", "3", "--dilation", "1..4").out


def test_wrong_formula_ends_with_status_1_and_shows_the_terms() -> None:
    args = ["verify", "--input", "6", "--kernel", "3", "--stride", "1..2", "--padding", "1",
            "--formula", "dx = correlate(pad(dilate(dy, s), K-1-p), flip(w))", "--formula", "dw"]  # fmt: skip
    ran = run(*args)
    assert ran.status == 1
    assert "1 of 2 cases differs from the derivative." in ran.out
    assert "missing     dy_{3}*w_{3}" in ran.out
    told = run(*args, "--json").json
    assert (told["ok"], told["cases"], len(told["mismatches"])) == (False, 2, 2)
    assert told["mismatches"][0]["conv"]["stride"] == [2]


def test_transposed_layer() -> None:
    ran = run("verify", "--input", "3x4", "--kernel", "3x2", "--stride", "2..3", "--output-padding", "0..1", "--transposed",
              "--padding", "1,0x0,1", "--in-channels", "2", "--json")  # fmt: skip
    assert (ran.status, ran.json["cases"], ran.json["ok"]) == (0, 4, True)


def test_large_grid_shows_only_what_differs() -> None:
    formula = ["--formula", "dx = correlate(pad(dilate(dy, s), K-1-p), flip(w))"]
    ran = run("verify", "--input", "6..36", "--kernel", "3", "--stride", "1..2", "--padding", "1", *formula)
    assert "(only cases that differ are shown, 16 of 16)" in ran.out
    assert "16 of 62 cases differ" in ran.out


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--kernel", "2"], "--input"),
        (["--input", "5"], "--kernel"),
        (["--input", "2", "--kernel", "3"], "kernel 3 with dilation 1 spans 3, but input 2"),
        (["--input", "5", "--kernel", "2x2", "--stride", "1x1x1"], "disagree on the number of axes"),
        (["--input", "200x200", "--kernel", "12", "--by", "entries"], "5,179,545 terms, more than max_terms=5,000,000"),
        (
            ["--input", "200x200", "--kernel", "12", "--formula", "dx = correlate(shuffle(dy), w)"],
            "5,179,545 terms, more than max_terms=5,000,000",
        ),
        (["--input", "9", "--kernel", "2", "--max-terms", "10", "--by", "entries"], "more than max_terms=10"),
        (["--input", "9", "--kernel", "2", "--by", "axes", "--formula", "dx = correlate(shuffle(dy), w)"], "by axes"),
        (["--model", "resnet50", "--input", "9"], "--model resnet50 has its own --input"),
        (["--model", "resnet51"], "there are convnext_tiny, resnet50, unet3d"),
        (["--model", "nothing.toml"], "cannot read 'nothing.toml'"),
        (["--input", "1..999", "--kernel", "1..999"], "the grid has 998,001 cases, more than 100,000"),
        (["--input", "9", "--kernel", "2", "--formula", "dx = correlate(dz, w)"], "column 16"),
        (["--input", "9", "--kernel", "2", "--batch", "two"], "two"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_usage(args: list[str], told: str) -> None:
    assert_bad_usage(run("verify", *args), told)


@pytest.mark.parametrize("name", ["resnet50", "convnext_tiny", "unet3d"])
def test_every_layer_of_a_network(name: str) -> None:
    ran = run("verify", "--model", name, "--json")
    assert ran.status == 0
    assert (ran.json["ok"], ran.json["by"]) == (True, ["axes"])
    assert ran.json["cases"] == {"resnet50": 53, "convnext_tiny": 58, "unet3d": 18}[name]
    told = run("verify", "--model", name).out
    assert (
        f"{ran.json['cases']} convolutions, {ran.json['entries']:,} entries: every formula equals the derivative."
        in told
    )
    assert told.endswith("Exact, by axes, for these sizes only.\n")


def test_a_table_of_ones_own_and_a_formula_that_is_wrong_on_some_of_its_layers(tmp_path: Path) -> None:
    table = tmp_path / "mine.toml"
    table.write_text(
        'layers = [\n{name = "one", input = [400, 300], kernel = 3, in_channels = 16, out_channels = 8},\n'
        '{name = "two", times = 2, input = [400, 300], kernel = 3, in_channels = 8, out_channels = 8, stride = 2, padding = 1}]'
    )
    args = ("verify", "--model", str(table), "--batch", "5")
    assert run(*args).status == 0
    ran = run(*args, "--formula", "dx = correlate(pad(dy, d*(K - 1) - p, d*(K - 1) - q + r), flip(w), dilation=d)")
    assert ran.status == 1
    assert "First mismatches, two, Conv(input=(400, 300)" in ran.out
    assert "2 of 3 convolutions differ from the derivative." in ran.out
    assert "formula     shape (5, 8, 200, 150)" not in ran.out
    assert "(8 terms)" in ran.out or "terms)" in ran.out
    table.write_text("layers = 3")
    assert_bad_usage(run(*args), "it has no list of layers")
    table.write_text('layers = [{name = "one", input = 3, kernel = 5}]')
    assert_bad_usage(run(*args), "one: kernel 5 with dilation 1 spans 5, but input 3")
    table.write_text("layers = [{input = 3, kernel = 2, colour = 5}]")
    assert_bad_usage(run(*args), "layer 1", "colour")
    table.write_text("layers = [")
    assert_bad_usage(run(*args), "mine.toml")
