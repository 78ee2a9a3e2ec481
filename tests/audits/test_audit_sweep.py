"""Sweeps: the results file and its continuation after a kill, the Dask backend on a real cluster of two workers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from symconv.audits import audit
from symconv.audits.grids import default_grid
from symconv.audits.judge import CaseVerdict
from symconv.audits.results import ResultsFile, record_of, verdict_from
from symconv.layer.conv import Conv
from tests.audits.independent import SAMPLES
from tests.test_spread import timeless

SAMPLE = f"{SAMPLES / 'sample_plain.py'}:forgets_stride_in_dw"
PROGRAM = "from symconv.cli import main; main()"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM, "audit", *arguments]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def without_time(report: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in report.items() if key != "seconds"}


SLOW = """
import time
import numpy as np

def backward(x, w, b, dy, stride, padding):
    time.sleep(0.01)
    with open({log!r}, "a") as log:
        log.write("%r %r %r %r\\n" % (x.shape, w.shape, stride, padding))
    return None, None, dy.sum(axis=(0, 2, 3)) * (1 if stride < 3 else 2)
"""


@pytest.mark.slow
def test_killed_and_resumed(tmp_path: Path) -> None:
    """A sweep that is killed goes on where it was: no case is lost, none that was written is judged again."""
    log, results = tmp_path / "log", tmp_path / "results.jsonl"
    (tmp_path / "slow.py").write_text(SLOW.format(log=str(log)))
    arguments = (
        f"{tmp_path / 'slow.py'}:backward",
        "--grid",
        "quick",
        "--engine",
        "exact",
        "--results",
        str(results),
        "-j",
        "2",
        "--once",
        "--no-proof",
        "--convention",
        "plain",
    )
    process = subprocess.Popen(command(*arguments), stdout=subprocess.DEVNULL, start_new_session=True)
    while not results.exists() or results.read_bytes().count(b"\n") < 8:
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.5)  # a worker that is left finishes its case, and finds nobody to tell
    whole = results.read_bytes()
    written = [record["case"] for record in lines(results)[1:]] if whole.endswith(b"\n") else None
    before = whole[: whole.rfind(b"\n") + 1]
    assert 8 <= before.count(b"\n") < 46
    log.unlink()

    refused = subprocess.run(command(*arguments), capture_output=True, text=True)
    assert refused.returncode == 2
    assert "exists; --resume continues it" in refused.stderr
    with results.open("ab") as file:  # cut short in the middle of a line
        file.write(b'{"case":3,"slug":"' + b"x" * 100_000)
    resumed = subprocess.run(command(*arguments, "--resume", "--json"), capture_output=True, text=True)
    assert resumed.returncode == 1, resumed.stderr
    report = json.loads(resumed.stdout)
    assert (report["right"], report["wrong"]) == (30, 15)
    assert results.read_bytes().startswith(before)
    done = [record["case"] for record in lines(results)[1:]]
    assert sorted(done) == list(range(45))
    if written is not None:
        assert done[: len(written)] == written
    assert log.exists()  # what was missing was judged; that nothing was judged twice the results say
    fresh = audit(f"{tmp_path / 'slow.py'}:backward", grid="quick", engine="exact", seed=report["seed"], once=True)
    assert without_time(fresh.to_dict())["by_case"] == report["by_case"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"seed": 1}, "seed"),
        ({"grid": "default"}, "cases"),
        ({"engine": "exact"}, "engine"),
        ({"mode": "forward"}, "mode"),
    ],
    ids=["seed", "grid", "engine", "mode"],
)
def test_other_audits_do_not_continue_a_file(tmp_path: Path, change: dict[str, Any], word: str) -> None:
    results = tmp_path / "results.jsonl"
    grid = [Conv((4, 3), (2, 2)), Conv((5, 4), (2, 3), stride=2)]
    audit(SAMPLE, grid=grid, results=results)
    before = results.read_bytes()
    with pytest.raises(ValueError, match=f"is of another audit: {word}"):
        audit(SAMPLE, results=results, resume=True, trial=False, **({"grid": grid} | change))
    assert results.read_bytes() == before


def test_changed_code_does_not_continue_a_file(tmp_path: Path) -> None:
    source, results = tmp_path / "mine.py", tmp_path / "results.jsonl"
    text = "def backward(x, w, b, dy, stride, padding):\n    return {'db': dy.sum(axis=(0, 2, 3))}\n"
    source.write_text(text)
    grid = [Conv((4, 3), (2, 2)), Conv((5, 4), (2, 3), stride=2)]
    audit(f"{source}:backward", grid=grid, results=results)
    assert audit(f"{source}:backward", grid=grid, results=results, resume=True).right == 2
    source.write_text(text.replace("dy.sum", "2 * dy.sum"))
    with pytest.raises(ValueError, match="is of another audit: code"):
        audit(f"{source}:backward", grid=grid, results=results, resume=True)


@pytest.mark.parametrize("text", ["not json\n", '{"a": 1}\n', "[]\n"], ids=["text", "json", "list"])
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"other\.jsonl"):
        audit(SAMPLE, grid=[Conv((4, 3), (2, 2))], results=path, resume=True)
    assert path.read_text() == text


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    first = ResultsFile(path, {"symconv_audit": 1}, resume=False)
    try:
        with pytest.raises(ValueError, match="is being written by another audit"):
            ResultsFile(path, {"symconv_audit": 1}, resume=True)
    finally:
        first.close()


def test_records_hold_everything() -> None:
    verdict = CaseVerdict({"dx": "shape"}, message="m", rounds=3, shapes={"dx": [[1], [2]]}, causes={"dx": ["flips"]})
    assert verdict_from(json.loads(json.dumps(record_of(verdict)))) == verdict


# a cluster ---------------------------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Dask scheduler with two worker processes of one thread each."""
    pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("cluster")
    address = f"tcp://127.0.0.1:{free_port()}"
    port = address.rpartition(":")[2]
    environment = os.environ | {"DASK_DISTRIBUTED__WORKER__DAEMON": "False"}
    log = (folder / "log").open("wb")

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]], cwd=folder,
                                stdout=log, stderr=log, env=environment, start_new_session=True)  # fmt: skip

    processes = [
        start("dask_scheduler", "--host", "127.0.0.1", "--port", port, "--dashboard-address", ":0", "--no-dashboard")
    ]
    worker = (
        "dask_worker",
        address,
        "--nthreads",
        "1",
        "--no-dashboard",
        "--no-nanny",
        "--local-directory",
        str(folder),
    )
    processes += [start(*worker, "--name", name) for name in ("one", "two")]
    waits = "import sys, distributed as d; c = d.Client(sys.argv[1], timeout=60); c.wait_for_workers(2, timeout=60); c.close()"
    try:
        subprocess.run([sys.executable, "-c", waits, address], check=True, capture_output=True, timeout=120)
        yield address
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["--bulk", "--no-bulk"])
def test_dask(scheduler: str, tmp_path: Path, how: str) -> None:
    """The cluster comes to the same report as this machine, and writes the same results."""
    results = tmp_path / "results.jsonl"
    sizes = ("--input", "4x5", "--kernel", "3x2", "--stride", "1..2", "--batch", "2")
    arguments = (f"{SAMPLES / 'sample_plain.py'}:misses_rows", *sizes, "--seed", "5", "--no-proof", "--json", how)
    there = subprocess.run(
        command(*arguments, "--backend", "dask", "--scheduler", scheduler, "--results", str(results)),
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert there.returncode == 1, there.stderr
    here = subprocess.run(command(*arguments), capture_output=True, text=True)
    assert without_time(json.loads(there.stdout)) == without_time(json.loads(here.stdout))
    assert sorted(record["case"] for record in lines(results)[1:]) == list(range(6))


PROOFS = {
    "verify": ("verify", "--input", "5x6", "--kernel", "3x2", "--stride", "1..3", "--json"),
    "prove": ("prove", "db", "--stride", "1..3", "--json"),
    "code": ("prove", f"{SAMPLES / 'sample_plain.py'}:five_loops", "--target", "db", "--stride", "1..2", "--json"),
}


@pytest.mark.slow
@pytest.mark.parametrize("call", PROOFS.values(), ids=PROOFS)
def test_verifications_and_proofs_on_dask(scheduler: str, call: tuple[str, ...]) -> None:
    """They go through the same place as audits, and come to the same in the same order."""
    program = [sys.executable, "-c", PROGRAM, *call]
    here = subprocess.run(program, capture_output=True, text=True, timeout=240)
    there = subprocess.run(
        [*program, "--backend", "dask", "--scheduler", scheduler], capture_output=True, text=True, timeout=240
    )
    assert (here.returncode, there.returncode) == (0, 0), there.stderr
    assert timeless(json.loads(here.stdout)) == timeless(json.loads(there.stdout))


@pytest.mark.slow
def test_dask_resumes(scheduler: str, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    arguments = (
        SAMPLE,
        "--grid",
        "quick",
        "--json",
        "--results",
        str(results),
        "--backend",
        "dask",
        "--scheduler",
        scheduler,
        "--once",
        "--no-proof",
        "--convention",
        "plain",
    )
    process = subprocess.Popen(command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not results.exists() or results.read_bytes().count(b"\n") < 4:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    before = results.read_bytes()
    resumed = subprocess.run(command(*arguments, "--resume"), capture_output=True, text=True, timeout=240)
    assert resumed.returncode == 1, resumed.stderr
    assert results.read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    assert sorted(record["case"] for record in lines(results)[1:]) == list(range(45))


def test_no_scheduler(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="needs the address of a scheduler"):
        audit(SAMPLE, grid="quick", backend="dask")


def test_grids_are_counted_before_any_work() -> None:
    with pytest.raises(ValueError, match="the grid is empty"):
        default_grid(input=[(2, 2)], kernel=[(5, 5)], padding=[0])
