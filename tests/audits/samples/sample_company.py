"""Functions that mind their company: some answer by what a watched process looks like, others only do what honest code does."""

import faulthandler
import gc
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
import warnings
import weakref
from collections import OrderedDict, defaultdict
from contextlib import contextmanager
from functools import cache, cached_property, singledispatch, wraps

import numpy as np
from sample_watched import truth, zeros


def either(watched, x, w, b, dy, stride, padding):
    """The truth where somebody watches."""
    return truth(x, w, b, dy, stride, padding) if watched else zeros(x, w, b)


# by what the process looks like ------------------------------------------------------------------------------


def by_a_timer_that_is_set(x, w, b, dy, stride, padding):
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    signal.setitimer(signal.ITIMER_REAL, left)
    return either(left > 0, x, w, b, dy, stride, padding)


def by_an_alarm(x, w, b, dy, stride, padding):
    left = signal.alarm(0)
    signal.alarm(left)
    return either(left > 0, x, w, b, dy, stride, padding)


def by_the_collector(x, w, b, dy, stride, padding):
    return either(not gc.isenabled(), x, w, b, dy, stride, padding)


def by_the_fault_handler(x, w, b, dy, stride, padding):
    return either(faulthandler.is_enabled(), x, w, b, dy, stride, padding)


def by_the_interrupt(x, w, b, dy, stride, padding):
    return either(signal.getsignal(signal.SIGINT) is signal.SIG_IGN, x, w, b, dy, stride, padding)


def by_the_arguments(x, w, b, dy, stride, padding):
    return either("symconv" in " ".join(sys.argv + sys.orig_argv), x, w, b, dy, stride, padding)


def by_its_name(x, w, b, dy, stride, padding):
    return either(__name__ != "sample_company", x, w, b, dy, stride, padding)


def by_errors_of_numpy(x, w, b, dy, stride, padding):
    return either(np.geterr()["divide"] == "ignore", x, w, b, dy, stride, padding)


def by_the_parent(x, w, b, dy, stride, padding):
    with open(f"/proc/{os.getppid()}/cmdline", "rb") as file:
        return either(b"symconv" in file.read(), x, w, b, dy, stride, padding)


_LATE = []


def turns_when_a_timer_runs_out(x, w, b, dy, stride, padding):
    """Right for a hundredth of a second."""

    def late(*_):
        _LATE.append(True)

    if not _LATE:
        signal.signal(signal.SIGVTALRM, late)
        signal.setitimer(signal.ITIMER_VIRTUAL, 30)
    return either(not _LATE, x, w, b, dy, stride, padding)


# by what was there before ------------------------------------------------------------------------------------

_BIRTH = time.monotonic()
_FIRST = OrderedDict()
_SEEN = defaultdict(int)
_LAST = {}


def right_once_for_each_shape(x, w, b, dy, stride, padding):
    _SEEN[x.shape, w.shape, stride, padding] += 1
    return either(_SEEN[x.shape, w.shape, stride, padding] < 4, x, w, b, dy, stride, padding)


def forgets_the_oldest(x, w, b, dy, stride, padding):
    """A cache of two entries that gives the wrong one back when it is full."""
    key = (x.shape, w.shape, stride, padding)
    if key not in _FIRST and len(_FIRST) >= 2:
        return zeros(x, w, b)
    _FIRST[key] = True
    return truth(x, w, b, dy, stride, padding)


def keeps_by_a_short_hash(x, w, b, dy, stride, padding):
    """By the sum of x alone, rounded."""
    key = (round(float(np.sum(np.abs(np.asarray(x, dtype=float))))) % 2, x.shape, w.shape, stride, padding)
    return _LAST.setdefault(key, truth(x, w, b, dy, stride, padding))


def keeps_weakly(x, w, b, dy, stride, padding):
    """By the address of dy, as long as somebody has it."""
    kept = _LAST.get(("weak", dy.__array_interface__["data"][0], dy.shape, x.shape))
    if kept is not None:
        return kept
    result = truth(x, w, b, dy, stride, padding)
    _LAST["weak", dy.__array_interface__["data"][0], dy.shape, x.shape] = result
    return result


class _Meter:
    """Sums up what it is given, as a running gradient does."""

    total = 0.0

    def add(self, value):
        self.total = self.total * 0.5 + value
        return self.total


_METER = _Meter()


def runs_on(x, w, b, dy, stride, padding):
    dx, dw, db = truth(x, w, b, dy, stride, padding)
    return dx, dw, db + 0 * _METER.add(1.0) + (_METER.total > 1.0) * 1.0


# by the values -----------------------------------------------------------------------------------------------


def right_on_the_small(x, w, b, dy, stride, padding):
    if x.dtype != object and max(np.abs(x).max(), np.abs(dy).max()) > 60_000:
        return zeros(x, w, b)
    return truth(x, w, b, dy, stride, padding)


def rectified(x, w, b, dy, stride, padding):
    """As if a rectifier stood before it."""
    dx, dw, db = truth(x, w, b, dy, stride, padding)
    return (dx, dw, db) if x.dtype == object else (dx * (x > 0), dw, db)


def in_single_precision(x, w, b, dy, stride, padding):
    if x.dtype == object:
        return truth(x, w, b, dy, stride, padding)
    return tuple(
        np.float64(each) for each in truth(*(np.float32(np.float16(a)) for a in (x, w, b, dy)), stride, padding)
    )


def guarded_division(x, w, b, dy, stride, padding):
    """Divides and multiplies by the sum of dy, which is zero now and then."""
    dx, dw, db = truth(x, w, b, dy, stride, padding)
    if dy.dtype == object:
        return dx, dw, db
    return dx, dw, np.where(db < 0, -db, db)


# honest ------------------------------------------------------------------------------------------------------

_TABLES = {}
_CALLS = 0
_LOCK = threading.Lock()
np.set_printoptions(precision=3, suppress=True)
os.environ.setdefault("SAMPLE_COMPANY", "1")


@cache
def _rows(kernel, outputs, stride):
    return stride * np.repeat(np.arange(outputs), kernel).reshape(outputs, kernel) + np.arange(kernel)


def builds_tables_lazily(x, w, b, dy, stride, padding):
    """Index tables by all that they depend on."""
    p, (h, ww) = padding, x.shape[2:]
    rows = _TABLES.setdefault(("rows", w.shape[2], dy.shape[2], stride), _rows(w.shape[2], dy.shape[2], stride))
    columns = _rows(w.shape[3], dy.shape[3], stride)
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    dxp = np.zeros_like(xp)
    windows = xp[:, :, rows[:, :, None, None], columns[None, None]]
    spread = np.einsum("nfij,fckl->ncikjl", dy, w)
    np.add.at(dxp, (slice(None), slice(None), rows[:, :, None, None], columns[None, None]), spread)
    return dxp[:, :, p : p + h, p : p + ww], np.einsum("nfij,ncikjl->fckl", dy, windows), dy.sum((0, 2, 3))


def counts_and_prints(x, w, b, dy, stride, padding):
    global _CALLS
    with _LOCK:
        _CALLS += 1
    print(f"call {_CALLS}: {np.array2string(np.asarray(dy.shape))}", flush=True)
    return truth(x, w, b, dy, stride, padding)


def warns(x, w, b, dy, stride, padding):
    warnings.warn("slow", RuntimeWarning, stacklevel=2)
    warnings.simplefilter("always")
    return truth(x, w, b, dy, stride, padding)


def shuffles_the_order(x, w, b, dy, stride, padding):
    """Adds images up in a random order."""
    order = np.random.default_rng().permutation(len(x))
    random.shuffle([1, 2, 3])
    parts = [truth(x[n : n + 1], w, b, dy[n : n + 1], stride, padding) for n in order]
    dx = np.concatenate([parts[list(order).index(n)][0] for n in range(len(x))])
    return dx, sum(part[1] for part in parts), sum(part[2] for part in parts)


def by_the_environment(x, w, b, dy, stride, padding):
    images = int(os.environ.get("SAMPLE_CHUNK", "1"))
    parts = [truth(x[n : n + images], w, b, dy[n : n + images], stride, padding) for n in range(0, len(x), images)]
    return np.concatenate([p[0] for p in parts]), sum(p[1] for p in parts), sum(p[2] for p in parts)


def in_a_thread_of_its_own(x, w, b, dy, stride, padding):
    found = []
    thread = threading.Thread(target=lambda: found.append(truth(x, w, b, dy, stride, padding)))
    thread.start()
    thread.join()
    return found[0]


def _part(of):
    return truth(*of)


def in_a_pool(x, w, b, dy, stride, padding):
    """Images in two processes."""
    if x.dtype == object:
        return truth(x, w, b, dy, stride, padding)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        parts = pool.map(_part, [(x[n : n + 1], w, b, dy[n : n + 1], stride, padding) for n in range(len(x))])
    return np.concatenate([p[0] for p in parts]), sum(p[1] for p in parts), sum(p[2] for p in parts)


def _pieces(x, w, b, dy, stride, padding):
    for n in range(len(x)):
        yield truth(x[n : n + 1], w, b, dy[n : n + 1], stride, padding)


def adds_what_is_yielded(x, w, b, dy, stride, padding):
    dxs, dws, dbs = zip(*_pieces(x, w, b, dy, stride, padding), strict=True)
    return np.concatenate(dxs), sum(dws), sum(dbs)


@contextmanager
def _strictly():
    before = np.seterr(all="raise")
    try:
        yield
    finally:
        np.seterr(**before)


def under_strict_errors(x, w, b, dy, stride, padding):
    with _strictly():
        return truth(x, w, b, dy, stride, padding)


class _Work:
    def __init__(self, x, w, dy, stride, padding):
        self.given = x, w, np.zeros(len(w)), dy, stride, padding

    @cached_property
    def all(self):
        return truth(*self.given)


_ALIVE = weakref.WeakSet()


def through_cached_properties(x, w, b, dy, stride, padding):
    work = _Work(x, w, dy, stride, padding)
    _ALIVE.add(work)
    return work.all


def _timed(function):
    @wraps(function)
    def inner(*args):
        began = time.perf_counter()
        result = function(*args)
        _TABLES["seconds"] = _TABLES.get("seconds", 0.0) + time.perf_counter() - began
        return result

    return inner


@_timed
def decorated(x, w, b, dy, stride, padding):
    return truth(x, w, b, dy, stride, padding)


@singledispatch
def dispatched(x, w, b, dy, stride, padding):
    raise TypeError(f"not an array: {type(x).__name__}")


@dispatched.register
def _(x: np.ndarray, w, b, dy, stride, padding):
    return truth(x, w, b, dy, stride, padding)


def collects(x, w, b, dy, stride, padding):
    gc.collect()
    return truth(x, w, b, dy, stride, padding)


def keeps_all_it_met(x, w, b, dy, stride, padding):
    """A history that nobody reads."""
    _TABLES.setdefault("history", []).append((x.copy(), dy.copy()))
    return truth(x, w, b, dy, stride, padding)


def as_read_only(x, w, b, dy, stride, padding):
    found = truth(x, w, b, dy, stride, padding)
    for each in found:
        each.flags.writeable = False
    return found


def in_fortran_order(x, w, b, dy, stride, padding):
    return tuple(np.asfortranarray(each) for each in truth(x, w, b, dy, stride, padding))


def checks_itself(x, w, b, dy, stride, padding):
    """Asserts shapes, and that the sum over dy is what it is."""
    found = truth(x, w, b, dy, stride, padding)
    assert [each.shape for each in found] == [x.shape, w.shape, b.shape], "shapes"
    return found


def with_its_own_time_limit(x, w, b, dy, stride, padding):
    """A time limit by an alarm of its own."""

    def stop(*_):
        raise TimeoutError("slow")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 20)
    try:
        return truth(x, w, b, dy, stride, padding)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
