"""Telling a refusal from a failure: an exception that a function raises on purpose, before it computes anything.

``assert (H - K) % stride == 0`` declines a geometry; ``assert dx.shape == x.shape`` fails on one. Both are statements of the
function's own code. What tells them apart is what their condition looks at: sizes and arguments, or an array that the
function has computed.
"""

from __future__ import annotations

import ast
import functools
import linecache
import traceback
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

__all__ = ["Failure", "failure_of"]

#: the first so many characters of a message are kept
MAX_MESSAGE = 300
#: the modules that call functions and take up what they return
_CALLERS = {f"symconv.audits.{name}" for name in (
    "calls", "conventions", "courses", "mistakes", "numeric", "inference.reading", "inference.layouts")}  # fmt: skip
#: an array with more entries than this, or larger ones, is no list of sizes
MAX_AXES, MAX_SIZE = 4, 64


@dataclass(frozen=True)
class Failure:
    """An exception of the audited function: ``status`` "refuses", "error" or "limit" (of time or memory), one line of message,
    where, and the phase: "call", "construct", "forward", "adapter", "backward", "reading results", or "process" where the
    process ended.
    """

    status: str
    message: str
    where: str = ""
    phase: str = "backward"


def failure_of(
    error: BaseException,
    own_files: Collection[str],
    arguments: Collection[Any] = (),
    sizes: Collection[int] | None = None,
) -> Failure:
    """What an exception says about the function whose code is in ``own_files``; ``arguments`` are the arrays it was given.

    ``sizes`` are the whole numbers that a call is about (left out: any). One that a helper declines, and that is none of
    them, the function has worked out wrongly: an error.
    """
    text = " ".join(str(error).split())
    message = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if isinstance(error, SystemExit):
        message = f"exits with status {error.code!r} (SystemExit)"
    frames = list(traceback.walk_tb(error.__traceback__))
    phase = getattr(error, "symconv_phase", "") or _phase(error, frames)
    message = message if phase == "backward" else f"{phase}: {message}"
    own = [(frame, line) for frame, line in frames if frame.f_code.co_filename in own_files]
    where = ""
    if own:
        frame, line = own[-1]
        name = frame.f_code.co_filename.rpartition("/")[2]
        source = linecache.getline(frame.f_code.co_filename, line).strip()
        where = f"{name}:{line}" + (f": {source}" if source else "")
    where += f" (called at {error.symconv_called})" if hasattr(error, "symconv_called") else ""
    refuses = isinstance(error, NotImplementedError) or (
        bool(own)
        and own[-1][0] is frames[-1][0]
        and isinstance(error, Exception)
        and _on_purpose(own[-1][0], own[-1][1], arguments, None if own[-1][0] is own[0][0] else sizes)
    )
    status = "refuses" if refuses else "limit" if isinstance(error, MemoryError) else "error"
    return Failure(status, message[:MAX_MESSAGE], where[:MAX_MESSAGE], phase)


def _phase(error: BaseException, frames: Sequence[tuple[FrameType, int]]) -> str:
    """Where an exception comes from that does not say so: what symconv itself raises is about a call or its results."""
    if not frames or frames[-1][0].f_globals.get("__name__", "") not in _CALLERS:
        return "backward"
    return "call" if isinstance(error, TypeError) and "argument" in str(error) else "reading results"


def _on_purpose(frame: FrameType, line: int, arguments: Collection[Any], sizes: Collection[int] | None) -> bool:
    """Whether the statement at ``line`` raises or asserts, on a condition that looks at no computed array, and in a helper
    (``sizes`` given) at no number but these."""
    path = _path_to(frame.f_code.co_filename, line)
    if not path or not isinstance(path[-1], ast.Raise | ast.Assert):
        return False
    if any(isinstance(node, ast.ExceptHandler) for node in path):  # passes on what went wrong elsewhere
        return False
    looked_at = [path[-1].test] if isinstance(path[-1], ast.Assert) else []
    looked_at += [node.test for node in path if isinstance(node, ast.If)]
    nodes = [node for test in looked_at for node in ast.walk(test)]
    if any(isinstance(node, ast.Mod) for node in nodes):
        return True  # asks what a division leaves over: about sizes, be they those of a padded copy
    asked_for_shape = {n.value.id for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)
                       and n.attr in ("shape", "size", "ndim")}  # fmt: skip
    values = {node.id: frame.f_locals.get(node.id) for node in nodes if isinstance(node, ast.Name)}
    for name, value in values.items():
        if _computed(value, arguments) and (name in asked_for_shape or not _holds_sizes(value)):
            return False
    return sizes is None or all(number in sizes for value in values.values() for number in _whole_in(value))


def _holds_sizes(value: Any) -> bool:
    """Whether an array is a short list of sizes, or of sizes divided by a stride: never data, whose entries are large or odd."""
    if value.ndim != 1 or not 0 < value.size <= MAX_AXES or value.dtype.kind not in "iuf":
        return False
    if value.dtype.kind in "iu":
        return True
    entries = value.astype(float)
    if not np.all(np.isfinite(entries)) or np.abs(entries).max() > MAX_SIZE:
        return False
    return any(np.all(np.abs(entries * stride - np.round(entries * stride)) < 1e-9) for stride in (1, 2, 3, 5, 7))


def _whole_in(value: Any) -> list[int]:
    """The whole numbers that a value is, or holds."""
    if isinstance(value, bool):
        return []
    if isinstance(value, int | np.integer):
        return [int(value)]
    if isinstance(value, tuple | list):
        return [number for each in value for number in _whole_in(each)]
    return []


def _computed(value: Any, arguments: Collection[Any]) -> bool:
    if not isinstance(value, np.ndarray) or value.ndim == 0:
        return False
    return not any(value is given or np.may_share_memory(value, given) for given in arguments)


@functools.lru_cache(maxsize=32)
def _tree(filename: str) -> ast.Module | None:
    try:
        return ast.parse("".join(linecache.getlines(filename)))
    except (SyntaxError, ValueError):
        return None


def _path_to(filename: str, line: int) -> list[ast.AST]:
    """The statements that enclose a line, the innermost last."""
    tree = _tree(filename)
    path: list[ast.AST] = []
    node: ast.AST | None = tree
    while node is not None:
        inner = None
        for child in ast.iter_child_nodes(node):
            first, last = getattr(child, "lineno", None), getattr(child, "end_lineno", None)
            if (
                isinstance(child, ast.stmt | ast.ExceptHandler)
                and first is not None
                and first <= line <= (last or first)
            ):
                inner = child
        if inner is not None:
            path.append(inner)
        node = inner
    return path
