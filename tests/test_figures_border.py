"""Pictures of layers whose border holds rows of x: the cells on it against NumPy's padding, the lit ones against the loss."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from symconv import Conv
from symconv.article import document
from symconv.article.pictures import pictures
from symconv.figures import figure
from symconv.figures.palette import tap_style
from symconv.figures.scene import Cell, Rect, Text
from symconv.layer.loss import loss
from symconv.layer.padding import MODES
from symconv.mathematics.markup import plain

ROWS = [mode.name for mode in MODES.values() if mode.moves_rows]
LAYERS = [
    {"input": 5, "kernel": 3, "stride": 2, "padding": ((2, 1),)},
    {"input": (4, 3), "kernel": (3, 2), "padding": ((1, 2), (2, 0)), "dilation": (1, 2), "stride": (2, 1)},
    {"input": (2, 3, 2), "kernel": (2, 2, 1), "padding": ((1, 0), (0, 2), (1, 1))},
]


def padded(conv: Conv) -> np.ndarray:
    """The numbers of the entries of x on the padded array."""
    flat = np.arange(int(np.prod(conv.input))).reshape(conv.input)
    return np.pad(flat, conv.padding, mode=MODES[conv.padding_mode].numpy)  # type: ignore[call-overload]


@pytest.mark.parametrize("layer", LAYERS, ids=["1d", "2d", "3d"])
@pytest.mark.parametrize("mode", ROWS)
def test_the_border_shows_what_stands_there(layer: dict, mode: str) -> None:
    conv = Conv(**layer, padding_mode=mode)
    rows = padded(conv)
    for index in itertools.product(*map(range, conv.input)):
        scene = figure(conv, "border", index).scene
        number = int(np.ravel_multi_index(index, conv.input))
        shown = [cell.entry for cell in scene.cells() if cell.entry and cell.entry.startswith("x_")]
        names = [conv.entry_name("x", int(n)) for n in rows.reshape(-1)]
        extra = [conv.entry_name("x", n) for n in range(int(np.prod(conv.input)))] if conv.ndim == 1 else []
        assert sorted(shown) == sorted(names + extra)
        lit = {cell.entry for cell in scene.cells() if cell.lit and cell.entry and cell.entry.startswith("dz")}
        assert lit == {f"dz_{{{','.join(str(i + 1) for i in at)}}}" for at in np.argwhere(rows == number).tolist()}
        assert {cell.entry for cell in scene.cells() if cell.lit and cell.entry and cell.entry.startswith(("x", "dx"))} == {
            conv.entry_name("x", number), conv.entry_name("dx", number)}  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=["1d", "2d", "3d"])
@pytest.mark.parametrize(("kind", "target"), [("window", "y"), ("weights", "dw")])
def test_windows_reach_over_the_border(layer: dict, kind: str, target: str) -> None:
    """Every step is held against the derivative as it is drawn; here that the cells on the border are of another kind."""
    conv = Conv(**layer, padding_mode="reflect" if layer["input"] != (2, 3, 2) else "symmetric")
    shown = figure(conv, kind)
    assert len(shown.steps) == np.prod(conv.shapes[target][2:])
    names = [conv.entry_name("x", int(n)) for n in padded(conv).reshape(-1)]
    cells = [cell for cell in shown.scene.cells() if cell.entry and cell.entry.startswith("x")]
    assert sorted(str(cell.entry) for cell in cells) == sorted(names)
    assert sum(cell.style == "echo" for cell in cells) > 0
    assert sum(cell.style == "x" for cell in cells) <= np.prod(conv.input)


def test_the_lattice_numbers_the_rows_of_the_border() -> None:
    conv = Conv(4, 3, padding=((2, 1),), padding_mode="reflect")
    scene = figure(conv, "relation").scene
    above = [plain(item.content) for item in scene.items if isinstance(item, Text) and item.style in ("ink", "faint")]
    assert [text for text in above if text.isdigit()][:7] == ["3", "2", "1", "2", "3", "4", "3"]
    assert not any(getattr(item, "style", "").endswith("hollow") for item in scene.items)


def test_what_a_picture_is_not_made_for_is_refused() -> None:
    with pytest.raises(ValueError, match="the figure border is made for a border of rows of x or a constant, and Conv"):
        figure(Conv(4, 3, padding=1), "border")


@pytest.mark.parametrize("layer", LAYERS, ids=["1d", "2d", "3d"])
@pytest.mark.parametrize("mode", ["reflect", "symmetric", "circular"])
def test_the_gradient_of_the_padded_array_folds_to_that_of_x(layer: dict, mode: str) -> None:
    """What ``backward`` multiplies for each entry of dz, added up where ``border`` says, is the derivative by x."""
    if mode == "reflect" and layer["input"] == (2, 3, 2):
        mode = "replicate"
    conv = Conv(**layer, padding_mode=mode)
    shown = figure(conv, "backward")
    assert len(shown.steps) == padded(conv).size
    assert plain(shown.caption).count("dz") == 1
    slide, fold = shown.picture.slide, figure(conv, "border").picture  # type: ignore[attr-defined]
    gradient = loss(conv).differentiate("x")
    for index in itertools.product(*map(range, conv.input)):
        folded = [term for place in fold.places[index] for term in slide.products(list(slide.under(place)))]
        assert sorted(folded) == sorted(gradient.terms_of((0, 0, *index)))
    names = {cell.entry for cell in shown.scene.cells() if cell.entry and cell.entry.startswith("dz")}
    assert len(names) == len(shown.steps)


@pytest.mark.parametrize("layer", [{"input": 4, "kernel": 3, "padding": 1}, LAYERS[1]], ids=["1d", "2d"])
@pytest.mark.parametrize("mode", ["reflect", "symmetric", "replicate"])
def test_the_jacobian_adds_up_taps_in_parts_of_a_cell(layer: dict, mode: str) -> None:
    conv = Conv(**layer, padding_mode=mode)
    shown = figure(conv, "jacobian")
    y, columns, wanted = loss(conv).differentiate("dy"), int(np.prod(conv.input)), {}
    for row, index in enumerate(itertools.product(*map(range, conv.output))):
        for _, factors in y.terms_of((0, 0, *index)):
            if len(factors) == 2:
                wanted.setdefault((row, dict(factors)["x"]), []).append(dict(factors)["w"])
    assert shown.picture.taps == {place: sorted(taps) for place, taps in wanted.items()}  # type: ignore[attr-defined]
    assert max(map(len, wanted.values())) > 1
    # each part is a rectangle of its tap's colour, its label inside it
    ground = next(item for item in shown.scene.items if isinstance(item, Rect) and item.style == "ground")
    drawn: dict[tuple[int, int], list[str]] = {}
    for item in shown.scene.items:
        if isinstance(item, (Cell, Rect)) and item.style.startswith("tap"):
            row, column = int(item.y - ground.y + 1e-6), int(item.x - ground.x + 1e-6)
            if column < columns:
                drawn.setdefault((row, column), []).append(item.style)
    assert {place: sorted(map(tap_style, taps)) for place, taps in wanted.items()} == {
        place: sorted(styles) for place, styles in drawn.items()
    }
    assert any("A cell in parts" in plain(note) for note in shown.notes)


@pytest.mark.parametrize("mode", [*ROWS, "constant"])
def test_depth_is_drawn_for_every_border(mode: str) -> None:
    conv = Conv(input=4, kernel=3, padding=1, in_channels=2, out_channels=2, padding_mode=mode)
    zeros = Conv(input=4, kernel=3, padding=1, in_channels=2, out_channels=2)
    assert figure(conv, "depth").scene == figure(zeros, "depth").scene


@pytest.mark.parametrize("value", [None, -1.5])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_constant_stands_on_the_border_and_in_the_sums(layer: dict, value: float | None) -> None:
    """In window and weights; the gradient by x, and the Jacobian, are those of zeros."""
    conv = Conv(**layer, padding_mode="constant", padding_value=value)
    letter = conv.entry_name("v", 0)
    for kind in ("window", "weights"):
        shown = figure(conv, kind)
        assert shown.film
        border = [plain(cell.label) for cell in shown.scene.cells() if cell.style == "border"]
        assert set(border) == {letter}
        assert kind != "window" or len(border) == padded(conv).size - np.prod(conv.input)
        assert any("dashed edge: the border, which holds a constant" in plain(note) for note in shown.notes)
    zeros = Conv(**layer)
    for kind in ("backward", "jacobian"):
        mine, theirs = (figure(each, kind).scene.cells() for each in (conv, zeros))
        assert [(cell.x, cell.y, cell.entry) for cell in mine] == [(cell.x, cell.y, cell.entry) for cell in theirs]


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize("layer", LAYERS[:2], ids=["1d", "2d"])
def test_the_article_shows_the_rows_that_feed_the_border(layer: dict, lang: str) -> None:
    told = document(Conv(**layer, padding_mode="circular"), lang)
    shown = {kind for section in told.sections for kind, _ in pictures(told, section)}
    assert shown == {"window", "backward", "border"} | ({"jacobian"} if told.conv.ndim == 1 else set())
