"""Platform port: what serves models, and the values that it reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from slipway.spec.labels import Label
from slipway.stages.model.agreement import RowScores

Payload = Mapping[str, Any]
"""Body of a V2 inference request."""

STORE_UNREAD = "store"
"""Code of a platform that has just started: it does not know yet what it serves."""


@dataclass(frozen=True)
class VersionStats:
    """Request statistics of one version since the present weights came into force.

    Attributes:
        asked: Requests routed to it by weight, whether or not its server could answer.
        failed: Those that failed: no connection, a time-out or a 5xx.
        p99_ms: 99th percentile of latency, in milliseconds; None without an answer.
    """

    asked: int = 0
    failed: int = 0
    p99_ms: float | None = None


@dataclass(frozen=True)
class Served:
    """Live state of one model on a platform.

    Attributes:
        weights: Share of the requests by version, as in force.
        healthy: Whether its server can answer, by running version.
        keep: Versions kept warm without a share.
        token: Fencing token of the rollout that applied this.
        tallies: Request statistics by weighted version since these weights came into force; a
            restarted platform counts anew.
        edited: Manual edit of a field that rollouts own, with its field manager; None: no edit.
        has_edited_traffic: Whether the edit concerns the routing, so that a roll-back would
            overwrite it.
        digests: Digest of each version's manifest, as far as it is known. A version is its digest:
            its number may be another version's in the registry by now.
        unserved: Versions that run, or could, but neither have a share nor are kept: a rollout that
            stopped has left them.
        starting: Versions whose servers start for the first time since the platform itself did, so
            that it does not know yet whether they can answer.
        refused: A sentence about each newer desired state that the platform does not follow.
        candidates: Versions that have a candidate's server on a cluster: one that is verified just
            now, or a verification that stopped has left it.
    """

    weights: Mapping[int, float]
    healthy: Mapping[int, bool]
    keep: tuple[int, ...]
    token: int
    tallies: Mapping[int, VersionStats] = field(default_factory=dict)
    edited: str | None = None
    has_edited_traffic: bool = False
    digests: Mapping[int, str] = field(default_factory=dict)
    unserved: tuple[int, ...] = ()
    candidates: tuple[int, ...] = ()
    starting: tuple[int, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def is_starting(self) -> bool:
        """Whether one version takes every request, and its server starts with the platform."""
        return len(self.weights) == 1 and self.weights.keys() <= set(self.starting)

    @property
    def version(self) -> int | None:
        """The one version that takes every request and can answer, or None."""
        [*versions] = self.weights
        if len(versions) == 1 and self.healthy.get(versions[0], False):
            return versions[0]
        return None


@dataclass(frozen=True)
class Prediction:
    """Answer to one request.

    Attributes:
        version: The version that gave it.
        scores: One score per row; of a multi-class model one per class in each.
        labels: Labels of a multi-class model's rows, where the platform answers them.
    """

    version: int
    scores: RowScores
    labels: Sequence[Label] = ()


class Candidate(Protocol):
    """A model server of one version without traffic."""

    @property
    def cold_start_s(self) -> float:
        """Seconds from process start until ready."""

    @property
    def resident_mib(self) -> float:
        """Resident memory of its process, in MiB."""

    def infer(self, payload: Payload) -> Prediction:
        """Send a request and return the prediction.

        Raises:
            BadRequest: The request was refused.
            PlatformUnavailable: There was no answer.
        """

    def refuses(self, body: bytes) -> bool:
        """Whether it refuses a body with a client error."""


def resident_mib(pid: int) -> float:
    """Resident memory of a process of this machine, in MiB; 0 if it is a zombie."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


class ServedReader(Protocol):
    """Reads the live state of a platform; all that monitoring and reports need of it."""

    def served(self, model: str) -> Served | None:
        """Live state of a model, or None when it was never served.

        Raises:
            PlatformUnavailable: The platform does not answer.
        """


class Platform(ServedReader, Protocol):
    """Serves versions of models by weight."""

    def apply(
        self,
        model: str,
        *,
        weights: Mapping[int, float],
        keep: Sequence[int],
        token: int,
        digests: Mapping[int, str] | None = None,
        is_urgent: bool = False,
    ) -> None:
        """Apply weights, and wait until they are in force.

        A version whose bytes do not have its digest never serves; what served before goes on.

        Args:
            model: Name of the model.
            weights: Share of the requests by version.
            keep: Versions kept warm without a share.
            token: Fencing token of the rollout.
            digests: Digest of each version's manifest; one that is not given stays as it is.
            is_urgent: Whether this is a roll-back or repair: it works around manual edits, which
                otherwise stop the change. The edits stay either way.

        Raises:
            Superseded: A rollout with a newer token changed the traffic meanwhile.
            EditedByHand: A field that rollouts own was edited by hand; the edit stays.
            PlatformUnavailable: The weights were not in force in time.
        """

    def claim(self, model: str, *, token: int) -> None:
        """Fence off rollouts with older tokens, without changing the traffic.

        A rollout that is waiting for a server is fenced off too. No effect on a model that was
        never served.

        Raises:
            Superseded: A rollout with a newer token has claimed the traffic.
            EditedByHand: The traffic was edited by hand; the edit stays.
            PlatformUnavailable: The platform does not answer.
        """

    def remove_unserved(self, model: str, *, token: int) -> tuple[int, ...]:
        """Take away versions that neither have a share nor are kept; return those that went.

        Candidates' servers go too. The traffic and its token stay. A version that was edited by
        hand stays, too. Call it under the model's lease: a rollout that is under way starts servers
        before they get a share.

        Raises:
            Superseded: A rollout with a newer token has claimed the traffic.
            PlatformUnavailable: The platform does not answer.
        """

    def ask(self, model: str, payload: Payload, *, version: int | None = None) -> Prediction:
        """Send a request through the live traffic, or to one version.

        Raises:
            BadRequest: The request was refused.
            NotFound: The model, or that version of it, is not served.
            PlatformUnavailable: There was no answer, as from a cluster without the model's entry.
        """

    def boot(
        self, model: str, *, version: int, folder: Path, digest: str | None = None
    ) -> AbstractContextManager[Candidate]:
        """Boot a model server without traffic and without a prediction log.

        Args:
            model: Name of the model.
            version: Its number.
            folder: The version's folder.
            digest: Digest of its manifest, for a server that downloads the version itself.

        Raises:
            RolloutRefused: It does not become ready.
        """
