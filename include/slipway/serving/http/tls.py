"""TLS of a server: its certificate and key, and connections during their handshake.

uvicorn learns of a connection when its handshake is done, so a client that sends none is counted
and limited nowhere, for a minute. Here the handshake begins under the limits of the server.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import uvicorn
from uvicorn.protocols.utils import get_remote_addr
from uvicorn.server import ServerState

from slipway.errors import BadParameter
from slipway.serving.http.admission import Admission, Admitted, network_of
from slipway.serving.server_options import Options

HANDSHAKE_SECONDS = 10.0


def tls_settings(options: Options) -> dict[str, Any]:
    """Settings of uvicorn for TLS; plain HTTP without a certificate."""
    return {"ssl_certfile": options.tls_certificate, "ssl_keyfile": options.tls_key}


def load_with_tls(config: uvicorn.Config, options: Options, *, admission: Admission) -> None:
    """Load a configuration of uvicorn, including its certificate and key.

    Args:
        config: The configuration.
        options: The TLS files.
        admission: Bounds connections during their handshake, too.

    Raises:
        BadParameter: The TLS files are unusable.
    """
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise BadParameter(
            "the TLS files are unusable",
            expected="a PEM certificate and its private key",
            found=f"{type(error).__name__}: {error}",
            where=f"{options.tls_certificate}, {options.tls_key}",
        ) from error
    if config.ssl is not None:
        config.http_protocol_class = cast(
            type[asyncio.Protocol],
            partial(
                Handshake,
                make=config.http_protocol_class,
                context=config.ssl,
                admission=admission,
            ),
        )
        config.ssl = None


class Handshake(asyncio.Protocol):
    """A connection until its TLS handshake is done; then another protocol takes over.

    Args:
        make: Makes that protocol.
        context: Certificate and key.
        admission: Bounds the connections of the server.
        server_state: Connections of uvicorn, which waits for them as it drains.
        named: Further arguments of that protocol.

    Attributes:
        address: Address of the client, by which connections are counted.
        held: Bytes of request bodies; none.
    """

    def __init__(
        self,
        *,
        make: Callable[..., Any],
        context: ssl.SSLContext,
        admission: Admission,
        server_state: ServerState,
        **named: Any,
    ) -> None:
        self.address = ""
        self.held = 0
        self._make = partial(make, server_state=server_state, on_made=self._leave, **named)
        self._context = context
        self._admission = admission
        self._connections: set[Any] = server_state.connections
        self._is_draining = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake unless there are too many connections."""
        first = cast(asyncio.Transport, transport)
        client = get_remote_addr(first)
        self.address = network_of(client[0]) if client else ""
        is_admitted = self._admission.admit(self) is not Admitted.NO
        if is_admitted:
            # The event loop makes another transport of the socket, of which nothing was read yet.
            copy = os.dup(first.get_extra_info("socket").fileno())
            self._socket = socket.socket(fileno=copy)
            self._task = asyncio.get_running_loop().create_task(self._complete())
            self._connections.add(self)
        else:
            self._admission.leave(self)
        first.abort()

    def evict(self, _text: str) -> None:
        """Close the connection in favour of others."""
        self._task.cancel()

    def shutdown(self) -> None:
        """Let the connection drain once its handshake is done."""
        self._is_draining = True

    async def _complete(self) -> None:
        try:
            _, connection = await asyncio.get_running_loop().connect_accepted_socket(
                self._make,
                self._socket,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
        except (OSError, asyncio.CancelledError):
            # The client disconnected, took too long, speaks no TLS, or was evicted.
            self._socket.close()
        else:
            if self._is_draining:
                connection.shutdown()
        finally:
            self._leave()

    def _leave(self) -> None:
        self._admission.leave(self)
        self._connections.discard(self)
