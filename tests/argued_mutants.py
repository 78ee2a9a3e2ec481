"""Mutants of the core that no test can kill, each with the reason; tests/core_mutants.py leaves them out."""

from __future__ import annotations

#: (file, function, changed line, change) -> why nothing that is promised depends on it
ARGUED: dict[tuple[str, str, str, str], str] = {}
