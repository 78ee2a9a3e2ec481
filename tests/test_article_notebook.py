"""The notebook of a derivation: valid, the same every time, and run from top to bottom.

The cells are run by IPython's shell in a process of its own: the shell that a kernel holds, with the same choice of how a result
is shown, without the sockets and the start of a kernel for each notebook.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from symconv import Conv
from symconv.article import document, render
from symconv.article.formats.notebook import STEPS
from symconv.cli.derive import command
from symconv.prose import LANGUAGES
from tests.cases import SMALL
from tests.test_article import slug

#: runs notebooks given as paths; for each the cells' results by kind of display, what they print, and where one failed
RUNNER = """
import io, json, sys
from contextlib import redirect_stdout
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance(colors="NoColor")
told = {}
for path in sys.argv[2:]:
    shell.reset(new_session=False)
    cells = []
    for cell in json.loads(Path(path).read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        with redirect_stdout(io.StringIO()) as printed:
            result = shell.run_cell("".join(cell["source"]))
        error = result.error_before_exec or result.error_in_exec
        shown = shell.display_formatter.format(result.result)[0] if result.result is not None else {}
        cells.append({"id": cell["id"], "error": repr(error) if error else "", "printed": printed.getvalue(), "shown": shown})
        if error:
            break
    told[path] = cells
Path(sys.argv[1]).write_text(json.dumps(told), encoding="utf-8")
"""

RUN = {
    conv.slug: (conv, loss)
    for conv, loss in [
        (SMALL[0], "upstream"),
        (SMALL[2], "squared"),
        (SMALL[6], "upstream"),
        (SMALL[12], "upstream"),
    ]
}


def notebook(conv: Conv, loss: str = "upstream", lang: str = "en") -> dict[str, Any]:
    text = render(conv, "ipynb", lang, loss)
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


def run(notebooks: dict[str, dict[str, Any]], folder: Path) -> dict[str, list[dict[str, Any]]]:
    pytest.importorskip("IPython", reason="IPython runs the cells")
    paths = {}
    for name, each in notebooks.items():
        paths[name] = folder / f"{name}.ipynb"
        paths[name].write_text(json.dumps(each), encoding="utf-8")
    answer = folder / "answer.json"
    environment = {"IPYTHONDIR": str(folder), "PYTHONUTF8": "1", "PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run([sys.executable, "-c", RUNNER, str(answer), *map(str, paths.values())], env=environment, cwd=folder,
                   check=True, capture_output=True, timeout=240)  # fmt: skip
    told = json.loads(answer.read_text(encoding="utf-8"))
    return {name: told[str(path)] for name, path in paths.items()}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    return run({name: notebook(*case) for name, case in RUN.items()}, tmp_path_factory.mktemp("notebooks"))


@pytest.mark.parametrize("name", RUN)
def test_every_cell_runs(name: str, ran: dict[str, list[dict[str, Any]]]) -> None:
    conv, loss = RUN[name]
    assert [cell["error"] for cell in ran[name] if cell["error"]] == []
    codes = [cell["id"] for cell in notebook(conv, loss)["cells"] if cell["cell_type"] == "code"]
    assert [cell["id"] for cell in ran[name]] == codes
    by_id = {cell["id"]: cell for cell in ran[name]}
    # the layer is the one of the text
    assert repr(conv) in by_id["layer-1"]["shown"]["text/plain"]
    # each target at each stride and dilation, every one a theorem
    verdicts = by_id["prove-1"]["printed"].splitlines()
    assert len(verdicts) == (4 if conv.bias else 3) * len(set(zip(conv.stride, conv.dilation, strict=True)))
    assert all(line.startswith("<PROVED: ") for line in verdicts)
    assert by_id["verify-1"]["shown"]["text/html"].count("<td>equal</td>") == (4 if conv.bias else 3)
    assert by_id["numbers-1"]["shown"]["text/plain"].count("True") == (4 if conv.bias else 3)


@pytest.mark.parametrize("name", RUN)
def test_results_are_shown_as_more_than_text(name: str, ran: dict[str, list[dict[str, Any]]]) -> None:
    """Pictures as SVG, formulas as LaTeX that stands between dollars and holds nothing but mathematics, tables as HTML."""
    kinds = set()
    for cell in ran[name]:
        for kind, shown in cell["shown"].items():
            kinds.add(kind)
            if kind == "text/latex":
                assert re.fullmatch(r"\$[^$]*\$", shown, re.S), shown[:80]
                assert shown.count("{") == shown.count("}")
                assert shown.count(r"\left") - shown.count(r"\leftarrow") == shown.count(r"\right")
                used = set(re.findall(r"\\begin\{(\w+)\}", shown))
                assert used <= {"aligned", "matrix", "bmatrix", "array"}
            elif kind in ("text/html", "image/svg+xml"):
                ElementTree.fromstring(f"<all>{shown}</all>")
    assert kinds == {"text/plain", "text/latex", "text/html", "image/svg+xml"}


def test_a_cell_that_fails_is_noticed(tmp_path: Path) -> None:
    changed = notebook(SMALL[0])
    [verify] = (cell for cell in changed["cells"] if cell["id"] == "verify-1")
    verify["source"] = ["verification = conv.verify(['dx = correlate(pad(dy, K - 1), w)'])\n", "assert verification.ok"]
    [cells] = run({"changed": changed}, tmp_path).values()
    assert cells[-1]["id"] == "verify-1"
    assert cells[-1]["error"] == "AssertionError()"


@pytest.mark.parametrize(
    "conv", [*SMALL, Conv(input=(9, 8), kernel=5, padding=2, in_channels=3, out_channels=4)], ids=slug
)
def test_notebooks_are_valid(conv: Conv) -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbformat knows what a notebook is")
    found = notebook(conv)
    nbformat.validate(nbformat.from_dict(found))
    ids = [cell["id"] for cell in found["cells"]]
    assert len(ids) == len(set(ids))
    # every section is there, and what is computed after it
    shown = document(conv)
    markdown = [cell["id"] for cell in found["cells"] if cell["cell_type"] == "markdown"]
    assert [name for name in markdown if name in {section.name for section in shown.sections}] == [
        s.name for s in shown.sections
    ]
    assert set(STEPS) <= set(markdown)
    assert {"layer-1", "gradients-1", "prove-1", "verify-1", "numbers-1"} <= set(ids)


@pytest.mark.parametrize("conv", [SMALL[1], SMALL[8]], ids=slug)
def test_the_text_is_that_of_the_markdown(conv: Conv) -> None:
    """Cell by cell the document's Markdown, nothing left out."""
    text = render(conv, "markdown")
    shown = document(conv)
    names = ["title", *(section.name for section in shown.sections)]
    cells = [
        "".join(cell["source"]) for cell in notebook(conv)["cells"] if cell["id"] in names or "-after-" in cell["id"]
    ]
    assert "\n\n".join(cells).split() == text.split()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_cells_speak_the_language_of_the_document(lang: str) -> None:
    cells = notebook(SMALL[0], lang=lang)["cells"]
    figures = [
        "".join(cell["source"]) for cell in cells if "figure(" in "".join(cell["source"]) and cell["id"] != "layer-1"
    ]
    assert figures
    assert all(('lang="' in code) == (lang != "en") for code in figures)


def test_the_same_layer_gives_the_same_bytes() -> None:
    code = f"from symconv import Conv; from symconv.article import render; print(render({SMALL[6]!r}, 'ipynb'), end='')"
    environment = {"PYTHONHASHSEED": "7", "PYTHONUTF8": "1", "PYTHONPATH": str(Path(__file__).parents[1])}
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True, env=environment
    )
    assert other.stdout == render(SMALL[6], "ipynb")


def test_the_command_writes_a_notebook(tmp_path: Path) -> None:
    target = tmp_path / "nb.ipynb"
    size = ["--input", "7", "--kernel", "2", "--stride", "3", "--no-bias"]
    for given in ([], ["--format", "ipynb"]):
        result = CliRunner().invoke(command, [*size, *given, "-o", str(target)])
        assert result.exit_code == 0, result.output
        assert target.read_text(encoding="utf-8") == render(SMALL[2], "ipynb")
        target.unlink()


def test_documents_show_themselves_as_markdown() -> None:
    """Of what a notebook can show, Markdown is what every front end sets with its mathematics, trusted or not."""
    shown = document(SMALL[0])
    assert shown._repr_markdown_() == render(SMALL[0], "markdown")
    assert not hasattr(shown, "_repr_html_")
