"""Pages tried by axe-core, in a narrow light window and a wide dark one: nothing serious stands in anybody's way."""

from __future__ import annotations

import html
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from symconv import Conv
from symconv.article import document
from symconv.audits import audit
from symconv.audits.reports.page import page as audit_page
from symconv.checking import check
from symconv.checking.reports import REPORTS
from symconv.figures import figure
from symconv.figures.explorer import explorer
from symconv.site import build as site
from tests.chromium import FLAGS, NAMES

AXE = "axe-core@4.10.3"

RUN = """<script>addEventListener("load", async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  const out = document.createElement("pre"); out.id = "answer";
  out.textContent = JSON.stringify(found.violations.map((each) => [each.id, each.impact, each.nodes[0].html.slice(0, 120)]));
  document.documentElement.append(out); });</script></body>"""

WINDOWS = {
    "390-light": ("--window-size=390,900",),
    "1280-dark": ("--window-size=1280,900", "--blink-settings=preferredColorScheme=0"),
}

LAYER = Conv(input=(5, 5), kernel=2, stride=2, in_channels=2)

SPECIMEN = """$$dx_m = \\sum_o w_{m-2o+3} dy_o$$

```python
def conv_backward(dy, x, w, stride=2, pad=1):
    return np.pad(x, ((0, 0), (0, 0), (pad, pad)))
```
"""

KERNEL = "def conv_backward(dy, x, w, stride, padding):\n    return x, w, dy.sum((0, 2, 3))\n"


def gallery() -> str:
    """The list of derivations and the first page of the site, its style in the page."""
    text = "# A title\n\n```sh\nsymconv --help\n```\n\n| a | b |\n|:--|:--|\n| one | two |\n\n![a picture](none.png)\n"
    body = site._gallery([Conv(4, 2), Conv((5, 6), 3, padding=1)]) + site._markdown(text)
    made = site._page("Derivations", "gallery.html", body)
    style = f"<style>{site._resource('site.css')}</style>"
    assert '<link rel="stylesheet" href="site.css">' in made
    return made.replace('<link rel="stylesheet" href="site.css">', style)


def audited(folder: Path) -> str:
    (folder / "kernel.py").write_text(KERNEL, encoding="utf-8")
    return audit_page(
        audit(f"{folder / 'kernel.py'}:conv_backward", grid=[Conv((4, 4), 2), Conv((4, 4), 3, padding=1)])
    )


#: every kind of page that is written
PAGES: dict[str, Callable[[Path], str]] = {
    "article-de": lambda _: document(LAYER, "de", sections=["forward", "channels", "algorithm"]).render("html"),
    "article-fr": lambda _: document(Conv(5, 3, padding=1, padding_mode="reflect"), "fr").render("html"),
    "article-en": lambda _: document(Conv((2, 2, 2), 2, transposed=True), sections=["steps", "summary"]).render("html"),
    "explorer-1": lambda _: explorer({"axes": 1}, "fr"),
    "explorer-2": lambda _: explorer({"H": 8, "K": 7, "s": 1, "p": 3, "q": 3}),  # its sum scrolls on a phone
    "explorer-3": lambda _: explorer({"axes": 3, "H": 3, "K": 2}, "de", transposed=True),
    "steps": lambda _: figure(Conv((4, 5), 2, padding=1), "window").to_html(),
    "check": lambda _: REPORTS["html"]([check(SPECIMEN)]),
    "audit": audited,
    "site": lambda _: gallery(),
}


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, from npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("axe")
    words = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), AXE]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr[-500:]
    return (folder / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


def serious(page: str, axe: str, folder: Path, *flags: str) -> list[Any]:
    """What axe calls serious or critical on a page."""
    browser = next((found for name in NAMES if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip(f"no Chromium: none of {', '.join(NAMES)} is on the path")
    asked = folder / "asked.html"
    asked.write_text(page.replace("</body>", f"<script>{axe}</script>{RUN}", 1), encoding="utf-8")
    usual = [flag for flag in FLAGS if not flag.startswith("--window-size")]
    done = subprocess.run(
        [browser, *usual, *flags, "--virtual-time-budget=400000", f"--user-data-dir={folder / 'profile'}", "--dump-dom",
         asked.as_uri()],
        capture_output=True, text=True, encoding="utf-8", timeout=400, check=False,
    )  # fmt: skip
    _, opened, rest = done.stdout.partition('<pre id="answer">')
    assert opened, done.stderr[-1000:]
    found = json.loads(html.unescape(rest.partition("</pre>")[0]))
    return [each for each in found if each[1] in ("serious", "critical")]


@pytest.mark.slow
@pytest.mark.parametrize("flags", WINDOWS.values(), ids=WINDOWS)
@pytest.mark.parametrize("kind", PAGES)
def test_axe_finds_nothing_serious(kind: str, flags: tuple[str, ...], axe: str, tmp_path: Path) -> None:
    assert serious(PAGES[kind](tmp_path), axe, tmp_path, *flags) == []


@pytest.mark.slow
def test_axe_sees_what_is_wrong(axe: str, tmp_path: Path) -> None:
    page = document(LAYER, sections=["references"]).render("html")
    broken = page.replace("</header>", '</header><p style="color:#bbb;background:#fff">faint</p><img src="x.png"/>', 1)
    assert {each[0] for each in serious(broken, axe, tmp_path, "--window-size=390,900")} >= {
        "color-contrast",
        "image-alt",
    }
