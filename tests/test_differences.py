"""The second opinion itself: it refuses what would make it inexact, and it can disagree."""

from __future__ import annotations

import numpy as np
import pytest

from symconv import Conv
from symconv.layer.differences import exact_gradients, forward, random_integers


def test_forward_is_the_sum_in_the_definition() -> None:
    conv = Conv(input=5, kernel=2, stride=2, padding=((1, 0),))
    x, w = np.array([[[1, 2, 3, 4, 5]]]), np.array([[[10, 100]]])
    assert forward(conv, x, w, np.array([7])).tolist() == [[[107, 10 * 2 + 100 * 3 + 7, 10 * 4 + 100 * 5 + 7]]]


def test_transposed_forward_scatters() -> None:
    conv = Conv(input=2, kernel=2, stride=3, transposed=True, output_padding=1)
    assert forward(conv, np.array([[[1, 2]]]), np.array([[[10, 100]]])).tolist() == [[[10, 100, 0, 20, 200, 0]]]


def test_python_integers_do_not_overflow() -> None:
    conv = Conv(input=2, kernel=2, bias=False)
    big = np.full((1, 1, 2), 10**30, dtype=object)
    assert exact_gradients(conv, big, big, None, big[..., :1])["dw"][0, 0, 0] == 10**60


def test_refuses_floats_and_wrong_shapes() -> None:
    conv = Conv(input=3, kernel=2)
    values = random_integers(conv, 0)
    with pytest.raises(TypeError, match="x holds float64; exact differences need integers"):
        exact_gradients(conv, values["x"].astype(float), values["w"], values["b"], values["dy"])
    with pytest.raises(ValueError, match=r"dy has shape \(1, 1, 3\)"):
        exact_gradients(conv, values["x"], values["w"], values["b"], values["x"])


def test_chunks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    conv = Conv(input=(4, 5), kernel=(3, 2), batch=2, in_channels=2)
    values = random_integers(conv, 3)
    whole = exact_gradients(conv, **values)
    monkeypatch.setattr("symconv.layer.differences._CHUNK_ENTRIES", 100)
    for name, array in exact_gradients(conv, **values).items():
        assert np.array_equal(array, whole[name]), name
