"""The model server: one process, one model version, Open Inference Protocol V2 over REST.

It routes no traffic. Its parent may pass a listening socket, and the read end of a pipe on
which EOF means that the parent has exited.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from slipway import __version__
from slipway.serving.http.auth import is_anonymous, require_token
from slipway.serving.http.headers import VERSION
from slipway.serving.http.responses import error_response, not_found
from slipway.serving.http.server import bind, run_until_stopped
from slipway.serving.model_server.infer_endpoint import LOADING, Inference
from slipway.serving.model_server.load_model import load_model
from slipway.serving.model_server.loaded_model import LoadedModel
from slipway.serving.model_server.metrics import Metrics
from slipway.serving.model_server.requests import Log
from slipway.serving.prediction_log.write_ahead_log import unshipped_seconds
from slipway.serving.server_options import Options
from slipway.serving.v2 import openapi
from slipway.serving.v2.model_metadata import model_metadata

EXTENSIONS = ["binary_tensor_data"]
STOPPING = "the server is stopping"
FAILED = "failed"
CODES = {LOADING: "loading", STOPPING: "stopping"}
"""Codes of readiness by problem; any other one has `FAILED`."""

logger = logging.getLogger(__name__)


class ModelServer:
    """ASGI application of one model version.

    Args:
        model: Its name.
        version: Its version.
        folder: The model version's folder.
        log_folder: Folder of the prediction-log segments.
        options: Limits, log and security.
        log: Replaces the write-ahead log in that folder.

    Attributes:
        inference: Answers infer requests.
    """

    def __init__(
        self,
        model: str,
        *,
        version: int,
        folder: Path,
        log_folder: Path,
        options: Options,
        log: Log | None = None,
    ) -> None:
        self.model = model
        self.version = version
        self._folder = folder
        self._log_folder = log_folder / model
        self._log = log or self._log_folder
        self._options = options
        self._is_stopping = False
        self._metrics = Metrics(model, version)
        self._metrics.watch(
            "ready", "1 if the server is ready.", lambda: float(not self._problem())
        )
        self._metrics.watch(
            "log_unshipped_seconds",
            "Age of the oldest unshipped segment.",
            lambda: unshipped_seconds(self._log_folder) or 0.0,
        )
        self._stems = [f"/v2/models/{model}", f"/v2/models/{model}/versions/{version}"]
        self.inference = Inference(
            version,
            version_path=f"{self._stems[1]}/infer",
            options=options,
            metrics=self._metrics,
        )

    def app(self) -> ASGIApp:
        """The ASGI application.

        Raises:
            BadParameter: The tokens file is unusable.
        """
        infer = frozenset(f"{stem}/infer" for stem in self._stems)
        pages = self._pages()

        async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["path"] in infer and scope["method"] == "POST":
                await self.inference(scope, receive, send)
            else:
                await pages(scope, receive, send)

        return require_token(
            dispatch,
            self._options.tokens_file,
            refused=lambda _path, reason: self._metrics.count_refused(reason),
            accepted=self._metrics.count_client,
            parent_digest=self._options.parent_digest,
        )

    def stop(self) -> None:
        """Report not ready; requests in progress are still answered."""
        self._is_stopping = True

    def _pages(self) -> Starlette:
        routes = [
            Route("/v2", self._server_metadata),
            Route("/v2/health/live", self._live),
            Route("/v2/health/ready", self._ready),
            Route("/metrics", self._exposition),
            Route("/openapi.json", self._openapi),
            *(Route(stem, self._metadata) for stem in self._stems),
            *(Route(f"{stem}/ready", self._ready) for stem in self._stems),
            *(Route(f"{stem}/infer", self._live, methods=["POST"]) for stem in self._stems),
        ]
        handlers = {404: not_found, 405: not_found}
        return Starlette(routes=routes, lifespan=self._lifespan, exception_handlers=handlers)

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        background = asyncio.create_task(self._load_then_roll())
        yield
        background.cancel()
        await asyncio.to_thread(self.inference.close)

    async def _load_then_roll(self) -> None:
        loaded = await asyncio.to_thread(self._load)
        if isinstance(loaded, str):
            logger.error("version %d of %s cannot serve: %s", self.version, self.model, loaded)
            self.inference.problem = loaded
            return
        self.inference.begin(loaded)
        logger.info("version %d of %s answers by %s", self.version, self.model, loaded.engine.name)
        while True:
            await asyncio.sleep(self._options.roll_seconds / 4)
            await asyncio.to_thread(loaded.log.roll)

    def _load(self) -> LoadedModel | str:
        return load_model(
            self.model,
            self.version,
            self._folder,
            log=self._log,
            options=self._options,
            metrics=self._metrics,
        )

    def _problem(self) -> str | None:
        return STOPPING if self._is_stopping else self.inference.problem

    async def _server_metadata(self, _request: Request) -> Response:
        return JSONResponse({"name": "slipway", "version": __version__, "extensions": EXTENSIONS})

    async def _live(self, _request: Request) -> Response:
        return JSONResponse({"live": True})

    async def _ready(self, request: Request) -> Response:
        reason = self._problem()
        if reason is not None:
            code = CODES.get(reason, FAILED)
            # An exception may name files and columns.
            text = code if is_anonymous(request) else reason
            # Only `loading` is temporary.
            about = {"ready": False, "code": code, "error": text, "loading": reason == LOADING}
            return JSONResponse(about, status_code=503)
        return JSONResponse({"ready": True}, headers={VERSION: str(self.version)})

    async def _metadata(self, _request: Request) -> Response:
        loaded = self.inference.loaded
        if loaded is None:
            return error_response(503, self.inference.problem or LOADING)
        about = model_metadata(
            self.model, self.version, loaded.signature, engine=loaded.engine.name
        )
        return JSONResponse(about)

    async def _openapi(self, _request: Request) -> Response:
        loaded = self.inference.loaded
        if loaded is None:
            return error_response(503, self.inference.problem or LOADING)
        found = openapi.document(
            self.model,
            self.version,
            loaded.signature,
            max_rows=self._options.max_rows,
            max_body_bytes=self._options.max_body_bytes,
            secured=self._options.tokens_file is not None,
        )
        return JSONResponse(found)

    async def _exposition(self, _request: Request) -> Response:
        # It reads the file system.
        text = await asyncio.to_thread(self._metrics.exposition)
        return Response(text, media_type="text/plain; version=0.0.4")


def serve(
    model: str,
    *,
    version: int,
    folder: Path,
    log_folder: Path,
    options: Options | None = None,
    port: int = 0,
    host: str = "127.0.0.1",
    listen: int | None = None,
    parent_pipe: int | None = None,
    log: Log | None = None,
) -> None:
    """Serve one model version until SIGTERM, then drain and return.

    Args:
        model: Its name.
        version: Its version.
        folder: The model version's folder.
        log_folder: Folder of the prediction-log segments.
        options: Limits, log and security.
        port: Port to listen on, unless `listen` is given.
        host: Address to listen on; loopback by default.
        listen: Descriptor of an inherited listening socket.
        parent_pipe: Descriptor of an inherited pipe; EOF on it drains the server.
        log: Replaces the write-ahead log in that folder.

    Raises:
        BadParameter: The tokens file or the TLS files are unusable.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    options = options or Options()
    server = ModelServer(
        model, version=version, folder=folder, log_folder=log_folder, options=options, log=log
    )
    listener = socket.socket(fileno=listen) if listen is not None else bind(host, port)
    run_until_stopped(
        server.app(),
        listener,
        options=options,
        parent_pipe=parent_pipe,
        stopping=server.stop,
    )
