"""The `scale` of a Deployment: an object of its own on the wire, a number in the spec."""

from __future__ import annotations

from typing import Any

from tests.kubernetes_double.api.problems import invalid


def scale_of(obj: dict[str, Any]) -> dict[str, Any]:
    """A Deployment's scale."""
    meta = obj["metadata"]
    labels = obj["spec"]["selector"].get("matchLabels", {})
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            name: meta[name]
            for name in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        },
        "spec": {"replicas": obj["spec"]["replicas"]},
        "status": {
            "replicas": obj.get("status", {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        },
    }


def scaled(obj: dict[str, Any], scale: dict[str, Any]) -> dict[str, Any]:
    """A Deployment with the replicas of a scale.

    Raises:
        ApiProblem: 422.
    """
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or replicas < 0:
        said = f'Invalid value: "{replicas}": must be greater than or equal to 0'
        raise invalid(
            "Scale", obj["metadata"]["name"], [("FieldValueInvalid", "spec.replicas", said)]
        )
    version = (scale.get("metadata") or {}).get("resourceVersion")
    meta = {**obj["metadata"], "resourceVersion": version}
    return {**obj, "metadata": meta, "spec": {**obj["spec"], "replicas": replicas}}
