"""The local platform: desired state through the store, served state and requests over HTTP.

Writes of the desired state are fenced by the rollout's token.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx

from slipway.adapters.platforms.local.candidate import Candidate, boot
from slipway.adapters.platforms.v2_replies import (
    code_in,
    error_in,
    parse_answer,
    raise_if_unauthorized,
    tls_context,
    wait_until,
)
from slipway.errors import PlatformUnavailable
from slipway.records.desired_state import DesiredState, state_key
from slipway.records.store import Store
from slipway.records.write_state import StateKeys, fence, write_desired
from slipway.settings import split_userinfo
from slipway.stages.rollout.genuine_state import Forgery
from slipway.stages.rollout.platform import STORE_UNREAD, Payload, Prediction, Served, VersionStats

OBSERVED_WITHIN_SECONDS = 120.0
STATUS_SECONDS = 10.0
ANSWER_SECONDS = 90.0
STARTS_WITHIN_SECONDS = 5.0
"""How long a platform may take to read the store after its start."""

STARTING_POLL_SECONDS = 0.1


def _login(userinfo: str) -> tuple[str, str] | None:
    user, _, password = userinfo.partition(":")
    return (unquote(user), unquote(password)) if userinfo else None


class LocalPlatform:
    """Fulfils `stages.rollout.platform.Platform`.

    Args:
        url: Of the platform process's reverse proxy; a user and password in it are sent to a proxy
            in front of it, and shown nowhere.
        store: Keeps the desired state.
        token: Bearer token for the platform, if it requires one.
        ca: PEM file of the platform's certificate authority; None: the system's.
        pii_key_file: Key of hashed personal columns, for candidates.
        trusted_keys: Public keys, by one of which a candidate has to be signed; None: by none.
        keys: Keys that sign the desired states; None: they are not signed.
        observed_within_seconds: How long `apply` waits for the platform.

    Raises:
        BadParameter: The file of `ca` cannot be read.
    """

    def __init__(
        self,
        url: str,
        store: Store,
        *,
        token: str | None = None,
        ca: Path | None = None,
        pii_key_file: Path | None = None,
        trusted_keys: Path | None = None,
        keys: StateKeys | None = None,
        observed_within_seconds: float = OBSERVED_WITHIN_SECONDS,
    ) -> None:
        address, userinfo = split_userinfo(url)
        self._url = address.rstrip("/")
        self._store = store
        self._pii_key_file = pii_key_file
        self._trusted_keys = trusted_keys
        self._keys = keys
        self._client = httpx.Client(
            auth=_login(userinfo),
            headers={"authorization": f"Bearer {token}"} if token else None,
            verify=tls_context(ca, is_needed=self._url.startswith("https:")),
            # No connection is reused: the platform may have been restarted since.
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=STATUS_SECONDS,
            trust_env=False,
        )
        weakref.finalize(self, self._client.close)
        self._observed_within_seconds = observed_within_seconds

    def served(self, model: str) -> Served | None:
        """The traffic in force, or None before the first rollout."""
        status = self._status(model)
        if status is None:
            return None
        ready = {int(version): bool(it["ready"]) for version, it in status["servers"].items()}
        return Served(
            weights={int(version): share for version, share in status["weights"].items()},
            healthy=ready,
            keep=tuple(status["keep"]),
            token=status["token"],
            digests={
                int(version): it["digest"]
                for version, it in status["servers"].items()
                if it.get("digest")
            },
            tallies={int(version): VersionStats(**it) for version, it in status["tallies"].items()},
            starting=_starting(status),
            refused=tuple(one.sentence for one in _refused(status)),
        )

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
        """Change the traffic, and wait until the change is in force.

        Raises:
            Superseded: A rollout with a newer token has changed the traffic.
            PlatformUnavailable: The change was not in force in time.
        """
        del is_urgent
        state = self._write(model, weights=weights, keep=keep, token=token, digests=digests)
        # The platform polls the store anyway; this request only saves the wait.
        with suppress(httpx.HTTPError):
            self._client.post(f"{self._url}/platform/look")

        def observed() -> bool:
            status = self._status(model)
            if status is not None and status["desired"] > state.generation:
                # A newer desired state exists; raises if a newer rollout wrote it.
                fence(self._store, model, token=token, keys=self._keys)
            self._raise_if_refused(status, state)
            return bool(status and status["generation"] >= state.generation and status["settled"])

        if not wait_until(observed, self._observed_within_seconds):
            raise PlatformUnavailable(
                f"the platform does not serve the desired state of {model}",
                expected=f"generation {state.generation} within {self._observed_within_seconds} s",
                found=self._problem(model),
                where=self._url,
                hint="read the output of its server, in the scratch folder",
            )

    def claim(self, model: str, *, token: int) -> None:
        """Refuse changes by rollouts with an older token from now on; the traffic stays.

        A desired state of an older rollout that is not in force yet is replaced. The claim is a
        fenced write to the store, so it does not wait for the platform.

        Raises:
            Superseded: A rollout with a newer token has claimed the traffic.
            PlatformUnavailable: The platform does not return the traffic in force.
        """
        served = self.served(model)
        if served is None:
            fence(self._store, model, token=token, keys=self._keys)
        else:
            self._write(
                model,
                weights=served.weights,
                keep=served.keep,
                token=token,
                digests=served.digests,
            )

    def _write(self, model: str, **wanted: Any) -> DesiredState:
        """Write a state above the one that the platform has followed, where states are signed."""
        status = self._status(model) if self._keys is not None and self._keys.signs else None
        above = 0 if status is None else int(status["desired"])
        return write_desired(self._store, model, **wanted, keys=self._keys, above=above)

    def _raise_if_refused(self, status: Mapping[str, Any] | None, state: DesiredState) -> None:
        key = state_key(state.model, state.generation)
        for one in _refused(status or {}):
            if one.key == key:
                raise PlatformUnavailable(
                    f"the platform does not follow the desired state of {state.model}",
                    expected=f"generation {state.generation} to be followed",
                    found=f"it {one.reason}",
                    where=self._url,
                    hint=one.mend or "`slipway ledger verify` names what no rollout wrote",
                )

    def remove_unserved(self, model: str, *, token: int) -> tuple[int, ...]:
        """Nothing: the platform itself stops what has no share and is not kept."""
        del model, token
        return ()

    def ask(self, model: str, payload: Payload, *, version: int | None = None) -> Prediction:
        """Send a request to the model, or to one version of it.

        Raises:
            BadRequest: The request was refused.
            NotFound: The model, or that version of it, is not served.
            BadParameter: The bearer token was refused.
            PlatformUnavailable: There was no answer.
        """
        pinned = "" if version is None else f"/versions/{version}"
        url = f"{self._url}/v2/models/{model}{pinned}/infer"
        return parse_answer(self._ask("POST", url, json=payload, timeout=ANSWER_SECONDS), url)

    def boot(
        self, model: str, *, version: int, folder: Path, digest: str | None = None
    ) -> AbstractContextManager[Candidate]:
        """Start a server of a version on a free port; its log is discarded.

        Raises:
            RolloutRefused: It does not become ready.
        """
        del digest
        return boot(
            model,
            version=version,
            folder=folder,
            pii_key_file=self._pii_key_file,
            trusted_keys=self._trusted_keys,
        )

    def _status(self, model: str) -> dict[str, Any] | None:
        url = f"{self._url}/platform/models/{model}"
        reply = self._ask("GET", url)
        raise_if_unauthorized(reply, url)
        if reply.status_code == HTTPStatus.NOT_FOUND:
            return None
        if not reply.is_success:
            raise self._unavailable(None, found=error_in(reply))
        status: dict[str, Any] = reply.json()
        return status

    def _ask(self, method: str, url: str, **named: Any) -> httpx.Response:
        """The platform's reply, once it has read the store or does not in time."""
        deadline = time.monotonic() + STARTS_WITHIN_SECONDS
        while True:
            try:
                reply = self._client.request(method, url, **named)
            except httpx.HTTPError as error:
                raise self._unavailable(error) from error
            if code_in(reply) != STORE_UNREAD or time.monotonic() > deadline:
                return reply
            time.sleep(STARTING_POLL_SECONDS)

    def _problem(self, model: str) -> str:
        status = self._status(model)
        if status is None:
            return "it has not read the model's desired state yet"
        servers = [*status["servers"].items(), *status.get("starting", {}).items()]
        problems = [f"v{number}: {it['problem']}" for number, it in servers if it["problem"]]
        return f"generation {status['generation']}; {'; '.join(problems) or 'servers are ready'}"

    def _unavailable(
        self, error: Exception | None, *, found: str | None = None
    ) -> PlatformUnavailable:
        return PlatformUnavailable(
            "the serving platform does not answer",
            found=found or (type(error).__name__ if error else None),
            where=self._url,
            hint="read its log" if found else "check that `slipway platform` runs",
        )


def _refused(status: Mapping[str, Any]) -> list[Forgery]:
    """Newer states that the platform does not follow."""
    return [Forgery(**one) for one in status.get("forged", [])]


def _starting(status: Mapping[str, Any]) -> tuple[int, ...]:
    """Versions whose servers start with the platform, or are about to be made."""
    servers = status["servers"]
    made = {int(version) for version, it in servers.items() if it.get("booting")}
    return tuple(sorted(made | {int(one) for one in status["weights"] if one not in servers}))
