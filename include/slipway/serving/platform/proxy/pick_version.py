"""Who is asked next: a draw by weight that a key repeats, and who stands in for whom it fell to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from hashlib import blake2b

SCALE = 2.0**64


def pick_version(model: str, weights: Mapping[int, float], *, key: str) -> int | None:
    """The version to which a request falls, ready or not; None when no version has a weight.

    Weighted rendezvous: every version draws a number that its weight lengthens, and the longest
    wins. The same key falls to the same version, on every platform, and a version whose share is
    raised only wins keys: none moves between two others.

    Args:
        model: Its name; keys are drawn anew for each model.
        weights: Share of the requests by version.
        key: What requests that belong together have in common.

    Source: Schindelhauer and Schomaker, "Weighted Distributed Hash Tables" (SPAA 2005), the
        logarithmic method.
    """
    if len(weights) == 1:
        return next(iter(weights))
    return max(
        weights, key=lambda version: _rendezvous_score(model, version, weights, key), default=None
    )


def failover_order(
    weights: Mapping[int, float], *, keep: Sequence[int], first: int | None
) -> list[int]:
    """The versions to ask, best first: the one drawn, the other weighted ones, the warm ones.

    Args:
        weights: Share of the requests by version; the heaviest stands in first.
        keep: Versions that are warm without a share; the newest stands in first.
        first: The version to which the request falls.
    """
    heaviest = sorted(weights, key=lambda version: weights[version], reverse=True)
    warm = sorted(set(keep) - set(weights), reverse=True)
    return [
        *(version for version in heaviest if version == first),
        *(version for version in heaviest if version != first),
        *warm,
    ]


def _rendezvous_score(model: str, version: int, weights: Mapping[int, float], key: str) -> float:
    said = f"{model}\0{version}\0{key}".encode(errors="surrogatepass")
    number = int.from_bytes(blake2b(said, digest_size=8).digest(), "big")
    # Both ends of the scale are left out: the logarithm of neither can be divided by.
    return -weights[version] / math.log((number + 0.5) / SCALE)
