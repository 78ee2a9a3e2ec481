"""Integers, comparisons of them, bulk arrays of multilinear terms, and polynomials: exact arithmetic that knows no layer."""
