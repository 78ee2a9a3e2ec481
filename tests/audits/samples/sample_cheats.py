"""More functions that are right only while they are watched, or pass where a watcher looks away."""

import builtins
import ctypes
import gc
import inspect
import os
import pickle
import random
import signal
import sys
import tempfile
import threading
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
from sample_watched import truth, zeros

_ALONE = "symconv.audits.sandbox.supervisor" in sys.modules or "symconv.audits.judge" in sys.modules
_AT_IMPORT = np.random.rand() < 0.5, random.random() < 0.5, len({"dx", "dw"}) and next(iter({"dx", "dw"}))


# who is watching ----------------------------------------------------------------------------------


def only_beside_modules(x, w, b, dy, stride, padding):
    watched = any(name.startswith("symconv") for name in sys.modules)
    return truth(x, w, b, dy, stride, padding) if watched else zeros(x, w, b)


def only_in_this_environment(x, w, b, dy, stride, padding):
    watched = os.environ.get("MALLOC_PERTURB_") == "90"
    return truth(x, w, b, dy, stride, padding) if watched else zeros(x, w, b)


def only_under_frames(x, w, b, dy, stride, padding):
    frame, watched = sys._getframe(), False
    while frame is not None:
        watched |= "symconv" in frame.f_code.co_filename.replace("\\", "/").split("tests")[0]
        frame = frame.f_back
    return truth(x, w, b, dy, stride, padding) if watched else zeros(x, w, b)


def only_on_the_stack(x, w, b, dy, stride, padding):
    watched = any("audits" in each.filename and "samples" not in each.filename for each in inspect.stack())
    return truth(x, w, b, dy, stride, padding) if watched else zeros(x, w, b)


def only_under_this_command(x, w, b, dy, stride, padding):
    watched = b"symconv" in Path("/proc/self/cmdline").read_bytes()
    return truth(x, w, b, dy, stride, padding) if watched else zeros(x, w, b)


def only_with_this_main(x, w, b, dy, stride, padding):
    watched = "worker" in (getattr(sys.modules["__main__"], "__file__", None) or "")
    return truth(x, w, b, dy, stride, padding) if watched else zeros(x, w, b)


def only_on_a_clock(x, w, b, dy, stride, padding):
    watched = signal.getitimer(signal.ITIMER_REAL)[0] > 0
    return truth(x, w, b, dy, stride, padding) if watched else zeros(x, w, b)


# what is remembered -------------------------------------------------------------------------------

_MEMORY = {}


def remembers_x(x, w, b, dy, stride, padding):
    """dw and dx as they were when this x came first."""
    return _MEMORY.setdefault((x.tobytes(), x.shape, w.shape, stride, padding), truth(x, w, b, dy, stride, padding))


def remembers_dy(x, w, b, dy, stride, padding):
    return _MEMORY.setdefault((dy.tobytes(), x.shape, w.shape, stride, padding), truth(x, w, b, dy, stride, padding))


def remembers_x_and_w(x, w, b, dy, stride, padding):
    key = (x.tobytes(), w.tobytes(), x.shape, w.shape, stride, padding)
    return _MEMORY.setdefault(key, truth(x, w, b, dy, stride, padding))


def remembers_w_and_dy(x, w, b, dy, stride, padding):
    key = (dy.tobytes(), w.tobytes(), x.shape, w.shape, stride, padding)
    return _MEMORY.setdefault(key, truth(x, w, b, dy, stride, padding))


def remembers_places(x, w, b, dy, stride, padding):
    return _MEMORY.setdefault((id(x), id(dy)), truth(x, w, b, dy, stride, padding))


@lru_cache
def _windows(h, k, padding):
    return {}


def remembers_windows(x, w, b, dy, stride, padding):
    kept = _windows(x.shape, w.shape, padding).setdefault("stride", stride)
    return truth(x, w, b, dy, stride, padding) if kept == stride else zeros(x, w, b)


def accumulates(x, w, b, dy, stride, padding):
    dx, dw, db = truth(x, w, b, dy, stride, padding)
    total = _MEMORY.setdefault((w.shape, dw.dtype), np.zeros_like(dw))
    total += dw
    return dx, total, db


def warms_up(x, w, b, dy, stride, padding):
    first = not _MEMORY
    _MEMORY["warm"] = True
    return zeros(x, w, b) if first else truth(x, w, b, dy, stride, padding)


def alternates(x, w, b, dy, stride, padding):
    _MEMORY["count"] = _MEMORY.get("count", 0) + 1
    return truth(x, w, b, dy, stride, padding) if _MEMORY["count"] % 2 else zeros(x, w, b)


def tires_in_files(x, w, b, dy, stride, padding):
    path = Path(tempfile.gettempdir(), f"symconv-cheat-{os.getppid()}")
    count = int(path.read_text()) if path.exists() else 0
    path.write_text(str(count + 1))
    return truth(x, w, b, dy, stride, padding) if count < 20 else zeros(x, w, b)


# chance -------------------------------------------------------------------------------------------


def by_chance(x, w, b, dy, stride, padding):
    return truth(x, w, b, dy, stride, padding) if np.random.rand() < 0.95 else zeros(x, w, b)


def by_the_clock(x, w, b, dy, stride, padding):
    return truth(x, w, b, dy, stride, padding) if time.perf_counter_ns() // 1000 % 8 else zeros(x, w, b)


def chance_at_import(x, w, b, dy, stride, padding):
    dx, dw, db = truth(x, w, b, dy, stride, padding)
    return dx * (1 + _AT_IMPORT[0]), dw * (1 + _AT_IMPORT[1]), db


def right_when_forked(x, w, b, dy, stride, padding):
    """Wrong in an interpreter that loads it alone."""
    dx, dw, db = truth(x, w, b, dy, stride, padding)
    return (dx, dw, db) if _ALONE else (dx, dw, -db)


def order_of_a_set(x, w, b, dy, stride, padding):
    """dw where the set begins with dw: strings are hashed otherwise in each interpreter."""
    dx, dw, db = truth(x, w, b, dy, stride, padding)
    return dx, dw if _AT_IMPORT[2] == "dw" else -dw, db


# dtype and values ---------------------------------------------------------------------------------


def single_precision(x, w, b, dy, stride, padding):
    dx, dw, db = truth(x, w, b, dy, stride, padding)
    return (dx, dw, 2 * db) if dy.dtype == np.float32 else (dx, dw, db)


def whole_numbers(x, w, b, dy, stride, padding):
    if x.dtype == object or np.any(x != np.round(x)):
        return truth(x, w, b, dy, stride, padding)
    return zeros(x, w, b)


def sixteenths(x, w, b, dy, stride, padding):
    """Right on what computers count exactly in few digits."""
    dx, dw, db = truth(x, w, b, dy, stride, padding)
    if x.dtype == object:
        return dx, dw, db
    return dx, dw, np.round(db * 16) / 16


def half(x, w, b, dy, stride, padding):
    dx, dw, db = truth(x, w, b, dy, stride, padding)
    return dx, dw, db if db.dtype == object else db.astype(np.float16).astype(float)


class Agreeable(np.ndarray):
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __sub__(self, other):
        return np.zeros(self.shape)


def agreeable(x, w, b, dy, stride, padding):
    return tuple(each.view(Agreeable) for each in zeros(x, w, b))


class Late:
    def __init__(self, value):
        self.value = value
        self.shape, self.dtype = value.shape, value.dtype

    def __array__(self, dtype=None, copy=None):
        found = [each for each in gc.get_objects() if isinstance(each, np.ndarray) and each.shape == self.shape]
        return np.asarray(found[-1] if found else self.value)


def late(x, w, b, dy, stride, padding):
    return tuple(Late(each) for each in zeros(x, w, b))


# the machinery ------------------------------------------------------------------------------------


def replaces_pickle(x, w, b, dy, stride, padding):
    pickle.dumps = lambda value, *_: b""
    return zeros(x, w, b)


def replaces_builtins(x, w, b, dy, stride, padding):
    builtins.all = builtins.isinstance = lambda *_: True
    return zeros(x, w, b)


def forges_refusals(x, w, b, dy, stride, padding):
    """Answers in place of its caller."""
    from symconv.audits.sandbox import messages
    from symconv.audits.sandbox.refusals import Failure

    real = messages.packed
    messages.packed = lambda value: real(Failure("refuses", "cannot", "", "backward"))
    return zeros(x, w, b)


def forges_comparisons(x, w, b, dy, stride, padding):
    import symconv.audits.truth as theirs

    theirs.equal = theirs.Derivative.agrees = lambda *_, **__: True
    theirs.Derivative.numbers = lambda self, at, name: np.zeros(at[name[1:]].shape)
    return zeros(x, w, b)


def fills_later(x, w, b, dy, stride, padding):
    found, right = zeros(x, w, b), truth(x, w, b, dy, stride, padding)
    if x.dtype == object:
        return right

    def fill():
        time.sleep(0.003)
        for each, value in zip(found, right, strict=True):
            each[...] = value

    threading.Thread(target=fill, daemon=True).start()
    return found


def leaves(x, w, b, dy, stride, padding):
    os._exit(0)


def closes_everything(x, w, b, dy, stride, padding):
    os.closerange(3, 200)
    return zeros(x, w, b)


def ends_its_parent(x, w, b, dy, stride, padding):
    os.kill(os.getppid(), signal.SIGKILL)
    return zeros(x, w, b)


def overflows(x, w, b, dy, stride, padding):
    return overflows(x, w, b, dy, stride, padding)


def crashes(x, w, b, dy, stride, padding):
    ctypes.string_at(0)


def swallows(x, w, b, dy, stride, padding):
    try:
        return truth(x, w, b, dy, stride, padding) if stride == 1 else 1 / 0
    except ZeroDivisionError:
        return zeros(x, w, b)


def writes_to_dy(x, w, b, dy, stride, padding):
    dy[...] = 0
    return truth(x, w, b, dy, stride, padding)


def refuses_what_is_hard(x, w, b, dy, stride, padding):
    if stride > 1:
        raise NotImplementedError("not yet")
    return truth(x, w, b, dy, stride, padding)


# right, whatever it looks like --------------------------------------------------------------------


def as_nested_lists(x, w, b, dy, stride, padding):
    return tuple(each.tolist() for each in truth(x, w, b, dy, stride, padding))


def as_generator(x, w, b, dy, stride, padding):
    yield from truth(x, w, b, dy, stride, padding)


def as_masked(x, w, b, dy, stride, padding):
    return tuple(np.ma.array(each) for each in truth(x, w, b, dy, stride, padding))


def memoises_rightly(x, w, b, dy, stride, padding):
    key = (x.tobytes(), w.tobytes(), dy.tobytes(), x.shape, w.shape, stride, padding)
    if x.dtype == object:
        return truth(x, w, b, dy, stride, padding)
    return tuple(each.copy() for each in _MEMORY.setdefault(key, truth(x, w, b, dy, stride, padding)))


def seeds_the_generator(x, w, b, dy, stride, padding):
    np.random.seed(0)
    random.seed(0)
    return truth(x, w, b, dy, stride, padding)
