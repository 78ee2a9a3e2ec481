"""What a user names: ``FILE.py:NAME``, a file alone, a notebook, or ``package.module:NAME`` of what is installed."""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path

__all__ = ["named", "roots"]

_BACK = re.compile(r"back|bprop|bwd|grad", re.IGNORECASE)
_GRADIENT = re.compile(r"(?:d_?(?:y|out|z|output)s?|(?:grad|delta|upstream|out_?backprop|dL?_?d).*)$", re.IGNORECASE)


def named(target: str) -> tuple[Path, str, str]:
    """(file, its text as Python, name) of a target; ValueError, one line, for what is not there.

    >>> named("nothing.py:f")
    Traceback (most recent call last):
    ...
    ValueError: nothing.py:f: there is no file nothing.py
    """
    path, colon, name = target.rpartition(":")
    if not colon and Path(target).is_file():
        path, name = target, ""
    elif not colon or not path or not name:
        raise ValueError(f"{target}: a function is named FILE.py:NAME")
    file = Path(path)
    if not file.is_file():
        file = _installed(path) or file
    if not file.is_file():
        raise ValueError(f"{target}: there is no file {path}")
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{target}: {path} cannot be read: {error}") from error
    if file.suffix == ".ipynb":
        text = _cells(target, text)
    return file.resolve(), text, name or _only(target, text)


def _installed(dotted: str) -> Path | None:
    """The file of a module by its dotted name, of the working folder or of what is installed; nothing is imported."""
    if not re.fullmatch(r"\w+(\.\w+)*", dotted):
        return None
    for folder in [".", *sys.path]:
        place = Path(folder or ".", *dotted.split("."))
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                return file
    return None


def roots(file: Path) -> tuple[str, ...]:
    """The working folder, and the folder of the repository that a file is in: where its imports are looked for as well."""
    found = [str(Path.cwd())]
    for folder in file.parents:
        if any((folder / mark).exists() for mark in (".git", "pyproject.toml", "setup.py", "setup.cfg")):
            found.append(str(folder))
            break
    return tuple(found)


def _cells(target: str, text: str) -> str:
    """The code of a notebook; lines for the notebook alone (magics, shell) are left empty."""
    try:
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        sources = ["".join(cell["source"]) for cell in cells]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{target}: no notebook of version 4: {error!r}") from None
    kept = []
    for source in sources:
        magic = source.lstrip().startswith("%%")
        kept.append(
            "\n".join("" if magic or line.lstrip()[:1] in ("%", "!", "?") else line for line in source.split("\n"))
        )
    return "\n\n".join(kept) + "\n"


def _goes_back(node: ast.FunctionDef | ast.ClassDef) -> bool:
    """Whether a function goes back by its name, or returns one that does; a class by its methods."""
    if isinstance(node, ast.ClassDef):
        methods = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
        return any(name.startswith("back") or name == "bprop" for name in methods)
    within = [each.name for each in node.body if isinstance(each, ast.FunctionDef)]
    returned = {each.id for part in node.body if isinstance(part, ast.Return) for each in ast.walk(part)
                if isinstance(each, ast.Name)}  # fmt: skip
    return bool(_BACK.search(node.name)) or any(name in returned for name in within)


def _takes_a_gradient(node: ast.FunctionDef) -> bool:
    return any(_GRADIENT.match(each.arg) for each in (*node.args.posonlyargs, *node.args.args))


def _only(target: str, text: str) -> str:
    """The one function or class of a file that goes back; ValueError that lists them when there are several."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise ValueError(f"{target}: {error.msg} (line {error.lineno})") from None
    found = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) and _goes_back(node)]
    if not found:  # by what it is given
        found = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and _takes_a_gradient(node)]
    told = [name for name in found if "conv" in name.lower()] or found
    if len(told) == 1:
        return told[0]
    if not told:
        raise ValueError(f"{target}: it defines no function or class that goes back; name one: {target}:NAME")
    raise ValueError(f"{target}: name one of {', '.join(f'{target}:{name}' for name in told)}")
