"""A double of a Kubernetes cluster for tests; see README.md."""

from tests.kubernetes_double.cluster import Cluster
from tests.kubernetes_double.context import Pace

__all__ = ["Cluster", "Pace"]
