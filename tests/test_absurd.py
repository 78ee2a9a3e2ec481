"""Absurd values: whatever is given to whatever option, the answer is one short line and exit status 2, or it is taken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from symconv import Conv
from symconv.cli.main import COMMANDS, MAX_LINE, brief, group
from symconv.formulas.verify import verify
from symconv.layer.parameters import MAX_AXES, MAX_SIZE
from tests.commands import assert_bad_usage, run

#: for each command the fewest words that make it do something
BASE: dict[str, list[str]] = {
    "derive": ["--input", "4", "--kernel", "2"],
    "verify": ["--input", "4", "--kernel", "2"],
    "prove": ["dx"],
    "audit": ["layer.py:db", "--grid", "quick"],
    "generate": ["--input", "4", "--kernel", "2", "-o", "out"],
    "figure": ["window", "--input", "4", "--kernel", "2", "-o", "a.svg"],
    "explore": ["-o", "a.html"],
    "algorithm": ["winograd", "--tile", "2", "--kernel", "3"],
    "bench": ["derive"],
    "cite": [],
}
VALUES = ["9" * 5000, "x" * 5000, "1x" * 3000 + "1", "1e999", "a/" * 3000 + "b", "(" * 5000, "é\n" * 2000, "-1"]


def options() -> list[tuple[str, str, str]]:
    """Every option of every command that takes a value, with another name of it."""
    found = []
    for name in COMMANDS:
        command = group.get_command(click.Context(group), name)
        assert command is not None
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.is_flag:
                found.append((name, parameter.opts[-1], parameter.opts[0]))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("name", "option", "short"), options(), ids=lambda value: value)
def test_any_value_is_answered_in_one_short_line(
    name: str, option: str, short: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = list(BASE.get(name, []))
    for given in (option, short):
        if given in words:
            del words[words.index(given) : words.index(given) + 2]
    for value in VALUES:
        if option == "--output" and len(value) < 250:
            continue  # a name like another
        before = set(tmp_path.iterdir())
        ran = run(name, *words, option, value)
        assert ran.status in (0, 1, 2)
        if ran.status == 2:
            assert_bad_usage(ran)
            assert len(ran.err) < MAX_LINE + 50, (option, value[:20], ran.err[:200])
            assert set(tmp_path.iterdir()) == before


def test_message_keeps_what_is_short() -> None:
    assert brief("--stride 2x1:\n not this") == "--stride 2x1: not this"
    assert brief("x" * 200) == "x" * 24 + "... (200 characters)"
    long = brief("word " * 1000)
    assert len(long) <= MAX_LINE + 10
    assert " ... " in long


@pytest.mark.parametrize("size", ["1000000001", "9223372036854775808"])
@pytest.mark.parametrize(
    "option", ["stride", "padding", "dilation", "input", "kernel", "batch", "in-channels", "groups"]
)
@pytest.mark.parametrize("command", ["verify", "derive", "generate"])
def test_sizes_beyond_the_largest_are_refused(command: str, option: str, size: str) -> None:
    sizes = {"input": "5", "kernel": "3"} | {option: size}
    ran = run(command, *(word for name, value in sizes.items() for word in (f"--{name}", value)))
    assert_bad_usage(ran)
    assert size in ran.err or option == "groups"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (
            ("generate", "--input", "5", "--kernel", "3", "--stride", "1001"),
            "stride 1001 must be at least 1 and at most 1,000",
        ),
        (("generate", "--input", "9000", "--kernel", "2", "--dilation", "1001"), "dilation 1001 must be at least 1"),
        (("audit", "layer.py:db", "--time-limit", "1e999"), "time limit inf"),
        (("audit", "layer.py:db", "--time-limit", "1e300"), "must be at most 31,536,000 seconds"),
        (("audit", "layer.py:db", "--memory-limit", "9" * 20), "1,000,000,000 megabytes"),
        (("audit", "layer.py:db", "--jobs", "1000000"), "jobs 1000000 must be at least 1 and at most 1,000"),
        (("audit", "layer.py:db", "--seed", "-7"), "-7"),
        (
            ("verify", "--input", "5", "--kernel", "x".join("1" * 20)),
            f"kernel has 20 axes; there can be at most {MAX_AXES}",
        ),
        (("verify", "--input", "1000000000", "--kernel", "1000000000"), "has 1,000,000,001 terms, more than"),
        (("verify", "--input", "1000000000", "--kernel", "1", "--stride", "1000000000"), "builds an array of shape"),
    ],
    ids=lambda value: " ".join(value)[:50] if isinstance(value, tuple) else "",
)
def test_known_offenders(args: tuple[str, ...], told: str) -> None:
    assert_bad_usage(run(*args), told)


def test_terms_of_the_largest_layers_are_counted_at_once() -> None:
    layer = Conv(MAX_SIZE, MAX_SIZE, padding=MAX_SIZE, stride=7, dilation=1, bias=False)
    assert layer.terms == MAX_SIZE**2 // 7  # every row of x is met by every seventh pair
    for each in (
        Conv(12, 5, stride=4, padding=((7, 9),), dilation=2, bias=False),
        Conv(3, 9, padding=13, dilation=3, bias=False),
    ):
        (a,) = each.axes
        pairs = [(o, k) for o in range(a.O) for k in range(a.K) if 0 <= a.s * o + a.d * k - a.p < a.H]
        assert each.terms == len(pairs)


def test_what_is_too_large_to_build_is_no_verdict() -> None:
    with pytest.raises(ValueError, match="builds an array"):
        verify(Conv(8000, 2), ["dx = correlate(crop(pad(dy, 9000*H), 9000*H), w)"])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize(
    "args", [("derive", *BASE["derive"]), ("verify", *BASE["verify"]), ("prove", "dx"), ("--help",)]
)
def test_standard_output_that_is_full(args: tuple[str, ...]) -> None:
    code = f"from symconv.cli import main; main({args!r})"
    with open("/dev/full", "w") as full:
        ran = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stderr == "symconv: cannot read or write the output: no space left on device\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "status"),
    [
        (("--jobs", "1000"), 0),
        (("--time-limit", "1e-300"), 1),
        (("--seed", "9" * 30), 0),
        (("--in-channels", "999999999"), 1),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="audits need POSIX")
def test_an_audit_ends_with_a_status_of_its_own(options: tuple[str, ...], status: int, tmp_path: Path) -> None:
    """Values that are allowed and absurd: the whole process, with its workers, ends as the command line says it does."""
    (tmp_path / "layer.py").write_text(
        "def db(x, w, b, dy, stride, padding):\n    return {'db': dy.sum(axis=tuple(range(2, dy.ndim))).sum(axis=0)}\n"
    )
    words = ["audit", "layer.py:db", "--input", "4..5", "--kernel", "2", "--padding", "0", "--stride", "1", "--no-proof",
             "--once", "--convention", "plain", *options]  # fmt: skip
    code = f"from symconv.cli import main; main({words!r})"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == status, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
