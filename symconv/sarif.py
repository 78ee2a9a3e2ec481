"""SARIF 2.1.0: findings on lines of files, for tools that review code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Finding", "located", "sarif"]

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True)
class Finding:
    """``rule`` is its kind, ``level`` error, warning or note; ``uri`` a path, relative where it can be, None for what is in no
    file."""

    rule: str
    level: str
    text: str
    uri: str | None = None
    line: int = 1

    def to_dict(self) -> dict[str, object]:
        told: dict[str, object] = {"ruleId": self.rule, "level": self.level, "message": {"text": self.text}}
        if self.uri is not None:
            place = {"artifactLocation": {"uri": self.uri}, "region": {"startLine": self.line}}
            told["locations"] = [{"physicalLocation": place}]
        return told


def sarif(tool: str, findings: Sequence[Finding]) -> str:
    """A run of ``tool`` with its findings, as text; one without findings is a run that found nothing."""
    rules = [{"id": rule} for rule in dict.fromkeys(each.rule for each in findings)]
    run = {"tool": {"driver": {"name": tool, "rules": rules}}, "results": [each.to_dict() for each in findings]}
    return json.dumps({"version": "2.1.0", "$schema": SCHEMA, "runs": [run]}, indent=1, ensure_ascii=False) + "\n"


def located(name: str) -> tuple[str | None, int]:
    """The path and line of ``FILE.py:NAME``; (None, 1) for what names no file, line 1 where the name is not found."""
    path, colon, dotted = name.rpartition(":")
    if not colon or not Path(path).is_file():
        return None, 1
    last = dotted.rpartition(".")[2]
    for number, line in enumerate(Path(path).read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if line.split("(")[0].split(":")[0].split() in (["def", last], ["class", last], ["async", "def", last]):
            return Path(path).as_posix(), number
    return Path(path).as_posix(), 1
