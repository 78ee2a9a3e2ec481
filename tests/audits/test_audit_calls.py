"""How functions are called is inferred: every style of :mod:`sample_styles`, on geometries that it is asked for afterwards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from symconv.audits import audit
from symconv.audits.conventions import convention_named
from symconv.audits.inference.names import ROLES, roles_of
from symconv.audits.inference.reading import Reading
from symconv.audits.inference.search import NotInferred, infer_call
from symconv.audits.inference.settle import adapter_named, adapter_text, said_by_hand, settled
from symconv.audits.sandbox import files, loading
from symconv.audits.truth import Derivative, point
from symconv.layer.conv import Conv
from tests.audits.samples import sample_styles as styles

SAMPLES = Path(__file__).parent / "samples"

#: name -> outputs that are found and whether each is right; the geometries that it cannot be asked for
RIGHT = {
    name: outputs
    for outputs, names in {
        "dx dw db": """other_order pad_before_stride dw_first names_that_say_nothing as_dict as_namedtuple as_list_with_extras
            bias_as_column keras_layout padding_in_pairs pairs_for_all one_image one_axis three_axes conv_backward_naive
            cached_without_forward cache_in_another_order cache_of_names courses_backward opaque_backward closed_over Torchlike
            OneKernelSide GivenWeights InDicts InLists WithParameters Updating ChannelsLast Autograd ReturnsAll""",
        "dx dw": "no_bias_at_all without_stride one_channel WithoutBias",
    }.items()
    for name in names.split()
}
#: name -> the outputs that are wrong somewhere
WRONG = {
    "wrong_forgets_stride": "dx", "wrong_flips": "dw", "wrong_swaps_stride_and_padding": "dx dw", "wrong_averages": "dw db",
    "wrong_transposes": "dw", "wrong_crop": "dx", "WrongBias": "db", "WrongInput": "dx", "WrongUpdate": "dw db",
    "wrong_names_exchanged": "dx",
}  # fmt: skip


def geometries(ndim: int) -> list[Conv]:
    one: list[dict[str, Any]] = [
        {"input": (6, 7, 5), "kernel": (3, 2, 2)},
        {"input": (5, 6, 4), "kernel": (3, 3, 3)},
        {"input": (7, 7, 5), "kernel": (3, 3, 3), "stride": 2, "padding": 1},
        {"input": (8, 6, 6), "kernel": (3, 3, 3), "stride": 2, "padding": ((0, 1), (0, 1), (0, 1))[:ndim]},
        {"input": (6, 8, 6), "kernel": (2, 2, 2), "padding": 1, "stride": 3},
        {"input": (6, 7, 5), "kernel": (2, 2, 2), "padding": ((1, 1), (0, 0), (0, 0))[:ndim]},
        {"input": (5, 6, 5), "kernel": (2, 3, 2), "stride": (1, 2, 1)[:ndim]},
    ]
    found = []
    for case in one:
        sizes = case | {key: case[key][:ndim] for key in ("input", "kernel")}
        found.append(Conv(**sizes, batch=2, in_channels=3, out_channels=2))
        found.append(Conv(**sizes, batch=1, in_channels=1, out_channels=1))
    return found


def verdicts(
    main: Any, reading: Reading, ndim: int, convs: Sequence[Conv] = (), forward: Any = None
) -> dict[str, list[bool]]:
    """For each output whether it is right in each geometry (some unless given) that the reading covers."""
    convention = convention_named(reading.text())
    functions = SimpleNamespace(main=main, forward=forward)
    found: dict[str, list[bool]] = {}
    for conv in convs or geometries(ndim):
        if convention.outside(conv) is not None:
            continue
        at = point(conv, 3, 0, 9)
        got = convention.backward(functions, conv, at)
        for output, value in got.items():
            truth = Derivative(conv).numbers(at, output)
            found.setdefault(output, []).append(value.shape == truth.shape and np.allclose(value, truth))
    return found


@pytest.mark.parametrize("name", RIGHT)
def test_right(name):
    main = getattr(styles, name)
    forward = {"conv_backward_naive": styles.conv_forward_naive, "opaque_backward": styles.opaque_forward}.get(name)
    inferred = infer_call(main, forward)
    found = verdicts(main, inferred.reading, inferred.ndim)
    assert set(found) == set(RIGHT[name].split()), inferred
    assert all(all(each) for each in found.values()), (found, inferred)
    assert all(len(each) >= 1 for each in found.values())


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name):
    main = getattr(styles, name)
    inferred = infer_call(main)
    found = verdicts(main, inferred.reading, inferred.ndim)
    assert {output for output, each in found.items() if not all(each)} == set(WRONG[name].split()), inferred


#: wrong function -> the cause that is named for each output
CAUSES = {
    "wrong_forgets_stride": {"dx": "forgets-stride"}, "wrong_flips": {"dw": "flips"},
    "wrong_averages": {"dw": "scaled-1/N", "db": "scaled-1/N"}, "wrong_transposes": {"dw": "swapped-channels"},
    "wrong_crop": {"dx": "shifted"}, "WrongInput": {"dx": "mirrored"},
}  # fmt: skip


@pytest.mark.sweep
@pytest.mark.parametrize("name", [*RIGHT, *WRONG])
def test_every_style_is_audited(name):
    """By the file's name alone: verdict, outputs and cause."""
    found = audit(f"{SAMPLES / 'sample_styles.py'}:{name}", grid="quick", proof=False)
    assert found.outputs == tuple(each for each in ("dx", "dw", "db") if each in RIGHT.get(name, "dx dw db"))
    wrong = {
        output
        for output in found.outputs  # an exception is no output's alone
        if any(case.status(output) in ("value", "shape") for case in found.documented)
    }
    assert wrong == set(WRONG.get(name, "").split())
    assert found.ok is (name in RIGHT)
    assert found.tally.cases >= 12
    for output, key in CAUSES.get(name, {}).items():
        assert any(cause.key.startswith(key) for cause in found.causes[output])


JAX = """import jax, jax.numpy as jnp
from functools import partial
from jax import lax
@partial(jax.jit, static_argnums=(4, 5))
def conv_backward(x, w, b, dy, stride, padding):
    def y(x, w, b):
        pads, sides = [(padding, padding)] * 2, ("NCHW", "OIHW", "NCHW")
        return lax.conv_general_dilated(x, w, (stride, stride), pads, dimension_numbers=sides) + b[None, :, None, None]
    return jax.vjp(y, jnp.asarray(x), jnp.asarray(w), jnp.asarray(b))[1](jnp.asarray(dy))
"""


@pytest.mark.sweep
def test_jax_imported_by_the_module(tmp_path):
    """JAX is in no extra of this package: where somebody has it, its threads and its memory cost no verdict."""
    pytest.importorskip("jax")
    (tmp_path / "with_jax.py").write_text(JAX)
    grid = [Conv((5, 4), (3, 2), 2, 3, 2), Conv((7, 6), (3, 2), 2, 1, 3, stride=2, padding=1)]
    found = audit(f"{tmp_path / 'with_jax.py'}:conv_backward", grid=grid, time_limit=60.0)
    assert (found.ok, found.right) == (True, 2)


# random layouts, orders, names and containers --------------------------------------------------------------------------------

#: mistakes, and the output that each makes wrong
MISTAKES: dict[str, Any] = {
    "": lambda g, s: g,
    "dx": lambda g, s: (g[0][..., ::-1], *g[1:]),
    "dw": lambda g, s: (g[0], g[1][:, :, ::-1], g[2]),
    "db": lambda g, s: (*g[:2], 2 * g[2]),
}


def names_for(role: str, draw: np.random.Generator) -> str:
    """A name whose first meaning is the role."""
    known = [name for name in ROLES[role].split() if roles_of(name)[0] == role and name.isidentifier()]
    known = [name for name in known if name not in ("in", "is")]
    name = known[draw.integers(len(known))]
    return name.upper() if draw.integers(8) == 0 and roles_of(name.upper())[0] == role else name


def drawn_function(seed: int) -> tuple[Any, str]:
    """A function of a random kind around loops that are right but for one mistake, and the output that is wrong, if one."""
    draw = np.random.default_rng(seed)
    wrong = [*MISTAKES][draw.integers(len(MISTAKES))]
    channels_last = bool(draw.integers(2))
    roles = ["dy", "x", "w", "b", "stride", "padding"]
    names = {role: names_for(role, draw) for role in roles}
    order = [roles[i] for i in draw.permutation(len(roles))]
    outputs = [("dx", "dw", "db")[i] for i in draw.permutation(3)]
    container = ("tuple", "list", "dict", "object", "nested")[draw.integers(5)]

    def body(**a: Any) -> Any:
        dy, x, w = (np.moveaxis(a["dy"], -1, 1), np.moveaxis(a["x"], -1, 1), styles.oihw(a["w"])) if channels_last else (
            a["dy"], a["x"], a["w"])  # fmt: skip
        dx, dw, db = MISTAKES[wrong](styles.core(dy, x, w, a["stride"], a["padding"]), a["stride"])
        found = {
            "dx": styles.last(dx) if channels_last else dx,
            "dw": styles.hwio(dw) if channels_last else dw,
            "db": db,
        }
        values = [found[output] for output in outputs]
        if container == "dict":
            return {f"grad_{output[1]}": found[output] for output in outputs}
        if container == "object":
            return SimpleNamespace(**{f"{output[0]}{output[1].upper()}": found[output] for output in outputs})
        return tuple(values) if container == "tuple" else values if container == "list" else (values[0], values[1:])

    made: dict[str, Any] = {"body": body}
    text = f"def backward({', '.join(names[role] for role in order)}):\n"
    text += f"    return body({', '.join(f'{role}={names[role]}' for role in roles)})\n"
    exec(text, made)
    return made["backward"], wrong


def check_drawn(seed: int) -> None:
    function, wrong = drawn_function(seed)
    inferred = infer_call(function)
    found = verdicts(function, inferred.reading, inferred.ndim)
    assert {output for output, each in found.items() if not all(each)} == ({wrong} - {""}), (seed, inferred)
    assert len(found) == 3, (seed, inferred)


@pytest.mark.parametrize("seed", range(12))
def test_no_false_verdict(seed):
    check_drawn(seed)


@pytest.mark.sweep
@pytest.mark.parametrize("start", range(100, 600, 50))
def test_no_false_verdict_of_500(start):
    for seed in range(start, start + 50):
        check_drawn(seed)


# files ------------------------------------------------------------------------------------------------------------------------

BODY = """import numpy as np
import no_such_module_anywhere as plots
from tests.audits.samples.sample_styles import core
def helper(): return plots.draw()
def conv_backward(dout, x, w, b, stride, pad):
    return core(dout, x, w, stride, pad)
data = np.load("train_images.npy")
"""


def test_files_notebooks_and_modules(tmp_path):
    script, notebook = tmp_path / "train.py", tmp_path / "n.ipynb"
    script.write_text(BODY)
    cells = [
        {"cell_type": "markdown", "source": ["# text"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", BODY]},
    ]
    notebook.write_text(json.dumps({"cells": cells, "nbformat": 4}))
    for path in (script, notebook):
        found, text, name = files.named(str(path))
        assert (found, name) == (path, "conv_backward")
        module = loading.import_text(str(path), text)
        assert callable(module.conv_backward)
        with pytest.raises(ModuleNotFoundError, match=r"anywhere is not installed, .*anywhere\.draw"):
            module.helper()
    assert files.named("tests.audits.samples.sample_styles:Torchlike")[0].name == "sample_styles.py"
    assert files.named(str(SAMPLES / "sample_styles.py"))[2] == "conv_backward_naive"
    script.write_text("def backward_a(dy): ...\ndef backward_b(dy): ...\n")
    with pytest.raises(ValueError, match=r"name one of \S*:backward_a, \S*:backward_b"):
        files.named(str(script))


def test_relative_imports_without_init(tmp_path):
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops" / "base.py").write_text("K = 3\n")
    (tmp_path / "ops" / "conv.py").write_text("from .base import K\ndef backward(dy): return K\n")
    module = loading.import_text(str(tmp_path / "ops" / "conv.py"), (tmp_path / "ops" / "conv.py").read_text())
    assert module.backward(None) == 3


def test_adapter_that_was_saved(tmp_path):
    call = settled(f"{SAMPLES / 'sample_styles.py'}:Torchlike")
    assert call.convention.startswith("reading:")
    assert len(call.lines) == 2
    path = tmp_path / "how.py"
    path.write_text(adapter_text(call.reading, "Torchlike"))
    adapter = adapter_named(f"{path}:adapter")
    conv = Conv(input=(5, 5), kernel=(3, 3), stride=2, padding=1, batch=2, in_channels=3, out_channels=2)
    at = point(conv, 1, 0, 9)
    got = adapter(styles.Torchlike, at["x"], at["w"], at["b"], at["dy"], conv)
    truth = Derivative(conv)
    assert all(np.array_equal(got[name], truth.numbers(at, name)) for name in ("dx", "dw", "db"))


def test_what_cannot_be_called_is_no_verdict():
    def backward(dy, x, w):
        raise KeyError("nothing to read")

    with pytest.raises(NotInferred, match="failed in backward: KeyError: 'nothing to read'"):
        infer_call(backward, seconds=2)


def test_what_is_said_by_hand_is_believed():
    """The order of what is returned, a parameter's role; and a parameter that is not there is told."""

    def exchanged(dout, x, w, stride, pad):
        dx, dw, _ = styles.core(dout, x, w, stride, pad)
        return dw, dx

    assert dict(settled(exchanged).reading.outputs) == {"dw": ("return", 0), "dx": ("return", 1)}
    assert dict(settled(exchanged, outputs=["dx", "dw"]).reading.outputs) == {"dx": ("return", 0), "dw": ("return", 1)}
    with pytest.raises(NotInferred, match=r"takes \(dout, x, w, stride, pad\), no nope"):
        infer_call(exchanged, fixed={"args": {"nope": "x"}})


@pytest.mark.parametrize(
    ("args", "layout", "word"), [("q", None, "PARAMETER=ROLE"), ("q=zz", None, "q=zz"), (None, "NCHX", "not NCHX")]
)
def test_words_that_are_not_known(args, layout, word):
    with pytest.raises(ValueError, match=word):
        said_by_hand(args, layout)
