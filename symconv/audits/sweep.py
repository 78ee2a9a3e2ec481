"""Many cases: on all cores or on a cluster through joblib, each verdict handed on as soon as it is known."""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from symconv.audits.brief import Left
from symconv.audits.judge import CaseVerdict, Unsettled
from symconv.audits.sandbox import supervisor
from symconv.audits.sandbox.target import Target
from symconv.audits.sandbox.worker import Chunk, Task
from symconv.audits.spread import spread
from symconv.audits.swept import AGAIN, CHUNK, FULLY
from symconv.layer.conv import Conv

__all__ = ["Job", "blocks", "judge_case", "shuffled", "sweep", "sweep_blocks"]


@dataclass(frozen=True)
class Job:
    """All that a case needs beside its geometry."""

    run: str
    target: Target
    convention: str | None
    mode: str
    outputs: tuple[str, ...] | None
    engine: str
    seed: int
    time_limit: float
    memory_limit: int
    once: bool = False
    anew: bool = False
    #: a forward pass as a formula, whose derivative is due in place of the layer's
    truth: str | None = None

    def task(self, conv: Conv | None, explain: bool = False) -> Task:
        """The message to a worker."""
        return Task(self.target.name, self.target.forward, self.target.adapter, self.convention, self.mode, self.outputs,
                    self.engine, self.seed, conv, explain, self.time_limit, self.memory_limit, self.once, self.anew,
                    self.truth)  # fmt: skip


def judge_case(job: Job, conv: Conv, explain: bool = False) -> CaseVerdict:
    """The verdict on one case, by a worker process of this machine."""
    verdict = supervisor.ask(job.run, job.target.source, job.task(conv, explain))
    assert isinstance(verdict, CaseVerdict)
    return verdict


def sweep(
    job: Job,
    cases: Sequence[tuple[int, Conv]],
    jobs: int | None = None,
    backend: str = "local",
    scheduler: str | None = None,
) -> Iterator[tuple[int, CaseVerdict]]:
    """The numbered cases with their verdicts, in the order in which they are ready.

    Locally ``jobs`` threads wait for as many worker processes: left out, as many as joblib counts cores that may be used
    (``LOKY_MAX_CPU_COUNT`` bounds them). On a Dask cluster its workers do the same, each with
    processes of its own; ``scheduler`` is the address.
    """
    found = spread(partial(judge_case, job), [conv for _, conv in cases], jobs, backend, scheduler, threads=True,
                   finish=partial(supervisor.release, job.run))  # fmt: skip
    for place, verdict in found:
        yield cases[place][0], verdict


@dataclass(frozen=True)
class Block:
    """Cases that are tried together: ``fully`` are the places of those tried as in a small grid, ``again`` those that are tried
    once more, in their other order."""

    numbers: tuple[int, ...]
    convs: tuple[Conv, ...]
    fully: frozenset[int]
    again: tuple[int, ...]


def blocks(
    numbered: Iterable[tuple[int, Conv]], seed: int, once: bool, known: Container[int] = ()
) -> Iterator[Block]:  # fmt: skip
    """Numbered cases, CHUNK at a time, each in an order, and tried so, as the seed has it: the same whoever does the work, and
    also where some are ``known`` and left out."""
    cases = iter(numbered)
    while chosen := list(itertools.islice(cases, CHUNK)):
        random = np.random.default_rng([seed, chosen[0][0], 11])
        chosen = [chosen[i] for i in random.permutation(len(chosen))]
        places = random.permutation(len(chosen)).tolist()
        fully, rest = places[: -(-len(places) // FULLY)], places[-(-len(places) // FULLY) :]
        again = rest[: 0 if once else len(rest) // AGAIN]
        left = [i for i, (number, _) in enumerate(chosen) if number not in known]
        place = {i: new for new, i in enumerate(left)}
        if left:
            numbers, convs = zip(*(chosen[i] for i in left), strict=True)
            yield Block(numbers, convs, frozenset(place[i] for i in fully if i in place),
                        tuple(place[i] for i in again if i in place))  # fmt: skip


def judge_block(job: Job, block: Block) -> list[tuple[int, Conv, CaseVerdict]]:
    """The verdicts on many cases: briefly, and by themselves on those that do not come out right so, or were chosen for it."""
    places = [i for i in range(len(block.convs)) if i not in block.fully]
    among = {place: i for i, place in enumerate(places)}
    chunk = Chunk(job.task(None), tuple(block.convs[i] for i in places), tuple(among[i] for i in block.again))
    answer = supervisor.ask(job.run, job.target.source, chunk) if places else []
    found: list[CaseVerdict | Left] = answer if isinstance(answer, list) else [Left() for _ in places]
    judged = []
    for i, (number, conv) in enumerate(zip(block.numbers, block.convs, strict=True)):
        verdict = found[among[i]] if i in among else Left()
        if isinstance(verdict, Left):
            seen, verdict = verdict, judge_case(job, conv)
            if not verdict.status and not job.once:
                Unsettled(outputs=seen.outputs).add_to(verdict)
        judged.append((number, conv, verdict))
    return judged


def sweep_blocks(
    job: Job, numbered: Iterable[tuple[int, Conv]], known: Container[int], jobs: int | None = None, backend: str = "local",
    scheduler: str | None = None,
) -> Iterator[list[tuple[int, Conv, CaseVerdict]]]:  # fmt: skip
    """Very many numbered cases but those that are known, with their verdicts, block by block, as they are ready; nothing is
    kept of them here."""
    found = spread(partial(judge_block, job), blocks(numbered, job.seed, job.once, known), jobs, backend, scheduler, threads=True,
                   finish=partial(supervisor.release, job.run))  # fmt: skip
    for _, judged in found:
        yield judged


def shuffled(count: int, seed: int) -> Sequence[int]:
    """Case numbers in an order that mixes slow and quick ones, so that progress is even."""

    order: list[int] = np.random.default_rng(seed).permutation(count).tolist()
    return order
