"""Where models without a server stand: which version scores is a numbered state in the store.

A rollout treats it as any platform. A version is in force once the state says so and its folder
was loaded here; it answers in this process, and a candidate in one of its own.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol, cast

import numpy as np
import pandas as pd

from slipway.errors import (
    BadRequest,
    NotFound,
    PlatformUnavailable,
    RegistryUnavailable,
    RolloutRefused,
    SpecError,
    Tampered,
)
from slipway.records.desired_state import BATCH_FOLDER, claim, desire, newest_desired
from slipway.records.store import Store
from slipway.stages.rollout.platform import Answer, Payload, Served, resident_mib
from slipway.stages.rollout.v2_decode import rows_asked

BOOT_SECONDS = 120.0
ANSWER_SECONDS = 60.0


class Versions(Protocol):
    """Where versions come from."""

    def version(self, model: str, version: int) -> object:
        """One version.

        Raises:
            NotFound: There is no such version.
        """

    def download(self, model: str, version: int, to: Path) -> Path:
        """A version's folder, its digests checked."""


class Package(Protocol):
    """A loaded model version."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """What its manifest says."""

    @property
    def signature_columns(self) -> Sequence[tuple[str, str, bool]]:
        """Name, kind and requiredness of its inputs."""

    def predict(self, frame: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Scores of shape (n_rows,)."""


class BatchPlatform:
    """Fulfils `stages.platform.Platform`.

    Args:
        store: Holds which version scores.
        versions: The registry.
        load: Loads a version's folder.
        command: Starts a process that answers for a folder, as `answer_for` does.
    """

    def __init__(
        self,
        store: Store,
        versions: Versions,
        *,
        load: Callable[[Path], Package],
        command: Callable[[Path], Sequence[str]],
    ) -> None:
        self._store = store
        self._versions = versions
        self._load = load
        self._command = command
        self._loaded: dict[tuple[str, int], Package] = {}

    def served(self, model: str) -> Served | None:
        """Which version scores, and whether the registry has it; None before the first rollout.

        Raises:
            PlatformUnavailable: The registry does not answer.
        """
        state = newest_desired(self._store, model, folder=BATCH_FOLDER)
        if state is None:
            return None
        healthy = {version: self._is_there(model, version) for version in state.versions}
        return Served(weights=state.weights, healthy=healthy, keep=state.keep, token=state.token)

    def apply(
        self,
        model: str,
        *,
        weights: Mapping[int, float],
        keep: Sequence[int],
        token: int,
        is_urgent: bool = False,
    ) -> None:
        """Let a version score, once it was loaded.

        Raises:
            Superseded: A rollout with a newer token changed it meanwhile.
            PlatformUnavailable: The version cannot be loaded.
        """
        del is_urgent
        for version in (one for one, share in weights.items() if share > 0):
            self._package(model, version)
        desire(self._store, model, weights=weights, keep=keep, token=token, folder=BATCH_FOLDER)

    def claim(self, model: str, *, token: int) -> None:
        """Let no rollout with an older token change which version scores from now on.

        Raises:
            Superseded: A rollout with a newer token has claimed it.
        """
        claim(self._store, model, token=token, folder=BATCH_FOLDER)

    def ask(self, model: str, payload: Payload, *, version: int | None = None) -> Answer:
        """The scores of the version that is in force, or of one that is kept.

        Raises:
            BadRequest: The request does not fit its signature.
            NotFound: It does not score for this model.
            PlatformUnavailable: It cannot be loaded.
        """
        state = newest_desired(self._store, model, folder=BATCH_FOLDER)
        wanted = version if version is not None or state is None else _heaviest(state.weights)
        if state is None or wanted not in state.versions:
            raise NotFound(f"no such version of {model} scores", where=f"{BATCH_FOLDER}/{model}")
        body = json.dumps(payload).encode()
        return Answer(wanted, answer(self._package(model, wanted), body))

    @contextmanager
    def boot(self, model: str, *, version: int, folder: Path) -> Iterator[Candidate]:
        """A version in a process of its own, which nobody else asks.

        Raises:
            RolloutRefused: It does not become ready.
        """
        began = time.monotonic()
        # Its errors go where this process's go: into the log of the task.
        with subprocess.Popen(
            list(self._command(folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        ) as process:
            candidate = Candidate(process, version)
            try:
                trouble = candidate.wait_until_ready()
                if trouble is not None:
                    said = f"the candidate of {model} does not become ready"
                    raise RolloutRefused(said, found=trouble)
                candidate.cold_start_s = time.monotonic() - began
                yield candidate
            finally:
                process.kill()

    def _is_there(self, model: str, version: int) -> bool:
        try:
            self._versions.version(model, version)
        except NotFound:
            return False
        except RegistryUnavailable as error:
            raise PlatformUnavailable(error.message, found=error.found) from error
        return True

    def _package(self, model: str, version: int) -> Package:
        if (model, version) not in self._loaded:
            try:
                with tempfile.TemporaryDirectory(prefix="slipway-batch-") as scratch:
                    folder = self._versions.download(model, version, Path(scratch) / "version")
                    self._loaded[model, version] = self._load(folder)
            except (NotFound, SpecError, Tampered) as error:
                said = f"version {version} of {model} cannot be loaded"
                raise PlatformUnavailable(said, found=error.message) from error
        return self._loaded[model, version]


class Candidate:
    """Fulfils `stages.platform.Candidate`: a version in a process of its own.

    Attributes:
        cold_start_s: Seconds from starting its process until it was ready.
    """

    def __init__(self, process: subprocess.Popen[bytes], version: int) -> None:
        self.cold_start_s = 0.0
        self._process = process
        self._requests = cast(IO[bytes], process.stdin)
        self._replies = cast(IO[bytes], process.stdout)
        self._version = version

    @property
    def resident_mib(self) -> float:
        """Memory that its process holds, in MiB."""
        return resident_mib(self._process.pid)

    def infer(self, payload: Payload) -> Answer:
        """Its scores.

        Raises:
            BadRequest: The request was refused.
            PlatformUnavailable: There was no answer.
        """
        said = self._ask(json.dumps(payload).encode())
        if "refused" in said:
            raise BadRequest("the request was refused", found=said["refused"])
        return Answer(self._version, tuple(said["scores"]))

    def refuses(self, body: bytes) -> bool:
        """Whether a body is refused as the asker's mistake."""
        return "refused" in self._ask(body)

    def wait_until_ready(self) -> str | None:
        """Why it does not become ready, or None once it is."""
        try:
            said = self._reply(BOOT_SECONDS)
        except PlatformUnavailable as error:
            return error.found
        return said.get("trouble")

    def _ask(self, body: bytes) -> dict[str, Any]:
        try:
            self._requests.write(b"%d\n%s" % (len(body), body))
            self._requests.flush()
        except OSError as error:
            raise PlatformUnavailable("the candidate is gone", found=str(error)) from error
        return self._reply(ANSWER_SECONDS)

    def _reply(self, seconds: float) -> dict[str, Any]:
        ready, _, _ = select.select([self._replies], [], [], seconds)
        line = self._replies.readline() if ready else b""
        if not line:
            found = f"nothing in {seconds:.0f} s" if not ready else "it ended"
            raise PlatformUnavailable("the candidate does not answer", found=found)
        said: dict[str, Any] = json.loads(line)
        return said


def answer(package: Package, body: bytes) -> tuple[float, ...]:
    """A loaded version's scores of the rows that a request holds.

    Raises:
        BadRequest: The request does not fit its signature.
    """
    others = (package.manifest["key"], package.manifest["event_time"])
    rows = rows_asked(body, package.signature_columns, others=others)
    return tuple(float(score) for score in package.predict(rows))


def answer_for(
    folder: Path, *, load: Callable[[Path], Package], requests: IO[bytes], replies: IO[bytes]
) -> None:
    """Load a version and answer requests until there are no more.

    A request is its length in bytes as a line, then its body; a reply is a line of JSON.

    Args:
        folder: The version's folder.
        load: Loads it.
        requests: Where they come from.
        replies: Where they go to.
    """

    def say(**said: object) -> None:
        replies.write(json.dumps(said).encode() + b"\n")
        replies.flush()

    try:
        package = load(folder)
    except (SpecError, Tampered) as error:
        say(trouble=str(error))
        return
    say(ready=True)
    while length := requests.readline():
        try:
            say(scores=answer(package, requests.read(int(length))))
        except BadRequest as error:
            say(refused=str(error))


def _heaviest(weights: Mapping[int, float]) -> int | None:
    return max(weights, key=lambda version: weights[version], default=None)
