"""The search for the reading of a call: likely ones first, each tried on sizes that all differ; shapes decide, then values.

Values only tell readings apart that shapes and names leave equal, so a wrong function is not read in the way that makes it
right while its names say another.
"""

from __future__ import annotations

import inspect
import itertools
import re
import time
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symconv.audits.inference import assignments as told
from symconv.audits.inference.clock import OutOfTime, time_limit
from symconv.audits.inference.forms import plain_roles, styles, variants
from symconv.audits.inference.found import Found, find_outputs, find_y
from symconv.audits.inference.kinds import readings
from symconv.audits.inference.layouts import plain_array
from symconv.audits.inference.names import PLAIN
from symconv.audits.inference.probes import NotInferred, Probe, layer_like, probes
from symconv.audits.inference.reading import Reading, results, run

__all__ = ["Inferred", "NotInferred", "infer_call"]

#: in all so many seconds, and one call so many
SECONDS, ONE_CALL = 8.0, 2.0
#: a reading whose names cost so much more than those of one whose shapes fit is not tried
MARGIN = 0.9
#: and where nothing fits, by so much more than those of the likeliest
FAR = 2.6
#: of so many readings the other forms are tried
MOST_OTHERS = 40

#: layers that no reading is of, by what they are called
OTHER_KINDS = {"depthwise": "depth_?wise|separable", "transposed": "transpose|deconv|fractionally", "causal": "causal"}

#: axes, whether there is a batch, whether there are channels: in the order in which they are tried
KINDS = ((2, True, True), (1, True, True), (3, True, True), (2, False, True), (2, False, False), (2, True, False),
         (1, False, True), (1, False, False))  # fmt: skip


@dataclass(frozen=True)
class Inferred:
    """The reading that was settled on, on how many axes, and what else is to be said."""

    reading: Reading
    ndim: int
    notes: tuple[str, ...] = ()


@dataclass
class _Candidate:
    cost: float
    reading: Reading
    found: Found
    right: int
    strided: int
    raised: str = ""

    @property
    def key(self) -> tuple[float, ...]:
        return (self.found.fit, self.right, self.strided, -self.cost)


class _Search:
    def __init__(
        self,
        main: Any,
        forward: Any,
        kind: tuple[int, bool, bool],
        fixed: Mapping[str, Any],
        deadline: float,
        mode: str,
    ) -> None:
        self.mode, self.kind = mode, kind
        self.main, self.forward, self.fixed, self.deadline = main, forward, fixed, deadline
        self.ndim, self.batch, self.channel = kind
        self.probes = probes(*kind)
        self.best: _Candidate | None = None
        self.equals: list[_Candidate] = []
        #: the likeliest reading that raised, and what
        self.failure: tuple[float, BaseException, Reading] | None = None
        #: what the code uses and this machine lacks
        self.missing: str | None = None
        self._special: Probe | None = None

    def go(self, readings: Iterator[tuple[float, Reading]], others: bool) -> None:
        """Try readings, in order, until one does all that is asked or none that is left is likely.

        With ``others`` the other forms of a bias, a kernel size and a padding, else the usual one.
        """
        first: float | None = None
        for tried, (cost, reading) in enumerate(readings):
            first = cost if first is None else first
            if time.monotonic() > self.deadline or cost > first + FAR or (others and tried >= MOST_OTHERS):
                return
            best = self.best
            if best is not None and best.found.fit >= 2 and cost > best.cost + (MARGIN if best.right else FAR):
                return
            self._try(cost, reading, others)
            if self.settled:
                return

    @property
    def settled(self) -> bool:
        """Whether all of what was tried is right."""
        return self.best is not None and self.best.found.fit >= 3 and self.best.right + self.best.strided >= 6

    @property
    def likely(self) -> bool:
        """Whether something came of it."""
        return self.best is not None and self.best.found.fit >= 2 and self.best.right > 0

    def ran(self, reading: Reading, probe: Probe) -> Any:
        forward = self.main if self.mode == "forward" else self.forward
        with time_limit(ONE_CALL), np.errstate(all="ignore"):
            return run(reading, self.main, forward, probe.conv, probe.at, backward=self.mode != "forward")

    def _found(self, reading: Reading, ran: Any, probe: Probe) -> Found:
        if self.mode == "forward":
            return find_y(reading, ran, probe.conv.y_shape, self.ndim)
        shapes = {name: probe.conv.shapes[name] for name in ("dx", "dw", "db")}
        return find_outputs(reading, ran, shapes, self.ndim, probe.right)

    def got(self, reading: Reading, probe: Probe) -> Mapping[str, Any]:
        if self.mode == "forward":
            return self._found(reading, self.ran(reading, probe), probe).values
        return results(reading, self.ran(reading, probe), probe.conv)

    def _try(self, cost: float, reading: Reading, others: bool) -> None:
        for probe in self.probes[:2]:
            for variant in itertools.islice(variants(reading), 1, None) if others else [reading]:
                try:
                    ran = self.ran(variant, probe)
                    found = self._found(variant, ran, probe)
                except OutOfTime as error:
                    self.note(cost, error, variant)
                    return
                except BaseException as error:
                    self.note(cost, error, variant)
                    continue
                lacks = _lacks(variant, found)
                if lacks:
                    self.note(cost + 1, LookupError(f"{lacks} was handed over nowhere"), variant)
                    continue
                usual = self.batch and self.channel and self.ndim > 1
                other = _other_layer(variant, ran, found, usual) if self.mode != "forward" else None
                if other:
                    self.note(-1.0, LookupError(other), variant)
                    continue
                if not found.outputs:
                    self.note(cost + 1, LookupError("returned no array and left none"), variant)
                    continue
                self._take(cost + 0.05 * others, replace(variant, outputs=found.outputs), found, probe)
                if self.settled or not others:
                    return

    def _take(self, cost: float, reading: Reading, found: Found, probe: Probe) -> None:
        full = 1 if self.mode == "forward" else 3
        right = sum(probe.right(output, value) for output, value in found.values.items()) * 3 // full
        strided = 0
        if {"stride", "padding"} & plain_roles(reading):
            reading, strided = self._strided(reading)
            strided = strided * 3 // full
        elif right == 3:
            strided = 3
        candidate = _Candidate(cost, reading, found, right, strided)
        if self.best is None or candidate.key > self.best.key:
            self.best = candidate

    def _strided(self, reading: Reading) -> tuple[Reading, int]:
        roles = plain_roles(reading)
        probe = self.probes[2] if {"stride", "padding"} <= roles else self._partly(roles)
        best = (0, reading)
        for variant in sorted(styles(reading), key=lambda each: each.padding == "word"):  # numbers say more than words
            if "word" == reading.padding != variant.padding and not self._takes_none(variant):
                continue  # any number is a word that it does not know, and stands for the other
            try:
                got = self.got(variant, probe)
            except BaseException:
                continue
            count = sum(probe.right(output, value) for output, value in got.items() if output in probe.truth)
            if count > best[0]:
                best = (count, variant)
        return best[1], best[0]

    def _takes_none(self, reading: Reading) -> bool:
        """Whether something is right where the padding is said to be none."""
        probe = self.probes[1]
        try:
            got = self.got(reading, probe)
        except BaseException:
            return False
        return any(probe.right(output, value) for output, value in got.items() if output in ("y", "dx", "dw"))

    def _partly(self, roles: set[str]) -> Probe:
        """A geometry for a function that takes a stride or a padding, not both."""
        if self._special is None:
            one = self.probes[2].conv
            stride, pad = (2, 0) if "stride" in roles else (1, 1)
            size = tuple(k + 3 * stride - 2 * pad + i * 2 * stride for i, k in enumerate(one.kernel))
            self._special = Probe(layer_like(one, size, one.kernel, stride, pad))
        return self._special

    def note(self, cost: float, error: BaseException, reading: Reading) -> None:
        if isinstance(error, ModuleNotFoundError):
            self.missing = str(error)
        if self.failure is None or cost < self.failure[0]:
            self.failure = (cost, error, reading)


def _lacks(reading: Reading, found: Found) -> str | None:
    """The array that an output is made of and that no call of this reading hands over: what came out says nothing then."""
    roles = {role.partition("/")[0] for role in reading.roles} | {role for _, role in reading.sets}
    if not {"w", "x"} - roles or ("cache" in roles and not reading.cache):
        return None
    names = {output for output, _ in found.outputs}
    return next(
        (word for output, word, role in (("dx", "w", "w"), ("dw", "x", "x")) if output in names and role not in roles),
        None,
    )


def _other_layer(reading: Reading, ran: Any, found: Found, usual: bool) -> str | None:
    """Why what came out is that of another layer than the one that was asked for, or says nothing: its forward pass gives another
    size, or, where other axes than the usual ones are tried, all is zero, as where a loop has no turns."""
    _, y, _, made = ran
    due = np.shape(made.get("dy"))
    shapes = [
        value.shape for value in map(plain_array, y if isinstance(y, tuple) else (y,)) if isinstance(value, np.ndarray)
    ]
    kept = np.shape(made.get("x"))  # what only keeps x hands it on
    if reading.kind != "closure" and shapes and not {due, kept} & set(shapes):
        told = "it pads by itself, or is another kind of layer"
        return f"its forward pass gives y of shape {shapes[0]} where stride 1 without padding gives {due}: {told}"
    if not usual and found.values and not any(np.any(value) for value in found.values.values()):
        return "all that it returned is zero"
    return None


def _check_args(main: Any, forward: Any, args: Mapping[str, str]) -> None:
    """NotInferred for a parameter that is named and is not there."""
    each = [main, forward, *(getattr(main, name, None) for name in dir(main) if isinstance(main, type))]
    known = [p.name for function in each if callable(function) for p in told.parameters(function)]
    for name in args:
        if name not in known:
            own = ", ".join(p.name for p in told.parameters(main))
            raise NotInferred(f"--args {name}={args[name]}: {getattr(main, '__name__', 'it')} takes ({own}), no {name}")


def _takes_tensors(main: Any) -> bool:
    """Whether a function or class is written with PyTorch: one of its own, or it calls functions of that by name."""
    bases = getattr(main, "__mro__", ())
    if any(each.__module__.partition(".")[0] == "torch" for each in bases):
        return True
    functions = (each for each in (main, *vars(main).values()) if isinstance(each, types.FunctionType))
    names = next((each.__globals__ for each in functions), {})
    source = told.source_of(main)
    of_torch = [name for name, value in names.items() if getattr(value, "__name__", "").partition(".")[0] == "torch"
                and isinstance(value, types.ModuleType)]  # fmt: skip
    return any(re.search(rf"\b{name}\.", source) for name in of_torch)


def infer_call(
    main: Any,
    forward: Any = None,
    fixed: Mapping[str, Any] | None = None,
    mode: str = "backward",
    seconds: float = SECONDS,
) -> Inferred:
    """The reading of a call; NotInferred when none fits."""
    fixed = dict(fixed or {})
    _check_args(main, forward, fixed.get("args") or {})
    if _takes_tensors(main):
        fixed["tensors"] = True
    deadline = time.monotonic() + seconds
    searches: list[_Search] = []
    kinds = [kind for kind in KINDS if fixed.get("ndim", kind[0]) == kind[0] and fixed.get("batch", kind[1]) == kind[1]]
    for others in (False, True):
        for kind in kinds:
            search = next((each for each in searches if each.kind == kind), None)
            if search is None:
                search = _Search(main, forward, kind, fixed, deadline, mode)
                searches.append(search)
            search.go(readings(search, fixed), others)
            if search.likely:  # the axes are right: nothing else is to be tried but other forms
                kinds = [kind]
                break
        if any(search.likely and search.best.found.fit >= 3 for search in searches if search.best):
            break
    with_best = [search for search in searches if search.best is not None]
    if not with_best:
        names = tuple(each.name for each in told.parameters(main))
        missing = next((each.missing for each in searches if each.missing), None)
        raise NotInferred(missing or _told(main, searches), plain=names[: len(PLAIN)] == PLAIN)

    def rank(each: _Search) -> tuple[Any, ...]:
        assert each.best is not None
        return (each.best.found.fit >= 2, each.best.right > 0, each.best.found.fit, -searches.index(each))

    search = max(with_best, key=rank)
    assert search.best is not None
    reading = search.best.reading
    reading = replace(
        reading, oblong=_takes_oblong(search, reading), square=reading.square or _needs_square(search, reading)
    )
    return Inferred(reading, search.ndim)


def _takes_oblong(search: _Search, reading: Reading) -> bool:
    stride = (1, 2, 1) if "stride" in plain_roles(reading) else (1, 1, 1)
    pad = (1, 0, 0) if "padding" in plain_roles(reading) and reading.padding != "word" else (0, 0, 0)
    n = search.ndim
    if n == 1:
        return False
    conv = search.probes[1].conv
    probe = Probe(layer_like(conv, (6, 7, 5)[:n], conv.kernel, stride[:n], pad[:n]))
    try:
        got = search.got(reading, probe)
    except BaseException:
        return False
    # db does not depend on the stride: that it is right says nothing
    return any(probe.right(output, value) for output, value in got.items() if output in probe.truth and output != "db")


def _needs_square(search: _Search, reading: Reading) -> bool:
    """Whether a kernel size is handed over as one number and two are not taken."""
    if not any(role.startswith("kernel") and role[-1] not in "01" for role in reading.roles):
        return False
    try:
        search.ran(reading, search.probes[0])
    except BaseException:
        return True
    return False


def _signature(main: Any) -> str:
    """What a function without parameters of a name takes: ``*args``, or nothing."""
    try:
        return str(inspect.signature(main)).partition(")")[0].strip("()")
    except (TypeError, ValueError):
        return "unknown"


def _told(main: Any, searches: Sequence[_Search]) -> str:
    parameters = ", ".join(p.name for p in told.parameters(main)) or _signature(main)
    name = getattr(main, "__name__", "it")
    failures = [search.failure for search in searches if search.failure is not None]
    if not failures:
        return (f"how {name}({parameters}) is called is not known: no parameter stands for dy; say so with --args, or use "
                "--adapter")  # fmt: skip
    # one that went through and came to nothing says more than one that did not
    _, error, _reading = min(failures, key=lambda failure: (type(failure[1]) is not LookupError, failure[0]))
    frames = inspect.getinnerframes(error.__traceback__) if error.__traceback__ else []
    where = f" ({frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno})" if frames else ""
    phase = getattr(error, "symconv_phase", "reading results")
    kind = next(
        (word for word, names in OTHER_KINDS.items() if re.search(names, name + parameters, re.IGNORECASE)), None
    )
    advice = f"{kind} layers are not inferred, write" if kind else "say how it is called with --args, --layout, or"
    return (f"no call of {name}({parameters}) went through; the likeliest failed in {phase}: {type(error).__name__}: "
            f"{' '.join(str(error).split())[:160]}{where}; {advice} --adapter")  # fmt: skip
