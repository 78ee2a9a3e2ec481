"""The explorer in a real browser: what its cells light and say against the loss; keys, pointer, widths; the command."""

from __future__ import annotations

import itertools
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from symconv import Conv
from symconv.algebra.integers import Name
from symconv.cli.explore import command
from symconv.figures import explorer as explorer_module
from symconv.figures.explorer import LIMITS, address, explorer, start_of
from symconv.figures.javascript import javascript
from symconv.formulas import tree
from symconv.formulas.standard import standard
from symconv.formulas.values import Reading
from symconv.layer.loss import loss
from symconv.layer.names import subscript
from symconv.layer.padding import MODES
from symconv.prose import words
from tests.chromium import ask, ask_each, too_wide

#: (H, K, s, p, q, d): every stride and dilation, one- and two-sided padding, crops, remainders, kernels wider than x
ONE_AXIS = [
    (H, K, s, p, q, d)
    for H, K, s, p, q, d in itertools.product((1, 4, 7, 12), (1, 2, 5), (1, 2, 3, 4), (0, 1, 4), (0, 2, 3), (1, 2, 3))
    if H + p + q >= d * (K - 1) + 1 and (H + 2 * K + 3 * s + 5 * p + 7 * q + d) % 15 == 0
]
TWO_AXES = [(5, 3, 2, 1, 1, 1), (4, 2, 1, 0, 0, 1), (8, 3, 3, 2, 0, 2), (3, 1, 2, 0, 1, 1), (6, 4, 1, 3, 2, 1),
            (2, 2, 4, 3, 3, 3)]  # fmt: skip

#: slides to each setting and notes what the page then says, entry by entry
DRIVE = """
const changed = () => document.querySelector("form").dispatchEvent(new Event("input", { bubbles: true }));
const set = (setting, axes, mode = "zeros", transposed = false) => {
  document.querySelector("#mode").value = mode;
  document.querySelector("#transposed").checked = transposed;
  document.querySelector(`input[name="axes"][value="${axes}"]`).checked = true;
  document.querySelector('input[name="axis"][value="0"]').checked = true;
  document.querySelector("#tie").checked = false;
  changed();
  ["H", "K", "s", "p", "q", "d", "e"].forEach((name, i) => { document.querySelector("#size-" + name).value = setting[i] ?? 0; });
  changed();
};
const text = (selector) => document.querySelector(selector).textContent;
const seen = () => {
  const terms = {};
  document.querySelectorAll(".lit").forEach((cell) => {
    const array = cell.closest(".board").dataset.array;
    const at = cell.dataset.row ?? cell.dataset.index;
    cell.querySelectorAll(".term").forEach((mark) => mark.textContent.split(",").forEach((term) => {
      (terms[term] ||= []).push([array, at]);
    }));
  });
  const products = [...document.querySelectorAll("#expression .product")].map((each) => {
    const copy = each.cloneNode(true);
    copy.querySelector(".ordinal").remove();
    return copy.textContent;
  });
  return { terms: Object.values(terms), products, whole: text("#expression") };
};
const visit = (setting, axes, mode, transposed) => {
  set(setting, axes, mode, transposed);
  return noted();
};
const noted = () => {
  const entries = {};
  for (const array of ["y", "dx", "dw", "db"]) for (const cell of document.querySelectorAll(`[data-array="${array}"] button`)) {
    cell.click();
    entries[array + ":" + cell.dataset.index] = seen();
  }
  const unread = [...document.querySelectorAll('[data-array="dx"] .unread')].map((cell) => cell.dataset.index);
  const numbers = (target) => text(`[data-formula="${target}"] [data-numbers]`);
  const formulas = Object.fromEntries(["y", "dx", "dw"].map((target) => [target, numbers(target)]));
  const standing = (cell) => [cell.dataset.index, cell.querySelector(".label").textContent];
  const border = [...document.querySelectorAll('[data-array="x"] .cell')].map(standing);
  const unwritten = [...document.querySelectorAll('[data-array="y"] .unread')].map((cell) => cell.dataset.index);
  return { entries, unread, unwritten, formulas, border,
           O: text("#size-O"), r: text("#size-r"), toldO: text("#told-O"), toldr: text("#told-r"),
           sliders: ["H", "K", "s", "p", "q", "d"].map((name) => Number(document.querySelector("#size-" + name).value)) };
};
"""


def conv_of(setting: tuple[int, ...], axes: int, mode: str = "zeros", transposed: bool = False) -> Conv:
    H, K, s, p, q, d, *extra = setting
    return Conv(input=(H,) * axes, kernel=K, stride=s, padding=((p, q),) * axes, dilation=d, padding_mode=mode,
                transposed=transposed, output_padding=extra[0] if extra else 0)  # fmt: skip


def expected(conv: Conv) -> dict[str, list[frozenset[tuple[str, str]]]]:
    """``"dx:0,1"`` -> the pairs of factors of its terms, ``{("dy", "0,0"), ("w", "0,1")}``, out of the loss."""
    result = {}
    shapes = conv.shapes
    for array, by in (("y", "dy"), ("dx", "x"), ("dw", "w")):
        gradient = loss(conv).differentiate(by)
        for index in itertools.product(*map(range, shapes[by])):
            pairs = [
                frozenset((name, place(flat, shapes[name][2:])) for name, flat in factors)
                for _, factors in gradient.terms_of(index)
                if len(factors) == 2
            ]
            result[f"{array}:{','.join(map(str, index[2:]))}"] = pairs
    only = ",".join("0" * conv.ndim)
    every = loss(conv).differentiate("b").terms_of((0,))
    result[f"db:{only}"] = [frozenset([("dy", place(flat, conv.output))]) for _, ((_, flat),) in every]
    return result


def place(flat: int, space: tuple[int, ...]) -> str:
    """An entry number as the index on space."""
    index: list[int] = []
    for size in reversed(space):
        index.insert(0, flat % size)
        flat //= size
    return ",".join(map(str, index))


def mistakes(
    setting: tuple[int, ...], axes: int, said: dict[str, Any], mode: str = "zeros", transposed: bool = False
) -> list[str]:
    """Where the page says something else than the loss."""
    found = wrong(conv_of(setting, axes, mode, transposed), said)
    return found if said["sliders"] == list(setting[:6]) else [*found, f"sliders at {said['sliders']}"]


def wrong(conv: Conv, said: dict[str, Any], axis: int = 0) -> list[str]:
    """Where what is said of a layer, with the sizes of an axis, is something else than the loss."""
    found = []
    if (said["O"], said["r"]) != (str(conv.output[axis]), str(conv.remainder[axis])):
        found.append(f"O {said['O']}, r {said['r']}")
    right = expected(conv)
    if set(right) != set(said["entries"]):
        found.append(f"entries {sorted(set(right) ^ set(said['entries']))}")
    for key in set(right) & set(said["entries"]):
        entry = said["entries"][key]
        # a cell of x where no row stands is the constant
        lit = [frozenset((array if index else "v", index) for array, index in term) for term in entry["terms"]]
        if len(lit) != len(right[key]) or set(lit) != set(right[key]):
            found.append(f"{key} lights {lit}")
        named = {frozenset(named_factor(conv, *factor) for factor in pair) for pair in right[key]}
        if {frozenset(product.split("\u2009")) for product in entry["products"]} != named:
            found.append(f"{key} says {entry['products']}")
        if not right[key] and not key.startswith("y") and " = 0 " not in entry["whole"]:
            found.append(f"{key} says {entry['whole']}")
    outputs = [pair for key, pairs in right.items() if key.startswith("y") for pair in pairs]
    read = {index for pair in outputs for array, index in pair if array == "x"}
    unread = {place(i, conv.input) for i in range(math.prod(conv.input))} - read
    bare = {key.partition(":")[2] for key, pairs in right.items() if key.startswith("y") and not pairs}
    if (bare, unread) != (set(said["unwritten"]), unread) if conv.transposed else unread != set(said["unread"]):
        found.append(f"hatches {said['unread']} and {said['unwritten']}")
    for target, text in said["formulas"].items():
        numbers = [int(number.replace("−", "-")) for number in re.findall(r"−?\d+", text)]
        if numbers != amounts(conv, target, axis):
            found.append(f"{target} = {text}, not with {amounts(conv, target, axis)}")
    return found


def named_factor(conv: Conv, array: str, index: str) -> str:
    if array == "v":
        return array
    return array + subscript(conv, array, (0, 0, *map(int, index.split(","))))


def amounts(conv: Conv, target: str, axis: int = 0) -> list[int]:
    """The numbers of the standard formula on an axis of this layer, in the order in which they are set."""
    formula = standard(target, conv.transposed, conv.padding_mode)
    reading = Reading(conv, formula)
    correlation = next(node for node in formula.body.walk() if isinstance(node, tree.Correlate))
    assert isinstance(correlation.operand, tree.Move)
    inside = [e for node in formula.body.walk() if isinstance(node, tree.Move) for e in node.amounts]
    outside = [correlation.dilation, correlation.stride]
    return [reading.per_axis(e)[axis] for e in [*inside, *outside] if e != tree.ONE]


def drive(settings: list[tuple[int, ...]], axes: int) -> str:
    return f"{DRIVE} answer.said = {json.dumps(settings)}.map((setting) => visit(setting, {axes}));"


@pytest.mark.slow
@pytest.mark.parametrize(("axes", "settings"), [(1, ONE_AXIS), (2, TWO_AXES)], ids=["1d", "2d"])
def test_page_against_loss(axes: int, settings: list[tuple[int, ...]], tmp_path: Path) -> None:
    for size, name in enumerate("HKspqd"):  # each slider at several places, remainders and none
        assert len({setting[size] for setting in settings}) >= 3, name
    assert {bool(conv_of(setting, axes).remainder[0]) for setting in settings} == {True, False}
    answer = ask(explorer(), drive(settings, axes), tmp_path)
    assert answer["problems"] == []
    assert len(answer["said"]) == len(settings)
    for setting, said in zip(settings, answer["said"], strict=True):
        assert mistakes(setting, axes, said) == [], (setting, axes)


#: borders up to the largest that there is, on one side and on both, with strides and dilations that reach over them
BORDERS = [((4, 3, 1, 2, 1, 1), 1), ((5, 3, 2, 0, 3, 2), 1), ((3, 2, 3, 2, 2, 1), 1), ((3, 2, 2, 1, 2, 1), 2)]


@pytest.mark.slow
def test_borders_against_the_loss(tmp_path: Path) -> None:
    asked = [(setting, axes, mode) for mode in MODES for setting, axes in BORDERS]
    script = f"{DRIVE} answer.said = {json.dumps(asked)}.map((each) => visit(...each));"
    answer = ask(explorer(padding_mode="circular"), script, tmp_path)
    assert answer["problems"] == []
    assert len(answer["said"]) == len(asked)
    for (setting, axes, mode), said in zip(asked, answer["said"], strict=True):
        assert mistakes(setting, axes, said, mode) == [], (setting, axes, mode)
        assert dict(said["border"]) == shown(setting, axes, mode), (setting, axes, mode)


#: output padding below the stride and below the dilation, none; crops on one side, on both, and beyond the kernel
TRANSPOSED = [((4, 3, 2, 1, 0, 1, 1), 1), ((3, 2, 1, 0, 2, 3, 2), 1), ((5, 2, 4, 2, 1, 1, 3), 1), ((2, 3, 3, 1, 1, 1, 0), 2),
              ((2, 2, 2, 1, 0, 1, 1), 3)]  # fmt: skip


@pytest.mark.slow
def test_transposed_layers_and_three_axes_against_the_loss(tmp_path: Path) -> None:
    asked: list[Any] = [(setting, axes, "zeros", True) for setting, axes in TRANSPOSED]
    asked += [((3, 2, 2, 1, 0, 1), 3, mode, False) for mode in ("zeros", "reflect", "constant")]
    script = f"{DRIVE} answer.said = {json.dumps(asked)}.map((each) => visit(...each));"
    answer = ask(explorer(transposed=True, lang="de"), script, tmp_path)
    assert answer["problems"] == []
    for (setting, axes, mode, transposed), said in zip(asked, answer["said"], strict=True):
        assert mistakes(setting, axes, said, mode, transposed) == [], (setting, axes, mode, transposed)


@pytest.mark.slow
def test_each_axis_has_its_own_sizes(tmp_path: Path) -> None:
    """By the sliders, by an address that is read back, and at first."""
    conv = Conv((5, 3), (3, 2), stride=(2, 1), padding=((1, 0), (2, 1)), dilation=(1, 2))
    script = (
        DRIVE
        + """
    set([5, 3, 2, 1, 0, 1], 2);
    document.querySelector('input[name="axis"][value="2"]').checked = true;
    changed();
    [["H", 3], ["K", 2], ["s", 1], ["p", 2], ["q", 1], ["d", 2]].forEach(([name, value]) => {
      document.querySelector("#size-" + name).value = value;
      changed();
    });
    answer.second = noted();
    answer.address = location.hash;
    answer.legend = text("#alike");
    document.querySelector('input[name="axis"][value="0"]').checked = true;
    changed();
    answer.first = noted();
    set([4, 1, 1, 0, 0, 1], 1);
    location.hash = answer.address;
    dispatchEvent(new HashChangeEvent("hashchange"));
    answer.again = noted();
    location.hash = "#H=2x3&K=2&s=2&p=0&q=0&d=1&e=1x0&axes=2&transposed=1";
    dispatchEvent(new HashChangeEvent("hashchange"));
    answer.transposed = noted();
    answer.hidden = ["#borders", "#line-r", "#slider-e"].map((each) => document.querySelector(each).hidden);
    location.hash = "#H=2&K=1&s=2&p=2&q=2&d=1&e=0&axes=1&transposed=1";
    dispatchEvent(new HashChangeEvent("hashchange"));
    answer.cropped = text("#impossible");
    location.hash = "#H=2&K=1&s=2&p=0&q=0&d=1&e=2&axes=1&transposed=1";
    dispatchEvent(new HashChangeEvent("hashchange"));
    answer.extra = text("#impossible");
    """
    )
    answer = ask(explorer(), script, tmp_path)
    assert answer["problems"] == []
    assert sorted(answer["address"][1:].split("&")) == sorted(str(address(conv))[1:].split("&"))
    assert [wrong(conv, answer[key], axis) for key, axis in (("second", 1), ("first", 0), ("again", 0))] == [[], [], []]
    assert answer["legend"].endswith("Sizes and formulas are those of axis 2.")
    turned = Conv((2, 3), 2, stride=2, output_padding=(1, 0), transposed=True)
    assert wrong(turned, answer["transposed"]) == []
    assert answer["hidden"] == [True, True, False]
    assert answer["cropped"].startswith("No such transposed convolution: padding (2, 2)")
    assert answer["extra"].startswith("No such transposed convolution: output padding 2")
    begun = ask(explorer(start_of(conv)), f"{DRIVE} answer.said = noted();", tmp_path)
    assert wrong(conv, begun["said"]) == []
    assert address(Conv(13, 3)) is None
    assert address(turned) == "#H=2x3&K=2&s=2&p=0&q=0&d=1&e=1x0&axes=2&transposed=1"


def shown(setting: tuple[int, ...], axes: int, mode: str) -> dict[str, str]:
    """What each cell of the padded x says, with NumPy's padding: not the table of modes."""
    conv = conv_of(setting, axes, mode)
    (p, q), H = conv.padding[0], conv.input[0]
    line = np.pad(np.arange(1, H + 1), (p, q), mode=MODES[mode].numpy)  # type: ignore[call-overload]
    other = {"constant": "v"}.get(mode, "0")
    cells = {}
    for index in itertools.product(range(H + p + q), repeat=axes):
        rows = [int(line[i]) for i in index]
        told = other if 0 in rows else "x" + "".join(map(str, rows))
        cells[",".join(str(i - p) for i in index)] = told
    return cells


def test_borders_are_chosen_and_remembered(tmp_path: Path) -> None:
    script = (
        DRIVE
        + """
    set([4, 3, 1, 2, 2, 1], 1, "reflect");
    document.querySelector('[data-array="dx"] [data-index="1"]').click();
    answer.fed = [...document.querySelectorAll(".fed")].map((cell) => cell.dataset.index);
    answer.address = location.hash;
    answer.letters = text('[data-formula="dx"] [data-letters]');
    answer.legend = text("#legend-border");
    set([4, 3, 1, 4, 4, 1], 1, "reflect");
    answer.alert = text("#impossible");
    location.hash = "#H=5&K=3&s=1&p=1&q=1&d=1&axes=1&mode=symmetric";
    dispatchEvent(new HashChangeEvent("hashchange"));
    answer.mode = document.querySelector("#mode").value;
    """
    )
    answer = ask(explorer(lang="fr"), script, tmp_path)
    assert answer["problems"] == []
    assert answer["fed"] == ["-1", "1", "5"]
    assert answer["address"].endswith("&mode=reflect")
    assert answer["letters"].startswith("foldp,q,reflect(")
    assert answer["legend"] == words("fr").text("legend_border")
    assert "au plus 3 lignes de chaque côté, et non (4, 4)" in answer["alert"]
    assert answer["mode"] == "symmetric"
    with pytest.raises(ValueError, match="reflect padding of an input of 3 is at most H - 1 = 2"):
        explorer({"axes": 1, "H": 3, "p": 3, "q": 0, "K": 1}, padding_mode="reflect")


MUTANTS = {
    "stride": ("(v.s * v.o)", "v.o"),
    "dilation": ("(v.d * v.k)", "v.k"),
    "padding": (" - v.p)", " - v.q)"),
    "extent": ("m: (v) => v.H", "m: (v) => v.H - 1"),
    "border": ("0 <= v.t && v.t < v.H ? v.t : null", "0 <= v.t && v.t <= v.H ? v.t : null"),
    "output": ("/ v.s) + 1)", "/ v.s))"),
    "pairing": ("t[letter(array)] === index[axis]", "t[letter(array)] <= index[axis]"),
    "taps": ("before) => here.map((t) => [...before, t])", "before) => here.slice(0, 1).map((t) => [...before, t])"),
    "amounts": ("${n(((v.d*(v.K-1))-v.p))}", "${n(v.p)}"),
}


def test_mutants_of_the_page_are_caught(tmp_path: Path) -> None:
    setting = (7, 3, 2, 1, 2, 2)
    pages = {"right": explorer()}
    for name, (right, wrong) in MUTANTS.items():
        assert right in pages["right"], name
        pages[name] = pages["right"].replace(right, wrong, 1)
    answers = ask_each(pages, f"{DRIVE} answer.said = [visit({list(setting)}, 1)];", tmp_path)

    def caught(name: str) -> bool:
        answer = answers[name]
        return bool(answer["problems"]) or any(mistakes(setting, 1, said) for said in answer["said"])

    assert {name: caught(name) for name in pages} == {"right": False} | dict.fromkeys(MUTANTS, True)


def test_pointer_keys_and_messages(tmp_path: Path) -> None:
    script = (
        DRIVE
        + """
    set([5, 3, 2, 1, 1, 1], 2);
    const cell = (array, index) => document.querySelector(`[data-array="${array}"] [data-index="${index}"]`);
    const told = (cell) => cell.closest(".board").dataset.array + ":" + cell.dataset.index;
    const chosen = () => [...document.querySelectorAll(".chosen")].map(told);
    const pressed = (key) => new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
    const press = (name) => { document.activeElement.dispatchEvent(pressed(name)); return chosen()[0]; };
    cell("dx", "0,0").click();
    answer.clicked = chosen();
    cell("dw", "2,1").dispatchEvent(new PointerEvent("pointerover", { bubbles: true, pointerType: "mouse" }));
    answer.hovered = chosen();
    cell("dw", "2,1").closest(".cells").dispatchEvent(new PointerEvent("pointerleave", { pointerType: "mouse" }));
    answer.left = chosen();
    answer.keys = ["ArrowRight", "ArrowDown", "ArrowUp", "ArrowUp", "End", "ArrowRight", "Home"].map(press);
    const stops = (array) => document.querySelectorAll(`[data-array="${array}"] button[tabindex="0"]`).length;
    answer.stops = Object.fromEntries(
      [...document.querySelectorAll(".board")].map((each) => [each.dataset.array, stops(each.dataset.array)]));
    cell("x", "0,0").focus();
    answer.given = [chosen()[0], ...["ArrowLeft", "ArrowDown", "End", "ArrowRight"].map(press)];
    const named = (each) => each.getAttribute("aria-label") || each.closest("label");
    answer.named = [...document.querySelectorAll("button.cell, input")].every(named);
    set([2, 4, 1, 0, 0, 2], 1);
    answer.alert = document.querySelector("#impossible").hidden ? "" : text("#impossible");
    set([9, 4, 1, 0, 0, 2], 1);
    answer.calm = document.querySelector("#impossible").hidden;
    document.querySelector("#tie").checked = true;
    document.querySelector("#size-p").value = 3;
    document.querySelector("form").dispatchEvent(new Event("input", { bubbles: true }));
    answer.tied = text("#value-q");
    location.hash = "#H=11&K=2&s=4&p=0&q=1&d=3&axes=1";
    dispatchEvent(new HashChangeEvent("hashchange"));
    answer.recalled = ["H", "K", "s", "p", "q", "d"].map((name) => text("#value-" + name)).join(" ");
    """
    )
    answer = ask(explorer(), script, tmp_path)
    assert answer["problems"] == []
    assert (answer["clicked"], answer["hovered"], answer["left"]) == (["dx:0,0"], ["dw:2,1"], ["dx:0,0"])
    assert answer["keys"] == ["dx:0,1", "dx:1,1", "dx:0,1", "dx:0,1", "dx:4,4", "dx:4,4", "dx:0,0"]
    assert answer["stops"] == dict.fromkeys(["x", "w", "y", "dx", "dw", "dy", "b", "db"], 1)
    assert answer["given"] == ["x:0,0", "x:0,0", "x:1,0", "x:4,4", "x:4,4"]  # by Tab and keys, as what is computed
    assert answer["named"]
    assert answer["alert"] == (
        "No such convolution: kernel 4 with dilation 2 spans 7, but input 2 with padding (0, 0) has only 2."
    )
    assert answer["calm"]
    assert answer["tied"] == "3"
    assert answer["recalled"] == "11 2 4 0 1 3"


def test_no_page_scrolls_sideways(tmp_path: Path) -> None:
    largest = {axes: {name: most[axes - 1] for name, (_, *most) in LIMITS.items()} for axes in (1, 2, 3)}
    pages = {"start": explorer(), "fr": explorer(lang="fr")}
    pages |= {f"large{axes}": explorer(sizes | {"axes": axes, "s": 1, "d": 1}) for axes, sizes in largest.items()}
    pages["transposed"] = explorer(largest[2] | {"axes": 2, "p": 0, "q": 0}, transposed=True)
    pages["broken"] = pages["start"].replace("</header>", '<div style="width:800px">too wide</div></header>')
    found = too_wide(pages, [390, 1280], tmp_path)
    assert [each.partition(":")[0] for each in found] == ["broken@390"]


def test_javascript_rounds_as_python(tmp_path: Path) -> None:
    a, b = Name("a"), Name("b")
    expressions = [a // b, a % b, (a - 3 * b) % (b + 1), -a // b - (a % b), 2 * (a // b) * b + a]
    values = [{"a": i, "b": j} for i in range(-7, 8, 2) for j in (1, 2, 3)]
    functions = ", ".join(f"(v) => {javascript(e)}" for e in expressions)
    script = f"answer.values = [{functions}].map((f) => {json.dumps(values)}.map(f));"
    answer = ask("<!DOCTYPE html><html><head></head><body></body></html>", script, tmp_path)
    assert answer["values"] == [[e.evaluate(v) for v in values] for e in expressions]


def test_page_stands_alone() -> None:
    for lang in ("en", "fr"):
        page = explorer(lang=lang)
        assert f'<html lang="{lang}">' in page
        assert not re.search(r"https?:|src=|@import|url\(|fetch\(|XMLHttp", page)
        assert explorer(lang=lang) == page
    assert words("fr").text("explorer_title") in explorer(lang="fr")


COMMAND_MISTAKES = {
    "ending": (["-o", "{}/page.txt"], "the explorer is a page; its file ends in .html"),
    "folder": (["-o", "{}/none/page.html"], "cannot write"),
    "limit": (
        ["-o", "{}/page.html", "--input", "40"],
        "input size 40: the explorer's slider with 2 axes goes from 1 to 8",
    ),
    "padding": (
        ["-o", "{}/page.html", "--padding", "1,2,3"],
        "--padding 1,2,3: one number, before,after, or valid, same",
    ),
    "word": (["-o", "{}/page.html", "--padding", "wide"], "--padding wide: one number, before,after, or valid, same"),
    "same": (
        ["-o", "{}/page.html", "--padding", "same"],
        "padding 'same' with stride (2, 2): frameworks disagree on it",
    ),
    "none": (
        ["-o", "{}/page.html", "--kernel", "4", "--dilation", "3"],
        "kernel 4 with dilation 3 spans 10, but input 5",
    ),
    "lang": (["-o", "{}/page.html", "--lang", "nl"], "'nl' is not one of 'de', 'en', 'fr'"),
}


@pytest.mark.parametrize("case", COMMAND_MISTAKES)
def test_command_mistakes(case: str, tmp_path: Path) -> None:
    arguments, message = COMMAND_MISTAKES[case]
    result = CliRunner().invoke(command, [a.format(tmp_path) for a in arguments])
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert list(tmp_path.iterdir()) == []


def test_command_writes_the_page(tmp_path: Path) -> None:
    target = tmp_path / "explorer.html"
    arguments = ["-o", str(target), "--input", "7", "--padding", "1,0", "--stride", "3", "--axes", "1", "--lang", "fr"]
    assert CliRunner().invoke(command, arguments).exit_code == 0
    start = {"H": 7, "s": 3, "p": 1, "q": 0, "axes": 1}
    assert target.read_text(encoding="utf-8") == explorer(start, "fr")
    assert (
        CliRunner()
        .invoke(command, ["-o", str(target), "--kernel", "4", "--stride", "1", "--padding", "causal"])
        .exit_code
        == 0
    )
    assert target.read_text(encoding="utf-8") == explorer({"K": 4, "s": 1, "p": 3, "q": 0})
    assert set(explorer_module.START) == {*LIMITS, "axes"}


def test_what_an_entry_feeds_numbers_and_play(tmp_path: Path) -> None:
    """Pointed at, an entry of x, w or dy lights the results that it is a factor of; numbers are what the terms come to."""
    script = (
        DRIVE
        + """
    set([5, 3, 2, 1, 1, 1], 2);
    const cell = (array, index) => document.querySelector(`[data-array="${array}"] [data-index="${index}"]`);
    const over = (array, index) => {
      cell(array, index).dispatchEvent(new PointerEvent("pointerover", { bubbles: true, pointerType: "mouse" }));
      const of = (each) => each.closest(".board").dataset.array + ":" + each.dataset.index;
      const lit = [...document.querySelectorAll(".lit")].map(of);
      return { lit: [...new Set(lit)], said: text("#expression") };
    };
    answer.fed = Object.fromEntries([["x", "1,2"], ["w", "0,0"], ["dy", "2,0"], ["b", "0,0"]]
      .map(([a, i]) => [a + ":" + i, over(a, i)]));
    document.querySelector("#numbers").checked = true;
    document.querySelector("form").dispatchEvent(new Event("input", { bubbles: true }));
    const number = (each) => Number(each.querySelector(".label").textContent.replace("\\u2212", "-"));
    const cells = (array) => [...document.querySelectorAll(`[data-array="${array}"] .cell`)];
    answer.numbers = Object.fromEntries(["x", "w", "dy", "y", "dx", "dw", "db"].map((array) =>
      [array, cells(array).map((each) => [each.dataset.index, number(each)])]));
    cell("dx", "0,0").click();
    answer.whole = text("#expression");
    document.querySelector("#play").click();
    answer.playing = document.querySelector("#play").getAttribute("aria-pressed");
    document.querySelector("#play").click();
    answer.still = document.querySelector("#play").getAttribute("aria-pressed");
    """
    )
    answer = ask(explorer(), script, tmp_path)
    assert answer["problems"] == []
    assert (answer["playing"], answer["still"]) == ("true", "false")
    conv = conv_of((5, 3, 2, 1, 1, 1), 2)
    right = expected(conv)
    for key, said in answer["fed"].items():
        array, _, index = key.partition(":")
        results = "dx" if array == "dy" else "y"
        goals = {goal for goal, pairs in right.items() if goal.startswith(f"{results}:")
                 for pair in pairs if (array, index) in pair or array == "b"}  # fmt: skip
        assert goals
        assert {each for each in said["lit"] if each.startswith(f"{results}:")} == goals
        assert " feeds " in said["said"]
    values = {(array, index): number for array, cells in answer["numbers"].items() for index, number in cells}
    for key, pairs in right.items():
        array, _, index = key.partition(":")
        total = sum(math.prod(values[factor] for factor in pair) for pair in pairs)
        assert values[array, index] == total + (array == "y"), key
    assert answer["whole"].endswith(f" = {values['dx', '0,0']}".replace("-", "−"))
    assert len(set(values.values())) > 8
