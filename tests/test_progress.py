"""The progress bar: shown on a terminal when something takes a while, and gone in the end."""

from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console

from symconv.cli import progress as module
from symconv.cli.progress import progress


class Terminal(io.StringIO):
    """Notes when something with a bar in it has been written."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = threading.Event()

    def write(self, text: str) -> int:
        if "third" in text:
            self.shown.set()
        return super().write(text)


def run(wait: float) -> str:
    terminal = Terminal()
    with progress("checking", 4, Console(file=terminal, force_terminal=True, width=80)) as started:
        for name in ("first", "second", "third"):
            started(name)
        terminal.shown.wait(wait)
    return terminal.getvalue()


def test_shown_when_it_takes_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AFTER", 0.01)
    text = run(30)
    assert "checking third" in text
    assert "50%" in text  # two of four are done when the third begins
    assert text.rstrip("\n").endswith("\x1b[2K")  # and cleared


def test_not_shown_when_it_is_soon_done() -> None:
    assert run(0.0).strip("\n") == ""


def test_nothing_is_loaded_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("checking", 2) as started:
        started("first")
    assert capsys.readouterr().err == ""
