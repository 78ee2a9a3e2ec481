"""How long the commands take, as whole processes: start-up, imports and work, beside what the last release took.

Seconds differ from machine to machine; what is compared is the processor time of the process and its children, as a ratio to
that of ``python -c "import sympy"``, measured in turn with it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

__all__ = ["COMMANDS", "CommandBenchmark", "Timing", "releases", "run"]

LAYER = ("--input", "5x6", "--kernel", "3x2", "--stride", "2", "--padding", "1")

#: name -> the words after ``symconv``
COMMANDS: dict[str, tuple[str, ...]] = {
    "--help": ("--help",),
    "derive": ("derive", "--input", "4x4", "--kernel", "2x2"),
    "derive, HTML": ("derive", "--input", "4x4", "--kernel", "2x2", "--format", "html"),
    "verify, 9 cases": ("verify", "--input", "5x6", "--kernel", "3x2", "--stride", "1..3", "--padding", "0..2"),
    "verify, ResNet-50": ("verify", "--model", "resnet50"),
    "prove, stride 2": ("prove", "dx", "--stride", "2"),
    "prove, any stride": ("prove", "dx", "--stride", "any", "--dilation", "any"),
    "figure": ("figure", "window", *LAYER, "-o", "window.svg"),
    "audit, 45 cases": ("audit", "layer.py:db", "--grid", "quick"),
    "generate": ("generate", *LAYER, "-o", "out"),
}

#: what ``audit`` is given
AUDITED = 'def db(x, w, b, dy, stride, padding):\n    return {"db": dy.sum(axis=(0, 2, 3))}\n'

_START = "import sys; from symconv.cli import main; main(sys.argv[1:])"


@dataclass(frozen=True)
class Timing:
    """A command: ``seconds`` on the clock and ``processor`` seconds, medians; ``ratio`` to importing SymPy."""

    name: str
    seconds: float
    processor: float
    ratio: float
    before: float | None


@dataclass(frozen=True)
class CommandBenchmark:
    """Every command, and the release they are beside."""

    reference: Timing
    commands: tuple[Timing, ...]
    release: str

    def to_dict(self) -> dict[str, Any]:
        return {
            "release": self.release,
            "reference": vars(self.reference),
            "commands": [vars(each) for each in self.commands],
        }

    def __repr__(self) -> str:
        return f"<{len(self.commands)} commands beside {self.release}>"


def releases() -> dict[str, dict[str, float]]:
    """Version -> command -> ratio, oldest first."""
    return tomllib.loads(resources.files(__package__).joinpath("releases.toml").read_text(encoding="utf-8"))


def run(
    names: tuple[str, ...] = (), runs: int = 3, started: Callable[[str], None] = lambda name: None
) -> CommandBenchmark:
    """Run every command (or those of ``names``) ``runs`` times in a folder that is removed afterwards.

    Raises ValueError for an unknown name, and where a command fails.
    """
    if unknown := [name for name in names if name not in COMMANDS]:
        raise ValueError(f"no command {unknown[0]!r} to measure; there are {', '.join(COMMANDS)}")
    release, before = list(releases().items())[-1]
    found: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "layer.py").write_text(AUDITED)
        for _ in range(runs):
            started("import sympy")
            found.setdefault("", []).append(_timed(["-c", "import sympy"], folder))
            for name in names or COMMANDS:
                started(name)
                found.setdefault(name, []).append(_timed(["-c", _START, *COMMANDS[name]], folder))
    medians = {name: tuple(map(statistics.median, zip(*each, strict=True))) for name, each in found.items()}
    unit = medians.pop("")
    timings = tuple(_timing(name, each, unit[1], before) for name, each in medians.items())
    return CommandBenchmark(_timing('python -c "import sympy"', unit, unit[1], {}), timings, release)


def _timing(name: str, median: tuple[float, ...], unit: float, before: Mapping[str, float]) -> Timing:
    return Timing(name, median[0], median[1], median[1] / unit, before.get(name))


def _timed(arguments: list[str], folder: str) -> tuple[float, float]:
    """Seconds on the clock and of the processor, of a Python process and those it starts and waits for."""
    before, began = os.times(), time.perf_counter()
    ran = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    seconds, after = time.perf_counter() - began, os.times()
    if ran.returncode == 2 or "Traceback" in ran.stderr:
        raise ValueError(f"{' '.join(arguments[2:]) or arguments[1]} does not run: {ran.stderr.strip()[-200:]}")
    return seconds, sum(after[2:4]) - sum(before[2:4])
