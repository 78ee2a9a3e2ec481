"""``symconv derive``: what it shows, what it writes, what it refuses."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from symconv import Conv
from symconv.article import document, render
from symconv.formulas.standard import STANDARD
from symconv.formulas.tree import Correlate, Move
from tests.commands import assert_bad_usage, run

LINE = ["derive", "--input", "4", "--kernel", "2"]
PLANE = ["derive", "--input", "5x6", "--kernel", "3x2", "--stride", "2x1", "--padding", "1,0x0,2", "--in-channels", "2"]


def test_shows_the_whole_derivation() -> None:
    ran = run(*LINE)
    assert (ran.status, ran.err) == (0, "")
    for line in (
        "  y₁ = w₁·x₁ + w₂·x₂ + b",
        "  ∂y / ∂x = ⎢ 0   w₁  w₂  0  ⎥",
        "  dw₁ = dy₁·x₁ + dy₂·x₂ + dy₃·x₃",
        "  dx₂ = dy₁·w₂ + dy₂·w₁",
        "  dw = [ x₁  x₂  x₃  x₄ ] ⋆ [ dy₁  dy₂  dy₃ ]",
        "  dx = [ 0  dy₁  dy₂  dy₃  0 ] ⋆ [ w₂  w₁ ]",
        "✓ All 10 entries of the formulas agree.",
    ):
        assert f"\n{line}\n" in ran.out
    assert "\x1b" not in ran.out
    assert ran.out == render(Conv(input=4, kernel=2), "text")


@pytest.mark.parametrize("format", ["latex", "markdown", "text"])
def test_formats_are_those_of_render(format: str) -> None:
    conv = Conv(input=(5, 6), kernel=(3, 2), stride=(2, 1), padding=((1, 0), (0, 2)), in_channels=2)
    assert run(*PLANE, "--format", format).out == render(conv, format)


def test_json_is_the_document() -> None:
    ran = run(*PLANE, "--json", "--loss", "squared")
    conv = Conv(input=(5, 6), kernel=(3, 2), stride=(2, 1), padding=((1, 0), (0, 2)), in_channels=2)
    assert ran.status == 0
    assert ran.json == document(conv, loss="squared").to_dict()
    assert Conv(**ran.json["conv"]) == conv


@pytest.mark.parametrize(
    ("name", "begins"), [("a.tex", r"\documentclass"), ("a.md", "# The"), ("a.txt", "The"), ("a", "The")]
)
def test_file_name_decides_the_format(name: str, begins: str, tmp_path: Path) -> None:
    path = tmp_path / name
    ran = run(*LINE, "-o", str(path))
    assert (ran.status, ran.out, ran.err) == (0, "", f"wrote {path}\n")
    assert path.read_text(encoding="utf-8").startswith(begins)
    beside = [each.name for each in tmp_path.iterdir() if each.name != name]
    # Markdown has its pictures beside it, and names each of them
    assert bool(beside) == (name == "a.md")
    assert all(f"]({each})" in path.read_text(encoding="utf-8") for each in beside)
    run(*LINE, "-o", str(path), "--format", "markdown")
    assert path.read_text(encoding="utf-8").startswith("# The gradients")


def test_language_sections_and_detail_are_those_of_document() -> None:
    conv = Conv(input=4, kernel=2)
    ran = run(*LINE, "--lang", "fr", "--sections", "summary, forward", "--detail", "brief", "--format", "markdown")
    assert ran.out == document(conv, "fr", sections=["forward", "summary"], detail="brief").render("markdown")
    assert run(*LINE, "--fragment").out == document(conv).render("latex", fragment=True)


def test_front_matter_is_written_as_it_is_given() -> None:
    """``--front-matter title=... date=...``: the pairs may follow each other."""
    ran = run(*LINE, "--sections", "setting", "--front-matter", "title=One", "date=2024-05-01", "categories=a b")
    assert ran.out.startswith('---\ntitle: "One"\ndate: 2024-05-01\ncategories: ["a", "b"]\n---\n\ninput $$4$$')
    assert run(*LINE, "--sections", "setting", "--front-matter", "title=One", "--dialect", "github").out.startswith(
        "---\ntitle"
    )


def test_json_goes_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    assert run(*LINE, "-o", str(path), "--json").status == 0
    assert json.loads(path.read_text(encoding="utf-8"))["ok"] is True


def test_mistakes_are_one_line_and_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "kept.tex"
    path.write_text("mine")
    out = ["-o", str(path)]
    assert_bad_usage(run("derive", "--input", "4", "--kernel", "5", *out), "kernel 5", "input 4")
    assert_bad_usage(run("derive", "--kernel", "2", *out), "--input")
    assert_bad_usage(run("derive", "--input", "4..6", "--kernel", "2", *out), "--input 4..6", "not a range")
    assert_bad_usage(run(*LINE, "--max-terms", "8", *out), "9 terms", "max_terms=8")
    assert_bad_usage(run(*LINE, "--loss", "hinge", *out), "hinge", "squared")
    assert_bad_usage(run(*LINE, "--format", "docx", *out), "docx", "latex")
    assert_bad_usage(run(*LINE, "--sections", "setting,check", *out), "'check'", "summary")
    assert_bad_usage(run(*LINE, "--sections", ",", *out), "no section is named")
    assert_bad_usage(run(*LINE, "--detail", "long", *out), "long", "brief")
    assert_bad_usage(run(*LINE, "--fragment", "--format", "markdown", *out), "--fragment", "--format markdown")
    assert_bad_usage(run(*LINE, "--fragment", "--front-matter", "a=b", *out), "--front-matter", "--format latex")
    assert_bad_usage(run(*LINE, "--dialect", "wiki", *out), "wiki", "jekyll")
    assert_bad_usage(run(*LINE, "--front-matter", "title", *out), "title", "key=value")
    assert_bad_usage(run(*LINE, "--front-matter", "a b=c", *out), "'a b'", "front matter")
    assert_bad_usage(run(*LINE, "4x4", *out), "4x4", "--help")
    assert_bad_usage(run(*LINE, "--lang", "xx", *out), "xx", "en")
    assert_bad_usage(run(*LINE, "--json", "--format", "latex", *out), "--json", "--format latex")
    assert_bad_usage(
        run("derive", "--input", "5", "--kernel", "2", "--in-channels", "3", "--groups", "2", *out), "groups 2", "3"
    )
    assert path.read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_places_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    assert_bad_usage(run(*LINE, "-o", str(tmp_path / "no" / "a.tex")), "cannot write", "no/a.tex")
    assert_bad_usage(run(*LINE, "-o", str(tmp_path)), str(tmp_path))


def test_wrong_formula_ends_with_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    right = STANDARD[False, "dx"]
    assert isinstance(right.body, Correlate)
    assert isinstance(right.body.filter, Move)
    assert right.body.filter.name == "flip"
    unflipped = replace(right, body=replace(right.body, filter=right.body.filter.operand))
    monkeypatch.setitem(STANDARD, (False, "dx"), unflipped)
    ran = run(*LINE)
    assert ran.status == 1
    assert "✗ Formulas and derivative do not agree." in ran.out
    assert "4 differ" in ran.out
    assert "[ w₁  w₂ ]" in ran.out  # what is drawn is the formula, right or wrong


@pytest.mark.slow
def test_terminal_has_colours_and_its_width() -> None:
    """On a terminal of 80 columns: colours, and no line beyond them."""
    reader, writer = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "40", "PYTHONIOENCODING": "utf-8"}
    env.pop("NO_COLOR", None)
    command = [
        sys.executable,
        "-c",
        "from symconv.cli import main; main()",
        "derive",
        "--input",
        "4x4",
        "--kernel",
        "2",
    ]
    with subprocess.Popen(command, stdout=writer, env=env) as process:
        os.close(writer)
        chunks = []
        while True:
            try:
                chunk = os.read(reader, 65536)
            except OSError:
                break
            if not chunk:
                break
            chunks.append(chunk)
    os.close(reader)
    text = b"".join(chunks).decode().replace("\r\n", "\n")
    assert process.returncode == 0
    assert "\x1b[1mThe gradients of a convolution\x1b[0m" in text
    assert "\x1b[36mdy₁₁\x1b[0m" in text
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    mathematics = plain.partition("\nThe algorithm\n")[0]  # code is as wide as it is
    assert max(map(len, mathematics.splitlines())) <= 80
    assert plain == document(Conv(input=(4, 4), kernel=2), budget=64).render("text", 80)


def test_bib_writes_the_works_beside_what_cites_them(tmp_path: Path) -> None:
    part, works = tmp_path / "part.tex", tmp_path / "works.bib"
    ran = run(*LINE, "--fragment", "--bib", str(works), "-o", str(part), "--sections", "references")
    assert ran.status == 0, ran.err
    [cited] = re.findall(r"\\nocite\{([^{}]*)\}", part.read_text(encoding="utf-8"))
    known = re.findall(r"^@\w+\{([^,]+),", works.read_text(encoding="utf-8"), re.M)
    assert len(cited.split(",")) >= 4
    assert set(cited.split(",")) <= set(known)
    assert_bad_usage(run(*LINE, "--bib", str(works)), "--bib", "-o PATH")


def test_a_name_with_a_space_and_an_address_with_one(tmp_path: Path) -> None:
    path = tmp_path / "my post.md"
    assert run(*LINE, "--sections", "forward", "-o", str(path)).status == 0
    assert (tmp_path / "my post-window.svg").is_file()
    assert "](my%20post-window.svg)" in path.read_text("utf-8")
    assert_bad_usage(run(*LINE, "--figure-path", "a b", "-o", str(path)), "path 'a b': an address has no spaces")
    assert_bad_usage(run(*LINE, "--notation", "none.toml"), "none.toml: No such file")
