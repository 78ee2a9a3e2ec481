"""What is audited: ``FILE.py:NAME`` or a Python function, described so that another process can load it afresh."""

from __future__ import annotations

import hashlib
import inspect
import io
import linecache
import os
import sys
import types
from collections import ChainMap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle

from symconv.audits.conventions import Functions
from symconv.audits.sandbox import files, loading

__all__ = ["Loaded", "Source", "Target", "TargetError", "target_of"]


class TargetError(ValueError):
    """The function cannot be loaded; the message is one line."""


@dataclass(frozen=True)
class Source:
    """What a worker process loads once: a file as it was when the audit began, or pickled functions.

    The text travels along, so that an edit amid an audit changes nothing, and another machine needs no copy of the file (but
    does of the modules that it imports).
    """

    path: str | None
    text: str | None
    payload: bytes | None
    sys_path: tuple[str, ...]
    #: source lines of pickled functions that are in no file, a notebook's: for what is said of their exceptions
    cells: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """The same for the same source."""
        return hashlib.sha256(repr((self.path, self.text, self.payload, self.sys_path)).encode()).hexdigest()


@dataclass(frozen=True)
class Target:
    """A function to audit: where it comes from, and the names in the file if it is one."""

    label: str
    source: Source
    name: str | None = None
    forward: str | None = None
    adapter: str | None = None


def target_of(
    function: str | os.PathLike[str] | Callable[..., Any],
    forward: str | Callable[..., Any] | None = None,
    adapter: str | Callable[..., Any] | None = None,
    by_value: bool = False,
    definitions: bool = False,
) -> Target:
    """The target that a user names; TargetError for a name that cannot be one.

    ``function`` is ``"FILE.py:NAME"`` or a function or class; ``forward`` and ``adapter`` are names in the same file, or
    functions. With ``definitions`` a file's imports, functions, classes and plain constants alone are executed.
    """
    pickled: dict[str, Any] = {"adapter": adapter} if callable(adapter) else {}
    cells = _cells([each for each in (function, forward, adapter) if callable(each)])
    if callable(function):
        if isinstance(adapter, str):
            raise TargetError(
                f"adapter {adapter!r} is a name, but the audited function was given itself; give both the same way"
            )
        if isinstance(forward, str):
            raise TargetError(
                f"forward {forward!r} is a name, but the audited function was given itself; give both the same way"
            )
        pickled |= {"main": function, "forward": forward}
        label = f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', repr(function))}"
        return Target(label, Source(None, None, _dumps(pickled, by_value), _search_path(), cells))
    if callable(forward):
        raise TargetError("forward is a function, but the audited one was given by name; give both the same way")
    try:
        file, text, name = files.named(str(function))
    except ValueError as error:
        raise TargetError(str(error)) from error
    payload = _dumps(pickled, by_value) if pickled else None
    text += loading.DEFINITIONS if definitions else ""
    source = Source(str(file), text, payload, (str(file.parent), *_search_path(), *files.roots(file)), cells)
    label = str(function) if str(function).endswith(f":{name}") else f"{function}:{name}"
    return Target(label, source, name, forward, adapter if isinstance(adapter, str) else None)


def _cells(functions: Sequence[Callable[..., Any]]) -> tuple[tuple[str, str], ...]:
    """The source of those that are in no file."""
    names = {code.co_filename for each in functions if (code := getattr(each, "__code__", None)) is not None}
    return tuple((name, "".join(linecache.getlines(name))) for name in sorted(names) if not os.path.isfile(name))


def _search_path() -> tuple[str, ...]:
    return tuple(entry or str(Path.cwd()) for entry in sys.path)


def _code_with_file(code: types.CodeType) -> tuple[Callable[..., types.CodeType], tuple[Any, ...]]:
    make, parts = cloudpickle.Pickler.dispatch_table[types.CodeType](code)
    return _code_of_file, (make, parts, code.co_filename)


def _code_of_file(make: Callable[..., types.CodeType], parts: tuple[Any, ...], file: str) -> types.CodeType:
    return make(*parts).replace(co_filename=file)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Keeps the file name of code, by which its lines are found when it raises; cloudpickle 3.1.3 drops it."""

    dispatch_table = ChainMap({types.CodeType: _code_with_file}, cloudpickle.Pickler.dispatch_table)


def _dumps(values: dict[str, Any], by_value: bool) -> bytes:
    modules = {inspect.getmodule(value) for value in values.values() if value is not None} if by_value else set()
    registered = []
    try:
        for module in modules:
            if module is not None and module.__name__ != "__main__":
                cloudpickle.register_pickle_by_value(module)
                registered.append(module)
        stream = io.BytesIO()
        _Pickler(stream).dump(values)
        pickled = stream.getvalue()
    except Exception as error:
        raise TargetError(f"the function cannot be sent to another process: {error}") from error
    finally:
        for module in registered:
            cloudpickle.unregister_pickle_by_value(module)
    return pickled


class Loaded:
    """A source that has been loaded in this process."""

    def __init__(self, source: Source) -> None:
        self.source = source
        known = set(sys.modules)
        for entry in source.sys_path:
            if entry not in sys.path:
                sys.path.append(entry)
        self.module: types.ModuleType | None = None
        self.given: dict[str, Any] = {}
        if source.path is not None:
            sys.path.insert(0, str(Path(source.path).parent))
            self.module = loading.import_text(source.path, source.text or "")
        for name, text in source.cells:
            linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        if source.payload is not None:
            self.given = cloudpickle.loads(source.payload)
        self._new_modules = [sys.modules[name] for name in set(sys.modules) - known]

    def functions(self, name: str | None, forward: str | None = None, adapter: str | None = None) -> Functions:
        """The audited function with its forward function and adapter; TargetError when the file has no such name."""
        given = self.given.get("adapter")
        if name is None:
            return Functions(self.given["main"], self.given["forward"], given)
        return Functions(
            self._named(name), self._named(forward) if forward else None, self._named(adapter) if adapter else given
        )

    def _named(self, name: str) -> Callable[..., Any]:
        assert self.module is not None
        value: Any = self.module
        for part in name.split("."):
            if not hasattr(value, part):
                raised = loading.LEFT_OUT.get((str(self.module.__file__), part))
                if raised is not None:
                    why = f"{type(raised).__name__}: {' '.join(str(raised).split())}"
                    raise TargetError(f"the definition of {name!r} in {self.module.__file__} does not load: {why}")
                defined = ", ".join(sorted(self._defined())) or "nothing callable"
                raise TargetError(f"no {name!r} in {self.module.__file__}; it defines {defined}")
            value = getattr(value, part)
        if not callable(value):
            raise TargetError(f"{name!r} in {self.module.__file__} is not a function or class")
        result: Callable[..., Any] = value
        return result

    def _defined(self) -> Iterable[str]:
        assert self.module is not None
        for name, value in vars(self.module).items():
            if callable(value) and getattr(value, "__module__", None) == self.module.__name__:
                yield name

    def own_modules(self, functions: Functions) -> list[types.ModuleType]:
        """The audited file's module and those it imported from beside it."""
        modules = [
            self.module,
            inspect.getmodule(functions.main),
            functions.adapter and inspect.getmodule(functions.adapter),
        ]
        home = [m for m in modules if m is not None and getattr(m, "__file__", None)]
        folders = {os.path.dirname(os.path.realpath(str(m.__file__))) for m in home}
        near = [m for m in self._new_modules if _inside(getattr(m, "__file__", None), folders)]
        return list(dict.fromkeys([*home, *near]))

    def namespaces(self, functions: Functions) -> list[dict[str, Any]]:
        """Where the audited code looks up its global names."""
        found = [vars(module) for module in self.own_modules(functions)]
        for function in functions.all:
            for each in [function, *vars(function).values()] if isinstance(function, type) else [function]:
                names = getattr(inspect.unwrap(each), "__globals__", None) if callable(each) else None
                if isinstance(names, dict) and not any(names is other for other in found):
                    found.append(names)
        return found

    def own_files(self, functions: Functions) -> list[str]:
        """The files whose raise and assert statements are the audited code's own."""
        files = {str(m.__file__) for m in self.own_modules(functions) if getattr(m, "__file__", None)}
        codes = [getattr(each, "__code__", None) for each in functions.all]
        return sorted(files | {code.co_filename for code in codes if code is not None})

    def fingerprint(self, functions: Functions) -> str:
        """A hash of the audited code: of its files, or of the compiled function where there is no file."""
        digest = hashlib.sha256()
        for file in self.own_files(functions):
            if os.path.isfile(file):
                digest.update(Path(file).read_bytes())
            else:
                for function in functions.all:
                    _hash_code(digest, getattr(function, "__code__", None))
        return digest.hexdigest()


def _hash_code(digest: Any, code: types.CodeType | None) -> None:
    if code is None:
        return
    digest.update(code.co_code)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            _hash_code(digest, constant)
        else:
            digest.update(repr(constant).encode())


def _inside(file: str | None, folders: Iterable[str]) -> bool:
    if not file or f"{os.sep}site-packages{os.sep}" in file:
        return False
    return any(os.path.realpath(file).startswith(folder + os.sep) for folder in folders)
