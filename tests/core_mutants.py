"""One-token mutants of the rooms every verdict rests on, each tried on the tests that reach it.

    python -m tests.core_mutants --sample 120 --seed 1

The tests run once in this process, which notes the functions that each test calls. For every mutant a forked child exchanges the
code of one function in place, empties all caches, and runs the tests that call it, short ones first, until one fails.
"""

from __future__ import annotations

import argparse
import ast
import copy
import functools
import gc
import importlib
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("algebra", "layer", "formulas", "proof")
TESTS = (
    "tests/proof", "tests/test_integers.py", "tests/test_values.py", "tests/test_verification.py", "tests/test_parser.py",
    "tests/test_derive.py", "tests/test_geometry.py", "tests/test_moves.py", "tests/test_by_axes.py", "tests/test_second.py",
    "tests/test_padding_modes.py", "tests/test_differences.py", "tests/test_foundations.py",
    *(f"symconv/{room}" for room in ROOMS),
)  # fmt: skip
#: seconds that the tests of one mutant may take together, by their times without it
SECONDS = 25

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


def changed(node: ast.AST) -> ast.AST | None:
    """The node with one token changed; None where there is nothing to change."""
    new: Any = copy.copy(node)
    if isinstance(node, ast.BinOp) and isinstance(node.left, (ast.JoinedStr, ast.Constant)) and not _number(node.left):
        return None
    if isinstance(node, (ast.BinOp, ast.BoolOp, ast.AugAssign)) and type(node.op) in SWAPS:
        new.op = SWAPS[type(node.op)]()
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        new.ops = [SWAPS[type(node.ops[0])](), *node.ops[1:]]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        new = node.operand
    elif isinstance(node, ast.Constant) and type(node.value) in (int, bool):
        new.value = not node.value if type(node.value) is bool else node.value + 1
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
        new.func = ast.copy_location(ast.Name(NAMES[node.func.id], ast.Load()), node.func)
    elif isinstance(node, ast.Raise):
        new = ast.copy_location(ast.Pass(), node)
    else:
        return None
    return ast.copy_location(new, node)


def _number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


@dataclass(frozen=True)
class Mutant:
    """The ``number``-th node of a file changed, in the function ``name`` whose code begins at line ``first``."""

    path: Path
    number: int
    line: int
    name: str
    first: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} {self.name}: {self.before} -> {self.after}"

    def code(self) -> CodeType:
        tree = ast.parse(self.path.read_text())
        _replace(tree, self.number)
        return _find(compile(tree, str(self.path), "exec", dont_inherit=True, flags=_future()), self.name, self.first)


def _future() -> int:
    import __future__

    return __future__.annotations.compiler_flag


def _walk(tree: ast.AST) -> list[tuple[ast.AST, ast.AST, str, int | None]]:
    """(node, parent, field, place in a list) of every node, always in the same order."""
    found = []
    waiting = [tree]
    while waiting:
        parent = waiting.pop()
        for name, value in ast.iter_fields(parent):
            for place, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(node, ast.AST):
                    found.append((node, parent, name, place))
                    waiting.append(node)
    return found


def _replace(tree: ast.AST, number: int) -> None:
    node, parent, name, place = _walk(tree)[number]
    new = changed(node)
    if place is None:
        setattr(parent, name, new)
    else:
        getattr(parent, name)[place] = new


def _find(code: CodeType, name: str, first: int) -> CodeType:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if (each.co_qualname, each.co_firstlineno) == (name, first):
                return each
            if name.startswith(each.co_qualname + "."):
                return _find(each, name, first)
    raise LookupError(name)


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[ast.FunctionDef, str]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield node, prefix + node.name
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")


def mutants(rooms: tuple[str, ...] = ROOMS) -> list[Mutant]:
    """Every mutant of the functions' bodies; annotations, defaults, docstrings and zip's ``strict`` are left as they are."""
    found = []
    for room in rooms:
        for path in sorted((ROOT / "symconv" / room).glob("*.py")):
            tree = ast.parse(path.read_text())
            home = {}
            for function, name in _functions(tree):
                first = min([function.lineno, *(each.lineno for each in function.decorator_list)])
                for statement in function.body:
                    for node in ast.walk(statement):
                        home[node] = (name, first)
            skipped = {inner for node in ast.walk(tree) for each in _annotations(node) for inner in ast.walk(each)}
            for number, (node, *_) in enumerate(_walk(tree)):
                new = changed(node) if node in home and node not in skipped else None
                if new is not None:
                    name, first = home[node]
                    texts = (ast.unparse(node)[:80], ast.unparse(new)[:80])
                    found.append(Mutant(path, number, node.lineno, name, first, *texts))  # type: ignore[attr-defined]
    return found


def _annotations(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, ast.keyword) and node.arg == "strict":  # only ever told where this project is wrong already
        return [node.value]
    if isinstance(node, ast.AnnAssign):
        return [node.annotation]
    if isinstance(node, ast.FunctionDef):
        return [
            each
            for each in (node.returns, *(a.annotation for a in ast.walk(node.args) if isinstance(a, ast.arg)))
            if each
        ]
    return []


@dataclass(eq=False)
class Reach:
    """A pytest plugin: which functions of the rooms each passing test calls, and how long it takes."""

    called: dict[str, list[str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    limit: float = SECONDS

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        codes: set[CodeType] = set()

        def note(frame: FrameType, event: str, argument: object) -> None:
            if event == "call":
                codes.add(frame.f_code)

        begun = time.process_time()
        sys.setprofile(note)
        outcome = yield
        sys.setprofile(None)
        if outcome.excinfo is None:  # type: ignore[attr-defined]
            self.seconds[item.nodeid] = time.process_time() - begun
            for code in codes:
                if code.co_filename.startswith(str(ROOT / "symconv")):
                    self.called.setdefault(f"{code.co_filename}:{code.co_qualname}", []).append(item.nodeid)

    def tests(self, mutant: Mutant) -> list[str]:
        """Those that call the mutant's function, short ones first, as many as there is time for."""
        ordered = sorted(set(self.called.get(f"{mutant.path}:{mutant.name}", ())), key=self.seconds.__getitem__)
        chosen, left = [], self.limit
        for each in ordered:
            left -= self.seconds[each]
            if left < 0:
                break
            chosen.append(each)
        return chosen[:400]


def install(mutant: Mutant) -> int:
    """Exchange the function's code wherever it lives; how many functions there were."""
    code, count = mutant.code(), 0
    for each in gc.get_objects():
        if isinstance(each, functools._lru_cache_wrapper):
            each.cache_clear()
        elif isinstance(each, FunctionType):
            old = each.__code__
            if (old.co_filename, old.co_qualname, old.co_firstlineno) == (str(mutant.path), mutant.name, mutant.first):
                each.__code__ = code
                count += 1
    return count


def child(mutant: Mutant, tests: list[str]) -> int:
    """The process id of a child whose status is 0 where the mutant survives."""
    import resource  # where there is a fork there is this

    pid = os.fork()
    if pid:
        return pid
    resource.setrlimit(resource.RLIMIT_CPU, (3 * SECONDS, 3 * SECONDS + 5))
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    if not install(mutant):
        os._exit(99)
    os._exit(int(pytest.main([*tests, "-x", "-q", *PLAIN])))


PLAIN = ("-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore", "-m", "not slow")


def run(chosen: list[Mutant], reach: Reach, processes: int = 2) -> tuple[list[Mutant], list[Mutant]]:
    """(survivors, those that no test reaches)."""
    unreached = [each for each in chosen if not reach.tests(each)]
    waiting = [each for each in chosen if reach.tests(each)]
    running: dict[int, Mutant] = {}
    survivors = []
    while waiting or running:
        while waiting and len(running) < processes:
            mutant = waiting.pop(0)
            running[child(mutant, reach.tests(mutant))] = mutant
        pid, status = os.wait()
        if pid in running:
            mutant = running.pop(pid)
            ended = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None  # None: by a signal, as of too much time
            if ended == 99:
                raise RuntimeError(f"{mutant}: its function was not found")
            if ended == pytest.ExitCode.USAGE_ERROR:
                raise RuntimeError(f"{mutant}: a test that was noted is not there any more")
            alive = ended in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
            if alive:
                survivors.append(mutant)
            print("survives" if alive else "killed", mutant, flush=True)
    return survivors, unreached


def sample(every: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """Evenly over the files' lines: every n-th mutant from a random start, in random order."""
    generator = random.Random(seed)
    step = max(len(every) / count, 1)
    at = generator.random() * step
    chosen = [every[int(at + number * step)] for number in range(count) if int(at + number * step) < len(every)]
    generator.shuffle(chosen)
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of tests for each mutant")
    parser.add_argument("--rooms", nargs="*", default=ROOMS)
    parser.add_argument("--note", type=Path, help="write which test calls what to a file, and stop")
    parser.add_argument(
        "--noted", nargs="*", type=Path, default=[], help="read it from files instead of running the tests"
    )
    parser.add_argument("--tests", nargs="*", default=TESTS)
    chosen = parser.parse_args()
    reach = Reach(limit=chosen.seconds)
    for each in chosen.noted:
        kept = json.loads(each.read_text())
        reach.seconds |= kept["seconds"]
        for name, tests in kept["called"].items():
            reach.called.setdefault(name, []).extend(tests)
    for path in (each for room in ROOMS for each in sorted((ROOT / "symconv" / room).glob("*.py"))):
        importlib.import_module(f"symconv.{path.parent.name}.{path.stem}")
    if chosen.noted:  # the children find everything loaded
        pytest.main([*sorted({test.split("::")[0] for test in reach.seconds}), "-q", "--collect-only", *PLAIN])
    else:
        pytest.main(
            [*(str(ROOT / each) for each in chosen.tests if (ROOT / each).exists()), "-q", *PLAIN], plugins=[reach]
        )
    if chosen.note:
        chosen.note.write_text(json.dumps({"seconds": reach.seconds, "called": reach.called}))
        return
    every = mutants(tuple(chosen.rooms))
    survivors, unreached = run(sample(every, chosen.sample, chosen.seed), reach)
    print(f"{len(every)} mutants, {chosen.sample} tried: {len(survivors)} survive, no test reaches {len(unreached)}")
    for each in (*survivors, *unreached):
        print(each)


if __name__ == "__main__":
    os.environ.setdefault("SYMCONV_CI", "1")  # the same examples every time, nothing kept of those that fail
    main()
