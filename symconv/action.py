"""What the GitHub Action runs: one command, its findings written as SARIF, its status told to the steps after it.

Read from the environment: COMMAND (audit, prove or check with arguments), SARIF (the file), GITHUB_OUTPUT (where outputs are
told). Ends with status 0, so that the findings are uploaded before the job fails; the last step of the action ends with it.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys

from symconv.cli import main as symconv
from symconv.files import write_whole

__all__ = ["main"]

COMMANDS = ("audit", "prove", "check")


def main() -> int:
    """The exit status of the command: 0 all holds, 1 something does not, 2 bad usage (then nothing is written)."""
    words = shlex.split(os.environ.get("COMMAND", ""))
    if not words or words[0] not in COMMANDS:
        print(
            f"the input 'command' begins with one of {', '.join(COMMANDS)}, not {' '.join(words) or 'nothing'!r}",
            file=sys.stderr,
        )
        return _told(2)
    out = io.StringIO()
    status = 0
    try:
        with contextlib.redirect_stdout(out):
            symconv([*words, "--format", "sarif"])
    except SystemExit as stop:
        status = int(stop.code or 0)
    if status in (0, 1):
        write_whole(os.environ.get("SARIF", "symconv.sarif"), out.getvalue())
    return _told(status)


def _told(status: int) -> int:
    place = os.environ.get("GITHUB_OUTPUT")
    if place:
        with open(place, "a", encoding="utf-8") as stream:
            stream.write(f"status={status}\n")
    return status


if __name__ == "__main__":
    main()
