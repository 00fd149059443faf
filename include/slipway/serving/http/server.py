"""Run an ASGI application with uvicorn until SIGTERM, then drain; shared by all servers."""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from slipway.errors import BadParameter
from slipway.serving.http.admission import Admission, Limits
from slipway.serving.http.connection import make_protocol
from slipway.serving.http.drain import DrainingServer
from slipway.serving.http.host_check import HostCheck
from slipway.serving.http.tls import load_with_tls, tls_settings
from slipway.serving.parent_watch import on_parent_exit
from slipway.serving.server_options import Options

KEEP_ALIVE_SECONDS = 75
DRAIN_SECONDS = 30
BACKLOG = 1024

logger = logging.getLogger(__name__)


def bind(host: str, port: int) -> socket.socket:
    """Create a listening socket; port 0 picks a free port.

    Raises:
        BadParameter: The address cannot be listened on.
    """
    try:
        return socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        raise BadParameter(
            "the server cannot listen",
            expected="an address of this machine and a port that is free",
            found=str(error),
            where=f"{host}:{port}",
            hint="choose another --port, or 0 for any free one",
        ) from error


def run_until_stopped(
    app: ASGIApp,
    listener: socket.socket,
    *,
    options: Options | None = None,
    parent_pipe: int | None = None,
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Serve an application until SIGTERM, SIGINT or parent exit; then drain and return.

    Args:
        app: The ASGI application.
        listener: Listening socket.
        options: TLS files, and the time limit of a request.
        parent_pipe: Read end of a pipe; EOF on it means that the parent has exited.
        stopping: Called when stopping begins, before draining.

    Raises:
        BadParameter: The TLS files are unusable.
    """
    options = options or Options()
    warn_if_unauthenticated(listener, options)
    server = DrainingServer(
        make_config(app, listener, options=options),
        request_seconds=options.request_seconds,
        stopping=stopping,
    )
    # uvicorn raises the signal again after draining, when nothing is left to stop.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit_quietly)
    if parent_pipe is not None:
        on_parent_exit(parent_pipe, server.stop)
    server.run(sockets=[listener])


def make_config(app: ASGIApp, listener: socket.socket, *, options: Options) -> uvicorn.Config:
    """Configuration of uvicorn with the limits, host names and TLS files of a server.

    Args:
        app: The ASGI application.
        listener: Listening socket; on loopback, other host names are refused by default.
        options: Limits and TLS files.

    Raises:
        BadParameter: The TLS files are unusable.
    """
    limits = Limits(
        connections=options.max_connections,
        per_address=options.max_connections_per_address,
        held_bytes=options.max_held_bytes,
    )
    admission = Admission(limits)
    hosts = HostCheck(options.allowed_hosts, is_local=_is_loopback(listener))
    config = uvicorn.Config(
        app,
        http=make_protocol(admission, hosts),  # type: ignore[arg-type]
        ws="none",
        log_level="warning",
        access_log=False,
        lifespan="on",
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        **tls_settings(options),
    )
    load_with_tls(config, options, admission=admission)
    return config


def warn_if_unauthenticated(listener: socket.socket, options: Options) -> None:
    """Log a warning if the server accepts requests of other machines without tokens."""
    if options.tokens_file is None and not _is_loopback(listener):
        logger.warning(
            "%s accepts requests without a token: SLIPWAY_TOKENS_FILE is not set",
            listener.getsockname()[0],
        )


def _is_loopback(listener: socket.socket) -> bool:
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def _exit_quietly(_number: int, _frame: object) -> None:
    raise SystemExit(0)
