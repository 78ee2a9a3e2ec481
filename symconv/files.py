"""Files that are replaced whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Put ``content`` (text as UTF-8) in the file at ``path``: a reader sees the old file or the new one, never a part.

    ValueError, naming the path, where it cannot be written; then nothing is left behind.
    """
    target = Path(path)
    data = content.encode() if isinstance(content, str) else content
    try:
        if target.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        # follows a link to the file it stands for, as writing to it would
        real = Path(os.path.realpath(target))
        if real.exists() and not real.is_file():  # a pipe or a device: there is nothing to replace
            with open(target, "wb") as stream:
                stream.write(data)
            return
        handle, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name[:100]}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.chmod(name, real.stat().st_mode & 0o777 if real.exists() else 0o666 & ~_umask())
            os.replace(name, real)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise ValueError(f"cannot write {str(target)!r}: {(error.strerror or str(error)).lower()}") from error


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value
