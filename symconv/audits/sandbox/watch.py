"""What audited code can see of those who watch it: taken away for one call, or noticed when it looks there."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["SET", "looks_of", "unwatched"]

#: what is set in the environment of a worker
SET = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",  # one worker, one core
    "MALLOC_PERTURB_": "90",  # memory that nobody has written is not zero by luck
}  # fmt: skip

#: audit events of the interpreter, and what code that causes them looks at
_LOOKS = {
    "sys._getframe": "the frames that call it",
    "gc.get_objects": "objects that are not its own",
    "gc.get_referrers": "objects that are not its own",
}
#: modules through which one looks at frames
_THROUGH = ("inspect.py", "traceback.py")


@contextmanager
def unwatched(namespaces: Sequence[dict[str, Any]]) -> Iterator[None]:
    """Inside, nothing of symconv is among the modules, nor in the environment what a worker sets there.

    Where the audited code itself imported symconv, its modules stay: it may import more of them.
    """
    kept = any(_is_ours(getattr(value, "__module__", None) or getattr(value, "__name__", None))
               for names in namespaces for value in names.values())  # fmt: skip
    hidden = {} if kept else {name: module for name, module in sys.modules.items() if _is_ours(name)}
    said = {name: os.environ[name] for name, value in SET.items() if os.environ.get(name) == value}
    main = sys.modules["__main__"]
    try:
        sys.modules["__main__"] = types.ModuleType("__main__")
        for name in hidden:
            del sys.modules[name]
        for name in said:
            del os.environ[name]
        yield
    finally:
        sys.modules.update(hidden)
        os.environ.update(said)
        sys.modules["__main__"] = main


def _is_ours(name: Any) -> bool:
    return isinstance(name, str) and (name == "symconv" or name.startswith("symconv."))


def looks_of(files: Collection[str]) -> Callable[[], list[str]]:
    """From now on, what the code of these files looks at beside its arguments is noted in this process; gives what was, once."""
    seen: dict[str, None] = {}
    own, busy = set(files), [False]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if busy[0] or not (event in _LOOKS or event == "open"):
            return
        busy[0] = True  # to look at frames is an event, too
        try:
            what = _LOOKS.get(event)
            if what is None and isinstance(arguments[0], str) and arguments[0].startswith("/proc/"):
                what = "what the system knows of its process (/proc)"
            if what is not None and _asked_by(sys._getframe(1), own, event):
                seen[f"looks at {what}"] = None
        finally:
            busy[0] = False

    sys.addaudithook(hook)

    def noted() -> list[str]:
        found = list(seen)
        seen.clear()
        return found

    return noted


def _asked_by(frame: types.FrameType | None, own: Collection[str], event: str) -> bool:
    """Whether one of these files asked, itself or by what the library has for it."""
    while frame is not None and frame.f_code.co_filename not in own:
        name = frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
        if event != "open" and name not in _THROUGH:
            return False
        if event == "open" and "symconv/audits" in frame.f_code.co_filename:
            return False
        frame = frame.f_back
    return frame is not None
