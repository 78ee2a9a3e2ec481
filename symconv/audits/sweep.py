"""Many cases: on all cores or on a cluster through joblib, each verdict handed on, and written down, as soon as it is known."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from symconv.audits.judge import CaseVerdict
from symconv.audits.sandbox import supervisor
from symconv.audits.sandbox.target import Target
from symconv.audits.sandbox.worker import Task
from symconv.audits.spread import spread
from symconv.files import check_writable
from symconv.layer.conv import Conv

__all__ = ["Job", "ResultsFile", "judge_case", "sweep"]

#: written lines are forced to disk at least this often, in seconds; what a power cut takes is judged again
SYNC_EVERY = 0.5


@dataclass(frozen=True)
class Job:
    """All that a case needs beside its geometry."""

    run: str
    target: Target
    convention: str | None
    mode: str
    outputs: tuple[str, ...] | None
    engine: str
    seed: int
    time_limit: float
    memory_limit: int
    once: bool = False
    anew: bool = False
    #: a forward pass as a formula, whose derivative is due in place of the layer's
    truth: str | None = None

    def task(self, conv: Conv | None, explain: bool = False) -> Task:
        """The message to a worker."""
        return Task(self.target.name, self.target.forward, self.target.adapter, self.convention, self.mode, self.outputs,
                    self.engine, self.seed, conv, explain, self.time_limit, self.memory_limit, self.once, self.anew,
                    self.truth)  # fmt: skip


def judge_case(job: Job, conv: Conv, explain: bool = False) -> CaseVerdict:
    """The verdict on one case, by a worker process of this machine."""
    verdict = supervisor.ask(job.run, job.target.source, job.task(conv, explain))
    assert isinstance(verdict, CaseVerdict)
    return verdict


def sweep(
    job: Job,
    cases: Sequence[tuple[int, Conv]],
    jobs: int | None = None,
    backend: str = "local",
    scheduler: str | None = None,
) -> Iterator[tuple[int, CaseVerdict]]:
    """The numbered cases with their verdicts, in the order in which they are ready.

    Locally ``jobs`` threads wait for as many worker processes: left out, as many as joblib counts cores that may be used
    (``LOKY_MAX_CPU_COUNT`` bounds them). On a Dask cluster its workers do the same, each with
    processes of its own; ``scheduler`` is the address.
    """
    found = spread(partial(judge_case, job), [conv for _, conv in cases], jobs, backend, scheduler, threads=True,
                   finish=partial(supervisor.release, job.run))  # fmt: skip
    for place, verdict in found:
        yield cases[place][0], verdict


# the results file -------------------------------------------------------------------------------------------------------------


class ResultsFile:
    """Verdicts as lines of JSON, appended as they come; the first line says of what, so that a file is not continued with
    other code, another grid or other options.

    One process writes at a time. A line that an interruption cut short is dropped when the file is opened again.
    """

    def __init__(self, path: str | os.PathLike[str], header: dict[str, Any], resume: bool) -> None:
        self.path = Path(path)
        self.header = header
        self.done: dict[int, CaseVerdict] = {}
        check_writable(path)
        if self.path.exists() and not self.path.is_file():
            raise ValueError(f"{path} is no file that could be continued")
        exists = self.path.exists() and self.path.stat().st_size > 0
        if exists and not resume:
            raise ValueError(f"{path} exists; --resume continues it, another name starts anew")
        try:
            self._file: IO[bytes] = open(self.path, "r+b" if exists else "w+b")  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise ValueError(f"{path} cannot be written: {error.strerror}") from error
        try:
            self._lock()
            if exists:
                self._read()
            if not self._file.tell():
                self._line(header)
        except BaseException:
            self._drop()
            if not exists:  # it was made here and holds nothing
                self.path.unlink(missing_ok=True)
            raise
        self._synced = time.monotonic()

    def _lock(self) -> None:
        import fcntl  # not on every system

        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(f"{self.path} is being written by another audit") from None

    def _read(self) -> None:
        end = 0
        for number, line in enumerate(self._file):
            if not line.endswith(b"\n"):
                break
            try:
                record = json.loads(line)
            except ValueError:
                raise ValueError(f"{self.path} line {number + 1} is not a line of audit results") from None
            if number == 0:
                self._check(record)
            else:
                self.done[record.pop("case")] = verdict_from(record)
            end += len(line)
        self._file.seek(end)
        self._file.truncate()

    def _check(self, record: Any) -> None:
        if not isinstance(record, dict) or "symconv_audit" not in record:
            raise ValueError(f"{self.path} does not hold results of an audit")
        for key, value in self.header.items():
            if record.get(key) != value:
                raise ValueError(f"{self.path} is of another audit: {key} was {record.get(key)!r} and is {value!r}")

    def _line(self, record: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            self._drop()
            raise ValueError(f"cannot write {str(self.path)!r}: {(error.strerror or str(error)).lower()}") from error

    def add(self, number: int, conv: Conv, verdict: CaseVerdict) -> None:
        """Write one verdict down."""
        self._line({"case": number, "slug": conv.slug} | record_of(verdict))
        if time.monotonic() - self._synced > SYNC_EVERY:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()

    def close(self) -> None:
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()

    def _drop(self) -> None:
        """Close the file; what it still holds back cannot be written, or need not be."""
        with contextlib.suppress(OSError):
            self._file.close()


def record_of(verdict: CaseVerdict) -> dict[str, Any]:
    """What is to be said of a verdict: its fields that say something."""
    return {f.name: getattr(verdict, f.name) for f in fields(CaseVerdict) if getattr(verdict, f.name)}


def verdict_from(record: dict[str, Any]) -> CaseVerdict:
    """The verdict that a record was made of."""
    return CaseVerdict(**{f.name: record[f.name] for f in fields(CaseVerdict) if f.name in record})


def shuffled(count: int, seed: int) -> Sequence[int]:
    """Case numbers in an order that mixes slow and quick ones, so that progress is even."""

    order: list[int] = np.random.default_rng(seed).permutation(count).tolist()
    return order
