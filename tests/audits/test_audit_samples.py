"""The audit's verdicts on functions written for the purpose, case by case against a second opinion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from symconv.audits import Audit, audit
from symconv.audits.grids import default_grid
from symconv.audits.sandbox.supervisor import shared_workers
from tests.audits.independent import SAMPLES, by_differences, by_torch, load, statuses

OUTPUTS = ("dx", "dw", "db")


@dataclass(frozen=True)
class Sample:
    """A sample function; ``causes`` must be named for its outputs (``whole``: for all that fails), ``findings`` noticed."""

    file: str
    name: str
    causes: dict[str, str] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    engine: str | None = None
    condition: str | None = None
    forward: str | None = None
    whole: bool = True
    #: on the quick grid alone a rule may fit that is not the condition
    grid: str = "quick"

    @property
    def convention(self) -> str:
        return "layer" if self.file == "layers" else self.file

    def __str__(self) -> str:
        return f"{self.file}-{self.name}"


RIGHT = [
    Sample("plain", "five_loops", engine="symbolic"),
    Sample("plain", "float_buffers", engine="symbolic"),
    Sample("plain", "with_einsum", engine="symbolic"),
    Sample("plain", "with_tensordot", engine="symbolic"),
    Sample("plain", "matmul_and_add_at", engine="symbolic"),
    Sample("plain", "full_correlation", engine="symbolic"),
    Sample("plain", "strided_windows", engine="symbolic"),
    Sample("plain", "float_casts", engine="exact integers"),
    Sample("plain", "by_fourier", engine="exact integers"),
    Sample("plain", "single_precision", engine="exact integers"),
    Sample("plain", "overwrites_x", findings=("writes to its argument x", "dx shares memory with its argument x")),
    Sample("plain", "clears_dy", findings=("writes to its argument dy",)),
    Sample("plain", "view_of_dy", findings=("db shares memory with its argument dy",)),
    Sample("plain", "only_dw"),
    Sample("cs231n", "conv_backward_naive", engine="symbolic"),
    Sample("cs231n", "conv_backward_columns", forward="conv_forward_columns"),
    Sample("coursera", "conv_backward", engine="symbolic"),
    Sample("layers", "Convolution"),
    Sample("layers", "ConvolutionKeepingX"),
]
WRONG = [
    Sample("plain", "crops_with_minus_pad", {"dx": "empty-crop"}, condition="right exactly when padding > 0"),
    Sample(
        "plain", "assigns_cropped", {"dx": "empty-crop", "dw": "empty-crop"}, condition="right exactly when padding > 0"
    ),
    Sample("plain", "checks_its_shape", {}, condition="right exactly when padding > 0"),
    Sample("plain", "returns_padded", {"dx": "padded-gradient"}, condition="right exactly when padding = 0"),
    Sample("plain", "crops_one_side", {"dx": "one-sided-crop"}, condition="right exactly when padding = 0"),
    Sample("plain", "takes_first_rows", {"dx": "not-cropped"}, condition="right exactly when padding = 0"),
    Sample("plain", "forgets_padding_in_dw", {"dw": "forgets-padding"}),
    Sample("plain", "forgets_stride_in_dx", {"dx": "forgets-stride"}),
    Sample("plain", "forgets_stride_in_dw", {"dw": "forgets-stride"}),
    Sample("plain", "divides_by_batch", {"dw": "scaled-1/N", "db": "scaled-1/N"}, condition="right exactly when N = 1"),
    Sample("plain", "negated", {"dx": "scaled--1"}, condition="right on none of the"),
    Sample(
        "plain", "misses_rows", {"dx": "misses-rows"}, condition="right exactly when the stride divides (remainder 0)"
    ),
    Sample(
        "plain", "assigns_short", {"dx": "remainder"}, condition="right exactly when the stride divides (remainder 0)"
    ),
    Sample(
        "plain",
        "dw_rows_too_many",
        {"dw": "rows-too-many"},
        condition="right exactly when the stride divides (remainder 0)",
    ),
    Sample(
        "plain",
        "pads_dy_by_p",
        condition="right exactly when 2·padding = K − 1 and input and output are equally large, on all 45 cases tried",
    ),
    Sample(
        "plain",
        "pads_spread_by_p",
        condition="right exactly when 2·padding = K − 1 and the stride divides (remainder 0)",
    ),
    Sample("plain", "forgets_to_turn", {"dx": "flips"}),
    Sample("plain", "swaps_h_and_w", {"dx": "oblong-output"}, condition="right exactly when the output is square"),
    Sample("plain", "transposes_dw", {"dw": "swapped-axes"}),
    Sample("plain", "wrong_variable", {"db": "depends-w"}, findings=("not bilinear: db",)),
    Sample("plain", "squares_dy", {}, findings=("not bilinear: dw",)),
    Sample(
        "plain",
        "clips",
        {},
        findings=("not bilinear: dx", "not bilinear: dw", "not bilinear: db"),
        engine="exact integers",
    ),
    Sample("plain", "overwrites", {"dx": "overwrites"}),
    Sample("plain", "last_image_only", {"dw": "one-image"}, condition="right exactly when N = 1"),
    Sample("plain", "db_keeps_batch", {"db": "not-summed"}, whole=False),
    Sample("plain", "integer_buffer", findings=("not bilinear: db",)),
    Sample("plain", "shifts_x_in_place", findings=("writes to its argument x",)),
    Sample("cs231n", "conv_backward_crops", {"dx": "empty-crop"}, condition="right exactly when padding > 0"),
    Sample("cs231n", "conv_backward_unpadded", {}),
    Sample("coursera", "conv_backward_crops", {"dx": "empty-crop"}, condition="right exactly when padding > 0"),
    Sample("coursera", "conv_backward_no_stride", {"dx": "forgets-stride", "dw": "forgets-stride"}),
    Sample(
        "coursera", "conv_backward_mean", {"dw": "scaled-1/N", "db": "scaled-1/N"}, condition="right exactly when N = 1"
    ),
    Sample("coursera", "conv_backward_swaps", {"dx": "swapped-dy", "dw": "swapped-dy"}, whole=False),
    Sample("coursera", "conv_backward_flat_bias", {}),
    Sample("layers", "ConvolutionMean", {"dw": "scaled-1/N", "db": "scaled-1/N"}, condition="right exactly when N = 1"),
    Sample("layers", "ConvolutionWithoutCrop", {"dx": "padded-gradient"}, condition="right exactly when padding = 0"),
    Sample("layers", "ConvolutionChannelsSwapped", {"dw": "swapped-channels"}),
]


@pytest.fixture(autouse=True, scope="module")
def _workers() -> Iterator[None]:
    with shared_workers():
        yield


def audited(sample: Sample, **options: object) -> Audit:
    where = f"{SAMPLES / f'sample_{sample.file}.py'}:{sample.name}"
    return audit(
        where, sample.convention, forward=sample.forward, once=True, **{"grid": sample.grid, "seed": 5, **options}
    )  # type: ignore[arg-type]


def compare(result: Audit, sample: Sample) -> None:
    """Each output of each documented case has the status that the second opinion gives it."""
    module = load(sample.file)
    assert result.documented
    for case in result.documented:
        expected = statuses(module, sample.name, sample.convention, case.conv, sample.forward)
        if "raises" in expected:
            assert case.verdict.status == "error", case.conv.slug
            assert expected["raises"] in case.verdict.message
        else:
            assert {output: case.status(output) for output in expected} == expected, case.conv.slug
            assert set(case.verdict.outputs) == set(expected), case.conv.slug


@pytest.mark.parametrize("sample", RIGHT, ids=str)
def test_right(sample: Sample) -> None:
    result = audited(sample, grid=default_grid("quick")[::2])
    compare(result, sample)
    assert result.ok
    assert result.wrong == result.refused == 0
    assert not result.failures
    assert not result.causes
    assert set(sample.findings) <= set(result.findings)
    if sample.engine:
        assert set(result.engines) == {sample.engine}
    if not sample.findings:
        assert not result.findings


#: mistakes that are tried under the plain convention too
AGAIN = [sample for sample in WRONG if sample.file != "plain"][1::2]


@pytest.mark.slow
@pytest.mark.parametrize(
    "sample", [pytest.param(s, marks=pytest.mark.sweep) if s in AGAIN else s for s in WRONG], ids=str
)
def test_wrong(sample: Sample) -> None:
    # a rule is found on many cases, a cause on few
    result = audited(sample) if sample.condition else audited(sample, grid=default_grid("quick")[::2])
    compare(result, sample)
    assert not result.ok
    assert result.wrong
    assert result.smallest_failure is not None
    named = {output: causes[0].key for output, causes in result.causes.items() if causes}
    assert named.items() >= sample.causes.items(), named
    for output in sample.causes if sample.whole else ():
        first = result.causes[output][0]
        assert first.explained == first.failing, str(first)
    assert set(sample.findings) <= set(result.findings)
    if sample.condition:
        assert result.condition.text is not None
        assert result.condition.text.startswith(sample.condition)
    if sample.engine:
        assert set(result.engines) == {sample.engine}


def test_enough_samples() -> None:
    assert len({(s.file, s.name) for s in RIGHT + WRONG}) >= 40


def test_second_opinion_with_and_without_pytorch() -> None:
    """What takes PyTorch's place where it is missing gives the same numbers, on every geometry that the samples meet."""
    found = {conv: by_differences(conv) for conv in default_grid("quick")}
    assert all(values["dx"].shape == conv.x_shape for conv, values in found.items())
    pytest.importorskip("torch", reason="PyTorch is the outside reference; it is not installed")
    for conv, values in found.items():
        for name, true in by_torch(conv).items():
            np.testing.assert_allclose(values[name], true, rtol=1e-12, atol=1e-9, err_msg=f"{name} of {conv!r}")
