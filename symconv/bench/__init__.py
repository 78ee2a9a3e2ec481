"""Benchmarks that anyone can repeat: ratios measured in one run, never absolute promises."""
