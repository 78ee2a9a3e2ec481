"""What audited code can see of those who watch it: taken away for one call, or noticed when it looks there."""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys
import types
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["AUDITED", "SET", "looks_of", "timers", "unwatched"]

#: in front of the name that an audited file's module has
AUDITED = "audited_"

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
    """Inside, nothing shows that a worker calls: no module of symconv, nothing that a worker sets in the environment or in its
    process, and the audited modules go by the names that an import would give them.

    Where the audited code itself imported symconv, its modules stay: it may import more of them.
    """
    kept = any(_is_ours(getattr(value, "__module__", None) or getattr(value, "__name__", None))
               for names in namespaces for value in names.values())  # fmt: skip
    hidden = {} if kept else {name: module for name, module in sys.modules.items() if _is_ours(name)}
    said = {name: os.environ[name] for name, value in SET.items() if os.environ.get(name) == value}
    main = sys.modules["__main__"]
    named = {i: names["__name__"] for i, names in enumerate(namespaces) if AUDITED in str(names.get("__name__", ""))}
    try:
        sys.modules["__main__"] = types.ModuleType("__main__")
        for name in hidden:
            del sys.modules[name]
        for name in said:
            del os.environ[name]
        for i, name in named.items():
            namespaces[i]["__name__"] = name.replace(AUDITED, "")
        with _as_a_script():
            yield
    finally:
        sys.modules.update(hidden)
        os.environ.update(said)
        sys.modules["__main__"] = main
        for i, name in named.items():
            namespaces[i]["__name__"] = name


@contextmanager
def _as_a_script() -> Iterator[None]:
    """Inside, the process has no timer, arguments, and ways to end and to collect but those that any has."""
    before = sys.argv, sys.orig_argv
    collects, faults = gc.isenabled(), faulthandler.is_enabled()
    sys.argv = sys.orig_argv = [""]
    gc.enable()
    faulthandler.disable()
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        if signal.getitimer(signal.ITIMER_REAL)[0] == 0:  # what the code set is noticed by :func:`timers`
            signal.setitimer(signal.ITIMER_REAL, left)
        signal.signal(signal.SIGINT, interrupt)
        if faults:
            faulthandler.enable()
        if not collects:
            gc.disable()
        sys.argv, sys.orig_argv = before


#: each timer of a process, and the signal by which it tells that it ran out
_TIMERS = (("ITIMER_REAL", "SIGALRM"), ("ITIMER_VIRTUAL", "SIGVTALRM"), ("ITIMER_PROF", "SIGPROF"))


@contextmanager
def timers(found: list[str]) -> Iterator[None]:
    """Notes in ``found`` when the code inside sets or stops a timer of its process, or says what is done when one runs out."""

    def now() -> list[tuple[float, Any]]:
        return [(signal.getitimer(getattr(signal, timer))[0], signal.getsignal(getattr(signal, number)))
                for timer, number in _TIMERS]  # fmt: skip

    before = now()
    yield
    for (left, handler), (then, told) in zip(before, now(), strict=True):
        if then > left or (left > 0 and then == 0) or told is not handler:
            found.append("sets a timer of its process, or what is done when it runs out")
            return


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
