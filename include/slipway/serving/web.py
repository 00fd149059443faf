"""What the model server and the platform share of HTTP: listening, draining, reading, refusing."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

REQUEST_ID = "x-request-id"
VERSION = "x-slipway-version"
MAX_BODY_BYTES = 16 << 20
KEEP_ALIVE_SECONDS = 75
DRAIN_SECONDS = 30


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    return socket.create_server((host, port), backlog=1024)


def run_until_stopped(app: Starlette, listener: socket.socket, *, lifeline: int | None) -> None:
    """Serve an application until SIGTERM, SIGINT or the end of the lifeline; drain; return.

    Args:
        app: The ASGI application.
        listener: Where it listens.
        lifeline: Read end of a pipe; when its other end closes, the parent is gone.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = uvicorn.Server(config)
    # uvicorn raises the signal again once it has drained; by then there is nothing left to stop.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit_quietly)

    def drain() -> None:
        server.should_exit = True

    if lifeline is not None:
        at_the_end_of(lifeline, drain)
    server.run(sockets=[listener])


def at_the_end_of(lifeline: int, act: Callable[[], None]) -> None:
    """Act, in a thread of its own, once the other end of a pipe has closed."""

    def wait() -> None:
        while os.read(lifeline, 1):
            pass
        act()

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


async def read_body(request: Request, *, max_bytes: int) -> bytes | None:
    """The body, or None if it is too large; it is read to its end, else no answer arrives."""
    body: bytearray | None = bytearray()
    async for chunk in request.stream():
        if body is not None:
            body += chunk
            if len(body) > max_bytes:
                body = None
    return None if body is None else bytes(body)


def problem(status: int, message: str) -> Response:
    """A V2 error."""
    return JSONResponse({"error": message}, status_code=status)


async def not_here(_request: Request, error: Exception) -> Response:
    """The answer to a path or a method that is not on offer."""
    return problem(getattr(error, "status_code", 404), "there is no such model, version or path")


def _exit_quietly(_number: int, _frame: object) -> None:
    raise SystemExit(0)
