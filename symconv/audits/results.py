"""The results file of an audit: each verdict written down as soon as it is known, to be continued after an interruption."""

from __future__ import annotations

import array
import contextlib
import json
import os
import time
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import fields
from pathlib import Path
from typing import IO, Any

from symconv.audits.judge import CaseVerdict
from symconv.files import check_writable
from symconv.layer.conv import Conv

__all__ = ["Known", "ResultsFile", "record_of", "verdict_from"]

#: written lines are forced to disk at least this often, in seconds; what a power cut takes is judged again
SYNC_EVERY = 0.5


class ResultsFile:
    """Verdicts as lines of JSON, appended as they come; the first line says of what, so that a file is not continued with
    other code, another grid or other options.

    One process writes at a time. A line that an interruption cut short is dropped when the file is opened again.
    """

    def __init__(
        self, path: str | os.PathLike[str], header: dict[str, Any], resume: bool, store: MutableMapping[int, Any] | None = None
    ) -> None:  # fmt: skip
        self.path = Path(path)
        self.header = header
        #: the verdicts that the file had, by the numbers of their cases; ``store`` may keep very many of them in little memory
        self.done: MutableMapping[int, CaseVerdict] = {} if store is None else store
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
                self._lines([header])
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

    def _lines(self, records: Iterable[dict[str, Any]]) -> None:
        text = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
        try:
            self._file.write(text.encode())
            self._file.flush()
        except OSError as error:
            self._drop()
            raise ValueError(f"cannot write {str(self.path)!r}: {(error.strerror or str(error)).lower()}") from error

    def add(self, number: int, conv: Conv, verdict: CaseVerdict) -> None:
        """Write one verdict down."""
        self.add_all([(number, conv, verdict)])

    def add_all(self, judged: Iterable[tuple[int, Conv, CaseVerdict]]) -> None:
        """Write verdicts down, in one go."""
        self._lines({"case": number, "slug": conv.slug} | record_of(verdict) for number, conv, verdict in judged)
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


class Known(MutableMapping[int, CaseVerdict]):
    """Verdicts by number, in four bytes each where they are the same as others."""

    def __init__(self, count: int) -> None:
        self._places = array.array("i", [-1]) * count
        self._verdicts: list[CaseVerdict] = []
        self._known: dict[str, int] = {}

    def __setitem__(self, number: int, verdict: CaseVerdict) -> None:
        text = json.dumps(record_of(verdict))
        if text not in self._known:
            self._known[text] = len(self._verdicts)
            self._verdicts.append(verdict)
        self._places[number] = self._known[text]

    def __getitem__(self, number: int) -> CaseVerdict:
        if not 0 <= number < len(self._places) or self._places[number] < 0:
            raise KeyError(number)
        return self._verdicts[self._places[number]]

    def __delitem__(self, number: int) -> None:
        self._places[number] = -1

    def __iter__(self) -> Iterator[int]:
        return (number for number, place in enumerate(self._places) if place >= 0)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def record_of(verdict: CaseVerdict) -> dict[str, Any]:
    """What is to be said of a verdict: its fields that say something."""
    return {f.name: getattr(verdict, f.name) for f in fields(CaseVerdict) if getattr(verdict, f.name)}


def verdict_from(record: dict[str, Any]) -> CaseVerdict:
    """The verdict that a record was made of."""
    return CaseVerdict(**{f.name: record[f.name] for f in fields(CaseVerdict) if f.name in record})
