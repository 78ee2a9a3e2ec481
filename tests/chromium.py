"""Pages opened in a headless Chromium, with nothing but its command line."""

from __future__ import annotations

import html
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--window-size=1400,1000",
)  # fmt: skip

#: gathers what goes wrong on a page, from its first line on
WATCH = """<script>window.problems = [];
addEventListener("error", (event) => problems.push(String(event.message)));
console.error = (...parts) => problems.push(parts.join(" "));</script>"""

#: runs when the page and the frames in it have loaded
ASK = """<script>addEventListener("load", () => {{ const answer = {{}};
try {{ {script} }} catch (error) {{ problems.push(String(error.stack)); }}
const out = document.createElement("pre"); out.id = "answer";
out.textContent = JSON.stringify({{ ...answer, problems }}); document.documentElement.append(out); }});</script>"""


def ask(page: str, script: str, folder: Path, *flags: str) -> dict[str, Any]:
    """What ``script`` puts in ``answer`` on ``page``, with what went wrong there under ``problems``.

    Skips the test where there is no Chromium.
    """
    browser = next((found for name in NAMES if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip(f"no Chromium: none of {', '.join(NAMES)} is on the path")
    asked = page.replace("<head>", f"<head>{WATCH}", 1).replace("</body>", f"{ASK.format(script=script)}</body>", 1)
    assert asked.count(WATCH) == 1
    where = folder / "asked.html"
    where.write_text(asked, encoding="utf-8")
    profile = folder / "profile"
    profile.mkdir(exist_ok=True)
    done = subprocess.run(
        [browser, *FLAGS, *flags, f"--user-data-dir={profile}", "--dump-dom", where.as_uri()],
        capture_output=True, text=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    _, opened, rest = done.stdout.partition('<pre id="answer">')
    assert opened, f"no answer from {browser} (status {done.returncode}):\n{done.stderr[-2000:]}"
    answer = json.loads(html.unescape(rest.partition("</pre>")[0]))
    assert isinstance(answer, dict)
    return answer


def ask_each(pages: dict[str, str], script: str, folder: Path) -> dict[str, dict[str, Any]]:
    """:func:`ask` of several pages, by name, in one browser."""
    told = f"""<script>const answer = {{}};
        try {{ {script} }} catch (error) {{ problems.push(String(error.stack)); }}</script>"""
    frames = ""
    for name, page in pages.items():
        asked = page.replace("<head>", f"<head>{WATCH}", 1).replace("</body>", f"{told}</body>", 1)
        frames += f'<iframe data-name="{name}" srcdoc="{html.escape(asked)}"></iframe>'
    collect = """document.querySelectorAll("iframe").forEach((frame) => {
        answer[frame.dataset.name] = frame.contentWindow.eval("({ ...answer, problems })"); });"""
    answer = ask(f"<!DOCTYPE html><html><head></head><body>{frames}</body></html>", collect, folder)
    assert answer.pop("problems") == []
    assert set(answer) == set(pages)
    return answer


def too_wide(pages: dict[str, str], sizes: list[int], folder: Path) -> list[str]:
    """The pages that ask for more than the width of a frame of some size: ``name@390: 412``."""
    frames = "".join(
        f'<iframe data-name="{name}" width="{size}" height="900" style="border:0" srcdoc="{html.escape(page)}"></iframe>'
        for name, page in pages.items()
        for size in sizes
    )
    answer = ask(
        f"<!DOCTYPE html><html><head></head><body>{frames}</body></html>",
        """answer.widths = [...document.querySelectorAll("iframe")].map((frame) =>
            [frame.dataset.name, Number(frame.width), frame.contentDocument.documentElement.scrollWidth]);""",
        folder,
    )
    assert len(answer["widths"]) == len(pages) * len(sizes)
    return [f"{name}@{size}: {wanted}" for name, size, wanted in answer["widths"] if wanted > size]
