"""The theorem of an emitted kernel: proved of its text, kept, and found again by that text.

A proof takes from a second to minutes, so it is made once: ``python -m symconv.project.theorems`` proves the kernels of any size
whose code has changed and writes ``theorems.json`` beside this file. A theorem belongs to the code of a file, its statements
without docstrings and comments, by their hash; code with another hash has none until it was proved.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from symconv.files import write_whole
from symconv.kernels.kernel import Kernel, emit
from symconv.project.cases import project_plan
from symconv.reading.theorem import Theorem, theorem_of

__all__ = ["main", "theorem"]

KEPT = "theorems.json"
#: strides and dilations that are proved, by the number of axes
REACH = {1: ((1, 2, 3, 4), (1, 2, 3)), 2: ((1, 2, 3, 4), (1, 2, 3)), 3: ((1, 2, 3), (1, 2))}
#: for one stride and dilation; far above what is needed, so that no verdict hangs on the machine
SECONDS = 900.0


def theorem(kernel: Kernel) -> Theorem | None:
    """What was proved of a kernel's code; None for a kernel of one size."""
    if kernel.layer is not None:
        return None
    kept = _kept().get(_hash(kernel.source))
    if kept is None:
        return Theorem(False, "nothing was proved of this text")
    return Theorem(kept["proved"], kept["says"])


@cache
def _kept() -> dict[str, dict[str, Any]]:
    told = json.loads(resources.files(__package__).joinpath(KEPT).read_text("utf-8"))
    return {each["code"]: each for each in told.values()}


def _hash(source: str) -> str:
    """Of the statements, as they are written: what is said about them may change, and the theorem stands."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            said = node.body[0]
            lines[said.lineno - 1 : said.end_lineno] = [""] * len(lines[said.lineno - 1 : said.end_lineno])
    stated = "\n".join(line for line in lines if line.strip() and not line.lstrip().startswith("#"))
    return hashlib.sha256(stated.encode()).hexdigest()


def main() -> int:
    """Proves what has changed; one line for each kernel."""
    path = Path(str(resources.files(__package__).joinpath(KEPT)))
    old, new = json.loads(path.read_text("utf-8")) if path.exists() else {}, {}
    kernels = [emit(order.schedule, order.layer) for order in project_plan().kernels]
    for kernel in sorted((k for k in kernels if k.layer is None), key=lambda k: k.kind.ndim):
        code = _hash(kernel.source)
        if old.get(kernel.name, {}).get("code") != code or not old[kernel.name]["proved"]:
            strides, dilations = REACH[kernel.kind.ndim]
            found = theorem_of(
                kernel.source, kernel.function, kernel.kind.ndim, strides, dilations, kernel.kind.transposed, SECONDS
            )
            # lines are those of a file without its header
            says = re.sub(r"line \d+, column \d+: ", "", found.says)
            old[kernel.name] = {"code": code, "proved": found.proved, "says": says}
        new[kernel.name] = old[kernel.name]
        write_whole(path, json.dumps(dict(sorted({**old, **new}.items())), indent=2) + "\n")
        print(kernel.name, "proved" if new[kernel.name]["proved"] else new[kernel.name]["says"], flush=True)
    write_whole(path, json.dumps(dict(sorted(new.items())), indent=2) + "\n")
    return 0 if all(each["proved"] for each in new.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
