"""symconv derives the gradients of convolution layers and turns them into things people can trust.

    from symconv import Conv, prove, audit

The functions verify, prove and audit live in the rooms verification, proof and audits: a module of the function's own name
would take its place in this namespace as soon as anything imported it.

Names are imported when they are first used, so that ``import symconv`` is quick and a proof never loads SymPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from symconv.audits import audit
    from symconv.audits.prove import prove
    from symconv.checking import check
    from symconv.formulas.verify import Verification, verify
    from symconv.jupyter import widget
    from symconv.layer.conv import Conv
    from symconv.layer.gradients import Gradients
    from symconv.proof import Proof

__all__ = ["Conv", "Gradients", "Proof", "Verification", "audit", "check", "prove", "verify", "widget"]

_HOME = {
    "Conv": "symconv.layer.conv",
    "Gradients": "symconv.layer.gradients",
    "Proof": "symconv.proof",
    "Verification": "symconv.formulas.verify",
    "audit": "symconv.audits",
    "check": "symconv.checking",
    "load_ipython_extension": "symconv.jupyter",
    "prove": "symconv.audits.prove",
    "verify": "symconv.formulas.verify",
    "widget": "symconv.jupyter",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'symconv' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
