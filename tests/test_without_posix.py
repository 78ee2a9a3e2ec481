"""Where the system is not POSIX an audit says in one line what it needs, and everything else works.

The whole suite, audits apart, runs that way with SYMCONV_WITHOUT_POSIX=1 in the environment.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SCRIPT = """
import sys
from tests.without_posix import hide
hide()
from symconv.cli import main
main(sys.argv[1:])
"""


def run_hidden(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}){SCRIPT}"
    return subprocess.run([sys.executable, "-c", code, *args], cwd=folder, capture_output=True, text=True, check=False)


def test_audit_says_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "layer.py").write_text(
        "def db(x, w, b, dy, stride, padding):\n    return {'db': dy.sum(axis=(0, 2, 3))}\n"
    )
    ran = run_hidden(tmp_path, "audit", "layer.py:db")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.count("\n") == 1
    assert ran.stderr.startswith("symconv: audit needs a POSIX system, such as Linux, macOS or WSL: ")
    assert "this one has no resource, fcntl, os.fork" in ran.stderr


@pytest.mark.slow
def test_the_other_commands_work(tmp_path: Path) -> None:
    layer = ("--input", "4", "--kernel", "2")
    commands = [
        ("derive", *layer, "-o", "a.html"), ("verify", *layer), ("prove", "dx"), ("explore", "-o", "b.html"),
        ("figure", "window", *layer, "-o", "a.svg"), ("algorithm", "winograd", "--tile", "2", "--kernel", "3"),
    ]  # fmt: skip
    for args in commands:
        ran = run_hidden(tmp_path, *args)
        assert ran.returncode == 0, (args, ran.stderr)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "a.svg", "b.html"]
