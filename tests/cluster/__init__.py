"""An honest double of a Kubernetes cluster, for tests; see README.md."""

from tests.cluster.cluster import Cluster
from tests.cluster.ground import Pace

__all__ = ["Cluster", "Pace"]
