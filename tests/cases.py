"""The layers that the tests share: every axis its own sizes, remainders left, each kind of layer at least twice."""

from __future__ import annotations

from hypothesis import strategies as st

from symconv import Conv

SMALL = [
    Conv(input=4, kernel=2),
    Conv(input=9, kernel=3, stride=2, padding=((1, 2),), dilation=2, batch=2, in_channels=2, out_channels=3),
    Conv(input=7, kernel=2, stride=3, bias=False),
    Conv(input=5, kernel=3, padding=4),  # padding larger than the kernel: the border of dx is a crop
    Conv(input=6, kernel=4, padding="same", dilation=2),
    Conv(input=(4, 4), kernel=(2, 2)),
    Conv(input=(5, 6), kernel=(3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), in_channels=4, out_channels=2,
         groups=2),
    Conv(input=(7, 6), kernel=(3, 2), stride=(3, 2), padding=((0, 2), (1, 0)), batch=2, out_channels=3),
    Conv(input=(5, 4), kernel=(1, 3), stride=(2, 2), in_channels=3, out_channels=6, groups=3),
    Conv(input=(3, 4, 5), kernel=(2, 1, 3), stride=(1, 2, 2), padding=(1, 0, 1), dilation=(2, 1, 1), in_channels=2,
         out_channels=4, groups=2),
    Conv(input=3, kernel=2, stride=2, transposed=True, output_padding=1),
    Conv(input=4, kernel=3, stride=1, dilation=3, transposed=True, output_padding=2),  # output padding past the stride
    Conv(input=(3, 4), kernel=(3, 2), stride=(2, 3), padding=((1, 0), (0, 2)), dilation=(1, 2), batch=2, in_channels=4,
         out_channels=2, groups=2, transposed=True, output_padding=(1, 0)),
    Conv(input=(2, 3, 2), kernel=(2, 1, 3), stride=(2, 1, 3), padding=(1, 0, 1), in_channels=2, out_channels=2,
         transposed=True, output_padding=(0, 0, 2), bias=False),
]  # fmt: skip


@st.composite
def convs(draw: st.DrawFn, max_terms: int = 3_000, transposed: bool | None = None) -> Conv:
    """Any legal layer of one to three axes with a loss of at most ``max_terms`` terms."""
    ndim = draw(st.integers(1, 3))
    flip = draw(st.booleans()) if transposed is None else transposed
    largest = {1: 9, 2: 6, 3: 4}[ndim]
    per_axis: dict[str, list[int]] = {"input": [], "kernel": [], "stride": [], "dilation": [], "output_padding": []}
    padding = []
    for _ in range(ndim):
        kernel, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 3))
        before, after = draw(st.integers(0, 3)), draw(st.integers(0, 3))
        stride = draw(st.integers(1, 3))
        span = dilation * (kernel - 1) + 1
        extra = draw(st.integers(0, max(stride, dilation) - 1)) if flip else 0
        least = max(1, -((span + extra - 1 - before - after) // stride) + 1) if flip else max(1, span - before - after)
        per_axis["input"].append(draw(st.integers(least, max(least, largest))))
        for name, value in (("kernel", kernel), ("stride", stride), ("dilation", dilation), ("output_padding", extra)):
            per_axis[name].append(value)
        padding.append((before, after))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    conv = Conv(
        **{name: tuple(values) for name, values in per_axis.items()},
        padding=tuple(padding),
        groups=groups,
        batch=draw(st.integers(1, 2)),
        in_channels=groups * draw(st.integers(1, 2)),
        out_channels=groups * draw(st.integers(1, 2)),
        bias=draw(st.booleans()),
        transposed=flip,
    )
    if conv.terms > max_terms:
        conv = Conv(**{**conv.to_dict(), "batch": 1, "in_channels": groups, "out_channels": groups})
    return conv
