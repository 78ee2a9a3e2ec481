"""A NumPy function read as relations on integers: what it computes at every size, against the derivative."""

from symconv.reading.calls import Call
from symconv.reading.prove import prove_code, prove_source
from symconv.reading.regions import Reading, read
from symconv.reading.result import CodeProof, CodeProofs

__all__ = ["Call", "CodeProof", "CodeProofs", "Reading", "prove_code", "prove_source", "read"]
