"""``build``: the files of the static site.

Pages: index.html (the documentation), gallery.html and a page for each derivation of the project's case list in every language,
explorer.html, playground.html. The playground needs three things beside it: symconv itself (``symconv.zip``), and from the npm
packages of these names Pyodide's core and z3 as WebAssembly. Derivations are not made in the page: that takes NumPy and SymPy,
which the npm package of Pyodide does not hold; they are chosen from the gallery.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from symconv.article import document
from symconv.article.layout import Layout
from symconv.figures import figure
from symconv.figures.explorer import explorer
from symconv.files import write_all
from symconv.layer.conv import Conv
from symconv.project.cases import project_plan
from symconv.prose import LANGUAGES

__all__ = ["EXAMPLES", "NPM", "build", "pages", "vendored"]

#: the npm packages, in the versions that the page was tried with
NPM = {"pyodide": "314.0.7", "z3-solver": "5.2.0"}

#: what of them is put beside the page
VENDORED = {
    "pyodide": ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json"),
    "z3-solver": ("build/z3-built.js", "build/z3-built.wasm"),
}
FOLDERS = {"pyodide": "vendor/pyodide", "z3-solver": "vendor/z3"}

#: formulas to try, each with strides
EXAMPLES = (
    ("dx = correlate(pad(dilate(dy, s), d*(K - 1) - p, d*(K - 1) - q + r), flip(w), dilation=d)", "1..3"),
    ("dx = correlate(pad(dy, p), flip(w))", "1"),
    ("dx = correlate(pad(dilate(dy, s), K - 1 - p), flip(w))", "2"),
    ("dw = correlate(x, dy)", "1"),
    ("dx[m] = sum(dy[i] * w[m - s*i + p], i)", "any"),
    ("db = sum(dy)", "any"),
)

#: cells across of a picture in the gallery
CARD = 8.0

LINKS = (
    ("index.html", "symconv"),
    ("playground.html", "playground"),
    ("gallery.html", "derivations"),
    ("explorer.html", "explorer"),
)


def build(folder: Path, node_modules: Path | None = None, readme: str | None = None) -> list[Path]:
    """Write the site into ``folder``, whole or not at all; returns the paths.

    ``node_modules`` holds the npm packages :data:`NPM`; left out, npm installs them into a folder of its own for this. ``readme``
    is the text of the first page, Markdown; left out, the package's description. ValueError where npm or a package is missing.
    """
    with tempfile.TemporaryDirectory() as own:
        place = node_modules if node_modules is not None else _installed(Path(own))
        packages = vendored(place)  # first: what is missing is said before pages are made
    contents = {folder / name: data for name, data in (pages(readme) | packages).items()}
    write_all(contents)
    return list(contents)


def _installed(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise ValueError("npm is not installed: give --node-modules, a folder with the packages pyodide and z3-solver")
    wanted = [f"{name}@{version}" for name, version in NPM.items()]
    words = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), *wanted]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise ValueError(f"npm install {' '.join(wanted)}: {' '.join(ran.stderr.split())[-200:]}")
    return folder / "node_modules"


def vendored(node_modules: Path) -> dict[str, bytes]:
    """The files of the npm packages that the playground loads, by their place in the site."""
    result = {}
    for package, names in VENDORED.items():
        for name in names:
            path = node_modules / package / name
            if not path.is_file():
                raise ValueError(f"{path} is missing: npm install {package}@{NPM[package]}")
            result[f"{FOLDERS[package]}/{path.name}"] = path.read_bytes()
    return result


def pages(readme: str | None = None) -> dict[str, str | bytes]:
    """Everything but what is vendored, by name."""
    made: dict[str, str | bytes] = {
        name: _resource(name) for name in ("worker.js", "z3.js", "isolate.js", "playground.js", "site.css")
    }
    made["symconv.zip"] = _package()
    made["explorer.html"] = explorer()
    layers = []
    for conv in project_plan().derivations:
        for lang in LANGUAGES:
            name = f"derivations/{conv.slug}.{lang}.html"
            made[name] = document(conv, lang, layout=Layout(explorer="../explorer.html")).render("html")
            layers.append((name, f"{_said(conv)} ({lang})"))
    made["gallery.html"] = _page("Derivations", "gallery.html", str(_gallery(project_plan().derivations)))
    body = _environment().get_template("playground.html.jinja").render(examples=EXAMPLES, layers=layers)
    made["playground.html"] = _page("Playground", "playground.html", body, "playground.js")
    made["index.html"] = _page("symconv", "index.html", _markdown(readme or _description()))
    return made


def _said(conv: Conv) -> str:
    return repr(conv).removeprefix("Conv(").removesuffix(")")


def _gallery(convs: Any) -> str:
    items = []
    for conv in convs:
        links = " · ".join(
            f'<a href="derivations/{conv.slug}.{lang}.html" hreflang="{lang}">{lang}</a>' for lang in LANGUAGES
        )
        picture = f'<div class="scrolls" tabindex="0">{_picture(conv)}</div>'
        items.append(f"<li>{picture}<p><code>{_said(conv)}</code></p><p>{links}</p></li>")
    return f'<h1>Derivations</h1><ul class="gallery">{"".join(items)}</ul>'


def _picture(conv: Conv) -> str:
    """The layer's window, where it can be drawn."""
    try:
        return figure(conv, "window", room=CARD).to_svg(least=True)
    except ValueError:
        return ""


@cache
def _environment() -> Environment:
    return Environment(loader=PackageLoader("symconv.site", "pages"), autoescape=True, undefined=StrictUndefined,
                       trim_blocks=True, keep_trailing_newline=True)  # fmt: skip


def _page(title: str, current: str, body: str, script: str | None = None) -> str:
    record: Mapping[str, Any] = {
        "title": title,
        "current": current,
        "links": LINKS,
        "body": Markup(body),
        "script": script,
    }
    return _environment().get_template("page.html.jinja").render(**record)


def _markdown(text: str) -> str:
    """Markdown as HTML; markdown-it-py, of the extra "check"."""
    try:
        from markdown_it import MarkdownIt  # of the extra "check"
    except ImportError as error:
        raise ValueError("the site's first page needs markdown-it-py: pip install symconv[check]") from error
    made = str(MarkdownIt("commonmark").enable("table").render(text))
    # pictures are not among the site's files
    made = re.sub(r'<img src="(?!https?:|data:)[^"]*" alt="([^"]*)"[^>]*>', r"<em>\1</em>", made)
    # what may be wider than the page scrolls, by keys as well
    made = made.replace("<pre>", '<pre tabindex="0">')
    return made.replace("<table>", '<div class="scrolls" tabindex="0"><table>').replace("</table>", "</table></div>")


def _description() -> str:
    """The package's long description: its README."""
    return str(metadata("symconv").json.get("description") or "# symconv")


def _resource(name: str) -> str:
    return resources.files("symconv.site").joinpath("pages", name).read_text(encoding="utf-8")


def _package() -> bytes:
    """symconv's own modules as a zip, the same bytes for the same modules."""
    stream = io.BytesIO()
    root = Path(str(resources.files("symconv")))
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _modules(root):
            entry = zipfile.ZipInfo(f"symconv/{path.relative_to(root).as_posix()}", (2020, 1, 1, 0, 0, 0))
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _modules(root: Path) -> Iterator[Path]:
    """What the verdict needs: the rooms below the proofs, and its own."""
    for room in ("algebra", "layer", "formulas", "mathematics", "proof", "prose", "site"):
        yield from sorted(path for path in (root / room).rglob("*") if path.suffix in (".py", ".toml"))
    yield from (root / name for name in ("__init__.py", "isl.py", "files.py", "sarif.py"))
