"""The local serving platform, asked through its front door.

What should be served goes through the store, where it is fenced; what is served is read back
over HTTP.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from slipway.adapters.platforms.answers import answer_of, let_in, said_by, trust, wait
from slipway.adapters.platforms.local.candidate import Candidate, boot
from slipway.errors import PlatformUnavailable
from slipway.records.desired_state import fence, write_desired
from slipway.records.store import Store
from slipway.stages.rollout.platform import Payload, Prediction, Served, VersionStats

OBSERVED_WITHIN_SECONDS = 120.0
STATUS_SECONDS = 10.0
ANSWER_SECONDS = 90.0


class LocalPlatform:
    """Fulfils `stages.rollout.Platform`.

    Args:
        url: Front door of the platform process.
        store: Where it reads what should be served.
        token: Bearer token that it wants, if it wants one.
        ca: PEM file: whom to trust when it speaks TLS; None: whom this machine trusts.
        pii_key_file: Key of hashed personal columns, for candidates.
        observed_within_seconds: How long `apply` waits for the platform to follow.

    Raises:
        BadParameter: The file of `ca` cannot be used.
    """

    def __init__(
        self,
        url: str,
        store: Store,
        *,
        token: str | None = None,
        ca: Path | None = None,
        pii_key_file: Path | None = None,
        observed_within_seconds: float = OBSERVED_WITHIN_SECONDS,
    ) -> None:
        self._url = url.rstrip("/")
        self._store = store
        self._pii_key_file = pii_key_file
        self._client = httpx.Client(
            headers={"authorization": f"Bearer {token}"} if token else None,
            verify=trust(ca, is_needed=self._url.startswith("https:")),
            # A platform that was killed leaves no connection behind that could be taken for alive.
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=STATUS_SECONDS,
            trust_env=False,
        )
        weakref.finalize(self, self._client.close)
        self._observed_within_seconds = observed_within_seconds

    def served(self, model: str) -> Served | None:
        """What is really served, or None when the platform was never asked to serve the model."""
        status = self._status(model)
        if status is None:
            return None
        ready = {int(version): bool(it["ready"]) for version, it in status["servers"].items()}
        return Served(
            weights={int(version): share for version, share in status["weights"].items()},
            healthy=ready,
            keep=tuple(status["keep"]),
            token=status["token"],
            tallies={int(version): VersionStats(**it) for version, it in status["tallies"].items()},
        )

    def apply(
        self,
        model: str,
        *,
        weights: Mapping[int, float],
        keep: Sequence[int],
        token: int,
        is_urgent: bool = False,
    ) -> None:
        """Change the traffic, and wait until the platform serves so.

        Raises:
            Superseded: A rollout with a newer token changed it meanwhile.
            PlatformUnavailable: The platform did not follow in time.
        """
        del is_urgent
        state = write_desired(self._store, model, weights=weights, keep=keep, token=token)
        # It looks at the store anyhow; the bell only spares the wait until it does.
        with suppress(httpx.HTTPError):
            self._client.post(f"{self._url}/platform/look")

        def observed() -> bool:
            status = self._status(model)
            if status is not None and status["desired"] > state.generation:
                # Somebody has asked for something else since; unless they may not, it is too late.
                fence(self._store, model, token=token)
            return bool(status and status["generation"] >= state.generation and status["settled"])

        if not wait(observed, self._observed_within_seconds):
            raise PlatformUnavailable(
                f"the platform does not serve {model} as it was asked to",
                expected=f"generation {state.generation} within {self._observed_within_seconds} s",
                found=self._trouble(model),
                where=self._url,
                hint="look at the output of its server, in the scratch folder",
            )

    def claim(self, model: str, *, token: int) -> None:
        """Let no rollout with an older token change the traffic from now on; it stays as it is.

        What an older one asked for and what is not in force yet will not be. The platform follows
        in its own time: what is fenced is the store.

        Raises:
            Superseded: A rollout with a newer token has claimed it.
            PlatformUnavailable: It does not say what is in force.
        """
        served = self.served(model)
        if served is None:
            fence(self._store, model, token=token)
        else:
            write_desired(self._store, model, weights=served.weights, keep=served.keep, token=token)

    def ask(self, model: str, payload: Payload, *, version: int | None = None) -> Prediction:
        """The answer of whoever serves now, or of one version.

        Raises:
            BadRequest: The request was refused.
            NotFound: It does not serve the model, or not that version.
            BadParameter: It does not let us in.
            PlatformUnavailable: There was no answer.
        """
        pinned = "" if version is None else f"/versions/{version}"
        url = f"{self._url}/v2/models/{model}{pinned}/infer"
        try:
            reply = self._client.post(url, json=payload, timeout=ANSWER_SECONDS)
        except httpx.HTTPError as error:
            raise self._unavailable(error) from error
        return answer_of(reply, url)

    def boot(self, model: str, *, version: int, folder: Path) -> AbstractContextManager[Candidate]:
        """A real server of a version, on a port of its own, whose log is thrown away.

        Raises:
            RolloutRefused: It does not become ready.
        """
        return boot(model, version=version, folder=folder, pii_key_file=self._pii_key_file)

    def _status(self, model: str) -> dict[str, Any] | None:
        url = f"{self._url}/platform/models/{model}"
        try:
            reply = self._client.get(url)
        except httpx.HTTPError as error:
            raise self._unavailable(error) from error
        let_in(reply, url)
        if reply.status_code == HTTPStatus.NOT_FOUND:
            return None
        if not reply.is_success:
            raise self._unavailable(None, found=said_by(reply))
        status: dict[str, Any] = reply.json()
        return status

    def _trouble(self, model: str) -> str:
        status = self._status(model)
        if status is None:
            return "it does not know the model yet"
        servers = status["servers"].items()
        said = [f"v{number}: {it['problem']}" for number, it in servers if it["problem"]]
        return f"generation {status['generation']}; {'; '.join(said) or 'servers are ready'}"

    def _unavailable(
        self, error: Exception | None, *, found: str | None = None
    ) -> PlatformUnavailable:
        return PlatformUnavailable(
            "the serving platform does not answer",
            found=found or (type(error).__name__ if error else None),
            where=self._url,
            hint="is `slipway platform` running?",
        )
