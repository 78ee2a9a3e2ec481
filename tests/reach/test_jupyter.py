"""Magics in a notebook that is executed, and the widget in a browser."""

from __future__ import annotations

import json
import sys

import pytest

import symconv
from symconv import Conv
from symconv.jupyter import FRAME
from tests.chromium import ask

CELLS = [
    "%load_ext symconv",
    "%prove dx = correlate(pad(dy, p), flip(w))",
    "proof = %prove dx --stride 1..2\nprint([p.verdict for p in proof])",
    "%derive --input 4 --kernel 2 --sections forward",
    "%%audit\nimport numpy as np\ndef backward(x, w, b, dy, stride, padding):\n    return None, None, dy.sum(axis=(0, 2, 3))",
    "%%audit helper --convention cs231n\ndef helper(dout, cache):\n    return None, None, dout[0].sum(axis=(1, 2))\n"
    "def other(): pass",
    "import symconv\nwidget = symconv.widget(symconv.Conv(input=7, kernel=3, stride=2))\nwidget",
]
WRONG = {
    "%prove dx = corelate(dy)": "corelate",
    "%prove dx --strid 2": "--strid",
    "%derive --input 2 --kernel 5": "kernel 5",
    "%%audit\nx = 1": "the cell defines no function or class",
    "%%audit nobody\nx = 1": "no 'nobody' in this notebook",
    "%%audit --grid large\ndef f(): pass": "large",
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("anywidget")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in [*CELLS, *WRONG]])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    folder = tmp_path_factory.mktemp("kernels")
    spec = folder / "kernels" / "python3"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        nbclient.NotebookClient(notebook, timeout=120, allow_errors=True).execute()
    return [cell.outputs for cell in notebook.cells]


def shown(outputs):
    return [output.data if "data" in output else output for output in outputs]


@pytest.mark.slow
def test_magics(ran):
    assert ran[0] == []
    (refuted,) = shown(ran[1])
    assert "REFUTED" in refuted["text/plain"]
    assert "text/latex" in refuted
    assert ran[2][0]["text"] == "['PROVED', 'PROVED']\n"
    (derived,) = shown(ran[3])
    assert derived["text/markdown"].startswith("# The gradients of a convolution")
    (right,) = shown(ran[4])
    assert "45 right, 0 wrong of 45 cases" in right["text/plain"]
    assert "<table" in right["text/html"]
    (wrong,) = shown(ran[5])
    assert "not right" in wrong["text/plain"]
    (view,) = shown(ran[6])
    assert "application/vnd.jupyter.widget-view+json" in view


@pytest.mark.slow
def test_bad_calls_end_in_one_line(ran):
    for outputs, (cell, told) in zip(ran[len(CELLS) :], WRONG.items(), strict=True):
        said = " ".join(output.get("text", "") + output.get("evalue", "") for output in outputs)
        assert told in said, (cell, outputs)
        assert "Traceback" not in said


@pytest.mark.slow
def test_widget_in_a_browser(tmp_path):
    """What anywidget does with it, by hand: the module is loaded and given a model and an element."""
    pytest.importorskip("anywidget")
    made = symconv.widget(Conv(input=7, kernel=3, stride=2, padding=1), "fr")
    model = f"const model = {{ get: () => {json.dumps(made.page).replace('</', '<' + chr(92) + '/')}, on() {{}} }};"
    module = FRAME.replace("export default", "const made =")
    page = f"""<!DOCTYPE html><html><head></head><body><div id="el"></div><script>{module}
{model} made.render({{ model, el: document.getElementById("el") }});</script></body></html>"""
    script = """const inner = document.querySelector("iframe").contentDocument;
        answer.cells = inner.querySelectorAll("*").length;
        answer.lang = inner.documentElement.lang; answer.text = inner.body.innerText.slice(0, 2000);
        answer.inputs = [...inner.querySelectorAll("input")].map((each) => each.value);
        answer.height = document.querySelector("iframe").clientHeight; answer.whole = inner.documentElement.scrollHeight;"""
    answer = ask(page, script, tmp_path)
    assert answer["problems"] == []
    assert answer["lang"] == "fr"
    assert answer["cells"] > 100
    assert "dx" in answer["text"]
    assert answer["inputs"][:3] == ["7", "3", "2"]
    assert answer["height"] >= answer["whole"] - 20


def test_layers_that_the_explorer_does_not_show():
    pytest.importorskip("anywidget")
    for conv in (
        Conv(input=(4, 5), kernel=2),
        Conv(input=(3, 3, 3), kernel=2),
        Conv(input=4, kernel=2, transposed=True),
    ):
        assert symconv.widget(conv).page
    for conv in (Conv(input=(3, 3, 3, 3), kernel=2), Conv(input=40, kernel=2)):
        with pytest.raises(ValueError, match="the explorer"):
            symconv.widget(conv)
    with pytest.raises(ValueError, match="no language 'xx'"):
        symconv.widget(lang="xx")
