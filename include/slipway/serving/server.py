"""The model server: one process, one model version, Open Inference Protocol V2 over REST.

It knows nothing of traffic. Whoever starts it may hand it a listening socket, and the read end
of a pipe whose closing means that the parent is gone.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from slipway import __version__
from slipway.errors import BadRequest, SlipwayError
from slipway.serving import protocol
from slipway.serving.answering import Limits, LoadedModel, NotLogged, Package, in_one_line, load
from slipway.serving.protocol import Malformed, TooLarge
from slipway.serving.tensors import Mismatch
from slipway.serving.web import (
    MAX_BODY_BYTES,
    REQUEST_ID,
    VERSION,
    bind,
    not_here,
    problem,
    read_body,
    run_until_stopped,
)

LOADING = "the model is being loaded"
STATUS_OF: tuple[tuple[type[SlipwayError], int], ...] = (
    (Malformed, 400),
    (Mismatch, 422),
    (TooLarge, 413),
    (BadRequest, 400),
    (NotLogged, 503),
)

logger = logging.getLogger(__name__)


class ModelServer:
    """The HTTP face of one model version.

    Args:
        model: Its name.
        version: Its version.
        folder: The model version's folder.
        log_folder: Where prediction-log segments lie.
        roll_seconds: A segment is handed to the shipper after so long.
        limits: How much is answered at once.
    """

    def __init__(
        self,
        model: str,
        *,
        version: int,
        folder: Path,
        log_folder: Path,
        roll_seconds: float,
        limits: Limits | None = None,
    ) -> None:
        self.model = model
        self.version = version
        self._folder = folder
        self._log_folder = log_folder
        self._roll_seconds = roll_seconds
        self._limits = limits or Limits()
        self._loaded: LoadedModel | str = LOADING
        self._waiting = 0
        # One thread: the model computes on one core, and the log has one writer.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._metrics = CollectorRegistry()
        self._requests = Counter(
            "slipway_requests", "Infer requests by status.", ["status"], registry=self._metrics
        )
        self._seconds = Histogram(
            "slipway_request_seconds",
            "From the last byte of a request to its answer.",
            registry=self._metrics,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
        )
        info = Gauge(
            "slipway_model", "The version served.", ["model", "version"], registry=self._metrics
        )
        info.labels(model, str(version)).set(1)

    def app(self) -> Starlette:
        """The ASGI application."""
        models = [
            f"/v2/models/{self.model}",
            f"/v2/models/{self.model}/versions/{self.version}",
        ]
        routes = [
            Route("/v2", self._server_metadata),
            Route("/v2/health/live", self._live),
            Route("/v2/health/ready", self._ready),
            Route("/metrics", self._exposition),
            *(Route(path, self._metadata) for path in models),
            *(Route(f"{path}/ready", self._ready) for path in models),
            *(Route(f"{path}/infer", self._infer, methods=["POST"]) for path in models),
        ]
        handlers = {404: not_here, 405: not_here}
        return Starlette(routes=routes, lifespan=self._lifespan, exception_handlers=handlers)

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        chores = asyncio.create_task(self._load_then_roll())
        yield
        chores.cancel()
        self._worker.shutdown(wait=True)
        if isinstance(self._loaded, LoadedModel):
            self._loaded.log.close()

    async def _load_then_roll(self) -> None:
        loop = asyncio.get_running_loop()
        loaded = await loop.run_in_executor(self._worker, self._load)
        if isinstance(loaded, str):
            logger.error("version %d of %s cannot serve: %s", self.version, self.model, loaded)
            self._loaded = loaded
            return
        self._loaded = loaded
        while True:
            await asyncio.sleep(self._roll_seconds / 4)
            await loop.run_in_executor(None, loaded.log.roll)

    def _load(self) -> LoadedModel | str:
        return load(self._folder, make=_load_package, into=self._with_log)

    def _with_log(self, package: Package) -> LoadedModel:
        return LoadedModel(
            self.model,
            self.version,
            package,
            log_folder=self._log_folder,
            roll_seconds=self._roll_seconds,
        )

    async def _server_metadata(self, _request: Request) -> Response:
        about = {"name": "slipway", "version": __version__, "extensions": []}
        return JSONResponse(about)

    async def _live(self, _request: Request) -> Response:
        return JSONResponse({"live": True})

    async def _ready(self, _request: Request) -> Response:
        if isinstance(self._loaded, str):
            # `loading` passes by itself; every other reason stays.
            about = {"ready": False, "error": self._loaded, "loading": self._loaded == LOADING}
            return JSONResponse(about, status_code=503)
        return JSONResponse({"ready": True}, headers={VERSION: str(self.version)})

    async def _metadata(self, _request: Request) -> Response:
        if isinstance(self._loaded, str):
            return problem(503, self._loaded)
        return JSONResponse(protocol.describe(self.model, self.version, self._loaded.signature))

    async def _exposition(self, _request: Request) -> Response:
        return Response(generate_latest(self._metrics), media_type="text/plain; version=0.0.4")

    async def _infer(self, request: Request) -> Response:
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            response = problem(400, "the client went away before its request was read")
        self._requests.labels(str(response.status_code)).inc()
        return response

    async def _answer(self, request: Request) -> Response:
        loaded = self._loaded
        if isinstance(loaded, str):
            return problem(503, loaded)
        body = await read_body(request, max_bytes=MAX_BODY_BYTES)
        if body is None:
            return self._refusal(
                TooLarge(
                    "the request is too large",
                    expected=f"at most {MAX_BODY_BYTES} bytes",
                    hint="send several smaller requests",
                )
            )
        if self._waiting >= self._limits.waiting:
            return problem(503, "too many requests are waiting; ask again")
        self._waiting += 1
        try:
            with self._seconds.time():
                answer = await asyncio.get_running_loop().run_in_executor(
                    self._worker, self._compute, loaded, body, request.headers.get(REQUEST_ID)
                )
        except SlipwayError as error:
            return self._refusal(error)
        finally:
            self._waiting -= 1
        headers = {VERSION: str(self.version)}
        return Response(answer, media_type="application/json", headers=headers)

    def _compute(self, loaded: LoadedModel, body: bytes, fallback_id: str | None) -> bytes:
        return loaded.answer(body, fallback_id=fallback_id, limits=self._limits)

    def _refusal(self, error: SlipwayError) -> Response:
        status = next((code for kind, code in STATUS_OF if isinstance(error, kind)), 500)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.error("%s", in_one_line(error))
        return problem(status, in_one_line(error))


def serve(
    model: str,
    *,
    version: int,
    folder: Path,
    log_folder: Path,
    port: int = 0,
    host: str = "127.0.0.1",
    roll_seconds: float = 2.0,
    listen: int | None = None,
    lifeline: int | None = None,
) -> None:
    """Serve one model version until SIGTERM, then finish what was begun and return.

    Args:
        model: Its name.
        version: Its version.
        folder: The model version's folder.
        log_folder: Where prediction-log segments lie.
        port: Where to listen, unless `listen` is given.
        host: The address to listen on; loopback unless asked otherwise.
        roll_seconds: A log segment is handed to the shipper after so long.
        listen: Descriptor of an inherited listening socket.
        lifeline: Descriptor of an inherited pipe; when its other end closes, the server drains.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    listener = socket.socket(fileno=listen) if listen is not None else bind(host, port)
    server = ModelServer(
        model, version=version, folder=folder, log_folder=log_folder, roll_seconds=roll_seconds
    )
    run_until_stopped(server.app(), listener, lifeline=lifeline)


def _load_package(folder: Path) -> Package:
    from slipway.adapters.model_package import load_package

    return load_package(folder)
