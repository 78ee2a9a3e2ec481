# ruff: noqa: E501
"""Claims that people published, beside the repository: each source's as one article, with the verdict that its record says."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("markdown_it")

from symconv.checking import check

CLAIMS = Path(os.environ.get("SYMCONV_SHARED", Path(__file__).parents[2] / "shared")) / "check" / "claims.jsonl"

#: what a record calls a claim -> the verdicts that say the same
SAYS = {
    "right in its own setting": {"PROVED", "HOLDS", "DEFINITION"}, "wrong": {"WRONG"}, "ill-formed": {"ILL-FORMED"},
    "definition": {"DEFINITION", "PROVED", "HOLDS"}, "depends on what the operator or base means": {"AMBIGUOUS"}, "slip": set(),
}  # fmt: skip

#: claims whose record says more than one word: the verdict on each that agrees with it
DUE = {
    "jefkine-2": "WRONG", "jefkine-3": "INCONSISTENT", "jefkine-19a": "WRONG", "yizt1-4": "ILL-FORMED", "numpydl-10": "WRONG",
    "yizt1-10": "HOLDS", "yizt1-11": "HOLDS", "hifreedo-7": "HOLDS",  # slips of the words and the typesetting around them
    "numpydl-1": "AMBIGUOUS", "dmrfcoder-8": "ILL-FORMED", "augustin64-y": "WRONG", "augustin64-da": "ILL-FORMED",
    "im2col-zh-2": "INCONSISTENT", "cs231n-zhaji-zh-1": "WRONG", "family-xw-1": "DEFINITION", "hifreedo-6": "WRONG",
    "bouvrie-zh-4": "AMBIGUOUS", "bouvrie-zh-5": "AMBIGUOUS", "op53899750128-4": "AMBIGUOUS",
}  # fmt: skip

#: no verdict on what is claimed, which is honest and not counted as right
OPEN = {"NOT READ", "NO CLAIM", "AMBIGUOUS"}

#: what the record says in words around a claim, and what completes a fragment
WORDS = {
    "yizt2-5": "$p\\delta^l$ is $\\delta^l$ padded with $k-1$ zeros", "yizt1-3": "$p\\delta^l$ is $\\delta^l$ padded with $k-1$ zeros",
    "yizt3-1": "$p\\delta^l$ is $\\delta^l$ padded with $k-1$ zeros", "yizt4-5": "$p\\delta^l$ is $\\delta^l$ padded with $k-1$ zeros",
    "op60477261323-2": "A layer with 'same' padding, $p = \\lfloor K/2 \\rfloor$",
    "cs231n-zhaji-zh-1": "The kernel has size $2M \\times 2N$.",
    "numpydl-1": "The forward pass is conv2(x, k, 'valid'), a true convolution.",
    "silenceluo-bpa-4": "# Stride\n\nInput of 5x5, kernel of 3x3, stride 2, padding 0, dilation 1",
    "silenceluo-bpa-6": "# Dilation\n\nInput of 5x5, kernel of 2x2, stride 1, padding 0, dilation 2",
    "yizt1-10": "Input of 5x5, kernel of 3x3", "numpydl-8": "There $a = x' - x$ and $b = y' - y$.",
}  # fmt: skip
LEFT = {
    "jefkine-19a": r"\frac{\partial E}{\partial x_{i',j'}^{l}} ", "jefkine-19b": r"\frac{\partial E}{\partial x_{i',j'}^{l}} ",
    "yizt1-6a": r"\delta^{l-1}_{i',j'} ", "yizt1-6b": r"\delta^{l-1}_{i',j'} ", "numpydl-8": r"\frac{\partial C}{\partial z_{x,y}^l} = ",
}  # fmt: skip


@pytest.mark.sweep
@pytest.mark.skipif(not CLAIMS.exists(), reason=f"no claims at {CLAIMS}")
def test_public_claims():
    sources: dict[str, list[dict[str, str]]] = {}
    for line in CLAIMS.read_text(encoding="utf-8").splitlines():
        claim = json.loads(line)
        if not claim["id"].endswith("-code"):  # programs are the audit's
            sources.setdefault(claim["source"], []).append(claim)
    states: dict[str, str] = {}
    for claims in sources.values():
        text, lines = "\n", {}
        for claim in claims:
            text += f"{WORDS.get(claim['id'], '')}\n\n"
            lines[claim["id"]] = text.count("\n") + 1
            text += f"$$\n{LEFT.get(claim['id'], '')}{claim['latex']}\n$$\n\n"
        displays = {each.line: each.verdict for each in check(text, code=False).displays}
        for claim in claims:
            at = lines[claim["id"]]
            verdict = next((displays[n] for n in (at, at + 1, at - 1) if n in displays), "NOT READ")
            right = {DUE[claim["id"]]} if claim["id"] in DUE else SAYS[claim["verdict"]]
            states[claim["id"]] = "right" if verdict in right else "open" if verdict in OPEN else verdict
    count = Counter(states.values())
    mistaken = {name: state for name, state in states.items() if state not in ("right", "open")}
    assert not mistaken, mistaken
    assert count["right"] >= 80, count
