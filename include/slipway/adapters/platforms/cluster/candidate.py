"""Candidate on the cluster: a server of one version without traffic and without a log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from slipway.adapters.platforms.cluster.context import ClusterContext
from slipway.adapters.platforms.cluster.http_client import open_client
from slipway.adapters.platforms.cluster.manifests.candidate import candidate_objects
from slipway.adapters.platforms.cluster.manifests.names import (
    PORT,
    candidate_name,
    is_candidate,
    version_name,
)
from slipway.adapters.platforms.cluster.manifests.resources import sizing
from slipway.adapters.platforms.cluster.manifests.version import cluster_of
from slipway.adapters.platforms.cluster.observe.conditions import (
    cannot_create_pods,
    format_deployment,
    is_given_up,
    is_ready,
    pods_hint,
)
from slipway.adapters.platforms.cluster.observe.request_stats import scrape
from slipway.adapters.platforms.cluster.observe.wait import POLL_SECONDS
from slipway.adapters.platforms.v2_replies import parse_answer
from slipway.errors import PlatformUnavailable, RolloutRefused
from slipway.stages.rollout.platform import Payload, Prediction

KINDS = ("Service", "Deployment")
"""A Deployment goes last: by it a candidate that a killed process left is found."""

logger = logging.getLogger(__name__)


@contextmanager
def boot(
    context: ClusterContext,
    *,
    version: int,
    digest: str | None,
    token: str | None,
    by_route: bool,
) -> Iterator[Candidate]:
    """Start a server of a version in a pod of its own, and delete it at the end.

    Its pod is the one that later serves. A candidate of this model that a killed process left
    behind is deleted first, so that it cannot answer in place of this one.

    Args:
        context: The model's tools.
        version: The version to verify.
        digest: Digest of its manifest; None: any.
        token: Bearer token for the servers, if they require one.
        by_route: Whether the model's entry point is a route.

    Raises:
        RolloutRefused: It does not become ready.
        PlatformUnavailable: The cluster cannot create its pod.
    """
    deadline = context.clock() + cluster_of(context.spec).ready_seconds
    while delete_candidates(context) and context.clock() < deadline:
        context.sleep(POLL_SECONDS / 5)
    began = context.clock()
    try:
        size = sizing(cluster_of(context.spec), context.tags(version))
        for manifest in candidate_objects(context.spec, version, sizing=size, digest=digest):
            context.api.apply(manifest)
        with open_client(token=token) as client:
            candidate = Candidate(
                context, version, client, name=candidate_name(context.spec.model, version)
            )
            warn = _edit_warning(context, by_route=by_route)
            _wait_until_ready(context, version, candidate.is_ready, each_time=warn)
            candidate.cold_start_s = context.clock() - began
            yield candidate
    finally:
        try:
            delete_candidates(context)
        except PlatformUnavailable as error:
            # The verification stands; the next candidate, change of traffic or sweep deletes it.
            logger.warning(
                "the candidate of version %s could not be deleted: %s", version, error.message
            )


@contextmanager
def ready_servers(
    context: ClusterContext, *, version: int, token: str | None
) -> Iterator[Candidate]:
    """Use the ready servers of a version as the candidate: exactly they get its requests next.

    So a rollback neither waits for a pod nor depends on capacity, image and registry for one.
    Answers are logged as probes.

    Args:
        context: The model's tools.
        version: A version with ready servers.
        token: Bearer token for the servers, if they require one.
    """
    with open_client(token=token) as client:
        name = version_name(context.spec.model, version)
        yield Candidate(context, version, client, name=name, probe=True)


class Candidate:
    """Fulfils `stages.rollout.platform.Candidate`: a version's server on the cluster.

    Args:
        context: The model's tools.
        version: Its number.
        client: Sends its requests.
        name: Of the Service in front of it.
        probe: Whether to mark requests as probes, since the server ships a prediction log.

    Attributes:
        cold_start_s: Seconds from creating its pod until it was ready, including the scheduling of
            the pod and the pull of its image. 0 where it was ready already.
    """

    def __init__(
        self,
        context: ClusterContext,
        version: int,
        client: httpx.Client,
        *,
        name: str,
        probe: bool = False,
    ) -> None:
        self.cold_start_s = 0.0
        self._marks: Mapping[str, Any] = {"parameters": {"probe": True}} if probe else {}
        model = context.spec.model
        host = f"{name}.{cluster_of(context.spec).namespace}.svc"
        self._server = httpx.URL(scheme="http", host=host, port=PORT)
        self._infer = f"{self._server}/v2/models/{model}/versions/{version}/infer"
        self._client = client

    @property
    def resident_mib(self) -> float:
        """Resident memory of its process, in MiB; 0 where it is unknown."""
        metrics = scrape(self._client, self._server)
        return 0.0 if metrics is None else metrics.resident_mib

    def is_ready(self) -> bool:
        """Whether it can be reached and its model is loaded."""
        with suppress(httpx.HTTPError):
            return self._client.get(f"{self._server}/v2/health/ready", timeout=5).is_success
        return False

    def infer(self, payload: Payload) -> Prediction:
        """Send a request.

        Raises:
            BadRequest: The request was refused.
            PlatformUnavailable: There was no answer.
        """
        return parse_answer(self._post(json={**payload, **self._marks}), self._infer)

    def refuses(self, body: bytes) -> bool:
        """Whether it refuses a body as the client's mistake (4xx)."""
        return self._post(content=body).is_client_error

    def _post(self, **body: Any) -> httpx.Response:
        try:
            return self._client.post(self._infer, **body)
        except httpx.HTTPError as error:
            raise PlatformUnavailable(
                "the candidate does not answer", found=type(error).__name__, where=self._infer
            ) from error


def _wait_until_ready(
    context: ClusterContext,
    version: int,
    is_reached: Callable[[], bool],
    *,
    each_time: Callable[[], None],
) -> None:
    cluster, model = cluster_of(context.spec), context.spec.model
    deadline = context.clock() + cluster.ready_seconds
    while True:
        now = context.api.get("Deployment", candidate_name(model, version))
        if is_ready(now, 1) and is_reached():
            return
        if is_given_up(now) or context.clock() > deadline:
            # A quota or rule that refuses every pod is no failure of the version.
            kind = PlatformUnavailable if cannot_create_pods(now) else RolloutRefused
            raise kind(
                "the candidate's server does not become ready",
                expected=f"a pod that is ready within {cluster.ready_seconds} s",
                found=format_deployment(now),
                where=f"Deployment {cluster.namespace}/{candidate_name(model, version)}",
                hint=pods_hint(cluster.namespace, model),
            )
        each_time()
        context.sleep(POLL_SECONDS)


def _edit_warning(context: ClusterContext, *, by_route: bool) -> Callable[[], None]:
    """Look for manual edits of what serves, and log each once.

    They stop no verification, which changes no traffic; the next step does.
    """
    seen: set[str] = set()

    def look() -> None:
        live = context.read_with_owned(by_route=by_route, versions=())
        found = {one.text for one in context.manual_edits(live)}
        for text in sorted(found - seen):
            logger.warning("edited by hand while a candidate starts: %s", text)
        seen.update(found)

    return look


def delete_candidates(context: ClusterContext) -> bool:
    """Delete every candidate of the model; returns whether there was any."""
    found = [one for kind in KINDS for one in context.find_owned(kind, versions=None)]
    left = [one for one in found if is_candidate(one)]
    for one in left:
        context.api.delete(one)
    return bool(left)
