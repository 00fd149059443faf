"""Pick a version for a request: weighted, sticky by key, with failover order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from hashlib import blake2b

SCALE = 2.0**64


def pick_version(model: str, weights: Mapping[int, float], *, key: str) -> int | None:
    """Pick the version of a request by weighted rendezvous hashing; None without any weight.

    The version with the highest weighted hash of the key wins. The same key gets the same version
    on every platform, and raising one version's share moves keys to that version only.

    Args:
        model: Its name; part of the hash, so models are independent.
        weights: Share of the requests by version.
        key: Requests with the same key get the same version.

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
    """Versions to try, in order: the picked one, other weighted ones, kept ones without a share.

    Args:
        weights: Share of the requests by version; higher shares come first.
        keep: Versions kept running without a share; newer ones come first.
        first: The version picked for the request.
    """
    heaviest = sorted(weights, key=lambda version: weights[version], reverse=True)
    warm = sorted(set(keep) - set(weights), reverse=True)
    return [
        *(version for version in heaviest if version == first),
        *(version for version in heaviest if version != first),
        *warm,
    ]


def _rendezvous_score(model: str, version: int, weights: Mapping[int, float], key: str) -> float:
    text = f"{model}\0{version}\0{key}".encode(errors="surrogatepass")
    number = int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
    # Adding one half excludes 0 and 1, whose logarithms cannot be divided by.
    return -weights[version] / math.log((number + 0.5) / SCALE)
