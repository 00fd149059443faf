"""What the model server and the platform share of HTTP: listening, draining, reading, refusing."""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
import ssl
from collections.abc import Callable, Mapping
from http import HTTPStatus

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive

from slipway.errors import BadParameter, BadRequest
from slipway.serving.http.connection import Connection, DrainingServer
from slipway.serving.parent_watch import on_parent_exit
from slipway.serving.server_options import Options
from slipway.serving.v2.errors import TooLarge

REQUEST_ID = "x-request-id"
VERSION = "x-slipway-version"
KEEP_ALIVE_SECONDS = 75
DRAIN_SECONDS = 30
BACKLOG = 1024

logger = logging.getLogger(__name__)


class UnknownEncoding(BadRequest):
    """A body is compressed; sent as it is, it can be read."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    return socket.create_server((host, port), backlog=BACKLOG)


def run_until_stopped(
    app: ASGIApp,
    listener: socket.socket,
    *,
    options: Options | None = None,
    lifeline: int | None = None,
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Serve an application until SIGTERM, SIGINT or the end of the lifeline; drain; return.

    Args:
        app: The ASGI application.
        listener: Where it listens.
        options: Its TLS files, and how long a request may take to arrive.
        lifeline: Read end of a pipe; when its other end closes, the parent is gone.
        stopping: Called at once when it is told to stop, before anything is drained.

    Raises:
        BadParameter: The TLS files cannot be used.
    """
    options = options or Options()
    warn_if_unauthenticated(listener, options)
    server = DrainingServer(
        _config(app, options), request_seconds=options.request_seconds, stopping=stopping
    )
    # uvicorn raises the signal again once it has drained; by then there is nothing left to stop.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit_quietly)
    if lifeline is not None:
        on_parent_exit(lifeline, server.stop)
    server.run(sockets=[listener])


def _config(app: ASGIApp, options: Options) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        log_level="warning",
        access_log=False,
        lifespan="on",
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        ssl_certfile=options.tls_certificate,
        ssl_keyfile=options.tls_key,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise BadParameter(
            "this server cannot speak TLS",
            expected="a PEM certificate and the private key that belongs to it",
            found=f"{type(error).__name__}: {error}",
            where=f"{options.tls_certificate}, {options.tls_key}",
        ) from error
    return config


def warn_if_unauthenticated(listener: socket.socket, options: Options) -> None:
    """Say so if anybody who reaches this machine may ask."""
    address = listener.getsockname()[0]
    if options.tokens_file is None and not ipaddress.ip_address(address).is_loopback:
        logger.warning("anybody who reaches %s may ask: SLIPWAY_TOKENS_FILE is not set", address)


async def receive_body(receive: Receive, headers: Mapping[bytes, bytes], max_bytes: int) -> bytes:
    """The body of a request.

    A body that is refused need not be read: the connection reads on and drops it, for as long as
    a request may take to arrive.

    Args:
        receive: The application's, for this request.
        headers: Of the request.
        max_bytes: A larger body is refused.

    Raises:
        TooLarge: It is larger, or says so.
        UnknownEncoding: It is compressed.
        ClientDisconnect: The client is gone, or was too slow.
    """
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise UnknownEncoding(
            "the body is encoded in a way that is not understood here",
            expected="no content-encoding",
        )
    declared = headers.get(b"content-length")
    # The connection's parser let nothing but digits pass.
    if declared is not None and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    message = await receive()
    if message["type"] == "http.request" and not message["more_body"]:
        body: bytes = message["body"]
        if len(body) <= max_bytes:
            return body
    return await _rest_of_body(message, receive, max_bytes)


async def _rest_of_body(message: Message, receive: Receive, max_bytes: int) -> bytes:
    body = bytearray()
    while message["type"] == "http.request":
        body += message["body"]
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
        if not message["more_body"]:
            return bytes(body)
        message = await receive()
    raise ClientDisconnect


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(
        "the request is too large",
        expected=f"at most {max_bytes} bytes",
        hint="send several smaller requests",
    )


def error_response(status: int, message: str, *, headers: dict[str, str] | None = None) -> Response:
    """A V2 error."""
    return JSONResponse({"error": message}, status_code=status, headers=headers)


async def not_found(_request: Request, error: Exception) -> Response:
    """The answer to a path or a method that is not on offer."""
    status = getattr(error, "status_code", 404)
    headers = getattr(error, "headers", None)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return error_response(status, "this path takes another method", headers=headers)
    return error_response(status, "there is no such model, version or path")


def _exit_quietly(_number: int, _frame: object) -> None:
    raise SystemExit(0)
