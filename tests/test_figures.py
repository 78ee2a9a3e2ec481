"""What the pictures show, held against the loss: lit cells, hatching, the Jacobian's bands, the lattice."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from symconv import Conv
from symconv.algebra.terms import terms_text
from symconv.figures import KINDS, Figure, figure
from symconv.figures import sliding as sliding_module
from symconv.figures.geometry import smallest
from symconv.figures.kinds import MAX_CELLS, MAX_STEPS
from symconv.figures.matrix import JacobianPicture
from symconv.figures.palette import BACKGROUND, STYLES, tap_style
from symconv.figures.scene import Cell, Disc, Line, Rect, Scene, Text
from symconv.formulas import formula
from symconv.formulas.standard import standard
from symconv.layer.loss import enumerate_axis, loss
from symconv.layer.names import entry_name
from symconv.mathematics.markup import plain
from symconv.prose.captions import words
from tests.cases import SMALL, convs

TARGETS = {"window": ("y", "dy"), "backward": ("dx", "x"), "weights": ("dw", "w")}

#: drawn entry by entry: stride, two-sided padding, crops, remainders, dilation, transposed, one to three axes
DRAWN = [
    *(conv for conv in SMALL if conv.ndim <= 3),
    Conv(input=(4, 5), kernel=(1, 2), stride=(1, 2), padding=(2, 3)),  # a crop in front on both axes
]


def one_channel(conv: Conv) -> Conv:
    return Conv(**{**conv.to_dict(), "batch": 1, "in_channels": 1, "out_channels": 1, "groups": 1})


def pairs_shown(scene: Scene, ndim: int) -> Counter[tuple[str, str]]:
    """(operand, tap) of every lit cell with its tap: in its corner, or on one axis in the lit cell under it."""
    lit = [cell for cell in scene.cells() if cell.lit]
    if ndim > 1:
        return Counter(
            (cell.entry, plain(cell.corner)) for cell in lit if cell.entry and cell.corner and plain(cell.corner) != "0"
        )
    rows = sorted({cell.y for cell in scene.cells()})
    taps = {cell.x: plain(cell.label) for cell in lit if cell.y == rows[1] and cell.entry}
    return Counter((cell.entry, taps[cell.x]) for cell in lit if cell.y == rows[0] and cell.entry)


def flat_name(name: str) -> str:
    """``x_{12}`` as pictures set it in plain text."""
    return re.sub(r"_\{([\d,]+)\}", lambda m: m[1].translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")), name)


@pytest.mark.slow
@pytest.mark.parametrize("conv", DRAWN, ids=lambda conv: conv.slug)
@pytest.mark.parametrize("kind", TARGETS)
def test_lit_cells_are_the_terms(conv: Conv, kind: str) -> None:
    target, by = TARGETS[kind]
    one = one_channel(conv)
    gradient = loss(one).differentiate(by)
    drawn = figure(conv, kind)
    film = drawn.film
    assert len(film.scenes) == len(drawn.steps) == gradient.size
    for index, scene in zip(drawn.steps, film.scenes, strict=True):
        terms = gradient.terms_of((0, 0, *index))
        wanted = Counter()
        for _, factors in terms:
            names = {array: entry_name(one, array, flat) for array, flat in factors}
            if len(names) == 2 and "b" not in names:
                operand = next(a for a in names if a == drawn.picture.slide.operand.array)  # type: ignore[attr-defined]
                tap = next(name for array, name in names.items() if array != operand)
                wanted[names[operand], flat_name(tap)] += 1
        assert pairs_shown(scene, conv.ndim) == wanted, index
        results = [cell for cell in scene.cells() if cell.lit and cell.entry and cell.entry.startswith(f"{target}_")]
        assert [cell.entry for cell in results] == [
            entry_name(one, target, int(np.ravel_multi_index(index, drawn.picture.space)))
        ]
        # and the equation under it
        shown = plain(scene.title).replace(" ", "")
        if len(terms) <= 12:
            text = terms_text(one, terms).replace("*", "").replace(" ", "")
            assert shown.endswith("=" + flat_name(text)), (shown, text)


@pytest.mark.parametrize("conv", DRAWN, ids=lambda conv: conv.slug)
@pytest.mark.parametrize("kind", TARGETS)
def test_the_frame_is_around_the_taps(conv: Conv, kind: str) -> None:
    drawn = figure(conv, kind)
    spans = [
        e * (taps - 1) + 1
        for e, taps in zip(drawn.picture.slide.dilation, drawn.picture.slide.filter.space, strict=True)
    ]  # type: ignore[attr-defined]
    scene = figure(conv, kind, entry=drawn.steps[-1]).scene
    top = min(cell.y for cell in scene.cells())
    covered = [cell for cell in scene.cells() if cell.corner]
    if conv.ndim == 1:
        below = sorted({cell.y for cell in scene.cells()})[1]
        taps = {cell.x for cell in scene.cells() if cell.y == below}
        covered = [cell for cell in scene.cells() if cell.y == top and cell.x in taps]
    frames = [item for item in scene.items if isinstance(item, Rect) and item.style == "window"]
    assert {(frame.width, frame.height) for frame in frames} == {(spans[-1], spans[-2] if conv.ndim > 1 else 1)}
    inside = 0
    for frame in frames:
        own = [c for c in covered if frame.x <= c.x < frame.x + frame.width and frame.y <= c.y < frame.y + frame.height]
        inside += len(own)
        assert min(c.x for c in own) == pytest.approx(frame.x)
        assert min(c.y for c in own) == pytest.approx(frame.y)
        assert max(c.x for c in own) + 1 == pytest.approx(frame.x + frame.width)
        assert max(c.y for c in own) + 1 == pytest.approx(frame.y + frame.height)
    assert inside == len(covered)


@pytest.mark.parametrize("kind", KINDS)
def test_backdrop_and_changes_make_each_scene(kind: str) -> None:
    conv = Conv(input=(5, 4), kernel=(3, 2), stride=(2, 1), padding=1)
    if not KINDS[kind].made_for(conv):
        conv = replace(conv, padding_mode="reflect")
    film = figure(conv, kind).film
    for step, scene in enumerate(film.scenes):
        seen = {(cell.x, cell.y): cell for cell in [*film.backdrop, *film.changing(step)] if isinstance(cell, Cell)}
        assert seen == {(cell.x, cell.y): cell for cell in scene.cells()}
        assert {item for item in scene.items if not isinstance(item, Cell)} <= {*film.backdrop, *film.changing(step)}
        # nothing stands under a ground that is drawn after it, unless it does in the scene
        painted = [*film.backdrop, *film.changing(step)]
        for at, ground in enumerate(painted):
            if isinstance(ground, Rect) and ground.style == "step":
                seen_after = set(painted[at:])
                row = [disc for disc in scene.items if isinstance(disc, Disc) and ground.y < disc.y < ground.y + 1]
                assert row
                assert set(row) <= seen_after
    # what a step redraws is far less than the whole
    assert sum(len(film.changing(i)) for i in range(len(film.scenes))) < 0.7 * sum(
        len(scene.items) for scene in film.scenes
    )


@pytest.mark.parametrize("conv", DRAWN, ids=lambda conv: conv.slug)
def test_hatched_cells_are_those_no_window_reads(conv: Conv) -> None:
    one = one_channel(conv)
    if conv.transposed:  # there the operand of dx is dy, padded
        kind, array, by = "backward", "dy", "x"
    else:
        kind, array, by = "window", "x", "dy"
    used = {
        entry_name(one, name, flat)
        for index in itertools.product(*map(range, one.shapes[by]))
        for _, factors in loss(one).differentiate(by).terms_of(index)
        for name, flat in factors
        if name == array
    }
    everything = {entry_name(one, array, i) for i in range(int(np.prod(one.shapes[array])))}
    scene = figure(conv, kind).scene
    hatched = {(item.x, item.y) for item in scene.items if isinstance(item, Rect) and item.hatched}
    cells = [cell for cell in scene.cells() if cell.entry in everything]
    lost = {cell.entry for cell in cells if (cell.x, cell.y) in hatched or cell.style == "cropped"}
    assert {cell.entry for cell in cells} == everything
    assert lost == everything - used


def test_zeros_by_their_cause() -> None:
    scene = figure(Conv(input=(5, 4), kernel=(3, 2), stride=(2, 1), padding=(1, 0)), "backward").scene
    styles = Counter(cell.style for cell in scene.cells() if plain(cell.label) == "0")
    # dy is 3x3; with zeros between its rows 5x3; the border is 1 row and 1 column on each side
    assert styles == {"inserted": 6, "border": 7 * 5 - 5 * 3}
    cropped = figure(Conv(input=5, kernel=3, padding=4), "backward").scene
    # d(K-1) - p = -2 on both sides
    assert [cell.entry for cell in cropped.cells() if cell.style == "cropped"] == [
        "dy_{1}",
        "dy_{2}",
        "dy_{10}",
        "dy_{11}",
    ]


@pytest.mark.parametrize("wrong", ["dx = correlate(pad(dilate(dy, s), d*(K-1) - p, d*(K-1) - q + r), w, dilation=d)",
                                   "dx = correlate(pad(dilate(dy, s), p, d*(K-1) - q + r), flip(w), dilation=d)"])  # fmt: skip
def test_a_wrong_formula_is_not_drawn(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    conv = Conv(input=(5, 6), kernel=(3, 2), stride=(2, 1), padding=(0, 1))
    monkeypatch.setattr(sliding_module, "standard", lambda *layer: formula(wrong))
    with pytest.raises(RuntimeError, match="does not multiply the terms of the derivative"):
        assert figure(conv, "backward").film
    monkeypatch.setattr(sliding_module, "standard", standard)
    assert figure(conv, "backward").film


@pytest.mark.parametrize("conv", [conv for conv in DRAWN if conv.ndim < 3], ids=lambda conv: conv.slug)
def test_jacobian_is_the_derivative(conv: Conv) -> None:
    one = one_channel(conv)
    drawn = figure(conv, "jacobian")
    y = loss(one).differentiate("dy")
    columns = int(np.prod(one.input))
    wanted = {}
    for row, index in enumerate(itertools.product(*map(range, one.output))):
        for _, factors in y.terms_of((0, 0, *index)):
            entries = dict(factors)
            if "w" in entries:
                wanted[row, entries["x"]] = entries["w"]
    scene = drawn.scene
    ground = next(item for item in scene.items if isinstance(item, Rect) and item.style == "ground")
    assert (ground.width, ground.height) == (columns, np.prod(one.output))
    shown = {}
    for cell in scene.cells():
        column, row = round(cell.x - ground.x), round(cell.y - ground.y)
        if column < columns:  # the legend stands to the right
            tap = next(t for t in range(int(np.prod(one.kernel))) if cell.entry == entry_name(one, "w", t))
            assert cell.style == tap_style(tap)
            shown[row, column] = tap
    assert shown == wanted
    hatched = {round(item.x - ground.x) for item in scene.items if isinstance(item, Rect) and item.hatched}
    assert hatched == set(range(columns)) - {column for _, column in wanted}


@pytest.mark.parametrize("conv", SMALL, ids=lambda conv: conv.slug)
def test_lattice_is_the_relation(conv: Conv) -> None:
    for axis, sizes in enumerate(conv.axes):
        scene = figure(conv, "relation", axis=axis).scene
        inside = enumerate_axis(sizes)
        wanted = set(zip(inside["o"].tolist(), inside["k"].tolist(), inside["m"].tolist(), strict=True))
        discs = [item for item in scene.items if isinstance(item, Disc) and item.entry]
        ground = next(item for item in scene.items if isinstance(item, Rect) and item.style == "ground")
        assert (ground.width, ground.height) == (sizes.p + sizes.H + sizes.q, sizes.O)
        solid = set()
        for disc in discs:
            o, k, m = (int(part.split("=")[1]) - 1 for part in (disc.entry or "").split())
            assert (disc.x, disc.y) == pytest.approx((ground.x + sizes.p + m + 0.5, ground.y + o + 0.5))
            assert plain(disc.label) == str(k + 1)
            if disc.style == tap_style(k):
                solid.add((o, k, m))
            else:
                assert disc.style == tap_style(k, "hollow")
                assert not 0 <= m < sizes.H
        assert len(discs) == sizes.O * sizes.K
        assert solid == wanted
        columns = {round(disc.x - ground.x - 0.5) for disc in discs}
        hatched = {round(item.x - ground.x) for item in scene.items if isinstance(item, Rect) and item.hatched}
        assert hatched == set(range(int(ground.width))) - columns


@settings(max_examples=25, deadline=None)
@given(conv=convs(max_terms=600))
def test_any_layer_is_drawn_inside_its_page(conv: Conv) -> None:
    for kind in [name for name, each in KINDS.items() if each.made_for(conv)]:
        try:
            scene = figure(conv, kind).scene
        except ValueError as refused:
            if "more than" not in str(refused):
                raise
            continue  # few terms, but a page that no one could read
        for item in scene.items:
            if isinstance(item, Cell):
                box = (item.x, item.y, item.x + 1, item.y + 1)
            elif isinstance(item, Rect):
                box = (item.x, item.y, item.x + item.width, item.y + item.height)
            elif isinstance(item, Disc):
                box = (item.x - item.radius, item.y - item.radius, item.x + item.radius, item.y + item.radius)
            elif isinstance(item, Text):
                box = (item.x, item.y, item.x, item.y)
            else:
                continue
            assert box[0] >= -1e-6
            assert box[1] >= -1e-6
            assert box[2] <= scene.width + 1e-6
            assert box[3] <= scene.height + 1e-6


def test_steps_and_entry() -> None:
    conv = Conv(input=(5, 6), kernel=(3, 2), stride=(2, 1))
    sizes = {"window": (2, 5), "backward": (5, 6), "weights": (3, 2), "jacobian": (2, 5), "relation": (2,)}
    for kind, space in sizes.items():
        drawn = figure(conv, kind)
        assert drawn.steps == list(itertools.product(*map(range, space)))
        last = tuple(n - 1 for n in space)
        assert figure(conv, kind, entry=last).scene.items != drawn.scene.items
    # a picture without an entry asked for shows one with the most terms
    assert plain(figure(conv, "backward").scene.title).count("dy") >= 3


def test_notes_say_what_is_drawn() -> None:
    plainly = figure(Conv(input=4, kernel=2), "window")
    assert plainly.notes == []
    several = Conv(input=(7, 6), kernel=(3, 2), stride=(3, 2), padding=1, in_channels=2, out_channels=3, batch=2)
    kinds = [name for name, each in KINDS.items() if each.made_for(several)]
    told = {kind: [plain(note) for note in figure(several, kind).notes] for kind in kinds}
    assert told["window"][0] == "Drawn for one image, one channel and one filter."
    assert "Zeros with a solid edge: inserted because the stride is 3 × 2." in told["backward"]
    assert told["relation"][0] == "Drawn for axis 1."
    assert all("Dessiné" in plain(figure(several, kind, lang="fr").notes[0]) for kind in kinds if kind != "depth")


MISTAKES = {
    "kind": (lambda: figure(Conv(4, 2), "picture"), "no figure 'picture'; there are window, backward"),
    "lang": (lambda: figure(Conv(4, 2), "window", lang="xx"), "no language 'xx'; there are de, en, fr"),
    "axis": (lambda: figure(Conv(4, 2), "relation", axis=1), r"no axis 1: Conv\(input=4, kernel=2\) has 1"),
    "entry": (lambda: figure(Conv(4, 2), "window", entry=(3,)), "no entry 4 of y: its size is 3, counted from 1"),
    "entry-axes": (lambda: figure(Conv((4, 4), 2), "backward", entry=(1,)), "no entry 2 of dx: its size is 4x4"),
    "negative": (lambda: figure(Conv(4, 2), "window", entry=(-1,)), "no entry 0 of y"),
    "four-axes": (lambda: figure(Conv((2, 2, 2, 2), 1), "window"), "window draws up to three axes"),
    "cells": (lambda: figure(Conv((60, 60), 2), "window"), f"cells, more than {MAX_CELLS:,}"),
    "terms": (lambda: figure(Conv((900, 900), 3), "window"), "too large to draw"),
    "steps": (lambda: figure(Conv((20, 20), 2), "window").film, f"361 steps, more than {MAX_STEPS}"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(case: str) -> None:
    call, message = MISTAKES[case]
    with pytest.raises(ValueError, match=message):
        call()


def test_relation_draws_any_number_of_axes() -> None:
    assert isinstance(figure(Conv((2, 3, 2, 2), 1), "relation", axis=1), Figure)


# what can be read ------------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return sum(weight * v for weight, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("half", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", STYLES)
def test_what_is_written_stands_out_from_its_ground(name: str, half: int) -> None:
    style = STYLES[name]
    ground = (style.fill or BACKGROUND)[half]
    assert contrast(style.ink[half], ground) >= 4.5
    if name in ("x-lit", "w-lit", "y-lit", "inserted-lit", "border-lit"):  # the tap in the corner
        assert contrast(STYLES["window-corner"].ink[half], ground) >= 4.5


STRIPPED = [SMALL[0], SMALL[6], Conv(input=7, kernel=3, stride=2, padding=1), Conv(input=(5, 4), kernel=(3, 2), padding=(1, 0)),
            Conv(input=(3, 4), kernel=(3, 2), stride=2, transposed=True)]  # fmt: skip


@pytest.mark.parametrize("conv", STRIPPED, ids=lambda conv: conv.slug)
@pytest.mark.parametrize("kind", TARGETS)
def test_a_filmstrip_shows_the_terms_of_its_entries(conv: Conv, kind: str) -> None:
    target, by = TARGETS[kind]
    one = one_channel(conv)
    drawn = figure(conv, kind, strip=True, room=15)
    gradient = loss(one).differentiate(by)
    scenes = [scene for scene in drawn.frames if "=" in plain(scene.title[len(drawn.caption) :])]
    assert len(scenes) == len(drawn.strip) >= 2 or target == "dw"
    for index, scene in zip(drawn.strip, scenes, strict=True):
        terms = [term for term in gradient.terms_of((0, 0, *index)) if len(term[1]) == 2]
        assert sum(pairs_shown(scene, conv.ndim).values()) == len(terms)
    corners = {(0,) * one.ndim, tuple(n - 1 for n in one.shapes[target][2:])}
    assert corners <= set(drawn.strip)
    whole = drawn.scene
    assert sum(cell.lit for scene in drawn.frames for cell in scene.cells()) == sum(cell.lit for cell in whole.cells())
    assert whole.width <= max(15, *(scene.width for scene in drawn.frames)) + 1e-6


def test_no_filmstrip_of_a_matrix_or_of_one_entry() -> None:
    with pytest.raises(ValueError, match="relation has no filmstrip; window, backward and weights have"):
        figure(Conv(4, 2), "relation", strip=True)
    with pytest.raises(ValueError, match="a filmstrip shows typical entries"):
        figure(Conv(4, 2), "window", entry=(0,), strip=True)


@pytest.mark.parametrize("conv", [Conv((4, 4), 2), Conv((5, 5), 3, stride=2, padding=1)], ids=lambda conv: conv.slug)
def test_a_matrix_shrunk_to_its_room_keeps_its_letters(conv: Conv) -> None:
    for room in (10.0, 14.0, 30.0):
        scene = figure(conv, "jacobian", room=room).bare
        assert smallest(scene) * min(1.0, room / scene.width) >= 0.68


def test_depth_has_an_arrow_for_each_kernel_and_none_between_groups() -> None:
    conv = Conv(input=(3, 3), kernel=2, in_channels=4, out_channels=6, groups=2)
    body = figure(conv, "depth").picture.body((0,))
    lines = [item for item in body.items if isinstance(item, Line)]
    shown = {0, 1, 2, 5}  # of six outputs the first three and the last
    pairs = [(c, f) for f in range(6) for c in range(4) if c // 2 == f // 3]
    assert len(lines) == 2 * sum(f in shown for _, f in pairs)
    assert (
        sum(line.heads for line in lines) == 2 + 3
    )  # into y1 from its two inputs, into dx1 from the outputs of its group
    assert sum(isinstance(item, Rect) and item.style == "block" for item in body.items) == 2 * 4


def test_the_relation_fits_a_column() -> None:
    """Fewer cells across: R in numbers alone, the taps in rows; the terms counted are those of the axis that is drawn."""
    conv = Conv(input=(5, 70), kernel=(3, 5), stride=2, padding=1)
    narrow, usual = (figure(conv, "relation", room=room) for room in (8.8, 24.0))
    assert narrow.bare.width <= 8.8 < usual.bare.width
    assert (
        figure(Conv(input=4, kernel=6, padding=2), "relation", room=6.0).bare.height
        > figure(Conv(input=4, kernel=6, padding=2), "relation").bare.height
    )
    with pytest.raises(ValueError, match="cells, more than"):
        figure(Conv(input=(2000, 2000), kernel=(9, 9)), "relation")


def test_names_of_neighbouring_columns_stand_apart() -> None:
    """Shrunk to its room, a matrix names every other column of a block, and none beside the first of the next."""
    picture = JacobianPicture(Conv(input=(4, 5), kernel=(2, 3), padding=1), words("en"))

    def columns(room: float) -> list[float]:
        picture.room = room
        names = [item for item in picture.body(None).items if isinstance(item, Text) and item.style == "faint"]
        return sorted(item.x for item in names if item.anchor == "middle")

    assert len(columns(40)) == 20
    assert len(columns(15)) == 20
    shown = columns(10)
    assert len(shown) == 8
    assert min(b - a for a, b in itertools.pairwise(shown)) >= 2
