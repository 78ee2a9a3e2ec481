"""Blocks of code: Python or not, a function of a known convention or not, and then the audit's verdict."""

from __future__ import annotations

import ast
import re
import tempfile
import warnings
from pathlib import Path

from symconv.audits import audit
from symconv.checking.documents import Block
from symconv.checking.result import HOLDS, NO_CLAIM, NOT_READ, WRONG, CodeVerdict

__all__ = ["judge_program", "python_of"]

#: names of the arguments of a backward pass -> the convention that has them
CONVENTIONS: dict[tuple[str, ...], str] = {("dout", "cache"): "cs231n", ("dZ", "cache"): "coursera"}


def python_of(block: Block) -> str:
    """The program of a block, without the marks of a session."""
    return re.sub(r"^\s*(>>>|\.\.\.) ?", "", block.text, flags=re.MULTILINE)


def judge_program(block: Block, run: bool = True) -> CodeVerdict:
    """The verdict on a block of code; it runs nowhere but in the audit's process, and not at all without ``run``."""
    text = python_of(block)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        what = "output, not Python" if re.search(r"\d\.\d+e[-+]\d+|error:\s", text) else "not Python"
        where = f" ({error.msg}, line {error.lineno})" if isinstance(error, SyntaxError) else ""
        return CodeVerdict(block.line, None, NOT_READ, reason=f"{what}{where}")
    functions = [each for each in tree.body if isinstance(each, ast.FunctionDef)]
    for function in functions:
        names = tuple(a.arg for a in function.args.args)
        convention = CONVENTIONS.get(names)
        if convention is not None and "backward" in function.name:
            if not run:
                return CodeVerdict(block.line, function.name, NOT_READ, reason="code is left alone, as asked")
            return _audited(block, text, function.name, convention)
    if not functions:
        return CodeVerdict(block.line, None, NO_CLAIM, reason="defines no function")
    return CodeVerdict(
        block.line, functions[0].name, NOT_READ, reason="not the arguments of a backward pass that is known"
    )


def _audited(block: Block, text: str, name: str, convention: str) -> CodeVerdict:
    with tempfile.TemporaryDirectory(prefix="symconv-") as folder:
        path = Path(folder) / "block.py"
        path.write_text("import numpy as np\n" + text, encoding="utf-8")
        try:
            found = audit(f"{path}:{name}", convention=convention, proof=False)
        except (ValueError, OSError) as error:
            return CodeVerdict(block.line, name, NOT_READ, reason=str(error))
    told = found.to_dict()
    right, wrong = told["right"], told["wrong"]
    if not wrong and not right:
        return CodeVerdict(block.line, name, NOT_READ, reason=f"not judged in {told['not_judged']} cases")
    if not wrong:
        return CodeVerdict(block.line, name, HOLDS, f"{right} of {right} cases, convention {convention}")
    condition = told.get("condition")
    reason = f"wrong in {wrong} of {right + wrong} cases, convention {convention}"
    return CodeVerdict(block.line, name, WRONG, str(condition) if condition else None, reason)
