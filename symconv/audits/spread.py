"""Many cases at a time: on the cores of this machine, or on a Dask cluster. Audits, verifications and proofs go through here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from typing import Any, TypeVar

import joblib

__all__ = ["BACKENDS", "check_backend", "in_order", "spread"]

BACKENDS = ("local", "dask")

#: what a scheduler is called: distributed takes a long while over anything else
_ADDRESS = re.compile(r"((tcp|tls|ucx|ws|wss)://)?[^/\s]+:\d{1,5}")

Item = TypeVar("Item")
Result = TypeVar("Result")


def check_backend(backend: str, scheduler: str | None) -> None:
    """ValueError for an unknown backend, and for the address of a scheduler that is missing, none, or without use."""
    if backend not in BACKENDS:
        raise ValueError(f"no backend {backend!r}; there are {', '.join(BACKENDS)}")
    if backend == "local" and scheduler:
        raise ValueError(f"scheduler {scheduler} is for backend dask, and the backend is local")
    if backend == "dask" and not scheduler:
        raise ValueError("backend dask needs the address of a scheduler, such as tcp://10.0.0.1:8786")
    if backend == "dask" and not _ADDRESS.fullmatch(str(scheduler)):
        raise ValueError(f"scheduler {scheduler!r} is no address of host and port, such as tcp://10.0.0.1:8786")


def _numbered(function: Callable[[Any], Any], number: int, item: Any) -> tuple[int, Any]:
    return number, function(item)


def spread(
    function: Callable[[Item], Result], items: Iterable[Item], jobs: int | None = None, backend: str = "local",
    scheduler: str | None = None, threads: bool = False, finish: Callable[[], Any] | None = None,
) -> Iterator[tuple[int, Result]]:  # fmt: skip
    """What a function makes of each item, with the item's place, in the order in which they are ready.

    Locally ``jobs`` of them go at a time (left out: as many as there are cores), in processes, or in ``threads`` for a function
    that waits for processes itself; one alone goes in this process. On a Dask cluster its workers share them; ``scheduler`` is
    its address, and ``finish`` is called on each worker in the end. ValueError for a cluster that is not there. Items are taken
    as they are needed, a few ahead.

    >>> sorted(spread(abs, [-3, 2], jobs=1))
    [(0, 3), (1, 2)]
    """
    check_backend(backend, scheduler)
    if backend == "local":
        workers = jobs or joblib.cpu_count()
        if isinstance(items, Sized):
            workers = min(workers, len(items))
        if workers <= 1 and not threads:
            yield from ((number, function(item)) for number, item in enumerate(items))
            return
        calls = (joblib.delayed(_numbered)(function, number, item) for number, item in enumerate(items))
        how = {"backend": "threading" if threads else "loky", "return_as": "generator_unordered"}
        yield from joblib.Parallel(n_jobs=max(workers, 1), pre_dispatch="2*n_jobs", **how)(calls)
        return
    calls = (joblib.delayed(_numbered)(function, number, item) for number, item in enumerate(items))
    with _cluster(scheduler) as client, joblib.parallel_config(backend="dask", client=client):
        yield from joblib.Parallel(n_jobs=-1, return_as="generator_unordered", pre_dispatch="4*n_jobs")(calls)
        if finish is not None:
            client.run(finish)


def in_order(
    function: Callable[[Item], Result], items: Sequence[Item], jobs: int | None = None, backend: str = "local",
    scheduler: str | None = None, ready: Callable[[], Any] | None = None,
) -> list[Result]:  # fmt: skip
    """What a function makes of each item, in the order of the items; ``ready`` is called as each is done.

    >>> in_order(abs, [-3, 2], jobs=1)
    [3, 2]
    """
    found: dict[int, Result] = {}
    for number, result in spread(function, items, jobs, backend, scheduler):
        found[number] = result
        if ready is not None:
            ready()
    return [found[number] for number in range(len(items))]


@contextmanager
def _cluster(scheduler: str | None) -> Iterator[Any]:
    """A client of the scheduler at an address; ValueError when there is none or the extra is not installed."""
    try:
        import distributed  # heavy, and of the extra "cluster"
    except ImportError:
        raise ValueError("backend dask needs the extra cluster: pip install 'symconv[cluster]'") from None
    make: Callable[..., Any] = distributed.Client
    try:
        client = make(scheduler, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"no Dask scheduler answers at {scheduler}: {error}") from error
    try:
        if not client.scheduler_info(n_workers=-1)["workers"]:
            raise ValueError(f"the Dask scheduler at {scheduler} has no workers")
        yield client
    finally:
        client.close()
