"""The batch platform: the version that scores is a numbered desired state in the store.

A version is in force once the desired state names it and its folder was loaded here. It answers in
this process, a candidate in a child process.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from slipway.adapters.platforms.batch.candidate import Candidate, boot
from slipway.adapters.platforms.batch.scoring import Package, score_request
from slipway.errors import NotFound, PlatformUnavailable, RegistryUnavailable, SpecError, Tampered
from slipway.records.desired_state import BATCH_FOLDER, DesiredState
from slipway.records.store import Store
from slipway.records.write_state import fence, write_desired
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.rollout.genuine_state import newest_genuine
from slipway.stages.rollout.platform import Payload, Prediction, Served
from slipway.stages.rollout.signed_states import StateTrust


class Version(Protocol):
    """A version of the registry."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""


class Versions(Protocol):
    """The registry of versions."""

    def version(self, model: str, version: int) -> Version:
        """One version.

        Raises:
            NotFound: There is no such version.
        """

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """Download a version's folder and check its digests, or that it has the digest meant.

        Raises:
            NotFound: There is no such version.
            Tampered: It has another digest, or a file differs from it.
        """


class BatchPlatform:
    """Fulfils `stages.rollout.platform.Platform`.

    Args:
        store: Keeps the desired state.
        versions: The registry.
        load: Loads a version's folder.
        command: Starts a process that answers requests with a folder, as `answer_requests` does.
        trust: Keys that sign the desired states and have to; None: they are not signed.
    """

    def __init__(
        self,
        store: Store,
        versions: Versions,
        *,
        load: Callable[[Path], Package],
        command: Callable[[Path], Sequence[str]],
        trust: StateTrust | None = None,
    ) -> None:
        self._store = store
        self._trust = trust or StateTrust(store)
        self._versions = versions
        self._load = load
        self._command = command
        self._loaded: dict[tuple[str, int, str | None], Package] = {}

    def served(self, model: str) -> Served | None:
        """The version that scores, and whether the registry has it; None before the first rollout.

        A number that belongs to other bytes by now is not the version that scores.

        Raises:
            PlatformUnavailable: The registry does not answer.
        """
        state = self._newest(model)
        if state is None:
            return None
        healthy = {version: self._is_there(state, version) for version in state.versions}
        return Served(
            weights=state.weights,
            healthy=healthy,
            keep=state.keep,
            token=state.token,
            digests=state.digests,
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
        """Load a version, then let it score.

        Raises:
            Superseded: A rollout with a newer token has changed the desired state.
            PlatformUnavailable: The version cannot be loaded.
        """
        del is_urgent
        state = self._newest(model)
        known = {**(state.digests if state else {}), **(digests or {})}
        for version in (one for one, share in weights.items() if share > 0):
            self._package(model, version, known.get(version))
        self._write(model, weights=weights, keep=keep, token=token, digests=digests)

    def claim(self, model: str, *, token: int) -> None:
        """Refuse changes by rollouts with an older token from now on.

        Raises:
            Superseded: A rollout with a newer token has claimed the model.
        """
        state = self._newest(model)
        if state is None:
            fence(self._store, model, token=token, folder=BATCH_FOLDER, keys=self._trust)
            return
        self._write(
            model, weights=state.weights, keep=state.keep, token=token, digests=state.digests
        )

    def remove_unserved(self, model: str, *, token: int) -> tuple[int, ...]:
        """Nothing: a version without a share does not run."""
        del model, token
        return ()

    def ask(self, model: str, payload: Payload, *, version: int | None = None) -> Prediction:
        """The scores of the version in force, or of a kept one.

        Raises:
            BadRequest: The request does not fit the model's signature.
            NotFound: No such version scores for this model.
            PlatformUnavailable: The version cannot be loaded.
        """
        state = self._newest(model)
        wanted = version if version is not None or state is None else _heaviest(state.weights)
        if state is None or wanted not in state.versions:
            raise NotFound(f"no such version of {model} scores", where=f"{BATCH_FOLDER}/{model}")
        body = json.dumps(payload).encode()
        package = self._package(model, wanted, state.digests.get(wanted))
        return Prediction(wanted, score_request(package, body))

    def boot(
        self, model: str, *, version: int, folder: Path, digest: str | None = None
    ) -> AbstractContextManager[Candidate]:
        """Start a version in a child process of its own.

        Raises:
            RolloutRefused: It does not become ready.
        """
        del digest
        return boot(self._command(folder), model, version)

    def _newest(self, model: str) -> DesiredState | None:
        return newest_genuine(self._store, model, folder=BATCH_FOLDER, trust=self._trust)

    def _write(self, model: str, **wanted: Any) -> None:
        above = self._trust.above(model, folder=BATCH_FOLDER)
        write_desired(
            self._store, model, **wanted, folder=BATCH_FOLDER, keys=self._trust, above=above
        )

    def _is_there(self, state: DesiredState, version: int) -> bool:
        try:
            found = self._versions.version(state.model, version).tags.get(DIGEST)
        except NotFound:
            return False
        except RegistryUnavailable as error:
            raise PlatformUnavailable(error.message, found=error.found) from error
        return found is None or state.digests.get(version, found) == found

    def _package(self, model: str, version: int, sha256: str | None) -> Package:
        key = model, version, sha256
        if key not in self._loaded:
            try:
                with tempfile.TemporaryDirectory(prefix="slipway-batch-") as scratch:
                    folder = self._versions.download(
                        model, version, Path(scratch) / "version", sha256=sha256
                    )
                    self._loaded[key] = self._load(folder)
            except (NotFound, SpecError, Tampered) as error:
                message = f"version {version} of {model} cannot be loaded"
                raise PlatformUnavailable(message, found=error.message) from error
        return self._loaded[key]


def _heaviest(weights: Mapping[int, float]) -> int | None:
    return max(weights, key=lambda version: weights[version], default=None)
