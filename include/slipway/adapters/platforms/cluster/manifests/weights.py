"""Turn shares of the traffic into numbers of servers, or into a route's weights; pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from slipway.spec.cluster import Cluster

WEIGHTS = 1000


@dataclass(frozen=True)
class Split:
    """Two versions behind one Service.

    Attributes:
        candidate: Number of servers of the version with the share.
        champion: Number of servers of the other version.
    """

    candidate: int
    champion: int

    @property
    def share(self) -> float:
        """The candidate's effective share, between 0 and 1."""
        return self.candidate / (self.candidate + self.champion)


def replica_split(share: float, replicas: int) -> Split:
    """Numbers of servers of a candidate and of the champion that come nearest to a share.

    The one with the larger share has all its servers, so up to one half the champion could take
    every request back at once. The other has at least one.

    Args:
        share: The candidate's share; more than 0, less than 1.
        replicas: Servers of a version that takes every request.
    """
    counts = replica_counts({1: share, 0: 1 - share}, replicas)
    return Split(candidate=counts[1], champion=counts[0])


def replica_counts(shares: Mapping[int, float], replicas: int) -> dict[int, int]:
    """Servers by version, in the order of the versions.

    Args:
        shares: Shares by version; each more than 0.
        replicas: Servers of the version with the largest share; each other has at least one.
    """
    largest = max(shares.values())
    return {
        version: max(1, math.floor(replicas * shares[version] / largest + 0.5))
        for version in sorted(shares)
    }


def effective_shares(counts: Mapping[int, int]) -> dict[int, float]:
    """Share of the requests by version, if each server gets equally many requests."""
    total = sum(counts.values())
    return {version: count / total for version, count in counts.items() if count}


def server_counts(
    cluster: Cluster, shares: Mapping[int, float], keep: Collection[int], *, by_route: bool
) -> dict[int, int]:
    """Servers by version, in the order of the versions.

    Args:
        cluster: The spec's numbers of servers.
        shares: Shares by version.
        keep: Versions that stay warm without a share.
        by_route: Whether a route splits the traffic by weight. Else the numbers of servers do, and
            while versions share it, no other one may run behind the entry point's Service.
    """
    warm = cluster.warm_replicas or cluster.replicas
    is_shared = len(shares) > 1 and not by_route
    counts = dict.fromkeys(set(keep) - set(shares), 0 if is_shared else warm)
    counts |= (
        replica_counts(shares, cluster.replicas)
        if is_shared
        else dict.fromkeys(shares, cluster.replicas)
    )
    return dict(sorted(counts.items()))


def route_weights(shares: Mapping[int, float]) -> dict[int, int]:
    """Integer weights that sum to `WEIGHTS`, in the order of the versions; none below 1.

    The remainder of rounding goes to the weights that were rounded down most.
    """
    total = sum(shares.values())
    exact = {version: shares[version] / total * WEIGHTS for version in sorted(shares)}
    whole = {version: max(1, math.floor(value)) for version, value in exact.items()}
    by_cut = sorted(whole, key=lambda version: whole[version] - exact[version])
    for number in range(WEIGHTS - sum(whole.values())):
        whole[by_cut[number % len(by_cut)]] += 1
    # A share below a thousandth is raised to one, at the expense of the largest.
    excess = sum(whole.values()) - WEIGHTS
    whole[max(whole, key=lambda version: whole[version])] -= max(0, excess)
    return whole
