"""The local platform: one process that runs a server per version and routes requests to them.

It reads the desired state from the store and reports the actual state over HTTP.
After a crash it resumes from the store and its downloaded versions.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.types import ASGIApp

from slipway.adapters.signatures import TrustedKeys
from slipway.errors import BadParameter, SlipwayError
from slipway.records.desired_state import DesiredState
from slipway.records.store import Store
from slipway.serving.http.auth import Refusal, require_token
from slipway.serving.http.server import bind, run_until_stopped
from slipway.serving.http.tokens import digest_of, make_token
from slipway.serving.platform.followed_states import FollowedStates
from slipway.serving.platform.proxy.forwarding import Forwarder
from slipway.serving.platform.proxy.metrics import PlatformMetrics
from slipway.serving.platform.proxy.reverse_proxy import ReverseProxy, served_model
from slipway.serving.platform.proxy.traffic import Traffic
from slipway.serving.platform.status_pages import StatusPages
from slipway.serving.platform.supervisor.downloads import Downloads, Versions
from slipway.serving.platform.supervisor.server_process import ServerProcess
from slipway.serving.platform.supervisor.shipper_process import ShipperProcess
from slipway.serving.platform.supervisor.supervised_process import ProcessContext
from slipway.serving.server_options import Options
from slipway.stages.rollout.followed_memory import FollowedMemory
from slipway.stages.rollout.signed_states import StateTrust

logger = logging.getLogger(__name__)


class ServingPlatform:
    """Follows the desired state, and serves the platform's ASGI application.

    Args:
        store: Holds the desired state, and receives the prediction log.
        versions: Source of model versions.
        scratch: Local folder, exclusive to this platform.
        poll_seconds: Interval of reading the desired state.
        options: Limits, log and security of the reverse proxy and of every server.
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
        self._downloads = Downloads(versions, scratch / "models", trusted_keys=options.trusted_keys)
        self._poll_seconds = poll_seconds
        self._options = options
        self._models: dict[str, Traffic] = {}
        keys = options.trusted_keys
        trust = StateTrust(
            store,
            None if keys is None else TrustedKeys(keys),
            memory=FollowedMemory(scratch / "followed"),
        )
        self._states = FollowedStates(store, trust=trust)
        self._metrics = PlatformMetrics(self._models, forged=lambda: self._states.forged)
        self._look_now = asyncio.Event()
        parent_pipe, self._parent_end = os.pipe()
        probe_token = make_token()
        options = replace(options, parent_digest=digest_of(probe_token))
        self._context = ProcessContext(
            scratch / "log", scratch / "output", options, parent_pipe, probe_token
        )
        self._pages = StatusPages(
            self._models,
            metrics=self._metrics,
            look_now=self._look_now.set,
            forged=lambda: self._states.forged,
        )

    def app(self) -> ASGIApp:
        """The ASGI application.

        Raises:
            BadParameter: The tokens file is unusable.
        """
        proxy = ReverseProxy(
            self._models,
            forwarding=Forwarder(self._metrics),
            pages=self._pages.app(self._lifespan),
            max_body_bytes=self._options.max_body_bytes,
        )

        def refused(path: str, reason: Refusal) -> None:
            self._metrics.count_refused(served_model(path, self._models), reason)

        return require_token(proxy, self._options.tokens_file, refused=refused)

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        shipper = ShipperProcess(store_root=self._store.root, context=self._context)
        shipper.start()
        following = asyncio.create_task(self._follow())
        yield
        following.cancel()
        self._downloads.close()
        await asyncio.gather(*(traffic.stop() for traffic in self._models.values()))
        await shipper.stop()

    async def _follow(self) -> None:
        while True:
            # A change during the reading triggers another one.
            self._look_now.clear()
            try:
                await self._look()
            except SlipwayError as error:
                # An unavailable store must not stop the platform.
                logger.warning("the states in force are kept: %s", error)
            except Exception:
                # Nor may what another hand wrote into it: its servers are looked after here, too.
                logger.exception("the states in force are kept")
            for traffic in self._models.values():
                traffic.advance()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), self._poll_seconds)

    async def _look(self) -> None:
        for desired in await asyncio.to_thread(lambda: list(self._states.changed())):
            self._update(desired)
        self._pages.has_looked = True

    def _update(self, desired: DesiredState) -> None:
        """Take over a new desired state."""
        traffic = self._models.get(desired.model)
        if traffic is None:
            self._models[desired.model] = Traffic(
                desired, make=self._server, on_change=self._look_now.set
            )
            return
        traffic.desired = desired

    def _server(
        self, model: str, version: int, sha256: str | None, changed: Callable[[], None]
    ) -> ServerProcess:
        return ServerProcess(
            model,
            version,
            sha256=sha256,
            fetch=partial(self._downloads.fetch, model, version),
            changed=changed,
            context=self._context,
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
    parent_pipe: int | None = None,
) -> None:
    """Run the platform until SIGTERM, then drain requests, ship the log and return.

    Args:
        store: Holds the desired state, and receives the prediction log.
        versions: Source of model versions, the registry.
        scratch: Local folder, exclusive to this platform: downloads, log segments, outputs.
        port: Port to listen on.
        host: Address to listen on; loopback by default.
        poll_seconds: Interval of reading the desired state.
        options: Limits, log and security of the reverse proxy and of every server.
        parent_pipe: Descriptor of an inherited pipe; EOF on it stops the platform.

    Raises:
        BadParameter: Another platform uses this scratch folder, or the tokens file or the TLS
            files are unusable.
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
        run_until_stopped(app, bind(host, port), options=options, parent_pipe=parent_pipe)
