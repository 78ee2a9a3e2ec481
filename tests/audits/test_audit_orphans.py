"""A case that never ends goes away even when everything that watched it was killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from symconv import Conv
from symconv.audits import Audit, audit

ENDLESS = """
import os
from pathlib import Path

def backward(x, w, b, dy, stride, padding):
    Path(PLACE).write_text(str(os.getpid()))
    while True:
        pass
"""


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="looks at processes under /proc, which this system has not"
)
def test_child_ends_without_its_worker(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    (tmp_path / "endless.py").write_text(ENDLESS.replace("PLACE", repr(str(told))), encoding="utf-8")
    code = "from symconv.cli import main; main(['audit', 'endless.py:backward', '--time-limit', '1'])"
    audit = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while not told.exists() or not told.read_text():
            assert time.monotonic() < deadline, "the case was not begun"
            time.sleep(0.05)
        child = int(told.read_text())
        worker = int(Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[1])
    finally:
        audit.kill()
        audit.wait()
    with contextlib.suppress(ProcessLookupError):  # it may have gone with the audit
        os.kill(worker, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while alive(child):
        assert time.monotonic() < deadline, "the endless case outlived its worker"
        time.sleep(0.1)


# what code does to the processes around it ----------------------------------------------------------------------------

RIGHT = """
import os, subprocess, sys, threading
import numpy as np


def right(x, w, dy, stride, padding):
    return {"db": dy.sum(axis=(0, 2, 3))}


def writes_to_descriptors(x, w, b, dy, stride, padding):
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"\\x00" * 7 + b"\\x05hello")
        except OSError:
            pass
    return right(x, w, dy, stride, padding)


def leaves_a_session_behind(x, w, b, dy, stride, padding):
    started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
    open(PLACE, "w").write(str(started.pid))
    return right(x, w, dy, stride, padding)


def sixteen_threads(x, w, b, dy, stride, padding):
    found = []
    threads = [threading.Thread(target=lambda: found.append(np.ones((100, 100)).sum())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return right(x, w, dy, stride, padding)
"""

HERE = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc, which this system has not")


def audited(tmp_path: Path, name: str) -> Audit:
    path = tmp_path / "processes.py"
    path.write_text(RIGHT.replace("PLACE", repr(str(tmp_path / "pid"))), encoding="utf-8")
    return audit(f"{path}:{name}", grid=[Conv((4, 3), (2, 2)), Conv((5, 4), (2, 2), stride=2)], jobs=1)


def test_descriptors_of_the_worker_are_not_the_codes(tmp_path: Path) -> None:
    result = audited(tmp_path, "writes_to_descriptors")
    # its answer may be lost with what it wrote; the audit, and what is audited after it, is not
    assert {case["db"] for case in result.to_dict()["by_case"]} <= {"ok", "error"}
    assert audited(tmp_path, "sixteen_threads").ok


def test_threads_are_no_memory(tmp_path: Path) -> None:
    assert audited(tmp_path, "sixteen_threads").ok


@HERE
def test_a_process_in_a_session_of_its_own_is_ended(tmp_path: Path) -> None:
    result = audited(tmp_path, "leaves_a_session_behind")
    assert result.ok
    left = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while alive(left) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(left)
