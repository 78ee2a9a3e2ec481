"""``Failure``: one output where it is wrong, on the smallest case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symconv.layer.conv import Conv

__all__ = ["Failure"]


@dataclass(frozen=True)
class Failure:
    """The smallest failing case of one output, with what came back and what should have."""

    output: str
    conv: Conv
    status: str
    entry: str | None = None
    index: tuple[int, ...] | None = None
    yours: str = ""
    true: str = ""
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    entries: int = 0
    message: str = ""
    where: str = ""
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "output": self.output, "status": self.status, "case": self.conv.to_dict(), "slug": self.conv.slug,
            "entry": self.entry, "index": None if self.index is None else list(self.index),
            "yours": self.yours, "true": self.true, "missing": list(self.missing), "extra": list(self.extra),
            "entries": self.entries, "message": self.message,
            "where": self.where, "note": self.note,
        }  # fmt: skip

    def alike(self, other: Failure) -> bool:
        """Whether both are the same exception on the same case."""
        return self.status == other.status == "error" and (self.conv, self.message) == (other.conv, other.message)

    def __str__(self) -> str:
        what = f"{self.output} at {self.conv!r}"
        if self.status == "error":
            place = f" ({self.where})" if self.where else ""
            return f"{what}: {self.message}{place}"
        if self.status == "shape":
            return f"{what}: {self.yours}, true {self.true}"
        told = f"{what}: {self.entry} = {self.yours}, true {self.true}"
        for word, terms in (("missing", self.missing), ("extra", self.extra)):
            if terms:
                told += f"; {word} {', '.join(terms)}"
        return told + (f" ({self.note})" if self.note else "")
