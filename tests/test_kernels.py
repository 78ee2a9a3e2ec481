"""Emitted kernels: right on every kind of layer, and caught when they are not."""

from __future__ import annotations

import ast
import doctest
import itertools
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from symconv import Conv
from symconv.formulas import formula
from symconv.formulas.standard import STANDARD
from symconv.formulas.values import evaluate
from symconv.kernels import SCHEDULES, Kernel, Kind, Schedule, emit, helpers
from symconv.kernels.behaviour import Functions
from symconv.kernels.checks import CHECKS, TOLERANCE, check, evidence, relative_error
from symconv.kernels.formula_source import formula_source
from symconv.kernels.nest import nest
from symconv.kernels.peers import pytorch_gradients
from symconv.kernels.schedules import MAX_UNROLLED_TERMS
from symconv.kernels.sizes import coefficient
from symconv.kernels.source import WIDTH, render
from symconv.layer import relation
from symconv.layer.differences import exact_gradients, random_integers
from symconv.project.cases import project_plan
from tests.cases import SMALL, convs
from tests.mutants import mutants

ANY_SIZE = [name for name, schedule in SCHEDULES.items() if schedule.any_size]
KINDS = [Kind(ndim, transposed) for transposed in (False, True) for ndim in (1, 2, 3)]
CS231N = Conv(input=(5, 5), kernel=(3, 3), batch=4, in_channels=3, out_channels=2, padding=1)

_emitted: dict[Any, Kernel] = {}


def kernel_for(schedule: str, conv: Conv | Kind) -> Kernel:
    kind = Kind(conv.ndim, conv.transposed)
    key = (schedule, kind if SCHEDULES[schedule].any_size else conv)
    if key not in _emitted:
        _emitted[key] = emit(schedule, kind if SCHEDULES[schedule].any_size else conv)
    return _emitted[key]


def kind_id(kind: Kind) -> str:
    return f"{kind.ndim}d{'-transposed' * kind.transposed}"


def conv_id(conv: Conv) -> str:
    return conv.slug


# right ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("conv", SMALL, ids=conv_id)
@pytest.mark.parametrize("schedule", ANY_SIZE)
def test_equals_derivative(schedule: str, conv: Conv) -> None:
    assert check(kernel_for(schedule, conv), [conv], ["symbols", "integers"]).failures == ()


@pytest.mark.slow
@pytest.mark.parametrize("conv", [conv for conv in SMALL if conv.terms < MAX_UNROLLED_TERMS], ids=conv_id)
def test_unrolled_equals_derivative(conv: Conv) -> None:
    several = Conv(**{**conv.to_dict(), "batch": 3})
    assert check(kernel_for("unrolled", conv), [conv, several], ["symbols", "integers", "manners"]).failures == ()


@settings(max_examples=60)
@given(convs(max_terms=1_500))
def test_taps_equal_derivative_on_random_layers(conv: Conv) -> None:
    assert check(kernel_for("taps", conv), [conv], ["symbols"]).failures == ()


@settings(max_examples=15)
@given(convs(max_terms=400))
def test_loops_and_formulas_equal_derivative_on_random_layers(conv: Conv) -> None:
    for schedule in ("loops", "formulas"):
        assert check(kernel_for(schedule, conv), [conv], ["symbols"]).failures == ()


@settings(max_examples=40)
@given(convs())
def test_taps_equal_pytorch_on_random_layers(conv: Conv) -> None:
    pytest.importorskip("torch", reason="PyTorch is the outside reference; it is not installed")
    values = random_integers(conv, seed=8)
    expected = pytorch_gradients(conv, values)
    for name, array in Functions(kernel_for("taps", conv), conv).outputs(values).items():
        assert np.array_equal(array, expected[name]), name


@pytest.mark.parametrize("schedule", ANY_SIZE)
def test_course_layer_by_complex_step(schedule: str) -> None:
    found = check(kernel_for(schedule, CS231N), [CS231N], ["complex step"])
    assert found.ok
    assert found.findings[0].entries == 4 * 3 * 5 * 5 + 2 * 3 * 3 * 3 + 2


def test_course_layer_by_central_differences() -> None:
    """The check that the course itself makes; a published hand derivation reports 7.5e-9, 1.4e-10 and 1.1e-10."""
    rng = np.random.default_rng(231)
    x, w, b, dout = (rng.standard_normal(CS231N.shapes[name]) for name in ("x", "w", "b", "dy"))
    module, course = kernel_for("taps", CS231N).load(), {"stride": 1, "pad": 1}
    _, cache = module.conv_forward(x, w, b, course)
    gradients = module.conv_backward(dout, cache)
    for position, (variable, gradient) in enumerate(zip((x, w, b), gradients)):
        numeric = np.zeros_like(variable)
        for index in np.ndindex(*variable.shape):
            sides = []
            for step in (1e-3, -1e-3):  # the layer is linear in each array: a wide step loses nothing
                moved = [x, w, b]
                moved[position] = variable.copy()
                moved[position][index] += step
                sides.append((module.conv_forward(*moved, course)[0] * dout).sum())
            numeric[index] = (sides[0] - sides[1]) / 2e-3
        assert relative_error(gradient, numeric) < TOLERANCE


@pytest.mark.parametrize("kind", KINDS, ids=kind_id)
@pytest.mark.parametrize("schedule", ANY_SIZE)
def test_manners(schedule: str, kind: Kind) -> None:
    layers = next(order.checked_on for order in project_plan().kernels if order.layer == kind)
    assert check(kernel_for(schedule, kind), layers[:2], ["manners"]).failures == ()


# schedules are data --------------------------------------------------------------------------------------------------

OTHERS = [
    Schedule("places", "", "", loops=("o",), slices="k", product="einsum"),
    Schedule("images", "", "", loops=("n", "k"), slices="o", product="matmul"),
    Schedule("taps-einsum", "", "", loops=("k",), slices="o", product="einsum"),
    Schedule("groups", "", "", loops=("g", "k"), slices="o", product="matmul"),
    Schedule("taps-first", "", "", loops=("k", "o", "ngfc")),
    Schedule("filters", "", "", loops=("f", "k"), slices="o", product="einsum"),
]


@pytest.mark.slow
@pytest.mark.parametrize("schedule", OTHERS, ids=lambda schedule: schedule.name)
def test_other_schedules_need_a_row_only(schedule: Schedule) -> None:
    for conv in SMALL:
        assert check(emit(schedule, Kind(conv.ndim, conv.transposed)), [conv], ["symbols"]).failures == ()


def test_loops_read_like_the_mathematics() -> None:
    text = render(nest(SCHEDULES["loops"], Kind(2), ["y"]))
    assert "m0 = s0 * o0 + d0 * k0 - p0" in text
    assert "y[n, g, f, o0, o1] += w[g, f, c, k0, k1] * x[n, g, c, m0, m1]" in text


def test_taps_loop_over_taps_only() -> None:
    functions = [
        each for each in ast.parse(kernel_for("taps", Kind(3)).source).body if isinstance(each, ast.FunctionDef)
    ]
    used = [each for each in functions if each.name not in ("_layer", "_folded")]  # over axes
    loops = [node for each in used for node in ast.walk(each) if isinstance(node, ast.For)]
    targets = {ast.unparse(node.target) for node in loops}
    assert targets == {"(k0, k1, k2)"}


def test_formulas_are_read_from_the_tree() -> None:
    labels = {"x": "ngc", "dx": "ngc", "w": "gfc", "dw": "gfc", "y": "ngf", "dy": "ngf", "db": "gf"}
    for (transposed, _), standard in STANDARD.items():
        if not transposed:
            words = formula_source(standard, labels)
            assert ast.unparse(words) in ast.unparse(ast.parse(kernel_for("formulas", Kind(2)).source))


def test_a_wrong_formula_makes_a_wrong_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    unflipped = str(STANDARD[False, "dx"]).replace("flip(w)", "w")
    monkeypatch.setitem(STANDARD, (False, "dx"), formula(unflipped))
    assert not check(emit("formulas", Kind(1)), [Conv(input=4, kernel=2)], ["symbols"]).ok


def test_pointwise_formula_has_no_words() -> None:
    with pytest.raises(ValueError, match="no NumPy source"):
        formula_source(formula("dx[m] = sum(dy[o] * w[m + p - s*o], o)"), {"dx": "ngc"})


# words of the closed formulas ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), list(itertools.product((-6, -5, -2, 0, 3), repeat=2)))
def test_pad_of_negative_amounts_crops(before: int, after: int) -> None:
    a: NDArray[Any] = np.arange(1, 6).reshape(1, 1, 1, 5)
    wide = np.pad(a, [(0, 0)] * 3 + [(10, 10)])
    length = max(0, before + 5 + after)
    assert np.array_equal(helpers.pad(a, before, after), wide[..., 10 - before : 10 - before + length])
    assert np.array_equal(helpers.crop(a, -before, -after), helpers.pad(a, before, after))


def test_words_read_a_formula_as_symbols_do() -> None:
    conv = Conv(input=(5, 4), kernel=(2, 3), stride=(2, 1), padding=(1, 2), in_channels=2, out_channels=3)
    values = random_integers(conv, seed=3)
    x, dy = values["x"][:, None], values["dy"][:, None]
    text = "dw = correlate(crop(pad(x, p + 1, q), 1, r), dilate(dy, s))"
    words = formula_source(formula(text), {"x": "ngc", "dy": "ngf", "dw": "gfc"})
    sizes = {name: np.array([conv.sizes(axis)[name] for axis in range(2)]) for name in "pqrs"}
    names = {name: getattr(helpers, name) for name in ("correlate", "crop", "pad", "dilate")}
    found = eval(ast.unparse(words), {**names, **sizes, "x": x, "dy": dy})
    assert np.array_equal(found[0], evaluate(conv, formula(text)).substitute(values))


# sizes ---------------------------------------------------------------------------------------------------------------


def test_transposed_size_undoes_the_remainder() -> None:
    sizes = {"O": 5, "K": 3, "s": 2, "d": 4, "p": 1, "q": 3, "r": 1}
    sizes["H"] = relation.PADDED_SIZE.evaluate(sizes)
    assert relation.REMAINDER.evaluate(sizes) == 1
    assert relation.OUTPUT_SIZE.evaluate(sizes) == 5


def test_what_is_no_multiple_has_no_coefficient() -> None:
    with pytest.raises(ValueError, match="not a multiple of o"):
        coefficient(relation.INPUT_INDEX % 2, "o")


# files ---------------------------------------------------------------------------------------------------------------


def all_kernels() -> list[Kernel]:
    return [emit(order.schedule, order.layer, evidence(order.checked_on)) for order in project_plan().kernels]


def test_source_is_the_same_every_time() -> None:
    assert [k.source for k in all_kernels()] == [k.source for k in all_kernels()]


def test_files_stand_alone_and_fit() -> None:
    for kernel in all_kernels():
        tree = ast.parse(kernel.source)
        imports = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
        assert imports == ["import numpy as np"], kernel.name
        assert max(map(len, kernel.source.splitlines())) <= WIDTH, kernel.name
        assert not any(line != line.rstrip() for line in kernel.source.splitlines()), kernel.name
        header = " ".join((ast.get_docstring(tree) or "").split())
        for told in (" for ", "Checked before it was written", "no proof", f"m = {relation.INPUT_INDEX}"):
            assert told in header, kernel.name


def test_examples_in_files_run() -> None:
    for kernel in all_kernels():
        failures, tried = doctest.testmod(kernel.load())
        assert (failures, tried >= 2) == (0, True), kernel.name


def test_unrolled_parts_are_computed_once() -> None:
    conv = Conv(input=(4, 4), kernel=(2, 2))
    kernel = emit("unrolled", conv)
    products = re.findall(r"\b(?:dy|w|x)_\d+ \* (?:dy|w|x)_\d+", kernel.source)
    assert len(products) == len(set(products)) == 3 * 36


LARGE = Conv(input=400, kernel=12)


@pytest.mark.parametrize(
    ("schedule", "layer", "told"),
    [
        ("quick", Kind(2), f"no schedule 'quick'; there are {', '.join(SCHEDULES)}"),
        ("unrolled", Kind(2), "give its sizes"),
        ("unrolled", LARGE, f"has {LARGE.terms:,} terms; unrolled code is written for at most {MAX_UNROLLED_TERMS}"),
    ],
    ids=["unknown", "no-size", "too-large"],
)
def test_refusals(schedule: str, layer: Kind | Conv, told: str) -> None:
    with pytest.raises(ValueError) as error:
        emit(schedule, layer)
    assert told in str(error.value)


def test_results_show_themselves() -> None:
    kernel = kernel_for("taps", Kind(1))
    found = check(kernel, [Conv(input=4, kernel=2)], ["symbols"])
    assert repr(kernel).startswith("<kernel conv1d_taps, ")
    assert repr(found) == "<conv1d_taps: ok, 1 checks>"
    assert found.to_dict()["checks"] == {"symbols": {"entries": 10, "layers": ["in4-k2"]}}
    assert "in4-k2" in found.scope


# caught --------------------------------------------------------------------------------------------------------------

#: kind of mistake -> (schedule, text of the source, what it becomes), on a 2-D convolution
MISTAKES = {
    "stride-forgotten": ("loops", "s0 * o0 + d0 * k0 - p0", "o0 + d0 * k0 - p0"),
    "dilation-forgotten": ("loops", "s1 * o1 + d1 * k1 - p1", "s1 * o1 + k1 - p1"),
    "stride-and-dilation-swapped": ("loops", "s0 * o0 + d0 * k0 - p0", "d0 * o0 + s0 * k0 - p0"),
    "pad-off-by-one": ("loops", "d0 * k0 - p0", "d0 * k0 - p0 + 1"),
    "pad-added": ("taps", "d1 * k1 - p1", "d1 * k1 + p1"),
    "axes-swapped": ("taps", "d0 * k0 - p0, s0", "d0 * k0 - p0, s1"),
    "edge-kept": ("loops", "0 <= m0 < H0", "0 <= m0 < H0 - 1"),
    "edge-missed": ("loops", "0 <= m1 < H1", "1 <= m1 < H1"),
    "reach-one-short": ("taps", "// step + 1))", "// step))"),
    "flip-where-none-belongs": ("taps", "w[..., k0, k1]", "w[..., K0 - 1 - k0, K1 - 1 - k1]"),
    "flip-forgotten": ("formulas", "flip(w)", "w"),
    "remainder-dropped": ("formulas", "d * (K - 1) - q + r", "d * (K - 1) - q"),
    "crop-dropped": ("formulas", "pad(x, p, q - r)", "pad(x, p, q)"),
    "zeros-forgotten": ("formulas", "pad(dilate(dy, s)", "pad(dilate(dy, 1)"),
    "groups-sliced-wrongly": ("taps", "x.reshape(N, G, C, H0, H1)", "x.reshape(N, C, G, H0, H1).swapaxes(1, 2)"),
    "filters-sliced-wrongly": ("loops", "w.reshape(G, F, C, K0, K1)", "w.reshape(F, G, C, K0, K1).swapaxes(0, 1)"),
    "images-not-summed": ("taps", ".sum(axis=0, dtype=dw.dtype)", "[0]"),
    "bias-forgotten": ("taps", "y + b.reshape(-1, 1, 1)", "y"),
    "bias-gradient-of-one-image": ("taps", "dy.sum(axis=(0, 2, 3), dtype=dy.dtype)", "dy[0].sum(axis=(1, 2), dtype=dy.dtype)"),
    "bias-gradient-averaged": ("loops", "dy.sum(axis=(0, 2, 3), dtype=dy.dtype)", "dy.sum(axis=(2, 3)).mean(axis=0)"),
    "dw-overwritten": ("loops", "dw[g, f, c, k0, k1] +=", "dw[g, f, c, k0, k1] ="),
    "dx-doubled": ("loops", "dy[n, g, f, o0, o1] * w[", "2 * dy[n, g, f, o0, o1] * w["),
}  # fmt: skip

LAYER = next(order.checked_on for order in project_plan().kernels if order.layer == Kind(2))[:2]


def broken(kernel: Kernel, right: str, wrong: str) -> Kernel:
    assert right in kernel.source
    return replace(kernel, source=kernel.source.replace(right, wrong))


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_caught(mistake: str) -> None:
    schedule, right, wrong = MISTAKES[mistake]
    kernel = broken(kernel_for(schedule, Kind(2)), right, wrong)
    for name in ("symbols", "integers"):  # each by itself
        assert not check(kernel, LAYER, [name]).ok, name


#: a mistake in how arguments are treated -> text of the source, what it becomes
RUDE = {
    "input-written-to": (
        "    dtype = np.result_type",
        "    np.asarray(arrays[0])[...] = 0\n    dtype = np.result_type",
    ),
    "always-float": ("a.astype(dtype, copy=False)", "a.astype(float)"),
    "conjugated": ("w_tap @ x_tap", "np.conj(w_tap) @ x_tap"),
    "integers-widened": (", dtype=dy.dtype)", ")"),
    "images-needed": ("int(np.prod(a.shape[lead:]))", "-1"),
    "bias-required": ("y if b is None else y + b.reshape(-1, 1, 1)", "y + b.reshape(-1, 1, 1)"),
    "wrong-dy-accepted": ("if dy.shape != (N, G * F, O0, O1)", "if False"),
    "wrong-bias-accepted": ("if b is not None and b.shape != (w.shape[0],)", "if False"),
    "channels-unchecked": ("x.shape[1] != w.shape[1] * G", "False"),
    "error-without-shapes": ("b {b.shape} must", "b must"),
    "default-stride": ("stride=1, padding=0", "stride=2, padding=0"),
    "default-padding": ("padding=0, dilation=1", "padding=1, dilation=1"),
    "same-on-the-other-side": (
        "(d * (K - 1) // 2, (d * (K - 1) + 1) // 2)",
        "((d * (K - 1) + 1) // 2, d * (K - 1) // 2)",
    ),
    "pad-key-ignored": ('"padding" if name == "pad"', '"dilation" if name == "pad"'),
    "no-output-accepted": ("if O < 1 or", "if O < -99999 or"),
    "one-output-refused": ("if O < 1 or", "if O < 2 or"),
}


@pytest.mark.parametrize("mistake", RUDE)
def test_bad_manners_are_caught(mistake: str) -> None:
    assert not check(broken(kernel_for("taps", Kind(2)), *RUDE[mistake]), LAYER, ["manners"]).ok


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["conv2d", "conv_transpose1d", "conv2d_taps", "conv_transpose1d_loops", "conv2d_formulas", "conv_transpose3d_taps"],
)
def test_every_changed_operator_is_caught(name: str) -> None:
    order = next(order for order in project_plan().kernels if emit(order.schedule, order.layer).name == name)
    kernel = emit(order.schedule, order.layer)
    layers = [conv for conv in order.checked_on if conv.batch < 4]
    if not kernel.kind.transposed:
        layers += [Conv(input=(4, 3), kernel=(2, 3), stride=(1, 2), padding=pads, padding_mode=mode)
                   for mode, pads in (("reflect", ((3, 1), (0, 2))), ("symmetric", ((0, 0), (3, 1))))]  # fmt: skip
        layers.append(Conv(input=(4, 3), kernel=2, padding=((2, 1), (0, 3)), padding_mode="constant", padding_value=2))
    functions = {
        kernel.function,
        f"{kernel.function}_backward",
        "_reach",
        "_columns",
        "_gather",
        "_padded",
        "_folded",
        "_zero_padded",
        "_inside",
        "_layer",
        "_transposed_layer",
    }
    points = [(conv, random_integers(conv, seed=9)) for conv in layers]
    truth = [exact_gradients(conv, at["x"], at["w"], at["b"] if conv.bias else None, at["dy"]) for conv, at in points]
    tried, survived = 0, []
    for where, mutant in mutants(kernel, functions):
        place = line_of(kernel, where).strip()
        if place.startswith("raise ") or ("layer:" in where and not place.startswith(("O = ", "H = "))):
            continue  # what refusals say, and when: test_bad_manners_are_caught
        tried += 1
        if all(agrees(mutant, conv, at, right) for (conv, at), right in zip(points, truth)):
            survived.append(where)
    assert tried > 35
    # any negative number stands for the size left over, and that for the product: changes that change nothing; nor does it
    # matter to a result how many columns are gathered at a time, or what a constant is that is nowhere read
    for where in survived:
        place = line_of(kernel, where)
        if place.strip().startswith("value = ") or "_taps(rows, axes)[0]" in place:  # of one tap
            continue
        assert "reshape" in place or "= _blocks(" in place, where
        assert where.split(" ", 1)[1] in ("1", "G * F", "G * C"), where


def agrees(kernel: Kernel, conv: Conv, at: dict[str, Any], truth: dict[str, Any]) -> bool:
    """All at once, and a row of outputs at a time."""
    functions = Functions(kernel, conv)
    for workspace in ({}, {"workspace": 1}) if "workspace=" in kernel.source else ({},):
        functions.parameters |= workspace
        try:
            outputs = functions.outputs(at)
        except Exception:  # a mutant may raise anything
            return False
        if not all(np.array_equal(outputs[name], right) for name, right in truth.items()):
            return False
    return True


def line_of(kernel: Kernel, where: str) -> str:
    return kernel.source.splitlines()[int(where.split(":")[1].split()[0]) - 1]


def test_a_kernel_that_raises_has_failed() -> None:
    kernel = broken(kernel_for("taps", Kind(1)), "    x, w, b = _arrays(x, w, b)", "    raise RuntimeError(1 / 3)")
    found = check(kernel, [Conv(input=4, kernel=2)], ["symbols"])
    assert [finding.failure for finding in found.failures] == ["RuntimeError: 0.3333333333333333"]


def test_no_check_is_no_pass() -> None:
    assert not check(kernel_for("taps", Kind(1)), [], ["symbols"]).ok


def test_unknown_check() -> None:
    with pytest.raises(ValueError, match="no check 'feeling'; there are symbols"):
        check(kernel_for("taps", Kind(1)), [], ["feeling"])


@pytest.mark.parametrize("name", [name for name in CHECKS if name != "PyTorch"])
def test_each_check_catches_a_wrong_sign(name: str) -> None:
    kernel = broken(kernel_for("taps", Kind(1)), "dx[..., m] +=", "dx[..., m] -=")
    assert not check(kernel, [Conv(input=5, kernel=2, padding=1)], [name]).ok


def test_pytorch_check_catches_a_wrong_sign() -> None:
    pytest.importorskip("torch", reason="PyTorch is the outside reference; it is not installed")
    kernel = broken(kernel_for("taps", Kind(1)), "dx[..., m] +=", "dx[..., m] -=")
    assert not check(kernel, [Conv(input=5, kernel=2, padding=1)], ["PyTorch"]).ok


def test_large_layers_are_checked_on_values() -> None:
    conv = Conv(input=(64, 64), kernel=(3, 3), padding=1, in_channels=2)
    assert conv.terms > 70_000
    found = check(kernel_for("taps", conv), [conv])
    assert found.ok
    assert found.findings[0].check == "values"
    assert "they equal the derivative of the loss" in evidence([conv])[0]
