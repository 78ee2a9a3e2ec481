"""Files that are replaced whole or not at all.

What is written goes to a temporary file beside its place first, ``.NAME.PROCESS.RANDOM.part``, and is then renamed. A file that
may not be written to is never replaced, whoever runs the program. What an interrupted process has left is removed by the next
one that writes the same file, and :func:`leftovers` finds it.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

__all__ = ["check_folder", "check_writable", "leftovers", "write_all", "write_whole"]

_PART = re.compile(r"\.(?P<name>.+)\.(?P<process>\d+)\.\w+\.part")


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Put ``content`` (text as UTF-8) in the file at ``path``: a reader sees the old file or the new one, never a part.

    ValueError, naming the path, where it cannot be written; then nothing is left behind.
    """
    write_all({Path(path): content}, folders=False)


def write_all(contents: Mapping[Path, str | bytes], folders: bool = True) -> None:
    """:func:`write_whole` of several files, ``folders`` made where they lack: all are written before one takes its place.

    ValueError, naming the path, where one cannot be written; then none is replaced, and no folder is left behind.
    """
    made: list[Path] = []
    parts: dict[Path, str] = {}
    here = Path()
    try:
        for here, content in contents.items():
            check_writable(here)
            made += _make(here.parent) if folders else []
            data = content.encode() if isinstance(content, str) else content
            real = Path(os.path.realpath(here))  # follows a link to the file it stands for, as writing to it would
            if _is_device(real):
                with open(here, "wb") as stream:
                    stream.write(data)
            else:
                parts[real] = _part(real, data)
        for here, name in list(parts.items()):
            os.replace(name, here)
            del parts[here]
    except BaseException as error:
        for name in parts.values():
            with contextlib.suppress(OSError):
                os.unlink(name)
        for folder in reversed(made):
            with contextlib.suppress(OSError):
                folder.rmdir()  # fails where something is in it
        if isinstance(error, OSError):
            raise _refused(here, error) from error
        raise


def check_writable(path: str | os.PathLike[str]) -> None:
    """ValueError, naming the path, where a file could not be written: found before any work."""
    target = Path(path)
    try:
        if "\0" in str(target):
            raise OSError(None, "a null character in its name")
        if target.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        if target.exists():
            mode = target.stat().st_mode
            if not mode & 0o222 or not os.access(target, os.W_OK):
                raise PermissionError(None, "it is read-only")
        elif len(os.fsencode(target.name)) > 255:
            raise OSError(None, "file name too long")
    except OSError as error:
        raise _refused(target, error) from error


def check_folder(folder: Path) -> None:
    """ValueError where ``folder`` neither is a folder nor can become one."""
    try:
        if "\0" in str(folder):
            raise OSError(None, "a null character in its name")
        folder.stat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise _refused(folder, error) from error
    if not folder.is_dir():
        raise ValueError(f"{str(folder)!r}: it is a file, not a folder")


def leftovers(folder: Path) -> list[Path]:
    """Temporary files in ``folder`` and below that a process has left which is no more."""
    return [path for path in folder.rglob(".*.part") if _left(path)]


def _left(path: Path) -> bool:
    found = _PART.fullmatch(path.name)
    if found is None or os.name != "posix":
        return False
    try:
        os.kill(int(found["process"]), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:  # somebody else's process
        return False
    return False


def _make(folder: Path) -> list[Path]:
    """Make a folder and those above it; the ones that were made."""
    lacking = []
    made = []
    try:
        while not folder.is_dir():
            lacking.append(folder)
            folder = folder.parent
        for each in reversed(lacking):
            each.mkdir(exist_ok=True)
            made.append(each)
    except OSError as error:
        for each in reversed(made):
            with contextlib.suppress(OSError):
                each.rmdir()
        raise ValueError(f"cannot make folder {str(lacking[0])!r}: {(error.strerror or str(error)).lower()}") from error
    return made


def _part(real: Path, data: bytes) -> str:
    """A temporary file with ``data`` beside ``real``, with the rights it is to have."""
    stem = real.name.encode()[:100].decode(errors="ignore")
    for path in real.parent.glob(f".{_escaped(stem)}.*.part"):
        if _left(path):
            path.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(dir=real.parent, prefix=f".{stem}.{os.getpid()}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, real.stat().st_mode & 0o777 if real.exists() else 0o666 & ~_umask())
    except BaseException:
        os.unlink(name)
        raise
    return name


def _escaped(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def _is_device(real: Path) -> bool:
    """A pipe or a device: there is nothing to replace."""
    return real.exists() and not real.is_file()


def _refused(path: Path, error: OSError) -> ValueError:
    return ValueError(f"cannot write {str(path)!r}: {(error.strerror or str(error)).lower()}")


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value
