"""The parts of a derivation, one module each, as blocks."""
