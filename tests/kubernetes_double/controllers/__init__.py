"""Controllers of the double: Deployments, ReplicaSets, endpoints, scheduling."""
