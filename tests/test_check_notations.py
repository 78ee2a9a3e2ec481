"""Articles in other notations: letters that a table declares, other gradients, signs and indices, read as what they mean."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

pytest.importorskip("markdown_it")
pytest.importorskip("pylatexenc")
pytest.importorskip("bs4")

from symconv.checking import check
from symconv.checking.declared import Letters, declared
from symconv.checking.documents import Block
from symconv.mathematics.notation import MEANINGS, PRESETS, Notation
from tests.test_own_derivations import faults, written

LAYERS: tuple[dict[str, Any], ...] = (
    {"input": 3, "kernel": 2},
    {"input": 3, "kernel": 2, "in_channels": 2, "out_channels": 2, "groups": 2},
    {"input": 2, "kernel": 2, "stride": 2, "transposed": True},
    {"input": 3, "kernel": 3, "padding": 1, "padding_mode": "reflect"},
)
OTHERS = [name for name in PRESETS if name != "article"]


@pytest.mark.parametrize("preset", OTHERS)
def test_a_page_in_another_notation_holds(preset: str, tmp_path: Path) -> None:
    layer = LAYERS[OTHERS.index(preset) % len(LAYERS)]
    assert not faults(written(layer, "markdown", "en", tmp_path, notation=preset))


@pytest.mark.sweep
@pytest.mark.parametrize("layer", LAYERS, ids=["plain", "groups", "transposed", "border"])
@pytest.mark.parametrize("preset", OTHERS)
def test_every_preset(preset: str, layer: dict[str, Any], tmp_path: Path) -> None:
    for kind, lang in (("markdown", "fr"), ("latex", "de"), ("html", "en"), ("ipynb", "fr")):
        assert not faults(written(layer, kind, lang, tmp_path, notation=preset)), (kind, lang)
    assert not faults(written(layer, "latex", "en", tmp_path, notation=preset, sections=["setting", "second"]))


LATIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
GREEK = (
    r"\alpha",
    r"\beta",
    r"\theta",
    r"\delta",
    r"\gamma",
    r"\kappa",
    r"\mu",
    r"\sigma",
    r"\phi",
    r"\Gamma",
    r"\Omega",
)


def drawn(source: random.Random) -> dict[str, Any]:
    """A notation, drawn again until no letter has two meanings."""
    while True:
        letters: dict[str, str] = {}
        for name in sorted(set(MEANINGS) - {"z", "v", "t"}):
            if source.random() < 0.3:
                word = name in ("x", "w", "b", "y", "dy") and source.random() < 0.2
                letters[name] = (
                    source.choice(("inp", "ker", "out", "dout")) if word else source.choice((*LATIN, *GREEK))
                )
        own = {"letters": letters, "index_base": source.randint(0, 1), "operator": source.choice((r"\star", "*", r"\otimes")),
               "gradient": source.choice(("dx", "partial", "nabla", "delta")),
               "index": source.choice(("subscript", "brackets", "parentheses"))}  # fmt: skip
        try:
            Notation(**own).refuse_clashes(MEANINGS)
        except ValueError:
            continue
        return own


@settings(max_examples=2, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate),
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(st.integers(0, 2**32))
def test_a_page_in_any_notation_holds(tmp_path: Path, seed: int) -> None:
    source = random.Random(seed)
    own = drawn(source)
    assert not faults(written({"input": 3, "kernel": 2}, "markdown", "en", tmp_path, notation=own)), own


DECLARED = r"""# A layer

| symbol | meaning |
|:--|:--|
| $V$ | input |
| $K$ | kernel |
| $Z$ | output |
| $W$ | size of the kernel |

"""


@pytest.mark.parametrize(("claim", "verdict"), [
    (r"Z_i = \sum_{k=1}^{W} K_k V_{i+k-1} + b", "PROVED"),
    (r"\frac{\partial L}{\partial K_k} = \sum_i \frac{\partial L}{\partial Z_i} V_{i+k-1}", "PROVED"),
    (r"dV_m = \sum_{k=1}^{W} dZ_{m-k+1} K_k", "PROVED"),
    (r"dV_m = \sum_{k=1}^{W} dZ_{m-k} K_k", "WRONG"),
    (r"dV_m = \sum_{k=1}^{W} dZ_{k-m+1} K_k", "WRONG"),
])  # fmt: skip
def test_letters_that_a_table_declares(claim: str, verdict: str) -> None:
    (found,) = check(f"{DECLARED}$$\n{claim}\n$$\n").displays
    assert (found.verdict, found.latex) == (verdict, claim)
    if verdict == "WRONG":
        assert found.fix is None or (found.fix.startswith("dV_{m}") and "K_{" in found.fix)
        assert "dV_{m} is dZ_1*K_1" in (found.counterexample or "")


def test_letters_go_and_come_back() -> None:
    rows = (
        ("$\\mathit{out}$", "output"),
        ("$a$", "input"),
        ("$\\theta$", "kernel"),
        ("$d$", "size of the kernel"),
        ("$e$", "dilation"),
    )
    letters = declared([Block("text", text, 1) for row in rows for text in row])
    source = r"\mathit{out}_{o} = \sum_{k = 1}^{d} \theta_{k} a_{o + ek - e}, \quad d\theta_{k} = x"
    told = letters.read(source)
    assert told.startswith(r"y_{o} = \sum_{k = 1}^{K} w_{k} x_{o + dk - d}, \quad dw_{k} = ")
    assert letters.written(told).replace(" ", "") == source.replace(" ", "")
    assert not declared([Block("text", text, 1) for text in ("$x$", "input", "$w$", "kernel", "$y$", "output")])


def test_a_letter_with_two_meanings_declares_nothing() -> None:
    rows = (("$V$", "input"), ("$K$", "kernel"), ("$Z$", "output"), ("$V$", "output"))
    assert declared([Block("text", text, 1) for row in rows for text in row]) == Letters()
