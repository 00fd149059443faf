"""Pages of the platform itself: health, status, metrics, and errors for unknown paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from slipway import __version__
from slipway.serving.http.auth import is_anonymous
from slipway.serving.http.responses import error_response, not_found
from slipway.serving.platform.proxy.metrics import PlatformMetrics, targets
from slipway.serving.platform.proxy.traffic import Traffic
from slipway.stages.rollout.genuine_state import Forgery
from slipway.stages.rollout.platform import STORE_UNREAD

EXTENSIONS = ["binary_tensor_data"]
UNREAD = "the store was not read yet"


class StatusPages:
    """ASGI pages of the platform.

    Args:
        models: Traffic by model.
        metrics: Metrics of the platform.
        look_now: Makes the platform read the store at once.
        forged: Returns the states that no rollout wrote, by model.

    Attributes:
        has_looked: Whether the store has been read since the platform started.
    """

    def __init__(
        self,
        models: Mapping[str, Traffic],
        *,
        metrics: PlatformMetrics,
        look_now: Callable[[], None],
        forged: Callable[[], Mapping[str, list[Forgery]]] = dict,
    ) -> None:
        self._models = models
        self._forged = forged
        self._metrics = metrics
        self._look_now = look_now
        self.has_looked = False

    def app(self, lifespan: Any) -> Starlette:
        """The ASGI application.

        Args:
            lifespan: Starlette's lifespan, run around the life of the server.
        """
        model = "/v2/models/{model}"
        routes = [
            Route("/v2", self._metadata),
            Route("/v2/health/live", self._live),
            Route("/v2/health/ready", self._ready),
            Route("/metrics", self._exposition),
            Route("/platform/models", self._all),
            Route("/platform/models/{model}", self._one),
            Route("/platform/targets", self._targets),
            Route("/platform/look", self._look, methods=["POST"]),
            Route(f"{model}/ready", self._model_ready),
            Route(f"{model}/versions/{{version:int}}/ready", self._model_ready),
            Route(f"{model}", self._no_model),
            Route(f"{model}/{{rest:path}}", self._no_model, methods=["GET", "POST"]),
        ]
        handlers = {404: not_found, 405: not_found}
        return Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)

    async def _metadata(self, _request: Request) -> Response:
        return JSONResponse({"name": "slipway", "version": __version__, "extensions": EXTENSIONS})

    async def _live(self, _request: Request) -> Response:
        return JSONResponse({"live": True})

    async def _ready(self, request: Request) -> Response:
        """Models without any share do not count."""
        served = {name: traffic for name, traffic in self._models.items() if traffic.weights}
        waiting = [name for name, traffic in served.items() if not traffic.is_ready()]
        if self.has_looked and not waiting:
            return JSONResponse({"ready": True})
        code = "models" if self.has_looked else STORE_UNREAD
        names = ", ".join(waiting) or UNREAD
        text = code if is_anonymous(request) else f"not ready: {names}"
        return JSONResponse({"ready": False, "code": code, "error": text}, status_code=503)

    async def _exposition(self, _request: Request) -> Response:
        return Response(self._metrics.exposition(), media_type="text/plain; version=0.0.4")

    async def _all(self, _request: Request) -> Response:
        models = [self._status(traffic) for _, traffic in sorted(self._models.items())]
        return JSONResponse({"models": models})

    async def _one(self, request: Request) -> Response:
        traffic = self._models.get(request.path_params["model"])
        return self._unknown() if traffic is None else JSONResponse(self._status(traffic))

    def _status(self, traffic: Traffic) -> dict[str, Any]:
        forged = self._forged().get(traffic.model, [])
        return {**traffic.status(), "forged": [asdict(one) for one in forged]}

    async def _targets(self, _request: Request) -> Response:
        return JSONResponse(targets(self._models))

    async def _look(self, _request: Request) -> Response:
        """Read the store now instead of at the next poll."""
        self._look_now()
        return JSONResponse({"looking": True}, status_code=202)

    async def _model_ready(self, request: Request) -> Response:
        traffic = self._models.get(request.path_params["model"])
        if traffic is None:
            return self._unknown()
        if not traffic.is_ready(request.path_params.get("version")):
            return error_response(503, "no server of that model is ready")
        return JSONResponse({"ready": True})

    async def _no_model(self, request: Request) -> Response:
        if request.path_params["model"] in self._models:
            return error_response(404, "there is no such version or path")
        return self._unknown()

    def _unknown(self) -> Response:
        if not self.has_looked:
            # A program that sees the code asks again; a proxy goes by the header.
            wait = {"retry-after": "1"}
            return error_response(503, f"{UNREAD}; ask again", headers=wait, code=STORE_UNREAD)
        return error_response(404, "no such model is served here")
