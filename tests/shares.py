"""What a run takes of the tests, by how long they were measured to take.

    pytest                 every quick case; of a function that takes long as many cases as fit in SHARE, at least one;
                           of a function of which a single case is LONG nothing
    pytest -m "not slow"   what is quick
    pytest --all           every case
    pytest --rest          what `pytest` leaves out: the two together are `--all`
    pytest --sweep         every case, and the long enumerations (marked `sweep`)

A run that names files, tests or `-k` takes every case that it names but the sweeps. ``times.txt`` holds the seconds of a
function, all its cases together, or of a fixture, where they are more than a fifth; `pytest --all --measure` in one process on an
idle machine writes it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

__all__ = ["LEAST", "SLOW", "TIMES", "is_slow", "of_fixture", "of_function", "share", "times", "written"]

TIMES = Path(__file__).with_name("times.txt")

#: seconds: what is written down; what is marked slow; what a function's share is; one case that waits for --all
LEAST, SLOW, SHARE, LONG = 0.2, 0.3, 0.7, 2.6


def of_function(name: str) -> str:
    """The test function of a case."""
    return name.partition("[")[0]


def of_fixture(file: str, name: str) -> str:
    return f"{file}::@{name}"


def is_slow(item: pytest.Item, taken: Mapping[str, float]) -> bool:
    """Whether a function, or what it waits for, was measured to take long."""
    file = item.nodeid.partition("::")[0]
    names = [of_function(item.nodeid), *(of_fixture(file, name) for name in getattr(item, "fixturenames", ()))]
    return any(taken.get(name, 0.0) > SLOW for name in names)


def times() -> dict[str, float]:
    """The seconds of each function that takes long, all its cases together."""
    pairs = (line.split(" ", 1) for line in TIMES.read_text(encoding="utf-8").splitlines())
    return {name: float(seconds) for seconds, name in pairs}


def written(taken: Mapping[str, float]) -> None:
    lines = [f"{seconds:.1f} {name}\n" for name, seconds in sorted(taken.items()) if seconds > LEAST]
    TIMES.write_text("".join(lines), encoding="utf-8")


def share(items: Iterable[pytest.Item], taken: Mapping[str, float]) -> set[str]:
    """The names of the cases of a plain run, spread evenly over those of a function."""
    cases: dict[str, list[str]] = defaultdict(list)
    for item in items:
        cases[of_function(item.nodeid)].append(item.nodeid)
    chosen: set[str] = set()
    for function, names in cases.items():
        each = taken.get(function, 0.0) / len(names)
        many = 0 if each > LONG else len(names) if each == 0 else min(len(names), max(1, int(SHARE / each)))
        chosen.update(names[int((place + 0.5) * len(names) / many)] for place in range(many))
    return chosen
