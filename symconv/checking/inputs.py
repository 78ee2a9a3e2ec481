r"""Files that a LaTeX document takes in with ``\input``, on the line of the command: its own lines keep their numbers."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["with_inputs"]

_INPUT = re.compile(r"(?<!\\)\\(?:input|include)\s*\{([^{}]+)\}")
#: so many files in each other are followed
MAX_DEPTH = 4


def with_inputs(text: str, folder: Path, depth: int = 0) -> str:
    """``text`` with the files beside it or below it that it takes in; a command whose file is not there stays."""

    def put(found: re.Match[str]) -> str:
        name = found[1].strip()
        path = folder / (name if Path(name).suffix else name + ".tex")
        inside = path.resolve().is_relative_to(folder.resolve())
        if depth >= MAX_DEPTH or not inside or not path.is_file():
            return found[0]
        try:
            body = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return found[0]
        body = re.sub(r"(?m)(?<!\\)%.*$", "", body)
        body = re.sub(r"\\begin\{(verbatim|lstlisting|minted)\}.*?\\end\{\1\}", "", body, flags=re.DOTALL)
        return " ".join(with_inputs(body, folder, depth + 1).split())

    lines = (
        line if line.lstrip().startswith("%") else _INPUT.sub(put, line) for line in text.splitlines(keepends=True)
    )
    return "".join(lines)
