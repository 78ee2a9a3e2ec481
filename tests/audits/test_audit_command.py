"""The audit command and the reports, as a user meets them: options, mistakes, JSON, HTML, JUnit XML."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from symconv.audits import Audit, audit
from symconv.audits.grids import default_grid
from symconv.audits.reports.junit import junit_xml
from symconv.audits.reports.page import fragment, page
from symconv.audits.reports.text import as_text, split_terms
from symconv.cli import main
from symconv.cli.main import group
from symconv.layer.conv import Conv
from symconv.mathematics.latex import latex
from symconv.mathematics.of_text import expression_read
from tests.audits.independent import SAMPLES

#: the command proves what it can
WITH_PROOFS = True

PLAIN = SAMPLES / "sample_plain.py"
SIZES = ("--input", "4x5", "--kernel", "3x2", "--batch", "2", "--in-channels", "1", "--out-channels", "2")


def run(*arguments: str) -> Any:
    return CliRunner().invoke(group, ["audit", *arguments])


def failing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """The one line on standard error of a bad call."""
    monkeypatch.setattr("sys.argv", ["symconv", "audit", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("symconv: ")
    return err


@pytest.fixture(scope="module")
def wrong() -> Audit:
    grid = default_grid(input=[(4, 5)], kernel=[(3, 2)], batch=2, in_channels=1, out_channels=2)
    return audit(f"{PLAIN}:forgets_stride_in_dw", grid=[*grid, Conv((1, 1), (1, 1))])


def test_json() -> None:
    result = run(f"{PLAIN}:forgets_stride_in_dw", *SIZES, "--json", "--seed", "1")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert (report["ok"], report["cases"], report["right"], report["wrong"], report["refused"]) == (False, 9, 3, 6, 0)
    assert len(report["by_case"]) == 9
    for case in report["by_case"]:
        assert case["input"] == [4, 5]
        assert case["kernel"] == [3, 2]
        assert case["dx"] == case["db"] == "ok"
        assert case["dw"] == ("ok" if case["stride"] == [1, 1] else "value")
        assert case["padding"][0] in (0, 1, 2)
    assert report["condition"] == "right exactly when stride = 1, on all 9 cases tried"
    smallest = report["smallest_failure"]
    assert smallest["output"] == "dw"
    assert smallest["case"]["input"] == [4, 5]
    assert smallest["extra"]
    assert smallest["missing"]
    assert report["outputs"]["dw"]["causes"][0]["key"] == "forgets-stride"


def test_right_function() -> None:
    result = run(f"{PLAIN}:with_einsum", *SIZES)
    assert result.exit_code == 0
    assert "dx right in 9/9" in result.stdout
    assert "proved     right, for every size" in result.stdout  # which says more than what was observed


def test_text(wrong: Audit) -> None:
    text = as_text(wrong)
    assert "✓ dx right in 10/10" in text
    assert "✗ dw right in 4/10, wrong in 6" in text
    assert re.search(r"2 │ +0/1 │ +0/1 │ +0/1", text)
    assert "likely cause: forgets the stride in dw (accounts for 6 of 6 failing cases" in text
    assert re.search(r"yours +dw_\{\d+\} = dy_", text)
    assert str(wrong) == text
    assert repr(wrong).endswith("not right; 4 right, 6 wrong of 10 cases>")


def test_marked_terms() -> None:
    pieces = split_terms("dy_{1}*w_{1} - 2*dy_{2} + b", ["-2*dy_{2}", "b"])
    assert pieces == [("dy_{1}*w_{1}", False), (" - 2*dy_{2}", True), (" + b", True)]
    assert latex(expression_read(" + 1/2*dx_{11}*x_{1}")) == r" + \frac{1}{2} dx_{11} x_{1}"
    assert latex(expression_read("-dy_{1}*w_{2} - 3")) == "-dy_{1} w_{2} - 3"
    assert expression_read("shape (1, 2)") is expression_read("(unset memory)*w_{1}") is None


def test_html(wrong: Audit, tmp_path: Path) -> None:
    text = page(wrong)
    assert text.startswith("<!doctype html>")
    assert "<math" in text
    assert 'class="differs"' in text
    assert text.count('class="h0"') == 6
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "<script" not in text
    assert "forgets the stride in dw" in text
    assert wrong._repr_html_() == fragment(wrong)
    # well formed, all of it that is XML
    ET.fromstring(re.sub(r"&(?!amp;|lt;|gt;|#)", "&amp;", fragment(wrong).replace("<br>", "<br/>")))


def test_html_escapes(tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text("def f(x, w, b, dy, stride, padding):\n    int('<script>alert(1)</script> & more')\n")
    result = audit(f"{source}:f", grid=[Conv((4, 3), (2, 2))])
    assert "<script>" not in page(result)
    assert "&lt;script&gt;" in page(result)
    assert ET.fromstring(junit_xml(result)).find("testsuite/testcase/error") is not None


def test_junit(wrong: Audit) -> None:
    root = ET.fromstring(junit_xml(wrong))
    (suite,) = root
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == (
        "30",
        "6",
        "0",
        "0",
    )
    tests = suite.findall("testcase")
    assert len({(t.get("classname"), t.get("name")) for t in tests}) == 30
    assert {t.get("name") for t in tests if t.find("failure") is not None} == {
        case.conv.slug for case in wrong.cases if not case.right(("dw",))
    }
    assert any("extra" in (t.findtext("failure") or "") for t in tests)


def test_junit_tells_refusals_and_the_undocumented_apart() -> None:
    grid = [Conv((5, 5), (2, 2), stride=2), Conv((4, 4), (2, 2), stride=2), Conv((4, 4), (2, 1))]
    suite = ET.fromstring(junit_xml(audit(f"{PLAIN}:asserts_no_remainder", grid=grid)))[0]
    assert (suite.get("tests"), suite.get("skipped"), suite.get("failures")) == ("9", "3", "0")
    suite = ET.fromstring(junit_xml(audit(f"{SAMPLES / 'sample_coursera.py'}:conv_backward", "coursera", grid=grid)))[0]
    assert (suite.get("tests"), suite.get("skipped"), suite.get("errors")) == ("9", "3", "0")


def test_report_files(tmp_path: Path) -> None:
    html, junit = tmp_path / "report.html", tmp_path / "report.xml"
    result = run(f"{PLAIN}:negated", *SIZES, "--html", str(html), "--junit", str(junit), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["wrong"] == 9
    assert "scaled by -1" in html.read_text()
    assert ET.parse(junit).getroot().tag == "testsuites"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.py:f",), ("nowhere.py:f", "there is no file nowhere.py")),
        (("nowhere.py",), ("nowhere.py", "FILE.py:NAME")),
        ((f"{PLAIN}:five_hoops",), ("no 'five_hoops'", "five_loops")),
        ((f"{PLAIN}:np.pi",), ("'np.pi'", "is not a function")),
        ((f"{PLAIN}:five_loops", "--forward", "nobody"), ("no 'nobody'",)),
        ((f"{PLAIN}:five_loops", "--mode", "adjoint"), ("its own forward",)),
        ((f"{PLAIN}:five_loops", "--outputs", "dx,dz"), ("outputs dx, dz",)),
        ((f"{PLAIN}:five_loops", "--input", "2x2", "--kernel", "3x3", "--padding", "0"), ("the grid is empty",)),
        ((f"{PLAIN}:five_loops", "--input", "2x2", "--ndim", "3"), ("--ndim 3", "have 2 axes")),
        ((f"{PLAIN}:five_loops", "--stride", "a"), ("--stride a",)),
        ((f"{PLAIN}:five_loops", "--time-limit", "-1"), ("time limit -1.0",)),
        ((f"{PLAIN}:five_loops", "--resume"), ("resume needs the results file",)),
        ((f"{PLAIN}:five_loops", "--backend", "dask"), ("address of a scheduler",)),
        ((f"{PLAIN}:five_loops", "--html", "/no/such/folder/r.html"), ("--html", "there is no folder")),
    ],
    ids=["file", "colon", "name", "value", "forward", "adjoint", "outputs", "empty", "ndim", "stride", "time", "resume", "dask",
         "html"],
)  # fmt: skip
def test_bad_calls(
    arguments: tuple[str, ...],
    words: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = failing(capsys, monkeypatch, *arguments)
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("text", "word"),
    [("def f(:\n", "SyntaxError"), ("import no_such_module\n", "no_such_module"), ("raise SystemExit(3)\n", "SystemExit"),
     ("x = 1 / 0\n", "ZeroDivisionError: division by zero (line 1)")],
    ids=["syntax", "import", "exit", "exception"],
)  # fmt: skip
def test_code_that_does_not_load(
    text: str, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "broken.py"
    source.write_text(text)
    line = failing(capsys, monkeypatch, f"{source}:f")
    assert "the audited code does not load" in line
    assert word in line


def test_a_file_of_a_package_imports_relatively(tmp_path: Path) -> None:
    package = tmp_path / "mylayers"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "sums.py").write_text(
        "import numpy as np\ndef total(a):\n    result = np.zeros(a.shape[1])\n"
        "    for f in range(a.shape[1]):\n        result[f] = a[:, f].sum()\n    return result\n"
    )
    (package / "layers.py").write_text(
        "from .sums import total\ndef f(x, w, b, dy, stride, padding):\n    return {'db': total(dy)}\n"
    )
    result = audit(f"{package / 'layers.py'}:f", grid=[Conv((4, 3), (2, 2), 2, 1, 3), Conv((4, 3), (2, 2))])
    assert result.ok
    assert set(result.engines) == {"symbolic"}  # what it imports from beside it is its own, too


def test_help_says_that_the_code_is_executed() -> None:
    result = run("--help")
    assert "executed" in result.output
    for convention in ("plain", "cs231n", "coursera", "layer"):
        assert convention in result.output


def test_options_reach_the_grid() -> None:
    sizes = (
        "--input",
        "5x6",
        "--kernel",
        "3x2",
        "--stride",
        "2x1",
        "--padding",
        "1,0x0,1",
        "--dilation",
        "1",
        "--groups",
        "1",
    )
    report = json.loads(run(f"{PLAIN}:only_dw", *sizes, "--json").stdout)
    assert report["cases"] == 1
    (case,) = report["by_case"]
    assert (case["stride"], case["padding"]) == ([2, 1], [[1, 0], [0, 1]])


@pytest.mark.parametrize(
    ("change", "word"),
    [({"convention": "pytorch"}, "no convention 'pytorch'"), ({"mode": "sideways"}, "no mode 'sideways'"),
     ({"grid": []}, "empty"), ({"grid": "huge"}, "no grid 'huge'"), ({"engine": "luck"}, "no engine 'luck'"),
     ({"forward": print}, "given by name")],
    ids=["convention", "mode", "empty", "grid", "engine", "forward"],
)  # fmt: skip
def test_bad_arguments(change: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=re.escape(word)):
        audit(f"{PLAIN}:five_loops", **change)
