"""The part of an article on second derivatives, which is written on request."""

from __future__ import annotations

from unittest import mock

import pytest

from symconv import Conv
from symconv.algebra.terms import MultilinearArray
from symconv.article import document
from symconv.formulas.second import second_formula_terms, verify_second
from tests.cases import SMALL
from tests.test_padding_modes import CASES

TEXT = """\
  L₂ = Σ v^x·dx + Σ v^w·dw + Σ v^b·db"""


@pytest.mark.parametrize("conv", [*SMALL, *CASES], ids=lambda conv: conv.slug)
def test_the_closed_formulas_are_the_derivative(conv: Conv) -> None:
    assert all(equal for _, equal in verify_second(conv).values())


def test_a_difference_is_told() -> None:
    def halved(conv: Conv, target: str) -> MultilinearArray:
        return second_formula_terms(conv, target).scale(2 if target == "ddx" else 1)

    with mock.patch("symconv.formulas.second.second_formula_terms", halved):
        assert [equal for _, equal in verify_second(SMALL[0]).values()] == [True, False, True]
        told = document(SMALL[0], sections=["second"])
    assert not told.ok
    assert "Not all of the" in told.render("text", 100)


def test_it_is_written_on_request_only() -> None:
    conv = Conv(input=4, kernel=2, stride=2, padding=1)
    assert "second" not in [section.name for section in document(conv).sections]
    text = document(conv, sections=["second"]).render("text", 100)
    assert TEXT in text
    assert "ddy = (pad[p,q](v^x) ⋆ (w ↑ d)) ↓ s + (pad[p,q](x) ⋆ (v^w ↑ d)) ↓ s + v^b" in text
    assert "  ddx₁ = dy₁·v^w₂\n" in text
    assert "  ddy₂ = v^w₁·x₂ + v^w₂·x₃ + w₁·v^x₂ + w₂·v^x₃ + v^b\n" in text
    assert "All 9 entries of these formulas agree" in text


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_every_kind_of_layer_in_every_format(lang: str) -> None:
    for conv in (SMALL[6], SMALL[9], SMALL[12], CASES[12]):
        told = document(conv, lang, sections=["second"])
        assert told.ok
        for format in ("text", "latex", "markdown", "html", "ipynb"):
            assert told.render(format)
        assert "v^{x}" in told.render("latex")
