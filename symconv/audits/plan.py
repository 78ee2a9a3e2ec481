"""What an audit was asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from symconv.algebra.comparisons import Comparison
from symconv.audits.conventions import Adapter
from symconv.layer.conv import Conv
from symconv.proof.assumptions import assumptions

__all__ = ["Plan", "Progress"]

#: called with (cases done, cases in all) as an audit goes
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Plan:
    """What an audit was asked for."""

    function: str | os.PathLike[str] | Callable[..., Any]
    forward: str | Callable[..., Any] | None
    adapter: str | Adapter | None
    mode: str
    outputs: tuple[str, ...] | None
    grid: str | Iterable[Conv]
    square: bool
    engine: str
    jobs: int | None
    time_limit: float
    memory_limit: int
    backend: str
    scheduler: str | None
    results: str | os.PathLike[str] | None
    resume: bool
    seed: int
    progress: Progress | None
    definitions: bool
    once: bool
    trial: bool
    assume: str
    truth: str | None = None
    proof: bool = True
    bulk: bool | None = None

    @property
    def assumed(self) -> tuple[Comparison, ...]:
        return assumptions(self.assume) if self.assume else ()
