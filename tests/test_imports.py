"""Every module can be the first that a program imports: rooms import one way, so there is no circle."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

#: imports each module with no other of the package loaded, and tells which fail
SCRIPT = """
import importlib, json, sys
import numpy, sympy, islpy, rich, jinja2, joblib, cloudpickle  # once; only the package is loaded afresh
failed = {}
for name in json.loads(sys.stdin.read()):
    for loaded in [m for m in sys.modules if m.partition(".")[0] == "symconv"]:
        del sys.modules[loaded]
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


@pytest.mark.slow
def test_every_module_can_be_imported_first() -> None:
    names = [name for name in modules() if not name.startswith(PIECES)]
    assert len(names) > 120
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], input=json.dumps(names), capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert json.loads(ran.stdout) == {}
