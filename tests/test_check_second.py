"""Second derivatives in an article: its directions, the loss that they make with the gradients, what it has as derivatives."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

pytest.importorskip("markdown_it")
pytest.importorskip("pylatexenc")
pytest.importorskip("bs4")

from symconv import Conv
from symconv.article import document
from symconv.checking import check
from symconv.checking.result import DEFINITION, HOLDS, PROVED, WRONG
from tests.display_mutants import FINE, Page, sample
from tests.display_mutants.argued import argument
from tests.display_mutants.pages import SUFFIX
from tests.layers import random_layer
from tests.test_own_derivations import LANGUAGES, faults, written
from tests.test_own_derivations import SUFFIX as KINDS

SECTIONS = ["setting", "second"]

PLAIN = """# Double backward

Indices begin at 1, the stride is 1.

$$y_i = \\sum_{k=1}^{K} w_k x_{i+k-1} + b$$

"""
#: PyTorch's names, from zero
TORCH = """# Double backward of a convolution

All indices begin at 0; stride 1. Given are ggI, ggW and ggb.

$$O_i = \\sum_{k=0}^{K-1} W_k I_{i+k} + b$$

"""
PAIRED = f"""{PLAIN}Gradients of gradients need a loss of the gradients:

$$S = \\langle u, \\frac{{\\partial L}}{{\\partial x}} \\rangle + \\langle v, \\frac{{\\partial L}}{{\\partial w}} \\rangle$$

"""
NAMED = (
    f"{PLAIN}Along directions $u^x, u^w, u^b$ for the arrays the directional derivative of the gradients is wanted.\n\n"
)

MOVING = f"""{PLAIN}Hessian-vector products by Pearlmutter's operator, which moves the weights:

"""
FED = f"{MOVING}The input stays as it is:\n\n$$\\mathcal{{R}}\\{{x_m\\}} = 0$$\n\n"
PENALTY = (
    f"{PLAIN}A gradient penalty is a gradient of a gradient:\n\n"
    "$$P = \\frac{1}{2} \\sum_m \\left(\\frac{\\partial L}{\\partial x_m}\\right)^2$$\n\n"
)
DOTTED = f"{PLAIN}Forward mode: the Jacobian-vector product is\n\n"

#: what stands before, a display that holds, what a piece of it becomes
SLIPS: dict[str, tuple[str, str, str, str]] = {
    "the change of y": (TORCH, r"ggO_i = \sum_k ggI_{i+k} W_k + \sum_k I_{i+k} ggW_k + ggb", "ggW", "ggI"),
    "a term left out": (TORCH, r"ggO_i = \sum_k (W_k ggI_{i+k} + ggW_k I_{i+k})", " + ggW_k I_{i+k}", ""),
    "by an entry of x": (
        PAIRED, r"\frac{\partial S}{\partial x_m} = \sum_{k=1}^{K} \frac{\partial L}{\partial y_{m-k+1}} v_k", "v_k", "u_k"),
    "by an entry of w": (
        PAIRED, r"\frac{\partial S}{\partial w_k} = \sum_i \frac{\partial L}{\partial y_i} u_{i+k-1}", "k-1", "k"),
    "by an upstream gradient": (
        PAIRED, r"\frac{\partial S}{\partial \left(\frac{\partial L}{\partial y_i}\right)} = "
        r"\sum_k (w_k u_{i+k-1} + v_k x_{i+k-1})", "+ v_k", "- v_k"),
    "gI of the second loss": (TORCH, r"gI_m = \sum_k gO_{m-k} ggW_k", "m-k", "m+k"),
    "gW of the second loss": (TORCH, r"gW_k = \sum_i gO_i ggI_{i+k}", "ggI", "ggO"),
    "R of y": (
        MOVING, r"\mathcal{R}\{y_i\} = \sum_k (\mathcal{R}\{w_k\} x_{i+k-1} + w_k \mathcal{R}\{x_{i+k-1}\}) + \mathcal{R}\{b\}",
        r"\mathcal{R}\{w_k\} x_{i+k-1}", r"\mathcal{R}\{w_k\} x_{i+k}"),
    "R of a gradient": (
        MOVING, r"R_v\left\{\frac{\partial L}{\partial w_k}\right\} = \sum_i R_v\left\{\frac{\partial L}{\partial y_i}\right\} "
        r"x_{i+k-1} + \sum_i \frac{\partial L}{\partial y_i} R_v\{x_{i+k-1}\}", r" + \sum_i \frac{", r" - \sum_i \frac{"),
    "R where x is given": (
        FED, r"\mathcal{R}\{y_i\} = \sum_k \mathcal{R}\{w_k\} x_{i+k-1}", r"\mathcal{R}\{w_k\}", "2 w_k"),
    "a penalty": (
        PENALTY, r"\frac{\partial P}{\partial w_k} = \sum_i dy_i \frac{\partial L}{\partial x_{i+k-1}}",
        r"\frac{\partial L}{\partial x_{i+k-1}}", "x_{i+k-1}"),
    "a penalty and dy": (PENALTY, r"\frac{\partial P}{\partial dy_i} = \sum_k w_k dx_{i+k-1}", "w_k", "2 w_k"),
    "no squares": (PENALTY, r"P = \frac{1}{2} \sum_m (dx_m)^2", "{1}{2}", "{0}{2}"),
    "part of the squares": (PENALTY, r"P = \frac{1}{2} \sum_{m=1}^{H} (dx_m)^2", "{H}", "{K}"),
    "a Hessian": (
        PAIRED, r"\frac{\partial S}{\partial x_m} = \sum_k dy_{m-k+1} v_k + \sum_k \dot{dy}_{m-k+1} w_k", r"\dot{dy}", "dy"),
    "dots": (DOTTED, r"\dot{y}_i = \sum_k (\dot w_k x_{i+k-1} + w_k \dot{x}_{i+k-1}) + \dot b", r"w_k \dot{x}", r"\dot{w}_k x"),
    "with a nabla": (PAIRED, r"\nabla_{w} S = u \star dy", "u", "x"),
    "by pairs in brackets": (
        f"{PLAIN}Double backward, with cotangents of the gradients:\n\n"
        "$$T = \\langle p, dx \\rangle + \\langle q, dw \\rangle$$\n\n",
        r"\nabla_{dy} T = p \star w + x \star q", "x", "p"),
    "of a scalar that is no loss": (
        PAIRED, r"\frac{\partial S}{\partial w_k} = \sum_i dy_i u_{i+k-1}", r"\partial S", r"\partial P"),
    "nothing for the bias": (PAIRED, r"\frac{\partial S}{\partial b} = 0", "0", "v"),
    "entries": (NAMED, r"ddy_i = \sum_k w_k u^x_{i+k-1} + \sum_k u^w_k x_{i+k-1} + u^b", "u^w_k", "w_k"),
    "arrays": (NAMED, r"ddw = u^{x} \star dy", "u^{x}", "u^{w}"),
    "the loss": (
        NAMED, r"Q = \sum_m u^x_m \, dx_m + \sum_k u^w_k \, dw_k + u^b \, db", r"u^w_k \, dw_k", r"u^w_k \, w_k"),
    "the loss of arrays": (NAMED, r"Q = L(u^x, w, 0) + L(x, u^w, 0) + L(0, 0, u^b)", "L(x, u^w, 0)", "L(x, u^w, b)"),
}  # fmt: skip


@pytest.mark.parametrize("kind", SLIPS)
def test_a_slip_is_found(kind: str) -> None:
    before, display, old, new = SLIPS[kind]
    assert display.count(old) >= 1
    right = check(f"{before}$${display}$$").displays[-1]
    assert right.verdict in (PROVED, HOLDS, DEFINITION), right
    wrong = check(f"{before}$${display.replace(old, new, 1)}$$").displays[-1]
    assert wrong.verdict not in FINE, wrong


def test_it_is_proved_and_told_in_the_authors_letters() -> None:
    told = check(f"{PAIRED}$${SLIPS['by an entry of w'][1]}$$").displays[-1]
    assert (told.verdict, told.condition) == (PROVED, "every size when p == 0")
    wrong = check(f"{PAIRED}$${SLIPS['by an entry of w'][1].replace('k-1', 'k')}$$").displays[-1]
    assert wrong.verdict == WRONG
    assert str(wrong.fix).startswith(r"\frac{\partial S}{\partial w_{k}} = ")
    assert "dy_1*u_1 + dy_2*u_2 + dy_3*u_3" in str(wrong.counterexample)


def test_where_no_word_speaks_of_it_nothing_is_taken_for_a_direction() -> None:
    told = check("$$y_i = \\sum_k w_k x_{i+k-1}$$\n\n$$v^x_1 = 2 v^w_1$$")
    assert told.displays[-1].verdict not in (PROVED, HOLDS, WRONG)
    assert not any(each["slot"] == "v_x" for each in told.context)


ADJOINT = "# Reverse mode\n\nThe adjoint of each array has a bar.\n\n$$y_i = \\sum_{k=1}^{K} w_k x_{i+k-1}$$\n\n"
BARRED = r"\bar{w}_k = \sum_i\bar{\mathbf{y}}_i x_{i+k-1}"


def test_a_bar_that_only_some_letters_have_is_read() -> None:
    assert check(f"{ADJOINT}$${BARRED}$$").displays[-1].verdict == PROVED
    wrong = check(f"{ADJOINT}$${BARRED.replace('k-1', 'k')}$$").displays[-1]
    assert wrong.verdict == WRONG
    assert str(wrong.fix).startswith(r"\bar{w}_{k} = \sum_{i} \bar{y}_{i}")
    elsewhere = check(f"{ADJOINT.replace('adjoint', 'mean').replace('Reverse mode', 'Means')}$${BARRED}$$").displays[-1]
    assert elsewhere.verdict == "NOT READ"


# what `derive` writes ------------------------------------------------------------------------------------------------------

PAGES: tuple[tuple[dict[str, object], str, str], ...] = (
    ({"input": (4, 3), "kernel": (3, 2), "stride": (2, 1), "padding": ((1, 0), (0, 1))}, "latex", "fr"),
    ({"input": 4, "kernel": 3, "padding": 1, "padding_mode": "constant"}, "markdown", "de"),
    ({"input": 3, "kernel": 2, "in_channels": 4, "out_channels": 2, "groups": 2}, "html", "en"),
    ({"input": 3, "kernel": 2, "stride": 2, "output_padding": 1, "transposed": True, "bias": False}, "ipynb", "de"),
)  # fmt: skip


@pytest.mark.parametrize(("layer", "kind", "lang"), PAGES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_page_holds(layer: dict[str, object], kind: str, lang: str, tmp_path: Path) -> None:
    assert not faults(written(layer, kind, lang, tmp_path, sections=SECTIONS))


@pytest.mark.parametrize("preset", ["cs231n", "goodfellow", "bishop", "pytorch"])
def test_a_page_in_another_notation_holds(preset: str, tmp_path: Path) -> None:
    assert not faults(
        written({"input": 3, "kernel": 2}, "markdown", "fr", tmp_path, notation=preset, sections=SECTIONS)
    )


@pytest.mark.parametrize("seed", range(3))
def test_random_layers(seed: int, tmp_path: Path) -> None:
    source = random.Random(seed)
    layer = random_layer(source)
    kind, lang = source.choice(list(KINDS)), source.choice(LANGUAGES)
    assert not faults(written(layer, kind, lang, tmp_path, sections=SECTIONS)), (layer, kind, lang)


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(3, 60))
def test_more_random_layers(seed: int, tmp_path: Path) -> None:
    test_random_layers(seed, tmp_path)


def pages(count: int) -> list[Page]:
    return [
        Page(document(Conv(**layer), lang, sections=SECTIONS).render(kind), SUFFIX[kind])  # type: ignore[arg-type]
        for layer, kind, lang in PAGES[-count:]
    ]


def alive(count: int, seed: int, of: int) -> list[str]:
    """The mutants of displays about second derivatives that nothing finds."""
    tried = [each for each in sample(pages(of), 3 * count, seed) if "v^" in each[2].text or "dd" in each[2].text][
        :count
    ]
    assert len(tried) == count
    told = ((one.judged(number, mutant.text), str(mutant)) for one, number, mutant in tried)
    return [each for found, each in told if found is not None and found.verdict in FINE and argument("", each) is None]


def test_mutants_are_found() -> None:
    assert not alive(8, 0, 1)


@pytest.mark.sweep
def test_three_hundred_mutants() -> None:
    """Those alive are factors of zero: an argument of the loss beside one that is zero."""
    found = alive(300, 1, 4)
    assert len(found) <= 6, "\n".join(found)
