"""The pytest plugin: the fixture ``conv_case``, one geometry at a time.

    def test_dx(conv_case):
        conv_case.check(dx=my_dx(conv_case.dy, conv_case.w, conv_case.stride, conv_case.padding))

A test that asks for ``conv_case`` runs once for each case of the grid; the marker
``conv_grid("default", dilation=(1, 2))`` takes what :func:`symconv.testing.cases` does (without it: "quick"). Nothing of symconv
is loaded before a test asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from symconv.testing import ConvCase

__all__ = ["conv_case", "pytest_configure", "pytest_generate_tests"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", 'conv_grid(grid="quick", **options): the geometries of the fixture conv_case')


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "conv_case" in metafunc.fixturenames:
        from symconv.testing import cases  # loads NumPy and SymPy, which a suite without the fixture does without

        marker = metafunc.definition.get_closest_marker("conv_grid")
        arguments, options = (marker.args or ("quick",), marker.kwargs) if marker else (("quick",), {})
        metafunc.parametrize("conv_case", cases(*arguments, **options), ids=str, indirect=True)


@pytest.fixture
def conv_case(request: pytest.FixtureRequest) -> ConvCase:
    """One geometry with exact arrays x, w, b, dy and the true y, dx, dw, db; see :class:`symconv.testing.ConvCase`."""
    case: ConvCase = request.param
    return case
