"""Every module can be the first that a program imports: rooms import one way, so there is no circle."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

#: imports each package with nothing else of ours loaded, and then its modules, in both orders, and tells which fail
SCRIPT = """
import importlib, json, sys
import numpy, sympy, islpy, rich, jinja2, joblib, cloudpickle  # once; only what is ours is loaded afresh
failed = {}
for names in json.loads(sys.stdin.read()):
    for loaded in [m for m in sys.modules if m.partition(".")[0] == "symconv"]:
        del sys.modules[loaded]
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            failed[name] = repr(error)
print(json.dumps(failed))
"""

#: pieces of one file that the emitted kernel is put together from
PIECES = "symconv.fast."


def modules() -> list[str]:
    paths = (path.relative_to(ROOT).with_suffix("").parts for path in (ROOT / "symconv").rglob("*.py"))
    return sorted(".".join(parts).removesuffix(".__init__") for parts in paths)


def starts(names: list[str]) -> list[list[str]]:
    """What to import one after the other in a fresh start: whichever module comes first, its package does before it, so that the
    packages' modules follow them, and each two of them in both orders."""
    packages: dict[str, list[str]] = {}
    for name in names:
        if (ROOT / name.replace(".", "/")).is_dir():
            packages.setdefault(name, [])
        else:
            packages.setdefault(name.rpartition(".")[0], []).append(name)
    return [[package, *order] for package, inner in packages.items() for order in (inner, inner[::-1])]


@pytest.mark.sweep
def test_every_module_can_be_imported_first() -> None:
    names = [name for name in modules() if not name.startswith(PIECES)]
    assert len(names) > 120
    assert {name for start in starts(names) for name in start} == set(names)
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], input=json.dumps(starts(names)), capture_output=True, text=True, check=True,
        cwd=ROOT,
    )  # fmt: skip
    assert json.loads(ran.stdout) == {}
