"""Loading a file of a stranger: as an import would, and where that fails its definitions alone.

Scripts train at their end, read data that is not here, and import what they use for pictures only. Then imports, functions,
classes and plain constants are taken, statement by statement; a module that is not installed is stood for by one that raises
when something of it is used.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import linecache
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from symconv.audits.sandbox.watch import AUDITED

__all__ = ["DEFINITIONS", "LEFT_OUT", "PARTLY", "import_text"]

#: a last line that asks for definitions alone
DEFINITIONS = "\n# symconv: definitions"


#: files of which the definitions alone were executed in this process, and what those raised that are left out, by file and name
PARTLY: set[str] = set()
LEFT_OUT: dict[tuple[str, str], BaseException] = {}


class _Absent(types.ModuleType):
    """Stands for a module that is not installed."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _absent(f"{self.__name__}.{name}")


class _Nothing(type):
    """The type of what would be in it: something else may be in that."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") or "absent" not in vars(cls):  # a class of the audited code, derived from it
            raise AttributeError(name)
        return _absent(f"{cls.__name__}.{name}")


def _absent(name: str) -> type:
    """Stands for what would be in it: may be named and derived from, not used."""

    def used(*_: Any, **__: Any) -> Any:
        raise ModuleNotFoundError(f"{name.partition('.')[0]} is not installed, and the audited code uses {name}")

    return _Nothing(name, (), {"__init__": used, "absent": True})


class _Stubs:
    """Finds what nobody else does, while a file is loaded."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if path is not None and not isinstance(sys.modules.get(name.rpartition(".")[0]), _Absent):
            return None  # a name that an installed package lacks
        return importlib.util.spec_from_loader(name, self, is_package=True)  # type: ignore[arg-type]  # all of a loader that is called

    def create_module(self, spec: Any) -> types.ModuleType:
        return _Absent(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing is in it."""


@contextlib.contextmanager
def _stubs() -> Iterator[None]:
    finder: Any = _Stubs()
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def _package(path: str, tree: ast.Module) -> str:
    """The package that a file is in: by __init__.py, or as deep as its relative imports reach."""
    folders: list[str] = []
    folder = Path(path).parent
    while (folder / "__init__.py").is_file():
        folders.insert(0, folder.name)
        folder = folder.parent
    if not folders:
        depth = max((node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)), default=0)
        for _ in range(depth):
            folders.insert(0, folder.name)
            folder = folder.parent
    if folders:
        sys.path.insert(0, str(folder))
        importlib.import_module(".".join(folders))
    return ".".join(folders)


def import_text(path: str, text: str) -> types.ModuleType:
    """The module that importing a file of this text would make; of its definitions where executing it fails.

    SyntaxError as Python says it. What a definition raises leaves its name out; where nothing at all is defined the first
    error is raised.
    """
    only = text.endswith(DEFINITIONS)
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    tree = ast.parse(text, path)
    package = _package(path, tree)

    def fresh() -> types.ModuleType:
        module = types.ModuleType(f"{package}.{AUDITED}{Path(path).stem}".lstrip("."))
        module.__package__ = package
        module.__file__ = path
        sys.modules[module.__name__] = module  # as an import would, for dataclasses and pickles in it
        return module

    module = fresh()
    if not only:
        try:
            exec(compile(tree, path, "exec"), vars(module))
            return module
        except BaseException as error:
            first = error
    else:
        first = NameError("nothing is defined")
    module = fresh()
    PARTLY.add(path)
    with _stubs():
        for node in tree.body:
            if _defines(node):
                try:
                    exec(compile(ast.Module([node], []), path, "exec"), vars(module))
                except BaseException as error:
                    LEFT_OUT[path, getattr(node, "name", "")] = error
    if not any(isinstance(vars(module).get(node.name), types.FunctionType | type) for node in tree.body
               if isinstance(node, ast.FunctionDef | ast.ClassDef)):  # fmt: skip
        raise first
    return module


def _defines(node: ast.stmt) -> bool:
    """Whether a statement imports, defines, or names a plain constant."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
        return True
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        return not any(isinstance(each, ast.Call | ast.Await | ast.Yield) for each in ast.walk(node.value))
    tried = isinstance(node, ast.Try) and all(_defines(each) or isinstance(each, ast.Pass) for each in node.body)
    return tried or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
