"""``Case``: one geometry of an audit with its verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from symconv.audits.judge import CaseVerdict
from symconv.layer.conv import Conv

__all__ = ["Case"]


@dataclass(frozen=True, slots=True)
class Case:
    """One geometry with its verdict; ``outside`` says why the convention's documentation does not cover it, if so."""

    conv: Conv
    verdict: CaseVerdict
    outside: str | None = None

    def status(self, output: str) -> str:
        """ "ok", "value", "shape", "error", "refuses" or "limit": not judged, for want of time or memory."""
        return self.verdict.status or self.verdict.outputs.get(output, "value")

    def statuses(self, outputs: Iterable[str]) -> list[str]:
        return [self.status(output) for output in outputs]

    def refuses(self) -> bool:
        return self.verdict.status == "refuses"

    def answered(self) -> bool:
        """Whether there is a verdict: it is neither refused nor out of time or memory."""
        return self.verdict.status not in ("refuses", "limit")

    def right(self, outputs: Iterable[str]) -> bool:
        """Whether every output is right."""
        return all(status == "ok" for status in self.statuses(outputs))

    def to_dict(self, outputs: Sequence[str]) -> dict[str, Any]:
        conv = self.conv
        padding = [p if p == q else [p, q] for p, q in conv.padding]
        told: dict[str, Any] = {
            "input": list(conv.input), "kernel": list(conv.kernel), "stride": list(conv.stride), "padding": padding,
            "dilation": list(conv.dilation), "groups": conv.groups, "batch": conv.batch, "in_channels": conv.in_channels,
            "out_channels": conv.out_channels,
        }  # fmt: skip
        if conv.transposed:
            told |= {"transposed": True, "output_padding": list(conv.output_padding)}
        if conv.mode.counts_outside:
            told["padding_mode"] = conv.padding_mode
        if conv.mode.filled:
            told["padding_value"] = conv.padding_value
        told |= {output: self.status(output) for output in outputs}
        told["engine"] = self.verdict.engine if not self.verdict.status else None
        for key in ("message", "where", "findings", "causes"):
            if getattr(self.verdict, key):
                told[key] = getattr(self.verdict, key)
        if self.verdict.shapes:
            told["shapes"] = {name: {"yours": a, "true": b} for name, (a, b) in self.verdict.shapes.items()}
        if self.outside:
            told["outside"] = self.outside
        return told
