"""Runs the command line inside the test's process."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from typing import Any

from symconv.cli import main


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*args: str) -> Ran:
    """``symconv ARGS``: exit status, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(args)
        except SystemExit as stop:
            return Ran(int(stop.code or 0), out.getvalue(), err.getvalue())


def assert_bad_usage(ran: Ran, *told: str) -> None:
    """Exit status 2, nothing on standard output, one line on standard error that holds all of ``told``."""
    assert ran.status == 2, ran
    assert ran.out == ""
    assert ran.err.startswith("symconv: ")
    assert ran.err.count("\n") == 1, ran.err
    for text in told:
        assert text in ran.err, (text, ran.err)
