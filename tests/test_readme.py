"""README's commands do what it shows: every console block is run, its output compared; ``...`` stands for what varies."""

from __future__ import annotations

import doctest
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import symconv
from tests.commands import run

README = Path(__file__).parent.parent / "README.md"


def console_blocks() -> list[tuple[str, str]]:
    """Each ``$ symconv ...`` of the README with the output shown under it."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for command, output in re.findall(r"^\$ (.*?)\n((?:(?!\$ ).*\n)*)", block.replace("\\\n", ""), re.MULTILINE):
            found.append((command, output))
    return found


@pytest.mark.parametrize(
    ("command", "output"), console_blocks(), ids=[" ".join(c.split()) for c, _ in console_blocks()]
)
def test_command_prints_what_readme_shows(
    command: str, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = shlex.split(command.split("#")[0])
    assert words[0] == "symconv", command
    monkeypatch.chdir(tmp_path)
    for file, text in files().items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    ran = run(*words[1:])
    assert ran.status in (0, 1), ran.err
    got = "\n".join(line.rstrip() for line in ran.out.splitlines()) + "\n"
    wanted = "\n".join(line.rstrip() for line in output.splitlines()) + "\n"
    checker = doctest.OutputChecker()
    assert checker.check_output(wanted, got, doctest.ELLIPSIS), f"README shows\n{wanted}\nbut it prints\n{got}"


def files() -> dict[str, str]:
    """The files README shows: a python block whose first line is ``# NAME.py``, a markdown one with ``<!-- NAME.md -->``."""
    text = README.read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    articles = re.findall(r"^```markdown\n<!-- (\w+\.md) -->\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return dict(programs + articles)


@pytest.mark.slow
def test_readmes_test_file_says_what_readme_shows(tmp_path: Path) -> None:
    for file, text in files().items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_layer.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "1 failed, 45 passed" in ran.stdout, ran.stdout
    shown = re.search(
        r"^```text\n(AssertionError.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert shown is not None
    failure = "".join(f"{line[1:].strip()}\n" for line in ran.stdout.splitlines() if line.startswith("E "))
    assert doctest.OutputChecker().check_output(shown.group(1), failure, doctest.ELLIPSIS), failure


def test_readme_shows_commands() -> None:
    shown = {command.split()[1] for command, _ in console_blocks()}
    assert {"derive", "verify", "prove", "audit", "generate"} <= shown


def test_rooms_in_readme_exist() -> None:
    map_of_rooms = re.search(
        r"^```text\nsymconv/\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert map_of_rooms is not None
    named = {line.split()[0].rstrip("/") for line in map_of_rooms.group(1).splitlines() if re.match(r"  \S", line)}
    package = README.parent / "symconv"
    rooms = {p.name for p in package.iterdir() if (p.is_dir() and (p / "__init__.py").exists()) or p.suffix == ".py"}
    assert named == rooms - {"__init__.py"}


def test_limits_are_those_of_the_code() -> None:
    from symconv.audits import grids
    from symconv.cli import options
    from symconv.layer.conv import MAX_TERMS
    from symconv.layer.gradients import MAX_SYMPY_TERMS
    from symconv.layer.parameters import MAX_SIZE
    from symconv.proof.prover import MAX_STEP

    text = README.read_text(encoding="utf-8")
    limits = " ".join(re.findall(r"^## Limits\n\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)[0].split())
    stated = [int(number.replace(",", "")) for number in re.findall(r"[0-9][0-9,]*[0-9]", limits)]
    assert stated == [MAX_TERMS, options.MAX_VALUES, grids.MAX_AUDITED, MAX_SIZE, MAX_STEP, MAX_SYMPY_TERMS]


def test_changes_end_with_this_version() -> None:
    changes = README.read_text(encoding="utf-8").partition("\n## Changes\n")[2]
    assert re.findall(r"^([0-9.]+):", changes, re.MULTILINE)[0] == symconv.__version__
