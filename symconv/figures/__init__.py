"""Pictures of a layer from one description of each, for LaTeX, the web and slides.

kinds       figure(): a kind of picture of a layer, in every format
window, matrix, lattice   what each kind draws, as scenes
sliding     the facts of a window that slides, out of the closed formulas and the derivative
scene       what a picture is: cells, lines and text at places
svg, tikz, raster, stepper   the formats
explorer    the page on which sizes are slid and entries pointed at
"""

from __future__ import annotations

from symconv.figures.kinds import KINDS, Figure, figure

__all__ = ["KINDS", "Figure", "figure"]
