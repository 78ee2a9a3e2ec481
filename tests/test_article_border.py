"""Articles on layers whose border is not zeros: what they say of the rows, the folded gradient, and the program they list."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from symconv import Conv
from symconv.article import document
from symconv.layer.differences import exact_gradients, random_integers
from symconv.layer.padding import MODES
from tests.commands import assert_bad_usage, run

ROWS = [mode.name for mode in MODES.values() if mode.moves_rows]


def layers(mode: str) -> list[Conv]:
    return [
        Conv(input=4, kernel=3, padding=((2, 1),), padding_mode=mode),
        Conv(input=(7, 3), kernel=(3, 2), stride=(2, 3), padding=((2, 1), (0, 2)), dilation=(1, 2), in_channels=2, out_channels=4,
             groups=2, batch=2, padding_mode=mode),
        Conv(input=(3, 2, 30), kernel=(1, 2, 5), padding=((0, 0), (1, 1), (2, 0)), bias=False, padding_mode=mode),
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "lang"), list(zip(ROWS, itertools.cycle(["en", "fr", "de"]), strict=False)))
def test_articles_are_written(mode: str, lang: str) -> None:
    for conv in layers(mode):
        told = document(conv, lang)
        assert told.ok
        assert [s.name for s in told.sections if s.name in ("gradients", "steps", "channels", "border")] == ["border"]
        for format in ("text", "latex", "markdown", "html", "ipynb"):
            assert mode in told.render(format)


#: the letter v, and numbers whose sign and size show where they stand
CONSTANTS = [
    Conv(input=4, kernel=3, padding=((2, 1),), padding_mode="constant"),
    Conv(input=(4, 3), kernel=(3, 2), stride=(2, 1), padding=((1, 0), (1, 2)), batch=2, in_channels=2, out_channels=4, groups=2,
         padding_mode="constant", padding_value=-3),
    Conv(input=(2, 3, 2), kernel=(2, 2, 1), padding=1, dilation=(1, 2, 1), bias=False, padding_mode="constant",
         padding_value=0.5),
]  # fmt: skip

MAPS = {
    "reflect": ("x[t] = x[2 − t], (t < 1)", "x[t] = x[2·H − t], (t > H)", "z = [ x₃  x₂  x₁  x₂  x₃  x₄  x₃ ]",
                ["dx₁ = dz₃", "dx₂ = dz₂ + dz₄", "dx₃ = dz₁ + dz₅ + dz₇", "dx₄ = dz₆"]),
    "replicate": ("x[t] = x₁, (t < 1)", "x[t] = x[H], (t > H)", "z = [ x₁  x₁  x₁  x₂  x₃  x₄  x₄ ]",
                  ["dx₁ = dz₁ + dz₂ + dz₃", "dx₂ = dz₄", "dx₃ = dz₅", "dx₄ = dz₆ + dz₇"]),
    "circular": ("x[t] = x[t + H], (t < 1)", "x[t] = x[t − H], (t > H)", "z = [ x₃  x₄  x₁  x₂  x₃  x₄  x₁ ]",
                 ["dx₁ = dz₃ + dz₇", "dx₂ = dz₄", "dx₃ = dz₁ + dz₅", "dx₄ = dz₂ + dz₆"]),
    "symmetric": ("x[t] = x[1 − t], (t < 1)", "x[t] = x[2·H − t + 1], (t > H)", "z = [ x₂  x₁  x₁  x₂  x₃  x₄  x₄ ]",
                  ["dx₁ = dz₂ + dz₃", "dx₂ = dz₁ + dz₄", "dx₃ = dz₅", "dx₄ = dz₆ + dz₇"]),
}  # fmt: skip


@pytest.mark.parametrize("mode", ROWS)
def test_the_rows_and_the_folded_gradient(mode: str) -> None:
    text = document(layers(mode)[0], sections=["border"]).render("text", 100)
    before, after, longer, folded = MAPS[mode]
    assert all(line in text for line in (before, after, longer, *folded)), text
    assert "dz = [ 0  0  dy₁  dy₂  dy₃  dy₄  dy₅  0  0 ] ⋆ [ w₃  w₂  w₁ ]" in text


@pytest.mark.slow
@pytest.mark.parametrize("mode", [*ROWS, "constant"])
def test_the_program_runs(mode: str) -> None:
    for conv in layers(mode) if mode in ROWS else CONSTANTS[1:2]:
        code = next(block.text for block in document(conv).blocks() if hasattr(block, "language"))
        names: dict[str, Any] = {}
        exec("import numpy as np\n" + code, names)
        values = random_integers(conv, 8)
        x, w, b, dy = (values[name] for name in ("x", "w", "b", "dy"))
        truth = exact_gradients(conv, x, w, b if conv.bias else None, dy)
        y = names["forward"](x, w, b) if conv.bias else names["forward"](x, w)
        assert np.array_equal(y, truth["y"])
        for name, array in zip(("dx", "dw", "db"), names["backward"](dy, x, w)):
            assert np.array_equal(array, truth[name]), name


def test_the_theorem_covers_the_amounts() -> None:
    text = document(layers("reflect")[0], sections=["summary"]).render("text", 100)
    assert "p, q ≥ 0, p, q ≤ H − 1" in text
    assert "fold[p,q, reflect](pad[d·(K − 1), d·(K − 1) + r](dy ↑ s) ⋆ (flip(w) ↑ d))" in text


def test_refusals() -> None:
    with pytest.raises(ValueError, match="section gradients has nothing to say of"):
        document(layers("reflect")[0], sections=["gradients"])
    with pytest.raises(ValueError, match="section border has nothing to say of"):
        document(Conv(input=4, kernel=2), sections=["border"])


def test_commands(tmp_path: Any) -> None:
    given = ("--input", "5", "--kernel", "3", "--padding", "2,1", "--stride", "2")
    told = run("derive", *given, "--padding-mode", "circular")
    assert told.status == 0
    assert "circular" in told.out
    constant = run("derive", *given, "--padding-mode", "constant", "--padding-value", "-2", "--sections", "border")
    assert constant.status == 0
    assert "z = [ −2  −2  x₁  x₂  x₃  x₄  x₅  −2 ]" in constant.out
    assert_bad_usage(run("derive", "--input", "2", "--kernel", "3", "--padding", "2", "--padding-mode", "reflect"),
                     "reflect padding of an input of 2 is at most H - 1 = 1 on each side")  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "fr", "de"])
@pytest.mark.parametrize("conv", CONSTANTS, ids=["1d", "2d", "3d"])
def test_articles_of_a_constant_are_written(conv: Conv, lang: str) -> None:
    told = document(conv, lang)
    assert told.ok
    for format in ("text", "latex", "markdown", "html", "ipynb"):
        assert "constant" in told.render(format)


def test_a_constant_is_felt_in_y_and_dw_alone() -> None:
    """dx has the entries that it has with zeros; y and dw have a term for each tap on the border."""
    text = document(CONSTANTS[0], sections=["jacobians", "border", "second"]).render("text", 100)
    zeros = document(Conv(input=4, kernel=3, padding=((2, 1),)), sections=["jacobians"]).render("text", 100)
    of_dx = [line for line in zeros.splitlines() if line.strip().startswith("dx₁ = dy")]
    assert of_dx
    assert of_dx[0] in text
    assert "dw₁ = dy₁·v + dy₂·v + dy₃·x₁ + dy₄·x₂ + dy₅·x₃" in text
    assert "y = [ v  v  x₁  x₂  x₃  x₄  v ] ⋆ [ w₁  w₂  w₃ ]" in text
    # the direction of x has no constant around it
    assert "ddy = (pad[p,q](v^x) ⋆ (w ↑ d)) ↓ s + (pad[p,q, constant](x) ⋆ (v^w ↑ d)) ↓ s + v^b" in text
    assert "dx is what it is with a border of zeros" in " ".join(text.split())
