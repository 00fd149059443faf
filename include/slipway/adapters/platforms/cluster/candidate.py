"""A real server of one version on the cluster, which gets no traffic and leaves no log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from slipway.adapters.platforms.answers import answer_of
from slipway.adapters.platforms.cluster.context import Ground
from slipway.adapters.platforms.cluster.http_client import client
from slipway.adapters.platforms.cluster.manifests.candidate import trial_objects
from slipway.adapters.platforms.cluster.manifests.names import PORT, TRIAL, trial_name, version_name
from slipway.adapters.platforms.cluster.manifests.resources import sizing
from slipway.adapters.platforms.cluster.manifests.version import cluster_of
from slipway.adapters.platforms.cluster.observe.conditions import (
    hint_of,
    in_words,
    is_given_up,
    is_ready,
    is_refused_pods,
)
from slipway.adapters.platforms.cluster.observe.request_stats import figures_at
from slipway.adapters.platforms.cluster.observe.wait import POLL_SECONDS
from slipway.errors import PlatformUnavailable, RolloutRefused
from slipway.stages.rollout.platform import Payload, Prediction

KINDS = ("Deployment", "Service")

logger = logging.getLogger(__name__)


@contextmanager
def boot(ground: Ground, *, version: int, token: str | None) -> Iterator[Candidate]:
    """A server of a version in a pod of its own, deleted at the end.

    Its pod is that of the servers to come. What an earlier trial of this model left behind when
    it was killed is deleted first: nothing of it may be taken for this one's.

    Args:
        ground: The model and its cluster.
        version: The version to try.
        token: Bearer token that servers want, if they want one.

    Raises:
        RolloutRefused: It does not become ready.
        PlatformUnavailable: The cluster cannot even make its pod.
    """
    deadline = ground.clock() + cluster_of(ground.spec).ready_seconds
    while _delete(ground) and ground.clock() < deadline:
        ground.sleep(POLL_SECONDS / 5)
    began = ground.clock()
    try:
        size = sizing(cluster_of(ground.spec), ground.tags(version))
        for manifest in trial_objects(ground.spec, version, sizing=size):
            ground.objects.apply(manifest)
        with client(token=token) as asking:
            candidate = Candidate(
                ground, version, asking, name=trial_name(ground.spec.model, version)
            )
            _wait(ground, version, candidate.is_ready)
            candidate.cold_start_s = ground.clock() - began
            yield candidate
    finally:
        try:
            _delete(ground)
        except PlatformUnavailable as error:
            # What it showed stands; the next trial, or the next change of traffic, tidies up.
            logger.warning("the trial of version %s is left behind: %s", version, error.message)


@contextmanager
def at_work(ground: Ground, *, version: int, token: str | None) -> Iterator[Candidate]:
    """The servers of a version that are ready already: the very ones that get its requests next.

    A way back neither waits for a pod nor depends on room, image and registry for one. Their
    answers are logged as probes.

    Args:
        ground: The model and its cluster.
        version: A version with ready servers.
        token: Bearer token that servers want, if they want one.
    """
    with client(token=token) as asking:
        name = version_name(ground.spec.model, version)
        yield Candidate(ground, version, asking, name=name, probe=True)


class Candidate:
    """Fulfils `stages.platform.Candidate`: a server in a pod of its own.

    Args:
        ground: The model and its cluster.
        version: Its number.
        asking: Asks it.
        name: Of the Service that leads to it.
        probe: Whether its answers would be logged as those to clients, unless they are marked.

    Attributes:
        cold_start_s: Seconds from asking for its pod until it was ready: with the time that the
            pod took to be scheduled and its image to be pulled. 0 where it was ready already.
    """

    def __init__(
        self,
        ground: Ground,
        version: int,
        asking: httpx.Client,
        *,
        name: str,
        probe: bool = False,
    ) -> None:
        self.cold_start_s = 0.0
        self._marks: Mapping[str, Any] = {"parameters": {"probe": True}} if probe else {}
        model = ground.spec.model
        host = f"{name}.{cluster_of(ground.spec).namespace}.svc"
        self._server = httpx.URL(scheme="http", host=host, port=PORT)
        self._infer = f"{self._server}/v2/models/{model}/versions/{version}/infer"
        self._asking = asking

    @property
    def resident_mib(self) -> float:
        """Memory that its process holds, in MiB; 0 where it does not say."""
        figures = figures_at(self._asking, self._server)
        return 0.0 if figures is None else figures.resident_mib

    def is_ready(self) -> bool:
        """Whether it can be reached and answers."""
        with suppress(httpx.HTTPError):
            return self._asking.get(f"{self._server}/v2/health/ready", timeout=5).is_success
        return False

    def infer(self, payload: Payload) -> Prediction:
        """Its answer.

        Raises:
            BadRequest: The request was refused.
            PlatformUnavailable: There was no answer.
        """
        return answer_of(self._post(json={**payload, **self._marks}), self._infer)

    def refuses(self, body: bytes) -> bool:
        """Whether a body is refused as the client's mistake (4xx)."""
        return self._post(content=body).is_client_error

    def _post(self, **body: Any) -> httpx.Response:
        try:
            return self._asking.post(self._infer, **body)
        except httpx.HTTPError as error:
            raise PlatformUnavailable(
                "the candidate does not answer", found=type(error).__name__, where=self._infer
            ) from error


def _wait(ground: Ground, version: int, is_reached: Callable[[], bool]) -> None:
    cluster, model = cluster_of(ground.spec), ground.spec.model
    deadline = ground.clock() + cluster.ready_seconds
    while True:
        now = ground.objects.get("Deployment", trial_name(model, version))
        if is_ready(now, 1) and is_reached():
            return
        if is_given_up(now) or ground.clock() > deadline:
            # What keeps every pod away is no fault of the version's.
            kind = PlatformUnavailable if is_refused_pods(now) else RolloutRefused
            raise kind(
                "the candidate's server does not become ready",
                expected=f"a pod that is ready within {cluster.ready_seconds} s",
                found=in_words(now),
                where=f"Deployment {cluster.namespace}/{trial_name(model, version)}",
                hint=hint_of(cluster.namespace, model),
            )
        ground.sleep(POLL_SECONDS)


def _delete(ground: Ground) -> bool:
    """Whether there was any trial of the model to delete."""
    found = [one for kind in KINDS for one in ground.find(kind)]
    doomed = [one for one in found if TRIAL in one["metadata"]["labels"]]
    for one in doomed:
        ground.objects.delete(one)
    return bool(doomed)
