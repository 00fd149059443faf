"""The local platform: one process that keeps a server per version alive and routes among them.

What should be served is read from the store; what is served, this process says itself.
Killed and started again, it resumes from the store and from what it has downloaded.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.types import ASGIApp

from slipway.errors import BadParameter, SlipwayError
from slipway.records.desired_state import DesiredState, newest_entries, read_desired
from slipway.records.store import Entry, Store
from slipway.serving.http.auth import require_token
from slipway.serving.http.server import bind, run_until_stopped
from slipway.serving.platform.metrics import PlatformMetrics
from slipway.serving.platform.proxy.forwarding import Forwarder
from slipway.serving.platform.proxy.reverse_proxy import ReverseProxy
from slipway.serving.platform.status_pages import StatusPages
from slipway.serving.platform.supervisor.downloads import Downloads, Versions
from slipway.serving.platform.supervisor.server_process import ServerProcess
from slipway.serving.platform.supervisor.supervised_process import ProcessContext, ShipperProcess
from slipway.serving.platform.traffic import Traffic
from slipway.serving.server_options import Options

logger = logging.getLogger(__name__)


class ServingPlatform:
    """What a platform does, and its HTTP face.

    Args:
        store: Holds what should be served, and takes the prediction log.
        versions: Where model versions come from.
        scratch: Local folder of this platform alone.
        poll_seconds: How often the store is asked what should be served.
        options: Limits, log and security, of the front door and of every server.
    """

    def __init__(
        self,
        *,
        store: Store,
        versions: Versions,
        scratch: Path,
        poll_seconds: float,
        options: Options,
    ) -> None:
        self._store = store
        self._downloads = Downloads(versions, scratch / "models")
        self._poll_seconds = poll_seconds
        self._options = options
        self._models: dict[str, Traffic] = {}
        self._metrics = PlatformMetrics(self._models)
        self._seen: dict[str, Entry] = {}
        self._look_now = asyncio.Event()
        lifeline, self._life = os.pipe()
        self._around = ProcessContext(scratch / "log", scratch / "output", options, lifeline)
        self._pages = StatusPages(self._models, metrics=self._metrics, look_now=self._look_now.set)

    def app(self) -> ASGIApp:
        """The ASGI application.

        Raises:
            BadParameter: The tokens file cannot be used.
        """
        door = ReverseProxy(
            self._models,
            forwarding=Forwarder(self._metrics),
            pages=self._pages.app(self._lifespan),
            max_body_bytes=self._options.max_body_bytes,
        )
        refused = self._metrics.auth_failures.inc
        return require_token(door, self._options.tokens_file, refused=refused)

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        shipper = ShipperProcess(store_root=self._store.root, around=self._around)
        shipper.start()
        following = asyncio.create_task(self._follow())
        yield
        following.cancel()
        self._downloads.close()
        await asyncio.gather(*(traffic.stop() for traffic in self._models.values()))
        await shipper.stop()

    async def _follow(self) -> None:
        while True:
            # Whatever happens while looking is looked at again.
            self._look_now.clear()
            try:
                await self._look()
            except (SlipwayError, ValueError, KeyError, TypeError) as error:
                # Whatever lies in the store, the platform goes on following it.
                logger.warning("what is served stays as it is: %s", error)
            for traffic in self._models.values():
                traffic.advance()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), self._poll_seconds)

    async def _look(self) -> None:
        entries = await asyncio.to_thread(newest_entries, self._store)
        for model, entry in entries.items():
            if self._seen.get(model) != entry:
                desired = await asyncio.to_thread(read_desired, self._store, entry)
                await self._take(desired)
                self._seen[model] = entry
        self._pages.has_looked = True

    async def _take(self, desired: DesiredState) -> None:
        """Follow a new state; a server whose version is another one by now is replaced."""
        traffic = self._models.get(desired.model)
        if traffic is None:
            self._models[desired.model] = Traffic(
                desired, make=self._server, noticed=self._look_now.set
            )
            return
        for version in sorted(desired.versions & traffic.servers.keys()):
            known = None
            with contextlib.suppress(SlipwayError):
                known = await self._downloads.digest(desired.model, version)
            if known is not None and traffic.servers[version].digest not in (None, known):
                logger.warning("version %d of %s is another one now", version, desired.model)
                traffic.replace(version)
        traffic.desired = desired

    def _server(self, model: str, version: int, changed: Callable[[], None]) -> ServerProcess:
        return ServerProcess(
            model,
            version,
            fetch=partial(self._downloads.fetch, model, version),
            changed=changed,
            around=self._around,
        )


def run(
    *,
    store: Store,
    versions: Versions,
    scratch: Path,
    port: int,
    host: str = "127.0.0.1",
    poll_seconds: float = 0.25,
    options: Options | None = None,
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
        options: Limits, log and security, of the front door and of every server.
        lifeline: Descriptor of an inherited pipe; when its other end closes, the platform ends.

    Raises:
        BadParameter: Another platform uses this scratch folder, or the tokens file or the TLS
            files cannot be used.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    options = options or Options()
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
        platform = ServingPlatform(
            store=store,
            versions=versions,
            scratch=scratch,
            poll_seconds=poll_seconds,
            options=options,
        )
        app = platform.app()
        run_until_stopped(app, bind(host, port), options=options, lifeline=lifeline)
