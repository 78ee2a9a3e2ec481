"""One-token mutants of the rooms every verdict rests on, each tried on the tests that reach its line.

    python -m tests.core_mutants --sample 150 --seed 1 --results mutants.jsonl --notes notes.json

A forked child runs the tests once and notes which lines each test reaches. For every mutant another child exchanges the code
of one function in place, empties all caches, and runs the tests that reach the changed line, short ones first, until one fails.
Results are appended to a file of JSON lines; those in it are not tried again. Mutants that mean the same as the code are
argued in tests/argued_mutants.py and not counted.
"""

from __future__ import annotations

import argparse
import collections
import difflib
import functools
import gc
import importlib.abc
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.argued_mutants import ARGUED
from tests.core_nodes import ROOMS, ROOT, Mutant, mutants, sample

TESTS = (
    "tests/proof", "tests/test_integers.py", "tests/test_values.py", "tests/test_verification.py", "tests/test_parser.py",
    "tests/test_derive.py", "tests/test_geometry.py", "tests/test_moves.py", "tests/test_by_axes.py", "tests/test_second.py",
    "tests/test_padding_modes.py", "tests/test_differences.py", "tests/test_foundations.py", "tests/test_algebra.py",
    "tests/test_layer.py", "tests/test_formulas.py",
    *(f"symconv/{room}" for room in ROOMS),
)  # fmt: skip
#: tests that a mutant of what runs at import alone is tried on
QUICK = ("tests/test_layer.py", "tests/test_formulas.py", "tests/test_moves.py", "tests/proof/test_texts.py")
#: seconds that the tests of one mutant may take together, by their times without it
SECONDS = 5.0
#: what few tests need and takes seconds to load
HEAVY = ("torch", "cvc5")
PLAIN = (
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "-W",
    "ignore",
    "-m",
    "not slow",
    "-s",
    "-q",
    "--no-header",
    "--no-summary",
)


@dataclass(eq=False)
class Notes:
    """Which tests reach which lines, their seconds, the modules that they load, and the text of the files they were taken on."""

    seconds: dict[str, float] = field(default_factory=dict)
    reached: dict[str, dict[str, list[int]]] = field(default_factory=dict)  # test -> file -> lines
    modules: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path | None) -> Notes:
        notes = cls(**json.loads(path.read_text())) if path and path.exists() else cls()
        notes.refresh()
        return notes

    def refresh(self) -> None:
        """Bring the lines to the files as they are now, by what is still the same in them."""
        for file, text in texts_now().items():
            if (old := self.texts.get(file, text)) != text:
                there = _same_lines(old, text)
                for files in self.reached.values():
                    if file in files:
                        files[file] = [there[line] for line in files[file] if line in there]
            self.texts[file] = text

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.__dict__))

    def tests_of_lines(self) -> dict[tuple[str, int], set[str]]:
        """(file, line) -> the tests that reach it."""
        found: dict[tuple[str, int], set[str]] = collections.defaultdict(set)
        for test, files in self.reached.items():
            for file, lines in files.items():
                for line in lines:
                    found[file, line].add(test)
        return found


def texts_now() -> dict[str, str]:
    files = (path for room in ROOMS for path in (ROOT / "symconv" / room).glob("*.py"))
    return {str(path.relative_to(ROOT)): path.read_text() for path in files}


def _same_lines(old: str, new: str) -> dict[int, int]:
    if old == new:
        return {n: n for n in range(1, old.count("\n") + 2)}
    blocks = difflib.SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False).get_matching_blocks()
    return {each.a + n: each.b + n for each in blocks for n in range(1, each.size + 1)}


def reach(item: pytest.Item) -> tuple[float, dict[str, list[int]]] | None:
    """(seconds, file -> lines of the rooms that the test reaches); None where it does not pass."""
    lines: dict[CodeType, set[int]] = {}
    full: dict[CodeType, set[int]] = {}
    ours = tuple(str(ROOT / "symconv" / room) + os.sep for room in ROOMS)

    def inner(frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            lines[frame.f_code].add(frame.f_lineno)
        return inner

    def outer(frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(ours):
            return None
        if code not in lines:
            lines[code] = {code.co_firstlineno}
            full[code] = {line for *_, line in code.co_lines() if line}
        return None if lines[code] >= full[code] else inner

    begun = time.process_time()
    sys.settrace(outer)
    try:
        reports = runtestprotocol(item, log=False, nextitem=None)
    finally:
        sys.settrace(None)
    if not all(each.passed for each in reports):
        return None
    found: dict[str, set[int]] = {}
    for code, seen in lines.items():
        found.setdefault(str(Path(code.co_filename).relative_to(ROOT)), set()).update(seen)
    return time.process_time() - begun, {file: sorted(seen) for file, seen in found.items()}


def forked(work: Callable[[int], None], seconds: float | None = None) -> tuple[int, str]:
    """(status, what it wrote to its pipe) of ``work`` done in a child, ended by a signal after so many seconds of work."""
    ear, mouth = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(ear)
        if seconds is not None:
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_PROF, seconds)
            signal.setitimer(signal.ITIMER_REAL, 30 * seconds)  # asleep, it uses none
        quiet = os.open(os.devnull, os.O_RDWR)
        for each in (0, 1, 2):
            os.dup2(quiet, each)
        try:
            work(mouth)
        except BaseException as error:
            os.write(mouth, f"{type(error).__name__}: {error}".encode()[:4000])
            os._exit(9)
        os._exit(0)
    os.close(mouth)
    with os.fdopen(ear, "rb") as pipe:
        heard = pipe.read()
    return os.waitpid(pid, 0)[1], heard.decode(errors="replace")


def loaded_anew(mutant: Mutant) -> dict[str, Any]:
    """What becomes of a mutant that no test reaches: a function may run at import alone, so that the package has to be loaded
    with the change in it, in a process of its own."""
    command = [sys.executable, "-m", "tests.core_mutants", "--load", mutant.file, str(mutant.number)]
    try:
        ended = subprocess.run(command, cwd=ROOT, timeout=600, capture_output=True, check=False).returncode
    except subprocess.TimeoutExpired:
        return {"state": "timeout"}
    if ended not in (0, 1, 2):  # all pass, some fail, or a file of tests cannot even be loaded
        raise RuntimeError(f"{mutant}: loaded anew, it ended with {ended}")
    return {"state": "unreached" if ended == 0 else "killed", "by": "loaded anew"}


class _Changed(importlib.abc.Loader):
    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(self.mutant.module(), module.__dict__)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds one module, changed."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        self.name = ".".join(mutant.path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        if name != self.name:
            return None
        inside = [str(self.mutant.path.parent)] if self.mutant.path.stem == "__init__" else None
        return importlib.util.spec_from_file_location(
            name, self.mutant.path, loader=_Changed(self.mutant), submodule_search_locations=inside
        )


def load(file: str, number: int) -> int:
    """The status of the quick tests with one mutant in the package."""
    found = [each for each in mutants() if (each.file, each.number) == (file, number)]
    if not found:
        raise SystemExit(70)
    (mutant,) = found
    sys.meta_path.insert(0, _Finder(mutant))
    paths = [str(ROOT / each) for each in QUICK]
    # pytest would load the package itself to rewrite its assertions, as it has a plugin in it
    return int(pytest.main([*paths, "-x", "--assert=plain", *PLAIN]))


@dataclass(eq=False)
class Trials:
    """A pytest plugin that tries mutants instead of running the tests that were collected."""

    chosen: list[Mutant]
    notes: Notes
    notes_path: Path | None
    results: Path | None
    seconds: float = SECONDS
    tried: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    functions: dict[tuple[str, str, int], list[FunctionType]] = field(default_factory=dict)
    caches: list[Any] = field(default_factory=list)
    killers: collections.Counter[tuple[str, str]] = field(default_factory=collections.Counter)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {each.nodeid: each for each in session.items}
        self.take_notes(items)
        for name in (each for each in self.notes.modules if not each.startswith(HEAVY)):  # the children find it loaded
            try:
                importlib.import_module(name)
            except BaseException:
                continue
        gc.collect()
        for each in gc.get_objects():
            if isinstance(each, functools._lru_cache_wrapper):
                self.caches.append(each)
            elif isinstance(each, FunctionType):
                code = each.__code__
                self.functions.setdefault((code.co_filename, code.co_qualname, code.co_firstlineno), []).append(each)
        gc.freeze()
        lines = self.notes.tests_of_lines()
        for mutant in self.chosen:
            if mutant.key not in self.tried:
                self.tried[mutant.key] = self.result(mutant, items, lines)
                self.keep(mutant)
        return True

    def take_notes(self, items: dict[str, pytest.Item]) -> None:
        """Run what is not noted yet, in a child, so that no test leaves anything behind here."""
        new = [name for name in items if name not in self.notes.seconds]
        before = set(sys.modules)

        def work(mouth: int) -> None:
            with os.fdopen(mouth, "w") as out:
                for name in new:
                    if found := reach(items[name]):
                        print(json.dumps([name, *found]), file=out)
                print(json.dumps(sorted(set(sys.modules) - before)), file=out)

        if not new:
            return
        begun = time.time()
        status, heard = forked(work)
        if status:
            raise RuntimeError(f"noting the tests ended with status {status}: {heard[-300:]}")
        *tests, modules = (json.loads(line) for line in heard.splitlines())
        for name, seconds, reached in tests:
            self.notes.seconds[name], self.notes.reached[name] = seconds, reached
        self.notes.modules = sorted({*self.notes.modules, *modules})
        if self.notes_path:
            self.notes.write(self.notes_path)
        print(f"{len(tests)} of {len(new)} tests noted in {time.time() - begun:.0f} s", flush=True)

    def tests(self, mutant: Mutant, items: dict[str, pytest.Item], lines: dict[tuple[str, int], set[str]]) -> list[str]:
        """Those that reach the changed statement: first what killed others in the function or file, then short ones first, as
        many as there is time for."""
        reaching = {test for line in mutant.lines for test in lines.get((mutant.file, line), ()) if test in items}

        def order(test: str) -> tuple[float, float]:
            known = 4 * self.killers[mutant.file + mutant.name, test] + self.killers[mutant.file, test]
            return -known if self.notes.seconds[test] < 1 else 0, self.notes.seconds[test]

        chosen, left = [], self.seconds
        for each in sorted(reaching, key=order):
            left -= self.notes.seconds[each]
            if left >= 0 or not chosen:
                chosen.append(each)
        return chosen[:500]

    def result(
        self, mutant: Mutant, items: dict[str, pytest.Item], lines: dict[tuple[str, int], set[str]]
    ) -> dict[str, Any]:
        tests = self.tests(mutant, items, lines)
        if not tests:
            return loaded_anew(mutant)
        code = mutant.code()
        targets = self.functions.get((str(mutant.path), mutant.name, mutant.first))
        if not targets:
            raise RuntimeError(f"{mutant}: its function was not found")

        def work(mouth: int) -> None:
            for cache in self.caches:
                cache.cache_clear()
            for each in targets:
                each.__code__ = code
            for test, following in zip(tests, [*tests[1:], None], strict=True):
                reports = runtestprotocol(items[test], log=False, nextitem=items[following] if following else None)
                if not all(each.passed for each in reports):
                    os.write(mouth, test.encode())
                    os._exit(1)

        begun = time.time()
        status, heard = forked(work, 1.5 * sum(self.notes.seconds[each] for each in tests) + 2)
        state = {0: "survives"}.get(status, "killed" if os.WIFEXITED(status) else "timeout")
        if state == "killed":
            self.killers[mutant.file + mutant.name, heard] += 1
            self.killers[mutant.file, heard] += 1
        return {"state": state, "by": heard, "seconds": round(time.time() - begun, 1), "tests": len(tests)}

    def keep(self, mutant: Mutant) -> None:
        entry = {"mutant": str(mutant), "key": list(mutant.key), **self.tried[mutant.key]}
        if self.results:
            with self.results.open("a") as out:
                out.write(json.dumps(entry) + "\n")
        print(f"{entry['state']:9} {mutant}", flush=True)


def report(chosen: list[Mutant], tried: dict[tuple[str, ...], dict[str, Any]]) -> str:
    """The rate, and every survivor with its line."""
    states = collections.Counter(tried[each.key]["state"] for each in chosen)
    alive = [each for each in chosen if tried[each.key]["state"] in ("survives", "unreached")]
    lines = [f"{each}   | {each.text}" for each in sorted(alive, key=lambda each: (each.file, each.line))]
    share = len(alive) / max(len(chosen), 1)
    return "\n".join([*lines, f"{dict(states)} of {len(chosen)}: {len(alive)} alive, {share:.1%}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of tests for each mutant")
    parser.add_argument("--rooms", nargs="*", default=ROOMS)
    parser.add_argument("--files", nargs="*", help="only mutants in files whose path ends so")
    parser.add_argument("--notes", type=Path, help="which test reaches what: read and added to")
    parser.add_argument("--results", type=Path, help="JSON lines: read and added to")
    parser.add_argument("--again", action="store_true", help="try those noted as alive again")
    parser.add_argument("--tests", nargs="*", default=TESTS)
    parser.add_argument("--load", nargs=2, metavar=("FILE", "NUMBER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        raise SystemExit(load(options.load[0], int(options.load[1])))
    for path in (each for room in ROOMS for each in sorted((ROOT / "symconv" / room).glob("*.py"))):
        importlib.import_module(f"symconv.{path.parent.name}.{path.stem}")
    every = mutants(tuple(options.rooms))
    chosen = [each for each in sample(every, options.sample, options.seed) if each.key not in ARGUED]
    if options.files:
        chosen = [each for each in chosen if each.file.endswith(tuple(options.files))]
    trials = Trials(chosen, Notes.read(options.notes), options.notes, options.results, options.seconds)
    if options.results and options.results.exists():
        for entry in map(json.loads, options.results.read_text().splitlines()):
            trials.tried[tuple(entry["key"])] = entry
        if options.again:
            trials.tried = {key: each for key, each in trials.tried.items() if each["state"] in ("killed", "timeout")}
    paths = [str(ROOT / each) for each in options.tests if (ROOT / each).exists()]
    ended = pytest.main([*paths, *PLAIN], plugins=[trials])
    if ended not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise SystemExit(f"pytest ended with {ended!r}")
    print(f"{len(every)} mutants, {options.sample} drawn, {options.sample - len(chosen)} argued or left out")
    print(report(chosen, trials.tried))


if __name__ == "__main__":
    # the same examples every time, nothing kept of those that fail, and no smaller example looked for
    os.environ |= {"SYMCONV_CI": "1", "SYMCONV_MUTANTS": "1"}
    main()
