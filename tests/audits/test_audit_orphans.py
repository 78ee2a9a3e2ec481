"""A case that never ends goes away even when everything that watched it was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

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
    os.kill(worker, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while alive(child):
        assert time.monotonic() < deadline, "the endless case outlived its worker"
        time.sleep(0.1)
