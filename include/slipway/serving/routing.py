"""Who answers the next request: weights first, health always."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence


def order(
    weights: Mapping[int, float], *, keep: Sequence[int], ready: Collection[int], draw: float
) -> list[int]:
    """The versions to try, best first; empty when none of them is ready.

    The first is drawn by weight among the ready ones. Should it fail, the other weighted ones
    follow, heaviest first, and then the warm ones without a share, newest first.

    Args:
        weights: Share of the requests by version.
        keep: Versions that are warm without a share.
        ready: Versions whose server can answer.
        draw: A uniform random number in [0, 1).
    """
    able = {version: share for version, share in weights.items() if version in ready}
    drawn = _drawn(able, draw)
    rest = sorted(set(able) - set(drawn), key=lambda version: able[version], reverse=True)
    warm = sorted((version for version in keep if version in ready), reverse=True)
    return [*drawn, *rest, *(version for version in warm if version not in able)]


def _drawn(shares: Mapping[int, float], draw: float) -> list[int]:
    mark = draw * sum(shares.values())
    for version, share in shares.items():
        mark -= share
        if mark < 0:
            return [version]
    return list(shares)[-1:]
