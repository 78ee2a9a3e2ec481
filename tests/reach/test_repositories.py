"""What a repository runs by itself: SARIF, the GitHub Action's command, pre-commit hooks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from symconv.sarif import Finding, located, sarif
from tests.commands import run

ROOT = Path(__file__).parents[2]

LAYER = '''"""A layer."""
import numpy as np


def helper(x):
    return x


def backward(x, w, b, dy, stride, padding):
    return None, None, dy[0].sum(axis=(1, 2))
'''

ARTICLE = """$$x = \\begin{bmatrix} x_1 & x_2 & x_3 \\end{bmatrix}$$

$$w = \\begin{bmatrix} w_1 & w_2 \\end{bmatrix}$$

$$y_i = \\sum_{k=1}^{2} w_k x_{i+k} + b$$
"""


def results(text: str) -> list[dict]:
    """The findings of a file that is SARIF, by its own rules."""
    models = pytest.importorskip("sarif_pydantic")
    models.Sarif.model_validate_json(text)
    told = json.loads(text)
    assert told["version"] == "2.1.0"
    (only,) = told["runs"]
    rules = {rule["id"] for rule in only["tool"]["driver"]["rules"]}
    assert all(each["ruleId"] in rules and each["message"]["text"] for each in only["results"])
    return only["results"]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    (tmp_path / "layer.py").write_text(LAYER)
    (tmp_path / "post.md").write_text(ARTICLE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(found):
    return [
        (each["ruleId"], each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
         each["locations"][0]["physicalLocation"]["region"]["startLine"])
        for each in found
    ]  # fmt: skip


def test_audit(repository):
    ran = run("audit", "layer.py:backward", "--grid", "quick", "--format", "sarif")
    assert ran.status == 1
    found = results(ran.out)
    assert lines(found) == [("wrong-db", "layer.py", 9)]
    assert "db is wrong in 27 of 45 geometries" in found[0]["message"]["text"]
    assert "right exactly when N = 1" in found[0]["message"]["text"]


def test_prove(repository):
    ran = run("prove", "dx = correlate(pad(dy, p), flip(w))", "--format", "sarif")
    assert ran.status == 1
    (only,) = results(ran.out)
    assert only["ruleId"] == "REFUTED"
    assert "right when 2*p == K - 1" in only["message"]["text"]
    assert results(run("prove", "dx", "--format", "sarif").out) == []
    ran = run("prove", "layer.py:backward", "--target", "db", "--format", "sarif")
    assert ran.status == 1
    assert {line for _, _, line in lines(results(ran.out))} <= {9}


def test_check(repository):
    ran = run("check", "post.md", "--format", "sarif")
    assert ran.status == 1
    assert lines(results(ran.out)) == [("WRONG", "post.md", 5)]


def test_where_a_function_is(repository):
    assert located("layer.py:backward") == ("layer.py", 9)
    assert located("layer.py:Net.backward") == ("layer.py", 9)
    assert located("layer.py:nothing") == ("layer.py", 1)
    assert located("none.py:backward") == (None, 1)
    assert results(sarif("t", [Finding("r", "note", "said")]))[0].get("locations") is None


def action(repository, command: str) -> tuple[int, dict[str, str]]:
    environment = os.environ | {
        "COMMAND": command,
        "SARIF": "found.sarif",
        "GITHUB_OUTPUT": str(repository / "outputs"),
    }
    ran = subprocess.run(
        [sys.executable, "-m", "symconv.action"], env=environment, check=False, capture_output=True, text=True
    )
    told = dict(line.split("=", 1) for line in (repository / "outputs").read_text().splitlines())
    return ran.returncode, told


def test_the_actions_command(repository):
    assert action(repository, "audit layer.py:backward --grid quick") == (0, {"status": "1"})
    assert lines(results((repository / "found.sarif").read_text())) == [("wrong-db", "layer.py", 9)]
    assert action(repository, "check post.md --no-code") == (0, {"status": "1"})
    assert action(repository, 'prove "db = sum(dy)"') == (0, {"status": "0"})
    assert results((repository / "found.sarif").read_text()) == []
    (repository / "found.sarif").unlink()
    assert action(repository, "derive --input 4 --kernel 2") == (0, {"status": "2"})
    assert action(repository, "audit nothing.py:f") == (0, {"status": "2"})
    assert not (repository / "found.sarif").exists()


def test_the_actions_file():
    """Every input that a step reads is declared, and what is run is what the tests above run."""
    yaml = pytest.importorskip("yaml")
    told = yaml.safe_load((ROOT / ".github/actions/symconv/action.yml").read_text())
    text = json.dumps(told["runs"])
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(told["inputs"])
    assert "python -m symconv.action" in text
    assert told["runs"]["using"] == "composite"


HOOKS = {
    "symconv-audit": (["layer.py:backward", "--grid", "quick", "--no-proof"], "db right in 18/45"),
    "symconv-prove": (["db = sum(dy)"], "PROVED"),
    "symconv-check": ([], "WRONG"),
}


def test_hooks_are_commands():
    yaml = pytest.importorskip("yaml")
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert {hook["id"] for hook in hooks} == set(HOOKS)
    for hook in hooks:
        program, command = hook["entry"].split()
        assert program == "symconv"
        assert run(command, "--help").status == 0


@pytest.mark.slow
@pytest.mark.skipif(
    not os.environ.get("SYMCONV_CI"), reason="installs environments for the hooks: where everything is installed"
)
def test_hooks_in_a_scratch_repository(repository):
    """``pre-commit run``: the hooks come from this repository's last commit, installed into environments of their own."""
    if shutil.which("git") is None:
        pytest.skip("git is needed")
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    hooks = [{"id": hook, "args": arguments} for hook, (arguments, _) in HOOKS.items()]
    told_yaml = {"repos": [{"repo": str(ROOT), "rev": commit.stdout.strip(), "hooks": hooks}]}
    (repository / ".pre-commit-config.yaml").write_text(json.dumps(told_yaml))
    for words in (["git", "init", "-q"], ["git", "add", "-A"]):
        subprocess.run(words, check=True)
    environment = os.environ | {"PRE_COMMIT_HOME": str(repository.parent / "home")}
    ran = subprocess.run([sys.executable, "-m", "pre_commit", "run", "--all-files", "--verbose"],
                         env=environment, capture_output=True, text=True, check=False)  # fmt: skip
    for hook, (_, told) in HOOKS.items():
        part = ran.stdout.partition(f"- hook id: {hook}\n")[2].partition("- hook id:")[0]
        assert told in part, (hook, ran.stdout + ran.stderr)
