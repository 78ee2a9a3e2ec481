"""Audits: somebody's convolution gradient held against the derivative, on a grid of geometries."""

from symconv.audits.result import Audit
from symconv.audits.run import audit

__all__ = ["Audit", "audit"]
