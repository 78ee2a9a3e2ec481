"""Verdicts held against ``verify``: a refutation at its size, a proof at some sizes drawn at random.

The proof reads a formula as integer sets, ``verify`` as arrays of one layer; the two share the tree and the integers, and nothing
of what is done with them. What they disagree on is a defect here, and no verdict.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace

from symconv.formulas.verify import verify
from symconv.layer.conv import Conv
from symconv.proof.claim import Claim
from symconv.proof.counterexample import Counterexample, ReplayError

__all__ = ["DRAWN", "layer_of", "replay_proof", "replay_refutation"]

#: a layer of more terms than this is not replayed
MAX_REPLAY = 1_000_000

#: layers that a proof is replayed on, and how often sizes are drawn to find so many that exist
DRAWN, TRIES = 4, 400


def layer_of(claim: Claim, sizes: Mapping[str, int]) -> Conv:
    """The layer of one axis that a claim speaks of at a size; ValueError where there is none."""
    return Conv(
        input=(sizes["H"],),
        kernel=(sizes["K"],),
        stride=(sizes["s"],),
        dilation=(sizes["d"],),
        padding=((sizes["p"], sizes["q"]),),
        bias=claim.with_bias or claim.formula.target == "db",
        transposed=claim.formula.transposed,
        padding_mode=claim.mode.name,
        output_padding=(sizes["r"],) if claim.formula.transposed else 0,
    )


def drawn_layers(claim: Claim) -> Iterator[Conv]:
    """Layers of the claim drawn at random, always the same for one claim, strides and dilations large where they are free."""
    generator = random.Random(f"{claim.formula} {claim.stride} {claim.dilation}")
    found = 0
    for _ in range(TRIES):
        s = claim.stride or generator.randint(1, 9)
        d = claim.dilation or generator.randint(1, 5)
        K, p = generator.randint(1, 5), generator.randint(0, 5)
        q = p if claim.symmetric else generator.randint(0, 5)
        H = generator.randint(1, 9) if claim.formula.transposed else generator.randint(1, 2 * s + d * (K - 1) + 3)
        r = generator.randrange(max(s, d)) if claim.formula.transposed else 0
        try:
            conv = layer_of(claim, {"H": H, "K": K, "p": p, "q": q, "r": r, "s": s, "d": d})
        except ValueError:  # no such layer: the kernel is larger than the padded input, a mode takes no such padding
            continue
        if not all(each.evaluate(conv.sizes(0)) for each in claim.assumed):
            continue
        yield conv
        found += 1
        if found == DRAWN:
            return


def replay_proof(claim: Claim) -> int:
    """How many layers drawn at random ``verify`` agrees on with a proof; ReplayError at the first it does not."""
    count = 0
    for conv in drawn_layers(claim):
        if conv.terms > MAX_REPLAY:
            continue
        result = verify(conv, [claim.formula], forward=claim.forward)
        if not result.ok:
            raise ReplayError(
                f"{claim.formula} is proved, and verify finds it wrong at {conv!r}: {result.mismatches[0]}"
            )
        count += 1
    return count


def replay_refutation(claim: Claim, found: Counterexample) -> Counterexample:
    """The counterexample with ``replayed`` set, where ``verify`` finds the entry wrong too; as it is for a layer too large.

    ReplayError where ``verify`` does not confirm it.
    """
    conv = layer_of(claim, found.sizes)
    if conv.terms > MAX_REPLAY:
        return found
    verification = verify(conv, [claim.formula], forward=claim.forward)
    at = {mismatch.index[-1] for mismatch in verification.mismatches if mismatch.index is not None}
    within = found.lengths is not None and found.index is not None and found.index < found.lengths[1]
    # a product outside the target or a missing entry shows as a difference in shape
    entry_seen = not within or not found.term or found.index in at or len(at) >= 10
    if verification.ok or not entry_seen:
        raise ReplayError(
            f"{claim.formula} is refuted at {found.sizes}, entry {found.index}, and verify does not confirm it"
        )
    return replace(found, replayed=True)
