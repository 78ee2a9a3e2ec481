"""What all commands share: the map, start-up, options, errors."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from symconv import __version__
from symconv.cli.main import COMMANDS, group
from symconv.cli.options import alternatives
from tests.commands import assert_bad_usage, run


def test_help_is_the_map() -> None:
    ran = run("--help")
    assert ran.status == 0
    for name, text in COMMANDS.items():
        assert name in ran.out
        assert text.split()[0] in ran.out
    assert run().out == ran.out
    assert "exit status" in ran.out.lower()


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(name: str) -> None:
    ran = run(name, "--help")
    assert ran.status == 0
    assert f"Usage: symconv {name}" in ran.out
    command = group.get_command(click.Context(group), name)
    assert command is not None
    assert command.name == name


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["prove", "--help"], ["verify", "--help"]])
def test_start_up_does_not_load_sympy(args: list[str]) -> None:
    code = (
        "import sys\nfrom symconv.cli import main\n"
        f"try: main({args!r})\nexcept SystemExit: pass\n"
        "assert 'sympy' not in sys.modules, 'sympy'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_version() -> None:
    assert run("--version").out.startswith("symconv, version 0.")


def test_unknown_command_and_option() -> None:
    assert_bad_usage(run("derivee"), "no command 'derivee'; there are: derive, verify")
    assert_bad_usage(run("--colour"), "--colour")


def test_closed_pipe_is_no_error() -> None:
    code = "from symconv.cli import main; main(['verify', '--input', '5', '--kernel', '2'])"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert b"Traceback" not in told


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("stride", "2", [2]),
        ("stride", "1..3", [1, 2, 3]),
        ("stride", "2x1", [(2, 1)]),
        ("stride", "1..2x5", [(1, 5), (2, 5)]),
        ("input", "5x6x7", [(5, 6, 7)]),
        ("padding", "same", ["same"]),
        ("padding", "1,2", [((1, 2),)]),
        ("padding", "1,2x0,1", [((1, 2), (0, 1))]),
        ("padding", "1x0,1", [(1, (0, 1))]),
        ("padding", "0..1,2", [((0, 2),), ((1, 2),)]),
    ],
)
def test_sizes_are_read(name: str, text: str, values: list[object]) -> None:
    assert alternatives(name, text) == values


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("input", "5xa", "--input 5xa: 'a' is not a whole number or a range such as 1..3"),
        ("stride", "", "--stride : '' is not a whole number"),
        ("stride", "1.5", "'1.5' is not a whole number"),
        ("stride", "3..1", "the range 3..1 is empty"),
        ("stride", "2,1", "--stride 2,1: values for the axes are joined by x"),
        ("padding", "1,2,3", "values for the axes are joined by x"),
        ("output_padding", "1..999999", "--output-padding 1..999999: the range 1..999999 has more than 100,000 values"),
        ("padding", "1..999x1..999", "more than 100,000"),
    ],
)
def test_sizes_are_refused(name: str, text: str, told: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        alternatives(name, text)
    assert told in caught.value.message


def test_cite() -> None:
    entry = run("cite").out
    assert entry.count("{") == entry.count("}")
    assert f"version = {{{__version__}}}" in entry
    for line in ("cff-version: 1.2.0", "title: symconv", f"version: {__version__}", "license: MIT"):
        assert line in run("cite", "--format", "cff").out.splitlines()
    assert run("cite", "--json").json["version"] == __version__
    assert f"Version {__version__}." in run("cite", "--format", "text").out
