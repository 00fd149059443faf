"""A server that is stopped drains in its own time, and is not taken for one that hangs."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path

import pytest

from slipway.serving.http.server import bind
from slipway.serving.http.upstream import Upstream
from slipway.serving.platform.supervisor.downloads import Download
from slipway.serving.platform.supervisor.server_process import ServerProcess
from slipway.serving.platform.supervisor.supervised_process import ProcessContext
from slipway.serving.server_options import Options

DRAINS_FOR_3_SECONDS = """
import os, signal, socket, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

server = HTTPServer(("127.0.0.1", 0), Ready, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=int(sys.argv[1]))
server.server_activate()

def drain(*_):
    server.server_close()
    time.sleep(3)
    os._exit(0)

signal.signal(signal.SIGTERM, drain)
server.serve_forever()
"""


class DrainingServer(ServerProcess):
    """A server that refuses connections for three seconds before it ends."""

    async def _spawn(self) -> asyncio.subprocess.Process:
        with bind("127.0.0.1", 0) as listener:
            self.port = listener.getsockname()[1]
            self._upstream = Upstream(self.port)
            command = [sys.executable, "-c", DRAINS_FOR_3_SECONDS, str(listener.fileno())]
            return await self._execute(command, listener.fileno())


async def _download(_: str | None) -> Download:
    raise AssertionError("its process loads no version, so nothing is downloaded")


def test_a_server_that_drains_is_not_killed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It was logged as one that does not answer, and killed while it drained."""
    read_end, write_end = os.pipe()
    context = ProcessContext(tmp_path, tmp_path / "outputs", Options(), read_end, "probe")

    async def stop_once_ready() -> DrainingServer:
        server = DrainingServer("delay", 1, fetch=_download, changed=lambda: None, context=context)
        server.start()
        async with asyncio.timeout(20):
            while not server.ready:  # noqa: ASYNC110 - a process becomes ready in its own time
                await asyncio.sleep(0.05)
        await server.drain()
        return server

    with caplog.at_level(logging.INFO):
        server = asyncio.run(stop_once_ready())
    os.close(read_end)
    os.close(write_end)
    assert server.last_exit == 0
    assert "does not answer" not in caplog.text
