"""The objects of a cluster under the policies of `docker/kubernetes/base`, without a server."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.policies import policies_allow, requested_by
from tests.kubernetes_double.api.problems import ApiProblem
from tests.kubernetes_double.api.server import Api
from tests.kubernetes_double.cluster import BASE, PARAMETERS, given

Manifest = dict[str, Any]
Change = Callable[[Manifest], Any]

AIRFLOW = "system:serviceaccount:slipway:slipway-airflow"
ROLLOUT = "system:serviceaccount:slipway-stages:slipway-rollout"
STAGES_ACCOUNT = "system:serviceaccount:slipway-stages:slipway-stages"


class PolicedObjects:
    """A cluster's objects, changed in the name of a user.

    Args:
        images: Images that the policies admit.
        stated: Other parameters of the policies.
    """

    def __init__(self, *images: str, stated: Mapping[str, str] | None = None) -> None:
        self.objects = Objects()
        Api(self.objects, gateway=True)
        for manifest in given(BASE, images=images):
            if manifest["metadata"]["name"] == PARAMETERS:
                manifest["data"] |= stated or {}
            self.objects.create(manifest)

    def create(self, manifest: Manifest, *, user: str) -> Manifest:
        """Create an object. Raises: ApiProblem."""
        with requested_by(user):
            return self.objects.create(manifest)

    def update(self, manifest: Manifest, *, user: str) -> Manifest:
        """Write an object. Raises: ApiProblem."""
        with requested_by(user):
            return self.objects.update(manifest)

    def delete(self, manifest: Manifest, *, user: str) -> None:
        """Ask whether an object may be deleted. Raises: ApiProblem."""
        with requested_by(user):
            policies_allow(self.objects, None, manifest)

    def refusal(self, act: Callable[..., Any], manifest: Manifest, *, user: str) -> str:
        """The message of the policy that refuses a request."""
        with pytest.raises(ApiProblem, match="denied request: ") as refused:
            act(manifest, user=user)
        assert refused.value.status == 403
        return refused.value.message.partition("denied request: ")[2]


def changed(manifest: Manifest, change: Change) -> Manifest:
    """A copy with a change, under another name where it is new."""
    made = copy.deepcopy(manifest)
    change(made)
    return made
