"""The local platform: one process that keeps a server per version alive and routes among them.

What should be served is read from the store; what is served, this process says itself.
Killed and started again, it resumes from the store and from what it has downloaded.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from slipway import __version__
from slipway.errors import BadParameter, SlipwayError
from slipway.records.desired import newest_entries, read_desired
from slipway.records.store import Entry, Store
from slipway.serving.processes import Server, Shipper
from slipway.serving.traffic import Traffic
from slipway.serving.web import bind, not_here, problem, run_until_stopped

ANSWER_SECONDS = 60.0
CONNECTIONS = 256

logger = logging.getLogger(__name__)


class Versions(Protocol):
    """Where model versions come from."""

    def download(self, model: str, version: int, to: Path) -> Path:
        """The folder of a model version, its digests checked, complete or not at all.

        Raises:
            NotFound: There is no such version.
            Tampered: A file differs from its digest.
            RegistryUnavailable: The registry does not answer.
        """


class LocalPlatform:
    """The platform's state and its HTTP face.

    Args:
        store: Holds what should be served, and takes the prediction log.
        versions: Where model versions come from.
        scratch: Local folder of this platform alone.
        poll_seconds: How often the store is asked what should be served.
        roll_seconds: A prediction-log segment is shipped after so long.
    """

    def __init__(
        self,
        *,
        store: Store,
        versions: Versions,
        scratch: Path,
        poll_seconds: float,
        roll_seconds: float,
    ) -> None:
        self._store = store
        self._versions = versions
        self._scratch = scratch
        self._poll_seconds = poll_seconds
        self._roll_seconds = roll_seconds
        self._models: dict[str, Traffic] = {}
        self._seen: dict[str, Entry] = {}
        self._looked = False
        self._client: httpx.AsyncClient
        self._lifeline, self._life = os.pipe()

    def app(self) -> Starlette:
        """The ASGI application."""
        model = "/v2/models/{model}"
        pinned = model + "/versions/{version:int}"
        routes = [
            Route("/v2", self._metadata),
            Route("/v2/health/live", self._live),
            Route("/v2/health/ready", self._ready),
            Route("/platform/models", self._all),
            Route("/platform/models/{model}", self._one),
        ]
        for stem in (model, pinned):
            routes += [
                Route(stem, self._forward),
                Route(stem + "/ready", self._model_ready),
                Route(stem + "/infer", self._forward, methods=["POST"]),
            ]
        return Starlette(
            routes=routes,
            lifespan=self._lifespan,
            exception_handlers={404: not_here, 405: not_here},
        )

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        limits = httpx.Limits(
            max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=30
        )
        timeout = httpx.Timeout(ANSWER_SECONDS, connect=2)
        # The client speaks to loopback only; a proxy from the environment would not know it.
        async with httpx.AsyncClient(limits=limits, timeout=timeout, trust_env=False) as client:
            self._client = client
            shipper = self._shipper()
            shipper.start()
            following = asyncio.create_task(self._follow())
            yield
            following.cancel()
            await asyncio.gather(*(traffic.stop() for traffic in self._models.values()))
            await shipper.stop()

    async def _follow(self) -> None:
        while True:
            try:
                await self._look()
            except (SlipwayError, ValueError, KeyError, TypeError) as error:
                # Whatever lies in the store, the platform goes on following it.
                logger.warning("what is served stays as it is: %s", error)
            for traffic in self._models.values():
                traffic.advance()
            await asyncio.sleep(self._poll_seconds)

    async def _look(self) -> None:
        entries = await asyncio.to_thread(newest_entries, self._store)
        for model, entry in entries.items():
            if self._seen.get(model) != entry:
                desired = await asyncio.to_thread(read_desired, self._store, entry)
                self._seen[model] = entry
                if model in self._models:
                    self._models[model].desired = desired
                else:
                    self._models[model] = Traffic(desired, make=self._server)
        self._looked = True

    def _server(self, model: str, version: int, changed: Callable[[], None]) -> Server:
        return Server(
            model,
            version,
            fetch=partial(asyncio.to_thread, self._fetch, model, version),
            client=self._client,
            changed=changed,
            log_folder=self._scratch / "log",
            roll_seconds=self._roll_seconds,
            logs=self._scratch / "output",
            lifeline=self._lifeline,
        )

    def _shipper(self) -> Shipper:
        return Shipper(
            store_root=self._store.root,
            log_folder=self._scratch / "log",
            poll_seconds=min(0.5, self._roll_seconds / 2),
            logs=self._scratch / "output",
            lifeline=self._lifeline,
        )

    def _fetch(self, model: str, version: int) -> Path:
        """The version's folder on this machine; what is here needs no registry."""
        folder = self._scratch / "models" / model / str(version)
        if folder.is_dir():
            return folder
        return self._versions.download(model, version, folder)

    async def _metadata(self, _request: Request) -> Response:
        return JSONResponse({"name": "slipway", "version": __version__, "extensions": []})

    async def _live(self, _request: Request) -> Response:
        return JSONResponse({"live": True})

    async def _ready(self, _request: Request) -> Response:
        waiting = [name for name, traffic in self._models.items() if not traffic.is_ready(None)]
        if waiting or not self._looked:
            return problem(503, f"not ready: {', '.join(waiting) or 'the store was not read yet'}")
        return JSONResponse({"ready": True})

    async def _all(self, _request: Request) -> Response:
        models = [traffic.status() for _, traffic in sorted(self._models.items())]
        return JSONResponse({"models": models})

    async def _one(self, request: Request) -> Response:
        traffic = self._models.get(request.path_params["model"])
        if traffic is None:
            return self._unknown()
        return JSONResponse(traffic.status())

    async def _model_ready(self, request: Request) -> Response:
        traffic = self._models.get(request.path_params["model"])
        if traffic is None:
            return self._unknown()
        if not traffic.is_ready(request.path_params.get("version")):
            return problem(503, "no server of that model is ready")
        return JSONResponse({"ready": True})

    async def _forward(self, request: Request) -> Response:
        traffic = self._models.get(request.path_params["model"])
        if traffic is None:
            return self._unknown()
        version = request.path_params.get("version")
        if version is not None and version not in traffic.servers:
            return problem(404, "that version is not running here")
        return await traffic.forward(request, request.url.path, version=version)

    def _unknown(self) -> Response:
        if not self._looked:
            return problem(503, "the store was not read yet; ask again")
        return problem(404, "no such model is served here")


def run(
    *,
    store: Store,
    versions: Versions,
    scratch: Path,
    port: int,
    host: str = "127.0.0.1",
    poll_seconds: float = 0.25,
    roll_seconds: float = 2.0,
    lifeline: int | None = None,
) -> None:
    """Run the platform until SIGTERM; then let every request finish, ship the log, and return.

    Args:
        store: Holds what should be served, and takes the prediction log.
        versions: Where model versions come from; the registry.
        scratch: Local folder of this platform alone: downloads, log segments, outputs.
        port: Where to listen.
        host: The address to listen on; loopback unless asked otherwise.
        poll_seconds: How often the store is asked what should be served.
        roll_seconds: A prediction-log segment is shipped after so long.
        lifeline: Descriptor of an inherited pipe; when its other end closes, the platform ends.

    Raises:
        BadParameter: Another platform uses this scratch folder.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    scratch.mkdir(parents=True, exist_ok=True)
    with (scratch / "platform.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadParameter(
                "another platform uses this scratch folder",
                where=str(scratch),
                hint="stop it, or set SLIPWAY_SCRATCH to another folder",
            ) from None
        platform = LocalPlatform(
            store=store,
            versions=versions,
            scratch=scratch,
            poll_seconds=poll_seconds,
            roll_seconds=roll_seconds,
        )
        run_until_stopped(platform.app(), bind(host, port), lifeline=lifeline)
