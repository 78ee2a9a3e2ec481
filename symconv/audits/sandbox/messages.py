"""Messages between processes: a length and a pickle. What comes from a process that runs audited code is read as data alone."""

from __future__ import annotations

import io
import pickle
import selectors
import struct
from collections.abc import Callable
from typing import IO, Any

__all__ = ["HEAD", "as_data", "packed", "read", "write"]

#: bytes that tell the length of what follows
HEAD = 8

#: what an answer of audited code may be made of beside plain data; any other name ends the reading
_KNOWN = {
    ("symconv.audits.calls", "Returned"), ("symconv.audits.sandbox.refusals", "Failure"), ("fractions", "Fraction"),
    ("numpy", "dtype"), ("numpy", "ndarray"), ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.numeric", "_frombuffer"), ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.multiarray", "scalar"), ("numpy.core.multiarray", "scalar"),
}  # fmt: skip


class _Data(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"an answer with {module}.{name} in it")
        return super().find_class(module, name)


def as_data(message: bytes) -> Any:
    """What a message says; pickle.UnpicklingError when it holds more than arrays, numbers and words."""
    return _Data(io.BytesIO(message)).load()


def packed(value: Any) -> bytes:
    """A message."""
    data = pickle.dumps(value)
    return struct.pack("!Q", len(data)) + data


def write(stream: IO[bytes], value: Any) -> None:
    """Send a value."""
    stream.write(packed(value))
    stream.flush()


def read(receive: Callable[[int], bytes], descriptor: int | None = None, wait: float | None = None) -> bytes:
    """The next message, by a function that gives at most so many bytes; EOFError when there is none or the wait is over.

    ``wait`` seconds are those until it begins to come.
    """
    if descriptor is not None:
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            if not selector.select(wait):
                raise EOFError
    (length,) = struct.unpack("!Q", _exactly(receive, HEAD))
    return _exactly(receive, length)


def _exactly(receive: Callable[[int], bytes], count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        part = receive(min(count - len(data), 1 << 20))
        if not part:
            raise EOFError
        data += part
    return bytes(data)
