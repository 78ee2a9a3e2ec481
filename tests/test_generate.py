"""``symconv generate``: what it writes, what it leaves alone, what it calls stale, and what it refuses to write."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from symconv import Conv
from symconv.article import document, evidence
from symconv.kernels import SCHEDULES, emit, lowerings
from symconv.kernels.checks import evidence as checked_evidence
from symconv.kernels.source import number
from symconv.project import build as making
from symconv.project.build import Build, build, stale, write
from symconv.project.cases import case_plan, project_plan
from symconv.project.theorems import theorem
from tests.commands import assert_bad_usage, run

#: the languages of what is generated where none is named
PROJECT = ("en", "fr")

ONE = ("--input", "5x6", "--kernel", "3x2", "--stride", "2", "--padding", "1")
GENERATED = Path(__file__).parent.parent / "generated"


def files_in(folder: Path) -> dict[str, str]:
    files = [p for p in folder.rglob("*") if p.is_file() and p.parent.name != "__pycache__"]
    return {p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in files}


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def one_case(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    folder = tmp_path_factory.mktemp("out")
    ran = run("generate", *ONE, "-o", str(folder), "--json")
    assert ran.status == 0, ran
    return folder, ran.json


# one case ------------------------------------------------------------------------------------------------------------


def test_one_case_writes_derivation_kernels_and_report(one_case: tuple[Path, Any]) -> None:
    folder, result = one_case
    derivations = {
        f"derivations/in5x6-k3x2-s2x2-p1x1.{lang}.{ending}" for lang in PROJECT for ending in ("md", "tex", "html")
    }
    expected = {
        *derivations, "conv2d.py", "report.json", "report.md",
        "kernels/conv2d_loops.py", "kernels/conv2d_taps.py", "kernels/conv2d_formulas.py",
        "kernels/conv2d_unrolled_in5x6_k3x2_s2x2_p1x1.py",
    }  # fmt: skip
    assert set(files_in(folder)) == expected
    assert set(result) == {"written", "unchanged", "stale", "failed"}
    assert (set(result["written"]), result["unchanged"], result["stale"], result["failed"]) == (expected, [], [], [])


def test_written_derivation_is_the_article(one_case: tuple[Path, Any]) -> None:
    conv = Conv(input=(5, 6), kernel=(3, 2), stride=2, padding=1)
    for lang in PROJECT:
        told = document(conv, lang)
        for format, ending in (("latex", "tex"), ("markdown", "md"), ("html", "html")):
            assert (one_case[0] / f"derivations/{conv.slug}.{lang}.{ending}").read_text("utf-8") == told.render(format)


def test_written_kernels_work_when_imported(one_case: tuple[Path, Any]) -> None:
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((3, 1, 5, 6)), rng.standard_normal((1, 1, 3, 2)), rng.standard_normal(1)
    modules = [load(path) for path in sorted((one_case[0] / "kernels").glob("*.py"))]
    results = []
    for module in modules:
        y = module.conv2d(x, w, b, stride=2, padding=1)
        results.append([y, *module.conv2d_backward(np.cos(y), x, w, stride=2, padding=1)])
    for result in results[1:]:
        assert all(np.allclose(a, b, rtol=1e-12, atol=1e-12) for a, b in zip(result, results[0]))


def test_report_says_what_was_checked(one_case: tuple[Path, Any]) -> None:
    report = json.loads((one_case[0] / "report.json").read_text("utf-8"))
    assert [kernel["name"] for kernel in report["kernels"]][:3] == ["conv2d", "conv2d_loops", "conv2d_taps"]
    for kernel in report["kernels"]:
        assert kernel["ok"]
        assert kernel["failures"] == []
        assert set(kernel["checks"]) - {"second"} == {"symbols", "integers", "complex step", "manners"}
        assert "in5x6-k3x2-s2x2-p1x1" in kernel["checks"]["symbols"]["layers"]
        assert kernel["scope"].startswith("these layers only: ")
    (derivation,) = report["derivations"]
    assert (derivation["ok"], derivation["entries"]) == (True, 1 * 3 * 4 + 5 * 6 + 3 * 2 + 1)
    text = (one_case[0] / "report.md").read_text("utf-8")
    assert "None of them is a proof for other sizes." in text
    for path in files_in(one_case[0]):
        assert path.startswith("report") or f"({path})" in text, path


def test_header_names_the_layer_it_was_checked_on(one_case: tuple[Path, Any]) -> None:
    assert "in5x6-k3x2-s2x2-p1x1" in (load(one_case[0] / "kernels/conv2d_taps.py").__doc__ or "")


def test_second_run_changes_nothing(one_case: tuple[Path, Any]) -> None:
    folder = one_case[0]
    before = {path: (folder / path).stat().st_mtime_ns for path in files_in(folder)}
    result = run("generate", *ONE, "-o", str(folder), "--json").json
    assert (result["written"], set(result["unchanged"])) == ([], set(before))
    assert {path: (folder / path).stat().st_mtime_ns for path in files_in(folder)} == before


def test_text_names_every_file(tmp_path: Path) -> None:
    ran = run("generate", "--input", "4", "--kernel", "2", "--schedule", "taps", "-o", str(tmp_path))
    assert ran.status == 0
    for path in files_in(tmp_path):
        assert path in ran.out
    assert "9 written, 0 unchanged, 0 not written." in ran.out


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedule_is_chosen(schedule: str) -> None:
    (order,) = case_plan(Conv(input=4, kernel=2), [schedule]).kernels
    assert order.schedule == schedule


def test_large_layer_is_not_unrolled_unless_asked() -> None:
    conv = Conv(input=(9, 9), kernel=(3, 3))
    assert [order.schedule for order in case_plan(conv).kernels] == ["columns", "loops", "taps", "formulas"]
    with pytest.raises(ValueError, match=r"at most 400 terms; that of Conv\(.*\) has 490"):
        case_plan(conv, ["unrolled"])


@pytest.mark.slow
def test_layer_of_four_axes(tmp_path: Path) -> None:
    sizes = ("--input", "3x2x2x3", "--kernel", "2x1x2x2")
    ran = run("generate", *sizes, "--schedule", "taps", "-o", str(tmp_path), "--json")
    assert (ran.status, ran.json["failed"]) == (0, [])
    module = load(tmp_path / "kernels/conv4d_taps.py")
    assert module.conv4d(np.ones((1, 1, 3, 2, 2, 3)), np.ones((1, 1, 2, 1, 2, 2))).sum() == 8 * 2 * 2 * 1 * 2


# what fails is not written -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_kernel_that_fails_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = lowerings.nest

    def wrong(schedule: Any, kind: Any, targets: Any) -> Any:
        statements = right(schedule, kind, targets)
        if schedule.name == "loops":  # for k in range(1, K): the first tap left out
            statements[0].body[0].body[0].iter.args.insert(0, number(1))
        return statements

    monkeypatch.setattr(lowerings, "nest", wrong)
    ran = run("generate", "--input", "4", "--kernel", "2", "-o", str(tmp_path), "--json")
    assert ran.status == 1
    (failed,) = ran.json["failed"]
    assert failed["file"] == "kernels/conv1d_loops.py"
    assert failed["reason"].startswith("symbols on in4-k2: y_{1} is ")
    assert "kernels/conv1d_taps.py" in files_in(tmp_path)
    assert "kernels/conv1d_loops.py" not in files_in(tmp_path)
    assert "kernels/conv1d_loops.py: symbols on in4-k2" in (tmp_path / "report.md").read_text("utf-8")
    shown = run("generate", "--input", "4", "--kernel", "2", "-o", str(tmp_path))
    assert shown.status == 1
    assert "not written" in shown.out


def test_derivation_that_fails_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from symconv.formulas.verify import verify

    def doubtful(conv: Conv, max_terms: int) -> Any:
        return verify(conv, ["dx = correlate(pad(dy, K - 1), w)"], max_terms=max_terms)

    monkeypatch.setattr(evidence, "verify", doubtful)
    ran = run("generate", "--input", "4", "--kernel", "2", "--schedule", "taps", "-o", str(tmp_path), "--json")
    assert ran.status == 1
    assert {failure["file"] for failure in ran.json["failed"]} == {
        f"derivations/in4-k2.{lang}.{ending}" for lang in PROJECT for ending in ("md", "tex", "html")
    }
    assert not (tmp_path / "derivations").exists()


def test_nothing_is_put_in_place_before_all_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: Any, **named: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(making, "document", interrupted)
    assert (
        run("generate", "--input", "4", "--kernel", "2", "--schedule", "taps", "-o", str(tmp_path / "out")).status
        == 130
    )
    assert not (tmp_path / "out").exists()


# staleness -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_build() -> Build:
    return build(case_plan(Conv(input=4, kernel=2), ["taps"]))


def test_stale_files_are_told_apart(tmp_path: Path, small_build: Build) -> None:
    write(small_build, tmp_path)
    assert stale(small_build, tmp_path) == ()
    (tmp_path / "kernels/conv1d_taps.py").write_text("# by hand\n")
    (tmp_path / "derivations/in4-k2.en.md").unlink()
    (tmp_path / "kernels/conv9d.py").write_text("")
    (tmp_path / "kernels/__pycache__").mkdir()
    (tmp_path / "kernels/__pycache__/conv1d_taps.pyc").write_text("")
    found = {each.file: each.reason for each in stale(small_build, tmp_path)}
    assert found == {
        "derivations/in4-k2.en.md": "missing",
        "kernels/conv1d_taps.py": "differs",
        "kernels/conv9d.py": "extra",
    }
    assert "kernels/conv9d.py" not in {each.file for each in stale(small_build, tmp_path, whole=False)}
    again = write(small_build, tmp_path)
    assert set(again.written) == {"derivations/in4-k2.en.md", "kernels/conv1d_taps.py"}


def test_check_lists_what_is_stale_and_writes_nothing(tmp_path: Path, small_build: Build) -> None:
    write(small_build, tmp_path)
    (tmp_path / "derivations/in4-k2.fr.tex").write_text("")
    arguments = ("generate", "--input", "4", "--kernel", "2", "--schedule", "taps", "-o", str(tmp_path), "--check")
    ran = run(*arguments, "--json")
    assert ran.status == 1
    assert ran.json["stale"] == ["derivations/in4-k2.fr.tex"]
    assert ran.json["written"] == []
    assert len(ran.json["unchanged"]) == len(small_build.files) - 1
    assert (tmp_path / "derivations/in4-k2.fr.tex").read_text() == ""
    assert "derivations/in4-k2.fr.tex: differs" in run(*arguments).out
    write(small_build, tmp_path)
    clean = run(*arguments)
    assert (clean.status, "9 files, none stale" in clean.out) == (0, True)


@pytest.mark.sweep  # CI asks the command itself
def test_generated_is_what_would_be_written() -> None:
    ran = run("generate", "--check", "--json", "-o", str(GENERATED))
    assert ran.json["stale"] == []
    assert ran.json["failed"] == []
    assert ran.status == 0


def test_two_builds_are_alike(small_build: Build) -> None:
    assert build(case_plan(Conv(input=4, kernel=2), ["taps"])).files == small_build.files


def test_project_has_the_cases_it_must() -> None:
    plan = project_plan()
    slugs = {conv.slug for conv in plan.derivations}
    assert {"in4-k2", "in4x4-k2x2", "in4x4-k2x2-n1c2f3", "in5x5-k3x3-s2x2-p1x1", "in7x6-k3x2-s3x2"} <= slugs
    assert any(conv.in_channels > 1 and conv.out_channels > 1 for conv in plan.derivations)
    assert any(
        max(conv.stride) > 1 and any(conv.remainder) and any(map(any, conv.padding)) for conv in plan.derivations
    )
    assert any(max(conv.dilation) > 1 for conv in plan.derivations)
    assert any(conv.transposed for conv in plan.derivations)
    names = {Path(name).stem for name in files_in(GENERATED / "kernels") if name.endswith(".py")}
    for ndim in (1, 2, 3):
        for kind in ("conv", "conv_transpose"):
            assert {f"{kind}{ndim}d_{schedule}" for schedule in ("loops", "taps", "formulas")} <= names


def test_listed_layer_that_is_none() -> None:
    with pytest.raises(ValueError, match=r"the case list has a layer .*'colour'"):
        project_plan('[kernels]\naxes = [1]\nschedules = ["taps"]\n[[check]]\ninput = 4\nkernel = 2\ncolour = 3\n')


# mistakes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--input", "4"), "--input is about one layer, which needs --kernel too"),
        (("--stride", "2"), "--stride is about one layer, which needs --input and --kernel too"),
        (("--transposed",), "--transposed is about one layer, which needs --input and --kernel too"),
        (("--schedule", "taps"), "--schedule is about one layer, which needs --input and --kernel too"),
        (("--input", "4", "--kernel", "7"), "kernel 7 with dilation 1 spans 7, but input 4"),
        (("--input", "4..6", "--kernel", "2"), "--input 4..6: one size, not a range"),
        (("--input", "4", "--kernel", "2", "--schedule", "quick"), "no schedule 'quick'; there are columns, loops, taps"),
        (("--input", "30x30", "--kernel", "3x3", "--schedule", "unrolled"), "has 7,840"),
        (("--input", "4", "--kernel", "2", "--max-terms", "5"), "has 9 terms, more than max_terms=5"),
    ],
    ids=["no-kernel", "stride-alone", "transposed-alone", "schedule-alone", "no-output", "range", "schedule", "unrolled",
         "terms"],
)  # fmt: skip
def test_bad_usage(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    assert_bad_usage(run("generate", *arguments, "-o", str(tmp_path / "out")), told)
    assert not (tmp_path / "out").exists()


def test_output_that_is_a_file(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_text("mine")
    assert_bad_usage(run("generate", "--input", "4", "--kernel", "2", "-o", str(target)), "it is a file, not a folder")
    assert target.read_text() == "mine"


def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "kernels").write_text("")
    ran = run("generate", "--input", "4", "--kernel", "2", "--schedule", "taps", "-o", str(tmp_path))
    assert_bad_usage(ran, "cannot make folder", "kernels")


def test_emit_is_what_is_written() -> None:
    text = (GENERATED / "kernels/conv2d_taps.py").read_text("utf-8")
    order = next(
        o for o in project_plan().kernels if (o.schedule, o.layer.ndim, o.layer.transposed) == ("taps", 2, False)
    )
    body = emit(order.schedule, order.layer).source.split('"""', 2)[2]
    assert text.endswith(body)


def test_headers_say_what_is_proved_of_every_size() -> None:
    """The theorem of a kernel is kept with the hash of its code: of another text nothing is said to be proved."""
    for order in project_plan().kernels:
        kernel = emit(order.schedule, order.layer)
        found = theorem(kernel)
        if kernel.layer is not None:
            assert found is None
            continue
        assert found is not None, kernel.name
        assert found.proved, f"{kernel.name}: python -m symconv.project.theorems proves what has changed"
        said = replace(
            kernel,
            source=kernel.source.replace('"""', '"""It is said: ', 1).replace("\n    x, w", "\n    # why\n    x, w", 1),
        )
        assert theorem(said) == found
        changed = replace(kernel, source=kernel.source.replace("np.zeros", "np.ones"))
        assert changed.source == kernel.source or not theorem(changed).proved
        says = " ".join(checked_evidence(order.checked_on, str(found), found.proved))
        assert ("Proved for every size at stride 1 to" in says) is found.proved
        assert ("no proof for every size" in says) is not found.proved


def test_the_file_to_use_is_short() -> None:
    """Short enough to be read top to bottom, with every border and the double backward in it."""
    source = (Path(__file__).parents[1] / "generated" / "conv2d.py").read_text(encoding="utf-8")
    assert "def conv2d_double_backward(" in source
    assert "padding_mode" in source
    assert 150 <= len(source.splitlines()) <= 220
