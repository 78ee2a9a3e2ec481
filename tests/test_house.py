"""The house: rooms import one way, modules are small, and what is late says why. Computed from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import symconv

#: the rooms, low to high: each imports only from itself and from those before it
ROOMS = (
    "algebra", "layer", "formulas", "mathematics", "prose", "proof", "reading", "kernels", "fast", "figures", "article", "audits",
    "courses", "checking", "project", "site", "bench", "cli",
)  # fmt: skip

#: at the side: what any room may import, and what stands above all
GROUND, FACES = ("files", "sarif", "isl"), ("testing", "pytest_plugin", "sphinx", "pandoc", "jupyter", "action")

#: what an import inside a function may be for, said once: libraries that take long to load or that are extras, and modules
#: that not every system has
HEAVY = {
    "sympy", "numpy", "torch", "matplotlib", "PIL", "distributed", "z3", "cvc5", "markdown_it", "mdit_py_plugins",
    "pylatexenc", "bs4", "anywidget", "traitlets", "IPython", "sphinx", "myst_parser", "docutils", "resource", "fcntl",
}  # fmt: skip

MAX_LATE, MAX_FUNCTION, MAX_MODULE = 25, 60, 400

PACKAGE = Path(symconv.__file__).parent


@dataclass(frozen=True)
class Import:
    """``module`` imports ``target``; ``late`` where it does so inside a function."""

    module: str
    target: str
    line: int
    late: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def floor(module: str) -> int:
    """How high a module stands."""
    room = module.split(".")[0]
    if room == "__init__":  # the package's face: below the command line, which shows its version
        return ROOMS.index("cli")
    return -1 if room in GROUND else len(ROOMS) if room in FACES else ROOMS.index(room)


@cache
def modules() -> dict[str, ast.Module]:
    """The modules of the package by name, below ``symconv``."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imports() -> Iterator[Import]:
    names = modules()
    for module in names:
        for node, late in statements_of(module):
            for target in targets(node):
                if not target.startswith("symconv"):
                    continue
                inner = target.removeprefix("symconv").removeprefix(".") or "__init__"
                while inner not in names:  # a name of a module, not a module
                    inner = inner.rpartition(".")[0] or "__init__"
                yield Import(module, inner, node.lineno, late)


@cache
def statements_of(module: str) -> tuple[tuple[ast.Import | ast.ImportFrom, bool], ...]:
    """The imports of a module, with whether they stand in a function."""
    return tuple(statements(modules()[module], False))


def statements(node: ast.AST, late: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, late
        yield from statements(child, late or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)))


def targets(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    assert not node.level, f"a relative import at line {node.lineno}"
    return [f"{node.module}.{each.name}" for each in node.names]


@cache
def arrows() -> list[Import]:
    return [each for each in imports() if each.module != each.target]


#: the convenient face of a layer: methods of one line that look up
CONVENIENT = {("layer.conv", name) for name in ("layer.gradients", "layer.second", "formulas.verify")}
CONVENIENT |= {("__init__", "jupyter")}  # symconv.widget, looked up when it is used

#: what is hidden on purpose: the command line's entry point
ENTRY = {"cli.main"}

#: what is not yet as it should be, to be made shorter
LONG: set[str] = set()


def test_every_module_stands_in_a_room():
    assert {module.split(".")[0] for module in modules()} <= {"__init__", *ROOMS, *GROUND, *FACES}


def test_no_import_upward():
    upward = [
        str(each)
        for each in arrows()
        if floor(each.target) > floor(each.module) and (each.module, each.target) not in CONVENIENT
    ]
    assert not upward


def test_no_circle():
    above: dict[str, set[str]] = {}
    for each in arrows():
        if (each.module, each.target) not in CONVENIENT:
            above.setdefault(each.module, set()).add(each.target)
    left = {module: set(found) for module, found in above.items()}
    while ready := [module for module, found in left.items() if not found & left.keys()]:
        for module in ready:
            del left[module]
    assert not left


def late_imports() -> list[tuple[str, ast.Import | ast.ImportFrom]]:
    """Every import inside a function, of whatever it be, with its module."""
    return [(module, node) for module in modules() for node, late in statements_of(module) if late]


def reached(name: str) -> set[str]:
    """The libraries that importing ``name`` loads, as the tops of the modules say it imports."""
    if not name.startswith("symconv."):
        return {name.split(".")[0]}
    inner = name.removeprefix("symconv.")
    while inner not in modules():
        inner = inner.rpartition(".")[0]
    return set().union(*(libraries(module) for module in (inner, *parents(inner))))


def parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts))]


@cache
def libraries(module: str) -> frozenset[str]:
    """What the import of a module loads in the end, from outside."""
    seen, todo, found = {module}, [module], set()
    while todo:
        for node, late in statements_of(todo.pop()):
            for target in targets(node) if not late else ():
                inner = target.removeprefix("symconv.")
                while inner and inner not in modules():
                    inner = inner.rpartition(".")[0]
                if not target.startswith("symconv"):
                    found.add(target.split(".")[0])
                elif inner and inner not in seen:
                    seen.add(inner)
                    todo.append(inner)
    return frozenset(found)


def test_few_late_imports():
    late = [f"{module}:{node.lineno}" for module, node in late_imports()]
    assert len(late) <= MAX_LATE, late


def test_late_imports_are_for_heavy_libraries():
    for_nothing = [
        f"{module}:{node.lineno} {ast.unparse(node)}"
        for module, node in late_imports()
        if not any(reached(target) & HEAVY for target in targets(node))
        and not {(module, target.rpartition(".")[0].removeprefix("symconv.")) for target in targets(node)} <= CONVENIENT
    ]
    assert not for_nothing


def test_late_imports_say_why():
    """By a comment on the line, or on one before it in the same run of imports."""
    silent = []
    for module, node in late_imports():
        if not {(module, target.rpartition(".")[0].removeprefix("symconv.")) for target in targets(node)} <= CONVENIENT:
            at = node.lineno - 1
            lines = source(module)
            while "#" not in lines[at] and lines[at].lstrip().startswith(("import ", "from ")):
                at -= 1
            if "#" not in lines[at]:
                silent.append(f"{module}:{node.lineno} {ast.unparse(node)}")
    assert not silent


def source(module: str) -> list[str]:
    path = PACKAGE / (module.replace(".", "/") + ".py")
    return (path if path.exists() else path.with_suffix("") / "__init__.py").read_text(encoding="utf-8").splitlines()


def test_no_module_is_hidden_by_a_name_of_its_package():
    """``symconv.a.b`` is the module b, whatever the package a hands on."""
    hidden = []
    for module, tree in modules().items():
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                for each in node.names:
                    name = (
                        f"{module}.{each.asname or each.name}" if module != "__init__" else (each.asname or each.name)
                    )
                    imported = f"{node.module}.{each.name}".removeprefix("symconv.")
                    if name in modules() and imported != name:
                        hidden.append(name)
    assert set(hidden) <= ENTRY


def test_modules_are_short():
    long = {
        str(path.relative_to(PACKAGE)): count
        for path in PACKAGE.rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > MAX_MODULE
    }
    assert set(long) <= LONG


def test_functions_are_short():
    long = {
        f"{module}.{node.name}": count
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (count := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION
    }
    assert set(long) <= LONG


@pytest.mark.parametrize(("module", "target"), [("algebra.integers", "layer.conv"), ("proof.claim", "article.write")])
def test_an_arrow_upward_is_seen(module, target):
    assert floor(target) > floor(module)
