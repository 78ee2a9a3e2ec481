"""A test that is to be printed, tried first: in a process of its own, on the audited file as the audit loaded it."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

from symconv.audits.sandbox import loading
from symconv.audits.sandbox.target import Loaded, Source

__all__ = ["ELSEWHERE", "FAILS", "MISTAKEN", "PASSES", "replayed"]

#: what a test came to: the comparison fails or the audited code raises; it passes; a line of the test itself is at fault; and
#: what says nothing of it, the time ran out or the process ended
FAILS, PASSES, MISTAKEN, ELSEWHERE = "fails", "passes", "mistaken", "elsewhere"

#: a test may take so many seconds
LIMIT = 20.0

#: what the lines of a test are called in a traceback
_FILE = "<a test to be printed>"


def replayed(source: Source, test: str, name: str) -> tuple[str, bool]:
    """What the test function ``name`` of the text ``test`` comes to, where the names of ``source`` are defined, and whether that
    was executed whole, as an import executes it."""
    root = str(Path(__file__).parents[3])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "symconv.audits.reports.replay"], env=environment, stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        _, told = process.communicate(pickle.dumps((source, test, name)), timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return ELSEWHERE, True
    last, _, partly = told.decode(errors="replace").strip().rpartition("\n")[2].partition(" ")
    return (last, not partly) if last in (FAILS, PASSES, MISTAKEN) else (ELSEWHERE, True)


def _tried(source: Source, test: str, name: str) -> str:
    loaded = Loaded(source)
    names = dict(vars(loaded.module)) if loaded.module is not None else {}
    exec(compile(test, _FILE, "exec"), names)
    try:
        names[name]()
    except AssertionError:
        return FAILS
    except BaseException as error:
        at = error.__traceback__
        inside = False
        while at is not None:
            inside |= at.tb_frame.f_code.co_filename == source.path
            at = at.tb_next
        return FAILS if inside else MISTAKEN
    return PASSES


def main() -> None:
    """Try one test; its outcome is the last line on standard error."""
    source, test, name = pickle.loads(sys.stdin.buffer.read())
    outcome = _tried(source, test, name)
    os.write(2, f"\n{outcome}{' partly' if loading.PARTLY else ''}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    main()
