"""Files are written whole or not at all: on a full disk, in place of a read-only file, after an interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from symconv.files import check_folder, check_writable, leftovers, write_all, write_whole
from symconv.project.build import Build, stale, write
from tests.commands import Ran, assert_bad_usage, run

LAYER = ("--input", "4", "--kernel", "2")
AUDITED = "def db(x, w, b, dy, stride, padding):\n    return {'db': dy.sum(axis=(0, 2, 3))}\n"

#: every command that writes a file: its words before the file's name, and the name's ending
WRITERS = {
    "derive": (("derive", *LAYER, "--format", "latex", "-o"), ".tex"),
    "algorithm": (("algorithm", "winograd", "--tile", "2", "--kernel", "3", "-o"), ".tex"),
    "theorem": (("prove", "dx", "--export", "latex", "-o"), ".tex"),
    "claim": (("prove", "dx", "--export", "smtlib", "-o"), ".smt2"),
    "figure": (("figure", "window", *LAYER, "-o"), ".svg"),
    "explorer": (("explore", "-o"), ".html"),
    "audit page": (("audit", "layer.py:db", "--grid", "quick", "--html"), ".html"),
    "audit junit": (("audit", "layer.py:db", "--grid", "quick", "--junit"), ".xml"),
    "audit results": (("audit", "layer.py:db", "--grid", "quick", "--results"), ".jsonl"),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "layer.py").write_text(AUDITED)
    folder = tmp_path / "written"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    return folder


def attempt(writer: str, path: Path | str) -> Ran:
    words, _ = WRITERS[writer]
    return run(*words, str(path))


@pytest.mark.parametrize("writer", list(WRITERS))
def test_written(writer: str, here: Path) -> None:
    path = here / f"a{WRITERS[writer][1]}"
    assert attempt(writer, path).status in (0, 1)
    assert path.stat().st_size > 100
    assert [each.name for each in here.iterdir()] == [path.name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("writer", list(WRITERS))
def test_full_disk(writer: str, here: Path) -> None:
    """A link to a device that is always full, under a name with the right ending."""
    path = here / f"a{WRITERS[writer][1]}"
    path.symlink_to("/dev/full")
    assert_bad_usage(attempt(writer, path), str(path.name))
    assert list(here.iterdir()) == [path]


@pytest.mark.parametrize("writer", list(WRITERS))
def test_read_only_file_is_left_alone(writer: str, here: Path) -> None:
    path = here / f"a{WRITERS[writer][1]}"
    path.write_text("mine")
    path.chmod(0o444)
    assert_bad_usage(attempt(writer, path), f"cannot write {str(path)!r}: it is read-only")
    assert path.read_text() == "mine"


@pytest.mark.parametrize("writer", list(WRITERS))
def test_name_that_is_too_long(writer: str, here: Path) -> None:
    assert_bad_usage(attempt(writer, here / ("n" * 300 + WRITERS[writer][1])), "too long")
    assert not list(here.iterdir())


@pytest.mark.parametrize("writer", list(WRITERS))
def test_folder_that_lacks(writer: str, here: Path) -> None:
    assert_bad_usage(attempt(writer, here / "none" / f"a{WRITERS[writer][1]}"), "none")
    assert not list(here.iterdir())


# several files at once ----------------------------------------------------------------------------------------------------


def built(**files: str) -> Build:
    return Build({name.replace("_", "/"): text for name, text in files.items()}, (), (), ())


def test_all_or_none(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("old")
    (tmp_path / "c").mkdir()
    with pytest.raises(ValueError, match=r"cannot write .*c': it is a folder"):
        write_all({tmp_path / "x" / "y" / "a": "1", tmp_path / "b": "2", tmp_path / "c": "3"})
    assert (tmp_path / "b").read_text() == "old"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["b", "c"]
    write_all({tmp_path / "x" / "y" / "a": "1", tmp_path / "b": "2"})
    assert (tmp_path / "x" / "y" / "a").read_text() + (tmp_path / "b").read_text() == "12"


def test_generate_leaves_no_folder_behind(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with pytest.raises(ValueError, match="too long"):
        write(built(kernels_a="1", derivations_b="2", **{"n" * 300: "3"}), out)
    assert not (tmp_path / "deep").exists()


def test_generate_replaces_no_read_only_file(tmp_path: Path) -> None:
    write(built(a="1", b="1"), tmp_path)
    (tmp_path / "b").chmod(0o400)
    with pytest.raises(ValueError, match="it is read-only"):
        write(built(a="2", b="2"), tmp_path)
    assert (tmp_path / "a").read_text() == "1"
    assert write(built(a="2", b="1"), tmp_path).unchanged == ("b",)


def test_folder_names() -> None:
    check_folder(Path("nothing") / "here")
    with pytest.raises(ValueError, match="it is a file, not a folder"):
        check_folder(Path(__file__))
    with pytest.raises(ValueError, match="not a directory"):
        check_folder(Path(__file__) / "a")
    assert_bad_usage(run("generate", *LAYER, "-o", "n" * 300), "too long")
    with pytest.raises(ValueError, match="null"):
        check_writable("a\0b")


# interruptions ------------------------------------------------------------------------------------------------------------

#: writes a file of which the last step, the renaming, never comes
STUCK = """
import os, sys, time
os.replace = lambda *given: (print("now", flush=True), time.sleep(60))
from symconv.files import write_whole
write_whole(sys.argv[1], "new")
"""


@pytest.mark.skipif(os.name != "posix", reason="processes are looked for as POSIX does")
def test_what_a_killed_process_leaves_is_found_and_removed(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    target.write_text("old")
    stuck = subprocess.Popen([sys.executable, "-c", STUCK, str(target)], stdout=subprocess.PIPE)
    assert stuck.stdout is not None
    stuck.stdout.readline()
    (part,) = tmp_path.glob(".report.json.*")
    assert leftovers(tmp_path) == []  # it is still at work
    stuck.send_signal(signal.SIGKILL)
    stuck.wait()
    stuck.stdout.close()
    assert leftovers(tmp_path) == [part]
    made = Build({"report.json": "old"}, (), (), ())
    assert [(each.file, each.reason) for each in stale(made, tmp_path)] == [(part.name, "left")]
    write_whole(target, "newer")
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    assert target.read_text() == "newer"


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_all({tmp_path / "a" / "b": "1"})
    assert not list(tmp_path.iterdir())
