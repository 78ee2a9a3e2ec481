"""The static site in a real browser, from a server of the test's own: no network, verdicts decided in the page."""

from __future__ import annotations

import http.server
import json
import re
import shutil
import subprocess
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from symconv import prove
from symconv.site import build as site
from symconv.site.verdict import judge
from tests.chromium import FLAGS, NAMES
from tests.commands import assert_bad_usage, run

#: formula -> stride, dilation, verdict, and the condition where there is one
FORMULAS = {
    "dx = correlate(pad(dilate(dy, s), d*(K - 1) - p, d*(K - 1) - q + r), flip(w), dilation=d)": (
        "2",
        "2",
        "PROVED",
        None,
    ),
    "dx = correlate(pad(dy, p), flip(w))": ("1", "1", "REFUTED", "2*p == K - 1"),
    "dw = correlate(x, dy)": ("1", "1", "REFUTED", "p == 0"),
    "dx[m] = sum(dy[i] * w[m - s*i + p], i)": ("any", "1", "PROVED", None),
    "dx = correlate(pad(dilate(dy, s), K - 1 - p), flip(w))": ("3", "1", "REFUTED", "r == 0"),
}


def ask_z3(script: str) -> str:
    z3 = pytest.importorskip("z3")
    context = z3.Context()
    try:
        return z3.Z3_eval_smtlib2_string(context.ref(), script)
    except z3.Z3Exception as error:
        return str(error)


def asked(formula: str, stride: str = "1", dilation: str = "1", **more) -> dict:
    return json.loads(judge(json.dumps({"formula": formula, "stride": stride, "dilation": dilation, **more}), ask_z3))


@pytest.mark.parametrize("formula", FORMULAS)
def test_verdicts_are_those_of_isl(formula):
    stride, dilation, verdict, condition = FORMULAS[formula]
    (found,) = asked(formula, stride, dilation)["results"]
    assert (found["verdict"], found["condition"]) == (verdict, condition)
    step = {name: "any" if text == "any" else int(text) for name, text in (("stride", stride), ("dilation", dilation))}
    assert prove(formula, **step).verdict == verdict
    if verdict == "REFUTED":
        sizes = found["counterexample"]["sizes"]
        assert not prove(formula, **step).validity.holds(
            **{k: v for k, v in sizes.items() if k in prove(formula, **step).claim.sizes}
        )
        assert "z3: then right for every size" in found["covers"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_conditions_are_right_on_random_formulas(seed):
    """A condition that z3 calls sufficient is one: the formula holds, by isl, wherever it does."""
    import random

    generator = random.Random(seed)
    parts = ["p", "q", "K - 1", "K - 1 - p", "d*(K - 1) - p", "0", "1", "r", "K"]
    for _ in range(12):
        a, b = generator.choice(parts), generator.choice(parts)
        formula = f"dx = correlate(pad(dilate(dy, s), {a}, {b}), flip(w), dilation={generator.choice(['1', 'd'])})"
        step = generator.choice([(1, 1), (2, 1), (1, 2), (3, 2)])
        (found,) = asked(formula, str(step[0]), str(step[1]), padding="free")["results"]
        proof = prove(formula, *step, padding="free")
        assert found["verdict"] == proof.verdict
        if found["condition"] not in (None, "never") and found["covers"].startswith("z3"):
            assert prove(formula, *step, padding="free", assume=found["condition"]).verdict == "PROVED"


def test_bad_requests_end_in_one_line():
    assert "corelate" in asked("dx = corelate(dy, w)")["error"]
    assert "at most 16" in asked("dx", "1..9", "1..9")["error"]
    assert "stride 'x'" in asked("dx", "x")["error"]
    assert "stride '0'" in asked("dx", "0")["error"]
    assert asked("")["error"]


# the site ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The site, built once, with what npm has."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    made = tmp_path_factory.mktemp("site")
    ran = run("site", "-o", str(made), "--readme", str(Path(__file__).parents[2] / "README.md"))
    assert ran.status == 0, ran
    return made


class Server(http.server.ThreadingHTTPServer):
    """Serves the site, with a script of the test's in the page, and takes what it reports."""

    script = ""
    told: dict | None = None
    outside: list[str] = []


class Handler(http.server.SimpleHTTPRequestHandler):
    server: Server
    extensions_map = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def end_headers(self):
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def do_GET(self):
        if self.path.split("?")[0] == "/playground.html":
            page = (Path(self.directory) / "playground.html").read_text()
            body = page.replace("</body>", f"<script>{self.server.script}</script></body>").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)
        else:
            super().do_GET()

    def do_POST(self):
        self.server.told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def browse(folder: Path, address: str, script: str, profile: Path, seconds: float = 300) -> dict:
    """What ``script`` reports from the page at ``address``."""
    browser = next((found for name in NAMES if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip("no Chromium")
    server = Server(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    server.script = script
    threading.Thread(target=server.serve_forever, daemon=True).start()
    words = [browser, *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0",
             "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
             f"http://127.0.0.1:{server.server_port}/{address}"]  # fmt: skip
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + seconds
        while server.told is None and time.monotonic() < end:
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait()
        server.shutdown()
        server.server_close()
    assert server.told is not None, "the page reported nothing"
    return server.told


SCRIPT = """
const report = (told) => fetch("/report", { method: "POST", body: JSON.stringify(told) });
addEventListener("error", (event) => report({ problem: String(event.message) }));
const formulas = FORMULAS, answers = []; let at = -1, since = performance.now();
const result = document.getElementById("result"), form = document.getElementById("claim");
function next() {
  at += 1; since = performance.now();
  if (at === formulas.length) { report({ answers, isolated: crossOriginIsolated, hash: location.hash }); return; }
  ["formula", "stride", "dilation"].forEach((name, i) => { form.elements[name].value = formulas[at][i]; });
  form.requestSubmit();
}
new MutationObserver(() => {
  if (!result.children.length) return;
  answers.push({ text: result.innerText, ms: performance.now() - since });
  setTimeout(next, 0);
}).observe(result, { childList: true });
"""


@pytest.mark.slow
def test_playground(folder, tmp_path):
    """The first question stands in the link; the others are asked in turn. Nothing is loaded from elsewhere."""
    rows = [[formula, *FORMULAS[formula][:2]] for formula in FORMULAS]
    script = SCRIPT.replace("FORMULAS", json.dumps(rows))
    told = browse(
        folder,
        "playground.html#formula=dw%20%3D%20correlate(x%2C%20dy)&stride=1&dilation=1&padding=auto",
        script,
        tmp_path,
    )
    assert told["isolated"], told
    assert "p == 0" in told["answers"][0]["text"]  # from the link
    assert len(told["answers"]) == len(rows) + 1
    for (formula, *_), answer in zip(rows, told["answers"][1:], strict=True):
        _, _, verdict, condition = FORMULAS[formula]
        assert answer["text"].startswith(verdict)
        assert "Decided by z3" in answer["text"]
        if condition:
            assert f"right when {condition}" in answer["text"]
            assert "fails at H =" in answer["text"]
    assert "stride=3" in told["hash"]


def test_pages_name_nothing_outside(folder):
    """Every address in the pages is inside the site, but for links that a reader follows."""
    for path in folder.glob("*.html"):
        text = path.read_text()
        loaded = re.findall(r'(?:src|href)="([^"]+)"', re.sub(r"<a [^>]*>", "", text))
        assert all(
            not each.startswith(("http:", "https:", "//"))
            for each in loaded
            if not each.startswith("http://www.w3.org")
        ), path
    gallery = (folder / "gallery.html").read_text()
    for name in re.findall(r'href="(derivations/[^"]+)"', gallery):
        assert (folder / name).is_file()
    assert gallery.count("<svg") >= 8


def test_bad_usage(tmp_path):
    assert_bad_usage(
        run("site", "-o", str(tmp_path / "s"), "--node-modules", str(tmp_path)), "is missing: npm install pyodide@"
    )
    assert not (tmp_path / "s").exists()
    (tmp_path / "file").write_text("")
    assert_bad_usage(run("site", "-o", str(tmp_path / "file")), "-o")


def test_the_zip_has_what_the_verdict_needs(tmp_path):
    """The modules in the zip decide a formula with nothing else installed but z3."""
    import sys
    import zipfile

    (tmp_path / "symconv.zip").write_bytes(site._package())
    with zipfile.ZipFile(tmp_path / "symconv.zip") as archive:
        archive.extractall(tmp_path / "lib")
    code = (
        "import sys, json\nsys.path.insert(0, sys.argv[1])\n"
        "class Missing:\n    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'numpy', 'sympy', 'islpy', 'click', 'rich', 'jinja2'}: raise ImportError(name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "import symconv.site.verdict as v\nassert v.__file__.startswith(sys.argv[1])\n"
        "print(v.judge(json.dumps({'formula': 'dx', 'stride': '2'}), lambda script: 'unsat'))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-S", "-c", code, str(tmp_path / "lib")], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["results"][0]["verdict"] == "PROVED"
