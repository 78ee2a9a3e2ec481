"""From a LaTeX document to PDF: TeX is run in a folder of its own, and its own words are shown when it fails."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

__all__ = ["ENGINES", "complaints", "compile_pdf", "engine"]

#: the programs that can set a document, the first that is installed is taken
ENGINES = ("pdflatex", "lualatex")

#: seconds after which a run is given up
PATIENCE = 300

#: points by which a line may be too wide: less cannot be seen
SLACK = 1.0


def engine() -> str:
    """The TeX program there is; ValueError where none is installed."""
    for name in ENGINES:
        if shutil.which(name):
            return name
    raise ValueError(
        f"no TeX is installed: PDF needs one of {', '.join(ENGINES)}; --format latex writes the document itself"
    )


def compile_pdf(source: str, program: str | None = None, runs: int = 2) -> tuple[bytes, str]:
    """The PDF of a document and TeX's log; references need two ``runs``.

    ValueError with the log's own first error, its lines joined, where TeX fails. Nothing is written outside a folder that is
    removed again; the document may not run programs or write elsewhere.
    """
    program = program or engine()
    with tempfile.TemporaryDirectory(prefix="symconv-") as name:
        folder = Path(name)
        (folder / "article.tex").write_text(source, encoding="utf-8")
        command = [program, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "article.tex"]
        for _ in range(runs):
            try:
                ran = subprocess.run(
                    command, cwd=folder, capture_output=True, stdin=subprocess.DEVNULL, timeout=PATIENCE
                )
            except OSError as error:
                raise ValueError(f"cannot run {program}: {(error.strerror or str(error)).lower()}") from error
            except subprocess.TimeoutExpired as error:
                raise ValueError(f"{program} was not done after {PATIENCE} seconds") from error
            log = _read(folder / "article.log")
            if ran.returncode or not (folder / "article.pdf").exists():
                raise ValueError(f"{program}: {first_error(log) or f'exit status {ran.returncode}, without a message'}")
        return (folder / "article.pdf").read_bytes(), log


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def first_error(log: str) -> str:
    """The first error of a log, with the line of the source that it names.

    >>> first_error("This is TeX\\n! Undefined control sequence.\\nl.7 wrong\\n          here\\n")
    '! Undefined control sequence. l.7 wrong'
    """
    found = re.search(r"(?m)^! .*$", log)
    if found is None:
        return ""
    place = re.search(r"(?m)^l\.\d+ .*$", log[found.end() :])
    return " ".join(f"{found[0]} {place[0] if place else ''}".split())


def complaints(log: str) -> list[str]:
    """What a log says against a document: errors, warnings, lines more than a point too wide."""
    # TeX breaks its messages after 79 characters
    lines = re.findall(r"(?m)^(?:!|Overfull|LaTeX Warning|LaTeX Font Warning|Package \w+ Warning).*", log)
    return [line for line in lines if not _invisible(line)]


def _invisible(line: str) -> bool:
    found = re.match(r"Overfull \\[hv]box \(([0-9.]+)pt too", line)
    return found is not None and float(found[1]) <= SLACK
