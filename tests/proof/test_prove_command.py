"""``symconv prove`` as its users meet it, mistakes included."""

from __future__ import annotations

import pytest
import z3

from tests.commands import assert_bad_usage, run

TEXTBOOK = "dx = correlate(pad(dilate(dy, s), K - 1 - p), flip(w))"


def test_proved():
    ran = run("prove", "dx", "--stride", "2", "--dilation", "3")
    assert ran.status == 0
    assert "PROVED" in ran.out
    assert "every H, K >= 1" in ran.out


def test_grid():
    ran = run("prove", TEXTBOOK, "--stride", "1..3", "--json")
    assert ran.status == 1
    results = ran.json["results"]
    assert [(r["stride"], r["verdict"]) for r in results] == [(1, "PROVED"), (2, "REFUTED"), (3, "REFUTED")]
    assert results[0]["condition"] is None
    assert results[1]["condition"] == "(H + 2*p - K) mod 2 == 0"
    found = results[1]["counterexample"]
    assert found["sizes"] == {"H": 2, "K": 1, "p": 0, "q": 0, "O": 1, "r": 1, "s": 2, "d": 1}
    assert (found["index"], found["kind"], found["replayed"]) == (1, "length", True)
    assert {"formula", "target", "scope", "seconds"} <= set(results[0])


def test_report_of_a_refutation():
    ran = run("prove", TEXTBOOK, "--stride", "1..3")
    assert ran.status == 1
    for told in ("REFUTED  (H + 2*p - K) mod 3 == 0", "stride 2, dilation 1", "fails at", "verify agrees", "<- differs",
                 "1 entry instead of 2", "1 PROVED, 2 REFUTED of 3"):  # fmt: skip
        assert told in ran.out, told
    assert ran.err == ""


def test_several_ways_to_say_strides():
    assert len(run("prove", "db", "--stride", "1,3..4", "--json").json["results"]) == 3
    (result,) = run("prove", "y", "--stride", "any", "--dilation", "any", "--json").json["results"]
    assert (result["stride"], result["dilation"], result["verdict"]) == ("any", "any", "PROVED")


def test_transposed_and_padding():
    assert run("prove", "y", "--transposed", "--stride", "2", "--dilation", "3").status == 0
    assert run("prove", "y = correlate(pad(x, p), w)").status == 0
    assert run("prove", "y = correlate(pad(x, p), w)", "--padding", "free").status == 1


def test_second_opinion():
    assert "z3: unsat" in run("prove", "dw", "--stride", "2", "--second-opinion").out
    assert "z3: sat" in run("prove", TEXTBOOK, "--stride", "1..2", "--second-opinion").out


def test_full_condition():
    text = "dx = correlate(pad(dilate(dy, s), d*(K-1) - p, d*(K-1) - q + r), w, dilation=d)"
    short, full = run("prove", text, "--stride", "2"), run("prove", text, "--stride", "2", "--full-condition")
    assert "K == 1, apart from degenerate sizes (only the middle tap meets the input)" in short.out
    assert "exactly" in full.out
    assert "exactly" not in short.out


def test_limit():
    ran = run("prove", "dx", "--max-operations", "10", "--json")
    (result,) = ran.json["results"]
    assert (ran.status, result["verdict"], result["counterexample"]) == (1, "UNKNOWN", None)
    assert "limit of 10" in result["reason"]


def test_export_smtlib(tmp_path):
    path = tmp_path / "claim.smt2"
    ran = run("prove", "dx", "--stride", "any", "--dilation", "any", "--export", "smtlib", "-o", str(path))
    assert (ran.status, ran.out) == (0, "")
    solver = z3.Solver()
    solver.from_file(str(path))
    assert str(solver.check()) == "unsat"
    assert run("prove", "dx", "--export", "smtlib").out.endswith("(check-sat)\n")


def test_export_latex(tmp_path):
    path = tmp_path / "theorem.tex"
    assert run("prove", "dx", "--export", "latex", "-o", str(path)).status == 0
    assert path.read_text().count(r"\begin{theorem}") == 1
    assert run("prove", TEXTBOOK, "--stride", "1..2", "--export", "latex").out.count(r"\end{proof}") == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["dz"], ["column 1", "dz"]),
        (["dx = correlate(pad(dy, z), flip(w))"], ["column 24", "unknown name 'z'", "H K O p q s d r"]),
        (["dx = correlate(pad(dy, p*K), flip(w))"], ["column 24", "not affine"]),
        (["dx = correlate(dy, w)\n+ 1"], ["column"]),
        (["dx = __import__('os')"], ["column 17"]),
        (["dx", "--stride", "0"], ["stride 0", "at least 1"]),
        (["dx", "--stride", "3..1"], ["3..1", "empty"]),
        (["dx", "--stride", "x"], ["--stride x"]),
        (["dx", "--dilation", "1.5"], ["--dilation 1.5"]),
        (["dx", "--stride", "1..200", "--dilation", "1..200"], ["40,000", "10,000"]),
        (["dx", "--padding", "same"], ["padding"]),
        (["dx", "--max-operations", "0"], ["max-operations"]),
        (["dx", "-o", "x.tex"], ["x.tex", "--export"]),
        (["dx", "--stride", "1..2", "--export", "smtlib"], ["one claim, not 2"]),
        (["dx", "--export", "smtlib", "-o", "/no/such/folder/claim.smt2"], ["/no/such/folder"]),
        (["dx = correlate(dy, shuffle(w))"], ["channels", "verify"]),
        ([], ["FORMULA"]),
    ],
    ids=range(17),
)
def test_bad_usage(arguments, told):
    assert_bad_usage(run("prove", *arguments), *told)
